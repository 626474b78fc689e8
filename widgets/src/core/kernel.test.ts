// What a view says about its kernel, from what JupyterLab's connection says, in the orders in which it says it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { watchKernel, WORDS, type Fate } from "./kernel.ts";

class Line {
  slots = new Set<(from: unknown, what: string) => void>();
  connect(slot: (from: unknown, what: string) => void): void { this.slots.add(slot); }
  disconnect(slot: (from: unknown, what: string) => void): void { this.slots.delete(slot); }
  say(what: string): void { for (const slot of this.slots) slot(this, what); }
}

function watched(...said: [line: "status" | "connection", what: string][]): Fate[] {
  const kernel = { statusChanged: new Line(), connectionStatusChanged: new Line() };
  const end = new AbortController(), told: Fate[] = [];
  watchKernel({ widget_manager: { kernel } } as any, end.signal, fate => told.push(fate));
  for (const [line, what] of said) (line === "status" ? kernel.statusChanged : kernel.connectionStatusChanged).say(what);
  end.abort();
  assert.equal(kernel.statusChanged.slots.size + kernel.connectionStatusChanged.slots.size, 0);
  return told;
}

test("a kernel that dies is first said to restart, and comes back with a connection of its own", () => {
  assert.deepEqual(watched(
    ["status", "busy"], ["status", "restarting"], ["status", "autorestarting"], ["connection", "connecting"],
    ["connection", "connected"], ["status", "starting"], ["status", "idle"],
  ), ["restarted", "died"]);
});

test("one that is restarted by somebody did not die", () => {
  assert.deepEqual(watched(["status", "restarting"], ["connection", "connecting"], ["connection", "connected"]), ["restarted"]);
});

test("a server that is away may be back, with its kernels or without", () => {
  assert.deepEqual(watched(["connection", "connecting"], ["connection", "connecting"], ["connection", "connected"]), ["lost", "back"]);
  assert.deepEqual(watched(["connection", "connecting"], ["status", "dead"], ["connection", "disconnected"]), ["lost", "gone"]);
});

test("where the page shows no kernel, nothing is said, and every fate but a good one has words", () => {
  watchKernel({} as any, new AbortController().signal, () => assert.fail());
  watchKernel({ widget_manager: { kernel: null } } as any, new AbortController().signal, () => assert.fail());
  for (const [fate, words] of Object.entries(WORDS)) assert.equal(words === "", fate === "back");
});
