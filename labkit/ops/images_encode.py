"""Images as files: `tf.image.encode_png`, `tf.image.encode_jpeg`.

Pillow writes the formats, on the host. `labkit.ops.images_decode` reads them.

Source: `tensorflow/core/kernels/encode_png_op.cc`, `encode_jpeg_op.cc` (1.4).
"""

from __future__ import annotations

import io
from typing import Any, ClassVar

import numpy as np

from labkit.dtypes import string, uint8, uint16
from labkit.errors import InvalidArgumentError, ShapeError
from labkit.graph import Spec, Tensor, apply, op
from labkit.ops.host import HostOp, NumpyArray
from labkit.shapes import shape_text


class Encodes(HostOp):
    """Base of the ops that write one image."""

    args = ("image",)
    allowed = frozenset([uint8])
    counts: ClassVar[tuple[int, ...]] = (1, 3)

    def infer(self, image: Spec) -> Spec:
        shape = image.shape
        if shape is not None and (len(shape) != 3 or shape[2] not in (None, *self.counts)):
            raise ShapeError(
                f"an image is (height, width, channels) with {', '.join(map(str, self.counts))} channels, and "
                f"the shape is {shape_text(shape)}."
            )
        return Spec(string, ())

    @staticmethod
    def picture(image: NumpyArray) -> Any:
        """Pillow's image of the numbers."""
        from PIL import Image

        array = np.ascontiguousarray(image)
        return Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)


@op
class EncodePng(Encodes):
    """Numbers as a PNG image."""

    compression: int = -1

    allowed = frozenset([uint8, uint16])
    counts = (1, 2, 3, 4)

    def kernel(self, image: NumpyArray) -> NumpyArray:
        array = np.asarray(image)
        if array.dtype == np.uint16 and array.shape[2] != 1:
            raise InvalidArgumentError(None, None, "PNG images of 16 bits can be written in grey only.")
        out = io.BytesIO()
        self.picture(array).save(out, "PNG", compress_level=6 if self.compression < 0 else self.compression)
        return np.array(out.getvalue(), object)


def encode_png(image: Any, compression: int = -1, name: str | None = None) -> Tensor:
    """Numbers as a PNG image.

    Args:
        image: (height, width, channels), uint8 with 1 to 4 channels, or uint16 with one.
        compression: 0 none to 9 best; -1 a good one.
        name: name of the node.

    Returns:
        A scalar string, what a file would hold.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.image.encode_png(tf.zeros([2, 2, 1], tf.uint8)))[1:4]
        b'PNG'
    """
    if not -1 <= compression <= 9:
        raise InvalidArgumentError(None, None, f"compression is {compression}; it must be from -1 to 9.")
    return apply(EncodePng(compression), image, name=name)


@op
class EncodeJpeg(Encodes):
    """Numbers as a JPEG image."""

    quality: int = 95
    progressive: bool = False
    optimize_size: bool = False
    chroma_downsampling: bool = True

    def kernel(self, image: NumpyArray) -> NumpyArray:
        out = io.BytesIO()
        self.picture(np.asarray(image)).save(
            out, "JPEG", quality=self.quality, progressive=self.progressive, optimize=self.optimize_size,
            subsampling=2 if self.chroma_downsampling else 0,
        )  # fmt: skip
        return np.array(out.getvalue(), object)


def encode_jpeg(
    image: Any, format: str = "", quality: int = 95, progressive: bool = False, optimize_size: bool = False,
    chroma_downsampling: bool = True, density_unit: str = "in", x_density: int = 300, y_density: int = 300,
    xmp_metadata: str = "", name: str | None = None,
) -> Tensor:  # fmt: skip
    """Numbers as a JPEG image.

    Args:
        image: uint8, (height, width, 1) or (height, width, 3).
        format: "", "grayscale" or "rgb"; it must fit the channels.
        quality: 0 to 100.
        progressive: an image that appears coarse at first.
        optimize_size: a smaller file, more slowly.
        chroma_downsampling: keep colours at half the resolution.
        density_unit: kept for TensorFlow's signature, as are the next three.
        x_density: unused.
        y_density: unused.
        xmp_metadata: unused.
        name: name of the node.

    Returns:
        A scalar string, what a file would hold.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.image.encode_jpeg(tf.zeros([8, 8, 3], tf.uint8)))[:2].hex()
        'ffd8'
    """
    if not 0 <= quality <= 100:
        raise InvalidArgumentError(None, None, f"quality is {quality}; it must be from 0 to 100.")
    return apply(EncodeJpeg(quality, progressive, optimize_size, chroma_downsampling), image, name=name)
