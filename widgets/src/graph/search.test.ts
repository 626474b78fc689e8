import assert from "node:assert/strict";
import { test } from "node:test";
import { fromColumns } from "./columns.ts";
import { train } from "./samples.ts";
import { search, words } from "./search.ts";

const graph = fromColumns(train(300));
const names = (query: string, most?: number) => search(graph, query, most).nodes.map(i => graph.names[i]!);

test("a query is words, fields and shapes", () => {
  assert.deepEqual(words('op:MatMul (?, 784) "two words" x'), [
    { field: "op", text: "matmul" }, { field: null, text: "(?, 784)" }, { field: null, text: "two words" }, { field: null, text: "x" },
  ]);
  assert.deepEqual(words("  "), []);
  assert.deepEqual(words("http://x shape:(?,10"), [{ field: null, text: "http://x" }, { field: "shape", text: "(?,10" }]);
});

test("names: the whole, then a part, then the middle; capitals do not matter", () => {
  assert.equal(names("X")[0], "x");
  assert.equal(names("layer_1/w")[0], "layer_1/w");
  assert.ok(names("w/read").every(name => name.endsWith("w/read") || name.includes("w/read")));
  assert.equal(names("relu")[0], "layer_1/Relu");
});

test("op types, shapes and element types", () => {
  const ofType = (type: string) => [...graph.names.keys()].filter(i => graph.opType(i) === type).length;
  assert.equal(search(graph, "op:MatMul").total, ofType("MatMul"));
  assert.deepEqual(names("784"), ["x"]);
  assert.deepEqual(names("(?, 784)"), ["x"]);
  assert.deepEqual(names("(None,784)"), ["x"]);
  assert.deepEqual(names("shape:784"), ["x"]);
  assert.equal(search(graph, "78").total, 0);
  assert.equal(search(graph, "type:float32").total, [...graph.names.keys()].filter(i => graph.outputs(i).length).length);
  assert.ok(names("op:identity layer_1").every(name => name.includes("layer_1")));
});

test("what is counted and what is given", () => {
  const found = search(graph, "a", 5);
  assert.equal(found.nodes.length, 5);
  assert.ok(found.total > 5);
  assert.deepEqual(search(graph, "   "), { nodes: [], total: 0 });
  assert.equal(search(graph, "(((((").total, 0);
  assert.equal(search(graph, "nothing like this").total, 0);
});

test("20,000 ops are searched at once", () => {
  const large = fromColumns(train(20000));
  search(large, "relu");
  const start = performance.now();
  search(large, "layer_17 op:matmul 100");
  assert.ok(performance.now() - start < 300);
});
