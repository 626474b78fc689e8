// The strip: a run from left to right, a tick a step, to be scrubbed by mouse, touch and keys.
//
// What a tick says stands in its shape, too: done is full, here is tall with an arrow below, next is hollow with a heavy
// outline, later is hollow and short, NaN has a cross above, a breakpoint a dot. It is a slider for assistive technology.

import { h, s } from "../core/dom.ts";
import type { Shell } from "../core/shell.ts";
import { positionAt, ticks, type Tick } from "./ticks.ts";
import { opOf, spoken, type Track } from "./walk.ts";

const TOP = 14, BOTTOM = 38, HEIGHT = 50;

export class Strip {
  readonly element: HTMLElement;
  private readonly svg = s("svg", { class: "labkit-db-ticks", height: HEIGHT, "aria-hidden": "true" });
  private track: Track | null = null;
  private marked: ReadonlySet<number> = new Set();
  private groups: readonly number[] = [];
  private all: Tick[] = [];
  private width = 0;
  private selected = -1;

  constructor(shell: Shell, private readonly go: (position: number, far: boolean) => void) {
    const { signal } = shell;
    this.element = h("div", {
      class: "labkit-db-strip", role: "slider", tabindex: 0, "aria-label": "Position in the run", "aria-valuemin": 0, "aria-valuemax": 0, "aria-valuenow": 0,
    }, this.svg);
    const point = (event: PointerEvent) => {
      const position = positionAt(this.all, event.clientX - this.svg.getBoundingClientRect().left);
      this.go(position, event.type === "pointerdown");
    };
    this.element.addEventListener("pointerdown", event => {
      if (event.button !== 0) return;
      this.element.setPointerCapture(event.pointerId);
      point(event);
    }, { signal });
    this.element.addEventListener("pointermove", event => {
      if (this.element.hasPointerCapture(event.pointerId)) return point(event);
      const at = positionAt(this.all, event.clientX - this.svg.getBoundingClientRect().left) - 1;
      const { track } = this;
      const title = track && at >= 0 ? `${at + 1}. ${opOf(track.plan, at)} ${track.plan.names[at]!.slice(0, 200)}` : "";
      if (this.element.title !== title) this.element.title = title;
    }, { signal });
    const observer = new ResizeObserver(() => this.draw());
    observer.observe(this.element);
    signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  }

  show(track: Track, marked: ReadonlySet<number>, groups: readonly number[], selected: number): void {
    Object.assign(this, { track, marked, groups, selected });
    const { element } = this;
    element.setAttribute("aria-valuemax", String(track.plan.names.length));
    element.setAttribute("aria-valuenow", String(track.position));
    element.setAttribute("aria-valuetext", spoken(track).slice(0, 300));
    this.draw();
  }

  private draw(): void {
    const { track } = this;
    this.width = Math.max(0, this.element.clientWidth - 20);
    if (!track || !this.width) return;
    this.svg.setAttribute("width", String(this.width));
    this.svg.classList.toggle("labkit-db-dense", track.plan.names.length * 7 > this.width);
    this.all = ticks(track, this.width, this.marked, this.groups);
    this.svg.replaceChildren(...this.bands(), ...this.all.flatMap(tick => this.tick(tick)));
  }

  /** Behind the ticks of every second iteration. */
  private bands(): SVGElement[] {
    const made: SVGElement[] = [];
    for (let i = 0, start = 0; i < this.all.length; i++) {
      const next = this.all[i + 1];
      if (next && next.group === this.all[i]!.group) continue;
      const x = this.all[start]!.x - 1;
      if (this.all[i]!.group % 2) made.push(s("rect", { class: "labkit-db-band", x, y: 8, width: (next?.x ?? this.all[i]!.x + this.all[i]!.w + 1) - 1 - x, height: BOTTOM - 6 }));
      start = i + 1;
    }
    return made;
  }

  private tick({ x, w, status, bad, marked, part, first, last }: Tick): SVGElement[] {
    const top = status === "here" ? TOP - 4 : status === "later" ? TOP + 8 : TOP + 2;
    const state = bad ? "bad" : status;
    const made: SVGElement[] = [s("rect", { class: `labkit-db-tick labkit-db-${state}`, x, y: top, width: w, height: BOTTOM - top })];
    if (status === "next" && part > 0) made.push(s("rect", { class: "labkit-db-tick labkit-db-done", x, y: top, width: w * part, height: BOTTOM - top }));
    const middle = x + w / 2;
    if (status === "here") made.push(s("path", { class: "labkit-db-arrow", d: `M${middle} ${BOTTOM + 2}l5 8h-10z` }));
    if (bad) made.push(s("path", { class: "labkit-db-cross", d: `M${middle - 3} 1l6 6m0-6l-6 6` }));
    if (marked) made.push(s("circle", { class: "labkit-db-dot", cx: middle, cy: 5, r: 3.5 }));
    if (first <= this.selected && this.selected < last) made.push(s("rect", { class: "labkit-db-chosen", x: x - 2, y: top - 2, width: w + 4, height: BOTTOM - top + 4, rx: 2 }));
    return made;
  }
}
