// The search box: as one types, what matches is listed below; Enter or a click shows it in the picture.
//
// It is a combobox as the ARIA practices describe it: the focus stays in the field, the arrow keys move through the list;
// Escape closes the list, and then goes back to the picture.

import { h, shorten } from "../core/dom.ts";
import type { Shell } from "../core/shell.ts";

export interface Hit {
  name: string; // of the op
  words: string; // its type and shape
}

export interface Hits {
  total: number;
  hits: Hit[];
}

let boxes = 0;

export class FindBox {
  readonly element: HTMLElement;
  private field: HTMLInputElement;
  private list: HTMLUListElement;
  private found: Hits = { total: 0, hits: [] };
  private at = -1;

  constructor(private shell: Shell, private search: (query: string) => Hits, private choose: (names: string[]) => void, private leave = () => {}) {
    const id = `labkit-find-${++boxes}`;
    this.list = h("ul", { id, class: "labkit-gv-hits", role: "listbox", "aria-label": "Matches", hidden: true });
    this.field = h("input", {
      class: "labkit-input labkit-gv-find", type: "text", role: "combobox", placeholder: "Search name, op, shape",
      "aria-label": "Search by name, op type or shape", "aria-controls": id, "aria-expanded": "false",
      "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false",
    });
    this.element = h("div", { class: "labkit-gv-finder" }, this.field, this.list);
    const { signal } = shell;
    this.field.addEventListener("input", () => this.look(), { signal });
    this.field.addEventListener("keydown", event => this.key(event), { signal });
    this.field.addEventListener("blur", () => this.close(), { signal });
    this.list.addEventListener("pointerdown", event => {
      event.preventDefault(); // the field keeps the focus
      const item = (event.target as Element).closest("li");
      if (item) this.take(Number(item.dataset["at"]));
    }, { signal });
  }

  focus(): void {
    this.field.focus();
    this.field.select();
  }

  private look(): void {
    const query = this.field.value.trim();
    this.at = -1;
    this.found = query ? this.search(query) : { total: 0, hits: [] };
    if (!query) return this.close();
    this.list.replaceChildren(...this.found.hits.map((hit, at) => h("li", {
      id: `${this.list.id}-${at}`, role: "option", "aria-selected": "false", "data-at": at,
    }, h("span", { dir: "auto" }, shorten(hit.name, 60)), h("small", {}, shorten(hit.words, 48)))));
    const left = this.found.total - this.found.hits.length;
    if (left > 0) this.list.append(h("li", { role: "option", "aria-disabled": "true", "aria-selected": "false" }, `and ${left} more: type on`));
    this.list.hidden = !this.found.total;
    this.field.setAttribute("aria-expanded", String(!this.list.hidden));
    const { total } = this.found;
    this.shell.say(total ? `${total} ${total === 1 ? "match" : "matches"}. Enter marks them all.` : `Nothing matches "${shorten(query, 40)}".`);
  }

  private key(event: KeyboardEvent): void {
    const count = this.found.hits.length;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (count) this.move((this.at + (event.key === "ArrowDown" ? 1 : this.at < 0 ? 0 : -1) + count) % count);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (this.at >= 0) this.take(this.at);
      else if (count) {
        this.choose(this.found.hits.map(hit => hit.name));
        this.close();
      }
    } else if (event.key === "Escape") {
      if (this.list.hidden) this.leave();
      else event.preventDefault();
      this.close();
    }
  }

  private move(to: number): void {
    this.list.children[this.at]?.setAttribute("aria-selected", "false");
    this.at = to;
    const item = this.list.children[to];
    item?.setAttribute("aria-selected", "true");
    item?.scrollIntoView({ block: "nearest" });
    this.field.setAttribute("aria-activedescendant", `${this.list.id}-${to}`);
  }

  private take(at: number): void {
    const hit = this.found.hits[at];
    if (!hit) return;
    this.close();
    this.shell.say(`${shorten(hit.name, 60)}: ${shorten(hit.words, 48)}`);
    this.choose([hit.name]);
  }

  private close(): void {
    this.list.hidden = true;
    this.field.setAttribute("aria-expanded", "false");
    this.field.removeAttribute("aria-activedescendant");
  }
}
