// Draws runs with a pen, one block for each: the stages' bars over time, transfers as lines between the rows, and below
// what each stage keeps. All blocks share the time axis and the scale of what is kept.

import { heldAt, label, lastStarted, most, NAMES, type Run, type RunColumns, type Spot } from "./run.ts";
import { inkOn, kind, mix, type Theme } from "../core/colours.ts";
import { shorten } from "../core/dom.ts";
import type { Paint } from "../trace/palette.ts";
import type { Pen } from "../trace/pens.ts";
import { axis, seconds, short } from "../trace/scale.ts";

export const AXIS = 26;
const TITLE = 28, CAPTION = 20, BETWEEN = 12;

export interface Ink {
  theme: Theme;
  paper: string;
  panel: string;
  ink: string;
  soft: string;
  rule: string;
  accent: string;
}

export interface Look {
  from: number; // the stretch of time that is shown, in ticks
  to: number;
  width: number; // of the whole picture
  time: number; // the moment that is looked at, in ticks; 0 for none
  chosen: Spot | null;
}

export interface Block {
  top: number; // of its title
  rows: number[]; // tops of the stages
  kept: number[]; // tops of the curves
  end: number;
}

export interface Layout {
  gutter: number;
  row: number;
  gap: number; // between stages, for transfers
  curve: number;
  blocks: Block[];
  height: number;
}

export function layOut(run: Run, width: number): Layout {
  const { names, runs } = run.data, p = names.length;
  const row = p > 24 ? 14 : p > 10 ? 20 : 28, curve = p > 24 ? 10 : p > 10 ? 16 : 24;
  const gap = runs.some(({ sends }) => sends.kind) ? Math.max(6, row / 2) : 4;
  const longest = names.reduce((most, name) => Math.max(most, name.length), 0);
  const gutter = Math.round(Math.max(78, Math.min(width * 0.25, longest * 7 + 22)));
  const blocks: Block[] = [];
  let y = AXIS;
  for (const { schedule } of runs) {
    const top = y, first = y + TITLE + (gap > 4 ? gap : 0);
    const rows = names.map((_, s) => first + s * (row + gap));
    y = rows.at(-1)! + row + gap + (gap > 4 ? 2 : 4);
    const kept = schedule ? names.map((_, s) => y + CAPTION + s * (curve + 2)) : [];
    y = kept.at(-1)! + curve + BETWEEN;
    blocks.push({ top, rows, kept, end: y });
  }
  return { gutter, row, gap, curve, blocks, height: y };
}

/** The bars' colours: forward plain, backward striped; later chunks paler. */
export function paints(theme: Theme, paper: string, chunks: number): Record<string, Paint[]> {
  const made = (n: number, tile: number) => Array.from({ length: chunks }, (_, c): Paint => {
    const colour = mix(kind(n, theme).line, paper, chunks > 1 ? 0.6 * c / (chunks - 1) : 0);
    return { colour, tile, ink: inkOn(colour) };
  });
  return { F: made(0, 0), B: made(1, 1) };
}

export function draw(pen: Pen, run: Run, layout: Layout, look: Look, ink: Ink): void {
  const { gutter, height } = layout, { width } = look, inner = width - gutter - 6, { tick } = run.data;
  const x = (at: number) => gutter + (at - look.from) / (look.to - look.from) * inner;
  pen.fill(0, 0, width, height, ink.paper);
  const marks = axis(look.from * tick, look.to * tick, inner);
  const scale = Math.max(1, ...run.data.runs.flatMap(one => one.stages.map((stage, s) => most(stage) / one.chunks * run.data.kept[s]!)));
  run.data.runs.forEach((one, number) => {
    const block = layout.blocks[number]!;
    if (number) pen.line([0, block.top, width, block.top], ink.soft, 1);
    pen.within(gutter, block.top, inner + 6, block.end - block.top, () => {
      for (const mark of marks.marks) pen.line([x(mark.at / tick), block.top + TITLE, x(mark.at / tick), block.end - BETWEEN + 2], ink.rule, 1);
    });
    const last = x(one.stages.reduce((latest, { end }) => Math.max(latest, end.at(-1) ?? 0), 0));
    pen.text(8, block.top + 19, `${name(one)}: ${seconds(one.seconds)}, bubble ${share(one.bubble)}`, ink.ink, { bold: true });
    rows(pen, run, one, number, block, layout, look, ink, x, last);
    sends(pen, one, block, layout, look, ink, x);
    curves(pen, run, one, block, layout, look, ink, x, last, scale);
  });
  pen.fill(0, 0, width, AXIS, ink.panel);
  pen.text(8, 17, shorten(`${marks.label} ${marks.unit}`.trim(), 12), ink.ink, { bold: true });
  for (const mark of marks.marks) {
    pen.text(Math.min(width - 2, x(mark.at / tick)), 17, mark.label, ink.soft, { anchor: x(mark.at / tick) > width - 14 ? "end" : "middle" });
  }
  pen.line([0, AXIS - 0.5, width, AXIS - 0.5], ink.soft, 1);
  if (look.time > 0 && look.time >= look.from && look.time <= look.to) {
    pen.line([x(look.time), 0, x(look.time), height], ink.paper, 4);
    pen.line([x(look.time), 0, x(look.time), height], ink.accent, 2);
  }
}

/** A share as percent, to a tenth: what is compared with a formula is not rounded away. */
export const share = (value: number): string => `${(100 * value).toFixed(1)}%`;

export const name = (run: RunColumns): string => NAMES[run.schedule] + (run.chunks > 1 ? `, ${run.chunks} chunks` : "");

function rows(
  pen: Pen, run: Run, one: RunColumns, number: number, block: Block, layout: Layout, look: Look, ink: Ink, x: (at: number) => number, last: number,
): void {
  const colours = paints(ink.theme, ink.paper, one.chunks), { gutter, row } = layout, inner = look.width - gutter;
  const { chosen } = look, digits = String(run.data.microbatches - 1).length;
  const followed = chosen?.run === number ? one.stages[chosen.stage]!.microbatch[chosen.piece] : undefined;
  one.stages.forEach((stage, s) => {
    const y = block.rows[s]!;
    pen.text(8, y + row / 2 + 4, shorten(run.name(s), Math.floor((gutter - 14) / 6.8)), ink.ink);
    pen.within(gutter, y - 2, inner, row + 4, () => {
      pen.fill(x(0), y, last - x(0), row, ink.panel);
      pen.hatch(x(0), y, last - x(0), row, ink.rule); // idle, where no bar covers it
      pen.frame(x(0), y, last - x(0), row, ink.rule, 1);
      for (let i = Math.max(0, lastStarted(stage, look.from)); i < stage.start.length && stage.start[i]! <= look.to; i++) {
        const left = x(stage.start[i]!), w = Math.max(1, x(stage.end[i]!) - left - (x(stage.end[i]!) - left > 4 ? 1 : 0));
        const paint = colours[stage.kind[i]!]![stage.chunk[i]!]!;
        const pale = (look.time > 0 && stage.start[i]! >= look.time) || (followed !== undefined && stage.microbatch[i] !== followed);
        const tone = pale ? mix(paint.colour, ink.paper, 0.72) : paint.colour;
        const shown = pale ? { ...paint, colour: tone, ink: inkOn(tone) } : paint;
        pen.box(left, y, w, row, shown);
        words(pen, label(one, s, i), digits, left, y, w, row, shown);
        if (chosen?.run === number && chosen.stage === s && chosen.piece === i) pen.frame(left - 2, y - 2, w + 4, row + 4, ink.ink, 2.5);
      }
    });
  });
}

/** What a bar says, as far as there is room: F3, or 3; by the longest number, so that not only the first have one. */
function words(pen: Pen, text: string, digits: number, x: number, y: number, w: number, h: number, paint: Paint): void {
  const longest = text[0] + "0".repeat(digits) + text.replace(/^.\d+/, "");
  const fits = [text, text.slice(1)].find((_, cut) => pen.measure(longest.slice(cut)) < w - 3);
  if (!fits || h < 13) return;
  const wide = pen.measure(fits), left = x + (w - wide) / 2;
  if (paint.tile) pen.fill(left - 2, y + h / 2 - 7, wide + 4, 14, paint.colour); // no stripes behind words
  pen.text(left, y + h / 2 + 4, fits, paint.ink);
}

/** Transfers: down from a stage to the next, up for gradients; around to the first or the last, beside the rows. */
function sends(pen: Pen, one: RunColumns, block: Block, layout: Layout, look: Look, ink: Ink, x: (at: number) => number): void {
  const { sends } = one, { row, gutter } = layout, colour = kind(2, ink.theme).line, p = block.rows.length;
  if (!sends.kind) return;
  pen.within(gutter, block.top + TITLE - 2, look.width - gutter, block.kept[0]! - block.top - TITLE, () => {
    for (let i = 0; i < sends.kind.length; i++) {
      const [start, end] = [sends.start[i]!, sends.end[i]!];
      if (end < look.from || start > look.to) continue;
      const tone = look.time > 0 && start >= look.time ? mix(colour, ink.paper, 0.72) : colour;
      const [from, to] = [sends.from[i]!, sends.to[i]!], [left, right] = [x(start), Math.max(x(start) + 1, x(end))];
      if (Math.abs(from - to) > 1 || p === 2 && (sends.kind[i] === "F") !== (from < to)) { // around
        const y = from > to ? block.rows[p - 1]! + row + 3 : block.rows[0]! - layout.gap / 2 - 1;
        pen.fill(left, y, right - left, 4, tone);
      } else {
        const [above, below] = [block.rows[Math.min(from, to)]! + row + 1, block.rows[Math.max(from, to)]! - 1];
        pen.line(from < to ? [left, above, right, below] : [left, below, right, above], tone, 2);
      }
    }
  });
}

function curves(
  pen: Pen, run: Run, one: RunColumns, block: Block, layout: Layout, look: Look, ink: Ink, x: (at: number) => number, last: number, scale: number,
): void {
  const { gutter, curve } = layout, { fill: colour } = kind(5, ink.theme), { counts, kept } = run.data;
  pen.text(8, block.kept[0]! - 6, counts ? "activations kept, in microbatches" : "activations kept for the backward pass", ink.soft);
  one.stages.forEach((stage, s) => {
    const floor = block.kept[s]! + curve, unit = kept[s]! / one.chunks * curve / scale;
    pen.text(8, floor - curve / 2 + 4, shorten(run.name(s), Math.floor((gutter - 14) / 6.8)), ink.soft);
    pen.within(gutter, block.kept[s]! - 1, look.width - gutter, curve + 2, () => {
      const shade = mix(colour, ink.paper, 0.45), top: number[] = [];
      stage.at.forEach((at, i) => {
        const left = Math.round(x(at)), next = Math.round(i + 1 < stage.at.length ? x(stage.at[i + 1]!) : last), high = stage.held[i]! * unit;
        pen.fill(left, floor - high, next - left, high, shade);
        top.push(left, floor - high, next, floor - high);
      });
      if (top.length) pen.line(top, kind(0, ink.theme).line, 1.3);
      pen.line([gutter, floor, look.width, floor], ink.rule, 1);
      const held = look.time > 0 ? heldAt(stage, look.time) : most(stage), amount = held / one.chunks;
      const text = `${look.time > 0 ? "" : "most "}${counts ? Number(amount.toFixed(2)) : short(amount * kept[s]!, "B")}`;
      const wide = pen.measure(text) + 8;
      pen.fill(look.width - wide - 4, floor - curve / 2 - 7, wide, 14, ink.paper);
      pen.text(look.width - 8, floor - curve / 2 + 4, text, ink.ink, { anchor: "end" });
    });
  });
}

/** The piece under a point; null for none. */
export function under(run: Run, layout: Layout, look: Look, px: number, py: number): Spot | null {
  const at = look.from + (px - layout.gutter) / (look.width - layout.gutter - 6) * (look.to - look.from);
  for (const [number, block] of layout.blocks.entries()) {
    const stage = block.rows.findIndex(top => py >= top && py < top + layout.row);
    if (stage < 0 || px < layout.gutter) continue;
    const columns = run.data.runs[number]!.stages[stage]!, piece = lastStarted(columns, at);
    return piece >= 0 && at < columns.end[piece]! ? { run: number, stage, piece } : null;
  }
  return null;
}
