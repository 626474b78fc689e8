"""Metrics of scores compared with thresholds: `auc`, and counts, precision and recall at each of several thresholds.

All compare every score with every threshold at once, a matrix (thresholds, scores), and keep four counts per
threshold; see `confusion_counts`.

Source: `tensorflow/python/ops/metrics_impl.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from labkit.dtypes import bool_, float32
from labkit.errors import LabkitError
from labkit.graph import Tensor, control_dependencies
from labkit.metrics.base import (
    Collections,
    Metric,
    broadcast,
    finished,
    metric_scope,
    metric_variable,
    squeezed,
)
from labkit.metrics.counts import hits_of
from labkit.ops.array import reshape
from labkit.ops.assertions import assert_greater_equal, assert_less_equal
from labkit.ops.logic import greater
from labkit.ops.math import cast
from labkit.ops.reduce import reduce_sum
from labkit.ops.source import constant
from labkit.ops.state import assign_add

COUNTS = ("true_positives", "false_negatives", "true_negatives", "false_positives")
TINY = 1e-7
SMALL = 1e-6


def confusion_counts(
    labels: Any, predictions: Any, thresholds: Sequence[float], weights: Any, which: Sequence[str] = COUNTS
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The counts so far and their updates, by name, each of shape (thresholds,).

    Args:
        labels: bools, or numbers of which 0 means no.
        predictions: scores from 0 to 1, of the same shape.
        thresholds: what a score must exceed to mean yes.
        weights: as for `tf.metrics.mean`.
        which: the counts that are wanted.
    """
    right, scores, factors = squeezed(labels, predictions, weights)
    scores = cast(scores, float32)
    inside = [
        assert_greater_equal(scores, 0.0, message="predictions must be in [0, 1]"),
        assert_less_equal(scores, 1.0, message="predictions must be in [0, 1]"),
    ]
    with control_dependencies(inside):
        yes = greater(reshape(scores, [1, -1]), reshape(constant(np.asarray(thresholds, np.float32)), [-1, 1]))
    truth = reshape(cast(right, bool_), [1, -1])
    each = None if factors is None else reshape(broadcast(factors, scores), [1, -1])
    values: dict[str, Tensor] = {}
    updates: dict[str, Tensor] = {}
    for name in which:
        hits = cast(hits_of(name, truth, yes), float32)
        if each is not None:
            hits = hits * each
        count = metric_variable([len(thresholds)], name=name)
        values[name], updates[name] = count.value(), assign_add(count, reduce_sum(hits, 1))
    return values, updates


def evenly(count: int, last: float = 1.0 + TINY) -> list[float]:
    """Thresholds from just below 0 to just above 1, or to `last`.

    Raises:
        LabkitError: if there are fewer than two.
    """
    if count < 2:
        raise LabkitError(f"num_thresholds must be 2 or more, not {count}.\n  Try: 200, the default.")
    return [-TINY, *((i + 1) / (count - 1) for i in range(count - 2)), last]


def auc(
    labels: Any, predictions: Any, weights: Any = None, num_thresholds: int = 200,
    metrics_collections: Collections = None, updates_collections: Collections = None, curve: str = "ROC",
    name: str | None = None, summation_method: str = "trapezoidal",
) -> Metric:  # fmt: skip
    """The area under a curve that compares scores with all thresholds; 1 is perfect, 0.5 for ROC is guessing.

    The curve is known at `num_thresholds` points, so the area is an approximation, best where scores are spread
    evenly over 0 to 1.

    Args:
        labels: bools, or numbers of which 0 means no.
        predictions: scores from 0 to 1, of the same shape.
        weights: as for `tf.metrics.mean`.
        num_thresholds: how many thresholds.
        metrics_collections: as for `tf.metrics.mean`.
        updates_collections: as for `tf.metrics.mean`.
        curve: "ROC" (true positive rate over false positive rate) or "PR" (precision over recall).
        name: name of the scope.
        summation_method: "trapezoidal", "minoring" (below the curve) or "majoring" (above it).

    Returns:
        A pair (value, update_op), both scalars.

    Raises:
        LabkitError: for another curve or summation.
        InvalidArgumentError: when the graph runs, if a score is not in 0 to 1.

    Example:
        >>> import labkit as tf
        >>> value, update_op = tf.metrics.auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     print(sess.run(update_op).round(4))
        0.75
    """
    if curve not in ("ROC", "PR"):
        raise LabkitError(f"there is no curve {curve!r}.\n  Try: 'ROC' or 'PR'.")
    if summation_method not in _SUMMATIONS:
        raise LabkitError(f"there is no summation {summation_method!r}.\n  Try: {', '.join(map(repr, _SUMMATIONS))}.")
    thresholds = evenly(num_thresholds)
    with metric_scope(name, "auc"):
        values, updates = confusion_counts(labels, predictions, thresholds, weights)
        return finished(
            _area(values, curve, summation_method, "value"), _area(updates, curve, summation_method, "update_op"),
            metrics_collections, updates_collections,
        )  # fmt: skip


def _between(pair: tuple[Tensor, Tensor]) -> Tensor:
    return (pair[0] + pair[1]) / 2.0


def _least(pair: tuple[Tensor, Tensor]) -> Tensor:
    return pair[0] - (pair[0] - pair[1]) * cast(greater(pair[0], pair[1]), float32)


def _most(pair: tuple[Tensor, Tensor]) -> Tensor:
    return pair[1] + (pair[0] - pair[1]) * cast(greater(pair[0], pair[1]), float32)


_SUMMATIONS: dict[str, Callable[[tuple[Tensor, Tensor]], Tensor]] = {
    "trapezoidal": _between,
    "minoring": _least,
    "majoring": _most,
}


def _area(counts: dict[str, Tensor], curve: str, summation: str, name: str) -> Tensor:
    """The sum of width times height between neighbouring thresholds."""
    hits, missed = counts["true_positives"], counts["false_negatives"]
    alarms, rejected = counts["false_positives"], counts["true_negatives"]
    found = (hits + SMALL) / (hits + missed + SMALL)
    if curve == "ROC":
        x, y = alarms / (alarms + rejected + SMALL), found
    else:
        x, y = found, (hits + SMALL) / (hits + alarms + SMALL)
    return reduce_sum((x[:-1] - x[1:]) * _SUMMATIONS[summation]((y[:-1], y[1:])), name=name)


def precision_at_thresholds(
    labels: Any, predictions: Any, thresholds: Sequence[float], weights: Any = None,
    metrics_collections: Collections = None, updates_collections: Collections = None, name: str | None = None,
) -> Metric:  # fmt: skip
    """Precision for each of several thresholds; a score above the threshold means yes.

    Args:
        labels: bools, or numbers of which 0 means no.
        predictions: scores from 0 to 1, of the same shape.
        thresholds: numbers from 0 to 1.
        weights: as for `tf.metrics.mean`, like all that follow.
        metrics_collections: see there.
        updates_collections: see there.
        name: see there.

    Returns:
        A pair (value, update_op) of shape (thresholds,).

    Example:
        >>> import labkit as tf
        >>> value, update_op = tf.metrics.precision_at_thresholds([0, 1, 1], [0.2, 0.3, 0.9], [0.1, 0.5])
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     print(sess.run(update_op).round(3))
        [0.667 1.   ]
    """
    return _ratio_at(
        "precision", "false_positives", labels, predictions, thresholds, weights, metrics_collections,
        updates_collections, name,
    )  # fmt: skip


def recall_at_thresholds(
    labels: Any, predictions: Any, thresholds: Sequence[float], weights: Any = None,
    metrics_collections: Collections = None, updates_collections: Collections = None, name: str | None = None,
) -> Metric:  # fmt: skip
    """Recall for each of several thresholds; a score above the threshold means yes.

    Args:
        labels: as for `tf.metrics.precision_at_thresholds`, like all that follow.
        predictions: see there.
        thresholds: see there.
        weights: see there.
        metrics_collections: see there.
        updates_collections: see there.
        name: see there.

    Returns:
        A pair (value, update_op) of shape (thresholds,).

    Example:
        >>> import labkit as tf
        >>> value, update_op = tf.metrics.recall_at_thresholds([0, 1, 1], [0.2, 0.3, 0.9], [0.1, 0.5])
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     print(sess.run(update_op).round(3))
        [1.  0.5]
    """
    return _ratio_at(
        "recall", "false_negatives", labels, predictions, thresholds, weights, metrics_collections,
        updates_collections, name,
    )  # fmt: skip


def _ratio_at(
    kind: str, other: str, labels: Any, predictions: Any, thresholds: Sequence[float], weights: Any,
    metrics_collections: Collections, updates_collections: Collections, name: str | None,
) -> Metric:  # fmt: skip
    """true positives / (true positives + another count), for each threshold."""
    with metric_scope(name, f"{kind}_at_thresholds"):
        counts = confusion_counts(labels, predictions, thresholds, weights, ("true_positives", other))
        value, update = (of["true_positives"] / (TINY + of["true_positives"] + of[other]) for of in counts)
        return finished(value, update, metrics_collections, updates_collections)


def _count_at(which: str, *arguments: Any) -> Metric:
    """One of the four counts, for each threshold."""
    labels, predictions, thresholds, weights, metrics_collections, updates_collections, name = arguments
    with metric_scope(name, which):
        values, updates = confusion_counts(labels, predictions, thresholds, weights, (which,))
        return finished(values[which], updates[which], metrics_collections, updates_collections)


def true_positives_at_thresholds(
    labels: Any, predictions: Any, thresholds: Sequence[float], weights: Any = None,
    metrics_collections: Collections = None, updates_collections: Collections = None, name: str | None = None,
) -> Metric:  # fmt: skip
    """How often a score above the threshold was right, for each threshold.

    Args:
        labels: as for `tf.metrics.precision_at_thresholds`, like all that follow.
        predictions: see there.
        thresholds: see there.
        weights: see there.
        metrics_collections: see there.
        updates_collections: see there.
        name: see there.

    Returns:
        A pair (value, update_op) of shape (thresholds,).

    Example:
        >>> import labkit as tf
        >>> value, update_op = tf.metrics.true_positives_at_thresholds([0, 1, 1], [0.2, 0.3, 0.9], [0.1, 0.5])
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     sess.run(update_op)
        array([2., 1.], dtype=float32)
    """
    return _count_at(
        "true_positives", labels, predictions, thresholds, weights, metrics_collections, updates_collections, name
    )


def true_negatives_at_thresholds(
    labels: Any, predictions: Any, thresholds: Sequence[float], weights: Any = None,
    metrics_collections: Collections = None, updates_collections: Collections = None, name: str | None = None,
) -> Metric:  # fmt: skip
    """How often a score not above the threshold was right, for each threshold.

    Args:
        labels: as for `tf.metrics.precision_at_thresholds`, like all that follow.
        predictions: see there.
        thresholds: see there.
        weights: see there.
        metrics_collections: see there.
        updates_collections: see there.
        name: see there.

    Returns:
        A pair (value, update_op) of shape (thresholds,).

    Example:
        >>> import labkit as tf
        >>> value, update_op = tf.metrics.true_negatives_at_thresholds([0, 1, 1], [0.2, 0.3, 0.9], [0.1, 0.5])
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     sess.run(update_op)
        array([0., 1.], dtype=float32)
    """
    return _count_at(
        "true_negatives", labels, predictions, thresholds, weights, metrics_collections, updates_collections, name
    )


def false_positives_at_thresholds(
    labels: Any, predictions: Any, thresholds: Sequence[float], weights: Any = None,
    metrics_collections: Collections = None, updates_collections: Collections = None, name: str | None = None,
) -> Metric:  # fmt: skip
    """How often a score above the threshold was wrong, for each threshold.

    Args:
        labels: as for `tf.metrics.precision_at_thresholds`, like all that follow.
        predictions: see there.
        thresholds: see there.
        weights: see there.
        metrics_collections: see there.
        updates_collections: see there.
        name: see there.

    Returns:
        A pair (value, update_op) of shape (thresholds,).

    Example:
        >>> import labkit as tf
        >>> value, update_op = tf.metrics.false_positives_at_thresholds([0, 1, 1], [0.2, 0.3, 0.9], [0.1, 0.5])
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     sess.run(update_op)
        array([1., 0.], dtype=float32)
    """
    return _count_at(
        "false_positives", labels, predictions, thresholds, weights, metrics_collections, updates_collections, name
    )


def false_negatives_at_thresholds(
    labels: Any, predictions: Any, thresholds: Sequence[float], weights: Any = None,
    metrics_collections: Collections = None, updates_collections: Collections = None, name: str | None = None,
) -> Metric:  # fmt: skip
    """How often a score not above the threshold was wrong, for each threshold.

    Args:
        labels: as for `tf.metrics.precision_at_thresholds`, like all that follow.
        predictions: see there.
        thresholds: see there.
        weights: see there.
        metrics_collections: see there.
        updates_collections: see there.
        name: see there.

    Returns:
        A pair (value, update_op) of shape (thresholds,).

    Example:
        >>> import labkit as tf
        >>> value, update_op = tf.metrics.false_negatives_at_thresholds([0, 1, 1], [0.2, 0.3, 0.9], [0.1, 0.5])
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     sess.run(update_op)
        array([0., 1.], dtype=float32)
    """
    return _count_at(
        "false_negatives", labels, predictions, thresholds, weights, metrics_collections, updates_collections, name
    )
