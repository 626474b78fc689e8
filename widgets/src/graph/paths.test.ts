import assert from "node:assert/strict";
import { test } from "node:test";
import { fromColumns, type Graph } from "./columns.ts";
import { downstream, pathNodes, shortestPath, upstream } from "./paths.ts";
import { anyGraph, chain, loop, random } from "./samples.ts";

/** Warshall's closure. */
function closure(graph: Graph): boolean[][] {
  const reach = Array.from({ length: graph.n }, () => new Array<boolean>(graph.n).fill(false));
  for (let e = 0; e < graph.edges; e++) reach[graph.from[e]!]![graph.to[e]!] = true;
  for (let k = 0; k < graph.n; k++) for (let i = 0; i < graph.n; i++) if (reach[i]![k]) for (let j = 0; j < graph.n; j++) if (reach[k]![j]) reach[i]![j] = true;
  return reach;
}

test("walks agree with the closure", () => {
  for (let seed = 0; seed < 30; seed++) {
    const graph = fromColumns(anyGraph(seed, 40));
    const reach = closure(graph), next = random(seed);
    const pick = () => Math.floor(next() * graph.n);
    const a = pick(), b = pick(), all = [...graph.names.keys()];
    assert.deepEqual([...downstream(graph, [a])].sort((x, y) => x - y), all.filter(v => reach[a]![v]));
    assert.deepEqual([...upstream(graph, [a, b])].sort((x, y) => x - y), all.filter(v => reach[v]![a] || reach[v]![b]));
    const joined = a === b || reach[a]![b]!;
    const on = (v: number) => (v === a || reach[a]![v]!) && (v === b || reach[v]![b]!);
    assert.deepEqual([...pathNodes(graph, [a], [b])], all.filter(v => on(v) && joined));
    const way = shortestPath(graph, [a], [b]);
    assert.equal(way.length > 0, joined);
    if (!joined) continue;
    assert.equal(way[0], a);
    assert.equal(way.at(-1), b);
    for (let k = 1; k < way.length; k++) assert.ok([...graph.outEdges(way[k - 1]!)].some(e => graph.to[e] === way[k]));
  }
});

test("loops end, and long chains do not overflow", () => {
  const ring = fromColumns(loop());
  assert.ok(downstream(ring, [ring.find("while/Merge")]).has(ring.find("while/Merge")));
  const line = fromColumns(chain(20000));
  assert.equal(downstream(line, [0]).size, 19999);
  assert.equal(shortestPath(line, [0], [19999]).length, 20000);
  assert.equal(pathNodes(line, [10], [20]).size, 11);
});
