// What the kernel recorded, and what it says of a moment: who does what, what is applied, what is down.

import { firstWhere } from "../trace/events.ts";

export interface Film {
  mode: string;
  workers: number;
  backup: number;
  exchange: "servers" | "ring" | "tree" | "hierarchical";
  servers: number;
  group: number; // workers of a machine, in a hierarchical all-reduce
  gradients: number;
  batch: number;
  compute: number;
  pull: number; // of the exchange of a synchronous step, the part in which weights travel back
  until: number; // what can be played, in seconds
  whole: number; // all of it
  wholeUpdates: number;
  down: [who: string, start: number, noticed: number | null, end: number | null][];
  happenings: { at: number[]; kind: string[]; who: string[]; text: string[] };
  steps: { start: number[]; arrivals: (number | null)[][]; enough: (number | null)[]; end: (number | null)[]; late: number[][]; broken: number[] } | null;
  turns: { worker: number[]; start: number[]; fetched: (number | null)[]; computed: (number | null)[]; sent: (number | null)[]; sends: number[] } | null;
  updates: { at: number[]; worker: number[]; stale: number[]; done: number[]; examples: number[]; bytes: number[] };
}

const GLOW = 0.16; // of a round

export const DOINGS = ["compute", "wait", "pull", "push", "late", "down", "idle"] as const;
export type Doing = (typeof DOINGS)[number];

/** What a worker does at a moment: how far it is with that (0 to 1), in which step or turn. */
export interface State {
  doing: Doing;
  share: number;
  number: number;
  from: number;
  to: number;
}

/** How things stand at a moment. */
export interface Totals {
  updates: number; // in the weights
  applied: number; // ever, those that were lost later among them
  examples: number;
  bytes: number;
  last: number; // when the last update was applied; 0 before the first
  dropped: number;
}

const after = (list: ArrayLike<number>, time: number) => firstWhere(list.length, i => list[i]! > time);
const never = (value: number | null | undefined): number => value ?? Infinity;

export class Run {
  readonly round: number; // how long a worker's gradient takes from beginning to beginning
  readonly events: Float64Array; // when anything begins or ends
  #turns: number[][] = []; // of each worker
  #down = new Map<string, [number, number, number][]>();
  #dropped: number[] = [];

  constructor(readonly film: Film) {
    for (const [who, start, noticed, end] of film.down) {
      if (!this.#down.has(who)) this.#down.set(who, []);
      this.#down.get(who)!.push([start, never(noticed), never(end)]);
    }
    const { steps, turns } = film;
    const lengths: number[] = [];
    if (steps) {
      steps.start.forEach((start, i) => lengths.push(never(steps.end[i]) - start));
      let all = 0;
      this.#dropped = steps.late.map(late => all += late.length);
    }
    if (turns) {
      for (let w = 0; w < film.workers; w++) this.#turns.push([]);
      turns.worker.forEach((worker, i) => {
        this.#turns[worker]!.push(i);
        lengths.push(never(turns.sent[i]) - turns.start[i]!);
      });
    }
    lengths.sort((a, b) => a - b);
    const middle = lengths[lengths.length >> 1] ?? 1;
    this.round = Number.isFinite(middle) && middle > 0 ? middle : film.until || 1;
    this.events = this.#moments();
  }

  #moments(): Float64Array {
    const { steps, turns, workers, happenings, until } = this.film;
    const all = [0, until, ...happenings.at];
    if (steps) {
      steps.start.forEach((start, i) => {
        all.push(start, never(steps.enough[i]), never(steps.end[i]));
        if (workers <= 50) for (const taken of steps.arrivals[i]!) if (taken !== null) all.push(start + taken);
      });
    }
    if (turns) turns.start.forEach((start, i) => all.push(start, never(turns.fetched[i]), never(turns.computed[i]), never(turns.sent[i])));
    const sorted = Float64Array.from(all.filter(at => at >= 0 && at <= until)).sort();
    return sorted.filter((at, i) => !i || at - sorted[i - 1]! > 1e-7 * until);
  }

  /** The moment when something begins or ends, after or before another. */
  step(time: number, by: 1 | -1): number {
    const { events } = this, small = 1e-7 * this.film.until;
    if (by > 0) return events[firstWhere(events.length, i => events[i]! > time + small)] ?? this.film.until;
    return events[firstWhere(events.length, i => events[i]! >= time - small) - 1] ?? 0;
  }

  /** The moment when an update is applied, after or before another. */
  update(time: number, by: 1 | -1): number {
    const { at } = this.film.updates, small = 1e-7 * this.film.until;
    if (by > 0) return at[firstWhere(at.length, i => at[i]! > time + small)] ?? this.film.until;
    return at[firstWhere(at.length, i => at[i]! >= time - small) - 1] ?? 0;
  }

  /** The outage of a worker, server or link at a moment: [start, noticed, end]. */
  outage(who: string, time: number): [number, number, number] | null {
    return this.#down.get(who)?.find(([start, , end]) => start <= time && time < end) ?? null;
  }

  /** Which step a moment is in; -1 if there are none. */
  at(time: number): number {
    return this.film.steps ? Math.max(0, after(this.film.steps.start, time) - 1) : -1;
  }

  /** When the gradient of a worker is there, in a synchronous step. */
  arrival(step: number, worker: number): number {
    const steps = this.film.steps!, taken = steps.arrivals[step]!;
    const own = taken[taken.length > 1 ? worker : 0];
    return own === null || own === undefined ? Infinity : steps.start[step]! + own;
  }

  state(worker: number, time: number): State {
    const down = this.outage(`worker ${worker}`, time);
    if (down) return { doing: "down", share: 0, number: this.at(time), from: down[0], to: down[2] };
    return this.film.steps ? this.#inStep(worker, time) : this.#inTurn(worker, time);
  }

  #inStep(worker: number, time: number): State {
    const steps = this.film.steps!, i = this.at(time), start = steps.start[i]!;
    const enough = never(steps.enough[i]), end = never(steps.end[i]), there = this.arrival(i, worker);
    const is = (doing: Doing, from: number, to: number): State =>
      ({ doing, from, to, number: i, share: Number.isFinite(to) ? Math.min(1, (time - from) / (to - from || 1)) : 0 });
    if (time >= end || time >= this.film.until) return is("idle", end, Infinity);
    if (steps.broken[i]) return time < there ? is("compute", start, there) : is("wait", there, end);
    if (there > enough && time >= enough && steps.late[i]!.includes(worker)) return is("late", start, there);
    if (time < there) return is("compute", start, there);
    if (time < enough) return is("wait", there, enough);
    const turn = end - (end - enough) * this.film.pull;
    return time < turn ? is("push", enough, turn) : is("pull", turn, end);
  }

  #inTurn(worker: number, time: number): State {
    const turns = this.film.turns!, own = this.#turns[worker]!;
    const place = firstWhere(own.length, k => turns.start[own[k]!]! > time) - 1, i = own[place] ?? -1;
    const is = (doing: Doing, from: number, to: number): State =>
      ({ doing, from, to, number: place, share: Number.isFinite(to) ? Math.min(1, (time - from) / (to - from || 1)) : 0 });
    if (i < 0 || time >= this.film.until) return is("idle", 0, Infinity);
    const start = turns.start[i]!, fetched = never(turns.fetched[i]), computed = never(turns.computed[i]), sent = never(turns.sent[i]);
    if (time < fetched) return is("pull", start, fetched);
    if (time < computed) return is("compute", fetched, computed);
    if (time < sent && turns.sends[i]) return is("push", computed, sent);
    return is("idle", sent, Infinity);
  }

  /** What has arrived a short while ago: a message is gone before anybody has seen it. `share` is what is left of the glow. */
  glow(worker: number, time: number): [doing: Doing, share: number][] {
    const { steps, turns, mode } = this.film, lasts = GLOW * this.round, found: [Doing, number][] = [];
    const add = (doing: Doing, at: number) => { if (time >= at && time - at < lasts) found.push([doing, 1 - (time - at) / lasts]); };
    if (this.outage(`worker ${worker}`, time)) return found;
    if (steps) {
      const end = firstWhere(steps.end.length, i => never(steps.end[i]) > time) - 1;
      if (end < 0 || steps.broken[end]) return found;
      const late = steps.late[end]!.includes(worker), there = this.arrival(end, worker) <= never(steps.end[end]);
      if (late) add("late", never(steps.end[end]));
      else if (there) add("push", never(steps.end[end]));
      add("pull", never(steps.end[end]));
    } else if (turns) {
      const own = this.#turns[worker]!, k = firstWhere(own.length, j => turns.start[own[j]!]! > time) - 1;
      if (k < 0) return found;
      add("pull", turns.fetched[own[k]!]! > turns.start[own[k]!]! || mode === "async" ? never(turns.fetched[own[k]!]) : Infinity);
      const sent = turns.sends[own[k]!] && never(turns.sent[own[k]!]) <= time ? own[k]! : k ? own[k - 1]! : -1;
      if (sent >= 0 && turns.sends[sent] && !this.#lost(worker, turns.start[sent]!, never(turns.sent[sent]))) add("push", never(turns.sent[sent]));
    }
    return found;
  }

  /** Whether a worker died between two moments. */
  #lost(worker: number, from: number, to: number): boolean {
    return !!this.#down.get(`worker ${worker}`)?.some(([start]) => start >= from && start < to);
  }

  /** What a worker does from one moment to another, piece by piece. */
  pieces(worker: number, from: number, to: number): [from: number, to: number, doing: Doing][] {
    const found: [number, number, Doing][] = [];
    const add = (a: number, b: number, doing: Doing) => {
      if (b > from && a < to && b > a) found.push([Math.max(a, from), Math.min(b, to), doing]);
    };
    const { steps, turns, until } = this.film;
    if (steps) {
      for (let i = this.at(from); i < steps.start.length && steps.start[i]! < to; i++) {
        const start = steps.start[i]!, enough = never(steps.enough[i]), end = Math.min(never(steps.end[i]), until);
        const there = this.arrival(i, worker), late = steps.late[i]!.includes(worker), turn = end - (end - enough) * this.film.pull;
        add(start, Math.min(there, late ? enough : end), "compute");
        if (late) add(enough, end, "late");
        else if (steps.broken[i]) add(there, end, "wait");
        else {
          add(there, Math.min(enough, end), "wait");
          add(Math.max(enough, there), turn, "push");
          add(Math.max(turn, there), end, "pull");
        }
      }
    } else if (turns) {
      const own = this.#turns[worker]!;
      for (let k = Math.max(0, firstWhere(own.length, j => turns.start[own[j]!]! > from) - 1); k < own.length; k++) {
        const i = own[k]!, start = turns.start[i]!, next = Math.min(until, k + 1 < own.length ? turns.start[own[k + 1]!]! : Infinity);
        if (start >= to) break;
        const fetched = never(turns.fetched[i]), computed = never(turns.computed[i]);
        add(start, Math.min(fetched, next), "pull");
        add(fetched, Math.min(computed, next), "compute");
        if (turns.sends[i]) add(computed, Math.min(never(turns.sent[i]), next), "push");
      }
    }
    for (const [start, , end] of this.#down.get(`worker ${worker}`) ?? []) add(start, Math.min(end, until), "down");
    return found;
  }

  totals(time: number): Totals {
    const { updates, steps } = this.film, place = after(updates.at, time * (1 + 1e-9)) - 1;
    const dropped = steps ? this.#dropped[after(steps.end.map(never), time * (1 + 1e-9)) - 1] ?? 0 : 0;
    if (place < 0) return { updates: 0, applied: 0, examples: 0, bytes: 0, last: 0, dropped };
    return {
      updates: updates.done[place]!, applied: place + 1, examples: updates.examples[place]!, bytes: updates.bytes[place]!,
      last: updates.at[place]!, dropped,
    };
  }

  /** How many updates were applied in the last so many seconds. */
  recent(time: number, seconds: number): number {
    const { at } = this.film.updates;
    return after(at, time * (1 + 1e-9)) - after(at, time - seconds);
  }

  /** How often updates of each age were applied until a moment. */
  staleness(time: number): number[] {
    const { at, stale } = this.film.updates, counts: number[] = [];
    for (let i = 0, end = after(at, time * (1 + 1e-9)); i < end; i++) {
      const age = stale[i]!;
      while (counts.length <= age) counts.push(0);
      counts[age]!++;
    }
    return counts;
  }
}
