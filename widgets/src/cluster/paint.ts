// Draws a cluster on a canvas: links by what they can carry, over them what they carry now; machines, devices, switches;
// messages on their way. Words keep their size at every distance, and are left out where they have no room.

import { along, onScreen, pieces, type Scene } from "./scene.ts";
import type { Run } from "./run.ts";
import { amount, GRAPH, type Role, type Theme } from "../core/colours.ts";
import type { Camera } from "../graph/camera.ts";
import { percent, short } from "../trace/scale.ts";

export interface Look {
  camera: Camera;
  width: number;
  height: number;
  node: number; // in focus, or -1
  link: number;
  noted: boolean; // whether notes stand beside the picture
  hover: { node: number; link: number };
  run: Run | null;
  time: number;
  marks: boolean; // whether messages are seen to move
  route: number[][]; // the way, and others as short
  told: number[][]; // ways of the messages that are selected
  ends: number[]; // nodes
  deadNodes: Set<number>;
  deadLinks: Set<number>;
}

export interface Ink {
  theme: Theme;
  paper: string;
  panel: string;
  ink: string;
  soft: string;
  line: string;
  rule: string;
  accent: string;
  warn: string;
}

const ROLES: Record<string, Role> = { host: "input", device: "scope", switch: "state" };
const FONT = "12px system-ui, sans-serif";
export const NOTED = 760; // pixels: from this width on there is room for notes
const MOST_WORDS = 40;
const widths = new Map<string, number>();

export function paint(pen: CanvasRenderingContext2D, scene: Scene, look: Look, ink: Ink): void {
  const { camera, width, height, run, time } = look;
  const k = camera.k;
  pen.font = FONT;
  pen.lineJoin = pen.lineCap = "round";
  pen.fillStyle = ink.paper;
  pen.fillRect(0, 0, width, height);
  for (const box of scene.cards) {
    round(pen, camera, box, 5);
    pen.fillStyle = ink.panel;
    pen.fill();
    stroke(pen, ink.rule, 1);
  }
  const fastest = Math.max(1, ...scene.links.map(link => link.rate));
  const thick = (link: number) => Math.max(1, Math.min(6, 5 * Math.sqrt(scene.links[link]!.rate / fastest)) * Math.max(0.35, Math.min(1, k)));
  const loads = run?.loads(time) ?? new Map<number, number>();
  drawLinks(pen, scene, look, ink, thick, loads.size > 0);
  for (const way of look.route.slice(1).reverse()) trace(pen, scene, camera, way, ink.accent, 1.5, [5, 5]);
  if (look.route[0]) trace(pen, scene, camera, look.route[0], ink.accent, 4);
  for (const way of look.told) trace(pen, scene, camera, way, ink.accent, 6);
  const words: Word[] = [];
  for (const [direction, load] of [...loads].sort((a, b) => share(scene, ...a) - share(scene, ...b))) {
    const full = share(scene, direction, load);
    const wide = Math.max(2, thick(direction >> 1) * 0.7);
    const lines = pieces(scene, [direction]);
    for (const line of lines) {
      path(pen, camera, line, wide * 0.55 + 0.5);
      stroke(pen, loadColour(full, ink.theme), wide);
    }
    words.push({ lines, text: loads.size <= 12 ? `${short(load, "B/s")}, ${percent(full)}` : percent(full) });
  }
  for (const link of [look.link, look.hover.link]) {
    if (link < 0) continue;
    for (const line of scene.links[link]!.lines) { path(pen, camera, line); stroke(pen, ink.accent, 3); }
  }
  if (run && look.marks) drawMarks(pen, scene, look, run, ink);
  scene.nodes.forEach((_, number) => drawNode(pen, scene, number, look, ink));
  drawWords(pen, scene, words.reverse().slice(0, 2 * MOST_WORDS), look, ink);
  pen.textAlign = "start";
  pen.fillStyle = ink.soft;
  for (const [x, y, lines] of look.noted ? scene.notes : []) {
    const [left, top] = onScreen(camera, x, y);
    lines.forEach((text, i) => pen.fillText(text, left, top + 4 + 15 * (i - (lines.length - 1) / 2)));
  }
  for (const number of look.ends) ring(pen, scene, number, look, ink.accent, [3, 3]);
  if (look.hover.node >= 0) ring(pen, scene, look.hover.node, look, ink.soft);
  if (look.node >= 0) ring(pen, scene, look.node, look, ink.accent);
}

/** The colour of a link that is so full: 0 to 1. */
export function loadColour(full: number, theme: Theme): string {
  return amount(0.4 + 0.6 * full, theme).line;
}

/** How much of what a link can carry a load is: 0 to 1. */
export function share(scene: Scene, direction: number, load: number): number {
  return Math.min(1, load / scene.links[direction >> 1]!.rate);
}

function drawLinks(
  pen: CanvasRenderingContext2D, scene: Scene, look: Look, ink: Ink, thick: (link: number) => number, faint: boolean,
): void {
  const byWidth = new Map<number, number[]>();
  scene.links.forEach((_, number) => {
    if (look.deadLinks.has(number)) return;
    const wide = Math.round(thick(number) * 2) / 2;
    byWidth.set(wide, [...byWidth.get(wide) ?? [], number]);
  });
  const dashed = scene.form === "grid";
  for (const [wide, numbers] of byWidth) {
    for (const broken of [false, true]) { // what closes a torus is dashed
      pen.beginPath();
      for (const number of numbers) {
        const { lines } = scene.links[number]!;
        if ((dashed && lines.length > 1) === broken) for (const line of lines) add(pen, look.camera, line);
      }
      pen.setLineDash(broken ? [4, 3] : []);
      stroke(pen, faint ? ink.rule : ink.line, wide);
    }
  }
  pen.setLineDash([3, 5]);
  pen.beginPath();
  for (const number of look.deadLinks) for (const line of scene.links[number]!.lines) add(pen, look.camera, line);
  stroke(pen, ink.warn, 1.5);
  pen.setLineDash([]);
}

function drawNode(pen: CanvasRenderingContext2D, scene: Scene, number: number, look: Look, ink: Ink): void {
  const node = scene.nodes[number]!;
  const { camera, run, time } = look;
  const [x, y] = onScreen(camera, node.box[0], node.box[1]);
  const [w, h] = [node.box[2] * camera.k, node.box[3] * camera.k];
  if (x > look.width || y > look.height || x + w < 0 || y + h < 0) return;
  const dead = look.deadNodes.has(number);
  const [fill, line, plain] = GRAPH[ink.theme][ROLES[node.look]!];
  const event = run && !dead ? run.computing(number, time) : -1;
  const runs = event >= 0;
  round(pen, camera, node.box, 4);
  pen.fillStyle = dead ? ink.paper : runs ? line : fill;
  pen.fill();
  pen.setLineDash(dead ? [3, 3] : []);
  stroke(pen, line, node.open ? 3 : 1.5);
  pen.setLineDash([]);
  const held = run ? run.held(number, time) : NaN;
  if (held >= 0 && h > 17 && !dead) {
    const full = Math.min(1, held / (node.memory || 1));
    const tall = Math.max(2, Math.min(5, h / 6));
    pen.fillStyle = ink.soft;
    pen.globalAlpha = 0.3;
    pen.fillRect(x + 2, y + h - tall - 2, w - 4, tall);
    pen.globalAlpha = 1;
    pen.fillStyle = full > 0.95 ? ink.warn : GRAPH[ink.theme].state[1];
    pen.fillRect(x + 2, y + h - tall - 2, Math.max(1, (w - 4) * full), tall);
  }
  if (dead) {
    pen.beginPath();
    pen.moveTo(x, y); pen.lineTo(x + w, y + h);
    pen.moveTo(x + w, y); pen.lineTo(x, y + h);
    stroke(pen, ink.warn, 2);
  }
  if (h < 12) return;
  const op = runs ? run!.busy.get(number)!.op[event]! : "";
  const two = op && h > 32;
  const label = [...op && !two ? [op] : [], ...node.labels].find(words => measure(pen, words) <= w - 2);
  pen.textAlign = "center";
  pen.fillStyle = runs ? ink.paper : dead ? ink.ink : plain;
  const lift = held >= 0 && h > 20 ? 2 : 0;
  if (label) pen.fillText(label, x + w / 2, y + h / 2 + 4 - lift - (two ? 7 : 0));
  if (two && measure(pen, op) <= w - 4) pen.fillText(op, x + w / 2, y + h / 2 + 11 - lift);
}

function drawMarks(pen: CanvasRenderingContext2D, scene: Scene, look: Look, run: Run, ink: Ink): void {
  const { start, end, path: way } = run.data.flows;
  pen.beginPath();
  for (const flow of run.underWay(look.time)) {
    const done = (look.time - start[flow]!) / (end[flow]! - start[flow]!);
    const point = along(pieces(scene, run.data.ways[way[flow]!]!), done);
    if (!point) continue;
    const [x, y] = onScreen(look.camera, ...point);
    const radius = 2.5 + 2 * Math.min(1, look.camera.k);
    pen.moveTo(x + radius, y);
    pen.arc(x, y, radius, 0, 7);
  }
  stroke(pen, ink.paper, 3);
  pen.fillStyle = ink.accent;
  pen.fill();
}

interface Word {
  lines: number[][];
  text: string;
}

/** Loads in words, the largest first: at a place of their link where neither a node nor another word stands, or nowhere. */
function drawWords(pen: CanvasRenderingContext2D, scene: Scene, words: Word[], look: Look, ink: Ink): void {
  const taken: [x: number, y: number, w: number, h: number][] = scene.nodes.map(({ box: [x, y, w, h] }) =>
    [...onScreen(look.camera, x, y), w * look.camera.k, h * look.camera.k]);
  pen.textAlign = "center";
  let written = 0;
  for (const { lines, text } of words) {
    const wide = measure(pen, text) + 3;
    for (const at of [0.4, 0.55, 0.7, 0.25, 0.85]) {
      const [x, y] = onScreen(look.camera, ...along(lines, at)!);
      const box = [x - wide / 2 + 2, y - 6, wide - 4, 12] as [number, number, number, number];
      if (y < 8 || x < wide / 2 || x > look.width - wide / 2 || y > look.height - 8 || taken.some(other => overlap(box, other))) continue;
      taken.push(box);
      pen.fillStyle = ink.paper;
      pen.globalAlpha = 0.88;
      pen.fillRect(x - wide / 2, y - 7, wide, 14);
      pen.globalAlpha = 1;
      pen.fillStyle = ink.ink;
      pen.fillText(text, x, y + 4);
      written++;
      break;
    }
    if (written >= MOST_WORDS) return;
  }
}

function overlap(one: number[], other: number[]): boolean {
  return one[0]! < other[0]! + other[2]! && other[0]! < one[0]! + one[2]! && one[1]! < other[1]! + other[3]! && other[1]! < one[1]! + one[3]!;
}

function ring(pen: CanvasRenderingContext2D, scene: Scene, number: number, look: Look, colour: string, dash: number[] = []): void {
  const [x, y, w, h] = scene.nodes[number]!.box;
  const gap = 3 / look.camera.k;
  round(pen, look.camera, [x - gap, y - gap, w + 2 * gap, h + 2 * gap], 6);
  pen.setLineDash(dash);
  stroke(pen, colour, 2.5);
  pen.setLineDash([]);
}

function trace(pen: CanvasRenderingContext2D, scene: Scene, camera: Camera, way: number[], colour: string, wide: number, dash: number[] = []): void {
  pen.setLineDash(dash);
  pen.beginPath();
  for (const line of pieces(scene, way)) add(pen, camera, line);
  stroke(pen, colour, wide);
  pen.setLineDash([]);
}

function path(pen: CanvasRenderingContext2D, camera: Camera, line: number[], aside = 0): void {
  pen.beginPath();
  add(pen, camera, line, aside);
}

/** Adds a line to the path, `aside` pixels to the right of where it goes: two directions lie side by side. */
function add(pen: CanvasRenderingContext2D, camera: Camera, line: number[], aside = 0): void {
  const far = Math.hypot(line.at(-2)! - line[0]!, line.at(-1)! - line[1]!) || 1;
  const [dx, dy] = [-(line.at(-1)! - line[1]!) / far * aside, (line.at(-2)! - line[0]!) / far * aside];
  for (let i = 0; i < line.length; i += 2) {
    const [x, y] = onScreen(camera, line[i]!, line[i + 1]!);
    if (i) pen.lineTo(x + dx, y + dy);
    else pen.moveTo(x + dx, y + dy);
  }
}

function round(pen: CanvasRenderingContext2D, camera: Camera, [x, y, w, h]: readonly number[], radius: number): void {
  pen.beginPath();
  pen.roundRect(...onScreen(camera, x!, y!), w! * camera.k, h! * camera.k, Math.min(radius, 8 * camera.k));
}

function stroke(pen: CanvasRenderingContext2D, colour: string, wide: number): void {
  pen.strokeStyle = colour;
  pen.lineWidth = wide;
  pen.stroke();
}

function measure(pen: CanvasRenderingContext2D, words: string): number {
  if (words.length > 60) return Infinity;
  let wide = widths.get(words);
  if (wide === undefined) {
    if (widths.size > 3000) widths.clear();
    widths.set(words, wide = pen.measureText(words).width);
  }
  return wide;
}
