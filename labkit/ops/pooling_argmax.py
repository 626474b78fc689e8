"""The largest entry of each window and where it stands: `tf.nn.max_pool_with_argmax`.

Example:
    >>> import labkit as tf
    >>> image = tf.reshape([1.0, 7.0, 3.0, 4.0], [1, 2, 2, 1])
    >>> largest, where = tf.nn.max_pool_with_argmax(image, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
    >>> [value.ravel().tolist() for value in tf.Session().run([largest, where])]
    [[7.0], [1]]

Source: signatures and behaviour of `tensorflow/python/ops/nn_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp

from labkit.dtypes import DType, DTypeLike, as_dtype, int32, int64
from labkit.errors import DTypeError
from labkit.graph import Operation, Spec, Tensor, apply, apply_node, op
from labkit.ops.bases import REALS, Array
from labkit.ops.pooling import MaxPool, MaxPoolGrad, Pool, geometry


class MaxPoolWithArgmaxOutput(NamedTuple):
    """What `tf.nn.max_pool_with_argmax` returns."""

    output: Tensor
    argmax: Tensor


@op
class MaxPoolWithArgmax(Pool):
    """The largest entry of each window of an image, and its number in the flattened image."""

    Targmax: DType = int64

    args = ("input",)
    allowed = REALS
    family = MaxPool.family

    def infer(self, x: Spec) -> tuple[Spec, Spec]:
        shape = self.pooled_shape(x.shape)
        return Spec(x.dtype, shape), Spec(self.Targmax, shape)

    def kernel(self, x: Array) -> tuple[Array, Array]:
        plain = {name: value for name, value in self.attributes().items() if name != "Targmax"}
        y = MaxPool(**plain).kernel(x)
        winners = MaxPoolGrad(**plain).winners(x, y)
        _, rows, columns, channels = (jnp.arange(n).reshape([-1 if i == k else 1 for i in range(4)])
                                      for k, n in enumerate(y.shape))  # fmt: skip
        _, above, left, _ = (before for before, _ in self.pads(x.shape))
        row = rows * self.strides[1] - above + winners // self.ksize[2]
        column = columns * self.strides[2] - left + winners % self.ksize[2]
        number = (row * x.shape[2] + column) * x.shape[3] + channels
        return y, number.astype(self.Targmax.np_dtype)

    def gradient(self, node: Operation, grad: Tensor, *_: Any) -> Sequence[Tensor | None]:
        plain = {name: value for name, value in self.attributes().items() if name != "Targmax"}
        return [apply(MaxPoolGrad(**plain), node.inputs[0], node.outputs[0], grad)]


def max_pool_with_argmax(
    input: Any, ksize: Any, strides: Any, padding: str, Targmax: DTypeLike = None, name: str | None = None  # noqa: N803
) -> MaxPoolWithArgmaxOutput:  # fmt: skip
    """The largest entry of each window of an image, and where it stands.

    Args:
        input: images (batch, height, width, channels).
        ksize: size of the window, one entry per axis: [1, 2, 2, 1] for 2 by 2.
        strides: steps between windows, one entry per axis.
        padding: "SAME" or "VALID".
        Targmax: the dtype of the places: int64 (as None says) or int32.
        name: name of the node.

    Returns:
        A named tuple (output, argmax), both (batch, new height, new width, channels). `argmax` is
        (row * width + column) * channels + channel: the number of the entry in its own image, of equal ones the first.

    Raises:
        DTypeError: if `Targmax` is neither.
        ShapeError: if shapes or lists have another form.

    Gradient: goes to the entry that won.

    Example:
        >>> import labkit as tf
        >>> result = tf.nn.max_pool_with_argmax(tf.zeros([1, 4, 4, 2]), [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
        >>> result.argmax.dtype, result.output.shape.as_list()
        (tf.int64, [1, 2, 2, 2])
    """
    target = as_dtype(int64 if Targmax is None else Targmax)
    if target not in (int32, int64):
        raise DTypeError(f"Targmax must be tf.int64 or tf.int32, not {target.name}.")
    sizes, steps, kind, layout = geometry(ksize, strides, padding, "NHWC", 2)
    node = apply_node(MaxPoolWithArgmax(sizes, steps, kind, layout, target), input, name=name)
    return MaxPoolWithArgmaxOutput(*node.outputs)
