"""The still picture of a placed step, and its outline: the same bytes for the same program.

A row for each device that has ops: what runs there over the time of the step, how busy it is, and what its memory holds
at most. Arrows are left to the live view; what crosses is said in words.

Example:
    >>> from labkit.cluster import ready
    >>> from labkit.workload import Workload, WorkNode
    >>> from labkit_widgets.placement_standing import begin
    >>> stands = begin("obey", Workload((WorkNode("a/b", "MatMul", flops=1e9, bytes=1e6),)), None, ready("gpu_server"))
    >>> outline(stands)[:2]
    ['/device:GPU:0: 1 op, busy 100 %', ['a/b: MatMul (no line asked for a device; GPU is taken first)']]
    >>> "GPU:0" in picture(stands, "a step")
    True
"""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

from labkit.trace import short
from labkit_widgets.placement_columns import labels
from labkit_widgets.placement_standing import Figures, Standing
from labkit_widgets.placement_words import ops
from labkit_widgets.placing import clean

_COLOURS = ("#0072b2", "#c95800", "#008a64", "#a87000", "#b05a8a", "#2c86bd", "#857a00")
_ROWS, _LISTED = 16, 60
_LEFT, _WIDTH, _ROW, _TOP = 150, 480, 44, 40
_FONT = "DejaVu Sans, Verdana, sans-serif"


def picture(stands: Standing, title: str) -> str:
    """The picture as SVG text."""
    names = labels(list(stands.cluster.devices))
    figures = stands.figures()
    shown = figures[:_ROWS]
    whole = stands.seconds if stands.simulation is not None else 0.0
    parts: list[str] = [_text(16, 24, title[:1].upper() + title[1:], 14)]
    y = _TOP
    for entry in shown:
        colour = _COLOURS[entry.device % len(_COLOURS)]
        parts.append(_text(16, y + 18, names[entry.device], 13))
        parts.append(_text(16, y + 34, _words(entry), 11, "#595f66"))
        parts.append(f'<rect x="{_LEFT}" y="{y + 4}" width="{_WIDTH}" height="20" fill="#f3f4f6" stroke="#d0d4d9"/>')
        bars = _bars(stands, entry.name, whole)
        parts += [f'<path d="M{x} {y + 4}h{w}v20h{-w}z" fill="{colour}"/>' for x, w in bars]
        size = stands.cluster.device(entry.name).memory_bytes
        held = f"memory: {short(entry.peak, 'B')} of {short(size, 'B')}"
        words, ink = (_first(entry.over, 90), "#b3261e") if entry.over else (held, "#595f66")
        parts.append(_text(_LEFT, y + 38, words, 11, ink))
        y += _ROW
    left = len(figures) - len(shown)
    run = stands.simulation
    sent = [] if run is None else [crossing for crossing in run.cut.crossings if crossing.bytes]
    size = short(sum(crossing.bytes for crossing in sent), "B")
    below = f"{len(sent)} tensors cross between devices: {size}" if sent else "nothing crosses between devices"
    below += f"; and {left} more devices" if left else ""
    parts.append(_text(_LEFT, y + 16, stands.failure or below, 12))
    width, height = _LEFT + _WIDTH + 24, y + 32
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" font-family="{_FONT}">',
        f"<title>{escape(clean(title, 300))}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>', *parts, "</svg>", "",
    ])  # fmt: skip


def _bars(stands: Standing, device: str, whole: float) -> list[tuple[int, int]]:
    """Where the device runs ops, as (x, width) in whole pixels; what touches is one."""
    found: list[tuple[int, int]] = []
    events = [event for event in stands.events.values() if event.device == device and event.duration_seconds]
    for event in sorted(events, key=lambda event: event.start_seconds):
        x = _LEFT + round(_WIDTH * event.start_seconds / whole)
        end = max(x + 1, _LEFT + round(_WIDTH * event.end_seconds / whole))
        if found and found[-1][0] + found[-1][1] >= x:
            found[-1] = found[-1][0], max(end, sum(found[-1])) - found[-1][0]
        else:
            found.append((x, end - x))
    return found


def _words(entry: Figures) -> str:
    return f"{ops(entry.ops)}, busy {100 * entry.busy:.0f} %"


def _first(text: str, most: int) -> str:
    """The first line of what is said."""
    return clean(text.splitlines()[0], most)


def _text(x: int, y: int, words: str, size: int, colour: str = "#1b1f24") -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour}">{escape(clean(words, 120))}</text>'


def outline(stands: Standing) -> list[Any]:
    """Device by device its ops, each with the reason why it is there."""
    found: list[Any] = []
    for entry in stands.figures()[:_ROWS]:
        found.append(f"{clean(entry.name, 120)}: {_words(entry)}")
        here = [d for d in stands.placement.decisions if d.device == entry.name]
        lines: list[Any] = [f"{clean(d.node, 120)}: {d.op} ({clean(d.reason, 160)})" for d in here[:_LISTED]]
        if len(here) > _LISTED:
            lines.append(f"… and {len(here) - _LISTED:,} more")
        if entry.over:
            lines.insert(0, _first(entry.over, 300))
        found.append(lines)
    return found
