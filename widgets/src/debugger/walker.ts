// What moves: steps, runs to a place, play, scrubbing; in the run, or in a loop that we are inside of.
//
// The position of the run is shared by all its views and kept by the kernel; that inside a loop is the page's own. One
// move at a time is asked of the kernel, at most twenty a second; what is pressed meanwhile is done in one go afterwards.

import { shorten } from "../core/dom.ts";
import { Refused, type Shell } from "../core/shell.ts";
import type { Inner, Walk } from "./overlay.ts";
import type { Run } from "./run.ts";
import { plural, spoken, stepsByName, stopOnTheWay, type Inside } from "./walk.ts";

const LEAST_MS = 50;

export interface Watcher {
  forget(): void; // what was chosen is past
  changed(): void; // draw
  wait(): number; // milliseconds between two steps of playing
}

export class Walker {
  inner: Inner | null = null;
  failed = ""; // what the kernel said to the last move
  private timer = 0; // of playing
  private busy: AbortController | null = null; // a run that goes on
  private scrubbing = 0; // a timer
  private wished = 0; // where the mouse wants to be
  private owed = 0; // steps that were asked for while the kernel was at work
  private asking = 0; // questions that are under way
  private said = 0; // the position that was spoken of

  constructor(private readonly shell: Shell, private readonly run: Run, private readonly watcher: Watcher) {
    const seen = new IntersectionObserver(entries => { if (entries.every(entry => !entry.isIntersecting)) this.pause(); });
    seen.observe(shell.root);
    shell.signal.addEventListener("abort", () => {
      seen.disconnect();
      this.pause();
      clearTimeout(this.scrubbing);
    }, { once: true });
  }

  /** The run, or the loop that we are inside of. */
  get track(): Walk {
    return this.inner ?? this.run;
  }

  get playing(): boolean {
    return this.timer > 0 || this.busy !== null;
  }

  /** How far it can go. */
  get reach(): number {
    if (this.inner) return this.inner.entries.length;
    return this.run.canMove ? this.run.count : this.run.entries.length;
  }

  /** The position, or what is known of the run, has changed. */
  moved(): void {
    const { run } = this;
    if (this.inner && this.inner.step >= run.position) this.inner = null; // we went back over the loop
    if (!this.asking && !this.timer && !this.inner && run.position !== this.said) this.arrived(); // the learner's code, or another view
    this.watcher.changed();
  }

  /** Some steps on, or back. */
  async nudge(by: number): Promise<void> {
    this.pause();
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
    this.forget();
    if (inner) inner.position = Math.max(0, inner.position - count);
    else if (run.position > 0) await this.guard(() => run.back(count));
    this.arrived();
  }

  /** To a position, running what has not run; the kernel stops where there is a reason. */
  async go(position: number): Promise<void> {
    this.pause();
    this.forget();
    if (this.inner) this.inner.position = Math.min(position, this.inner.entries.length);
    else {
      const busy = (this.busy = new AbortController());
      this.watcher.changed();
      await this.guard(() => this.run.to(position, true, busy.signal));
      if (this.busy === busy) this.busy = null;
    }
    this.arrived();
  }

  /** Where the mouse is; it is told at most twenty times a second. */
  scrub(position: number): void {
    this.wished = position;
    if (this.scrubbing) return;
    this.stand(position);
    this.scrubbing = window.setTimeout(() => {
      this.scrubbing = 0;
      if (this.wished !== position) this.scrub(this.wished);
    }, LEAST_MS);
  }

  private stand(position: number): void {
    const { inner, run } = this;
    if (!inner && position > run.entries.length && run.canMove) return this.busy ? undefined : void this.go(position);
    this.pause();
    this.forget();
    if (inner) inner.position = Math.max(0, Math.min(position, inner.entries.length));
    else run.stand(position);
    this.watcher.changed();
  }

  togglePlay(): void {
    if (this.playing) {
      this.pause();
      return this.shell.say(`Paused. ${spoken(this.track)}`);
    }
    if (this.track.position >= this.reach) return this.shell.say("There is nothing more to play: go back, and play again.");
    const next = () => {
      this.timer = window.setTimeout(() => void this.forward(1).then(more => {
        if (more && this.timer) next();
        else this.pause();
      }), this.watcher.wait());
    };
    this.shell.say("Playing. Space pauses.");
    next();
    this.watcher.changed();
  }

  pause(): void {
    clearTimeout(this.timer);
    this.busy?.abort();
    this.timer = 0;
    this.watcher.changed();
  }

  /** After a move: says where we are, in few words while playing. */
  private arrived(): void {
    const { run, inner, shell } = this;
    this.said = run.position;
    const place = inner?.position ? `, in the ${inner.data.places[inner.data.place[inner.position - 1]!]}` : "";
    if (this.failed) shell.say(this.failed);
    else if (!inner && run.stopped) shell.say(`Stopped: ${run.stopped}. ${spoken(run)}`);
    else if (!this.timer) shell.say(spoken(this.track) + place);
    this.watcher.changed();
  }

  private forget(): void {
    this.failed = "";
    this.watcher.forget();
  }

  /** Asks the kernel; a refusal is said, and shown until the next move. */
  async guard<T>(act: () => Promise<T>): Promise<T | null> {
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

  /** Goes into the loop or the branch of a step. */
  async enter(step: number): Promise<void> {
    const { run, shell } = this;
    if (this.inner || !run.hasInside(step)) return shell.say("There is nothing inside: it is a single operation.");
    this.pause();
    const data = await this.guard(() => run.inside(step));
    if (!data) return this.watcher.changed();
    const { plan, entries, histories } = data;
    this.inner = {
      data, step, plan, entries, histories, position: Math.min(1, entries.length), steps: stepsByName(plan),
      loop: `${run.plan.names[step]}/`, groups: iterations(data),
    };
    this.forget();
    this.watcher.changed();
    shell.say(`Inside ${shorten(run.plan.names[step]!, 60)}: ${plural(entries.length, "step")}${data.cut ? ", only the first ones are shown" : ""}. Escape leaves.`);
  }

  leave(): void {
    this.pause();
    this.inner = null;
    this.forget();
    this.arrived();
  }
}

/** Per step inside a loop the number of its iteration, as its place says. */
function iterations({ place, places }: Inside): number[] {
  const numbers = places.map(text => Number(/iteration (\d+)$/.exec(text)?.[1] ?? 0));
  return place.map(at => numbers[at] ?? 0);
}
