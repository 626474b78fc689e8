// The graph as a nested list: what the picture shows, for those who would rather read it, by eye or by screen reader.
//
// Lists are made when they are opened, a hundred lines at a time, so twenty thousand ops cost nothing until asked for.
// Keys: up and down, right opens, left closes or goes up, Enter shows the thing in the picture.

import { h, shorten } from "../core/dom.ts";
import type { Graph } from "./columns.ts";
import { clear, count } from "./looks.ts";
import { idOf, labelOf, makeTree, type Tree } from "./tree.ts";

const PAGE = 100;

export class Outline {
  readonly element = h("details", { class: "labkit-g-outline" });
  private tree: Tree | null = null;
  private children: number[][] = [];
  private inside: Int32Array = new Int32Array();
  private readonly root = h("ul", { role: "tree", class: "labkit-g-tree" });

  constructor(private graph: Graph, private readonly show: (name: string) => void, label: string, private readonly signal: AbortSignal) {
    this.root.setAttribute("aria-label", `Outline: ${label}`);
    this.element.append(h("summary", {}, "Outline"), this.root);
    this.element.addEventListener("toggle", () => { if (this.element.open && !this.tree) this.build(); }, { signal });
    this.root.addEventListener("keydown", event => this.key(event), { signal });
    this.root.addEventListener("click", event => this.click(event), { signal });
  }

  /** Another graph in place of this one. */
  swap(graph: Graph): void {
    this.graph = graph;
    this.tree = null;
    this.root.replaceChildren();
    if (this.element.open) this.build();
  }

  private build(): void {
    const tree = (this.tree = makeTree(this.graph));
    this.children = Array.from({ length: tree.size }, () => []);
    this.inside = new Int32Array(tree.size);
    for (let t = tree.size - 1; t > 0; t--) {
      const parent = tree.parent[t]!;
      this.children[parent]!.push(t);
      this.inside[t]! += tree.node[t]! >= 0 ? 1 : 0;
      this.inside[parent]! += this.inside[t]!;
    }
    for (const list of this.children) list.sort((a, b) => tree.sample[a]! - tree.sample[b]!);
    this.fill(this.root, 0, 0, 1);
    (this.root.firstElementChild as HTMLElement | null)?.setAttribute("tabindex", "0");
  }

  /** Adds the next hundred children of `t`. */
  private fill(list: HTMLUListElement, t: number, from: number, level: number): void {
    const all = this.children[t]!;
    for (const child of all.slice(from, from + PAGE)) list.append(this.line(child, level, all.indexOf(child, from) + 1, all.length));
    if (all.length <= from + PAGE) return;
    const more = h("li", {
      role: "treeitem", tabindex: -1, "aria-level": level, "aria-posinset": from + PAGE + 1, "aria-setsize": all.length, "data-more": from + PAGE,
      "data-t": t,
    }, h("span", { class: "labkit-g-line" }, `… ${all.length - from - PAGE} more`));
    list.append(more);
  }

  private line(t: number, level: number, position: number, of: number): HTMLLIElement {
    const { graph } = this, tree = this.tree!;
    const node = tree.node[t]!;
    const label = clear(shorten(labelOf(graph, tree, t), 120)) || "(no name)";
    const type = node >= 0 ? graph.outputs(node)[0] : undefined;
    const detail = node >= 0 ? `${graph.opType(node)}${type ? `, ${type.dtype} ${type.shape}` : ""}` : count(this.inside[t]!, "op");
    return h("li", {
      role: "treeitem", tabindex: -1, "aria-level": level, "aria-posinset": position, "aria-setsize": of,
      "aria-expanded": node < 0 ? "false" : null, "data-t": t,
    }, h("span", { class: "labkit-g-line" }, label, h("span", { class: "labkit-g-soft" }, ` ${detail}`)));
  }

  private toggle(item: HTMLElement, open: boolean): void {
    if (!item.hasAttribute("aria-expanded") || (item.getAttribute("aria-expanded") === "true") === open) return;
    item.setAttribute("aria-expanded", String(open));
    item.querySelector("ul")?.remove();
    if (!open) return;
    const list = h("ul", { role: "group" });
    this.fill(list, Number(item.dataset["t"]), 0, Number(item.getAttribute("aria-level")) + 1);
    item.append(list);
  }

  /** A line was chosen: more lines, or the thing itself in the picture. */
  private choose(item: HTMLElement): void {
    const t = Number(item.dataset["t"]);
    if (item.dataset["more"] === undefined) return this.show(idOf(this.graph, this.tree!, t));
    const list = item.parentElement as HTMLUListElement;
    const before = item.previousElementSibling;
    item.remove();
    this.fill(list, t, Number(item.dataset["more"]), Number(item.getAttribute("aria-level")));
    this.focus((before?.nextElementSibling ?? before) as HTMLElement);
  }

  private focus(item: HTMLElement | null | undefined): void {
    if (!item) return;
    for (const other of this.root.querySelectorAll("[tabindex='0']")) other.setAttribute("tabindex", "-1");
    item.setAttribute("tabindex", "0");
    item.focus();
  }

  private click(event: MouseEvent): void {
    const item = (event.target as Element).closest<HTMLElement>("[role=treeitem]");
    if (!item) return;
    this.focus(item);
    if (item.hasAttribute("aria-expanded")) this.toggle(item, item.getAttribute("aria-expanded") !== "true");
    this.choose(item);
  }

  private key(event: KeyboardEvent): void {
    const item = (event.target as Element).closest<HTMLElement>("[role=treeitem]");
    if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
    const all = [...this.root.querySelectorAll<HTMLElement>("[role=treeitem]")];
    const at = all.indexOf(item);
    const open = item.getAttribute("aria-expanded") === "true";
    const keys: Record<string, () => void> = {
      ArrowDown: () => this.focus(all[at + 1]),
      ArrowUp: () => this.focus(all[at - 1]),
      Home: () => this.focus(all[0]),
      End: () => this.focus(all.at(-1)),
      ArrowRight: () => open ? this.focus(all[at + 1]) : this.toggle(item, true),
      ArrowLeft: () => open ? this.toggle(item, false) : this.focus(item.parentElement?.closest<HTMLElement>("[role=treeitem]")),
      Enter: () => this.choose(item),
      " ": () => this.choose(item),
    };
    const act = keys[event.key];
    if (!act || this.signal.aborted) return;
    event.preventDefault();
    act();
  }
}
