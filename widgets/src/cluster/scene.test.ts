import assert from "node:assert/strict";
import { test } from "node:test";
import { along, around, beside, type Link, type Node, pieces, type Scene, under } from "./scene.ts";

function scene(boxes: [number, number][], links: Partial<Link>[] = []): Scene {
  return {
    title: "", form: "", kinds: [], wires: [], cards: [], notes: [[-50, 0, ["a note"]]],
    nodes: boxes.map(([x, y], i): Node => ({
      name: `n${i}`, role: "host", look: "host", labels: [], brief: "", box: [x, y, 10, 10], kind: -1, host: "", memory: 0,
    })),
    links: links.map((link): Link => ({ ends: [0, 1], names: ["a", "b"], rate: 1, lines: [], wire: 0, cables: 1, ...link })),
  };
}

const GRID = scene(Array.from({ length: 30 }, (_, i) => [(i % 6) * 40, Math.floor(i / 6) * 25] as [number, number]));

test("the arrows lead to the neighbour in a grid, and to every node of any picture", () => {
  assert.equal(beside(GRID, 8, "ArrowLeft"), 7);
  assert.equal(beside(GRID, 8, "ArrowRight"), 9);
  assert.equal(beside(GRID, 8, "ArrowUp"), 2);
  assert.equal(beside(GRID, 8, "ArrowDown"), 14);
  assert.equal(beside(GRID, 0, "ArrowLeft"), -1);
  assert.equal(beside(GRID, -1, "ArrowLeft"), 0);
  let seed = 7;
  const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
  for (let round = 0; round < 30; round++) {
    const some = scene(Array.from({ length: 25 }, () => [Math.floor(random() * 600), Math.floor(random() * 400)] as [number, number]));
    const seen = new Set([0]);
    for (const at of seen) {
      for (const key of ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]) {
        const next = beside(some, at, key);
        if (next >= 0) seen.add(next);
      }
    }
    assert.ok(seen.size >= 24, `${seen.size} of 25 in round ${round}`); // two that stand on one point are one to the eye
  }
});

test("a point finds the node that is there, else the nearest link within reach", () => {
  const made = scene([[0, 0], [100, 0]], [{ lines: [[5, 5, 105, 5]] }, { lines: [[5, 5, 50, 60, 105, 5]] }]);
  assert.deepEqual(under(made, 3, 3, 5), { node: 0, link: -1 });
  assert.deepEqual(under(made, 50, 8, 5), { node: -1, link: 0 });
  assert.deepEqual(under(made, 50, 57, 5), { node: -1, link: 1 });
  assert.deepEqual(under(made, 50, 30, 5), { node: -1, link: -1 });
});

test("a way goes through its links in order, each in its direction, and over gaps", () => {
  const made = scene([[0, 0], [100, 0]], [{ lines: [[0, 0, 30, 0]] }, { lines: [[60, 0, 50, 0], [40, 0, 30, 0]] }]);
  const way = pieces(made, [0, 3]);
  assert.deepEqual(way, [[0, 0, 30, 0], [30, 0, 40, 0], [50, 0, 60, 0]]);
  assert.deepEqual(along(way, 0), [0, 0]);
  assert.deepEqual(along(way, 1), [60, 0]);
  assert.deepEqual(along(way, 0.5), [25, 0]);
  assert.deepEqual(along(way, 0.9), [55, 0]); // 45 of 50, with 10 of gap before
  for (let t = 0; t <= 1; t += 0.01) {
    const [x] = along(way, t)!;
    assert.ok(x <= 40 || x >= 50, "a mark is never in the gap");
  }
  assert.equal(along([], 0.5), null);
});

test("all that is drawn is within what is shown, with notes or without", () => {
  const made = scene([[0, 0], [100, 40]], [{ lines: [[5, 5, 50, 90, 105, 45]] }]);
  assert.deepEqual(around(made, false), { x: 0, y: 0, w: 110, h: 90 });
  assert.deepEqual(around(made, true), { x: -50, y: 0, w: 160, h: 90 });
});
