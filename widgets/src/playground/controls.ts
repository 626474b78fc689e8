// What can be chosen beside the net itself: two rows of buttons, lists and numbers.

import { button, h } from "../core/dom.ts";
import { acting, on, type App, type Part } from "./app.ts";
import { addLayer, say } from "./settings.ts";
import type { Settings } from "./types.ts";

/** Play, step, reset; epoch; presets. */
export function playBar(app: App): Part {
  const { signal } = app.shell;
  const play = button("▶ Play", () => void app.ask(app.playing ? "pause" : "play"), signal, "Train (p)");
  const epoch = h("strong", { class: "pg-epoch" });
  const step = button("Step", () => void app.ask("step"), signal, "One picture further (s)");
  const reset = button("Reset", () => void app.ask("reset"), signal, "First weights again (r)");
  const chance = button("New start", () => app.change({ ...app.settings, seed: app.settings.seed + 1 }), signal, "Another seed: other weights, other points");
  const presets = h("select", { class: "labkit-select", "aria-label": "Try" }, h("option", { value: "" }, "Try …"),
    ...app.choices.presets.map(([name, title]) => h("option", { value: name }, title)));
  on(app, presets, "change", () => {
    if (presets.value) void app.ask("preset", { name: presets.value });
    presets.value = "";
  });
  const layer = button("+ Layer", () => app.change(addLayer(app.settings, app.choices)), signal, "Add a hidden layer (l)");
  const element = h("div", { class: "labkit-bar", role: "group", "aria-label": "Training" },
    play, step, reset, chance, h("span", { class: "pg-epochbox" }, "Epoch ", epoch), layer, presets);
  const update = () => {
    play.textContent = app.playing ? "❚❚ Pause" : "▶ Play";
    play.setAttribute("aria-pressed", String(app.playing));
    epoch.textContent = String(app.frame.epoch).padStart(4, "0");
    layer.disabled = app.settings.layers.length >= app.choices.limits.layers;
  };
  return { element, update, structure: update };
}

type Key = keyof Settings;
const RATES = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];
const WORDS: Record<string, string> = {
  descent: "gradient descent", momentum: "momentum", adam: "Adam", handwritten: "MNIST if here", scanned: "scanned digits",
  glorot: "Glorot", he: "He", normal: "normal (σ = 1)", large: "too large (σ = 4)", small: "small (σ = 0.03)", uniform: "−0.5 to 0.5", zeros: "zeros",
  gauss: "two clouds", xor: "XOR", circle: "circle", spiral: "spiral", moons: "moons", squared: "squared error",
};

/** Data, loss, optimizer and so on. */
export function settingsBar(app: App): Part {
  const element = h("div", { class: "labkit-bar pg-settings", role: "group", "aria-label": "Data and training" });
  const onChange = acting(app, element, "change");
  let shown = "";

  function structure(): void {
    const { settings, choices } = app;
    const state = JSON.stringify([settings, app.theme]);
    if (state === shown) return;
    shown = state;
    const name = element.contains(document.activeElement) ? document.activeElement?.getAttribute("name") : null;
    const points = settings.kind === "points";
    const fields = [
      list("kind", "Net for", Object.keys(choices.data), kind => app.ask("configure", { settings: { kind } }), { points: "points", digits: "digits" }),
      list("data", "Data", choices.data[settings.kind]!),
      points ? list("noise", "Noise", [0, 5, 10, 15, 20, 25, 30, 40, 50], undefined, {}, " %") : null,
      list("examples", "Examples", points ? [60, 100, 200, 400, 800, 1500] : [300, 600, 1500, 3000, 6000]),
      list("train_share", "To train", [0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9], undefined,
        Object.fromEntries([0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9].map(share => [String(share), `${Math.round(100 * share)} %`]))),
      list("batch_size", "Batch", [1, 2, 5, 10, 20, 30, 50, 100]),
      list("loss", "Loss", choices.losses[settings.kind]!),
      list("optimizer", "Optimizer", choices.optimizers),
      list("learning_rate", "Learning rate", RATES),
      list("regularizer", "Regularizer", choices.regularizers),
      settings.regularizer === "none" ? null : list("regularization", "its rate", RATES.filter(rate => rate <= 10)),
      list("initializer", "First weights", choices.initializers),
      list("speed", "Epochs per picture", [1, 2, 5, 10, 20]),
      seed(),
    ];
    element.replaceChildren(...fields.filter(field => field !== null));
    if (name) element.querySelector<HTMLElement>(`[name="${name}"]`)?.focus();
  }

  function list<K extends Key>(
    key: K, label: string, options: (string | number)[], pick?: (value: string) => void, words: Record<string, string> = {}, unit = "",
  ): HTMLElement {
    const now = app.settings[key] as string | number;
    const every = options.includes(now) ? options : [...options, now].sort((a, b) => Number(a) - Number(b));
    const made = h("select", { class: "labkit-select", name: key },
      ...every.map(option => h("option", { value: String(option), selected: option === now },
        words[String(option)] ?? (typeof option === "number" ? say(option) + unit : WORDS[option] ?? option))));
    onChange(made, () => {
      if (pick) pick(made.value);
      else app.change({ ...app.settings, [key]: typeof now === "number" ? Number(made.value) : made.value });
    });
    return h("label", { class: "pg-field" }, h("span", {}, label), made);
  }

  function seed(): HTMLElement {
    const made = h("input", { class: "labkit-input pg-number", type: "number", name: "seed", min: 0, step: 1, value: app.settings.seed });
    onChange(made, () => {
      const value = Math.floor(Number(made.value));
      if (value >= 0 && value < 2 ** 31) app.change({ ...app.settings, seed: value });
      else made.value = String(app.settings.seed);
    });
    return h("label", { class: "pg-field" }, h("span", {}, "Seed"), made);
  }

  return { element, structure };
}
