"""Samples of `labkit.ops.matrices`, `labkit.ops.solving` and `labkit.ops.decompositions`."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from labkit.ops.decompositions import Cholesky, Qr, SelfAdjointEigV2, Svd
from labkit.ops.matrices import Diag, DiagPart, MatrixBandPart, MatrixDiag, MatrixDiagPart, MatrixSetDiag
from labkit.ops.solving import MatrixDeterminant, MatrixInverse, MatrixSolve, MatrixTriangularSolve
from tests.ops.sample import Floats, Sample


def regular(sizes: Mapping[str, int]) -> Any:
    """Matrices that are far from singular."""
    rng = np.random.default_rng(7)
    return rng.uniform(-0.5, 0.5, (2, sizes["n"], sizes["n"])) + 2 * np.eye(sizes["n"])


def positive_definite(sizes: Mapping[str, int]) -> Any:
    """Symmetric matrices with positive, distinct eigenvalues."""
    matrix = regular(sizes) / 4
    return matrix @ matrix.mT + np.diag(np.arange(1.0, sizes["n"] + 1))


def complex_regular(sizes: Mapping[str, int]) -> Any:
    """Complex matrices that are far from singular."""
    return regular(sizes) + 0.3j * regular(sizes).mT


def set_diagonal(x: Any, diagonal: Any) -> Any:
    """NumPy's way to replace diagonals."""
    result, index = x.copy(), np.arange(min(x.shape[-2:]))
    result[..., index, index] = diagonal
    return result


def smaller(sizes: Mapping[str, int]) -> Any:
    """A diagonal for a matrix of m by n."""
    return np.linspace(1.0, 2.0, min(sizes["m"], sizes["n"]))


N = {"n": (1, 4)}
ONE, ALL = np.array(1, np.int64), np.array(-1, np.int64)
BOTH = "both factors are found up to signs that their product hides"

SAMPLES = [
    Sample(Diag(), ("a",), np.diag),
    Sample(Diag(), ("a b",), lambda x: np.diag(x.ravel()).reshape(x.shape * 2)),
    Sample(DiagPart(), ("a a",), np.diag),
    Sample(DiagPart(), ("a b a b",), lambda x: np.einsum("abab->ab", x)),
    Sample(MatrixDiag(), ("a b",), lambda x: x[..., None] * np.eye(x.shape[-1])),
    Sample(MatrixDiagPart(), ("a m n",), lambda x: np.diagonal(x, axis1=1, axis2=2)),
    Sample(MatrixSetDiag(), ("m n", smaller), set_diagonal),
    Sample(MatrixBandPart(), ("a m n", ONE, ALL), lambda x, low, high: np.triu(x, -1)),
    Sample(MatrixBandPart(), ("a m n", ALL, ONE), lambda x, low, high: np.tril(x, 1)),
    Sample(MatrixInverse(), (regular,), np.linalg.inv, sizes=N),
    Sample(MatrixInverse(True), (complex_regular,), lambda x: np.linalg.inv(x).conj().mT, sizes=N),
    Sample(MatrixDeterminant(), (regular,), np.linalg.det, sizes=N),
    Sample(MatrixSolve(), (regular, "2 n k"), np.linalg.solve),
    Sample(MatrixSolve(True), (complex_regular, Floats("2 n k", dtype="complex128")),
           lambda a, b: np.linalg.solve(a.conj().mT, b)),
    Sample(MatrixTriangularSolve(), (regular, "2 n k"), lambda a, b: np.linalg.solve(np.tril(a), b)),
    Sample(MatrixTriangularSolve(False, True), (regular, "2 n k"), lambda a, b: np.linalg.solve(np.triu(a).mT, b)),
    Sample(Cholesky(), (positive_definite,), np.linalg.cholesky, sizes=N),
    Sample(Qr(), (regular,), None, sizes=N, why=BOTH),
    Sample(Qr(True), ("m n",), None, gradient=False, why=BOTH + "; JAX has no gradient of the full Q"),
    Sample(Svd(False), (positive_definite,), lambda x: np.linalg.svd(x)[1], sizes=N),
    Sample(Svd(), (positive_definite,), None, sizes=N, why=BOTH),
    Sample(SelfAdjointEigV2(False), (positive_definite,), np.linalg.eigvalsh, sizes=N),
    Sample(SelfAdjointEigV2(), (positive_definite,), None, sizes=N, why=BOTH),
]  # fmt: skip
