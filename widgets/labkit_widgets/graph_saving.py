"""A graph's view on paper: the still picture, the outline, DOT and a page of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import traitlets

from labkit.executor import prune
from labkit.graph import Graph, Operation
from labkit_widgets import columns as encoding
from labkit_widgets import still
from labkit_widgets.dot import dot
from labkit_widgets.graph_questions import GraphQuestions
from labkit_widgets.outline import outline

_SMALL = 400  # operations


class GraphSaving(GraphQuestions):
    """A view of a graph that can be kept as text.

    Attributes:
        columns: the graph as it was drawn.
        state: what is drawn of it.
        marks: what differs from another graph.
    """

    columns = traitlets.Bytes().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)
    marks = traitlets.Dict().tag(sync=True)
    _only: list[str] | None = None  # the names of what is shown with all it depends on; None for the whole graph
    _version = -1
    _size = ""
    _words: Mapping[str, str] | None = None
    _still: tuple[Any, str] | None = None  # the picture, and what it was made of

    def describe(self) -> str:
        """How large the graph is."""
        return self._size

    def picture(self) -> str:
        """The still picture: collapsed, with what a fetch leaves out as dashed outlines."""
        graph = self._graph()
        key = (self._version, self.root(), str(self.runs), str(self.marks))
        if graph is not None and (self._still is None or self._still[0] != key):
            running = None
            if self.runs:
                ends = iter(self.runs["ranges"])
                running = {self.names[i] for first, end in zip(ends, ends, strict=True) for i in range(first, end)}
            title = f"A dataflow graph: {self.describe()}"
            svg = still.picture(self.nodes_of(graph), title, self.root(), running, self._words)
            self._still = key, svg
        return "" if self._still is None else self._still[1]

    def outline(self) -> list[Any]:
        """Scopes and operations, as nested lists."""
        made = encoding.decode(self.columns)
        return outline(list(zip(made["names"], (made["ops"][i] for i in made["op"]), strict=True)))

    def to_svg(self, path: str | Path | None = None) -> str:
        """The still picture as SVG, the same bytes on every computer.

        Args:
            path: where to write it; None only returns it.

        Example:
            >>> import labkit as tf
            >>> import labkit_widgets as lw
            >>> lw.GraphView(tf.constant(1.0, name="one")).to_svg().startswith("<svg ")
            True
        """
        return _written(self.picture(), path)

    def to_dot(self, path: str | Path | None = None, visible: bool = False) -> str:
        r"""The graph as DOT, for Graphviz.

        Args:
            path: where to write it; None only returns it.
            visible: True draws scopes as they are now, open or closed; False opens all of them.

        Example:
            >>> import labkit as tf
            >>> import labkit_widgets as lw
            >>> print(lw.GraphView(tf.constant(1.0, name="one")).to_dot().splitlines()[3])
              n0 [label="one\nConst", shape=ellipse, fillcolor="#e3e5e8"];
        """
        opened = self.opened() if visible else None
        root = self.root() if visible else ""
        return _written(
            dot(encoding.decode(self.columns), opened, root, self.state.get("horizontal", True) is True), path
        )

    def _on_export(self, format: str) -> str:
        """What the page offers to save: DOT of what is visible, the still SVG, or a page of its own."""
        if format == "dot":  # the view opens all of a small graph by itself, without a word in the state
            return self.to_dot(visible="open" in self.state or len(self.names) > _SMALL)
        if format == "svg":
            return self.picture()
        if format == "html":
            return self.page()
        raise ValueError("a graph is exported as dot, svg or html")

    def root(self) -> str:
        """The scope that stands alone; "" for the whole graph."""
        return cast("str", self.state.get("root", ""))

    def opened(self) -> list[str]:
        """Ids of the scopes that are open."""
        return cast("list[str]", self.state.get("open", []))

    def nodes_of(self, graph: Graph) -> list[Operation]:
        """The operations that are shown."""
        if self._only is None:
            return graph.get_operations()
        return prune([graph.nodes_by_name[name] for name in self._only], ())


def _written(text: str, path: str | Path | None) -> str:
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text
