import assert from "node:assert/strict";
import { test } from "node:test";
import { Graph } from "../graph/columns.ts";
import type { Columns, Item, Wire } from "../graph/types.ts";
import { overlay, type Inner, type Walk } from "./overlay.ts";
import { stepsByName, type Entry, type Inside, type Plan } from "./walk.ts";

// x (fed) -> a -> b -> loop -> end;  w (a variable) -> b;  "aside" does not run;  inside the loop: arg -> half
const names = ["x", "w", "a", "b", "loop", "end", "aside", "loop/body/arg", "loop/body/half"];
const ends: [number, number, number][] = [[0, 0, 2], [1, 0, 3], [2, 0, 3], [3, 0, 4], [4, 0, 5], [4, 1, 5], [2, 0, 6], [7, 0, 8], [2, -1, 5]];

function columns(): Columns {
  const each = (value: number) => names.map(() => value);
  return {
    names, ops: ["Op"], op: each(0), devices: [""], device: each(0), sites: [], site: each(-1), part: each(0), types: [{ dtype: "float32", shape: "()", bytes: 4 }],
    outputs: each(2), outputTypes: names.flatMap(() => [0, 0]), flops: names.map(() => null),
    from: ends.map(end => end[0]), slot: ends.map(end => end[1]), to: ends.map(end => end[2]), input: ends.map(end => (end[1] < 0 ? -1 : 0)),
  };
}

const graph = new Graph(columns());
const plan: Plan = { names: ["a", "b", "loop", "end"], ops: ["Op"], op: [0, 0, 0, 0], sites: [""], site: [0, 0, 0, 0], inside: [2], fed: { "x:0": "7" } };
const entries: Entry[] = [[0, ["1"], []], [0, ["2"], []], [0, ["3", "5"], []], [1, ["nan"], []]];
const histories = { w: [[0, "float32", "4", 0], [3, "float32", "9", 0]] as [number, string, string, number][] };
const run = (position: number): Walk => ({ plan, entries, position, steps: stepsByName(plan), histories });

const item = (id: string, nodes = [names.indexOf(id)]): Item & { all: number[] } =>
  ({ id, kind: id.endsWith("/") ? "scope" : "op", node: nodes[0], open: false, all: nodes }) as unknown as Item & { all: number[] };
const nodesOf = (box: Item) => (box as Item & { all: number[] }).all;
const wire = (...edges: number[]): Wire => ({ edges }) as unknown as Wire;
const layer = (position: number, inner: Inner | null = null, stops: string[] = []) => overlay(graph, run(position), inner, new Set(stops), nodesOf);

test("nodes are done, next, bad, or nothing yet", () => {
  const marks = (position: number) => ["a", "b", "end", "aside"].map(name => layer(position).mark!(item(name)));
  assert.deepEqual(marks(1), ["done", "next", null, null]);
  assert.deepEqual(marks(4), ["done", "done", "bad", null]);
  assert.deepEqual(marks(0), ["next", null, null, null]);
});

test("a closed scope says how far it has come, an op that it is a stop", () => {
  const scope = item("scope/", [2, 3, 6]);
  assert.deepEqual([0, 1, 2].map(position => layer(position).badge!(scope)), [null, "1 of 2", null]);
  assert.equal(layer(0, null, ["b"]).badge!(item("b")), "● stop");
});

test("what takes no part is faint: not what is fed, a variable, or the inside of a loop", () => {
  const faint = names.filter(name => layer(0).dim!(item(name)));
  assert.deepEqual(faint, ["aside"]);
});

test("wires carry the values of now", () => {
  const words = (position: number) => ends.map((_, edge) => layer(position).wireLabel!(wire(edge)));
  assert.deepEqual(words(0), ["7", "4", null, null, null, null, null, null, null]);
  assert.deepEqual(words(3), ["7", "9", "1", "2", "3", "5", "1", null, null]);
});

test("a wire that stands for several says a value only if they agree", () => {
  assert.equal(layer(3).wireLabel!(wire(2, 6)), "1");
  assert.equal(layer(3).wireLabel!(wire(4, 5)), "");
  assert.equal(layer(1).wireLabel!(wire(4, 5)), null);
});

test("inside a loop its nodes follow the loop's own position, all others the run's", () => {
  const inside: Plan = { ...plan, names: ["half", "half"], op: [0, 0], site: [0, 0], inside: [], fed: {}, drawn: ["loop/body/half", "loop/body/half"] };
  const inner = (position: number): Inner => ({
    plan: inside, entries: [[0, ["20"], []], [0, ["10"], []]], position, steps: stepsByName(inside), step: 2, loop: "loop/", groups: [0, 1],
    histories: { "loop/body/arg": [[1, "float32", "40", 0], [2, "float32", "20", 0]] }, data: {} as Inside,
  });
  const arg = ends.findIndex(([from]) => from === 7);
  assert.deepEqual([0, 1, 2].map(position => layer(3, inner(position)).wireLabel!(wire(arg))), [null, "40", "20"]);
  assert.deepEqual([0, 1, 2].map(position => layer(3, inner(position)).mark!(item("loop/body/half"))), ["next", "next", "done"]);
  assert.equal(layer(3, inner(1)).wireLabel!(wire(2)), "1");
});
