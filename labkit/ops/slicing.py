"""Parts of a tensor: `tf.slice`, `tf.strided_slice`, `x[1:3, ..., tf.newaxis]`, `tf.reverse`.

What a slice takes must be known while the program is compiled, since its size is the shape of the result. Where it
starts may be computed: `tf.slice(x, [i, 0], [2, 3])` and `x[i]` work for any `i`, as JAX's `dynamic_slice` does. Such a
start is moved inside the tensor if it would reach over the end, where TensorFlow raises an error.

The gradient of a slice is the gradient, put back at the same place among zeros: `SliceGrad`, `StridedSliceGrad`.

Source: signatures and behaviour of `tensorflow/python/ops/array_ops.py` (1.4).
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from labkit.errors import ShapeError
from labkit.graph import Cost, Op, Operation, Spec, Tensor, apply, graph_of, known_value, op
from labkit.ops.array import shape
from labkit.ops.bases import Array
from labkit.shapes import normalize_axis, shape_text

__all__ = [
    "DynamicIndex", "DynamicIndexGrad", "ReverseV2", "Slice", "SliceGrad", "StridedSlice", "StridedSliceGrad",
    "reverse", "slice", "strided_slice",
]  # fmt: skip

transposed: Any = cast("Any", jax.linear_transpose)  # these three are typed too loosely for a strict checker
dynamic_index: Any = jax.lax.dynamic_index_in_dim
dynamic_update: Any = jax.lax.dynamic_update_index_in_dim
Key = tuple[Any, ...]
Static = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Masked(Op):
    """Base of the strided slice and its gradient: the five masks, one bit per entry of the key.

    Args:
        begin_mask: entries whose begin is left out.
        end_mask: entries whose end is left out.
        ellipsis_mask: the entry that is `...`.
        new_axis_mask: entries that are `tf.newaxis`.
        shrink_axis_mask: entries that are single numbers, and take their axis away.
    """

    begin_mask: int = 0
    end_mask: int = 0
    ellipsis_mask: int = 0
    new_axis_mask: int = 0
    shrink_axis_mask: int = 0

    def key(self, begin: Any, end: Any, strides: Any) -> Key:
        """The Python index that the three vectors and the masks stand for."""
        parts: list[Any] = []
        for position, (first, last, step) in enumerate(zip(begin, end, strides, strict=True)):
            bit = 1 << position
            if self.ellipsis_mask & bit:
                parts.append(Ellipsis)
            elif self.new_axis_mask & bit:
                parts.append(None)
            elif self.shrink_axis_mask & bit:
                parts.append(int(first))
            else:
                parts.append(
                    builtins.slice(
                        None if self.begin_mask & bit else int(first),
                        None if self.end_mask & bit else int(last),
                        int(step),
                    )
                )
        return tuple(parts)


@op
class StridedSlice(Masked):
    """x[begin:end:stride, ...], as NumPy slices."""

    args = ("input:any", "begin:index", "end:index", "strides:index")
    static_inputs = (1, 2, 3)
    static_advice = "tf.slice(x, begin, size): it may begin where the program says, if its size is known."

    def infer(self, x: Spec, begin: Spec, end: Spec, strides: Spec) -> Spec:
        count = next(
            (spec.shape[0] for spec in (begin, end, strides) if spec.shape and spec.shape[0] is not None), None
        )
        if x.shape is None or count is None:
            return Spec(x.dtype, None)
        unknown = (None,) * count
        return Spec(
            x.dtype, self._sliced(x.shape, begin.value or unknown, end.value or unknown, strides.value or unknown)
        )

    def _sliced(self, sizes: tuple[int | None, ...], begin: Any, end: Any, strides: Any) -> tuple[int | None, ...]:
        bits = [1 << i for i in range(len(begin))]
        used = sum(not (bit & (self.new_axis_mask | self.ellipsis_mask)) for bit in bits)
        if used > len(sizes):
            raise ShapeError(f"too many indices: {used} for the shape {shape_text(sizes)} of {len(sizes)} axes.")
        result: list[int | None] = []
        axis = 0
        for bit, first, last, step in zip(bits, begin, end, strides, strict=True):
            if self.ellipsis_mask & bit:
                skipped = len(sizes) - used
                result.extend(sizes[axis : axis + skipped])
                axis += skipped
            elif self.new_axis_mask & bit:
                result.append(1)
            else:
                size = sizes[axis]
                if self.shrink_axis_mask & bit:
                    if size is not None and first is not None and not -size <= first < size:
                        raise ShapeError(f"index {first} is outside axis {axis}, which has size {size}.")
                else:
                    result.append(self._length(size, first, last, step, bit))
                axis += 1
        return (*result, *sizes[axis:])

    def _length(self, size: int | None, first: int | None, last: int | None, step: int | None, bit: int) -> int | None:
        first_free, last_free = bool(self.begin_mask & bit), bool(self.end_mask & bit)
        if step == 0:
            raise ShapeError("the stride of a slice must not be 0.")
        if first_free and last_free and step in (1, -1):
            return size
        if size is None or step is None or (first is None and not first_free) or (last is None and not last_free):
            return None
        return len(
            range(*builtins.slice(None if first_free else first, None if last_free else last, step).indices(size))
        )

    def kernel(self, x: Array, begin: Static, end: Static, strides: Static) -> Array:
        return x[self.key(begin, end, strides)]

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        if any(value is None for value in values) or any(value.dtype == object for value in values[1:]):
            return None
        x, begin, end, strides = values
        picked: Any = x[self.key(begin, end, strides)]
        if isinstance(picked, np.ndarray):
            return cast("Any", picked)
        return np.array(picked, x.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return apply(StridedSliceGrad(**self.attributes()), *node.inputs, grad), None, None, None

    def cost(self, x: Spec, begin: Spec, end: Spec, strides: Spec) -> Cost:
        return Cost(0, _moved(self, x, begin, end, strides))


def _moved(kind: Op, *inputs: Spec) -> float:
    """Bytes read and written by an op that reads just the part that it returns."""
    return 2.0 * sum(spec.size_bytes() or 0 for spec in kind.output_specs(*inputs))


@op
class StridedSliceGrad(Masked):
    """Zeros in the shape of `like`, with `dy` at the places that the strided slice takes."""

    args = ("like:any", "begin:index", "end:index", "strides:index", "dy")
    static_inputs = (1, 2, 3)

    def infer(self, like: Spec, begin: Spec, end: Spec, strides: Spec, dy: Spec) -> Spec:
        return Spec(dy.dtype, like.shape)

    def kernel(self, like: Array, begin: Static, end: Static, strides: Static, dy: Array) -> Array:
        key = self.key(begin, end, strides)
        shaped = jax.ShapeDtypeStruct(like.shape, dy.dtype)

        def pick(x: Array) -> Array:
            return x[key]

        return transposed(pick, shaped)(dy)[0]

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return None, None, None, None, apply(StridedSlice(**self.attributes()), grad, *node.inputs[1:4])

    def cost(self, *inputs: Spec) -> Cost:
        return Cost(0, _moved(self, *inputs))


def strided_slice(
    input_: Any, begin: Any, end: Any, strides: Any = None, begin_mask: int = 0, end_mask: int = 0,
    ellipsis_mask: int = 0, new_axis_mask: int = 0, shrink_axis_mask: int = 0, var: Any = None,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """What `x[begin:end:stride, ...]` does, with the parts of the index in vectors. Write `x[...]` where you can.

    Args:
        input_: a tensor.
        begin: for each axis where the slice starts; negative counts from the end.
        end: where it ends (exclusive).
        strides: its step, negative to go backwards; ones if None.
        begin_mask: bit i set: `begin[i]` is ignored, the slice starts at the edge.
        end_mask: bit i set: `end[i]` is ignored.
        ellipsis_mask: bit i set: entry i is `...`.
        new_axis_mask: bit i set: entry i is a new axis of size 1.
        shrink_axis_mask: bit i set: entry i is the single number `begin[i]`, and its axis goes away.
        var: kept for TensorFlow's signature.
        name: name of the node.

    Returns:
        A tensor.

    Raises:
        ShapeError: if an index is outside, or there are too many.

    Gradient: the gradient, put back at the same places among zeros.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.strided_slice([10, 11, 12, 13, 14], [1], [5], [2]))
        array([11, 13], dtype=int32)
    """
    graph = graph_of([input_, begin, end])
    with graph.name_scope(name or "StridedSlice") as scope:
        first = graph.as_tensor(begin, None, "begin")
        if strides is None:
            strides = np.ones(first.static_shape[0] or 0 if first.static_shape else 0, np.int32)
        kind = StridedSlice(begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask)
        return apply(kind, input_, first, end, strides, name=scope)


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
        return Cost(0, _moved(self, x, begin, size))


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
        return Cost(0, _moved(self, dy, begin, like))


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
class DynamicIndex(Op):
    """Entry `index` of the input along one axis, which goes away; `x[i]` where `i` is computed by the graph."""

    axis: int

    args = ("input:any", "index:index")

    def infer(self, x: Spec, index: Spec) -> Spec:
        if x.shape is None:
            return Spec(x.dtype, None)
        axis = normalize_axis(self.axis, len(x.shape))
        return Spec(x.dtype, x.shape[:axis] + x.shape[axis + 1 :])

    def kernel(self, x: Array, index: Array) -> Array:
        return dynamic_index(x, index, self.axis % x.ndim, keepdims=False)

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        x, index = values
        if x is None or index is None or index.dtype == object:
            return None
        part = np.take(x, int(index), self.axis)
        return np.asarray(part, x.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        x, index = node.inputs
        return apply(DynamicIndexGrad(self.axis), grad, index, x), None

    def cost(self, x: Spec, index: Spec) -> Cost:
        return Cost(0, _moved(self, x, index))


@op
class DynamicIndexGrad(Op):
    """Zeros in the shape of `like`, with `dy` as entry `index` along one axis."""

    axis: int

    args = ("dy", "index:index", "like:any")

    def infer(self, dy: Spec, index: Spec, like: Spec) -> Spec:
        return Spec(dy.dtype, like.shape)

    def kernel(self, dy: Array, index: Array, like: Array) -> Array:
        zeros = jnp.zeros(like.shape, dy.dtype)
        return dynamic_update(zeros, dy, index, self.axis % like.ndim)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return apply(DynamicIndex(self.axis), grad, node.inputs[1]), None, None

    def cost(self, dy: Spec, index: Spec, like: Spec) -> Cost:
        return Cost(0, _moved(self, dy, index, like))


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
