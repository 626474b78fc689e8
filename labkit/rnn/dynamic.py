"""`tf.nn.dynamic_rnn`: a loop over time, whose body is the cell; the number of steps may be unknown.

Source: `tensorflow/python/ops/rnn.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit.errors import GraphError, ShapeError
from labkit.graph import Tensor, get_default_graph
from labkit.ops.ranges import range as numbers
from labkit.ops.scans import build_scan
from labkit.ops.shaping import shape
from labkit.ops.structure import flatten
from labkit.rnn.steps import at_time, check_lengths, first_state, lengths_of, swapped
from labkit.variable_scope import variable_scope


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
        if rows[0].static_shape is not None and len(rows[0].static_shape) < 3:
            raise ShapeError(
                f"tf.nn.dynamic_rnn takes a tensor of rank 3 (batch, time, inputs), and {rows[0].name!r} has shape "
                f"{rows[0].shape}.",
                "tf.reshape(x, [-1, 28, 28]) for MNIST images, or tf.expand_dims(x, 2) for numbers over time.",
            )
        if not time_major:
            rows = [swapped(row) for row in rows]
        first = first_state(graph, cell, rows[0], 1, initial_state, dtype)
        lengths = lengths_of(graph, sequence_length)
        states, rebuild_state = flatten(first)
        if lengths is not None:
            check_lengths(lengths, rows[0], 1)
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
                output, following = at_time(row[-1], lengths, output, state, following)
            made, rebuild_output = flatten(output)
            form.append(rebuild_output)
            return flatten(following)[0], made

        last, kept = build_scan(graph, step, states, rows, "tf.nn.dynamic_rnn", name="while")
        kept = kept if time_major else [swapped(t) for t in kept]
        return form[0](kept), rebuild_state(last)
