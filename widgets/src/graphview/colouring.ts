// What the colour of a box says: a part of the graph, a scope, an op type, a device, or a number (time, bytes, FLOPs).
//
// The seven most frequent kinds get a colour of Okabe and Ito's and a pattern each, the rest share an eighth; numbers
// get a scale whose lightness rises evenly, so that it also reads in grey. A closed scope has the colour of most of what
// is in it, or the sum of its numbers.

import { amount as shade, kind as hue, type Swatch as Look, type Theme } from "../core/colours.ts";
import type { Graph } from "../graph/columns.ts";
import type { Item } from "../graph/types.ts";

export const SCHEMES = ["part", "scope", "op", "device", "time", "bytes", "flops"] as const;
export type Scheme = (typeof SCHEMES)[number];

export const SCHEME_WORDS: Record<Scheme, string> = {
  part: "what it is", scope: "scope", op: "op type", device: "device", time: "time measured", bytes: "bytes made", flops: "FLOPs",
};

export interface Paint {
  colour: string;
  pattern: string;
  ink: string;
}

export interface Swatch {
  label: string;
  paint: Paint;
}

export interface Colouring {
  fill(item: Item): Paint | null;
  badge(item: Item): string | null;
  legend: Swatch[];
  note: string; // said when there is nothing to colour by
}

/** How many kinds get a colour of their own; the rest share one. */
const MOST_KINDS = 7;
const paintOf = (look: Look): Paint => ({ colour: look.fill, pattern: look.pattern, ink: look.ink });
const NONE: Colouring = { fill: () => null, badge: () => null, legend: [], note: "" };

type Members = (item: Item) => Iterable<number>;

export function colouring(
  scheme: Scheme, graph: Graph, members: Members, theme: Theme, seconds: ReadonlyMap<number, number>,
): Colouring {
  if (scheme === "part") return NONE;
  if (scheme === "scope") return kinds(graph, members, theme, node => outermost(graph.names[node]!));
  if (scheme === "op") return kinds(graph, members, theme, node => graph.opType(node));
  if (scheme === "device") {
    const found = kinds(graph, members, theme, node => graph.device(node) || "no device asked for");
    return found.legend.length > 1 ? found : { ...found, note: "No op was given a device: use tf.device(...)." };
  }
  const numbers = scheme === "time" ? (node: number) => seconds.get(node) ?? null
    : scheme === "flops" ? (node: number) => graph.flops[node] ?? null : (node: number) => bytesOf(graph, node);
  const found = amounts(graph.n, members, theme, numbers, scheme === "time" ? duration : scheme === "bytes" ? byteText : flopText);
  if (found.legend.length) return found;
  const why = scheme === "time" ? "No times: give GraphView(trace=...) what session.watch returned."
    : "No sizes are known: shapes with ? have none before a run.";
  return { ...found, note: why };
}

function outermost(name: string): string {
  const cut = name.indexOf("/");
  return cut < 0 ? "outside of scopes" : name.slice(0, cut);
}

function bytesOf(graph: Graph, node: number): number | null {
  let sum = 0;
  for (const type of graph.outputs(node)) {
    if (type.bytes === null) return null;
    sum += type.bytes;
  }
  return sum;
}

function kinds(graph: Graph, members: Members, theme: Theme, kindOf: (node: number) => string): Colouring {
  const counts = new Map<string, number>();
  for (let node = 0; node < graph.n; node++) counts.set(kindOf(node), (counts.get(kindOf(node)) ?? 0) + 1);
  const ranked = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([kind]) => kind);
  const paints = new Map(ranked.slice(0, MOST_KINDS).map((kind, i) => [kind, paintOf(hue(i, theme))]));
  const rest = paintOf(hue(MOST_KINDS, theme));
  const main = memo((item: Item) => mostOf(members(item), kindOf));
  const legend = ranked.slice(0, MOST_KINDS).map(kind => ({ label: kind, paint: paints.get(kind)! }));
  if (ranked.length > MOST_KINDS) legend.push({ label: `${ranked.length - MOST_KINDS} more kinds`, paint: rest });
  return {
    fill: item => { const kind = main(item); return kind === null ? null : paints.get(kind) ?? rest; },
    badge: () => null, legend, note: "",
  };
}

function mostOf(nodes: Iterable<number>, kindOf: (node: number) => string): string | null {
  const counts = new Map<string, number>();
  let best: string | null = null;
  for (const node of nodes) {
    const kind = kindOf(node);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    if (best === null || counts.get(kind)! > counts.get(best)!) best = kind;
  }
  return best;
}

function amounts(
  n: number, members: Members, theme: Theme, amount: (node: number) => number | null, words: (x: number) => string,
): Colouring {
  let least = Infinity, most = 0;
  for (let node = 0; node < n; node++) {
    const x = amount(node);
    if (x !== null && x > 0) { least = Math.min(least, x); most = Math.max(most, x); }
  }
  if (!most) return NONE;
  const total = memo((item: Item) => {
    let sum = 0, known = false;
    for (const node of members(item)) {
      const x = amount(node);
      if (x !== null) { sum += x; known = true; }
    }
    return known ? sum : null;
  });
  const place = (x: number) => most === least ? 1 : Math.max(0, Math.min(1, Math.log(x / least) / Math.log(most / least)));
  const steps = most === least ? [most] : [0, 0.25, 0.5, 0.75, 1].map(t => least * (most / least) ** t);
  return {
    fill: item => { const x = total(item); return x === null || x <= 0 ? null : paintOf(shade(place(x), theme)); },
    badge: item => { const x = total(item); return x === null || x <= 0 ? null : words(x); },
    legend: steps.map(x => ({ label: words(x), paint: paintOf(shade(place(x), theme)) })),
    note: "",
  };
}

function memo<T>(of: (item: Item) => T): (item: Item) => T {
  const known = new Map<string, T>();
  return item => {
    if (!known.has(item.id)) known.set(item.id, of(item));
    return known.get(item.id)!;
  };
}

function scaled(x: number, base: number, units: string[]): string {
  let at = 0;
  while (x >= base && at < units.length - 1) { x /= base; at++; }
  return `${x >= 100 || Number.isInteger(x) ? Math.round(x) : Number(x.toPrecision(3))} ${units[at]}`;
}

export const byteText = (x: number): string => scaled(x, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]);
export const flopText = (x: number): string => scaled(x, 1000, ["FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP"]);
export const duration = (seconds: number): string => scaled(seconds * 1e9, 1000, ["ns", "µs", "ms", "s"]);
