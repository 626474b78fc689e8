import assert from "node:assert/strict";
import { test } from "node:test";
import { bars, clamp, eventAt, fullness, nearest } from "./bars.ts";
import { busyLane, example } from "./example.ts";

test("every event of the window is in one bar, and every bar is where its events are", () => {
  for (let seed = 0; seed < 40; seed++) {
    const events = example(busyLane(300, seed));
    const lane = events.lanes[0]!;
    const from = seed % 3 ? events.whole * 0.3 : 0;
    const window = { from, to: seed % 2 ? events.whole : from + events.whole * 0.1, width: 200 + seed };
    const x = (t: number) => (t - window.from) / (window.to - window.from) * window.width;
    const seen = new Map<number, number>();
    let right = -Infinity;
    bars(events, lane, window, (x0, x1, i, j) => {
      assert.ok(x0 >= right - 1.5, "bars go to the right, and overlap by no more than a narrow one");
      right = x1;
      for (let at = i; at < j; at++) {
        const event = lane.events[at]!;
        seen.set(event, (seen.get(event) ?? 0) + 1);
        assert.ok(x(events.start[event]!) <= x1 + 0.01 && x(events.end[event]!) >= x0 - 0.01);
      }
      assert.ok(fullness(lane, window, x0, x1, i, j) <= 1);
    });
    for (const event of lane.events) {
      const inside = events.end[event]! > window.from && events.start[event]! < window.to;
      if (inside) assert.equal(seen.get(event), 1, `event ${event} of seed ${seed}`);
    }
  }
});

test("a million pixels' worth of events is drawn as no more bars than pixels", () => {
  const events = example(Array.from({ length: 50_000 }, (_, i) => ({ node: "n", start: 2 * i, duration: 1 })));
  let count = 0;
  let together = 0;
  bars(events, events.lanes[0]!, { from: 0, to: events.whole, width: 500 }, (_x0, _x1, i, j) => { count++; together += j - i; });
  assert.ok(count <= 500);
  assert.equal(together, 50_000);
});

test("half a pixel's time filled is half full", () => {
  const events = example(Array.from({ length: 1000 }, (_, i) => ({ node: "n", start: 2 * i, duration: 1 })));
  const window = { from: 0, to: 2000, width: 20 };
  assert.equal(fullness(events.lanes[0]!, window, 5, 6, 250, 300), 0.5);
});

test("a point finds the event that is there, or a narrow one beside it", () => {
  const events = example([{ node: "a", start: 0, duration: 10 }, { node: "b", start: 20, duration: 0 }]);
  const lane = events.lanes[0]!;
  assert.equal(eventAt(events, lane, 5, 1), 0);
  assert.equal(eventAt(events, lane, 15, 1), -1);
  assert.equal(eventAt(events, lane, 19, 1), 1);
  assert.equal(eventAt(events, lane, 11, 2), 0);
  assert.equal(nearest(events, events.inRow[0]!, 14), 0);
  assert.equal(nearest(events, events.inRow[0]!, 16), 1);
});

test("a window stays inside the whole and never shrinks to nothing", () => {
  assert.deepEqual(clamp(-5, 5, 100), [0, 10]);
  assert.deepEqual(clamp(95, 105, 100), [90, 100]);
  assert.deepEqual(clamp(-50, 500, 100), [0, 100]);
  const [from, to] = clamp(50, 50, 100);
  assert.ok(to - from >= 1e-5 * 0.99);
});
