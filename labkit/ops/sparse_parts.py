"""What makes of three outputs a `tf.SparseTensor`: `tf.string_split`, `tf.parse_example` with `VarLenFeature`."""

from __future__ import annotations

import importlib
from typing import Any

from labkit.graph import Tensor


def sparse_tensor(indices: Tensor, values: Tensor, dense_shape: Tensor) -> Any:
    """The sparse tensor of these parts.

    Args:
        indices: int64, (count, rank).
        values: (count,).
        dense_shape: int64, (rank,).
    """
    return importlib.import_module("labkit.ops.sparse").SparseTensor(indices, values, dense_shape)
