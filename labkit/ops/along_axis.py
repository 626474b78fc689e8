"""Ops along one axis: `tf.argmax`, `tf.argmin`, `tf.cumsum`, `tf.cumprod`; and the cross product, `tf.cross`.

Source: signatures and behaviour of `tensorflow/python/ops/math_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from labkit.dtypes import DType, DTypeLike, as_dtype, int64
from labkit.errors import ShapeError
from labkit.graph import Op, Operation, Spec, Tensor, apply, op
from labkit.ops.bases import NUMBERS, REALS, Array, vjp
from labkit.ops.reduce import Axes, reduced_shape
from labkit.shapes import compatible, merge, normalize_axis


class Arg(Op):
    """Base of ops that find the index of an extreme value along an axis."""

    output_type: DType = int64

    args = ("input", "dimension:index")
    allowed = REALS
    static_inputs = (1,)

    def infer(self, x: Spec, axis: Spec) -> Spec:
        return Spec(self.output_type, reduced_shape(x.shape, axis.value, keep_dims=False))


@op
class ArgMax(Arg):
    """The index of the largest value along an axis; the first of equal ones."""

    output_type: DType = int64

    def kernel(self, x: Array, axis: Axes) -> Array:
        return jnp.argmax(x, int(axis)).astype(self.output_type.np_dtype)


def argmax(
    input: Any, axis: Any = None, name: str | None = None, dimension: Any = None, output_type: DTypeLike = int64
) -> Tensor:
    """The index of the largest value along an axis; the first of equal ones.

    Args:
        input: a tensor of real numbers.
        axis: the axis; 0 if None.
        name: name of the node.
        dimension: the old name of `axis`.
        output_type: int64 or int32.

    Returns:
        A tensor of indices without that axis. No gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.argmax([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]], axis=1))
        array([1, 0])
    """
    return apply(ArgMax(as_dtype(output_type)), input, _axis(axis, dimension), name=name)


@op
class ArgMin(Arg):
    """The index of the smallest value along an axis; the first of equal ones."""

    output_type: DType = int64

    def kernel(self, x: Array, axis: Axes) -> Array:
        return jnp.argmin(x, int(axis)).astype(self.output_type.np_dtype)


def argmin(
    input: Any, axis: Any = None, name: str | None = None, dimension: Any = None, output_type: DTypeLike = int64
) -> Tensor:
    """The index of the smallest value along an axis; the first of equal ones.

    Args:
        input: a tensor of real numbers.
        axis: the axis; 0 if None.
        name: name of the node.
        dimension: the old name of `axis`.
        output_type: int64 or int32.

    Returns:
        A tensor of indices without that axis. No gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.argmin([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]], axis=1))
        array([0, 1])
    """
    return apply(ArgMin(as_dtype(output_type)), input, _axis(axis, dimension), name=name)


def _axis(axis: Any, dimension: Any) -> Any:
    """Settles TensorFlow's two names of one argument."""
    if axis is not None and dimension is not None:
        raise TypeError("axis and dimension are two names of one argument: give one.")
    return axis if axis is not None else dimension if dimension is not None else 0


class Cumulative(Op):
    """Base of ops that accumulate along an axis."""

    exclusive: bool = False
    reverse: bool = False

    args = ("x", "axis:index")
    allowed = NUMBERS
    static_inputs = (1,)

    def infer(self, x: Spec, axis: Spec) -> Spec:
        if x.shape is not None and axis.value is not None:
            normalize_axis(axis.value, len(x.shape))
        return Spec(x.dtype, x.shape)

    def running(self, accumulate: Any, start: int, x: Array, axis: int) -> Array:
        """`accumulate` along `axis`; exclusive results begin with `start`."""
        x = jnp.flip(x, axis) if self.reverse else x
        if self.exclusive:
            first = jnp.full_like(jnp.take(x, np.arange(min(1, x.shape[axis])), axis), start)
            x = jnp.concatenate([first, jnp.take(x, np.arange(max(0, x.shape[axis] - 1)), axis)], axis)
        result = accumulate(x, axis, dtype=x.dtype)
        return jnp.flip(result, axis) if self.reverse else result


@op
class Cumsum(Cumulative):
    """Running sums along an axis."""

    exclusive: bool = False
    reverse: bool = False

    def kernel(self, x: Array, axis: Axes) -> Array:
        return self.running(jnp.cumsum, 0, x, int(axis))

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return apply(Cumsum(self.exclusive, not self.reverse), grad, node.inputs[1]), None


def cumsum(x: Any, axis: Any = 0, exclusive: bool = False, reverse: bool = False, name: str | None = None) -> Tensor:
    """Running sums along an axis: each element becomes the sum of those up to it.

    Args:
        x: a tensor of numbers.
        axis: the axis.
        exclusive: True leaves the element itself out, so that the first result is 0.
        reverse: True runs from the end.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: running sums of grad from the other end.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run([tf.cumsum([2, 3, 4]), tf.cumsum([2, 3, 4], exclusive=True)])
        [array([2, 5, 9], dtype=int32), array([0, 2, 5], dtype=int32)]
    """
    return apply(Cumsum(exclusive, reverse), x, axis, name=name)


@op
class Cumprod(Cumulative):
    """Running products along an axis."""

    exclusive: bool = False
    reverse: bool = False

    def kernel(self, x: Array, axis: Axes) -> Array:
        return self.running(jnp.cumprod, 1, x, int(axis))

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return vjp(node, grad)


def cumprod(x: Any, axis: Any = 0, exclusive: bool = False, reverse: bool = False, name: str | None = None) -> Tensor:
    """Running products along an axis: each element becomes the product of those up to it.

    Args:
        x: a tensor of numbers.
        axis: the axis.
        exclusive: True leaves the element itself out, so that the first result is 1.
        reverse: True runs from the end.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: that of each product, as `tf.reduce_prod`.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run([tf.cumprod([2, 3, 4]), tf.cumprod([2, 3, 4], exclusive=True)])
        [array([ 2,  6, 24], dtype=int32), array([1, 2, 6], dtype=int32)]
    """
    return apply(Cumprod(exclusive, reverse), x, axis, name=name)


@op
class Cross(Op):
    """The cross product of vectors of size 3."""

    args = ("a", "b")
    allowed = REALS

    def infer(self, a: Spec, b: Spec) -> Spec:
        shape = merge(a.shape, b.shape)
        if shape is not None and not (shape and compatible(shape[-1:], (3,))):
            raise ShapeError(f"a cross product needs vectors of size 3 along the last axis, not shape {shape}.")
        return Spec(a.dtype, shape)

    def kernel(self, a: Array, b: Array) -> Array:
        return jnp.cross(a, b)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        a, b = node.inputs
        return cross(b, grad), cross(grad, a)


def cross(a: Any, b: Any, name: str | None = None) -> Tensor:
    """The cross product of the vectors along the last axis.

    Args:
        a: a tensor of shape (..., 3).
        b: a tensor of the same shape and dtype.
        name: name of the node.

    Returns:
        A tensor of the same shape: vectors at right angles to both.

    Gradient: to a, cross(b, grad); to b, cross(grad, a).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.cross([1, 0, 0], [0, 1, 0]))
        array([0, 0, 1], dtype=int32)
    """
    return apply(Cross(), a, b, name=name)
