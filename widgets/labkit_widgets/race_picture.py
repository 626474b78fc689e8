"""A race without JavaScript: its lanes as a picture, its result as a table and in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import Any

from labkit.parallel import History
from labkit.trace import short
from labkit_widgets.cluster_scene import cut
from labkit_widgets.placing import clean

Histories = Mapping[str, History]


def reached(history: History, column: str, target: float | None, below: bool) -> float | None:
    """When a runner reached the target; None if it never did, or there is none."""
    if target is None or not has(history, column):
        return None
    return history.seconds_to(column, target, below)


def has(history: History, column: str) -> bool:
    """Whether a runner has values of a column."""
    return bool(history.points) and (column == "loss" or column in history.points[0].metrics)


def placed(histories: Histories, column: str, target: float | None, below: bool) -> list[str]:
    """The names by place: who reached the target first, then the rest by their last value."""

    def key(name: str) -> tuple[float, float]:
        history = histories[name]
        when = reached(history, column, target, below)
        last = float(history.column(column)[-1]) if has(history, column) else math.nan
        last = math.inf if math.isnan(last) else last if below else -last
        return (math.inf if when is None else when, last)

    return sorted(histories, key=key)


def table(histories: Histories, column: str, target: float | None, below: bool) -> str:
    """Who was how fast, as text: a line for each runner, the fastest first."""
    head = f"{column} to {target:g}" if target is not None else f"last {column}"
    rows = [("runner", head, "seconds", "updates", "examples/s", "staleness", "dropped", "lost")]
    for name in placed(histories, column, target, below):
        history = histories[name]
        stale = sum(history.staleness) / max(1, len(history.staleness))
        examples = history.points[-1].examples if history.points else 0
        rows.append((
            cut(name, 40), _result(history, column, target, below), short(history.seconds, "s"),
            f"{history.points[-1].updates if history.points else 0:,}",
            f"{examples / history.seconds:,.0f}" if history.seconds else "-", f"{stale:.1f}", f"{history.dropped:,}",
            f"{history.lost.updates:,} updates, {history.lost.gradients:,} gradients",
        ))  # fmt: skip
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return "\n".join(
        " | ".join(
            word.rjust(width) if 0 < place < len(row) - 1 else word.ljust(width)
            for place, (word, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _result(history: History, column: str, target: float | None, below: bool) -> str:
    if target is not None:
        when = reached(history, column, target, below)
        return "never" if when is None else short(when, "s")
    return f"{float(history.column(column)[-1]):.3g}" if has(history, column) else "-"


def described(histories: Histories, column: str, target: float | None, below: bool) -> str:
    """In one line: who reached the target when, or who got how far."""
    parts = [
        f"{cut(name, 60)} {_result(histories[name], column, target, below)}"
        for name in placed(histories, column, target, below)
    ]
    return f"{column}{'' if target is None else f' to {target:g}'}: {', '.join(parts)}"


def outline(histories: Histories, column: str, target: float | None, below: bool) -> list[Any]:
    """Runner by runner its result, what it lost, and what happened to it."""
    lines: list[Any] = []
    for name in placed(histories, column, target, below):
        history = histories[name]
        last = history.points[-1] if history.points else None
        text = f"{cut(name, 200)}: {column} {'to ' + format(target, 'g') + ' ' if target is not None else ''}"
        text += _result(history, column, target, below)
        if last is not None:
            text += f"; {last.updates:,} updates and {last.examples:,} examples in {short(last.seconds, 's')}"
        text += f", {history.dropped:,} gradients dropped" if history.dropped else ""
        text += f", {history.lost.updates:,} updates lost" if history.lost.updates else ""
        lines.append(text)
        told = [h for h in history.happenings if h.kind != "checkpoint"]
        if told:
            lines.append([f"{short(h.seconds, 's')}: {cut(h.text, 200)}" for h in told[:20]])
    return lines


_COLOURS = ("#0072b2", "#c95800", "#008a64", "#a87000", "#b05a8a", "#2c86bd", "#857a00", "#1c1e21")
_LEFT, _WIDTH, _ROW, _TOP = 190, 400, 34, 34


def picture(histories: Histories, column: str, target: float | None, below: bool) -> str:
    """The lanes as SVG text: simulated times only, which are the same on every computer.

    Example:
        >>> from labkit.parallel.history import Point
        >>> run = History("one", 2, (Point(1.0, 1, 8, 0.0, 0.5, {}), Point(2.0, 2, 16, 0.0, 0.1, {})))
        >>> "one" in picture({"one": run}, "loss", 0.2, True)
        True
    """
    whole = max((history.seconds for history in histories.values()), default=0.0)
    if not whole:
        return ""
    parts = [_text(10, 18, f"{column}{'' if target is None else f' to {target:g}'}, simulated time")]
    for row, name in enumerate(placed(histories, column, target, below)):
        history, top = histories[name], _TOP + _ROW * row
        colour = _COLOURS[list(histories).index(name) % len(_COLOURS)]
        when = reached(history, column, target, below)
        long = round(_WIDTH * history.seconds / whole)
        parts.append(_text(_LEFT - 8, top + 16, cut(name, 28), "end"))
        parts.append(f'<path d="M{_LEFT} {top + 11}h{long}" stroke="{colour}" stroke-width="2"/>')
        if when is not None:
            way = max(1, round(_WIDTH * when / whole))
            parts.append(f'<rect x="{_LEFT}" y="{top + 4}" width="{way}" height="14" fill="{colour}"/>')
        for happening in history.happenings:
            if happening.kind in ("died", "restored") and happening.seconds <= whole:
                x = _LEFT + round(_WIDTH * happening.seconds / whole)
                parts.append(f'<path d="M{x - 4} {top + 7}l8 8m0-8l-8 8" stroke="#fff" stroke-width="4"/>')
                parts.append(f'<path d="M{x - 4} {top + 7}l8 8m0-8l-8 8" stroke="#b3261e" stroke-width="2"/>')
        parts.append(_text(_LEFT + _WIDTH + 10, top + 16, _result(history, column, target, below)))
    height = _TOP + _ROW * len(histories) + 8
    parts.append(f'<path d="M{_LEFT} {_TOP - 4}V{height - 8}" stroke="#8b929b"/>')
    size = f'width="720" height="{height}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 720 {height}" '
        f'font-family="system-ui, sans-serif" '
        f'font-size="13"><rect {size} fill="#fff"/>{"".join(parts)}</svg>'
    )


def _text(x: int, y: int, words: str, anchor: str = "start") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="#1c1e21">{escape(clean(words, 60))}</text>'
