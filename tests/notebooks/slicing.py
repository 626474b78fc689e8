"""The cells of a notebook that its exercises need, and those that use their answers: a slice of the program.

A cell is needed if it is an answer, the check of one, or gives a value to a name that a needed cell reads; and it is
run if it reads a name that an answer gives a value to. What changes by a call alone (`session.run(...)`) is not seen:
where an exercise needs that, its check fails, and the notebook belongs into `WHOLE`.

Example:
    >>> cells = ["import math", "n = 3", "slow = math.factorial(n)", "answer = ...", "check(answer, n)", "print(slow)"]
    >>> [cells[place] for place in needed(cells, answers=[3])]
    ['n = 3', 'answer = ...', 'check(answer, n)']
"""

from __future__ import annotations

import ast
from collections.abc import Sequence


def needed(cells: Sequence[str], answers: Sequence[int]) -> list[int]:
    """Which cells to run.

    Args:
        cells: the sources of the code cells, in order.
        answers: the places of those that hold an answer; the next cell checks it.
    """
    found = [_names(source) for source in cells]
    given = {name for place in answers for name in found[place][0]}
    keep = {place + after for place in answers for after in (0, 1)}
    keep |= {place for place, (_, reads) in enumerate(found) if reads & given}
    wanted = set[str]()
    for place in reversed(range(len(cells))):
        gives, reads = found[place]
        if place in keep or gives & wanted:
            keep.add(place)
            wanted |= reads
    return sorted(keep)


def _names(source: str) -> tuple[set[str], set[str]]:
    """Which names a cell gives a value to, or changes a part of, and which it reads; none of a cell with magics."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return set(), set()
    gives, reads = set[str](), set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (reads if isinstance(node.ctx, ast.Load) else gives).add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            gives.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            gives |= {(name.asname or name.name).split(".")[0] for name in node.names}
        elif isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            gives.add(_root(node))
        if isinstance(node, ast.AugAssign):
            reads.add(_root(node.target))
    return gives, reads


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
