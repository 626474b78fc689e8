"""Where the boxes of the still picture stand: sizes from a table of letters, columns from `labkit.draw.layout`.

The forward half is laid out in layers, the gradients stand above the boxes that they differentiate, the optimizer left
of them, and boxes that nothing joins in rows below. All lengths are whole pixels.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from labkit.graph import Operation, Tensor

LINE = 17  # from line to line in a box
_LONGEST = 26  # letters in a line of a box
_GAP = 22
_LONE = 3  # so many boxes that nothing joins stand among the others; more of them in rows below
_NOWHERE = -100  # the column of those
_WIDTHS = dict.fromkeys("MWmw@%", 12) | dict.fromkeys("fijlrtI.,:;'|!/ ()[]", 5)  # of a letter, at 14 pixels; 9 else
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(eq=False)
class Box:
    """A box of the picture: where it stands and what is written in it. Lengths are pixels."""

    kind: str
    half: str
    label: str
    detail: list[str]
    nodes: list[Operation]
    column: int = 0
    x: int = 0  # of its middle
    y: int = 0
    of: Box | None = None
    mark: str = ""
    left_out: bool = False
    w: int = field(default=0)
    h: int = field(default=0)


@dataclass(frozen=True)
class Link:
    """An arrow from box to box; `tensor` is None for a control edge."""

    source: Box
    target: Box
    tensor: Tensor | None
    updates: bool


def width_of(text: str, size: int) -> int:
    """Width of a line of text in a sans-serif font, in pixels: an estimate that is the same everywhere."""
    units = sum(
        20 if ord(c) > 0x2E7F else 11 if c in "MWmw@%" else 5 if c in "fijlrtI.,:;'|!/ ()[]" else 9 for c in text
    )
    return units * size // 14


def measure(box: Box) -> None:
    """Cuts the texts of a box and makes it as large as they are."""
    box.label = clean(box.label, _LONGEST)
    box.detail = [clean(line, _LONGEST) for line in box.detail[:2]]
    extra = {"constant": 34, "placeholder": 40}.get(box.kind, 24)
    box.w = max(width_of(box.label, 14), *(width_of(line, 12) for line in box.detail or [""]), 40) + extra
    box.w += box.w % 2
    box.h = 26 + LINE * len(box.detail) + (12 if box.kind == "variable" else 0)
    box.h += box.h % 2


def place(boxes: Sequence[Box], links: Sequence[Link]) -> dict[tuple[Box, Box], list[tuple[int, int]]]:
    """Gives every box its middle; returns where long arrows go through, as (column, height)."""
    from labkit.draw.layout import layered

    joined = {box for link in links for box in (link.source, link.target)}
    lone = [box for box in boxes if box not in joined]
    if len(lone) > _LONE:
        boxes = [box for box in boxes if box in joined]
    else:
        lone = []
    lower = [box for box in boxes if box.half == "forward"] or list(boxes)
    if not lower:
        _grid(lone, 0, 0)
        return {}
    inside = set(lower)
    arrows = [(link.source, link.target) for link in links if link.source in inside and link.target in inside]
    layout = layered(lower, arrows, {box: float(box.h) for box in lower}, float(_GAP))
    for box in lower:
        box.column, box.y = layout.column[box], -round(layout.height[box])
    upper = [box for box in boxes if box not in inside]
    last = max(box.column for box in lower)
    before: dict[Box, list[Box]] = {}
    for link in links:
        if link.source.half == link.target.half == "gradient":
            before.setdefault(link.target, []).append(link.source)
    for box in upper:
        if box.half == "optimizer":
            box.column = -1
        elif box.of is not None and box.of in inside:
            box.column = box.of.column
        else:  # where gradients meet: left of those they come from; the start is right of all
            box.column = min((other.column for other in before.get(box, ())), default=last + 2) - 1
    if any(box.column < 0 for box in upper if box.half == "gradient"):
        for box in upper:
            box.column -= box.half == "optimizer"
    _place_columns(boxes, links)
    bends = {
        ends: [(column, -round(height)) for column, height in bend] for ends, bend in layout.bends.items()
    }  # fmt: skip
    low = min([box.y - box.h // 2 for box in lower] + [y for bend in bends.values() for _, y in bend])
    for column in sorted({box.column for box in upper}):
        y = low - 56
        for box in (box for box in upper if box.column == column):
            box.y = y - box.h // 2
            y -= box.h + _GAP
    _grid(lone, min(box.x - box.w // 2 for box in boxes), max(box.y + box.h // 2 for box in lower) + 2 * _GAP)
    return bends  # pyright: ignore[reportReturnType]  # the layout's keys are the boxes


def _grid(lone: Sequence[Box], left: int, top: int) -> None:
    """Rows of boxes that nothing joins, below the others."""
    if not lone:
        return
    wide, tall = max(box.w for box in lone) + _GAP, max(box.h for box in lone) + _GAP
    per_row = max(4, min(10, 1200 // wide))
    for i, box in enumerate(lone):
        box.column = _NOWHERE
        box.x = left + wide * (i % per_row) + wide // 2
        box.y = top + tall * (i // per_row) + tall // 2


def _place_columns(boxes: Sequence[Box], links: Sequence[Link]) -> None:
    gaps: dict[int, int] = {}
    for link in labelled(links):
        ends = sorted((link.source.column, link.target.column))
        gaps[ends[1]] = max(gaps.get(ends[1], 0), min(width_of(shape_of(link), 12) + 34, 150))
    x = 0
    for column in sorted({box.column for box in boxes}):
        x += gaps.get(column, 44)
        members = [box for box in boxes if box.column == column]
        wide = max(box.w for box in members)
        for box in members:
            box.x = x + wide // 2
        x += wide


def labelled(links: Sequence[Link]) -> list[Link]:
    """The arrows that say a shape: the first of each tensor that an op or a scope makes in the forward half."""
    seen: set[Tensor] = set()
    found: list[Link] = []
    for link in links:
        tensor = link.tensor
        if tensor is None or link.updates or link.source.kind not in {"op", "scope"} or tensor in seen:
            continue
        if link.source.half == link.target.half == "forward" and tensor.static_shape is not None:
            seen.add(tensor)
            found.append(link)
    return found


def shape_of(link: Link) -> str:
    """The shape of what flows along an arrow."""
    from labkit.draw.units import shape_text

    return "" if link.tensor is None else clean(shape_text(link.tensor), 18)


def clean(text: str, most: int) -> str:
    """Text without what XML forbids, and without more of it than fits; cut in the middle, as ends differ most."""
    if len(text) > most:
        text = f"{text[: most // 2]}…{text[-(most - most // 2 - 1) :]}"
    return _ILLEGAL.sub("\ufffd", text).replace("\n", " ")
