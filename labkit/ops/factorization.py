"""Factorizations of a matrix into simpler ones: `tf.qr`.

Source: signature and behaviour of `tensorflow/python/ops/linalg_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from labkit.dtypes import complex64, complex128, float32, float64
from labkit.errors import ShapeError
from labkit.graph import Cost, Operation, Spec, Tensor, apply_node, op
from labkit.graph import Op as Op
from labkit.ops.bases import Array, elements, vjp
from labkit.shapes import shape_text


@op
class Qr(Op):
    """A matrix as a product of one with orthonormal columns and an upper triangular one."""

    full_matrices: bool = False

    args = ("input",)
    allowed = frozenset([float32, float64, complex64, complex128])

    def infer(self, x: Spec) -> tuple[Spec, Spec]:
        if x.shape is None:
            return Spec(x.dtype, None), Spec(x.dtype, None)
        if len(x.shape) < 2:
            raise ShapeError(f"tf.qr needs a matrix, not {shape_text(x.shape)}.")
        *batch, rows, columns = x.shape
        fewer = None if rows is None or columns is None else min(rows, columns)
        inner = rows if self.full_matrices else fewer
        return Spec(x.dtype, (*batch, rows, inner)), Spec(x.dtype, (*batch, inner, columns))

    def kernel(self, x: Array) -> tuple[Array, Array]:
        q, r = jnp.linalg.qr(x, mode="complete" if self.full_matrices else "reduced")
        return q, r

    def gradient(self, node: Operation, *grads: Tensor) -> Sequence[Tensor | None]:
        return vjp(node, *grads)

    def cost(self, x: Spec) -> Cost:
        fewer = min((size or 0 for size in x.shape[-2:]), default=0) if x.shape else 0
        return self.cost_with_flops(0, x)._replace(flops=2.0 * elements(x) * fewer)


def qr(input: Any, full_matrices: bool = False, name: str | None = None) -> tuple[Tensor, Tensor]:
    """A matrix as a product of one with orthonormal columns and an upper triangular one.

    Args:
        input: (..., rows, columns).
        full_matrices: True makes the first factor square.
        name: name of the node.

    Returns:
        The two factors, (..., rows, n) and (..., n, columns), where n is the lesser of rows and columns.

    Raises:
        ShapeError: if the input has fewer than two axes.

    Gradient: JAX's, where there are at least as many rows as columns and `full_matrices` is False.

    Example:
        >>> import labkit as tf
        >>> q, r = tf.qr([[3.0, 1.0], [4.0, 2.0]])
        >>> tf.Session().run(abs(r)).round(2)
        array([[5. , 2.2],
               [0. , 0.4]], dtype=float32)
    """
    q, r = apply_node(Qr(full_matrices), input, name=name).outputs
    return q, r
