"""What a session lends to the ops that run in Python: objects that live from one run to the next.

A queue, an iterator, a table of words is a Python object that a session keeps. The node that makes it (a *resource
op*) has one output, of dtype `resource`, whose value is that object; ops that use it take the output as an input. Such
an op sets `uses_session = True`, and its kernel gets a `HostRun` as its first argument:

    def kernel(self, run: HostRun) -> Any:
        return run.resource(lambda: Queue(self.capacity))

Host kernels run without the session's lock, because they may wait for another thread (`dequeue` for `enqueue`). When
the session closes, each object that has a method `close_resource` is told, so that nobody waits for ever.

Which session is running is kept per thread (`running_in`), because a host op may lie inside the body of a loop.

Example:
    >>> resources = SessionResources()
    >>> with running_in(resources):
    ...     run = HostRun.for_node("numbers", "numbers")
    >>> run.resource(list) is run.resource(list)
    True

Source: `ResourceMgr` of `tensorflow/core/framework/resource_mgr.h` (1.4).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager
from typing import Any, NamedTuple

from labkit.errors import CancelledError


class SessionResources:
    """The Python objects that one session keeps, by the node that made them.

    Attributes:
        session: the session, for ops that start runs of their own; None where there is none.
    """

    def __init__(self, session: Any = None) -> None:
        self.session = session
        self._objects: dict[Hashable, Any] = {}
        self._saved: dict[Hashable, Any] = {}  # states of objects that are not made yet
        self._lock = threading.RLock()
        self._closed = False

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The object of `key`, made by `make()` if there is none yet.

        Raises:
            CancelledError: if the session is closed.
        """
        with self._lock:
            if self._closed:
                raise CancelledError(None, None, "the session was closed while this operation ran.")
            if key not in self._objects:
                self._objects[key] = made = make()
                if key in self._saved:
                    made.load_state(self._saved.pop(key))
            return self._objects[key]

    def shared(
        self, kind: str, node: Hashable, container: str, shared_name: str, name: str, make: Callable[[], Any]
    ) -> Any:
        """The object that all nodes of one `shared_name` stand for; a node without one has its own.

        Args:
            kind: "queue", "accumulator": what the object is.
            node: the node.
            container: the first part of the shared name.
            shared_name: its second part; "" for none.
            name: the name of the node, which is the shared name among the sessions of a cluster.
            make: makes it.
        """
        return self.get((kind, container, shared_name) if shared_name else node, make)

    @property
    def closed(self) -> bool:
        """True once the session is closed: what waits in one of its runs waits in vain."""
        return self._closed

    def forget(self, key: Hashable) -> None:
        """Lets go of the object of `key`: the next `get` makes a new one."""
        with self._lock:
            self._objects.pop(key, None)

    def put(self, key: Hashable, value: Any) -> None:
        """Replaces the object of `key`."""
        with self._lock:
            self._objects[key] = value

    def states(self) -> dict[Hashable, Any]:
        """What checkpoints keep of the objects: of those with a method `saved_state` that gives an array, not None."""
        with self._lock:
            able = {key: value.saved_state() for key, value in self._objects.items() if hasattr(value, "saved_state")}
        return {key: state for key, state in able.items() if state is not None}

    def load_state(self, key: Hashable, state: Any) -> None:
        """Gives the object of `key` the state that it had; once it is made, if it is not there yet."""
        with self._lock:
            if key in self._objects:
                self._objects[key].load_state(state)
            else:
                self._saved[key] = state

    def close(self) -> None:
        """Closes every object that wants to know, and forgets them all."""
        with self._lock:
            self._closed = True
            objects = list(self._objects.values())
            self._objects.clear()
        for value in objects:
            close = getattr(value, "close_resource", None)
            if close is not None:
                close()


_running = threading.local()


@contextmanager
def running_in(resources: SessionResources | None, timeout_seconds: float | None = None) -> Generator[None]:
    """Makes these the resources of the ops that run in this thread meanwhile.

    Args:
        resources: what the session keeps.
        timeout_seconds: how long ops may wait for other threads; None for ever.
    """
    before = getattr(_running, "resources", None), getattr(_running, "deadline", None)
    _running.resources = resources
    _running.deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    try:
        yield
    finally:
        _running.resources, _running.deadline = before


def time_left() -> float | None:
    """Seconds that an op of this thread's run may still wait; None for ever."""
    deadline: float | None = getattr(_running, "deadline", None)
    return None if deadline is None else deadline - time.monotonic()


@contextmanager
def giving_up(when: Callable[[], bool]) -> Generator[None]:
    """Makes the ops that run in this thread meanwhile give up waiting once `when()` is true.

    Args:
        when: asked several times a second while an op waits.
    """
    before = getattr(_running, "gives_up", None)
    _running.gives_up = when
    try:
        yield
    finally:
        _running.gives_up = before


def is_cancelled() -> bool:
    """True if who waits in this thread's run gives up: the session was closed meanwhile, or a stop was asked for."""
    found: SessionResources | None = getattr(_running, "resources", None)
    gives_up: Callable[[], bool] | None = getattr(_running, "gives_up", None)
    return (found is not None and found.closed) or (gives_up is not None and gives_up())


def current_resources() -> SessionResources:
    """Those of the session that runs in this thread; fresh ones outside of any run."""
    found = getattr(_running, "resources", None)
    return SessionResources() if found is None else found


class HostRun(NamedTuple):
    """What the kernel of an op with `uses_session` gets as its first argument.

    Args:
        name: the name of the node that runs.
        key: what stands for the node in the session.
        session: what the session keeps.
    """

    name: str
    key: Hashable
    session: SessionResources

    @classmethod
    def for_node(cls, key: Hashable, name: str) -> HostRun:
        """That of a node which runs in this thread now."""
        return cls(name, key, current_resources())

    def resource(self, make: Callable[[], Any]) -> Any:
        """The object that the session keeps for this node, made by `make()` at first use."""
        return self.session.get(self.key, make)

    def shared(self, kind: str, container: str, shared_name: str, make: Callable[[], Any]) -> Any:
        """The object of all nodes with this `shared_name`; that of this node if it is ""."""
        return self.session.shared(kind, self.key, container, shared_name, self.name, make)
