// What a moment is in words, and the same as tables.

import { type Doing, DOINGS, type Run } from "./film.ts";
import { doingWord } from "./paint.ts";
import { h } from "../core/dom.ts";
import { count, short as number } from "../core/scale.ts";
import { seconds, short } from "../trace/scale.ts";

const plural = (n: number, one: string) => `${n} ${one}${n === 1 ? "" : "s"}`;

/** How many workers do what. */
export function doing(run: Run, time: number): Record<Doing, number> {
  const found = Object.fromEntries(DOINGS.map(word => [word, 0])) as Record<Doing, number>;
  for (let w = 0; w < run.film.workers; w++) found[run.state(w, time).doing]++;
  return found;
}

/** One or two sentences: who does what, and why nothing moves if nothing does. */
export function moment(run: Run, time: number): string {
  const { film } = run, many = film.workers;
  if (time >= film.until * (1 - 1e-9)) {
    const totals = run.totals(film.until);
    const rest = film.whole > film.until * 1.001 ? ` The rest, until ${seconds(film.whole)}, is in the curves only.` : "";
    return `${count(totals.updates)} updates after ${seconds(film.until)}.${rest}`;
  }
  const now = doing(run, time), parts = DOINGS.filter(word => now[word]).map(word => words(now[word], word, film.exchange));
  const said = capital(`${parts.join(", ")}.`);
  const server = Array.from({ length: film.servers }, (_, n) => n).find(n => film.exchange === "servers" && run.outage(`server ${n}`, time));
  if (server !== undefined) {
    const back = run.outage(`server ${server}`, time)![2];
    return `${said} Server ${server} is down: everybody waits${until(back, time)}, and goes on from the last checkpoint.`;
  }
  if (!film.steps) {
    const dead = Array.from({ length: many }, (_, w) => w).filter(w => run.outage(`worker ${w}`, time));
    if (!dead.length) return said;
    return `${said} ${capital(some(dead))} ${dead.length === 1 ? "is" : "are"} down; the others go on without.`;
  }
  const step = run.at(time), enough = film.steps.enough[step] ?? Infinity;
  if (time >= enough || film.steps.broken[step]) return said;
  const missing = Array.from({ length: many }, (_, w) => w).filter(w => run.arrival(step, w) > time);
  const there = many - missing.length, needed = many - film.backup;
  if (!there) return `Step ${step + 1}. ${said}`;
  const down = missing.filter(w => run.outage(`worker ${w}`, time));
  const waited = down.length ? `${some(down)} ${down.length === 1 ? "is" : "are"} down${until(run.outage(`worker ${down[0]}`, time)![2], time)}`
    : `the last to be waited for: ${some(missing.slice(0, Math.max(1, needed - there)))}`;
  const hidden = down.length && down.length <= film.backup ? " A backup stands in." : "";
  return `Step ${step + 1}: ${there} of ${needed} gradients are there; ${waited}.${hidden} ${said}`;
}

const capital = (text: string) => text.replace(/^./, letter => letter.toUpperCase());
const until = (end: number, time: number) => Number.isFinite(end) ? ` for ${seconds(end - time)} more` : " for good";
const some = (workers: number[]) => `worker${workers.length === 1 ? "" : "s"} ${workers.slice(0, 4).join(", ")}${workers.length > 4 ? `, and ${workers.length - 4} more` : ""}`;

const PLURALS: Record<string, string> = {
  computes: "compute", waits: "wait", pulls: "pull", pushes: "push", exchanges: "exchange", "is down": "are down", "is done": "are done",
};

function words(n: number, doing: Doing, exchange: string): string {
  if (doing === "late") return `${plural(n, "gradient")} too late`;
  const word = doingWord(doing, exchange);
  return n === 1 ? `1 ${word}` : `${n} ${PLURALS[word] ?? word}`;
}

/** What happened between two moments, for those who step. */
export function happened(run: Run, from: number, to: number): string {
  const { happenings, updates } = run.film, found: string[] = [];
  happenings.at.forEach((at, i) => {
    if (at > from && at <= to && happenings.kind[i] !== "checkpoint") found.push(happenings.text[i]!);
  });
  const before = run.totals(from), now = run.totals(to);
  if (now.applied > before.applied) {
    const place = now.applied - 1, worker = updates.worker[place]!;
    const whose = worker < 0 ? "" : ` by worker ${worker}, ${updates.stale[place] ? `${updates.stale[place]} updates old` : "fresh"}`;
    found.push(now.applied - before.applied === 1 ? `update ${now.updates} is applied${whose}` : `${now.applied - before.applied} updates are applied`);
  }
  if (now.dropped > before.dropped) found.push(`${plural(now.dropped - before.dropped, "gradient")} came too late`);
  for (let w = 0; w < run.film.workers && found.length < 6 && run.film.workers <= 16; w++) {
    const a = run.state(w, from), b = run.state(w, to);
    if (a.doing !== b.doing && b.doing !== "idle") found.push(`worker ${w} ${doingWord(b.doing, run.film.exchange)}`);
  }
  return found.length ? `${seconds(to)}: ${found.join("; ")}.` : `${seconds(to)}.`;
}

/** A worker or server in words. */
export function about(run: Run, chosen: number, time: number): string {
  if (chosen < 0) {
    const down = run.outage(`server ${-1 - chosen}`, time);
    return `server ${-1 - chosen}${down ? `, down since ${seconds(down[0])}` : ""}`;
  }
  const state = run.state(chosen, time), link = run.outage(`link of worker ${chosen}`, time) ? ", its link is cut" : "";
  if (state.doing === "down") {
    const [start, noticed, end] = run.outage(`worker ${chosen}`, time)!;
    const told = Number.isFinite(noticed) ? `; ${time < noticed ? "to be given" : "given"} up at ${seconds(noticed)}` : "";
    return `worker ${chosen} is down since ${seconds(start)}${told}${Number.isFinite(end) ? `, there again at ${seconds(end)}` : ", for good"}`;
  }
  return `worker ${chosen} ${doingWord(state.doing, run.film.exchange)}${Number.isFinite(state.to) ? `, for ${seconds(Math.max(0, state.to - time))} more` : ""}${link}`;
}

export interface Figure { name: string; value: string }

/** The numbers beside the picture. */
export function figures(run: Run, time: number): Figure[] {
  const { film } = run, now = run.totals(time);
  const span = Math.min(Math.max(time, 1e-12), 10 * run.round), rate = run.recent(time, span) / span;
  const examples = now.applied ? now.examples / Math.max(1, now.updates) : 0;
  return [
    { name: "updates", value: count(now.updates) },
    { name: "updates/s now", value: number(rate) },
    { name: "examples/s", value: short(rate * examples) },
    { name: "sent", value: short(now.bytes, "B") },
    { name: "dropped", value: count(now.dropped) },
    { name: "since last update", value: seconds(Math.max(0, time - now.last)) },
  ].filter(({ name }) => name !== "dropped" || film.steps);
}

/** The workers at a moment, as a table. */
export function workersTable(run: Run, time: number): HTMLElement {
  const most = Math.min(run.film.workers, 200), { updates } = run.film, made = new Map<number, number>();
  const applied = run.totals(time).applied;
  for (let i = 0; i < applied; i++) made.set(updates.worker[i]!, (made.get(updates.worker[i]!) ?? 0) + 1);
  const rows = Array.from({ length: most }, (_, w) => {
    const state = run.state(w, time);
    const idle = run.film.steps ? "" : count(made.get(w) ?? 0);
    return h("tr", {}, h("th", { scope: "row" }, `worker ${w}`), h("td", {}, doingWord(state.doing, run.film.exchange)),
      h("td", {}, Number.isFinite(state.to) ? seconds(Math.max(0, state.to - time)) : ""), idle ? h("td", {}, idle) : null);
  });
  return h("table", { class: "labkit-tr-table" },
    h("caption", {}, `Workers at ${seconds(time)}${most < run.film.workers ? `, the first ${most}` : ""}`),
    h("thead", {}, h("tr", {}, ...["worker", "does", "for", ...(run.film.steps ? [] : ["updates"])].map(word => h("th", { scope: "col" }, word)))),
    h("tbody", {}, ...rows));
}
