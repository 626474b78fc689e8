// The graph's picture: shows a Graph in a ViewState, follows hands and keys, and tells what is selected.
//
// State goes one way: `show` lays out (scene.ts) and gives the scene to the stage; `paint` gives it colours; hands and
// keys move the camera or call `show` and `select`. Assistive technology meets a tree with one tab stop, whose active
// item is a hidden line that says what the ring on the picture marks; the outline below holds the whole graph.

import { graphColours, type Theme } from "../core/colours.ts";
import { h } from "../core/dom.ts";
import type { Shell } from "../core/shell.ts";
import { calm } from "../core/theme.ts";
import { beginAt, between, fitTo, hold, keep, reveal, zoomAt, READABLE, type Camera } from "./camera.ts";
import type { Graph } from "./columns.ts";
import { pngBlob, svgText } from "./export.ts";
import { watchHands } from "./gestures.ts";
import { ends, first, index, last, neighbour, next, type Direction } from "./keys.ts";
import { KNOB, describe } from "./looks.ts";
import { Minimap } from "./minimap.ts";
import { Outline } from "./outline.ts";
import { arrange } from "./scene.ts";
import { everyHider, hiders } from "./standins.ts";
import { knobAt, type Drawn, type Layer } from "./strokes.ts";
import { Stage } from "./stage.ts";
import type { Item, Scene, ViewState } from "./types.ts";
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
  private readonly lines = [0, 1].map(() => h("div", { role: "treeitem", class: "labkit-hidden", id: `labkit-g-line-${++lineIds}` }));
  private readonly stage: Stage;
  private readonly minimap: Minimap | null;
  private drawn: Drawn;
  private focused = ""; // id of the item that the keys are on
  private chosen: string[] = [];
  private pending: AbortController | null = null;
  private latest: Promise<void> = Promise.resolve();
  private colours: Record<string, string> = {};
  private root: string;
  private motion = 0;
  private fitted = false;
  private touched = false; // the eye was moved by hand: resizing leaves it alone
  private selecting = new Set<(names: string[], item: Item | null) => void>();
  private stating = new Set<(state: ViewState) => void>();
  private activating = new Set<(item: Item) => void>();
  private searching = new Set<() => void>();
  private knobPressed = -Infinity; // when

  constructor(private readonly shell: Shell, container: HTMLElement, readonly graph: Graph, state: ViewState, options: PictureOptions = {}) {
    const { signal } = shell;
    const label = options.label ?? "Graph";
    this.state = state;
    this.root = state.root;
    this.drawn = { scene: this.scene, graph, horizontal: state.horizontal, layer: {}, labels: () => new Map(), selected: new Set() };
    this.stage = new Stage(() => this.follow(), signal);
    this.view = options.interactive === false
      ? h("div", { class: "labkit-g-view", role: "img", "aria-label": label }, this.stage.element)
      : h("div", { class: "labkit-g-view", role: "tree", tabindex: 0, "aria-label": label }, this.stage.element, this.ring, ...this.lines);
    this.minimap = options.minimap === false ? null : new Minimap((x, y) => this.centre(x, y), signal);
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
      cancelAnimationFrame(this.motion);
      this.pending?.abort();
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
    this.pending?.abort();
    const pending = (this.pending = new AbortController());
    this.shell.signal.addEventListener("abort", () => pending.abort(), { once: true, signal: pending.signal });
    if (Object.keys(change).length) for (const heard of this.stating) heard(this.state);
    const state = this.state;
    this.latest = this.lay(state, pending, anchor);
    return this.settled();
  }

  private async lay(state: ViewState, pending: AbortController, anchor: string | undefined): Promise<void> {
    let scene: Scene;
    try {
      scene = await arrange(this.graph, state, pending.signal);
    } catch (error) {
      if (pending.signal.aborted) return;
      this.shell.say(`The graph could not be laid out: ${error instanceof Error ? error.message : String(error)}`);
      throw error;
    }
    if (pending.signal.aborted) return;
    this.pending = null;
    this.take(scene, state, anchor);
  }

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
    this.drawn = { ...old, scene, horizontal: state.horizontal, labels: this.labels(scene, old.layer), selected: new Set() };
    this.drawn.selected = this.standing();
    if (!now.has(this.focused)) this.focused = (anchor && this.itemOf(anchor)?.id) || "";
    const { stage } = this;
    const pivot = same ? this.pivot(before, now, anchor) : null;
    cancelAnimationFrame(this.motion);
    let target: Camera | null = null;
    if (!pivot) stage.camera = this.beginning();
    else {
      stage.camera = keep(stage.camera, pivot.from, pivot.to);
      if (anchor && pivot.to.id === anchor) target = reveal(stage.camera, pivot.to, stage.width, stage.height, 24, 0.5);
    }
    const appear = same && !calm() && scene.items.length <= 400;
    stage.set(this.drawn);
    if (appear && pivot && stage.mode === "svg") stage.drawing.settle(before, pivot.from, pivot.to);
    this.minimap?.draw(scene, this.graph, this.paintNow, item => this.drawn.layer.fill?.(item)?.colour ?? null);
    if (target) this.glide(target);
    this.follow();
    this.announce(false);
    this.fitted = stage.width > 0;
  }

  /** What must not move when the scene changes: what was acted on, else the focus, else what is nearest to the middle. */
  private pivot(before: Map<string, Item>, now: Map<string, Item>, anchor: string | undefined): { from: Item; to: Item } | null {
    const { camera, width, height } = this.stage;
    for (const id of [anchor, this.focused, ...this.drawn.selected]) {
      const from = id ? before.get(id) : undefined, to = id ? now.get(id) : undefined;
      if (from && to && (id === anchor || this.inView(from))) return { from, to };
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
    if (options.center) await this.bring(item);
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
    return this.stage.camera;
  }

  set camera(camera: Camera) {
    cancelAnimationFrame(this.motion);
    this.touched = true;
    this.stage.look(hold(camera, this.scene, this.stage.width, this.stage.height));
  }

  /** Everything in view. */
  fit(): void {
    this.touched = false;
    this.glide(this.fitting());
  }

  zoomIn(): void {
    this.zoomBy(1.4);
  }

  zoomOut(): void {
    this.zoomBy(1 / 1.4);
  }

  /** Brings an item, and what is around it, to the middle at a size that can be read. */
  async zoomTo(id: string): Promise<void> {
    const item = this.itemOf(id);
    if (!item) return;
    const { width, height } = this.stage;
    const k = Math.min(1, Math.max(0.2, (width - 48) / item.w), Math.max(0.2, (height - 48) / item.h));
    this.touched = true;
    await this.glide({ k, x: width / 2 - (item.x + item.w / 2) * k, y: height / 2 - (item.y + item.h / 2) * k });
  }

  /** Nearer or farther: at what has the focus, else at the middle. */
  zoomBy(factor: number): void {
    const { width, height } = this.stage;
    const item = index(this.scene).get(this.focused);
    const { x, y, k } = this.camera;
    const at = item && this.inView(item) ? [(item.x + item.w / 2) * k + x, (item.y + item.h / 2) * k + y] as const : [width / 2, height / 2] as const;
    this.touched = true;
    void this.glide(zoomAt(this.camera, ...at, factor));
  }

  private fitting(): Camera {
    return fitTo({ x: 0, y: 0, w: this.scene.width, h: this.scene.height }, this.stage.width, this.stage.height);
  }

  private beginning(): Camera {
    const { width, height } = this.scene;
    const first = ends(this.scene)[0];
    const begin = beginAt({ x: 0, y: 0, w: width, h: height }, this.stage.width, this.stage.height, this.state.horizontal);
    return first && begin.k === READABLE ? reveal(begin, first, this.stage.width, this.stage.height) : begin;
  }

  private centre(x: number, y: number): void {
    const { camera, width, height } = this.stage;
    this.camera = { k: camera.k, x: width / 2 - x * camera.k, y: height / 2 - y * camera.k };
  }

  private async bring(item: Item): Promise<void> {
    if (this.inView(item) && this.camera.k >= 0.35) return;
    if (this.camera.k < 0.35) return this.zoomTo(item.id);
    const { width, height, camera } = this.stage;
    this.touched = true;
    await this.glide({ k: camera.k, x: width / 2 - (item.x + item.w / 2) * camera.k, y: height / 2 - (item.y + item.h / 2) * camera.k });
  }

  private inView(item: Item): boolean {
    const { camera, width, height } = this.stage;
    const x = item.x * camera.k + camera.x, y = item.y * camera.k + camera.y;
    return x >= 0 && y >= 0 && x + Math.min(item.w * camera.k, width) <= width && y + Math.min(item.h * camera.k, height) <= height;
  }

  /** Moves the eye in a fifth of a second, or at once for those who asked for less movement. */
  private glide(to: Camera): Promise<void> {
    cancelAnimationFrame(this.motion);
    const from = this.stage.camera;
    if (calm() || !this.stage.width) {
      this.stage.look(to);
      return Promise.resolve();
    }
    const began = performance.now();
    return new Promise(resolve => {
      const step = (now: number) => {
        const t = Math.min(1, Math.max(0, (now - began) / 200));
        this.stage.look(t === 1 ? to : between(from, to, 1 - (1 - t) ** 3));
        if (t < 1 && !this.shell.signal.aborted) this.motion = requestAnimationFrame(step);
        else resolve();
      };
      step(began);
    });
  }

  private resize(): void {
    const { clientWidth, clientHeight } = this.view;
    const { stage } = this;
    if (clientWidth === stage.width && clientHeight === stage.height) return;
    stage.resize(clientWidth, clientHeight);
    if (!clientWidth || !clientHeight || !this.scene.items.length) return;
    if (!this.fitted || !this.touched) {
      cancelAnimationFrame(this.motion);
      stage.camera = this.beginning();
      this.fitted = true;
      stage.commit();
    }
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
        const { item, knob } = this.hit(x, y);
        if (item && knob) {
          this.knobPressed = performance.now();
          void this.toggle(item.id);
        } else this.choose(item);
      },
      doubleClick: (x, y) => {
        const { item, knob } = this.hit(x, y);
        if (item && !knob && performance.now() - this.knobPressed > 500) this.activate(item);
      },
      hover: (x, y) => {
        const { item } = this.hit(x, y);
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

  /** The topmost box under a point of the view, and whether its plus or minus is there. */
  private hit(px: number, py: number): { item: Item | null; knob: boolean } {
    const { camera } = this.stage;
    const x = (px - camera.x) / camera.k, y = (py - camera.y) / camera.k;
    const slack = Math.max(0, (24 / camera.k - KNOB) / 2); // a target of at least 24 pixels
    for (let i = this.scene.items.length - 1; i >= 0; i--) {
      const item = this.scene.items[i]!;
      if (x < item.x || y < item.y || x > item.x + item.w || y > item.y + item.h) continue;
      if (item.kind !== "scope" && item.kind !== "series" || camera.k < 0.35) return { item, knob: false };
      const at = knobAt(item);
      const dx = x - item.x - at.x - 6.5, dy = y - item.y - at.y - 6.5;
      return { item, knob: Math.abs(dx) <= KNOB / 2 + slack && Math.abs(dy) <= KNOB / 2 + slack };
    }
    return { item: null, knob: false };
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
    if (this.inView(item)) return;
    this.touched = true;
    void this.glide(reveal(this.camera, item, this.stage.width, this.stage.height, 40, this.camera.k));
  }

  /** Says what the ring is on: as the tree's active item, and aloud if somebody just went there. */
  private announce(aloud: boolean): void {
    const item = index(this.scene).get(this.focused);
    if (this.view.getAttribute("role") !== "tree") return;
    if (!item) {
      this.view.removeAttribute("aria-activedescendant");
      for (const line of this.lines) line.setAttribute("aria-label", this.scene.items.length ? "Arrow keys lead through the graph" : "The graph is empty");
      return;
    }
    const text = describe(item, this.graph);
    if (aloud) this.shell.say(text);
    const [old, line] = this.view.getAttribute("aria-activedescendant") === this.lines[0]!.id ? this.lines : [...this.lines].reverse();
    if (old!.getAttribute("aria-label") === text && old!.dataset["item"] === item.id) return;
    line!.dataset["item"] = item.id;
    line!.setAttribute("aria-label", text);
    line!.setAttribute("aria-level", String(item.depth + 1));
    line!.setAttribute("aria-selected", String(this.drawn.selected.has(item.id)));
    if (item.kind === "scope" || item.kind === "series") line!.setAttribute("aria-expanded", String(item.open));
    else line!.removeAttribute("aria-expanded");
    this.view.setAttribute("aria-activedescendant", line!.id);
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

let lineIds = 0;
