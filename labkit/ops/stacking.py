"""Tensors stacked along a new axis, and taken apart again: `tf.stack`, `tf.unstack`.

`Pack` and `Unpack` are each other's gradient. (`labkit/ops/joining.py` joins along an axis that the tensors have.)

Source: signatures and behaviour of `tensorflow/python/ops/array_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from labkit.errors import ShapeError
from labkit.graph import Cost, Op, Operation, Spec, Tensor, apply, apply_node, graph_of, op
from labkit.ops.bases import Array
from labkit.ops.joining import joined, unknown_array
from labkit.shapes import Shape, merge, normalize_axis, shape_text

__all__ = ["Pack", "Unpack", "parallel_stack", "stack", "unstack"]


@op
class Pack(Op):
    """The inputs stacked along a new axis."""

    axis: int = 0

    args = ("*values",)

    def infer(self, *values: Spec) -> Spec:
        shape: Shape = None
        for position, spec in enumerate(values):
            try:
                shape = merge(shape, spec.shape)
            except ShapeError:
                raise ShapeError(
                    f"tensors to stack must have one shape, and they have {shape_text(values[0].shape)} and "
                    f"{shape_text(spec.shape)} (number {position})."
                ) from None
        if shape is None:
            return Spec(values[0].dtype, None)
        place = normalize_axis(self.axis, len(shape) + 1)
        return Spec(values[0].dtype, (*shape[:place], len(values), *shape[place:]))

    def kernel(self, *values: Array) -> Array:
        return jnp.stack(values, self.axis)

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        parts = [unknown_array(spec) if v is None else v for spec, v in zip(specs, values, strict=True)]
        return None if any(part is None for part in parts) else joined(np.stack, parts, self.axis, specs[0])

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return unstack(grad, len(node.inputs), self.axis)

    def cost(self, *values: Spec) -> Cost:
        return self.cost_with_flops(0, *values)


def stack(values: Any, axis: int = 0, name: str | None = "stack") -> Tensor:
    """Tensors of one shape, stacked along a new axis. (`tf.concat` joins along an axis that they have.)

    Args:
        values: a list of tensors of one shape and dtype.
        axis: where the new axis stands in the result; negative counts from the end.
        name: name of the node.

    Returns:
        A tensor with one more axis, of size `len(values)`.

    Raises:
        ShapeError: if the shapes differ.

    Gradient: to each, its row of the gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.stack([[1, 4], [2, 5], [3, 6]], axis=1))
        array([[1, 2, 3],
               [4, 5, 6]], dtype=int32)
    """
    listed: list[Any] = list(values)
    if not listed:
        raise ValueError("tf.stack needs at least one tensor.")
    return apply(Pack(axis), *listed, name=name or "stack")


def parallel_stack(values: Any, name: str | None = "parallel_stack") -> Tensor:
    """`tf.stack` along axis 0; in TensorFlow each piece is copied as soon as it is there.

    Args:
        values: a list of tensors of one shape and dtype.
        name: name of the node.

    Returns:
        A tensor with one more axis, the first.

    Example:
        >>> import labkit as tf
        >>> tf.parallel_stack([[1, 4], [2, 5]]).get_shape().as_list()
        [2, 2]
    """
    return stack(values, 0, name or "parallel_stack")


@op
class Unpack(Op):
    """The rows of the input along an axis, which goes away."""

    num: int
    axis: int = 0

    args = ("value:any",)

    def infer(self, x: Spec) -> tuple[Spec, ...]:
        shape: Shape = None
        if x.shape is not None:
            place = normalize_axis(self.axis, len(x.shape))
            if x.shape[place] not in (None, self.num):
                raise ShapeError(
                    f"axis {place} has size {x.shape[place]}, so it does not unstack into {self.num} tensors."
                )
            shape = x.shape[:place] + x.shape[place + 1 :]
        return (Spec(x.dtype, shape),) * self.num

    def kernel(self, x: Array) -> tuple[Array, ...]:
        return tuple(jnp.moveaxis(x, self.axis, 0)[i] for i in range(self.num))

    def gradient(self, node: Operation, *grads: Tensor) -> Tensor:
        return stack(grads, self.axis)

    def cost(self, x: Spec) -> Cost:
        return self.cost_with_flops(0, x)


def unstack(value: Any, num: int | None = None, axis: int = 0, name: str | None = "unstack") -> list[Tensor]:
    """The rows of a tensor along an axis, as a list of tensors.

    Args:
        value: a tensor.
        num: how many rows; from the static shape if None.
        axis: the axis, which goes away; negative counts from the end.
        name: name of the node.

    Returns:
        A list of tensors with one axis less.

    Raises:
        ShapeError: if `num` is needed and not given, or is wrong.

    Gradient: the gradients, stacked.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.unstack([[1, 2], [3, 4]], axis=1))
        [array([1, 3], dtype=int32), array([2, 4], dtype=int32)]
    """
    graph = graph_of([value])
    x = graph.as_tensor(value, None, "value")
    if num is None:
        shape = x.static_shape
        num = None if shape is None else shape[normalize_axis(axis, len(shape))]
        if num is None:
            raise ShapeError(
                f"how many rows {x.name!r} has along axis {axis} is known only when it runs: its shape is "
                f"{shape_text(shape)}.\n  Try: tf.unstack(x, num=...), or tf.map_fn(fn, x) to go over the rows."
            )
    return apply_node(Unpack(num, axis), x, name=name or "unstack").outputs
