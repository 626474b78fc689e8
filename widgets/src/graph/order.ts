// The order of boxes within each layer: sweeps down and up by barycentres, then swaps of neighbours, keeping the best.

import { gather } from "./columns.ts";

/** Boxes and bends in layers. A segment runs from an upper layer to a lower one; ends may lie off a box's centre. */
export interface Layers {
  layers: Int32Array[]; // ids of nodes, in order
  layer: Int32Array; // per node
  from: Int32Array; // per segment, the upper end
  to: Int32Array;
  fromAt: Float64Array; // where on its node the segment ends: -0.5 (left) to 0.5
  toAt: Float64Array;
}

/** Changes `layers` so that few segments cross. */
export function reorder(g: Layers): void {
  const n = g.layer.length;
  const [downStart, downList] = gather(n, g.from);
  const [upStart, upList] = gather(n, g.to);
  const place = new Float64Array(n);
  const settle = () => { for (const row of g.layers) row.forEach((v, i) => { place[v] = i; }); };
  const work = n + g.from.length;
  const rounds = work < 3000 ? 24 : work < 20000 ? 12 : 6;

  const centre = (v: number, down: boolean): number => {
    const start = down ? upStart : downStart, list = down ? upList : downList;
    const many = start[v + 1]! - start[v]!;
    if (!many) return -1;
    let sum = 0;
    for (let k = start[v]!; k < start[v + 1]!; k++) {
      const s = list[k]!;
      sum += down ? place[g.from[s]!]! + g.fromAt[s]! - g.toAt[s]! : place[g.to[s]!]! + g.toAt[s]! - g.fromAt[s]!;
    }
    return sum / many;
  };
  const sweep = (down: boolean, bias: boolean): void => {
    const many = g.layers.length;
    for (let k = 1; k < many; k++) {
      const row = g.layers[down ? k : many - 1 - k]!;
      const moving: { v: number; at: number; was: number }[] = [];
      const free: number[] = [];
      row.forEach((v, i) => {
        const at = centre(v, down);
        if (at < 0 && !(down ? upStart[v + 1]! - upStart[v]! : downStart[v + 1]! - downStart[v]!)) return;
        moving.push({ v, at, was: bias ? -i : i });
        free.push(i);
      });
      moving.sort((p, q) => p.at - q.at || p.was - q.was);
      moving.forEach((m, i) => { row[free[i]!] = m.v; });
      row.forEach((v, i) => { place[v] = i; });
    }
  };

  const sorted = (v: number, down: boolean): number[] => {
    const start = down ? downStart : upStart, list = down ? downList : upList;
    const keys: number[] = [];
    for (let k = start[v]!; k < start[v + 1]!; k++) {
      const s = list[k]!;
      keys.push(down ? place[g.to[s]!]! + g.toAt[s]! : place[g.from[s]!]! + g.fromAt[s]!);
    }
    return keys.sort((a, b) => a - b);
  };
  const swaps = (): void => {
    for (let round = 0; round < 8; round++) {
      let better = false;
      for (const row of g.layers) {
        if (row.length < 2) continue;
        let leftUp = sorted(row[0]!, false), leftDown = sorted(row[0]!, true);
        for (let i = 0; i + 1 < row.length; i++) {
          const v = row[i]!, w = row[i + 1]!;
          const up = sorted(w, false), down = sorted(w, true);
          const now = inversions(leftUp, up) + inversions(leftDown, down);
          const then = inversions(up, leftUp) + inversions(down, leftDown);
          if (then < now) {
            row[i] = w; row[i + 1] = v;
            place[w] = i; place[v] = i + 1;
            better = true;
          } else {
            leftUp = up;
            leftDown = down;
          }
        }
      }
      if (!better) break;
    }
  };

  settle();
  let best = g.layers.map(row => row.slice()), least = crossings(g, place);
  let stale = 0;
  for (let round = 0; round < rounds && least > 0 && stale < 6; round++) {
    sweep(round % 2 === 0, round % 4 >= 2);
    if (work < 6000) swaps();
    const now = crossings(g, place);
    stale++;
    if (now < least) {
      least = now;
      stale = 0;
      best = g.layers.map(row => row.slice());
    }
  }
  g.layers.forEach((row, i) => row.set(best[i]!));
  settle();
  if (least > 0 && work >= 6000 && work < 60000) swaps();
}

/** How often a of `left` is beyond b of `right`; both sorted. */
function inversions(left: number[], right: number[]): number {
  let count = 0;
  for (let i = 0, j = 0; i < left.length; i++) {
    while (j < right.length && right[j]! < left[i]!) j++;
    count += j;
  }
  return count;
}

/** How many pairs of segments between neighbouring layers cross. */
export function crossings(g: Layers, place: Float64Array): number {
  const between: number[][] = g.layers.map(() => []);
  for (let s = 0; s < g.from.length; s++) {
    const u = g.from[s]!, v = g.to[s]!;
    if (g.layer[v]! !== g.layer[u]! + 1) continue;
    const a = Math.round((place[u]! + g.fromAt[s]! + 1) * 64), b = Math.round((place[v]! + g.toAt[s]! + 1) * 64);
    between[g.layer[u]!]!.push(a * 2 ** 24 + b);
  }
  let count = 0;
  for (const keys of between) {
    if (keys.length < 2) continue;
    const ordered = Float64Array.from(keys).sort();
    count += unsorted(Float64Array.from(ordered, key => key % 2 ** 24));
  }
  return count;
}

/** Pairs in the wrong order, by merging from the bottom up. */
function unsorted(values: Float64Array): number {
  let from: Float64Array = values, into: Float64Array = new Float64Array(values.length), count = 0;
  for (let step = 1; step < values.length; step *= 2) {
    for (let low = 0; low < values.length; low += 2 * step) {
      const middle = Math.min(low + step, values.length), high = Math.min(low + 2 * step, values.length);
      for (let i = low, j = middle, k = low; k < high; k++) {
        if (i < middle && (j >= high || from[i]! <= from[j]!)) into[k] = from[i++]!;
        else {
          count += middle - i;
          into[k] = from[j++]!;
        }
      }
    }
    [from, into] = [into, from];
  }
  return count;
}
