"""Learning rates: their values are TensorFlow's.

`golden/schedules.json` was made with TensorFlow's `tensorflow.compat.v1`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import labkit as tf

GOLDEN = json.loads((Path(__file__).parent / "golden" / "schedules.json").read_text())


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=[f"{c['function']}-{i}" for i, c in enumerate(GOLDEN["cases"])])
def test_rates_equal_tensorflows(case: dict[str, Any]) -> None:
    """At the start, at and around the ends of periods, and long after."""
    step = tf.placeholder(tf.int32, [])
    arguments = [step if argument == "step" else argument for argument in case["arguments"]]
    rate = getattr(tf.train, case["function"])(*arguments, **case["keywords"])
    with tf.Session() as sess:
        values = [float(sess.run(rate, {step: count})) for count in GOLDEN["steps"]]
    np.testing.assert_allclose(values, case["values"], rtol=1e-5, atol=1e-7)


def test_a_rate_follows_the_global_step_of_training() -> None:
    """The first step uses the rate at 0; the name of the tensor is the scope's."""
    w, step = tf.Variable(0.0), tf.Variable(0, trainable=False)
    rate = tf.train.exponential_decay(1.0, step, 1, 0.5, name="rate")
    train = tf.train.GradientDescentOptimizer(rate).minimize(w, global_step=step)
    assert rate.name == "rate:0"
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        seen = [sess.run([train, w])[1] for _ in range(4)]
    assert seen == [-1.0, -1.5, -1.75, -1.875]


def test_rates_may_be_float64_and_boundaries_follow_the_step() -> None:
    """The dtype is that of the learning rate; int32 boundaries fit an int64 step; values may be tensors."""
    step = tf.train.create_global_step()
    wide = tf.train.exponential_decay(tf.constant(0.1, tf.float64), step, 10, 0.9)
    stairs = tf.train.piecewise_constant(step, [1, 3], [tf.constant(4), tf.constant(5), tf.constant(6)])
    assert (wide.dtype, stairs.dtype) == (tf.float64, tf.int32)
    assert tf.train.piecewise_constant(step, [], [7.0]).dtype is tf.float32
    with tf.Session() as sess:
        values: list[int] = []
        for count in (0, 1, 2, 3, 4):
            step.load(count)
            values.append(int(sess.run(stairs)))
    assert values == [4, 4, 5, 5, 6]


def test_wrong_boundaries_are_refused() -> None:
    """Their number and their dtype, in words."""
    step = tf.placeholder(tf.int64, [])
    with pytest.raises(tf.errors.LabkitError, match="2 boundaries and 2 values were given"):
        tf.train.piecewise_constant(step, [1, 2], [0.1, 0.2])
    with pytest.raises(tf.errors.DTypeError, match="boundaries are float32, and the steps are int64"):
        tf.train.piecewise_constant(step, [1.5], [0.1, 0.2])
    with pytest.raises(tf.errors.DTypeError, match=r"one dtype; these have \['float32', 'int32'\]"):
        tf.train.piecewise_constant(step, [1], [0.1, 2])
