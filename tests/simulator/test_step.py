"""The simulated step: schedules worked out by hand to the last digit, then what holds for any step on any machine."""

import hashlib
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import labkit as tf
from labkit.cluster import READY, Cluster, ClusterError, Device, LinkKind, ready, star
from labkit.critical_path import critical_path
from labkit.errors import GraphError
from labkit.placement import Machines, TaskGraph, heft
from labkit.simulator import simulate
from labkit.simulator.distribution import distribution
from labkit.simulator.events import generator
from labkit.simulator.stragglers import Exponential, SlowMachine
from labkit.trace import Output
from labkit.workload import Workload, WorkNode
from tests.simulator.toys import flops_are_seconds, op, pair, spread, training_step, variable, workloads


def times(run):
    """Of each node, when it started and ended."""
    return {event.node: (event.start_seconds, event.end_seconds) for event in run.trace.events}


def toy(nodes, devices, fetched=(), **how):
    """A step on the pair of toys."""
    names = {node.name: device for node, device in zip(nodes, devices.split(), strict=True)}
    return simulate(Workload(tuple(nodes), fetched), names, pair(), seconds=flops_are_seconds, **how)


def test_one_after_another_by_hand():
    """On a0: x 0-2; then y and z are ready at 2; y comes first in the graph: 2-5, z 5-6."""
    run = toy([op("x", seconds=2), op("y", "x:0", seconds=3), op("z", "x:0", seconds=1)], "a0 a0 a0")
    assert times(run) == {"x": (0.0, 2.0), "y": (2.0, 5.0), "z": (5.0, 6.0)}
    assert run.seconds == 6.0
    assert run.utilisation == {"a0": 1.0}


def test_what_becomes_ready_first_runs_first_by_hand():
    """On a0: p 0-1 and q 1-3 (p is first in the graph). b0: r 0-2. y waits for p: ready at 1. s waits for nothing.

    a0's queue at 0: p, q, s. p 0-1. At 1 the queue is q (ready at 0), s (at 0), y (at 1): q 1-3, s 3-4, y 4-6,
    though y stands before s in the graph.
    """
    nodes = [op("p", seconds=1), op("q", seconds=2), op("y", "p:0", seconds=2), op("s", seconds=1)]
    assert times(toy(nodes, "a0 a0 a0 a0")) == {"p": (0.0, 1.0), "q": (1.0, 3.0), "s": (3.0, 4.0), "y": (4.0, 6.0)}


def test_ranks_go_before_readiness_by_hand():
    """The same with ranks: s 0-1, q 1-3, p 3-4, y 4-6. A device does not wait for an op that is not ready: y."""
    nodes = [op("p", seconds=1), op("q", seconds=2), op("y", "p:0", seconds=2), op("s", seconds=1)]
    run = toy(nodes, "a0 a0 a0 a0", order={"y": 0, "s": 1, "q": 2, "p": 3})
    assert times(run) == {"s": (0.0, 1.0), "q": (1.0, 3.0), "p": (3.0, 4.0), "y": (4.0, 6.0)}


def test_a_transfer_by_hand():
    """x on a0 0-2 makes 40 bytes; they leave at 2, stream for 40/10 s, and arrive 0.5 s later: 6.5. y 6.5-9.5."""
    run = toy([op("x", seconds=2, bytes=40), op("y", "x:0", seconds=3)], "a0 b0")
    assert times(run) == {"x": (0.0, 2.0), "x/_send_0": (2.0, 2.0), "x/_recv_0": (2.0, 6.5), "y": (6.5, 9.5)}
    recv = next(event for event in run.trace.events if event.op == "_Recv")
    assert (recv.device, recv.output_bytes, recv.inputs) == ("a0 -> b0", 40, ("^x/_send_0",))
    assert run.utilisation == {"a0": 2 / 9.5, "b0": 3 / 9.5, ("A", "B"): 40 / (10 * 9.5)}
    path = run.critical_path
    assert [run.trace.events[place].node for place in path.events] == ["x", "x/_send_0", "x/_recv_0", "y"]
    assert path.seconds == run.seconds == 9.5


def test_two_transfers_share_a_wire_by_hand():
    """x on a0 0-1 makes 20 bytes, z on a1 0-2 makes 40; both go to b0 over the wire A -> B of 10 bytes/s.

    1-2: x's alone, 10 bytes of 20. From 2 on both at 5 bytes/s: x's last 10 bytes are through at 4. z's has then
    sent 10 of 40; the other 30 alone: at 7. Each arrives 0.5 s later: 4.5 and 7.5.
    On b0 u (of z) 7.5-8.5, v (of x) 4.5-6.5.
    """
    nodes = [op("x", seconds=1, bytes=20), op("z", seconds=2, bytes=40), op("u", "z:0", seconds=1),
             op("v", "x:0", seconds=2)]  # fmt: skip
    run = toy(nodes, "a0 a1 b0 b0")
    found = times(run)
    assert found["x/_recv_0"] == (1.0, 4.5)
    assert found["z/_recv_0"] == (2.0, 7.5)
    assert found["v"] == (4.5, 6.5)
    assert found["u"] == (7.5, 8.5)
    assert run.flows.load(("A", "B")) == ([1.0, 7.0], [10.0, 0.0])
    assert run.utilisation["A", "B"] == 60 / 85


def test_the_two_ways_of_a_wire_do_not_meet_by_hand():
    """x on a0 and y on b0, 0-1 each, swap 20 bytes: both arrive at 1 + 2 + 0.5."""
    nodes = [op("x", seconds=1, bytes=20), op("y", seconds=1, bytes=20), op("u", "x:0", seconds=1),
             op("v", "y:0", seconds=1)]  # fmt: skip
    found = times(toy(nodes, "a0 b0 b0 a0"))
    assert found["u"] == found["v"] == (3.5, 4.5)


def test_devices_of_one_host_hand_over_at_once_and_messages_take_the_latency():
    """a0 and a1 are both the host A's: no link. A control edge is a message of no bytes: 0.5 s."""
    nodes = [op("x", seconds=1, bytes=80), op("y", "x:0", seconds=1), op("z", "^x", seconds=1)]
    found = times(toy(nodes, "a0 a1 b0"))
    assert found["y"] == (1.0, 2.0)
    assert found["z"] == (1.5, 2.5)


def test_ops_without_time_wait_for_no_device():
    """While a0 is busy with x, the identity of the variable goes to b0 at once: 10 bytes, 1 + 0.5 s."""
    nodes = [op("x", seconds=9), variable("w", 10), op("read", "w:0", bytes=10, type="Identity"),
             op("y", "read:0", seconds=1)]  # fmt: skip
    found = times(toy(nodes, "a0 a0 a0 b0"))
    assert found["read"] == (0.0, 0.0)
    assert found["y"] == (1.5, 2.5)


def test_all_that_ends_at_an_instant_ends_before_anything_starts_by_hand():
    """A wire without latency: v on b0 0-1, its 10 bytes are on a0 at 2, when k ends there too. y comes before z."""
    cluster = Cluster("pair", star(2, LinkKind("toy", "a toy", 0.0, 10.0, "invented")),
                      [Device(name, "server_cpu", host) for name, host in (("a0", "h0"), ("b0", "h1"))])  # fmt: skip
    nodes = (op("v", seconds=1, bytes=10), op("k", seconds=2), op("y", "v:0", seconds=1), op("z", "k:0", seconds=1))
    run = simulate(Workload(nodes), {"v": "b0", "k": "a0", "y": "a0", "z": "a0"}, cluster, seconds=flops_are_seconds)
    assert times(run)["y"] == (2.0, 3.0)
    assert times(run)["z"] == (3.0, 4.0)


def test_a_device_that_only_holds_is_used_and_idle():
    assert toy([variable("w", 10)], "a0").utilisation == {"a0": 0.0}


def test_a_long_chain_without_time():
    """Longer than Python's stack."""
    chain = [op("n0")] + [op(f"n{i}", f"n{i - 1}:0", type="Identity") for i in range(1, 5000)]
    assert toy(chain, " ".join(["a0"] * 5000)).seconds == 0.0


def test_a_step_waits_for_the_update_of_the_one_before_by_hand():
    """Variable w on a0; b0 computes g of it (4 s), a0 applies it (2 s). 20 bytes each way: 2.5 s.

    Step one: recv w 0-2.5, g 2.5-6.5, back 6.5-9, update 9-11. Step two the same from 11 on. The other op, e, waits
    for nothing but its own first run: 0-1 and 1-2 on a1.
    """
    nodes = [
        variable("w", 20), op("read", "w:0", bytes=20, type="Identity"), op("g", "read:0", seconds=4, bytes=20),
        op("update", "w:0", "g:0", seconds=2, type="ApplyGradientDescent", holds_reference=True), op("e", seconds=1),
    ]  # fmt: skip
    run = toy(nodes, "a0 a0 b0 a0 a1", steps=2)
    assert run.step_ends == (11.0, 22.0)
    assert run.seconds == 22.0
    starts = {name: [e.start_seconds for e in run.trace.events if e.node == name] for name in ("w", "g", "update", "e")}
    assert starts == {"w": [0.0, 11.0], "g": [2.5, 13.5], "update": [9.0, 20.0], "e": [0.0, 1.0]}
    assert run.critical_path.seconds == 22.0


def test_steps_overlap_where_no_variable_forbids_it_by_hand():
    """Two stages, a0 2 s and b0 3 s, 10 bytes between (1.5 s): a pipeline whose slower stage is never idle.

    f: 0-2, 2-4, 4-6 , for x has no inputs and gives its next value when f has ended.
    x has no inputs and gives its next value when f has ended. h on b0: 3.5-6.5, 6.5-9.5, 9.5-12.5.
    """
    nodes = [op("x", type="Placeholder"), op("f", "x:0", seconds=2, bytes=10), op("h", "f:0", seconds=3)]
    run = toy(nodes, "a0 a0 b0", steps=3)
    assert [e.start_seconds for e in run.trace.events if e.node == "f"] == [0.0, 2.0, 4.0]
    assert [e.start_seconds for e in run.trace.events if e.node == "h"] == [3.5, 6.5, 9.5]
    assert run.step_ends == (6.5, 9.5, 12.5)


def test_the_earlier_step_comes_first_by_hand():
    """On a0 p and s, 1 s each, for ever; y of the first step is ready at 3.5, after x on b0 and a message.

    p 0-1, s 1-2, p 2-3, s 3-4. At 4 the third p has waited since 3, y since 3.5: y of step one is next.
    """
    nodes = [op("p", seconds=1), op("s", seconds=1), op("x", seconds=3), op("y", "^x", seconds=1)]
    run = toy(nodes, "a0 a0 b0 a0", steps=3)
    assert [e.start_seconds for e in run.trace.events if e.node == "p"] == [0.0, 2.0, 5.0]
    assert next(e.start_seconds for e in run.trace.events if e.node == "y") == 4.0


def test_slow_devices_and_failed_parts_by_hand():
    """x twice as slow: 0-4. A second way from A to B over two wires: 1 s latency, when the first is cut."""
    nodes = [op("x", seconds=2, bytes=40), op("y", "x:0", seconds=3)]
    assert times(toy(nodes, "a0 b0", slow={"a0": 2.0}))["y"] == (8.5, 11.5)
    cluster = pair()
    cluster.network.add("C", "host")
    for end in "AB":
        cluster.network.link(end, "C", LinkKind("toy", "a toy", 0.5, 20.0, "invented"))
    work, devices = Workload(tuple(nodes)), {"x": "a0", "y": "b0"}
    run = simulate(work, devices, cluster, seconds=flops_are_seconds, failed=[("B", "A")])
    assert times(run)["x/_recv_0"] == (2.0, 2 + 40 / 20 + 1.0)
    with pytest.raises(
        ClusterError, match=r"lead from 'a0' to 'b0'[^\0]*'x:0' must cross there, for y; failed: A - B, C"
    ):
        simulate(work, devices, cluster, seconds=flops_are_seconds, failed=[("A", "B"), "C"])
    with pytest.raises(ClusterError, match=r'"y" \(MatMul\) is placed on b0, but its host B has failed'):
        simulate(work, devices, cluster, seconds=flops_are_seconds, failed=["B"])
    with pytest.raises(ClusterError, match=r'"x" \(MatMul\) is placed on a0, but it has failed'):
        simulate(work, devices, cluster, seconds=flops_are_seconds, failed="a0")
    with pytest.raises(ClusterError, match="no device, host or switch called 'D'"):
        simulate(work, devices, cluster, seconds=flops_are_seconds, failed=["D"])
    with pytest.raises(ClusterError, match="no link called 'A - D'"):
        simulate(work, devices, cluster, seconds=flops_are_seconds, failed=[("A", "D")])


def test_stragglers_slow_the_ops_of_a_device_for_a_step_by_hand():
    """Of the devices in use, a0 and b0, number 1 takes three times as long: y 6.5-15.5. It draws anew for each step."""
    nodes = [op("x", seconds=2, bytes=40), op("y", "x:0", seconds=3)]
    assert times(toy(nodes, "a0 b0", stragglers=SlowMachine(1, 3.0)))["y"] == (6.5, 15.5)
    assert times(toy(nodes, "a0 b0", stragglers=SlowMachine(1, 3.0), slow={"b0": 2.0}))["y"] == (6.5, 24.5)
    alone = [op("x", seconds=1)]
    run = toy(alone, "a0", stragglers=Exponential(), steps=3, seed=5)
    drawn = [float(Exponential().draw(source, 1)[0]) for source in [generator("stragglers", 5)] for _ in range(3)]
    assert [event.duration_seconds for event in run.trace.events] == drawn
    assert len(set(drawn)) == 3


def test_many_steps_of_exponential_luck_take_what_the_formula_says():
    """Five devices, a second of work each, times exponential: 1 + 1/2 + ... + 1/5 in the mean."""
    cluster = Cluster("five", star(5, "ethernet_1g"), [Device(f"d{n}", "server_cpu", f"h{n}") for n in range(5)])
    work = Workload(tuple(op(f"n{i}", seconds=1) for i in range(5)))
    devices = {f"n{i}": f"d{i}" for i in range(5)}
    estimate = distribution(work, devices, cluster, Exponential(), 2000, seed=1, seconds=flops_are_seconds)
    assert estimate.mean == pytest.approx(sum(1 / k for k in range(1, 6)), rel=0.05)
    again = distribution(work, devices, cluster, Exponential(), 10, seed=1, seconds=flops_are_seconds)
    assert again.seconds.tolist() == estimate.seconds[:10].tolist()


def test_compression_by_hand():
    """x on a0 0-1 makes 10 float32: 40 bytes, sent as 20. The casts take 0.25 s each: 1.25 + 2 + 0.5, y from 4."""
    out = Output("x:0", "float32", (10,), 40)
    nodes = (WorkNode("x", "MatMul", outputs=(out,)), WorkNode("y", "MatMul", ("x:0",)))
    run = simulate(Workload(nodes), {"x": "a0", "y": "b0"}, pair(), compress="bfloat16",
                   seconds=lambda node, kind: 0.25 if node.op == "Cast" else 1.0)  # fmt: skip
    assert times(run)["x/_recv_0"] == (1.25, 3.75)
    assert times(run)["y"] == (4.0, 5.0)
    assert run.flows.carried_bytes(("A", "B")) == 20.0
    assert [(piece.op, piece.bytes) for piece in run.alive("b0", at=3.9)] == [("x/_widen_0", 40), ("x/_recv_0", 20)]


def test_recvs_that_wait_hold_memory_for_a_shorter_time_by_hand():
    """v on a0 is there at 0 (20 bytes, 2.5 s to b0); on b0 p 0-3, q 3-6, then y takes v, at 6.

    At once: it lies on b0 from 0 on. Scheduled: it may set out when p has ended, at 3, and is there at 5.5, for y
    still at 6; after q it would be late.
    """
    nodes = [op("v", bytes=20), op("p", seconds=3), op("q", "^p", seconds=3), op("y", "v:0", "^q", seconds=1)]
    early, late = (toy(nodes, "a0 b0 b0 b0", recv_scheduling=scheduled) for scheduled in (False, True))
    assert times(early)["v/_recv_0"] == (0.0, 2.5)
    assert times(late)["v/_recv_0"] == (3.0, 5.5)
    assert early.seconds == late.seconds == 7.0
    assert late.memory["b0"].at(2.0) == 0.0
    assert early.memory["b0"].at(2.0) == 20.0


@given(st.data())
def test_a_chain_runs_as_its_placer_promised(data):
    """Without contention and with one op at a time there is one way to run: that of the placer's schedule."""
    count = data.draw(st.integers(1, 8))
    names = [f"t{i}" for i in range(count)]
    seconds = [data.draw(st.lists(st.integers(0, 9), min_size=3, max_size=3)) for _ in names]
    sizes = [data.draw(st.integers(0, 9)) for _ in names]
    edges = [(a, b, size) for (a, b), size in zip(itertools.pairwise(names), sizes, strict=False)]
    graph = TaskGraph(dict(zip(names, seconds, strict=True)), edges)
    schedule = heft(graph, Machines.uniform(["d0", "d1", "d2"], latency_seconds=1.0, bytes_per_second=10.0))
    cluster = Cluster("star", star(3, LinkKind("toy", "a toy", 0.5, 10.0, "invented")),
                      [Device(f"d{n}", "server_cpu", f"h{n}") for n in range(3)])  # fmt: skip
    nodes = [op(name, *([f"{names[i - 1]}:0"] if i else []), bytes=sizes[i]) for i, name in enumerate(names)]
    took = {name: row[int(schedule.devices[name][1])] for name, row in zip(names, seconds, strict=True)}
    run = simulate(Workload(tuple(nodes)), schedule.devices, cluster, seconds=lambda node, kind: took[node.name])
    found = times(run)
    for task in schedule.tasks:
        assert found[task.name] == pytest.approx((task.start_seconds, task.end_seconds), rel=1e-12)
    assert run.seconds == pytest.approx(schedule.seconds, rel=1e-12)


@given(st.data(), st.sampled_from(READY), workloads(), st.integers(1, 3))
def test_what_must_hold_for_any_step_on_any_machine(data, where, work, steps):
    cluster = ready(where)
    few = list(cluster.devices)[:: max(1, len(cluster.devices) // 5)]
    devices = {node.name: data.draw(st.sampled_from(few)) for node in work.nodes}
    ranked = data.draw(st.booleans())
    order = {node.name: data.draw(st.integers(0, 3)) for node in work.nodes} if ranked else "fifo"
    late = data.draw(st.booleans())
    run = simulate(work, devices, cluster, seconds=flops_are_seconds, order=order, steps=steps, recv_scheduling=late)
    cut, events = run.cut.workload, run.trace.events
    runs = {node.name: [event for event in events if event.node == node.name] for node in cut.nodes}
    arriving = {crossing.recv: crossing for crossing in run.cut.crossings}

    # each op runs once a step, as long as it should, after its inputs
    assert all(len(found) == steps for found in runs.values())
    assert len(events) == steps * len(cut.nodes)
    starts = [event.start_seconds for event in events]
    assert starts == sorted(starts)
    assert min(starts, default=0.0) >= 0.0
    slack = 1e-12 * run.seconds
    for node in cut.nodes:
        for step, event in enumerate(runs[node.name]):
            needs = [runs[need][step] for need in node.needs if need in runs]
            there = max((need.end_seconds for need in needs), default=0.0)
            assert event.start_seconds >= there
            if node.name not in arriving:
                assert event.duration_seconds == node.flops
            else:  # a transfer starts at once, and is no faster than alone
                crossing = arriving[node.name]
                assert event.start_seconds == pytest.approx(there, rel=1e-12, abs=slack)
                alone = cluster.seconds(crossing.source, crossing.target, crossing.bytes)
                assert event.duration_seconds >= alone - slack

    # a device runs one op at a time, and rests only when none is ready
    for device in few:
        row = [e for e in events if e.device == device and e.duration_seconds]
        for before, after in itertools.pairwise(row):
            assert after.start_seconds >= before.end_seconds
        if steps == 1:
            for event in row:
                needs = [runs[need][0] for need in cut.node(event.node).needs if need in runs]
                there = max((need.end_seconds for need in needs), default=0.0)
                waited = [e for e in row if e.start_seconds < event.start_seconds and e.end_seconds > there + slack]
                assert sum(e.end_seconds - max(there, e.start_seconds) for e in waited) == pytest.approx(
                    event.start_seconds - there, abs=slack
                )

    # an op without inputs gives its next value when all have ended that took the last one: a variable when updated
    sent_to = {crossing.send: crossing.recv for crossing in run.cut.crossings}
    for node in cut.nodes:
        if not any(need in runs for need in node.needs):
            users = [other.name for other in cut.nodes if node.name in other.needs]
            users = [sent_to.get(name, name) for name in users]
            for before, after in itertools.pairwise(range(steps)):
                ends = [runs[name][before].end_seconds for name in [node.name, *users]]
                assert runs[node.name][after].start_seconds == pytest.approx(max(ends), rel=1e-12, abs=slack) or (
                    node.flops  # then it may have waited for its device
                    and runs[node.name][after].start_seconds >= max(ends) - slack
                )

    # what stays is what stays of one step
    once = simulate(work, devices, cluster, seconds=flops_are_seconds)
    assert {name: curve.bytes[-1] for name, curve in run.memory.items()} == {
        name: curve.bytes[-1] for name, curve in once.memory.items()
    }

    # nothing is lost or made: links carry what was sent, at no more than they can
    sent = dict.fromkeys(run.flows.links, 0.0)
    for crossing in run.cut.crossings:
        for hop in cluster.hops(crossing.source, crossing.target):
            sent[hop] += steps * crossing.bytes
    capacities = cluster.network.capacities()
    for link, bytes in sent.items():
        assert run.flows.carried_bytes(link) == pytest.approx(bytes, rel=1e-9)
        assert max(run.flows.load(link)[1], default=0.0) <= capacities[link] * (1 + 1e-9)
        assert run.utilisation[link] <= 1 + 1e-9
    assert not run.flows.under_way

    # bounds
    done = sum(event.duration_seconds for event in events if event.device in cluster.devices)
    assert done == pytest.approx(steps * work.flops)
    used = len({devices[node.name] for node in work.nodes})
    assert run.seconds >= steps * work.flops / used - slack
    assert run.seconds >= critical_path(run.trace).seconds - slack
    assert run.seconds == pytest.approx(max((e.end_seconds for e in events), default=0.0), rel=1e-12)


GOLDEN = "f0547362f6d1f665"


def test_the_same_trace_on_every_machine():
    """Times to the last bit: floats are written so that they read back as they were. Run twice, in two orders.

    Where the hash changes with a change of the simulator, the slow twin says whether more than rounding did.
    """
    cluster, work = ready("gpu_machines"), training_step(300, seed=7)
    devices = spread(work, [name for name in cluster.devices if "GPU" in name][:9])
    lines = []
    for placed in (devices, dict(reversed(devices.items()))):
        run = simulate(work, placed, cluster, steps=2)
        lines.append(
            "\n".join(f"{e.node} {e.device} {e.start_seconds!r} {e.duration_seconds!r}" for e in run.trace.events)
        )
    assert lines[0] == lines[1]
    assert hashlib.sha256(lines[0].encode()).hexdigest()[:16] == GOLDEN


def test_more_devices_than_one_never_beat_the_chain():
    """The same training step on 1 and on 8 GPUs: shorter, but not shorter than its longest chain of ops."""
    cluster, work = ready("gpu_server"), training_step(300, seed=3)
    gpus = list(cluster.devices)[1:]
    alone = simulate(work, spread(work, gpus[:1]), cluster)
    wide = simulate(work, spread(work, gpus), cluster)
    assert alone.seconds == pytest.approx(math.fsum(e.duration_seconds for e in alone.trace.events))
    assert alone.critical_path.seconds <= wide.critical_path.seconds <= wide.seconds


def test_the_report_says_what_bounds_the_step():
    nodes = [op("x", seconds=2, bytes=40), op("y", "x:0", seconds=3)]
    run = toy(nodes, "a0 b0")
    assert repr(run) == "<simulated: 1 step in 9.50 s, 4 events on 2 devices, 1 transfer>"
    assert run.report().splitlines() == [
        "The step takes 9.50 s.",
        "The critical path bounds this step: its 4 ops need each other and take 9.50 s of 9.50 s (100%). Other devices "
        "have nothing to add: make these ops faster, or the chain shorter.",
        "The busiest device is b0: it runs ops 32% of the time.",
        "1 transfer a step moves 40.0 B between devices.",
        "The busiest link is A -> B: it carries 42% of what it could.",
        "The fullest memory is that of a0: 40.0 B of 1.00 kB at 0 s; the largest is x:0, 40.0 B.",
    ]
    assert toy(nodes, "a0 b0", steps=4).report().startswith("The 4 steps take 29.0 s, 7.25 s a step.")
    empty = simulate(Workload(()), {}, pair())
    assert empty.seconds == 0.0
    assert empty.report() == "The step takes 0 s.\nNothing here takes time."


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"seconds": lambda node, kind: -1.0}, ClusterError, r"gives -1.0 seconds[^\0]*time of \"x\" \(MatMul\) on a0"),
        ({"seconds": lambda node, kind: math.nan}, ClusterError, "gives nan seconds"),
        ({"seconds": lambda node, kind: math.inf}, ClusterError, "gives inf seconds"),
        ({"seconds": lambda node, kind: None}, ClusterError, "gives None seconds"),
        ({"devices": {"x": "a0"}}, GraphError, 'no device is given for "y"'),
        (
            {"devices": {"x": "a0", "y": "c0"}},
            ClusterError,
            r"no device called 'c0'[^\0]*\"y\" \(MatMul\) is placed there",
        ),
        ({"order": {"z": 1}}, GraphError, "rank for 'z', which is no op of the step"),
        ({"order": {"x": "first"}}, GraphError, "rank of 'x' in the order is 'first'"),
        ({"order": "lifo"}, ClusterError, "no choice for order= called 'lifo'"),
        ({"memory": "ignore"}, ClusterError, "no choice for memory= called 'ignore'"),
        ({"steps": 0}, ClusterError, "number of steps is 0"),
        ({"slow": {"a0": 0.0}}, ClusterError, "slowness of a0 is 0.0"),
        ({"slow": {"d": 2.0}}, ClusterError, "no device called 'd'"),
    ],
)
def test_bad_input_is_named(how, error, message):
    work = Workload((op("x", seconds=1), op("y", "x:0", seconds=1)))
    arguments = {"devices": {"x": "a0", "y": "b0"}} | how
    with pytest.raises(error, match=message):
        simulate(work, arguments.pop("devices"), pair(), **arguments)


def test_a_device_without_the_unit_says_which_op():
    cluster = Cluster("tpu", star(1, "ethernet_1g"), [Device("t", "tpu_v1", "h0")])
    with pytest.raises(ClusterError, match=r"no unit for float32[^\0]*time of \"x\" \(MatMul\) on t"):
        simulate(Workload((op("x", seconds=1),)), {"x": "t"}, cluster)


def test_the_learner_s_own_graph_and_the_view():
    """A step with an optimizer on two GPUs of a server; the trace is one that TraceView shows."""
    from labkit_widgets import TraceView

    with tf.Graph().as_default():
        x, y = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.int64, [None])
        with tf.device("/gpu:0"):
            hidden = tf.layers.dense(x, 128, tf.nn.relu)
        with tf.device("/gpu:1"):
            loss = tf.losses.sparse_softmax_cross_entropy(y, tf.layers.dense(hidden, 10))
        train = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
        work = tf.costs.workload([train, loss], {x: [100, 784], y: [100]})
    devices = {n.name: n.asked if "GPU" in n.asked else "/device:CPU:0" for n in work.nodes}
    first = {n.name: n.group for n in work.nodes if n.group}
    devices |= {name: devices[group] for name, group in first.items()}
    run = simulate(work, devices, ready("gpu_server"))
    assert {crossing.target for crossing in run.cut.crossings} == {"/device:CPU:0", "/device:GPU:0", "/device:GPU:1"}
    assert run.trace.simulated
    assert run.critical_path.seconds <= run.seconds
    kept = sum(node.state_bytes for node in work.nodes)
    assert sum(curve.bytes[-1] for curve in run.memory.values()) == kept + 4  # the variables, and the loss
    assert TraceView(run.trace) is not None


def test_clusters_by_name_and_placements_as_they_are() -> None:
    """What a learner would write works; what is no step, no cluster or no placement says what it should be."""
    import labkit as tf

    with tf.Graph().as_default() as graph:
        y = tf.add(tf.ones([1000]), 1.0, name="y")
    work = tf.costs.workload(y)
    placed = tf.placement.obey(graph, "laptop")
    run = simulate(work, placed, "laptop")
    assert run.seconds == simulate(work, placed.places, tf.cluster.ready("laptop")).seconds
    assert tf.placement.place_by_cost(work, "laptop").places == placed.places
    assert repr(placed) == f"<placement of {len(graph.get_operations())} ops: {len(work)} on /device:CPU:0>"
    wrong = graph
    with pytest.raises(tf.errors.GraphError, match="not a Workload"):
        simulate(wrong, placed, "laptop")
    with pytest.raises(tf.errors.GraphError, match="not a Workload"):
        tf.placement.place_by_cost(wrong, "laptop")
    with pytest.raises(tf.cluster.ClusterError, match="no cluster called 'laptop_'"):
        simulate(work, placed, "laptop_")
    number = 3
    with pytest.raises(tf.cluster.ClusterError, match="is no cluster"):
        tf.placement.obey(graph, number)
    with pytest.raises(tf.errors.GraphError, match="a mapping from the name of each op"):
        simulate(work, number, "laptop")
