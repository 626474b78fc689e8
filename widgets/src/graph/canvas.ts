// The same scene on a canvas: for more boxes than a document holds well, and for PNG files.

import { PATTERNS, inkOn } from "../core/colours.ts";
import { overlap, type Box } from "./camera.ts";
import { font } from "./looks.ts";
import { boxOpacity, drawBox, drawLabel, drawWire, lodOf, small, wireOpacity, type Drawn, type Paint, type Pen, type Style, type Words } from "./strokes.ts";
import type { Wire } from "./types.ts";
import { titles, wireBox } from "./wires.ts";

/** Gathers paths that look alike and draws them at once, words last; `flush` draws what was gathered. */
class CanvasPen implements Pen {
  x = 0;
  y = 0;
  alpha = 1;
  private gathered = new Map<string, { style: Style; alpha: number; path: Path2D; here: string[] }>();
  private texts: (Words & { alpha: number })[] = [];

  constructor(private readonly context: CanvasRenderingContext2D) {}

  path(d: string, style: Style): void {
    const key = `${style.fill} ${style.pattern} ${style.line} ${style.width} ${style.dash} ${this.alpha}`;
    let same = this.gathered.get(key);
    if (!same) this.gathered.set(key, (same = { style, alpha: this.alpha, path: new Path2D(), here: [] }));
    if (!this.x && !this.y) same.here.push(d);
    else same.path.addPath(new Path2D(d), { e: this.x, f: this.y });
  }

  words(words: Words): void {
    this.texts.push({ ...words, x: words.x + this.x, y: words.y + this.y, alpha: this.alpha });
  }

  flush(): void {
    const { context } = this;
    context.lineJoin = "round";
    for (const { style, alpha, path, here } of this.gathered.values()) {
      if (here.length) path.addPath(new Path2D(here.join("")));
      context.globalAlpha = alpha;
      if (style.fill) {
        context.fillStyle = style.fill;
        context.fill(path);
        if (style.pattern) hatch(context, path, style.pattern, style.fill);
      }
      if (!style.line) continue;
      context.strokeStyle = style.line;
      context.lineWidth = style.width ?? 1;
      context.setLineDash(style.dash?.split(" ").map(Number) ?? []);
      context.stroke(path);
    }
    context.setLineDash([]);
    for (const { text, x, y, size, ink, strong, start, halo, alpha } of this.texts) {
      context.globalAlpha = alpha;
      context.font = font(size, strong ?? false);
      context.textAlign = start ? "start" : "center";
      if (halo) {
        context.strokeStyle = halo;
        context.lineWidth = size / 2;
        context.strokeText(text, x, y);
      }
      context.fillStyle = ink;
      context.fillText(text, x, y);
    }
    this.gathered.clear();
    this.texts = [];
  }
}

const boxes = new WeakMap<Wire, Box>();

function boxOf(wire: Wire): Box {
  let found = boxes.get(wire);
  if (!found) boxes.set(wire, (found = wireBox(wire)));
  return found;
}

/** Draws what touches `view`, as it looks at the scale `k`; the context's transform puts it in place. */
export function drawScene(context: CanvasRenderingContext2D, drawn: Drawn, k: number, view: Box, paint: Paint): void {
  const pen = new CanvasPen(context);
  const lod = lodOf(k);
  const items = drawn.scene.items.filter(item => overlap(item, view));
  for (const body of [true, false]) {
    for (const item of items) {
      if (body && !item.open) continue;
      [pen.x, pen.y, pen.alpha] = [item.x, item.y, boxOpacity(item, drawn)];
      drawBox(pen, item, drawn, paint, lod, body || !item.open, !body);
      if (body) pen.flush(); // frames lie on one another
    }
    [pen.x, pen.y] = [0, 0];
    if (body) for (const wire of drawn.scene.wires) if (overlap(boxOf(wire), view)) {
      pen.alpha = wireOpacity(wire, drawn);
      drawWire(pen, wire, drawn, paint, lod);
    }
    pen.flush();
  }
  pen.alpha = 1;
  const size = small(lod);
  if (size) for (const label of drawn.labels(size).values()) overlap(label.box, view) && drawLabel(pen, label, paint);
  else for (const title of titles(drawn.scene, k, view)) pen.words({ ...title, ink: paint("ink"), strong: true, halo: paint("paper") });
  pen.flush();
}

const tiles = new Map<string, HTMLCanvasElement>();

/** Fills a path with one of PATTERNS, in the ink that shows on `colour`. */
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
  context.fillStyle = pattern;
  context.fill(path);
}
