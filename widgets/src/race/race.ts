// RaceView: replicated trainings side by side on one simulated clock. The kernel has computed all of it; the page plays it.

import { kind, type Theme } from "../core/colours.ts";
import { button, h, s, shorten } from "../core/dom.ts";
import { count, short } from "../core/scale.ts";
import { Refused, type Shell } from "../core/shell.ts";
import { Player } from "../core/player.ts";
import { sample } from "../training/chart.ts";
import { unpack } from "../trace/events.ts";
import { column, moments, ordinal, type Against, type Race, type Runner, standings, type Standing, unit, whole } from "./course.ts";
import { drawn, MARKS, mark } from "./curves.ts";

const AGAINST: Record<Against, string> = { seconds: "simulated time", updates: "updates", examples: "examples", bytes: "bytes sent" };
const LASTS = 12; // seconds that a race lasts here
const ROWS = 12;

export async function raceView(shell: Shell): Promise<void> {
  const race = await unpack(shell.get<DataView>("data")) as unknown as Race;
  if (shell.signal.aborted) return;
  new Course(shell, race);
  shell.ready();
}

class Course {
  #now = 0;
  #width = 0;
  #job = 0;
  #log = false;
  #told = new Set<string>(); // who has arrived, as it was said
  #player: Player;
  #play: HTMLButtonElement;
  #clock = h("input", { type: "range", class: "labkit-rc-clock", min: 0, max: 1000, value: 1000, "aria-label": "Simulated clock" });
  #hand = h("span", { class: "labkit-rc-hand" });
  #speed = h("select", { class: "labkit-select", "aria-label": "Speed" },
    ...[["0.5", "half speed"], ["1", "speed 1"], ["2", "speed 2"], ["4", "speed 4"]].map(([value, words]) => h("option", { value: value!, selected: value === "1" }, words!)));
  #column = h("select", { class: "labkit-select", "aria-label": "Race for" });
  #against = h("select", { class: "labkit-select", "aria-label": "Against" }, ...Object.entries(AGAINST).map(([value, words]) => h("option", { value }, words)));
  #target = h("input", { type: "number", step: "any", class: "labkit-input labkit-rc-number", "aria-label": "Target", placeholder: "none" });
  #logs: HTMLButtonElement;
  #work = h("div", { class: "labkit-rc-work", hidden: true });
  #podium = h("ol", { class: "labkit-rc-podium", "aria-label": "Finish" });
  #box = h("div", { class: "labkit-rc-box", role: "img" });
  #legend = h("div", { class: "labkit-rc-legend" });
  #lanes = h("ol", { class: "labkit-rc-lanes", "aria-label": "Runners" });
  #killing = h("form", { class: "labkit-bar labkit-rc-kill", hidden: true, "aria-label": "Let a machine die" });
  #who = h("select", { class: "labkit-select", "aria-label": "Whose machine" });
  #worker = h("input", { type: "number", class: "labkit-input labkit-rc-small", min: 0, value: 0, "aria-label": "Worker" });
  #when = h("input", { type: "number", class: "labkit-input labkit-rc-small", min: 0, step: "any", "aria-label": "At, in seconds" });
  #mend: HTMLButtonElement;
  #happened = h("details", { class: "labkit-rc-more" }, h("summary", {}, "What happened"));
  #values = h("details", { class: "labkit-rc-more" }, h("summary", {}, "Values as a table"));

  constructor(readonly shell: Shell, public race: Race) {
    const { signal } = shell;
    this.#play = button("▶\ufe0e Play", () => this.#player.playing ? this.#player.pause() : this.#start(), signal);
    this.#logs = button("Log scale", () => { this.#log = !this.#log; this.#draw(); }, signal, "Values in powers of ten");
    this.#mend = button("Nothing failed", () => { void this.#ask("repair", { runner: Number(this.#who.value) }); }, signal, "Take back what you let fail");
    this.#player = new Player(() => this.#now, () => whole(this.race), () => LASTS / Number(this.#speed.value),
      () => this.#now + whole(this.race) / 24, now => this.#go(now), () => this.#paused(), signal);
    const back = button("←", () => this.#step(-1), signal, "One point back"), on = button("→", () => this.#step(1), signal, "One point on");
    for (const made of [back, on]) made.setAttribute("aria-label", made.title);
    const labelled = (words: string, ...fields: HTMLElement[]) => h("label", { class: "labkit-rc-label" }, h("span", { "aria-hidden": "true" }, words), ...fields);
    const kill = h("button", { type: "submit", class: "labkit-button" }, "Kill it");
    this.#killing.append(h("span", {}, "Let fail:"), this.#who, labelled("worker", this.#worker), labelled("at second", this.#when), kill, this.#mend);
    shell.body.append(
      h("div", { class: "labkit-bar" }, this.#play, back, on, this.#clock, this.#hand, this.#speed),
      h("div", { class: "labkit-bar" }, labelled("Race for", this.#column), labelled("to", this.#target), labelled("against", this.#against), this.#logs),
      this.#work, this.#podium, this.#box, this.#legend, this.#lanes, this.#killing, this.#happened, this.#values);
    this.#clock.addEventListener("input", () => { this.#player.pause(); this.#go(Number(this.#clock.value) / 1000 * whole(this.race)); }, { signal });
    this.#column.addEventListener("change", () => this.#choose("column", this.#column.value), { signal });
    this.#against.addEventListener("change", () => this.#choose("against", this.#against.value), { signal });
    this.#target.addEventListener("change", () => {
      const value = this.#target.value.trim();
      this.#choose("target", value === "" || !Number.isFinite(Number(value)) ? null : Number(value));
    }, { signal });
    this.#who.addEventListener("change", () => this.#offer(), { signal });
    this.#killing.addEventListener("submit", event => {
      event.preventDefault();
      void this.#ask("kill", { runner: Number(this.#who.value), who: `worker ${Math.round(Number(this.#worker.value))}`, seconds: Number(this.#when.value) });
    }, { signal });
    for (const details of [this.#happened, this.#values]) details.addEventListener("toggle", () => this.#draw(), { signal });
    const observer = new ResizeObserver(() => {
      if (this.#box.clientWidth === this.#width) return;
      this.#width = this.#box.clientWidth;
      this.#draw();
    });
    observer.observe(this.#box);
    signal.addEventListener("abort", () => observer.disconnect(), { once: true });
    shell.root.addEventListener("labkit-theme", () => this.#draw(), { signal });
    for (const trait of ["column", "target", "against", "below"]) shell.watch(trait, () => { this.#told.clear(); this.#draw(); });
    shell.watch("progress", () => this.#working());
    shell.watch<DataView>("data", data => void this.#load(data));
    this.#now = whole(race);
    this.#take();
  }

  get #theme(): Theme {
    return this.shell.root.dataset["theme"] === "dark" ? "dark" : "light";
  }

  get #goal(): { name: string; target: number | null; below: boolean; against: Against } {
    const { shell } = this;
    return { name: shell.get("column"), target: shell.get<number | null>("target") ?? null, below: shell.get("below"), against: shell.get("against") };
  }

  #choose(trait: string, value: unknown): void {
    this.shell.set(trait, value);
    this.#told.clear();
    this.#draw();
  }

  /** What the kernel has computed anew. */
  async #load(data: DataView): Promise<void> {
    const job = ++this.#job, before = whole(this.race), atEnd = this.#now >= before;
    const race = await unpack(data) as unknown as Race;
    if (job !== this.#job || this.shell.signal.aborted) return;
    this.race = race;
    this.#now = atEnd && !this.#player.playing ? whole(race) : Math.min(this.#now, whole(race));
    this.#take();
  }

  /** Fills the menus. */
  #take(): void {
    const { race } = this, kills = race.runners.flatMap((runner, i) => runner.kills ? [i] : []);
    this.#column.replaceChildren(...race.columns.map(name => h("option", { value: name }, shorten(name, 40))));
    const chosen = this.#who.value;
    this.#who.replaceChildren(...kills.map(i => h("option", { value: i }, shorten(race.runners[i]!.name, 40))));
    if (kills.includes(Number(chosen)) && chosen !== "") this.#who.value = chosen;
    this.#killing.hidden = !kills.length;
    if (!this.#when.value && whole(race)) this.#when.value = String(Number((whole(race) / 3).toPrecision(2)));
    this.#offer();
    this.#working();
    this.#draw();
  }

  #offer(): void {
    const runner = this.race.runners[Number(this.#who.value)];
    this.#worker.max = String(Math.max(0, (runner?.workers ?? 1) - 1));
    this.#mend.disabled = !runner?.faults.length;
  }

  #working(): void {
    const { runner, share = 0, done = 0, of = 0 } = this.shell.get<{ runner?: number; share?: number; done?: number; of?: number }>("progress") ?? {};
    this.#work.hidden = runner === undefined;
    if (runner === undefined) return;
    const name = shorten(this.race.runners[runner]?.name ?? "", 40);
    this.#work.replaceChildren(h("progress", { max: 1, value: share, "aria-label": "Computed" }),
      `computing ${name}: ${Math.round(100 * share)} %${of > 1 ? ` (${done} of ${of} are done)` : ""}`);
  }

  async #ask(verb: string, args: Record<string, unknown>): Promise<void> {
    try {
      await this.shell.request(verb, args);
      this.shell.say(`${shorten(this.race.runners[args["runner"] as number]?.name ?? "", 60)} runs again.`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.shell.say(error.message);
    }
  }

  #start(): void {
    if (this.#now >= whole(this.race)) this.#told.clear();
    this.#player.play();
    if (!this.#player.playing) return;
    this.#play.textContent = "❚❚ Pause";
  }

  #paused(): void {
    this.#play.textContent = "▶\ufe0e Play";
    this.#say();
  }

  #step(by: number): void {
    this.#player.pause();
    const all = moments(this.race), small = whole(this.race) * 1e-9;
    this.#go((by > 0 ? all.find(at => at > this.#now + small) : all.findLast(at => at < this.#now - small)) ?? (by > 0 ? whole(this.race) : 0));
    this.#say();
  }

  #go(now: number): void {
    this.#now = Math.max(0, Math.min(now, whole(this.race)));
    if (this.#now < whole(this.race)) this.#when.value = String(Number(this.#now.toPrecision(3)));
    this.#draw();
    for (const one of this.#standings()) {
      const { name } = this.race.runners[one.runner]!;
      if (one.place === null || this.#told.has(name)) continue;
      this.#told.add(name);
      if (this.#player.playing) this.shell.say(`${ordinal(one.place)}: ${shorten(name, 60)} is there after ${this.#time(one.seconds!)}`);
    }
  }

  #say(): void {
    this.shell.say(`${this.#time(this.#now)}: ` + this.#standings().map(one =>
      `${shorten(this.race.runners[one.runner]!.name, 40)} ${one.value === null ? "not begun" : short(one.value)}`).join(", "));
  }

  #time(seconds: number): string {
    const all = whole(this.race), { seconds: one, short: words } = unit(all), places = all / one >= 1000 ? 0 : all / one >= 100 ? 1 : 2;
    return `${(seconds / one).toFixed(places)} ${words}`;
  }

  #standings(): Standing[] {
    const { name, target, below } = this.#goal;
    return standings(this.race, name, target, below, this.#now);
  }

  #draw(): void {
    const { race } = this, goal = this.#goal, theme = this.#theme, all = whole(race), here = this.#standings();
    this.#column.value = goal.name;
    this.#against.value = goal.against;
    const focused = this.shell.root.ownerDocument.activeElement;
    if (focused !== this.#target) this.#target.value = goal.target === null ? "" : String(goal.target);
    this.#logs.setAttribute("aria-pressed", String(this.#log));
    this.#clock.value = String(all ? Math.round(1000 * this.#now / all) : 0);
    this.#clock.setAttribute("aria-valuetext", this.#time(this.#now));
    this.#hand.textContent = `${this.#time(this.#now)} of ${this.#time(all)}`;
    this.#finish(here, theme);
    if (this.#width < 120) this.#width = this.#box.clientWidth;
    if (this.#width >= 120) {
      const picture = drawn(race, { ...goal, now: this.#now, log: this.#log, theme }, here, this.#width);
      this.#box.replaceChildren(picture.svg);
      this.#legend.replaceChildren(...picture.kinds.map(kind => h("span", {}, s("svg", { width: 16, height: 14, "aria-hidden": "true" }, mark(kind, 8, 7, "currentColor")), ` ${MARKS[kind] ?? kind}`)));
    }
    this.#box.setAttribute("aria-label", `${goal.name} against ${AGAINST[goal.against]}: ` + here.map(one =>
      `${shorten(race.runners[one.runner]!.name, 60)} ${one.value === null ? "not begun" : short(one.value)}`).join(", "));
    this.#run(here, theme);
    if (this.#happened.open) this.#tell();
    if (this.#values.open) this.#table();
  }

  /** Who is there, in the order of arrival. */
  #finish(here: Standing[], theme: Theme): void {
    const { race } = this, { target, name, below } = this.#goal;
    this.#podium.hidden = target === null;
    if (target === null) return;
    const there = here.filter(one => one.place !== null).sort((a, b) => a.place! - b.place!);
    const left = here.filter(one => one.place === null);
    const first = there[0]?.seconds ?? 0;
    this.#podium.replaceChildren(...[...there, ...left].map(one => {
      const runner = race.runners[one.runner]!, never = one.over || !runner.seconds.length && !!runner.wrong;
      const when = one.place !== null
        ? [h("b", {}, this.#time(one.seconds!)), one.seconds! > first && h("small", {}, ` +${this.#time(one.seconds! - first)}`)]
        : [h("b", {}, never ? "never" : runner.seconds.length ? "on the way" : "not run yet"), one.best !== null && h("small", {}, ` best ${short(one.best)}`)];
      return h("li", { class: one.place === 1 ? "labkit-rc-first" : one.place ? "" : "labkit-rc-not" },
        h("span", { class: "labkit-rc-place" }, one.place ? String(one.place) : "–"),
        h("span", {}, h("span", { class: "labkit-rc-name" }, sample(one.runner, theme), shorten(runner.name, 40)), h("span", {}, ...when)));
    }));
    this.#podium.setAttribute("aria-label", `Finish: ${name} ${below ? "down to" : "up to"} ${short(target)}`);
  }

  /** A lane for each. */
  #run(here: Standing[], theme: Theme): void {
    const { race } = this, { name, target, below } = this.#goal, most = Math.max(1, ...race.runners.map(runner => runner.updates.at(-1) ?? 0));
    this.#lanes.replaceChildren(...here.map(one => {
      const runner = race.runners[one.runner]!, { at } = one, colour = kind(one.runner, theme).line;
      const start = column(runner, name).find(value => value !== null) ?? null, updates = runner.updates[at] ?? 0;
      const share = target === null || start === null || start === target ? updates / most
        : one.best === null ? 0 : one.place !== null ? 1 : Math.max(0, Math.min(1, (one.best - start) / (target - start)));
      const rate = at >= 0 && runner.seconds[at]! ? runner.examples[at]! / runner.seconds[at]! : 0;
      const fact = (label: string, value: string, loud = false) => h("div", { class: loud ? "labkit-rc-loud" : "" }, h("dt", {}, label), h("dd", {}, value));
      const trouble = runner.happenings.findLast(([seconds]) => seconds <= this.#now);
      const { lost } = runner;
      return h("li", {},
        h("div", { class: "labkit-rc-name", title: runner.name.slice(0, 300) }, sample(one.runner, theme), shorten(runner.name, 60)),
        h("div", { class: "labkit-rc-way" },
          h("div", { class: "labkit-rc-track", "aria-hidden": "true" },
            h("div", { class: "labkit-rc-run", style: `width:${(100 * share).toFixed(2)}%;background:${colour}` })),
          h("div", { class: "labkit-rc-under" }, h("div", { class: runner.wrong ? "labkit-rc-wrong" : "labkit-rc-note" }, runner.wrong ? shorten(runner.wrong, 300) : trouble ? `${this.#time(trouble[0])}: ${shorten(trouble[3], 100)}` : ""), bins(runner, colour))),
        h("div", { class: "labkit-rc-facts" }, h("dl", {},
          fact("updates", count(updates)), fact(shorten(name, 20), one.value === null ? "–" : short(one.value)), fact("examples/s", short(Number(rate.toPrecision(3)))),
          fact("mean staleness", short(Number((runner.stale[at] ?? 0).toPrecision(2)))), fact("dropped in all", count(runner.dropped)),
          fact("lost in all", lost.updates || !lost.gradients && !lost.seconds ? some(lost.updates, "update") : lost.gradients ? some(lost.gradients, "gradient") : this.#time(lost.seconds), !!(lost.updates || lost.gradients || lost.seconds)))));
    }));
    this.#lanes.dataset["goal"] = target === null ? "updates" : below ? "fall" : "rise";
  }

  #tell(): void {
    const { race } = this;
    const all = race.runners.flatMap((runner, i) => runner.happenings.map(([seconds, , , text]) => ({ seconds, text, i }))).sort((a, b) => a.seconds - b.seconds);
    const losses = race.runners.filter(runner => runner.lost.seconds || runner.lost.gradients || runner.lost.updates || runner.dropped).map(({ name, lost, dropped, checkpoints }) =>
      h("li", {}, `${shorten(name, 60)}: ${count(dropped)} gradients came too late and were dropped; lost: ${count(lost.updates)} updates, ${count(lost.gradients)} gradients, ${count(lost.examples)} examples, ${this.#time(lost.seconds)}; ${count(checkpoints)} checkpoints were written`));
    this.#happened.replaceChildren(this.#happened.firstElementChild!, all.length
      ? h("ul", {}, ...all.slice(0, 200).map(({ seconds, text, i }) => h("li", { class: seconds > this.#now ? "labkit-rc-soft" : "" }, `${this.#time(seconds)}, ${shorten(race.runners[i]!.name, 60)}: ${shorten(text, 200)}`)))
      : h("p", {}, "Nothing failed."), losses.length ? h("ul", {}, ...losses) : "");
  }

  #table(): void {
    const { race } = this, { name } = this.#goal, all = whole(race);
    const head = h("tr", {}, h("th", { scope: "col" }, "time"), ...race.runners.map(runner => h("th", { scope: "col" }, shorten(runner.name, 30))));
    const rows = Array.from({ length: ROWS }, (_, i) => all * (i + 1) / ROWS).map(now => h("tr", {}, h("th", { scope: "row" }, this.#time(now)),
      ...standings(race, name, null, false, now).map(one => h("td", {}, one.value === null ? "" : short(one.value, 4)))));
    this.#values.replaceChildren(this.#values.firstElementChild!, h("div", { class: "labkit-scroll", tabindex: 0, role: "region", "aria-label": `${name} of each runner` },
      h("table", { class: "labkit-table" }, h("thead", {}, head), h("tbody", {}, ...rows))));
  }
}

const some = (number: number, what: string): string => `${count(number)} ${what}${number === 1 ? "" : "s"}`;

/** How stale a runner's updates were: a small histogram. */
function bins(runner: Runner, colour: string): HTMLElement | null {
  const { counts, width } = runner.histogram, most = Math.max(...counts, 1), all = counts.reduce((a, b) => a + b, 0);
  if (counts.length < 2) return null;
  const end = counts.length * width - 1;
  return h("figure", { class: "labkit-rc-bins" },
    s("svg", { width: 8 * counts.length + 2, height: 34, role: "img", "aria-label": `staleness: ${counts.map((value, i) => value ? `${i * width}${width > 1 ? ` to ${(i + 1) * width - 1}` : ""}: ${Math.round(100 * value / all)} %` : "").filter(Boolean).join(", ")}` },
      ...counts.map((value, i) => s("rect", { x: 1 + 8 * i, y: 33 - 31 * value / most, width: 7, height: 31 * value / most + 0.5, fill: colour }))),
    h("figcaption", {}, `staleness 0 to ${count(end)}`));
}

