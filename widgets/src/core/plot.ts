// An empty plot: paper, axes and their words, as SVG. What is drawn on it goes to `ink`, which is cut off at the edges.

import { s } from "./dom.ts";
import { scale, short, type Scale } from "./scale.ts";

export interface Axis {
  low: number;
  high: number;
  log?: boolean;
  label: string;
  text?: (value: number) => string; // of a tick
}

export interface Plot {
  svg: SVGSVGElement;
  ink: SVGGElement;
  across: Scale;
  up: Scale;
  x(value: number): number; // pixels
  y(value: number): number;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

let clips = 0;

/** A plot of a size in pixels; the label of the axis upwards stands above it. */
export function plot(width: number, height: number, across: Axis, up: Axis, right = 14): Plot {
  const top = 24, bottom = height - 38;
  const upwards = scale(up.low, up.high, up.log ?? false, Math.max(2, Math.floor((bottom - top) / 40)));
  const words = upwards.ticks.map(up.text ?? (value => short(value)));
  const left = 16 + 7 * Math.max(3, ...words.map(word => word.length));
  const over = scale(across.low, across.high, across.log ?? false, Math.max(2, Math.floor((width - left - right) / 80)));
  const x = (value: number) => left + over.place(value) * (width - left - right);
  const y = (value: number) => bottom - upwards.place(value) * (bottom - top);
  const id = `labkit-plot-${clips++}`, ink = s("g", { "clip-path": `url(#${id})` });
  const svg = s("svg", { class: "labkit-plot", width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
    s("clipPath", { id }, s("rect", { x: left - 7, y: top - 7, width: Math.max(0, width - left - right + 14), height: bottom - top + 14 })));
  const text = (at: number, from: number, said: string, anchor: string) =>
    svg.append(s("text", { x: at, y: from, "text-anchor": anchor, class: "labkit-plot-word" }, said));
  upwards.ticks.forEach((tick, i) => {
    svg.append(s("path", { d: `M${left} ${y(tick).toFixed(1)}H${width - right}`, class: "labkit-plot-grid" }));
    text(left - 7, y(tick) + 4, words[i]!, "end");
  });
  svg.append(s("path", { d: `M${left} ${bottom}H${width - right}`, class: "labkit-plot-line" }));
  for (const tick of over.ticks) {
    svg.append(s("path", { d: `M${x(tick).toFixed(1)} ${bottom}v4`, class: "labkit-plot-line" }));
    text(Math.min(x(tick), width - 12), bottom + 17, (across.text ?? short)(tick), "middle");
  }
  text(left, 13, up.label, "start");
  text((left + width - right) / 2, height - 4, across.label, "middle");
  svg.append(ink);
  return { svg, ink, across: over, up: upwards, x, y, left, right: width - right, top, bottom };
}

/** A path through points in pixels; it begins anew where one is no number. */
export function path(points: readonly (readonly [number, number])[]): string {
  let out = "", pen = "M";
  for (const [x, y] of points) {
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      pen = "M";
      continue;
    }
    out += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = "L";
  }
  return out;
}
