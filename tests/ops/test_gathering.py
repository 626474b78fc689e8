"""Look-ups in tables that are whole or in shards, and indices that name no row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import labkit as tf

embedding_lookup: Any = tf.nn.embedding_lookup


@given(
    rows=st.integers(3, 11), shards=st.integers(1, 3), strategy=st.sampled_from(["mod", "div"]),
    shape=st.sampled_from([(), (4,), (2, 3)]),
)  # fmt: skip
def test_a_table_in_shards_is_looked_up_like_a_whole_one(rows: int, shards: int, strategy: str, shape: Any) -> None:
    """Values and gradients are those of NumPy's indexing, for ids dealt out in turn or in blocks."""
    table = np.arange(rows * 2.0).reshape(rows, 2)
    parts = [table[i::shards] for i in range(shards)] if strategy == "mod" else np.array_split(table, shards)
    ids = np.random.default_rng(rows).integers(0, rows, shape)
    with tf.Graph().as_default(), tf.Session() as sess:
        variables = [tf.Variable(part) for part in parts]
        number = tf.placeholder(tf.int64, shape)
        found = embedding_lookup(variables, number, strategy)
        assert found.get_shape().as_list() == [*shape, 2]
        grads = [tf.convert_to_tensor(grad) for grad in tf.gradients(found * found, variables)]
        sess.run(tf.global_variables_initializer())
        value, *slopes = sess.run([found, *grads], {number: ids})
    np.testing.assert_array_equal(table[ids], value)
    slope = np.zeros_like(table)
    np.add.at(slope, ids, 2 * table[ids])
    expected = [slope[i::shards] for i in range(shards)] if strategy == "mod" else np.array_split(slope, shards)
    for want, got in zip(expected, slopes, strict=True):
        np.testing.assert_allclose(want, got)


def test_max_norm_shortens_long_rows_only() -> None:
    """A row longer than max_norm gets that length; a shorter one stays."""
    table = tf.constant([[3.0, 4.0], [0.3, 0.4]])
    with tf.Session() as sess:
        rows = sess.run(embedding_lookup(table, [0, 1, 0], max_norm=1.0))
    np.testing.assert_allclose([[0.6, 0.8], [0.3, 0.4], [0.6, 0.8]], rows, rtol=1e-6)


def test_a_look_up_makes_tensorflows_nodes() -> None:
    """One table: the ids and one Gather, named as the function."""
    table = tf.Variable(tf.zeros([5, 2]), name="table")
    found = embedding_lookup(table, [1, 2])
    assert (found.op.name, found.op.type) == ("embedding_lookup", "Gather")
    assert found.op.inputs[1].op.name == "embedding_lookup/ids"


def test_a_row_that_is_not_there_is_nan_and_gets_no_gradient() -> None:
    """Compiled code raises no error; NaN is what shows. Negative indices name no row either."""
    table = tf.constant([[1.0], [2.0]])
    rows = tf.gather(table, [1, 2, -1])
    (grad,) = tf.gradients(rows, table)
    with tf.Session() as sess:
        value, slope = sess.run([rows, tf.convert_to_tensor(grad)])
    np.testing.assert_array_equal([[2], [np.nan], [np.nan]], value)
    np.testing.assert_array_equal([[0], [1]], slope)


def test_wrong_arguments_of_a_look_up_say_what_is_right() -> None:
    """An empty list of tables, and a strategy that there is not."""
    with pytest.raises(ValueError, match="at least one table"):
        embedding_lookup([], [0])
    with pytest.raises(ValueError, match='"mod" or "div", not \'round\''):
        embedding_lookup(tf.zeros([2, 2]), [0], "round")


def test_where_does_not_broadcast_and_says_so() -> None:
    """TensorFlow 1's `where` takes one shape; a vector chooses rows."""
    with pytest.raises(tf.errors.ShapeError, match="it does not broadcast"):
        tf.where([True, False], [1.0, 2.0], 3.0)
    with pytest.raises(tf.errors.ShapeError, match="a vector with an entry per row"):
        tf.where([True, False, True], tf.zeros([2, 2]), tf.zeros([2, 2]))
    with pytest.raises(ValueError, match="both x and y, or neither"):
        tf.where([True], [1.0])


def test_sequence_masks_and_grids_are_numpys() -> None:
    """Functions over other ops."""
    lengths = tf.placeholder(tf.int64, [None])
    with tf.Session() as sess:
        mask = sess.run(tf.sequence_mask(lengths, dtype=tf.float32), {lengths: [1, 3]})
        np.testing.assert_array_equal([[1, 0, 0], [1, 1, 1]], mask)
        for indexing in ("xy", "ij"):
            grid = sess.run(tf.meshgrid([1, 2, 3], [4, 5], [6, 7], indexing=indexing))
            for want, got in zip(np.meshgrid([1, 2, 3], [4, 5], [6, 7], indexing=indexing), grid, strict=True):
                np.testing.assert_array_equal(want, got)
