// What a box of the graph looks like: its shape, its colour's name, its lines of text. SVG, Canvas and exports draw the
// same figures. No DOM in here, but a canvas to measure text with where there is one.

import type { Role } from "../core/colours.ts";
import { shorten } from "../core/dom.ts";
import type { Graph } from "./columns.ts";
import type { Item, Part, TensorType } from "./types.ts";

export type Shape = "box" | "arrow" | "drum" | "ellipse" | "stack" | "frame" | "pill";

export interface Line {
  text: string;
  x: number; // within the box
  y: number; // the text's baseline
  size: number;
  strong?: boolean;
  start?: boolean; // begins at x; else its middle is there
}

export interface Figure {
  shape: Shape;
  role: Role;
  outline: string; // path within the box
  behind: string; // the cards of a stack, "" else
  readonly lines: Line[]; // measured when first asked for
  readonly large: Line[]; // from farther away: the name alone, and larger
  tab: string; // "× 12" of a series
  opens: boolean; // it has a plus or a minus to press
}

export const FONT = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'DejaVu Sans', sans-serif";
export const KNOB = 18; // the plus or minus
export const CARDS = 8; // how far a stack's cards stick out, to the right and above

const ROLE_OF: Record<Part, Role> = {
  forward: "op", gradient: "gradient", optimizer: "optimizer", state: "state", input: "input", constant: "constant", other: "other",
};

/** The colour's name: what part of the training an op belongs to; scopes of the forward half are green. */
export function roleOf(item: Item): Role {
  const role = ROLE_OF[item.part];
  return role === "op" && item.kind !== "op" && item.kind !== "hub" ? "scope" : role;
}

/** The shape, which says without any colour what a box is. */
export function shapeOf(item: Item, opType: string): Shape {
  if (item.kind === "hub") return "pill";
  if (item.kind !== "op") return item.open ? "frame" : item.part === "state" && item.kind === "scope" ? "drum" : "stack";
  if (/^(Placeholder|Iterator|Feed)/.test(opType)) return "arrow";
  if (/^(Variable|VarHandle|TemporaryVariable)/.test(opType)) return "drum";
  if (opType === "Const" || item.part === "constant") return "ellipse";
  return item.part === "input" ? "arrow" : "box";
}

/** All that is needed to draw a box. */
export function figure(item: Item, graph: Graph): Figure {
  const shape = shapeOf(item, opType(item, graph));
  const opens = item.kind === "scope" || item.kind === "series";
  const tab = item.kind === "series" ? `× ${item.repeat}` : "";
  const { w, h } = item;
  let text: Line[] | undefined, large: Line[] | undefined;
  return {
    shape, tab, opens, role: roleOf(item),
    outline: outline(shape, w, h, spareOf(item, shape, graph)),
    behind: shape === "stack" ? card(w, h, CARDS) + card(w, h, CARDS / 2) : "",
    get lines() {
      return (text ??= lines(item, shape, opens, tab, detailOf(item, shape, graph), spareOf(item, shape, graph)));
    },
    get large() {
      return (large ??= enlarged(this.lines, item, shape, opens, tab));
    },
  };
}

/** Ellipses and arrows are wider than their place, or their text would not fit: to both sides, or to the left. */
function spareOf(item: Item, shape: Shape, graph: Graph): number {
  if (shape === "ellipse") return 6;
  return shape === "arrow" && !graph.inEdges(item.node).length ? 12 : 0;
}

function outline(shape: Shape, w: number, h: number, spare: number): string {
  if (shape === "ellipse") {
    const arc = `A${w / 2 + spare} ${h / 2} 0 0 1`;
    return `M${-spare} ${h / 2}${arc} ${w + spare} ${h / 2}${arc}${-spare} ${h / 2}Z`;
  }
  if (shape === "arrow") {
    const tip = tipOf(w, h);
    return `M${-spare} 0H${w - tip}L${w} ${h / 2}L${w - tip} ${h}H${-spare}Z`;
  }
  if (shape === "drum") {
    const r = lid(h);
    const arc = `A${w / 2} ${r} 0 0`;
    return `M0 ${r}${arc} 1 ${w} ${r}V${h - r}${arc} 1 0 ${h - r}ZM${w} ${r}${arc} 1 0 ${r}`;
  }
  return rounded(w, h, shape === "pill" ? h / 2 : shape === "frame" ? 10 : 6);
}

export function rounded(w: number, h: number, r: number, x = 0, y = 0): string {
  const q = Math.max(0, Math.min(r, w / 2, h / 2));
  const turn = (dx: number, dy: number) => `a${q} ${q} 0 0 1 ${dx} ${dy}`;
  return `M${x + q} ${y}H${x + w - q}${turn(q, q)}V${y + h - q}${turn(-q, q)}H${x + q}${turn(-q, -q)}V${y + q}${turn(q, -q)}Z`;
}

/** What is seen of a card that lies `o` to the right and above, under one that lies 4 less. */
function card(w: number, h: number, o: number): string {
  const p = o - 4, right = w + o;
  return `M${o} ${-p}V${5 - o}Q${o} ${-o} ${o + 5} ${-o}H${right - 6}Q${right} ${-o} ${right} ${6 - o}V${h - o - 5}` +
    `Q${right} ${h - o} ${right - 4} ${h - o}V${6 - p}Q${w + p} ${-p} ${w + p - 6} ${-p}Z`;
}

function tipOf(w: number, h: number): number {
  return Math.min(14, h / 2, w / 3);
}

function lid(h: number): number {
  return Math.min(6, h / 5);
}

/** The second line: the shape of what an input, a variable or a constant holds; an op's type unless the name says it. */
function detailOf(item: Item, shape: Shape, graph: Graph): string {
  if (item.kind !== "op") return item.detail;
  const type = graph.outputs(item.node)[0];
  if (shape !== "box" && type) return shapeText(type) || type.dtype;
  return item.label.replace(/_\d+$/, "").toLowerCase() === item.detail.toLowerCase() ? "" : item.detail;
}

/** Where a label's text may stand, and what of it fits. */
function lines(item: Item, shape: Shape, opens: boolean, tab: string, about: string, spare: number): Line[] {
  const { w, h } = item;
  if (shape === "frame") {
    const room = w - 20 - KNOB - (tab ? textWidth(tab, 12, true) + 22 : 0);
    const label = fitted(item.label, room, 13, true);
    const left = room - textWidth(label, 13, true) - 10;
    const detail = left > 40 ? fitted(about, left, 12, false) : "";
    const made: Line[] = [{ text: label, x: 10, y: 20, size: 13, start: true, strong: true }];
    if (detail && !tab) made.push({ text: detail, x: 20 + textWidth(label, 13, true), y: 20, size: 12, start: true });
    return made;
  }
  const tip = shape === "arrow" ? tipOf(w, h) : 0;
  const room = w + spare - 12 - tip - (opens ? KNOB + 2 : 0);
  const x = (w - tip - (opens ? KNOB : 0) - (tip ? spare : 0)) / 2;
  const down = shape === "drum" ? lid(h) / 2 + 1 : 0;
  const detail = about && !tab && h >= 34 ? fitted(about, room, 12, false) : "";
  const label = fitted(item.label, room, 13, false);
  const y = h / 2 + down + (detail ? -3 : 4.5);
  const made: Line[] = [{ text: label, x, y, size: shape === "pill" ? 12 : 13 }];
  if (detail) made.push({ text: detail, x, y: y + 15, size: 12 });
  return made;
}

/** The first line alone, a size larger where its box has the room. */
function enlarged(small: Line[], item: Item, shape: Shape, opens: boolean, tab: string): Line[] {
  const line = small[0]!;
  const tip = shape === "arrow" ? tipOf(item.w, item.h) : 0;
  const room = line.start ? item.w - 24 - KNOB - (tab ? 60 : 0) : item.w - 12 - tip - (opens ? KNOB + 2 : 0);
  const most = shape === "pill" ? 14 : shape === "frame" ? 20 : 16;
  const fits = (line.size * room) / Math.max(1, textWidth(line.text, line.size, line.strong ?? false));
  const size = Math.max(line.size, Math.floor(Math.min(most, fits)));
  return [{ ...line, size, y: line.start ? 22 : item.h / 2 + size * 0.35 + (shape === "drum" ? lid(item.h) / 2 + 1 : 0) }];
}

let measuring: CanvasRenderingContext2D | null | undefined;
const widths = new Map<string, number>();

/** The width of a text in the picture's font, in pixels at life size. */
export function textWidth(text: string, size: number, strong: boolean): number {
  const key = `${size}${strong ? "b" : ""}${text}`;
  let found = widths.get(key);
  if (found !== undefined) return found;
  if (measuring === undefined) measuring = typeof document === "undefined" ? null : document.createElement("canvas").getContext("2d");
  if (measuring) {
    measuring.font = font(size, strong);
    found = measuring.measureText(text).width;
  } else found = text.length * size * 0.56;
  if (widths.size > 20000) widths.clear();
  widths.set(key, found);
  return found;
}

export function font(size: number, strong: boolean): string {
  return `${strong ? "600 " : ""}${size}px ${FONT}`;
}

/** As much of a text as fits into `room` pixels, cut in its middle. */
export function fitted(text: string, room: number, size: number, strong: boolean): string {
  const clean = clear(text.length > 400 ? shorten(text, 120) : text);
  if (textWidth(clean, size, strong) <= room) return clean;
  let low = 1, high = Math.min(clean.length, Math.ceil(room / (size * 0.2)));
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (textWidth(shorten(clean, middle), size, strong) <= room) low = middle;
    else high = middle - 1;
  }
  return shorten(clean, low);
}

/** A name without what would break a line of text or an XML file: control characters, halves of surrogate pairs. */
export function clear(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffe\uffff]/g, " ").replace(
    /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");
}

export function opType(item: Item, graph: Graph): string {
  return item.node >= 0 ? graph.opType(item.node) : "";
}

/** A shape as the notebooks draw it: `?×784`, `(10,)`, `scalar`; "" where nothing is known. */
export function shapeText(type: TensorType): string {
  if (!type.shape.startsWith("(")) return "";
  const sizes = type.shape.replace(/[()\s]/g, "").split(",").filter(size => size);
  return sizes.length > 1 ? sizes.join("×") : sizes.length ? `(${sizes[0]},)` : "scalar";
}

/** What a screen reader says of a box: `MatMul layer1/MatMul, 2 inputs, 1 output, float32 (?, 10)`. */
export function describe(item: Item, graph: Graph): string {
  const part = { gradient: ", for gradients", optimizer: ", for the optimizer" }[item.part as string] ?? "";
  if (item.kind === "hub") return `reference to ${name(item.label)}, which many ops use`;
  if (item.kind === "op") {
    const edges = [...graph.inEdges(item.node)];
    const control = edges.filter(edge => graph.slot[edge]! < 0).length;
    const types = graph.outputs(item.node);
    const words = [
      `${opType(item, graph)} ${name(graph.names[item.node]!)}`, count(edges.length - control, "input"),
      control ? count(control, "control input") : "", count(types.length, "output"),
      ...types.slice(0, 3).map(type => `${type.dtype} ${type.shape}`), types.length > 3 ? "and more" : "",
    ];
    return words.filter(word => word).join(", ") + part;
  }
  const many = item.kind === "series" ? `series of ${count(item.repeat, "repeated block")}, ` : "";
  const path = item.id.replace(/^series:/, "").replace(/\/$/, "");
  const what = item.kind === "series" ? name(item.label) : `scope ${name(path)}`;
  return `${what}, ${many}${count(item.nodes, "op")}${part}, ${item.open ? "open" : "closed"}`;
}

/** "1 op", "2 ops". */
export function count(n: number, word: string): string {
  return `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;
}

function name(text: string): string {
  return clear(shorten(text, 200));
}
