"""Samples of `labkit.ops.partitioning`."""

import numpy as np

from labkit.ops.partitioning import DynamicPartition, DynamicStitch
from tests.ops.sample import Sample

PARTS = np.array([1, 0, 1, 3], np.int32)
FIRST, SECOND = np.array([3, 0], np.int32), np.array([[1], [3]], np.int32)

SAMPLES = [
    Sample(DynamicPartition(4), ("4 a", PARTS), lambda x, p: tuple(x[p == i] for i in range(4))),
    Sample(
        DynamicStitch(2),
        (FIRST, SECOND, "2 a", "2 1 a"),
        lambda i, j, x, y: np.stack([x[1], y[0, 0], 0 * x[0], y[1, 0]]),
        gradient=False,
        why="a place named twice keeps the last row, and TensorFlow's gradient gives both the gradient",
    ),
    Sample(
        DynamicStitch(2),
        (FIRST, SECOND[:1], "2 a", "1 1 a"),
        lambda i, j, x, y: np.stack([x[1], y[0, 0], 0 * x[0], x[0]]),
    ),
]
