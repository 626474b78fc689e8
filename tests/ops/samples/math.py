"""Samples of `labkit.ops.math`."""

import numpy as np

from labkit.ops.math import Add, AddN, Mul, RealDiv, Square
from tests.ops.sample import Floats, Sample

SAMPLES = [
    Sample(Add(), ("a? b?", "a? b?"), np.add),
    Sample(Mul(), ("a? b?", "b?"), np.multiply),
    Sample(Mul(), (Floats("a?", dtype="complex128"), Floats("a?", dtype="complex128")), np.multiply),
    Sample(RealDiv(), ("a? b?", Floats("b?", 0.5, 2.0)), np.divide),
    Sample(Square(), ("a b",), np.square),
    Sample(AddN(), ("a b", "a b", "a b"), lambda *xs: sum(xs)),
]
