// Beside the step: what is watched, where to stop, and the steps around.

import { button, h, shorten } from "../core/dom.ts";
import type { Shell } from "../core/shell.ts";
import { madeText, momentAt, opOf, statusOf, type Moment, type Place, type Track } from "./walk.ts";

const MOST_ROWS = 40;
const AROUND = 3;

/** Variables and watched tensors with their values now; a mark where this step changed them. */
export class Watches {
  readonly element: HTMLElement;
  private readonly list = h("ul", { class: "labkit-db-list labkit-db-watches" });
  private readonly empty = h("p", { class: "labkit-db-note" }, "Nothing yet: choose an operation and press Watch.");
  private drawn = "";

  constructor(private readonly shell: Shell, private readonly unwatch: (name: string) => void) {
    this.element = h("section", { "aria-label": "Watched values" }, h("h3", {}, "Watched"), this.empty, this.list);
  }

  show(place: Place, histories: Record<string, Moment[]>, position: number): void {
    const names = [...place.watches.map(name => [name, true] as const), ...place.variables.map(name => [name, false] as const)];
    const rows = names.slice(0, MOST_ROWS).map(([name, watched]) => ({ name, watched, moment: momentAt(histories[name], position) }));
    const key = JSON.stringify([rows, position, names.length]);
    if (key === this.drawn) return;
    this.drawn = key;
    this.empty.hidden = names.length > 0;
    this.list.replaceChildren(...rows.map(({ name, watched, moment }) => {
      const changed = moment !== null && moment[0] === position && position > 0;
      const value = moment ? [moment[1], moment[2]].filter(text => text).join("  ") : "no value yet";
      return h("li", { "data-changed": changed ? "" : null, "data-bad": moment?.[3] ? "" : null },
        h("bdi", { title: shorten(name, 300) }, shorten(name, 30)),
        h("span", { class: "labkit-db-short" }, changed && h("strong", { title: "This step changed it" }, "changed "), shorten(value, 80)),
        watched && button("✕", () => this.unwatch(name), this.shell.signal, `Watch ${shorten(name, 60)} no more`));
    }), ...(names.length > MOST_ROWS ? [h("li", {}, `and ${names.length - MOST_ROWS} more`)] : []));
  }
}

let forms = 0;

/** The breakpoints, and the box in which conditions are written. */
export class Stops {
  readonly element: HTMLElement;
  private readonly list = h("ul", { class: "labkit-db-list labkit-db-stops" });
  private readonly error = h("p", { class: "labkit-db-error", role: "alert", id: `labkit-db-error-${++forms}`, hidden: true });
  private readonly field = h("input", {
    class: "labkit-input", type: "text", placeholder: "min < -10", autocomplete: "off", spellcheck: "false", maxlength: 2000,
    "aria-label": "Stop behind an operation that makes a value like this", "aria-describedby": this.error.id,
  });
  private drawn = "";

  constructor(private readonly shell: Shell, private readonly add: (when: string) => Promise<void>, private readonly clear: (number: number) => void) {
    const { signal } = shell;
    const form = h("form", { class: "labkit-db-form" }, this.field, h("button", { type: "submit", class: "labkit-button" }, "Stop when"));
    form.addEventListener("submit", event => {
      event.preventDefault();
      void this.submit();
    }, { signal });
    this.field.addEventListener("input", () => this.say(""), { signal });
    const bad = h("input", { type: "checkbox" });
    const read = () => { bad.checked = shell.get<boolean>("stop_at_bad"); };
    bad.addEventListener("change", () => shell.set("stop_at_bad", bad.checked), { signal });
    shell.watch("stop_at_bad", read);
    read();
    const examples = ["any nan", "max > 1e3", "op == MatMul"].map(text => {
      const made = button(text, () => { this.field.value = text; this.say(""); this.field.focus(); }, signal, "Puts this example into the box");
      made.classList.add("labkit-db-example");
      return made;
    });
    this.element = h("section", { "aria-label": "Where to stop" }, h("h3", {}, "Stops"),
      h("label", { class: "labkit-db-check" }, bad, " at the first NaN or infinity"), this.list, form, this.error,
      h("div", { class: "labkit-db-examples" }, "For example: ", ...examples));
  }

  show(place: Place): void {
    const key = JSON.stringify(place.breakpoints);
    if (key === this.drawn) return;
    this.drawn = key;
    this.list.replaceChildren(...place.breakpoints.map(([number, text]) => h("li", {},
      h("span", { class: "labkit-db-bullet", "aria-hidden": "true" }, "●"), h("bdi", {}, shorten(text, 80)),
      button("✕", () => this.clear(number), this.shell.signal, `Take breakpoint ${number} away: ${shorten(text, 60)}`))));
  }

  private async submit(): Promise<void> {
    const when = this.field.value.trim();
    if (!when) return this.say("Write a condition about the values that an operation makes, such as max > 1e3.");
    try {
      await this.add(when);
      this.field.value = "";
    } catch (error) {
      this.say(error instanceof Error ? error.message : String(error));
    }
  }

  private say(text: string): void {
    this.error.textContent = text;
    this.error.hidden = !text;
    if (text) this.field.setAttribute("aria-invalid", "true");
    else this.field.removeAttribute("aria-invalid");
  }
}

const WORDS = { done: "", here: "we stand here", next: "next", later: "" };

/** The steps around the position, in words. */
export class Around {
  readonly element: HTMLElement;
  private readonly list = h("ol", { class: "labkit-db-list" });

  constructor(shell: Shell, choose: (step: number) => void) {
    this.element = h("section", { "aria-label": "Steps around" }, h("h3", {}, "Steps"), this.list);
    this.list.addEventListener("click", event => {
      const row = (event.target as Element).closest("button");
      if (row) choose(Number(row.dataset["step"]));
    }, { signal: shell.signal });
  }

  show({ plan, entries, position }: Track, chosen: number): void {
    const count = plan.names.length;
    const first = Math.max(0, Math.min(position - 1 - AROUND, count - 2 * AROUND - 1));
    const focused = this.list.contains(document.activeElement) ? (document.activeElement as HTMLElement).dataset["step"] : undefined;
    const rows: Node[] = [];
    for (let i = first; i < Math.min(count, first + 2 * AROUND + 1); i++) {
      const status = statusOf(i, position);
      const bad = i < position && entries[i]?.[0];
      rows.push(h("li", {}, h("button", {
        type: "button", class: "labkit-db-row", "data-step": i, "data-status": status, "data-bad": bad ? "" : null,
        "aria-current": status === "here" ? "step" : null, "aria-pressed": String(i === chosen),
      }, h("span", { class: "labkit-db-number" }, status === "here" ? "▸" : "", String(i + 1)), h("strong", {}, shorten(opOf(plan, i), 18)),
        h("bdi", {}, shorten(plan.names[i]!, 24)), h("span", { class: "labkit-db-short" }, i < position ? shorten(madeText(entries[i]), 24) : WORDS[status]))));
    }
    this.list.replaceChildren(...rows);
    if (focused !== undefined) this.list.querySelector<HTMLElement>(`[data-step="${Number(focused)}"]`)?.focus();
  }
}
