"""Special functions: the error function, and the gamma function's logarithm with its derivatives.

Source: signatures and behaviour of `tensorflow/python/ops/math_ops.py` (1.4); gradients from Abramowitz and Stegun,
chapters 6 and 7.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax.scipy.special as jsp

from labkit.graph import Operation, Tensor, apply, op
from labkit.ops.bases import FLOATS, Array, Binary, Unary, sum_like
from labkit.ops.exponential import exp
from labkit.ops.math import square

_SLOPE = 2 / math.sqrt(math.pi)  # of the error function at 0


@op
class Erf(Unary):
    """The error function."""

    allowed = FLOATS

    def kernel(self, x: Array) -> Array:
        return jsp.erf(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        x = node.inputs[0]
        return grad * _SLOPE * exp(-square(x))


def erf(x: Any, name: str | None = None) -> Tensor:
    """The error function, element by element: the chance that |z| < x sqrt(2) for a standard normal z.

    Args:
        x: a floating-point tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: grad * 2 / sqrt(pi) * exp(-x * x).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.erf([0.0, 1.0])).round(3)
        array([0.   , 0.843], dtype=float32)
    """
    return apply(Erf(), x, name=name)


@op
class Erfc(Unary):
    """1 - erf(x)."""

    allowed = FLOATS

    def kernel(self, x: Array) -> Array:
        return jsp.erfc(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        x = node.inputs[0]
        return -grad * _SLOPE * exp(-square(x))


def erfc(x: Any, name: str | None = None) -> Tensor:
    """1 - erf(x), element by element, precise also where erf(x) is near 1.

    Args:
        x: a floating-point tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: -grad * 2 / sqrt(pi) * exp(-x * x).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.erfc([0.0, 1.0])).round(3)
        array([1.   , 0.157], dtype=float32)
    """
    return apply(Erfc(), x, name=name)


@op
class Lgamma(Unary):
    """The logarithm of the absolute value of the gamma function."""

    allowed = FLOATS

    def kernel(self, x: Array) -> Array:
        return jsp.gammaln(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        x = node.inputs[0]
        return grad * digamma(x)


def lgamma(x: Any, name: str | None = None) -> Tensor:
    """The logarithm of the gamma function's absolute value, element by element: log((n - 1)!) at a whole n.

    Args:
        x: a floating-point tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: grad * digamma(x).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.exp(tf.lgamma([1.0, 5.0]))).round(3)
        array([ 1., 24.], dtype=float32)
    """
    return apply(Lgamma(), x, name=name)


@op
class Digamma(Unary):
    """The derivative of `Lgamma`."""

    allowed = FLOATS

    def kernel(self, x: Array) -> Array:
        return jsp.digamma(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        x = node.inputs[0]
        return grad * polygamma(1.0, x)


def digamma(x: Any, name: str | None = None) -> Tensor:
    """The derivative of `lgamma`, element by element.

    Args:
        x: a floating-point tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: grad * polygamma(1, x).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.digamma([1.0, 2.0])).round(3)
        array([-0.577,  0.423], dtype=float32)
    """
    return apply(Digamma(), x, name=name)


@op
class Polygamma(Binary):
    """The a-th derivative of `Digamma` at x."""

    args = ("a", "x")
    allowed = FLOATS

    def kernel(self, x: Array, y: Array) -> Array:
        return jsp.polygamma(x.astype("int32"), y)  # JAX wants whole numbers as such

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        a, x = node.inputs
        return None, sum_like(grad * polygamma(a + 1, x), x)


def polygamma(a: Any, x: Any, name: str | None = None) -> Tensor:
    """The a-th derivative of `digamma` at x, element by element.

    Args:
        a: a floating-point tensor of whole numbers.
        x: a tensor of the same dtype, of a shape that broadcasts with that of `a`.
        name: name of the node.

    Returns:
        A tensor of the broadcast shape.

    Gradient: to x, grad * polygamma(a + 1, x); none to a.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.polygamma(1.0, [1.0, 2.0])).round(3)
        array([1.645, 0.645], dtype=float32)
    """
    return apply(Polygamma(), a, x, name=name)
