"""Losses of each entry on its own: `tf.nn.sigmoid_cross_entropy_with_logits` and its kin, and `tf.nn.l2_loss`.

Composed of arithmetic that has its gradients already, in the forms that neither overflow nor lose digits.

Source: signatures, formulas and node names of `tensorflow/python/ops/nn_impl.py` (1.4).
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from labkit.errors import ShapeError
from labkit.graph import Op, Operation, Spec, Tensor, apply, graph_of, is_tensor_like, op
from labkit.ops.activations import relu
from labkit.ops.array import zeros_like
from labkit.ops.bases import FLOATS, Array
from labkit.ops.cross_entropy import both_by_name
from labkit.ops.exponential import exp, log, log1p
from labkit.ops.logic import logical_and
from labkit.ops.magnitude import abs as absolute
from labkit.ops.math import add
from labkit.ops.selecting import where
from labkit.shapes import compatible, shape_text


@op
class L2Loss(Op):
    """Half the sum of the squares."""

    args = ("t",)
    allowed = FLOATS

    def infer(self, t: Spec) -> Spec:
        return Spec(t.dtype, ())

    def kernel(self, t: Array) -> Array:
        return jnp.sum(t * t, dtype=t.dtype) / 2

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        return node.inputs[0] * grad


def l2_loss(t: Any, name: str | None = None) -> Tensor:
    """Half the sum of the squares of all entries: the usual penalty on large weights.

    Args:
        t: a floating-point tensor.
        name: name of the node.

    Returns:
        A scalar.

    Gradient: t * grad.

    Example:
        >>> import labkit as tf
        >>> float(tf.Session().run(tf.nn.l2_loss([3.0, 4.0])))
        12.5
    """
    return apply(L2Loss(), t, name=name)


def sigmoid_cross_entropy_with_logits(
    _sentinel: Any = None, labels: Any = None, logits: Any = None, name: str | None = None
) -> Tensor:
    """The loss of independent yes-or-no questions: -label log(sigmoid(x)) - (1 - label) log(1 - sigmoid(x)).

    Computed as max(x, 0) - x * label + log(1 + exp(-|x|)), which never overflows.

    Args:
        _sentinel: not to be used: give labels and logits by name.
        labels: probabilities, of the shape and dtype of `logits`.
        logits: scores, before any sigmoid.
        name: name of the nodes' scope.

    Returns:
        A loss per entry, in nats, of the same shape.

    Raises:
        ShapeError: if the shapes differ.

    Gradient: to logits, (sigmoid(logits) - labels) * grad.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.nn.sigmoid_cross_entropy_with_logits(labels=[1.0, 1.0], logits=[0.0, 200.0]))
        array([0.6931472, 0.       ], dtype=float32)
    """
    both_by_name("tf.nn.sigmoid_cross_entropy_with_logits", _sentinel, labels, logits)
    graph = graph_of([logits, labels])
    with graph.name_scope(name or "logistic_loss") as scope:
        x = graph.as_tensor(logits, None, "logits")
        z = graph.as_tensor(labels, None if is_tensor_like(labels) else x.dtype, "labels")
        _same_shape(x, z, "labels")
        zeros = zeros_like(x)
        positive = x >= zeros
        rectified = where(positive, x, zeros)
        minus_abs = where(positive, -x, x)
        return add(rectified - x * z, log1p(exp(minus_abs)), name=scope)


def weighted_cross_entropy_with_logits(targets: Any, logits: Any, pos_weight: Any, name: str | None = None) -> Tensor:
    """`sigmoid_cross_entropy_with_logits` in which the yes-answers weigh `pos_weight` times as much.

    Args:
        targets: probabilities, of the shape and dtype of `logits`.
        logits: scores, before any sigmoid.
        pos_weight: above 1 trades precision for recall; below 1 the reverse.
        name: name of the nodes' scope.

    Returns:
        A loss per entry, in nats, of the same shape.

    Raises:
        ShapeError: if the shapes differ.

    Gradient: that of its parts.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.nn.weighted_cross_entropy_with_logits([1.0, 0.0], [0.0, 0.0], 2.0))
        array([1.3862944, 0.6931472], dtype=float32)
    """
    graph = graph_of([logits, targets])
    with graph.name_scope(name or "logistic_loss") as scope:
        x = graph.as_tensor(logits, None, "logits")
        z = graph.as_tensor(targets, None if is_tensor_like(targets) else x.dtype, "targets")
        _same_shape(x, z, "targets")
        weight = 1 + (graph.as_tensor(pos_weight, x.dtype, "pos_weight") - 1) * z
        tail = log1p(exp(-absolute(x))) + relu(-x)
        return add((1 - z) * x, weight * tail, name=scope)


def _same_shape(logits: Tensor, labels: Tensor, what: str) -> None:
    if not compatible(logits.static_shape, labels.static_shape):
        raise ShapeError(
            f"logits and {what} must have one shape, and have {shape_text(logits.static_shape)} and "
            f"{shape_text(labels.static_shape)}."
        )


def log_poisson_loss(targets: Any, log_input: Any, compute_full_loss: bool = False, name: str | None = None) -> Tensor:
    """The loss of a prediction of counts: exp(c) - z * c, with c the logarithm of the predicted mean.

    Args:
        targets: counts z.
        log_input: c, of the same shape and dtype.
        compute_full_loss: True adds Stirling's approximation of log(z!), a constant.
        name: name of the nodes' scope.

    Returns:
        A loss per entry, of the same shape.

    Raises:
        ShapeError: if the shapes differ.

    Gradient: to log_input, (exp(c) - z) * grad.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.nn.log_poisson_loss([2.0], [0.0]))
        array([1.], dtype=float32)
    """
    graph = graph_of([log_input, targets])
    with graph.name_scope(name or "log_poisson_loss"):
        c = graph.as_tensor(log_input, None, "log_input")
        z = graph.as_tensor(targets, None if is_tensor_like(targets) else c.dtype, "targets")
        _same_shape(c, z, "targets")
        result = exp(c) - c * z
        if compute_full_loss:
            stirling = z * log(z) - z + 0.5 * log(z * (2.0 * np.pi))
            zeros = zeros_like(z)
            small = logical_and(z >= zeros, z <= zeros + 1)
            result += where(small, zeros, stirling)
        return result
