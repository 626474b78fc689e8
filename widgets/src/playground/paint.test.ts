import assert from "node:assert/strict";
import { test } from "node:test";
import { contrast, PAPER } from "../core/colours.ts";
import { ENDS, POINTS, paint, ramp, thickness } from "./paint.ts";

for (const theme of ["light", "dark"] as const) {
  test(`${theme}: links are 3:1 against the paper, points against the fullest ground`, () => {
    const { above, below } = ENDS[theme];
    assert.ok(contrast(above, PAPER[theme]) >= 3 && contrast(below, PAPER[theme]) >= 3);
    assert.ok(contrast(POINTS[theme][1], ENDS[theme].zero) >= 3 && contrast(POINTS[theme][0], ENDS[theme].zero) >= 3);
  });
}

test("the ramp is plain in the middle, orange below, blue above", () => {
  const colours = ramp("light");
  const at = (value: number) => [...colours.slice(3 * (value + 127), 3 * (value + 127) + 3)];
  assert.deepEqual(at(0), [246, 246, 246]);
  assert.ok(at(127)[2]! > at(127)[0]!);
  assert.ok(at(-127)[0]! > at(-127)[2]!);
});

test("a map is painted smoothly; negative parts get stripes, the change of sign a line", () => {
  const values = Int8Array.from([-100, 100, -100, 100]); // left orange, right blue
  const rgba = new Uint8ClampedArray(16 * 16 * 4);
  paint(rgba, 16, values, 2, ramp("light"), { stripe: 5, line: 0 });
  const red = (x: number, y: number) => rgba[4 * (y * 16 + x)]!;
  const rows = [...Array(16).keys()];
  assert.ok(rows.every(y => Math.min(red(7, y), red(8, y)) < 40)); // the line
  assert.ok(new Set(rows.map(y => red(1, y))).size > 1); // stripes
  assert.equal(new Set(rows.map(y => red(14, y))).size, 1); // none here
  assert.ok(rgba.every((value, i) => i % 4 !== 3 || value === 255));
});

test("what is no number does not break the picture", () => {
  const rgba = new Uint8ClampedArray(4 * 4 * 4);
  paint(rgba, 4, Int8Array.from([-128, -128, -128, -128]), 2, ramp("dark"), {});
  assert.equal(rgba[3], 255);
});

test("links grow with the weight, and stay drawable", () => {
  const widths = [0, 0.1, 1, 5, 1000, Infinity, NaN].map(thickness);
  assert.deepEqual([...widths.slice(0, 5)].sort((a, b) => a - b), widths.slice(0, 5));
  assert.ok(widths.every(width => width > 0.5 && width < 8));
});
