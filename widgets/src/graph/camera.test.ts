import assert from "node:assert/strict";
import { test } from "node:test";
import { beginAt, between, fitTo, hold, keep, overlap, READABLE, reveal, seen, zoomAt, type Camera } from "./camera.ts";

const on = (camera: Camera, x: number, y: number) => [x * camera.k + camera.x, y * camera.k + camera.y] as const;
const near = (a: readonly number[], b: readonly number[]) => a.forEach((x, i) => assert.ok(Math.abs(x - b[i]!) < 1e-6, `${a} is not ${b}`));

test("fit shows everything, in the middle, never nearer than life size", () => {
  const camera = fitTo({ x: 100, y: 50, w: 2000, h: 500 }, 1000, 600);
  near(on(camera, 1100, 300), [500, 300]);
  assert.ok(on(camera, 100, 50)[0] >= 23.9 && on(camera, 2100, 550)[0] <= 976.1);
  assert.equal(fitTo({ x: 0, y: 0, w: 10, h: 10 }, 1000, 600).k, 1);
  assert.ok(Number.isFinite(fitTo({ x: 0, y: 0, w: 0, h: 0 }, 0, 0).x));
});

test("what would be unreadable begins at the beginning of the flow", () => {
  const long = { x: 0, y: 0, w: 90000, h: 300 };
  const camera = beginAt(long, 1000, 600, true);
  assert.equal(camera.k, READABLE);
  assert.equal(on(camera, 0, 0)[0], 24);
  near([on(camera, 0, 150)[1]], [300]);
  assert.equal(beginAt({ x: 0, y: 0, w: 300, h: 9000 }, 1000, 600, false).y, 24);
  assert.equal(beginAt({ x: 0, y: 0, w: 1200, h: 500 }, 1000, 600, true).k, fitTo({ x: 0, y: 0, w: 1200, h: 500 }, 1000, 600).k);
});

test("zooming leaves in place what lies under the pointer, within limits", () => {
  const camera = { x: 30, y: -20, k: 0.8 };
  const point = [(400 - camera.x) / camera.k, (200 - camera.y) / camera.k] as const;
  for (const factor of [0.5, 1, 1.7, 1e9, 1e-9]) near(on(zoomAt(camera, 400, 200, factor), ...point), [400, 200]);
  assert.equal(zoomAt(camera, 0, 0, 1e9).k, 4);
});

test("keep holds one point of two scenes at one place of the screen", () => {
  const camera = { x: 5, y: 7, k: 0.5 };
  near(on(keep(camera, { x: 10, y: 20 }, { x: 300, y: 40 }), 300, 40), on(camera, 10, 20));
});

test("reveal moves only as far as it must", () => {
  const camera = { x: 0, y: 0, k: 1 };
  assert.deepEqual(reveal(camera, { x: 100, y: 100, w: 50, h: 50 }, 500, 400), camera);
  const right = reveal(camera, { x: 600, y: 100, w: 50, h: 50 }, 500, 400);
  near(on(right, 650, 100), [476, 100]);
  const large = reveal(camera, { x: 0, y: 0, w: 2000, h: 100 }, 500, 400);
  assert.ok(on(large, 2000, 0)[0] <= 476.1 && on(large, 0, 0)[0] >= 23.9);
  assert.equal(reveal(camera, { x: 0, y: 0, w: 9000, h: 100 }, 500, 400, 24, 0.5).k, 0.5);
});

test("hold keeps some of the scene in view", () => {
  const scene = { width: 1000, height: 800 };
  for (const x of [-1e6, 0, 1e6]) {
    const camera = hold({ x, y: -x, k: 0.5 }, scene, 600, 400);
    assert.ok(overlap(seen(camera, 600, 400), { x: 0, y: 0, w: 1000, h: 800 }));
  }
});

test("between goes from one camera to the other, and a zoom's fixed point stands still on the way", () => {
  const from = { x: 10, y: 10, k: 0.5 }, to = zoomAt(from, 300, 200, 3);
  const point = [(300 - from.x) / from.k, (200 - from.y) / from.k] as const;
  for (const t of [0, 0.25, 0.5, 1]) near(on(between(from, to, t), ...point), [300, 200]);
  near(on(between(from, { ...from, x: 90 }, 0.5), 0, 0), [50, 10]);
});
