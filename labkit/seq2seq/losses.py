"""Losses of sequences: the cross-entropy of every step, weighted, so that padding counts nothing.

Source: `tensorflow/contrib/legacy_seq2seq/python/ops/seq2seq.py` and `contrib/seq2seq/python/ops/loss.py` (1.4).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from labkit.errors import ShapeError
from labkit.graph import Tensor, get_default_graph
from labkit.ops.array import reshape, shape
from labkit.ops.cross_entropy import sparse_softmax_cross_entropy_with_logits
from labkit.ops.math import cast
from labkit.ops.reduce import reduce_sum
from labkit.ops.sums import add_n

Loss = Callable[..., Any]
_TINY = 1e-12  # keeps a sequence of padding alone from dividing by zero


def _cross_entropy(loss: Loss | None, target: Any, logits: Any) -> Any:
    """The loss of one step, by the function that the caller gave, if any."""
    if loss is None:
        return sparse_softmax_cross_entropy_with_logits(labels=reshape(target, [-1]), logits=logits)
    if {"labels", "logits"} <= set(inspect.signature(loss).parameters):
        return loss(labels=target, logits=logits)
    return loss(logits, target)  # the order before TensorFlow 1.0


def sequence_loss_by_example(
    logits: Sequence[Any], targets: Sequence[Any], weights: Sequence[Any], average_across_timesteps: bool = True,
    softmax_loss_function: Loss | None = None, name: str | None = None,
) -> Tensor:  # fmt: skip
    """The cross-entropy of each sequence of a batch.

    Args:
        logits: for each step (batch, symbols).
        targets: for each step (batch,) the right symbols.
        weights: for each step (batch,) how much it counts; 0 for padding.
        average_across_timesteps: True divides by the sum of the weights.
        softmax_loss_function: from `labels` and `logits` to the losses (batch,), instead of the softmax; such as a
            sampled softmax.
        name: name of the scope.

    Returns:
        A tensor (batch,), in nats.

    Raises:
        ValueError: if the lists have different lengths.

    Example:
        >>> import labkit as tf
        >>> steps = [tf.zeros([2, 4])] * 3
        >>> loss = tf.nn.seq2seq.sequence_loss_by_example(steps, [[0, 1]] * 3, [[1.0, 1.0]] * 3)
        >>> tf.Session().run(loss)
        array([1.3862944, 1.3862944], dtype=float32)
    """
    if not len(logits) == len(targets) == len(weights) or not logits:
        raise ValueError(
            f"logits, targets and weights must be lists with an entry per step, not {len(logits)}, {len(targets)} and "
            f"{len(weights)} of them."
        )
    graph = get_default_graph()
    with graph.name_scope(name or "sequence_loss_by_example"):
        steps = [
            _cross_entropy(softmax_loss_function, graph.as_tensor(target), row) * weight
            for row, target, weight in zip(logits, targets, weights, strict=True)
        ]
        total: Tensor = add_n(steps)
        if average_across_timesteps:
            total = total / (add_n([graph.as_tensor(weight, total.dtype) for weight in weights]) + _TINY)
        return total


def sequence_loss(
    logits: Sequence[Any], targets: Sequence[Any], weights: Sequence[Any], average_across_timesteps: bool = True,
    average_across_batch: bool = True, softmax_loss_function: Loss | None = None, name: str | None = None,
) -> Tensor:  # fmt: skip
    """The cross-entropy of a batch of sequences, as one number.

    Args:
        logits: as for `sequence_loss_by_example`, like all that is not named here.
        targets: see there.
        weights: see there.
        average_across_timesteps: see there.
        average_across_batch: True divides by the number of sequences.
        softmax_loss_function: see there.
        name: name of the scope.

    Returns:
        A scalar.

    Example:
        >>> import labkit as tf
        >>> loss = tf.nn.seq2seq.sequence_loss([tf.zeros([2, 4])] * 3, [[0, 1]] * 3, [[1.0, 1.0]] * 3)
        >>> round(float(tf.Session().run(loss)), 4)
        1.3863
    """
    graph = get_default_graph()
    with graph.name_scope(name or "sequence_loss"):
        each = sequence_loss_by_example(logits, targets, weights, average_across_timesteps, softmax_loss_function)
        total = reduce_sum(each)
        if not average_across_batch:
            return total
        return total / cast(shape(graph.as_tensor(targets[0]))[0], total.dtype)


def sequence_loss_of_tensors(
    logits: Any, targets: Any, weights: Any, average_across_timesteps: bool = True, average_across_batch: bool = True,
    softmax_loss_function: Loss | None = None, name: str | None = None,
) -> Tensor:  # fmt: skip
    """`tf.contrib.seq2seq.sequence_loss`: the same for whole tensors.

    Args:
        logits: (batch, time, symbols).
        targets: (batch, time) the right symbols.
        weights: (batch, time) how much each counts.
        average_across_timesteps: True averages over time.
        average_across_batch: True averages over the batch.
        softmax_loss_function: from `labels` and `logits` to the losses, instead of the softmax.
        name: name of the scope.

    Returns:
        A scalar if both are averaged; (batch,) or (time,) if one is; else (batch, time).

    Raises:
        ShapeError: if the ranks are not 3, 2 and 2.

    Example:
        >>> import labkit as tf
        >>> loss = tf.contrib.seq2seq.sequence_loss(tf.zeros([2, 3, 4]), tf.zeros([2, 3], tf.int32), tf.ones([2, 3]))
        >>> round(float(tf.Session().run(loss)), 4)
        1.3863
    """
    graph = get_default_graph()
    with graph.name_scope(name or "sequence_loss"):
        scores, labels, counted = graph.as_tensor(logits), graph.as_tensor(targets), graph.as_tensor(weights)
        for tensor, rank, what in ((scores, 3, "logits"), (labels, 2, "targets"), (counted, 2, "weights")):
            if tensor.static_shape is not None and len(tensor.static_shape) != rank:
                raise ShapeError(f"{what} must have rank {rank}, and {tensor.name!r} has shape {tensor.shape}.")
        flat = reshape(scores, [-1, shape(scores)[2]])
        if scores.static_shape is not None:
            flat.set_shape([None, scores.static_shape[2]])
        losses = _cross_entropy(softmax_loss_function, reshape(labels, [-1]), flat) * reshape(counted, [-1])
        if average_across_timesteps and average_across_batch:
            return reduce_sum(losses) / (reduce_sum(counted) + _TINY)
        each = reshape(losses, shape(scores)[:2])
        axes = [1] if average_across_timesteps else [0] if average_across_batch else None
        if axes is None:
            return each
        return reduce_sum(each, axis=axes) / (reduce_sum(counted, axis=axes) + _TINY)
