// The graph's picture: shows a Graph in a ViewState, follows hands and keys, and tells what is selected.
//
// State goes one way: `show` lays out (scene.ts) and gives the scene to the stage; `paint` gives it colours; hands and
// keys move the camera or call `show` and `select`. Assistive technology meets a tree with one tab stop, whose active
// item is a hidden line that says what the ring on the picture marks; the outline below holds the whole graph.

import { graphColours, type Theme } from "../core/colours.ts";
import { h } from "../core/dom.ts";
import type { Shell } from "../core/shell.ts";
import { calm } from "../core/theme.ts";
import type { Camera } from "./camera.ts";
import type { Graph } from "./columns.ts";
import { pngBlob, svgText } from "./export.ts";
import { Eye } from "./eye.ts";
import { watchHands } from "./gestures.ts";
import { first, index, last, neighbour, next, type Direction } from "./keys.ts";
import { describe } from "./looks.ts";
import { Minimap } from "./minimap.ts";
import { Outline } from "./outline.ts";
import { arrange } from "./scene.ts";
import { everyHider, hiders } from "./standins.ts";
import { boxAt, type Drawn, type Layer } from "./strokes.ts";
import { Stage } from "./stage.ts";
import type { Item, Scene, ViewState } from "./types.ts";
import { Voice } from "./voice.ts";
import { placeLabels, wireWords } from "./wires.ts";

export type { Layer, Mark } from "./strokes.ts";

export interface PictureOptions {
  label?: string;
  minimap?: boolean;
  interactive?: boolean;
  outline?: boolean;
}

export class GraphPicture {
  readonly element = h("div", { class: "labkit-g" });
  readonly outline: Outline | null;
  scene: Scene = { items: [], wires: [], width: 0, height: 0 };
  state: ViewState;
  private readonly view: HTMLElement;
  private readonly ring = h("div", { class: "labkit-g-ring", hidden: true });
  private readonly voice = new Voice();
  private readonly stage: Stage;
  private readonly eye: Eye;
  private readonly minimap: Minimap | null;
  private drawn: Drawn;
  private focused = ""; // id of the item that the keys are on
  private chosen: string[] = [];
  private pending: AbortController | null = null; // of the layout that is awaited
  private asked: AbortController | null = null; // of the last one, awaited or done: the worker stays for it
  private latest: Promise<void> = Promise.resolve();
  private colours: Record<string, string> = {};
  private root: string;
  private selecting = new Set<(names: string[], item: Item | null) => void>();
  private stating = new Set<(state: ViewState) => void>();
  private activating = new Set<(item: Item) => void>();
  private searching = new Set<() => void>();
  private knobPressed = -Infinity; // when

  constructor(private readonly shell: Shell, container: HTMLElement, public graph: Graph, state: ViewState, options: PictureOptions = {}) {
    const { signal } = shell;
    const label = options.label ?? "Graph";
    this.state = state;
    this.root = state.root;
    this.drawn = { scene: this.scene, graph, horizontal: state.horizontal, layer: {}, labels: () => new Map(), selected: new Set() };
    this.stage = new Stage(() => this.follow(), signal);
    this.eye = new Eye(this.stage, signal);
    this.view = options.interactive === false
      ? h("div", { class: "labkit-g-view", role: "img", "aria-label": label }, this.stage.element)
      : h("div", { class: "labkit-g-view", role: "tree", tabindex: 0, "aria-label": label }, this.stage.element, this.ring, ...this.voice.lines);
    this.minimap = options.minimap === false ? null : new Minimap((x, y) => this.eye.centre(x, y), signal);
    this.outline = options.outline === false || options.interactive === false ? null
      : new Outline(graph, name => void this.select([name], { reveal: true, center: true }), label, signal);
    const middle = h("div", { class: "labkit-g-middle" }, this.view, this.minimap?.element);
    this.element.append(middle, ...(this.outline ? [this.outline.element] : []));
    container.append(this.element);
    if (options.interactive !== false) this.listen();
    this.dress();
    shell.root.addEventListener("labkit-theme", () => this.dress(), { signal });
    const observer = new ResizeObserver(() => this.resize());
    observer.observe(this.view);
    signal.addEventListener("abort", () => {
      observer.disconnect();
      this.asked?.abort();
      this.element.remove();
    }, { once: true });
    this.resize();
    void this.show({});
  }

  // ---- state -------------------------------------------------------------------------------------------------------

  /** Lays out and draws again. What the eye rests on stays in place. Resolves when the last change asked for is drawn. */
  show(change: Partial<ViewState>, anchor?: string): Promise<void> {
    if (this.pending && !Object.keys(change).length) return this.settled();
    this.state = { ...this.state, ...change };
    this.asked?.abort();
    const pending = (this.pending = this.asked = new AbortController());
    if (Object.keys(change).length) for (const heard of this.stating) heard(this.state);
    this.latest = this.lay(this.state, pending, anchor);
    return this.settled();
  }

  /** Shows another graph in place of this one: what has the same id stays where it is. */
  swap(graph: Graph, change: Partial<ViewState>): Promise<void> {
    this.graph = graph;
    this.outline?.swap(graph);
    return this.show(change);
  }

  private async lay(state: ViewState, pending: AbortController, anchor: string | undefined): Promise<void> {
    let scene: Scene;
    try {
      scene = await arrange(this.graph, state, pending.signal);
    } catch (error) {
      if (pending.signal.aborted) return;
      this.shell.say(`The graph could not be laid out: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    if (pending.signal.aborted) return;
    this.pending = null;
    this.take(scene, state, anchor);
  }

  /** Resolves when nothing is being laid out. */
  async settled(): Promise<void> {
    for (let job = null; job !== this.latest;) await (job = this.latest);
  }

  /** A new scene has come: puts it where the old one was. */
  private take(scene: Scene, state: ViewState, anchor: string | undefined): void {
    const old = this.drawn;
    const before = index(old.scene), now = index(scene);
    const same = old.scene.items.length > 0 && old.horizontal === state.horizontal && this.root === state.root;
    this.root = state.root;
    this.scene = scene;
    this.drawn = { ...old, scene, graph: this.graph, horizontal: state.horizontal, labels: this.labels(scene, old.layer), selected: new Set() };
    this.drawn.selected = this.standing();
    if (!now.has(this.focused)) this.focused = (anchor && this.itemOf(anchor)?.id) || "";
    const { stage, eye } = this;
    Object.assign(eye, { scene, horizontal: state.horizontal });
    const pivot = same ? this.pivot(before, now, anchor) : null;
    if (pivot) eye.keep(pivot.from, pivot.to);
    else eye.begin();
    stage.set(this.drawn);
    if (pivot && !calm() && scene.items.length <= 400 && stage.mode === "svg") stage.drawing.settle(before, pivot.from, pivot.to);
    this.minimap?.draw(scene, this.graph, this.paintNow, item => this.drawn.layer.fill?.(item)?.colour ?? null);
    if (anchor && pivot?.to.id === anchor) void eye.reveal(pivot.to, 0.5);
    this.follow();
    this.announce(false);
  }

  /** What must not move when the scene changes: what was acted on, else the focus, else what is nearest to the middle. */
  private pivot(before: Map<string, Item>, now: Map<string, Item>, anchor: string | undefined): { from: Item; to: Item } | null {
    const { camera, width, height } = this.stage;
    for (const id of [anchor, this.focused, ...this.drawn.selected]) {
      const from = id ? before.get(id) : undefined, to = id ? now.get(id) : undefined;
      if (from && to && (id === anchor || this.eye.sees(from))) return { from, to };
    }
    const x = (width / 2 - camera.x) / camera.k, y = (height / 2 - camera.y) / camera.k;
    let best: { from: Item; to: Item } | null = null, least = Infinity;
    for (const from of before.values()) {
      const to = now.get(from.id);
      const far = Math.hypot(from.x - x, from.y - y);
      if (to && far < least) [best, least] = [{ from, to }, far];
    }
    return best;
  }

  /** Opens a closed scope or series, closes an open one. */
  async toggle(which: Item | string): Promise<void> {
    const id = typeof which === "string" ? which : which.id;
    const item = index(this.scene).get(id);
    if (!item || (item.kind !== "scope" && item.kind !== "series")) return;
    const open = item.open ? this.state.open.filter(other => other !== id) : [...this.state.open, id];
    await this.show({ open }, id);
    const after = index(this.scene).get(id);
    if (after) this.shell.say(describe(after, this.graph));
  }

  // ---- selection ---------------------------------------------------------------------------------------------------

  /** What is selected: names of ops, ids of items. */
  get selected(): string[] {
    return [...this.chosen];
  }

  /** Selects without telling `onSelect`. `reveal` opens the scopes that hide it; `center` brings it into view. */
  async select(names: string[], options: { reveal?: boolean; center?: boolean } = {}): Promise<void> {
    this.chosen = [...names];
    if (options.reveal) await this.uncover(names);
    this.mark();
    const item = names[0] === undefined ? null : this.itemOf(names[0]);
    if (!item) return;
    this.focused = item.id;
    this.announce(false);
    if (options.center) await this.eye.bring(item);
    this.follow();
  }

  /** Calls back when a hand or a key selects something here (or nothing: `[]`). */
  onSelect(heard: (names: string[], item: Item | null) => void): void {
    this.selecting.add(heard);
  }

  /** Calls back when the state changes, by a hand here or by `show`. */
  onState(heard: (state: ViewState) => void): void {
    this.stating.add(heard);
  }

  /** Calls back when an op is opened by Enter or a double click: a place to show its details. */
  onActivate(heard: (item: Item) => void): void {
    this.activating.add(heard);
  }

  /** Calls back when "/" is pressed. */
  onSearch(heard: () => void): void {
    this.searching.add(heard);
  }

  /** The box that stands for an op or an item: itself, or the closed scope or series around it. */
  itemOf(name: string): Item | null {
    const byId = index(this.scene);
    const found = byId.get(name);
    if (found) return found;
    for (const id of hiders(this.graph, this.state, name)) if (byId.has(id)) return byId.get(id)!;
    return this.scene.items.find(item => item.kind === "hub" && item.id.startsWith(`hub:${name}@`)) ?? null;
  }

  /** Ids of all scopes and series: what `open` must hold to open everything. */
  everyScope(): string[] {
    return everyHider(this.graph, this.state);
  }

  /** Opens or folds the nested list below the picture. */
  showOutline(open: boolean): void {
    if (this.outline) this.outline.element.open = open;
  }

  private async uncover(names: string[]): Promise<void> {
    const open = new Set(this.state.open);
    const { root } = this.state;
    const outside = root !== "" && names.some(name => !name.startsWith(root.replace(/\/?$/, "/")));
    for (const name of names) for (const id of hiders(this.graph, this.state, name)) if (id !== name) open.add(id);
    if (outside || open.size > this.state.open.length)
      await this.show({ open: [...open], ...(outside ? { root: "" } : {}) }, names[0]);
  }

  private standing(): Set<string> {
    return new Set(this.chosen.map(name => this.itemOf(name)?.id).filter(id => id !== undefined));
  }

  private mark(): void {
    const before = this.drawn.selected;
    this.drawn.selected = this.standing();
    this.stage.refresh(new Set([...before, ...this.drawn.selected]));
  }

  /** A hand or a key chose an item. */
  private choose(item: Item | null): void {
    this.chosen = item ? [item.id] : [];
    if (item) this.focused = item.id;
    this.mark();
    this.follow();
    this.announce(true);
    for (const heard of this.selecting) heard(this.selected, item);
  }

  // ---- paint -------------------------------------------------------------------------------------------------------

  /** Paints over the plain picture, without a new layout. It replaces what was painted before; `{}` clears it. */
  paint(layer: Layer): void {
    this.drawn = { ...this.drawn, layer, labels: this.labels(this.scene, layer) };
    this.stage.set(this.drawn);
    this.minimap?.draw(this.scene, this.graph, this.paintNow, item => layer.fill?.(item)?.colour ?? null);
  }

  /** Words on wires, placed when first asked for. */
  private labels(scene: Scene, layer: Layer): Drawn["labels"] {
    const placed = new Map<number, ReturnType<Drawn["labels"]>>();
    return size => {
      if (!placed.has(size)) placed.set(size, placeLabels(scene, wire => {
        const own = layer.wireLabel?.(wire);
        return own ? [own] : own === "" ? [] : wireWords(wire, this.graph.types);
      }, layer.wireLabel !== undefined, size));
      return placed.get(size)!;
    };
  }

  private readonly paintNow = (name: string): string => this.colours[name] ?? "#888888";

  private dress(): void {
    this.colours = graphColours(this.theme);
    for (const [name, colour] of Object.entries(this.colours))
      this.element.style.setProperty(`--lk-g-${name}`, name === "paper" ? "var(--lk-paper)" : colour);
    this.stage.theme(this.theme);
    this.minimap?.draw(this.scene, this.graph, this.paintNow, item => this.drawn.layer.fill?.(item)?.colour ?? null);
  }

  get theme(): Theme {
    return this.shell.root.dataset["theme"] === "dark" ? "dark" : "light";
  }

  // ---- the eye -----------------------------------------------------------------------------------------------------

  get camera(): Camera {
    return this.eye.camera;
  }

  set camera(camera: Camera) {
    this.eye.camera = camera;
  }

  /** Everything in view. */
  fit(): void {
    void this.eye.fit();
  }

  zoomIn(): void {
    this.zoomBy(1.4);
  }

  zoomOut(): void {
    this.zoomBy(1 / 1.4);
  }

  /** Nearer or farther: at what has the focus, else at the middle. */
  zoomBy(factor: number): void {
    void this.eye.zoomBy(factor, index(this.scene).get(this.focused));
  }

  /** Brings an item to the middle at a size that can be read. */
  async zoomTo(id: string): Promise<void> {
    const item = this.itemOf(id);
    if (item) await this.eye.zoomTo(item);
  }

  private resize(): void {
    this.eye.resize(this.view.clientWidth, this.view.clientHeight);
    this.follow();
  }

  /** The ring and the minimap follow the camera. */
  private follow(): void {
    const { camera, width, height } = this.stage;
    this.minimap?.follow(camera, this.scene, width, height);
    const item = index(this.scene).get(this.focused);
    if (this.ring.hidden !== !item) this.ring.hidden = !item;
    if (!item) return;
    this.ring.style.transform = `translate(${item.x * camera.k + camera.x - 8}px,${item.y * camera.k + camera.y - 8}px)`;
    this.ring.style.width = `${item.w * camera.k + 16}px`;
    this.ring.style.height = `${item.h * camera.k + 16}px`;
  }

  // ---- hands and keys ----------------------------------------------------------------------------------------------

  focus(): void {
    this.view.focus({ preventScroll: true });
  }

  private listen(): void {
    const { signal } = this.shell;
    watchHands(this.view, {
      camera: () => this.camera,
      look: camera => { this.camera = camera; },
      click: (x, y) => {
        const { item, knob } = boxAt(this.scene, this.camera, x, y);
        if (item && knob) {
          this.knobPressed = performance.now();
          void this.toggle(item.id);
        } else this.choose(item);
      },
      doubleClick: (x, y) => {
        const { item, knob } = boxAt(this.scene, this.camera, x, y);
        if (item && !knob && performance.now() - this.knobPressed > 500) this.activate(item);
      },
      hover: (x, y) => {
        const { item } = boxAt(this.scene, this.camera, x, y);
        const title = item ? describe(item, this.graph) : "";
        if (this.stage.element.title !== title) this.stage.element.title = title;
        if (item) this.view.dataset["over"] = item.id;
        else delete this.view.dataset["over"];
      },
    }, signal);
    this.view.addEventListener("keydown", event => this.key(event), { signal });
    this.view.addEventListener("focus", () => {
      if (!this.focused && this.view.matches(":focus-visible")) this.focused = first(this.scene)?.id ?? "";
      this.follow();
      this.announce(false);
    }, { signal });
  }

  private activate(item: Item): void {
    if (item.kind === "scope" || item.kind === "series") void this.toggle(item.id);
    else for (const heard of this.activating) heard(item);
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.view) return;
    const arrow = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" }[event.key] as Direction | undefined;
    const here = index(this.scene).get(this.focused);
    const { camera } = this;
    const keys: Record<string, () => void> = {
      Home: () => this.step(first(this.scene)),
      End: () => this.step(last(this.scene)),
      PageDown: () => this.step(next(this.scene, this.focused, 1)),
      PageUp: () => this.step(next(this.scene, this.focused, -1)),
      Enter: () => here && this.activate(here),
      " ": () => here && this.activate(here),
      "+": () => this.zoomIn(),
      "=": () => this.zoomIn(),
      "-": () => this.zoomOut(),
      "0": () => this.fit(),
      "/": () => { for (const heard of this.searching) heard(); },
      Escape: () => {
        this.choose(null);
        this.focused = "";
        this.follow();
        this.view.blur();
      },
    };
    let act = keys[event.key];
    if (arrow && event.shiftKey) {
      const [dx, dy] = { left: [80, 0], right: [-80, 0], up: [0, 80], down: [0, -80] }[arrow] as [number, number];
      act = () => { this.camera = { k: camera.k, x: camera.x + dx, y: camera.y + dy }; };
    } else if (arrow) act = () => this.step(neighbour(this.scene, this.focused, arrow, this.state.horizontal));
    if (!act) return;
    event.preventDefault();
    act();
  }

  private step(item: Item | null): void {
    if (!item) return;
    this.choose(item);
    if (!this.eye.sees(item)) void this.eye.reveal(item, this.camera.k, 40);
  }

  /** Says what the ring is on: as the tree's active item, and aloud if somebody just went there. */
  private announce(aloud: boolean): void {
    const item = index(this.scene).get(this.focused);
    if (this.view.getAttribute("role") !== "tree") return;
    const text = item ? describe(item, this.graph) : this.scene.items.length ? "Arrow keys lead through the graph" : "The graph is empty";
    this.voice.tell(this.view, item, text, item !== undefined && this.drawn.selected.has(item.id));
    if (aloud && item) this.shell.say(text);
  }

  // ---- files -------------------------------------------------------------------------------------------------------

  /** The whole picture as SVG text that stands alone. */
  svg(theme: Theme = this.theme): string {
    return svgText(this.drawn, theme, this.view.getAttribute("aria-label") ?? "Graph");
  }

  /** The whole picture as a PNG, `scale` times life size. */
  png(scale = 2, theme: Theme = this.theme): Promise<Blob> {
    return pngBlob(this.drawn, theme, scale);
  }
}
