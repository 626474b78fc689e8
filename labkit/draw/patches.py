"""How boxes and arrows look: one shape for each kind of box. Lengths are inches, sizes of text are points."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Ellipse, FancyArrowPatch, FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path
from matplotlib.textpath import TextPath

from labkit.draw.units import Unit

NAME_SIZE, DETAIL_SIZE, SHAPE_SIZE = 12.0, 9.5, 9.0
DETAIL_HEIGHT = 0.17


def box_size(unit: Unit) -> tuple[float, float]:
    """Width and height of a box that its text fits in."""
    lines = unit.detail.split("\n")
    width = max(text_width(unit.label, NAME_SIZE), *(text_width(line, DETAIL_SIZE) for line in lines))
    extra = {"constant": 0.36, "placeholder": 0.42}.get(unit.kind, 0.26)
    height = 0.38 + DETAIL_HEIGHT * len(lines) if unit.detail else 0.4
    return max(width + extra, 0.6), height + (0.14 if unit.kind == "variable" else 0.0)


def text_width(text: str, points: float) -> float:
    """Width of a line of text."""
    if not text.strip():
        return 0.0
    return (
        float(TextPath((0, 0), text, size=points, prop=FontProperties(family="DejaVu Sans")).get_extents().width) / 72
    )


def shape(
    axes: Axes, kind: str, x: float, y: float, width: float, height: float, fill: str, edge: str, line: float,
    zorder: float, dashed: bool,
) -> None:  # fmt: skip
    """Paints the outline that says what kind a box is; (x, y) is its middle."""
    style: dict[str, Any] = {"facecolor": fill, "edgecolor": edge, "lw": line, "zorder": zorder}
    style["linestyle"] = (0, (3, 2)) if dashed else "-"
    half, up = width / 2, height / 2
    if kind == "constant":
        axes.add_patch(Ellipse((x, y), width, height, **style))
    elif kind == "placeholder":
        tip = min(0.2, width / 3)
        corners = [(-half, -up), (half - tip, -up), (half, 0), (half - tip, up), (-half, up)]
        axes.add_patch(Polygon([(x + a, y + b) for a, b in corners], joinstyle="round", **style))
    elif kind == "variable":
        _drum(axes, x, y, half, up, style)
    else:
        if kind == "scope":
            for shift in (0.08, 0.04) if height > 0.3 else (0.04,):
                back = style | {"zorder": zorder - shift}
                axes.add_patch(_card(x + shift, y + shift, half, up, back))
        axes.add_patch(_card(x, y, half, up, style))


def _card(x: float, y: float, half: float, up: float, style: dict[str, Any]) -> FancyBboxPatch:
    box = f"round,pad=0,rounding_size={min(0.09, up / 2)}"
    return FancyBboxPatch((x - half, y - up), 2 * half, 2 * up, boxstyle=box, **style)


def _drum(axes: Axes, x: float, y: float, half: float, up: float, style: dict[str, Any]) -> None:
    """A cylinder: what keeps things."""
    lid = min(0.09, up / 2.5)
    bow = lid * 4 / 3
    side = [(x - half, y + up - lid), (x - half, y - up + lid)]
    low = [(x - half, y - up + lid - bow), (x + half, y - up + lid - bow), (x + half, y - up + lid)]
    top = [(x + half, y + up - lid), (x + half, y + up - lid + bow), (x - half, y + up - lid + bow), side[0]]
    front = [(x - half, y + up - lid - bow), (x + half, y + up - lid - bow), (x + half, y + up - lid)]
    curve = [Path.CURVE4] * 3
    body = Path([*side, *low, *top], [Path.MOVETO, Path.LINETO, *curve, Path.LINETO, *curve])
    rim = Path([side[0], *front], [Path.MOVETO, *curve])
    axes.add_patch(PathPatch(body, joinstyle="round", **style))
    axes.add_patch(PathPatch(rim, **(style | {"facecolor": "none"})))


def smooth(points: Sequence[tuple[float, float]], backward: bool = False) -> list[tuple[float, float]]:
    """A chain of Bézier curves through the points, horizontal at each."""
    path = [points[0]]
    for (x0, y0), (x1, y1) in pairwise(points):
        reach = abs(x1 - x0) / 2 * (-1 if backward else 1)
        path += [(x0 + reach, y0), (x1 - reach, y1), (x1, y1)]
    return path


def arrow(
    axes: Axes, path: Sequence[tuple[float, float]], color: str, line: float, zorder: float = 2, ls: Any = "-"
) -> None:
    """Paints an arrow along Bézier curves: a start, then three points for each curve."""
    codes = [Path.MOVETO] + [Path.CURVE4] * (len(path) - 1)
    patch = FancyArrowPatch(
        path=Path(list(path), codes), arrowstyle="-|>,head_length=5,head_width=2.6", color=color, lw=line, ls=ls,
        zorder=zorder, shrinkA=0, shrinkB=0,
    )  # fmt: skip
    axes.add_patch(patch)
