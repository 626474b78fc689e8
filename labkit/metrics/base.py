"""What the streaming metrics share: their variables, their weights, and where their two results are listed.

A metric keeps sums in local variables. `value` divides the sums as they are; `update_op` adds a batch to them first.
`finished` puts both where the caller asked for them.

Source: `tensorflow/python/ops/metrics_impl.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from labkit.dtypes import DTypeLike, float32
from labkit.errors import ShapeError
from labkit.graph import GraphKeys, Tensor, get_default_graph
from labkit.ops.array import expand_dims, squeeze
from labkit.ops.bases import BroadcastLike
from labkit.ops.filling import zeros, zeros_like
from labkit.ops.logic import greater
from labkit.ops.math import cast
from labkit.ops.selecting import where
from labkit.shapes import compatible, shape_text
from labkit.variable_scope import variable_scope
from labkit.variables import Variable

Collections = Sequence[str] | str | None
Metric = tuple[Any, Any]
"""What a metric returns: its value, and the operation that adds a batch to it and returns the new value."""


def metric_variable(shape: Sequence[int], dtype: DTypeLike = float32, name: str | None = None) -> Any:
    """A sum that a metric keeps: a local variable that starts at zero.

    Args:
        shape: its shape.
        dtype: its dtype.
        name: its name inside the metric's scope.
    """
    return Variable(
        lambda: zeros(list(shape), dtype), trainable=False, name=name,
        collections=[GraphKeys.LOCAL_VARIABLES, GraphKeys.METRIC_VARIABLES],
    )  # fmt: skip


@contextmanager
def metric_scope(name: str | None, default: str) -> Generator[None]:
    """The scope of a metric: `name`, or `default` made unique."""
    with variable_scope(name, default):
        yield


def finished(value: Any, update: Any, metrics_collections: Collections, updates_collections: Collections) -> Metric:
    """The pair that a metric returns, after adding each to its collections."""
    graph = get_default_graph()
    if metrics_collections:
        graph.add_to_collections(metrics_collections, value)
    if updates_collections:
        graph.add_to_collections(updates_collections, update)
    return value, update


def safe_quotient(numerator: Any, denominator: Any, name: str | None = None) -> Tensor:
    """The quotient, or 0 where nothing was counted yet."""
    graph = get_default_graph()
    over, under = graph.as_tensor(numerator), graph.as_tensor(denominator)
    return where(greater(under, zeros_like(under)), over / under, zeros_like(over), name=name)


def tensor(value: Any, name: str, dtype: Any = None) -> Tensor:
    """A value as a tensor of the default graph, cast if a dtype is given."""
    found = get_default_graph().as_tensor(value, None, name)
    return found if dtype is None or found.dtype is dtype else cast(found, dtype)


def squeezed(labels: Any, predictions: Any, weights: Any) -> tuple[Tensor, Tensor, Tensor | None]:
    """Labels, predictions and weights of one rank: a last axis of size 1 too many is dropped, as TensorFlow does.

    Raises:
        ShapeError: if the shapes of labels and predictions differ.
    """
    right, guessed = tensor(labels, "labels"), tensor(predictions, "predictions")
    if right.static_shape is not None and guessed.static_shape is not None:
        extra = len(guessed.static_shape) - len(right.static_shape)
        if extra == 1 and guessed.static_shape[-1] in (1, None):
            guessed = squeeze(guessed, [-1])
        elif extra == -1 and right.static_shape[-1] in (1, None):
            right = squeeze(right, [-1])
    if not compatible(right.static_shape, guessed.static_shape):
        raise ShapeError(
            f"labels have shape {shape_text(right.static_shape)}, predictions {shape_text(guessed.static_shape)}.",
            "tf.argmax(scores, 1) makes classes of scores; tf.reshape makes shapes equal.",
        )
    return right, guessed, None if weights is None else fitted(weights, guessed)


def fitted(weights: Any, values: Tensor) -> Tensor:
    """The weights with as many axes as the values, or none."""
    found = tensor(weights, "weights", float32)
    small, large = found.static_shape, values.static_shape
    if small is None or large is None or small == ():
        return found
    if len(small) == len(large) + 1 and small[-1] in (1, None):
        found = squeeze(found, [-1])
    elif len(small) == len(large) - 1:
        found = expand_dims(found, [-1])
    small = found.static_shape or ()
    if len(small) != len(large) or any(
        n not in (1, None, m) and m is not None for n, m in zip(small, large, strict=True)
    ):
        raise ShapeError(
            f"weights of shape {shape_text(small)} do not fit values of shape {shape_text(large)}.",
            "a scalar, or as many axes as the values have, each of the same size or 1.",
        )
    return found


def broadcast(weights: Tensor, values: Tensor) -> Tensor:
    """The weights in the shape of the values."""
    fit = fitted(weights, values)
    if fit.static_shape is not None and fit.static_shape == values.static_shape and None not in fit.static_shape:
        return fit
    return values.graph.apply(BroadcastLike(), (fit, values))
