"""Metrics of the k best-scored classes: `recall_at_k`, `precision_at_k`, `sparse_average_precision_at_k`.

An example may have several right classes. Its labels are compared with its k best predictions all at once, a matrix
(labels, k) per example; a class that is listed twice counts once.

Source: `tensorflow/python/ops/metrics_impl.py` (1.4).
"""

from __future__ import annotations

from typing import Any

from labkit.dtypes import float32, float64, int64
from labkit.graph import Tensor
from labkit.metrics.base import (
    Collections,
    Metric,
    broadcast,
    finished,
    metric_scope,
    metric_variable,
    safe_quotient,
    tensor,
)
from labkit.ops.along_axis import cumsum
from labkit.ops.array import expand_dims
from labkit.ops.division import divide
from labkit.ops.filling import ones_like
from labkit.ops.logic import equal, greater_equal, less, logical_and, logical_not
from labkit.ops.magnitude import minimum
from labkit.ops.math import cast
from labkit.ops.matrices import matrix_band_part
from labkit.ops.ranges import range as numbers
from labkit.ops.ranking import top_k
from labkit.ops.reduce import reduce_sum
from labkit.ops.reduce_bool import reduce_any
from labkit.ops.state import assign_add


def _examples(labels: Any, predictions: Any) -> tuple[Tensor, Tensor]:
    """Labels (..., labels) as int64, also if each example has one and the last axis was left out; and predictions."""
    scores = tensor(predictions, "predictions")
    right = tensor(labels, "labels", int64)
    one_each = right.static_shape is not None and len(right.static_shape) + 1 == len(scores.static_shape or ())
    return expand_dims(right, -1) if one_each else right, scores


def _matches(labels: Tensor, best: Tensor) -> Tensor:
    """Which label is which of the best: bools (..., labels, k)."""
    return equal(expand_dims(labels, -1), expand_dims(cast(best, int64), -2))


def _first(labels: Tensor) -> Tensor:
    """Which labels are not a repetition of an earlier one: bools (..., labels)."""
    same = cast(equal(expand_dims(labels, -1), expand_dims(labels, -2)), float32)
    earlier = matrix_band_part(same, -1, 0)  # the diagonal and what is below it
    return less(reduce_sum(earlier, -1), 1.5)


def _tally(hits: Tensor, weights: Any, name: str) -> Metric:
    """A count of the entries of `hits` along the last axis, weighted per example: the sum so far and its update."""
    each = reduce_sum(cast(hits, float64), -1)
    if weights is not None:
        each = each * cast(broadcast(tensor(weights, "weights"), each), float64)
    count = metric_variable([], float64, name)
    return count.value(), assign_add(count, reduce_sum(each))


def _at_k(name: str, k: int, class_id: int | None) -> str:
    return f"{name}_at_{k}" if class_id is None else f"{name}_at_{k}_class{class_id}"


def recall_at_k(
    labels: Any, predictions: Any, k: int, class_id: int | None = None, weights: Any = None,
    metrics_collections: Collections = None, updates_collections: Collections = None, name: str | None = None,
) -> Metric:  # fmt: skip
    """The part of the right classes that are among the k best-scored ones.

    Args:
        labels: the right classes, int64 (..., labels), or (...) if each example has one.
        predictions: scores (..., classes).
        k: how many of the best to look at.
        class_id: only this class is counted; None counts all.
        weights: one per example.
        metrics_collections: as for `tf.metrics.mean`, like all that follow.
        updates_collections: see there.
        name: see there.

    Returns:
        A pair (value, update_op), both float64 scalars; NaN until something was counted.

    Example:
        >>> import labkit as tf
        >>> value, update_op = tf.metrics.recall_at_k([[0], [2]], [[0.1, 0.7, 0.2], [0.1, 0.3, 0.6]], k=2)
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     float(sess.run(update_op))
        0.5
    """
    with metric_scope(name, _at_k("recall", k, class_id)):
        right, scores = _examples(labels, predictions)
        found = reduce_any(_matches(right, top_k(scores, k).indices), -1)
        counts = _first(right) if class_id is None else logical_and(_first(right), equal(right, class_id))
        hits, new_hits = _tally(logical_and(counts, found), weights, _at_k("true_positive", k, class_id))
        missed, new_missed = _tally(
            logical_and(counts, logical_not(found)), weights, _at_k("false_negative", k, class_id)
        )
        value = hits / (hits + missed)
        update = new_hits / (new_hits + new_missed)
        return finished(value, update, metrics_collections, updates_collections)


def precision_at_k(
    labels: Any, predictions: Any, k: int, class_id: int | None = None, weights: Any = None,
    metrics_collections: Collections = None, updates_collections: Collections = None, name: str | None = None,
) -> Metric:  # fmt: skip
    """The part of the k best-scored classes that are right.

    Args:
        labels: as for `tf.metrics.recall_at_k`, like all that follow.
        predictions: see there.
        k: see there.
        class_id: see there.
        weights: see there.
        metrics_collections: see there.
        updates_collections: see there.
        name: see there.

    Returns:
        A pair (value, update_op), both float64 scalars; NaN until something was counted.

    Example:
        >>> import labkit as tf
        >>> value, update_op = tf.metrics.precision_at_k([[0, 1]], [[0.1, 0.7, 0.2]], k=2)
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     float(sess.run(update_op))
        0.5
    """
    with metric_scope(name, _at_k("precision", k, class_id)):
        right, scores = _examples(labels, predictions)
        best = top_k(scores, k).indices
        correct = reduce_any(_matches(right, best), -2)
        counts = ones_like(correct) if class_id is None else equal(cast(best, int64), class_id)
        hits, new_hits = _tally(logical_and(counts, correct), weights, _at_k("true_positive", k, class_id))
        alarms, new_alarms = _tally(
            logical_and(counts, logical_not(correct)), weights, _at_k("false_positive", k, class_id)
        )
        value = hits / (hits + alarms)
        update = new_hits / (new_hits + new_alarms)
        return finished(value, update, metrics_collections, updates_collections)


def sparse_precision_at_k(
    labels: Any, predictions: Any, k: int, class_id: int | None = None, weights: Any = None,
    metrics_collections: Collections = None, updates_collections: Collections = None, name: str | None = None,
) -> Metric:  # fmt: skip
    """The older name of `tf.metrics.precision_at_k`.

    Args:
        labels: as for `tf.metrics.precision_at_k`, like all that follow.
        predictions: see there.
        k: see there.
        class_id: see there.
        weights: see there.
        metrics_collections: see there.
        updates_collections: see there.
        name: see there.

    Returns:
        A pair (value, update_op), both float64 scalars; NaN until something was counted.

    Example:
        >>> import labkit as tf
        >>> value, update_op = tf.metrics.sparse_precision_at_k([[1]], [[0.1, 0.7, 0.2]], k=1)
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     float(sess.run(update_op))
        1.0
    """
    return precision_at_k(labels, predictions, k, class_id, weights, metrics_collections, updates_collections, name)


def sparse_average_precision_at_k(
    labels: Any, predictions: Any, k: int, weights: Any = None, metrics_collections: Collections = None,
    updates_collections: Collections = None, name: str | None = None,
) -> Metric:  # fmt: skip
    """The mean over examples of the average of precision at 1, ..., k, taken where a right class stands.

    Args:
        labels: the right classes, int64 (..., labels), or (...) if each example has one.
        predictions: scores (..., classes).
        k: how many of the best to look at.
        weights: one per example.
        metrics_collections: as for `tf.metrics.mean`, like all that follow.
        updates_collections: see there.
        name: see there.

    Returns:
        A pair (value, update_op), both float64 scalars; NaN until something was counted.

    Source: https://en.wikipedia.org/wiki/Information_retrieval#Average_precision

    Example:
        >>> import labkit as tf
        >>> value, update_op = tf.metrics.sparse_average_precision_at_k([[0, 2]], [[0.1, 0.7, 0.2]], k=3)
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     print(sess.run(update_op).round(4))
        0.5833
    """
    with metric_scope(name, _at_k("average_precision", k, None)):
        right, scores = _examples(labels, predictions)
        average = _average_precision(right, scores, k)
        total, limit = metric_variable([], float64, "total"), metric_variable([], float64, "max")
        factors = ones_like(average)
        if weights is not None:
            factors = cast(broadcast(tensor(weights, "weights"), average), float64)
        new_total = assign_add(total, reduce_sum(average * factors))
        new_limit = assign_add(limit, reduce_sum(factors))
        value = divide(total, limit, name="mean")
        update = divide(new_total, new_limit, name="update")
        return finished(value, update, metrics_collections, updates_collections)


def _average_precision(labels: Tensor, scores: Tensor, k: int) -> Tensor:
    """The average precision of each example, float64 (...)."""
    correct = cast(reduce_any(_matches(labels, top_k(scores, k).indices), -2), float64)
    precisions = cumsum(correct, -1) / cast(numbers(1, k + 1), float64)
    relevant = reduce_sum(cast(greater_equal(labels, 0), float64), -1)
    return safe_quotient(reduce_sum(precisions * correct, -1), minimum(relevant, float(k)))
