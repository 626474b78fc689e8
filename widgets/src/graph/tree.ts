// The tree of scopes that names spell: "layer1/w/read" is the op `read` in the scope `w` in the scope `layer1`.
//
// An op whose name is also a scope (a variable `w` beside `w/Assign` and `w/read`; `layer1` beside `layer1/...`) stands
// within that scope. Tree nodes are numbers; 0 is the whole graph, a parent's number is smaller than its children's, and
// siblings are numbered in the order of their first op.

import { gather, type Graph } from "./columns.ts";

export interface Tree {
  size: number;
  parent: Int32Array; // -1 for the whole graph
  node: Int32Array; // index of the op, -1 for a scope
  sample: Int32Array; // the first op inside
  start: Int32Array; // where the last part of its path begins in the name of `sample`
  end: Int32Array; // where it ends
  leaf: Int32Array; // per op, its tree node
}

const trees = new WeakMap<Graph, Tree>();

/** The graph's tree: made once. */
export function treeOf(graph: Graph): Tree {
  let tree = trees.get(graph);
  if (!tree) trees.set(graph, (tree = makeTree(graph)));
  return tree;
}

export function makeTree(graph: Graph): Tree {
  const parent = [-1], sample = [graph.n ? 0 : -1], start = [0], end = [0], own = [-1], scope = [true], code = [0];
  let table = new Int32Array(1024).fill(-1); // open addressing: the child of a scope by its part of the name
  let mask = table.length - 1;
  for (let i = 0; i < graph.n; i++) {
    const name = graph.names[i]!;
    let at = 0;
    for (let from = 0, stop = 0; ; stop++) {
      let hash = at;
      for (; stop < name.length; stop++) {
        const letter = name.charCodeAt(stop);
        if (letter === 47) break;
        hash = (Math.imul(hash, 31) + letter) | 0;
      }
      hash ^= hash >>> 15;
      scope[at] = true;
      let k = hash & mask, child: number;
      for (; (child = table[k]!) >= 0; k = (k + 1) & mask) {
        if (parent[child] === at && code[child] === hash && same(graph.names[sample[child]!]!, start[child]!, end[child]!, name, from, stop)) break;
      }
      if (child < 0) {
        child = table[k] = parent.length;
        parent.push(at); sample.push(i); start.push(from); end.push(stop); own.push(-1); scope.push(false); code.push(hash);
        if (2 * child > mask) {
          table = new Int32Array(2 * table.length).fill(-1);
          mask = table.length - 1;
          for (let t = 1; t <= child; t++) {
            let free = code[t]! & mask;
            while (table[free]! >= 0) free = (free + 1) & mask;
            table[free] = t;
          }
        }
      }
      at = child;
      if (stop >= name.length) break;
      from = stop + 1;
    }
    if (own[at]! >= 0) throw new Error(`Two ops of the graph are called "${name.slice(0, 100)}".`);
    own[at] = i;
  }
  const tries = parent.length;
  for (let t = 1; t < tries; t++) {
    if (own[t]! < 0 || !scope[t]) continue;
    const i = own[t]!;
    parent.push(t); sample.push(i); start.push(start[t]!); end.push(end[t]!); own.push(i);
    own[t] = -1;
  }
  // Numbers in the order of first ops; an op that came to stand in its scope goes where it was made.
  const size = parent.length;
  const [, order] = gather(Math.max(1, graph.n), sample.map(i => Math.max(0, i)));
  const number = new Int32Array(size);
  order.forEach((t, k) => { number[t] = k; });
  const leaf = new Int32Array(graph.n);
  own.forEach((i, t) => { if (i >= 0) leaf[i] = number[t]!; });
  const sorted = (values: number[]) => order.map(t => values[t]!);
  return {
    size, parent: order.map(t => (t ? number[parent[t]!]! : -1)), node: sorted(own), sample: sorted(sample),
    start: sorted(start), end: sorted(end), leaf,
  };
}

function same(a: string, start: number, end: number, b: string, from: number, stop: number): boolean {
  if (end - start !== stop - from) return false;
  for (let k = start, j = from; k < end; k++, j++) if (a.charCodeAt(k) !== b.charCodeAt(j)) return false;
  return true;
}

/** The last part of the name. */
export function labelOf(graph: Graph, tree: Tree, t: number): string {
  return t ? graph.names[tree.sample[t]!]!.slice(tree.start[t], tree.end[t]) : "";
}

/** An op's name; a scope's path with "/" at its end; "" for the whole graph. */
export function idOf(graph: Graph, tree: Tree, t: number): string {
  if (!t) return "";
  const path = graph.names[tree.sample[t]!]!.slice(0, tree.end[t]);
  return tree.node[t]! < 0 ? path + "/" : path;
}
