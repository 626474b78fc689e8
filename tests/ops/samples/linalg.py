"""Samples of `labkit.ops.linalg`."""

import numpy as np

from labkit.ops.linalg import BatchMatMul, Einsum, MatMul
from tests.ops.sample import Floats, Sample


def complexes(shape: str) -> Floats:
    """A complex input."""
    return Floats(shape, dtype="complex128")


SAMPLES = [
    Sample(MatMul(), ("m k", "k n"), lambda a, b: a @ b),
    Sample(MatMul(True, False), ("k m", "k n"), lambda a, b: a.T @ b),
    Sample(MatMul(False, True), ("m k", "n k"), lambda a, b: a @ b.T),
    Sample(MatMul(True, True), ("k m", "n k"), lambda a, b: a.T @ b.T),
    Sample(MatMul(), (complexes("m k"), complexes("k n")), lambda a, b: a @ b),
    Sample(BatchMatMul(), ("a? b m k", "a? b k n"), lambda x, y: x @ y),
    Sample(BatchMatMul(True, False), (complexes("b k m"), complexes("b k n")), lambda x, y: x.conj().mT @ y),
    Sample(BatchMatMul(False, True), ("b m k", "1 n k"), lambda x, y: x @ y.mT),
    Sample(BatchMatMul(True, True), ("b k m", "b n k"), lambda x, y: x.mT @ y.mT),
    Sample(Einsum("abc,cd->adb"), ("a b c", "c d"), lambda x, y: np.einsum("abc,cd->adb", x, y)),
    Sample(Einsum("ab,ac,a->bc"), ("a b", "a c", "a"), lambda x, y, z: np.einsum("ab,ac,a->bc", x, y, z)),
    Sample(Einsum("ab->a"), ("a b",), lambda x: x.sum(1)),
    Sample(Einsum("aa->a"), ("a a",), np.diag, gradient=False, why="see the sample above: both by Vjp"),
]
