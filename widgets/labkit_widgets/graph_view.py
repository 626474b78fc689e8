"""`GraphView`: a dataflow graph to look into, in the notebook.

The kernel sends the graph once, as columns (`columns.py`); the page lays it out, opens and closes scopes, and asks for
the rest when somebody clicks (`graph_questions.py`): what an operation is, its value, its gradient, what a run needs.

The traits, and who writes them:

    columns   kernel  the graph
    state     both    what is drawn of it: open scopes, direction, hidden parts (`ViewState` in `types.ts`); the view
                      chooses what is not in it
    colour    both    what the colours say: "part", "scope", "op", "device", "time", "bytes" or "flops"
    selected  both    names of the operations that are selected
    height    kernel  of the view, in pixels
    runs      kernel  what a fetch runs: {"fetches", "feeds", "ran", "of", "ranges"}; {} if nothing is asked
    times     kernel  from a trace: {"nodes", "seconds", "bytes"}, three lists; {} without
    other     kernel  columns of the graph beside this one; empty without
    marks     kernel  what differs: {"added", "changed"} here and {"removed", "changed"} there, as {"here", "there"}
    title, otherTitle kernel  a line over each of two graphs

Sets of nodes travel as ranges of indices, `[first, end, first, end, ...]`.

A view holds its graph and its session weakly. When they are gone, what was drawn stays, and questions say so.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping, Sequence
from types import EllipsisType
from typing import Any, cast

import traitlets

from labkit.fetches import take_apart
from labkit.graph import Graph, Tensor, get_default_graph
from labkit.passes import Optimized
from labkit.session import Session
from labkit.trace import Trace
from labkit_widgets import columns as encoding
from labkit_widgets.compare import Comparison, as_snapshot
from labkit_widgets.graph_questions import nearest
from labkit_widgets.graph_saving import GraphSaving
from labkit_widgets.view import one_of

COLOURS = ("part", "scope", "op", "device", "time", "bytes", "flops")
_MOST_SELECTED = 1000
_STATE: dict[str, Any] = {
    "root": "", "open": [], "horizontal": True, "hubs": "aside", "series": True, "control": False, "hidden": [],
}  # fmt: skip


class GraphView(GraphSaving):
    """A graph that can be opened scope by scope, searched, traced and asked.

    Args:
        graph_or_tensors: a `tf.Graph`; or tensors, variables and operations, of which everything they depend on is
            shown; the default graph if None.
        session: a `tf.Session` to ask for values; it is held weakly. Without it, the default session answers, and
            what needs no variable is computed all the same.
        feed: values for placeholders, as for `session.run`, used whenever a value is asked for.
        fetches: tensors or operations: marks what `session.run(fetches)` would run, as `fetch` does.
        root: the scope that stands alone, such as "layer1"; "" for the whole graph.
        open: scopes that are open at first, or one; `...` leaves it to the view, which opens what is small enough.
        horizontal: True lets data flow to the right, False downward.
        colour: what colours say: "part", "scope", "op", "device", "time", "bytes" or "flops".
        compare: what this graph was before: a `Graph`, a `snapshot` of one, or a `GraphView`. It is shown beside this
            one, and what differs is marked. What `tf.passes.optimize` returned can be given in place of a graph, and
            is then compared with what it was made of.
        height: of the view, in pixels.
        trace: a `Trace` of a run, for the colours "time" and "bytes".
        loss: the tensor whose gradients are shown; what `tf.gradients` was called on if None.

    Example:
        >>> import labkit as tf
        >>> import labkit_widgets as lw
        >>> with tf.Graph().as_default() as graph:
        ...     with tf.name_scope("layer"):
        ...         y = tf.square(tf.placeholder(tf.float32, [None], name="x"), name="y")
        >>> lw.GraphView(graph)
        <GraphView: 2 ops, 1 edge, 1 scope>
    """

    _kind = "GraphView"

    colour = traitlets.Enum(COLOURS, default_value="part").tag(sync=True)
    height = traitlets.Int(480, min=120, max=4000).tag(sync=True)
    times = traitlets.Dict().tag(sync=True)
    other = traitlets.Bytes().tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    otherTitle = traitlets.Unicode().tag(sync=True)  # noqa: N815  # the page's name

    def __init__(
        self, graph_or_tensors: Any = None, *, session: Any = None, feed: Mapping[Any, Any] | None = None,
        fetches: Any = None, root: str = "", open: Sequence[str] | str | EllipsisType = ..., horizontal: bool = True,
        colour: str = "part", compare: Any = None, height: int = 480, trace: Trace | None = None, loss: Any = None,
    ) -> None:  # fmt: skip
        optimized = isinstance(graph_or_tensors, Optimized)
        graph, self._only = _chosen(graph_or_tensors.graph if optimized else graph_or_tensors)
        self._graph = weakref.ref(graph)
        super().__init__(colour=one_of("colour", colour, COLOURS), height=height, columns=self._encoded(graph))
        if optimized:
            self._source = weakref.ref(graph_or_tensors.source)
            compare = graph_or_tensors.source if compare is None else compare
            self.title, self.otherTitle = "after the passes", "before"
        self.ask(session, feed, loss)
        if compare is not None:
            self.compare(compare)
        state: dict[str, Any] = {} if horizontal else {"horizontal": False}
        if root:
            state["root"] = self._scope(root)
        if open is not ...:
            if not isinstance(open, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(f"open is a list of scopes, such as ['layer1'], or [] for none; not {open!r}.")
            state["open"] = self._opened([open] if isinstance(open, str) else open)
        self.state = state
        if fetches is not None:
            self.fetch(fetches)
        if trace is not None:
            self.show_times(trace)

    # What it shows.

    def refresh(self) -> GraphView:
        """Shows the graph as it is now; what was built since it was drawn appears.

        Returns:
            This view.

        Example:
            >>> import labkit as tf
            >>> import labkit_widgets as lw
            >>> graph = tf.Graph()
            >>> view = lw.GraphView(graph)
            >>> with graph.as_default():
            ...     one = tf.constant(1.0)
            >>> view.refresh()
            <GraphView: 1 op, 0 edges, 0 scopes>
        """
        graph = self.graph
        if graph.version != self._version:
            self.columns = self._encoded(graph)
        return self

    def expand(self, scope: str) -> GraphView:
        """Opens a scope, and those around it.

        Args:
            scope: its path, such as "layer1/conv".
        """
        self.state = self.state | {"open": self._opened([*self.opened(), scope])}
        return self

    def collapse(self, scope: str = "") -> GraphView:
        """Closes a scope with all that is open in it; all scopes if "".

        Args:
            scope: its path.
        """
        path = self._scope(scope) + "/" if scope else ""
        stays = [entry for entry in self.opened() if not entry.removeprefix("series:").startswith(path)]
        self.state = self.state | {"open": stays}
        return self

    def select(self, *items: Any) -> GraphView:
        """Selects operations, and says so to the views it is linked with.

        Args:
            *items: tensors, variables, operations or names.
        """
        names: list[str] = []
        for item in items:
            name = item if isinstance(item, str) else getattr(getattr(item, "op", item), "name", repr(item))
            name = str(name).partition(":")[0]
            if name not in self.names:
                raise ValueError(f"there is no operation {name!r} in this picture.{nearest(name, self.names)}")
            names.append(name)
        self.selected = names
        return self

    def search(self, text: str) -> list[str]:
        """Searches for a name, an op type or a shape, and selects what is found.

        Args:
            text: a part of what is searched for, such as "conv", "MatMul" or "(?, 784)"; "" selects nothing.

        Returns:
            The names of the operations that were found.
        """
        if not text:
            self.selected = []
            return []
        made, wanted = encoding.decode(self.columns), text.casefold()
        types = [f"{kind['dtype']} {kind['shape']}".casefold() for kind in made["types"]]
        found: list[str] = []
        first = 0
        for name, op, count in zip(made["names"], made["op"], made["outputs"], strict=True):
            outputs = made["outputTypes"][first : first + count]
            first += count
            if (
                wanted in name.casefold()
                or wanted in made["ops"][op].casefold()
                or any(wanted in types[i] for i in outputs)
            ):
                found.append(name)
        self.selected = found[:_MOST_SELECTED]
        return found

    def fetch(self, fetches: Any, feeds: Any = None) -> str:
        """Marks what `session.run(fetches)` would run; the rest is pruned.

        Args:
            fetches: tensors, variables, operations or names; None ends it.
            feeds: what would be fed; what only serves to compute that is pruned, too. The view's own feed if None.

        Returns:
            What runs, in words.

        Example:
            >>> import labkit as tf
            >>> import labkit_widgets as lw
            >>> with tf.Graph().as_default() as graph:
            ...     x = tf.constant(2.0)
            ...     y, unused = tf.square(x), tf.exp(x)
            >>> lw.GraphView(graph).fetch(y)
            '2 of 3 ops'
        """
        if fetches is None:
            self.runs = {}
            return ""
        self.runs = self.pruned(fetches, feeds)
        return f"{self.runs['ran']} of {self.runs['of']} ops"

    def show_times(self, trace: Trace | None) -> GraphView:
        """Shows how long each operation took in a run, and how many bytes it made.

        Args:
            trace: what `session.watch` returned as its second; None ends it.
        """
        if trace is None:
            self.times = {}
            return self
        if not isinstance(trace, Trace):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(
                f"times come from a trace, not {type(trace).__name__}.\n"
                "  Try: values, trace = session.watch(fetches), and this trace."
            )
        place = {name: i for i, name in enumerate(self.names)}
        seconds: dict[int, float] = {}
        size: dict[int, int] = {}
        for event in trace.events:
            index = place.get(event.node)
            if index is not None:
                seconds[index] = seconds.get(index, 0.0) + event.duration_seconds
                size[index] = size.get(index, 0) + event.output_bytes
        self.times = {
            "nodes": list(seconds), "seconds": [float(f"{s:.4g}") for s in seconds.values()],
            "bytes": list(size.values()),
        }  # fmt: skip
        return self

    def compare(self, before: Any) -> Comparison:
        """Shows beside this graph what it was before, and marks what differs.

        Args:
            before: a `Graph`, a `snapshot` of one, or another `GraphView`.

        Returns:
            What differs, by name.

        Example:
            >>> import labkit as tf
            >>> import labkit_widgets as lw
            >>> with tf.Graph().as_default() as graph:
            ...     x = tf.constant(3.0)
            ...     y, before = tf.square(x), lw.snapshot(graph)
            ...     slope = tf.gradients(y, x)
            >>> lw.GraphView(graph).compare(before)
            <6 ops added>
        """
        other = as_snapshot(before)
        found = Comparison(other, as_snapshot(self.graph))
        if self._only is not None:
            raise ValueError("only whole graphs can be compared: lw.GraphView(graph, compare=...).")
        self._words = found.words()
        self.marks = found.marks()
        self.otherTitle = other.title or self.otherTitle or "before"
        self.title = self.title or "after"
        self.other = other.columns
        return found

    # What stands behind it.

    def _encoded(self, graph: Graph) -> bytes:
        with graph.lock:
            self._version = graph.version
            made = encoding.columns(graph, self.nodes_of(graph))
        self.names = made["names"]
        scopes = len(_scopes(self.names))
        sizes = [(len(self.names), "op"), (len(made["from"]), "edge"), (scopes, "scope")]
        self._size = ", ".join(_count(number, noun) for number, noun in sizes)
        return encoding.pack(made)

    def _scope(self, path: str) -> str:
        path = path.removesuffix("/")
        scopes = _scopes(self.names)
        if path not in scopes:
            raise ValueError(f"there is no scope {path!r} in this graph.{nearest(path, scopes)}")
        return path

    def _opened(self, scopes: Iterable[str]) -> list[str]:
        """The ids of scopes that are to be open, each after those around it."""
        found: dict[str, None] = {}
        for scope in scopes:
            if scope.startswith("series:"):
                found[scope] = None
                continue
            parts = self._scope(scope).split("/")
            found.update(("/".join(parts[: i + 1]) + "/", None) for i in range(len(parts)))
        return list(found)

    @traitlets.validate("state")
    def _check_state(self, proposal: Any) -> dict[str, Any]:
        """The state comes from the page: each of its entries is looked at."""
        given = proposal["value"]
        unknown = set(given) - set(_STATE)
        right = (
            all(type(given.get(key, value)) is type(value) for key, value in _STATE.items())
            and all(isinstance(entry, str) for entry in [*given.get("open", []), *given.get("hidden", [])])
            and set(given.get("hidden", [])) <= set(encoding.PARTS)
            and given.get("hubs", "aside") in ("aside", "inline")
        )
        if unknown or not right:
            raise traitlets.TraitError(f"this is no state of a GraphView: {str(given)[:200]}")
        return given


def _scopes(names: Iterable[str]) -> dict[str, None]:
    """All scopes, outer ones before inner ones."""
    found: dict[str, None] = {}
    for name in names:
        at = name.find("/")
        while at >= 0:
            found[name[:at]] = None
            at = name.find("/", at + 1)
    return found


def _chosen(what: Any) -> tuple[Graph, list[str] | None]:
    """The graph, and the names of what is to be shown of it; None for all."""
    if what is None:
        return get_default_graph(), None
    if isinstance(what, Graph):
        return what, None
    items: list[Any] = list(what) if isinstance(what, (list, tuple, set)) else [what]  # pyright: ignore[reportUnknownArgumentType]
    graph = next((item.graph for item in items if isinstance(getattr(item, "graph", None), Graph)), None)
    session = isinstance(what, Session)
    if graph is None or session:
        advice = "\n  Try: lw.GraphView(session.graph, session=session)." if session else ""
        given = type(what).__name__ if session else repr(cast(object, what))[:200]
        raise TypeError(f"GraphView shows a tf.Graph, or tensors and operations of one, not {given}.{advice}")
    leaves: list[Any] = []
    take_apart(graph, items, leaves)
    return graph, list(dict.fromkeys(leaf.op.name if isinstance(leaf, Tensor) else leaf.name for leaf in leaves))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
