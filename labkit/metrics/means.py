"""Metrics that are means over all entries seen so far: `accuracy`, `mean`, the errors.

All end in `mean`, which keeps two sums: `total`, of the values times their weights, and `count`, of the weights.

Source: `tensorflow/python/ops/metrics_impl.py` (1.4).
"""

from __future__ import annotations

from typing import Any

from labkit.dtypes import float32
from labkit.errors import ShapeError
from labkit.graph import control_dependencies
from labkit.metrics.base import (
    Collections,
    Metric,
    broadcast,
    finished,
    fitted,
    metric_scope,
    metric_variable,
    safe_quotient,
    squeezed,
    tensor,
)
from labkit.ops.exponential import sqrt
from labkit.ops.filling import ones_like, zeros_like
from labkit.ops.logic import equal, less
from labkit.ops.magnitude import abs as absolute
from labkit.ops.math import cast, square
from labkit.ops.reduce import reduce_sum
from labkit.ops.selecting import where
from labkit.ops.shaping import size
from labkit.ops.state import assign_add
from labkit.shapes import is_static, shape_text


def mean(
    values: Any, weights: Any = None, metrics_collections: Collections = None, updates_collections: Collections = None,
    name: str | None = None,
) -> Metric:  # fmt: skip
    """The weighted mean of all values seen so far.

    Args:
        values: a tensor of any shape.
        weights: a scalar, or a tensor of the rank of `values` with each size equal or 1; None counts all equally.
        metrics_collections: collections to add the value to.
        updates_collections: collections to add the update operation to.
        name: name of the scope.

    Returns:
        A pair (value, update_op), both scalars: `value` is the mean so far; `update_op` adds this batch and gives
        the new mean. Run `tf.local_variables_initializer()` first.

    Raises:
        ShapeError: if the weights do not fit.

    Example:
        >>> import labkit as tf
        >>> x = tf.placeholder(tf.float32, [None])
        >>> value, update_op = tf.metrics.mean(x)
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     [float(sess.run(update_op, {x: batch})) for batch in ([1.0, 3.0], [8.0])], float(sess.run(value))
        ([2.0, 4.0], 4.0)
    """
    with metric_scope(name, "mean"):
        entries = tensor(values, "values", float32)
        total, count = metric_variable([], name="total"), metric_variable([], name="count")
        if weights is None:
            number = cast(size(entries), float32)
        else:
            factors = broadcast(fitted(weights, entries), entries)
            entries = entries * factors
            number = reduce_sum(factors)
        new_total = assign_add(total, reduce_sum(entries))
        with control_dependencies([entries]):
            new_count = assign_add(count, number)
        value = safe_quotient(total, count, "value")
        return finished(
            value, safe_quotient(new_total, new_count, "update_op"), metrics_collections, updates_collections
        )


def accuracy(
    labels: Any, predictions: Any, weights: Any = None, metrics_collections: Collections = None,
    updates_collections: Collections = None, name: str | None = None,
) -> Metric:  # fmt: skip
    """How often the predictions equal the labels.

    Args:
        labels: what is right, such as classes (batch,).
        predictions: of the same shape: classes, not scores (`tf.argmax(scores, 1)`).
        weights: as for `tf.metrics.mean`, like all that follow.
        metrics_collections: see there.
        updates_collections: see there.
        name: see there.

    Returns:
        A pair (value, update_op) as `tf.metrics.mean` gives it.

    Raises:
        ShapeError: if the shapes differ.

    Example:
        >>> import labkit as tf
        >>> value, update_op = tf.metrics.accuracy(labels=[1, 2, 3, 4], predictions=[1, 2, 0, 4])
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     float(sess.run(update_op))
        0.75
    """
    right, guessed, factors = squeezed(labels, predictions, weights)
    if right.dtype is not guessed.dtype:
        guessed = cast(guessed, right.dtype)
    correct = cast(equal(guessed, right), float32)
    return mean(correct, factors, metrics_collections, updates_collections, name or "accuracy")


def mean_absolute_error(
    labels: Any, predictions: Any, weights: Any = None, metrics_collections: Collections = None,
    updates_collections: Collections = None, name: str | None = None,
) -> Metric:  # fmt: skip
    """The mean of |predictions - labels|.

    Args:
        labels: what is right.
        predictions: of the same shape.
        weights: as for `tf.metrics.mean`, like all that follow.
        metrics_collections: see there.
        updates_collections: see there.
        name: see there.

    Returns:
        A pair (value, update_op) as `tf.metrics.mean` gives it.

    Example:
        >>> import labkit as tf
        >>> value, update_op = tf.metrics.mean_absolute_error([1.0, 2.0], [2.0, 5.0])
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     float(sess.run(update_op))
        2.0
    """
    right, guessed, factors = _floats(labels, predictions, weights)
    errors = absolute(guessed - right)
    return mean(errors, factors, metrics_collections, updates_collections, name or "mean_absolute_error")


def mean_squared_error(
    labels: Any, predictions: Any, weights: Any = None, metrics_collections: Collections = None,
    updates_collections: Collections = None, name: str | None = None,
) -> Metric:  # fmt: skip
    """The mean of (predictions - labels)².

    Args:
        labels: what is right.
        predictions: of the same shape.
        weights: as for `tf.metrics.mean`, like all that follow.
        metrics_collections: see there.
        updates_collections: see there.
        name: see there.

    Returns:
        A pair (value, update_op) as `tf.metrics.mean` gives it.

    Example:
        >>> import labkit as tf
        >>> value, update_op = tf.metrics.mean_squared_error([1.0, 2.0], [2.0, 5.0])
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     float(sess.run(update_op))
        5.0
    """
    right, guessed, factors = _floats(labels, predictions, weights)
    errors = square(right - guessed)
    return mean(errors, factors, metrics_collections, updates_collections, name or "mean_squared_error")


def root_mean_squared_error(
    labels: Any, predictions: Any, weights: Any = None, metrics_collections: Collections = None,
    updates_collections: Collections = None, name: str | None = None,
) -> Metric:  # fmt: skip
    """The square root of the mean of (predictions - labels)², in the unit of the labels.

    Args:
        labels: what is right.
        predictions: of the same shape.
        weights: as for `tf.metrics.mean`, like all that follow.
        metrics_collections: see there.
        updates_collections: see there.
        name: see there.

    Returns:
        A pair (value, update_op) as `tf.metrics.mean` gives it.

    Example:
        >>> import labkit as tf
        >>> value, update_op = tf.metrics.root_mean_squared_error([0.0, 0.0], [3.0, 3.0])
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     float(sess.run(update_op))
        3.0
    """
    value, update = mean_squared_error(labels, predictions, weights, None, None, name or "root_mean_squared_error")
    return finished(sqrt(value), sqrt(update), metrics_collections, updates_collections)


def mean_relative_error(
    labels: Any, predictions: Any, normalizer: Any, weights: Any = None, metrics_collections: Collections = None,
    updates_collections: Collections = None, name: str | None = None,
) -> Metric:  # fmt: skip
    """The mean of |labels - predictions| / normalizer, counting 0 where the normalizer is 0.

    Args:
        labels: what is right.
        predictions: of the same shape.
        normalizer: what to divide by, of the same shape.
        weights: as for `tf.metrics.mean`, like all that follow.
        metrics_collections: see there.
        updates_collections: see there.
        name: see there.

    Returns:
        A pair (value, update_op) as `tf.metrics.mean` gives it.

    Example:
        >>> import labkit as tf
        >>> value, update_op = tf.metrics.mean_relative_error([2.0, 5.0], [3.0, 4.0], normalizer=[2.0, 4.0])
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     float(sess.run(update_op))
        0.375
    """
    right, guessed, factors = _floats(labels, predictions, weights)
    guessed, unit, _ = squeezed(guessed, normalizer, None)
    errors = absolute(right - guessed)
    relative = where(equal(unit, 0.0), zeros_like(errors), errors / unit)
    return mean(relative, factors, metrics_collections, updates_collections, name or "mean_relative_error")


def mean_cosine_distance(
    labels: Any, predictions: Any, dim: int, weights: Any = None, metrics_collections: Collections = None,
    updates_collections: Collections = None, name: str | None = None,
) -> Metric:  # fmt: skip
    """1 - the mean of the sum of predictions * labels along one axis; both must have length 1 along it.

    Args:
        labels: unit vectors.
        predictions: unit vectors, of the same shape.
        dim: the axis of the vectors.
        weights: one per vector (size 1 along `dim`); as for `tf.metrics.mean`, like all that follow.
        metrics_collections: see there.
        updates_collections: see there.
        name: see there.

    Returns:
        A pair (value, update_op) as `tf.metrics.mean` gives it.

    Example:
        >>> import labkit as tf
        >>> value, update_op = tf.metrics.mean_cosine_distance([[1.0, 0.0]], [[0.0, 1.0]], dim=1)
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     float(sess.run(update_op))
        1.0
    """
    right, guessed, factors = _floats(labels, predictions, weights)
    cosines = reduce_sum(guessed * right, [dim], keep_dims=True)
    value, update = mean(cosines, factors, None, None, name or "mean_cosine_distance")
    return finished(1.0 - value, 1.0 - update, metrics_collections, updates_collections)


def percentage_below(
    values: Any, threshold: float, weights: Any = None, metrics_collections: Collections = None,
    updates_collections: Collections = None, name: str | None = None,
) -> Metric:  # fmt: skip
    """The part of the values, from 0 to 1, that lies below a threshold.

    Args:
        values: a tensor.
        threshold: a number.
        weights: as for `tf.metrics.mean`, like all that follow.
        metrics_collections: see there.
        updates_collections: see there.
        name: see there.

    Returns:
        A pair (value, update_op) as `tf.metrics.mean` gives it.

    Example:
        >>> import labkit as tf
        >>> value, update_op = tf.metrics.percentage_below([1.0, 2.0, 3.0, 4.0], 3.5)
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     float(sess.run(update_op))
        0.75
    """
    below = cast(less(tensor(values, "values"), threshold), float32)
    return mean(below, weights, metrics_collections, updates_collections, name or "percentage_below_threshold")


def mean_tensor(
    values: Any, weights: Any = None, metrics_collections: Collections = None, updates_collections: Collections = None,
    name: str | None = None,
) -> Metric:  # fmt: skip
    """The weighted mean of tensors of one shape, entry by entry.

    Args:
        values: a tensor of a fully known shape.
        weights: as for `tf.metrics.mean`, like all that follow.
        metrics_collections: see there.
        updates_collections: see there.
        name: see there.

    Returns:
        A pair (value, update_op) of tensors like `values`.

    Raises:
        ShapeError: if the shape of `values` is not fully known.

    Example:
        >>> import labkit as tf
        >>> x = tf.placeholder(tf.float32, [2])
        >>> value, update_op = tf.metrics.mean_tensor(x)
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     for batch in ([1.0, 2.0], [3.0, 6.0]):
        ...         sums = sess.run(update_op, {x: batch})
        ...     sums
        array([2., 4.], dtype=float32)
    """
    with metric_scope(name, "mean"):
        entries = tensor(values, "values", float32)
        sizes = entries.static_shape
        if sizes is None or not is_static(sizes):
            raise ShapeError(
                f"mean_tensor keeps a sum of the shape of its values, which must be known: {shape_text(sizes)}.",
                "values.set_shape(...); tf.metrics.mean takes values of any shape.",
            )
        shape = [int(n or 0) for n in sizes]
        total, count = metric_variable(shape, name="total_tensor"), metric_variable(shape, name="count_tensor")
        number = ones_like(entries)
        if weights is not None:
            number = number * fitted(weights, entries)
            entries = entries * number
        new_total = assign_add(total, entries)
        with control_dependencies([entries]):
            new_count = assign_add(count, number)
        value = safe_quotient(total, count, "value")
        return finished(
            value, safe_quotient(new_total, new_count, "update_op"), metrics_collections, updates_collections
        )


def _floats(labels: Any, predictions: Any, weights: Any) -> Any:
    """Labels and predictions of one floating-point dtype and shape, and their weights."""
    right, guessed, factors = squeezed(labels, predictions, weights)
    if not guessed.dtype.is_floating:
        guessed = cast(guessed, float32)
    return (right if right.dtype is guessed.dtype else cast(right, guessed.dtype)), guessed, factors
