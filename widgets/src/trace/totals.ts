// Sums over a stretch of time: by op type, by device, by scope. Of an event that is partly in the stretch, the time
// inside counts, and the same share of its FLOPs and bytes.

import type { Events, Groups } from "./events.ts";

export interface Total {
  name: string;
  count: number;
  time: number; // seconds
  share: number; // of the time of all
  busy: number; // seconds in which at least one event ran
  flops: number;
  moved: number;
}

export type Column = "name" | "count" | "time" | "share" | "busy" | "flops" | "rate" | "moved" | "intensity";

/** One line for each group that has an event in the stretch, and one for all of them; of one of two traces if asked. */
export function totals(
  events: Events, groups: Groups, from: number, to: number, run?: number,
): { groups: Total[]; all: Total } {
  const blank = (name: string): Total => ({ name, count: 0, time: 0, share: 0, busy: 0, flops: 0, moved: 0 });
  const sums = groups.names.map(blank);
  const until = new Float64Array(sums.length).fill(-Infinity);
  const all = blank("all");
  let allUntil = -Infinity;
  const { flops, moved } = events.columns;
  for (let i = 0; i < events.count; i++) {
    const start = Math.max(from, events.start[i]!);
    const end = Math.min(to, events.end[i]!);
    const length = events.duration(i);
    if (end < start || (end === start && length > 0) || (run !== undefined && events.row(i).run !== run)) continue;
    const group = groups.of[i]!;
    const part = length > 0 ? (end - start) / length : 1;
    for (const sum of [sums[group]!, all]) {
      sum.count++;
      sum.time += end - start;
      sum.flops += part * flops[i]!;
      sum.moved += part * moved[i]!;
    }
    sums[group]!.busy += Math.max(0, end - Math.max(start, until[group]!)); // events come by start
    until[group] = Math.max(until[group]!, end);
    all.busy += Math.max(0, end - Math.max(start, allUntil));
    allUntil = Math.max(allUntil, end);
  }
  const found = sums.filter(sum => sum.count);
  for (const sum of found) sum.share = all.time ? sum.time / all.time : 0;
  all.share = all.count ? 1 : 0;
  return { groups: found, all };
}

export interface Pair {
  name: string;
  counts: [number, number];
  times: [number, number];
}

/** Two traces side by side, where they differ most first; the last line is all of them. */
export function compared(events: Events, groups: Groups, from: number, to: number): Pair[] {
  const [first, second] = [0, 1].map(run => totals(events, groups, from, to, run)) as [Sums, Sums];
  const pair = (name: string, a?: Total, b?: Total): Pair =>
    ({ name, counts: [a?.count ?? 0, b?.count ?? 0], times: [a?.time ?? 0, b?.time ?? 0] });
  const find = ({ groups: lines }: Sums, name: string) => lines.find(line => line.name === name);
  const names = groups.names.filter(name => find(first, name) || find(second, name));
  const away = ({ times }: Pair) => Math.abs(times[1] - times[0]);
  return [
    ...names.map(name => pair(name, find(first, name), find(second, name))).sort((a, b) => away(b) - away(a)),
    pair("all", first.all, second.all),
  ];
}

type Sums = ReturnType<typeof totals>;

/** What a column of a line is sorted by. */
export function figure(total: Total, column: Column): number | string {
  if (column === "rate") return total.time ? total.flops / total.time : 0;
  if (column === "intensity") return total.moved ? total.flops / total.moved : 0;
  return total[column];
}

/** The lines in another order; lines that are equal there keep theirs. */
export function sorted(lines: Total[], column: Column, down: boolean): Total[] {
  const sign = down ? -1 : 1;
  return [...lines].sort((a, b) => {
    const [x, y] = [figure(a, column), figure(b, column)];
    if (typeof x === "string" || typeof y === "string") {
      return sign * String(x).localeCompare(String(y), "en", { numeric: true });
    }
    return sign * (x - y);
  });
}
