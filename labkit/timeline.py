"""`Timeline`: a traced run as Chrome-trace JSON, from TensorFlow's `StepStats`.

Open the file in `chrome://tracing` or at Perfetto: one process per device, in it as many rows as ops ran at once, an
arrow from each op to those that use what it made, and a curve of the bytes that are alive.

Example:
    >>> import json
    >>> import labkit as tf
    >>> from labkit.python.client import timeline
    >>> metadata = tf.RunMetadata()
    >>> options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
    >>> _ = tf.Session().run(tf.constant(2.0) * 3.0, options=options, run_metadata=metadata)
    >>> chrome = timeline.Timeline(metadata.step_stats).generate_chrome_trace_format()
    >>> [event["name"] for event in json.loads(chrome)["traceEvents"] if event["ph"] == "X"]
    ['Const', 'Const', 'Mul']

Source: `tensorflow/python/client/timeline.py` (1.4); the Chrome trace event format.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from labkit.errors import LabkitError
from labkit.step_stats import trace_of
from labkit.trace import Event, Trace


@dataclass(frozen=True)
class AllocationMaximum:
    """The most bytes that were alive at once.

    Args:
        timestamp: when, in microseconds from the start of the step.
        num_bytes: how many.
        tensors: the names of the tensors that were alive.
    """

    timestamp: float
    num_bytes: int
    tensors: tuple[str, ...]


@dataclass(frozen=True)
class StepStatsAnalysis:
    """What `Timeline.analyze_step_stats` finds.

    Args:
        chrome_trace: the events in Chrome's format.
        allocator_maximums: for each device, the most bytes that were alive at once.
    """

    chrome_trace: dict[str, Any]
    allocator_maximums: dict[str, AllocationMaximum]


class Timeline:
    """A traced run, ready to be drawn by Chrome.

    Args:
        step_stats: `run_metadata.step_stats`, labkit's or TensorFlow's; a `labkit.trace.Trace` works too.
        graph: kept for TensorFlow's signature; the inputs of nodes are in the step_stats.

    Example:
        >>> import labkit as tf
        >>> from labkit.timeline import Timeline
        >>> _, trace = tf.Session().watch(tf.ones([250]) + 1.0)
        >>> analysis = Timeline(trace).analyze_step_stats()
        >>> [maximum.num_bytes for maximum in analysis.allocator_maximums.values()]
        [2004]
    """

    def __init__(self, step_stats: Any, graph: Any = None) -> None:
        self._graph = graph
        if isinstance(step_stats, Trace):
            self._trace = step_stats
        elif hasattr(step_stats, "dev_stats"):
            self._trace = trace_of(step_stats)
        else:
            raise LabkitError(
                f"a timeline is made from run_metadata.step_stats, not from {type(step_stats).__name__}.\n"
                "  Try: timeline.Timeline(step_stats=run_metadata.step_stats)."
            )

    def generate_chrome_trace_format(
        self, show_dataflow: bool = True, show_memory: bool = False, op_time: str = "schedule"
    ) -> str:
        """The JSON text.

        Args:
            show_dataflow: arrows from each op to those that use what it made.
            show_memory: a curve of the bytes alive on each device.
            op_time: kept for TensorFlow's signature.
        """
        chrome = self.analyze_step_stats(show_dataflow, show_memory, op_time).chrome_trace
        return json.dumps(chrome, indent=2)

    def analyze_step_stats(
        self, show_dataflow: bool = True, show_memory: bool = True, op_time: str = "schedule"
    ) -> StepStatsAnalysis:
        """The trace in Chrome's format, and the most memory that was needed at once.

        Args:
            show_dataflow: arrows from each op to those that use what it made.
            show_memory: a curve of the bytes alive on each device.
            op_time: kept for TensorFlow's signature.
        """
        del op_time
        events = self._trace.events
        devices = sorted({event.device for event in events})
        rows = _rows(events)
        chrome: list[dict[str, Any]] = [
            {"ph": "M", "name": "process_name", "pid": pid, "args": {"name": f"{device} Compute"}}
            for pid, device in enumerate(devices)
        ]
        chrome += [_span(event, devices.index(event.device), row) for event, row in zip(events, rows, strict=True)]
        if show_dataflow:
            chrome += _arrows(events, devices, rows)
        maximums: dict[str, AllocationMaximum] = {}
        for pid, device in enumerate(devices):
            curve = _alive([event for event in events if event.device == device], events)
            if curve:
                maximums[device] = max(curve, key=lambda point: point.num_bytes)
            if show_memory:
                chrome += [
                    {
                        "ph": "C", "cat": "Memory", "name": "bytes alive", "pid": pid, "ts": point.timestamp,
                        "args": {"bytes": point.num_bytes},
                    }
                    for point in curve
                ]  # fmt: skip
        return StepStatsAnalysis({"traceEvents": chrome, "displayTimeUnit": "ns"}, maximums)


def _span(event: Event, pid: int, row: int) -> dict[str, Any]:
    """An op: a bar from its start to its end."""
    args: dict[str, Any] = {"name": event.node, "op": event.op}
    args |= {f"input{i}": name for i, name in enumerate(event.inputs)}
    if event.flops or event.moved_bytes:
        args |= {"flops": event.flops, "bytes": event.moved_bytes}
    return {
        "ph": "X", "cat": "Op", "name": event.op, "pid": pid, "tid": row, "ts": event.start_seconds * 1e6,
        "dur": event.duration_seconds * 1e6, "args": args,
    }  # fmt: skip


def _rows(events: Sequence[Event]) -> list[int]:
    """The row of each event in its device: the first that is free when it starts."""
    free: dict[str, list[float]] = {}
    rows: list[int] = []
    for event in events:
        ends = free.setdefault(event.device, [])
        row = next((i for i, end in enumerate(ends) if end <= event.start_seconds), len(ends))
        ends[row:row + 1] = [event.end_seconds]  # fmt: skip
        rows.append(row)
    return rows


def _arrows(events: Sequence[Event], devices: list[str], rows: list[int]) -> list[dict[str, Any]]:
    """From the end of each producer to the start of each consumer, as a pair of flow events."""
    producers = {event.node: (event, row) for event, row in zip(events, rows, strict=True)}
    arrows: list[dict[str, Any]] = []
    for consumer, row in zip(events, rows, strict=True):
        for tensor in dict.fromkeys(consumer.inputs):
            source = producers.get(tensor.removeprefix("^").partition(":")[0])
            if source is None:
                continue
            producer, from_row = source
            common = {"cat": "DataFlow", "name": tensor, "id": len(arrows) // 2}
            ends = (("s", producer, from_row, producer.end_seconds), ("t", consumer, row, consumer.start_seconds))
            arrows += [
                {"ph": phase, "pid": devices.index(event.device), "tid": at_row, "ts": seconds * 1e6, **common}
                for phase, event, at_row, seconds in ends
            ]
    return arrows


def _alive(made_here: Sequence[Event], events: Sequence[Event]) -> list[AllocationMaximum]:
    """The bytes alive at each change: a tensor lives from its producer's start to its last consumer's end."""
    last_use: dict[str, float] = {}
    for event in events:
        for tensor in event.inputs:
            name = tensor if ":" in tensor else f"{tensor}:0"
            last_use[name] = max(last_use.get(name, 0.0), event.end_seconds)
    end = max((event.end_seconds for event in events), default=0.0)
    changes: list[tuple[float, int, str]] = []
    for event in made_here:
        if event.output_bytes:
            for output in event.outputs:
                changes.append((event.start_seconds, output.bytes, output.name))
                changes.append((last_use.get(output.name, end), -output.bytes, output.name))
    alive: dict[str, int] = {}
    curve: list[AllocationMaximum] = []
    for seconds, size, name in sorted(changes, key=lambda change: (change[0], change[1])):
        if size >= 0:
            alive[name] = size
        else:
            alive.pop(name, None)
        curve.append(AllocationMaximum(seconds * 1e6, sum(alive.values()), tuple(alive)))
    return curve
