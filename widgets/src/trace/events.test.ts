import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import { toChrome } from "./chrome.ts";
import { Events, firstWhere, unpack } from "./events.ts";
import { example } from "./example.ts";
import { nextEvent } from "./moves.ts";

const net = () => example([
  { node: "x", op: "Placeholder", start: 0, duration: 1 },
  { node: "layer/mul", op: "MatMul", start: 1, duration: 9, inputs: ["x:0", "fed:0"] },
  { node: "layer/add", op: "Add", row: 1, start: 4, duration: 2, inputs: ["x:0"] },
  { node: "loss", op: "Mean", start: 12, duration: 3, inputs: ["layer/mul:0", "layer/add:0"] },
], [[0, 1, 3]]);

test("starts add up, rows and lanes hold their events, the chain is numbered", () => {
  const events = net();
  assert.deepEqual([...events.start], [0, 1, 4, 12]);
  assert.deepEqual([...events.end], [1, 10, 6, 15]);
  assert.equal(events.whole, 15);
  assert.deepEqual(events.inRow.map(row => [...row]), [[0, 1, 3], [2]]);
  assert.deepEqual([...events.chain], [1, 2, 0, 3]);
  assert.deepEqual([...events.lanes[0]!.filled], [0, 1, 10, 13]);
});

test("inputs come with their types and the run that made them", () => {
  const events = net();
  assert.deepEqual(events.inputs(1), [
    { name: "x:0", type: "float32 (2,)", node: 0 }, { name: "fed:0", type: "", node: -1 },
  ]);
  assert.deepEqual(events.outputs(3), [{ name: "loss:0", type: "float32 (2,)", node: 3 }]);
  assert.equal(events.maker(1, 3), 1);
});

test("of a node that ran often, the run that had ended made the input", () => {
  const events = example([
    { node: "a", start: 0, duration: 2 }, { node: "a", start: 2, duration: 2 },
    { node: "b", row: 1, start: 2, duration: 1, inputs: ["a:0"] }, { node: "b", row: 1, start: 4, duration: 1, inputs: ["a:0"] },
  ]);
  assert.deepEqual([events.maker(0, 2), events.maker(0, 3)], [0, 1]);
});

test("groups are ordered by their time; devices keep their order", () => {
  const events = net();
  assert.deepEqual(events.groups("op").names, ["MatMul", "Mean", "Add", "Placeholder"]);
  assert.deepEqual(events.groups("scope").names, ["layer", "(no scope)"]);
  assert.deepEqual(events.groups("device").names, ["GPU:0", "GPU:1"]);
});

test("a search finds nodes and ops, in any case; op:, scope: and device: ask for all of one", () => {
  const events = net();
  const found = (text: string) => events.matching(text) && [...events.matching(text)!].join("");
  assert.equal(found("  "), null);
  assert.equal(found("MATMUL"), "0100");
  assert.equal(found("layer"), "0110");
  assert.equal(found("op:Add"), "0010");
  assert.equal(found("scope:layer"), "0110");
  assert.equal(found("device:GPU:1"), "0010");
  assert.equal(found("nothing"), "0000");
});

test("names of nodes and of scopes stand for their events", () => {
  const events = net();
  assert.deepEqual(events.named(["loss", "x", "not here"]), [0, 3]);
  assert.deepEqual(events.named(["layer/"]), [1, 2]);
  assert.deepEqual(events.named(["hub:x@layer/mul", "lay"]), [0]);
});

test("keys go along a row, to the row below, along the chain, and over what a search leaves out", () => {
  const events = net();
  const window = { from: 0, to: 15, width: 100 };
  const go = (at: number, step: Parameters<typeof nextEvent>[2], matching: Uint8Array | null = null) =>
    nextEvent(events, at, step, matching, window);
  assert.equal(go(-1, "after"), 0);
  assert.equal(go(0, "after"), 1);
  assert.equal(go(3, "after"), -1);
  assert.equal(go(1, "before"), 0);
  assert.equal(go(1, "below"), 2);
  assert.equal(go(2, "above"), 1);
  assert.equal(go(2, "below"), -1);
  assert.equal(go(0, "last"), 3);
  assert.equal(go(-1, "last"), 3);
  assert.equal(go(0, "chain-after"), 1);
  assert.equal(go(2, "chain-after"), 3);
  assert.equal(go(2, "chain-before"), 1);
  assert.equal(go(0, "after", Uint8Array.from([1, 0, 0, 1])), 3);
});

test("Chrome's format has a process for each device and a span for each event, in microseconds", () => {
  const { traceEvents } = JSON.parse(toChrome(net()));
  assert.equal(traceEvents.length, 6);
  assert.deepEqual(traceEvents[0], { ph: "M", name: "process_name", pid: 0, args: { name: "/device:GPU:0" } });
  const { args, ...span } = traceEvents[3];
  assert.deepEqual(span, { ph: "X", cat: "Op", name: "MatMul", pid: 0, tid: 0, ts: 1e6, dur: 9e6 });
  assert.deepEqual(args.inputs, ["x:0", "fed:0"]);
});

test("the kernel's bytes unpack; an empty trace is no error", async () => {
  const columns = example([]).columns;
  const bytes = deflateSync(JSON.stringify(columns));
  const events = new Events(await unpack(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)));
  assert.equal(events.count, 0);
  assert.ok(events.whole > 0);
  assert.equal(firstWhere(5, i => i >= 3), 3);
  assert.equal(firstWhere(5, () => false), 5);
});
