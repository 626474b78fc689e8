"""In which order the stages of a pipeline work: the schedules themselves, without times.

`labkit.parallel.pipeline` says what they are and gives them times.

Example:
    >>> [piece.microbatch for piece in order_of("gpipe", 2, 3)[0]]
    [0, 1, 2, 2, 1, 0]

Source: as in `labkit.parallel.pipeline`.
"""

from __future__ import annotations

from typing import NamedTuple

from labkit.cluster.errors import ClusterError, checked_count, unknown

SCHEDULES = ("forward", "gpipe", "1f1b", "interleaved")


class Piece(NamedTuple):
    """What a stage does at one go.

    Args:
        backward: whether it is a backward pass.
        microbatch: of which microbatch.
        chunk: of which of the stage's chunks of layers.
    """

    backward: bool
    microbatch: int
    chunk: int = 0


def bubble_share(stages: int, microbatches: int, chunks: int = 1) -> float:
    """The share of the time in which stages stand still: (p - 1) / (v m + p - 1), for equal stages, free transfers.

    Args:
        stages: p.
        microbatches: m.
        chunks: v, the chunks of a stage in the interleaved schedule.

    Example:
        >>> bubble_share(4, 4), bubble_share(4, 4, chunks=3)
        (0.42857142857142855, 0.2)
    """
    p = checked_count(stages, "the number of stages")
    m, v = checked_count(microbatches, "the number of microbatches"), checked_count(chunks, "the number of chunks")
    return (p - 1) / (v * m + p - 1)


def order_of(schedule: str, stages: int, microbatches: int, chunks: int = 1) -> list[list[Piece]]:
    """What each stage does, in its order.

    Args:
        schedule: one of `SCHEDULES`.
        stages: p.
        microbatches: m.
        chunks: v.

    Raises:
        ClusterError: as `Pipeline.run`.

    Example:
        >>> ["B"[not piece.backward :] + str(piece.microbatch) for piece in order_of("1f1b", 2, 3)[1]]
        ['0', 'B0', '1', 'B1', '2', 'B2']
    """
    p, m, v = stages, microbatches, checked_count(chunks, "the number of chunks")
    if schedule not in SCHEDULES:
        raise unknown("schedule of a pipeline", schedule, SCHEDULES)
    if v > 1 and schedule != "interleaved":
        raise ClusterError(f"a stage of {schedule!r} is one piece, not {v} chunks.", 'schedule="interleaved".')
    if schedule == "interleaved" and m % p:
        raise ClusterError(
            f"an interleaved schedule takes microbatches in groups of {p}, one for each stage; {m} is no multiple.",
            f"{m - m % p + p} microbatches.",
        )
    groups = [range(start, min(start + p, m)) for start in range(0, m, p)]
    forwards = [Piece(False, i, c) for group in groups for c in range(v) for i in group]
    backwards = [Piece(True, i, c) for group in groups for c in reversed(range(v)) for i in group]
    if schedule == "forward":
        return [forwards] * p
    if schedule == "gpipe":
        return [forwards + backwards[::-1]] * p
    # with chunks, backward pieces come back to a stage after two rounds of the others: hence the 2
    ahead = [p - 1 - s if schedule == "1f1b" else 2 * (p - 1 - s) + (v - 1) * p for s in range(p)]
    return [_in_turn(forwards, backwards, min(first, len(forwards))) for first in ahead]


def _in_turn(forwards: list[Piece], backwards: list[Piece], first: int) -> list[Piece]:
    """`first` forwards, then one forward and one backward in turn, then the backwards that are left."""
    turns = [piece for pair in zip(forwards[first:], backwards, strict=False) for piece in pair]
    return forwards[:first] + turns + backwards[len(forwards) - first :]
