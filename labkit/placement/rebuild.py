"""The inner loop of the search: tasks in the order of their ranks, each with insertion; left when lost.

What `schedules.Builder` does, without a record, in one function: the search builds hundreds of schedules in the time
that a user waits, and a call for each task would double it. A test holds the two against each other.

Where all pairs of devices have like links, when a task can start on each device follows from three numbers for all of
them (the latest arrival, the latest from another device than that one's, and what ends at home), instead of a look at
each input for each device.

Example:
    >>> from labkit.placement.tasks import Machines, TaskGraph
    >>> problem = Problem(TaskGraph({"a": 1.0, "b": 1.0, "c": 2.0}), Machines.uniform(["x", "y"]))
    >>> Rebuild(problem).place([1.0, 1.0, 2.0], None, [0.0] * 3, 9.0).device
    [1, 1, 0]
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_right, insort
from collections.abc import Sequence
from typing import NamedTuple

from labkit.placement.tasks import Problem


class Built(NamedTuple):
    """A schedule in numbers.

    Args:
        tasks: how many were placed.
        whole: whether all were; False if it was lost on the way, or something did not fit.
        start: (tasks,) of each task.
        end: (tasks,) of each task.
        device: (tasks,) of each task.
    """

    tasks: int
    whole: bool
    start: list[float]
    end: list[float]
    device: list[int]


class Rebuild:
    """Builds schedules of one problem.

    Args:
        problem: what to place.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.needs = [len(edges) for edges in problem.predecessors]
        self.targets = [[target for target, _ in edges] for edges in problem.successors]
        sets: dict[tuple[int, ...], frozenset[int]] = {}
        self.can = [sets.setdefault(devices, frozenset(devices)) for devices in problem.feasible]
        self.like = like_links(problem)

    def order(self, rank: Sequence[float]) -> list[int]:
        """The tasks by falling rank, but none before what it needs; ties by the order of the graph."""
        by_rank = sorted(range(len(rank)), key=rank.__getitem__, reverse=True)
        turn = [0] * len(by_rank)
        for place, task in enumerate(by_rank):
            turn[task] = place
        left, targets = list(self.needs), self.targets
        ready = [turn[task] for task, count in enumerate(left) if not count]
        heapq.heapify(ready)
        found: list[int] = []
        while ready:
            task = by_rank[heapq.heappop(ready)]
            found.append(task)
            for target in targets[task]:
                left[target] -= 1
                if not left[target]:
                    heapq.heappush(ready, turn[target])
        return found

    def place(
        self, rank: Sequence[float], pins: Sequence[int] | None, after: Sequence[float], limit: float
    ) -> Built:  # fmt: skip
        """Places the tasks by rank, each on its pin, or where it finishes soonest if it has none or cannot be there.

        Args:
            rank: (tasks,) the highest first.
            pins: (tasks,) a device, -1 for none.
            after: (tasks,) the least seconds from the end of a task to the end of all.
            limit: a schedule that must get longer than this is left.
        """
        problem, can, like = self.problem, self.can, self.like
        latency, inverse, groups, needed = problem.latency, problem.inverse, problem.group, problem.need
        count, devices = len(groups), len(latency)
        room, free, home = list(problem.room), [0.0] * devices, [-1] * count
        gaps: list[list[tuple[float, float]]] = [[] for _ in range(devices)]
        device, start, end = [-1] * count, [0.0] * count, [0.0] * count
        done = 0
        for task in self.order(rank):
            done += 1
            group, row, inputs = groups[task], problem.seconds[task], problem.predecessors[task]
            chosen, need = home[group], needed[group]
            first = chosen < 0
            if first and pins is not None:
                pin = pins[task]
                if pin >= 0 and pin in can[task] and room[pin] >= need:
                    chosen = pin
            begin, finish = 0.0, math.inf
            if chosen >= 0:
                for source, size in inputs:
                    at, arrival = device[source], end[source]
                    if at != chosen:
                        arrival += latency[at][chosen] + size * inverse[at][chosen]
                    if arrival > begin:
                        begin = arrival
                if begin < free[chosen]:
                    begin = _slot(gaps[chosen], begin, row[chosen], free[chosen])
                finish = begin + row[chosen]
            else:
                options: Sequence[int] = problem.feasible[task]
                if need:
                    options = [option for option in options if room[option] >= need]
                if like is not None:
                    arrivals = _like_arrivals(inputs, device, end, like, options)
                else:
                    arrivals = _arrivals(inputs, device, end, latency, inverse, options)
                for option, ready in zip(options, arrivals, strict=True):
                    seconds = row[option]
                    if ready + seconds >= finish:
                        continue
                    if ready < free[option]:
                        ready = _slot(gaps[option], ready, seconds, free[option])
                    if ready + seconds < finish:
                        begin, finish, chosen = ready, ready + seconds, option
                if chosen < 0:
                    return Built(done, False, start, end, device)
            if first:
                home[group] = chosen
                room[chosen] -= need
            device[task], start[task], end[task] = chosen, begin, finish
            if begin >= free[chosen]:
                if begin > free[chosen]:
                    gaps[chosen].append((free[chosen], begin))
                free[chosen] = finish
            else:
                _fill(gaps[chosen], begin, finish)
            if finish + after[task] > limit:
                return Built(done, False, start, end, device)
        return Built(done, True, start, end, device)


_Inputs = Sequence[tuple[int, float]]  # (task, bytes)


def _arrivals(
    inputs: _Inputs, device: Sequence[int], end: Sequence[float], latency: Sequence[Sequence[float]],
    inverse: Sequence[Sequence[float]], options: Sequence[int],
) -> list[float]:  # fmt: skip
    """For each of some devices when all inputs are there."""
    found: list[float] = []
    known = [(end[source], latency[device[source]], inverse[device[source]], size) for source, size in inputs]
    for option in options:
        ready = 0.0
        for value, waits, per_byte, size in known:
            arrival = value + (waits[option] + size * per_byte[option])
            if arrival > ready:
                ready = arrival
        found.append(ready)
    return found


def _like_arrivals(
    inputs: _Inputs, device: Sequence[int], end: Sequence[float], like: tuple[float, float], options: Sequence[int]
) -> list[float]:
    """The same where all links are alike."""
    latency, inverse = like
    last, where, other = 0.0, -1, 0.0  # the latest arrival from elsewhere, its device, the latest from another device
    home: dict[int, float] = {}
    for source, size in inputs:
        at, value = device[source], end[source]
        if value > home.get(at, 0.0):
            home[at] = value
        arrival = value + (latency + size * inverse)
        if arrival > last:
            if at != where:
                last, where, other = arrival, at, last
            else:
                last = arrival
        elif arrival > other and at != where:
            other = arrival
    found: list[float] = []
    for option in options:
        ready = other if option == where else last
        if option in home and home[option] > ready:
            ready = home[option]
        found.append(ready)
    return found


def _slot(gaps: Sequence[tuple[float, float]], ready: float, seconds: float, free: float) -> float:
    """The earliest start from `ready` on of something that takes that many seconds."""
    for begin, until in gaps[max(bisect_right(gaps, (ready, math.inf)) - 1, 0) :]:
        start = begin if begin > ready else ready
        if start + seconds <= until:
            return start
    return free


def _fill(gaps: list[tuple[float, float]], start: float, end: float) -> None:
    """Takes the time from `start` to `end` out of the gap that it is in."""
    begin, until = gaps.pop(bisect_right(gaps, (start, math.inf)) - 1)
    if begin < start:
        insort(gaps, (begin, start))
    if end < until:
        insort(gaps, (end, until))


def like_links(problem: Problem) -> tuple[float, float] | None:
    """The latency and the seconds per byte of every pair of devices, if they are the same for all.

    Example:
        >>> from labkit.placement.tasks import Machines, TaskGraph
        >>> like_links(Problem(TaskGraph({"a": 1.0}), Machines.uniform("xyz", 0.5, 4.0)))
        (0.5, 0.25)
    """
    count = len(problem.latency)
    pairs = {(problem.latency[a][b], problem.inverse[a][b]) for a in range(count) for b in range(count) if a != b}
    return pairs.pop() if len(pairs) == 1 else None
