"""Rows to where they belong, and back: `tf.dynamic_partition`, `tf.dynamic_stitch`.

How many rows fall to a part is the shape of that part, so the numbers of the parts must be known while the program is
compiled: a constant, or fed. The program is compiled anew for each of them.

Source: signatures and behaviour of `tensorflow/python/ops/data_flow_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from labkit.graph import Cost, Op, Operation, Spec, Tensor, apply, apply_node, op
from labkit.ops.array import reshape, shape, size
from labkit.ops.bases import Array
from labkit.ops.gathering import gather
from labkit.ops.ranges import range as range_op
from labkit.shapes import merge

__all__ = ["DynamicPartition", "DynamicStitch", "dynamic_partition", "dynamic_stitch"]

Static = np.ndarray[Any, Any]


@op
class DynamicPartition(Op):
    """The rows of the input, each in the part that `partitions` says."""

    num_partitions: int

    args = ("data:any", "partitions:int32")
    static_inputs = (1,)

    def infer(self, data: Spec, partitions: Spec) -> tuple[Spec, ...]:
        if data.shape is None or partitions.shape is None:
            return (Spec(data.dtype, None),) * self.num_partitions
        depth = len(partitions.shape)
        merge(data.shape[:depth], partitions.shape)
        counts: list[int | None] = [None] * self.num_partitions
        if partitions.value is not None:
            flat: list[Any] = np.ravel(np.array(partitions.value, object)).tolist()
            if None not in flat:
                counts = [flat.count(part) for part in range(self.num_partitions)]
        return tuple(Spec(data.dtype, (count, *data.shape[depth:])) for count in counts)

    def kernel(self, data: Array, partitions: Static) -> tuple[Array, ...]:
        return tuple(data[np.nonzero(partitions == part)] for part in range(self.num_partitions))

    def gradient(self, node: Operation, *grads: Tensor) -> Sequence[Tensor | None]:
        data, partitions = node.inputs
        places = reshape(range_op(size(partitions)), shape(partitions))
        numbers = dynamic_partition(places, partitions, self.num_partitions)
        return reshape(dynamic_stitch(numbers, list(grads)), shape(data)), None

    def cost(self, data: Spec, partitions: Spec) -> Cost:
        return Cost(0, 2.0 * (data.size_bytes() or 0))


def dynamic_partition(data: Any, partitions: Any, num_partitions: int, name: str | None = None) -> list[Tensor]:
    """The rows of a tensor, dealt out to parts.

    Args:
        data: (n, ...) a tensor.
        partitions: (n,) int32: the part of each row; known while the program is compiled (a constant, or fed).
        num_partitions: how many parts there are.
        name: name of the node.

    Returns:
        A list of `num_partitions` tensors.

    Raises:
        ShapeError: if `partitions` does not have an entry per row.

    Gradient: the gradients, each row back in its place.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.dynamic_partition([10, 20, 30], [1, 0, 1], 2))
        [array([20], dtype=int32), array([10, 30], dtype=int32)]
    """
    return apply_node(DynamicPartition(num_partitions), data, partitions, name=name).outputs


@op
class DynamicStitch(Op):
    """Rows of several tensors, each at the place that its index says; the last one named stays."""

    N: int

    args = ("*inputs:any",)

    @property
    def static_inputs(self) -> tuple[int, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]  # the first N of 2 N
        """The indices."""
        return tuple(range(self.N))

    def infer(self, *inputs: Spec) -> Spec:
        indices, data = inputs[: self.N], inputs[self.N :]
        rest: tuple[int | None, ...] | None = None
        for places, rows in zip(indices, data, strict=True):
            if places.shape is not None and rows.shape is not None:
                merge(places.shape, rows.shape[: len(places.shape)])
                rest = merge(rest, rows.shape[len(places.shape) :])
        flat: list[Any] = [entry for spec in indices for entry in np.ravel(np.array(spec.value, object)).tolist()]
        count = None if None in flat else max(flat, default=-1) + 1
        return Spec(data[0].dtype, None if rest is None else (count, *rest))

    def kernel(self, *inputs: Any) -> Array:
        indices, data = inputs[: self.N], inputs[self.N :]
        flat = np.concatenate([np.ravel(places) for places in indices])
        pairs = zip(indices, data, strict=True)
        rows = jnp.concatenate([part.reshape(np.size(i), *part.shape[np.ndim(i) :]) for i, part in pairs])
        count = int(flat.max()) + 1 if flat.size else 0
        last = np.full(count, -1)
        last[flat] = np.arange(flat.size)
        picked = jnp.take(rows, np.maximum(last, 0), axis=0)
        missing = (last < 0).reshape(-1, *[1] * (rows.ndim - 1))
        return jnp.where(missing, jnp.zeros((), rows.dtype), picked) if missing.any() else picked

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        indices = node.inputs[: self.N]
        return [*[None] * self.N, *(gather(grad, places) for places in indices)]

    def cost(self, *inputs: Spec) -> Cost:
        return Cost(0, 2.0 * sum(spec.size_bytes() or 0 for spec in inputs[self.N :]))


def dynamic_stitch(indices: Any, data: Any, name: str | None = None) -> Tensor:
    """Rows of several tensors put together, each at the place that its index says.

    Args:
        indices: a list of int32 tensors, known while the program is compiled (constants, or fed).
        data: a list of tensors: `data[i].shape` starts with `indices[i].shape`.
        name: name of the node.

    Returns:
        A tensor of as many rows as the largest index plus one. A place that is named twice keeps the last row.

    Raises:
        ShapeError: if the shapes do not fit.
        ValueError: if the lists are empty or of different lengths.

    Gradient: to each tensor, its rows of the gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.dynamic_stitch([[1], [0, 2]], [[20], [10, 30]]))
        array([10, 20, 30], dtype=int32)
    """
    places, rows = list(indices), list(data)
    if not places or len(places) != len(rows):
        raise ValueError(f"tf.dynamic_stitch takes as many indices as data: {len(places)} and {len(rows)}.")
    return apply(DynamicStitch(len(places)), *places, *rows, name=name or "DynamicStitch")
