// The row of buttons over the picture. Switches say by aria-pressed whether they are on.

import { button, h } from "../core/dom.ts";
import type { Shell } from "../core/shell.ts";
import type { ViewState } from "../graph/types.ts";
import { SCHEMES, SCHEME_WORDS, type Scheme } from "./colouring.ts";

export interface ToolbarActions {
  fit(): void;
  zoom(by: number): void;
  change(change: Partial<ViewState>): void;
  fade(on: boolean): void;
  colour(scheme: Scheme): void;
  openAll(): void;
  closeAll(): void;
  outline(on: boolean): void;
  details(on: boolean): void;
  save(format: "svg" | "png" | "dot" | "html"): void;
}

export class Toolbar {
  readonly element = h("div", { class: "labkit-bar", role: "group", "aria-label": "Picture" });
  private switches: [HTMLButtonElement, (state: ViewState) => boolean][] = [];
  private colours: HTMLSelectElement;
  private direction: HTMLButtonElement;

  constructor(private shell: Shell, finder: HTMLElement, actions: ToolbarActions) {
    const { signal } = shell;
    const act = (label: string, title: string, then: () => void) => {
      const made = button(label, then, signal, title);
      if (!/[a-z]/i.test(label)) made.setAttribute("aria-label", title); // a sign alone is no name
      return made;
    };
    this.direction = act("→", "Data flows to the right; press for downward", () => actions.change({ horizontal: this.direction.dataset["way"] !== "right" }));
    this.colours = h("select", { class: "labkit-select", "aria-label": "Colour by" },
      ...SCHEMES.map(scheme => h("option", { value: scheme }, SCHEME_WORDS[scheme])));
    this.colours.addEventListener("change", () => actions.colour(this.colours.value as Scheme), { signal });
    const saves = h("select", { class: "labkit-select", "aria-label": "Save the picture as" },
      h("option", { value: "" }, "Save as …"), h("option", { value: "svg" }, "SVG picture"), h("option", { value: "png" }, "PNG picture"),
      h("option", { value: "dot" }, "DOT (Graphviz)"), h("option", { value: "html" }, "Page (HTML)"));
    saves.addEventListener("change", () => {
      const format = saves.value;
      saves.value = "";
      if (format === "svg" || format === "png" || format === "dot" || format === "html") actions.save(format);
    }, { signal });
    this.element.append(
      finder,
      group("Zoom", act("−", "Zoom out", () => actions.zoom(1 / 1.4)), act("+", "Zoom in", () => actions.zoom(1.4)), act("Fit", "Fit the whole graph", actions.fit)),
      group("Scopes", act("Open all", "Open every scope", actions.openAll), act("Close all", "Close every scope", actions.closeAll), this.direction),
      group("Show",
        this.toggle("×N", "Fold repeated blocks", state => state.series, on => actions.change({ series: on })),
        this.toggle("Hubs aside", "Set aside what nearly everything uses", state => state.hubs === "aside", on => actions.change({ hubs: on ? "aside" : "inline" })),
        this.toggle("Control", "Draw control edges", state => state.control, on => actions.change({ control: on })),
        this.flip("Fade gradients", "Fade gradients and the optimizer", false, actions.fade),
        this.flip("Outline", "The graph as a list", false, actions.outline),
        this.flip("Details", "What is known about the selection", true, actions.details)),
      h("label", { class: "labkit-gv-label" }, "Colour: ", this.colours),
      saves,
    );
  }

  /** Makes the switches say what is so. */
  show(state: ViewState, scheme: Scheme): void {
    for (const [made, is] of this.switches) made.setAttribute("aria-pressed", String(is(state)));
    const right = state.horizontal;
    this.direction.textContent = right ? "→" : "↓";
    this.direction.dataset["way"] = right ? "right" : "down";
    this.direction.setAttribute("aria-label", right ? "Data flows to the right; press for downward" : "Data flows downward; press for rightward");
    this.direction.title = this.direction.getAttribute("aria-label")!;
    this.colours.value = scheme;
  }

  private toggle(label: string, title: string, is: (state: ViewState) => boolean, set: (on: boolean) => void): HTMLButtonElement {
    const made: HTMLButtonElement = button(label, () => set(made.getAttribute("aria-pressed") !== "true"), this.shell.signal, title);
    this.switches.push([made, is]);
    return made;
  }

  private flip(label: string, title: string, on: boolean, set: (on: boolean) => void): HTMLButtonElement {
    const made: HTMLButtonElement = button(label, () => {
      const now = made.getAttribute("aria-pressed") !== "true";
      made.setAttribute("aria-pressed", String(now));
      set(now);
    }, this.shell.signal, title);
    made.setAttribute("aria-pressed", String(on));
    return made;
  }
}

function group(name: string, ...children: HTMLElement[]): HTMLElement {
  return h("span", { class: "labkit-gv-group", role: "group", "aria-label": name }, ...children);
}
