// How a race stands: who is there, where a curve is between two points, and where it stood still.

import assert from "node:assert/strict";
import { test } from "node:test";

import { arrival, head, knots, moments, ordinal, type Race, type Runner, standings, unit, whole } from "./course.ts";

const runner = (name: string, seconds: number[], values: (number | null)[], more: Partial<Runner> = {}): Runner => ({
  name, workers: 2, mode: "sync", seconds, updates: seconds.map((_, i) => i + 1), examples: seconds.map((_, i) => 10 * (i + 1)),
  bytes: seconds.map((_, i) => 100 * (i + 1)), values: { loss: values }, stale: seconds.map(() => 0), histogram: { width: 1, counts: [] },
  happenings: [], checkpoints: 0, dropped: 0, lost: { updates: 0, gradients: 0, examples: 0, seconds: 0 }, wrong: "", kills: false, faults: [], ...more,
});

test("the first point at the target counts, from above or from below", () => {
  const one = runner("one", [1, 2, 3, 4], [0.9, 0.5, 0.7, 0.5]);
  assert.equal(arrival(one, "loss", 0.5, true), 1);
  assert.equal(arrival(one, "loss", 0.5, false), 0);
  assert.equal(arrival(one, "loss", 0.49, true), -1);
  assert.equal(arrival(one, "loss", null, true), -1);
  assert.equal(arrival(one, "accuracy", 0.1, false), -1);
  assert.equal(arrival(runner("broken", [1, 2], [null, 0.1]), "loss", 0.5, true), 1);
});

test("places follow the clock, and who comes at the same time shares one", () => {
  const race: Race = { columns: ["loss"], runners: [
    runner("late", [2, 4], [0.9, 0.1]), runner("first", [1, 2], [0.1, 0.2]), runner("also", [1, 9], [0.1, 0.1]), runner("never", [1, 2], [0.9, 0.8])] };
  assert.deepEqual(standings(race, "loss", 0.1, true, 0.5).map(one => [one.place, one.value]), [[null, null], [null, null], [null, null], [null, null]]);
  assert.deepEqual(standings(race, "loss", 0.1, true, 3).map(one => one.place), [null, 1, 1, null]);
  const end = standings(race, "loss", 0.1, true, whole(race));
  assert.deepEqual(end.map(one => [one.place, one.seconds]), [[3, 4], [1, 1], [1, 1], [null, null]]);
  assert.deepEqual(end.map(one => [one.best, one.over]), [[0.1, true], [0.1, true], [0.1, true], [0.8, true]]);
  assert.deepEqual(moments(race), [1, 2, 4, 9]);
});

test("between two points a curve goes straight", () => {
  const one = runner("one", [1, 3], [0.8, 0.4]), line = knots(one, "loss");
  assert.equal(head(one, line, "seconds", 0.5), null);
  assert.deepEqual(head(one, line, "seconds", 1), [1, 0.8]);
  const middle = head(one, line, "seconds", 2)!;
  assert.equal(middle[0], 2);
  assert.ok(Math.abs(middle[1] - 0.6) < 1e-12);
  assert.deepEqual(head(one, line, "updates", 2)![0], 1.5);
  assert.deepEqual(head(one, line, "bytes", 7), [200, 0.4]);
});

test("while a step waits for the dead nothing changes, and a checkpoint is restored at once", () => {
  const seconds = [1, 2, 3, 20, 21], values = [0.9, 0.8, 0.7, 0.6, 0.5];
  const stalled = runner("stalled", seconds, values, { happenings: [[3.5, "died", "worker 1", ""], [6, "noticed", "worker 1", ""], [19, "restarted", "worker 1", ""]] });
  assert.deepEqual(head(stalled, knots(stalled, "loss"), "seconds", 18.9)![1], 0.7);
  assert.ok(Math.abs(head(stalled, knots(stalled, "loss"), "seconds", 19.5)![1] - 0.65) < 1e-12);
  const restored = runner("restored", seconds, values, { happenings: [[3.5, "died", "server 0", ""], [19, "restored", "", ""]] });
  assert.equal(head(restored, knots(restored, "loss"), "seconds", 18.999)![1], 0.7);
  assert.equal(head(restored, knots(restored, "loss"), "seconds", 19)![1], 0.6);
  const going = runner("going", [1, 2, 3, 4], [4, 3, 2, 1], { happenings: [[2.2, "died", "", ""], [2.4, "restarted", "", ""]] });
  assert.deepEqual(knots(going, "loss").map(knot => knot.seconds), [1, 2, 3, 4]);
  const dead = runner("dead", [1, 2], [4, 3], { happenings: [[9, "ended", "", ""]] });
  assert.deepEqual(head(dead, knots(dead, "loss"), "seconds", 9), [9, 3]);
  assert.equal(whole({ columns: [], runners: [dead] }), 9);
});

test("the clock is read in the unit that suits it", () => {
  assert.deepEqual([0.1, 5, 700, 9000].map(seconds => unit(seconds).short), ["ms", "s", "min", "h"]);
  assert.deepEqual([1, 2, 3, 4, 11, 12, 13, 21].map(ordinal), ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st"]);
});
