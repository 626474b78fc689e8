"""What a learner hands to `ParallelView`, read: as settings, and as what makes the training anew.

Example:
    >>> read_communication("ring", 1), read_wire("int8")
    (('ring', 1, None), 'int8')
    >>> from labkit.simulator import LogNormal
    >>> read_stragglers("log-normal"), read_stragglers(LogNormal(0.3))
    (('log-normal', 0.2, None), ('log-normal', 0.3, None))
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from typing import Any, cast

from labkit.errors import GraphError
from labkit.graph import Graph
from labkit.parallel import MODES, AllReduce, DataParallel, Fault, Recovery, Wire
from labkit.trace import short
from labkit_widgets.parallel_settings import (
    EXCHANGES,
    MOST_UPDATES,
    MOST_WORKERS,
    STRAGGLERS,
    Given,
    formats,
    luck_of,
    said,
)

GONE = "the graph of this view is gone: make the view again."


class Maker:
    """Makes the training from what the learner gave; holds the graph weakly."""

    def __init__(
        self, train: Any, data: Mapping[Any, Any], loss: Any, metrics: Mapping[str, Any] | None,
        test: Mapping[Any, Any] | None,
    ) -> None:  # fmt: skip
        self._graph: weakref.ref[Graph] = weakref.ref(train.graph)
        self._train, self._loss = train.name, None if loss is None else loss.name
        self._data = {tensor.name: examples for tensor, examples in data.items()}
        self._test = {tensor.name: examples for tensor, examples in (test or {}).items()}
        self._metrics = {name: tensor.name for name, tensor in (metrics or {}).items()}

    @property
    def graph(self) -> Graph | None:
        """The learner's graph; None if it is gone."""
        return self._graph()

    def __call__(self, arguments: Mapping[str, Any]) -> tuple[DataParallel, list[Any]]:
        """The training, and what a step of it runs."""
        graph = self._graph()
        if graph is None:
            raise GraphError(GONE)
        tensor = graph.get_tensor_by_name
        train = graph.nodes_by_name[self._train]
        loss = None if self._loss is None else tensor(self._loss)
        parallel = DataParallel(
            train, {tensor(name): examples for name, examples in self._data.items()}, loss,
            metrics={name: tensor(own) for name, own in self._metrics.items()} or None,
            test={tensor(name): examples for name, examples in self._test.items()} or None, **arguments,
        )  # fmt: skip
        return parallel, [train, loss]


def choices_of(given: Given) -> dict[str, Any]:
    """What the page offers."""
    own = {"given": {"title": said(given.stragglers), "least": 0, "most": 0, "usual": 0, "number": ""}}
    stragglers = {
        name: {"title": luck.title, "least": luck.least, "most": luck.most, "usual": luck.usual, "number": luck.number}
        for name, luck in STRAGGLERS.items()
    }  # fmt: skip
    recovery = given.recovery or Recovery()
    return {
        "modes": list(MODES), "exchanges": list(EXCHANGES), "workers": MOST_WORKERS, "updates": MOST_UPDATES,
        "wires": [*formats(), *(["given"] if given.wire is not None else [])],
        "given": "" if given.wire is None else said(given.wire),
        "stragglers": stragglers | (own if given.stragglers is not None else {}),
        "recovery": _recovery_words(recovery),
    }  # fmt: skip


def _recovery_words(recovery: Recovery) -> str:
    silent = f"Who is silent for {short(recovery.timeout_seconds, 's')} is given up"
    if not recovery.replace:
        return f"{silent}, and not replaced."
    return f"{silent}, and replaced {short(recovery.restart_seconds, 's')} later."


def read_communication(given: Any, servers: int) -> tuple[str, int, Any]:
    """The kind of exchange, how many servers, and the object that was given."""
    if given is None or given == "servers":
        return "servers", servers, None
    if isinstance(given, str) and given in EXCHANGES:
        return given, servers, None
    if isinstance(given, AllReduce):
        return given.shape, servers, given
    own = getattr(given, "servers", None)
    return "servers", own if isinstance(own, int) else servers, given


def read_stragglers(given: Any) -> tuple[str, float, Any]:
    """The name of the model, its number, and the object if it has no name here."""
    if isinstance(given, str):
        if given not in STRAGGLERS:
            raise ValueError(f"stragglers are one of {', '.join(map(repr, STRAGGLERS))}, or a model, not {given!r}.")
        return given, STRAGGLERS[given].usual, None
    if given is not None and not callable(getattr(given, "draw", None)):
        return "given", 0.0, given  # DataParallel says what is wrong
    found = luck_of(given)
    return ("given", 0.0, given) if found is None else (*found, None)


def read_wire(wire: Any) -> str:
    """The format, or "given" for a `Wire`."""
    if isinstance(wire, Wire):
        return "given"
    if not isinstance(wire, str):
        raise GraphError(f"wire is {wire!r}; it is a format such as 'int8', or tf.parallel.Wire('int8', ...).")
    return wire


def read_faults(faults: Any) -> tuple[tuple[float, str, float | None], ...]:
    """One fault or several, as the settings have them."""
    several: list[Any] = list(cast("Sequence[Any]", faults)) if isinstance(faults, (list, tuple)) else [faults]
    if not all(isinstance(fault, Fault) for fault in several):
        raise GraphError("faults are a list of faults.\n  Try: faults=[tf.parallel.Fault(12.0, 'worker 3')].")
    return tuple((fault.at_seconds, fault.who, fault.for_seconds) for fault in several)


def read_more(more: dict[str, Any], recovery: Recovery | None) -> dict[str, Any]:
    """Other arguments of `DataParallel`."""
    known = {"local_steps", "n_fetch", "n_push", "local_rate", "adagrad", "sampling", "name", "failures", "rows"}
    strange = next((name for name in more if name not in known), None)
    if strange is not None:
        raise TypeError(
            f"ParallelView has no argument {strange!r}; of DataParallel it takes {', '.join(sorted(known))}."
        )
    made = dict(more)
    if made.get("rows"):  # names: a view does not hold on to variables
        tables: list[Any] = list(made["rows"])
        made["rows"] = [str(getattr(getattr(table, "op", None), "name", table)) for table in tables]
    return made | ({} if recovery is None else {"recovery": recovery})
