"""The nets of the course, a layer on each device, and how they are trained side by side.

Images have 784 pixels and come a hundred at a time, as in the course. What XLA fuses depends on sizes: in tiny loops,
which it unrolls, it rounds differently; `four_values.py` has a test for that too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import labkit as tf

Device = Callable[[int], str | None]
RNG = np.random.default_rng(0)
PIXELS = 784
PROTOTYPES = RNG.random((10, PIXELS), np.float32)


def batch(step: int, rows: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """Images that look like the digit that they stand for, and one-hot labels."""
    rng = np.random.default_rng(step)
    digits = rng.integers(0, 10, rows)
    noise = 0.3 * rng.standard_normal((rows, PIXELS)).astype(np.float32)
    return PROTOTYPES[digits] + noise, np.eye(10, dtype=np.float32)[digits]


def loss_of(logits: Any, labels: Any) -> Any:
    """The mean cross-entropy."""
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits))


def softmax(x: Any, y: Any, device: Device) -> Any:
    """The weights on one device, the product on a second, the loss on a third."""
    with tf.device(device(0)):
        w, b = tf.Variable(tf.random_normal([PIXELS, 10], stddev=0.01, seed=1)), tf.Variable(tf.zeros([10]))
    with tf.device(device(1)):
        logits = tf.matmul(x, w) + b
    with tf.device(device(2)):
        return loss_of(logits, y)


def mlp(x: Any, y: Any, device: Device) -> Any:
    """Three layers."""
    for i, units in enumerate((128, 64)):
        with tf.device(device(i)):
            x = tf.layers.dense(x, units, tf.nn.relu)
    with tf.device(device(2)):
        return loss_of(tf.layers.dense(x, 10), y)


def convnet(x: Any, y: Any, device: Device) -> Any:
    """Two convolutions, dropout, and the weight decay of all layers on the last device."""
    image = tf.reshape(x, [-1, 28, 28, 1])
    for i, channels in enumerate((4, 8)):
        with tf.device(device(i)):
            image = tf.layers.conv2d(image, channels, 3, padding="same", activation=tf.nn.relu)
            image = tf.layers.max_pooling2d(image, 2, 2)
    with tf.device(device(2)):
        hidden = tf.nn.dropout(tf.layers.dense(tf.reshape(image, [-1, 7 * 7 * 8]), 64, tf.nn.relu), 0.5, seed=1)
    with tf.device(device(3)):
        decay = tf.add_n([tf.nn.l2_loss(v) for v in tf.trainable_variables()])
        return loss_of(tf.layers.dense(hidden, 10), y) + 5e-4 * decay


def regularized(x: Any, y: Any, device: Device) -> Any:
    """As `mlp`, with each layer's weight decay on the layer's device."""
    terms = []
    for i, units in enumerate((128, 64, 10)):
        with tf.device(device(i)):
            x = tf.layers.dense(x, units, tf.nn.relu if units > 10 else None, name=f"layer{i}")
            terms.append(1e-3 * tf.nn.l2_loss(tf.trainable_variables()[-2]))
    with tf.device(device(2)):
        return loss_of(x, y) + tf.add_n(terms)


def lstm(x: Any, y: Any, device: Device) -> Any:
    """Two layers of LSTM cells, each a loop over the rows of the image."""
    rows = tf.reshape(x, [-1, 28, 28])
    for i in range(2):
        with tf.device(device(i)), tf.variable_scope(f"layer{i}"):
            rows, _ = tf.nn.dynamic_rnn(tf.nn.rnn_cell.BasicLSTMCell(32), rows, dtype=tf.float32)
    with tf.device(device(2)):
        return loss_of(tf.layers.dense(rows[:, -1], 10), y)


def unrolled(x: Any, y: Any, device: Device) -> Any:
    """As `lstm`, each cell a part of the graph."""
    rows: Any = tf.unstack(tf.reshape(x, [100, 28, 28]), axis=1)[:4]
    for i in range(2):
        with tf.device(device(i)), tf.variable_scope(f"layer{i}"):
            rows, _ = tf.nn.static_rnn(tf.nn.rnn_cell.BasicLSTMCell(16), rows, dtype=tf.float32)
    with tf.device(device(2)):
        return loss_of(tf.layers.dense(rows[-1], 10), y)


class Trained:
    """A net after some steps.

    Args:
        net: one of the functions above.
        device: the device of each layer.
        steps: how many.
        optimizer: what trains it.
        colocate: True keeps gradients where the layers are.
        config: of the session.

    Attributes:
        losses: the loss of each step.
        state: all that the session keeps.
    """

    def __init__(
        self, net: Any, device: Device, steps: int, optimizer: Any = None, colocate: bool = True, config: Any = None
    ) -> None:
        with tf.Graph().as_default() as self.graph:
            tf.set_random_seed(1)
            self.x, self.y = tf.placeholder(tf.float32, [None, PIXELS]), tf.placeholder(tf.float32, [None, 10])
            self.loss = net(self.x, self.y, device)
            trains = optimizer or tf.train.GradientDescentOptimizer(0.1)
            self.step = trains.minimize(self.loss, colocate_gradients_with_ops=colocate)
            self.initial = tf.global_variables_initializer()
        self.session = tf.Session(graph=self.graph, config=config)
        self.session.run(self.initial)
        self.losses = [self.train(i) for i in range(steps)]
        self.state = {name: np.asarray(value) for name, value in self.session._store.items()}

    def train(self, step: int) -> Any:
        """One step; its loss."""
        images, labels = batch(step)
        return self.session.run([self.loss, self.step], {self.x: images, self.y: labels})[0]

    @property
    def plan(self) -> Any:
        """The plan of the training step."""
        return list(self.session._prepared.values())[1].plan
