// DeviceNameView: device names from their parts, tf.device blocks in one another, and the devices that match.
//
// Nothing is decided here. What is typed goes to the kernel (labkit_widgets/device_name_view.py), which asks labkit; what
// comes back in the trait `shown` is drawn. Without a kernel the last picture stays, and touching it says why.

import { button, h, shorten } from "../core/dom.ts";
import type { Shell } from "../core/shell.ts";

type Scope = string | null;

interface Shown {
  rows: { printed: string; parts: string[]; error: string }[];
  code: string;
  merged: { printed: string; parts: string[]; from: (number | null)[] } | null;
  devices: { cluster: string; of: number; count: number; list: [name: string, about: string][]; why: string; error: string } | null;
}

const PARTS = ["job", "replica", "task", "type", "index"];
const MOST = 8; // blocks
let views = 0; // a data list is found by its id

export function deviceNameView(shell: Shell): void {
  const view = new DeviceNames(shell);
  view.take();
  for (const trait of ["shown", "chosen", "scopes", "soft"]) shell.watch(trait, () => view.hear());
  shell.ready();
}

class DeviceNames {
  #scopes: Scope[] = []; // as typed: ahead of the kernel while it is asked
  #chosen = 0;
  #asked = 0; // questions that are not answered yet
  #id = `labkit-dn-${++views}`;
  #label = h("span");
  #name = h("input", { class: "labkit-input labkit-dn-code", spellcheck: "false", autocapitalize: "off", "aria-describedby": `${this.#id}-error` });
  #fields = PARTS.map(part => h("input", { class: "labkit-input", spellcheck: "false", autocapitalize: "off", placeholder: "open",
    "aria-describedby": `${this.#id}-error`, ...part === "type" ? { list: this.#id } : part === "job" ? {} : { inputmode: "numeric" } }));
  #error = h("p", { class: "labkit-dn-error", id: `${this.#id}-error`, role: "alert" });
  #printed = h("p");
  #rows = h("tbody");
  #merged = h("tfoot");
  #code = h("pre", { class: "labkit-dn-code", tabindex: "0", "aria-label": "The same as a program" });
  #soft = h("input", { type: "checkbox" });
  #devices = h("div");
  #add: HTMLButtonElement[];

  constructor(readonly shell: Shell) {
    const { signal } = shell;
    this.#add = ([["Add a block inside", ""], ["Add None inside", null]] as const).map(([label, scope]) => button(label, () => {
      void this.#change([...this.#scopes, scope], this.#scopes.length, scope === null ? "choose" : "name");
    }, signal));
    this.#name.addEventListener("input", () => void this.#change(this.#with(this.#name.value), this.#chosen), { signal });
    for (const field of this.#fields) field.addEventListener("input", () => void this.#compose(), { signal });
    this.#soft.addEventListener("change", () => void this.#change(this.#scopes, this.#chosen), { signal });
    const head = (words: string) => h("th", { scope: "col" }, words);
    shell.body.append(h("div", { class: "labkit-dn" },
      h("div", {},
        h("label", { class: "labkit-dn-name" }, this.#label, this.#name),
        h("div", { class: "labkit-dn-parts" }, ...PARTS.map((part, i) => h("label", {}, part, this.#fields[i]!))),
        h("datalist", { id: this.#id }, ...["CPU", "GPU", "TPU"].map(value => h("option", { value }))),
        this.#error, this.#printed),
      h("div", { class: "labkit-dn-scroll", role: "region", "aria-label": "tf.device blocks", tabindex: "0" },
        h("table", { class: "labkit-tr-table labkit-dn-table" },
          h("caption", {}, "tf.device blocks, outer to inner: the inner one wins part by part"),
          h("thead", {}, h("tr", {}, head("block"), ...PARTS.map(head), head("order"))), this.#rows, this.#merged)),
      h("div", { class: "labkit-dn-row" }, ...this.#add),
      h("div", { class: "labkit-dn-two" },
        h("div", {}, h("div", { class: "labkit-dn-row" }, h("strong", {}, "As a program"),
          this.#copy("Copy the program", () => this.#code.textContent)), this.#code),
        h("div", {}, h("div", { class: "labkit-dn-row" }, h("strong", {}, "Devices that match"),
          h("label", {}, this.#soft, " allow_soft_placement")), this.#devices))));
  }

  /** The kernel, or another copy of this view, changed something. */
  hear(): void {
    if (!this.#asked) this.take();
  }

  /** Takes what the kernel said last. */
  take(): void {
    this.#scopes = this.shell.get<Scope[]>("scopes");
    this.#chosen = Math.min(Math.max(0, this.shell.get<number>("chosen")), this.#scopes.length - 1);
    this.#soft.checked = this.shell.get<boolean>("soft");
    this.#draw();
  }

  #with(name: string): Scope[] {
    return this.#scopes.map((scope, i) => i === this.#chosen ? name : scope);
  }

  /** Asks; if there is no answer, says why and goes back to what was. */
  async #ask(verb: string, args: Record<string, unknown>): Promise<any> {
    this.#asked++;
    try {
      return (await this.shell.request(verb, args)).result;
    } catch (why) {
      this.#asked = 0;
      if (this.shell.signal.aborted) return null;
      this.take();
      this.#wrong((why as Error).message);
      return null;
    } finally {
      this.#asked = Math.max(0, this.#asked - 1);
    }
  }

  async #change(scopes: Scope[], chosen: number, focus = ""): Promise<void> {
    this.#scopes = scopes;
    this.#chosen = chosen;
    if (!await this.#ask("change", { scopes, chosen, soft: this.#soft.checked }) || this.#asked) return;
    this.take();
    const { merged, devices } = this.shell.get<Shown>("shown");
    if (merged) this.shell.say(`${merged.printed || "Any device"} is asked for: ${devices!.count} of ${devices!.of} devices match.`);
    if (focus === "name") this.#name.focus();
    else if (focus) this.#focus(chosen, focus);
  }

  async #compose(): Promise<void> {
    const parts = Object.fromEntries(PARTS.map((part, i) => [part, this.#fields[i]!.value.trim()]));
    const made = await this.#ask("compose", { parts });
    if (made?.error) this.#wrong(made.error);
    else if (made) await this.#change(this.#with(made.name), this.#chosen);
  }

  #wrong(error: string): void {
    if (this.#error.textContent !== error) this.#error.textContent = error;
  }

  #draw(): void {
    const { rows, code, merged, devices } = this.shell.get<Shown>("shown");
    const at = this.#chosen, row = rows[at]!, scope = this.#scopes[at]!;
    const here = (this.shell.root.getRootNode() as Document).activeElement;
    this.#label.textContent = `Name in block ${at + 1} of ${rows.length}`;
    put(this.#name, scope ?? "");
    this.#name.placeholder = scope === null ? "None: forgets the outer blocks" : "an empty name: says nothing";
    this.#name.setAttribute("aria-invalid", String(row.error !== ""));
    this.#fields.forEach((field, i) => { if (field !== here) put(field, row.parts[i]!); });
    this.#wrong(row.error);
    this.#printed.replaceChildren(...row.printed
      ? ["TensorFlow prints it as ", h("code", {}, shorten(row.printed, 200)), " ", this.#copy("Copy the name", () => row.printed)] : []);

    const focus = here?.closest<HTMLElement>("[data-act]")?.dataset["act"];
    const place = [...this.#rows.children].indexOf(here?.closest("tr") as Element);
    this.#rows.replaceChildren(...rows.map((one, i) => this.#row(i, one, merged)));
    if (focus && place >= 0) this.#focus(Math.min(place, rows.length - 1), focus);
    this.#merged.replaceChildren(h("tr", {}, h("th", { scope: "row" }, "asked for together"),
      ...merged ? merged.parts.map((value, i) => h("td", {}, value ? h("strong", {}, shorten(value, 24)) : "open",
        !!merged.from[i] && h("span", { class: "labkit-dn-soft" }, `from ${merged.from[i]}`)))
        : [h("td", { colspan: 5 }, "Nothing: tf.device raises the error.")], h("td")));
    for (const add of this.#add) add.disabled = rows.length >= MOST;
    this.#code.textContent = code;
    this.#devices.replaceChildren(...devices ? matching(devices) : []);
  }

  #row(i: number, row: Shown["rows"][number], merged: Shown["merged"]): HTMLElement {
    const { signal } = this.shell;
    const scope = this.#scopes[i], last = this.#scopes.length - 1;
    const act = (name: string, label: string, title: string, run: () => void, off = false) => {
      const made = button(label, run, signal, title);
      made.dataset["act"] = name;
      made.disabled = off;
      if (title) made.setAttribute("aria-label", title);
      return made;
    };
    const move = (name: string, label: string, by: number) => act(name, label, `Move block ${i + 1} ${by < 0 ? "out" : "in"}`, () => {
      const scopes = [...this.#scopes];
      [scopes[i], scopes[i + by]] = [scopes[i + by]!, scopes[i]!];
      void this.#change(scopes, i + by, name);
    }, i + by < 0 || i + by > last);
    const choose = act("choose", `${i + 1}: ${scope === null ? "None" : shorten(scope || '""', 30)}`, "", () => {
      this.#chosen = i;
      this.shell.set("chosen", i);
      this.#draw();
    });
    choose.setAttribute("aria-pressed", String(i === this.#chosen));
    return h("tr", {}, h("th", { scope: "row" }, choose),
      ...row.error ? [h("td", { colspan: 5, class: "labkit-dn-error" }, "no device name")]
        : scope === null ? [h("td", { colspan: 5, class: "labkit-dn-soft" }, "forgets the outer blocks")]
        : row.parts.map((value, part) => {
          const wins = merged?.from[part] === i + 1, words = shorten(value, 16);
          return h("td", { class: wins ? "labkit-dn-wins" : null }, wins || !merged ? words : h("del", {}, words));
        }),
      h("td", {}, move("out", "↑", -1), move("in", "↓", 1), act("remove", "×", `Remove block ${i + 1}`, () => {
        void this.#change(this.#scopes.filter((_, other) => other !== i), Math.min(i, last - 1), "choose");
      }, !last)));
  }

  #focus(row: number, act: string): void {
    const all = this.#rows.children[row]?.querySelectorAll<HTMLButtonElement>("[data-act]") ?? [];
    ([...all].find(one => one.dataset["act"] === act && !one.disabled) ?? all[0])?.focus();
  }

  #copy(label: string, text: () => string | null): HTMLButtonElement {
    const made = button("Copy", () => {
      void navigator.clipboard?.writeText(text() ?? "").then(() => this.shell.say("Copied."),
        () => this.shell.say("The browser does not let this page copy: mark the text."));
    }, this.shell.signal);
    made.setAttribute("aria-label", label);
    return made;
  }
}

/** Changes a field only where it differs: the cursor stays. */
function put(field: HTMLInputElement, value: string): void {
  if (field.value !== value) field.value = value;
}

function matching({ cluster, of, count, list, why, error }: NonNullable<Shown["devices"]>): HTMLElement[] {
  const about = `${count} of ${of} devices${cluster && ` of ${shorten(cluster, 60)}`} match.`;
  if (error) return [h("p", {}, about), h("p", { class: "labkit-dn-error" }, error)];
  return [h("p", {}, about),
    h("ol", {}, ...list.map(([name, kind], i) => h("li", {}, h("code", {}, shorten(name, 120)), kind && ` ${shorten(kind, 60)}`,
      i === 0 && h("div", { class: "labkit-dn-first" }, `The placer takes it. ${why}`)))),
    ...count > list.length ? [h("p", { class: "labkit-dn-soft" }, `and ${count - list.length} more`)] : []];
}
