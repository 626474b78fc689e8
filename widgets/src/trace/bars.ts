// Which bars a lane shows in a window: those wide enough to be seen, and one for all that share a pixel.
//
// The work is in proportion to the pixels and not to the events: after a pixel that many events share, the next event
// is found by bisection.

import { type Events, firstWhere, type Lane } from "./events.ts";

/** What time is shown, and how wide: x = (seconds - from) * scale. */
export interface Window {
  from: number;
  to: number;
  width: number;
}

const NARROW = 1.5; // pixels: bars below it are drawn together

/** Calls `visit(x0, x1, i, j)` for events[i..j-1] of the lane: one bar from x0 to x1. */
export function bars(
  { start, end }: Events, lane: Lane, window: Window, visit: (x0: number, x1: number, i: number, j: number) => void,
): void {
  const { events } = lane;
  const scale = window.width / (window.to - window.from);
  const x = (seconds: number) => (seconds - window.from) * scale;
  let i = firstWhere(events.length, at => end[events[at]!]! > window.from || start[events[at]!]! >= window.from);
  while (i < events.length) {
    const x0 = x(start[events[i]!]!);
    const x1 = x(end[events[i]!]!);
    if (x0 > window.width) return;
    if (x1 - x0 >= NARROW) {
      visit(Math.max(-2, x0), Math.min(window.width + 2, x1), i, i + 1);
      i++;
      continue;
    }
    const pixel = Math.floor(x0);
    const limit = window.from + (pixel + NARROW) / scale;
    let j = Math.max(i + 1, firstWhere(events.length, at => start[events[at]!]! >= limit, i + 1));
    const last = events[j - 1]!;
    if (j - 1 > i && x(end[last]!) - x(start[last]!) >= NARROW) j--; // a wide one that begins in this pixel
    visit(pixel, pixel + NARROW, i, j);
    i = j;
  }
}

/** How full the time between x0 and x1 is with events[i..j-1]: 0 to 1. */
export function fullness(lane: Lane, window: Window, x0: number, x1: number, i: number, j: number): number {
  const seconds = (x1 - x0) * (window.to - window.from) / window.width;
  return seconds > 0 ? Math.min(1, (lane.filled[j]! - lane.filled[i]!) / seconds) : 1;
}

/** The event of a lane at a time, or the nearest one within `reach` seconds; -1 if there is none. */
export function eventAt({ start, end }: Events, lane: Lane, seconds: number, reach: number): number {
  const { events } = lane;
  const after = firstWhere(events.length, i => end[events[i]!]! >= seconds);
  let best = -1;
  let least = reach;
  for (const i of [after, after - 1]) {
    const event = events[i];
    if (event === undefined) continue;
    const away = Math.max(0, start[event]! - seconds, seconds - end[event]!);
    if (away <= least) [best, least] = [event, away];
  }
  return best;
}

/** The event of a row that is nearest to a moment: one that runs then, else the one with the nearest end or start. */
export function nearest({ start, end }: Events, row: Int32Array, seconds: number): number {
  let best = -1;
  let least = Infinity;
  for (const event of row) {
    const away = Math.max(0, start[event]! - seconds, seconds - end[event]!);
    if (away < least) [best, least] = [event, away];
    if (start[event]! - seconds > least) break;
  }
  return best;
}

/** A window kept within the whole, not narrower than some events can be told apart. */
export function clamp(from: number, to: number, whole: number): [number, number] {
  const least = Math.max(whole * 1e-7, 1e-12);
  const length = Math.min(whole, Math.max(least, to - from));
  const middle = (from + to) / 2;
  const begin = Math.min(Math.max(0, middle - length / 2), whole - length);
  return [begin, begin + length];
}
