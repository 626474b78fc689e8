"""The gradients of a batch from those of its microbatches, one after another: what a pipeline computes.

Whatever the schedule, each stage adds up the gradients of all microbatches and updates once, with weights that have not
changed meanwhile. If the loss is a mean over the examples, the mean of m equal microbatches' gradients is the gradient
of the batch; of a loss that is a sum over them, the sum is.

Example:
    >>> import labkit as tf
    >>> x = tf.placeholder(tf.float32, [None])
    >>> w = tf.Variable(2.0)
    >>> step = TrainingStep(tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(tf.square(w * x))), [x])
    >>> batch = [np.arange(8, dtype=np.float32)]
    >>> whole, pieces = step.gradients(step.first_state(), batch), microbatched(step, step.first_state(), batch, 4)
    >>> float(whole.values[0]), float(pieces.values[0])
    (70.0, 70.0)

What it is not: what batch normalization does, whose means are those of the microbatch; then the two differ.

Source: Y. Huang et al., "GPipe", arXiv:1811.06965, section 2.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from labkit.cluster.errors import ClusterError, checked_count
from labkit.errors import GraphError
from labkit.parallel.step import Gradients, TrainingStep


def microbatched(
    step: TrainingStep, state: Mapping[str, Any], batch: Sequence[Any], microbatches: int, reduce: str = "mean"
) -> Gradients:
    """The gradients of a batch that is cut into microbatches.

    Args:
        step: whose gradients.
        state: at least what it reads.
        batch: an array for each of its inputs, examples first.
        microbatches: into how many pieces of the same size.
        reduce: "mean" for a loss that is a mean over the examples, "sum" for one that is a sum.

    Returns:
        As `step.gradients(state, batch)`; of sparse gradients the rows of all microbatches, one after another.

    Raises:
        ClusterError: if the microbatches do not divide the batch.
        GraphError: for another `reduce`.
    """
    m = checked_count(microbatches, "the number of microbatches")
    if reduce not in ("mean", "sum"):
        raise GraphError(f'reduce is {reduce!r}; it is "mean" or "sum".')
    if not isinstance(step, TrainingStep) or not len(batch):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise GraphError(
            f"the step is {step!r}, and the batch {batch!r}.\n"
            "  Try: microbatched(tf.parallel.TrainingStep(train, [x, y]), state, [images, labels], 4)."
        )
    size = len(batch[0])
    if size % m:
        raise ClusterError(f"a batch of {size} examples cannot be cut into {m} microbatches of the same size.")
    now, rows = dict(state), size // m
    made: list[Gradients] = []
    for start in range(0, size, rows):
        made.append(step.gradients(now, [np.asarray(array)[start : start + rows] for array in batch]))
        now |= made[-1].random  # random numbers go on from where the microbatch before left them
    share = 1 / m if reduce == "mean" else 1.0
    losses = [found.loss for found in made]
    values: dict[Any, Any] = {}
    for part in step.parts:
        each = [found.values[step.sent.index(part.values)] for found in made]
        if part.indices is None:
            values[part.values] = sum(each[1:], each[0]) * np.asarray(share, each[0].dtype)
        else:
            values[part.values] = jnp.concatenate(each) * np.asarray(share, each[0].dtype)
            values[part.indices] = jnp.concatenate([found.values[step.sent.index(part.indices)] for found in made])
    loss = None if step.loss is None else sum(losses[1:], losses[0]) * share
    return Gradients(loss, tuple(values[tensor] for tensor in step.sent), made[-1].random)
