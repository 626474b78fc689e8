// One line about the step: how long it takes, what the last change did to it, what crosses, what went wrong.

import { h, shorten } from "../core/dom.ts";
import { percent, seconds, short } from "../trace/scale.ts";
import type { Machines, Placed } from "./derive.ts";

/** The parts of the line; `trouble` is why the last wish was refused. */
export function summary(placed: Placed, machines: Machines, trouble: string): Node[] {
  const { step: now, before } = placed;
  const full = placed.devices.filter(([, , , , over]) => over).map(([device]) => shorten(machines.devices[device]![1], 40));
  const parts: Node[] = [full.length && now !== null
    ? h("strong", { class: "labkit-pl-more" }, `! ${full.slice(0, 3).join(", ")}${full.length > 3 ? ` and ${full.length - 3} more` : ""} out of memory`)
    : h("strong", {}, now === null ? "The step cannot run" : `Step: ${seconds(now)}`)];
  if (full.length && now !== null) parts.push(h("span", {}, `with enough of it a step would take ${seconds(now)}`));
  if (now !== null && before !== null && before > 0) {
    const change = now - before, small = Math.abs(change) < 1e-6 * before;
    parts.push(h("span", { class: small ? null : change > 0 ? "labkit-pl-more" : "labkit-pl-less" }, small ? `as before (${seconds(before)})`
      : `${change > 0 ? "▲" : "▼"} ${seconds(Math.abs(change))} ${change > 0 ? "more" : "less"} than before (${seconds(before)}, ${percent(Math.abs(change) / before)})`));
  }
  const sent = placed.over.filter(([, slot]) => slot >= 0), bytes = sent.reduce((sum, crossing) => sum + crossing[5], 0);
  parts.push(h("span", {}, sent.length ? `${sent.length} ${sent.length === 1 ? "tensor crosses" : "tensors cross"}: ${short(bytes, "B")}` : "nothing crosses between devices"));
  if (placed.moved) parts.push(h("span", {}, `${placed.moved} ${placed.moved === 1 ? "op" : "ops"} moved by hand`));
  parts.push(h("span", { class: "labkit-gv-key" }, shorten(machines.title, 120)));
  for (const text of [trouble, placed.failure]) if (text) parts.push(h("p", { class: "labkit-pl-note labkit-pl-more" }, shorten(text, 600)));
  if (placed.note) parts.push(h("p", { class: "labkit-pl-note" }, shorten(placed.note, 600)));
  return parts;
}
