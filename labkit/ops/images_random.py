"""Images changed at random, so that a network sees more of them: `tf.image.random_flip_left_right` and its kin.

The numbers come from `tf.random_uniform`, with its rules for seeds; they are TensorFlow's where its random ops are the
same.

Source: `tensorflow/python/ops/image_ops_impl.py` (1.4).
"""

from __future__ import annotations

from typing import Any

from labkit.errors import InvalidArgumentError
from labkit.graph import Tensor
from labkit.ops.conditional import cond
from labkit.ops.images import flip_left_right, flip_up_down, image_tensor
from labkit.ops.images_color import adjust_brightness, adjust_contrast, adjust_hue, adjust_saturation
from labkit.ops.random import random_uniform


def random_flip_left_right(image: Any, seed: int | None = None) -> Tensor:
    """The image or its mirror image, equally likely.

    Args:
        image: (height, width, channels); `tf.map_fn` for a batch.
        seed: makes the choice reproducible; see `tf.get_seed`.

    Returns:
        A tensor of the same shape.

    Example:
        >>> import labkit as tf
        >>> tf.image.random_flip_left_right(tf.zeros([28, 28, 1])).shape.as_list()
        [28, 28, 1]
    """
    pixels = image_tensor(image, (3,))
    with pixels.graph.name_scope("random_flip_left_right"):
        heads = random_uniform([], 0, 1.0, seed=seed) < 0.5
        return cond(heads, lambda: flip_left_right(pixels), lambda: pixels)


def random_flip_up_down(image: Any, seed: int | None = None) -> Tensor:
    """The image or its reflection in water, equally likely; arguments as for `random_flip_left_right`.

    Example:
        >>> import labkit as tf
        >>> tf.image.random_flip_up_down(tf.zeros([28, 28, 1])).shape.as_list()
        [28, 28, 1]
    """
    pixels = image_tensor(image, (3,))
    with pixels.graph.name_scope("random_flip_up_down"):
        heads = random_uniform([], 0, 1.0, seed=seed) < 0.5
        return cond(heads, lambda: flip_up_down(pixels), lambda: pixels)


def random_brightness(image: Any, max_delta: float, seed: int | None = None) -> Tensor:
    """`tf.image.adjust_brightness` by a random number from -max_delta to max_delta.

    Args:
        image: an image or several.
        max_delta: not negative.
        seed: makes the number reproducible; see `tf.get_seed`.

    Returns:
        A tensor of the same dtype and shape.

    Example:
        >>> import labkit as tf
        >>> tf.image.random_brightness(tf.zeros([28, 28, 1]), 0.2).shape.as_list()
        [28, 28, 1]
    """
    if max_delta < 0:
        raise InvalidArgumentError(None, None, f"max_delta is {max_delta}, and it cannot be negative.")
    return adjust_brightness(image, random_uniform([], -max_delta, max_delta, seed=seed))


def _ordered(lower: float, upper: float) -> None:
    if upper <= lower or lower < 0:
        raise InvalidArgumentError(None, None, f"0 <= lower < upper is needed, and they are {lower} and {upper}.")


def random_contrast(image: Any, lower: float, upper: float, seed: int | None = None) -> Tensor:
    """`tf.image.adjust_contrast` by a random factor.

    Args:
        image: an image or several.
        lower: the smallest factor.
        upper: the largest.
        seed: makes the factor reproducible; see `tf.get_seed`.

    Returns:
        A tensor of the same dtype and shape.

    Example:
        >>> import labkit as tf
        >>> tf.image.random_contrast(tf.zeros([28, 28, 1]), 0.5, 1.5).shape.as_list()
        [28, 28, 1]
    """
    _ordered(lower, upper)
    return adjust_contrast(image, random_uniform([], lower, upper, seed=seed))


def random_hue(image: Any, max_delta: float, seed: int | None = None) -> Tensor:
    """`tf.image.adjust_hue` by a random number from -max_delta to max_delta.

    Args:
        image: the last axis of size 3.
        max_delta: 0 to 0.5.
        seed: makes the number reproducible; see `tf.get_seed`.

    Returns:
        A tensor of the same dtype and shape.

    Example:
        >>> import labkit as tf
        >>> tf.image.random_hue(tf.zeros([28, 28, 3]), 0.1).shape.as_list()
        [28, 28, 3]
    """
    if not 0 <= max_delta <= 0.5:
        raise InvalidArgumentError(None, None, f"max_delta is {max_delta}; it must be from 0 to 0.5.")
    return adjust_hue(image, random_uniform([], -max_delta, max_delta, seed=seed))


def random_saturation(image: Any, lower: float, upper: float, seed: int | None = None) -> Tensor:
    """`tf.image.adjust_saturation` by a random factor; arguments as for `random_contrast`.

    Example:
        >>> import labkit as tf
        >>> tf.image.random_saturation(tf.zeros([28, 28, 3]), 0.5, 1.5).shape.as_list()
        [28, 28, 3]
    """
    _ordered(lower, upper)
    return adjust_saturation(image, random_uniform([], lower, upper, seed=seed))
