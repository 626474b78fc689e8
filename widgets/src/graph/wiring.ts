// Which wires a scene has, given what is seen of the graph.

import type { Link } from "./frames.ts";
import { Pairs } from "./pairs.ts";
import { PAIR, type Plan } from "./plan.ts";

const HINTS = 24; // more neighbours of a scope that stands alone than this are shown beside their users

export interface Raw {
  p: number; // what stands upstream in the layout
  q: number;
  back: boolean;
  control: boolean;
  edges: number[];
  top: number;
}

export interface Ref {
  hub: number;
  edges: number[];
}

export interface Refs {
  before: Ref[];
  after: Ref[];
  key: string;
}

export interface Hint {
  outside: number;
  enters: boolean;
}

export interface Wiring {
  raws: Raw[];
  refs: Map<number, Refs>; // by the box that they stand beside
  hints: Hint[]; // the numbers of their boxes begin where those of tree nodes end
}

/** The pieces of a wire: out of the frames around its start, through the one where its ends part, into those around its end. */
export function wayOf(plan: Plan, root: number, { p, q, top }: Raw): { frame: number; link: Link }[] {
  const around = (t: number) => (t >= plan.size ? root : plan.parent[t]!);
  const way: { frame: number; link: Link }[] = [], down: typeof way = [];
  let a = p, b = q;
  for (let frame = around(a); frame !== top; a = frame, frame = plan.parent[frame]!) way.push({ frame, link: { from: a, to: -1, p, q: -1 } });
  for (let frame = around(b); frame !== top; b = frame, frame = plan.parent[frame]!) down.push({ frame, link: { from: -1, to: b, p: -1, q } });
  way.push({ frame: top, link: { from: a, to: b, p, q } });
  return way.concat(down.reverse());
}

/** Wires between what is seen; references to hubs by their user; hints of what lies outside of the root. */
export function gatherWires(plan: Plan, root: number, face: Int32Array): Wiring {
  const { graph, leaf, top } = plan;
  const raws: Raw[] = [], ends = new Pairs();
  const refs = new Map<number, Refs>();
  const hints: Hint[] = [], hintOf = new Map<number, number>();
  const refer = (user: number, where: "before" | "after", hub: number, e: number) => {
    if (!refs.has(user)) refs.set(user, { before: [], after: [], key: `${user}` });
    const own = refs.get(user)!, side = own[where];
    const same = side.find(ref => ref.hub === hub);
    if (same) same.edges.push(e);
    else {
      side.push({ hub, edges: [e] });
      own.key += `${where[0]}${hub}`;
    }
  };
  const crossing = root ? neighbours(plan, face) : 0;
  for (let e = 0; e < graph.edges; e++) {
    if (top[e]! < 0) continue;
    let p = face[leaf[graph.from[e]!]!]!, q = face[leaf[graph.to[e]!]!]!;
    if (p === q) continue;
    const control = graph.slot[e]! < 0;
    const { from, to, entered, left } = plan.hubs;
    const fromHub = q >= 0 && from[e]! >= 0 && (entered[e]! < 0 || face[entered[e]!]! < 0);
    const toHub = p >= 0 && to[e]! >= 0 && (left[e]! < 0 || face[left[e]!]! < 0);
    if (fromHub) refer(q, "before", from[e]!, e);
    if (toHub) refer(p, "after", to[e]!, e);
    if (fromHub || toHub) continue;
    let at = top[e]!;
    let back = plan.back.has(plan.left[e]! * PAIR + plan.right[e]!);
    if (p < 0 || q < 0) {
      // One end lies outside of the root: a hint stands for it.
      const enters = p < 0;
      const outside = enters ? plan.left[e]! : plan.right[e]!;
      if (crossing > HINTS) {
        if (!control) refer(enters ? q : p, enters ? "before" : "after", outside, e);
        continue;
      }
      const key = 2 * outside + (enters ? 1 : 0);
      if (!hintOf.has(key)) {
        hintOf.set(key, plan.size + hints.length);
        hints.push({ outside, enters });
      }
      if (enters) p = hintOf.get(key)!;
      else q = hintOf.get(key)!;
      at = root;
      back = false;
    }
    if (back) [p, q] = [q, p];
    const key = ends.at(p, 4 * q + (control ? 1 : 0) + (back ? 2 : 0));
    if (key < raws.length) raws[key]!.edges.push(e);
    else raws.push({ p, q, back, control, edges: [e], top: at });
  }
  return { raws, refs, hints };
}

/** How many boxes outside of the root are joined with what is in it. */
function neighbours(plan: Plan, face: Int32Array): number {
  const seen = new Set<number>();
  for (let e = 0; e < plan.graph.edges; e++) {
    if (plan.top[e]! < 0) continue;
    const p = face[plan.leaf[plan.graph.from[e]!]!]!, q = face[plan.leaf[plan.graph.to[e]!]!]!;
    if (p < 0 !== q < 0) seen.add(p < 0 ? plan.left[e]! : plan.right[e]!);
  }
  return seen.size;
}
