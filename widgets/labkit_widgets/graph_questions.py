"""What a page asks about a graph: an operation's value, its gradient, its source, what a run of it needs.

The view holds the graph and the session weakly, so each question looks whether they are still there and says so if not.
What is fed is kept: the arrays that were given to `feed`, by the tensor's name.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import traitlets

from labkit.executor import prune
from labkit.feeds import fed_tensors, feed_for, spread
from labkit.fetches import take_apart
from labkit.graph import Graph, Operation, Tensor, stacks
from labkit.session import Session
from labkit_widgets import asking, details
from labkit_widgets.columns import find
from labkit_widgets.compare import ranges
from labkit_widgets.view import Answer, View

MOST_BINS = 200


class GraphQuestions(View):
    """A view of a graph that answers questions about it.

    Attributes:
        runs: what a fetch runs, see `fetch`; {} if nothing is asked.
        names: the names of all nodes in the picture, in the order of its columns.
    """

    runs = traitlets.Dict().tag(sync=True)
    names: list[str]
    _graph: weakref.ref[Graph]
    _session: weakref.ref[Any] | None = None
    _source: weakref.ref[Graph] | None = None  # the graph that an optimized one was made of: its sessions do for both
    _loss: str | None = None
    _fed: dict[str, Any]

    def ask(self, session: Any = None, feed: Mapping[Any, Any] | None = None, loss: Any = None) -> None:
        """Sets what answers come from.

        Args:
            session: the session with the variables; it is held weakly. None keeps the one that is known.
            feed: values for placeholders and other tensors; None keeps those that are known.
            loss: the tensor whose gradients are shown; None keeps the one that is known.

        Example:
            >>> import labkit as tf
            >>> import labkit_widgets as lw
            >>> x = tf.placeholder(tf.float32, [], name="x")
            >>> view = lw.GraphView(tf.square(x, name="y"))
            >>> view.ask(feed={x: 3.0})
            >>> view.value("y")["text"]
            '9'
        """
        graph = self.graph
        if session is not None:
            runs = getattr(getattr(session, "debugged_session", session), "graph", None)
            if runs is None:
                raise TypeError(f"session is a tf.Session, not {session!r}.")
            if runs is not graph and runs is not (self._source() if self._source else None):
                raise ValueError("this session runs another graph than the one in the picture.")
            self._session = weakref.ref(session)
        if feed is not None and not isinstance(feed, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"feed is a dictionary such as {{x: value}}, not {type(feed).__name__}.")
        if feed is not None or not hasattr(self, "_fed"):
            feeds = [feed_for(graph, key) for key in feed or {}]
            values = [convert(value) for convert, value in zip(feeds, (feed or {}).values(), strict=True)]
            pairs = zip(fed_tensors(feeds), spread(feeds, values), strict=True)
            self._fed = {tensor.name: value for tensor, value in pairs}
        if loss is not None:
            self._loss = tensor_of(graph, loss).name

    @property
    def graph(self) -> Graph:
        """The graph.

        Raises:
            ValueError: if it is gone.
        """
        graph = self._graph()
        if graph is None:
            raise ValueError("The graph of this picture is gone: a view does not keep it. Run the cell that built it.")
        return graph

    def node(self, name: Any) -> Operation:
        """The operation that has this name in the picture, maybe inside another one.

        Raises:
            ValueError: if there is none.
        """
        if not isinstance(name, str):
            raise ValueError("an operation is asked for by its name")
        found = find(self.graph, name)
        if found is None:
            raise ValueError(f"The graph has no operation {name[:100]!r}.{nearest(name, self.names)}")
        return found

    def value(self, name: Any, output: int = 0) -> dict[str, Any]:
        """What a tensor holds now, summarised; nothing changes because of it.

        Args:
            name: of an operation, or of a tensor.
            output: which of the operation's outputs.

        Returns:
            dtype, shape, the first entries, and facts; the page shows it as a card.
        """
        return self._value(name, output, details.BINS)[0]

    def pruned(self, fetches: Any, feeds: Any = None) -> dict[str, Any]:
        """What `session.run(fetches)` would run.

        Args:
            fetches: as for `Session.run`.
            feeds: what would be fed; what is fed in this view if None.
        """
        graph = self.graph
        leaves: list[Any] = []
        take_apart(graph, fetches, leaves)
        keys: Any = list(self._fed) if feeds is None else feeds
        fed = [tensor_of(graph, key) for key in (keys if isinstance(keys, (list, tuple, Mapping)) else [keys])]  # pyright: ignore[reportUnknownVariableType]
        roots = [leaf.op if isinstance(leaf, Tensor) else leaf for leaf in leaves if leaf not in fed]
        running = {node.name for node in prune(roots, fed)}
        places = [i for i, name in enumerate(self.names) if name in running]
        fetched = list(dict.fromkeys(leaf.op.name if isinstance(leaf, Tensor) else leaf.name for leaf in leaves))
        return {
            "fetches": fetched, "feeds": list(dict.fromkeys(t.op.name for t in fed)), "ran": len(running),
            "of": graph.version, "ranges": ranges(places),
        }  # fmt: skip

    # The verbs of the page.

    def _on_value(self, name: str, output: int = 0) -> Answer:
        return Answer(*self._value(name, output, details.BINS))

    def _on_histogram(self, name: str, output: int = 0, bins: int = details.BINS) -> Answer:
        if type(bins) is not int or not 1 <= bins <= MOST_BINS:
            raise ValueError(f"a histogram has 1 to {MOST_BINS} bins")
        return Answer(self._value(name, output, bins)[0].get("histogram"))

    def _on_gradient(self, name: str, output: int = 0) -> Answer:
        tensor = self._tensor(name, output)
        graph = self.graph
        loss = asking.loss_of(graph, tensor) if self._loss is None else graph.get_tensor_by_name(self._loss)
        found = asking.gradient(self._open_session(), loss, tensor, self._feeds())
        if found is None:
            raise ValueError(f'No path leads from "{tensor.name}" to "{loss.name}": there is no gradient.')
        told, pictures = details.summary(found)
        told["facts"] = [["gradient of", loss.name], *told["facts"]]
        return Answer(told, pictures)

    def _on_details(self, name: str) -> list[list[str]]:
        return details.details(self.node(name))

    def _on_source(self, name: str) -> dict[str, Any]:
        return details.source(self.node(name))

    def _on_runs(self, names: Sequence[str], feeds: Sequence[str] | None = None) -> dict[str, Any]:
        nodes = [self.node(name) for name in _texts(names)]
        inside = next((node for node in nodes if node.graph is not self.graph), None)
        if inside is not None:
            raise ValueError(f'"{inside.name}" stands inside another operation, which runs as a whole.')
        self.runs = self.pruned(nodes, None if feeds is None else _texts(feeds)) if nodes else {}
        return self.runs

    # How they are answered.

    def _value(self, name: str, output: int, bins: int) -> details.Told:
        tensor = self._tensor(name, output)
        (value,) = asking.compute(self._open_session(), [tensor], self._feeds())
        return details.summary(value, bins)

    def _tensor(self, name: str, output: int) -> Tensor:
        if isinstance(name, str) and output == 0 and ":" in name:  # pyright: ignore[reportUnnecessaryIsInstance]  # pages are not typed
            name, _, number = name.rpartition(":")
            output = int(number) if number.isdigit() else -1
        node = self.node(name)
        if node.graph is not self.graph:
            raise ValueError(
                f'"{name}" stands inside another operation and has a value only while that runs. '
                "The debugger walks through it: tf.debugger.Debugger(...).inside()."
            )
        if not node.outputs:
            raise ValueError(f'{node.type} "{node.name}" has no value: it is run for its effect.')
        if type(output) is not int or not 0 <= output < len(node.outputs):
            raise ValueError(f'"{node.name}" has {len(node.outputs)} output(s), counted from 0.')
        return node.outputs[output]

    def _feeds(self) -> dict[Tensor, Any]:
        graph = self.graph
        return {graph.get_tensor_by_name(name): value for name, value in self._fed.items()}

    def _open_session(self) -> Any:
        """The view's session, or the default one, or one without variables."""
        if self._session is None:
            session = stacks.default_session()
            if session is None or session.graph is not self.graph:
                return Session(graph=self.graph)
        else:
            session = self._session()
            if session is None:
                raise ValueError("The session of this picture is gone: a view does not keep it. See view.ask(session).")
        session = asking.unwrapped(session)
        if session.is_closed:
            raise ValueError("The session of this picture is closed, and its variables with it. See view.ask(session).")
        return session


def nearest(name: str, names: Iterable[str]) -> str:
    """A sentence with the names that come nearest, or nothing."""
    close = get_close_matches(name[:200], list(names)[:5000], n=3)
    return f" The nearest names are {', '.join(map(repr, close))}." if close else ""


def tensor_of(graph: Graph, key: Any) -> Tensor:
    """The tensor that a key is, names, or stands for; of an operation its first output."""
    found = graph.as_graph_element(key)
    if isinstance(found, Operation):
        if not found.outputs:
            raise ValueError(f"{found.name!r} has no output: a tensor is wanted.")
        return found.outputs[0]
    return found


def _texts(names: Any) -> list[str]:
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):  # pyright: ignore[reportUnknownVariableType]
        raise ValueError("a list of names is wanted")
    return list(names)  # pyright: ignore[reportUnknownArgumentType]
