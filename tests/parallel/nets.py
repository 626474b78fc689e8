"""Small training programs for the tests of replicas."""

from __future__ import annotations

from typing import Any

import numpy as np

import labkit as tf
from labkit.parallel import TrainingStep


def dense(optimizer: Any, hidden: int = 16) -> TrainingStep:
    """A net of one hidden layer on 12 numbers and 4 classes, with weights that are the same each time."""
    with tf.Graph().as_default():
        tf.set_random_seed(3)
        x, y = tf.placeholder(tf.float32, [None, 12]), tf.placeholder(tf.int64, [None])
        h = tf.layers.dense(x, hidden, tf.nn.tanh)
        loss = tf.losses.sparse_softmax_cross_entropy(y, tf.layers.dense(h, 4))
        train = optimizer().minimize(loss, global_step=tf.train.get_or_create_global_step())
        return TrainingStep(train, [x, y], loss)


def sparse(optimizer: Any) -> TrainingStep:
    """An embedding of 50 words, of which a batch touches few."""
    with tf.Graph().as_default():
        tf.set_random_seed(3)
        words, y = tf.placeholder(tf.int32, [None]), tf.placeholder(tf.float32, [None])
        table = tf.Variable(tf.random_uniform([50, 4], -1.0, 1.0), name="table")
        loss = tf.reduce_mean(tf.square(tf.reduce_sum(tf.nn.embedding_lookup(table, words), 1) - y))
        return TrainingStep(optimizer().minimize(loss), [words, y], loss)


def examples(count: int, seed: int = 0) -> list[Any]:
    """Numbers and classes that a net can learn something from."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 12)).astype(np.float32)
    return [x, np.argmax(x[:, :4] + x[:, 4:8] * x[:, 8:12], axis=1)]


def words(count: int, seed: int = 0) -> list[Any]:
    """Words and numbers."""
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 50, count).astype(np.int32), rng.normal(size=count).astype(np.float32)]
