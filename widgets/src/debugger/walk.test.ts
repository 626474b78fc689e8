import assert from "node:assert/strict";
import { test } from "node:test";
import { positionAt, ticks } from "./ticks.ts";
import {
  find, headline, madeText, momentAt, progress, spoken, statusOf, stepNow, stepsByName, stopOnTheWay, take, valueOn,
  type Entry, type Moment, type Plan, type Track,
} from "./walk.ts";

const plan: Plan = {
  names: ["w/read", "loss", "train"], ops: ["Identity", "Square", "Apply"], op: [0, 1, 2],
  sites: ["cell 1"], site: [0, 0, 0], inside: [], fed: { "x:0": "7" },
};
const entries: Entry[] = [[0, ["4"], []], [1, ["inf"], []], [0, [""], [["w", "2"]]]];
const at = (position: number): Track => ({ plan, entries, position });
const histories: Record<string, Moment[]> = { w: [[0, "float32", "4", 0], [3, "float32", "2", 0]] };

test("steps are done, here, next or later", () => {
  assert.deepEqual([0, 1, 2, 3].map(i => statusOf(i, 2)), ["done", "here", "next", "later"]);
});

test("a history says what holds at each position, forward and back", () => {
  assert.deepEqual([0, 1, 2, 3, 9].map(position => momentAt(histories["w"], position)![2]), ["4", "4", "4", "2", "2"]);
  assert.equal(momentAt([[2, "float32", "16", 0]], 1), null);
  assert.equal(momentAt(undefined, 1), null);
  // against a plain search, for all positions of a longer history
  const long: Moment[] = [0, 3, 4, 9, 20].map(start => [start, "f", String(start), 0]);
  for (let position = 0; position < 25; position++) {
    assert.equal(momentAt(long, position), [...long].reverse().find(moment => moment[0] <= position));
  }
});

test("edges carry what was fed, what was made behind us, and what variables hold", () => {
  const steps = stepsByName(plan);
  const value = (position: number, name: string, slot = 0) => valueOn(at(position), steps, histories, name, slot);
  assert.deepEqual([value(0, "x"), value(0, "loss"), value(2, "loss"), value(1, "loss")], ["7", "", "inf", ""]);
  assert.deepEqual([value(2, "w"), value(3, "w"), value(3, "w", -1), value(3, "nothing")], ["4", "2", "", ""]);
});

test("a variable's edge is as short as the others", () => {
  const of: Record<string, Moment[]> = { v: [[0, "float32[3, 2]", "-1 to 2, mean 0.5, 1 NaN", 1]], u: [[0, "", "no value yet", 0]] };
  assert.equal(valueOn(at(1), stepsByName(plan), of, "v", 0), "[3, 2] mean 0.5");
  assert.equal(valueOn(at(1), stepsByName(plan), of, "u", 0), "");
});

test("inside a loop a node stands for its last step behind us", () => {
  const inner: Plan = { ...plan, names: ["a", "b", "a", "b"], op: [0, 1, 0, 1], site: [0, 0, 0, 0], drawn: ["loop/a", "loop/b", "loop/a", "loop/b"] };
  const steps = stepsByName(inner);
  assert.deepEqual(steps.get("loop/a"), [0, 2]);
  assert.deepEqual([0, 1, 2, 3].map(position => stepNow(steps.get("loop/a"), position)), [0, 0, 0, 2]);
  const track: Track = { plan: inner, entries: [[0, ["1"], []], [0, ["2"], []], [0, ["3"], []], [0, ["4"], []]], position: 2 };
  assert.equal(valueOn(track, steps, {}, "loop/b", 0), "2");
  assert.equal(valueOn({ ...track, position: 4 }, steps, {}, "loop/b", 0), "4");
});

test("words for where we are", () => {
  assert.equal(headline(at(0)), "At the beginning of 3 steps");
  assert.equal(spoken(at(2)), "Step 2 of 3: Square loss, inf, NaN or infinity");
  assert.equal(madeText(entries[2]), "w = 2");
  assert.equal(madeText([0, [], []]), "done");
  assert.equal(madeText([0, ["1", "2"], []]), "1 and 1 more");
});

test("a scope knows how far it has come", () => {
  assert.deepEqual(progress(["w/read", "loss", "w"], stepsByName(plan), at(1)), { runs: 2, done: 1, bad: 0, next: true });
  assert.deepEqual(progress(["w/read", "loss"], stepsByName(plan), at(2)), { runs: 2, done: 2, bad: 1, next: false });
});

test("finding: the exact name first, then what lies ahead", () => {
  assert.deepEqual(find(plan, "LOSS", 3), { total: 1, hits: [1] });
  assert.deepEqual(find(plan, "r", 2).hits, [2, 0, 1].filter(i => /r/i.test(`${plan.names[i]} ${plan.ops[i]}`)));
  assert.deepEqual(find(plan, "  ", 0).hits, []);
});

test("a walk over what has run stops behind the first NaN, once", () => {
  assert.equal(stopOnTheWay(entries, 0, 3), 2);
  assert.equal(stopOnTheWay(entries, 2, 3), 3);
  assert.equal(stopOnTheWay(entries, 0, 1), 1);
});

test("entries are taken in order, overlapping or not, and gaps are noticed", () => {
  const known: Entry[] = [entries[0]!];
  assert.equal(take(known, [2, [entries[2]!]]), false);
  assert.equal(take(known, [0, entries.slice(0, 2)]), true);
  assert.equal(known.length, 2);
  assert.equal(take(known, [2, [entries[2]!]]), true);
  assert.deepEqual(known, entries);
});

function long(count: number, position: number): Track {
  const names = Array.from({ length: count }, (_, i) => `n${i}`);
  return {
    plan: { ...plan, names, op: names.map(() => 0), site: names.map(() => 0) },
    entries: names.map((_, i): Entry => [Number(i === 37), ["1"], []]), position,
  };
}

test("one tick a step while there is room, and every step in exactly one tick", () => {
  for (const [count, width] of [[3, 600], [150, 600], [151, 600], [20000, 513], [1, 10], [0, 100]] as const) {
    const all = ticks(long(count, 0), width, new Set());
    let next = 0;
    for (const { first, last, x, w } of all) {
      assert.equal(first, next);
      assert.ok(last > first && x >= 0 && x + w <= width + 18);
      next = last;
    }
    assert.equal(next, count);
    if (count <= width / 4) assert.equal(all.length, count);
  }
});

test("the tick that counts is marked: here, next, bad, stop", () => {
  const all = ticks(long(100, 40), 1000, new Set([50]));
  assert.deepEqual([all[39]!.status, all[40]!.status, all[38]!.status, all[41]!.status], ["here", "next", "done", "later"]);
  assert.deepEqual(all.filter(tick => tick.bad).map(tick => tick.first), [37]);
  assert.deepEqual(all.filter(tick => tick.marked).map(tick => tick.first), [50]);
  assert.equal(ticks(long(100, 20), 1000, new Set())[37]!.bad, false); // not yet
  const together = ticks(long(1000, 500), 400, new Set());
  assert.equal(together.filter(tick => tick.status === "here").length, 1);
});

test("a place on the strip is a position, and comes back to the tick that it came from", () => {
  for (const [count, width] of [[12, 600], [1000, 400], [20000, 600]] as const) {
    const all = ticks(long(count, 0), width, new Set());
    assert.equal(positionAt(all, -5), 0);
    assert.equal(positionAt(all, 1e6), count);
    for (const { x, w, first, last } of all) {
      const position = positionAt(all, x + w / 2);
      assert.ok(first < position && position <= last, `${position} in ${first} to ${last}`);
    }
  }
});
