// From frames, each laid out on its own, to one scene: everything gets its place in the whole, wires are joined of pieces.

import { routeKey, type Frame, type Spot } from "./frames.ts";
import { PAIR, type Plan } from "./plan.ts";
import type { Item, Scene, Wire } from "./types.ts";
import { wayOf, type Raw, type Wiring } from "./wiring.ts";
import type { Words } from "./words.ts";

type Point = [x: number, y: number];

export class Drawing {
  private items: Item[] = [];
  private wires: Wire[] = [];
  private origin = new Map<number, Point>(); // of frames
  private spots = new Map<number, Spot>(); // of boxes
  private plan: Plan;
  private root: number;
  private horizontal: boolean;
  private frames: Map<number, Frame>;
  private wiring: Wiring;
  private words: Words;

  constructor(plan: Plan, root: number, horizontal: boolean, frames: Map<number, Frame>, wiring: Wiring, words: Words) {
    this.plan = plan;
    this.root = root;
    this.horizontal = horizontal;
    this.frames = frames;
    this.wiring = wiring;
    this.words = words;
  }

  scene(): Scene {
    this.boxes();
    for (const [t, frame] of this.frames) this.references(t, frame);
    this.joinWires();
    const { w, h } = this.frames.get(this.root)!;
    return { items: this.items, wires: this.wires, width: w, height: h };
  }

  /** Frames before what stands in them. */
  private boxes(): void {
    const { plan, root } = this;
    const stack = [root];
    this.origin.set(root, [0, 0]);
    while (stack.length) {
      const t = stack.pop()!, frame = this.frames.get(t);
      if (t !== root) this.items.push(this.item(t, !!frame));
      if (!frame) continue;
      const kids: number[] = [];
      frame.boxes.forEach((box, k) => {
        const spot = this.place(t, frame.spots[k]!);
        this.spots.set(box.id, spot);
        if (box.id >= plan.size) return this.items.push(this.reference(this.wiring.hints[box.id - plan.size]!.outside, this.id(box.id), spot, t));
        if (box.frame) this.origin.set(box.id, [spot.x, spot.y]);
        return kids.push(box.id);
      });
      stack.push(...kids.reverse());
    }
  }

  /** Small boxes beside those that use a hub, each with its short wire. */
  private references(t: number, frame: Frame): void {
    frame.boxes.forEach((box, k) => {
      const beside = this.wiring.refs.get(box.id);
      if (!beside) return;
      const user = this.id(box.id);
      for (const side of ["before", "after"] as const) {
        const before = side === "before";
        beside[side].forEach((ref, i) => {
          const spot = this.place(t, frame.beside[k]![side][i]!);
          const id = `hub:${this.plan.id(ref.hub)}@${user}${before ? "" : ">"}`;
          this.items.push(this.reference(ref.hub, id, spot, t));
          const points = between(spot, this.spots.get(box.id)!, this.horizontal, before);
          const [x0, y0, x1, y1] = points as [number, number, number, number];
          this.wire(before ? id : user, before ? user : id, points, [(x0 + x1) >> 1, (y0 + y1) >> 1], { control: false, back: false, edges: ref.edges });
        });
      }
    });
  }

  private joinWires(): void {
    // Wires between the same two boxes (there and back, data and control) run beside one another.
    const lanes = new Map<number, number>(), used = new Map<number, number>();
    const { raws } = this.wiring, across = this.horizontal ? 1 : 0;
    const pairOf = (raw: Raw) => raw.p * 2 * PAIR + raw.q;
    for (const raw of raws) lanes.set(pairOf(raw), (lanes.get(pairOf(raw)) ?? 0) + 1);
    for (const raw of raws) {
      const lane = used.get(pairOf(raw)) ?? 0, gaps = lanes.get(pairOf(raw))! - 1;
      used.set(pairOf(raw), lane + 1);
      const aside = gaps ? Math.round(Math.min(12, 24 / gaps) * (lane - gaps / 2)) : 0;
      const points: number[] = [];
      let label: Point = [0, 0];
      for (const { frame, link } of wayOf(this.plan, this.root, raw)) {
        const route = this.frames.get(frame)!.routes.get(routeKey(link))!;
        const [x, y] = this.origin.get(frame)!;
        for (let i = 0; i < route.points.length; i += 2) put(points, route.points[i]! + x, route.points[i + 1]! + y);
        if (frame === raw.top) label = [route.label[0] + x, route.label[1] + y];
      }
      for (let i = across; i < points.length; i += 2) points[i]! += aside;
      label[across]! += aside;
      if (raw.back) reverse(points);
      const from = this.id(raw.p), to = this.id(raw.q);
      this.wire(raw.back ? to : from, raw.back ? from : to, points, label, raw);
    }
  }

  private wire(from: string, to: string, points: number[], [labelX, labelY]: Point, { control, back, edges }: Pick<Raw, "control" | "back" | "edges">): void {
    const { graph } = this.plan;
    const kinds = new Set<number>(), tensors = new Set<number>(); // a tensor that several ops read is counted once
    let bytes = 0;
    for (const e of control ? [] : edges) {
      kinds.add(graph.edgeType(e));
      const tensor = graph.from[e]! * 4096 + graph.slot[e]!;
      if (tensors.has(tensor)) continue;
      tensors.add(tensor);
      bytes += graph.types[graph.edgeType(e)]!.bytes ?? 0;
    }
    const type = kinds.size === 1 ? [...kinds][0]! : -1;
    this.wires.push({ id: `${from}→${to}${control ? "!" : ""}`, from, to, points, control, back, edges, type, bytes, labelX, labelY });
  }

  private item(t: number, open: boolean): Item {
    const { plan, words } = this;
    return {
      ...this.home(plan.parent[t]!), ...this.spots.get(t)!, id: plan.id(t), kind: plan.members[t] ? "series" : plan.node[t]! >= 0 ? "op" : "scope",
      label: words.label(t), detail: words.detail(t), node: plan.node[t]!, nodes: plan.count[t]!, repeat: plan.members[t] || 1, part: words.part(t), open,
    };
  }

  private reference(hub: number, id: string, spot: Spot, frame: number): Item {
    return { ...this.item(hub, false), ...this.home(frame), ...spot, id, kind: "hub", label: this.words.far(hub), repeat: 1, target: this.plan.id(hub) };
  }

  private home(frame: number): { parent: string | null; depth: number } {
    const { plan, root } = this;
    return { parent: frame === root ? null : plan.id(frame), depth: plan.depth[frame]! - plan.depth[root]! };
  }

  private id(p: number): string {
    if (p < this.plan.size) return this.plan.id(p);
    const { outside, enters } = this.wiring.hints[p - this.plan.size]!;
    return `hub:${this.plan.id(outside)}@${enters ? "in" : "out"}`;
  }

  private place(frame: number, { x, y, w, h }: Spot): Spot {
    const [left, top] = this.origin.get(frame)!;
    return { x: x + left, y: y + top, w, h };
  }
}

/** From a reference to the box beside it, or back. */
function between(ref: Spot, box: Spot, horizontal: boolean, before: boolean): number[] {
  const clamp = (x: number, low: number, high: number) => Math.max(low, Math.min(high, x));
  const points = horizontal
    ? [ref.x + (ref.w >> 1), before ? ref.y + ref.h : ref.y, clamp(ref.x + (ref.w >> 1), box.x + 4, box.x + box.w - 4), before ? box.y : box.y + box.h]
    : [before ? ref.x + ref.w : ref.x, ref.y + (ref.h >> 1), before ? box.x : box.x + box.w, clamp(ref.y + (ref.h >> 1), box.y + 4, box.y + box.h - 4)];
  if (!before) reverse(points);
  return points;
}

function reverse(points: number[]): void {
  points.reverse();
  for (let i = 0; i < points.length; i += 2) [points[i], points[i + 1]] = [points[i + 1]!, points[i]!];
}

/** Adds a point, unless it says nothing new. */
function put(points: number[], x: number, y: number): void {
  const k = points.length;
  if (k >= 2 && points[k - 2] === x && points[k - 1] === y) return;
  if (k >= 4 && ((points[k - 2] === x && points[k - 4] === x) || (points[k - 1] === y && points[k - 3] === y))) {
    points[k - 2] = x;
    points[k - 1] = y;
    return;
  }
  points.push(x, y);
}
