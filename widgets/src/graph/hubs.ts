// Hubs: what nearly everything uses (a learning rate, a step counter, the op that joins all updates). A wire from it to
// each of its users would hide all else, so a small reference stands beside each user instead.

import type { Graph } from "./columns.ts";
import { Pairs } from "./pairs.ts";
import type { Lifted } from "./plan.ts";
import type { Tree } from "./tree.ts";

export const CROWD = 15; // fewer boxes than this need no hubs
const FEWEST = 6; // what fewer boxes share is no hub
const SHARED = 24; // a variable or constant that so many ops read is a hub wherever it stands
const CONTROLS = 4; // more control edges than this at one box are not drawn

/** Per edge, tree nodes or -1. See `setAside` and `crowds`. */
export interface Hubs {
  from: Int32Array; // the hub that it comes from: drawn as a reference at its end
  to: Int32Array; // the hub that it goes to: as a reference at its start
  entered: Int32Array; // the scope that `from` is a hub for: it counts while that is open; -1: always
  left: Int32Array; // the same for `to`
}

export function noHubs(edges: number): Hubs {
  const none = () => new Int32Array(edges).fill(-1);
  return { from: none(), to: none(), entered: none(), left: none() };
}

/** Ops with more control edges than can be followed by eye. */
export function busyControl(graph: Graph): Uint8Array {
  const outs = new Int32Array(graph.n), ins = new Int32Array(graph.n);
  for (let e = 0; e < graph.edges; e++) {
    if (graph.slot[e]! >= 0) continue;
    outs[graph.from[e]!]!++;
    ins[graph.to[e]!]!++;
  }
  return Uint8Array.from(outs, (out, i) => (out > CONTROLS || ins[i]! > CONTROLS ? 1 : 0));
}

/** Hubs among so many boxes of one scope: what very many of them come from or go to. */
export function setAside(graph: Graph, { top, left, right }: Lifted, hubs: Hubs, edges: ArrayLike<number>, boxes: number): void {
  const many = enough(boxes);
  const data = (e: number) => graph.slot[e]! >= 0, control = (e: number) => graph.slot[e]! < 0;
  const outs = degrees(edges, data, left, right), ins = degrees(edges, data, right, left);
  const outControl = degrees(edges, control, left, right), inControl = degrees(edges, control, right, left);
  for (let k = 0; k < edges.length; k++) {
    const e = edges[k]!;
    const a = left[e]!, b = right[e]!;
    if (control(e)) {
      if ((outControl.get(a) ?? 0) > CONTROLS || (inControl.get(b) ?? 0) > CONTROLS) top[e] = -1;
      continue;
    }
    const out = outs.get(a) ?? 0, into = ins.get(b) ?? 0;
    if (out >= many && out >= into) hubs.from[e] = a;
    else if (into >= many) hubs.to[e] = b;
  }
}

/**
 * Hubs for what is in an open scope: something outside that very many boxes within are joined with, and variables and
 * constants that very many ops share. Closed, the scope is one box, and one wire joins it.
 */
export function crowds(graph: Graph, tree: Tree, parent: number[], count: number[], { top, left, right }: Lifted, hubs: Hubs, lanes = false): void {
  const boxes = new Int32Array(parent.length);
  for (let t = 1; t < parent.length; t++) if (count[t]! > 0) boxes[parent[t]!]!++;
  const shared = sharedSources(graph);
  // For each crowd, each neighbour outside of it and each direction (a side): how many different boxes are joined with it.
  const sides = new Pairs(graph.edges);
  const events: number[] = [], at: number[] = []; // edge, crowd, box, side; per side how often
  const climb = (e: number, leaf: number, outside: number, out: number) => {
    for (let box = leaf, t = parent[leaf]!; t !== top[e]; box = t, t = parent[t]!) {
      if (boxes[t]! < CROWD) continue;
      const side = sides.at(2 * t + out, outside);
      at[side] = (at[side] ?? 0) + 1;
      events.push(e, t, box, side);
    }
  };
  for (let e = 0; e < graph.edges; e++) {
    if (top[e]! < 0 || graph.slot[e]! < 0 || (lanes && !top[e])) continue; // a device is no hub
    climb(e, tree.leaf[graph.to[e]!]!, left[e]!, 0);
    climb(e, tree.leaf[graph.from[e]!]!, right[e]!, 1);
  }
  const different = new Pairs(), joined: number[] = [];
  for (let k = 0; k < events.length; k += 4) {
    const side = events[k + 3]!;
    if (at[side]! >= FEWEST && different.add(side, events[k + 2]!)) joined[side] = (joined[side] ?? 0) + 1;
  }
  // Outer scopes come last, and stay.
  for (let k = 0; k < events.length; k += 4) {
    const e = events[k]!, crowd = events[k + 1]!, side = events[k + 3]!;
    if ((joined[side] ?? 0) < enough(boxes[crowd]!)) continue;
    const [hub, when, what] = sides.first[side]! % 2 ? [hubs.to, hubs.left, right] : [hubs.from, hubs.entered, left];
    if (hub[e]! >= 0 && when[e]! < 0) continue;
    hub[e] = what[e]!;
    when[e] = crowd;
  }
  for (let e = 0; e < graph.edges; e++) {
    if (top[e]! < 0 || !shared[graph.from[e]!] || (hubs.from[e]! >= 0 && hubs.entered[e]! < 0) || hubs.to[e]! >= 0) continue;
    if (tree.leaf[graph.to[e]!] === right[e]) continue;
    hubs.from[e] = tree.leaf[graph.from[e]!]!;
    hubs.entered[e] = right[e]!;
  }
}

/** Ops that stand at the beginning (a learning rate, a step counter and its `read`) and feed very many others. */
function sharedSources(graph: Graph): Uint8Array {
  const fed = new Int32Array(graph.n);
  for (let e = 0; e < graph.edges; e++) if (graph.slot[e]! >= 0) fed[graph.to[e]!]!++;
  const shared = new Uint8Array(graph.n);
  for (let i = 0; i < graph.n; i++) {
    const outs = graph.outEdges(i);
    if (outs.length < SHARED || fed[i]! > 1) continue;
    if (fed[i] === 1 && graph.inEdges(i).some(e => graph.slot[e]! >= 0 && fed[graph.from[e]!]! > 0)) continue;
    const users = new Set<number>();
    for (const e of outs) if (graph.slot[e]! >= 0) users.add(graph.to[e]!);
    if (users.size >= SHARED) shared[i] = 1;
  }
  return shared;
}

/** How many of so many boxes make what they share a hub. */
function enough(boxes: number): number {
  return Math.max(FEWEST, Math.ceil(2 * Math.sqrt(boxes)));
}

/** How many different boxes each box is joined with. */
function degrees(edges: ArrayLike<number>, counts: (e: number) => boolean, own: Int32Array, other: Int32Array): Map<number, number> {
  const degree = new Map<number, number>(), seen = new Pairs(edges.length);
  for (let k = 0; k < edges.length; k++) {
    const e = edges[k]!;
    if (counts(e) && seen.add(own[e]!, other[e]!)) degree.set(own[e]!, (degree.get(own[e]!) ?? 0) + 1);
  }
  return degree;
}
