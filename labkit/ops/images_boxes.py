"""Boxes in images: drawn, chosen among overlapping ones, cut out and scaled, sampled.

A box is four numbers, [y_min, x_min, y_max, x_max], each from 0 to 1: parts of the height and of the width.

Source: `tensorflow/core/kernels/draw_bounding_box_op.cc`, `non_max_suppression_op.cc`, `crop_and_resize_op.cc`,
`sample_distorted_bounding_box_op.cc` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from labkit.dtypes import float16, float32, int32, int64
from labkit.errors import InvalidArgumentError, ShapeError
from labkit.graph import Op, Operation, Spec, Tensor, apply, apply_node, graph_of, op
from labkit.ops import philox
from labkit.ops.bases import REALS, Array, vjp
from labkit.ops.host import HostOp, NumpyArray
from labkit.ops.random import get_seed
from labkit.shapes import shape_text

# Yellow, blue, red, lime, purple, olive, maroon, navy, aqua, fuchsia.
_COLOURS = [
    (1, 1, 0, 1), (0, 0, 1, 1), (1, 0, 0, 1), (0, 1, 0, 1), (0.5, 0, 0.5, 1), (0.5, 0.5, 0, 1), (0.5, 0, 0, 1),
    (0, 0, 0.5, 1), (0, 1, 1, 1), (1, 0, 1, 1),
]  # fmt: skip


@op
class DrawBoundingBoxes(HostOp):
    """Images with the outlines of boxes."""

    args = ("images", "boxes:float32")
    allowed = frozenset([float32, float16])

    def infer(self, images: Spec, boxes: Spec) -> Spec:
        if images.shape is not None and (len(images.shape) != 4 or images.shape[3] not in (1, 3, 4, None)):
            raise ShapeError(
                "images are (batch, height, width, channels) with 1, 3 or 4 channels, and the shape is "
                f"{shape_text(images.shape)}.\n  Try: tf.expand_dims(image, 0) for a single image."
            )
        if boxes.shape is not None and (len(boxes.shape) != 3 or boxes.shape[2] not in (4, None)):
            raise ShapeError(f"boxes are (batch, boxes, 4), and the shape is {shape_text(boxes.shape)}.")
        return Spec(images.dtype, images.shape)

    def kernel(self, images: NumpyArray, boxes: NumpyArray) -> NumpyArray:
        result = np.array(images)
        _, height, width, channels = result.shape
        every: NumpyArray = np.asarray(boxes)
        for image, of_image in zip(result, every, strict=True):
            for number, box in enumerate(of_image):
                colour = np.ones(1) if channels == 1 else np.array(_COLOURS[number % len(_COLOURS)][:channels])
                edges = np.array([height - 1, width - 1] * 2, np.float32)
                top, left, bottom, right = (box * edges).astype(np.int64)
                if top > bottom or left > right or top >= height or bottom < 0 or left >= width or right < 0:
                    continue
                rows, columns = slice(max(top, 0), bottom + 1), slice(max(left, 0), right + 1)
                for row in (top, bottom):
                    if 0 <= row < height:
                        image[row, columns] = colour
                for column in (left, right):
                    if 0 <= column < width:
                        image[rows, column] = colour
        return result


def draw_bounding_boxes(images: Any, boxes: Any, name: str | None = None) -> Tensor:
    """Images with the outlines of boxes, each in another colour.

    Args:
        images: (batch, height, width, channels), floats.
        boxes: (batch, boxes, 4), [y_min, x_min, y_max, x_max] as parts of the sides.
        name: name of the node.

    Returns:
        A tensor like `images`.

    Example:
        >>> import labkit as tf
        >>> drawn = tf.image.draw_bounding_boxes(tf.zeros([1, 3, 3, 1]), [[[0.0, 0.0, 1.0, 1.0]]])
        >>> tf.Session().run(drawn)[0, :, :, 0]
        array([[1., 1., 1.], [1., 0., 1.], [1., 1., 1.]], dtype=float32)
    """
    return apply(DrawBoundingBoxes(), images, boxes, name=name)


@op
class NonMaxSuppression(HostOp):
    """Numbers of the best boxes that do not overlap much."""

    iou_threshold: float = 0.5

    args = ("boxes:float32", "scores:float32", "max_output_size:int32")

    def infer(self, boxes: Spec, scores: Spec, count: Spec) -> Spec:
        for what, spec, rank in (("boxes", boxes, 2), ("scores", scores, 1)):
            if spec.shape is not None and len(spec.shape) != rank:
                raise ShapeError(f"{what} must have rank {rank}, and the shape is {shape_text(spec.shape)}.")
        return Spec(int32, (None,))

    def kernel(self, boxes: NumpyArray, scores: NumpyArray, count: NumpyArray) -> NumpyArray:
        corners = np.asarray(boxes, np.float32)
        low = np.minimum(corners[:, :2], corners[:, 2:])
        high = np.maximum(corners[:, :2], corners[:, 2:])
        area = np.prod(high - low, 1)
        chosen: list[int] = []
        for candidate in np.argsort(-np.asarray(scores), kind="stable"):
            if len(chosen) >= int(count):
                break
            inside = np.minimum(high[candidate], high[chosen]) - np.maximum(low[candidate], low[chosen])
            shared = np.prod(np.maximum(inside, 0), 1)
            union = area[candidate] + area[chosen] - shared
            overlap = np.where((area[candidate] > 0) & (area[chosen] > 0), shared / np.where(union > 0, union, 1), 0)
            if not (overlap > self.iou_threshold).any():
                chosen.append(int(candidate))
        return np.array(chosen, np.int32)


def non_max_suppression(
    boxes: Any, scores: Any, max_output_size: Any, iou_threshold: float = 0.5, name: str | None = None
) -> Tensor:
    """The best of overlapping boxes: from the highest score down, each that overlaps no better one too much.

    Args:
        boxes: (boxes, 4), two opposite corners each, float32.
        scores: (boxes,), float32.
        max_output_size: how many at most, a scalar.
        iou_threshold: how much two boxes may overlap: the area of both over the area of either.
        name: name of the node.

    Returns:
        An int32 vector of numbers of boxes; `tf.gather` takes them.

    Example:
        >>> import labkit as tf
        >>> boxes = [[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.9], [0.0, 2.0, 1.0, 3.0]]
        >>> tf.Session().run(tf.image.non_max_suppression(boxes, [0.8, 0.9, 0.1], 5))
        array([1, 2], dtype=int32)
    """
    return apply(NonMaxSuppression(float(iou_threshold)), boxes, scores, max_output_size, name=name)


@op
class CropAndResize(Op):
    """Boxes cut out of images and brought to one size, by distance between the nearest pixels."""

    extrapolation_value: float = 0.0

    args = ("image", "boxes:float32", "box_ind:int32", "crop_size:int32")
    allowed = REALS
    static_inputs = (3,)

    def infer(self, image: Spec, boxes: Spec, box_ind: Spec, crop_size: Spec) -> Spec:
        for what, spec, rank in (("the images", image, 4), ("the boxes", boxes, 2), ("box_ind", box_ind, 1)):
            if spec.shape is not None and len(spec.shape) != rank:
                raise ShapeError(f"{what} must have rank {rank}, and the shape is {shape_text(spec.shape)}.")
        sizes = (None, None) if crop_size.value is None else crop_size.value
        count = boxes.shape[0] if boxes.shape is not None else None
        if count is None and box_ind.shape is not None:
            count = box_ind.shape[0]
        return Spec(float32, (count, *sizes, None if image.shape is None else image.shape[3]))

    def kernel(self, image: Array, boxes: Array, box_ind: Array, crop_size: NumpyArray) -> Array:
        pixels = image.astype(np.float32)[box_ind]
        rows = _lines(boxes[:, 0], boxes[:, 2], image.shape[1], int(crop_size[0]))
        columns = _lines(boxes[:, 1], boxes[:, 3], image.shape[2], int(crop_size[1]))
        result = _between(_between(pixels, rows, 1), columns, 2)
        inside = ((rows >= 0) & (rows <= image.shape[1] - 1))[:, :, None, None]
        inside &= ((columns >= 0) & (columns <= image.shape[2] - 1))[:, None, :, None]
        return jnp.where(inside, result, np.float32(self.extrapolation_value))

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return vjp(node, grad)


def _lines(start: Array, end: Array, size: int, count: int) -> Array:
    """Where each box looks along one axis, in pixels: (boxes, count)."""
    if count == 1:
        return (0.5 * (start + end) * (size - 1))[:, None]
    step = (end - start) * (size - 1) / (count - 1)
    return start[:, None] * (size - 1) + np.arange(count, dtype=np.float32) * step[:, None]


def _between(pixels: Array, places: Array, axis: int) -> Array:
    """Values between neighbours along an axis, for each box at its own places."""
    size = pixels.shape[axis]
    floor = jnp.floor(places)
    low = jnp.clip(floor.astype(np.int32), 0, size - 1)
    high = jnp.clip(jnp.ceil(places).astype(np.int32), 0, size - 1)
    wide = [1] * pixels.ndim
    wide[0], wide[axis] = places.shape

    def take(index: Array) -> Array:
        return jnp.take_along_axis(pixels, index.reshape(wide), axis)

    first = take(low)
    return first + (take(high) - first) * (places - floor).reshape(wide)


def crop_and_resize(
    image: Any, boxes: Any, box_ind: Any, crop_size: Any, method: str = "bilinear", extrapolation_value: float = 0,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """Boxes cut out of images and brought to one size.

    Args:
        image: (batch, height, width, channels), of numbers.
        boxes: (boxes, 4), [y_min, x_min, y_max, x_max] as parts of the sides; corners exchanged mirror the image.
        box_ind: (boxes,), int32: which image of the batch each box is cut from.
        crop_size: (height, width) of the results, int32.
        method: "bilinear".
        extrapolation_value: what stands outside of the image.
        name: name of the node.

    Returns:
        A float32 tensor (boxes, height, width, channels).

    Gradient: to the images and the boxes.

    Example:
        >>> import labkit as tf
        >>> image = tf.reshape(tf.range(9.0), [1, 3, 3, 1])
        >>> cut = tf.image.crop_and_resize(image, [[0.0, 0.0, 0.5, 0.5]], [0], [2, 2])
        >>> tf.Session().run(cut)[0, :, :, 0]
        array([[0., 1.], [3., 4.]], dtype=float32)
    """
    if method != "bilinear":
        raise InvalidArgumentError(None, None, f"the method is 'bilinear', not {method!r}.")
    return apply(CropAndResize(float(extrapolation_value)), image, boxes, box_ind, crop_size, name=name)


@op
class SampleDistortedBoundingBox(HostOp):
    """A random box that covers enough of one of the given boxes."""

    seed: int | None = None
    seed2: int | None = None
    min_object_covered: float = 0.1
    aspect_ratio_range: tuple[float, float] = (0.75, 1.33)
    area_range: tuple[float, float] = (0.05, 1.0)
    max_attempts: int = 100
    use_image_if_no_bounding_boxes: bool = False

    args = ("image_size:index", "bounding_boxes:float32")

    def infer(self, image_size: Spec, boxes: Spec) -> tuple[Spec, ...]:
        if boxes.shape is not None and (len(boxes.shape) != 3 or boxes.shape[2] not in (4, None)):
            raise ShapeError(f"bounding_boxes are (1, boxes, 4), and the shape is {shape_text(boxes.shape)}.")
        return Spec(image_size.dtype, (3,)), Spec(image_size.dtype, (3,)), Spec(float32, (1, 1, 4))

    def initial_state(self) -> NumpyArray:
        return philox.initial_state(self.seed, self.seed2)

    def kernel(self, image_size: NumpyArray, boxes: NumpyArray, state: NumpyArray) -> tuple[Any, ...]:
        words = np.asarray(state)
        rng = np.random.default_rng(words.tolist())
        after = words.copy()
        after[2] += 1
        sizes = np.asarray(image_size)
        height, width = int(sizes[0]), int(sizes[1])
        given = np.asarray(boxes, np.float64).reshape(-1, 4)
        if not len(given):
            if not self.use_image_if_no_bounding_boxes:
                raise InvalidArgumentError(
                    None, None, "there are no bounding boxes.\n  Try: use_image_if_no_bounding_boxes=True."
                )
            given = np.array([[0.0, 0.0, 1.0, 1.0]])
        top, left, rows, columns = self._box(rng, height, width, given)
        begin = np.array([top, left, 0], sizes.dtype)
        size = np.array([rows, columns, -1], sizes.dtype)
        corners = np.array([top / height, left / width, (top + rows) / height, (left + columns) / width], np.float32)
        return begin, size, corners.reshape(1, 1, 4), after

    def _box(self, rng: Any, height: int, width: int, given: NumpyArray) -> tuple[int, int, int, int]:
        """Top, left, height and width of a box; the whole image if none was found."""
        objects = np.round(given * [height, width, height, width])
        for _ in range(self.max_attempts):
            area = rng.uniform(*self.area_range) * height * width
            ratio = rng.uniform(*self.aspect_ratio_range)
            rows, columns = round((area / ratio) ** 0.5), round((area * ratio) ** 0.5)
            if not (0 < rows <= height and 0 < columns <= width):
                continue
            top, left = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
            for y0, x0, y1, x1 in objects:
                covered = max(min(top + rows, y1) - max(top, y0), 0) * max(min(left + columns, x1) - max(left, x0), 0)
                if covered >= self.min_object_covered * (y1 - y0) * (x1 - x0):
                    return top, left, rows, columns
        return 0, 0, height, width


def sample_distorted_bounding_box(
    image_size: Any, bounding_boxes: Any, seed: int | None = None, seed2: int | None = None,
    min_object_covered: float | None = None, aspect_ratio_range: Sequence[float] | None = None,
    area_range: Sequence[float] | None = None, max_attempts: int | None = None,
    use_image_if_no_bounding_boxes: bool | None = None, name: str | None = None,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """A random box of an image that covers enough of one of the given boxes.

    Give `begin` and `size` to `tf.slice`. A seed makes the boxes reproducible, but they are not TensorFlow's.

    Args:
        image_size: (height, width, channels), for example `tf.shape(image)`.
        bounding_boxes: (1, boxes, 4), [y_min, x_min, y_max, x_max] as parts of the sides.
        seed: see `tf.get_seed`.
        seed2: kept for TensorFlow's signature.
        min_object_covered: how much of a box must be covered; 0.1 if None.
        aspect_ratio_range: width / height, (0.75, 1.33) if None.
        area_range: of the image's area, (0.05, 1) if None.
        max_attempts: after so many, the whole image; 100 if None.
        use_image_if_no_bounding_boxes: take the whole image for the box if there is none.
        name: name of the node.

    Returns:
        (begin, size, bboxes): the first three of tf.slice's arguments, and the box as (1, 1, 4) for
        `tf.image.draw_bounding_boxes`.

    Example:
        >>> import labkit as tf
        >>> begin, size, box = tf.image.sample_distorted_bounding_box([20, 30, 3], [[[0.0, 0.0, 1.0, 1.0]]], seed=1)
        >>> [t.shape.as_list() for t in (begin, size, box)]
        [[3], [3], [1, 1, 4]]
    """
    kind = SampleDistortedBoundingBox(
        *get_seed(seed),
        0.1 if min_object_covered is None else float(min_object_covered),
        _range(aspect_ratio_range, (0.75, 1.33)),
        _range(area_range, (0.05, 1.0)),
        100 if max_attempts is None else int(max_attempts),
        bool(use_image_if_no_bounding_boxes),
    )
    graph = graph_of([image_size, bounding_boxes])
    sizes = graph.as_tensor(image_size, None, "image_size")
    if sizes.dtype not in (int32, int64):
        raise InvalidArgumentError(None, None, f"image_size holds integers, not {sizes.dtype.name}.")
    begin, size, box = apply_node(kind, sizes, bounding_boxes, name=name).outputs
    return begin, size, box


def _range(given: Sequence[float] | None, default: tuple[float, float]) -> tuple[float, float]:
    return default if given is None else (float(given[0]), float(given[1]))
