"""The stacks of default graphs and default sessions, one pair per thread.

`with graph.as_default():` pushes; leaving the block pops. Below the stack lies one global default graph, shared by
all threads, so that a script that never mentions a graph has one.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from labkit.errors import GraphError


class _Stacks(threading.local):
    """What one thread has pushed."""

    def __init__(self) -> None:
        self.graphs: list[Any] = []
        self.sessions: list[Any] = []


_stacks = _Stacks()


def innermost_graph() -> Any:
    """The graph of the innermost `as_default` block of this thread, or None."""
    return _stacks.graphs[-1] if _stacks.graphs else None


def default_session() -> Any:
    """The session of the innermost `as_default` block of this thread, or None."""
    return _stacks.sessions[-1] if _stacks.sessions else None


@contextmanager
def pushed_graph(graph: Any) -> Generator[Any]:
    """Makes `graph` the default inside the block."""
    _stacks.graphs.append(graph)
    try:
        yield graph
    finally:
        if not _stacks.graphs or _stacks.graphs.pop() is not graph:
            raise GraphError("as_default() blocks of graphs were left in another order than they were entered.")


def push_session(session: Any) -> None:
    """Makes `session` the default until `pop_session`."""
    _stacks.sessions.append(session)


def pop_session(session: Any) -> None:
    """Takes `session` off the stack, wherever it is."""
    for position in range(len(_stacks.sessions) - 1, -1, -1):
        if _stacks.sessions[position] is session:
            del _stacks.sessions[position]
            return
