"""Accidental hits: drawn classes that are true ones of an example, and so are no counterexamples to it.

`AccidentalHits` says for each example and drawn class whether it is one, in an array of known size, for the sampled
losses of `labkit.sampled_losses`; `tf.nn.compute_accidental_hits` lists them, as TensorFlow does. The classes are
drawn in `labkit/ops/candidates.py`.

Source: `tensorflow/python/ops/candidate_sampling_ops.py` (1.4).
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from labkit.dtypes import float32, int32, int64
from labkit.graph import Op, Spec, Tensor, apply_node, op
from labkit.ops.bases import Array


@op
class AccidentalHits(Op):
    """Which drawn classes are true ones of each example: True, (batch, num_sampled), where one is.

    The form of `ComputeAccidentalHits` whose size is known beforehand; the sampled losses use it.
    """

    args = ("true_classes:int64", "sampled_candidates:int64")

    def infer(self, true_classes: Spec, sampled: Spec) -> Spec:
        batch = None if true_classes.shape is None else true_classes.shape[0]
        return Spec(float32, (batch, None if sampled.shape is None else sampled.shape[0]))

    def kernel(self, true_classes: Array, sampled: Array) -> Array:
        return jnp.any(true_classes[:, :, None] == sampled, axis=1).astype(np.float32)


@op
class ComputeAccidentalHits(Op):
    """Pairs of an example and a drawn class that is a true one of it; how many is known only when it runs."""

    num_true: int = 1

    args = ("true_classes:int64", "sampled_candidates:int64")

    @property
    def host(self) -> bool:
        """Runs in Python, because compiled code needs sizes that are known beforehand."""
        return True

    def infer(self, true_classes: Spec, sampled: Spec) -> tuple[Spec, Spec, Spec]:
        return Spec(int32, (None,)), Spec(int64, (None,)), Spec(float32, (None,))

    def kernel(self, true_classes: Any, sampled: Any) -> tuple[Any, Any, Any]:
        rows, _, places = np.nonzero(np.asarray(true_classes)[:, :, None] == np.asarray(sampled))
        weights = np.full(rows.shape, np.finfo(np.float32).min, np.float32)
        return rows.astype(np.int32), places.astype(np.int64), weights


def compute_accidental_hits(
    true_classes: Any, sampled_candidates: Any, num_true: int, seed: int | None = None, name: str | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Finds the drawn classes that are true ones of an example, so that they can be taken out.

    Args:
        true_classes: int64, (batch, num_true).
        sampled_candidates: int64, (num_sampled,).
        num_true: how many true classes each example has.
        seed: kept for TensorFlow's signature.
        name: name of the node.

    Returns:
        For each hit the number of the example, the place among the drawn classes, and the least float32, to be added
        to the logit there.

    Example:
        >>> import labkit as tf
        >>> rows, places, _ = tf.nn.compute_accidental_hits([[3], [7]], [5, 7, 3], 1)
        >>> tf.Session().run([rows, places])
        [array([0, 1], dtype=int32), array([2, 1])]
    """
    made = apply_node(ComputeAccidentalHits(num_true), true_classes, sampled_candidates, name=name)
    rows, places, weights = made.outputs
    return rows, places, weights
