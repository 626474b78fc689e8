import assert from "node:assert/strict";
import { test } from "node:test";

import { type Film, Run } from "./film.ts";

const none = { at: [], kind: [], who: [], text: [] };
const base = {
  workers: 2, backup: 0, exchange: "servers" as const, servers: 1, group: 8, gradients: 1, batch: 4, compute: 1, pull: 0.5, whole: 0, wholeUpdates: 0,
  down: [], happenings: none,
};

/** Two steps of two workers: 1 s and 2 s, then 1 s for the exchange. In the second worker 1 dies at 4 s and is back at 6 s. */
const sync: Film = {
  ...base, mode: "sync", until: 10, down: [["worker 1", 4, 5, 6]],
  steps: { start: [0, 3], arrivals: [[1, 2], [1, 5]], enough: [2, 8], end: [3, 9], late: [[], []], broken: [0, 0] }, turns: null,
  updates: { at: [3, 9], worker: [-1, -1], stale: [0, 0], done: [1, 2], examples: [8, 16], bytes: [10, 20] },
};

/** Worker 0: three turns of pull 1, compute 2, push 1; worker 1 dies in its first. */
const free: Film = {
  ...base, mode: "async", until: 12, down: [["worker 1", 2, null, null]], steps: null,
  turns: { worker: [0, 1, 0, 0], start: [0, 0, 4, 8], fetched: [1, 1, 5, 9], computed: [3, 3, 7, 11], sent: [4, 4, 8, 12], sends: [1, 1, 1, 1] },
  updates: { at: [4, 8, 12], worker: [0, 0, 0], stale: [0, 1, 1], done: [1, 2, 3], examples: [4, 8, 12], bytes: [5, 10, 15] },
};

const doings = (run: Run, worker: number, times: number[]) => times.map(time => run.state(worker, time).doing);

test("in a synchronous step a worker computes, waits for the others, pushes and pulls", () => {
  const run = new Run(sync);
  assert.deepEqual(doings(run, 0, [0.5, 1.5, 2.2, 2.8]), ["compute", "wait", "push", "pull"]);
  assert.deepEqual(doings(run, 1, [0.5, 1.5, 2.2, 2.8]), ["compute", "compute", "push", "pull"]);
  assert.equal(run.state(1, 0.5).share, 0.25);
  assert.equal(run.state(0, 10).doing, "idle");
});

test("who is dead holds up the others until it is back and has computed anew", () => {
  const run = new Run(sync);
  assert.deepEqual(doings(run, 1, [3.5, 4, 5.9, 6, 7.9]), ["compute", "down", "down", "compute", "compute"]);
  assert.deepEqual(doings(run, 0, [3.5, 4.5, 7.9]), ["compute", "wait", "wait"]);
  assert.deepEqual(run.outage("worker 1", 4.5), [4, 5, 6]);
  assert.equal(run.outage("worker 1", 6), null);
});

test("with a backup the gradient that comes too late is told apart and counted", () => {
  const run = new Run({ ...sync, down: [], backup: 1, steps: { ...sync.steps!, arrivals: [[1, 2], [1, 5]], enough: [1, 4], end: [2.5, 5.5], late: [[1], [1]] } });
  assert.deepEqual(doings(run, 1, [0.5, 1.5]), ["compute", "late"]);
  assert.deepEqual([2, 2.5, 5.5].map(time => run.totals(time).dropped), [0, 1, 2]);
});

test("a worker that waits for nobody pulls, computes, pushes; one that died does nothing more", () => {
  const run = new Run(free);
  assert.deepEqual(doings(run, 0, [0.5, 2, 3.5, 4.5]), ["pull", "compute", "push", "pull"]);
  assert.deepEqual(doings(run, 1, [0.5, 1.5, 2, 11]), ["pull", "compute", "down", "down"]);
});

test("pieces are what state says, wherever one looks", () => {
  for (const film of [sync, free]) {
    const run = new Run(film);
    for (let worker = 0; worker < 2; worker++) {
      for (let time = 0.05; time < film.until; time += 0.1) {
        const { doing } = run.state(worker, time);
        const found = run.pieces(worker, 0, film.until).filter(([from, to]) => from <= time && time < to).map(([, , what]) => what);
        if (doing === "idle") assert.deepEqual(found, []);
        else assert.equal(found.at(-1), doing, `${film.mode} ${worker} ${time}`);
      }
    }
  }
});

test("totals, rates and ages count what was applied until then", () => {
  const run = new Run(free);
  assert.deepEqual(run.totals(3.9), { updates: 0, applied: 0, examples: 0, bytes: 0, last: 0, dropped: 0 });
  assert.deepEqual(run.totals(8), { updates: 2, applied: 2, examples: 8, bytes: 10, last: 8, dropped: 0 });
  assert.equal(run.recent(12, 5), 2);
  assert.deepEqual([3, 4, 12].map(time => run.staleness(time)), [[], [1], [1, 2]]);
});

test("steps lead from event to event, and from update to update, both ways", () => {
  const run = new Run(sync);
  const there: number[] = [];
  for (let time = 0; time < 10; time = run.step(time, 1)) there.push(time);
  assert.deepEqual(there, [0, 1, 2, 3, 4, 8, 9]); // 4: the gradient of worker 0
  const back: number[] = [];
  for (let time = 10; time > 0; time = run.step(time, -1)) back.push(run.step(time, -1));
  assert.deepEqual(back, [9, 8, 4, 3, 2, 1, 0]);
  assert.deepEqual([run.update(0, 1), run.update(3, 1), run.update(9, -1), run.update(3, -1)], [3, 9, 3, 0]);
});

test("what has just arrived glows, and a dead worker's message does not", () => {
  const run = new Run(free);
  assert.deepEqual(run.glow(0, 4.01).map(([doing]) => doing), ["push"]);
  assert.deepEqual(run.glow(0, 5.01).map(([doing]) => doing), ["pull"]);
  assert.deepEqual(run.glow(1, 4.01), []);
  assert.deepEqual(new Run(sync).glow(0, 3.1).map(([doing]) => doing), ["push", "pull"]);
});

test("a gradient that never comes is no number that a picture stumbles over", () => {
  const run = new Run({ ...sync, down: [["worker 1", 1, 2, null]], steps: { start: [0], arrivals: [[1, null]], enough: [null], end: [null], late: [[]], broken: [0] } });
  assert.deepEqual(doings(run, 0, [0.5, 5]), ["compute", "wait"]);
  assert.equal(run.state(0, 5).share, 0);
  assert.ok(run.pieces(1, 0, 10).every(([from, to]) => Number.isFinite(from) && Number.isFinite(to)));
  assert.ok(Number.isFinite(run.round) && run.round > 0);
});
