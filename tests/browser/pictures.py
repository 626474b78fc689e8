"""`python -m tests.browser.pictures [NAME ...]`: makes the pictures of the views for the README, in a real JupyterLab.

Each is the view as it stands in a notebook, after the touches that its function says, written to `.github/`.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from tests.browser.lab import browser, open_and_run, running_lab

FOLDER = Path(__file__).parents[2] / ".github"
_NET = """
import numpy as np
import labkit as tf
import labkit_widgets as lw
from labkit.datasets import handwritten

digits = handwritten()
x = tf.placeholder(tf.float32, [None, 784], name="x")
labels = tf.placeholder(tf.int64, [None], name="labels")
with tf.name_scope("layer1"):
    W1 = tf.Variable(tf.truncated_normal([784, 100], stddev=0.05, seed=1), name="W")
    b1 = tf.Variable(tf.zeros([100]), name="b")
    h = tf.nn.relu(tf.matmul(x, W1) + b1, name="relu")
with tf.name_scope("layer2"):
    W2 = tf.Variable(tf.truncated_normal([100, 10], stddev=0.05, seed=2), name="W")
    b2 = tf.Variable(tf.zeros([10]), name="b")
    logits = tf.add(tf.matmul(h, W2), b2, name="logits")
with tf.name_scope("loss"):
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits), name="loss")
train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
right = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), labels), tf.float32))
sess = tf.Session()
sess.run(tf.global_variables_initializer())
pictures = (digits.train_images.reshape(len(digits.train_images), -1) / 255.0).astype(np.float32)


def batch(i):
    rows = np.arange(i * 100, i * 100 + 100) % len(pictures)
    return {x: pictures[rows], labels: digits.train_labels[rows]}
"""
_GRAPH = _NET + 'lw.GraphView(session=sess, feed=batch(0), open=["layer1"], height=400)'
_TRAINING = (
    _NET
    + """
curves = {"loss": loss, "accuracy": (right, batch(7), 20)}
view = lw.TrainingView(sess, train, batch, steps=600, curves=curves, weights=[W2], histograms=[W1], learning_rate=False)
view.start()
"""
)
_PLAYGROUND = 'import labkit_widgets as lw\nlw.PlaygroundView(data="spiral", preset="spiral", seed=3).train(400)'
_PLACEMENT = """
import labkit as tf
import labkit_widgets as lw

x = tf.placeholder(tf.float32, [None, 784], name="x")
labels = tf.placeholder(tf.int64, [None], name="labels")
with tf.device("/gpu:0"):
    hidden = tf.layers.dense(x, 512, tf.nn.relu, name="hidden")
with tf.device("/gpu:1"):
    logits = tf.layers.dense(hidden, 10, name="logits")
    loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
train = tf.train.GradientDescentOptimizer(0.1).minimize(loss, colocate_gradients_with_ops=True)
lw.PlacementView(train, "gpu_server", feeds={x: [100, 784], labels: [100]}, height=380)
"""
_CLUSTER = """
import labkit as tf
import labkit_widgets as lw

h = tf.placeholder(tf.float32, [1000, 1000], name="x")
parts = []
for n in (0, 9, 14, 22, 31, 37, 44, 49):
    with tf.device(f"/job:worker/task:{n}/device:GPU:0"):
        parts.append(tf.matmul(h, tf.ones([1000, 1000]), name=f"part_{n}"))
with tf.device("/job:worker/task:27/device:GPU:0"):
    total = tf.add_n(parts, name="total")
machines = tf.cluster.ready("gpu_machines")
work = tf.costs.workload(total, {h: [1000, 1000]})
places = tf.placement.obey(total.graph, machines).places
run = tf.simulator.simulate(work, {node.name: places[node.name] for node in work.nodes}, machines)
view = lw.ClusterView(run=run)
view.time = 0.75 * run.seconds
view
"""

_PARALLEL = (
    _NET
    + """
data, test = {x: pictures, labels: digits.train_labels}, {x: pictures[:300], labels: digits.train_labels[:300]}
view = lw.ParallelView(train, data, loss, metrics={"accuracy": right}, test=test, workers=8, mode="async",
                       stragglers="exponential", compute_seconds=0.003, seed=2).kill("worker 3", seconds=0.03)
view.time, view.chosen = 0.0408, "worker 3"
view
"""
)


def _graph(page: Any, view: Any) -> None:
    find = view.locator(".labkit-gv-find")
    find.fill("relu")
    find.press("ArrowDown")
    find.press("Enter")
    view.locator("details[data-verb=value] summary").click()
    page.wait_for_timeout(1500)


def _training(page: Any, view: Any) -> None:
    view.get_by_text("600 of 600").wait_for(timeout=60_000)
    page.wait_for_timeout(1500)


def _nothing(page: Any, view: Any) -> None:
    page.wait_for_timeout(1500)


def _tall(page: Any, view: Any) -> None:
    page.set_viewport_size({"width": 1500, "height": 1400})
    page.wait_for_timeout(1500)


PICTURES: dict[str, tuple[str, Callable[[Any, Any], None]]] = {
    "graph_view": (_GRAPH, _graph),
    "training_view": (_TRAINING, _training),
    "playground_view": (_PLAYGROUND, _nothing),
    "placement_view": (_PLACEMENT, _nothing),
    "cluster_view": (_CLUSTER, _nothing),
    "parallel_view": (_PARALLEL, _tall),
}


def main(names: list[str]) -> None:
    """Makes those named, or all of them."""
    from PIL import Image

    chosen = {name: made for name, made in PICTURES.items() if not names or name in names}

    with tempfile.TemporaryDirectory() as scratch:
        home, source = Path(scratch) / "home", Path(scratch) / "source"
        home.mkdir()
        source.mkdir()
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        for name, (code, _) in chosen.items():
            nbformat.write(new_notebook(metadata=kernel, cells=[new_code_cell(code)]), source / f"{name}.ipynb")
        with running_lab(home, source) as lab, browser(home) as context:
            page = context.new_page()
            page.set_viewport_size({"width": 1500, "height": 1000})
            for name, (_, touch) in chosen.items():
                open_and_run(page, lab, f"{name}.ipynb")
                page.wait_for_selector("[data-labkit-ready]")
                view = page.locator(".labkit").first
                touch(page, view)
                view.scroll_into_view_if_needed()
                picture = Image.open(io.BytesIO(view.screenshot()))
                few = picture.convert("P", palette=Image.Palette.ADAPTIVE, colors=128)
                few.save(FOLDER / f"{name}.png", optimize=True)
                print(FOLDER / f"{name}.png", picture.size)


if __name__ == "__main__":
    main(sys.argv[1:])
