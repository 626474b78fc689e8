"""Samples of `labkit.ops.checks` and `assertions`."""

import numpy as np

from labkit.ops.assertions import AllTrue, CountTrue, RankCheck
from labkit.ops.checks import AssertOp, CheckNumerics, PrintOp
from tests.ops.sample import Bools, Sample

SAMPLES = [
    Sample(PrintOp("values: "), ("a b", "c"), lambda x, *_: x, gradient=False, why="a host op: nothing to trace"),
    Sample(AssertOp(), (np.array(True), "a"), None, why="it has no output"),
    Sample(CheckNumerics("x"), ("a b",), lambda x: x, gradient=False, why="a host op: nothing to trace"),
    Sample(AllTrue("<"), ("a b", "a b"), lambda x, y: np.all(x < y)),
    Sample(RankCheck(), ("a b", np.array(2, np.int32)), None, why="it has no output"),
    Sample(CountTrue(), (Bools(""), Bools("")), lambda a, b: np.int32(int(a) + int(b))),
]
