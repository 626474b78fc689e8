"""Samples of `labkit.ops.slicing` and `labkit.ops.indexing`."""

from typing import Any

import numpy as np

from labkit.ops.indexing import DynamicIndex, DynamicIndexGrad, StridedSlice, StridedSliceGrad
from labkit.ops.slicing import ReverseV2, Slice, SliceGrad
from tests.ops.sample import Ints, Sample


def index(*values: Any) -> Any:
    """An int32 vector."""
    return np.array(values, np.int32)


def put(like: Any, key: Any, value: Any) -> Any:
    """Zeros like `like`, with `value` at `key`."""
    result = np.zeros(like.shape)
    result[key] = value
    return result


TAIL = {"a": (2, 4), "b": (3, 4)}

SAMPLES = [
    Sample(StridedSlice(), ("a b", index(1, 0), index(2, 3), index(1, 2)), lambda x, *_: x[1:2, 0:3:2], TAIL),
    Sample(StridedSlice(begin_mask=1, end_mask=1), ("a b", index(0), index(0), index(-1)), lambda x, *_: x[::-1]),
    Sample(
        StridedSlice(new_axis_mask=1, ellipsis_mask=2, shrink_axis_mask=4),
        ("a b c", index(0, 0, -1), index(0, 0, 0), index(1, 1, 1)),
        lambda x, *_: x[None, ..., -1],
    ),
    Sample(
        StridedSliceGrad(shrink_axis_mask=1),
        ("a b", index(1, -1), index(2, 0), index(1, -2), lambda s: np.arange(1.0, 1 + len(range(s["b"])[-1:0:-2]))),
        lambda x, begin, end, strides, dy: put(x, (1, slice(-1, 0, -2)), dy),
        TAIL,
    ),
    Sample(Slice(), ("a b", index(1, 0), index(-1, 2)), lambda x, *_: x[1:, :2], TAIL),
    Sample(Slice(moving=True), ("a b", index(1, 1), index(1, 2)), lambda x, *_: x[1:2, 1:3], TAIL),
    Sample(SliceGrad(), ("1 2", index(1, 0), "a b"), lambda dy, _, x: put(x, np.s_[1:2, :2], dy), TAIL),
    Sample(SliceGrad(moving=True), ("1 2", index(1, 1), "a b"), lambda dy, _, x: put(x, np.s_[1:2, 1:3], dy), TAIL),
    Sample(DynamicIndex(1), ("a b c", Ints("", "b")), lambda x, i: x[:, i]),
    Sample(DynamicIndex(-1), ("a b", Ints("", 0, -1)), lambda x, i: x[:, i]),
    Sample(DynamicIndexGrad(1), ("a c", Ints("", "b"), "a b c"), lambda dy, i, x: put(x, np.s_[:, i], dy)),
    Sample(ReverseV2(), ("a b c", index(0, -1)), lambda x, axis: x[::-1, :, ::-1]),
]
