// The whole picture as a file: SVG text that stands alone, with its colours in it, or a PNG.

import { graphColours, type Theme } from "../core/colours.ts";
import { s } from "../core/dom.ts";
import { drawScene } from "./canvas.ts";
import { Drawing, MARGIN } from "./drawing.ts";
import { clear } from "./looks.ts";
import type { Drawn } from "./strokes.ts";

const MOST_PIXELS = 64e6;
const LONGEST = 16000;
const EVERYTHING = { x: -1e9, y: -1e9, w: 2e9, h: 2e9 };

export function svgText(drawn: Drawn, theme: Theme, title: string): string {
  const colours = graphColours(theme);
  const drawing = new Drawing(name => colours[name] ?? "#888888", false);
  const { width, height } = drawn.scene;
  drawing.set({ ...drawn, selected: new Set() });
  drawing.scale(1);
  drawing.cull(EVERYTHING, EVERYTHING);
  const { svg } = drawing;
  svg.setAttribute("viewBox", `0 0 ${Math.ceil(width + 2 * MARGIN)} ${Math.ceil(height + 2 * MARGIN)}`);
  svg.prepend(
    s("title", {}, clear(title)),
    s("rect", { width: "100%", height: "100%", fill: colours["paper"]! }),
  );
  for (const frame of svg.querySelectorAll("[data-order]")) frame.removeAttribute("data-order");
  return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(svg)}\n`;
}

export async function pngBlob(drawn: Drawn, theme: Theme, scale: number): Promise<Blob> {
  const colours = graphColours(theme);
  const width = drawn.scene.width + 2 * MARGIN, height = drawn.scene.height + 2 * MARGIN;
  const k = Math.min(scale, LONGEST / Math.max(width, height), Math.sqrt(MOST_PIXELS / (width * height)));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * k));
  canvas.height = Math.max(1, Math.round(height * k));
  const context = canvas.getContext("2d");
  if (!context) throw new Error("This browser gives no canvas to draw the file on. Try the SVG.");
  context.fillStyle = colours["paper"]!;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.setTransform(k, 0, 0, k, MARGIN * k, MARGIN * k);
  drawScene(context, { ...drawn, selected: new Set() }, 1, EVERYTHING, name => colours[name] ?? "#888888");
  return new Promise((resolve, reject) => canvas.toBlob(
    blob => blob ? resolve(blob) : reject(new Error("The picture is too large for a PNG. Try the SVG, or close some scopes.")), "image/png",
  ));
}
