// A layered picture of one scope, after Sugiyama: boxes in layers along the flow, few crossings, straight long edges.
//
// Flow goes downward here; the caller turns sizes and points for a flow to the right. An edge over several layers bends
// only between layers, at bends that hold room of their own, so it passes beside boxes and never behind them. An edge over
// very many layers gets bends at its two ends only. Parts that nothing joins are packed side by side. There is no recursion.

import { assign, FIRST, fold, LAST } from "./layers.ts";
import { reorder, type Layers } from "./order.ts";
import { pack } from "./pack.ts";
import { straighten } from "./place.ts";

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

const GAP = 24; // between boxes of a layer
const THREAD = 10; // between bends
const SHORT = 18; // between a frame's border and what is in it
const MOST_BENDS = 20;
const ALL_BENDS = 24000;

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

function connected(task: Task): Placed {
  const n = task.width.length, m = task.from.length;
  const layer = fold(assign(n, task.from, task.to, task.pin), task.width, task.height, task.pin, GAP, task.room);

  // Bends: one per layer that an edge passes.
  let far = 0;
  for (let e = 0; e < m; e++) if (layer[task.to[e]!]! - layer[task.from[e]!]! > 1) far++;
  const most = Math.max(2, Math.min(MOST_BENDS, Math.floor(ALL_BENDS / Math.max(1, far))));
  const at: number[] = Array.from(layer);
  const from: number[] = [], to: number[] = [], edgeOf: number[] = [];
  const chain: number[][] = [];
  for (let e = 0; e < m; e++) {
    const low = layer[task.from[e]!]!, high = layer[task.to[e]!]!, span = high - low - 1;
    const bends: number[] = [];
    let last = task.from[e]!;
    for (let k = 1; k <= span; k++) {
      if (span > most && k > most >> 1 && k <= span - (most >> 1)) continue;
      const bend = at.length;
      at.push(low + k);
      from.push(last); to.push(bend); edgeOf.push(e);
      bends.push(bend);
      last = bend;
    }
    from.push(last); to.push(task.to[e]!); edgeOf.push(e);
    chain.push(bends);
  }
  const all = at.length;
  const width = new Float64Array(all), bend = new Uint8Array(all);
  for (let v = 0; v < all; v++) {
    width[v] = v < n ? task.width[v]! + (task.width[v]! & 1) : 0;
    bend[v] = v < n ? 0 : 1;
  }
  const shiftFrom = new Float64Array(from.length), shiftTo = new Float64Array(from.length);
  const begin = (e: number) => (Number.isNaN(task.fromAt[e]!) ? task.mid[task.from[e]!]! : task.fromAt[e]!);
  const end = (e: number) => (Number.isNaN(task.toAt[e]!) ? task.mid[task.to[e]!]! : task.toAt[e]!);
  const fromAt = new Float64Array(from.length), toAt = new Float64Array(from.length);
  for (let s = 0; s < from.length; s++) {
    const u = from[s]!, v = to[s]!, e = edgeOf[s]!;
    // From frame to frame the frames stand in line, not their ports: else a chain of like frames becomes a staircase.
    const frames = u < n && v < n && !Number.isNaN(task.fromAt[e]! + task.toAt[e]!);
    if (u < n) {
      shiftFrom[s] = frames ? 0 : begin(e);
      fromAt[s] = fraction(task.fromAt[e]!, width[u]!);
    }
    if (v < n) {
      shiftTo[s] = frames ? 0 : end(e);
      toAt[s] = fraction(task.toAt[e]!, width[v]!);
    }
  }
  const graph: Layers = {
    layers: start(all, at, from, to), layer: Int32Array.from(at), from: Int32Array.from(from), to: Int32Array.from(to), fromAt, toAt,
  };
  reorder(graph);
  const apart = (a: number, b: number) => (bend[a] && bend[b] ? THREAD : bend[a] || bend[b] ? 16 : !width[a] && !width[b] ? THREAD : GAP);
  const x = straighten(graph, width, bend, shiftFrom, shiftTo, apart);

  // Along the flow: as high as the highest box of a layer, and more room where wires run far to the side.
  const rows = graph.layers.length;
  const side = new Float64Array(rows), tall = new Float64Array(rows), short = new Uint8Array(rows).fill(1);
  for (let v = 0; v < n; v++) {
    tall[at[v]!] = Math.max(tall[at[v]!]!, task.height[v]!);
    if (!task.pin[v] || task.height[v]! > 0) short[at[v]!] = 0;
  }
  for (let v = n; v < all; v++) short[at[v]!] = 0;
  for (let s = 0; s < from.length; s++) {
    const k = at[from[s]!]!;
    if (at[to[s]!] !== k + 1) continue;
    const u = from[s]!, v = to[s]!, e = edgeOf[s]!;
    side[k] = Math.max(side[k]!, Math.abs(x[u]! + (u < n ? begin(e) : 0) - x[v]! - (v < n ? end(e) : 0)));
  }
  const top = new Int32Array(rows), bottom = new Int32Array(rows);
  let y = 0;
  for (let k = 0; k < rows; k++) {
    top[k] = y;
    bottom[k] = y + tall[k]!;
    const edge = short[k] || (k + 1 < rows && short[k + 1]);
    y = bottom[k]! + (edge ? SHORT : task.room) + Math.min(60, Math.round(side[k]! / 14));
  }
  const placed: Placed = {
    x: new Int32Array(n), y: new Int32Array(n), width: 0, height: rows ? bottom[rows - 1]! : 0,
    routes: task.from.map((u, e) => {
      const v = task.to[e]!;
      const points: number[] = [];
      const first = x[u]! + begin(e), last = x[v]! + end(e);
      const lead = (tall[at[u]!]! - task.core[u]!) >> 1, trail = (tall[at[v]!]! - task.core[v]!) >> 1;
      put(points, first, bottom[at[u]!]! - lead);
      put(points, first, bottom[at[u]!]!);
      for (const b of chain[e]!) {
        put(points, x[b]!, top[at[b]!]!);
        put(points, x[b]!, bottom[at[b]!]!);
      }
      put(points, last, top[at[v]!]!);
      put(points, last, top[at[v]!]! + trail);
      return points;
    }),
    labels: task.from.flatMap((u, e) => {
      const way = [u, ...chain[e]!, task.to[e]!], k = (way.length - 1) >> 1;
      const a = way[k]!, b = way[k + 1]!;
      const ends = x[a]! + (a < n ? begin(e) : 0) + x[b]! + (b < n ? end(e) : 0);
      return [Math.round(ends / 2), Math.round((bottom[at[a]!]! + top[at[b]!]!) / 2)];
    }),
  };
  let left = Infinity, right = -Infinity;
  const see = (low: number, high: number) => { left = Math.min(left, low); right = Math.max(right, high); };
  for (let v = 0; v < n; v++) {
    const half = task.width[v]! >> 1;
    placed.x[v] = x[v]! - half;
    placed.y[v] = top[at[v]!]! + ((tall[at[v]!]! - task.height[v]!) >> 1);
    see(x[v]! - half, x[v]! - half + task.width[v]!);
  }
  for (let v = n; v < all; v++) see(x[v]! - 4, x[v]! + 4);
  for (let v = 0; v < n; v++) placed.x[v]! -= left;
  for (const route of placed.routes) for (let i = 0; i < route.length; i += 2) route[i]! -= left;
  for (let i = 0; i < placed.labels.length; i += 2) placed.labels[i]! -= left;
  placed.width = right - left;
  return placed;
}

function fraction(at: number, width: number): number {
  return Number.isNaN(at) || !width ? 0 : Math.max(-0.49, Math.min(0.49, at / width));
}

/** Adds a point; one in the middle of a straight line replaces it. */
function put(points: number[], x: number, y: number): void {
  const k = points.length;
  if (k >= 2 && points[k - 2] === x && points[k - 1] === y) return;
  if (k >= 4 && points[k - 2] === x && points[k - 4] === x) {
    points[k - 1] = y;
    return;
  }
  points.push(x, y);
}

/** A first order: along the edges, depth first, from the upper left. */
function start(n: number, at: number[], from: number[], to: number[]): Int32Array[] {
  let most = 0;
  for (const k of at) most = Math.max(most, k);
  const rows: number[][] = Array.from({ length: n ? most + 1 : 0 }, () => []);
  const next: number[][] = Array.from({ length: n }, () => []);
  for (let s = from.length - 1; s >= 0; s--) {
    next[to[s]!]!.push(from[s]!);
  }
  for (let s = from.length - 1; s >= 0; s--) {
    next[from[s]!]!.push(to[s]!);
  }
  const seen = new Uint8Array(n);
  const roots = Array.from({ length: n }, (_, v) => v).sort((a, b) => at[a]! - at[b]! || a - b);
  const stack: number[] = [];
  for (const root of roots) {
    stack.push(root);
    while (stack.length) {
      const v = stack.pop()!;
      if (seen[v]) continue;
      seen[v] = 1;
      rows[at[v]!]!.push(v);
      for (const w of next[v]!) if (!seen[w]) stack.push(w);
    }
  }
  return rows.map(row => Int32Array.from(row));
}

export { FIRST, LAST };
