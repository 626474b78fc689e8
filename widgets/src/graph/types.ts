// The words that the parts of the graph picture share: columns (from the kernel) -> Graph -> Scene -> DOM.

/** What the kernel sends: zlib-compressed JSON in one Bytes trait. Lists per node are in the order of creation. */
export interface Columns {
  names: string[];
  ops: string[]; // distinct op types
  op: number[]; // per node, index into ops
  devices: string[];
  device: number[];
  sites: string[]; // distinct lines of the learner's: `cell In[2], line 7: y = x @ w`
  site: number[]; // -1: none
  part: number[]; // per node, index into PARTS
  types: TensorType[]; // distinct kinds of values
  outputs: number[]; // per node, how many outputs
  outputTypes: number[]; // for all outputs, node after node, index into types
  from: number[]; // per edge: the node it comes from
  slot: number[]; // which of its outputs; -1: a control edge
  to: number[]; // the node it goes to
  input: number[]; // which of that node's inputs; -1: a control edge
  flops: (number | null)[]; // per node, where a formula and the sizes are known
}

export interface TensorType {
  dtype: string; // "float32"
  shape: string; // "(?, 784)"; "<unknown>" where even the rank is not known
  bytes: number | null; // null where a size is not known
}

export const PARTS = ["forward", "gradient", "optimizer", "state", "input", "constant", "other"] as const;
export type Part = (typeof PARTS)[number];

/** What is drawn: a function of the graph and of this. It is a synced trait, so it can be saved, undone and tested. */
export interface ViewState {
  root: string; // "" or the scope that stands alone
  open: string[]; // scopes and series that are open, by id
  horizontal: boolean; // data flows to the right; else downward
  hubs: "aside" | "inline"; // nodes that nearly everything uses: drawn as small references at their users, or as nodes
  series: boolean; // fold repeated blocks to "x N"
  control: boolean; // draw control edges
  hidden: Part[]; // parts that are left out
  lanes?: string[]; // the outermost scopes are devices, drawn as lanes in this order: see lanes.ts
}

/**
 * A box. Ids are unique within a Scene and stable between Scenes of the same graph. Those of hubs: "hub:" + what it stands
 * for + "@" + the box beside it, and ">" at the end if data goes to it; what enters or leaves a scope that stands alone is
 * "hub:" + the outer item + "@in" or "@out".
 */
export interface Item {
  id: string; // an op's name; a scope's path + "/"; "series:" + path of the first; "hub:" + op + "@" + user
  kind: "op" | "scope" | "series" | "hub";
  label: string; // the last part of the name; for a series the common stem
  detail: string; // an op's type; "12 ops"; "x 20"
  node: number; // index of the op, else -1
  nodes: number; // how many ops are inside
  repeat: number; // of a series, else 1
  part: Part;
  parent: string | null; // the open scope that it stands in
  depth: number;
  open: boolean; // an open scope is a frame around its items
  x: number; // absolute, whole numbers, left upper corner
  y: number;
  w: number;
  h: number;
  target?: string; // of a hub: the id of what it stands for (an op, a scope; perhaps inside a closed one)
}

/** One arrow, or several between the same two boxes drawn as one. */
export interface Wire {
  id: string; // from + "→" + to, "!" added for control
  from: string; // ids of items
  to: string;
  points: number[]; // x0, y0, x1, y1, ...: where it goes through
  control: boolean;
  back: boolean; // against the flow: it closes a loop
  edges: number[]; // indices of the graph's edges that it stands for
  type: number; // index into types if all carry the same, else -1
  bytes: number; // sum where known, 0 otherwise
  labelX: number; // where its label has room
  labelY: number;
}

export interface Scene {
  items: Item[]; // frames before what stands in them
  wires: Wire[];
  width: number;
  height: number;
}
