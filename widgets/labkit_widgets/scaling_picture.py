"""The still picture of `ScalingView`: speed-ups on logarithmic axes; the same bytes for the same points.

Filled marks are published, their shape says how well they are known: a circle from where it was first published, a
square from a summary of it, a diamond from a slide. Hollow ones are simulated.

Example:
    >>> from labkit_widgets.scaling_points import comparisons_of, curves, points, series_of
    >>> found = comparisons_of("inception/p100")
    >>> made = {"points": points(found), "curves": curves(found, []), "series": series_of(found)}
    >>> picture(made, ["inception/p100"]).count("<circle")  # published, simulated, and in the list
    9
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

from labkit_widgets.cluster_scene import cut
from labkit_widgets.placing import clean

_COLOURS = ("#0072b2", "#c95800", "#008a64", "#a87000", "#b05a8a", "#2c86bd", "#857a00", "#1c1e21")
_LEFT, _TOP, _WIDTH, _HEIGHT, _LIST = 50, 34, 400, 340, 480
Place = Callable[[float], int]


def picture(made: Mapping[str, Any], shown: Sequence[str]) -> str:
    """The picture as SVG text; "" if there is no speed-up.

    Args:
        made: what travels to the page.
        shown: names of the series to draw.
    """
    points = [point for point in made["points"] if "speed-up" in point["at"] and point["series"] in shown]
    curves = [curve for curve in made["curves"] if curve["series"] is None or curve["series"] in shown]
    xs = [point["x"] for point in points] + [x for curve in curves for x in curve["x"]]
    if not xs:
        return ""
    values = [value for point in points for value in point["at"]["speed-up"][1:] if value]
    values += [value for curve in curves for value in curve["speed-up"]]
    right, top, low = max([10, *xs]) * 1.3, max([10, *values]) * 1.3, min([1, *values]) * 0.85

    def x(value: float) -> int:
        return _LEFT + round(_WIDTH * math.log(value / 0.85) / math.log(right / 0.85))

    def y(value: float) -> int:
        return _TOP + _HEIGHT - round(_HEIGHT * math.log(value / low) / math.log(top / low))

    names = [one["name"] for one in made["series"]]
    parts = [f'<path d="M{_LEFT} {_TOP}v{_HEIGHT}h{_WIDTH}" fill="none" stroke="#8b929b"/>']
    parts += [_text(x(tick), _TOP + _HEIGHT + 18, f"{tick:,}", "middle") for tick in _powers(0.85, right)]
    for tick in _powers(low, top):
        parts.append(f'<path d="M{_LEFT} {y(tick)}h{_WIDTH}" stroke="#e8ebee"/>')
        parts.append(_text(_LEFT - 6, y(tick) + 4, f"{tick:,}", "end"))
    parts.append(_text(_LEFT, 18, "speed-up: times one replica"))
    parts.append(_text(_LEFT + _WIDTH // 2, _TOP + _HEIGHT + 36, "replicas", "middle"))
    end = min(right, top)
    parts.append(f'<path d="M{x(1)} {y(1)}L{x(end)} {y(end)}" stroke="#8b929b" stroke-dasharray="2 4"/>')
    own = 0
    for curve in curves:
        at = names.index(curve["series"]) if curve["series"] is not None else len(names) + own
        own += curve["series"] is None
        way = "L".join(f"{x(n)} {y(v)}" for n, v in zip(curve["x"], curve["speed-up"], strict=True))
        colour = _COLOURS[at % len(_COLOURS)]
        parts.append(f'<path d="M{way}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        if curve["series"] is None and own <= 5:
            parts.append(_text(x(curve["x"][-1]) + 4, y(curve["speed-up"][-1]) - 6, cut(curve["name"], 20), "end"))
    for point in points:
        parts += _marks(point, _COLOURS[names.index(point["series"]) % len(_COLOURS)], x, y)
    parts += _list(made, shown)
    height = _TOP + _HEIGHT + 50
    size = f'width="820" height="{height}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 820 {height}" '
        f'font-family="system-ui, sans-serif" '
        f'font-size="12"><rect {size} fill="#fff"/>{"".join(parts)}</svg>'
    )


def _marks(point: Mapping[str, Any], colour: str, x: Place, y: Place) -> Iterable[str]:
    n, low, most, ours = point["at"]["speed-up"]
    left = x(n) - (6 if most else 0)
    middle = (y(low) + y(most)) // 2 if most else y(low)
    if most:
        yield f'<path d="M{left} {y(low)}V{y(most)}" stroke="{colour}" stroke-width="7" opacity="0.5"/>'
    if ours:
        yield f'<path d="M{left} {middle}V{y(ours)}" stroke="{colour}"/>'
        yield _shape(point["basis"], left, y(ours), 7, f'fill="none" stroke="{colour}" stroke-width="1.6"')
    if point["bound"]:
        yield f'<path d="M{left} {middle}v-20m-4 5l4-5l4 5" fill="none" stroke="{colour}" stroke-width="1.6"/>'
    yield _shape(point["basis"], left, middle, 4, f'fill="{colour}"')


def _shape(basis: str, x: int, y: int, r: int, look: str) -> str:
    if basis == "primary":
        return f'<circle cx="{x}" cy="{y}" r="{r}" {look}/>'
    if basis == "summary":
        return f'<path d="M{x - r} {y - r}h{2 * r}v{2 * r}h{-2 * r}z" {look}/>'
    return f'<path d="M{x} {y - r - 1}l{r + 1} {r + 1}l{-r - 1} {r + 1}l{-r - 1} {-r - 1}z" {look}/>'


def _list(made: Mapping[str, Any], shown: Sequence[str]) -> Iterable[str]:
    """The farthest point of each series, and how far off the simulation is."""
    last = {point["series"]: point for point in made["points"] if point["series"] in shown}
    for row, (place, one) in enumerate((place, one) for place, one in enumerate(made["series"]) if one["name"] in last):
        if row == 11:
            yield _text(_LIST, _TOP + 32 * row, f"and {len(last) - row} more series")
            return
        point, top = last[one["name"]], _TOP + 32 * row
        if "speed-up" in point["at"]:
            yield _shape(point["basis"], _LIST + 6, top + 2, 5, f'fill="{_COLOURS[place % len(_COLOURS)]}"')
        yield _text(_LIST + 20, top + 6, cut(point["title"], 48))
        off = "an input" if point["verdict"] == "input" else "not determined"
        if point["difference"] is not None and point["verdict"] != "input":
            off = f"simulated {100 * point['difference']:+.1f} %"
        yield _text(_LIST + 20, top + 20, f"{point['published']}; {off}", "start", "#595f66")


def _powers(low: float, high: float) -> list[int]:
    return [10**power for power in range(math.ceil(math.log10(max(low, 1))), math.floor(math.log10(high)) + 1)]


def _text(x: int, y: int, words: str, anchor: str = "start", colour: str = "#1c1e21") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}">{escape(clean(words, 60))}</text>'
