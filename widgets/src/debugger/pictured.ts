// The graph beside the panel: it is painted for the position, follows the walk, and tells what is chosen in it.

import { button, h } from "../core/dom.ts";
import type { Shell } from "../core/shell.ts";
import type { Graph } from "../graph/columns.ts";
import { GraphPicture } from "../graph/picture.ts";
import { initialState, nodesOf } from "../graph/scene.ts";
import type { Item, ViewState } from "../graph/types.ts";
import { overlay, type Inner, type Walk } from "./overlay.ts";
import type { Run } from "./run.ts";
import { plural, progress } from "./walk.ts";

const SMALL = 60; // steps: scopes open on the way by themselves
const READABLE = 0.6; // of life size

export interface PicturedActs {
  choose(name: string): void;
  runTo(name: string): void;
  search(): void;
  changed(): void;
}

export class Pictured {
  readonly ready: Promise<void>;
  private readonly picture: GraphPicture;
  private painted = "";
  private followed = "";
  private opening: boolean;
  private walk: Walk;

  constructor(private readonly shell: Shell, stage: HTMLElement, private readonly graph: Graph, private readonly run: Run, acts: PicturedActs) {
    this.walk = run;
    this.opening = run.count <= SMALL;
    const state: ViewState = { ...initialState(graph), ...shell.get<Partial<ViewState>>("picture_state") };
    const tools = h("div", { class: "labkit-db-zoom", role: "group", "aria-label": "Picture" });
    stage.append(tools);
    const picture = (this.picture = new GraphPicture(shell, stage, graph, state, { label: "Graph of the run" }));
    picture.onSelect((names, item) => {
      acts.choose(item ? item.kind === "op" ? names[0] ?? "" : item.id : "");
      if (item?.kind === "op") shell.tell(names);
    });
    picture.onState(now => {
      shell.set("picture_state", now);
      this.painted = "";
      acts.changed();
    });
    picture.onActivate(item => { if (item.kind === "op") acts.runTo(item.id); });
    picture.onSearch(() => acts.search());
    const made = (label: string, name: string, act: () => void) => {
      const one = button(label, act, shell.signal, name);
      one.setAttribute("aria-label", name);
      return one;
    };
    const open = button("Open scopes", () => {
      this.opening = !this.opening;
      open.setAttribute("aria-pressed", String(this.opening));
      this.followed = "\0";
      acts.changed();
    }, shell.signal, "Opens the scope that a step is in, on the way");
    open.setAttribute("aria-pressed", String(this.opening));
    tools.append(
      made("+", "Larger", () => picture.zoomIn()), made("−", "Smaller", () => picture.zoomOut()), made("Fit", "Fit: all of the graph", () => picture.fit()),
      made("⇄", "Let it flow to the right, or downward", () => void picture.show({ horizontal: !picture.state.horizontal }).then(() => this.closer())), open,
    );
    this.ready = picture.show({}).then(() => this.closer());
  }

  /** Paints it for a position, if that is another one. */
  paint(inner: Inner | null): void {
    const { run } = this;
    this.walk = inner ?? run;
    const { breakpoints } = run.place;
    const key = JSON.stringify([this.walk.position, this.walk.entries.length, inner?.step ?? -1, breakpoints, run.histories]);
    if (key === this.painted) return;
    this.painted = key;
    const stops = new Set(breakpoints.map(([, , where]) => where));
    this.picture.paint(overlay(this.graph, run, inner, stops, item => nodesOf(this.graph, item)));
  }

  /** Selects the step where the walk stands. */
  follow(): void {
    const { position } = this.walk;
    const name = position ? this.drawn(position - 1) : "";
    if (name === this.followed) return;
    this.followed = name;
    void this.picture.select(name ? [name] : [], { reveal: this.opening || this.walk !== this.run, center: true });
  }

  /** Selects a node that was chosen elsewhere. */
  select(name: string): void {
    this.followed = "\0";
    void this.picture.select(name ? [name] : [], { reveal: true, center: true });
  }

  /** What is said of a node that is no step. */
  about(name: string): string {
    const item = this.picture.itemOf(name);
    if (!item) return "It does not run here.";
    if (item.kind !== "op") return this.aboutScope(item);
    const fed = this.run.plan.fed[`${name}:0`];
    if (fed !== undefined) return `It is fed: ${fed}.`;
    if (this.run.histories[name]) return "A variable: it does not run, operations read and write it. Its value is below.";
    return "This run does not need it.";
  }

  private aboutScope(item: Item): string {
    const names = nodesOf(this.graph, item).map(node => this.graph.names[node]!);
    const { runs, done } = progress(names, this.walk.steps, this.walk);
    return runs ? `${done} of ${plural(runs, "step")} in it are done.` : "Nothing in it runs here.";
  }

  /** Not so far away that nobody can read it: the step where we stand comes to the middle. */
  private closer(): void {
    const { picture, walk } = this;
    if (picture.camera.k < READABLE && walk.plan.names.length && !this.shell.signal.aborted) void picture.zoomTo(this.drawn(Math.max(0, walk.position - 1)));
  }

  private drawn(step: number): string {
    const { plan } = this.walk;
    return plan.drawn?.[step] || plan.names[step]!;
  }
}
