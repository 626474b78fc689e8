"""How many machines a workload really needs: the Borg paper's measure of a scheduling policy.

A cell that runs at 60 % may be full for a task that fits nowhere. So the paper asks another question (section 5.1): how
small a cell could the workload be fitted into, if it were packed from scratch? Machines are taken away at random (so
the mix stays) until it no longer fits; that is done 11 times, and the 90th percentile is the answer. The better policy
is the one that needs fewer machines.

Example:
    >>> from labkit.cluster.cell import Machine, Resources
    >>> machines = [Machine(f"m{i}", Resources(4000, 4)) for i in range(10)]
    >>> result = smallest_cell(machines, [Job("sort", "ada", "batch", 12, Resources(1000, 1))], trials=3)
    >>> result.machines, result.percentile_90
    ((3, 3, 3), 3)

What it differs in: the paper removes machines until packing fails; here the size is found by bisection, which is the
same where a cell that holds the workload still holds it with one machine more. Nobody is preempted: all must fit.

Source: A. Verma et al., EuroSys 2015, section 5.1 (0.2 % of the tasks may stay pending where they are picky).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from labkit.cluster.cell import Cell, CellError, Machine
from labkit.cluster.jobs import Job
from labkit.cluster.placing import Placer, State

__all__ = ["Compaction", "smallest_cell"]


class Compaction(NamedTuple):
    """What `smallest_cell` found.

    Args:
        machines: the smallest cell of each trial, in machines, ascending.
        of: machines of the whole cell.
    """

    machines: tuple[int, ...]
    of: int

    @property
    def percentile_90(self) -> int:
        """The size that is enough in 90 % of the trials."""
        return self.machines[-(-len(self.machines) * 9 // 10) - 1]

    @property
    def fraction(self) -> float:
        """The 90th percentile as a fraction of the whole cell."""
        return self.percentile_90 / self.of


def smallest_cell(
    machines: Sequence[Machine],
    jobs: Sequence[Job],
    policy: str = "hybrid",
    trials: int = 11,
    pending: float = 0.0,
    candidates: int | None = 100,
    seed: int = 0,
) -> Compaction:
    """The smallest random part of a cell that holds all the jobs at once.

    Args:
        machines: the whole cell.
        jobs: what must fit; their times are not looked at.
        policy: how to score; see `labkit.cluster.cell`.
        trials: how many random orders of the machines are tried.
        pending: the fraction of tasks that may stay out; the paper allows 0.002.
        candidates: of relaxed randomization; see `Placer`.
        seed: of the orders.

    Raises:
        CellError: the jobs do not even fit into the whole cell, or no trial was asked for.
    """
    if trials < 1:
        raise CellError(f"{trials} trials were asked for; at least one.")
    first_to_last = sorted(jobs, key=lambda job: -job.priority)
    allowed = int(pending * sum(job.tasks for job in jobs))
    found: list[int] = []
    for trial in range(trials):
        order = np.random.default_rng((seed, trial)).permutation(len(machines)).tolist()

        def left_out(count: int, order: list[int] = order, trial: int = trial) -> int:
            placer = Placer(Cell([machines[i] for i in order[:count]]), policy, candidates, seed + trial)
            states = [State(job) for job in first_to_last]
            for state in states:
                placer.place(state)
            return sum(len(state.waiting) for state in states)

        out = left_out(len(machines))
        if out > allowed:
            raise CellError(
                f"{out} tasks do not fit into the whole cell of {len(machines)} machines, packed by {policy}.",
                "give more machines, or allow some tasks to stay pending.",
            )
        low, high = 1, len(machines)  # `high` is enough; below `low` it is not
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if left_out(middle) <= allowed else (middle + 1, high)
        found.append(high)
    return Compaction(tuple(sorted(found)), len(machines))
