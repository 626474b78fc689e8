"""The still picture of `DeviceNameView`, and its outline: a row for each block, a column for each part.

Example:
    >>> from labkit_widgets.device_names import FEW, Devices, shown
    >>> scopes = ["/job:worker", "/gpu:1"]
    >>> said = shown(scopes, Devices(FEW), False)
    >>> outline(scopes, said)[2:4]
    ['asked for together: /job:worker/device:GPU:1', ['job worker: block 1', 'type GPU: block 2', 'index 1: block 2']]
    >>> picture(scopes, said).count("<rect")
    4
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from labkit_widgets.device_names import TITLES, Scope

_INK, _SOFT, _BLUE, _RULE = "#1c1e21", "#595f66", "#0b62a8", "#d0d4d9"
_NAME, _COLUMN, _ROW = 300, 90, 26
_WIDTH = _NAME + len(TITLES) * _COLUMN + 20


def picture(scopes: Sequence[Scope], shown: dict[str, Any]) -> str:
    """The picture as SVG text: what counts is framed."""
    parts = [_text(_NAME + i * _COLUMN, 18, title, _SOFT) for i, title in enumerate(TITLES)]
    merged = shown["merged"]
    y = 18
    for number, (scope, row) in enumerate(zip(scopes, shown["rows"], strict=True), 1):
        y += _ROW
        parts.append(_text(10, y, f"{number}  {_cut(_asked(scope), 40)}", _INK))
        if row["error"]:
            parts.append(_text(_NAME, y, _cut(row["error"], 66), "#b3261e"))
        for i, value in enumerate(row["parts"]):
            if not value:
                continue
            if merged and merged["from"][i] == number:
                parts.append(
                    f'<rect x="{_NAME + i * _COLUMN - 6}" y="{y - 16}" width="{_COLUMN - 4}" height="22" rx="4" '
                    f'fill="none" stroke="{_BLUE}"/>'
                )
            parts.append(_text(_NAME + i * _COLUMN, y, _cut(value, 11), _INK))
    y += _ROW + 6
    parts.append(f'<path d="M10 {y - 20}H{_WIDTH - 10}" stroke="{_RULE}"/>')
    if merged:
        parts.append(_text(10, y, _cut(merged["printed"] or "any device", 44), _INK, "bold"))
        values = enumerate(merged["parts"])
        parts += [_text(_NAME + i * _COLUMN, y, _cut(v or "open", 11), _INK if v else _SOFT, "bold") for i, v in values]
        y += _ROW
        parts.append(_text(10, y, _cut(_devices(shown["devices"]), 110), _SOFT))
    else:
        parts.append(_text(10, y, "No request: a name does not parse.", _INK, "bold"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{y + 14}" viewBox="0 0 {_WIDTH} {y + 14}" '
        f'font-family="system-ui, sans-serif" font-size="13"><rect width="{_WIDTH}" height="{y + 14}" fill="#fff"/>'
        f"{''.join(parts)}</svg>"
    )


def outline(scopes: Sequence[Scope], shown: dict[str, Any]) -> list[Any]:
    """The same in words."""
    told: list[Any] = []
    for number, (scope, row) in enumerate(zip(scopes, shown["rows"], strict=True), 1):
        error = f": {row['error']}" if row["error"] else ""
        told.append(f"block {number}: {_cut(_asked(scope), 200)}{error}")
    if not shown["merged"]:
        return told
    merged, devices = shown["merged"], shown["devices"]
    told.append(f"asked for together: {_cut(merged['printed'], 200) or 'any device'}")
    origin = zip(TITLES, merged["parts"], merged["from"], strict=True)
    if any(merged["parts"]):
        told.append([f"{title} {_cut(value, 99)}: block {block}" for title, value, block in origin if value])
    told.append(_devices(devices))
    if devices["list"]:
        told.append(list(_lines(devices)))
    return told


def _lines(devices: dict[str, Any]) -> Iterable[str]:
    for place, (name, about) in enumerate(devices["list"]):
        first = f": the placer takes it. {devices['why']}" if place == 0 else ""
        yield f"{_cut(name, 200)}{f' ({_cut(about, 60)})' if about else ''}{first}"
    if devices["count"] > len(devices["list"]):
        yield f"and {devices['count'] - len(devices['list'])} more"


def _devices(devices: dict[str, Any]) -> str:
    of = f" of {_cut(devices['cluster'], 60)}" if devices["cluster"] else ""
    taken = f"; the placer takes {_cut(devices['list'][0][0], 100)}" if devices["list"] else ""
    return f"{devices['count']} of {devices['of']} devices{of} match{taken}"


def _asked(scope: Scope) -> str:
    return "None: forgets the outer blocks" if scope is None else scope or '""'


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 1]}…"


def _text(x: int, y: int, words: str, colour: str, weight: str = "normal") -> str:
    return f'<text x="{x}" y="{y}" fill="{colour}" font-weight="{weight}">{escape(words)}</text>'
