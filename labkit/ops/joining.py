"""Tensors joined along an axis that they have, and cut again: `tf.concat`, `tf.split`.

The gradient of joining is cutting, and that of cutting is joining. (`labkit/ops/stacking.py` makes a new axis.)

Source: signatures and behaviour of `tensorflow/python/ops/array_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import jax.numpy as jnp
import numpy as np

from labkit.dtypes import string
from labkit.errors import ShapeError
from labkit.graph import Cost, Op, Operation, Spec, Tensor, apply, apply_node, constant_value, graph_of, op
from labkit.ops.array import identity
from labkit.ops.bases import Array
from labkit.shapes import normalize_axis, shape_text

__all__ = ["ConcatV2", "Split", "SplitLike", "SplitV", "concat", "joined", "split", "unknown_array"]


Static = np.ndarray[Any, Any]


def _axis(spec: Spec, rank: int) -> int | None:
    """A static axis counted from the front, or None if unknown."""
    value: Any = spec.value
    if isinstance(value, tuple):
        (value,) = cast("tuple[Any]", value)
    return None if value is None else normalize_axis(value, rank)


def _number(value: Static) -> int:
    """A static scalar, perhaps given as a vector of one."""
    return int(value.reshape(()))


@op
class ConcatV2(Op):
    """The inputs one after another along an axis."""

    N: int

    args = ("*values", "axis:index")

    @property
    def static_inputs(self) -> tuple[int, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]  # the last of N + 1
        """The axis."""
        return (self.N,)

    def infer(self, *inputs: Spec) -> Spec:
        *values, axis = inputs
        known = [spec.shape for spec in values if spec.shape is not None]
        if not known:
            return Spec(values[0].dtype, None)
        rank = len(known[0])
        if any(len(shape) != rank for shape in known):
            listed = ", ".join(shape_text(shape) for shape in known)
            raise ShapeError(f"all must have the same number of axes to be joined, and these have not: {listed}.")
        if rank == 0:
            raise ShapeError("single numbers have no axis to be joined along; tf.stack makes a vector of them.")
        place = _axis(axis, rank)
        if place is None:
            return Spec(values[0].dtype, (None,) * rank)
        merged: list[int | None] = [None] * rank
        for shape in known:
            for i in range(rank):
                if i != place and None not in (shape[i], merged[i]) and shape[i] != merged[i]:
                    raise ShapeError(
                        f"cannot join along axis {place}: axis {i} has size {merged[i]} in one, {shape[i]} in another."
                    )
                merged[i] = shape[i] if merged[i] is None else merged[i]
        sizes = [None if spec.shape is None else spec.shape[place] for spec in values]
        merged[place] = None if None in sizes else sum(size or 0 for size in sizes)
        return Spec(values[0].dtype, tuple(merged))

    def kernel(self, *inputs: Any) -> Array:
        return jnp.concatenate(inputs[:-1], _number(inputs[-1]))

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        axis = values[-1]
        parts = [unknown_array(spec) if v is None else v for spec, v in zip(specs[:-1], values[:-1], strict=True)]
        if axis is None or axis.dtype == object or any(part is None for part in parts):
            return None
        return joined(np.concatenate, parts, _number(axis), specs[0])

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        *values, axis = node.inputs
        return [*apply_node(SplitLike(len(values)), grad, *values, axis).outputs, None]

    def cost(self, *inputs: Spec) -> Cost:
        return self.cost_with_flops(0, *inputs)


def unknown_array(spec: Spec) -> Any:
    """An array of unknown entries, in a known shape."""
    if spec.shape is None or None in spec.shape or spec.dtype is string:
        return None
    return np.full(cast("Any", spec.shape), None, object)


def joined(join: Any, parts: Sequence[Any], axis: int, spec: Spec) -> Any:
    """The parts joined; of the spec's dtype if every entry is known."""
    result: Any = join([np.asarray(part, object) for part in parts], axis)
    if any(entry is None for entry in result.flat):
        return result
    return result.astype(spec.dtype.np_dtype)


def _concat(values: Sequence[Tensor], axis: Tensor) -> Tensor:
    return apply(ConcatV2(len(values)), *values, axis) if len(values) > 1 else values[0]


@op
class SplitLike(Op):
    """The input cut along an axis into pieces as large as the others: the gradient of joining them."""

    N: int

    args = ("x", "*likes:any", "axis:index")

    @property
    def static_inputs(self) -> tuple[int, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]  # the last of N + 2
        """The axis."""
        return (self.N + 1,)

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        return tuple(Spec(inputs[0].dtype, like.shape) for like in inputs[1:-1])

    def kernel(self, *inputs: Any) -> tuple[Array, ...]:
        x, *likes, axis = inputs
        place = _number(axis)
        ends = np.cumsum([like.shape[place] for like in likes])[:-1]
        return tuple(jnp.split(x, ends.tolist(), place))

    def gradient(self, node: Operation, *grads: Tensor) -> Sequence[Tensor | None]:
        return [apply(ConcatV2(self.N), *grads, node.inputs[-1]), *[None] * (self.N + 1)]

    def cost(self, *inputs: Spec) -> Cost:
        return Cost(0, 2.0 * (inputs[0].size_bytes() or 0))


def concat(values: Any, axis: Any, name: str | None = "concat") -> Tensor:
    """Tensors one after another along an axis that they have. (`tf.stack` makes a new axis.)

    Args:
        values: a list of tensors, of shapes that differ only along `axis`.
        axis: the axis; negative counts from the end.
        name: name of the node.

    Returns:
        A tensor.

    Raises:
        ShapeError: if the shapes do not fit.

    Gradient: to each, its piece of the gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.concat([[[1, 2], [3, 4]], [[5], [6]]], 1))
        array([[1, 2, 5],
               [3, 4, 6]], dtype=int32)
    """
    listed: list[Any] = list(cast("Any", values)) if isinstance(values, (list, tuple)) else [values]
    if not listed:
        raise ValueError("tf.concat needs at least one tensor.")
    if len(listed) == 1:
        return identity(listed[0], name=name)
    return apply(ConcatV2(len(listed)), *listed, axis, name=name or "concat")


@op
class Split(Op):
    """The input cut along an axis into equal pieces."""

    num_split: int

    args = ("split_dim:index", "value:any")
    static_inputs = (0,)

    def infer(self, axis: Spec, x: Spec) -> tuple[Spec, ...]:
        shape = x.shape
        if shape is not None:
            place = _axis(axis, len(shape))
            if place is None:
                shape = (None,) * len(shape)
            else:
                size = shape[place]
                if size is not None and size % self.num_split:
                    raise ShapeError(f"axis {place} has size {size}, which is not a multiple of {self.num_split}.")
                piece = None if size is None else size // self.num_split
                shape = (*shape[:place], piece, *shape[place + 1 :])
        return (Spec(x.dtype, shape),) * self.num_split

    def kernel(self, axis: Any, x: Array) -> tuple[Array, ...]:
        return tuple(jnp.split(x, self.num_split, _number(axis)))

    def gradient(self, node: Operation, *grads: Tensor) -> Sequence[Tensor | None]:
        return None, _concat(grads, node.inputs[0])

    def cost(self, axis: Spec, x: Spec) -> Cost:
        return self.cost_with_flops(0, axis, x)


@op
class SplitV(Op):
    """The input cut along an axis into pieces of given sizes."""

    num_split: int

    args = ("value:any", "size_splits:index", "split_dim:index")
    static_inputs = (1, 2)

    def infer(self, x: Spec, sizes: Spec, axis: Spec) -> tuple[Spec, ...]:
        if x.shape is None:
            return (Spec(x.dtype, None),) * self.num_split
        place = _axis(axis, len(x.shape))
        if place is None:
            return (Spec(x.dtype, (None,) * len(x.shape)),) * self.num_split
        pieces: list[int | None] = [None] * self.num_split if sizes.value is None else list(sizes.value)
        whole = x.shape[place]
        if None not in pieces and whole is not None:
            rest = whole - sum(size for size in pieces if size is not None and size >= 0)
            if rest < 0 or (rest and -1 not in pieces):
                raise ShapeError(f"axis {place} has size {whole}, and the pieces {pieces} do not add up to it.")
            pieces = [rest if size == -1 else size for size in pieces]
        pieces = [None if size == -1 else size for size in pieces]
        return tuple(Spec(x.dtype, (*x.shape[:place], size, *x.shape[place + 1 :])) for size in pieces)

    def kernel(self, x: Array, sizes: Static, axis: Static) -> tuple[Array, ...]:
        place = _number(axis)
        rest = x.shape[place] - int(sizes[sizes >= 0].sum())
        ends = np.cumsum([rest if size < 0 else int(size) for size in sizes])[:-1]
        return tuple(jnp.split(x, ends.tolist(), place))

    def gradient(self, node: Operation, *grads: Tensor) -> Sequence[Tensor | None]:
        return _concat(grads, node.inputs[2]), None, None

    def cost(self, x: Spec, sizes: Spec, axis: Spec) -> Cost:
        return self.cost_with_flops(0, x, sizes, axis)


def split(
    value: Any, num_or_size_splits: Any, axis: Any = 0, num: int | None = None, name: str | None = "split"
) -> list[Tensor]:
    """A tensor cut along an axis.

    Args:
        value: a tensor.
        num_or_size_splits: into how many equal pieces, or a list of their sizes (one may be -1: what is left).
        axis: the axis; negative counts from the end.
        num: how many pieces, where the sizes are a tensor of unknown length.
        name: name of the node.

    Returns:
        A list of tensors.

    Raises:
        ShapeError: if the pieces do not add up to the size of the axis.

    Gradient: the gradients, joined.

    Example:
        >>> import labkit as tf
        >>> [piece.get_shape().as_list() for piece in tf.split(tf.zeros([5, 30]), [4, 15, 11], 1)]
        [[5, 4], [5, 15], [5, 11]]
    """
    if isinstance(num_or_size_splits, int):
        return apply_node(Split(int(num_or_size_splits)), axis, value, name=name or "split").outputs
    graph = graph_of([value, num_or_size_splits])
    with graph.name_scope(name or "split") as scope:
        sizes = graph.as_tensor(num_or_size_splits, None, "size_splits")
        length = sizes.static_shape
        if length == ():
            number = constant_value(sizes)
            if number is None:
                raise ShapeError(
                    f"how many pieces to cut must be known now, and {sizes.name!r} is known only when it runs.\n"
                    "  Try: a Python number."
                )
            return apply_node(Split(int(number)), axis, value, name=scope).outputs
        count = num if num is not None else length[0] if length else None
        if count is None:
            raise ShapeError(f"how many pieces {sizes.name!r} says is unknown.\n  Try: tf.split(..., num=...).")
        return apply_node(SplitV(count), value, sizes, axis, name=scope).outputs
