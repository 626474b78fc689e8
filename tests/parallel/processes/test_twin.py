"""What is predicted from parts, on numbers that are easy to check by hand; and a comparison of one worker, for real."""

from __future__ import annotations

import os

import pytest

import labkit as tf
from labkit.errors import GraphError
from labkit.parallel.processes import Compared, Twin, compare
from labkit.parallel.processes import twin as twins
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
    (one,) = compare(step, examples(50), counts=[1], turns=3, each=5)
    assert one.twin.workers == 1
    assert one.twin.cores == len(os.sched_getaffinity(0))
    assert one.twin.all_reduce_seconds == one.twin.late_seconds == 0
    assert 0 < one.twin.compute_seconds == one.twin.step_seconds
    assert 0 < one.quartiles[0] <= one.measured_seconds <= one.quartiles[1]
    assert repr(one).startswith("<1 process: measured ")


def test_two_workers_are_simulated_from_their_parts(monkeypatch):
    """The medians of the parts, by hand; what stand-ins take longer than the sum of the others is lateness."""
    require_or_skip()
    seconds = {"whole": [9.0, 10, 12], "all_reduce": [1.0, 2, 3], "after_work": [8.5, 9, 9.5], "alone": [3.0, 4, 4]}
    moments = {what: [[100.0, 100 + one] for one in all_] for what, all_ in seconds.items()}
    monkeypatch.setattr(twins.Processes, "parts", lambda *_: [{**moments, "processor": [4.0, 5, 6]}, {}])
    monkeypatch.setattr(twins.os, "sched_getaffinity", lambda _: {0, 1})
    step = dense(lambda: tf.train.GradientDescentOptimizer(0.1))
    (two,) = compare(step, examples(50), counts=[2])
    assert two.twin == Twin(2, 4.0, 5.0, 2, 2.0, 2.0)
    assert two.twin.step_seconds == 9.0
    assert two.off == pytest.approx(-0.1)
    assert two.quartiles == (9.5, 11.0)


def test_bad_input():
    """Said before anything is started."""
    step = dense(lambda: tf.train.GradientDescentOptimizer(0.1))
    for wrong in ({"counts": [0]}, {"counts": []}, {"counts": [2.0]}, {"batch": 0}, {"turns": 1}, {"each": 0}):
        with pytest.raises(GraphError, match=r"must be a whole number|counts is"):
            compare(step, examples(50), **wrong)
