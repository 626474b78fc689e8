// ProcessesView: real processes that train: who lives, how far each is, what happened, and a button to kill each.
//
// What is seen stands in the trait `shown`, which the kernel writes (labkit_widgets/processes_view.py); what is pressed is
// asked of the kernel. Rows stay where they are while their numbers change, so that a button keeps the focus.

import { button, h, s, shorten } from "../core/dom.ts";
import { plot } from "../core/plot.ts";
import { count, short } from "../core/scale.ts";
import type { Shell } from "../core/shell.ts";

interface Worker {
  pid: number;
  alive: boolean;
  step: number | null;
  loss: number | null;
}

interface Shown {
  state: "ready" | "running" | "finished" | "stopped" | "failed" | "closed";
  words: string;
  asynchronous: boolean;
  count: number;
  step: number;
  steps: number;
  workers: Worker[];
  curve: [step: number, loss: number | null][];
  happened: [seconds: number, kind: string, who: string, text: string][];
  staleness: number | null;
  left: number | null;
}

const STATES = { ready: "Ready", running: "Training", finished: "Finished", stopped: "Stopped", failed: "Failed", closed: "Ended" };

interface Row {
  row: HTMLTableRowElement;
  fill(worker: Worker): void;
}

export function processesView(shell: Shell): void {
  const { signal } = shell;
  const act = (label: string, verb: string, title: string) => button(label, () => {
    shell.say(verb === "stop" ? "The run is being broken off." : "All processes are being ended.");
    shell.request(verb).catch(why => shell.say((why as Error).message));
  }, signal, title);
  const stop = act("Stop", "stop", "Break the run off; the workers end with it");
  const end = act("End all processes", "shut_down", "End every process that this group has started");
  const progress = h("progress", { class: "labkit-progress", "aria-label": "Steps done", max: 1, value: 0 });
  const how = h("span", { class: "labkit-ps-how" });
  const body = h("tbody"), chart = h("div", { class: "labkit-ps-chart" }), unit = h("th", { scope: "col" });
  const list = h("ol");
  const log = h("div", { class: "labkit-ps-log", role: "log", "aria-label": "What happened", tabindex: "0" }, list);
  const head = (text: string) => h("th", { scope: "col" }, text);
  shell.body.append(
    h("div", { class: "labkit-bar" }, stop, end, progress, how),
    h("div", { class: "labkit-ps" },
      h("div", { class: "labkit-ps-scroll", role: "region", "aria-label": "Workers", tabindex: "0" },
        h("table", { class: "labkit-tr-table" }, h("caption", { class: "labkit-hidden" }, "Workers"),
          h("thead", {}, h("tr", {}, head("worker"), head("process"), head("state"), unit, head("last loss"), head("kill"))), body)),
      chart),
    log);
  const rows: Row[] = [];
  let before: Shown | null = null;

  const draw = () => {
    const shown = shell.get<Shown>("shown");
    const { state, step, steps, workers } = shown;
    const running = state === "running";
    stop.disabled = !running;
    end.disabled = state === "closed";
    progress.hidden = !steps;
    progress.max = steps || 1;
    progress.value = Math.min(step, steps);
    how.classList.toggle("labkit-ps-failed", state === "failed");
    how.textContent = words(shown);
    unit.textContent = shown.asynchronous ? "gradients" : "step";
    while (rows.length > workers.length) rows.pop()!.row.remove();
    while (rows.length < workers.length) body.append(rows[rows.push(row(shell, rows.length)) - 1]!.row);
    rows.forEach((one, rank) => one.fill(workers[rank]!));
    if (!before || JSON.stringify(before.happened) !== JSON.stringify(shown.happened)) {
      list.replaceChildren(...shown.happened.map(([seconds, kind, who, text]) => h("li", {},
        h("span", { class: "labkit-ps-when" }, `${seconds.toFixed(1)} s`), " ", h("strong", {}, said(kind, who)), text && ` (${shorten(text, 160)})`)));
      log.hidden = !shown.happened.length;
      log.scrollTop = log.scrollHeight;
    }
    if (!before || JSON.stringify(before.curve) !== JSON.stringify(shown.curve)) chart.replaceChildren(...curve(shown));
    if (before && before.state !== state) shell.say(words(shown));
    before = shown;
  };
  shell.watch("shown", draw);
  draw();
  shell.ready();
}

/** One worker; what changes is filled in. */
function row(shell: Shell, rank: number): Row {
  let pid = 0;
  const kill = button("Kill", () => {
    shell.request("kill", { worker: rank, pid }).then(
      () => shell.say(`Worker ${rank} (process ${pid}) was killed.`), why => shell.say((why as Error).message));
  }, shell.signal);
  const process = h("td"), state = h("td"), step = h("td"), loss = h("td");
  return {
    row: h("tr", {}, h("th", { scope: "row" }, `worker ${rank}`), process, state, step, loss, h("td", {}, kill)),
    fill(worker) {
      pid = worker.pid;
      process.textContent = String(pid);
      state.textContent = worker.alive ? "● alive" : "✕ dead";
      state.classList.toggle("labkit-ps-dead", !worker.alive);
      step.textContent = worker.step === null ? "–" : count(worker.step);
      loss.textContent = worker.loss === null ? "–" : short(worker.loss, 4);
      kill.disabled = !worker.alive;
      kill.setAttribute("aria-label", `Kill worker ${rank}, process ${pid}`);
    },
  };
}

/** How it goes, in a line. */
function words({ state, words, asynchronous, step, steps, count: workers, staleness, left }: Shown): string {
  if (state === "failed") return shorten(words, 300);
  const parts: string[] = [STATES[state]];
  if (steps) parts.push(`${asynchronous ? "update" : "step"} ${count(step)} of ${count(steps)}`);
  if (staleness !== null) parts.push(`mean staleness ${staleness.toFixed(2)} (${workers - 1} of ${workers} equal workers)`);
  if (left !== null) parts.push(`${left} process${left === 1 ? " is" : "es are"} left`);
  return parts.join(" · ");
}

function said(kind: string, who: string): string {
  if (kind === "noticed") return `${who} noticed it`;
  if (kind === "restarted") return "restarted";
  return who ? `${who} ${kind}` : kind;
}

/** The loss by step; restarts as dashed lines. */
function curve({ curve, steps }: Shown): Element[] {
  const there = curve.filter((point): point is [number, number] => point[1] !== null);
  if (there.length < 2) return [];
  const values = there.map(([, loss]) => loss), low = Math.min(...values), high = Math.max(...values);
  const made = plot(560, 180, { low: 0, high: Math.max(steps, there.at(-1)![0]), label: "step" },
    { low: low > 0 && low < 0.3 * high ? 0 : low, high: high > low ? high : low + 1, label: "loss" }, 26);
  made.ink.append(s("polyline", { class: "labkit-ps-line", points: there.map(([step, loss]) => `${made.x(step).toFixed(1)},${made.y(loss).toFixed(1)}`).join(" ") }));
  return [made.svg];
}
