// The arrows of the picture: their curves, widths, heads and labels. No DOM in here.

import { overlap, type Box } from "./camera.ts";
import { HEAD } from "./frames.ts";
import { fitted, shapeText, textWidth } from "./looks.ts";
import type { Item, Scene, TensorType, Wire } from "./types.ts";

/** A smooth path through a wire's points, tangent to the flow; straight lines if far away. */
export function wirePath(wire: Wire, horizontal: boolean, straight: boolean): string {
  const p = wire.points;
  let d = `M${p[0]} ${p[1]}`;
  if (straight) {
    for (let i = 2; i < p.length; i += 2) d += `L${p[i]} ${p[i + 1]}`;
    return d;
  }
  if (wire.back) return turned(p);
  for (let i = 2; i < p.length; i += 2) {
    const x0 = p[i - 2]!, y0 = p[i - 1]!, x1 = p[i]!, y1 = p[i + 1]!;
    const across = horizontal ? y1 - y0 : x1 - x0;
    const along = horizontal ? x1 - x0 : y1 - y0;
    if (Math.abs(across) < 1 || along <= 0) d += `L${x1} ${y1}`;
    else if (horizontal) d += `C${round((x0 + x1) / 2)} ${y0} ${round((x0 + x1) / 2)} ${y1} ${x1} ${y1}`;
    else d += `C${x0} ${round((y0 + y1) / 2)} ${x1} ${round((y0 + y1) / 2)} ${x1} ${y1}`;
  }
  return d;
}

/** Straight pieces with rounded corners: for what runs against the flow. */
function turned(p: number[]): string {
  let d = `M${p[0]} ${p[1]}`;
  for (let i = 2; i < p.length - 2; i += 2) {
    const x = p[i]!, y = p[i + 1]!;
    const before = Math.hypot(x - p[i - 2]!, y - p[i - 1]!), after = Math.hypot(p[i + 2]! - x, p[i + 3]! - y);
    const r = Math.min(14, before / 2, after / 2);
    if (r < 1) {
      d += `L${x} ${y}`;
      continue;
    }
    const a = r / before, b = r / after;
    d += `L${round(x + (p[i - 2]! - x) * a)} ${round(y + (p[i - 1]! - y) * a)}` +
      `Q${x} ${y} ${round(x + (p[i + 2]! - x) * b)} ${round(y + (p[i + 3]! - y) * b)}`;
  }
  return d + `L${p.at(-2)} ${p.at(-1)}`;
}

/** The arrow's head: a filled triangle whose tip is the wire's end. */
export function headPath(wire: Wire, width: number, horizontal: boolean): string {
  const p = wire.points, n = p.length;
  const x = p[n - 2]!, y = p[n - 1]!;
  let dx = x - p[n - 4]!, dy = y - p[n - 3]!;
  if (!wire.back && (horizontal ? dx : dy) > 0) horizontal ? (dy = 0) : (dx = 0); // the curve ends along the flow
  const far = Math.hypot(dx, dy) || 1;
  const long = Math.min(7 + width, Math.max(5, 0.7 * far)), half = 2.6 + width * 0.7;
  const ux = dx / far, uy = dy / far;
  const bx = x - ux * long, by = y - uy * long;
  return `M${x} ${y}L${round(bx - uy * half)} ${round(by + ux * half)}L${round(bx + uy * half)} ${round(by - ux * half)}Z`;
}

/** 1.2 for scalars and what is not known, up to 5 for gigabytes: each step of 16 times is one pixel. */
export function wireWidth(wire: Wire): number {
  if (wire.control || wire.bytes <= 16) return 1.2;
  return round(Math.min(5, 1.2 + Math.log2(wire.bytes / 16) / 6));
}

export type WireTone = "wire" | "wire-control" | "wire-back" | "wire-gradient" | "wire-state";

/** The colour's name. */
export function wireTone(wire: Wire, from: Item | undefined, to: Item | undefined): WireTone {
  if (wire.back) return "wire-back";
  if (wire.control) return "wire-control";
  const parts = [from?.part, to?.part];
  if (parts.includes("gradient") || parts.includes("optimizer")) return "wire-gradient";
  return "wire";
}

export function wireBox(wire: Wire): Box {
  let left = Infinity, top = Infinity, right = -Infinity, bottom = -Infinity;
  for (let i = 0; i < wire.points.length; i += 2) {
    const x = wire.points[i]!, y = wire.points[i + 1]!;
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  return { x: left - 6, y: top - 6, w: right - left + 12, h: bottom - top + 12 };
}

/** What may stand on a wire, the fullest first. float32 and scalars go without saying. */
export function wireWords(wire: Wire, types: TensorType[]): string[] {
  const type = types[wire.type];
  if (wire.control || !type) return [];
  const shape = shapeText(type), said = shape === "scalar" ? "" : shape;
  const both = type.dtype === "float32" ? said : `${type.dtype} ${said}`.trim();
  return [...new Set([both, said])].filter(word => word);
}

export interface Label {
  text: string;
  size: number;
  box: Box;
}

/** Gives labels to the wires that have room for one: no label covers a box, a frame's title or another label. */
export function placeLabels(scene: Scene, words: (wire: Wire) => string[], each = false, size = 12): Map<string, Label> {
  const taken = new Grid();
  for (const item of scene.items) {
    if (item.open) taken.add({ x: item.x, y: item.y, w: item.w, h: HEAD });
    else taken.add(item);
  }
  const placed = new Map<string, Label>();
  const told = new Set<string>();
  for (const wire of scene.wires) {
    const options = words(wire);
    if (!options.length) continue;
    const same = `${wire.from} ${options[0]}`;
    if (!each && told.has(same)) continue; // a value's type is said once, not on each of its arrows
    for (const text of options) {
      const w = Math.ceil(textWidth(text, size, false)) + 6, h = size + 4;
      const box = { x: Math.round(wire.labelX - w / 2), y: Math.round(wire.labelY - h / 2), w, h };
      if (taken.hits(box)) continue;
      taken.add(box);
      placed.set(wire.id, { text, size, box });
      told.add(same);
      break;
    }
  }
  return placed;
}

export interface Title {
  text: string;
  x: number; // its middle
  y: number; // its baseline
  size: number;
}

/** Far away a box's own text cannot be read: large scopes get their name at the size of the screen's text, outermost first. */
export function titles(scene: Scene, k: number, view: Box): Title[] {
  const taken = new Grid(256 / k), found: Title[] = [];
  const size = 12 / k;
  for (const item of scene.items) {
    if (item.kind === "op" || item.kind === "hub" || item.w * k < 56 || !overlap(item, view)) continue;
    const text = fitted(item.label, item.w * k - 8, 12, true);
    if (text.length < Math.min(3, item.label.length)) continue;
    const w = (textWidth(text, 12, true) + 6) / k;
    const left = Math.max(item.x, Math.min(view.x + 8 / k, item.x + item.w - w)); // a frame's title stays in view while the frame is
    const box = { x: item.open ? left : item.x + (item.w - w) / 2, y: item.open ? item.y + 2 / k : item.y + item.h / 2 - size * 0.6, w, h: size * 1.25 };
    if (taken.hits(box)) continue;
    taken.add(box);
    found.push({ text, x: box.x + w / 2, y: box.y + size, size });
  }
  return found;
}

/** Boxes by the squares they lie in, to ask quickly what is near. */
export class Grid {
  private squares = new Map<number, Box[]>();
  constructor(private size = 128) {}

  add(box: Box): void {
    this.each(box, (key) => {
      const there = this.squares.get(key);
      if (there) there.push(box);
      else this.squares.set(key, [box]);
      return false;
    });
  }

  hits(box: Box): boolean {
    return this.each(box, key => this.squares.get(key)?.some(other => overlap(box, other)) ?? false);
  }

  private each(box: Box, act: (key: number) => boolean): boolean {
    const { size } = this;
    for (let i = Math.floor(box.x / size); i <= (box.x + box.w) / size; i++)
      for (let j = Math.floor(box.y / size); j <= (box.y + box.h) / size; j++)
        if (act(i * 1048576 + j)) return true;
    return false;
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
