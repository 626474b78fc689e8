"""The still picture of a graph: SVG text for places where no widget runs, and for `view.to_svg()`.

The boxes are those of `labkit.draw`: outermost scopes, variables with their parts, the gradient half above the forward
half. What would be more than anybody reads is folded: blocks that differ in their number only (`layer0`, `layer1`, ...)
share a box "layer × 2", and what is left over shares a last box. So a graph of 20,000 operations is a picture of sixty
boxes at most.

All coordinates are whole numbers and text is measured by a table, so that the same graph gives the same bytes on every
computer. The paper is white in every theme. Whatever comes from the graph is escaped.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default() as graph:
    ...     y = tf.square(tf.placeholder(tf.float32, [None], name="x"), name="y")
    >>> picture(graph.get_operations(), "two ops").splitlines()[1]
    '<title>two ops</title>'
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Any
from xml.sax.saxutils import escape

from labkit.graph import Operation
from labkit_widgets.placing import LINE, Box, Link, clean, labelled, measure, place, shape_of, width_of

MOST_BOXES = 60
_MARGIN = 16
_NUMBER = re.compile(r"_?\d+$")


def picture(
    nodes: Sequence[Operation], title: str, root: str = "", running: Collection[str] | None = None,
    marks: Mapping[str, str] | None = None,
) -> str:  # fmt: skip
    """The picture as SVG text; "" if there is nothing to show.

    Args:
        nodes: operations, in creation order.
        title: what is to be seen, in words.
        root: the scope that is shown alone.
        running: names of what a run needs; the rest is drawn as dashed outlines.
        marks: by name of an operation a word to write under its box, such as "added".
    """
    chosen = [node for node in nodes if node.name.startswith(root + "/")] if root else list(nodes)
    boxes, links = _boxes(chosen, root.count("/") + 2 if root else 1)
    if not boxes:
        return ""
    for box in boxes:
        names = [node.name for node in box.nodes]
        box.left_out = running is not None and not any(name in running for name in names)
        words = {marks.get(name, "") for name in names} if marks else {""}
        box.mark = words.pop() if len(words) == 1 else "changed"
        measure(box)
    bends = place(boxes, links)
    return _paint(boxes, links, bends, title)


# Which boxes there are.


def _boxes(nodes: Sequence[Operation], depth: int) -> tuple[list[Box], list[Link]]:
    from labkit.draw.units import units_of

    units, wires = units_of(nodes, True, depth)
    groups: dict[Any, list[Any]] = {}
    for unit in units:
        groups.setdefault(unit, []).append(unit)
    if len(units) > MOST_BOXES // 2:
        groups = {}
        for unit in units:
            alike = unit.kind == "scope" or unit.half == "gradient"
            groups.setdefault((unit.half, _stem(unit.label)) if alike else unit, []).append(unit)
    kept = list(groups.values())
    if len(kept) > MOST_BOXES:
        left = [unit for group in kept[MOST_BOXES - 1 :] for unit in group]
        kept = [*kept[: MOST_BOXES - 1], left]
    else:
        left = None
    box_of: dict[Any, Box] = {}
    boxes: list[Box] = []
    for group in kept:
        box = _rest(group) if group is left else _box(group)
        boxes.append(box)
        box_of.update((unit, box) for unit in group)
    for unit in units:
        if unit.of is not None:
            box_of[unit].of = box_of[unit.of]
    links: dict[Any, Link] = {}
    for wire in wires:
        source, target = box_of[wire.source], box_of[wire.target]
        if source is not target:
            links.setdefault((source, target, wire.tensor is None), Link(source, target, wire.tensor, wire.updates))
    return boxes, list(links.values())


def _stem(label: str) -> str:
    return _NUMBER.sub("", label)


def _box(group: Sequence[Any]) -> Box:
    first = group[0]
    nodes = [node for unit in group for node in unit.nodes]
    label: str = first.label
    detail: list[str] = first.detail.split("\n") if first.detail else []
    if len(group) > 1:
        label, detail = f"{_stem(first.label)} × {len(group)}", [f"{len(nodes):,} ops"]
    return Box(first.kind, first.half, label, detail, nodes)


def _rest(group: Sequence[Any]) -> Box:
    nodes = [node for unit in group for node in unit.nodes]
    half = "forward" if any(unit.half == "forward" for unit in group) else group[0].half
    return Box("scope", half, f"… and {len(group):,} more", [f"{len(nodes):,} ops"], nodes)


# How it is painted.


def _paint(boxes: Sequence[Box], links: Sequence[Link], bends: Mapping[Any, Any], title: str) -> str:
    from labkit.draw.graphs import EDGES, FILLS, HALVES

    heights = [y for bend in bends.values() for _, y in bend]
    marked = 18 if any(box.mark for box in boxes) else 0
    left = min(box.x - box.w // 2 for box in boxes) - _MARGIN
    right = max(box.x + box.w // 2 for box in boxes) + _MARGIN + 8
    top = min([box.y - box.h // 2 for box in boxes] + heights) - _MARGIN - 8
    bottom = max([box.y + box.h // 2 for box in boxes] + heights) + _MARGIN + marked
    present = [kind for kind in FILLS if any(box.kind == kind and box.half == "forward" for box in boxes)]
    legend = [(kind, FILLS[kind], EDGES[kind], kind) for kind in present]
    legend += [("op", *HALVES[half], half) for half in HALVES if any(box.half == half for box in boxes)]
    if any(box.left_out for box in boxes):
        legend.append(("left out", "#ffffff", "#b9c0c7", "not run"))
    wide = sum(56 + width_of(word, 12) for *_, word in legend)
    right = max(right, left + wide + 2 * _MARGIN)
    bottom += 40
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{right - left}" height="{bottom - top}" '
        f'viewBox="{left} {top} {right - left} {bottom - top}" role="img" font-family="{_FONT}">',
        f"<title>{escape(clean(title, 400))}</title>",
        "<defs>",
        *(_head(name, colour) for name, colour in _INKS.items()),
        "</defs>",
        f'<rect x="{left}" y="{top}" width="{right - left}" height="{bottom - top}" fill="#ffffff"/>',
    ]
    columns: dict[int, int] = {}
    for box in boxes:
        columns[box.column] = max(columns.get(box.column, 0), box.w)
    centres = {box.column: box.x for box in boxes}
    lines += [_arrow(link, bends.get((link.source, link.target), []), columns, centres) for link in links]
    with_shape = labelled(links)
    lines += [_box_svg(box, FILLS, EDGES, HALVES) for box in boxes]
    lines += [_label(link, bends.get((link.source, link.target), []), centres, columns) for link in with_shape]
    x, y = (left + right - wide) // 2, bottom - 24
    for kind, fill, edge, word in legend:
        lines.append(_outline(kind, x + 15, y, 30, 18, fill, edge, 1, kind == "left out"))
        lines.append(_text(x + 40, y + 4, word, 12, "#1b1f24", "start"))
        x += 56 + width_of(word, 12)
    return "\n".join([*lines, "</svg>", ""])


_FONT = "DejaVu Sans, Verdana, sans-serif"
_INKS = {"ink": "#1b1f24", "gradient": "#b3769b", "optimizer": "#a86f00", "faint": "#b9c0c7"}


def _head(name: str, colour: str) -> str:
    return (
        f'<marker id="labkit-{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 1L8 4L0 7Z" fill="{colour}"/></marker>'
    )


def _arrow(link: Link, bend: Sequence[tuple[int, int]], wide: Mapping[int, int], centres: Mapping[int, int]) -> str:
    source, target = link.source, link.target
    halves = {source.half, target.half}
    dead = source.left_out or target.left_out
    name = "faint" if dead else "ink" if halves == {"forward"} else "optimizer" if link.updates else "gradient"
    if link.updates and target.half == "optimizer":  # the optimizer writes the variable
        source, target = target, source
    path = _path(source, target, bend, wide, centres)
    upper = source.half != "forward" or target.half != "forward"
    dashed = ' stroke-dasharray="2 3"' if link.tensor is None or (upper and halves != {"gradient"}) else ""
    return (
        f'<path d="{path}" fill="none" stroke="{_INKS[name]}" stroke-width="{1 if upper or dead else 2}"{dashed} '
        f'marker-end="url(#labkit-{name})"/>'
    )


def _path(
    source: Box, target: Box, bend: Sequence[tuple[int, int]], wide: Mapping[int, int], centres: Mapping[int, int]
) -> str:
    if (source.half == "forward") != (target.half == "forward"):  # from half to half: up or down
        up = 1 if source.half == "forward" else -1
        x0, y0 = source.x, source.y - up * source.h // 2
        x1, y1 = target.x, target.y + up * target.h // 2
        middle = (y0 + y1) // 2
        return f"M{x0} {y0}C{x0} {middle} {x1} {middle} {x1} {y1}"
    way = -1 if source.half == "gradient" and target.half in {"gradient", "optimizer"} else 1
    points = [(source.x + way * source.w // 2, source.y)]
    for column, y in bend:
        half = wide.get(column, 0) // 2
        points += [(centres[column] - half, y), (centres[column] + half, y)]
    cards = 5 if way < 0 and target.kind == "scope" else 0
    points.append((target.x - way * target.w // 2 + cards, target.y))
    text = f"M{points[0][0]} {points[0][1]}"
    for (x0, y0), (x1, y1) in pairwise(points):
        reach = max(abs(x1 - x0) // 2, 12) * way
        text += f"C{x0 + reach} {y0} {x1 - reach} {y1} {x1} {y1}"
    return text


def _label(link: Link, bend: Sequence[tuple[int, int]], centres: Mapping[int, int], wide: Mapping[int, int]) -> str:
    x0, y0 = link.source.x + link.source.w // 2, link.source.y
    if bend:
        column, y0 = bend[-1]
        x0 = centres[column] + wide.get(column, 0) // 2
    x1, y1 = link.target.x - link.target.w // 2, link.target.y
    x, y, text = (x0 + x1 - 6) // 2, (y0 + y1) // 2, shape_of(link)
    w = width_of(text, 12) + 4
    paper = f'<rect x="{x - w // 2}" y="{y - 9}" width="{w}" height="17" fill="#ffffff" fill-opacity="0.85"/>'
    return paper + _text(x, y + 4, text, 12, "#3c444d", "middle")


def _box_svg(box: Box, fills: Mapping[str, str], edges: Mapping[str, str], halves: Mapping[str, Any]) -> str:
    fill, edge = halves.get(box.half, (fills[box.kind], edges[box.kind]))
    ink = "#1b1f24" if box.half == "forward" else "#5a4753"
    if box.left_out:
        fill, edge, ink = "#ffffff", "#b9c0c7", "#6b737c"
    stroke = 2 if box.mark else 1
    if box.mark:
        edge = "#D55E00"
    parts = [_outline(box.kind, box.x, box.y, box.w, box.h, fill, edge, stroke, box.left_out)]
    x = box.x - (6 if box.kind == "placeholder" else 0)
    y = box.y + 5 - LINE * len(box.detail) // 2 + (5 if box.kind == "variable" else 0)
    parts.append(_text(x, y, box.label, 14, ink, "middle"))
    parts += [_text(x, y + LINE * (i + 1), line, 12, ink, "middle") for i, line in enumerate(box.detail)]
    if box.mark:
        parts.append(_text(box.x, box.y + box.h // 2 + 14, box.mark, 12, "#B34E00", "middle"))
    return "".join(parts)


def _outline(kind: str, x: int, y: int, w: int, h: int, fill: str, edge: str, stroke: int, dashed: bool) -> str:
    style = f'fill="{fill}" stroke="{edge}" stroke-width="{stroke}"' + (' stroke-dasharray="4 3"' if dashed else "")
    a, b = x - w // 2, y - h // 2
    if kind == "constant":
        return f'<ellipse cx="{x}" cy="{y}" rx="{w // 2}" ry="{h // 2}" {style}/>'
    if kind == "placeholder":
        tip = min(14, w // 3)
        return (
            f'<path d="M{a} {b}H{a + w - tip}L{a + w} {y}L{a + w - tip} {b + h}H{a}Z" stroke-linejoin="round" {style}/>'
        )
    if kind == "variable":
        lid = min(7, h // 4)
        bow = f"A{w // 2} {lid} 0 0 0"
        sides = f"M{a} {b + lid}V{b + h - lid}{bow} {a + w} {b + h - lid}V{b + lid}"
        return f'<path d="{sides}{bow} {a} {b + lid}{bow} {a + w} {b + lid}" {style}/>'
    card = f'width="{w}" height="{h}" rx="6" {style}/>'
    back = "".join(f'<rect x="{a + s}" y="{b - s}" {card}' for s in (6, 3)) if kind == "scope" else ""
    return f'{back}<rect x="{a}" y="{b}" {card}'


def _text(x: int, y: int, text: str, size: int, colour: str, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour}" text-anchor="{anchor}">{escape(text)}</text>'
