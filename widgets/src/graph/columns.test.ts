import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import { decode, fromColumns } from "./columns.ts";
import { anyGraph, train } from "./samples.ts";
import type { Columns } from "./types.ts";

test("what the kernel compresses is read again, also from the middle of a buffer", async () => {
  const columns = train(300);
  const packed = deflateSync(JSON.stringify(columns));
  const within = new Uint8Array(packed.length + 7);
  within.set(packed, 5);
  const graph = await decode(new DataView(within.buffer, 5, packed.length));
  assert.equal(graph.n, columns.names.length);
  assert.deepEqual(graph.names, columns.names);
  await assert.rejects(decode(new DataView(new ArrayBuffer(3))), /cannot be read.*Run the cell again/);
});

test("edges of a node are those of the columns, in their order", () => {
  for (let seed = 0; seed < 20; seed++) {
    const columns = anyGraph(seed, 60);
    const graph = fromColumns(columns);
    const edges = [...columns.from.keys()];
    for (let i = 0; i < graph.n; i++) {
      assert.deepEqual([...graph.outEdges(i)], edges.filter(e => columns.from[e] === i));
      assert.deepEqual([...graph.inEdges(i)], edges.filter(e => columns.to[e] === i));
      assert.equal(graph.find(graph.names[i]!), i);
    }
    assert.equal(graph.find("no such op"), -1);
  }
});

test("types of outputs and of what edges carry", () => {
  const graph = fromColumns(train(100));
  const loss = graph.find("loss/xent");
  assert.equal(graph.outputs(loss).length, 2);
  assert.equal(graph.outputs(graph.find("Adam")).length, 0);
  for (let e = 0; e < graph.edges; e++) {
    const type = graph.edgeType(e);
    if (graph.slot[e]! < 0) assert.equal(type, -1);
    else assert.equal(graph.types[type], graph.outputs(graph.from[e]!)[graph.slot[e]!]);
  }
});

test("columns that do not hold together are refused, with what is wrong", () => {
  const broken = (change: (columns: Columns) => void) => {
    const columns = structuredClone(train(60));
    change(columns);
    return () => fromColumns(columns);
  };
  assert.throws(broken(c => { c.from[3] = c.names.length; }), /"from" holds \d+, outside 0 to/);
  assert.throws(broken(c => { c.to[0] = -1; }), /"to" holds -1/);
  assert.throws(broken(c => { c.slot[0] = 9; }), /leaves output 9 of/);
  assert.throws(broken(c => { c.op.pop(); }), /"op" has \d+ entries for \d+/);
  assert.throws(broken(c => { c.part[0] = 7; }), /"part" holds 7/);
  assert.throws(broken(c => { c.input[0] = 0.5; }), /"input" holds 0.5/);
  assert.throws(broken(c => { c.outputs[0] = 1e9; }), /"outputTypes" has/);
  assert.throws(broken(c => { delete (c as Partial<Columns>).sites; }), /"sites" is missing/);
  assert.throws(() => fromColumns(null as never), /"names" is missing/);
});
