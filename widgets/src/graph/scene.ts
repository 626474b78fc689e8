// The way into the graph's model for the views: which state to begin with, what an item stands for, and the scene.

import type { Graph } from "./columns.ts";
import { planOf, plansOf } from "./plan.ts";
import type { Item, ViewState } from "./types.ts";

export { arrangeNow } from "./compose.ts";
export { planOf } from "./plan.ts";
export { arrange } from "./worker.ts";

const FEW = 24; // graphs this small are shown open, but for what `gradients` and an optimizer added

export function initialState(graph: Graph): ViewState {
  const state: ViewState = { root: "", open: [], horizontal: true, hubs: "aside", series: true, control: true, hidden: [] };
  if (graph.n > FEW) return state;
  const plan = planOf(graph, state);
  const added = (t: number) => {
    const parts = [...plan.order.slice(plan.at[t]!, plan.last[t]!)].filter(k => plan.node[k]! >= 0).map(k => graph.part(plan.node[k]!));
    return parts.every(part => part === "gradient" || part === "optimizer");
  };
  for (const t of plan.order) if (t && plan.node[t]! < 0 && !added(t)) state.open.push(plan.id(t));
  return state;
}

/** The ops that an item stands for, without those that are hidden. A hub's reference stands for the hub. */
export function nodesOf(graph: Graph, item: Item): number[] {
  if (item.node >= 0) return [item.node];
  const id = item.target ?? item.id;
  if (!plansOf(graph).length) planOf(graph, initialState(graph));
  for (const plan of plansOf(graph)) {
    const t = plan.byId(id);
    if (t < 0 || plan.at[t]! < 0) continue;
    const nodes: number[] = [];
    for (let k = plan.at[t]!; k < plan.last[t]!; k++) if (plan.node[plan.order[k]!]! >= 0) nodes.push(plan.node[plan.order[k]!]!);
    return nodes;
  }
  return [];
}
