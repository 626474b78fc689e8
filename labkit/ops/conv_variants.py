"""Convolutions made of convolutions: transposed, separable, dilated, in one and three dimensions.

`tf.nn.convolution` and `tf.nn.pool` take any number of spatial axes from one to three; the others are the forms that
TensorFlow names. A filter with gaps ("à trous", dilated) is an attribute of the convolution here; TensorFlow 1.4 packs
the gaps into the batch before and unpacks them after, for the same numbers.

Source: signatures and behaviour of `tensorflow/python/ops/nn_ops.py` and `nn_impl.py` (1.4); Zeiler et al. 2010,
"Deconvolutional networks"; Yu and Koltun 2016, "Multi-scale context aggregation by dilated convolutions".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit.errors import ShapeError
from labkit.graph import Op, Tensor, apply, graph_of
from labkit.ops.array import expand_dims, squeeze
from labkit.ops.conv import Conv2D, Conv2DBackpropInput, Conv3D, Conv3DBackpropInputV2, DepthwiseConv2dNative, geometry
from labkit.ops.mean_pooling import avg_pool, avg_pool3d
from labkit.ops.pooling import max_pool, max_pool3d
from labkit.ops.windows import FORMATS, spatial_axes


def conv2d_transpose(
    value: Any, filter: Any, output_shape: Any, strides: Any, padding: str = "SAME", data_format: str = "NHWC",
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """The transpose of `tf.nn.conv2d`, which undoes its change of shape; also called deconvolution.

    Args:
        value: a tensor (batch, height, width, input channels).
        filter: weights (height, width, output channels, input channels): the filter of the convolution from the
            result back to `value`.
        output_shape: shape of the result (batch, new height, new width, output channels).
        strides: steps of that convolution, one per axis; [1, 2, 2, 1] doubles height and width.
        padding: "SAME" or "VALID".
        data_format: "NHWC" or "NCHW".
        name: name of the node.

    Returns:
        A tensor of shape `output_shape`.

    Raises:
        ShapeError: if the convolution of the result would not have the shape of `value`.

    Gradient: to value, the convolution of the gradient; to filter, `Conv2DBackpropFilter`.

    Example:
        >>> import labkit as tf
        >>> y = tf.nn.conv2d_transpose(tf.ones([1, 2, 2, 1]), tf.ones([2, 2, 1, 1]), [1, 4, 4, 1], [1, 2, 2, 1])
        >>> tf.Session().run(y)[0, 0, :, 0].tolist()
        [1.0, 1.0, 1.0, 1.0]
    """
    return _transpose(Conv2DBackpropInput, 2, "conv2d_transpose", value, filter, output_shape, strides, padding,
                      data_format, name)  # fmt: skip


def conv3d_transpose(
    value: Any, filter: Any, output_shape: Any, strides: Any, padding: str = "SAME", data_format: str = "NDHWC",
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """The transpose of `tf.nn.conv3d`.

    Args:
        value: a tensor (batch, depth, height, width, input channels).
        filter: weights (depth, height, width, output channels, input channels).
        output_shape: shape of the result (batch, new depth, new height, new width, output channels).
        strides: steps, one per axis.
        padding: "SAME" or "VALID".
        data_format: "NDHWC" or "NCDHW".
        name: name of the node.

    Returns:
        A tensor of shape `output_shape`.

    Gradient: to value, the convolution of the gradient; to filter, its other transpose.

    Example:
        >>> import labkit as tf
        >>> value, weights = tf.ones([1, 2, 2, 2, 1]), tf.ones([2, 2, 2, 1, 1])
        >>> tf.nn.conv3d_transpose(value, weights, [1, 4, 4, 4, 1], [1, 2, 2, 2, 1]).shape.as_list()
        [1, 4, 4, 4, 1]
    """
    return _transpose(Conv3DBackpropInputV2, 3, "conv3d_transpose", value, filter, output_shape, strides, padding,
                      data_format, name)  # fmt: skip


def _transpose(
    kind: Any, rank: int, default: str, value: Any, filter: Any, output_shape: Any, strides: Any, padding: str,
    data_format: str, name: str | None,
) -> Tensor:  # fmt: skip
    graph = graph_of([value, filter, output_shape])
    with graph.name_scope(name or default) as scope:
        tensor = graph.as_tensor(value, None, "value")
        weights = graph.as_tensor(filter, tensor.dtype, "filter")
        sizes = graph.as_tensor(output_shape, None, "output_shape")
        made: Op = kind(*geometry(strides, padding, data_format, None, rank))
        return apply(made, sizes, weights, tensor, name=scope)


def conv1d(
    value: Any, filters: Any, stride: int, padding: str, use_cudnn_on_gpu: bool | None = None,
    data_format: str | None = None, name: str | None = None,
) -> Tensor:  # fmt: skip
    """Slides a filter over sequences: `tf.nn.conv2d` on images of height 1.

    Args:
        value: sequences (batch, width, channels).
        filters: weights (width, input channels, output channels).
        stride: steps between places.
        padding: "SAME" or "VALID".
        use_cudnn_on_gpu: kept for TensorFlow's signature.
        data_format: "NHWC" (or "NWC") for channels last, "NCHW" (or "NCW") for channels on axis 1.
        name: name of the nodes' scope.

    Returns:
        A tensor (batch, new width, output channels).

    Gradient: that of its parts.

    Example:
        >>> import labkit as tf
        >>> y = tf.nn.conv1d([[[1.0], [2.0], [4.0]]], [[[-1.0]], [[1.0]]], stride=1, padding="VALID")
        >>> tf.Session().run(y).ravel().tolist()
        [1.0, 2.0]
    """
    first = data_format in ("NCHW", "NCW")
    if not first and data_format not in (None, "NHWC", "NWC"):
        raise ShapeError(f'data_format must be "NWC" or "NCW", not {data_format!r}.')
    graph = graph_of([value, filters])
    with graph.name_scope(name or "conv1d"):
        return _with_height(
            graph.as_tensor(value, None, "value"), graph.as_tensor(filters, None, "filters"), first, int(stride), 1,
            padding,
        )  # fmt: skip


def _with_height(value: Tensor, filters: Tensor, first: bool, stride: int, dilation: int, padding: str) -> Tensor:
    """One-dimensional convolution as a two-dimensional one."""
    axis = 2 if first else 1
    lists = [(1, 1, 1, n) if first else (1, 1, n, 1) for n in (stride, dilation)]
    kind = Conv2D(*geometry(lists[0], padding, "NCHW" if first else "NHWC", lists[1]))
    return squeeze(apply(kind, expand_dims(value, axis), expand_dims(filters, 0)), [axis])


def conv3d(
    input: Any, filter: Any, strides: Any, padding: str, data_format: str = "NDHWC", name: str | None = None,
    dilations: Any = None,
) -> Tensor:  # fmt: skip
    """Slides a filter over volumes, or over films.

    Args:
        input: volumes (batch, depth, height, width, channels).
        filter: weights (depth, height, width, input channels, output channels).
        strides: steps between places, one per axis of the input.
        padding: "SAME" or "VALID".
        data_format: "NDHWC" or "NCDHW".
        name: name of the node.
        dilations: gaps in the filter, one per axis of the input.

    Returns:
        A tensor (batch, new depth, new height, new width, output channels).

    Gradient: its two transposes.

    Example:
        >>> import labkit as tf
        >>> y = tf.nn.conv3d(tf.ones([1, 2, 2, 2, 1]), tf.ones([2, 2, 2, 1, 1]), [1, 1, 1, 1, 1], "VALID")
        >>> tf.Session().run(y).ravel().tolist()
        [8.0]
    """
    return apply(Conv3D(*geometry(strides, padding, data_format, dilations, 3)), input, filter, name=name)


def depthwise_conv2d(
    input: Any, filter: Any, strides: Any, padding: str, rate: Any = None, name: str | None = None,
    data_format: str | None = None,
) -> Tensor:  # fmt: skip
    """Slides filters over each channel on its own.

    Args:
        input: images (batch, height, width, channels).
        filter: weights (height, width, channels, outputs per channel).
        strides: steps between places, one per axis of the input.
        padding: "SAME" or "VALID".
        rate: gaps in the filter, [rows, columns].
        name: name of the node.
        data_format: "NHWC" or "NCHW".

    Returns:
        A tensor (batch, new height, new width, channels * outputs per channel).

    Gradient: its two transposes.

    Example:
        >>> import labkit as tf
        >>> y = tf.nn.depthwise_conv2d([[[[2.0, 3.0]]]], [[[[10.0], [100.0]]]], [1, 1, 1, 1], "SAME")
        >>> tf.Session().run(y).ravel().tolist()
        [20.0, 300.0]
    """
    layout = data_format or "NHWC"
    gaps = None if rate is None else _all_axes(rate, layout)
    kind = DepthwiseConv2dNative(*geometry(strides, padding, layout, gaps))
    return apply(kind, input, filter, name=name or "depthwise")


depthwise_conv2d_native = depthwise_conv2d


def separable_conv2d(
    input: Any, depthwise_filter: Any, pointwise_filter: Any, strides: Any, padding: str, rate: Any = None,
    name: str | None = None, data_format: str | None = None,
) -> Tensor:  # fmt: skip
    """First filters each channel on its own, then mixes the channels: far fewer weights than `tf.nn.conv2d`.

    Args:
        input: images (batch, height, width, channels).
        depthwise_filter: weights (height, width, channels, outputs per channel).
        pointwise_filter: weights (1, 1, channels * outputs per channel, output channels).
        strides: steps between places of the first, one per axis of the input.
        padding: "SAME" or "VALID", of the first.
        rate: gaps in the depthwise filter, [rows, columns].
        name: name of the nodes' scope.
        data_format: "NHWC" or "NCHW".

    Returns:
        A tensor (batch, new height, new width, output channels).

    Gradient: that of its parts.

    Example:
        >>> import labkit as tf
        >>> first, second = [[[[10.0], [100.0]]]], [[[[1.0], [1.0]]]]
        >>> y = tf.nn.separable_conv2d([[[[2.0, 3.0]]]], first, second, [1, 1, 1, 1], "SAME")
        >>> tf.Session().run(y).ravel().tolist()
        [320.0]
    """
    graph = graph_of([input, depthwise_filter, pointwise_filter])
    layout = data_format or "NHWC"
    with graph.name_scope(name or "separable_conv2d") as scope:
        x = graph.as_tensor(input, None, "tensor_in")
        depthwise = depthwise_conv2d(x, depthwise_filter, strides, padding, rate, "depthwise", layout)
        return apply(Conv2D(*geometry((1, 1, 1, 1), "VALID", layout, None)), depthwise, pointwise_filter, name=scope)


def atrous_conv2d(value: Any, filters: Any, rate: int, padding: str, name: str | None = None) -> Tensor:
    """`tf.nn.conv2d` with gaps in the filter, which sees further with as many weights.

    Args:
        value: images (batch, height, width, channels).
        filters: weights (height, width, input channels, output channels).
        rate: the filter looks at every `rate`-th entry of what it covers.
        padding: "SAME" or "VALID".
        name: name of the node.

    Returns:
        A tensor (batch, new height, new width, output channels).

    Gradient: its two transposes.

    Example:
        >>> import labkit as tf
        >>> tf.nn.atrous_conv2d(tf.ones([1, 9, 9, 1]), tf.ones([3, 3, 1, 1]), rate=2, padding="VALID").shape.as_list()
        [1, 5, 5, 1]
    """
    return convolution(value, filters, padding, dilation_rate=[rate, rate], name=name)


def convolution(
    input: Any, filter: Any, padding: str, strides: Any = None, dilation_rate: Any = None, name: str | None = None,
    data_format: str | None = None,
) -> Tensor:  # fmt: skip
    """Convolution over one, two or three spatial axes.

    Args:
        input: a tensor (batch, spatial axes, channels).
        filter: weights (spatial axes, input channels, output channels).
        padding: "SAME" or "VALID".
        strides: steps between places, one per *spatial* axis, or one number.
        dilation_rate: gaps in the filter, one per spatial axis, or one number.
        name: name of the node.
        data_format: such as "NHWC"; it begins with "NC" if the channels come second.

    Returns:
        A tensor (batch, new spatial axes, output channels).

    Raises:
        ShapeError: if the rank is unknown, or there are not one to three spatial axes.

    Gradient: that of its parts.

    Example:
        >>> import labkit as tf
        >>> tf.nn.convolution(tf.ones([1, 9, 3]), tf.ones([3, 3, 8]), "SAME", strides=[2]).shape.as_list()
        [1, 5, 8]
    """
    graph = graph_of([input, filter])
    with graph.name_scope(name or "convolution") as scope:
        x = graph.as_tensor(input, None, "input")
        weights = graph.as_tensor(filter, x.dtype, "filter")
        rank = _spatial_rank(x, weights, 2)
        layout = data_format or FORMATS[rank][0]
        if rank == 1:
            stride, gap = (_one_each(values, 1)[0] for values in (strides, dilation_rate))
            return _with_height(x, weights, layout.startswith("NC"), stride, gap, padding)
        made = geometry(_all_axes(strides, layout), padding, layout, _all_axes(dilation_rate, layout), rank)
        return apply((Conv3D if rank == 3 else Conv2D)(*made), x, weights, name=scope)


def _spatial_rank(x: Tensor, filter: Tensor | None, others: int) -> int:
    known = x.static_shape if x.static_shape is not None or filter is None else filter.static_shape
    if known is None or not 1 <= len(known) - others <= 3:
        raise ShapeError(f"there must be one to three spatial axes, and the input has shape {x.shape}.")
    return len(known) - others


def _one_each(values: Any, rank: int) -> Sequence[int]:
    """One number per spatial axis."""
    if values is None:
        return (1,) * rank
    return (int(values),) * rank if isinstance(values, int) else tuple(int(value) for value in values)


def _all_axes(values: Any, layout: str) -> tuple[int, ...]:
    """Numbers for the spatial axes as numbers for all axes, 1 for the others."""
    axes = spatial_axes(layout)
    spatial = _one_each(values, len(axes))
    if len(spatial) != len(axes):
        raise ShapeError(f"{list(spatial)} must have one entry per spatial axis: {len(axes)}.")
    each = iter(spatial)
    return tuple(next(each) if i in axes else 1 for i in range(len(layout)))


def pool(
    input: Any, window_shape: Any, pooling_type: str, padding: str, dilation_rate: Any = None, strides: Any = None,
    name: str | None = None, data_format: str | None = None,
) -> Tensor:  # fmt: skip
    """Pooling over one, two or three spatial axes.

    Args:
        input: a tensor (batch, spatial axes, channels).
        window_shape: size of the window, one entry per *spatial* axis.
        pooling_type: "MAX" or "AVG".
        padding: "SAME" or "VALID".
        dilation_rate: kept for TensorFlow's signature; only 1.
        strides: steps between windows, one per spatial axis.
        name: name of the node.
        data_format: such as "NHWC"; it begins with "NC" if the channels come second.

    Returns:
        A tensor (batch, new spatial axes, channels).

    Raises:
        ShapeError: for another pooling type, gaps, or a number of spatial axes that is not one to three.

    Gradient: that of the pooling.

    Example:
        >>> import labkit as tf
        >>> x = tf.constant([[[1.0], [5.0], [2.0], [3.0]]])
        >>> tf.Session().run(tf.nn.pool(x, [2], "MAX", "SAME", strides=[2])).ravel().tolist()
        [5.0, 3.0]
    """
    if pooling_type not in ("MAX", "AVG"):
        raise ShapeError(f'pooling_type must be "MAX" or "AVG", not {pooling_type!r}.')
    if dilation_rate is not None and any(gap != 1 for gap in _one_each(dilation_rate, 1)):
        raise ShapeError("labkit's pooling windows have no gaps: dilation_rate must be 1.")
    graph = graph_of([input])
    with graph.name_scope(name or "pool") as scope:
        x = graph.as_tensor(input, None, "input")
        rank = _spatial_rank(x, None, 2)
        layout = data_format or FORMATS[rank][0]
        window, steps = _all_axes(window_shape, layout), _all_axes(strides, layout)
        functions = (max_pool3d, avg_pool3d) if rank == 3 else (max_pool, avg_pool)
        function = functions[pooling_type == "AVG"]
        if rank > 1:
            return function(x, window, steps, padding, layout, scope)
        axis = spatial_axes(layout)[0]
        window, steps = ((*values[:axis], 1, *values[axis:]) for values in (window, steps))
        layout = "NCHW" if axis == 2 else "NHWC"
        return squeeze(function(expand_dims(x, axis), window, steps, padding, layout), [axis], scope)
