"""What a placer by cost returns: a schedule, step by step as it was decided; and what checks that it can be kept.

A `Schedule` says for each task where and when it runs, for each edge between two devices what travels, and for each
decision of the placer which devices it looked at and when the task would have finished there. `violations` goes over
a schedule without trusting how it was made: needs come first, transfers take their time, a device runs one task at a
time, tasks run where they can and together with what they must be with, memory holds.

Example:
    >>> task = ScheduledTask("a", "x", 0.0, 1.0)
    >>> schedule = Schedule((task,), (), ())
    >>> schedule.seconds, schedule.devices
    (1.0, {'a': 'x'})
    >>> violations(TaskGraph({"a": 2.0}), Machines.uniform(["x"]), schedule)
    ['"a" runs from 0.0 to 1.0 on x, which is not 2.0 seconds.']

What it is not: a trace. Nothing has run; the times are what the costs promise.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import NamedTuple

from labkit.placement.tasks import Machines, Problem, TaskGraph

_ROUNDING = 1e-9  # of the schedule's length: times that are nearer than this are the same


class ScheduledTask(NamedTuple):
    """Where and when a task runs."""

    name: str
    device: str
    start_seconds: float
    end_seconds: float


class Transfer(NamedTuple):
    """What travels for one edge, as soon as it is made."""

    source: str
    target: str
    from_device: str
    to_device: str
    start_seconds: float
    end_seconds: float
    bytes: float


class Choice(NamedTuple):
    """One step of a placer: the task whose turn it was, the devices considered, and the one it took.

    Args:
        task: whose turn it was.
        device: where it went.
        devices: what was considered.
        start_seconds: for each of `devices` when the task would have started there.
        finish_seconds: for each of `devices` when it would have finished there.
    """

    task: str
    device: str
    devices: tuple[str, ...]
    start_seconds: tuple[float, ...]
    finish_seconds: tuple[float, ...]


@dataclass(frozen=True)
class Schedule:
    """Which task runs where and when.

    Args:
        tasks: in the order of the task graph.
        transfers: in the order of the edges, each with its source on one device and its target on another.
        choices: in the order in which the placer took them.
    """

    tasks: tuple[ScheduledTask, ...]
    transfers: tuple[Transfer, ...]
    choices: tuple[Choice, ...]

    @property
    def seconds(self) -> float:
        """The length of the schedule: the end of its last task (the makespan)."""
        return max((task.end_seconds for task in self.tasks), default=0.0)

    @property
    def devices(self) -> dict[str, str]:
        """The device of each task, by name."""
        return {task.name: task.device for task in self.tasks}


def violations(graph: TaskGraph, machines: Machines, schedule: Schedule) -> list[str]:
    """What is wrong with a schedule, one line each; nothing if it can be carried out. Computed from its tasks alone.

    Example:
        >>> graph, machines = TaskGraph({"a": 1.0, "b": 1.0}, [("a", "b")]), Machines.uniform(["x", "y"])
        >>> late = (ScheduledTask("a", "x", 0.0, 1.0), ScheduledTask("b", "y", 0.5, 1.5))
        >>> violations(graph, machines, Schedule(late, (), ()))
        ['"b" starts at 0.5 on y; what it needs of "a" is there at 1.0.']
    """
    problem, found = Problem(graph, machines), list[str]()
    if [task.name for task in schedule.tasks] != list(graph.names):
        return [f"the schedule has the tasks {[task.name for task in schedule.tasks]}, not {list(graph.names)}."]
    place = {name: i for i, name in enumerate(machines.names)}
    slack = _ROUNDING * schedule.seconds
    if unknown := [task.name for task in schedule.tasks if task.device not in place]:
        return [f"the machines lack the devices of {unknown}."]
    at = [place[task.device] for task in schedule.tasks]
    used = [0.0] * len(machines)
    rows: list[list[ScheduledTask]] = [[] for _ in machines.names]
    for i, task in enumerate(schedule.tasks):
        used[at[i]] += graph.memory_bytes[i]
        rows[at[i]].append(task)
        if at[i] not in problem.feasible[i]:
            found.append(f'"{task.name}" cannot run on {task.device}.')
        if at[i] != at[graph.group[i]]:
            found.append(f'"{task.name}" is not on the device of "{graph.names[graph.group[i]]}".')
        if task.start_seconds < 0 or abs(task.end_seconds - task.start_seconds - problem.seconds[i][at[i]]) > slack:
            found.append(
                f'"{task.name}" runs from {task.start_seconds} to {task.end_seconds} on {task.device}, '
                f"which is not {problem.seconds[i][at[i]]} seconds."
            )
        for source, size in graph.predecessors[i]:
            maker = schedule.tasks[source]
            arrival = maker.end_seconds + machines.transfer_seconds(maker.device, task.device, size)
            if task.start_seconds < arrival - slack:
                found.append(f'"{task.name}" starts at {task.start_seconds} on {task.device}; '
                             f'what it needs of "{maker.name}" is there at {arrival}.')  # fmt: skip
    for name, tasks in zip(machines.names, rows, strict=True):
        tasks.sort(key=lambda task: (task.start_seconds, task.end_seconds))
        for a, b in itertools.pairwise(tasks):
            if b.start_seconds < a.end_seconds - slack:
                found.append(f'"{b.name}" starts on {name} while "{a.name}" runs.')
    for name, held, most in zip(machines.names, used, machines.memory_bytes, strict=True):
        if held > most * (1 + _ROUNDING):
            found.append(f"{name} holds {held:g} bytes and has {most:g}.")
    return found
