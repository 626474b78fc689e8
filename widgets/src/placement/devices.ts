// The devices below the picture: how busy each is and how full, those without ops as places to drop something on; and the
// placers beside one another.

import { button, h, shorten } from "../core/dom.ts";
import type { Theme } from "../core/colours.ts";
import { percent, seconds, short } from "../trace/scale.ts";
import type { Machines, Placed } from "./derive.ts";
import { swatch } from "./swatches.ts";

const MOST_USED = 24, MOST_IDLE = 12;

export function deviceCards(machines: Machines, placed: Placed, theme: Theme, show: (device: number) => void, signal: AbortSignal): HTMLElement {
  const used = new Set(placed.devices.map(([device]) => device));
  const idle = machines.devices.map((_, device) => device).filter(device => !used.has(device));
  const cards = placed.devices.slice(0, MOST_USED).map(([device, ops, busy, peak, over]) => {
    const [name, label, kind, memory] = machines.devices[device]!;
    const head = button(shorten(label, 40), () => show(device), signal, shorten(name, 200));
    head.classList.add("labkit-gv-link");
    return h("li", { class: `labkit-pl-card${over ? " labkit-pl-full" : ""}`, "data-device": device },
      h("div", { class: "labkit-pl-head" }, swatch(device, theme), head, h("span", {}, `${shorten(kind, 30)}, ${ops} ${ops === 1 ? "op" : "ops"}`)),
      placed.failure ? null : meter("busy", busy, percent(busy)),
      placed.failure ? null : meter("memory", peak / memory, `${short(peak, "B")} of ${short(memory, "B")}`),
      over ? h("p", { class: "labkit-pl-bad", tabindex: 0 }, over) : null);
  });
  const more = placed.devices.length - cards.length;
  return h("div", {},
    h("ul", { class: "labkit-pl-cards", "aria-label": "Devices with ops" }, ...cards, more > 0 && h("li", {}, `and ${more} more devices with ops`)),
    idle.length ? h("ul", { class: "labkit-pl-idle", "aria-label": "Devices without ops" }, h("li", {}, "idle:"),
      ...idle.slice(0, MOST_IDLE).map(device => h("li", { class: "labkit-pl-chip", "data-device": device }, swatch(device, theme), shorten(machines.devices[device]![1], 30))),
      idle.length > MOST_IDLE && h("li", {}, `and ${idle.length - MOST_IDLE} more`)) : null);
}

function meter(what: string, share: number, words: string): HTMLElement {
  const bar = h("span", { class: "labkit-pl-bar" });
  bar.style.width = `${Math.max(0, Math.min(100, 100 * share))}%`;
  return h("div", { class: "labkit-pl-meter" }, h("span", {}, what), h("span", { class: "labkit-pl-track", "aria-hidden": "true" }, bar), h("span", {}, words));
}

/** [method, seconds, transfers, bytes that cross, devices with ops, what failed] */
export type Row = [method: string, seconds: number | null, sent: number, bytes: number, devices: number, bad: string];
export type Table = [cluster: string, rows: Row[]][];

/** The step time of each placer, on each cluster that was asked about. */
export function comparison(machines: Machines, table: Table, choose: (method: string) => void, signal: AbortSignal): HTMLElement {
  const words = new Map(machines.methods);
  const here = table.find(([cluster]) => cluster === machines.cluster)?.[1] ?? [];
  const others = table.filter(([cluster]) => cluster !== machines.cluster);
  const best = (rows: Row[]) => Math.min(...rows.filter(row => row[1] !== null && !row[5]).map(row => row[1]!));
  const time = (row: Row | undefined, least: number) => {
    if (!row || row[1] === null) return h("td", { title: row?.[5] ?? null }, row ? "cannot" : "–");
    const first = row[1] <= least * (1 + 1e-9);
    return h("td", { class: first ? "labkit-pl-best" : null }, `${seconds(row[1])}${row[5] ? " (out of memory)" : first ? " ✓" : ""}`);
  };
  const rows = machines.methods.map(([method]) => {
    const row = here.find(entry => entry[0] === method);
    const name = button(words.get(method)!, () => choose(method), signal, "Place with this one");
    name.classList.add("labkit-gv-link");
    return h("tr", {}, h("th", { scope: "row" }, name), time(row, best(here)),
      h("td", {}, row ? String(row[4]) : "–"), h("td", {}, row ? `${row[2]}, ${short(row[3], "B")}` : "–"),
      ...others.map(([, rows]) => time(rows.find(entry => entry[0] === method), best(rows))));
  });
  const heads = ["placer", `step on ${shorten(machines.cluster, 30)}`, "devices", "transfers", ...others.map(([cluster]) => `step on ${shorten(cluster, 30)}`)];
  return h("table", { class: "labkit-gv-table" }, h("thead", {}, h("tr", {}, ...heads.map(head => h("th", { scope: "col" }, head)))), h("tbody", {}, ...rows));
}
