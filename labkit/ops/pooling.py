"""Pooling: what all of it shares, and the maxima, `tf.nn.max_pool` and `tf.nn.max_pool3d`.

A window slides over the image as in a convolution, and each place gives the largest entry, or the mean, of what the
window covers; channels stay apart. With padding "SAME" the added border never counts: it is below every entry for the
maximum, and left out of the mean (`labkit.ops.mean_pooling`).

The gradient of the maximum goes to the entry that won; of equal entries the first, in reading order, wins, as in
TensorFlow. `MaxPoolGrad` finds the winner of each window (`winners`, a small array of positions) and hands the
gradient to it. Why not `jax.vjp` of `reduce_window`: XLA's `select_and_scatter` gives the same numbers, and on a CPU
takes some fifty times as long.

Source: signatures and behaviour of `tensorflow/python/ops/nn_ops.py` (1.4).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jax import lax

from labkit.errors import ShapeError
from labkit.graph import OPS, Op, Operation, Spec, Tensor, apply, op
from labkit.ops.bases import REALS, Array
from labkit.ops.windows import FORMATS, check_rank, check_windows, output_size, pads, per_axis, transposed
from labkit.shapes import Shape


@dataclass(frozen=True)
class Pool(Op):
    """Base of the pooling ops and their gradients: the geometry.

    Args:
        ksize: size of the window, one entry per axis of the input.
        strides: steps between places, one per axis of the input.
        padding: "SAME" or "VALID".
        data_format: the order of the axes, such as "NHWC".
    """

    ksize: tuple[int, ...]
    strides: tuple[int, ...]
    padding: str
    data_format: str = "NHWC"

    args: ClassVar[tuple[str, ...]] = ("value",)
    family: ClassVar[tuple[str, str, str]] = ("", "", "")  # the op, its gradient, the gradient of that

    def sibling(self, which: int) -> Op:
        """Another op of the family, of the same geometry."""
        return OPS[self.family[which]](**self.attributes())

    def pooled_shape(self, x: Shape) -> tuple[int | None, ...]:
        """The shape of the result, from that of the input.

        Raises:
            ShapeError: if they do not fit.
        """
        rank = 3 if "3D" in self.family[0] else 2
        check_windows(self.padding, self.data_format, rank, ksize=self.ksize, strides=self.strides)
        names = {"NHWC": "batch, height, width, channels"}.get(self.data_format, f"in the order {self.data_format}")
        check_rank(x, rank + 2, "the input of pooling", names)
        if self.ksize[0] != 1 or self.strides[0] != 1:
            raise ShapeError(
                "pooling over the batch is not possible: ksize and strides must be 1 along it, not "
                f"{self.ksize[0]} and {self.strides[0]}."
            )
        sizes = x or (None,) * (rank + 2)
        return tuple(
            output_size(size, window, stride, self.padding)
            for size, window, stride in zip(sizes, self.ksize, self.strides, strict=True)
        )

    def pads(self, sizes: Sequence[int]) -> list[tuple[int, int]]:
        """Entries added before and after each axis."""
        return [
            pads(size, window, stride, self.padding)
            for size, window, stride in zip(sizes, self.ksize, self.strides, strict=True)
        ]

    def window_size(self) -> int:
        """How many entries a window covers."""
        return int(np.prod(self.ksize))


def geometry(ksize: Any, strides: Any, padding: Any, data_format: str | None, rank: int) -> tuple[Any, ...]:
    """The attributes of a pooling op, in the form that it keeps."""
    return per_axis(ksize, "ksize"), per_axis(strides, "strides"), str(padding), data_format or FORMATS[rank][0]


class Forward(Pool):
    """Base of the pooling ops."""

    def infer(self, x: Spec) -> Spec:
        return Spec(x.dtype, self.pooled_shape(x.shape))


class MaxForward(Forward):
    """Base of the maxima."""

    allowed = REALS

    def kernel(self, x: Array) -> Array:
        return lax.reduce_window(x, _lowest(x.dtype), lax.max, self.ksize, self.strides, self.pads(x.shape))

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        return apply(self.sibling(1), node.inputs[0], node.outputs[0], grad)


class MaxGrad(Pool):
    """Base of the gradients of the maxima: the gradient of each place goes to the entry that won there."""

    args = ("orig_input", "orig_output", "grad")
    allowed = REALS

    def infer(self, x: Spec, y: Spec, grad: Spec) -> Spec:
        return Spec(grad.dtype, x.shape)

    def kernel(self, x: Array, y: Array, grad: Array) -> Array:
        return self.scatter(x, y, grad)

    def scatter(self, x: Array, y: Array, grad: Array) -> Array:
        """Gives each winner the gradient of its place; zeros elsewhere."""
        winners, borders = self.winners(x, y), self.pads(x.shape)
        tiles = all(size == step * places for size, step, places in zip(x.shape, self.strides, y.shape, strict=True))
        if self.ksize == self.strides and tiles:
            return self._spread(winners, grad).reshape(x.shape)
        total = jnp.zeros_like(x)
        for number, offset in enumerate(self._offsets()):
            part = jnp.where(winners == number, grad, jnp.zeros_like(grad))
            config = [
                (start - before, size - (start - before) - (places - 1) * step - 1, step - 1)
                for start, (before, _), size, places, step in zip(
                    offset, borders, x.shape, y.shape, self.strides, strict=True
                )
            ]
            total = total + lax.pad(part, jnp.zeros((), x.dtype), config)
        return total

    def _spread(self, winners: Array, grad: Array) -> Array:
        """`scatter` for windows that tile the input: one comparison per entry. Axes: place and offset alternate."""
        alternating = tuple(n for pair in zip(grad.shape, self.ksize, strict=True) for n in pair)
        kept = tuple(n for size in grad.shape for n in (size, 1))
        numbers = np.arange(self.window_size(), dtype=np.int32).reshape(self.ksize)
        number_here = numbers.reshape(tuple(n for size in self.ksize for n in (1, size)))
        hit = jnp.broadcast_to(winners.reshape(kept), alternating) == number_here
        return jnp.where(hit, jnp.broadcast_to(grad.reshape(kept), alternating), jnp.zeros((), grad.dtype))

    def winners(self, x: Array, y: Array) -> Array:
        """For each place, the number of the entry of its window that equals the maximum: the first such. int32."""
        borders = self.pads(x.shape)
        if any(border != (0, 0) for border in borders):
            x = jnp.pad(x, borders, constant_values=_lowest(x.dtype))
        numbered = list(enumerate(self._offsets()))
        winners = jnp.full(y.shape, numbered[-1][0], jnp.int32)
        for number, offset in reversed(numbered):
            ends = [
                start + (places - 1) * step + 1
                for start, places, step in zip(offset, y.shape, self.strides, strict=True)
            ]
            entry = lax.slice(x, offset, ends, self.strides)
            winners = jnp.where(~(entry < y), jnp.int32(number), winners)  # not entry == y: NaN wins, too
        return winners

    def _offsets(self) -> Iterator[tuple[int, ...]]:
        """The places in a window, in reading order."""
        return itertools.product(*(range(size) for size in self.ksize))

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        x, y, _ = node.inputs
        return None, None, apply(self.sibling(2), x, y, grad)


class MaxGradGrad(MaxGrad):
    """Base of the second gradients of the maxima: picks, for each place, the entry of `grad` that won there."""

    def infer(self, x: Spec, y: Spec, grad: Spec) -> Spec:
        return Spec(grad.dtype, y.shape)

    def kernel(self, x: Array, y: Array, grad: Array) -> Array:
        return transposed(lambda places: self.scatter(x, y, places), y.shape, grad)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        x, y, _ = node.inputs
        return None, None, apply(self.sibling(1), x, y, grad)


def _lowest(dtype: Any) -> np.ndarray[Any, Any]:
    """What is never larger than an entry."""
    lowest: Any = -np.inf if jnp.issubdtype(dtype, jnp.floating) else np.iinfo(dtype).min
    return np.array(lowest, dtype)


@op
class MaxPool(MaxForward):
    """The largest entry of each window of an image."""

    family = ("MaxPool", "MaxPoolGrad", "MaxPoolGradGrad")


@op
class MaxPoolGrad(MaxGrad):
    """The gradient of `MaxPool`."""

    family = MaxPool.family


@op
class MaxPoolGradGrad(MaxGradGrad):
    """The gradient of `MaxPoolGrad`."""

    family = MaxPool.family


@op
class MaxPool3D(MaxForward):
    """The largest entry of each window of a volume."""

    family = ("MaxPool3D", "MaxPool3DGrad", "MaxPool3DGradGrad")


@op
class MaxPool3DGrad(MaxGrad):
    """The gradient of `MaxPool3D`."""

    family = MaxPool3D.family


@op
class MaxPool3DGradGrad(MaxGradGrad):
    """The gradient of `MaxPool3DGrad`."""

    family = MaxPool3D.family


def max_pool(
    value: Any, ksize: Any, strides: Any, padding: str, data_format: str = "NHWC", name: str | None = None
) -> Tensor:
    """The largest entry of each window of an image.

    Args:
        value: images (batch, height, width, channels).
        ksize: size of the window, one entry per axis: [1, 2, 2, 1] for 2 by 2.
        strides: steps between windows, one entry per axis; [1, 2, 2, 1] halves height and width.
        padding: "SAME" or "VALID".
        data_format: "NHWC", or "NCHW" for (batch, channels, height, width).
        name: name of the node.

    Returns:
        A tensor (batch, new height, new width, channels).

    Gradient: goes to the entry that won; to the first of equal ones.

    Example:
        >>> import labkit as tf
        >>> image = tf.reshape(tf.constant([[1.0, 2.0, 5.0, 0.0], [3.0, 4.0, 0.0, 6.0]]), [1, 2, 4, 1])
        >>> tf.Session().run(tf.nn.max_pool(image, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")).ravel().tolist()
        [4.0, 6.0]
    """
    return apply(MaxPool(*geometry(ksize, strides, padding, data_format, 2)), value, name=name)


def max_pool3d(
    input: Any, ksize: Any, strides: Any, padding: str, data_format: str = "NDHWC", name: str | None = None
) -> Tensor:
    """The largest entry of each window of a volume.

    Args:
        input: volumes (batch, depth, height, width, channels).
        ksize: size of the window, one entry per axis.
        strides: steps between windows, one entry per axis.
        padding: "SAME" or "VALID".
        data_format: "NDHWC" or "NCDHW".
        name: name of the node.

    Returns:
        A tensor (batch, new depth, new height, new width, channels).

    Gradient: goes to the entry that won; to the first of equal ones.

    Example:
        >>> import labkit as tf
        >>> tf.nn.max_pool3d(tf.zeros([1, 4, 4, 4, 1]), [1, 2, 2, 2, 1], [1, 2, 2, 2, 1], "SAME").shape.as_list()
        [1, 2, 2, 2, 1]
    """
    return apply(MaxPool3D(*geometry(ksize, strides, padding, data_format, 3)), input, name=name)
