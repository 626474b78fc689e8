"""Small images for the programs: scikit-learn's 1,797 handwritten digits of 8 × 8 pixels."""

from functools import cache

import numpy as np
from sklearn.datasets import load_digits


@cache
def digits():
    """(images, one-hot labels): float32 (1797, 64) from 0 to 1, and float32 (1797, 10)."""
    images, labels = load_digits(return_X_y=True)
    return (images / 16.0).astype(np.float32), np.eye(10, dtype=np.float32)[labels]


def batches(size, steps, first=1500):
    """`steps` batches of `size` images and labels out of the first 1,500, round and round."""
    images, labels = digits()
    for step in range(steps):
        start = step * size % (first - size)
        yield images[start : start + size], labels[start : start + size]
