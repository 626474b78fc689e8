// What assistive technology meets in place of the drawing: a tree with one tab stop, whose active item is a hidden line.
// Two lines take turns, so that a change is noticed; the whole graph as a list is in outline.ts.

import { h } from "../core/dom.ts";
import type { Item } from "./types.ts";

let made = 0;

export class Voice {
  readonly lines = [0, 1].map(() => h("div", { role: "treeitem", class: "labkit-hidden", id: `labkit-g-line-${++made}` }));

  /** The tree has this active item, or none. */
  tell(tree: HTMLElement, item: Item | undefined, text: string, selected: boolean): void {
    const active = tree.getAttribute("aria-activedescendant");
    if (!item) {
      tree.removeAttribute("aria-activedescendant");
      for (const line of this.lines) line.setAttribute("aria-label", text);
      return;
    }
    const [now, other] = active === this.lines[0]!.id ? [this.lines[0]!, this.lines[1]!] : [this.lines[1]!, this.lines[0]!];
    const line = active && now.dataset["item"] === item.id && now.getAttribute("aria-label") === text ? now : other;
    line.dataset["item"] = item.id;
    line.setAttribute("aria-label", text);
    line.setAttribute("aria-level", String(item.depth + 1));
    line.setAttribute("aria-selected", String(selected));
    if (item.kind === "scope" || item.kind === "series") line.setAttribute("aria-expanded", String(item.open));
    else line.removeAttribute("aria-expanded");
    tree.setAttribute("aria-activedescendant", line.id);
  }
}
