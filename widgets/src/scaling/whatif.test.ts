// The learner's curve: the formulas worked out by hand, and the sliders.

import assert from "node:assert/strict";
import { test } from "node:test";

import { exchange, fromPlace, halved, step, toPlace, value, type WhatIf } from "./whatif.ts";

const WHAT: WhatIf = { compute: 2, bytes: 1e9, bandwidth: 1e9, latency: 0.1, overlap: 0, way: "servers", servers: 4, batch: 8, shown: true };
const near = (a: number | null, b: number) => assert.ok(Math.abs(a! - b) <= 1e-9 * Math.abs(b), `${a} is not ${b}`);

test("what travels takes its time", () => {
  assert.equal(exchange(WHAT, 1), 0);
  near(exchange(WHAT, 2), 0.2 + 2); // a worker's own link is the floor
  near(exchange(WHAT, 12), 0.2 + 2 * 3); // then the servers' links are
  near(exchange({ ...WHAT, way: "ring" }, 4), 6 * (0.25 + 0.1));
  near(exchange({ ...WHAT, way: "tree" }, 8), 6 * 1.1);
  near(exchange({ ...WHAT, way: "tree" }, 9), 8 * 1.1);
});

test("speed-up, efficiency and rate follow from the time of a step", () => {
  near(step(WHAT, 2), 4.2);
  near(step({ ...WHAT, overlap: 0.5 }, 2), 3.1);
  near(step({ ...WHAT, overlap: 1 }, 12), 2 + 6.2 - 2); // computing hides no more than it lasts
  near(value(WHAT, "speed-up", 2), 2 * 2 / 4.2);
  near(value(WHAT, "efficiency", 2), 2 / 4.2);
  near(value(WHAT, "throughput", 2), 2 * 8 / 4.2);
  near(value(WHAT, "step time", 2), 4.2);
  assert.equal(value(WHAT, "backup workers", 2), null);
});

test("from where on exchange is the larger part, against trying all", () => {
  for (const bytes of [1e6, 5e7, 3e8]) {
    const what = { ...WHAT, bytes, latency: 0 }, tried = Array.from({ length: 5000 }, (_, i) => i + 1).find(n => step(what, n) >= 2 * what.compute) ?? null;
    const found = halved(what);
    if (tried !== null || found === null || found <= 5000) assert.equal(found, tried);
  }
  assert.equal(halved({ ...WHAT, way: "ring", bytes: 1e6, latency: 0 }), null);
});

test("a slider's place is the place of its value", () => {
  for (const place of [0, 1, 333, 500, 999, 1000]) assert.equal(toPlace(fromPlace(place, 1e-4, 1e2), 1e-4, 1e2), place);
  assert.equal(fromPlace(0, 1e8, 1e12), 1e8);
  assert.equal(toPlace(1e20, 1e8, 1e12), 1000);
});
