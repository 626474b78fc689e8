// What every view stands on: its root element, its traits, its questions to the kernel, its voice for screen readers,
// and its end.
//
// A view is a function `(shell) => void` that fills `shell.body`. Everything it starts (listeners, observers, timers,
// workers) it ties to `shell.signal`, which fires when the view is closed: then nothing of it is left.

import { styles } from "./styles.ts";
import type { Model, Place } from "./model.ts";
import { h } from "./dom.ts";
import { watchKernel, WORDS, type Fate } from "./kernel.ts";
import { watchTheme } from "./theme.ts";

interface Answer {
  result: any;
  buffers: DataView[];
}

/** An answer of the kernel that says what went wrong. */
export class Refused extends Error {}

const WAITING = "Waiting for the kernel; it is busy, or gone.";

/** What linked views tell one another: what is selected, or which moment of a run is looked at. */
interface Told {
  names?: string[];
  seconds?: number; // from the start of the run
}
type Heard = (what: Told, from: unknown) => void;

const channels = new Map<string, Set<Heard>>();

export class Shell {
  readonly root: HTMLElement;
  readonly body: HTMLElement;
  readonly signal: AbortSignal;
  readonly model: Model;
  private voice = h("div", { class: "labkit-status", role: "status", "aria-live": "polite" });
  private asked = new Map<number, { resolve: (answer: Answer) => void; reject: (why: Error) => void }>();
  private next = 1;
  private fate: Fate = "back"; // of the kernel

  constructor(place: Place, name: string) {
    this.model = place.model;
    this.signal = place.signal;
    this.body = h("div", { class: "labkit-body" });
    this.root = h("section", {
      class: "labkit", "aria-label": name,
      "data-lm-suppress-shortcuts": "true", // keys pressed here are ours: `d d` must not delete the learner's cell
    }, this.body, this.voice);
    // Others are kept from hearing the key at all. But Notebook 7 hears it before us, and its shortcuts are for whatever
    // has the focus: it must find the attribute there, not only around it.
    this.root.addEventListener("keydown", event => event.stopPropagation(), { signal: this.signal });
    this.root.addEventListener("focusin", event => {
      (event.target as Element).setAttribute("data-lm-suppress-shortcuts", "true");
    }, { signal: this.signal });
    place.el.classList.add("labkit-place");
    place.el.append(this.root);
    useStyle(this.signal);
    watchTheme(this.root, this.signal);
    this.listen("msg:custom", (content: any, buffers: DataView[]) => this.hear(content, buffers));
    this.onKernel(fate => this.becomes(fate));
    this.signal.addEventListener("abort", () => {
      for (const { reject } of this.asked.values()) reject(new Refused("The view was closed."));
      this.asked.clear();
      this.root.remove();
      place.el.classList.remove("labkit-place");
    }, { once: true });
  }

  /** The same shell for a part that ends earlier: what it starts is tied to that signal. */
  until(signal: AbortSignal): Shell {
    return Object.assign(Object.create(this) as Shell, { signal });
  }

  get<T>(trait: string): T {
    return this.model.get(trait) as T;
  }

  /** Sets a trait and sends it to the kernel, if there is one. */
  set(trait: string, value: unknown): void {
    this.model.set(trait, value);
    this.model.save_changes();
  }

  /** Calls back when the trait changes, until the view is closed. */
  watch<T>(trait: string, changed: (value: T) => void): void {
    this.listen(`change:${trait}`, () => changed(this.get<T>(trait)));
  }

  /** Calls back for messages `{kind, ...}` that the kernel sends by itself. */
  onMessage(kind: string, heard: (content: any, buffers: DataView[]) => void): void {
    this.listen("msg:custom", (content: any, buffers: DataView[]) => {
      if (content?.kind === kind) heard(content, buffers ?? []);
    });
  }

  /** Asks the kernel: `_on_<verb>` of the Python view answers. Rejects with `Refused`, whose message can be shown. */
  request(verb: string, args: Record<string, unknown> = {}): Promise<Answer> {
    const id = this.next++;
    if (this.ended) return Promise.reject(new Refused(WORDS[this.fate]));
    return new Promise((resolve, reject) => {
      this.asked.set(id, { resolve, reject });
      const slow = setTimeout(() => this.say(WAITING), 1500);
      const done = () => {
        clearTimeout(slow);
        if (this.voice.textContent === WAITING) this.say("");
      };
      this.signal.addEventListener("abort", done, { once: true });
      this.asked.set(id, {
        resolve: answer => { done(); this.signal.removeEventListener("abort", done); resolve(answer); },
        reject: why => { done(); this.signal.removeEventListener("abort", done); reject(why); },
      });
      this.model.send({ id, verb, args });
    });
  }

  /** Hears what becomes of the kernel: it dies, is restarted, is out of reach, is back. */
  onKernel(heard: (fate: Fate) => void): void {
    watchKernel(this.model, this.signal, heard);
  }

  /** Says and shows one line: what happened, how many were found, what went wrong. */
  say(text: string): void {
    this.voice.textContent = text;
  }

  /** Marks the view as drawn: tests and the slides wait for it. */
  ready(): void {
    this.root.dataset["labkitReady"] = "true";
  }

  /** Tells linked views which nodes are selected here. */
  tell(names: string[]): void {
    this.post({ names });
  }

  /** Tells linked views which moment is looked at here, in seconds from the start of the run. */
  tellTime(seconds: number): void {
    this.post({ seconds });
  }

  /** Hears what is selected in linked views. */
  onTold(heard: (names: string[]) => void): void {
    this.join(({ names }) => { if (names) heard(names); });
  }

  /** Hears which moment is looked at in linked views. */
  onTime(heard: (seconds: number) => void): void {
    this.join(({ seconds }) => { if (seconds !== undefined) heard(seconds); });
  }

  private post(what: Told): void {
    for (const heard of [...(channels.get(this.get<string>("channel")) ?? [])]) heard(what, this);
  }

  private join(heard: (what: Told) => void): void {
    const listener: Heard = (what, from) => { if (from !== this) heard(what); };
    let at = "";
    const leave = () => {
      channels.get(at)?.delete(listener);
      if (!channels.get(at)?.size) channels.delete(at);
    };
    const join = () => {
      leave();
      at = this.get<string>("channel");
      if (!at) return;
      if (!channels.has(at)) channels.set(at, new Set());
      channels.get(at)!.add(listener);
    };
    join();
    this.watch("channel", join);
    this.signal.addEventListener("abort", leave, { once: true });
  }

  private listen(event: string, listener: (...args: any[]) => void): void {
    this.model.on(event, listener);
    this.signal.addEventListener("abort", () => this.model.off(event, listener), { once: true });
  }

  private get ended(): boolean {
    return this.fate !== "lost" && this.fate !== "back";
  }

  private becomes(fate: Fate): void {
    const before = WORDS[this.fate];
    this.fate = fate;
    if (fate !== "back") this.say(WORDS[fate]);
    else if (this.voice.textContent === before) this.say("");
    if (!this.ended) return;
    for (const { reject } of this.asked.values()) reject(new Refused(WORDS[fate]));
    this.asked.clear();
  }

  private hear(content: any, buffers: DataView[]): void {
    const waiting = this.asked.get(content?.id);
    if (!waiting) return;
    this.asked.delete(content.id);
    if (content.error !== undefined) waiting.reject(new Refused(String(content.error)));
    else waiting.resolve({ result: content.result, buffers: buffers ?? [] });
  }
}

let users = 0;
let sheet: HTMLStyleElement | null = null;

/** One style sheet for all views of a page; it goes with the last of them. */
function useStyle(signal: AbortSignal): void {
  users++;
  sheet ??= document.head.appendChild(h("style", { "data-labkit": "" }, styles));
  signal.addEventListener("abort", () => {
    if (--users === 0) {
      sheet?.remove();
      sheet = null;
    }
  }, { once: true });
}
