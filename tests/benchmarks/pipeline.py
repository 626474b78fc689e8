"""A `tf.data` pipeline that feeds softmax regression, against feeding arrays that are in memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import labkit as tf
from tests.benchmarks.sidebyside import compare

ROWS, BATCH = 55_000, 100
Array = np.ndarray[Any, Any]
Pair = tuple[Array, Array]


def _model(x: tf.Tensor, y: tf.Tensor) -> tf.Operation:
    w, b = tf.Variable(tf.zeros([784, 10])), tf.Variable(tf.zeros([10]))
    logits = tf.matmul(x, w) + b
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=logits))
    return tf.train.GradientDescentOptimizer(0.5).minimize(loss)


class Trainer:
    """Softmax regression in a graph and a session of its own, with its input.

    Args:
        batches: feeds, each a pair of arrays; or
        dataset: makes the data set inside the graph.
    """

    def __init__(
        self, batches: Iterator[Pair] | None = None, dataset: Callable[[], tf.data.Dataset] | None = None
    ) -> None:
        self._feeds = None
        with tf.Graph().as_default():
            if dataset is None:
                x, y = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.float32, [None, 10])
                self._feeds = ({x: a, y: b} for a, b in batches)
            else:
                x, y = dataset().make_one_shot_iterator().get_next()
            self._step = _model(x, y)
            self._session = tf.Session()
            self._session.run(tf.global_variables_initializer())

    def run(self, steps: int) -> None:
        """So many training steps."""
        for _ in range(steps):
            self._session.run(self._step, next(self._feeds) if self._feeds else None)


def _slices(images: Array, labels: Array) -> Iterator[Pair]:
    """The rows in order, again and again: nothing is cheaper to feed."""
    starts = itertools.cycle(range(0, ROWS, BATCH))
    return ((images[i : i + BATCH], labels[i : i + BATCH]) for i in starts)


def _shuffled(images: Array, labels: Array) -> Iterator[Pair]:
    """The rows in another order in each epoch."""
    random = np.random.default_rng(0)
    while True:
        order = random.permutation(ROWS)
        for i in range(0, ROWS, BATCH):
            rows = order[i : i + BATCH]
            yield images[rows], labels[rows]


def pipeline() -> None:
    """Steps per second: those of the pipeline divided by those fed from memory."""
    draw = np.random.RandomState(0)
    images = draw.rand(ROWS, 784).astype(np.float32)
    labels = np.eye(10, dtype=np.float32)[draw.randint(10, size=ROWS)]

    def plain() -> tf.data.Dataset:
        return tf.data.Dataset.from_tensor_slices((images, labels)).repeat().batch(BATCH)

    def shuffled(seed: int | None = None) -> tf.data.Dataset:
        return tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(10_000, seed).repeat().batch(BATCH)

    cases: list[tuple[str, Callable[[], tf.data.Dataset], Callable[..., Iterator[Pair]]]] = [
        ("in order", plain, _slices),
        ("shuffled", shuffled, _shuffled),
        ("shuffled with a seed", lambda: shuffled(1), _shuffled),
        ("shuffled / fed in order", shuffled, _slices),
        ("shuffled, prefetched", lambda: shuffled().prefetch(2), _shuffled),
    ]
    for what, dataset, batches in cases:
        piped, fed = Trainer(dataset=dataset), Trainer(batches(images, labels))
        ratio = compare(lambda f=fed: f.run(200), lambda p=piped: p.run(200), blocks=31, steps=200)
        print(ratio.line(f"tf.data {what}: speed / fed from memory", ">= 0.9"))


if __name__ == "__main__":
    pipeline()
