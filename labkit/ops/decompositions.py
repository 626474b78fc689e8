"""Decompositions of matrices: Cholesky, QR, singular values, eigenvalues.

All work on the matrices along the last two axes. Their gradients use the vector-Jacobian product of JAX's own
decomposition (`Vjp`); the gradients of `solving` are made of matrix products.

Source: signatures of `tensorflow/python/ops/linalg_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from typing import cast as typed  # JAX types jnp.linalg loosely

import jax.numpy as jnp

from labkit.graph import Operation, Spec, Tensor, apply, apply_node, graph_of, op
from labkit.ops.bases import Array, vjp
from labkit.ops.matrices import at_least, smaller
from labkit.ops.solving import Factorization, matrix_triangular_solve, square_shape


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
