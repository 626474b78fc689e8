// What layout costs, in milliseconds of CPU: `node widgets/src/bench/layout.ts` (Node 24). Nothing in the bundle uses it.
//
// `first` is the first time in a new process, before the engine has compiled anything; `then` is the best of ten.

import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { fromColumns } from "../graph/columns.ts";
import { forward, towers, train } from "../graph/samples.ts";
import { arrangeNow, planOf } from "../graph/scene.ts";
import type { Columns, ViewState } from "../graph/types.ts";

const CASES: Record<string, () => Columns> = {
  "train 1k": () => train(1280), "train 20k": () => train(26000), "towers 20k": () => towers(23400), "forward 20k": () => forward(20000),
};
const closed: ViewState = { root: "", open: [], horizontal: false, hubs: "aside", series: true, control: true, hidden: [] };

function time(work: () => void): number {
  const start = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

function measure(name: string): void {
  const columns = CASES[name]!();
  let graph = fromColumns(columns), boxes = 0;
  const root = () => {
    graph = fromColumns(columns);
    boxes = arrangeNow(graph, closed).items.length;
  };
  const first = time(root);
  const then = Math.min(...Array.from({ length: 10 }, () => time(root)));
  // Each scope that is seen at first, opened alone: the slowest.
  const openOne = (id: string) => time(() => arrangeNow(graph, { ...closed, open: [id] }));
  const ids = arrangeNow(graph, closed).items.filter(item => item.kind === "scope" || item.kind === "series").map(item => item.id).slice(0, 100);
  const opened = ids.map(id => ({ id, cold: openOne(id) }));
  const slowest = opened.reduce((a, b) => (a.cold > b.cold ? a : b));
  root();
  const warm = Math.min(...Array.from({ length: 5 }, () => { root(); return openOne(slowest.id); }));
  const line = [name, `${graph.n} ops`, `${boxes} boxes`, `first ${first.toFixed(0)}`, `then ${then.toFixed(0)}`,
    `slowest scope ${slowest.cold.toFixed(0)}, then ${warm.toFixed(0)} (${slowest.id})`];
  if (graph.n < 2000) {
    const plan = planOf(graph, closed);
    const open = [...plan.order].filter(t => t && plan.node[t]! < 0).map(t => plan.id(t));
    let seen = 0;
    const all = () => {
      plan.memo.clear();
      seen = arrangeNow(graph, { ...closed, open }).items.length;
    };
    line.push(`all open (${seen || (all(), seen)} boxes) ${Math.min(...Array.from({ length: 5 }, () => time(all))).toFixed(0)}`);
  }
  console.log(line.join(" | "));
}

if (process.argv[2]) measure(process.argv[2]);
else for (const name of Object.keys(CASES)) await new Promise(done => fork(fileURLToPath(import.meta.url), [name]).on("exit", done));
