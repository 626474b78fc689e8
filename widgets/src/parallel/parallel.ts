// ParallelView: one training step on many workers, playing; what it comes to; and layers over devices beside it.

import { Controls, type Choices, type Settings } from "./controls.ts";
import { type Film, Run } from "./film.ts";
import { beside, layOut, type Layout, TILES, under } from "./layout.ts";
import { doingWord, type Ink, lanes, look, paint } from "./paint.ts";
import { ages, curve, curvesTable, models, type Models, type Numbers, valueAt } from "./side.ts";
import { about, figures, happened, moment, workersTable } from "./words.ts";
import { Player } from "../core/player.ts";
import { button, h, shorten } from "../core/dom.ts";
import { count, short as number } from "../core/scale.ts";
import { Refused, type Shell } from "../core/shell.ts";
import { calm } from "../core/theme.ts";
import { size } from "../trace/chart.ts";
import { unpack } from "../trace/events.ts";
import { seconds } from "../trace/scale.ts";

const SPEEDS: [string, number][] = [["a gradient in 8 s", 8], ["a gradient in 4 s", 4], ["a gradient in 2 s", 2], ["2 gradients/s", 0.5], ["8 gradients/s", 0.125], ["40 gradients/s", 0.025]];
const WINDOW = 12; // rounds in the lanes

export async function parallelView(shell: Shell): Promise<void> {
  const view = new ParallelView(shell);
  await view.load();
  shell.ready();
}

class ParallelView {
  #run: Run | null = null;
  #numbers: Numbers | null = null;
  #layout: Layout | null = null;
  #time = 0;
  #chosen: number | null = null;
  #said = 0;
  #asked = 0;
  #controls: Controls;
  #player: Player;
  #play: HTMLButtonElement;
  #slider = h("input", { type: "range", class: "labkit-cl-slider", min: 0, max: 1000, step: 1, value: 0, "aria-label": "Moment of the training" });
  #clock = h("span", { class: "labkit-cl-clock" });
  #speed = h("select", { class: "labkit-select", "aria-label": "Speed" }, ...SPEEDS.map(([words, value]) => h("option", { value }, words)));
  #computing = h("p", { class: "labkit-pa-computing" });
  #now = h("p", { class: "labkit-cl-now labkit-pa-now-words" });
  #stage = h("div", { class: "labkit-pa-stage", tabindex: "0", role: "application", "aria-roledescription": "picture of workers" });
  #canvas = h("canvas", { "aria-hidden": "true" });
  #strip = h("canvas", { class: "labkit-pa-lanes", "aria-hidden": "true" });
  #legend = h("p", { class: "labkit-cl-legend labkit-pa-legend" });
  #about = h("div", { class: "labkit-pa-about", role: "group", "aria-label": "Who is chosen" });
  #who = h("span", { class: "labkit-pa-who" });
  #kill: HTMLButtonElement;
  #faults = h("div", { class: "labkit-cl-failed", role: "region", "aria-label": "Failures of workers and servers" });
  #figures = h("dl", { class: "labkit-pa-figures" });
  #curves = h("div", { class: "labkit-pa-curves" });
  #models = h("div", { class: "labkit-pa-models", role: "region", "aria-label": "Data against model parallelism" });
  #code = h("code");
  #table = h("details", { class: "labkit-cl-twin" });

  constructor(readonly shell: Shell) {
    const { signal } = shell;
    const named = (label: string, title: string, act: () => void) => {
      const made = button(label, act, signal, title);
      made.setAttribute("aria-label", title);
      return made;
    };
    this.#controls = new Controls(shell.get<Choices>("choices"), settings => this.#ask("change", { settings }), signal);
    this.#player = new Player(() => this.#time, () => this.#run?.film.until ?? 0, () => this.#lasts(),
      () => this.#run!.film.workers > 16 ? this.#run!.update(this.#time, 1) : this.#run!.step(this.#time, 1),
      time => this.#go(time), () => this.#paused(), signal);
    this.#play = button("Play", () => this.#toggle(), signal);
    this.#kill = button("Kill", () => this.#strike(), signal);
    this.#slider.addEventListener("input", () => {
      this.#player.pause();
      this.#go(Number(this.#slider.value) / 1000 * (this.#run?.film.until ?? 0));
      this.#keep();
    }, { signal });
    this.#speed.value = "2";
    const bar = h("div", { class: "labkit-bar" }, h("div", { class: "labkit-cl-player", role: "group", "aria-label": "Play the training" },
      named("⇤", "Back to the start", () => this.#leap(() => 0)), this.#play,
      named("◀", "To the event before", () => this.#leap(run => run.step(this.#time, -1))), named("▶", "To the next event", () => this.#leap(run => run.step(this.#time, 1))),
      named("◀◀", "To the update before", () => this.#leap(run => run.update(this.#time, -1))), named("▶▶", "To the next update", () => this.#leap(run => run.update(this.#time, 1))),
      this.#slider, this.#clock, this.#speed));
    this.#stage.append(this.#canvas);
    this.#about.append(this.#who, this.#kill);
    this.#stage.addEventListener("keydown", event => this.#key(event), { signal });
    this.#canvas.addEventListener("click", event => {
      const at = this.#canvas.getBoundingClientRect();
      if (this.#layout) this.#choose(under(this.#layout, event.clientX - at.left, event.clientY - at.top));
    }, { signal });
    this.#table.append(h("summary", {}, "Workers and curves as tables"), h("div", { class: "labkit-cl-tables", tabindex: "0", role: "region", "aria-label": "Tables" }));
    this.#table.addEventListener("toggle", () => this.#tables(), { signal });
    const copy = button("Copy", () => void navigator.clipboard?.writeText(this.#code.textContent ?? "").then(() => shell.say("Copied."), () => shell.say("The page may not copy; select the lines.")), signal, "Copy the call");
    shell.body.append(this.#controls.element, bar, this.#computing, this.#now, this.#faults,
      h("div", { class: "labkit-pa-columns" },
        h("div", { class: "labkit-pa-left" }, this.#stage, this.#about, this.#strip, this.#legend),
        h("div", { class: "labkit-pa-right" }, this.#figures, this.#curves)),
      h("details", { class: "labkit-pa-part", open: true }, h("summary", {}, "The same graph with its layers over the same devices"), this.#models),
      h("details", { class: "labkit-pa-part" }, h("summary", {}, "The call that makes this history"), h("div", { class: "labkit-pa-code" }, h("pre", { tabindex: "0", role: "region", "aria-label": "Code" }, this.#code), copy)),
      this.#table);
    const sizes = new ResizeObserver(() => this.#resize());
    sizes.observe(this.#stage);
    signal.addEventListener("abort", () => { sizes.disconnect(); cancelAnimationFrame(this.#asked); }, { once: true });
    shell.root.addEventListener("labkit-theme", () => { this.#redraw(); this.#showLegend(); this.#describe(); }, { signal });
    shell.watch("film", () => void this.load());
    shell.watch("numbers", () => void this.#loadNumbers());
    shell.watch("models", () => this.#showModels());
    shell.watch("computing", () => this.#showComputing());
    shell.watch("trouble", () => this.#showComputing());
    shell.watch("code_lines", () => { this.#code.textContent = shell.get<string>("code_lines"); });
    shell.watch("settings", () => this.#controls.show(shell.get<Settings>("settings")));
    shell.watch<number>("time", time => { if (!this.#player.playing && Math.abs(time - this.#time) > 1e-12) this.#go(time); });
    shell.watch<string>("chosen", name => { if (name !== this.#name()) this.#choose(this.#named(name), false); });
  }

  /** Takes what the kernel recorded. A film that changes while it plays goes on playing. */
  async load(): Promise<void> {
    const film = await unpack(this.shell.get<DataView>("film")) as unknown as Film;
    if (this.shell.signal.aborted) return;
    this.#run = new Run(film);
    this.#controls.show(this.shell.get<Settings>("settings"));
    this.#code.textContent = this.shell.get<string>("code_lines");
    const settings = this.shell.get<Settings>("settings");
    this.#faults.hidden = !settings.faults.length;
    this.#faults.replaceChildren(
      h("p", {}, settings.faults.map(([at, who]) => `${who} fails at ${seconds(at)}`).slice(0, 6).join("; ") + `. ${this.shell.get<Choices>("choices").recovery}`),
      h("div", { class: "labkit-cl-acts" }, ...[...new Set(settings.faults.map(([, who]) => who))].slice(0, 8).map(who =>
        button(`Repair ${who}`, () => this.#ask("repair", { who }), this.shell.signal))));
    if (this.#chosen === null) this.#chosen = this.#named(this.shell.get<string>("chosen"));
    if (this.#chosen !== null && (this.#chosen >= film.workers || this.#chosen < -film.servers)) this.#chosen = null;
    const speed = film.mode === "async" || film.mode === "downpour" ? "asynchronous" : "synchronous";
    this.#stage.setAttribute("aria-label", `${film.workers} ${speed} workers. Arrows go from one to the next, K kills the chosen one, space plays, ` +
      "comma and full stop step to an event, less and greater to an update, Home goes back to the start.");
    await this.#loadNumbers();
    this.#showModels();
    this.#showComputing();
    this.#showLegend();
    this.#resize();
    this.#go(this.#player.playing ? Math.min(this.#time, film.until) : Math.min(this.shell.get<number>("time"), film.until));
  }

  async #loadNumbers(): Promise<void> {
    const bytes = this.shell.get<DataView>("numbers");
    const numbers = bytes.byteLength ? await unpack(bytes) as unknown as Numbers : null;
    if (this.shell.signal.aborted) return;
    this.#numbers = numbers;
    this.#describe();
  }

  // Time.

  #lasts(): number {
    const run = this.#run!;
    return Math.max(0.5, run.film.until / run.round * Number(this.#speed.value));
  }

  #toggle(): void {
    if (!this.#run) return;
    if (this.#player.playing) return this.#player.pause();
    this.#player.play();
    this.#play.textContent = "Pause";
    this.shell.say("Playing.");
  }

  #paused(): void {
    this.#play.textContent = "Play";
    this.#keep();
    this.#describe();
    this.shell.say(`${seconds(this.#time)}. ${this.#now.textContent}`);
  }

  #leap(to: (run: Run) => number): void {
    if (!this.#run) return;
    this.#player.pause();
    const before = this.#time;
    this.#go(to(this.#run));
    this.#keep();
    this.shell.say(this.#time >= before ? happened(this.#run, before, this.#time) : `${seconds(this.#time)}. ${this.#now.textContent}`);
  }

  #keep(): void {
    this.shell.set("time", this.#time);
  }

  #go(time: number): void {
    if (!this.#run) return;
    const before = this.#time;
    this.#time = Math.max(0, Math.min(time, this.#run.film.until));
    this.#redraw();
    if (this.#player.playing && calm()) this.shell.say(happened(this.#run, before, this.#time));
    const now = performance.now();
    if (this.#player.playing && now - this.#said < 120) return; // words nobody can read at sixty a second
    this.#said = now;
    this.#describe();
  }

  // What is asked of the kernel.

  #ask(verb: string, args: Record<string, unknown>): void {
    this.shell.request(verb, args).then(undefined, error => {
      if (!(error instanceof Refused)) throw error;
      this.shell.say(error.message);
      this.#controls.reset(this.shell.get<Settings>("settings"));
    });
  }

  #strike(): void {
    const run = this.#run, name = this.#name();
    if (!run || !name) return this.shell.say("Choose a worker first: arrows, or a click.");
    if (run.outage(name, this.#time)) return this.shell.say(`${name} is down already.`);
    this.#keep();
    this.shell.say(`${name} is killed at ${seconds(this.#time)}.`);
    this.#ask("kill", { who: name, seconds: this.#time });
  }

  #key(event: KeyboardEvent): void {
    const { key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || !this.#run || !this.#layout) return;
    if (key.startsWith("Arrow")) this.#choose(this.#chosen === null ? 0 : beside(this.#layout, this.#chosen, key));
    else if (key === " ") this.#toggle();
    else if (key === "k" || key === "K") this.#strike();
    else if (key === "." || key === ",") this.#leap(run => run.step(this.#time, key === "." ? 1 : -1));
    else if (key === ">" || key === "<") this.#leap(run => run.update(this.#time, key === ">" ? 1 : -1));
    else if (key === "Home") this.#leap(() => 0);
    else if (key === "Escape") this.#choose(null);
    else return;
    event.preventDefault();
  }

  #name(): string {
    return this.#chosen === null ? "" : this.#chosen < 0 ? `server ${-1 - this.#chosen}` : `worker ${this.#chosen}`;
  }

  #named(name: string): number | null {
    const [, what, n] = /^(worker|server) (\d+)$/.exec(name) ?? [];
    const film = this.#run?.film, at = Number(n);
    if (!film || !what || at >= (what === "worker" ? film.workers : film.servers)) return null;
    return what === "worker" ? at : -1 - at;
  }

  #choose(chosen: number | null, tell = true): void {
    this.#chosen = chosen;
    this.#redraw();
    this.#describe();
    if (!tell || !this.#run) return;
    this.shell.set("chosen", this.#name());
    this.shell.say(chosen === null ? "Nobody is chosen." : about(this.#run, chosen, this.#time));
  }

  // What is shown.

  get #theme(): "light" | "dark" {
    return this.shell.root.dataset["theme"] === "dark" ? "dark" : "light";
  }

  #ink(): Ink {
    const style = getComputedStyle(this.shell.root), ink: Record<string, string> = { theme: this.#theme };
    for (const name of ["paper", "panel", "ink", "soft", "line", "rule", "accent", "warn"]) ink[name] = style.getPropertyValue(`--lk-${name}`).trim() || "#888888";
    return ink as unknown as Ink;
  }

  #resize(): void {
    const width = Math.floor(this.#stage.clientWidth), run = this.#run;
    if (!run || width < 40) return;
    this.#layout = layOut(width, run.film.workers, run.film.exchange === "servers" ? run.film.servers : 0, run.film.exchange);
    size(this.#canvas, width, this.#layout.height);
    const rows = Math.min(run.film.workers, TILES);
    size(this.#strip, width, rows * this.#lane(rows) + 4);
    this.#redraw();
    this.#describe();
  }

  #lane(rows: number): number {
    return rows > 30 ? 7 : rows > 16 ? 11 : rows > 8 ? 17 : 24;
  }

  #redraw(): void {
    if (!this.#asked) this.#asked = requestAnimationFrame(() => this.#paint());
  }

  #paint(): void {
    this.#asked = 0;
    const run = this.#run, layout = this.#layout;
    if (!run || !layout || this.shell.signal.aborted) return;
    const ink = this.#ink(), at = { time: this.#time, chosen: this.#chosen };
    paint(this.#canvas.getContext("2d")!, run, layout, at, ink);
    const rows = Math.min(run.film.workers, TILES);
    lanes(this.#strip.getContext("2d")!, run, at, layout.width, rows, this.#lane(rows), Math.min(run.film.until, WINDOW * run.round), ink);
  }

  #describe(): void {
    const run = this.#run;
    if (!run) return;
    const { until } = run.film, time = this.#time;
    this.#slider.value = String(Math.round(1000 * time / (until || 1)));
    this.#clock.textContent = `${seconds(time)} of ${seconds(until)}`;
    this.#slider.setAttribute("aria-valuetext", this.#clock.textContent);
    this.#now.textContent = moment(run, time);
    this.#who.textContent = this.#chosen === null ? "Choose a worker or server with arrows or a click, to see more or to kill it." : about(run, this.#chosen, time);
    this.#kill.hidden = this.#chosen === null;
    this.#kill.disabled = this.#chosen !== null && !!run.outage(this.#name(), time);
    this.#kill.textContent = `Kill ${this.#name()} now`;
    const shown = figures(run, time), numbers = this.#numbers;
    if (numbers?.points[0]!.length) {
      ["loss", ...numbers.names].slice(0, 4).forEach((name, i) => shown.push({ name: shorten(name, 30), value: time < numbers.points[0]![0]! ? "–" : number(valueAt(numbers.points, i + 2, time)) }));
    }
    this.#figures.replaceChildren(...shown.map(({ name, value }) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
    this.#showCurves();
    this.#tables();
  }

  #showCurves(): void {
    const width = Math.floor(this.#curves.clientWidth), run = this.#run, numbers = this.#numbers;
    if (!run || width < 80) return;
    const made: Element[] = [];
    if (numbers?.points[0]!.length) {
      ["loss", ...numbers.names].slice(0, 3).forEach((name, i) => {
        if (numbers.points[i + 2]!.some(value => value !== null)) made.push(curve(numbers, i + 2, name, this.#time, numbers.seconds, width, this.#theme));
      });
    }
    if (!run.film.steps) made.push(ages(run, this.#time, width, this.#theme));
    this.#curves.replaceChildren(...made);
  }

  #showModels(): void {
    this.#models.replaceChildren(...models(this.shell.get<Models>("models")));
  }

  #showComputing(): void {
    const what = this.shell.get<string>("computing"), trouble = this.shell.get<string>("trouble");
    this.#computing.textContent = trouble || what;
    this.#computing.hidden = !(what || trouble);
    this.#computing.classList.toggle("labkit-pa-trouble", !!trouble);
    this.shell.root.toggleAttribute("data-computing", !!what);
    if (what) this.shell.say(what);
    if (trouble) {
      this.shell.say(trouble);
      this.#controls.reset(this.shell.get<Settings>("settings"));
    }
  }

  #showLegend(): void {
    const film = this.#run?.film;
    if (!film) return;
    const ink = this.#ink(), here = (["compute", "wait", "pull", "push", "late", "down"] as const).filter(doing =>
      (doing !== "wait" || film.steps) && (doing !== "late" || film.backup) && (doing !== "pull" || film.exchange === "servers") && (doing !== "down" || film.down.length));
    this.#legend.replaceChildren(...here.map(doing => {
      const { fill, hatch } = look(doing, ink);
      return h("span", { class: "labkit-pa-key" }, h("span", { class: `labkit-pa-swatch${hatch ? " labkit-pa-hatch" : ""}`, style: `background-color:${fill}` }), doingWord(doing, film.exchange));
    }), film.workers > TILES ? h("span", {}, `as lanes: the first ${TILES} of ${count(film.workers)} workers`) : "");
  }

  #tables(): void {
    if (!this.#table.open || !this.#run) return;
    const place = this.#table.querySelector("div")!;
    place.replaceChildren(workersTable(this.#run, this.#time), ...(this.#numbers?.points[0]!.length ? [curvesTable(this.#numbers)] : []));
  }
}
