"""From a loss per entry to one number: weights, and the ways to reduce.

Every loss function ends here, in `compute_weighted_loss`.

Source: `tensorflow/python/ops/losses/losses_impl.py` (1.4).
"""

from __future__ import annotations

from typing import Any

from labkit.dtypes import float32
from labkit.errors import ShapeError
from labkit.graph import Graph, GraphKeys, Tensor, get_default_graph, graph_of
from labkit.losses.collection import add_loss
from labkit.ops.bases import BroadcastLike
from labkit.ops.filling import ones_like, zeros_like
from labkit.ops.logic import equal, greater
from labkit.ops.math import cast, multiply
from labkit.ops.reduce import reduce_sum
from labkit.ops.selecting import where
from labkit.shapes import shape_text


class Reduction:
    """How the weighted losses of the entries become one number.

    Example:
        >>> import labkit as tf
        >>> loss = tf.losses.absolute_difference([0.0, 0.0], [1.0, 5.0], reduction=tf.losses.Reduction.SUM)
        >>> float(tf.Session().run(loss))
        6.0
    """

    NONE = "none"
    SUM = "weighted_sum"
    MEAN = "weighted_mean"
    SUM_OVER_BATCH_SIZE = "weighted_sum_over_batch_size"
    SUM_BY_NONZERO_WEIGHTS = "weighted_sum_by_nonzero_weights"
    SUM_OVER_NONZERO_WEIGHTS = SUM_BY_NONZERO_WEIGHTS

    @classmethod
    def all(cls) -> tuple[str, ...]:
        """The names of all reductions."""
        return cls.NONE, cls.SUM, cls.MEAN, cls.SUM_OVER_BATCH_SIZE, cls.SUM_BY_NONZERO_WEIGHTS

    @classmethod
    def validate(cls, key: str) -> None:
        """Raises a `ValueError` if there is no such reduction."""
        if key not in cls.all():
            raise ValueError(f"there is no reduction {key!r}; there are {', '.join(cls.all())}.")


def floating(graph: Graph, value: Any, name: str) -> Tensor:
    """A value as a floating-point tensor."""
    tensor = graph.as_tensor(value, None, name)
    return tensor if tensor.dtype.is_floating else cast(tensor, float32)


def compute_weighted_loss(
    losses: Any, weights: Any = 1.0, scope: str | None = None, loss_collection: str | None = GraphKeys.LOSSES,
    reduction: str = Reduction.SUM_BY_NONZERO_WEIGHTS,
) -> Tensor:  # fmt: skip
    """Weights the losses of the entries, and reduces them.

    Args:
        losses: a tensor.
        weights: a scalar, or a tensor of the rank of `losses` with each size equal or 1. Zero masks an entry.
        scope: name of the scope.
        loss_collection: the collection to add the result to; None for none.
        reduction: a `tf.losses.Reduction`.

    Returns:
        A scalar; a tensor like `losses` for `Reduction.NONE`.

    Raises:
        ShapeError: if the weights do not fit.

    Example:
        >>> import labkit as tf
        >>> float(tf.Session().run(tf.losses.compute_weighted_loss([1.0, 2.0, 6.0], [1.0, 1.0, 0.0])))
        1.5
    """
    Reduction.validate(reduction)
    graph = graph_of([losses, weights])
    with graph.name_scope(scope or "weighted_loss"):
        each = graph.as_tensor(losses, None, "losses")
        dtype = each.dtype
        each = floating(graph, each, "losses")
        factors = graph.as_tensor(weights, None, "weights")
        if factors.dtype is not each.dtype:
            factors = cast(factors, each.dtype)
        _check_weights(factors, each)
        weighted = multiply(each, factors)
        if reduction == Reduction.NONE:
            result = weighted
        else:
            result = reduce_sum(weighted)
            if reduction == Reduction.MEAN:
                result = _safe_quotient(result, reduce_sum(ones_like(each) * factors))
            elif reduction == Reduction.SUM_BY_NONZERO_WEIGHTS:
                result = _safe_quotient(result, _number_present(each, factors))
            elif reduction == Reduction.SUM_OVER_BATCH_SIZE:
                result = _safe_quotient(result, reduce_sum(ones_like(each)))
        if result.dtype is not dtype:
            result = cast(result, dtype)
        add_loss(result, loss_collection)
        return result


def _check_weights(weights: Tensor, losses: Tensor) -> None:
    small, large = weights.static_shape, losses.static_shape
    if small is None or large is None or small == ():
        return
    fits = len(small) == len(large) and all(w in (1, None) or n in (w, None) for w, n in zip(small, large, strict=True))
    if not fits:
        raise ShapeError(
            f"weights of shape {shape_text(small)} do not fit losses of shape {shape_text(large)}.",
            "a scalar, or as many axes as the losses have, each of the same size or 1.",
        )


def _safe_quotient(numerator: Tensor, denominator: Tensor) -> Tensor:
    """The quotient, or 0 where the denominator is 0."""
    divisor = where(equal(denominator, 0.0), ones_like(denominator), denominator)
    return where(greater(denominator, 0.0), numerator / divisor, zeros_like(numerator), name="value")


def _number_present(losses: Tensor, weights: Tensor) -> Tensor:
    """How many entries have a weight that is not zero."""
    graph = losses.graph if not get_default_graph().captures_inputs else get_default_graph()
    with graph.name_scope("num_present"):
        present = where(equal(weights, 0.0), zeros_like(weights), ones_like(weights))
        return reduce_sum(graph.apply(BroadcastLike(), (present, losses)))
