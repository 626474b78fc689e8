"""Recurrent networks that read a sequence from both ends.

Source: `tensorflow/python/ops/rnn.py` and `tensorflow/contrib/rnn/python/ops/rnn.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit.graph import Tensor, get_default_graph
from labkit.nests import is_listed
from labkit.ops.joining import concat
from labkit.ops.layout import reverse_sequence
from labkit.ops.slicing import reverse
from labkit.ops.stacking import stack, unstack
from labkit.rnn.dynamic import dynamic_rnn
from labkit.rnn.unrolled import static_rnn
from labkit.variable_scope import variable_scope


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
        sequence_length: see there; each sequence is reversed within its length.
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
    with variable_scope(scope or "bidirectional_rnn"):
        with variable_scope("fw") as forward:
            ahead, ahead_state = static_rnn(cell_fw, inputs, initial_state_fw, dtype, sequence_length, forward)
        with variable_scope("bw") as backward:
            turned = _turned(inputs, sequence_length)
            back, back_state = static_rnn(cell_bw, turned, initial_state_bw, dtype, sequence_length, backward)
        joined = [concat([a, b], 1) for a, b in zip(ahead, _turned(back, sequence_length), strict=True)]
        return joined, ahead_state, back_state


def _turned(rows: Sequence[Any], lengths: Any) -> list[Any]:
    """The steps in reverse order; each sequence within its length, if there are lengths."""
    if lengths is None:
        return list(rows)[::-1]
    return unstack(reverse_sequence(stack(list(rows)), lengths, seq_axis=0, batch_axis=1))


def stack_bidirectional_rnn(
    cells_fw: Sequence[Any], cells_bw: Sequence[Any], inputs: Sequence[Any], initial_states_fw: Any = None,
    initial_states_bw: Any = None, dtype: Any = None, sequence_length: Any = None, scope: Any = None,
) -> tuple[list[Any], tuple[Any, ...], tuple[Any, ...]]:  # fmt: skip
    """Layers of `static_bidirectional_rnn`: each reads the joined outputs of the one below.

    Args:
        cells_fw: the cells that go forwards, lowest first.
        cells_bw: as many that go backwards.
        inputs: as for `static_rnn`.
        initial_states_fw: a first state for each forward cell; zeros if None.
        initial_states_bw: a first state for each backward cell; zeros if None.
        dtype: dtype of those zeros.
        sequence_length: how many steps each sequence has; all of them if None.
        scope: a name or scope for the variables; "stack_bidirectional_rnn" if None.

    Returns:
        The list of outputs of the highest layer, and the last states of the forward and the backward cells.

    Example:
        >>> import labkit as tf
        >>> ahead, back = [[tf.nn.rnn_cell.GRUCell(n) for n in (4, 2)] for _ in range(2)]
        >>> outputs, *_ = tf.contrib.rnn.stack_bidirectional_rnn(ahead, back, [tf.zeros([2, 5])] * 3, dtype=tf.float32)
        >>> outputs[0].get_shape().as_list()
        [2, 4]
    """
    layers = _layers(cells_fw, cells_bw, initial_states_fw, initial_states_bw)
    ends: list[tuple[Any, Any]] = []
    with variable_scope(scope or "stack_bidirectional_rnn"):
        outputs: Sequence[Any] = inputs
        for number, (cell_fw, cell_bw, first_fw, first_bw) in enumerate(layers):
            with variable_scope(f"cell_{number}") as layer:
                outputs, *last = static_bidirectional_rnn(
                    cell_fw, cell_bw, outputs, first_fw, first_bw, dtype, sequence_length, layer
                )
            ends.append((last[0], last[1]))
    return list(outputs), tuple(fw for fw, _ in ends), tuple(bw for _, bw in ends)


def stack_bidirectional_dynamic_rnn(
    cells_fw: Sequence[Any], cells_bw: Sequence[Any], inputs: Any, initial_states_fw: Any = None,
    initial_states_bw: Any = None, dtype: Any = None, sequence_length: Any = None,
    parallel_iterations: int | None = None, scope: Any = None,
) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:  # fmt: skip
    """Layers of `bidirectional_dynamic_rnn`: each reads the joined outputs of the one below.

    Args:
        cells_fw: as for `stack_bidirectional_rnn`, like all that is not named here.
        cells_bw: see there.
        inputs: a tensor (batch, time, inputs).
        initial_states_fw: see there.
        initial_states_bw: see there.
        dtype: see there.
        sequence_length: see there.
        parallel_iterations: kept for TensorFlow's signature.
        scope: see there.

    Returns:
        The outputs of the highest layer (batch, time, units of both), and the last states, forward and backward.

    Example:
        >>> import labkit as tf
        >>> ahead, back = [[tf.nn.rnn_cell.GRUCell(n) for n in (4, 2)] for _ in range(2)]
        >>> outputs, *_ = tf.contrib.rnn.stack_bidirectional_dynamic_rnn(
        ...     ahead, back, tf.zeros([2, 6, 5]), dtype=tf.float32)
        >>> outputs.get_shape().as_list()
        [2, 6, 4]
    """
    layers = _layers(cells_fw, cells_bw, initial_states_fw, initial_states_bw)
    ends: list[tuple[Any, Any]] = []
    with variable_scope(scope or "stack_bidirectional_rnn"):
        outputs = inputs
        for number, (cell_fw, cell_bw, first_fw, first_bw) in enumerate(layers):
            with variable_scope(f"cell_{number}"):
                pair, last = bidirectional_dynamic_rnn(
                    cell_fw, cell_bw, outputs, sequence_length, first_fw, first_bw, dtype
                )
            outputs = concat(pair, 2)
            ends.append(last)
    return outputs, tuple(fw for fw, _ in ends), tuple(bw for _, bw in ends)


def _layers(
    cells_fw: Sequence[Any], cells_bw: Sequence[Any], states_fw: Any, states_bw: Any
) -> list[tuple[Any, Any, Any, Any]]:
    if not is_listed(cells_fw) or not is_listed(cells_bw) or len(cells_fw) != len(cells_bw) or not cells_fw:
        raise ValueError("cells_fw and cells_bw must be lists with equally many cells.")
    none = [None] * len(cells_fw)
    return list(zip(cells_fw, cells_bw, states_fw or none, states_bw or none, strict=True))
