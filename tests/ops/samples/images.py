"""Samples of `labkit.ops.images*`: by loops over pixels, or files that Pillow writes."""

import colorsys
import io

import numpy as np
from PIL import Image

from labkit.ops.images_boxes import CropAndResize, DrawBoundingBoxes, NonMaxSuppression, SampleDistortedBoundingBox
from labkit.ops.images_color import HSVToRGB, RGBToHSV
from labkit.ops.images_decode import DecodeBmp, DecodeGif, DecodeImage, DecodeJpeg, DecodePng
from labkit.ops.images_encode import EncodeJpeg, EncodePng
from labkit.ops.images_resize import ResizeArea, ResizeBicubic, ResizeBilinear, ResizeNearestNeighbor
from tests.ops.sample import Floats, Sample


def size(height: int, width: int) -> np.ndarray:
    """A size as the ops take it."""
    return np.array([height, width], np.int32)


def file_of(kind: str) -> np.ndarray:
    """A small grey image of one value in a file."""
    out = io.BytesIO()
    Image.fromarray(np.full((2, 3), 128, np.uint8)).save(out, kind)
    return np.array(out.getvalue(), object)


def nearest(x: np.ndarray, to: np.ndarray) -> np.ndarray:
    """The pixel on the upper left of each place."""
    rows = np.arange(to[0]) * x.shape[1] // to[0]
    columns = np.arange(to[1]) * x.shape[2] // to[1]
    return x[:, rows][:, :, columns]


def bilinear(x: np.ndarray, to: np.ndarray) -> np.ndarray:
    """One axis after the other, by NumPy's interpolation."""
    for axis, count in zip((1, 2), to, strict=True):
        before = x.shape[axis]
        places = np.minimum(np.arange(count) * (before / count), before - 1)
        x = np.apply_along_axis(lambda line, p=places, n=before: np.interp(p, np.arange(n), line), axis, x)
    return x.astype(np.float32)


def each(function):
    """A colour conversion of the standard library for every pixel."""
    return lambda x: np.apply_along_axis(lambda pixel: function(*pixel), -1, x)


GREY = np.full((2, 3, 1), 128, np.uint8)
WHOLE = lambda *_: GREY
F32 = "it computes in float32, as TensorFlow does; tests/images compares gradients with TensorFlow's"
SEEN = "tests/images compares with TensorFlow's numbers"
IMAGES = Floats("b h w c", 0.1, 1)
BOXES = np.float32([[[0, 0, 1, 1]]])
SMOOTH = "the seams between the sixths of the circle have no derivative; tests/images compares with TensorFlow's"

SAMPLES = [
    Sample(ResizeNearestNeighbor(), (IMAGES, size(3, 2)), nearest),
    Sample(ResizeBilinear(), (IMAGES, size(3, 5)), bilinear, gradient=False, rtol=1e-5, why=F32),
    Sample(ResizeBicubic(), (IMAGES, size(3, 5)), None, gradient=False, why=SEEN),
    Sample(ResizeArea(), (Floats("b 4 6 c"), size(2, 3)),
           lambda x, _: x.reshape(len(x), 2, 2, 3, 2, -1).mean((2, 4)).astype(np.float32), rtol=1e-5),
    Sample(RGBToHSV(), (Floats("n 3", 0.1, 1),), each(colorsys.rgb_to_hsv), gradient=False, why=SMOOTH),
    Sample(HSVToRGB(), (Floats("n 3", 0.1, 0.9),), each(colorsys.hsv_to_rgb), gradient=False, why=SMOOTH),
    Sample(CropAndResize(), (Floats("2 4 5 c"), np.float32([[0, 0, 1, 1]]), np.int32([1]), size(4, 5)),
           lambda x, *_: x[1:].astype(np.float32), gradient=False, rtol=1e-5, why=F32),
    Sample(DrawBoundingBoxes(), (np.zeros((1, 3, 3, 1), np.float32), BOXES),
           lambda *_: np.float32([[1, 1, 1], [1, 0, 1], [1, 1, 1]]).reshape(1, 3, 3, 1)),
    Sample(NonMaxSuppression(), (BOXES[0], np.float32([0.5]), np.array(3, np.int32)), lambda *_: np.int32([0])),
    Sample(SampleDistortedBoundingBox(1, 2, 1.0, (1.0, 1.0), (1.0, 1.0)), (np.int32([4, 4, 3]), BOXES),
           lambda *_: (np.int32([0, 0, 0]), np.int32([4, 4, -1]), BOXES)),
    Sample(DecodePng(), (file_of("PNG"),), WHOLE),
    Sample(DecodeJpeg(), (file_of("JPEG"),), WHOLE),
    Sample(DecodeBmp(1), (file_of("BMP"),), WHOLE),
    Sample(DecodeImage(1), (file_of("PNG"),), WHOLE),
    Sample(DecodeGif(), (file_of("GIF"),), lambda _: np.repeat(GREY, 3, 2)[None]),
    Sample(EncodePng(), (GREY,), None, why="tests/images reads it back"),
    Sample(EncodeJpeg(), (GREY,), None, why="tests/images reads it back"),
]  # fmt: skip
