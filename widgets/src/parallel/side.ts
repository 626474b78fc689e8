// Beside the picture: loss and metrics on the simulated clock, how stale gradients were, and data against model parallelism.

import { type Run } from "./film.ts";
import { kind, type Theme } from "../core/colours.ts";
import { h, s, shorten } from "../core/dom.ts";
import { path, plot } from "../core/plot.ts";
import { count, short as number } from "../core/scale.ts";
import { seconds, short } from "../trace/scale.ts";

export interface Numbers {
  names: string[];
  points: (number | null)[][]; // seconds, updates, loss, metrics
  staleness: [age: number, count: number][];
  dropped: number;
  lost: number[];
  seconds: number;
}

export interface Models {
  note?: string;
  cluster?: string;
  device?: string;
  examples?: number;
  data?: { bytes: number; seconds: number; compute: number; exchange: number };
  model?: { bytes: number; seconds: number };
  parts?: [string, string[]][];
  unused?: number;
  words?: string;
}

/** The last value at or before a moment; null before the first. */
export function valueAt(points: (number | null)[][], column: number, time: number): number | null {
  let found: number | null = null;
  for (let i = 0; i < points[0]!.length && (points[0]![i] ?? Infinity) <= time * (1 + 1e-9); i++) found = points[column]![i] ?? found;
  return found;
}

/** A curve over simulated seconds: what is past is strong, what comes is pale. */
export function curve(numbers: Numbers, column: number, name: string, time: number, whole: number, width: number, theme: Theme, high = 150): SVGSVGElement {
  const ys = numbers.points[column]!, xs = numbers.points[0]!;
  const pairs = xs.map((x, i): [number, number] => [x ?? NaN, ys[i] ?? NaN]).filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  const values = pairs.map(([, y]) => y);
  let low = Math.min(...values);
  const top = Math.max(...values);
  if (low > 0 && low < 0.4 * top) low = 0;
  const drawn = plot(width, high, { low: 0, high: whole || 1, label: "simulated seconds" }, { low: values.length ? low : 0, high: values.length ? top : 1, label: shorten(name, 40) });
  const colour = kind(column - 2, theme).line, at = pairs.map(([x, y]) => [drawn.x(x), drawn.y(y)] as const);
  const past = pairs.findLastIndex(([x]) => x <= time * (1 + 1e-9)) + 1;
  drawn.ink.append(s("path", { d: path(at), fill: "none", stroke: colour, "stroke-width": 1.5, opacity: 0.35 }),
    s("path", { d: path(at.slice(0, past)), fill: "none", stroke: colour, "stroke-width": 2.5 }));
  const now = drawn.x(Math.min(time, whole || 1));
  drawn.ink.append(s("path", { d: `M${now.toFixed(1)} ${drawn.top}V${drawn.bottom}`, class: "labkit-pa-now" }));
  if (past) drawn.ink.append(s("circle", { cx: at[past - 1]![0], cy: at[past - 1]![1], r: 4, fill: colour }));
  return drawn.svg;
}

/** How often gradients of each age were applied: so far, and in outline at the end. */
export function ages(run: Run, time: number, width: number, theme: Theme, high = 140): SVGSVGElement {
  const now = run.staleness(time), all = run.staleness(run.film.until);
  const most = Math.max(1, ...all), end = Math.max(all.length, 4);
  const drawn = plot(width, high, { low: -0.5, high: end - 0.5, label: "age in updates", text: value => Number.isInteger(value) ? number(value) : "" },
    { low: 0, high: most, label: "gradients by their age" });
  const wide = drawn.x(1) - drawn.x(0), colour = kind(5, theme).line;
  all.forEach((many, age) => {
    const bar = (value: number, attributes: Record<string, string | number>) => s("rect", {
      x: drawn.x(age - 0.42), width: Math.max(1, wide * 0.84), y: drawn.y(value), height: Math.max(0, drawn.bottom - drawn.y(value)), ...attributes,
    });
    drawn.ink.append(bar(many, { fill: "none", stroke: colour, opacity: 0.6 }), bar(now[age] ?? 0, { fill: colour }));
  });
  return drawn.svg;
}

/** The curves as a table of at most twelve rows. */
export function curvesTable(numbers: Numbers): HTMLElement {
  const many = numbers.points[0]!.length;
  const rows = [...new Set(Array.from({ length: Math.min(12, many) }, (_, i) => Math.round((i * (many - 1)) / Math.max(1, Math.min(12, many) - 1))))];
  return h("table", { class: "labkit-tr-table" }, h("caption", {}, "Curves"),
    h("thead", {}, h("tr", {}, ...["seconds", "updates", "loss", ...numbers.names].map(name => h("th", { scope: "col" }, shorten(name, 30))))),
    h("tbody", {}, ...rows.map(row => h("tr", {}, h("th", { scope: "row" }, number(numbers.points[0]![row])),
      h("td", {}, count(numbers.points[1]![row] ?? 0)), ...numbers.points.slice(2).map(values => h("td", {}, number(values[row]!, 4)))))));
}

/** Data against model parallelism: bytes and seconds as bars, layers by device. */
export function models(told: Models): HTMLElement[] {
  if (told.note || !told.data || !told.model) return told.note ? [h("p", {}, shorten(told.note, 400))] : [];
  const ways: [string, { bytes: number; seconds: number }][] = [["data parallelism", told.data], ["model parallelism", told.model]];
  const bars = (title: string, of: (way: { bytes: number; seconds: number }) => number, words: (value: number) => string) => {
    const most = Math.max(...ways.map(([, way]) => of(way))) || 1;
    return h("table", { class: "labkit-pa-bars" }, h("caption", {}, title), h("tbody", {}, ...ways.map(([name, way], n) =>
      h("tr", {}, h("th", { scope: "row" }, name), h("td", { class: "labkit-pa-figure" }, words(of(way))),
        h("td", { class: "labkit-pa-bar", "aria-hidden": "true" }, h("span", { class: n ? "labkit-pa-model" : "labkit-pa-data", style: `width:${Math.max(1, (100 * of(way)) / most)}%` }))))));
  };
  const parts = told.parts!.slice(0, 12).map(([device, layers]) =>
    h("li", {}, h("b", {}, shorten(device, 60)), `: ${layers.slice(0, 6).map(layer => shorten(layer, 40)).join(", ")}${layers.length > 6 ? `, and ${layers.length - 6} more` : ""}`));
  return [h("p", { class: "labkit-pa-words" }, told.words ?? ""),
    h("div", { class: "labkit-pa-two" }, bars("Bytes a step", way => way.bytes, value => short(value, "B")), bars("Time of a step", way => way.seconds, seconds)),
    h("details", {}, h("summary", {}, "Which layers are where"), h("ul", { class: "labkit-pa-where" }, ...parts),
      told.unused ? h("p", {}, `${told.unused} of the devices have no layer: there are no more layers to spread.`) : null,
      h("p", { class: "labkit-tr-note" }, `On ${shorten(told.cluster ?? "", 60)}, ${shorten(told.device ?? "", 60)}; ${count(told.examples ?? 0)} examples a step in both. ` +
        "With layers over devices one waits for the other: no pipeline."))];
}
