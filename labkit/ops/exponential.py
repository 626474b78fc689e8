"""Exponentials, logarithms, roots and their kin: `tf.exp`, `tf.log`, `tf.sqrt`, `tf.pow`, `tf.sigmoid`, `tf.tanh`.

Gradients of functions that are costly to compute again use the output: (tanh x)' = 1 - y * y with y = tanh x.

Source: signatures and behaviour of `tensorflow/python/ops/math_ops.py` (1.4); gradients from calculus.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from labkit.graph import OPS, Operation, Tensor, apply, graph_of, op
from labkit.ops.bases import INEXACT, Array, Binary, BroadcastLike, Unary, sum_like
from labkit.ops.logic import greater, not_equal
from labkit.ops.math import choose, conj_of, negative, reciprocal, square


@op
class Exp(Unary):
    """e to the power x."""

    allowed = INEXACT

    def kernel(self, x: Array) -> Array:
        return jnp.exp(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        y = conj_of(node.outputs[0])
        return grad * y


def exp(x: Any, name: str | None = None) -> Tensor:
    """e to the power x, element by element.

    Args:
        x: a floating-point or complex tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: grad * exp(x).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.exp([0.0, 1.0])).round(3)
        array([1.   , 2.718], dtype=float32)
    """
    return apply(Exp(), x, name=name)


@op
class Expm1(Unary):
    """e to the power x, minus 1."""

    allowed = INEXACT

    def kernel(self, x: Array) -> Array:
        return jnp.expm1(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        x = conj_of(node.inputs[0])
        return grad * exp(x)


def expm1(x: Any, name: str | None = None) -> Tensor:
    """exp(x) - 1, element by element, precise also near 0.

    Args:
        x: a floating-point or complex tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: grad * exp(x).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.expm1([0.0, 1.0])).round(3)
        array([0.   , 1.718], dtype=float32)
    """
    return apply(Expm1(), x, name=name)


@op
class Log(Unary):
    """The natural logarithm."""

    allowed = INEXACT

    def kernel(self, x: Array) -> Array:
        return jnp.log(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        x = conj_of(node.inputs[0])
        return grad * reciprocal(x)


def log(x: Any, name: str | None = None) -> Tensor:
    """The natural logarithm, element by element; minus infinity at 0, NaN below.

    Args:
        x: a floating-point or complex tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: grad / x.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.log([1.0, 0.0]))
        array([  0., -inf], dtype=float32)
    """
    return apply(Log(), x, name=name)


@op
class Log1p(Unary):
    """The natural logarithm of 1 + x."""

    allowed = INEXACT

    def kernel(self, x: Array) -> Array:
        return jnp.log1p(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        x = conj_of(node.inputs[0])
        return grad * reciprocal(1 + x)


def log1p(x: Any, name: str | None = None) -> Tensor:
    """log(1 + x), element by element, precise also near 0.

    Args:
        x: a floating-point or complex tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: grad / (1 + x).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.log1p([0.0, 1.0])).round(3)
        array([0.   , 0.693], dtype=float32)
    """
    return apply(Log1p(), x, name=name)


@op
class Sqrt(Unary):
    """The square root."""

    allowed = INEXACT

    def kernel(self, x: Array) -> Array:
        return jnp.sqrt(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        y = conj_of(node.outputs[0])
        return grad * 0.5 / y


def sqrt(x: Any, name: str | None = None) -> Tensor:
    """The square root, element by element; NaN below 0.

    Args:
        x: a floating-point or complex tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: grad / (2 sqrt(x)).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.sqrt([4.0, 9.0]))
        array([2., 3.], dtype=float32)
    """
    return apply(Sqrt(), x, name=name)


@op
class Rsqrt(Unary):
    """1 / sqrt(x)."""

    allowed = INEXACT

    def kernel(self, x: Array) -> Array:
        return 1 / jnp.sqrt(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        y = conj_of(node.outputs[0])
        return grad * -0.5 * square(y) * y


def rsqrt(x: Any, name: str | None = None) -> Tensor:
    """The reciprocal of the square root, element by element.

    Args:
        x: a floating-point or complex tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: -grad * y * y * y / 2, with y = rsqrt(x).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.rsqrt([4.0, 0.25]))
        array([0.5, 2. ], dtype=float32)
    """
    return apply(Rsqrt(), x, name=name)


@op
class Sigmoid(Unary):
    """1 / (1 + exp(-x))."""

    allowed = INEXACT

    def kernel(self, x: Array) -> Array:
        return jax.nn.sigmoid(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        y = conj_of(node.outputs[0])
        return grad * y * (1 - y)


def sigmoid(x: Any, name: str | None = None) -> Tensor:
    """The logistic function 1 / (1 + exp(-x)), element by element: from 0 to 1, one half at 0.

    Args:
        x: a floating-point or complex tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: grad * y * (1 - y), with y = sigmoid(x).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.sigmoid([0.0, 2.0])).round(3)
        array([0.5  , 0.881], dtype=float32)
    """
    return apply(Sigmoid(), x, name=name)


@op
class Tanh(Unary):
    """The hyperbolic tangent."""

    allowed = INEXACT

    def kernel(self, x: Array) -> Array:
        return jnp.tanh(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        y = conj_of(node.outputs[0])
        return grad * (1 - square(y))


def tanh(x: Any, name: str | None = None) -> Tensor:
    """The hyperbolic tangent, element by element: from -1 to 1.

    Args:
        x: a floating-point or complex tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: grad * (1 - y * y), with y = tanh(x).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.tanh([0.0, 1.0])).round(3)
        array([0.   , 0.762], dtype=float32)
    """
    return apply(Tanh(), x, name=name)


def log_sigmoid(x: Any, name: str | None = None) -> Tensor:
    """The logarithm of the sigmoid, element by element: -softplus(-x), which does not overflow.

    Args:
        x: a floating-point tensor.
        name: name of the last node.

    Returns:
        A tensor of the same shape and dtype.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.log_sigmoid([0.0, -100.0])).round(3)
        array([  -0.693, -100.   ], dtype=float32)
    """
    graph = graph_of([x])
    with graph.name_scope(name or "LogSigmoid") as scope:
        softplus = OPS["Softplus"]()  # of the family `nn`, above this one
        return negative(apply(softplus, negative(graph.as_tensor(x, None, "x"))), name=scope)


@op
class Pow(Binary):
    """x to the power y."""

    def kernel(self, x: Array, y: Array) -> Array:
        return jnp.power(x, y)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        x, y = (conj_of(t) for t in node.inputs)
        z = conj_of(node.outputs[0])
        # Where x is not positive, log x is no real number and y does not vary: its gradient is 0, as in TensorFlow.
        positive = greater(x, 0) if x.dtype.is_floating else not_equal(x, 0)
        ones = apply(BroadcastLike(), node.graph.as_tensor(1, x.dtype), x)
        log_x = log(choose(positive, x, ones))
        to_x = grad * y * apply(Pow(), x, y - 1)
        return sum_like(to_x, node.inputs[0]), sum_like(grad * z * log_x, node.inputs[1])


def pow(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x to the power y, element by element; `x ** y` is the same.

    Args:
        x: a tensor of numbers.
        y: a tensor of the same dtype, of a shape that broadcasts with that of `x`.
        name: name of the node.

    Returns:
        A tensor of the broadcast shape.

    Gradient: to x, grad * y * x ** (y - 1); to y, grad * x ** y * log(x) where x > 0, else 0.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.pow([2, 3], [3, 2]))
        array([8, 9], dtype=int32)
    """
    return apply(Pow(), x, y, name=name)
