"""`tf.nn.static_rnn`: one copy of the cell's nodes per step, so that the graph shows every step.

Source: `tensorflow/python/ops/rnn.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit.errors import GraphError
from labkit.graph import get_default_graph
from labkit.ops.array import identity
from labkit.ops.structure import flatten
from labkit.rnn.steps import at_time, first_state, lengths_of
from labkit.variable_scope import variable_scope


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
        state = first_state(graph, cell, rows[0], 0, initial_state, dtype)
        lengths = lengths_of(graph, sequence_length)
        outputs: list[Any] = []
        for time, row in enumerate(rows):
            output, following = cell(row, state)
            if lengths is not None:
                output, following = at_time(graph.as_tensor(time), lengths, output, state, following)
            outputs.append(output)
            state = following
        return outputs, state


def static_state_saving_rnn(
    cell: Any, inputs: Sequence[Any], state_saver: Any, state_name: Any, sequence_length: Any = None, scope: Any = None
) -> tuple[list[Any], Any]:
    """`static_rnn` from a state that somebody keeps, who is told the last one: for long sequences in pieces.

    Args:
        cell: an `RNNCell`.
        inputs: a list of tensors (batch, inputs), one per step.
        state_saver: an object with methods `state(name)`, which returns a tensor, and `save_state(name, value)`, which
            returns an operation.
        state_name: the name of the state, or a nesting of names like that of the state.
        sequence_length: as for `static_rnn`.
        scope: a name or scope for the variables; "rnn" if None.

    Returns:
        The list of outputs, the last of which waits until the state is saved; and the last state.

    Raises:
        GraphError: if the names are not as many as the parts of the state.

    Example:
        >>> import labkit as tf
        >>> class Saver:
        ...     kept = tf.Variable(tf.zeros([2, 4]), trainable=False)
        ...     def state(self, name):
        ...         return self.kept
        ...     def save_state(self, name, value):
        ...         return self.kept.assign(value)
        >>> cell = tf.nn.rnn_cell.GRUCell(4)
        >>> outputs, _ = tf.nn.static_state_saving_rnn(cell, [tf.ones([2, 3])] * 5, Saver(), "kept")
        >>> len(outputs)
        5
    """
    names, form = flatten(state_name)
    sizes, rebuild = flatten(cell.state_size)
    if len(names) != len(sizes):
        raise GraphError(
            f"state_name {form.form} has {len(names)} names, and the state of the cell {rebuild.form} has "
            f"{len(sizes)} parts.",
            'a name for each part, such as ("c", "h") for an LSTM.',
        )
    first = rebuild([state_saver.state(name) for name in names])
    outputs, last = _unrolled(cell, inputs, first, None, sequence_length, scope or "rnn")
    saved = [state_saver.save_state(name, value) for name, value in zip(names, flatten(last)[0], strict=True)]
    with get_default_graph().control_dependencies(saved):
        made, rebuild_output = flatten(outputs[-1])
        outputs[-1] = rebuild_output([identity(t) for t in made])
        final, rebuild_last = flatten(last)
        return outputs, rebuild_last([identity(t) for t in final])
