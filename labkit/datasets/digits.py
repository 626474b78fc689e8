"""The offline stand-in for MNIST: 1,797 real handwritten digits that come with scikit-learn.

They were scanned at 32x32 and stored as 8x8 counts of ink from 0 to 16. Here each is enlarged smoothly to 20x20 and
placed in a 28x28 field so that its centre of mass is in the middle, which is how MNIST was prepared. A net that learns
MNIST learns these too, to a few per cent of error; its figures are not comparable with published MNIST figures.

The last 297 digits are the test set: they were written by other people than most of the first 1,500.

Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998.
"""

from __future__ import annotations

import functools
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from labkit.datasets.images import Bytes, Images

TRAIN = 1500
BOX, FIELD = 20, 28  # pixels: the digit's box and the whole picture, as in MNIST


@functools.cache
def load() -> Images:
    """Load the stand-in digits; needs no network.

    Returns:
        `Images`, with arrays of bytes: (1500, 28, 28), (1500,), (297, 28, 28), (297,).

    Example:
        >>> from labkit.datasets import digits
        >>> data = digits.load()
        >>> data.test_images.shape, data.test_images.dtype, int(data.test_images.max())
        ((297, 28, 28), dtype('uint8'), 255)
    """
    from sklearn.datasets import load_digits  # here, not above: it costs half a second that few programs need

    rows, classes = cast(tuple[Any, Any], load_digits(return_X_y=True))
    small: NDArray[np.float64] = np.asarray(rows, np.float64).reshape(-1, 8, 8) / 16
    images = centre(enlarge(small, BOX), FIELD)
    labels: Bytes = np.asarray(classes).astype(np.uint8)
    for array in (images, labels):
        array.flags.writeable = False  # one copy is shared by all who load it
    return Images(
        images[:TRAIN],
        labels[:TRAIN],
        images[TRAIN:],
        labels[TRAIN:],
        name="scikit-learn's digits",
        source="scikit-learn",
    )


def enlarge(images: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Enlarge square pictures smoothly.

    Each new pixel is a weighted sum of old ones in its row and column; the weights are Keys' cubic, which bends
    through the old values instead of joining them by straight lines.

    Args:
        images: (batch, old, old), from 0 to 1.
        size: the new height and width in pixels.

    Returns:
        (batch, size, size), from 0 to 1.
    """
    old = images.shape[1]
    centres = (np.arange(size) + 0.5) * old / size - 0.5  # new pixel centres, in old pixels
    distance: NDArray[np.float64] = np.abs(centres[:, None] - np.arange(old, dtype=np.float64))  # (size, old)
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    weights = np.where(distance < 1, near, np.where(distance < 2, far, 0.0))
    weights /= weights.sum(axis=1, keepdims=True)  # at the edges some of the four neighbours are missing
    return np.clip(weights @ images @ weights.T, 0.0, 1.0)


def centre(images: NDArray[np.float64], field: int) -> Bytes:
    """Place each picture in a larger field with its centre of mass in the middle, as MNIST does.

    Args:
        images: (batch, size, size), from 0 to 1.
        field: height and width of the result in pixels.

    Returns:
        (batch, field, field) bytes.
    """
    size = images.shape[1]
    along = np.arange(size, dtype=np.float64)[:, None]
    ink = images.sum(axis=(1, 2))
    rows: NDArray[np.float64] = (images.sum(axis=2) @ along)[:, 0] / ink
    columns: NDArray[np.float64] = (images.sum(axis=1) @ along)[:, 0] / ink
    middle, last = (field - 1) / 2, field - size
    tops = np.clip(np.rint(middle - rows), 0, last).astype(int)
    lefts = np.clip(np.rint(middle - columns), 0, last).astype(int)
    result = np.zeros((len(images), field, field), np.uint8)
    pixels = np.rint(images * 255).astype(np.uint8)
    for picture, pixel, top, left in zip(result, pixels, tops, lefts, strict=True):
        picture[top : top + size, left : left + size] = pixel
    return result
