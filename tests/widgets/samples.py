"""Real labkit graphs for tests, benches and screenshots, from twenty operations to twenty thousand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import labkit as tf
import labkit_widgets as lw

SEED = 66478


def show(graph: tf.Graph, **options: Any) -> lw.GraphView:
    """A view that keeps its graph, as a learner's variable would."""
    view = lw.GraphView(graph, **options)
    view.kept = graph
    return view


def hello() -> tf.Graph:
    """Three operations, a fourth that nobody needs."""
    with tf.Graph().as_default() as graph:
        a, b = tf.constant(30.0, name="a"), tf.constant(12.0, name="b")
        tf.add(a, b, name="total")
        tf.exp(a, name="unused")
    return graph


def softmax() -> tf.Graph:
    """Notebook 03's first program: softmax regression on MNIST, with gradients and an optimizer."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 784], name="x")
        w = tf.Variable(tf.zeros([784, 10]), name="W")
        b = tf.Variable(tf.zeros([10]), name="b")
        y = tf.nn.softmax(tf.matmul(x, w) + b, name="y")
        labels = tf.placeholder(tf.float32, [None, 10], name="labels")
        with tf.name_scope("cross_entropy"):
            loss = -tf.reduce_sum(labels * tf.log(y))
        tf.train.GradientDescentOptimizer(0.01).minimize(loss, name="train")
        tf.global_variables_initializer()
    return graph


def convnet() -> tf.Graph:
    """Notebook 03's second program: two convolutions, two dense layers, momentum and a falling learning rate."""
    with tf.Graph().as_default() as graph:
        images = tf.placeholder(tf.float32, [None, 28, 28, 1], name="images")
        labels = tf.placeholder(tf.int64, [None], name="labels")
        keep = tf.placeholder_with_default(1.0, [], name="keep")
        seen = _conv(_conv(images, 1, 32, "conv1"), 32, 64, "conv2")
        flat = tf.reshape(seen, [-1, 7 * 7 * 64], name="flat")
        hidden = tf.nn.relu(_dense(flat, 7 * 7 * 64, 512, "dense1"))
        logits = _dense(tf.nn.dropout(hidden, keep, seed=SEED), 512, 10, "dense2")
        step = tf.Variable(0, trainable=False, name="step")
        with tf.name_scope("loss"):
            wrong = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
            loss = tf.reduce_mean(wrong) + 5e-4 * tf.add_n(tf.get_collection("decay"))
        rate = tf.train.exponential_decay(0.01, step * 64, 6000, 0.95, staircase=True)
        tf.train.MomentumOptimizer(rate, 0.9).minimize(loss, global_step=step, name="train")
        tf.argmax(logits, 1, name="guesses")
        tf.global_variables_initializer()
    return graph


def _conv(x: tf.Tensor, channels: int, filters: int, name: str) -> tf.Tensor:
    with tf.name_scope(name):
        start = tf.truncated_normal([5, 5, channels, filters], stddev=0.1, seed=SEED)
        weights = tf.Variable(start, name="weights")
        biases = tf.Variable(tf.constant(0.1, shape=[filters]), name="biases")
        fits = tf.nn.relu(tf.nn.conv2d(x, weights, [1, 1, 1, 1], "SAME") + biases)
        return tf.nn.max_pool(fits, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")


def _dense(x: tf.Tensor, inputs: int, outputs: int, name: str) -> tf.Tensor:
    with tf.name_scope(name):
        weights = tf.Variable(tf.truncated_normal([inputs, outputs], stddev=0.1, seed=SEED), name="weights")
        biases = tf.Variable(tf.constant(0.1, shape=[outputs]), name="biases")
        tf.add_to_collection("decay", tf.nn.l2_loss(weights))
        return tf.matmul(x, weights) + biases


def training(ops: int, blocks: int = 8) -> tf.Graph:
    """A training graph of about so many operations.

    It is a deep net in stages of residual blocks, each with a normalization and two dense layers, a loss, gradients,
    and Adam with its slots; all under scopes, as somebody would write it who means to read the graph.

    Args:
        ops: how many operations; it has at least so many, and at most a block's more.
        blocks: how many blocks share a stage.
    """
    per_block = 330  # a block with its gradients, its slots and their initializers
    count = max(1, -(-(ops - 80) // per_block))
    graph = _training(count, blocks)
    while graph.version < ops:
        count += max(1, (ops - graph.version) // per_block)
        graph = _training(count, blocks)
    return graph


def _training(count: int, blocks: int) -> tf.Graph:
    with tf.Graph().as_default() as graph:
        with tf.name_scope("input"):
            x = tf.placeholder(tf.float32, [32, 64], name="x")
            labels = tf.placeholder(tf.int64, [32], name="labels")
        h = x
        for i in range(count):
            stage = f"stage{i // blocks + 1}"  # with a slash it is entered again
            with tf.name_scope(f"{stage}/" if i % blocks else stage), tf.name_scope(f"block{i % blocks + 1}"):
                h = h + _block(h)
        with tf.name_scope("logits"):
            logits = _layer(h, 10)
        with tf.name_scope("loss"):
            wrong = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
            loss = tf.reduce_mean(wrong, name="mean")
        tf.train.AdamOptimizer(1e-3).minimize(loss, name="train")
        with tf.name_scope("accuracy"):
            right = tf.equal(tf.argmax(logits, 1), labels)
            tf.reduce_mean(tf.cast(right, tf.float32))
        tf.global_variables_initializer()
    return graph


def _block(x: tf.Tensor) -> tf.Tensor:
    with tf.name_scope("norm"):
        mean = tf.reduce_mean(x, axis=1, keep_dims=True)
        spread = tf.reduce_mean(tf.square(x - mean), axis=1, keep_dims=True)
        x = (x - mean) * tf.rsqrt(spread + 1e-5)
    with tf.name_scope("wide"):
        x = tf.nn.relu(_layer(x, 256))
    with tf.name_scope("narrow"):
        return _layer(x, 64)


def _layer(x: tf.Tensor, outputs: int) -> tf.Tensor:
    w = tf.Variable(tf.truncated_normal([int(x.shape[1]), outputs], stddev=0.05, seed=SEED), name="w")
    b = tf.Variable(tf.zeros([outputs]), name="b")
    return tf.matmul(x, w) + b


def control_flow() -> tf.Graph:
    """Loops and branches, one inside the other, with a gradient through them."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [], name="x")
        w = tf.Variable(0.5, name="w")

        def halve(n: tf.Tensor, value: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            smaller = tf.cond(value > 4.0, lambda: value * w, lambda: value - 1.0, name="choose")
            return n + 1, smaller

        _, end = tf.while_loop(lambda n, value: value > 1.0, halve, (0, x), maximum_iterations=20, name="loop")
        rows = tf.map_fn(lambda row: tf.square(row) * w, tf.constant([1.0, 2.0, 3.0]), name="each")
        total = tf.add(end, tf.reduce_sum(rows), name="total")
        tf.gradients(total, w)
    return graph


HOSTILE = [
    '<img src=x onerror="globalThis.broken=1">', "</script><script>globalThis.broken=1</script>", "a" * 10_000,
    "\u202eright to left", "\u05e9\u05dc\u05d5\u05dd", "\U0001f469\u200d\U0001f52c\U0001f680", 'quote"back\\slash',
    "line\nbreak", "nul\x00l", "--><!--", "]]>", "{{7*7}}", "a/" * 200 + "deep",
]  # fmt: skip


def hostile() -> tf.Graph:
    """Names that would like to be more than text. Only a file could bring them in; here a trailing slash does."""
    with tf.Graph().as_default() as graph:
        x = tf.constant(1.0, name="x")
        for name in HOSTILE:
            x = tf.identity(x, name=f"{name}/")
            tf.add(x, 1.0, name=f"{name} scope/inner/")
    return graph


SAMPLES: dict[str, Callable[[], tf.Graph]] = {
    "hello": hello, "softmax": softmax, "convnet": convnet, "control_flow": control_flow, "hostile": hostile,
    "small": lambda: training(300), "1k": lambda: training(1000), "20k": lambda: training(20_000),
}  # fmt: skip
"""Graphs by name, for `python -m tests.widgets.make_page`."""
