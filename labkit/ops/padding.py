"""`tf.pad`: a tensor with more around it, be it zeros or its own mirror image.

Source: signatures and behaviour of `tensorflow/python/ops/array_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import jax.numpy as jnp
import numpy as np

from labkit.errors import ShapeError
from labkit.graph import Cost, Op, Operation, Spec, Tensor, apply, op
from labkit.ops.bases import Array, vjp
from labkit.shapes import shape_text

__all__ = ["MirrorPad", "Pad", "PadV2", "Unpad", "pad"]

Static = np.ndarray[Any, Any]


def _padded(x: Spec, paddings: Spec, sign: int = 1) -> tuple[int | None, ...] | None:
    """The static shape with the paddings added (or taken away)."""
    if paddings.shape is not None and (len(paddings.shape) != 2 or paddings.shape[1] not in (2, None)):
        raise ShapeError(
            f"paddings must be a pair (before, after) per axis, and it has shape {shape_text(paddings.shape)}."
        )
    count = None if paddings.shape is None else paddings.shape[0]
    if x.shape is None:
        return None if count is None else (None,) * count
    if count is not None and count != len(x.shape):
        raise ShapeError(f"paddings has {count} rows, and {shape_text(x.shape)} has {len(x.shape)} axes.")
    if paddings.value is None:
        return (None,) * len(x.shape)
    pairs = cast("tuple[tuple[int | None, int | None], ...]", paddings.value)
    return tuple(
        None if n is None or before is None or after is None else n + sign * (before + after)
        for n, (before, after) in zip(x.shape, pairs, strict=True)
    )


def _pairs(paddings: Static) -> list[tuple[int, int]]:
    return [(int(before), int(after)) for before, after in paddings]


@op
class Pad(Op):
    """The input with zeros around it."""

    args = ("input:any", "paddings:index")
    static_inputs = (1,)

    def infer(self, x: Spec, paddings: Spec) -> Spec:
        return Spec(x.dtype, _padded(x, paddings))

    def kernel(self, x: Array, paddings: Static) -> Array:
        return jnp.pad(x, _pairs(paddings))

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return apply(Unpad(), grad, node.inputs[1]), None

    def cost(self, x: Spec, paddings: Spec) -> Cost:
        return self.cost_with_flops(0, x, paddings)


@op
class PadV2(Op):
    """The input with one value around it."""

    args = ("input", "paddings:index", "constant_values")
    static_inputs = (1,)

    def infer(self, x: Spec, paddings: Spec, value: Spec) -> Spec:
        return Spec(x.dtype, _padded(x, paddings))

    def kernel(self, x: Array, paddings: Static, value: Array) -> Array:
        return jnp.pad(x, _pairs(paddings), constant_values=value)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return vjp(node, grad)

    def cost(self, x: Spec, paddings: Spec, value: Spec) -> Cost:
        return self.cost_with_flops(0, x, paddings, value)


@op
class Unpad(Op):
    """The input without the paddings: the gradient of `Pad`."""

    args = ("input", "paddings:index")
    static_inputs = (1,)

    def infer(self, x: Spec, paddings: Spec) -> Spec:
        return Spec(x.dtype, _padded(x, paddings, -1))

    def kernel(self, x: Array, paddings: Static) -> Array:
        return x[tuple(slice(before, n - after) for n, (before, after) in zip(x.shape, _pairs(paddings), strict=True))]

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return apply(Pad(), grad, node.inputs[1]), None

    def cost(self, x: Spec, paddings: Spec) -> Cost:
        return self.cost_with_flops(0, x, paddings)


@op
class MirrorPad(Op):
    """The input with its mirror image around it; "REFLECT" leaves the edge out, "SYMMETRIC" repeats it."""

    mode: str

    args = ("input:any", "paddings:index")
    static_inputs = (1,)

    def infer(self, x: Spec, paddings: Spec) -> Spec:
        if x.shape is not None and paddings.value is not None:
            edge = 1 if self.mode == "REFLECT" else 0
            for axis, (n, pair) in enumerate(zip(x.shape, paddings.value, strict=False)):
                if n is not None and None not in pair and max(pair) > n - edge:
                    raise ShapeError(f"axis {axis} has size {n}: a {self.mode} padding of {max(pair)} is too wide.")
        return Spec(x.dtype, _padded(x, paddings))

    def kernel(self, x: Array, paddings: Static) -> Array:
        return jnp.pad(x, _pairs(paddings), mode=self.mode.lower())

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return vjp(node, grad)

    def cost(self, x: Spec, paddings: Spec) -> Cost:
        return self.cost_with_flops(0, x, paddings)


def pad(
    tensor: Any, paddings: Any, mode: str = "CONSTANT", name: str | None = None, constant_values: Any = 0
) -> Tensor:
    """A tensor with more around it.

    Args:
        tensor: a tensor.
        paddings: (rank, 2): how many entries to add before and after, per axis.
        mode: "CONSTANT", "REFLECT" (mirror without the edge) or "SYMMETRIC" (mirror with the edge); case is ignored.
        name: name of the node.
        constant_values: what to add in "CONSTANT" mode.

    Returns:
        A tensor, larger by the paddings.

    Raises:
        ShapeError: if `paddings` does not fit, or mirrors more than there is.
        ValueError: for another mode.

    Gradient: the gradient without the paddings; in the mirror modes also what arrives at the images.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.pad([[1, 2, 3]], [[1, 0], [0, 2]]))
        array([[0, 0, 0, 0, 0],
               [1, 2, 3, 0, 0]], dtype=int32)
    """
    kind = mode.upper()
    if kind not in ("CONSTANT", "REFLECT", "SYMMETRIC"):
        raise ValueError(f'the mode of tf.pad is "CONSTANT", "REFLECT" or "SYMMETRIC", not {mode!r}.')
    if kind != "CONSTANT":
        return apply(MirrorPad(kind), tensor, paddings, name=name)
    if isinstance(constant_values, (int, float)) and constant_values == 0:
        return apply(Pad(), tensor, paddings, name=name)
    return apply(PadV2(), tensor, paddings, constant_values, name=name)
