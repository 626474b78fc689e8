// TraceView: what ran when. The chart, what bounds the step, totals, details; linked with views of the graph.

import { Chart } from "./chart.ts";
import { toChrome } from "./chrome.ts";
import { details, line } from "./details.ts";
import { type Columns, Events, type Grouping, unpack } from "./events.ts";
import { paint, TILES } from "./palette.ts";
import { percent, seconds, short } from "./scale.ts";
import { allEvents, type Asked, chainTables, comparedTable, totalsTable } from "./tables.ts";
import { totals } from "./totals.ts";
import { button, h, s, shorten } from "../core/dom.ts";
import { saveFile } from "../core/save.ts";
import type { Shell } from "../core/shell.ts";

const SHOWN = 10; // groups in the legend
const TABLES = { op: "By op", device: "By device", scope: "By scope", chain: "Critical path", events: "All events" };
type Table = keyof typeof TABLES;

export async function traceView(shell: Shell): Promise<void> {
  const view = new TraceView(shell);
  await view.load();
  shell.watch("columns", () => void view.load());
  shell.ready();
}

class TraceView {
  #events!: Events;
  #busy: number[] = [];
  #table: Table = "op";
  #selected = -1;
  #later = 0;
  #chart: Chart;
  #asked: Asked = {
    select: event => { this.#select([event]); this.#chart.box.focus(); },
    only: text => this.#find(this.#search.value === text ? "" : text),
  };
  #bound = h("div", { class: "labkit-tr-bound" });
  #search: HTMLInputElement;
  #found = h("span", { class: "labkit-tr-found" });
  #colour = h("select", { class: "labkit-select", "aria-label": "Colour by" });
  #legend = h("div", { class: "labkit-tr-legend", role: "group", "aria-label": "Colours" });
  #tip = h("div", { class: "labkit-tr-tip", "aria-hidden": "true", hidden: true });
  #about = h("div", { role: "region", "aria-label": "Details of the selected event" });
  #stretch = h("div", { class: "labkit-tr-stretch" });
  #tabs = h("div", { class: "labkit-bar", role: "group", "aria-label": "Tables" });
  #tables = h("div", { class: "labkit-tr-tables", role: "region", "aria-label": "Table", tabindex: "0" });

  constructor(readonly shell: Shell) {
    const { signal } = shell;
    this.#chart = new Chart(shell, {
      selected: event => this.#select(event < 0 ? [] : [event]),
      hovered: (event, x, y) => this.#hover(event, x, y),
      stretched: span => { shell.set("span", span ?? []); this.#showStretch(); },
      moved: window => {
        clearTimeout(this.#later);
        this.#later = setTimeout(() => shell.set("window", window ?? []), 150) as unknown as number;
      },
      pointed: at => this.#pointed(at),
      details: () => this.#about.querySelector<HTMLElement>("h4")?.focus(),
      search: () => this.#search.focus(),
    });
    this.#search = h("input", { type: "search", class: "labkit-input labkit-tr-search", placeholder: "Search names and ops",
      "aria-label": "Search events by name or op" });
    this.#search.addEventListener("input", () => this.#find(this.#search.value), { signal });
    this.#search.addEventListener("keydown", event => {
      if (event.key === "Enter") this.#nextFound(event.shiftKey);
      if (event.key === "Escape") { this.#find(""); this.#chart.box.focus(); }
    }, { signal });
    this.#colour.append(...(["op", "device", "scope"] as const).map(by => h("option", { value: by }, `Colours: ${by}`)));
    this.#colour.addEventListener("change", () => { shell.set("colour", this.#colour.value); this.#recolour(); }, { signal });
    shell.body.append(this.#bound, this.#bar(), this.#legend,
      h("div", { class: "labkit-tr-stage" }, this.#chart.element, this.#tip), this.#stretch, this.#about, this.#tabs, this.#tables);
    for (const [table, label] of Object.entries(TABLES) as [Table, string][]) {
      const tab = button(label, () => { this.#table = table; this.#showTable(); }, signal);
      tab.dataset["table"] = table;
      this.#tabs.append(tab);
    }
    this.#about.addEventListener("keydown", event => { if (event.key === "Escape") this.#chart.box.focus(); }, { signal });
    shell.root.addEventListener("labkit-theme", () => this.#showLegend(), { signal });
    signal.addEventListener("abort", () => clearTimeout(this.#later), { once: true });
    shell.watch<string>("search", text => { if (text !== this.#search.value) this.#find(text); });
    shell.watch<Grouping>("colour", () => this.#recolour());
    shell.watch<boolean>("critical", on => this.#mark(on));
    shell.watch<number[]>("window", window => {
      const { from, to } = this.#chart.look.window;
      if (window[0] !== from || window[1] !== to) this.#chart.go(pair(window), false);
    });
    shell.watch("span", () => this.#showStretch());
    shell.watch<string[]>("selected", names => this.#told(names));
    shell.onTime(at => this.#cursor(at));
    shell.onTold(names => { this.#told(names); shell.set("selected", names); });
  }

  /** Takes the kernel's columns. */
  async load(): Promise<void> {
    const columns: Columns = await unpack(this.shell.get<DataView>("columns"));
    if (this.shell.signal.aborted) return;
    const events = this.#events = new Events(columns);
    const rows = { names: columns.rows.map(row => row.name), of: Int32Array.from(columns.row) };
    this.#busy = columns.rows.map(() => 0);
    for (const path of columns.critical) { // each run has its own whole
      const run = columns.critical.indexOf(path);
      rows.names.forEach((_, i) => {
        if (columns.rows[i]!.run !== run) return;
        let until = 0;
        for (const event of events.inRow[i]!) {
          this.#busy[i]! += Math.max(0, events.end[event]! - Math.max(events.start[event]!, until));
          until = Math.max(until, events.end[event]!);
        }
        this.#busy[i]! /= path.span || 1;
      });
    }
    this.#selected = -1;
    this.#about.replaceChildren();
    this.#chart.load(events, this.shell.get<Grouping>("colour"), this.#busy);
    this.#chart.go(pair(this.shell.get<number[]>("window")), false);
    this.#mark(this.shell.get<boolean>("critical"));
    this.#recolour();
    this.#showBound();
    this.#find(this.shell.get<string>("search"));
    this.#showStretch();
    this.#told(this.shell.get<string[]>("selected"));
    this.#chart.box.setAttribute("aria-description", columns.critical.map(path => path.bound).join(" "));
  }

  #bar(): HTMLElement {
    const { signal } = this.shell;
    const make = (label: string, title: string, act: () => void) => {
      const made = button(label, act, signal, title);
      made.setAttribute("aria-label", title);
      return made;
    };
    const chain = button("Critical path", () => {
      this.shell.set("critical", !this.shell.get<boolean>("critical"));
      this.#mark(this.shell.get<boolean>("critical"));
    }, signal, "Marks the longest chain of ops that need each other");
    chain.dataset["chain"] = "";
    const pans = button("Drag moves", () => {
      this.#chart.pans = !this.#chart.pans;
      pans.setAttribute("aria-pressed", String(this.#chart.pans));
    }, signal, "A drag moves the window, instead of selecting a stretch of time (Shift does the other)");
    pans.setAttribute("aria-pressed", "false");
    const save = h("select", { class: "labkit-select", "aria-label": "Save as" }, h("option", { value: "" }, "Save as…"),
      ...["SVG", "PNG", "Chrome trace"].map(kind => h("option", { value: kind }, kind)));
    save.addEventListener("change", () => { void this.#save(save.value); save.value = ""; }, { signal });
    return h("div", { class: "labkit-bar" }, this.#search, this.#found,
      make("−", "Zoom out", () => this.#chart.zoom(1.5)), make("+", "Zoom in", () => this.#chart.zoom(1 / 1.5)),
      make("◀", "Earlier", () => this.#chart.pan(-0.4)), make("▶", "Later", () => this.#chart.pan(0.4)),
      button("Fit", () => this.#chart.go(null), signal, "Show the whole step"),
      button("Sum up what is shown", () => {
        const { from, to } = this.#chart.look.window;
        this.shell.set("span", [from, to]);
        this.#showStretch();
      }, signal), pans, chain, this.#colour, save);
  }

  #mark(on: boolean): void {
    this.#chart.look.critical = on;
    this.shell.body.querySelector("[data-chain]")?.setAttribute("aria-pressed", String(on));
    this.#chart.redraw();
  }

  /** Selects events; the first is the one that details are about. */
  #select(list: number[], tell = true): void {
    const events = this.#events;
    const first = this.#selected = list[0] ?? -1;
    const links = first < 0 ? [] : events.inputs(first).filter(value => value.node >= 0)
      .map(value => [events.maker(value.node, first), first] as [number, number]).filter(([maker]) => maker >= 0);
    this.#chart.mark(list, first, links);
    this.#about.replaceChildren(...first < 0 ? [] : [details(events, first, this.shell, event => this.#select([event]))]);
    if (!tell) return;
    const names = [...new Set(list.map(event => events.name(event)))];
    this.shell.set("selected", names);
    this.shell.tell(names);
    if (first >= 0) this.shell.tellTime(events.start[first]!);
    this.shell.say(first < 0 ? "Nothing is selected." : line(events, first));
  }

  /** Another view, or the kernel, says what is selected. */
  #told(names: string[]): void {
    const now = this.#chart.look.marked.size ? [...new Set([...this.#chart.look.marked].map(i => this.#events.name(i)))] : [];
    if (now.length === names.length && now.every((name, i) => name === names[i])) return;
    const list = this.#events.named(names);
    this.#select(list, false);
    if (list.length) this.shell.say(`${list.length} event${list.length === 1 ? "" : "s"} selected. ${line(this.#events, list[0]!)}`);
    else if (names.length) this.shell.say("What is selected did not run in this trace.");
  }

  /** A moment is looked at here: linked views go to it. */
  #pointed(at: number): void {
    this.#cursor(at);
    this.shell.tellTime(at);
  }

  #cursor(at: number): void {
    this.#chart.look.cursor = at;
    this.#chart.redraw();
  }

  #find(text: string): void {
    this.#search.value = text;
    if (this.shell.get<string>("search") !== text) this.shell.set("search", text);
    const matching = this.#events.matching(text);
    this.#chart.filter(matching);
    const count = matching?.reduce((sum, one) => sum + one, 0) ?? 0;
    this.#found.textContent = matching ? `${count} of ${this.#events.count}` : "";
    if (matching) this.shell.say(`${count} of ${this.#events.count} events match.`);
    this.#legend.querySelectorAll<HTMLElement>("[data-group]").forEach(chip => {
      chip.setAttribute("aria-pressed", String(chip.dataset["group"] === text));
    });
  }

  #nextFound(back: boolean): void {
    const { matching } = this.#chart.look;
    if (!matching) return;
    const found = back
      ? matching.lastIndexOf(1, this.#selected > 0 ? this.#selected - 1 : undefined)
      : matching.indexOf(1, this.#selected + 1);
    this.#select([found >= 0 ? found : back ? matching.lastIndexOf(1) : matching.indexOf(1)].filter(i => i >= 0));
  }

  #recolour(): void {
    this.#colour.value = this.shell.get<string>("colour");
    this.#chart.colour(this.#events.groups(this.#colour.value as Grouping));
    this.#showLegend();
  }

  #showLegend(): void {
    if (!this.#events) return;
    const { names } = this.#chart.look.groups;
    const by = this.#colour.value;
    const dark = this.shell.root.dataset["theme"] === "dark" ? "dark" : "light";
    const chips = names.slice(0, SHOWN).map((name, i) => {
      const { colour, tile, ink } = paint(i, dark);
      const chip = button(shorten(name, 24), () => this.#asked.only(`${by}:${name}`), this.shell.signal, "Show only these");
      chip.prepend(s("svg", { width: 14, height: 14, viewBox: "0 0 8 8", "aria-hidden": "true" },
        s("rect", { width: 8, height: 8, fill: colour }),
        tile > 0 && s("path", { d: TILES[tile]!, stroke: ink, "stroke-width": 1.2, "stroke-linecap": "round", opacity: 0.45, fill: "none" })));
      chip.dataset["group"] = `${by}:${name}`;
      chip.setAttribute("aria-pressed", String(this.#search.value === `${by}:${name}`));
      return chip;
    });
    const more = names.length > SHOWN && h("span", {}, `and ${names.length - SHOWN} more`);
    this.#legend.replaceChildren(...chips, more || "");
  }

  #showBound(): void {
    const { critical, runs } = this.#events.columns;
    this.#bound.replaceChildren(...critical.map((path, run) => {
      const name = runs.length > 1 ? `${shorten(runs[run]!, 40)}: ` : "";
      const note = path.simulated ? " Simulated: the times come from a model of the machines."
        : " Measured, each op by itself: a run that nobody traces compiles ops together, and takes less.";
      return h("p", {}, name && h("strong", {}, name), path.bound, h("span", { class: "labkit-tr-note" }, note));
    }));
  }

  /** The stretch that totals are about. */
  #showStretch(): void {
    const span = pair(this.shell.get<number[]>("span"));
    this.#chart.look.span = span;
    this.#chart.redraw();
    this.#stretch.replaceChildren();
    if (span) {
      const { all } = totals(this.#events, this.#chart.look.groups, ...span);
      const words = `${seconds(span[0])} to ${seconds(span[1])}: ${seconds(span[1] - span[0])} with ${all.count} ` +
        `event${all.count === 1 ? "" : "s"}, ${seconds(all.time)} of work, something runs ${percent(all.busy / (span[1] - span[0]))} of it.`;
      this.#stretch.append(h("span", {}, words),
        button("Zoom to it", () => this.#chart.go(span), this.shell.signal),
        button("Clear", () => { this.shell.set("span", []); this.#showStretch(); }, this.shell.signal, "Totals of the whole step again"));
      this.shell.say(words);
    }
    this.#showTable();
  }

  #showTable(): void {
    const [events, asked, table, { signal }] = [this.#events, this.#asked, this.#table, this.shell];
    const span = this.#chart.look.span ?? [0, events.whole];
    for (const tab of this.#tabs.children) {
      tab.setAttribute("aria-pressed", String((tab as HTMLElement).dataset["table"] === table));
    }
    this.#tables.setAttribute("aria-label", TABLES[table]);
    this.#tables.replaceChildren(
      table === "chain" ? chainTables(events, asked, signal)
        : table === "events" ? allEvents(events, this.#busy, asked, signal)
        : totalsTable(events, events.groups(table), table, span, asked, signal));
    if (events.columns.runs.length > 1 && table !== "chain" && table !== "events") {
      this.#tables.prepend(comparedTable(events, events.groups(table), table, span));
    }
  }

  #hover(event: number, x: number, y: number): void {
    this.#tip.hidden = event < 0;
    if (event < 0) return;
    const { flops } = this.#events.columns;
    const lines = [shorten(this.#events.name(event), 60),
      `${seconds(this.#events.duration(event))}, from ${seconds(this.#events.start[event]!)}`,
      flops[event] ? `${short(flops[event]!)} FLOPs` : "", this.#events.chain[event] ? "on the critical path" : ""];
    this.#tip.replaceChildren(h("strong", {}, shorten(this.#events.op(event), 40)),
      ...lines.filter(Boolean).map(words => h("div", {}, words)));
    const room = this.#chart.element.clientWidth;
    this.#tip.style.left = `${Math.max(0, Math.min(x + 14, room - 240))}px`;
    this.#tip.style.top = `${y + 18}px`;
  }

  async #save(kind: string): Promise<void> {
    if (kind === "SVG") saveFile("trace.svg", this.#chart.svg(), "image/svg+xml");
    if (kind === "Chrome trace") saveFile("trace.json", toChrome(this.#events), "application/json");
    if (kind === "PNG") {
      const png = await this.#chart.png();
      if (png) saveFile("trace.png", png);
    }
    if (kind) this.shell.say(`Saved as ${kind}.`);
  }
}

function pair(list: number[]): [number, number] | null {
  return list.length === 2 ? [list[0]!, list[1]!] : null;
}
