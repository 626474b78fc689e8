"""Sparse tensors put together: one after another, added, ids and values merged.

How many entries a sum has depends on the coordinates, so that part of a graph runs between two compiled ones.

Source: signatures and behaviour of `tensorflow/python/ops/sparse_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from labkit.dtypes import int64
from labkit.errors import ShapeError
from labkit.graph import Op, Spec, apply_node, op
from labkit.ops.array import expand_dims, reshape
from labkit.ops.bases import Array
from labkit.ops.gathering import scatter_nd
from labkit.ops.joining import concat
from labkit.ops.logic import greater_equal
from labkit.ops.magnitude import abs as absolute
from labkit.ops.math import cast
from labkit.ops.reduce import reduce_max
from labkit.ops.segment import unsorted_segment_sum
from labkit.ops.shaping import shape as shape_of
from labkit.ops.sparse_layout import as_int64, sparse_reorder, sparse_retain
from labkit.ops.sparse_tensor import SparseTensor, SparseTensorValue, as_sparse
from labkit.shapes import normalize_axis, shape_text

Static = np.ndarray[Any, Any]


def sparse_concat(
    axis: int, sp_inputs: Any, name: str | None = None, expand_nonconcat_dim: bool = False, concat_dim: Any = None
) -> SparseTensor:
    """Sparse tensors one after another along an axis.

    Args:
        axis: the axis.
        sp_inputs: a list of `tf.SparseTensor` of one rank and dtype.
        name: name of the scope.
        expand_nonconcat_dim: True allows other axes to differ; the largest counts.
        concat_dim: the older name of `axis`.

    Returns:
        A `tf.SparseTensor` with its entries in row-major order.

    Raises:
        ShapeError: if other axes are known to differ.

    Gradient: to the values.

    Example:
        >>> import labkit as tf
        >>> x, y = tf.SparseTensor([[0, 0]], [1], [1, 2]), tf.SparseTensor([[0, 1]], [2], [1, 2])
        >>> tf.Session().run(tf.sparse_tensor_to_dense(tf.sparse_concat(1, [x, y])))
        array([[1, 0, 0, 2]], dtype=int32)
    """
    if not isinstance(sp_inputs, (list, tuple)) or isinstance(sp_inputs, SparseTensorValue) or not sp_inputs:
        raise TypeError(f"tf.sparse_concat takes a list of sparse tensors, not {sp_inputs!r}.")
    parts = [as_sparse(part) for part in sp_inputs]  # pyright: ignore[reportUnknownVariableType]  # learners are not typed
    rank = parts[0].rank
    if rank is None:
        raise ShapeError("tf.sparse_concat needs to know how many axes its inputs have.")
    place = normalize_axis(axis if concat_dim is None else concat_dim, rank)
    _check_other_axes(parts, place, expand_nonconcat_dim)
    here = np.arange(rank) == place
    with parts[0].graph.name_scope(name or "SparseConcat"):
        moved: list[Any] = []
        offset: Any = np.zeros(rank, np.int64)
        sizes: Any = parts[0].dense_shape
        for number, part in enumerate(parts):
            moved.append(part.indices + offset)
            along = part.dense_shape * here.astype(np.int64)
            offset = along + offset
            if number and expand_nonconcat_dim:
                sizes = reduce_max([sizes, part.dense_shape], 0)
        total = sizes * (~here).astype(np.int64) + offset
        joined = SparseTensor(concat(moved, 0), concat([part.values for part in parts], 0), total)
        return sparse_reorder(joined)


def _check_other_axes(parts: Sequence[SparseTensor], axis: int, may_differ: bool) -> None:
    shapes = [part.get_shape().as_list() if part.rank is not None else None for part in parts]
    for shape in shapes[1:]:
        if shape is None or shapes[0] is None:
            continue
        if len(shape) != len(shapes[0]):
            raise ShapeError(f"sparse tensors of {len(shapes[0])} and {len(shape)} axes cannot be joined.")
        pairs = [(a, b) for i, (a, b) in enumerate(zip(shapes[0], shape, strict=True)) if i != axis]
        if not may_differ and any(a != b for a, b in pairs if None not in (a, b)):
            raise ShapeError(
                f"sizes of the other axes differ: {shape_text(tuple(shapes[0]))} and {shape_text(tuple(shape))}.\n"
                "  Try: expand_nonconcat_dim=True takes the largest."
            )


@op
class UnionOfIndices(Op):
    """All coordinates that occur in one of two lists, sorted, and where those of the first, then the second, went."""

    args = ("a:int64", "b:int64")
    static_inputs = (0, 1)

    def infer(self, a: Spec, b: Spec) -> tuple[Spec, ...]:
        width = a.shape[1] if a.shape else None
        count = None if a.shape is None or b.shape is None or None in (a.shape[0], b.shape[0]) else _sum_of(a, b)
        union = None
        if a.value is not None and b.value is not None:
            rows: list[tuple[int | None, ...]] = [*a.value, *b.value]
            union = None if any(None in row for row in rows) else len(set(rows))
        return Spec(int64, (union, width)), Spec(int64, (count,))

    def kernel(self, a: Static, b: Static) -> tuple[Array, Array]:
        both = np.concatenate([a, b])
        union, places = np.unique(both, axis=0, return_inverse=True)
        return jnp.asarray(union, np.int64), jnp.asarray(places.reshape(-1), np.int64)


def _sum_of(a: Spec, b: Spec) -> int:
    """How many rows two matrices have."""
    return sum(spec.shape[0] or 0 for spec in (a, b) if spec.shape)


def sparse_add(a: Any, b: Any, thresh: Any = 0) -> Any:
    """The sum of two sparse tensors, or of a sparse and a dense one.

    Args:
        a: a `tf.SparseTensor`, or a tensor.
        b: likewise; at least one of both must be sparse, and both of one shape.
        thresh: sums whose absolute value is smaller are left out; 0 keeps all, also sums that are 0.

    Returns:
        A `tf.SparseTensor` if both are sparse, else a dense tensor.

    Raises:
        TypeError: if both are dense.

    Gradient: to the values, and to the dense one.

    Example:
        >>> import labkit as tf
        >>> x, y = tf.SparseTensor([[0], [2]], [1, 2], [4]), tf.SparseTensor([[2], [3]], [10, 20], [4])
        >>> tf.Session().run(tf.sparse_tensor_to_dense(tf.sparse_add(x, y)))
        array([ 1,  0, 12, 20], dtype=int32)
    """
    sparse = (SparseTensor, SparseTensorValue)
    if not isinstance(a, sparse) and not isinstance(b, sparse):
        raise TypeError("tf.sparse_add takes at least one sparse tensor; tf.add adds two dense ones.")
    if isinstance(a, sparse) and isinstance(b, sparse):
        return _sparse_sum(as_sparse(a), as_sparse(b), thresh)
    x, dense = (as_sparse(a), b) if isinstance(a, sparse) else (as_sparse(b), a)
    tensor = x.graph.as_tensor(dense, x.dtype, "b")
    return tensor + scatter_nd(x.indices, x.values, x.dense_shape)


def _sparse_sum(a: SparseTensor, b: SparseTensor, thresh: Any) -> SparseTensor:
    known = a.get_shape(), b.get_shape()
    if not known[0].is_compatible_with(known[1]):
        raise ShapeError(f"sparse tensors of shapes {known[0]} and {known[1]} cannot be added: they do not broadcast.")
    with a.graph.name_scope("SparseAdd"):
        indices, places = apply_node(UnionOfIndices(), a.indices, b.indices, name="union").outputs
        values = unsorted_segment_sum(concat([a.values, b.values], 0), places, shape_of(indices)[0])
        total = SparseTensor(indices, values, a.dense_shape)
        if isinstance(thresh, (int, float)) and thresh == 0:
            return total
        return sparse_retain(total, greater_equal(absolute(values), thresh))


def sparse_merge(sp_ids: Any, sp_values: Any, vocab_size: Any, name: str | None = None) -> SparseTensor:
    """Features given as ids and values, as one sparse tensor whose last axis counts ids.

    Args:
        sp_ids: a `tf.SparseTensor` of ids.
        sp_values: a `tf.SparseTensor` of values at the same places.
        vocab_size: how many ids there are.
        name: name of the scope.

    Returns:
        A `tf.SparseTensor` of shape `dense_shape[:-1] + [vocab_size]`.

    Example:
        >>> import labkit as tf
        >>> ids = tf.SparseTensor([[0, 0], [0, 1]], [4, 2], [1, 2])
        >>> values = tf.SparseTensor([[0, 0], [0, 1]], [0.5, 1.5], [1, 2])
        >>> tf.Session().run(tf.sparse_tensor_to_dense(tf.sparse_merge(ids, values, 5)))
        array([[0. , 0. , 1.5, 0. , 0.5]], dtype=float32)
    """
    ids, x = as_sparse(sp_ids, "sp_ids"), as_sparse(sp_values, "sp_values")
    with x.graph.name_scope(name or "SparseMerge"):
        column = expand_dims(ids.values if ids.dtype is int64 else cast(ids.values, int64), 1)
        places = concat([ids.indices[:, :-1], column], 1)
        count = reshape(as_int64(x, vocab_size, "vocab_size"), [1])
        return sparse_reorder(SparseTensor(places, x.values, concat([ids.dense_shape[:-1], count], 0)))
