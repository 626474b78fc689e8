"""Layers of volumes, or of films: `conv3d`, `conv3d_transpose`, `max_pooling3d`, `average_pooling3d`.

Example:
    >>> import labkit as tf
    >>> film = tf.zeros([2, 8, 16, 16, 3])
    >>> tf.layers.max_pooling3d(tf.layers.conv3d(film, 4, 3), 2, 2).get_shape().as_list()
    [2, 3, 7, 7, 4]

Source: `tensorflow/python/layers/convolutional.py` and `pooling.py` (1.4).
"""

from __future__ import annotations

from typing import Any

from labkit.graph import Tensor
from labkit.layers.base import activated, check_rank
from labkit.layers.conv import Convolution
from labkit.layers.pooling import Pooling, batched
from labkit.ops.array import reshape
from labkit.ops.conv_variants import conv3d_transpose as conv3d_transpose_of
from labkit.ops.conv_variants import convolution
from labkit.ops.mean_pooling import avg_pool3d
from labkit.ops.nn import bias_add
from labkit.ops.pooling import max_pool3d
from labkit.ops.shaping import shape

AXES = "batch, depth, height, width, channels"


def _layout(data_format: str) -> str:
    return "NCDHW" if data_format == "channels_first" else "NDHWC"


class Conv3D(Convolution):
    """A convolution over volumes; see `tf.layers.conv3d`.

    Example:
        >>> import labkit as tf
        >>> tf.layers.Conv3D(4, 3)(tf.zeros([2, 8, 16, 16, 3])).get_shape().as_list()
        [2, 6, 14, 14, 4]
    """

    kind = "conv3d"
    rank = 3
    axes = AXES

    def finished(self, outputs: Tensor) -> Tensor:
        """Adds the bias and applies the activation."""
        if self.bias is not None and self.data_format == "channels_first":
            outputs = outputs + reshape(self.bias, [1, self.filters, 1, 1, 1])
        elif self.bias is not None:
            outputs = bias_add(outputs, self.bias)
        return activated(outputs, self.activation)

    def call(self, inputs: Any) -> Tensor:
        """The filtered volumes."""
        return self.finished(
            convolution(
                inputs, self.kernel, self.padding, self.strides, self.dilation_rate,
                data_format=_layout(self.data_format),
            )
        )  # fmt: skip


class Conv3DTranspose(Conv3D):
    """The transpose of a convolution over volumes; see `tf.layers.conv3d_transpose`.

    Example:
        >>> import labkit as tf
        >>> tf.layers.Conv3DTranspose(4, 2, 2)(tf.zeros([2, 3, 4, 5, 1])).get_shape().as_list()
        [2, 6, 8, 10, 4]
    """

    kind = "conv3d_transpose"

    def kernel_shape(self, channels: int) -> list[int]:
        """The shape of the kernel: outputs before inputs, because it is the transpose."""
        return [*self.kernel_size, self.filters, channels]

    def call(self, inputs: Any) -> Tensor:
        """The larger volumes."""
        known = inputs.shape.as_list()
        now: list[Any] = [shape(inputs)[i] if size is None else size for i, size in enumerate(known)]
        first = 2 if self.data_format == "channels_first" else 1
        spatial: list[Any] = []
        for i, (size, step) in enumerate(zip(self.kernel_size, self.strides, strict=True)):
            spatial.append(now[first + i] * step + (max(size - step, 0) if self.padding == "VALID" else 0))
        channels_first = self.data_format == "channels_first"
        wanted = [now[0], self.filters, *spatial] if channels_first else [now[0], *spatial, self.filters]
        steps, form = batched(self.strides, self.data_format), _layout(self.data_format)
        return self.finished(conv3d_transpose_of(inputs, self.kernel, wanted, steps, self.padding, form))


def conv3d(
    inputs: Any, filters: int, kernel_size: Any, strides: Any = (1, 1, 1), padding: str = "valid",
    data_format: str = "channels_last", dilation_rate: Any = (1, 1, 1), activation: Any = None, use_bias: bool = True,
    kernel_initializer: Any = None, bias_initializer: Any = None, kernel_regularizer: Any = None,
    bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
    bias_constraint: Any = None, trainable: bool = True, name: str | None = None, reuse: Any = None,
) -> Tensor:  # fmt: skip
    """Filters volumes: activation(convolution with the kernel + bias).

    Args:
        inputs: volumes (batch, depth, height, width, channels).
        filters: how many filters: the channels of the output.
        kernel_size: depth, height and width of a filter, or one number for all.
        strides: steps between places, likewise.
        padding: as for `tf.layers.conv2d`, like all that follow.
        data_format: "channels_last", or "channels_first" for (batch, channels, depth, height, width).
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
        A tensor (batch, new depth, new height, new width, filters).

    Raises:
        ShapeError: if the rank is not 5 or the number of channels is unknown.

    Example:
        >>> import labkit as tf
        >>> tf.layers.conv3d(tf.zeros([2, 8, 16, 16, 3]), 4, 3, padding="same").get_shape().as_list()
        [2, 8, 16, 16, 4]
    """
    layer = Conv3D(
        filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, kernel_initializer,
        bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint,
        bias_constraint, trainable, name, _reuse=reuse,
    )  # fmt: skip
    return layer(inputs)


def conv3d_transpose(
    inputs: Any, filters: int, kernel_size: Any, strides: Any = (1, 1, 1), padding: str = "valid",
    data_format: str = "channels_last", activation: Any = None, use_bias: bool = True, kernel_initializer: Any = None,
    bias_initializer: Any = None, kernel_regularizer: Any = None, bias_regularizer: Any = None,
    activity_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None,
    trainable: bool = True, name: str | None = None, reuse: Any = None,
) -> Tensor:  # fmt: skip
    """The transpose of `tf.layers.conv3d`, which makes volumes `strides` times larger.

    Args:
        inputs: volumes (batch, depth, height, width, channels).
        filters: channels of the output.
        kernel_size: as for `tf.layers.conv3d`, like all that follow.
        strides: how many times larger the volume becomes.
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

    Example:
        >>> import labkit as tf
        >>> tf.layers.conv3d_transpose(tf.zeros([2, 3, 4, 5, 1]), 4, 2, 2).get_shape().as_list()
        [2, 6, 8, 10, 4]
    """
    layer = Conv3DTranspose(
        filters, kernel_size, strides, padding, data_format, 1, activation, use_bias, kernel_initializer,
        bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint,
        bias_constraint, trainable, name, _reuse=reuse,
    )  # fmt: skip
    return layer(inputs)


class _Pooling3D(Pooling):
    """What the pooling layers of volumes share."""

    pool: Any = None

    def call(self, inputs: Any) -> Tensor:
        """The pooled volumes."""
        check_rank(inputs, 5, f"tf.layers.{self.kind}", AXES)
        windows = [batched(sizes, self.data_format) for sizes in self.windows(3)]
        return type(self).pool(inputs, *windows, self.padding, _layout(self.data_format))


class MaxPooling3D(_Pooling3D):
    """The largest entry of each window of a volume; see `tf.layers.max_pooling3d`.

    Example:
        >>> import labkit as tf
        >>> tf.layers.MaxPooling3D(2, 2)(tf.zeros([1, 4, 6, 8, 3])).get_shape().as_list()
        [1, 2, 3, 4, 3]
    """

    kind = "max_pooling3d"
    pool = staticmethod(max_pool3d)


class AveragePooling3D(_Pooling3D):
    """The mean of each window of a volume; see `tf.layers.average_pooling3d`.

    Example:
        >>> import labkit as tf
        >>> tf.layers.AveragePooling3D(2, 2)(tf.zeros([1, 4, 6, 8, 3])).get_shape().as_list()
        [1, 2, 3, 4, 3]
    """

    kind = "average_pooling3d"
    pool = staticmethod(avg_pool3d)


def max_pooling3d(
    inputs: Any, pool_size: Any, strides: Any, padding: str = "valid", data_format: str = "channels_last",
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """The largest entry of each window of a volume.

    Args:
        inputs: volumes (batch, depth, height, width, channels).
        pool_size: depth, height and width of the window, or one number for all.
        strides: steps between windows, likewise.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first".
        name: name of the scope.

    Example:
        >>> import labkit as tf
        >>> tf.layers.max_pooling3d(tf.zeros([1, 4, 6, 8, 3]), 2, 2).get_shape().as_list()
        [1, 2, 3, 4, 3]
    """
    return MaxPooling3D(pool_size, strides, padding, data_format, name)(inputs)


def average_pooling3d(
    inputs: Any, pool_size: Any, strides: Any, padding: str = "valid", data_format: str = "channels_last",
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """The mean of each window of a volume.

    Args:
        inputs: as for `tf.layers.max_pooling3d`, like all that follow.
        pool_size: see there.
        strides: see there.
        padding: see there.
        data_format: see there.
        name: see there.

    Example:
        >>> import labkit as tf
        >>> tf.layers.average_pooling3d(tf.zeros([1, 4, 6, 8, 3]), 2, 2).get_shape().as_list()
        [1, 2, 3, 4, 3]
    """
    return AveragePooling3D(pool_size, strides, padding, data_format, name)(inputs)
