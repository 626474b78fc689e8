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
import { Bar } from "./bar.ts";
import type { Inner, Walk } from "./overlay.ts";
import { Panel, type Shown } from "./panel.ts";
import { Pictured } from "./pictured.ts";
import { Run, sentence } from "./run.ts";
import { Around, Stops, Watches } from "./side.ts";
import { Strip } from "./strip.ts";
import { find, headline, madeText, opOf, plural, spoken, stepNow, stepsByName, stopOnTheWay, type Inside } from "./walk.ts";

const LEAST_MS = 50; // between two moves: twenty a second
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
  private inner: Inner | null = null;
  private chosen = ""; // the name of a node that the learner looks at; "": the one where we stand
  private picked = -1; // the step of it that was chosen, if that was said
  private playing = 0; // a timer
  private scrubbing = 0; // another
  private wished = 0; // where the mouse wants to be
  private owed = 0; // steps that were asked for while the kernel was at work
  private busy: AbortController | null = null; // a run that goes on
  private frame = 0;
  private said = 0; // the position that was spoken of
  private asking = 0; // moves that are under way
  private failed = ""; // what the kernel said to the last move

  constructor(private readonly shell: Shell, private readonly run: Run, graph: Graph | null) {
    this.bar = new Bar(shell, {
      start: () => void this.go(0), back: () => void this.nudge(-1), play: () => this.togglePlay(), step: () => void this.nudge(1),
      end: () => void this.go(this.track.plan.names.length), finish: () => void this.finish(),
      search: query => this.search(query),
      choose: name => {
        this.choose(name);
        this.strip.element.focus({ preventScroll: true }); // so that Enter runs to it
      },
    });
    this.strip = new Strip(shell, position => this.scrub(position));
    this.panel = new Panel(shell, {
      runTo: () => void this.runTo(), toggleBreak: () => void this.toggleBreak(), watch: () => void this.ask("watch", { name: this.watchable() }),
      inside: () => void this.enter(), leave: () => this.leave(), here: () => this.choose(""),
    });
    this.watches = new Watches(shell, name => void this.ask("unwatch", { name }));
    this.stops = new Stops(shell, async when => this.shell.say(sentence(await this.run.change("break", { when }))), number => void this.ask("clear", { number }));
    this.around = new Around(shell, step => this.choose(this.track.plan.names[step]!, step));
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
    const watcher = new IntersectionObserver(entries => { if (entries.every(entry => !entry.isIntersecting)) this.pause(); });
    watcher.observe(shell.root);
    shell.signal.addEventListener("abort", () => {
      watcher.disconnect();
      this.pause();
      clearTimeout(this.scrubbing);
      cancelAnimationFrame(this.frame);
    }, { once: true });
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

  /** The run, or the loop that we are inside of. */
  private get track(): Walk {
    return this.inner ?? this.run;
  }

  /** The step that the panel shows: a chosen one, else the one that we stand behind. */
  private get looked(): number {
    const { track } = this;
    if (this.picked >= 0) return this.picked;
    return this.chosen ? stepNow(track.steps.get(this.chosen), track.position) : track.position - 1;
  }

  private changed(): void {
    if (this.inner && this.inner.step >= this.run.position) this.inner = null; // we went back over the loop
    if (!this.asking && !this.playing && !this.inner && this.run.position !== this.said) this.arrived(); // the learner's code, or another view
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

  /** Some steps on, or back. What is pressed while the kernel is at work is done in one go afterwards. */
  private async nudge(by: number): Promise<void> {
    this.pause();
    this.forget();
    this.owed += by;
    if (this.asking) return;
    while (this.owed && !this.shell.signal.aborted) {
      const now = this.owed;
      this.owed = 0;
      await (now > 0 ? this.forward(now) : this.back(-now));
      if (this.owed) await new Promise(done => setTimeout(done, LEAST_MS));
    }
  }

  /** Steps on; false if that is as far as it goes for now. */
  private async forward(count: number): Promise<boolean> {
    const { inner, run } = this;
    const stops = this.shell.get<boolean>("stop_at_bad");
    this.forget();
    if (inner) {
      inner.position = stopOnTheWay(stops ? inner.entries : [], inner.position, Math.min(inner.position + count, inner.entries.length));
      this.arrived();
      return inner.position < inner.entries.length && !(stops && inner.entries[inner.position - 1]?.[0]);
    }
    const before = run.position;
    if (before >= run.count) return false;
    const moved = await this.guard(() => run.step(count));
    this.arrived();
    if (!moved || moved.position <= before || run.stopped || moved.position >= run.count) return false;
    return run.canMove || !stops || !run.entries[moved.position - 1]?.[0];
  }

  private async back(count: number): Promise<void> {
    const { inner, run } = this;
    if (inner) inner.position = Math.max(0, inner.position - count);
    else if (run.position > 0) await this.guard(() => run.back(count));
    this.arrived();
  }

  /** What was chosen, and what went wrong, is past. */
  private forget(): void {
    this.chosen = this.failed = "";
    this.picked = -1;
  }

  /** To a position, running what has not run; the kernel stops where there is a reason. */
  private async go(position: number): Promise<void> {
    this.pause();
    this.forget();
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

  /** Under the mouse the position changes often: it is told at most twenty times a second. */
  private scrub(position: number): void {
    this.wished = position;
    if (this.scrubbing) return;
    this.stand(position);
    this.scrubbing = window.setTimeout(() => {
      this.scrubbing = 0;
      if (this.wished !== position && !this.shell.signal.aborted) this.scrub(this.wished);
    }, LEAST_MS);
  }

  private stand(position: number): void {
    const { inner, run } = this;
    this.pause();
    this.forget();
    if (inner) inner.position = Math.max(0, Math.min(position, inner.entries.length));
    else if (position > run.entries.length && run.canMove && !this.busy) return void this.go(position);
    else run.stand(position);
    this.later();
  }

  private togglePlay(): void {
    if (this.playing || this.busy) {
      this.pause();
      return this.shell.say(`Paused. ${spoken(this.track)}`);
    }
    const next = () => {
      this.playing = window.setTimeout(() => void this.forward(1).then(more => {
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
    this.said = run.position;
    if (this.failed) this.shell.say(this.failed);
    else if (stopped) this.shell.say(`Stopped: ${stopped}. ${spoken(run)}`);
    else if (!this.playing) this.shell.say(inner && inner.position ? `${spoken(inner)}, in the ${inner.data.places[inner.data.place[inner.position - 1]!]}` : spoken(this.track));
    this.later();
  }

  private async guard<T>(act: () => Promise<T>): Promise<T | null> {
    this.asking++;
    try {
      return await act();
    } catch (error) {
      this.pause();
      if (!(error instanceof Refused)) throw error;
      this.failed = error.message;
      this.shell.say(error.message);
      return null;
    } finally {
      this.asking--;
    }
  }

  // ---- loops -------------------------------------------------------------------------------------------------------

  private async enter(): Promise<void> {
    const step = this.looked;
    if (this.inner || !this.run.hasInside(step)) return this.shell.say("There is nothing inside: it is a single operation.");
    this.pause();
    const data = await this.guard(() => this.run.inside(step));
    if (!data) return;
    this.inner = {
      data, step, plan: data.plan, entries: data.entries, position: Math.min(1, data.entries.length), steps: stepsByName(data.plan),
      histories: data.histories, loop: `${this.run.plan.names[step]}/`, groups: iterations(data),
    };
    this.forget();
    this.draw();
    this.shell.say(`Inside ${shorten(this.run.plan.names[step]!, 60)}: ${plural(data.entries.length, "step")}${data.cut ? ", only the first ones are shown" : ""}. Escape leaves.`);
  }

  private leave(): void {
    this.inner = null;
    this.forget();
    this.shell.say(spoken(this.run));
    this.draw();
  }

  // ---- choosing ----------------------------------------------------------------------------------------------------

  private choose(name: string, step = -1, show = true): void {
    const { plan } = this.track;
    this.chosen = name && step >= 0 ? plan.drawn?.[step] || name : name;
    this.picked = name ? step : -1;
    if (show) this.picture?.select(this.chosen);
    this.draw();
    const at = step >= 0 ? step : this.looked;
    if (show && name && at >= 0) this.shell.say(`${opOf(plan, at)} ${shorten(name, 80)}, step ${at + 1}. Enter runs to it.`);
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
      ArrowRight: () => void this.nudge(1), n: () => void this.nudge(1), ArrowLeft: () => void this.nudge(-1), p: () => void this.nudge(-1),
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
    const held = this.focused() !== null;
    const chosen = this.chosen ? this.looked : -1;
    const marked = inner ? new Set<number>() : new Set(place.breakpoints.flatMap(([, , where]) => where ? run.steps.get(where) ?? [] : []));
    this.bar.show(headline(track), {
      position: track.position, reach: this.reach(), count: run.count, playing: this.playing > 0, busy: this.busy !== null, over: !run.canMove, inside: inner !== null,
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
    return {
      plan, step, chosen: this.chosen, title, bad, card, entry: ran ? entries[step] : undefined,
      why: this.chosen ? "" : this.failed || (inner ? inner.data.cut ? "Only the first steps of this loop are shown." : "" : run.stopped ? `Stopped: ${run.stopped}.` : place.over ? sentence(place.over) : ""),
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

/** Per step inside a loop the number of its iteration, as its place says. */
function iterations({ place, places }: Inside): number[] {
  const numbers = places.map(text => Number(/iteration (\d+)$/.exec(text)?.[1] ?? 0));
  return place.map(at => numbers[at] ?? 0);
}
