// The curves of TrainingView: merging, decoding, smoothing, scales.

import assert from "node:assert/strict";
import { test } from "node:test";
import { reach, scale, short, time } from "../core/scale.ts";
import { Series, columns, smoothed } from "./series.ts";
import { Store } from "./store.ts";

function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

test("a series stays within its capacity, and its envelope holds every value", () => {
  for (let seed = 1; seed < 40; seed++) {
    const draw = random(seed), number = Math.floor(draw() * 900) + 1;
    const series = new Series(0, "curves", "loss", 2 * (1 + Math.floor(draw() * 20)));
    const values: number[] = [];
    for (let i = 0; i < number; i++) {
      values.push(draw() < 0.05 ? NaN : draw() * 10 - 5);
      series.add(3 * i, values[i]!);
    }
    assert.ok(series.size <= series.capacity);
    assert.equal(series.count, number);
    values.forEach((value, i) => {
      const at = series.at(3 * i);
      if (Number.isNaN(value)) return;
      assert.ok(series.low[at]! <= value && value <= series.high[at]!, `${value} in bucket ${at}`);
    });
    const finite = values.filter(Number.isFinite);
    const wide = columns(series, smoothed(series, 0), 7);
    assert.ok(wide.length <= 7);
    if (finite.length) {
      assert.equal(Math.min(...wide.map(c => c.low).filter(Number.isFinite)), Math.min(...finite));
      assert.equal(Math.max(...wide.map(c => c.high).filter(Number.isFinite)), Math.max(...finite));
    }
  }
});

test("up to its capacity a series keeps every value", () => {
  const series = new Series(0, "curves", "loss", 8);
  [5, 4, NaN, 2].forEach((value, i) => series.add(i, value));
  assert.deepEqual([0, 1, 2, 3].map(i => series.mean(i)), [5, 4, NaN, 2]);
  assert.equal(series.brokenAt, 2);
  assert.equal(series.at(-1), -1);
  assert.equal(series.at(2.5), 2);
});

test("smoothing leaves a constant alone, and does not depend on the stride", () => {
  const fine = new Series(0, "curves", "a", 1024), coarse = new Series(0, "curves", "a", 256);
  for (let i = 0; i < 1024; i++) for (const one of [fine, coarse]) one.add(i, i < 512 ? 0 : 1);
  assert.equal(coarse.stride, 4);
  const a = smoothed(fine, 0.98), b = smoothed(coarse, 0.98);
  assert.ok(Math.abs(a[1023]! - b[255]!) < 0.01);
  const flat = new Series(0, "curves", "b", 16);
  for (let i = 0; i < 16; i++) flat.add(i, 3);
  for (const value of smoothed(flat, 0.9)) assert.ok(Math.abs(value - 3) < 1e-12);
});

test("scales have round ticks within them, and turn back", () => {
  assert.deepEqual(scale(0, 1, false).ticks, [0, 0.5, 1]);
  assert.deepEqual(scale(0.001, 10, true).ticks, [0.001, 0.01, 0.1, 1, 10]);
  assert.deepEqual(scale(1.1, 9, true).ticks, [2, 5]);
  const draw = random(3);
  for (let i = 0; i < 300; i++) {
    const low = (draw() - 0.3) * 10 ** (draw() * 8 - 4), high = low + (draw() + 0.01) * 10 ** (draw() * 8 - 4), log = draw() < 0.5;
    const made = scale(low, high, log);
    assert.ok(made.ticks.length <= 50);
    const slack = 1e-6 * (made.high - made.low) + 1e-10 * Math.max(Math.abs(made.low), Math.abs(made.high));
    for (const tick of made.ticks) assert.ok(tick >= made.low - slack && tick <= made.high + slack);
    assert.ok(Math.abs(made.place(made.value(0.25)) - 0.25) < 1e-4);
  }
  assert.equal(scale(NaN, NaN, false).low, 0);
  assert.equal(scale(4, 4, false).place(4), 0.5);
});

test("numbers and times are short", () => {
  assert.deepEqual([0, 0.03125, -12.5, 1240, 2.5e-7, 3e9, NaN].map(n => short(n)), [
    "0", "0.0313", "−12.5", "1,240", "2.5e−7", "3e9", "not a number",
  ]);
  assert.deepEqual([0.2, 3, 125, 4800].map(time), ["less than 1 s", "3 s", "2 min 5 s", "1 h 20 min"]);
});

test("the axis of steps is at least half full, or shows all", () => {
  assert.equal(reach(10, 2000), 15.625);
  assert.equal(reach(1100, 2000), 2000);
  assert.equal(reach(2010, 2000), 2010);
  assert.equal(reach(900, null), 1024);
});

function packed(header: object, floats: (f: DataView) => void, bytes: number): DataView {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const start = Math.ceil((4 + text.length) / 8) * 8;
  const view = new DataView(new ArrayBuffer(start + bytes));
  view.setUint32(0, text.length, true);
  new Uint8Array(view.buffer).set(text, 4);
  floats(new DataView(view.buffer, start));
  return view;
}

test("a packed record is read, and deltas follow it without a gap", () => {
  const store = new Store();
  const meta = {
    run: 0, group: "curves", name: "loss", count: 2, stride: 1, open: 0, size: 2, lastStep: 1, lastValue: 0.5,
    brokenAt: null, capacity: 4, steps: 0, low: 16, high: 24, mean: 32,
  };
  const run = { name: "run", state: "running", step: 2 };
  const header = { runs: [run], series: [meta], rateRange: null, images: [], strips: [], pictures: [] };
  store.load(packed(header, view => {
    [0, 1].forEach((step, i) => view.setFloat64(8 * i, step, true));
    [0.75, 0.5, 0.75, 0.5, 0.75, 0.5].forEach((value, i) => view.setFloat32(16 + 4 * i, value, true));
  }, 40));
  assert.deepEqual([0, 1].map(i => store.series[0]!.mean(i)), [0.75, 0.5]);
  const blob = new DataView(new ArrayBuffer(32));
  [1, 2, 0.5, 0.25].forEach((value, i) => blob.setFloat64(8 * i, value, true));
  const delta = { runs: [run], points: [{ series: 0, from: 1, size: 2, steps: 0, values: 16 }], images: [], strips: [], pictures: [] };
  assert.equal(store.apply(delta, blob), true);
  assert.deepEqual([store.series[0]!.count, store.series[0]!.mean(2)], [3, 0.25]); // the point it knew is not counted twice
  assert.equal(store.apply({ ...delta, points: [{ ...delta.points[0], from: 9 }] }, blob), false);
  assert.equal(store.apply({ ...delta, runs: [run, run] }, blob), false);
});
