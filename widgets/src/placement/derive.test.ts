import assert from "node:assert/strict";
import { test } from "node:test";
import { fromColumns, type Graph } from "../graph/columns.ts";
import { arrangeNow } from "../graph/compose.ts";
import { Maker, random } from "../graph/samples.ts";
import type { Item, Scene } from "../graph/types.ts";
import { initialState } from "../graph/scene.ts";
import { derive, shownNames, type Crossing, type Derived, type Placed } from "./derive.ts";

/** A chain of layers with their gradients and updates, as TensorFlow names them. */
function net(layers: number): Graph {
  const made = new Maker();
  let at = made.add("x", "Placeholder", [], "input");
  const reads: string[] = [];
  for (let k = 0; k < layers; k++) {
    reads.push(made.variable(`layer${k}/w`));
    at = made.add(`layer${k}/MatMul`, "MatMul", [at, reads[k]!]);
  }
  const fill = made.add("gradients/Fill", "Fill", [at], "gradient");
  let back = fill;
  const rate = made.add("train/rate", "Const", [], "optimizer");
  const updates: string[] = [];
  for (let k = layers - 1; k >= 0; k--) {
    back = made.add(`gradients/layer${k}/MatMul_grad/MatMul`, "MatMul", [back, reads[k]!], "gradient");
    updates.push(made.add(`train/update_layer${k}/w/Apply`, "ApplyGradientDescent", [`layer${k}/w`, back, rate], "optimizer"));
  }
  made.add("train", "NoOp", updates.map(name => `^${name}`), "optimizer");
  return fromColumns(made.columns);
}

/** What the kernel would send: one crossing for each tensor and device that takes it, as the white paper has it. */
function place(graph: Graph, on: number[]): Placed {
  const over = new Map<string, Crossing>();
  for (let e = 0; e < graph.edges; e++) {
    const a = graph.from[e]!, b = graph.to[e]!, slot = graph.slot[e]!;
    if (on[a] === on[b]) continue;
    const key = `${a} ${slot} ${on[b]}`;
    if (!over.has(key)) over.set(key, [a, slot, on[b]!, `${graph.names[a]}/_send_${over.size}`, `${graph.names[a]}/_recv_${over.size}`, 100 * (a + 1)]);
  }
  return {
    on, seconds: on.map(() => 0), over: [...over.values()], method: "obey", step: 1, before: null, moved: 0, undo: false, redo: false, devices: [],
    note: "", failure: "",
  };
}

const LABELS = ["CPU:0", "GPU:0", "GPU:1", "GPU:2"];

function placedAtRandom(seed: number, layers: number): { graph: Graph; placed: Placed; derived: Derived } {
  const graph = net(layers), next = random(seed);
  const placed = place(graph, Array.from({ length: graph.n }, () => Math.floor(next() * LABELS.length)));
  return { graph, placed, derived: derive(graph, shownNames(graph), LABELS, placed) };
}

function scene({ graph, lanes }: Derived, open: string[] = []): Scene {
  return arrangeNow(graph, { ...initialState(graph), hubs: "inline", open, lanes });
}

/** For each op what it reads, by name, through Sends and Recvs. */
function reads({ graph, ops, real }: Derived, node: number): string[] {
  return Array.from(graph.inEdges(node)).filter(e => graph.slot[e]! >= 0).map(e => {
    let at = graph.from[e]!, slot = graph.slot[e]!;
    while (at >= ops) [at, slot] = [graph.from[graph.inEdges(at)[slot]!]!, graph.slot[graph.inEdges(at)[slot]!]!];
    return `${real[at]}:${slot}`;
  }).sort();
}

test("every op reads what it read before, and only a Send and its Recv are on two devices", () => {
  for (let seed = 0; seed < 20; seed++) {
    for (const layers of [2, 9]) { // few tensors that cross: each by itself; many: together
      const { graph, derived } = placedAtRandom(seed, layers);
      for (let node = 0; node < graph.n; node++) {
        const before = Array.from(graph.inEdges(node)).filter(e => graph.slot[e]! >= 0).map(e => `${graph.names[graph.from[e]!]}:${graph.slot[e]}`).sort();
        assert.deepEqual(reads(derived, node), before);
      }
      const { graph: drawn, on } = derived;
      for (let e = 0; e < drawn.edges; e++) {
        const types = [drawn.opType(drawn.from[e]!), drawn.opType(drawn.to[e]!)];
        assert.equal(on[drawn.from[e]!] === on[drawn.to[e]!], types.join() !== "_Send,_Recv");
      }
    }
  }
});

test("a tensor crosses once to each device, and its names lead to what is drawn", () => {
  const { placed, derived } = placedAtRandom(3, 12);
  const tensors = placed.over.filter(([, slot]) => slot >= 0);
  assert.ok(tensors.length > 12 && derived.tabs.length < tensors.length, "many are drawn together");
  assert.equal(derived.tabs.reduce((sum, tab) => sum + tab.crossings.length, 0), tensors.length);
  assert.equal(derived.tabs.reduce((sum, tab) => sum + tab.bytes, 0), tensors.reduce((sum, crossing) => sum + crossing[5], 0));
  for (const [source, , to, send, recv] of tensors) {
    const at = (name: string) => derived.graph.find(derived.names.get(name)!);
    assert.equal(derived.on[at(send)], placed.on[source]);
    assert.equal(derived.on[at(recv)], to);
    assert.equal(derived.graph.opType(at(send)), "_Send");
    assert.equal(derived.graph.opType(at(recv)), "_Recv");
  }
});

test("gradients and updates of a layer are a box of their own, and names stay apart", () => {
  const graph = net(2), shown = shownNames(graph);
  const of = (name: string) => shown[graph.find(name)];
  assert.equal(of("layer0/MatMul"), "layer0/MatMul");
  assert.equal(of("gradients/layer1/MatMul_grad/MatMul"), "∇ layer1/MatMul_grad/MatMul");
  assert.equal(of("gradients/Fill"), "∇ layer1/Fill"); // what takes it
  assert.equal(of("train/update_layer0/w/Apply"), "train∕update_layer0/w/Apply");
  assert.equal(of("train/rate"), "train/rate");
  assert.equal(of("train"), "train: NoOp"); // not within the scope of its name: it comes last
  assert.equal(new Set(shown).size, graph.n);
});

test("lanes: nothing overlaps, boxes stand in their device's lane, Recvs right beside their Sends", () => {
  for (let seed = 0; seed < 12; seed++) {
    const { derived } = placedAtRandom(seed, 3);
    const open = seed % 2 ? derived.lanes.map(lane => `${lane}/layer1/`) : [];
    const { items, wires } = scene(derived, open);
    const lanes = items.filter(item => item.parent === null);
    assert.deepEqual(lanes.map(lane => lane.label), derived.lanes);
    const inside = (a: Item, b: Item) => a.x >= b.x && a.y >= b.y && a.x + a.w <= b.x + b.w && a.y + a.h <= b.y + b.h;
    const apart = (a: Item, b: Item) => a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
    const byId = new Map(items.map(item => [item.id, item]));
    for (const a of items) {
      if (a.parent !== null) assert.ok(inside(a, byId.get(a.parent)!), `${a.id} in ${a.parent}`);
      for (const b of items) if (a !== b && a.parent === b.parent) assert.ok(apart(a, b), `${a.id} and ${b.id}`);
    }
    const laneOf = (id: string) => { let item = byId.get(id)!; while (item.parent) item = byId.get(item.parent)!; return item; };
    for (const wire of wires) {
      const [from, to] = [byId.get(wire.from)!, byId.get(wire.to)!];
      const tabs = [from, to].map(item => (item.node >= 0 ? derived.graph.opType(item.node) : "")).join();
      assert.equal(laneOf(wire.from) === laneOf(wire.to), tabs !== "_Send,_Recv", wire.id);
      assert.ok(wire.back ? from.x > to.x : from.x + from.w <= to.x, `${wire.id} goes ${wire.back ? "back" : "on"}`);
      const [x0, y0] = wire.points, [x1, y1] = wire.points.slice(-2);
      const touches = (item: Item, x: number, y: number) => x >= item.x && x <= item.x + item.w && y >= item.y && y <= item.y + item.h;
      assert.ok(touches(from, x0!, y0!) && touches(to, x1!, y1!), `${wire.id} joins its boxes`);
      if (tabs === "_Send,_Recv" && !wire.back) {
        const between = items.filter(item => item.node >= 0 && item.x < to.x && item.x + item.w > from.x + from.w);
        assert.deepEqual(between.filter(item => item.x + item.w < to.x && item.x > from.x + from.w), [], "no column between");
      }
    }
  }
});

test("lanes come in the cluster's order, whatever is placed first, and count their ops alone", () => {
  const graph = net(2);
  const placed = place(graph, Array.from({ length: graph.n }, (_, i) => (i < 3 ? 2 : 0)));
  const derived = derive(graph, shownNames(graph), LABELS, placed);
  const lanes = scene(derived).items.filter(item => item.parent === null);
  assert.deepEqual(lanes.map(lane => [lane.label, lane.nodes]), [["CPU:0", graph.n - 3], ["GPU:1", 3]]);
  assert.ok(lanes[0]!.y < lanes[1]!.y);
  assert.equal(lanes[0]!.w, lanes[1]!.w);
});
