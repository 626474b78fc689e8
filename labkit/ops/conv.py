"""Convolution: `tf.nn.conv2d` and its kin.

A filter slides over an image; at each place, the products of its weights with what it covers are summed. In formulas,
for channels last and stride s:

    output[n, i, j, k] = sum over di, dj, c of  input[n, s i + di, s j + dj, c] * filter[di, dj, c, k]

The operation is linear in the input and in the filter, so its gradients are its two transposes, ops of their own:
`Conv2DBackpropInput` and `Conv2DBackpropFilter`. The three close among themselves under differentiation, which is why
derivatives of any order exist. `conv2d_transpose` ("deconvolution") is `Conv2DBackpropInput` used forwards.

What this file is not: a fast convolution. The kernels are one call of `jax.lax.conv_general_dilated` or its transpose.

Source: signatures and behaviour of `tensorflow/python/ops/nn_ops.py` (1.4); Dumoulin and Visin 2016, "A guide to
convolution arithmetic for deep learning".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jax import lax

from labkit.errors import ShapeError
from labkit.graph import OPS, Op, Operation, Spec, Tensor, apply, op
from labkit.ops.array import shape, shape_from
from labkit.ops.bases import FLOATS, Array
from labkit.ops.windows import (
    FORMATS,
    channel_axis,
    check_rank,
    check_windows,
    output_size,
    pads,
    per_axis,
    spatial_axes,
    transposed,
)
from labkit.shapes import Shape, compatible, shape_text

Sizes = np.ndarray[Any, Any]

AXES = {2: "batch, height, width, channels", 3: "batch, depth, height, width, channels"}


@dataclass(frozen=True)
class Convolution(Op):
    """Base of the convolutions and their transposes: the geometry, and what follows from it.

    Args:
        strides: steps between places, one per axis of the input.
        padding: "SAME" or "VALID".
        data_format: the order of the axes, such as "NHWC".
        dilations: gaps in the filter, one per axis of the input.
    """

    strides: tuple[int, ...]
    padding: str
    data_format: str = "NHWC"
    dilations: tuple[int, ...] = (1, 1, 1, 1)

    allowed = FLOATS
    family: ClassVar[tuple[str, str, str]] = ("", "", "")  # the op, its transpose to the input, that to the filter
    depthwise: ClassVar[bool] = False

    def sibling(self, which: int) -> Op:
        """Another op of the family, of the same geometry."""
        return OPS[self.family[which]](**self.attributes())

    def rank(self) -> int:
        """The number of spatial axes."""
        return 3 if self.family[0] == "Conv3D" else 2

    def convolve(self, x: Array, filter: Array) -> Array:
        """The convolution itself."""
        rank, axes = self.rank(), spatial_axes(self.data_format)
        window, strides, dilations = filter.shape[:rank], self._spatial(self.strides), self._spatial(self.dilations)
        padding = [
            pads(x.shape[axis], window[i], strides[i], self.padding, dilations[i]) for i, axis in enumerate(axes)
        ]
        groups = 1
        if self.depthwise:
            groups = filter.shape[rank]
            filter = filter.reshape((*window, 1, -1))
        kernel_layout = FORMATS[rank][0].replace("N", "").replace("C", "") + "IO"
        return lax.conv_general_dilated(
            x, filter, strides, padding, rhs_dilation=dilations, feature_group_count=groups,
            dimension_numbers=(self.data_format, kernel_layout, self.data_format),
        )  # fmt: skip

    def output_shape(self, x: Shape, filter: Shape) -> tuple[int | None, ...]:
        """The shape of the convolution, from the shapes of the input and the filter.

        Raises:
            ShapeError: if they do not fit.
        """
        rank = self.rank()
        check_windows(self.padding, self.data_format, rank, strides=self.strides, dilations=self.dilations)
        axes, channels = spatial_axes(self.data_format), channel_axis(self.data_format)
        names = AXES[rank] if channels else "batch, channels, ..."
        if channels == 1:
            names = AXES[rank].replace(", channels", "").replace("batch", "batch, channels")
        check_rank(x, rank + 2, "the input of a convolution", names)
        outer = "input channels, outputs per channel" if self.depthwise else "input channels, output channels"
        check_rank(filter, rank + 2, "the filter", f"{', '.join(names_of(rank))}, {outer}")
        strides, dilations = self._spatial(self.strides), self._spatial(self.dilations)
        if any(self.strides[i] != 1 or self.dilations[i] != 1 for i in (0, channels)):
            raise ShapeError(
                f"strides and dilations along batch and channels must be 1: strides={list(self.strides)}, "
                f"dilations={list(self.dilations)}, data_format={self.data_format!r}."
            )
        has = None if x is None else x[channels]
        takes, gives = (None, None) if filter is None else filter[rank:]
        if has is not None and takes is not None and has != takes:
            raise ShapeError(
                f"the input has {has} channels, the filter takes {takes}.\n"
                f"  Try: a filter of shape {list((filter or ())[:rank])} + [{has}, ...]."
            )
        if self.depthwise:
            known = has if takes is None else takes
            gives = None if gives is None or known is None else gives * known
        result: list[int | None] = [None if x is None else x[0]] * (rank + 2)
        result[channels] = gives
        for i, axis in enumerate(axes):
            size, window = None if x is None else x[axis], None if filter is None else filter[i]
            result[axis] = output_size(size, window, strides[i], self.padding, dilations[i])
        return tuple(result)

    def check_transpose(self, x: Shape, filter: Shape, out: Shape) -> None:
        """Checks that `out` can be the convolution of an `x` with a `filter` of these shapes."""
        expected = self.output_shape(x, filter)
        if not compatible(expected, out):
            raise ShapeError(
                f"a convolution from {shape_text(x)} with a filter {shape_text(filter)} gives {shape_text(expected)}, "
                f"not {shape_text(out)}."
            )

    def _spatial(self, values: Sequence[int]) -> tuple[int, ...]:
        return tuple(values[axis] for axis in spatial_axes(self.data_format))


def names_of(rank: int) -> list[str]:
    """The names of the spatial axes."""
    return ["depth", "height", "width"][-rank:]


class Forward(Convolution):
    """Base of the convolutions."""

    args = ("input", "filter")

    def infer(self, x: Spec, filter: Spec) -> Spec:
        return Spec(x.dtype, self.output_shape(x.shape, filter.shape))

    def kernel(self, x: Array, filter: Array) -> Array:
        return self.convolve(x, filter)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        x, filter = node.inputs
        to_input = apply(self.sibling(1), shape(x), filter, grad)
        return to_input, apply(self.sibling(2), x, shape(filter), grad)


class BackpropInput(Convolution):
    """Base of the transposes with respect to the input: from the output back to the input."""

    args = ("input_sizes:index", "filter", "out_backprop")
    static_inputs = (0,)

    def infer(self, sizes: Spec, filter: Spec, out: Spec) -> Spec:
        result = shape_from(sizes)
        self.check_transpose(result, filter.shape, out.shape)
        return Spec(out.dtype, (None,) * (self.rank() + 2) if result is None else result)

    def kernel(self, sizes: Sizes, filter: Array, out: Array) -> Array:
        return transposed(lambda x: self.convolve(x, filter), sizes, out)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        _, filter, out = node.inputs
        return None, apply(self.sibling(2), grad, shape(filter), out), apply(self.sibling(0), grad, filter)


class BackpropFilter(Convolution):
    """Base of the transposes with respect to the filter."""

    args = ("input", "filter_sizes:index", "out_backprop")
    static_inputs = (1,)

    def infer(self, x: Spec, sizes: Spec, out: Spec) -> Spec:
        result = shape_from(sizes)
        self.check_transpose(x.shape, result, out.shape)
        return Spec(x.dtype, (None,) * (self.rank() + 2) if result is None else result)

    def kernel(self, x: Array, sizes: Sizes, out: Array) -> Array:
        return transposed(lambda weights: self.convolve(x, weights), sizes, out)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        x, _, out = node.inputs
        return apply(self.sibling(1), shape(x), grad, out), None, apply(self.sibling(0), x, grad)


_CONV2D = ("Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter")
_CONV3D = ("Conv3D", "Conv3DBackpropInputV2", "Conv3DBackpropFilterV2")


@op
class Conv2D(Forward):
    """Two-dimensional convolution."""

    family = _CONV2D


@op
class Conv2DBackpropInput(BackpropInput):
    """The transpose of `Conv2D` with respect to its input."""

    family = _CONV2D


@op
class Conv2DBackpropFilter(BackpropFilter):
    """The transpose of `Conv2D` with respect to its filter."""

    family = _CONV2D


@op
class Conv3D(Forward):
    """Three-dimensional convolution."""

    family = _CONV3D


@op
class Conv3DBackpropInputV2(BackpropInput):
    """The transpose of `Conv3D` with respect to its input."""

    family = _CONV3D


@op
class Conv3DBackpropFilterV2(BackpropFilter):
    """The transpose of `Conv3D` with respect to its filter."""

    family = _CONV3D


@op
class DepthwiseConv2dNative(Forward):
    """Two-dimensional convolution of each channel on its own."""

    family = ("DepthwiseConv2dNative", "DepthwiseConv2dNativeBackpropInput", "DepthwiseConv2dNativeBackpropFilter")
    depthwise = True


@op
class DepthwiseConv2dNativeBackpropInput(BackpropInput):
    """The transpose of `DepthwiseConv2dNative` with respect to its input."""

    family = DepthwiseConv2dNative.family
    depthwise = True


@op
class DepthwiseConv2dNativeBackpropFilter(BackpropFilter):
    """The transpose of `DepthwiseConv2dNative` with respect to its filter."""

    family = DepthwiseConv2dNative.family
    depthwise = True


def geometry(strides: Any, padding: Any, data_format: str | None, dilations: Any, rank: int = 2) -> tuple[Any, ...]:
    """The attributes of a convolution, in the form that its op keeps."""
    gaps = (1,) * (rank + 2) if dilations is None else per_axis(dilations, "dilations")
    return per_axis(strides, "strides"), str(padding), data_format or FORMATS[rank][0], gaps


def conv2d(
    input: Any, filter: Any, strides: Any, padding: str, use_cudnn_on_gpu: bool = True, data_format: str = "NHWC",
    name: str | None = None, dilations: Any = None,
) -> Tensor:  # fmt: skip
    """Slides a filter over images; see the module's formula.

    Args:
        input: images (batch, height, width, channels).
        filter: weights (height, width, input channels, output channels).
        strides: steps between places, one per axis of the input: [1, 1, 1, 1] looks everywhere, [1, 2, 2, 1] halves.
        padding: "SAME" adds zeros so that stride 1 keeps height and width; "VALID" stays inside the image.
        use_cudnn_on_gpu: kept for TensorFlow's signature.
        data_format: "NHWC", or "NCHW" for (batch, channels, height, width).
        name: name of the node.
        dilations: gaps in the filter, one per axis of the input.

    Returns:
        A tensor (batch, new height, new width, output channels).

    Raises:
        ShapeError: if the channels of input and filter differ, or the filter is larger than the image.

    Gradient: the two transposes, `Conv2DBackpropInput` and `Conv2DBackpropFilter`.

    Example:
        >>> import labkit as tf
        >>> image = tf.ones([1, 3, 3, 1])
        >>> y = tf.nn.conv2d(image, tf.ones([3, 3, 1, 1]), strides=[1, 1, 1, 1], padding="SAME")
        >>> tf.Session().run(y)[0, :, :, 0].tolist()
        [[4.0, 6.0, 4.0], [6.0, 9.0, 6.0], [4.0, 6.0, 4.0]]
    """
    return apply(Conv2D(*geometry(strides, padding, data_format, dilations)), input, filter, name=name)


def conv2d_backprop_input(
    input_sizes: Any, filter: Any, out_backprop: Any, strides: Any, padding: str, use_cudnn_on_gpu: bool = True,
    data_format: str = "NHWC", name: str | None = None, dilations: Any = None,
) -> Tensor:  # fmt: skip
    """The gradient of `tf.nn.conv2d` with respect to its input.

    Args:
        input_sizes: shape of the input (batch, height, width, channels).
        filter: the weights.
        out_backprop: gradient with respect to the output.
        strides: as for `tf.nn.conv2d`.
        padding: as for `tf.nn.conv2d`.
        use_cudnn_on_gpu: kept for TensorFlow's signature.
        data_format: as for `tf.nn.conv2d`.
        name: name of the node.
        dilations: as for `tf.nn.conv2d`.

    Returns:
        A tensor of shape `input_sizes`.

    Gradient: to out_backprop, the convolution of the gradient; to filter, `Conv2DBackpropFilter`.

    Example:
        >>> import labkit as tf
        >>> grad = tf.nn.conv2d_backprop_input([1, 4, 4, 1], tf.ones([2, 2, 1, 1]), tf.ones([1, 2, 2, 1]),
        ...                                    strides=[1, 2, 2, 1], padding="SAME")
        >>> float(tf.Session().run(tf.reduce_sum(grad)))
        16.0
    """
    kind = Conv2DBackpropInput(*geometry(strides, padding, data_format, dilations))
    return apply(kind, input_sizes, filter, out_backprop, name=name)


def conv2d_backprop_filter(
    input: Any, filter_sizes: Any, out_backprop: Any, strides: Any, padding: str, use_cudnn_on_gpu: bool = True,
    data_format: str = "NHWC", name: str | None = None, dilations: Any = None,
) -> Tensor:  # fmt: skip
    """The gradient of `tf.nn.conv2d` with respect to its filter.

    Args:
        input: the images.
        filter_sizes: shape of the filter (height, width, input channels, output channels).
        out_backprop: gradient with respect to the output.
        strides: as for `tf.nn.conv2d`.
        padding: as for `tf.nn.conv2d`.
        use_cudnn_on_gpu: kept for TensorFlow's signature.
        data_format: as for `tf.nn.conv2d`.
        name: name of the node.
        dilations: as for `tf.nn.conv2d`.

    Returns:
        A tensor of shape `filter_sizes`.

    Gradient: to input, `Conv2DBackpropInput` with the gradient as filter; to out_backprop, the convolution with it.

    Example:
        >>> import labkit as tf
        >>> grad = tf.nn.conv2d_backprop_filter(tf.ones([1, 4, 4, 1]), [2, 2, 1, 1], tf.ones([1, 2, 2, 1]),
        ...                                     strides=[1, 2, 2, 1], padding="SAME")
        >>> tf.Session().run(grad)[:, :, 0, 0].tolist()
        [[4.0, 4.0], [4.0, 4.0]]
    """
    kind = Conv2DBackpropFilter(*geometry(strides, padding, data_format, dilations))
    return apply(kind, input, filter_sizes, out_backprop, name=name)
