// DebuggerView: a run of the learner's graph, forward and back, with the values on its edges.
//
//     bar      start, back, play, step, end; speed; finding a step; finish
//     strip    all steps in a row, to be scrubbed
//     picture  the graph: what is done, what is next, the value on every edge
//     panel    the step, its values; watched values; where to stop; the steps around
//
// The position is a trait that all views of a run share, so they go together, and a notebook saves it. Inside a loop the
// same bar, strip and picture walk through the loop's steps; that position is the page's own.

import { h, shorten } from "../core/dom.ts";
import { Refused, type Shell } from "../core/shell.ts";
import { decode, type Graph } from "../graph/columns.ts";
import { GraphPicture } from "../graph/picture.ts";
import { initialState, nodesOf } from "../graph/scene.ts";
import type { Item, ViewState, Wire } from "../graph/types.ts";
import { Bar } from "./bar.ts";
import { Panel, type Shown } from "./panel.ts";
import { Run, sentence } from "./run.ts";
import { Around, Stops, Watches } from "./side.ts";
import { Strip } from "./strip.ts";
import { find, headline, madeText, opOf, plural, progress, spoken, stepNow, stepsByName, valueOn, type Inside, type Track } from "./walk.ts";

const SMALL = 60; // steps: scopes open on the way by themselves

/** A loop that we are inside of. */
interface Inner extends Track {
  data: Inside;
  step: number; // of the run
  steps: Map<string, number[]>;
  groups: number[]; // per step, its iteration
}

export async function debuggerView(shell: Shell): Promise<void> {
  const run = await Run.open(shell);
  const bytes = shell.get<DataView | null>("graph");
  const graph = bytes?.byteLength ? await decode(bytes) : null;
  if (!shell.signal.aborted) await new DebuggerView(shell, run, graph).start();
}

class DebuggerView {
  private readonly bar: Bar;
  private readonly strip: Strip;
  private readonly panel: Panel;
  private readonly watches: Watches;
  private readonly stops: Stops;
  private readonly around: Around;
  private readonly stage = h("div", { class: "labkit-db-stage" });
  private picture: GraphPicture | null = null;
  private inner: Inner | null = null;
  private chosen = ""; // the name of a node that the learner looks at; "": the one where we stand
  private playing = 0; // a timer
  private busy: AbortController | null = null; // a run that goes on
  private frame = 0;
  private painted = "";
  private followed = "";
  private follow: boolean;

  constructor(private readonly shell: Shell, private readonly run: Run, private readonly graph: Graph | null) {
    this.follow = run.count <= SMALL;
    this.bar = new Bar(shell, {
      start: () => void this.go(0), back: () => void this.back(), play: () => this.togglePlay(), step: () => void this.step(),
      end: () => void this.go(this.track.plan.names.length), finish: () => void this.finish(),
      search: query => this.search(query), choose: name => this.choose(name),
    });
    this.strip = new Strip(shell, position => this.scrub(position));
    this.panel = new Panel(shell, {
      runTo: () => void this.runTo(), toggleBreak: () => void this.toggleBreak(), watch: () => void this.ask("watch", { name: this.watchable() }),
      inside: () => void this.enter(), leave: () => this.leave(), here: () => this.choose(""),
    });
    this.watches = new Watches(shell, name => void this.ask("unwatch", { name }));
    this.stops = new Stops(shell, async when => this.shell.say(sentence(await this.run.change("break", { when }))), number => void this.ask("clear", { number }));
    this.around = new Around(shell, step => this.choose(this.track.plan.names[step]!, step));
    const side = h("div", { class: "labkit-db-side" }, this.panel.element, this.watches.element, this.stops.element, this.around.element);
    shell.body.classList.add("labkit-db");
    shell.body.append(this.bar.element, this.strip.element, h("div", { class: "labkit-db-main" }, this.stage, side));
  }

  async start(): Promise<void> {
    const { shell, run } = this;
    for (const trait of ["position", "place", "histories"]) shell.watch(trait, () => this.changed());
    shell.body.addEventListener("keydown", event => this.key(event), { signal: shell.signal });
    shell.root.addEventListener("labkit-theme", () => this.draw(), { signal: shell.signal });
    shell.onTold(names => { if (names[0]) this.choose(names[0], -1, false); });
    const watcher = new IntersectionObserver(entries => { if (entries.every(entry => !entry.isIntersecting)) this.pause(); });
    watcher.observe(shell.root);
    shell.signal.addEventListener("abort", () => {
      watcher.disconnect();
      this.pause();
      cancelAnimationFrame(this.frame);
    }, { once: true });
    if (this.graph) await this.draught(this.graph);
    else this.stage.hidden = true;
    await run.catchUp().catch(() => {});
    this.draw();
    shell.ready();
  }

  /** The picture; its state is saved. */
  private async draught(graph: Graph): Promise<void> {
    const { shell } = this;
    const state: ViewState = { ...initialState(graph), ...shell.get<Partial<ViewState>>("picture_state") };
    const picture = (this.picture = new GraphPicture(shell, this.stage, graph, state, { label: "Graph of the run" }));
    picture.onSelect((names, item) => {
      this.choose(item?.kind === "op" ? names[0] ?? "" : item ? item.id : "", -1, false);
      if (item?.kind === "op") shell.tell(names);
    });
    picture.onState(now => {
      shell.set("picture_state", now);
      this.painted = "";
      this.later();
    });
    picture.onActivate(item => { if (item.kind === "op") { this.chosen = item.id; void this.runTo(); } });
    picture.onSearch(() => this.bar.finder.focus());
    await picture.show({});
  }

  // ---- where we are ------------------------------------------------------------------------------------------------

  /** The run, or the loop that we are inside of. */
  private get track(): Track {
    return this.inner ?? this.run;
  }

  private get steps(): Map<string, number[]> {
    return this.inner?.steps ?? this.run.steps;
  }

  /** The step that the panel shows: a chosen one, else the one that we stand behind. */
  private get looked(): number {
    const { track } = this;
    return this.chosen ? stepNow(this.steps.get(this.chosen), track.position) : track.position - 1;
  }

  private changed(): void {
    if (this.inner && this.inner.step >= this.run.position) this.inner = null; // we went back over the loop
    void this.run.catchUp().then(came => { if (came) this.later(); }, () => {});
    this.later();
  }

  private later(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      if (!this.shell.signal.aborted) this.draw();
    });
  }

  // ---- moving ------------------------------------------------------------------------------------------------------

  private async step(): Promise<void> {
    this.pause();
    await this.forward();
  }

  /** One step on; false if that is as far as it goes for now. */
  private async forward(): Promise<boolean> {
    const { inner } = this;
    this.chosen = "";
    if (inner) {
      if (inner.position >= inner.entries.length) return false;
      inner.position++;
      this.arrived();
      return inner.position < inner.entries.length && !(inner.entries[inner.position - 1]![0] && this.shell.get<boolean>("stop_at_bad"));
    }
    if (this.run.position >= this.run.count) return false;
    const before = this.run.position;
    const moved = await this.guard(() => this.run.step());
    this.arrived();
    if (!moved || moved.position <= before || this.run.stopped) return false;
    return moved.position < this.run.count && !(!this.run.canMove && this.run.entries[moved.position - 1]?.[0] && this.shell.get<boolean>("stop_at_bad"));
  }

  private async back(): Promise<void> {
    this.pause();
    this.chosen = "";
    if (this.inner) this.inner.position = Math.max(0, this.inner.position - 1);
    else if (this.run.position > 0) await this.guard(() => this.run.back());
    this.arrived();
  }

  /** To a position, running what has not run; the kernel stops where there is a reason. */
  private async go(position: number): Promise<void> {
    this.pause();
    this.chosen = "";
    if (this.inner) this.inner.position = Math.min(position, this.inner.entries.length);
    else {
      const busy = (this.busy = new AbortController());
      this.draw();
      await this.guard(() => this.run.to(position, true, busy.signal));
      if (this.busy === busy) this.busy = null;
    }
    this.arrived();
  }

  private async runTo(): Promise<void> {
    const step = this.looked;
    if (step < 0) return this.shell.say(this.chosen ? "This does not run here: choose an operation of the run." : "Choose an operation first.");
    const { chosen } = this;
    await this.go(step + 1);
    if (chosen && this.track.position === step + 1) this.shell.say(spoken(this.track));
  }

  private scrub(position: number): void {
    this.pause();
    this.chosen = "";
    if (this.inner) this.inner.position = Math.min(position, this.inner.entries.length);
    else if (position <= this.run.entries.length) this.run.stand(position);
    else if (this.run.canMove && !this.busy) return void this.go(position);
    else this.run.stand(this.run.entries.length);
    this.later();
  }

  private togglePlay(): void {
    if (this.playing || this.busy) return this.pause();
    const next = () => {
      this.playing = window.setTimeout(() => void this.forward().then(more => {
        if (more && this.playing) next();
        else this.pause();
      }), this.bar.wait);
    };
    if (this.track.position >= this.reach()) return this.shell.say("This is the end: press Start, or step back, and play again.");
    this.shell.say("Playing. Space pauses.");
    next();
    this.later();
  }

  private pause(): void {
    clearTimeout(this.playing);
    this.busy?.abort();
    this.playing = 0;
    this.later();
  }

  private reach(): number {
    if (this.inner) return this.inner.entries.length;
    return this.run.canMove ? this.run.count : this.run.entries.length;
  }

  /** After a move: says where we are, in few words while playing. */
  private arrived(): void {
    const { run, inner } = this;
    const stopped = inner ? "" : run.stopped;
    if (stopped) this.shell.say(`Stopped: ${stopped}. ${spoken(run)}`);
    else if (!this.playing) this.shell.say(spoken(this.track));
    this.later();
  }

  private async guard<T>(act: () => Promise<T>): Promise<T | null> {
    try {
      return await act();
    } catch (error) {
      this.pause();
      if (!(error instanceof Refused)) throw error;
      this.failed = error.message;
      this.shell.say(error.message);
      return null;
    }
  }

  private failed = ""; // what the kernel said to the last move

  // ---- loops -------------------------------------------------------------------------------------------------------

  private async enter(): Promise<void> {
    const step = this.looked;
    if (this.inner || !this.run.hasInside(step)) return this.shell.say("There is nothing inside: it is a single operation.");
    this.pause();
    const data = await this.guard(() => this.run.inside(step));
    if (!data) return;
    this.inner = { data, step, plan: data.plan, entries: data.entries, position: Math.min(1, data.entries.length), steps: stepsByName(data.plan), groups: iterations(data) };
    this.chosen = "";
    this.followed = "";
    this.draw();
    this.shell.say(`Inside ${shorten(this.run.plan.names[step]!, 60)}: ${plural(data.entries.length, "step")}${data.cut ? ", only the first ones are shown" : ""}. Escape leaves.`);
  }

  private leave(): void {
    this.inner = null;
    this.chosen = "";
    this.followed = "";
    this.shell.say(spoken(this.run));
    this.draw();
  }

  // ---- choosing ----------------------------------------------------------------------------------------------------

  private choose(name: string, step = -1, show = true): void {
    this.chosen = name && step >= 0 ? (this.inner?.plan.drawn?.[step] || name) : name;
    this.followed = name ? this.chosen : "";
    if (show && name) void this.picture?.select([this.chosen], { reveal: true, center: true });
    this.draw();
    if (name && step >= 0) this.shell.say(`${opOf(this.track.plan, step)} ${shorten(name, 80)}. Enter runs to it.`);
  }

  private search(query: string): { total: number; hits: { name: string; words: string }[] } {
    const { plan, position, entries } = this.track;
    const { total, hits } = find(plan, query, position);
    return { total, hits: hits.map(i => ({ name: plan.drawn?.[i] || plan.names[i]!, words: `${i + 1}. ${opOf(plan, i)} ${i < position ? madeText(entries[i]) : ""}` })) };
  }

  private watchable(): string {
    const step = this.looked;
    return this.chosen || (step >= 0 ? this.run.plan.names[step]! : "");
  }

  private stopHere(name: string): number {
    return this.run.place.breakpoints.find(([, , where]) => where === name)?.[0] ?? 0;
  }

  private async toggleBreak(): Promise<void> {
    const step = this.looked;
    const name = step >= 0 ? this.run.plan.names[step]! : "";
    if (!name || this.inner) return this.shell.say("Choose an operation of the run first.");
    const number = this.stopHere(name);
    await this.ask(number ? "clear" : "break", number ? { number } : { where: name });
    if (number) this.shell.say(`Breakpoint ${number} is gone.`);
  }

  private async ask(verb: string, args: Record<string, unknown>): Promise<void> {
    const message = await this.guard(() => this.run.change(verb, args));
    if (message) this.shell.say(message);
    this.later();
  }

  private async finish(): Promise<void> {
    if (!this.run.canMove) return this.shell.say(this.run.place.over ? sentence(this.run.place.over) : "There is no kernel behind this view.");
    this.pause();
    await this.ask("finish", {});
  }

  // ---- keys --------------------------------------------------------------------------------------------------------

  private key(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target as HTMLElement;
    const typing = target.matches("input:not([type=checkbox]), select, textarea");
    if (typing) {
      if (event.key === "Escape") {
        this.strip.element.focus();
        event.preventDefault();
      }
      return;
    }
    const pressable = target.matches("button, summary, input, a");
    const acts: Record<string, () => void> = {
      ArrowRight: () => void this.step(), n: () => void this.step(), ArrowLeft: () => void this.back(), p: () => void this.back(),
      Home: () => void this.go(0), End: () => void this.go(this.track.plan.names.length),
      b: () => void this.toggleBreak(), i: () => void this.enter(), w: () => void this.ask("watch", { name: this.watchable() }),
      "/": () => this.bar.finder.focus(),
      Escape: () => this.escape(),
      ...(pressable ? {} : { " ": () => this.togglePlay(), Enter: () => void this.runTo() }),
    };
    if (target === this.strip.element) {
      Object.assign(acts, {
        ArrowUp: acts["ArrowRight"], ArrowDown: acts["ArrowLeft"],
        PageUp: () => this.scrub(this.track.position + 10), PageDown: () => this.scrub(this.track.position - 10),
      });
    }
    const act = acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  private escape(): void {
    if (this.playing || this.busy) this.pause();
    else if (this.chosen) this.choose("");
    else if (this.inner) this.leave();
    else this.strip.element.focus();
  }

  // ---- drawing -----------------------------------------------------------------------------------------------------

  private draw(): void {
    const { run, track, inner } = this;
    const { place } = run;
    const chosen = this.chosen ? this.looked : -1;
    const marked = inner ? new Set<number>() : new Set(place.breakpoints.flatMap(([, , where]) => where ? run.steps.get(where) ?? [] : []));
    this.bar.show(headline(track), {
      position: track.position, reach: this.reach(), count: run.count, playing: this.playing > 0, busy: this.busy !== null, over: Boolean(place.over), inside: inner !== null,
    });
    this.strip.show(track, marked, inner?.groups ?? [], chosen);
    this.panel.show(this.shown());
    this.watches.show(place, run.histories, run.position);
    this.stops.show(place);
    this.around.show(track, chosen);
    this.paint();
    this.followStep();
  }

  private shown(): Shown {
    const { run, track, inner } = this;
    const { place } = run;
    const step = this.looked;
    const { plan, entries } = track;
    const ran = step >= 0 && step < track.position;
    const known = step >= 0 && step < entries.length;
    if (!inner && known && ran) run.want(step, () => this.later());
    const card = !ran ? null : inner ? inner.data.cards[step] ?? null : run.cardOf(step);
    const bad = inner ? null : place.bad.find(found => found.at === (this.chosen ? step + 1 : run.position)) ?? null;
    const name = step >= 0 ? plan.names[step]! : this.chosen;
    const title = !this.chosen ? headline(track) : step < 0 ? "Chosen" : `Chosen: step ${step + 1}, ${ran ? "done" : step === track.position ? "next" : "not yet run"}`;
    const failed = this.failed;
    this.failed = "";
    return {
      plan, step, chosen: this.chosen, title, bad, card, entry: ran ? entries[step] : undefined,
      why: this.chosen ? "" : failed || (inner ? inner.data.cut ? "Only the first steps of this loop are shown." : "" : run.stopped ? `Stopped: ${run.stopped}.` : place.over ? sentence(place.over) : ""),
      note: step >= 0 ? ran ? "" : "It has not run yet." : this.chosen ? this.aside(this.chosen) : "",
      place: inner && step >= 0 ? inner.data.places[inner.data.place[step]!] ?? "" : "",
      can: {
        run: Boolean(this.chosen) && step >= 0 && step + 1 !== track.position && step < (run.canMove || inner ? Infinity : entries.length),
        breakpoint: inner || step < 0 || !run.canMove ? null : this.stopHere(name), watch: !inner && run.canMove && Boolean(name) && !name.endsWith("/"),
        inside: !inner && ran && run.hasInside(step), leave: inner !== null,
      },
    };
  }

  /** What is said of a node that is no step. */
  private aside(name: string): string {
    const item = this.picture?.itemOf(name);
    const { graph, run } = this;
    if (!item || !graph) return "It does not run here.";
    if (item.kind !== "op") {
      const { runs, done } = progress(nodesOf(graph, item).map(node => graph.names[node]!), this.steps, this.track);
      return runs ? `${done} of ${plural(runs, "step")} of this scope are done.` : "Nothing in it runs here.";
    }
    const fed = run.plan.fed[`${name}:0`];
    if (fed !== undefined) return `It is fed: ${fed}.`;
    if (run.histories[name]) return "A variable: it does not run, operations read and write it. Its value is below.";
    return "This run does not need it.";
  }

  /** The picture's colours and words: done, next, NaN; values on the edges. */
  private paint(): void {
    const { picture, graph, track, steps, run } = this;
    if (!picture || !graph) return;
    const key = JSON.stringify([track.position, track.entries.length, this.inner?.step ?? -1, run.place.breakpoints, run.histories]);
    if (key === this.painted) return;
    this.painted = key;
    const names = (item: Item) => nodesOf(graph, item).map(node => graph.names[node]!);
    const of = (item: Item) => progress(names(item), this.inner && !item.id.startsWith(this.loop) ? run.steps : steps, this.inner && !item.id.startsWith(this.loop) ? run : track);
    picture.paint({
      mark: item => {
        const { runs, done, bad, next } = of(item);
        return bad ? "bad" : next ? "next" : runs && done === runs ? "done" : null;
      },
      badge: item => {
        const { runs, done } = of(item);
        if (item.kind === "op") return this.stopHere(item.id) ? "● stop" : null;
        return runs && done && done < runs && !item.open ? `${done} of ${runs}` : null;
      },
      dim: item => !names(item).some(name => steps.has(name) || run.steps.has(name) || run.histories[name] || run.plan.fed[`${name}:0`] !== undefined),
      wireLabel: wire => this.words(graph, wire),
    });
  }

  /** Names of what stands inside the loop that we are in begin so. */
  private get loop(): string {
    return this.inner ? `${this.run.plan.names[this.inner.step]}/` : "";
  }

  private words(graph: Graph, wire: Wire): string | null {
    const { run, inner } = this;
    const values = new Set<string>();
    let missing = 0;
    const seen = new Set<string>();
    for (const edge of wire.edges) {
      const name = graph.names[graph.from[edge]!]!, slot = graph.slot[edge]!;
      if (slot < 0 || seen.has(`${name}:${slot}`)) continue;
      seen.add(`${name}:${slot}`);
      const within = inner && name.startsWith(this.loop);
      const value = within ? valueOn(inner, inner.steps, {}, name, slot) : valueOn(run, run.steps, run.histories, name, slot);
      if (value) values.add(value);
      else missing++;
    }
    if (!values.size) return null;
    return values.size === 1 && !missing ? [...values][0]! : missing ? `${seen.size - missing} of ${seen.size} values` : `${seen.size} values`;
  }

  /** Keeps the step where we stand selected in the picture. */
  private followStep(): void {
    const { picture, track, inner } = this;
    if (!picture || this.chosen) return;
    const at = track.position - 1;
    const name = at >= 0 ? track.plan.drawn?.[at] || track.plan.names[at]! : "";
    if (name === this.followed) return;
    this.followed = name;
    void picture.select(name ? [name] : [], { reveal: this.follow || inner !== null, center: true });
  }
}

/** Per step inside a loop the number of its iteration, as its place says. */
function iterations({ place, places }: Inside): number[] {
  const numbers = places.map(text => Number(/iteration (\d+)$/.exec(text)?.[1] ?? 0));
  return place.map(at => numbers[at] ?? 0);
}
