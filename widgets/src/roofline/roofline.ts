// RooflineView: which ops wait for arithmetic, which for memory, which for being started; on one kind of device or another.
//
// All times come with the trait `data` (labkit_widgets/roofline_marks.py), for every kind and dtype: choosing another one
// looks them up, and needs no kernel.

import type { Theme } from "../core/colours.ts";
import { button, h, s, shorten } from "../core/dom.ts";
import type { Shell } from "../core/shell.ts";
import { unpack } from "../trace/events.ts";
import { percent, seconds, short } from "../trace/scale.ts";
import { type Bound, type Drawn, type Mark, placed, plot, shape } from "./plot.ts";

type By = "op" | "node";

interface Columns { name: string[]; op: string[]; count: number[]; flops: number[]; bytes: number[]; seconds: number[] }
interface Times { seconds: number[]; compute: number[]; memory: number[]; bound: string }

interface Data extends Record<By, Columns> {
  clock: "model" | "measured" | "simulated";
  nodes: number;
  dtypes: string[];
  kinds: { name: string; title: string; peak: Record<string, number>; bandwidth: number; launch: number;
    unit: Record<string, string | null>; why: Record<string, string> }[];
  times: Record<string, Record<string, Record<By, Times> & { total: number; bounds: Record<string, number> }>>;
}

const WORDS: Record<Bound, string> = { c: "arithmetic", m: "memory", l: "launching" };
const ROWS = 100;
const HEADS = ["time", "share", "bound by", "FLOPs", "bytes", "FLOPs per byte", "FLOP/s", "nodes"];

export async function rooflineView(shell: Shell): Promise<void> {
  const data = await unpack(shell.get<DataView>("data")) as unknown as Data;
  if (shell.signal.aborted) return;
  new Roofline(shell, data);
  shell.ready();
}

class Roofline {
  #marks: Mark[] = [];
  #selected: Mark | null = null;
  #drawn: Drawn | null = null;
  #width = 0;
  #roof: HTMLSelectElement;
  #dtype: HTMLSelectElement;
  #by: HTMLSelectElement;
  #total = h("div", { class: "labkit-rf-total", role: "status" });
  #legend = h("div", { class: "labkit-rf-legend" });
  #about = h("div", { class: "labkit-rf-about", role: "region", "aria-label": "The op that is selected or pointed at" });
  #box = h("div", { class: "labkit-rf-box", tabindex: "0", role: "application", "aria-roledescription": "roofline plot",
    "aria-label": "Ops, the dearest first: arrow keys go from one to the next" });
  #table = h("div", { class: "labkit-rf-table", role: "region", "aria-label": "Ops, the dearest first", tabindex: "0" });

  constructor(readonly shell: Shell, readonly data: Data) {
    const { signal } = shell;
    this.#roof = this.#menu("roof", "Kind of device", data.kinds.map(kind => [kind.name, kind.title]));
    this.#dtype = this.#menu("dtype", "dtype", data.dtypes.map(dtype => [dtype, dtype]));
    this.#by = this.#menu("by", "A mark for each", [["op", "op type"], ["node", "node"]]);
    shell.body.append(
      h("div", { class: "labkit-bar" }, ...[this.#roof, this.#dtype, this.#by].map(menu =>
        h("label", {}, `${menu.getAttribute("aria-label")} `, menu))),
      this.#total, h("div", { class: "labkit-rf-two" }, h("div", {}, this.#box, this.#legend, this.#about), this.#table));
    const observer = new ResizeObserver(() => {
      if (this.#box.clientWidth === this.#width) return;
      this.#width = this.#box.clientWidth;
      this.#draw();
    });
    observer.observe(this.#box);
    signal.addEventListener("abort", () => observer.disconnect(), { once: true });
    this.#box.addEventListener("pointermove", event => this.#tell(this.#under(event) ?? this.#selected), { signal });
    this.#box.addEventListener("pointerleave", () => this.#tell(this.#selected), { signal });
    this.#box.addEventListener("click", event => this.#select(this.#under(event)), { signal });
    this.#box.addEventListener("keydown", event => this.#key(event), { signal });
    shell.root.addEventListener("labkit-theme", () => this.#draw(), { signal });
    for (const trait of ["roof", "dtype", "by"]) shell.watch(trait, () => this.#take());
    shell.watch<string[]>("selected", names => this.#told(names));
    shell.onTold(names => { this.#told(names); shell.set("selected", names); });
    this.#take();
  }

  get #theme(): Theme {
    return this.shell.root.dataset["theme"] === "dark" ? "dark" : "light";
  }

  #menu(trait: string, label: string, choices: [string, string][]): HTMLSelectElement {
    const menu = h("select", { class: "labkit-select", "aria-label": label },
      ...choices.map(([value, words]) => h("option", { value }, shorten(words, 40))));
    menu.addEventListener("change", () => { this.shell.set(trait, menu.value); this.#take(); }, { signal: this.shell.signal });
    return menu;
  }

  get #kind() {
    return this.data.kinds.find(kind => kind.name === this.#roof.value)!;
  }

  /** Looks up the times of what is chosen. */
  #take(): void {
    const { data, shell } = this;
    const name = this.#selected?.name;
    this.#roof.value = shell.get("roof");
    this.#dtype.value = shell.get("dtype");
    const by = this.#by.value = shell.get<By>("by");
    const kind = this.#kind, unit = kind.unit[this.#dtype.value], times = unit ? data.times[kind.name]![unit] : undefined;
    const { [by]: columns, clock } = data;
    this.#total.replaceChildren(...this.#sum(times));
    this.#marks = !times ? [] : columns.name.map((name, row): Mark => {
      const { seconds, compute, memory, bound } = times[by];
      const time = (clock === "model" ? seconds : columns.seconds)[row]!;
      return { row, name, count: columns.count[row]!, flops: columns.flops[row]!, bytes: columns.bytes[row]!, time,
        share: time / (times.total || 1), compute: compute[row]!, memory: memory[row]!, bound: bound[row] as Bound };
    }).sort((a, b) => b.time - a.time);
    this.#selected = this.#marks.find(mark => mark.name === name) ?? null;
    if (!this.#selected) this.#told(shell.get("selected"));
    else this.#tell(this.#selected);
    this.#rows();
    this.#draw();
  }

  /** How long everything takes, in words. */
  #sum(times: Data["times"][string][string] | undefined): Node[] {
    const { title, why } = this.#kind, { clock, nodes } = this.data;
    if (!times) return [h("p", { class: "labkit-rf-wrong" }, why[this.#dtype.value]!)];
    const each = nodes === 1 ? "1 node" : `${nodes} nodes, ${clock === "model" ? "one after another" : "their times added up"}`;
    const parts = (["compute", "memory", "launch"] as const).map((bound, i) => `${WORDS["cml"[i] as Bound]} bounds ${percent(times.bounds[bound]!)}`);
    return [h("p", {}, h("strong", {}, seconds(times.total)), clock === "model" ? ` on ${title} in ${this.#dtype.value}: ${each}.`
      : ` ${clock}: ${each}. The roof is that of ${title} in ${this.#dtype.value}.`),
    h("p", { class: "labkit-rf-note" }, clock === "model" ? `Of this time ${parts.join(", ")}.`
      : `On such a device ${parts.join(", ")} of the time.`)];
  }

  #draw(): void {
    const { data } = this, dtype = this.#dtype.value;
    if (this.#width < 160) this.#width = this.#box.clientWidth;
    if (this.#width < 160) return;
    const roofs = data.kinds.filter(kind => kind.unit[dtype]).map(kind => ({
      title: kind.title, peak: kind.peak[kind.unit[dtype]!]!, bandwidth: kind.bandwidth, chosen: kind === this.#kind }));
    this.#drawn = plot(this.#marks, roofs, this.#ends(), this.#width, this.#theme, this.#selected);
    this.#box.replaceChildren(this.#drawn.svg);
    const hidden = this.#marks.filter(mark => !placed(mark)).length;
    this.#legend.replaceChildren(...(Object.keys(WORDS) as Bound[]).map(bound => h("span", {},
      s("svg", { width: 14, height: 14, "aria-hidden": "true" }, shape(bound, 7, 7, 5, this.#theme)), ` ${WORDS[bound]} bounds it`)),
      h("span", {}, "Size: share of the time."), hidden > 0 && h("span", {}, `${hidden} without FLOPs: in the table alone.`) || "");
  }

  /** The ends of both axes: the same for all kinds and dtypes. */
  #ends(): number[] {
    const { data } = this, by = this.#by.value as By, { flops, bytes, seconds: measured } = data[by];
    const ratios: number[] = [0.1, 100], rates: number[] = [];
    for (const kind of data.kinds) {
      for (const [unit, times] of Object.entries(data.times[kind.name]!)) {
        ratios.push(kind.peak[unit]! / kind.bandwidth);
        rates.push(kind.peak[unit]!, kind.peak[unit]! / 1e3);
        flops.forEach((work, i) => {
          const time = data.clock === "model" ? times[by].seconds[i]! : measured[i]!;
          if (work && bytes[i] && time) { ratios.push(work / bytes[i]!); rates.push(work / time); }
        });
      }
    }
    const least = (list: number[]) => list.reduce((a, b) => Math.min(a, b)), most = (list: number[]) => list.reduce((a, b) => Math.max(a, b));
    return [least(ratios) / 2, most(ratios) * 3, Math.max(least(rates), most(rates) / 1e12) / 3, most(rates) * 4];
  }

  #under(event: MouseEvent): Mark | null {
    const { left, top } = this.#box.getBoundingClientRect();
    return this.#drawn?.at(event.clientX - left, event.clientY - top) ?? null;
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const last = this.#marks.length - 1, at = this.#selected ? this.#marks.indexOf(this.#selected) : -1;
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: last, Escape: -1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.#select(event.key === "Escape" ? null : this.#marks[Math.max(0, Math.min(last, to))] ?? null);
  }

  #select(mark: Mark | null): void {
    this.#selected = mark;
    const columns = this.data[this.#by.value as By], { node } = this.data;
    const op = mark && columns.op[mark.row];
    const names = !mark ? [] : this.#by.value === "node" ? [mark.name] : node.name.filter((_, i) => node.op[i] === op);
    this.shell.set("selected", names);
    this.shell.tell(names);
    this.shell.say(!mark ? "Nothing is selected."
      : `${shorten(mark.name, 80)}: ${seconds(mark.time)}, ${percent(mark.share)} of all; ${WORDS[mark.bound]} bounds it`);
    this.#tell(mark);
    this.#draw();
  }

  /** Another view, or the kernel, says what is selected. */
  #told(names: string[]): void {
    const { node } = this.data, by = this.#by.value;
    const wanted = by === "node" ? names : names.flatMap(name => node.op[node.name.indexOf(name)] ?? []);
    this.#selected = this.#marks.find(mark => wanted.includes(mark.name)) ?? null;
    this.#tell(this.#selected);
    this.#draw();
  }

  #line(mark: Mark): string {
    const { title, bandwidth, launch, peak, unit } = this.#kind;
    const top = peak[unit[this.#dtype.value]!]!;
    const many = mark.count > 1 ? `${mark.count} nodes` : "1 node";
    const took = this.data.clock === "model" ? `${seconds(mark.time)} on ${title}` : `${seconds(mark.time)}, ${this.data.clock}`;
    const why = placed(mark) && mark.bound !== "l"
      ? ` (${three(mark.flops / mark.bytes)} FLOPs per byte; ${three(top / bandwidth)} balance the two)` : "";
    const parts = `computes ${seconds(mark.compute)}, moves bytes ${seconds(mark.memory)}, starts ${seconds(mark.count * launch)}`;
    const floor = Math.max(mark.compute, mark.memory), part = mark.time ? floor / mark.time : 0;
    return `${shorten(mark.name, 160)}: ${took}, ${percent(mark.share)} of all (${many}). ` + (this.data.clock === "model"
      ? `${capital(WORDS[mark.bound])} bounds it${why}: it ${parts}.`
      : `${capital(title)} needs at least ${seconds(floor)}: ${part > 1 ? `it ran faster than ${title} could` : `it reaches ${percent(part)} of the roof`}. ` +
        `There ${WORDS[mark.bound]} bounds it${why}.`);
  }

  /** Says below the plot what a mark is. */
  #tell(mark: Mark | null): void {
    this.#about.replaceChildren(h("p", { class: "labkit-rf-note" }, mark ? this.#line(mark)
      : this.#marks.length ? "Point at a mark, or go from one to the next with the arrow keys." : ""));
    if (mark) {
      this.#about.append(h("p", {}, `${short(mark.flops, "FLOPs")}, ${short(mark.bytes, "B")} moved` +
        (placed(mark) ? `, ${short(mark.flops / mark.time, "FLOP/s")}` : mark.flops ? "" : ": no mark in the plot")));
    }
  }

  /** The same as a table. */
  #rows(): void {
    const { signal } = this.shell;
    const heads = [this.#by.value === "op" ? "op type" : "node", ...HEADS].map(words => h("th", { scope: "col" }, words));
    const rows = this.#marks.slice(0, ROWS).map(mark => {
      const name = button(shorten(mark.name, 30), () => { this.#select(mark); }, signal, shorten(mark.name, 300));
      name.className = "labkit-tr-link";
      const cells = [seconds(mark.time), percent(mark.share), WORDS[mark.bound], short(mark.flops), short(mark.bytes),
        placed(mark) ? three(mark.flops / mark.bytes) : "–", placed(mark) ? short(mark.flops / mark.time) : "–", String(mark.count)];
      return h("tr", {}, h("th", { scope: "row" }, name), ...cells.map(words => h("td", {}, words)));
    });
    const more = this.#marks.length - rows.length;
    const hidden = this.#by.value === "node" ? this.data.nodes - this.#marks.reduce((sum, mark) => sum + mark.count, 0) : 0;
    this.#table.hidden = !rows.length;
    this.#table.replaceChildren(
      h("table", { class: "labkit-tr-table" }, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...rows)),
      more + hidden > 0 ? h("p", { class: "labkit-tr-note" }, `and ${more + hidden} more, which are cheaper`) : "");
  }
}

const three = (value: number): string => value < 999.5 ? value.toPrecision(3) : short(value);
const capital = (words: string): string => words[0]!.toUpperCase() + words.slice(1);
