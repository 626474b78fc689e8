// One connected part of a layered picture: layers, bends, order, places, and the ways of its edges.

import { assign, fold } from "./layers.ts";
import type { Placed, Task } from "./layered.ts";
import { reorder, type Layers } from "./order.ts";
import { straighten } from "./place.ts";

export const GAP = 24; // between boxes of a layer
const THREAD = 10; // between bends
const BESIDE = 16; // between a bend and a box
const SHORT = 18; // between a frame's border and what is in it
const MOST_BENDS = 20; // of one edge
const ALL_BENDS = 24000;

/** Boxes (numbers below `boxes`) and the bends of long edges, in layers. */
interface Bent {
  boxes: number;
  at: number[]; // layer of each
  from: number[]; // segments, from layer to layer
  to: number[];
  edge: number[]; // which edge a segment is part of
  chain: number[][]; // bends of each edge, in order
}

/** Where boxes and bends stand across the flow, and how far to the side each segment runs. */
export interface Spread {
  bent: Bent;
  x: Int32Array; // centres
  far: Float64Array;
  begin: (e: number) => number; // where an edge meets its boxes, from their centres
  end: (e: number) => number;
}

/** Along the flow: where each layer begins and ends. */
export interface Rows {
  top: Int32Array;
  bottom: Int32Array;
}

export function connected(task: Task): Placed {
  const { width, height, pin, room } = task;
  const spread = across(task, fold(assign(width.length, task.from, task.to, pin), width, height, pin, GAP, room));
  return draw(task, spread, rows([task], [spread]));
}

/** Boxes in given layers: their order, and their places across the flow. */
export function across(task: Task, layer: Int32Array): Spread {
  const { width } = task;
  const bent = bend(task, layer);
  const { boxes, at, from, to, edge } = bent;
  const begin = (e: number) => ending(task.fromAt[e]!, task.mid[task.from[e]!]!);
  const end = (e: number) => ending(task.toAt[e]!, task.mid[task.to[e]!]!);
  const wide = Float64Array.from(at, (_, v) => (v < boxes ? width[v]! + (width[v]! & 1) : 0));
  const isBend = Uint8Array.from(at, (_, v) => (v < boxes ? 0 : 1));
  const zeros = () => new Float64Array(from.length);
  const shiftFrom = zeros(), shiftTo = zeros();
  const g: Layers = {
    layers: inOrder(at, from, to), layer: Int32Array.from(at), from: Int32Array.from(from), to: Int32Array.from(to), fromAt: zeros(), toAt: zeros(),
  };
  edge.forEach((e, s) => {
    const u = from[s]!, v = to[s]!;
    // From frame to frame the frames stand in line, not their ports: else a chain of like frames becomes a staircase.
    const frames = u < boxes && v < boxes && !Number.isNaN(task.fromAt[e]! + task.toAt[e]!);
    if (u < boxes) {
      shiftFrom[s] = frames ? 0 : begin(e);
      g.fromAt[s] = fraction(task.fromAt[e]!, wide[u]!);
    }
    if (v < boxes) {
      shiftTo[s] = frames ? 0 : end(e);
      g.toAt[s] = fraction(task.toAt[e]!, wide[v]!);
    }
  });
  reorder(g);
  const apart = (a: number, b: number) => (isBend[a]! + isBend[b]! === 1 ? BESIDE : !wide[a] && !wide[b] ? THREAD : GAP);
  const x = straighten(g, wide, isBend, shiftFrom, shiftTo, apart);
  const far = zeros(); // how far to the side each segment runs
  edge.forEach((e, s) => {
    const u = from[s]!, v = to[s]!;
    far[s] = Math.abs(x[u]! + (u < boxes ? begin(e) : 0) - x[v]! - (v < boxes ? end(e) : 0));
  });
  return { bent, x, far, begin, end };
}

/** One bend for each layer that an edge passes; if it passes very many, bends near its two ends only. */
function bend(task: Task, layer: Int32Array): Bent {
  const bent: Bent = { boxes: layer.length, at: Array.from(layer), from: [], to: [], edge: [], chain: [] };
  const span = (e: number) => layer[task.to[e]!]! - layer[task.from[e]!]! - 1;
  const long = task.from.reduce((count, _, e) => count + (span(e) > 0 ? 1 : 0), 0);
  const half = Math.max(2, Math.min(MOST_BENDS, Math.floor(ALL_BENDS / Math.max(1, long)))) >> 1;
  task.from.forEach((u, e) => {
    const bends: number[] = [];
    let last = u;
    const join = (v: number) => {
      bent.from.push(last);
      bent.to.push(v);
      bent.edge.push(e);
      last = v;
    };
    for (let k = 1; k <= span(e); k++) {
      if (span(e) > 2 * half && k > half && k <= span(e) - half) continue;
      bends.push(bent.at.length);
      bent.at.push(layer[u]! + k);
      join(bends.at(-1)!);
    }
    join(task.to[e]!);
    bent.chain.push(bends);
  });
  return bent;
}

/** Layers are as high as their highest box; there is more room between them where wires run far to the side. */
export function rows(tasks: Task[], spreads: Spread[], steep = 14): Rows {
  const many = spreads.reduce((most, { bent }) => bent.at.reduce((m, k) => Math.max(m, k + 1), most), 0);
  const side = new Float64Array(many), tall = new Float64Array(many), border = new Uint8Array(many).fill(1);
  spreads.forEach(({ bent: { boxes, at, from, to }, far }, i) => {
    const task = tasks[i]!;
    at.forEach((k, v) => {
      if (v < boxes) tall[k] = Math.max(tall[k]!, task.height[v]!);
      if (v >= boxes || !task.pin[v] || task.height[v]! > 0) border[k] = 0;
    });
    from.forEach((u, s) => {
      if (at[to[s]!] === at[u]! + 1) side[at[u]!] = Math.max(side[at[u]!]!, far[s]!);
    });
  });
  const top = new Int32Array(many), bottom = new Int32Array(many);
  for (let k = 0, y = 0; k < many; k++) {
    top[k] = y;
    bottom[k] = y + tall[k]!;
    y = bottom[k]! + (border[k] || border[k + 1] ? SHORT : tasks[0]!.room) + Math.min(60, Math.round(side[k]! / steep));
  }
  return { top, bottom };
}

/** Boxes and the ways of edges, from where they are across the flow and along it. */
export function draw(task: Task, { bent: { boxes, at, chain }, x, begin, end }: Spread, { top, bottom }: Rows): Placed {
  let left = Infinity, right = -Infinity;
  x.forEach((centre, v) => {
    const half = v < boxes ? task.width[v]! >> 1 : 4;
    left = Math.min(left, centre - half);
    right = Math.max(right, centre - half + (v < boxes ? task.width[v]! : 8));
  });
  const placed: Placed = { x: new Int32Array(boxes), y: new Int32Array(boxes), width: right - left, height: bottom.at(-1)!, routes: [], labels: [] };
  for (let v = 0; v < boxes; v++) {
    placed.x[v] = x[v]! - (task.width[v]! >> 1) - left;
    placed.y[v] = (top[at[v]!]! + bottom[at[v]!]! - task.height[v]!) >> 1;
  }
  task.from.forEach((u, e) => {
    const v = task.to[e]!, way = [u, ...chain[e]!, v];
    const across = (w: number) => x[w]! - left + (w === u ? begin(e) : w === v ? end(e) : 0);
    const margin = (w: number) => (bottom[at[w]!]! - top[at[w]!]! - task.core[w]!) >> 1; // between a layer's edge and the part that wires meet
    const points: number[] = [];
    put(points, across(u), bottom[at[u]!]! - margin(u));
    for (const w of way) {
      if (w !== u) put(points, across(w), top[at[w]!]!);
      if (w !== v) put(points, across(w), bottom[at[w]!]!);
    }
    put(points, across(v), top[at[v]!]! + margin(v));
    placed.routes.push(points);
    const middle = (way.length - 1) >> 1, a = way[middle]!, b = way[middle + 1]!;
    placed.labels.push(Math.round((across(a) + across(b)) / 2), Math.round((bottom[at[a]!]! + top[at[b]!]!) / 2));
  });
  return placed;
}

function ending(at: number, mid: number): number {
  return Number.isNaN(at) ? mid : at;
}

function fraction(at: number, width: number): number {
  return Number.isNaN(at) || !width ? 0 : Math.max(-0.49, Math.min(0.49, at / width));
}

/** Adds a point; one in the middle of a straight line replaces it. */
function put(points: number[], x: number, y: number): void {
  const k = points.length;
  if (k >= 2 && points[k - 2] === x && points[k - 1] === y) return;
  if (k >= 4 && points[k - 2] === x && points[k - 4] === x) points[k - 1] = y;
  else points.push(x, y);
}

/** A first order within the layers: along the edges, depth first, from the upper left. */
function inOrder(at: number[], from: number[], to: number[]): Int32Array[] {
  const rows: number[][] = [];
  const next: number[][] = at.map(k => {
    while (rows.length <= k) rows.push([]);
    return [];
  });
  for (let s = from.length - 1; s >= 0; s--) next[to[s]!]!.push(from[s]!);
  for (let s = from.length - 1; s >= 0; s--) next[from[s]!]!.push(to[s]!);
  const seen = new Uint8Array(at.length);
  const stack: number[] = [];
  for (const root of [...at.keys()].sort((a, b) => at[a]! - at[b]! || a - b)) {
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
