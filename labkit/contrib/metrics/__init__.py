"""`tf.contrib.metrics`: the streaming metrics of `tf.metrics` with predictions before labels.

Each `streaming_` metric keeps local variables and returns a pair (value, update_op); see `labkit/metrics/`.

Example:
    >>> import labkit as tf
    >>> value, update_op = tf.contrib.metrics.streaming_accuracy(predictions=[1, 2, 0, 4], labels=[1, 2, 3, 4])
    >>> with tf.Session() as sess:
    ...     sess.run(tf.local_variables_initializer())
    ...     float(sess.run(update_op))
    0.75

"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labkit import metrics
from labkit.dtypes import bool_, float32
from labkit.graph import Tensor, get_default_graph
from labkit.metrics.base import Metric
from labkit.missing import namespace
from labkit.ops.logic import equal
from labkit.ops.math import cast
from labkit.ops.reduce import reduce_mean
from labkit.ops.segment import confusion_matrix

__all__ = [
    "accuracy", "aggregate_metric_map", "aggregate_metrics", "confusion_matrix", "streaming_accuracy",
    "streaming_auc", "streaming_false_negatives", "streaming_false_positives", "streaming_mean",
    "streaming_mean_absolute_error", "streaming_mean_cosine_distance", "streaming_mean_iou",
    "streaming_mean_relative_error", "streaming_mean_squared_error", "streaming_mean_tensor",
    "streaming_percentage_less", "streaming_precision", "streaming_precision_at_thresholds", "streaming_recall",
    "streaming_recall_at_thresholds", "streaming_root_mean_squared_error", "streaming_sensitivity_at_specificity",
    "streaming_sparse_average_precision_at_k", "streaming_sparse_precision_at_k", "streaming_sparse_recall_at_k",
    "streaming_specificity_at_sensitivity", "streaming_true_negatives", "streaming_true_positives",
]  # fmt: skip


def _swapped(metric: Callable[..., Metric]) -> Callable[..., Metric]:
    """A metric of `tf.metrics` whose first two arguments change places, under contrib's name."""

    def swapped(predictions: Any, labels: Any, *args: Any, **kwargs: Any) -> Metric:
        return metric(labels, predictions, *args, **kwargs)

    swapped.__name__ = swapped.__qualname__ = f"streaming_{metric.__name__}"
    swapped.__doc__ = f"`tf.metrics.{metric.__name__}` with the predictions first; see there for the other arguments."
    return swapped


streaming_accuracy = _swapped(metrics.accuracy)
streaming_auc = _swapped(metrics.auc)
streaming_false_negatives = _swapped(metrics.false_negatives)
streaming_false_positives = _swapped(metrics.false_positives)
streaming_mean_absolute_error = _swapped(metrics.mean_absolute_error)
streaming_mean_cosine_distance = _swapped(metrics.mean_cosine_distance)
streaming_mean_iou = _swapped(metrics.mean_iou)
streaming_mean_squared_error = _swapped(metrics.mean_squared_error)
streaming_precision = _swapped(metrics.precision)
streaming_precision_at_thresholds = _swapped(metrics.precision_at_thresholds)
streaming_recall = _swapped(metrics.recall)
streaming_recall_at_thresholds = _swapped(metrics.recall_at_thresholds)
streaming_root_mean_squared_error = _swapped(metrics.root_mean_squared_error)
streaming_sensitivity_at_specificity = _swapped(metrics.sensitivity_at_specificity)
streaming_specificity_at_sensitivity = _swapped(metrics.specificity_at_sensitivity)
streaming_true_negatives = _swapped(metrics.true_negatives)
streaming_true_positives = _swapped(metrics.true_positives)
streaming_sparse_recall_at_k = _swapped(metrics.recall_at_k)
streaming_sparse_precision_at_k = _swapped(metrics.precision_at_k)
streaming_sparse_average_precision_at_k = _swapped(metrics.sparse_average_precision_at_k)
streaming_mean = metrics.mean
streaming_mean_tensor = metrics.mean_tensor
streaming_percentage_less = metrics.percentage_below


def streaming_mean_relative_error(predictions: Any, labels: Any, normalizer: Any, *args: Any, **kwargs: Any) -> Metric:
    """`tf.metrics.mean_relative_error` with the predictions first; see there for the other arguments."""
    return metrics.mean_relative_error(labels, predictions, normalizer, *args, **kwargs)


def accuracy(predictions: Any, labels: Any, weights: Any = None, name: str | None = None) -> Tensor:
    """How often the predictions equal the labels in this batch; keeps nothing.

    Args:
        predictions: classes (batch,).
        labels: classes of the same shape.
        weights: one per example, or None.
        name: name of the scope.

    Returns:
        A float32 scalar.

    Raises:
        ValueError: if the dtypes differ, or are not integers, bools or strings.

    Example:
        >>> import labkit as tf
        >>> float(tf.Session().run(tf.contrib.metrics.accuracy([1, 2], [1, 3])))
        0.5
    """
    graph = get_default_graph()
    with graph.name_scope(name or "accuracy"):
        guessed, right = graph.as_tensor(predictions), graph.as_tensor(labels)
        fit = guessed.dtype.is_integer or guessed.dtype is bool_ or guessed.dtype.name == "string"
        if not fit or guessed.dtype is not right.dtype:
            raise ValueError(
                f"accuracy compares classes of one dtype, not {guessed.dtype.name} and {right.dtype.name}.\n"
                "  Try: tf.argmax(scores, 1) and labels of int64."
            )
        correct = cast(equal(guessed, right), float32)
        if weights is None:
            return reduce_mean(correct)
        factors = graph.as_tensor(weights, float32)
        return reduce_mean(correct * factors) / reduce_mean(factors)


def aggregate_metrics(*value_update_tuples: Metric) -> tuple[list[Any], list[Any]]:
    """Pairs (value, update_op) as two lists.

    Args:
        *value_update_tuples: what metrics returned.

    Raises:
        ValueError: if there are none.

    Example:
        >>> import labkit as tf
        >>> values, updates = tf.contrib.metrics.aggregate_metrics(tf.metrics.mean([1.0]), tf.metrics.mean([2.0]))
        >>> len(values), len(updates)
        (2, 2)
    """
    if not value_update_tuples:
        raise ValueError("aggregate_metrics needs at least one pair (value, update_op).")
    return [value for value, _ in value_update_tuples], [update for _, update in value_update_tuples]


def aggregate_metric_map(names_to_tuples: Mapping[str, Sequence[Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Named pairs (value, update_op) as two dictionaries.

    Args:
        names_to_tuples: what metrics returned, by name.

    Example:
        >>> import labkit as tf
        >>> values, updates = tf.contrib.metrics.aggregate_metric_map({"loss": tf.metrics.mean([1.0])})
        >>> list(values) == list(updates) == ["loss"]
        True
    """
    values = {name: pair[0] for name, pair in names_to_tuples.items()}
    return values, {name: pair[1] for name, pair in names_to_tuples.items()}


__getattr__ = namespace(__name__, __all__)
