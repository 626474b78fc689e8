"""A run as a still picture: a strip of all steps, and a list of those around where we stand.

It is what an untrusted notebook, a printed page and GitHub show. Whole numbers only, and nothing that changes from run
to run, so that the bytes are the same wherever it is drawn.

Example:
    >>> picture = svg(["x", "y"], ["Const", "Square"], [[0, ["3"], []]], 1)
    >>> "Square" in picture, "step 1 of 2" in picture
    (True, True)
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

_WIDE, _LEFT, _ROW = 760, 16, 24
_DONE, _HERE, _AHEAD, _BAD, _INK, _SOFT = "#0072B2", "#1c1e21", "#8b929b", "#B3261E", "#1c1e21", "#595f66"
_AROUND = 5
_MOST_LINES = 300


def svg(names: Sequence[str], types: Sequence[str], entries: Sequence[Sequence[Any]], position: int) -> str:
    """The picture.

    Args:
        names: of the steps, in order.
        types: their types.
        entries: what the steps that ran have made; see `labkit_widgets.walk`.
        position: how many lie behind us.
    """
    count = len(names)
    if not count:
        return ""
    first = max(0, min(position - 1 - _AROUND, count - 2 * _AROUND - 1))
    shown = range(first, min(count, first + 2 * _AROUND + 1))
    height = 76 + _ROW * len(shown) + 12
    said = f"step {position:,} of {count:,}" if position else f"the beginning of {count:,} steps"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {height}" width="{_WIDE}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="13">',
        f'<rect width="{_WIDE}" height="{height}" fill="#ffffff"/>',
        _words(_LEFT, 22, said, bold=True),
        *_strip(entries, count, position),
    ]
    for line, at in enumerate(shown):
        parts += _line(at, 76 + _ROW * line, names[at], types[at], entries, position)
    return "".join([*parts, "</svg>"])


def _strip(entries: Sequence[Sequence[Any]], count: int, position: int) -> list[str]:
    room = _WIDE - 2 * _LEFT
    ticks = min(count, room // 3)
    parts: list[str] = []
    for tick in range(ticks):
        low, high = tick * count // ticks, (tick + 1) * count // ticks
        x, right = _LEFT + tick * room // ticks, _LEFT + (tick + 1) * room // ticks
        done = low < position
        bad = done and any(entries[at][0] for at in range(low, min(high, position, len(entries))))
        here = low < position <= high
        top = 34 if here else 38
        style = f'fill="{_BAD if bad else _DONE}"' if done else f'fill="#ffffff" stroke="{_AHEAD}"'
        wide = max(1, min(right - x - 1, 14))
        parts.append(f'<rect x="{x}" y="{top}" width="{wide}" height="{58 - top}" {style}/>')
        if here:
            middle = x + wide // 2
            parts.append(f'<path d="M{middle} 60 l5 7 h-10 z" fill="{_HERE}"/>')
    return parts


def _line(
    at: int, y: int, name: str, kind: str, entries: Sequence[Sequence[Any]], position: int
) -> list[str]:  # fmt: skip
    here, done = at == position - 1, at < position
    bad = done and entries[at][0]
    color = _BAD if bad else _INK if done else _SOFT
    parts: list[str] = []
    if here:
        parts.append(f'<rect x="8" y="{y}" width="{_WIDE - 16}" height="{_ROW}" fill="#e8f1f8" rx="3"/>')
        parts.append(f'<path d="M14 {y + 7} l7 5 l-7 5 z" fill="{_HERE}"/>')
    parts.append(_words(60, y + 16, f"{at + 1:,}", _SOFT, anchor="end"))
    parts.append(_words(72, y + 16, _cut(kind, 22), color, bold=here))
    parts.append(_words(240, y + 16, _cut(name, 42), color, bold=here))
    parts.append(_words(540, y + 16, _made(entries[at]) if done else "next" if at == position else "", color))
    return parts


def _words(x: int, y: int, text: str, color: str = _INK, bold: bool = False, anchor: str = "") -> str:
    more = (' font-weight="bold"' if bold else "") + (f' text-anchor="{anchor}"' if anchor else "")
    return f'<text x="{x}" y="{y}" fill="{color}"{more}>{escape(text)}</text>'


def _made(entry: Sequence[Any]) -> str:
    values = [text for text in entry[1] if text] + [f"{name} = {text}" for name, text in entry[2]]
    return values[0] + (f" and {len(values) - 1} more" if len(values) > 1 else "") if values else "done"


def _cut(text: str, most: int) -> str:
    text = "".join(letter if letter.isprintable() else "\ufffd" for letter in text[: 2 * most])
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-(most - most // 2 - 1) :]}"


def outline(names: Sequence[str], types: Sequence[str], entries: Sequence[Sequence[Any]], position: int) -> list[Any]:
    """The steps as lines of text: what ran with its value, what is next, what is not yet run.

    Example:
        >>> outline(["x", "y"], ["Const", "Square"], [[0, ["3"], []]], 1)
        ['1. Const "x": 3 (we stand here)', '2. Square "y" (next)']
    """
    lines: list[Any] = []
    for at in range(min(len(names), _MOST_LINES)):
        line = f'{at + 1}. {types[at]} "{_cut(names[at], 200)}"'
        if at < position:
            line += f": {_made(entries[at])}"
        marks = [
            word
            for word, holds in (
                ("NaN or infinity", at < position and entries[at][0]), ("we stand here", at == position - 1),
                ("next", at == position),
            )
            if holds
        ]  # fmt: skip
        lines.append(line + (f" ({', '.join(marks)})" if marks else ""))
    if len(names) > _MOST_LINES:
        lines.append(f"and {len(names) - _MOST_LINES:,} more")
    return lines
