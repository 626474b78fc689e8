// From a graph and what is open in it to boxes and wires: open scopes are frames, laid out from the innermost outward.
//
// Frames are remembered per plan: opening a scope lays out that scope and those around it, nothing else.

import type { Graph } from "./columns.ts";
import { layFrame, routeKey, type Box, type Frame, type Link, type Spot } from "./frames.ts";
import { FIRST, LAST } from "./layers.ts";
import { PAIR, planOf, type Plan } from "./plan.ts";
import type { Item, Scene, ViewState, Wire } from "./types.ts";
import { gatherWires, type Hint, type Raw, type Ref, type Refs } from "./wiring.ts";
import { roughly, Words, type Measure } from "./words.ts";

/** What is seen: open scopes, and for each tree node the closed box that stands for it (-1: none). */
function look(plan: Plan, state: ViewState): { root: number; open: Uint8Array; face: Int32Array; frames: number[]; boxes: number } {
  const wanted = Math.max(0, plan.byId(state.root));
  const root = plan.at[wanted]! < 0 || plan.node[wanted]! >= 0 ? 0 : wanted;
  const open = new Uint8Array(plan.size), face = new Int32Array(plan.size).fill(-1), frames: number[] = [];
  for (const id of state.open) {
    const t = plan.byId(id);
    if (t >= 0 && plan.node[t]! < 0) open[t] = 1;
  }
  open[root] = 1;
  let boxes = 0;
  for (let k = plan.at[root]!; k < plan.last[root]!; k++) {
    const t = plan.order[k]!;
    const up = plan.parent[t]!;
    if (t !== root && face[up]! >= 0) face[t] = face[up]!;
    else if (open[t]) frames.push(t);
    else {
      face[t] = t;
      boxes++;
    }
  }
  return { root, open, face, frames, boxes };
}

/** How many boxes the scene has: what it costs. */
export function seen(graph: Graph, state: ViewState): number {
  const { boxes, frames } = look(planOf(graph, state), state);
  return boxes + frames.length;
}

/** The scene, at once. For large graphs see `arrange`. */
export function arrangeNow(graph: Graph, state: ViewState, measure: Measure = roughly): Scene {
  const plan = planOf(graph, state);
  const { root, open, face, frames } = look(plan, state);
  if (!plan.count[root]) return { items: [], wires: [], width: 0, height: 0 };
  const { raws, refs, hints } = gatherWires(plan, root, face);

  // Links of each frame.
  const links = new Map<number, Link[]>(frames.map(t => [t, []]));
  const known = new Set<string>();
  const parentOf = (p: number) => (p >= plan.size ? root : plan.parent[p]!);
  const link = (frame: number, made: Link) => {
    const key = `${frame} ${routeKey(made)}`;
    if (known.has(key)) return;
    known.add(key);
    links.get(frame)!.push(made);
  };
  for (const raw of raws) {
    let a = raw.p, b = raw.q;
    for (let f = parentOf(a); f !== raw.top; a = f, f = plan.parent[f]!) link(f, { from: a, to: -1, p: raw.p, q: -1 });
    for (let f = parentOf(b); f !== raw.top; b = f, f = plan.parent[f]!) link(f, { from: -1, to: b, p: -1, q: raw.q });
    link(raw.top, { from: a, to: b, p: raw.p, q: raw.q });
  }

  // Frames from the innermost outward.
  const inside = new Map<number, number[]>(frames.map(t => [t, []]));
  for (let k = plan.at[root]! + 1; k < plan.last[root]!; k++) {
    const t = plan.order[k]!;
    if (open[t] && face[t]! < 0 || face[t] === t) inside.get(plan.parent[t]!)!.push(t);
  }
  const memoKey = `frames ${state.horizontal}`;
  let memo = plan.memo.get(memoKey) as { measure: Measure; frames: Map<number, { frame: Frame; signature: string }> } | undefined;
  if (memo?.measure !== measure) plan.memo.set(memoKey, (memo = { measure, frames: new Map() }));
  const done = new Map<number, Frame>();
  const words = new Words(plan, measure);
  for (let k = frames.length - 1; k >= 0; k--) {
    const t = frames[k]!;
    const kids = inside.get(t)!;
    const signature = [...links.get(t)!.map(routeKey), ...kids.map(c => refs.get(c)?.key ?? c)].join();
    const old = t === root ? undefined : memo.frames.get(t);
    if (old?.signature === signature && kids.every((c, i) => old.frame.boxes[i]!.frame === (done.get(c) ?? null))) {
      done.set(t, old.frame);
      continue;
    }
    const parts: Box[] = kids.map(c => {
      const frame = done.get(c) ?? null;
      const beside = refs.get(c);
      const size = frame ?? words.size(c);
      const small = (ref: Ref) => words.reference(ref.hub);
      return { id: c, w: size.w, h: size.h, before: beside?.before.map(small) ?? [], after: beside?.after.map(small) ?? [], frame, pin: 0 };
    });
    if (t === root) {
      hints.forEach((hint, i) => parts.push({
        id: plan.size + i, ...words.reference(hint.outside), before: [], after: [], frame: null, pin: hint.enters ? FIRST : LAST,
      }));
    }
    const frame = layFrame(parts, links.get(t)!, state.horizontal, t ? Math.round(measure(words.label(t))) + 60 : 0, t === root);
    done.set(t, frame);
    if (t !== root) memo.frames.set(t, { frame, signature });
  }
  return draw(plan, root, state, done, raws, refs, hints, words);
}

function draw(
  plan: Plan, root: number, state: ViewState, frames: Map<number, Frame>, raws: Raw[],
  refs: Map<number, Refs>, hints: Hint[], words: Words,
): Scene {
  const items: Item[] = [], wires: Wire[] = [];
  const origin = new Map<number, [number, number]>(), spotOf = new Map<number, Spot>();
  const whole = frames.get(root)!;
  const { horizontal } = state;
  const idOf = (p: number) => (p < plan.size ? plan.id(p) : `hub:${plan.id(hints[p - plan.size]!.outside)}@${hints[p - plan.size]!.enters ? "in" : "out"}`);
  const reference = (hub: number, id: string, spot: Spot, parent: string | null, depth: number): Item => ({
    id, kind: "hub", label: words.far(hub), detail: words.detail(hub), node: plan.node[hub]!, nodes: plan.count[hub]!, repeat: 1,
    part: words.part(hub), parent, depth, open: false, x: spot.x, y: spot.y, w: spot.w, h: spot.h, target: plan.id(hub),
  });
  const base = plan.depth[root]! + 1;
  const stack: number[] = [root];
  origin.set(root, [0, 0]);
  while (stack.length) {
    const t = stack.pop()!;
    const spot = spotOf.get(t);
    const frame = frames.get(t);
    if (t !== root) {
      const up = plan.parent[t]!, parent = up === root ? null : plan.id(up), depth = plan.depth[t]! - base;
      items.push({
        id: plan.id(t), kind: plan.members[t] ? "series" : plan.node[t]! >= 0 ? "op" : "scope", label: words.label(t), detail: words.detail(t),
        node: plan.node[t]!, nodes: plan.count[t]!, repeat: plan.members[t] || 1, part: words.part(t), parent, depth, open: !!frame,
        x: spot!.x, y: spot!.y, w: spot!.w, h: spot!.h,
      });
    }
    if (!frame) continue;
    const [x, y] = origin.get(t)!;
    const kids: number[] = [];
    frame.boxes.forEach((box, k) => {
      const at = { ...frame.spots[k]!, x: frame.spots[k]!.x + x, y: frame.spots[k]!.y + y };
      spotOf.set(box.id, at);
      if (box.id >= plan.size) {
        items.push(reference(hints[box.id - plan.size]!.outside, idOf(box.id), at, null, 0));
        return;
      }
      if (box.frame) origin.set(box.id, [at.x, at.y]);
      kids.push(box.id);
    });
    for (let k = kids.length - 1; k >= 0; k--) stack.push(kids[k]!);
  }
  // References, each with its short wire.
  for (const [t, frame] of frames) {
    const [x, y] = origin.get(t)!;
    frame.boxes.forEach((box, k) => {
      const beside = refs.get(box.id);
      if (!beside) return;
      const user = spotOf.get(box.id)!, userId = idOf(box.id);
      for (const side of ["before", "after"] as const) {
        beside[side].forEach((ref, i) => {
          const near = frame.beside[k]![side][i]!;
          const spot = { ...near, x: near.x + x, y: near.y + y };
          const id = `hub:${plan.id(ref.hub)}@${userId}${side === "after" ? ">" : ""}`;
          items.push(reference(ref.hub, id, spot, t === root ? null : plan.id(t), plan.depth[t]! + 1 - base));
          const points = between(spot, user, horizontal, side === "before");
          wires.push(wire(plan, side === "before" ? id : userId, side === "before" ? userId : id, points, false, false, ref.edges,
            [(points[0]! + points[2]!) >> 1, (points[1]! + points[3]!) >> 1]));
        });
      }
    });
  }
  // Wires between the same two boxes (there and back, data and control) run beside one another.
  const lanes = new Map<number, number>(), lane = new Map<number, number>();
  for (const raw of raws) lanes.set(raw.p * 2 * PAIR + raw.q, (lanes.get(raw.p * 2 * PAIR + raw.q) ?? 0) + 1);
  for (const raw of raws) {
    const pair = raw.p * 2 * PAIR + raw.q, own = lane.get(pair) ?? 0;
    lane.set(pair, own + 1);
    const many = lanes.get(pair)! - 1;
    const aside = many ? Math.round(Math.min(12, 24 / many) * (own - many / 2)) : 0;
    const points: number[] = [];
    const parentOf = (p: number) => (p >= plan.size ? root : plan.parent[p]!);
    const add = (frame: number, link: Link): [number, number] => {
      const route = frames.get(frame)!.routes.get(routeKey(link))!;
      const [x, y] = origin.get(frame)!;
      for (let i = 0; i < route.points.length; i += 2) put(points, route.points[i]! + x, route.points[i + 1]! + y);
      return [route.label[0] + x, route.label[1] + y];
    };
    let a = raw.p;
    for (let f = parentOf(a); f !== raw.top; a = f, f = plan.parent[f]!) add(f, { from: a, to: -1, p: raw.p, q: -1 });
    const down: [number, number][] = [];
    let b = raw.q;
    for (let f = parentOf(b); f !== raw.top; b = f, f = plan.parent[f]!) down.push([f, b]);
    const label = add(raw.top, { from: a, to: b, p: raw.p, q: raw.q });
    for (const [f, to] of down.reverse()) add(f, { from: -1, to, p: -1, q: raw.q });
    for (let i = horizontal ? 1 : 0; i < points.length; i += 2) points[i]! += aside;
    label[horizontal ? 1 : 0] += aside;
    if (raw.back) reversePoints(points);
    const [from, to] = raw.back ? [raw.q, raw.p] : [raw.p, raw.q];
    wires.push(wire(plan, idOf(from), idOf(to), points, raw.control, raw.back, raw.edges, label));
  }
  return { items, wires, width: whole.w, height: whole.h };
}

function wire(plan: Plan, from: string, to: string, points: number[], control: boolean, back: boolean, edges: number[], label: [number, number]): Wire {
  const { graph } = plan;
  let type = control ? -1 : graph.edgeType(edges[0]!), bytes = 0;
  const seen = new Set<number>(); // a tensor that several ops read is counted once
  if (!control) {
    for (const e of edges) {
      const kind = graph.edgeType(e);
      if (kind !== type) type = -1;
      const tensor = graph.from[e]! * 4096 + graph.slot[e]!;
      if (seen.has(tensor)) continue;
      seen.add(tensor);
      bytes += graph.types[kind]!.bytes ?? 0;
    }
  }
  return { id: `${from}→${to}${control ? "!" : ""}`, from, to, points, control, back, edges, type, bytes, labelX: label[0], labelY: label[1] };
}

/** From a reference to the box beside it, or back. */
function between(ref: Spot, box: Spot, horizontal: boolean, before: boolean): number[] {
  const clamp = (x: number, low: number, high: number) => Math.max(low, Math.min(high, x));
  const points = horizontal
    ? [ref.x + (ref.w >> 1), before ? ref.y + ref.h : ref.y, clamp(ref.x + (ref.w >> 1), box.x + 4, box.x + box.w - 4), before ? box.y : box.y + box.h]
    : [before ? ref.x + ref.w : ref.x, ref.y + (ref.h >> 1), before ? box.x : box.x + box.w, clamp(ref.y + (ref.h >> 1), box.y + 4, box.y + box.h - 4)];
  if (!before) reversePoints(points);
  return points;
}

function reversePoints(points: number[]): void {
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
