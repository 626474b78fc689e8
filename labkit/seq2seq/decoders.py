"""Decoders without attention, and the models made of an encoder and such a decoder.

An encoder reads the input; its last state is the decoder's first. In training the decoder gets the right symbols
(`decoder_inputs`); otherwise a *loop function* makes each input from the output before (`feed_previous`).

Source: `tensorflow/contrib/legacy_seq2seq/python/ops/seq2seq.py` (1.4); Sutskever, Vinyals and Le, 2014.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from labkit.dtypes import float32
from labkit.errors import ShapeError
from labkit.graph import Tensor, get_default_graph
from labkit.ops.along_axis import argmax
from labkit.ops.conditional import cond
from labkit.ops.control_flow import stop_gradient
from labkit.ops.gathering import embedding_lookup
from labkit.ops.nn import xw_plus_b
from labkit.ops.structure import flatten
from labkit.rnn import static_rnn
from labkit.rnn_cells import EmbeddingWrapper, OutputProjectionWrapper
from labkit.rnn_cells.wrappers import copy_cell
from labkit.shapes import compatible, shape_text
from labkit.shared_variables import get_variable
from labkit.variable_scope import get_variable_scope, variable_scope

Loop = Callable[[Tensor, int], Tensor]
Decoded = tuple[list[Any], Any]


def rnn_decoder(
    decoder_inputs: Sequence[Any], initial_state: Any, cell: Any, loop_function: Loop | None = None, scope: Any = None
) -> Decoded:
    """Runs a cell from a given state.

    Args:
        decoder_inputs: for each step a tensor (batch, inputs).
        initial_state: the first state.
        cell: an `RNNCell`.
        loop_function: from the output before and the number of the step to the input; the first step takes
            `decoder_inputs[0]`. If None, all inputs are those given.
        scope: a name or scope for the variables; "rnn_decoder" if None.

    Returns:
        The list of outputs, and the last state.

    Example:
        >>> import labkit as tf
        >>> cell = tf.nn.rnn_cell.GRUCell(4)
        >>> outputs, _ = tf.nn.seq2seq.rnn_decoder([tf.zeros([2, 4])] * 3, tf.zeros([2, 4]), cell, lambda out, i: out)
        >>> len(outputs)
        3
    """
    with variable_scope(scope or "rnn_decoder"):
        outputs: list[Any] = []
        state = initial_state
        for step, given in enumerate(decoder_inputs):
            inputs = given
            if loop_function is not None and outputs:
                with variable_scope("loop_function", reuse=True):
                    inputs = loop_function(outputs[-1], step)
            if step:
                get_variable_scope().reuse_variables()
            output, state = cell(inputs, state)
            outputs.append(output)
        return outputs, state


def basic_rnn_seq2seq(
    encoder_inputs: Sequence[Any], decoder_inputs: Sequence[Any], cell: Any, dtype: Any = float32, scope: Any = None
) -> Decoded:
    """An encoder and a decoder with weights of their own.

    Args:
        encoder_inputs: for each step a tensor (batch, inputs).
        decoder_inputs: likewise.
        cell: an `RNNCell`; the encoder is a copy of it.
        dtype: dtype of the encoder's first state, zeros.
        scope: a name or scope for the variables; "basic_rnn_seq2seq" if None.

    Returns:
        The decoder's outputs, and its last state.

    Example:
        >>> import labkit as tf
        >>> steps = [tf.zeros([2, 3])] * 4
        >>> outputs, _ = tf.nn.seq2seq.basic_rnn_seq2seq(steps, steps[:2], tf.nn.rnn_cell.GRUCell(5))
        >>> len(outputs), outputs[0].get_shape().as_list()
        (2, [2, 5])
    """
    with variable_scope(scope or "basic_rnn_seq2seq"):
        _, state = static_rnn(copy_cell(cell), encoder_inputs, dtype=dtype)
        return rnn_decoder(decoder_inputs, state, cell)


def tied_rnn_seq2seq(
    encoder_inputs: Sequence[Any], decoder_inputs: Sequence[Any], cell: Any, loop_function: Loop | None = None,
    dtype: Any = float32, scope: Any = None,
) -> Decoded:  # fmt: skip
    """An encoder and a decoder that share their weights.

    Args:
        encoder_inputs: for each step a tensor (batch, inputs).
        decoder_inputs: likewise.
        cell: an `RNNCell`.
        loop_function: as for `rnn_decoder`.
        dtype: dtype of the encoder's first state, zeros.
        scope: a name or scope for the variables; "tied_rnn_seq2seq" if None.

    Returns:
        The decoder's outputs, and its last state.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     steps = [tf.zeros([2, 3])] * 4
        ...     _ = tf.nn.seq2seq.tied_rnn_seq2seq(steps, steps, tf.nn.rnn_cell.BasicRNNCell(5))
        ...     len(tf.trainable_variables())
        2
    """
    with variable_scope("combined_tied_rnn_seq2seq"):
        name = scope or "tied_rnn_seq2seq"
        _, state = static_rnn(cell, encoder_inputs, dtype=dtype, scope=name)
        get_variable_scope().reuse_variables()
        return rnn_decoder(decoder_inputs, state, cell, loop_function, name)


def check_projection(projection: Any, size: int | None, symbols: int) -> None:
    """A projection is a pair: weights (size, symbols) and bias (symbols,)."""
    if projection is None:
        return
    graph = get_default_graph()
    for part, wanted, what in zip(projection, ((size, symbols), (symbols,)), ("weights", "bias"), strict=True):
        found = graph.as_tensor(part).static_shape
        if not compatible(found, wanted):
            raise ShapeError(
                f"the {what} of output_projection must have shape {shape_text(wanted)}, and have {shape_text(found)}."
            )


def argmax_embedded(table: Any, projection: Any, update: bool) -> Loop:
    """The loop function that feeds the vector of the most likely symbol.

    Args:
        table: the vectors (symbols, size).
        projection: weights and bias from an output to symbols; None if the output has them.
        update: False lets no gradient change the vectors this way.
    """

    def loop_function(output: Tensor, _: int) -> Tensor:
        scores = output if projection is None else xw_plus_b(output, projection[0], projection[1])
        vector = embedding_lookup(table, argmax(scores, 1))
        return vector if update else stop_gradient(vector)

    return loop_function


def embedding_rnn_decoder(
    decoder_inputs: Sequence[Any], initial_state: Any, cell: Any, num_symbols: int, embedding_size: int,
    output_projection: Any = None, feed_previous: bool = False, update_embedding_for_previous: bool = True,
    scope: Any = None,
) -> Decoded:  # fmt: skip
    """`rnn_decoder` over numbers of symbols, each with a vector of its own.

    Args:
        decoder_inputs: for each step (batch,) integers.
        initial_state: the first state.
        cell: an `RNNCell`.
        num_symbols: how many symbols there are.
        embedding_size: size of a vector.
        output_projection: weights (units, symbols) and bias (symbols,) that make scores of an output; used to feed
            the most likely symbol. None if the outputs are scores.
        feed_previous: True feeds each step the symbol that the step before found most likely.
        update_embedding_for_previous: False lets no gradient reach the vectors that are fed so.
        scope: a name or scope for the variables; "embedding_rnn_decoder" if None.

    Returns:
        The list of outputs, and the last state.

    Example:
        >>> import labkit as tf
        >>> outputs, _ = tf.nn.seq2seq.embedding_rnn_decoder(
        ...     [tf.zeros([2], tf.int32)] * 3, tf.zeros([2, 7]), tf.nn.rnn_cell.GRUCell(7), 7, 5, feed_previous=True)
        >>> outputs[0].get_shape().as_list()
        [2, 7]
    """
    with variable_scope(scope or "embedding_rnn_decoder"):
        check_projection(output_projection, None, num_symbols)
        table = get_variable("embedding", [num_symbols, embedding_size])
        loop = argmax_embedded(table, output_projection, update_embedding_for_previous) if feed_previous else None
        vectors = [embedding_lookup(table, numbers) for numbers in decoder_inputs]
        return rnn_decoder(vectors, initial_state, cell, loop)


def fed_or_given(feed_previous: Any, decode: Callable[[bool, bool], Decoded]) -> Decoded:
    """What `decode(feed_previous, update_embedding_for_previous)` makes, where `feed_previous` may be a tensor."""
    if isinstance(feed_previous, bool):
        return decode(feed_previous, True)
    forms: list[Any] = []

    def branch(feed: bool) -> list[Any]:
        with variable_scope(get_variable_scope(), reuse=None if feed else True):
            outputs, state = decode(feed, False)
        leaves, rebuild = flatten(state)
        forms.append((len(outputs), rebuild))
        return [*outputs, *leaves]

    made = cond(feed_previous, lambda: branch(True), lambda: branch(False), strict=True)
    count, rebuild = forms[0]
    return list(made[:count]), rebuild(made[count:])


def embedding_rnn_seq2seq(
    encoder_inputs: Sequence[Any], decoder_inputs: Sequence[Any], cell: Any, num_encoder_symbols: int,
    num_decoder_symbols: int, embedding_size: int, output_projection: Any = None, feed_previous: Any = False,
    dtype: Any = None, scope: Any = None,
) -> Decoded:  # fmt: skip
    """A model from symbols to symbols: an encoder with embeddings, and `embedding_rnn_decoder`.

    Args:
        encoder_inputs: for each step (batch,) integers.
        decoder_inputs: likewise.
        cell: an `RNNCell`; the encoder is a copy of it.
        num_encoder_symbols: how many symbols the input has.
        num_decoder_symbols: how many the output has.
        embedding_size: size of a symbol's vector.
        output_projection: as for `embedding_rnn_decoder`; if None, a layer is added that makes scores.
        feed_previous: True, False, or a scalar bool tensor; see there.
        dtype: dtype of the encoder's first state; float32 if None.
        scope: a name or scope for the variables; "embedding_rnn_seq2seq" if None.

    Returns:
        The decoder's outputs, (batch, num_decoder_symbols) each if there is no projection, and its last state.

    Example:
        >>> import labkit as tf
        >>> words = [tf.zeros([2], tf.int32)] * 3
        >>> outputs, _ = tf.nn.seq2seq.embedding_rnn_seq2seq(words, words, tf.nn.rnn_cell.GRUCell(4), 9, 6, 5)
        >>> outputs[0].get_shape().as_list()
        [2, 6]
    """
    with variable_scope(scope or "embedding_rnn_seq2seq"):
        encoder = EmbeddingWrapper(copy_cell(cell), num_encoder_symbols, embedding_size)
        _, state = static_rnn(encoder, encoder_inputs, dtype=dtype or float32)
        decoder = cell if output_projection is not None else OutputProjectionWrapper(cell, num_decoder_symbols)

        def decode(feed: bool, update: bool) -> Decoded:
            return embedding_rnn_decoder(
                decoder_inputs, state, decoder, num_decoder_symbols, embedding_size, output_projection, feed, update
            )

        return fed_or_given(feed_previous, decode)


def embedding_tied_rnn_seq2seq(
    encoder_inputs: Sequence[Any], decoder_inputs: Sequence[Any], cell: Any, num_symbols: int, embedding_size: int,
    num_decoder_symbols: int | None = None, output_projection: Any = None, feed_previous: Any = False,
    dtype: Any = None, scope: Any = None,
) -> Decoded:  # fmt: skip
    """`embedding_rnn_seq2seq` with one cell and one table of vectors for encoder and decoder.

    Args:
        encoder_inputs: as for `embedding_rnn_seq2seq`, like all that is not named here.
        decoder_inputs: see there.
        cell: an `RNNCell`.
        num_symbols: how many symbols input and output have.
        embedding_size: see there.
        num_decoder_symbols: how many of the symbols the output may be; all if None.
        output_projection: see there.
        feed_previous: see there.
        dtype: see there.
        scope: a name or scope for the variables; "embedding_tied_rnn_seq2seq" if None.

    Returns:
        The decoder's outputs, and its last state.

    Example:
        >>> import labkit as tf
        >>> words = [tf.zeros([2], tf.int32)] * 3
        >>> outputs, _ = tf.nn.seq2seq.embedding_tied_rnn_seq2seq(words, words, tf.nn.rnn_cell.GRUCell(4), 9, 5)
        >>> outputs[0].get_shape().as_list()
        [2, 9]
    """
    symbols = num_symbols if num_decoder_symbols is None else num_decoder_symbols
    with variable_scope(scope or "embedding_tied_rnn_seq2seq"):
        check_projection(output_projection, None, symbols)
        table = get_variable("embedding", [num_symbols, embedding_size])
        sources = [embedding_lookup(table, numbers) for numbers in encoder_inputs]
        vectors = [embedding_lookup(table, numbers) for numbers in decoder_inputs]
        both = cell if output_projection is not None else OutputProjectionWrapper(cell, symbols)

        def decode(feed: bool, update: bool) -> Decoded:
            loop = argmax_embedded(table, output_projection, update) if feed else None
            return tied_rnn_seq2seq(sources, vectors, both, loop, dtype or float32)

        return fed_or_given(feed_previous, decode)
