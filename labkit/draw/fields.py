"""Pictures of what is neither a graph of operations nor a model: numbers over a plane, and networks of things."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import networkx as nx
import numpy as np

from labkit.draw.arrays import count_text, frame, list_text
from labkit.draw.picture import BLUE, FAINT, INK, SKY, Picture


def fields(
    values: Any, titles: Any = None, columns: int = 3, size_inches: float = 2.6, colors: str = "viridis",
    log: bool = False,
) -> Picture:  # fmt: skip
    """Numbers over a plane as colours: temperatures, counts, a table.

    Args:
        values: (height, width), or (count, height, width) for several fields; the first row is drawn on top.
        titles: a title for each field.
        columns: fields in a row.
        size_inches: width of one field.
        colors: name of matplotlib's colour map.
        log: True makes equal factors equal steps of colour, which wants numbers above zero.

    Returns:
        The picture; one scale, drawn at its right, for all fields. What is not finite stays white.

    Raises:
        ValueError: if the shape is another, or there are not as many titles as fields.

    Example:
        >>> import numpy as np
        >>> from labkit import draw
        >>> draw.fields(np.arange(12.0).reshape(2, 2, 3), titles=["before", "after"])
        <2 fields of 2×3, from 0 to 11: before, after>
    """
    grid = np.asarray(values, np.float64)
    grid = grid[np.newaxis] if grid.ndim == 2 else grid
    if grid.ndim != 3 or not grid.size:
        raise ValueError(
            f"cannot draw an array of shape {np.shape(values)} as fields.\n"
            "  Try: (height, width) for one field, (count, height, width) for several; np.stack makes one of many."
        )
    names = [""] * len(grid) if titles is None else [titles] if isinstance(titles, str) else [str(t) for t in titles]
    if len(names) != len(grid):
        raise ValueError(f"there are {len(grid)} fields, but {len(names)} titles.")
    finite = grid[np.isfinite(grid)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if log and low <= 0:
        raise ValueError(f"the smallest number is {low:g}, and a scale of factors wants numbers above zero: log=False.")
    said = "" if titles is None else ": " + list_text(names)
    text = f"{count_text(len(grid), 'field')} of {grid.shape[1]}×{grid.shape[2]}, from {low:.3g} to {high:.3g}{said}"
    columns = max(1, min(columns, len(grid)))
    rows, head = -(-len(grid) // columns), 0.0 if titles is None else 0.3
    tall = size_inches * grid.shape[1] / grid.shape[2]
    width, height = 0.1 + columns * (size_inches + 0.12) + 0.75, 0.1 + rows * (tall + head + 0.08)
    picture = Picture(width, height, text)
    shown: Any = None
    for i, (field, name) in enumerate(zip(grid, names, strict=True)):
        row, column = divmod(i, columns)
        left, top = 0.1 + column * (size_inches + 0.12), height - 0.04 - head - row * (tall + head + 0.08)
        axes = picture.add_axes((left / width, (top - tall) / height, size_inches / width, tall / height))
        shown = axes.imshow(
            field, cmap=colors, interpolation="nearest", aspect="auto", norm="log" if log else "linear",
            vmin=low, vmax=high,
        )  # fmt: skip
        axes.set_title(name, size=12, color=INK, pad=4)
        frame(axes)
    bar = picture.add_axes((1 - 0.7 / width, 0.1 / height, 0.15 / width, 1 - (0.2 + head) / height))
    scale = picture.colorbar(shown, cax=bar)
    if log:
        powers = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
        marks = [m * 10.0**power for power in powers for m in (1, 2, 5)]
        scale.set_ticks([m for m in marks if low <= m <= high], labels=[f"{m:g}" for m in marks if low <= m <= high])
        scale.ax.minorticks_off()
    scale.ax.tick_params(labelsize=10, colors=INK)
    return picture


def network(
    links: Iterable[tuple[Any, Any]], sizes: Mapping[Any, float] | None = None, width_inches: float = 7.5,
    height_inches: float = 5.2,
) -> Picture:  # fmt: skip
    """Things and the links between them: pages of a web, people, machines.

    Args:
        links: pairs (from, to); the names are written beside the circles.
        sizes: a number above zero for each name: the area of its circle. All alike if None.
        width_inches: width of the picture.
        height_inches: height of the picture.

    Returns:
        The picture. The same links give the same places each time.

    Raises:
        ValueError: if there are no links, or a name of them has no size.

    Example:
        >>> from labkit import draw
        >>> draw.network([("home", "news"), ("news", "home"), ("map", "home")], {"home": 3, "news": 2, "map": 1})
        <network of 3 circles and 3 links; the largest are home, news, map>
    """
    graph = nx.DiGraph(list(links))
    names: list[Any] = list(graph.nodes)
    if not names:
        raise ValueError("there is nothing to draw: no links were given.")
    missing = [name for name in names if sizes is not None and name not in sizes]
    if missing:
        raise ValueError(f"{list_text([repr(name) for name in missing])} has no size.")
    weight = np.array([1.0 if sizes is None else float(sizes[name]) for name in names])
    said = ""
    if sizes is not None:
        said = "; the largest are " + ", ".join(str(names[i]) for i in np.argsort(-weight, kind="stable")[:3])
    text = f"network of {count_text(len(names), 'circle')} and {count_text(graph.number_of_edges(), 'link')}{said}"
    picture = Picture(width_inches, height_inches, text)
    axes = picture.add_axes((0.01, 0.01, 0.98, 0.98))
    places: dict[Any, Any] = nx.kamada_kawai_layout(graph.to_undirected())
    area = (1000.0 if sizes is not None else 260.0) * weight / weight.max()
    for start, end in graph.edges:
        shrink = np.sqrt(area[[names.index(start), names.index(end)]]) / 2
        axes.annotate(
            "", places[end], places[start],
            arrowprops={
                "arrowstyle": "-|>", "color": FAINT, "lw": 1.1, "shrinkA": shrink[0], "shrinkB": shrink[1] + 1.5,
                "connectionstyle": "arc3,rad=0.12", "mutation_scale": 12,
            },
        )  # fmt: skip
    xs, ys = np.array([places[name] for name in names]).T
    axes.scatter(xs, ys, s=area, color=SKY, edgecolors=BLUE, linewidths=1.2, zorder=3)
    for name, x, y, a in zip(names, xs, ys, area, strict=True):
        up = 1 if y > ys.mean() else -1  # away from the middle, where most arrows come from
        axes.annotate(
            str(name), (x, y), xytext=(0, up * (np.sqrt(a) / 2 + 2)), textcoords="offset points", size=11, color=INK,
            ha="center", va="bottom" if up > 0 else "top", zorder=4,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5},
        )  # fmt: skip
    axes.margins(0.12, 0.16)
    axes.set_axis_off()
    return picture
