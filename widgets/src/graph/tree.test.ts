import assert from "node:assert/strict";
import { test } from "node:test";
import { fromColumns } from "./columns.ts";
import { anyGraph, Maker } from "./samples.ts";
import { idOf, labelOf, makeTree } from "./tree.ts";

const named = (names: string[]) => {
  const g = new Maker();
  for (const name of names) g.add(name, "Const");
  return fromColumns(g.columns);
};

test("names spell scopes; an op whose name is a scope stands in it", () => {
  const graph = named(["w/initial_value", "w", "w/Assign", "w/read", "x"]);
  const tree = makeTree(graph);
  const ids = [...tree.parent.keys()].map(t => [idOf(graph, tree, t), tree.parent[t]! < 0 ? null : idOf(graph, tree, tree.parent[t]!)]);
  assert.deepEqual(ids, [["", null], ["w/", ""], ["w/initial_value", "w/"], ["w", "w/"], ["w/Assign", "w/"], ["w/read", "w/"], ["x", ""]]);
  assert.equal(labelOf(graph, tree, tree.leaf[1]!), "w");
});

test("every op is a leaf under the scopes of its name", () => {
  for (let seed = 0; seed < 40; seed++) {
    const graph = fromColumns(anyGraph(seed, 80));
    const tree = makeTree(graph);
    assert.equal(tree.leaf.length, graph.n);
    for (let t = 1; t < tree.size; t++) {
      assert.ok(tree.parent[t]! < t);
      const up = idOf(graph, tree, tree.parent[t]!);
      const id = idOf(graph, tree, t);
      assert.ok(id.startsWith(up) || id + "/" === up, `${id} in ${up}`);
    }
    for (let i = 0; i < graph.n; i++) {
      const t = tree.leaf[i]!;
      assert.equal(tree.node[t], i);
      assert.equal(idOf(graph, tree, t), graph.names[i]);
      const isScope = graph.names.some(name => name.startsWith(graph.names[i] + "/"));
      const path = graph.names[i]!.split("/");
      const scope = isScope ? path : path.slice(0, -1);
      assert.equal(idOf(graph, tree, tree.parent[t]!), scope.length ? scope.join("/") + "/" : "");
    }
    const ids = new Set([...tree.parent.keys()].map(t => idOf(graph, tree, t)));
    assert.equal(ids.size, tree.size);
  }
});

test("siblings are numbered by their first op", () => {
  for (let seed = 0; seed < 20; seed++) {
    const graph = fromColumns(anyGraph(seed, 80));
    const tree = makeTree(graph);
    const last = new Map<number, number>();
    for (let t = 1; t < tree.size; t++) {
      assert.ok((last.get(tree.parent[t]!) ?? -1) < tree.sample[t]!);
      last.set(tree.parent[t]!, tree.sample[t]!);
    }
  }
});

test("500 levels, names of 10,000 characters and odd characters are names", () => {
  const deep = Array.from({ length: 500 }, (_, i) => `level${i}`).join("/");
  const long = "x".repeat(9990);
  const names = [...Array.from({ length: 200 }, (_, i) => `${deep}/op${i}`), `${long}/a`, `${long}/b`, "<img onerror=alert(1)>", "שלום/עולם", "a//b", "🤖/🤖"];
  const graph = named(names);
  const start = performance.now();
  const tree = makeTree(graph);
  assert.ok(performance.now() - start < 1000);
  names.forEach((name, i) => assert.equal(idOf(graph, tree, tree.leaf[i]!), name));
});

test("two ops of one name are an error, no graph is none", () => {
  assert.throws(() => makeTree(named(["a", "b", "a"])), /Two ops of the graph are called "a"/);
  assert.equal(makeTree(named([])).size, 1);
});
