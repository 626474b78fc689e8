// The panel: the step that we stand behind (or another one that was chosen), what it was given and what it made.
//
// Cards are drawn again only when what they show is another; which of them are open stays as the learner left it.

import { button, h, shorten } from "../core/dom.ts";
import type { Shell } from "../core/shell.ts";
import { valueCard } from "../core/value.ts";
import { madeText, opOf, siteOf, type Bad, type Card, type Entry, type Plan, type Value } from "./walk.ts";

/** What the panel shows. */
export interface Shown {
  plan: Plan;
  step: number; // -1: the beginning, or a node that does not run
  chosen: string; // the name of a node that is no step, or ""
  title: string; // "Step 4 of 12", "Chosen: step 7, not yet run"
  why: string; // why we stand here
  bad: Bad | null;
  entry: Entry | undefined;
  card: Card | null;
  note: string; // said of a node without a card
  place: string; // inside a loop: 'body of "while", iteration 3'
  can: { run: boolean; breakpoint: number | null; watch: boolean; inside: boolean; leave: boolean };
}

export interface PanelActs {
  runTo(): void;
  toggleBreak(): void;
  watch(): void;
  inside(): void;
  leave(): void;
  here(): void;
}

export class Panel {
  readonly element = h("div", { class: "labkit-db-step" });
  private readonly head = h("div", { class: "labkit-db-head" });
  private readonly report = h("div", { class: "labkit-db-report", hidden: true });
  private readonly values = h("div", { class: "labkit-db-values" });
  private readonly tools = h("div", { class: "labkit-db-tools" });
  private readonly buttons: Record<"run" | "stop" | "watch" | "inside" | "leave" | "here", HTMLButtonElement>;
  private readonly opened = new Map<string, boolean>();
  private drawnValues = "";
  private drawnBad: Bad | null = null;

  constructor(private readonly shell: Shell, acts: PanelActs) {
    const made = (label: string, act: () => void, title: string) => button(label, act, shell.signal, title);
    this.buttons = {
      run: made("Run to here", acts.runTo, "Runs on, or goes back, to right behind this operation (Enter)"),
      stop: made("Break here", acts.toggleBreak, "Stops behind this operation, each time it is passed (B)"),
      watch: made("Watch", acts.watch, "Shows its value at every step"),
      inside: made("Look inside", acts.inside, "Walks through the loop or the branch, iteration by iteration (I)"),
      leave: made("Leave the loop", acts.leave, "Back to the run (Escape)"),
      here: made("Back to the current step", acts.here, "Shows where we stand (Escape)"),
    };
    this.tools.append(...Object.values(this.buttons));
    this.element.append(this.head, this.report, this.values, this.tools);
  }

  show(shown: Shown): void {
    this.describe(shown);
    this.explain(shown.bad);
    this.fill(shown);
    const { can } = shown;
    const { run, stop, watch, inside, leave, here } = this.buttons;
    run.hidden = !can.run;
    stop.hidden = can.breakpoint === null;
    stop.setAttribute("aria-pressed", String(Boolean(can.breakpoint)));
    watch.hidden = !can.watch;
    inside.hidden = !can.inside;
    leave.hidden = !can.leave;
    here.hidden = !shown.title.startsWith("Chosen");
  }

  private describe({ plan, step, chosen, title, why, place }: Shown): void {
    const name = step >= 0 ? plan.names[step]! : chosen;
    const parts: (Node | false)[] = [
      h("div", { class: "labkit-db-title" }, place ? `${title} · ${shorten(place, 80)}` : title),
      Boolean(why) && h("p", { class: "labkit-db-why" }, why),
      Boolean(name) && h("div", { class: "labkit-db-name" },
        step >= 0 && h("strong", {}, opOf(plan, step)), h("bdi", { title: shorten(name, 300) }, shorten(name, 60))),
      step >= 0 && h("code", { class: "labkit-db-site", title: "The line that made it" }, shorten(siteOf(plan, step), 160)),
    ];
    this.head.replaceChildren(...parts.filter(part => part !== false));
  }

  private explain(bad: Bad | null): void {
    if (bad === this.drawnBad) return;
    this.drawnBad = bad;
    this.report.hidden = !bad;
    if (!bad) return this.report.replaceChildren();
    const trail = bad.trail.length > 1 && h("details", {}, h("summary", {}, "Where its values came from"),
      h("ol", {}, ...bad.trail.map(([type, name, value]) => h("li", {}, h("strong", {}, type), " ", h("bdi", {}, shorten(name, 60)), ": ", value))));
    this.report.replaceChildren(
      h("strong", {}, shorten(bad.headline, 200)),
      ...[bad.where && `Inside the ${bad.where}.`, bad.example, `Why: ${bad.why}`, bad.advice && `Try: ${bad.advice}`]
        .filter(text => text).map(text => h("p", {}, shorten(text, 1000))),
      ...(trail ? [trail] : []),
    );
  }

  private fill({ step, entry, card, note, bad, plan }: Shown): void {
    const key = card ? `card ${step} ${plan.names.length} ${bad?.blamed ?? ""}` : `short ${step} ${entry ? madeText(entry) : ""} ${note}`;
    if (key === this.drawnValues) return;
    this.drawnValues = key;
    if (card) {
      const rows = [...card.given.map(value => this.value(value, bad)), ...card.made.map(value => this.value(value, bad))];
      if (card.more) rows.splice(card.given.length, 0, h("p", { class: "labkit-db-note" }, `and ${card.more} more inputs`));
      if (!rows.length) rows.push(h("p", { class: "labkit-db-note" }, "It takes nothing and makes nothing: it runs for its effect."));
      this.values.replaceChildren(...rows);
    } else if (entry) this.values.replaceChildren(h("p", { class: "labkit-db-note" }, `made ${shorten(madeText(entry), 200)}`));
    else this.values.replaceChildren(...(note ? [h("p", { class: "labkit-db-note" }, note)] : []));
  }

  private value(value: Value, bad: Bad | null): HTMLElement {
    const made = !value.role.startsWith("input");
    const blamed = Boolean(bad) && value.name === bad!.blamed && !made;
    const box = h("details", { class: "labkit-db-value", open: this.opened.get(value.role) ?? made, "data-bad": value.bad ? "" : null, "data-blamed": blamed ? "" : null },
      h("summary", {}, h("span", { class: "labkit-db-role" }, value.role), h("bdi", { title: shorten(value.name, 300) }, shorten(value.name, 34)),
        h("span", { class: "labkit-db-short" }, value.bad ? `⚠\ufe0e ${value.short}` : value.short)));
    const draw = () => {
      if (box.open && box.childElementCount === 1) box.append(valueCard(value.summary, value.picture ? [bytes(value.picture)] : []));
    };
    box.addEventListener("toggle", () => {
      this.opened.set(value.role, box.open);
      draw();
    }, { signal: this.shell.signal });
    draw();
    return box;
  }
}

function bytes(base64: string): DataView {
  return new DataView(Uint8Array.from(atob(base64), letter => letter.charCodeAt(0)).buffer);
}
