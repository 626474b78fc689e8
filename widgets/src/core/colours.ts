// The colours of all views, for both themes, and the arithmetic that shows they can be seen.
//
// Lines and areas that stand for different things take the Okabe-Ito colours, which nearly everybody can tell apart, and a
// pattern besides, for those who cannot and for black-and-white print. Amounts take viridis or cividis, turned so that
// "more" stands out from the paper. The parts of a graph have the colours that the notebooks' pictures have
// (labkit.draw): blue input, orange variable, grey constant, green scope, purple gradient, brown optimizer.

export type Theme = "light" | "dark";

/** The paper that marks must be seen on; a page may differ a little. */
export const PAPER: Record<Theme, string> = { light: "#ffffff", dark: "#111111" };

export interface Swatch {
  fill: string; // for areas
  line: string; // for lines, points and outlines: at least 3:1 against the paper
  ink: string; // for text on the fill: at least 4.5:1
  pattern: string; // of PATTERNS
}

/** Small tiles, 8 by 8, as paths to stroke: what tells areas apart without colour. */
export const PATTERNS: Record<string, string> = {
  solid: "",
  stripes: "M-2 2L2-2M0 8L8 0M6 10L10 6",
  dots: "M2 2h.01M6 6h.01",
  grid: "M0 4H8M4 0V8",
  back: "M-2 6L2 10M0 0L8 8M6-2L10 2",
  rows: "M0 4H8",
  columns: "M4 0V8",
  cross: "M0 8L8 0M0 0L8 8",
};

const OKABE_ITO = ["#0072b2", "#d55e00", "#009e73", "#e69f00", "#cc79a7", "#56b4e9", "#f0e442", "#4d5359"];
const LINES: Record<Theme, string[]> = {
  light: ["#0072b2", "#c95800", "#008a64", "#a87000", "#b05a8a", "#2c86bd", "#857a00", "#1c1e21"],
  dark: ["#3a92da", "#f0803c", "#2dbf94", "#e69f00", "#dd96c0", "#8accf2", "#f0e442", "#e8e8e8"],
};

/** The n-th kind of thing (run, device, scope, ...): colour and pattern; it starts again after eight. */
export function kind(n: number, theme: Theme): Swatch {
  const at = ((n % 8) + 8) % 8;
  const fill = OKABE_ITO[at]!;
  return { fill, line: LINES[theme][at]!, ink: inkOn(fill), pattern: Object.keys(PATTERNS)[at]! };
}

const SCALES = {
  viridis: "440154 482878 3e4989 31688e 26828e 1f9e89 35b779 6ece58 b5de2b fde725",
  cividis: "00224e 123570 3b496c 575d6d 707173 8a8678 a59c74 c3b369 e1cc55 fee838",
};

/** A colour for an amount between 0 and 1; 1 is what differs most from the paper. */
export function amount(t: number, theme: Theme, scale: keyof typeof SCALES = "viridis"): Swatch {
  const stops = SCALES[scale].split(" ");
  const clean = Math.min(1, Math.max(0, Number.isFinite(t) ? t : 0));
  const at = (theme === "dark" ? clean : 1 - clean) * (stops.length - 1);
  const low = Math.min(stops.length - 2, Math.floor(at));
  const fill = mix(`#${stops[low]}`, `#${stops[low + 1]}`, at - low);
  return { fill, line: fill, ink: inkOn(fill), pattern: "solid" };
}

/** What the boxes of a graph are; `looks.ts` says which box is what. */
export const ROLES = ["op", "input", "state", "constant", "scope", "gradient", "optimizer", "other"] as const;
export type Role = (typeof ROLES)[number];
type Look = readonly [fill: string, line: string, ink: string];

export const GRAPH: Record<Theme, Record<Role, Look>> = {
  light: {
    op: ["#ffffff", "#1b1f24", "#1b1f24"],
    input: ["#bfe1f6", "#1f78ab", "#1b1f24"],
    state: ["#fbd38a", "#9c6700", "#1b1f24"],
    constant: ["#e3e5e8", "#6b737c", "#1b1f24"],
    scope: ["#c6e8dc", "#00674c", "#1b1f24"],
    gradient: ["#f7e6ef", "#a9648d", "#4f3a48"],
    optimizer: ["#fae3d3", "#b5632f", "#53351f"],
    other: ["#f3f4f6", "#7b838c", "#33383e"],
  },
  dark: {
    op: ["#24292f", "#ccd3da", "#f2f5f7"],
    input: ["#0e3d59", "#66b7e8", "#eef7fd"],
    state: ["#523907", "#eeb03a", "#fff6e3"],
    constant: ["#363b42", "#a0a9b3", "#f2f5f7"],
    scope: ["#0d4435", "#46c19b", "#eafaf4"],
    gradient: ["#452a3c", "#d694bd", "#fbeef6"],
    optimizer: ["#4a2b1a", "#e39a6c", "#fdf1ea"],
    other: ["#2b3036", "#8f98a2", "#e3e7ea"],
  },
};

/** The rest of a graph's picture. Wires and marks: 3:1 against the paper; words: 4.5:1. */
export const MARKS: Record<Theme, Record<string, string>> = {
  light: {
    wire: "#4a525b", "wire-control": "#7b838c", "wire-back": "#b3261e", "wire-gradient": "#a9648d", "wire-state": "#9c6700",
    frame: "#f4faf7", "frame-odd": "#e9f4ef", "frame-gradient": "#fbf3f8", "frame-optimizer": "#fdf4ed", word: "#3c444d", ink: "#1b1f24",
    select: "#0b62a8", added: "#00734d", removed: "#b3261e", changed: "#8a5a00", bad: "#c01a10", next: "#0b62a8", done: "#5b636b",
  },
  dark: {
    wire: "#aab2bb", "wire-control": "#8b929b", "wire-back": "#ff9d94", "wire-gradient": "#d694bd", "wire-state": "#eeb03a",
    frame: "#14201c", "frame-odd": "#182a24", "frame-gradient": "#221820", "frame-optimizer": "#241a14", word: "#ccd2d8", ink: "#f2f5f7",
    select: "#6cb6f5", added: "#46c19b", removed: "#ff9d94", changed: "#eeb03a", bad: "#ff8a80", next: "#6cb6f5", done: "#a0a9b3",
  },
};

/** All colours of the graph's picture by name (`op-fill`, `wire`, ...): CSS variables `--lk-g-<name>` and exports. */
export function graphColours(theme: Theme): Record<string, string> {
  const all: Record<string, string> = { ...MARKS[theme], paper: PAPER[theme] };
  for (const role of ROLES) {
    const [fill, line, ink] = GRAPH[theme][role];
    Object.assign(all, { [`${role}-fill`]: fill, [`${role}-line`]: line, [`${role}-ink`]: ink });
  }
  return all;
}

/** Relative luminance of "#rrggbb" (WCAG 2). */
export function luminance(colour: string): number {
  const [r, g, b] = channels(colour).map(value => {
    const c = value / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** How well two colours can be told apart: 1 (not at all) to 21; text needs 4.5, marks need 3 (WCAG 2). */
export function contrast(one: string, other: string): number {
  const [low, high] = [luminance(one), luminance(other)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** Black or white, whichever reads better on a colour. */
export function inkOn(fill: string): string {
  return contrast(fill, "#000000") >= contrast(fill, "#ffffff") ? "#000000" : "#ffffff";
}

/** A colour between two, `t` of the way. */
export function mix(from: string, to: string, t: number): string {
  const ends = [channels(from), channels(to)] as const;
  return "#" + ends[0].map((x, i) => Math.round(x + (ends[1][i]! - x) * t).toString(16).padStart(2, "0")).join("");
}

function channels(colour: string): number[] {
  const hex = colour.length === 4 ? [...colour.slice(1)].map(x => x + x).join("") : colour.slice(1, 7);
  return [0, 2, 4].map(at => parseInt(hex.slice(at, at + 2), 16) || 0);
}
