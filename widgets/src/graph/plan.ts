// What a scene needs of a graph before anything is opened: the tree with repeated blocks as nodes of it, every edge lifted
// to the scope where its two ends part, hubs set aside, and which lifted edges go against the flow.
//
// None of it depends on what is open, so one plan serves every scene of a graph until a switch (series, hubs, control
// edges, hidden parts) changes.

import { gather, type Graph } from "./columns.ts";
import { backEdges } from "./cycles.ts";
import { Pairs } from "./pairs.ts";
import { alike, foldable, hashes } from "./series.ts";
import { idOf, labelOf, makeTree, type Tree } from "./tree.ts";
import { PARTS, type ViewState } from "./types.ts";

export const PAIR = 2 ** 22; // a * PAIR + b names a pair of tree nodes
const CROWD = 15; // fewer boxes than this need no hubs
const FEWEST = 6; // what fewer boxes share is no hub
const SHARED = 24; // a variable or constant that so many ops read is a hub wherever it stands
const CONTROLS = 4; // more control edges than this at one box are not drawn

export interface Plan {
  graph: Graph;
  size: number;
  parent: Int32Array;
  node: Int32Array; // index of the op, else -1
  sample: Int32Array; // first op inside
  count: Int32Array; // how many ops inside are not hidden
  members: Int32Array; // of a series: how many blocks; else 0
  depth: Int32Array;
  order: Int32Array; // parents before children, siblings by their first op
  last: Int32Array; // where in `order` what is inside ends
  at: Int32Array; // place in `order`
  leaf: Int32Array; // per op
  top: Int32Array; // per edge: the scope or series where its ends part; -1: not drawn
  left: Int32Array; // per edge: the child of `top` that it comes from, and the one it goes to
  right: Int32Array;
  hubs: Hubs;
  back: Set<number>; // pairs of children whose edges go against the flow
  id: (t: number) => string;
  label: (t: number) => string;
  byId: (id: string) => number; // -1 where there is no such item
  memo: Map<string, unknown>;
}

/** Per edge, tree nodes or -1. What hubs are to one another is seen in `settle` and `crowds`. */
export interface Hubs {
  from: Int32Array; // the hub that it comes from: drawn as a reference at its end
  to: Int32Array; // the hub that it goes to: as a reference at its start
  entered: Int32Array; // the scope that `from` is a hub for: it counts while that is open; -1: always
  left: Int32Array; // the same for `to`
}

export function planKey(state: ViewState): string {
  return [state.hubs, state.series, state.control, ...[...state.hidden].sort()].join();
}

export function treeOf(graph: Graph): Tree {
  let tree = trees.get(graph);
  if (!tree) trees.set(graph, (tree = makeTree(graph)));
  return tree;
}
const trees = new WeakMap<Graph, Tree>();

const plans = new WeakMap<Graph, Map<string, Plan>>();

/** The plans that were used of late, the last first. */
export function plansOf(graph: Graph): Plan[] {
  return [...(plans.get(graph)?.values() ?? [])].reverse();
}

/** The plan for these switches: made once. */
export function planOf(graph: Graph, state: ViewState): Plan {
  let known = plans.get(graph);
  if (!known) plans.set(graph, (known = new Map()));
  const key = planKey(state);
  let plan = known.get(key);
  if (plan) known.delete(key); // the one used last comes last
  else plan = makePlan(graph, state);
  if (known.size >= 4) known.delete(known.keys().next().value!);
  known.set(key, plan);
  return plan;
}

export function makePlan(graph: Graph, state: ViewState): Plan {
  const tree = treeOf(graph);
  const hidden = new Uint8Array(graph.n);
  const away = new Set(state.hidden.map(part => PARTS.indexOf(part)));
  for (let i = 0; i < graph.n; i++) hidden[i] = away.has(graph.parts[i]!) ? 1 : 0;
  const parent = Array.from(tree.parent), node = Array.from(tree.node), sample = Array.from(tree.sample);
  const members: number[] = new Array(tree.size).fill(0);
  const count: number[] = new Array(tree.size).fill(0);
  for (let t = tree.size - 1; t >= 0; t--) {
    if (node[t]! >= 0) count[t] = hidden[node[t]!] ? 0 : 1;
    if (t) count[parent[t]!]! += count[t]!;
  }
  const lifted = lift(graph, tree);
  const { top, left, right } = lifted;
  const inside = new Int32Array(tree.size);
  for (let e = 0; e < graph.edges; e++) if (top[e]! >= 0 && graph.slot[e]! >= 0) inside[top[e]!]!++;
  const crowded = state.hubs === "aside" && graph.n >= CROWD;
  const busy = busyControl(graph);
  for (let e = 0; e < graph.edges; e++) {
    const u = graph.from[e]!, v = graph.to[e]!;
    if (hidden[u] || hidden[v] || (graph.slot[e]! < 0 && (!state.control || (crowded && (busy[u] || busy[v]))))) top[e] = -1;
  }
  const none = () => new Int32Array(graph.edges).fill(-1);
  const hubs: Hubs = { from: none(), to: none(), entered: none(), left: none() };
  const back = new Set<number>();
  const codes = hashes(graph, tree, inside);
  const [kidStart, kids] = gather(tree.size + 1, tree.parent.map(p => (p < 0 ? tree.size : p)));
  const [edgeStart, edgeList] = gather(tree.size + 1, top.map(t => (t < 0 ? tree.size : t)));
  const local: number[] = [];

  for (let t = 0; t < tree.size; t++) {
    if (count[t]! < 1 || node[t]! >= 0) continue;
    const children = Array.from(kids.subarray(kidStart[t], kidStart[t + 1])).filter(c => count[c]! > 0);
    if (children.length < 2) continue;
    const edges = edgeList.subarray(edgeStart[t], edgeStart[t + 1]);
    if (state.series) {
      const group = alike(graph, tree, codes, children);
      if (group) {
        children.forEach((c, i) => { local[c] = i; });
        const ends = new Pairs(edges.length);
        for (const e of edges) ends.at(local[left[e]!]!, local[right[e]!]!);
        foldable(group, i => node[children[i]!]! < 0, ends.first, ends.second);
        const made = new Map<number, number>();
        const within: number[][] = [];
        group.forEach((g, i) => {
          if (g < 0) return;
          const c = children[i]!;
          if (!made.has(g)) {
            made.set(g, parent.length);
            within.push([]);
            parent.push(t); node.push(-1); sample.push(sample[c]!); members.push(0); count.push(0);
          }
          const s = made.get(g)!;
          parent[c] = s;
          members[s]!++;
          count[s]! += count[c]!;
        });
        const inSeries = new Map<number, number[]>();
        for (const e of edges) {
          const p = parent[left[e]!]!, q = parent[right[e]!]!;
          if (p === q && p !== t) {
            top[e] = p;
            if (!inSeries.has(p)) inSeries.set(p, []);
            inSeries.get(p)!.push(e);
            continue;
          }
          if (p !== t) left[e] = p;
          if (q !== t) right[e] = q;
        }
        for (const [s, own] of inSeries) settle(s, children.filter(c => parent[c] === s), own);
      }
    }
    if (edges.length) settle(t, children.map(c => (parent[c] === t ? c : parent[c]!)), edges.filter(e => top[e] === t));
  }
  if (crowded) crowds(graph, tree, parent, count, lifted, hubs);

  /** Hubs among the boxes of one scope, and which of its lifted edges go back. Boxes come in order of their first op. */
  function settle(t: number, boxes: number[], edges: ArrayLike<number>): void {
    let calm = true;
    if (crowded && boxes.length >= CROWD) {
      const distinct = new Set(boxes).size;
      if (distinct >= CROWD) setAside(edges, distinct);
    }
    for (let k = 0; k < edges.length; k++) {
      const e = edges[k]!;
      if (top[e] === t && hubs.from[e]! < 0 && hubs.to[e]! < 0 && sample[left[e]!]! >= sample[right[e]!]!) calm = false;
    }
    if (calm) return; // everything goes from earlier to later: there is no loop
    const distinct = [...new Set(boxes)];
    distinct.forEach((c, i) => { local[c] = i; });
    const ends = new Pairs(edges.length);
    for (let k = 0; k < edges.length; k++) {
      const e = edges[k]!;
      if (top[e] === t && hubs.from[e]! < 0 && hubs.to[e]! < 0) ends.at(local[left[e]!]!, local[right[e]!]!);
    }
    backEdges(distinct.length, ends.first, ends.second).forEach((turned, k) => {
      if (turned) back.add(distinct[ends.first[k]!]! * PAIR + distinct[ends.second[k]!]!);
    });
  }

  function setAside(edges: ArrayLike<number>, boxes: number): void {
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

  const size = parent.length;
  const up = Int32Array.from(parent), first = Int32Array.from(sample);
  const walk = preorder(tree.size, size, up, count);
  const isSeries = (t: number) => t >= tree.size;
  const memberOf = new Int32Array(size).fill(-1);
  for (let t = tree.size - 1; t > 0; t--) if (parent[t]! >= tree.size) memberOf[parent[t]!] = t;
  for (let t = 1; t < tree.size; t++) if (parent[t]! >= tree.size && sample[t] === sample[parent[t]!]) memberOf[parent[t]!] = t;
  const id = (t: number) => (isSeries(t) ? "series:" + idOf(graph, tree, memberOf[t]!) : idOf(graph, tree, t));
  let ids: Map<string, number> | null = null;
  return {
    graph, size, parent: up, node: Int32Array.from(node), sample: first, count: Int32Array.from(count), members: Int32Array.from(members),
    ...walk, leaf: tree.leaf, top, left, right, hubs, back, id,
    label: t => labelOf(graph, tree, isSeries(t) ? memberOf[t]! : t),
    byId: wanted => {
      if (wanted === "") return 0;
      const op = graph.find(wanted);
      if (op >= 0) return tree.leaf[op]!;
      if (!ids) {
        ids = new Map();
        for (let t = 1; t < size; t++) if (node[t]! < 0) ids.set(id(t), t);
      }
      return ids.get(wanted) ?? -1;
    },
    memo: new Map(),
  };
}

/** For each edge the lowest scope that holds both ends, and the children of it that the edge joins. */
function lift(graph: Graph, tree: Tree): { top: Int32Array; left: Int32Array; right: Int32Array } {
  const depth = new Int32Array(tree.size);
  for (let t = 1; t < tree.size; t++) depth[t] = depth[tree.parent[t]!]! + 1;
  const top = new Int32Array(graph.edges), left = new Int32Array(graph.edges), right = new Int32Array(graph.edges);
  for (let e = 0; e < graph.edges; e++) {
    let a = tree.leaf[graph.from[e]!]!, b = tree.leaf[graph.to[e]!]!;
    if (a === b) {
      top[e] = -1;
      continue;
    }
    while (depth[a]! > depth[b]!) a = tree.parent[a]!;
    while (depth[b]! > depth[a]!) b = tree.parent[b]!;
    while (tree.parent[a] !== tree.parent[b]) {
      a = tree.parent[a]!;
      b = tree.parent[b]!;
    }
    top[e] = tree.parent[a]!;
    left[e] = a;
    right[e] = b;
  }
  return { top, left, right };
}

/** Ops with more control edges than can be followed by eye. */
function busyControl(graph: Graph): Uint8Array {
  const outs = new Int32Array(graph.n), ins = new Int32Array(graph.n);
  for (let e = 0; e < graph.edges; e++) {
    if (graph.slot[e]! >= 0) continue;
    outs[graph.from[e]!]!++;
    ins[graph.to[e]!]!++;
  }
  return Uint8Array.from(outs, (out, i) => (out > CONTROLS || ins[i]! > CONTROLS ? 1 : 0));
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

/**
 * Hubs for what is in an open scope: something outside that very many boxes within are joined with, and variables and
 * constants that very many ops share. Closed, the scope is one box, and one wire joins it.
 */
function crowds(
  graph: Graph, tree: Tree, parent: number[], count: number[], { top, left, right }: { top: Int32Array; left: Int32Array; right: Int32Array }, hubs: Hubs,
): void {
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
    if (top[e]! < 0 || graph.slot[e]! < 0) continue;
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

/** How many different boxes each box is joined with. */
function degrees(edges: ArrayLike<number>, counts: (e: number) => boolean, own: Int32Array, other: Int32Array): Map<number, number> {
  const degree = new Map<number, number>(), seen = new Pairs(edges.length);
  for (let k = 0; k < edges.length; k++) {
    const e = edges[k]!;
    if (counts(e) && seen.add(own[e]!, other[e]!)) degree.set(own[e]!, (degree.get(own[e]!) ?? 0) + 1);
  }
  return degree;
}

/** Parents before children, siblings in the order of their first op; a series stands where its first block does. */
function preorder(raw: number, size: number, parent: Int32Array, count: number[]) {
  const line: number[] = [];
  const named = new Uint8Array(size);
  for (let t = 0; t < raw; t++) {
    const up = parent[t]!;
    if (up >= raw && !named[up]) {
      named[up] = 1;
      line.push(up);
    }
    line.push(t);
  }
  const child = new Int32Array(size).fill(-1), sibling = new Int32Array(size).fill(-1);
  for (let k = line.length - 1; k > 0; k--) {
    const t = line[k]!, up = parent[t]!;
    if (!count[t]) continue;
    sibling[t] = child[up]!;
    child[up] = t;
  }
  const order = new Int32Array(size), depth = new Int32Array(size), last = new Int32Array(size), at = new Int32Array(size).fill(-1);
  let used = 0;
  for (let t = 0; t >= 0;) {
    at[t] = used;
    order[used++] = t;
    if (child[t]! >= 0) {
      depth[child[t]!] = depth[t]! + 1;
      t = child[t]!;
      continue;
    }
    for (;;) {
      last[t] = used;
      if (t === 0) {
        t = -1;
        break;
      }
      if (sibling[t]! >= 0) {
        depth[sibling[t]!] = depth[t]!;
        t = sibling[t]!;
        break;
      }
      t = parent[t]!;
    }
  }
  return { order: order.subarray(0, used), depth, last, at };
}
