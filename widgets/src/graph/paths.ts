// What a value depends on, what depends on it, and the ways between two places. All walks keep their own queue.

import type { Graph } from "./columns.ts";

/** All ops that those need, directly or not, without themselves unless a loop leads back. */
export function upstream(graph: Graph, nodes: Iterable<number>): Set<number> {
  return walk(graph, nodes, true);
}

/** All ops that need those. */
export function downstream(graph: Graph, nodes: Iterable<number>): Set<number> {
  return walk(graph, nodes, false);
}

function walk(graph: Graph, nodes: Iterable<number>, up: boolean): Set<number> {
  const found = new Set<number>();
  const queue = [...nodes];
  for (let k = 0; k < queue.length; k++) {
    const v = queue[k]!;
    for (const e of up ? graph.inEdges(v) : graph.outEdges(v)) {
      const w = up ? graph.from[e]! : graph.to[e]!;
      if (found.has(w)) continue;
      found.add(w);
      queue.push(w);
    }
  }
  return found;
}

/** All ops on any way from one of `from` to one of `to`, both ends included; empty if there is none. */
export function pathNodes(graph: Graph, from: Iterable<number>, to: Iterable<number>): Set<number> {
  const starts = [...from], ends = [...to];
  const after = downstream(graph, starts), before = upstream(graph, ends);
  for (const v of starts) after.add(v);
  for (const v of ends) before.add(v);
  return new Set([...after].filter(v => before.has(v)).sort((a, b) => a - b));
}

/** One shortest way, as ops in order; empty if there is none. */
export function shortestPath(graph: Graph, from: Iterable<number>, to: Iterable<number>): number[] {
  const goal = new Set(to);
  const came = new Map<number, number>();
  const queue: number[] = [];
  for (const v of from) {
    if (!came.has(v)) queue.push(v);
    came.set(v, -1);
  }
  for (let k = 0; k < queue.length; k++) {
    const v = queue[k]!;
    if (goal.has(v)) {
      const way: number[] = [];
      for (let at = v; at >= 0; at = came.get(at)!) way.push(at);
      return way.reverse();
    }
    for (const e of graph.outEdges(v)) {
      const w = graph.to[e]!;
      if (came.has(w)) continue;
      came.set(w, v);
      queue.push(w);
    }
  }
  return [];
}
