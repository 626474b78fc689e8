"""What a test sees of a page: its errors, what it has started and not ended, and what axe-core finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

READY = ".labkit[data-labkit-ready]"
AXE = Path(__file__).parents[2] / "widgets" / "node_modules" / "axe-core" / "axe.min.js"

# Before any script of the page: counts what the bundle (a script of a `blob:` address) starts and what of it ends. A
# listener counts where something outside the view hears; one on the view's own elements goes with them.
_COUNT = """(() => {
  const live = globalThis.live = { listeners: new Set(), timers: new Set(), observers: new Set(), workers: new Set() };
  const keys = new WeakMap();
  Error.stackTraceLimit = 50;
  const ours = () => new Error().stack.includes('blob:');
  const shared = target => target === window || target === document || target === document.documentElement ||
    target === document.body || target instanceof MediaQueryList;
  const { addEventListener, removeEventListener } = EventTarget.prototype;
  EventTarget.prototype.addEventListener = function (type, listener, options) {
    const target = this ?? window;
    if (shared(target) && listener && !options?.signal?.aborted && ours()) {
      const name = target.constructor.name + ' ' + type;
      if (!keys.has(listener)) keys.set(listener, new Map());
      const entry = { name };
      keys.get(listener).set(name, entry);
      live.listeners.add(entry);
      const end = () => live.listeners.delete(entry);
      if (options?.signal) addEventListener.call(options.signal, 'abort', end);
      if (options?.once) addEventListener.call(target, type, end, { once: true });
    }
    return addEventListener.call(target, type, listener, options);
  };
  EventTarget.prototype.removeEventListener = function (type, listener, options) {
    const target = this ?? window;
    const name = target.constructor.name + ' ' + type;
    if (shared(target) && listener) live.listeners.delete(keys.get(listener)?.get(name));
    return removeEventListener.call(target, type, listener, options);
  };
  for (const [start, stop, again] of [
    ['setTimeout', 'clearTimeout', false], ['setInterval', 'clearInterval', true],
    ['requestAnimationFrame', 'cancelAnimationFrame', false], ['requestIdleCallback', 'cancelIdleCallback', false]]) {
    const starts = window[start], stops = window[stop];
    window[start] = (act, ...rest) => {
      const entry = { name: start + ' ' + String(act).slice(0, 200) };
      const acts = (...args) => { if (!again) live.timers.delete(entry); return act(...args); };
      entry.id = starts.call(window, acts, ...rest);
      if (ours()) live.timers.add(entry);
      return entry.id;
    };
    window[stop] = id => {
      for (const entry of live.timers) if (entry.id === id && entry.name.startsWith(start)) live.timers.delete(entry);
      stops.call(window, id);
    };
  }
  for (const name of ['MutationObserver', 'ResizeObserver', 'IntersectionObserver']) {
    const Plain = window[name];
    window[name] = class extends Plain {
      observe(...args) { if (ours()) live.observers.add(this); super.observe(...args); }
      disconnect() { live.observers.delete(this); super.disconnect(); }
    };
    Object.defineProperty(window[name], 'name', { value: name });
  }
  const Plain = Worker;
  window.Worker = class Worker extends Plain {
    constructor(...args) { super(...args); live.workers.add(this); }
    terminate() { live.workers.delete(this); super.terminate(); }
  };
})();"""

_LEFT = """async () => {
  for (let frame = 0; frame < 3; frame++) await new Promise(done => setTimeout(done, 30));
  const { listeners, timers, observers, workers } = globalThis.live;
  return [...[...listeners].map(x => 'listener ' + x.name), ...[...timers].map(x => 'timer ' + x.name),
          ...[...observers].map(x => x.constructor.name), ...[...workers].map(() => 'Worker')]; }"""


def errors_of(page: Any) -> list[str]:
    """A list that gets every error of a page from now on: of its scripts, and what they write to the console.

    Notebook 7.6 stumbles over a settings file of JupyterLab's when it starts; an error in which only its own files have
    a part is not ours.
    """
    errors: list[str] = []

    def failed(error: Any) -> None:
        stack = error.stack or str(error)
        if "/static/notebook/" not in stack or "blob:" in stack:
            errors.append(f"page: {stack}")

    page.on("pageerror", failed)
    page.on("console", lambda message: errors.append(f"console: {message.text}") if message.type == "error" else None)
    return errors


def drawn(page: Any, count: int) -> Any:
    """Waits until this many views of a notebook are drawn; says what its outputs show instead if they are not."""
    try:
        page.wait_for_function(
            "([ready, count]) => document.querySelectorAll(ready).length >= count", arg=[READY, count], timeout=60_000
        )
    except Exception as error:
        shows = page.eval_on_selector_all(
            ".jp-OutputArea-output, .jp-Dialog", "all => all.map(x => x.className + ': ' + x.textContent.slice(0, 200))"
        )
        raise AssertionError(f"{count} views were to be drawn, but this is shown: {shows}") from error
    return page.locator(READY)


def count_what_is_started(page: Any) -> None:
    """To be called before the page is opened; `left` then says what was started and has not ended."""
    page.add_init_script(_COUNT)


def left(page: Any) -> list[str]:
    """Listeners outside of the views, timers, observers and workers that are alive."""
    return page.evaluate(_LEFT)


def violations(page: Any, within: str = ".labkit") -> list[str]:
    """What axe-core finds within the views: rule, and the first elements that break it.

    One rule is left out: that headings follow one another by level. Those of a view stand where the notebook's own
    headings have them stand, and change with every cell of text before them.
    """
    if not AXE.is_file():
        pytest.skip("axe-core is not there: npm ci --ignore-scripts in widgets/")
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8") + "\n;0")
    found = page.evaluate(
        "within => axe.run({include: [[within]]}, {rules: {'heading-order': {enabled: false}}})", within
    )
    return [
        f"{broken['id']}: {node['html'][:160]} ({node['failureSummary'].splitlines()[1].strip()})"
        for broken in found["violations"]
        for node in broken["nodes"][:3]
    ]
