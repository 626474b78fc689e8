"""The page's half of the views, sent once per kernel.

anywidget copies a widget's JavaScript (`_esm`) into every instance: ten views would send, and save, the bundle ten
times. So each view carries a stub of a few lines, and the bundle travels as a trait of one `Runtime` widget that all
views of the kernel refer to. The stub asks the page's widget manager for that model, makes a module of its text, and
keeps the module under the text's digest: two kernels with the same labkit share it, two versions do not. It travels,
and is saved with a notebook, compressed: about a third of its size.
"""

from __future__ import annotations

import hashlib
import os
import threading
import zlib
from pathlib import Path

import anywidget
import traitlets

BUNDLE = Path(__file__).parent / "static" / "widget.js"

STUB = """
const KEY = Symbol.for("labkit.bundles");
const bundles = globalThis[KEY] ??= new Map();
const pause = ms => new Promise(done => setTimeout(done, ms));

async function unpack(packed) {
  const text = await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"))).text();
  return import(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
}

async function load(model) {
  const id = model.get("runtime").replace("IPY_MODEL_", "");
  for (let tries = 0; ; tries++) {
    try {
      const runtime = await model.widget_manager.get_model(id);
      const digest = runtime.get("digest");
      if (!bundles.has(digest)) {
        bundles.set(digest, unpack(runtime.get("bundle")).catch(error => { bundles.delete(digest); throw error; }));
      }
      return await bundles.get(digest);
    } catch (error) {
      if (tries >= 20) throw error;
      await pause(100 * (tries + 1));
    }
  }
}

function render({ model, el, signal }) {
  const end = new AbortController();
  signal?.addEventListener("abort", () => end.abort(), { once: true });
  load(model).then(
    bundle => end.signal.aborted || bundle.render({ model, el, signal: end.signal }),
    error => { el.textContent = `This view could not be loaded (${error}). Run its cell again.`; },
  );
  return () => end.abort();
}
export default { render };
"""


class BundleMissingError(RuntimeError):
    """The JavaScript of the views was not built."""


class Runtime(anywidget.AnyWidget):
    """Carries the bundle; shows nothing."""

    _esm = "export default {};"
    bundle = traitlets.Bytes().tag(sync=True)
    digest = traitlets.Unicode().tag(sync=True)


_lock = threading.Lock()
_made: dict[int, Runtime] = {}


def read_bundle() -> str:
    """The text of the bundle.

    Raises:
        BundleMissingError: if it was not built when labkit was installed.
    """
    try:
        return BUNDLE.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BundleMissingError(
            "The JavaScript of the views is missing: it is built when labkit is installed.\n"
            "  Try: pip install -e '.[lab]' in labkit's folder, or make widgets."
        ) from None


def runtime() -> Runtime:
    """The one Runtime of this process; a new one after it was closed, or after a fork."""
    with _lock:
        found = _made.get(os.getpid())
        if found is None or found.comm is None:
            text = read_bundle()
            packed = zlib.compress(text.encode(), 9)
            found = Runtime(bundle=packed, digest=hashlib.sha256(packed).hexdigest()[:16])
            _made.clear()
            _made[os.getpid()] = found
        return found
