"""What a tensor's shape is, as a tensor: `tf.shape`, `tf.size`, `tf.rank`.

These ops read shapes, never values, so their results are known while the program is compiled, and often before: where
the static shape is fully known they are constants. That is what lets `tf.reshape(x, [tf.shape(x)[0], -1])` work.

Source: signatures and behaviour of `tensorflow/python/ops/array_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from labkit.dtypes import DType, DTypeLike, as_dtype, int32
from labkit.graph import Cost, Op, Spec, Tensor, apply, graph_of, op
from labkit.ops.bases import Array
from labkit.shapes import is_static, num_elements


@op
class Shape(Op):
    """The shape of the input, as a vector."""

    out_type: DType

    args = ("input:any",)
    folds_from_shape = True

    def infer(self, x: Spec) -> Spec:
        return Spec(self.out_type, (None if x.shape is None else len(x.shape),))

    def kernel(self, x: Array) -> Array:
        return jnp.asarray(x.shape, self.out_type.np_dtype)

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        shape = specs[0].shape
        if shape is None:
            return None
        return np.array(shape, dtype=self.out_type.np_dtype if is_static(shape) else object)

    def cost(self, x: Spec) -> Cost:
        return Cost(0, 0)


def shape(input: Any, name: str | None = None, out_type: DTypeLike = int32) -> Tensor:
    """The shape of a tensor when the graph runs, as a tensor. (`x.get_shape()` is what is known before.)

    Args:
        input: a tensor.
        name: name of the node.
        out_type: int32 or int64.

    Returns:
        A vector with one size per axis. No gradient.

    Example:
        >>> import labkit as tf
        >>> x = tf.placeholder(tf.float32, [None, 3])
        >>> tf.Session().run(tf.shape(x), {x: [[1, 2, 3], [4, 5, 6]]})
        array([2, 3], dtype=int32)
    """
    graph = graph_of([input])
    tensor = graph.as_tensor(input)
    sizes = tensor.static_shape
    if is_static(sizes):
        return graph.as_tensor(np.array(sizes, as_dtype(out_type).np_dtype), None, name or "Shape")
    return apply(Shape(as_dtype(out_type)), tensor, name=name)


def shape_n(input: Any, out_type: DTypeLike = int32, name: str | None = None) -> list[Tensor]:
    """The shapes of several tensors.

    Args:
        input: a list of tensors.
        out_type: int32 or int64.
        name: name of the nodes.

    Returns:
        A list with a vector per tensor. No gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.shape_n([tf.zeros([2, 3]), tf.zeros([4])]))
        [array([2, 3], dtype=int32), array([4], dtype=int32)]
    """
    return [shape(tensor, name or "ShapeN", out_type) for tensor in input]


@op
class Size(Op):
    """The number of elements of the input."""

    out_type: DType

    args = ("input:any",)
    folds_from_shape = True

    def infer(self, x: Spec) -> Spec:
        return Spec(self.out_type, ())

    def kernel(self, x: Array) -> Array:
        return jnp.asarray(x.size, self.out_type.np_dtype)

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        count = num_elements(specs[0].shape)
        return None if count is None else np.array(count, self.out_type.np_dtype)

    def cost(self, x: Spec) -> Cost:
        return Cost(0, 0)


def size(input: Any, name: str | None = None, out_type: DTypeLike = int32) -> Tensor:
    """The number of elements of a tensor, as a tensor.

    Args:
        input: a tensor.
        name: name of the node.
        out_type: int32 or int64.

    Returns:
        A scalar. No gradient.

    Example:
        >>> import labkit as tf
        >>> int(tf.Session().run(tf.size([[1, 2, 3], [4, 5, 6]])))
        6
    """
    graph = graph_of([input])
    tensor = graph.as_tensor(input)
    count = num_elements(tensor.static_shape)
    if count is not None:
        return graph.as_tensor(np.array(count, as_dtype(out_type).np_dtype), None, name or "Size")
    return apply(Size(as_dtype(out_type)), tensor, name=name)


@op
class Rank(Op):
    """The number of axes of the input."""

    args = ("input:any",)
    folds_from_shape = True

    def infer(self, x: Spec) -> Spec:
        return Spec(int32, ())

    def kernel(self, x: Array) -> Array:
        return jnp.asarray(x.ndim, np.int32)

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        known = specs[0].shape
        return None if known is None else np.array(len(known), np.int32)

    def cost(self, x: Spec) -> Cost:
        return Cost(0, 0)


def rank(input: Any, name: str | None = None) -> Tensor:
    """The number of axes of a tensor, as a tensor: 0 for a number, 1 for a vector, 2 for a matrix.

    Args:
        input: a tensor.
        name: name of the node.

    Returns:
        An int32 scalar. No gradient.

    Example:
        >>> import labkit as tf
        >>> int(tf.Session().run(tf.rank(tf.zeros([5, 2, 3]))))
        3
    """
    graph = graph_of([input])
    tensor = graph.as_tensor(input)
    if tensor.static_shape is not None:
        return graph.as_tensor(np.array(len(tensor.static_shape), np.int32), None, name or "Rank")
    return apply(Rank(), tensor, name=name)


def all_axes(x: Tensor) -> Tensor:
    """All axes of a tensor of unknown rank: `range(rank(x))`, known while tracing."""
    return apply(AllAxes(), x)


@op
class AllAxes(Op):
    """The axes of the input, 0 to rank - 1."""

    args = ("input:any",)
    folds_from_shape = True

    def infer(self, x: Spec) -> Spec:
        return Spec(int32, (None if x.shape is None else len(x.shape),))

    def kernel(self, x: Array) -> Array:
        return jnp.arange(x.ndim, dtype=np.int32)

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        shape = specs[0].shape
        return None if shape is None else np.arange(len(shape), dtype=np.int32)
