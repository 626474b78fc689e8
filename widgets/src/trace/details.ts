// What is known of one event.

import type { Events, Value } from "./events.ts";
import { percent, seconds, short } from "./scale.ts";
import { button, h, shorten } from "../core/dom.ts";
import type { Shell } from "../core/shell.ts";

const LISTED = 12; // inputs or outputs

/** One line about an event, for the tooltip and for screen readers. */
export function line(events: Events, event: number): string {
  const chain = events.chain[event] ? ", on the critical path" : "";
  return `${shorten(events.op(event), 40)} ${shorten(events.name(event), 80)} on ${shorten(events.row(event).label, 40)}: ` +
    `starts at ${seconds(events.start[event]!)}, takes ${seconds(events.duration(event))}${chain}`;
}

/** A panel about an event. */
export function details(events: Events, event: number, shell: Shell, select: (event: number) => void): HTMLElement {
  const row = events.row(event);
  const path = events.columns.critical[row.run]!;
  const time = events.duration(event);
  const flops = events.columns.flops[event]!;
  const moved = events.columns.moved[event]!;
  const list = h("dl", { class: "labkit-tr-facts" });
  const fact = (name: string, ...value: (string | Node)[]) => {
    if (value.some(part => part !== "")) list.append(h("dt", {}, name), h("dd", {}, ...value));
  };
  fact("op", shorten(events.op(event), 80));
  fact(row.link ? "link" : "device", shorten(row.name, 200));
  fact("start", seconds(events.start[event]!));
  fact("duration", `${seconds(time)} (${percent(path.span ? time / path.span : 0)} of the step)`);
  fact("FLOPs", flops ? `${short(flops)}${time ? `, ${short(flops / time, "FLOP/s")}` : ""}` : "");
  fact("bytes moved", moved ? `${short(moved, "B")}${time ? `, ${short(moved / time, "B/s")}` : ""}` : "");
  fact("FLOPs per byte", flops && moved ? (flops / moved).toFixed(2) : "");
  fact("critical path", events.chain[event] ? `yes: ${events.chain[event]} of ${path.events.length}` : "no");
  fact("made at", shorten(events.site(event), 300));
  const runs = events.ofNode[events.columns.node[event]!]!.filter(i => events.row(i).run === row.run);
  fact("runs", runs.length > 1 ? `run ${runs.indexOf(event) + 1} of ${runs.length} of this node` : "");

  const values = (inputs: Value[], outputs: Value[]) => {
    fact("inputs", ...inputs.length ? [several(inputs, value => {
      const maker = value.node < 0 ? -1 : events.maker(value.node, event);
      return maker < 0 ? null : () => select(maker);
    }, shell.signal)] : []);
    fact("outputs", ...outputs.length ? [several(outputs, () => null, shell.signal)] : []);
  };
  if (events.detailed) values(events.inputs(event), events.outputs(event));
  else {
    shell.request("event", { run: row.run, node: events.name(event), number: runs.indexOf(event) }).then(({ result }) => {
      const node = (name: string) => events.columns.nodes.indexOf(name.replace(/:\d+$/, ""));
      if (list.isConnected) {
        values(result.inputs.map((name: string) => ({ name, type: "", node: node(name) })),
          result.outputs.map(([name, type]: [string, string]) => ({ name, type, node: -1 })));
      }
    }, () => { if (list.isConnected) fact("inputs", "A running kernel tells them: run the cell again."); });
  }
  return h("div", { class: "labkit-tr-details" },
    h("h4", { class: "labkit-tr-name", tabindex: "-1" }, shorten(events.name(event), 160)), list);
}

function several(values: Value[], act: (value: Value) => (() => void) | null, signal: AbortSignal): HTMLElement {
  const items = values.slice(0, LISTED).map(value => {
    const go = act(value);
    const words = shorten(value.name, 80);
    const name = go ? button(words, go, signal, "Go to what made it") : h("span", {}, words);
    if (go) name.className = "labkit-tr-link";
    return h("li", {}, name, value.type && ` ${value.type}`);
  });
  if (values.length > LISTED) items.push(h("li", {}, `and ${values.length - LISTED} more`));
  return h("ul", {}, ...items);
}
