// The net: a column of inputs, the hidden layers, the output; between them a link for every weight. Boxes are buttons
// with one tab stop (arrow keys walk), each with a small map of what it gives over the plane.

import { h, s } from "../core/dom.ts";
import { acting, fits, on, type App, type Part } from "./app.ts";
import { isSilent } from "./frame.ts";
import { layOut, link, type NetLayout } from "./layout.ts";
import { drawn, picture } from "./pad.ts";
import { paint, ramp, thickness } from "./paint.ts";
import { addLayer, changeLayer, mapOf, most, nameOf, pretty, removeLayer, say, sizes, toggleFeature, walk } from "./settings.ts";
import type { Place } from "./types.ts";

const MANY = 100; // links: with more, only those of the neuron that is looked at stand out
const HEAD = 122; // height of the words and buttons over the columns

export function net(app: App): Part {
  const links = s("svg", { class: "pg-links", "aria-hidden": "true" });
  const tip = h("div", { class: "pg-tip", hidden: true });
  const stage = h("div", { class: "pg-stage" });
  const element = h("div", { class: "pg-net", role: "group", "aria-label": "The net. Arrow keys walk through it." }, stage);
  const onClick = acting(app, stage, "click"), onChange = acting(app, stage, "change"), onFocus = acting(app, stage, "focusin");
  const away = (event: Event) => {
    if (!hovered || event.type === "pointerover" && (event.target as Element).closest(".pg-reach")) return;
    hovered = null;
    showTip();
  };
  on(app, stage, "pointerover", away);
  on(app, stage, "pointerleave", away);
  const onOver = acting(app, stage, "pointerover");
  let layout: NetLayout = layOut([1], 300, HEAD);
  let buttons: HTMLButtonElement[][] = [];
  type Wire = { k: number; from: number; to: number; path: SVGPathElement };
  let wires: Wire[] = [];
  let hovered: Wire | null = null;
  let width = 0;

  const digits = () => app.settings.kind === "digits";
  /** Boxes per column: all features stand there, on or off; a drawing is one box. */
  const counts = () => [digits() ? 1 : app.choices.features["points"]!.length, ...sizes(app.settings).slice(1)];
  const feature = (row: number) => (digits() ? "" : app.choices.features["points"]![row]!);
  /** The row among the inputs that are on; -1 for one that is off. */
  const place = ({ column, row }: Place): Place =>
    column === 0 && !digits() ? { column, row: app.settings.features.indexOf(feature(row)) } : { column, row };
  /** The box of the n-th input that is on. */
  const inputBox = (n: number) => (digits() ? 0 : app.choices.features["points"]!.indexOf(app.settings.features[n]!));

  function structure(): void {
    const active = stage.contains(document.activeElement) ? document.activeElement! : null;
    const control = active?.closest(".pg-head") ? active.getAttribute("aria-label") : null;
    layout = layOut(counts(), Math.max(280, width), HEAD, digits() ? 32 : 40, digits() ? 10 : 8, !digits());
    stage.replaceChildren(links, ...heads());
    stage.style.width = `${layout.width}px`;
    stage.style.height = `${layout.height}px`;
    links.setAttribute("viewBox", `0 0 ${layout.width} ${layout.height}`);
    drawLinks();
    buttons = layout.columns.map((column, c) => column.boxes.map((_, row) => neuron({ column: c, row })));
    stage.append(...buttons.flat(), tip);
    focused = clamp(focused);
    rove();
    update();
    if (!active) return;
    const same = [...stage.querySelectorAll<HTMLButtonElement>(".pg-head [aria-label]")].find(e => e.getAttribute("aria-label") === control);
    (same && !same.disabled ? same : buttons[focused.column]![focused.row]!).focus({ preventScroll: true });
  }

  let focused: Place = { column: 0, row: 0 };
  const clamp = (at: Place): Place => {
    const column = Math.min(at.column, buttons.length - 1);
    return { column, row: Math.min(at.row, buttons[column]!.length - 1) };
  };

  function heads(): HTMLElement[] {
    const { layers } = app.settings;
    return layout.columns.map((column, c) => {
      const head = h("div", { class: "pg-head" });
      head.style.left = `${column.x - column.w / 2}px`;
      head.style.width = `${column.w}px`;
      if (c === 0) {
        head.append(h("strong", {}, digits() ? "Pixels" : "Inputs"));
        if (digits()) head.append(picker("Pixels that the net sees", app.choices.features["digits"]!, app.settings.features[0]!,
          value => app.change({ ...app.settings, features: [value] }), pretty));
      } else if (c > layers.length) {
        head.append(h("strong", {}, "Output"), h("span", { class: "pg-soft" }, digits() ? "10 digits" : "1 number"));
      } else head.append(...layerHead(c - 1));
      return head;
    });
  }

  function layerHead(i: number): HTMLElement[] {
    const layer = app.settings.layers[i]!;
    const change = (patch: Partial<typeof layer>) => app.change(changeLayer(app.settings, i, patch, app.choices));
    const less = small("−", `Layer ${i + 1}: one neuron less`, () => change({ neurons: layer.neurons - 1 }), layer.neurons <= 1);
    const more = small("+", `Layer ${i + 1}: one neuron more`, () => change({ neurons: layer.neurons + 1 }),
      layer.neurons >= most(app.settings, app.choices));
    const away = small("×", `Remove layer ${i + 1}`, () => app.change(removeLayer(app.settings, i)));
    const drops = [0, 0.1, 0.2, 0.3, 0.5, 0.7, layer.dropout];
    return [
      h("span", { class: "pg-row" }, h("strong", {}, `Layer ${i + 1}`), away),
      h("span", { class: "pg-row" }, less, h("span", { "aria-hidden": "true" }, String(layer.neurons)), more),
      picker(`Layer ${i + 1}: activation`, app.choices.activations, layer.activation, activation => change({ activation })),
      picker(`Layer ${i + 1}: dropout`, [...new Set(drops)].sort().map(String), String(layer.dropout),
        value => change({ dropout: Number(value) }), value => (value === "0" ? "drop 0" : `drop ${value}`)),
    ];
  }

  function small(label: string, name: string, act: () => void, disabled = false): HTMLButtonElement {
    const made = h("button", { type: "button", class: "labkit-button pg-small", "aria-label": name, title: name, disabled }, label);
    return onClick(made, act);
  }

  function picker(name: string, options: string[], value: string, pick: (value: string) => void, show = (x: string) => x): HTMLSelectElement {
    const made = h("select", { class: "labkit-select pg-tiny", "aria-label": name, title: name },
      ...options.map(option => h("option", { value: option, selected: option === value }, show(option))));
    return onChange(made, () => pick(made.value));
  }

  function drawLinks(): void {
    wires = [];
    hovered = null;
    const shown = sizes(app.settings);
    const first = digits() ? 1 : 0;
    links.replaceChildren();
    if (digits()) { // one band for the many weights of the pixels
      const from = layout.columns[0]!.boxes[0]!;
      for (const to of layout.columns[1]!.boxes) {
        links.append(s("path", { d: link(from, to, layout.box), class: "pg-band" }));
      }
    }
    for (let k = first; k + 1 < shown.length; k++) {
      for (let i = 0; i < shown[k]!; i++) {
        const box = k === 0 ? inputBox(i) : i;
        for (let to = 0; to < shown[k + 1]!; to++) {
          const d = link(layout.columns[k]!.boxes[box]!, layout.columns[k + 1]!.boxes[to]!, layout.box);
          const path = s("path", { d, class: "pg-link" });
          const wide = s("path", { d, class: "pg-reach" }); // what the mouse catches
          const wire = { k, from: i, to, path };
          onOver(wide, () => { hovered = wire; showTip(); });
          onClick(wide, () => { app.select({ column: k + 1, row: to }); app.editWeights(i); });
          wires.push(wire);
          links.append(path, wide);
        }
      }
    }
  }

  function showTip(): void {
    tip.hidden = !hovered || !fits(app, sizes(app.settings));
    for (const wire of wires) wire.path.classList.toggle("pg-hot", wire === hovered);
    if (!hovered || tip.hidden) return;
    const from = { column: hovered.k, row: hovered.from }, to = { column: hovered.k + 1, row: hovered.to };
    tip.textContent = `${nameOf(from, app.settings)} → ${nameOf(to, app.settings)}: ${say(app.frame.weight(hovered.k, hovered.from, hovered.to))} (click to change)`;
    const one = layout.columns[from.column]!.boxes[from.column ? from.row : inputBox(from.row)]!, two = layout.columns[to.column]!.boxes[to.row]!;
    tip.style.left = `${Math.min(Math.max((one.x + two.x) / 2, 110), layout.width - 110)}px`;
    tip.style.top = `${(one.y + two.y) / 2 + 10}px`;
  }

  function neuron(at: Place): HTMLButtonElement {
    const { x, y } = layout.columns[at.column]!.boxes[at.row]!;
    const box = layout.box;
    const pixels = at.column === 0 && digits() ? 28 : box;
    const off = at.column === 0 && place(at).row < 0;
    const made = h("button", {
      type: "button", class: `pg-box${off ? " pg-off" : ""}`, tabindex: -1,
      "aria-pressed": at.column === 0 && !digits() ? String(!off) : null,
    }, h("canvas", { width: pixels, height: pixels, "aria-hidden": "true" }));
    if (at.column === 0 && !digits()) made.append(h("span", { class: "pg-label" }, pretty(feature(at.row))));
    if (at.column > app.settings.layers.length && digits()) made.append(h("span", { class: "pg-digit" }, String(at.row)));
    made.style.left = `${x - box / 2}px`;
    made.style.top = `${y - box / 2}px`;
    made.style.width = made.style.height = `${box}px`;
    const look = () => { if (place(at).row >= 0) app.select(place(at)); };
    onFocus(made, () => { focused = at; rove(); look(); });
    onOver(made, event => { if (event.pointerType === "mouse") look(); });
    return onClick(made, () => {
      if (at.column === 0 && !digits()) app.change(toggleFeature(app.settings, feature(at.row), app.choices));
      else if (at.column > 0) app.editWeights();
    });
  }

  function rove(): void {
    buttons.flat().forEach(button => { button.tabIndex = -1; });
    buttons[focused.column]![focused.row]!.tabIndex = 0;
  }

  on(app, element, "keydown", event => {
    if (!(event.target as HTMLElement).closest(".pg-box") || event.ctrlKey || event.metaKey || event.altKey) return;
    const to = walk(focused, event.key, buttons.map(column => column.length));
    if (to !== focused) {
      buttons[to.column]![to.row]!.focus();
      event.preventDefault();
      return;
    }
    const layer = focused.column - 1;
    const inLayer = app.settings.layers[layer];
    const resize = (by: number) => inLayer && app.change(changeLayer(app.settings, layer, { neurons: inLayer.neurons + by }, app.choices));
    if (event.key === "+" || event.key === "=") resize(1);
    else if (event.key === "-") resize(-1);
    else if (event.key === "l") app.change(addLayer(app.settings, app.choices));
    else if (event.key === "L") app.change(removeLayer(app.settings, inLayer ? layer : undefined));
    else if (event.key === "w") app.editWeights();
    else if (event.key === "p") void app.ask(app.playing ? "pause" : "play");
    else if (event.key === "s") void app.ask("step");
    else if (event.key === "r") void app.ask("reset");
    else return;
    event.preventDefault();
  });

  function update(): void {
    const known = fits(app, sizes(app.settings));
    const colours = ramp(app.theme);
    for (const { k, from, to, path } of wires) {
      const weight = known ? app.frame.weight(k, from, to) : 0;
      path.setAttribute("stroke-width", String(thickness(weight)));
      path.classList.toggle("pg-below", weight < 0);
      const own = app.selected.column === k + 1 ? app.selected.row === to : app.selected.column === k && app.selected.row === from;
      path.classList.toggle("pg-faint", wires.length > MANY && !own);
    }
    buttons.forEach((column, c) => column.forEach((button, row) => {
      const at = place({ column: c, row });
      const chosen = at.row === app.selected.row && c === app.selected.column;
      button.classList.toggle("pg-chosen", chosen);
      button.setAttribute("aria-label", label(at, { column: c, row }, known));
      fill(button.querySelector("canvas")!, at, known, colours);
    }));
    showTip();
  }

  function fill(canvas: HTMLCanvasElement, at: Place, known: boolean, colours: Uint8Array): void {
    const paper = canvas.getContext("2d");
    if (!paper) return;
    const width = canvas.width;
    const image = paper.createImageData(width, width);
    const last = app.settings.layers.length + 1;
    if (at.column === 0 && digits()) {
      return picture(canvas, drawn(app), app.theme === "dark");
    } else if (known && at.row >= 0) {
      const map = app.frame.map(mapOf(at, app.settings));
      const options = { line: -1, stripe: digits() ? 0 : 6, smooth: !digits() };
      if (map) paint(image.data, width, map.values, app.frame.side, colours, options);
      else if (at.column === last && !digits()) paint(image.data, width, app.frame.output, app.frame.grid, colours, options);
      else flat(image.data, strength(at), colours);
    }
    paper.putImageData(image, 0, 0);
  }

  /** Digits: what a neuron without a picture of weights gives for the drawing, from 0 to 1 of the largest. */
  function strength(at: Place): number {
    const last = app.settings.layers.length + 1;
    if (at.column === last) return app.frame.probabilities[at.row] ?? 0;
    const start = sizes(app.settings).slice(1, at.column).reduce((sum, n) => sum + n, 0);
    const layer = app.frame.activations.subarray(start, start + app.settings.layers[at.column - 1]!.neurons);
    const most = Math.max(1e-9, ...[...layer].map(Math.abs));
    return (layer[at.row] ?? 0) / most;
  }

  function flat(rgba: Uint8ClampedArray, value: number, colours: Uint8Array): void {
    const at = (Math.round(127 * (Number.isFinite(value) ? value : 0)) + 127) * 3;
    for (let i = 0; i < rgba.length; i += 4) rgba.set([colours[at]!, colours[at + 1]!, colours[at + 2]!, 255], i);
  }

  function label(at: Place, box: Place, known: boolean): string {
    if (at.row < 0) return `Input ${pretty(feature(box.row))}, off`;
    const name = nameOf(at, app.settings);
    if (!known) return name;
    if (digits()) {
      if (at.column === 0) return name;
      return at.column === app.settings.layers.length + 1
        ? `${name}: ${Math.round(100 * (app.frame.probabilities[at.row] ?? 0))} %` : `${name}, bias ${say(app.frame.bias(at.column - 1, at.row))}`;
    }
    const map = app.frame.map(mapOf(at, app.settings));
    const silent = map && at.column > 0 && isSilent(map.values) ? ", 0 everywhere" : "";
    const bias = at.column ? `, bias ${say(app.frame.bias(at.column - 1, at.row))}` : "";
    return name + bias + silent;
  }

  const resized = new ResizeObserver(entries => {
    const now = Math.floor(entries[0]!.contentRect.width);
    if (now > 0 && Math.abs(now - width) > 4) {
      width = now;
      structure();
    }
  });
  resized.observe(element);
  app.shell.signal.addEventListener("abort", () => resized.disconnect(), { once: true });
  return { element, structure, update };
}
