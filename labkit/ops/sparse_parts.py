"""What makes of three outputs a `tf.SparseTensor`: `tf.string_split`, `tf.parse_example` with `VarLenFeature`."""

from __future__ import annotations

from labkit.graph import Tensor
from labkit.ops.sparse_tensor import SparseTensor


def sparse_tensor(indices: Tensor, values: Tensor, dense_shape: Tensor) -> SparseTensor:
    """The sparse tensor of these parts.

    Args:
        indices: int64, (count, rank).
        values: (count,).
        dense_shape: int64, (rank,).
    """
    return SparseTensor(indices, values, dense_shape)
