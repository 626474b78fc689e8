// Two pens with one set of strokes: one draws on a canvas, the other writes SVG. So what is saved is what is seen.

import { HATCH, type Paint, TILES } from "./palette.ts";

export interface TextStyle {
  anchor?: "start" | "middle" | "end";
  bold?: boolean;
}

export interface Pen {
  /** A filled box. */
  box(x: number, y: number, w: number, h: number, paint: Paint): void;
  fill(x: number, y: number, w: number, h: number, colour: string): void;
  /** Diagonal lines over a box, and its outline. */
  hatch(x: number, y: number, w: number, h: number, colour: string): void;
  frame(x: number, y: number, w: number, h: number, colour: string, width: number): void;
  line(points: number[], colour: string, width: number): void;
  text(x: number, y: number, words: string, colour: string, style?: TextStyle): void;
  /** Draws only inside a box. */
  within(x: number, y: number, w: number, h: number, draw: () => void): void;
  /** How wide some words are. */
  measure(words: string): number;
}

export const FONT = "12px system-ui, sans-serif";

export class CanvasPen implements Pen {
  #tiles = new Map<string, CanvasPattern | null>();
  #widths = new Map<string, number>();

  constructor(readonly context: CanvasRenderingContext2D) {}

  box(x: number, y: number, w: number, h: number, paint: Paint): void {
    this.fill(x, y, w, h, paint.colour);
    if (paint.tile && w > 4) this.#tile(x, y, w, h, TILES[paint.tile]!, paint.ink, 1.2, 0.45);
  }

  fill(x: number, y: number, w: number, h: number, colour: string): void {
    this.context.fillStyle = colour;
    this.context.fillRect(x, y, w, h);
  }

  hatch(x: number, y: number, w: number, h: number, colour: string): void {
    this.#tile(x, y, w, h, HATCH, colour, 1.6, 0.5);
  }

  frame(x: number, y: number, w: number, h: number, colour: string, width: number): void {
    this.context.strokeStyle = colour;
    this.context.lineWidth = width;
    this.context.strokeRect(x + width / 2, y + width / 2, Math.max(0, w - width), h - width);
  }

  line(points: number[], colour: string, width: number): void {
    this.context.strokeStyle = colour;
    this.context.lineWidth = width;
    this.context.beginPath();
    for (let i = 0; i < points.length; i += 2) this.context.lineTo(points[i]!, points[i + 1]!);
    this.context.stroke();
  }

  text(x: number, y: number, words: string, colour: string, style: TextStyle = {}): void {
    this.context.font = (style.bold ? "bold " : "") + FONT;
    this.context.textAlign = style.anchor === "middle" ? "center" : style.anchor ?? "start";
    this.context.textBaseline = "alphabetic";
    this.context.fillStyle = colour;
    this.context.fillText(words, x, y);
  }

  within(x: number, y: number, w: number, h: number, draw: () => void): void {
    this.context.save();
    this.context.beginPath();
    this.context.rect(x, y, w, h);
    this.context.clip();
    draw();
    this.context.restore();
  }

  measure(words: string): number {
    let width = this.#widths.get(words);
    if (width === undefined) {
      this.context.font = FONT;
      if (this.#widths.size > 5000) this.#widths.clear();
      this.#widths.set(words, width = this.context.measureText(words).width);
    }
    return width;
  }

  #tile(x: number, y: number, w: number, h: number, path: string, colour: string, width: number, alpha: number): void {
    const key = path + colour;
    let pattern = this.#tiles.get(key);
    if (pattern === undefined) {
      const small = document.createElement("canvas");
      small.width = small.height = 16;
      const pen = small.getContext("2d")!;
      pen.scale(2, 2);
      pen.strokeStyle = colour;
      pen.lineWidth = width;
      pen.lineCap = "round";
      pen.stroke(new Path2D(path));
      pattern = this.context.createPattern(small, "repeat");
      pattern?.setTransform(new DOMMatrix().scale(0.5));
      this.#tiles.set(key, pattern);
    }
    if (!pattern) return;
    this.context.globalAlpha = alpha;
    this.context.fillStyle = pattern;
    this.context.fillRect(x, y, w, h);
    this.context.globalAlpha = 1;
  }
}

export class SvgPen implements Pen {
  #parts: string[] = [];
  #tiles = new Map<string, string>();
  #clips = 0;

  box(x: number, y: number, w: number, h: number, paint: Paint): void {
    this.fill(x, y, w, h, paint.colour);
    if (paint.tile && w > 4) this.#tile(x, y, w, h, TILES[paint.tile]!, paint.ink, 1.2, 0.45);
  }

  fill(x: number, y: number, w: number, h: number, colour: string): void {
    this.#parts.push(`<rect ${place(x, y, w, h)} fill="${xml(colour)}"/>`);
  }

  hatch(x: number, y: number, w: number, h: number, colour: string): void {
    this.#tile(x, y, w, h, HATCH, colour, 1.6, 0.5);
  }

  frame(x: number, y: number, w: number, h: number, colour: string, width: number): void {
    const shape = place(x + width / 2, y + width / 2, Math.max(0, w - width), h - width);
    this.#parts.push(`<rect ${shape} fill="none" stroke="${xml(colour)}" stroke-width="${width}"/>`);
  }

  line(points: number[], colour: string, width: number): void {
    const list = points.map(round).join(" ");
    this.#parts.push(`<polyline points="${list}" fill="none" stroke="${xml(colour)}" stroke-width="${width}"/>`);
  }

  text(x: number, y: number, words: string, colour: string, style: TextStyle = {}): void {
    const bold = style.bold ? ' font-weight="bold"' : "";
    const anchor = style.anchor ? ` text-anchor="${style.anchor}"` : "";
    this.#parts.push(`<text x="${round(x)}" y="${round(y)}" fill="${xml(colour)}"${anchor}${bold}>${xml(words)}</text>`);
  }

  within(x: number, y: number, w: number, h: number, draw: () => void): void {
    const id = `clip${++this.#clips}`;
    this.#parts.push(`<clipPath id="${id}"><rect ${place(x, y, w, h)}/></clipPath><g clip-path="url(#${id})">`);
    draw();
    this.#parts.push("</g>");
  }

  measure(words: string): number {
    return 6.6 * words.length;
  }

  finish(width: number, height: number): string {
    const defs = [...this.#tiles.values()].join("");
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
      `viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12">` +
      `<defs>${defs}</defs>${this.#parts.join("")}</svg>`;
  }

  #tile(x: number, y: number, w: number, h: number, path: string, colour: string, width: number, alpha: number): void {
    const key = path + colour;
    const id = `tile${[...this.#tiles.keys(), key].indexOf(key)}`;
    if (!this.#tiles.has(key)) {
      this.#tiles.set(key, `<pattern id="${id}" width="8" height="8" patternUnits="userSpaceOnUse">` +
        `<path d="${path}" fill="none" stroke="${xml(colour)}" stroke-width="${width}" stroke-linecap="round"/></pattern>`);
    }
    this.#parts.push(`<rect ${place(x, y, w, h)} fill="url(#${id})" opacity="${alpha}"/>`);
  }
}

const round = (value: number) => Math.round(value * 10) / 10;

function place(x: number, y: number, w: number, h: number): string {
  return `x="${round(x)}" y="${round(y)}" width="${round(w)}" height="${round(h)}"`;
}

/** Text that can stand in XML: no markup, no characters that XML forbids. */
export function xml(text: string): string {
  return text.replace(/[&<>"']/g, letter => `&#${letter.charCodeAt(0)};`)
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");
}
