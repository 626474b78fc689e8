// The plot: roofs as lines, ops as marks, both axes by factors of ten. A mark's shape and colour say what bounds the op,
// its size how much of the time it takes.

import { kind, type Theme } from "../core/colours.ts";
import { s, shorten } from "../core/dom.ts";
import { short } from "../trace/scale.ts";

export type Bound = "c" | "m" | "l";

export interface Mark {
  row: number; // of the columns
  name: string;
  count: number;
  flops: number;
  bytes: number;
  time: number;
  share: number; // of the time of all
  compute: number;
  memory: number;
  bound: Bound;
}

export interface Roof {
  title: string;
  peak: number;
  bandwidth: number;
  chosen: boolean;
}

export interface Drawn {
  svg: SVGSVGElement;
  at(x: number, y: number): Mark | null; // the mark under the pointer
}

const HEIGHT = 360, LEFT = 52, RIGHT = 104, TOP = 12, BOTTOM = 40;
const COLOURS: Record<Bound, number> = { c: 1, m: 0, l: 4 };
const NAMED = 4;

/** The mark of an op that computes and moves something; others have no place between the axes. */
export const placed = (mark: Mark): boolean => mark.flops > 0 && mark.bytes > 0 && mark.time > 0;

export function shape(bound: Bound, x: number, y: number, r: number, theme: Theme): SVGElement {
  const look = { fill: kind(COLOURS[bound], theme).line, class: "labkit-rf-mark" };
  return bound === "c" ? s("circle", { cx: x, cy: y, r, ...look })
    : s("path", { d: bound === "m" ? `M${x - r} ${y - r}h${2 * r}v${2 * r}h${-2 * r}z` : `M${x} ${y - r}l${r} ${2 * r}h${-2 * r}z`, ...look });
}

/** Draws it; `ends` are the least and most FLOPs per byte and FLOP/s, the same for all kinds, so that a change is seen. */
export function plot(marks: Mark[], roofs: Roof[], ends: number[], width: number, theme: Theme, selected: Mark | null): Drawn {
  const [xLow, xHigh, yLow, yHigh] = ends as [number, number, number, number];
  const across = (width - LEFT - RIGHT) / Math.log(xHigh / xLow), up = (HEIGHT - TOP - BOTTOM) / Math.log(yHigh / yLow);
  const x = (value: number) => LEFT + across * Math.log(value / xLow);
  const y = (value: number) => HEIGHT - BOTTOM - up * Math.log(value / yLow);
  const svg = s("svg", { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, "aria-hidden": "true" });
  const text = (left: number, top: number, words: string, anchor = "middle", of = "labkit-rf-soft") =>
    svg.append(s("text", { x: left, y: top, "text-anchor": anchor, class: of }, words));

  for (const power of powers(xLow, xHigh, Math.ceil(60 / (across * Math.LN10)))) text(x(power), HEIGHT - BOTTOM + 16, tick(power));
  for (const power of powers(yLow, yHigh, Math.ceil(34 / (up * Math.LN10)))) {
    svg.append(s("path", { d: `M${LEFT} ${y(power)}H${width - RIGHT}`, class: "labkit-rf-grid" }));
    text(LEFT - 5, y(power) + 4, tick(power), "end");
  }
  text((LEFT + width - RIGHT) / 2, HEIGHT - 6, "FLOPs per byte");
  text(LEFT + 5, TOP + 8, "FLOPs a second", "start");

  let last = 0;
  for (const { title, peak, bandwidth, chosen } of [...roofs].sort((a, b) => b.peak - a.peak)) {
    const from = Math.max(xLow, yLow / bandwidth), ridge = Math.min(xHigh, Math.max(from, peak / bandwidth));
    const height = (ratio: number) => y(Math.min(peak, ratio * bandwidth));
    svg.append(s("path", { d: `M${x(from)} ${height(from)}L${x(ridge)} ${height(ridge)}H${width - RIGHT}`,
      class: chosen ? "labkit-rf-roof labkit-rf-chosen" : "labkit-rf-roof" }));
    last = Math.max(last + 14, y(peak) + 4);
    text(width - RIGHT + 5, last, shorten(title, 14), "start", chosen ? "labkit-rf-name" : "labkit-rf-soft");
  }

  const spots = marks.filter(placed).map(mark => ({ mark, x: x(mark.flops / mark.bytes),
    y: Math.max(TOP, Math.min(HEIGHT - BOTTOM, y(mark.flops / mark.time))), r: 4 + 14 * Math.sqrt(mark.share) }));
  for (const { mark, x, y, r } of [...spots].reverse()) { // the dearest last: on top
    svg.append(shape(mark.bound, x, y, r, theme));
    if (mark === selected) svg.append(s("circle", { cx: x, cy: y, r: r + 5, class: "labkit-rf-ring" }));
  }
  const named: typeof spots = [];
  for (const spot of spots) {
    if (named.length === NAMED || named.some(one => Math.abs(one.y - spot.y) < 14 && Math.abs(one.x - spot.x) < 130)) continue;
    named.push(spot);
    const before = spot.x > width - RIGHT - 90;
    text(spot.x + (before ? -1 : 1) * (spot.r + 4), spot.y + 4, shorten(spot.mark.name, 22), before ? "end" : "start", "labkit-rf-name");
  }
  return {
    svg,
    at: (left, top) => {
      const far = (spot: typeof spots[number]) => Math.hypot(spot.x - left, spot.y - top) - spot.r;
      const nearest = spots.reduce<typeof spots[number] | null>((best, spot) => !best || far(spot) < far(best) ? spot : best, null);
      return nearest && far(nearest) < 5 ? nearest.mark : null;
    },
  };
}

function powers(low: number, high: number, every: number): number[] {
  const found: number[] = [];
  for (let power = Math.ceil(Math.log10(low)); power <= Math.log10(high); power++) if (power % every === 0) found.push(Number(`1e${power}`));
  return found;
}

const tick = (value: number): string => value < 1000 ? String(value) : short(value).replace(/\.0+ /, " ");
