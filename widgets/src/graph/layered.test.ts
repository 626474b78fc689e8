import dagre from "@dagrejs/dagre";
import assert from "node:assert/strict";
import { test } from "node:test";
import { backEdges, components } from "./cycles.ts";
import { FIRST, LAST, layered, type Placed, type Task } from "./layered.ts";
import { crossings, reorder, type Layers } from "./order.ts";
import { random } from "./samples.ts";

function task(n: number, edges: [number, number][], size = (v: number) => [80 + 2 * ((v * 7) % 30), 40 + 2 * ((v * 5) % 10)]): Task {
  const all = (value: number) => new Array<number>(n).fill(value);
  return {
    width: all(0).map((_, v) => size(v)[0]!), height: all(0).map((_, v) => size(v)[1]!), mid: all(0), core: all(0).map((_, v) => size(v)[1]!), pin: all(0),
    from: edges.map(e => e[0]), to: edges.map(e => e[1]), fromAt: edges.map(() => NaN), toAt: edges.map(() => NaN), room: 44,
  };
}

/** Edges go from smaller to larger numbers, and most go near. */
function someEdges(seed: number, n: number, many: number, near = n): [number, number][] {
  const next = random(seed), seen = new Set<string>(), edges: [number, number][] = [];
  for (let k = 0; k < many; k++) {
    const to = 1 + Math.floor(next() * (n - 1)), from = Math.max(0, to - 1 - Math.floor(next() * Math.min(near, to)));
    if (from === to || seen.has(`${from} ${to}`)) continue;
    seen.add(`${from} ${to}`);
    edges.push([from, to]);
  }
  return edges;
}

function overlaps({ x, y }: Placed, { width, height }: Task): string[] {
  const found: string[] = [];
  for (let a = 0; a < x.length; a++) {
    for (let b = a + 1; b < x.length; b++) {
      if (x[a]! < x[b]! + width[b]! && x[b]! < x[a]! + width[a]! && y[a]! < y[b]! + height[b]! && y[b]! < y[a]! + height[a]!) found.push(`${a} ${b}`);
    }
  }
  return found;
}

test("components and back edges agree with plain searches", () => {
  for (let seed = 0; seed < 60; seed++) {
    const next = random(seed), n = 2 + Math.floor(next() * 14), m = Math.floor(next() * 30);
    const from = Array.from({ length: m }, () => Math.floor(next() * n)), to = Array.from({ length: m }, () => Math.floor(next() * n));
    const reach = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => i === j));
    from.forEach((u, e) => { reach[u]![to[e]!] = true; });
    for (let k = 0; k < n; k++) for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) if (reach[i]![k] && reach[k]![j]) reach[i]![j] = true;
    const of = components(n, from, to), back = backEdges(n, from, to);
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) assert.equal(of[i] === of[j], reach[i]![j]! && reach[j]![i]!);
    from.forEach((u, e) => { if (back[e]) assert.ok(reach[to[e]!]![u], "only edges of loops are turned"); });
    // Without them, nothing returns.
    const kept = from.map((u, e) => [u, to[e]!] as const).filter((_, e) => !back[e]);
    const waits = new Int32Array(n);
    for (const [, v] of kept) waits[v]!++;
    const free = [...waits.keys()].filter(v => !waits[v]);
    for (let k = 0; k < free.length; k++) for (const [u, v] of kept) if (u === free[k] && !--waits[v]!) free.push(v);
    assert.equal(free.length, n);
  }
});

test("boxes never overlap, edges go down, all numbers are whole, and nothing leaves the picture", () => {
  for (let seed = 0; seed < 150; seed++) {
    const n = 2 + (seed * 13) % 60;
    const given = task(n, someEdges(seed, n, Math.floor(n * (0.5 + (seed % 5) * 0.6)), seed % 3 ? 6 : n));
    const placed = layered(given);
    assert.deepEqual(overlaps(placed, given), []);
    given.from.forEach((u, e) => {
      const v = given.to[e]!, route = placed.routes[e]!;
      assert.ok(placed.y[u]! + given.height[u]! < placed.y[v]!, "down");
      assert.equal(route[0], placed.x[u]! + (given.width[u]! >> 1));
      assert.equal(route[1], placed.y[u]! + given.height[u]!);
      assert.equal(route.at(-2), placed.x[v]! + (given.width[v]! >> 1));
      assert.equal(route.at(-1), placed.y[v]);
      for (let i = 3; i < route.length; i += 2) assert.ok(route[i]! >= route[i - 2]!);
      for (let i = 0; i < route.length; i += 2) assert.ok(route[i]! >= 0 && route[i]! <= placed.width && route[i + 1]! <= placed.height);
      assert.ok(route.every(Number.isInteger));
    });
    for (let v = 0; v < n; v++) {
      assert.ok(placed.x[v]! >= 0 && placed.x[v]! + given.width[v]! <= placed.width);
      assert.ok(placed.y[v]! >= 0 && placed.y[v]! + given.height[v]! <= placed.height);
    }
    assert.deepEqual(layered(given), placed);
  }
});

test("a chain is one straight column, a long edge bends at its two ends only", () => {
  const line = layered(task(30, Array.from({ length: 29 }, (_, v) => [v, v + 1])));
  for (const route of line.routes) assert.equal(route[0], route[2]);
  for (const route of line.routes) assert.equal(route.length, 4);
  const skip = layered(task(12, [...Array.from({ length: 11 }, (_, v): [number, number] => [v, v + 1]), [0, 11]]));
  assert.ok(skip.routes[11]!.length <= 8, String(skip.routes[11]));
});

test("what nothing joins is packed, not stacked in one line", () => {
  const alone = layered(task(100, []));
  assert.deepEqual(overlaps(alone, task(100, [])), []);
  const shape = alone.width / alone.height;
  assert.ok(shape > 0.6 && shape < 4, String(shape));
  const pairs = layered(task(100, Array.from({ length: 50 }, (_, k) => [2 * k, 2 * k + 1])));
  assert.ok(pairs.width / pairs.height < 4 && pairs.width / pairs.height > 0.4);
  const star = task(200, Array.from({ length: 199 }, (_, k) => [k, 199]));
  const fan = layered(star);
  assert.ok(fan.width < 0.6 * 200 * 134, `${fan.width} x ${fan.height}`); // rows like bricks
  assert.deepEqual(overlaps(fan, star), []);
});

test("what stands for the outside keeps to the first and the last layer, with nothing above or below", () => {
  for (let seed = 0; seed < 40; seed++) {
    const n = 20;
    const edges = someEdges(seed, n, 25, 5);
    const given = task(n + 4, edges, v => (v < n ? [80, 40] : [0, 0]));
    const next = random(seed);
    for (const [k, pin] of [FIRST, FIRST, LAST, LAST].entries()) {
      given.pin[n + k] = pin;
      const box = Math.floor(next() * n);
      given.from.push(pin === FIRST ? n + k : box);
      given.to.push(pin === FIRST ? box : n + k);
      given.fromAt.push(NaN);
      given.toAt.push(NaN);
    }
    const placed = layered(given);
    assert.deepEqual(overlaps(placed, given), []);
    assert.equal(placed.y[n], 0);
    assert.equal(placed.y[n + 1], 0);
    assert.equal(placed.y[n + 2], placed.y[n + 3]);
    const bottom = placed.y[n + 2]!;
    for (const p of [n + 2, n + 3]) {
      for (let v = 0; v < n; v++) {
        if (placed.y[v]! >= bottom) assert.ok(placed.x[v]! > placed.x[p]! || placed.x[v]! + 80 < placed.x[p]!, "its wire goes on down");
      }
    }
  }
});

test("the order of a layer minds where on a wide box an edge ends", () => {
  // Two edges that leave a wide box left and right go to boxes left and right.
  const g: Layers = {
    layers: [Int32Array.of(0), Int32Array.of(1, 2)], layer: Int32Array.of(0, 1, 1), from: Int32Array.of(0, 0), to: Int32Array.of(1, 2),
    fromAt: Float64Array.of(0.4, -0.4), toAt: new Float64Array(2),
  };
  assert.equal(crossings(g, Float64Array.of(0, 0, 1)), 1);
  reorder(g);
  assert.deepEqual([...g.layers[1]!], [2, 1]);
});

test("counted crossings are those of all pairs", () => {
  for (let seed = 0; seed < 40; seed++) {
    const next = random(seed), a = 3 + Math.floor(next() * 8), b = 3 + Math.floor(next() * 8);
    const from: number[] = [], to: number[] = [];
    for (let k = 0; k < 20; k++) {
      from.push(Math.floor(next() * a));
      to.push(a + Math.floor(next() * b));
    }
    const place = Float64Array.from({ length: a + b }, (_, v) => (v < a ? v : v - a));
    const g: Layers = {
      layers: [Int32Array.from({ length: a }, (_, v) => v), Int32Array.from({ length: b }, (_, v) => a + v)],
      layer: Int32Array.from({ length: a + b }, (_, v) => (v < a ? 0 : 1)), from: Int32Array.from(from), to: Int32Array.from(to),
      fromAt: new Float64Array(20), toAt: new Float64Array(20),
    };
    let wanted = 0;
    for (let i = 0; i < 20; i++) for (let j = 0; j < i; j++) if ((place[from[i]!]! - place[from[j]!]!) * (place[to[i]!]! - place[to[j]!]!) < 0) wanted++;
    assert.equal(crossings(g, place), wanted);
  }
});

/** How often the lines of different edges cross. */
function crossed(lines: number[][]): number {
  let count = 0;
  const side = (ax: number, ay: number, bx: number, by: number, cx: number, cy: number) => Math.sign((bx - ax) * (cy - ay) - (by - ay) * (cx - ax));
  for (let i = 0; i < lines.length; i++) {
    for (let j = 0; j < i; j++) {
      const p = lines[i]!, q = lines[j]!;
      for (let a = 0; a + 3 < p.length; a += 2) {
        for (let b = 0; b + 3 < q.length; b += 2) {
          const [x0, y0, x1, y1] = p.slice(a, a + 4) as [number, number, number, number], [u0, v0, u1, v1] = q.slice(b, b + 4) as [number, number, number, number];
          if (side(x0, y0, x1, y1, u0, v0) * side(x0, y0, x1, y1, u1, v1) < 0 && side(u0, v0, u1, v1, x0, y0) * side(u0, v0, u1, v1, x1, y1) < 0) count++;
        }
      }
    }
  }
  return count;
}

test("about as few crossings as dagre, and not much more ink", () => {
  let ours = 0, theirs = 0;
  for (let seed = 0; seed < 24; seed++) {
    const n = 12 + (seed % 4) * 8;
    const given = task(n, someEdges(seed + 500, n, Math.floor(n * 1.5), seed % 2 ? 8 : n));
    ours += crossed(layered(given).routes);
    const graph = new dagre.graphlib.Graph({ multigraph: true }).setGraph({ ranker: "network-simplex" }).setDefaultEdgeLabel(() => ({}));
    for (let v = 0; v < n; v++) graph.setNode(String(v), { width: given.width[v]!, height: given.height[v]! });
    given.from.forEach((u, e) => graph.setEdge(String(u), String(given.to[e]!), {}, String(e)));
    dagre.layout(graph);
    theirs += crossed(graph.edges().map(e => (graph.edge(e) as { points: { x: number; y: number }[] }).points.flatMap(p => [p.x, p.y])));
  }
  assert.ok(ours <= 1.5 * theirs + 5, `${ours} crossings, dagre ${theirs}`);
  if (process.env["SHOW"]) console.log(`crossings: ${ours}, dagre ${theirs}`);
});

test("the longest chain and the widest layer that 20,000 boxes allow", () => {
  const n = 20000;
  const long = layered(task(n, Array.from({ length: n - 1 }, (_, v) => [v, v + 1])));
  assert.equal(long.routes.length, n - 1);
  const wide = layered(task(n, Array.from({ length: n - 1 }, (_, v) => [v, n - 1])));
  assert.ok(wide.width < 40 * wide.height);
});
