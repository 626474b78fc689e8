"""Images of another size: `tf.image.resize_images` and its four methods.

Row i of the result looks at row `i * scale` of the input, where scale is input size / output size: the corners of
pixels lie on whole numbers, as in all of TensorFlow 1 (later versions look at the middle of pixels). With
`align_corners` scale is (input size - 1) / (output size - 1), so that first and last rows stay where they are.

    bilinear    between the 2 x 2 nearest pixels, by distance
    nearest     the pixel on the upper left
    bicubic     from 4 x 4 pixels, by Keys' cubic with a = -0.75
    area        the mean of the rectangle that a pixel of the result covers

Example:
    >>> import labkit as tf
    >>> image = tf.constant([[[0.0], [1.0]]])
    >>> tf.Session().run(tf.image.resize_images(image, [1, 4]))[0, :, 0]
    array([0. , 0.5, 1. , 1. ], dtype=float32)

Source: `tensorflow/core/kernels/resize_*_op.cc`, `image_resizer_state.h`, `python/ops/image_ops_impl.py` (1.4);
R. Keys: "Cubic convolution interpolation for digital image processing" (1981).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from labkit.dtypes import DType, float32, int32
from labkit.errors import InvalidArgumentError, ShapeError
from labkit.graph import Op, Operation, Spec, Tensor, apply, constant_value, graph_of, op
from labkit.ops.array import expand_dims, squeeze
from labkit.ops.bases import REALS, Array, vjp
from labkit.shapes import Shape, shape_text

Static = np.ndarray[Any, Any]


class ResizeMethod:
    """The ways to resize an image.

    Example:
        >>> import labkit as tf
        >>> tf.image.ResizeMethod.NEAREST_NEIGHBOR
        1
    """

    BILINEAR = 0
    NEAREST_NEIGHBOR = 1
    BICUBIC = 2
    AREA = 3


def _scale(before: int, after: int, align_corners: bool) -> np.float32:
    if align_corners and after > 1:
        return np.float32(before - 1) / np.float32(after - 1)
    return np.float32(before) / np.float32(after)


def _places(before: int, after: int, align_corners: bool) -> Static:
    """Where each row of the result looks, in rows of the input."""
    return np.arange(after, dtype=np.float32) * _scale(before, after, align_corners)


class Resize(Op):
    """Base of the ops that resize: images (batch, height, width, channels), and the new height and width."""

    align_corners: bool = False

    args = ("images", "size:int32")
    allowed = REALS
    static_inputs = (1,)
    result: ClassVar[DType | None] = float32

    def infer(self, images: Spec, size: Spec) -> Spec:
        dtype = self.result or images.dtype
        shape: Shape = images.shape
        if shape is not None and len(shape) != 4:
            raise ShapeError(
                f"images have the shape (batch, height, width, channels), and this is {shape_text(shape)}.\n"
                "  Try: tf.image.resize_images, which takes a single image too."
            )
        sizes = (None, None) if size.value is None else size.value
        if len(sizes) != 2 or any(n is not None and n <= 0 for n in sizes):
            raise ShapeError(f"the size of an image is (height, width), both positive, and not {list(sizes)}.")
        batch, channels = (None, None) if shape is None else (shape[0], shape[3])
        return Spec(dtype, (batch, sizes[0], sizes[1], channels))

    def kernel(self, images: Array, size: Static) -> Array:
        height, width = (int(n) for n in size)
        if 0 in images.shape[1:3]:
            raise ShapeError("an image without pixels cannot be resized.")
        return self.along(self.along(self.prepared(images), 1, height), 2, width)

    def prepared(self, images: Array) -> Array:
        """The images in the dtype of the computation."""
        return images.astype(np.float32)

    def along(self, x: Array, axis: int, after: int) -> Array:
        """Resizes one axis."""
        raise NotImplementedError


@op
class ResizeBilinear(Resize):
    """Between the nearest pixels, by distance."""

    align_corners: bool = False

    def along(self, x: Array, axis: int, after: int) -> Array:
        before = x.shape[axis]
        places = _places(before, after, self.align_corners)
        low = np.minimum(places.astype(np.int64), before - 1)
        high = np.minimum(low + 1, before - 1)
        part = (places - low.astype(np.float32)).reshape([-1 if i == axis else 1 for i in range(4)])
        first = jnp.take(x, low, axis)
        return first + (jnp.take(x, high, axis) - first) * part

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return vjp(node, grad)


@op
class ResizeNearestNeighbor(Resize):
    """The nearest pixel towards the upper left; the nearest of all with `align_corners`."""

    align_corners: bool = False

    result = None

    def prepared(self, images: Array) -> Array:
        return images

    def along(self, x: Array, axis: int, after: int) -> Array:
        places = _places(x.shape[axis], after, self.align_corners)
        rows = np.floor(places + np.float32(0.5)) if self.align_corners else np.floor(places)
        return jnp.take(x, np.minimum(rows.astype(np.int64), x.shape[axis] - 1), axis)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return vjp(node, grad)


_STEPS = 1024  # TensorFlow rounds distances to so many parts of a pixel
_A = -0.75


def _near(x: Static) -> Static:
    """Keys' cubic within a pixel."""
    return ((_A + 2) * x - (_A + 3)) * x * x + 1


def _far(x: Static) -> Static:
    """Keys' cubic between one and two pixels away."""
    return ((_A * x - 5 * _A) * x + 8 * _A) * x - 4 * _A


@op
class ResizeBicubic(Resize):
    """From 4 x 4 pixels, by Keys' cubic."""

    align_corners: bool = False

    def along(self, x: Array, axis: int, after: int) -> Array:
        before = x.shape[axis]
        places = _places(before, after, self.align_corners)
        low = places.astype(np.int64)
        part = (np.rint((places - low.astype(np.float32)) * _STEPS) / _STEPS).astype(np.float32)
        weights = (_far(part + 1), _near(part), _near(1 - part), _far(2 - part))
        total = jnp.zeros((), x.dtype)
        for offset, weight in zip((-1, 0, 1, 2), weights, strict=True):
            rows = jnp.take(x, np.clip(low + offset, 0, before - 1), axis)
            total = total + rows * weight.astype(np.float32).reshape([-1 if i == axis else 1 for i in range(4)])
        return total

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return vjp(node, grad)


@op
class ResizeArea(Resize):
    """The mean of what a pixel of the result covers."""

    align_corners: bool = False

    def along(self, x: Array, axis: int, after: int) -> Array:
        before = x.shape[axis]
        scale = _scale(before, after, self.align_corners)
        start = _places(before, after, self.align_corners)[:, None]
        rows = np.arange(before + int(np.ceil(scale)) + 1, dtype=np.float32)[None, :]
        covered = np.maximum(np.minimum(start + scale, rows + 1) - np.maximum(start, rows), 0) / scale
        weights = np.zeros((after, before), np.float32)
        for row in range(covered.shape[1]):  # what lies beyond the edge counts as the edge
            weights[:, min(row, before - 1)] += covered[:, row]
        moved = jnp.moveaxis(x, axis, -1)
        return jnp.moveaxis(jnp.matmul(moved, weights.T, precision="highest"), -1, axis)


def _resized(kind: Op, images: Any, size: Any, name: str | None) -> Tensor:
    graph = graph_of([images, size])
    return apply(kind, graph.as_tensor(images, None, "images"), size, name=name)


def resize_bilinear(images: Any, size: Any, align_corners: bool = False, name: str | None = None) -> Tensor:
    """Images of another size, between the nearest pixels by distance.

    Args:
        images: (batch, height, width, channels), of numbers.
        size: the new (height, width), int32.
        align_corners: keep the first and last rows and columns where they are.
        name: name of the node.

    Returns:
        A float32 tensor (batch, new height, new width, channels).

    Gradient: to the pixels that were looked at, by their weights.

    Example:
        >>> import labkit as tf
        >>> tf.image.resize_bilinear(tf.zeros([5, 28, 28, 1]), [14, 14]).shape.as_list()
        [5, 14, 14, 1]
    """
    return _resized(ResizeBilinear(align_corners), images, size, name)


def resize_nearest_neighbor(images: Any, size: Any, align_corners: bool = False, name: str | None = None) -> Tensor:
    """Images of another size, each pixel one of the input; arguments as for `resize_bilinear`, the dtype stays.

    Example:
        >>> import labkit as tf
        >>> image = tf.constant([[[[1], [2]]]])
        >>> tf.Session().run(tf.image.resize_nearest_neighbor(image, [1, 4]))[0, 0, :, 0]
        array([1, 1, 2, 2], dtype=int32)
    """
    return _resized(ResizeNearestNeighbor(align_corners), images, size, name)


def resize_bicubic(images: Any, size: Any, align_corners: bool = False, name: str | None = None) -> Tensor:
    """Images of another size, smoothly, from 4 x 4 pixels; arguments as for `resize_bilinear`.

    Example:
        >>> import labkit as tf
        >>> tf.image.resize_bicubic(tf.zeros([1, 4, 4, 3]), [8, 8]).shape.as_list()
        [1, 8, 8, 3]
    """
    return _resized(ResizeBicubic(align_corners), images, size, name)


def resize_area(images: Any, size: Any, align_corners: bool = False, name: str | None = None) -> Tensor:
    """Images of another size, each pixel the mean of what it covers; arguments as for `resize_bilinear`. No gradient.

    Example:
        >>> import labkit as tf
        >>> image = tf.constant([[[[1.0], [3.0], [5.0], [7.0]]]])
        >>> tf.Session().run(tf.image.resize_area(image, [1, 2]))[0, 0, :, 0]
        array([2., 6.], dtype=float32)
    """
    return _resized(ResizeArea(align_corners), images, size, name)


_METHODS = {
    ResizeMethod.BILINEAR: resize_bilinear,
    ResizeMethod.NEAREST_NEIGHBOR: resize_nearest_neighbor,
    ResizeMethod.BICUBIC: resize_bicubic,
    ResizeMethod.AREA: resize_area,
}


def resize_images(images: Any, size: Any, method: Any = ResizeMethod.BILINEAR, align_corners: bool = False) -> Tensor:
    """An image, or a batch of them, of another size.

    Args:
        images: (height, width, channels) or (batch, height, width, channels).
        size: the new (height, width), int32.
        method: one of `tf.image.ResizeMethod`.
        align_corners: keep the first and last rows and columns where they are.

    Returns:
        A tensor of the same rank: float32, except that `NEAREST_NEIGHBOR` keeps the dtype, and so does an image that
        has the size already.

    Raises:
        ShapeError: if the rank is neither 3 nor 4.

    Example:
        >>> import labkit as tf
        >>> tf.image.resize_images(tf.zeros([28, 28, 3]), [14, 7]).shape.as_list()
        [14, 7, 3]
    """
    graph = graph_of([images, size])
    with graph.name_scope("resize_images"):
        pixels = graph.as_tensor(images, None, "images")
        shape = pixels.static_shape
        if shape is None or len(shape) not in (3, 4):
            raise ShapeError(
                f"images have the shape (height, width, channels), perhaps with the batch in front, and this is "
                f"{shape_text(shape)}.\n  Try: image.set_shape([None, None, 3]) where the shape was lost."
            )
        if method not in _METHODS:
            raise InvalidArgumentError(None, None, f"{method!r} is none of tf.image.ResizeMethod.")
        wanted = graph.as_tensor(size, int32, "size")
        known = constant_value(wanted)
        if known is not None and tuple(known.tolist()) == shape[-3:-1]:
            return pixels
        batch = expand_dims(pixels, 0) if len(shape) == 3 else pixels
        result = _METHODS[method](batch, wanted, align_corners)
        return squeeze(result, [0]) if len(shape) == 3 else result
