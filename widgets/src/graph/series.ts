// Which siblings are the same block again: `layer_1, layer_2, ...`, `add, add_1, ...` fold to one item "x N".
//
// Alike means: names that differ by a number, the same ops in the same scopes inside (compared by a hash), and the same
// surroundings, where neighbours that fold count as one. Folding must not tie the picture into a knot: a group whose
// fold would close a loop (MatMul, add, MatMul_1, add_1, ...) stays unfolded. Every step is linear; rounds are capped.

import type { Graph } from "./columns.ts";
import { components } from "./cycles.ts";
import { labelOf, type Tree } from "./tree.ts";

const LEAST = 4; // three layers are easier to read than "x 3"
const ROUNDS = 8;
const MANY = 100; // beyond this a loop in the picture is the smaller evil

function mix(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x45d9f3b);
  x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d);
  return (x ^ (x >>> 16)) | 0;
}

/** Two hashes per tree node of what is inside it: types of ops, nesting, and how many edges run on each level. */
export function hashes(graph: Graph, tree: Tree, edgesInside: Int32Array): [Int32Array, Int32Array] {
  const first = new Int32Array(tree.size), second = new Int32Array(tree.size);
  for (let t = tree.size - 1; t >= 0; t--) {
    const seed = tree.node[t]! >= 0 ? graph.op[tree.node[t]!]! + 1 : -1 - edgesInside[t]!;
    first[t] = mix(first[t]! + Math.imul(seed, 0x9e3779b1));
    second[t] = mix(second[t]! ^ Math.imul(seed, 0x85ebca6b));
    const up = tree.parent[t]!;
    if (up < 0) continue;
    first[up] = (first[up]! + mix(first[t]!)) | 0;
    second[up] = (second[up]! + mix(second[t]! ^ 0x5bd1e995)) | 0;
  }
  return [first, second];
}

/** A name without its number: `layer_12` and `layer` are "layer", `Relu_1_grad` is "Relu_grad". */
export function stem(label: string): string {
  let end = label.length;
  while (end > 0 && label.charCodeAt(end - 1) >= 48 && label.charCodeAt(end - 1) <= 57) end--;
  if (end < label.length) return label.slice(0, end > 0 && label[end - 1] === "_" ? end - 1 : end);
  const short = label.length > 200 ? label.slice(-200) : label;
  return label.slice(0, label.length - short.length) + short.replace(/_\d+(?=_[^\d])/, "");
}

/** Siblings by what they are; -1 for those that stand alone. Numbers of groups count from 0. Null: no group at all. */
export function alike(graph: Graph, tree: Tree, [first, second]: [Int32Array, Int32Array], children: ArrayLike<number>): Int32Array | null {
  if (children.length < LEAST) return null;
  const same = new Map<number, number[]>();
  for (let i = 0; i < children.length; i++) {
    const key = first[children[i]!]!;
    const bucket = same.get(key);
    if (bucket) bucket.push(i);
    else same.set(key, [i]);
  }
  let of: Int32Array | null = null;
  let count = 0;
  for (const bucket of same.values()) {
    if (bucket.length < LEAST) continue;
    const groups = new Map<string, number[]>();
    for (const i of bucket) {
      const t = children[i]!;
      const key = `${second[t]} ${tree.node[t]! >= 0} ${stem(labelOf(graph, tree, t))}`;
      const group = groups.get(key);
      if (group) group.push(i);
      else groups.set(key, [i]);
    }
    for (const group of groups.values()) {
      if (group.length < LEAST) continue;
      of ??= new Int32Array(children.length).fill(-1);
      for (const i of group) of[i] = count;
      count++;
    }
  }
  return of;
}

/** The groups that may fold, given the edges between siblings (by position). Changes and returns `group`. */
export function foldable(group: Int32Array, scope: (i: number) => boolean, from: ArrayLike<number>, to: ArrayLike<number>): Int32Array {
  const n = group.length;
  for (let round = 0; ; round++) {
    const dropped = new Set<number>();
    const count = Math.max(-1, ...new Set(group)) + 1;
    if (!count) return group;
    // What stands for each sibling: its group, or itself.
    const face = Int32Array.from(group, (g, i) => (g < 0 ? count + i : g));
    const a: number[] = [], b: number[] = [];
    for (let e = 0; e < from.length; e++) {
      const x = face[from[e]!]!, y = face[to[e]!]!;
      if (x !== y) { a.push(x); b.push(y); }
    }
    const knot = components(count + n, a, b);
    const size = new Int32Array(count + n);
    for (let f = 0; f < count + n; f++) size[knot[f]!]!++;
    for (let i = 0; i < n; i++) {
      const g = group[i]!;
      if (g >= 0 && size[knot[g]!]! > 1 && !(n > MANY && scope(i))) dropped.add(g);
    }
    // Surroundings: which faces lie before and after.
    const around = new Int32Array(n);
    const seen = new Set<number>();
    const width = 2 * (count + n);
    for (let e = 0; e < from.length; e++) {
      const u = from[e]!, v = to[e]!;
      if (face[u] === face[v]) continue;
      for (const [i, key] of [[u, 2 * face[v]!], [v, 2 * face[u]! + 1]] as const) {
        if (group[i]! < 0 || seen.has(i * width + key)) continue;
        seen.add(i * width + key);
        around[i] = (around[i]! + mix(key + 1)) | 0;
      }
    }
    const views = Array.from({ length: count }, () => new Map<number, number>());
    for (let i = 0; i < n; i++) if (group[i]! >= 0) views[group[i]!]!.set(around[i]!, (views[group[i]!]!.get(around[i]!) ?? 0) + 1);
    views.forEach((seenBy, g) => {
      let all = 0, most = 0;
      for (const times of seenBy.values()) { all += times; most = Math.max(most, times); }
      const ends = Math.max(2, all / 10); // the first and the last of a chain look different
      if (all - most > ends) dropped.add(g);
    });
    if (!dropped.size) return group;
    if (round === ROUNDS) return group.fill(-1);
    const renumber = new Map<number, number>();
    for (let i = 0; i < n; i++) {
      const g = group[i]!;
      if (g < 0) continue;
      if (dropped.has(g)) group[i] = -1;
      else {
        if (!renumber.has(g)) renumber.set(g, renumber.size);
        group[i] = renumber.get(g)!;
      }
    }
  }
}
