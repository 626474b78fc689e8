"""Segments: rows that belong together are summed, averaged or compared. `tf.segment_sum`, `tf.unsorted_segment_sum`.

The id of a row says which segment it belongs to. The ops named `segment_...` take sorted ids and find the number of
segments in them, so the ids must be known when the graph is compiled: a constant, or fed. The ops named
`unsorted_segment_...` are given the number, and the ids may be computed; rows with an id outside are left out.

Source: signatures and behaviour of `tensorflow/core/ops/math_ops.cc` (1.4) and `confusion_matrix.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar
from typing import cast as typed

import jax
import jax.numpy as jnp
import numpy as np

from labkit.dtypes import DTypeLike, int32
from labkit.errors import ShapeError
from labkit.graph import Cost, Op, Operation, Spec, Tensor, apply, graph_of, op
from labkit.ops.array import reshape
from labkit.ops.bases import NUMBERS, REALS, Array, elements, vjp
from labkit.ops.filling import ones_like
from labkit.ops.magnitude import maximum
from labkit.ops.math import cast
from labkit.ops.reduce import reduce_max
from labkit.shapes import compatible, shape_text

Static = np.ndarray[Any, Any]


class Segment(Op):
    """Base of the ops on segments: `way` is how the rows of one segment become one."""

    way: ClassVar[str] = "sum"

    args = ("data", "segment_ids:index")
    allowed = REALS
    static_inputs = (1,)

    def infer(self, data: Spec, ids: Spec) -> Spec:
        count = None if ids.value is None or None in ids.value else max(ids.value, default=-1) + 1
        if data.shape is not None and ids.shape is not None and not compatible(data.shape[:1], ids.shape):
            raise ShapeError(f"there must be one id per row: {shape_text(ids.shape)} ids for {shape_text(data.shape)}.")
        return Spec(data.dtype, None if data.shape is None else (count, *data.shape[1:]))

    def kernel(self, data: Array, ids: Static) -> Array:
        if np.any(np.diff(ids) < 0):
            raise ShapeError("segment ids must be sorted.\n  Try: tf.unsorted_segment_sum(data, ids, num_segments).")
        return combined(self.way, data, jnp.asarray(ids), int(ids.max(initial=-1)) + 1, 0)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return vjp(node, grad)

    def cost(self, data: Spec, ids: Spec) -> Cost:
        return Cost(float(elements(data)), self.cost_with_flops(0, data, ids).bytes)


class Unsorted(Op):
    """Base of the ops on segments whose number is given."""

    way: ClassVar[str] = "sum"

    args = ("data", "segment_ids:index", "num_segments:int32")
    allowed = REALS
    static_inputs = (2,)

    def infer(self, data: Spec, ids: Spec, count: Spec) -> Spec:
        if data.shape is None or ids.shape is None:
            return Spec(data.dtype, None)
        rank = len(ids.shape)
        if not compatible(data.shape[:rank], ids.shape):
            raise ShapeError(f"the ids, {shape_text(ids.shape)}, must be the first axes of {shape_text(data.shape)}.")
        return Spec(data.dtype, (count.value, *data.shape[rank:]))

    def kernel(self, data: Array, ids: Array, count: Static) -> Array:
        rows = data.reshape((ids.size, *data.shape[ids.ndim :]))
        return combined(self.way, rows, ids.reshape(-1), int(count), lowest(data) if self.way == "max" else 0)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return vjp(node, grad)

    def cost(self, data: Spec, ids: Spec, count: Spec) -> Cost:
        return Cost(float(elements(data)), self.cost_with_flops(0, data, ids, count).bytes)


def lowest(data: Array) -> Any:
    """The smallest number that the dtype has."""
    if jnp.issubdtype(data.dtype, jnp.floating):
        return float(typed("Any", jnp.finfo(data.dtype).min))
    return int(jnp.iinfo(data.dtype).min)


def combined(way: str, rows: Array, ids: Array, count: int, empty: Any) -> Array:
    """One row per segment; `empty` where a segment has none. Rows with an id outside are left out."""
    ids = jnp.where(ids < 0, count, ids)  # JAX counts negative ids from the end
    shape = (count, *rows.shape[1:])
    present = jnp.zeros(count, np.int32).at[ids].add(1, mode="drop")
    present = present.reshape((count,) + (1,) * (rows.ndim - 1))
    if way in ("sum", "mean"):
        total = jnp.zeros(shape, rows.dtype).at[ids].add(rows, mode="drop")
        if way == "sum":
            return total
        number = jnp.maximum(present, 1).astype(rows.dtype)
        return jax.lax.div(*jnp.broadcast_arrays(total, number))  # toward zero for integers
    if way == "prod":
        ends = jnp.searchsorted(ids, jnp.arange(count, dtype=ids.dtype), side="right") - 1
        return jnp.where(present > 0, running_products(rows, ids)[ends], jnp.ones((), rows.dtype))
    find: Any = jax.ops.segment_max if way == "max" else jax.ops.segment_min
    return jnp.where(present > 0, find(rows, ids, count), jnp.asarray(empty, rows.dtype))


def running_products(rows: Array, ids: Array) -> Array:
    """Products of the rows so far, beginning anew where the sorted id changes. JAX can differentiate it, also at 0."""

    def join(left: tuple[Array, Array], right: tuple[Array, Array]) -> tuple[Array, Array]:
        return left[0] | right[0], jnp.where(right[0], right[1], left[1] * right[1])

    begins = jnp.diff(ids, prepend=-1) != 0
    scan = typed("Any", jax.lax.associative_scan)
    products: Array = scan(join, (begins.reshape((-1,) + (1,) * (rows.ndim - 1)), rows))[1]
    return products


@op
class SegmentSum(Segment):
    """The sum of the rows of each segment; the ids are sorted."""

    way = "sum"


def segment_sum(data: Any, segment_ids: Any, name: str | None = None) -> Tensor:
    """The sum of the rows of each segment.

    Args:
        data: a tensor of shape (n, ...).
        segment_ids: sorted ids, of shape (n,), known when the graph is compiled.
        name: name of the node.

    Returns:
        A tensor of shape (largest id + 1, ...).

    Raises:
        ShapeError: if the ids are not sorted, or not one per row.

    Gradient: to each row, from its segment.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.segment_sum([1.0, 2.0, 5.0], [0, 0, 1]))
        array([3., 5.], dtype=float32)
    """
    return apply(SegmentSum(), data, segment_ids, name=name)


@op
class SegmentMean(Segment):
    """The mean of the rows of each segment; the ids are sorted."""

    way = "mean"


def segment_mean(data: Any, segment_ids: Any, name: str | None = None) -> Tensor:
    """The mean of the rows of each segment.

    Args:
        data: a tensor of shape (n, ...).
        segment_ids: sorted ids, of shape (n,), known when the graph is compiled.
        name: name of the node.

    Returns:
        A tensor of shape (largest id + 1, ...).

    Raises:
        ShapeError: if the ids are not sorted, or not one per row.

    Gradient: to each row, from its segment.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.segment_mean([1.0, 2.0, 5.0], [0, 0, 1]))
        array([1.5, 5. ], dtype=float32)
    """
    return apply(SegmentMean(), data, segment_ids, name=name)


@op
class SegmentMax(Segment):
    """The largest of the rows of each segment; the ids are sorted."""

    way = "max"


def segment_max(data: Any, segment_ids: Any, name: str | None = None) -> Tensor:
    """The largest of the rows of each segment.

    Args:
        data: a tensor of shape (n, ...).
        segment_ids: sorted ids, of shape (n,), known when the graph is compiled.
        name: name of the node.

    Returns:
        A tensor of shape (largest id + 1, ...).

    Raises:
        ShapeError: if the ids are not sorted, or not one per row.

    Gradient: to each row, from its segment.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.segment_max([1.0, 2.0, 5.0], [0, 0, 1]))
        array([2., 5.], dtype=float32)
    """
    return apply(SegmentMax(), data, segment_ids, name=name)


@op
class SegmentMin(Segment):
    """The smallest of the rows of each segment; the ids are sorted."""

    way = "min"


def segment_min(data: Any, segment_ids: Any, name: str | None = None) -> Tensor:
    """The smallest of the rows of each segment.

    Args:
        data: a tensor of shape (n, ...).
        segment_ids: sorted ids, of shape (n,), known when the graph is compiled.
        name: name of the node.

    Returns:
        A tensor of shape (largest id + 1, ...).

    Raises:
        ShapeError: if the ids are not sorted, or not one per row.

    Gradient: to each row, from its segment.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.segment_min([1.0, 2.0, 5.0], [0, 0, 1]))
        array([1., 5.], dtype=float32)
    """
    return apply(SegmentMin(), data, segment_ids, name=name)


@op
class SegmentProd(Segment):
    """The product of the rows of each segment; the ids are sorted."""

    way = "prod"


def segment_prod(data: Any, segment_ids: Any, name: str | None = None) -> Tensor:
    """The product of the rows of each segment.

    Args:
        data: a tensor of shape (n, ...).
        segment_ids: sorted ids, of shape (n,), known when the graph is compiled.
        name: name of the node.

    Returns:
        A tensor of shape (largest id + 1, ...).

    Raises:
        ShapeError: if the ids are not sorted, or not one per row.

    Gradient: to each row, from its segment.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.segment_prod([1.0, 2.0, 5.0], [0, 0, 1]))
        array([2., 5.], dtype=float32)
    """
    return apply(SegmentProd(), data, segment_ids, name=name)


@op
class UnsortedSegmentSum(Unsorted):
    """The sum of the rows of each of a number of segments; ids in any order."""

    way = "sum"
    allowed = NUMBERS


def unsorted_segment_sum(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Tensor:
    """The sum of the rows of each segment; ids in any order.

    Args:
        data: a tensor whose shape begins with that of `segment_ids`.
        segment_ids: ids of the rows; rows with a negative one are left out.
        num_segments: the number of segments.
        name: name of the node.

    Returns:
        A tensor of shape (num_segments, ...); 0 where a segment has no row.

    Raises:
        ShapeError: if the ids do not fit the data.

    Gradient: to each row, from its segment.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.unsorted_segment_sum([1.0, 2.0, 5.0], [1, 0, 1], 2))
        array([2., 6.], dtype=float32)
    """
    return apply(UnsortedSegmentSum(), data, segment_ids, num_segments, name=name)


@op
class UnsortedSegmentMax(Unsorted):
    """The largest of the rows of each of a number of segments; ids in any order."""

    way = "max"


def unsorted_segment_max(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Tensor:
    """The largest of the rows of each segment; ids in any order.

    Args:
        data: a tensor whose shape begins with that of `segment_ids`.
        segment_ids: ids of the rows; rows with a negative one are left out.
        num_segments: the number of segments.
        name: name of the node.

    Returns:
        A tensor of shape (num_segments, ...); the lowest number of the dtype where a segment has no row.

    Raises:
        ShapeError: if the ids do not fit the data.

    Gradient: to each row, from its segment.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.unsorted_segment_max([1.0, 2.0, 5.0], [1, 0, 1], 2))
        array([2., 5.], dtype=float32)
    """
    return apply(UnsortedSegmentMax(), data, segment_ids, num_segments, name=name)


def confusion_matrix(
    labels: Any, predictions: Any, num_classes: Any = None, dtype: DTypeLike = int32, name: str | None = None,
    weights: Any = None,
) -> Tensor:  # fmt: skip
    """How often each true class was predicted as each class.

    Args:
        labels: true classes, a vector of n integers.
        predictions: predicted classes, likewise.
        num_classes: the number of classes; found from the values if None, which then must be known when the graph is
            compiled.
        dtype: dtype of the counts.
        name: name of the scope.
        weights: a vector of n weights; 1 each if None.

    Returns:
        A tensor of shape (num_classes, num_classes): rows are true classes, columns predicted ones.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.confusion_matrix([0, 1, 1], [0, 1, 0]))
        array([[1, 0],
               [1, 1]], dtype=int32)
    """
    graph = graph_of([labels, predictions, weights])
    with graph.name_scope(name or "confusion_matrix") as scope:
        rows = cast(graph.as_tensor(labels, None, "labels"), int32)
        columns = cast(graph.as_tensor(predictions, None, "predictions"), int32)
        if num_classes is None:
            num_classes = maximum(reduce_max(rows), reduce_max(columns)) + 1
        count = cast(graph.as_tensor(num_classes, None, "num_classes"), int32)
        ones = ones_like(rows, dtype) if weights is None else cast(graph.as_tensor(weights, None, "weights"), dtype)
        flat = unsorted_segment_sum(ones, rows * count + columns, count * count)
        return reshape(flat, [count, count], name=scope)
