"""Layers of images: `conv2d`, `conv2d_transpose`, `separable_conv2d`, `max_pool2d`, `avg_pool2d`.

Source: `tensorflow/contrib/layers/python/layers/layers.py` (1.4).
"""

from __future__ import annotations

from typing import Any

from labkit.contrib.framework import add_arg_scope
from labkit.contrib.layers.base import Weighted, finished, layer_scope
from labkit.contrib.layers.dense import XAVIER, ZEROS
from labkit.errors import LabkitError, ShapeError
from labkit.graph import Tensor, get_default_graph
from labkit.layers.base import check_rank, size_of_axis
from labkit.layers.pooling import pair
from labkit.ops.activations import relu
from labkit.ops.conv import conv2d as convolve
from labkit.ops.conv_variants import conv2d_transpose as convolve_transposed
from labkit.ops.conv_variants import convolution as convolve_any
from labkit.ops.conv_variants import depthwise_conv2d
from labkit.ops.conv_variants import separable_conv2d as convolve_separably
from labkit.ops.mean_pooling import avg_pool
from labkit.ops.pooling import max_pool
from labkit.ops.shaping import shape


def _layout(data_format: str | None) -> str:
    if data_format not in (None, "NHWC", "NCHW"):
        raise LabkitError(f"data_format must be 'NHWC' or 'NCHW', not {data_format!r}.")
    return data_format or "NHWC"


def _batched(spatial: list[int], form: str) -> list[int]:
    return [1, 1, *spatial] if form == "NCHW" else [1, *spatial, 1]


@add_arg_scope
def convolution(
    inputs: Any, num_outputs: int, kernel_size: Any, stride: Any = 1, padding: str = "SAME",
    data_format: str | None = None, rate: Any = 1, activation_fn: Any = relu, normalizer_fn: Any = None,
    normalizer_params: Any = None, weights_initializer: Any = XAVIER, weights_regularizer: Any = None,
    biases_initializer: Any = ZEROS, biases_regularizer: Any = None, reuse: Any = None,
    variables_collections: Any = None, outputs_collections: Any = None, trainable: bool = True, scope: Any = None,
) -> Tensor:  # fmt: skip
    """relu(convolution with the weights + biases), over images, sequences or volumes.

    Args:
        inputs: images (batch, height, width, channels); sequences (batch, length, channels) or volumes.
        num_outputs: how many filters.
        kernel_size: sizes of a filter, or one number for all.
        stride: steps between places, likewise.
        padding: "SAME" adds zeros around the image, "VALID" stays inside.
        data_format: "NHWC", or "NCHW" for images with channels in front.
        rate: gaps in the filter; only one of `stride` and `rate` may differ from 1.
        activation_fn: as for `fully_connected`, like all that follow.
        normalizer_fn: see there.
        normalizer_params: see there.
        weights_initializer: of the weights (height, width, channels, filters).
        weights_regularizer: see there.
        biases_initializer: see there.
        biases_regularizer: see there.
        reuse: see there.
        variables_collections: see there.
        outputs_collections: see there.
        trainable: see there.
        scope: name of its scope; "Conv", made unique, if None.

    Returns:
        A tensor (batch, new height, new width, num_outputs).

    Raises:
        ShapeError: if the rank is not 3, 4 or 5, or the number of channels is unknown.
        LabkitError: if stride and rate both differ from 1.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     y = tf.contrib.layers.conv2d(tf.zeros([5, 28, 28, 1]), 32, [5, 5], stride=2)
        ...     y.name, y.get_shape().as_list()
        ('Conv/Relu:0', [5, 14, 14, 32])
    """
    how = Weighted(
        activation_fn, normalizer_fn, normalizer_params, weights_initializer, weights_regularizer, biases_initializer,
        biases_regularizer, variables_collections, outputs_collections, trainable,
    )  # fmt: skip
    with layer_scope(scope, "Conv", inputs, reuse) as opened:
        x = get_default_graph().as_tensor(inputs)
        rank = len(x.static_shape or ())
        if rank not in (3, 4, 5):
            raise ShapeError(
                f"convolution takes sequences, images or volumes (rank 3, 4 or 5), and {x.name!r} has shape {x.shape}.",
                "tf.reshape(x, [-1, 28, 28, 1]) for MNIST images.",
            )
        sizes, steps, gaps = (
            pair(value, what, rank - 2)
            for value, what in ((kernel_size, "kernel_size"), (stride, "stride"), (rate, "rate"))
        )
        if max(steps) > 1 and max(gaps) > 1:
            raise LabkitError(f"only one of stride and rate may differ from 1, not both {stride!r} and {rate!r}.")
        form = _layout(data_format) if rank == 4 else "NHWC"
        channels = size_of_axis(x, 1 if form == "NCHW" else rank - 1, "convolution")
        weights = how.weights([*sizes, channels, num_outputs], x.dtype)
        if rank == 4:
            outputs = convolve(
                x, weights, _batched(steps, form), padding, data_format=form, dilations=_batched(gaps, form)
            )
        else:
            outputs = convolve_any(x, weights, padding, steps, gaps)
        return how.end(outputs, num_outputs, opened, form if rank == 4 else None)


conv2d = convolution
convolution2d = convolution


@add_arg_scope
def conv2d_transpose(
    inputs: Any, num_outputs: int, kernel_size: Any, stride: Any = 1, padding: str = "SAME",
    data_format: str = "NHWC", activation_fn: Any = relu, normalizer_fn: Any = None, normalizer_params: Any = None,
    weights_initializer: Any = XAVIER, weights_regularizer: Any = None, biases_initializer: Any = ZEROS,
    biases_regularizer: Any = None, reuse: Any = None, variables_collections: Any = None,
    outputs_collections: Any = None, trainable: bool = True, scope: Any = None,
) -> Tensor:  # fmt: skip
    """The transpose of a convolution, which makes images `stride` times larger.

    Args:
        inputs: images (batch, height, width, channels).
        num_outputs: channels of the output.
        kernel_size: as for `convolution`, like all that follow.
        stride: how many times larger the image becomes.
        padding: see there.
        data_format: see there.
        activation_fn: see there.
        normalizer_fn: see there.
        normalizer_params: see there.
        weights_initializer: of the weights (height, width, outputs, channels).
        weights_regularizer: see there.
        biases_initializer: see there.
        biases_regularizer: see there.
        reuse: see there.
        variables_collections: see there.
        outputs_collections: see there.
        trainable: see there.
        scope: name of its scope; "Conv2d_transpose", made unique, if None.

    Example:
        >>> import labkit as tf
        >>> tf.contrib.layers.conv2d_transpose(tf.zeros([5, 7, 7, 1]), 8, 3, 2).get_shape().as_list()
        [5, 14, 14, 8]
    """
    how = Weighted(
        activation_fn, normalizer_fn, normalizer_params, weights_initializer, weights_regularizer, biases_initializer,
        biases_regularizer, variables_collections, outputs_collections, trainable,
    )  # fmt: skip
    with layer_scope(scope, "Conv2d_transpose", inputs, reuse) as opened:
        x = get_default_graph().as_tensor(inputs)
        check_rank(x, 4, "conv2d_transpose", "batch, height, width, channels")
        form = _layout(data_format)
        sizes, steps = pair(kernel_size, "kernel_size"), pair(stride, "stride")
        channels = size_of_axis(x, 1 if form == "NCHW" else 3, "conv2d_transpose")
        weights = how.weights([*sizes, num_outputs, channels], x.dtype)
        known = x.shape.as_list()
        now: list[Any] = [shape(x)[i] if size is None else size for i, size in enumerate(known)]
        places = (2, 3) if form == "NCHW" else (1, 2)
        extra = [max(size - step, 0) if padding == "VALID" else 0 for size, step in zip(sizes, steps, strict=True)]
        spatial = [now[place] * step + more for place, step, more in zip(places, steps, extra, strict=True)]
        wanted = [now[0], num_outputs, *spatial] if form == "NCHW" else [now[0], *spatial, num_outputs]
        outputs = convolve_transposed(x, weights, wanted, _batched(steps, form), padding, data_format=form)
        return how.end(outputs, num_outputs, opened, form)


@add_arg_scope
def separable_conv2d(
    inputs: Any, num_outputs: int | None, kernel_size: Any, depth_multiplier: int, stride: Any = 1,
    padding: str = "SAME", data_format: str = "NHWC", rate: Any = 1, activation_fn: Any = relu,
    normalizer_fn: Any = None, normalizer_params: Any = None, weights_initializer: Any = XAVIER,
    weights_regularizer: Any = None, biases_initializer: Any = ZEROS, biases_regularizer: Any = None,
    reuse: Any = None, variables_collections: Any = None, outputs_collections: Any = None, trainable: bool = True,
    scope: Any = None,
) -> Tensor:  # fmt: skip
    """A convolution of each channel on its own, then of the channels at each place.

    Args:
        inputs: images (batch, height, width, channels).
        num_outputs: channels of the output; None leaves out the second step.
        kernel_size: as for `convolution`, like all that is not named here.
        depth_multiplier: how many filters each channel gets.
        stride: see there.
        padding: see there.
        data_format: see there.
        rate: see there.
        activation_fn: see there.
        normalizer_fn: see there.
        normalizer_params: see there.
        weights_initializer: of both `depthwise_weights` and `pointwise_weights`.
        weights_regularizer: see there.
        biases_initializer: see there.
        biases_regularizer: see there.
        reuse: see there.
        variables_collections: see there.
        outputs_collections: see there.
        trainable: see there.
        scope: name of its scope; "SeparableConv2d", made unique, if None.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     y = tf.contrib.layers.separable_conv2d(tf.zeros([5, 8, 8, 3]), 16, [3, 3], 2)
        ...     y.get_shape().as_list(), [v.op.name for v in tf.model_variables()][1]
        ([5, 8, 8, 16], 'SeparableConv2d/pointwise_weights')
    """
    how = Weighted(
        activation_fn, normalizer_fn, normalizer_params, weights_initializer, weights_regularizer, biases_initializer,
        biases_regularizer, variables_collections, outputs_collections, trainable,
    )  # fmt: skip
    with layer_scope(scope, "SeparableConv2d", inputs, reuse) as opened:
        x = get_default_graph().as_tensor(inputs)
        check_rank(x, 4, "separable_conv2d", "batch, height, width, channels")
        form = _layout(data_format)
        channels = size_of_axis(x, 1 if form == "NCHW" else 3, "separable_conv2d")
        steps, gaps = _batched(pair(stride, "stride"), form), pair(rate, "rate")
        sizes = [*pair(kernel_size, "kernel_size"), channels, depth_multiplier]
        alone = how.weights(sizes, x.dtype, "depthwise_weights")
        if num_outputs is None:
            outputs = depthwise_conv2d(x, alone, steps, padding, gaps, data_format=form)
            return how.end(outputs, channels * depth_multiplier, opened, form)
        across = how.weights([1, 1, channels * depth_multiplier, num_outputs], x.dtype, "pointwise_weights")
        outputs = convolve_separably(x, alone, across, steps, padding, gaps, data_format=form)
        return how.end(outputs, num_outputs, opened, form)


separable_convolution2d = separable_conv2d


@add_arg_scope
def max_pool2d(
    inputs: Any, kernel_size: Any, stride: Any = 2, padding: str = "VALID", data_format: str = "NHWC",
    outputs_collections: Any = None, scope: Any = None,
) -> Tensor:  # fmt: skip
    """The largest entry of each window of an image.

    Args:
        inputs: images (batch, height, width, channels).
        kernel_size: height and width of the window, or one number for both.
        stride: steps between windows, likewise.
        padding: "VALID" or "SAME".
        data_format: "NHWC" or "NCHW".
        outputs_collections: collections for the output.
        scope: name of its scope; "MaxPool2D", made unique, if None.

    Example:
        >>> import labkit as tf
        >>> tf.contrib.layers.max_pool2d(tf.zeros([5, 28, 28, 1]), 2).get_shape().as_list()
        [5, 14, 14, 1]
    """
    return _pooled(max_pool, "MaxPool2D", inputs, kernel_size, stride, padding, data_format, outputs_collections, scope)


@add_arg_scope
def avg_pool2d(
    inputs: Any, kernel_size: Any, stride: Any = 2, padding: str = "VALID", data_format: str = "NHWC",
    outputs_collections: Any = None, scope: Any = None,
) -> Tensor:  # fmt: skip
    """The mean of each window of an image.

    Args:
        inputs: as for `max_pool2d`, like all that follow.
        kernel_size: see there.
        stride: see there.
        padding: see there.
        data_format: see there.
        outputs_collections: see there.
        scope: name of its scope; "AvgPool2D", made unique, if None.

    Example:
        >>> import labkit as tf
        >>> tf.contrib.layers.avg_pool2d(tf.zeros([5, 28, 28, 1]), [4, 4], 4).get_shape().as_list()
        [5, 7, 7, 1]
    """
    return _pooled(avg_pool, "AvgPool2D", inputs, kernel_size, stride, padding, data_format, outputs_collections, scope)


def _pooled(pool: Any, default: str, inputs: Any, size: Any, step: Any, padding: str, *rest: Any) -> Tensor:
    data_format, outputs_collections, scope = rest
    form = _layout(data_format)
    with layer_scope(scope, default, inputs) as opened:
        x = get_default_graph().as_tensor(inputs)
        check_rank(x, 4, default, "batch, height, width, channels")
        windows = _batched(pair(size, "kernel_size"), form), _batched(pair(step, "stride"), form)
        return finished(pool(x, *windows, padding, form), opened, outputs_collections)
