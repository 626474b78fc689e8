// Plays a run: time goes on with the clock, or, for those who asked for less movement, from one event to the next.

import { calm } from "./theme.ts";

const PAUSE = 600; // ms between events

export class Player {
  playing = false;
  #frame = 0;
  #timer = 0;
  #last = 0;

  /** `go` moves to a moment; `ended` is called when the end is reached or somebody pauses. */
  constructor(
    readonly now: () => number, readonly whole: () => number, readonly lasts: () => number,
    readonly step: () => number, readonly go: (time: number) => void, readonly ended: () => void, signal: AbortSignal,
  ) {
    signal.addEventListener("abort", () => this.#stop(), { once: true });
  }

  play(): void {
    if (this.playing) return;
    if (this.now() >= this.whole() * (1 - 1e-9)) this.go(0);
    this.playing = true;
    if (calm()) this.#timer = setInterval(() => this.#next(this.step()), PAUSE) as unknown as number;
    else this.#frame = requestAnimationFrame(now => { this.#last = now; this.#tick(now); });
  }

  pause(): void {
    if (!this.playing) return;
    this.#stop();
    this.ended();
  }

  #tick(now: number): void {
    const passed = Math.min(100, now - this.#last) / 1000; // a hidden tab does not jump
    this.#last = now;
    this.#next(this.now() + passed / this.lasts() * this.whole());
    if (this.playing) this.#frame = requestAnimationFrame(later => this.#tick(later));
  }

  #next(time: number): void {
    this.go(Math.min(time, this.whole()));
    if (time >= this.whole()) this.pause();
  }

  #stop(): void {
    this.playing = false;
    cancelAnimationFrame(this.#frame);
    clearInterval(this.#timer);
  }
}
