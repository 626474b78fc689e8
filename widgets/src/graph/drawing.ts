// The scene as SVG elements. What is in view (and a margin) is in the document; the rest is not.
//
// Colours come by name through `paint`: `var(--lk-g-op-fill)` in the page, "#ffffff" in an exported file. Four layers lie
// on one another: frames, wires, boxes, words on wires.

import { PATTERNS, inkOn } from "../core/colours.ts";
import { s } from "../core/dom.ts";
import { overlap, type Box } from "./camera.ts";
import { HEAD } from "./frames.ts";
import { index } from "./keys.ts";
import { FONT, KNOB, clear, describe, figure, rounded, textWidth, type Figure } from "./looks.ts";
import type { Graph } from "./columns.ts";
import type { Item, Scene, Wire } from "./types.ts";
import { headPath, titles, wireBox, wirePath, wireTone, wireWidth, type Label } from "./wires.ts";

export type Mark = "added" | "removed" | "changed" | "bad" | "next" | "done";

/** What is painted over the plain picture: costs, devices, differences, values. */
export interface Layer {
  fill?: (item: Item) => { colour: string; pattern?: string; ink?: string } | null;
  badge?: (item: Item) => string | null;
  wireLabel?: (wire: Wire) => string | null;
  dim?: (item: Item) => boolean;
  mark?: (item: Item) => Mark | null;
}

/** All that decides how the picture looks, but for where the eye is. */
export interface Drawn {
  scene: Scene;
  graph: Graph;
  horizontal: boolean;
  layer: Layer;
  labels: () => Map<string, Label>; // words on wires
  selected: Set<string>; // ids of items
}

export const SIGNS: Record<Mark, string> = { added: "+", removed: "−", changed: "≠", bad: "!", next: "▸", done: "✓" };
export const MARGIN = 24; // around the scene: cards, halos and badges stick out

const figures = new WeakMap<Item, Figure>();

export function figureOf(item: Item, graph: Graph): Figure {
  let found = figures.get(item);
  if (!found) figures.set(item, (found = figure(item, graph)));
  return found;
}

/** Whether a wire begins or ends at something selected. */
export function isNear(wire: Wire, drawn: Drawn): boolean {
  return drawn.selected.size > 0 && (drawn.selected.has(wire.from) || drawn.selected.has(wire.to));
}

let made = 0;

export class Drawing {
  readonly svg: SVGSVGElement;
  private readonly defs = s("defs");
  private readonly all = s("g");
  private readonly layers = { frames: s("g"), wires: s("g"), boxes: s("g"), words: s("g") };
  private items = new Map<string, SVGGElement>();
  private heads = new Map<string, SVGGElement>(); // of frames: above the wires
  private wires = new Map<string, SVGElement[]>();
  private boxes: Box[] = [];
  private order = new Map<string, number>();
  private lod: "near" | "far" | "dots" = "near";
  private k = 1;
  private titles: SVGElement[] = [];
  private motion = 0;
  private drawn: Drawn | null = null;
  private readonly id = `labkit-g${++made}-`;

  constructor(private readonly paint: (name: string) => string, private readonly live = true) {
    this.svg = s("svg", { class: "labkit-g-svg", "font-family": FONT, direction: "ltr" }, this.defs, this.all);
    this.all.append(...Object.values(this.layers));
  }

  /** How many boxes are in the document. */
  get size(): number {
    return this.items.size;
  }

  /** Takes a new scene, or new paint; `cull` then draws what is in view. */
  set(drawn: Drawn): void {
    if (this.drawn?.scene !== drawn.scene) {
      this.boxes = drawn.scene.wires.map(wireBox);
      this.order = new Map(drawn.scene.items.map((item, i) => [item.id, i]));
    }
    this.drawn = drawn;
    this.still();
    this.clear();
    this.defs.replaceChildren();
  }

  private clear(): void {
    this.items.clear();
    this.heads.clear();
    this.wires.clear();
    this.titles = [];
    for (const layer of Object.values(this.layers)) layer.replaceChildren();
  }

  /** Draws these items and their wires again: their selection changed. */
  refresh(ids: Iterable<string>): void {
    if (!this.drawn) return;
    const changed = new Set(ids);
    const byId = index(this.drawn.scene);
    for (const id of changed) {
      const old = this.items.get(id), item = byId.get(id);
      if (!old || !item) continue;
      old.remove();
      this.heads.get(id)?.remove();
      this.addItem(item, this.drawn);
    }
    for (const wire of this.drawn.scene.wires) {
      if (!this.wires.has(wire.id) || !(changed.has(wire.from) || changed.has(wire.to))) continue;
      this.drop(wire.id);
      this.addWire(wire, this.drawn);
    }
  }

  /** The scale of the drawing, and the size of the paper. */
  scale(k: number): void {
    const { width = 0, height = 0 } = this.drawn?.scene ?? {};
    this.svg.setAttribute("width", String(Math.ceil((width + 2 * MARGIN) * k)));
    this.svg.setAttribute("height", String(Math.ceil((height + 2 * MARGIN) * k)));
    this.all.setAttribute("transform", `scale(${k}) translate(${MARGIN} ${MARGIN})`);
    const lod = k < 0.25 ? "dots" : k < 0.35 ? "far" : "near";
    this.k = k;
    this.svg.dataset["lod"] = lod;
    if (lod !== this.lod) this.clear();
    this.lod = lod;
  }

  /** Puts what touches `near` into the document and takes out what does not touch `far`. */
  cull(near: Box, far: Box): void {
    const drawn = this.drawn;
    if (!drawn) return;
    const byId = index(drawn.scene);
    for (const [id, element] of this.items) {
      const item = byId.get(id);
      if (item && overlap(item, far)) continue;
      element.remove();
      this.items.delete(id);
      this.heads.get(id)?.remove();
      this.heads.delete(id);
    }
    for (const item of drawn.scene.items) if (!this.items.has(item.id) && overlap(item, near)) this.addItem(item, drawn);
    drawn.scene.wires.forEach((wire, i) => {
      const there = this.wires.has(wire.id);
      if (there && !overlap(this.boxes[i]!, far)) this.drop(wire.id);
      else if (!there && overlap(this.boxes[i]!, near)) this.addWire(wire, drawn);
    });
    for (const title of this.titles) title.remove();
    this.titles = this.lod === "near" ? [] : titles(drawn.scene, this.k, near).map(title => this.word(title.text, title.x, title.y, title.size, true));
    this.layers.words.append(...this.titles);
  }

  /** Boxes glide from where they stood in the scene before; what is new fades in. The camera holds `from` at `to`. */
  settle(before: Map<string, Item>, from: Item, to: Item): void {
    const drawn = this.drawn!;
    const byId = index(drawn.scene);
    const moves: { g: SVGGElement; item: Item; dx: number; dy: number }[] = [];
    const fresh: SVGElement[] = [this.layers.wires, this.layers.words];
    for (const [id, g] of this.items) {
      const item = byId.get(id)!, old = before.get(id);
      if (!old) fresh.push(g);
      else {
        const dx = old.x - from.x - item.x + to.x, dy = old.y - from.y - item.y + to.y;
        if (!dx && !dy) continue;
        for (const part of [g, this.heads.get(id)]) if (part) moves.push({ g: part, item, dx, dy });
      }
    }
    const began = performance.now();
    const step = (now: number) => {
      const t = Math.min(1, Math.max(0, (now - began) / 220));
      const rest = (1 - t) ** 3;
      for (const { g, item, dx, dy } of moves) g.setAttribute("transform", `translate(${item.x + dx * rest} ${item.y + dy * rest})`);
      for (const element of fresh) element.style.opacity = t === 1 ? "" : String(Math.max(0, 2 * t - 1));
      if (t < 1 && this.drawn === drawn) this.motion = requestAnimationFrame(step);
    };
    step(began);
  }

  /** Ends a movement where it was going. */
  still(): void {
    cancelAnimationFrame(this.motion);
    for (const layer of Object.values(this.layers)) layer.style.opacity = "";
  }

  /** Far away lines are drawn thicker, or they would fade. */
  private get bold(): number {
    return { near: 1, far: 1.5, dots: 3 }[this.lod];
  }

  private drop(id: string): void {
    for (const element of this.wires.get(id) ?? []) element.remove();
    this.wires.delete(id);
  }

  private addItem(item: Item, drawn: Drawn): void {
    const element = this.item(item, drawn);
    this.items.set(item.id, element);
    if (!item.open) {
      this.layers.boxes.append(element);
      return;
    }
    const at = this.order.get(item.id)!; // frames must lie in order: the inner on the outer
    const after = [...this.layers.frames.children].find(other => this.order.get((other as SVGGElement).dataset["id"]!)! > at);
    this.layers.frames.insertBefore(element, after ?? null);
    if (this.lod !== "near") return;
    const head = s("g", { transform: element.getAttribute("transform")!, opacity: element.getAttribute("opacity") });
    head.append(...[...element.children].filter(child => !child.matches(".labkit-g-body, .labkit-g-halo, title")));
    this.heads.set(item.id, head);
    this.layers.boxes.append(head);
  }

  private item(item: Item, drawn: Drawn): SVGGElement {
    const { paint } = this;
    const look = figureOf(item, drawn.graph);
    const { layer } = drawn;
    const own = item.open ? null : layer.fill?.(item) ?? null;
    const mark = layer.mark?.(item) ?? null;
    const badge = layer.badge?.(item) ?? null;
    const fill = own ? this.pattern(own.colour, own.pattern) : paint(item.open ? frameFill(item) : `${look.role}-fill`);
    const ink = own ? own.ink ?? inkOn(own.colour) : paint(`${look.role}-ink`);
    const line = mark ? paint(mark) : paint(`${look.role}-line`);
    const stroke = {
      stroke: line, "stroke-width": (mark && mark !== "done" ? 2.6 : look.shape === "frame" ? 1 : 1.3) * this.bold,
      "stroke-dasharray": mark === "removed" ? "5 3" : null,
    };
    const halo = item.open ? { "paint-order": "stroke", stroke: fill, "stroke-width": 4, "stroke-linejoin": "round" }
      : own?.pattern && own.pattern !== "solid" ? { "paint-order": "stroke", stroke: own.colour, "stroke-width": 3 } : {};
    const g = s("g", {
      transform: `translate(${item.x} ${item.y})`, class: `labkit-g-item labkit-g-${look.shape}`,
      opacity: layer.dim?.(item) ? (item.open ? 0.55 : 0.28) : null,
    });
    g.dataset["id"] = item.id;
    if (!this.live) g.append(s("title", {}, describe(item, drawn.graph)));
    if (drawn.selected.has(item.id)) g.append(s("path", {
      class: "labkit-g-halo", d: rounded(item.w + 10, item.h + 10, 10, -5, -5), fill: "none", stroke: paint("select"), "stroke-width": 3,
    }));
    if (look.behind) g.append(s("path", { class: "labkit-g-body", d: look.behind, fill, ...stroke }));
    g.append(s("path", { class: "labkit-g-body", d: look.outline, fill, ...stroke }));
    if (this.lod === "near") for (const text of look.lines) g.append(s("text", {
      class: "labkit-g-text", x: text.x, y: text.y, "font-size": text.size, "text-anchor": text.anchor === "start" ? null : text.anchor,
      "font-weight": text.strong ? 600 : null, fill: ink, ...halo,
    }, text.text));
    if (look.opens && this.lod === "near") g.append(this.knob(item, line));
    if (look.tab && this.lod === "near") g.append(...this.pill(look.tab, item.open ? item.w - KNOB - 20 - textWidth(look.tab, 12, true) / 2 : item.w / 2,
      item.open ? HEAD / 2 : item.h, paint(`${look.role}-line`), paint("paper"), line));
    if (badge && this.lod === "near") g.append(...this.pill(clear(badge), item.w - 4, item.h, paint("paper"), paint("word"), line, true));
    const r = 9 * Math.min(3, this.bold);
    if (mark) g.append(
      s("circle", { cx: 0, cy: 0, r, fill: line, stroke: paint("paper"), "stroke-width": 1.5 }),
      s("text", { class: "labkit-g-text", x: 0, y: r / 2, "font-size": r * 1.45, "font-weight": 700, "text-anchor": "middle", fill: paint("paper") },
        SIGNS[mark]),
    );
    return g;
  }

  private knob(item: Item, line: string): SVGGElement {
    const { x, y } = knobAt(item);
    return s("g", { class: "labkit-g-knob", transform: `translate(${x} ${y})`, stroke: line, "stroke-width": 1.4, fill: "none" },
      s("rect", { width: 13, height: 13, rx: 3, "stroke-width": 1 }),
      s("path", { d: item.open ? "M3.5 6.5H9.5" : "M3.5 6.5H9.5M6.5 3.5V9.5" }));
  }

  /** Small rounded text on the lower edge: centred at `x`, or ending there. */
  private pill(text: string, x: number, y: number, fill: string, ink: string, line: string, end = false): SVGElement[] {
    const w = Math.ceil(textWidth(text, 12, true)) + 12;
    const left = end ? x - w : x - w / 2;
    return [
      s("rect", { class: "labkit-g-pillbox", x: left, y: y - 9, width: w, height: 18, rx: 9, fill, stroke: line }),
      s("text", { class: "labkit-g-text", x: left + w / 2, y: y + 4.3, "font-size": 12, "font-weight": 600, "text-anchor": "middle", fill: ink },
        text),
    ];
  }

  private addWire(wire: Wire, drawn: Drawn): void {
    const { paint } = this;
    const byId = index(drawn.scene);
    const from = byId.get(wire.from), to = byId.get(wire.to);
    const near = isNear(wire, drawn);
    const width = wireWidth(wire) + (near ? 1 : 0);
    const colour = paint(near ? "select" : wireTone(wire, from, to));
    const { dim } = drawn.layer;
    const opacity = !near && dim && ((from && dim(from)) || (to && dim(to))) ? 0.22 : null;
    const elements: SVGElement[] = [
      s("path", {
        class: "labkit-g-wire", d: wirePath(wire, drawn.horizontal, this.lod === "dots"), fill: "none", stroke: colour, "stroke-width": width * this.bold,
        "stroke-dasharray": wire.control ? "4 4" : wire.back ? "9 3" : null, opacity,
      }),
    ];
    if (this.lod !== "dots") elements.push(s("path", { class: "labkit-g-head", d: headPath(wire, width, drawn.horizontal), fill: colour, opacity }));
    this.layers.wires.append(...elements);
    const label = this.lod === "near" ? drawn.labels().get(wire.id) : undefined;
    if (label) {
      const word = this.word(label.text, label.box.x + label.box.w / 2, label.box.y + 12, 12, false);
      if (opacity) word.setAttribute("opacity", String(opacity));
      this.layers.words.append(word);
      elements.push(word);
    }
    this.wires.set(wire.id, elements);
  }

  /** Text on the paper, with a margin of paper around it. */
  private word(text: string, x: number, y: number, size: number, strong: boolean): SVGElement {
    return s("text", {
      class: "labkit-g-text labkit-g-word", x, y, "font-size": size, "text-anchor": "middle", "font-weight": strong ? 600 : null,
      fill: this.paint(strong ? "ink" : "word"), stroke: this.paint("paper"), "stroke-width": size / 3, "stroke-linejoin": "round", "paint-order": "stroke",
    }, text);
  }

  private pattern(colour: string, name: string | undefined): string {
    const d = PATTERNS[name ?? ""];
    if (!d) return colour;
    const id = `${this.id}${name}${colour.replace("#", "-")}`;
    if (![...this.defs.children].some(child => child.id === id))
      this.defs.append(s("pattern", { id, width: 8, height: 8, patternUnits: "userSpaceOnUse" },
        s("rect", { width: 8, height: 8, fill: colour }),
        s("path", { d, fill: "none", stroke: inkOn(colour), "stroke-opacity": 0.38, "stroke-width": name === "dots" ? 2 : 1.2,
          "stroke-linecap": "round" })));
    return `url(#${id})`;
  }
}

/** The frame of an open scope: the colour says which part, and two shades tell a frame from the one around it. */
export function frameFill(item: Item): string {
  if (item.part === "gradient" || item.part === "optimizer") return `frame-${item.part}`;
  return item.depth % 2 ? "frame-odd" : "frame";
}

/** Where the plus or minus stands within a box. */
export function knobAt(item: Item): { x: number; y: number } {
  return item.open ? { x: item.w - KNOB - 3, y: HEAD / 2 - 6.5 } : { x: item.w - KNOB, y: (item.h - 13) / 2 };
}
