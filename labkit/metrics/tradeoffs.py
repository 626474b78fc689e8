"""Metrics at one point of the curve: `sensitivity_at_specificity` and `specificity_at_sensitivity`.

Source: `tensorflow/python/ops/metrics_impl.py` (1.4).
"""

from __future__ import annotations

from typing import Any

from labkit.errors import LabkitError
from labkit.graph import Tensor
from labkit.metrics.base import Collections, Metric, finished, metric_scope
from labkit.metrics.thresholds import TINY, confusion_counts, evenly
from labkit.ops.along_axis import argmin
from labkit.ops.gathering import gather
from labkit.ops.magnitude import abs as absolute


def _rate(part: Tensor, rest: Tensor) -> Tensor:
    return part / (part + rest + TINY)


def sensitivity_at_specificity(
    labels: Any, predictions: Any, specificity: float, weights: Any = None, num_thresholds: int = 200,
    metrics_collections: Collections = None, updates_collections: Collections = None, name: str | None = None,
) -> Metric:  # fmt: skip
    """The part of the yes that is found (recall) at the threshold where this part of the no is recognised.

    Args:
        labels: bools, or numbers of which 0 means no.
        predictions: scores from 0 to 1, of the same shape.
        specificity: true negatives / (true negatives + false positives), from 0 to 1.
        weights: as for `tf.metrics.mean`, like all that is not named here.
        num_thresholds: how many thresholds are tried.
        metrics_collections: see there.
        updates_collections: see there.
        name: see there.

    Returns:
        A pair (value, update_op), both scalars.

    Raises:
        LabkitError: if `specificity` is not in 0 to 1.

    Example:
        >>> import labkit as tf
        >>> value, update_op = tf.metrics.sensitivity_at_specificity([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], 1.0)
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     print(sess.run(update_op).round(3))
        0.5
    """
    if not 0 <= specificity <= 1:
        raise LabkitError(f"specificity must be in [0, 1], not {specificity}.")

    def at(counts: dict[str, Tensor]) -> Tensor:
        rates = _rate(counts["true_negatives"], counts["false_positives"])
        place = argmin(absolute(rates - specificity), 0)
        return _rate(gather(counts["true_positives"], place), gather(counts["false_negatives"], place))

    with metric_scope(name, "sensitivity_at_specificity"):
        values, updates = confusion_counts(labels, predictions, evenly(num_thresholds), weights)
        return finished(at(values), at(updates), metrics_collections, updates_collections)


def specificity_at_sensitivity(
    labels: Any, predictions: Any, sensitivity: float, weights: Any = None, num_thresholds: int = 200,
    metrics_collections: Collections = None, updates_collections: Collections = None, name: str | None = None,
) -> Metric:  # fmt: skip
    """The part of the no that is recognised at the threshold where this part of the yes is found.

    Args:
        labels: bools, or numbers of which 0 means no.
        predictions: scores from 0 to 1, of the same shape.
        sensitivity: true positives / (true positives + false negatives), from 0 to 1.
        weights: as for `tf.metrics.mean`, like all that is not named here.
        num_thresholds: how many thresholds are tried.
        metrics_collections: see there.
        updates_collections: see there.
        name: see there.

    Returns:
        A pair (value, update_op), both scalars.

    Raises:
        LabkitError: if `sensitivity` is not in 0 to 1.

    Example:
        >>> import labkit as tf
        >>> value, update_op = tf.metrics.specificity_at_sensitivity([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], 1.0)
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     print(sess.run(update_op).round(3))
        0.5
    """
    if not 0 <= sensitivity <= 1:
        raise LabkitError(f"sensitivity must be in [0, 1], not {sensitivity}.")

    def at(counts: dict[str, Tensor]) -> Tensor:
        rates = _rate(counts["true_positives"], counts["false_negatives"])
        # Of all thresholds equally near, the last: the highest recognises most of the no.
        place = (num_thresholds - 1) - argmin(absolute(rates - sensitivity)[::-1], 0)
        return _rate(gather(counts["true_negatives"], place), gather(counts["false_positives"], place))

    with metric_scope(name, "specificity_at_sensitivity"):
        values, updates = confusion_counts(labels, predictions, evenly(num_thresholds, 1.0 - TINY), weights)
        return finished(at(values), at(updates), metrics_collections, updates_collections)
