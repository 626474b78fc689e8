// The large picture of the plane: what the output, or the neuron that is looked at, gives at each point, and the points
// to learn. A cross that the mouse or the arrow keys move reads values as numbers, also while the net learns.

import { h } from "../core/dom.ts";
import { REACH, fits, on, type App, type Part } from "./app.ts";
import { valueAt } from "./frame.ts";
import { POINTS, paint, ramp } from "./paint.ts";
import { mapOf, nameOf, say, sizes } from "./settings.ts";

const SIZE = 288; // pixels of the heat map; the canvas is drawn at the screen's resolution

export function plane(app: App): Part {
  const canvas = h("canvas", { class: "pg-plane", role: "img", tabindex: 0 });
  const heat = h("canvas", { width: SIZE, height: SIZE });
  const title = h("strong", {});
  const readout = h("div", { class: "pg-readout" });
  const test = h("input", { type: "checkbox" });
  const hard = h("input", { type: "checkbox" });
  const element = h("div", { class: "pg-planebox" },
    h("div", { class: "pg-caption" }, title), canvas, readout, scale(),
    h("div", { class: "pg-checks" },
      h("label", {}, test, " Test points"), h("label", {}, hard, " Only the sign")));
  for (const box of [test, hard]) on(app, box, "change", () => update());

  on(app, canvas, "pointermove", event => {
    const box = canvas.getBoundingClientRect();
    app.move([((event.clientX - box.left) / box.width * 2 - 1) * REACH, (1 - (event.clientY - box.top) / box.height * 2) * REACH]);
  });
  on(app, canvas, "keydown", event => {
    const step = event.shiftKey ? 1 : 0.25;
    const [x, y] = app.cursor;
    const to: Record<string, [number, number]> = {
      ArrowLeft: [x - step, y], ArrowRight: [x + step, y], ArrowUp: [x, y + step], ArrowDown: [x, y - step], Home: [0, 0],
    };
    const moved = to[event.key];
    if (!moved) return;
    app.move([bound(moved[0]), bound(moved[1])]);
    app.shell.say(readout.textContent ?? "");
    event.preventDefault();
  });

  /** The map that is looked at: values, how many in a row, what 127 is. */
  function looked(): { values: Int8Array; side: number; scale: number } | null {
    if (!fits(app, sizes(app.settings))) return null;
    const map = app.frame.map(mapOf(app.selected, app.settings));
    if (map) return { ...map, side: app.frame.side };
    return { values: app.frame.output, side: app.frame.grid, scale: 1 };
  }

  function update(): void {
    const map = looked();
    const name = nameOf(app.selected, app.settings);
    title.textContent = name === "Output" ? "What the net says" : name;
    const paper = heat.getContext("2d");
    const ratio = Math.min(3, window.devicePixelRatio || 1);
    if (canvas.width !== SIZE * ratio) canvas.width = canvas.height = SIZE * ratio;
    const pen = canvas.getContext("2d");
    if (!paper || !pen) return;
    const image = paper.createImageData(SIZE, SIZE);
    if (map) paint(image.data, SIZE, map.values, map.side, ramp(app.theme), { stripe: 9, line: app.theme === "dark" ? 235 : 40, hard: hard.checked });
    paper.putImageData(image, 0, 0);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.drawImage(heat, 0, 0, SIZE, SIZE);
    points(pen);
    cross(pen);
    const [x, y] = app.cursor;
    const value = map ? valueAt(map.values, map.side, map.scale, x, y, REACH) : NaN;
    const side = Number.isNaN(value) ? "" : value < 0 ? ", orange" : ", blue";
    readout.textContent = `x₁ = ${fixed(x)}, x₂ = ${fixed(y)}: ${map ? say(value) + side : "…"}`;
    canvas.setAttribute("aria-label", `${title.textContent} over the plane, and the points to learn. ` +
      `Arrow keys move the cross. ${readout.textContent}`);
  }

  function points(pen: CanvasRenderingContext2D): void {
    const rows = app.examples.sections.get("points");
    if (!rows) return;
    const train = Number(app.examples.header["train"]);
    const dark = app.theme === "dark";
    for (let i = 0; i < rows.length / 3; i++) {
      const forTest = i >= train;
      if (forTest && !test.checked) continue;
      const [x1, x2, label] = [rows[3 * i]!, rows[3 * i + 1]!, rows[3 * i + 2]!];
      const x = (x1 / REACH + 1) / 2 * SIZE, y = (1 - x2 / REACH) / 2 * SIZE;
      const r = forTest ? 3.5 : 3;
      pen.beginPath();
      if (label > 0) pen.arc(x, y, r, 0, 7);
      else for (const [dx, dy] of [[0, -1], [1, 0], [0, 1], [-1, 0]] as const) pen.lineTo(x + dx * (r + 1), y + dy * (r + 1));
      pen.closePath();
      pen.fillStyle = POINTS[app.theme][label > 0 ? 1 : 0];
      pen.fill();
      pen.lineWidth = forTest ? 1.6 : 1.2;
      pen.strokeStyle = forTest ? (dark ? "#fff" : "#000") : (dark ? "#111" : "#fff");
      pen.stroke();
    }
  }

  function cross(pen: CanvasRenderingContext2D): void {
    const x = (app.cursor[0] / REACH + 1) / 2 * SIZE, y = (1 - app.cursor[1] / REACH) / 2 * SIZE;
    for (const [width, colour] of [[3, app.theme === "dark" ? "#000" : "#fff"], [1, app.theme === "dark" ? "#fff" : "#000"]] as const) {
      pen.lineWidth = width;
      pen.strokeStyle = colour;
      pen.beginPath();
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]] as const) {
        pen.moveTo(x + dx * 4, y + dy * 4);
        pen.lineTo(x + dx * 10, y + dy * 10);
      }
      pen.stroke();
    }
  }

  return { element, structure: update, update };
}

/** The key to the colours, under the plane. */
function scale(): HTMLElement {
  return h("div", { class: "pg-scale", role: "img", "aria-label": "Colours: orange and striped is −1, plain is 0, blue is +1" },
    h("span", {}, "−1"), h("span", { class: "pg-ramp" }), h("span", {}, "+1"));
}

const bound = (x: number) => Math.min(REACH, Math.max(-REACH, x));
const fixed = (x: number) => x.toFixed(1).replace("-", "−");
