"""Metrics of yes-or-no predictions: `precision`, `recall`, the four counts they come from.

Source: `tensorflow/python/ops/metrics_impl.py` (1.4).
"""

from __future__ import annotations

from typing import Any

from labkit.dtypes import bool_, float32
from labkit.graph import Tensor
from labkit.metrics.base import (
    Collections,
    Metric,
    finished,
    metric_scope,
    metric_variable,
    safe_quotient,
    squeezed,
)
from labkit.ops.logic import logical_and, logical_not
from labkit.ops.math import cast
from labkit.ops.reduce import reduce_sum
from labkit.ops.state import assign_add


def _bools(labels: Any, predictions: Any, weights: Any) -> tuple[Tensor, Tensor, Tensor | None]:
    right, guessed, factors = squeezed(labels, predictions, weights)
    return _as_bool(right), _as_bool(guessed), factors


def _as_bool(values: Tensor) -> Tensor:
    return values if values.dtype is bool_ else cast(values, bool_)


def counted(hits: Tensor, weights: Tensor | None, name: str = "count") -> Metric:
    """How many entries are true so far, each counted with its weight: a variable and its update."""
    number = cast(hits, float32)
    if weights is not None:
        number = number * weights
    count = metric_variable([], name=name)
    return count.value(), assign_add(count, reduce_sum(number))


def _count(
    of: str, labels: Any, predictions: Any, weights: Any, metrics: Collections, updates: Collections, name: str | None
) -> Metric:
    """One of the four counts: `of` says which."""
    with metric_scope(name, of):
        right, guessed, factors = _bools(labels, predictions, weights)
        value, update = counted(hits_of(of, right, guessed), factors)
        return finished(value, update, metrics, updates)


def hits_of(which: str, right: Tensor, guessed: Tensor) -> Tensor:
    """Which entries are true positives, false positives, true negatives or false negatives."""
    answer = guessed if which.endswith("positives") else logical_not(guessed)
    truth = right if which in ("true_positives", "false_negatives") else logical_not(right)
    return logical_and(truth, answer)


def true_positives(
    labels: Any, predictions: Any, weights: Any = None, metrics_collections: Collections = None,
    updates_collections: Collections = None, name: str | None = None,
) -> Metric:  # fmt: skip
    """How often the prediction was yes and right.

    Args:
        labels: bools, or numbers of which 0 means no.
        predictions: of the same shape, likewise.
        weights: as for `tf.metrics.mean`, like all that follow.
        metrics_collections: see there.
        updates_collections: see there.
        name: see there.

    Returns:
        A pair (value, update_op), both scalars.

    Example:
        >>> import labkit as tf
        >>> value, update_op = tf.metrics.true_positives([1, 1, 0, 0], [1, 0, 1, 0])
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     float(sess.run(update_op))
        1.0
    """
    return _count("true_positives", labels, predictions, weights, metrics_collections, updates_collections, name)


def true_negatives(
    labels: Any, predictions: Any, weights: Any = None, metrics_collections: Collections = None,
    updates_collections: Collections = None, name: str | None = None,
) -> Metric:  # fmt: skip
    """How often the prediction was no and right.

    Args:
        labels: as for `tf.metrics.true_positives`, like all that follow.
        predictions: see there.
        weights: see there.
        metrics_collections: see there.
        updates_collections: see there.
        name: see there.

    Returns:
        A pair (value, update_op), both scalars.

    Example:
        >>> import labkit as tf
        >>> value, update_op = tf.metrics.true_negatives([1, 1, 0, 0], [1, 0, 0, 0])
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     float(sess.run(update_op))
        2.0
    """
    return _count("true_negatives", labels, predictions, weights, metrics_collections, updates_collections, name)


def false_positives(
    labels: Any, predictions: Any, weights: Any = None, metrics_collections: Collections = None,
    updates_collections: Collections = None, name: str | None = None,
) -> Metric:  # fmt: skip
    """How often the prediction was yes and wrong.

    Args:
        labels: as for `tf.metrics.true_positives`, like all that follow.
        predictions: see there.
        weights: see there.
        metrics_collections: see there.
        updates_collections: see there.
        name: see there.

    Returns:
        A pair (value, update_op), both scalars.

    Example:
        >>> import labkit as tf
        >>> value, update_op = tf.metrics.false_positives([1, 1, 0, 0], [1, 0, 1, 1])
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     float(sess.run(update_op))
        2.0
    """
    return _count("false_positives", labels, predictions, weights, metrics_collections, updates_collections, name)


def false_negatives(
    labels: Any, predictions: Any, weights: Any = None, metrics_collections: Collections = None,
    updates_collections: Collections = None, name: str | None = None,
) -> Metric:  # fmt: skip
    """How often the prediction was no and wrong.

    Args:
        labels: as for `tf.metrics.true_positives`, like all that follow.
        predictions: see there.
        weights: see there.
        metrics_collections: see there.
        updates_collections: see there.
        name: see there.

    Returns:
        A pair (value, update_op), both scalars.

    Example:
        >>> import labkit as tf
        >>> value, update_op = tf.metrics.false_negatives([1, 1, 0, 0], [1, 0, 1, 1])
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     float(sess.run(update_op))
        1.0
    """
    return _count("false_negatives", labels, predictions, weights, metrics_collections, updates_collections, name)


def precision(
    labels: Any, predictions: Any, weights: Any = None, metrics_collections: Collections = None,
    updates_collections: Collections = None, name: str | None = None,
) -> Metric:  # fmt: skip
    """Of all that was called yes, the part that was: true positives / (true positives + false positives).

    Args:
        labels: bools, or numbers of which 0 means no.
        predictions: of the same shape, likewise.
        weights: as for `tf.metrics.mean`, like all that follow.
        metrics_collections: see there.
        updates_collections: see there.
        name: see there.

    Returns:
        A pair (value, update_op), both scalars; 0 as long as nothing was called yes.

    Example:
        >>> import labkit as tf
        >>> value, update_op = tf.metrics.precision([1, 1, 0, 0], [1, 1, 1, 1])
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     float(sess.run(update_op))
        0.5
    """
    with metric_scope(name, "precision"):
        right, guessed, factors = _bools(labels, predictions, weights)
        hits, new_hits = _within("true_positives", right, guessed, factors)
        alarms, new_alarms = _within("false_positives", right, guessed, factors)
        value = safe_quotient(hits, hits + alarms, "value")
        update = safe_quotient(new_hits, new_hits + new_alarms, "update_op")
        return finished(value, update, metrics_collections, updates_collections)


def recall(
    labels: Any, predictions: Any, weights: Any = None, metrics_collections: Collections = None,
    updates_collections: Collections = None, name: str | None = None,
) -> Metric:  # fmt: skip
    """Of all that is yes, the part that was found: true positives / (true positives + false negatives).

    Args:
        labels: bools, or numbers of which 0 means no.
        predictions: of the same shape, likewise.
        weights: as for `tf.metrics.mean`, like all that follow.
        metrics_collections: see there.
        updates_collections: see there.
        name: see there.

    Returns:
        A pair (value, update_op), both scalars; 0 as long as nothing was yes.

    Example:
        >>> import labkit as tf
        >>> value, update_op = tf.metrics.recall([1, 1, 1, 1], [1, 0, 0, 0])
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     float(sess.run(update_op))
        0.25
    """
    with metric_scope(name, "recall"):
        right, guessed, factors = _bools(labels, predictions, weights)
        hits, new_hits = _within("true_positives", right, guessed, factors)
        missed, new_missed = _within("false_negatives", right, guessed, factors)
        value = safe_quotient(hits, hits + missed, "value")
        update = safe_quotient(new_hits, new_hits + new_missed, "update_op")
        return finished(value, update, metrics_collections, updates_collections)


def _within(which: str, right: Tensor, guessed: Tensor, weights: Tensor | None) -> Metric:
    """One of the four counts, in a scope of its name inside a metric."""
    with metric_scope(None, which):
        return counted(hits_of(which, right, guessed), weights)
