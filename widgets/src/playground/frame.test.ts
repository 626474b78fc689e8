import assert from "node:assert/strict";
import { test } from "node:test";
import { Frame, isSilent, unpack, valueAt } from "./frame.ts";

/** Packs as playground_frame.py does. */
function pack(header: object, sections: [string, "f4" | "i1" | "u1", number[]][]): DataView {
  let text = JSON.stringify({ ...header, sections: sections.map(([name, type, values]) => [name, type, values.length]) });
  text += " ".repeat(-text.length & 3);
  const parts = sections.map(([, type, values]) =>
    type === "f4" ? new Uint8Array(Float32Array.from(values).buffer) : new Uint8Array(Int8Array.from(values).buffer));
  const size = parts.reduce((sum, part) => sum + part.length + (-part.length & 3), 4 + text.length);
  const bytes = new Uint8Array(size + 3);
  const view = new DataView(bytes.buffer, 3); // not on a boundary of four, as anywidget's buffers may be
  view.setUint32(0, text.length, true);
  bytes.set(new TextEncoder().encode(text), 7);
  let at = 7 + text.length;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length + (-part.length & 3);
  }
  return view;
}

const points = pack({ epoch: 7, kind: "points", side: 2, grid: 2, shapes: [[2, 3], [3], [3, 1], [1]] }, [
  ["curve", "f4", [0, 1, 2, 0.25, 0.5, 7, 0.5, 1, 1, 0.75]],
  ["weights", "f4", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]],
  ["scales", "f4", [1, 6]],
  ["maps", "i1", [0, 0, 0, 0, 127, -127, -128, 64]],
  ["output", "i1", [127, -127, 0, 1]],
]);

test("a frame gives back weights, biases, curve and maps", () => {
  const frame = new Frame(points);
  assert.equal(frame.epoch, 7);
  assert.equal(frame.weight(0, 1, 2), 6); // kernel (2, 3), row after row
  assert.equal(frame.bias(0, 1), 8);
  assert.equal(frame.weight(1, 2, 0), 12);
  assert.equal(frame.bias(1, 0), 13);
  assert.deepEqual(frame.curve[1], { epoch: 7, trainLoss: 0.5, testLoss: 1, trainAccuracy: 1, testAccuracy: 0.75 });
  assert.deepEqual([...frame.map(1)!.values], [127, -127, -128, 64]);
  assert.equal(frame.map(1)!.scale, 6);
  assert.equal(frame.map(2), null);
  assert.equal(frame.map(-1), null);
  assert.ok(isSilent(frame.map(0)!.values) && !isSilent(frame.map(1)!.values));
});

test("it knows which net it belongs to", () => {
  const frame = new Frame(points);
  assert.ok(frame.fits([2, 3, 1]));
  for (const sizes of [[2, 3, 2, 1], [2, 4, 1], [3, 3, 1], [2, 1]]) assert.ok(!frame.fits(sizes));
});

test("a value is read where the cross stands: rows begin above", () => {
  const { output, grid } = new Frame(points);
  assert.equal(valueAt(output, grid, 1, -3, 3, 6), 1);
  assert.equal(valueAt(output, grid, 1, 3, 3, 6), -1);
  assert.equal(valueAt(output, grid, 1, -6, -6, 6), 0);
  assert.ok(Number.isNaN(valueAt(new Frame(points).map(1)!.values, 2, 6, -3, -3, 6)));
});

test("digits: the first kernel is pictures, so its weights are not among the numbers", () => {
  const frame = new Frame(pack({ epoch: 1, kind: "digits", side: 1, shapes: [[1, 2], [2], [2, 10], [10]] },
    [["weights", "f4", [5, 6, ...Array(30).keys()]]]));
  assert.ok(Number.isNaN(frame.weight(0, 0, 1)));
  assert.equal(frame.bias(0, 1), 6);
  assert.equal(frame.weight(1, 1, 3), 13);
  assert.equal(frame.bias(1, 9), 29);
});

test("what is no frame is an empty one", () => {
  for (const bytes of [undefined, new DataView(new ArrayBuffer(0)), new DataView(new Uint8Array([255, 255, 255, 255]).buffer)]) {
    assert.equal(unpack(bytes).sections.size, 0);
    assert.equal(new Frame(bytes).curve.length, 0);
  }
});
