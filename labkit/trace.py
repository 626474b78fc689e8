"""What ran, where, when, and how many bytes it made: one record for measured and simulated runs alike.

A `Trace` is plain data. The watched mode of `Session.run` fills one with the wall time of every op; the cluster
simulator will fill the same one with simulated time; the pictures draw either. `to_chrome()` gives the JSON that
`chrome://tracing` and Perfetto open.

Example:
    >>> trace = Trace([Event("MatMul", "MatMul", "/device:CPU:0", 0.0, 2e-6, 400)])
    >>> trace.seconds_by_op()
    {'MatMul': 2e-06}

Source: the Chrome trace event format, "X" (complete) events; TensorFlow's `StepStats`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Event:
    """One op that ran once.

    Args:
        node: name of the operation.
        op: its type, such as "MatMul".
        device: name of the device it ran on.
        start_seconds: when it started, from the start of the step.
        duration_seconds: how long it took.
        output_bytes: size of its outputs.
    """

    node: str
    op: str
    device: str
    start_seconds: float
    duration_seconds: float
    output_bytes: int


@dataclass
class Trace:
    """The events of one step, in the order they started, and the values that tensors had, by name."""

    events: list[Event] = field(default_factory=list[Event])
    values: dict[str, Any] = field(default_factory=dict[str, Any], repr=False)

    def seconds_by_op(self) -> dict[str, float]:
        """Total time of each op type, the longest first."""
        totals: dict[str, float] = {}
        for event in self.events:
            totals[event.op] = totals.get(event.op, 0.0) + event.duration_seconds
        return dict(sorted(totals.items(), key=lambda item: -item[1]))

    def to_chrome(self) -> dict[str, Any]:
        """The trace in Chrome's format (times in microseconds), one row per device."""
        rows: Sequence[str] = sorted({event.device for event in self.events})
        names = [
            {"ph": "M", "name": "process_name", "pid": row, "args": {"name": device}} for row, device in enumerate(rows)
        ]
        spans = [
            {
                "ph": "X", "name": event.op, "pid": rows.index(event.device), "tid": 0,
                "ts": event.start_seconds * 1e6, "dur": event.duration_seconds * 1e6,
                "args": {"node": event.node, "output_bytes": event.output_bytes},
            }
            for event in self.events
        ]  # fmt: skip
        return {"traceEvents": names + spans}
