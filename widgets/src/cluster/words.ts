// What is said of a node, a link and a moment: lines for tips and screen readers, facts for the panel, tables.

import { type Look, share } from "./paint.ts";
import type { Scene } from "./scene.ts";
import { h, shorten } from "../core/dom.ts";
import { percent, seconds, short } from "../trace/scale.ts";

type Fact = [string, string];

const LISTED = 300; // rows of a table

/** A link in one direction: "h3 → s1.0". */
export function arrow(scene: Scene, direction: number): string {
  const [a, b] = ends(scene, direction >> 1);
  return direction % 2 ? `${b} → ${a}` : `${a} → ${b}`;
}

/** What a node at the end of a link is called; the host where the link leads to it, not to its processor. */
export function ends(scene: Scene, link: number): string[] {
  const { ends: places, names } = scene.links[link]!;
  return places.map((place, i) => {
    const node = scene.nodes[place]!;
    return shorten(node.name === names[i] ? node.brief : names[i]!, 40);
  });
}

export function loaded(scene: Scene, direction: number, load: number): string {
  const { rate } = scene.links[direction >> 1]!;
  return `${short(load, "B/s")} of ${short(rate, "B/s")} (${percent(load / rate)})`;
}

/** Loads at the moment that is shown, the fullest link first. */
export function fullest(scene: Scene, { run, time }: Look): [direction: number, load: number][] {
  return [...run?.loads(time) ?? []].sort((a, b) => share(scene, ...b) - share(scene, ...a));
}

export function nodeLine(scene: Scene, look: Look, number: number): string {
  const node = scene.nodes[number]!;
  const kind = node.kind >= 0 ? `, ${scene.kinds[node.kind]!.title}` : "";
  const runs = op(look, number);
  const name = node.role === "group" ? node.labels[0]! : `${node.role} ${node.brief}`;
  return `${shorten(name, 90)}${shorten(kind, 60)}${runs && `, computes ${runs}`}${look.deadNodes.has(number) ? ", failed" : ""}`;
}

export function linkLine(scene: Scene, look: Look, number: number): string {
  const link = scene.links[number]!;
  const loads = look.run?.loads(look.time);
  const now = [2 * number, 2 * number + 1].flatMap(direction => {
    const load = loads?.get(direction);
    return load ? [`; ${arrow(scene, direction)} carries ${loaded(scene, direction, load)}`] : [];
  });
  const cables = link.cables > 1 && !link.words ? `, ${link.cables} cables` : "";
  return `link between ${ends(scene, number).join(" and ")}: ${look.deadLinks.has(number) ? "failed; " : ""}` +
    `${shorten(scene.wires[link.wire]!.title, 60)}${cables}, ${link.words ?? `${short(link.rate, "B/s")} each way`}${now.join("")}`;
}

/** One line about the moment that is shown. */
export function momentLine(scene: Scene, look: Look): string {
  const devices = scene.nodes.filter(node => node.kind >= 0).length;
  const busy = scene.nodes.filter((_, i) => look.run!.computing(i, look.time) >= 0).length;
  const flows = look.run!.underWay(look.time).length;
  const most = fullest(scene, look)[0];
  return `${busy} of ${devices} device${devices === 1 ? "" : "s"} compute${busy === 1 ? "s" : ""}, ` +
    `${flows} message${flows === 1 ? "" : "s"} under way. ` +
    (most ? `Busiest link: ${arrow(scene, most[0])}, ${loaded(scene, ...most)}.` : "No link carries anything.");
}

export function nodeFacts(scene: Scene, look: Look, number: number): Fact[] {
  const { run, time } = look;
  const node = scene.nodes[number]!;
  const list: Fact[] = [];
  if (node.kind >= 0) list.push(["is", scene.kinds[node.kind]!.title]);
  if (node.also) list.push(["processor of", node.also]);
  else if (node.role !== "group") list.push(["role", node.role === "device" ? `on ${node.host}` : node.role]);
  list.push(...node.kind >= 0 ? scene.kinds[node.kind]!.facts : node.facts ?? []);
  const held = run?.held(number, time) ?? NaN;
  if (held >= 0) list.push(["holds now", `${short(held, "B")} of ${short(node.memory, "B")}`]);
  const event = run?.computing(number, time) ?? -1;
  if (event >= 0) list.push(["computes now", `${op(look, number)} ${shorten(run!.busy.get(number)!.names[event]!, 80)}`]);
  return list;
}

export function linkFacts(scene: Scene, { run, time }: Look, number: number): Fact[] {
  const link = scene.links[number]!;
  const wire = scene.wires[link.wire]!;
  const many = `${link.cables.toLocaleString("en")} x ${wire.title}, ${short(link.rate, "B/s")} together`;
  const list: Fact[] = [["link", link.cables > 1 ? many : wire.title], ...wire.facts];
  const loads = run?.loads(time);
  for (const direction of loads ? [2 * number, 2 * number + 1] : []) {
    const load = loads!.get(direction);
    list.push([`now ${arrow(scene, direction)}`, load ? loaded(scene, direction, load) : "nothing"]);
  }
  return list;
}

/** What is known of message number `flow` of the run. */
export function flowFacts(scene: Scene, { run }: Look, flow: number): Fact[] {
  const { flows, ways } = run!.data;
  return [
    ["tensor", flows.tensor[flow]!], ["from", scene.nodes[flows.from[flow]!]!.brief], ["to", scene.nodes[flows.to[flow]!]!.brief],
    ["bytes", short(flows.bytes[flow]!, "B")], ["under way", `${seconds(flows.start[flow]!)} to ${seconds(flows.end[flow]!)}`],
    ["crosses", ways[flows.path[flow]!]!.map(direction => arrow(scene, direction)).join(", ") || "no link"],
  ];
}

/** The moment as two tables: the picture for those who do not see it. */
export function tables(scene: Scene, look: Look): HTMLElement[] {
  const links = fullest(scene, look).slice(0, LISTED).map(([direction, load]) => [arrow(scene, direction), short(load, "B/s"),
    short(scene.links[direction >> 1]!.rate, "B/s"), percent(share(scene, direction, load))]);
  const devices = scene.nodes.flatMap((node, i) => {
    const runs = op(look, i);
    const held = look.run!.held(i, look.time);
    return runs || held > 0 ? [[shorten(node.brief, 60), runs || "waits", Number.isNaN(held) ? "" : short(held, "B")]] : [];
  });
  return [table("Links that carry something", ["link", "carries", "can carry", "share"], links),
    table("Devices", ["device", "computes", "holds"], devices.slice(0, LISTED))];
}

export function factList(list: Fact[]): HTMLElement | string {
  return list.length ? h("dl", { class: "labkit-tr-facts" },
    ...list.flatMap(([key, value]) => [h("dt", {}, shorten(key, 60)), h("dd", {}, shorten(value, 400))])) : "";
}

/** What a device computes at the moment that is shown, or "". */
function op({ run, time }: Look, number: number): string {
  const event = run?.computing(number, time) ?? -1;
  return event >= 0 ? shorten(run!.busy.get(number)!.op[event]!, 40) : "";
}

function table(caption: string, heads: string[], rows: string[][]): HTMLElement {
  return h("table", { class: "labkit-tr-table" }, h("caption", {}, rows.length ? caption : `${caption}: none`),
    rows.length > 0 && h("thead", {}, h("tr", {}, ...heads.map(head => h("th", { scope: "col" }, head)))),
    h("tbody", {}, ...rows.map(([head, ...cells]) => h("tr", {}, h("th", { scope: "row" }, head), ...cells.map(cell => h("td", {}, cell))))));
}
