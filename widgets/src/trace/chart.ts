// The chart: a canvas in a scrolling box, an overview below it, and what pointer and keys do on them.
//
// The canvas stays in view (position: sticky) while the box scrolls over all rows; only what is in view is drawn, once
// for each frame in which something changed.

import { clamp, eventAt } from "./bars.ts";
import type { Events, Grouping, Groups } from "./events.ts";
import { nextEvent, type Step } from "./moves.ts";
import { AXIS, boxOf, draw, type Ink, type Layout, layOut, type Look } from "./paint.ts";
import { CanvasPen, SvgPen } from "./pens.ts";
import type { Shell } from "../core/shell.ts";
import { h } from "../core/dom.ts";

export interface Heard {
  selected(event: number): void; // -1: nothing
  hovered(event: number, x: number, y: number): void;
  stretched(span: [number, number] | null): void;
  moved(window: [number, number] | null): void;
  pointed(seconds: number): void; // a click on the bars
  details(): void; // Enter
  search(): void; // "/"
}

const OVERVIEW = 24;

export class Chart {
  readonly element: HTMLElement;
  readonly box: HTMLElement;
  events!: Events;
  look!: Look;
  pans = false; // what a drag does: pan, or select a stretch
  #canvas = h("canvas", { class: "labkit-tr-canvas", "aria-hidden": "true" });
  #overview = h("canvas", { class: "labkit-tr-overview", "aria-hidden": "true" });
  #spacer = h("div");
  #layout!: Layout;
  #pen = new CanvasPen(this.#canvas.getContext("2d")!);
  #width = 0;
  #asked = 0;
  #profile: number[] = [];

  constructor(readonly shell: Shell, readonly heard: Heard) {
    this.box = h("div", {
      class: "labkit-tr-box", tabindex: "0", role: "application", "aria-roledescription": "timeline",
      "aria-label": "Timeline. Left and right arrows go from event to event, up and down from row to row; plus, minus " +
        "and 0 zoom; Shift with an arrow moves the window; square brackets follow the critical path; Enter shows details.",
    }, this.#canvas, this.#spacer);
    this.element = h("div", { class: "labkit-tr-chart" }, this.box, this.#overview);
    const { signal } = shell;
    const sizes = new ResizeObserver(() => this.#resize());
    sizes.observe(this.element);
    shell.watch("height", () => { this.#width = 0; this.#resize(); });
    signal.addEventListener("abort", () => { sizes.disconnect(); cancelAnimationFrame(this.#asked); }, { once: true });
    shell.root.addEventListener("labkit-theme", () => this.redraw(), { signal });
    this.box.addEventListener("scroll", () => this.redraw(), { signal });
    this.box.addEventListener("keydown", event => this.#key(event), { signal });
    this.box.addEventListener("wheel", event => this.#wheel(event), { signal, passive: false });
    this.#canvas.addEventListener("pointerdown", event => this.#press(event), { signal });
    this.#canvas.addEventListener("pointermove", event => { if (!event.buttons) this.#hover(event); }, { signal });
    this.#canvas.addEventListener("pointerleave", () => heard.hovered(-1, 0, 0), { signal });
    this.#overview.addEventListener("pointerdown", event => this.#slide(event), { signal });
  }

  /** Shows events; all of their time. */
  load(events: Events, by: Grouping, busy: number[]): void {
    this.events = events;
    this.look = {
      window: { from: 0, to: events.whole, width: 1 }, groups: events.groups(by), matching: null, matches: null,
      critical: true, cursor: -1, marked: new Set(), focus: -1, links: [], span: null, busy, scroll: 0, height: 0,
    };
    this.#profile = profileOf(events);
    this.#width = 0;
    this.#resize();
  }

  colour(groups: Groups): void {
    this.look.groups = groups;
    this.redraw();
  }

  filter(matching: Uint8Array | null): void {
    this.look.matching = matching;
    this.look.matches = matching && this.events.lanes.map(lane => {
      const sums = new Int32Array(lane.events.length + 1);
      lane.events.forEach((event, i) => { sums[i + 1] = sums[i]! + matching[event]!; });
      return sums;
    });
    this.redraw();
  }

  /** Selects events: rings around them, the first in view. */
  mark(events: number[], focus: number, links: [number, number][]): void {
    this.look.marked = new Set(events.slice(0, 2000));
    this.look.focus = focus;
    this.look.links = links;
    if (focus >= 0) this.#reveal(focus);
    this.redraw();
  }

  /** Moves the window; null shows all. Tells, unless it was told. */
  go(window: [number, number] | null, tell = true): void {
    const { whole } = this.events;
    const [from, to] = window ? clamp(window[0], window[1], whole) : [0, whole];
    Object.assign(this.look.window, { from, to });
    this.redraw();
    if (tell) this.heard.moved(to - from >= whole * (1 - 1e-9) ? null : [from, to]);
  }

  /** Zooms about a moment, or about what is selected, or about the middle. */
  zoom(factor: number, at?: number): void {
    const { from, to } = this.look.window;
    const { focus } = this.look;
    const about = at ?? (focus >= 0 ? Math.min(to, Math.max(from, this.events.start[focus]!)) : (from + to) / 2);
    this.go([about - (about - from) * factor, about + (to - about) * factor]);
  }

  pan(share: number): void {
    const { from, to } = this.look.window;
    this.go([from + share * (to - from), to + share * (to - from)]);
  }

  redraw(): void {
    if (!this.#asked) this.#asked = requestAnimationFrame(() => { this.#asked = 0; this.#paint(); });
  }

  /** The picture as SVG: all rows, and the time that is shown. */
  svg(): string {
    const height = Math.min(20000, AXIS + this.#layout.tops.at(-1)!);
    const pen = new SvgPen();
    draw(pen, this.events, this.#layout, { ...this.look, scroll: 0, height }, this.#ink());
    return pen.finish(this.#width, height);
  }

  /** The same as PNG, twice as fine. */
  png(): Promise<Blob | null> {
    const height = Math.min(8000, AXIS + this.#layout.tops.at(-1)!);
    const canvas = h("canvas");
    canvas.width = 2 * this.#width;
    canvas.height = 2 * height;
    const context = canvas.getContext("2d")!;
    context.scale(2, 2);
    draw(new CanvasPen(context), this.events, this.#layout, { ...this.look, scroll: 0, height }, this.#ink());
    return new Promise(done => canvas.toBlob(done));
  }

  #resize(): void {
    const width = Math.floor(this.element.clientWidth);
    if (!this.events || width < 40 || width === this.#width) return;
    this.#width = width;
    this.#layout = layOut(this.events, width);
    const all = AXIS + this.#layout.tops.at(-1)!;
    const height = Math.min(all, this.shell.get<number>("height") || 320);
    this.look.height = height;
    this.box.style.height = `${height + 1}px`; // and its border
    this.#canvas.style.height = `${height}px`;
    this.#spacer.style.height = `${all - height}px`;
    const bar = this.box.offsetWidth - this.box.clientWidth; // a scroll bar takes its room
    this.look.window.width = Math.max(20, width - this.#layout.gutter - bar);
    size(this.#canvas, width, height);
    size(this.#overview, width, OVERVIEW);
    cancelAnimationFrame(this.#asked);
    this.#asked = 0;
    this.#paint();
  }

  #paint(): void {
    if (this.shell.signal.aborted || !this.#width) return;
    this.look.scroll = this.box.scrollTop;
    const ink = this.#ink();
    draw(this.#pen, this.events, this.#layout, this.look, ink);
    this.#paintOverview(ink);
  }

  #paintOverview(ink: Ink): void {
    const pen = this.#overview.getContext("2d")!;
    const { window } = this.look;
    const { gutter } = this.#layout;
    const x = (at: number) => gutter + at / this.events.whole * window.width;
    pen.fillStyle = ink.panel;
    pen.fillRect(0, 0, this.#width, OVERVIEW);
    pen.fillStyle = ink.soft;
    pen.font = "12px system-ui, sans-serif";
    pen.fillText("whole step", 8, 16);
    const edge = (i: number) => Math.round(gutter + i * window.width / this.#profile.length);
    this.#profile.forEach((full, i) => pen.fillRect(edge(i), OVERVIEW - 2 - 18 * full, edge(i + 1) - edge(i), 18 * full));
    pen.strokeStyle = ink.accent;
    pen.lineWidth = 2;
    pen.strokeRect(x(window.from) + 1, 1, Math.max(4, x(window.to) - x(window.from) - 2), OVERVIEW - 2);
  }

  #ink(): Ink {
    const style = getComputedStyle(this.shell.root);
    const colour = (name: string) => style.getPropertyValue(`--lk-${name}`).trim() || "#888888";
    return {
      theme: this.shell.root.dataset["theme"] === "dark" ? "dark" : "light", paper: colour("paper"), panel: colour("panel"),
      ink: colour("ink"), soft: colour("soft"), rule: colour("rule"), accent: colour("accent"),
    };
  }

  #time(x: number): number {
    const { from, to, width } = this.look.window;
    return from + (x - this.#layout.gutter) / width * (to - from);
  }

  /** The event under a point of the canvas, or a narrow one beside it; -1. */
  #eventUnder(x: number, y: number): number {
    if (x < this.#layout.gutter || y < AXIS) return -1;
    const at = y - AXIS + this.look.scroll;
    const row = this.#layout.tops.findIndex((top, i) => at >= top && at < (this.#layout.tops[i + 1] ?? -1));
    if (row < 0) return -1;
    const lane = Math.floor((at - this.#layout.tops[row]!) / this.#layout.lane[row]!);
    const found = this.events.lanes.find(l => l.row === row && l.lane === lane);
    if (!found) return -1;
    const { from, to, width } = this.look.window;
    return eventAt(this.events, found, this.#time(x), 3 * (to - from) / width);
  }

  #hover(event: PointerEvent): void {
    const found = this.#eventUnder(event.offsetX, event.offsetY);
    this.#canvas.style.cursor = found >= 0 ? "pointer" : this.pans ? "grab" : "crosshair";
    this.heard.hovered(found, event.offsetX, event.offsetY);
  }

  #press(down: PointerEvent): void {
    if (down.button !== 0 && down.button !== 1) return;
    const pans = this.pans !== (down.shiftKey || down.button === 1);
    const window = { ...this.look.window };
    const start = this.#time(Math.max(down.offsetX, this.#layout.gutter));
    let dragged = false;
    this.#follow(this.#canvas, down, move => {
      const away = move.clientX - down.clientX;
      dragged ||= Math.abs(away) > 4;
      if (!dragged) return;
      this.heard.hovered(-1, 0, 0);
      if (pans) {
        const by = away / window.width * (window.to - window.from);
        this.go([window.from - by, window.to - by]);
      } else {
        const now = Math.min(window.to, Math.max(window.from, start + away / window.width * (window.to - window.from)));
        this.look.span = now > start ? [start, now] : [now, start];
        this.redraw();
      }
    }, () => {
      if (dragged && !pans && this.look.span && this.look.span[1] > this.look.span[0]) this.heard.stretched(this.look.span);
      else if (!dragged) {
        this.heard.selected(this.#eventUnder(down.offsetX, down.offsetY));
        if (down.offsetX > this.#layout.gutter) this.heard.pointed(start);
      }
    });
  }

  #slide(down: PointerEvent): void {
    const to = (event: PointerEvent) => {
      const { from, to, width } = this.look.window;
      const middle = (event.offsetX - this.#layout.gutter) / width * this.events.whole;
      this.go([middle - (to - from) / 2, middle + (to - from) / 2]);
    };
    to(down);
    this.#follow(this.#overview, down, to, () => {});
  }

  /** Follows a pointer from its press to its release. */
  #follow(on: HTMLElement, down: PointerEvent, move: (event: PointerEvent) => void, up: () => void): void {
    const end = new AbortController();
    const { signal } = end;
    this.shell.signal.addEventListener("abort", () => end.abort(), { once: true, signal });
    on.setPointerCapture(down.pointerId);
    on.addEventListener("pointermove", move, { signal });
    on.addEventListener("pointerup", () => { end.abort(); up(); }, { signal });
    on.addEventListener("pointercancel", () => end.abort(), { signal });
  }

  #wheel(event: WheelEvent): void {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      const { left } = this.#canvas.getBoundingClientRect();
      this.zoom(1.0025 ** Math.max(-200, Math.min(200, event.deltaY)), this.#time(event.clientX - left));
      return;
    }
    const sideways = event.shiftKey ? event.deltaY : Math.abs(event.deltaX) > Math.abs(event.deltaY) ? event.deltaX : 0;
    const { from, to, width } = this.look.window;
    if (!sideways || to - from >= this.events.whole) return;
    event.preventDefault();
    this.pan(sideways / width);
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = STEPS[event.key];
    const acts: Record<string, () => void> = {
      "+": () => this.zoom(1 / 1.5), "=": () => this.zoom(1 / 1.5), "-": () => this.zoom(1.5), "0": () => this.go(null),
      Enter: () => this.heard.details(), "/": () => this.heard.search(),
      Escape: () => { this.look.span ? this.heard.stretched(null) : this.heard.selected(-1); },
      PageDown: () => { this.box.scrollTop += this.look.height - AXIS; },
      PageUp: () => { this.box.scrollTop -= this.look.height - AXIS; },
    };
    if (event.shiftKey && event.key === "ArrowLeft") this.pan(-0.2);
    else if (event.shiftKey && event.key === "ArrowRight") this.pan(0.2);
    else if (step) {
      const found = nextEvent(this.events, this.look.focus, step, this.look.matching, this.look.window);
      if (found >= 0) this.heard.selected(found);
    } else if (acts[event.key]) acts[event.key]!();
    else return;
    event.preventDefault();
  }

  /** Scrolls and pans until an event is in view. */
  #reveal(event: number): void {
    if (!this.#width) return;
    const { window } = this.look;
    const [start, end] = [this.events.start[event]!, this.events.end[event]!];
    if (end < window.from || start > window.to) {
      const half = (window.to - window.from) / 2;
      const middle = Math.min((start + end) / 2, start + half / 2);
      this.go([middle - half, middle + half]);
    }
    this.look.scroll = this.box.scrollTop;
    const [, y, , tall] = boxOf(this.events, this.#layout, this.look, event);
    if (y < AXIS) this.box.scrollTop += y - AXIS - 6;
    else if (y + tall > this.look.height) this.box.scrollTop += y + tall - this.look.height + 8;
  }
}

const STEPS: Record<string, Step> = {
  ArrowLeft: "before", ArrowRight: "after", ArrowUp: "above", ArrowDown: "below", Home: "first", End: "last",
  "[": "chain-before", "]": "chain-after",
};

/** Gives a canvas a size in CSS pixels, as fine as the screen. */
export function size(canvas: HTMLCanvasElement, width: number, height: number): void {
  const fine = Math.max(1, Math.min(3, devicePixelRatio || 1));
  canvas.width = Math.round(width * fine);
  canvas.height = Math.round(height * fine);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  canvas.getContext("2d")!.scale(fine, fine);
}

/** How busy all lanes together are in each of 300 stretches, the busiest as 1. */
export function profileOf(events: Events, bins = 300): number[] {
  const sums = new Array<number>(bins).fill(0);
  const length = events.whole / bins;
  for (let i = 0; i < events.count; i++) {
    const [start, end] = [events.start[i]!, events.end[i]!];
    for (let bin = Math.min(bins - 1, Math.floor(start / length)); bin < bins && bin * length < end; bin++) {
      sums[bin]! += Math.min(end, (bin + 1) * length) - Math.max(start, bin * length);
    }
  }
  const most = Math.max(...sums);
  return sums.map(sum => most ? sum / most : 0);
}
