"""A tensor repeated: `tf.tile`, `tf.broadcast_to`. The gradient adds up what arrives at the copies.

Source: signatures and behaviour of `tensorflow/python/ops/array_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import jax.numpy as jnp
import numpy as np

from labkit.errors import ShapeError
from labkit.graph import Cost, Op, Operation, Spec, Tensor, apply, op
from labkit.ops.bases import Array, sum_like
from labkit.shapes import shape_text

__all__ = ["BroadcastTo", "Tile", "TileGrad", "broadcast_to", "tile"]

Static = np.ndarray[Any, Any]


@op
class Tile(Op):
    """The input repeated along each axis."""

    args = ("input:any", "multiples:index")
    static_inputs = (1,)

    def infer(self, x: Spec, multiples: Spec) -> Spec:
        count = multiples.shape[0] if multiples.shape else None
        if x.shape is None:
            return Spec(x.dtype, None if count is None else (None,) * count)
        if count is not None and count != len(x.shape):
            raise ShapeError(f"multiples has {count} entries, and {shape_text(x.shape)} has {len(x.shape)} axes.")
        times: Sequence[int | None] = (None,) * len(x.shape) if multiples.value is None else multiples.value
        sizes = zip(x.shape, times, strict=True)
        return Spec(x.dtype, tuple(None if n is None or m is None else n * m for n, m in sizes))

    def kernel(self, x: Array, multiples: Static) -> Array:
        return jnp.tile(x, [int(m) for m in multiples])

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        x, multiples = values
        return None if x is None or multiples is None or multiples.dtype == object else np.tile(x, multiples)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return apply(TileGrad(), grad, node.inputs[1]), None

    def cost(self, x: Spec, multiples: Spec) -> Cost:
        return self.cost_with_flops(0, x, multiples)


@op
class TileGrad(Op):
    """The sum over the repetitions that `Tile` makes."""

    args = ("grad", "multiples:index")
    static_inputs = (1,)

    def infer(self, x: Spec, multiples: Spec) -> Spec:
        if x.shape is None or multiples.value is None:
            return Spec(x.dtype, None if x.shape is None else (None,) * len(x.shape))
        sizes = zip(x.shape, cast("tuple[int | None, ...]", multiples.value), strict=True)
        return Spec(x.dtype, tuple(None if n is None or not m else n // m for n, m in sizes))

    def kernel(self, x: Array, multiples: Static) -> Array:
        pairs = [(int(m), n // max(int(m), 1)) for n, m in zip(x.shape, multiples, strict=True)]
        return jnp.sum(
            x.reshape([size for pair in pairs for size in pair]), tuple(range(0, 2 * x.ndim, 2)), dtype=x.dtype
        )

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return apply(Tile(), grad, node.inputs[1]), None


def tile(input: Any, multiples: Any, name: str | None = None) -> Tensor:
    """A tensor repeated along each axis.

    Args:
        input: a tensor.
        multiples: how often, an entry per axis.
        name: name of the node.

    Returns:
        A tensor of shape `shape(input) * multiples`.

    Raises:
        ShapeError: if `multiples` has another number of entries than `input` has axes.

    Gradient: the sum over the repetitions.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.tile([[1, 2]], [2, 2]))
        array([[1, 2, 1, 2],
               [1, 2, 1, 2]], dtype=int32)
    """
    return apply(Tile(), input, multiples, name=name)


@op
class BroadcastTo(Op):
    """The input, broadcast to a shape."""

    args = ("input:any", "shape:index")
    static_inputs = (1,)

    def infer(self, x: Spec, shape: Spec) -> Spec:
        if shape.value is None:
            return Spec(x.dtype, (None,) * shape.shape[0] if shape.shape and shape.shape[0] is not None else None)
        target = cast("tuple[int | None, ...]", shape.value)
        if x.shape is not None:
            padded = (1,) * (len(target) - len(x.shape)) + x.shape
            bad = len(padded) != len(target) or any(
                n not in (1, m) for n, m in zip(padded, target, strict=True) if n is not None and m is not None
            )
            if bad:
                raise ShapeError(f"{shape_text(x.shape)} cannot be broadcast to {shape_text(target)}.")
        return Spec(x.dtype, target)

    def kernel(self, x: Array, shape: Static) -> Array:
        return jnp.broadcast_to(x, [int(size) for size in shape])

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return sum_like(grad, node.inputs[0]), None

    def cost(self, x: Spec, shape: Spec) -> Cost:
        return self.cost_with_flops(0, x, shape)


def broadcast_to(input: Any, shape: Any, name: str | None = None) -> Tensor:
    """A tensor broadcast to a shape by NumPy's rule.

    Args:
        input: a tensor.
        shape: the sizes of the result.
        name: name of the node.

    Returns:
        A tensor of shape `shape`.

    Raises:
        ShapeError: if the shapes do not broadcast.

    Gradient: the sum over the broadcast axes.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.broadcast_to([1, 2], [2, 2]))
        array([[1, 2],
               [1, 2]], dtype=int32)
    """
    return apply(BroadcastTo(), input, shape, name=name)
