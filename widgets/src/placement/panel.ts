// What is known about what is selected: where it is and why, what it costs and waits for, and where it could go.

import { button, h, shorten } from "../core/dom.ts";
import { Refused, type Shell } from "../core/shell.ts";
import { seconds } from "../trace/scale.ts";
import type { Machines } from "./derive.ts";

export interface About {
  on: number[];
  together: number;
  others: string[];
  refused: [why: string, devices: number[]][];
  facts: [string, string][];
  reason?: string;
  moved?: boolean;
  waits?: { op: string; when: string; way: string }[];
  tried?: [device: number, end: number][];
}

export interface Chosen {
  title: string;
  kind: string;
  names: string[]; // of ops
  site: string;
  scope: { open: boolean; toggle(): void } | null;
}

export interface Acts {
  closed(): void;
  go(name: string): void;
  move(names: string[], device: number): void;
}

export class Panel {
  readonly element: HTMLElement;
  private content = h("div", {});
  private asked = 0; // answers about an earlier selection are dropped

  constructor(private shell: Shell, private machines: () => Machines, private acts: Acts) {
    const close = button("×", () => { this.nothing(); acts.closed(); }, shell.signal, "Close the details");
    close.setAttribute("aria-label", close.title);
    close.classList.add("labkit-pl-close");
    this.element = h("section", { class: "labkit-gv-panel", "aria-label": "Details of the placement", hidden: true }, close, this.content);
  }

  /** The picture has the room while nothing is selected. */
  nothing(): void {
    this.asked++;
    this.element.hidden = true;
  }

  /** The focus stays in the panel if it was there. */
  private put(...parts: Node[]): void {
    const had = this.had();
    this.element.hidden = false;
    this.content.replaceChildren(...parts);
    if (had) this.content.querySelector<HTMLElement>("h3")?.focus({ preventScroll: true });
  }

  private had(): boolean {
    return this.content.contains((this.content.getRootNode() as Document).activeElement);
  }

  /** Shows words instead, such as a program. */
  text(title: string, words: string): void {
    this.asked++;
    this.put(h("h3", { class: "labkit-gv-name", tabindex: -1 }, title),
      h("pre", { class: "labkit-gv-source", tabindex: "0", "aria-label": title }, words));
    this.content.querySelector("h3")!.focus({ preventScroll: true });
  }

  /** The list of devices to move to. */
  focus(): void {
    (this.content.querySelector<HTMLElement>("select") ?? this.content.querySelector<HTMLElement>("h3"))?.focus();
  }

  send(real: string, words: string): void {
    this.asked++;
    this.put(this.head("Send and Recv", real), h("p", {}, words));
  }

  async show(chosen: Chosen): Promise<void> {
    const asked = ++this.asked;
    const head = [this.head(chosen.kind, chosen.title), chosen.site ? h("div", { class: "labkit-gv-site" },
      h("span", { class: "labkit-gv-key" }, "Your line"), h("code", {}, shorten(chosen.site, 300))) : null];
    const place = h("div", {}, h("p", { class: "labkit-gv-hint" }, "…"));
    this.put(...head.filter(x => x !== null), place);
    try {
      const { result } = await this.shell.request("about", { names: chosen.names });
      if (asked !== this.asked) return;
      place.replaceChildren(...this.told(chosen, result as About));
      if (this.had()) this.focus();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (asked === this.asked) place.replaceChildren(h("p", { class: "labkit-gv-refused" }, error.message));
    }
  }

  private head(kind: string, title: string): Node {
    return h("header", {}, h("div", { class: "labkit-gv-kind" }, shorten(kind, 60)),
      h("h3", { class: "labkit-gv-name", tabindex: -1, title: shorten(title, 400), dir: "auto" }, shorten(title, 160)));
  }

  private told(chosen: Chosen, about: About): Node[] {
    const { devices } = this.machines();
    const label = (device: number) => shorten(devices[device]?.[1] ?? "?", 40);
    const parts: (Node | null)[] = [
      h("p", {}, h("strong", {}, about.on.slice(0, 6).map(label).join(", ")), about.reason ? `: ${shorten(about.reason, 400)}` : ""),
      about.others.length ? h("p", { class: "labkit-gv-key" }, `Must be together with ${about.others.slice(0, 3).map(name => shorten(name, 60)).join(", ")}` +
        (about.together > 3 ? ` and ${about.together - 3} more` : "") + ".") : null,
      this.mover(chosen, about),
      chosen.scope ? button(chosen.scope.open ? "Close the scope" : "Open the scope", () => chosen.scope!.toggle(), this.shell.signal) : null,
      about.facts.length ? h("table", { class: "labkit-gv-table" }, h("caption", {}, "In the simulated step"), h("tbody", {},
        ...about.facts.map(([key, value]) => h("tr", {}, h("th", { scope: "row" }, key), h("td", {}, value))))) : null,
    ];
    if (about.waits?.length) parts.push(h("h4", {}, "Waits for"), h("ul", { class: "labkit-gv-list" }, ...about.waits.map(({ op, when, way }) =>
      h("li", {}, op ? this.link(op) : null, h("span", { class: "labkit-gv-type" }, [op ? `there at ${when}` : "", way].filter(Boolean).join(", "))))));
    if (about.tried?.length) {
      parts.push(h("h4", {}, about.moved ? "The placer looked at (before you moved it)" : "The placer looked at"), ends(about.tried, about.on[0]!, label));
    }
    for (const [why, forbidden] of about.refused)
      parts.push(h("p", { class: "labkit-gv-key" }, `Not on ${forbidden.slice(0, 3).map(label).join(", ")}${forbidden.length > 3 ? ` and ${forbidden.length - 3} more` : ""}: ${shorten(why, 240)}`));
    return parts.filter(part => part !== null);
  }

  private mover({ names }: Chosen, about: About): HTMLElement {
    const { devices } = this.machines();
    const never = new Set(about.refused.flatMap(([, forbidden]) => forbidden));
    const menu = h("select", { class: "labkit-select", "aria-label": "Move to" }, h("option", { value: "" }, "Move to …"),
      ...devices.map(([, label, kind], device) => h("option", { value: device, disabled: never.has(device) || (about.on.length === 1 && about.on[0] === device) }, `${shorten(label, 40)} (${shorten(kind, 24)})`)));
    // Arrow keys change a menu's value step by step: a move is what a press says, or Enter.
    const go = () => { if (menu.value) this.acts.move(names, Number(menu.value)); };
    menu.addEventListener("keydown", event => { if (event.key === "Enter") { event.preventDefault(); go(); } }, { signal: this.shell.signal });
    return h("div", { class: "labkit-gv-buttons" }, menu, button("Move", go, this.shell.signal, "Move it there, with all that must be with it (Enter)"));
  }

  private link(name: string): HTMLButtonElement {
    const made = button(shorten(name, 48), () => this.acts.go(name), this.shell.signal, shorten(name, 400));
    made.classList.add("labkit-gv-link");
    made.dir = "auto";
    return made;
  }
}

/** When an op would end on each device, as bars. */
export function ends(tried: [device: number, end: number][], taken: number, label: (device: number) => string): HTMLElement {
  const most = Math.max(...tried.map(([, end]) => end), 1e-30);
  return h("ul", { class: "labkit-pl-ends" }, ...tried.map(([device, end]) => {
    const bar = h("span", { class: "labkit-pl-bar" });
    bar.style.width = `${100 * end / most}%`;
    return h("li", { class: device === taken ? "labkit-pl-taken" : null }, h("span", {}, `${device === taken ? "▸ " : ""}${label(device)}`),
      h("span", { class: "labkit-pl-track", "aria-hidden": "true" }, bar), h("span", {}, seconds(end)));
  }));
}
