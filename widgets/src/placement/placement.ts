// PlacementView: where each op of a step runs, why, and what the step costs; to be changed by hand.
//
//     bar        cluster, placer, undo, playing, comparing, the program's lines
//     sum        how long a step takes, and what the last change did to it
//     player     the placer, step by step
//     picture    a lane for each device (graph/lanes.ts), Sends and Recvs at the borders
//     panel      what is known about the selection, and where it could go
//     devices    how busy and how full; placers beside one another
//
// Everything that is true comes from the kernel. A move asks it, and what is drawn follows the trait `placed`.

import { button, h, shorten } from "../core/dom.ts";
import { Refused, type Shell } from "../core/shell.ts";
import type { Theme } from "../core/colours.ts";
import { decode, type Graph } from "../graph/columns.ts";
import { GraphPicture } from "../graph/picture.ts";
import { nodesOf } from "../graph/scene.ts";
import type { Item } from "../graph/types.ts";
import { legend } from "../graphview/legend.ts";
import { percent, seconds, short } from "../trace/scale.ts";
import { derive, shownNames, unpack, type Derived, type Machines, type Placed } from "./derive.ts";
import { comparison, deviceCards, type Table } from "./devices.ts";
import { watchDrags } from "./drag.ts";
import { Panel } from "./panel.ts";
import { Player } from "./player.ts";
import { summary } from "./summary.ts";
import { lookOf } from "./swatches.ts";

const FEW = 24; // ops: so small a graph is shown open

export async function placementView(shell: Shell): Promise<void> {
  const view = new PlacementView(shell, await decode(shell.get<DataView>("columns")));
  if (!shell.signal.aborted) await view.start();
}

class PlacementView {
  private placed!: Placed;
  private machines!: Machines;
  private derived!: Derived;
  private picture!: GraphPicture;
  private shown: string[];
  private members = new Map<string, number[]>(); // of items, as long as one graph is drawn
  private job = 0;
  private asking = false;
  private wishes: [verb: string, args: Record<string, unknown>][] = []; // while the kernel works
  private trouble = "";
  private turn: { placed: ReadonlySet<number>; now: number } | null = null; // while the placer is played
  private round = new AbortController(); // of what is listed anew with each placement
  private writing = false;
  private byDevice = true;
  private item: Item | null = null;

  private pane = h("div", { class: "labkit-gv-pane" });
  private sum = h("div", { class: "labkit-pl-sum" });
  private below = h("div", {});
  private compare = h("details", { class: "labkit-pl-compare" }, h("summary", {}, "Compare the placers"), h("div", {}));
  private clusters = h("select", { class: "labkit-select", "aria-label": "Cluster" });
  private methods = h("select", { class: "labkit-select", "aria-label": "Placer" });
  private undo: HTMLButtonElement;
  private redo: HTMLButtonElement;
  private reset: HTMLButtonElement;
  private playing: HTMLButtonElement;
  private panel: Panel;
  private player: Player;

  constructor(private shell: Shell, private base: Graph) {
    const { signal } = shell;
    this.shown = shownNames(base);
    this.panel = new Panel(shell, () => this.machines, {
      closed: () => this.picture.focus(), go: name => void this.choose([name]), move: (names, device) => this.move(names, device),
    });
    this.player = new Player(shell, {
      label: device => this.label(device),
      name: op => base.names[op] ?? "",
      show: (placed, now) => this.take(placed, now),
    });
    const act = (label: string, title: string, then: () => void) => {
      const made = button(label, then, signal, title);
      if (!/[a-z]/i.test(label)) made.setAttribute("aria-label", title);
      return made;
    };
    this.undo = act("↶", "Undo", () => void this.ask("undo"));
    this.redo = act("↷", "Redo", () => void this.ask("redo"));
    this.reset = act("Reset", "Put back all that was moved by hand", () => void this.ask("reset"));
    this.playing = act("Play the placer", "Step by step: whose turn it was, what was looked at, what was chosen", () => void this.play(!this.player.open));
    this.clusters.addEventListener("change", () => void this.ask("use", { cluster: this.clusters.value }), { signal });
    this.methods.addEventListener("change", () => void this.ask("place", { method: this.methods.value }), { signal });
    const colours = h("select", { class: "labkit-select", "aria-label": "Colour by" }, h("option", { value: "device" }, "device"), h("option", { value: "part" }, "what it is"));
    colours.addEventListener("change", () => { this.byDevice = colours.value === "device"; this.paint(); this.list(); }, { signal });
    this.compare.addEventListener("toggle", () => { if (this.compare.open && !this.rows()) void this.ask("compare"); }, { signal });
    const bar = h("div", { class: "labkit-bar", role: "group", "aria-label": "Placement" },
      h("label", { class: "labkit-gv-label" }, "Cluster: ", this.clusters), h("label", { class: "labkit-gv-label" }, "Placer: ", this.methods),
      h("span", { class: "labkit-gv-group" }, this.undo, this.redo, this.reset), this.playing,
      act("Code", "The tf.device blocks that say this", () => void this.code()),
      h("span", { class: "labkit-gv-group" }, act("−", "Zoom out", () => this.picture.zoomOut()), act("+", "Zoom in", () => this.picture.zoomIn()),
        act("Fit", "Show all of it", () => this.picture.fit())),
      h("label", { class: "labkit-gv-label" }, "Colour: ", colours));
    const stage = h("div", { class: "labkit-gv-stage" }, h("div", { class: "labkit-gv-panes" }, this.pane), this.panel.element);
    stage.style.height = `${Math.max(160, shell.get<number>("height") || 460)}px`;
    const hint = h("p", { class: "labkit-pl-hint" }, "Click a box to see why it is there; drag it to another lane or device, or select it, press M " +
      "and choose. Double-click or Enter opens a scope.");
    shell.body.append(bar, this.sum, this.player.element, stage, hint, this.below, this.compare);
  }

  async start(): Promise<void> {
    const { shell } = this;
    await this.load();
    if (shell.signal.aborted) return;
    const { picture } = this;
    for (const trait of ["placed", "machines"]) shell.watch(trait, () => void this.load());
    shell.watch("table", () => this.list());
    shell.watch("state", () => { if (!this.writing) void this.picture.show({ open: this.open() }); });
    shell.watch("selected", () => { if (!this.writing) void this.choose(shell.get<string[]>("selected"), true); });
    shell.onTold(names => void this.choose(names, true));
    shell.root.addEventListener("labkit-theme", () => { this.paint(); this.list(); }, { signal: shell.signal });
    picture.onSelect((_, item) => this.selected(item));
    picture.onActivate(() => this.panel.focus());
    picture.onState(state => {
      const scopes = state.open.map(id => {
        const [series, path] = id.startsWith("series:") ? ["series:", id.slice(7)] : ["", id];
        return series + path.slice(path.indexOf("/") + 1); // without the device
      });
      this.write("state", { open: [...new Set(scopes)].filter(Boolean) });
    });
    watchDrags({
      picture, root: shell.root,
      movable: item => item.depth > 0 && !item.open && this.ops(item).length > 0,
      click: item => { picture.focus(); void picture.select([item.id]); this.selected(item); },
      device: item => this.device(item),
      label: device => this.label(device),
      drop: (item, device) => this.move(this.ops(item), device),
    }, shell.signal);
    shell.root.addEventListener("keydown", event => this.key(event), { signal: shell.signal });
    const chosen = shell.get<string[]>("selected") ?? [];
    if (chosen.length) await this.choose(chosen, true);
    shell.ready();
  }

  // ---- how things stand ----------------------------------------------------------------------------------------------

  private async load(): Promise<void> {
    const { shell } = this, job = ++this.job;
    const placed = await unpack<Placed>(shell.get<DataView>("placed"));
    if (job !== this.job || shell.signal.aborted) return;
    const machines = shell.get<Machines>("machines");
    if (this.player.open && (placed.method !== this.placed.method || machines.cluster !== this.machines.cluster)) await this.play(false);
    this.placed = placed;
    this.machines = machines;
    this.derived = derive(this.base, this.shown, machines.devices.map(([, label]) => label), placed);
    this.members.clear();
    const change = { lanes: this.derived.lanes, open: this.open() };
    if (this.picture) {
      const selected = shell.get<string[]>("selected") ?? [];
      const before = this.picture.state.lanes?.join();
      await this.picture.swap(this.derived.graph, change);
      if (job !== this.job) return;
      if (before !== this.derived.lanes.join()) this.begin();
      await this.choose(selected, true, false);
    } else {
      const state = { root: "", horizontal: true, hubs: "inline" as const, series: true, control: this.base.n < 100, hidden: [], ...change };
      this.picture = new GraphPicture(shell, this.pane, this.derived.graph, state, { label: "Ops by device" });
      await this.picture.show({});
      this.begin();
    }
    this.show();
  }

  /** All lanes, from their beginning, as near as they can be read. */
  private begin(): void {
    const { picture } = this, { width, height } = picture.scene;
    const { clientWidth, clientHeight } = picture.element.querySelector(".labkit-g-view")!;
    const [whole, lanes] = [(clientWidth - 32) / Math.max(1, width), (clientHeight - 32) / Math.max(1, height)];
    if (!clientWidth) return;
    const all = Math.min(whole, lanes);
    const k = all >= 0.6 ? Math.min(1, all) : Math.max(0.4, Math.min(lanes, Math.max(whole, 0.66)));
    picture.camera = { k, x: Math.max(16, (clientWidth - width * k) / 2), y: Math.max(16, (clientHeight - height * k) / 2) };
  }

  /** Ids of what is open: scopes keep their state wherever their ops go. */
  private open(): string[] {
    const state = this.shell.get<{ open?: string[] }>("state") ?? {};
    let scopes = state.open;
    if (!scopes && this.base.n <= FEW) {
      scopes = [...new Set(this.shown.flatMap(name => [...name.matchAll(/\//g)].map(({ index }) => name.slice(0, index! + 1))))];
    }
    return this.derived.lanes.flatMap(lane => (scopes ?? []).map(scope => scope.replace(/^(series:)?/, `$1${lane}/`)));
  }

  private label(device: number): string {
    return shorten(this.machines.devices[device]?.[1] ?? "?", 40);
  }

  private nodes(item: Item): number[] {
    let found = this.members.get(item.id);
    if (!found) this.members.set(item.id, (found = nodesOf(this.derived.graph, item)));
    return found;
  }

  /** The names of the ops that an item stands for; Sends and Recvs are none. */
  private ops(item: Item): string[] {
    return this.nodes(item).filter(node => node < this.derived.ops).map(node => this.base.names[node]!);
  }

  private device(item: Item): number {
    return this.derived.on[this.nodes(item)[0] ?? 0]!;
  }

  // ---- what is shown -------------------------------------------------------------------------------------------------

  private get theme(): Theme {
    return this.shell.root.dataset["theme"] === "dark" ? "dark" : "light";
  }

  private show(): void {
    const { machines, placed } = this;
    const fill = (menu: HTMLSelectElement, options: [string, string][], value: string) => {
      menu.replaceChildren(...options.map(([key, words]) => h("option", { value: key }, shorten(words, 40))));
      menu.value = value;
    };
    fill(this.clusters, machines.ready.map(name => [name, name]), machines.cluster);
    fill(this.methods, placed.method === "given" ? [["given", "as given"], ...machines.methods] : machines.methods, placed.method);
    for (const [made, can] of [[this.undo, placed.undo], [this.redo, placed.redo], [this.reset, placed.moved > 0]] as const) {
      if (can) made.removeAttribute("aria-disabled");
      else made.setAttribute("aria-disabled", "true");
    }
    this.paint();
    this.list();
    this.sum.replaceChildren(...summary(placed, machines, this.trouble));
  }

  private rows(): boolean {
    return (this.shell.get<Table>("table") ?? []).some(([cluster]) => cluster === this.machines.cluster);
  }

  private list(): void {
    const focused = (this.shell.root.getRootNode() as Document).activeElement;
    const within = [this.below, this.compare].find(part => part.contains(focused));
    this.relist();
    if (!within || within.contains(focused)) return; // what had the focus was made anew
    const again = [...within.querySelectorAll("button")].find(made => made.textContent === focused!.textContent);
    (again ?? this.compare.querySelector("summary")!).focus({ preventScroll: true });
  }

  private relist(): void {
    this.round.abort();
    const round = (this.round = new AbortController());
    this.shell.signal.addEventListener("abort", () => round.abort(), { once: true, signal: round.signal });
    const parts = new Set(Array.from({ length: this.base.n }, (_, node) => this.base.part(node) as string));
    this.below.replaceChildren(this.byDevice ? "" : legend([], parts, [], this.theme), deviceCards(this.machines, this.placed, this.theme, device => void this.lane(device), round.signal));
    const table = comparison(this.machines, this.shell.get<Table>("table") ?? [], method => void this.ask("place", { method }), round.signal);
    this.compare.lastElementChild!.replaceChildren(table, this.rows() ? "" : button("Try them all here", () => void this.ask("compare"), round.signal));
  }

  private paint(): void {
    const { derived, placed, theme, turn } = this;
    const figures = new Map(placed.devices.map(entry => [entry[0], entry]));
    const look = (item: Item) => lookOf(this.device(item), theme);
    const isPlaced = (node: number) => node < derived.ops ? turn!.placed.has(node)
      : derived.tabs[(node - derived.ops) >> 1]!.crossings.some(([source]) => turn!.placed.has(source));
    this.picture.paint({
      fill: item => (this.byDevice ? look(item) : null),
      frame: item => { const { tint, line } = look(item); return { colour: tint, line, ink: theme === "dark" ? "#ffffff" : "#1b1f24" }; },
      badge: item => {
        if (item.depth === 0) return placed.failure ? null : `busy ${percent(figures.get(this.device(item))?.[2] ?? 0)}`;
        if (item.open || item.kind === "hub") return null;
        const took = this.nodes(item).reduce((sum, node) => sum + (placed.seconds[node] ?? 0), 0);
        return took > 0 ? seconds(took) : null;
      },
      wireLabel: () => "",
      mark: item => {
        if (item.depth === 0 && figures.get(this.device(item))?.[4]) return "bad";
        return turn && !item.open && item.kind !== "hub" && this.nodes(item).includes(turn.now) ? "next" : null;
      },
      ...(turn && { dim: (item: Item) => !this.nodes(item).some(isPlaced) }),
    });
  }

  // ---- the selection -------------------------------------------------------------------------------------------------

  private write(trait: string, value: unknown): void {
    this.writing = true;
    this.shell.set(trait, value);
    this.writing = false;
  }

  /** A hand or a key chose something here. */
  private selected(item: Item | null): void {
    const names = item ? [this.realName(item)] : [];
    this.write("selected", names);
    this.shell.tell(names);
    this.detail(item);
  }

  /** What an item is called elsewhere: the op, or the scope without its device. */
  private realName(item: Item): string {
    const id = item.target ?? item.id;
    const node = this.derived.graph.find(id);
    if (node >= 0) return this.derived.real[node]!;
    const path = id.replace(/^series:/, "").replace(/\/$/, "").split("/").length - 1; // without the device
    const inside = this.nodes(item).filter(op => op < this.base.n), parts = (name: string) => name.split("/").length;
    // Of a box of gradients some ops came from further out: those that did not say what it is called.
    const first = inside.find(op => parts(this.base.names[op]!) > parts(this.shown[op]!)) ?? inside[0];
    if (first === undefined) return item.label;
    const inner = this.shown[first]!.split("/").length - path; // parts of the op's name within the scope
    return this.base.names[first]!.split("/").slice(0, -inner || undefined).join("/") + "/";
  }

  private detail(item: Item | null): void {
    this.item = item;
    if (!item) return this.panel.nothing();
    const { derived } = this, [node = -1] = this.nodes(item);
    const one = item.kind === "op" || (item.kind === "hub" && derived.graph.find(item.target ?? "") >= 0);
    if (one && node >= derived.ops) {
      const { crossings, bytes } = derived.tabs[(node - derived.ops) >> 1]!, [source, , to] = crossings[0]!;
      const what = crossings.slice(0, 6).map(([made]) => shorten(this.base.names[made]!, 60)).join(", ") + (crossings.length > 6 ? ` and ${crossings.length - 6} more` : "");
      return this.panel.send(derived.real[node]!, `The output of ${what} travels from ${this.label(this.placed.on[source]!)} to ` +
        `${this.label(to)}: ${short(bytes, "B")}. However many ops take a tensor there, it crosses once.`);
    }
    const names = this.ops(item);
    if (!names.length) return this.panel.nothing();
    const kind = one ? this.base.opType(node) : item.depth === 0 ? `Device, ${names.length} ops` : `Scope, ${names.length} ops here`;
    void this.panel.show({
      kind, names, title: one ? names[0]! : item.depth === 0 ? item.label : this.realName(item).replace(/\/$/, ""), site: one ? this.base.site(node) : "",
      scope: one || item.depth === 0 || item.kind === "hub" ? null : { open: item.open, toggle: () => void this.picture.toggle(item.id) },
    });
  }

  /** Shows ops or scopes by their own names: a linked view, the kernel or the panel asked. */
  private async choose(names: string[], told = false, center = true): Promise<void> {
    const { derived, picture } = this;
    const mapped = names.flatMap(name => {
      const known = derived.names.get(name);
      if (known !== undefined) return [known];
      const found = name.endsWith("/") ? picture.scene.items.filter(item => item.kind === "scope" && item.depth > 0 && this.realName(item) === name) : [];
      return found.map(item => item.id);
    });
    await picture.select(mapped, { reveal: names.length === 1, center: center && mapped.length === 1 });
    const item = mapped[0] === undefined ? null : picture.itemOf(mapped[0]);
    if (told) this.detail(item);
    else this.selected(item);
  }

  private async lane(device: number): Promise<void> {
    const id = `${this.machines.devices[device]![1]}/`;
    await this.picture.select([id], { center: true });
    this.selected(this.picture.itemOf(id));
  }

  private key(event: KeyboardEvent): void {
    const inPicture = (event.target as Element).classList.contains("labkit-g-view");
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (plain && inPicture && event.key.toLowerCase() === "m" && this.item) {
      event.preventDefault();
      this.panel.focus();
    } else if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "z") {
      event.preventDefault();
      void this.ask(event.shiftKey ? "redo" : "undo");
    }
  }

  // ---- what is asked of the kernel -----------------------------------------------------------------------------------

  private move(names: string[], device: number): void {
    const name = this.machines.devices[device]?.[0];
    if (name !== undefined && names.length) void this.ask("move", { names, device: name });
  }

  /** Asks for a change, one after the other. Of placers, and of clusters, only the one chosen last counts. */
  private async ask(verb: string, args: Record<string, unknown> = {}): Promise<void> {
    if (this.asking) {
      const choice = verb === "place" || verb === "use" || verb === "compare";
      this.wishes = [...this.wishes.filter(([other]) => !choice || other !== verb), [verb, args]];
      return;
    }
    this.asking = true;
    this.shell.root.setAttribute("aria-busy", "true");
    try {
      const { result } = await this.shell.request(verb, args);
      this.trouble = "";
      if (result?.said) this.shell.say(String(result.said));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.trouble = error.message;
      this.shell.say(error.message);
    } finally {
      this.asking = false;
      this.shell.root.removeAttribute("aria-busy");
    }
    if (this.shell.signal.aborted) return;
    this.show(); // menus say what is so
    const next = this.wishes.shift();
    if (next) void this.ask(...next);
  }

  private async code(): Promise<void> {
    try {
      const { result } = await this.shell.request("code");
      this.panel.text("tf.device blocks that say this", String(result?.code ?? ""));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.shell.say(error.message);
    }
  }

  private async play(open: boolean): Promise<void> {
    this.playing.setAttribute("aria-pressed", String(open));
    await this.player.show(open);
  }

  private take(placed: ReadonlySet<number> | null, now: number): void {
    this.turn = placed && { placed, now };
    this.paint();
    if (placed) this.panel.nothing();
    void this.picture.select(placed ? [this.derived.graph.names[now]!] : [], { center: placed !== null });
  }
}
