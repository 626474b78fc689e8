// What a scene needs of a graph before anything is opened: the tree with repeated blocks as nodes of it, every edge lifted
// to the scope where its two ends part, hubs set aside, and which lifted edges go against the flow.
//
// None of it depends on what is open, so one plan serves every scene of a graph until a switch (series, hubs, control
// edges, hidden parts) changes. planner.ts makes it.

import type { Graph } from "./columns.ts";
import type { Hubs } from "./hubs.ts";
import { Planner } from "./planner.ts";
import type { ViewState } from "./types.ts";

export const PAIR = 2 ** 22; // a * PAIR + b names a pair of tree nodes

/** Per edge: the scope or series where its ends part (-1: not drawn), and the children of it that the edge joins. */
export interface Lifted {
  top: Int32Array;
  left: Int32Array;
  right: Int32Array;
}

export interface Plan extends Lifted {
  graph: Graph;
  size: number;
  parent: Int32Array;
  node: Int32Array; // index of the op, else -1
  sample: Int32Array; // first op inside
  count: Int32Array; // how many ops inside are not hidden
  members: Int32Array; // of a series: how many blocks; else 0
  depth: Int32Array;
  order: Int32Array; // parents before children, siblings by their first op
  last: Int32Array; // where in `order` what is inside ends
  at: Int32Array; // place in `order`
  leaf: Int32Array; // per op
  hubs: Hubs;
  back: Set<number>; // pairs of children whose edges go against the flow
  id: (t: number) => string;
  label: (t: number) => string;
  byId: (id: string) => number; // -1 where there is no such item
  memo: Map<string, unknown>;
}

export function planKey(state: ViewState): string {
  return [state.hubs, state.series, state.control, !!state.lanes, ...[...state.hidden].sort()].join();
}

const plans = new WeakMap<Graph, Map<string, Plan>>();

/** The plans that were used of late, the last first. */
export function plansOf(graph: Graph): Plan[] {
  return [...(plans.get(graph)?.values() ?? [])].reverse();
}

/** The plan for these switches: made once. */
export function planOf(graph: Graph, state: ViewState): Plan {
  let known = plans.get(graph);
  if (!known) plans.set(graph, (known = new Map()));
  const key = planKey(state);
  let plan = known.get(key);
  if (plan) known.delete(key); // the one used last comes last
  else plan = makePlan(graph, state);
  if (known.size >= 4) known.delete(known.keys().next().value!);
  known.set(key, plan);
  return plan;
}

export function makePlan(graph: Graph, state: ViewState): Plan {
  return new Planner(graph, state).plan();
}
