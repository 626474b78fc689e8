"""Text as HTML: tables whose every cell is escaped, because names and sources belong to whoever wrote the graph.

Colours are those of the page around, with marks that show on light and on dark paper.

Example:
    >>> "<b>" in table(["name"], [["<b>bold</b>"]])
    False
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

BAD = "#D55E00"
"""Vermilion, which stands for what is wrong in all of labkit's pictures."""

DONE, HERE, AHEAD = "#56B4E9", "#0072B2", "#8a929b55"

_CELL = "text-align:left;padding:1px 12px 1px 0;vertical-align:top"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], marked: Sequence[bool] = ()) -> str:
    """A table of texts.

    Args:
        head: the headings.
        rows: the cells.
        marked: which rows are shown in red.
    """
    cells = "".join(f'<th style="{_CELL}">{escape(word)}</th>' for word in head)
    lines = [f"<tr>{cells}</tr>"] if any(head) else []
    for i, row in enumerate(rows):
        color = f";color:{BAD};font-weight:bold" if i < len(marked) and marked[i] else ""
        styles = [_CELL + ";white-space:nowrap" + color] * (len(row) - 1) + [_CELL + color]
        cells = "".join(f'<td style="{style}">{escape(cell)}</td>' for style, cell in zip(styles, row, strict=True))
        lines.append(f"<tr>{cells}</tr>")
    return f'<table style="border:0;font-size:90%;margin:2px 0 6px 0">{"".join(lines)}</table>'


def line(text: str, bold: bool = False, color: str = "") -> str:
    """A line of text."""
    style = ("font-weight:bold;" if bold else "") + (f"color:{color};" if color else "")
    return f'<div style="{style}white-space:pre-wrap">{escape(text)}</div>'


def ribbon(colors: Sequence[str], titles: Sequence[str]) -> str:
    """A row of small boxes, one for each node of a run; the title is shown under the mouse."""
    box = "display:inline-block;height:12px;margin:0 1px 1px 0;border-radius:2px"
    width = 10 if len(colors) <= 120 else 4
    boxes = "".join(
        f'<span title="{escape(title, quote=True)}" style="{box};width:{width}px;background:{color}"></span>'
        for color, title in zip(colors, titles, strict=True)
    )
    return f'<div style="line-height:13px;margin:4px 0">{boxes}</div>'
