"""Samples of `labkit.ops.segment`."""

from typing import Any

import numpy as np

from labkit.ops.segment import (
    SegmentMax,
    SegmentMean,
    SegmentMin,
    SegmentProd,
    SegmentSum,
    UnsortedSegmentMax,
    UnsortedSegmentSum,
)
from tests.ops.sample import Sample

SORTED = np.array([0, 0, 1, 3], np.int32)
MIXED = np.array([2, 0, -1, 2], np.int32)
THREE = np.array(3, np.int32)


def by_segment(function: Any, empty: float) -> Any:
    """One row per segment, in plain NumPy."""

    def of(data: Any, ids: Any, count: Any = None) -> Any:
        rows = [data[ids == i] for i in range(ids.max() + 1 if count is None else count)]
        return np.stack([function(row, 0) if len(row) else np.full(data.shape[1:], empty) for row in rows])

    return of


SAMPLES = [
    Sample(SegmentSum(), ("4 b", SORTED), by_segment(np.sum, 0)),
    Sample(SegmentMean(), ("4 b", SORTED), by_segment(np.mean, 0)),
    Sample(SegmentMax(), ("4 b", SORTED), by_segment(np.max, 0)),
    Sample(SegmentMin(), ("4 b", SORTED), by_segment(np.min, 0)),
    Sample(SegmentProd(), ("4 b", SORTED), by_segment(np.prod, 1)),
    Sample(UnsortedSegmentSum(), ("4 b", MIXED, THREE), by_segment(np.sum, 0)),
    Sample(UnsortedSegmentMax(), ("4 b", MIXED, THREE), by_segment(np.max, np.finfo(np.float64).min)),
]
