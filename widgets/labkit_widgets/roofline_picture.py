"""The still picture of `RooflineView`, and its outline: the same bytes for the same program.

A mark stands where its FLOPs per byte and its FLOPs a second meet; it is a circle where arithmetic bounds the op, a
square where memory does, a triangle where launching it does. Rates that were *measured* are different at every run:
of a measured trace the picture shows how many FLOPs per byte each op has, as a mark on the roof itself.

Example:
    >>> from labkit.cluster import device_kind
    >>> from labkit.graph import Cost
    >>> from labkit_widgets.roofline_marks import marks, work_of
    >>> made = marks(work_of({"MatMul": Cost(1e9, 1e6)}), [device_kind("k40")], ["float32"])
    >>> outline(made, "k40", "float32", "op")
    ['MatMul: 1.00 GFLOPs, 1.00 MB, 1000 FLOPs per byte: 238 us on K40, compute bounds it']
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape
from typing import Any

from labkit.trace import short

_LEFT, _TOP, _WIDTH, _HEIGHT = 70, 34, 480, 320
_WORDS = {"c": "compute", "m": "memory", "l": "launch"}
_COLOURS = {"c": "#c95800", "m": "#0072b2", "l": "#6b737c"}
_LISTED, _NAMED = 60, 5


def picture(made: dict[str, Any], roof: str, dtype: str, by: str) -> str:
    """The picture as SVG text."""
    kinds = [(kind, kind["unit"][dtype]) for kind in made["kinds"] if kind["unit"][dtype]]
    rows = list(_rows(made, roof, dtype, by))
    points = [row for row in rows if row["flops"] and row["bytes"]]
    measured = made["clock"] == "measured"
    x_low, x_high, y_low, y_high = _window(kinds, points, not measured)

    def x(value: float) -> int:
        return _LEFT + round(_WIDTH * math.log(value / x_low) / math.log(x_high / x_low))

    def y(value: float) -> int:
        return _TOP + _HEIGHT - round(_HEIGHT * math.log(value / y_low) / math.log(y_high / y_low))

    parts = [f'<path d="M{_LEFT} {_TOP}v{_HEIGHT}h{_WIDTH}" fill="none" stroke="#8b929b"/>']
    for power in _powers(x_low, x_high, 1):
        parts.append(_text(x(power), _TOP + _HEIGHT + 18, _tick(power), "middle", "#595f66"))
    for power in _powers(y_low, y_high, 2):
        parts.append(f'<path d="M{_LEFT} {y(power)}h{_WIDTH}" stroke="#e8ebee"/>')
        parts.append(_text(_LEFT - 6, y(power) + 4, _tick(power), "end", "#595f66"))
    parts.append(_text(_LEFT + _WIDTH // 2, _TOP + _HEIGHT + 36, "FLOPs per byte", "middle"))
    parts.append(_text(10, 18, "FLOPs a second"))
    last = 0
    for kind, unit in sorted(kinds, key=lambda pair: -pair[0]["peak"][pair[1]]):
        peak, speed = kind["peak"][unit], kind["bandwidth"]
        start = max(x_low, y_low / speed)
        here = kind["name"] == roof
        way = f"M{x(start)} {y(min(peak, start * speed))}L{x(min(x_high, peak / speed))} {y(peak)}H{_LEFT + _WIDTH}"
        ink, width = ("#1c1e21", 3) if here else ("#8b929b", 1)
        parts.append(f'<path d="{way}" fill="none" stroke="{ink}" stroke-width="{width}"/>')
        last = max(last + 15, y(peak) + 4)
        parts.append(
            _text(_LEFT + _WIDTH + 6, last, f"{kind['title'][:24]}, {unit}", "start", ink if here else "#595f66")
        )
    parts += _marks(points, x, y, measured, next((k for k in kinds if k[0]["name"] == roof), None))
    if measured:
        parts.append(
            _text(_LEFT + 130, 18, "how far below the roof each op stayed was measured, and is in the live view")
        )
    for place, (letter, word) in enumerate((("c", "arithmetic"), ("m", "memory"), ("l", "launching"))):
        left = _LEFT + 150 * place
        parts.append(_shape(letter, left + 6, _TOP + _HEIGHT + 58, 6))
        parts.append(_text(left + 18, _TOP + _HEIGHT + 62, f"{word} bounds it"))
    size = f'width="720" height="{_TOP + _HEIGHT + 76}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 720 {_TOP + _HEIGHT + 76}" '
        f'font-family="system-ui, sans-serif" font-size="12"><rect {size} fill="#fff"/>{"".join(parts)}</svg>'
    )


def outline(made: dict[str, Any], roof: str, dtype: str, by: str) -> list[Any]:
    """Op by op its work, its time and what bounds it, the dearest first; of a measured trace without the time."""
    title = next(kind["title"] for kind in made["kinds"] if kind["name"] == roof)
    rows = list(_rows(made, roof, dtype, by))
    lines: list[Any] = []
    for row in rows[:_LISTED]:
        many = f"{row['count']} nodes, " if row["count"] > 1 else ""
        ratio = f", {row['flops'] / row['bytes']:.4g} FLOPs per byte" if row["flops"] and row["bytes"] else ""
        text = f"{_cut(row['name'])}: {many}{short(row['flops'], 'FLOPs')}, {short(row['bytes'], 'B')}{ratio}"
        time = "" if made["clock"] == "measured" else f"{short(row['time'], 's')} on {title}, "
        lines.append(f"{text}: {time}{_WORDS[row['bound']]} bounds it" if row["bound"] else text)
    return lines + ([f"and {len(rows) - _LISTED} more"] if len(rows) > _LISTED else [])


def _rows(made: dict[str, Any], roof: str, dtype: str, by: str) -> Iterable[dict[str, Any]]:
    """The marks with their times, the dearest first; measured ones by their work, which is the same at every run."""
    unit = next(kind["unit"][dtype] for kind in made["kinds"] if kind["name"] == roof)
    times = made["times"][roof].get(unit)
    if made["clock"] == "measured" and sum(made["node"]["count"]) < made["nodes"]:
        by = "op"  # which nodes are the dearest is different at every run
    columns, model = made[by], made["clock"] == "model"
    rows = [
        {
            "name": name, "count": columns["count"][i], "flops": columns["flops"][i], "bytes": columns["bytes"][i],
            "time": (times[by]["seconds"][i] if times else 0.0) if model else columns["seconds"][i],
            "bound": times[by]["bound"][i] if times else "",
        }
        for i, name in enumerate(columns["name"])
    ]  # fmt: skip
    if made["clock"] == "measured":
        return sorted(rows, key=lambda row: (-row["flops"], -row["bytes"]))
    return sorted(rows, key=lambda row: -row["time"])


def _window(kinds: list[Any], points: list[dict[str, Any]], timed: bool) -> tuple[float, float, float, float]:
    """The least and the most FLOPs per byte, and FLOPs a second."""
    ratios = [row["flops"] / row["bytes"] for row in points]
    ridges = [kind["peak"][unit] / kind["bandwidth"] for kind, unit in kinds]
    rates = [row["flops"] / row["time"] for row in points if timed and row["time"]]
    peaks = [kind["peak"][unit] for kind, unit in kinds]
    x_low, x_high = min([0.1, *ratios]) / 2, max([100.0, *ridges, *ratios]) * 3
    top = max([1.0, *peaks, *rates]) * 3
    floor = min([*rates, *(x_low * kind["bandwidth"] for kind, _ in kinds)], default=1.0) / 3
    return x_low, x_high, max(floor, top / 1e13), top


def _marks(points: list[dict[str, Any]], x: Any, y: Any, measured: bool, roof: Any) -> Iterable[str]:
    whole = sum(row["time"] for row in points) or 1.0
    for row in reversed(points):  # the small ones on top would hide; the dearest is drawn last
        ratio = row["flops"] / row["bytes"]
        if measured:
            if roof:
                rate = min(roof[0]["peak"][roof[1]], ratio * roof[0]["bandwidth"])
                yield f'<circle cx="{x(ratio)}" cy="{y(rate)}" r="5" fill="#fff" stroke="{_COLOURS[row["bound"]]}"/>'
        elif row["time"] and row["bound"]:
            radius = 4 + round(14 * math.sqrt(row["time"] / whole))
            yield _shape(row["bound"], x(ratio), y(row["flops"] / row["time"]), radius)
    taken: list[tuple[int, int]] = []
    for row in [] if measured else points[:_NAMED]:
        if not row["time"] or not row["bound"]:
            continue
        at = x(row["flops"] / row["bytes"]), y(row["flops"] / row["time"])
        if all(abs(at[0] - left) > 90 or abs(at[1] - top) > 13 for left, top in taken):
            taken.append(at)
            radius = 7 + round(14 * math.sqrt(row["time"] / whole))
            near = at[0] > _LEFT + _WIDTH - 120  # the right end, where the roofs have their names
            left, anchor = (at[0] - radius, "end") if near else (at[0] + radius, "start")
            yield _text(left, at[1] - (10 if near else -4), _cut(row["name"], 18), anchor)


def _shape(letter: str, x: int, y: int, r: int) -> str:
    ways = {
        "c": f'<circle cx="{x}" cy="{y}" r="{r}"',
        "m": f'<rect x="{x - r}" y="{y - r}" width="{2 * r}" height="{2 * r}"',
        "l": f'<path d="M{x} {y - r}l{r} {2 * r}h-{2 * r}z"',
    }
    return f'{ways[letter]} fill="{_COLOURS[letter]}" fill-opacity="0.8" stroke="#fff"/>'


def _powers(low: float, high: float, every: int) -> Iterable[float]:
    powers = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
    return (10.0**power for power in powers if power % every == 0)


def _tick(value: float) -> str:
    return f"{value:g}" if value < 1000 else short(value).replace(".00", "").replace(".0", "")


def _cut(words: str, most: int = 200) -> str:
    return words if len(words) <= most else f"{words[: most - 1]}…"


def _text(x: int, y: int, words: str, anchor: str = "start", colour: str = "#1c1e21") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'
