// What boxes say, and how much room that takes.

import { shorten } from "../core/dom.ts";
import type { Plan } from "./plan.ts";
import { stem } from "./series.ts";
import { PARTS, type Part } from "./types.ts";

/** How wide a text is drawn, in pixels. */
export type Measure = (text: string) => number;

export const LETTERS = 30; // longer labels are cut in the middle

/** A fair guess without a page: 12 px sans-serif. */
export const roughly: Measure = text => {
  let width = 0;
  for (const letter of text.replace(/\u200d./gu, "")) width += letter.codePointAt(0)! > 0x1100 ? 12 : "iljt.:/|'".includes(letter) ? 4 : letter >= "A" && letter <= "Z" ? 8 : 7;
  return width;
};

/** Labels and sizes. */
export class Words {
  constructor(plan: Plan, measure: Measure, letters = LETTERS) {
    this.plan = plan;
    this.measure = measure;
    this.letters = letters;
  }
  private plan: Plan;
  private measure: Measure;
  private letters: number;

  label(t: number): string {
    const label = this.plan.label(t);
    return shorten(this.plan.members[t] ? stem(label) || label : label, this.letters);
  }

  detail(t: number): string {
    const { plan } = this;
    if (plan.members[t]) return `× ${plan.members[t]}`;
    if (plan.node[t]! >= 0) return shorten(plan.graph.opType(plan.node[t]!), this.letters);
    return plan.count[t] === 1 ? "1 op" : `${plan.count[t]} ops`;
  }

  size(t: number): { w: number; h: number } {
    const text = Math.max(this.measure(this.label(t)), this.measure(this.detail(t)));
    const room = this.plan.node[t]! >= 0 ? 24 : 44; // a closed scope has a mark that says it opens
    return { w: 2 * Math.ceil(Math.max(64, text + room) / 2), h: this.plan.members[t] ? 50 : 44 };
  }

  /** A hub far from where it stands: `read` alone would say nothing. */
  far(t: number): string {
    const label = this.label(t), up = this.plan.parent[t]!;
    return up > 0 && this.plan.node[t]! >= 0 && label === "read" ? this.label(up) : label;
  }

  reference(t: number): { w: number; h: number } {
    return { w: 2 * Math.ceil(Math.max(28, this.measure(this.far(t)) + 20) / 2), h: 22 };
  }

  part(t: number): Part {
    const { plan } = this;
    if (plan.node[t]! >= 0) return plan.graph.part(plan.node[t]!);
    let known = plan.memo.get("parts") as Map<number, Part> | undefined;
    if (!known) plan.memo.set("parts", (known = new Map()));
    let part = known.get(t);
    if (!part) known.set(t, (part = partOf(plan, t)));
    return part;
  }
}

/** What a scope is, by the ops in it: what computes says more than the variables and constants that it keeps. */
function partOf(plan: Plan, t: number): Part {
  const all = PARTS.map(() => 0), own = PARTS.map(() => 0); // all that are inside, and those that stand in it directly
  for (let k = plan.at[t]!; k < plan.last[t]!; k++) {
    const c = plan.order[k]!;
    if (plan.node[c]! < 0) continue;
    const part = plan.graph.parts[plan.node[c]!]!;
    all[part]!++;
    if (plan.parent[c] === t) own[part]!++;
  }
  const at = (counts: number[], part: Part) => counts[PARTS.indexOf(part)]!;
  if (at(all, "forward") && 2 * at(all, "forward") >= at(all, "gradient")) return "forward";
  // A variable with its optimizer's slots is a variable: what stands in a scope itself says more than what lies deeper.
  const counts = PARTS.some(part => part !== "constant" && at(own, part)) ? own : all;
  if (at(counts, "gradient") || at(counts, "optimizer")) return at(counts, "gradient") >= at(counts, "optimizer") ? "gradient" : "optimizer";
  return PARTS.reduce((most, part) => (at(counts, part) > at(counts, most) ? part : most));
}
