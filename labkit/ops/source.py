"""Where values enter: `tf.constant`, `tf.placeholder`, and `tf.convert_to_tensor`.

Source: `tensorflow/python/ops/array_ops.py` and `framework/constant_op.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labkit.dtypes import DType, DTypeLike, as_dtype, string
from labkit.errors import DTypeError, InvalidArgumentError, ShapeError
from labkit.graph import Op, Spec, Tensor, apply, as_array, get_default_graph, graph_of, op
from labkit.ops.bases import Array
from labkit.shapes import Shape, as_shape, merge, num_elements


@op
class Const(Op):
    """A constant: an array that is part of the graph."""

    value: np.ndarray[Any, Any]

    args = ()
    memoise_infer = False

    @property
    def host(self) -> bool:
        """Strings stay in Python."""
        return self.value.dtype == object

    def infer(self) -> Spec:
        return Spec(as_dtype(self.value.dtype), self.value.shape)

    def kernel(self) -> Any:
        return self.value

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        return self.value


def constant(
    value: Any, dtype: DTypeLike = None, shape: Any = None, name: str = "Const", verify_shape: bool = False
) -> Tensor:
    """A tensor that always has the same value.

    Args:
        value: a number, string, array, or nested lists of them.
        dtype: the wanted dtype; by default float32 for Python floats, int32 for ints, the array's own for arrays.
        shape: the wanted shape; if it holds more elements than `value`, the last one is repeated.
        name: name of the node.
        verify_shape: True makes it an error if `value` does not have exactly `shape`.

    Returns:
        A tensor.

    Raises:
        DTypeError: if `value` does not fit `dtype`.
        ShapeError: if `value` has more elements than `shape`, or is not rectangular.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.constant(7, shape=[2, 2]))
        array([[7, 7],
               [7, 7]], dtype=int32)
    """
    array = as_array(value, None if dtype is None else as_dtype(dtype))
    if shape is not None:
        array = _filled(array, as_shape(shape), verify_shape)
    return apply(Const(array), name=name)


def _filled(array: np.ndarray[Any, Any], shape: Shape, verify_shape: bool) -> np.ndarray[Any, Any]:
    count = num_elements(shape)
    if shape is None or count is None:
        raise ShapeError(f"a constant needs a fully known shape, not {shape}.")
    if verify_shape and array.shape != shape:
        raise ShapeError(f"expected a value of shape {shape}, got {array.shape}.")
    if array.size > count:
        raise ShapeError(f"too many elements: the value has {array.size}, and shape {shape} holds {count}.")
    flat = array.ravel()
    if flat.size < count:
        if not flat.size:
            raise ShapeError(f"an empty value cannot fill shape {shape}.")
        flat = np.concatenate([flat, np.repeat(flat[-1:], count - flat.size)])
    return flat.reshape([size or 0 for size in shape])


@op
class Placeholder(Op):
    """A value that is fed when the graph runs."""

    dtype: DType
    shape: Shape

    args = ()
    stateful = True

    @property
    def host(self) -> bool:
        """Strings stay in Python."""
        return self.dtype is string

    def infer(self) -> Spec:
        return Spec(self.dtype, self.shape)


def placeholder(dtype: DTypeLike, shape: Any = None, name: str | None = None) -> Tensor:
    """A promise that a value will be fed: `session.run(y, {x: value})`.

    Args:
        dtype: dtype of the value.
        shape: its shape, None for each size that may vary (`[None, 784]`); None if anything goes.
        name: name of the node.

    Returns:
        A tensor to feed.

    Example:
        >>> import labkit as tf
        >>> x = tf.placeholder(tf.float32, [None, 2])
        >>> tf.Session().run(x * 2.0, {x: [[1, 2]]})
        array([[2., 4.]], dtype=float32)
    """
    return apply(Placeholder(as_dtype(dtype), as_shape(shape)), name=name)


@op
class PlaceholderWithDefault(Op):
    """A value that may be fed; the input if it is not."""

    shape: Shape

    args = ("input",)

    def infer(self, x: Spec) -> Spec:
        merge(x.shape, self.shape)
        return Spec(x.dtype, self.shape)

    def kernel(self, x: Array) -> Array:
        return x

    def gradient(self, node: Any, grad: Tensor) -> Tensor:
        return grad


def placeholder_with_default(input: Any, shape: Any, name: str | None = None) -> Tensor:
    """A tensor that has the value of `input` unless another is fed.

    Args:
        input: the default value.
        shape: the shape that a fed value may have, None for sizes that may vary.
        name: name of the node.

    Returns:
        A tensor.

    Raises:
        ShapeError: if the default value does not have `shape`.

    Gradient: to the default value, the gradient itself.

    Example:
        >>> import labkit as tf
        >>> rate = tf.placeholder_with_default(0.5, [])
        >>> with tf.Session() as sess:
        ...     float(sess.run(rate)), float(sess.run(rate, {rate: 0.25}))
        (0.5, 0.25)
    """
    return apply(PlaceholderWithDefault(as_shape(shape)), input, name=name)


def convert_to_tensor(
    value: Any, dtype: DTypeLike = None, name: str | None = None, preferred_dtype: DTypeLike = None
) -> Tensor:
    """`value` as a tensor: a number, an array, a variable, or lists that may hold tensors.

    Args:
        value: what to convert; a tensor is returned as it is.
        dtype: the wanted dtype.
        name: name of the constant, if one is made.
        preferred_dtype: a dtype to use if the value allows it.

    Returns:
        A tensor.

    Raises:
        DTypeError: if `value` is a tensor of another dtype.

    Example:
        >>> import labkit as tf
        >>> tf.convert_to_tensor([[1.0, 2.0]])
        <tf.Tensor 'Const:0' shape=(1, 2) dtype=float32>
    """
    graph = graph_of([value]) if not isinstance(value, (list, tuple)) else get_default_graph()
    if dtype is None and preferred_dtype is not None:
        try:
            return graph.as_tensor(value, preferred_dtype, name)
        except DTypeError:
            pass
    return graph.as_tensor(value, dtype, name)


def unfed(tensor: Tensor) -> InvalidArgumentError:
    """The error for a placeholder that was needed and not fed."""
    shape = "shape unknown" if tensor.static_shape is None else f"shape {tensor.shape}"
    return InvalidArgumentError(
        None, tensor.op, f'the placeholder "{tensor.op.name}" ({tensor.dtype.name}, {shape}) was not fed.'
    )
