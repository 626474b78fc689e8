// A run as the kernel sends it (cluster_run.py): what holds at a moment is found by bisection. No DOM in here.

import { firstWhere } from "../trace/events.ts";

export interface Recorded {
  seconds: number;
  origin: number;
  flows: { from: number[]; to: number[]; start: number[]; end: number[]; bytes: number[]; node: string[]; tensor: string[]; path: number[] };
  ways: number[][];
  loads: { link: number; at: number[]; rate: number[] }[];
  busy: { node: number; start: number[]; end: number[]; names: string[]; op: string[] }[];
  memory: { node: number; at: number[]; bytes: number[] }[];
}

export class Run {
  readonly moments: number[]; // when something starts or ends
  readonly busy = new Map<number, Recorded["busy"][number]>();
  readonly memory = new Map<number, Recorded["memory"][number]>();

  constructor(readonly data: Recorded) {
    for (const one of data.busy) this.busy.set(one.node, one);
    for (const one of data.memory) this.memory.set(one.node, one);
    const all = [0, data.seconds, ...data.flows.start, ...data.flows.end];
    for (const { start, end } of data.busy) for (let i = 0; i < start.length; i++) all.push(start[i]!, end[i]!);
    this.moments = [...new Set(all)].sort((a, b) => a - b);
  }

  /** What each direction of a link carries at a moment, in bytes/s; those that carry nothing are left out. */
  loads(time: number): Map<number, number> {
    const found = new Map<number, number>();
    for (const { link, at, rate } of this.data.loads) {
      const load = valueAt(at, rate, time);
      if (load > 0) found.set(link, load);
    }
    return found;
  }

  /** The place among a device's events of the one that runs at a moment, or -1. */
  computing(node: number, time: number): number {
    const one = this.busy.get(node);
    if (!one) return -1;
    const at = firstWhere(one.start.length, i => one.start[i]! > time) - 1;
    return at >= 0 && one.end[at]! > time ? at : -1;
  }

  /** What a device holds at a moment, in bytes; NaN if nobody recorded it. */
  held(node: number, time: number): number {
    const one = this.memory.get(node);
    return one ? valueAt(one.at, one.bytes, time) : NaN;
  }

  /** The messages that are under way at a moment. */
  underWay(time: number): number[] {
    const { start, end } = this.data.flows;
    const found: number[] = [];
    for (let i = 0; i < start.length; i++) if (start[i]! <= time && end[i]! > time) found.push(i);
    return found;
  }

  /** The next moment at which something starts or ends, or the one before. */
  step(time: number, by: 1 | -1): number {
    const after = firstWhere(this.moments.length, i => this.moments[i]! > time * (1 + 1e-12));
    const before = firstWhere(this.moments.length, i => this.moments[i]! >= time * (1 - 1e-12)) - 1;
    return this.moments[by > 0 ? Math.min(after, this.moments.length - 1) : Math.max(0, before)]!;
  }
}

/** The value of steps at a moment: `values[i]` holds from `at[i]` on; 0 before the first. */
export function valueAt(at: number[], values: number[], time: number): number {
  const place = firstWhere(at.length, i => at[i]! > time) - 1;
  return place < 0 ? 0 : values[place]!;
}
