"""What differs between two graphs: before and after `tf.gradients`, before and after a pass.

Nodes are told apart by their names. A node has changed if its op, an attribute, an input, a control input or its device
is another one. A graph only grows, so to compare it with what it was, keep a `snapshot`:

    >>> import labkit as tf
    >>> with tf.Graph().as_default() as graph:
    ...     x = tf.constant(3.0, name="x")
    ...     y = tf.square(x, name="y")
    ...     before = snapshot(graph)
    ...     slope = tf.gradients(y, x)
    >>> found = compare(before, graph)
    >>> found
    <6 ops added>
    >>> found.added[0]
    'gradients/Shape'
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from labkit.graph import Graph, Operation
from labkit.graph.subgraph import Body
from labkit_widgets import columns as encoding


class Snapshot:
    """A graph as it was: what the page draws it from, and a digest of each node. It keeps no tensor alive.

    Attributes:
        names: the names of its nodes.
        columns: the graph for the page, as bytes.
        title: a line to write over it.
    """

    def __init__(self, graph: Graph, title: str = "") -> None:
        with graph.lock:
            made = encoding.columns(graph)
            nodes = [(node.name, node) for node in graph.get_operations()]
            nodes += [inner for _, inside in encoding.bodies(graph.get_operations()) for inner in inside]
            self.digests = {name: _digest(node) for name, node in nodes}
        self.names: list[str] = made["names"]
        self.edges = len(made["from"])
        self.columns = encoding.pack(made)
        self.title = title

    def __repr__(self) -> str:
        return f"<snapshot of {len(self.names)} operations>"


class Comparison:
    """What differs between two graphs.

    Attributes:
        before: the one.
        after: the other.
        added: names of nodes that are only in the other.
        removed: names of nodes that are only in the one.
        changed: names of nodes that are in both and not the same.
    """

    def __init__(self, before: Snapshot, after: Snapshot) -> None:
        self.before, self.after = before, after
        self.added = [name for name in after.names if name not in before.digests]
        self.removed = [name for name in before.names if name not in after.digests]
        self.changed = [
            name for name in after.names if before.digests.get(name, after.digests[name]) != after.digests[name]
        ]

    def marks(self) -> dict[str, Any]:
        """The differences for the page: ranges of indices, `here` in the other graph and `there` in the one."""
        return {
            "here": {"added": _places(self.after, self.added), "changed": _places(self.after, self.changed)},
            "there": {"removed": _places(self.before, self.removed), "changed": _places(self.before, self.changed)},
        }

    def words(self) -> dict[str, str]:
        """For each node that is new or changed, which of the two."""
        return dict.fromkeys(self.added, "added") | dict.fromkeys(self.changed, "changed")

    def __repr__(self) -> str:
        counts = [(self.added, "added"), (self.removed, "removed"), (self.changed, "changed")]
        parts = [f"{len(names):,} {'op' if len(names) == 1 else 'ops'} {word}" for names, word in counts if names]
        return f"<{', '.join(parts) or 'no difference'}>"


def snapshot(graph: Graph | None = None, title: str = "") -> Snapshot:
    """Keeps what a graph is now, to compare it with what it becomes.

    Args:
        graph: the graph; the default graph if None.
        title: a line to write over it.

    Example:
        >>> import labkit as tf
        >>> snapshot(tf.Graph())
        <snapshot of 0 operations>
    """
    from labkit.graph import get_default_graph

    if graph is not None and not isinstance(graph, Graph):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"a snapshot is made of a tf.Graph, not of {graph!r}.")
    return Snapshot(get_default_graph() if graph is None else graph, title)


def compare(before: Any, after: Any) -> Comparison:
    """What differs between two graphs.

    Args:
        before: a `tf.Graph`, a `snapshot`, or what `tf.passes.optimize` returned.
        after: likewise.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default() as graph:
        ...     y = tf.identity(tf.placeholder(tf.float32, [], name="x"), name="same") * 2.0
        >>> compare(graph, tf.passes.optimize(y))
        <1 op removed, 1 op changed>
    """
    return Comparison(as_snapshot(before), as_snapshot(after))


def as_snapshot(what: Any, title: str = "") -> Snapshot:
    """A snapshot of what can be compared.

    Raises:
        TypeError: if it is nothing of that kind.
    """
    if isinstance(what, Snapshot):
        return what
    graph = getattr(what, "graph", what)  # of an optimized one, of a view
    if isinstance(graph, Graph):
        return Snapshot(graph, title)
    raise TypeError(f"a tf.Graph or a snapshot of one can be compared, not {what!r}.")


def _digest(node: Operation) -> bytes:
    digest = hashlib.blake2b(node.type.encode(), digest_size=16)
    for name, value in node.kind.attributes().items():
        digest.update(name.encode())
        _add(digest, value)
    parts = [tensor.name for tensor in node.inputs] + [f"^{other.name}" for other in node.control_inputs]
    digest.update("\0".join([*parts, node.device]).encode("utf-8", "replace"))
    return digest.digest()


def _add(digest: Any, value: Any) -> None:
    """An attribute's value, so that equal ones give equal bytes in every process."""
    if isinstance(value, np.ndarray):
        array: np.ndarray[Any, Any] = value  # pyright: ignore[reportUnknownVariableType]
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(repr(array.tolist()).encode() if array.dtype.kind == "O" else array.tobytes())
    elif isinstance(value, Body):
        digest.update(f"{len(value.nodes)} {[t.name for t in value.outputs]}".encode())
    elif isinstance(value, tuple):
        digest.update(f"({len(value)}".encode())  # pyright: ignore[reportUnknownArgumentType]
        for entry in value:  # pyright: ignore[reportUnknownVariableType]
            _add(digest, entry)
    elif callable(value):
        digest.update(getattr(value, "__qualname__", type(value).__name__).encode())
    else:
        digest.update(str(getattr(value, "name", value)).encode("utf-8", "replace"))


def _places(graph: Snapshot, names: Sequence[str]) -> list[int]:
    chosen = set(names)
    return ranges(i for i, name in enumerate(graph.names) if name in chosen)


def ranges(places: Iterable[int]) -> list[int]:
    """Rising numbers as first and end (not included) of each run.

    Example:
        >>> ranges([0, 1, 2, 5, 7, 8])
        [0, 3, 5, 6, 7, 9]
    """
    edges: list[int] = []
    for place in places:
        if edges and edges[-1] == place:
            edges[-1] = place + 1
        else:
            edges += [place, place + 1]
    return edges
