// What is painted over the graph's picture at a position: what is done, what is next, where NaNs are, the values on the
// edges. No DOM in here.

import type { Graph } from "../graph/columns.ts";
import type { Layer } from "../graph/picture.ts";
import type { Item, Wire } from "../graph/types.ts";
import { progress, valueOn, type Inside, type Moment, type Track } from "./walk.ts";

/** A track, and where the nodes of the picture stand in it. */
export interface Walk extends Track {
  steps: Map<string, number[]>;
  histories: Record<string, Moment[]>;
}

/** A loop that we are inside of. */
export interface Inner extends Walk {
  data: Inside;
  step: number; // of the run
  loop: string; // names of what stands inside begin so
  groups: number[]; // per step, its iteration
}

/** The layer for a position.
 *
 * @param stops names with a breakpoint
 * @param nodesOf the graph's nodes that a box stands for
 */
export function overlay(graph: Graph, run: Walk, inner: Inner | null, stops: ReadonlySet<string>, nodesOf: (item: Item) => readonly number[]): Layer {
  const loops = run.plan.inside.map(step => `${run.plan.names[step]}/`);
  const within = (name: string): boolean => inner !== null && name.startsWith(inner.loop);
  const walkOf = (name: string): Walk => (within(name) ? inner! : run);
  const names = (item: Item): string[] => nodesOf(item).map(node => graph.names[node]!);
  const known = new Map<Item, ReturnType<typeof progress>>();
  const far = (item: Item) => {
    let found = known.get(item);
    if (!found) {
      const walk = walkOf(item.id);
      known.set(item, (found = progress(names(item), walk.steps, walk)));
    }
    return found;
  };
  const takesPart = (name: string): boolean =>
    run.steps.has(name) || run.histories[name] !== undefined || run.plan.fed[`${name}:0`] !== undefined || loops.some(loop => name.startsWith(loop));
  return {
    mark: item => {
      const { runs, done, bad, next } = far(item);
      return bad ? "bad" : next ? "next" : runs && done === runs ? "done" : null;
    },
    badge: item => {
      if (item.kind === "op") return stops.has(item.id) ? "● stop" : null;
      const { runs, done } = far(item);
      return done && done < runs && !item.open ? `${done} of ${runs}` : null;
    },
    dim: item => !names(item).some(takesPart),
    wireLabel: wire => words(graph, wire, name => walkOf(name)),
  };
}

/** The value on a wire; nothing where it stands for several that differ, its shape where there is none yet. */
function words(graph: Graph, wire: Wire, walkOf: (name: string) => Walk): string | null {
  const values = new Set<string>();
  for (const edge of wire.edges) {
    const name = graph.names[graph.from[edge]!]!;
    if (graph.slot[edge]! < 0) continue;
    const walk = walkOf(name);
    values.add(valueOn(walk, walk.steps, walk.histories, name, graph.slot[edge]!));
  }
  if (values.size > 1) return "";
  return [...values][0] || null;
}
