"""Views in a bare page with this process as their kernel: questions are answered, and what the kernel sets arrives.

Quicker than a notebook, and with everything in one process: a test can look at the Python view while the page shows it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from labkit_widgets.fallback import _bytes
from labkit_widgets.runtime import read_bundle

_OPEN = """async ([text, states]) => {
  const bytes = value => typeof value?.base64 !== 'string' ? value
    : new DataView(Uint8Array.from(atob(value.base64), letter => letter.charCodeAt(0)).buffer);
  const { render } = await import(URL.createObjectURL(new Blob([text], { type: 'text/javascript' })));
  const models = globalThis.models = states.map((state, number) => {
    const traits = Object.fromEntries(Object.entries(state).map(([key, value]) => [key, bytes(value)]));
    const heard = new Map(), changed = new Set();
    const fire = (event, ...args) => { for (const listener of [...(heard.get(event) ?? [])]) listener(...args); };
    const take = ({ changes, messages }) => {
      for (const [view, name, value] of changes) models[view].take(name, bytes(value));
      for (const [view, name] of changes) models[view].fire(`change:${name}`);
      for (const [view, content] of messages) models[view].fire('msg:custom', content, []);
    };
    return {
      traits, fire, take: (name, value) => { traits[name] = value; },
      get: name => traits[name],
      set: (name, value) => { traits[name] = value; changed.add(name); fire(`change:${name}`); },
      save_changes: () => {
        const news = Object.fromEntries([...changed].map(name => [name, traits[name]]));
        changed.clear();
        void labkitKernel(number, null, news).then(take);
      },
      on: (event, listener) => { heard.set(event, (heard.get(event) ?? new Set()).add(listener)); },
      off: (event, listener) => heard.get(event)?.delete(listener),
      send: content => { void labkitKernel(number, content, {}).then(take); },
    };
  });
  for (const model of models) {
    const el = document.querySelector('main').appendChild(document.createElement('div'));
    await render({ model, el, signal: new AbortController().signal });
  }
}"""


class Kernel:
    """What answers the pages of some views; `sizes` are the bytes of what it sent, message by message."""

    def __init__(self, views: list[Any]) -> None:
        self.views = views
        self.sizes: list[int] = []
        self._changes: list[list[Any]] = []
        self._messages: list[list[Any]] = []
        for number, view in enumerate(views):
            view.observe(lambda change, number=number: self._changes.append([number, change["name"], change["new"]]))
            view.send = lambda content, buffers=None, number=number: self._messages.append([number, content])

    def hear(self, number: int, content: Any, news: dict[str, Any]) -> Any:
        """What the page says: a question, or traits that it set."""
        self._changes, self._messages = [], []
        view = self.views[number]
        for name, value in news.items():
            setattr(view, name, value)
        self._changes = []  # the page knows
        if content is not None:
            view._hear(None, content, [])
        known = [view.keys for view in self.views]
        changes = [change for change in self._changes if change[1] in known[change[0]]]
        told = json.dumps({"changes": changes, "messages": self._messages}, default=_bytes)
        self.sizes.append(len(told))
        return json.loads(told)


def open_with_kernel(page: Any, folder: Path, *views: Any) -> Kernel:
    """Draws the views below one another; waits until they are ready."""
    kernel = Kernel(list(views))
    blank = folder / "blank.html"
    blank.write_text(
        "<!doctype html><html lang=en><title>Views</title><style>:root{color-scheme:light dark}"
        "body{background:Canvas;color:CanvasText}</style><body><main></main>"
    )
    page.expose_function("labkitKernel", kernel.hear)
    page.goto(blank.as_uri())
    states = [json.loads(json.dumps(view.saved_state(), default=_bytes)) for view in views]
    page.evaluate(_OPEN, [read_bundle(), states])
    for number in range(len(views)):
        page.wait_for_selector(f"main > div:nth-child({number + 1}) [data-labkit-ready]", timeout=20_000)
    return kernel
