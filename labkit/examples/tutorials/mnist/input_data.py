"""`input_data.read_data_sets`: how every TensorFlow 1 program on MNIST began.

Source: `tensorflow/examples/tutorials/mnist/input_data.py` (1.4), and `datasets/mnist.py` of `contrib.learn` beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from labkit.datasets.batches import DataSet, Datasets
from labkit.datasets.handwritten import handwritten
from labkit.graph import get_default_graph

VALIDATION_SIZE = 5000


def read_data_sets(
    train_dir: str | Path,
    fake_data: bool = False,
    one_hot: bool = False,
    dtype: Any = np.float32,
    reshape: bool = True,
    validation_size: int = VALIDATION_SIZE,
    seed: int | None = None,
    source_url: str | None = None,
) -> Datasets:
    """Load MNIST in three parts: 55,000 pictures to train, 5,000 to validate, 10,000 to test.

    Where MNIST is not to be had, scikit-learn's digits serve (1,375, 125 and 297 pictures) and a printed line says so.

    Args:
        train_dir: a folder to look in first; any download goes there, as in TensorFlow.
        fake_data: hand out constant pictures, for trying a program without data.
        one_hot: give labels as rows of ten, with a 1 at the class.
        dtype: float32 (pixels from 0 to 1) or uint8 (0 to 255).
        reshape: give each picture as one row of 784 pixels rather than (28, 28, 1).
        validation_size: how many of the 60,000 training pictures to set aside, from the front.
        seed: starts NumPy's global generator, from which the shuffling draws; None for the graph's seed, if it has one.
        source_url: a mirror to download from, before the usual ones.

    Returns:
        `Datasets(train, validation, test)`, each with `next_batch(batch_size)`, `images` and `labels`.

    Raises:
        BrokenFileError: an MNIST file that is here is cut off or changed.
        ValueError: `validation_size` is more than there is.

    Example:
        >>> from labkit.examples.tutorials.mnist import input_data
        >>> mnist = input_data.read_data_sets("MNIST_data/", fake_data=True, one_hot=True)
        >>> images, labels = mnist.train.next_batch(2)
        >>> labels[0]
        [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    """
    if seed is None:
        seed = get_default_graph().seed
    options: dict[str, Any] = {"one_hot": one_hot, "dtype": dtype, "reshape": reshape, "seed": seed}
    if fake_data:
        nothing = np.zeros([0, 28, 28], np.uint8), np.zeros([0], np.uint8)
        return Datasets(*(DataSet(*nothing, fake_data=True, **options) for _ in range(3)))
    data = handwritten(train_dir, source_url=source_url)
    total = len(data.train_labels)
    if total < 60_000 and validation_size == VALIDATION_SIZE:
        validation_size = total * VALIDATION_SIZE // 60_000  # the stand-in is smaller: set aside the same share
    if not 0 <= validation_size <= total:
        raise ValueError(f"validation_size should be between 0 and {total}, not {validation_size}.")
    kept = slice(validation_size, None)
    aside = slice(validation_size)
    return Datasets(
        train=DataSet(data.train_images[kept], data.train_labels[kept], **options),
        validation=DataSet(data.train_images[aside], data.train_labels[aside], **options),
        test=DataSet(data.test_images, data.test_labels, **options),
    )
