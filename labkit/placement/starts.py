"""Where a search starts from: one pass of each placer, and the best single device.

Example:
    >>> graph = TaskGraph({"a": [3.0, 2.0], "b": [3.0, 2.0], "c": 1.0}, feasible={"c": ["x"]})
    >>> one_device(graph, Machines.uniform(["x", "y"])).devices
    {'a': 'y', 'b': 'y', 'c': 'x'}
"""

from __future__ import annotations

import math
from collections.abc import Callable

from labkit.errors import GraphError, ResourceExhaustedError
from labkit.placement.schedules import Builder, by_rank, etf_steps, greedy_steps, in_order, upward_rank
from labkit.placement.tasks import Machines, Problem, TaskGraph
from labkit.placement.timetable import Schedule

_ALONE_TASKS = 50_000  # placed while looking for the best single device
_ETF_TASKS = 500  # it looks at each ready task at each step


def one_device(graph: TaskGraph, machines: Machines) -> Schedule:
    """The best single device; only tasks that cannot run there, or do not fit, are elsewhere, where they end soonest.

    Args and errors as in `search`.

    Example:
        >>> one_device(TaskGraph({"a": [3.0, 2.0], "b": [3.0, 2.0]}), Machines.uniform(["x", "y"])).seconds
        4.0
    """
    problem = Problem(graph, machines)
    return one_device_steps(problem, record=True).schedule()


def one_device_steps(problem: Problem, record: bool) -> Builder:
    """`one_device` before names are put on.

    Devices are tried by the work that they would have, the least first; one that has more of it than the best schedule
    so far is long needs no try. Where most can still not be told apart, a few are tried.
    """
    count = len(problem.graph)
    load = [0.0] * len(problem.machines)
    for task, can in enumerate(problem.feasible):
        row = problem.seconds[task]
        for device in can:
            load[device] += row[device]
    left = [count] * len(load)
    for can in problem.feasible:
        for device in can:
            left[device] -= 1  # tasks that cannot be there
    order = by_rank(problem, upward_rank(problem))
    best, seconds, tries = None, math.inf, max(2, _ALONE_TASKS // max(count, 1))
    failed: ResourceExhaustedError | None = None
    for device in sorted(range(len(load)), key=lambda device: (left[device], load[device])):
        if load[device] >= seconds and best is not None:
            continue
        if not tries:
            break
        tries -= 1
        try:
            built = in_order(problem, order, [device] * count)
        except ResourceExhaustedError as error:
            failed = error
            continue
        if max(built.end, default=0.0) < seconds:
            best, seconds = device, max(built.end, default=0.0)
    if best is None:
        raise failed if failed is not None else GraphError("there is no device.")
    return in_order(problem, order, [best] * count, record=record)


def starts(problem: Problem) -> list[Builder]:
    """What the search starts from, the shortest first: one pass each of the placers, and the best single device.

    Raises:
        ResourceExhaustedError: nothing fits, not even when the largest tasks choose their device first.
    """
    ways: list[Callable[[], Builder]] = [
        lambda: in_order(problem, by_rank(problem, upward_rank(problem))),
        lambda: greedy_steps(problem, record=False),
    ]
    if len(problem.graph) <= _ETF_TASKS:
        ways.append(lambda: etf_steps(problem))
    ways.append(lambda: one_device_steps(problem, record=False))
    found: list[Builder] = []
    failed: ResourceExhaustedError | None = None
    for way in ways:
        try:
            found.append(way())
        except ResourceExhaustedError as error:
            failed = error
    if failed is not None and not found:
        packed = in_order(problem, by_rank(problem, upward_rank(problem)), _packed(problem))
        found.append(packed)
    return sorted(found, key=lambda builder: max(builder.end, default=0.0))


def _packed(problem: Problem) -> list[int]:
    """A device for each task by memory alone: the largest group first, where the least room is left after it."""
    builder = Builder(problem, insertion=False, record=False)
    for group in sorted(problem.members, key=lambda group: (-problem.need[group], group)):
        device = min(builder.options(group), key=lambda device: builder.room[device])
        builder.home[group] = device
        builder.room[device] -= problem.need[group]
    return [builder.home[group] for group in problem.group]
