"""What is predicted from parts, on numbers that are easy to check by hand; and a comparison of one worker, for real."""

from __future__ import annotations

import os

import pytest

import labkit as tf
from labkit.parallel.processes import Compared, Twin, compare
from tests.parallel.nets import dense, examples
from tests.parallel.processes.test_group import require_or_skip


@pytest.mark.parametrize(
    ("workers", "cores", "clock", "processor", "wanted"),
    [(1, 2, 4.0, 7.0, 4.0), (2, 2, 4.0, 4.0, 4.0 + 3), (4, 2, 4.0, 4.0, 8.0 + 3), (4, 8, 4.0, 4.0, 4.0 + 3)],
)
def test_workers_share_the_cores(workers, cores, clock, processor, wanted):
    """As long as there are cores enough, nobody waits for one."""
    reduced = 0.0 if workers == 1 else 2.0
    twin = Twin(workers, clock, processor, cores, reduced, reduced / 2)
    assert twin.step_seconds == wanted
    assert Compared(twin, wanted * 2).off == pytest.approx(-0.5)


def test_one_worker_is_measured_alone_and_in_a_run():
    """Both are there; how near they are is for the benchmark."""
    require_or_skip()
    step = dense(lambda: tf.train.GradientDescentOptimizer(0.1))
    (one,) = compare(step, examples(50), counts=[1], steps=10, rounds=1)
    assert one.twin.workers == 1
    assert one.twin.cores == len(os.sched_getaffinity(0))
    assert one.twin.all_reduce_seconds == one.twin.late_seconds == 0
    assert 0 < one.twin.compute_seconds == one.twin.step_seconds
    assert one.measured_seconds > 0
