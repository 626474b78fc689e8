"""Pooling layers: `max_pooling1d`, `max_pooling2d`, `average_pooling1d`, `average_pooling2d`.

Source: `tensorflow/python/layers/pooling.py` (1.4).
"""

from __future__ import annotations

from typing import Any

from labkit.graph import Tensor, get_default_graph
from labkit.layers.base import check_rank
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


def _pool2d(pool: Any, inputs: Any, pool_size: Any, strides: Any, padding: str, data_format: str, name: str) -> Tensor:
    graph = get_default_graph()
    with graph.name_scope(name):
        x = graph.as_tensor(inputs)
        form = layout(data_format)
        check_rank(x, 4, f"tf.layers.{name.rpartition('/')[2]}", "batch, height, width, channels")
        window = batched(pair(pool_size, "pool_size"), data_format)
        return pool(x, window, batched(pair(strides, "strides"), data_format), padding.upper(), form)


def _pool1d(pool: Any, inputs: Any, pool_size: Any, strides: Any, padding: str, data_format: str, name: str) -> Tensor:
    graph = get_default_graph()
    with graph.name_scope(name):
        x = graph.as_tensor(inputs)
        form = layout(data_format)
        check_rank(x, 3, f"tf.layers.{name.rpartition('/')[2]}", "batch, length, channels")
        axis = 3 if data_format == "channels_first" else 2
        window = [*pair(pool_size, "pool_size", 1), 1]
        steps = [*pair(strides, "strides", 1), 1]
        tall = expand_dims(x, axis)
        pooled = pool(tall, batched(window, data_format), batched(steps, data_format), padding.upper(), form)
        return squeeze(pooled, [axis])


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
    return _pool2d(max_pool, inputs, pool_size, strides, padding, data_format, name or "max_pooling2d")


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
    return _pool2d(avg_pool, inputs, pool_size, strides, padding, data_format, name or "average_pooling2d")


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
    return _pool1d(max_pool, inputs, pool_size, strides, padding, data_format, name or "max_pooling1d")


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
    return _pool1d(avg_pool, inputs, pool_size, strides, padding, data_format, name or "average_pooling1d")
