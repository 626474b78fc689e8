import assert from "node:assert/strict";
import { test } from "node:test";
import { graphColours } from "../core/colours.ts";
import type { Graph } from "./columns.ts";
import { boxAt, boxOpacity, drawBox, drawWire, lodOf, small, wireOpacity, type Drawn, type Layer, type Pen, type Style, type Words } from "./strokes.ts";
import type { Item, Scene, Wire } from "./types.ts";

const item = (id: string, x: number, y: number, more: Partial<Item> = {}): Item => ({
  id, kind: "scope", label: id, detail: "3 ops", node: -1, nodes: 3, repeat: 1, part: "forward", parent: null, depth: 0, open: false, x, y, w: 100, h: 44, ...more,
});
const wire: Wire = { id: "a→b", from: "a", to: "b", points: [0, 0, 50, 0], control: false, back: false, edges: [], type: -1, bytes: 0, labelX: 25, labelY: 0 };
const scene: Scene = { items: [item("f", 0, 0, { open: true, w: 400, h: 300 }), item("a", 20, 50), item("b", 200, 50)], wires: [wire], width: 400, height: 300 };
const drawn = (layer: Layer = {}, selected: string[] = []): Drawn =>
  ({ scene, graph: {} as Graph, horizontal: true, layer, labels: () => new Map(), selected: new Set(selected) });

class Listening implements Pen {
  paths: Style[] = [];
  texts: Words[] = [];
  path(_: string, style: Style) { this.paths.push(style); }
  words(words: Words) { this.texts.push(words); }
}
const colours = graphColours("light");
const draw = (box: Item, about: Drawn, k = 1) => {
  const pen = new Listening();
  drawBox(pen, box, about, name => { assert.ok(name in colours, name); return colours[name]!; }, lodOf(k), true, true);
  return pen;
};

test("the topmost box is hit, and its plus within 24 pixels", () => {
  const camera = { x: 10, y: 10, k: 0.5 };
  assert.equal(boxAt(scene, camera, 10 + 30 * 0.5, 10 + 60 * 0.5).item?.id, "a");
  assert.equal(boxAt(scene, camera, 10 + 150 * 0.5, 10 + 60 * 0.5).item?.id, "f");
  assert.equal(boxAt(scene, camera, 5, 5).item, null);
  const plus = [10 + (20 + 100 - 18 + 6.5) * 0.5, 10 + (50 + 22) * 0.5] as const;
  assert.deepEqual([0, 11, 13].map(off => boxAt(scene, camera, plus[0] - off, plus[1]).knob), [true, true, false]);
  assert.equal(boxAt(scene, { x: 0, y: 0, k: 0.2 }, (20 + 88) * 0.2, 72 * 0.2).knob, false, "too far away to aim");
});

test("the farther away, the less is drawn, and the bolder", () => {
  assert.deepEqual([1, 0.75, 0.5, 0.3, 0.2, 0.05].map(lodOf), ["near", "near", "mid", "far", "dots", "specks"]);
  assert.deepEqual((["near", "mid", "far"] as const).map(small), [12, 16, 0]);
  const box = scene.items[1]!;
  assert.deepEqual(draw(box, drawn()).texts.map(text => text.text), ["a", "3 ops"]);
  assert.deepEqual(draw(box, drawn(), 0.5).texts.map(text => [text.text, text.size]), [["a", 16]]);
  const far = draw(box, drawn(), 0.1);
  assert.deepEqual(far.texts, []);
  assert.ok(far.paths[0]!.width! > draw(box, drawn()).paths[0]!.width!);
});

test("paint: fill with pattern, badge, sign, selection", () => {
  const layer: Layer = { fill: () => ({ colour: "#0072b2", pattern: "stripes" }), badge: () => "5\u0007ms", mark: () => "removed" };
  const pen = draw(scene.items[1]!, drawn(layer, ["a"]));
  assert.deepEqual(pen.paths.map(style => style.name), ["halo", "body", "knob", "pill", "sign"]);
  const body = pen.paths[1]!;
  assert.deepEqual([body.fill, body.pattern, body.line, body.dash], ["#0072b2", "stripes", colours["removed"], "5 3"]);
  assert.deepEqual(pen.texts.map(text => text.text), ["a", "3 ops", "5 ms", "−"]);
  assert.deepEqual(pen.texts.map(text => text.ink).slice(0, 1), ["#ffffff"], "ink that reads on the fill");
  assert.equal(draw(scene.items[0]!, drawn(layer)).paths[0]!.fill, colours["frame"], "frames keep their colour");
});

test("dimmed boxes fade, their wires too, but not those of what is selected", () => {
  const layer: Layer = { dim: box => box.id === "a" };
  assert.deepEqual(scene.items.map(box => boxOpacity(box, drawn(layer))), [1, 0.28, 1]);
  assert.deepEqual([wireOpacity(wire, drawn()), wireOpacity(wire, drawn(layer)), wireOpacity(wire, drawn(layer, ["b"]))], [1, 0.22, 1]);
});

test("a wire into a stack ends at its cards", () => {
  const ends: string[] = [];
  const pen: Pen = { path: d => ends.push(d.split(/[LC]/).at(-1)!), words: () => undefined };
  drawWire(pen, { ...wire, points: [250, 0, 250, 50] }, { ...drawn(), horizontal: false }, name => name, "dots");
  drawWire(pen, { ...wire, points: [120, 72, 200, 72] }, drawn(), name => name, "dots");
  assert.deepEqual(ends, ["250 42", "200 72"]);
});

test("a wire is a line and a head; far away only a line", () => {
  const styles = (about: Drawn, k: number) => {
    const pen = new Listening();
    drawWire(pen, wire, about, name => name, lodOf(k));
    return pen.paths.map(style => [style.name, style.line ?? style.fill]);
  };
  assert.deepEqual(styles(drawn(), 1), [["wire", "wire"], ["head", "wire"]]);
  assert.deepEqual(styles(drawn({}, ["a"]), 1), [["wire", "select"], ["head", "select"]]);
  assert.deepEqual(styles(drawn(), 0.2), [["wire", "wire"]]);
});
