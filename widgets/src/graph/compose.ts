// From a graph and what is open in it to boxes and wires: open scopes are frames, laid out from the innermost outward.
//
// Frames are remembered per plan: opening a scope lays out that scope and those around it, nothing else.

import type { Graph } from "./columns.ts";
import { backEdges } from "./cycles.ts";
import { Drawing } from "./draw.ts";
import { layFrame, routeKey, type Box, type Frame, type Link, type Size } from "./frames.ts";
import { layLanes } from "./lanes.ts";
import { FIRST, LAST } from "./layers.ts";
import { count } from "./looks.ts";
import { planOf, type Plan } from "./plan.ts";
import type { Scene, ViewState } from "./types.ts";
import { gatherWires, wayOf, type Raw, type Ref, type Refs } from "./wiring.ts";
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
  if (state.lanes) plan.parent.forEach((up, t) => { if (!up && plan.node[t]! < 0) open[t] = 1; });
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
  const wiring = gatherWires(plan, root, face), { raws, refs, hints } = wiring;

  if (state.lanes) straightened(plan, raws);
  const links = linksOf(plan, root, frames, raws);
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
  const words = new Words(plan, measure, state.lanes && 20);
  const lanes = state.lanes ? inside.get(root)! : [];
  for (let k = frames.length - 1; k >= 0; k--) {
    const t = frames[k]!;
    if (state.lanes && (t === root || plan.parent[t] === root)) continue;
    const kids = inside.get(t)!;
    const signature = [...links.get(t)!.map(routeKey), ...kids.map(c => refs.get(c)?.key ?? c)].join();
    const old = t === root ? undefined : memo.frames.get(t);
    if (old?.signature === signature && kids.every((c, i) => old.frame.boxes[i]!.frame === (done.get(c) ?? null))) {
      done.set(t, old.frame);
      continue;
    }
    const parts = kids.map(c => boxOf(c, done.get(c) ?? null, refs.get(c), words));
    if (t === root) hints.forEach((hint, i) => parts.push({ ...bare(plan.size + i, words.reference(hint.outside)), pin: hint.enters ? FIRST : LAST }));
    const frame = layFrame(parts, links.get(t)!, state.horizontal, t ? Math.round(measure(words.label(t))) + 60 : 0, t === root);
    done.set(t, frame);
    if (t !== root) memo.frames.set(t, { frame, signature });
  }
  if (state.lanes) {
    const order = new Map(state.lanes.map((label, i) => [label, i]));
    const place = (t: number) => order.get(plan.label(t)) ?? order.size;
    const kinds: Record<string, "send" | "recv"> = { _Send: "send", _Recv: "recv" };
    const tabOf = (node: number) => (node < 0 ? null : kinds[graph.opType(node)] ?? null);
    const made = layLanes(root, lanes.sort((a, b) => place(a) - place(b)).map(t => ({
      id: t, boxes: inside.get(t)!.map(c => boxOf(c, done.get(c) ?? null, refs.get(c), words)), links: links.get(t)!,
      label: Math.round(measure(words.label(t))) + 60,
    })), links.get(root)!, t => tabOf(plan.node[t]!));
    for (const [t, frame] of made) done.set(t, frame);
    const scene = new Drawing(plan, root, state.horizontal, done, wiring, words).scene();
    for (const item of scene.items.filter(({ parent }) => parent === null)) {
      item.nodes = scene.items.reduce((left, { parent, node }) => left - Number(parent === item.id && tabOf(node) !== null), item.nodes);
      item.detail = count(item.nodes, "op");
    }
    return scene;
  }
  return new Drawing(plan, root, state.horizontal, done, wiring, words).scene();
}

/** Turns wires round until no way leads in a circle through the boxes of all lanes: a scope may need what it gave away. */
function straightened(plan: Plan, raws: Raw[]): void {
  const lane = (t: number) => {
    while (plan.parent[plan.parent[t]!]! > 0) t = plan.parent[t]!;
    return t;
  };
  const boxes = [...new Set(raws.flatMap(({ p, q }) => [lane(p), lane(q)]))].sort((a, b) => plan.sample[a]! - plan.sample[b]!);
  const number = new Map(boxes.map((t, i) => [t, i]));
  const wires = raws.filter(({ p, q }) => lane(p) !== lane(q));
  backEdges(boxes.length, wires.map(({ p }) => number.get(lane(p))!), wires.map(({ q }) => number.get(lane(q))!)).forEach((turned, i) => {
    const wire = wires[i]!;
    if (turned) [wire.p, wire.q, wire.back] = [wire.q, wire.p, !wire.back];
  });
}

/** What runs through each frame: a wire's piece there, shared with other wires that enter or leave for the same box. */
function linksOf(plan: Plan, root: number, frames: number[], raws: Raw[]): Map<number, Link[]> {
  const links = new Map<number, Link[]>(frames.map(t => [t, []]));
  const known = new Set<string>();
  for (const raw of raws) {
    for (const { frame, link } of wayOf(plan, root, raw)) {
      const key = `${frame} ${routeKey(link)}`;
      if (known.has(key)) continue;
      known.add(key);
      links.get(frame)!.push(link);
    }
  }
  return links;
}

function boxOf(t: number, frame: Frame | null, beside: Refs | undefined, words: Words): Box {
  const small = (ref: Ref) => words.reference(ref.hub);
  const { w, h } = frame ?? words.size(t);
  return { ...bare(t, { w, h }), frame, before: beside?.before.map(small) ?? [], after: beside?.after.map(small) ?? [] };
}

function bare(id: number, { w, h }: Size): Box {
  return { id, w, h, before: [], after: [], frame: null, pin: 0 };
}
