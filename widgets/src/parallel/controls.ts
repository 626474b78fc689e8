// What can be set: mode, workers, backups, servers or all-reduce, bits, stragglers, seed. A change is asked of the kernel a moment later.

import { h, shorten } from "../core/dom.ts";

export interface Settings {
  mode: string; workers: number; backup: number; exchange: string; servers: number; wire: string;
  stragglers: string; amount: number; batch: number; updates: number; seed: number;
  faults: [number, string, number | null][];
}

export interface Choices {
  modes: string[]; exchanges: string[]; workers: number; updates: number; wires: string[]; given: string; recovery: string;
  stragglers: Record<string, { title: string; least: number; most: number; usual: number; number: string }>;
}

const PATIENCE = 350; // ms without another change
const MODES: Record<string, string> = { sync: "synchronous", async: "asynchronous", local: "local steps", downpour: "Downpour" };
const EXCHANGES: Record<string, string> = { servers: "servers", ring: "ring all-reduce", tree: "tree all-reduce", hierarchical: "hierarchical" };

export class Controls {
  readonly element: HTMLElement;
  private fields = new Map<keyof Settings, HTMLInputElement | HTMLSelectElement>();
  private labels = new Map<keyof Settings, HTMLLabelElement>();
  private amount = h("span");
  private waiting: Partial<Settings> = {};
  private timer = 0;

  constructor(private choices: Choices, private ask: (settings: Partial<Settings>) => void, private signal: AbortSignal) {
    const pick = (key: keyof Settings, label: string, options: [string, string][]) =>
      this.field(key, label, h("select", { class: "labkit-select" }, ...options.map(([value, text]) => h("option", { value }, shorten(text, 40)))));
    const numeric = (key: keyof Settings, label: Node | string, least: number, most: number, step: number | "any" = 1) =>
      this.field(key, label, h("input", { class: "labkit-input", type: "number", min: least, max: most, step }));
    this.element = h("div", { class: "labkit-pa-controls", role: "group", "aria-label": "Settings" },
      pick("mode", "mode", choices.modes.map(mode => [mode, MODES[mode] ?? mode])),
      numeric("workers", "workers", 1, choices.workers), numeric("backup", "backups among them", 0, choices.workers - 1),
      pick("exchange", "through", choices.exchanges.map(word => [word, EXCHANGES[word] ?? word])), numeric("servers", "servers", 1, 100),
      pick("wire", "gradients as", choices.wires.map(wire => [wire, wire === "given" ? choices.given : wire])),
      pick("stragglers", "stragglers", Object.entries(choices.stragglers).map(([name, { title }]) => [name, title])),
      numeric("amount", this.amount, 0, 10, "any"),
      numeric("batch", "batch", 1, 100_000), numeric("updates", "updates", 1, choices.updates), numeric("seed", "seed", 0, 1e9));
    signal.addEventListener("abort", () => clearTimeout(this.timer), { once: true });
  }

  private field(key: keyof Settings, label: Node | string, field: HTMLInputElement | HTMLSelectElement): HTMLElement {
    this.fields.set(key, field);
    field.dataset["setting"] = key;
    field.addEventListener(field instanceof HTMLSelectElement ? "change" : "input", () => this.changed(key, field), { signal: this.signal });
    const made = h("label", {}, label, " ", field);
    this.labels.set(key, made);
    return made;
  }

  private changed(key: keyof Settings, field: HTMLInputElement | HTMLSelectElement): void {
    if (field instanceof HTMLInputElement && !(field.value && field.checkValidity())) return;
    const value = field instanceof HTMLInputElement ? Number(field.value) : field.value;
    this.waiting = { ...this.waiting, [key]: value };
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      const told = this.waiting;
      this.waiting = {};
      this.ask(told);
    }, PATIENCE);
  }

  /** Shows the settings as the kernel has them, but not in a field that somebody is at. */
  show(settings: Settings): void {
    for (const [key, field] of this.fields) {
      if (key in this.waiting || (field === field.ownerDocument.activeElement && field instanceof HTMLInputElement)) continue;
      field.value = String(settings[key]);
    }
    const free = settings.mode === "async" || settings.mode === "downpour", luck = this.choices.stragglers[settings.stragglers];
    const hide = (key: keyof Settings, hidden: boolean) => { this.labels.get(key)!.hidden = hidden; };
    hide("backup", free);
    hide("servers", settings.exchange !== "servers");
    hide("wire", settings.mode === "local");
    hide("amount", !luck?.number);
    this.amount.textContent = luck?.number ?? "";
    const amount = this.fields.get("amount") as HTMLInputElement;
    amount.min = String(luck?.least ?? 0);
    amount.max = String(luck?.most ?? 10);
    (this.fields.get("backup") as HTMLInputElement).max = String(settings.workers - 1);
    for (const option of (this.fields.get("exchange") as HTMLSelectElement).options) option.disabled = free && option.value !== "servers";
  }

  /** Puts the fields back to what is: after a refusal. */
  reset(settings: Settings): void {
    for (const [key, field] of this.fields) field.value = String(settings[key]);
  }
}
