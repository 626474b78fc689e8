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
from labkit.shapes import merge, normalize_axis, shape_text


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


@op
class ReverseSequence(Op):
    """The first entries of each row of the input in reverse order, as many as `seq_lengths` says."""

    seq_dim: int
    batch_dim: int = 0

    args = ("input:any", "seq_lengths:index")

    def infer(self, x: Spec, lengths: Spec) -> Spec:
        if x.shape is not None:
            time, batch = normalize_axis(self.seq_dim, len(x.shape)), normalize_axis(self.batch_dim, len(x.shape))
            if time == batch:
                raise ShapeError(f"the axis of time and that of the batch must differ, and both are {time}.")
            if lengths.shape is not None:
                merge(lengths.shape, x.shape[batch : batch + 1])
        return Spec(x.dtype, x.shape)

    def kernel(self, x: Array, lengths: Array) -> Array:
        time, batch = self.seq_dim % x.ndim, self.batch_dim % x.ndim
        steps = jnp.arange(x.shape[time], dtype=lengths.dtype)
        turned = jnp.where(steps < lengths[:, None], lengths[:, None] - 1 - steps, steps)  # (batch, time)
        if time < batch:
            turned = turned.T
        places = jnp.expand_dims(turned, [axis for axis in range(x.ndim) if axis not in (time, batch)])
        return jnp.take_along_axis(x, places, time)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return apply(self, grad, node.inputs[1]), None

    def cost(self, x: Spec, lengths: Spec) -> Cost:
        return self.cost_with_flops(0, x, lengths)


def reverse_sequence(
    input: Any, seq_lengths: Any, seq_axis: int | None = None, batch_axis: int | None = None, name: str | None = None,
    seq_dim: int | None = None, batch_dim: int | None = None,
) -> Tensor:  # fmt: skip
    """Sequences of different lengths in reverse order; the padding behind each stays where it is.

    Args:
        input: a tensor.
        seq_lengths: (batch,) int: how many steps of each sequence are real.
        seq_axis: the axis of time.
        batch_axis: the axis of the batch; 0 if None.
        name: name of the node.
        seq_dim: the old name of `seq_axis`.
        batch_dim: the old name of `batch_axis`.

    Returns:
        A tensor of the same shape.

    Raises:
        ShapeError: if an axis is outside, or `seq_lengths` does not have the size of the batch.

    Gradient: the gradient, reversed in the same way.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.reverse_sequence([[1, 2, 3, 0], [4, 5, 0, 0]], [3, 2], seq_axis=1))
        array([[3, 2, 1, 0],
               [5, 4, 0, 0]], dtype=int32)
    """
    time = seq_dim if seq_axis is None else seq_axis
    if time is None:
        raise ValueError("tf.reverse_sequence needs seq_axis, the axis of time.")
    batch = batch_dim if batch_axis is None else batch_axis
    return apply(ReverseSequence(time, batch or 0), input, seq_lengths, name=name)


@op
class SpaceToDepth(Op):
    """Blocks of pixels of an image become channels."""

    block_size: int

    args = ("input:any",)

    def infer(self, x: Spec) -> Spec:
        if x.shape is None:
            return Spec(x.dtype, (None,) * 4)
        n, h, w, c = _image(x)
        b = self.block_size
        if (h or 0) % b or (w or 0) % b:
            raise ShapeError(f"height and width must be multiples of {b}, and they are {h} and {w}.")
        return Spec(
            x.dtype, (n, None if h is None else h // b, None if w is None else w // b, None if c is None else c * b * b)
        )

    def kernel(self, x: Array) -> Array:
        n, h, w, c = x.shape
        b = self.block_size
        blocks = x.reshape(n, h // b, b, w // b, b, c).transpose(0, 1, 3, 2, 4, 5)
        return blocks.reshape(n, h // b, w // b, b * b * c)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        return apply(DepthToSpace(self.block_size), grad)

    def cost(self, x: Spec) -> Cost:
        return self.cost_with_flops(0, x)


def _image(x: Spec) -> tuple[int | None, ...]:
    """The four sizes of a batch of images."""
    if x.shape is None or len(x.shape) != 4:
        raise ShapeError(f"images have 4 axes (batch, height, width, channels), not {shape_text(x.shape)}.")
    return x.shape


def space_to_depth(input: Any, block_size: int, name: str | None = None) -> Tensor:
    """Blocks of pixels become channels: an image `block_size` times smaller, with as many more channels.

    Args:
        input: (batch, height, width, channels).
        block_size: height and width of a block, in pixels.
        name: name of the node.

    Returns:
        (batch, height / b, width / b, channels * b * b).

    Raises:
        ShapeError: if a size is no multiple of the block's.

    Gradient: `depth_to_space` of the gradient.

    Example:
        >>> import labkit as tf
        >>> tf.space_to_depth(tf.zeros([1, 4, 4, 3]), 2).get_shape().as_list()
        [1, 2, 2, 12]
    """
    return apply(SpaceToDepth(block_size), input, name=name)


@op
class DepthToSpace(Op):
    """Channels of an image become blocks of pixels."""

    block_size: int

    args = ("input:any",)

    def infer(self, x: Spec) -> Spec:
        if x.shape is None:
            return Spec(x.dtype, (None,) * 4)
        n, h, w, c = _image(x)
        b = self.block_size
        if (c or 0) % (b * b):
            raise ShapeError(f"the number of channels must be a multiple of {b * b}, and it is {c}.")
        sizes = (n, None if h is None else h * b, None if w is None else w * b, None if c is None else c // (b * b))
        return Spec(x.dtype, sizes)

    def kernel(self, x: Array) -> Array:
        n, h, w, c = x.shape
        b = self.block_size
        blocks = x.reshape(n, h, w, b, b, c // (b * b)).transpose(0, 1, 3, 2, 4, 5)
        return blocks.reshape(n, h * b, w * b, c // (b * b))

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        return apply(SpaceToDepth(self.block_size), grad)

    def cost(self, x: Spec) -> Cost:
        return self.cost_with_flops(0, x)


def depth_to_space(input: Any, block_size: int, name: str | None = None) -> Tensor:
    """Channels become blocks of pixels: an image `block_size` times larger, with as many fewer channels.

    Args:
        input: (batch, height, width, channels).
        block_size: height and width of a block, in pixels.
        name: name of the node.

    Returns:
        (batch, height * b, width * b, channels / (b * b)).

    Raises:
        ShapeError: if the number of channels is no multiple of b * b.

    Gradient: `space_to_depth` of the gradient.

    Example:
        >>> import labkit as tf
        >>> tf.depth_to_space(tf.zeros([1, 2, 2, 12]), 2).get_shape().as_list()
        [1, 4, 4, 3]
    """
    return apply(DepthToSpace(block_size), input, name=name)
