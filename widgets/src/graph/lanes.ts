// Devices as lanes: each is a frame across the whole picture, one below the other, and data flows to the right through all
// of them at once. So what stands above one another may run at the same time, and every way from lane to lane crosses a
// border that one can see.
//
// Where a tensor crosses, a Send stands at the border that it leaves by and a Recv at the one that it enters by, in the next
// column: the wire between the two runs between columns, and passes behind no box. All lanes share one set of columns;
// within them each lane is laid out by itself, as every scope is.

import { across, draw, rows } from "./connected.ts";
import { framed, PAD, routeKey, taskOf, type Box, type Frame, type Link } from "./frames.ts";
import { assign } from "./layers.ts";
import type { Task } from "./layered.ts";

const APART = 30; // between lanes
const TAB = 24; // a Send or Recv is so high
const STACK = 6; // between tabs
const ROOM = 22; // between columns

/** One device: the tree node of its frame, its boxes, and the wires between them and over its border (-1). */
export interface Lane {
  id: number;
  boxes: Box[];
  links: Link[];
  label: number; // how wide the frame is at least
}

/** What the op of a box is, if it is a Send or a Recv. */
export type Tab = (box: number) => "send" | "recv" | null;

/** The frames of all lanes, and of what is around them (`root`). `over` are the wires from lane to lane. */
export function layLanes(root: number, lanes: Lane[], over: Link[], tab: Tab): Map<number, Frame> {
  const boxes = lanes.map(lane => lane.boxes.map(box => (tab(box.id) ? { ...box, h: TAB } : box)));
  const inner = lanes.map(lane => lane.links.filter(link => link.from >= 0 && link.to >= 0));
  const tasks = lanes.map((_, i) => {
    const { clusters, task } = taskOf(boxes[i]!, inner[i]!, true);
    return { clusters, task: { ...task, room: ROOM } };
  });
  const first: number[] = [], laneOf = new Map<number, number>(), number = new Map<number, number>();
  let n = 0;
  lanes.forEach((lane, i) => {
    first.push(n);
    for (const box of lane.boxes) {
      laneOf.set(box.id, i);
      number.set(box.id, n++);
    }
  });
  const layer = columnsOf(n, inner.flat(), over, number, tab);

  // Boxes first; the tabs then go to rows of their own, at the border that faces the other lane.
  const down = new Map<number, boolean>();
  for (const { p, q } of over) {
    down.set(p, laneOf.get(q)! > laneOf.get(p)!);
    down.set(q, laneOf.get(p)! > laneOf.get(q)!);
  }
  const spreads = tasks.map(({ task }, i) => {
    const isTab = boxes[i]!.map(box => down.has(box.id));
    const thin: Task = { ...task, width: task.width.map((w, k) => (isTab[k] ? 0 : w)), mid: task.mid.map((m, k) => (isTab[k] ? 0 : m)) };
    const own = layer.slice(first[i], first[i]! + boxes[i]!.length);
    const spread = across(thin, own);
    toBorders(spread.x, own, task.width, k => (isTab[k] ? down.get(boxes[i]![k]!.id)! : null));
    return spread;
  });
  const shared = rows(tasks.map(({ task }) => task), spreads, 28);
  const label = Math.max(...lanes.map(lane => lane.label));
  const frames = new Map<number, Frame>();
  lanes.forEach((lane, i) => {
    const { clusters, task } = tasks[i]!;
    frames.set(lane.id, framed(boxes[i]!, clusters, inner[i]!, draw(task, spreads[i]!, shared), true, label, false));
  });
  frames.set(root, around(lanes, frames, over, laneOf, shared));
  return frames;
}

/** For each box the column that it stands in: right of all that it needs, a Recv next to its Send. */
function columnsOf(n: number, inner: Link[], over: Link[], number: Map<number, number>, tab: Tab): Int32Array {
  const from = [...inner.map(link => number.get(link.from)!), ...over.map(link => number.get(link.p)!)];
  const to = [...inner.map(link => number.get(link.to)!), ...over.map(link => number.get(link.q)!)];
  const layer = assign(n, from, to, new Int32Array(n));
  for (const { p, q } of over) if (tab(p) === "send") layer[number.get(q)!] = layer[number.get(p)!]! + 1;
  return layer;
}

/** Moves tabs beyond all else: above it (null stays) or below. */
function toBorders(x: Int32Array, layer: Int32Array, width: number[], below: (k: number) => boolean | null): void {
  let low = Infinity, high = -Infinity;
  x.forEach((centre, v) => {
    if (v < layer.length && below(v) !== null) return;
    const half = v < layer.length ? width[v]! / 2 : 4;
    low = Math.min(low, centre - half);
    high = Math.max(high, centre + half);
  });
  if (low > high) [low, high] = [0, 0];
  const used = new Map<string, number>();
  for (let v = 0; v < layer.length; v++) {
    const down = below(v);
    if (down === null) continue;
    const key = `${layer[v]} ${down}`, at = used.get(key) ?? 0;
    used.set(key, at + 1);
    const far = PAD / 2 + TAB / 2 + at * (TAB + STACK);
    x[v] = Math.round(down ? high + far : low - far);
  }
}

/** The lanes below one another, and the wires between them. */
function around(lanes: Lane[], frames: Map<number, Frame>, over: Link[], laneOf: Map<number, number>, shared: { top: Int32Array; bottom: Int32Array }): Frame {
  const made: Frame = { w: 0, h: 0, boxes: [], spots: [], beside: [], routes: new Map(), ins: new Map(), outs: new Map() };
  lanes.forEach((lane, i) => {
    const frame = frames.get(lane.id)!;
    made.boxes.push({ id: lane.id, w: frame.w, h: frame.h, before: [], after: [], frame, pin: 0 });
    made.spots.push({ x: 0, y: i ? made.h + APART : 0, w: frame.w, h: frame.h });
    made.beside.push({ before: [], after: [] });
    made.h = made.spots[i]!.y + frame.h;
    made.w = Math.max(made.w, frame.w);
  });
  const spotOf = (box: number) => {
    const frame = frames.get(lanes[laneOf.get(box)!]!.id)!;
    return frame.spots[frame.boxes.findIndex(other => other.id === box)]!;
  };
  for (const link of over) {
    const a = laneOf.get(link.p)!, b = laneOf.get(link.q)!;
    const from = spotOf(link.p), to = spotOf(link.q);
    const x0 = from.x + from.w, y0 = from.y + (from.h >> 1), x1 = to.x, y1 = to.y + (to.h >> 1);
    const start = y0 + made.spots[a]!.y, end = y1 + made.spots[b]!.y;
    // A wire over several columns (it closes a loop) runs between the lanes.
    const far = x1 - x0 > 2 * (shared.top[1]! - shared.bottom[0]!) + 60;
    const between = b > a ? made.spots[b]!.y - APART / 2 : made.spots[b]!.y + made.spots[b]!.h + APART / 2;
    const points = far ? [x0, start, x0 + 20, start, x0 + 20, between, x1 - 20, between, x1 - 20, end, x1, end] : [x0, start, x1, end];
    made.routes.set(routeKey({ ...link, from: 0, to: 0 }), { points, label: [(x0 + x1) >> 1, far ? between : (start + end) >> 1] });
    frames.get(lanes[a]!.id)!.routes.set(`${link.p}>`, { points: [x0, y0], label: [x0, y0] });
    frames.get(lanes[b]!.id)!.routes.set(`>${link.q}`, { points: [x1, y1], label: [x1, y1] });
  }
  return made;
}
