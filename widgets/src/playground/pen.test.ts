import assert from "node:assert/strict";
import { test } from "node:test";
import { FIELD, centre, likeliest, stroke } from "./pen.ts";

const empty = new Uint8Array(FIELD * FIELD);
const mass = (pixels: Uint8Array): [number, number, number] => {
  let sum = 0, x = 0, y = 0;
  pixels.forEach((ink, i) => {
    sum += ink;
    x += ink * (i % FIELD + 0.5);
    y += ink * (Math.floor(i / FIELD) + 0.5);
  });
  return [sum, x / sum, y / sum];
};

test("a stroke inks a round, soft line without gaps, and leaves the old picture alone", () => {
  const drawn = stroke(empty, [5.5, 3.5], [5.5, 20.5], 1);
  for (let row = 3; row <= 20; row++) assert.equal(drawn[row * FIELD + 5], 255);
  assert.ok(drawn[10 * FIELD + 6]! > 0 && drawn[10 * FIELD + 6]! < 255);
  assert.equal(drawn[10 * FIELD + 9], 0);
  assert.ok(empty.every(ink => ink === 0));
});

test("the eraser takes away; pens at the rim stay inside", () => {
  const drawn = stroke(empty, [14, 14], [14, 14], 3);
  assert.equal(mass(stroke(drawn, [14, 14], [14, 14], 5, true))[0], 0);
  assert.doesNotThrow(() => stroke(empty, [-5, -5], [40, 40], 2));
});

test("a small digit in a corner is scaled to 20 pixels and its mass is brought to the middle", () => {
  const made = centre(stroke(stroke(empty, [3, 2], [3, 9], 0.7), [3, 9], [7, 9], 0.7));
  const [, x, y] = mass(made);
  assert.ok(Math.abs(x - 14) <= 1 && Math.abs(y - 14) <= 1, `${x}, ${y}`);
  const rows = [...Array(FIELD).keys()].filter(row => made.subarray(row * FIELD, (row + 1) * FIELD).some(ink => ink > 60));
  assert.ok(rows.length >= 18 && rows.length <= 21, String(rows.length));
});

test("nothing to centre stays nothing, and what is centred stays there", () => {
  assert.deepEqual(centre(empty), empty);
  const once = centre(stroke(empty, [10, 8], [18, 20], 1.2));
  const [, x, y] = mass(centre(once));
  assert.ok(Math.abs(x - 14) <= 1 && Math.abs(y - 14) <= 1);
});

test("the likeliest digit, and how likely", () => {
  assert.deepEqual(likeliest([0.1, 0.7, 0.2]), [1, 0.7]);
});
