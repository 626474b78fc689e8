"""What a loaded set of pictures is: four arrays and the name of what they are."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


class Images(NamedTuple):
    """Pictures to learn from and pictures to test with, as bytes: 0 is paper, 255 is ink.

    Example:
        >>> from labkit.datasets import digits
        >>> digits.load().train_images.shape
        (1500, 28, 28)
    """

    train_images: Bytes  # (train, 28, 28)
    train_labels: Bytes  # (train,): the digit written, 0 to 9
    test_images: Bytes  # (test, 28, 28)
    test_labels: Bytes  # (test,)
    name: str  # what these are, for a title or a message
    source: str  # where they came from: a folder or a package

    def __repr__(self) -> str:
        """Say what is there; the pixels themselves would fill the screen."""
        train, test = len(self.train_labels), len(self.test_labels)
        return f"Images({self.name}: {train:,} to train, {test:,} to test; from {self.source})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        # IPython prints any tuple item by item unless it is told otherwise.
        printer.text(repr(self))
