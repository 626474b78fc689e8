// PlaygroundView's half in the page: it draws what the kernel sends and asks for what the learner wants.
//
// A change is shown at once and asked for a moment later, so that five clicks on "+" build one net. While it trains, each
// frame is answered with "seen" once it is drawn, and only where somebody can see it: the kernel waits for that, so a
// hidden or closed page trains nothing.

import { h } from "../core/dom.ts";
import { SavedModel } from "../core/model.ts";
import { Refused, type Shell } from "../core/shell.ts";
import { graphView } from "../graphview/graph_view.ts";
import type { App, Part } from "./app.ts";
import { playBar, settingsBar } from "./controls.ts";
import { curves } from "./curves.ts";
import { detail } from "./detail.ts";
import { code, graph, legend, tables } from "./extras.ts";
import { Frame, unpack } from "./frame.ts";
import { net } from "./net.ts";
import { pad, verdict } from "./pad.ts";
import { plane } from "./plane.ts";
import type { Choices, Settings } from "./types.ts";

const WAIT_MS = 150; // from the last change to the question

export function playgroundView(shell: Shell): void {
  const saved = shell.model instanceof SavedModel;
  const last = (settings: Settings) => ({ column: settings.layers.length + 1, row: 0 });
  const settings = shell.get<Settings>("settings");
  let asked = 0; // changes that the kernel has not answered yet
  let timer: ReturnType<typeof setTimeout> | undefined;

  const app: App = {
    shell, settings, choices: shell.get<Choices>("choices"), frame: new Frame(shell.get<DataView>("frame")),
    examples: unpack(shell.get<DataView>("examples")), playing: shell.get<boolean>("playing") && !saved, selected: last(settings),
    cursor: [0, 0], theme: "light",
    change(wanted) {
      if (saved) return void app.ask("configure");
      app.settings = wanted;
      structure();
      clearTimeout(timer);
      timer = setTimeout(() => {
        timer = undefined;
        void app.ask("configure", { settings: app.settings });
      }, WAIT_MS);
    },
    async ask(verb, args = {}) {
      asked++;
      try {
        const { result } = await shell.request(verb, args);
        if (verb !== "draw") shell.say(shell.get<string>("note") || result || "");
      } catch (error) {
        if (!shell.signal.aborted) shell.say(error instanceof Refused ? error.message : String(error));
      } finally {
        asked--;
        if (!asked && timer === undefined && !shell.signal.aborted) take();
      }
    },
    select(place) {
      if (place.column === app.selected.column && place.row === app.selected.row) return;
      app.selected = place;
      update();
    },
    move(cursor) {
      app.cursor = cursor;
      large.update?.();
    },
    editWeights(from = 0) {
      body.querySelectorAll<HTMLElement>(".pg-weights input")[from]?.focus();
    },
    backToNet() {
      body.querySelector<HTMLElement>(".pg-box[tabindex='0']")?.focus();
    },
  };
  shell.signal.addEventListener("abort", () => clearTimeout(timer), { once: true });

  const comment = h("p", { class: "pg-comment", role: "note" });
  const picture = net(app);
  const draw = pad(app);
  const large = plane(app);
  const says = verdict(app);
  const parts: Part[] = [playBar(app), settingsBar(app), draw, picture, large, says, curves(app), detail(app),
    legend(), tables(app), code(app), graph(app, graphView)];
  const [bar, choose, , , , , loss, weights, ...folds] = parts as [Part, Part, Part, Part, Part, Part, Part, Part, ...Part[]];
  const body = h("div", { class: "pg" }, bar.element, comment,
    h("div", { class: "pg-main" }, draw.element,
      h("div", { class: "pg-middle" }, picture.element, weights.element),
      h("div", { class: "pg-side" }, large.element, says.element, loss.element)),
    choose.element, ...folds.map(part => part.element));
  shell.body.append(body);

  function update(): void {
    for (const part of parts) part.update?.();
  }

  function structure(): void {
    const points = app.settings.kind === "points";
    app.theme = shell.root.dataset["theme"] === "dark" ? "dark" : "light";
    const columns = app.settings.layers.length + 1;
    const rows = [points ? app.settings.features.length : 1, ...app.settings.layers.map(l => l.neurons), points ? 1 : 10];
    const { column, row } = app.selected;
    if (column > columns || row >= rows[column]!) app.selected = last(app.settings);
    draw.element.hidden = says.element.hidden = points;
    large.element.hidden = !points;
    comment.textContent = shell.get<string>("comment");
    comment.hidden = !comment.textContent;
    for (const part of parts) part.structure?.();
    update();
  }

  /** Takes what the kernel has, unless the learner wants something else by now. */
  function take(): void {
    if (asked || timer !== undefined) return;
    const settings = shell.get<Settings>("settings");
    if (JSON.stringify(settings) === JSON.stringify(app.settings)) return;
    app.settings = settings;
    structure();
  }

  // Frames, and the answer that they were seen.
  let visible = true, owing = false;
  const answer = () => {
    if (!owing || !visible || document.visibilityState === "hidden") return;
    owing = false;
    shell.model.send({ kind: "seen" });
  };
  const receive = (bytes: DataView) => {
    app.frame = new Frame(bytes);
    update();
    owing = app.playing;
    answer();
  };
  shell.onMessage("frame", (_, buffers) => { if (buffers[0]) receive(buffers[0]); });
  shell.watch<DataView>("frame", receive);
  shell.watch<DataView>("examples", bytes => { app.examples = unpack(bytes); structure(); });
  shell.watch<boolean>("playing", playing => { app.playing = playing; update(); if (playing) { owing = true; answer(); } });
  shell.watch("settings", take);
  shell.watch("comment", structure);
  shell.watch<string>("note", note => shell.say(note));
  shell.root.addEventListener("labkit-theme", structure, { signal: shell.signal });
  document.addEventListener("visibilitychange", answer, { signal: shell.signal });
  const watcher = new IntersectionObserver(entries => { visible = entries.at(-1)!.isIntersecting; answer(); });
  watcher.observe(shell.root);
  shell.signal.addEventListener("abort", () => watcher.disconnect(), { once: true });

  structure();
  owing = app.playing; // the page was loaded anew while the kernel plays
  answer();
  if (saved) shell.say("A saved picture: run its cell to train.");
  shell.ready();
}
