// What colours and shapes say, in words, under the picture.

import { h, s, shorten } from "../core/dom.ts";
import { graphColours, PATTERNS, type Theme } from "../core/colours.ts";
import { SIGNS } from "../graph/drawing.ts";
import type { Part } from "../graph/types.ts";
import type { Swatch } from "./colouring.ts";

// The outlines are those of the picture's boxes (graph/looks.ts), small.
const WORDS: [part: Part | "scope", role: string, label: string, outline: string][] = [
  ["input", "input", "placeholder", "M1 2H15L21 8L15 14H1Z"],
  ["state", "state", "variable", "M1 4C1 0 21 0 21 4V12C21 16 1 16 1 12ZM1 4C1 8 21 8 21 4"],
  ["constant", "constant", "constant", "M1 8A10 6 0 1 1 21 8A10 6 0 1 1 1 8Z"],
  ["forward", "op", "op", "M1 2H21V14H1Z"],
  ["scope", "scope", "scope, several ops as one", "M4 5V2H21V11H18M1 5H18V14H1Z"],
  ["gradient", "gradient", "gradient", "M1 2H21V14H1Z"],
  ["optimizer", "optimizer", "optimizer", "M1 2H21V14H1Z"],
];

/** The legend of a colouring; without swatches, that of the parts of a graph. */
export function legend(swatches: Swatch[], parts: ReadonlySet<string>, marks: string[], theme: Theme): HTMLElement {
  const colours = graphColours(theme);
  const shapes = () => WORDS.filter(([part]) => part === "scope" ? parts.size > 0 : parts.has(part)).map(([, role, label, outline]) => entry(
    s("svg", { class: "labkit-gv-shape", viewBox: "0 0 22 16", "aria-hidden": "true" },
      s("path", { d: outline, fill: colours[`${role}-fill`], stroke: colours[`${role}-line`], "stroke-width": 1.2 })), label));
  const kinds = () => swatches.map(({ label, paint }) => entry(chip(paint.colour, paint.pattern, paint.ink), label));
  return h("ul", { class: "labkit-gv-legend", "aria-label": "Legend" }, ...(swatches.length ? kinds() : shapes()),
    ...marks.map(mark => {
      const sign = h("span", { class: "labkit-gv-mark", "aria-hidden": "true" }, SIGNS[mark as keyof typeof SIGNS] ?? "•");
      sign.style.color = colours[mark] ?? "";
      return entry(sign, mark);
    }));
}

function entry(sign: Node, label: string): HTMLElement {
  return h("li", {}, sign, h("span", { dir: "auto" }, shorten(label, 36)));
}

function chip(colour: string, pattern: string, ink: string): SVGElement {
  const path = PATTERNS[pattern];
  return s("svg", { class: "labkit-gv-swatch", viewBox: "0 0 16 16", "aria-hidden": "true" },
    s("rect", { width: 16, height: 16, fill: colour }),
    path ? s("path", { d: path, stroke: ink, "stroke-width": 1.2, fill: "none", transform: "scale(2)" }) : null);
}
