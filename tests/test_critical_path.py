"""What bounds a step: the longest chain against networkx, busy time against a sweep over the clock, the sentence."""

import itertools

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import labkit as tf
from labkit.critical_path import bound, busy_seconds, critical_path, dependencies, is_link, span
from labkit.trace import Event, Trace


@st.composite
def traces(draw, most=12):
    """Random programs on random devices: each op starts when its inputs are there, and its device is free or not."""
    count = draw(st.integers(1, most))
    devices = draw(st.integers(1, 3))
    events = []
    for i in range(count):
        makers = draw(st.lists(st.integers(0, i - 1), unique=True, max_size=3)) if i else []
        ready = max((events[m].end_seconds for m in makers), default=0.0)
        start = ready + draw(st.sampled_from([0.0, 0.5, 2.0]))
        duration = draw(st.integers(0, 16)) / 4
        inputs = tuple(f"n{m}:0" for m in makers) + ("fed:0",) * draw(st.booleans())
        device = f"/device:GPU:{draw(st.integers(0, devices - 1))}"
        events.append(Event(f"n{i}", draw(st.sampled_from("ABC")), device, start, duration, 4, inputs=inputs))
    return Trace(sorted(events, key=lambda event: (event.start_seconds, int(event.node[1:]))), simulated=True)


@given(traces())
def test_the_longest_chain_is_networkx_s(trace):
    """Each event is an edge as long as its duration, each dependency one of length zero."""
    number = {event.node: i for i, event in enumerate(trace.events)}
    graph = nx.DiGraph()
    for i, event in enumerate(trace.events):
        graph.add_edge((i, "start"), (i, "end"), weight=event.duration_seconds)
        for tensor in event.inputs:
            if tensor != "fed:0":
                graph.add_edge((number[tensor[:-2]], "end"), (i, "start"), weight=0.0)
    path = critical_path(trace)
    assert path.seconds == nx.dag_longest_path_length(graph)
    assert path.seconds == sum(trace.events[i].duration_seconds for i in path.events)
    for before, after in itertools.pairwise(path.events):
        assert trace.events[before].node + ":0" in trace.events[after].inputs
    assert path.seconds <= path.span_seconds
    assert path.share <= 1


@given(traces())
def test_dependencies_are_those_the_inputs_name(trace):
    number = {event.node: i for i, event in enumerate(trace.events)}
    expected = [tuple(sorted(number[t[:-2]] for t in event.inputs if t != "fed:0")) for event in trace.events]
    assert dependencies(trace) == expected


@given(traces())
def test_busy_time_is_what_a_clock_that_ticks_sees(trace):
    """All times are multiples of 1/4 s: a device is busy in a quarter if an event covers it."""
    for device, busy in busy_seconds(trace).items():
        quarters = np.arange(0, 4 * max(event.end_seconds for event in trace.events))
        covered = [
            any(4 * e.start_seconds <= q < 4 * e.end_seconds for e in trace.events if e.device == device)
            for q in quarters
        ]
        assert busy == sum(covered) / 4


def test_of_a_node_that_runs_often_the_run_that_had_ended_counts():
    """Microbatches: the second run of `a` is under way when `b` takes what the first made."""
    trace = Trace([
        Event("a", "A", "gpu 0", 0, 2, 4), Event("a", "A", "gpu 0", 2, 2, 4),
        Event("b", "B", "gpu 1", 2, 1, 4, inputs=("a:0",)), Event("b", "B", "gpu 1", 4, 1, 4, inputs=("a:0",)),
    ])  # fmt: skip
    assert dependencies(trace) == [(), (), (0,), (1,)]
    assert critical_path(trace).events == (0, 2)


def test_clocks_that_round_do_not_lose_a_dependency():
    """TensorFlow's StepStats count in microseconds: a consumer may seem to start before its producer ends."""
    trace = Trace([Event("a", "A", "cpu", 0, 2e-6, 4), Event("b", "B", "cpu", 1e-6, 1e-6, 4, inputs=("^a", "a:0"))])
    assert dependencies(trace) == [(), (0,)]


def test_a_measured_run_has_the_chain_of_its_graph():
    with tf.Graph().as_default():
        x = tf.constant(1.0, name="x")
        y = tf.exp(tf.exp(x, name="e1"), name="e2")
        _, trace = tf.Session().watch(tf.add(y, tf.constant(2.0, name="two"), name="sum"))
    path = critical_path(trace)
    nodes = [trace.events[i].node for i in path.events]
    assert nodes[-1] == "sum"
    assert not trace.simulated
    assert 0 < path.seconds <= path.span_seconds
    assert bound(trace).startswith("One device ran all 5 ops, one op after another, in ")


def test_no_events_is_no_chain():
    assert critical_path(Trace()).events == ()
    assert critical_path(Trace()).share == 0
    assert (span([]), busy_seconds(Trace()), bound(Trace())) == ((0, 0), {}, "Nothing here takes time.")


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([("a", "g0", 0, 10, ()), ("b", "g1", 10, 5, ("a:0",))], "The critical path bounds this step: its 2 ops"),
        ([("a", "g0", 0, 9, ()), ("c", "g0", 9, 9, ()), ("b", "g1", 9, 5, ("a:0",))], "The device g0 bounds this step"),
        ([("a", "x -> y", 0, 9, ()), ("c", "x -> y", 9, 9, ()), ("b", "y", 9, 5, ("a:0",))], "The link x -> y bounds"),
        ([("a", "g0", 0, 4, ()), ("b", "g1", 8, 4, ("a:0",))], "Waiting bounds this step: the busiest row, g0"),
        ([("a", "g0", 0, 4, ()), ("b", "g0", 4, 4, ("a:0",))], "One device ran all 2 ops, one op after another"),
        ([("a", "g0", 0, 4, ()), ("b", "g0", 0, 4, ())], "One device ran all 2 ops, several ops at once"),
    ],
)
def test_one_sentence_says_what_bounds_a_step(events, said):
    trace = Trace([Event(n, "Op", device, start, length, 4, inputs=i) for n, device, start, length, i in events])
    assert bound(trace).startswith(said)


def test_a_chain_on_one_device_is_called_one():
    chain = Trace([Event("a", "A", "g", 0, 1, 4), Event("b", "B", "g", 1.5, 1, 4, inputs=("a:0",))])
    assert "of which 500 ms passed between ops" in bound(chain)
    assert bound(chain).endswith("more devices would not make it shorter.")
    assert not is_link("g")


def test_rows_go_by_the_names_that_they_are_given():
    trace = Trace([Event("a", "A", "/device:GPU:0", 0, 1, 4), Event("b", "B", "/device:GPU:1", 2, 1, 4)])
    assert "row, GPU 0, works 33%" in bound(trace, {"/device:GPU:0": "GPU 0"})
    assert "row, /device:GPU:0, works" in bound(trace)
