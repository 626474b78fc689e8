"""Images in files: `tf.image.decode_png`, `decode_jpeg`, `decode_gif`, `decode_bmp`.

Pillow reads the formats, on the host. PNG, GIF and BMP have exactly the pixels that TensorFlow reads; those
of a JPEG may differ by a few steps of 255, because libraries round differently, and so may the grey of a colour.

Example:
    >>> import labkit as tf
    >>> png = tf.image.encode_png(tf.constant([[[0], [255]]], tf.uint8))
    >>> tf.Session().run(tf.image.decode_png(png))[0, :, 0]
    array([  0, 255], dtype=uint8)

Source: `tensorflow/core/kernels/decode_image_op.cc` (1.4).
"""

from __future__ import annotations

import io
from typing import Any, ClassVar

import numpy as np

from labkit.dtypes import DType, DTypeLike, as_dtype, uint8, uint16
from labkit.errors import DTypeError, InvalidArgumentError, ShapeError
from labkit.graph import Spec, Tensor, apply, op
from labkit.ops.host import HostOp, NumpyArray
from labkit.shapes import merge, shape_text

_LARGEST = 1 << 28  # pixels: a small file can claim to be an enormous image
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def _opened(contents: NumpyArray, formats: tuple[str, ...]) -> Any:
    """Pillow's image of a file's bytes.

    Raises:
        InvalidArgumentError: if it is none of these formats, damaged, or too large.
    """
    from PIL import Image

    data: bytes = np.asarray(contents).item()
    try:
        image = Image.open(io.BytesIO(data), formats=formats)
        if image.width * image.height > _LARGEST:
            raise ValueError(f"{image.width} x {image.height} pixels are too many")
        image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        names = " or ".join(formats)
        raise InvalidArgumentError(
            None, None, f"these {len(data)} bytes are no readable {names} image ({type(error).__name__}); they begin "
            f"with {data[:8]!r}.\n  Try: tf.read_file(path) for the contents; the decoder of the right format."
        ) from None  # fmt: skip
    return image


def _channels_of(image: Any) -> int:
    """How many channels the file has; a palette counts as the colours in it."""
    if image.mode in ("P", "PA"):
        return 4 if "transparency" in image.info or image.mode == "PA" else 3
    if image.mode == "L" and "transparency" in image.info:
        return 2
    return {"1": 1, "L": 1, "LA": 2, "I": 1, "I;16": 1, "I;16B": 1, "F": 1, "RGBA": 4}.get(image.mode, 3)


def _pixels(image: Any, channels: int, dtype: DType) -> NumpyArray:
    """(height, width, channels); 0 channels: those of the file."""
    count = channels or _channels_of(image)
    if image.mode.startswith("I"):  # 16 bits, grey
        wide = np.asarray(image).astype(np.uint16)
        grey = wide if dtype is uint16 else (wide >> 8).astype(np.uint8)
        opaque = np.full_like(grey, np.iinfo(grey.dtype).max)
        return np.stack([grey, opaque] if count == 2 else [grey] * min(count, 3) + [opaque] * (count == 4), -1)
    if image.mode == "P" and count in (1, 2):
        image = image.convert("RGBA" if count == 2 else "RGB")
    array = np.asarray(image.convert(_MODES[count]))
    array = array.reshape(*array.shape[:2], count)
    return array.astype(np.uint16) * 257 if dtype is uint16 else array


class Decodes(HostOp):
    """Base of the ops that read one image."""

    channels: int = 0
    dtype: DType = uint8

    args = ("contents:string",)
    formats: ClassVar[tuple[str, ...]] = ()

    def infer(self, contents: Spec) -> Spec:
        if contents.shape not in (None, ()):
            raise ShapeError(
                f"the contents of one file are needed, and the shape is {shape_text(contents.shape)}.\n"
                "  Try: tf.map_fn(tf.image.decode_png, files, tf.uint8) for several of one size."
            )
        return Spec(self.dtype, (None, None, self.channels or None))

    def kernel(self, contents: NumpyArray) -> NumpyArray:
        return _pixels(_opened(contents, self.formats), self.channels, self.dtype)


def _allowed(channels: int | None, choices: tuple[int, ...]) -> int:
    count = channels or 0
    if count not in choices:
        listed = ", ".join(map(str, choices))
        raise InvalidArgumentError(None, None, f"channels is {channels}; it may be {listed} (0: those of the file).")
    return count


@op
class DecodePng(Decodes):
    """A PNG image as numbers."""

    channels: int = 0
    dtype: DType = uint8

    formats = ("PNG",)


def decode_png(contents: Any, channels: int = 0, dtype: DTypeLike = uint8, name: str | None = None) -> Tensor:
    """A PNG image as numbers.

    Args:
        contents: a scalar string, what is in the file.
        channels: 1 grey, 3 colours, 4 with transparency; 0 those of the file.
        dtype: uint8, or uint16 for images of 16 bits.
        name: name of the node.

    Returns:
        A tensor (height, width, channels).

    Raises:
        InvalidArgumentError: when the graph runs, if the bytes are no such image.

    Example:
        >>> import labkit as tf
        >>> png = tf.image.encode_png(tf.zeros([2, 3, 1], tf.uint8))
        >>> tf.Session().run(tf.image.decode_png(png, channels=3)).shape
        (2, 3, 3)
    """
    kind = as_dtype(dtype)
    if kind not in (uint8, uint16):
        raise DTypeError(
            f"a PNG image is uint8 or uint16, not {kind.name}.", "tf.image.convert_image_dtype afterwards."
        )
    return apply(DecodePng(_allowed(channels, (0, 1, 3, 4)), kind), contents, name=name)


@op
class DecodeJpeg(Decodes):
    """A JPEG image as numbers."""

    channels: int = 0
    ratio: int = 1

    def kernel(self, contents: NumpyArray) -> NumpyArray:
        image = _opened(contents, ("JPEG",))
        count = self.channels or (1 if image.mode == "L" else 3)
        if self.ratio > 1:
            image = image.reduce(self.ratio)
        return _pixels(image, count, uint8)


def decode_jpeg(
    contents: Any, channels: int = 0, ratio: int = 1, fancy_upscaling: bool = True,
    try_recover_truncated: bool = False, acceptable_fraction: float = 1, dct_method: str = "", name: str | None = None,
) -> Tensor:  # fmt: skip
    """A JPEG image as numbers.

    Args:
        contents: a scalar string, what is in the file.
        channels: 1 grey, 3 colours, 0 those of the file.
        ratio: 1, 2, 4 or 8: read it so many times smaller.
        fancy_upscaling: kept for TensorFlow's signature, as are the next three.
        try_recover_truncated: unused.
        acceptable_fraction: unused.
        dct_method: unused.
        name: name of the node.

    Returns:
        A uint8 tensor (height, width, channels).

    Example:
        >>> import labkit as tf
        >>> jpeg = tf.image.encode_jpeg(tf.zeros([8, 8, 3], tf.uint8))
        >>> tf.Session().run(tf.image.decode_jpeg(jpeg)).shape
        (8, 8, 3)
    """
    if ratio not in (1, 2, 4, 8):
        raise InvalidArgumentError(None, None, f"ratio is {ratio}; it may be 1, 2, 4 or 8.")
    return apply(DecodeJpeg(_allowed(channels, (0, 1, 3)), ratio), contents, name=name)


@op
class DecodeBmp(Decodes):
    """A BMP image as numbers."""

    channels: int = 0

    formats = ("BMP",)


def decode_bmp(contents: Any, channels: int = 0, name: str | None = None) -> Tensor:
    """A BMP image as numbers.

    Args:
        contents: a scalar string, what is in the file.
        channels: 1, 3 or 4; 0 those of the file.
        name: name of the node.

    Returns:
        A uint8 tensor (height, width, channels).

    Example:
        >>> import labkit as tf
        >>> tf.image.decode_bmp(tf.placeholder(tf.string, []), channels=3).shape.ndims
        3
    """
    return apply(DecodeBmp(_allowed(channels, (0, 1, 3, 4))), contents, name=name)


def _frames(image: Any) -> NumpyArray:
    """The pictures of an animation, (frames, height, width, 3)."""
    count = getattr(image, "n_frames", 1)
    if count * image.width * image.height > _LARGEST:
        raise InvalidArgumentError(
            None, None, f"{count} pictures of {image.width} x {image.height} pixels are too many to be decoded at once."
        )
    frames: list[NumpyArray] = []
    for number in range(count):
        image.seek(number)
        frames.append(np.asarray(image.convert("RGB")))
    return np.stack(frames)


@op
class DecodeGif(HostOp):
    """The pictures of a GIF animation as numbers."""

    args = ("contents:string",)

    def infer(self, contents: Spec) -> Spec:
        merge(contents.shape, ())
        return Spec(uint8, (None, None, None, 3))

    def kernel(self, contents: NumpyArray) -> NumpyArray:
        return _frames(_opened(contents, ("GIF",)))


def decode_gif(contents: Any, name: str | None = None) -> Tensor:
    """The pictures of a GIF animation as numbers.

    Args:
        contents: a scalar string, what is in the file.
        name: name of the node.

    Returns:
        A uint8 tensor (frames, height, width, 3).

    Example:
        >>> import labkit as tf
        >>> tf.image.decode_gif(tf.placeholder(tf.string, [])).shape.ndims
        4
    """
    return apply(DecodeGif(), contents, name=name)


@op
class DecodeImage(HostOp):
    """An image of any of the four formats as numbers."""

    channels: int = 0

    args = ("contents:string",)

    def infer(self, contents: Spec) -> Spec:
        merge(contents.shape, ())
        return Spec(uint8, None)

    def kernel(self, contents: NumpyArray) -> NumpyArray:
        image = _opened(contents, ("PNG", "JPEG", "GIF", "BMP"))
        if image.format == "GIF":
            if self.channels in (1, 4):
                raise InvalidArgumentError(None, None, f"a GIF has 3 channels, and {self.channels} were asked for.")
            return _frames(image)
        return _pixels(image, self.channels, uint8)


def decode_image(contents: Any, channels: int | None = None, name: str | None = None) -> Tensor:
    """An image as numbers, whether PNG, JPEG, GIF or BMP.

    Args:
        contents: a scalar string, what is in the file.
        channels: 1, 3 or 4; those of the file if None or 0.
        name: name of the node.

    Returns:
        A uint8 tensor (height, width, channels), (frames, height, width, 3) for a GIF; the shape is unknown before,
        so say it with `set_shape` where it is needed.

    Example:
        >>> import labkit as tf
        >>> png = tf.image.encode_png(tf.zeros([2, 3, 1], tf.uint8))
        >>> tf.Session().run(tf.image.decode_image(png)).shape
        (2, 3, 1)
    """
    return apply(DecodeImage(_allowed(channels, (0, 1, 3, 4))), contents, name=name or "decode_image")
