// ClusterView: machines and the network between them. The picture, a step that plays, ways of messages, failures.

import { Player } from "../core/player.ts";
import { loadColour } from "./paint.ts";
import { type Recorded, Run } from "./run.ts";
import type { Node, Scene } from "./scene.ts";
import { Stage } from "./stage.ts";
import { ends, factList, flowFacts, linkFacts, linkLine, momentLine, nodeFacts, nodeLine, tables } from "./words.ts";
import { button, h, shorten } from "../core/dom.ts";
import { saveFile } from "../core/save.ts";
import { Refused, type Shell } from "../core/shell.ts";
import { unpack } from "../trace/events.ts";
import { seconds } from "../trace/scale.ts";

interface Damage { nodes: number[]; links: number[]; lines: string[]; step: string[]; down: string[][] }
interface Route { ends?: string[]; ways?: number[][]; lines?: string[] }

const MOST_TOLD = 1000;

export async function clusterView(shell: Shell): Promise<void> {
  const view = new ClusterView(shell);
  await view.load();
  shell.ready();
}

class ClusterView {
  #scene!: Scene;
  #loaded = false;
  #run: Run | null = null;
  #time = 0;
  #said = 0;
  #telling = false;
  #stage: Stage;
  #player: Player;
  #title = h("p", { class: "labkit-cl-title" });
  #now = h("p", { class: "labkit-cl-now" });
  #slider = h("input", { type: "range", class: "labkit-cl-slider", min: 0, max: 1000, step: 1, value: 0, "aria-label": "Moment of the step" });
  #clock = h("span", { class: "labkit-cl-clock" });
  #lasts = h("select", { class: "labkit-select", "aria-label": "How long playing takes" },
    ...[5, 10, 20, 60].map(s => h("option", { value: s }, `in ${s} s`)));
  #play: HTMLButtonElement;
  #bar: HTMLElement;
  #tip = h("div", { class: "labkit-tr-tip", "aria-hidden": "true", hidden: true });
  #failed = h("div", { class: "labkit-cl-failed", role: "region", "aria-label": "Failures" });
  #about = h("div", { class: "labkit-cl-part", role: "region", "aria-label": "What is chosen" });
  #facts = h("div");
  #from = h("select", { class: "labkit-select", "aria-label": "from" });
  #to = h("select", { class: "labkit-select", "aria-label": "to" });
  #bytes = h("input", { class: "labkit-input", type: "number", min: 0, step: "any", "aria-label": "bytes" });
  #ways = h("div", {});
  #way = h("div", { class: "labkit-cl-part", role: "region", "aria-label": "The way of a message" });
  #table = h("details", { class: "labkit-cl-twin" });
  #legend = h("p", { class: "labkit-cl-legend" });

  constructor(readonly shell: Shell) {
    const { signal } = shell;
    this.#stage = new Stage(shell, {
      chosen: (node, link) => this.#choose(node, link),
      hovered: (node, link, x, y) => this.#hover(node, link, x, y),
      pressed: key => this.#pressed(key),
    });
    this.#player = new Player(() => this.#time, () => this.#run?.data.seconds ?? 0, () => Number(this.#lasts.value),
      () => this.#run!.step(this.#time, 1), time => this.#go(time), () => this.#paused(), signal);
    this.#play = button("Play", () => this.#toggle(), signal);
    const named = (label: string, title: string, act: () => void) => {
      const made = button(label, act, signal, title);
      made.setAttribute("aria-label", title);
      return made;
    };
    this.#slider.addEventListener("input", () => {
      this.#player.pause();
      this.#go(Number(this.#slider.value) / 1000 * this.#run!.data.seconds);
      this.#keep();
    }, { signal });
    this.#bar = h("div", { class: "labkit-cl-player", role: "group", "aria-label": "Play the step" }, this.#play,
      named("◀", "To the event before", () => this.#step(-1)), this.#slider, named("▶", "To the next event", () => this.#step(1)),
      this.#clock, this.#lasts);
    const view = h("div", { class: "labkit-cl-view", role: "group", "aria-label": "Picture" },
      named("−", "Zoom out", () => this.#stage.zoom(1 / 1.3)), named("+", "Zoom in", () => this.#stage.zoom(1.3)),
      button("Fit", () => this.#stage.fit(), signal, "All of it"),
      button("Save PNG", () => void this.#stage.png().then(png => { if (png) saveFile("cluster.png", png); }), signal));
    this.#way.append(h("h4", { class: "labkit-tr-name" }, "The way of a message"),
      h("div", { class: "labkit-cl-fields" }, h("label", {}, "from ", this.#from), h("label", {}, "to ", this.#to),
        h("label", {}, "bytes ", this.#bytes)), this.#ways);
    for (const field of [this.#from, this.#to, this.#bytes]) field.addEventListener("change", () => this.#ask(), { signal });
    this.#table.append(h("summary", {}, "Links and devices at this moment, as tables"), h("div", { class: "labkit-cl-tables", tabindex: "0", role: "region", "aria-label": "Tables" }));
    this.#table.addEventListener("toggle", () => this.#showTables(), { signal });
    this.#about.addEventListener("keydown", event => { if (event.key === "Escape") this.#stage.box.focus(); }, { signal });
    shell.body.append(this.#title, h("div", { class: "labkit-bar" }, this.#bar, view), this.#now, this.#failed,
      h("div", { class: "labkit-cl-place" }, this.#stage.box, this.#tip), this.#legend,
      h("div", { class: "labkit-cl-parts" }, this.#about, this.#way), this.#table);
    shell.watch("scene", () => void this.load());
    // What changes before the first picture is unpacked is shown with it.
    const watch = <T>(trait: string, act: (value: T) => void) => shell.watch<T>(trait, value => { if (this.#loaded) act(value); });
    watch("flows", () => void this.#loadRun());
    watch("damage", () => this.#showDamage());
    watch("route", () => this.#showRoute());
    watch<number>("time", time => { if (!this.#player.playing && Math.abs(time - this.#time) > 1e-15) this.#go(time); });
    watch<string>("chosen", name => { if (name !== this.#name()) this.#choose(...this.#named(name), false); });
    watch("height", () => this.#stage.resize());
    watch<string[]>("selected", names => { if (!this.#telling) this.#told(names); });
    shell.onTold(names => { if (this.#loaded) this.#told(names); shell.set("selected", names); });
    shell.onTime(time => { if (this.#run) { this.#player.pause(); this.#go(time + this.#run.data.origin, false); } });
    const legend = () => this.#showLegend();
    shell.root.addEventListener("labkit-theme", legend, { signal });
  }

  /** Takes what the kernel drew. */
  async load(): Promise<void> {
    const scene = await unpack(this.shell.get<DataView>("scene")) as unknown as Scene;
    if (this.shell.signal.aborted) return;
    this.#scene = scene;
    this.#loaded = true;
    this.#stage.load(scene);
    this.#title.textContent = shorten(scene.title, 300);
    const grouped = scene.form === "clos";
    const linked = new Set(scene.nodes.filter(node => node.kind >= 0).map(node => node.host));
    const ends = grouped ? [] : scene.nodes.filter(node => node.kind >= 0 || (node.role === "host" && !linked.has(node.name)));
    this.#way.hidden = ends.length < 2;
    for (const field of [this.#from, this.#to]) {
      field.replaceChildren(h("option", { value: "" }, "…"), ...ends.map(node => h("option", { value: node.name }, shorten(node.brief, 40))));
    }
    await this.#loadRun();
    this.#showDamage();
    this.#showRoute(false);
    this.#choose(...this.#named(this.shell.get<string>("chosen")), false);
    this.#showLegend();
  }

  async #loadRun(): Promise<void> {
    const bytes = this.shell.get<DataView>("flows");
    const data = bytes.byteLength ? await unpack(bytes) as unknown as Recorded : null;
    if (this.shell.signal.aborted) return;
    this.#player.pause();
    this.#run = data && new Run(data);
    this.#stage.look.run = this.#run;
    this.#stage.look.told = [];
    this.#bar.hidden = this.#table.hidden = !this.#run;
    this.#go(Math.min(this.shell.get<number>("time"), data?.seconds ?? 0), false);
    this.#told(this.shell.get<string[]>("selected"));
    this.#showLegend();
  }

  // Time.

  #toggle(): void {
    if (this.#player.playing) return this.#player.pause();
    this.#player.play();
    this.#play.textContent = "Pause";
    this.shell.say("Playing.");
  }

  #paused(): void {
    this.#play.textContent = "Play";
    this.#keep();
    this.shell.say(this.#now.textContent);
  }

  #step(by: 1 | -1): void {
    this.#player.pause();
    this.#go(this.#run!.step(this.#time, by));
    this.#keep();
    this.shell.say(this.#now.textContent);
  }

  /** Saves the moment, when it rests. */
  #keep(): void {
    this.shell.set("time", this.#time);
  }

  #go(time: number, tell = true): void {
    const whole = this.#run?.data.seconds ?? 0;
    this.#time = Math.max(0, Math.min(time, whole));
    this.#stage.look.time = this.#time;
    this.#stage.look.marks = !!this.#run;
    this.#stage.redraw();
    const now = performance.now();
    if (!this.#player.playing || now - this.#said > 120) { // words nobody can read at sixty a second
      this.#said = now;
      this.#describe(whole);
    }
    if (tell && this.#run) this.shell.tellTime(this.#time - this.#run.data.origin);
  }

  #describe(whole: number): void {
    this.#now.hidden = !this.#run;
    if (!this.#run) return;
    this.#slider.value = String(Math.round(1000 * this.#time / (whole || 1)));
    this.#clock.textContent = `${seconds(this.#time)} of ${seconds(whole)}`;
    this.#slider.setAttribute("aria-valuetext", this.#clock.textContent);
    this.#now.textContent = momentLine(this.#scene, this.#stage.look);
    const { node, link } = this.#stage.look;
    if (node >= 0 || link >= 0) this.#facts.replaceChildren(this.#known(node, link));
    this.#showTables();
  }

  // What is in focus.

  #name(): string {
    const { node, link } = this.#stage.look;
    return node >= 0 ? this.#scene.nodes[node]!.name : link >= 0 ? this.#scene.links[link]!.names.join(" - ") : "";
  }

  #named(name: string): [node: number, link: number] {
    const node = name ? this.#scene.nodes.findIndex(one => one.name === name || one.also === name) : -1;
    return [node, node < 0 && name ? this.#scene.links.findIndex(({ names: [a, b] }) => `${a} - ${b}` === name || `${b} - ${a}` === name) : -1];
  }

  #choose(node: number, link: number, tell = true): void {
    this.#stage.show(node, link);
    this.#showAbout();
    if (!tell) return;
    if (this.shell.get("chosen") !== this.#name()) this.shell.set("chosen", this.#name());
    this.shell.say(this.#line(node, link) || "Nothing is chosen.");
    if (!this.#run) return;
    const { flows, ways } = this.#run.data;
    const names = node >= 0 ? this.#run.busy.get(node)?.names ?? []
      : link >= 0 ? flows.node.filter((_, i) => ways[flows.path[i]!]!.some(direction => direction >> 1 === link)) : [];
    const told = [...new Set(names)].slice(0, MOST_TOLD);
    this.#stage.look.told = [];
    this.#telling = true;
    this.shell.set("selected", told);
    this.#telling = false;
    this.shell.tell(told);
  }

  /** Another view, or the kernel, says which ops are selected: ways of messages, and where an op runs. */
  #told(names: string[]): void {
    if (!this.#run) return;
    const wanted = new Set(names);
    const { flows, ways } = this.#run.data;
    const found = flows.node.flatMap((name, i) => wanted.has(name) ? [i] : []);
    this.#stage.look.told = [...new Set(found.map(i => flows.path[i]!))].map(path => ways[path]!);
    const first = found[0];
    if (first !== undefined && names.length <= 3) {
      this.#stage.show(-1, -1);
      this.#about.replaceChildren(h("h4", { class: "labkit-tr-name", tabindex: "-1" }, "A message"), factList(flowFacts(this.#scene, this.#stage.look, first)));
    } else if (names.length === 1) {
      const at = this.#run.data.busy.find(one => one.names.includes(names[0]!));
      if (at) this.#choose(at.node, -1, false);
    }
    this.#stage.redraw();
  }

  #line(node: number, link: number): string {
    const { look } = this.#stage;
    return node >= 0 ? nodeLine(this.#scene, look, node) : link >= 0 ? linkLine(this.#scene, look, link) : "";
  }

  #known(node: number, link: number): HTMLElement | string {
    const { look } = this.#stage;
    return factList(node >= 0 ? nodeFacts(this.#scene, look, node) : link >= 0 ? linkFacts(this.#scene, look, link) : []);
  }

  #showAbout(): void {
    const { node, link, deadNodes, deadLinks } = this.#stage.look;
    const { signal } = this.shell;
    const acts: HTMLElement[] = [];
    let title = "";
    if (node >= 0) {
      const one = this.#scene.nodes[node]!;
      title = one.role === "group" ? one.labels[0]! : one.name;
      acts.push(...this.#nodeActs(one, deadNodes.has(node)));
    } else if (link >= 0) {
      title = ends(this.#scene, link).join(" – ");
      const dead = deadLinks.has(link);
      const { names } = this.#scene.links[link]!;
      if (this.#scene.form !== "clos") acts.push(button(dead ? "Repair this link" : "Cut this link", () => this.#fail(names, !dead), signal));
    }
    this.#facts.replaceChildren(this.#known(node, link));
    if (!title) return this.#about.replaceChildren(h("p", { class: "labkit-tr-note" }, "Click on a machine, a device, a switch or a link, or go to one with the arrow keys."));
    this.#about.replaceChildren(h("h4", { class: "labkit-tr-name", tabindex: "-1" }, shorten(title, 160)), this.#facts,
      h("div", { class: "labkit-cl-acts" }, ...acts));
  }

  #nodeActs(node: Node, dead: boolean): HTMLElement[] {
    const { signal } = this.shell;
    const acts: HTMLElement[] = [];
    if (this.#scene.form === "clos") {
      if (node.opens && node.number! >= 0) {
        const path = node.open ? node.parent! : [...node.parent!, node.number!];
        acts.push(button(node.open ? "Close it" : "Open it", () => void this.#request("open", { path }), signal));
      }
      if (node.kills && node.role === "group") acts.push(button("Kill one of its switches", () => this.#killNext(node), signal));
      return acts;
    }
    if (node.role !== "switch") {
      for (const [words, field] of [["Send from here", this.#from], ["Send to here", this.#to]] as const) {
        if ([...field.options].some(option => option.value === node.name)) {
          acts.push(button(words, () => { field.value = node.name; this.#ask(); }, signal));
        }
      }
    }
    const name = node.also || node.name;
    const what = node.also || node.role === "host" ? "machine" : node.role;
    acts.push(button(`${dead ? "Repair" : "Kill"} this ${what}`, () => this.#fail([name], !dead), signal));
    return acts;
  }

  /** The first switch of a part of a large network that has not failed. */
  #killNext(node: Node): void {
    const [, level, first] = /^s(\d+)\.(\d+)$/.exec(node.kills!)!;
    const down = new Set(this.shell.get<Damage>("damage").down.map(([name]) => name));
    let number = Number(first);
    while (down.has(`s${level}.${number}`)) number++;
    this.#fail([`s${level}.${number}`], true);
  }

  #pressed(key: string): boolean {
    const { node, link, deadNodes, deadLinks } = this.#stage.look;
    const one = this.#scene.nodes[node];
    if (key === " " && this.#run) this.#toggle();
    else if ((key === "," || key === ".") && this.#run) this.#step(key === "." ? 1 : -1);
    else if (key === "Enter") {
      if (one?.opens && one.number! >= 0) void this.#request("open", { path: one.open ? one.parent! : [...one.parent!, one.number!] });
      else this.#about.querySelector<HTMLElement>("h4")?.focus();
    } else if (key.toLowerCase() === "l") this.#nextLink();
    else if (key.toLowerCase() === "k" && one) {
      if (one.role === "group") this.#killNext(one);
      else this.#fail([one.also || one.name], !deadNodes.has(node));
    } else if (key.toLowerCase() === "k" && link >= 0) this.#fail(this.#scene.links[link]!.names, !deadLinks.has(link));
    else if ((key === "f" || key === "t") && one) {
      (key === "f" ? this.#from : this.#to).value = one.name;
      this.#ask();
    } else return false;
    return true;
  }

  #links: number[] = [];

  #nextLink(): void {
    const { node, link } = this.#stage.look;
    if (node >= 0) this.#links = this.#scene.links.flatMap(({ ends }, i) => ends.includes(node) ? [i] : []);
    const next = this.#links[(this.#links.indexOf(link) + 1) % Math.max(1, this.#links.length)];
    if (next !== undefined) this.#choose(-1, next);
  }

  #hover(node: number, link: number, x: number, y: number): void {
    this.#tip.hidden = node < 0 && link < 0;
    if (this.#tip.hidden) return;
    this.#tip.textContent = this.#line(node, link);
    this.#tip.style.left = `${Math.max(0, Math.min(x + 14, this.#stage.look.width - 260))}px`;
    this.#tip.style.top = `${Math.min(y + 18, this.#stage.look.height - 20)}px`;
  }

  // What the kernel is asked.

  async #request(verb: string, args: Record<string, unknown>): Promise<boolean> {
    try {
      await this.shell.request(verb, args);
      return true;
    } catch (error) {
      if (error instanceof Refused && !this.shell.signal.aborted) this.shell.say(error.message);
      return false;
    }
  }

  #ask(): void {
    const [source, target, bytes] = [this.#from.value, this.#to.value, Number(this.#bytes.value)];
    if (source && target) void this.#request("route", { source, target, bytes });
  }

  #fail(parts: string[], down: boolean): void {
    this.shell.say(down ? "It fails; the rest is worked out." : "It is repaired.");
    void this.#request("fail", { parts, down }).then(done => {
      const { lines, step } = this.shell.get<Damage>("damage");
      if (done) this.shell.say([...step, ...lines].join(" ") || "Nothing is broken.");
    });
  }

  #showDamage(): void {
    const { nodes, links, lines, step, down } = this.shell.get<Damage>("damage");
    const { look } = this.#stage;
    [look.deadNodes, look.deadLinks] = [new Set(nodes), new Set(links)];
    this.#failed.hidden = !down.length;
    this.#failed.replaceChildren(
      ...step.map(words => h("p", { class: "labkit-cl-step" }, words)), ...lines.map(words => h("p", {}, words)),
      h("div", { class: "labkit-cl-acts" }, ...down.slice(0, 12).map(parts =>
        button(`Repair ${shorten(parts.map(name => this.#briefOf(name)).join(" – "), 40)}`, () => this.#fail(parts, false), this.shell.signal)),
        down.length > 1 && button("Repair all", () => this.#fail([], false), this.shell.signal)));
    this.#showAbout();
    this.#stage.redraw();
  }

  #briefOf(name: string): string {
    return this.#scene.nodes.find(node => node.name === name)?.brief ?? name;
  }

  #showRoute(say = true): void {
    const route = this.shell.get<Route>("route");
    const [from = "", to = ""] = route.ends ?? [];
    [this.#from.value, this.#to.value, this.#bytes.value] = [from, to, String(this.shell.get<number>("message_bytes"))];
    this.#stage.look.route = route.ways ?? [];
    this.#stage.look.ends = [from, to].flatMap(name => { const [node] = this.#named(name); return node >= 0 ? [node] : []; });
    this.#ways.replaceChildren(...(route.lines ?? ["Choose two ends."]).map(words => h("p", {}, words)));
    if (say && route.lines?.length) this.shell.say(route.lines.join(" "));
    this.#stage.redraw();
  }

  #showLegend(): void {
    const parts = this.#scene?.links.length ? ["Wider links carry more."] : [];
    if (this.#run) parts.push("Words: the share of what a link can carry one way. Dots: messages on their way. Filled: it computes.");
    if (this.#run?.memory.size) parts.push("Bars in devices: their memory.");
    if (this.#scene?.form === "grid") parts.push("Dashed links come back on the other side.");
    if (this.#scene?.form === "clos") {
      parts.push("Open a part to see what is in it.");
      if (!this.#stage.look.noted) parts.push(...this.#scene.notes.map(([, , lines]) => `${lines.join(" ")}.`));
    }
    this.#legend.hidden = !parts.length;
    const dark = this.shell.root.dataset["theme"] === "dark" ? "dark" : "light";
    const scale = [0, 0.25, 0.5, 0.75, 1].map(t => loadColour(t, dark)).join(", ");
    this.#legend.replaceChildren(...this.#run ? ["idle ", h("span", { class: "labkit-cl-scale", style: `background: linear-gradient(to right, ${scale})` }), " full. "] : [], parts.join(" "));
  }

  #showTables(): void {
    if (this.#table.open && this.#run) this.#table.lastElementChild!.replaceChildren(...tables(this.#scene, this.#stage.look));
  }
}
