"""Matrices: `tf.matmul`, `tf.matrix_inverse` and their kin.

Source: `tensorflow/python/ops/math_ops.py` and `linalg_ops.py` (1.4); gradients: Giles 2008, "Collected matrix
derivative results for forward and reverse mode algorithmic differentiation".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from labkit.errors import ShapeError
from labkit.graph import Cost, Op, Operation, Spec, Tensor, apply, op
from labkit.ops.bases import NUMBERS, Array, elements
from labkit.ops.math import conj_of


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
                f"the inner sizes differ: {inner_left} columns on the left, {inner_right} rows on the right."
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
