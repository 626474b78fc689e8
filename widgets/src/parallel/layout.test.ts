import assert from "node:assert/strict";
import { test } from "node:test";

import { along, beside, layOut, type Place, under, wayUp } from "./layout.ts";

const apart = (a: Place, b: Place) => a.x + a.w <= b.x + 1e-6 || b.x + b.w <= a.x + 1e-6 || a.y + a.h <= b.y + 1e-6 || b.y + b.h <= a.y + 1e-6;

for (const exchange of ["servers", "ring", "tree"]) {
  test(`no two things overlap and all are inside: ${exchange}`, () => {
    for (const width of [320, 560, 700, 1100]) {
      for (const workers of [1, 2, 3, 4, 7, 8, 15, 16, 24, 25, 50, 51, 200, 1000]) {
        for (const servers of exchange === "servers" ? [1, 3, 16] : [0]) {
          const made = layOut(width, workers, servers, exchange), all = [...made.servers, ...made.workers];
          assert.equal(made.workers.length, workers);
          for (const { x, y, w, h } of all) {
            assert.ok(x >= 0 && y >= 0 && w > 3 && h > 3 && x + w <= width + 1e-6 && y + h <= made.height, `${width} ${workers} ${x} ${w}`);
          }
          for (let i = 0; i < Math.min(all.length, 70); i++) for (let j = 0; j < i; j++) assert.ok(apart(all[i]!, all[j]!), `${width} ${workers} ${i} ${j}`);
        }
      }
    }
  });

  test(`arrows reach every tile and every server: ${exchange}`, () => {
    for (const workers of [1, 2, 5, 8, 15, 30, 50, 137]) {
      const made = layOut(640, workers, exchange === "servers" ? 3 : 0, exchange);
      const seen = new Set([0]);
      for (let todo = [0]; todo.length;) {
        const from = todo.pop()!;
        for (const key of ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]) {
          const to = beside(made, from, key);
          if (!seen.has(to)) { seen.add(to); todo.push(to); }
        }
      }
      assert.equal(seen.size, workers + made.servers.length, `${exchange} ${workers}`);
    }
  });
}

test("in a ring neighbours stand side by side", () => {
  const { workers } = layOut(640, 8, 0, "ring");
  for (let i = 0; i < 8; i++) {
    const a = workers[i]!, b = workers[(i + 1) % 8]!;
    assert.ok(Math.abs(a.x - b.x) < 1e-6 || a.y === b.y, String(i));
    assert.ok(Math.abs(a.x - b.x) <= a.w + 26 + 1e-6 && Math.abs(a.y - b.y) <= a.h + 26 + 1e-6);
  }
});

test("what lies under the pointer is found", () => {
  const made = layOut(640, 6, 2);
  made.workers.forEach(({ x, y, w, h }, n) => assert.equal(under(made, x + w / 2, y + h / 2), n));
  made.servers.forEach(({ x, y, w, h }, n) => assert.equal(under(made, x + w / 2, y + h / 2), -1 - n));
  assert.equal(under(made, 1, 1), null);
});

test("a message's way begins at the tile, ends at the server, and crosses no other tile", () => {
  const made = layOut(640, 16, 1), server = made.servers[0]!, port: [number, number] = [server.x + server.w / 2, server.y + server.h];
  made.workers.forEach((tile, n) => {
    const way = wayUp(made, n, port);
    const near = (a: [number, number], b: [number, number]) => assert.ok(Math.hypot(a[0] - b[0], a[1] - b[1]) < 1e-6);
    near(along(way, 1), port);
    near(along(way, 0), way[0]!);
    for (let share = 0.02; share < 1; share += 0.02) {
      const [x, y] = along(way, share);
      made.workers.forEach((other, m) => assert.ok(m === n || x < other.x || x > other.x + other.w || y < other.y || y > other.y + other.h, `${n} over ${m}`));
    }
    assert.ok(Math.abs(way[0]![1] - tile.y) < 1e-9);
  });
});
