"""What all loops over time share: the first state, and what happens after the end of a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit.dtypes import int32
from labkit.errors import ShapeError
from labkit.graph import Graph, Tensor
from labkit.ops.filling import zeros_like
from labkit.ops.layout import transpose
from labkit.ops.logic import less
from labkit.ops.math import cast
from labkit.ops.selecting import where
from labkit.ops.shaping import shape
from labkit.ops.structure import flatten


def first_state(graph: Graph, cell: Any, x: Tensor, batch_axis: int, initial_state: Any, dtype: Any) -> Any:
    """The given state, or zeros."""
    if initial_state is not None:
        leaves, rebuild = flatten(initial_state)
        return rebuild([graph.as_tensor(leaf) for leaf in leaves])
    if dtype is None:
        raise ValueError("without an initial_state, dtype must be given.\n  Try: dtype=tf.float32.")
    size = x.static_shape[batch_axis] if x.static_shape is not None else None
    return cell.zero_state(shape(x)[batch_axis] if size is None else size, dtype)


def lengths_of(graph: Graph, sequence_length: Any) -> Tensor | None:
    """`sequence_length` as a tensor (batch,) of int32, or None."""
    if sequence_length is None:
        return None
    lengths = graph.as_tensor(sequence_length, None, "sequence_length")
    if lengths.static_shape is not None and len(lengths.static_shape) != 1:
        raise ShapeError(f"sequence_length is a vector (batch,), and {lengths.name!r} has shape {lengths.shape}.")
    return lengths if lengths.dtype is int32 else cast(lengths, int32)


def check_lengths(lengths: Tensor, x: Tensor, batch_axis: int) -> None:
    """One length for each sequence of the batch.

    Raises:
        ShapeError: if there are more or fewer.
    """
    rows = None if x.static_shape is None else x.static_shape[batch_axis]
    count = None if lengths.static_shape is None else lengths.static_shape[0]
    if None not in (rows, count) and rows != count:
        raise ShapeError(
            f"sequence_length has {count} entries, and the batch has {rows} sequences: {x.name!r} {x.shape}.",
            "the number of steps of each sequence, a vector (batch,); time_major=True if time is the first axis.",
        )


def _stopped(running: Tensor, new: Sequence[Tensor], old: Sequence[Tensor]) -> list[Tensor]:
    """The new values for sequences that are still running, the old ones for the others."""
    return [where(running, a, b) for a, b in zip(new, old, strict=True)]


def at_time(time: Tensor, lengths: Tensor, output: Any, state: Any, following: Any) -> tuple[Any, Any]:
    """Output and next state, with zeros and the old state for sequences that have ended."""
    running = less(time, lengths)
    made, rebuild_output = flatten(output)
    new, rebuild_state = flatten(following)
    return (
        rebuild_output(_stopped(running, made, [zeros_like(t) for t in made])),
        rebuild_state(_stopped(running, new, flatten(state)[0])),
    )


def swapped(x: Tensor) -> Tensor:
    """The first two axes exchanged."""
    rank = 3 if x.static_shape is None else len(x.static_shape)
    return transpose(x, [1, 0, *range(2, rank)])
