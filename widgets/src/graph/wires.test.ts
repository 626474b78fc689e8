import assert from "node:assert/strict";
import { test } from "node:test";
import { overlap } from "./camera.ts";
import type { Item, Scene, TensorType, Wire } from "./types.ts";
import { Grid, headPath, placeLabels, titles, wireBox, wirePath, wireTone, wireWidth, wireWords } from "./wires.ts";

const wire = (points: number[], more: Partial<Wire> = {}): Wire => ({
  id: "a→b", from: "a", to: "b", points, control: false, back: false, edges: [0], type: 0, bytes: 0,
  labelX: (points[0]! + points.at(-2)!) / 2, labelY: (points[1]! + points.at(-1)!) / 2, ...more,
});
const item = (id: string, x: number, y: number, more: Partial<Item> = {}): Item => ({
  id, kind: "op", label: id, detail: "", node: 0, nodes: 1, repeat: 1, part: "forward", parent: null, depth: 0, open: false, x, y, w: 80, h: 40, ...more,
});
const types: TensorType[] = [
  { dtype: "float32", shape: "(?, 10)", bytes: null }, { dtype: "int64", shape: "()", bytes: 8 }, { dtype: "float32", shape: "<unknown>", bytes: null },
];

test("a wire begins and ends where its points do, and is straight far away", () => {
  const bent = wire([0, 0, 100, 0, 200, 80]);
  assert.equal(wirePath(bent, true, false), "M0 0L100 0C150 0 150 80 200 80");
  assert.equal(wirePath(bent, true, true), "M0 0L100 0L200 80");
  assert.equal(wirePath(wire([0, 0, 40, 90]), false, false), "M0 0C0 45 40 45 40 90");
  for (const straight of [true, false]) assert.match(wirePath(wire([9, 9, 60, 60, -50, 60, -50, 0], { back: true }), true, straight), /^M9 9.*L-50 0$/);
});

test("heads point along the flow, and back wires' along their last piece", () => {
  assert.match(headPath(wire([0, 0, 100, 30]), 1.2, true), /^M100 30L91\.8 /);
  assert.match(headPath(wire([0, 0, 30, 100]), 1.2, false), /^M30 100L.* 91\.8/);
  assert.match(headPath(wire([100, 0, 50, 0, 50, 60], { back: true }), 1.2, true), /^M50 60L.* 51\.8/);
});

test("width grows with the bytes' logarithm, between 1.2 and 5", () => {
  const widths = [0, 16, 4e3, 1e6, 1e9, 1e15].map(bytes => wireWidth(wire([0, 0, 1, 1], { bytes })));
  assert.deepEqual(widths, [...widths].sort((a, b) => a - b));
  assert.deepEqual([widths[0], widths.at(-1)], [1.2, 5]);
  assert.equal(wireWidth(wire([0, 0, 1, 1], { bytes: 1e9, control: true })), 1.2);
});

test("tones: back and control wires, then those of gradients", () => {
  const gradient = item("g", 0, 0, { part: "gradient" });
  assert.equal(wireTone(wire([0, 0, 1, 1], { back: true, control: true }), gradient, gradient), "wire-back");
  assert.equal(wireTone(wire([0, 0, 1, 1], { control: true }), undefined, undefined), "wire-control");
  assert.equal(wireTone(wire([0, 0, 1, 1]), item("a", 0, 0), gradient), "wire-gradient");
  assert.equal(wireTone(wire([0, 0, 1, 1]), item("a", 0, 0), item("b", 0, 0)), "wire");
});

test("words on wires: float32 and scalars go without saying, what is not known is not said", () => {
  assert.deepEqual(wireWords(wire([0, 0, 1, 1]), types), ["?×10"]);
  assert.deepEqual(wireWords(wire([0, 0, 1, 1], { type: 1 }), types), ["int64"]);
  assert.deepEqual(wireWords(wire([0, 0, 1, 1], { type: 2 }), types), []);
  assert.deepEqual(wireWords(wire([0, 0, 1, 1], { type: -1 }), types), []);
  assert.deepEqual(wireWords(wire([0, 0, 1, 1], { control: true }), types), []);
});

test("labels cover neither boxes nor one another, and a value's is said once", () => {
  const scene: Scene = {
    items: [item("a", 0, 0), item("b", 300, 0), item("c", 300, 60), item("d", 110, 100)],
    wires: [
      wire([80, 20, 300, 20]), wire([80, 20, 300, 80], { id: "a→c", to: "c" }), wire([80, 20, 300, 22], { id: "x→b", from: "x" }),
      wire([0, 120, 300, 120], { id: "y→b", from: "y" }),
    ],
    width: 400, height: 200,
  };
  const placed = placeLabels(scene, () => ["?×10"]);
  assert.deepEqual([...placed.keys()], ["a→b"]);
  assert.equal(placeLabels(scene, () => ["?×10"], false, 16).get("a→b")!.box.h, 20);
  const all = placeLabels(scene, w => [w.id], true);
  const boxes = [...all.values()].map(label => label.box);
  for (const box of boxes) for (const other of [...boxes.filter(x => x !== box), ...scene.items]) assert.ok(!overlap(box, other));
});

test("titles are as large as the screen's text, and do not lie on one another", () => {
  const scene: Scene = {
    items: [
      item("layer/", 0, 0, { kind: "scope", open: true, w: 4000, h: 2000 }), item("layer/in/", 10, 10, { kind: "scope", open: true, w: 3000, h: 900 }),
      item("small/", 4100, 0, { kind: "scope" }), item("op", 10, 1000, { w: 4000 }),
    ],
    wires: [], width: 5000, height: 2000,
  };
  const found = titles(scene, 0.1, { x: 0, y: 0, w: 10000, h: 10000 });
  assert.deepEqual(found.map(title => [title.text, title.size]), [["layer/", 120]]);
});

test("the grid finds what overlaps, over square borders and left of nothing", () => {
  const grid = new Grid(100);
  grid.add({ x: -250, y: 90, w: 300, h: 20 });
  assert.ok(grid.hits({ x: -140, y: 105, w: 10, h: 10 }));
  assert.ok(grid.hits({ x: 45, y: 95, w: 10, h: 10 }));
  assert.ok(!grid.hits({ x: 60, y: 95, w: 10, h: 10 }));
  assert.deepEqual(wireBox(wire([5, 9, -5, 30])), { x: -11, y: 3, w: 22, h: 33 });
});
