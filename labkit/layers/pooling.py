"""Pooling layers: `max_pooling1d`, `max_pooling2d`, `average_pooling1d`, `average_pooling2d`, and their classes.

Source: `tensorflow/python/layers/pooling.py` (1.4).
"""

from __future__ import annotations

from typing import Any

from labkit.graph import Tensor
from labkit.layers.base import Layer, check_rank
from labkit.nests import is_listed
from labkit.ops.array import expand_dims, squeeze
from labkit.ops.mean_pooling import avg_pool
from labkit.ops.pooling import max_pool


def pair(value: Any, what: str, count: int = 2) -> list[int]:
    """One size per spatial axis: a number stands for all of them.

    Raises:
        ValueError: if it is neither a number nor a list of `count` numbers.
    """
    sizes = [int(v) for v in value] if is_listed(value) else [int(value)] * count
    if len(sizes) != count:
        raise ValueError(f"{what} must be a number or {count} numbers, one per spatial axis, not {value!r}.")
    return sizes


def batched(spatial: list[int], data_format: str) -> list[int]:
    """Sizes of all four axes from those of the spatial ones."""
    return [1, 1, *spatial] if data_format == "channels_first" else [1, *spatial, 1]


def layout(data_format: str) -> str:
    """TensorFlow's name for where the channels are.

    Raises:
        ValueError: if `data_format` is neither of the two.
    """
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(f"data_format must be 'channels_last' or 'channels_first', not {data_format!r}.")
    return "NCHW" if data_format == "channels_first" else "NHWC"


class Pooling(Layer):
    """What the pooling layers share.

    Args:
        pool_size: sizes of the window, or one number for all.
        strides: steps between windows, likewise.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first".
        name: name of its scope.
        **kwargs: as for `Layer`.
    """

    def __init__(
        self, pool_size: Any, strides: Any, padding: str = "valid", data_format: str = "channels_last",
        name: str | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(name=name, **kwargs)
        self.pool_size, self.strides = pool_size, strides
        self.padding, self.data_format = padding.upper(), data_format
        self.form = layout(data_format)

    def windows(self, count: int) -> tuple[list[int], list[int]]:
        """Sizes and steps of the window, for so many spatial axes."""
        return pair(self.pool_size, "pool_size", count), pair(self.strides, "strides", count)


class _Pooling2D(Pooling):
    pool: Any = None

    def call(self, inputs: Any) -> Tensor:
        """The pooled images."""
        check_rank(inputs, 4, f"tf.layers.{self.kind}", "batch, height, width, channels")
        windows = [batched(sizes, self.data_format) for sizes in self.windows(2)]
        return type(self).pool(inputs, *windows, self.padding, self.form)


class _Pooling1D(Pooling):
    pool: Any = None

    def call(self, inputs: Any) -> Tensor:
        """The pooled sequences: images of width 1."""
        check_rank(inputs, 3, f"tf.layers.{self.kind}", "batch, length, channels")
        axis = 3 if self.data_format == "channels_first" else 2
        windows = [batched([*sizes, 1], self.data_format) for sizes in self.windows(1)]
        return squeeze(type(self).pool(expand_dims(inputs, axis), *windows, self.padding, self.form), [axis])


class MaxPooling1D(_Pooling1D):
    """The largest entry of each window of a sequence; see `tf.layers.max_pooling1d`.

    Example:
        >>> import labkit as tf
        >>> tf.layers.MaxPooling1D(2, 2)(tf.zeros([5, 8, 3])).get_shape().as_list()
        [5, 4, 3]
    """

    kind = "max_pooling1d"
    pool = staticmethod(max_pool)


class AveragePooling1D(_Pooling1D):
    """The mean of each window of a sequence; see `tf.layers.average_pooling1d`.

    Example:
        >>> import labkit as tf
        >>> tf.layers.AveragePooling1D(2, 2)(tf.zeros([5, 8, 3])).get_shape().as_list()
        [5, 4, 3]
    """

    kind = "average_pooling1d"
    pool = staticmethod(avg_pool)


class MaxPooling2D(_Pooling2D):
    """The largest entry of each window of an image; see `tf.layers.max_pooling2d`.

    Example:
        >>> import labkit as tf
        >>> tf.layers.MaxPooling2D(2, 2)(tf.zeros([5, 28, 28, 1])).get_shape().as_list()
        [5, 14, 14, 1]
    """

    kind = "max_pooling2d"
    pool = staticmethod(max_pool)


class AveragePooling2D(_Pooling2D):
    """The mean of each window of an image; see `tf.layers.average_pooling2d`.

    Example:
        >>> import labkit as tf
        >>> tf.layers.AveragePooling2D(4, 4)(tf.zeros([5, 28, 28, 1])).get_shape().as_list()
        [5, 7, 7, 1]
    """

    kind = "average_pooling2d"
    pool = staticmethod(avg_pool)


def max_pooling2d(
    inputs: Any, pool_size: Any, strides: Any, padding: str = "valid", data_format: str = "channels_last",
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """The largest entry of each window of an image.

    Args:
        inputs: images (batch, height, width, channels).
        pool_size: height and width of the window, or one number for both.
        strides: steps between windows, likewise.
        padding: "valid" or "same".
        data_format: "channels_last", or "channels_first" for (batch, channels, height, width).
        name: name of the scope.

    Returns:
        A tensor (batch, new height, new width, channels).

    Example:
        >>> import labkit as tf
        >>> tf.layers.max_pooling2d(tf.zeros([5, 28, 28, 1]), [2, 2], 2).get_shape().as_list()
        [5, 14, 14, 1]
    """
    return MaxPooling2D(pool_size, strides, padding, data_format, name)(inputs)


def average_pooling2d(
    inputs: Any, pool_size: Any, strides: Any, padding: str = "valid", data_format: str = "channels_last",
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """The mean of each window of an image.

    Args:
        inputs: images (batch, height, width, channels).
        pool_size: height and width of the window, or one number for both.
        strides: steps between windows, likewise.
        padding: "valid" or "same".
        data_format: "channels_last", or "channels_first" for (batch, channels, height, width).
        name: name of the scope.

    Returns:
        A tensor (batch, new height, new width, channels).

    Example:
        >>> import labkit as tf
        >>> tf.layers.average_pooling2d(tf.zeros([5, 28, 28, 1]), 4, 4).get_shape().as_list()
        [5, 7, 7, 1]
    """
    return AveragePooling2D(pool_size, strides, padding, data_format, name)(inputs)


def max_pooling1d(
    inputs: Any, pool_size: Any, strides: Any, padding: str = "valid", data_format: str = "channels_last",
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """The largest entry of each window of a sequence.

    Args:
        inputs: sequences (batch, length, channels).
        pool_size: length of the window.
        strides: steps between windows.
        padding: "valid" or "same".
        data_format: "channels_last", or "channels_first" for (batch, channels, length).
        name: name of the scope.

    Returns:
        A tensor (batch, new length, channels).

    Example:
        >>> import labkit as tf
        >>> tf.layers.max_pooling1d(tf.zeros([5, 8, 3]), 2, 2).get_shape().as_list()
        [5, 4, 3]
    """
    return MaxPooling1D(pool_size, strides, padding, data_format, name)(inputs)


def average_pooling1d(
    inputs: Any, pool_size: Any, strides: Any, padding: str = "valid", data_format: str = "channels_last",
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """The mean of each window of a sequence.

    Args:
        inputs: sequences (batch, length, channels).
        pool_size: length of the window.
        strides: steps between windows.
        padding: "valid" or "same".
        data_format: "channels_last", or "channels_first" for (batch, channels, length).
        name: name of the scope.

    Returns:
        A tensor (batch, new length, channels).

    Example:
        >>> import labkit as tf
        >>> tf.layers.average_pooling1d(tf.zeros([5, 8, 3]), 2, 2).get_shape().as_list()
        [5, 4, 3]
    """
    return AveragePooling1D(pool_size, strides, padding, data_format, name)(inputs)
