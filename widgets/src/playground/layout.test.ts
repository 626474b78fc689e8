import assert from "node:assert/strict";
import { test } from "node:test";
import { line, niceTop } from "./curves.ts";
import { layOut, link } from "./layout.ts";

test("columns stand side by side, boxes do not touch, all is inside and whole", () => {
  for (const [counts, width] of [[[7, 4, 2, 1], 700], [[7, 8, 8, 8, 8, 8, 8, 1], 520], [[1, 32, 64, 10], 600]] as const) {
    const made = layOut([...counts], width, 100);
    const boxes = made.columns.flatMap(column => column.boxes);
    assert.equal(boxes.length, counts.reduce((sum: number, n) => sum + n, 0));
    for (const { x, y } of boxes) {
      assert.ok(Number.isInteger(x) && Number.isInteger(y));
      assert.ok(x - made.box / 2 >= 0 && x + made.box / 2 <= made.width, `${x} of ${made.width}`);
      assert.ok(y - made.box / 2 >= 100 - made.box / 2 && y + made.box / 2 <= made.height);
    }
    boxes.forEach((a, i) => boxes.slice(i + 1).forEach(b =>
      assert.ok(Math.abs(a.x - b.x) >= made.box || Math.abs(a.y - b.y) >= made.box)));
    made.columns.slice(1).forEach((column, i) => assert.ok(column.x > made.columns[i]!.x));
  }
});

test("a link runs from right to left side", () => {
  assert.equal(link({ x: 20, y: 50 }, { x: 120, y: 90 }, 40), "M40 50C70 50 70 90 100 90");
});

test("the axis of the curves ends at 1, 2 or 5 times a power of ten", () => {
  const score = (loss: number) => ({ epoch: 0, trainLoss: loss, testLoss: 0, trainAccuracy: 0, testAccuracy: 0 });
  assert.deepEqual([0.5, 0.51, 1, 3, 7, 0.0012, NaN].map(loss => niceTop([score(loss)])), [0.5, 1, 1, 5, 10, 0.002, 0.000001]);
});

test("a curve stops where the loss is no number, and begins again", () => {
  const path = line([[0, 1], [1, 0.5], [2, NaN], [3, 0]], 1);
  assert.equal(path.match(/M/g)?.length, 2);
  assert.equal(path.match(/L/g)?.length, 1);
});
