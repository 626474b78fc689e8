"""`mnist.train.next_batch(100)`: batches in the order in which TensorFlow 1 gave them.

TensorFlow's `DataSet` kept all pictures as float32 and copied all of them into a new order at each epoch. This one
keeps the bytes where they are and shuffles a list of positions instead; a batch becomes float32 when it is asked for.
What comes out is the same, number for number, for the same seed: the random numbers are drawn from NumPy's global
generator, one shuffle at the start of each epoch, and the last batch of an epoch is filled up from the next one.

Source: `tensorflow/contrib/learn/python/learn/datasets/mnist.py` (1.4), class DataSet.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labkit.datasets.images import Bytes

CLASSES = 10


class DataSet:
    """Pictures and labels that are handed out in shuffled batches.

    Args:
        images: (n, height, width) or (n, height, width, 1) bytes.
        labels: (n,) class numbers.
        fake_data: hand out constant pictures, for trying a program without data.
        one_hot: give labels as rows of ten, with a 1 at the class.
        dtype: float32 (pixels from 0 to 1) or uint8 (0 to 255); NumPy's or labkit's.
        reshape: give each picture as one row of height * width pixels.
        seed: if given, NumPy's global generator is started from it, as TensorFlow does. If not, it is left as it is,
            so that a program's own `np.random.seed` holds.

    Example:
        >>> import numpy as np
        >>> from labkit.datasets import DataSet
        >>> data = DataSet(np.zeros([50, 28, 28], np.uint8), np.arange(50) % 10, one_hot=True)
        >>> images, labels = data.next_batch(20)
        >>> images.shape, images.dtype, labels.shape
        ((20, 784), dtype('float32'), (20, 10))
    """

    def __init__(
        self,
        images: Bytes,
        labels: NDArray[Any],
        fake_data: bool = False,
        one_hot: bool = False,
        dtype: Any = np.float32,
        reshape: bool = True,
        seed: int | None = None,
    ) -> None:
        self._dtype = np.dtype(getattr(dtype, "as_numpy_dtype", dtype))
        if self._dtype.name not in ("uint8", "float32"):
            raise TypeError(f"pictures can be uint8 or float32, not {self._dtype}.")
        if seed is not None:
            np.random.seed(seed)
        self._fake_data = fake_data
        self._one_hot = one_hot
        if fake_data:
            images, labels = np.zeros([10_000, 28, 28], np.uint8), np.zeros([10_000], np.uint8)
        if len(images) != len(labels):
            raise ValueError(f"there are {len(images)} pictures but {len(labels)} labels.")
        if images.ndim == 3:
            images = images[..., None]  # (n, height, width, 1)
        self._bytes = images.reshape(len(images), math.prod(images.shape[1:])) if reshape else images
        self._classes = labels
        self._order = np.arange(len(images))  # position in this epoch -> position in the arrays
        self._epochs_completed = 0
        self._index_in_epoch = 0

    @property
    def images(self) -> NDArray[Any]:
        """All pictures, (n, 784) or (n, 28, 28, 1), in the order of this epoch. Made anew at each look: keep it."""
        return self._images_at(self._order)

    @property
    def labels(self) -> NDArray[Any]:
        """All labels, (n,) or (n, 10), in the order of this epoch."""
        return self._labels_at(self._order)

    @property
    def num_examples(self) -> int:
        """How many pictures there are."""
        return len(self._order)

    @property
    def epochs_completed(self) -> int:
        """How often every picture has been handed out."""
        return self._epochs_completed

    def next_batch(self, batch_size: int, fake_data: bool = False, shuffle: bool = True) -> tuple[Any, Any]:
        """Hand out the next pictures; after the last one, shuffle and begin again.

        Args:
            batch_size: how many; at most `num_examples`.
            fake_data: hand out constant pictures instead.
            shuffle: reorder at the start of each epoch.

        Returns:
            Pictures (batch, 784) and labels (batch,) or (batch, 10).
        """
        if fake_data or self._fake_data:
            label: Any = [1] + [0] * (CLASSES - 1) if self._one_hot else 0
            return [[1] * 784 for _ in range(batch_size)], [label for _ in range(batch_size)]
        start = self._index_in_epoch
        if self._epochs_completed == 0 and start == 0 and shuffle:
            self._shuffle()
        end = start + batch_size
        if end <= self.num_examples:
            self._index_in_epoch = end
            chosen = self._order[start:end]
        else:
            rest = self._order[start:]
            self._epochs_completed += 1
            if shuffle:
                self._shuffle()
            self._index_in_epoch = batch_size - len(rest)
            chosen = np.concatenate([rest, self._order[: self._index_in_epoch]])
        return self._images_at(chosen), self._labels_at(chosen)

    def _shuffle(self) -> None:
        # Shuffling positions 0..n-1 and then reordering by them draws the same random numbers as TensorFlow did.
        permutation = np.arange(self.num_examples)
        np.random.shuffle(permutation)
        self._order = self._order[permutation]

    def _images_at(self, positions: NDArray[np.intp]) -> NDArray[Any]:
        images = self._bytes[positions]
        return images if self._dtype == np.uint8 else np.multiply(images, np.float32(1 / 255), dtype=np.float32)

    def _labels_at(self, positions: NDArray[np.intp]) -> NDArray[Any]:
        classes = self._classes[positions]
        return np.eye(CLASSES)[classes] if self._one_hot else classes


class Datasets(NamedTuple):
    """What `read_data_sets` returns: pictures to learn from, to choose settings with, and to test with once."""

    train: DataSet
    validation: DataSet
    test: DataSet
