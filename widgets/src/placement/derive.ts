// The graph that is drawn: the learner's own, each op under its device, and a Send and a Recv where a tensor crosses.
//
// What the kernel sends of a placement is short: for each op the number of its device, and what crosses. The rest follows.

import { fromColumns, type Graph } from "../graph/columns.ts";
import { PARTS, type Columns } from "../graph/types.ts";

/** [op, slot (-1: only that it has run), device that takes it, name of the Send, name of the Recv, bytes] */
export type Crossing = [op: number, slot: number, to: number, send: string, recv: string, bytes: number];

export interface Placed {
  on: number[]; // per op, the number of its device
  over: Crossing[];
  seconds: number[]; // per op, in the simulated step
}

/** A graph under devices, and what its nodes are called elsewhere. */
export interface Derived {
  graph: Graph;
  lanes: string[]; // labels of the devices that have ops, in the order of the cluster
  real: string[]; // per node: the op's name, or the Send's or Recv's in the trace
  ops: number; // nodes from here on are Sends and Recvs, in turns
  names: Map<string, string>; // from real names to those here
  bytes: number[]; // per Send and Recv
}

export function derive(base: Graph, labels: string[], { on, over }: Placed, text: (bytes: number) => string): Derived {
  const { columns } = base, n = base.n;
  const lane = (device: number) => labels[device] ?? `device ${device}`;
  const names = base.names.map((name, i) => `${lane(on[i]!)}/${name}`);
  const real = [...base.names];
  const op = [...columns.op], site = [...columns.site], part = [...columns.part], flops = [...columns.flops];
  const outputs = [...columns.outputs], outputTypes = [...columns.outputTypes], ops = [...columns.ops];
  const send = ops.push("_Send") - 1, recv = ops.push("_Recv") - 1;
  const from: number[] = [], slot: number[] = [], to: number[] = [], input: number[] = [];
  const wire = (a: number, s: number, b: number, at: number) => { from.push(a); slot.push(s); to.push(b); input.push(at); };
  const taken = new Set(names), arrives = new Map<string, number>(), bytes: number[] = [];
  const unique = (name: string) => {
    while (taken.has(name)) name += "'";
    taken.add(name);
    return name;
  };
  let count = 0;
  for (const [source, out, device, sendName, recvName, size] of over) {
    if (out < 0) continue; // that an op has run is told without a tensor: not drawn
    count++;
    const type = base.edgeType(Array.from(base.outEdges(source)).find(e => base.slot[e] === out)!);
    for (const [kind, where, called] of [[send, on[source]!, sendName], [recv, device, recvName]] as const) {
      names.push(unique(`${lane(where)}/${kind === send ? "Send" : "Recv"} ${count}: ${text(size)}`));
      real.push(called);
      op.push(kind);
      site.push(columns.site[source]!);
      part.push(columns.part[source] === PARTS.indexOf("gradient") || columns.part[source] === PARTS.indexOf("optimizer") ? columns.part[source]! : 0);
      flops.push(0);
      outputs.push(1);
      outputTypes.push(type);
      bytes.push(size);
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
    graph: fromColumns(derived), real, ops: n, bytes, lanes: labels.filter((_, device) => used.has(device)),
    names: new Map(real.map((name, i) => [name, names[i]!])),
  };
}

/** What a trait holds: JSON, compressed. */
export async function unpack<T>(bytes: DataView): Promise<T> {
  const part = new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
  return JSON.parse(await new Response(new Blob([part]).stream().pipeThrough(new DecompressionStream("deflate"))).text());
}
