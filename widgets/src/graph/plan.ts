// What a scene needs of a graph before anything is opened: the tree with repeated blocks as nodes of it, every edge lifted
// to the scope where its two ends part, hubs set aside, and which lifted edges go against the flow.
//
// None of it depends on what is open, so one plan serves every scene of a graph until a switch (series, hubs, control
// edges, hidden parts) changes.

import { gather, type Graph } from "./columns.ts";
import { backEdges } from "./cycles.ts";
import { alike, foldable, hashes } from "./series.ts";
import { idOf, labelOf, makeTree, type Tree } from "./tree.ts";
import { PARTS, type ViewState } from "./types.ts";

export const PAIR = 2 ** 22; // a * PAIR + b names a pair of tree nodes
const CROWD = 15; // fewer boxes than this need no hubs
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
  hub: Int32Array; // per edge: the hub it comes from or goes to, as a tree node; -1: none
  toHub: Uint8Array; // per edge: 1 if it goes to it
  back: Set<number>; // pairs of children whose edges go against the flow
  id: (t: number) => string;
  label: (t: number) => string;
  byId: (id: string) => number; // -1 where there is no such item
  memo: Map<string, unknown>;
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
  const hub = new Int32Array(graph.edges).fill(-1), toHub = new Uint8Array(graph.edges);
  if (crowded) {
    const shared = sharedSources(graph);
    for (let e = 0; e < graph.edges; e++) if (top[e]! >= 0 && shared[graph.from[e]!]) hub[e] = tree.leaf[graph.from[e]!]!;
  }
  const back = new Set<number>();
  const codes = hashes(graph, tree, inside);
  const [kidStart, kids] = gather(tree.size + 1, tree.parent.map(p => (p < 0 ? tree.size : p)));
  const [edgeStart, edgeList] = gather(tree.size + 1, top.map(t => (t < 0 ? tree.size : t)));
  const local = new Int32Array(tree.size);

  for (let t = 0; t < tree.size; t++) {
    if (count[t]! < 1 || node[t]! >= 0) continue;
    const children = Array.from(kids.subarray(kidStart[t], kidStart[t + 1])).filter(c => count[c]! > 0).sort((a, b) => sample[a]! - sample[b]! || b - a);
    const edges = edgeList.subarray(edgeStart[t], edgeStart[t + 1]);
    children.forEach((c, i) => { local[c] = i; });
    if (state.series) {
      const group = alike(graph, tree, codes, children);
      if (group.some(g => g >= 0)) {
        const ends = pairs(edges.filter(e => hub[e]! < 0), e => local[left[e]!]! * PAIR + local[right[e]!]!);
        foldable(group, i => node[children[i]!]! < 0, ends.map(key => Math.floor(key / PAIR)), ends.map(key => key % PAIR));
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
        for (const [s, own] of inSeries) {
          const blocks = children.filter(c => parent[c] === s);
          settle(s, blocks, own);
        }
      }
    }
    settle(t, children.map(c => (parent[c] === t ? c : parent[c]!)), Array.from(edges).filter(e => top[e] === t));
  }

  /** Hubs among the boxes of one scope, and which of its lifted edges go back. */
  function settle(t: number, boxes: number[], edges: number[]): void {
    const distinct = [...new Set(boxes)];
    if (crowded && distinct.length >= CROWD) {
      const many = Math.max(6, Math.ceil(2 * Math.sqrt(distinct.length)));
      const outs = degrees(edges, e => graph.slot[e]! >= 0 && hub[e]! < 0, left, right), ins = degrees(edges, e => graph.slot[e]! >= 0 && hub[e]! < 0, right, left);
      const outControl = degrees(edges, e => graph.slot[e]! < 0, left, right), inControl = degrees(edges, e => graph.slot[e]! < 0, right, left);
      for (const e of edges) {
        const a = left[e]!, b = right[e]!;
        if (graph.slot[e]! < 0) {
          if ((outControl.get(a) ?? 0) > CONTROLS || (inControl.get(b) ?? 0) > CONTROLS) top[e] = -1;
          continue;
        }
        if (hub[e]! >= 0) continue;
        const out = outs.get(a) ?? 0, into = ins.get(b) ?? 0;
        if (out >= many && out >= into) hub[e] = a;
        else if (into >= many) {
          hub[e] = b;
          toHub[e] = 1;
        }
      }
    }
    const index = new Map(distinct.map((c, i) => [c, i]));
    const keys = pairs(edges.filter(e => top[e] === t && hub[e]! < 0), e => index.get(left[e]!)! * PAIR + index.get(right[e]!)!);
    const from = keys.map(key => Math.floor(key / PAIR)), to = keys.map(key => key % PAIR);
    backEdges(distinct.length, from, to).forEach((turned, k) => {
      if (turned) back.add(distinct[from[k]!]! * PAIR + distinct[to[k]!]!);
    });
  }

  const size = parent.length;
  const up = Int32Array.from(parent), first = Int32Array.from(sample);
  const walk = preorder(size, up, first, count);
  const isSeries = (t: number) => t >= tree.size;
  const memberOf = new Int32Array(size).fill(-1);
  for (let t = tree.size - 1; t > 0; t--) if (parent[t]! >= tree.size) memberOf[parent[t]!] = t;
  for (let t = 1; t < tree.size; t++) if (parent[t]! >= tree.size && sample[t] === sample[parent[t]!]) memberOf[parent[t]!] = t;
  const id = (t: number) => (isSeries(t) ? "series:" + idOf(graph, tree, memberOf[t]!) : idOf(graph, tree, t));
  let ids: Map<string, number> | null = null;
  return {
    graph, size, parent: up, node: Int32Array.from(node), sample: first, count: Int32Array.from(count), members: Int32Array.from(members),
    ...walk, leaf: tree.leaf, top, left, right, hub, toHub, back, id,
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

/** Distinct values of a key. */
function pairs(edges: ArrayLike<number>, key: (e: number) => number): number[] {
  const seen = new Set<number>();
  for (let k = 0; k < edges.length; k++) seen.add(key(edges[k]!));
  return [...seen];
}

/** How many different boxes each box is joined with. */
function degrees(edges: number[], counts: (e: number) => boolean, own: Int32Array, other: Int32Array): Map<number, number> {
  const degree = new Map<number, number>();
  for (const key of pairs(edges.filter(counts), e => own[e]! * PAIR + other[e]!)) {
    const t = Math.floor(key / PAIR);
    degree.set(t, (degree.get(t) ?? 0) + 1);
  }
  return degree;
}

function preorder(size: number, parent: Int32Array, sample: Int32Array, count: number[]) {
  const [start, list] = gather(size + 1, parent.map(p => (p < 0 ? size : p)));
  const order: number[] = [], depth = new Int32Array(size), last = new Int32Array(size), at = new Int32Array(size).fill(-1);
  const stack = [0];
  while (stack.length) {
    const t = stack.pop()!;
    if (t < 0) {
      last[-1 - t] = order.length;
      continue;
    }
    at[t] = order.length;
    order.push(t);
    stack.push(-1 - t);
    const kids = Array.from(list.subarray(start[t], start[t + 1])).filter(c => count[c]! > 0).sort((a, b) => sample[b]! - sample[a]! || a - b);
    for (const c of kids) {
      depth[c] = depth[t]! + 1;
      stack.push(c);
    }
  }
  return { order: Int32Array.from(order), depth, last, at };
}
