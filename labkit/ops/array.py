"""The form of tensors: `tf.identity`, `tf.reshape`, `tf.squeeze`, `tf.expand_dims`.

None of these computes anything; they say how the same numbers are arranged. `tf.shape` and its kin are in
`shaping.py`, constants of one value in `filling.py`, `tf.transpose` in `layout.py`; all are passed on here for the
files that build on them.

Source: signatures and behaviour of `tensorflow/python/ops/array_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import jax.numpy as jnp
import numpy as np

from labkit.errors import ShapeError
from labkit.graph import Cost, Op, Operation, Spec, Tensor, apply, apply_node, op
from labkit.ops.bases import Array
from labkit.ops.filling import Fill, ZerosLike, fill, ones, ones_like, shape_from, zeros, zeros_like
from labkit.ops.layout import InvertPermutation, Transpose, invert_permutation, transpose
from labkit.ops.shaping import AllAxes, Rank, Shape, Size, all_axes, rank, shape, shape_n, size
from labkit.shapes import normalize_axis, num_elements, shape_text

__all__ = [
    "AllAxes", "ExpandDims", "Fill", "Identity", "IdentityN", "InvertPermutation", "Rank", "Reshape", "ReshapeLike",
    "Shape", "Size", "Squeeze", "Transpose", "ZerosLike", "all_axes", "expand_dims", "fill", "identity",
    "identity_n", "invert_permutation", "newaxis", "ones", "ones_like", "rank", "reshape", "reshape_like", "shape",
    "shape_from", "shape_n", "size", "squeeze", "transpose", "zeros", "zeros_like",
]  # fmt: skip

newaxis = None
"""An axis of size 1 in an index: `x[:, tf.newaxis]`."""


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
class IdentityN(Op):
    """The inputs, unchanged, passed on together."""

    args = ("*input:any",)

    def infer(self, *inputs: Spec) -> tuple[Spec, ...]:
        return tuple(Spec(x.dtype, x.shape) for x in inputs)

    def kernel(self, *inputs: Array) -> tuple[Array, ...]:
        return inputs

    def gradient(self, node: Operation, *grads: Tensor) -> Sequence[Tensor | None]:
        return grads

    def cost(self, *inputs: Spec) -> Cost:
        return Cost(0, 0)


def identity_n(input: Any, name: str | None = None) -> list[Tensor]:
    """Several tensors, unchanged, as the outputs of one node: none is there before all are.

    Args:
        input: a list of tensors.
        name: name of the node.

    Returns:
        A list of tensors of the same shapes and dtypes.

    Gradient: the gradients themselves.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.identity_n([[1, 2], [3.0]]))
        [array([1, 2], dtype=int32), array([3.], dtype=float32)]
    """
    return apply_node(IdentityN(), *input, name=name).outputs


@op
class Reshape(Op):
    """The same elements in another shape."""

    args = ("tensor", "shape:index")
    static_inputs = (1,)

    def infer(self, x: Spec, shape: Spec) -> Spec:
        if shape.value is None:
            rank = None if shape.shape is None else shape.shape[0] if shape.shape else None
            return Spec(x.dtype, None if rank is None else (None,) * rank)
        if not isinstance(shape.value, tuple):
            raise ShapeError(f"the shape must be a list of sizes, not the number {shape.value}: write [{shape.value}].")
        wanted: list[int | None] = list(cast("Any", shape.value))
        return Spec(x.dtype, _reshaped(x, wanted))

    def kernel(self, x: Array, shape: np.ndarray[Any, Any]) -> Array:
        return jnp.reshape(x, tuple(int(size) for size in shape))

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        x, shape = values
        if x is None or shape is None or shape.dtype == object:
            return None
        return cast("Any", np.reshape(x, shape))

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
class ExpandDims(Op):
    """The input with one more axis, of size 1."""

    args = ("input:any", "dim:index")
    static_inputs = (1,)

    def infer(self, x: Spec, dim: Spec) -> Spec:
        if x.shape is None:
            return Spec(x.dtype, None)
        axis = _single(dim.value)
        if axis is None:
            return Spec(x.dtype, (None,) * (len(x.shape) + 1))
        place = normalize_axis(axis, len(x.shape) + 1)
        return Spec(x.dtype, (*x.shape[:place], 1, *x.shape[place:]))

    def kernel(self, x: Array, dim: np.ndarray[Any, Any]) -> Array:
        return jnp.expand_dims(x, int(dim.reshape(())))

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        x, dim = values
        return None if x is None or dim is None or dim.dtype == object else np.expand_dims(x, int(dim.reshape(())))

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return reshape_like(grad, node.inputs[0]), None

    def cost(self, x: Spec, dim: Spec) -> Cost:
        return Cost(0, 0)


def _single(value: Any) -> int | None:
    """A static scalar that may be given as a vector of one."""
    return cast("Any", value)[0] if isinstance(value, tuple) else value


def expand_dims(input: Any, axis: Any = None, name: str | None = None, dim: Any = None) -> Tensor:
    """The same elements with one more axis, of size 1.

    Args:
        input: a tensor.
        axis: where the new axis stands in the result, from -rank - 1 to rank.
        name: name of the node.
        dim: the old name of `axis`.

    Returns:
        A tensor.

    Raises:
        ShapeError: if `axis` is outside.

    Gradient: the gradient, reshaped back.

    Example:
        >>> import labkit as tf
        >>> tf.expand_dims(tf.zeros([28, 28]), -1).get_shape().as_list()
        [28, 28, 1]
    """
    axis = _one_of(axis, dim, "expand_dims", "axis", "dim")
    if axis is None:
        raise ValueError("tf.expand_dims needs an axis: where the new axis stands in the result.")
    return apply(ExpandDims(), input, axis, name=name)


def _one_of(value: Any, old: Any, function: str, new_name: str, old_name: str) -> Any:
    """An argument that has an old name too."""
    if value is not None and old is not None:
        raise ValueError(f"tf.{function} got both {new_name!r} and {old_name!r}; they are the same: give one.")
    return old if value is None else value


@op
class Squeeze(Op):
    """The input without some axes of size 1 (all of them if `squeeze_dims` is empty)."""

    squeeze_dims: tuple[int, ...] = ()

    args = ("input:any",)

    def infer(self, x: Spec) -> Spec:
        if x.shape is None or (not self.squeeze_dims and None in x.shape):
            return Spec(x.dtype, None)
        gone = {normalize_axis(axis, len(x.shape)) for axis in self.squeeze_dims}
        for axis in sorted(gone):
            if x.shape[axis] not in (1, None):
                raise ShapeError(f"only an axis of size 1 can be squeezed away; axis {axis} has size {x.shape[axis]}.")
        if not gone:
            gone = {axis for axis, size in enumerate(x.shape) if size == 1}
        return Spec(x.dtype, tuple(size for axis, size in enumerate(x.shape) if axis not in gone))

    def kernel(self, x: Array) -> Array:
        return jnp.squeeze(x, self.squeeze_dims or None)

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        return None if values[0] is None else np.squeeze(values[0], self.squeeze_dims or None)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        return reshape_like(grad, node.inputs[0])

    def cost(self, x: Spec) -> Cost:
        return Cost(0, 0)


def squeeze(input: Any, axis: Any = None, name: str | None = None, squeeze_dims: Any = None) -> Tensor:
    """The same elements without the axes of size 1.

    Args:
        input: a tensor.
        axis: an axis or a list of axes to drop; all of size 1 if None.
        name: name of the node.
        squeeze_dims: the old name of `axis`.

    Returns:
        A tensor.

    Raises:
        ShapeError: if an axis to drop has another size than 1.

    Gradient: the gradient, reshaped back.

    Example:
        >>> import labkit as tf
        >>> tf.squeeze(tf.zeros([1, 3, 1, 1]), [2, 3]).get_shape().as_list()
        [1, 3]
    """
    axis = _one_of(axis, squeeze_dims, "squeeze", "axis", "squeeze_dims")
    axes = () if axis is None else tuple(int(one) for one in np.ravel(axis))
    return apply(Squeeze(axes), input, name=name)
