// Draws a moment: tiles, servers, what is on its way between them; and the last rounds of each worker as lanes.

import { type Doing, type Run } from "./film.ts";
import { along, type Layout, type Place, wayUp } from "./layout.ts";
import { inkOn, kind, type Theme } from "../core/colours.ts";

export interface Ink { theme: Theme; paper: string; panel: string; ink: string; soft: string; line: string; rule: string; accent: string; warn: string }

export const WORDS: Record<Doing, string> = {
  compute: "computes", wait: "waits", pull: "pulls", push: "pushes", late: "too late", down: "is down", idle: "is done",
};

/** What a worker does, in a word. */
export const doingWord = (doing: Doing, exchange: string) => doing === "push" && exchange !== "servers" ? "exchanges" : WORDS[doing];

/** Colour and pattern of what a worker does. */
export function look(doing: Doing, ink: Ink): { fill: string; hatch: boolean } {
  const of = (n: number, hatch = false) => ({ fill: kind(n, ink.theme).fill, hatch });
  if (doing === "compute") return of(0);
  if (doing === "pull") return of(2);
  if (doing === "push") return of(3);
  if (doing === "late") return of(4, true);
  if (doing === "down") return { fill: ink.warn, hatch: true };
  return { fill: ink.paper, hatch: doing === "wait" };
}

type Pen = CanvasRenderingContext2D;

function box(pen: Pen, x: number, y: number, w: number, h: number, doing: Doing, ink: Ink): void {
  const { fill, hatch } = look(doing, ink);
  pen.fillStyle = fill;
  pen.fillRect(x, y, w, h);
  if (!hatch || w < 3) return;
  pen.globalAlpha = doing === "wait" ? 0.7 : 0.55;
  pen.fillStyle = hatching(pen, doing === "wait" ? ink.line : inkOn(fill)) ?? fill;
  pen.fillRect(x, y, w, h);
  pen.globalAlpha = 1;
}

const patterns = new Map<string, CanvasPattern | null>();

/** Diagonal lines, as a pattern: thousands of boxes are filled with it in a frame. */
function hatching(pen: Pen, colour: string): CanvasPattern | null {
  if (!patterns.has(colour)) {
    const tile = new OffscreenCanvas(6, 6), on = tile.getContext("2d")!;
    on.strokeStyle = colour;
    on.stroke(new Path2D("M-1 7L7-1M-1 1L1-1M5 7L7 5"));
    patterns.set(colour, pen.createPattern(tile, "repeat"));
  }
  return patterns.get(colour)!;
}

export interface Look { time: number; chosen: number | null }

/** Whom a worker sends to in an all-reduce: in a ring the next, in a tree the one above, else the first of its machine. */
export function next(exchange: string, worker: number, workers: number, group: number): number {
  if (exchange === "ring") return (worker + 1) % workers;
  if (exchange === "tree") return worker ? (worker - 1) >> 1 : -1;
  const first = worker - (worker % group);
  return first !== worker ? first : first + group < workers ? first + group : 0;
}

/** From the edge of one tile to the edge of another. */
function link(from: Place, to: Place): [number, number][] {
  const ax = from.x + from.w / 2, ay = from.y + from.h / 2, bx = to.x + to.w / 2, by = to.y + to.h / 2;
  if (from.y === to.y) return [[ax < bx ? from.x + from.w : from.x, ay], [ax < bx ? to.x : to.x + to.w, by]];
  return [[ax, ay < by ? from.y + from.h : from.y], [bx, ay < by ? to.y : to.y + to.h]];
}

function trace(pen: Pen, points: [number, number][], colour: string, width: number, alpha: number): void {
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.globalAlpha = alpha;
  pen.beginPath();
  for (const point of points) pen.lineTo(...point);
  pen.stroke();
  pen.globalAlpha = 1;
}

export function paint(pen: Pen, run: Run, layout: Layout, at: Look, ink: Ink): void {
  pen.clearRect(0, 0, layout.width, layout.height);
  pen.font = "12px system-ui, sans-serif";
  pen.textBaseline = "middle";
  const states = layout.workers.map((_, worker) => run.state(worker, at.time));
  const { film } = run;
  // Ways first, what stands on them after.
  const dots: [x: number, y: number, Doing, left: number][] = [];
  const way = (points: [number, number][], share: number, doing: Doing, left = 1) => {
    trace(pen, points, look(doing, ink).fill, left < 1 ? 2 : 1.5, 0.75 * left);
    dots.push([...along(points, share), doing, left]);
  };
  if (!layout.mosaic && film.exchange === "servers") {
    const many = layout.workers.length * layout.servers.length > 120;
    states.forEach((state, worker) => layout.servers.forEach((server, n) => {
      if (many && n !== worker % layout.servers.length) return;
      const up = wayUp(layout, worker, [server.x + server.w * (0.1 + 0.8 * (worker + 0.5) / layout.workers.length), server.y + server.h]);
      for (const [doing, left] of run.glow(worker, at.time)) way(up, doing === "pull" ? 0 : doing === "late" ? 0.85 : 1, doing, 0.99 * left);
      if (state.doing === "push") way(up, state.share, "push");
      else if (state.doing === "pull") way(up, 1 - state.share, "pull");
      else if (state.doing === "late" && state.share >= 1) way(up, 0.85, "late");
    }));
  } else if (!layout.mosaic) {
    const n = layout.workers.length, ring = film.exchange === "ring";
    states.forEach((state, worker) => {
      const to = next(film.exchange, worker, n, film.group);
      if (to < 0 || n < 2 || to === worker || (ring && n === 2 && worker)) return;
      const between = link(layout.workers[worker]!, layout.workers[to]!);
      trace(pen, between, ink.line, 1, 0.6);
      const glow = run.glow(worker, at.time)[0];
      if (glow) way(between, 1, "push", 0.99 * glow[1]);
      if (state.doing !== "push") return;
      const back = !ring && state.share > 0.5, part = ring ? (state.share * 2 * (n - 1)) % 1 : (2 * state.share) % 1;
      way(between, back ? 1 - part : part, "push");
    });
  }
  layout.servers.forEach((server, n) => {
    const down = run.outage(`server ${n}`, at.time);
    pen.fillStyle = ink.panel;
    pen.fillRect(server.x, server.y, server.w, server.h);
    if (down) box(pen, server.x, server.y, server.w, server.h, "down", ink);
    frame(pen, server, at.chosen === -1 - n ? ink.accent : ink.line, at.chosen === -1 - n ? 3 : 1);
    const rest = n === layout.servers.length - 1 && film.servers > n + 1;
    const words = rest ? `… ${film.servers - 1}` : down ? (server.w > 90 ? `server ${n}: down` : `${n}: down`) : server.w > 70 ? `server ${n}` : String(n);
    write(pen, words, server.x + server.w / 2, server.y + server.h / 2, down ? inkOn(ink.warn) : ink.ink, "center");
  });
  states.forEach((state, worker) => {
    const tile = layout.workers[worker]!, chosen = at.chosen === worker;
    if (layout.mosaic) {
      box(pen, tile.x, tile.y, tile.w, tile.h, state.doing, ink);
      frame(pen, tile, chosen ? ink.accent : ink.rule, chosen ? 3 : 1);
      return;
    }
    pen.fillStyle = ink.paper;
    pen.fillRect(tile.x, tile.y, tile.w, tile.h);
    const bar = tile.h > 40 ? 10 : 6;
    const share = state.doing === "wait" || state.doing === "down" || state.doing === "late" ? 1 : state.doing === "idle" ? 0 : state.share;
    pen.fillStyle = ink.panel;
    pen.fillRect(tile.x + 6, tile.y + tile.h - bar - 6, tile.w - 12, bar);
    box(pen, tile.x + 6, tile.y + tile.h - bar - 6, (tile.w - 12) * share, bar, state.doing, ink);
    if (state.doing === "wait") frame(pen, { x: tile.x + 6, y: tile.y + tile.h - bar - 6, w: tile.w - 12, h: bar }, ink.rule, 1);
    frame(pen, tile, chosen ? ink.accent : state.doing === "down" ? ink.warn : ink.line, chosen ? 3 : state.doing === "down" ? 2 : 1);
    const y = tile.y + (tile.h - bar - 6) / 2 + 1;
    const words = doingWord(state.doing, film.exchange), name = `worker ${worker}`;
    const wide = (text: string) => pen.measureText(text).width, fits = wide(name) + wide("computes") + 26 < tile.w;
    write(pen, fits ? name : String(worker), tile.x + 8, y, ink.ink, "left");
    if (fits || wide(String(worker)) + wide(words) + 24 < tile.w) write(pen, words, tile.x + tile.w - 8, y, state.doing === "down" ? ink.warn : ink.soft, "right");
    if (state.doing === "down") cross(pen, tile, ink.warn);
  });
  for (const [x, y, doing, left] of dots) {
    pen.globalAlpha = left;
    pen.beginPath();
    pen.arc(x, y, 5, 0, 2 * Math.PI);
    pen.fillStyle = look(doing, ink).fill;
    pen.fill();
    pen.strokeStyle = ink.ink;
    pen.lineWidth = 1;
    pen.stroke();
    pen.globalAlpha = 1;
  }
}

function frame(pen: Pen, { x, y, w, h }: Place, colour: string, width: number): void {
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.strokeRect(x + 0.5, y + 0.5, w - 1, h - 1);
}

function cross(pen: Pen, { x, y, w, h }: Place, colour: string): void {
  pen.strokeStyle = colour;
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.moveTo(x, y);
  pen.lineTo(x + w, y + h);
  pen.moveTo(x + w, y);
  pen.lineTo(x, y + h);
  pen.globalAlpha = 0.5;
  pen.stroke();
  pen.globalAlpha = 1;
}

function write(pen: Pen, words: string, x: number, y: number, colour: string, align: CanvasTextAlign): void {
  pen.textAlign = align;
  pen.fillStyle = colour;
  pen.fillText(words, x, y);
}

/** The lanes: what each worker did in the last rounds, and, paler, what comes. */
export function lanes(pen: Pen, run: Run, at: Look, width: number, rows: number, high: number, span: number, ink: Ink): void {
  const left = rows > 30 ? 28 : 64, room = width - left - 10;
  const from = Math.max(0, Math.min(at.time - span * 0.75, run.film.until - span)), to = from + span;
  const x = (time: number) => left + (time - from) / span * room;
  pen.clearRect(0, 0, width, rows * high + 24);
  pen.font = "11px system-ui, sans-serif";
  pen.textBaseline = "middle";
  for (let row = 0; row < rows; row++) {
    const y = row * high + 2;
    if (high > 9 || row % 5 === 0) write(pen, rows > 30 ? String(row) : `worker ${row}`, left - 6, y + high / 2 - 1, at.chosen === row ? ink.accent : ink.soft, "right");
    for (const [start, end, doing] of run.pieces(row, from, to)) {
      box(pen, x(start), y, Math.max(1, x(end) - x(start) - 0.5), high - 3, doing, ink);
    }
    pen.strokeStyle = ink.rule;
    pen.lineWidth = 1;
    pen.strokeRect(left + 0.5, y + 0.5, room, high - 3);
  }
  const now = x(at.time);
  pen.globalAlpha = 0.5;
  pen.fillStyle = ink.paper;
  if (now < left + room) pen.fillRect(now, 0, left + room - now, rows * high);
  pen.globalAlpha = 1;
  pen.fillStyle = ink.ink;
  pen.fillRect(Math.round(now), 0, 2, rows * high);
}
