"""Decoders that look back at the encoder's outputs: attention.

At every step the decoder's state asks a question; each position of the input answers with a score, v . tanh(W h + U q),
and what the decoder gets is the average of the encoder's outputs h, weighted by the softmax of the scores.

Source: `tensorflow/contrib/legacy_seq2seq/python/ops/seq2seq.py` (1.4); Vinyals et al., 2014; Bahdanau, Cho and
Bengio, 2014.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit.dtypes import float32
from labkit.errors import ShapeError
from labkit.graph import Tensor, get_default_graph
from labkit.ops.array import reshape, shape, zeros
from labkit.ops.conv import conv2d
from labkit.ops.exponential import tanh
from labkit.ops.gathering import embedding_lookup
from labkit.ops.joining import concat
from labkit.ops.reduce import reduce_sum
from labkit.ops.softmax import softmax
from labkit.ops.structure import flatten
from labkit.rnn import static_rnn
from labkit.rnn_cells import EmbeddingWrapper, OutputProjectionWrapper
from labkit.rnn_cells.base import linear
from labkit.rnn_cells.wrappers import copy_cell
from labkit.seq2seq.decoders import Decoded, Loop, argmax_embedded, check_projection, fed_or_given
from labkit.shared_variables import get_variable
from labkit.variable_scope import get_variable_scope, variable_scope


class _Attention:
    """What the positions of the input answer; the variables are those of the open scope."""

    def __init__(self, states: Tensor, heads: int, dtype: Any) -> None:
        _, length, size = states.static_shape or (None, None, None)
        if size is None:
            raise ShapeError(
                f"attention_states are a tensor (batch, positions, size) of known size, and {states.name!r} has shape "
                f"{states.shape}."
            )
        self.size, self.heads = size, heads
        self.length = shape(states)[1] if length is None else length
        self.hidden = reshape(states, [-1, self.length, 1, size])
        self.features: list[Tensor] = []
        self.directions: list[Any] = []
        for head in range(heads):
            kernel = get_variable(f"AttnW_{head}", [1, 1, size, size], dtype)
            self.features.append(conv2d(self.hidden, kernel, [1, 1, 1, 1], "SAME"))
            self.directions.append(get_variable(f"AttnV_{head}", [size], dtype))

    def __call__(self, query: Any) -> list[Tensor]:
        """For each head the weighted average of the positions, (batch, size)."""
        parts, _ = flatten(query)
        asked = parts[0] if len(parts) == 1 else concat(parts, 1)
        answers: list[Tensor] = []
        for head in range(self.heads):
            with variable_scope(f"Attention_{head}"):
                question = reshape(linear([asked], self.size, True), [-1, 1, 1, self.size])
                scores = reduce_sum(self.directions[head] * tanh(self.features[head] + question), [2, 3])
                weights = reshape(softmax(scores), [-1, self.length, 1, 1])
                answers.append(reshape(reduce_sum(weights * self.hidden, [1, 2]), [-1, self.size]))
        return answers


def attention_decoder(
    decoder_inputs: Sequence[Any], initial_state: Any, attention_states: Any, cell: Any,
    output_size: int | None = None, num_heads: int = 1, loop_function: Loop | None = None, dtype: Any = None,
    scope: Any = None, initial_state_attention: bool = False,
) -> Decoded:  # fmt: skip
    """Runs a cell that sees, at every step, a weighted average of the attention states.

    Args:
        decoder_inputs: for each step a tensor (batch, inputs).
        initial_state: the first state.
        attention_states: (batch, positions, size): what is looked at, such as an encoder's outputs.
        cell: an `RNNCell`.
        output_size: size of the outputs; that of the cell if None.
        num_heads: how many averages are taken.
        loop_function: as for `rnn_decoder`.
        dtype: dtype of the variables; float32 if None.
        scope: a name or scope for the variables; "attention_decoder" if None.
        initial_state_attention: True takes the averages for the first step from the first state; else they are zero.

    Returns:
        The list of outputs (batch, output_size), and the last state.

    Raises:
        ValueError: if there are no inputs or no heads.
        ShapeError: if the size of the attention states is unknown.

    Example:
        >>> import labkit as tf
        >>> steps = [tf.zeros([2, 3])] * 4
        >>> outputs, _ = tf.nn.seq2seq.attention_decoder(
        ...     steps, tf.zeros([2, 5]), tf.zeros([2, 6, 7]), tf.nn.rnn_cell.GRUCell(5), output_size=8)
        >>> len(outputs), outputs[0].get_shape().as_list()
        (4, [2, 8])
    """
    if not decoder_inputs:
        raise ValueError("decoder_inputs is empty: there is no step to run.")
    if num_heads < 1:
        raise ValueError(f"num_heads must be at least 1, not {num_heads}.")
    graph = get_default_graph()
    kind = dtype or float32
    with variable_scope(scope or "attention_decoder", dtype=kind):
        rows = [graph.as_tensor(row) for row in decoder_inputs]
        attend = _Attention(graph.as_tensor(attention_states), num_heads, kind)
        state = initial_state
        seen: list[Tensor] = [zeros([shape(rows[0])[0], attend.size], kind) for _ in range(num_heads)]
        for average in seen:
            average.set_shape([None, attend.size])
        if initial_state_attention:
            seen = attend(initial_state)
        outputs: list[Any] = []
        for step, given in enumerate(rows):
            if step:
                get_variable_scope().reuse_variables()
            inputs = given
            if loop_function is not None and outputs:
                with variable_scope("loop_function", reuse=True):
                    inputs = loop_function(outputs[-1], step)
            size = (inputs.static_shape or (None, None))[1]
            if size is None:
                raise ShapeError(f"a decoder's input has a known size, and {inputs.name!r} has shape {inputs.shape}.")
            merged = linear([inputs, *seen], size, True)
            made, state = cell(merged, state)
            again = True if step == 0 and initial_state_attention else None
            with variable_scope(get_variable_scope(), reuse=again):
                seen = attend(state)
            with variable_scope("AttnOutputProjection"):
                outputs.append(linear([made, *seen], output_size or cell.output_size, True))
        return outputs, state


def embedding_attention_decoder(
    decoder_inputs: Sequence[Any], initial_state: Any, attention_states: Any, cell: Any, num_symbols: int,
    embedding_size: int, num_heads: int = 1, output_size: int | None = None, output_projection: Any = None,
    feed_previous: bool = False, update_embedding_for_previous: bool = True, dtype: Any = None, scope: Any = None,
    initial_state_attention: bool = False,
) -> Decoded:  # fmt: skip
    """`attention_decoder` over numbers of symbols, each with a vector of its own.

    Args:
        decoder_inputs: for each step (batch,) integers.
        initial_state: as for `attention_decoder`, like all that is not named here.
        attention_states: see there.
        cell: see there.
        num_symbols: how many symbols there are.
        embedding_size: size of a symbol's vector.
        num_heads: see there.
        output_size: see there.
        output_projection: as for `embedding_rnn_decoder`.
        feed_previous: True feeds each step the symbol that the step before found most likely.
        update_embedding_for_previous: False lets no gradient reach the vectors that are fed so.
        dtype: see there.
        scope: a name or scope for the variables; "embedding_attention_decoder" if None.
        initial_state_attention: see there.

    Returns:
        The list of outputs, and the last state.

    Example:
        >>> import labkit as tf
        >>> outputs, _ = tf.nn.seq2seq.embedding_attention_decoder(
        ...     [tf.zeros([2], tf.int32)] * 3, tf.zeros([2, 5]), tf.zeros([2, 6, 7]), tf.nn.rnn_cell.GRUCell(5), 9, 4)
        >>> outputs[0].get_shape().as_list()
        [2, 5]
    """
    size = output_size or cell.output_size
    check_projection(output_projection, size, num_symbols)
    with variable_scope(scope or "embedding_attention_decoder", dtype=dtype or float32):
        table = get_variable("embedding", [num_symbols, embedding_size])
        loop = argmax_embedded(table, output_projection, update_embedding_for_previous) if feed_previous else None
        vectors = [embedding_lookup(table, numbers) for numbers in decoder_inputs]
        return attention_decoder(
            vectors, initial_state, attention_states, cell, size, num_heads, loop, dtype, None, initial_state_attention
        )


def embedding_attention_seq2seq(
    encoder_inputs: Sequence[Any], decoder_inputs: Sequence[Any], cell: Any, num_encoder_symbols: int,
    num_decoder_symbols: int, embedding_size: int, num_heads: int = 1, output_projection: Any = None,
    feed_previous: Any = False, dtype: Any = None, scope: Any = None, initial_state_attention: bool = False,
) -> Decoded:  # fmt: skip
    """A model from symbols to symbols: an encoder with embeddings, and a decoder that looks at its outputs.

    Args:
        encoder_inputs: for each step (batch,) integers.
        decoder_inputs: likewise.
        cell: an `RNNCell`; the encoder is a copy of it.
        num_encoder_symbols: how many symbols the input has.
        num_decoder_symbols: how many the output has.
        embedding_size: size of a symbol's vector.
        num_heads: how many averages of the encoder's outputs are taken.
        output_projection: as for `embedding_rnn_decoder`; if None, outputs are scores of the symbols.
        feed_previous: True, False, or a scalar bool tensor: feeds each step what the one before found most likely.
        dtype: dtype of the encoder's first state; float32 if None.
        scope: a name or scope for the variables; "embedding_attention_seq2seq" if None.
        initial_state_attention: True looks at the encoder's outputs before the first step, too.

    Returns:
        The decoder's outputs, and its last state.

    Example:
        >>> import labkit as tf
        >>> words = [tf.zeros([2], tf.int32)] * 3
        >>> outputs, _ = tf.nn.seq2seq.embedding_attention_seq2seq(words, words, tf.nn.rnn_cell.GRUCell(4), 9, 6, 5)
        >>> outputs[0].get_shape().as_list()
        [2, 6]
    """
    with variable_scope(scope or "embedding_attention_seq2seq", dtype=dtype or float32):
        encoder = EmbeddingWrapper(copy_cell(cell), num_encoder_symbols, embedding_size)
        outputs, state = static_rnn(encoder, encoder_inputs, dtype=dtype or float32)
        positions = concat([reshape(output, [-1, 1, cell.output_size]) for output in outputs], 1)
        decoder, size = cell, None
        if output_projection is None:
            decoder, size = OutputProjectionWrapper(cell, num_decoder_symbols), num_decoder_symbols

        def decode(feed: bool, update: bool) -> Decoded:
            return embedding_attention_decoder(
                decoder_inputs, state, positions, decoder, num_decoder_symbols, embedding_size, num_heads, size,
                output_projection, feed, update, dtype, None, initial_state_attention,
            )  # fmt: skip

        return fed_or_given(feed_previous, decode)
