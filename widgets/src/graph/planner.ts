// Makes a plan (see plan.ts): scope by scope, blocks that repeat are folded, hubs set aside and loops opened.

import { gather, type Graph } from "./columns.ts";
import { backEdges } from "./cycles.ts";
import { busyControl, crowds, CROWD, noHubs, setAside, type Hubs } from "./hubs.ts";
import { Pairs } from "./pairs.ts";
import { PAIR, type Lifted, type Plan } from "./plan.ts";
import { alike, foldable, hashes } from "./series.ts";
import { idOf, labelOf, treeOf, type Tree } from "./tree.ts";
import { PARTS, type ViewState } from "./types.ts";

export class Planner {
  private graph: Graph;
  private tree: Tree;
  private crowded: boolean; // enough boxes for hubs
  private lanes: boolean;
  private parent: number[]; // of tree nodes; series come behind those of the tree
  private node: number[];
  private sample: number[];
  private members: number[];
  private count: number[];
  private lifted: Lifted;
  private hubs: Hubs;
  private back = new Set<number>();
  private local: number[] = []; // a box's place among those of its scope

  constructor(graph: Graph, state: ViewState) {
    this.graph = graph;
    this.tree = treeOf(graph);
    const { tree } = this;
    this.lanes = !!state.lanes;
    this.crowded = state.hubs === "aside" && graph.n >= CROWD;
    this.parent = Array.from(tree.parent);
    this.node = Array.from(tree.node);
    this.sample = Array.from(tree.sample);
    this.members = new Array<number>(tree.size).fill(0);
    this.count = new Array<number>(tree.size).fill(0);
    const away = new Set(state.hidden.map(part => PARTS.indexOf(part)));
    const hidden = graph.parts.map(part => (away.has(part) ? 1 : 0));
    for (let t = tree.size - 1; t >= 0; t--) {
      if (tree.node[t]! >= 0) this.count[t] = 1 - hidden[tree.node[t]!]!;
      if (t) this.count[tree.parent[t]!]! += this.count[t]!;
    }
    this.lifted = lift(graph, tree);
    this.hubs = noHubs(graph.edges);
    const { top } = this.lifted;
    const codes = state.series ? hashes(graph, tree, edgesInside(graph, tree, top)) : null;
    const busy = busyControl(graph);
    for (let e = 0; e < graph.edges; e++) {
      const u = graph.from[e]!, v = graph.to[e]!;
      if (hidden[u] || hidden[v] || (graph.slot[e]! < 0 && (!state.control || (this.crowded && (busy[u] || busy[v]))))) top[e] = -1;
    }
    this.scopes(codes);
    if (this.crowded) crowds(graph, tree, this.parent, this.count, this.lifted, this.hubs, this.lanes);
  }

  private scopes(codes: [Int32Array, Int32Array] | null): void {
    const { tree, parent, count } = this, { top } = this.lifted;
    const [kidStart, kids] = gather(tree.size + 1, tree.parent.map(p => (p < 0 ? tree.size : p)));
    const [edgeStart, edgeList] = gather(tree.size + 1, top.map(t => (t < 0 ? tree.size : t)));
    for (let t = 0; t < tree.size; t++) {
      if (count[t]! < 1 || tree.node[t]! >= 0 || (this.lanes && !t)) continue; // lanes stay what they are
      const children = Array.from(kids.subarray(kidStart[t], kidStart[t + 1])).filter(c => count[c]! > 0);
      if (children.length < 2) continue;
      const edges = edgeList.subarray(edgeStart[t], edgeStart[t + 1]);
      const group = codes && alike(this.graph, tree, codes, children);
      if (group) this.foldSeries(t, children, edges, group);
      if (edges.length) this.settle(t, children.map(c => (parent[c] === t ? c : parent[c]!)), edges.filter(e => top[e] === t));
    }
  }

  /** Makes a node of each group of children that may fold; edges between children are then those between what is seen. */
  private foldSeries(t: number, children: number[], edges: Int32Array, group: Int32Array): void {
    const { parent, node, sample, members, count, local } = this, { top, left, right } = this.lifted;
    children.forEach((c, i) => { local[c] = i; });
    const ends = new Pairs(edges.length);
    for (const e of edges) ends.at(local[left[e]!]!, local[right[e]!]!);
    foldable(group, i => node[children[i]!]! < 0, ends.first, ends.second);
    const made = new Map<number, number>();
    group.forEach((g, i) => {
      if (g < 0) return;
      const c = children[i]!;
      if (!made.has(g)) {
        made.set(g, parent.length);
        parent.push(t); node.push(-1); sample.push(sample[c]!); members.push(0); count.push(0);
      }
      const s = made.get(g)!;
      parent[c] = s;
      members[s]!++;
      count[s]! += count[c]!;
    });
    const inside = new Map<number, number[]>();
    for (const e of edges) {
      const p = parent[left[e]!]!, q = parent[right[e]!]!;
      if (p === q && p !== t) {
        top[e] = p;
        if (!inside.has(p)) inside.set(p, []);
        inside.get(p)!.push(e);
        continue;
      }
      if (p !== t) left[e] = p;
      if (q !== t) right[e] = q;
    }
    for (const [s, own] of inside) this.settle(s, children.filter(c => parent[c] === s), own);
  }

  /** Hubs among the boxes of one scope, and which of its lifted edges go back. Boxes come in order of their first op. */
  private settle(t: number, boxes: number[], edges: ArrayLike<number>): void {
    const { sample, local, hubs, back, lifted: { top, left, right } } = this;
    if (this.crowded && boxes.length >= CROWD) {
      const distinct = new Set(boxes).size;
      if (distinct >= CROWD) setAside(this.graph, this.lifted, hubs, edges, distinct);
    }
    const drawn = Array.from(edges).filter(e => top[e] === t && hubs.from[e]! < 0 && hubs.to[e]! < 0);
    if (drawn.every(e => sample[left[e]!]! < sample[right[e]!]!)) return; // all go from earlier to later: there is no loop
    const distinct = [...new Set(boxes)];
    distinct.forEach((c, i) => { local[c] = i; });
    const ends = new Pairs(drawn.length);
    for (const e of drawn) ends.at(local[left[e]!]!, local[right[e]!]!);
    backEdges(distinct.length, ends.first, ends.second).forEach((turned, k) => {
      if (turned) back.add(distinct[ends.first[k]!]! * PAIR + distinct[ends.second[k]!]!);
    });
  }

  plan(): Plan {
    const { graph, tree, parent, sample, node } = this;
    const size = parent.length;
    const block = new Int32Array(size).fill(-1); // the first block of each series
    for (let t = tree.size - 1; t > 0; t--) if (parent[t]! >= tree.size) block[parent[t]!] = t;
    const id = (t: number) => (t >= tree.size ? "series:" + idOf(graph, tree, block[t]!) : idOf(graph, tree, t));
    let ids: Map<string, number> | null = null;
    return {
      graph, size, parent: Int32Array.from(parent), node: Int32Array.from(node), sample: Int32Array.from(sample),
      count: Int32Array.from(this.count), members: Int32Array.from(this.members), ...preorder(tree.size, parent, this.count),
      leaf: tree.leaf, ...this.lifted, hubs: this.hubs, back: this.back, id,
      label: t => labelOf(graph, tree, t >= tree.size ? block[t]! : t),
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
}

/** How many data edges part in each scope: blocks that are wired differently are not alike. */
function edgesInside(graph: Graph, tree: Tree, top: Int32Array): Int32Array {
  const inside = new Int32Array(tree.size);
  for (let e = 0; e < graph.edges; e++) if (top[e]! >= 0 && graph.slot[e]! >= 0) inside[top[e]!]!++;
  return inside;
}

/** For each edge the lowest scope that holds both ends, and the children of it that the edge joins. */
function lift(graph: Graph, tree: Tree): Lifted {
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

/** Parents before children, siblings in the order of their first op; a series stands where its first block does. */
function preorder(raw: number, parent: number[], count: number[]) {
  const size = parent.length;
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
