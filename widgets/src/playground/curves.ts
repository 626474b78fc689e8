// Loss after each epoch, for the examples to train with (a line) and those to test with (dashes), and the accuracies.

import { h, s } from "../core/dom.ts";
import type { App, Part } from "./app.ts";
import type { Score } from "./frame.ts";
import { say } from "./settings.ts";

const WIDTH = 288, HEIGHT = 104, LEFT = 34, BOTTOM = 18;

export function curves(app: App): Part {
  const train = s("path", { class: "pg-train" });
  const test = s("path", { class: "pg-test" });
  const top = s("text", { x: LEFT - 4, y: 12, "text-anchor": "end" });
  const end = s("text", { x: WIDTH - 2, y: HEIGHT - 4, "text-anchor": "end" });
  const svg = s("svg", { class: "pg-curves", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" },
    s("path", { class: "pg-axis", d: `M${LEFT} 4V${HEIGHT - BOTTOM}H${WIDTH}` }), test, train, top,
    s("text", { x: LEFT - 4, y: HEIGHT - BOTTOM, "text-anchor": "end" }, "0"),
    s("text", { x: LEFT, y: HEIGHT - 4 }, "epoch 0"), end);
  const cells = [0, 1, 2, 3].map(() => h("td", {}));
  const table = h("table", { class: "pg-scores" },
    h("thead", {}, h("tr", {}, h("td", {}), h("th", { scope: "col" }, "Loss"), h("th", { scope: "col" }, "Right"))),
    h("tbody", {},
      h("tr", {}, h("th", { scope: "row" }, key("pg-train"), " Train"), cells[0]!, cells[1]!),
      h("tr", {}, h("th", { scope: "row" }, key("pg-test"), " Test"), cells[2]!, cells[3]!)));
  const element = h("div", { class: "pg-curvebox" }, table, svg);

  function update(): void {
    const curve = app.frame.curve;
    const now = curve.at(-1);
    if (!now) return;
    const largest = niceTop(curve);
    train.setAttribute("d", line(curve.map(score => [score.epoch, score.trainLoss]), largest));
    test.setAttribute("d", line(curve.map(score => [score.epoch, score.testLoss]), largest));
    top.textContent = say(largest);
    end.textContent = String(now.epoch);
    const texts = [say(now.trainLoss), percent(now.trainAccuracy), say(now.testLoss), percent(now.testAccuracy)];
    cells.forEach((cell, i) => { cell.textContent = texts[i]!; });
    svg.setAttribute("aria-label", `Loss over ${now.epoch} epochs: train from ${say(curve[0]!.trainLoss)} to ${texts[0]}, ` +
      `test from ${say(curve[0]!.testLoss)} to ${texts[2]}`);
  }
  return { element, update };
}

function key(name: string): SVGElement {
  return s("svg", { class: "pg-key", viewBox: "0 0 24 8", "aria-hidden": "true" }, s("path", { class: name, d: "M0 4H24" }));
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/** The upper end of the axis: 1, 2 or 5 times a power of ten, above all that is finite. */
export function niceTop(curve: Score[]): number {
  const values = curve.flatMap(score => [score.trainLoss, score.testLoss]).filter(Number.isFinite);
  const most = Math.max(1e-6, ...values);
  const power = 10 ** Math.floor(Math.log10(most));
  return Number(([1, 2, 5, 10].find(step => step * power >= most * 0.999)! * power).toPrecision(3));
}

/** The path of a curve; what is not finite interrupts it. */
export function line(points: [epoch: number, loss: number][], top: number): string {
  const last = Math.max(1, points.at(-1)?.[0] ?? 1);
  let path = "", down = false;
  for (const [epoch, loss] of points) {
    if (!Number.isFinite(loss)) {
      down = false;
      continue;
    }
    const x = LEFT + epoch / last * (WIDTH - LEFT - 2), y = 4 + (1 - Math.min(1, loss / top)) * (HEIGHT - BOTTOM - 4);
    path += `${down ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    down = true;
  }
  return path;
}
