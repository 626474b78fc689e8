"""The program's lines with the `tf.device` blocks that say a placement, as far as blocks can say it.

A block encloses lines, and a line may make many ops: `minimize` makes all gradients and updates. Where the ops of a
line are on one device, one block says it. Where they are not, the line is put in the block of most of its forward ops,
and a comment says what that leaves out, and what would say more (`colocate_gradients_with_ops=True`).

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default() as graph:
    ...     y = tf.square(3.0, name="y")
    >>> print(code(graph, {"y": "/device:GPU:1", "y/x": "/device:GPU:1"}))
    with tf.device("/device:GPU:1"):
        y = tf.square(3.0, name="y")
    >>> print(code(None, {"y": "/device:GPU:1", "y/x": "/device:GPU:1"}))
    with tf.device("/device:GPU:1"):
        # 2 ops: y, y/x
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from labkit.graph import Graph

_NAMED = 4


def code(graph: Graph | None, places: Mapping[str, str]) -> str:
    """The text.

    Args:
        graph: the graph, for the lines that made the ops; None where there is none.
        places: the device of each op.
    """
    lines: dict[tuple[str, int], list[str]] = {}
    source: dict[tuple[str, int], str] = {}
    for name in places:
        node = None if graph is None else graph.nodes_by_name.get(name)
        key = ("", 0) if node is None else (node.site.file, node.site.line)
        lines.setdefault(key, []).append(name)
        if node is not None:
            source[key] = node.site.source()
    found: list[str] = []
    last = ""
    for key, names in lines.items():
        for device, text, notes in _said(graph, names, source.get(key, ""), places):
            if device != last:
                found.append(f'with tf.device("{device}"):')
                last = device
            found += [f"    {line}" for line in [*notes, text] if line]
    return "\n".join(found)


def _said(
    graph: Graph | None, names: list[str], source: str, places: Mapping[str, str]
) -> list[tuple[str, str, list[str]]]:
    """For one line of a program: the device, the line, and comments."""
    counts = Counter(places[name] for name in names)
    if not source:
        return [
            (device, f"# {_ops([name for name in names if places[name] == device])}", []) for device in counts
        ]  # fmt: skip
    added = {name for name in names if name.startswith("gradients")}
    forward = [name for name in names if name not in added]
    made = [name for name in forward if graph is not None and graph.nodes_by_name[name].type != "Const"]
    main = Counter(places[name] for name in made or forward or names)
    device = main.most_common(1)[0][0]
    notes: list[str] = []
    for other in counts:
        if other != device:
            rest = [name for name in names if places[name] == other]
            notes.append(f"# no block says this: {_ops(rest)} of the next line on {other}")
    if notes and added:
        notes.append("# colocate_gradients_with_ops=True puts gradients on the devices of what they differentiate")
    return [(device, source, notes)]


def _ops(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{len(names)} op{'s' * (len(names) != 1)}: {', '.join(names[:_NAMED])}{more}"
