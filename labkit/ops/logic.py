"""Comparisons and logic: ops whose result is true or false, element by element. No gradient flows through them.

`x < y` and `x & y` in Python add the same nodes; `x == y` does not: it compares the tensors themselves, as in
TensorFlow 1, so that tensors can be keys of a dictionary of feeds.

Source: signatures and behaviour of `tensorflow/python/ops/math_ops.py` (1.4).
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from labkit.dtypes import bool_
from labkit.graph import Spec, Tensor, apply, graph_of, op
from labkit.ops.bases import FLOATS, Array, Binary, Comparison, Unary

BOOL = frozenset([bool_])


@op
class Equal(Comparison):
    """x == y."""

    allowed = None

    def kernel(self, x: Array, y: Array) -> Array:
        return x == y


def equal(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x == y, element by element (`x == y` in Python compares the tensors themselves).

    Args:
        x: a tensor of any dtype.
        y: a tensor of the same dtype, of a shape that broadcasts with that of `x`.
        name: name of the node.

    Returns:
        A bool tensor of the broadcast shape. No gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.equal([1, 2, 3], [1, 5, 3]))
        array([ True, False,  True])
    """
    return apply(Equal(), x, y, name=name)


@op
class NotEqual(Comparison):
    """x != y."""

    allowed = None

    def kernel(self, x: Array, y: Array) -> Array:
        return x != y


def not_equal(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x != y, element by element.

    Args:
        x: a tensor of any dtype.
        y: a tensor of the same dtype, of a shape that broadcasts with that of `x`.
        name: name of the node.

    Returns:
        A bool tensor of the broadcast shape. No gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.not_equal([1, 2, 3], [1, 5, 3]))
        array([False,  True, False])
    """
    return apply(NotEqual(), x, y, name=name)


@op
class Less(Comparison):
    """x < y."""

    def kernel(self, x: Array, y: Array) -> Array:
        return x < y


def less(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x < y, element by element.

    Args:
        x: a tensor of real numbers.
        y: a tensor of the same dtype, of a shape that broadcasts with that of `x`.
        name: name of the node.

    Returns:
        A bool tensor of the broadcast shape. No gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.less([1, 2, 3], 2))
        array([ True, False, False])
    """
    return apply(Less(), x, y, name=name)


@op
class LessEqual(Comparison):
    """x <= y."""

    def kernel(self, x: Array, y: Array) -> Array:
        return x <= y


def less_equal(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x <= y, element by element.

    Args:
        x: a tensor of real numbers.
        y: a tensor of the same dtype, of a shape that broadcasts with that of `x`.
        name: name of the node.

    Returns:
        A bool tensor of the broadcast shape. No gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.less_equal([1, 2, 3], 2))
        array([ True,  True, False])
    """
    return apply(LessEqual(), x, y, name=name)


@op
class Greater(Comparison):
    """x > y."""

    def kernel(self, x: Array, y: Array) -> Array:
        return x > y


def greater(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x > y, element by element.

    Args:
        x: a tensor of real numbers.
        y: a tensor of the same dtype, of a shape that broadcasts with that of `x`.
        name: name of the node.

    Returns:
        A bool tensor of the broadcast shape. No gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.greater([1, 2, 3], 2))
        array([False, False,  True])
    """
    return apply(Greater(), x, y, name=name)


@op
class GreaterEqual(Comparison):
    """x >= y."""

    def kernel(self, x: Array, y: Array) -> Array:
        return x >= y


def greater_equal(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x >= y, element by element.

    Args:
        x: a tensor of real numbers.
        y: a tensor of the same dtype, of a shape that broadcasts with that of `x`.
        name: name of the node.

    Returns:
        A bool tensor of the broadcast shape. No gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.greater_equal([1, 2, 3], 2))
        array([False,  True,  True])
    """
    return apply(GreaterEqual(), x, y, name=name)


class Logical(Binary):
    """Base of ops that combine two bool tensors."""

    allowed = BOOL


@op
class LogicalAnd(Logical):
    """True where x and y are."""

    def kernel(self, x: Array, y: Array) -> Array:
        return jnp.logical_and(x, y)


def logical_and(x: Any, y: Any, name: str | None = None) -> Tensor:
    """True where x and y are, element by element; `x & y` is the same.

    Args:
        x: a bool tensor.
        y: a bool tensor of a shape that broadcasts with that of `x`.
        name: name of the node.

    Returns:
        A bool tensor of the broadcast shape. No gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.logical_and([True, False, True], [True, True, False]))
        array([ True, False, False])
    """
    return apply(LogicalAnd(), x, y, name=name)


@op
class LogicalOr(Logical):
    """True where x or y or both are."""

    def kernel(self, x: Array, y: Array) -> Array:
        return jnp.logical_or(x, y)


def logical_or(x: Any, y: Any, name: str | None = None) -> Tensor:
    """True where x or y or both are, element by element; `x | y` is the same.

    Args:
        x: a bool tensor.
        y: a bool tensor of a shape that broadcasts with that of `x`.
        name: name of the node.

    Returns:
        A bool tensor of the broadcast shape. No gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.logical_or([True, False], [False, False]))
        array([ True, False])
    """
    return apply(LogicalOr(), x, y, name=name)


def logical_xor(x: Any, y: Any, name: str = "LogicalXor") -> Tensor:
    """True where x and y differ, element by element; made of the three other logical ops, as in TensorFlow.

    Args:
        x: a bool tensor.
        y: a bool tensor of a shape that broadcasts with that of `x`.
        name: name of the last node.

    Returns:
        A bool tensor of the broadcast shape. No gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.logical_xor([True, True], [False, True]))
        array([ True, False])
    """
    graph = graph_of([x, y])
    x, y = graph.as_tensor(x, bool_, "x"), graph.as_tensor(y, bool_, "y")
    return logical_and(logical_or(x, y), logical_not(logical_and(x, y)), name=name)


@op
class LogicalXor(Logical):
    """True where x and y differ; the node of the operator `x ^ y`."""

    def kernel(self, x: Array, y: Array) -> Array:
        return jnp.logical_xor(x, y)


@op
class LogicalNot(Unary):
    """True where x is false."""

    allowed = BOOL

    def kernel(self, x: Array) -> Array:
        return jnp.logical_not(x)


def logical_not(x: Any, name: str | None = None) -> Tensor:
    """True where x is false, element by element; `~x` is the same.

    Args:
        x: a bool tensor.
        name: name of the node.

    Returns:
        A bool tensor of the same shape. No gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.logical_not([True, False]))
        array([False,  True])
    """
    return apply(LogicalNot(), x, name=name)


class FloatCheck(Unary):
    """Base of ops that ask something of each floating-point number."""

    allowed = FLOATS

    def infer(self, x: Spec) -> Spec:
        return Spec(bool_, x.shape)


@op
class IsNan(FloatCheck):
    """True where x is not a number."""

    def kernel(self, x: Array) -> Array:
        return jnp.isnan(x)


def is_nan(x: Any, name: str | None = None) -> Tensor:
    """True where x is not a number, element by element.

    Args:
        x: a floating-point tensor.
        name: name of the node.

    Returns:
        A bool tensor of the same shape. No gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.is_nan([1.0, float("inf"), float("nan")]))
        array([False, False,  True])
    """
    return apply(IsNan(), x, name=name)


@op
class IsInf(FloatCheck):
    """True where x is plus or minus infinity."""

    def kernel(self, x: Array) -> Array:
        return jnp.isinf(x)


def is_inf(x: Any, name: str | None = None) -> Tensor:
    """True where x is plus or minus infinity, element by element.

    Args:
        x: a floating-point tensor.
        name: name of the node.

    Returns:
        A bool tensor of the same shape. No gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.is_inf([1.0, float("inf"), float("nan")]))
        array([False,  True, False])
    """
    return apply(IsInf(), x, name=name)


@op
class IsFinite(FloatCheck):
    """True where x is neither infinite nor NaN."""

    def kernel(self, x: Array) -> Array:
        return jnp.isfinite(x)


def is_finite(x: Any, name: str | None = None) -> Tensor:
    """True where x is neither infinite nor NaN, element by element.

    Args:
        x: a floating-point tensor.
        name: name of the node.

    Returns:
        A bool tensor of the same shape. No gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.is_finite([1.0, float("inf"), float("nan")]))
        array([ True, False, False])
    """
    return apply(IsFinite(), x, name=name)
