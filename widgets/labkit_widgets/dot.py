r"""A graph as DOT text, the language of Graphviz.

Nodes and clusters have numbers for names, and what comes from the graph stands in quoted labels only, with quotation
marks and backslashes escaped: no name can end its label.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default() as graph:
    ...     x = tf.constant(1.0, name="x")
    ...     y = tf.square(x, name="y")
    >>> from labkit_widgets.columns import columns
    >>> print(dot(columns(graph)))
    digraph {
      rankdir=LR;
      node [shape=box, style="rounded,filled", fillcolor=white, fontname="sans-serif"];
      n0 [label="x\nConst", shape=ellipse, fillcolor="#e3e5e8"];
      n1 [label="y\nSquare"];
      n0 -> n1 [label="()"];
    }
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from labkit_widgets.columns import PARTS
from labkit_widgets.placing import clean

_STYLES = {
    "state": ', shape=cylinder, fillcolor="#fbd38a"', "input": ', shape=cds, fillcolor="#bfe1f6"',
    "constant": ', shape=ellipse, fillcolor="#e3e5e8"', "gradient": ', fillcolor="#f7e6ef"',
    "optimizer": ', fillcolor="#fae3d3"',
}  # fmt: skip
_SCOPE = ', shape=folder, fillcolor="#c6e8dc"'


def dot(columns: Mapping[str, Any], opened: Collection[str] | None = None, root: str = "", across: bool = True) -> str:
    """The graph, or what is visible of it, as DOT.

    Args:
        columns: the graph, as `labkit_widgets.columns` makes it.
        opened: paths of the scopes that are drawn open, with a final slash; all of them if None.
        root: the scope that is drawn alone.
        across: True for from left to right, False for downward.
    """
    drawing = _Drawing(columns, opened, root + "/" if root else "")
    lines = [
        "digraph {",
        f"  rankdir={'LR' if across else 'TB'};",
        '  node [shape=box, style="rounded,filled", fillcolor=white, fontname="sans-serif"];',
        *drawing.boxes(),
        *drawing.arrows(),
        "}",
    ]
    return "\n".join(lines)


def quoted(text: str) -> str:
    r"""Text as a DOT string.

    Example:
        >>> print(quoted('say "a\\b"'))
        "say \"a\\b\""
    """
    return '"' + clean(text, 400).replace("\\", "\\\\").replace('"', '\\"') + '"'


class _Drawing:
    """Which boxes there are, and which of them each node belongs to."""

    def __init__(self, columns: Mapping[str, Any], opened: Collection[str] | None, root: str) -> None:
        self._columns = columns
        self._root = root
        self._open = None if opened is None else {scope for scope in opened if scope.endswith("/")}
        self._numbers: dict[str, int] = {}  # of boxes, by name; a closed scope ends in a slash
        self._box: list[str | None] = [self._visible(name) for name in columns["names"]]

    def _visible(self, name: str) -> str | None:
        """The box that stands for a node: itself, or the outermost closed scope around it; None outside of the root."""
        if not name.startswith(self._root):
            return None
        at = name.find("/", len(self._root)) if self._open is not None else -1
        while at >= 0:
            if self._open is not None and name[: at + 1] not in self._open:
                return name[: at + 1]
            at = name.find("/", at + 1)
        return name

    def boxes(self) -> list[str]:
        """Boxes, in clusters for the scopes that are open."""
        sizes: dict[str, int] = {}
        first: dict[str, int] = {}
        for i, box in enumerate(self._box):
            if box is not None:
                sizes[box] = sizes.get(box, 0) + 1
                first.setdefault(box, i)
        self._numbers = {box: i for i, box in enumerate(first)}
        tree: dict[str, Any] = {}  # a box, or what is in a scope, by the last part of its name; a scope's has a slash
        for box in first:
            *scopes, last = box.removeprefix(self._root).removesuffix("/").split("/")
            at = tree
            for scope in scopes:
                at = at.setdefault(scope + "/", {})
            at[last if last not in at else f"{last} "] = box
        lines: list[str] = []
        clusters = 0
        waiting: list[tuple[str, Any, str]] = [(label, inside, "  ") for label, inside in reversed(tree.items())]
        while waiting:  # not by recursion: a name may have thousands of slashes
            label, inside, indent = waiting.pop()
            if not label:
                lines.append(f"{indent}}}")
            elif isinstance(inside, str):
                lines.append(indent + self._line(label, inside, first[inside], sizes[inside]))
            else:
                lines.append(f"{indent}subgraph cluster_{clusters} {{ label={quoted(label.removesuffix('/'))};")
                clusters += 1
                waiting.append(("", None, indent))
                waiting += [(label, inner, indent + "  ") for label, inner in reversed(inside.items())]
        return lines

    def _line(self, label: str, box: str, node: int, size: int) -> str:
        number = self._numbers[box]
        if box.endswith("/"):
            count = f"{size:,} op" + ("" if size == 1 else "s")
            return f'n{number} [label={quoted(label)[:-1]}\\n{count}"{_SCOPE}];'
        kind = self._columns["ops"][self._columns["op"][node]]
        style = _STYLES.get(PARTS[int(self._columns["part"][node])], "")
        return f"n{number} [label={quoted(label)[:-1]}\\n{quoted(kind)[1:]}{style}];"

    def arrows(self) -> list[str]:
        """Arrows between boxes: one for each pair, dashed if nothing flows along it."""
        made = self._columns
        sources: list[int] = made["from"]
        targets: list[int] = made["to"]
        starts: list[int] = [0]
        for count in made["outputs"]:
            starts.append(starts[-1] + count)
        labels: dict[tuple[int, int], dict[str, None]] = {}
        for source, slot, target in zip(sources, made["slot"], targets, strict=True):
            box, other = self._box[source], self._box[target]
            if box is None or other is None or box == other:
                continue
            shapes = labels.setdefault((self._numbers[box], self._numbers[other]), {})
            if slot >= 0:
                shapes[made["types"][made["outputTypes"][starts[source] + slot]]["shape"]] = None
        lines: list[str] = []
        for (begin, end), shapes in labels.items():
            words = quoted(next(iter(shapes)) if len(shapes) == 1 else f"{len(shapes)} tensors")
            lines.append(f"  n{begin} -> n{end} [{f'label={words}' if shapes else 'style=dashed'}];")
        return lines
