// Draws the chart with a pen: the axis above, the names of the rows at the left, the bars, the critical path.
//
// Layout: each row has as many lanes as events ran on it at once. `tops` are where rows begin, without scrolling.

import { bars, fullness, type Window } from "./bars.ts";
import type { Events, Groups, Lane } from "./events.ts";
import { type Paint, paint } from "./palette.ts";
import type { Pen } from "./pens.ts";
import { axis, percent, seconds } from "./scale.ts";
import { shorten } from "../core/dom.ts";

export const AXIS = 26; // height of the time axis
const HEAD = 22; // of the name of a trace

/** Colours of the theme. */
export interface Ink {
  theme: "light" | "dark";
  paper: string;
  panel: string;
  ink: string;
  soft: string;
  rule: string;
  accent: string;
}

export interface Layout {
  tops: number[]; // of each row; one more for the end
  lane: number[]; // height of a lane of each row
  gutter: number; // width of the names
}

/** What is drawn, besides the events. */
export interface Look {
  window: Window; // its width is that of the bars
  groups: Groups;
  matching: Uint8Array | null;
  matches: Int32Array[] | null; // of each lane, how many of its first i events match
  critical: boolean;
  cursor: number; // the moment that a linked view looks at, or -1
  marked: Set<number>; // events that are selected
  focus: number; // the one that keys move, or -1
  links: [number, number][]; // from the makers of its inputs to it
  span: [number, number] | null; // the stretch that totals are about
  busy: number[]; // share of each row
  scroll: number;
  height: number; // of all that is drawn
}

/** Whether the name of a trace stands above a row: the first of each, where there are two. */
function headed(events: Events, row: number): boolean {
  const { rows, runs } = events.columns;
  return runs.length > 1 && rows[row]!.run !== rows[row - 1]?.run;
}

/** Rows one below the other; lanes get thin where there are many of them. */
export function layOut(events: Events, width: number): Layout {
  const { rows } = events.columns;
  const wide = rows.length <= 8 ? 24 : 18;
  const lane = rows.map(row => Math.max(4, Math.min(wide, Math.floor(160 / row.lanes))));
  const tops = [0];
  rows.forEach((row, i) => {
    if (headed(events, i)) tops[i]! += HEAD;
    tops.push(tops[i]! + Math.max(18, row.lanes * lane[i]!) + 6);
  });
  const longest = rows.reduce((most, row) => Math.max(most, row.label.length + (row.link ? 2 : 0)), 0);
  return { tops, lane, gutter: Math.round(Math.max(64, Math.min(width * 0.32, longest * 7 + 56))) };
}

export function draw(pen: Pen, events: Events, layout: Layout, look: Look, ink: Ink): void {
  const { gutter } = layout;
  const { window, height } = look;
  const width = gutter + window.width;
  pen.fill(0, 0, width, height, ink.paper);
  const marks = axis(window.from, window.to, window.width);
  const x = (at: number) => gutter + (at - window.from) / (window.to - window.from) * window.width;
  for (const mark of marks.marks) pen.line([x(mark.at), AXIS, x(mark.at), height], ink.rule, 1);
  pen.within(0, AXIS, width, height - AXIS, () => {
    drawRows(pen, events, layout, look, ink);
    pen.within(gutter, AXIS, window.width, height - AXIS, () => {
      const labels = drawBars(pen, events, layout, look, ink);
      if (look.critical) drawChain(pen, events, layout, look, ink, x);
      for (const label of labels) label();
      drawFocus(pen, events, layout, look, ink, x);
    });
  });
  pen.fill(0, 0, width, AXIS, ink.panel);
  pen.within(gutter - 30, 0, window.width + 30, AXIS, () => {
    for (const mark of marks.marks) {
      const anchor = x(mark.at) > width - 14 ? "end" : "middle";
      pen.text(Math.min(width - 2, x(mark.at)), 17, mark.label, ink.soft, { anchor });
    }
  });
  pen.fill(0, 0, gutter - 22, AXIS, ink.panel);
  pen.text(8, 17, shorten(`${marks.label} ${marks.unit}`.trim(), 20), ink.ink, { bold: true });
  pen.line([0, AXIS - 0.5, width, AXIS - 0.5], ink.soft, 1);
  if (look.cursor >= window.from && look.cursor <= window.to) {
    pen.line([x(look.cursor), 0, x(look.cursor), height], ink.paper, 4);
    pen.line([x(look.cursor), 0, x(look.cursor), height], ink.accent, 2);
  }
  if (look.span) drawSpan(pen, look.span, layout, look, ink, x);
}

function drawRows(pen: Pen, events: Events, layout: Layout, look: Look, ink: Ink): void {
  const { rows, runs } = events.columns;
  const width = layout.gutter + look.window.width;
  rows.forEach((row, i) => {
    const y = AXIS + layout.tops[i]! - look.scroll;
    const bottom = AXIS + layout.tops[i + 1]! - look.scroll;
    if (headed(events, i)) {
      pen.text(8, y - 7, shorten(runs[row.run]!, 40), ink.ink, { bold: true });
      if (i) pen.line([0, y - HEAD - 2, width, y - HEAD - 2], ink.soft, 1.5);
    }
    if (bottom < AXIS || y > look.height) return;
    pen.line([0, bottom - 2.5, width, bottom - 2.5], ink.rule, 1);
    const room = Math.floor((layout.gutter - 16) / 6.7);
    const used = percent(look.busy[i] ?? 0);
    const name = shorten(row.link ? `⇄ ${row.label}` : row.label, Math.max(4, room - 5));
    pen.text(8, y + 14, name, ink.ink);
    pen.text(layout.gutter - 8, y + 14, used, ink.soft, { anchor: "end" });
  });
}

/** Draws the bars; what it returns writes on those that have room for words. */
function drawBars(pen: Pen, events: Events, layout: Layout, look: Look, ink: Ink): (() => void)[] {
  const labels: (() => void)[] = [];
  const paints = new Map<number, Paint>();
  const faded: Paint = { colour: ink.rule, tile: 0, ink: ink.ink };
  events.lanes.forEach((lane, number) => {
    const tall = layout.lane[lane.row]!;
    const y = AXIS + layout.tops[lane.row]! + lane.lane * tall - look.scroll;
    if (y > look.height || y + tall < AXIS) return;
    const h = Math.max(2, tall - 2);
    bars(events, lane, look.window, (x0, x1, i, j) => {
      const event = shown(lane, number, look, i, j);
      const lit = !look.matching || look.matching[event] === 1;
      const group = look.groups.of[event]!;
      let colours = lit ? paints.get(group) : faded;
      if (!colours) paints.set(group, colours = paint(group, ink.theme));
      const x = layout.gutter + x0;
      if (j - i > 1) {
        const full = Math.max(0.25, fullness(lane, look.window, x0, x1, i, j));
        pen.fill(x, y + h * (1 - full), x1 - x0, h * full, colours.colour);
        return;
      }
      const w = Math.max(1, x1 - x0 - (x1 - x0 > 5 ? 1 : 0));
      pen.box(x, y, w, h, colours);
      if (w > 24 && h >= 14) {
        const hatched = look.critical && events.chain[event]! > 0;
        labels.push(() => label(pen, events, event, x, y, w, h, colours, hatched));
      }
    });
  });
  return labels;
}

/** Of events that share a pixel, one that the search found, else the first. */
function shown(lane: Lane, number: number, look: Look, i: number, j: number): number {
  const found = look.matches?.[number];
  if (found && found[j]! > found[i]!) {
    let at = i;
    while (!look.matching![lane.events[at]!]) at++;
    return lane.events[at]!;
  }
  return lane.events[i]!;
}

function label(
  pen: Pen, events: Events, event: number, x: number, y: number, w: number, h: number, colours: Paint, hatched: boolean,
): void {
  const left = Math.max(x, 0);
  const op = events.op(event);
  const name = events.name(event);
  const last = name.slice(name.lastIndexOf("/") + 1);
  const fits = (words: string) => words.length < 60 && pen.measure(words) < w - 8;
  const words = [last === op ? "" : `${op} ${last}`, op].find(some => some && fits(some)) ?? "";
  if (!words) return;
  if (colours.tile || hatched) pen.fill(left + 3, y + h / 2 - 7, pen.measure(words) + 4, 14, colours.colour); // no pattern behind words
  pen.text(left + 5, y + h / 2 + 4, words, colours.ink);
}

/** Where an event is drawn: x, y, width, height. */
export function boxOf(events: Events, layout: Layout, look: Look, event: number): [number, number, number, number] {
  const { window } = look;
  const scale = window.width / (window.to - window.from);
  const row = events.columns.row[event]!;
  const tall = layout.lane[row]!;
  const x0 = Math.max(-4, (events.start[event]! - window.from) * scale);
  const x1 = Math.min(window.width + 4, (events.end[event]! - window.from) * scale);
  const y = AXIS + layout.tops[row]! + events.columns.lane[event]! * tall - look.scroll;
  return [layout.gutter + x0, y, Math.max(1.5, x1 - x0), Math.max(2, tall - 2)];
}

/** The critical path: hatched and outlined bars, with a line from each to the next; a thin line where bars are narrow. */
function drawChain(pen: Pen, events: Events, layout: Layout, look: Look, ink: Ink, x: (at: number) => number): void {
  for (const path of events.columns.critical) {
    let before = -1;
    let last = -10; // right end of the last mark, so that a pixel is not marked twice
    for (const event of path.events) {
      const seen = events.end[event]! >= look.window.from && events.start[event]! <= look.window.to;
      if (seen) {
        const [left, y, w, h] = boxOf(events, layout, look, event);
        if (before >= 0 && x(events.end[event]!) > last + 1) {
          const [fromX, fromY, fromW, fromH] = boxOf(events, layout, look, before);
          if (Math.abs(fromY - y) > 1 || left - fromX - fromW > 4) {
            pen.line([fromX + fromW, fromY + fromH / 2, left, y + h / 2], ink.soft, 1);
          }
        }
        if (w >= 4) {
          pen.hatch(left, y, w, h, ink.ink);
          pen.frame(left, y, w, h, ink.ink, 2);
        } else if (left + w > last + 1) {
          pen.fill(left, y + h - 4, Math.max(2, w), 4, ink.ink);
        }
        last = Math.max(last, left + w);
      }
      before = event;
      if (events.start[event]! > look.window.to) break;
    }
  }
}

function drawFocus(pen: Pen, events: Events, layout: Layout, look: Look, ink: Ink, x: (at: number) => number): void {
  for (const event of look.marked) {
    if (event === look.focus) continue;
    const [left, y, w, h] = boxOf(events, layout, look, event);
    pen.frame(left - 2, y - 2, w + 4, h + 4, ink.accent, 2);
  }
  if (look.focus < 0) return;
  const [left, y, w, h] = boxOf(events, layout, look, look.focus);
  for (const [maker] of look.links) {
    const [fromX, fromY, fromW, fromH] = boxOf(events, layout, look, maker);
    pen.line([Math.min(fromX + fromW, x(events.end[maker]!)), fromY + fromH / 2, left, y + h / 2], ink.accent, 1.5);
  }
  pen.frame(left - 2, y - 2, w + 4, h + 4, ink.paper, 1);
  pen.frame(left - 3, y - 3, w + 6, h + 6, ink.accent, 2.5);
}

function drawSpan(
  pen: Pen, span: [number, number], layout: Layout, look: Look, ink: Ink, x: (at: number) => number,
): void {
  const right = layout.gutter + look.window.width;
  const [a, b] = [Math.max(layout.gutter, x(span[0])), Math.min(right, x(span[1]))];
  if (b < layout.gutter || a > right) return;
  for (const at of [a, b]) pen.line([at, 0, at, look.height], ink.accent, 2);
  const words = seconds(span[1] - span[0]);
  const w = pen.measure(words) + 10;
  const middle = Math.min(right - w, Math.max(layout.gutter, (a + b - w) / 2));
  pen.line([a, 4, b, 4], ink.accent, 3);
  pen.fill(middle, 1, w, 17, ink.paper);
  pen.text(middle + 5, 14, words, ink.accent, { bold: true });
}
