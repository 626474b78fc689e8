"""One call for programs that want handwritten digits and can live with the stand-in."""

from __future__ import annotations

import functools
from pathlib import Path

from labkit.datasets import digits, mnist
from labkit.datasets.download import DownloadError
from labkit.datasets.images import Images


def handwritten(folder: str | Path | None = None, *, source_url: str | None = None) -> Images:
    """Load MNIST, or scikit-learn's digits (with a printed line saying so) where MNIST cannot be had.

    Files that are here but broken are an error, never a reason to use other data.

    Args:
        folder: where to look for MNIST first; see `mnist.load`.
        source_url: a mirror to ask before the usual ones.

    Returns:
        `Images`; its `name` says which they are.

    Raises:
        BrokenFileError: an MNIST file that is here is cut off or changed.
    """
    try:
        return mnist.load(folder, source_url=source_url)
    except DownloadError:
        images = digits.load()
        _say_once(
            f"MNIST is not on this computer and could not be fetched; using {images.name} instead\n"
            f"({len(images.train_labels):,} to train, {len(images.test_labels):,} to test). "
            "For MNIST run: from labkit.datasets import mnist; mnist.load()"
        )
        return images


@functools.cache
def _say_once(text: str) -> None:
    """Prints a line the first time: a notebook asks for its digits in more than one cell."""
    print(text)
