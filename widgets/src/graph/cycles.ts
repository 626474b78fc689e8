// Loops: which nodes lie on one together, and which edges to turn round so that none is left.
// Both walk with their own stack: a chain of 20,000 ops must not overflow the engine's.

import { gather } from "./columns.ts";

/** Strongly connected components (Tarjan): per node the number of its component. */
export function components(n: number, from: ArrayLike<number>, to: ArrayLike<number>): Int32Array {
  const [start, list] = gather(n, from);
  const of = new Int32Array(n).fill(-1);
  const low = new Int32Array(n), seen = new Int32Array(n), next = start.slice(0, n);
  const path: number[] = [], waiting: number[] = [];
  let time = 0, count = 0;
  for (let root = 0; root < n; root++) {
    if (seen[root]) continue;
    path.push(root);
    while (path.length) {
      const v = path[path.length - 1]!;
      if (!seen[v]) {
        seen[v] = low[v] = ++time;
        waiting.push(v);
      }
      let down = -1;
      while (next[v]! < start[v + 1]!) {
        const w = to[list[next[v]!]!]!;
        if (!seen[w]) { down = w; break; }
        next[v]!++;
        if (of[w]! < 0) low[v] = Math.min(low[v]!, low[w]!);
      }
      if (down >= 0) { path.push(down); continue; }
      path.pop();
      if (low[v] === seen[v]) {
        for (let w = -1; w !== v;) {
          w = waiting.pop()!;
          of[w] = count;
        }
        count++;
      }
    }
  }
  return of;
}

/** Per edge, 1 if it goes against the flow: without those there is no loop. Earlier nodes are taken as earlier in the flow. */
export function backEdges(n: number, from: ArrayLike<number>, to: ArrayLike<number>): Uint8Array {
  const back = new Uint8Array(from.length);
  const knot = components(n, from, to);
  const [start, list] = gather(n, from);
  const next = start.slice(0, n);
  const state = new Uint8Array(n); // 1: on the path, 2: done
  const path: number[] = [];
  for (let root = 0; root < n; root++) {
    if (state[root]) continue;
    path.push(root);
    state[root] = 1;
    while (path.length) {
      const v = path[path.length - 1]!;
      if (next[v]! === start[v + 1]!) {
        state[v] = 2;
        path.pop();
        continue;
      }
      const e = list[next[v]!++]!;
      const w = to[e]!;
      if (knot[w] !== knot[v]) continue;
      if (state[w] === 1) back[e] = 1; // also an edge from a node to itself
      else if (!state[w]) {
        state[w] = 1;
        path.push(w);
      }
    }
  }
  return back;
}
