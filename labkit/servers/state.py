"""The state of a session that is connected to a server.

In a session of its own, values of variables live in a table by name. Here there is such a table at each server, and a
variable's value is in that of the task its device names: sessions that place `w` on "/job:ps/task:0" share `w`. Queues
and accumulators are shared in the same way, by task and name. What belongs to a session alone is still its own: places
in random streams, iterators, tables of words.

Source: `tensorflow/core/framework/resource_mgr.h`, `tensorflow/core/kernels/variable_ops.h` (1.4).
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Hashable, Iterable, Iterator, MutableMapping
from typing import Any

from labkit.config import ConfigProto
from labkit.errors import InvalidArgumentError, LabkitError
from labkit.executor import Plan
from labkit.graph import Graph, Operation, SessionResources
from labkit.servers.plans import SharedPlan
from labkit.servers.server import STATE_LOCK, Server, find_server
from labkit.servers.tasks import Tasks
from labkit.session_devices import SessionDevices
from labkit.shapes import compatible, shape_text


class Connection:
    """What a session that has a target uses in place of its own state.

    Args:
        target: as `tf.Session` takes it.
        session: the session.
        graph: its graph.
        config: its options.

    Attributes:
        server: the server.
        store: the values of variables, where their devices say.
        resources: the same for queues.
        devices: what says where a node runs.
        lock: held while the values are read or replaced.
    """

    def __init__(self, target: Any, session: Any, graph: Graph, config: ConfigProto) -> None:
        self.server = find_server(target)
        tasks = Tasks(self.server, config)
        self.store = SharedStore(graph, tasks)
        self.resources = SharedResources(session, tasks)
        self.devices = ServerDevices(graph, config, tasks)
        self.lock = STATE_LOCK
        self.server.connect(session)


class SharedStore(MutableMapping[str, Any]):
    """Values by name: of variables at the servers, of everything else in the session.

    Args:
        graph: the graph of the session.
        tasks: the tasks of the cluster.

    Attributes:
        turn: held by a run of this session while it computes what it does not share.
    """

    def __init__(self, graph: Graph, tasks: Tasks) -> None:
        self.tasks = tasks
        self.turn = threading.RLock()
        self._graph = graph
        self._own: dict[str, Any] = {}
        self._homes: dict[str, Server | None] = {}

    def is_shared(self, slot: str) -> bool:
        """True for a variable; False for what the session keeps."""
        return self._home(slot) is not None

    def some(self, slots: Iterable[str]) -> dict[str, Any]:
        """The values of those that have one, now."""
        return {slot: self[slot] for slot in slots if slot in self}

    def _home(self, slot: str) -> Server | None:
        """The server that keeps it."""
        if slot not in self._homes:
            node = self._graph.nodes_by_name.get(slot)
            self._homes[slot] = self._declare(node) if node is not None and _is_variable(node) else None
        return self._homes[slot]

    def _declare(self, node: Operation) -> Server:
        """The server of a variable, which is told what the variable is like.

        Raises:
            InvalidArgumentError: if another graph has made it differently.
        """
        server = self.tasks.connect(self.tasks.task_of(node.device))
        found = node.outputs[0].spec
        dtype, shape, site = server.declared.setdefault(node.name, (found.dtype, found.shape, node.site.text()))
        if dtype is not found.dtype or not compatible(shape, found.shape):
            raise InvalidArgumentError(
                None, None, f"the variable {node.name!r} on {server.name} is {found.dtype.name}"
                f"{shape_text(found.shape)} in this graph, and {dtype.name}{shape_text(shape)} in that of another "
                f"session, which made it at {site}. Variables of a cluster are shared by device and name.\n"
                "  Try: the same model in every task; another name for another variable; or, to forget what the "
                "servers keep, tf.Session.reset(server.target)."
            )  # fmt: skip
        return server

    def _table(self, slot: str) -> dict[str, Any]:
        home = self._home(slot)
        return self._own if home is None else home.variables

    def __getitem__(self, slot: str) -> Any:
        return self._table(slot)[slot]

    def __setitem__(self, slot: str, value: Any) -> None:
        self._table(slot)[slot] = value

    def __delitem__(self, slot: str) -> None:
        del self._table(slot)[slot]

    def __iter__(self) -> Iterator[str]:
        yield from list(self._own)
        for node in self._graph.get_operations():
            if _is_variable(node) and self.tasks.task_of(node.device) in self.tasks.connected and node.name in self:
                yield node.name

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def clear(self) -> None:
        """Forgets what the session keeps; the servers keep theirs."""
        self._own.clear()


class SharedResources(SessionResources):
    """Python objects: queues and accumulators at the servers, everything else in the session.

    Args:
        session: the session.
        tasks: the tasks of the cluster.
    """

    def __init__(self, session: Any, tasks: Tasks) -> None:
        super().__init__(session)
        self._tasks = tasks
        self._used: dict[tuple[Server, Hashable], Any] = {}  # by server and name

    def shared(
        self, kind: str, node: Hashable, container: str, shared_name: str, name: str, make: Callable[[], Any]
    ) -> Any:
        """The object at the node's task, by its shared name or the node's own."""
        server = self._tasks.connect(self._tasks.task_of(getattr(node, "device", "")))
        key = (kind, container, shared_name or name)
        found = server.resources.get(key, make)
        if (server, key) not in self._used:
            self._used[server, key] = found
            server.users.setdefault(key, weakref.WeakSet()).add(self)
        return found

    def close(self) -> None:
        """Forgets the session's own objects, and lets its runs go that wait for a shared one.

        A queue that was closed and that no other session has used goes too: the next session starts with a new one.
        """
        super().close()
        for (server, key), value in list(self._used.items()):  # another thread may be in a run
            value.wake()
            users = server.users.get(key)
            if users is not None:
                users.discard(self)
            if not users and getattr(value, "closed", False):
                server.resources.forget(key)
        self._used.clear()


class ServerDevices(SessionDevices):
    """Where a node runs: at which task; they all compute on JAX's first device.

    Args:
        graph: the graph of the session.
        config: its options.
        tasks: the tasks of the cluster.
    """

    def __init__(self, graph: Graph, config: ConfigProto, tasks: Tasks) -> None:
        super().__init__(graph, config)
        self._tasks = tasks

    def plan(self, plan: Plan) -> Plan:
        """The plan for shared variables, once all tasks that it uses are there.

        Raises:
            InvalidArgumentError: if a node asks for a device that the cluster lacks.
            DeadlineExceededError: if a task is not started in time.
        """
        for node in plan.nodes:
            try:
                task = self._tasks.task_of(node.device)
            except LabkitError as error:
                error.explain([f"  in {node.describe()}"])
                raise
            self._tasks.connect(task)
        key = ("shared", plan)
        if key not in self._graph.plans:
            self._graph.plans[key] = SharedPlan(plan)
        return self._graph.plans[key]

    def name_of(self, plan: Plan, node: Operation) -> str:
        """The name of the device that a node of a plan is at; what writes a variable is where the variable is."""
        while node.kind.ref_inputs:
            node = node.inputs[node.kind.ref_inputs[0]].op
        return self._tasks.name(node.device)

    def names(self) -> list[str]:
        """The names of all devices of the cluster."""
        return self._tasks.names()

    def mapping(self) -> str:
        """The line before a log of placement."""
        return f"Device mapping: the cluster of {self._tasks.server.name}, all in this process."


def _is_variable(node: Operation) -> bool:
    return node.kind.is_ref and not node.kind.ref_inputs
