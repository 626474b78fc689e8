// Where the boxes of each layer stand across the flow, after Brandes and Köpf: "Fast and simple horizontal coordinate
// assignment" (2001). Nodes are aligned with a median neighbour into straight blocks, four times (from above or below, from
// the left or the right); blocks are pushed together; the mean of the two middle results is taken. Order statistics keep
// distances, so nothing overlaps. Bends of long edges are aligned first: those edges are straight but for their ends.

import { gather } from "./columns.ts";
import type { Layers } from "./order.ts";
import { relax } from "./relax.ts";

/** Centres, whole numbers. `width` is even; `shiftFrom` and `shiftTo` are where segments end, from the node's centre. */
export function straighten(
  g: Layers, width: ArrayLike<number>, bend: Uint8Array, shiftFrom: ArrayLike<number>, shiftTo: ArrayLike<number>,
  apart: (a: number, b: number) => number,
): Int32Array {
  const n = g.layer.length;
  const place = new Int32Array(n);
  for (const row of g.layers) row.forEach((v, i) => { place[v] = i; });
  const yields = crossedByLong(g, place, bend);
  const neighbours = [true, false].map(above => {
    const [start, list] = gather(n, above ? g.to : g.from);
    const other = above ? g.from : g.to;
    for (let v = 0; v < n; v++) {
      const part = list.subarray(start[v], start[v + 1]);
      if (part.length > 1) part.sort((s, t) => place[other[s]!]! - place[other[t]!]! || s - t);
    }
    return { start, list, other };
  });
  const results: Float64Array[] = [];
  for (const above of [true, false]) {
    for (const left of [true, false]) {
      const { start, list, other } = neighbours[above ? 0 : 1]!;
      const root = Int32Array.from({ length: n }, (_, v) => v), next = root.slice();
      const shift = new Float64Array(n);
      const many = g.layers.length;
      for (let k = 1; k < many; k++) {
        const row = g.layers[above ? k : many - 1 - k]!;
        let reached = left ? -1 : Infinity;
        for (let i = 0; i < row.length; i++) {
          const v = row[left ? i : row.length - 1 - i]!;
          // A box follows boxes rather than bends: what computes stands in one line, and long edges go round it.
          const all = list.subarray(start[v], start[v + 1]);
          const near = bend[v] ? all : all.filter(s => !bend[other[s]!]);
          const among = near.length ? near : all;
          if (!among.length) continue;
          const middle = [(among.length - 1) >> 1, among.length >> 1];
          if (!left) middle.reverse();
          for (const at of middle) {
            const s = among[at]!, u = other[s]!;
            if (next[v] !== v || yields[s] || Math.abs(g.layer[u]! - g.layer[v]!) !== 1) continue;
            const free = left ? reached < place[u]! : reached > place[u]!;
            if (!free) continue;
            next[u] = v;
            root[v] = root[u]!;
            next[v] = root[v]!;
            const own = above ? shiftTo[s]! : shiftFrom[s]!, theirs = above ? shiftFrom[s]! : shiftTo[s]!;
            shift[v] = shift[u]! + theirs - own;
            reached = place[u]!;
          }
        }
      }
      results.push(compact(g, width, root, shift, apart, left));
    }
  }
  const centres = balance(results, width);
  relax(g, centres, width, bend, shiftFrom, shiftTo, apart);
  return centres;
}

/** Segments that cross the inside of a long edge (between two bends) may not be made straight in its stead. */
function crossedByLong(g: Layers, place: Int32Array, bend: Uint8Array): Uint8Array {
  const yields = new Uint8Array(g.from.length);
  const [start, list] = gather(g.layer.length, g.to);
  for (let k = 1; k < g.layers.length; k++) {
    const row = g.layers[k]!;
    const inner = (v: number): number => {
      if (!bend[v]) return -1;
      for (let at = start[v]!; at < start[v + 1]!; at++) {
        const u = g.from[list[at]!]!;
        if (bend[u] && g.layer[u] === k - 1) return place[u]!;
      }
      return -1;
    };
    let low = -1, from = 0;
    for (let i = 0; i < row.length; i++) {
      const at = inner(row[i]!);
      if (at < 0 && i < row.length - 1) continue;
      const high = at < 0 ? Infinity : at;
      for (; from <= i; from++) {
        const v = row[from]!;
        for (let e = start[v]!; e < start[v + 1]!; e++) {
          const s = list[e]!, u = g.from[s]!;
          if (g.layer[u] === k - 1 && (place[u]! < low || place[u]! > high) && !(bend[u] && bend[v])) yields[s] = 1;
        }
      }
      if (at >= 0) low = at;
    }
  }
  return yields;
}

/** Pushes blocks to one side, as far as order and distances let them; then back where nothing is lost. */
function compact(
  g: Layers, width: ArrayLike<number>, root: Int32Array, shift: Float64Array, apart: (a: number, b: number) => number, left: boolean,
): Float64Array {
  const n = root.length;
  const from: number[] = [], to: number[] = [], length: number[] = [];
  for (const row of g.layers) {
    for (let i = 0; i + 1 < row.length; i++) {
      const a = row[i]!, b = row[i + 1]!;
      const gap = width[a]! / 2 + apart(a, b) + width[b]! / 2;
      const p = left ? a : b, q = left ? b : a;
      from.push(root[p]!); to.push(root[q]!);
      length.push(gap + shift[a]! - shift[b]!);
    }
  }
  const [start, list] = gather(n, from);
  const waits = new Int32Array(n);
  for (const q of to) waits[q]!++;
  const order: number[] = [];
  for (let v = 0; v < n; v++) if (root[v] === v && !waits[v]) order.push(v);
  // Distances from the side; on the right side they are counted to the left.
  const far = new Float64Array(n);
  for (let i = 0; i < order.length; i++) {
    const p = order[i]!;
    for (let k = start[p]!; k < start[p + 1]!; k++) {
      const e = list[k]!, q = to[e]!;
      far[q] = Math.max(far[q]!, far[p]! + length[e]!);
      if (!--waits[q]!) order.push(q);
    }
  }
  for (let i = order.length - 1; i >= 0; i--) {
    const p = order[i]!;
    let room = Infinity;
    for (let k = start[p]!; k < start[p + 1]!; k++) room = Math.min(room, far[to[list[k]!]!]! - length[list[k]!]!);
    if (room < Infinity) far[p] = Math.max(far[p]!, room);
  }
  return Float64Array.from(root, (r, v) => (left ? far[r]! : -far[r]!) + shift[v]!);
}

function balance(results: Float64Array[], width: ArrayLike<number>): Int32Array {
  const n = width.length;
  const reach = results.map(xs => {
    let low = Infinity, high = -Infinity;
    xs.forEach((x, v) => {
      low = Math.min(low, x - width[v]! / 2);
      high = Math.max(high, x + width[v]! / 2);
    });
    return { low, high };
  });
  let narrow = reach[0]!;
  for (const r of reach) if (r.high - r.low < narrow.high - narrow.low) narrow = r;
  const moved = results.map((xs, k) => {
    const by = k % 2 === 0 ? narrow.low - reach[k]!.low : narrow.high - reach[k]!.high;
    return xs.map(x => x + by);
  });
  const centres = new Int32Array(n);
  const four = new Float64Array(4);
  for (let v = 0; v < n; v++) {
    moved.forEach((xs, k) => { four[k] = xs[v]!; });
    four.sort();
    centres[v] = Math.round((four[1]! + four[2]!) / 2 - narrow.low);
  }
  return centres;
}
