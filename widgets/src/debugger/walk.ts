// What is known of a run that is walked through, and what it means at a position. No DOM in here.
//
// A step runs at most once, so what the kernel told of it stays true: a position is only how many steps lie behind us.
// So going back, and walking a saved run without a kernel, need nothing but looking things up. The kernel's half is
// labkit_widgets/walk.py.

import type { Summary } from "../core/value.ts";

/** The steps of a run in order, in columns. */
export interface Plan {
  names: string[];
  ops: string[];
  op: number[];
  sites: string[]; // the learner's lines
  site: number[];
  inside: number[]; // steps that hold a body
  fed: Record<string, string>; // tensors that were given, with their values
  drawn?: string[]; // inside a loop: the names in the picture
}

/** A step that ran: whether a value is NaN or infinite, its outputs in short, the variables that it wrote. */
export type Entry = [bad: number, outputs: string[], wrote: [name: string, value: string][]];

/** From a position on, something holds this value. */
export type Moment = [at: number, form: string, value: string, bad: number];

export interface Bad {
  at: number; // behind which position; 0: it came in from outside
  headline: string;
  why: string;
  advice: string;
  example: string;
  site: string;
  where: string;
  result: string;
  blamed: string;
  trail: [type: string, name: string, value: string][];
}

export interface Place {
  ran: number; // steps that have run, whether or not we went back over them
  at: number; // the position that `stopped` is said of
  stopped: string;
  over: string; // why the kernel can go no further
  breakpoints: [number: number, text: string, where: string][];
  watches: string[];
  variables: string[];
  bad: Bad[];
  fresh: [from: number, entries: Entry[]];
}

export interface Value {
  role: string; // "input 0", "output", "wrote"
  name: string;
  short: string;
  bad: number;
  summary: Summary;
  picture?: string; // base64
}

export interface Card {
  given: Value[];
  made: Value[];
  more: number;
}

/** The steps inside a loop or a branch. */
export interface Inside {
  plan: Plan;
  entries: Entry[];
  histories: Record<string, Moment[]>; // of the loop's variables
  place: number[]; // per step, index into places
  places: string[]; // 'body of "while", iteration 3'
  cards: Card[];
  cut: boolean;
}

export const NOWHERE: Place = { ran: 0, at: 0, stopped: "", over: "", breakpoints: [], watches: [], variables: [], bad: [], fresh: [0, []] };

/** A run, or the inside of one of its steps, and how far one has gone in it. */
export interface Track {
  plan: Plan;
  entries: Entry[]; // of the steps that ran
  position: number;
}

export const opOf = (plan: Plan, i: number): string => plan.ops[plan.op[i]!] ?? "";
export const siteOf = (plan: Plan, i: number): string => plan.sites[plan.site[i]!] ?? "";

export type Status = "done" | "here" | "next" | "later";

export function statusOf(i: number, position: number): Status {
  if (i === position - 1) return "here";
  if (i < position) return "done";
  return i === position ? "next" : "later";
}

/** What holds at a position: the last moment that is not ahead of it. */
export function momentAt(history: readonly Moment[] | undefined, position: number): Moment | null {
  if (!history) return null;
  let low = 0, high = history.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (history[middle]![0] <= position) low = middle + 1;
    else high = middle;
  }
  return history[low - 1] ?? null;
}

/** What a step made, in a line. */
export function madeText(entry: Entry | undefined): string {
  if (!entry) return "";
  const values = [...entry[1].filter(text => text), ...entry[2].map(([name, value]) => `${name} = ${value}`)];
  if (!values.length) return "done";
  return values[0]! + (values.length > 1 ? ` and ${values.length - 1} more` : "");
}

/** Where we are, in a line. */
export function headline({ plan, position }: Track): string {
  const count = plan.names.length;
  if (!count) return "Nothing runs: all that is fetched is fed.";
  if (!position) return `At the beginning of ${plural(count, "step")}`;
  return `Step ${position.toLocaleString("en")} of ${count.toLocaleString("en")}`;
}

/** What a screen reader says of the position. */
export function spoken(track: Track): string {
  const { plan, entries, position } = track;
  if (!position) return headline(track);
  const i = position - 1;
  const bad = entries[i]?.[0] ? ", NaN or infinity" : "";
  return `${headline(track)}: ${opOf(plan, i)} ${plan.names[i]}, ${madeText(entries[i])}${bad}`;
}

export function plural(n: number, word: string): string {
  return `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;
}

/** Which step a node of the picture is, by name; inside a loop the last one before the position, else the first. */
export function stepsByName(plan: Plan): Map<string, number[]> {
  const found = new Map<string, number[]>();
  (plan.drawn ?? plan.names).forEach((name, i) => {
    if (!name) return;
    const known = found.get(name);
    if (known) known.push(i);
    else found.set(name, [i]);
  });
  return found;
}

/** Of the steps that a node is, the one that counts now: the last that lies behind us, else the first ahead. */
export function stepNow(steps: readonly number[] | undefined, position: number): number {
  if (!steps?.length) return -1;
  let found = steps[0]!;
  for (const step of steps) if (step < position) found = step;
  return found;
}

/** The value on an edge, "" where there is none yet. */
export function valueOn(
  track: Track, steps: Map<string, number[]>, histories: Record<string, Moment[]>, name: string, slot: number,
): string {
  const { plan, entries, position } = track;
  if (slot < 0) return "";
  const fed = plan.fed[`${name}:${slot}`];
  if (fed !== undefined) return fed;
  const step = stepNow(steps.get(name), position);
  if (step >= 0) {
    const value = step < position ? entries[step]?.[1][slot] ?? "" : "";
    if (value || step >= position) return value;
  }
  const moment = momentAt(histories[name], position);
  return moment ? shortValue(moment) : "";
}

function shortValue([, form, value]: Moment): string {
  if (!form) return "";
  const mean = /mean ([^,]+)/.exec(value)?.[1];
  const shape = /\[.*\]/.exec(form)?.[0] ?? "";
  if (!shape) return value;
  const what = mean ? `mean ${mean}` : value.split(",")[0]!;
  return `${shape} ${what}`;
}

/** How far a scope has come: how many of its nodes run at all, and how many have. */
export function progress(names: Iterable<string>, steps: Map<string, number[]>, track: Track): { runs: number; done: number; bad: number; next: boolean } {
  const { entries, position } = track;
  let runs = 0, done = 0, bad = 0, next = false;
  for (const name of names) {
    const step = stepNow(steps.get(name), position);
    if (step < 0) continue;
    runs++;
    if (step < position) {
      done++;
      if (entries[step]?.[0]) bad++;
    }
    if (steps.get(name)!.includes(position)) next = true;
  }
  return { runs, done, bad, next };
}

/** Steps whose name, type or line holds all the words; the nearest ahead first. */
export function find(plan: Plan, query: string, position: number): { total: number; hits: number[] } {
  const words = query.toLowerCase().split(/\s+/).filter(word => word);
  if (!words.length) return { total: 0, hits: [] };
  const hits: number[] = [];
  for (let i = 0; i < plan.names.length; i++) {
    const text = `${plan.names[i]} ${opOf(plan, i)}`.toLowerCase();
    if (words.every(word => text.includes(word))) hits.push(i);
  }
  const exact = (i: number) => Number(plan.names[i]!.toLowerCase() !== query.trim().toLowerCase());
  hits.sort((a, b) => exact(a) - exact(b) || Number(a < position) - Number(b < position) || a - b);
  return { total: hits.length, hits: hits.slice(0, 50) };
}

/** Where a walk over what has run stops by itself: behind the first NaN that is met on the way, or at the target. */
export function stopOnTheWay(entries: readonly Entry[], from: number, to: number): number {
  const first = entries.findIndex(entry => entry[0]);
  return first >= 0 && from <= first && first < to ? first + 1 : to;
}

/** Puts entries that came in where they belong; false if some before them are missing. */
export function take(entries: Entry[], [from, fresh]: [number, Entry[]]): boolean {
  if (from > entries.length) return false;
  for (let i = entries.length - from; i < fresh.length; i++) entries.push(fresh[i]!);
  return true;
}
