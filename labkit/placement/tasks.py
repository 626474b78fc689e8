"""What a placer works on: tasks that need each other, and machines with links. Plain data, no graph of labkit's.

A `TaskGraph` says how long each task takes on each device, how many bytes travel along each edge, where a task may run,
how much memory it holds, and which tasks must be together. `Machines` are devices with their memory, and a latency and
a bandwidth for each pair of them; a transfer of b bytes takes latency + b / bandwidth, and nothing within a device.
`Problem` puts both together and is what the algorithms of `schedules` and `search` read: numbers instead of names.

Example:
    >>> graph = TaskGraph({"load": 2.0, "train": [9.0, 1.0]}, [Edge("load", "train", 4_000.0)])
    >>> machines = Machines.uniform(["cpu", "gpu"], latency_seconds=0.5, bytes_per_second=1_000.0)
    >>> machines.transfer_seconds("cpu", "gpu", 4_000.0)
    4.5
    >>> lower_bound_seconds(graph, machines)  # load, then train at its fastest; the transfer may be avoidable
    3.0

Memory is what a task keeps for the whole step (its parameters, its outputs): the sum over a device's tasks must fit.
What it is not: memory over time and links that several transfers share are the simulator's.

Source: the machine model of H. Topcuoglu, S. Hariri, M.-Y. Wu, "Performance-Effective and Low-Complexity Task
Scheduling for Heterogeneous Computing", 2002, section 2; copy time as TensorFlow's `CostModel::CopyTimeEstimate`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from labkit.errors import GraphError


class Edge(NamedTuple):
    """The target needs what the source makes.

    Args:
        source: name of the task that makes it.
        target: name of the task that needs it.
        bytes: how much travels if the two are on different devices; 0 for a control edge.
    """

    source: str
    target: str
    bytes: float = 0.0


class TaskGraph:
    """Tasks and what they need of each other.

    Args:
        seconds: for each task, by name, how long it runs: one number, or one for each device of the machines.
        edges: who needs whom, and how many bytes that is: an `Edge` each, or a pair or triple like it.
        feasible: for each task named here the devices on which it can run; the others can run on all.
        memory_bytes: for each task named here what it holds on its device during the whole step; the others nothing.
        colocated: groups of tasks that must be on one device; groups that share a task are one group.

    Raises:
        GraphError: a time, size or name is wrong, or the tasks need each other in a circle.

    Example:
        >>> graph = TaskGraph({"a": 1.0, "b": 2.0}, [Edge("a", "b")])
        >>> graph.names, len(graph)
        (('a', 'b'), 2)
        >>> try:
        ...     TaskGraph({"a": 1.0, "b": 2.0}, [Edge("a", "b"), Edge("b", "a")])
        ... except GraphError as error:
        ...     print(error)
        the tasks need each other in a circle: "a" -> "b" -> "a".
    """

    def __init__(
        self,
        seconds: Mapping[str, float | Sequence[float]],
        edges: Iterable[tuple[str, str] | tuple[str, str, float]] = (),
        *,
        feasible: Mapping[str, Sequence[str]] | None = None,
        memory_bytes: Mapping[str, float] | None = None,
        colocated: Iterable[Sequence[str]] = (),
    ) -> None:
        self.names = tuple(seconds)
        self.place = {name: i for i, name in enumerate(self.names)}
        self.seconds = [np.atleast_1d(np.asarray(value, np.float64)) for value in seconds.values()]
        for name, value in zip(self.names, self.seconds, strict=True):
            if value.ndim != 1 or not value.size or not np.all(np.isfinite(value)) or np.any(value < 0):
                raise GraphError(f'task "{name}" runs {value.tolist()} seconds; times are finite and not negative.')
        self.feasible = {self._known(name, "feasible"): tuple(devices) for name, devices in (feasible or {}).items()}
        self.memory_bytes = [0.0] * len(self.names)
        for name, size in (memory_bytes or {}).items():
            self.memory_bytes[self._known(name, "memory_bytes")] = _size(size, f'the memory of task "{name}"')
        self.predecessors: list[list[tuple[int, float]]] = [[] for _ in self.names]  # (task, bytes)
        self.successors: list[list[tuple[int, float]]] = [[] for _ in self.names]
        for a, b, *bytes_ in edges:
            source, target = self._known(a, "edges"), self._known(b, "edges")
            size = _size(bytes_[0] if bytes_ else 0.0, f'the edge from "{a}" to "{b}"')
            self.predecessors[target].append((source, size))
            self.successors[source].append((target, size))
        self.group = list(range(len(self.names)))  # of each task; a group is named by its first task
        members: dict[int, list[int]] = {}  # of groups that were joined
        for tasks in colocated:
            self._join([self._known(name, "colocated") for name in tasks], members)
        self.order = self._topological()

    def __len__(self) -> int:
        return len(self.names)

    def _known(self, name: str, where: str) -> int:
        if name not in self.place:
            raise GraphError(f'{where} names a task "{name}", which the graph does not have.')
        return self.place[name]

    def _join(self, tasks: Sequence[int], members: dict[int, list[int]]) -> None:
        groups = {self.group[task] for task in tasks}
        if len(groups) > 1:
            first = min(groups)
            joined = [task for group in groups for task in members.pop(group, [group])]
            members[first] = joined
            for task in joined:
                self.group[task] = first

    def _topological(self) -> list[int]:
        left = [len(needs) for needs in self.predecessors]
        order = [task for task, count in enumerate(left) if not count]
        for task in order:  # grows while it is read
            for target, _ in self.successors[task]:
                left[target] -= 1
                if not left[target]:
                    order.append(target)
        if len(order) < len(self):
            task = next(task for task, count in enumerate(left) if count)
            walk: list[int] = []
            while task not in walk:  # backwards: a task that is left has a predecessor that is left
                walk.append(task)
                task = next(source for source, _ in self.predecessors[task] if left[source])
            circle = [*walk[walk.index(task) :], task][::-1]
            raise GraphError(
                "the tasks need each other in a circle: " + " -> ".join(f'"{self.names[i]}"' for i in circle) + "."
            )
        return order


@dataclass(frozen=True)
class Machines:
    """Devices and the links between them.

    Args:
        names: of the devices.
        latency_seconds: (devices, devices) before the first byte arrives, from row to column.
        bytes_per_second: (devices, devices) from row to column; infinity where transfers cost only latency.
        memory_bytes: (devices,) how much fits; infinity where it is no concern.

    Both diagonals are taken as free: nothing travels within a device.

    Raises:
        GraphError: no device, a name twice, a table of another size, a negative latency, a bandwidth or memory below 0.
    """

    names: tuple[str, ...]
    latency_seconds: np.ndarray[Any, Any]
    bytes_per_second: np.ndarray[Any, Any]
    memory_bytes: np.ndarray[Any, Any]

    def __post_init__(self) -> None:
        count = len(self.names)
        if not count or len(set(self.names)) < count:
            raise GraphError(f"machines need at least one device, each with its own name; found {list(self.names)}.")
        for what, shape in (("latency_seconds", (count, count)), ("bytes_per_second", (count, count)),
                            ("memory_bytes", (count,))):  # fmt: skip
            table = np.array(getattr(self, what), np.float64)
            if table.shape != shape:
                raise GraphError(f"{what} has the shape {table.shape}; {count} devices need {shape}.")
            object.__setattr__(self, what, table)
        np.fill_diagonal(self.latency_seconds, 0.0)
        np.fill_diagonal(self.bytes_per_second, np.inf)
        self._all(self.latency_seconds, (self.latency_seconds >= 0) & (self.latency_seconds < np.inf), "latency",
                  "seconds; a latency is finite and not negative")  # fmt: skip
        self._all(self.bytes_per_second, self.bytes_per_second > 0, "bandwidth",
                  "bytes per second; a bandwidth is above 0")  # fmt: skip
        if not np.all(self.memory_bytes >= 0):
            raise GraphError(f"memory is not negative; found {self.memory_bytes.tolist()} bytes.")

    def _all(self, table: np.ndarray[Any, Any], good: np.ndarray[Any, Any], what: str, rule: str) -> None:
        if not good.all():
            a, b = np.argwhere(~good)[0]
            raise GraphError(f'the {what} from "{self.names[a]}" to "{self.names[b]}" is {table[a, b]:g} {rule}.')

    @classmethod
    def uniform(
        cls,
        names: Sequence[str],
        latency_seconds: float = 0.0,
        bytes_per_second: float = math.inf,
        memory_bytes: float | Sequence[float] = math.inf,
    ) -> Machines:
        """Devices of which each pair has the same link; as they come, transfers are free and memory endless.

        Example:
            >>> Machines.uniform(["a", "b"], memory_bytes=[8, 16]).memory_bytes
            array([ 8., 16.])
        """
        square = np.ones((len(names), len(names)))
        memory = np.broadcast_to(np.asarray(memory_bytes, np.float64), (len(names),))
        return cls(tuple(names), square * latency_seconds, square * bytes_per_second, memory)

    def __len__(self) -> int:
        return len(self.names)

    def transfer_seconds(self, source: str, target: str, bytes: float) -> float:
        """How long that many bytes travel from one device to another."""
        a, b = self.names.index(source), self.names.index(target)
        return float(self.latency_seconds[a, b] + bytes * (1.0 / self.bytes_per_second[a, b]))


class Problem:
    """A task graph on machines, in numbers: what the algorithms read. Names become places, colocation becomes a group.

    Args:
        graph: the tasks.
        machines: where they may run.
        backward: turn every edge and link round; a schedule of that, read backwards in time, is one of the original.

    Raises:
        GraphError: a task has times for another number of devices, names an unknown one, or no device is left for it.

    Example:
        >>> graph = TaskGraph({"a": 1.0, "b": 1.0}, feasible={"a": ["x"], "b": ["y"]}, colocated=[("a", "b")])
        >>> try:
        ...     Problem(graph, Machines.uniform(["x", "y"]))
        ... except GraphError as error:
        ...     print(error)
        no device is left for "a", "b", which must be together: "a" can run on x; "b" can run on y.
    """

    def __init__(self, graph: TaskGraph, machines: Machines, backward: bool = False) -> None:
        self.graph, self.machines = graph, machines
        count, devices = len(graph), len(machines)
        for name, seconds in zip(graph.names, graph.seconds, strict=True):
            if len(seconds) not in (1, devices):
                raise GraphError(f'task "{name}" has times for {len(seconds)} devices; the machines have {devices}.')
        self.seconds = [(row.tolist() * devices)[:devices] for row in graph.seconds]  # (tasks, devices)
        self.group, self.order = graph.group, graph.order[::-1] if backward else graph.order
        self.predecessors = graph.successors if backward else graph.predecessors
        self.successors = graph.predecessors if backward else graph.successors
        latency, rate = machines.latency_seconds, machines.bytes_per_second
        self.latency: list[list[float]] = (latency.T if backward else latency).tolist()
        self.inverse: list[list[float]] = (1.0 / (rate.T if backward else rate)).tolist()  # seconds per byte
        self.room: list[float] = machines.memory_bytes.tolist()
        self.members: dict[int, list[int]] = {}
        for task, group in enumerate(self.group):
            self.members.setdefault(group, []).append(task)
        self.need = [0.0] * count  # bytes of a group, under its first task
        for group, tasks in self.members.items():
            self.need[group] = sum(graph.memory_bytes[task] for task in tasks)
        self.free_transfers = not any(map(any, self.latency)) and not any(map(any, self.inverse))
        self.feasible = self._feasible()

    def _feasible(self) -> list[tuple[int, ...]]:
        names = {name: i for i, name in enumerate(self.machines.names)}
        every = tuple(range(len(names)))
        own: dict[int, set[int]] = {}
        for task, wanted in self.graph.feasible.items():
            if unknown := [name for name in wanted if name not in names]:
                raise GraphError(
                    f'task "{self.graph.names[task]}" can run on {", ".join(unknown)}, which the machines lack; '
                    f"they have {', '.join(names)}."
                )
            own[task] = {names[name] for name in wanted}
        found: dict[int, tuple[int, ...]] = {}
        for group, tasks in self.members.items():
            limits = [own[task] for task in tasks if task in own]
            found[group] = tuple(sorted(set(every).intersection(*limits))) if limits else every
            if not found[group]:
                said = [(self.graph.names[task], ", ".join(self.graph.feasible[task]) or "nothing")
                        for task in tasks if task in own]  # fmt: skip
                together = ", which must be together" if len(tasks) > 1 else ""
                asked = ", ".join(f'"{self.graph.names[task]}"' for task in tasks)
                limits = "; ".join(f'"{name}" can run on {where}' for name, where in said)
                raise GraphError(f"no device is left for {asked}{together}: {limits}.")
        return [found[group] for group in self.group]

    def fastest(self, task: int) -> float:
        """The least seconds that the task takes anywhere it may run."""
        row = self.seconds[task]
        return min(row[device] for device in self.feasible[task])

    def tails(self, seconds: Sequence[float], transfer: bool) -> list[float]:
        """(tasks,) the longest way from a task's start to the end: with mean transfers, HEFT's upward rank.

        Args:
            seconds: (tasks,) how long to take each task for.
            transfer: count the mean time of transfers between two devices; False counts none.
        """
        pairs = len(self.latency) * (len(self.latency) - 1)
        latency = sum(map(sum, self.latency)) / pairs if transfer and pairs else 0.0
        inverse = sum(map(sum, self.inverse)) / pairs if transfer and pairs else 0.0
        tails = [0.0] * len(seconds)
        for task in reversed(self.order):
            longest = 0.0
            for target, size in self.successors[task]:
                longest = max(longest, tails[target] + latency + size * inverse)
            tails[task] = seconds[task] + longest
        return tails


def lower_bound_seconds(graph: TaskGraph, machines: Machines) -> float:
    """No schedule is shorter: the critical path, and all the work shared evenly, each task at its fastest.

    Example:
        >>> lower_bound_seconds(TaskGraph({"a": 2.0, "b": 2.0, "c": 2.0}), Machines.uniform(["x", "y"]))
        3.0
    """
    problem = Problem(graph, machines)
    fastest = [problem.fastest(task) for task in range(len(graph))]
    return max([0.0, *problem.tails(fastest, transfer=False), math.fsum(fastest) / len(machines)])


def _size(value: float, what: str) -> float:
    if not 0 <= value < math.inf:
        raise GraphError(f"{what} is {value} bytes; a size is finite and not negative.")
    return float(value)
