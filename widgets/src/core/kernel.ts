// What becomes of the kernel behind a view: it may die, be restarted, or be out of reach.
//
// JupyterLab and Notebook 7 say so through the kernel connection that their widget manager has. Other pages (VS Code,
// Colab) show no such thing to a view; there nothing is said.

import type { Model } from "./model.ts";

export type Fate = "died" | "restarted" | "gone" | "lost" | "back";

interface Heard<T> {
  connect(slot: (from: unknown, what: T) => void): void;
  disconnect(slot: (from: unknown, what: T) => void): void;
}

interface Kernel {
  statusChanged?: Heard<string>;
  connectionStatusChanged?: Heard<string>;
}

/** What a learner is told. */
export const WORDS: Record<Fate, string> = {
  died: "The kernel has died; often the memory was used up. What you see is the last it said. Run the cells again, from the top.",
  restarted: "The kernel was restarted. What you see is the last it said. Run the cells again, from the top.",
  gone: "The server is back, and this kernel is not: it went with it. What you see is the last it said. Run the cells again, from the top.",
  lost: "The server cannot be reached. The kernel may be working on; what you see is the last it said.",
  back: "",
};

const STATUS: Record<string, Fate> = {
  autorestarting: "died", dead: "died", restarting: "restarted", terminating: "restarted",
};

/** Calls back when something becomes of the kernel, until the signal. After its end nothing more is said of it. */
export function watchKernel(model: Model, signal: AbortSignal, told: (fate: Fate) => void): void {
  const kernel = (model as { widget_manager?: { kernel?: Kernel | null } }).widget_manager?.kernel;
  if (!kernel?.statusChanged?.connect) return;
  let ended: Fate | null = null, lost = false;
  const onStatus = (_: unknown, status: string) => {
    const fate = status === "dead" && lost ? "gone" : STATUS[status];
    if (!fate || ended === fate || ended === "died") return; // one that died is said to restart, and then by itself
    ended = fate;
    told(fate);
  };
  const onConnection = (_: unknown, status: string) => {
    if (ended || lost === (status !== "connected")) return;
    lost = !lost;
    told(lost ? "lost" : "back");
  };
  kernel.statusChanged.connect(onStatus);
  kernel.connectionStatusChanged?.connect(onConnection);
  signal.addEventListener("abort", () => {
    kernel.statusChanged!.disconnect(onStatus);
    kernel.connectionStatusChanged?.disconnect(onConnection);
  }, { once: true });
}
