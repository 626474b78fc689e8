// The graph that is drawn: the learner's own, each op under its device, and a Send and a Recv where a tensor crosses.
//
// What the kernel sends of a placement is short: for each op the number of its device, and what crosses. The rest follows.

import { fromColumns, type Graph } from "../graph/columns.ts";
import { PARTS, type Columns } from "../graph/types.ts";
import { short } from "../trace/scale.ts";

/** [op, slot (-1: only that it has run), device that takes it, name of the Send, name of the Recv, bytes] */
export type Crossing = [op: number, slot: number, to: number, send: string, recv: string, bytes: number];

/** What a device does in the step; `over` is what is said if its memory is too small. */
export type Figures = [device: number, ops: number, busy: number, peak: number, over: string];

/** How things stand, as the kernel says it. */
export interface Placed {
  on: number[]; // per op, the number of its device
  seconds: number[]; // per op, in the simulated step
  over: Crossing[];
  method: string;
  step: number | null; // seconds; null: it cannot run
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

/** What crosses as one box on each side: a tensor; of many tensors, all that one box sends to one device. */
export interface Tab {
  crossings: Crossing[];
  bytes: number;
}

const MOST_TABS = 12; // tensors: if more cross, those of one box are shown together

/** A graph under devices, and what its nodes are called elsewhere. */
export interface Derived {
  graph: Graph;
  lanes: string[]; // labels of the devices that have ops, in the order of the cluster
  on: number[]; // per node, the number of its device
  real: string[]; // per node: the op's name, or the Send's or Recv's in the trace
  ops: number; // nodes from here on are Sends and Recvs, in turns
  tabs: Tab[]; // per pair of Send and Recv
  names: Map<string, string>; // from real names to those here
}

/**
 * Names as they are drawn. Gradients and updates of different layers need not run together: those of `gradients/hidden/...`
 * are a box of their own, "∇ hidden", those of `GradientDescent/update_hidden/...` another; or all of them would be one box
 * that everything waits for. For the same reason an op that has the name of a scope (the train op) does not stand in it.
 */
export function shownNames(base: Graph): string[] {
  const parts = new Map<string, Set<string>>(); // of outermost scopes
  base.names.forEach((name, i) => {
    const outer = name.slice(0, Math.max(0, name.indexOf("/")));
    if (outer) parts.set(outer, (parts.get(outer) ?? new Set()).add(base.part(i)));
  });
  const taken = new Set(base.names);
  const shown = base.names.map((name, i) => {
    const cut = name.indexOf("/"), outer = name.slice(0, Math.max(0, cut));
    if (cut < 0 && parts.has(name)) return unique(`${name}: ${base.opType(i)}`, taken);
    const [part, ...others] = parts.get(outer) ?? [];
    if (others.length || (part !== "gradient" && part !== "optimizer") || name.indexOf("/", cut + 1) < 0) return name;
    const [scope, ...inner] = name.slice(cut + 1).split("/");
    return unique(`${part === "gradient" && outer.startsWith("gradients") ? "\u2207 " : `${outer}\u2215`}${scope}/${inner.join("/")}`, taken);
  });
  // Sums and such that stand in `gradients` itself go with what takes them.
  for (let i = base.n - 1; i >= 0; i--) {
    const [outer, leaf, more] = base.names[i]!.split("/");
    if (outer !== "gradients" || leaf === undefined || more !== undefined) continue;
    const taker = Array.from(base.outEdges(i), e => shown[base.to[e]!]!).find(name => name.startsWith("\u2207 "));
    if (taker) shown[i] = unique(`${taker.split("/", 1)[0]}/${leaf}`, taken);
  }
  return shown;
}

function unique(name: string, taken: Set<string>): string {
  while (taken.has(name)) name += "'";
  taken.add(name);
  return name;
}

export function derive(base: Graph, shown: string[], labels: string[], placed: Placed): Derived {
  const { on } = placed;
  const { columns } = base, n = base.n;
  const lane = (device: number) => labels[device] ?? `device ${device}`;
  const names = shown.map((name, i) => `${lane(on[i]!)}/${name}`);
  const real = [...base.names], where = [...on];
  const op = [...columns.op], site = [...columns.site], part = [...columns.part], flops = [...columns.flops];
  const outputs = [...columns.outputs], outputTypes = [...columns.outputTypes], ops = [...columns.ops];
  const send = ops.push("_Send") - 1, recv = ops.push("_Recv") - 1;
  const from: number[] = [], slot: number[] = [], to: number[] = [], input: number[] = [];
  const wire = (a: number, s: number, b: number, at: number) => { from.push(a); slot.push(s); to.push(b); input.push(at); };
  const taken = new Set(names), arrives = new Map<string, [node: number, slot: number]>();
  const tabs = tabsOf(shown, placed);
  tabs.forEach(({ crossings, bytes }, i) => {
    const [source, , device] = crossings[0]!;
    const later = columns.part[source] === PARTS.indexOf("gradient") || columns.part[source] === PARTS.indexOf("optimizer");
    const many = crossings.length > 1 ? `\u00d7${crossings.length}` : "";
    for (const kind of [send, recv]) {
      const at = kind === send ? on[source]! : device;
      names.push(unique(`${lane(at)}/${kind === send ? "Send" : "Recv"} ${i + 1}${many}: ${short(bytes, "B")}`, taken));
      real.push(crossings[0]![kind === send ? 3 : 4]);
      where.push(at);
      op.push(kind);
      site.push(columns.site[source]!);
      part.push(later ? columns.part[source]! : 0);
      flops.push(0);
      outputs.push(crossings.length);
      for (const [made, out] of crossings) outputTypes.push(base.types.indexOf(base.outputs(made)[out]!));
    }
    const here = names.length - 2;
    crossings.forEach(([made, out], k) => {
      wire(made, out, here, k);
      wire(here, k, here + 1, k);
      arrives.set(`${made} ${out} ${device}`, [here + 1, k]);
    });
  });
  for (let e = 0; e < base.edges; e++) {
    const a = base.from[e]!, b = base.to[e]!, s = base.slot[e]!;
    const arrived = on[a] === on[b] ? [a, s] as const : arrives.get(`${a} ${s} ${on[b]}`);
    if (arrived) wire(arrived[0], arrived[1], b, base.input[e]!);
  }
  const derived: Columns = {
    ...columns, names, ops, op, device: names.map(() => 0), site, part, outputs, outputTypes, flops, from, slot, to, input,
  };
  const used = new Set(on);
  return {
    graph: fromColumns(derived), real, on: where, ops: n, tabs, lanes: labels.filter((_, device) => used.has(device)),
    names: new Map([
      ...real.slice(0, n).map((name, i) => [name, names[i]!] as const),
      ...tabs.flatMap(({ crossings }, i) => crossings.flatMap(([, , , s, r]) => [[s, names[n + 2 * i]!], [r, names[n + 2 * i + 1]!]] as const)),
    ]),
  };
}

/** What is drawn of what crosses. That an op has run is told without a tensor, and not drawn. */
function tabsOf(shown: string[], { on, over }: Placed): Tab[] {
  const tensors = over.filter(([, out]) => out >= 0);
  const groups = new Map<string, Crossing[]>();
  tensors.forEach((crossing, i) => {
    const [source, , device] = crossing;
    const key = tensors.length > MOST_TABS ? `${on[source]} ${device} ${shown[source]!.split("/", 1)[0]}` : String(i);
    groups.set(key, [...(groups.get(key) ?? []), crossing]);
  });
  return [...groups.values()].map(crossings => ({ crossings, bytes: crossings.reduce((sum, crossing) => sum + crossing[5], 0) }));
}

/** What a trait holds: JSON, compressed. */
export async function unpack<T>(bytes: DataView): Promise<T> {
  const part = new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
  return JSON.parse(await new Response(new Blob([part]).stream().pipeThrough(new DecompressionStream("deflate"))).text());
}
