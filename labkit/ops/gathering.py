"""Rows by number: `tf.gather`, `tf.gather_nd`, `tf.scatter_nd`, `tf.nn.embedding_lookup`.

Gathering copies rows out, scattering adds rows in, and each is the gradient of the other: the gradient of a looked-up
embedding is a table of zeros to which the gradient of each row has been added. That table is not made: the gradient is
an `IndexedSlices`, the rows and their numbers, and optimizers change these rows only.

An index outside the table: TensorFlow on a CPU raises an error. Compiled code cannot, so here such a gathered row is
NaN (for integers the smallest number that there is), which shows, and such a scattered row is dropped.

Source: signatures and behaviour of `tensorflow/python/ops/array_ops.py` and `embedding_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import jax.numpy as jnp
import numpy as np

from labkit.errors import ShapeError
from labkit.graph import OPS, Cost, Op, Operation, Spec, Tensor, apply, constant_value, graph_of, op
from labkit.ops.array import reshape, shape
from labkit.ops.bases import Array
from labkit.ops.indexed_slices import IndexedSlices
from labkit.ops.joining import concat
from labkit.ops.reduce import reduce_sum
from labkit.ops.shaping import size
from labkit.shapes import Shape, normalize_axis, shape_text

__all__ = [
    "Gather", "GatherGrad", "GatherNd", "GatherV2", "ScatterNd", "embedding_lookup", "gather", "gather_nd",
    "scatter_nd",
]  # fmt: skip

Static = np.ndarray[Any, Any]


def _take(params: Array, indices: Array, axis: int) -> Array:
    """The entries of `params` along `axis` that `indices` names; NaN where there is none."""
    axis %= params.ndim
    key = (*[slice(None)] * axis, indices)
    at: Any = params.at
    return at[key].get(mode="fill", wrap_negative_indices=False)


def _gathered(params: Shape, indices: Shape, axis: int | None) -> Shape:
    if params is None or indices is None:
        return None
    if axis is None:
        return (None,) * (len(params) + len(indices) - 1)
    if not params:
        raise ShapeError("a single number has no rows to gather.")
    place = normalize_axis(axis, len(params))
    return params[:place] + indices + params[place + 1 :]


def _moved(kind: Op, *inputs: Spec) -> float:
    """Bytes read and written: the rows, not the whole table."""
    return 2.0 * sum(spec.size_bytes() or 0 for spec in kind.output_specs(*inputs))


@op
class Gather(Op):
    """Rows of the first input: entries along axis 0."""

    args = ("params:any", "indices:index")

    def infer(self, params: Spec, indices: Spec) -> Spec:
        return Spec(params.dtype, _gathered(params.shape, indices.shape, 0))

    def kernel(self, params: Array, indices: Array) -> Array:
        return _take(params, indices, 0)

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        return _folded(values, 0)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        params, indices = node.inputs
        return gathered_rows(params, indices, grad), None

    def cost(self, params: Spec, indices: Spec) -> Cost:
        return Cost(0, _moved(self, params, indices))


def gathered_rows(params: Tensor, indices: Tensor, grad: Tensor) -> Any:
    """The gradient of a table whose rows were gathered: the rows that `grad` holds, as an `IndexedSlices`."""
    graph = graph_of([grad])
    with graph.colocate_with(params):
        whole = shape(params)
    if indices.static_shape is not None and len(indices.static_shape) == 1:
        return IndexedSlices(grad, indices, whole)
    row = params.static_shape[1:] if params.static_shape is not None else (None,)
    sizes: Any = [-1, *row]
    if None in row or 0 in row:  # where a size is 0, -1 cannot be found by division
        sizes = concat([reshape(size(indices), [1]), whole[1:]], 0)
    return IndexedSlices(reshape(grad, sizes), reshape(indices, [-1]), whole)


def _folded(values: Sequence[Any], axis: int) -> Any:
    params, indices = values[:2]
    if params is None or indices is None or indices.dtype == object:
        return None
    return np.array(np.take(params, indices, axis), params.dtype)


@op
class GatherV2(Op):
    """Entries of the first input along any axis."""

    args = ("params:any", "indices:index", "axis:index")
    static_inputs = (2,)

    def infer(self, params: Spec, indices: Spec, axis: Spec) -> Spec:
        return Spec(params.dtype, _gathered(params.shape, indices.shape, axis.value))

    def kernel(self, params: Array, indices: Array, axis: Static) -> Array:
        return _take(params, indices, int(axis))

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        axis = values[2]
        return None if axis is None or axis.dtype == object else _folded(values, int(axis))

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        params, indices, axis = node.inputs
        if constant_value(axis) == 0:
            return gathered_rows(params, indices, grad), None, None
        return apply(GatherGrad(), grad, indices, axis, params), None, None

    def cost(self, params: Spec, indices: Spec, axis: Spec) -> Cost:
        return Cost(0, _moved(self, params, indices, axis))


@op
class GatherGrad(Op):
    """Zeros in the shape of `like`, to which each row of `grad` is added where it was gathered from."""

    args = ("grad", "indices:index", "axis:index", "like:any")
    static_inputs = (2,)

    def infer(self, grad: Spec, indices: Spec, axis: Spec, like: Spec) -> Spec:
        return Spec(grad.dtype, like.shape)

    def kernel(self, grad: Array, indices: Array, axis: Static, like: Array) -> Array:
        key = (*[slice(None)] * (int(axis) % like.ndim), indices)
        at: Any = jnp.zeros(like.shape, grad.dtype).at
        return at[key].add(grad, mode="drop", wrap_negative_indices=False)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        _, indices, axis, _ = node.inputs
        return apply(GatherV2(), grad, indices, axis), None, None, None

    def cost(self, grad: Spec, indices: Spec, axis: Spec, like: Spec) -> Cost:
        table = Spec(grad.dtype, like.shape).size_bytes() or 0
        return Cost(float((grad.size_bytes() or 0) // grad.dtype.size), table + 2.0 * (grad.size_bytes() or 0))


def gather(
    params: Any, indices: Any, validate_indices: bool | None = None, name: str | None = None, axis: Any = 0
) -> Tensor:
    """The rows of a table that `indices` names.

    Args:
        params: (n, ...) the table.
        indices: int tensor of any shape, values from 0 to n - 1.
        validate_indices: kept for TensorFlow's signature.
        name: name of the node.
        axis: the axis of `params` that `indices` counts along.

    Returns:
        A tensor of shape `params.shape[:axis] + indices.shape + params.shape[axis + 1:]`. Rows of an index outside
        the table are NaN (a compiled program cannot raise an error).

    Gradient: to params, an `tf.IndexedSlices` of the rows; for another axis, zeros to which they are added.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.gather([[1, 2], [3, 4], [5, 6]], [2, 0]))
        array([[5, 6],
               [1, 2]], dtype=int32)
    """
    if isinstance(axis, int) and axis == 0:
        return apply(Gather(), params, indices, name=name)
    return apply(GatherV2(), params, indices, axis, name=name)


@op
class GatherNd(Op):
    """Entries or blocks of the first input, by vectors of indices."""

    args = ("params:any", "indices:index")

    def infer(self, params: Spec, indices: Spec) -> Spec:
        if indices.shape is None or not indices.shape or params.shape is None or indices.shape[-1] is None:
            return Spec(params.dtype, None)
        depth = indices.shape[-1]
        if depth > len(params.shape):
            raise ShapeError(f"an index of {depth} numbers is too long for {shape_text(params.shape)}.")
        return Spec(params.dtype, indices.shape[:-1] + params.shape[depth:])

    def kernel(self, params: Array, indices: Array) -> Array:
        at: Any = params.at
        return at[tuple(jnp.moveaxis(indices, -1, 0))].get(mode="fill", wrap_negative_indices=False)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        params, indices = node.inputs
        return apply(ScatterNd(), indices, grad, shape(params)), None

    def cost(self, params: Spec, indices: Spec) -> Cost:
        return Cost(0, _moved(self, params, indices))


def gather_nd(params: Any, indices: Any, name: str | None = None) -> Tensor:
    """Entries (or blocks) of a tensor, each named by a vector of indices.

    Args:
        params: a tensor.
        indices: (..., k): each vector of k numbers names `params[i1, i2, ..., ik]`.
        name: name of the node.

    Returns:
        A tensor of shape `indices.shape[:-1] + params.shape[k:]`.

    Raises:
        ShapeError: if k is larger than the rank of `params`.

    Gradient: to params, `tf.scatter_nd` of the gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.gather_nd([[1, 2], [3, 4]], [[0, 0], [1, 1]]))
        array([1, 4], dtype=int32)
    """
    return apply(GatherNd(), params, indices, name=name)


@op
class ScatterNd(Op):
    """Zeros of a shape, to which updates are added at vectors of indices."""

    args = ("indices:index", "updates", "shape:index")
    static_inputs = (2,)

    def infer(self, indices: Spec, updates: Spec, shape: Spec) -> Spec:
        if shape.value is None:
            known = shape.shape[0] if shape.shape else None
            return Spec(updates.dtype, None if known is None else (None,) * known)
        sizes: tuple[int | None, ...] = tuple(shape.value)
        if indices.shape and updates.shape is not None and indices.shape[-1] is not None:
            expected = indices.shape[:-1] + sizes[indices.shape[-1] :]
            bad = len(expected) != len(updates.shape) or any(
                a != b for a, b in zip(expected, updates.shape, strict=True) if None not in (a, b)
            )
            if bad:
                raise ShapeError(
                    f"updates must have shape {shape_text(expected)}, and have {shape_text(updates.shape)}."
                )
        return Spec(updates.dtype, sizes)

    def kernel(self, indices: Array, updates: Array, shape: Static) -> Array:
        at: Any = jnp.zeros([int(size) for size in shape], updates.dtype).at
        return at[tuple(jnp.moveaxis(indices, -1, 0))].add(updates, mode="drop", wrap_negative_indices=False)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return None, apply(GatherNd(), grad, node.inputs[0]), None


def scatter_nd(indices: Any, updates: Any, shape: Any, name: str | None = None) -> Tensor:
    """Zeros, to which updates are added at given places. Updates of one place add up.

    Args:
        indices: (..., k): each vector of k numbers names a place.
        updates: `indices.shape[:-1] + shape[k:]`: what to add there.
        shape: the sizes of the result.
        name: name of the node.

    Returns:
        A tensor of shape `shape`.

    Raises:
        ShapeError: if `updates` does not fit.

    Gradient: to updates, `tf.gather_nd` of the gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.scatter_nd([[1], [3], [1]], [5, 6, 7], [4]))
        array([ 0, 12,  0,  6], dtype=int32)
    """
    return apply(ScatterNd(), indices, updates, shape, name=name)


def embedding_lookup(
    params: Any, ids: Any, partition_strategy: str = "mod", name: str | None = None, validate_indices: bool = True,
    max_norm: float | None = None,
) -> Tensor:  # fmt: skip
    """The rows of an embedding table for some ids: `tf.nn.embedding_lookup`.

    A table too large for one machine is given as a list of shards. Each shard then looks up the rows that it has.

    Args:
        params: (vocabulary, size) the table, or a list of its shards.
        ids: int tensor of any shape.
        partition_strategy: "mod": id i is row i // n of shard i % n; "div": shards hold consecutive ids.
        name: name of the nodes.
        validate_indices: kept for TensorFlow's signature.
        max_norm: rows longer than this are scaled to it.

    Returns:
        A tensor of shape `ids.shape + (size,)`.

    Raises:
        ValueError: for another strategy, or no table.

    Gradient: to each table, an `tf.IndexedSlices` of the rows looked up.

    Example:
        >>> import labkit as tf
        >>> table = tf.constant([[0.0, 0.5], [1.0, 1.5], [2.0, 2.5]])
        >>> tf.Session().run(tf.nn.embedding_lookup(table, [2, 0]))
        array([[2. , 2.5],
               [0. , 0.5]], dtype=float32)
    """
    tables: list[Any] = list(cast("Any", params)) if isinstance(params, (list, tuple)) else [params]
    if not tables:
        raise ValueError("tf.nn.embedding_lookup needs at least one table.")
    if partition_strategy not in ("mod", "div"):
        raise ValueError(f'partition_strategy is "mod" or "div", not {partition_strategy!r}.')
    graph = graph_of([*tables, ids])
    with graph.name_scope(name or "embedding_lookup") as scope:
        numbers = graph.as_tensor(ids, None, "ids")
        if len(tables) == 1:
            with graph.colocate_with(_source(graph, tables[0])):
                if max_norm is None:
                    return gather(tables[0], numbers, name=scope)
                return _clipped(gather(tables[0], numbers), numbers, max_norm, scope)
        rows = _from_shards(tables, numbers, partition_strategy)
        return _clipped(rows, numbers, max_norm, scope)


def _source(graph: Any, table: Any) -> Any:
    return getattr(table, "op", None) or graph.as_tensor(table, None, "params").op


def _from_shards(tables: list[Any], ids: Tensor, strategy: str) -> Tensor:
    """Looks each id up in every shard and keeps the row of the shard that has it.

    Why not `dynamic_partition`, as TensorFlow does: how many ids fall to a shard is known only when the program runs,
    and compiled code has fixed sizes. Here each shard sends a row per id, its own or one that is not there (NaN).
    """
    count = len(tables)
    flat = reshape(ids, [-1])
    if strategy == "mod":
        shard, row = flat % count, flat // count
    else:
        total = sum(int(table.get_shape()[0]) for table in tables)
        large, rest = -(-total // count), total % count or count
        border = rest * large
        small = max(total // count, 1)
        early = flat < border
        shard = _select(early, flat // large, (flat - border) // small + rest)
        row = _select(early, flat % large, (flat - border) % small)
    result: Tensor | None = None
    for number, table in enumerate(tables):
        mine = apply(OPS["Equal"](), shard, number)
        with table.graph.colocate_with(table.op):
            part = gather(table, _select(mine, row, row * 0 - 1))  # -1: no row, and no row of the gradient
        result = part if result is None else _select(mine, part, result)
    sizes = tables[0].get_shape().as_list()[1:]
    found = cast("Tensor", result)
    if ids.static_shape is not None and len(ids.static_shape) == 1:
        return found
    return reshape(found, apply(OPS["ConcatV2"](2), shape(ids), np.array(sizes, np.int32), 0))  # pyright: ignore[reportCallIssue]  # the op's field


def _select(condition: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return apply(OPS["Select"](), condition, x, y)


def _clipped(rows: Tensor, ids: Tensor, max_norm: float | None, scope: str) -> Tensor:
    """`rows`, each scaled down to `max_norm` if it is longer."""
    if max_norm is None:
        return apply(OPS["Identity"](), rows, name=scope)
    axes = list(range(len(ids.static_shape or ()), len(rows.static_shape or ())))
    squares = reduce_sum(rows * rows, axes, keep_dims=True)
    shrink = apply(OPS["Minimum"](), squares**-0.5, 1.0 / max_norm)
    return apply(OPS["Mul"](), rows * max_norm, shrink, name=scope)
