// The picture: a canvas that is drawn once for each frame in which something changed, and what hands and keys do on it.

import { draw, type Layout, layOut, type Look, under } from "./paint.ts";
import type { Run, Spot } from "./run.ts";
import { h } from "../core/dom.ts";
import type { Shell } from "../core/shell.ts";
import { size } from "../trace/chart.ts";
import { CanvasPen, SvgPen } from "../trace/pens.ts";

export interface Heard {
  chosen(spot: Spot | null): void;
  hovered(spot: Spot | null): void;
  moved(time: number): void; // a click on the axis, in ticks
  pressed(key: string): boolean;
}

const MOVES: Record<string, [number, number]> = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };

export class Chart {
  readonly box: HTMLElement;
  run!: Run;
  look: Look = { from: 0, to: 1, width: 0, time: 0, chosen: null };
  #layout!: Layout;
  #canvas = h("canvas", { class: "labkit-pp-canvas", "aria-hidden": "true" });
  #pen = new CanvasPen(this.#canvas.getContext("2d")!);
  #asked = 0;

  constructor(readonly shell: Shell, readonly heard: Heard) {
    const { signal } = shell;
    this.box = h("div", {
      class: "labkit-pp-chart", tabindex: "0", role: "application", "aria-roledescription": "schedule of a pipeline",
      "aria-label": "Stages over time. Left and right go from piece to piece, up and down from stage to stage; space plays, " +
        "comma and full stop step; plus, minus and 0 zoom, Shift with an arrow moves what is shown; Escape lets go.",
    }, this.#canvas);
    const sizes = new ResizeObserver(() => { if (Math.floor(this.box.clientWidth) !== this.look.width) this.resize(); });
    sizes.observe(this.box);
    signal.addEventListener("abort", () => { sizes.disconnect(); cancelAnimationFrame(this.#asked); }, { once: true });
    shell.root.addEventListener("labkit-theme", () => this.redraw(), { signal });
    this.box.addEventListener("keydown", event => this.#key(event), { signal });
    this.box.addEventListener("pointermove", event => heard.hovered(this.#under(event)), { signal });
    this.box.addEventListener("pointerleave", () => heard.hovered(null), { signal });
    this.box.addEventListener("click", event => {
      const spot = this.#under(event);
      if (!spot && event.offsetX >= this.#layout.gutter && event.offsetY < 26) heard.moved(this.#time(event.offsetX));
      else heard.chosen(spot);
    }, { signal });
    this.box.addEventListener("wheel", event => {
      if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
      event.preventDefault();
      this.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.#time(event.offsetX));
    }, { signal, passive: false });
  }

  load(run: Run): void {
    this.run = run;
    Object.assign(this.look, { from: 0, to: run.end, time: 0, chosen: null });
    this.resize();
  }

  resize(): void {
    const width = Math.floor(this.box.clientWidth);
    if (!this.run || width < 160) return;
    this.look.width = width;
    this.#layout = layOut(this.run, width);
    size(this.#canvas, width, this.#layout.height);
    this.box.style.height = `${this.#layout.height}px`;
    cancelAnimationFrame(this.#asked);
    this.#asked = 0;
    this.#paint();
  }

  redraw(): void {
    if (!this.#asked) this.#asked = requestAnimationFrame(() => { this.#asked = 0; this.#paint(); });
  }

  /** Shows another stretch of time, no longer than all of it and no shorter than makes sense. */
  show(from: number, to: number): void {
    const length = Math.min(this.run.end, Math.max(this.run.end / 500, to - from));
    this.look.from = Math.min(this.run.end - length, Math.max(0, from));
    this.look.to = this.look.from + length;
    this.redraw();
  }

  zoom(factor: number, about = this.#middle()): void {
    const { from, to } = this.look;
    this.show(about - (about - from) * factor, about + (to - about) * factor);
  }

  choose(spot: Spot | null): void {
    this.look.chosen = spot;
    if (spot) {
      const { start, end } = this.run.data.runs[spot.run]!.stages[spot.stage]!, { from, to } = this.look;
      const [a, b] = [start[spot.piece]!, end[spot.piece]!];
      if (a < from || b > to) this.show((a + b - to + from) / 2, (a + b + to - from) / 2);
    }
    this.redraw();
  }

  /** The picture as SVG text. */
  svg(): string {
    const pen = new SvgPen();
    draw(pen, this.run, this.#layout, this.look, this.#ink());
    return pen.finish(this.look.width, this.#layout.height);
  }

  #paint(): void {
    if (!this.shell.signal.aborted && this.look.width) draw(this.#pen, this.run, this.#layout, this.look, this.#ink());
  }

  #ink() {
    const style = getComputedStyle(this.shell.root);
    const colour = (name: string) => style.getPropertyValue(`--lk-${name}`).trim() || "#888888";
    const theme = this.shell.root.dataset["theme"] === "dark" ? "dark" as const : "light" as const;
    return { theme, paper: colour("paper"), panel: colour("panel"), ink: colour("ink"), soft: colour("soft"), rule: colour("rule"), accent: colour("accent") };
  }

  #middle(): number {
    const { chosen, time, from, to } = this.look;
    const at = chosen ? this.run.data.runs[chosen.run]!.stages[chosen.stage]!.start[chosen.piece]! : time;
    return at > from && at < to ? at : (from + to) / 2;
  }

  #time(x: number): number {
    const { from, to, width } = this.look;
    return Math.min(this.run.end, Math.max(0, from + (x - this.#layout.gutter) / (width - this.#layout.gutter - 6) * (to - from)));
  }

  #under(event: MouseEvent): Spot | null {
    const { left, top } = this.#canvas.getBoundingClientRect();
    return under(this.run, this.#layout, this.look, event.clientX - left, event.clientY - top);
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { from, to } = this.look, way = MOVES[event.key];
    if (way && event.shiftKey && way[1]) this.show(from + way[1] * (to - from) / 4, to + way[1] * (to - from) / 4);
    else if (way) this.heard.chosen(this.#beside(way[0], way[1]));
    else if (event.key === "Home" || event.key === "End") this.heard.chosen(this.#along(event.key === "Home" ? 0 : Infinity));
    else if (event.key === "Escape") this.heard.chosen(null);
    else if (event.key === "+" || event.key === "=") this.zoom(0.6);
    else if (event.key === "-") this.zoom(1 / 0.6);
    else if (event.key === "0") this.show(0, this.run.end);
    else if (!this.heard.pressed(event.key)) return;
    event.preventDefault();
  }

  #along(piece: number): Spot {
    const { run, stage } = this.look.chosen ?? { run: 0, stage: 0 };
    const many = this.run.data.runs[run]!.stages[stage]!.start.length;
    return { run, stage, piece: Math.max(0, Math.min(many - 1, piece)) };
  }

  /** The piece beside, or what is nearest in time on the next stage; from the last stage of a run to the next run. */
  #beside(down: number, along: number): Spot {
    const { chosen } = this.look, { runs } = this.run.data;
    if (!chosen) return { run: 0, stage: 0, piece: 0 };
    if (along) return this.#along(chosen.piece + along);
    const p = runs[0]!.stages.length, to = Math.max(0, Math.min(p * runs.length - 1, chosen.run * p + chosen.stage + down));
    const spot = { run: Math.floor(to / p), stage: to % p }, middle = (one: Spot) => {
      const { start, end } = runs[one.run]!.stages[one.stage]!;
      return (start[one.piece]! + end[one.piece]!) / 2;
    };
    const at = middle(chosen), many = runs[spot.run]!.stages[spot.stage]!.start.length;
    let best = { ...spot, piece: 0 };
    for (let piece = 1; piece < many; piece++) if (Math.abs(middle({ ...spot, piece }) - at) < Math.abs(middle(best) - at)) best = { ...spot, piece };
    return best;
  }
}
