"""What ran, where, when, how many bytes it made and what it cost: one record for measured and simulated runs alike.

A `Trace` is plain data. The watched mode of `Session.run` fills one with the wall time of every op and with its cost on
the shapes that it had; the cluster simulator will fill the same one with simulated time; the pictures draw either.
`table()` is for reading, `to_chrome()` gives the JSON that `chrome://tracing` and Perfetto open, and
`labkit.step_stats` turns it into TensorFlow's messages.

Example:
    >>> trace = Trace([Event("MatMul", "MatMul", "/device:CPU:0", 0.0, 2e-6, 400, flops=2000.0, moved_bytes=1200.0)])
    >>> trace.seconds_by_op()
    {'MatMul': 2e-06}
    >>> print(trace.table())
    op      calls     time       %    FLOPs    bytes  FLOP/s  FLOPs/byte
    MatMul      1  2.00 us  100.0%  2.00 k   1.20 k  1.00 G         1.67
    all         1  2.00 us  100.0%  2.00 k   1.20 k  1.00 G         1.67

Source: the Chrome trace event format, "X" (complete) events; TensorFlow's `StepStats`; S. Williams, A. Waterman,
D. Patterson: "Roofline", 2009, for FLOPs per byte.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Output:
    """A tensor that an op made.

    Args:
        name: the tensor's name, such as "MatMul:0".
        dtype: the name of its element type.
        shape: its sizes.
        bytes: its size in memory.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int


@dataclass(frozen=True)
class Event:
    """One op that ran once.

    Args:
        node: name of the operation.
        op: its type, such as "MatMul".
        device: name of the device it ran on; of a network link, from where to where: "a -> b".
        start_seconds: when it started, from the start of the step.
        duration_seconds: how long it took.
        output_bytes: size of its outputs.
        inputs: names of the tensors it was given.
        outputs: what it made.
        flops: floating-point operations, counted from the shapes it had.
        moved_bytes: bytes read plus bytes written, counted likewise.
        transcendentals: calls of exp, log, tanh and their kin, counted likewise.
    """

    node: str
    op: str
    device: str
    start_seconds: float
    duration_seconds: float
    output_bytes: int
    inputs: tuple[str, ...] = ()
    outputs: tuple[Output, ...] = ()
    flops: float = 0.0
    moved_bytes: float = 0.0
    transcendentals: float = 0.0

    @property
    def end_seconds(self) -> float:
        """When it ended, from the start of the step."""
        return self.start_seconds + self.duration_seconds


@dataclass
class Trace:
    """The events of one step, in the order they started, and the values that tensors had, by name.

    Args:
        events: what ran.
        values: the values of tensors, by name.
        started_at_seconds: when the step started, in seconds since 1970.
        simulated: true if the times come from a model of the machines, and so are the same at every run; false if they
            were measured.
    """

    events: list[Event] = field(default_factory=list[Event])
    values: dict[str, Any] = field(default_factory=dict[str, Any], repr=False)
    started_at_seconds: float = 0.0
    simulated: bool = False

    def seconds_by_op(self) -> dict[str, float]:
        """Total time of each op type, the longest first."""
        totals: dict[str, float] = {}
        for event in self.events:
            totals[event.op] = totals.get(event.op, 0.0) + event.duration_seconds
        return dict(sorted(totals.items(), key=lambda item: -item[1]))

    def table(self, by: str = "op", limit: int | None = None) -> str:
        """Time and cost, the longest first, as text: time, FLOPs, bytes, FLOPs per second and per byte.

        The FLOPs and bytes are counted from shapes; the time is measured, each op alone. FLOPs per byte tell what an
        op waits for: a few per byte means memory, hundreds mean arithmetic.

        Args:
            by: "op" adds up the ops of a type, "scope" those of an outermost name scope, "node" shows each on its own.
            limit: how many rows; all if None.

        Raises:
            ValueError: if `by` is none of these.
        """
        group = _GROUPS.get(by)
        if group is None:
            raise ValueError(f"a table is by 'op', 'scope' or 'node', not by {by!r}.")
        groups: dict[str, list[Event]] = {}
        for event in self.events:
            groups.setdefault(group(event), []).append(event)
        order = sorted(groups, key=lambda name: -sum(e.duration_seconds for e in groups[name]))
        whole = sum(e.duration_seconds for e in self.events)
        rows = [(by, "calls", "time", "%", "FLOPs", "bytes", "FLOP/s", "FLOPs/byte")]
        rows += [_row(name, groups[name], whole) for name in order[:limit]]
        rows.append(_row("all", self.events, whole))
        return aligned(rows)

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
                "args": {
                    "node": event.node, "output_bytes": event.output_bytes, "flops": event.flops,
                    "moved_bytes": event.moved_bytes,
                },
            }
            for event in self.events
        ]  # fmt: skip
        return {"traceEvents": names + spans}


_GROUPS: dict[str, Callable[[Event], str]] = {
    "node": lambda event: event.node,
    "op": lambda event: event.op,
    "scope": lambda event: event.node.partition("/")[0] if "/" in event.node else "(no scope)",
}


def _row(name: str, events: Sequence[Event], whole: float) -> tuple[str, ...]:
    seconds = sum(e.duration_seconds for e in events)
    flops, moved = sum(e.flops for e in events), sum(e.moved_bytes for e in events)
    return (
        name, str(len(events)), short(seconds, "s"), f"{100 * seconds / whole if whole else 0:.1f}%", short(flops),
        short(moved), short(flops / seconds) if seconds else "-", f"{flops / moved:.2f}" if moved else "-",
    )  # fmt: skip


def short(value: float, unit: str = "") -> str:
    """A number with three digits and a prefix.

    Args:
        value: the number, in `unit`.
        unit: what it counts.

    Example:
        >>> short(501760), short(0.0000123, "s"), short(0)
        ('502 k', '12.3 us', '0')
    """
    if not value:
        return f"0 {unit}".strip()
    prefixes = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "u"))
    power, prefix = next(((p, text) for p, text in prefixes if abs(value) >= 0.9995 * p), (1e-9, "n"))
    scaled = value / power
    digits = 2 if abs(scaled) < 9.995 else 1 if abs(scaled) < 99.95 else 0
    return f"{scaled:.{digits}f} {prefix}{unit}".strip()


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows of a table as text: the first column to the left, the others to the right.

    Example:
        >>> print(aligned([("op", "calls"), ("MatMul", "2")]))
        op      calls
        MatMul      2
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
