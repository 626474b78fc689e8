"""Looking for a shorter schedule than one pass finds: local search.

`search` is the placer to use. It starts from the best of what `schedules` builds and of each device alone, and then
rebuilds the schedule over and over, keeping what is no longer than before:

- *Forward-backward improvement*: a schedule read backwards in time is a schedule of the graph with its edges turned
  round. Placing the tasks in that order, each as soon as it can be, packs them against the other end. Doing so there
  and back, until nothing is won, removes idle time that no rank foresees.
- *Perturbation*: the order of the best schedule so far, with noise; each task goes where it finishes soonest.
- *Repairs*, where devices or transfers differ: the placement of the best so far, but a few tasks that hang together
  choose again where they finish soonest.
- *Moves*, likewise: a task, at times with a whole region around it, goes to another device.

Half of the repairs and moves start from a task that holds up the end (`critical_tasks`).

It ends when the schedule is as short as the lower bound, so that nothing shorter exists, or when its budget of placed
tasks is spent. The budget is counted, not timed: the same seed gives the same schedule on every machine.
A try is left as soon as a task and the longest way behind it end after the best schedule; one that is as long as the
best is what the next tries start from, so that the search walks over flat places.

Example:
    >>> tasks = {name: seconds for name, seconds in zip("abcde", [3.0, 3.0, 2.0, 2.0, 2.0])}
    >>> graph, machines = TaskGraph(tasks), Machines.uniform(["x", "y"])
    >>> from labkit.placement.schedules import heft
    >>> heft(graph, machines).seconds, search(graph, machines).seconds
    (7.0, 6.0)

What it is not: a proof. Only `exact`, or a schedule as long as `lower_bound_seconds`, says that none is shorter.

Source: K. Y. Li, R. J. Willis, "An iterative scheduling technique for resource-constrained project scheduling", 1992,
and P. Tormos, A. Lova, "A competitive heuristic solution technique for resource-constrained project scheduling", 2001
(forward-backward improvement with random sampling); P. Shaw, "Using constraint programming and local search methods to
solve vehicle routing problems", 1998 (set a few free, repair).
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Sequence
from typing import NamedTuple

from labkit.errors import GraphError
from labkit.placement.rebuild import Rebuild
from labkit.placement.schedules import Builder, in_order
from labkit.placement.starts import starts
from labkit.placement.tasks import Machines, Problem, TaskGraph, lower_bound_seconds
from labkit.placement.timetable import Schedule

_ROUNDING = 1e-12  # of the schedule's length: what is won below that is rounding
_NOISE = (0.25, 0.5, 1.0, 2.0)  # in mean task times
_REPAIRS, _MOVES = 0.5, 0.3  # shares of the tries; the others choose every device anew
_FREED, _MOVED = 8, 12  # most tasks that a repair sets free, and that a move takes along; more in large graphs
_SLACK = 1e-9  # of the schedule's length: times nearer than this are the same
_PATIENCE = 4  # rebuilds without gain, there and back, before the next perturbation


class _Found(NamedTuple):
    """A schedule as the search keeps it: in which direction of time it was built, and what came out."""

    seconds: float
    backward: bool
    start: list[float]
    end: list[float]
    device: list[int]

    def ranks(self, backward: bool) -> list[float]:
        """(tasks,) what orders the tasks as this schedule does, in the given direction of time; the highest first."""
        return [-start for start in self.start] if backward == self.backward else list(self.end)


def search(graph: TaskGraph, machines: Machines, *, budget: int | None = None, seed: int = 0) -> Schedule:
    """The best placer: local search from the best of greedy, HEFT, ETF (small graphs) and each device alone.

    Never longer than any of these.

    Args:
        graph: the tasks.
        machines: where they may run.
        budget: how many tasks to place while searching, over all rebuilds; 0 returns the best start. None is 20,000,
            in larger graphs 40 for each task, and 80,000 at most.
        seed: of the noise.

    Raises:
        GraphError: the graph does not fit the machines, or the budget is below 0.
        ResourceExhaustedError: no placement was found that fits the devices' memory; the message says what is missing.

    Example:
        >>> graph = TaskGraph({"a": 1.0, "b": 1.0}, [("a", "b", 100.0)])
        >>> search(graph, Machines.uniform(["x", "y"], bytes_per_second=1.0)).devices
        {'a': 'x', 'b': 'x'}
    """
    if budget is None:
        budget = min(max(20_000, 40 * len(graph)), 80_000)
    if budget < 0:
        raise GraphError(f"the budget is {budget} tasks; it is not negative.")
    return improved(graph, machines, budget, seed).schedule()


def improved(graph: TaskGraph, machines: Machines, budget: int, seed: int = 0) -> Builder:
    """`search` before names are put on."""
    both = (Problem(graph, machines), Problem(graph, machines, backward=True))
    bound = bound_seconds(both[0])
    look = _search_identical if is_identical(both[0]) else _search_general
    return _forward(both[0], look(both, bound, budget, random.Random(seed)))


def _forward(problem: Problem, found: _Found) -> Builder:
    """The schedule in the direction of time; nothing in it starts later than in the one that was found."""
    start, end = found.start, found.end
    if found.backward:
        start, end = [-value for value in end], [-value for value in start]
    order = sorted(
        problem.order, key=lambda task: (start[task], end[task])
    )  # tasks of no length before those they meet
    return in_order(problem, order, None if is_identical(problem) else found.device, record=True)


def bound_seconds(problem: Problem) -> float:
    """The lower bound; on like devices with times in whole seconds every schedule ends on a whole second."""
    bound = lower_bound_seconds(problem.graph, problem.machines)
    whole = problem.free_transfers and all(value.is_integer() for row in problem.seconds for value in row)
    return math.ceil(bound) if whole else bound * (1 + _ROUNDING)


def is_identical(problem: Problem) -> bool:
    """Whether it matters only when a task runs, not where."""
    return (
        problem.free_transfers
        and all(min(row) == max(row) for row in problem.seconds)
        and all(len(devices) == len(problem.machines) for devices in problem.feasible)
        and len(problem.members) == len(problem.graph)
        and sum(problem.need) <= min(problem.room)
    )


def _search_identical(both: tuple[Problem, Problem], bound: float, budget: int, noise: random.Random) -> _Found:
    """Forward-backward improvement of noisy orders by list scheduling, which needs no choice of device."""
    count = len(both[0].graph)
    seconds = [row[0] for row in both[0].seconds]
    ranks = [problem.tails(seconds, transfer=False) for problem in both]
    plain = [([[target for target, _ in edges] for edges in problem.successors], list(map(len, problem.predecessors)))
             for problem in both]  # fmt: skip
    mean = math.fsum(seconds) / max(count, 1)
    best = _found(starts(both[0])[0])
    rank, backward, around, stalled = ranks[0], False, math.inf, 0
    while budget >= count > 0 and best.seconds > bound:
        budget -= count
        now = _list_schedule(rank, seconds, *plain[backward], len(both[0].machines), backward)
        if now.seconds < best.seconds:
            best = now
        stalled = 0 if now.seconds < around else stalled + 1
        around = min(now.seconds, around)
        if stalled < _PATIENCE:
            backward = not backward
            rank = now.ranks(backward)
            continue
        around, stalled, width = math.inf, 0, noise.choice(_NOISE) * mean * 2
        backward = noise.random() < 0.5
        base = best.ranks(backward) if noise.random() < 0.5 else ranks[backward]
        rank = [value + width * noise.random() for value in base]
    return best


def _list_schedule(
    rank: Sequence[float],
    seconds: Sequence[float],
    successors: Sequence[Sequence[int]],
    needs: Sequence[int],
    devices: int,
    backward: bool,
) -> _Found:
    """Graham's list scheduling: whenever one of the like devices is idle, the ready task of the highest rank starts."""
    order = sorted(range(len(rank)), key=rank.__getitem__, reverse=True)
    turn = [0] * len(order)
    for place, task in enumerate(order):
        turn[task] = place
    left = list(needs)
    ready = [turn[task] for task, count in enumerate(left) if not count]
    heapq.heapify(ready)
    running: list[tuple[float, int]] = []
    start, end = [0.0] * len(order), [0.0] * len(order)
    now, idle = 0.0, devices
    while ready or running:
        while idle and ready:
            task = order[heapq.heappop(ready)]
            start[task] = now
            end[task] = until = now + seconds[task]
            heapq.heappush(running, (until, task))
            idle -= 1
        now = running[0][0]
        while running and running[0][0] == now:
            idle += 1
            for target in successors[heapq.heappop(running)[1]]:
                left[target] -= 1
                if not left[target]:
                    heapq.heappush(ready, turn[target])
    return _Found(now, backward, start, end, [])


def _found(builder: Builder, backward: bool = False) -> _Found:
    return _Found(max(builder.end, default=0.0), backward, builder.start, builder.end, builder.device)


def _search_general(both: tuple[Problem, Problem], bound: float, budget: int, noise: random.Random) -> _Found:
    """Forward-backward improvement, perturbation, repairs and moves, where it matters which device runs a task."""
    problem = both[0]
    begun = [_found(builder) for builder in starts(problem)]
    best = current = begun[0]
    pending = [(found, pinned) for found in reversed(begun[:3]) for pinned in (True, False)]  # to pack there and back
    fastest = [problem.fastest(task) for task in range(len(problem.graph))]
    mean = math.fsum(fastest) / max(len(fastest), 1)
    tails = [one.tails(fastest, transfer=False) for one in both]
    after = [[tail - own for tail, own in zip(row, fastest, strict=True)] for row in tails]
    neighbours, builders = _Neighbours(both, noise), [Rebuild(one) for one in both]
    while budget > 0 and best.seconds > bound:
        if pending:
            base, pinned = pending.pop()
            backward, width = not base.backward, 0.0
            pins = base.device if pinned else None
        else:
            base = current
            backward, width = noise.random() < 0.5, noise.choice((0.0, *_NOISE)) * mean
            pins = neighbours.pins(base)
        rank = base.ranks(backward)
        if width:
            rank = [value + width * noise.random() for value in rank]
        built = builders[backward].place(rank, pins, after[backward], best.seconds * (1 + _ROUNDING))
        budget -= built.tasks
        if built.whole:
            now = _Found(max(built.end), backward, built.start, built.end, built.device)
            if now.seconds <= best.seconds:
                current = now
            if now.seconds < best.seconds * (1 - _ROUNDING):  # of schedules as long the first stays: the plainest
                pending += [(now, True), (now, False)]
                best = now
    return best


class _Neighbours:
    """Placements near the best so far: some tasks are moved, or are set free to choose again.

    Args:
        both: the problem in both directions of time.
        noise: what decides.
    """

    def __init__(self, both: tuple[Problem, Problem], noise: random.Random) -> None:
        self.both, self.noise = both, noise
        forward = both[0]
        self.near = [[other for other, _ in (*before, *then)]
                     for before, then in zip(forward.predecessors, forward.successors, strict=True)]  # fmt: skip
        self.freed = max(_FREED, len(self.near) // 100)
        self.moved = max(_MOVED, len(self.near) // 4)
        self.critical: tuple[_Found, list[int]] | None = None

    def pins(self, base: _Found) -> list[int] | None:
        """A device for each task, -1 for those that choose; None if all choose."""
        dice = self.noise.random()
        if dice < _REPAIRS:
            return self._repaired(base)
        return self._moved(base) if dice < _REPAIRS + _MOVES else None

    def _repaired(self, base: _Found) -> list[int]:
        """The same placement, but some tasks that hang together choose again."""
        pins = list(base.device)
        for task in self._region(self._first(base), self.noise.randint(1, self.freed)):
            pins[task] = -1
        return pins

    def _moved(self, base: _Found) -> list[int]:
        """The same placement, but a few tasks, at times whole regions, go elsewhere: to a neighbour, or anywhere."""
        noise, pins = self.noise, list(base.device)
        while True:
            task = self._first(base)
            near = self.near[task]
            if near and noise.random() < 0.5:
                target = base.device[noise.choice(near)]
            else:
                target = noise.choice(self.both[0].feasible[task])
            most = int(self.moved ** noise.random()) if noise.random() < 0.3 else 1
            for other in self._region(task, most):
                pins[other] = target
            if noise.random() < 0.5:
                return pins

    def _first(self, base: _Found) -> int:
        """Any task, or, half the time, one that holds up the end."""
        if self.noise.random() < 0.5:
            return self.noise.randrange(len(base.device))
        if self.critical is None or self.critical[0] is not base:
            self.critical = base, critical_tasks(self.both[base.backward], base.start, base.end, base.device)
        return self.noise.choice(self.critical[1])

    def _region(self, first: int, most: int) -> dict[int, None]:
        """So many tasks that hang together, and what must be with them."""
        noise, problem = self.noise, self.both[0]
        queue, found = [first], dict[int, None]()
        while queue and most > 0:
            task = queue.pop(noise.randrange(len(queue)))
            if task not in found:
                most -= 1
                found.update(dict.fromkeys(problem.members[problem.group[task]]))
                queue += self.near[task]
        return found


def critical_tasks(problem: Problem, start: Sequence[float], end: Sequence[float], device: Sequence[int]) -> list[int]:
    """The tasks that hold up the end of a schedule: none of them could be later without making it longer.

    From the last tasks back: to those whose outcome, or whose device, a task waited for.
    """
    slack = _SLACK * max(end, default=0.0)
    before: dict[int, int] = {}  # the task that ran before it on its device, without a gap
    last: dict[int, int] = {}
    for task in sorted(range(len(start)), key=lambda task: (start[task], end[task])):
        other = last.get(device[task], -1)
        if other >= 0 and end[other] >= start[task] - slack:
            before[task] = other
        last[device[task]] = task
    latest = max(end, default=0.0)
    stack = [task for task, value in enumerate(end) if value >= latest - slack]
    found: dict[int, None] = {}
    while stack:
        task = stack.pop()
        if task in found:
            continue
        found[task] = None
        if task in before:
            stack.append(before[task])
        here = device[task]
        for source, size in problem.predecessors[task]:
            there = device[source]
            if end[source] + problem.latency[there][here] + size * problem.inverse[there][here] >= start[task] - slack:
                stack.append(source)
    return list(found)
