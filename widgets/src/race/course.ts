// What the page knows of a race, and how it stands at a moment of the simulated clock.

export interface Runner {
  name: string;
  workers: number;
  mode: string;
  seconds: number[];
  updates: number[];
  examples: number[];
  bytes: number[];
  values: Record<string, (number | null)[]>;
  stale: number[]; // the mean so far
  histogram: { width: number; counts: number[] };
  happenings: [seconds: number, kind: string, who: string, text: string][];
  checkpoints: number;
  dropped: number;
  lost: { updates: number; gradients: number; examples: number; seconds: number };
  wrong: string;
  kills: boolean; // whether the kernel can run it again
  faults: string[];
}

export interface Race {
  columns: string[];
  runners: Runner[];
}

export type Against = "seconds" | "updates" | "examples" | "bytes";

/** The last point at or before a moment; -1 before the first. */
export function last(runner: Runner, now: number): number {
  let low = 0, high = runner.seconds.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (runner.seconds[middle]! <= now) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The values of a column; null where there is none. */
export const column = (runner: Runner, name: string): (number | null)[] => runner.values[name] ?? runner.seconds.map(() => null);

/** The point that first reaches a target; -1 if none does. As History.seconds_to says it. */
export function arrival(runner: Runner, name: string, target: number | null, below: boolean): number {
  if (target === null) return -1;
  return column(runner, name).findIndex(value => value !== null && (below ? value <= target : value >= target));
}

/** When the last of all is done, or has failed for good. */
export const whole = (race: Race): number =>
  Math.max(0, ...race.runners.flatMap(runner => [runner.seconds.at(-1) ?? 0, runner.happenings.at(-1)?.[0] ?? 0]));

export interface Standing {
  runner: number;
  place: number | null; // 1 for who was there first; null: not there yet
  seconds: number | null; // when
  at: number; // the last point; -1 before the first
  value: number | null;
  best: number | null;
  over: boolean; // it has run all that it was to run
}

/** How everybody stands at a moment: in the order of the runners. */
export function standings(race: Race, name: string, target: number | null, below: boolean, now: number): Standing[] {
  const made = race.runners.map((runner, place): Standing => {
    const at = last(runner, now), values = column(runner, name), there = arrival(runner, name, target, below);
    const seen = values.slice(0, at + 1).filter(value => value !== null);
    return {
      runner: place, place: null, seconds: there >= 0 && there <= at ? runner.seconds[there]! : null, at,
      value: at < 0 ? null : values[at]!,
      best: seen.length ? seen.reduce((a, b) => below ? Math.min(a, b) : Math.max(a, b)) : null,
      over: at >= 0 && at === runner.seconds.length - 1,
    };
  });
  const arrived = made.filter(one => one.seconds !== null).sort((a, b) => a.seconds! - b.seconds!);
  for (const one of arrived) one.place = 1 + arrived.filter(other => other.seconds! < one.seconds!).length;
  return made;
}

/** A corner of a curve: when, which point its other columns are of, and the value; null where there is none. */
export interface Knot {
  seconds: number;
  point: number;
  value: number | null;
}

/**
 * The corners of a runner's curve: its points, and between two of them where it stood still. While a step waits for the
 * dead, nothing changes; when the weights go back to a checkpoint, they do it at once.
 */
export function knots(runner: Runner, name: string): Knot[] {
  if (!known.has(runner)) known.set(runner, new Map());
  const mine = known.get(runner)!;
  if (!mine.has(name)) mine.set(name, corners(runner, name));
  return mine.get(name)!;
}

const known = new WeakMap<Runner, Map<string, Knot[]>>(); // a race that is played asks for them sixty times a second

function corners(runner: Runner, name: string): Knot[] {
  const values = column(runner, name), { seconds } = runner, out: Knot[] = [];
  const gaps = seconds.slice(1).map((at, i) => at - seconds[i]!).sort((a, b) => a - b), usual = gaps[gaps.length >> 1] ?? 0;
  seconds.forEach((at, i) => {
    const value = values[i]!, from = seconds[i - 1] ?? 0;
    if (i && at - from > 2 * usual) {
      const before = values[i - 1]!, inside = runner.happenings.filter(([when]) => when > from && when <= at);
      const restored = inside.findLast(([, what]) => what === "restored"), up = inside.findLast(([, what]) => what === "restarted" || what === "back");
      const on = restored ?? up;
      if (on) out.push({ seconds: on[0], point: i - 1, value: before });
      if (restored) out.push({ seconds: restored[0], point: i, value });
    }
    out.push({ seconds: at, point: i, value });
  });
  const idle = runner.happenings.at(-1)?.[0] ?? 0, end = out.at(-1);
  if (end && idle > end.seconds) out.push({ ...end, seconds: idle }); // it failed, and was not heard of again
  return out;
}

/** Where a curve is at a moment: its place on an axis, and its value; null where there is none. */
export function head(runner: Runner, line: readonly Knot[], against: Against, now: number): [number, number] | null {
  const next = line.findIndex(knot => knot.seconds > now), at = (next < 0 ? line.length : next) - 1;
  const from = line[at], to = line[at + 1] ?? from;
  if (!from || from.value === null) return null;
  const share = to!.seconds > from.seconds ? (now - from.seconds) / (to!.seconds - from.seconds) : 0, clipped = Math.min(1, share);
  const x = place(runner, from, against), value = to!.value ?? from.value;
  return [x + clipped * (place(runner, to!, against) - x), from.value + clipped * (value - from.value)];
}

/** Where a corner is on an axis. */
export const place = (runner: Runner, knot: Knot, against: Against): number =>
  against === "seconds" ? knot.seconds : runner[against][knot.point]!;

/** The moments at which something is new: of points, and of what happened. */
export function moments(race: Race): number[] {
  const all = race.runners.flatMap(runner => [...runner.seconds, ...runner.happenings.map(([seconds]) => seconds)]);
  return [...new Set(all)].sort((a, b) => a - b);
}

/** The clock in a unit that suits the whole race. */
export function unit(seconds: number): { name: string; short: string; seconds: number } {
  if (seconds >= 7200) return { name: "hours", short: "h", seconds: 3600 };
  if (seconds >= 600) return { name: "minutes", short: "min", seconds: 60 };
  if (seconds < 0.5) return { name: "milliseconds", short: "ms", seconds: 0.001 };
  return { name: "seconds", short: "s", seconds: 1 };
}

export const ordinal = (place: number): string => `${place}${["th", "st", "nd", "rd"][place % 100 > 10 && place % 100 < 14 ? 0 : place % 10] ?? "th"}`;
