import assert from "node:assert/strict";
import { test } from "node:test";
import { Graph } from "./columns.ts";
import { clear, count, describe, figure, fitted, roleOf, shapeOf, shapeText, textWidth } from "./looks.ts";
import type { Columns, Item } from "./types.ts";

// x (Placeholder) ─► mul (MatMul) ◄─ w (VariableV2); c (Const) ┄► mul
const columns: Columns = {
  names: ["x", "layer1/w", "c", "layer1/MatMul"], ops: ["Placeholder", "VariableV2", "Const", "MatMul"], op: [0, 1, 2, 3],
  devices: [""], device: [0, 0, 0, 0], sites: [], site: [-1, -1, -1, -1], part: [4, 3, 5, 0],
  types: [{ dtype: "float32", shape: "(?, 784)", bytes: null }, { dtype: "float32", shape: "(784, 10)", bytes: 31360 }, { dtype: "int32", shape: "()", bytes: 4 },
    { dtype: "float32", shape: "(?, 10)", bytes: null }],
  outputs: [1, 1, 1, 1], outputTypes: [0, 1, 2, 3], from: [0, 1, 2], slot: [0, 0, -1], to: [3, 3, 3], input: [0, 1, -1], flops: [null, null, null, null],
};
const graph = new Graph(columns);
const item = (more: Partial<Item>): Item => ({
  id: "i", kind: "op", label: "i", detail: "", node: 3, nodes: 1, repeat: 1, part: "forward", parent: null, depth: 0, open: false, x: 0, y: 0, w: 90, h: 44, ...more,
});

test("a box's shape says what it is", () => {
  const shapes = [
    [item({ node: 0, part: "input" }), "Placeholder", "arrow"], [item({ node: 1, part: "state" }), "VariableV2", "drum"],
    [item({ node: 2, part: "constant" }), "Const", "ellipse"], [item({}), "MatMul", "box"], [item({ part: "state" }), "Assign", "box"],
    [item({ kind: "scope", node: -1 }), "", "stack"], [item({ kind: "scope", node: -1, open: true }), "", "frame"],
    [item({ kind: "scope", node: -1, part: "state" }), "", "drum"], [item({ kind: "series", node: -1, repeat: 12 }), "", "stack"],
    [item({ kind: "hub" }), "MatMul", "pill"], [item({ part: "gradient" }), "Const", "ellipse"],
  ] as const;
  for (const [box, op, shape] of shapes) assert.equal(shapeOf(box, op), shape);
  assert.equal(roleOf(item({ kind: "scope" })), "scope");
  assert.equal(roleOf(item({ kind: "scope", part: "gradient" })), "gradient");
  assert.equal(roleOf(item({})), "op");
});

test("figures have outlines within their place, two lines of text, and a tab if they are a series", () => {
  const series = figure(item({ kind: "series", node: -1, repeat: 12, label: "layer", detail: "× 12" }), graph);
  assert.equal(series.tab, "× 12");
  assert.ok(series.opens && series.behind);
  assert.deepEqual(series.lines.map(line => line.text), ["layer"]);
  const drum = figure(item({ node: 1, part: "state", label: "w", detail: "VariableV2" }), graph);
  assert.deepEqual(drum.lines.map(line => line.text), ["w", "784×10"]);
  assert.deepEqual(figure(item({ label: "MatMul_1", detail: "MatMul" }), graph).lines.map(line => line.text), ["MatMul_1"]);
  assert.deepEqual(figure(item({ label: "logits", detail: "MatMul" }), graph).lines.map(line => line.text), ["logits", "MatMul"]);
  const far = figure(item({ label: "logits", detail: "MatMul" }), graph).large;
  assert.deepEqual(far.map(line => [line.text, line.size]), [["logits", 16]]);
  assert.deepEqual(figure(item({ label: "a label of its box's width" , w: 160 }), graph).large.map(line => line.size), [13]);
  for (const box of [item({}), item({ open: true, kind: "scope" }), item({ w: 4, h: 4 })]) assert.match(figure(box, graph).outline, /^M[-\d. HVLAQaZM]+$/);
});

test("what a screen reader says", () => {
  assert.equal(describe(item({ node: 3, label: "MatMul" }), graph), "MatMul layer1/MatMul, 2 inputs, 1 control input, 1 output, float32 (?, 10)");
  assert.equal(describe(item({ node: 0 }), graph), "Placeholder x, 0 inputs, 1 output, float32 (?, 784)");
  assert.equal(describe(item({ id: "layer1/", kind: "scope", node: -1, nodes: 2, label: "layer1" }), graph), "scope layer1, 2 ops, closed");
  assert.equal(describe(item({ id: "series:layer1/", kind: "series", node: -1, nodes: 24, repeat: 12, label: "layer", open: true, part: "gradient" }), graph),
    "layer, series of 12 repeated blocks, 24 ops, for gradients, open");
  assert.equal(count(20000, "op"), "20,000 ops");
});

test("text is cut to its room, whatever the text", () => {
  for (const text of ["x".repeat(10000), "🙂".repeat(500), "שלום עולם ".repeat(40), "a", ""]) {
    const cut = fitted(text, 90, 13, false);
    assert.ok(textWidth(cut, 13, false) <= 90 || cut.length <= 1, cut);
    assert.ok(!/[\ud800-\udbff](?![\udc00-\udfff])/.test(cut));
  }
  assert.equal(fitted("short", 90, 13, false), "short");
  assert.equal(fitted("long enough", -5, 13, false).length, 1);
});

test("what breaks lines or XML is taken out of names; the rest is text", () => {
  assert.equal(clear("a\u0000b\u0007\ud800c\u202egnp"), "a b \ufffdc gnp");
  assert.equal(clear("<img onerror=alert(1)> 🙂 ]]>"), "<img onerror=alert(1)> 🙂 ]]>");
});

test("shapes as the notebooks draw them", () => {
  const text = (shape: string) => shapeText({ dtype: "float32", shape, bytes: null });
  assert.deepEqual(["(?, 784)", "(10)", "(10,)", "()", "<unknown>"].map(text), ["?×784", "(10,)", "(10,)", "scalar", ""]);
});
