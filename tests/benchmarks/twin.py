"""The simulated twin of this machine against the machine: the nets of the course, measured and predicted.

The probes of the calibration and the nets take turns on the processor; the fit sees the probes alone. Each net's step
is then simulated on the calibrated processor. Two times are compared:

    watched     each op alone, the times added up; the lower quartile of each op's times (and, beside it, the median)
    whole       all ops compiled together, as `Session.run` does it
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

import labkit as tf
from labkit.calibration import Watched, calibrate, watched
from tests.benchmarks import models
from tests.benchmarks.sidebyside import shown_seconds

ROUNDS = 8


def hidden_labkit(x: tf.Tensor, y: tf.Tensor) -> tf.Operation:
    """784-128-10 with a hidden layer of ReLUs, one step of gradient descent."""
    hidden = tf.layers.dense(x, 128, tf.nn.relu)
    logits = tf.layers.dense(hidden, 10)
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=logits))
    return tf.train.GradientDescentOptimizer(0.5).minimize(loss)


NETS = {"softmax 784-10": models.softmax_labkit, "784-128-10": hidden_labkit, "convnet": models.convnet_labkit}


def net(build: Any) -> Watched:
    """A net's training step with a batch of 100."""

    def built() -> tuple[Any, Any]:
        x, y = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.float32, [None, 10])
        return build(x, y), {x: models.IMAGES, y: models.LABELS}

    return watched(built)


def twin() -> None:
    """Calibrates, simulates the nets, and prints predicted against measured."""
    start = time.perf_counter()
    nets = {name: net(build) for name, build in NETS.items()}
    calibration = calibrate(ROUNDS, list(nets.values()))
    print(f"{calibration!r}\n{calibration.table()}")
    print(f"calibrated in {time.perf_counter() - start:.0f} s, {ROUNDS} rounds; batch {models.BATCH}")
    for name, made in nets.items():
        for how, predicted, measured, also in (
            ("watched", calibration.simulate(made.work).seconds, made.watched_seconds, made.median_seconds),
            ("whole", calibration.whole_seconds(made.work), made.whole_seconds, float(np.median(made.steps))),
        ):
            said = f"measured {shown_seconds(measured)}, predicted {shown_seconds(predicted)}"
            off, also_off = f"{predicted / measured - 1:+.0%}", f"{predicted / also - 1:+.0%} of the median"
            wanted = "wanted within 25%" if how == "watched" else "fitted factor"
            print(f"{f'twin, {how}: {name}':<32} {said}: {off}  [{also_off}]  {wanted}")


BENCHMARKS = [twin]
