// One run of a pipeline: what each stage does when, what it waits for, what it keeps; and all of it in words.
// The columns come from the kernel (labkit_widgets/pipeline_columns.py); times are ticks.

import { seconds } from "../trace/scale.ts";

export interface StageColumns {
  kind: string; // "F" or "B" for each piece, in order
  microbatch: number[];
  chunk: number[];
  start: number[];
  end: number[];
  at: number[]; // when what is kept changes,
  held: number[]; // and of how many pieces activations are kept from then on
}

export interface Sends {
  kind: string;
  from: number[];
  to: number[];
  microbatch: number[];
  start: number[];
  end: number[];
}

export interface RunColumns {
  schedule: string;
  chunks: number;
  seconds: number;
  bubble: number;
  formula: number;
  free: number; // the bubble if transfers were free
  busy: number[]; // seconds
  stages: StageColumns[];
  sends: Sends;
}

export interface Data {
  tick: number;
  names: string[];
  forward: number[];
  backward: number[];
  kept: number[]; // bytes of a microbatch
  counts: boolean; // whether they count microbatches instead
  microbatches: number;
  given: number; // seconds of a transfer, without the page's setting
  devices: string[]; // of a graph's stages; [] for times that were given
  costed: string; // how the times were found; "" for given ones
  choices: { stages: number[]; microbatches: number[] };
  runs: RunColumns[];
}

export const NAMES: Record<string, string> = { forward: "forward only", gpipe: "GPipe", "1f1b": "1F1B", interleaved: "interleaved" };

const MANY = 8; // stages, one by one in words

/** A piece of a stage. */
export type Spot = { run: number; stage: number; piece: number };

/** F3, B3; with chunks F3a. */
export function label(run: RunColumns, stage: number, piece: number): string {
  const { kind, microbatch, chunk } = run.stages[stage]!;
  return `${kind[piece]}${microbatch[piece]}${run.chunks > 1 ? String.fromCharCode(97 + chunk[piece]!) : ""}`;
}

/** The last piece of a stage that has started at a time; -1 before the first. */
export function lastStarted(stage: StageColumns, at: number): number {
  let [low, high] = [0, stage.start.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (stage.start[middle]! <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** What a stage does at a time: the number of a piece, or -1 if it stands still. */
export function working(stage: StageColumns, at: number): number {
  const piece = lastStarted(stage, at);
  return piece >= 0 && at < stage.end[piece]! ? piece : -1;
}

/** How many pieces a stage keeps activations of at a time. */
export function heldAt(stage: StageColumns, at: number): number {
  let found = 0;
  for (let i = 0; i < stage.at.length && stage.at[i]! <= at; i++) found = stage.held[i]!;
  return found;
}

export const most = (stage: StageColumns): number => stage.held.reduce((a, b) => Math.max(a, b), 0);

/** The stage from which a piece's input comes; its own for what it needs from nobody else. */
export function source(run: RunColumns, stage: number, piece: number): number {
  const p = run.stages.length, { kind, chunk } = run.stages[stage]!;
  const place = chunk[piece]! * p + stage, last = p * run.chunks - 1;
  if (kind[piece] === "F") return place === 0 ? stage : (place - 1) % p;
  return place === last ? stage : (place + 1) % p;
}

/** When something starts or ends, in ticks. */
export function moments(runs: RunColumns[]): number[] {
  const found = new Set([0]);
  for (const { stages, sends } of runs) {
    for (const { start, end } of [...stages, sends]) for (const at of [...start, ...end]) found.add(at);
  }
  return [...found].sort((a, b) => a - b);
}

export class Run {
  readonly moments: number[];
  readonly end: number;

  constructor(readonly data: Data) {
    this.moments = moments(data.runs);
    this.end = this.moments.at(-1)!;
  }

  get whole(): number {
    return this.end * this.data.tick;
  }

  /** The moment after (or before) a time in seconds. */
  step(time: number, way: 1 | -1): number {
    const at = Math.round(time / this.data.tick);
    const found = way > 0 ? this.moments.find(one => one > at) : this.moments.findLast(one => one < at);
    return (found ?? (way > 0 ? this.end : 0)) * this.data.tick;
  }

  name(stage: number): string {
    return this.data.names[stage]!;
  }

  piece(run: RunColumns, stage: number, piece: number): string {
    const { kind, microbatch, chunk } = run.stages[stage]!;
    const part = run.chunks > 1 ? `, chunk ${String.fromCharCode(97 + chunk[piece]!)}` : "";
    return `${kind[piece] === "F" ? "forward" : "backward"} of microbatch ${microbatch[piece]}${part}`;
  }

  /** How many pieces are kept, as microbatches. */
  kept(run: RunColumns, held: number): string {
    const count = held / run.chunks, shown = Number.isInteger(count) ? String(count) : count.toFixed(1);
    return `${shown} microbatch${count === 1 ? "" : "es"}`;
  }

  /** What each stage does at a time: what a screen reader hears, and what stands below the picture. */
  at(run: RunColumns, time: number): string {
    const at = Math.round(time / this.data.tick);
    const words = run.stages.length > MANY ? this.#groups(run, at)
      : run.stages.map((stage, s) => `${this.name(s)} ${this.doing(run, s, at)}, keeps ${this.kept(run, heldAt(stage, at))}`);
    return `${NAMES[run.schedule]} at ${seconds(time)}: ${words.join("; ")}.`;
  }

  /** Of many stages: which work forward, which backward, which wait. */
  #groups(run: RunColumns, at: number): string[] {
    const groups: Record<string, string[]> = { forward: [], backward: [], waiting: [], done: [] };
    run.stages.forEach((stage, s) => {
      const piece = working(stage, at), doing = piece >= 0 ? stage.kind[piece] === "F" ? "forward" : "backward" : "";
      groups[doing || (lastStarted(stage, at) + 1 < stage.start.length ? "waiting" : "done")]!.push(piece >= 0 ? `${this.name(s)} ${label(run, s, piece)}` : this.name(s));
    });
    return Object.entries(groups).filter(([, names]) => names.length).map(([words, names]) => `${words}: ${names.join(", ")}`);
  }

  /** What a stage does at a tick, and for whom it waits. */
  doing(run: RunColumns, stage: number, at: number): string {
    const columns = run.stages[stage]!, piece = working(columns, at);
    if (piece >= 0) return `does ${label(run, stage, piece)}`;
    const next = lastStarted(columns, at) + 1;
    if (next >= columns.start.length) return "has done its share";
    const from = source(run, stage, next), { sends } = run;
    const travels = sends.start.some((start, i) => sends.to[i] === stage && sends.microbatch[i] === columns.microbatch[next] &&
      sends.kind[i] === columns.kind[next] && start <= at && at < sends.end[i]!);
    return travels ? `waits: ${label(run, stage, next)}'s input is on its way` : `waits for ${this.name(from)}`;
  }

  /** One piece in words. */
  about({ run: at, stage, piece }: Spot): string {
    const run = this.data.runs[at]!, columns = run.stages[stage]!, { tick } = this.data;
    const [start, end] = [columns.start[piece]!, columns.end[piece]!];
    const waited = start - (piece ? columns.end[piece - 1]! : 0), from = source(run, stage, piece);
    const why = waited <= 0 ? "" : from === stage ? `, after ${seconds(waited * tick)} of waiting`
      : `, after ${seconds(waited * tick)} of waiting for ${this.name(from)}`;
    const words = this.piece(run, stage, piece);
    return `${this.name(stage)}: ${words}, ${seconds(start * tick)} to ${seconds(end * tick)}${why}`;
  }
}
