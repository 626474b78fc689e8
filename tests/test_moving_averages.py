"""Moving averages, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import labkit as tf


def test_averages_follow_the_variables_after_each_step() -> None:
    """The value after the step enters the average; names and collections are TensorFlow's."""
    w = tf.Variable([1.0, 2.0], name="w")
    train = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(w * w))
    averages = tf.train.ExponentialMovingAverage(0.9)
    with tf.control_dependencies([train]):
        step = averages.apply([w])
    value = expected = np.array([1.0, 2.0])
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(5):
            sess.run(step)
            value = value * 0.8
            expected = 0.9 * expected + 0.1 * value
            np.testing.assert_allclose(sess.run(averages.average(w)), expected, rtol=1e-6)
    assert averages.average(w).op.name == averages.average_name(w) == "w/ExponentialMovingAverage"
    assert step.name == "ExponentialMovingAverage"
    assert tf.moving_average_variables() == tf.trainable_variables() == [w]


def test_the_number_of_updates_makes_the_first_averages_faster() -> None:
    """decay = min(decay, (1 + n) / (10 + n))."""
    w, n = tf.Variable(0.0), tf.Variable(0, trainable=False)
    averages = tf.train.ExponentialMovingAverage(0.99, num_updates=n)
    step = averages.apply([w])
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        w.load(10.0)
        sess.run(step)
        np.testing.assert_allclose(sess.run(averages.average(w)), 9.0, rtol=1e-6)


def test_averages_of_tensors_start_at_zero_unless_corrected() -> None:
    """With `zero_debias` the average of a constant is that constant from the first update."""
    loss = tf.constant([4.0, 2.0], name="loss")
    plain, fair = tf.train.ExponentialMovingAverage(0.9), tf.train.ExponentialMovingAverage(0.9, None, True, "fair")
    steps = [plain.apply([loss]), fair.apply([loss])]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for count in (1, 2, 3):
            sess.run(steps)
            np.testing.assert_allclose(sess.run(plain.average(loss)), np.array([4, 2]) * (1 - 0.9**count), rtol=1e-5)
            np.testing.assert_allclose(sess.run(fair.average(loss)), [4.0, 2.0], rtol=1e-5)


def test_what_to_restore() -> None:
    """Averaged variables under the names of their averages, the others under their own."""
    w, step = tf.Variable(1.0, name="w"), tf.Variable(0, trainable=False, name="step")
    averages = tf.train.ExponentialMovingAverage(0.9)
    assert {"w/ExponentialMovingAverage": w, "step": step} == averages.variables_to_restore()
    assert averages.average(w) is None


def test_errors() -> None:
    """A second average by the same object, and integers."""
    w, n = tf.Variable(1.0, name="w"), tf.Variable(1, name="n")
    averages = tf.train.ExponentialMovingAverage(0.9)
    averages.apply([w])
    with pytest.raises(tf.errors.GraphError, match="'w:0' has a moving average"):
        averages.apply([w])
    with pytest.raises(tf.errors.DTypeError, match="'n:0' is int32"):
        averages.apply([n])
