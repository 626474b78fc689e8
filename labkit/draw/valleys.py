"""`draw.valley`: a loss over two numbers, seen from above, and the way that training took through it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from labkit.draw.picture import INK, PAPER, VERMILION, Picture


def valley(
    height: Callable[[float, float], Any], path: Any, around: Sequence[Sequence[float]] | None = None,
    names: Sequence[str] = ("W", "b"), points: int = 41,
) -> Picture:  # fmt: skip
    """Contour lines of a function of two numbers, with a path.

    Args:
        height: the function, such as a loss over a weight and a bias; called for `points` times `points` places.
        path: (count, 2) the places that training went through; the last one is taken for the goal.
        around: ((low, high), (low, high)) for the two axes; the path with some room around it if None.
        names: names of the axes.
        points: how many places along each axis.

    Returns:
        The picture. Lines lie close where the ground is steep; they are spaced by equal factors, not steps.

    Example:
        >>> from labkit import draw
        >>> draw.valley(lambda w, b: w * w + 10 * b * b, [(3, 1), (1, 0.1), (0, 0)], points=11)
        <valley over W and b, with a path of 3 places from (3, 1) to (0, 0)>
    """
    way = np.asarray(path, np.float64).reshape(-1, 2)
    if not len(way):
        raise ValueError("a path needs at least one place: [(0.3, -0.3), ...].")
    if around is None:
        room = 0.25 * np.ptp(way, axis=0) + 0.25
        around = list(zip(way.min(0) - room, way.max(0) + room, strict=True))
    xs, ys = (np.linspace(low, high, points) for low, high in around)
    heights = np.array([[float(np.sum(height(float(x), float(y)))) for x in xs] for y in ys])
    start, end = (f"({a:.3g}, {b:.3g})" for a, b in (way[0], way[-1]))
    text = f"valley over {names[0]} and {names[1]}, with a path of {len(way)} places from {start} to {end}"
    picture = Picture(7.2, 5.0, text)
    axes = picture.add_axes((0.11, 0.12, 0.72, 0.84))
    lowest = heights.min()
    rise = np.log10(heights - lowest + 3e-2 * np.ptp(heights) + 1e-12)
    axes.contourf(xs, ys, rise, levels=15, cmap="YlGnBu_r", alpha=0.75)
    axes.contour(xs, ys, rise, levels=15, colors=PAPER, linewidths=0.6)
    axes.plot(way[:, 0], way[:, 1], "-o", color=VERMILION, lw=1.6, ms=3.5)
    label: dict[str, Any] = {"size": 12, "color": INK, "weight": "bold", "textcoords": "offset points"}
    label["bbox"] = {"facecolor": PAPER, "edgecolor": "none", "alpha": 0.75, "pad": 1.5}
    axes.annotate("start", way[0], xytext=(8, 8), **label)
    axes.annotate("end", way[-1], xytext=(8, 8), **label)
    axes.plot(*way[-1], marker="*", ms=16, color=VERMILION, mec=INK)
    axes.set_xlim(xs[0], xs[-1])
    axes.set_ylim(ys[0], ys[-1])
    axes.set_xlabel(names[0], size=13, color=INK)
    axes.set_ylabel(names[1], size=13, color=INK)
    axes.tick_params(labelsize=11, colors=INK)
    bar = picture.add_axes((0.86, 0.12, 0.025, 0.84))
    shown = np.linspace(float(rise.min()), float(rise.max()), 64).reshape(-1, 1)
    bar.imshow(shown, aspect="auto", origin="lower", cmap="YlGnBu_r", alpha=0.75)
    bar.set_xticks([])
    bar.yaxis.tick_right()
    bar.set_yticks([0, 63], ["low", "high"], size=11, color=INK)
    return picture
