// What the parts of the playground have in hand, and how they are told that something changed.

import type { Shell } from "../core/shell.ts";
import type { Theme } from "../core/colours.ts";
import type { Frame, Numbers } from "./frame.ts";
import type { Choices, Place, Settings } from "./types.ts";

export interface App {
  shell: Shell;
  choices: Choices;
  settings: Settings; // as the learner wants them; the kernel may still be at work on them
  frame: Frame;
  examples: { header: Record<string, any>; sections: Map<string, Numbers> };
  playing: boolean;
  selected: Place; // who is looked at
  cursor: [x1: number, x2: number]; // where values are read in the plane
  theme: Theme;
  /** Wants other settings: shown at once, asked of the kernel a moment later. */
  change(settings: Settings): void;
  /** Asks the kernel; what it refuses is said. */
  ask(verb: string, args?: Record<string, unknown>): Promise<void>;
  /** Looks at a neuron, an input or the output. */
  select(place: Place): void;
  /** Reads values at another point. */
  move(cursor: [number, number]): void;
  /** Puts the focus on a weight of the selected neuron, and back. */
  editWeights(from?: number): void;
  backToNet(): void;
}

/** A part of the page. */
export interface Part {
  element: HTMLElement;
  structure?(): void; // the settings, the theme or the width changed
  update?(): void; // a frame came, or something else is looked at
}

/** The plane reaches from -REACH to REACH in both directions. */
export const REACH = 6;

/** Whether the frame belongs to the settings; false between a change and the kernel's answer. */
export function fits(app: App, sizes: number[]): boolean {
  return app.frame.kind === app.settings.kind && app.frame.fits(sizes);
}

/** Listens until the view is closed. */
export function on<K extends keyof HTMLElementEventMap>(
  app: App, target: EventTarget, type: K, heard: (event: HTMLElementEventMap[K]) => void,
): void {
  target.addEventListener(type, heard as EventListener, { signal: app.shell.signal });
}

/**
 * For elements that come and go with every change: one listener on what stays around them finds what the element that
 * was hit is to do. Elements that are gone leave nothing behind.
 */
export function acting(app: App, around: Element, type: keyof HTMLElementEventMap): <E extends Element>(element: E, act: (event: any) => void) => E {
  const acts = new WeakMap<Element, (event: any) => void>();
  on(app, around, type, event => {
    for (let at = event.target as Element | null; at && at !== around; at = at.parentElement) acts.get(at)?.(event);
  });
  return (element, act) => {
    acts.set(element, act);
    return element;
  };
}
