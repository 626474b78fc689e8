"""Images as they are: cut, padded, flipped, turned, standardized. `tf.image` is the table of contents.

An image is (height, width, channels), a batch of them (batch, height, width, channels). None of these is an op of its
own: each is a function over slicing, padding, reversing and arithmetic, so all have gradients.

Source: `tensorflow/python/ops/image_ops_impl.py` (1.4).
"""

from __future__ import annotations

from typing import Any

from labkit.dtypes import float32
from labkit.errors import InvalidArgumentError, ShapeError
from labkit.graph import Tensor, graph_of
from labkit.ops.array import expand_dims, identity, squeeze
from labkit.ops.division import divide
from labkit.ops.exponential import sqrt
from labkit.ops.images_color import known_rank
from labkit.ops.layout import transpose
from labkit.ops.magnitude import abs as absolute
from labkit.ops.magnitude import maximum
from labkit.ops.math import cast, square
from labkit.ops.padding import pad
from labkit.ops.reduce import reduce_mean, reduce_sum
from labkit.ops.shaping import shape as shape_of
from labkit.ops.slicing import reverse
from labkit.ops.slicing import slice as slice_of
from labkit.shapes import shape_text


def image_tensor(image: Any, ranks: tuple[int, ...] = (3, 4)) -> Tensor:
    """`image` as a tensor of one of these ranks.

    Raises:
        ShapeError: if the rank is unknown or another.
    """
    pixels = graph_of([image]).as_tensor(image, None, "image")
    if known_rank(pixels) not in ranks:
        forms = {3: "(height, width, channels)", 4: "(batch, height, width, channels)"}
        wanted = " or ".join(forms[rank] for rank in ranks)
        advice = "tf.map_fn(f, images) does it for each image of a batch." if ranks == (3,) else ""
        raise ShapeError(f"an image has the shape {wanted}, and this is {shape_text(pixels.static_shape)}.", advice)
    return pixels


def sides(pixels: Tensor) -> tuple[Any, Any]:
    """Height and width: numbers where they are known, else scalar tensors."""
    static = pixels.static_shape
    assert static is not None  # image_tensor saw to it
    found = [static[-3], static[-2]]
    if None in found:
        sizes = shape_of(pixels)
        found = [sizes[i - 3] if n is None else n for i, n in enumerate(found)]
    return found[0], found[1]


def crop_to_bounding_box(
    image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any
) -> Tensor:
    """A rectangle of an image.

    Args:
        image: an image or a batch of them.
        offset_height: the first row.
        offset_width: the first column.
        target_height: how many rows.
        target_width: how many columns.

    Returns:
        A tensor of the same rank.

    Raises:
        InvalidArgumentError: if the rectangle is not inside the image.

    Example:
        >>> import labkit as tf
        >>> tf.image.crop_to_bounding_box(tf.zeros([28, 28, 1]), 4, 4, 20, 20).shape.as_list()
        [20, 20, 1]
    """
    pixels = image_tensor(image)
    height, width = sides(pixels)
    for what, offset, size, whole in (
        ("rows", offset_height, target_height, height), ("columns", offset_width, target_width, width),
    ):  # fmt: skip
        numbers = [n for n in (offset, size, whole) if isinstance(n, int)]
        if len(numbers) == 3 and (offset < 0 or size < 0 or offset + size > whole):
            raise InvalidArgumentError(
                None, None, f"{what} {offset} to {offset + size} were asked for, and the image has {whole} {what}."
            )
    front = [0] * (known_rank(pixels) - 3)
    with pixels.graph.name_scope("crop_to_bounding_box"):
        return slice_of(
            pixels, [*front, offset_height, offset_width, 0], [*(-1 for _ in front), target_height, target_width, -1]
        )


def pad_to_bounding_box(
    image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any
) -> Tensor:
    """An image inside a larger one of zeros.

    Args:
        image: an image or a batch of them.
        offset_height: rows of zeros above.
        offset_width: columns of zeros on the left.
        target_height: rows of the result.
        target_width: columns of the result.

    Returns:
        A tensor of the same rank.

    Raises:
        InvalidArgumentError: if the image does not fit.

    Example:
        >>> import labkit as tf
        >>> tf.image.pad_to_bounding_box(tf.zeros([20, 20, 1]), 4, 4, 28, 28).shape.as_list()
        [28, 28, 1]
    """
    pixels = image_tensor(image)
    height, width = sides(pixels)
    below, right = target_height - offset_height - height, target_width - offset_width - width
    if any(isinstance(n, int) and n < 0 for n in (offset_height, offset_width, below, right)):
        raise InvalidArgumentError(
            None, None, f"an image of {height} x {width} at ({offset_height}, {offset_width}) does not fit into "
            f"{target_height} x {target_width}."
        )  # fmt: skip
    front = [[0, 0]] * (known_rank(pixels) - 3)
    with pixels.graph.name_scope("pad_to_bounding_box"):
        return pad(pixels, [*front, [offset_height, below], [offset_width, right], [0, 0]])


def resize_image_with_crop_or_pad(image: Any, target_height: Any, target_width: Any) -> Tensor:
    """An image of another size without scaling: cut in the middle, or with zeros around.

    Args:
        image: an image or a batch of them.
        target_height: rows of the result.
        target_width: columns of the result.

    Returns:
        A tensor of the same rank.

    Raises:
        InvalidArgumentError: if a size is not positive.

    Example:
        >>> import labkit as tf
        >>> tf.image.resize_image_with_crop_or_pad(tf.zeros([28, 40, 3]), 32, 32).shape.as_list()
        [32, 32, 3]
    """
    pixels = image_tensor(image)
    if any(isinstance(n, int) and n <= 0 for n in (target_height, target_width)):
        raise InvalidArgumentError(None, None, f"the size must be positive: {target_height} x {target_width}.")
    with pixels.graph.name_scope("resize_image_with_crop_or_pad"):
        height, width = sides(pixels)
        down, right = target_height - height, target_width - width
        cut = crop_to_bounding_box(
            pixels, _at_least_0(-down) // 2, _at_least_0(-right) // 2,
            _smaller(target_height, height), _smaller(target_width, width),
        )  # fmt: skip
        return pad_to_bounding_box(cut, _at_least_0(down) // 2, _at_least_0(right) // 2, target_height, target_width)


def _at_least_0(n: Any) -> Any:
    return max(n, 0) if isinstance(n, int) else maximum(n, 0)


def _smaller(a: Any, b: Any) -> Any:
    return min(a, b) if isinstance(a, int) and isinstance(b, int) else a - _at_least_0(a - b)


def central_crop(image: Any, central_fraction: float) -> Tensor:
    """The middle of an image.

    Args:
        image: (height, width, channels), the sizes known.
        central_fraction: how much of each side to keep, 0 < fraction <= 1.

    Returns:
        A tensor of the same rank.

    Example:
        >>> import labkit as tf
        >>> tf.image.central_crop(tf.zeros([28, 28, 1]), 0.5).shape.as_list()
        [14, 14, 1]
    """
    if not 0.0 < central_fraction <= 1.0:
        raise InvalidArgumentError(None, None, f"central_fraction is {central_fraction}; it must be in (0, 1].")
    pixels = image_tensor(image)
    height, width = sides(pixels)
    if not isinstance(height, int) or not isinstance(width, int):
        raise ShapeError("tf.image.central_crop needs an image of known size.", "image.set_shape([28, 28, 1]).")
    down, right = (int((n - n * central_fraction) / 2) for n in (height, width))
    return crop_to_bounding_box(pixels, down, right, height - 2 * down, width - 2 * right)


def flip_left_right(image: Any) -> Tensor:
    """The mirror image, left and right exchanged.

    Args:
        image: (height, width, channels), or a batch of them.

    Returns:
        A tensor of the same shape.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.image.flip_left_right([[[1], [2]]]))[0, :, 0]
        array([2, 1], dtype=int32)
    """
    pixels = image_tensor(image)
    return reverse(pixels, [known_rank(pixels) - 2])


def flip_up_down(image: Any) -> Tensor:
    """The image upside down; arguments as for `flip_left_right`.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.image.flip_up_down([[[1]], [[2]]]))[:, 0, 0]
        array([2, 1], dtype=int32)
    """
    pixels = image_tensor(image)
    return reverse(pixels, [known_rank(pixels) - 3])


def transpose_image(image: Any) -> Tensor:
    """The image with rows and columns exchanged; arguments as for `flip_left_right`.

    Example:
        >>> import labkit as tf
        >>> tf.image.transpose_image(tf.zeros([28, 20, 1])).shape.as_list()
        [20, 28, 1]
    """
    pixels = image_tensor(image)
    front = list(range(known_rank(pixels) - 3))
    first = len(front)
    return transpose(pixels, [*front, first + 1, first, first + 2], name="transpose_image")


def rot90(image: Any, k: int = 1, name: str | None = None) -> Tensor:
    """The image turned by 90 degrees, counter-clockwise.

    Args:
        image: (height, width, channels), or a batch of them.
        k: how often to turn it, a number.
        name: name of the nodes.

    Returns:
        A tensor of the same rank.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.image.rot90([[[1], [2]]]))[:, 0, 0]
        array([2, 1], dtype=int32)
    """
    if not isinstance(k, int):  # pyright: ignore[reportUnnecessaryIsInstance]  # TensorFlow takes a tensor too
        raise InvalidArgumentError(None, None, f"k must be a number here, not {k!r}.\n  Try: tf.case for a random one.")
    pixels = image_tensor(image)
    with pixels.graph.name_scope(name or "rot90"):
        turns = k % 4
        if turns == 0:
            return identity(pixels)
        if turns == 1:
            return transpose_image(flip_left_right(pixels))
        if turns == 2:
            return flip_up_down(flip_left_right(pixels))
        return flip_left_right(transpose_image(pixels))


def per_image_standardization(image: Any) -> Tensor:
    """The image with mean 0 and standard deviation 1: each image of a batch by itself.

    A standard deviation below 1 / sqrt(number of values) counts as that, so that a flat image gives zeros.

    Args:
        image: an image or a batch of them.

    Returns:
        A float32 tensor of the same shape.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.image.per_image_standardization([[[1], [3]]]))[0, :, 0]
        array([-1.,  1.], dtype=float32)
    """
    pixels = image_tensor(image)
    with pixels.graph.name_scope("per_image_standardization") as scope:
        rank = known_rank(pixels)
        axes = [rank - 3, rank - 2, rank - 1]
        floats = cast(pixels, float32)
        sizes = shape_of(pixels)
        count = cast(sizes[rank - 3] * sizes[rank - 2] * sizes[rank - 1], float32)
        mean = reduce_mean(floats, axes, keep_dims=True)
        variance = maximum(reduce_mean(square(floats), axes, keep_dims=True) - square(mean), 0.0)
        deviation = maximum(sqrt(variance), 1.0 / sqrt(count))
        return divide(floats - mean, deviation, name=scope)


def total_variation(images: Any, name: str | None = None) -> Tensor:
    """How much an image changes from pixel to pixel: the sum of the absolute differences of neighbours.

    Args:
        images: an image or a batch of them.
        name: name of the nodes.

    Returns:
        A scalar, or one value per image of the batch.

    Example:
        >>> import labkit as tf
        >>> float(tf.Session().run(tf.image.total_variation([[[1.0], [3.0]], [[1.0], [3.0]]])))
        4.0
    """
    pixels = image_tensor(images)
    with pixels.graph.name_scope(name or "total_variation"):
        batch = expand_dims(pixels, 0) if known_rank(pixels) == 3 else pixels
        down = absolute(batch[:, 1:] - batch[:, :-1])
        right = absolute(batch[:, :, 1:] - batch[:, :, :-1])
        sums = reduce_sum(down, [1, 2, 3]) + reduce_sum(right, [1, 2, 3])
        return squeeze(sums, [0]) if known_rank(pixels) == 3 else sums
