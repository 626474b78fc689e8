"""What `x[1:3, ..., tf.newaxis]` and `x[i]` run: `tf.strided_slice`, and `DynamicIndex` where `i` is computed.

The size that a strided slice takes must be known while the program is compiled, since it is the shape of the result.
An index that the graph computes may be anything: it is moved inside the tensor if it would reach over the end, where
TensorFlow raises an error.

The gradient of a part is the gradient, put back at the same place among zeros: `StridedSliceGrad`, `DynamicIndexGrad`.
`tf.slice` is in `slicing`.

Source: signatures and behaviour of `tensorflow/python/ops/array_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from labkit.errors import ShapeError
from labkit.graph import Cost, Op, Operation, Spec, Tensor, apply, graph_of, op
from labkit.ops.bases import Array
from labkit.shapes import normalize_axis, shape_text

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
                    slice(
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
        return len(range(*slice(None if first_free else first, None if last_free else last, step).indices(size)))

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
        return Cost(0, bytes_of_part(self, x, begin, end, strides))


def bytes_of_part(kind: Op, *inputs: Spec) -> float:
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
        return Cost(0, bytes_of_part(self, *inputs))


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
        return Cost(0, bytes_of_part(self, x, index))


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
        return Cost(0, bytes_of_part(self, dy, index, like))
