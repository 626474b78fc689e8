"""Samples of `labkit.ops.gathering`, `selecting` and `ranges`."""

from typing import Any

import numpy as np

from labkit.dtypes import int32
from labkit.ops.gathering import Gather, GatherGrad, GatherNd, GatherV2, ScatterNd
from labkit.ops.ranges import LinSpace, Range
from labkit.ops.selecting import ListDiff, OneHot, Select, Unique, UniqueWithCounts, Where
from tests.ops.sample import Bools, Floats, Ints, Sample


def number(value: Any, dtype: Any = np.int32) -> Any:
    """A scalar array."""
    return np.array(value, dtype)


def add_rows(grad: Any, indices: Any, axis: Any, like: Any) -> Any:
    """Zeros like `like`, with the rows of `grad` (axis 1 of it) added at `indices`."""
    result = np.zeros(like.shape)
    np.add.at(result, (slice(None), indices), grad)
    return result


def scattered(indices: Any, updates: Any, shape: Any) -> Any:
    """`np.add.at` on zeros."""
    result = np.zeros(shape)
    np.add.at(result, tuple(indices.T), updates)
    return result


def one_hot(indices: Any, depth: Any, on: Any, off: Any) -> Any:
    """Rows of a matrix with `on` on the diagonal."""
    return np.where(np.arange(depth) == indices[..., None], on, off)


WORDS = np.array([7, 3, 7, 7, 2, 3], np.int32)

SAMPLES = [
    Sample(Gather(), ("n a", Ints("b c", "n")), lambda x, i: x[i]),
    Sample(GatherV2(), ("a n c", Ints("b", "n"), number(1)), lambda x, i, axis: x[:, i]),
    Sample(GatherV2(), ("a n", Ints("", "n"), number(-1)), lambda x, i, axis: x[:, i]),
    Sample(GatherGrad(), ("a b c", Ints("b", "n"), number(1), "a n c"), add_rows),
    Sample(GatherNd(), ("3 3 c", Ints("n 2", 3)), lambda x, i: x[i[:, 0], i[:, 1]]),
    Sample(ScatterNd(), (Ints("n 2", 3), "n c", lambda s: np.array([3, 3, s["c"]], np.int32)), scattered),
    Sample(Select(), (Bools("a b"), "a b", "a b"), np.where),
    Sample(Select(), (Bools("a"), "a b", "a b"), lambda c, x, y: np.where(c[:, None], x, y)),
    Sample(Select(), (Bools(""), "a b", "a b"), np.where),
    Sample(Where(), (Bools("a b"),), np.argwhere),
    Sample(OneHot(), (Ints("a b", 5, -1), number(4), "", ""), one_hot),
    Sample(OneHot(0), (Ints("a", 5), number(4), "", ""), lambda *v: one_hot(*v).T),
    Sample(Unique(int32), (WORDS,), lambda x: (np.array([7, 3, 2]), np.array([0, 1, 0, 0, 2, 1]))),
    Sample(UniqueWithCounts(int32), (WORDS,),
           lambda x: (np.array([7, 3, 2]), np.array([0, 1, 0, 0, 2, 1]), np.array([3, 2, 1]))),
    Sample(ListDiff(int32), (WORDS, np.array([3, 4], np.int32)), lambda x, y: (x[x != 3], np.array([0, 2, 3, 4]))),
    Sample(Range(), (number(2), Ints("", 9, 0), number(3)), np.arange),
    Sample(Range(), (number(1.0, float), number(-2.0, float), number(-0.5, float)), np.arange),
    Sample(LinSpace(), (Floats(""), Floats(""), number(4)), np.linspace),
    Sample(LinSpace(), (Floats(""), Floats(""), number(1)), lambda a, b, n: np.array([a])),
]  # fmt: skip
