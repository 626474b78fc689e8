"""Placing by simulated time: greedy, ETF and HEFT.

All three build a schedule task by task. They differ in whose turn it is and in where a task may start:

- `greedy` (the TensorFlow white paper) simulates from the sources: the task that became ready first is next; it goes,
  of the devices on which it can run, to the one that finishes it soonest, behind what is already there.
- `etf` (earliest task first): of all ready tasks on all devices the pair that can *start* soonest.
- `heft` (heterogeneous earliest finish time): by upward rank, the longest way from a task to the end; it goes where it
  finishes soonest, and may slip into a gap between two tasks that were placed before it.

A task can start on a device when its inputs have arrived there: the end of the task that made them, and the transfer
if that ran elsewhere. A device without room for the task, and for all that must be with it, is not considered.

Each decision is kept with the finish times of every device that was considered, so that a view can play it.

Example:
    >>> graph = TaskGraph({"a": 2.0, "b": 3.0, "c": 1.0}, [("a", "c", 10.0), ("b", "c", 20.0)])
    >>> schedule = heft(graph, Machines.uniform(["x", "y"], bytes_per_second=10.0))
    >>> for task in schedule.tasks:
    ...     print(task.name, task.device, task.start_seconds, task.end_seconds)
    a y 0.0 2.0
    b x 0.0 3.0
    c x 3.0 4.0
    >>> schedule.transfers
    (Transfer(source='a', target='c', from_device='y', to_device='x', start_seconds=2.0, end_seconds=3.0, bytes=10.0),)
    >>> schedule.choices[1]
    Choice(task='a', device='y', devices=('x', 'y'), start_seconds=(3.0, 0.0), finish_seconds=(5.0, 2.0))

What it is not: transfers do not wait for each other on a link, and each edge is a transfer of its own; sharing links
and sending a tensor once to each device are the simulator's and the partition's.

Source: M. Abadi et al., "TensorFlow: Large-Scale Machine Learning on Heterogeneous Distributed Systems", 2015, section
3.2.1; J.-J. Hwang et al., "Scheduling Precedence Graphs in Systems with Interprocessor Communication Times", 1989
(ETF); H. Topcuoglu, S. Hariri, M.-Y. Wu, 2002 (HEFT).
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_right, insort
from collections.abc import Sequence

import numpy as np

from labkit.errors import ResourceExhaustedError
from labkit.placement.tasks import Machines, Problem, TaskGraph
from labkit.placement.timetable import Choice, Schedule, ScheduledTask, Transfer
from labkit.trace import short

_Step = tuple[int, int, tuple[int, ...], tuple[float, ...], tuple[float, ...]]  # a Choice, in numbers


class Builder:
    """A schedule while it grows: what the placers and the search share. Devices and tasks are numbers here.

    Args:
        problem: what to place.
        insertion: a task may start in a gap between two that are there; False puts it behind them.
        record: keep every candidate. Without it devices that cannot win are not looked at closely.
    """

    def __init__(self, problem: Problem, insertion: bool, record: bool) -> None:
        count, devices = len(problem.graph), len(problem.machines)
        self.problem, self.insertion, self.record = problem, insertion, record
        self.device = [-1] * count
        self.start, self.end = [0.0] * count, [0.0] * count
        self.free = [0.0] * devices  # the end of a device's last task
        self.gaps: list[list[tuple[float, float]]] = [[] for _ in range(devices)]  # (from, to) before that, in order
        self.room = list(problem.room)
        self.home: dict[int, int] = {}  # the device of a group
        self.steps: list[_Step] = []

    def options(self, task: int) -> Sequence[int]:
        """The devices that the task can still take: its group's if that is placed, else those with room for it."""
        group = self.problem.group[task]
        if group in self.home:
            return (self.home[group],)
        need, feasible = self.problem.need[group], self.problem.feasible[task]
        found = [device for device in feasible if self.room[device] >= need] if need else feasible
        if not found:
            raise self._no_room(group, need)
        return found

    def _no_room(self, group: int, need: float) -> ResourceExhaustedError:
        machines, names = self.problem.machines, self.problem.graph.names
        roomiest = sorted(self.problem.feasible[group], key=lambda device: -self.room[device])
        left = _listed(
            [
                f"{machines.names[device]} {_size(self.room[device])} of {_size(machines.memory_bytes[device])}"
                for device in roomiest
            ]
        )
        tasks = _listed([f'"{names[task]}"' for task in self.problem.members[group]])
        missing = need - self.room[roomiest[0]]
        return ResourceExhaustedError(
            None, None, f"no device has room for {tasks}: {_size(need, 'bytes')} are needed; left are {left}. "
            f"{_size(missing, 'bytes')} are missing.\n  Try: more or larger devices, or smaller tasks.",
        )  # fmt: skip

    def slot(self, device: int, ready: float, seconds: float) -> float:
        """The earliest start on the device, from `ready` on, of something that takes that many seconds."""
        if ready >= self.free[device]:
            return ready
        if self.insertion and (gaps := self.gaps[device]):
            for begin, end in gaps[max(bisect_right(gaps, (ready, math.inf)) - 1, 0) :]:
                start = begin if begin > ready else ready
                if start + seconds <= end:
                    return start
        return self.free[device]

    def choose(self, task: int, pin: int = -1) -> None:
        """Places the task where it finishes soonest, or on the pinned device if it can take that."""
        problem, record = self.problem, self.record
        options = self.options(task)
        if pin not in options:
            pin = -1
        elif not record:
            options = (pin,)
        inputs = [(self.end[source], problem.latency[self.device[source]], problem.inverse[self.device[source]], size)
                  for source, size in problem.predecessors[task]]  # fmt: skip
        row = problem.seconds[task]
        best, chosen, begin = math.inf, -1, 0.0
        starts, finishes = list[float](), list[float]()
        for device in options:
            ready = 0.0
            for end, latency, inverse, size in inputs:
                arrival = end + latency[device] + size * inverse[device]
                if arrival > ready:
                    ready = arrival
            seconds = row[device]
            if not record and ready + seconds >= best:
                continue
            start = self.slot(device, ready, seconds)
            finish = start + seconds
            if record:
                starts.append(start)
                finishes.append(finish)
            if device == pin or (pin < 0 and finish < best):
                best, chosen, begin = finish, device, start
        self.put(task, chosen, begin, options, starts, finishes)

    def put(
        self,
        task: int,
        device: int,
        start: float,
        options: Sequence[int],
        starts: Sequence[float],
        finishes: Sequence[float],
    ) -> None:
        """Places the task there and then; the rest is what a record keeps."""
        end = start + self.problem.seconds[task][device]
        self.device[task], self.start[task], self.end[task] = device, start, end
        group = self.problem.group[task]
        if group not in self.home:
            self.home[group] = device
            self.room[device] -= self.problem.need[group]
        gaps = self.gaps[device]
        if start >= self.free[device]:
            if start > self.free[device]:
                gaps.append((self.free[device], start))
            self.free[device] = end
        else:
            begin, until = gaps.pop(bisect_right(gaps, (start, math.inf)) - 1)
            if begin < start:
                insort(gaps, (begin, start))
            if end < until:
                insort(gaps, (end, until))
        if self.record:
            self.steps.append((task, device, tuple(options), tuple(starts), tuple(finishes)))

    def schedule(self) -> Schedule:
        """What was built, with names."""
        problem, names, machines = self.problem, self.problem.graph.names, self.problem.machines.names
        tasks = tuple(
            ScheduledTask(name, machines[self.device[i]], self.start[i], self.end[i]) for i, name in enumerate(names)
        )
        transfers: list[Transfer] = []
        for source, edges in enumerate(problem.successors):
            for target, size in edges:
                a, b, end = self.device[source], self.device[target], self.end[source]
                if a != b:
                    arrival = end + problem.latency[a][b] + size * problem.inverse[a][b]
                    transfers.append(
                        Transfer(names[source], names[target], machines[a], machines[b], end, arrival, size)
                    )
        called: dict[tuple[int, ...], tuple[str, ...]] = {}
        choices: list[Choice] = []
        for task, device, options, starts, finishes in self.steps:
            if options not in called:
                called[options] = tuple(machines[option] for option in options)
            choices.append(Choice(names[task], machines[device], called[options], starts, finishes))
        return Schedule(tasks, tuple(transfers), tuple(choices))


def in_order(
    problem: Problem, order: Sequence[int], pins: Sequence[int] | None = None, record: bool = False
) -> Builder:
    """Places the tasks one after the other with insertion, each where it finishes soonest or where it is pinned."""
    builder = Builder(problem, insertion=True, record=record)
    for task in order:
        builder.choose(task, -1 if pins is None else pins[task])
    return builder


def greedy(graph: TaskGraph, machines: Machines) -> Schedule:
    """The white paper's placer: ready tasks in the order in which they become ready, each where it ends soonest.

    Args:
        graph: the tasks.
        machines: where they may run.

    Raises:
        GraphError: the graph does not fit the machines.
        ResourceExhaustedError: a task fits on no device any more; the message says how much is missing.

    Example:
        >>> greedy(TaskGraph({"a": [4.0, 1.0], "b": [4.0, 2.0]}), Machines.uniform(["cpu", "gpu"])).seconds
        3.0
    """
    return greedy_steps(Problem(graph, machines)).schedule()


def greedy_steps(problem: Problem, record: bool = True) -> Builder:
    """`greedy` before names are put on."""
    builder = Builder(problem, insertion=False, record=record)
    left = [len(needs) for needs in problem.predecessors]
    ready = [(0.0, task) for task, count in enumerate(left) if not count]
    while ready:
        _, task = heapq.heappop(ready)
        builder.choose(task)
        for target, _ in problem.successors[task]:
            left[target] -= 1
            if not left[target]:
                heapq.heappush(ready, (max(builder.end[source] for source, _ in problem.predecessors[target]), target))
    return builder


def etf(graph: TaskGraph, machines: Machines) -> Schedule:
    """Earliest task first: of all ready tasks on all devices the pair that starts soonest; on a tie the higher rank.

    Args and errors as in `greedy`. It looks at every ready task at every step: not for many thousands of them.

    Example:
        >>> etf(TaskGraph({"a": 2.0, "b": 1.0, "c": 1.0}), Machines.uniform(["x", "y"])).seconds
        2.0
    """
    return etf_steps(Problem(graph, machines)).schedule()


def etf_steps(problem: Problem) -> Builder:
    """`etf` before names are put on."""
    builder = Builder(problem, insertion=False, record=True)
    rank = upward_rank(problem)
    left = [len(needs) for needs in problem.predecessors]
    latency, inverse = np.array(problem.latency), np.array(problem.inverse)
    arrivals = np.zeros(
        (len(left), len(problem.machines))
    )  # (tasks, devices) when the inputs of a ready task are there
    ready = [task for task, count in enumerate(left) if not count]
    while ready:
        open_ = np.full((len(ready), len(problem.machines)), np.inf)
        for row, task in enumerate(ready):
            open_[row, list(builder.options(task))] = 0.0
        starts = np.maximum(arrivals[ready], builder.free) + open_  # (ready, devices)
        soonest = starts.min(axis=1)
        row = min(range(len(ready)), key=lambda row: (soonest[row], -rank[ready[row]], ready[row]))
        task, device = ready.pop(row), int(starts[row].argmin())
        options = builder.options(task)
        begins: list[float] = starts[row, list(options)].tolist()
        finishes = [begin + problem.seconds[task][option] for begin, option in zip(begins, options, strict=True)]
        builder.put(task, device, float(soonest[row]), options, begins, finishes)
        for target, _ in problem.successors[task]:
            left[target] -= 1
            if not left[target]:
                for source, size in problem.predecessors[target]:
                    at = builder.device[source]
                    np.maximum(arrivals[target], builder.end[source] + latency[at] + size * inverse[at],
                               out=arrivals[target])  # fmt: skip
                ready.append(target)
    return builder


def heft(graph: TaskGraph, machines: Machines) -> Schedule:
    """HEFT: the highest upward rank first, each task where it finishes soonest, gaps included.

    Args and errors as in `greedy`. The rank of a task is its mean time over the devices it can take, and the largest,
    among those that need it, of rank and mean transfer.

    Example:
        >>> heft(TaskGraph({"a": 1.0, "b": 1.0, "c": 2.0}), Machines.uniform(["x", "y"])).seconds
        2.0
    """
    problem = Problem(graph, machines)
    return in_order(problem, by_rank(problem, upward_rank(problem)), record=True).schedule()


def upward_rank(problem: Problem) -> list[float]:
    """(tasks,) seconds from the start of each task to the end, in the mean over devices and links."""
    mean = [math.fsum(row[d] for d in can) / len(can)
            for row, can in zip(problem.seconds, problem.feasible, strict=True)]  # fmt: skip
    return problem.tails(mean, transfer=True)


def by_rank(problem: Problem, rank: Sequence[float]) -> list[int]:
    """The tasks by falling rank, but none before what it needs; ties by the order of the graph."""
    left = [len(needs) for needs in problem.predecessors]
    ready = [(-rank[task], task) for task, count in enumerate(left) if not count]
    heapq.heapify(ready)
    order: list[int] = []
    while ready:
        _, task = heapq.heappop(ready)
        order.append(task)
        for target, _ in problem.successors[task]:
            left[target] -= 1
            if not left[target]:
                heapq.heappush(ready, (-rank[target], target))
    return order


def _listed(words: Sequence[str], most: int = 8) -> str:
    """The first of some words, and how many more there are."""
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")


def _size(value: float, unit: str = "") -> str:
    """A number of bytes."""
    return f"{value:g} {unit}".rstrip() if value < 10_000 else short(value, "B")
