"""Inverses, solutions of linear equations, determinants and decompositions of matrices.

All work on the matrices along the last two axes. The first group has gradients made of matrix products; the
decompositions use the vector-Jacobian product of JAX's own (`Vjp`). A matrix that has no inverse gives infinities or
NaN, where TensorFlow stops the run.

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
from labkit.graph import Cost, Op, Operation, Spec, Tensor, apply, apply_node, graph_of, op
from labkit.ops.array import expand_dims
from labkit.ops.bases import COMPLEX, Array, elements, vjp
from labkit.ops.linalg import stacked_product
from labkit.ops.math import conj_of
from labkit.ops.matrices import at_least, matrix_band_part, smaller
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


@op
class Cholesky(Factorization):
    """Lower triangular matrices L with L @ adjoint(L) = input."""

    def infer(self, x: Spec) -> Spec:
        return Spec(x.dtype, square_shape(x))

    def kernel(self, x: Array) -> Array:
        return typed("Array", jnp.linalg.cholesky(x))

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return vjp(node, grad)


def cholesky(input: Any, name: str | None = None) -> Tensor:
    """The Cholesky decomposition: lower triangular matrices L with L @ adjoint(L) = input.

    Args:
        input: a tensor of shape (..., n, n), float32, float64 or complex; symmetric (Hermitian) and
            positive definite.
        name: name of the node.

    Returns:
        A tensor of the same shape; NaN where the matrix is not positive definite.

    Raises:
        ShapeError: if the shapes do not fit.

    Gradient: by the vector-Jacobian product of the decomposition.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.cholesky([[4.0, 2.0], [2.0, 5.0]]))
        array([[2., 0.],
               [1., 2.]], dtype=float32)
    """
    return apply(Cholesky(), input, name=name)


def cholesky_solve(chol: Any, rhs: Any, name: str | None = None) -> Tensor:
    """The solutions x of A @ x = rhs, from the Cholesky decomposition of A.

    Args:
        chol: a tensor of shape (..., n, n), from `tf.cholesky(A)`.
        rhs: a tensor of shape (..., n, k) and the same dtype.
        name: name of the scope.

    Returns:
        A tensor of the shape of `rhs`.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.cholesky_solve(tf.cholesky([[4.0, 2.0], [2.0, 5.0]]), [[8.0], [8.0]]))
        array([[1.5],
               [1. ]], dtype=float32)
    """
    with graph_of([chol, rhs]).name_scope(name or "cholesky_solve"):
        half = matrix_triangular_solve(chol, rhs, lower=True, adjoint=False)
        return matrix_triangular_solve(chol, half, lower=True, adjoint=True)


@op
class Qr(Factorization):
    """Orthonormal Q and upper triangular R with Q @ R = input."""

    full_matrices: bool = False

    def infer(self, x: Spec) -> tuple[Spec, Spec]:
        at_least(2, x.shape, "a matrix")
        if x.shape is None:
            return Spec(x.dtype, None), Spec(x.dtype, None)
        *batch, rows, columns = x.shape
        inner = rows if self.full_matrices else smaller(rows, columns)
        return Spec(x.dtype, (*batch, rows, inner)), Spec(x.dtype, (*batch, inner, columns))

    def kernel(self, x: Array) -> tuple[Array, Array]:
        q, r = jnp.linalg.qr(x, mode="complete" if self.full_matrices else "reduced")
        return q, r

    def gradient(self, node: Operation, *grads: Tensor) -> Sequence[Tensor | None]:
        return vjp(node, *grads)


def qr(input: Any, full_matrices: bool = False, name: str | None = None) -> tuple[Tensor, Tensor]:
    """The QR decomposition: Q with orthonormal columns and upper triangular R with Q @ R = input.

    Args:
        input: a tensor of shape (..., m, n), float32, float64 or complex.
        full_matrices: True makes Q square, (..., m, m).
        name: name of the node.

    Returns:
        Q of shape (..., m, min(m, n)) and R of shape (..., min(m, n), n).

    Raises:
        ShapeError: if the shapes do not fit.

    Gradient: by the vector-Jacobian product of the decomposition; needs m >= n and `full_matrices` False.

    Example:
        >>> import labkit as tf
        >>> [abs(t).round(3).tolist() for t in tf.Session().run(tf.qr([[3.0, 0.0], [4.0, 5.0]]))]
        [[[0.6000000238418579, 0.800000011920929], [0.800000011920929, 0.6000000238418579]], [[5.0, 4.0], [0.0, 3.0]]]
    """
    q, r = apply_node(Qr(full_matrices), input, name=name).outputs
    return q, r


@op
class Svd(Factorization):
    """Singular values, and U and V with U @ diag(s) @ adjoint(V) = input."""

    compute_uv: bool = True
    full_matrices: bool = False

    def infer(self, x: Spec) -> tuple[Spec, ...]:
        at_least(2, x.shape, "a matrix")
        real = x.dtype.real_dtype
        if x.shape is None:
            return (Spec(real, None), Spec(x.dtype, None), Spec(x.dtype, None))[: 3 if self.compute_uv else 1]
        *batch, rows, columns = x.shape
        inner = smaller(rows, columns)
        values = Spec(real, (*batch, inner))
        if not self.compute_uv:
            return (values,)
        u = Spec(x.dtype, (*batch, rows, rows if self.full_matrices else inner))
        return values, u, Spec(x.dtype, (*batch, columns, columns if self.full_matrices else inner))

    def kernel(self, x: Array) -> tuple[Array, ...]:
        if not self.compute_uv:
            return (jnp.linalg.svd(x, compute_uv=False),)
        u, s, vh = jnp.linalg.svd(x, full_matrices=self.full_matrices)
        return s, u, jnp.conj(jnp.swapaxes(vh, -1, -2))

    def gradient(self, node: Operation, *grads: Tensor) -> Sequence[Tensor | None]:
        return vjp(node, *grads)


def svd(tensor: Any, full_matrices: bool = False, compute_uv: bool = True, name: str | None = None) -> Any:
    """The singular value decomposition: U @ diag(s) @ adjoint(V) = tensor, largest s first.

    Args:
        tensor: a tensor of shape (..., m, n), float32, float64 or complex.
        full_matrices: True makes U and V square.
        compute_uv: False gives the singular values only.
        name: name of the node.

    Returns:
        s of shape (..., min(m, n)), U of shape (..., m, min(m, n)), V of shape (..., n, min(m, n)); s alone if not
        `compute_uv`.

    Raises:
        ShapeError: if the shapes do not fit.

    Gradient: by the vector-Jacobian product of the decomposition; needs distinct singular values.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.svd([[3.0, 0.0], [0.0, -2.0]], compute_uv=False))
        array([3., 2.], dtype=float32)
    """
    outputs = apply_node(Svd(compute_uv, full_matrices), tensor, name=name).outputs
    return tuple(outputs) if compute_uv else outputs[0]


@op
class SelfAdjointEigV2(Factorization):
    """Eigenvalues, and eigenvectors as columns, of symmetric (Hermitian) matrices."""

    compute_v: bool = True

    def infer(self, x: Spec) -> tuple[Spec, ...]:
        shape = square_shape(x)
        values = Spec(x.dtype.real_dtype, None if shape is None else shape[:-1])
        return (values, Spec(x.dtype, shape)) if self.compute_v else (values,)

    def kernel(self, x: Array) -> tuple[Array, ...]:
        found = typed("tuple[Array, Array]", jnp.linalg.eigh(x))
        return tuple(found) if self.compute_v else (found[0],)

    def gradient(self, node: Operation, *grads: Tensor) -> Sequence[Tensor | None]:
        return vjp(node, *grads)


def self_adjoint_eig(tensor: Any, name: str | None = None) -> tuple[Tensor, Tensor]:
    """The eigenvalues, smallest first, and the eigenvectors of symmetric (Hermitian) matrices.

    Args:
        tensor: a tensor of shape (..., n, n), float32, float64 or complex. It must be symmetric (Hermitian).
        name: name of the node.

    Returns:
        Eigenvalues of shape (..., n), and eigenvectors of shape (..., n, n), one per column.

    Raises:
        ShapeError: if the shapes do not fit.

    Gradient: by the vector-Jacobian product of the decomposition; needs distinct eigenvalues.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.self_adjoint_eig([[3.0, 0.0], [0.0, 2.0]])[0])
        array([2., 3.], dtype=float32)
    """
    values, vectors = apply_node(SelfAdjointEigV2(), tensor, name=name).outputs
    return values, vectors


def self_adjoint_eigvals(tensor: Any, name: str | None = None) -> Tensor:
    """The eigenvalues of symmetric (Hermitian) matrices, smallest first.

    Args:
        tensor: a tensor of shape (..., n, n).
        name: name of the node.

    Returns:
        A tensor of shape (..., n).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.self_adjoint_eigvals([[3.0, 0.0], [0.0, 2.0]]))
        array([2., 3.], dtype=float32)
    """
    return apply(SelfAdjointEigV2(compute_v=False), tensor, name=name)
