// Colours and patterns that tell groups apart: seven colours of all views, then the same with stripes, dots, ...
// The eighth is that of ink, which outlines the critical path.

import { inkOn, kind, PATTERNS, type Theme } from "../core/colours.ts";

/** Small tiles, 8 by 8, as paths: drawn over a colour. */
export const TILES = ["solid", "stripes", "dots", "rows", "columns", "grid"].map(name => PATTERNS[name]!);
/** The mark of the critical path. */
export const HATCH = PATTERNS["back"]!;

export interface Paint {
  colour: string;
  tile: number; // index into TILES
  ink: string; // black or white, what can be read on it
}

/** How group number `group` is drawn. */
export function paint(group: number, theme: Theme): Paint {
  const colour = kind(group % 7, theme).line;
  return { colour, tile: Math.floor(group / 7) % TILES.length, ink: inkOn(colour) };
}
