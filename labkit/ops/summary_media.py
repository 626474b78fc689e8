"""Summaries of distributions, pictures and sounds: `tf.summary.histogram`, `tf.summary.image`, `tf.summary.audio`.

    histogram    counts in TensorFlow's 1551 buckets, whose widths grow by 10 %; runs of empty ones are joined
    image        PNG; floating-point pixels are scaled so that each picture uses the whole range
    audio        WAV, 16 bits per sample

Example:
    >>> import labkit as tf
    >>> made = tf.summary.histogram("weights", [0.5, 1.5, 1.5])
    >>> tf.Summary.FromString(tf.Session().run(made)).value[0].histo.num
    3.0

Source: `tensorflow/core/kernels/summary_op.cc`, `summary_image_op.cc`, `summary_audio_op.cc`,
`tensorflow/core/lib/histogram/histogram.cc` (1.4).
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from labkit import dtypes
from labkit.errors import InvalidArgumentError, ShapeError
from labkit.graph import Spec, Tensor, apply, op
from labkit.messages import message
from labkit.ops.bases import FLOATS, REALS
from labkit.ops.summaries import NumpyArray, SummaryOp, collect, serialized, summary_scope, summary_value, tag_text
from labkit.shapes import shape_text

_RED = (255, 0, 0, 255)  # the colour of pixels that are no finite numbers


@cache
def bucket_limits() -> NumpyArray:
    """The upper ends of TensorFlow's histogram buckets: 0, and both signs of 1e-12 * 1.1**k up to 1e20.

    Example:
        >>> len(bucket_limits())
        1551
    """
    limits: list[float] = []
    limit = 1e-12
    while limit < 1e20:
        limits.append(limit)
        limit *= 1.1  # multiplied step by step, so that the roundings are TensorFlow's
    limits.append(sys.float_info.max)
    return np.array([*(-v for v in reversed(limits)), 0.0, *limits])


def histogram_message(values: Any) -> Any:
    """A `HistogramProto` of numbers, as TensorFlow counts them.

    Args:
        values: finite numbers, in an array of any shape.

    Example:
        >>> message = histogram_message([1.0, 1.0, -2.0])
        >>> message.min, message.max, message.num, message.sum, message.sum_squares
        (-2.0, 1.0, 3.0, 0.0, 6.0)
    """
    numbers = np.asarray(values).astype(np.float64).reshape(-1)
    limits = bucket_limits()
    places = np.minimum(np.searchsorted(limits, numbers, side="right"), len(limits) - 1)
    counts = np.bincount(places, minlength=len(limits))
    # An empty run is one bucket that ends where the run ends: drop an empty bucket if the next one is empty too.
    kept = (counts > 0) | np.append(counts[1:] > 0, True)
    return message("HistogramProto")(
        min=numbers.min() if numbers.size else sys.float_info.max,
        max=numbers.max() if numbers.size else -sys.float_info.max,
        num=numbers.size, sum=numbers.sum(), sum_squares=numbers @ numbers,
        bucket_limit=limits[kept], bucket=counts[kept],
    )  # fmt: skip


@op
class HistogramSummary(SummaryOp):
    """How often values fall into each bucket."""

    args = ("tag:string", "values")
    allowed = REALS

    def kernel(self, tag: Any, values: NumpyArray) -> NumpyArray:
        finite = np.isfinite(np.asarray(values).astype(np.float64))
        if not finite.all():
            what = "NaN" if np.isnan(np.asarray(values).astype(np.float64)).any() else "infinity"
            raise InvalidArgumentError(
                None, None,
                f"{what} in the values of the histogram summary {tag_text(tag)!r}: {finite.size - finite.sum()} of "
                f"{finite.size} are not finite.\n"
                "  Try: tf.add_check_numerics_ops() finds the op that made the first; a smaller learning rate, or "
                "tf.clip_by_value before a logarithm, often cures it.",
            )  # fmt: skip
        return serialized([summary_value(tag_text(tag), histo=histogram_message(values))])


def histogram(name: str, values: Any, collections: Sequence[str] | None = None, family: str | None = None) -> Tensor:
    """The distribution of a tensor's values, for TensorBoard to show over the steps.

    Args:
        name: its name; inside name scopes their names come first.
        values: a tensor of real numbers, of any shape.
        collections: the collections to add it to; `tf.GraphKeys.SUMMARIES` if None.
        family: the group that TensorBoard shows it in.

    Returns:
        A string scalar: the bytes of a `tf.Summary`.

    Raises:
        InvalidArgumentError: when it runs, if a value is NaN or infinite.

    Example:
        >>> import labkit as tf
        >>> made = tf.summary.histogram("weights", [-1.0, 3.0])
        >>> tf.Summary.FromString(tf.Session().run(made)).value[0].histo.max
        3.0
    """
    with summary_scope(name, family, [values]) as (graph, tag, scope):
        tags = graph.as_tensor(tag, dtypes.string, "tag")
        shown = graph.as_tensor(values, None, "values")
        return collect(apply(HistogramSummary(), tags, shown, name=scope), collections)


@op
class ImageSummary(SummaryOp):
    """The first pictures of a batch, as PNG."""

    max_images: int = 3

    args = ("tag:string", "tensor")
    allowed = frozenset([dtypes.uint8, dtypes.float16, dtypes.float32, dtypes.float64])

    def infer(self, tag: Spec, x: Spec) -> Spec:
        shape = x.shape
        if shape is not None and (len(shape) != 4 or shape[3] not in (None, 1, 3, 4)):
            raise ShapeError(
                "an image summary shows (batch, height, width, channels) with 1 (gray), 3 (RGB) or 4 (RGBA) channels, "
                f"not {shape_text(shape)}.\n  Try: tf.reshape(x, [-1, 28, 28, 1]), or tf.expand_dims(x, -1)."
            )
        return Spec(dtypes.string, ())

    def kernel(self, tag: Any, tensor: NumpyArray) -> NumpyArray:
        self.infer(Spec(dtypes.string, ()), Spec(dtypes.float32, np.shape(tensor)))
        made: list[Any] = []
        for i, picture in enumerate(tensor[: self.max_images]):
            pixels = picture if picture.dtype == np.uint8 else normalized(picture)
            height, width, channels = pixels.shape
            shown = message("Summary").Image(
                height=height, width=width, colorspace=channels, encoded_image_string=png_bytes(pixels)
            )
            suffix = "image" if self.max_images == 1 else f"image/{i}"
            made.append(summary_value(f"{tag_text(tag)}/{suffix}", image=shown))
        return serialized(made)


def normalized(picture: NumpyArray) -> NumpyArray:
    """Floating-point pixels as 8-bit ones, scaled as TensorFlow does it; pixels that are not finite become red.

    Without negative values 0 stays black and the largest becomes 255; with negative ones 0 becomes 128 and the largest
    absolute value 1 or 255.

    Args:
        picture: (height, width, channels), floating-point.

    Returns:
        uint8 of the same shape.

    Example:
        >>> normalized(np.array([[[0.0], [0.5], [2.0]]])).reshape(-1).tolist()
        [0, 63, 255]
        >>> normalized(np.array([[[-1.0], [0.0], [0.5]]])).reshape(-1).tolist()
        [1, 128, 191]
    """
    good = np.isfinite(picture).all(axis=-1)
    result = np.empty(picture.shape, np.uint8)
    result[:] = _RED[: picture.shape[-1]]
    pixels = picture[good]
    if not pixels.size:
        return result
    kind = np.float16 if picture.dtype == np.float16 else np.float32  # of the scale, as TensorFlow computes it
    least, most = pixels.min(), pixels.max()
    signed = bool(least < 0)
    largest = kind(max(abs(least), abs(most)))
    scale = kind(0) if largest < kind(1e-6) else kind(127 if signed else 255) / largest
    zero = 128 if signed else 0
    result[good] = (pixels * picture.dtype.type(scale) + picture.dtype.type(zero)).astype(np.uint8)
    return result


def png_bytes(pixels: NumpyArray) -> bytes:
    """8-bit pixels as a PNG file.

    Args:
        pixels: uint8 (height, width, channels), channels 1, 3 or 4.

    Example:
        >>> png_bytes(np.zeros((2, 2, 3), np.uint8))[1:4]
        b'PNG'
    """
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(file, "PNG")
    return file.getvalue()


def image(
    name: str, tensor: Any, max_outputs: int = 3, collections: Sequence[str] | None = None, family: str | None = None
) -> Tensor:
    """Pictures for TensorBoard to show: the first `max_outputs` of a batch.

    Args:
        name: its name; the pictures' tags are `name/image/0`, `name/image/1`, or `name/image` if only one is wanted.
        tensor: (batch, height, width, channels) with 1, 3 or 4 channels. uint8 is shown as it is; floating-point
            pictures are scaled one by one: without negative values to 0..255, with negative ones to 1..255 around 128.
        max_outputs: how many pictures, at least 1.
        collections: the collections to add it to; `tf.GraphKeys.SUMMARIES` if None.
        family: the group that TensorBoard shows it in.

    Returns:
        A string scalar: the bytes of a `tf.Summary`.

    Raises:
        ShapeError: if the tensor is no batch of pictures.

    Example:
        >>> import labkit as tf
        >>> made = tf.summary.image("noise", tf.random_uniform([5, 8, 8, 1]), max_outputs=2)
        >>> [value.tag for value in tf.Summary.FromString(tf.Session().run(made)).value]
        ['noise/image/0', 'noise/image/1']
    """
    if max_outputs < 1:
        raise InvalidArgumentError(None, None, f"max_outputs is how many pictures to show, at least 1: {max_outputs}.")
    with summary_scope(name, family, [tensor]) as (graph, tag, scope):
        tags = graph.as_tensor(tag, dtypes.string, "tag")
        shown = graph.as_tensor(tensor, None, "tensor")
        return collect(apply(ImageSummary(int(max_outputs)), tags, shown, name=scope), collections)


@op
class AudioSummaryV2(SummaryOp):
    """The first sounds of a batch, as WAV."""

    max_outputs: int = 3

    args = ("tag:string", "tensor:float32", "sample_rate:float32")
    allowed = FLOATS

    def infer(self, tag: Spec, x: Spec, rate: Spec) -> Spec:
        if x.shape is not None and len(x.shape) not in (2, 3):
            raise ShapeError(
                f"an audio summary hears (batch, frames) or (batch, frames, channels), not {shape_text(x.shape)}.\n"
                "  Try: tf.expand_dims(x, 0) for a single sound."
            )
        return Spec(dtypes.string, ())

    def kernel(self, tag: Any, tensor: NumpyArray, sample_rate: NumpyArray) -> NumpyArray:
        made: list[Any] = []
        for i, sound in enumerate(tensor[: self.max_outputs]):
            frames = sound.reshape(len(sound), -1)
            shown = message("Summary").Audio(
                sample_rate=float(sample_rate), num_channels=frames.shape[1], length_frames=len(frames),
                encoded_audio_string=wav_bytes(frames, float(sample_rate)), content_type="audio/wav",
            )  # fmt: skip
            suffix = "audio" if self.max_outputs == 1 else f"audio/{i}"
            made.append(summary_value(f"{tag_text(tag)}/{suffix}", audio=shown))
        return serialized(made)


def wav_bytes(frames: NumpyArray, sample_rate: float) -> bytes:
    """Sound as a WAV file of 16-bit samples.

    Args:
        frames: (frames, channels), from -1 to 1; what is louder is cut off.
        sample_rate: frames per second.

    Example:
        >>> wav_bytes(np.zeros((10, 1)), 8000.0)[:4]
        b'RIFF'
    """
    import wave

    samples = np.asarray(frames, np.float64) * 2**15
    rounded = np.clip(np.trunc(samples + np.copysign(0.5, samples)), -(2**15), 2**15 - 1)  # halves away from 0
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(frames.shape[1])
        writer.setsampwidth(2)
        writer.setframerate(int(sample_rate))
        writer.writeframes(rounded.astype("<i2").tobytes())
    return file.getvalue()


def audio(
    name: str, tensor: Any, sample_rate: Any, max_outputs: int = 3, collections: Sequence[str] | None = None,
    family: str | None = None,
) -> Tensor:  # fmt: skip
    """Sounds for TensorBoard to play: the first `max_outputs` of a batch.

    Args:
        name: its name; the tags are `name/audio/0`, `name/audio/1`, or `name/audio` if only one is wanted.
        tensor: float32 (batch, frames) or (batch, frames, channels), values from -1 to 1.
        sample_rate: frames per second, in hertz.
        max_outputs: how many sounds, at least 1.
        collections: the collections to add it to; `tf.GraphKeys.SUMMARIES` if None.
        family: the group that TensorBoard shows it in.

    Returns:
        A string scalar: the bytes of a `tf.Summary`.

    Raises:
        ShapeError: if the tensor is no batch of sounds.

    Example:
        >>> import labkit as tf
        >>> tone = tf.sin(tf.range(800.0) * 0.3)
        >>> made = tf.summary.audio("tone", tf.expand_dims(tone, 0), 8000, max_outputs=1)
        >>> tf.Summary.FromString(tf.Session().run(made)).value[0].audio.length_frames
        800
    """
    if max_outputs < 1:
        raise InvalidArgumentError(None, None, f"max_outputs is how many sounds to keep, at least 1: {max_outputs}.")
    with summary_scope(name, family, [tensor]) as (graph, tag, scope):
        rate = graph.as_tensor(sample_rate, dtypes.float32, "sample_rate")
        tags = graph.as_tensor(tag, dtypes.string, "tag")
        shown = graph.as_tensor(tensor, None, "tensor")
        return collect(apply(AudioSummaryV2(int(max_outputs)), tags, shown, rate, name=scope), collections)
