// A cluster as the kernel sends it (cluster_scene.py), and the geometry of it: what lies under a point, where the arrow
// keys lead, a point on the way of a message. No DOM in here.

import type { Box, Camera } from "../graph/camera.ts";

export interface Node {
  name: string;
  role: "host" | "device" | "switch" | "group";
  look: "host" | "device" | "switch";
  labels: string[]; // from long to short
  brief: string;
  box: [x: number, y: number, w: number, h: number];
  kind: number; // of device, or -1
  host: string;
  memory: number; // bytes
  also?: string; // the host whose processor this is
  // Of a part of a large Clos network:
  facts?: [string, string][];
  parent?: number[];
  number?: number;
  open?: boolean;
  opens?: boolean;
  kills?: string;
}

export interface Link {
  ends: [number, number];
  names: [string, string];
  rate: number; // bytes/s of each direction
  lines: number[][]; // pieces of x, y, x, y, ... from the first end to the second
  wire: number;
  cables: number;
  words?: string;
}

export interface About {
  title: string;
  facts: [string, string][];
}

export interface Scene {
  title: string;
  form: string;
  nodes: Node[];
  links: Link[];
  kinds: About[];
  wires: About[];
  cards: [number, number, number, number][];
  notes: [x: number, y: number, lines: string[]][]; // beside rows, if there is room
}

/** All that is drawn. */
export function around(scene: Scene, noted: boolean): Box {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  const see = (x: number, y: number) => {
    left = Math.min(left, x); right = Math.max(right, x); top = Math.min(top, y); bottom = Math.max(bottom, y);
  };
  for (const { box: [x, y, w, h] } of scene.nodes) { see(x, y); see(x + w, y + h); }
  for (const { lines } of scene.links) for (const line of lines) for (let i = 0; i < line.length; i += 2) see(line[i]!, line[i + 1]!);
  if (noted) for (const [x, y] of scene.notes) see(x, y);
  return { x: left, y: top, w: Math.max(1, right - left), h: Math.max(1, bottom - top) };
}

/** The node or link under a point of the scene, nodes first; links within `reach`. */
export function under(scene: Scene, x: number, y: number, reach: number): { node: number; link: number } {
  const node = scene.nodes.findLastIndex(({ box: [left, top, w, h] }) => x >= left && x <= left + w && y >= top && y <= top + h);
  let link = -1;
  if (node < 0) {
    let least = reach;
    scene.links.forEach(({ lines }, number) => {
      for (const line of lines) {
        for (let i = 0; i + 3 < line.length; i += 2) {
          const far = distance(x, y, line[i]!, line[i + 1]!, line[i + 2]!, line[i + 3]!);
          if (far < least) [least, link] = [far, number];
        }
      }
    });
  }
  return { node, link };
}

function distance(x: number, y: number, x0: number, y0: number, x1: number, y1: number): number {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const t = Math.max(0, Math.min(1, ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(x - x0 - t * dx, y - y0 - t * dy);
}

const STEPS: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** The node that an arrow key leads to: the nearest ahead, counting what lies sideways twice; -1 if there is none. */
export function beside(scene: Scene, from: number, key: string): number {
  const step = STEPS[key];
  if (!step) return -1;
  const here = scene.nodes[from];
  if (!here) return scene.nodes.length ? 0 : -1;
  const [x, y] = middle(here);
  let best = -1;
  let least = Infinity;
  scene.nodes.forEach((node, i) => {
    const [dx, dy] = [middle(node)[0] - x, middle(node)[1] - y];
    const ahead = dx * step[0] + dy * step[1];
    const aside = Math.abs(dx * step[1]) + Math.abs(dy * step[0]);
    const far = ahead + 2 * aside + (aside > 2 * ahead ? 1e6 : 0);
    if (ahead > 2 && far < least) [best, least] = [i, far];
  });
  return best;
}

export function middle({ box: [x, y, w, h] }: Node): [number, number] {
  return [x + w / 2, y + h / 2];
}

/** The ways of a message as points: those of each direction of a link on it, in the order that it crosses them. */
export function pieces(scene: Scene, way: number[]): number[][] {
  let found = drawn.get(way);
  if (!found) drawn.set(way, found = follow(scene, way));
  return found;
}

const drawn = new WeakMap<number[], number[][]>(); // of each way, as long as it is kept

function follow(scene: Scene, way: number[]): number[][] {
  return way.flatMap(direction => {
    const lines = scene.links[direction >> 1]!.lines;
    return direction % 2 ? lines.map(backwards).reverse() : lines;
  });
}

function backwards(line: number[]): number[] {
  const made: number[] = [];
  for (let i = line.length - 2; i >= 0; i -= 2) made.push(line[i]!, line[i + 1]!);
  return made;
}

/** The point that lies `share` of the way along some pieces. */
export function along(lines: number[][], share: number): [number, number] | null {
  const lengths = lines.map(line => {
    let sum = 0;
    for (let i = 0; i + 3 < line.length; i += 2) sum += Math.hypot(line[i + 2]! - line[i]!, line[i + 3]! - line[i + 1]!);
    return sum;
  });
  let left = share * lengths.reduce((sum, x) => sum + x, 0);
  for (const [number, line] of lines.entries()) {
    if (left > lengths[number]! && number < lines.length - 1) { left -= lengths[number]!; continue; }
    for (let i = 0; i + 3 < line.length; i += 2) {
      const step = Math.hypot(line[i + 2]! - line[i]!, line[i + 3]! - line[i + 1]!);
      if (left <= step || i + 5 >= line.length) {
        const t = step ? Math.min(1, left / step) : 0;
        return [line[i]! + t * (line[i + 2]! - line[i]!), line[i + 1]! + t * (line[i + 3]! - line[i + 1]!)];
      }
      left -= step;
    }
  }
  return null;
}

export const onScreen = (camera: Camera, x: number, y: number): [number, number] => [x * camera.k + camera.x, y * camera.k + camera.y];
