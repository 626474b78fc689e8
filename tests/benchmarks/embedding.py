"""A table of 1,000,000 x 64 of which a step uses 100 rows: the rest must cost nothing.

Three steps on one problem, side by side: labkit's (`embedding_lookup`, whose gradient is an `IndexedSlices`), the
hand-written `table.at[rows].add(...)` under `jax.jit` with a donated table, and labkit's with the gradient made whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import labkit as tf
from tests.benchmarks.sidebyside import compare

ROWS, SIZE, USED, RATE, MOMENTUM = 1_000_000, 64, 100, 0.1, 0.9
IDS = np.random.default_rng(0).integers(0, ROWS, USED).astype(np.int32)


class LabkitStep:
    """A step of an optimizer through `Session.run`.

    Args:
        optimizer: what changes the table.
        whole: True makes the gradient a tensor of the size of the table.
    """

    def __init__(self, optimizer: Any, whole: bool = False) -> None:
        with tf.Graph().as_default():
            self.ids = tf.placeholder(tf.int32, [USED])
            table = tf.Variable(tf.zeros([ROWS, SIZE]))
            loss = tf.reduce_mean(tf.square(tf.nn.embedding_lookup(table, self.ids) - 1.0))
            (pair,) = optimizer.compute_gradients(loss)
            gradient = tf.convert_to_tensor(pair[0]) if whole else pair[0]
            self.step = optimizer.apply_gradients([(gradient, table)])
            self.session = tf.Session()
            self.session.run(tf.global_variables_initializer())

    def run(self, steps: int) -> None:
        """So many steps, and waits for the last."""
        for _ in range(steps):
            self.session.run(self.step, {self.ids: IDS})
        jax.block_until_ready(list(self.session._store.values()))


class HandStep:
    """The same by hand: gather, scatter, donated buffers.

    Args:
        step: from the state (the table, and its velocity if there is one) and the rows to the new state.
        states: how many arrays the state has.
    """

    def __init__(self, step: Callable[..., Any], states: int) -> None:
        self.step = jax.jit(step, donate_argnums=(0,))
        self.state = tuple(jnp.zeros([ROWS, SIZE], jnp.float32) for _ in range(states))

    def run(self, steps: int) -> None:
        """So many steps, and waits for the last."""
        for _ in range(steps):
            self.state = self.step(self.state, IDS)
        jax.block_until_ready(self.state)


def _slope(table: Any, ids: Any) -> Any:
    def loss(rows: Any) -> Any:
        return jnp.mean(jnp.square(rows - 1.0))

    return jax.grad(loss)(table[ids])


def descend(state: Any, ids: Any) -> Any:
    """Gradient descent on the rows."""
    (table,) = state
    return (table.at[ids].add(-RATE * _slope(table, ids)),)


def momentum(state: Any, ids: Any) -> Any:
    """Momentum on the rows; an id that occurs twice moves its velocity once, by the sum of both gradients."""
    table, velocity = state
    unique: Any = jnp.unique
    distinct, place = unique(ids, return_inverse=True, size=USED, fill_value=ROWS)
    slope = jax.ops.segment_sum(_slope(table, ids), place, USED)
    rows = velocity[distinct] * MOMENTUM + slope
    return table.at[distinct].add(-RATE * rows), velocity.at[distinct].set(rows)


def embedding_step() -> None:
    """Steps on 100 rows of 1,000,000: against hand-written JAX, and against the gradient made whole."""
    cases: list[tuple[str, Callable[[], Any], HandStep]] = [
        ("gradient descent", lambda: tf.train.GradientDescentOptimizer(RATE), HandStep(descend, 1)),
        ("momentum", lambda: tf.train.MomentumOptimizer(RATE, MOMENTUM), HandStep(momentum, 2)),
    ]
    for name, make, hand in cases:
        ours = LabkitStep(make())
        ratio = compare(lambda o=ours: o.run(100), lambda h=hand: h.run(100), blocks=21, steps=100)
        # A step takes some 15 us, and Session.run adds about 10 us to any step.
        print(ratio.line(f"100 rows of 1e6 x 64, {name}: Session.run / jax.jit", "<= 2"))
        whole = LabkitStep(make(), whole=True)
        ratio = compare(lambda o=ours: o.run(2), lambda w=whole: w.run(2), blocks=21, steps=2)
        print(ratio.line(f"100 rows of 1e6 x 64, {name}: rows / whole gradient", "<= 0.05"))


BENCHMARKS = (embedding_step,)
