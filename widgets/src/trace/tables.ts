// The tables below the chart: totals by op, device and scope, the critical path, and every event: the chart in words.

import type { Events, Grouping, Groups } from "./events.ts";
import { percent, seconds, short } from "./scale.ts";
import { type Column, compared, figure, sorted, type Total, totals } from "./totals.ts";
import { h, shorten } from "../core/dom.ts";

export interface Asked {
  select(event: number): void;
  only(group: string): void; // show only these
}

const HEADS: Record<Column, string> = {
  name: "", count: "events", time: "time", share: "share", busy: "busy", flops: "FLOPs", rate: "FLOP/s", moved: "bytes",
  intensity: "FLOPs per byte",
};
const PAGE = 200; // rows of a table at a time

/** A table of totals that sorts by any column. */
export function totalsTable(
  events: Events, groups: Groups, by: Grouping, span: [number, number], asked: Asked, signal: AbortSignal,
): HTMLElement {
  const columns: Column[] = ["name", "count", "time", "share", ...by === "device" ? ["busy" as const] : [],
    "flops", "rate", "moved", "intensity"];
  const { groups: lines, all } = totals(events, groups, ...span);
  const length = span[1] - span[0];
  const body = h("tbody");
  const heads = new Map<Column, HTMLElement>();
  let now: [Column, boolean] = ["time", true];

  const write = () => {
    body.replaceChildren(...sorted(lines, ...now).map(line => row(line, true)), row(all, false));
    for (const [column, head] of heads) {
      head.setAttribute("aria-sort", column !== now[0] ? "none" : now[1] ? "descending" : "ascending");
    }
  };
  const row = (line: Total, named: boolean) => {
    const name = h("th", { scope: "row" });
    if (named) {
      const only = h("button", { type: "button", class: "labkit-tr-link", title: `Show only ${shorten(line.name, 200)}` },
        shorten(line.name, 60));
      only.addEventListener("click", () => asked.only(`${by}:${line.name}`), { signal });
      name.append(only);
    } else name.append("all");
    return h("tr", { class: named ? null : "labkit-tr-all" }, name, ...columns.slice(1).map(column => cell(line, column)));
  };
  const cell = (line: Total, column: Column) => {
    const value = figure(line, column) as number;
    const words = column === "count" ? String(value) : column === "time" ? seconds(value)
      : column === "share" ? percent(value) : column === "busy" ? percent(length ? value / length : 0)
      : !value ? "–" : column === "intensity" ? value.toPrecision(3) : short(value);
    const part = column === "share" ? value : column === "busy" && length ? value / length : 0;
    const bar = part && line !== all && h("span", { class: "labkit-tr-bar", style: `width:${Math.round(56 * part)}px` });
    return h("td", {}, bar || null, words);
  };
  for (const column of columns) {
    const label = column === "name" ? by : HEADS[column];
    const turn = h("button", { type: "button", class: "labkit-tr-head" }, label);
    turn.addEventListener("click", () => {
      now = [column, column === now[0] ? !now[1] : column !== "name"];
      write();
    }, { signal });
    heads.set(column, h("th", { scope: "col" }, turn));
  }
  write();
  return h("table", { class: "labkit-tr-table" },
    h("caption", {}, `Totals by ${by}, ${seconds(span[0])} to ${seconds(span[1])}`),
    h("thead", {}, h("tr", {}, ...heads.values())), body);
}

/** Of two traces: where the time went in each, and the difference. */
export function comparedTable(events: Events, groups: Groups, by: Grouping, span: [number, number]): HTMLElement {
  const [a, b] = events.columns.runs.map(run => shorten(run, 30));
  const rows = compared(events, groups, ...span).map(({ name, counts, times }, i, all) => {
    const change = times[1] - times[0];
    const words = [String(counts[0]), String(counts[1]), seconds(times[0]), seconds(times[1]),
      `${change > 0 ? "+" : ""}${seconds(change)}`, times[0] ? `${(times[1] / times[0]).toFixed(2)} x` : "–"];
    return h("tr", { class: i === all.length - 1 ? "labkit-tr-all" : null },
      h("th", { scope: "row" }, shorten(name, 60)), ...words.map(word => h("td", {}, word)));
  });
  const heads = [by, `events, ${a}`, `events, ${b}`, `time, ${a}`, `time, ${b}`, "change", "ratio"];
  return h("table", { class: "labkit-tr-table" }, h("caption", {}, `${a} and ${b}, what differs most first`),
    h("thead", {}, h("tr", {}, ...heads.map(head => h("th", { scope: "col" }, head)))), h("tbody", {}, ...rows));
}

/** Events as rows of a table, so many at a time. */
export function eventsTable(
  events: Events, list: ArrayLike<number>, caption: string, asked: Asked, signal: AbortSignal,
): HTMLElement {
  const body = h("tbody");
  const note = h("p", { class: "labkit-tr-note" });
  let shown = 0;
  const more = h("button", { type: "button", class: "labkit-button" }, `Show ${PAGE} more`);
  const grow = () => {
    const until = Math.min(list.length, shown + PAGE);
    for (; shown < until; shown++) body.append(eventRow(events, list[shown]!, asked, signal));
    note.replaceChildren(`${shown} of ${list.length} events are listed. `, shown < list.length && more || "");
  };
  more.addEventListener("click", grow, { signal });
  grow();
  const heads = ["node", "op", "device", "start", "duration", "FLOPs", "bytes"];
  return h("div", {}, h("table", { class: "labkit-tr-table" }, h("caption", {}, caption),
    h("thead", {}, h("tr", {}, ...heads.map(head => h("th", { scope: "col" }, head)))), body), note);
}

function eventRow(events: Events, event: number, asked: Asked, signal: AbortSignal): HTMLElement {
  const { flops, moved } = events.columns;
  const name = h("button", { type: "button", class: "labkit-tr-link" }, shorten(events.name(event), 60));
  name.addEventListener("click", () => asked.select(event), { signal });
  return h("tr", {}, h("th", { scope: "row" }, name), ...[
    shorten(events.op(event), 40), shorten(events.row(event).label, 40), seconds(events.start[event]!),
    seconds(events.duration(event)), flops[event] ? short(flops[event]!) : "–", moved[event] ? short(moved[event]!) : "–",
  ].map(words => h("td", {}, words)));
}

/** The chart as text: each device opens to its events. Nothing is made before it is opened. */
export function allEvents(events: Events, busy: number[], asked: Asked, signal: AbortSignal): HTMLElement {
  return h("div", { class: "labkit-tr-twin" }, ...events.columns.rows.map((row, i) => {
    const list = events.inRow[i]!;
    const about = `${shorten(row.label, 60)}: ${list.length} event${list.length === 1 ? "" : "s"}, busy ` +
      percent(busy[i] ?? 0);
    const twin = h("details", {}, h("summary", {}, events.columns.runs.length > 1
      ? `${shorten(events.columns.runs[row.run]!, 40)}, ${about}` : about));
    twin.addEventListener("toggle", () => {
      if (twin.open && twin.childElementCount === 1) {
        twin.append(eventsTable(events, list, `Events on ${shorten(row.label, 60)}`, asked, signal));
      }
    }, { signal });
    return twin;
  }));
}

/** The critical path, event by event, with what waited before each. */
export function chainTables(events: Events, asked: Asked, signal: AbortSignal): HTMLElement {
  return h("div", {}, ...events.columns.critical.map((path, run) => {
    const name = events.columns.runs.length > 1 ? ` of ${shorten(events.columns.runs[run]!, 40)}` : "";
    const about = `The critical path${name}: ${path.events.length} events, ${seconds(path.seconds)} of ` +
      `${seconds(path.span)} (${percent(path.span ? path.seconds / path.span : 0)})`;
    return eventsTable(events, path.events, about, asked, signal);
  }));
}
