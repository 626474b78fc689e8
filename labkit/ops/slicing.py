"""Boxes of a tensor, and its elements in reverse: `tf.slice`, `tf.reverse`.

How large a box is must be known while the program is compiled, since it is the shape of the result. Where it starts
may be computed: `tf.slice(x, [i, 0], [2, 3])` works for any `i`, as JAX's `dynamic_slice` does. Such a start is moved
inside the tensor if the box would reach over the end, where TensorFlow raises an error.

The gradient of a slice is the gradient, put back at the same place among zeros: `SliceGrad`. What `x[...]` runs is in
`indexing`.

Source: signatures and behaviour of `tensorflow/python/ops/array_ops.py` (1.4).
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from labkit.errors import ShapeError
from labkit.graph import Cost, Op, Operation, Spec, Tensor, apply, graph_of, known_value, op
from labkit.ops.array import shape
from labkit.ops.bases import Array
from labkit.ops.indexing import Static, bytes_of_part
from labkit.shapes import normalize_axis, shape_text

__all__ = ["ReverseV2", "Slice", "SliceGrad", "reverse", "slice"]


@op
class Slice(Op):
    """The box of `size` that starts at `begin`."""

    moving: bool = False  # True: `begin` is known only when the program runs, and no size is -1

    args = ("input:any", "begin:index", "size:index")

    @property
    def static_inputs(self) -> tuple[int, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]  # depends on `moving`
        """The size, and the begin unless it moves."""
        return (2,) if self.moving else (1, 2)

    def infer(self, x: Spec, begin: Spec, size: Spec) -> Spec:
        count = next((spec.shape[0] for spec in (begin, size) if spec.shape and spec.shape[0] is not None), None)
        if x.shape is not None and count is not None and count != len(x.shape):
            raise ShapeError(f"begin and size must have an entry per axis: {count} for {shape_text(x.shape)}.")
        rank = count if x.shape is None else len(x.shape)
        if rank is None:
            return Spec(x.dtype, None)
        sizes: Sequence[int | None] = (None,) * rank if size.value is None else size.value
        starts: Sequence[int | None] = (None,) * rank if begin.value is None else begin.value
        whole = (None,) * rank if x.shape is None else x.shape
        return Spec(
            x.dtype, tuple(_box(axis, *entry) for axis, entry in enumerate(zip(whole, starts, sizes, strict=True)))
        )

    def kernel(self, x: Array, begin: Any, size: Static) -> Array:
        if self.moving:
            return jax.lax.dynamic_slice(x, list(begin), [int(n) for n in size])
        ends = [whole if n == -1 else b + n for whole, b, n in zip(x.shape, begin, size, strict=True)]
        return jax.lax.slice(x, [int(b) for b in begin], [int(e) for e in ends])

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        if any(value is None for value in values) or any(value.dtype == object for value in values[1:]):
            return None
        x, begin, size = values
        return x[tuple(builtins.slice(b, None if n == -1 else b + n) for b, n in zip(begin, size, strict=True))]

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        x, begin, _ = node.inputs
        return apply(SliceGrad(self.moving), grad, begin, x), None, None

    def cost(self, x: Spec, begin: Spec, size: Spec) -> Cost:
        return Cost(0, bytes_of_part(self, x, begin, size))


def _box(axis: int, whole: int | None, start: int | None, size: int | None) -> int | None:
    """The size of a slice along one axis, checked."""
    if start is not None and start < 0:
        raise ShapeError(f"tf.slice starts at {start} on axis {axis}; a start must not be negative (x[-3:] may be).")
    if size == -1:
        if whole is not None and start is not None and start > whole:
            raise ShapeError(f"the slice starts at {start} on axis {axis}, which has size {whole}.")
        return None if whole is None or start is None else whole - start
    if size is not None and whole is not None and (start or 0) + size > whole:
        raise ShapeError(
            f"the slice from {start or 0} of size {size} reaches over axis {axis}, which has size {whole}."
        )
    return size


@op
class SliceGrad(Op):
    """Zeros in the shape of `like`, with `dy` at `begin`."""

    moving: bool = False

    args = ("dy", "begin:index", "like:any")

    @property
    def static_inputs(self) -> tuple[int, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]  # depends on `moving`
        """The begin unless it moves."""
        return () if self.moving else (1,)

    def infer(self, dy: Spec, begin: Spec, like: Spec) -> Spec:
        return Spec(dy.dtype, like.shape)

    def kernel(self, dy: Array, begin: Any, like: Array) -> Array:
        if self.moving:
            return jax.lax.dynamic_update_slice(jnp.zeros(like.shape, dy.dtype), dy, list(begin))
        edges = [(int(b), n - int(b) - d, 0) for b, n, d in zip(begin, like.shape, dy.shape, strict=True)]
        return jax.lax.pad(dy, jnp.zeros((), dy.dtype), edges)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        dy, begin, _ = node.inputs
        return apply(Slice(self.moving), grad, begin, shape(dy)), None, None

    def cost(self, dy: Spec, begin: Spec, like: Spec) -> Cost:
        return Cost(0, bytes_of_part(self, dy, begin, like))


def slice(input_: Any, begin: Any, size: Any, name: str | None = None) -> Tensor:
    """The box of `size` that starts at `begin`.

    Args:
        input_: a tensor.
        begin: where the box starts, an entry per axis. It may be computed by the graph.
        size: how large it is, an entry per axis; -1 for all that remains.
        name: name of the node.

    Returns:
        A tensor of shape `size`.

    Raises:
        ShapeError: if the box reaches over the tensor.

    Gradient: the gradient, put back at the same place among zeros.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.slice([[1, 2, 3], [4, 5, 6]], [0, 1], [2, -1]))
        array([[2, 3],
               [5, 6]], dtype=int32)
    """
    graph = graph_of([input_, begin, size])
    with graph.name_scope(name or "Slice") as scope:
        first, sizes = graph.as_tensor(begin, None, "begin"), graph.as_tensor(size, None, "size")
        return apply(Slice(_is_unknown(first) and not _has_rest(sizes)), input_, first, sizes, name=scope)


def _is_unknown(begin: Tensor) -> bool:
    """True if an entry is not known before running."""
    value = known_value(begin)
    return value is None or None in value


def _has_rest(size: Tensor) -> bool:
    """True if a size is, or could be, -1."""
    value = known_value(size)
    return value is None or -1 in value


@op
class ReverseV2(Op):
    """The input with some axes in reverse order."""

    args = ("tensor:any", "axis:index")
    static_inputs = (1,)

    def infer(self, x: Spec, axis: Spec) -> Spec:
        axes: tuple[Any, ...] = () if axis.value is None else axis.value
        for one in axes:
            if x.shape is not None and one is not None:
                normalize_axis(one, len(x.shape))
        return Spec(x.dtype, x.shape)

    def kernel(self, x: Array, axis: Static) -> Array:
        return jnp.flip(x, [int(one) for one in axis])

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        x, axis = values
        if x is None or axis is None or axis.dtype == object:
            return None
        flipped: Any = np.flip(x, tuple(int(one) for one in axis))
        return flipped

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return apply(ReverseV2(), grad, node.inputs[1]), None

    def cost(self, x: Spec, axis: Spec) -> Cost:
        return self.cost_with_flops(0, x, axis)


def reverse(tensor: Any, axis: Any, name: str | None = None) -> Tensor:
    """The same elements with some axes in reverse order.

    Args:
        tensor: a tensor.
        axis: a list of the axes to reverse.
        name: name of the node.

    Returns:
        A tensor of the same shape.

    Raises:
        ShapeError: if an axis is outside.

    Gradient: the gradient, reversed.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.reverse([[1, 2], [3, 4]], [0]))
        array([[3, 4],
               [1, 2]], dtype=int32)
    """
    return apply(ReverseV2(), tensor, axis, name=name)
