// The strip of a run: which steps each tick stands for, and which step lies under the mouse. No DOM in here.

import { statusOf, type Entry, type Status, type Track } from "./walk.ts";

export interface Tick {
  first: number; // steps first to last - 1
  last: number;
  x: number;
  w: number;
  status: Status; // of the step that counts most: here, then next, then done
  part: number; // how much of it is done, 0 to 1
  bad: boolean;
  marked: boolean; // a breakpoint stands here
  group: number; // inside a loop: which iteration; alternating bands are drawn
}

const LEAST = 4; // pixels, with the gap: narrower ticks are drawn together

/** The ticks for a strip of `width` pixels: one a step, or several steps together where there is no room. */
export function ticks(track: Track, width: number, marked: ReadonlySet<number>, groups: readonly number[] = []): Tick[] {
  const count = track.plan.names.length;
  const n = Math.min(count, Math.max(1, Math.floor(width / LEAST)));
  const pitch = Math.min(18, width / Math.max(1, n));
  const made: Tick[] = [];
  for (let k = 0; k < n; k++) {
    const first = Math.floor(k * count / n), last = Math.floor((k + 1) * count / n);
    made.push(tick(track, first, last, k * pitch, Math.max(1, pitch - (pitch > 6 ? 2 : 1)), marked, groups));
  }
  return made;
}

function tick(
  { entries, position }: Track, first: number, last: number, x: number, w: number, marked: ReadonlySet<number>, groups: readonly number[],
): Tick {
  const behind = Math.max(0, Math.min(last, position) - first);
  let status: Status = last <= position ? "done" : "later";
  if (first <= position && position < last) status = statusOf(position, position);
  if (first < position && position <= last) status = "here";
  let bad = false, stop = false;
  for (let i = first; i < last && !(bad && stop); i++) {
    if (i < position && isBad(entries[i])) bad = true;
    if (marked.has(i)) stop = true;
  }
  return { first, last, x, w, status, part: behind / (last - first), bad, marked: stop, group: groups[first] ?? 0 };
}

function isBad(entry: Entry | undefined): boolean {
  return Boolean(entry?.[0]);
}

/** The position that a place on the strip means: right behind the step under it; 0 left of all. */
export function positionAt(all: readonly Tick[], x: number): number {
  if (!all.length || x < all[0]!.x) return 0;
  for (const { x: left, first, last } of all) {
    const right = all.find(tick => tick.first === last)?.x ?? left + 18;
    if (x < right) return last > first + 1 ? first + 1 + Math.floor((x - left) / (right - left) * (last - first)) : last;
  }
  return all[all.length - 1]!.last;
}
