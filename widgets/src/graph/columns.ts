// The graph as the page holds it: the kernel's columns, unpacked, checked, and with both directions of its edges.

import { PARTS, type Columns, type Part, type TensorType } from "./types.ts";

export class Graph {
  readonly n: number;
  readonly names: string[];
  readonly from: Int32Array; // per edge
  readonly slot: Int32Array; // -1: a control edge
  readonly to: Int32Array;
  readonly input: Int32Array;
  readonly ops: string[];
  readonly op: Int32Array;
  readonly parts: Int32Array;
  readonly types: TensorType[];
  readonly flops: (number | null)[];
  readonly columns: Columns;
  private outStart: Int32Array; // edges by the node that they leave, and by the node that they enter
  private outList: Int32Array;
  private inStart: Int32Array;
  private inList: Int32Array;
  private firstOutput: Int32Array; // per node, where its outputs begin in outputTypes
  private byName: Map<string, number> | null = null;

  constructor(columns: Columns) {
    check(columns);
    this.columns = columns;
    this.n = columns.names.length;
    this.names = columns.names;
    this.ops = columns.ops;
    this.types = columns.types;
    this.flops = columns.flops;
    this.op = Int32Array.from(columns.op);
    this.parts = Int32Array.from(columns.part);
    this.from = Int32Array.from(columns.from);
    this.slot = Int32Array.from(columns.slot);
    this.to = Int32Array.from(columns.to);
    this.input = Int32Array.from(columns.input);
    [this.outStart, this.outList] = gather(this.n, this.from);
    [this.inStart, this.inList] = gather(this.n, this.to);
    this.firstOutput = new Int32Array(this.n + 1);
    for (let i = 0; i < this.n; i++) this.firstOutput[i + 1] = this.firstOutput[i]! + columns.outputs[i]!;
  }

  get edges(): number {
    return this.from.length;
  }

  opType(i: number): string {
    return this.ops[this.op[i]!]!;
  }

  part(i: number): Part {
    return PARTS[this.parts[i]!]!;
  }

  device(i: number): string {
    return this.columns.devices[this.columns.device[i]!] ?? "";
  }

  site(i: number): string {
    return this.columns.sites[this.columns.site[i]!] ?? "";
  }

  /** The kinds of a node's outputs, in order. */
  outputs(i: number): TensorType[] {
    const kinds: TensorType[] = [];
    for (let at = this.firstOutput[i]!; at < this.firstOutput[i + 1]!; at++) kinds.push(this.types[this.columns.outputTypes[at]!]!);
    return kinds;
  }

  /** What flows along an edge, as an index into `types`; -1 for a control edge. */
  edgeType(edge: number): number {
    const slot = this.slot[edge]!;
    return slot < 0 ? -1 : this.columns.outputTypes[this.firstOutput[this.from[edge]!]! + slot]!;
  }

  /** Indices of the edges that leave a node; those that enter it, in the order of its inputs. */
  outEdges(i: number): Int32Array {
    return this.outList.subarray(this.outStart[i], this.outStart[i + 1]);
  }

  inEdges(i: number): Int32Array {
    return this.inList.subarray(this.inStart[i], this.inStart[i + 1]);
  }

  /** The node of that name, or -1. */
  find(name: string): number {
    this.byName ??= new Map(this.names.map((known, i) => [known, i]));
    return this.byName.get(name) ?? -1;
  }
}

export function fromColumns(columns: Columns): Graph {
  return new Graph(columns);
}

/** What the trait holds (zlib-compressed JSON) as a graph. */
export async function decode(bytes: DataView): Promise<Graph> {
  const part = new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
  const stream = new Blob([part]).stream().pipeThrough(new DecompressionStream("deflate"));
  let columns: Columns;
  try {
    columns = JSON.parse(await new Response(stream).text());
  } catch (error) {
    throw new Error(`The graph's bytes cannot be read (${error instanceof Error ? error.message : error}). Run the cell again.`);
  }
  return new Graph(columns);
}

/** Groups indices by key: those of key k are list[start[k]] to list[start[k + 1] - 1], in order. */
export function gather(n: number, keys: ArrayLike<number>): [start: Int32Array, list: Int32Array] {
  const start = new Int32Array(n + 1);
  for (let i = 0; i < keys.length; i++) start[keys[i]! + 1]!++;
  for (let k = 0; k < n; k++) start[k + 1]! += start[k]!;
  const next = start.slice(0, n);
  const list = new Int32Array(keys.length);
  for (let i = 0; i < keys.length; i++) list[next[keys[i]!]!++] = i;
  return [start, list];
}

function check(columns: Columns): void {
  const wrong = (what: string): never => {
    throw new Error(`The graph that came from the kernel does not hold together: ${what}. ` +
      "The page and the kernel may run different versions of labkit: restart the kernel and reload the page.");
  };
  const all = ["names", "ops", "op", "devices", "device", "sites", "site", "part", "types", "outputs", "outputTypes",
    "from", "slot", "to", "input", "flops"] as const;
  for (const name of all) if (!Array.isArray(columns?.[name])) wrong(`"${name}" is missing`);
  const n = columns.names.length;
  const within = (name: "op" | "device" | "site" | "part" | "outputs" | "outputTypes" | "from" | "slot" | "to" | "input",
    length: number, least: number, limit: number) => {
    const column = columns[name];
    if (column.length !== length) wrong(`"${name}" has ${column.length} entries for ${length}`);
    for (const value of column) {
      if (!Number.isInteger(value) || value < least || value >= limit) wrong(`"${name}" holds ${value}, outside ${least} to ${limit - 1}`);
    }
  };
  for (const name of columns.names) if (typeof name !== "string") wrong("a name is not text");
  within("op", n, 0, columns.ops.length);
  within("device", n, 0, Math.max(1, columns.devices.length));
  within("site", n, -1, columns.sites.length);
  within("part", n, 0, PARTS.length);
  within("outputs", n, 0, 2 ** 31);
  const outputs = columns.outputs.reduce((sum, count) => sum + count, 0);
  within("outputTypes", outputs, 0, columns.types.length);
  if (columns.flops.length !== n) wrong(`"flops" has ${columns.flops.length} entries for ${n}`);
  const edges = columns.from.length;
  within("from", edges, 0, n);
  within("to", edges, 0, n);
  within("slot", edges, -1, 2 ** 31);
  within("input", edges, -1, 2 ** 31);
  for (let e = 0; e < edges; e++) {
    const outs = columns.outputs[columns.from[e]!]!;
    if (columns.slot[e]! >= outs) wrong(`an edge leaves output ${columns.slot[e]} of "${columns.names[columns.from[e]!]}", which has ${outs}`);
  }
}
