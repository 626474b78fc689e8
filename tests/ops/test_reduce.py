"""Reductions where there is a choice to make: ties, empty axes, several axes, unknown ranks; against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import labkit as tf

X = np.random.default_rng(3).normal(size=(2, 3, 4))


def run(fetches: Any, feeds: Any = None) -> Any:
    """The values of the fetches."""
    with tf.Session() as sess:
        return sess.run(fetches, feeds)


@pytest.mark.parametrize(("reduction", "row"), [
    (tf.reduce_max, [[1.0, 7.0, 7.0], [5.0, 5.0, 5.0], [2.0, 9.0, 4.0]]),
    (tf.reduce_min, [[9.0, 1.0, 1.0], [5.0, 5.0, 5.0], [6.0, 2.0, 4.0]]),
])  # fmt: skip
@pytest.mark.parametrize("keep", [False, True])
def test_equal_extremes_share_the_gradient(reduction: Any, row: Any, keep: bool) -> None:
    """Two that tie get half each, three a third, as in TensorFlow; the rest gets nothing."""
    x = tf.constant(row, tf.float64)
    (grad,) = tf.gradients(reduction(x, 1, keep), x, [np.reshape([6.0, 6.0, 5.0], (3, 1) if keep else 3)])
    np.testing.assert_allclose(run(grad), [[0, 3, 3], [2, 2, 2], [0, 5, 0]])


@pytest.mark.parametrize("reduction", [tf.reduce_max, tf.reduce_min])
def test_ties_are_counted_over_all_reduced_axes(reduction: Any) -> None:
    """Four equal elements in two rows share one gradient."""
    x = tf.ones([2, 2])
    (grad,) = tf.gradients(reduction(x), x)
    np.testing.assert_array_equal(run(grad), np.full((2, 2), 0.25))


@pytest.mark.parametrize("zeros", [0, 1, 2])
def test_the_gradient_of_a_product_is_the_product_of_the_others_also_at_zero(zeros: int) -> None:
    """One zero leaves only its own derivative, two leave none."""
    values = np.array([2.0, 3.0, 4.0])
    values[:zeros] = 0
    x = tf.constant(values)
    (grad,) = tf.gradients(tf.reduce_prod(x), x)
    np.testing.assert_allclose(run(grad), [np.prod(np.delete(values, i)) for i in range(3)])


@pytest.mark.parametrize(("ours", "numpys"), [
    (tf.reduce_sum, np.sum), (tf.reduce_mean, np.mean), (tf.reduce_prod, np.prod), (tf.reduce_max, np.max),
    (tf.reduce_min, np.min),
])  # fmt: skip
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), ()])
@pytest.mark.parametrize("keep", [False, True])
def test_axes_are_numpys(ours: Any, numpys: Any, axis: Any, keep: bool) -> None:
    """One axis, several, all, none; also for a tensor whose rank the graph does not know."""
    x = tf.placeholder(tf.float64)
    expected = numpys(X, axis=axis, keepdims=keep)
    axis = list(axis) if isinstance(axis, tuple) else axis
    known, unknown = run([ours(tf.constant(X), axis, keep), ours(x, axis, keep)], {x: X})
    np.testing.assert_allclose(known, expected)
    np.testing.assert_allclose(unknown, expected)


def test_truth_values_reduce_as_in_numpy() -> None:
    """All of nothing is true, any of nothing is false."""
    x = X > 0
    np.testing.assert_array_equal(run(tf.reduce_all(x, 1)), x.all(1))
    np.testing.assert_array_equal(run(tf.reduce_any(x, [0, 1])), x.any((0, 1)))
    assert run([tf.reduce_all(np.zeros([0], bool)), tf.reduce_any(np.zeros([0], bool))]) == [True, False]


def test_the_sum_and_the_product_of_nothing() -> None:
    """0 and 1, as in NumPy; the mean of nothing is NaN."""
    empty = np.zeros([0, 2])
    values = run([tf.reduce_sum(empty, 0), tf.reduce_prod(empty, 0)])
    np.testing.assert_array_equal(values, [[0, 0], [1, 1]])
    assert np.isnan(run(tf.reduce_mean(empty, 0))).all()


def test_logsumexp_does_not_overflow() -> None:
    """The largest is taken out first; the gradient is the softmax."""
    x = tf.constant([1000.0, 1000.0 + np.log(3.0)], tf.float64)
    y = tf.reduce_logsumexp(x)
    value, grad = run([y, tf.gradients(y, x)[0]])
    np.testing.assert_allclose(value, 1000 + np.log(4.0))
    np.testing.assert_allclose(grad, [0.25, 0.75])


def test_both_names_of_the_axis_at_once_are_an_error() -> None:
    """`reduction_indices` is the old name of `axis`."""
    assert run(tf.reduce_sum([[1, 2], [3, 4]], reduction_indices=[1])).tolist() == [3, 7]
    with pytest.raises(TypeError, match="two names of one argument"):
        tf.reduce_sum([1.0], axis=0, reduction_indices=0)


def test_an_axis_outside_is_an_error() -> None:
    """It says which axis, and how many there are."""
    with pytest.raises(tf.errors.ShapeError, match="2"):
        tf.reduce_sum([1.0, 2.0], axis=2)
