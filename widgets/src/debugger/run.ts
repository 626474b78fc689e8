// A run as the page holds it: what was told so far, and the questions that make it go on.
//
// Where the kernel answers, it decides where to stop. Without one (a saved notebook, a page in a file, a kernel that is
// gone) the walk goes over what was told, and stops where that ends.

import { Refused, type Shell } from "../core/shell.ts";
import type { Walk } from "./overlay.ts";
import {
  NOWHERE, opOf, stepsByName, stopOnTheWay, take,
  type Card, type Entry, type Inside, type Moment, type Place, type Plan,
} from "./walk.ts";

interface Moved {
  position: number;
  done: boolean;
  message?: string;
}

export class Run implements Walk {
  readonly entries: Entry[] = [];
  readonly steps: Map<string, number[]>;
  alive = false; // the kernel has answered
  private cards = new Map<number, Card>();
  private insides = new Map<number, Inside>();
  private asking = false;
  private wanted = -1;
  private keeping = 0;

  private constructor(private readonly shell: Shell, readonly plan: Plan) {
    this.steps = stepsByName(plan);
  }

  static async open(shell: Shell): Promise<Run> {
    const run = new Run(shell, await unpack<Plan>(shell.get<DataView>("plan")));
    const saved = shell.get<DataView | null>("walk");
    if (saved?.byteLength) {
      const told = await unpack<{ entries: Entry[]; cards?: Record<string, Card>; inside?: Record<string, Inside> }>(saved);
      take(run.entries, [0, told.entries]);
      for (const [i, card] of Object.entries(told.cards ?? {})) run.cards.set(Number(i), card);
      for (const [i, inside] of Object.entries(told.inside ?? {})) run.insides.set(Number(i), inside);
    }
    take(run.entries, run.place.fresh);
    shell.signal.addEventListener("abort", () => clearTimeout(run.keeping), { once: true });
    return run;
  }

  /** Finds out whether a kernel answers; true if so. */
  async greet(): Promise<boolean> {
    await this.ask("told", { since: this.entries.length });
    return (this.alive = true);
  }

  get place(): Place {
    return { ...NOWHERE, ...this.shell.get<Partial<Place>>("place") };
  }

  get histories(): Record<string, Moment[]> {
    return this.shell.get<Record<string, Moment[]>>("histories") ?? {};
  }

  get count(): number {
    return this.plan.names.length;
  }

  get position(): number {
    return Math.min(this.shell.get<number>("position") || 0, this.count);
  }

  /** Why we stand here, if there is more to say than that we do. */
  get stopped(): string {
    const { at, stopped } = this.place;
    return at !== this.position || stopped === "the beginning" || stopped === "the end" ? "" : stopped;
  }

  get canMove(): boolean {
    return this.alive && !this.place.over;
  }

  /** Asks for what is missing when more has run than the entries say; true if something came. */
  async catchUp(): Promise<boolean> {
    const { place } = this;
    if (take(this.entries, place.fresh) && this.entries.length >= place.ran) return false;
    let came = false;
    while (this.entries.length < this.place.ran) {
      const { from, entries } = await this.ask<{ from: number; entries: Entry[] }>("told", { since: this.entries.length });
      if (!entries.length || !take(this.entries, [from, entries])) break;
      came = true;
    }
    return came;
  }

  /** Goes on by steps; the kernel stops it at breakpoints and at the first NaN. */
  async step(count = 1): Promise<Moved> {
    if (this.canMove) return this.move("step", { count });
    return this.walk(this.position + count, true);
  }

  async back(count = 1): Promise<Moved> {
    if (this.canMove) return this.move("back", { count });
    return this.walk(this.position - count, false);
  }

  /** Runs to a position, in slices, until the signal. */
  async to(position: number, stops: boolean, signal?: AbortSignal): Promise<Moved> {
    if (!this.canMove) return this.walk(position, stops);
    let moved: Moved;
    do moved = await this.move("run", { to: position, stops });
    while (!moved.done && !signal?.aborted);
    return moved;
  }

  /** Stands somewhere that has been told of already; every view of this run follows, the kernel too. */
  stand(position: number): void {
    const to = Math.max(0, Math.min(position, this.entries.length));
    if (to !== this.position) this.shell.set("position", to);
    this.keep();
  }

  async change(verb: string, args: Record<string, unknown>): Promise<string> {
    const { message = "" } = await this.ask<Moved>(verb, args);
    return message;
  }

  cardOf(step: number): Card | null {
    return this.cards.get(step) ?? null;
  }

  /** Asks for a card; one question at a time, the last wish counts. Calls back when it is there. */
  want(step: number, came: () => void): void {
    if (this.cards.has(step) || step < 0 || step >= this.entries.length || !this.alive) return;
    this.wanted = step;
    if (this.asking) return;
    this.asking = true;
    void (async () => {
      while (this.wanted >= 0) {
        const asked = this.wanted;
        this.wanted = -1;
        try {
          this.cards.set(asked, await this.ask<Card>("card", { step: asked }));
        } catch {
          break; // the short values stay
        }
        came();
      }
      this.asking = false;
    })();
  }

  hasInside(step: number): boolean {
    return this.plan.inside.includes(step);
  }

  async inside(step: number): Promise<Inside> {
    let found = this.insides.get(step);
    if (!found) this.insides.set(step, (found = await this.ask<Inside>("inside", { step })));
    return found;
  }

  /** Asks the kernel, once things are quiet, to put what was told into the notebook. */
  keep(): void {
    clearTimeout(this.keeping);
    if (this.canMove) this.keeping = window.setTimeout(() => void this.ask("keep").catch(() => {}), 1500);
  }

  private async move(verb: string, args: Record<string, unknown>): Promise<Moved> {
    const moved = await this.ask<Moved>(verb, args);
    this.keep();
    return moved;
  }

  private walk(to: number, stops: boolean): Moved {
    const from = this.position;
    const target = Math.max(0, Math.min(to, this.entries.length));
    this.stand(stops && to > from && this.shell.get<boolean>("stop_at_bad") ? stopOnTheWay(this.entries, from, target) : target);
    if (to > from && this.position === from) {
      throw new Refused(from === this.count ? "This is the end of the run."
        : `${this.place.over ? `${sentence(this.place.over)} ` : ""}Only what was seen can be walked again: ${this.entries.length} of ${this.count} steps. ` +
          `Run its cell again to go on with ${opOf(this.plan, from)} "${this.plan.names[from]}".`);
    }
    return { position: this.position, done: true };
  }

  private async ask<T>(verb: string, args: Record<string, unknown> = {}): Promise<T> {
    return (await this.shell.request(verb, args)).result as T;
  }
}

export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}

async function unpack<T>(bytes: DataView): Promise<T> {
  const part = new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
  return JSON.parse(await new Response(new Blob([part]).stream().pipeThrough(new DecompressionStream("deflate"))).text()) as T;
}
