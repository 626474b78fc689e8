// The learner's own curve: the formulas of labkit.parallel.scaling_curve and labkit.parallel.communication.

export interface WhatIf {
  compute: number; // seconds of a gradient
  bytes: number;
  bandwidth: number;
  latency: number;
  overlap: number;
  way: "servers" | "ring" | "tree";
  servers: number;
  batch: number;
  shown: boolean;
}

/** Seconds in which n workers exchange their gradients. */
export function exchange({ bytes, bandwidth, latency, way, servers }: WhatIf, n: number): number {
  if (n === 1) return 0;
  if (way === "servers") return 2 * latency + 2 * bytes * Math.max(1, n / servers) / bandwidth;
  if (way === "ring") return 2 * (n - 1) * (bytes / n / bandwidth + latency);
  return 2 * Math.ceil(Math.log2(n) - 1e-12) * (bytes / bandwidth + latency);
}

/** Seconds of a step of n workers. */
export function step(what: WhatIf, n: number): number {
  const sent = exchange(what, n);
  return what.compute + sent - Math.min(what.overlap * sent, what.compute);
}

export type Panel = "speed-up" | "throughput" | "efficiency" | "step time" | "backup workers" | "time to target";

/** The value of a panel for n workers; null where the panel shows something else. */
export function value(what: WhatIf, panel: Panel, n: number): number | null {
  const seconds = step(what, n), speedup = n * step(what, 1) / seconds;
  if (panel === "speed-up") return speedup;
  if (panel === "throughput") return speedup * what.batch / step(what, 1);
  if (panel === "efficiency") return speedup / n;
  return panel === "step time" ? seconds : null;
}

/** From how many workers on a step takes twice as long as its computing; null if it never does up to a million. */
export function halved(what: WhatIf): number | null {
  if (step(what, 2 ** 20) < 2 * what.compute) return null;
  let low = 1, high = 2 ** 20;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (step(what, middle) < 2 * what.compute) low = middle;
    else high = middle;
  }
  return high;
}

/** A slider in powers of ten: from its place, 0 to 1000, to a value of three figures, and back. */
export const fromPlace = (place: number, low: number, high: number): number =>
  Number((low * (high / low) ** (place / 1000)).toPrecision(3));
export const toPlace = (value: number, low: number, high: number): number =>
  Math.round(1000 * Math.log(Math.min(high, Math.max(low, value)) / low) / Math.log(high / low));
