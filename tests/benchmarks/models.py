"""The two training steps that the benchmarks compare, written with labkit and by hand with JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import labkit as tf

BATCH = 100
RNG = np.random.default_rng(0)
IMAGES = RNG.random((BATCH, 784), np.float32)
LABELS = np.eye(10, dtype=np.float32)[RNG.integers(0, 10, BATCH)]


class LabkitStep:
    """A training step through `Session.run`."""

    def __init__(self, build: Any) -> None:
        self.graph = tf.Graph()
        with self.graph.as_default():
            self.x = tf.placeholder(tf.float32, [None, 784])
            self.y = tf.placeholder(tf.float32, [None, 10])
            self.step = build(self.x, self.y)
            self.session = tf.Session()
            self.session.run(tf.global_variables_initializer())
        self.feeds = {self.x: IMAGES, self.y: LABELS}

    def run(self, steps: int) -> None:
        """So many steps, and waits for the last."""
        for _ in range(steps):
            self.session.run(self.step, self.feeds)
        jax.block_until_ready(list(self.session._store.values()))


class HandStep:
    """A training step through `jax.jit` with donated state."""

    def __init__(self, step: Any, state: Any) -> None:
        self.function = jax.jit(step, donate_argnums=0)
        self.state = state

    def run(self, steps: int) -> None:
        """So many steps, and waits for the last."""
        for _ in range(steps):
            self.state = self.function(self.state, IMAGES, LABELS)
        jax.block_until_ready(self.state)


def softmax_labkit(x: tf.Tensor, y: tf.Tensor) -> tf.Operation:
    """Softmax regression, one step of gradient descent."""
    w = tf.Variable(tf.zeros([784, 10]))
    b = tf.Variable(tf.zeros([10]))
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=tf.matmul(x, w) + b))
    return tf.train.GradientDescentOptimizer(0.5).minimize(loss)


def softmax_hand() -> HandStep:
    """The same arithmetic in JAX."""

    def loss(params: Any, x: Any, y: Any) -> Any:
        w, b = params
        return -jnp.mean(jnp.sum(y * jax.nn.log_softmax(x @ w + b), axis=1))

    def step(params: Any, x: Any, y: Any) -> Any:
        return jax.tree.map(lambda p, g: p - 0.5 * g, params, jax.grad(loss)(params, x, y))

    return HandStep(step, (jnp.zeros((784, 10)), jnp.zeros(10)))


def _weights() -> list[np.ndarray[Any, Any]]:
    shapes = [(5, 5, 1, 32), (32,), (5, 5, 32, 64), (64,), (3136, 512), (512,), (512, 10), (10,)]
    rng = np.random.default_rng(1)
    return [np.asarray(0.1 * rng.standard_normal(s) if len(s) > 1 else np.full(s, 0.1), np.float32) for s in shapes]


EPOCH = 55_000


def convnet_labkit(x: tf.Tensor, y: tf.Tensor) -> tf.Operation:
    """The training step of notebook 03: two convolutions, dropout, weight decay, momentum, a decaying rate."""
    w1, b1, w2, b2, w3, b3, w4, b4 = (tf.Variable(value) for value in _weights())
    step = tf.Variable(0, trainable=False)
    image = tf.reshape(x, [-1, 28, 28, 1])
    for w, b in ((w1, b1), (w2, b2)):
        image = tf.nn.relu(tf.nn.conv2d(image, w, [1, 1, 1, 1], "SAME") + b)
        image = tf.nn.max_pool(image, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
    hidden = tf.nn.relu(tf.matmul(tf.reshape(image, [-1, 3136]), w3) + b3)
    logits = tf.matmul(tf.nn.dropout(hidden, 0.5, seed=1), w4) + b4
    decay = tf.add_n([tf.nn.l2_loss(v) for v in (w3, b3, w4, b4)])
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=logits)) + 5e-4 * decay
    rate = tf.train.exponential_decay(0.01, step * BATCH, EPOCH, 0.95, staircase=True)
    return tf.train.MomentumOptimizer(rate, 0.9).minimize(loss, global_step=step)


def _pool_by_window(image: Any) -> Any:
    return jax.lax.reduce_window(image, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "SAME")


def _pool_by_reshape(image: Any) -> Any:
    n, height, width, channels = image.shape
    return image.reshape(n, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))


def convnet_hand(by_reshape: bool = False) -> HandStep:
    """The same step in JAX, with `jax.random` for the dropout.

    Args:
        by_reshape: pool by reshaping instead of by `reduce_window`; its gradient is much faster on CPUs, though it
            shares a window's gradient among equal largest values, where TensorFlow gives it to the first.
    """
    pool = _pool_by_reshape if by_reshape else _pool_by_window

    def loss(params: Any, key: Any, x: Any, y: Any) -> Any:
        w1, b1, w2, b2, w3, b3, w4, b4 = params
        image = x.reshape(-1, 28, 28, 1)
        for w, b in ((w1, b1), (w2, b2)):
            image = jax.lax.conv_general_dilated(image, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
            image = pool(jax.nn.relu(image + b))
        hidden = jax.nn.relu(image.reshape(-1, 3136) @ w3 + b3)
        hidden = jnp.where(jax.random.bernoulli(key, 0.5, hidden.shape), hidden / 0.5, 0)
        logits = hidden @ w4 + b4
        decay = sum(0.5 * jnp.sum(jnp.square(p)) for p in (w3, b3, w4, b4))
        return -jnp.mean(jnp.sum(y * jax.nn.log_softmax(logits), axis=1)) + 5e-4 * decay

    def step(state: Any, x: Any, y: Any) -> Any:
        params, velocity, count, key = state
        key, drop = jax.random.split(key)
        grads = jax.grad(loss)(params, drop, x, y)
        rate = 0.01 * 0.95 ** jnp.floor(count * BATCH / EPOCH)
        velocity = [0.9 * v + g for v, g in zip(velocity, grads, strict=True)]
        return [p - rate * v for p, v in zip(params, velocity, strict=True)], velocity, count + 1, key

    params = [jnp.asarray(value) for value in _weights()]
    return HandStep(step, (params, [jnp.zeros_like(p) for p in params], jnp.asarray(0), jax.random.key(1)))
