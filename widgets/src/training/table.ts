// The curves as a table: for those who do not see the picture, and for reading numbers off.

import { h, shorten } from "../core/dom.ts";
import { count, short } from "../core/scale.ts";
import type { Store } from "./store.ts";

const ROWS = 12;

/** At most twelve steps, evenly apart, with every curve of every run. */
export function table(store: Store): HTMLElement {
  const order = ["curves", "rate", "gradients"];
  const shown = store.series.filter(one => one.count).sort((a, b) => order.indexOf(a.group) - order.indexOf(b.group)).slice(0, 40);
  const end = Math.max(0, ...shown.map(one => one.lastStep));
  const steps = [...new Set(Array.from({ length: ROWS }, (_, i) => Math.round((end * i) / (ROWS - 1))))];
  const several = store.runs.length > 1;
  const name = (group: string, title: string) => group === "gradients" ? `norm of the gradient of ${title}` : title;
  const head = h("tr", {}, h("th", { scope: "col" }, "step"), ...shown.map(one =>
    h("th", { scope: "col" }, shorten(name(one.group, one.name), 40) + (several ? `, ${shorten(store.runs[one.run]?.name ?? "", 24)}` : ""))));
  const rows = steps.map(step => h("tr", {}, h("th", { scope: "row" }, count(step)), ...shown.map(one => {
    const at = one.at(step);
    return h("td", {}, at < 0 || step > one.lastStep + end / ROWS ? "" : short(at === one.size - 1 ? one.lastValue : one.mean(at), 4));
  })));
  return h("table", { class: "labkit-table" }, h("caption", { class: "labkit-hidden" }, "Values of the curves"), h("thead", {}, head), h("tbody", {}, ...rows));
}
