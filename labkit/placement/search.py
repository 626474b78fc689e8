"""Looking for a shorter schedule than one pass finds: local search, and exact search for small graphs as the truth.

`search` is the placer to use. It starts from the best of what `schedules` builds and of each device alone, and then
rebuilds the schedule over and over, keeping what is no longer than before:

- *Forward-backward improvement*: a schedule read backwards in time is a schedule of the graph with its edges turned
  round. Placing the tasks in that order, each as soon as it can be, packs them against the other end. Doing so there
  and back, until nothing is won, removes idle time that no rank foresees.
- *Perturbation*: the order by the best schedule so far, or by rank, with noise; each task goes where it finishes
  soonest.
- *Moves*, where devices or transfers differ: the placement of the best so far, but one task (at times with its
  neighbours) goes to another device.

It ends when the schedule is as short as the lower bound, so that nothing shorter exists, or when its budget of placed
tasks is spent. The budget is counted, not timed: the same seed gives the same schedule on every machine.

`exact` is branch and bound: it starts tasks in the order of time, tries each ready task on each device, and leaves a
branch as soon as the longest way that is still to go, or the work that is left, makes it no shorter than the best.

Example:
    >>> tasks = {name: seconds for name, seconds in zip("abcde", [3.0, 3.0, 2.0, 2.0, 2.0])}
    >>> graph, machines = TaskGraph(tasks), Machines.uniform(["x", "y"])
    >>> from labkit.placement.schedules import heft
    >>> heft(graph, machines).seconds, search(graph, machines).seconds, exact(graph, machines).seconds
    (7.0, 6.0, 6.0)

What it is not: a proof. Only `exact`, or a schedule as long as `lower_bound_seconds`, says that none is shorter.

Source: K. Y. Li, R. J. Willis, "An iterative scheduling technique for resource-constrained project scheduling", 1992,
and P. Tormos, A. Lova, "A competitive heuristic solution technique for resource-constrained project scheduling", 2001
(forward-backward improvement with random sampling).
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from labkit.errors import GraphError, ResourceExhaustedError
from labkit.placement.schedules import Builder, by_rank, etf_steps, greedy_steps, in_order, upward_rank
from labkit.placement.tasks import Machines, Problem, TaskGraph, lower_bound_seconds
from labkit.placement.timetable import Schedule

_ROUNDING = 1e-12  # of the schedule's length: what is won below that is rounding
_NOISE = (0.25, 0.5, 1.0, 2.0)  # in mean task times
_PATIENCE = 4  # rebuilds without gain, there and back, before the next perturbation
_ALONE_TASKS = 50_000  # placed while looking for the best single device
_ETF_TASKS = 500  # it looks at each ready task at each step


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


def search(graph: TaskGraph, machines: Machines, *, budget: int = 15_000, seed: int = 0) -> Schedule:
    """The best placer: local search from the best of greedy, HEFT, ETF (small graphs) and each device alone.

    Never longer than any of these.

    Args:
        graph: the tasks.
        machines: where they may run.
        budget: how many tasks to place while searching, over all rebuilds; 0 returns the best start.
        seed: of the noise.

    Raises:
        GraphError: the graph does not fit the machines, or the budget is below 0.
        ResourceExhaustedError: no placement was found that fits the devices' memory; the message says what is missing.

    Example:
        >>> graph = TaskGraph({"a": 1.0, "b": 1.0}, [("a", "b", 100.0)])
        >>> search(graph, Machines.uniform(["x", "y"], bytes_per_second=1.0)).devices
        {'a': 'x', 'b': 'x'}
    """
    if budget < 0:
        raise GraphError(f"the budget is {budget} tasks; it is not negative.")
    both = (Problem(graph, machines), Problem(graph, machines, backward=True))
    bound = _bound(both[0])
    noise = random.Random(seed)
    found = (_search_identical if _identical(both[0]) else _search_general)(both, bound, budget, noise)
    return _forward(both[0], found, record=True).schedule()


def _forward(problem: Problem, found: _Found, record: bool) -> Builder:
    """The schedule in the direction of time; nothing in it starts later than in the one that was found."""
    start, end = found.start, found.end
    if found.backward:
        start, end = [-value for value in end], [-value for value in start]
    order = sorted(
        problem.order, key=lambda task: (start[task], end[task])
    )  # tasks of no length before those they meet
    return in_order(problem, order, None if _identical(problem) else found.device, record=record)


def _bound(problem: Problem) -> float:
    """The lower bound; on like devices with times in whole seconds every schedule ends on a whole second."""
    bound = lower_bound_seconds(problem.graph, problem.machines)
    whole = problem.free_transfers and all(value.is_integer() for row in problem.seconds for value in row)
    return math.ceil(bound) if whole else bound * (1 + _ROUNDING)


def _identical(problem: Problem) -> bool:
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
    best = _starts(both[0])[0]
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
    """Forward-backward improvement, perturbation and moves, where it matters which device runs a task."""
    count = len(both[0].graph)
    starts = _starts(both[0])
    best = starts[0]
    pending: list[_Found] = starts[:3]  # each is first packed there and back
    fastest = [both[0].fastest(task) for task in range(count)]
    mean = math.fsum(fastest) / max(count, 1)
    tails = [problem.tails(fastest, transfer=False) for problem in both]
    after = [[tail - own for tail, own in zip(row, fastest, strict=True)] for row in tails]
    while budget > 0 and best.seconds > bound:
        pins = None
        if pending:
            base = pending.pop()
            backward, width = not base.backward, 0.0
            pins = base.device if len(pending) % 2 else None
        else:
            base = best
            backward, width = noise.random() < 0.5, noise.choice((0.0, *_NOISE)) * mean
            if noise.random() < 0.75:
                pins = _moved(both[0], best.device, noise)
        rank = base.ranks(backward)
        if width:
            rank = [value + width * noise.random() for value in rank]
        builder, limit = Builder(both[backward], insertion=True, record=False), best.seconds * (1 + _ROUNDING)
        try:
            for task in by_rank(both[backward], rank):
                budget -= 1
                builder.choose(task, -1 if pins is None else pins[task])
                if builder.end[task] + after[backward][task] > limit:
                    break
            else:
                now = _found(builder, backward)
                if now.seconds < best.seconds * (1 - _ROUNDING):
                    pending.append(now)
                best = min(now, best, key=lambda found: found.seconds)
        except ResourceExhaustedError:
            continue
    return best


def _moved(problem: Problem, device: list[int], noise: random.Random) -> list[int]:
    """The same placement, but a few tasks, at times with their neighbours, on another device: a neighbour's or any."""
    pins = list(device)
    while True:
        task = noise.randrange(len(pins))
        near = [other for other, _ in (*problem.predecessors[task], *problem.successors[task])]
        if near and noise.random() < 0.5:
            target = device[near[noise.randrange(len(near))]]
        else:
            target = problem.feasible[task][noise.randrange(len(problem.feasible[task]))]
        for other in [task, *near] if noise.random() < 0.3 else [task]:
            for member in problem.members[problem.group[other]]:
                pins[member] = target
        if noise.random() < 0.5:
            break
    return pins


def _starts(problem: Problem) -> list[_Found]:
    """What the search starts from, the shortest first: one pass each of the placers, and each device alone.

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
    found: list[_Found] = []
    failed: ResourceExhaustedError | None = None
    for way in ways:
        try:
            found.append(_found(way()))
        except ResourceExhaustedError as error:
            failed = error
    if failed is not None and not found:
        packed = in_order(problem, by_rank(problem, upward_rank(problem)), _packed(problem))
        found.append(_found(packed))
    return sorted(found, key=lambda found: found.seconds)


def one_device(graph: TaskGraph, machines: Machines) -> Schedule:
    """The best single device; only tasks that cannot run there, or do not fit, are elsewhere, where they end soonest.

    Args and errors as in `search`.

    Example:
        >>> graph = TaskGraph({"a": [3.0, 2.0], "b": [3.0, 2.0], "c": 1.0}, feasible={"c": ["x"]})
        >>> schedule = one_device(graph, Machines.uniform(["x", "y"]))
        >>> schedule.seconds, schedule.devices
        (4.0, {'a': 'y', 'b': 'y', 'c': 'x'})
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


def _packed(problem: Problem) -> list[int]:
    """A device for each task by memory alone: the largest group first, where the least room is left after it."""
    builder = Builder(problem, insertion=False, record=False)
    for group in sorted(problem.members, key=lambda group: (-problem.need[group], group)):
        device = min(builder.options(group), key=lambda device: builder.room[device])
        builder.home[group] = device
        builder.room[device] -= problem.need[group]
    return [builder.home[group] for group in problem.group]


def exact(graph: TaskGraph, machines: Machines, *, most_steps: int = 1_000_000) -> Schedule:
    """The shortest schedule there is, by branch and bound. For about ten tasks; a few more if they are well bound.

    Args:
        graph: the tasks.
        machines: where they may run.
        most_steps: how many partial schedules to look at before giving up; a million take some seconds.

    Raises:
        GraphError: the graph does not fit the machines, or the search was not done within `most_steps`.
        ResourceExhaustedError: no placement was found that fits the devices' memory.

    Example:
        >>> exact(TaskGraph({"a": [1.0, 3.0], "b": [1.0, 1.5]}), Machines.uniform(["x", "y"])).devices
        {'a': 'x', 'b': 'y'}
    """
    both = (Problem(graph, machines), Problem(graph, machines, backward=True))
    best = _forward(both[0], _search_general(both, _bound(both[0]), 100 * len(graph), random.Random(0)), record=True)
    tree = _Tree(both[0], max(best.end, default=0.0), most_steps)
    if tree.best > _bound(both[0]):
        tree.visit(0.0)
    if tree.shortest is None:
        return best.schedule()
    order, pins = tree.shortest
    return in_order(both[0], order, pins, record=True).schedule()


class _Tree:
    """Partial schedules in which each task starts no sooner than the one before it: every useful schedule is a leaf.

    Args:
        problem: what to place.
        best: only shorter schedules are looked for.
        most_steps: how many partial schedules to look at.
    """

    def __init__(self, problem: Problem, best: float, most_steps: int) -> None:
        count, self.problem, self.best, self.steps, self.most = len(problem.graph), problem, best, 0, most_steps
        self.shortest: tuple[list[int], list[int]] | None = None  # (order, device of each task)
        self.fastest = [problem.fastest(task) for task in range(count)]
        self.after = [tail - own for tail, own in
                      zip(problem.tails(self.fastest, transfer=False), self.fastest, strict=True)]  # fmt: skip
        self.left = [len(needs) for needs in problem.predecessors]
        self.remaining = math.fsum(self.fastest)
        self.alike = _identical(problem)
        self.order: list[int] = []
        self.device, self.end = [-1] * count, [0.0] * count
        self.free, self.room = [0.0] * len(problem.machines), list(problem.room)
        self.loads = [0] * len(problem.machines)  # tasks on each device

    def visit(self, last: float) -> None:
        """Goes on from the partial schedule whose last task started then, in every way that may win."""
        self.steps += 1
        if self.steps > self.most:
            raise GraphError(
                f"the exact search of {len(self.left)} tasks on {len(self.free)} devices is not done after {self.most} "
                "steps.\n  Try: `search`, which comes near it, or a larger most_steps."
            )
        if len(self.order) == len(self.left):
            self.best, self.shortest = max(self.end, default=0.0), (list(self.order), list(self.device))
            return
        busy = math.fsum(max(free, last) for free in self.free)
        if (busy + self.remaining) / len(self.free) >= self.best * (1 - _ROUNDING):
            return
        for task, count in enumerate(self.left):
            if count or self.device[task] >= 0:
                continue
            empty_tried = False
            for device in self.problem.feasible[task]:
                if self.alike and not self.loads[device]:
                    if empty_tried:
                        continue
                    empty_tried = True
                self._try(task, device, last)

    def _try(self, task: int, device: int, last: float) -> None:
        problem, group = self.problem, self.problem.group[task]
        homes = [self.device[member] for member in problem.members[group] if self.device[member] >= 0]
        need = 0.0 if homes else problem.need[group]
        if (homes and homes[0] != device) or self.room[device] < need:
            return
        start = self.free[device]
        for source, size in problem.predecessors[task]:
            at = self.device[source]
            start = max(start, self.end[source] + problem.latency[at][device] + size * problem.inverse[at][device])
        end = start + problem.seconds[task][device]
        if start < last or end + self.after[task] >= self.best * (1 - _ROUNDING):
            return
        before, self.free[device] = self.free[device], end
        self.device[task], self.end[task] = device, end
        self.order.append(task)
        self.loads[device] += 1
        self.room[device] -= need
        self.remaining -= self.fastest[task]
        for target, _ in problem.successors[task]:
            self.left[target] -= 1
        self.visit(start)
        for target, _ in problem.successors[task]:
            self.left[target] += 1
        self.remaining += self.fastest[task]
        self.room[device] += need
        self.loads[device] -= 1
        self.order.pop()
        self.device[task], self.free[device] = -1, before
        self.end[task] = 0.0
