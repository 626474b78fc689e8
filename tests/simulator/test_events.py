"""The event loop: order, time, calling off; and the sources of randomness."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.cluster import ClusterError
from labkit.simulator.events import LAST, Events, generator

WHEN = st.tuples(st.integers(0, 5).map(lambda n: n / 2), st.sampled_from([-1, 0, 0, 7, LAST]))


@given(st.lists(WHEN, max_size=40))
def test_things_happen_by_time_then_priority_then_as_they_were_asked_for(asked):
    events, seen = Events(), []
    for number, (seconds, priority) in enumerate(asked):
        events.at(seconds, lambda *what: seen.append((events.now, *what)), priority, number, priority=priority)
    assert len(events) == len(asked)
    end = events.run()
    assert seen == sorted((seconds, priority, number) for number, (seconds, priority) in enumerate(asked))
    assert (end, events.happened, len(events)) == (max((s for s, _ in asked), default=0.0), len(asked), 0)


@given(st.lists(st.tuples(WHEN, st.lists(WHEN, max_size=3)), max_size=12), st.data())
def test_time_never_runs_back_and_what_is_called_off_does_not_happen(plan, data):
    events, seen, handles, off = Events(), [], {}, set()

    def happen(name, then):
        seen.append((events.now, name))
        for number, (seconds, priority) in enumerate(then):
            child = (*name, number)
            handles[child] = events.after(seconds, happen, child, [], priority=priority)
        if data.draw(st.booleans()) and handles:
            other = data.draw(st.sampled_from(sorted(handles)))
            if handles[other].cancel():
                off.add(other)

    for number, ((seconds, priority), then) in enumerate(plan):
        handles[(number,)] = events.at(seconds, happen, (number,), then, priority=priority)
    events.run()
    times = [seconds for seconds, _ in seen]
    assert times == sorted(times)
    names = [name for _, name in seen]
    assert len(set(names)) == len(names)
    assert set(names) | off == set(handles)
    assert not set(names) & off


def test_a_handle_can_be_called_off_once_and_before_it_happens():
    events = Events()
    first, second = events.at(1.0, int), events.at(2.0, int)
    assert first.cancel()
    assert not first.cancel()
    assert events.next_seconds() == 2.0
    assert len(events) == 1
    events.run()
    assert not second.cancel()
    assert (events.happened, events.next_seconds()) == (1, None)


def test_the_clock_stops_where_it_should():
    events, seen = Events(), []
    for seconds in (1.0, 2.0, 3.0):
        events.at(seconds, seen.append, seconds)
    assert events.run(until=2.0) == 2.0  # what happens at 2 still happens
    assert seen == [1.0, 2.0]
    assert events.run(until=2.5) == events.now == 2.5
    assert events.run() == 3.0
    assert events.run(until=9.0) == 9.0


def test_an_error_in_what_happens_comes_out_and_the_rest_can_go_on():
    events, seen = Events(), []
    events.at(1.0, lambda: 1 / 0)
    events.at(2.0, seen.append, "after")
    with pytest.raises(ZeroDivisionError):
        events.run()
    assert events.now == 1.0
    events.run()
    assert seen == ["after"]


def late(events):
    """A thing that asks for what has passed."""
    events.at(0.5, late, events)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (late, r"late should happen at 0.5 s, but it is 1.0 s by now: time does not run back\."),
        (lambda e: e.after(-0.25, e.run), r"Events.run should happen at 0.75 s, but it is 1.0 s by now"),
        (lambda e: e.at(float("nan"), late), r"late should happen at nan s, which is no time\."),
        (lambda e: e.at(float("inf"), late), r"late should happen at inf s, which is no time\."),
        (lambda e: e.run(until=0.5), r"the simulation should run until 0.5 s, but it is 1.0 s by now"),
        (lambda e: e.run(until=float("inf")), r"the simulation should run until inf s, which is no time"),
    ],
)
def test_wrong_times_are_refused(wrong, message):
    events = Events()
    events.run(until=1.0)
    with pytest.raises(ClusterError, match=message):
        wrong(events)
    assert (len(events), events.now) == (0, 1.0)


def test_a_simulation_does_not_run_within_itself():
    events = Events()
    events.at(1.0, events.run)
    with pytest.raises(ClusterError, match="running already"):
        events.run()


def test_a_source_of_randomness_is_numpys_generator_with_a_hashed_seed():
    seed = int.from_bytes(hashlib.blake2b(b"7:failures", digest_size=16).digest(), "big")
    expected = np.random.Generator(np.random.PCG64(seed)).random(5)
    np.testing.assert_array_equal(generator("failures", 7).random(5), expected)


def test_sources_of_randomness_differ_by_name_and_by_seed():
    drawn = {(name, seed): generator(name, seed).random() for name in ("a", "b", "1:a") for seed in (0, 1, 11, -1)}
    assert len(set(drawn.values())) == len(drawn)
    assert generator("a", 0).random() == drawn["a", 0]


def test_a_seed_is_a_whole_number():
    with pytest.raises(ClusterError, match=r"the seed of 'failures' is 1.5; it must be a whole number"):
        generator("failures", 1.5)
