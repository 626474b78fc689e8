"""Choosing by condition, and counting out: `tf.where`, `tf.boolean_mask`, `tf.one_hot`, `tf.unique`.

Compiled code has fixed sizes. Where the *number* of results depends on values (`tf.where(mask)`, `tf.boolean_mask`,
`tf.unique`), those values must be known while the program is compiled: constants, shapes, and what is fed. The program
is compiled anew for each such value, so prefer a form of fixed size where there is one: `tf.where(mask, x, 0)`, or a
sum over `x * tf.cast(mask, x.dtype)`.

Source: signatures and behaviour of `tensorflow/python/ops/array_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from labkit.dtypes import DType, DTypeLike, as_dtype, bool_, float32, int32, int64
from labkit.errors import DTypeError, ShapeError
from labkit.graph import OPS, Op, Operation, Spec, Tensor, apply, apply_node, graph_of, op
from labkit.ops.array import all_axes, expand_dims, reshape, shape, squeeze, zeros_like
from labkit.ops.bases import Array
from labkit.ops.gathering import gather
from labkit.ops.joining import concat
from labkit.ops.math import cast as cast_op
from labkit.ops.ranges import range as range_op
from labkit.shapes import merge, normalize_axis, shape_text

__all__ = [
    "ListDiff", "OneHot", "Select", "Unique", "UniqueWithCounts", "Where", "boolean_mask", "listdiff", "one_hot",
    "sequence_mask", "setdiff1d", "unique", "unique_with_counts", "where",
]  # fmt: skip

Static = np.ndarray[Any, Any]


@op
class Select(Op):
    """`t` where the condition holds, `e` elsewhere; a vector condition chooses whole rows."""

    args = ("condition:bool", "t", "e")

    def infer(self, condition: Spec, t: Spec, e: Spec) -> Spec:
        try:
            result = merge(t.shape, e.shape)
        except ShapeError:
            raise ShapeError(
                f"tf.where chooses between tensors of one shape, and these have {shape_text(t.shape)} and "
                f"{shape_text(e.shape)}; it does not broadcast."
            ) from None
        chosen = condition.shape
        if chosen is None or result is None or len(chosen) == 0:
            return Spec(t.dtype, result)
        try:
            if len(chosen) == 1 and len(result) > 1:
                return Spec(t.dtype, (*(merge(chosen, result[:1]) or ()), *result[1:]))
            return Spec(t.dtype, merge(chosen, result))
        except ShapeError:
            raise ShapeError(
                f"the condition must have the shape of the values, {shape_text(result)}, or be a vector with an entry "
                f"per row; it has {shape_text(chosen)}."
            ) from None

    def kernel(self, condition: Array, t: Array, e: Array) -> Array:
        if condition.ndim == 1 and t.ndim > 1:
            condition = condition.reshape(condition.shape + (1,) * (t.ndim - 1))
        return jnp.where(condition, t, e)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        condition = node.inputs[0]
        nothing = zeros_like(grad)
        return None, apply(Select(), condition, grad, nothing), apply(Select(), condition, nothing, grad)


@op
class Where(Op):
    """The places where the condition holds, as rows of indices."""

    args = ("condition:bool",)
    static_inputs = (0,)
    static_advice = (
        "keep the size: tf.where(mask, x, tf.zeros_like(x)) instead of tf.boolean_mask(x, mask), and "
        "tf.reduce_sum(x * tf.cast(mask, x.dtype)) for a sum over the places."
    )

    def infer(self, condition: Spec) -> Spec:
        rank = None if condition.shape is None else len(condition.shape)
        count = None if condition.value is None else int(np.sum(np.asarray(condition.value, bool)))
        return Spec(int64, (count, rank))

    def kernel(self, condition: Static) -> Array:
        return jnp.asarray(np.argwhere(condition), np.int64)


def where(condition: Any, x: Any = None, y: Any = None, name: str | None = None) -> Tensor:
    """`x` where the condition holds, `y` elsewhere; with the condition alone, the places where it holds.

    Args:
        condition: bool tensor: of the shape of `x` and `y`, or a vector that chooses whole rows. Without `x` and `y`
            its value must be known while the program is compiled: a constant, or fed.
        x: a tensor.
        y: a tensor of the same shape and dtype.
        name: name of the node.

    Returns:
        A tensor of the shape of `x`; without `x` and `y`, an int64 (count, rank) tensor of indices in row-major order.

    Raises:
        ShapeError: if the shapes differ.
        ValueError: if only one of `x` and `y` is given.

    Gradient: to x where the condition holds, to y elsewhere. No gradient in the second form.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.where([True, False], [1, 2], [10, 20]))
        array([ 1, 20], dtype=int32)
        >>> tf.Session().run(tf.where([True, False, True]))
        array([[0], [2]])
    """
    if (x is None) != (y is None):
        raise ValueError("tf.where takes both x and y, or neither.")
    if x is None:
        return apply(Where(), condition, name=name)
    return apply(Select(), condition, x, y, name=name)


def boolean_mask(tensor: Any, mask: Any, name: str | None = "boolean_mask") -> Tensor:
    """The entries (or rows) of a tensor where a mask holds: NumPy's `tensor[mask]`.

    How many there are is the shape of the result, so the mask must be known while the program is compiled: a constant,
    or computed from what is fed. The program is compiled anew for each mask. `tf.where(mask, x, zeros)` has a fixed
    size and works for any mask.

    Args:
        tensor: (n1, ..., nk, ...) a tensor.
        mask: (n1, ..., nk) bool.
        name: name of the nodes.

    Returns:
        A tensor of shape `(count, ...)`.

    Raises:
        ShapeError: if the shape of the mask is no beginning of the shape of the tensor.

    Gradient: the gradient at the places taken, zeros elsewhere.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.boolean_mask([[1, 2], [3, 4], [5, 6]], [True, False, True]))
        array([[1, 2],
               [5, 6]], dtype=int32)
    """
    graph = graph_of([tensor, mask])
    with graph.name_scope(name or "boolean_mask") as scope:
        x, chosen = graph.as_tensor(tensor, None, "tensor"), graph.as_tensor(mask, bool_, "mask")
        axes = chosen.static_shape
        if axes is None:
            raise ShapeError(
                f"the number of axes of the mask {chosen.name!r} must be known.\n  Try: mask.set_shape(...)."
            )
        if not axes:
            raise ShapeError("a mask must have at least one axis; tf.cond chooses by a single condition.")
        if x.static_shape is not None:
            merge(x.static_shape[: len(axes)], axes)
        if len(axes) > 1:
            x = reshape(x, concat([[-1], shape(x)[len(axes) :]], 0))
        places = squeeze(where(reshape(chosen, [-1])), [1])
        return gather(x, places, name=scope)


@op
class OneHot(Op):
    """A new axis of `depth` entries: `on_value` at the index, `off_value` elsewhere."""

    axis: int = -1

    args = ("indices:any", "depth:int32", "on_value", "off_value")
    static_inputs = (1,)

    def infer(self, indices: Spec, depth: Spec, on_value: Spec, off_value: Spec) -> Spec:
        if not indices.dtype.is_integer:
            raise DTypeError(f"one_hot takes whole numbers, not {indices.dtype.name}.")
        if indices.shape is None:
            return Spec(on_value.dtype, None)
        place = normalize_axis(self.axis, len(indices.shape) + 1)
        return Spec(on_value.dtype, (*indices.shape[:place], depth.value, *indices.shape[place:]))

    def kernel(self, indices: Array, depth: Static, on_value: Array, off_value: Array) -> Array:
        place = self.axis % (indices.ndim + 1)
        classes = jnp.arange(int(depth), dtype=indices.dtype)
        classes = classes.reshape([-1 if axis == place else 1 for axis in range(indices.ndim + 1)])
        return jnp.where(jnp.expand_dims(indices, place) == classes, on_value, off_value)


def one_hot(
    indices: Any, depth: Any, on_value: Any = None, off_value: Any = None, axis: int | None = None,
    dtype: DTypeLike = None, name: str | None = None,
) -> Tensor:  # fmt: skip
    """Class numbers as vectors: 1 at the class, 0 elsewhere.

    Args:
        indices: int tensor; a number outside 0 to depth - 1 gives a vector of zeros.
        depth: the number of classes.
        on_value: the value at the class; 1 if None.
        off_value: the value elsewhere; 0 if None.
        axis: where the new axis stands; last if None.
        dtype: dtype of the result; that of the values, else float32.
        name: name of the node.

    Returns:
        A tensor with one more axis, of size `depth`.

    Raises:
        DTypeError: if `indices` holds no whole numbers.

    Gradient: none, as in TensorFlow.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.one_hot([0, 2], 3))
        array([[1., 0., 0.],
               [0., 0., 1.]], dtype=float32)
    """
    graph = graph_of([indices, depth, on_value, off_value])
    with graph.name_scope(name or "one_hot") as scope:
        wanted = None if dtype is None else as_dtype(dtype)
        given = next((value for value in (on_value, off_value) if value is not None), None)
        if wanted is None:
            wanted = float32 if given is None else graph.as_tensor(given).dtype if on_value is None else None
        on = graph.as_tensor(1 if on_value is None else on_value, wanted, "on_value")
        off = graph.as_tensor(0 if off_value is None else off_value, on.dtype, "off_value")
        return apply(OneHot(-1 if axis is None else axis), indices, depth, on, off, name=scope)


def sequence_mask(lengths: Any, maxlen: Any = None, dtype: DTypeLike = bool_, name: str | None = None) -> Tensor:
    """For each length n a row that is true in its first n entries: which time steps are real, which are padding.

    Args:
        lengths: int tensor of any shape.
        maxlen: the length of a row; the largest of `lengths` if None, which must then be known while compiling.
        dtype: dtype of the result.
        name: name of the nodes.

    Returns:
        A tensor of shape `lengths.shape + (maxlen,)`. No gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.sequence_mask([1, 3], 3))
        array([[ True, False, False],
               [ True,  True,  True]])
    """
    graph = graph_of([lengths, maxlen])
    with graph.name_scope(name or "SequenceMask"):
        counts = graph.as_tensor(lengths, None, "lengths")
        longest = _largest(counts) if maxlen is None else graph.as_tensor(maxlen, None, "maxlen")
        row = cast_op(range_op(0, longest, 1), counts.dtype)
        return cast_op(row < expand_dims(counts, -1), dtype)


def _largest(x: Tensor) -> Tensor:
    axes = None if x.static_shape is None else np.arange(len(x.static_shape), dtype=np.int32)
    return apply(OPS["Max"](), x, all_axes(x) if axes is None else axes)


def _unique(x: Static) -> tuple[Static, Static, Static]:
    """Distinct values in the order in which they first appear, the number of each entry, and how often each appears."""
    found: Any = np.unique(x, return_index=True, return_inverse=True, return_counts=True)
    values, first, inverse, counts = found
    order = np.argsort(first)
    number = np.argsort(order)
    return values[order], number[inverse.reshape(-1)], counts[order]


@op
class Unique(Op):
    """The distinct entries of a vector, and the number of each entry among them."""

    out_idx: DType

    args = ("x:any",)
    static_inputs = (0,)
    static_advice = (
        "np.unique(session.run(x)): how many distinct entries there are is a shape, and shapes are compiled."
    )

    def infer(self, x: Spec) -> tuple[Spec, ...]:
        count = None if x.value is None or None in x.value else len(set(x.value))
        return Spec(x.dtype, (count,)), Spec(self.out_idx, x.shape)

    def kernel(self, x: Static) -> tuple[Array, ...]:
        values, number, _ = _unique(x)
        return jnp.asarray(values), jnp.asarray(number, self.out_idx.np_dtype)


def unique(x: Any, out_idx: DTypeLike = int32, name: str | None = None) -> tuple[Tensor, Tensor]:
    """The distinct entries of a vector, in the order in which they first appear.

    Args:
        x: a vector whose value is known while the program is compiled: a constant, or fed.
        out_idx: dtype of the numbers.
        name: name of the node.

    Returns:
        y, the distinct entries, and idx, of the size of `x`: x[i] = y[idx[i]]. No gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.unique([7, 7, 2, 7]))
        (array([7, 2], dtype=int32), array([0, 0, 1, 0], dtype=int32))
    """
    y, number = apply_node(Unique(as_dtype(out_idx)), x, name=name).outputs
    return y, number


@op
class UniqueWithCounts(Op):
    """The distinct entries of a vector, the number of each entry among them, and how often each appears."""

    out_idx: DType

    args = ("x:any",)
    static_inputs = (0,)
    static_advice = (
        "np.unique(session.run(x)): how many distinct entries there are is a shape, and shapes are compiled."
    )

    def infer(self, x: Spec) -> tuple[Spec, ...]:
        count = None if x.value is None or None in x.value else len(set(x.value))
        return Spec(x.dtype, (count,)), Spec(self.out_idx, x.shape), Spec(self.out_idx, (count,))

    def kernel(self, x: Static) -> tuple[Array, ...]:
        values, number, counts = _unique(x)
        dtype = self.out_idx.np_dtype
        return jnp.asarray(values), jnp.asarray(number, dtype), jnp.asarray(counts, dtype)


def unique_with_counts(x: Any, out_idx: DTypeLike = int32, name: str | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """The distinct entries of a vector, and how often each appears.

    Args:
        x: a vector whose value is known while the program is compiled: a constant, or fed.
        out_idx: dtype of the numbers.
        name: name of the node.

    Returns:
        y, idx and count: x[i] = y[idx[i]], and y[j] appears count[j] times. No gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.unique_with_counts([7, 7, 2])[2])
        array([2, 1], dtype=int32)
    """
    y, number, count = apply_node(UniqueWithCounts(as_dtype(out_idx)), x, name=name).outputs
    return y, number, count


@op
class ListDiff(Op):
    """The entries of x that are not in y, and where they stand."""

    out_idx: DType

    args = ("x", "y")
    static_inputs = (0, 1)

    def infer(self, x: Spec, y: Spec) -> tuple[Spec, ...]:
        count: int | None = None
        if x.value is not None and y.value is not None and None not in (*x.value, *y.value):
            count = int(np.sum(~np.isin(x.value, y.value)))
        return Spec(x.dtype, (count,)), Spec(self.out_idx, (count,))

    def kernel(self, x: Static, y: Static) -> tuple[Array, ...]:
        (kept,) = np.nonzero(~np.isin(x, y))
        return jnp.asarray(x[kept]), jnp.asarray(kept, self.out_idx.np_dtype)


def setdiff1d(x: Any, y: Any, index_dtype: DTypeLike = int32, name: str | None = None) -> tuple[Tensor, Tensor]:
    """The entries of one vector that are not in another, in order, with their places.

    Args:
        x: a vector whose value is known while the program is compiled: a constant, or fed.
        y: another one.
        index_dtype: dtype of the places.
        name: name of the node.

    Returns:
        The entries that remain, and their places in `x`. No gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.setdiff1d([1, 2, 3, 4], [2, 4]))
        (array([1, 3], dtype=int32), array([0, 2], dtype=int32))
    """
    values, places = apply_node(ListDiff(as_dtype(index_dtype)), x, y, name=name).outputs
    return values, places


listdiff = setdiff1d
