import assert from "node:assert/strict";
import { test } from "node:test";
import { busyLane, example } from "./example.ts";
import { compared, figure, sorted, totals } from "./totals.ts";

test("sums over a stretch are those of a clock that ticks", () => {
  for (let seed = 1; seed < 20; seed++) {
    const events = example(busyLane(60, seed).map((bar, i) => ({ ...bar, duration: bar.duration + 2, row: i % 3, lane: Math.floor(i / 3) })));
    const [from, to] = [Math.floor(events.whole / 4), Math.floor(events.whole / 2)];
    const groups = events.groups("device");
    const { groups: lines, all } = totals(events, groups, from, to);
    for (const line of lines) {
      const mine = Array.from({ length: events.count }, (_, i) => i).filter(i => groups.names[groups.of[i]!] === line.name);
      let time = 0;
      let busy = 0;
      for (let tick = from; tick < to; tick++) {
        const running = mine.filter(i => events.start[i]! <= tick && tick < events.end[i]!).length;
        time += running;
        busy += Number(running > 0);
      }
      assert.equal(line.time, time);
      assert.equal(line.busy, busy);
    }
    assert.equal(all.time, lines.reduce((sum, line) => sum + line.time, 0));
    assert.ok(Math.abs(lines.reduce((sum, line) => sum + line.share, 0) - 1) < 1e-12);
  }
});

test("of an event that is half inside, half of its work counts", () => {
  const events = example([{ node: "a", start: 0, duration: 10, flops: 100 }, { node: "b", start: 10, duration: 10, flops: 7 }]);
  const { all } = totals(events, events.groups("op"), 5, 10);
  assert.deepEqual([all.count, all.time, all.flops, all.moved], [1, 5, 50, 4]);
  assert.equal(figure(all, "rate"), 10);
  assert.equal(figure(all, "intensity"), 12.5);
});

test("events that take no time are counted, with all of their bytes", () => {
  const events = example([{ node: "a", start: 3, duration: 0 }, { node: "b", start: 3, duration: 1 }]);
  const { all } = totals(events, events.groups("op"), 0, 4);
  assert.deepEqual([all.count, all.moved, all.time], [2, 16, 1]);
});

test("lines sort by number, by name with numbers in it, and keep their order where equal", () => {
  const events = example([10, 2, 1].map((n, i) => ({ node: `n${n}`, op: `GPU:${n}`, start: i, duration: 1 })));
  const lines = totals(events, events.groups("op"), 0, 3).groups;
  assert.deepEqual(sorted(lines, "name", false).map(line => line.name), ["GPU:1", "GPU:2", "GPU:10"]);
  assert.deepEqual(sorted(lines, "time", true).map(line => line.name), lines.map(line => line.name));
});

test("two traces are compared group by group, the largest difference first", () => {
  const events = example([
    { node: "a", op: "Exp", start: 0, duration: 4 }, { node: "a", op: "Exp", start: 0, duration: 3, row: 1, run: 1 },
    { node: "b", op: "Mul", start: 4, duration: 9 }, { node: "c", op: "Add", start: 4, duration: 1, row: 1, run: 1 },
  ], [[], []], ["before", "after"]);
  assert.deepEqual(compared(events, events.groups("op"), 0, 20), [
    { name: "Mul", counts: [1, 0], times: [9, 0] },
    { name: "Exp", counts: [1, 1], times: [4, 3] },
    { name: "Add", counts: [0, 1], times: [0, 1] },
    { name: "all", counts: [2, 2], times: [13, 4] },
  ]);
});
