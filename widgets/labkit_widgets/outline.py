"""The outline of a graph: nested lists of text, for screen readers and for places where no picture is shown.

Example:
    >>> outline([("x", "Placeholder"), ("layer/w", "VariableV2"), ("layer/y", "Add")])
    ['x: Placeholder', 'layer: 2 ops', ['w: VariableV2', 'y: Add']]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labkit_widgets.placing import clean


def outline(entries: Sequence[tuple[str, str]], most: int = 400, most_here: int = 60) -> list[Any]:
    """Scopes and operations as nested lists of text.

    Args:
        entries: name and type of each operation, in creation order.
        most: how many lines in all.
        most_here: how many lines in one scope.

    Example:
        >>> outline([("x", "Placeholder"), ("layer/w", "VariableV2"), ("layer/y", "Add")])
        ['x: Placeholder', 'layer: 2 ops', ['w: VariableV2', 'y: Add']]
    """
    tree: dict[str, Any] = {}
    for name, kind in entries:
        *scopes, last = name.split("/")
        at = tree
        for scope in scopes:
            at = at.setdefault(scope + "/", {})
        at[last] = kind
    return _lines(tree, _Room(most), most_here)


@dataclass
class _Room:
    left: int


def _lines(tree: Mapping[str, Any], room: _Room, most: int) -> list[Any]:
    """Breadth before depth: all lines of this level, then those inside, as long as there is room."""
    shown = list(tree.items())[: min(most, max(room.left, 1))]
    room.left -= len(shown)
    found: list[Any] = []
    for name, inside in shown:
        if isinstance(inside, str):
            found.append(f"{clean(name, 120)}: {inside}")
            continue
        count = _size(inside)
        found.append(f"{clean(name[:-1], 120)}: {count:,} op{'' if count == 1 else 's'}")
        if room.left > 0:
            found.append(_lines(inside, room, most))
    rest = len(tree) - len(shown)
    return [*found, f"… and {rest:,} more"] if rest else found


def _size(tree: Mapping[str, Any]) -> int:
    count, waiting = 0, [tree]
    while waiting:
        for inside in waiting.pop().values():
            if isinstance(inside, str):
                count += 1
            else:
                waiting.append(inside)
    return count
