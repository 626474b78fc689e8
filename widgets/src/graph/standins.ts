// What stands for an op in the picture when it is not drawn itself: the scopes and series around it.

import type { Graph } from "./columns.ts";
import { planOf } from "./scene.ts";
import type { ViewState } from "./types.ts";

/** Ids of the scopes and series around an op, scope or series: the innermost first. */
export function hiders(graph: Graph, state: ViewState, name: string): string[] {
  const plan = planOf(graph, state);
  const ids: string[] = [];
  for (let t = plan.byId(name); t > 0;) {
    t = plan.parent[t]!;
    if (t > 0) ids.push(plan.id(t));
  }
  return ids;
}

/** Ids of all scopes and series that are drawn. */
export function everyHider(graph: Graph, state: ViewState): string[] {
  const plan = planOf(graph, state);
  const ids: string[] = [];
  for (let t = 1; t < plan.size; t++) if (plan.node[t]! < 0 && plan.count[t]! > 0) ids.push(plan.id(t));
  return ids;
}
