// What stands under the net, folded: every mark explained, the numbers as tables, the program, the graph.

import { button, h, s } from "../core/dom.ts";
import { SavedModel, type Model } from "../core/model.ts";
import { Shell } from "../core/shell.ts";
import { REACH, fits, on, type App, type Part } from "./app.ts";
import { valueAt } from "./frame.ts";
import { nameOf, say, sizes } from "./settings.ts";

function fold(title: string, ...content: (HTMLElement | string)[]): HTMLDetailsElement {
  return h("details", { class: "pg-fold" }, h("summary", {}, title), ...content);
}

/** "Explain every mark on screen." */
export function legend(): Part {
  const mark = (className: string, width: number) => s("svg", { viewBox: "0 0 44 12", class: "pg-mark", "aria-hidden": "true" },
    s("path", { d: "M2 6H42", class: className, "stroke-width": width }));
  const dot = (d: string, name: string) => s("svg", { viewBox: "0 0 44 12", class: "pg-mark", "aria-hidden": "true" }, s("path", { d, class: name }));
  const rows: [Element | string, string][] = [
    [mark("pg-link", 4), "A weight above 0. The thicker the line, the larger the weight."],
    [mark("pg-link pg-below", 4), "A weight below 0: orange and dashed. Click a line to change its weight."],
    [dot("M17 6a5 5 0 1 0 10 0a5 5 0 1 0-10 0Z", "pg-dot"), "A point with label +1: blue and round. With a rim, and only if you ask for it: a point to test with."],
    [dot("M22 0L28 6L22 12L16 6Z", "pg-dot pg-belowdot"), "A point with label −1: an orange diamond."],
    [h("span", { class: "pg-ramp pg-mark" }), "What a neuron gives at a point: orange and striped below 0, blue above. The line between is where it gives 0."],
    ["□", "Each small square is the plane as one neuron sees it. Look at it (mouse or focus) and it is shown large."],
    ["✛", "The cross: values are read here, live. Move it with the mouse, or focus the plane and use the arrow keys (with shift: far)."],
    [mark("pg-train", 2), "Loss of the points that the net learns from, epoch after epoch."],
    [mark("pg-test", 2), "Loss of the points that it has never seen. If only this one rises, the net learns by heart."],
    ["Right", "The share of points on the right side."],
    ["Epoch", "How many times the net has seen all training examples."],
    ["Digits", "Pictures in the first layer are weights: blue pixels speak for the neuron, orange ones against it. Boxes without a picture show how strongly a neuron answers to the drawing."],
  ];
  const keys: [string, string][] = [
    ["arrows", "walk through the net"], ["+ −", "one neuron more or less in this layer"], ["l, shift L", "add a layer, remove this layer"],
    ["Enter", "on an input: put it on or off; on a neuron: its weights"], ["Esc", "back from the weights to the net"],
    ["p, s, r", "play or pause, step, reset"],
  ];
  return { element: fold("Explain every mark",
    h("dl", { class: "pg-legend" }, ...rows.flatMap(([sign, text]) => [h("dt", {}, sign), h("dd", {}, text)])),
    h("p", {}, h("strong", {}, "Keys in the net")),
    h("dl", { class: "pg-legend" }, ...keys.flatMap(([key, text]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, text)]))) };
}

/** The twin of the pictures for those who read numbers. */
export function tables(app: App): Part {
  const body = h("div", { class: "pg-tables", tabindex: 0, role: "region", "aria-label": "Numbers as tables" });
  const element = fold("Numbers as tables", body);
  let drawn = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  app.shell.signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  on(app, element, "toggle", () => build());

  function build(): void {
    if (!element.open || !fits(app, sizes(app.settings))) return;
    drawn = Date.now();
    body.replaceChildren(...weightTables(), ...(app.settings.kind === "points" ? [planeTable()] : []), curveTable());
  }

  function weightTables(): HTMLElement[] {
    const counts = sizes(app.settings);
    const first = app.settings.kind === "digits" ? 1 : 0;
    return counts.slice(1).map((count, k) => {
      const rows = k < first ? [] : [...Array(counts[k]!).keys()].map(from =>
        [nameOf({ column: k, row: from }, app.settings), ...[...Array(count).keys()].map(to => say(app.frame.weight(k, from, to)))]);
      rows.push(["bias", ...[...Array(count).keys()].map(to => say(app.frame.bias(k, to)))]);
      const title = k + 1 > app.settings.layers.length ? "Weights of the output" : `Weights of layer ${k + 1}`;
      return table(title, ["from", ...[...Array(count).keys()].map(to => nameOf({ column: k + 1, row: to }, app.settings))], rows);
    });
  }

  function planeTable(): HTMLElement {
    const ticks = [-5, -3, -1, 1, 3, 5];
    const { output, grid } = app.frame;
    return table("Output over the plane", ["x₂ \\ x₁", ...ticks.map(say)], [...ticks].reverse().map(x2 =>
      [say(x2), ...ticks.map(x1 => say(Number(valueAt(output, grid, 1, x1, x2, REACH).toFixed(2))))]));
  }

  function curveTable(): HTMLElement {
    const curve = app.frame.curve;
    const every = Math.max(1, Math.floor(curve.length / 10));
    const chosen = curve.filter((_, i) => i % every === 0 || i === curve.length - 1);
    return table("Training", ["epoch", "train loss", "test loss", "train right", "test right"], chosen.map(score =>
      [String(score.epoch), say(score.trainLoss), say(score.testLoss), say(score.trainAccuracy), say(score.testAccuracy)]));
  }

  function update(): void {
    if (!element.open || timer !== undefined) return;
    timer = setTimeout(() => { timer = undefined; build(); }, Math.max(0, drawn + 1000 - Date.now())); // once a second
  }
  return { element, update, structure: update };
}

function table(title: string, head: string[], rows: string[][]): HTMLElement {
  return h("table", { class: "pg-table" }, h("caption", {}, title),
    h("thead", {}, h("tr", {}, ...head.map(text => h("th", { scope: "col" }, text)))),
    h("tbody", {}, ...rows.map(([first, ...rest]) => h("tr", {}, h("th", { scope: "row" }, first!), ...rest.map(text => h("td", {}, text))))));
}

/** The lines of Python that build this net. */
export function code(app: App): Part {
  const pre = h("pre", { class: "pg-code", tabindex: 0, role: "region", "aria-label": "Program" });
  const copy = button("Copy", () => {
    void navigator.clipboard?.writeText(pre.textContent ?? "").then(() => app.shell.say("Copied."), () => app.shell.say("The browser does not let this page copy: mark the lines."));
  }, app.shell.signal);
  const show = () => { pre.textContent = app.shell.get<string>("code_lines"); };
  app.shell.watch("code_lines", show);
  show();
  return { element: fold("Code", h("p", { class: "pg-soft" }, "These lines build exactly this net, and train it. Take them into a cell."), copy, pre) };
}

/** The net's graph as a GraphView, which the kernel makes when it is asked for. */
export function graph(app: App, view: (shell: Shell) => void | Promise<void>): Part {
  const box = h("div", { class: "pg-graph" });
  const element = fold("Show the graph", box);
  let end: AbortController | null = null;
  let shown: unknown = null;
  on(app, element, "toggle", () => {
    if (element.open && !app.shell.get("graph_box")) void app.ask("graph", { show: true });
    else if (!element.open && app.shell.get("graph_box") && !(app.shell.model instanceof SavedModel)) void app.ask("graph", { show: false });
    void draw();
  });
  app.shell.watch("graph_box", () => void draw());
  app.shell.signal.addEventListener("abort", () => end?.abort(), { once: true });

  async function draw(): Promise<void> {
    const wanted = element.open ? app.shell.get<unknown>("graph_box") : null;
    if (wanted === shown) return;
    shown = wanted;
    end?.abort();
    end = null;
    if (!wanted) return;
    const model = await resolve(wanted);
    if (!model || shown !== wanted || app.shell.signal.aborted) return;
    end = new AbortController();
    await view(new Shell({ model, el: box, signal: end.signal }, "Graph"));
  }

  async function resolve(reference: any): Promise<Model | null> {
    if (typeof reference === "object") {
      return new SavedModel(Object.fromEntries(Object.entries(reference).map(([key, value]: [string, any]) => [key,
        typeof value?.base64 === "string" ? new DataView(Uint8Array.from(atob(value.base64), c => c.charCodeAt(0)).buffer) : value])));
    }
    return (app.shell.model as any).widget_manager?.get_model(String(reference).replace("IPY_MODEL_", "")) ?? null;
  }
  return { element };
}

