"""Tensors of one value: `tf.zeros`, `tf.ones`, `tf.fill` and the `_like` forms.

Where the shape is known they are constants, as in TensorFlow; else a `Fill` whose sizes are found while compiling.

Source: signatures and behaviour of `tensorflow/python/ops/array_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import jax.numpy as jnp
import numpy as np

from labkit.dtypes import DType, DTypeLike, as_dtype, float32, string
from labkit.errors import ShapeError
from labkit.graph import Op, Operation, Spec, Tensor, apply, graph_of, is_tensor_like, op
from labkit.ops.bases import Array, sum_like
from labkit.ops.shaping import shape as shape_op
from labkit.shapes import as_shape, is_static


@op
class Fill(Op):
    """A tensor of one value."""

    args = ("dims:index", "value")
    static_inputs = (0,)

    def infer(self, dims: Spec, value: Spec) -> Spec:
        return Spec(value.dtype, shape_from(dims))

    def kernel(self, dims: np.ndarray[Any, Any], value: Array) -> Array:
        return jnp.full(tuple(int(size) for size in dims), value, value.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return None, sum_like(grad, node.inputs[1])


def shape_from(dims: Spec) -> tuple[int | None, ...] | None:
    """The static shape that a static input of sizes says."""
    if dims.value is None:
        rank = dims.shape[0] if dims.shape else None
        return None if rank is None else (None,) * rank
    sizes = tuple(dims.value)
    if any(size is not None and size < 0 for size in sizes):
        raise ShapeError(f"sizes must not be negative: {list(sizes)}.")
    return sizes


def fill(dims: Any, value: Any, name: str | None = None) -> Tensor:
    """A tensor of one value.

    Args:
        dims: the sizes.
        value: a scalar.
        name: name of the node.

    Returns:
        A tensor of shape `dims` and the dtype of `value`.

    Gradient: to value, the sum of the gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.fill([2, 3], 9))
        array([[9, 9, 9],
               [9, 9, 9]], dtype=int32)
    """
    return apply(Fill(), dims, value, name=name)


@op
class ZerosLike(Op):
    """Zeros in the shape of the input."""

    allowed = None

    def infer(self, x: Spec) -> Spec:
        return Spec(x.dtype, x.shape)

    def kernel(self, x: Array) -> Array:
        return jnp.zeros_like(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        return apply(ZerosLike(), grad)


def zeros(shape: Any, dtype: DTypeLike = float32, name: str | None = None) -> Tensor:
    """A tensor of zeros.

    Args:
        shape: the sizes, or a tensor of them.
        dtype: dtype of the elements.
        name: name of the node.

    Returns:
        A tensor.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.zeros([2, 2], tf.int32))
        array([[0, 0],
               [0, 0]], dtype=int32)
    """
    return _filled(shape, 0, as_dtype(dtype), name or "zeros")


def ones(shape: Any, dtype: DTypeLike = float32, name: str | None = None) -> Tensor:
    """A tensor of ones.

    Args:
        shape: the sizes, or a tensor of them.
        dtype: dtype of the elements.
        name: name of the node.

    Returns:
        A tensor.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.ones([3]))
        array([1., 1., 1.], dtype=float32)
    """
    return _filled(shape, 1, as_dtype(dtype), name or "ones")


def _entry(value: int, dtype: DType) -> np.ndarray[Any, Any]:
    """0 or 1 in a dtype; the zero of strings is the empty string."""
    return np.array(b"" if value == 0 else b"1", object) if dtype is string else np.array(value, dtype.np_dtype)


def _filled(shape: Any, value: int, dtype: DType, name: str) -> Tensor:
    """A constant where the shape is known, else a `Fill`."""
    graph = graph_of([shape])
    entry = _entry(value, dtype)
    if not is_tensor_like(shape) and not (
        isinstance(shape, (list, tuple)) and any(map(is_tensor_like, cast("Any", shape)))
    ):
        sizes = as_shape(shape)
        if sizes is not None and is_static(sizes):
            return graph.as_tensor(np.full([size or 0 for size in sizes], entry), None, name)
    with graph.name_scope(name) as scope:
        dims = graph.as_tensor(shape, None, "shape")
        return apply(Fill(), dims, graph.as_tensor(entry, None, "Const"), name=scope)


def zeros_like(tensor: Any, dtype: DTypeLike = None, name: str | None = None, optimize: bool = True) -> Tensor:
    """Zeros in the shape of `tensor`.

    Args:
        tensor: a tensor.
        dtype: another dtype than that of `tensor`.
        name: name of the node.
        optimize: True makes a constant where the shape is known.

    Returns:
        A tensor. No gradient flows to `tensor`.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.zeros_like([1.5, 2.5]))
        array([0., 0.], dtype=float32)
    """
    return _filled_like(tensor, 0, dtype, name or "zeros_like", optimize)


def ones_like(tensor: Any, dtype: DTypeLike = None, name: str | None = None, optimize: bool = True) -> Tensor:
    """Ones in the shape of `tensor`.

    Args:
        tensor: a tensor.
        dtype: another dtype than that of `tensor`.
        name: name of the node.
        optimize: True makes a constant where the shape is known.

    Returns:
        A tensor. No gradient flows to `tensor`.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.ones_like([[1, 2]]))
        array([[1, 1]], dtype=int32)
    """
    return _filled_like(tensor, 1, dtype, name or "ones_like", optimize)


def _filled_like(tensor: Any, value: int, dtype: DTypeLike, name: str, optimize: bool) -> Tensor:
    graph = graph_of([tensor])
    with graph.name_scope(name) as scope:
        like = graph.as_tensor(tensor, None, "tensor")
        wanted = like.dtype if dtype is None else as_dtype(dtype)
        entry = _entry(value, wanted)
        if optimize and is_static(like.static_shape):
            return graph.as_tensor(np.full(cast("Any", like.static_shape), entry), None, scope)
        if value == 0 and wanted is like.dtype:
            return apply(ZerosLike(), like, name=scope)
        sizes = shape_op(like, name="Shape")
        return apply(Fill(), sizes, graph.as_tensor(entry, None, "Const"), name=scope)
