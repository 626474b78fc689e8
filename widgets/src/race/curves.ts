// The curves of a race: what has been run is drawn, what is to come is faint; the finish line, and what failed.

import { kind, type Theme } from "../core/colours.ts";
import { s } from "../core/dom.ts";
import { path, plot } from "../core/plot.ts";
import { short } from "../core/scale.ts";
import { dash } from "../training/chart.ts";
import { type Against, arrival, column, head, knots, place, type Race, type Standing, unit, whole } from "./course.ts";

export interface Look {
  name: string;
  target: number | null;
  below: boolean;
  against: Against;
  now: number;
  log: boolean;
  theme: Theme;
}

/** What the marks on a curve mean. */
export const MARKS: Record<string, string> = {
  died: "a machine dies", noticed: "it is given up", restarted: "it is replaced", back: "it works again",
  restored: "back to a checkpoint", ended: "nobody is left",
};
const SHAPES: Record<string, string> = {
  died: "M-4.5-4.5L4.5 4.5M4.5-4.5L-4.5 4.5", noticed: "M0-5.5L5.5 0L0 5.5L-5.5 0z", restarted: "M0-5.5L5 4H-5z", back: "M0-5.5L5 4H-5z",
  restored: "M5.5 0H-5M-1-4L-5 0L-1 4", ended: "M-4-4H4V4H-4z",
};
const MOST_MARKS = 60, HEIGHT = 300;

/** The mark of a kind of happening. */
export function mark(of: string, x: number, y: number, colour: string): SVGElement {
  return s("g", { transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`, class: "labkit-rc-mark" },
    s("path", { d: SHAPES[of] ?? SHAPES["ended"]!, class: "labkit-rc-halo" }), s("path", { d: SHAPES[of] ?? SHAPES["ended"]!, stroke: colour }));
}

/** Draws them; `kinds` are the marks that are to be explained. */
export function drawn(race: Race, look: Look, here: Standing[], width: number): { svg: SVGSVGElement; kinds: string[] } {
  const { name, target, below, against, now, theme } = look, clock = unit(whole(race));
  let low = target ?? Infinity, high = target ?? -Infinity, end = 0;
  for (const runner of race.runners) {
    for (const value of column(runner, name)) {
      if (value === null || look.log && value <= 0) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    end = Math.max(end, ...runner[against]);
  }
  if (!(low <= high)) [low, high] = [look.log ? 0.1 : 0, 1];
  const margin = look.log ? 0 : 0.05 * (high - low);
  const words: Record<Against, string> = { seconds: `simulated ${clock.name}`, updates: "updates", examples: "examples whose gradient counts", bytes: "bytes sent" };
  const picture = plot(width, HEIGHT,
    { low: 0, high: end || 1, label: words[against], text: value => short(against === "seconds" ? Number((value / clock.seconds).toPrecision(6)) : value) },
    { low: low > 0 && low < 0.3 * high && !look.log ? 0 : low - margin, high: look.log ? high * 1.15 : high + margin, log: look.log, label: name }, 18);
  const { svg, ink, x, y } = picture;
  const add = (element: SVGElement) => ink.append(element);
  if (target !== null) {
    add(s("path", { d: `M${picture.left} ${y(target).toFixed(1)}H${picture.right}`, class: "labkit-rc-target" }));
    add(s("text", { x: picture.right - 4, y: y(target) + (below ? -6 : 15), "text-anchor": "end", class: "labkit-plot-word labkit-rc-said" }, `target ${short(target)}`));
  }
  if (against === "seconds") add(s("path", { d: `M${x(now).toFixed(1)} ${picture.top}V${picture.bottom}`, class: "labkit-rc-now" }));
  const kinds = new Set<string>();
  const many = race.runners.reduce((sum, runner) => sum + runner.happenings.length, 0) > MOST_MARKS;
  race.runners.forEach((runner, i) => {
    const line = knots(runner, name), colour = kind(i, theme).line, tip = head(runner, line, against, now);
    const points = line.map((knot): [number, number] => [x(place(runner, knot, against)), knot.value === null ? NaN : y(knot.value)]);
    const run = points.filter((_, k) => line[k]!.seconds <= now), more = run.length < points.length;
    const style = { fill: "none", stroke: colour, "stroke-width": 2.5, "stroke-linejoin": "round", "stroke-dasharray": dash(i).join(" ") || null };
    if (more) add(s("path", { ...style, d: path(points), opacity: 0.22, "stroke-width": 1.5 }));
    if (more && tip) run.push([x(tip[0]), y(tip[1])]);
    add(s("path", { ...style, d: path(run), class: "labkit-rc-curve" }));
    for (const [seconds, what] of runner.happenings) {
      if (seconds > now || many && what !== "died" && what !== "restored") continue;
      const spot = head(runner, line, against, seconds - 1e-9 * seconds);
      kinds.add(what);
      add(mark(what, spot ? x(spot[0]) : x(against === "seconds" ? seconds : 0), spot ? y(spot[1]) : picture.top + 6, colour));
    }
    if (tip && more) add(s("circle", { cx: x(tip[0]), cy: y(tip[1]), r: 4.5, fill: colour, class: "labkit-rc-tip" }));
  });
  for (const one of here) {
    if (one.place === null) continue;
    const runner = race.runners[one.runner]!, there = arrival(runner, name, target, below), colour = kind(one.runner, theme).line;
    const at: [number, number] = [x(runner[against][there]!), y(column(runner, name)[there]!)];
    add(s("circle", { cx: at[0], cy: at[1], r: 9, stroke: colour, class: "labkit-rc-there" }));
    add(s("text", { x: at[0], y: at[1] + 4, "text-anchor": "middle", class: "labkit-rc-rank" }, String(one.place)));
  }
  return { svg, kinds: [...kinds] };
}
