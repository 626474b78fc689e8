// The sliders of the learner's own curve.

import { button, h } from "../core/dom.ts";
import { count, short as number } from "../core/scale.ts";
import type { Shell } from "../core/shell.ts";
import { seconds, short } from "../trace/scale.ts";
import { exchange, fromPlace, halved, toPlace, value, type WhatIf } from "./whatif.ts";

export interface Presets {
  models: { name: string; compute: number; bytes: number; batch: number }[];
  networks: { name: string; latency: number; bandwidth: number }[];
}

type Number = "bandwidth" | "latency" | "overlap" | "bytes" | "compute";

const SLIDERS: [of: Number, label: string, low: number, high: number, words: (value: number) => string][] = [
  ["compute", "computing a gradient", 1e-4, 1e2, seconds],
  ["bytes", "weights", 1e5, 1e11, value => short(value, "B")],
  ["bandwidth", "bandwidth of a machine", 1e8, 1e12, value => `${short(8 * value, "b/s")}`],
  ["latency", "latency", 1e-7, 1e-2, seconds],
  ["overlap", "exchange hidden behind computing", 0, 1, value => `${Math.round(100 * value)} %`],
];
const WAYS = { servers: "parameter servers", ring: "ring all-reduce", tree: "tree all-reduce" };

export class WhatIfPanel {
  readonly element: HTMLElement;
  private readonly sliders = new Map<Number, { input: HTMLInputElement; said: HTMLElement }>();
  private readonly show: HTMLButtonElement;
  private readonly way = h("select", { class: "labkit-select", "aria-label": "Exchange by" }, ...Object.entries(WAYS).map(([key, words]) => h("option", { value: key }, words)));
  private readonly servers = h("input", { type: "number", class: "labkit-input labkit-sc-small", min: 1, max: 10000, "aria-label": "Servers" });
  private readonly model: HTMLSelectElement;
  private readonly network: HTMLSelectElement;
  private readonly sum = h("p", { class: "labkit-sc-sum" });

  constructor(private readonly shell: Shell, private readonly presets: Presets, private readonly changed: () => void) {
    const { signal } = shell;
    this.show = button("Draw my curve", () => this.set({ shown: !this.get().shown }), signal, "A curve of your own beside the published ones");
    const menu = (label: string, names: string[]) => h("select", { class: "labkit-select", "aria-label": label },
      h("option", { value: "" }, "as the sliders are"), ...names.map((name, i) => h("option", { value: i }, name)));
    this.model = menu("A model", presets.models.map(one => one.name));
    this.network = menu("A network", presets.networks.map(one => one.name));
    const choose = <T extends object>(field: HTMLSelectElement, of: T[]) => field.addEventListener("change", () => {
      const chosen = field.value === "" ? null : of[Number(field.value)];
      if (!chosen) return;
      const { name: _, ...rest } = chosen as T & { name: string };
      this.set({ ...rest, shown: true } as Partial<WhatIf>);
    }, { signal });
    choose(this.model, presets.models);
    choose(this.network, presets.networks);
    this.way.addEventListener("change", () => this.set({ way: this.way.value as WhatIf["way"], shown: true }), { signal });
    this.servers.addEventListener("change", () => this.set({ servers: Math.max(1, Math.min(10000, Math.round(Number(this.servers.value)) || 1)), shown: true }), { signal });
    const fields = SLIDERS.map(([of, label, low, high, words]) => {
      const input = h("input", { type: "range", min: 0, max: 1000, class: "labkit-range", "aria-label": label }), said = h("output", {});
      input.addEventListener("input", () => {
        const place = Number(input.value), value = low ? fromPlace(place, low, high) : place / 1000;
        input.setAttribute("aria-valuetext", words(value));
        this.set({ [of]: value, shown: true });
      }, { signal });
      this.sliders.set(of, { input, said });
      return h("label", { class: "labkit-sc-slider" }, h("span", {}, label), said, input);
    });
    const labelled = (words: string, ...inside: HTMLElement[]) => h("label", { class: "labkit-rc-label" }, h("span", { "aria-hidden": "true" }, words), ...inside);
    this.element = h("section", { class: "labkit-sc-whatif", "aria-label": "What if" },
      h("div", { class: "labkit-sc-row" }, h("strong", {}, "What if"), this.show, labelled("Model", this.model), labelled("Network", this.network),
        labelled("Exchange", this.way), labelled("servers", this.servers)),
      h("div", { class: "labkit-sc-sliders" }, ...fields), this.sum);
  }

  get(): WhatIf {
    return this.shell.get<WhatIf>("what_if");
  }

  private set(part: Partial<WhatIf>): void {
    this.shell.set("what_if", { ...this.get(), ...part });
    this.changed();
  }

  /** Shows what is set. */
  update(): void {
    const what = this.get();
    this.show.setAttribute("aria-pressed", String(what.shown));
    for (const [of, , low, high, words] of SLIDERS) {
      const { input, said } = this.sliders.get(of)!, place = low ? toPlace(what[of], low, high) : Math.round(1000 * what[of]);
      input.value = String(place);
      input.setAttribute("aria-valuetext", words(what[of]));
      said.textContent = words(what[of]);
    }
    this.way.value = what.way;
    this.servers.value = String(what.servers);
    (this.servers.closest("label") as HTMLElement).hidden = what.way !== "servers";
    const model = this.presets.models.findIndex(one => one.compute === what.compute && one.bytes === what.bytes && one.batch === what.batch);
    const network = this.presets.networks.findIndex(one => one.latency === what.latency && one.bandwidth === what.bandwidth);
    this.model.value = model < 0 ? "" : String(model);
    this.network.value = network < 0 ? "" : String(network);
    const at = (n: number) => `${number(value(what, "speed-up", n)!)} x on ${count(n)}`, half = halved(what);
    this.sum.textContent = `${at(8)}, ${at(64)}, ${at(512)}. On 64 the exchange takes ${seconds(exchange(what, 64))}, computing ${seconds(what.compute)}. ` +
      (half === null ? "Computing is the larger part up to a million workers." : `From ${count(half)} workers on less than half of a step is computing.`);
  }
}
