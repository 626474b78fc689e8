"""`draw.timeline`: when each op of a traced run ran, as bars over time (a Gantt chart)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from labkit.draw.picture import FAINT, INK, LINES, PAPER, Picture
from labkit.trace import Event, Trace, short


def timeline(trace: Any, by: str | None = None, rows: int = 12) -> Picture:
    """What ran when: a bar per op from its start to its end.

    Args:
        trace: a trace, such as `session.watch(fetches)` returns, or the `tf.RunMetadata` of a traced run.
        by: "op" gives each op type a row, "device" each device as many rows as ops ran there at once; "op" if None and
            all ran on one device.
        rows: at most so many op types, the slowest; the others share the last row.

    Returns:
        The picture. Behind each row stands its total time; colours tell op types apart.

    Raises:
        ValueError: if nothing ran, or `by` is something else.

    Example:
        >>> import labkit as tf
        >>> from labkit import draw
        >>> _, trace = tf.Session().watch(tf.matmul(tf.ones([4, 4]), tf.ones([4, 4])))
        >>> draw.timeline(trace, by="device")
        <timeline of 3 ops in 1 row...>
    """
    recorded: Any = getattr(trace, "trace", trace)
    if not isinstance(recorded, Trace):
        raise TypeError(f"a timeline shows a trace, such as session.watch returns, not {type(trace).__name__}.")
    events = recorded.events
    if not events:
        raise ValueError("there is nothing to draw: no op ran. A trace comes from session.watch(fetches).")
    if by not in (None, "op", "device"):
        raise ValueError(f"rows are by 'op' or by 'device', not by {by!r}.")
    if by is None:
        by = "op" if len({event.device for event in events}) == 1 else "device"
    names = _rows_by_op(recorded, rows) if by == "op" else _rows_by_device(events)
    order = list(dict.fromkeys(names(event) for event in events))
    if by == "op":
        totals = list(recorded.seconds_by_op())
        order.sort(key=lambda name: (name == _OTHERS, totals.index(name) if name in totals else 0))
    else:
        order.sort()
    text = f"timeline of {len(events)} ops in {len(order)} rows: {', '.join(order)}"
    return _drawn(events, names, order, list(recorded.seconds_by_op()), text)


_OTHERS = "others"


def _rows_by_op(trace: Trace, rows: int) -> Callable[[Event], str]:
    """The row of an event: its op, or the others."""
    shown = list(trace.seconds_by_op())
    shown = shown if len(shown) <= rows else shown[: max(rows - 1, 1)]
    return lambda event: event.op if event.op in shown else _OTHERS


def _rows_by_device(events: Sequence[Event]) -> Callable[[Event], str]:
    """The row of an event: its device, with a number where several ops ran there at once."""
    ends: dict[str, list[float]] = {}
    place: dict[int, str] = {}
    for event in sorted(events, key=lambda event: event.start_seconds):
        lanes = ends.setdefault(event.device, [])
        lane = next((i for i, end in enumerate(lanes) if end <= event.start_seconds), len(lanes))
        lanes[lane:lane + 1] = [event.end_seconds]  # fmt: skip
        short_name = event.device.rpartition("/device:")[2] or event.device
        place[id(event)] = short_name if lane == 0 else f"{short_name} ({lane + 1})"
    return lambda event: place[id(event)]


def _drawn(
    events: Sequence[Event], row_of: Callable[[Event], str], order: list[str], ops: list[str], text: str
) -> Picture:
    height = 0.9 + 0.34 * len(order)
    picture = Picture(9, height, text)
    axes = picture.add_axes((0.2, 0.62 / height, 0.68, 1 - 0.78 / height))
    axes.set_facecolor(PAPER)
    last = max(event.end_seconds for event in events)
    scale, unit = next(((s, u) for s, u in ((1.0, "s"), (1e3, "ms"), (1e6, "us")) if last * s >= 1), (1e9, "ns"))
    for row, name in enumerate(order):
        here = [event for event in events if row_of(event) == name]
        colours = [LINES[ops.index(event.op) % len(LINES)] for event in here]
        wide = [event.duration_seconds > last / 200 for event in here]  # a thin bar has no room for a white edge
        axes.broken_barh(
            [(event.start_seconds * scale, event.duration_seconds * scale) for event in here],
            (row - 0.38, 0.76),
            facecolors=colours,
            edgecolors=[PAPER if room else colour for room, colour in zip(wide, colours, strict=True)],
            linewidth=0.5,
        )
        seconds = sum(event.duration_seconds for event in here)
        axes.text(
            1.015, row, short(seconds, "s"), transform=axes.get_yaxis_transform(), va="center", size=10, color=INK
        )
    axes.set_yticks(range(len(order)), order, size=11, color=INK)
    axes.set_ylim(len(order) - 0.5, -0.5)
    axes.set_xlim(0, last * scale)
    axes.set_xlabel(f"time in {unit}", size=12, color=INK)
    axes.tick_params(axis="x", labelsize=11, colors=INK)
    axes.grid(axis="x", color="#e8ebee", lw=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    return picture
