"""`x[key]` is NumPy's, in value and in gradient, whatever of the shape and of the key is known beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import basic_indices

import labkit as tf

SIZES = (3, 4, 5)
X = np.arange(60, dtype=np.float64).reshape(SIZES)


def put_ones(key: Any) -> np.ndarray[Any, Any]:
    """The gradient of the sum of X[key]."""
    grad = np.zeros(SIZES)
    grad[key] = 1
    return grad


@given(key=basic_indices(SIZES, allow_newaxis=True, max_dims=6), hidden=st.sets(st.integers(0, 2)))
def test_indexing_equals_numpys(key: Any, hidden: set[int]) -> None:
    """Slices with any step, ellipsis, new axes and numbers; the unknown sizes change nothing but the static shape."""
    with tf.Graph().as_default(), tf.Session() as sess:
        x = tf.placeholder(tf.float64, [None if axis in hidden else size for axis, size in enumerate(SIZES)])
        y = x[key]
        (grad,) = tf.gradients(y * y, x)
        value, slope = sess.run([y, grad], {x: X})
        expected = X[key]
        np.testing.assert_array_equal(expected, value)
        np.testing.assert_array_equal(2 * X * put_ones(key), slope)
        assert y.get_shape().is_compatible_with(expected.shape)
        if not hidden:
            assert expected.shape == tuple(y.get_shape().as_list())


KEYS = [
    lambda i, j: (i,),
    lambda i, j: (Ellipsis, i),
    lambda i, j: (slice(None, None, -1), i, slice(1, 4)),
    lambda i, j: (i, None, j),
    lambda i, j: (None, i, Ellipsis, j, None),
    lambda i, j: (1, i, j),
    lambda i, j: (slice(1, None), Ellipsis, j, 2),
]


@pytest.mark.parametrize("make", KEYS)
@given(i=st.integers(-3, 2), j=st.integers(-4, 3), known_rank=st.booleans())
def test_numbers_that_the_graph_computes_index_as_pythons_do(make: Any, i: int, j: int, known_rank: bool) -> None:
    """x[i] for tensors i and j that come from a variable, in values, gradients and second derivatives."""
    with tf.Graph().as_default(), tf.Session() as sess:
        x = tf.placeholder(tf.float64, [None, 4, None] if known_rank else None)
        i_var, j_var = tf.Variable(i), tf.Variable(np.int64(j))
        y = x[make(i_var + 0, j_var)]
        (grad,) = tf.gradients(y**3, x)
        (second,) = tf.gradients(grad, x)
        sess.run(tf.global_variables_initializer())
        key = make(i, j)
        value, slope, curve = sess.run([y, grad, second], {x: X})
        np.testing.assert_array_equal(X[key], value)
        np.testing.assert_allclose(3 * X**2 * put_ones(key), slope)
        np.testing.assert_allclose(6 * X * put_ones(key), curve)


def test_one_program_serves_every_computed_index() -> None:
    """Feeding another index does not compile again: the index is no static feed."""
    x, i = tf.constant(X), tf.placeholder(tf.int32, [])
    y = x[i, 1]
    with tf.Session() as sess:
        for number in range(3):
            np.testing.assert_array_equal(X[number, 1], sess.run(y, {i: number}))
    (plan,) = tf.get_default_graph().plans.values()
    assert plan.segments[0].static == []


def test_a_slice_may_end_where_a_tensor_says_if_its_value_is_known_while_compiling() -> None:
    """x[a:b] for fed a and b, and for b from tf.shape."""
    x, a, b = tf.constant(X), tf.placeholder(tf.int32, []), tf.placeholder(tf.int64, [])
    with tf.Session() as sess:
        np.testing.assert_array_equal(X[1:3], sess.run(x[a:b], {a: 1, b: 3}))
        np.testing.assert_array_equal(X[:, : 5 - 2], sess.run(x[:, : tf.shape(x)[2] - 2]))


def test_a_slice_whose_size_is_computed_by_the_program_is_numpys() -> None:
    """x[:n] where n comes from a variable: the slice runs by itself, between two compiled parts."""
    n = tf.Variable(2)
    y = tf.constant(X)[:n] * 2
    with tf.Session() as sess:
        for size in (2, 1):
            sess.run(tf.assign(n, size))
            np.testing.assert_array_equal(X[:size] * 2, sess.run(y))


def test_indexing_makes_one_strided_slice_with_tensorflows_names() -> None:
    """Three packed vectors and the node; a computed index is one node on its own."""
    x, i = tf.constant(X, name="x"), tf.placeholder(tf.int32, [], name="i")
    y, z = x[0, 1:], x[i]
    names = [node.name for node in tf.get_default_graph().get_operations()]
    prefix = "strided_slice"
    assert names == ["x", "i", f"{prefix}/stack", f"{prefix}/stack_1", f"{prefix}/stack_2", prefix, f"{prefix}_1"]
    assert (y.op.type, z.op.type) == ("StridedSlice", "DynamicIndex")
    assert y.op.get_attr("shrink_axis_mask") == 1


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (1.5, "indexed with whole numbers"),
        (True, "indexed with whole numbers"),
        ("a", "indexed with whole numbers"),
        (slice(0.5, None), "indexed with whole numbers"),
        ([0, 1], "Try: .*tf.gather"),
        (np.array([0, 1]), "an index must be a single number"),
    ],
)
def test_other_keys_are_refused_with_what_to_write_instead(key: Any, message: str) -> None:
    """Lists, arrays, floats and masks do not index a tensor."""
    with pytest.raises(TypeError, match=f"(?s){message}"):
        tf.constant(X)[key]


def test_float_tensors_do_not_index() -> None:
    """A float tensor has no whole value, whatever it holds."""
    with pytest.raises(TypeError, match="indexed with whole numbers"):
        tf.constant(X)[tf.constant(1.0)]


def test_an_index_outside_says_which_axis_and_how_large() -> None:
    """Found when the node is made if the size is known."""
    with pytest.raises(tf.errors.ShapeError, match="index 4 is outside axis 1, which has size 4"):
        tf.constant(X)[0, 4]
    with pytest.raises(tf.errors.ShapeError, match=r"too many indices: 4 for the shape \[3, 4, 5\] of 3 axes"):
        tf.constant(X)[0, 0, 0, 0]
    with pytest.raises(tf.errors.ShapeError, match="stride of a slice must not be 0"):
        tf.constant(X)[::0]


def test_an_index_outside_an_unknown_size_is_found_when_the_size_is() -> None:
    """The same message, at the run."""
    x = tf.placeholder(tf.float64, [None])
    with tf.Session() as sess, pytest.raises(tf.errors.ShapeError, match="index 7 is outside axis 0, which has size 3"):
        sess.run(x[7], {x: [1, 2, 3]})
