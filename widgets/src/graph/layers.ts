// Which layer each box stands in: below all that it needs, near what it belongs to.

import { gather } from "./columns.ts";

export const FIRST = 1; // a box that stands for what comes in: it keeps to the first layer
export const LAST = 2; // ... for what goes out

/** Layers for boxes of a graph without loops. Edges at FIRST and LAST boxes do not pull. */
export function assign(n: number, from: ArrayLike<number>, to: ArrayLike<number>, pin: ArrayLike<number>): Int32Array {
  const [outStart, outList] = gather(n, from);
  const [inStart, inList] = gather(n, to);
  const layer = new Int32Array(n);
  const waits = new Int32Array(n);
  for (let e = 0; e < to.length; e++) waits[to[e]!]!++;
  let least = 0;
  for (let v = 0; v < n; v++) if (pin[v] === FIRST) least = 1;
  const order: number[] = [];
  for (let v = 0; v < n; v++) {
    if (pin[v] !== FIRST) layer[v] = least;
    if (!waits[v]) order.push(v);
  }
  for (let i = 0; i < order.length; i++) {
    const v = order[i]!;
    for (let k = outStart[v]!; k < outStart[v + 1]!; k++) {
      const w = to[outList[k]!]!;
      layer[w] = Math.max(layer[w]!, layer[v]! + 1);
      if (!--waits[w]!) order.push(w);
    }
  }
  // Shorter edges: each box goes to the side that pulls more, as far as its neighbours let it.
  for (let pass = 0; pass < 8; pass++) {
    let moved = false;
    for (let i = 0; i < order.length; i++) {
      const v = order[pass % 2 ? i : order.length - 1 - i]!;
      if (pin[v]) continue;
      let low = least, high = Infinity, ins = 0, outs = 0;
      for (let k = inStart[v]!; k < inStart[v + 1]!; k++) {
        const u = from[inList[k]!]!;
        low = Math.max(low, layer[u]! + 1);
        if (!pin[u]) ins++;
      }
      for (let k = outStart[v]!; k < outStart[v + 1]!; k++) {
        const w = to[outList[k]!]!;
        if (pin[w] === LAST) continue;
        high = Math.min(high, layer[w]! - 1);
        outs++;
      }
      const at = ins > outs ? low : outs > ins && high < Infinity ? high : layer[v]!;
      if (at !== layer[v]) {
        layer[v] = at;
        moved = true;
      }
    }
    if (!moved) break;
  }
  let last = 0;
  for (let v = 0; v < n; v++) if (pin[v] !== LAST) last = Math.max(last, layer[v]!);
  for (let v = 0; v < n; v++) if (pin[v] === LAST) layer[v] = last + 1;
  return squeeze(layer, pin);
}

/** Empty layers go. A first layer of FIRST boxes stays the first. */
function squeeze(layer: Int32Array, pin: ArrayLike<number>): Int32Array {
  let most = 0;
  for (const k of layer) most = Math.max(most, k);
  const used = new Int32Array(most + 2);
  for (const k of layer) used[k + 1] = 1;
  for (let v = 0; v < layer.length; v++) if (pin[v] === FIRST) used[1] = 1;
  for (let k = 1; k < used.length; k++) used[k]! += used[k - 1]!;
  return layer.map(k => used[k]!);
}

/** A layer far wider than the picture is tall goes to several rows: no edge runs within a layer, so any part may be a row. */
export function fold(
  layer: Int32Array, width: ArrayLike<number>, height: ArrayLike<number>, pin: ArrayLike<number>, gap: number, room: number,
): Int32Array {
  const n = layer.length;
  let most = 0, area = 0;
  for (let v = 0; v < n; v++) {
    most = Math.max(most, layer[v]!);
    area += (width[v]! + gap) * (height[v]! + room);
  }
  const wide = new Float64Array(most + 1);
  for (let v = 0; v < n; v++) wide[layer[v]!]! += width[v]! + gap;
  const limit = Math.max(1400, 2 * Math.sqrt(area));
  if (wide.every(w => w <= 1.3 * limit)) return layer;
  const rows = Array.from(wide, w => (w > 1.3 * limit ? Math.ceil(w / limit) : 1));
  const base = new Int32Array(most + 2), dealt = new Int32Array(most + 1);
  for (let k = 0; k <= most; k++) base[k + 1] = base[k]! + rows[k]!;
  return layer.map((k, v) => {
    if (pin[v] || rows[k] === 1) return base[k]!;
    return base[k]! + (dealt[k]!++ % rows[k]!); // like bricks: wires of one row find their way between the boxes of the next
  });
}
