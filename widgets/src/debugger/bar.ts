// The buttons: to the start, back, play, step, to the end; how fast; finding a step.

import { button, h } from "../core/dom.ts";
import type { Shell } from "../core/shell.ts";
import { FindBox, type Hits } from "../graphview/find.ts";

export interface Acts {
  start(): void;
  back(): void;
  play(): void;
  step(): void;
  end(): void;
  finish(): void;
  search(query: string): Hits;
  choose(name: string): void;
}

export const SPEEDS = [1, 2, 5, 10, 20]; // steps a second; never more than 20 updates

export class Bar {
  readonly element: HTMLElement;
  readonly finder: FindBox;
  private readonly where = h("span", { class: "labkit-db-where" });
  private readonly buttons: Record<"start" | "back" | "play" | "step" | "end" | "finish", HTMLButtonElement>;
  private readonly pace: HTMLSelectElement;

  constructor(shell: Shell, acts: Acts) {
    const { signal } = shell;
    const made = (label: string, act: () => void, title: string) => button(label, act, signal, title);
    this.buttons = {
      start: made("⇤ Start", acts.start, "Back to the beginning (Home)"),
      back: made("← Back", acts.back, "One step back (left arrow, or P)"),
      play: made("▶\ufe0e Play", acts.play, "Step by step by itself (space)"),
      step: made("Step →", acts.step, "One step on (right arrow, or N)"),
      end: made("End ⇥", acts.end, "On to the end, or to where it stops by itself (End)"),
      finish: made("Finish", acts.finish, "Run what remains and give the session its new state, as Session.run does"),
    };
    this.pace = h("select", { class: "labkit-select", "aria-label": "Speed of playing" },
      ...SPEEDS.map(speed => h("option", { value: speed, selected: speed === 2 }, `${speed} a second`)));
    this.finder = new FindBox(shell, acts.search, names => { if (names[0] !== undefined) acts.choose(names[0]); });
    const field = this.finder.element.querySelector("input");
    field?.setAttribute("placeholder", "Find a step");
    field?.setAttribute("aria-label", "Find a step by name or type");
    const { start, back, play, step, end, finish } = this.buttons;
    this.element = h("div", { class: "labkit-bar", role: "group", "aria-label": "Walk" },
      start, back, play, step, end, this.pace, this.where, h("span", { class: "labkit-db-gap" }), this.finder.element, finish);
  }

  /** Milliseconds between two steps of playing. */
  get wait(): number {
    return 1000 / (Number(this.pace.value) || 2);
  }

  show(where: string, state: { position: number; reach: number; playing: boolean; over: boolean; inside: boolean }): void {
    const { buttons } = this;
    this.where.textContent = where;
    const label = state.playing ? "❚❚ Pause" : "▶\ufe0e Play";
    if (buttons.play.textContent !== label) buttons.play.textContent = label;
    buttons.play.setAttribute("aria-pressed", String(state.playing));
    this.allow(buttons.start, state.position > 0);
    this.allow(buttons.back, state.position > 0);
    this.allow(buttons.play, state.playing || state.position < state.reach);
    this.allow(buttons.step, state.position < state.reach);
    this.allow(buttons.end, state.position < state.reach);
    this.allow(buttons.finish, !state.over && !state.inside);
  }

  /** A button that cannot act keeps the focus that it has: then nobody is thrown out of the view. */
  private allow(which: HTMLButtonElement, can: boolean): void {
    if (can) which.removeAttribute("aria-disabled");
    else which.setAttribute("aria-disabled", "true");
  }
}
