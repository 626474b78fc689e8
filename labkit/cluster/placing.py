"""Where the waiting tasks of one job go: feasibility, scoring and preemption, fast enough for 10,000 machines.

Three things make it fast (section 3.4), and each can be seen in `Placer.counts`. *Equivalence classes*: the tasks of a
job are alike, and so are those of two jobs that ask for the same: they share one array of scores. *Score caching*: a
score is computed again only where the machine has changed since. *Relaxed randomization*: machines are looked at in a
random order until there are `candidates` feasible ones beyond the tasks to place; `candidates=None` looks at all. And a
job that found no room looks again only at machines that have changed since.

The clock and the queue are in `labkit.cluster.borg`, which is told of every start and preemption.

Example:
    >>> from labkit.cluster.cell import Machine
    >>> cell = Cell([Machine("a", Resources(1000, 10)), Machine("b", Resources(3000, 10))])
    >>> placer = Placer(cell, "best_fit", candidates=None, seed=0)
    >>> state = State(Job("web", "ada", "production", 5, Resources(1000, 1)))
    >>> placer.place(state)
    >>> [task.machine for task in state.tasks], placer.counts["scored"]
    ([0, 1, 1, 1, -1], 6)

Source: A. Verma et al., EuroSys 2015, sections 2.5 (preemption), 3.2 (scheduling), 3.4 (scalability), 4 (domains).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from labkit.cluster.cell import POLICIES, UNITS, Cell, CellError, Resources
from labkit.cluster.jobs import BANDS, Job

__all__ = ["Placer", "State", "Task"]

_CLASSES = 256  # arrays of scores that are kept: 10,000 machines take 160 kB each
_VICTIMS_TRIED = 64  # machines on which victims are searched for, where there is choice


class Task:
    """One task: the state of its job, its index, the machine it is on (-1: none), how often it started."""

    __slots__ = ("index", "machine", "owner", "starts")

    def __init__(self, owner: State, index: int) -> None:
        self.owner, self.index, self.machine, self.starts = owner, index, -1, 0


class State:
    """What the scheduler knows of a job: its tasks, those that wait, and where the others are."""

    def __init__(self, job: Job) -> None:
        self.job, self.charge, self.rank = job, job.charge, job.rank
        self.row: NDArray[np.int64] = np.array(job.charge, np.int64)
        self.tasks = [Task(self, i) for i in range(job.tasks)]
        self.waiting = list(self.tasks)
        self.on_machine: Counter[int] = Counter()
        self.unfinished = job.tasks
        self.stuck_at = -1  # machines that have not changed since then have no room for this job


class Placer:
    """Puts tasks on the machines of a cell, and takes them off.

    Args:
        cell: its machines; `free` is kept up to date.
        policy: how to score; one of `POLICIES`.
        candidates: how many feasible machines are enough to choose from; None: all.
        seed: of the order in which machines are looked at.
        spread: weight of the failure domains: of the fraction of a job that a machine, and its rack, would take along.
        started: called with each task that was put on a machine.
        preempted: called with each task that must go, and the job that it goes for; calls `release`.

    Attributes:
        counts: scores computed ("scored") and reused ("reused").
        tasks: of each machine, in the order in which they came.

    Raises:
        CellError: an unknown policy, or a number out of its range.
    """

    def __init__(
        self,
        cell: Cell,
        policy: str,
        candidates: int | None,
        seed: int,
        spread: float = 1.0,
        started: Callable[[Task], None] | None = None,
        preempted: Callable[[Task, Job], None] | None = None,
    ) -> None:
        if policy not in POLICIES:
            raise CellError(f'there is no policy "{policy}".', f"one of {', '.join(POLICIES)}.")
        if candidates is not None and candidates < 1:
            raise CellError(f"{candidates} candidates were asked for; at least one, or None for all machines.")
        if spread < 0:
            raise CellError(f"the spread is {spread}; it is 0 or more.")
        machines = len(cell.names)
        self.cell, self.policy, self.candidates, self.spread = cell, policy, candidates, spread
        self.counts: Counter[str] = Counter()
        self.tasks: list[dict[Task, None]] = [{} for _ in range(machines)]
        self._started, self._preempted = started, preempted
        self._rng = np.random.default_rng(seed)
        self._held = np.zeros((len(BANDS), machines, len(UNITS)), np.int64)  # what each band holds
        self._change = 0
        self._changed = np.zeros(machines, np.int64)  # number of the last change of each machine
        self._classes: dict[Resources, tuple[NDArray[np.float64], NDArray[np.int64]]] = {}

    def place(self, state: State) -> None:
        """Places what it can of a job's waiting tasks: first where there is room, then by preemption."""
        allowed, broken = self.cell.wanted(state.job.constraints)
        rows = np.flatnonzero(allowed & self.cell.alive & (self._changed > state.stuck_at))
        if self.candidates is not None:
            self._rng.shuffle(rows)
        looked = 0
        while state.waiting and looked < len(rows):
            pool, looked = self._pool(state, rows, looked)
            self._fill(state, pool, broken[pool])
        if state.rank:
            while state.waiting and len(rows):
                rows = self._by_preemption(state, rows)
        state.stuck_at = self._change if state.waiting else -1

    def release(self, task: Task) -> None:
        """Takes a task off its machine."""
        state, m = task.owner, task.machine
        task.machine = -1
        del self.tasks[m][task]
        state.on_machine[m] -= 1
        if not state.on_machine[m]:
            del state.on_machine[m]
        self.cell.free[m] += state.row
        self._held[state.rank, m] -= state.row
        self.touch(m)

    def touch(self, m: int) -> None:
        """Notes that a machine is not what it was: its scores are stale."""
        self._change += 1
        self._changed[m] = self._change

    def _start(self, task: Task, m: int) -> None:
        state = task.owner
        task.machine = m
        task.starts += 1
        self.tasks[m][task] = None
        state.on_machine[m] += 1
        self.cell.free[m] -= state.row
        self._held[state.rank, m] += state.row
        self.touch(m)
        if self._started:
            self._started(task)

    def _scores(self, state: State, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """The scores of some machines for a job's class: computed where they have changed, else remembered."""
        if state.charge not in self._classes:
            if len(self._classes) >= _CLASSES:
                del self._classes[next(iter(self._classes))]
            self._classes[state.charge] = np.zeros(len(self._changed)), np.full(len(self._changed), -1)
        scores, seen = self._classes[state.charge]
        stale = rows[seen[rows] != self._changed[rows]]
        if len(stale):
            scores[stale] = self.cell.costs(state.charge, self.policy, stale)
            seen[stale] = self._changed[stale]
        self.counts["scored"] += len(stale)
        self.counts["reused"] += len(rows) - len(stale)
        return scores[rows]

    def _pool(self, state: State, rows: NDArray[np.int64], looked: int) -> tuple[NDArray[np.int64], int]:
        """Looks at machines, from `rows[looked]` on, until enough are feasible: those, and how far it got."""
        enough = len(rows) if self.candidates is None else self.candidates + len(state.waiting)
        found: list[NDArray[np.int64]] = []
        while looked < len(rows) and enough > 0:
            block = rows[looked : looked + enough]
            found.append(block[np.isfinite(self._scores(state, block))])
            looked += len(block)
            enough -= len(found[-1])
        return np.concatenate(found), looked

    def _fill(self, state: State, pool: NDArray[np.int64], broken: NDArray[np.float64]) -> None:
        """Gives each waiting task the cheapest machine of the pool, until there is no room or no task."""
        rack_of, share = self.cell.rack_of[pool], self.spread / state.job.tasks
        domains = np.zeros(len(pool))  # the part of the job that goes down with this machine, and with its rack
        if share and state.on_machine:
            at, many = (np.array(list(part)) for part in (state.on_machine.keys(), state.on_machine.values()))
            on_machine = np.zeros(len(self._changed))
            on_machine[at] = many * share
            on_rack = np.bincount(self.cell.rack_of[at], many * share, len(self.cell.racks))
            domains = on_machine[pool] + on_rack[rack_of]
        total = self._scores(state, pool) + broken + domains
        placed = 0
        for task in state.waiting if len(pool) else []:
            best = int(total.argmin())
            if total[best] == np.inf:
                break
            self._start(task, int(pool[best]))
            placed += 1
            if share:
                total[rack_of == rack_of[best]] += share
                domains[rack_of == rack_of[best]] += share
                domains[best] += share
            total[best] = self._scores(state, pool[best : best + 1])[0] + broken[best] + domains[best]
        del state.waiting[:placed]

    def _by_preemption(self, state: State, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Places one task on a machine that lower bands must make room on.

        Returns:
            The machines where the next task may look: those that could be used now. None of the others can become
            feasible, since what lower bands hold and what is free only shrink here.
        """
        room = self.cell.free[rows] + self._held[: state.rank, rows].sum(axis=0)
        rows = rows[(room >= state.row).all(axis=1)]
        if not len(rows):
            return rows
        tried = rows if self.candidates is None else rows[:_VICTIMS_TRIED]
        plans = [(self._victims(state, m), m) for m in tried.tolist()]
        victims, m = min(
            plans, key=lambda plan: (max((v.owner.job.priority for v in plan[0]), default=-1), len(plan[0]))
        )
        for task in victims:
            if self._preempted:
                self._preempted(task, state.job)
            else:
                self.release(task)
        self._start(state.waiting.pop(0), m)
        return rows

    def _victims(self, state: State, m: int) -> list[Task]:
        """Whom to preempt: from the lowest priority up, the youngest first, until there is room; none needlessly."""
        short = [ask - free for ask, free in zip(state.charge, self.cell.free[m].tolist(), strict=True)]
        lower = [task for task in reversed(self.tasks[m]) if task.owner.rank < state.rank]
        taken: list[Task] = []
        for task in sorted(lower, key=lambda task: task.owner.job.priority):
            if max(short) <= 0:
                break
            short = [need - gain for need, gain in zip(short, task.owner.charge, strict=True)]
            taken.append(task)
        for task in reversed(taken[:]):
            without = [need + gain for need, gain in zip(short, task.owner.charge, strict=True)]
            if max(without) <= 0:
                taken.remove(task)
                short = without
        return taken
