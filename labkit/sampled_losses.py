"""Losses for very many classes, from a few sampled ones: `tf.nn.nce_loss`, `tf.nn.sampled_softmax_loss`.

Both compute the logits of the true classes and of some sampled classes only, and subtract from each the logarithm of
how often the sampler was expected to give that class: a class that is drawn often must not count for more. Use them
for training; to evaluate, compute all logits.

Source: `tensorflow/python/ops/nn_impl.py` (1.4); M. Gutmann, A. Hyvaerinen: "Noise-contrastive estimation" (2010);
S. Jean and others: "On using very large target vocabulary for neural machine translation" (2014).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labkit.dtypes import int64
from labkit.graph import Tensor, apply, graph_of, is_tensor_like
from labkit.ops.accidental_hits import AccidentalHits
from labkit.ops.array import expand_dims, ones_like, reshape, zeros_like
from labkit.ops.array import shape as shape_op
from labkit.ops.candidates import log_uniform_candidate_sampler
from labkit.ops.control_flow import stop_gradient
from labkit.ops.conversion import cast
from labkit.ops.cross_entropy import softmax_cross_entropy_with_logits
from labkit.ops.elementwise_losses import sigmoid_cross_entropy_with_logits
from labkit.ops.exponential import log
from labkit.ops.gathering import embedding_lookup
from labkit.ops.joining import concat
from labkit.ops.linalg import matmul
from labkit.ops.reduce import reduce_sum


def _sampled_logits(
    weights: Any, biases: Any, labels: Any, inputs: Any, num_sampled: int, num_classes: int, num_true: int,
    sampled_values: Sequence[Any] | None, remove_accidental_hits: bool, partition_strategy: str, name: str,
    seed: int | None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The logits of the true and the sampled classes, (batch, num_true + num_sampled), and the labels of both."""
    tables: list[Any] = list(weights) if isinstance(weights, (list, tuple)) else [weights]  # pyright: ignore[reportUnknownArgumentType]
    graph = graph_of([*tables, biases, inputs, labels])
    with graph.name_scope(name):
        tables = [table if is_tensor_like(table) else graph.as_tensor(table, None, "weights") for table in tables]
        rows = graph.as_tensor(inputs, None, "inputs")
        true = graph.as_tensor(labels, None, "labels")
        true = true if true.dtype is int64 else cast(true, int64)
        if sampled_values is None:
            sampled_values = log_uniform_candidate_sampler(true, num_true, num_sampled, True, num_classes, seed)
        sampled, true_count, sampled_count = (stop_gradient(value) for value in sampled_values)
        sampled = sampled if sampled.dtype is int64 else cast(sampled, int64)

        true_w, true_b = (embedding_lookup(p, true, partition_strategy) for p in (tables, biases))
        sampled_w, sampled_b = (embedding_lookup(p, sampled, partition_strategy) for p in (tables, biases))
        true_logits = reduce_sum(expand_dims(rows, 1) * true_w, 2) + reshape(true_b, shape_op(true))
        sampled_logits = matmul(rows, sampled_w, transpose_b=True) + reshape(sampled_b, [-1])
        if remove_accidental_hits:
            lowest = np.asarray(np.finfo(np.float32).min, np.float32)
            sampled_logits = sampled_logits + apply(AccidentalHits(), true, sampled) * lowest
        true_logits = true_logits - log(true_count)
        sampled_logits = sampled_logits - log(sampled_count)
        targets = [ones_like(true_logits) / float(num_true), zeros_like(sampled_logits)]
        return concat([true_logits, sampled_logits], 1), concat(targets, 1)


def nce_loss(
    weights: Any, biases: Any, labels: Any, inputs: Any, num_sampled: int, num_classes: int, num_true: int = 1,
    sampled_values: Sequence[Any] | None = None, remove_accidental_hits: bool = False,
    partition_strategy: str = "mod", name: str = "nce_loss",
) -> Tensor:  # fmt: skip
    """Noise-contrastive estimation: tell the true class from sampled ones, each a question of yes or no.

    Args:
        weights: (num_classes, size), or a list of its shards.
        biases: (num_classes,).
        labels: the true classes, int64, (batch, num_true).
        inputs: (batch, size).
        num_sampled: how many classes to sample for the batch.
        num_classes: the number of classes.
        num_true: true classes per example.
        sampled_values: what a candidate sampler returned; by default `tf.nn.log_uniform_candidate_sampler`, which
            wants classes numbered from the most to the least frequent.
        remove_accidental_hits: True leaves out sampled classes that are true ones of an example.
        partition_strategy: how shards hold the rows; see `tf.nn.embedding_lookup`.
        name: name of the nodes.

    Returns:
        The loss of each example, (batch,).

    Gradient: to weights, biases and inputs.

    Example:
        >>> import labkit as tf
        >>> from labkit.sampled_losses import nce_loss
        >>> loss = nce_loss(tf.zeros([100, 8]), tf.zeros([100]), [[1], [2]], tf.ones([2, 8]), 5, 100)
        >>> loss.shape
        TensorShape([Dimension(2)])
    """
    logits, targets = _sampled_logits(
        weights, biases, labels, inputs, num_sampled, num_classes, num_true, sampled_values, remove_accidental_hits,
        partition_strategy, name, None,
    )  # fmt: skip
    losses = sigmoid_cross_entropy_with_logits(labels=targets, logits=logits, name="sampled_losses")
    return reduce_sum(losses, 1)


def sampled_softmax_loss(
    weights: Any, biases: Any, labels: Any, inputs: Any, num_sampled: int, num_classes: int, num_true: int = 1,
    sampled_values: Sequence[Any] | None = None, remove_accidental_hits: bool = True,
    partition_strategy: str = "mod", name: str = "sampled_softmax_loss", seed: int | None = None,
) -> Tensor:  # fmt: skip
    """The cross entropy of a softmax over the true class and sampled ones; it estimates, too low, that over all.

    Args:
        weights: (num_classes, size), or a list of its shards.
        biases: (num_classes,).
        labels: the true classes, int64, (batch, num_true).
        inputs: (batch, size).
        num_sampled: how many classes to sample for the batch.
        num_classes: the number of classes.
        num_true: true classes per example; each then has the probability 1 / num_true.
        sampled_values: what a candidate sampler returned; by default `tf.nn.log_uniform_candidate_sampler`, which
            wants classes numbered from the most to the least frequent.
        remove_accidental_hits: True leaves out sampled classes that are true ones of an example.
        partition_strategy: how shards hold the rows; see `tf.nn.embedding_lookup`.
        name: name of the nodes.
        seed: makes the draws reproducible; see `tf.get_seed`.

    Returns:
        The loss of each example, (batch,).

    Gradient: to weights, biases and inputs.

    Example:
        >>> import labkit as tf
        >>> from labkit.sampled_losses import sampled_softmax_loss
        >>> loss = sampled_softmax_loss(tf.zeros([100, 8]), tf.zeros([100]), [[1], [2]], tf.ones([2, 8]), 5, 100)
        >>> loss.shape
        TensorShape([Dimension(2)])
    """
    logits, targets = _sampled_logits(
        weights, biases, labels, inputs, num_sampled, num_classes, num_true, sampled_values, remove_accidental_hits,
        partition_strategy, name, seed,
    )  # fmt: skip
    return softmax_cross_entropy_with_logits(labels=targets, logits=logits)
