import assert from "node:assert/strict";
import { test } from "node:test";
import { type Recorded, Run, valueAt } from "./run.ts";

const DATA: Recorded = {
  seconds: 10, origin: 0,
  flows: { from: [0, 1], to: [1, 0], start: [1, 2], end: [4, 6], bytes: [3, 4], node: ["a", "b"], tensor: ["", ""], path: [0, 1] },
  ways: [[0], [1]],
  loads: [{ link: 0, at: [1, 4], rate: [1, 0] }, { link: 1, at: [2, 3, 6], rate: [0.5, 1.5, 0] }],
  busy: [{ node: 3, start: [0, 5], end: [1, 9], names: ["x", "y"], op: ["X", "Y"] }],
  memory: [{ node: 3, at: [0, 5], bytes: [10, 30] }],
};

test("steps hold from their time on, as a plain search finds", () => {
  for (let t = -1; t < 8; t += 0.25) {
    const at = [0, 1.5, 2, 2, 6];
    const values = [5, 6, 7, 8, 9];
    let expected = 0;
    at.forEach((start, i) => { if (start <= t) expected = values[i]!; });
    assert.equal(valueAt(at, values, t), expected, `at ${t}`);
  }
  assert.equal(valueAt([], [], 1), 0);
});

test("a moment has its loads, messages, ops and memory", () => {
  const run = new Run(DATA);
  assert.deepEqual([...run.loads(0)], []);
  assert.deepEqual([...run.loads(2.5)], [[0, 1], [1, 0.5]]);
  assert.deepEqual([...run.loads(4)], [[1, 1.5]]);
  assert.deepEqual(run.underWay(3), [0, 1]);
  assert.deepEqual(run.underWay(4), [1]); // what ends now has ended
  assert.deepEqual([0, 1, 4.9, 5, 9].map(t => run.computing(3, t)), [0, -1, -1, 1, -1]);
  assert.equal(run.computing(4, 1), -1);
  assert.equal(run.held(3, 7), 30);
  assert.ok(Number.isNaN(run.held(4, 7)));
});

test("steps go through every moment, forth and back", () => {
  const run = new Run(DATA);
  const moments = [0, 1, 2, 4, 5, 6, 9, 10];
  assert.deepEqual(run.moments, moments);
  const forth = [0];
  while (forth.at(-1)! < 10) forth.push(run.step(forth.at(-1)!, 1));
  assert.deepEqual(forth, moments);
  const back = [10];
  while (back.at(-1)! > 0) back.push(run.step(back.at(-1)!, -1));
  assert.deepEqual(back, [...moments].reverse());
  assert.equal(run.step(4.5, 1), 5);
  assert.equal(run.step(4.5, -1), 4);
  assert.equal(run.step(10, 1), 10);
  assert.equal(run.step(0, -1), 0);
});
