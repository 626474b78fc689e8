"""Initial values that are matrices with a structure: orthogonal ones and the identity.

Source: `tensorflow/python/ops/init_ops.py` (1.4); A. Saxe and others: "Exact solutions to the nonlinear dynamics of
learning in deep linear neural networks" (2013).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.dtypes import DType, DTypeLike, float32
from labkit.errors import ShapeError
from labkit.graph import Tensor, apply
from labkit.initializers.base import Initializer, known_sizes
from labkit.ops.array import reshape
from labkit.ops.layout import transpose
from labkit.ops.random import random_normal
from labkit.ops.sampling import Orthonormalize
from labkit.ops.source import constant


@dataclass(frozen=True)
class Orthogonal(Initializer):
    """A random matrix with orthogonal rows or columns, whichever are fewer, all of length `gain`.

    Multiplying by it keeps lengths, so signals through many layers neither grow nor shrink. A shape of more than two
    axes is treated as a matrix of its last axis against all others.

    Args:
        gain: the length.
        seed: makes the numbers reproducible; see `tf.get_seed`.
        dtype: dtype of the value, a floating one.

    Raises:
        ShapeError: if the shape has fewer than two axes.

    Example:
        >>> import labkit as tf
        >>> w = tf.Session().run(tf.orthogonal_initializer()([5, 3]))
        >>> (w.T @ w).round(3) + 0.0
        array([[1., 0., 0.],
               [0., 1., 0.],
               [0., 0., 1.]], dtype=float32)
    """

    gain: float = 1.0
    seed: int | None = None
    dtype: DTypeLike = float32

    def make(self, shape: Any, dtype: DType, full_shape: Any) -> Tensor:
        """See `Initializer.make`."""
        sizes = known_sizes(shape, "orthogonal")
        if len(sizes) < 2:
            raise ShapeError(f"an orthogonal matrix needs at least two axes, and the shape is {list(sizes)}.")
        rows, columns = math.prod(sizes[:-1]), sizes[-1]
        drawn = random_normal([max(rows, columns), min(rows, columns)], dtype=dtype, seed=self.seed)
        q = apply(Orthonormalize(), drawn)  # normal numbers make all orthogonal matrices equally likely
        return self.gain * reshape(transpose(q) if rows < columns else q, sizes)


@dataclass(frozen=True)
class Identity(Initializer):
    """The identity matrix, times `gain`; rows or columns beyond the square are zero.

    Args:
        gain: the factor.
        dtype: dtype of the value.

    Raises:
        ShapeError: if the variable is no matrix, or one part of a matrix.

    Example:
        >>> import labkit as tf
        >>> from labkit.initializers import Identity
        >>> tf.Session().run(Identity(gain=2.0)([2, 3]))
        array([[2., 0., 0.],
               [0., 2., 0.]], dtype=float32)
    """

    gain: float = 1.0
    dtype: DTypeLike = float32

    def make(self, shape: Any, dtype: DType, full_shape: Any) -> Tensor:
        """See `Initializer.make`."""
        sizes = known_sizes(shape, "identity")
        if len(sizes) != 2 or sizes != known_sizes(full_shape, "identity"):
            raise ShapeError(f"the identity initializer makes whole matrices, and the shape is {list(sizes)}.")
        return constant((np.eye(*sizes) * self.gain).astype(dtype.np_dtype))
