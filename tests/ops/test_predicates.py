"""Predicates and checks while the graph is built, against NumPy and by their errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

import labkit as tf


@given(
    nps.arrays(np.int32, nps.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3), elements=st.integers(0, 3))
)
def test_order_is_that_of_numpy(x):
    with tf.Graph().as_default():
        steps = np.diff(x.ravel())
        found = tf.Session().run([tf.is_non_decreasing(x), tf.is_strictly_increasing(x)])
    assert found == [(steps >= 0).all(), (steps > 0).all()]


def test_what_counts_as_numeric():
    assert tf.is_numeric_tensor(tf.Variable(1.0))
    assert tf.is_numeric_tensor(tf.complex(1.0, 2.0))
    assert not tf.is_numeric_tensor(tf.constant(True))
    assert not tf.is_numeric_tensor(np.zeros(3))


def test_types_are_checked_at_once():
    tf.Session().run([tf.assert_type(1.0, tf.float32), tf.assert_integer(1)])
    with pytest.raises(TypeError, match=r"weights .*must be float64, not float32"):
        tf.assert_type(tf.constant(1.0), tf.float64, "weights")
    with pytest.raises(TypeError, match=r"must hold integers, not float32"):
        tf.assert_integer(tf.constant(1.0))


def test_a_scalar_is_given_back():
    x = tf.constant(1)
    assert tf.assert_scalar(x) is x
    for wrong in (tf.zeros([1]), tf.placeholder(tf.float32)):
        with pytest.raises(ValueError, match="must be a scalar"):
            tf.assert_scalar(wrong)


def test_ranks_are_checked_when_they_are_known():
    with pytest.raises(ValueError, match=r"has rank 2, and one of \[1, 3\] is needed"):
        tf.assert_rank_in(tf.zeros([2, 3]), [1, 3])
    x = tf.placeholder(tf.float32)
    check = tf.assert_rank_in(x, (1, 3), message="sequences")
    with tf.Session() as sess:
        sess.run(check, {x: np.zeros([2])})
        sess.run(check, {x: np.zeros([2, 2, 2])})
        with pytest.raises(tf.errors.InvalidArgumentError, match="sequences"):
            sess.run(check, {x: np.zeros([2, 2])})


@pytest.mark.parametrize("wrong", ["abc", np.zeros(2), 3, tf.constant([1])])
def test_what_is_no_list_is_refused(wrong):
    with pytest.raises(TypeError, match="a list or a tuple is needed"):
        tf.assert_proper_iterable(wrong)
