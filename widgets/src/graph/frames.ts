// One open scope as a frame: its boxes and what enters and leaves it, laid out on their own. Open scopes inside it were
// laid out before and are boxes here. A wire that crosses the frame's border does so at a port; all wires that enter for
// the same box share one.

import { layered, FIRST, LAST, type Placed, type Task } from "./layered.ts";

export const PAD = 16; // inside a frame's border
export const HEAD = 30; // the frame's label
const NEAR = 16; // between a box and the references beside it
const STACK = 4; // between references

export interface Size {
  w: number;
  h: number;
}

/** A box of a frame. References to hubs stand beside it: `before` what it reads, `after` what reads it. */
export interface Box extends Size {
  id: number; // the tree node; hints of what lies outside have numbers beyond
  before: Size[];
  after: Size[];
  frame: Frame | null; // if it is open
  pin: number;
}

/** Between two boxes of the frame, or from or to its border (-1). `p` and `q` name the visible boxes at the wire's ends. */
export interface Link {
  from: number;
  to: number;
  p: number;
  q: number;
}

export interface Spot extends Size {
  x: number;
  y: number;
}

export interface Cluster extends Size {
  core: Spot; // the box itself
  before: Spot[];
  after: Spot[];
}

/** Everything relative to the frame's left upper corner. */
export interface Frame extends Size {
  boxes: Box[];
  spots: Spot[]; // of boxes
  beside: { before: Spot[]; after: Spot[] }[];
  routes: Map<string, { points: number[]; label: [number, number] }>; // by routeKey
  ins: Map<number, number>; // where it is entered for a visible box: from the frame's centre, across the flow
  outs: Map<number, number>;
}

export function routeKey(link: Link): string {
  return `${link.from < 0 ? "" : link.p}>${link.to < 0 ? "" : link.q}`;
}

export function layFrame(boxes: Box[], links: Link[], horizontal: boolean, label: number, bare: boolean): Frame {
  const { clusters, task } = taskOf(boxes, links, horizontal);
  return framed(boxes, clusters, links, layered(task), horizontal, label, bare);
}

/** What is to be laid out: boxes with what stands beside them, and a port for each box that a wire enters or leaves for. */
export function taskOf(boxes: Box[], links: Link[], horizontal: boolean): { clusters: Cluster[]; task: Task } {
  const index = new Map(boxes.map((box, k) => [box.id, k]));
  const clusters = boxes.map(box => cluster(box, horizontal));
  const task: Task = {
    width: clusters.map(c => (horizontal ? c.h : c.w)),
    height: clusters.map(c => (horizontal ? c.w : c.h)),
    mid: clusters.map(c => (horizontal ? c.core.y + (c.core.h >> 1) - (c.h >> 1) : c.core.x + (c.core.w >> 1) - (c.w >> 1))),
    core: clusters.map(c => (horizontal ? c.core.w : c.core.h)),
    pin: boxes.map(box => box.pin),
    from: [] as number[], to: [] as number[], fromAt: [] as number[], toAt: [] as number[], room: horizontal ? 60 : 44,
  };
  const ports = new Map<string, number>();
  const port = (key: string, pin: number): number => {
    let found = ports.get(key);
    if (found === undefined) {
      found = task.width.length;
      ports.set(key, found);
      task.width.push(0); task.height.push(0); task.mid.push(0); task.core.push(0); task.pin.push(pin);
    }
    return found;
  };
  for (const link of links) {
    const from = link.from < 0 ? port(`in${link.q}`, FIRST) : index.get(link.from)!;
    const to = link.to < 0 ? port(`out${link.p}`, LAST) : index.get(link.to)!;
    task.from.push(from);
    task.to.push(to);
    task.fromAt.push(boxes[from]?.frame?.outs.get(link.p) ?? NaN);
    task.toAt.push(boxes[to]?.frame?.ins.get(link.q) ?? NaN);
  }
  return { clusters, task };
}

/** The frame around what was placed. */
export function framed(
  boxes: Box[], clusters: Cluster[], links: Link[], placed: Placed, horizontal: boolean, label: number, bare: boolean,
): Frame {
  const inner = horizontal ? { w: placed.height, h: placed.width } : { w: placed.width, h: placed.height };
  const pad = bare ? 0 : PAD, head = bare ? 0 : HEAD;
  const w = even(Math.max(inner.w + 2 * pad, bare ? 0 : label)), h = even(inner.h + head + pad);
  const dx = (w - inner.w) >> 1, dy = head;
  const frame: Frame = { w, h, boxes, spots: [], beside: [], routes: new Map(), ins: new Map(), outs: new Map() };
  boxes.forEach((_, k) => {
    const x = dx + (horizontal ? placed.y[k]! : placed.x[k]!), y = dy + (horizontal ? placed.x[k]! : placed.y[k]!);
    const move = (spot: Spot): Spot => ({ ...spot, x: spot.x + x, y: spot.y + y });
    const c = clusters[k]!;
    frame.spots.push(move(c.core));
    frame.beside.push({ before: c.before.map(move), after: c.after.map(move) });
  });
  links.forEach((link, k) => {
    const route = placed.routes[k]!;
    const points: number[] = [];
    for (let i = 0; i < route.length; i += 2) {
      points.push(dx + route[i + (horizontal ? 1 : 0)]!, dy + route[i + (horizontal ? 0 : 1)]!);
    }
    const last = points.length;
    if (link.from < 0) {
      const across = points[horizontal ? 1 : 0]!;
      points.unshift(...(horizontal ? [0, across] : [across, 0]));
      frame.ins.set(link.q, across - ((horizontal ? h : w) >> 1));
    }
    if (link.to < 0) {
      const across = points[last - (horizontal ? 1 : 2)]!;
      points.push(...(horizontal ? [w, across] : [across, h]));
      frame.outs.set(link.p, across - ((horizontal ? h : w) >> 1));
    }
    const at: [number, number] = [dx + placed.labels[2 * k + (horizontal ? 1 : 0)]!, dy + placed.labels[2 * k + (horizontal ? 0 : 1)]!];
    frame.routes.set(routeKey(link), { points, label: at });
  });
  return frame;
}

function even(x: number): number {
  return x + (x & 1);
}

/** A box with its references: a column beside it where data flows down, a row above or below it where it flows to the right. */
function cluster(box: Box, horizontal: boolean): Cluster {
  const along = (s: Size) => (horizontal ? s.w : s.h), across = (s: Size) => (horizontal ? s.h : s.w);
  const length = (sizes: Size[]) => sizes.reduce((sum, s) => sum + along(s) + STACK, -STACK);
  const depth = (sizes: Size[]) => (sizes.length ? Math.max(...sizes.map(across)) + NEAR : 0);
  const lead = depth(box.before), trail = depth(box.after);
  const long = even(Math.max(along(box), length(box.before), length(box.after))), deep = even(lead + across(box) + trail);
  const spot = (size: Size, at: number, from: number): Spot =>
    horizontal ? { x: at, y: from, w: size.w, h: size.h } : { x: from, y: at, w: size.w, h: size.h };
  const spread = (sizes: Size[], after: boolean): Spot[] => {
    let at = (long - length(sizes)) >> 1;
    return sizes.map(size => {
      const placed = spot(size, at, after ? lead + across(box) + NEAR : lead - NEAR - across(size));
      at += along(size) + STACK;
      return placed;
    });
  };
  return {
    ...(horizontal ? { w: long, h: deep } : { w: deep, h: long }),
    core: spot(box, (long - along(box)) >> 1, lead), before: spread(box.before, false), after: spread(box.after, true),
  };
}
