// One small chart: the curves of one name, one line per run, over the steps.
//
// The picture is a canvas. Where the pointer is, or the arrow keys went, the values are read: a chart is a slider over
// the steps for the keyboard and for screen readers, and what is read stands as text above it.

import { kind, type Theme } from "../core/colours.ts";
import { h, s, shorten } from "../core/dom.ts";
import { count, scale, short, type Scale } from "../core/scale.ts";
import { columns, smoothed, type Series } from "./series.ts";
import type { Run } from "./store.ts";

const HEIGHT = 168;
const LEFT = 58, RIGHT = 12, TOP = 10, BOTTOM = 24;

/** How lines of runs differ besides their colour. */
export const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3], [14, 4], [4, 2, 1, 2]];
export const dash = (run: number): number[] => DASHES[run % DASHES.length]!;

export interface Shown {
  title: string;
  series: Series[];
  runs: Run[];
  smoothing: number;
  log: boolean;
  stepped: boolean; // a value holds until the next
  end: number; // of the axis of steps
  marks: { step: number; text: string }[]; // where the learning rate changed
}

/** A short piece of a run's line, for legends. */
export function sample(run: number, theme: Theme): SVGSVGElement {
  return s("svg", { class: "labkit-sample", viewBox: "0 0 28 8", width: 28, height: 8, "aria-hidden": "true" },
    s("line", { x1: 0, y1: 4, x2: 28, y2: 4, stroke: kind(run, theme).line, "stroke-width": 3, "stroke-dasharray": dash(run).join(" ") || null }));
}

export class Chart {
  readonly figure: HTMLElement;
  private readonly title = h("span", { class: "labkit-chart-title" });
  private readonly reading = h("span", { class: "labkit-chart-reading" });
  private readonly field: HTMLElement;
  private readonly canvas = h("canvas", { "aria-hidden": "true" });
  private shown: Shown | null = null;
  private width = 0;
  private dirty = true;

  /** `move` is told the step that is read here, or null; all charts of a view read at the same step. */
  constructor(private readonly root: HTMLElement, private readonly move: (step: number | null) => void, signal: AbortSignal) {
    this.field = h("div", { class: "labkit-chart-field", role: "slider", tabindex: 0, "aria-valuemin": 0, "aria-valuenow": 0 }, this.canvas);
    this.figure = h("figure", { class: "labkit-chart" },
      h("figcaption", {}, this.title, this.reading), this.field);
    const observer = new ResizeObserver(() => {
      if (this.field.clientWidth === this.width) return;
      this.width = this.field.clientWidth;
      this.dirty = true;
      this.move(this.cursor);
    });
    observer.observe(this.field);
    signal.addEventListener("abort", () => observer.disconnect(), { once: true });
    this.field.addEventListener("pointermove", event => {
      const x = event.clientX - this.canvas.getBoundingClientRect().left;
      this.move(this.stepAt(x));
    }, { signal });
    this.field.addEventListener("pointerleave", () => {
      if (this.root.ownerDocument.activeElement !== this.field) this.move(null);
    }, { signal });
    this.field.addEventListener("keydown", event => this.key(event), { signal });
    this.field.addEventListener("blur", () => this.move(null), { signal });
  }

  private cursor: number | null = null;

  /** Draws what is new; `cursor` is the step to read at. */
  update(shown: Shown, cursor: number | null, theme: Theme): void {
    this.shown = shown;
    this.cursor = cursor;
    const at = cursor ?? Math.max(0, ...shown.series.map(one => one.lastStep));
    const read = this.read(at);
    this.title.textContent = shorten(shown.title, 60);
    this.title.title = shown.title.slice(0, 500);
    this.reading.replaceChildren(...this.readingParts(at, read, theme));
    this.field.setAttribute("aria-label", `${shorten(shown.title, 60)} by step`);
    this.field.setAttribute("aria-valuemax", String(Math.round(shown.end)));
    this.field.setAttribute("aria-valuenow", String(Math.round(at)));
    this.field.setAttribute("aria-valuetext",
      `step ${count(at)}: ${read.map(([one, text]) => (shown.runs.length > 1 ? `${this.name(one)} ` : "") + text).join(", ") || "no value"}`);
    if (!this.width) this.width = this.field.clientWidth;
    this.draw(theme);
    this.dirty = false;
  }

  /** Whether the size changed since it was drawn. */
  get stale(): boolean {
    return this.dirty;
  }

  private name(one: Series): string {
    return shorten(this.shown!.runs[one.run]?.name ?? "", 24);
  }

  /** What each run has at a step, as text. */
  private read(step: number): [Series, string][] {
    return this.shown!.series.flatMap((one): [Series, string][] => {
      const at = one.at(step);
      if (at < 0) return [];
      const last = at === one.size - 1 && one.stride === 1;
      const mean = last ? one.lastValue : one.mean(at);
      const low = one.low[at]!, high = one.high[at]!;
      return [[one, one.stride > 1 && high > low && this.shown!.series.length === 1 ? `${short(mean)} (${short(low)} to ${short(high)})` : short(mean)]];
    });
  }

  private readingParts(step: number, read: [Series, string][], theme: Theme): (Node | string)[] {
    const where = this.cursor === null ? [] : [`step ${count(step)}: `];
    const several = this.shown!.series.length > 1;
    return [...where, ...read.map(([one, text]) =>
      h("span", { class: "labkit-chart-value" }, several && sample(one.run, theme), text))];
  }

  private stepAt(x: number): number {
    const inside = Math.min(1, Math.max(0, (x - LEFT) / Math.max(1, this.width - LEFT - RIGHT)));
    return Math.round(inside * (this.shown?.end ?? 1));
  }

  private key(event: KeyboardEvent): void {
    const shown = this.shown;
    const longest = shown?.series.reduce((a, b) => b.size > a.size ? b : a);
    if (!shown || !longest || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = this.cursor === null ? longest.size - 1 : longest.at(this.cursor);
    const jump = Math.max(1, Math.round(longest.size / 10));
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, ArrowDown: at - 1, ArrowUp: at + 1, PageDown: at - jump, PageUp: at + jump,
      Home: 0, End: longest.size - 1 }[event.key];
    if (event.key !== "Escape" && to === undefined) return;
    this.cursor = to === undefined ? null : longest.steps[Math.min(longest.size - 1, Math.max(0, to))]!;
    this.move(this.cursor); // it is drawn in the next frame; the next key may come before
    event.preventDefault();
  }

  private draw(theme: Theme): void {
    const shown = this.shown!, width = this.width;
    if (width < LEFT + RIGHT + 20) return;
    const dots = Math.min(3, window.devicePixelRatio || 1);
    const { canvas } = this;
    if (canvas.width !== Math.round(width * dots) || canvas.height !== Math.round(HEIGHT * dots)) {
      canvas.width = Math.round(width * dots);
      canvas.height = Math.round(HEIGHT * dots);
      canvas.style.height = `${HEIGHT}px`;
    }
    const pen = canvas.getContext("2d");
    if (!pen) return;
    const style = getComputedStyle(this.root);
    const ink = (name: string) => style.getPropertyValue(name);
    pen.setTransform(dots, 0, 0, dots, 0, 0);
    pen.clearRect(0, 0, width, HEIGHT);
    pen.font = `12px ${style.fontFamily}`;
    const lines = shown.series.map(one => ({ one, values: smoothed(one, shown.stepped ? 0 : shown.smoothing) }));
    const across = scale(0, shown.end, false, Math.max(2, Math.floor(width / 110)));
    const up = heights(lines.map(line => line.one), shown.log);
    const x = (step: number) => LEFT + across.place(step) * (width - LEFT - RIGHT);
    const y = (value: number) => HEIGHT - BOTTOM - up.place(value) * (HEIGHT - TOP - BOTTOM);
    this.axes(pen, across, up, x, y, ink);
    pen.save();
    pen.beginPath();
    pen.rect(LEFT, 0, width - LEFT - RIGHT + 2, HEIGHT - BOTTOM + 1);
    pen.clip();
    this.marks(pen, x, ink);
    for (const { one, values } of lines) this.line(pen, one, values, x, y, kind(one.run, theme).line);
    pen.restore();
    for (const { one } of lines) if (one.brokenAt !== null) this.broken(pen, x(one.brokenAt), ink("--lk-warn"));
    if (this.cursor !== null) {
      pen.fillStyle = ink("--lk-ink");
      pen.fillRect(Math.round(x(this.cursor)), TOP, 1, HEIGHT - TOP - BOTTOM);
      for (const { one, values } of lines) {
        const at = one.at(this.cursor);
        if (at < 0 || !Number.isFinite(values[at]!)) continue;
        pen.beginPath();
        pen.arc(x(this.cursor), y(values[at]!), 4, 0, 2 * Math.PI);
        pen.fillStyle = kind(one.run, theme).line;
        pen.fill();
      }
    }
  }

  private axes(pen: CanvasRenderingContext2D, across: Scale, up: Scale, x: (v: number) => number, y: (v: number) => number, ink: (name: string) => string): void {
    pen.fillStyle = ink("--lk-rule");
    for (const tick of up.ticks) pen.fillRect(LEFT, Math.round(y(tick)), this.width - LEFT - RIGHT, 1);
    pen.fillStyle = ink("--lk-line");
    pen.fillRect(LEFT, HEIGHT - BOTTOM, this.width - LEFT - RIGHT, 1);
    pen.fillStyle = ink("--lk-soft");
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    for (const tick of up.ticks) pen.fillText(short(tick), LEFT - 6, y(tick));
    pen.textBaseline = "top";
    pen.textAlign = "center";
    for (const tick of across.ticks) {
      const half = pen.measureText(short(tick)).width / 2;
      pen.fillText(short(tick), Math.min(this.width - half - 1, x(tick)), HEIGHT - BOTTOM + 6);
    }
  }

  private marks(pen: CanvasRenderingContext2D, x: (v: number) => number, ink: (name: string) => string): void {
    pen.textAlign = "left";
    pen.textBaseline = "top";
    pen.setLineDash([3, 3]);
    pen.strokeStyle = pen.fillStyle = ink("--lk-soft");
    pen.lineWidth = 1;
    let free = this.width; // from the right, so that of several changes close together the last one is named
    for (const { step, text } of [...this.shown!.marks].reverse()) {
      const at = Math.round(x(step)) + 0.5, wide = pen.measureText(text).width;
      pen.beginPath();
      pen.moveTo(at, TOP);
      pen.lineTo(at, HEIGHT - BOTTOM);
      pen.stroke();
      if (at + wide + 4 > free) continue;
      pen.fillText(text, at + 3, 0);
      free = at;
    }
    pen.setLineDash([]);
  }

  private line(pen: CanvasRenderingContext2D, one: Series, values: Float64Array, x: (v: number) => number, y: (v: number) => number, colour: string): void {
    const shown = this.shown!, room = this.width - LEFT - RIGHT;
    const gathered = columns(one, values, Math.round(room));
    pen.fillStyle = pen.strokeStyle = colour;
    if (one.stride > 1 || one.size > room) {
      pen.globalAlpha = 0.22;
      gathered.forEach((column, i) => {
        if (!(column.high >= column.low)) return;
        const left = x(column.step), right = i + 1 < gathered.length ? x(gathered[i + 1]!.step) : left + 1;
        const top = y(column.high), bottom = y(column.low);
        pen.fillRect(left, top, Math.max(1, right - left), Math.max(1, (Number.isFinite(bottom) ? bottom : HEIGHT) - top));
      });
      pen.globalAlpha = 1;
    } else if (shown.smoothing && !shown.stepped) {
      pen.globalAlpha = 0.35; // what it was before it was smoothed
      pen.lineWidth = 1.5;
      pen.beginPath();
      for (let i = 0; i < one.size; i++) if (Number.isFinite(y(one.mean(i)))) pen.lineTo(x(one.steps[i]!), y(one.mean(i)));
      pen.stroke();
      pen.globalAlpha = 1;
    }
    pen.lineWidth = 2;
    pen.lineJoin = "round";
    pen.setLineDash(dash(one.run));
    pen.beginPath();
    let drawing = false, before = 0;
    for (const { step, value } of gathered) {
      const at = y(value);
      if (!Number.isFinite(at)) {
        drawing = false;
        continue;
      }
      if (drawing && shown.stepped) pen.lineTo(x(step), before);
      if (drawing) pen.lineTo(x(step), at);
      else pen.moveTo(x(step), at);
      drawing = true;
      before = at;
    }
    if (shown.stepped && drawing) pen.lineTo(x(Math.max(one.lastStep, shown.runs[one.run]?.step ?? 0)), before);
    pen.stroke();
    pen.setLineDash([]);
    if (gathered.length <= 24 && !shown.stepped) {
      for (const { step, value } of gathered) {
        if (!Number.isFinite(y(value))) continue;
        pen.beginPath();
        pen.arc(x(step), y(value), 3, 0, 2 * Math.PI);
        pen.fill();
      }
    }
  }

  /** A cross where values ceased to be numbers. */
  private broken(pen: CanvasRenderingContext2D, at: number, colour: string): void {
    pen.strokeStyle = colour;
    pen.lineWidth = 2;
    pen.beginPath();
    pen.moveTo(at - 4, TOP);
    pen.lineTo(at + 4, TOP + 8);
    pen.moveTo(at + 4, TOP);
    pen.lineTo(at - 4, TOP + 8);
    pen.stroke();
    pen.fillStyle = colour;
    pen.textBaseline = "top";
    pen.textAlign = at > this.width / 2 ? "right" : "left";
    pen.fillText("not a number", at + (at > this.width / 2 ? -8 : 8), TOP - 2);
  }
}

/** A scale that holds all values of the series. */
function heights(series: Series[], log: boolean): Scale {
  let low = Infinity, high = -Infinity;
  for (const one of series) {
    for (let i = 0; i < one.size; i++) {
      if (one.high[i]! > high) high = one.high[i]!;
      if (one.low[i]! < low && (!log || one.low[i]! > 0)) low = one.low[i]!;
    }
  }
  if (log) return scale(low === Infinity ? NaN : low, high * (high / low) ** 0.04 || high, true);
  if (low > 0 && low < 0.3 * high) low = 0; // near enough to zero to show it
  return scale(low === Infinity ? NaN : low, high + 0.04 * (high - low), false);
}
