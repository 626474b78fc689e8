// How a device looks: a colour of Okabe and Ito's, and a pattern from the eighth device on. Its label says it in words.

import { inkOn, kind, mix, PAPER, PATTERNS, type Theme } from "../core/colours.ts";
import { s } from "../core/dom.ts";

const TILES = ["solid", "stripes", "dots", "rows", "columns", "grid", "back", "cross"];

export interface Look {
  colour: string; // of its ops
  ink: string;
  line: string;
  tint: string; // of its lane
  pattern: string;
}

export function lookOf(device: number, theme: Theme): Look {
  const { line } = kind(device % 7, theme);
  const colour = mix(PAPER[theme], line, theme === "dark" ? 0.36 : 0.3);
  return {
    colour, line, ink: inkOn(colour), tint: mix(PAPER[theme], line, theme === "dark" ? 0.12 : 0.07),
    pattern: TILES[Math.floor(device / 7) % TILES.length]!,
  };
}

/** A small square of it. */
export function swatch(device: number, theme: Theme): SVGElement {
  const { colour, line, ink, pattern } = lookOf(device, theme);
  return s("svg", { class: "labkit-pl-swatch", viewBox: "0 0 16 16", "aria-hidden": "true" },
    s("rect", { x: 1, y: 1, width: 14, height: 14, rx: 3, fill: colour, stroke: line, "stroke-width": 2 }),
    PATTERNS[pattern] ? s("path", { d: PATTERNS[pattern]!, stroke: ink, "stroke-opacity": 0.5, fill: "none", transform: "scale(2)" }) : null);
}
