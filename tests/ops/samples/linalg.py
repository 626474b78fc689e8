"""Samples of `labkit.ops.linalg`."""

from labkit.ops.linalg import MatMul
from tests.ops.sample import Floats, Sample

SAMPLES = [
    Sample(MatMul(), ("m k", "k n"), lambda a, b: a @ b),
    Sample(MatMul(True, False), ("k m", "k n"), lambda a, b: a.T @ b),
    Sample(MatMul(False, True), ("m k", "n k"), lambda a, b: a @ b.T),
    Sample(MatMul(True, True), ("k m", "n k"), lambda a, b: a.T @ b.T),
    Sample(MatMul(), (Floats("m k", dtype="complex128"), Floats("k n", dtype="complex128")), lambda a, b: a @ b),
]
