// A layered picture of one scope, after Sugiyama: boxes in layers along the flow, few crossings, straight long edges.
//
// Flow goes downward here; the caller turns sizes and points for a flow to the right. An edge over several layers bends
// only between layers, at bends that hold room of their own, so it passes beside boxes and never behind them. An edge over
// very many layers gets bends at its two ends only. Parts that nothing joins are packed side by side. There is no recursion.

import { connected, GAP } from "./connected.ts";
import { pack } from "./pack.ts";

export interface Task {
  width: number[]; // of boxes
  height: number[];
  mid: number[]; // where wires meet a box: so far from its centre, across the flow
  core: number[]; // the height of the part that wires meet: the rest holds what stands beside it
  pin: number[]; // FIRST, LAST or 0
  from: number[]; // edges without loops
  to: number[];
  fromAt: number[]; // where an edge meets its box, from the centre; NaN: at `mid`
  toAt: number[];
  room: number; // between layers: a label fits
}

export interface Placed {
  x: Int32Array; // left upper corners
  y: Int32Array;
  width: number;
  height: number;
  routes: number[][]; // per edge x0, y0, x1, y1, ...
  labels: number[]; // per edge x, y: between two layers, near the middle of its way
}

export function layered(task: Task): Placed {
  const n = task.width.length;
  const groups = joined(n, task);
  const x = new Int32Array(n), y = new Int32Array(n);
  const routes: number[][] = task.from.map(() => []);
  const labels: number[] = new Array(2 * task.from.length).fill(0);
  const parts: { width: number; height: number; single: boolean; pinned: boolean }[] = [];
  const own = new Int32Array(n);
  const edges: number[][] = groups.map(() => []);
  const group = new Int32Array(n);
  groups.forEach((boxes, k) => boxes.forEach((v, i) => { group[v] = k; own[v] = i; }));
  task.from.forEach((u, e) => edges[group[u]!]!.push(e));
  groups.forEach((boxes, k) => {
    const pinned = boxes.some(v => task.pin[v]);
    if (boxes.length === 1 && !pinned) {
      parts.push({ width: task.width[boxes[0]!]!, height: task.height[boxes[0]!]!, single: true, pinned });
      return;
    }
    const pick = (of: number[], ids: number[]) => ids.map(i => of[i]!);
    const done = connected({
      width: pick(task.width, boxes), height: pick(task.height, boxes), mid: pick(task.mid, boxes),
      core: pick(task.core, boxes), pin: pick(task.pin, boxes),
      from: edges[k]!.map(e => own[task.from[e]!]!), to: edges[k]!.map(e => own[task.to[e]!]!),
      fromAt: pick(task.fromAt, edges[k]!), toAt: pick(task.toAt, edges[k]!), room: task.room,
    });
    boxes.forEach((v, i) => { x[v] = done.x[i]!; y[v] = done.y[i]!; });
    edges[k]!.forEach((e, i) => {
      routes[e] = done.routes[i]!;
      labels[2 * e] = done.labels[2 * i]!;
      labels[2 * e + 1] = done.labels[2 * i + 1]!;
    });
    parts.push({ width: done.width, height: done.height, single: false, pinned });
  });
  const { at, width, height } = pack(parts, GAP);
  groups.forEach((boxes, k) => {
    const [dx, dy] = at[k]!;
    for (const v of boxes) {
      x[v]! += dx;
      y[v]! += dy;
    }
    for (const e of edges[k]!) {
      const route = routes[e]!;
      labels[2 * e]! += dx;
      labels[2 * e + 1]! += dy;
      for (let i = 0; i < route.length; i += 2) {
        route[i]! += dx;
        route[i + 1]! += dy;
      }
    }
  });
  return { x, y, width, height, routes, labels };
}

/** Boxes that edges join; those that stand for what comes in and goes out are one part with all that they reach. */
function joined(n: number, task: Task): number[][] {
  const up = Int32Array.from({ length: n }, (_, v) => v);
  const top = (v: number) => {
    while (up[v] !== v) v = up[v] = up[up[v]!]!;
    return v;
  };
  const join = (a: number, b: number) => {
    const p = top(a), q = top(b);
    if (p !== q) up[Math.max(p, q)] = Math.min(p, q);
  };
  task.from.forEach((u, e) => join(u, task.to[e]!));
  let pinned = -1;
  task.pin.forEach((pin, v) => {
    if (!pin) return;
    if (pinned >= 0) join(pinned, v);
    pinned = v;
  });
  const groups = new Map<number, number[]>();
  for (let v = 0; v < n; v++) {
    const t = top(v);
    if (!groups.has(t)) groups.set(t, []);
    groups.get(t)!.push(v);
  }
  return [...groups.values()];
}

export { FIRST, LAST } from "./layers.ts";
