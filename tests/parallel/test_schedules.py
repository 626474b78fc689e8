"""Clocks of data parallelism against order statistics, and against reading the definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.errors import GraphError
from labkit.parallel import asynchronous, synchronous


@given(st.integers(1, 8), st.integers(1, 20), st.data())
def test_a_step_waits_for_the_nth(workers, steps, data):
    """Its time is the n-th smallest of n + b, and exactly n count."""
    backup = data.draw(st.integers(0, workers - 1))
    draws = np.array(data.draw(st.lists(st.lists(st.integers(0, 9), min_size=workers, max_size=workers),
                                        min_size=steps, max_size=steps)), float)  # fmt: skip
    run = synchronous(draws, backup, other_seconds=0.5)
    assert run.seconds.tolist() == [sorted(row)[workers - backup - 1] + 0.5 for row in draws.tolist()]
    assert run.counted.sum(axis=1).tolist() == [workers - backup] * steps
    assert all(row[mask == 0].min(initial=99) >= row[mask == 1].max()
               for row, mask in zip(draws, run.counted, strict=True))  # fmt: skip
    assert run.ends[-1] == pytest.approx(run.seconds.sum())


def test_order_statistics_of_the_exponential():
    """E[max of 50] = H50 = 4.50, and of 54 the 50th is H54 - H4 = 2.49."""
    rng = np.random.default_rng(0)
    assert synchronous(rng.exponential(size=(20_000, 50))).seconds.mean() == pytest.approx(4.499, rel=0.01)
    assert synchronous(rng.exponential(size=(20_000, 54)), 4).seconds.mean() == pytest.approx(2.492, rel=0.01)


@pytest.mark.parametrize("workers", [2, 7, 40])
def test_the_mean_staleness_of_equal_workers_is_one_less_than_they_are(workers):
    """As the docstring of SyncReplicasOptimizer says; after the first round, also with random durations."""
    rng = np.random.default_rng(1)
    run = asynchronous(workers, 200 * workers, lambda worker, turn: 1.0 + rng.exponential(0.2))
    assert run.staleness[workers:].mean() == pytest.approx(workers - 1, rel=0.02)


@given(st.integers(1, 5), st.lists(st.lists(st.integers(1, 4), min_size=13, max_size=13), min_size=5, max_size=5))
def test_asynchronous_is_what_the_definition_says(workers, table):
    """Versions by counting the updates that ended before each reading; ties go to the smaller worker."""
    run = asynchronous(workers, 12, lambda worker, turn: float(table[worker][turn]))
    events = sorted((sum(table[w][: turn + 1]), w, turn) for w in range(workers) for turn in range(13))[:12]
    assert run.workers.tolist() == [w for _, w, _ in events]
    assert run.ends.tolist() == [float(end) for end, _, _ in events]
    for number, (_, w, turn) in enumerate(events):
        before = next((n for n in range(number - 1, -1, -1) if run.workers[n] == w), None)
        assert run.reads[number] == (0 if turn == 0 else before + 1)
    assert np.all(np.diff(run.ends) >= 0)


def test_a_server_that_takes_its_time_makes_workers_wait():
    """Two workers of no compute time and a server of 1 s: an update a second, in turn."""
    run = asynchronous(2, 6, lambda worker, turn: 0.0, apply_seconds=1.0)
    assert run.ends.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert run.workers.tolist() == [0, 1, 0, 1, 0, 1]


def test_bad_input():
    """More backups than workers, no workers, times that are none."""
    with pytest.raises(GraphError, match="3 of 3 workers are to be backups"):
        synchronous(np.ones((2, 3)), 3)
    with pytest.raises(GraphError, match="finite and not negative"):
        synchronous(np.full((2, 3), np.nan))
    with pytest.raises(GraphError, match="0 workers"):
        asynchronous(0, 5, lambda worker, turn: 1.0)
