"""Matrices: `tf.matmul`, `tf.matrix_inverse` and their kin.

Source: `tensorflow/python/ops/math_ops.py` and `linalg_ops.py` (1.4); gradients: Giles 2008, "Collected matrix
derivative results for forward and reverse mode algorithmic differentiation".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from labkit.errors import ShapeError
from labkit.graph import Cost, Op, Operation, Spec, Tensor, apply, graph_of, is_tensor_like, op
from labkit.ops.bases import NUMBERS, Array, elements
from labkit.ops.math import conj_of
from labkit.shapes import merge


@op
class MatMul(Op):
    """The matrix product of two matrices."""

    transpose_a: bool = False
    transpose_b: bool = False

    args = ("a", "b")
    allowed = NUMBERS

    def infer(self, a: Spec, b: Spec) -> Spec:
        rows, inner_left = _sides(a, self.transpose_a, "left")
        inner_right, columns = _sides(b, self.transpose_b, "right")
        if inner_left is not None and inner_right is not None and inner_left != inner_right:
            raise ShapeError(
                f"the inner sizes differ: {inner_left} columns on the left, {inner_right} rows on the right.",
                _size_advice(a, b, self),
            )
        return Spec(a.dtype, (rows, columns))

    def kernel(self, a: Array, b: Array) -> Array:
        return jnp.matmul(a.T if self.transpose_a else a, b.T if self.transpose_b else b)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        a, b = (conj_of(t) for t in node.inputs)
        if not self.transpose_a:
            grad_a = apply(MatMul(False, not self.transpose_b), grad, b)
        else:
            grad_a = apply(MatMul(self.transpose_b, True), b, grad)
        if not self.transpose_b:
            grad_b = apply(MatMul(not self.transpose_a, False), a, grad)
        else:
            grad_b = apply(MatMul(True, self.transpose_a), grad, a)
        return grad_a, grad_b

    def cost(self, a: Spec, b: Spec) -> Cost:
        inner = _sides(a, self.transpose_a, "left")[1] or 0
        result = self.infer(a, b)
        moved = self.cost_with_flops(0, a, b).bytes
        return Cost(2.0 * elements(result) * inner, moved)


def _sides(x: Spec, transposed: bool, side: str) -> tuple[int | None, int | None]:
    if x.shape is None:
        return None, None
    if len(x.shape) != 2:
        raise ShapeError(
            f"a matrix product needs matrices, and the {side} one has {len(x.shape)} axes: shape {x.shape}."
        )
    rows, columns = x.shape
    return (columns, rows) if transposed else (rows, columns)


def _size_advice(a: Spec, b: Spec, kind: MatMul) -> str:
    """What to change when the inner sizes differ: a transpose if that would fit, else the shape of one side."""
    for option, transposed in (("transpose_a", a), ("transpose_b", b)):
        other = b if transposed is a else a
        if transposed.shape and other.shape and len(transposed.shape) == len(other.shape) == 2:
            inner = transposed.shape[0] if option == "transpose_a" else transposed.shape[1]
            if inner is not None and inner == other.shape[0 if option == "transpose_a" else 1]:
                return f"{option}=True, or make the sizes fit."
    columns = _sides(b, kind.transpose_b, "right")[1]
    rows = _sides(a, kind.transpose_a, "left")[1]
    return f"make the right matrix ({rows}, {'?' if columns is None else columns})."


@op
class BatchMatMul(Op):
    """The matrix products of two stacks of matrices; the leading axes must agree."""

    adj_x: bool = False
    adj_y: bool = False

    args = ("x", "y")
    allowed = NUMBERS

    def infer(self, x: Spec, y: Spec) -> Spec:
        if x.shape is None or y.shape is None:
            return Spec(x.dtype, None)
        if min(len(x.shape), len(y.shape)) < 2:
            raise ShapeError(f"a matrix product needs at least two axes on each side: {x.shape} and {y.shape}.")
        rows, inner_left = _sides(Spec(x.dtype, x.shape[-2:]), self.adj_x, "left")
        inner_right, columns = _sides(Spec(y.dtype, y.shape[-2:]), self.adj_y, "right")
        if inner_left is not None and inner_right is not None and inner_left != inner_right:
            raise ShapeError(
                f"the inner sizes differ: {inner_left} columns on the left, {inner_right} rows on the right."
            )
        return Spec(x.dtype, (*(merge(x.shape[:-2], y.shape[:-2]) or ()), rows, columns))

    def kernel(self, x: Array, y: Array) -> Array:
        return jnp.matmul(_adjoint(x) if self.adj_x else x, _adjoint(y) if self.adj_y else y)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        x, y = node.inputs
        if not self.adj_x:
            grad_x = apply(BatchMatMul(False, not self.adj_y), grad, y)
        else:
            grad_x = apply(BatchMatMul(self.adj_y, True), y, grad)
        if not self.adj_y:
            grad_y = apply(BatchMatMul(not self.adj_x, False), x, grad)
        else:
            grad_y = apply(BatchMatMul(True, self.adj_x), grad, x)
        return grad_x, grad_y

    def cost(self, x: Spec, y: Spec) -> Cost:
        inner = (x.shape or (0,))[-2 if self.adj_x else -1] or 0
        return Cost(2.0 * elements(self.infer(x, y)) * inner, self.cost_with_flops(0, x, y).bytes)


def _adjoint(x: Array) -> Array:
    swapped = jnp.swapaxes(x, -1, -2)
    return jnp.conj(swapped) if jnp.iscomplexobj(x) else swapped


def matmul(
    a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False, adjoint_a: bool = False,
    adjoint_b: bool = False, a_is_sparse: bool = False, b_is_sparse: bool = False, name: str | None = None,
) -> Tensor:  # fmt: skip
    """The matrix product; for more than two axes, of each pair of matrices.

    Args:
        a: (..., n, k).
        b: (..., k, m).
        transpose_a: True transposes each matrix of `a` first.
        transpose_b: True transposes each matrix of `b` first.
        adjoint_a: True conjugates and transposes each matrix of `a`.
        adjoint_b: True conjugates and transposes each matrix of `b`.
        a_is_sparse: kept for TensorFlow's signature.
        b_is_sparse: kept for TensorFlow's signature.
        name: name of the node.

    Returns:
        (..., n, m).

    Raises:
        ShapeError: if the inner sizes differ.

    Gradient: to a, grad b^T; to b, a^T grad.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.matmul([[1, 2]], [[3], [4]]))
        array([[11]], dtype=int32)
    """
    if (transpose_a and adjoint_a) or (transpose_b and adjoint_b):
        raise ValueError("a matrix can be transposed or made adjoint, not both.")
    graph = graph_of([a, b])
    first = b if is_tensor_like(b) and not is_tensor_like(a) else a
    with graph.name_scope(name or "MatMul") as scope:
        wanted = first.dtype if is_tensor_like(first) else None
        left, right = graph.as_tensor(a, wanted, "a"), None
        right = graph.as_tensor(b, left.dtype, "b")
        ranks = [None if t.static_shape is None else len(t.static_shape) for t in (left, right)]
        if all(rank is None or rank > 2 for rank in ranks) and any(rank is not None for rank in ranks):
            left, right = (
                conj_of(t) if transposed else t for t, transposed in ((left, transpose_a), (right, transpose_b))
            )
            return apply(BatchMatMul(transpose_a or adjoint_a, transpose_b or adjoint_b), left, right, name=scope)
        left, right = (conj_of(t) if adjoint else t for t, adjoint in ((left, adjoint_a), (right, adjoint_b)))
        return apply(MatMul(transpose_a or adjoint_a, transpose_b or adjoint_b), left, right, name=scope)
