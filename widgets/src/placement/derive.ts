// The graph that is drawn: the learner's own, each op under its device, and a Send and a Recv where a tensor crosses.
//
// What the kernel sends of a placement is short: for each op the number of its device, and what crosses. The rest follows.

import { fromColumns, type Graph } from "../graph/columns.ts";
import { PARTS, type Columns } from "../graph/types.ts";
import { short } from "../trace/scale.ts";

/** [op, slot (-1: only that it has run), device that takes it, name of the Send, name of the Recv, bytes] */
export type Crossing = [op: number, slot: number, to: number, send: string, recv: string, bytes: number];

/** What a device of the placement does. */
export interface Figures {
  device: number;
  ops: number;
  busy?: number;
  peak?: number;
  over: string; // what is said if its memory is too small
}

/** How things stand, as the kernel says it. */
export interface Placed {
  on: number[]; // per op, the number of its device
  seconds: number[]; // per op, in the simulated step
  over: Crossing[];
  method: string;
  seconds_of_step: number | null;
  before: number | null;
  moved: number;
  undo: boolean;
  redo: boolean;
  devices: Figures[];
  note: string;
  failure: string;
}

/** The cluster, and what may be chosen. */
export interface Machines {
  cluster: string;
  title: string;
  ready: string[];
  methods: [method: string, words: string][];
  devices: [name: string, label: string, kind: string, memory: number][];
}

/** A graph under devices, and what its nodes are called elsewhere. */
export interface Derived {
  graph: Graph;
  lanes: string[]; // labels of the devices that have ops, in the order of the cluster
  on: number[]; // per node, the number of its device
  real: string[]; // per node: the op's name, or the Send's or Recv's in the trace
  ops: number; // nodes from here on are Sends and Recvs, in turns
  source: number[]; // per pair of Send and Recv, the op whose output crosses
  names: Map<string, string>; // from real names to those here
}

/**
 * Names as they are drawn. Gradients and updates of different layers need not run together: `gradients/hidden/...` and
 * `gradients/logits/...` are boxes of their own, or all of them would be one box that everything waits for.
 */
export function shownNames(base: Graph): string[] {
  const apart = new Map<string, boolean>();
  base.names.forEach((name, i) => {
    const outer = name.slice(0, name.indexOf("/") + 1), part = base.part(i);
    if (outer) apart.set(outer, (apart.get(outer) ?? true) && (part === "gradient" || part === "optimizer"));
  });
  return base.names.map(name => {
    const cut = name.indexOf("/");
    if (cut < 0 || !apart.get(name.slice(0, cut + 1)) || name.indexOf("/", cut + 1) < 0) return name;
    return `${name.slice(0, cut)}\u2215${name.slice(cut + 1)}`;
  });
}

export function derive(base: Graph, shown: string[], labels: string[], { on, over }: Placed): Derived {
  const { columns } = base, n = base.n;
  const lane = (device: number) => labels[device] ?? `device ${device}`;
  const names = shown.map((name, i) => `${lane(on[i]!)}/${name}`);
  const real = [...base.names], where = [...on];
  const op = [...columns.op], site = [...columns.site], part = [...columns.part], flops = [...columns.flops];
  const outputs = [...columns.outputs], outputTypes = [...columns.outputTypes], ops = [...columns.ops];
  const send = ops.push("_Send") - 1, recv = ops.push("_Recv") - 1;
  const from: number[] = [], slot: number[] = [], to: number[] = [], input: number[] = [];
  const wire = (a: number, s: number, b: number, at: number) => { from.push(a); slot.push(s); to.push(b); input.push(at); };
  const taken = new Set(names), arrives = new Map<string, number>(), sources: number[] = [];
  const unique = (name: string) => {
    while (taken.has(name)) name += "'";
    taken.add(name);
    return name;
  };
  let count = 0;
  for (const [source, out, device, sendName, recvName, size] of over) {
    if (out < 0) continue; // that an op has run is told without a tensor: not drawn
    count++;
    sources.push(source);
    const later = columns.part[source] === PARTS.indexOf("gradient") || columns.part[source] === PARTS.indexOf("optimizer");
    for (const [kind, at, called] of [[send, on[source]!, sendName], [recv, device, recvName]] as const) {
      names.push(unique(`${lane(at)}/${kind === send ? "Send" : "Recv"} ${count}: ${short(size, "B")}`));
      real.push(called);
      where.push(at);
      op.push(kind);
      site.push(columns.site[source]!);
      part.push(later ? columns.part[source]! : 0);
      flops.push(0);
      outputs.push(1);
      outputTypes.push(base.types.indexOf(base.outputs(source)[out]!));
    }
    wire(source, out, names.length - 2, 0);
    wire(names.length - 2, 0, names.length - 1, 0);
    arrives.set(`${source} ${out} ${device}`, names.length - 1);
  }
  for (let e = 0; e < base.edges; e++) {
    const a = base.from[e]!, b = base.to[e]!, s = base.slot[e]!;
    if (on[a] === on[b]) wire(a, s, b, base.input[e]!);
    else {
      const arrived = arrives.get(`${a} ${s} ${on[b]}`);
      if (arrived !== undefined) wire(arrived, 0, b, base.input[e]!);
    }
  }
  const derived: Columns = {
    ...columns, names, ops, op, device: names.map(() => 0), site, part, outputs, outputTypes, flops, from, slot, to, input,
  };
  const used = new Set(on);
  return {
    graph: fromColumns(derived), real, on: where, ops: n, source: sources, lanes: labels.filter((_, device) => used.has(device)),
    names: new Map(real.map((name, i) => [name, names[i]!])),
  };
}

/** What a trait holds: JSON, compressed. */
export async function unpack<T>(bytes: DataView): Promise<T> {
  const part = new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
  return JSON.parse(await new Response(new Blob([part]).stream().pipeThrough(new DecompressionStream("deflate"))).text());
}
