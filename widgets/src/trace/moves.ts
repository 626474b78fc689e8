// Where the keys go: from an event to the next in time, in another row, or on the critical path.

import { nearest, type Window } from "./bars.ts";
import { type Events, firstWhere } from "./events.ts";

export type Step = "before" | "after" | "above" | "below" | "first" | "last" | "chain-before" | "chain-after";

/** The event that a step leads to from event `at` (-1: none is selected); -1 if there is none. */
export function nextEvent(events: Events, at: number, step: Step, matching: Uint8Array | null, window: Window): number {
  const fits = (event: number) => !matching || matching[event] === 1;
  if (step === "chain-before" || step === "chain-after") return onChain(events, at, step === "chain-after" ? 1 : -1, window);
  if (at < 0) return firstSeen(events, fits, window, step === "last");
  const row = events.columns.row[at]!;
  const here = events.inRow[row]!;
  const place = firstWhere(here.length, i => here[i]! >= at);
  if (step === "after" || step === "before") {
    const by = step === "after" ? 1 : -1;
    for (let i = place + by; i >= 0 && i < here.length; i += by) if (fits(here[i]!)) return here[i]!;
    return -1;
  }
  if (step === "first") return here.find(fits) ?? -1;
  if (step === "last") return here.findLast(fits) ?? -1;
  const by = step === "below" ? 1 : -1;
  const moment = Math.max(events.start[at]!, Math.min(window.from, events.end[at]!));
  for (let r = row + by; r >= 0 && r < events.inRow.length; r += by) {
    const found = nearest(events, matching ? events.inRow[r]!.filter(fits) : events.inRow[r]!, moment);
    if (found >= 0) return found;
  }
  return -1;
}

function firstSeen(events: Events, fits: (event: number) => boolean, window: Window, last: boolean): number {
  const seen = (i: number) => events.end[i]! >= window.from && events.start[i]! <= window.to && fits(i);
  for (let k = 0; k < events.count; k++) {
    const i = last ? events.count - 1 - k : k;
    if (seen(i)) return i;
  }
  return -1;
}

function onChain(events: Events, at: number, by: number, window: Window): number {
  const run = at < 0 ? 0 : events.row(at).run;
  const path = events.columns.critical[run]?.events ?? [];
  if (at < 0) return path.find(event => events.end[event]! >= window.from) ?? -1;
  const place = events.chain[at]! - 1;
  if (place >= 0) return path[place + by] ?? -1;
  return (by > 0 ? path.find(event => event > at) : path.findLast(event => event < at)) ?? -1;
}
