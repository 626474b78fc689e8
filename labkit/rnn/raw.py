"""`tf.nn.raw_rnn`: a loop over time in which a function decides what a cell gets, what is kept and when to stop.

Source: `tensorflow/python/ops/rnn.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labkit.errors import GraphError
from labkit.graph import Tensor, get_default_graph
from labkit.nests import is_listed
from labkit.ops.array import zeros
from labkit.ops.logic import logical_not, logical_or
from labkit.ops.reduce_bool import reduce_all
from labkit.ops.selecting import where
from labkit.ops.shaping import shape
from labkit.ops.structure import flatten
from labkit.ops.tensor_array import TensorArray
from labkit.ops.while_loops import while_loop
from labkit.shapes import TensorShape
from labkit.variable_scope import variable_scope


def raw_rnn(
    cell: Any, loop_fn: Callable[..., Any], parallel_iterations: int | None = None, swap_memory: bool = False,
    scope: Any = None, maximum_iterations: int | None = None,
) -> tuple[Any, Any, Any]:  # fmt: skip
    """Runs a cell in a loop that `loop_fn` steers: each input may depend on the output before.

    `loop_fn(time, cell_output, cell_state, loop_state)` is called before the first step, with time 0 and None for the
    rest, and after each step. It returns

        (elements_finished, next_input, next_cell_state, emit_output, next_loop_state)

    Where `elements_finished` (batch,) is true, the state stays and zeros are emitted; the loop ends when it is true
    everywhere. In the first call `emit_output` says what will be emitted: zeros without the batch axis, or None for
    the cell's output. `next_loop_state` is whatever the function wants to see again, or None.

    Args:
        cell: an `RNNCell`.
        loop_fn: see above.
        parallel_iterations: kept for TensorFlow's signature.
        swap_memory: kept for TensorFlow's signature.
        scope: a name or scope for the variables; "rnn" if None.
        maximum_iterations: labkit's own: stops after so many steps. A loop with this bound is compiled and has a
            gradient; without it runs in Python and has none.

    Returns:
        The emitted outputs as a `tf.TensorArray` (time, batch, ...), the last cell state, and the last loop state.

    Example:
        >>> import labkit as tf
        >>> cell = tf.nn.rnn_cell.BasicRNNCell(4)
        >>> def feed_back(time, output, state, _):
        ...     if output is None:
        ...         return tf.constant([False, False]), tf.zeros([2, 4]), cell.zero_state(2, tf.float32), None, None
        ...     return time >= [3, 2], output, state, output, None
        >>> outputs, state, _ = tf.nn.raw_rnn(cell, feed_back)
        >>> with tf.Session() as session:
        ...     session.run(tf.global_variables_initializer())
        ...     session.run(outputs.stack()).shape
        (3, 2, 4)
    """
    if not callable(loop_fn):
        raise TypeError(f"loop_fn must be a function, not {loop_fn!r}.")
    with variable_scope(scope or "rnn"):
        graph = get_default_graph()
        finished, first_input, first_state, emitted, first_loop_state = _five(loop_fn(0, None, None, None))
        states, _ = flatten(first_state)
        batch = shape(graph.as_tensor(flatten(first_input)[0][0]))[0]
        sizes, rebuild_emitted = flatten(cell.output_size if emitted is None else emitted)
        specs = [(_sizes(n), states[0].dtype) if emitted is None else _shape_of(graph.as_tensor(n)) for n in sizes]
        arrays = [TensorArray(dtype, size=0, dynamic_size=True) for _, dtype in specs]
        nothing = [zeros([batch, *entry], dtype) for entry, dtype in specs]

        def proceed(time: Tensor, finished: Tensor, *_: Any) -> Tensor:
            return logical_not(reduce_all(finished))

        def step(
            time: Tensor, finished: Tensor, x: Any, arrays: list[TensorArray], state: Any, loop_state: Any
        ) -> tuple[Any, ...]:
            output, following = cell(x, state)
            given = None if first_loop_state is None else loop_state
            done, next_x, next_state, emitted, next_loop = _five(loop_fn(time + 1, output, following, given))
            emitted_now = _still(finished, nothing, flatten(emitted)[0])
            next_states, rebuild = flatten(next_state)
            kept = rebuild(_still(finished, flatten(state)[0], next_states))
            written = [array.write(time, value) for array, value in zip(arrays, emitted_now, strict=True)]
            loop_next = loop_state if next_loop is None else next_loop
            return time + 1, logical_or(finished, done), next_x, written, kept, loop_next

        first = graph.as_tensor(finished)
        variables = (0, first, first_input, arrays, first_state, 0 if first_loop_state is None else first_loop_state)
        *_, made, last_state, last_loop_state = while_loop(
            proceed, step, variables, maximum_iterations=maximum_iterations
        )
        return rebuild_emitted(made), last_state, None if first_loop_state is None else last_loop_state


def _five(made: Any) -> Any:
    if not is_listed(made) or len(made) != 5:
        raise GraphError(
            f"loop_fn returned {made!r}.",
            "return (elements_finished, next_input, next_cell_state, emit_output, next_loop_state).",
        )
    return made


def _sizes(size: Any) -> list[Any]:
    return TensorShape(size if is_listed(size) or isinstance(size, TensorShape) else [size]).as_list()


def _shape_of(emitted: Tensor) -> tuple[list[Any], Any]:
    """Shape and dtype of what is emitted for one element of the batch."""
    return emitted.get_shape().as_list(), emitted.dtype


def _still(finished: Tensor, old: list[Any], new: list[Any]) -> list[Any]:
    """The new values where nothing is finished; tensor arrays and scalars are always new."""
    graph = get_default_graph()
    chosen: list[Any] = []
    for before, after in zip(old, new, strict=True):
        value = graph.as_tensor(after)
        chosen.append(value if value.static_shape == () else where(finished, before, value))
    return chosen
