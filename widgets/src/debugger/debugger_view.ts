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
import type { Shell } from "../core/shell.ts";
import { decode, type Graph } from "../graph/columns.ts";
import { Bar } from "./bar.ts";
import { Panel, type Shown } from "./panel.ts";
import { Pictured } from "./pictured.ts";
import { Run, sentence } from "./run.ts";
import { Around, Stops, Watches } from "./side.ts";
import { Strip } from "./strip.ts";
import { Walker } from "./walker.ts";
import { find, headline, madeText, opOf, stepNow } from "./walk.ts";

const KEYS = "→ or N step, ← or P back, space play and pause, Home start, End on to the end, Enter run to the chosen operation, " +
  "B breakpoint, W watch, I look inside a loop, / find, Escape back. In the graph the arrow keys lead along its edges.";

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
  private readonly picture: Pictured | null;
  private readonly walker: Walker;
  private chosen = ""; // the name of a node that the learner looks at; "": the one where we stand
  private picked = -1; // the step of it that was chosen, if that was said
  private frame = 0;

  constructor(private readonly shell: Shell, private readonly run: Run, graph: Graph | null) {
    const walker = (this.walker = new Walker(shell, run, { forget: () => this.forget(), changed: () => this.later(), wait: () => this.bar.wait }));
    this.bar = new Bar(shell, {
      start: () => void walker.go(0), back: () => void walker.nudge(-1), play: () => walker.togglePlay(), step: () => void walker.nudge(1),
      end: () => void walker.go(walker.track.plan.names.length), finish: () => void this.finish(),
      search: query => this.search(query),
      choose: name => {
        this.choose(name);
        this.strip.element.focus({ preventScroll: true }); // so that Enter runs to it
      },
    });
    this.strip = new Strip(shell, position => walker.scrub(position));
    this.panel = new Panel(shell, {
      runTo: () => void this.runTo(), toggleBreak: () => void this.toggleBreak(), watch: () => void this.ask("watch", { name: this.watchable() }),
      inside: () => void walker.enter(this.looked), leave: () => walker.leave(), here: () => this.choose(""),
    });
    this.watches = new Watches(shell, name => void this.ask("unwatch", { name }));
    this.stops = new Stops(shell, async when => this.shell.say(sentence(await this.run.change("break", { when }))), number => void this.ask("clear", { number }));
    this.around = new Around(shell, step => this.choose(this.walker.track.plan.names[step]!, step));
    const keys = h("details", { class: "labkit-db-keys" }, h("summary", {}, "Keys"), h("p", {}, KEYS));
    const side = h("div", { class: "labkit-db-side" }, this.panel.element, this.watches.element, this.stops.element, this.around.element, keys);
    shell.body.classList.add("labkit-db");
    const stage = h("div", { class: "labkit-db-stage", hidden: !graph });
    shell.body.append(this.bar.element, this.strip.element, h("div", { class: "labkit-db-main" }, stage, side));
    this.picture = graph && new Pictured(shell, stage, graph, run, {
      choose: name => this.choose(name, -1, false), runTo: name => { this.chosen = name; void this.runTo(); },
      search: () => this.bar.finder.focus(), changed: () => this.later(),
    });
  }

  async start(): Promise<void> {
    const { shell, run } = this;
    for (const trait of ["position", "place", "histories"]) shell.watch(trait, () => this.changed());
    shell.body.addEventListener("keydown", event => this.key(event), { signal: shell.signal });
    shell.onTold(names => { if (names[0] !== undefined) this.choose(names[0]); });
    shell.signal.addEventListener("abort", () => cancelAnimationFrame(this.frame), { once: true });
    await this.picture?.ready;
    this.draw();
    void run.greet().then(() => this.changed(), () => {
      if (shell.signal.aborted) return;
      if (!run.place.over) shell.say("There is no kernel behind this view: what was seen can be walked through again.");
      this.later();
    });
    shell.ready();
  }

  // ---- where we are ------------------------------------------------------------------------------------------------

  /** The step that the panel shows: a chosen one, else the one that we stand behind. */
  private get looked(): number {
    const { track } = this.walker;
    if (this.picked >= 0) return this.picked;
    return this.chosen ? stepNow(track.steps.get(this.chosen), track.position) : track.position - 1;
  }

  private changed(): void {
    this.walker.moved();
    void this.run.catchUp().then(came => { if (came) this.later(); }, () => {});
  }

  private later(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      if (!this.shell.signal.aborted) this.draw();
    });
  }

  private forget(): void {
    this.chosen = "";
    this.picked = -1;
  }

  private async runTo(): Promise<void> {
    const step = this.looked;
    if (!this.chosen) return this.shell.say("Choose an operation first, in the graph or among the steps.");
    if (step < 0) return this.shell.say("This does not run here: choose an operation of the run.");
    await this.walker.go(step + 1);
  }

  // ---- choosing ----------------------------------------------------------------------------------------------------

  private choose(name: string, step = -1, show = true): void {
    const { plan } = this.walker.track;
    this.chosen = name && step >= 0 ? plan.drawn?.[step] || name : name;
    this.picked = name ? step : -1;
    if (show) this.picture?.select(this.chosen);
    this.draw();
    const at = step >= 0 ? step : this.looked;
    if (show && name && at >= 0) this.shell.say(`${opOf(plan, at)} ${shorten(name, 80)}, step ${at + 1}. Enter runs to it.`);
  }

  private search(query: string): { total: number; hits: { name: string; words: string }[] } {
    const { plan, position, entries } = this.walker.track;
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
    if (!name || this.walker.inner) return this.shell.say("Choose an operation of the run first.");
    const number = this.stopHere(name);
    await this.ask(number ? "clear" : "break", number ? { number } : { where: name });
    if (number) this.shell.say(`Breakpoint ${number} is gone.`);
  }

  private async ask(verb: string, args: Record<string, unknown>): Promise<void> {
    const message = await this.walker.guard(() => this.run.change(verb, args));
    if (message) this.shell.say(message);
    this.later();
  }

  private async finish(): Promise<void> {
    if (!this.run.canMove) return this.shell.say(this.run.place.over ? sentence(this.run.place.over) : "There is no kernel behind this view.");
    this.walker.pause();
    await this.ask("finish", {});
  }

  // ---- keys --------------------------------------------------------------------------------------------------------

  private key(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const { walker } = this;
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
      ArrowRight: () => void walker.nudge(1), n: () => void walker.nudge(1), ArrowLeft: () => void walker.nudge(-1), p: () => void walker.nudge(-1),
      Home: () => void walker.go(0), End: () => void walker.go(walker.track.plan.names.length),
      b: () => void this.toggleBreak(), i: () => void walker.enter(this.looked), w: () => void this.ask("watch", { name: this.watchable() }),
      "/": () => this.bar.finder.focus(),
      Escape: () => this.escape(),
      ...(pressable ? {} : { " ": () => walker.togglePlay(), Enter: () => void this.runTo() }),
    };
    if (target === this.strip.element) {
      Object.assign(acts, {
        ArrowUp: acts["ArrowRight"], ArrowDown: acts["ArrowLeft"],
        PageUp: () => walker.scrub(walker.track.position + 10), PageDown: () => walker.scrub(walker.track.position - 10),
      });
    }
    const act = acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  private escape(): void {
    if (this.walker.playing) this.walker.pause();
    else if (this.chosen) this.choose("");
    else if (this.walker.inner) this.walker.leave();
    else this.strip.element.focus();
  }

  // ---- drawing -----------------------------------------------------------------------------------------------------

  private draw(): void {
    const { run, walker } = this;
    const { track, inner } = walker;
    const { place } = run;
    const held = this.focused() !== null;
    const chosen = this.chosen ? this.looked : -1;
    const marked = inner ? new Set<number>() : new Set(place.breakpoints.flatMap(([, , where]) => where ? run.steps.get(where) ?? [] : []));
    this.bar.show(inner ? `Inside: ${headline(track)}` : headline(track), {
      position: track.position, reach: walker.reach, playing: walker.playing, over: !run.canMove, inside: inner !== null,
    });
    this.strip.show(track, marked, inner?.groups ?? [], chosen);
    this.panel.show(this.shown());
    this.watches.show(place, run.histories, run.position);
    this.stops.show(place);
    this.around.show(track, chosen);
    this.picture?.paint(inner);
    if (!this.chosen) this.picture?.follow();
    // A button that went away, or a row that was drawn anew, would take the focus, and the next key, out of the view.
    if (held && !(this.focused()?.getClientRects().length)) this.strip.element.focus({ preventScroll: true });
  }

  /** The element in this view that has the focus. */
  private focused(): Element | null {
    const { activeElement } = this.shell.root.getRootNode() as Document | ShadowRoot;
    return activeElement && this.shell.root.contains(activeElement) ? activeElement : null;
  }

  private shown(): Shown {
    const { run } = this;
    const { track, inner, failed } = this.walker;
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
    return {
      plan, step, chosen: this.chosen, title, bad, card, entry: ran ? entries[step] : undefined,
      why: this.chosen ? "" : failed || (inner ? inner.data.cut ? "Only the first steps of this loop are shown." : "" : run.stopped ? `Stopped: ${run.stopped}.` : place.over ? sentence(place.over) : ""),
      note: step >= 0 ? ran ? "" : "It has not run yet." : this.chosen ? this.picture?.about(this.chosen) ?? "" : "",
      place: inner && step >= 0 ? inner.data.places[inner.data.place[step]!] ?? "" : "",
      can: {
        run: Boolean(this.chosen) && step >= 0 && step + 1 !== track.position && step < (run.canMove || inner ? Infinity : entries.length),
        breakpoint: inner || step < 0 || !run.canMove ? null : this.stopHere(name), watch: !inner && run.canMove && Boolean(name) && !name.endsWith("/"),
        inside: !inner && ran && run.hasInside(step), leave: inner !== null,
      },
    };
  }
}
