"""Products of matrices: `tf.matmul`, `tf.einsum`, `tf.tensordot`, and `tf.matrix_transpose`.

Diagonals and bands are in `matrices`; inverses, solutions and decompositions in `decompositions`.

Source: `tensorflow/python/ops/math_ops.py` and `special_math_ops.py` (1.4).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from labkit.errors import ShapeError
from labkit.graph import Cost, Op, Operation, Spec, Tensor, apply, graph_of, is_tensor_like, op
from labkit.ops.array import reshape, shape, transpose
from labkit.ops.bases import NUMBERS, Array, elements, sum_like, vjp
from labkit.ops.math import conj_of
from labkit.shapes import Shape, broadcast, is_static, num_elements, shape_text


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
            f"a matrix product needs matrices, and the {side} one has {len(x.shape)} axes: shape {x.shape}.",
            _rank_advice(len(x.shape), side),
        )
    rows, columns = x.shape
    return (columns, rows) if transposed else (rows, columns)


def _rank_advice(rank: int, side: str) -> str:
    """How to make a matrix of a vector or a number on one side of a product."""
    if rank == 1:
        return (
            "tf.expand_dims(x, 0), a matrix of one row."
            if side == "left"
            else ("tf.expand_dims(x, 1), a matrix of one column; the result has one column too.")
        )
    return "tf.multiply, or `*`, to multiply by a number." if rank == 0 else ""


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


def stacked_product(x: Tensor, y: Tensor, adj_x: bool = False, adj_y: bool = False) -> Tensor:
    """`BatchMatMul` of two tensors, for the gradients of this family."""
    return apply(BatchMatMul(adj_x, adj_y), x, y)


@op
class BatchMatMul(Op):
    """The products of the matrices along the last two axes; the axes before them broadcast."""

    adj_x: bool = False
    adj_y: bool = False

    args = ("x", "y")
    allowed = NUMBERS

    def infer(self, x: Spec, y: Spec) -> Spec:
        if x.shape is None or y.shape is None:
            return Spec(x.dtype, None)
        for side, spec in (("left", x), ("right", y)):
            if len(spec.shape or ()) < 2:
                raise ShapeError(f"a product of matrices needs at least 2 axes, and the {side} one has "
                                 f"shape {shape_text(spec.shape)}.")  # fmt: skip
        rows, inner_left = x.shape[:-3:-1] if self.adj_x else x.shape[-2:]
        inner_right, columns = y.shape[:-3:-1] if self.adj_y else y.shape[-2:]
        if inner_left is not None and inner_right is not None and inner_left != inner_right:
            raise ShapeError(
                f"the inner sizes differ: {inner_left} columns on the left, {inner_right} rows on the right."
            )
        return Spec(x.dtype, (*(broadcast(x.shape[:-2], y.shape[:-2]) or ()), rows, columns))

    def kernel(self, x: Array, y: Array) -> Array:
        left = jnp.conj(jnp.swapaxes(x, -1, -2)) if self.adj_x else x
        return jnp.matmul(left, jnp.conj(jnp.swapaxes(y, -1, -2)) if self.adj_y else y)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        x, y = node.inputs
        to_x = (
            stacked_product(y, grad, self.adj_y, True)
            if self.adj_x
            else stacked_product(grad, y, False, not self.adj_y)
        )
        to_y = (
            stacked_product(grad, x, True, self.adj_x)
            if self.adj_y
            else stacked_product(x, grad, not self.adj_x, False)
        )
        return sum_like(to_x, x), sum_like(to_y, y)

    def cost(self, x: Spec, y: Spec) -> Cost:
        inner = 0 if x.shape is None else x.shape[-2 if self.adj_x else -1] or 0
        return Cost(2.0 * elements(self.infer(x, y)) * inner, self.cost_with_flops(0, x, y).bytes)


def matmul(
    a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False, adjoint_a: bool = False,
    adjoint_b: bool = False, a_is_sparse: bool = False, b_is_sparse: bool = False, name: str | None = None,
) -> Tensor:  # fmt: skip
    """The matrix product; of stacks of matrices if both have more than two axes.

    Args:
        a: a tensor of shape (..., m, k).
        b: a tensor of shape (..., k, n) and the same dtype.
        transpose_a: True takes the transpose of `a`, then of shape (..., k, m).
        transpose_b: True takes the transpose of `b`, then of shape (..., n, k).
        adjoint_a: True takes the conjugate transpose of `a`.
        adjoint_b: True takes the conjugate transpose of `b`.
        a_is_sparse: True promises many zeros in `a`; the product is the same.
        b_is_sparse: True promises many zeros in `b`.
        name: name of the node.

    Returns:
        A tensor of shape (..., m, n).

    Raises:
        ShapeError: if the inner sizes differ.
        ValueError: if both the transpose and the adjoint of one side are asked for.

    Gradient: to a, grad @ transpose(b); to b, transpose(a) @ grad.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.matmul([[1, 2], [3, 4]], [[10], [1]]))
        array([[12],
               [34]], dtype=int32)
    """
    for side, transposed, adjoint in (("a", transpose_a, adjoint_a), ("b", transpose_b, adjoint_b)):
        if transposed and adjoint:
            raise ValueError(f"only one of transpose_{side} and adjoint_{side} can be True.")
    graph = graph_of([a, b])
    with graph.name_scope(name or "MatMul") as scope:
        left = graph.as_tensor(a, b.dtype if is_tensor_like(b) and not is_tensor_like(a) else None, "a")
        right = graph.as_tensor(b, left.dtype, "b")
        if any(t.static_shape is not None and len(t.static_shape) > 2 for t in (left, right)):
            # A batched product knows adjoints only: the transpose is the adjoint of the conjugate.
            left, right = conj_of(left) if transpose_a else left, conj_of(right) if transpose_b else right
            return apply(BatchMatMul(transpose_a or adjoint_a, transpose_b or adjoint_b), left, right, name=scope)
        left, right = conj_of(left) if adjoint_a else left, conj_of(right) if adjoint_b else right
        return apply(MatMul(transpose_a or adjoint_a, transpose_b or adjoint_b), left, right, name=scope)


def matrix_transpose(a: Any, name: str | None = "matrix_transpose") -> Tensor:
    """The matrices along the last two axes, transposed.

    Args:
        a: a tensor of shape (..., m, n), of known rank.
        name: name of the scope.

    Returns:
        A tensor of shape (..., n, m).

    Raises:
        ShapeError: if there are fewer than two axes, or the rank is unknown.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.matrix_transpose([[1, 2], [3, 4]]))
        array([[1, 3],
               [2, 4]], dtype=int32)
    """
    graph = graph_of([a])
    with graph.name_scope(name or "matrix_transpose"):
        tensor = graph.as_tensor(a, None, "a")
        if tensor.static_shape is None or len(tensor.static_shape) < 2:
            raise ShapeError(f"a stack of matrices needs at least 2 axes, not shape {shape_text(tensor.static_shape)}.")
        rank = len(tensor.static_shape)
        return transpose(tensor, [*range(rank - 2), rank - 1, rank - 2])


@op
class Einsum(Op):
    """A sum of products, written as an equation of labels such as "ij,jk->ik"."""

    equation: str

    args = ("*inputs",)
    allowed = NUMBERS

    def labels(self) -> tuple[list[str], str]:
        """The labels of each input, and those of the output."""
        left, _, right = self.equation.partition("->")
        return left.split(","), right

    def infer(self, *inputs: Spec) -> Spec:
        terms, output = self.labels()
        if len(terms) != len(inputs):
            raise ShapeError(f"the equation {self.equation!r} has {len(terms)} inputs, and {len(inputs)} were given.")
        sizes: dict[str, int | None] = {}
        for term, spec in zip(terms, inputs, strict=True):
            if spec.shape is None:
                continue
            if len(term) != len(spec.shape):
                raise ShapeError(f"{term!r} names {len(term)} axes, and the input has shape {shape_text(spec.shape)}.")
            for label, size in zip(term, spec.shape, strict=True):
                known = sizes.setdefault(label, size)
                if known is not None and size is not None and known != size:
                    raise ShapeError(f"{label!r} in {self.equation!r} has size {known} and size {size}.")
                sizes[label] = size if known is None else known
        return Spec(inputs[0].dtype, tuple(sizes.get(label) for label in output))

    def kernel(self, *inputs: Array) -> Array:
        return jnp.einsum(self.equation, *inputs)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        terms, output = self.labels()
        result: list[Tensor | None] = []
        for i, term in enumerate(terms):
            others = [*terms[:i], *terms[i + 1 :]]
            if not set(term) <= set(output).union(*others) or any(len(set(t)) < len(t) for t in terms):
                return vjp(node, grad)  # a label that is summed away alone, or a diagonal
            factors = [conj_of(t) for t in (*node.inputs[:i], *node.inputs[i + 1 :])]
            result.append(apply(Einsum(f"{','.join([output, *others])}->{term}"), grad, *factors))
        return result

    def cost(self, *inputs: Spec) -> Cost:
        terms, _ = self.labels()
        sizes = {c: s for t, x in zip(terms, inputs, strict=True) for c, s in zip(t, x.shape or (), strict=False)}
        products = num_elements(tuple(sizes.values())) or 0
        return Cost(float(len(inputs) * products), self.cost_with_flops(0, *inputs).bytes)


def einsum(equation: str, *inputs: Any, name: str | None = None) -> Tensor:
    """A sum of products over labelled axes: labels that are missing on the right are summed over.

    Args:
        equation: labels of each input, an arrow, labels of the output, such as "ij,jk->ik". Without an arrow the
            output has the labels that occur once, in alphabetical order.
        *inputs: tensors of one dtype.
        name: name of the scope.

    Returns:
        A tensor with an axis per label on the right.

    Raises:
        ValueError: if the equation cannot be read.

    Gradient: a sum of products of grad and the other inputs.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.einsum("ij,j->i", [[1, 2], [3, 4]], [10, 1]))
        array([12, 34], dtype=int32)
    """
    text = equation.replace(" ", "")
    if not re.fullmatch(r"[a-zA-Z]*(,[a-zA-Z]*)*(->[a-zA-Z]*)?", text):
        raise ValueError(f"cannot read the equation {equation!r}: it takes letters, commas and one arrow.")
    if "->" not in text:
        labels = text.replace(",", "")
        text += "->" + "".join(sorted(c for c in set(labels) if labels.count(c) == 1))
    with graph_of(inputs).name_scope(name or "einsum"):
        return apply(Einsum(text), *inputs)


def tensordot(a: Any, b: Any, axes: Any, name: str | None = None) -> Tensor:
    """The products of all pairs of elements, summed over pairs of axes; a matrix product after reshaping.

    Args:
        a: a tensor of known rank.
        b: a tensor of known rank and the same dtype.
        axes: a number n (the last n axes of `a` with the first n of `b`), or two lists of axes.
        name: name of the scope.

    Returns:
        A tensor with the remaining axes of `a`, then those of `b`.

    Raises:
        ShapeError: if a rank is unknown.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.tensordot([[1, 2], [3, 4]], [[1, 2], [3, 4]], 2))
        np.int32(30)
    """
    graph = graph_of([a, b])
    with graph.name_scope(name or "Tensordot") as scope:
        left = graph.as_tensor(a, None, "a")
        right = graph.as_tensor(b, left.dtype, "b")
        if left.static_shape is None or right.static_shape is None:
            raise ShapeError("tf.tensordot needs inputs of known rank.\n  Try: x.set_shape([...]).")
        rank = len(left.static_shape)
        pairs: Any = (range(rank - axes, rank), range(axes)) if isinstance(axes, int) else axes
        listed = [[int(axis) for axis in np.ravel(list(side) if isinstance(side, range) else side)] for side in pairs]
        rows, kept_left, sizes_left = _as_matrix(left, listed[0], contracted_last=True)
        columns, kept_right, sizes_right = _as_matrix(right, listed[1], contracted_last=False)
        product = matmul(rows, columns)
        static = (*kept_left, *kept_right)
        if is_static(static):
            return reshape(product, list(static), name=scope)
        result = reshape(product, [*sizes_left, *sizes_right], name=scope)
        result.set_shape(static)
        return result


def _as_matrix(x: Tensor, axes: list[int], contracted_last: bool) -> tuple[Tensor, tuple[int | None, ...], list[Any]]:
    """`x` as a matrix of kept axes by contracted ones (or the reverse), and the sizes that are kept."""
    known = x.static_shape or ()
    over = [axis % len(known) for axis in axes]
    kept = [i for i in range(len(known)) if i not in over]
    order = kept + over if contracted_last else over + kept
    sizes = shape(x)
    inner: Shape = tuple(known[i] for i in over)
    free: Shape = tuple(known[i] for i in kept)
    one, other = num_elements(inner), num_elements(free)
    if one is None and other is None:
        total: Any = 1
        for i in over:
            total = total * sizes[i]
        one = total
    pair: list[Any] = [-1 if other is None else other, -1 if one is None else one]
    matrix = reshape(transpose(x, order), pair if contracted_last else pair[::-1])
    return matrix, free, [sizes[i] if known[i] is None else known[i] for i in kept]
