"""A `tf.data` pipeline that feeds softmax regression, against feeding arrays that are in memory."""

from __future__ import annotations

import itertools

import numpy as np

import labkit as tf
from tests.benchmarks.sidebyside import compare

ROWS, BATCH = 55_000, 100


def _model(x: tf.Tensor, y: tf.Tensor) -> tf.Operation:
    w, b = tf.Variable(tf.zeros([784, 10])), tf.Variable(tf.zeros([10]))
    logits = tf.matmul(x, w) + b
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=logits))
    return tf.train.GradientDescentOptimizer(0.5).minimize(loss)


class Trainer:
    """Softmax regression in a graph and a session of its own, with its input."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, from_memory: bool, prefetch: bool = False) -> None:
        self._feeds = None
        with tf.Graph().as_default():
            if from_memory:
                x, y = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.float32, [None, 10])
                order = np.random.RandomState(0).permutation(ROWS)
                images, labels = images[order], labels[order]
                batches = [(images[i : i + BATCH], labels[i : i + BATCH]) for i in range(0, ROWS, BATCH)]
                self._feeds = ({x: a, y: b} for a, b in itertools.cycle(batches))
            else:
                data = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(10_000).repeat().batch(BATCH)
                x, y = (data.prefetch(2) if prefetch else data).make_one_shot_iterator().get_next()
            step = _model(x, y)
            self._session = tf.Session()
            self._session.run(tf.global_variables_initializer())
            self._step = step

    def run(self, steps: int) -> None:
        """So many training steps."""
        for _ in range(steps):
            self._session.run(self._step, next(self._feeds) if self._feeds else None)


def pipeline() -> None:
    """Steps per second: those of the pipeline divided by those fed from memory."""
    draw = np.random.RandomState(0)
    images = draw.rand(ROWS, 784).astype(np.float32)
    labels = np.eye(10, dtype=np.float32)[draw.randint(10, size=ROWS)]
    fed = Trainer(images, labels, from_memory=True)
    for prefetch in (True, False):
        piped = Trainer(images, labels, from_memory=False, prefetch=prefetch)
        ratio = compare(lambda: fed.run(200), lambda p=piped: p.run(200), blocks=31, steps=200)
        how = "with prefetch(2)" if prefetch else "without prefetch"
        print(ratio.line(f"tf.data shuffled batches, {how}: speed / fed", ">= 0.9"))


if __name__ == "__main__":
    pipeline()
