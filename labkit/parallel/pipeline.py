"""Pipelines: the layers of a model on p devices (stages), a batch in m pieces (microbatches), and who waits when.

A stage can work on a microbatch forward when the stage before has, and backward when the stage after has. In which
order it takes what it could do is the schedule:

    "forward"       only forwards: the wavefront of inference, or of a deep recurrent net over time
    "gpipe"         all forwards, then all backwards, the last microbatch first
    "1f1b"          p - 1 - s forwards on stage s, then one forward, one backward, in turn; the rest backwards
    "interleaved"   as "1f1b", but each stage has v chunks of layers: chunk c of stage s is the (c p + s)-th of p v

A stage does one thing at a time. A tensor crosses to another device in `transfer` seconds, one after another in each
direction, while the stages work on.

With equal stages and free transfers every stage works for m (f + b) and waits for (p - 1)(f + b) / v, so the share of
the time in which stages stand still, the *bubble*, is (p - 1) / (v m + p - 1) (`bubble_share`). The runs here do not
know the formula: they start each piece of work when what it needs is there.

What must be kept for the backward pass makes the difference: with "gpipe" each stage keeps the activations of all m
microbatches, with "1f1b" stage s those of at most p - s.

Example:
    >>> pipeline = Pipeline(stages=4, microbatches=8, forward=1.0, backward=2.0)
    >>> pipeline.run("gpipe")
    <gpipe: 4 stages, 8 microbatches, 33 s, bubble 27.3%, activations of at most 8 microbatches>
    >>> pipeline.run("1f1b")
    <1f1b: 4 stages, 8 microbatches, 33 s, bubble 27.3%, activations of at most 4 microbatches>
    >>> round(bubble_share(4, 8), 3)
    0.273
    >>> print(Pipeline(stages=2, microbatches=3).run("1f1b").picture())
    stage 0 F0 F1 .  .  B0 B0 F2 B1 B1 .  B2 B2
    stage 1 .  F0 B0 B0 F1 B1 B1 F2 B2 B2 .  .

Twenty steps of an LSTM of four layers, a layer to a device, are a wavefront of 23 cell times instead of 80:

    >>> run = Pipeline(stages=4, microbatches=20).run("forward")
    >>> run.seconds, run.serial_seconds
    (23.0, 80.0)

What it is not: optimizer steps, recomputed activations and transfers that share a link are left out. For the ops of a
real graph on real links there is `labkit.simulator.simulate`.

Source: Y. Huang et al., "GPipe", arXiv:1811.06965 (figure 2c and the bubble); D. Narayanan et al., "PipeDream", SOSP
2019 (1F1B); D. Narayanan et al., "Efficient large-scale language model training on GPU clusters using Megatron-LM",
arXiv:2104.04473, sections 2.2 and 2.3 (interleaved).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, cast

from labkit.cluster.errors import ClusterError, checked_count, checked_number, unknown
from labkit.simulator.memory import MemoryCurve
from labkit.trace import Event, Output, Trace

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


@dataclass(frozen=True)
class Pipeline:
    """A model in stages, and a batch in microbatches.

    Args:
        stages: how many devices, p.
        microbatches: into how many pieces the batch is cut, m.
        forward: seconds of a stage for a microbatch forward; a list if stages differ.
        backward: likewise backward; twice `forward` if None.
        transfer: seconds for a microbatch's activations, or their gradient, from stage to stage.
        activation_bytes: what a stage keeps of a microbatch for the backward pass; a list if stages differ. With 1.0
            the memory curves count microbatches.
        devices: names of the rows of the trace; "stage 0" and so on if None.

    Raises:
        ClusterError: if something is no such number, or a list has another length than there are stages.

    Example:
        >>> slow_end = Pipeline(stages=3, microbatches=6, forward=[1.0, 1.0, 3.0], transfer=0.25)
        >>> slow_end.run("1f1b").busy_seconds
        (18.0, 18.0, 54.0)
    """

    stages: int
    microbatches: int
    forward: float | Sequence[float] = 1.0
    backward: float | Sequence[float] | None = None
    transfer: float = 0.0
    activation_bytes: float | Sequence[float] = 1.0
    devices: Sequence[str] | None = None

    def __post_init__(self) -> None:
        checked_count(self.stages, "the number of stages")
        checked_count(self.microbatches, "the number of microbatches")
        checked_number(self.transfer, "the time of a transfer", "seconds", zero=True)
        if self.devices is not None and len(set(self.devices)) != self.stages:
            raise ClusterError(f"{self.stages} stages need as many devices, not {list(self.devices)}.")
        self.seconds_of(backward=True)
        self.bytes_of()

    def seconds_of(self, backward: bool) -> list[float]:
        """Seconds of each stage for a microbatch."""
        forwards = self._each(self.forward, "the forward time", "seconds")
        if not backward:
            return forwards
        if self.backward is None:
            return [2 * seconds for seconds in forwards]
        return self._each(self.backward, "the backward time", "seconds")

    def bytes_of(self) -> list[float]:
        """Bytes that each stage keeps of a microbatch."""
        return self._each(self.activation_bytes, "what is kept", "bytes")

    def _each(self, value: Any, what: str, unit: str) -> list[float]:
        values: list[Any] = list(cast("Any", value)) if isinstance(value, Sequence) else [value] * self.stages
        if len(values) != self.stages:
            raise ClusterError(f"{what} is given for {len(values)} stages, and there are {self.stages}.")
        return [checked_number(v, f"{what} of stage {s}", unit, zero=True) for s, v in enumerate(values)]

    def run(self, schedule: str = "1f1b", chunks: int = 1) -> PipelineRun:
        """One batch through the pipeline.

        Args:
            schedule: "forward", "gpipe", "1f1b" or "interleaved".
            chunks: into how many chunks each stage is cut, v; for "interleaved".

        Raises:
            ClusterError: for another schedule; for chunks where the schedule knows none; for an interleaved one whose
                microbatches are not a multiple of the stages.

        Example:
            >>> run = Pipeline(stages=4, microbatches=8).run("interleaved", chunks=2)
            >>> round(run.bubble, 9) == round(bubble_share(4, 8, 2), 9)
            True
        """
        orders = order_of(schedule, self.stages, self.microbatches, chunks)
        return _Clock(self, chunks).run(schedule, orders)


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


class _Clock:
    """Gives each piece of work its time: when the stage is free and what it needs has come."""

    def __init__(self, pipeline: Pipeline, chunks: int) -> None:
        self._pipeline = pipeline
        self._chunks = chunks
        self._names = list(pipeline.devices or [f"stage {s}" for s in range(pipeline.stages)])
        self._seconds = [[t / chunks for t in pipeline.seconds_of(backward)] for backward in (False, True)]
        self._bytes = [size / chunks for size in pipeline.bytes_of()]
        self._arrived: dict[tuple[int, Piece], tuple[float, str]] = {}  # for a stage's piece: when, and as what
        self._link_free: dict[tuple[int, int], float] = {}
        self._events: list[Event] = []

    def run(self, schedule: str, orders: list[list[Piece]]) -> PipelineRun:
        p = self._pipeline.stages
        done = [0] * p
        free = [0.0] * p
        going = True
        while going:  # a stage goes on as far as it can; then the next one
            going = False
            for stage, order in enumerate(orders):
                while done[stage] < len(order) and self._can(stage, order[done[stage]]):
                    free[stage] = self._work(stage, order[done[stage]], free[stage])
                    done[stage] += 1
                    going = True
        self._events.sort(key=lambda event: (event.start_seconds, event.end_seconds))
        trace = Trace(self._events, simulated=True)
        return PipelineRun(self._pipeline, schedule, self._chunks, trace, tuple(map(tuple, orders)), tuple(self._names))

    def _can(self, stage: int, piece: Piece) -> bool:
        """Whether what it needs has a time already."""
        is_input = not piece.backward and stage == 0 and piece.chunk == 0
        return is_input or (stage, piece) in self._arrived

    def _work(self, stage: int, piece: Piece, free: float) -> float:
        """Puts a piece of work at its time, and sends on what it made; returns when it ends."""
        came, source = self._arrived.get((stage, piece), (0.0, ""))
        start = max(free, came)
        end = start + self._seconds[piece.backward][stage]
        name, size = self._name(stage, piece), int(self._bytes[stage])
        inputs = [f"{source}:0"] if source else []
        if piece.backward and source != (kept := self._name(stage, piece._replace(backward=False))):
            inputs.append(f"{kept}:0")
        self._events.append(self._event(name, self._names[stage], (start, end), size, inputs, piece))
        following = self._next(stage, piece)
        if following is not None:
            self._arrived[following] = self._sent(stage, following, end, name, size)
        return end

    def _next(self, stage: int, piece: Piece) -> tuple[int, Piece] | None:
        """Which piece of which stage takes what this one makes."""
        p, last = self._pipeline.stages, self._pipeline.stages * self._chunks - 1
        place = piece.chunk * p + stage
        if not piece.backward and place == last:
            return stage, piece._replace(backward=True)
        place += -1 if piece.backward else 1
        return None if place < 0 else (place % p, piece._replace(chunk=place // p))

    def _sent(
        self, stage: int, to: tuple[int, Piece], ready: float, name: str, size: int
    ) -> tuple[float, str]:  # fmt: skip
        """When it is there, and the name of the event that brought it."""
        if to[0] == stage or not self._pipeline.transfer:
            return ready, name
        link = (stage, to[0])
        start = max(ready, self._link_free.get(link, 0.0))
        end = self._link_free[link] = start + self._pipeline.transfer
        received = f"{self._name(*to)}/receive"
        row = f"{self._names[stage]} -> {self._names[to[0]]}"
        self._events.append(self._event(received, row, (start, end), size, [f"{name}:0"], None))
        return end, received

    def _name(self, stage: int, piece: Piece) -> str:
        chunk = f"chunk_{piece.chunk}/" if self._chunks > 1 else ""
        return f"stage_{stage}/{chunk}{_WORD[piece.backward]}_{piece.microbatch}"

    def _event(
        self, name: str, row: str, span: tuple[float, float], size: int, inputs: Sequence[str], piece: Piece | None
    ) -> Event:
        op = "_Recv" if piece is None else _WORD[piece.backward]
        outputs = (Output(f"{name}:0", "float32", (), size),)
        return Event(name, op, row, span[0], span[1] - span[0], size, tuple(inputs), outputs)


_WORD = ("forward", "backward")


@dataclass(frozen=True, repr=False)
class PipelineRun:
    """One batch that went through a pipeline.

    Args:
        pipeline: its stages and times.
        schedule: in which order they worked.
        chunks: how many chunks a stage has.
        trace: an event for each piece of work on its stage, and for each transfer a `_Recv` on the row "a -> b".
        orders: for each stage what it did, in its order.
        devices: the rows of the stages.
    """

    pipeline: Pipeline
    schedule: str
    chunks: int
    trace: Trace
    orders: tuple[tuple[Piece, ...], ...]
    devices: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """When the last piece of work ended."""
        return max(event.end_seconds for event in self.trace.events)

    @property
    def busy_seconds(self) -> tuple[float, ...]:
        """For how long each stage worked."""
        return tuple(math.fsum(event.duration_seconds for event in self.of_stage(s)) for s in range(len(self.devices)))

    @property
    def serial_seconds(self) -> float:
        """How long one device would take that had room for all stages."""
        return math.fsum(self.busy_seconds)

    @property
    def bubble(self) -> float:
        """The share of the stages' time in which they stood still; computed from the events."""
        whole = self.seconds * len(self.devices)
        return 1 - self.serial_seconds / whole if whole else 0.0

    @property
    def memory(self) -> Mapping[str, MemoryCurve]:
        """For each stage what it keeps over time: activations from the start of a forward to the end of its backward.

        With the schedule "forward" they are kept until the forward has ended.
        """
        return {device: self._curve(stage) for stage, device in enumerate(self.devices)}

    def of_stage(self, stage: int) -> list[Event]:
        """What a stage did, in its order."""
        return list(self._by_stage[stage])

    @cached_property
    def _by_stage(self) -> list[list[Event]]:
        found: dict[str, list[Event]] = {device: [] for device in self.devices}
        for event in self.trace.events:
            if event.device in found:
                found[event.device].append(event)
        return list(found.values())

    def _curve(self, stage: int) -> MemoryCurve:
        size = self.pipeline.bytes_of()[stage] / self.chunks
        frees = _WORD[self.schedule != "forward"]
        changes = [(0.0, 0)]
        for event in self.of_stage(stage):  # in order of time, and what ends frees before the next one starts
            changes += [(event.start_seconds, 1)] if event.op == "forward" else []
            changes += [(event.end_seconds, -1)] if event.op == frees else []
        seconds: list[float] = []
        held: list[float] = []
        count = 0
        for at, change in changes:
            count += change
            if seconds and seconds[-1] == at:
                held[-1] = count * size
            else:
                seconds.append(at)
                held.append(count * size)
        return MemoryCurve(tuple(seconds), tuple(held))

    def picture(self, columns: int = 80) -> str:
        """Who does what when, as text: F3 is the forward of microbatch 3, a dot stands for waiting.

        Args:
            columns: how many columns of time at most; longer runs are drawn coarser.
        """
        shortest = min((e.duration_seconds for e in self.trace.events if e.duration_seconds), default=1.0)
        tick = max(shortest, self.seconds / columns)
        rows: list[list[str]] = []
        for stage, device in enumerate(self.devices):
            cells = ["."] * max(1, math.ceil(self.seconds / tick - 1e-9))
            for event in self.of_stage(stage):
                text = event.op[0].upper() + event.node.rpartition("_")[2]
                for cell in range(round(event.start_seconds / tick), round(event.end_seconds / tick)):
                    cells[cell] = text
            rows.append([device, *cells])
        return _in_columns(rows)

    def __repr__(self) -> str:
        p, m = self.pipeline.stages, self.pipeline.microbatches
        held = max(
            curve.peak / (size or 1) for curve, size in zip(self.memory.values(), self.pipeline.bytes_of(), strict=True)
        )
        chunks = f" of {self.chunks} chunks" if self.chunks > 1 else ""
        return (
            f"<{self.schedule}: {p} stage{'s' * (p > 1)}{chunks}, {m} microbatch{'es' * (m > 1)}, "
            f"{self.seconds:g} s, bubble {self.bubble:.1%}, activations of at most {held:g} microbatch"
            f"{'es' * (held != 1)}>"
        )


def _in_columns(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        " ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
