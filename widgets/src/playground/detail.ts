// The neuron that is looked at: its formula, and a field for each of its weights. Values follow the training; a field
// that has the focus is left alone.

import { h } from "../core/dom.ts";
import { acting, fits, type App, type Part } from "./app.ts";
import { paint, ramp } from "./paint.ts";
import { mapOf, nameOf, pretty, sizes } from "./settings.ts";
import { isSilent } from "./frame.ts";

export function detail(app: App): Part {
  const title = h("strong", {});
  const words = h("span", { class: "pg-soft" });
  const fields = h("div", { class: "pg-weights" });
  const element = h("div", { class: "pg-detail", role: "group", "aria-label": "Weights of the neuron that is looked at" },
    h("div", { class: "pg-caption" }, title, " ", words), fields);
  const onChange = acting(app, fields, "change"), onFocus = acting(app, fields, "focusin"), onKey = acting(app, fields, "keydown");
  let inputs: { input: HTMLInputElement; value: () => number }[] = [];
  let large: HTMLCanvasElement | null = null; // digits: a neuron's weights as a picture
  let shown = "";

  function update(): void {
    const counts = sizes(app.settings);
    const state = JSON.stringify([app.selected, counts, app.settings.features]);
    if (state !== shown) {
      shown = state;
      build(counts);
    }
    title.textContent = nameOf(app.selected, app.settings);
    words.textContent = about();
    if (!fits(app, counts)) return;
    const map = app.frame.map(app.selected.row);
    const paper = large?.getContext("2d");
    if (map && paper) {
      const image = paper.createImageData(140, 140);
      paint(image.data, 140, map.values, app.frame.side, ramp(app.theme), { stripe: 6, smooth: false });
      paper.putImageData(image, 0, 0);
    }
    for (const { input, value } of inputs) {
      const now = value();
      if (document.activeElement !== input) input.value = Number.isFinite(now) ? String(Number(now.toPrecision(4))) : "";
    }
  }

  function about(): string {
    const { column, row } = app.selected;
    if (column === 0) return app.settings.kind === "digits" ? "What you draw goes in here." : "An input has no weights: it is computed from the point.";
    const layer = app.settings.layers[column - 1];
    const map = app.frame.map(mapOf({ column, row }, app.settings));
    const silent = app.settings.kind === "points" && map && isSilent(map.values) ? " It gives 0 everywhere: no gradient reaches it." : "";
    return (layer ? `${layer.activation} of the sum of its inputs times these weights.` : "The sum of its inputs times these weights.") + silent;
  }

  function build(counts: number[]): void {
    const { column, row } = app.selected;
    inputs = [];
    const k = column - 1;
    const pixels = app.settings.kind === "digits" && k === 0;
    const made: HTMLElement[] = [];
    if (k >= 0 && !pixels) {
      for (let from = 0; from < counts[k]!; from++) {
        const name = k === 0 ? pretty(app.settings.features[from]!) : `neuron ${from + 1}`;
        made.push(field(name, () => app.frame.weight(k, from, row), 2 * k, [from, row]));
      }
    }
    if (k >= 0) made.push(field("bias", () => app.frame.bias(k, row), 2 * k + 1, [row]));
    large = pixels ? h("canvas", { class: "pg-large", width: 140, height: 140, role: "img", "aria-label": "Its weights as a picture, one for each pixel" }) : null;
    if (large) made.push(large);
    fields.replaceChildren(...made);
  }

  function field(name: string, value: () => number, array: number, position: number[]): HTMLElement {
    const input = h("input", { class: "labkit-input pg-number", type: "number", step: "any" });
    onChange(input, () => {
      const wanted = Number(input.value);
      if (input.value !== "" && Number.isFinite(wanted)) void app.ask("weight", { array, position, value: wanted });
    });
    onFocus(input, () => input.select());
    onKey(input, (event: KeyboardEvent) => {
      if (event.key === "Escape") app.backToNet();
      const by = event.key === "ArrowUp" ? 0.1 : event.key === "ArrowDown" ? -0.1 : 0;
      if (!by) return;
      event.preventDefault();
      input.value = String(Number((Number(input.value) + (event.shiftKey ? 10 * by : by)).toPrecision(4)));
      input.dispatchEvent(new Event("change", { bubbles: true }));
    });
    inputs.push({ input, value });
    return h("label", { class: "pg-field" }, h("span", {}, name), input);
  }

  return { element, update, structure: update };
}

