// Start, pause, single steps, stop; how far it is; and the learning rate. What is pressed is asked of the kernel, and what
// is shown is what the kernel says.

import { button, h } from "../core/dom.ts";
import type { Shell } from "../core/shell.ts";
import { count, short, time } from "../core/scale.ts";
import type { Run, Store } from "./store.ts";

const GO: Record<string, [label: string, verb: string, title: string]> = {
  ready: ["Start", "start", "Begin the training"],
  running: ["Pause", "pause", "Wait before the next step"],
  paused: ["Resume", "resume", "Go on"],
  stopped: ["Go on", "start", "Train the steps that are missing"],
  finished: ["Train on", "start", "Train as many steps again"],
  failed: ["Try again", "start", "Go on with the step that failed"],
};

export class Controls {
  readonly bar: HTMLElement;
  readonly rateBar: HTMLElement;
  private readonly go: HTMLButtonElement;
  private readonly stop: HTMLButtonElement;
  private readonly progress = h("progress", { class: "labkit-progress", "aria-label": "Steps done", max: 1, value: 0 });
  private readonly how = h("span", { class: "labkit-how" });
  private readonly slider = h("input", { type: "range", min: 0, max: 1000, step: 1, class: "labkit-range", "aria-label": "Learning rate" });
  private readonly box = h("input", { type: "number", min: 0, step: "any", class: "labkit-input labkit-number", "aria-label": "Learning rate as a number" });
  private range: [number, number] = [1e-4, 1];
  private touched = -Infinity; // when somebody moved the slider
  private waiting: ReturnType<typeof setTimeout> | null = null;
  private state = "";
  private said = "";

  constructor(private readonly shell: Shell, live: boolean) {
    const { signal } = shell;
    this.go = button("Start", () => this.ask(GO[this.state]?.[1] ?? "start"), signal);
    this.stop = button("Stop", () => {
      if (this.stop.getAttribute("aria-disabled") !== "true") this.ask("stop");
    }, signal, "End the run after this step");
    const once = button("One step", () => this.ask("step"), signal, "Train one step, then wait");
    this.bar = h("div", { class: "labkit-bar" }, ...(live ? [this.go, once, this.stop] : []), this.progress, this.how);
    this.rateBar = h("div", { class: "labkit-bar labkit-rate", hidden: true },
      h("span", { "aria-hidden": "true" }, "Learning rate"), this.slider, this.box);
    this.slider.disabled = this.box.disabled = !live;
    this.slider.addEventListener("input", () => {
      const value = Number(this.fromSlider().toPrecision(3));
      this.box.value = String(value);
      this.setRate(value, 80);
    }, { signal });
    this.box.addEventListener("change", () => {
      const value = Number(this.box.value);
      if (this.box.value === "" || !Number.isFinite(value) || value < 0) {
        this.shell.say("A learning rate is a number that is not negative.");
        return;
      }
      this.toSlider(value);
      this.setRate(value, 0);
    }, { signal });
    signal.addEventListener("abort", () => { if (this.waiting) clearTimeout(this.waiting); }, { once: true });
  }

  update(store: Store, run: Run): void {
    if (this.state !== run.state) {
      const first = this.state === "";
      this.state = run.state;
      const [label, , title] = GO[run.state] ?? GO["ready"]!;
      this.go.textContent = label;
      this.go.title = title;
      const ended = !["running", "paused"].includes(run.state);
      this.stop.setAttribute("aria-disabled", String(ended));
      if (!first || run.state === "failed") this.shell.say(run.words || (run.state === "running" ? "Training." : ""));
      else if (run.state === "running" && run.words) this.shell.say(run.words);
      this.how.classList.toggle("labkit-failed", run.state === "failed");
    } else if (this.said !== run.words) { // a checkpoint could not be saved; now it could
      this.shell.say(run.words || (run.state === "running" ? "Training." : ""));
    }
    this.said = run.words;
    this.progress.hidden = run.steps === null;
    this.progress.max = run.steps ?? 1;
    this.progress.value = Math.min(run.step, run.steps ?? 0);
    this.how.textContent = words(run);
    this.rateBar.hidden = run.rate === null;
    if (store.rateRange) this.range = store.rateRange;
    if (run.rate !== null && performance.now() - this.touched > 1000 && this.shell.root.ownerDocument.activeElement !== this.box) {
      this.box.value = String(Number(run.rate.toPrecision(6)));
      this.toSlider(run.rate);
    }
  }

  private fromSlider(): number {
    const [low, high] = this.range;
    return low * (high / low) ** (Number(this.slider.value) / 1000);
  }

  private toSlider(value: number): void {
    const [low, high] = this.range;
    const place = value > 0 ? Math.log(value / low) / Math.log(high / low) : 0;
    this.slider.value = String(Math.round(1000 * Math.min(1, Math.max(0, place))));
    this.slider.setAttribute("aria-valuetext", short(value));
  }

  /** A slider fires faster than anybody reads: the last of several values is sent. */
  private setRate(value: number, delay: number): void {
    this.touched = performance.now();
    this.slider.setAttribute("aria-valuetext", short(value));
    if (this.waiting) clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.ask("rate", { value }), delay);
  }

  private ask(verb: string, args: Record<string, unknown> = {}): void {
    this.shell.request(verb, args).then(
      () => { if (verb === "rate") this.shell.say(`The learning rate is ${short(args["value"] as number)} from now on.`); },
      error => this.shell.say(String(error.message ?? error)),
    );
  }
}

/** What a training has lost with its kernel. */
export function lossOf(run: Run): string {
  const reached = `The training was at step ${count(run.step)}`;
  if (run.saved === undefined || run.saved === -1) return `${reached}, and nothing of it is saved: TrainingView(..., checkpoints="folder") saves.`;
  if (run.saved === null) return `${reached}, and nothing of it was saved yet.`;
  return `${reached}; step ${count(run.saved)} is saved, and it goes on from there.`;
}

/** How far, how fast, how long. */
export function words(run: Run): string {
  if (run.state === "read") return run.words;
  const done = run.steps === null ? `step ${count(run.step)}` : `step ${count(run.step)} of ${count(run.steps)}`;
  const parts = [run.state === "failed" ? run.words : done];
  if (run.steps_per_second) parts.push(`${short(run.steps_per_second)} steps/s`);
  if (run.examples_per_second) parts.push(`${short(run.examples_per_second)} examples/s`);
  if (run.state === "running" && run.seconds_left !== null) parts.push(`${time(run.seconds_left)} left`);
  else if (run.seconds && run.state !== "running") parts.push(`${time(run.seconds)} of training`);
  if (run.saved !== undefined && run.saved !== null && run.saved >= 0) parts.push(`step ${count(run.saved)} is saved`);
  if (run.memory_bytes) parts.push(`${short(run.memory_bytes / 2 ** 20)} MiB on the device`);
  return parts.join(" · ");
}
