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

`Pipeline.of` makes the pipeline of a learner's own graph: its layers are the stages, costed op by op.

What it is not: optimizer steps, recomputed activations and transfers that share a link are left out. For the ops of a
real graph on real links there is `labkit.simulator.simulate`.

Source: Y. Huang et al., "GPipe", arXiv:1811.06965 (figure 2c and the bubble); D. Narayanan et al., "PipeDream", SOSP
2019 (1F1B); D. Narayanan et al., "Efficient large-scale language model training on GPU clusters using Megatron-LM",
arXiv:2104.04473, sections 2.2 and 2.3 (interleaved).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, cast

from labkit.cluster import Cluster
from labkit.cluster.errors import ClusterError, checked_count, checked_number
from labkit.graph import Operation, Tensor
from labkit.parallel.orders import SCHEDULES, Piece, bubble_share, order_of
from labkit.parallel.stages import Stages
from labkit.simulator import OpSeconds, roofline_seconds
from labkit.simulator.memory import MemoryCurve
from labkit.trace import Event, Output, Trace

__all__ = ["SCHEDULES", "Piece", "Pipeline", "PipelineRun", "bubble_share", "order_of"]


@dataclass(frozen=True)
class Pipeline:
    """A model in stages, and a batch in microbatches.

    Args:
        stages: how many devices, p.
        microbatches: into how many pieces the batch is cut, m.
        forward: seconds of a stage for a microbatch forward; a list if stages differ.
        backward: likewise backward; twice `forward` if None.
        transfer: seconds for a microbatch's activations, or their gradient, from stage to stage; a list if links
            differ: from each stage to the next, and last from the last to the first, where chunks go around.
        activation_bytes: what a stage keeps of a microbatch for the backward pass; a list if stages differ. With 1.0
            the memory curves count microbatches.
        devices: names of the rows of the trace; "stage 0" and so on if None.
        made_from: the stages of a graph whose costs these are; see `Pipeline.of`.

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
    transfer: float | Sequence[float] = 0.0
    activation_bytes: float | Sequence[float] = 1.0
    devices: Sequence[str] | None = None
    made_from: Stages | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        checked_count(self.stages, "the number of stages")
        checked_count(self.microbatches, "the number of microbatches")
        self.transfers_of()
        if self.devices is not None:
            names: Any = self.devices
            if isinstance(names, str) or len(set(names)) != self.stages or not all(isinstance(n, str) for n in names):
                raise ClusterError(f"{self.stages} stages need as many devices, each with its name, not {names!r}.")
        self.seconds_of(backward=True)
        self.bytes_of()

    @staticmethod
    def of(
        step: Operation | Tensor, feeds: Mapping[Any, Any], stages: Sequence[str | Sequence[str]] | None = None,
        cluster: Cluster | str = "gpu_server", microbatches: int = 8, *, devices: Sequence[str] | None = None,
        seconds: OpSeconds = roofline_seconds,
    ) -> Pipeline:  # fmt: skip
        """The pipeline of a learner's graph: its layers are the stages, costed op by op on a cluster's devices.

        Args:
            step: what `minimize` returned, or the loss; gradients of a loss are made for this alone, and taken back.
            feeds: for each input the shape, or an array, of the whole batch; the first axis counts examples.
            stages: for each stage a name scope, or a list of scopes, or a device that the layers ask for; if None, the
                devices that they ask for, in the order of the graph.
            cluster: the machines, or the name of a ready cluster.
            microbatches: into how many pieces the batch is cut; a divisor of its size.
            devices: the device of each stage in the cluster; if None, those asked for, or the first that are not CPUs.
            seconds: how long an op takes on a kind of device.

        Raises:
            GraphError: if layers go back and forth between stages, or nothing trains.
            ClusterError: for a stage without ops or without a device, or microbatches that do not divide the batch.

        Example:
            >>> import labkit as tf
            >>> x = h = tf.placeholder(tf.float32, [None, 784], name="x")
            >>> for d in range(4):
            ...     with tf.variable_scope(f"layer_{d}"):
            ...         h = tf.layers.dense(h, 1000, tf.nn.relu)
            >>> train = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(tf.square(h)))
            >>> names = [f"layer_{d}" for d in range(4)]
            >>> pipeline = Pipeline.of(train, {x: [1024, 784]}, names, microbatches=8)
            >>> pipeline.devices, pipeline.made_from.devices[1]
            (('layer_0', 'layer_1', 'layer_2', 'layer_3'), '/device:GPU:1')
            >>> pipeline.bytes_of()[1] == 128 * (1000 + 1000) * 4  # what the layer was given, and what it made
            True
            >>> 0.27 < pipeline.run("1f1b").bubble < 0.6  # the stages differ, and links are slow
            True
        """
        return Stages(step, feeds, stages, cluster, devices=devices, seconds=seconds).pipeline(Pipeline, microbatches)

    def with_microbatches(self, microbatches: int) -> Pipeline:
        """The same batch in another number of microbatches; of a graph with its costs found again.

        Args:
            microbatches: into how many pieces the batch is cut.

        Example:
            >>> Pipeline(2, 4).with_microbatches(9).run("gpipe").bubble
            0.09999999999999998
        """
        if self.made_from is None:
            return replace(self, microbatches=microbatches)
        return self.made_from.pipeline(Pipeline, microbatches)

    def seconds_of(self, backward: bool) -> list[float]:
        """Seconds of each stage for a microbatch."""
        forwards = self._each(self.forward, "the forward time", "seconds")
        if not backward:
            return forwards
        if self.backward is None:
            return [2 * seconds for seconds in forwards]
        return self._each(self.backward, "the backward time", "seconds")

    def transfers_of(self) -> list[float]:
        """Seconds of a transfer from each stage to the next, and from the last to the first."""
        if isinstance(self.transfer, Sequence) and not isinstance(self.transfer, str):
            return self._each(self.transfer, "the time of a transfer", "seconds")
        return [checked_number(self.transfer, "the time of a transfer", "seconds", zero=True)] * self.stages

    def bytes_of(self) -> list[float]:
        """Bytes that each stage keeps of a microbatch."""
        return self._each(self.activation_bytes, "what is kept", "bytes")

    def _each(self, value: Any, what: str, unit: str) -> list[float]:
        listed = isinstance(value, Sequence) and not isinstance(value, str)
        values: list[Any] = list(cast("Any", value)) if listed else [value] * self.stages
        if len(values) != self.stages:
            raise ClusterError(f"{what} is given for {len(values)} stages, and there are {self.stages}.")
        return [checked_number(v, f"{what} of stage {s}", unit, zero=True) for s, v in enumerate(values)]

    def run(self, schedule: str = "1f1b", chunks: int = 1) -> PipelineRun:
        """One batch through the pipeline.

        Args:
            schedule: "forward", "gpipe", "1f1b" or "interleaved".
            chunks: into how many chunks each stage is cut, v, with equal parts of its time and memory; for
                "interleaved".

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


class _Clock:
    """Gives each piece of work its time: when the stage is free and what it needs has come."""

    def __init__(self, pipeline: Pipeline, chunks: int) -> None:
        self._pipeline = pipeline
        self._chunks = chunks
        self._names = list(pipeline.devices or [f"stage {s}" for s in range(pipeline.stages)])
        self._seconds = [[t / chunks for t in pipeline.seconds_of(backward)] for backward in (False, True)]
        self._transfers = pipeline.transfers_of()
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
        if piece.backward and source != (kept := self._name(stage, Piece(False, piece.microbatch, piece.chunk))):
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
            return stage, Piece(True, piece.microbatch, piece.chunk)
        place += -1 if piece.backward else 1
        return None if place < 0 else (place % p, Piece(piece.backward, piece.microbatch, place // p))

    def _sent(
        self, stage: int, to: tuple[int, Piece], ready: float, name: str, size: int
    ) -> tuple[float, str]:  # fmt: skip
        """When it is there, and the name of the event that brought it."""
        seconds = self._transfers[to[0] if to[1].backward else stage]
        if to[0] == stage or not seconds:
            return ready, name
        link = (stage, to[0])
        start = max(ready, self._link_free.get(link, 0.0))
        end = self._link_free[link] = start + seconds
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
