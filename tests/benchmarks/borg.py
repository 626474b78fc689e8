"""The Borg-like scheduler: how fast it packs 10,000 machines, and how many machines each policy needs."""

from __future__ import annotations

import time

from labkit.cluster.borg import Borg
from labkit.cluster.cell import POLICIES, Cell
from labkit.cluster.compaction import smallest_cell
from labkit.cluster.jobs import sample_jobs


def borg() -> None:
    """100,000 tasks onto 10,000 machines, once per policy, and a cell of 300 compacted (section 5.1 of the paper)."""
    for policy in POLICIES:
        scheduler = Borg(Cell.sample(10_000), policy)
        for job in sample_jobs(100_000):
            scheduler.submit(job)
        start = time.process_time()
        scheduler.run(0.0)
        seconds = time.process_time() - start
        sample = scheduler.samples[-1]
        print(
            f"{f'borg, 100,000 tasks on 10,000 machines, {policy}, CPU s':<62} {seconds:6.2f}  wanted <= 10; "
            f"{sample.pending} pending, CPU {sample.used[0]:.1%} used and {sample.stranded[0]:.1%} stranded"
        )
    cell, jobs = Cell.sample(300), sample_jobs(3000)
    for policy in POLICIES:
        found = smallest_cell(cell.machines, jobs, policy, trials=5, pending=0.002)
        print(f"{f'borg, compaction to a part of 300 machines, {policy}':<62} {found.fraction:6.1%}")


BENCHMARKS = (borg,)
