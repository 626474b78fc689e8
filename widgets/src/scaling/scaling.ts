// ScalingView: published points of how training scales, what the simulation says of each, and the learner's own curve.

import { kind, type Theme } from "../core/colours.ts";
import { button, h, s, shorten } from "../core/dom.ts";
import { path, plot, type Plot } from "../core/plot.ts";
import { short } from "../core/scale.ts";
import type { Shell } from "../core/shell.ts";
import { unpack } from "../trace/events.ts";
import { dash, sample } from "../training/chart.ts";
import { type Panel, value } from "./whatif.ts";
import { type Presets, WhatIfPanel } from "./whatif_panel.ts";

type Basis = "primary" | "summary" | "slide";
type Places = [x: number, published: number, most: number | null, simulated: number | null];

interface Point {
  key: string;
  series: string;
  title: string;
  x: number;
  basis: Basis;
  bound: boolean; // more than that
  at: Partial<Record<Panel, Places>>;
  source: string;
  conditions: string;
  published: string;
  simulated: string | null;
  speedup: number | null;
  difference: number | null;
  verdict: "input" | "within" | "miss" | "undetermined";
  allowed: number;
  how: string;
  fit: string;
  assumed: string;
  reason: string;
  implied: string;
}

type Curve = { name: string; series: string | null; x: number[] } & Partial<Record<Panel, (number | null)[]>>;
interface Backup { name: string; series: string | null; x: number[]; step: number[]; each: number[]; bounds: [number, number][]; best: [number, number] }

interface Data {
  series: { name: string; title: string }[];
  points: Point[];
  curves: Curve[];
  backups: Backup[];
  times: { name: string; x: number[]; y: (number | null)[] }[];
  presets: Presets;
  replicas: number[];
  panels: Panel[];
}

const HEIGHT = 420;
const WORDS: Record<Basis, string> = { primary: "primary source", summary: "a summary of the paper", slide: "slide or announcement" };
const HEADS: Record<Panel, string> = {
  "speed-up": "speed-up: times one replica", throughput: "examples a second", efficiency: "efficiency: speed-up / replicas",
  "step time": "seconds of a step", "backup workers": "relative to no backups", "time to target": "simulated seconds to the target",
};
const VERDICTS = { input: "input", within: "within", miss: "off", undetermined: "undetermined" };

export async function scalingView(shell: Shell): Promise<void> {
  const data = await unpack(shell.get<DataView>("data")) as unknown as Data;
  if (shell.signal.aborted) return;
  new Scaling(shell, data);
  shell.ready();
}

interface Spot { point: Point; x: number; y: number }

class Scaling {
  private width = 0;
  private spots: Spot[] = [];
  private pointed: Point | null = null;
  private readonly whatIf: WhatIfPanel;
  private readonly tabs = h("div", { class: "labkit-sc-tabs", role: "group", "aria-label": "What is drawn" });
  private readonly logs: [HTMLButtonElement, HTMLButtonElement];
  private readonly box = h("div", { class: "labkit-sc-box", tabindex: 0, role: "application", "aria-roledescription": "plot",
    "aria-label": "Published points: arrow keys go from one to the next" });
  private readonly legend = h("div", { class: "labkit-rc-legend" });
  private readonly about = h("div", { class: "labkit-sc-about", role: "region", "aria-label": "The point that is selected or pointed at" });
  private readonly chips = h("div", { class: "labkit-bar labkit-sc-chips", role: "group", "aria-label": "Series" });
  private readonly more = h("details", { class: "labkit-rc-more" }, h("summary", {}, "All points as a table"));

  constructor(private readonly shell: Shell, private readonly data: Data) {
    const { signal } = shell;
    this.logs = [button("Log x", () => this.set("log_x", !shell.get("log_x")), signal, "Replicas in powers of ten"),
      button("Log y", () => this.set("log_y", !shell.get("log_y")), signal, "Values in powers of ten")];
    this.tabs.append(...data.panels.map(name => {
      const made = button(name[0]!.toUpperCase() + name.slice(1), () => this.set("panel", name), signal);
      made.dataset["panel"] = name;
      return made;
    }));
    this.whatIf = new WhatIfPanel(shell, data.presets, () => this.draw());
    shell.body.append(h("div", { class: "labkit-bar" }, this.tabs, h("span", { class: "labkit-sc-logs" }, ...this.logs)),
      h("div", { class: "labkit-sc-two" }, h("div", {}, this.box, this.legend), this.about), this.chips, this.whatIf.element, this.more);
    this.chips.append(...data.series.map(({ name, title }, i) => {
      const made = button("", () => {
        const now = shell.get<string[]>("shown");
        this.set("shown", now.includes(name) ? now.filter(one => one !== name) : [...now, name]);
      }, signal, title);
      made.classList.add("labkit-run");
      made.dataset["series"] = String(i);
      return made;
    }));
    if (data.series.length > 1) {
      const all = button("All", () => this.set("shown", data.series.map(({ name }) => name)), signal), none = button("None", () => this.set("shown", []), signal);
      this.chips.append(all, none);
    }
    this.chips.hidden = !data.series.length;
    const observer = new ResizeObserver(() => {
      if (this.box.clientWidth === this.width) return;
      this.width = this.box.clientWidth;
      this.draw();
    });
    observer.observe(this.box);
    signal.addEventListener("abort", () => observer.disconnect(), { once: true });
    this.box.addEventListener("pointermove", event => this.tell(this.under(event) ?? this.selected), { signal });
    this.box.addEventListener("pointerleave", () => this.tell(this.selected), { signal });
    this.box.addEventListener("click", event => this.select(this.under(event)), { signal });
    this.box.addEventListener("keydown", event => this.key(event), { signal });
    this.more.addEventListener("toggle", () => this.table(), { signal });
    shell.root.addEventListener("labkit-theme", () => this.draw(), { signal });
    for (const trait of ["panel", "shown", "log_x", "log_y", "what_if", "selected"]) shell.watch(trait, () => this.draw());
    this.table();
    this.draw();
    this.tell(this.selected);
  }

  private get theme(): Theme {
    return this.shell.root.dataset["theme"] === "dark" ? "dark" : "light";
  }

  private get panel(): Panel {
    const chosen = this.shell.get<Panel>("panel");
    return this.data.panels.includes(chosen) ? chosen : this.data.panels[0]!;
  }

  private get selected(): Point | null {
    const [key] = this.shell.get<string[]>("selected");
    return this.data.points.find(point => point.key === key) ?? null;
  }

  private set(trait: string, to: unknown): void {
    this.shell.set(trait, to);
    this.draw();
  }

  private colour(series: string | null, own = 0): number {
    const at = this.data.series.findIndex(({ name }) => name === series);
    return at < 0 ? this.data.series.length + own : at;
  }

  private drawn(): Point[] {
    const shown = this.shell.get<string[]>("shown"), panel = this.panel;
    return this.data.points.filter(point => shown.includes(point.series) && point.at[panel]);
  }

  /** The points in the order in which the arrow keys take them. */
  private select(point: Point | null): void {
    this.shell.set("selected", point ? [point.key] : []);
    this.shell.say(point ? `${shorten(point.title, 80)}: published ${point.published}, ${this.off(point)}` : "Nothing is selected.");
    this.tell(point);
    this.draw();
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const order = this.drawn(), at = this.selected ? order.indexOf(this.selected) : -1, last = order.length - 1;
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: last, Escape: -1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.select(event.key === "Escape" ? null : order[Math.max(0, Math.min(last, to))] ?? null);
  }

  private under(event: MouseEvent): Point | null {
    const { left, top } = this.box.getBoundingClientRect(), x = event.clientX - left, y = event.clientY - top;
    const near = this.spots.map(spot => ({ spot, far: Math.hypot(spot.x - x, spot.y - y) })).sort((a, b) => a.far - b.far)[0];
    return near && near.far < 14 ? near.spot.point : null;
  }

  private draw(): void {
    const { shell, data, panel, theme } = this, shown = shell.get<string[]>("shown"), what = shell.get<any>("what_if");
    for (const tab of this.tabs.querySelectorAll("button")) tab.setAttribute("aria-pressed", String(tab.dataset["panel"] === panel));
    const backup = panel === "backup workers", log = [shell.get<boolean>("log_x") && !backup, shell.get<boolean>("log_y") && !backup && panel !== "efficiency"] as const;
    this.logs.forEach((made, i) => {
      made.setAttribute("aria-pressed", String(log[i]));
      made.disabled = backup || i === 1 && panel === "efficiency";
    });
    for (const chip of this.chips.querySelectorAll<HTMLElement>("[data-series]")) {
      const { name, title } = data.series[Number(chip.dataset["series"])]!, i = Number(chip.dataset["series"]);
      chip.setAttribute("aria-pressed", String(shown.includes(name)));
      chip.replaceChildren(sample(i, theme), shorten(title, 40));
    }
    this.whatIf.element.hidden = backup || panel === "time to target";
    this.whatIf.update();
    if (this.width < 160) this.width = this.box.clientWidth;
    if (this.width < 160) return;
    const points = this.drawn(), curves = data.curves.filter(curve => (curve.series === null || shown.includes(curve.series)) && curve[panel]?.length);
    const own = what.shown && !this.whatIf.element.hidden ? data.replicas.map((n): [number, number | null] => [n, value(what, panel, n)]) : [];
    const pairs: [number, number | null][] = [
      ...points.flatMap((point): [number, number | null][] => { const [x, low, most, ours] = point.at[panel]!; return [[x, low], [x, most], [x, ours]]; }),
      ...curves.flatMap(curve => curve.x.map((x, i): [number, number | null] => [x, curve[panel]![i]!])), ...own,
      ...(backup ? data.backups.filter(one => one.series === null || shown.includes(one.series)).flatMap(one => one.x.flatMap((x, i): [number, number][] => [[x, one.step[i]!], [x, one.each[i]!]])) : []),
      ...(panel === "time to target" ? data.times.flatMap(line => line.x.map((x, i): [number, number | null] => [x, line.y[i]!])) : []),
    ];
    const xs = pairs.map(([x]) => x), ys = pairs.flatMap(([, y]) => y === null ? [] : [y]);
    const right = Math.max(backup ? 8 : 10, ...xs), high = Math.max(...ys, panel === "efficiency" ? 1 : -Infinity), low = Math.min(...ys);
    const picture = plot(this.width, HEIGHT,
      { low: backup ? 0 : log[0] ? 0.85 : 0, high: log[0] ? right * 1.5 : right * 1.04, log: log[0], label: backup ? "backup workers" : "replicas: workers, GPUs or machines" },
      { low: log[1] ? low * 0.8 : backup ? low - 0.03 : 0, high: log[1] ? high * 1.5 : backup ? high + 0.04 : high * 1.08, log: log[1], label: HEADS[panel] });
    const { ink, x, y } = picture, add = (element: SVGElement) => ink.append(element);
    if (ys.length && (panel === "speed-up" || panel === "efficiency" || backup)) {
      const line = panel === "speed-up" ? Array.from({ length: 41 }, (_, i) => log[0] ? 0.85 * (right * 1.5 / 0.85) ** (i / 40) : right * 1.04 * i / 40).map((n): [number, number] => [x(n), y(n)])
        : [[picture.left, y(1)], [picture.right, y(1)]] as [number, number][];
      add(s("path", { d: path(line), class: "labkit-sc-ideal" }));
      if (!backup) {
        const n = right * (log[0] ? 0.3 : 0.9), top = panel === "speed-up" ? n : 1;
        add(s("text", { x: x(n) - 8, y: Math.max(picture.top + 12, y(Math.min(top, high)) - 7), "text-anchor": "end", class: "labkit-plot-word" }, "ideal"));
      }
    }
    let yours = 0;
    for (const curve of curves) {
      const at = this.colour(curve.series, curve.series === null ? yours++ : 0);
      add(s("path", { d: path(curve.x.map((n, i): [number, number] => [x(n), y(curve[panel]![i] ?? NaN)])), class: "labkit-sc-curve", stroke: kind(at, theme).line, "stroke-dasharray": dash(at).join(" ") || null }));
      if (curve.series === null) this.name(picture, curve.name, x(curve.x.at(-1)!), y(curve[panel]!.at(-1) ?? NaN));
    }
    if (own.length) {
      add(s("path", { d: path(own.map(([n, v]): [number, number] => [x(n), y(v ?? NaN)])), class: "labkit-sc-mine" }));
      this.name(picture, "what if", x(own.at(-1)![0]), y(own.at(-1)![1]!));
    }
    if (backup) this.backups(picture, shown);
    if (panel === "time to target") this.times(picture);
    this.marks(points, picture);
    if (!backup) this.labels(picture);
    this.box.replaceChildren(picture.svg);
    const bases = [...new Set(points.map(point => point.basis))], left = data.points.filter(point => shown.includes(point.series) && !point.at[panel]).length;
    this.legend.replaceChildren(...bases.map(basis => h("span", {}, s("svg", { width: 16, height: 14, "aria-hidden": "true" }, shape(basis, 8, 7, 5, "currentColor", true)), ` ${WORDS[basis]}`)),
      points.length ? h("span", {}, "Filled: published; hollow: simulated.") : "", left ? h("span", {}, `${left} point${left === 1 ? " has" : "s have"} no place here: see the table.`) : "");
  }

  /** Names a curve at its end. */
  private name(picture: Plot, words: string, at: number, top: number): void {
    if (!Number.isFinite(top)) return;
    const said = shorten(words, 30), early = at - 6.6 * said.length < picture.left;
    picture.ink.append(s("text", { x: early ? at + 8 : Math.min(at, picture.right) - 6, y: Math.max(picture.top + 10, top - 8), "text-anchor": early ? "start" : "end", class: "labkit-plot-word labkit-rc-said" }, said));
  }

  private marks(points: Point[], { ink, x, y, top }: Plot): void {
    const { panel, theme, selected } = this;
    this.spots = [];
    for (const point of points) {
      const [n, low, most, ours] = point.at[panel]!, colour = kind(this.colour(point.series), theme).line;
      const at = x(n) - (most === null ? 0 : 7), middle = most === null ? y(low) : (y(low) + y(most)) / 2;
      const group = s("g", { class: "labkit-sc-point", "data-key": point.key });
      if (most !== null) group.append(s("path", { d: `M${at} ${y(low)}V${y(most)}`, class: "labkit-sc-line labkit-sc-range", stroke: colour }));
      if (ours !== null) group.append(s("path", { d: `M${at} ${middle}V${y(ours)}`, stroke: colour, class: "labkit-sc-line" }), shape(point.basis, at, y(ours), 7.5, colour, false));
      if (point.bound) group.append(s("path", { d: `M${at} ${middle - 7}v-14m-4 5l4-5l4 5`, stroke: colour, class: "labkit-sc-line labkit-sc-bound" }));
      group.append(shape(point.basis, at, middle, 5, colour, true));
      if (point === selected) group.append(s("circle", { cx: at, cy: middle, r: 13, class: "labkit-sc-ring" }));
      ink.append(group);
      this.spots.push({ point, x: at, y: Math.max(top, middle) });
    }
  }

  /** Names the farthest point of each series, where there is room beside it. */
  private labels({ ink, left, right, top, bottom }: Plot): void {
    type Box = [left: number, top: number, right: number, bottom: number];
    const taken: Box[] = this.spots.map(({ x, y }) => [x - 8, y - 8, x + 8, y + 8]);
    const meets = (a: Box) => taken.some(b => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]);
    const last = new Map(this.spots.map(spot => [spot.point.series, spot]));
    for (const { point, x, y } of last.values()) {
      const words = shorten(this.data.series[this.colour(point.series)]?.title ?? point.title, 26), wide = 6.4 * words.length;
      const spots = ([["start", x + 13, y + 4], ["end", x - 13, y + 4], ["middle", x, y - 15], ["middle", x, y + 23], ["start", x + 9, y + 18], ["end", x - 9, y - 11]] as const)
        .map(([anchor, at, base]) => ({ anchor, at, base, box: [anchor === "start" ? at : anchor === "end" ? at - wide : at - wide / 2, base - 11, anchor === "start" ? at + wide : anchor === "end" ? at : at + wide / 2, base + 3] as Box }));
      const found = spots.find(({ box }) => box[0] > left && box[2] < right + 8 && box[1] > top - 4 && box[3] < bottom && !meets(box));
      if (!found) continue;
      taken.push(found.box);
      ink.append(s("text", { x: found.at, y: found.base, "text-anchor": found.anchor, class: "labkit-plot-word labkit-rc-said" }, words));
    }
  }

  private backups({ ink, x, y }: Plot, shown: string[]): void {
    const { theme } = this, data = this.data.backups.filter(one => one.series === null || shown.includes(one.series));
    data.forEach((one, i) => {
      const at = this.colour(one.series, i), colour = kind(at, theme).line;
      const band = [...one.bounds.map(([low], k) => `${x(k).toFixed(1)} ${y(low).toFixed(1)}`), ...one.bounds.map(([, high], k) => `${x(k).toFixed(1)} ${y(high).toFixed(1)}`).reverse()];
      ink.append(s("path", { d: `M${band.join("L")}z`, fill: colour, opacity: 0.18 }),
        s("path", { d: path(one.step.map((v, k): [number, number] => [x(k), y(v)])), class: "labkit-sc-curve", stroke: colour }),
        s("path", { d: path(one.each.map((v, k): [number, number] => [x(k), y(v)])), class: "labkit-sc-curve", stroke: colour, "stroke-dasharray": "7 4" }));
      const some = Math.round(0.75 * (one.x.length - 1)), name = data.length > 1 ? `, ${shorten(one.name, 24)}` : "";
      const say = (words: string, v: number, off: number) =>
        ink.append(s("text", { x: x(some), y: y(v) + off, "text-anchor": "middle", class: "labkit-plot-word labkit-rc-said" }, words + name));
      say("time of a step", one.step[some]!, 20);
      say("speed-up a machine", one.each[some]!, -12);
      for (const [values, best] of [[one.step, one.best[0]], [one.each, one.best[1]]] as const) ink.append(s("circle", { cx: x(best), cy: y(values[best]!), r: 7.5, fill: "none", stroke: colour, "stroke-width": 2 }));
    });
  }

  private times(picture: Plot): void {
    const { ink, x, y, top: up } = picture;
    this.data.times.forEach((line, i) => {
      const at = this.data.series.length + i, colour = kind(at, this.theme).line;
      const points = line.x.map((n, k): [number, number] => [x(n), y(line.y[k] ?? NaN)]);
      ink.append(s("path", { d: path(points), class: "labkit-sc-curve", stroke: colour, "stroke-dasharray": dash(at).join(" ") || null }));
      for (const [left, top] of points) if (Number.isFinite(top)) ink.append(s("circle", { cx: left, cy: top, r: 4.5, fill: colour }));
      const end = points.findLast(([, top]) => Number.isFinite(top));
      if (end) this.name(picture, line.name, ...end);
      line.y.forEach((value, k) => {
        if (value === null) ink.append(s("text", { x: x(line.x[k]!), y: up + 10 + 15 * i, "text-anchor": "middle", class: "labkit-plot-word labkit-rc-said" }, `${shorten(line.name, 20)}: never`));
      });
    });
  }

  private off(point: Point): string {
    if (point.verdict === "input") return "an input of the simulation";
    if (point.difference === null) return "not determined by what was published";
    return `simulated ${point.simulated}, ${point.difference < 0 ? "−" : "+"}${Math.abs(100 * point.difference).toFixed(1)} %`;
  }

  /** Says what a point is. */
  private tell(point: Point | null): void {
    if (point === this.pointed && this.about.firstChild) return;
    this.pointed = point;
    if (!point) {
      const counts = Object.entries(VERDICTS).map(([verdict, words]) => [this.data.points.filter(one => one.verdict === verdict).length, words] as const).filter(([many]) => many);
      this.about.replaceChildren(h("p", { class: "labkit-rc-soft" }, this.data.points.length
        ? `Point at a mark, or go from one to the next with the arrow keys: it says where its figure comes from and how far the simulation is off. ` +
          `Of ${this.data.points.length} points: ${counts.map(([many, words]) => `${many} ${words}`).join(", ")}.`
        : "No published points are compared here."));
      return;
    }
    const row = (label: string, words: string) => words ? [h("dt", {}, label), h("dd", {}, shorten(words, 600))] : [];
    const verdict = point.verdict === "within" ? `within ${Math.round(100 * point.allowed)} %` : point.verdict === "miss" ? `more than ${Math.round(100 * point.allowed)} % off` : point.verdict;
    this.about.replaceChildren(
      h("h3", {}, shorten(point.title, 200)),
      h("div", { class: "labkit-sc-figures" },
        h("div", {}, h("span", {}, "published"), h("b", {}, point.published), point.speedup !== null && !point.published.endsWith(" x") && h("small", {}, `${short(point.speedup)} x`)),
        h("div", {}, h("span", {}, "simulated"), h("b", {}, point.simulated ?? "–"), point.difference !== null && point.verdict !== "input" && h("small", {}, this.off(point).split(", ").at(-1)!)),
        h("div", { class: `labkit-sc-verdict labkit-sc-${point.verdict}` }, verdict)),
      h("dl", {},
        ...row("Source", `${point.source} (${WORDS[point.basis]})`), ...row("Conditions", point.conditions),
        ...(point.simulated === null ? [] : [...row(point.verdict === "input" ? "Given" : point.fit ? "Simulated by" : "Simulated by, from hardware and network figures", point.how),
          ...row("From a fit", point.fit || "nothing"), ...row("Assumed", point.assumed || "nothing")]),
        ...row(point.verdict === "undetermined" ? "Why it is not determined" : "Why it may be off", point.reason),
        ...row("Overhead / computing that it implies", point.implied)));
  }

  private table(): void {
    const { signal } = this.shell, { points } = this.data;
    this.more.hidden = !points.length;
    if (!this.more.open || this.more.childElementCount > 1) return;
    const heads = ["point", "replicas", "published", "simulated", "off", "", "basis", "fitted", "assumed"].map(words => h("th", { scope: "col" }, words || "verdict"));
    const rows = points.map(point => {
      const name = button(shorten(point.title, 60), () => this.select(point), signal);
      name.className = "labkit-tr-link";
      const cells = [short(point.x), point.published, point.simulated ?? "–", point.difference === null || point.verdict === "input" ? "–" : this.off(point).split(", ").at(-1)!,
        VERDICTS[point.verdict], point.basis, point.fit ? "yes" : "no", point.assumed ? "in part" : "no"];
      return h("tr", {}, h("th", { scope: "row" }, name), ...cells.map(words => h("td", {}, words)));
    });
    this.more.append(h("div", { class: "labkit-scroll", tabindex: 0, role: "region", "aria-label": "All points" },
      h("table", { class: "labkit-table" }, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...rows))));
  }
}

/** A point's mark: its shape says how well the figure is known. */
function shape(basis: Basis, x: number, y: number, r: number, colour: string, filled: boolean): SVGElement {
  const look = { fill: filled ? colour : "none", stroke: filled ? "var(--lk-paper)" : colour, "stroke-width": filled ? 1 : 2 };
  if (basis === "primary") return s("circle", { cx: x, cy: y, r, ...look });
  const d = basis === "summary" ? `M${x - r} ${y - r}h${2 * r}v${2 * r}h${-2 * r}z` : `M${x} ${y - 1.3 * r}l${1.3 * r} ${1.3 * r}l${-1.3 * r} ${1.3 * r}l${-1.3 * r} ${-1.3 * r}z`;
  return s("path", { d, ...look });
}

