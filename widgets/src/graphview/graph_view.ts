// GraphView: a learner's graph to look at and touch.
//
//     toolbar    search, zoom, scopes, switches, colours, saving
//     trail      where one is, if a scope stands alone
//     picture    GraphPicture, or two of them side by side when graphs are compared
//     panel      what is known about the selection
//     legend     what the colours say
//
// What is drawn is a function of three traits: `columns` (the graph), `state` (what is open, which way, ...) and `colour`.
// The kernel may set each of them at any time, and so may the learner; both see the same.

import { h, shorten } from "../core/dom.ts";
import { saveFile } from "../core/save.ts";
import { Refused, type Shell } from "../core/shell.ts";
import { decode, type Graph } from "../graph/columns.ts";
import { GraphPicture } from "../graph/picture.ts";
import { initialState, nodesOf } from "../graph/scene.ts";
import { downstream, pathNodes, upstream } from "../graph/paths.ts";
import { search } from "../graph/search.ts";
import type { Item, ViewState } from "../graph/types.ts";
import { colouring, SCHEMES, type Scheme } from "./colouring.ts";
import { FindBox } from "./find.ts";
import { legend } from "./legend.ts";
import { Panel } from "./panel.ts";
import { Toolbar } from "./toolbar.ts";

/** What a run needs, as the kernel says it; empty if nothing was asked. */
interface Runs {
  fetches?: string[];
  feeds?: string[];
  ran?: number;
  of?: number;
  ranges?: number[]; // [first, end, first, end, ...]
}

interface Marks {
  here?: Record<string, number[]>; // "added", "removed", "changed": ranges
  there?: Record<string, number[]>;
}

type Mark = "added" | "removed" | "changed";

/** Draws the view, and draws it anew when the kernel sends another graph. */
export async function graphView(shell: Shell): Promise<void> {
  let current: AbortController | null = null;
  const draw = async () => {
    current?.abort();
    const end = new AbortController();
    current = end;
    shell.signal.addEventListener("abort", () => end.abort(), { once: true, signal: end.signal });
    const graph = await decode(shell.get<DataView>("columns"));
    const bytes = shell.get<DataView | null>("other");
    const other = bytes?.byteLength ? await decode(bytes) : null;
    if (!end.signal.aborted) await new GraphView(shell.until(end.signal), graph, other).start();
  };
  shell.watch("columns", () => void draw());
  shell.watch("other", () => void draw());
  await draw();
}

/** The numbers of ranges `[first, end, first, end, ...]`. */
export function inRanges(ranges: readonly number[] = []): number[] {
  const found: number[] = [];
  for (let i = 0; i + 1 < ranges.length; i += 2) for (let at = ranges[i]!; at < ranges[i + 1]!; at++) found.push(at);
  return found;
}

function marked(ranges: Record<string, number[]> = {}): Map<number, Mark> {
  const found = new Map<number, Mark>();
  for (const mark of ["added", "removed", "changed"] as const) for (const node of inRanges(ranges[mark])) found.set(node, mark);
  return found;
}

class GraphView {
  private main: GraphPicture;
  private beside: GraphPicture | null = null;
  private panel: Panel;
  private toolbar: Toolbar;
  private finder: FindBox;
  private trail = h("nav", { class: "labkit-gv-trail", "aria-label": "Where you are", hidden: true });
  private note = h("p", { class: "labkit-gv-note", hidden: true });
  private below = h("div", { class: "labkit-gv-below" });
  private panes = h("div", { class: "labkit-gv-panes" });
  private faded = false;
  private traced: Set<number> | null = null; // what stays bright while a trace or a path is shown
  private pathStart: Item | null = null;
  private writing = false; // our own change of a trait comes back as an event

  constructor(private shell: Shell, private graph: Graph, private other: Graph | null) {
    const stage = h("div", { class: "labkit-gv-stage" });
    stage.style.height = `${Math.max(160, shell.get<number>("height") || 480)}px`;
    const state = { ...initialState(graph), ...(shell.get<Partial<ViewState>>("state") ?? {}) };
    const right = h("div", { class: "labkit-gv-pane" });
    const heading = (trait: string, of: Graph, otherwise: string) =>
      h("h3", { class: "labkit-gv-title" }, `${shell.get<string>(trait) || otherwise}: ${of.n} ops`);
    if (other) {
      const left = h("div", { class: "labkit-gv-pane" });
      this.panes.append(left, right);
      this.beside = new GraphPicture(shell, left, other, { ...initialState(other), ...shell.get<Partial<ViewState>>("state") }, { label: "Before", minimap: false });
      left.prepend(heading("otherTitle", other, "Before"));
      right.prepend(heading("title", graph, "After"));
    } else this.panes.append(right);
    this.main = new GraphPicture(shell, right, graph, state, { label: other ? "After" : "Graph", minimap: !other });
    this.panel = new Panel(shell, graph, {
      go: name => void this.choose([name]),
      open: item => void this.main.toggle(item),
      alone: item => void this.change({ root: item.id.replace(/\/$/, "") }),
      trace: (direction, item) => this.trace(direction, item),
      pathFrom: item => {
        this.pathStart = item;
        shell.say(`Path from ${shorten(item.label, 60)}: now select where it should end. Escape gives up.`);
      },
      runs: item => void this.runs(nodesOf(this.graph, item).map(node => graph.names[node]!)),
    });
    this.finder = new FindBox(shell, query => this.search(query), names => void this.choose(names), () => this.main.focus());
    this.toolbar = new Toolbar(shell, this.finder.element, {
      fit: () => this.fit(),
      zoom: by => this.pictures.forEach(picture => picture.zoomBy(by)),
      change: change => void this.change(change),
      fade: on => { this.faded = on; this.paint(); },
      colour: scheme => this.write("colour", scheme, () => this.paint()),
      openAll: () => void this.change({ open: this.main.everyScope() }).then(() => this.fit()),
      closeAll: () => void this.change({ open: [], root: "" }).then(() => this.fit()),
      outline: on => this.pictures.forEach(picture => picture.showOutline(on)),
      details: on => { this.panel.element.hidden = !on; },
      save: format => void this.save(format),
    });
    stage.append(this.panes, this.panel.element);
    shell.body.replaceChildren(this.toolbar.element, this.trail, this.note, stage, this.below);
  }

  private get pictures(): GraphPicture[] {
    return this.beside ? [this.main, this.beside] : [this.main];
  }

  async start(): Promise<void> {
    const { shell } = this;
    this.main.onSelect((names, item) => this.selected(names, item));
    this.main.onState(state => this.stated(state));
    this.main.onSearch(() => this.finder.focus());
    this.beside?.onSelect((names, item) => { if (item) this.followed(names, item); });
    shell.watch("state", () => { if (!this.writing) void this.showState(); });
    shell.watch("colour", () => { if (!this.writing) this.paint(); });
    shell.watch("runs", () => this.paint());
    shell.watch("marks", () => this.paint());
    shell.watch("times", () => this.paint());
    shell.watch("selected", () => { if (!this.writing) void this.choose(shell.get<string[]>("selected"), true); });
    shell.onTold(names => void this.choose(names, true));
    shell.root.addEventListener("labkit-theme", () => this.paint(), { signal: shell.signal });
    shell.root.addEventListener("keydown", event => { if (event.key === "Escape") this.forget(); }, { signal: shell.signal });
    await Promise.all(this.pictures.map(picture => picture.show({})));
    this.paint();
    const chosen = shell.get<string[]>("selected") ?? [];
    if (chosen.length) await this.choose(chosen, true);
    shell.ready();
  }

  // What is drawn.

  private async change(change: Partial<ViewState>): Promise<void> {
    await Promise.all(this.pictures.map(picture => picture.show(change)));
  }

  private fit(): void {
    for (const picture of this.pictures) picture.fit();
  }

  private stated(state: ViewState): void {
    this.write("state", state, () => {});
    this.paint();
    void this.beside?.show({ root: state.root, horizontal: state.horizontal, open: state.open });
  }

  private async showState(): Promise<void> {
    await this.change(this.shell.get<Partial<ViewState>>("state") ?? {});
    this.paint();
  }

  private write(trait: string, value: unknown, then: () => void): void {
    this.writing = true;
    this.shell.set(trait, value);
    this.writing = false;
    then();
  }

  private paint(): void {
    const { shell, graph } = this;
    const theme = shell.root.dataset["theme"] === "dark" ? "dark" : "light";
    const asked = shell.get<string>("colour") as Scheme;
    const scheme = SCHEMES.includes(asked) ? asked : "part";
    const times = shell.get<{ nodes?: number[]; seconds?: number[] }>("times") ?? {};
    const seconds = new Map((times.nodes ?? []).map((node, i) => [node, times.seconds?.[i] ?? 0]));
    const colours = colouring(scheme, graph, item => nodesOf(graph, item), theme, seconds);
    const marks = shell.get<Marks>("marks") ?? {};
    const runs = shell.get<Runs>("runs") ?? {};
    const running = runs.ranges ? new Set(inRanges(runs.ranges)) : null;
    const dim = (item: Item) => {
      const nodes = nodesOf(graph, item);
      if (this.traced) return !nodes.some(node => this.traced!.has(node));
      if (running) return !nodes.some(node => running.has(node));
      return this.fades(item);
    };
    const here = marked(marks.here), there = marked(marks.there);
    const marking = (of: Graph, known: Map<number, Mark>) => (item: Item): Mark | null => {
      const found = new Set(nodesOf(of, item).map(node => known.get(node)));
      if (found.size === 1) return [...found][0] ?? null;
      return found.size > 1 ? "changed" : null;
    };
    this.main.paint({ fill: colours.fill, badge: colours.badge, dim, mark: marking(graph, here) });
    this.beside?.paint({ dim: item => this.fades(item), mark: marking(this.other!, there) });
    this.panes.dataset["flow"] = this.main.state.horizontal ? "right" : "down";
    this.toolbar.show(this.main.state, scheme);
    this.where(this.main.state.root);
    const words = [graph.n ? "" : "This graph has no operations yet. What you build in it appears with view.refresh().", colours.note, running ? this.runWords(runs) : ""].filter(Boolean).join(" ");
    this.note.textContent = words;
    this.note.hidden = !words;
    if (running) this.note.append(this.closer());
    const parts = new Set(Array.from({ length: graph.n }, (_, node) => graph.part(node) as string));
    this.below.replaceChildren(legend(colours.legend, parts, [...new Set([...here.values(), ...there.values()])].sort(), theme));
  }

  private fades(item: Item): boolean {
    return this.faded && (item.part === "gradient" || item.part === "optimizer");
  }

  private runWords({ fetches = [], feeds = [], ran, of }: Runs): string {
    const what = fetches.length === 1 ? fetches[0]! : `${fetches.length} fetches`;
    const fed = feeds.length ? ` With ${feeds.map(name => shorten(name, 40)).join(", ")} fed, a` : "A";
    return `${fed.trim()} run of ${shorten(what, 60)} needs ${ran} of ${of} ops; the rest is pruned.`;
  }

  private closer(): HTMLElement {
    const made = h("button", { type: "button", class: "labkit-button" }, "Show all");
    made.addEventListener("click", () => this.write("runs", {}, () => this.paint()), { signal: this.shell.signal });
    return made;
  }

  private where(root: string): void {
    this.trail.hidden = !root;
    if (!root) return;
    const steps = root.split("/");
    const places: Node[] = [];
    for (let i = 0; i <= steps.length; i++) {
      const to = steps.slice(0, i).join("/");
      const made = h("button", { type: "button", class: "labkit-button labkit-gv-link", "aria-current": i === steps.length ? "page" : null },
        i ? shorten(steps[i - 1]!, 40) : "graph");
      made.addEventListener("click", () => void this.change({ root: to }), { signal: this.shell.signal });
      places.push(made, ...(i < steps.length ? [h("span", { "aria-hidden": "true" }, "›")] : []));
    }
    this.trail.replaceChildren(...places);
  }

  // What is selected.

  private selected(names: string[], item: Item | null): void {
    this.write("selected", names, () => this.shell.tell(names));
    if (!item) return this.panel.nothing();
    if (this.pathStart && this.pathStart.id !== item.id) this.path(this.pathStart, item);
    this.panel.show(item);
  }

  /** The same nodes, where the other picture has them. */
  private followed(names: string[], _item: Item): void {
    const here = names.filter(name => this.graph.find(name) >= 0);
    if (here.length) void this.choose(here);
  }

  /** Selects by name: here, or because a linked view or the kernel did. One name is looked for within closed scopes. */
  private async choose(names: string[], told = false): Promise<void> {
    await this.main.select(names, { reveal: names.length === 1, center: true });
    const item = names[0] === undefined ? null : this.main.itemOf(names[0]);
    if (!told) this.selected(names, item);
    else if (item) this.panel.show(item);
    else this.panel.nothing();
  }

  private search(query: string): { total: number; hits: { name: string; words: string }[] } {
    const { graph } = this;
    const found = search(graph, query);
    return {
      total: found.total,
      hits: found.nodes.map(node => ({
        name: graph.names[node]!,
        words: [graph.opType(node), ...graph.outputs(node).slice(0, 1).map(type => `${type.dtype} ${type.shape}`)].join(" · "),
      })),
    };
  }

  private trace(direction: "inputs" | "outputs", item: Item): void {
    const nodes = nodesOf(this.graph, item);
    const found = direction === "inputs" ? upstream(this.graph, nodes) : downstream(this.graph, nodes);
    this.traced = new Set([...found, ...nodes]);
    this.paint();
    const count = this.traced.size - nodes.length;
    const words = direction === "inputs" ? "depends on" : "is needed by";
    this.shell.say(`${shorten(item.label, 60)} ${words} ${count} of ${this.graph.n} ops. Escape shows all again.`);
  }

  private path(from: Item, to: Item): void {
    this.pathStart = null;
    const [a, b] = [nodesOf(this.graph, from), nodesOf(this.graph, to)];
    let found = pathNodes(this.graph, a, b);
    if (!found.size) found = pathNodes(this.graph, b, a);
    const names = [from, to].map(item => shorten(item.label, 60));
    if (!found.size) return this.shell.say(`No path joins ${names[0]} and ${names[1]}.`);
    this.traced = found;
    this.paint();
    this.shell.say(`${found.size} ops lie on the paths between ${names[0]} and ${names[1]}. Escape shows all again.`);
  }

  private forget(): void {
    if (!this.traced && !this.pathStart) return;
    this.traced = this.pathStart = null;
    this.paint();
    this.shell.say("All of the graph again.");
  }

  private async runs(names: string[]): Promise<void> {
    try {
      const { result } = await this.shell.request("runs", { names });
      this.shell.say(this.runWords(result ?? {}));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.shell.say(error.message);
    }
  }

  private async save(format: "svg" | "png" | "dot" | "html"): Promise<void> {
    try {
      if (format === "svg") saveFile("graph.svg", this.main.svg(), "image/svg+xml");
      else if (format === "png") saveFile("graph.png", await this.main.png(2));
      else {
        const { result } = await this.shell.request("export", { format });
        saveFile(`graph.${format}`, String(result), format === "dot" ? "text/vnd.graphviz" : "text/html");
      }
      this.shell.say(`Saved as graph.${format}.`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.shell.say(error.message);
    }
  }
}
