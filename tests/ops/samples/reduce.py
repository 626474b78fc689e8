"""Samples of `labkit.ops.reduce`, `labkit.ops.reduce_bool` and `labkit.ops.along_axis`."""

from typing import Any

import numpy as np

from labkit.dtypes import as_dtype
from labkit.ops.along_axis import ArgMax, ArgMin, Cross, Cumprod, Cumsum
from labkit.ops.reduce import Max, Mean, Min, Prod, Sum, Unreduce
from labkit.ops.reduce_bool import All, AnyTrue
from tests.ops.sample import Bools, Floats, Ints, Sample

ENDS = np.array([0, -1], np.int32)
ONE = np.array(1, np.int32)
LAST = np.array(-1, np.int64)
TIES = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])


def running(function: Any, start: float, x: Any, axis: int) -> Any:
    """Exclusive and reversed `np.cumsum` or `np.cumprod`."""
    flipped = np.flip(x, axis)
    shifted = np.insert(np.delete(flipped, -1, axis), 0, start, axis)
    return np.flip(function(shifted, axis), axis)


SAMPLES = [
    Sample(Sum(), ("a b c", ENDS), lambda x, axes: x.sum((0, 2))),
    Sample(Sum(keep_dims=True), ("a b", ONE), lambda x, axis: x.sum(1, keepdims=True)),
    Sample(Sum(), (Ints("a b"), np.zeros(0, np.int32)), lambda x, axes: x),
    Sample(Mean(), ("a b c", np.array([1], np.int32)), lambda x, axes: x.mean(1)),
    Sample(Mean(), (Ints("a b", 9, -9), ONE), lambda x, axis: np.trunc(x.mean(1)).astype(np.int32)),
    Sample(Mean(), (Floats("a b", dtype="complex128"), ONE), lambda x, axis: x.mean(1)),
    Sample(Unreduce(), ("a", "a b", ONE), lambda g, x, axis: np.broadcast_to(g[:, None], x.shape)),
    Sample(Unreduce(True, True), ("a 1", "a b", ONE), lambda g, x, axis: np.broadcast_to(g / x.shape[1], x.shape)),
    Sample(Max(), ("a b c", ENDS), lambda x, axes: x.max((0, 2))),
    Sample(Max(keep_dims=True), (Ints("a b"), ONE), lambda x, axis: x.max(1, keepdims=True)),
    Sample(Max(), (TIES, ONE), lambda x, axis: x.max(1), gradient=False, why="no derivative at ties; see test_reduce"),
    Sample(Min(), ("a b", ONE), lambda x, axis: x.min(1)),
    Sample(Prod(), ("a b c", ENDS), lambda x, axes: x.prod((0, 2))),
    Sample(Prod(), (np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 1.0]]), ONE), lambda x, axis: x.prod(1)),
    Sample(All(), (Bools("a b"), ONE), lambda x, axis: x.all(1)),
    Sample(AnyTrue(keep_dims=True), (Bools("a b"), ONE), lambda x, axis: x.any(1, keepdims=True)),
    Sample(ArgMax(), (Ints("a b", 3), LAST), lambda x, axis: x.argmax(-1)),
    Sample(ArgMax(as_dtype("int32")), ("a b", ONE), lambda x, axis: x.argmax(1).astype(np.int32)),
    Sample(ArgMin(), (Ints("a b", 3), LAST), lambda x, axis: x.argmin(-1)),
    Sample(Cumsum(), ("a b", ONE), lambda x, axis: x.cumsum(1)),
    Sample(Cumsum(True, True), ("a b", LAST), lambda x, axis: running(np.cumsum, 0, x, 1)),
    Sample(Cumprod(), ("a b", ONE), lambda x, axis: x.cumprod(1)),
    Sample(Cumprod(True, True), ("a b", LAST), lambda x, axis: running(np.cumprod, 1, x, 1)),
    Sample(Cross(), ("a 3", "a 3"), np.cross),
]
