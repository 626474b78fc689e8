import assert from "node:assert/strict";
import { test } from "node:test";

import { type Data, heldAt, label, lastStarted, most, Run, type RunColumns, source, working } from "./run.ts";
import { layOut, under } from "./paint.ts";

// GPipe on two stages, two microbatches: F 1, B 2, a transfer 0.5; a tick is half a second.
const gpipe: RunColumns = {
  schedule: "gpipe", chunks: 1, seconds: 9.5, bubble: 0.368, formula: 1 / 3, free: 1 / 3, busy: [6, 6],
  stages: [
    { kind: "FFBB", microbatch: [0, 1, 1, 0], chunk: [0, 0, 0, 0], start: [0, 2, 10, 15], end: [2, 4, 14, 19], at: [0, 2, 14, 19], held: [1, 2, 1, 0] },
    { kind: "FFBB", microbatch: [0, 1, 1, 0], chunk: [0, 0, 0, 0], start: [3, 5, 7, 11], end: [5, 7, 11, 15], at: [0, 3, 5, 11, 15], held: [0, 1, 2, 1, 0] },
  ],
  sends: { kind: "FFBB", from: [0, 0, 1, 1], to: [1, 1, 0, 0], microbatch: [0, 1, 1, 0], start: [2, 4, 9, 15], end: [3, 5, 10, 16] },
};
const data: Data = {
  tick: 0.5, names: ["stage 0", "stage 1"], forward: [1, 1], backward: [2, 2], kept: [1, 1], counts: true, microbatches: 2, given: 0.5,
  devices: [], costed: "", choices: { stages: [2], microbatches: [2] }, runs: [gpipe],
};

test("what a stage does at a moment: a piece from its start until just before its end", () => {
  const [first] = gpipe.stages as [RunColumns["stages"][0]];
  assert.deepEqual([-1, 0, 1.9, 2, 4, 9.9, 10, 18.9, 19].map(at => working(first, at)), [-1, 0, 0, 1, -1, -1, 2, 3, -1]);
  assert.deepEqual([-1, 0, 5, 100].map(at => lastStarted(first, at)), [-1, 0, 1, 3]);
  assert.deepEqual([0, 1, 2, 14, 19].map(at => heldAt(first, at)), [1, 1, 2, 1, 0]);
  assert.equal(most(first), 2);
});

test("a stage that stands still says for whom it waits, and whether it is on its way", () => {
  const run = new Run(data);
  assert.equal(run.doing(gpipe, 0, 0), "does F0");
  assert.equal(run.doing(gpipe, 1, 0), "waits for stage 0");
  assert.equal(run.doing(gpipe, 1, 2), "waits: F0's input is on its way");
  assert.equal(run.doing(gpipe, 0, 5), "waits for stage 1");
  assert.equal(run.doing(gpipe, 0, 9), "waits: B1's input is on its way");
  assert.equal(run.doing(gpipe, 1, 15), "has done its share");
  assert.equal(run.at(gpipe, 1), "GPipe at 1.00 s: stage 0 does F1, keeps 2 microbatches; stage 1 waits: F0's input is on its way, keeps 0 microbatches.");
  assert.equal(run.about({ run: 0, stage: 0, piece: 2 }), "stage 0: backward of microbatch 1, 5.00 s to 7.00 s, after 3.00 s of waiting for stage 1");
});

test("steps go to the next start or end of anything, and stop at the ends", () => {
  const run = new Run(data);
  assert.deepEqual(run.moments, [0, 2, 3, 4, 5, 7, 9, 10, 11, 14, 15, 16, 19]);
  assert.equal(run.whole, 9.5);
  assert.equal(run.step(0, 1), 1);
  assert.equal(run.step(9.5, 1), 9.5);
  assert.equal(run.step(9.5, -1), 8);
  assert.equal(run.step(0, -1), 0);
});

test("chunks go around: the input of a piece comes from the stage before it on its way", () => {
  const stage = { kind: "FFBB", microbatch: [0, 0, 0, 0], chunk: [0, 1, 1, 0], start: [], end: [], at: [], held: [] };
  const run: RunColumns = { ...gpipe, chunks: 2, stages: [stage, stage, stage] };
  assert.deepEqual([0, 1, 2, 3].map(piece => source(run, 0, piece)), [0, 2, 1, 1]); // F of chunk 0: nobody's
  assert.deepEqual([0, 1, 2, 3].map(piece => source(run, 2, piece)), [1, 1, 2, 0]); // B of the last chunk: its own F
  assert.deepEqual([0, 1, 2].map(piece => label(run, 0, piece)), ["F0a", "F0b", "B0b"]);
});

test("a point of the picture is the piece that is drawn there", () => {
  const run = new Run(data), layout = layOut(run, 600), look = { from: 0, to: run.end, width: 600, time: 0, chosen: null };
  const x = (at: number) => layout.gutter + at / run.end * (600 - layout.gutter - 6), y = layout.blocks[0]!.rows.map(top => top + 3);
  assert.deepEqual(under(run, layout, look, x(1), y[0]!), { run: 0, stage: 0, piece: 0 });
  assert.deepEqual(under(run, layout, look, x(8), y[1]!), { run: 0, stage: 1, piece: 2 });
  assert.equal(under(run, layout, look, x(6), y[0]!), null);
  assert.equal(under(run, layout, look, 2, y[0]!), null);
});
