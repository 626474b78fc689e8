"""Shapes and layout of tensors: `tf.shape`, `tf.reshape`, `tf.stack`, `tf.identity`, slices.

Source: signatures and behaviour of `tensorflow/python/ops/array_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from labkit.dtypes import DType, DTypeLike, as_dtype, float32, int32
from labkit.errors import ShapeError
from labkit.graph import Cost, Op, Operation, Spec, Tensor, apply, graph_of, is_tensor_like, op
from labkit.ops.bases import Array, sum_like
from labkit.shapes import as_shape, is_static, num_elements, shape_text


@op
class Identity(Op):
    """The input, unchanged."""

    args = ("input",)

    def infer(self, x: Spec) -> Spec:
        return Spec(x.dtype, x.shape)

    def kernel(self, x: Array) -> Array:
        return x

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        return values[0]

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        return grad

    def cost(self, x: Spec) -> Cost:
        return Cost(0, 0)


def identity(input: Any, name: str | None = None) -> Tensor:
    """The input, as a new tensor: to give it a name, or to read a variable at this place.

    Args:
        input: a tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Example:
        >>> import labkit as tf
        >>> tf.identity(tf.constant(1.0), name="renamed").name
        'renamed:0'
    """
    return apply(Identity(), input, name=name)


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


@op
class Reshape(Op):
    """The same elements in another shape."""

    args = ("tensor", "shape:index")
    static_inputs = (1,)

    def infer(self, x: Spec, shape: Spec) -> Spec:
        if shape.value is None:
            rank = None if shape.shape is None else shape.shape[0] if shape.shape else None
            return Spec(x.dtype, None if rank is None else (None,) * rank)
        wanted: list[int | None] = list(shape.value)
        return Spec(x.dtype, _reshaped(x, wanted))

    def kernel(self, x: Array, shape: np.ndarray[Any, Any]) -> Array:
        return jnp.reshape(x, tuple(int(size) for size in shape))

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return reshape_like(grad, node.inputs[0]), None

    def cost(self, x: Spec, shape: Spec) -> Cost:
        return Cost(0, 0)


def _reshaped(x: Spec, wanted: list[int | None]) -> tuple[int | None, ...]:
    """The static shape after a reshape to `wanted`, where -1 takes what is left."""
    if wanted.count(-1) > 1:
        raise ShapeError(f"only one size of a shape can be -1, and {wanted} has {wanted.count(-1)}.")
    total = num_elements(x.shape)
    known = num_elements(tuple(size for size in wanted if size != -1))
    if -1 in wanted:
        left: int | None = None
        if total is not None and known is not None:
            if known == 0 or total % known:
                raise ShapeError(f"cannot reshape {shape_text(x.shape)}, {total} elements, to {wanted}: "
                                 f"{total} is not divisible by {known}.")  # fmt: skip
            left = total // known
        elif x.shape is not None and known is not None:
            left = _left_for_one_unknown(x.shape, known)
        return tuple(left if size == -1 else size for size in wanted)
    if total is not None and known is not None and total != known:
        raise ShapeError(f"cannot reshape {shape_text(x.shape)}, {total} elements, to {wanted}, {known} elements.")
    return tuple(wanted)


def _left_for_one_unknown(shape: tuple[int | None, ...], known: int) -> int | None:
    """What -1 stands for when a size of 0 settles it; otherwise unknown."""
    return 0 if 0 in shape and known else None


def reshape(tensor: Any, shape: Any, name: str | None = None) -> Tensor:
    """The same elements, in row-major order, in another shape.

    Args:
        tensor: a tensor.
        shape: the new sizes; one may be -1 and takes what is left.
        name: name of the node.

    Returns:
        A tensor of that shape.

    Raises:
        ShapeError: if the number of elements differs.

    Gradient: the gradient, reshaped back.

    Example:
        >>> import labkit as tf
        >>> tf.reshape(tf.zeros([50, 784]), [-1, 28, 28, 1]).get_shape().as_list()
        [50, 28, 28, 1]
    """
    return apply(Reshape(), tensor, shape, name=name)


@op
class ReshapeLike(Op):
    """`x` in the shape of `like`; the gradient of the ops that only change the shape."""

    args = ("x", "like:any")

    def infer(self, x: Spec, like: Spec) -> Spec:
        return Spec(x.dtype, like.shape)

    def kernel(self, x: Array, like: Array) -> Array:
        return jnp.reshape(x, like.shape)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return reshape_like(grad, node.inputs[0]), None

    def cost(self, x: Spec, like: Spec) -> Cost:
        return Cost(0, 0)


def reshape_like(x: Tensor, like: Tensor) -> Tensor:
    """`x` in the shape of `like`."""
    return apply(ReshapeLike(), x, like)


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


def _filled(shape: Any, value: int, dtype: DType, name: str) -> Tensor:
    """A constant where the shape is known, else a `Fill`."""
    graph = graph_of([shape])
    entry = np.array(value, dtype.np_dtype)
    if not is_tensor_like(shape) and not (isinstance(shape, (list, tuple)) and any(map(is_tensor_like, shape))):
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
        entry = np.array(value, wanted.np_dtype)
        if optimize and is_static(like.static_shape):
            return graph.as_tensor(np.full(like.static_shape or (), entry), None, scope)
        if value == 0 and wanted is like.dtype:
            return apply(ZerosLike(), like, name=scope)
        sizes = shape_op(like, name="Shape")
        return apply(Fill(), sizes, graph.as_tensor(entry, None, "Const"), name=scope)


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


shape_op = shape
