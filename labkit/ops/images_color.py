"""Colours of images: grey, hue and saturation, brightness, contrast, gamma; and the dtypes that images have.

An image of floats has values from 0 to 1, one of integers from 0 to the largest of its dtype. The `adjust_` functions
convert to float32, change, and convert back, cutting off what goes beyond the largest value.

Source: `tensorflow/python/ops/image_ops_impl.py`, `core/kernels/colorspace_op.h` (1.4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp

from labkit.dtypes import DType, DTypeLike, as_dtype, float32
from labkit.errors import InvalidArgumentError, ShapeError
from labkit.graph import Op, Operation, Spec, Tensor, apply, graph_of, op
from labkit.ops.array import expand_dims, identity
from labkit.ops.bases import FLOATS, Array, vjp
from labkit.ops.conversion import saturate_cast
from labkit.ops.exponential import pow as power
from labkit.ops.joining import concat
from labkit.ops.magnitude import clip_by_value
from labkit.ops.math import cast
from labkit.ops.reduce import reduce_mean, reduce_sum
from labkit.ops.stacking import unstack
from labkit.ops.tiling import tile
from labkit.shapes import merge, shape_text


class Colours(Op):
    """Base of the ops between colour spaces: the last axis has three channels."""

    args = ("images",)
    allowed = FLOATS

    def infer(self, images: Spec) -> Spec:
        shape = images.shape
        if shape is not None and (not shape or shape[-1] not in (3, None)):
            raise ShapeError(
                f"the last axis must hold red, green and blue, and the shape is {shape_text(shape)}.\n"
                "  Try: tf.image.grayscale_to_rgb(images) for grey ones."
            )
        return Spec(images.dtype, None if shape is None else merge(shape, (*shape[:-1], 3)))

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return vjp(node, grad)


@op
class RGBToHSV(Colours):
    """Red, green, blue to hue, saturation, value; all from 0 to 1."""

    def kernel(self, images: Array) -> Array:
        red, green, blue = images[..., 0], images[..., 1], images[..., 2]
        value = jnp.maximum(jnp.maximum(red, green), blue)
        spread = value - jnp.minimum(jnp.minimum(red, green), blue)
        saturation = jnp.where(value > 0, spread / jnp.where(value > 0, value, 1), 0)
        sixth = 1 / (6 * jnp.where(spread > 0, spread, 1))
        hue = jnp.where(
            red == value,
            sixth * (green - blue),
            jnp.where(green == value, sixth * (blue - red) + 2 / 6, sixth * (red - green) + 4 / 6),
        )
        hue = jnp.where(spread > 0, hue, 0)
        return jnp.stack([jnp.where(hue < 0, hue + 1, hue), saturation, value], -1)


@op
class HSVToRGB(Colours):
    """Hue, saturation, value to red, green, blue."""

    def kernel(self, images: Array) -> Array:
        hue, saturation, value = images[..., 0], images[..., 1], images[..., 2]
        sixths = hue * 6
        pure = (jnp.abs(sixths - 3) - 1, 2 - jnp.abs(sixths - 2), 2 - jnp.abs(sixths - 4))
        channels = [((jnp.clip(c, 0, 1) - 1) * saturation + 1) * value for c in pure]
        return jnp.stack(channels, -1)


def rgb_to_hsv(images: Any, name: str | None = None) -> Tensor:
    """Red, green, blue to hue, saturation, value.

    Args:
        images: floats from 0 to 1, the last axis of size 3.
        name: name of the node.

    Returns:
        A tensor of the same shape; all values from 0 to 1.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.image.rgb_to_hsv([[0.0, 1.0, 0.5]]))
        array([[0.4166667, 1.       , 1.       ]], dtype=float32)
    """
    return apply(RGBToHSV(), images, name=name)


def hsv_to_rgb(images: Any, name: str | None = None) -> Tensor:
    """Hue, saturation, value to red, green, blue; arguments as for `rgb_to_hsv`.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.image.hsv_to_rgb([[0.0, 0.5, 1.0]]))
        array([[1. , 0.5, 0.5]], dtype=float32)
    """
    return apply(HSVToRGB(), images, name=name)


def convert_image_dtype(image: Any, dtype: DTypeLike, saturate: bool = False, name: str | None = None) -> Tensor:
    """An image in another dtype, its values scaled: floats from 0 to 1, integers from 0 to the largest.

    Args:
        image: an image.
        dtype: the wanted dtype.
        saturate: cut off what is too large instead of wrapping around.
        name: name of the nodes.

    Returns:
        A tensor of the same shape.

    Example:
        >>> import labkit as tf
        >>> image = tf.constant([0, 51, 255], tf.uint8)
        >>> tf.Session().run(tf.image.convert_image_dtype(image, tf.float32)).round(4)
        array([0. , 0.2, 1. ], dtype=float32)
    """
    wanted = as_dtype(dtype)
    graph = graph_of([image])
    pixels = graph.as_tensor(image, None, "image")
    if pixels.dtype is wanted:
        return identity(pixels, name=name)
    with graph.name_scope(name or "convert_image") as scope:
        return _converted(pixels, wanted, saturate, scope)


def _converted(image: Tensor, wanted: DType, saturate: bool, scope: str) -> Tensor:
    if image.dtype.is_integer and wanted.is_integer:
        before, after = image.dtype.max, wanted.max
        if before > after:  # divide first, so that nothing overflows
            scaled = image // ((before + 1) // (after + 1))
            return saturate_cast(scaled, wanted, name=scope) if saturate else cast(scaled, wanted, name=scope)
        widened = saturate_cast(image, wanted) if saturate else cast(image, wanted)
        return widened * ((after + 1) // (before + 1))
    if image.dtype.is_floating and wanted.is_floating:
        return cast(image, wanted, name=scope)
    if image.dtype.is_integer:
        return cast(image, wanted) * (1.0 / image.dtype.max)
    scaled = image * (wanted.max + 0.5)
    return saturate_cast(scaled, wanted, name=scope) if saturate else cast(scaled, wanted, name=scope)


def _in_floats(image: Any, name: str, change: Callable[[Tensor], Tensor]) -> Tensor:
    """`change` of the image as floats from 0 to 1, back in its own dtype."""
    graph = graph_of([image])
    with graph.name_scope(name):
        original = identity(graph.as_tensor(image, None, "image"))
        floats = convert_image_dtype(original, float32)
        return convert_image_dtype(change(floats), original.dtype, saturate=True)


def rgb_to_grayscale(images: Any, name: str | None = None) -> Tensor:
    """Grey images from coloured ones: 0.2989 red + 0.5870 green + 0.1140 blue.

    Args:
        images: the last axis of size 3.
        name: name of the nodes.

    Returns:
        A tensor of the same dtype and rank, the last axis of size 1.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.image.rgb_to_grayscale([[0.0, 1.0, 0.5]])).round(3)
        array([[0.644]], dtype=float32)
    """
    graph = graph_of([images])
    with graph.name_scope(name or "rgb_to_grayscale"):
        original = graph.as_tensor(images, None, "images")
        floats = convert_image_dtype(original, float32)
        grey = reduce_sum(floats * [0.2989, 0.5870, 0.1140], -1, keep_dims=True)
        return convert_image_dtype(grey, original.dtype)


def grayscale_to_rgb(images: Any, name: str | None = None) -> Tensor:
    """Images with three equal channels from grey ones.

    Args:
        images: the last axis of size 1.
        name: name of the nodes.

    Returns:
        A tensor of the same dtype and rank, the last axis of size 3.

    Example:
        >>> import labkit as tf
        >>> tf.image.grayscale_to_rgb(tf.zeros([28, 28, 1])).shape.as_list()
        [28, 28, 3]
    """
    graph = graph_of([images])
    with graph.name_scope(name or "grayscale_to_rgb") as scope:
        grey = graph.as_tensor(images, None, "images")
        rank = known_rank(grey)
        if grey.shape.as_list()[-1] not in (1, None):
            raise ShapeError(f"a grey image has one channel, and the shape is {shape_text(grey.static_shape)}.")
        return tile(grey, [1] * (rank - 1) + [3], name=scope)


def known_rank(images: Tensor) -> int:
    """The rank of images, which must be known.

    Raises:
        ShapeError: if it is not.
    """
    if images.static_shape is None:
        raise ShapeError(
            f"the rank of {images.name!r} is unknown.\n  Try: image.set_shape([None, None, 3]) after decode_image."
        )
    return len(images.static_shape)


def adjust_brightness(image: Any, delta: Any) -> Tensor:
    """A brighter or darker image.

    Args:
        image: an image or several.
        delta: what is added to all values, on a scale from 0 to 1.

    Returns:
        A tensor of the same dtype and shape.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.image.adjust_brightness(tf.constant([0, 100, 250], tf.uint8), 0.1))
        array([ 25, 125, 255], dtype=uint8)
    """
    return _in_floats(image, "adjust_brightness", lambda x: x + cast(graph_of([image]).as_tensor(delta), float32))


def adjust_contrast(images: Any, contrast_factor: Any) -> Tensor:
    """An image with more or less contrast: the distance of each value from its channel's mean times the factor.

    Args:
        images: (..., height, width, channels).
        contrast_factor: a number.

    Returns:
        A tensor of the same dtype and shape.

    Example:
        >>> import labkit as tf
        >>> image = tf.constant([[[0.25], [0.75]]])
        >>> tf.Session().run(tf.image.adjust_contrast(image, 2.0))[0, :, 0]
        array([0., 1.], dtype=float32)
    """

    def change(x: Tensor) -> Tensor:
        rank = known_rank(x)
        mean = reduce_mean(x, [rank - 3, rank - 2], keep_dims=True)
        return (x - mean) * contrast_factor + mean

    return _in_floats(images, "adjust_contrast", change)


def adjust_gamma(image: Any, gamma: Any = 1, gain: Any = 1) -> Tensor:
    """`gain * image ** gamma`, on a scale from 0 to 1.

    Args:
        image: an image or several.
        gamma: above 1 darkens, below 1 brightens; not negative.
        gain: a factor.

    Returns:
        A tensor of the same dtype and shape.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.image.adjust_gamma(tf.constant([0.25, 1.0]), 0.5))
        array([0.5, 1. ], dtype=float32)
    """
    if isinstance(gamma, (int, float)) and gamma < 0:
        raise InvalidArgumentError(None, None, f"gamma is {gamma}, and it cannot be negative.")
    exponent = float(gamma) if isinstance(gamma, int) else gamma
    return _in_floats(image, "adjust_gamma", lambda x: power(x, exponent) * gain)


def adjust_hue(image: Any, delta: Any, name: str | None = None) -> Tensor:
    """An image with its colours turned around the circle of hues.

    Args:
        image: the last axis of size 3.
        delta: how far to turn, -1 to 1.
        name: name of the nodes.

    Returns:
        A tensor of the same dtype and shape.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.image.adjust_hue(tf.constant([[[1.0, 0.0, 0.0]]]), 1 / 3)).round(4)
        array([[[0., 1., 0.]]], dtype=float32)
    """

    def change(x: Tensor) -> Tensor:
        hue, saturation, value = unstack(rgb_to_hsv(x), 3, -1)
        turned = (hue + (cast(graph_of([image]).as_tensor(delta), float32) + 1.0)) % 1.0
        return hsv_to_rgb(concat([expand_dims(channel, -1) for channel in (turned, saturation, value)], -1))

    return _in_floats(image, name or "adjust_hue", change)


def adjust_saturation(image: Any, saturation_factor: Any, name: str | None = None) -> Tensor:
    """An image with stronger or paler colours.

    Args:
        image: the last axis of size 3.
        saturation_factor: 0 makes it grey, 1 leaves it as it is.
        name: name of the nodes.

    Returns:
        A tensor of the same dtype and shape.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.image.adjust_saturation(tf.constant([[[1.0, 0.5, 0.5]]]), 0.0))
        array([[[1., 1., 1.]]], dtype=float32)
    """

    def change(x: Tensor) -> Tensor:
        hue, saturation, value = unstack(rgb_to_hsv(x), 3, -1)
        stronger = clip_by_value(saturation * saturation_factor, 0.0, 1.0)
        return hsv_to_rgb(concat([expand_dims(channel, -1) for channel in (hue, stronger, value)], -1))

    return _in_floats(image, name or "adjust_saturation", change)
