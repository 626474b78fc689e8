"""What a user hands to the scheduler: jobs of identical tasks, their priorities, and the quota that admits them.

A job runs one program in many tasks. Its band says how much it matters: `monitoring` above `production` above `batch`
above `free`; within a band a higher priority is scheduled first. A task has a request (what it will use) and a limit
(what it may use). What the scheduler sets aside for it, its `charge`, is the limit for production and monitoring, which
must never depend on somebody else's thrift, and the request for the others (section 5.5).

Quota decides whether a job is let in at all, not where it goes: a user may hold so much in a band at a time. In the
free band quota has no end (section 2.5).

Example:
    >>> Job("web", "ada", "production", 3, Resources(1000, 1 << 30), limit=Resources(2000, 2 << 30)).charge
    Resources(cpu_millicores=2000, memory_bytes=2147483648, disk_bytes_per_second=0, ports=0)

What it is not: allocs, job dependencies, or the lending of what a production task does not use (resource reclamation).

Source: A. Verma et al., EuroSys 2015, sections 2.3 to 2.5; the numbers of the bands: M. Tirmazi et al.: "Borg: the next
generation", EuroSys 2020, section 3 (free to 99, production 120 to 359, monitoring from 360; its two tiers between,
best-effort batch and mid, are one band here).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.cluster.cell import UNITS, Cell, CellError, Constraint, Resources

__all__ = ["BANDS", "Job", "QuotaError", "check_possible", "sample_jobs"]

# Band -> its lowest and highest priority.
BANDS: dict[str, tuple[int, int]] = {
    "free": (0, 99),
    "batch": (100, 119),
    "production": (120, 359),
    "monitoring": (360, 450),
}
_RANK = {band: rank for rank, band in enumerate(BANDS)}


class QuotaError(CellError):
    """A job asks for more than its user may hold in its band.

    Cause: quota is checked at submission; what the user's other jobs of the band hold counts until they end.

    Example:
        >>> from labkit.cluster import Borg, Cell
        >>> borg = Borg(Cell.sample(10), quota={("ada", "batch"): Resources(4000, 8 << 30)})
        >>> try:
        ...     borg.submit(Job("sort", "ada", "batch", 5, Resources(1000, 1 << 30)))
        ... except QuotaError as error:
        ...     print(error)
        job "sort" asks for 5000 milli-cores of CPU in band "batch"; "ada" may hold 4000 there and holds 0.
    """


@dataclass(frozen=True)
class Job:
    """Identical tasks of one user.

    Args:
        name: of the job, once in a cell.
        user: who pays.
        band: one of `BANDS`.
        tasks: how many.
        request: what one task will use.
        limit: what one task may use; at least the request. The request by default.
        seconds: how long a task runs once it has started; None: for ever, as a service does. A task that was preempted,
            or whose machine died, starts over.
        submit_seconds: when the job arrives, in simulated time.
        priority: within the band's numbers; the band's lowest by default.
        constraints: what its machines must be, or should be, like.

    Raises:
        CellError: an unknown band, a priority outside it, no tasks, a limit below the request, a time out of range.
    """

    name: str
    user: str
    band: str
    tasks: int
    request: Resources
    limit: Resources | None = None
    seconds: float | None = None
    submit_seconds: float = 0.0
    priority: int = -1
    constraints: tuple[Constraint, ...] = ()

    def __post_init__(self) -> None:
        """Checks what was asked for."""
        if self.band not in BANDS:
            raise CellError(f'job "{self.name}" has the unknown band "{self.band}".', f"one of {', '.join(BANDS)}.")
        low, high = BANDS[self.band]
        if self.priority == -1:
            object.__setattr__(self, "priority", low)
        elif not low <= self.priority <= high:
            text = f'job "{self.name}" has priority {self.priority}; band "{self.band}" goes from {low} to {high}.'
            raise CellError(text, "leave the priority out, or choose the band that it belongs to.")
        if type(self.tasks) is not int or self.tasks < 1:
            raise CellError(f'job "{self.name}" has {self.tasks} tasks; it needs at least one.')
        self.request.check(f'a task of job "{self.name}"')
        if self.limit is not None:
            self.limit.check(f'the limit of job "{self.name}"')
            if any(limit < request for limit, request in zip(self.limit, self.request, strict=True)):
                text = f'job "{self.name}" has the limit {tuple(self.limit)} below its request {tuple(self.request)}.'
                raise CellError(text, "a limit is what a task may use: at least what it asks for.")
        if self.seconds is not None and not 0 < self.seconds < float("inf"):
            raise CellError(f'job "{self.name}" runs for {self.seconds} seconds.', "a positive time, or None for ever.")
        if not 0 <= self.submit_seconds < float("inf"):
            raise CellError(f'job "{self.name}" arrives at {self.submit_seconds} seconds; time starts at 0.')

    @property
    def rank(self) -> int:
        """Of the band: 0 for free to 3 for monitoring."""
        return _RANK[self.band]

    @property
    def charge(self) -> Resources:
        """What the scheduler sets aside for one task: the limit from production upwards, else the request."""
        return self.limit if self.limit is not None and self.rank >= _RANK["production"] else self.request


def check_possible(job: Job, cell: Cell) -> None:
    """Raises `CellError` where no machine of the cell, though it were empty, could hold a task of the job.

    Args:
        job: the job.
        cell: the machines; whether they are alive does not matter.

    Example:
        >>> try:
        ...     check_possible(Job("big", "ada", "batch", 1, Resources(65_000, 0)), Cell.sample(1000))
        ... except CellError as error:
        ...     print(error)
        a task of job "big" asks for 65000 milli-cores of CPU; the largest machine that it may use, "m9", has 64000.
    """
    ask = np.array(job.charge, np.int64)
    allowed, _ = cell.wanted(job.constraints)
    if not allowed.any():
        wanted = ", ".join(
            f"{c.attribute} {'is' if c.equal else 'is not'} {c.value}" for c in job.constraints if c.hard
        )
        raise CellError(f'no machine is as job "{job.name}" demands: {wanted}.', "make a constraint soft (hard=False).")
    largest = np.where(allowed[:, None], cell.capacity, -1)
    for i, unit in enumerate(UNITS):
        best = int(largest[:, i].argmax())
        if largest[best, i] < ask[i]:
            raise CellError(
                f'a task of job "{job.name}" asks for {ask[i]} {unit}; the largest machine that it may use, '
                f'"{cell.names[best]}", has {largest[best, i]}.',
                "ask for less, or cut the job into more, smaller tasks.",
            )
    if not (largest >= ask).all(axis=1).any():
        text = f'a task of job "{job.name}" asks for {tuple(job.charge)}: each alone is somewhere, all on no machine.'
        raise CellError(text, "ask for less of one of them.")


def sample_jobs(tasks: int, seed: int = 0, arrive_seconds: float = 0.0) -> list[Job]:
    """A made-up workload: many small jobs, a few large ones; long production services, short batch and free jobs.

    Job sizes have a heavy tail; CPU and memory of a task are lognormal and only loosely tied, so that machines can run
    out of one and strand the other. With ten tasks a machine of `Cell.sample`, about two thirds of the CPU is asked
    for, of which production has the most (the paper, section 2.1, says 70 %).

    Args:
        tasks: how many in all.
        seed: of the draw.
        arrive_seconds: jobs arrive evenly within this time; 0: all at the start.

    Example:
        >>> jobs = sample_jobs(1000)
        >>> sum(job.tasks for job in jobs), sorted({job.band for job in jobs})
        (1000, ['batch', 'free', 'monitoring', 'production'])
    """
    rng: Any = np.random.default_rng(seed)
    jobs: list[Job] = []
    left = tasks
    while left:
        band: str = ("free", "batch", "production", "monitoring")[int(rng.choice(4, p=(0.25, 0.4, 0.33, 0.02)))]
        count = min(left, 1 + int(rng.pareto(1.1) * 8), max(1, tasks // 20))
        left -= count
        heavy = 2.0 if band == "production" else 1.0
        cpu: int = 50 * max(1, round(float(rng.lognormal(np.log(1200 * heavy), 0.8)) / 50))
        memory: int = (64 << 20) * max(1, round(float(rng.lognormal(np.log(54 * heavy), 1.0))))
        ask = Resources(min(cpu, 16_000), min(memory, 64 << 30), 1_000_000 * int(rng.integers(0, 20)), 1)
        long = None if band in ("production", "monitoring") else float(rng.integers(60, 7200))
        arrives = round(float(rng.uniform(0, arrive_seconds)), 3) if arrive_seconds else 0.0
        user = f"user{rng.integers(20)}"
        jobs.append(Job(f"job{len(jobs)}", user, band, count, ask, seconds=long, submit_seconds=arrives))
    return jobs
