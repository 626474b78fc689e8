"""Diagonals and bands of matrices: `tf.diag`, `tf.matrix_diag`, `tf.matrix_band_part`, `tf.eye`, `tf.trace`.

The ops named `matrix_...` work on the last two axes and leave the others alone. Taking a diagonal and making one are
each other's gradient.

Source: signatures and behaviour of `tensorflow/python/ops/array_ops.py` and `linalg_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from typing import cast as typed  # JAX types jnp.linalg loosely

import jax.numpy as jnp
import numpy as np

from labkit.dtypes import DTypeLike, float32
from labkit.errors import ShapeError
from labkit.graph import Cost, Op, Operation, Spec, Tensor, apply, graph_of, op
from labkit.ops.bases import Array
from labkit.ops.filling import ones, zeros
from labkit.ops.math import subtract
from labkit.ops.reduce import reduce_sum
from labkit.shapes import Shape, merge, shape_text


class Moving(Op):
    """Base of ops that only move elements: no floating-point operations."""

    def cost(self, *inputs: Spec) -> Cost:
        return self.cost_with_flops(0, *inputs)


def at_least(rank: int, shape: Shape, what: str) -> None:
    """Raises a `ShapeError` if `shape` is known to have fewer axes than `what` needs."""
    if shape is not None and len(shape) < rank:
        raise ShapeError(f"{what} needs at least {rank} axes, not shape {shape_text(shape)}.")


def smaller(rows: int | None, columns: int | None) -> int | None:
    """The length of the diagonal of a matrix."""
    return None if rows is None or columns is None else min(rows, columns)


@op
class Diag(Moving):
    """A tensor of twice the rank with the elements of the input on its diagonal."""

    args = ("diagonal",)

    def infer(self, x: Spec) -> Spec:
        return Spec(x.dtype, None if x.shape is None else x.shape * 2)

    def kernel(self, x: Array) -> Array:
        return jnp.diag(x.reshape(-1)).reshape(x.shape * 2)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        return diag_part(grad)


def diag(diagonal: Any, name: str | None = None) -> Tensor:
    """A tensor with the given elements on its diagonal and zeros elsewhere.

    Args:
        diagonal: a tensor of shape (n,), or (n, m, ...).
        name: name of the node.

    Returns:
        A tensor of shape (n, n), or (n, m, ..., n, m, ...).

    Gradient: the diagonal of grad.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.diag([1, 2]))
        array([[1, 0],
               [0, 2]], dtype=int32)
    """
    return apply(Diag(), diagonal, name=name)


@op
class DiagPart(Moving):
    """The elements on the diagonal of a tensor of even rank."""

    args = ("input",)

    def infer(self, x: Spec) -> Spec:
        if x.shape is None:
            return Spec(x.dtype, None)
        half = len(x.shape) // 2
        if len(x.shape) % 2 or not half:
            raise ShapeError(f"a diagonal needs an even rank of at least 2, not shape {shape_text(x.shape)}.")
        return Spec(x.dtype, merge(x.shape[:half], x.shape[half:]))

    def kernel(self, x: Array) -> Array:
        shape = x.shape[: x.ndim // 2]
        size = int(np.prod(shape, dtype=np.int64))
        return typed("Array", jnp.diagonal(x.reshape(size, size)).reshape(shape))

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        return diag(grad)


def diag_part(input: Any, name: str | None = None) -> Tensor:
    """The elements on the diagonal.

    Args:
        input: a tensor of shape (n, n), or (n, m, ..., n, m, ...).
        name: name of the node.

    Returns:
        A tensor of shape (n,), or (n, m, ...).

    Gradient: grad on a diagonal.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.diag_part([[1, 2], [3, 4]]))
        array([1, 4], dtype=int32)
    """
    return apply(DiagPart(), input, name=name)


@op
class MatrixDiag(Moving):
    """Matrices with the vectors along the last axis on their diagonals."""

    args = ("diagonal",)

    def infer(self, x: Spec) -> Spec:
        at_least(1, x.shape, "a diagonal")
        return Spec(x.dtype, None if x.shape is None else (*x.shape, x.shape[-1]))

    def kernel(self, x: Array) -> Array:
        return jnp.expand_dims(x, -1) * jnp.eye(x.shape[-1], dtype=x.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        return matrix_diag_part(grad)


def matrix_diag(diagonal: Any, name: str | None = None) -> Tensor:
    """Matrices with the given vectors on their diagonals and zeros elsewhere.

    Args:
        diagonal: a tensor of shape (..., n).
        name: name of the node.

    Returns:
        A tensor of shape (..., n, n).

    Gradient: the diagonals of grad.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.matrix_diag([[1, 2]]))
        array([[[1, 0],
                [0, 2]]], dtype=int32)
    """
    return apply(MatrixDiag(), diagonal, name=name)


@op
class MatrixDiagPart(Moving):
    """The diagonals of the matrices along the last two axes."""

    args = ("input",)

    def infer(self, x: Spec) -> Spec:
        at_least(2, x.shape, "a matrix")
        return Spec(x.dtype, None if x.shape is None else (*x.shape[:-2], smaller(*x.shape[-2:])))

    def kernel(self, x: Array) -> Array:
        return typed("Array", jnp.diagonal(x, axis1=-2, axis2=-1))

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        x = node.inputs[0]
        return matrix_set_diag(subtract(x, x), grad)  # zeros of the shape of x, known only when it runs


def matrix_diag_part(input: Any, name: str | None = None) -> Tensor:
    """The diagonals of matrices.

    Args:
        input: a tensor of shape (..., m, n).
        name: name of the node.

    Returns:
        A tensor of shape (..., min(m, n)).

    Gradient: grad on the diagonals, zeros elsewhere.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.matrix_diag_part([[1, 2, 3], [4, 5, 6]]))
        array([1, 5], dtype=int32)
    """
    return apply(MatrixDiagPart(), input, name=name)


@op
class MatrixSetDiag(Moving):
    """The matrices along the last two axes with other diagonals."""

    args = ("input", "diagonal")

    def infer(self, x: Spec, diagonal: Spec) -> Spec:
        at_least(2, x.shape, "a matrix")
        if x.shape is not None:
            merge((*x.shape[:-2], smaller(*x.shape[-2:])), diagonal.shape)
        return Spec(x.dtype, x.shape)

    def kernel(self, x: Array, diagonal: Array) -> Array:
        index = np.arange(min(x.shape[-2:]))
        return x.at[..., index, index].set(diagonal)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        to_diagonal = matrix_diag_part(grad)
        return matrix_set_diag(grad, subtract(to_diagonal, to_diagonal)), to_diagonal


def matrix_set_diag(input: Any, diagonal: Any, name: str | None = None) -> Tensor:
    """Matrices with other diagonals.

    Args:
        input: a tensor of shape (..., m, n).
        diagonal: a tensor of shape (..., min(m, n)) and the same dtype.
        name: name of the node.

    Returns:
        A tensor of shape (..., m, n).

    Gradient: to input, grad with zeros on the diagonals; to diagonal, the diagonals of grad.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.matrix_set_diag([[1, 2], [3, 4]], [8, 9]))
        array([[8, 2],
               [3, 9]], dtype=int32)
    """
    return apply(MatrixSetDiag(), input, diagonal, name=name)


@op
class MatrixBandPart(Moving):
    """The elements of matrices within a band around the diagonal."""

    args = ("input", "num_lower:int64", "num_upper:int64")

    def infer(self, x: Spec, num_lower: Spec, num_upper: Spec) -> Spec:
        at_least(2, x.shape, "a matrix")
        return Spec(x.dtype, x.shape)

    def kernel(self, x: Array, num_lower: Array, num_upper: Array) -> Array:
        row, column = (jnp.arange(size, dtype=np.int64) for size in x.shape[-2:])
        above = jnp.expand_dims(column, 0) - jnp.expand_dims(row, 1)
        inside = ((num_lower < 0) | (-above <= num_lower)) & ((num_upper < 0) | (above <= num_upper))
        return jnp.where(inside, x, jnp.zeros((), x.dtype))

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return matrix_band_part(grad, node.inputs[1], node.inputs[2]), None, None


def matrix_band_part(input: Any, num_lower: Any, num_upper: Any, name: str | None = None) -> Tensor:
    """Matrices with zeros outside a band around the diagonal.

    Args:
        input: a tensor of shape (..., m, n).
        num_lower: how many diagonals below the main one to keep; -1 keeps all.
        num_upper: how many above it to keep; -1 keeps all.
        name: name of the node.

    Returns:
        A tensor of the same shape.

    Gradient: the same band of grad.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.matrix_band_part([[1, 2], [3, 4]], -1, 0))
        array([[1, 0],
               [3, 4]], dtype=int32)
    """
    return apply(MatrixBandPart(), input, num_lower, num_upper, name=name)


def trace(x: Any, name: str | None = None) -> Tensor:
    """The sum of the diagonal of matrices.

    Args:
        x: a tensor of shape (..., m, n).
        name: name of the last node.

    Returns:
        A tensor of shape (...).

    Example:
        >>> import labkit as tf
        >>> int(tf.Session().run(tf.trace([[1, 2], [3, 4]])))
        5
    """
    with graph_of([x]).name_scope(name or "Trace") as scope:
        return reduce_sum(matrix_diag_part(x), [-1], name=scope)


def eye(
    num_rows: Any, num_columns: Any = None, batch_shape: Any = None, dtype: DTypeLike = float32, name: str | None = None
) -> Tensor:
    """The identity matrix, or a stack of them.

    Args:
        num_rows: the number of rows.
        num_columns: the number of columns; that of the rows if None.
        batch_shape: sizes of the axes before the matrices.
        dtype: dtype of the elements.
        name: name of the scope.

    Returns:
        A tensor of shape (*batch_shape, num_rows, num_columns).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.eye(2))
        array([[1., 0.],
               [0., 1.]], dtype=float32)
    """
    with graph_of([num_rows, num_columns]).name_scope(name or "eye"):
        batch: list[Any] = [] if batch_shape is None else list(batch_shape)
        if num_columns is None or num_columns is num_rows:
            return matrix_diag(ones([*batch, num_rows], dtype))
        if not isinstance(num_rows, int) or not isinstance(num_columns, int):
            raise ShapeError("tf.eye of a shape that is no square needs num_rows and num_columns as numbers.")
        blank = zeros([*batch, num_rows, num_columns], dtype)
        return matrix_set_diag(blank, ones([*batch, min(num_rows, num_columns)], dtype))
