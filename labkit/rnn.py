"""Recurrent networks over time: `tf.nn.static_rnn`, `tf.nn.dynamic_rnn`, and their bidirectional forms.

`static_rnn` unrolls: one copy of the cell's nodes per step, so the graph shows every step. `dynamic_rnn` is a loop (a
`Scan` whose body is the cell): the graph stays small and the number of steps may be unknown.

Where `sequence_length` says that a sequence has ended, outputs are zero and the state stays as it was.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default():
    ...     x = tf.placeholder(tf.float32, [None, 10, 3])
    ...     outputs, state = tf.nn.dynamic_rnn(tf.nn.rnn_cell.GRUCell(4), x, dtype=tf.float32)
    ...     outputs.get_shape().as_list(), [v.name for v in tf.trainable_variables()][0]
    ([None, 10, 4], 'rnn/gru_cell/gates/kernel:0')

Source: `tensorflow/python/ops/rnn.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit.dtypes import int32
from labkit.errors import GraphError, ShapeError
from labkit.graph import Graph, Tensor, get_default_graph
from labkit.layers.base import check_rank
from labkit.ops.filling import zeros_like
from labkit.ops.joining import concat
from labkit.ops.layout import reverse_sequence, transpose
from labkit.ops.logic import less
from labkit.ops.math import cast
from labkit.ops.ranges import range as numbers
from labkit.ops.scans import build_scan
from labkit.ops.selecting import where
from labkit.ops.shaping import shape
from labkit.ops.slicing import reverse
from labkit.ops.structure import flatten
from labkit.variable_scope import variable_scope


def _first_state(graph: Graph, cell: Any, x: Tensor, batch_axis: int, initial_state: Any, dtype: Any) -> Any:
    """The given state, or zeros."""
    if initial_state is not None:
        leaves, rebuild = flatten(initial_state)
        return rebuild([graph.as_tensor(leaf) for leaf in leaves])
    if dtype is None:
        raise ValueError("without an initial_state, dtype must be given.\n  Try: dtype=tf.float32.")
    size = x.static_shape[batch_axis] if x.static_shape is not None else None
    return cell.zero_state(shape(x)[batch_axis] if size is None else size, dtype)


def _lengths(graph: Graph, sequence_length: Any) -> Tensor | None:
    if sequence_length is None:
        return None
    lengths = graph.as_tensor(sequence_length, None, "sequence_length")
    if lengths.static_shape is not None and len(lengths.static_shape) != 1:
        raise ShapeError(f"sequence_length is a vector (batch,), and {lengths.name!r} has shape {lengths.shape}.")
    return lengths if lengths.dtype is int32 else cast(lengths, int32)


def _stopped(running: Tensor, new: Sequence[Tensor], old: Sequence[Tensor]) -> list[Tensor]:
    """The new values for sequences that are still running, the old ones for the others."""
    return [where(running, a, b) for a, b in zip(new, old, strict=True)]


def static_rnn(
    cell: Any, inputs: Sequence[Any], initial_state: Any = None, dtype: Any = None, sequence_length: Any = None,
    scope: Any = None,
) -> tuple[list[Any], Any]:  # fmt: skip
    """Runs a cell over a list of inputs, one copy of its nodes per step.

    Args:
        cell: an `RNNCell`.
        inputs: a list of tensors (batch, inputs), one per step.
        initial_state: the state at first; zeros if None.
        dtype: dtype of those zeros.
        sequence_length: how many steps each sequence has (batch,); all of them if None.
        scope: a name or scope for the variables; "rnn" if None.

    Returns:
        The list of outputs, and the last state.

    Raises:
        TypeError: if `inputs` is no list.
        ValueError: if it is empty.

    Example:
        >>> import labkit as tf
        >>> cell = tf.nn.rnn_cell.BasicRNNCell(4)
        >>> outputs, state = tf.nn.static_rnn(cell, [tf.zeros([2, 3])] * 5, dtype=tf.float32)
        >>> len(outputs), state.get_shape().as_list()
        (5, [2, 4])
    """
    return _unrolled(cell, inputs, initial_state, dtype, sequence_length, scope or "rnn")


def rnn(
    cell: Any, inputs: Sequence[Any], initial_state: Any = None, dtype: Any = None, sequence_length: Any = None,
    scope: Any = None,
) -> tuple[list[Any], Any]:  # fmt: skip
    """The name that `tf.nn.static_rnn` had before TensorFlow 1.0; its scope is "RNN".

    Args:
        cell: as for `static_rnn`, like all that follow.
        inputs: see there.
        initial_state: see there.
        dtype: see there.
        sequence_length: see there.
        scope: see there.

    Returns:
        The list of outputs, and the last state.

    Example:
        >>> import labkit as tf
        >>> outputs, _ = tf.nn.rnn(tf.nn.rnn_cell.GRUCell(4), [tf.zeros([2, 3])] * 5, dtype=tf.float32)
        >>> len(outputs)
        5
    """
    return _unrolled(cell, inputs, initial_state, dtype, sequence_length, scope or "RNN")


def _unrolled(
    cell: Any, inputs: Sequence[Any], initial_state: Any, dtype: Any, sequence_length: Any, scope: Any
) -> tuple[list[Any], Any]:
    if not isinstance(inputs, (list, tuple)):
        raise TypeError(
            f"inputs must be a list with a tensor per step, not {inputs!r}.\n"
            "  Try: tf.unstack(x, axis=1), or tf.nn.dynamic_rnn for one tensor (batch, time, inputs)."
        )
    if not inputs:
        raise ValueError("inputs is empty: there is no step to run.")
    with variable_scope(scope):
        graph = get_default_graph()
        rows = [graph.as_tensor(row) for row in inputs]
        state = _first_state(graph, cell, rows[0], 0, initial_state, dtype)
        lengths = _lengths(graph, sequence_length)
        outputs: list[Any] = []
        for time, row in enumerate(rows):
            output, following = cell(row, state)
            if lengths is not None:
                output, following = _at_time(graph.as_tensor(time), lengths, output, state, following)
            outputs.append(output)
            state = following
        return outputs, state


def _at_time(time: Tensor, lengths: Tensor, output: Any, state: Any, following: Any) -> tuple[Any, Any]:
    """Output and next state, with zeros and the old state for sequences that have ended."""
    running = less(time, lengths)
    made, rebuild_output = flatten(output)
    new, rebuild_state = flatten(following)
    return (
        rebuild_output(_stopped(running, made, [zeros_like(t) for t in made])),
        rebuild_state(_stopped(running, new, flatten(state)[0])),
    )


def dynamic_rnn(
    cell: Any, inputs: Any, sequence_length: Any = None, initial_state: Any = None, dtype: Any = None,
    parallel_iterations: int | None = None, swap_memory: bool = False, time_major: bool = False, scope: Any = None,
) -> tuple[Any, Any]:  # fmt: skip
    """Runs a cell over the time axis of a tensor, in a loop.

    Args:
        cell: an `RNNCell`.
        inputs: a tensor (batch, time, inputs), or (time, batch, inputs) if `time_major`.
        sequence_length: how many steps each sequence has (batch,); all of them if None.
        initial_state: the state at first, in the nesting of `cell.state_size`; zeros if None.
        dtype: dtype of those zeros.
        parallel_iterations: kept for TensorFlow's signature.
        swap_memory: kept for TensorFlow's signature.
        time_major: True if time is the first axis.
        scope: a name or scope for the variables; "rnn" if None.

    Returns:
        The outputs (batch, time, units), or (time, batch, units) if `time_major`; and the last state.

    Raises:
        ShapeError: if `inputs` has another rank than 3.
        ValueError: if neither `initial_state` nor `dtype` is given.

    Gradient: backwards through time, by the gradient of the loop.

    Example:
        >>> import labkit as tf
        >>> cell = tf.nn.rnn_cell.BasicLSTMCell(4)
        >>> outputs, state = tf.nn.dynamic_rnn(cell, tf.zeros([2, 5, 3]), [5, 2], dtype=tf.float32)
        >>> outputs.get_shape().as_list(), state.h.get_shape().as_list()
        ([2, 5, 4], [2, 4])
    """
    with variable_scope(scope or "rnn"):
        graph = get_default_graph()
        leaves, rebuild_input = flatten(inputs)
        rows = [graph.as_tensor(leaf) for leaf in leaves]
        check_rank(rows[0], 3, "tf.nn.dynamic_rnn", "batch, time, inputs")
        if not time_major:
            rows = [_swapped(row) for row in rows]
        first = _first_state(graph, cell, rows[0], 1, initial_state, dtype)
        lengths = _lengths(graph, sequence_length)
        states, rebuild_state = flatten(first)
        if lengths is not None:
            rows.append(numbers(shape(rows[0])[0], name="time"))
        form: list[Any] = []

        def step(carry: list[Tensor], row: list[Tensor]) -> tuple[Sequence[Any], Sequence[Any]]:
            now = row[:-1] if lengths is not None else row
            state = rebuild_state(carry)
            output, following = cell(rebuild_input(now), state)
            if flatten(following)[1].form != rebuild_state.form:
                raise GraphError(
                    f"the cell returns the state {flatten(following)[1].form}, and got {rebuild_state.form}.",
                    "the same nesting: an LSTMStateTuple for an LSTM.",
                )
            if lengths is not None:
                output, following = _at_time(row[-1], lengths, output, state, following)
            made, rebuild_output = flatten(output)
            form.append(rebuild_output)
            return flatten(following)[0], made

        last, kept = build_scan(graph, step, states, rows, "tf.nn.dynamic_rnn", name="while")
        kept = kept if time_major else [_swapped(t) for t in kept]
        return form[0](kept), rebuild_state(last)


def _swapped(x: Tensor) -> Tensor:
    """The first two axes exchanged."""
    rank = 3 if x.static_shape is None else len(x.static_shape)
    return transpose(x, [1, 0, *range(2, rank)])


def bidirectional_dynamic_rnn(
    cell_fw: Any, cell_bw: Any, inputs: Any, sequence_length: Any = None, initial_state_fw: Any = None,
    initial_state_bw: Any = None, dtype: Any = None, parallel_iterations: int | None = None,
    swap_memory: bool = False, time_major: bool = False, scope: Any = None,
) -> tuple[Any, Any]:  # fmt: skip
    """Two recurrent networks over the same inputs: one from first to last, one from last to first.

    Args:
        cell_fw: the cell that goes forwards.
        cell_bw: the cell that goes backwards.
        inputs: as for `dynamic_rnn`, like all that is not named here.
        sequence_length: see there; each sequence is reversed within its length.
        initial_state_fw: first state of the forward cell.
        initial_state_bw: first state of the backward cell.
        dtype: see there.
        parallel_iterations: see there.
        swap_memory: see there.
        time_major: see there.
        scope: a name or scope for the variables; "bidirectional_rnn" if None.

    Returns:
        A pair of outputs (forward, backward), and a pair of last states.

    Example:
        >>> import labkit as tf
        >>> cells = tf.nn.rnn_cell.GRUCell(4), tf.nn.rnn_cell.GRUCell(4)
        >>> outputs, _ = tf.nn.bidirectional_dynamic_rnn(*cells, tf.zeros([2, 5, 3]), dtype=tf.float32)
        >>> tf.concat(outputs, 2).get_shape().as_list()
        [2, 5, 8]
    """
    with variable_scope(scope or "bidirectional_rnn"):
        graph = get_default_graph()
        x = graph.as_tensor(inputs)
        time_axis = 0 if time_major else 1

        def turned(t: Tensor) -> Tensor:
            if sequence_length is None:
                return reverse(t, [time_axis])
            return reverse_sequence(t, sequence_length, time_axis, 1 - time_axis)

        with variable_scope("fw") as forward:
            ahead, ahead_state = dynamic_rnn(
                cell_fw, x, sequence_length, initial_state_fw, dtype, time_major=time_major, scope=forward
            )
        with variable_scope("bw") as backward:
            back, back_state = dynamic_rnn(
                cell_bw, turned(x), sequence_length, initial_state_bw, dtype, time_major=time_major, scope=backward
            )
        return (ahead, turned(back)), (ahead_state, back_state)


def static_bidirectional_rnn(
    cell_fw: Any, cell_bw: Any, inputs: Sequence[Any], initial_state_fw: Any = None, initial_state_bw: Any = None,
    dtype: Any = None, sequence_length: Any = None, scope: Any = None,
) -> tuple[list[Any], Any, Any]:  # fmt: skip
    """`static_rnn` in both directions.

    Args:
        cell_fw: the cell that goes forwards.
        cell_bw: the cell that goes backwards.
        inputs: as for `static_rnn`, like all that is not named here.
        initial_state_fw: first state of the forward cell.
        initial_state_bw: first state of the backward cell.
        dtype: see there.
        sequence_length: only None.
        scope: a name or scope for the variables; "bidirectional_rnn" if None.

    Returns:
        The list of outputs (batch, forward units + backward units), and the two last states.

    Example:
        >>> import labkit as tf
        >>> cells = tf.nn.rnn_cell.GRUCell(4), tf.nn.rnn_cell.GRUCell(3)
        >>> outputs, *_ = tf.nn.static_bidirectional_rnn(*cells, [tf.zeros([2, 5])] * 6, dtype=tf.float32)
        >>> outputs[0].get_shape().as_list()
        [2, 7]
    """
    if sequence_length is not None:
        raise ValueError("static_bidirectional_rnn takes no sequence_length.\n  Try: bidirectional_dynamic_rnn.")
    with variable_scope(scope or "bidirectional_rnn"):
        with variable_scope("fw") as forward:
            ahead, ahead_state = static_rnn(cell_fw, inputs, initial_state_fw, dtype, scope=forward)
        with variable_scope("bw") as backward:
            back, back_state = static_rnn(cell_bw, list(inputs)[::-1], initial_state_bw, dtype, scope=backward)
        joined = [concat([a, b], 1) for a, b in zip(ahead, back[::-1], strict=True)]
        return joined, ahead_state, back_state
