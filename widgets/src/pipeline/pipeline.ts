// PipelineView: stages over time under one schedule or two, the bubble beside its formula, memory, controls, a player.
//
// The kernel runs the schedule; the page draws what it found (trait `data`) and asks for other settings. Of several
// changes that come while the kernel works, the last one counts.

import { Chart } from "./chart.ts";
import { name, paints, share } from "./paint.ts";
import { type Data, most, NAMES, Run, type RunColumns, type Spot } from "./run.ts";
import { Player } from "../core/player.ts";
import { kind, PAPER, PATTERNS } from "../core/colours.ts";
import { button, h, s, shorten } from "../core/dom.ts";
import { SavedModel } from "../core/model.ts";
import { saveFile } from "../core/save.ts";
import { Refused, type Shell } from "../core/shell.ts";
import { unpack } from "../trace/events.ts";
import { percent, seconds, short } from "../trace/scale.ts";

export interface Settings {
  schedule: string;
  other: string;
  stages: number;
  microbatches: number;
  chunks: number;
  slow: number;
  factor: number;
  transfer: number | null;
}

const SAVED = "This picture was saved: there is no kernel behind it, and the controls are off. Run its cell again to change it.";

export async function pipelineView(shell: Shell): Promise<void> {
  const data = await unpack(shell.get<DataView>("data")) as unknown as Data;
  if (shell.signal.aborted) return;
  new PipelineView(shell, data);
  shell.ready();
}

class PipelineView {
  #run!: Run;
  #time = 0;
  #wanted: Partial<Settings> = {};
  #asking = false;
  #job = 0;
  #chart: Chart;
  #player: Player;
  #play: HTMLButtonElement;
  #fields: { show(settings: Settings, data: Data): void }[] = [];
  #bar = h("div", { class: "labkit-bar labkit-pp-bar", role: "group", "aria-label": "Pipeline" });
  #wrong = h("p", { class: "labkit-pp-wrong" });
  #slider = h("input", { type: "range", class: "labkit-cl-slider", min: 0, max: 1000, step: 1, value: 0, "aria-label": "Moment of the run" });
  #clock = h("span", { class: "labkit-pp-clock" });
  #now = h("div", { class: "labkit-pp-now" });
  #why = h("div", { class: "labkit-pp-why", role: "region", "aria-label": "Where the time goes" });
  #about = h("p", { class: "labkit-pp-about" });
  #legend = h("div", { class: "labkit-pp-legend" });
  #tables = h("div", { class: "labkit-pp-tables", role: "region", "aria-label": "Stages", tabindex: "0" });

  constructor(readonly shell: Shell, data: Data) {
    const { signal } = shell;
    this.#chart = new Chart(shell, {
      chosen: spot => this.#choose(spot), hovered: spot => this.#tell(spot ?? this.#chart.look.chosen),
      moved: at => { this.#player.pause(); this.#go(at * this.#run.data.tick); this.#keep(); },
      pressed: key => this.#pressed(key),
    });
    this.#player = new Player(() => this.#time, () => this.#run.whole, () => 12, () => this.#run.step(this.#time, 1),
      time => this.#go(time), () => this.#paused(), signal);
    this.#play = button("Play", () => this.#toggle(), signal);
    const named = (label: string, title: string, act: () => void) => {
      const made = button(label, act, signal, title);
      made.setAttribute("aria-label", title);
      return made;
    };
    this.#slider.addEventListener("input", () => {
      this.#player.pause();
      this.#go(Number(this.#slider.value) / 1000 * this.#run.whole);
      this.#keep();
    }, { signal });
    this.#controls();
    const saved = shell.model instanceof SavedModel;
    shell.body.append(this.#bar, ...(saved ? [h("p", { class: "labkit-pp-saved" }, SAVED)] : []), this.#wrong, this.#why,
      h("div", { class: "labkit-bar labkit-pp-player", role: "group", "aria-label": "Play the run" },
        named("⇤", "To the start", () => this.#step(0)), named("←", "To the event before", () => this.#step(-1)), this.#play,
        named("→", "To the next event", () => this.#step(1)), this.#slider, this.#clock,
        named("+", "Zoom in", () => this.#chart.zoom(0.6)), named("−", "Zoom out", () => this.#chart.zoom(1 / 0.6)),
        named("Fit", "Show all of the time", () => this.#chart.show(0, this.#run.end)),
        button("SVG", () => saveFile("pipeline.svg", this.#chart.svg(), "image/svg+xml"), signal, "Save the picture as SVG")),
      this.#chart.box, this.#legend, this.#now, this.#about, this.#tables);
    if (saved) for (const field of this.#bar.querySelectorAll("select, input")) field.setAttribute("disabled", "");
    shell.root.addEventListener("labkit-theme", () => this.#legends(), { signal });
    shell.watch<DataView>("data", async value => {
      const job = ++this.#job, found = await unpack(value) as unknown as Data;
      if (!signal.aborted && job === this.#job) this.#load(found);
    });
    shell.watch("settings", () => { this.#wrong.textContent = ""; });
    shell.watch<number>("time", time => { if (Math.abs(time - this.#time) > 1e-12) { this.#player.pause(); this.#go(time); } });
    this.#load(data);
  }

  #load(data: Data): void {
    this.#player.pause();
    this.#run = new Run(data);
    this.#chart.load(this.#run);
    this.#show();
    this.#explain();
    this.#legends();
    this.#table();
    this.#go(Math.min(this.#run.whole, this.shell.get<number>("time") || 0));
    this.#tell(null);
  }

  /** Sets the controls to what is shown; not while a hand is on one and the kernel has not followed yet. */
  #show(): void {
    if (this.#asking) return;
    for (const field of this.#fields) field.show(this.shell.get("settings"), this.#run.data);
  }

  // The controls.

  #controls(): void {
    const schedules: [string, string][] = ["gpipe", "1f1b", "interleaved", "forward"].map(name => [name, NAMES[name]!]);
    this.#menu("Schedule", () => schedules, now => now.schedule, schedule => this.#schedule({ schedule }));
    this.#menu("beside", () => [["", "nothing"], ...schedules], now => now.other, other => this.#schedule({ other }), "a second schedule, below on the same time axis");
    this.#range("stages p", data => data.choices.stages, now => now.stages, stages => this.#ask({ stages, slow: -1 }),
      "as given");
    this.#range("microbatches m", data => data.choices.microbatches, now => now.microbatches, microbatches => this.#ask({ microbatches }));
    this.#range("chunks v", (_, now) => this.#interleaved(now) ? [1, 2, 3, 4, 5, 6, 7, 8] : [1], now => now.chunks, chunks => this.#ask({ chunks }),
      "interleaved only");
    this.#menu("slow stage", data => [["-1", "none"], ...data.names.map((name, i): [string, string] => [String(i), shorten(name, 24)])],
      now => String(now.slow), slow => this.#ask({ slow: Number(slow) }));
    this.#menu("by", (_, now) => [...new Set([1.5, 2, 3, 5, 10, now.factor])].sort((a, b) => a - b).map(factor => [String(factor), `${factor} times`]),
      now => String(now.factor), factor => this.#ask({ factor: Number(factor) }), "how many times slower", now => now.slow < 0);
    this.#menu("transfer", (data, now) => {
      const usual = data.forward.toSorted((a, b) => a - b)[data.forward.length >> 1]!; // of a stage, forward
      const offered: [string, string][] = [["", `as given: ${seconds(data.given)}`], ["0", "free"]];
      for (const part of [0.125, 0.25, 0.5, 1, 2]) offered.push([String(Number((part * usual).toPrecision(3))), seconds(part * usual)]);
      if (now.transfer !== null && !offered.some(([value]) => value === String(now.transfer))) offered.push([String(now.transfer), seconds(now.transfer)]);
      return offered;
    }, now => now.transfer === null ? "" : String(now.transfer), value => this.#ask({ transfer: value === "" ? null : Number(value) }),
    "seconds from stage to stage for a microbatch");
  }

  #menu(
    words: string, choices: (data: Data, now: Settings) => [string, string][], value: (now: Settings) => string, chosen: (value: string) => void,
    title = "", off: (now: Settings) => boolean = () => false,
  ): void {
    const menu = h("select", { class: "labkit-select", title: title || null, "aria-label": title ? `${words}: ${title}` : words });
    const label = h("label", {}, `${words} `, menu);
    menu.addEventListener("change", () => chosen(menu.value), { signal: this.shell.signal });
    this.#bar.append(label);
    this.#fields.push({ show: (now, data) => {
      menu.replaceChildren(...choices(data, now).map(([key, text]) => h("option", { value: key }, text)));
      menu.value = value(now);
      label.hidden = off(now);
    } });
  }

  #range(words: string, choices: (data: Data, now: Settings) => number[], value: (now: Settings) => number, chosen: (value: number) => void, why = ""): void {
    const slider = h("input", { type: "range", min: 0, step: 1, class: "labkit-pp-range", "aria-label": words }), shown = h("span", { class: "labkit-pp-count" });
    const note = h("span", { class: "labkit-pp-note" });
    let list: number[] = [];
    slider.addEventListener("input", () => {
      shown.textContent = String(list[Number(slider.value)]);
      chosen(list[Number(slider.value)]!);
    }, { signal: this.shell.signal });
    this.#bar.append(h("label", {}, `${words} `, slider, shown, note));
    this.#fields.push({ show: (now, data) => {
      list = choices(data, now);
      slider.max = String(list.length - 1);
      slider.value = String(Math.max(0, list.indexOf(value(now))));
      shown.textContent = String(value(now));
      slider.setAttribute("aria-valuetext", String(value(now)));
      slider.disabled = this.#saved || list.length < 2;
      slider.hidden = list.length < 2;
      note.textContent = list.length < 2 && why ? `(${why})` : "";
    } });
  }

  get #saved(): boolean {
    return this.shell.model instanceof SavedModel;
  }

  #interleaved(now: Settings): boolean {
    return now.schedule === "interleaved" || now.other === "interleaved";
  }

  /** Another schedule; what the interleaved one needs comes with it. */
  #schedule(change: Partial<Settings>): void {
    const now = { ...this.shell.get<Settings>("settings"), ...this.#wanted, ...change };
    if (!this.#interleaved(now)) return this.#ask({ ...change, chunks: 1 });
    const m = this.#run.data.choices.microbatches.find(count => count >= now.microbatches && count % now.stages === 0) ??
      this.#run.data.choices.microbatches.findLast(count => count % now.stages === 0) ?? now.microbatches;
    this.#ask({ ...change, chunks: Math.max(2, now.chunks), microbatches: m });
  }

  #ask(change: Partial<Settings>): void {
    Object.assign(this.#wanted, change);
    delete this.shell.root.dataset["quiet"];
    if (!this.#asking) void this.#send();
  }

  async #send(): Promise<void> {
    this.#asking = true;
    while (Object.keys(this.#wanted).length) {
      const settings = this.#wanted;
      this.#wanted = {};
      try {
        await this.shell.request("change", { settings });
        this.shell.say("");
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        if (this.shell.signal.aborted) return;
        this.#wrong.textContent = error.message;
        this.#said(error.message);
      }
    }
    this.#asking = false;
    this.#show();
  }

  // The player.

  #toggle(): void {
    if (this.#player.playing) return this.#player.pause();
    this.#player.play();
    this.#play.textContent = "Pause";
  }

  #paused(): void {
    this.#play.textContent = "Play";
    this.#keep();
  }

  #step(way: -1 | 0 | 1): void {
    this.#player.pause();
    this.#go(way ? this.#run.step(this.#time, way) : 0);
    this.#keep();
  }

  /** Keeps the moment, and says it: not while it plays, which nobody could follow. */
  #keep(): void {
    this.shell.set("time", this.#time);
    this.#said(this.#run.data.runs.map(one => this.#run.at(one, this.#time)).join(" "));
  }

  #go(time: number): void {
    this.#time = time;
    this.#chart.look.time = Math.round(time / this.#run.data.tick);
    const { from, to, time: at } = this.#chart.look;
    if (at < from || at > to) this.#chart.show(at, at + to - from);
    this.#chart.redraw();
    this.#slider.value = String(Math.round(1000 * time / this.#run.whole));
    this.#clock.textContent = `${seconds(time)} of ${seconds(this.#run.whole)}`;
    this.#slider.setAttribute("aria-valuetext", this.#clock.textContent);
    this.#now.replaceChildren(...this.#run.data.runs.map(one => h("p", {}, this.#run.at(one, time))));
  }

  #pressed(key: string): boolean {
    if (key === " ") this.#toggle();
    else if (key === "," || key === ".") this.#step(key === "," ? -1 : 1);
    else return false;
    return true;
  }

  // What is said beside the picture.

  #choose(spot: Spot | null): void {
    this.#chart.choose(spot);
    this.#said(spot ? this.#line(spot) : "Nothing is chosen.");
    this.#tell(spot);
  }

  /** Says what stands above already: heard, and not seen a second time. */
  #said(words: string): void {
    this.shell.root.dataset["quiet"] = "true";
    this.shell.say(words);
  }

  #line(spot: Spot): string {
    const { runs } = this.#run.data;
    return (runs.length > 1 ? `${NAMES[runs[spot.run]!.schedule]}, ` : "") + this.#run.about(spot);
  }

  #tell(spot: Spot | null): void {
    this.#about.textContent = spot ? `${this.#line(spot)}.` : "Point at a bar, or go from one to the next with the arrow keys.";
  }

  /** The bubble from the schedule, beside the formula, and why they differ. */
  #explain(): void {
    const { data } = this.#run, p = data.names.length, m = data.microbatches;
    this.#why.replaceChildren(...data.runs.map(one => {
      const v = one.chunks, work = one.busy.reduce((a, b) => a + b, 0), rounds = v * m + p - 1;
      const formula = `Formula: (p − 1)/(${v > 1 ? "v m" : "m"} + p − 1) = ${p - 1}/${rounds} = ${share(one.formula)}, for equal stages and free transfers.`;
      const why = [[one.free - one.formula, `stages differ, and ${this.#slowest(data)} sets the pace`], [one.bubble - one.free, "transfers"]] as const;
      const parts = why.filter(([amount]) => Math.abs(amount) >= 5e-4).map(([amount, words]) => `${amount < 0 ? "−" : "+"}${share(Math.abs(amount))}: ${words}.`);
      return h("div", { class: "labkit-pp-sum" },
        h("p", {}, h("strong", {}, `${name(one)}: ${seconds(one.seconds)}, bubble ${share(one.bubble)}`)),
        h("p", {}, `Counted in the schedule: ${p} × ${seconds(one.seconds)}, of which the stages work ${work < 1000 ? seconds(work) : `${Math.round(work)} s`}.`),
        h("p", { class: "labkit-pp-note" }, [formula, ...parts].join(" ")));
    }));
  }

  #slowest(data: Data): string {
    const work = data.forward.map((seconds, stage) => seconds + data.backward[stage]!);
    return shorten(data.names[work.indexOf(Math.max(...work))]!, 40);
  }

  #legends(): void {
    const theme = this.shell.root.dataset["theme"] === "dark" ? "dark" : "light", { runs } = this.#run.data;
    const chunks = Math.max(...runs.map(one => one.chunks)), colours = paints(theme, PAPER[theme], chunks);
    const tile = (fill: string, pattern: string, ink: string) => s("svg", { width: 22, height: 14, "aria-hidden": "true" },
      s("rect", { width: 22, height: 14, fill, stroke: "currentColor", "stroke-opacity": 0.4 }),
      ...(pattern ? [0, 8, 16].flatMap(x => [0, 8].map(y => s("path", { d: pattern, transform: `translate(${x} ${y})`, stroke: ink, "stroke-opacity": 0.5 }))) : []));
    const [first, back] = [colours["F"]!, colours["B"]!];
    const items: [SVGElement, string][] = [[tile(first[0]!.colour, "", ""), "F3: forward of microbatch 3"],
      [tile(back[0]!.colour, PATTERNS["stripes"]!, back[0]!.ink), "B3: backward"], [tile(PAPER[theme], PATTERNS["back"]!, "#888"), "standing still"]];
    if (chunks > 1) items.push([tile(first[chunks - 1]!.colour, "", ""), `F3${"abcdefghijklmnop"[chunks - 1]}: later chunks of layers are paler`]);
    if (runs.some(one => one.sends.kind)) items.push([s("svg", { width: 22, height: 14, "aria-hidden": "true" },
      s("path", { d: "M2 1L20 13", stroke: kind(2, theme).line, "stroke-width": 2 })), "transfer"]);
    this.#legend.replaceChildren(...items.map(([mark, words]) => h("span", {}, mark, ` ${words}`)));
  }

  #table(): void {
    const { data } = this.#run, two = data.runs.length > 1;
    const heads = ["stage", ...(data.devices.length ? ["device"] : []), "forward", "backward", ...data.runs.flatMap(one => {
      const of = two ? `${NAMES[one.schedule]}: ` : "";
      return [`${of}works`, `${of}keeps at most`];
    })];
    const rows = data.names.map((name, i) => h("tr", {}, h("th", { scope: "row" }, shorten(name, 40)),
      ...[...(data.devices.length ? [shorten(data.devices[i]!, 40)] : []), seconds(data.forward[i]!), seconds(data.backward[i]!), ...data.runs.flatMap(one => [
        percent(one.busy[i]! / (one.seconds || 1)), this.#kept(data, one, i)])].map(words => h("td", {}, words))));
    this.#tables.replaceChildren(h("table", { class: "labkit-tr-table" },
      data.costed ? h("caption", {}, `Times: ${data.costed}.`) : "",
      h("thead", {}, h("tr", {}, ...heads.map(words => h("th", { scope: "col" }, words)))), h("tbody", {}, ...rows)));
  }

  #kept(data: Data, one: RunColumns, stage: number): string {
    const held = most(one.stages[stage]!), words = this.#run.kept(one, held);
    return data.counts ? words : `${words}, ${short(held / one.chunks * data.kept[stage]!, "B")}`;
  }
}

