"""Sums of rows of a table: `tf.nn.embedding_lookup_sparse`, `tf.sparse_segment_sum` and their kin.

Source: `tensorflow/python/ops/embedding_ops.py` and `math_ops.py` (1.4).
"""

from __future__ import annotations

from typing import Any

from labkit.dtypes import int32
from labkit.graph import Tensor, graph_of
from labkit.logging import warn
from labkit.ops.array import reshape
from labkit.ops.division import divide
from labkit.ops.exponential import sqrt
from labkit.ops.filling import ones_like, zeros_like
from labkit.ops.gathering import embedding_lookup, gather
from labkit.ops.joining import concat
from labkit.ops.logic import equal
from labkit.ops.magnitude import maximum
from labkit.ops.math import cast, reciprocal
from labkit.ops.segment import segment_mean, segment_sum, unsorted_segment_sum
from labkit.ops.selecting import where
from labkit.ops.shaping import shape
from labkit.ops.sparse_tensor import as_sparse


def embedding_lookup_sparse(
    params: Any, sp_ids: Any, sp_weights: Any, partition_strategy: str = "mod", name: str | None = None,
    combiner: str | None = None, max_norm: float | None = None,
) -> Tensor:  # fmt: skip
    """For each row of ids, the sum or mean of their rows of an embedding table.

    There are as many results as `sp_ids` has rows: where it ends with rows without an id, TensorFlow leaves these out,
    and here they are zeros, as other rows without an id are in both.

    Args:
        params: (vocabulary, size) the table, or a list of its shards.
        sp_ids: a `tf.SparseTensor` of two axes: each row has the ids of one example, any number of them.
        sp_weights: a `tf.SparseTensor` of the same form with a weight for each id, or None for 1 each.
        partition_strategy: how shards hold the rows; see `tf.nn.embedding_lookup`.
        name: name of the scope.
        combiner: "mean" (weighted), "sum", or "sqrtn": the sum divided by the root of the sum of squared weights.
        max_norm: rows of the table longer than this are scaled to it.

    Returns:
        A tensor of shape (rows of `sp_ids`, size).

    Raises:
        TypeError: if `sp_ids` or `sp_weights` is not sparse.
        ValueError: for another combiner.

    Gradient: to the table, an `tf.IndexedSlices`; to the weights.

    Example:
        >>> import labkit as tf
        >>> table = tf.constant([[1.0], [10.0], [100.0]])
        >>> ids = tf.SparseTensor([[0, 0], [0, 1], [1, 0]], [0, 2, 1], [2, 2])
        >>> tf.Session().run(tf.nn.embedding_lookup_sparse(table, ids, None, combiner="sum"))
        array([[101.],
               [ 10.]], dtype=float32)
    """
    if combiner is None:
        warn('The default value of combiner will change from "mean" to "sqrtn" after 2016/11/01.')
        combiner = "mean"
    if combiner not in ("mean", "sqrtn", "sum"):
        raise ValueError(f'combiner must be one of "mean", "sqrtn" or "sum", not {combiner!r}.')
    ids = as_sparse(sp_ids, "sp_ids")
    with ids.graph.name_scope(name or "embedding_lookup_sparse"):
        rows = ids.indices[:, 0]
        count = cast(ids.dense_shape[0], int32)
        found = embedding_lookup(params, ids.values, partition_strategy, max_norm=max_norm)
        weights = None if sp_weights is None else as_sparse(sp_weights, "sp_weights").values
        if weights is None:
            ones = ones_like(rows, dtype=found.dtype)
            total = unsorted_segment_sum(found, rows, count)
            if combiner == "sum":
                return total
            number = maximum(unsorted_segment_sum(ones, rows, count), 1)
            return divide(total, _as_column(number if combiner == "mean" else sqrt(number), total))
        weights = weights if weights.dtype is found.dtype else cast(weights, found.dtype)
        total = unsorted_segment_sum(found * _as_column(weights, found), rows, count)
        if combiner == "sum":
            return total
        by = weights if combiner == "mean" else weights * weights
        return total * _as_column(_one_over(unsorted_segment_sum(by, rows, count), combiner == "sqrtn"), total)


def _one_over(weight: Tensor, of_root: bool) -> Tensor:
    """1 / weight, or one over its root; 0 where the weight is 0."""
    nothing = equal(weight, 0.0)
    safe = where(nothing, ones_like(weight), weight)
    return where(nothing, zeros_like(weight), reciprocal(sqrt(safe) if of_root else safe))


def _as_column(vector: Tensor, like: Tensor) -> Tensor:
    """A vector with axes of size 1 behind, so that it is broadcast along the first axis of `like`."""
    rank = len(like.static_shape or (None, None))
    return reshape(vector, concat([shape(vector), [1] * (rank - 1)], 0))


def sparse_segment_sum(data: Any, indices: Any, segment_ids: Any, name: str | None = None) -> Tensor:
    """The sums of some rows, by segment: `tf.segment_sum` of rows that `indices` names.

    Args:
        data: (n, ...) a tensor.
        indices: (k,) which rows.
        segment_ids: (k,) sorted ids: which sum each row goes to.
        name: name of the scope.

    Returns:
        A tensor with a row per segment.

    Gradient: to data.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.sparse_segment_sum([[1, 2], [10, 20], [5, 5]], [0, 1, 0], [0, 0, 1]))
        array([[11, 22],
               [ 1,  2]], dtype=int32)
    """
    with graph_of([data, indices, segment_ids]).name_scope(name or "SparseSegmentSum"):
        return segment_sum(gather(data, indices), segment_ids)


def sparse_segment_mean(data: Any, indices: Any, segment_ids: Any, name: str | None = None) -> Tensor:
    """The means of some rows, by segment: `tf.segment_mean` of rows that `indices` names.

    Args:
        data: (n, ...) a floating-point tensor.
        indices: (k,) which rows.
        segment_ids: (k,) sorted ids: which mean each row goes to.
        name: name of the scope.

    Returns:
        A tensor with a row per segment.

    Gradient: to data.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.sparse_segment_mean([1.0, 10.0, 5.0], [0, 2, 1], [0, 0, 1]))
        array([ 3., 10.], dtype=float32)
    """
    with graph_of([data, indices, segment_ids]).name_scope(name or "SparseSegmentMean"):
        return segment_mean(gather(data, indices), segment_ids)


def sparse_segment_sqrt_n(data: Any, indices: Any, segment_ids: Any, name: str | None = None) -> Tensor:
    """The sums of some rows, by segment, each divided by the root of how many rows it has.

    Args:
        data: (n, ...) a floating-point tensor.
        indices: (k,) which rows.
        segment_ids: (k,) sorted ids: which sum each row goes to.
        name: name of the scope.

    Returns:
        A tensor with a row per segment.

    Gradient: to data.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.sparse_segment_sqrt_n([1.0, 10.0, 5.0], [0, 2, 1, 1], [0, 0, 0, 0]))
        array([13.], dtype=float32)
    """
    graph = graph_of([data, indices, segment_ids])
    with graph.name_scope(name or "SparseSegmentSqrtN"):
        total = sparse_segment_sum(data, indices, segment_ids)
        ones = ones_like(graph.as_tensor(indices), dtype=total.dtype)
        number = maximum(segment_sum(ones, segment_ids), 1)
        return divide(total, _as_column(sqrt(number), total))
