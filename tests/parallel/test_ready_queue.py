"""The ready queue: against a queue written down here, networkx, bounds that hold for any graph, and the simulator."""

from __future__ import annotations

import re
from collections import deque
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labkit as tf
from labkit.cluster import ClusterError
from labkit.errors import FeedError, GraphError
from labkit.parallel import ReadyQueue, ready_queue
from labkit.workload import Workload, WorkNode

SECONDS = {"MatMul": 1.0}


def chains(count: int, length: int) -> Any:
    """So many chains of products that need nothing of each other."""
    ends = []
    for chain in range(count):
        y = tf.ones([2, 2])
        for n in range(length):
            y = tf.matmul(y, y, name=f"chain{chain}/product{n}")
        ends.append(y)
    return ends


def test_two_chains_need_half_the_time_on_two_workers_and_one_chain_does_not() -> None:
    """The same number of products, as two chains and as one."""
    with tf.Graph().as_default():
        two, one = chains(2, 6), chains(1, 12)
        times = {
            (name, workers): ready_queue(ends, workers=workers, seconds=SECONDS).seconds
            for name, ends in (("two", two), ("one", one))
            for workers in (1, 2, 3)
        }
    assert times == {
        ("two", 1): 12.0, ("two", 2): 6.0, ("two", 3): 6.0, ("one", 1): 12.0, ("one", 2): 12.0, ("one", 3): 12.0
    }  # fmt: skip


def test_who_runs_what() -> None:
    """Each of two workers keeps to a chain; one worker takes turns, for the queue is first in, first out."""
    with tf.Graph().as_default():
        ends = chains(2, 3)
        two, one = (ready_queue(ends, workers=n, seconds=SECONDS) for n in (2, 1))
    products = [event for event in two.trace.events if event.op == "MatMul"]
    assert {(event.device, event.node.partition("/")[0]) for event in products} == {
        ("worker 0", "chain0"), ("worker 1", "chain1")
    }  # fmt: skip
    order = [event.node for event in one.trace.events if event.op == "MatMul"]
    assert order == [f"chain{chain}/product{n}" for n in range(3) for chain in range(2)]
    assert one.at(0.5).ready == ("chain1/product0",)
    assert one.at(0.5).pending == {f"chain{c}/product{n}": 1 for c in range(2) for n in (1, 2)}
    assert one.lengths == ((0.0, 1), (1.0, 1), (2.0, 1), (3.0, 1), (4.0, 1), (5.0, 0), (6.0, 0))


def test_a_training_step_has_more_to_do_at_once_than_its_forward_pass() -> None:
    """Forward a chain; backward each layer has two products that do not need each other."""
    with tf.Graph().as_default():
        y = tf.placeholder(tf.float32, [16, 8])
        feeds = {y: [16, 8]}
        for n in range(4):
            y = tf.matmul(y, tf.get_variable(f"w{n}", [8, 8]))
        step = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(y))
        forward = ready_queue(y, feeds, workers=2, seconds=SECONDS)
        whole = ready_queue(step, feeds, workers=2, seconds=SECONDS)
    assert (forward.work_seconds, forward.span_seconds, forward.seconds) == (4.0, 4.0, 4.0)
    # Four products forward, then two for each layer but the first, whose input needs no gradient.
    assert (whole.work_seconds, whole.span_seconds, whole.seconds) == (11.0, 8.0, 8.0)


@st.composite
def steps(draw: st.DrawFn) -> Workload:
    """A step of any shape, whose ops take between zero and three seconds."""
    count = draw(st.integers(1, 14))
    nodes = []
    for number in range(count):
        needs = draw(st.sets(st.integers(0, number - 1), max_size=3)) if number else set()
        seconds = draw(st.sampled_from([0.0, 0.0, 1.0, 1.0, 2.0, 0.75, 2.5]))
        inputs = tuple(f"^n{need}" for need in sorted(needs))
        nodes.append(WorkNode(f"n{number}", "Op", inputs, flops=seconds))
    return Workload(tuple(nodes))


def plain_queue(work: Workload, workers: int) -> dict[str, float]:
    """When each op starts: a queue, some clocks, nothing else."""
    took = {node.name: node.flops for node in work.nodes}
    left = {node.name: set(node.needs) for node in work.nodes}
    start: dict[str, float] = {}
    running: list[tuple[float, str]] = []
    queue: deque[str] = deque()
    now = 0.0
    while len(start) < len(took) or running:
        settled, new = False, list[str]()
        while not settled:
            settled = True
            for name, needs in left.items():
                if not needs and name not in start and name not in queue and name not in new:
                    if took[name]:
                        new.append(name)
                    else:
                        start[name], settled = now, False
                        for others in left.values():
                            others.discard(name)
        queue.extend(sorted(new, key=list(took).index))
        while queue and len(running) < workers:
            name = queue.popleft()
            start[name] = now
            running.append((now + took[name], name))
        if running:
            now = min(running)[0]
            for end, name in [entry for entry in running if entry[0] == now]:
                running.remove((end, name))
                for needs in left.values():
                    needs.discard(name)
    return start


def by_flops(node: WorkNode, *_: Any) -> float:
    """Seconds as the step was drawn."""
    return node.flops


@settings(max_examples=150, deadline=None)
@given(steps(), st.integers(1, 4))
def test_any_step(work: Workload, workers: int) -> None:
    """What the queue must do at every moment, how long it may take, and that a plain queue does the same."""
    watched = ready_queue(work, workers=workers, seconds=by_flops)
    plain = plain_queue(work, workers)
    names, took = {node.name for node in work.nodes}, {node.name: node.flops for node in work.nodes}
    place = {node.name: number for number, node in enumerate(work.nodes)}
    assert {event.node: event.start_seconds for event in watched.trace.events} == pytest.approx(plain)
    ended = {event.node: event.end_seconds for event in watched.trace.events}
    queue: list[str] = []
    for number, moment in enumerate(watched):
        states = [*moment.pending, *moment.ready, *moment.running, *moment.done]
        assert sorted(states) == sorted(names), "each op is pending, ready, running or done"
        done = set(moment.done)
        for node in work.nodes:
            missing = [need for need in node.needs if need not in done]
            assert len(missing) == moment.pending.get(node.name, 0)
        if not number:
            assert not moment.running
            assert not moment.done
            continue
        assert len(set(moment.running.values())) == len(moment.running) <= workers
        assert len(moment.running) == workers or not moment.ready, "nobody stands idle while an op is ready"
        assert all(took[name] for name in (*moment.ready, *moment.running)), "what takes no time does not wait"
        since = {n: max((ended[need] for need in work.node(n).needs), default=0.0) for n in moment.ready}
        assert list(moment.ready) == sorted(moment.ready, key=lambda n: (round(since[n], 9), place[n]))
        kept = [name for name in queue if name in moment.ready]
        assert list(moment.ready[: len(kept)]) == kept == queue[len(queue) - len(kept) :], "first in, first out"
        queue = list(moment.ready)
    assert set(watched[-1].done) == names
    least, most = watched.bounds
    assert most is not None
    assert least - 1e-9 <= watched.seconds <= most + 1e-9
    graph = nx.DiGraph()
    for node in work.nodes:
        graph.add_edge(("in", node.name), ("out", node.name), weight=node.flops)
        graph.add_edges_from(((("out", need), ("in", node.name)) for need in node.needs), weight=0.0)
    assert watched.span_seconds == pytest.approx(nx.dag_longest_path_length(graph))
    assert watched.work_seconds == pytest.approx(sum(took.values()))
    assert sum(took[name] for name in watched.path) == pytest.approx(watched.span_seconds)


@settings(max_examples=40, deadline=None)
@given(steps(), st.data())
def test_devices_with_a_queue_each(work: Workload, data: st.DataObject) -> None:
    """On a cluster what runs when is the simulator's, and at every moment the counts are those of the graph."""
    gpus = [f"/device:GPU:{n}" for n in range(3)]
    places = {node.name: data.draw(st.sampled_from(gpus)) for node in work.nodes}
    watched = ready_queue(work, cluster="gpu_server", devices=places, seconds=by_flops)
    run = tf.simulator.simulate(work, places, "gpu_server", seconds=by_flops)
    assert watched.seconds == run.seconds
    assert watched.trace.events == run.trace.events
    assert watched.bounds[1] is None
    assert watched.seconds >= watched.bounds[0] * (1 - 1e-9)
    for moment in watched:
        done = set(moment.done)
        for node in watched.work.nodes:
            assert moment.pending.get(node.name, 0) == sum(need not in done for need in node.needs)
        busy = [where for where in moment.running.values() if " -> " not in where]
        assert len(busy) == len(set(busy)), "a device runs one op at a time"


def test_the_devices_that_the_program_asks_for() -> None:
    """Two chains on two GPUs end together; their sum waits for what travels."""
    with tf.Graph().as_default():
        ends = []
        for d in range(2):
            with tf.device(f"/gpu:{d}"):
                y = tf.ones([1000, 1000])
                for _ in range(3):
                    y = tf.matmul(y, y)
                ends.append(y)
        with tf.device("/gpu:0"):
            total = tf.add(*ends, name="total")
        watched = ready_queue(total, cluster="gpu_server")
    middle = watched.at(watched.seconds / 4)
    assert sorted(middle.running.values()) == ["/device:GPU:0", "/device:GPU:1"]
    assert middle.pending["total"] == 2
    waiting = [moment for moment in watched if any(" -> " in where for where in moment.running.values())]
    assert [moment.pending["total"] for moment in waiting] == [1]
    assert watched.workers == ("/device:GPU:0", "/device:GPU:1")


def test_the_table_and_the_picture() -> None:
    """A line for each moment, a bar for each op; the picture says the same in words."""
    with tf.Graph().as_default():
        watched = ready_queue(chains(2, 3), workers=2, seconds=SECONDS)
    lines = str(watched).splitlines()
    assert lines[0] == "<ready queue: 6 ops in 3 s on 2 workers, parallelism 2.0, at most 0 ready>"
    wanted = ("1.00 s", "chain0/product0, chain1/product0", "0: chain0/product1, 1: chain1/product1", "-",
              "chain0/product2 (1), chain1/product2 (1)")  # fmt: skip
    assert re.split("  +", lines[3]) == list(wanted)
    assert lines[-1].endswith("2 workers must take at least 3.00 s, at most 4.50 s")
    assert watched.table(limit=2).splitlines()[-1] == "and 2 more moments: table(limit=None)"
    picture: Any = tf.draw.ready_queue(watched)
    lanes, line = picture.axes
    bars = [(bar.get_x(), bar.get_y() + bar.get_height() / 2, bar.get_width()) for bar in lanes.patches]
    assert sorted(bars) == pytest.approx(np.array([(t, row, 1.0) for t in range(3) for row in range(2)]))
    assert len({bar.get_facecolor() for bar in lanes.patches}) == 2
    assert line.get_xlabel() == "time in s"
    assert "worker 1: chain1/product0, chain1/product1, chain1/product2" in picture.description


def test_nothing_takes_time() -> None:
    """A step of constants is over at once."""
    with tf.Graph().as_default():
        watched = ready_queue(tf.constant(1.0))
    assert (watched.seconds, watched.parallelism, watched.speedup, watched.bounds) == (0.0, 1.0, 1.0, (0.0, 0.0))
    assert [len(moment.done) for moment in watched] == [0, 1]
    with pytest.raises(ValueError, match="no op takes time"):
        tf.draw.ready_queue(watched)
    assert isinstance(watched, ReadyQueue)
    with pytest.raises(IndexError):
        watched[2]


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"workers": 0}, ClusterError, "the number of workers is 0"),
        ({"workers": "2"}, ClusterError, "the number of workers is '2'"),
        ({"workers": 2.0}, ClusterError, "whole number"),
        ({"workers": 5000}, ClusterError, "at most 1024 workers"),
        ({"workers": 2, "cluster": "gpu_server"}, None, ""),
        ({"seconds": {"Matmul": 1.0}}, ClusterError, "no type or name of an op in this step called 'Matmul'"),
        ({"seconds": {"MatMul": -1.0}}, ClusterError, "the time of 'MatMul' is -1.0"),
        ({"seconds": {"MatMul": float("nan")}}, ClusterError, "nan"),
        ({"seconds": "fast"}, ClusterError, "the time of an op is 'fast'"),
        ({"seconds": lambda node, kind: "1"}, None, ""),
        ({"seconds": lambda node, kind: None}, ClusterError, "None seconds"),
        ({"kind": "abacus"}, ClusterError, "no kind of device called 'abacus'"),
        ({"devices": {}}, ClusterError, "devices= places ops on the devices of a cluster"),
        ({"devices": {}, "cluster": "gpu_server"}, GraphError, "no device is given"),
        ({"devices": ["/gpu:0"], "cluster": "gpu_server"}, GraphError, "the devices are"),
        ({"cluster": "gpu_serve"}, ClusterError, "gpu_serve"),
        ({"feeds": [1, 2]}, FeedError, "not a dict"),
    ],
)
def test_wrong_calls(arguments: dict[str, Any], error: type[Exception] | None, text: str) -> None:
    """What cannot be says what was found and what would do."""
    with tf.Graph().as_default():
        y = tf.matmul(tf.ones([2, 2]), tf.ones([2, 2]))
        if error is None:
            assert ready_queue(y, **arguments).seconds > 0
            return
        with pytest.raises(error, match=text):
            ready_queue(y, **arguments)


def test_more_wrong_calls() -> None:
    """A step that is none, a time that is none, a picture of something else, a Workload without places."""
    with tf.Graph().as_default():
        y = tf.matmul(tf.ones([2, 2]), tf.ones([2, 2]))
        watched = ready_queue(y)
        with pytest.raises(Exception, match="None"):
            ready_queue(None)
        with pytest.raises(ClusterError, match="the time is -1"):
            watched.at(-1.0)
        with pytest.raises(ClusterError, match="number of lines"):
            watched.table(limit=0)
        with pytest.raises(TypeError, match=r"tf\.parallel\.ready_queue"):
            tf.draw.ready_queue(y)
        with pytest.raises(ClusterError, match="needs devices="):
            ready_queue(tf.costs.workload(y), cluster="gpu_server")
