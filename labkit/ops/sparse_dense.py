"""From sparse tensors to dense ones: filled out, multiplied, summed.

What these functions give has sizes that follow from `dense_shape`, so a fed sparse tensor is compiled for once per
shape of its parts and per `dense_shape`. An entry whose coordinates lie outside is left out, since compiled code cannot
raise an error; of two entries at one place either may be taken, where they do not add up.

Source: signatures and behaviour of `tensorflow/python/ops/sparse_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from labkit.dtypes import bool_, int32, int64
from labkit.errors import DTypeError, ShapeError
from labkit.graph import Cost, Op, Operation, Spec, Tensor, apply, graph_of, op
from labkit.ops.array import expand_dims, reshape
from labkit.ops.bases import NUMBERS, REALS, Array, elements, vjp
from labkit.ops.joining import concat
from labkit.ops.math import cast
from labkit.ops.ranges import range as range_of
from labkit.ops.segment import combined, lowest
from labkit.ops.shaping import size
from labkit.ops.sparse_tensor import as_sparse
from labkit.shapes import compatible, normalize_axis, shape_text

__all__ = [
    "SparseReduceMax", "SparseReduceSum", "SparseTensorDenseMatMul", "SparseToDense", "sparse_reduce_max",
    "sparse_reduce_sum", "sparse_tensor_dense_matmul", "sparse_tensor_to_dense", "sparse_to_dense",
    "sparse_to_indicator",
]  # fmt: skip

Static = np.ndarray[Any, Any]
KEPT: dict[str, Any] = {"mode": "drop", "wrap_negative_indices": False}


def _coordinates(indices: Array) -> tuple[Array, ...]:
    """One vector per axis, from indices that are a number, a vector (of one axis) or a matrix of coordinates."""
    if indices.ndim < 2:
        return (indices.reshape(-1),)
    return tuple(jnp.moveaxis(indices, 1, 0))


@op
class SparseToDense(Op):
    """A tensor of the default value, with the given values at the given places."""

    args = ("sparse_indices:index", "output_shape:index", "sparse_values", "default_value")
    static_inputs = (1,)

    def infer(self, indices: Spec, shape: Spec, values: Spec, default: Spec) -> Spec:
        if default.shape is not None and default.shape != ():
            raise ShapeError(f"the default value must be a single one, not of shape {shape_text(default.shape)}.")
        if indices.shape is not None and len(indices.shape) > 2:
            raise ShapeError(f"indices must be at most a matrix, not of shape {shape_text(indices.shape)}.")
        if values.shape is not None and indices.shape is not None and values.shape != ():
            count = indices.shape[:1] if indices.shape else (1,)
            if not compatible(count, values.shape):
                raise ShapeError(
                    f"there must be one value for each place: {shape_text(values.shape)} values and "
                    f"{shape_text(count)} places."
                )
        if shape.value is None:
            rank = None if not shape.shape else shape.shape[0]
            return Spec(values.dtype, None if rank is None else (None,) * rank)
        return Spec(values.dtype, tuple(shape.value))

    def kernel(self, indices: Array, shape: Static, values: Array, default: Array) -> Array:
        at: Any = jnp.full([int(size) for size in shape], default, values.dtype).at
        return at[_coordinates(indices)].set(values, **KEPT)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return vjp(node, grad)


def sparse_to_dense(
    sparse_indices: Any, output_shape: Any, sparse_values: Any, default_value: Any = 0, validate_indices: bool = True,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """A dense tensor from places and values.

    Args:
        sparse_indices: the places: (n, rank), or (n,) or a number for a vector.
        output_shape: the sizes of the result.
        sparse_values: (n,) the values, or a single one for all places.
        default_value: the value everywhere else.
        validate_indices: kept for TensorFlow's signature: places outside are left out, whatever it is.
        name: name of the node.

    Returns:
        A tensor of shape `output_shape`.

    Raises:
        ShapeError: if there are not as many values as places.

    Gradient: to the values at their places, to the default value the sum of the rest.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.sparse_to_dense([[0, 1], [1, 2]], [2, 3], [5, 7], -1))
        array([[-1,  5, -1],
               [-1, -1,  7]], dtype=int32)
    """
    graph = graph_of([sparse_indices, output_shape, sparse_values])
    with graph.name_scope(name or "SparseToDense") as scope:
        values = graph.as_tensor(sparse_values, None, "sparse_values")
        default = graph.as_tensor(default_value, values.dtype, "default_value")
        return apply(SparseToDense(), sparse_indices, output_shape, values, default, name=scope)


def sparse_tensor_to_dense(
    sp_input: Any, default_value: Any = 0, validate_indices: bool = True, name: str | None = None
) -> Tensor:
    """A sparse tensor as a dense one.

    Args:
        sp_input: a `tf.SparseTensor`.
        default_value: the value where it has no entry; for strings give one, such as "".
        validate_indices: kept for TensorFlow's signature.
        name: name of the node.

    Returns:
        A tensor of its shape and dtype.

    Gradient: to the values.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.sparse_tensor_to_dense(tf.SparseTensor([[0], [2]], [5.0, 7.0], [4])))
        array([5., 0., 7., 0.], dtype=float32)
    """
    x = as_sparse(sp_input)
    return sparse_to_dense(x.indices, x.dense_shape, x.values, default_value, validate_indices, name)


def sparse_to_indicator(sp_input: Any, vocab_size: int, name: str | None = None) -> Tensor:
    """True where a row of a sparse tensor has an id: the last axis of entries becomes one of ids.

    Args:
        sp_input: a `tf.SparseTensor` of int32 or int64 ids.
        vocab_size: how many ids there are.
        name: name of the scope.

    Returns:
        A bool tensor of shape `sp_input.dense_shape[:-1] + [vocab_size]`.

    Example:
        >>> import labkit as tf
        >>> words = tf.SparseTensor([[0, 0], [0, 1], [1, 0]], [3, 1, 0], [2, 2])
        >>> tf.Session().run(tf.sparse_to_indicator(words, 4))
        array([[False,  True, False,  True],
               [ True, False, False, False]])
    """
    x = as_sparse(sp_input)
    if not x.dtype.is_integer:
        raise DTypeError(f"tf.sparse_to_indicator takes ids, int32 or int64, not {x.dtype.name}.")
    with x.graph.name_scope(name or "SparseToIndicator") as scope:
        ids = expand_dims(cast(x.values, int64), 1)
        places = concat([x.indices[:, :-1], ids], 1)
        sizes = concat([x.dense_shape[:-1], np.array([vocab_size], np.int64)], 0)
        return apply(SparseToDense(), places, sizes, x.graph.as_tensor(True, bool_), False, name=scope)


@op
class SparseTensorDenseMatMul(Op):
    """A sparse matrix times a dense one."""

    adjoint_a: bool = False
    adjoint_b: bool = False

    args = ("a_indices:int64", "a_values", "a_shape:int64", "b")
    allowed = NUMBERS
    static_inputs = (2,)

    def infer(self, indices: Spec, values: Spec, shape: Spec, b: Spec) -> Spec:
        for spec, what in ((indices, "the indices"), (b, "b")):
            if spec.shape is not None and len(spec.shape) != 2:
                raise ShapeError(f"{what} must be a matrix, not of shape {shape_text(spec.shape)}.")
        sizes: tuple[int | None, ...] = (None, None) if shape.value is None else tuple(shape.value)
        if len(sizes) != 2:
            raise ShapeError(f"a sparse matrix has two axes, and dense_shape has {len(sizes)} numbers.")
        rows, inner = sizes[::-1] if self.adjoint_a else sizes
        other, columns = (None, None) if b.shape is None else b.shape[::-1] if self.adjoint_b else b.shape
        if None not in (inner, other) and inner != other:
            raise ShapeError(
                f"the inner sizes differ: the sparse matrix has {inner} columns, the dense one {other} rows"
                f"{' (after adjoint)' if self.adjoint_a or self.adjoint_b else ''}."
            )
        return Spec(values.dtype, (rows, columns))

    def kernel(self, indices: Array, values: Array, shape: Static, b: Array) -> Array:
        rows, columns = indices[:, 0], indices[:, 1]
        count = int(shape[0])
        if self.adjoint_a:
            rows, columns, count, values = columns, rows, int(shape[1]), jnp.conj(values)
        if self.adjoint_b:
            b = jnp.conj(b).T
        from_b: Any = b.at
        taken = from_b[columns].get(mode="fill", fill_value=0, wrap_negative_indices=False)
        at: Any = jnp.zeros((count, b.shape[1]), values.dtype).at
        return at[rows].add(values[:, None] * taken, **KEPT)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return vjp(node, grad)

    def cost(self, indices: Spec, values: Spec, shape: Spec, b: Spec) -> Cost:
        columns = (b.shape or (0, 0))[0 if self.adjoint_b else 1] or 0
        return Cost(2.0 * elements(values) * columns, self.cost_with_flops(0, indices, values, shape, b).bytes)


def sparse_tensor_dense_matmul(
    sp_a: Any, b: Any, adjoint_a: bool = False, adjoint_b: bool = False, name: str | None = None
) -> Tensor:
    """A sparse matrix times a dense one, with work for the entries that there are only.

    Args:
        sp_a: a `tf.SparseTensor` of two axes.
        b: a matrix of the same dtype.
        adjoint_a: True takes the conjugate transpose of `sp_a`.
        adjoint_b: True takes the conjugate transpose of `b`.
        name: name of the node.

    Returns:
        The product, a dense matrix.

    Raises:
        ShapeError: if the inner sizes differ.

    Gradient: to the values of `sp_a`, and to `b`.

    Example:
        >>> import labkit as tf
        >>> a = tf.SparseTensor([[0, 1], [1, 0]], [2.0, 3.0], [2, 2])
        >>> tf.Session().run(tf.sparse_tensor_dense_matmul(a, [[1.0, 2.0], [3.0, 4.0]]))
        array([[6., 8.],
               [3., 6.]], dtype=float32)
    """
    a = as_sparse(sp_a, "sp_a")
    with a.graph.name_scope(name or "SparseTensorDenseMatMul") as scope:
        dense = a.graph.as_tensor(b, None, "b")
        kind = SparseTensorDenseMatMul(adjoint_a, adjoint_b)
        return apply(kind, a.indices, a.values, a.dense_shape, dense, name=scope)


class SparseReduction(Op):
    """Base of the reductions of a sparse tensor to a dense one."""

    keep_dims: bool = False

    args = ("input_indices:int64", "input_values", "input_shape:int64", "reduction_axes:int32")
    static_inputs = (2, 3)

    def infer(self, indices: Spec, values: Spec, shape: Spec, axes: Spec) -> Spec:
        rank = shape.shape[0] if shape.shape else None
        if rank is None or axes.value is None or None in axes.value:
            return Spec(values.dtype, None)
        sizes: Sequence[int | None] = (None,) * rank if shape.value is None else tuple(shape.value)
        kept = kept_axes(rank, axes.value)
        if self.keep_dims:
            return Spec(values.dtype, tuple(size if i in kept else 1 for i, size in enumerate(sizes)))
        return Spec(values.dtype, tuple(sizes[i] for i in kept))

    def result(self, dense: Array, shape: Static, kept: Sequence[int]) -> Array:
        """The reduced tensor, with axes of size 1 where they are kept."""
        return dense.reshape([int(n) if i in kept else 1 for i, n in enumerate(shape)]) if self.keep_dims else dense


def kept_axes(rank: int, reduced: Any) -> list[int]:
    """The axes that remain."""
    gone = [normalize_axis(int(i), rank) for i in reduced]
    return [i for i in range(rank) if i not in gone]


@op
class SparseReduceSum(SparseReduction):
    """The sums of the entries along axes."""

    keep_dims: bool = False

    allowed = NUMBERS

    def kernel(self, indices: Array, values: Array, shape: Static, axes: Static) -> Array:
        kept = kept_axes(len(shape), axes)
        at: Any = jnp.zeros([int(shape[i]) for i in kept], values.dtype).at
        if not kept:
            return self.result(jnp.sum(values, dtype=values.dtype), shape, kept)
        return self.result(at[tuple(indices[:, i] for i in kept)].add(values, **KEPT), shape, kept)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return vjp(node, grad)


@op
class SparseReduceMax(SparseReduction):
    """The largest of the entries along axes; 0 where there is none."""

    keep_dims: bool = False

    allowed = REALS

    def kernel(self, indices: Array, values: Array, shape: Static, axes: Static) -> Array:
        kept = kept_axes(len(shape), axes)
        sizes = [int(shape[i]) for i in kept]
        place = jnp.zeros(indices.shape[:1], np.int64)
        for axis, count in zip(kept, sizes, strict=True):
            place = place * count + indices[:, axis]
        largest = combined("max", values, place, int(np.prod(sizes, dtype=np.int64)), lowest(values))
        present = combined("sum", jnp.ones_like(place), place, len(largest), 0)
        return self.result(jnp.where(present > 0, largest, jnp.zeros_like(largest)).reshape(sizes), shape, kept)


def _reduced(kind: SparseReduction, sp_input: Any, axis: Any, reduction_axes: Any) -> Tensor:
    """Applies a reduction."""
    x = as_sparse(sp_input)
    chosen = reduction_axes if axis is None else axis
    if chosen is None:
        chosen = range_of(0, size(x.dense_shape))
    axes = x.graph.as_tensor(chosen, int32, "reduction_axes")
    return apply(kind, x.indices, x.values, x.dense_shape, reshape(axes, [-1]) if axes.static_shape == () else axes)


def sparse_reduce_sum(sp_input: Any, axis: Any = None, keep_dims: bool = False, reduction_axes: Any = None) -> Tensor:
    """The sums of a sparse tensor along axes, as a dense tensor.

    Args:
        sp_input: a `tf.SparseTensor`.
        axis: an axis or a list of them; all if None.
        keep_dims: True keeps the summed axes, with size 1.
        reduction_axes: the older name of `axis`.

    Returns:
        A dense tensor without the summed axes.

    Gradient: to the values.

    Example:
        >>> import labkit as tf
        >>> x = tf.SparseTensor([[0, 0], [0, 2], [1, 1]], [1, 1, 1], [2, 3])
        >>> tf.Session().run(tf.sparse_reduce_sum(x, 1))
        array([2, 1], dtype=int32)
    """
    return _reduced(SparseReduceSum(keep_dims), sp_input, axis, reduction_axes)


def sparse_reduce_max(sp_input: Any, axis: Any = None, keep_dims: bool = False, reduction_axes: Any = None) -> Tensor:
    """The largest entries of a sparse tensor along axes, as a dense tensor; 0 where there is no entry.

    Args:
        sp_input: a `tf.SparseTensor` of real numbers.
        axis: an axis or a list of them; all if None.
        keep_dims: True keeps the reduced axes, with size 1.
        reduction_axes: the older name of `axis`.

    Returns:
        A dense tensor without the reduced axes. No gradient.

    Example:
        >>> import labkit as tf
        >>> x = tf.SparseTensor([[0, 0], [0, 2], [1, 1]], [1, 2, -3], [3, 3])
        >>> tf.Session().run(tf.sparse_reduce_max(x, 1))
        array([ 2, -3,  0], dtype=int32)
    """
    return _reduced(SparseReduceMax(keep_dims), sp_input, axis, reduction_axes)
