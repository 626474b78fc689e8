// The scene as SVG elements. What is in view (and a margin) is in the document; the rest is not.
//
// Colours come by name through `paint`: `var(--lk-g-op-fill)` in the page, "#ffffff" in an exported file. Four layers lie
// on one another: frames, wires, boxes with the titles of frames, words on wires.

import { PATTERNS, inkOn } from "../core/colours.ts";
import { s } from "../core/dom.ts";
import { overlap, type Box } from "./camera.ts";
import { index } from "./keys.ts";
import { FONT, describe } from "./looks.ts";
import {
  boxOpacity, drawBox, drawLabel, drawWire, lodOf, small, wireOpacity, type Drawn, type Lod, type Paint, type Pen, type Style, type Words,
} from "./strokes.ts";
import type { Item, Wire } from "./types.ts";
import { titles, wireBox } from "./wires.ts";

export { SIGNS } from "./strokes.ts";
export const MARGIN = 24; // around the scene: cards, halos and badges stick out

let made = 0;

export class Drawing {
  readonly svg: SVGSVGElement;
  private readonly defs = s("defs");
  private readonly layers = { frames: s("g"), wires: s("g"), boxes: s("g"), words: s("g") };
  private readonly all = s("g", {}, ...Object.values(this.layers));
  private items = new Map<string, SVGGElement[]>(); // the box; of a frame its title, too
  private wires = new Map<string, SVGElement[]>();
  private titles: SVGElement[] = [];
  private boxes: Box[] = [];
  private order = new Map<string, number>();
  private lod: Lod = "near";
  private k = 1;
  private motion = 0;
  private drawn: Drawn | null = null;
  private readonly id = `labkit-g${++made}-`;

  constructor(private readonly paint: Paint, private readonly live = true) {
    this.svg = s("svg", { class: live ? "labkit-g-svg" : null, "font-family": FONT, direction: "ltr" }, this.defs, this.all);
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
    this.wires.clear();
    this.titles = [];
    for (const layer of Object.values(this.layers)) layer.replaceChildren();
  }

  /** Draws these items and their wires again: their selection changed. */
  refresh(ids: Iterable<string>): void {
    const { drawn } = this;
    if (!drawn) return;
    const changed = new Set(ids);
    const byId = index(drawn.scene);
    for (const id of changed) if (drop(this.items, id)) this.addItem(byId.get(id)!, drawn);
    for (const wire of drawn.scene.wires)
      if ((changed.has(wire.from) || changed.has(wire.to)) && drop(this.wires, wire.id)) this.addWire(wire, drawn);
  }

  /** The scale of the drawing, and the size of the paper. */
  scale(k: number): void {
    const { width = 0, height = 0 } = this.drawn?.scene ?? {};
    this.svg.setAttribute("width", String(Math.ceil((width + 2 * MARGIN) * k)));
    this.svg.setAttribute("height", String(Math.ceil((height + 2 * MARGIN) * k)));
    this.all.setAttribute("transform", `scale(${k}) translate(${MARGIN} ${MARGIN})`);
    const lod = lodOf(k);
    if (lod !== this.lod) this.clear();
    this.k = k;
    this.lod = lod;
  }

  /** Puts what touches `near` into the document and takes out what does not touch `far`. */
  cull(near: Box, far: Box): void {
    const { drawn } = this;
    if (!drawn) return;
    const byId = index(drawn.scene);
    for (const id of this.items.keys()) if (!overlap(byId.get(id)!, far)) drop(this.items, id);
    for (const item of drawn.scene.items) if (!this.items.has(item.id) && overlap(item, near)) this.addItem(item, drawn);
    drawn.scene.wires.forEach((wire, i) => {
      if (!this.wires.has(wire.id)) {
        if (overlap(this.boxes[i]!, near)) this.addWire(wire, drawn);
      } else if (!overlap(this.boxes[i]!, far)) drop(this.wires, wire.id);
    });
    for (const title of this.titles) title.remove();
    this.titles = [];
    if (small(this.lod)) return;
    const pen = this.pen(this.titles, this.layers.words);
    for (const title of titles(drawn.scene, this.k, near)) pen.words({ ...title, ink: this.paint("ink"), strong: true, halo: this.paint("paper") });
  }

  /** Boxes glide from where they stood in the scene before; what is new fades in. The camera holds `from` at `to`. */
  settle(before: Map<string, Item>, from: Item, to: Item): void {
    const drawn = this.drawn!;
    const byId = index(drawn.scene);
    const moves: { g: SVGGElement; item: Item; dx: number; dy: number }[] = [];
    const fresh: SVGElement[] = [this.layers.wires, this.layers.words];
    for (const [id, parts] of this.items) {
      const item = byId.get(id)!, old = before.get(id);
      if (!old) fresh.push(...parts);
      else for (const g of parts) moves.push({ g, item, dx: old.x - from.x - item.x + to.x, dy: old.y - from.y - item.y + to.y });
    }
    const began = performance.now();
    const step = (now: number) => {
      const t = Math.min(1, Math.max(0, (now - began) / 220));
      const rest = (1 - t) ** 3;
      for (const { g, item, dx, dy } of moves)
        if (dx || dy) g.setAttribute("transform", `translate(${item.x + dx * rest} ${item.y + dy * rest})`);
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

  private addItem(item: Item, drawn: Drawn): void {
    const { frames, boxes } = this.layers;
    const group = (body: boolean, words: boolean) => {
      const opacity = boxOpacity(item, drawn);
      const g = s("g", { transform: `translate(${item.x} ${item.y})`, class: this.live && "labkit-g-item", opacity: opacity < 1 && opacity });
      if (this.live) g.dataset["id"] = item.id;
      else if (body) g.append(s("title", {}, describe(item, drawn.graph)));
      drawBox(this.pen([], g), item, drawn, this.paint, this.lod, body, words);
      return g;
    };
    if (!item.open) {
      const g = group(true, true);
      boxes.append(g);
      this.items.set(item.id, [g]);
      return;
    }
    const body = group(true, false), title = group(false, true);
    title.removeAttribute("class");
    const at = this.order.get(item.id)!; // frames must lie in order: the inner on the outer
    body.dataset["order"] = String(at);
    frames.insertBefore(body, [...frames.children].find(other => Number((other as SVGGElement).dataset["order"]) > at) ?? null);
    boxes.append(title);
    this.items.set(item.id, [body, title]);
  }

  private addWire(wire: Wire, drawn: Drawn): void {
    const elements: SVGElement[] = [];
    drawWire(this.pen(elements, this.layers.wires), wire, drawn, this.paint, this.lod);
    const label = small(this.lod) ? drawn.labels(small(this.lod)).get(wire.id) : undefined;
    if (label) drawLabel(this.pen(elements, this.layers.words), label, this.paint);
    const opacity = wireOpacity(wire, drawn);
    if (opacity < 1) for (const element of elements) element.setAttribute("opacity", String(opacity));
    this.wires.set(wire.id, elements);
  }

  /** Makes elements, lists them and puts them into `parent`. */
  private pen(list: SVGElement[], parent: SVGElement): Pen {
    const put = (element: SVGElement) => {
      list.push(element);
      parent.append(element);
    };
    const called = (name: string) => this.live && `labkit-g-${name}`;
    return {
      path: (d: string, { name, fill, pattern, line, width, dash }: Style) => put(s("path", {
        class: called(name), d, fill: fill ? this.pattern(fill, pattern) : "none", stroke: line, "stroke-width": width, "stroke-dasharray": dash,
      })),
      words: ({ text, x, y, size, ink, strong, start, halo }: Words) => put(s("text", {
        class: called(halo ? "word" : "text"), x, y, "font-size": size, "font-weight": strong && 600, "text-anchor": !start && "middle", fill: ink,
        ...(halo && { stroke: halo, "stroke-width": size / 2, "stroke-linejoin": "round", "paint-order": "stroke" }),
      }, text)),
    };
  }

  private pattern(colour: string, name: string | undefined): string {
    const d = PATTERNS[name ?? ""];
    if (!d) return colour;
    const id = `${this.id}${name}${colour.replace("#", "-")}`;
    if (![...this.defs.children].some(child => child.id === id))
      this.defs.append(s("pattern", { id, width: 8, height: 8, patternUnits: "userSpaceOnUse" },
        s("rect", { width: 8, height: 8, fill: colour }),
        s("path", { d, fill: "none", stroke: inkOn(colour), "stroke-opacity": 0.38, "stroke-width": name === "dots" ? 2 : 1.2, "stroke-linecap": "round" })));
    return `url(#${id})`;
  }
}

/** Takes what is there under an id out of the document and of the map; whether there was something. */
function drop(map: Map<string, SVGElement[]>, id: string): boolean {
  for (const element of map.get(id) ?? []) element.remove();
  return map.delete(id);
}
