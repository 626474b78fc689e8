"""`draw.graph`: boxes and arrows.

Data flows from left to right. A box's shape and colour say what it is:

    constant      grey ellipse, with its value
    placeholder   blue arrow-shaped box: a value comes in here
    variable      orange drum: it keeps its value between runs
    op            white box
    scope         green stack of cards: several ops, drawn as one

Above this forward half, paler, stands the half that `tf.gradients` added: each purple box above the box it
differentiates, so that gradients flow from right to left. The optimizer stands left of them, over the variables it
changes. Numbers on arrows are shapes; `?` is a size that is not known yet.

With `fetches=`, what a run of them does not need is drawn as an empty dashed outline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from labkit.draw.layout import Layout, layered
from labkit.draw.patches import (
    DETAIL_HEIGHT,
    DETAIL_SIZE,
    NAME_SIZE,
    SHAPE_SIZE,
    arrow,
    box_size,
    shape,
    smooth,
    text_width,
)
from labkit.draw.picture import FAINT, INK, ORANGE, PAPER, VERMILION, Picture
from labkit.draw.units import Unit, Wire, shape_text, units_of
from labkit.executor import prune
from labkit.graph import Graph, Operation, Tensor, get_default_graph

_MOST_UNITS = 200
_MARGIN = 0.25
FILLS = {"constant": "#e3e5e8", "placeholder": "#bfe1f6", "variable": "#fbd38a", "op": "#ffffff", "scope": "#c6e8dc"}
EDGES = {"constant": "#6b737c", "placeholder": "#1f78ab", "variable": "#a86f00", "op": INK, "scope": "#00674c"}
HALVES = {"gradient": ("#f7e6ef", "#b3769b"), "optimizer": ("#fae3d3", "#c07545")}
_WORDS = {"constant": "constant", "placeholder": "placeholder", "variable": "variable", "op": "op", "scope": "scope"}


def graph(
    graph_or_tensors: Any = None, collapse: bool = True, depth: int = 1, fetches: Any = None, feeds: Any = None,
    legend: bool = True, marks: Mapping[Any, str] | None = None, gone: Sequence[Operation] | None = None,
) -> Picture:  # fmt: skip
    """A picture of a dataflow graph.

    Args:
        graph_or_tensors: a `tf.Graph`, or tensors and operations, of which everything they depend on is drawn;
            the default graph if None.
        collapse: True draws a name scope, or a variable with its parts, as one box; False draws every node.
        depth: how many parts of a name tell boxes apart, if `collapse`: 1 shows the outermost scopes.
        fetches: tensors or operations: draws what `Session.run(fetches)` would leave out as dashed outlines.
        feeds: tensors that this run is fed: what only serves to compute them is left out, too.
        legend: False leaves out the line that explains shapes and colours.
        marks: words to write in red under the boxes of tensors and operations.
        gone: operations to draw as dashed outlines, as `draw.optimized` does.

    Returns:
        The picture.

    Raises:
        ValueError: if there is nothing to draw, or more boxes than anybody can read.

    Example:
        >>> import labkit as tf
        >>> from labkit import draw
        >>> with tf.Graph().as_default() as graph:
        ...     x = tf.placeholder(tf.float32, [None, 3], name="x")
        ...     y = tf.add(x, tf.Variable([1.0, 2.0, 3.0], name="b"), name="y")
        >>> draw.graph(graph)
        <picture of a graph: 1 placeholder, 1 variable, 1 op>
    """
    nodes = _chosen(graph_or_tensors)
    units, wires = units_of(nodes, collapse, depth)
    if not units:
        raise ValueError("there is nothing to draw: the graph is empty.\n  Try: build something first.")
    if len(units) > _MOST_UNITS:
        raise ValueError(
            f"{len(units)} boxes in one picture could not be read.\n"
            "  Try: collapse=True, a smaller depth, or draw.graph(tensor) for only what one tensor depends on."
        )
    running = None if fetches is None else set(prune([_node(f) for f in _flat(fetches)], _tensors(feeds)))
    fetched = {_node(f) for f in ([] if fetches is None else _flat(fetches))}
    fed = {t.op for t in _tensors(feeds)}
    painter = _Painter(units, wires, collapse)
    painter.word_for_left_out = "not run" if gone is None else "gone"
    running = running if gone is None else set(nodes) - set(gone)
    words = {_node(item): word for item, word in (marks or {}).items()}
    for unit in units:
        painter.marked.update((unit, words[node]) for node in unit.nodes if node in words)
        if running is not None and not any(node in running or node in fed for node in unit.nodes):
            painter.left_out.add(unit)
        if unit in painter.marked:
            continue
        if any(node in fetched for node in unit.nodes):
            painter.marked[unit] = "fetched"
        elif any(node in fed for node in unit.nodes):
            painter.marked[unit] = "fed"
    return painter.paint(_text(units, painter), legend)


def _broken(text: str) -> str:
    """A long shape on two lines: a deep net's picture is as wide as the shapes on its arrows."""
    sizes = text.split("×")
    half = (len(sizes) + 1) // 2
    return text if len(text) < 8 else "×".join(sizes[:half]) + "\n×" + "×".join(sizes[half:])


def _chosen(what: Any) -> list[Operation]:
    """The operations to draw, in creation order."""
    if what is None:
        return list(get_default_graph().get_operations())
    if isinstance(what, Graph):
        return list(what.get_operations())
    found: set[Operation] = set()
    stack = [_node(item) for item in _flat(what)]
    while stack:
        node = stack.pop()
        if node not in found:
            found.add(node)
            stack += [*(t.op for t in node.inputs), *node.control_inputs]
    return sorted(found, key=lambda node: node.id)


def _flat(items: Any) -> list[Any]:
    if isinstance(items, Mapping):
        return [item for value in items.values() for item in _flat(value)]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(items, (list, tuple, set)):
        return [item for value in items for item in _flat(value)]  # pyright: ignore[reportUnknownVariableType]
    return [items]


def _node(item: Any) -> Operation:
    if isinstance(item, Operation):
        return item
    node = getattr(item, "op", None)
    if isinstance(node, Operation):
        return node
    raise TypeError(f"cannot draw {item!r}: it is no tensor, variable or operation, and no graph.")


def _tensors(feeds: Any) -> list[Tensor]:
    items = [] if feeds is None else list(feeds) if isinstance(feeds, Mapping) else _flat(feeds)  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
    return [item if isinstance(item, Tensor) else item.ref for item in items]  # pyright: ignore[reportUnknownVariableType,reportUnknownMemberType]


def _text(units: Sequence[Unit], painter: _Painter) -> str:
    forward = [unit for unit in units if unit.half == "forward"]
    counts = {kind: sum(unit.kind == kind for unit in forward) for kind in _WORDS}
    parts = [f"{n} {_WORDS[kind]}" + ("s" if n > 1 else "") for kind, n in counts.items() if n]
    others = [sum(u.half == half for u in units) for half in ("gradient", "optimizer")]
    parts += [f"{n} {word}" for n, word in zip(others, ("for gradients", "for the optimizer"), strict=True) if n]
    skipped = f"; {len(painter.left_out)} {painter.word_for_left_out}" if painter.left_out else ""
    return "picture of a graph: " + ", ".join(parts) + skipped


class _Painter:
    """Places and paints the boxes of one picture. Lengths are inches."""

    def __init__(self, units: Sequence[Unit], wires: Sequence[Wire], collapsed: bool) -> None:
        self.units = units
        self.wires = wires
        self.left_out: set[Unit] = set()
        self.word_for_left_out = "not run"
        self.marked: dict[Unit, str] = {}  # what is fetched and what is fed, with the word for it
        self.size = {unit: box_size(unit) for unit in units}
        self.mirrored = collapsed and any(unit.half != "forward" for unit in units)
        lower = [u for u in units if u.half == "forward" or not self.mirrored]
        if self.mirrored:
            lower.sort(key=lambda u: u.kind == "variable")  # on top, near the optimizer, where nothing else decides
        inside = set(lower)
        arrows = [(w.source, w.target) for w in wires if w.source in inside and w.target in inside]
        self.layout: Layout = layered(lower, arrows, {u: self.size[u][1] for u in lower}, 0.32)
        self.x: dict[int, float] = {}
        self.wide: dict[int, float] = {}
        self.at: dict[Unit, tuple[float, float]] = {}
        self.column: dict[Unit, int] = dict(self.layout.column)  # pyright: ignore[reportAttributeAccessIssue,reportArgumentType]
        self.top = 0.0
        if self.mirrored:
            self._assign_upper_columns()
        self._place_columns()
        self._place(lower)

    def _assign_upper_columns(self) -> None:
        last = max(self.column.values())
        for unit in self.units:
            if unit.half == "gradient":
                before = [self.column[w.source] for w in self.wires if w.target is unit and w.source in self.column]
                before = [column for column in before if unit.of is None and unit.key != "gradients start"]
                self.column[unit] = min(before) - 1 if before else last + 1
                if unit.of in self.column:
                    self.column[unit] = self.column[unit.of]
            elif unit.half == "optimizer":
                self.column[unit] = 0
        taken = {self.column[u] for u in self.units if u.half == "gradient"}
        if 0 in taken and any(u.half == "optimizer" for u in self.units):
            self.column.update({u: -1 for u in self.units if u.half == "optimizer"})

    def _place_columns(self) -> None:
        gaps: dict[int, float] = {}
        for wire in self.wires:
            ends = sorted((self.column[wire.source], self.column[wire.target]))
            if wire.tensor is not None and self._labelled(wire):
                width = max(text_width(line, SHAPE_SIZE) for line in _broken(shape_text(wire.tensor)).split("\n"))
                width += 0.4 if wire.source.kind == "scope" else 0.32
                gaps[ends[1] - 1] = max(gaps.get(ends[1] - 1, 0.0), min(width, 1.5))
        x = 0.0
        for column in sorted(set(self.column.values())):
            self.wide[column] = max(self.size[u][0] for u, c in self.column.items() if c == column)
            self.x[column] = x + self.wide[column] / 2
            x += self.wide[column] + max(gaps.get(column, 0.0), 0.42)

    def _place(self, lower: Sequence[Unit]) -> None:
        for unit in lower:
            self.at[unit] = (self.x[self.column[unit]], self.layout.height[unit])
        self.top = max((y + self.size[u][1] / 2 for u, (_, y) in self.at.items()), default=0.0)
        self.top = max(self.top, *(y for bend in self.layout.bends.values() for _, y in bend), self.top)
        base = self.top + 0.75
        for column in sorted(set(self.column.values())):
            stack = [u for u in self.units if u not in self.at and self.column[u] == column]
            stack.sort(key=lambda u: self.at[u.of][1] if u.of in self.at else 0.0)
            y = base
            for unit in stack:
                self.at[unit] = (self.x[column], y + self.size[unit][1] / 2)
                y += self.size[unit][1] + 0.3

    def _labelled(self, wire: Wire) -> bool:
        """True for the first arrow of a tensor within the forward half."""
        if wire.tensor is None or wire.updates or wire.source.kind not in {"op", "scope"}:
            return False
        if wire.source.half != "forward" or wire.target.half != "forward":
            return False
        if wire.tensor.static_shape is None:
            return False
        rank = len(wire.tensor.static_shape)
        beside = [
            w.tensor.static_shape
            for w in self.wires
            if w.source is wire.source and w.target is wire.target and w.tensor is not None
        ]
        if any(shape is not None and len(shape) > rank for shape in beside):
            return False  # several tensors share an arrow: the largest names it
        first = next(w for w in self.wires if w.tensor is wire.tensor and w.target.half == "forward")
        return first is wire

    def paint(self, text: str, legend: bool) -> Picture:
        left = min(x - self.size[u][0] / 2 for u, (x, _) in self.at.items())
        right = max(x + self.size[u][0] / 2 for u, (x, _) in self.at.items())
        bends = [y for bend in self.layout.bends.values() for _, y in bend]
        low = min([*(y - self.size[u][1] / 2 for u, (_, y) in self.at.items()), *bends])
        high = max([*(y + self.size[u][1] / 2 for u, (_, y) in self.at.items()), *bends]) + self._headroom()
        entries = self._legend_entries() if legend else []
        width_of_legend = sum(0.55 + text_width(word, DETAIL_SIZE) for *_, word in entries)
        spare = max(0.0, width_of_legend - (right - left), 3.2 - (right - left)) / 2
        left, right = left - _MARGIN - spare, right + _MARGIN + spare
        low, high = low - _MARGIN - (0.5 if entries else 0.0), high + _MARGIN
        picture = Picture(right - left, high - low, text)
        axes = picture.add_axes((0, 0, 1, 1))
        axes.set(xlim=(left, right), ylim=(low, high))
        axes.axis("off")
        if self.mirrored:
            self._paint_halves(axes, left, right)
        for wire in self.wires:
            self._paint_wire(axes, wire)
        for unit in self.units:
            self._paint_unit(axes, unit)
        x = (left + right - width_of_legend) / 2
        for kind, fill, edge, word in entries:
            shape(axes, kind, x + 0.17, low + 0.3, 0.3, 0.19, fill, edge, 1.0, zorder=3, dashed=kind == "left out")
            axes.text(x + 0.4, low + 0.3, word, size=DETAIL_SIZE, color=INK, va="center_baseline")
            x += 0.55 + text_width(word, DETAIL_SIZE)
        return picture

    def _headroom(self) -> float:
        """Room for the arcs of gradients that pass over other boxes."""
        upper = [w for w in self.wires if self.mirrored and w.source.half == "gradient"]
        steps = max((self.column[w.source] - self.column[w.target] for w in upper), default=0)
        return 0.1 if steps < 2 else 0.15 + 0.05 * min(steps, 6)

    def _legend_entries(self) -> list[tuple[str, str, str, str]]:
        present = [k for k in FILLS if any(u.kind == k and u.half == "forward" for u in self.units)]
        entries = [(kind, FILLS[kind], EDGES[kind], _WORDS[kind]) for kind in present]
        for half, word in (("gradient", "gradient"), ("optimizer", "optimizer")):
            if any(u.half == half for u in self.units):
                entries.append(("op", *HALVES[half], word))
        if self.left_out:
            entries.append(("left out", PAPER, FAINT, self.word_for_left_out))
        return entries

    def _paint_halves(self, axes: Axes, left: float, right: float) -> None:
        """A thin line between forward and backward, with the direction of each."""
        y = self.top + 0.3
        axes.plot([left + 0.1, right - 0.1], [y, y], color="#d5d9de", lw=1, zorder=0)
        style: dict[str, Any] = {"size": DETAIL_SIZE, "color": FAINT, "style": "italic", "zorder": 1}
        style["bbox"] = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.0}
        axes.text(right - 0.2, y + 0.13, "← gradients", ha="right", va="center", **style)
        axes.text(right - 0.2, y - 0.14, "values →", ha="right", va="center", **style)

    def _paint_unit(self, axes: Axes, unit: Unit) -> None:
        x, y = self.at[unit]
        width, height = self.size[unit]
        fill, edge = HALVES.get(unit.half, (FILLS[unit.kind], EDGES[unit.kind]))
        ink, line = (INK, 1.3) if unit.half == "forward" else ("#6a5663", 1.0)
        if unit in self.left_out:
            fill, edge, ink = PAPER, "#b9c0c7", "#9aa2aa"
        if unit in self.marked:
            edge, line = VERMILION, 3.0 if self.marked[unit] == "fetched" else 1.6
        dashed = unit in self.left_out
        shape(axes, unit.kind, x, y, width, height, fill, edge, line, zorder=3, dashed=dashed)
        shift_x, shift_y = {"variable": (0.0, -0.05), "placeholder": (-0.07, 0.0)}.get(unit.kind, (0.0, 0.0))
        style: dict[str, Any] = {"color": ink, "ha": "center", "va": "center", "zorder": 5}
        if unit.detail:
            more = DETAIL_HEIGHT / 2 * unit.detail.count("\n")
            axes.text(x + shift_x, y + shift_y + 0.1 + more, unit.label, size=NAME_SIZE, **style)
            axes.text(x + shift_x, y + shift_y - 0.13, unit.detail, size=DETAIL_SIZE, **style)
        else:
            axes.text(x + shift_x, y + shift_y, unit.label, size=NAME_SIZE, **style)
        if unit in self.marked:
            style |= {"color": VERMILION, "weight": "bold"}
            axes.text(x, y - height / 2 - 0.13, self.marked[unit], size=DETAIL_SIZE, **style)

    def _paint_wire(self, axes: Axes, wire: Wire) -> None:
        halves = {wire.source.half, wire.target.half}
        dead = wire.source in self.left_out or wire.target in self.left_out
        if self.mirrored and halves != {"forward"}:
            self._paint_upper_wire(axes, wire, dead)
            return
        color = "#c3c9cf" if dead else INK if halves == {"forward"} else HALVES[(halves - {"forward"}).pop()][1]
        points = self._route(wire)
        style: dict[str, Any] = {"ls": (0, (4, 3)) if dead else (0, (1, 2)) if wire.tensor is None else "-"}
        arrow(axes, smooth(points), color, 1.4 if not dead else 1.0, **style)
        if wire.tensor is not None and self._labelled(wire):
            (x0, y0), (x1, y1) = points[-2:]
            shift = 0.01 if wire.source.kind == "scope" else -0.03  # away from the cards, or from the arrow's head
            style = {"size": SHAPE_SIZE, "color": FAINT if dead else "#3c444d", "ha": "center", "va": "center"}
            style["bbox"] = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.8, "alpha": 0.9}
            axes.text((x0 + x1) / 2 + shift, (y0 + y1) / 2, _broken(shape_text(wire.tensor)), zorder=4, **style)

    def _route(self, wire: Wire) -> list[tuple[float, float]]:
        (x0, y0), (x1, y1) = self.at[wire.source], self.at[wire.target]
        points = [(x0 + self.size[wire.source][0] / 2, y0)]
        for column, y in self.layout.bends.get((wire.source, wire.target), []):
            half = self.wide[column] / 2
            points += [(self.x[column] - half, y), (self.x[column] + half, y)]
        return [*points, (x1 - self.size[wire.target][0] / 2, y1 + self._entry(wire))]

    def _entry(self, wire: Wire) -> float:
        """Arrows into one box arrive side by side, in the order of the boxes they come from."""
        arriving = [w for w in self.wires if w.target is wire.target and w.target.half == w.source.half]
        sources = list(dict.fromkeys(w.source for w in arriving))
        if wire.source not in sources or len(sources) < 2:
            return 0.0
        sources.sort(key=lambda u: self._last_height(u, wire.target))
        room = min(0.2, 0.6 * self.size[wire.target][1] / len(sources))
        return (sources.index(wire.source) - (len(sources) - 1) / 2) * room

    def _last_height(self, source: Unit, target: Unit) -> float:
        bends = self.layout.bends.get((source, target))
        return bends[-1][1] if bends else self.at[source][1]

    def _paint_upper_wire(self, axes: Axes, wire: Wire, dead: bool) -> None:
        (x0, y0), (x1, y1) = self.at[wire.source], self.at[wire.target]
        (w0, h0), (w1, h1) = self.size[wire.source], self.size[wire.target]
        color = "#d3d7db" if dead else HALVES["gradient"][1]
        if wire.source.half == "gradient":  # gradients flow from right to left
            cards = 0.08 if wire.target.kind == "scope" else 0.0
            start, end = (x0 - w0 / 2, y0), (x1 + w1 / 2 + cards, y1)
            steps = self.column[wire.source] - self.column[wire.target]
            ends = sorted((self.column[wire.source], self.column[wire.target]))
            upper = (self.column[u] for u in self.units if u.half != "forward")
            if steps > 1 and any(ends[0] < column < ends[1] for column in upper):
                rise = 0.22 + 0.05 * min(steps, 6)
                start, end = (x0 - w0 / 4, y0 + h0 / 2), (x1 + w1 / 4, y1 + h1 / 2 + cards)
                top = max(start[1], end[1]) + rise
                path = [start, (start[0] - 0.3, top), (end[0] + 0.3, top), end]
            elif steps >= 1:
                path = smooth([start, end], backward=True)
            else:
                path = [(x0, y0), (x0 + 0.3, y0), (x1 + 0.3, y1), (x1, y1)]
            arrow(axes, path, color, 1.2)
        elif wire.updates:
            start, end = (
                (x1, y1 - h1 / 2),
                (x0, y0 + h0 / 2 + (0.08 if wire.source.kind == "scope" else 0.0)),
            )  # the optimizer writes the variable
            bend = (start[1] + end[1]) / 2
            path = [start, (start[0], bend), (end[0], bend), end]
            arrow(axes, path, "#d3d7db" if dead else ORANGE, 1.6)
        else:  # values that a gradient needs
            start, end = (x0, y0 + h0 / 2), (x1, y1 - h1 / 2)
            bend = (start[1] + end[1]) / 2
            path = [start, (start[0], bend), (end[0], bend), end]
            arrow(axes, path, "#e3cfda" if not dead else "#e3e6e9", 0.9, ls=(0, (1, 2)), zorder=1)
