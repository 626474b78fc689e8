// Finding ops by what a learner remembers of them: `w1`, `layer1/relu`, `matmul`, `784`, `(?, 784)`, `float64`, and
// exactly by `op:MatMul`, `shape:784`, `name:read`, `type:int32`. Several words must all hold.

import type { Graph } from "./columns.ts";

export interface Found {
  nodes: number[]; // the best first, `most` of them
  total: number;
}

type Field = "name" | "op" | "shape" | "type";
interface Word {
  field: Field | null;
  text: string;
}

const FIELDS: Record<string, Field> = { name: "name", op: "op", shape: "shape", type: "type", dtype: "type" };

/** `op:MatMul "(?, 784)" w` -> words; what stands within parentheses or quotes is one. */
export function words(query: string): Word[] {
  const found: Word[] = [];
  for (const [part] of query.slice(0, 1000).toLowerCase().matchAll(/(?:[a-z]+:)?(?:\([^)]*\)?|"[^"]*"?|[^\s"(]+)/gu)) {
    const colon = part.indexOf(":");
    const field = colon > 0 ? FIELDS[part.slice(0, colon)] ?? null : null;
    const text = (field ? part.slice(colon + 1) : part).replaceAll('"', "");
    if (text) found.push({ field, text });
  }
  return found;
}

/** Ops that fit the query; names that fit well come first, then op types, then shapes. */
export function search(graph: Graph, query: string, most = 100): Found {
  const asked = words(query);
  if (!asked.length) return { nodes: [], total: 0 };
  const ops = asked.map(word => graph.ops.map(op => (word.field === null || word.field === "op" ? rateOp(op.toLowerCase(), word.text) : 0)));
  const types = asked.map(word => graph.types.map(type => Math.max(
    word.field === null || word.field === "shape" ? rateShape(type.shape, word.text) : 0,
    word.field === null || word.field === "type" ? rateType(type.dtype, word.text) : 0,
  )));
  const { outputTypes, outputs } = graph.columns;
  const hits: { node: number; rate: number; length: number }[] = [];
  for (let i = 0, at = 0; i < graph.n; at += outputs[i]!, i++) {
    let rate = 0;
    const name = graph.names[i]!.toLowerCase();
    for (let k = 0; k < asked.length; k++) {
      const { field, text } = asked[k]!;
      let best = Math.max(ops[k]![graph.op[i]!]!, field === null || field === "name" ? rateName(name, text) : 0);
      for (let o = at; o < at + outputs[i]!; o++) best = Math.max(best, types[k]![outputTypes[o]!]!);
      if (!best) {
        rate = 0;
        break;
      }
      rate += best;
    }
    if (rate) hits.push({ node: i, rate, length: name.length });
  }
  hits.sort((a, b) => b.rate - a.rate || a.length - b.length || a.node - b.node);
  return { nodes: hits.slice(0, most).map(hit => hit.node), total: hits.length };
}

function rateName(name: string, text: string): number {
  if (name === text) return 100;
  const at = name.lastIndexOf(text);
  if (at < 0) return 0;
  const starts = at === 0 || name[at - 1] === "/", ends = at + text.length === name.length, last = name.indexOf("/", at + text.length) < 0;
  if (starts && ends) return 90;
  if (starts) return last ? 70 : 60;
  return last ? 50 : 40;
}

function rateOp(op: string, text: string): number {
  return op === text ? 80 : op.startsWith(text) ? 55 : op.includes(text) ? 45 : 0;
}

/** A number is a size of one axis; a shape in parentheses is the whole. */
function rateShape(shape: string, text: string): number {
  const plain = shape.replaceAll(" ", "").replaceAll("none", "?");
  const wanted = text.replaceAll(" ", "").replaceAll("none", "?");
  if (wanted.startsWith("(")) return plain === wanted || plain === wanted + ")" ? 65 : 0;
  if (!/^[\d?,]+$/.test(wanted)) return 0;
  const sizes = plain.slice(1, -1);
  return `,${sizes},`.includes(`,${wanted},`) ? 35 : 0;
}

function rateType(dtype: string, text: string): number {
  return dtype === text ? 33 : text.length > 2 && dtype.startsWith(text) ? 30 : 0;
}
