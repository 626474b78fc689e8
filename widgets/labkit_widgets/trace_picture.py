"""The still picture of a trace, and its outline: the same bytes for the same program.

Times that were measured are different at every run. So the picture of a *measured* trace shows only what ran, on what,
and in which order, every bar as wide as the next; that of a *simulated* one shows its times and its critical path. All
coordinates are whole numbers. Bars that would be narrower than a pixel are drawn as one.

Example:
    >>> from labkit.trace import Event, Trace
    >>> trace = Trace([Event("y/MatMul", "MatMul", "/device:CPU:0", 0.0, 2e-6, 400)])
    >>> outline(trace)
    ['CPU:0: 1 event', ['y/MatMul: MatMul']]
    >>> "order" in picture(trace)
    True
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from html import escape
from typing import Any

from labkit.trace import Event, Trace, short
from labkit_widgets.trace_columns import columns, rows_of, type_of

COLOURS = ("#0072b2", "#c95800", "#008a64", "#a87000", "#b05a8a", "#2c86bd")
"""Okabe and Ito's, darkened where white paper asks for it: those of the live views (colours.ts)."""

_OTHERS = "#6b737c"  # all ops that have no colour of their own
_INKS = {COLOURS[0]: "#fff", _OTHERS: "#fff"}  # words on bars are black otherwise
_ROWS, _LANES, _LISTED = 24, 6, 60  # most of each that is drawn or listed
_LEFT, _WIDTH, _TOP, _LANE = 140, 560, 28, 18


def picture(trace: Trace) -> str:
    """The picture as SVG text."""
    made = columns([trace])
    rows = made["rows"][:_ROWS]
    heights: list[int] = [_LANE * (min(row["lanes"], _LANES) if trace.simulated else 1) + 6 for row in rows]
    tops = list(itertools.accumulate(heights, initial=_TOP))
    bottom = tops[-1]
    parts = [_text(_LEFT - 8, top + 14, _cut(row["label"], 20), "end") for row, top in zip(rows, tops, strict=False)]
    parts += [f'<path d="M{_LEFT} {top - 3}h{_WIDTH}" stroke="#d0d4d9"/>' for top in tops]
    colours = _colours(made, trace.simulated)
    parts += _bars(made, tops, colours, trace.simulated)
    hidden = len(made["rows"]) - len(rows)
    if hidden:
        parts.append(_text(_LEFT, bottom + 14, f"and {hidden} more rows"))
        bottom += 20
    parts += _words(made["ops"], colours, bottom)
    if trace.simulated:
        path = made["critical"][0]
        parts.append(_text(_LEFT, 16, "0"))
        parts.append(_text(_LEFT + _WIDTH, 16, short(path["span"], "s"), "end"))
        chain = f"black frames: the critical path, {short(path['seconds'], 's')}"
        parts.append(_text(_LEFT + _WIDTH // 2, 16, chain, "middle"))
    else:
        parts.append(_text(_LEFT, 16, "in the order that they ran; times were measured, and are in the live view"))
    height = bottom + 30
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="720" height="{height}" viewBox="0 0 720 {height}" '
        'font-family="system-ui, sans-serif" font-size="12">'
        f'<rect width="720" height="{height}" fill="#fff"/>{"".join(parts)}</svg>'
    )


def outline(trace: Trace) -> list[Any]:
    """Device by device what ran there, in order."""
    keys, labels = rows_of([trace])
    on: dict[str, list[Event]] = {device: [] for _, device in keys}
    for event in sorted(trace.events, key=lambda event: (event.start_seconds, event.end_seconds)):
        on[event.device].append(event)
    lists: list[Any] = []
    for label, here in zip(labels, on.values(), strict=True):
        more = [f"and {len(here) - _LISTED} more"] if len(here) > _LISTED else []
        lists += [f"{_cut(label, 200)}: {counted(len(here), 'event')}", [*map(_line, here[:_LISTED]), *more]]
    return lists


def counted(number: int, what: str) -> str:
    """For example "1 event", "2 events"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _bars(made: dict[str, Any], tops: list[int], colours: list[str], simulated: bool) -> Iterable[str]:
    """The bars, one path for each colour; frames of the critical path last, so that nothing covers them."""
    starts: list[int] = list(itertools.accumulate(made["start"]))
    ends: list[int] = [start + duration for start, duration in zip(starts, made["duration"], strict=True)]
    if not simulated:
        starts, ends = list(range(len(starts))), list(range(1, len(starts) + 1))
    whole = max(ends, default=1) or 1
    chain: set[int] = set(made["critical"][0]["events"] if simulated else ())
    boxes: dict[str, list[str]] = {colour: [] for colour in colours}
    frames: list[str] = []
    words: list[str] = []
    drawn: set[tuple[int, int]] = set()  # narrow bars: one for each pixel of a lane
    in_row: list[int] = made["row"]
    for place, (row, start, end) in enumerate(zip(in_row, starts, ends, strict=True)):
        lane: int = made["lane"][place] if simulated else 0
        if row >= len(tops) - 1 or lane >= _LANES:
            continue
        x, y = _LEFT + start * _WIDTH // whole, tops[row] + lane * _LANE
        width = _LEFT + end * _WIDTH // whole - x
        if width < 2:
            if (x, y) in drawn:
                continue
            drawn.add((x, y))
        inner = max(1, width - 1)
        box = f"M{x} {y}h{inner}v{_LANE - 2}h-{inner}z"
        op: int = made["op"][place]
        boxes[colours[op]].append(box)
        if place in chain:
            frames.append(box)
        name = made["ops"][op]
        if width > 8 * len(name) + 8:
            words.append(_text(x + width // 2, y + 13, name, "middle", _INKS.get(colours[op], "#000")))
    for colour, there in boxes.items():
        if there:
            yield f'<path d="{"".join(there)}" fill="{colour}"/>'
    if frames:
        yield f'<path d="{"".join(frames)}" fill="none" stroke="#000" stroke-width="2"/>'
    yield from words


def _colours(made: dict[str, Any], simulated: bool) -> list[str]:
    """Of each op its colour: the ops with the most time have one each; where it was measured, those that ran most."""
    weight = [0] * len(made["ops"])
    for op, duration in zip(made["op"], made["duration"], strict=True):
        weight[op] += duration if simulated else 1
    order = sorted(range(len(weight)), key=lambda op: (-weight[op], op))
    return [COLOURS[order.index(op)] if order.index(op) < len(COLOURS) else _OTHERS for op in range(len(weight))]


def _words(ops: list[str], colours: list[str], y: int) -> Iterable[str]:
    """What the colours mean."""
    x = _LEFT
    named = sorted((COLOURS.index(colour), op) for op, colour in zip(ops, colours, strict=True) if colour != _OTHERS)
    shown = [(COLOURS[number], _cut(op, 12)) for number, op in named]
    for colour, name in shown + ([(_OTHERS, "others")] if _OTHERS in colours else []):
        yield f'<path d="M{x} {y + 6}h12v12h-12z" fill="{colour}"/>'
        yield _text(x + 16, y + 16, name)
        x += 7 * len(name) + 26


def _text(x: int, y: int, words: str, anchor: str = "start", colour: str = "#1c1e21") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 1]}…"


def _line(event: Event) -> str:
    made = ", ".join(map(type_of, event.outputs[:3]))
    return f"{_cut(event.node, 200)}: {_cut(event.op, 200)}{' → ' if made else ''}{made}"
