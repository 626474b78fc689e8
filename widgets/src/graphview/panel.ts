// The panel beside the picture: what is known about what is selected.
//
// What the columns hold (name, type, shapes, neighbours, the learner's line) is shown at once and works in a saved page.
// The rest (attributes, value, gradient, documentation, source) is asked of the kernel when its section is opened.

import { button, h, shorten } from "../core/dom.ts";
import { Refused, type Shell } from "../core/shell.ts";
import type { Graph } from "../graph/columns.ts";
import { nodesOf } from "../graph/scene.ts";
import type { Item } from "../graph/types.ts";
import { valueCard } from "../core/value.ts";

export interface PanelActions {
  go(name: string): void; // select and show an operation
  open(item: Item): void;
  alone(item: Item): void;
  trace(direction: "inputs" | "outputs", item: Item): void;
  pathFrom(item: Item): void;
  runs(item: Item): void;
}

interface Part {
  title: string;
  verb: string;
  show(result: any, buffers: DataView[]): Node;
}

const MOST_NEIGHBOURS = 12;

export class Panel {
  readonly element = h("section", { class: "labkit-gv-panel", "aria-label": "Details" });
  private showing = 0; // answers to what was asked about an earlier selection are dropped

  constructor(private shell: Shell, private graph: Graph, private actions: PanelActions) {
    this.nothing();
  }

  /** Says what one can do while nothing is selected. */
  nothing(): void {
    this.showing++;
    this.element.replaceChildren(
      h("p", { class: "labkit-gv-hint" }, "Click a box, or walk with the arrow keys, to see what it is and what it holds."),
      h("p", { class: "labkit-gv-hint" }, "Double-click or Enter opens a scope. The key / searches."),
    );
  }

  /** Shows an item of the picture. */
  show(item: Item): void {
    this.showing++;
    if (item.node >= 0 && !item.open) this.showOp(item);
    else this.showScope(item);
  }

  private showOp(item: Item): void {
    const { graph } = this;
    const node = item.node;
    const name = graph.names[node]!;
    const site = graph.site(node);
    this.element.replaceChildren(
      this.heading(graph.opType(node), name, item.part),
      ...(site ? [h("div", { class: "labkit-gv-site" }, h("span", { class: "labkit-gv-key" }, "Your line"), h("code", {}, site))] : []),
      this.buttons(item),
      ...this.neighbours("Inputs", graph.inEdges(node), edge => graph.from[edge]!),
      ...this.outputs(node),
      this.section({ title: "Value", verb: "value", show: (result, buffers) => valueCard(result, buffers) }, { name, output: 0 }),
      this.section({ title: "Gradient", verb: "gradient", show: (result, buffers) => valueCard(result, buffers) }, { name }),
      this.section({ title: "Attributes and cost", verb: "details", show: facts }, { name }),
      this.section({ title: "What this op does, and its source", verb: "source", show: source }, { name }),
    );
  }

  private showScope(item: Item): void {
    const counts = new Map<string, number>();
    for (const node of nodesOf(this.graph, item)) counts.set(this.graph.opType(node), (counts.get(this.graph.opType(node)) ?? 0) + 1);
    const rows = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    const what = item.kind === "series" ? `${item.repeat} equal blocks` : item.kind === "hub" ? "Used nearly everywhere" : "Scope";
    this.element.replaceChildren(
      this.heading(what, item.id.replace(/^(series|hub):/, "").replace(/\/$/, ""), item.part),
      h("p", {}, `${item.nodes} ${item.nodes === 1 ? "operation" : "operations"} inside.`),
      this.buttons(item),
      h("table", { class: "labkit-gv-table" },
        h("caption", {}, "By type"),
        h("tbody", {}, ...rows.slice(0, 20).map(([type, count]) =>
          h("tr", {}, h("th", { scope: "row" }, shorten(type, 40)), h("td", {}, String(count))))),
      ),
      rows.length > 20 && h("p", {}, `and ${rows.length - 20} more types`) || "",
    );
  }

  private heading(kind: string, name: string, part: string): Node {
    return h("header", {},
      h("div", { class: "labkit-gv-kind" }, shorten(kind, 60), h("span", { class: "labkit-gv-part" }, part)),
      h("h3", { class: "labkit-gv-name", title: shorten(name, 400), dir: "auto" }, shorten(name, 160)),
    );
  }

  private buttons(item: Item): Node {
    const { signal } = this.shell;
    const row = h("div", { class: "labkit-gv-buttons" });
    if (item.kind === "scope" || item.kind === "series") {
      row.append(button(item.open ? "Close" : "Open", () => this.actions.open(item), signal, "Enter"));
      if (item.kind === "scope") row.append(button("Alone", () => this.actions.alone(item), signal, "Show only this scope"));
    }
    row.append(
      button("Inputs ⇠", () => this.actions.trace("inputs", item), signal, "Mark everything that this depends on"),
      button("⇢ Outputs", () => this.actions.trace("outputs", item), signal, "Mark everything that depends on this"),
      button("Path …", () => this.actions.pathFrom(item), signal, "Mark the paths from this to what you select next"),
      button("Run …", () => this.actions.runs(item), signal, "Show what a run of this needs, and what it leaves out"),
    );
    return row;
  }

  private neighbours(title: string, edges: ArrayLike<number>, end: (edge: number) => number): Node[] {
    const { graph } = this;
    const all = Array.from(edges);
    if (!all.length) return [];
    const list = all.slice(0, MOST_NEIGHBOURS).map(edge => {
      const node = end(edge);
      const type = graph.types[graph.edgeType(edge)];
      const words = type ? `${type.dtype} ${type.shape}` : "runs first (control)";
      return h("li", {}, this.link(graph.names[node]!), h("span", { class: "labkit-gv-type" }, words));
    });
    const more = all.length - list.length;
    return [h("h4", {}, `${title} (${all.length})`), h("ul", { class: "labkit-gv-list" }, ...list, more > 0 && h("li", {}, `and ${more} more`))];
  }

  private outputs(node: number): Node[] {
    const { graph } = this;
    const edges = Array.from(graph.outEdges(node));
    const types = graph.outputs(node);
    const parts: Node[] = types.map((type, slot) => {
      const users = edges.filter(edge => graph.slot[edge]! === slot).map(edge => graph.to[edge]!);
      return h("li", {},
        h("span", { class: "labkit-gv-type" }, `:${slot} ${type.dtype} ${type.shape}`),
        ...users.slice(0, 6).map(user => this.link(graph.names[user]!)),
        users.length > 6 ? h("span", {}, `and ${users.length - 6} more`) : null);
    });
    const after = edges.filter(edge => graph.slot[edge]! < 0);
    if (after.length) parts.push(h("li", {}, `${after.length} wait for it (control)`));
    return parts.length ? [h("h4", {}, `Outputs (${types.length})`), h("ul", { class: "labkit-gv-list" }, ...parts)] : [];
  }

  private link(name: string): HTMLButtonElement {
    const made = button(shorten(name, 48), () => this.actions.go(name), this.shell.signal, shorten(name, 400));
    made.classList.add("labkit-gv-link");
    made.dir = "auto";
    return made;
  }

  /** A section that asks the kernel when it is first opened. */
  private section(part: Part, args: Record<string, unknown>): HTMLDetailsElement {
    const place = h("div", { class: "labkit-gv-answer" });
    const box = h("details", { class: "labkit-gv-section", "data-verb": part.verb }, h("summary", {}, part.title), place);
    const asked = this.showing;
    let begun = false;
    box.addEventListener("toggle", async () => {
      if (!box.open || begun) return;
      begun = true;
      place.replaceChildren(h("span", { class: "labkit-gv-wait" }, "…"));
      try {
        const { result, buffers } = await this.shell.request(part.verb, args);
        if (asked === this.showing) place.replaceChildren(part.show(result, buffers));
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        begun = false; // it may be asked again, when the kernel is back or the feed is there
        if (asked === this.showing) place.replaceChildren(h("p", { class: "labkit-gv-refused" }, error.message));
      }
    }, { signal: this.shell.signal });
    return box;
  }
}

/** `{name: value, ...}` or pairs, as a table. */
function facts(result: any): Node {
  const rows: [string, unknown][] = Array.isArray(result) ? result : Object.entries(result ?? {});
  if (!rows.length) return h("p", {}, "It has no attributes.");
  return h("table", { class: "labkit-gv-table" }, h("tbody", {}, ...rows.map(([key, value]) =>
    h("tr", {}, h("th", { scope: "row" }, shorten(String(key), 60)), h("td", { dir: "auto" }, shorten(text(value), 600))))));
}

function text(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value) ?? "";
}

function source(result: any): Node {
  return h("div", {},
    h("p", { class: "labkit-gv-doc" }, String(result?.doc ?? "")),
    result?.file ? h("p", { class: "labkit-gv-key" }, String(result.file)) : null,
    h("pre", { class: "labkit-gv-source", tabindex: "0", "aria-label": "Source" }, h("code", {}, String(result?.source ?? ""))));
}
