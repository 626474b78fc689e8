"""Initializers: values, scales and node names, against NumPy, the published rules and TensorFlow's names."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

import labkit as tf
from labkit import initializers as init


def value_of(initializer: Any, shape: Any, **keywords: Any) -> Any:
    """The value that an initializer makes, in a new graph."""
    with tf.Graph().as_default():
        return tf.Session().run(initializer(shape, **keywords))


@pytest.mark.parametrize(
    ("initializer", "expected"),
    [
        (tf.zeros_initializer(), np.zeros((2, 3), np.float32)),
        (tf.ones_initializer(), np.ones((2, 3), np.float32)),
        (tf.ones_initializer(tf.int32), np.ones((2, 3), np.int32)),
        (tf.constant_initializer(0.25), np.full((2, 3), 0.25, np.float32)),
        (tf.constant_initializer([1, 2, 3, 4, 5, 6]), np.arange(1, 7, dtype=np.float32).reshape(2, 3)),
        (tf.constant_initializer([1.0, 2.0]), np.array([[1, 2, 2], [2, 2, 2]], np.float32)),
        (init.Identity(3.0), 3 * np.eye(2, 3, dtype=np.float32)),
    ],
)
def test_fixed_values_are_numpys(initializer: Any, expected: Any) -> None:
    """Zeros, ones, constants with repetition of the last value, the identity matrix."""
    value = value_of(initializer, [2, 3])
    assert value.dtype == expected.dtype
    np.testing.assert_array_equal(value, expected)


def test_zeros_initializer_works_in_all_its_historical_forms() -> None:
    """As a class that `get_variable` instantiates, as an instance, and called with a shape as before 1.0."""
    with tf.Graph().as_default():
        variables = [
            tf.get_variable("a", [3], initializer=tf.zeros_initializer),
            tf.get_variable("b", [3], initializer=tf.zeros_initializer()),
            tf.get_variable("c", initializer=tf.zeros_initializer([3])),
        ]
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            for value in sess.run(variables):
                np.testing.assert_array_equal(value, np.zeros(3, np.float32))


def test_an_asked_dtype_wins_over_the_initializers_own() -> None:
    """`get_variable(dtype=...)` passes it."""
    assert value_of(tf.zeros_initializer(), [2], dtype=tf.int64).dtype == np.int64
    assert value_of(tf.truncated_normal_initializer(), [2], dtype=tf.float64).dtype == np.float64


@pytest.mark.parametrize(
    ("make", "distribution"),
    [
        (lambda: tf.random_uniform_initializer(-0.5, 1.5, seed=1), stats.uniform(-0.5, 2)),
        (lambda: tf.random_normal_initializer(1.0, 2.0, seed=1), stats.norm(1, 2)),
        (lambda: tf.truncated_normal_initializer(1.0, 2.0, seed=1), stats.truncnorm(-2, 2, 1, 2)),
        (lambda: tf.uniform_unit_scaling_initializer(1.5, seed=1), stats.uniform(-0.15 * 3**0.5, 0.3 * 3**0.5)),
        (lambda: tf.glorot_uniform_initializer(seed=1), stats.uniform(-0.1, 0.2)),
        (lambda: tf.glorot_normal_initializer(seed=1), stats.truncnorm(-2, 2, 0, math.sqrt(2 / 600))),
        (lambda: tf.variance_scaling_initializer(seed=1), stats.truncnorm(-2, 2, 0, 0.1)),
        (lambda: tf.variance_scaling_initializer(5.0, "fan_out", seed=1), stats.truncnorm(-2, 2, 0, 0.1)),
        (lambda: init.he_normal(1), stats.truncnorm(-2, 2, 0, math.sqrt(0.02))),
        (lambda: init.he_uniform(1), stats.uniform(-math.sqrt(0.06), 2 * math.sqrt(0.06))),
        (lambda: init.lecun_normal(1), stats.truncnorm(-2, 2, 0, 0.1)),
        (lambda: init.lecun_uniform(1), stats.uniform(-math.sqrt(0.03), 2 * math.sqrt(0.03))),
        (lambda: init.xavier_initializer(seed=1), stats.uniform(-0.1, 0.2)),
        (lambda: init.xavier_initializer(False, seed=1), stats.truncnorm(-2, 2, 0, math.sqrt(1.3 / 300))),
        (lambda: init.contrib_variance_scaling_initializer(seed=1), stats.truncnorm(-2, 2, 0, math.sqrt(0.026))),
    ],
)
def test_random_values_have_the_published_distribution(make: Any, distribution: Any) -> None:
    """For a matrix of 100 inputs and 500 outputs, by the test of Kolmogorov and Smirnov."""
    values = value_of(make(), [100, 500]).ravel()
    assert stats.kstest(values, distribution.cdf).pvalue > 0.001


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((), (1, 1)), ((7,), (7, 7)), ((3, 4), (3, 4)), ((5, 5, 3, 8), (75, 200))],
)
def test_fans_count_the_products_of_a_unit(shape: tuple[int, ...], expected: tuple[float, float]) -> None:
    """A convolution kernel counts each channel once per place of its window."""
    assert init.fans(shape) == expected


@pytest.mark.parametrize("shape", [[6, 4], [4, 6], [3, 2, 5], [5, 5]])
def test_an_orthogonal_value_keeps_lengths(shape: list[int]) -> None:
    """Rows or columns, whichever are fewer, are orthogonal and of length `gain`."""
    w = value_of(tf.orthogonal_initializer(2.0, seed=3), shape).reshape(-1, shape[-1])
    product = w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T
    np.testing.assert_allclose(product, 4 * np.eye(min(w.shape)), atol=1e-5)


def test_the_orthogonal_value_is_the_q_of_the_drawn_matrix_with_a_positive_diagonal() -> None:
    """Against NumPy's QR of the same random numbers."""
    drawn = value_of(lambda shape: tf.random_normal(shape, seed=3), [6, 4])
    q, r = np.linalg.qr(drawn)
    np.testing.assert_allclose(value_of(tf.orthogonal_initializer(seed=3), [6, 4]), q * np.sign(np.diag(r)), atol=1e-5)


@pytest.mark.parametrize(
    ("initializer", "name"),
    [
        (tf.zeros_initializer(), "zeros"),
        (tf.ones_initializer(), "ones"),
        (tf.constant_initializer(1.0), "Const"),
        (tf.random_uniform_initializer(), "random_uniform"),
        (tf.random_normal_initializer(), "random_normal"),
        (tf.truncated_normal_initializer(), "truncated_normal"),
        (tf.glorot_uniform_initializer(), "random_uniform"),
        (init.xavier_initializer(uniform=False), "truncated_normal"),
    ],
)
def test_nodes_have_tensorflows_names_inside_the_open_scope(initializer: Any, name: str) -> None:
    """So that `W/Initializer/random_uniform` comes out as there."""
    with tf.Graph().as_default(), tf.name_scope("W/Initializer"):
        assert initializer([2, 3]).op.name == f"W/Initializer/{name}"


def test_a_part_of_a_variable_is_scaled_by_the_whole() -> None:
    """`partition_info.full_shape` decides the fans."""

    class Part:
        full_shape = (30000, 1)

    value = value_of(tf.variance_scaling_initializer(distribution="uniform"), [100, 1], partition_info=Part())
    assert np.abs(value).max() <= 0.01


def test_a_config_makes_the_same_initializer_again() -> None:
    """`from_config` undoes `get_config`."""
    first = tf.truncated_normal_initializer(stddev=0.1, seed=3)
    assert first == type(first).from_config(first.get_config())


def test_wrong_arguments_raise_errors_that_say_what_is_possible() -> None:
    """Modes, distributions, dtypes, and shapes that do not suit the rule."""
    with pytest.raises(tf.errors.LabkitError, match="'fan_in', 'fan_out' or 'fan_avg', not 'fan'"):
        tf.variance_scaling_initializer(mode="fan")
    with pytest.raises(tf.errors.LabkitError, match="'normal' or 'uniform'"):
        tf.variance_scaling_initializer(distribution="gauss")
    with pytest.raises(tf.errors.LabkitError, match="scale must be positive"):
        tf.variance_scaling_initializer(-1.0)
    with pytest.raises(tf.errors.LabkitError, match="'FAN_IN', 'FAN_OUT' or 'FAN_AVG'"):
        init.contrib_variance_scaling_initializer(mode="fan_in")
    with tf.Graph().as_default():
        with pytest.raises(tf.errors.DTypeError, match="makes floats, not int32"):
            tf.glorot_uniform_initializer()([2, 2], dtype=tf.int32)
        with pytest.raises(tf.errors.ShapeError, match="at least two axes"):
            tf.orthogonal_initializer()([3])
        with pytest.raises(tf.errors.ShapeError, match="whole matrices"):
            init.Identity()([3])
        with pytest.raises(tf.errors.ShapeError, match="fully known shape"):
            tf.glorot_uniform_initializer()([None, 3])
