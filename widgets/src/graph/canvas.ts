// The same scene on a canvas: for more boxes than a document holds well, and for PNG files.

import { PATTERNS, inkOn } from "../core/colours.ts";
import { overlap, type Box, type Camera } from "./camera.ts";
import { SIGNS, figureOf, frameFill, isNear, knobAt, type Drawn } from "./drawing.ts";
import { HEAD } from "./frames.ts";
import { index } from "./keys.ts";
import { KNOB, clear, font, rounded, textWidth } from "./looks.ts";
import type { Item, Wire } from "./types.ts";
import { headPath, titles, wireBox, wirePath, wireTone, wireWidth } from "./wires.ts";

type Paint = (name: string) => string;

/** Draws what is in view of `camera` onto a canvas of `width` by `height`. */
export function drawScene(
  context: CanvasRenderingContext2D, drawn: Drawn, camera: Camera, view: Box, paint: Paint, everything = false,
): void {
  const { k } = camera;
  const words = everything || k >= 0.35;
  const byId = index(drawn.scene);
  const shown = drawn.scene.items.filter(item => overlap(item, view));
  context.lineJoin = "round";
  for (const item of shown) if (item.open) drawItem(context, item, drawn, k, "body", paint);
  drawWires(context, drawn, byId, view, k, everything, paint);
  for (const item of shown) drawItem(context, item, drawn, k, item.open ? "words" : "all", paint, words);
  context.textAlign = "center";
  context.strokeStyle = paint("paper");
  const word = (text: string, x: number, y: number, size: number, strong: boolean) => {
    context.font = font(size, strong);
    context.fillStyle = paint(strong ? "ink" : "word");
    context.lineWidth = size / 3;
    context.strokeText(text, x, y);
    context.fillText(text, x, y);
  };
  if (!words) for (const { text, x, y, size } of titles(drawn.scene, k, view)) word(text, x, y, size, true);
  else for (const { text, box } of drawn.labels().values()) if (overlap(box, view)) word(text, box.x + box.w / 2, box.y + 12, 12, false);
}

/** Many wires look alike: those are drawn as one path. */
function drawWires(
  context: CanvasRenderingContext2D, drawn: Drawn, byId: Map<string, Item>, view: Box, k: number, everything: boolean, paint: Paint,
): void {
  const straight = !everything && k < 0.25;
  const kinds = new Map<string, { wires: Wire[]; tone: string; width: number; dash: number[]; alpha: number }>();
  for (const wire of drawn.scene.wires) {
    if (!overlap(boxOf(wire), view)) continue;
    const from = byId.get(wire.from), to = byId.get(wire.to);
    const near = isNear(wire, drawn);
    const tone = near ? "select" : wireTone(wire, from, to);
    const width = straight ? Math.max(wireWidth(wire), 0.7 / k) : wireWidth(wire) + (near ? 1 : 0);
    const { dim } = drawn.layer;
    const alpha = !near && dim && ((from && dim(from)) || (to && dim(to))) ? 0.22 : 1;
    const dash = straight ? [] : wire.control ? [4, 4] : wire.back ? [9, 3] : [];
    const key = `${tone} ${width} ${dash} ${alpha}`;
    const kind = kinds.get(key);
    if (kind) kind.wires.push(wire);
    else kinds.set(key, { wires: [wire], tone, width, dash, alpha });
  }
  for (const { wires, tone, width, dash, alpha } of kinds.values()) {
    context.globalAlpha = alpha;
    context.strokeStyle = context.fillStyle = paint(tone);
    context.lineWidth = width;
    context.setLineDash(dash);
    context.stroke(new Path2D(wires.map(wire => wirePath(wire, drawn.horizontal, straight)).join("")));
    if (!straight) context.fill(new Path2D(wires.map(wire => headPath(wire, width, drawn.horizontal)).join("")));
  }
  context.globalAlpha = 1;
  context.setLineDash([]);
}

const boxes = new WeakMap<Wire, Box>();

function boxOf(wire: Wire): Box {
  let found = boxes.get(wire);
  if (!found) boxes.set(wire, (found = wireBox(wire)));
  return found;
}

/** A box, or of a frame first the body and, over the wires, the words. */
function drawItem(
  context: CanvasRenderingContext2D, item: Item, drawn: Drawn, k: number, what: "all" | "body" | "words", paint: Paint, words = false,
): void {
  const look = figureOf(item, drawn.graph);
  const { layer } = drawn;
  const own = item.open ? null : layer.fill?.(item) ?? null;
  const mark = layer.mark?.(item) ?? null;
  const fill = own ? own.colour : paint(item.open ? frameFill(item) : `${look.role}-fill`);
  const ink = own ? own.ink ?? inkOn(own.colour) : paint(`${look.role}-ink`);
  const line = mark ? paint(mark) : paint(`${look.role}-line`);
  context.save();
  context.translate(item.x, item.y);
  if (layer.dim?.(item)) context.globalAlpha = item.open ? 0.55 : 0.28;
  if (what !== "words" && drawn.selected.has(item.id)) {
    context.strokeStyle = paint("select");
    context.lineWidth = Math.max(3, 2 / k);
    context.stroke(new Path2D(rounded(item.w + 10, item.h + 10, 10, -5, -5)));
  }
  context.fillStyle = fill;
  context.strokeStyle = line;
  context.lineWidth = Math.max(mark && mark !== "done" ? 2.6 : look.shape === "frame" ? 1 : 1.3, 0.6 / k);
  if (mark === "removed") context.setLineDash([5, 3]);
  if (what === "words") context.setLineDash([]);
  else if (k < 0.25 && !mark && !item.open && look.shape === "box") { // far away all corners look alike
    context.fillRect(0, 0, item.w, item.h);
    context.strokeRect(0, 0, item.w, item.h);
  } else {
    for (const d of look.behind ? [look.behind, look.outline] : [look.outline]) {
      const path = new Path2D(d);
      context.fill(path);
      if (own?.pattern && words) hatch(context, path, own.pattern, own.colour);
      context.stroke(path);
    }
  }
  context.setLineDash([]);
  if (words) {
    for (const text of look.lines) {
      context.font = font(text.size, text.strong);
      context.textAlign = text.anchor === "middle" ? "center" : text.anchor;
      if (item.open || (own?.pattern && own.pattern !== "solid")) {
        context.strokeStyle = fill;
        context.lineWidth = item.open ? 4 : 3;
        context.strokeText(text.text, text.x, text.y);
      }
      context.fillStyle = ink;
      context.fillText(text.text, text.x, text.y);
    }
    if (look.opens) knob(context, item, line);
    if (look.tab) pill(context, look.tab, item.open ? item.w - KNOB - 20 - textWidth(look.tab, 12, true) / 2 : item.w / 2,
      item.open ? HEAD / 2 : item.h, paint(`${look.role}-line`), paint("paper"), line, false);
    const badge = layer.badge?.(item);
    if (badge) pill(context, clear(badge), item.w - 4, item.h, paint("paper"), paint("word"), line, true);
  }
  if (mark && what !== "body") {
    const r = Math.max(9, 4 / k);
    context.fillStyle = line;
    context.beginPath();
    context.arc(0, 0, r, 0, 7);
    context.fill();
    context.fillStyle = paint("paper");
    context.font = font(Math.round(r * 1.45), true);
    context.textAlign = "center";
    context.fillText(SIGNS[mark], 0, r / 2);
  }
  context.restore();
}

function knob(context: CanvasRenderingContext2D, item: Item, line: string): void {
  const { x, y } = knobAt(item);
  context.strokeStyle = line;
  context.lineWidth = 1;
  context.stroke(new Path2D(rounded(13, 13, 3, x, y)));
  context.lineWidth = 1.4;
  context.stroke(new Path2D(`M${x + 3.5} ${y + 6.5}h6${item.open ? "" : `M${x + 6.5} ${y + 3.5}v6`}`));
}

function pill(
  context: CanvasRenderingContext2D, text: string, x: number, y: number, fill: string, ink: string, line: string, end: boolean,
): void {
  const w = Math.ceil(textWidth(text, 12, true)) + 12;
  const left = end ? x - w : x - w / 2;
  const path = new Path2D(rounded(w, 18, 9, left, y - 9));
  context.fillStyle = fill;
  context.fill(path);
  context.strokeStyle = line;
  context.lineWidth = 1;
  context.stroke(path);
  context.fillStyle = ink;
  context.font = font(12, true);
  context.textAlign = "center";
  context.fillText(text, left + w / 2, y + 4.3);
}

const tiles = new Map<string, HTMLCanvasElement>();

/** Fills a path with one of PATTERNS. */
export function hatch(context: CanvasRenderingContext2D, path: Path2D, name: string, colour: string): void {
  const d = PATTERNS[name];
  if (!d) return;
  const key = `${name} ${inkOn(colour)}`;
  let tile = tiles.get(key);
  if (!tile) {
    tile = document.createElement("canvas");
    tile.width = tile.height = 16;
    const pen = tile.getContext("2d")!;
    pen.scale(2, 2);
    pen.globalAlpha = 0.38;
    pen.strokeStyle = inkOn(colour);
    pen.lineWidth = name === "dots" ? 2 : 1.2;
    pen.lineCap = "round";
    pen.stroke(new Path2D(d));
    tiles.set(key, tile);
  }
  const pattern = context.createPattern(tile, "repeat");
  if (!pattern) return;
  pattern.setTransform(new DOMMatrix([0.5, 0, 0, 0.5, 0, 0]));
  const before = context.fillStyle;
  context.fillStyle = pattern;
  context.fill(path);
  context.fillStyle = before;
}
