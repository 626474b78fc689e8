"""PlacementView: bytes of its messages, and how long after a drop the new step time is in the picture.

The page runs in a headless Chromium, with this process as its kernel. What is timed is the whole way, from letting an
op go to the new figure and the new picture, the simulation included.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any

import labkit as tf
import labkit_widgets as lw
from tests.browser.kernel import open_with_kernel
from tests.browser.lab import CHROMIUM
from tests.widgets.samples import training

_MOVE = """async ([id, names, device]) => {
  const sum = document.querySelector('.labkit-pl-sum');
  const drawn = new Promise(done => new MutationObserver((_, seen) => {
    seen.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now())));
  }).observe(sum, { childList: true }));
  const began = performance.now();
  models[0].send({ id, verb: 'move', args: { names, device } });
  return await drawn - began; }"""


def placement_views() -> None:
    """Every figure, with what is wanted."""
    for ops in (74, 1_111):
        view = _small() if ops == 74 else _large()
        _line(f"{len(view.work):,} ops: the graph, once, kB", len(view.columns) / 1e3, "")
        for method in ("obey", "greedy"):
            view.place(method)
            what = f"{len(view.work):,} ops, {method}"
            _line(f"{what}: a change, kB", len(view.placed) / 1e3, "wanted <= 20")
            if CHROMIUM is not None:
                times = _moves(view)
                _line(
                    f"{what}: from a drop to the new step time, ms (median of {len(times)})",
                    statistics.median(times),
                    "wanted <= 200",
                )


def _line(what: str, figure: float, wanted: str) -> None:
    print(f"{what:<76} {figure:6.1f}  {wanted}")


def _small() -> Any:
    """The net of the course on MNIST."""
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 784], name="x")
        y = tf.placeholder(tf.int64, [None], name="y")
        logits = tf.layers.dense(tf.layers.dense(x, 128, tf.nn.relu), 10)
        loss = tf.losses.sparse_softmax_cross_entropy(y, logits)
        train = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
        return lw.PlacementView(train, feeds={x: [100, 784], y: [100]})


def _large() -> Any:
    graph = training(1000)
    feeds = {
        op.outputs[0]: list(op.outputs[0].static_shape) for op in graph.get_operations() if op.type == "Placeholder"
    }
    return lw.PlacementView(graph, feeds=feeds)


def _moves(view: Any) -> list[float]:
    from playwright.sync_api import sync_playwright

    names = [node.name for node in view.work.nodes if node.flops]
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as scratch:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1300, "height": 900}, reduced_motion="reduce")
        open_with_kernel(page, Path(scratch), view)
        times: list[float] = []
        for turn in range(15):
            name = names[(37 * turn) % len(names)]
            device = next(d for d in list(view.cluster.devices)[1 + turn % 5 :] if d != view.places[name])
            times.append(page.evaluate(_MOVE, [9000 + turn, [name], device]))
        browser.close()
    return times[3:]


if __name__ == "__main__":
    placement_views()
