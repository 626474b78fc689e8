"""`draw.scaling`: speed-up, throughput, efficiency and time to accuracy against replicas, published and simulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from labkit.draw.picture import FAINT, INK, LINES, PAPER, Picture
from labkit.parallel.comparison import Comparison, compare, value_text
from labkit.parallel.published_curves import series_curve
from labkit.parallel.scaling import Curve

Axes = Any

HEADLINES = (
    "inception/k80/64", "inception/p100/8", "translation/lstm/8", "distbelief/dense/8", "distbelief/local/81",
    "slides/inception/50", "slides/dense/50", "slides/announced/100", "slides/rankbrain/500", "slides/sparse/1000",
)  # fmt: skip
"""The points that are drawn unless others are asked for."""

_MARKS = {"primary": "o", "summary": "s", "slide": "D"}
_WORDS = {"primary": "primary source", "summary": "a summary of the paper", "slide": "slide or announcement"}
_PANELS = ("speed-up", "throughput", "efficiency", "time")


def scaling(
    points: Sequence[str | Comparison] = HEADLINES, curves: Sequence[Curve] = (),
    times: Mapping[str, Sequence[tuple[int, float | None]]] | None = None, panels: Sequence[str] | None = None,
) -> Picture:  # fmt: skip
    """Published points of how training scales, and the simulated curves, with how far off these are.

    Args:
        points: keys of published points (see `labkit.parallel.published`), or comparisons.
        curves: more curves, such as `labkit.parallel.scaling.scaling_curve` makes; the curves of the points' own series
            are drawn anyway.
        times: lines of (workers, seconds), as `labkit.parallel.scaling.times_to` makes.
        panels: some of "speed-up", "throughput", "efficiency" and "time"; speed-up and efficiency if None, and time if
            there are times.

    Returns:
        The picture. Filled marks are published, their shape says how well they are known; hollow ones simulated. Each
        published point has a number, and its line in the list says how far off the simulation is.

    Raises:
        ValueError: if there is nothing to draw, or a panel is none of these.

    Example:
        >>> from labkit import draw
        >>> draw.scaling(["inception/p100/8"])
        <scaling of 1 published point: Inception v3, P100, 8 GPUs 7.96 x, simulated -1.4 % (in part assumed)>
    """
    found = [compare(one) if isinstance(one, str) else one for one in points]
    shown: list[str] = list(panels or ["speed-up", "efficiency", *(["time"] if times else [])])
    unknown = next((panel for panel in shown if panel not in _PANELS), None)
    if unknown is not None:
        raise ValueError(f"there is no panel {unknown!r}; there are {', '.join(map(repr, _PANELS))}.")
    if not (found or curves or times):
        raise ValueError("there is nothing to draw: no points, no curves, no times.")
    if "time" in shown and not times:
        raise ValueError("the panel 'time' needs times=..., such as labkit.parallel.scaling.times_to makes.")
    names = list(dict.fromkeys(one.published.series for one in found))
    colours = {name: LINES[place % len(LINES)] for place, name in enumerate(names)}
    list_width = 5.3 if found else 2.4 if curves else 0.0
    width, height = 4.4 * len(shown) + list_width, max(5.2, 1.1 + 0.52 * len(found) + 0.3 * len(curves))
    picture = Picture(width, height, _text(found, curves))
    lines = _curves(found, colours, curves)
    for place, panel in enumerate(shown):
        left = (0.75 + 4.4 * place) / width
        axes = picture.add_axes((left, 0.95 / height, 3.45 / width, 1 - 1.4 / height))
        if panel == "time":
            _times(axes, times or {})
        else:
            _panel(axes, panel, found, lines, colours)
        axes.set_title(_HEADS[panel], size=13, color=INK, loc="left", pad=8)
    left = (width - list_width + 0.05) / width
    if found:
        _listed(picture, found, colours, left)
    if curves:
        _curve_names(picture, lines[-len(curves) :], left, height - 0.45 - 0.52 * len(found))
    return picture


def _text(found: Sequence[Comparison], curves: Sequence[Curve]) -> str:
    """The picture in words."""
    parts: list[str] = []
    if found:
        points = "; ".join(f"{_title(one)} {_published(one)}, {_off(one)}" for one in found)
        parts.append(f"{len(found)} published point{'' if len(found) == 1 else 's'}: {points}")
    if curves:
        names = ", ".join(curve.name for curve in curves)
        parts.append(f"{len(curves)} simulated curve{'' if len(curves) == 1 else 's'}: {names}")
    return f"scaling of {'; and of '.join(parts) or 'times'}"


_HEADS = {
    "speed-up": "speed-up", "throughput": "examples a second", "efficiency": "efficiency: speed-up / replicas",
    "time": "simulated seconds to the target",
}  # fmt: skip


def _curves(
    found: Sequence[Comparison], colours: Mapping[str, str], more: Sequence[Curve]
) -> list[tuple[Curve, str, str]]:
    """(curve, colour, line style): those of the series, each once, and the caller's."""
    drawn: list[tuple[Curve, str, str]] = []
    seen: set[str] = set()
    for name, style in {one.published.series: _style(one) for one in found}.items():
        curve = series_curve(name)
        if curve is not None and curve.name not in seen:
            seen.add(curve.name)
            drawn.append((curve, colours[name], style))
    return drawn + [(curve, LINES[(len(colours) + n) % len(LINES)], "-") for n, curve in enumerate(more)]


def _style(one: Comparison) -> str:
    """Dashed where the conditions are assumed."""
    return "-" if one.published.basis == "primary" else "--"


def _panel(
    axes: Axes, panel: str, found: Sequence[Comparison], lines: Sequence[tuple[Curve, str, str]],
    colours: Mapping[str, str],
) -> None:  # fmt: skip
    _frame(axes)
    axes.set_xscale("log")
    most = max([one.published.replicas for one in found] + [curve.replicas[-1] for curve, _, _ in lines])
    right = most * 1.6
    axes.set_xlim(0.85, right)
    axes.set_xlabel("replicas: workers, GPUs or machines", size=12, color=INK)
    if panel == "efficiency":
        values = [value for one in found for value in _values(one, panel) if value is not None]
        values += [float(curve.efficiencies.min()) for curve, _, _ in lines]
        axes.set_ylim(0 if min(values, default=0.0) < 0.55 else 0.5, 1.12)
        axes.axhline(1.0, color=FAINT, lw=1, ls=":")
    else:
        axes.set_yscale("log")
    if panel == "speed-up":
        axes.set_ylim(0.85, right)
        axes.plot([0.85, right], [0.85, right], color=FAINT, lw=1, ls=":")
        axes.annotate("ideal", (right / 1.6, right / 1.6), xytext=(-6, 4), textcoords="offset points", color=FAINT,
                      size=11, ha="right", va="bottom")  # fmt: skip
    for curve, colour, style in lines:
        values = {"speed-up": curve.speedups, "throughput": curve.throughputs, "efficiency": curve.efficiencies}[panel]
        axes.plot(curve.replicas, values, style, color=colour, lw=2, alpha=0.8, zorder=2)
    places: dict[int, tuple[float, float]] = {}
    taken: list[tuple[float, float]] = []
    for number, one in enumerate(found, 1):
        _mark(axes, panel, number, one, colours[one.published.series], places, taken)
    _plain_ticks(axes)
    _number(axes, places, taken)


def _values(one: Comparison, panel: str) -> tuple[float | None, float | None, float | None]:
    """Published, its upper end if it is a range, and simulated, in the panel's unit."""
    there = one.published
    if panel == "throughput":
        return (there.value, there.most, one.simulated) if there.unit.endswith("/s") else (None, None, None)
    scale = 1.0 if panel == "speed-up" else 1.0 / there.replicas
    if there.speedup is None:
        return None, None, None
    ours = one.simulated_speedup
    most = None if there.most is None else there.most * scale
    return there.speedup * scale, most, None if ours is None else ours * scale


def _mark(
    axes: Axes, panel: str, number: int, one: Comparison, colour: str, places: dict[int, tuple[float, float]],
    taken: list[tuple[float, float]],
) -> None:  # fmt: skip
    """Draws a point where it was published and where it was simulated, and notes where it is."""
    there = one.published
    low, most, ours = _values(one, panel)
    x = float(there.replicas)
    if low is None:
        if there.unit == "workers" and panel != "throughput":  # so many replicas, no speed-up: a mark on the axis
            axes.plot(x, 0.035, marker="^", ms=12, color=colour, mec=INK, transform=axes.get_xaxis_transform())
            axes.annotate(str(number), (x, 0.06), xycoords=axes.get_xaxis_transform(), xytext=(0, 9), size=12,
                          textcoords="offset points", ha="center", weight="bold", color=INK)  # fmt: skip
        return
    if most is not None:
        x *= 0.84  # beside a single value at the same place
        axes.plot([x, x], [low, most], color=colour, lw=7, alpha=0.5, solid_capstyle="butt", zorder=3)
    if ours is not None:
        axes.plot([x, x], [low, ours], color=colour, lw=1.2, zorder=3)
        axes.plot(x, ours, marker=_MARKS[there.basis], ms=13, mfc="none", mec=colour, mew=1.8, zorder=4)
    middle = low if most is None else float(np.sqrt(low * most) if panel == "speed-up" else (low + most) / 2)
    axes.plot(x, middle, marker=_MARKS[there.basis], ms=8, color=colour, mec=INK, mew=0.8, zorder=5)
    if there.at_least:
        axes.annotate("", (x, middle), xytext=(0, 22), textcoords="offset points",
                      arrowprops={"arrowstyle": "<-", "color": colour, "lw": 1.6})  # fmt: skip
    taken.append((x, middle))
    if ours is not None:
        taken.append((x, ours))
    places[number] = (x, middle)


_AROUND = [
    (18 * np.cos(angle), 16 * np.sin(angle)) for angle in np.pi * np.array([-0.25, 0.25, 0.75, -0.75, 0, 1, 0.5, 1.5])
]


def _number(axes: Axes, places: Mapping[int, tuple[float, float]], taken: Sequence[tuple[float, float]]) -> None:
    """Writes each number beside its mark, where other marks and numbers are farthest."""
    points_a_pixel = 72 / axes.figure.dpi
    busy = [tuple(place) for place in axes.transData.transform(np.array(taken)) * points_a_pixel]
    for number, place in places.items():
        here = axes.transData.transform(place) * points_a_pixel

        def room(offset: tuple[float, float], here: Any = here) -> float:
            at = here + np.array(offset)
            return min(24.0, *(float(np.hypot(*(at - np.array(other)))) for other in busy))

        best = max(_AROUND, key=room)
        busy.append(tuple(here + np.array(best)))
        axes.annotate(str(number), place, xytext=best, textcoords="offset points", size=12, weight="bold", color=INK,
                      ha="center", va="center", zorder=6)  # fmt: skip


def _times(axes: Axes, times: Mapping[str, Sequence[tuple[int, float | None]]]) -> None:
    _frame(axes)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("replicas", size=12, color=INK)
    for place, (name, line) in enumerate(times.items()):
        there = [(workers, seconds) for workers, seconds in line if seconds is not None]
        mark = "osD^v"[place % 5]
        axes.plot(
            *np.array(there).reshape(-1, 2).T, marker=mark, ms=8, color=LINES[place % len(LINES)], lw=2, label=name
        )
    counts = [workers for line in times.values() for workers, _ in line]
    axes.set_xlim(min(counts) * 0.8, max(counts) * 1.3)
    axes.legend(fontsize=11, frameon=False, labelcolor=INK)
    _plain_ticks(axes)


def _listed(picture: Picture, found: Sequence[Comparison], colours: Mapping[str, str], left: float) -> None:
    """The points by number, and what the marks mean."""
    width, height = picture.get_size_inches()
    inch, high = 1 / width, 1 / height
    top = 1 - 0.3 * high
    for number, one in enumerate(found, 1):
        y = top - 0.52 * high * (number - 1)
        there = one.published
        picture.text(left, y, f"{number}", size=13, weight="bold", color=INK, va="top", ha="left")
        axes = picture.add_axes((left + 0.31 * inch, y - 0.21 * high, 0.2 * inch, 0.2 * high))
        axes.axis("off")
        mark = "^" if there.speedup is None and there.unit == "workers" else _MARKS[there.basis]
        axes.plot(0, 0, marker=mark, ms=9, color=colours[there.series], mec=INK, mew=0.8)
        picture.text(left + 0.55 * inch, y, _title(one), size=12, color=INK, va="top")
        said = f"{_published(one)}; {_off(one)}"
        picture.text(left + 0.55 * inch, y - 0.215 * high, said, size=11, color=INK, va="top", alpha=0.85)
    used = dict.fromkeys(one.published.basis for one in found)
    words = {"o": "circle", "s": "square", "D": "diamond"}
    text = ", ".join(f"{words[_MARKS[basis]]}: {_WORDS[basis]}" for basis in used)
    text = f"Filled: published; hollow: simulated. {text[0].upper()}{text[1:]}."
    text += "" if set(used) == {"primary"} else " Dashed: conditions assumed."
    picture.text(0.75 * inch, 0.12 * high, text, size=11, color=INK, va="bottom")


def _curve_names(picture: Picture, lines: Sequence[tuple[Curve, str, str]], left: float, top: float) -> None:
    """The caller's curves by colour; `top` in inches."""
    width, height = picture.get_size_inches()
    for place, (curve, colour, style) in enumerate(lines):
        y = (top - 0.3 * place) / height
        axes = picture.add_axes((left, y - 0.1 / height, 0.42 / width, 0.2 / height))
        axes.axis("off")
        axes.plot([0, 1], [0, 0], style, color=colour, lw=3, alpha=0.8)
        picture.text(left + 0.55 / width, y, curve.name, size=12, color=INK, va="center")


def _title(one: Comparison) -> str:
    return one.published.title


def _published(one: Comparison) -> str:
    """The published value; as a speed-up where it is one."""
    there = one.published
    if there.speedup is not None and there.unit != "x":
        return f"{there.speedup:.3g} x"
    return value_text(there.value, there.most, there.unit, there.at_least)


def _off(one: Comparison) -> str:
    if one.given:
        return "an input"
    if one.difference is None:
        return "not determined" + (f", implies overhead {one.implied}" if one.implied else "")
    assumed = "conditions" if one.published.basis != "primary" else "in part"
    notes = " (fit)" * bool(one.fit) + f" ({assumed} assumed)" * bool(one.assumed)
    return f"simulated {100 * one.difference:+.1f} %{notes}"


def _frame(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.set_facecolor(PAPER)
    axes.tick_params(labelsize=11, colors=INK)
    axes.grid(color="#e8ebee", lw=0.8)
    axes.set_axisbelow(True)


def _plain_ticks(axes: Axes) -> None:
    """1, 10, 100 instead of powers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    def plain(value: float, _: Any) -> str:
        return f"{value:,.0f}" if value >= 1 else f"{value:g}"

    for axis, scale, limits in (
        (axes.xaxis, axes.get_xscale(), axes.get_xlim()),
        (axes.yaxis, axes.get_yscale(), axes.get_ylim()),
    ):
        if scale == "log":
            axis.set_major_locator(LogLocator(subs=(1, 2, 5) if limits[1] / limits[0] < 300 else (1,)))
            axis.set_major_formatter(FuncFormatter(plain))
            axis.set_minor_formatter(NullFormatter())
