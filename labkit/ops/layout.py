"""The same elements in another order: `tf.transpose`, `tf.reverse_sequence`, `tf.space_to_depth`.

Source: signatures and behaviour of `tensorflow/python/ops/array_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from labkit.errors import ShapeError
from labkit.graph import OPS, Cost, Op, Operation, Spec, Tensor, apply, graph_of, op
from labkit.ops.bases import Array
from labkit.ops.shaping import all_axes, rank
from labkit.shapes import shape_text


@op
class Transpose(Op):
    """The input with its axes in another order."""

    args = ("x:any", "perm:index")
    static_inputs = (1,)

    def infer(self, x: Spec, perm: Spec) -> Spec:
        count = perm.shape[0] if perm.shape else None
        if x.shape is not None and count is not None and len(x.shape) != count:
            raise ShapeError(f"perm orders {count} axes, and the tensor {shape_text(x.shape)} has {len(x.shape)}.")
        if perm.value is None or None in perm.value:
            rank = count if x.shape is None else len(x.shape)
            return Spec(x.dtype, None if rank is None else (None,) * rank)
        listed: tuple[int, ...] = perm.value
        order = [axis + len(listed) if axis < 0 else axis for axis in listed]
        if sorted(order) != list(range(len(order))):
            raise ShapeError(f"perm must name each axis once, and {list(listed)} does not.")
        return Spec(x.dtype, (None,) * len(order) if x.shape is None else tuple(x.shape[axis] for axis in order))

    def kernel(self, x: Array, perm: np.ndarray[Any, Any]) -> Array:
        return jnp.transpose(x, [int(axis) for axis in perm])

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        x, perm = values
        return None if x is None or perm is None or perm.dtype == object else np.transpose(x, perm)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return apply(Transpose(), grad, invert_permutation(node.inputs[1])), None

    def cost(self, x: Spec, perm: Spec) -> Cost:
        return self.cost_with_flops(0, x, perm)


def transpose(a: Any, perm: Any = None, name: str | None = "transpose", conjugate: bool = False) -> Tensor:
    """The same elements with the axes in another order: axis i of the result is axis `perm[i]` of `a`.

    Args:
        a: a tensor.
        perm: the new order of the axes; reversed if None, which transposes a matrix.
        name: name of the node.
        conjugate: True also takes the complex conjugate.

    Returns:
        A tensor.

    Raises:
        ShapeError: if `perm` does not name each axis once.

    Gradient: the gradient, with the axes put back.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.transpose([[1, 2, 3], [4, 5, 6]]))
        array([[1, 4],
               [2, 5],
               [3, 6]], dtype=int32)
    """
    graph = graph_of([a])
    with graph.name_scope(name or "transpose") as scope:
        x = graph.as_tensor(a, None, "a")
        if perm is None:
            perm = np.arange(len(x.static_shape))[::-1].astype(np.int32) if x.static_shape is not None else None
        if perm is None:
            perm = apply(OPS["Sub"](), rank(x) - 1, all_axes(x), name="sub")
        if conjugate and x.dtype.is_complex:
            x = apply(OPS["Conj"](), x)
        return apply(Transpose(), x, perm, name=scope)


@op
class InvertPermutation(Op):
    """The permutation that undoes another one."""

    args = ("x:index",)

    def infer(self, x: Spec) -> Spec:
        if x.shape is not None and len(x.shape) != 1:
            raise ShapeError(f"a permutation is a vector, and this has shape {shape_text(x.shape)}.")
        return Spec(x.dtype, x.shape)

    def kernel(self, x: Array) -> Array:
        return jnp.argsort(x).astype(x.dtype)

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        x = values[0]
        return None if x is None or x.dtype == object else np.argsort(x).astype(x.dtype)


def invert_permutation(x: Any, name: str | None = None) -> Tensor:
    """The permutation that undoes `x`: y[x[i]] = i.

    Args:
        x: an int vector that holds each of 0 to n - 1 once.
        name: name of the node.

    Returns:
        A vector of the same shape and dtype. No gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.invert_permutation([3, 4, 0, 2, 1]))
        array([2, 4, 3, 0, 1], dtype=int32)
    """
    return apply(InvertPermutation(), x, name=name)
