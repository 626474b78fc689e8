"""The means of windows: `tf.nn.avg_pool` and `tf.nn.avg_pool3d`.

A mean is linear, so its gradient is its transpose, and the gradient of that is the mean again.

Source: signatures and behaviour of `tensorflow/python/ops/nn_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from labkit.graph import Operation, Spec, Tensor, apply, op
from labkit.ops.array import shape, shape_from
from labkit.ops.bases import FLOATS, Array
from labkit.ops.pooling import Forward, Pool, geometry
from labkit.ops.windows import output_size, pads, transposed

Sizes = np.ndarray[Any, Any]


class Mean(Pool):
    """Base of the means and their gradients."""

    allowed = FLOATS

    def mean(self, value: Array) -> Array:
        """The mean of what each window covers."""
        zero = np.zeros((), value.dtype)
        total = lax.reduce_window(value, zero, lax.add, self.ksize, self.strides, self.pads(value.shape))
        return total / jnp.asarray(self._counts(value.shape), value.dtype)

    def _counts(self, sizes: Sequence[int]) -> np.ndarray[Any, Any]:
        """How many entries each place covers, the border left out; 1 for an axis that no window moves over."""
        counts = np.ones((1,) * len(sizes))
        for axis, (size, window, stride) in enumerate(zip(sizes, self.ksize, self.strides, strict=True)):
            places = output_size(size, window, stride, self.padding) or 0
            first = np.arange(places) * stride - pads(size, window, stride, self.padding)[0]
            covered = np.minimum(first + window, size) - np.maximum(first, 0)
            if window > 1:
                counts = counts * covered.reshape([-1 if i == axis else 1 for i in range(len(sizes))])
        return counts


class MeanForward(Mean, Forward):
    """Base of the means."""

    def kernel(self, x: Array) -> Array:
        return self.mean(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        return apply(self.sibling(1), shape(node.inputs[0]), grad)


class MeanGrad(Mean):
    """Base of the gradients of the means: each place shares its gradient among the entries it covers."""

    args = ("orig_input_shape:index", "grad")
    static_inputs = (0,)

    def infer(self, sizes: Spec, grad: Spec) -> Spec:
        result = shape_from(sizes)
        return Spec(grad.dtype, (None,) * len(self.ksize) if result is None else result)

    def kernel(self, sizes: Sizes, grad: Array) -> Array:
        return transposed(self.mean, sizes, grad)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return None, apply(self.sibling(0), grad)


@op
class AvgPool(MeanForward):
    """The mean of each window of an image."""

    family = ("AvgPool", "AvgPoolGrad", "")


@op
class AvgPoolGrad(MeanGrad):
    """The gradient of `AvgPool`."""

    family = AvgPool.family


@op
class AvgPool3D(MeanForward):
    """The mean of each window of a volume."""

    family = ("AvgPool3D", "AvgPool3DGrad", "")


@op
class AvgPool3DGrad(MeanGrad):
    """The gradient of `AvgPool3D`."""

    family = AvgPool3D.family


def avg_pool(
    value: Any, ksize: Any, strides: Any, padding: str, data_format: str = "NHWC", name: str | None = None
) -> Tensor:
    """The mean of each window of an image; the border that "SAME" adds is left out of it.

    Args:
        value: images (batch, height, width, channels).
        ksize: size of the window, one entry per axis: [1, 2, 2, 1] for 2 by 2.
        strides: steps between windows, one entry per axis.
        padding: "SAME" or "VALID".
        data_format: "NHWC", or "NCHW" for (batch, channels, height, width).
        name: name of the node.

    Returns:
        A tensor (batch, new height, new width, channels).

    Gradient: each window shares its gradient equally among its entries.

    Example:
        >>> import labkit as tf
        >>> image = tf.reshape(tf.constant([[1.0, 2.0, 5.0, 0.0], [3.0, 4.0, 0.0, 6.0]]), [1, 2, 4, 1])
        >>> tf.Session().run(tf.nn.avg_pool(image, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")).ravel().tolist()
        [2.5, 2.75]
    """
    return apply(AvgPool(*geometry(ksize, strides, padding, data_format, 2)), value, name=name)


def avg_pool3d(
    input: Any, ksize: Any, strides: Any, padding: str, data_format: str = "NDHWC", name: str | None = None
) -> Tensor:
    """The mean of each window of a volume.

    Args:
        input: volumes (batch, depth, height, width, channels).
        ksize: size of the window, one entry per axis.
        strides: steps between windows, one entry per axis.
        padding: "SAME" or "VALID".
        data_format: "NDHWC" or "NCDHW".
        name: name of the node.

    Returns:
        A tensor (batch, new depth, new height, new width, channels).

    Gradient: each window shares its gradient equally among its entries.

    Example:
        >>> import labkit as tf
        >>> tf.nn.avg_pool3d(tf.zeros([1, 4, 4, 4, 1]), [1, 2, 2, 2, 1], [1, 2, 2, 2, 1], "SAME").shape.as_list()
        [1, 2, 2, 2, 1]
    """
    return apply(AvgPool3D(*geometry(ksize, strides, padding, data_format, 3)), input, name=name)
