// Signed values as colours: blue above zero, orange below, with stripes on the orange side, so that it reads without
// colours too. The arithmetic is here; canvases only receive it.

import { mix, type Theme } from "../core/colours.ts";

interface Ends {
  above: string;
  below: string;
  zero: string;
}

/** Okabe-Ito's blue and orange, in the shades that each paper needs. */
export const ENDS: Record<Theme, Ends> = {
  light: { above: "#0072b2", below: "#d55e00", zero: "#f6f6f6" },
  dark: { above: "#56b4e9", below: "#e69f00", zero: "#1b1e22" },
};

/** Colours for -127 .. 127 as rgb triples, at index value + 127. */
export function ramp(theme: Theme): Uint8Array {
  const made = new Uint8Array(255 * 3);
  const { above, below, zero } = ENDS[theme];
  for (let value = -127; value <= 127; value++) {
    const colour = mix(zero, value < 0 ? below : above, (Math.abs(value) / 127) ** 0.8 * 0.9);
    for (let c = 0; c < 3; c++) made[(value + 127) * 3 + c] = parseInt(colour.slice(1 + 2 * c, 3 + 2 * c), 16);
  }
  return made;
}

/** Points on such maps: orange, blue; deeper or lighter than the ground that they stand on. */
export const POINTS: Record<Theme, readonly [string, string]> = { light: ["#863a00", "#004369"], dark: ["#ffe3ae", "#cdeaff"] };

/**
 * Fills `rgba` (width x width) with a map of side x side: stripes every `stripe` pixels where it is negative, and a line
 * in grey `line` where it changes sign, if that is not -1. `hard` shows the sign alone; `smooth` blends between cells.
 */
export function paint(
  rgba: Uint8ClampedArray, width: number, values: Int8Array, side: number, colours: Uint8Array,
  { stripe = 0, line = -1, hard = false, smooth = true } = {},
): void {
  const found = new Float32Array(width * width);
  const place = (x: number) => smooth ? Math.min(side - 1, Math.max(0, (x + 0.5) / width * side - 0.5)) : Math.floor((x + 0.5) / width * side);
  for (let y = 0; y < width; y++) {
    const v = place(y), top = Math.min(side - 2, Math.floor(v)), fv = v - top;
    for (let x = 0; x < width; x++) {
      const u = place(x), left = Math.min(side - 2, Math.floor(u)), fu = u - left;
      const i = top * side + left;
      const upper = values[i]! * (1 - fu) + values[i + 1]! * fu;
      const lower = values[i + side]! * (1 - fu) + values[i + side + 1]! * fu;
      found[y * width + x] = upper * (1 - fv) + lower * fv;
    }
  }
  for (let i = 0; i < found.length; i++) {
    const value = found[i]!;
    const shown = hard ? (value < 0 ? -90 : 90) : Math.max(-127, value);
    const colour = (Math.round(shown) + 127) * 3;
    const striped = stripe > 0 && value < -6 && (i % width + Math.floor(i / width)) % stripe < 1 ? 0.28 : 0;
    // The line is about 1.5 pixels wide: the distance to zero is the value divided by its slope.
    const right = (i + 1) % width ? found[i + 1]! : value;
    const slope = Math.hypot(value - right, value - (found[i + width] ?? value)) + 1e-3;
    const border = line < 0 ? 0 : Math.min(1, Math.max(0, 1.4 - Math.abs(value) / slope));
    for (let c = 0; c < 3; c++) {
      const plain = colours[colour + c]! * (1 - striped) + (line >= 128 ? 255 : 0) * striped;
      rgba[4 * i + c] = plain * (1 - border) + line * border;
    }
    rgba[4 * i + 3] = 255;
  }
}

/** How thick a link is: it grows with the weight, more slowly the larger it is. */
export function thickness(weight: number): number {
  const size = Math.abs(weight);
  return Number.isFinite(size) ? Math.round((0.6 + 7 * size / (size + 1.5)) * 10) / 10 : 1;
}
