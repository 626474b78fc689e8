"""Samples of `labkit.ops.scatter`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from labkit.ops.scatter import (
    ScatterAdd,
    ScatterDiv,
    ScatterMul,
    ScatterNdAdd,
    ScatterNdSub,
    ScatterNdUpdate,
    ScatterSub,
    ScatterUpdate,
)  # fmt: skip
from tests.ops.sample import Floats, Ints, Sample

ROWS = np.array([2, 0], np.int32)
PLACES = np.array([[1, 2], [0, 0]], np.int32)
NEAR = Floats("2 a", 0.5, 2.0)


def at(ufunc: Any) -> Callable[..., Any]:
    """`ufunc.at` out of place; for vectors of indices, their columns are the indices."""

    def apply(ref: Any, indices: Any, updates: Any) -> Any:
        result = ref.copy()
        ufunc.at(result, indices if indices.ndim == 1 else tuple(indices.T), updates)
        return result

    return apply


def put(ref: Any, indices: Any, updates: Any) -> Any:
    """`ref[indices] = updates` out of place."""
    result = ref.copy()
    result[indices if indices.ndim == 1 else tuple(indices.T)] = updates
    return result


SAMPLES = [
    Sample(ScatterUpdate(), ("3 a", ROWS, "2 a"), put),
    Sample(ScatterAdd(), ("3 a", Ints("n", 3), "n a"), at(np.add)),
    Sample(ScatterSub(), ("3 a", Ints("n", 3), "n a"), at(np.subtract)),
    Sample(ScatterMul(), ("3 a", Ints("2", 3), NEAR), at(np.multiply)),
    Sample(ScatterDiv(), ("3 a", Ints("2", 3), NEAR), at(np.divide)),
    Sample(ScatterNdUpdate(), ("2 3 a", PLACES, "2 a"), put),
    Sample(ScatterNdAdd(), ("2 3 a", Ints("n 2", 2), "n a"), at(np.add)),
    Sample(ScatterNdSub(), ("2 3 a", Ints("n 2", 2), "n a"), at(np.subtract)),
]
