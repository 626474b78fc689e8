"""Samples of the ops on sparse tensors: `labkit.ops.sparse_dense`, `sparse_layout`, `sparse_joining` and their kin."""

from typing import Any

import numpy as np

from labkit.ops.edit_distance import EditDistance
from labkit.ops.sparse_dense import SparseReduceMax, SparseReduceSum, SparseTensorDenseMatMul, SparseToDense
from labkit.ops.sparse_joining import UnionOfIndices
from labkit.ops.sparse_layout import SparseReorder
from tests.ops.sample import Ints, Sample

PLACES = np.array([[0, 2], [1, 0], [1, 3], [2, 1]])
SHAPE = np.array([3, 4])
SHUFFLED = PLACES[[2, 0, 3, 1]]
CUBE = np.array([[0, 0, 1], [0, 1, 0], [0, 1, 1], [1, 0, 1]])


def filled(places: Any, shape: Any, values: Any, default: Any) -> Any:
    """An array of the default, with values at places."""
    result = np.full(shape, default)
    result[tuple(np.reshape(places, (-1, len(shape))).T)] = values
    return result


def product(places: Any, values: Any, shape: Any, b: Any) -> Any:
    """The product of the filled-out matrix."""
    return filled(places, shape, values, 0.0) @ b


def axes(*numbers: int) -> Any:
    """Axes to reduce."""
    return np.array(numbers, np.int32)


def largest(places: Any, values: Any, shape: Any, reduced: Any) -> Any:
    """The largest entries of each row; 0 where there is none."""
    rows = [values[places[:, 0] == row] for row in range(shape[0])]
    return np.array([row.max() if len(row) else 0 for row in rows])


def united(a: Any, b: Any) -> Any:
    """All rows, each once, in order, and the place of each."""
    rows = sorted({tuple(row) for row in [*a.tolist(), *b.tolist()]})
    return np.array(rows), np.array([rows.index(tuple(row)) for row in [*a.tolist(), *b.tolist()]])


SAMPLES = [
    Sample(SparseToDense(), (PLACES, SHAPE, Ints("4", 9), np.array(-1, np.int32)), filled),
    Sample(SparseToDense(), (PLACES, SHAPE, "4", ""), filled),
    Sample(SparseToDense(), (np.array([2, 0]), np.array([4]), "", ""), filled),
    Sample(SparseToDense(), (np.array(1), np.array([4]), "", ""), filled),
    Sample(SparseTensorDenseMatMul(), (PLACES, "4", SHAPE, "4 n"), product),
    Sample(
        SparseTensorDenseMatMul(adjoint_a=True),
        (PLACES, "4", SHAPE, "3 n"),
        lambda i, v, s, b: filled(i, s, v, 0.0).T @ b,
    ),
    Sample(
        SparseTensorDenseMatMul(adjoint_b=True),
        (PLACES, "4", SHAPE, "n 4"),
        lambda i, v, s, b: filled(i, s, v, 0.0) @ b.T,
    ),
    Sample(SparseReduceSum(), (PLACES, "4", SHAPE, axes(0, 1)), lambda i, v, s, a: v.sum()),
    Sample(SparseReduceSum(), (PLACES, "4", SHAPE, axes(1)), lambda i, v, s, a: filled(i, s, v, 0.0).sum(1)),
    Sample(
        SparseReduceSum(keep_dims=True),
        (CUBE, "4", np.array([2, 3, 4]), axes(-1, 0)),
        lambda i, v, s, a: filled(i, s, v, 0.0).sum((0, 2), keepdims=True),
    ),
    Sample(
        SparseReduceMax(),
        (PLACES, "4", np.array([5, 4]), axes(1)),
        largest,
        gradient=False,
        why="has none, as in TensorFlow",
    ),
    Sample(SparseReorder(), (SHUFFLED, "4", SHAPE), lambda i, v, s: (PLACES, v[[1, 3, 0, 2]])),
    Sample(UnionOfIndices(), (Ints("m 2", 3, dtype="int64"), Ints("n 2", 3, dtype="int64")), united),
    Sample(
        EditDistance(normalize=False),
        (
            np.array([[0, 0], [0, 1], [1, 0]]), np.array([5, 6, 7]), np.array([2, 2]),
            np.array([[0, 0], [1, 0], [1, 1]]), np.array([6, 8, 7]), np.array([2, 2]),
        ),
        lambda *_: np.array([1.0, 1.0], np.float32),
    ),
]  # fmt: skip
