"""`tf.edit_distance`: how many insertions, deletions and replacements lie between two sequences.

It compares sequences of any length and any dtype, strings too, so it runs on the host, on NumPy arrays.

Source: `tensorflow/core/kernels/edit_distance_op.cc` (1.4); V. Levenshtein (1966).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labkit.dtypes import float32
from labkit.errors import ShapeError
from labkit.graph import Op, Spec, Tensor, apply, op
from labkit.ops.sparse_tensor import as_sparse


@op
class EditDistance(Op):
    """The distances between the sequences along the last axis of two sparse tensors."""

    normalize: bool = True

    args = (
        "hypothesis_indices:int64", "hypothesis_values", "hypothesis_shape:int64", "truth_indices:int64",
        "truth_values", "truth_shape:int64",
    )  # fmt: skip

    @property
    def host(self) -> bool:
        """Lengths of sequences depend on data."""
        return True

    def infer(self, *inputs: Spec, **_: Any) -> Spec:
        rank = inputs[2].shape[0] if inputs[2].shape else None
        return Spec(float32, None if rank is None else (None,) * (rank - 1))

    def kernel(self, *inputs: Any, **_: Any) -> Any:
        h_shape, t_shape = inputs[2], inputs[5]
        if len(h_shape) != len(t_shape) or len(h_shape) < 2:
            raise ShapeError(
                f"hypothesis and truth must have the same number of axes, at least 2; they have {len(h_shape)} and "
                f"{len(t_shape)}."
            )
        result = np.zeros(np.maximum(h_shape[:-1], t_shape[:-1]), np.float32)
        hypotheses, truths = sequences(inputs[0], inputs[1]), sequences(inputs[3], inputs[4])
        for place in {**hypotheses, **truths}:
            hypothesis, truth = hypotheses.get(place, []), truths.get(place, [])
            distance: float = levenshtein(hypothesis, truth)
            if self.normalize and distance:
                distance = distance / len(truth) if truth else np.inf
            result[place] = distance
        return result


def sequences(indices: Any, values: Any) -> dict[tuple[int, ...], list[Any]]:
    """The sequences of a sparse tensor along its last axis, by the coordinates before it."""
    found: dict[tuple[int, ...], list[Any]] = {}
    for coordinates, value in zip(indices.tolist(), values.tolist(), strict=True):
        found.setdefault(tuple(coordinates[:-1]), []).append(value)
    return found


def levenshtein(a: Sequence[Any], b: Sequence[Any]) -> int:
    """The fewest insertions, deletions and replacements that make `b` out of `a`.

    Example:
        >>> levenshtein("kitten", "sitting")
        3
    """
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, right in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (left != right))
    return row[-1]


def edit_distance(hypothesis: Any, truth: Any, normalize: bool = True, name: str = "edit_distance") -> Tensor:
    """The Levenshtein distance between sequences: the fewest insertions, deletions and replacements.

    Args:
        hypothesis: a `tf.SparseTensor` of sequences along its last axis, such as decoded labels.
        truth: a `tf.SparseTensor` of the same rank and dtype.
        normalize: True divides by the length of the truth; infinity if that is empty and the hypothesis is not.
        name: name of the node.

    Returns:
        A float32 tensor with the sizes of all axes but the last. No gradient.

    Example:
        >>> import labkit as tf
        >>> said = tf.SparseTensor([[0, 0], [0, 1], [0, 2]], ["a", "b", "b"], [1, 3])
        >>> meant = tf.SparseTensor([[0, 0], [0, 1]], ["a", "c"], [1, 2])
        >>> tf.Session().run(tf.edit_distance(said, meant, normalize=False))
        array([2.], dtype=float32)
    """
    h, t = as_sparse(hypothesis, "hypothesis"), as_sparse(truth, "truth")
    parts = (h.indices, h.values, h.dense_shape, t.indices, t.values, t.dense_shape)
    return apply(EditDistance(normalize), *parts, name=name)
