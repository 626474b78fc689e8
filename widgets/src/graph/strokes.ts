// How boxes, wires and words are drawn, with any pen: one that makes SVG elements, or one that paints a canvas.
//
// The farther away, the less: near, everything; from "mid" on boxes show their names alone, and larger; from "far"
// on there is no text but the names of large scopes (`titles`), and lines grow thicker, or they would fade.

import { inkOn } from "../core/colours.ts";
import type { Camera } from "./camera.ts";
import type { Graph } from "./columns.ts";
import { HEAD } from "./frames.ts";
import { index } from "./keys.ts";
import { CARDS, KNOB, clear, figure, rounded, textWidth, type Figure } from "./looks.ts";
import type { Item, Scene, Wire } from "./types.ts";
import { headPath, wirePath, wireTone, wireWidth, type Label } from "./wires.ts";

export type Mark = "added" | "removed" | "changed" | "bad" | "next" | "done";

/** What is painted over the plain picture: costs, devices, differences, values. */
export interface Layer {
  fill?: (item: Item) => { colour: string; pattern?: string; ink?: string } | null;
  badge?: (item: Item) => string | null;
  wireLabel?: (wire: Wire) => string | null;
  dim?: (item: Item) => boolean;
  mark?: (item: Item) => Mark | null;
  frame?: (item: Item) => { colour: string; line: string; ink: string } | null; // of an open scope
}

/** All that decides how the picture looks, but for where the eye is. */
export interface Drawn {
  scene: Scene;
  graph: Graph;
  horizontal: boolean;
  layer: Layer;
  labels: (size: number) => Map<string, Label>; // words on wires, so large
  selected: Set<string>; // ids of items
}

export interface Style {
  name: string; // for the style sheet: "body", "wire", ...
  fill?: string;
  pattern?: string; // over the fill, one of PATTERNS
  line?: string;
  width?: number;
  dash?: string | null;
}

export interface Words {
  text: string;
  x: number;
  y: number;
  size: number;
  ink: string;
  strong?: boolean;
  start?: boolean; // begins at x; else its middle is there
  halo?: string; // what is around the letters, so that they can be read on lines
}

export interface Pen {
  path(d: string, style: Style): void;
  words(words: Words): void;
}

export type Paint = (name: string) => string; // of a colour's name
export type Lod = "near" | "mid" | "far" | "dots" | "specks";

export const SIGNS: Record<Mark, string> = { added: "+", removed: "−", changed: "≠", bad: "!", next: "▸", done: "✓" };
const BOLD: Record<Lod, number> = { near: 1, mid: 1.2, far: 1.5, dots: 3, specks: 9 };

export function lodOf(k: number): Lod {
  return k >= 0.75 ? "near" : k >= 0.35 ? "mid" : k >= 0.25 ? "far" : k >= 0.09 ? "dots" : "specks";
}

/** The size of small text: what is on wires, badges. 0 where it could not be read. */
export function small(lod: Lod): number {
  return lod === "near" ? 12 : lod === "mid" ? 16 : 0;
}

const figures = new WeakMap<Item, Figure>();

export function figureOf(item: Item, graph: Graph): Figure {
  let found = figures.get(item);
  if (!found) figures.set(item, (found = figure(item, graph)));
  return found;
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

/** The topmost box under a point of the screen, and whether its plus or minus is there: a target of at least 24 pixels. */
export function boxAt(scene: Scene, camera: Camera, px: number, py: number): { item: Item | null; knob: boolean } {
  const x = (px - camera.x) / camera.k, y = (py - camera.y) / camera.k;
  const item = scene.items.findLast(({ x: left, y: top, w, h }) => x >= left && y >= top && x <= left + w && y <= top + h);
  if (!item || (item.kind !== "scope" && item.kind !== "series") || !small(lodOf(camera.k))) return { item: item ?? null, knob: false };
  const at = knobAt(item), reach = Math.max(KNOB, 24 / camera.k) / 2;
  return { item, knob: Math.abs(x - item.x - at.x - 6.5) <= reach && Math.abs(y - item.y - at.y - 6.5) <= reach };
}

export function boxOpacity(item: Item, { layer }: Drawn): number {
  return !layer.dim?.(item) ? 1 : item.open ? 0.55 : 0.28;
}

/** Whether a wire begins or ends at something selected. */
function isNear(wire: Wire, { selected }: Drawn): boolean {
  return selected.size > 0 && (selected.has(wire.from) || selected.has(wire.to));
}

export function wireOpacity(wire: Wire, drawn: Drawn): number {
  const { dim } = drawn.layer;
  if (!dim || isNear(wire, drawn)) return 1;
  const byId = index(drawn.scene);
  return [wire.from, wire.to].some(id => byId.has(id) && dim(byId.get(id)!)) ? 0.22 : 1;
}

/** A box at (0, 0): its body, its words, or both; the words of a frame lie over the wires. */
export function drawBox(pen: Pen, item: Item, drawn: Drawn, paint: Paint, lod: Lod, body: boolean, words: boolean): void {
  const { layer } = drawn;
  const look = figureOf(item, drawn.graph);
  const own = item.open ? null : layer.fill?.(item);
  const mark = layer.mark?.(item);
  const frame = item.open ? layer.frame?.(item) : null;
  const fill = own ? own.colour : frame ? frame.colour : paint(item.open ? frameFill(item) : `${look.role}-fill`);
  const line = frame && !mark ? frame.line : paint(mark ?? `${look.role}-line`);
  if (body) {
    const over = look.behind ? CARDS : 0; // the cards of a stack
    if (drawn.selected.has(item.id))
      pen.path(rounded(item.w + 10 + over, item.h + 10 + over, 10, -5, -5 - over), { name: "halo", line: paint("select"), width: 3 * BOLD[lod] });
    pen.path(look.behind + look.outline, {
      name: "body", fill, ...(own?.pattern && { pattern: own.pattern }), line,
      width: (mark && mark !== "done" ? 2.6 : item.open ? 1 : 1.3) * BOLD[lod], dash: mark === "removed" ? "5 3" : null,
    });
  }
  if (!words) return;
  const size = small(lod);
  if (size) {
    const ink = own ? own.ink ?? inkOn(own.colour) : frame ? frame.ink : paint(`${look.role}-ink`);
    const halo = item.open || (own?.pattern && own.pattern !== "solid") ? { halo: fill } : {};
    for (const text of lod === "near" ? look.lines : look.large) pen.words({ ...text, ink, ...halo });
    if (look.opens) {
      const { x, y } = knobAt(item);
      pen.path(`${rounded(13, 13, 3, x, y)}M${x + 3.5} ${y + 6.5}h6${item.open ? "" : `M${x + 6.5} ${y + 3.5}v6`}`, { name: "knob", line, width: 1.2 });
    }
    if (look.tab) pill(pen, look.tab, size, item.open ? item.w - KNOB - 20 - textWidth(look.tab, size, true) / 2 : item.w / 2,
      item.open ? HEAD / 2 : item.h, line, paint("paper"), line, false);
    const badge = layer.badge?.(item);
    const low = drawn.horizontal ? size / 2 : 0; // below the box's own words, unless the words on its wires are there
    if (badge) pill(pen, clear(badge), size, item.w - 4, item.h + low, paint("paper"), paint("word"), line, true);
  }
  if (!mark) return;
  const r = 9 * Math.min(3, BOLD[lod]);
  pen.path(rounded(2 * r, 2 * r, r, -r, -r), { name: "sign", fill: line, line: paint("paper"), width: 1.5 });
  pen.words({ text: SIGNS[mark], x: 0, y: r / 2, size: Math.round(r * 1.45), ink: paint("paper"), strong: true });
}

/** Small rounded text about the height `y`, on the lower edge or just below: centred at `x`, or ending there. */
function pill(pen: Pen, text: string, size: number, x: number, y: number, fill: string, ink: string, line: string, end: boolean): void {
  const w = Math.ceil(textWidth(text, size, true)) + size, h = 1.5 * size;
  const left = end ? x - w : x - w / 2;
  pen.path(rounded(w, h, h / 2, left, y - h / 2), { name: "pill", fill, line, width: 1 });
  pen.words({ text, x: left + w / 2, y: y + 0.36 * size, size, ink, strong: true });
}

/** A wire into a stack ends at its cards, not under them. */
function landed(wire: Wire, to: Item | undefined, drawn: Drawn): Wire {
  const [x, y] = wire.points.slice(-2) as [number, number];
  if (!to || to.open || to.kind === "op" || to.kind === "hub" || !figureOf(to, drawn.graph).behind) return wire;
  const above = y === to.y ? CARDS : 0, right = x === to.x + to.w ? CARDS : 0;
  return above || right ? { ...wire, points: [...wire.points.slice(0, -2), x + right, y - above] } : wire;
}

export function drawWire(pen: Pen, wire: Wire, drawn: Drawn, paint: Paint, lod: Lod): void {
  const byId = index(drawn.scene);
  const near = isNear(wire, drawn);
  const line = landed(wire, byId.get(wire.to), drawn);
  const width = wireWidth(wire) + (near ? 1 : 0);
  const colour = paint(near ? "select" : wireTone(wire, byId.get(wire.from), byId.get(wire.to)));
  const straight = lod === "dots" || lod === "specks";
  pen.path(wirePath(line, drawn.horizontal, straight), {
    name: "wire", line: colour, width: width * BOLD[lod], dash: straight ? null : wire.control ? "4 4" : wire.back ? "9 3" : null,
  });
  if (!straight) pen.path(headPath(line, width, drawn.horizontal), { name: "head", fill: colour });
}

/** The words on a wire, if there are any. */
export function drawLabel(pen: Pen, label: Label, paint: Paint): void {
  const { text, size, box } = label;
  pen.words({ text, x: box.x + box.w / 2, y: box.y + size, size, ink: paint("word"), halo: paint("paper") });
}
