// TrainingView on the page: the controls, the charts, the panels, and the table.
//
// The kernel sends deltas (`store.ts`); each marks the view as out of date, and the next frame of the page draws it once,
// if it can be seen. What is drawn and how (smoothing, logarithmic, which panels) is the trait `ui`, kept in the notebook.

import type { Theme } from "../core/colours.ts";
import { button, h, shorten } from "../core/dom.ts";
import type { Shell } from "../core/shell.ts";
import { calm } from "../core/theme.ts";
import { Chart, sample } from "./chart.ts";
import { WORDS, type Fate } from "../core/kernel.ts";
import { Controls, lossOf } from "./controls.ts";
import { Panel, picture } from "./panels.ts";
import { reach, short } from "../core/scale.ts";
import type { Series } from "./series.ts";
import { Store } from "./store.ts";
import { table } from "./table.ts";

const PANELS = { curves: "Curves", gradients: "Gradients", weights: "Weights", histograms: "Histograms", pictures: "Pictures" };
type PanelName = keyof typeof PANELS;

interface Ui {
  smoothing: number;
  log: boolean;
  panels: PanelName[];
  hidden: string[]; // names of runs
}

const MOST_CHARTS = 24; // of one panel
const MOST_MARKS = 12;

/** Fills the shell. */
export function trainingView(shell: Shell): void {
  new Training(shell);
}

class Training {
  private readonly store = new Store();
  private readonly controls: Controls;
  private readonly charts = new Map<string, Chart>();
  private readonly panels = new Map<string, Panel>();
  private readonly field = h("div", { class: "labkit-charts" });
  private readonly options = h("div", { class: "labkit-bar" });
  private readonly legend = h("div", { class: "labkit-bar", role: "group", "aria-label": "Runs" });
  private readonly details: HTMLDetailsElement;
  private readonly scroll = h("div", { class: "labkit-scroll", tabindex: 0, role: "region", "aria-label": "Values of the curves" });
  private cursor: number | null = null;
  private frame = 0;
  private timer: ReturnType<typeof setTimeout> | null = null; // a frame for those who want less movement
  private seen = true;
  private drawnAt = 0;
  private listed = 0; // when the table was made
  private asking = false;
  private drawn = ""; // which charts and panels stand there
  private offered = ""; // which options
  private selected = new Set<string>();
  private gone: Fate | null = null; // the training went with the kernel

  constructor(private readonly shell: Shell) {
    const { signal } = shell;
    shell.body.classList.add("labkit-training");
    this.controls = new Controls(shell, shell.get<boolean>("controls"));
    this.details = h("details", { class: "labkit-training-table" }, h("summary", {}, "Values as a table"), this.scroll);
    this.details.addEventListener("toggle", () => this.later(), { signal });
    shell.body.append(this.controls.bar, this.controls.rateBar, this.options, this.legend, this.field, this.details);
    shell.onMessage("delta", (content, buffers) => this.apply(content, buffers[0]));
    shell.onMessage("whole", (_, buffers) => { if (buffers[0]) this.load(buffers[0]); });
    shell.watch<DataView>("snapshot", packed => this.snapshot(packed));
    shell.watch("ui", () => this.later());
    shell.onKernel(fate => this.becomes(fate));
    shell.watch<string[]>("selected", names => this.select(names));
    shell.onTold(names => this.select(names));
    shell.root.addEventListener("labkit-theme", () => this.later(), { signal });
    const observer = new IntersectionObserver(entries => {
      this.seen = entries.at(-1)!.isIntersecting;
      if (this.seen) this.later();
    });
    observer.observe(shell.root);
    signal.addEventListener("abort", () => {
      observer.disconnect();
      cancelAnimationFrame(this.frame);
      if (this.timer) clearTimeout(this.timer);
    }, { once: true });
    this.selected = new Set(shell.get<string[]>("selected"));
    this.load(shell.get<DataView>("snapshot"));
    this.draw();
    shell.ready();
  }

  private get ui(): Ui {
    const { smoothing = 0, log = false, panels, hidden = [] } = this.shell.get<Partial<Ui>>("ui") ?? {};
    return { smoothing, log, panels: panels ?? ["curves", "weights", "pictures"], hidden };
  }

  private change(part: Partial<Ui>): void {
    this.shell.set("ui", { ...this.ui, ...part });
    this.later();
  }

  private get theme(): Theme {
    return this.shell.root.dataset["theme"] === "dark" ? "dark" : "light";
  }

  private load(packed: DataView): void {
    if (!packed) return;
    this.store.load(packed);
    this.later();
  }

  /** The saved state, every two seconds: of use only if something was missed. */
  private snapshot(packed: DataView): void {
    const fresh = new Store();
    fresh.load(packed);
    const behind = fresh.series.length !== this.store.series.length || fresh.runs.length !== this.store.runs.length ||
      fresh.series.some((one, i) => one.count > this.store.series[i]!.count);
    if (behind) this.load(packed);
    else {
      this.store.runs = fresh.runs;
      this.later();
    }
  }

  private apply(delta: any, blob: DataView | undefined): void {
    if (!blob) return;
    if (this.store.apply(delta, blob)) this.later();
    else if (!this.asking) {
      this.asking = true; // this page came late
      this.shell.request("all").then(
        answer => { if (answer.buffers[0]) this.load(answer.buffers[0]); },
        () => undefined, // the next saved state has it too
      ).finally(() => { this.asking = false; });
    }
  }

  /** The kernel is gone, and the training with it; or it is out of reach, and nobody knows. */
  private becomes(fate: Fate): void {
    const run = this.store.last;
    if (!run || fate === "lost" || fate === "back" || !(this.gone || ["running", "paused"].includes(run.state))) return;
    this.gone = fate;
    this.mark();
    this.later();
  }

  /** What a kernel said before its end may arrive after it. */
  private mark(): void {
    const run = this.store.last;
    if (!run || !this.gone) return;
    run.state = "failed"; // so that the words stand at the top
    run.words = `${WORDS[this.gone]} ${lossOf(run)}`;
    run.steps_per_second = run.examples_per_second = run.seconds_left = null;
  }

  private select(names: string[]): void {
    this.selected = new Set(names);
    this.later();
  }

  private later(): void {
    if (this.frame || this.shell.signal.aborted) return;
    this.frame = requestAnimationFrame(now => {
      this.frame = 0;
      if (!this.seen || this.shell.signal.aborted) return;
      if (calm() && this.store.last?.state === "running" && now - this.drawnAt < 1000 && this.cursor === null) {
        this.timer ??= setTimeout(() => {
          this.timer = null;
          this.later();
        }, 1000 - (now - this.drawnAt));
        return;
      }
      this.drawnAt = now;
      this.draw();
    });
  }

  private draw(): void {
    const { store, ui, theme } = this;
    this.mark();
    const run = store.last;
    if (run) this.controls.update(store, run);
    this.controls.bar.hidden = !run || run.state === "read" && !run.words;
    this.offer(ui);
    this.drawLegend(ui, theme);
    this.place(ui);
    const end = reach(Math.max(0, ...store.series.filter(one => one.group !== "rate").map(one => one.lastStep)),
      store.runs.some(one => one.state === "read") ? null : Math.max(0, ...store.runs.map(one => one.steps ?? 0)) || null);
    const marks = this.marks();
    for (const [group, name, series] of this.curves(ui)) {
      const visible = series.filter(one => !ui.hidden.includes(store.runs[one.run]?.name ?? ""));
      this.charts.get(`${group} ${name}`)?.update({
        title: group === "gradients" ? `norm of the gradient of ${name}` : name,
        series: visible, runs: store.runs, smoothing: group === "curves" ? ui.smoothing : 0, log: group === "curves" ? ui.log : true,
        stepped: group === "rate", end, marks: group === "rate" ? [] : marks,
      }, this.cursor, theme);
    }
    if (ui.panels.includes("weights")) for (const [name, images] of store.images) this.panels.get(`weights ${name}`)?.images(images, theme);
    if (ui.panels.includes("histograms")) {
      for (const [name, strip] of store.strips) if (strip.columns.length) this.panels.get(`histograms ${name}`)?.strip(strip, theme);
    }
    for (const [key, panel] of this.panels) panel.chosen(this.selected.has(key.slice(key.indexOf(" ") + 1)));
    if (this.details.open && (performance.now() - this.listed > 1000 || !this.scroll.firstChild || run?.state !== "running")) {
      this.listed = performance.now();
      this.scroll.replaceChildren(table(store));
    }
  }

  /** All charts that are to be seen. */
  private curves(ui: Ui): [Series["group"], string, Series[]][] {
    const of = (group: Series["group"]) => [...this.store.named(group)].slice(0, MOST_CHARTS)
      .map(([name, series]): [Series["group"], string, Series[]] => [group, name, series]);
    return [
      ...(ui.panels.includes("curves") ? [...of("curves"), ...of("rate").filter(([, , series]) => series.some(one => one.count > 1))] : []),
      ...(ui.panels.includes("gradients") ? of("gradients") : []),
    ];
  }

  /** Where the learning rate of the last run changed. */
  private marks(): { step: number; text: string }[] {
    const rate = this.store.series.findLast(one => one.group === "rate" && one.count > 1);
    if (!rate || rate.stride > 1 || rate.size - 1 > MOST_MARKS) return [];
    return Array.from({ length: rate.size - 1 }, (_, i) =>
      ({ step: rate.steps[i + 1]!, text: `rate ${short(rate.mean(i + 1))}` }));
  }

  /** Makes the charts and panels that are missing, takes away those that are not wanted. */
  private place(ui: Ui): void {
    const { store, shell } = this;
    const curves = this.curves(ui);
    const wanted = {
      curves: curves.filter(([group]) => group !== "gradients").map(([group, name]) => `${group} ${name}`),
      gradients: curves.filter(([group]) => group === "gradients").map(([group, name]) => `${group} ${name}`),
      weights: ui.panels.includes("weights") ? [...store.images.keys()].map(name => `weights ${name}`) : [],
      histograms: ui.panels.includes("histograms") ? [...store.strips.keys()].map(name => `histograms ${name}`) : [],
    };
    const pictures = ui.panels.includes("pictures") ? [...store.pictures.values()] : [];
    const key = JSON.stringify([wanted, pictures.map(one => [one.name, one.step])]);
    if (key === this.drawn) return;
    this.drawn = key;
    const parts: HTMLElement[] = [];
    const titled = (name: PanelName, figures: HTMLElement[]) => {
      if (figures.length) parts.push(...(name === "curves" ? [] : [h("h3", { class: "labkit-charts-title" }, TITLES[name])]), ...figures);
    };
    const chart = (id: string) => {
      if (!this.charts.has(id)) this.charts.set(id, new Chart(shell.root, step => this.read(step), shell.signal));
      return this.charts.get(id)!.figure;
    };
    const panel = (id: string) => {
      const choose = (name: string) => {
        const names = this.selected.has(name) ? [] : [name];
        shell.set("selected", names);
        shell.tell(names);
        this.select(names);
      };
      if (!this.panels.has(id)) this.panels.set(id, new Panel(id.slice(id.indexOf(" ") + 1), choose, shell.signal, () => this.later()));
      return this.panels.get(id)!.figure;
    };
    titled("curves", wanted.curves.map(chart));
    titled("gradients", wanted.gradients.map(chart));
    titled("weights", wanted.weights.map(panel));
    titled("histograms", wanted.histograms.map(panel));
    titled("pictures", pictures.map(picture));
    if (!parts.length) parts.push(h("p", { class: "labkit-empty" }, store.last?.state === "ready" ? "Nothing to see yet: the training has not begun." : "No values yet."));
    const focused = shell.root.ownerDocument.activeElement;
    this.field.replaceChildren(...parts);
    if (focused instanceof HTMLElement && this.field.contains(focused)) focused.focus();
  }

  private read(step: number | null): void {
    this.cursor = step;
    this.later();
  }

  /** The row of options, made again when there is something new to choose. */
  private offer(ui: Ui): void {
    const { store, shell } = this;
    const there: PanelName[] = [
      ...(store.named("curves").size ? ["curves" as const] : []), ...(store.named("gradients").size ? ["gradients" as const] : []),
      ...(store.images.size ? ["weights" as const] : []), ...(store.strips.size ? ["histograms" as const] : []),
      ...(store.pictures.size ? ["pictures" as const] : []),
    ];
    const key = there.join();
    if (key !== this.offered) {
      this.offered = key;
      const toggles = there.map(name => {
        const made = button(PANELS[name], () => {
          const open = this.ui.panels;
          this.change({ panels: open.includes(name) ? open.filter(one => one !== name) : [...open, name] });
        }, shell.signal);
        made.dataset["panel"] = name;
        return made;
      });
      const log = button("Log scale", () => this.change({ log: !this.ui.log }), shell.signal, "Draw the curves in powers of ten");
      log.dataset["log"] = "";
      const smooth = h("input", { type: "range", min: 0, max: 0.99, step: 0.01, class: "labkit-range labkit-smooth", "aria-label": "Smoothing" });
      smooth.addEventListener("input", () => this.change({ smoothing: Number(smooth.value) }), { signal: shell.signal });
      this.options.replaceChildren(
        h("span", { class: "labkit-label", role: "group", "aria-label": "Panels" }, ...toggles),
        h("span", { class: "labkit-label labkit-push" }, h("span", { "aria-hidden": "true" }, "Smoothing"), smooth), log);
    }
    this.options.hidden = !there.length;
    for (const made of this.options.querySelectorAll<HTMLElement>("[data-panel]")) {
      made.setAttribute("aria-pressed", String(ui.panels.includes(made.dataset["panel"] as PanelName)));
    }
    this.options.querySelector("[data-log]")?.setAttribute("aria-pressed", String(ui.log));
    const smooth = this.options.querySelector<HTMLInputElement>(".labkit-smooth");
    if (smooth && smooth.value !== String(ui.smoothing)) smooth.value = String(ui.smoothing);
  }

  private drawLegend(ui: Ui, theme: Theme): void {
    const { store } = this;
    const key = JSON.stringify([store.runs.map(run => run.name), ui.hidden, theme]);
    this.legend.hidden = store.runs.length < 2;
    if (key === this.legend.dataset["key"] || this.legend.hidden) return;
    this.legend.dataset["key"] = key;
    const at = [...this.legend.children].indexOf(this.shell.root.ownerDocument.activeElement as Element);
    this.legend.replaceChildren(...store.runs.map((run, i) => {
      const made = button("", () => {
        const hidden = this.ui.hidden;
        this.change({ hidden: hidden.includes(run.name) ? hidden.filter(name => name !== run.name) : [...hidden, run.name] });
      }, this.shell.signal, run.name.slice(0, 500));
      made.classList.add("labkit-run");
      made.setAttribute("aria-pressed", String(!ui.hidden.includes(run.name)));
      made.append(sample(i, theme), shorten(run.name, 40));
      return made;
    }));
    if (at >= 0) (this.legend.children[at] as HTMLElement | undefined)?.focus();
  }
}

const TITLES = {
  curves: "Curves", gradients: "Norms of gradients", weights: "Weights as images: blue positive, red negative",
  histograms: "How values lie, over the steps", pictures: "Pictures",
};

