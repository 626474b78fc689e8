"""Pipelines against the formula, against longest paths, and against what a pipeline must never do."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.cluster import ready
from labkit.cluster.errors import ClusterError
from labkit.critical_path import critical_path, is_link
from labkit.parallel import Pipeline, bubble_share
from labkit.parallel.pipeline import order_of
from labkit.simulator import simulate
from labkit.workload import Workload, WorkNode

TIMES = st.sampled_from([0.25, 0.5, 1.0, 1.5, 2.0, 3.0])


@st.composite
def runs(draw: st.DrawFn) -> Any:
    """A run of any schedule, on stages that may differ."""
    schedule = draw(st.sampled_from(["forward", "gpipe", "1f1b", "interleaved"]))
    p = draw(st.integers(1, 5))
    m = draw(st.integers(1, 3)) * p if schedule == "interleaved" else draw(st.integers(1, 9))
    chunks = draw(st.integers(1, 3)) if schedule == "interleaved" else 1
    each = st.lists(TIMES, min_size=p, max_size=p)
    pipeline = Pipeline(p, m, draw(each), draw(each), transfer=draw(st.sampled_from([0.0, 0.125, 2.0])))
    return pipeline.run(schedule, chunks)


@given(runs())
@settings(max_examples=80)
def test_every_microbatch_passes_all_stages_and_no_stage_does_two_things(run: Any) -> None:
    """Forward through all chunks of all stages, then backward the same way; each at most one at a time."""
    p, m, v = run.pipeline.stages, run.pipeline.microbatches, run.chunks
    way = [(s, c) for c in range(v) for s in range(p)]
    spans: dict[Any, tuple[float, float]] = {}
    for stage, order in enumerate(run.orders):
        events = run.of_stage(stage)
        assert len(events) == len(order) == m * v * (1 if run.schedule == "forward" else 2)
        for before, after in itertools.pairwise(events):
            assert before.end_seconds <= after.start_seconds + 1e-9
        for event, piece in zip(events, order, strict=True):
            assert event.op == ("backward" if piece.backward else "forward")
            assert event.node.endswith(f"_{piece.microbatch}")
            spans[stage, piece.chunk, piece.microbatch, piece.backward] = (event.start_seconds, event.end_seconds)
    for i in range(m):
        passes = [(s, c, i, False) for s, c in way]
        passes += [] if run.schedule == "forward" else [(s, c, i, True) for s, c in reversed(way)]
        for before, after in itertools.pairwise(passes):
            travel = run.pipeline.transfer if before[0] != after[0] else 0.0
            assert spans[before][1] + travel <= spans[after][0] + 1e-9
    for row in {e.device for e in run.trace.events if is_link(e.device)}:
        on_link = sorted((e.start_seconds, e.end_seconds) for e in run.trace.events if e.device == row)
        assert all(a[1] <= b[0] + 1e-9 for a, b in itertools.pairwise(on_link))


@given(runs())
@settings(max_examples=60)
def test_nothing_starts_later_than_it_must(run: Any) -> None:
    """The longest path through what each piece needs, its stage and its link, found by networkx, is the time."""
    graph = nx.DiGraph()
    rows: dict[str, list[Any]] = {}
    for event in run.trace.events:
        rows.setdefault(event.device, []).append(event)
        for tensor in event.inputs:
            graph.add_edge(tensor.removesuffix(":0"), event.node)
    for events in rows.values():
        graph.add_nodes_from(event.node for event in events)
        graph.add_edges_from((a.node, b.node) for a, b in itertools.pairwise(events))
    took = {event.node: event.duration_seconds for event in run.trace.events}
    ends: dict[str, float] = {}
    for node in nx.topological_sort(graph):
        ends[node] = took[node] + max((ends[before] for before in graph.predecessors(node)), default=0.0)
    assert {e.node: pytest.approx(e.end_seconds) for e in run.trace.events} == ends


@pytest.mark.parametrize("schedule", ["gpipe", "1f1b"])
@pytest.mark.parametrize("ratio", [0.5, 1.0, 2.0, 3.0])
def test_the_bubble_is_that_of_the_formula(schedule: str, ratio: float) -> None:
    """(p - 1) / (m + p - 1) with equal stages, whatever backward costs; and the time is (m + p - 1)(f + b)."""
    for p in range(1, 9):
        for m in (1, 2, 3, 5, 8, 32):
            run = Pipeline(p, m, 1.0, ratio).run(schedule)
            assert run.bubble == pytest.approx((p - 1) / (m + p - 1), abs=1e-12)
            assert run.seconds == pytest.approx((m + p - 1) * (1 + ratio))
            assert bubble_share(p, m) == (p - 1) / (m + p - 1)


@pytest.mark.parametrize("chunks", [1, 2, 3, 5])
def test_the_bubble_of_chunks(chunks: int) -> None:
    """(p - 1) / (v m + p - 1)."""
    for p in (1, 2, 3, 4, 6):
        for m in (p, 2 * p, 4 * p):
            for backward in (0.5, 1.0, 2.0):
                run = Pipeline(p, m, 1.0, backward).run("interleaved", chunks)
                assert run.bubble == pytest.approx((p - 1) / (chunks * m + p - 1), abs=1e-12)


def test_what_stages_keep() -> None:
    """GPipe all m microbatches, 1F1B min(m, p - s), chunks (2 (p - 1 - s) + (v - 1) p + 1) / v of them."""
    for p, m in ((1, 4), (3, 2), (4, 8), (4, 16)):
        pipeline = Pipeline(p, m, activation_bytes=100.0)
        peaks = {s: [c.peak for c in pipeline.run(s).memory.values()] for s in ("forward", "gpipe", "1f1b")}
        assert peaks["forward"] == [100.0] * p
        assert peaks["gpipe"] == [100.0 * m] * p
        assert peaks["1f1b"] == [100.0 * min(m, p - s) for s in range(p)]
    chunked = Pipeline(4, 16).run("interleaved", 2)
    assert [c.peak for c in chunked.memory.values()] == [(2 * (3 - s) + 4 + 1) / 2 for s in range(4)]


@given(runs(), st.data())
@settings(max_examples=40)
def test_memory_is_what_counting_says(run: Any, data: st.DataObject) -> None:
    """At any time: chunks whose forward has started and whose backward has not ended; nothing at the end."""
    at = data.draw(st.floats(0.0, run.seconds))
    for stage, curve in enumerate(run.memory.values()):
        events = run.of_stage(stage)
        last = "forward" if run.schedule == "forward" else "backward"
        started = sum(e.op == "forward" and e.start_seconds <= at for e in events)
        ended = sum(e.op == last and e.end_seconds <= at for e in events)
        assert curve.at(at) == pytest.approx((started - ended) / run.chunks)
        assert curve.bytes[-1] == 0.0


def test_the_lstm_wavefront() -> None:
    """Twenty steps of four layers: 23 cell times against 80; also by the recurrence, and by the cluster simulator."""

    @functools.cache
    def ends(step: int, layer: int) -> int:
        """When a cell has ended: after the step before and the layer below."""
        return 0 if step < 0 or layer < 0 else 1 + max(ends(step - 1, layer), ends(step, layer - 1))

    run = Pipeline(stages=4, microbatches=20).run("forward")
    assert run.seconds == ends(19, 3) == 23
    assert run.serial_seconds == 80
    assert run.bubble == pytest.approx(3 / 23)
    cells: list[WorkNode] = []
    for t in range(20):
        for d in range(4):
            before = [f"cell_{a}_{b}:0" for a, b in ((t - 1, d), (t, d - 1)) if min(a, b) >= 0]
            cells.append(WorkNode(f"cell_{t}_{d}", "LSTM", tuple(before)))
    places = {node.name: f"/device:GPU:{node.name[-1]}" for node in cells}
    simulated = simulate(Workload(tuple(cells)), places, ready("gpu_server"), seconds=lambda *_: 1.0)
    assert simulated.seconds == pytest.approx(23, rel=1e-4)  # and the latency of links


def test_one_slow_stage_is_what_all_wait_for() -> None:
    """A stage of 3 among stages of 1: m = 20 of them in a row, and the others at the ends."""
    run = Pipeline(3, 20, [1.0, 3.0, 1.0]).run("forward")
    assert run.seconds == 1 + 20 * 3 + 1
    assert run.busy_seconds == (20.0, 60.0, 20.0)


def test_transfers_fill_and_empty_the_pipeline_more_slowly() -> None:
    """GPipe with transfers of 0.5: p - 1 of them on the way there, and as many back; none where there is one stage."""
    plain, slow = Pipeline(4, 6, 1.0, 1.0).run("gpipe"), Pipeline(4, 6, 1.0, 1.0, transfer=0.5).run("gpipe")
    assert slow.seconds == plain.seconds + 2 * 3 * 0.5
    assert sum(e.op == "_Recv" for e in slow.trace.events) == 2 * 3 * 6
    assert Pipeline(1, 6, transfer=9.0).run("gpipe").seconds == 6 * 3


def test_the_trace() -> None:
    """Simulated, rows by device in the order of time; the critical path of a full pipeline leads through its ends."""
    run = Pipeline(2, 1, 1.0, 2.0, transfer=0.25, devices=["/gpu:0", "/gpu:1"], activation_bytes=10.0).run("gpipe")
    assert run.trace.simulated
    assert [(e.node, e.device, e.start_seconds, e.duration_seconds) for e in run.trace.events] == [
        ("stage_0/forward_0", "/gpu:0", 0.0, 1.0),
        ("stage_1/forward_0/receive", "/gpu:0 -> /gpu:1", 1.0, 0.25),
        ("stage_1/forward_0", "/gpu:1", 1.25, 1.0),
        ("stage_1/backward_0", "/gpu:1", 2.25, 2.0),
        ("stage_0/backward_0/receive", "/gpu:1 -> /gpu:0", 4.25, 0.25),
        ("stage_0/backward_0", "/gpu:0", 4.5, 2.0),
    ]
    assert run.trace.events[0].output_bytes == 10
    path = critical_path(run.trace)
    assert path.seconds == run.seconds == 6.5
    assert run.picture().splitlines()[0].startswith("/gpu:0 F0 F0")


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Pipeline(0, 4), "the number of stages is 0"),
        (lambda: Pipeline(4, 2.5), "the number of microbatches is 2.5"),
        (lambda: Pipeline(3, 4, [1.0, 2.0]), "the forward time is given for 2 stages, and there are 3"),
        (lambda: Pipeline(2, 4, [1.0, -2.0]), "the forward time of stage 1 is -2.0 seconds"),
        (lambda: Pipeline(2, 4, transfer=-1.0), "the time of a transfer is -1.0"),
        (lambda: Pipeline(2, 4, activation_bytes="many"), "what is kept"),
        (lambda: Pipeline(2, 4, devices=["a"]), "2 stages need as many devices"),
        (lambda: Pipeline(2, 4).run("2f2b"), "no schedule of a pipeline called '2f2b'"),
        (lambda: Pipeline(2, 4).run("1f1b", 2), "'1f1b' is one piece, not 2 chunks"),
        (lambda: Pipeline(4, 6).run("interleaved", 2), "in groups of 4.* 6 is no multiple"),
        (lambda: bubble_share(4, 0), "the number of microbatches is 0"),
    ],
)
def test_errors(make: Any, text: str) -> None:
    """What makes no pipeline says so."""
    with pytest.raises(ClusterError, match=text):
        make()


def test_orders() -> None:
    """What the papers draw: GPipe's fill and drain, 1F1B's first and last stage, Megatron's groups."""

    def names(order: Any) -> str:
        """F for forward, B for backward, the microbatch, and a letter for the chunk."""
        return " ".join(f"{'FB'[piece.backward]}{piece.microbatch}{'ab'[piece.chunk]}" for piece in order)

    assert names(order_of("gpipe", 2, 3)[1]) == "F0a F1a F2a B2a B1a B0a"
    assert names(order_of("1f1b", 3, 4)[0]) == "F0a F1a F2a B0a F3a B1a B2a B3a"
    assert names(order_of("1f1b", 3, 4)[2]) == "F0a B0a F1a B1a F2a B2a F3a B3a"
    assert names(order_of("interleaved", 2, 2, 2)[1]) == "F0a F1a F0b B0b F1b B1b B0a B1a"
    assert all(len(set(order)) == 16 for order in order_of("interleaved", 2, 4, 2))
    assert np.all([len(order) == 8 for order in order_of("gpipe", 5, 4)])
