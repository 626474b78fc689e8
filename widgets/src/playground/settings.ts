// What the learner's hands do to the settings: pure steps, each within the limits. The kernel checks again.

import type { Choices, Layer, Place, Settings } from "./types.ts";

/** How many neurons a layer may have. */
export function most(settings: Settings, choices: Choices): number {
  return settings.kind === "digits" ? choices.limits.digit_neurons : choices.limits.neurons;
}

/** How many boxes each column of the net has, inputs first; digits have pixels, which are one box. */
export function sizes(settings: Settings): number[] {
  const digits = settings.kind === "digits";
  const inputs = digits ? parseInt(settings.features[0] ?? "28", 10) ** 2 : settings.features.length;
  return [inputs, ...settings.layers.map(layer => layer.neurons), digits ? 10 : 1];
}

/** Adds a layer at the end, like the last one. */
export function addLayer(settings: Settings, choices: Choices): Settings {
  if (settings.layers.length >= choices.limits.layers) return settings;
  const last = settings.layers.at(-1);
  const layer: Layer = { neurons: last ? Math.max(2, last.neurons) : 4, activation: last?.activation ?? "tanh", dropout: 0 };
  return { ...settings, layers: [...settings.layers, { ...layer, neurons: Math.min(layer.neurons, most(settings, choices)) }] };
}

/** Takes a layer out; the last one if none is named. */
export function removeLayer(settings: Settings, at = settings.layers.length - 1): Settings {
  return { ...settings, layers: settings.layers.filter((_, i) => i !== at) };
}

/** Changes one layer; its size stays between 1 and the most. */
export function changeLayer(settings: Settings, at: number, patch: Partial<Layer>, choices: Choices): Settings {
  return {
    ...settings,
    layers: settings.layers.map((layer, i) => {
      if (i !== at) return layer;
      const changed = { ...layer, ...patch };
      return { ...changed, neurons: Math.min(most(settings, choices), Math.max(1, changed.neurons)) };
    }),
  };
}

/** Puts an input on or off; one stays. */
export function toggleFeature(settings: Settings, feature: string, choices: Choices): Settings {
  const has = settings.features.includes(feature);
  if (has && settings.features.length === 1) return settings;
  const wanted = has ? settings.features.filter(f => f !== feature) : [...settings.features, feature];
  return { ...settings, features: (choices.features[settings.kind] ?? []).filter(f => wanted.includes(f)) };
}

/** Where an arrow key leads in a net with these columns. */
export function walk(at: Place, key: string, counts: number[]): Place {
  const last = counts.length - 1;
  const stay = (column: number, row: number): Place => ({ column, row: Math.min(row, counts[column]! - 1) });
  switch (key) {
    case "ArrowUp": return { ...at, row: Math.max(0, at.row - 1) };
    case "ArrowDown": return stay(at.column, at.row + 1);
    case "ArrowLeft": return stay(Math.max(0, at.column - 1), at.row);
    case "ArrowRight": return stay(Math.min(last, at.column + 1), at.row);
    case "Home": return { column: 0, row: 0 };
    case "End": return stay(last, 0);
    default: return at;
  }
}

/** A number as people write it: three digits that count, a real minus sign. */
export function say(value: number): string {
  if (Number.isNaN(value)) return "not a number";
  if (!Number.isFinite(value)) return value > 0 ? "infinite" : "−infinite";
  const size = Math.abs(value);
  const text = size !== 0 && (size < 0.0001 || size >= 100000) ? value.toExponential(1) : String(Number(value.toPrecision(3)));
  return text.replaceAll("-", "−");
}

const PRETTY: Record<string, string> = {
  "x1": "x₁", "x2": "x₂", "x1^2": "x₁²", "x2^2": "x₂²", "x1*x2": "x₁·x₂", "sin x1": "sin x₁", "sin x2": "sin x₂",
};

/** A feature's name as a formula. */
export function pretty(feature: string): string {
  return PRETTY[feature] ?? feature.replace("x", " × ");
}

/** Who a box is, in words. */
export function nameOf({ column, row }: Place, settings: Settings): string {
  const last = settings.layers.length + 1;
  if (column === 0) return settings.kind === "digits" ? "The drawing" : `Input ${pretty(settings.features[row] ?? "")}`;
  if (column === last) return settings.kind === "digits" ? `Digit ${row}` : "Output";
  return `Layer ${column}, neuron ${row + 1}`;
}

/** Where the n-th box of a column's map stands among the frame's maps; -1 where it has none. */
export function mapOf({ column, row }: Place, settings: Settings): number {
  const counts = sizes(settings);
  if (settings.kind === "digits") return column === 1 ? row : -1;
  if (column > settings.layers.length) return -1;
  return counts.slice(0, column).reduce((sum, n) => sum + n, 0) + row;
}
