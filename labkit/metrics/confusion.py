"""Metrics of classes: `mean_iou` and `mean_per_class_accuracy`, which keep counts per class.

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
    squeezed,
)
from labkit.ops.array import reshape
from labkit.ops.filling import ones_like
from labkit.ops.logic import equal, greater
from labkit.ops.math import cast
from labkit.ops.matrices import diag_part
from labkit.ops.reduce import reduce_sum
from labkit.ops.segment import confusion_matrix, unsorted_segment_sum
from labkit.ops.selecting import where
from labkit.ops.state import assign_add


def _flat(labels: Any, predictions: Any, weights: Any) -> Any:
    """Classes as vectors of int64, and weights as a vector."""
    right, guessed, factors = squeezed(labels, predictions, weights)
    spread = None if factors is None else reshape(broadcast(factors, guessed), [-1])
    return reshape(cast(right, int64), [-1]), reshape(cast(guessed, int64), [-1]), spread


def mean_iou(
    labels: Any, predictions: Any, num_classes: int, weights: Any = None, metrics_collections: Collections = None,
    updates_collections: Collections = None, name: str | None = None,
) -> Metric:  # fmt: skip
    """The mean over classes of intersection / union: of all that is or was called this class, what was both.

    Args:
        labels: classes, of any shape; used for segmented images (batch, height, width).
        predictions: classes of the same shape.
        num_classes: how many classes there are.
        weights: as for `tf.metrics.mean`, like all that follow.
        metrics_collections: see there.
        updates_collections: see there.
        name: see there.

    Returns:
        A pair: the mean, a scalar; and `update_op`, which gives the new confusion matrix (classes, classes).

    Example:
        >>> import labkit as tf
        >>> value, update_op = tf.metrics.mean_iou([0, 0, 1, 1], [0, 1, 1, 1], num_classes=2)
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     matrix = sess.run(update_op)
        ...     round(float(sess.run(value)), 4)
        0.5833
    """
    with metric_scope(name, "mean_iou"):
        right, guessed, factors = _flat(labels, predictions, weights)
        total = metric_variable([num_classes, num_classes], float64, "total_confusion_matrix")
        batch = confusion_matrix(right, guessed, num_classes, float64, weights=_as_double(factors))
        update = assign_add(total, batch, name="update_op")
        return finished(_mean_iou(total.value()), update, metrics_collections, updates_collections)


def _as_double(weights: Tensor | None) -> Tensor | None:
    return None if weights is None else cast(weights, float64)


def _mean_iou(matrix: Tensor) -> Tensor:
    """The mean over the classes that occur at all."""
    either = cast(reduce_sum(matrix, 0) + reduce_sum(matrix, 1), float32)
    both = cast(diag_part(matrix), float32)
    unions = either - both
    occurs = reduce_sum(cast(greater(unions, 0.0), float32))
    unions = where(greater(unions, 0.0), unions, ones_like(unions))
    return safe_quotient(reduce_sum(both / unions), occurs, "mean_iou")


def mean_per_class_accuracy(
    labels: Any, predictions: Any, num_classes: int, weights: Any = None, metrics_collections: Collections = None,
    updates_collections: Collections = None, name: str | None = None,
) -> Metric:  # fmt: skip
    """The mean over classes of how often examples of the class were recognised; rare classes count as much as others.

    Args:
        labels: classes, of any shape.
        predictions: classes of the same shape.
        num_classes: how many classes there are.
        weights: as for `tf.metrics.mean`, like all that follow.
        metrics_collections: see there.
        updates_collections: see there.
        name: see there.

    Returns:
        A pair: the mean, a scalar; and `update_op`, which gives the new accuracy of each class (classes,).

    Example:
        >>> import labkit as tf
        >>> value, update_op = tf.metrics.mean_per_class_accuracy([0, 0, 0, 1], [0, 0, 0, 0], num_classes=2)
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     print(sess.run(update_op), sess.run(value))
        [1. 0.] 0.5
    """
    with metric_scope(name, "mean_accuracy"):
        right, guessed, factors = _flat(labels, predictions, weights)
        total, count = metric_variable([num_classes], name="total"), metric_variable([num_classes], name="count")
        each = cast(ones_like(right), float32)
        hits = cast(equal(guessed, right), float32)
        if factors is not None:
            each, hits = each * factors, hits * factors
        new_total = assign_add(total, unsorted_segment_sum(hits, right, num_classes))
        new_count = assign_add(count, unsorted_segment_sum(each, right, num_classes))
        accuracy = safe_quotient(total, count)
        value = reduce_sum(accuracy, name="mean_accuracy") / float(num_classes)
        update = safe_quotient(new_total, new_count, "update_op")
        return finished(value, update, metrics_collections, updates_collections)
