"""Inverses, determinants and solutions of linear equations.

All work on the matrices along the last two axes, and their gradients are made of matrix products. A matrix that has no
inverse gives infinities or NaN, where TensorFlow stops the run. What `decompositions` needs too is here:
`Factorization`, `square_shape`.

Source: signatures of `tensorflow/python/ops/linalg_ops.py` (1.4); gradients from Giles 2008, "Collected matrix
derivative results for forward and reverse mode algorithmic differentiation".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from typing import cast as typed  # JAX types jnp.linalg loosely

import jax.numpy as jnp
import jax.scipy.linalg as jsl

from labkit.dtypes import float32, float64
from labkit.errors import ShapeError
from labkit.graph import Cost, Op, Operation, Spec, Tensor, apply, op
from labkit.ops.array import expand_dims
from labkit.ops.bases import COMPLEX, Array, elements
from labkit.ops.linalg import stacked_product
from labkit.ops.math import conj_of
from labkit.ops.matrices import at_least, matrix_band_part
from labkit.shapes import Shape, merge, shape_text

PRECISE = COMPLEX | {float32, float64}  # what LAPACK computes


class Factorization(Op):
    """Base of ops on square matrices that take about n ** 3 operations."""

    args = ("input",)
    allowed = PRECISE

    def cost(self, x: Spec, *others: Spec) -> Cost:
        size = 0 if not x.shape else x.shape[-1] or 0
        return Cost(float(elements(x) * size), self.cost_with_flops(0, x, *others).bytes)


def square_shape(x: Spec) -> Shape:
    """The shape of square matrices, with each size that one side knows.

    Raises:
        ShapeError: if the matrices are known not to be square.
    """
    at_least(2, x.shape, "a matrix")
    if x.shape is None:
        return None
    rows, columns = x.shape[-2:]
    if rows is not None and columns is not None and rows != columns:
        raise ShapeError(f"the matrix must be square, and it has {rows} rows and {columns} columns.")
    size = columns if rows is None else rows
    return (*x.shape[:-2], size, size)


@op
class MatrixInverse(Factorization):
    """The inverses of matrices."""

    adjoint: bool = False

    def infer(self, x: Spec) -> Spec:
        return Spec(x.dtype, square_shape(x))

    def kernel(self, x: Array) -> Array:
        return typed("Array", jnp.linalg.inv(jnp.conj(jnp.swapaxes(x, -1, -2)) if self.adjoint else x))

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        y = node.outputs[0]
        if self.adjoint:
            return -stacked_product(y, stacked_product(grad, y, adj_x=True))
        return -stacked_product(y, stacked_product(grad, y, adj_y=True), adj_x=True)


def matrix_inverse(input: Any, adjoint: bool = False, name: str | None = None) -> Tensor:
    """The inverses of matrices.

    Args:
        input: a tensor of shape (..., n, n), float32, float64 or complex.
        adjoint: True inverts the conjugate transpose.
        name: name of the node.

    Returns:
        A tensor of the same shape.

    Raises:
        ShapeError: if the shapes do not fit.

    Gradient: -adjoint(y) @ grad @ adjoint(y), with y the inverse.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.matrix_inverse([[2.0, 0.0], [0.0, 4.0]]))
        array([[0.5 , 0.  ],
               [0.  , 0.25]], dtype=float32)
    """
    return apply(MatrixInverse(adjoint), input, name=name)


@op
class MatrixDeterminant(Factorization):
    """The determinants of matrices."""

    def infer(self, x: Spec) -> Spec:
        shape = square_shape(x)
        return Spec(x.dtype, None if shape is None else shape[:-2])

    def kernel(self, x: Array) -> Array:
        return typed("Array", jnp.linalg.det(x))

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        scale = grad * conj_of(node.outputs[0])
        return expand_dims(expand_dims(scale, -1), -1) * matrix_inverse(node.inputs[0], adjoint=True)


def matrix_determinant(input: Any, name: str | None = None) -> Tensor:
    """The determinants of matrices.

    Args:
        input: a tensor of shape (..., n, n), float32, float64 or complex.
        name: name of the node.

    Returns:
        A tensor of shape (...).

    Raises:
        ShapeError: if the shapes do not fit.

    Gradient: grad * determinant * adjoint(inverse).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.matrix_determinant([[3.0, 0.0], [1.0, 2.0]]))
        np.float32(6.0)
    """
    return apply(MatrixDeterminant(), input, name=name)


def solution(matrix: Spec, rhs: Spec) -> Shape:
    """The shape of the solutions of matrix @ x = rhs."""
    shape = square_shape(matrix)
    at_least(2, rhs.shape, "the right-hand side (a matrix, one column per equation)")
    if shape is None or rhs.shape is None:
        return rhs.shape
    rows, equations = shape[-1], rhs.shape[-2]
    if rows is not None and equations is not None and rows != equations:
        raise ShapeError(f"the matrix has {rows} rows, and the right-hand side {equations}: {shape_text(rhs.shape)}.")
    return (*(merge(shape[:-2], rhs.shape[:-2]) or ()), equations if rows is None else rows, rhs.shape[-1])


@op
class MatrixSolve(Factorization):
    """The solutions x of matrix @ x = rhs."""

    adjoint: bool = False

    args = ("matrix", "rhs")

    def infer(self, matrix: Spec, rhs: Spec) -> Spec:
        return Spec(matrix.dtype, solution(matrix, rhs))

    def kernel(self, matrix: Array, rhs: Array) -> Array:
        return typed("Array", jnp.linalg.solve(jnp.conj(jnp.swapaxes(matrix, -1, -2)) if self.adjoint else matrix, rhs))

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        matrix, x = node.inputs[0], node.outputs[0]
        to_rhs = matrix_solve(matrix, grad, adjoint=not self.adjoint)
        left, right = (x, to_rhs) if self.adjoint else (to_rhs, x)
        return -stacked_product(left, right, adj_y=True), to_rhs


def matrix_solve(matrix: Any, rhs: Any, adjoint: bool = False, name: str | None = None) -> Tensor:
    """The solutions x of the linear equations matrix @ x = rhs.

    Args:
        matrix: a tensor of shape (..., n, n), float32, float64 or complex.
        rhs: a tensor of shape (..., n, k) and the same dtype.
        adjoint: True solves with the conjugate transpose of `matrix`.
        name: name of the node.

    Returns:
        A tensor of the shape of `rhs`.

    Raises:
        ShapeError: if the shapes do not fit.

    Gradient: to rhs, the solution s of adjoint(matrix) @ s = grad; to matrix, -s @ adjoint(x).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.matrix_solve([[2.0, 0.0], [0.0, 4.0]], [[2.0], [2.0]]))
        array([[1. ],
               [0.5]], dtype=float32)
    """
    return apply(MatrixSolve(adjoint), matrix, rhs, name=name)


@op
class MatrixTriangularSolve(Factorization):
    """The solutions x of matrix @ x = rhs for triangular matrices."""

    lower: bool = True
    adjoint: bool = False

    args = ("matrix", "rhs")

    def infer(self, matrix: Spec, rhs: Spec) -> Spec:
        return Spec(matrix.dtype, solution(matrix, rhs))

    def kernel(self, matrix: Array, rhs: Array) -> Array:
        return jsl.solve_triangular(matrix, rhs, trans="C" if self.adjoint else "N", lower=self.lower)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        matrix, x = node.inputs[0], node.outputs[0]
        to_rhs = matrix_triangular_solve(matrix, grad, self.lower, not self.adjoint)
        left, right = (x, to_rhs) if self.adjoint else (to_rhs, x)
        full = -stacked_product(left, right, adj_y=True)
        return matrix_band_part(full, -1 if self.lower else 0, 0 if self.lower else -1), to_rhs


def matrix_triangular_solve(
    matrix: Any, rhs: Any, lower: bool = True, adjoint: bool = False, name: str | None = None
) -> Tensor:
    """The solutions x of matrix @ x = rhs for triangular matrices, by substitution.

    Args:
        matrix: a tensor of shape (..., n, n), float32, float64 or complex. Only one triangle is read.
        rhs: a tensor of shape (..., n, k) and the same dtype.
        lower: True reads the lower triangle, False the upper one.
        adjoint: True solves with the conjugate transpose of that triangle.
        name: name of the node.

    Returns:
        A tensor of the shape of `rhs`.

    Raises:
        ShapeError: if the shapes do not fit.

    Gradient: as that of `tf.matrix_solve`, to the triangle that is read.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.matrix_triangular_solve([[2.0, 0.0], [1.0, 4.0]], [[2.0], [5.0]]))
        array([[1.],
               [1.]], dtype=float32)
    """
    return apply(MatrixTriangularSolve(lower, adjoint), matrix, rhs, name=name)
