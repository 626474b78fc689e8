import assert from "node:assert/strict";
import { test } from "node:test";
import { addLayer, changeLayer, mapOf, nameOf, pretty, removeLayer, say, sizes, toggleFeature, walk } from "./settings.ts";
import type { Choices, Settings } from "./types.ts";

const settings = {
  kind: "points", features: ["x1", "x2"], layers: [{ neurons: 4, activation: "tanh", dropout: 0 }, { neurons: 8, activation: "relu", dropout: 0.3 }],
} as unknown as Settings;
const choices = {
  limits: { layers: 3, neurons: 8, digit_neurons: 32 }, features: { points: ["x1", "x2", "x1^2", "sin x1"], digits: ["28x28", "7x7"] },
} as unknown as Choices;

test("layers come and go within the limits, and the old settings stay as they were", () => {
  const three = addLayer(settings, choices);
  assert.deepEqual(three.layers[2], { neurons: 8, activation: "relu", dropout: 0 });
  assert.equal(addLayer(three, choices), three);
  assert.equal(settings.layers.length, 2);
  assert.deepEqual(removeLayer(settings).layers.map(l => l.neurons), [4]);
  assert.deepEqual(removeLayer(settings, 0).layers.map(l => l.neurons), [8]);
  assert.deepEqual(removeLayer(removeLayer(removeLayer(settings))).layers, []);
  assert.equal(addLayer({ ...settings, layers: [] }, choices).layers[0]!.neurons, 4);
});

test("a layer has from 1 to the most neurons", () => {
  const neurons = (n: number) => changeLayer(settings, 0, { neurons: n }, choices).layers[0]!.neurons;
  assert.deepEqual([-3, 0, 1, 5, 9].map(neurons), [1, 1, 1, 5, 8]);
  assert.equal(changeLayer({ ...settings, kind: "digits" }, 0, { neurons: 99 }, choices).layers[0]!.neurons, 32);
  assert.equal(changeLayer(settings, 1, { activation: "elu" }, choices).layers[1]!.dropout, 0.3);
});

test("inputs keep their order, and one stays", () => {
  const three = toggleFeature({ ...settings, features: ["sin x1"] }, "x2", choices);
  assert.deepEqual(three.features, ["x2", "sin x1"]);
  assert.deepEqual(toggleFeature(three, "x2", choices).features, ["sin x1"]);
  assert.deepEqual(toggleFeature({ ...settings, features: ["x2"] }, "x2", choices).features, ["x2"]);
});

test("arrow keys walk from column to column and stay inside", () => {
  const counts = [7, 4, 1];
  assert.deepEqual(walk({ column: 0, row: 6 }, "ArrowRight", counts), { column: 1, row: 3 });
  assert.deepEqual(walk({ column: 1, row: 3 }, "ArrowDown", counts), { column: 1, row: 3 });
  assert.deepEqual(walk({ column: 2, row: 0 }, "ArrowRight", counts), { column: 2, row: 0 });
  assert.deepEqual(walk({ column: 2, row: 0 }, "Home", counts), { column: 0, row: 0 });
  const at = { column: 1, row: 1 };
  assert.equal(walk(at, "x", counts), at);
});

test("maps are counted through inputs and layers", () => {
  assert.deepEqual(sizes(settings), [2, 4, 8, 1]);
  assert.equal(mapOf({ column: 0, row: 1 }, settings), 1);
  assert.equal(mapOf({ column: 2, row: 3 }, settings), 9);
  assert.equal(mapOf({ column: 3, row: 0 }, settings), -1);
  const digits = { ...settings, kind: "digits", features: ["7x7"] } as Settings;
  assert.deepEqual(sizes(digits), [49, 4, 8, 10]);
  assert.equal(mapOf({ column: 1, row: 3 }, digits), 3);
  assert.equal(mapOf({ column: 2, row: 3 }, digits), -1);
});

test("numbers and names are said as people write them", () => {
  assert.deepEqual([0, -1.23456, 0.000012, 1e9, NaN, Infinity, -Infinity].map(say),
    ["0", "−1.23", "1.2e−5", "1.0e+9", "not a number", "infinite", "−infinite"]);
  assert.equal(pretty("x1*x2"), "x₁·x₂");
  assert.equal(pretty("28x28"), "28 × 28");
  assert.equal(nameOf({ column: 0, row: 1 }, settings), "Input x₂");
  assert.equal(nameOf({ column: 2, row: 4 }, settings), "Layer 2, neuron 5");
  assert.equal(nameOf({ column: 3, row: 0 }, settings), "Output");
});
