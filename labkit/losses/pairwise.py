"""`mean_pairwise_squared_error`: compares differences between entries, so that a shift of all of them costs nothing.

Source: `tensorflow/python/ops/losses/losses_impl.py`.
"""

from __future__ import annotations

from typing import Any

from labkit.errors import ShapeError
from labkit.graph import GraphKeys, Tensor, graph_of
from labkit.losses.collection import add_loss
from labkit.losses.reduction import floating
from labkit.ops.array import reshape
from labkit.ops.bases import BroadcastLike
from labkit.ops.filling import ones_like, zeros_like
from labkit.ops.logic import greater, not_equal
from labkit.ops.magnitude import maximum
from labkit.ops.math import cast, square
from labkit.ops.reduce import reduce_sum
from labkit.ops.selecting import where
from labkit.shapes import compatible, shape_text


def mean_pairwise_squared_error(
    labels: Any, predictions: Any, weights: Any = 1.0, scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES,
) -> Tensor:  # fmt: skip
    """For each example the mean over pairs of entries of ((p_i - p_j) - (l_i - l_j))², summed over the examples.

    TensorFlow 1.4 divided by the square of the number of entries; labkit divides by the number of pairs, as its
    documentation says and later versions do.

    Args:
        labels: what is right, of the shape of the predictions.
        predictions: a tensor (batch, ...).
        weights: a scalar, or one per example; zero masks an example.
        scope: name of the scope.
        loss_collection: the collection to add the result to; None for none.

    Returns:
        A scalar.

    Raises:
        ShapeError: if the shapes differ, or are unknown in rank.

    Example:
        >>> import labkit as tf
        >>> loss = tf.losses.mean_pairwise_squared_error([[1.0, 2.0, 3.0]], [[11.0, 12.0, 14.0]])
        >>> round(float(tf.Session().run(loss)), 4)
        0.6667
    """
    graph = graph_of([predictions, labels])
    with graph.name_scope(scope or "mean_pairwise_squared_error"):
        found = floating(graph, predictions, "predictions")
        wanted = graph.as_tensor(labels, None, "labels")
        wanted = wanted if wanted.dtype is found.dtype else cast(wanted, found.dtype)
        if not compatible(found.static_shape, wanted.static_shape) or not found.static_shape:
            raise ShapeError(
                f"labels have shape {shape_text(wanted.static_shape)}, predictions {shape_text(found.static_shape)}.",
                "one shape (batch, ...) for both.",
            )
        factors = graph.as_tensor(weights, None, "weights")
        factors = factors if factors.dtype is found.dtype else cast(factors, found.dtype)
        rank = len(found.static_shape)
        if factors.static_shape is not None and 0 < len(factors.static_shape) < rank:
            factors = reshape(factors, [-1, *[1] * (rank - 1)])
        differences = found - wanted
        every = graph.apply(BroadcastLike(), (factors, differences))
        inner = list(range(1, rank))
        present = reduce_sum(cast(not_equal(every, zeros_like(every)), found.dtype), inner, keep_dims=True)
        squares = _quotient(reduce_sum(square(differences), inner, keep_dims=True), maximum(present - 1.0, 0.0))
        means = _quotient(square(reduce_sum(differences, inner, keep_dims=True)), present * (present - 1.0))
        loss = reduce_sum((2.0 * squares - 2.0 * means) * factors)
        value = where(greater(reduce_sum(present), 0.0), loss, zeros_like(loss), name="value")
        add_loss(value, loss_collection)
        return value


def _quotient(numerator: Tensor, denominator: Tensor) -> Tensor:
    """The quotient, or 0 where the denominator is not positive."""
    positive = greater(denominator, 0.0)
    return where(positive, numerator / where(positive, denominator, ones_like(denominator)), zeros_like(numerator))
