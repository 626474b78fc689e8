"""Convolution layers: `conv1d`, `conv2d`, `conv2d_transpose`, `separable_conv2d`.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default():
    ...     y = tf.layers.conv2d(tf.zeros([5, 28, 28, 1]), 32, [5, 5], padding="same", activation=tf.nn.relu)
    ...     y.name, y.get_shape().as_list(), [v.name for v in tf.trainable_variables()]
    ('conv2d/Relu:0', [5, 28, 28, 32], ['conv2d/kernel:0', 'conv2d/bias:0'])

Source: `tensorflow/python/layers/convolutional.py` (1.4).
"""

from __future__ import annotations

from typing import Any

from labkit.graph import Tensor
from labkit.initializers import zeros_initializer
from labkit.layers.base import Layer, activated, check_rank, size_of_axis
from labkit.layers.pooling import batched, layout, pair
from labkit.ops.array import expand_dims, squeeze
from labkit.ops.conv import conv2d as convolve
from labkit.ops.conv_variants import conv2d_transpose as convolve_transposed
from labkit.ops.conv_variants import separable_conv2d as convolve_separably
from labkit.ops.nn import bias_add
from labkit.ops.shaping import shape


class Convolution(Layer):
    """What the convolution layers share."""

    rank = 2
    axes = "batch, height, width, channels"

    def __init__(
        self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid",
        data_format: str = "channels_last", dilation_rate: Any = 1, activation: Any = None, use_bias: bool = True,
        kernel_initializer: Any = None, bias_initializer: Any = None, kernel_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
        bias_constraint: Any = None, trainable: bool = True, name: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(trainable, name, activity_regularizer=activity_regularizer, **kwargs)
        self.filters = int(filters)
        self.kernel_size = pair(kernel_size, "kernel_size", self.rank)
        self.strides = pair(strides, "strides", self.rank)
        self.padding = padding.upper()
        self.data_format = data_format
        self.form = layout(data_format)
        self.dilation_rate = pair(dilation_rate, "dilation_rate", self.rank)
        self.activation = activation
        self.use_bias = use_bias
        self.kernel_options = (kernel_initializer, kernel_regularizer, kernel_constraint)
        self.bias_options = (bias_initializer or zeros_initializer(), bias_regularizer, bias_constraint)
        self.bias: Any = None

    @property
    def channel_axis(self) -> int:
        """The axis of the channels."""
        return 1 if self.data_format == "channels_first" else self.rank + 1

    def kernel_shape(self, channels: int) -> list[int]:
        """The shape of the kernel."""
        return [*self.kernel_size, channels, self.filters]

    def build(self, inputs: Any) -> None:
        """Makes `kernel` and `bias`."""
        check_rank(inputs, self.rank + 2, f"tf.layers.{self.kind}", self.axes)
        channels = size_of_axis(inputs, self.channel_axis, f"tf.layers.{self.kind}")
        initializer, regularizer, constraint = self.kernel_options
        self.kernel: Any = self.add_variable(
            "kernel", self.kernel_shape(channels), None, initializer, regularizer, constraint=constraint
        )
        self.add_bias()

    def add_bias(self) -> None:
        """Makes `bias`, if there is one."""
        if self.use_bias:
            initializer, regularizer, constraint = self.bias_options
            self.bias = self.add_variable("bias", [self.filters], None, initializer, regularizer, constraint=constraint)

    def finished(self, outputs: Tensor) -> Tensor:
        """Adds the bias and applies the activation."""
        if self.bias is not None:
            outputs = bias_add(outputs, self.bias, self.form if self.rank == 2 else None)
        return activated(outputs, self.activation)

    def call(self, inputs: Any) -> Tensor:
        """The filtered images."""
        steps = batched(self.strides, self.data_format)
        gaps = batched(self.dilation_rate, self.data_format)
        return self.finished(convolve(inputs, self.kernel, steps, self.padding, data_format=self.form, dilations=gaps))


class Conv2D(Convolution):
    """A convolution over images; see `tf.layers.conv2d`.

    Example:
        >>> import labkit as tf
        >>> tf.layers.Conv2D(8, 3)(tf.zeros([5, 28, 28, 1])).get_shape().as_list()
        [5, 26, 26, 8]
    """

    kind = "conv2d"


class Conv1D(Convolution):
    """A convolution over sequences; see `tf.layers.conv1d`.

    Example:
        >>> import labkit as tf
        >>> tf.layers.Conv1D(8, 3)(tf.zeros([5, 28, 1])).get_shape().as_list()
        [5, 26, 8]
    """

    kind = "conv1d"
    rank = 1
    axes = "batch, length, channels"

    def call(self, inputs: Any) -> Tensor:
        """The filtered sequences: a convolution over images of height 1."""
        axis = 2 if self.data_format == "channels_first" else 1
        outputs = convolve(
            expand_dims(inputs, axis), expand_dims(self.kernel, 0), batched([1, *self.strides], self.data_format),
            self.padding, data_format=self.form, dilations=batched([1, *self.dilation_rate], self.data_format),
        )  # fmt: skip
        if self.bias is not None:
            outputs = bias_add(outputs, self.bias, self.form)
        return activated(squeeze(outputs, [axis]), self.activation)


class Conv2DTranspose(Convolution):
    """The transpose of a convolution: spreads each pixel out; see `tf.layers.conv2d_transpose`.

    Example:
        >>> import labkit as tf
        >>> tf.layers.Conv2DTranspose(8, 3, 2, "same")(tf.zeros([5, 7, 7, 1])).get_shape().as_list()
        [5, 14, 14, 8]
    """

    kind = "conv2d_transpose"

    def kernel_shape(self, channels: int) -> list[int]:
        """The shape of the kernel: outputs before inputs, because it is the transpose."""
        return [*self.kernel_size, self.filters, channels]

    def call(self, inputs: Any) -> Tensor:
        """The larger images."""
        sizes = inputs.static_shape
        first = 2 if self.data_format == "channels_first" else 1
        batch = shape(inputs)[0] if sizes[0] is None else sizes[0]
        spatial = [self._larger(inputs, first + i, i) for i in range(2)]
        wanted: list[Any] = (
            [batch, self.filters, *spatial] if self.data_format == "channels_first" else [batch, *spatial, self.filters]
        )
        steps = batched(self.strides, self.data_format)
        return self.finished(
            convolve_transposed(inputs, self.kernel, wanted, steps, self.padding, data_format=self.form)
        )

    def _larger(self, inputs: Tensor, axis: int, position: int) -> Any:
        known = inputs.shape.as_list()[axis]
        size: Any = shape(inputs)[axis] if known is None else known
        extra = max(self.kernel_size[position] - self.strides[position], 0) if self.padding == "VALID" else 0
        return size * self.strides[position] + extra


class SeparableConv2D(Convolution):
    """A convolution of each channel on its own, then of the channels; see `tf.layers.separable_conv2d`.

    Example:
        >>> import labkit as tf
        >>> tf.layers.SeparableConv2D(8, 3)(tf.zeros([5, 28, 28, 3])).get_shape().as_list()
        [5, 26, 26, 8]
    """

    kind = "separable_conv2d"
    depth_multiplier = 1
    pointwise_options: tuple[Any, Any, Any] = (None, None, None)

    def build(self, inputs: Any) -> None:
        """Makes `depthwise_kernel`, `pointwise_kernel` and `bias`."""
        check_rank(inputs, 4, "tf.layers.separable_conv2d", self.axes)
        channels = size_of_axis(inputs, self.channel_axis, "tf.layers.separable_conv2d")
        initializer, regularizer, constraint = self.kernel_options
        self.depthwise_kernel: Any = self.add_variable(
            "depthwise_kernel", [*self.kernel_size, channels, self.depth_multiplier], None, initializer, regularizer,
            constraint=constraint,
        )  # fmt: skip
        initializer, regularizer, constraint = self.pointwise_options
        self.pointwise_kernel: Any = self.add_variable(
            "pointwise_kernel", [1, 1, self.depth_multiplier * channels, self.filters], None, initializer, regularizer,
            constraint=constraint,
        )  # fmt: skip
        self.add_bias()

    def call(self, inputs: Any) -> Tensor:
        """The filtered images."""
        return self.finished(
            convolve_separably(
                inputs, self.depthwise_kernel, self.pointwise_kernel, batched(self.strides, self.data_format),
                self.padding, rate=self.dilation_rate, data_format=self.form,
            )
        )  # fmt: skip


def conv2d(
    inputs: Any, filters: int, kernel_size: Any, strides: Any = (1, 1), padding: str = "valid",
    data_format: str = "channels_last", dilation_rate: Any = (1, 1), activation: Any = None, use_bias: bool = True,
    kernel_initializer: Any = None, bias_initializer: Any = None, kernel_regularizer: Any = None,
    bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
    bias_constraint: Any = None, trainable: bool = True, name: str | None = None, reuse: Any = None,
) -> Tensor:  # fmt: skip
    """Filters images: activation(convolution with the kernel + bias).

    Args:
        inputs: images (batch, height, width, channels).
        filters: how many filters: the channels of the output.
        kernel_size: height and width of a filter, or one number for both.
        strides: steps between places, likewise.
        padding: "valid" stays inside the image, "same" adds zeros around it.
        data_format: "channels_last", or "channels_first" for (batch, channels, height, width).
        dilation_rate: gaps in the filter.
        activation: a function such as `tf.nn.relu`, or None.
        use_bias: False leaves out the bias.
        kernel_initializer: of the kernel (height, width, channels, filters); glorot uniform if None.
        bias_initializer: of the bias (filters,); zeros if None.
        kernel_regularizer: from the kernel to a loss.
        bias_regularizer: from the bias to a loss.
        activity_regularizer: from the output to a loss.
        kernel_constraint: what an optimizer applies to the kernel after changing it.
        bias_constraint: the same for the bias.
        trainable: False keeps optimizers away from it.
        name: name of its scope; the variables are `name/kernel` and `name/bias`.
        reuse: True finds the variables of an earlier layer of the same name.

    Returns:
        A tensor (batch, new height, new width, filters).

    Raises:
        ShapeError: if the rank is not 4 or the number of channels is unknown.

    Example:
        >>> import labkit as tf
        >>> tf.layers.conv2d(tf.zeros([5, 28, 28, 1]), 32, 5, padding="same").get_shape().as_list()
        [5, 28, 28, 32]
    """
    layer = Conv2D(
        filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, kernel_initializer,
        bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint,
        bias_constraint, trainable, name, _reuse=reuse,
    )  # fmt: skip
    return layer(inputs)


def conv1d(
    inputs: Any, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid",
    data_format: str = "channels_last", dilation_rate: Any = 1, activation: Any = None, use_bias: bool = True,
    kernel_initializer: Any = None, bias_initializer: Any = None, kernel_regularizer: Any = None,
    bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
    bias_constraint: Any = None, trainable: bool = True, name: str | None = None, reuse: Any = None,
) -> Tensor:  # fmt: skip
    """Filters sequences; arguments as for `conv2d`, with one number where that has two.

    Args:
        inputs: sequences (batch, length, channels).
        filters: how many filters.
        kernel_size: length of a filter.
        strides: see `conv2d`, like all that follow.
        padding: see there.
        data_format: see there.
        dilation_rate: see there.
        activation: see there.
        use_bias: see there.
        kernel_initializer: see there.
        bias_initializer: see there.
        kernel_regularizer: see there.
        bias_regularizer: see there.
        activity_regularizer: see there.
        kernel_constraint: see there.
        bias_constraint: see there.
        trainable: see there.
        name: see there.
        reuse: see there.

    Returns:
        A tensor (batch, new length, filters).

    Example:
        >>> import labkit as tf
        >>> tf.layers.conv1d(tf.zeros([5, 128, 9]), 18, 2, padding="same").get_shape().as_list()
        [5, 128, 18]
    """
    layer = Conv1D(
        filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, kernel_initializer,
        bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint,
        bias_constraint, trainable, name, _reuse=reuse,
    )  # fmt: skip
    return layer(inputs)


def conv2d_transpose(
    inputs: Any, filters: int, kernel_size: Any, strides: Any = (1, 1), padding: str = "valid",
    data_format: str = "channels_last", activation: Any = None, use_bias: bool = True, kernel_initializer: Any = None,
    bias_initializer: Any = None, kernel_regularizer: Any = None, bias_regularizer: Any = None,
    activity_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None,
    trainable: bool = True, name: str | None = None, reuse: Any = None,
) -> Tensor:  # fmt: skip
    """The transpose of `conv2d`, which makes images larger; arguments as there.

    Args:
        inputs: images (batch, height, width, channels).
        filters: the channels of the output.
        kernel_size: see `conv2d`, like all that follow.
        strides: see there.
        padding: see there.
        data_format: see there.
        activation: see there.
        use_bias: see there.
        kernel_initializer: see there.
        bias_initializer: see there.
        kernel_regularizer: see there.
        bias_regularizer: see there.
        activity_regularizer: see there.
        kernel_constraint: see there.
        bias_constraint: see there.
        trainable: see there.
        name: see there.
        reuse: see there.

    Returns:
        A tensor (batch, height * stride, width * stride, filters), for "same" padding.

    Example:
        >>> import labkit as tf
        >>> tf.layers.conv2d_transpose(tf.zeros([5, 7, 7, 64]), 32, 5, 2, "same").get_shape().as_list()
        [5, 14, 14, 32]
    """
    layer = Conv2DTranspose(
        filters, kernel_size, strides, padding, data_format, 1, activation, use_bias, kernel_initializer,
        bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint,
        bias_constraint, trainable, name, _reuse=reuse,
    )  # fmt: skip
    return layer(inputs)


def separable_conv2d(
    inputs: Any, filters: int, kernel_size: Any, strides: Any = (1, 1), padding: str = "valid",
    data_format: str = "channels_last", dilation_rate: Any = (1, 1), depth_multiplier: int = 1,
    activation: Any = None, use_bias: bool = True, depthwise_initializer: Any = None,
    pointwise_initializer: Any = None, bias_initializer: Any = None, depthwise_regularizer: Any = None,
    pointwise_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
    depthwise_constraint: Any = None, pointwise_constraint: Any = None, bias_constraint: Any = None,
    trainable: bool = True, name: str | None = None, reuse: Any = None,
) -> Tensor:  # fmt: skip
    """Filters each channel on its own, then mixes the channels: fewer weights than `conv2d`; arguments as there.

    Args:
        inputs: images (batch, height, width, channels).
        filters: the channels of the output.
        kernel_size: see `conv2d`, like all that is not named here.
        strides: see there.
        padding: see there.
        data_format: see there.
        dilation_rate: see there.
        depth_multiplier: how many filters per channel of the input.
        activation: see there.
        use_bias: see there.
        depthwise_initializer: of the first kernel (height, width, channels, depth_multiplier).
        pointwise_initializer: of the second kernel (1, 1, channels * depth_multiplier, filters).
        bias_initializer: see there.
        depthwise_regularizer: from the first kernel to a loss.
        pointwise_regularizer: from the second kernel to a loss.
        bias_regularizer: see there.
        activity_regularizer: see there.
        depthwise_constraint: as `kernel_constraint`.
        pointwise_constraint: as `kernel_constraint`.
        bias_constraint: see there.
        trainable: see there.
        name: see there.
        reuse: see there.

    Returns:
        A tensor (batch, new height, new width, filters).

    Example:
        >>> import labkit as tf
        >>> tf.layers.separable_conv2d(tf.zeros([5, 28, 28, 3]), 8, 3).get_shape().as_list()
        [5, 26, 26, 8]
    """
    layer = SeparableConv2D(
        filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
        depthwise_initializer, bias_initializer, depthwise_regularizer, bias_regularizer, activity_regularizer,
        depthwise_constraint, bias_constraint, trainable, name, _reuse=reuse,
    )  # fmt: skip
    layer.depth_multiplier = depth_multiplier
    layer.pointwise_options = (pointwise_initializer, pointwise_regularizer, pointwise_constraint)
    return layer(inputs)
