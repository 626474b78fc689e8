"""Clocks with failures: against the plain schedules, against the definition, and what must hold whatever fails."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.errors import GraphError
from labkit.parallel.faults import Fault, Outages, Recovery
from labkit.parallel.schedules import asynchronous, synchronous
from labkit.parallel.timeline_async import asynchronous_timeline
from labkit.parallel.timeline_sync import synchronous_timeline
from labkit.simulator.stragglers import Failures

WORKERS = 4
RECOVERY = Recovery(heartbeat_seconds=1, timeout_seconds=3, restart_seconds=2, checkpoint_updates=5)


def uneven(worker, turn):
    return 1.0 + 0.25 * worker + float((worker * 7 + turn * 3) % 5)


def row(step):
    return np.array([uneven(worker, step) for worker in range(WORKERS)])


def test_without_failures_both_are_the_plain_schedules():
    """The same times, the same versions."""
    plain = asynchronous(WORKERS, 200, uneven, 0.5, 0.25)
    span = asynchronous_timeline(200, WORKERS, uneven, 0.5, 0.25).spans[0]
    assert plain.workers.tolist() == span.workers.tolist()
    assert plain.reads.tolist() == span.reads[:, 0].tolist()
    assert plain.staleness.tolist() == span.staleness.tolist()
    np.testing.assert_allclose(plain.ends, span.ends)
    steps = synchronous(np.array([row(step) for step in range(50)]), 1, 0.5)
    time = synchronous_timeline(50, WORKERS, row, 1, 0.5)
    np.testing.assert_allclose(steps.ends, time.spans[0].ends)
    assert steps.counted.tolist() == time.spans[0].counted.tolist()
    assert (time.dropped, time.lost_gradients, time.lost_seconds) == (50, 0, 0.0)


def test_downpour_fetches_and_pushes_when_it_should():
    """Against a loop in small steps of time: 1 s a gradient, worker w begins w / 8 s late by its first gradient."""
    n_fetch, n_push, workers = 3, 2, 3

    def seconds(worker, turn):
        return 1.0 + worker / 8 if turn == 0 else 1.0

    span = asynchronous_timeline(40, workers, seconds, n_fetch=n_fetch, n_push=n_push).spans[0]
    assert span.workers.tolist() == [number % workers for number in range(40)]
    for number in range(40):
        worker, push = number % workers, number // workers
        for place in range(n_push):
            turn = push * n_push + place
            assert span.turns[number, place] == turn
            begins = 0.0 if turn == 0 else turn + worker / 8
            # A worker's own update comes first; that of others at the same instant does not happen here.
            there = sum(2.0 * (n // workers + 1) + (n % workers) / 8 <= begins for n in range(40))
            assert span.reads[number, place] == (there if turn % n_fetch == 0 else -1)


def test_a_dead_worker_is_noticed_a_time_out_after_its_last_heartbeat():
    """Dies at 12.5 s, last heard of at 12 s, given up at 15 s, replaced at 17 s; async goes on meanwhile."""
    outages = Outages([Fault(12.5, "worker 1")], WORKERS, 1, RECOVERY)
    time = asynchronous_timeline(100, WORKERS, lambda w, t: 1.0, outages=outages, recovery=RECOVERY)
    told = [(h.seconds, h.kind, h.who) for h in time.happenings if h.kind != "checkpoint"]
    assert told == [(12.5, "died", "worker 1"), (15.0, "noticed", "worker 1"), (17.0, "restarted", "worker 1")]
    span = time.spans[0]
    assert span.ends[span.workers == 1].tolist() == [*range(1, 13), *range(18, 27)]
    assert span.ends[span.workers == 0].tolist() == [*map(float, range(1, 28))]
    assert time.lost_gradients == 1
    assert time.lost_updates == 0


def test_b_dead_workers_cost_no_step_and_one_more_stalls():
    """Of four workers one is a backup: one dead changes no time; with two the step waits for the first to be back."""
    usual = synchronous_timeline(30, WORKERS, lambda s: np.ones(WORKERS), 1)
    one = Outages([Fault(5.5, "worker 2", 4.0)], WORKERS, 1, RECOVERY)
    time = synchronous_timeline(30, WORKERS, lambda s: np.ones(WORKERS), 1, outages=one, recovery=RECOVERY)
    assert time.spans[0].ends.tolist() == usual.spans[0].ends.tolist()
    assert time.lost_seconds == 0
    assert time.spans[0].counted[5:9, 2].tolist() == [0, 0, 0, 0]
    two = Outages([Fault(5.5, "worker 2", 2.5), Fault(5.75, "worker 0", 2.75)], WORKERS, 1, RECOVERY)
    time = synchronous_timeline(30, WORKERS, lambda s: np.ones(WORKERS), 1, outages=two, recovery=RECOVERY)
    assert time.spans[0].ends[:8].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 9.0, 10.0, 11.0]
    assert time.lost_seconds == 3.0


def test_a_dead_server_takes_all_back_to_the_checkpoint():
    """Updates of 1 s, saved after each fifth; it dies at 13.5 s, is given up at 16 and replaced at 18 s."""
    outages = Outages([Fault(13.5, "server 0")], WORKERS, 1, RECOVERY)
    time = synchronous_timeline(20, WORKERS, lambda s: np.ones(WORKERS), outages=outages, recovery=RECOVERY)
    before, after = time.spans
    assert (len(before.ends), before.kept, after.first, len(after.ends), time.updates) == (13, 10, 10, 10, 20)
    assert after.ends.tolist() == [*map(float, range(19, 29))]
    assert time.lost_updates == 3
    assert time.lost_gradients == WORKERS
    assert time.lost_seconds == 18 - 10
    assert "restored" in [h.kind for h in time.happenings]
    slow = asynchronous_timeline(20, 1, lambda w, t: 1.0, recovery=RECOVERY,
                                 outages=Outages([Fault(13.5, "server 0")], 1, 1, RECOVERY))  # fmt: skip
    assert [len(span.ends) for span in slow.spans] == [13, 10]
    assert slow.spans[1].ends[0] == 19.0
    assert slow.lost_seconds == 8.0


def test_a_ring_breaks_with_one_worker():
    """Of an all-reduce every member is needed: its death costs what a server's does."""
    outages = Outages([Fault(13.5, "worker 1")], WORKERS, 0, RECOVERY)
    time = synchronous_timeline(20, WORKERS, lambda s: np.ones(WORKERS), outages=outages, recovery=RECOVERY,
                                all_reduce=True)  # fmt: skip
    assert time.lost_updates == 3
    assert time.spans[1].ends[0] == 19.0


def test_who_is_not_replaced_is_gone_on_without():
    """Given up at 8 s; the step that waited for it ends then, and the next ones need three."""
    recovery = Recovery(heartbeat_seconds=1, timeout_seconds=3, replace=False, checkpoint_updates=5)
    outages = Outages([Fault(5.5, "worker 2")], WORKERS, 1, recovery)
    time = synchronous_timeline(10, WORKERS, lambda s: np.ones(WORKERS), outages=outages, recovery=recovery)
    assert time.spans[0].ends.tolist() == [1, 2, 3, 4, 5, 8, 9, 10, 11, 12]
    assert time.spans[0].counted[5:].sum(axis=1).tolist() == [3] * 5


def test_a_cut_link_holds_up_what_crosses_it():
    """The gradient is not lost: it comes when the link is back."""
    outages = Outages([Fault(2.5, "link of worker 0", 4.0)], 2, 1, RECOVERY)
    time = asynchronous_timeline(12, 2, lambda w, t: 1.0, outages=outages, recovery=RECOVERY)
    span = time.spans[0]
    assert span.ends[span.workers == 0].tolist() == [1.0, 2.0, 6.5, 7.5]
    assert time.lost_gradients == 0
    time = synchronous_timeline(4, 2, lambda s: np.ones(2), outages=outages, recovery=RECOVERY)
    assert time.spans[0].ends.tolist() == [1.0, 2.0, 6.5, 7.5]


def test_a_link_that_is_cut_for_good_leaves_its_worker_out():
    """In both ways: it cannot send what it has, and it cannot fetch."""
    for at in (2.5, 2.0):
        outages = Outages([Fault(at, "link of worker 0")], 2, 1, RECOVERY)
        span = asynchronous_timeline(12, 2, lambda w, t: 1.0, outages=outages, recovery=RECOVERY).spans[0]
        assert span.ends[span.workers == 0].tolist() == ([1.0, 2.0] if at > 2 else [1.0])
        assert (span.workers == 1).sum() == 12 - (span.workers == 0).sum()


def test_faults_while_something_is_down_already_change_nothing():
    """It cannot fail twice at a time."""
    line = Outages([Fault(1.0, "worker 0", 2.0), Fault(2.0, "worker 0", 9.0), Fault(5.0, "worker 0", 1.0)], 1, 0,
                   Recovery(1, 10)).of("worker 0")  # fmt: skip
    assert [line.after(time).start for time in (0.0, 2.5, 3.5)] == [1.0, 1.0, 5.0]
    assert line.after(6.0) is None


def test_a_run_ends_when_nobody_is_left():
    """Nobody is replaced, and both are dead for good."""
    recovery = Recovery(replace=False)
    outages = Outages([Fault(2.5, "worker 0"), Fault(3.5, "worker 1")], 2, 1, recovery)
    time = asynchronous_timeline(50, 2, lambda w, t: 1.0, outages=outages, recovery=recovery)
    assert (time.updates, time.happenings[-1].kind) == (5, "ended")
    time = synchronous_timeline(50, 2, lambda s: np.ones(2), outages=outages, recovery=recovery)
    assert (time.updates, time.happenings[-1].kind) == (3, "ended")  # the second gradient came before its worker died


FAULTS = st.lists(
    st.builds(
        Fault, st.integers(0, 400).map(lambda n: n / 8),
        st.sampled_from([*(f"worker {n}" for n in range(WORKERS)), "server 0", "link of worker 1"]),
        st.one_of(st.none(), st.integers(1, 80).map(lambda n: n / 8)),
    ), max_size=8,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(FAULTS, st.integers(1, 3), st.integers(1, 3), st.booleans())
def test_whatever_fails_time_goes_forward_and_no_example_counts_twice(faults, n_fetch, n_push, replace):
    """Asynchronous: each turn of each worker is applied once at most, from a version that was there."""
    recovery = Recovery(1, 3, 2, replace, checkpoint_updates=4)
    runs = [
        asynchronous_timeline(30, WORKERS, uneven, 0.125, 0.25, n_fetch, n_push,
                              Outages(faults, WORKERS, 1, recovery), recovery) for _ in range(2)
    ]  # fmt: skip
    time = runs[0]
    assert time.happenings == runs[1].happenings
    ends = np.concatenate([span.ends for span in time.spans])
    assert np.all(np.diff(ends) >= 0)
    assert [h.seconds for h in time.happenings] == sorted(h.seconds for h in time.happenings)
    taken = [(int(w), int(t)) for span in time.spans
             for w, turns in zip(span.workers, span.turns, strict=True) for t in turns]  # fmt: skip
    assert len(taken) == len(set(taken))
    assert all(np.all(span.reads <= np.arange(len(span.ends))[:, None]) for span in time.spans)
    assert time.updates == 30 or time.happenings[-1].kind == "ended"
    assert 0 <= time.lost_seconds <= max(time.seconds, *(h.seconds for h in time.happenings), 0.0) + 1e-9
    for before, after in zip(time.spans, time.spans[1:], strict=False):
        assert after.first == before.first + before.kept


@settings(max_examples=60, deadline=None)
@given(FAULTS, st.integers(0, 2), st.booleans(), st.booleans())
def test_synchronous_steps_count_each_gradient_once(faults, backup, replace, all_reduce):
    """Time goes forward, each step takes its own turn, and no step is shorter than without failures."""
    recovery = Recovery(1, 3, 2, replace, checkpoint_updates=4)
    time = synchronous_timeline(20, WORKERS, row, backup, 0.25, Outages(faults, WORKERS, 1, recovery), recovery,
                                all_reduce)  # fmt: skip
    ends = np.concatenate([span.ends for span in time.spans])
    turns = np.concatenate([span.turns[:, 0] for span in time.spans])
    assert np.all(np.diff(ends) > 0)
    assert len(set(turns.tolist())) == len(turns)
    assert time.updates == 20 or time.happenings[-1].kind == "ended"
    counted = np.concatenate([span.counted for span in time.spans])
    if replace:
        assert counted.sum(axis=1).tolist() == [WORKERS - backup] * len(counted)
    if replace and len(ends):
        plain = synchronous(np.array([row(turn) for turn in turns]), backup, 0.25)
        assert np.all(np.diff(ends, prepend=0.0) >= plain.seconds - 1e-9)
    if not faults:
        assert time.lost_seconds == 0


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 50), st.integers(0, 1000))
def test_drawn_failures_are_those_of_the_model(mean, seed):
    """Machine by machine: another machine's failures do not change one's own."""
    recovery = Recovery(1, 3, 1000, checkpoint_updates=4)
    model = {"worker": Failures(float(mean), 2.0)}
    few = Outages([], 2, 0, recovery, model, seed).of("worker 1")
    many = Outages([Fault(3.0, "worker 0")], 9, 0, recovery, model, seed).of("worker 1")
    time, seen = 0.0, []
    for _ in range(20):
        outage = few.after(time)
        assert outage == many.after(time)
        assert outage.end == pytest.approx(outage.start + 2.0)
        seen.append(outage.start - time)
        time = outage.end
    assert min(seen) >= 0


def test_failures_have_the_mean_that_was_asked_for():
    """2,000 of them."""
    line = Outages([], 1, 0, RECOVERY, {"worker": Failures(50.0, 1.0)}, 7).of("worker 0")
    time, gaps = 0.0, []
    for _ in range(2000):
        outage = line.after(time)
        gaps.append(outage.start - time)
        time = outage.end
    assert np.mean(gaps) == pytest.approx(50.0, rel=0.08)


def test_bad_input():
    """What cannot fail, what is not there, and failures that undo everything."""
    with pytest.raises(GraphError, match="'woker 3' cannot fail"):
        Fault(1.0, "woker 3")
    with pytest.raises(GraphError, match=r"'worker 4' is to fail; there is 0 to 3"):
        Outages([Fault(1.0, "worker 4")], 4, 1, RECOVERY)
    with pytest.raises(GraphError, match="'server 0' is to fail; there is none"):
        Outages([Fault(1.0, "server 0")], 4, 0, RECOVERY)
    with pytest.raises(GraphError, match="failures of 'disk'"):
        Outages([], 4, 0, RECOVERY, {"disk": Failures(1.0, 1.0)})
    with pytest.raises(GraphError, match="machines that live would be given up"):
        Recovery(10, 5)
    never = Recovery(checkpoint_seconds=None)
    often = Outages([], 1, 1, never, {"server": Failures(3.0, 1.0)})
    with pytest.raises(GraphError, match="before it is saved"):
        asynchronous_timeline(100, 1, lambda w, t: 1.0, outages=often, recovery=never)
    assert math.isinf(Outages([Fault(1.0, "worker 0", 1.0)], 1, 0, never).of("worker 0").after(0.0).noticed)


@pytest.mark.parametrize("kind", ["worker", "server"])
def test_machines_that_never_get_through_are_an_error_and_no_endless_run(kind):
    """A gradient takes 100 s, and they live for one."""
    recovery = Recovery(0.5, 1.0, 0.0, checkpoint_updates=1)
    outages = Outages([], 2, 1, recovery, {kind: Failures(1.0, 0.5)}, 3)
    message = "it takes longer than they live" if kind == "worker" else "of 0 updates only 0 are left"
    with pytest.raises(GraphError, match=message):
        asynchronous_timeline(5, 2, lambda w, t: 100.0, outages=outages, recovery=recovery)
    with pytest.raises(GraphError, match=message):
        synchronous_timeline(5, 2, lambda s: np.full(2, 100.0), outages=outages, recovery=recovery)
