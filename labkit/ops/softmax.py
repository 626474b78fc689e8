"""`tf.nn.softmax` and `tf.nn.log_softmax`: scores become a distribution, or its logarithms.

Both subtract the largest score first, which changes nothing in the result and keeps the exponentials finite.

Source: signatures and behaviour of `tensorflow/python/ops/nn_ops.py` (1.4).
"""

from __future__ import annotations

from typing import Any

import jax

from labkit.errors import ShapeError
from labkit.graph import Op, Operation, Spec, Tensor, apply, op
from labkit.ops.bases import FLOATS, Array
from labkit.ops.exponential import exp
from labkit.ops.reduce import reduce_sum
from labkit.shapes import normalize_axis


class Normalizing(Op):
    """Base of the softmaxes: the entries along one axis become a distribution, or its logarithms."""

    axis: int

    args = ("logits",)
    allowed = FLOATS

    def infer(self, x: Spec) -> Spec:
        if x.shape == ():
            raise ShapeError("a softmax needs an axis to normalize over, and the logits are a scalar.")
        if x.shape is not None:
            normalize_axis(self.axis, len(x.shape))
        return Spec(x.dtype, x.shape)


@op
class Softmax(Normalizing):
    """exp(x) divided by its sum along an axis."""

    axis: int = -1

    def kernel(self, x: Array) -> Array:
        return jax.nn.softmax(x, self.axis)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        y = node.outputs[0]
        return (grad - reduce_sum(grad * y, self.axis, keep_dims=True)) * y


@op
class LogSoftmax(Normalizing):
    """x minus the logarithm of the sum of exp(x) along an axis."""

    axis: int = -1

    def kernel(self, x: Array) -> Array:
        return jax.nn.log_softmax(x, self.axis)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        return grad - reduce_sum(grad, self.axis, keep_dims=True) * exp(node.outputs[0])


def softmax(logits: Any, dim: int = -1, name: str | None = None, axis: int | None = None) -> Tensor:
    """Turns scores into probabilities: exp(x), divided by its sum along an axis.

    Args:
        logits: a floating-point tensor (..., classes).
        dim: the axis of the classes.
        name: name of the node.
        axis: the newer name of `dim`.

    Returns:
        A tensor of the same shape; along the axis, entries are between 0 and 1 and sum to 1.

    Gradient: (grad - sum(grad * y)) * y, with y the result.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.nn.softmax([[1.0, 1.0], [0.0, 1000.0]]))
        array([[0.5, 0.5],
               [0. , 1. ]], dtype=float32)
    """
    return apply(Softmax(dim if axis is None else axis), logits, name=name)


def log_softmax(logits: Any, dim: int = -1, name: str | None = None, axis: int | None = None) -> Tensor:
    """The logarithm of the softmax, computed without ever taking the logarithm of 0.

    Args:
        logits: a floating-point tensor (..., classes).
        dim: the axis of the classes.
        name: name of the node.
        axis: the newer name of `dim`.

    Returns:
        A tensor of the same shape.

    Gradient: grad - sum(grad) * softmax(x).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.nn.log_softmax([0.0, 1000.0]))
        array([-1000.,     0.], dtype=float32)
    """
    return apply(LogSoftmax(dim if axis is None else axis), logits, name=name)
