"""Buckets: sequences of similar length share one unrolled model, and all models share their weights.

Source: `tensorflow/contrib/legacy_seq2seq/python/ops/seq2seq.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from labkit.graph import Tensor, get_default_graph
from labkit.seq2seq.losses import Loss, sequence_loss, sequence_loss_by_example
from labkit.variable_scope import get_variable_scope, variable_scope


def model_with_buckets(
    encoder_inputs: Sequence[Any], decoder_inputs: Sequence[Any], targets: Sequence[Any], weights: Sequence[Any],
    buckets: Sequence[tuple[int, int]], seq2seq: Callable[[Any, Any], tuple[list[Any], Any]],
    softmax_loss_function: Loss | None = None, per_example_loss: bool = False, name: str | None = None,
) -> tuple[list[list[Any]], list[Tensor]]:  # fmt: skip
    """One model per bucket, with shared variables, and the loss of each.

    Args:
        encoder_inputs: for each step of the longest bucket what the encoder gets.
        decoder_inputs: likewise for the decoder.
        targets: for each decoder step (batch,) the right symbols.
        weights: for each decoder step (batch,) how much it counts.
        buckets: pairs (encoder steps, decoder steps), shortest first.
        seq2seq: from encoder and decoder inputs to (outputs, state), such as
            `lambda x, y: tf.nn.seq2seq.embedding_attention_seq2seq(x, y, cell, 9, 6, 5)`.
        softmax_loss_function: as for `sequence_loss`.
        per_example_loss: True gives a loss (batch,) instead of a scalar.
        name: name of the scope.

    Returns:
        For each bucket the outputs, and for each the loss.

    Raises:
        ValueError: if there are fewer steps than the last bucket has.

    Example:
        >>> import labkit as tf
        >>> words, weights = [tf.zeros([2], tf.int32)] * 4, [tf.ones([2])] * 4
        >>> cell = tf.nn.rnn_cell.GRUCell(3)
        >>> outputs, losses = tf.nn.seq2seq.model_with_buckets(
        ...     words, words, words, weights, [(2, 3), (4, 4)],
        ...     lambda x, y: tf.nn.seq2seq.embedding_rnn_seq2seq(x, y, cell, 9, 6, 5))
        >>> [len(steps) for steps in outputs], len(losses)
        ([3, 4], 2)
    """
    last = buckets[-1]
    given = (("encoder_inputs", encoder_inputs, 0), ("decoder_inputs", decoder_inputs, 1), ("targets", targets, 1),
             ("weights", weights, 1))  # fmt: skip
    for what, steps, side in given:
        if len(steps) < last[side]:
            raise ValueError(f"{what} has {len(steps)} steps, and the last bucket {last} needs {last[side]}.")
    outputs: list[list[Any]] = []
    losses: list[Tensor] = []
    with get_default_graph().name_scope(name or "model_with_buckets"):
        loss = sequence_loss_by_example if per_example_loss else sequence_loss
        for number, (sources, steps) in enumerate(buckets):
            with variable_scope(get_variable_scope(), reuse=True if number else None):
                made, _ = seq2seq(encoder_inputs[:sources], decoder_inputs[:steps])
                outputs.append(made)
                losses.append(loss(made, targets[:steps], weights[:steps], softmax_loss_function=softmax_loss_function))
    return outputs, losses
