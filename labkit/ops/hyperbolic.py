"""Hyperbolic sines, cosines and their inverses, element by element; `tf.tanh` is in `exponential`.

Source: signatures and behaviour of `tensorflow/python/ops/math_ops.py` (1.4); gradients from calculus.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from labkit.graph import Operation, Tensor, apply, op
from labkit.ops.bases import INEXACT, Array, Unary
from labkit.ops.math import conj_of, reciprocal, square


@op
class Sinh(Unary):
    """The hyperbolic sine."""

    allowed = INEXACT

    def kernel(self, x: Array) -> Array:
        return jnp.sinh(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        x = conj_of(node.inputs[0])
        return grad * cosh(x)


def sinh(x: Any, name: str | None = None) -> Tensor:
    """The hyperbolic sine (exp(x) - exp(-x)) / 2, element by element.

    Args:
        x: a floating-point or complex tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: grad * cosh(x).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.sinh([0.0, 1.0])).round(3)
        array([0.   , 1.175], dtype=float32)
    """
    return apply(Sinh(), x, name=name)


@op
class Cosh(Unary):
    """The hyperbolic cosine."""

    allowed = INEXACT

    def kernel(self, x: Array) -> Array:
        return jnp.cosh(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        x = conj_of(node.inputs[0])
        return grad * sinh(x)


def cosh(x: Any, name: str | None = None) -> Tensor:
    """The hyperbolic cosine (exp(x) + exp(-x)) / 2, element by element.

    Args:
        x: a floating-point or complex tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: grad * sinh(x).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.cosh([0.0, 1.0])).round(3)
        array([1.   , 1.543], dtype=float32)
    """
    return apply(Cosh(), x, name=name)


@op
class Asinh(Unary):
    """The inverse hyperbolic sine."""

    allowed = INEXACT

    def kernel(self, x: Array) -> Array:
        return jnp.arcsinh(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        y = conj_of(node.outputs[0])
        return grad / cosh(y)


def asinh(x: Any, name: str | None = None) -> Tensor:
    """The inverse hyperbolic sine, element by element.

    Args:
        x: a floating-point or complex tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: grad / cosh(y), with y = asinh(x).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.asinh([0.0, 1.0])).round(3)
        array([0.   , 0.881], dtype=float32)
    """
    return apply(Asinh(), x, name=name)


@op
class Acosh(Unary):
    """The inverse hyperbolic cosine."""

    allowed = INEXACT

    def kernel(self, x: Array) -> Array:
        return jnp.arccosh(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        y = conj_of(node.outputs[0])
        return grad / sinh(y)


def acosh(x: Any, name: str | None = None) -> Tensor:
    """The inverse hyperbolic cosine, element by element.

    Args:
        x: a floating-point or complex tensor, real ones at least 1.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: grad / sinh(y), with y = acosh(x).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.acosh([1.0, 2.0])).round(3)
        array([0.   , 1.317], dtype=float32)
    """
    return apply(Acosh(), x, name=name)


@op
class Atanh(Unary):
    """The inverse hyperbolic tangent."""

    allowed = INEXACT

    def kernel(self, x: Array) -> Array:
        return jnp.arctanh(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        x = conj_of(node.inputs[0])
        return grad * reciprocal(1 - square(x))


def atanh(x: Any, name: str | None = None) -> Tensor:
    """The inverse hyperbolic tangent, element by element.

    Args:
        x: a floating-point or complex tensor, real ones from -1 to 1.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: grad / (1 - x * x).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.atanh([0.0, 0.5])).round(3)
        array([0.   , 0.549], dtype=float32)
    """
    return apply(Atanh(), x, name=name)
