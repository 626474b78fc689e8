"""The still picture of a replicated training: what each worker does in the first steps; and its outline.

Coordinates are whole numbers: the same bytes for the same training.

Example:
    >>> moments({"steps": {"start": [0.0], "arrivals": [[1.0]], "enough": [1.0], "end": [1.5]}, "turns": None}, 1)
    [[(0.0, 1.0, 'compute'), (1.0, 1.5, 'travel')]]
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from labkit.trace import short

Moment = tuple[float, float, str]
"""From when until when, and what."""

_FILLS = {"compute": "#0072b2", "wait": "#e3e5e8", "travel": "#e69f00", "down": "#b3261e"}
_WORDS = {"compute": "computes", "wait": "waits", "travel": "pulls or pushes", "down": "is down"}
_LANES, _WIDE, _LEFT, _TOP, _ROW = 24, 640, 84, 46, 18


def moments(film: Mapping[str, Any], workers: int) -> list[list[Moment]]:
    """For each worker what it does from when until when."""
    found: list[list[Moment]] = [[] for _ in range(workers)]
    if film["turns"] is not None:
        turns = film["turns"]
        worker: int
        times: list[float | None]
        for worker, *times in zip(
            *(turns[key] for key in ("worker", "start", "fetched", "computed", "sent")), strict=True
        ):
            if worker < workers:
                _add(found[worker], times, ("travel", "compute", "travel"))
        return found
    steps = film["steps"]
    for start, arrivals, enough, end in zip(
        *(steps[key] for key in ("start", "arrivals", "enough", "end")), strict=True
    ):
        for worker in range(workers):
            taken = arrivals[worker if len(arrivals) > 1 else 0]
            there = None if taken is None else min(start + taken, end) if end is not None else start + taken
            waits = enough if enough is None or there is None else max(enough, there)
            _add(found[worker], [start, there, waits, end], ("compute", "wait", "travel"))
    return found


def _add(lane: list[Moment], times: list[float | None], kinds: tuple[str, ...]) -> None:
    for start, end, kind in zip(times, times[1:], kinds, strict=False):
        if start is not None and end is not None and end > start:
            lane.append((start, end, kind))


def picture(film: Mapping[str, Any], title: str) -> str:
    """The picture as SVG text.

    Args:
        film: what is played.
        title: what a screen reader says.
    """
    workers = min(film["workers"], _LANES)
    lanes = moments(film, workers)
    window = _window(film, lanes)
    down: list[list[Any]] = film["down"]
    parts: list[str] = []
    for number, lane in enumerate(lanes):
        y = _TOP + number * _ROW
        parts.append(_text(_LEFT - 8, y + 12, f"worker {number}", "end"))
        parts += [_bar(start, end, window, y, kind) for start, end, kind in lane]
        for who, start, _, end in down:
            if who == f"worker {number}":
                parts.append(_bar(start, window[1] if end is None else end, window, y, "down"))
    height = _TOP + workers * _ROW + 34
    more = film["workers"] - workers
    about = f"{short(window[0], 's')} to {short(window[1], 's')}" + (f"; {more} more workers" if more else "")
    parts.append(_text(_LEFT, height - 12, about))
    x = _LEFT
    for kind, words in _WORDS.items():
        parts.append(f'<rect x="{x}" y="24" width="12" height="12" fill="{_FILLS[kind]}" stroke="#8b929b"/>')
        parts.append(_text(x + 17, 34, words))
        x += 40 + 8 * len(words)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDE + 16}" height="{height}" '
        f'viewBox="0 0 {_LEFT + _WIDE + 16} {height}" role="img" font-family="system-ui, sans-serif" font-size="12">'
        f"<title>{escape(title)}</title>"
        f'<rect width="{_LEFT + _WIDE + 16}" height="{height}" fill="#fff"/>{"".join(parts)}</svg>'
    )


def _window(film: Mapping[str, Any], lanes: list[list[Moment]]) -> tuple[float, float]:
    """The first outage with what goes before and after, or a few steps from the beginning."""
    down: list[list[Any]] = film["down"]
    if down:
        start = float(down[0][1])
        end = float(down[0][3] or film["until"])
        margin = max((end - start) / 3, 0.05 * float(film["until"]))
        return max(0.0, start - margin), min(float(film["until"]), end + margin)
    steps: list[Any] = film["steps"]["end"][:6] if film["steps"] is not None else []
    some = [end for lane in lanes for _, end, _ in lane[:16]]
    return 0.0, max([float(end) for end in steps if end is not None] or some or [1.0])


def _bar(start: float, end: float, window: tuple[float, float], y: int, kind: str) -> str:
    """One piece of a lane; nothing outside the window."""
    first, last = window
    if end <= first or start >= last:
        return ""
    left, right = (round(_LEFT + (min(max(at, first), last) - first) / (last - first) * _WIDE) for at in (start, end))
    return f'<rect x="{left}" y="{y}" width="{max(1, right - left)}" height="{_ROW - 4}" fill="{_FILLS[kind]}"/>'


def _text(x: int, y: int, words: str, anchor: str = "start") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="#1c1e21">{escape(words)}</text>'


def outline(film: Mapping[str, Any], numbers: Mapping[str, Any], models: Mapping[str, Any]) -> list[Any]:
    """What the view shows, as nested lists."""
    found: list[Any] = [f"{film['wholeUpdates']} updates in {short(film['whole'], 's')} of simulated time"]
    if numbers.get("points") and numbers["points"][0]:
        seconds, updates, loss, *metrics = numbers["points"]
        last = [
            f"{name} {_shown(values[-1])}"
            for name, values in zip(["loss", *numbers["names"]], [loss, *metrics], strict=True)
        ]
        found += ["at the end", [*last, f"after {updates[-1]} updates, {short(seconds[-1], 's')}"]]
        ages = numbers["staleness"]
        total = sum(count for _, count in ages)
        if film["turns"] is not None and total:
            mean = sum(age * count for age, count in ages) / total
            found += ["staleness of gradients", [f"{mean:.2g} updates in the mean, {ages[-1][0]} at most"]]
        if numbers["dropped"]:
            found.append(f"{numbers['dropped']} gradients came too late and were dropped")
    told = film["happenings"]["text"]
    if told:
        found += ["what failed", told[:30]]
    if models.get("words"):
        found.append(models["words"])
    return found


def _shown(value: float | None) -> str:
    return "?" if value is None else f"{value:.2g}"
