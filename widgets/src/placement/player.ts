// Playing the placer: op by op whose turn it was, the devices that were looked at with the end on each, and the choice.
// Steps are asked of the kernel some at a time.

import { button, h, shorten } from "../core/dom.ts";
import { Refused, type Shell } from "../core/shell.ts";
import { ends } from "./panel.ts";

export type Step = [op: number, device: number, tried: [number, number][], reason: string, looked: number];

const CHUNK = 100;
const PER_SECOND = 3;

export interface Stage {
  label(device: number): string;
  name(op: number): string;
  show(placed: ReadonlySet<number> | null, now: number): void; // which ops have a device; null: playing is over
}

export class Player {
  readonly element: HTMLElement;
  private slider = h("input", { type: "range", class: "labkit-pl-slider", min: 1, max: 1, value: 1, "aria-label": "Step of the placer" });
  private words = h("div", { class: "labkit-pl-turn" });
  private play: HTMLButtonElement;
  private steps: Step[] = [];
  private of = 0;
  private at = 0; // steps done; the last of them is shown
  private timer = 0;
  private job = 0;

  constructor(private shell: Shell, private stage: Stage) {
    const { signal } = shell;
    this.play = button("▶\ufe0e Play", () => this.toggle(), signal, "Step by step by itself");
    this.slider.addEventListener("input", () => { this.pause(); void this.to(Number(this.slider.value)); }, { signal });
    this.element = h("div", { class: "labkit-pl-player", role: "group", "aria-label": "Play the placer", hidden: true },
      h("div", { class: "labkit-pl-controls" },
        button("⇤", () => { this.pause(); void this.to(1); }, signal, "To the first step"),
        button("←", () => { this.pause(); void this.to(this.at - 1); }, signal, "One step back"),
        this.play, button("→", () => { this.pause(); void this.to(this.at + 1); }, signal, "One step on"), this.slider),
      this.words);
    for (const made of this.element.querySelectorAll("button")) if (!/[a-z]/i.test(made.textContent!)) made.setAttribute("aria-label", made.title);
    signal.addEventListener("abort", () => clearTimeout(this.timer), { once: true });
  }

  get open(): boolean {
    return !this.element.hidden;
  }

  /** Opens the player at the first step, or closes it. */
  async show(open: boolean): Promise<void> {
    this.pause();
    this.element.hidden = !open;
    this.steps = [];
    this.of = this.at = 0;
    this.job++;
    if (open) await this.to(1);
    else this.stage.show(null, -1);
  }

  private toggle(): void {
    if (this.timer) return this.pause();
    this.play.textContent = "❚❚ Pause";
    this.play.setAttribute("aria-pressed", "true");
    const next = async () => {
      await this.to(this.at >= this.of ? 1 : this.at + 1);
      if (this.timer && this.at < this.of) this.timer = window.setTimeout(next, 1000 / PER_SECOND);
      else this.pause();
    };
    this.timer = window.setTimeout(next, 0);
  }

  private pause(): void {
    clearTimeout(this.timer);
    this.timer = 0;
    this.play.textContent = "▶\ufe0e Play";
    this.play.removeAttribute("aria-pressed");
  }

  /** Shows a step, counted from 1. */
  private async to(at: number): Promise<void> {
    const job = ++this.job;
    try {
      while (this.steps.length < Math.min(at, this.of || at)) {
        const { result } = await this.shell.request("steps", { first: this.steps.length, count: CHUNK });
        if (job !== this.job) return;
        this.of = result.of;
        if (!result.steps.length) break;
        this.steps.push(...result.steps as Step[]);
      }
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.pause();
      this.words.replaceChildren(error.message);
      return;
    }
    this.at = Math.max(1, Math.min(at, this.of));
    const step = this.steps[this.at - 1];
    if (!step) return;
    const [op, device, tried, reason, looked] = step;
    this.slider.max = String(this.of);
    this.slider.value = String(this.at);
    const words = `${this.at} of ${this.of}: ${shorten(this.stage.name(op), 60)} goes to ${this.stage.label(device)}`;
    this.slider.setAttribute("aria-valuetext", words);
    this.words.replaceChildren(h("p", {}, h("strong", {}, words), ` — ${shorten(reason, 300)}`),
      tried.length > 1 ? h("p", { class: "labkit-gv-key" }, `It looked at ${looked} devices; the op would end at:`) : "",
      tried.length > 1 ? ends(tried.filter(([other], place) => place < 7 || other === device), device, this.stage.label) : "");
    this.stage.show(new Set(this.steps.slice(0, this.at).map(([placed]) => placed)), op);
    this.shell.say(words);
  }
}
