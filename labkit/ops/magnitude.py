"""Size and sign: `tf.abs`, `tf.sign`, `tf.maximum`, `tf.clip_by_value`, and rounding.

Rounding has no gradient: the result is constant between its steps. `tf.round` rounds halves to the even neighbour, as
TensorFlow and NumPy do.

Source: signatures and behaviour of `tensorflow/python/ops/math_ops.py` and `clip_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from labkit.graph import Operation, Spec, Tensor, apply, graph_of, op
from labkit.ops.bases import COMPLEX, FLOATS, REALS, Array, Binary, BroadcastLike, Unary, sum_like
from labkit.ops.indexed_slices import IndexedSlices
from labkit.ops.logic import greater_equal, less_equal
from labkit.ops.math import Pair, cast, choose, conj_of, fold_with


@op
class Abs(Unary):
    """The absolute value."""

    allowed = REALS

    def kernel(self, x: Array) -> Array:
        return jnp.abs(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        return grad * sign(node.inputs[0])


@op
class ComplexAbs(Unary):
    """The absolute value of complex numbers."""

    allowed = COMPLEX

    def infer(self, x: Spec) -> Spec:
        return Spec(x.dtype.real_dtype, x.shape)

    def kernel(self, x: Array) -> Array:
        return jnp.abs(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        x = node.inputs[0]
        return cast(grad, x.dtype) * sign(x)


def abs(x: Any, name: str | None = None) -> Tensor:
    """The absolute value, element by element.

    Args:
        x: a tensor of numbers.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype; float32 for complex64, float64 for complex128.

    Gradient: grad * sign(x).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.abs([-2.25, 3.25]))
        array([2.25, 3.25], dtype=float32)
    """
    graph = graph_of([x])
    with graph.name_scope(name or "Abs") as scope:
        tensor = graph.as_tensor(x, None, "x")
        return apply(ComplexAbs() if tensor.dtype.is_complex else Abs(), tensor, name=scope)


@op
class Sign(Unary):
    """-1, 0 or 1; for complex numbers x / |x|."""

    def kernel(self, x: Array) -> Array:
        return jnp.sign(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor | None:
        x, y = node.inputs[0], node.outputs[0]
        if not x.dtype.is_complex:
            return None
        along = cast(cast(grad * conj_of(y), x.dtype.real_dtype), x.dtype)  # the part that would change |x|
        return (grad - y * along) / cast(abs(x), x.dtype)


def sign(x: Any, name: str | None = None) -> Tensor:
    """-1, 0 or 1, as x is negative, zero or positive; for complex numbers x / |x|, 0 at 0.

    Args:
        x: a tensor of numbers.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: none for real numbers.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.sign([-2.0, 0.0, 5.0]))
        array([-1.,  0.,  1.], dtype=float32)
    """
    return apply(Sign(), x, name=name)


def _to_the_chosen(first: Tensor, grad: Tensor, x: Tensor, y: Tensor) -> Pair:
    """The gradient of a choice between x and y: to x where `first` holds, to y elsewhere."""
    nothing = apply(BroadcastLike(), grad.graph.as_tensor(0, grad.dtype), grad)
    return sum_like(choose(first, grad, nothing), x), sum_like(choose(first, nothing, grad), y)


@op
class Maximum(Binary):
    """The larger of x and y."""

    allowed = REALS

    def kernel(self, x: Array, y: Array) -> Array:
        return jnp.maximum(x, y)

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        return fold_with(np.maximum, values)

    def gradient(self, node: Operation, grad: Tensor) -> Pair:
        x, y = node.inputs
        return _to_the_chosen(greater_equal(x, y), grad, x, y)


def maximum(x: Any, y: Any, name: str | None = None) -> Tensor:
    """The larger of x and y, element by element.

    Args:
        x: a tensor of real numbers.
        y: a tensor of the same dtype, of a shape that broadcasts with that of `x`.
        name: name of the node.

    Returns:
        A tensor of the broadcast shape.

    Gradient: grad to the larger of the two, to x if they are equal.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.maximum([1, 5], 3))
        array([3, 5], dtype=int32)
    """
    return apply(Maximum(), x, y, name=name)


@op
class Minimum(Binary):
    """The smaller of x and y."""

    allowed = REALS

    def kernel(self, x: Array, y: Array) -> Array:
        return jnp.minimum(x, y)

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        return fold_with(np.minimum, values)

    def gradient(self, node: Operation, grad: Tensor) -> Pair:
        x, y = node.inputs
        return _to_the_chosen(less_equal(x, y), grad, x, y)


def minimum(x: Any, y: Any, name: str | None = None) -> Tensor:
    """The smaller of x and y, element by element.

    Args:
        x: a tensor of real numbers.
        y: a tensor of the same dtype, of a shape that broadcasts with that of `x`.
        name: name of the node.

    Returns:
        A tensor of the broadcast shape.

    Gradient: grad to the smaller of the two, to x if they are equal.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.minimum([1, 5], 3))
        array([1, 3], dtype=int32)
    """
    return apply(Minimum(), x, y, name=name)


def clip_by_value(t: Any, clip_value_min: Any, clip_value_max: Any, name: str | None = None) -> Any:
    """The nearest value that lies between two bounds, element by element.

    Args:
        t: a tensor of real numbers, or an `tf.IndexedSlices`, of which the values are clipped.
        clip_value_min: the lower bound, a scalar or a tensor of the shape of `t`.
        clip_value_max: the upper bound, likewise.
        name: name of the last node.

    Returns:
        A tensor of the shape and dtype of `t`.

    Gradient: grad where t lies between the bounds, 0 elsewhere.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.clip_by_value([-2.0, 0.5, 7.0], 0.0, 1.0))
        array([0. , 0.5, 1. ], dtype=float32)
    """
    graph = graph_of([t, clip_value_min, clip_value_max])
    with graph.name_scope(name or "clip_by_value") as scope:
        tensor = t.values if isinstance(t, IndexedSlices) else graph.as_tensor(t, None, "t")
        clipped = maximum(minimum(tensor, clip_value_max), clip_value_min, name=scope)
        return t.with_values(clipped) if isinstance(t, IndexedSlices) else clipped


@op
class Floor(Unary):
    """Rounded down."""

    allowed = FLOATS

    def kernel(self, x: Array) -> Array:
        return jnp.floor(x)


def floor(x: Any, name: str | None = None) -> Tensor:
    """The largest whole number that is not above x, element by element.

    Args:
        x: a floating-point tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: none.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.floor([1.7, -1.2]))
        array([ 1., -2.], dtype=float32)
    """
    return apply(Floor(), x, name=name)


@op
class Ceil(Unary):
    """Rounded up."""

    allowed = FLOATS

    def kernel(self, x: Array) -> Array:
        return jnp.ceil(x)


def ceil(x: Any, name: str | None = None) -> Tensor:
    """The smallest whole number that is not below x, element by element.

    Args:
        x: a floating-point tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: none.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.ceil([1.2, -1.7]))
        array([ 2., -1.], dtype=float32)
    """
    return apply(Ceil(), x, name=name)


@op
class Rint(Unary):
    """Rounded to the nearest whole number, halves to the even one."""

    allowed = FLOATS

    def kernel(self, x: Array) -> Array:
        return jnp.round(x)


def rint(x: Any, name: str | None = None) -> Tensor:
    """The nearest whole number, halves going to the even one, element by element.

    Args:
        x: a floating-point tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: none.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.rint([0.5, 1.5, -1.7]))
        array([ 0.,  2., -2.], dtype=float32)
    """
    return apply(Rint(), x, name=name)


@op
class Round(Unary):
    """Rounded to the nearest whole number, halves to the even one."""

    allowed = REALS

    def kernel(self, x: Array) -> Array:
        return jnp.round(x)


def round(x: Any, name: str | None = None) -> Tensor:
    """The nearest whole number, halves going to the even one, element by element.

    Args:
        x: a tensor of real numbers; integers stay as they are.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: none.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.round([0.9, 2.5, 2.3, -4.5]))
        array([ 1.,  2.,  2., -4.], dtype=float32)
    """
    tensor = graph_of([x]).as_tensor(x, None, "x")
    return tensor if tensor.dtype.is_integer else apply(Round(), tensor, name=name)
