"""A scheduler in the manner of Borg: which task of which job runs on which machine of a cell, over simulated time.

Jobs arrive and are admitted by quota. A scheduling pass goes through what waits, from high to low priority, one job of
each user in turn (section 3.2). For each job it asks two questions:

* *Feasibility*: which machines satisfy the constraints and have room? If none has, which would have, if tasks of lower
  bands went? Those are preempted, lowest priority first, and wait again. No task ever preempts one of its own band, so
  production never preempts production.
* *Scoring*: which of these is best? `labkit.cluster.cell` says how; added to it are the fraction of the job that the
  loss of the machine or of its rack would take along (failure domains), and one for every preference not kept.

Both are in `labkit.cluster.placing`; here are the jobs, the queue, the clock, and what is written down of it all.

Example:
    >>> from labkit.cluster.cell import Machine, Resources
    >>> borg = Borg(Cell([Machine("m0", Resources(2000, 4 << 30))]))
    >>> borg.submit(Job("crawl", "ada", "free", 2, Resources(1000, 1 << 30), seconds=60))
    >>> borg.submit(Job("web", "bob", "production", 1, Resources(1500, 1 << 30), submit_seconds=10, seconds=30))
    >>> borg.run()
    >>> for event in borg.events:
    ...     print(event.seconds, event.kind, event.job, event.task)
    0.0 submit crawl -1
    0.0 schedule crawl 0
    0.0 schedule crawl 1
    10.0 submit web -1
    10.0 preempt crawl 1
    10.0 preempt crawl 0
    10.0 schedule web 0
    40.0 finish web 0
    40.0 schedule crawl 1
    40.0 schedule crawl 0
    100.0 finish crawl 1
    100.0 finish crawl 0

What it is not: a Borgmaster (five replicas, Paxos, Borglets that answer late). The scheduler here always knows what is.

Source: A. Verma et al.: "Large-scale cluster management at Google with Borg", EuroSys 2015, sections 2.5, 3.2-3.4, 4.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable
from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from labkit.cluster.cell import UNITS, Cell, CellError, Resources
from labkit.cluster.jobs import BANDS, Job, QuotaError, check_possible
from labkit.cluster.placing import Placer, State, Task

__all__ = ["Borg", "Event", "Sample"]


class Event(NamedTuple):
    """Something that happened.

    Args:
        seconds: when, in simulated time.
        kind: submit, reject, schedule, preempt, lost (the task's machine failed), finish; of machines: fail, repair.
        job: name, or "".
        task: its index in the job, or -1.
        machine: name, or "".
        why: for whom, or how many, in words.
    """

    seconds: float
    kind: str
    job: str = ""
    task: int = -1
    machine: str = ""
    why: str = ""


class Sample(NamedTuple):
    """The cell at one moment, after a scheduling pass.

    Args:
        seconds: when.
        running: tasks on machines.
        pending: tasks that wait.
        machines: alive.
        used: of each resource (in the order of `Resources`), the fraction of what is alive that tasks hold.
        stranded: the fraction that is free where the median task of all that were admitted does not fit.
    """

    seconds: float
    running: int
    pending: int
    machines: int
    used: tuple[float, ...]
    stranded: tuple[float, ...]


class Borg:
    """The scheduler and the clock of a cell.

    Args:
        cell: its machines. The scheduler changes what is free there; a cell has one scheduler.
        policy: how to score: "hybrid", "best_fit" or "worst_fit".
        quota: (user, band) -> what the user's jobs of that band may hold; a pair that is missing may hold nothing, save
            in the free band. None: no quota at all.
        candidates: how many feasible machines are enough to choose from; None: all.
        seed: of the order in which machines are looked at.
        pass_seconds: scheduling passes start at multiples of this; 0: whenever something has happened.
        sample_seconds: the shortest time between two samples.
        spread: weight of the failure domains in the score; 0: a job may sit on one rack.

    Attributes:
        now_seconds: simulated time.
        events: everything that happened, in order; plain data.
        samples: utilisation and fragmentation over time.
        counts: scores computed, scores reused, passes.

    Raises:
        CellError: an unknown policy or band, a number out of its range.
    """

    def __init__(
        self,
        cell: Cell,
        policy: str = "hybrid",
        quota: dict[tuple[str, str], Resources] | None = None,
        candidates: int | None = 100,
        seed: int = 0,
        pass_seconds: float = 0.0,
        sample_seconds: float = 0.0,
        spread: float = 1.0,
    ) -> None:
        if min(pass_seconds, sample_seconds) < 0:
            raise CellError("pass_seconds and sample_seconds are 0 or more.")
        for (user, band), most in (quota or {}).items():
            if band not in BANDS:
                raise CellError(
                    f'the quota of "{user}" names the unknown band "{band}".', f"one of {', '.join(BANDS)}."
                )
            most.check(f'the quota of "{user}" in band "{band}"')
        self.cell, self.quota = cell, quota
        self._placer = Placer(cell, policy, candidates, seed, spread, self._started, self._preempted)
        self.counts = self._placer.counts
        self.pass_seconds, self.sample_seconds = pass_seconds, sample_seconds
        self.now_seconds = 0.0
        self.events: list[Event] = []
        self.samples: list[Sample] = []
        self._jobs: dict[str, State | None] = {}  # None: still to arrive, or rejected
        self._pending: dict[str, State] = {}
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._made = 0
        self._pass_due = False
        self._down_until = np.zeros(len(cell.names))
        self._spent: dict[tuple[str, str], list[int]] = {}

    # What a user and the world do.

    def submit(self, job: Job) -> None:
        """Hands in a job: now, or at its `submit_seconds` if that is later.

        Raises:
            CellError: the name is taken; or no machine of the cell could ever hold one of its tasks.
            QuotaError: it exceeds its user's quota now. (A job that arrives later is then rejected, with an event.)
        """
        if job.name in self._jobs:
            raise CellError(f'there is a job "{job.name}" already.', "give it another name.")
        check_possible(job, self.cell)
        if job.submit_seconds <= self.now_seconds:
            self._admit(job)
        else:
            self._jobs[job.name] = None
            self._at(job.submit_seconds, lambda: self._arrive(job))

    def fail(self, machine: str, at_seconds: float | None = None, repair_seconds: float | None = None) -> None:
        """A machine dies: its tasks are lost and wait again.

        Args:
            machine: its name.
            at_seconds: when; now by default.
            repair_seconds: how long until it is back; None: never.
        """
        if machine not in self.cell.index:
            raise CellError(f'there is no machine "{machine}"; the first is "{self.cell.names[0]}".')
        self._fail([self.cell.index[machine]], at_seconds, repair_seconds)

    def fail_rack(self, rack: str, at_seconds: float | None = None, repair_seconds: float | None = None) -> None:
        """All machines of a rack die at once."""
        if rack not in self.cell.racks:
            raise CellError(f'there is no rack "{rack}"; the first is "{self.cell.racks[0]}".')
        self._fail(
            np.flatnonzero(self.cell.rack_of == self.cell.racks.index(rack)).tolist(), at_seconds, repair_seconds
        )

    def run(self, until_seconds: float | None = None) -> None:
        """Lets time pass: until then, or until nothing more will happen (services go on running)."""
        end = math.inf if until_seconds is None else until_seconds
        while self._due and self._due[0][0] <= end:
            self.now_seconds = self._due[0][0]
            while self._due and self._due[0][0] == self.now_seconds:
                heapq.heappop(self._due)[2]()
            if self._pass_due:
                period = self.pass_seconds
                when = math.ceil(self.now_seconds / period) * period if period else self.now_seconds
                if when > self.now_seconds:
                    self._at(when, lambda: None)
                else:
                    self._pass_due = False
                    self._schedule()
        if until_seconds is not None:
            self.now_seconds = max(self.now_seconds, until_seconds)

    # What is.

    def placement(self) -> dict[tuple[str, int], str]:
        """(job, task) -> machine, of all that runs."""
        names = self.cell.names
        return {(t.owner.job.name, t.index): names[m] for m, tasks in enumerate(self._placer.tasks) for t in tasks}

    def pending(self) -> dict[str, int]:
        """Job -> tasks that wait."""
        return {name: len(state.waiting) for name, state in self._pending.items()}

    def why_pending(self, job: str) -> str:
        """Why a job's tasks wait, in words: how many machines lack what (section 2.6)."""
        state = self._jobs.get(job)
        if state is None:
            raise CellError(f'there is no job "{job}" in the cell.', "submit it, and let time pass until it arrives.")
        if not state.waiting:
            return f'no task of job "{job}" waits.'
        cell, (allowed, _) = self.cell, self.cell.wanted(state.job.constraints)
        looked = allowed & cell.alive
        short = (cell.free[looked] < state.row).sum(axis=0).tolist()
        lack = ", ".join(f"{n} too few {unit}" for n, unit in zip(short, UNITS, strict=True) if n)
        return (
            f'{len(state.waiting)} tasks of job "{job}" wait: of {len(cell.names)} machines {(~cell.alive).sum()} are '
            f"dead, {(cell.alive & ~allowed).sum()} break its constraints, {looked.sum()} are left. Of these: "
            f"{lack or 'enough; the next pass will place them'}."
        )

    # Arrivals, ends, failures.

    def _at(self, seconds: float, what: Callable[[], None]) -> None:
        self._made += 1
        heapq.heappush(self._due, (float(seconds), self._made, what))

    def _wake(self) -> None:
        self._pass_due = True

    def _log(self, kind: str, job: str = "", task: int = -1, machine: int = -1, why: str = "") -> None:
        name = self.cell.names[machine] if machine >= 0 else ""
        self.events.append(Event(self.now_seconds, kind, job, task, name, why))

    def _arrive(self, job: Job) -> None:
        try:
            self._admit(job)
        except QuotaError as error:
            self._log("reject", job.name, why=str(error))

    def _admit(self, job: Job) -> None:
        total = job.charge.times(job.tasks)
        held = self._spent.setdefault((job.user, job.band), [0] * len(UNITS))
        if self.quota is not None and job.band != "free":
            most = self.quota.get((job.user, job.band), Resources(0, 0))
            for ask, has, may, unit in zip(total, held, most, UNITS, strict=True):
                if ask + has > may:
                    raise QuotaError(
                        f'job "{job.name}" asks for {ask} {unit} in band "{job.band}"; '
                        f'"{job.user}" may hold {may} there and holds {has}.',
                        "wait until a job ends, ask for less, or use the free band, which has no quota.",
                    )
        held[:] = [has + ask for has, ask in zip(held, total, strict=True)]
        self._jobs[job.name] = self._pending[job.name] = State(job)
        self._log("submit", job.name, why=f"{job.tasks} tasks")
        self._at(self.now_seconds, self._wake)

    def _finish(self, task: Task, starts: int) -> None:
        if task.starts != starts or task.machine < 0:
            return  # that run was preempted or lost
        state, job = task.owner, task.owner.job
        self._log("finish", job.name, task.index, task.machine)
        self._placer.release(task)
        state.unfinished -= 1
        if not state.unfinished:
            held = self._spent[job.user, job.band]
            held[:] = [has - back for has, back in zip(held, job.charge.times(job.tasks), strict=True)]
        self._pass_due = True

    def _fail(self, machines: list[int], at_seconds: float | None, repair_seconds: float | None) -> None:
        when = self.now_seconds if at_seconds is None else at_seconds
        if when < self.now_seconds or (repair_seconds is not None and repair_seconds <= 0):
            raise CellError(
                f"a failure at {when} seconds with a repair of {repair_seconds} seconds; it is {self.now_seconds} now, "
                "and a repair takes more than 0 seconds."
            )
        back = math.inf if repair_seconds is None else when + repair_seconds
        self._at(when, lambda: self._down(machines, back))
        if back < math.inf:
            self._at(back, lambda: self._repair(machines))

    def _down(self, machines: list[int], back: float) -> None:
        for m in machines:
            self._down_until[m] = max(self._down_until[m], back)
            if self.cell.alive[m]:
                self._log("fail", machine=m)
                self.cell.alive[m] = False
                for task in list(self._placer.tasks[m]):
                    self._log("lost", task.owner.job.name, task.index, m)
                    self._wait_again(task)
                self._placer.touch(m)
        self._pass_due = True

    def _repair(self, machines: list[int]) -> None:
        for m in machines:
            if not self.cell.alive[m] and self._down_until[m] <= self.now_seconds:  # no later failure holds it down
                self.cell.alive[m] = True
                self._log("repair", machine=m)
                self._placer.touch(m)
        self._pass_due = True

    # A scheduling pass.

    def _schedule(self) -> None:
        self.counts["passes"] += 1
        below = math.inf
        while waiting := [state for state in self._pending.values() if state.job.priority < below]:
            below = max(state.job.priority for state in waiting)
            for state in _in_turn(state for state in waiting if state.job.priority == below):
                self._placer.place(state)
                if not state.waiting:
                    del self._pending[state.job.name]
        if not self.samples or self.now_seconds >= self.samples[-1].seconds + self.sample_seconds:
            self._sample()

    def _started(self, task: Task) -> None:
        job, starts = task.owner.job, task.starts
        self._log("schedule", job.name, task.index, task.machine)
        if job.seconds is not None:
            self._at(self.now_seconds + job.seconds, lambda: self._finish(task, starts))

    def _preempted(self, task: Task, by: Job) -> None:
        self._log("preempt", task.owner.job.name, task.index, task.machine, f"for {by.name}")
        self._wait_again(task)

    def _wait_again(self, task: Task) -> None:
        self._placer.release(task)
        task.owner.waiting.append(task)
        self._pending[task.owner.job.name] = task.owner

    def _sample(self) -> None:
        cell = self.cell
        states = [state for state in self._jobs.values() if state is not None]
        waiting = sum(len(state.waiting) for state in self._pending.values())
        running = sum(len(tasks) for tasks in self._placer.tasks)
        stranded = cell.stranded(_median(states)) if states else np.zeros(len(UNITS))
        used = cell.utilisation()
        alive = int(cell.alive.sum())
        self.samples.append(
            Sample(self.now_seconds, running, waiting, alive, tuple(used.tolist()), tuple(stranded.tolist()))
        )


def _median(states: list[State]) -> Resources:
    """The charge of the task in the middle, resource by resource."""
    charges, counts = np.array([state.charge for state in states]), np.array([state.job.tasks for state in states])
    middle: list[int] = []
    for amounts in charges.T:
        order = amounts.argsort(kind="stable")
        below = counts[order].cumsum()
        middle.append(int(amounts[order][np.searchsorted(below, below[-1] / 2)]))
    return Resources(*middle)


def _in_turn(states: Iterable[State]) -> list[State]:
    """One job of each user in turn; users and their jobs in the order in which they came to wait."""
    by_user: dict[str, list[State]] = {}
    for state in states:
        by_user.setdefault(state.job.user, []).append(state)
    return [state for row in zip_longest(*by_user.values()) for state in row if state is not None]
