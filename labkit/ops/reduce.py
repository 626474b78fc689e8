"""Reductions: `tf.reduce_sum`, `tf.reduce_mean`, `tf.reduce_max` and their kin.

`axis` is a static input, as in TensorFlow: `tf.reduce_sum(x)` makes a constant with all axes. The gradient of a sum
gives every element the gradient of its sum: `Unreduce`. Those of truth values are in `reduce_bool`.

Source: signatures and behaviour of `tensorflow/python/ops/math_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from labkit.graph import Op, Operation, Spec, Tensor, apply, graph_of, op
from labkit.ops.bases import NUMBERS, REALS, Array, as_sequence, vjp
from labkit.ops.logic import equal
from labkit.ops.math import cast
from labkit.ops.shaping import all_axes
from labkit.shapes import Shape, normalize_axis

Axes = np.ndarray[Any, Any]


def reduced_shape(shape: Shape, axes: Any, keep_dims: bool) -> Shape:
    """The static shape after reducing over `axes` (an int, a tuple, or None if unknown)."""
    if shape is None:
        return None
    if axes is None or (isinstance(axes, tuple) and None in axes):
        return (None,) * len(shape) if keep_dims else None
    gone = {normalize_axis(axis, len(shape)) for axis in as_sequence(axes)}
    if keep_dims:
        return tuple(1 if i in gone else size for i, size in enumerate(shape))
    return tuple(size for i, size in enumerate(shape) if i not in gone)


def axes_of(axes: Axes, rank: int) -> tuple[int, ...]:
    """The axes as a tuple counted from the front."""
    return tuple(normalize_axis(int(axis), rank) for axis in np.ravel(axes))


class Reduction(Op):
    """Base of ops that reduce over some axes."""

    keep_dims: bool = False

    args: ClassVar[tuple[str, ...]] = ("input", "reduction_indices:index")
    allowed = NUMBERS
    static_inputs = (1,)

    def infer(self, x: Spec, axes: Spec) -> Spec:
        return Spec(x.dtype, reduced_shape(x.shape, axes.value, self.keep_dims))


def reduction_axes(axis: Any, reduction_indices: Any, keep_dims: Any, keepdims: Any) -> tuple[Any, bool]:
    """Settles TensorFlow's two spellings of each argument; `axis` None means all axes.

    Raises:
        TypeError: if both spellings are given.
    """
    if axis is not None and reduction_indices is not None:
        raise TypeError("axis and reduction_indices are two names of one argument: give one.")
    keep = bool(keepdims if keepdims is not None else keep_dims)
    return (axis if axis is not None else reduction_indices), keep


def apply_reduction(kind: Op, input_tensor: Any, axis: Any, name: str | None) -> Tensor:
    """Applies a reduction; `axis` None becomes a constant of all axes, or `range(rank)` where the rank is unknown."""
    graph = graph_of([input_tensor])
    x = graph.as_tensor(input_tensor, None, "Const")
    if axis is None:
        if x.static_shape is None:
            axis = all_axes(x)
        else:
            axis = graph.as_tensor(np.arange(len(x.static_shape), dtype=np.int32), None, "Const")
    return apply(kind, x, axis, name=name)


@op
class Sum(Reduction):
    """The sum over some axes."""

    keep_dims: bool = False

    def kernel(self, x: Array, axes: Axes) -> Array:
        return jnp.sum(x, axes_of(axes, x.ndim), dtype=x.dtype, keepdims=self.keep_dims)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        x, axes = node.inputs
        return apply(Unreduce(self.keep_dims), grad, x, axes), None


def reduce_sum(
    input_tensor: Any, axis: Any = None, keep_dims: bool | None = None, name: str | None = None,
    reduction_indices: Any = None, keepdims: bool | None = None,
) -> Tensor:  # fmt: skip
    """The sum over some axes.

    Args:
        input_tensor: a tensor of numbers.
        axis: an axis or a list of them, negative ones counted from the end; None for all.
        keep_dims: True keeps each reduced axis with size 1.
        name: name of the node.
        reduction_indices: the old name of `axis`.
        keepdims: the newer name of `keep_dims`.

    Returns:
        A tensor of the same dtype without the reduced axes.

    Gradient: every element gets the gradient of its sum.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.reduce_sum([[1, 2], [3, 4]], axis=1))
        array([3, 7], dtype=int32)
    """
    over, keep = reduction_axes(axis, reduction_indices, keep_dims, keepdims)
    return apply_reduction(Sum(keep), input_tensor, over, name)


@op
class Mean(Reduction):
    """The mean over some axes."""

    keep_dims: bool = False

    def kernel(self, x: Array, axes: Axes) -> Array:
        over = axes_of(axes, x.ndim)
        total = jnp.sum(x, over, dtype=x.dtype, keepdims=self.keep_dims)
        count = np.prod([x.shape[axis] for axis in over], dtype=np.int64)
        if np.issubdtype(x.dtype, np.integer):
            return jnp.asarray(jnp.trunc(total / max(count, 1)), x.dtype)
        return total / count.astype(x.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        x, axes = node.inputs
        return apply(Unreduce(self.keep_dims, mean=True), grad, x, axes), None


def reduce_mean(
    input_tensor: Any, axis: Any = None, keep_dims: bool | None = None, name: str | None = None,
    reduction_indices: Any = None, keepdims: bool | None = None,
) -> Tensor:  # fmt: skip
    """The mean over some axes; integers round toward zero, as in TensorFlow.

    Args:
        input_tensor: a tensor of numbers.
        axis: an axis or a list of them, negative ones counted from the end; None for all.
        keep_dims: True keeps each reduced axis with size 1.
        name: name of the node.
        reduction_indices: the old name of `axis`.
        keepdims: the newer name of `keep_dims`.

    Returns:
        A tensor of the same dtype without the reduced axes.

    Gradient: every element gets the gradient of its mean, divided by the number of elements that went into it.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.reduce_mean([[1.0, 2.0], [3.0, 6.0]], axis=0))
        array([2., 4.], dtype=float32)
    """
    over, keep = reduction_axes(axis, reduction_indices, keep_dims, keepdims)
    return apply_reduction(Mean(keep), input_tensor, over, name)


@op
class Unreduce(Op):
    """Gives every element of `x` the value of the sum (or mean) that it went into: the gradient of `Sum` and `Mean`."""

    keep_dims: bool = False
    mean: bool = False

    args = ("grad", "x:any", "reduction_indices:index")
    static_inputs = (2,)

    def infer(self, grad: Spec, x: Spec, axes: Spec) -> Spec:
        return Spec(grad.dtype, x.shape)

    def kernel(self, grad: Array, x: Array, axes: Axes) -> Array:
        over = axes_of(axes, x.ndim)
        kept = tuple(1 if i in over else size for i, size in enumerate(x.shape))
        spread = jnp.broadcast_to(grad.reshape(kept), x.shape)
        if not self.mean:
            return spread
        return spread / np.prod([x.shape[axis] for axis in over], dtype=np.int64).astype(x.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        reduction = Mean(self.keep_dims) if self.mean else Sum(self.keep_dims)
        return apply(reduction, grad, node.inputs[2]), None, None


@op
class Max(Reduction):
    """The largest value over some axes."""

    keep_dims: bool = False

    allowed = REALS

    def kernel(self, x: Array, axes: Axes) -> Array:
        return jnp.max(x, axes_of(axes, x.ndim), keepdims=self.keep_dims)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return _shared_among_equals(node, grad, self.keep_dims), None


def reduce_max(
    input_tensor: Any, axis: Any = None, keep_dims: bool | None = None, name: str | None = None,
    reduction_indices: Any = None, keepdims: bool | None = None,
) -> Tensor:  # fmt: skip
    """The largest value over some axes.

    Args:
        input_tensor: a tensor of real numbers.
        axis: an axis or a list of them, negative ones counted from the end; None for all.
        keep_dims: True keeps each reduced axis with size 1.
        name: name of the node.
        reduction_indices: the old name of `axis`.
        keepdims: the newer name of `keep_dims`.

    Returns:
        A tensor of the same dtype without the reduced axes.

    Gradient: to the largest elements; equal ones share it.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.reduce_max([[1, 5], [7, 2]], axis=1))
        array([5, 7], dtype=int32)
    """
    over, keep = reduction_axes(axis, reduction_indices, keep_dims, keepdims)
    return apply_reduction(Max(keep), input_tensor, over, name)


@op
class Min(Reduction):
    """The smallest value over some axes."""

    keep_dims: bool = False

    allowed = REALS

    def kernel(self, x: Array, axes: Axes) -> Array:
        return jnp.min(x, axes_of(axes, x.ndim), keepdims=self.keep_dims)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return _shared_among_equals(node, grad, self.keep_dims), None


def reduce_min(
    input_tensor: Any, axis: Any = None, keep_dims: bool | None = None, name: str | None = None,
    reduction_indices: Any = None, keepdims: bool | None = None,
) -> Tensor:  # fmt: skip
    """The smallest value over some axes.

    Args:
        input_tensor: a tensor of real numbers.
        axis: an axis or a list of them, negative ones counted from the end; None for all.
        keep_dims: True keeps each reduced axis with size 1.
        name: name of the node.
        reduction_indices: the old name of `axis`.
        keepdims: the newer name of `keep_dims`.

    Returns:
        A tensor of the same dtype without the reduced axes.

    Gradient: to the smallest elements; equal ones share it.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.reduce_min([[1, 5], [7, 2]], axis=1))
        array([1, 2], dtype=int32)
    """
    over, keep = reduction_axes(axis, reduction_indices, keep_dims, keepdims)
    return apply_reduction(Min(keep), input_tensor, over, name)


def _shared_among_equals(node: Operation, grad: Tensor, keep_dims: bool) -> Tensor:
    """The gradient of `Max` and `Min`: elements that equal the extreme share its gradient equally."""
    x, axes = node.inputs

    def spread(reduced: Tensor) -> Tensor:
        return apply(Unreduce(keep_dims), reduced, x, axes)

    chosen = cast(equal(x, spread(node.outputs[0])), x.dtype)
    return chosen / spread(apply(Sum(keep_dims), chosen, axes)) * spread(grad)


@op
class Prod(Reduction):
    """The product over some axes."""

    keep_dims: bool = False

    def kernel(self, x: Array, axes: Axes) -> Array:
        return jnp.prod(x, axes_of(axes, x.ndim), dtype=x.dtype, keepdims=self.keep_dims)

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        x, axes = values
        if x is None or axes is None or axes.dtype == object:
            return None
        over = axes_of(axes, x.ndim)
        if x.dtype != object:
            return np.prod(x, over, dtype=x.dtype, keepdims=self.keep_dims)
        return np.array(None, object) if over == (0,) and x.ndim == 1 and not self.keep_dims else None

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return vjp(node, grad)  # the product of the others; dividing by x would fail at 0


def reduce_prod(
    input_tensor: Any, axis: Any = None, keep_dims: bool | None = None, name: str | None = None,
    reduction_indices: Any = None, keepdims: bool | None = None,
) -> Tensor:  # fmt: skip
    """The product over some axes.

    Args:
        input_tensor: a tensor of numbers.
        axis: an axis or a list of them, negative ones counted from the end; None for all.
        keep_dims: True keeps each reduced axis with size 1.
        name: name of the node.
        reduction_indices: the old name of `axis`.
        keepdims: the newer name of `keep_dims`.

    Returns:
        A tensor of the same dtype without the reduced axes.

    Gradient: to each element, the gradient times the product of the others.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.reduce_prod([[1, 5], [7, 2]], axis=1))
        array([ 5, 14], dtype=int32)
    """
    over, keep = reduction_axes(axis, reduction_indices, keep_dims, keepdims)
    return apply_reduction(Prod(keep), input_tensor, over, name)
