import assert from "node:assert/strict";
import { test } from "node:test";
import { fromColumns, type Graph } from "./columns.ts";
import { Pairs } from "./pairs.ts";
import { makePlan, type Plan } from "./plan.ts";
import { anyGraph, Maker, random, towers, train } from "./samples.ts";
import { arrangeNow } from "./scene.ts";
import { stem } from "./series.ts";
import type { ViewState } from "./types.ts";

const closed: ViewState = { root: "", open: [], horizontal: false, hubs: "aside", series: true, control: true, hidden: [] };

/** Series of the whole graph: the path of the first block, and how many there are. */
function series(graph: Graph): Record<string, number> {
  const plan = makePlan(graph, closed);
  return Object.fromEntries([...plan.order].filter(t => plan.members[t]).map(t => [plan.id(t).slice("series:".length), plan.members[t]!]));
}

function made(build: (g: Maker) => void): Graph {
  const g = new Maker();
  build(g);
  return fromColumns(g.columns);
}

test("pairs have numbers, in the order in which they came", () => {
  const next = random(1), pairs = new Pairs(), known = new Map<string, number>();
  for (let k = 0; k < 5000; k++) {
    const a = Math.floor(next() * 70) - 5, b = Math.floor(next() * 1e6) % 60;
    const key = `${a} ${b}`;
    assert.equal(pairs.has(a, b), known.has(key));
    if (!known.has(key)) known.set(key, known.size);
    assert.equal(pairs.at(a, b), known.get(key));
    assert.equal(pairs.add(a, b), false);
  }
  assert.equal(pairs.size, known.size);
  assert.equal(pairs.add(-100, 3), true);
});

test("names without their number", () => {
  const stems = { layer_12: "layer", layer: "layer", layer2: "layer", add_1: "add", Relu_1_grad: "Relu_grad", Relu_grad: "Relu_grad", conv2d: "conv2d", "7": "" };
  for (const [label, wanted] of Object.entries(stems)) assert.equal(stem(label), wanted, label);
  assert.ok(stem("x".repeat(10000) + "_3").length === 10000);
});

test("layers of a chain fold, and so do parallel towers; three do not", () => {
  const folded = series(fromColumns(train(800)));
  assert.ok(folded["layer_1/"]! > 10);
  assert.equal(series(fromColumns(towers(600)))["tower_0/"], 8);
  assert.deepEqual(series(fromColumns(train(140)))["layer_1/"], undefined);
});

test("blocks that differ inside do not fold", () => {
  const graph = made(g => {
    let last = g.add("x", "Placeholder");
    for (let k = 0; k < 8; k++) {
      g.add(`layer_${k}/MatMul`, "MatMul", [last]);
      last = g.add(`layer_${k}/act`, k % 2 ? "Relu" : "Tanh", [`layer_${k}/MatMul`]);
    }
  });
  assert.deepEqual(series(graph), {});
});

test("what would tie a knot does not fold: MatMul, add, MatMul_1, add_1, ...", () => {
  const graph = made(g => {
    let last = g.add("x", "Placeholder");
    for (let k = 0; k < 6; k++) {
      const end = k ? `_${k}` : "";
      const w = g.variable(`Variable${end}`);
      g.add(`MatMul${end}`, "MatMul", [last, w]);
      last = g.add(`add${end}`, "Add", [`MatMul${end}`]);
    }
  });
  assert.deepEqual(series(graph), {}, "and each variable stays beside its MatMul");
});

test("constants that all feed the same op fold", () => {
  const graph = made(g => {
    const inputs = Array.from({ length: 6 }, (_, k) => g.add(k ? `Const_${k}` : "Const", "Const"));
    g.add("AddN", "AddN", inputs);
  });
  assert.deepEqual(series(graph), { Const: 6 });
});

test("members of a series are siblings, alike, and at least four; folding leaves no new loop", () => {
  for (let seed = 0; seed < 60; seed++) {
    const graph = fromColumns(anyGraph(seed, 120));
    const plan = makePlan(graph, closed);
    for (const t of plan.order) {
      if (!plan.members[t]) continue;
      const blocks = [...plan.order].filter(c => c && plan.parent[c] === t);
      assert.equal(blocks.length, plan.members[t]);
      assert.ok(blocks.length >= 4);
      assert.equal(new Set(blocks.map(c => stem(plan.label(c)))).size, 1);
      assert.equal(new Set(blocks.map(c => contents(plan, c))).size, 1);
    }
  }
});

function contents(plan: Plan, t: number): string {
  const types: string[] = [];
  for (let k = plan.at[t]!; k < plan.last[t]!; k++) if (plan.node[plan.order[k]!]! >= 0) types.push(plan.graph.opType(plan.node[plan.order[k]!]!));
  return types.sort().join();
}

test("twenty boxes that share one: a reference stands beside each, and no wire is long", () => {
  const graph = made(g => {
    g.add("rate", "Placeholder");
    for (let k = 0; k < 20; k++) {
      g.add(`in${"abcdefghijklmnopqrst"[k]}`, "Const");
      g.add(`apply${"abcdefghijklmnopqrst"[k]}`, "Apply", [`in${"abcdefghijklmnopqrst"[k]}`, "rate"]);
    }
  });
  const aside = arrangeNow(graph, { ...closed, series: false });
  assert.equal(aside.items.filter(item => item.kind === "hub" && item.target === "rate").length, 20);
  assert.equal(aside.items.filter(item => item.id === "rate").length, 1);
  assert.ok(aside.wires.filter(wire => wire.from.startsWith("hub:")).every(wire => Math.abs(wire.points[0]! - wire.points[2]!) < 40));
  const inline = arrangeNow(graph, { ...closed, series: false, hubs: "inline" });
  assert.equal(inline.items.filter(item => item.kind === "hub").length, 0);
  assert.equal(inline.wires.filter(wire => wire.from === "rate").length, 20);
});

test("in an open series what all members share is a reference; closed, it is one wire", () => {
  const graph = fromColumns(train(1280));
  const shut = arrangeNow(graph, closed);
  assert.ok(shut.wires.some(wire => wire.id === "series:layer_1/→gradients/"));
  const open = arrangeNow(graph, { ...closed, open: ["series:layer_1/"] });
  assert.ok(!open.wires.some(wire => wire.to === "gradients/" && wire.from.startsWith("layer_")));
  assert.ok(open.items.some(item => item.id === "hub:gradients/@layer_5/>" && item.parent === "series:layer_1/"));
});

test("more than four control edges at one box are not drawn, unless hubs are inline", () => {
  const graph = fromColumns(train(500));
  const group = (state: ViewState) => arrangeNow(graph, { ...state, open: ["Adam/"] }).wires.filter(wire => wire.control && wire.to === "Adam").length;
  assert.equal(group({ ...closed, series: false }), 0);
  assert.ok(group({ ...closed, series: false, hubs: "inline" }) > 4);
  assert.equal(group({ ...closed, series: false, hubs: "inline", control: false }), 0);
});

test("lifted ends are the children of the scope where an edge's ends part", () => {
  for (let seed = 0; seed < 40; seed++) {
    const graph = fromColumns(anyGraph(seed, 90));
    const plan = makePlan(graph, { ...closed, hubs: "inline" });
    const up = (t: number) => {
      const ways = [t];
      while (t > 0) ways.push((t = plan.parent[t]!));
      return ways;
    };
    for (let e = 0; e < graph.edges; e++) {
      const a = up(plan.leaf[graph.from[e]!]!), b = up(plan.leaf[graph.to[e]!]!);
      const meet = a.find(t => b.includes(t))!;
      assert.equal(plan.top[e], meet);
      assert.equal(plan.left[e], a[a.indexOf(meet) - 1]);
      assert.equal(plan.right[e], b[b.indexOf(meet) - 1]);
    }
  }
});
