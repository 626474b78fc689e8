"""Numbers, arrays and lists become tensors of TensorFlow's dtypes, or an error that says why not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import labkit as tf
from labkit.shapes import Dimension, TensorShape


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1, tf.int32),
        (2**31, tf.int64),
        (-(2**31), tf.int32),
        (1.0, tf.float32),
        (True, "bool"),
        (1j, tf.complex128),
        ("text", tf.string),
        (b"bytes", tf.string),
        ([], tf.float32),
        ([[1, 2], [3, 4]], tf.int32),
        ([1, 2.5], tf.float32),
        ([np.float64(1.0)], tf.float32),
        ([np.int64(1)], tf.int32),
        (np.float64(1.0), tf.float64),
        (np.arange(3), tf.int64),
        (np.ones(2, np.float16), tf.float16),
        (np.array(["a"]), tf.string),
        (range(3), tf.int32),
        (TensorShape([2, 3]), tf.int32),
        (Dimension(4), tf.int32),
        ([2, Dimension(4)], tf.int32),
    ],
)
def test_plain_values_take_tensorflows_dtypes(value: Any, dtype: Any) -> None:
    """Python's numbers are 32 bits wide where they fit; NumPy's keep their dtype."""
    assert tf.convert_to_tensor(value).dtype == dtype


@given(st.lists(st.integers(-(2**40), 2**40), min_size=1), st.sampled_from(["int64", "float64", "float32"]))
def test_lists_of_numbers_keep_their_values(values: list[int], dtype: str) -> None:
    """The constant holds what NumPy would."""
    with tf.Graph().as_default(), tf.Session() as sess:
        np.testing.assert_array_equal(np.array(values, dtype), sess.run(tf.constant(values, dtype)))


@pytest.mark.parametrize(
    ("value", "dtype", "message"),
    [
        (1.5, tf.int32, "expected int32, got 1.5 of type 'float' instead"),
        ("a", tf.float32, "expected float32, got 'a' of type 'str' instead"),
        (True, tf.int32, "expected int32, got True of type 'bool' instead"),
        (1j, tf.float32, "of type 'complex' instead"),
        (300, tf.uint8, "300 does not fit uint8"),
        (-1, tf.uint8, "-1 does not fit uint8"),
        ([1, {}], None, "cannot make a tensor of"),
        (object(), None, "cannot make a tensor of"),
    ],
)
def test_values_that_would_change_are_refused(value: Any, dtype: Any, message: str) -> None:
    """Nothing is cast silently."""
    with pytest.raises(tf.errors.DTypeError, match=message):
        tf.constant(value, dtype)


def test_ragged_lists_are_refused() -> None:
    """A tensor is rectangular."""
    with pytest.raises(tf.errors.ShapeError, match="rows have different lengths"):
        tf.constant([[1, 2], [3]])


def test_an_unknown_size_is_no_number() -> None:
    """The message says where the size is to be had."""
    shape = tf.placeholder(tf.float32, [None, 3]).get_shape()
    with pytest.raises(tf.errors.ShapeError, match=r"tf\.shape"):
        tf.zeros([1]) + tf.constant([shape[0], 3])
    with pytest.raises(tf.errors.ShapeError, match=r"tf\.shape"):
        tf.convert_to_tensor(shape)


def test_lists_that_hold_tensors_are_packed() -> None:
    """Numbers among them take the dtype of the tensors, at any depth."""
    x = tf.constant(2.0)
    packed = tf.convert_to_tensor([[x, 1], [3, x * x]])
    assert (packed.op.type, packed.dtype) == ("Pack", tf.float32)
    with tf.Session() as sess:
        np.testing.assert_array_equal([[2, 1], [3, 4]], sess.run(packed))


def test_int64_tensors_may_stand_in_lists_of_sizes() -> None:
    """Sizes and indices are int32 or int64."""
    rows = tf.constant(2, tf.int64)
    assert tf.reshape(tf.zeros([6]), [rows, 3]).get_shape().as_list() == [2, 3]
    indices = tf.Variable(np.array([1, 0]))
    assert tf.gather([[1], [2]], indices).get_shape().as_list() == [2, 1]


def test_a_tensor_of_another_dtype_is_not_cast() -> None:
    """The message names the cast."""
    with pytest.raises(tf.errors.DTypeError, match=r"Try: tf\.cast\(x, tf\.int32\)"):
        tf.convert_to_tensor(tf.constant(1.0), tf.int32)


def test_a_constant_does_not_change_with_the_array_it_was_made_of() -> None:
    """The graph keeps a copy."""
    array = np.zeros(2)
    constant = tf.constant(array)
    array[:] = 7
    with tf.Session() as sess:
        np.testing.assert_array_equal([0, 0], sess.run(constant))
