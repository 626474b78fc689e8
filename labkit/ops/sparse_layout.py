"""Sparse tensors from sparse tensors: sorted, cut, filled up, reshaped.

Most are functions over the ops for the three tensors that a `tf.SparseTensor` consists of, so a gradient to the values
flows through all of them. How many entries come out of `sparse_retain`, `sparse_slice` or `sparse_fill_empty_rows`
depends on their coordinates; these parts of a graph run between two compiled ones.

Source: signatures and behaviour of `tensorflow/python/ops/sparse_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from labkit.dtypes import bool_, int32, int64
from labkit.errors import ShapeError
from labkit.graph import Op, Operation, Spec, Tensor, apply_node, constant_value, op
from labkit.ops.along_axis import cumprod
from labkit.ops.array import expand_dims, reshape
from labkit.ops.bases import Array, vjp
from labkit.ops.filling import fill, ones_like
from labkit.ops.gathering import gather
from labkit.ops.indexed_slices import IndexedSlices
from labkit.ops.joining import concat
from labkit.ops.logic import equal, greater_equal, less, logical_and
from labkit.ops.math import cast
from labkit.ops.reduce import reduce_max, reduce_prod, reduce_sum
from labkit.ops.reduce_bool import reduce_all
from labkit.ops.segment import unsorted_segment_sum
from labkit.ops.selecting import setdiff1d, where
from labkit.ops.shaping import size
from labkit.ops.sparse_tensor import SparseTensor, as_sparse
from labkit.shapes import shape_text

Static = np.ndarray[Any, Any]


@op
class SparseReorder(Op):
    """The entries in row-major order of their coordinates."""

    args = ("input_indices:int64", "input_values", "input_shape:int64")

    def infer(self, indices: Spec, values: Spec, shape: Spec) -> tuple[Spec, ...]:
        return Spec(int64, indices.shape), Spec(values.dtype, values.shape)

    def kernel(self, indices: Array, values: Array, shape: Array) -> tuple[Array, Array]:
        keys: Any = tuple(jnp.moveaxis(indices, 1, 0))[::-1]
        if not keys:
            return indices, values
        order = jnp.lexsort(keys)
        return indices[order], values[order]

    def gradient(self, node: Operation, *grads: Tensor) -> Sequence[Tensor | None]:
        return vjp(node, None, grads[1])


def sparse_reorder(sp_input: Any, name: str | None = None) -> SparseTensor:
    """The same sparse tensor, with its entries in row-major order of their coordinates.

    Args:
        sp_input: a `tf.SparseTensor`.
        name: name of the node.

    Returns:
        A `tf.SparseTensor`.

    Gradient: to the values.

    Example:
        >>> import labkit as tf
        >>> x = tf.SparseTensor([[1, 0], [0, 1]], [1, 2], [2, 2])
        >>> tf.Session().run(tf.sparse_reorder(x)).values
        array([2, 1], dtype=int32)
    """
    x = as_sparse(sp_input)
    indices, values = apply_node(SparseReorder(), x.indices, x.values, x.dense_shape, name=name).outputs
    return SparseTensor(indices, values, x.dense_shape)


def sparse_retain(sp_input: Any, to_retain: Any) -> SparseTensor:
    """Some of the entries of a sparse tensor.

    Args:
        sp_input: a `tf.SparseTensor` of n entries.
        to_retain: (n,) bool: which to keep.

    Returns:
        A `tf.SparseTensor` of the same dense shape.

    Gradient: to the values that are kept.

    Example:
        >>> import labkit as tf
        >>> x = tf.SparseTensor([[0], [2], [3]], [1, 2, 3], [5])
        >>> tf.Session().run(tf.sparse_retain(x, [True, False, True])).values
        array([1, 3], dtype=int32)
    """
    x = as_sparse(sp_input)
    keep = x.graph.as_tensor(to_retain, bool_, "to_retain")
    known = x.values.static_shape, keep.static_shape
    if None not in known and None not in (*(known[0] or ()), *(known[1] or ())) and known[0] != known[1]:
        raise ShapeError(f"to_retain has shape {shape_text(known[1])}, and there are {shape_text(known[0])} entries.")
    places = reshape(where(keep), [-1])
    return SparseTensor(gather(x.indices, places), gather(x.values, places), x.dense_shape)


def _strides(sizes: Tensor) -> Tensor:
    """How many entries lie between neighbours along each axis."""
    return cumprod(sizes, exclusive=True, reverse=True)


def sparse_reshape(sp_input: Any, shape: Any, name: str | None = None) -> SparseTensor:
    """A sparse tensor of another shape, with the same entries in row-major order.

    Args:
        sp_input: a `tf.SparseTensor`.
        shape: the sizes; -1 for one that follows from the others.
        name: name of the scope.

    Returns:
        A `tf.SparseTensor` with the same values.

    Example:
        >>> import labkit as tf
        >>> x = tf.SparseTensor([[0, 1], [1, 2]], [1, 2], [2, 3])
        >>> tf.Session().run(tf.sparse_reshape(x, [3, -1])).indices.tolist()
        [[0, 1], [2, 1]]
    """
    x = as_sparse(sp_input)
    with x.graph.name_scope(name or "SparseReshape"):
        wanted = x.graph.as_tensor(shape, None, "shape")
        wanted = wanted if wanted.dtype is int64 else cast(wanted, int64)
        count = reduce_prod(x.dense_shape)
        given = -reduce_prod(wanted)  # with one -1 among them: the product of the others
        free = cast(equal(wanted, -1), int64)
        has_free = reduce_sum(free)
        divisor = given * has_free + (1 - has_free)
        sizes = wanted * (1 - free) + (count // divisor) * free
        flat = reduce_sum(x.indices * _strides(x.dense_shape), 1, keep_dims=True)
        return SparseTensor((flat // _strides(sizes)) % sizes, x.values, sizes)


def sparse_transpose(sp_input: Any, perm: Any = None, name: str | None = None) -> SparseTensor:
    """A sparse tensor with its axes in another order.

    Args:
        sp_input: a `tf.SparseTensor`.
        perm: for each axis of the result, which axis it was; reversed if None.
        name: name of the scope.

    Returns:
        A `tf.SparseTensor` with its entries in row-major order.

    Example:
        >>> import labkit as tf
        >>> x = tf.SparseTensor([[0, 1], [1, 0]], [1, 2], [2, 3])
        >>> tf.Session().run(tf.sparse_transpose(x)).values
        array([2, 1], dtype=int32)
    """
    x = as_sparse(sp_input)
    with x.graph.name_scope(name or "SparseTranspose"):
        if perm is None:
            if x.rank is None:
                raise ShapeError("the number of axes is unknown.\n  Try: perm=[1, 0], the order of the axes.")
            perm = list(range(x.rank))[::-1]
        order = x.graph.as_tensor(perm, None, "perm")
        turned = SparseTensor(gather(x.indices, order, axis=1), x.values, gather(x.dense_shape, order))
        return sparse_reorder(turned)


def sparse_slice(sp_input: Any, start: Any, size: Any, name: str | None = None) -> SparseTensor:
    """A block of a sparse tensor.

    Args:
        sp_input: a `tf.SparseTensor`.
        start: where the block begins, a number per axis.
        size: its sizes; cut where the tensor ends.
        name: name of the scope.

    Returns:
        A `tf.SparseTensor`.

    Example:
        >>> import labkit as tf
        >>> x = tf.SparseTensor([[0, 1], [1, 0], [1, 2]], [1, 2, 3], [2, 3])
        >>> tf.Session().run(tf.sparse_slice(x, [1, 1], [1, 2])).indices.tolist()
        [[0, 1]]
    """
    x = as_sparse(sp_input)
    with x.graph.name_scope(name or "SparseSlice"):
        first, sizes = (as_int64(x, value, what) for value, what in ((start, "start"), (size, "size")))
        end = first + sizes
        inside = logical_and(greater_equal(x.indices, first), less(x.indices, end))
        kept = sparse_retain(x, reduce_all(inside, 1))
        left = reduce_max([x.dense_shape - first, [0] * (x.rank or 1) if x.rank else first * 0], 0)
        cut = -reduce_max([-left, -sizes], 0)
        return SparseTensor(kept.indices - first, kept.values, cut)


def as_int64(x: SparseTensor, value: Any, name: str) -> Tensor:
    """A tensor of whole numbers as int64, in the graph of `x`."""
    tensor = x.graph.as_tensor(value, None, name)
    return tensor if tensor.dtype is int64 else cast(tensor, int64)


def sparse_fill_empty_rows(sp_input: Any, default_value: Any, name: str | None = None) -> tuple[SparseTensor, Tensor]:
    """A sparse matrix with an entry in every row: rows without one get the default value in their first column.

    Args:
        sp_input: a `tf.SparseTensor` of two axes.
        default_value: the value for rows that were empty.
        name: name of the scope.

    Returns:
        The `tf.SparseTensor`, and a bool vector that says which rows were empty.

    Example:
        >>> import labkit as tf
        >>> x = tf.SparseTensor([[0, 1], [2, 0]], [5, 7], [3, 2])
        >>> filled, empty = tf.sparse_fill_empty_rows(x, -1)
        >>> tf.Session().run([filled.values, empty])
        [array([ 5, -1,  7], dtype=int32), array([False,  True, False])]
    """
    x = as_sparse(sp_input)
    with x.graph.name_scope(name or "SparseFillEmptyRows"):
        value = x.graph.as_tensor(default_value, x.dtype, "default_value")
        rows = x.indices[:, 0]
        count = cast(x.dense_shape[0], int32)
        empty = equal(unsorted_segment_sum(ones_like(rows, dtype=int32), rows, count), 0)
        missing = where(empty)
        more = concat([missing, missing * 0], 1)
        filled = fill(expand_dims(size(missing), 0), value)
        joined = SparseTensor(concat([x.indices, more], 0), concat([x.values, filled], 0), x.dense_shape)
        return sparse_reorder(joined), empty


def sparse_reset_shape(sp_input: Any, new_shape: Any = None) -> SparseTensor:
    """The same entries in a tensor of another size: given, or the smallest that holds all of them.

    Args:
        sp_input: a `tf.SparseTensor`.
        new_shape: sizes at least as large as the old ones; None for the smallest.

    Returns:
        A `tf.SparseTensor`.

    Raises:
        ShapeError: if a new size is known to be too small, or the number of axes differs.

    Example:
        >>> import labkit as tf
        >>> x = tf.SparseTensor([[0, 1], [1, 0]], [5, 7], [9, 9])
        >>> tf.Session().run(tf.sparse_reset_shape(x)).dense_shape
        array([2, 2])
    """
    x = as_sparse(sp_input)
    if new_shape is None:
        return SparseTensor(x.indices, x.values, reduce_max(x.indices, 0) + 1)
    sizes = as_int64(x, new_shape, "new_shape")
    old, new = constant_value(x.dense_shape), constant_value(sizes)
    if old is not None and new is not None and (len(old) != len(new) or np.any(np.asarray(new) < np.asarray(old))):
        raise ShapeError(f"the new shape {list(new)} must be at least as large as the old one, {list(old)}.")
    return SparseTensor(x.indices, x.values, sizes)


def sparse_mask(a: IndexedSlices, mask_indices: Any, name: str | None = None) -> IndexedSlices:
    """An `tf.IndexedSlices` without some of its rows.

    Args:
        a: an `tf.IndexedSlices`.
        mask_indices: a vector of the indices to leave out.
        name: name of the scope.

    Returns:
        An `tf.IndexedSlices`.

    Example:
        >>> import labkit as tf
        >>> rows = tf.IndexedSlices(tf.constant([[1.0], [2.0], [3.0]]), tf.constant([4, 0, 2]))
        >>> tf.Session().run(tf.sparse_mask(rows, [0])).indices
        array([4, 2], dtype=int32)
    """
    with a.graph.name_scope(name or "sparse_mask"):
        indices, places = setdiff1d(a.indices, mask_indices)
        return IndexedSlices(gather(a.values, places), indices, a.dense_shape)
