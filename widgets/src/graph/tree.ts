// The tree of scopes that names spell: "layer1/w/read" is the op `read` in the scope `w` in the scope `layer1`.
//
// An op whose name is also a scope (a variable `w` beside `w/Assign` and `w/read`; `layer1` beside `layer1/...`) stands
// within that scope. Tree nodes are numbers; 0 is the whole graph, and a parent's number is smaller than its children's.

import type { Graph } from "./columns.ts";

export interface Tree {
  size: number;
  parent: Int32Array; // -1 for the whole graph
  node: Int32Array; // index of the op, -1 for a scope
  sample: Int32Array; // the first op inside: children are ordered by it
  start: Int32Array; // where the last part of its path begins in the name of `sample`
  end: Int32Array; // where it ends
  leaf: Int32Array; // per op, its tree node
}

export function makeTree(graph: Graph): Tree {
  const parent = [-1], sample = [graph.n ? 0 : -1], start = [0], end = [0], own = [-1];
  const kids: (Map<string, number> | null)[] = [null];
  for (let i = 0; i < graph.n; i++) {
    const name = graph.names[i]!;
    let at = 0;
    for (let from = 0; ;) {
      let stop = name.indexOf("/", from);
      const last = stop < 0;
      if (last) stop = name.length;
      const key = name.slice(from, stop);
      const map = (kids[at] ??= new Map<string, number>());
      let child = map.get(key);
      if (child === undefined) {
        child = parent.length;
        map.set(key, child);
        parent.push(at); sample.push(i); start.push(from); end.push(stop); own.push(-1); kids.push(null);
      }
      at = child;
      if (last) break;
      from = stop + 1;
    }
    own[at] = i;
  }
  const tries = parent.length;
  for (let t = 1; t < tries; t++) {
    if (own[t]! < 0 || !kids[t]) continue;
    const i = own[t]!;
    parent.push(t); sample.push(i); start.push(start[t]!); end.push(end[t]!); own.push(i);
    own[t] = -1;
  }
  const leaf = new Int32Array(graph.n);
  own.forEach((i, t) => { if (i >= 0) leaf[i] = t; });
  return {
    size: parent.length, parent: Int32Array.from(parent), node: Int32Array.from(own), sample: Int32Array.from(sample),
    start: Int32Array.from(start), end: Int32Array.from(end), leaf,
  };
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
