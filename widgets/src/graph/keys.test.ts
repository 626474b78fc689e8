import assert from "node:assert/strict";
import { test } from "node:test";
import { first, index, last, neighbour, next, type Direction } from "./keys.ts";
import type { Item, Scene, Wire } from "./types.ts";

const item = (id: string, x: number, y: number, more: Partial<Item> = {}): Item => ({
  id, kind: "op", label: id, detail: "", node: 0, nodes: 1, repeat: 1, part: "forward", parent: null, depth: 0, open: false, x, y, w: 80, h: 40, ...more,
});
const wire = (from: string, to: string, back = false): Wire => ({
  id: `${from}→${to}`, from, to, points: [0, 0, 1, 1], control: false, back, edges: [], type: -1, bytes: 0, labelX: 0, labelY: 0,
});

//   a ──► c ──► [ d ──► e ] ──► f        g stands under c, b under a
const scene: Scene = {
  items: [
    item("a", 0, 0), item("b", 0, 100), item("c", 150, 0), item("g", 150, 100),
    item("s/", 300, 0, { kind: "scope", open: true, w: 320, h: 120, part: "forward" }),
    item("d", 320, 40, { parent: "s/", depth: 1 }), item("e", 500, 40, { parent: "s/", depth: 1 }), item("f", 700, 0),
  ],
  wires: [wire("a", "c"), wire("b", "c"), wire("c", "d"), wire("d", "e"), wire("e", "f"), wire("f", "a", true)],
  width: 800, height: 200,
};
const go = (id: string, ...way: Direction[]) => way.reduce((at, step) => neighbour(scene, at, step, true)?.id ?? at, id);

test("arrows along the flow follow wires, into frames and out of them", () => {
  assert.equal(go("a", "right", "right", "right", "right"), "f");
  assert.equal(go("f", "left", "left", "left", "left"), "a");
  assert.equal(go("f", "right"), "f", "a wire back is not the way on");
});

test("arrows across the flow go to what stands there", () => {
  assert.equal(go("a", "down"), "b");
  assert.equal(go("b", "up"), "a");
  assert.equal(go("c", "down"), "g");
  assert.equal(go("g", "right"), "s/", "without a wire: to what is nearest there");
});

test("a frame can be entered and left", () => {
  assert.equal(go("s/", "down"), "d");
  assert.equal(go("d", "up"), "s/");
  assert.equal(neighbour(scene, "nothing", "up", true)?.id, "a");
});

test("every box can be reached from the first by arrows alone", () => {
  const seen = new Set<string>([first(scene)!.id]);
  for (const id of seen) for (const way of ["left", "right", "up", "down"] as const) seen.add(go(id, way));
  assert.deepEqual([...seen].sort(), scene.items.map(x => x.id).sort());
});

test("page down and up go through all boxes in order, and end", () => {
  assert.equal(next(scene, "s/", 1)?.id, "d");
  assert.equal(next(scene, "d", -1)?.id, "s/");
  assert.equal(next(scene, "f", 1), null);
  assert.equal(next(scene, "", 1)?.id, "a");
});

test("down the page the same holds with the axes changed", () => {
  const turned: Scene = { ...scene, items: scene.items.map(x => ({ ...x, x: x.y, y: x.x, w: x.h, h: x.w })) };
  assert.equal(neighbour(turned, "a", "down", false)?.id, "c");
  assert.equal(neighbour(turned, "c", "up", false)?.id, "a");
  assert.equal(neighbour(turned, "a", "right", false)?.id, "b");
});

test("first and last stand outside of all frames; an empty scene leads nowhere", () => {
  assert.equal(first(scene)!.id, "a");
  assert.equal(last(scene)!.id, "f");
  const empty: Scene = { items: [], wires: [], width: 0, height: 0 };
  assert.equal(neighbour(empty, "", "up", true), null);
  assert.equal(index(scene).get("c")!.x, 150);
});
