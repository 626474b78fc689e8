"""Real training steps of labkit as workloads: what `placement.py` places beside the Standard Task Graph set."""

from __future__ import annotations

from collections.abc import Callable

import labkit as tf
from labkit.cluster import Cluster, Device, Network
from labkit.workload import Workload


def _trained(loss: tf.Tensor, feeds: dict[tf.Tensor, list[int]]) -> Workload:
    return tf.costs.workload(tf.train.GradientDescentOptimizer(0.1).minimize(loss), feeds)


def _images(batch: int) -> tuple[tf.Tensor, tf.Tensor, dict[tf.Tensor, list[int]]]:
    x, y = tf.placeholder(tf.float32, [None, 784], name="x"), tf.placeholder(tf.int64, [None], name="y")
    return x, y, {x: [batch, 784], y: [batch]}


def softmax() -> Workload:
    """MNIST for beginners."""
    with tf.Graph().as_default():
        x, y, feeds = _images(100)
        return _trained(tf.losses.sparse_softmax_cross_entropy(y, tf.layers.dense(x, 10)), feeds)


def mlp() -> Workload:
    """Four hidden layers of 2048."""
    with tf.Graph().as_default():
        x, y, feeds = _images(256)
        h = x
        for _ in range(4):
            h = tf.layers.dense(h, 2048, tf.nn.relu)
        return _trained(tf.losses.sparse_softmax_cross_entropy(y, tf.layers.dense(h, 10)), feeds)


def convnet() -> Workload:
    """Deep MNIST: two convolutions, two dense layers."""
    with tf.Graph().as_default():
        x, y, feeds = _images(128)
        h = tf.reshape(x, [-1, 28, 28, 1])
        for filters in (32, 64):
            h = tf.layers.max_pooling2d(tf.layers.conv2d(h, filters, 5, padding="same", activation=tf.nn.relu), 2, 2)
        h = tf.layers.dense(tf.reshape(h, [-1, 7 * 7 * 64]), 1024, tf.nn.relu)
        return _trained(tf.losses.sparse_softmax_cross_entropy(y, tf.layers.dense(h, 10)), feeds)


def towers(count: int = 4) -> Workload:
    """Towers of three dense layers side by side on parts of the input, joined before the loss."""
    with tf.Graph().as_default():
        x, y, feeds = _images(256)
        ends: list[tf.Tensor] = []
        for part in tf.split(x, count, 1):
            h = part
            for _ in range(3):
                h = tf.layers.dense(h, 1024, tf.nn.relu)
            ends.append(h)
        return _trained(tf.losses.sparse_softmax_cross_entropy(y, tf.layers.dense(tf.concat(ends, 1), 10)), feeds)


def lstm(steps: int = 10, layers: int = 2) -> Workload:
    """Two layers of 650 units (the medium model of the language-model tutorial), unrolled over ten words."""
    with tf.Graph().as_default():
        x, y = tf.placeholder(tf.float32, [20, steps, 650], name="x"), tf.placeholder(tf.int64, [20], name="y")
        cells = [tf.nn.rnn_cell.BasicLSTMCell(650) for _ in range(layers)]
        cell = tf.nn.rnn_cell.MultiRNNCell(cells)
        outputs, _ = tf.nn.static_rnn(cell, tf.unstack(x, axis=1), dtype=tf.float32)
        loss = tf.losses.sparse_softmax_cross_entropy(y, tf.layers.dense(outputs[-1], 10))
        return _trained(loss, {x: [20, steps, 650], y: [20]})


def deep(layers: int = 520) -> Workload:
    """About 10,000 ops: so many dense layers, with their gradients."""
    with tf.Graph().as_default():
        x, y, feeds = _images(128)
        h = x
        for _ in range(layers):
            h = tf.layers.dense(h, 256, tf.nn.relu)
        return _trained(tf.losses.sparse_softmax_cross_entropy(y, tf.layers.dense(h, 10)), feeds)


STEPS: dict[str, Callable[[], Workload]] = {
    "softmax": softmax, "MLP": mlp, "convnet": convnet, "towers": towers, "LSTM": lstm,
}  # fmt: skip


def gpus(count: int) -> Cluster:
    """So many P100 on one host, and nothing else."""
    network = Network(f"{count} GPUs")
    network.add("h0", "host")
    return Cluster(network.name, network, [Device(f"/device:GPU:{n}", "p100", "h0", "pcie3_x16") for n in range(count)])
