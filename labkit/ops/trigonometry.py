"""Sines, cosines, tangents, their hyperbolic kin, and their inverses.

Source: signatures and behaviour of `tensorflow/python/ops/math_ops.py` (1.4); gradients from calculus.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from labkit.graph import Operation, Tensor, apply, op
from labkit.ops.bases import FLOATS, INEXACT, Array, Binary, Unary, sum_like
from labkit.ops.exponential import rsqrt
from labkit.ops.math import conj_of, reciprocal, square


@op
class Sin(Unary):
    """The sine."""

    allowed = INEXACT

    def kernel(self, x: Array) -> Array:
        return jnp.sin(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        x = conj_of(node.inputs[0])
        return grad * cos(x)


def sin(x: Any, name: str | None = None) -> Tensor:
    """The sine, element by element.

    Args:
        x: a floating-point or complex tensor, in radians.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: grad * cos(x).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.sin([0.0, 1.0])).round(3)
        array([0.   , 0.841], dtype=float32)
    """
    return apply(Sin(), x, name=name)


@op
class Cos(Unary):
    """The cosine."""

    allowed = INEXACT

    def kernel(self, x: Array) -> Array:
        return jnp.cos(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        x = conj_of(node.inputs[0])
        return -grad * sin(x)


def cos(x: Any, name: str | None = None) -> Tensor:
    """The cosine, element by element.

    Args:
        x: a floating-point or complex tensor, in radians.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: -grad * sin(x).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.cos([0.0, 1.0])).round(3)
        array([1.  , 0.54], dtype=float32)
    """
    return apply(Cos(), x, name=name)


@op
class Tan(Unary):
    """The tangent."""

    allowed = INEXACT

    def kernel(self, x: Array) -> Array:
        return jnp.tan(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        x = conj_of(node.inputs[0])
        return grad * square(reciprocal(cos(x)))


def tan(x: Any, name: str | None = None) -> Tensor:
    """The tangent, element by element.

    Args:
        x: a floating-point or complex tensor, in radians.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: grad / cos(x) ** 2.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.tan([0.0, 1.0])).round(3)
        array([0.   , 1.557], dtype=float32)
    """
    return apply(Tan(), x, name=name)


@op
class Asin(Unary):
    """The inverse sine."""

    allowed = INEXACT

    def kernel(self, x: Array) -> Array:
        return jnp.arcsin(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        x = conj_of(node.inputs[0])
        return grad * rsqrt(1 - square(x))


def asin(x: Any, name: str | None = None) -> Tensor:
    """The angle whose sine is x, element by element, in radians.

    Args:
        x: a floating-point or complex tensor, real ones from -1 to 1.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: grad / sqrt(1 - x * x).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.asin([0.0, 1.0])).round(3)
        array([0.   , 1.571], dtype=float32)
    """
    return apply(Asin(), x, name=name)


@op
class Acos(Unary):
    """The inverse cosine."""

    allowed = INEXACT

    def kernel(self, x: Array) -> Array:
        return jnp.arccos(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        x = conj_of(node.inputs[0])
        return -grad * rsqrt(1 - square(x))


def acos(x: Any, name: str | None = None) -> Tensor:
    """The angle whose cosine is x, element by element, in radians.

    Args:
        x: a floating-point or complex tensor, real ones from -1 to 1.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: -grad / sqrt(1 - x * x).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.acos([1.0, 0.0])).round(3)
        array([0.   , 1.571], dtype=float32)
    """
    return apply(Acos(), x, name=name)


@op
class Atan(Unary):
    """The inverse tangent."""

    allowed = INEXACT

    def kernel(self, x: Array) -> Array:
        return jnp.arctan(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        x = conj_of(node.inputs[0])
        return grad * reciprocal(1 + square(x))


def atan(x: Any, name: str | None = None) -> Tensor:
    """The angle whose tangent is x, element by element, in radians.

    Args:
        x: a floating-point or complex tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: grad / (1 + x * x).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.atan([0.0, 1.0])).round(3)
        array([0.   , 0.785], dtype=float32)
    """
    return apply(Atan(), x, name=name)


@op
class Atan2(Binary):
    """The angle of the point (x, y)."""

    args = ("y", "x")
    allowed = FLOATS

    def kernel(self, x: Array, y: Array) -> Array:
        return jnp.arctan2(x, y)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        y, x = node.inputs
        scaled = grad / (square(x) + square(y))
        return sum_like(x * scaled, y), sum_like(-y * scaled, x)


def atan2(y: Any, x: Any, name: str | None = None) -> Tensor:
    """The angle of the point (x, y) against the x axis, element by element, from -pi to pi.

    Args:
        y: a floating-point tensor.
        x: a tensor of the same dtype, of a shape that broadcasts with that of `y`.
        name: name of the node.

    Returns:
        A tensor of the broadcast shape, in radians.

    Gradient: to y, grad * x / (x * x + y * y); to x, -grad * y / (x * x + y * y).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.atan2([1.0, -1.0], [0.0, -1.0])).round(3)
        array([ 1.571, -2.356], dtype=float32)
    """
    return apply(Atan2(), y, x, name=name)
