"""Recurrent networks beside hand-written JAX: a training step of a looped LSTM, and compiling an unrolled one.

The loop is `tf.nn.dynamic_rnn` over two `BasicLSTMCell`s of 128 units, batch 32, 20 steps, against `lax.scan`. The
unrolled one is `tf.nn.static_rnn` over four, 20 x 4 cells with their gradients, against a Python loop in one `jax.jit`.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import labkit as tf
from tests.benchmarks.sidebyside import Ratio, compare

BATCH, STEPS, UNITS, CLASSES, RATE = 32, 20, 128, 10, 0.1
RNG = np.random.default_rng(0)
X = RNG.standard_normal((BATCH, STEPS, UNITS)).astype(np.float32)
Y = np.eye(CLASSES, dtype=np.float32)[RNG.integers(0, CLASSES, BATCH)]


class LabkitStep:
    """A training step of a recurrent classifier through `Session.run`.

    Args:
        layers: cells on top of each other.
        unrolled: `static_rnn` instead of `dynamic_rnn`.
    """

    def __init__(self, layers: int, unrolled: bool) -> None:
        start = time.perf_counter()
        with tf.Graph().as_default():
            self.x = tf.placeholder(tf.float32, [BATCH, STEPS, UNITS])
            self.y = tf.placeholder(tf.float32, [BATCH, CLASSES])
            cell = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.BasicLSTMCell(UNITS) for _ in range(layers)])
            if unrolled:
                outputs, _ = tf.nn.static_rnn(cell, tf.unstack(self.x, axis=1), dtype=tf.float32)
                last: Any = outputs[-1]
            else:
                outputs, _ = tf.nn.dynamic_rnn(cell, self.x, dtype=tf.float32)
                last = outputs[:, -1]
            w = tf.get_variable("w", [UNITS, CLASSES])
            b = tf.get_variable("b", [CLASSES], initializer=tf.zeros_initializer())
            logits = tf.matmul(last, w) + b
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=self.y, logits=logits))
            self.step = tf.train.GradientDescentOptimizer(RATE).minimize(loss)
            initial = tf.global_variables_initializer()
            self.build_seconds = time.perf_counter() - start
            self.session = tf.Session()
            self.session.run(initial)
        self.feeds = {self.x: X, self.y: Y}

    def run(self, steps: int) -> None:
        """So many steps, and waits for the last."""
        for _ in range(steps):
            self.session.run(self.step, self.feeds)
        jax.block_until_ready(list(self.session._store.values()))


def _cell(kernel: Any, bias: Any, x: Any, state: tuple[Any, Any]) -> tuple[Any, tuple[Any, Any]]:
    c, h = state
    i, j, f, o = jnp.split(jnp.concatenate([x, h], 1) @ kernel + bias, 4, 1)
    c = c * jax.nn.sigmoid(f + 1.0) + jax.nn.sigmoid(i) * jnp.tanh(j)
    h = jnp.tanh(c) * jax.nn.sigmoid(o)
    return h, (c, h)


class HandStep:
    """The same step by hand: `jax.grad` over `lax.scan`, or over a Python loop, in one `jax.jit` with donation."""

    def __init__(self, layers: int, unrolled: bool) -> None:
        rng = np.random.default_rng(1)

        def weights(*shape: int) -> Any:
            return jnp.asarray(0.08 * rng.standard_normal(shape), jnp.float32)

        cells = [(weights(2 * UNITS, 4 * UNITS), jnp.zeros(4 * UNITS)) for _ in range(layers)]
        self.state: Any = cells, weights(UNITS, CLASSES), jnp.zeros(CLASSES)

        def multi(cells: Any, states: Sequence[Any], x: Any) -> tuple[list[Any], Any]:
            following: list[Any] = []
            for (kernel, bias), state in zip(cells, states, strict=True):
                x, after = _cell(kernel, bias, x, state)
                following.append(after)
            return following, x

        def loss(params: Any, x: Any, y: Any) -> Any:
            cells, w, b = params
            zero = jnp.zeros((BATCH, UNITS))
            states = [(zero, zero)] * layers
            if unrolled:
                output = zero
                for t in range(STEPS):
                    states, output = multi(cells, states, x[:, t])
            else:
                _, outputs = jax.lax.scan(lambda s, row: multi(cells, s, row), states, jnp.swapaxes(x, 0, 1))
                output = outputs[-1]
            return -jnp.mean(jnp.sum(y * jax.nn.log_softmax(output @ w + b), axis=1))

        def step(params: Any, x: Any, y: Any) -> Any:
            return jax.tree.map(lambda p, g: p - RATE * g, params, jax.grad(loss)(params, x, y))

        self.function = jax.jit(step, donate_argnums=0)

    def run(self, steps: int) -> None:
        """So many steps, and waits for the last."""
        for _ in range(steps):
            self.state = self.function(self.state, X, Y)
        jax.block_until_ready(self.state)


def _first_run(made: LabkitStep | HandStep) -> float:
    start = time.perf_counter()
    made.run(1)
    return time.perf_counter() - start


def lstm_step() -> None:
    """A training step of two LSTM layers in a loop against the hand-written step."""
    ours, theirs = LabkitStep(2, False), HandStep(2, False)
    ratio = compare(lambda: ours.run(8), lambda: theirs.run(8), blocks=21, steps=8)
    print(ratio.line("LSTM step, 20 steps x 2 layers: Session.run / lax.scan", "<= 1.10"))


def unrolled_lstm() -> None:
    """Building and compiling 20 x 4 unrolled cells with gradients, against compiling the same by hand."""
    built: list[float] = []
    pairs: list[tuple[float, float]] = []
    for _ in range(4):
        ours = LabkitStep(4, True)
        built.append(ours.build_seconds)
        pairs.append((_first_run(ours), _first_run(HandStep(4, True))))
    pairs = pairs[1:]
    title = "unrolled 20 x 4 LSTM: building the training graph, seconds"
    print(f"{title:<62} {statistics.median(built):6.3f}  wanted < 2")
    ratios = sorted(mine / yours for mine, yours in pairs)
    mine, yours = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(Ratio(ratios[1], ratios[0], ratios[2], mine, yours).line("its first run: Session.run / jax.jit", "< 2"))


BENCHMARKS = (lstm_step, unrolled_lstm)
