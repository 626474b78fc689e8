"""What is known of a value before the graph runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import labkit as tf
from labkit.graph import constant_value, known_value


def test_constants_and_what_is_computed_of_them_are_known() -> None:
    """Arithmetic, packing and slicing of constants fold to NumPy's values."""
    c = tf.constant([[1, 2, 3], [4, 5, 6]])
    for tensor, expected in [
        (c, [[1, 2, 3], [4, 5, 6]]),
        (c[1, ::-1], [6, 5, 4]),
        (tf.stack([c[0], c[1] * 2]), [[1, 2, 3], [8, 10, 12]]),
        (tf.concat([c, c], 1)[0], [1, 2, 3, 1, 2, 3]),
        (tf.gather(c, 1, axis=1), [2, 5]),
        (tf.transpose(c)[2], [3, 6]),
        (tf.reshape(c, [-1])[3:], [4, 5, 6]),
        (tf.reverse(c, [0])[0], [4, 5, 6]),
        (tf.tile(c[0, :1], [3]), [1, 1, 1]),
        (tf.expand_dims(c[0], 1), [[1], [2], [3]]),
        (tf.squeeze(c[:1, :1]), 1),
        (tf.slice(c, [0, 1], [-1, 1]), [[2], [5]]),
        (tf.range(1, 10, 4), [1, 5, 9]),
        (tf.invert_permutation([2, 0, 1]), [1, 2, 0]),
        (tf.cast(c[0], tf.int64), [1, 2, 3]),
        (tf.identity(c[0, 0]), 1),
    ]:
        value = constant_value(tensor)
        assert value is not None, tensor.op
        np.testing.assert_array_equal(expected, value)
        assert tensor.dtype.np_dtype == value.dtype


def test_what_depends_on_a_feed_is_not_known() -> None:
    """Neither a placeholder nor what is computed of it has a value yet."""
    x = tf.placeholder(tf.int32, [2])
    assert constant_value(x) is None
    assert constant_value(x + 1) is None
    assert known_value(tf.stack([x[0], 3])) == (None, 3)


@pytest.mark.parametrize(
    ("make", "known"),
    [
        (lambda s: s, (None, 3, None)),
        (lambda s: s[1], 3),
        (lambda s: s[0], None),
        (lambda s: s[1:], (3, None)),
        (lambda s: tf.concat([s, [7]], 0), (None, 3, None, 7)),
        (lambda s: tf.stack([s, s]), ((None, 3, None), (None, 3, None))),
        (lambda s: tf.stack([s[1], s[0]]), (3, None)),
        (lambda s: tf.gather(s, [1, 1, 0]), (3, 3, None)),
        (lambda s: tf.expand_dims(s[0], 0), (None,)),
        (lambda s: tf.size(tf.stack([s, s])), 6),
    ],
)
def test_unknown_entries_stay_beside_known_ones(make: Any, known: Any) -> None:
    """A shape of which some sizes are unknown is still worth something."""
    shape = tf.shape(tf.placeholder(tf.float32, [None, 3, None]))
    assert known == known_value(make(shape))


def test_strings_fold_as_bytes() -> None:
    """A constant of text is known, as bytes."""
    assert constant_value(tf.constant(["a", "b"])).tolist() == [b"a", b"b"]
