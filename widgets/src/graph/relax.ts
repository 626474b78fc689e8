// After boxes were placed across the flow: what can still move to shorten wires, moves.

import { gather } from "./columns.ts";
import type { Layers } from "./order.ts";

/**
 * Shorter wires: each box, and each straight piece of a long edge as a whole, goes to the middle of what it is joined with,
 * as far as its neighbours leave room. The four alignments agree on straightness; this undoes what their mean leaves askew.
 */
export function relax(
  g: Layers, x: Int32Array, width: ArrayLike<number>, bend: Uint8Array, shiftFrom: ArrayLike<number>, shiftTo: ArrayLike<number>,
  apart: (a: number, b: number) => number,
): void {
  const n = x.length;
  const leftOf = new Int32Array(n).fill(-1), rightOf = new Int32Array(n).fill(-1);
  for (const row of g.layers) {
    for (let i = 0; i + 1 < row.length; i++) {
      rightOf[row[i]!] = row[i + 1]!;
      leftOf[row[i + 1]!] = row[i]!;
    }
  }
  const [upStart, upList] = gather(n, g.to);
  const [outStart, outList] = gather(n, g.from);
  const rounds = n < 5000 ? 4 : n < 20000 ? 2 : 1;
  // First bends above one another are moved as one, then all that a straight wire joins.
  for (const straight of [false, true, false]) {
    const piece = Int32Array.from({ length: n }, (_, v) => v);
    const top = (v: number) => {
      while (piece[v] !== v) v = piece[v] = piece[piece[v]!]!;
      return v;
    };
    for (let s = 0; s < g.from.length; s++) {
      const u = g.from[s]!, v = g.to[s]!;
      if ((straight || (bend[u] && bend[v])) && x[u]! + shiftFrom[s]! === x[v]! + shiftTo[s]! && g.layer[v] === g.layer[u]! + 1) piece[top(v)] = top(u);
    }
    for (let v = 0; v < n; v++) piece[v] = top(v);
    const [start, list] = gather(n, piece);
    const order = Array.from(piece.keys()).filter(v => piece[v] === v).sort((a, b) => g.layer[a]! - g.layer[b]! || x[a]! - x[b]!);
    for (let round = 0; round < rounds; round++) {
      let moved = false;
      for (let i = 0; i < order.length; i++) {
        const p = order[round % 2 ? order.length - 1 - i : i]!;
        let low = -Infinity, high = Infinity;
        const wishes: number[] = [];
        const wish = (by: number, bends: number) => {
          wishes.push(by);
          if (!bends) wishes.push(by, by); // from box to box counts more
        };
        for (let k = start[p]!; k < start[p + 1]!; k++) {
          const v = list[k]!;
          const a = leftOf[v]!, b = rightOf[v]!;
          if (a >= 0 && piece[a] !== p) low = Math.max(low, x[a]! - x[v]! + (width[a]! + width[v]!) / 2 + apart(a, v));
          if (b >= 0 && piece[b] !== p) high = Math.min(high, x[b]! - x[v]! - (width[b]! + width[v]!) / 2 - apart(v, b));
          for (let e = upStart[v]!; e < upStart[v + 1]!; e++) {
            const s = upList[e]!, u = g.from[s]!;
            if (piece[u] !== p) wish(x[u]! + shiftFrom[s]! - x[v]! - shiftTo[s]!, bend[u]! + bend[v]!);
          }
          for (let e = outStart[v]!; e < outStart[v + 1]!; e++) {
            const s = outList[e]!, w = g.to[s]!;
            if (piece[w] !== p) wish(x[w]! + shiftTo[s]! - x[v]! - shiftFrom[s]!, bend[w]! + bend[v]!);
          }
        }
        if (!wishes.length) continue;
        wishes.sort((a, b) => a - b);
        // Between the two middle wishes nothing is shorter than anything else: stay, if here is between them.
        const from = wishes[(wishes.length - 1) >> 1]!, to = wishes[wishes.length >> 1]!;
        const best = from > 0 ? from : to < 0 ? to : 0;
        const by = Math.max(low, Math.min(high, best));
        if (!by) continue;
        moved = true;
        for (let k = start[p]!; k < start[p + 1]!; k++) x[list[k]!]! += by;
      }
      if (!moved) break;
    }
  }
}
