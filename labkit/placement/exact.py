"""The shortest schedule there is, for small graphs: branch and bound.

It starts tasks in the order of time, tries each ready task on each device, and leaves a branch as soon as the longest
way that is still to go, or the work that is left, makes it no shorter than the best that is known; `search` gives the
first of these.

Example:
    >>> from labkit.placement.schedules import heft
    >>> graph = TaskGraph(dict(zip("abcde", [3.0, 3.0, 2.0, 2.0, 2.0])))
    >>> machines = Machines.uniform(["x", "y"])
    >>> heft(graph, machines).seconds, exact(graph, machines).seconds
    (7.0, 6.0)
"""

from __future__ import annotations

import math

from labkit.errors import GraphError
from labkit.placement.schedules import in_order
from labkit.placement.search import bound_seconds, improved, is_identical
from labkit.placement.tasks import Machines, Problem, TaskGraph
from labkit.placement.timetable import Schedule

_ROUNDING = 1e-12  # of the schedule's length: what is won below that is rounding
_MOST_TASKS = 100  # it would not end, and each takes two frames of Python's stack


def exact(graph: TaskGraph, machines: Machines, *, most_steps: int = 1_000_000) -> Schedule:
    """The shortest schedule there is, by branch and bound. For about ten tasks; a few more if they are well bound.

    Args:
        graph: the tasks.
        machines: where they may run.
        most_steps: how many partial schedules to look at before giving up; a million take some seconds.

    Raises:
        GraphError: the graph does not fit the machines, there are far too many tasks, or the search was not done within
            `most_steps`.
        ResourceExhaustedError: no placement was found that fits the devices' memory.

    Example:
        >>> exact(TaskGraph({"a": [1.0, 3.0], "b": [1.0, 1.5]}), Machines.uniform(["x", "y"])).devices
        {'a': 'x', 'b': 'y'}
    """
    problem = Problem(graph, machines)
    best = improved(graph, machines, 100 * len(graph))
    tree = _Tree(problem, max(best.end, default=0.0), most_steps)
    if tree.best > bound_seconds(problem):
        if len(graph) > _MOST_TASKS:
            raise GraphError(
                f"the exact search is for about ten tasks; these are {len(graph)}.\n"
                "  Try: `search`, which comes near it."
            )
        tree.visit(0.0)
    if tree.shortest is None:
        return best.schedule()
    order, pins = tree.shortest
    return in_order(problem, order, pins, record=True).schedule()


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
        self.alike = is_identical(problem)
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
