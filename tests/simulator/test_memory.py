"""Memory over time: curves worked out by hand, then a slow account of the rules; errors that name who holds what."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import labkit as tf
from labkit.cluster import READY, Cluster, ClusterError, Device, ready, single
from labkit.errors import ResourceExhaustedError
from labkit.simulator import simulate
from labkit.workload import Workload
from tests.simulator.toys import flops_are_seconds, op, pair, variable, workloads


def toy(nodes, devices, fetched=(), room=1000.0, **how):
    """A step on the pair of toys."""
    names = {node.name: device for node, device in zip(nodes, devices.split(), strict=True)}
    return simulate(Workload(tuple(nodes), fetched), names, pair(room), seconds=flops_are_seconds, **how)


def steps_of(curve):
    """(second, bytes) of a curve."""
    return list(zip(curve.seconds, curve.bytes, strict=True))


def test_a_curve_by_hand():
    """A variable of 100 bytes; x 0-2 makes 40, y 2-5 makes 30 of it, z 5-6 makes 20 of both and is fetched.

    0: 140. 2: + y = 170 (x is still wanted by z). 5: + z = 190. 6: x and y are freed, z stays: 120.
    """
    nodes = [variable("w", 100), op("x", seconds=2, bytes=40), op("y", "x:0", seconds=3, bytes=30),
             op("z", "x:0", "y:0", seconds=1, bytes=20)]  # fmt: skip
    run = toy(nodes, "a0 a0 a0 a0", fetched=("z:0",))
    curve = run.memory["a0"]
    assert steps_of(curve) == [(0.0, 140.0), (2.0, 170.0), (5.0, 190.0), (6.0, 120.0)]
    assert (curve.peak, curve.peak_seconds, curve.capacity_bytes) == (190.0, 5.0, 1000.0)
    assert [curve.at(t) for t in (-1.0, 0.0, 1.9, 2.0, 5.5, 6.0, 99.0)] == [
        0.0,
        140.0,
        140.0,
        170.0,
        190.0,
        120.0,
        120.0,
    ]
    assert [(piece.tensor, piece.bytes) for piece in run.alive("a0")] == [
        ("w:0", 100), ("x:0", 40), ("y:0", 30), ("z:0", 20)
    ]  # fmt: skip
    assert [(p.tensor, p.from_seconds, p.until_seconds, p.variable) for p in run.alive("a0", at=6.0)] == [
        ("w:0", 0.0, math.inf, True), ("z:0", 5.0, math.inf, False)
    ]  # fmt: skip


def test_what_ends_frees_before_what_starts_allocates():
    """x 0-1 makes 600 bytes that nobody takes; y 1-2 makes 600 too: never both."""
    run = toy([op("x", seconds=1, bytes=600), op("y", "^x", seconds=1, bytes=600)], "a0 a0")
    assert steps_of(run.memory["a0"]) == [(0.0, 600.0), (2.0, 0.0)]


def test_both_ends_of_a_transfer_hold_the_tensor_by_hand():
    """x on a0 0-1 makes 20 bytes; to b0 1-3.5; y there 3.5-4.5 makes 5, which nobody takes."""
    run = toy([op("x", seconds=1, bytes=20), op("y", "x:0", seconds=1, bytes=5)], "a0 b0")
    assert steps_of(run.memory["a0"]) == [(0.0, 20.0), (3.5, 0.0)]
    assert steps_of(run.memory["b0"]) == [(1.0, 20.0), (3.5, 25.0), (4.5, 0.0)]
    assert [(piece.tensor, piece.op) for piece in run.alive("b0", at=2.0)] == [("x/_recv_0:0", "x/_recv_0")]


def test_one_copy_on_a_device_however_many_take_it():
    """y and z take x on b0: one Recv of 20 bytes, there until z has ended."""
    nodes = [op("x", seconds=1, bytes=20), op("y", "x:0", seconds=1), op("z", "x:0", seconds=1)]
    assert steps_of(toy(nodes, "a0 b0 b0").memory["b0"]) == [(1.0, 20.0), (5.5, 0.0)]


def test_other_names_of_a_tensor_hold_no_second_copy_by_hand():
    """x 0-1 makes 40 bytes, r and i are it in other shapes, y 1-2 takes i: all are freed at 2. w is read in place."""
    nodes = [
        variable("w", 100), op("read", "w:0", bytes=100, type="Identity"), op("x", seconds=1, bytes=40),
        op("r", "x:0", bytes=40, type="Reshape"), op("i", "r:0", bytes=40, type="Identity"),
        op("y", "i:0", "read:0", seconds=1, bytes=1),
        op("u", "w:0", "y:0", seconds=1, bytes=100, type="AssignAdd", holds_reference=True),
    ]  # fmt: skip
    run = toy(nodes, "a0 a0 a0 a0 a0 a0 a0")
    assert steps_of(run.memory["a0"]) == [(0.0, 140.0), (1.0, 141.0), (2.0, 101.0), (3.0, 100.0)]
    assert [piece.tensor for piece in run.held] == ["w:0", "x:0", "y:0"]


def test_what_is_needed_for_an_instant_only_counts():
    """An op of no time makes 500 bytes that nobody takes: the curve has the instant twice, the peak is there."""
    run = toy([op("x", seconds=1, bytes=10), op("y", "x:0", bytes=500)], "a0 a0")
    assert steps_of(run.memory["a0"]) == [(0.0, 10.0), (1.0, 510.0), (1.0, 0.0)]
    assert run.memory["a0"].peak == 510.0
    assert [piece.tensor for piece in run.alive("a0")] == ["y:0", "x:0"]
    assert run.alive("a0", at=1.0) == []


def test_the_peak_is_the_first_of_equal_ones():
    run = toy([op("x", seconds=1, bytes=50), op("y", "^x", seconds=1, bytes=50)], "a0 a0")
    assert run.memory["a0"].peak_seconds == 0.0
    assert [piece.tensor for piece in run.alive("a0")] == ["x:0"]


def test_several_steps_keep_what_the_last_has_fetched():
    """What earlier steps fetched is handed over when they end: not three times 8 bytes."""
    nodes = [variable("w", 100), op("y", "w:0", seconds=1, bytes=8)]
    run = toy(nodes, "a0 a0", fetched=("y:0",), steps=3)
    assert run.memory["a0"].bytes[-1] == 108.0
    assert run.memory["a0"].peak == 108.0


def slow_account(run, work, devices):
    """[(tensor, device, from, until)] by the rules, from the trace alone: who takes what, under any of its names."""
    cut = run.cut.workload
    when = {event.node: (event.start_seconds, event.end_seconds) for event in run.trace.events}
    arrives = {crossing.send: crossing.recv for crossing in run.cut.crossings}
    made = {output.name for node in cut.nodes for output in node.outputs}
    root = {}
    for node in cut.nodes:
        tensors = [name for name in node.inputs if not name.startswith("^")]
        for slot, output in enumerate(node.outputs):
            alias = node.op in ("Identity", "Reshape") and slot < len(tensors) and tensors[slot] in made
            root[output.name] = root[tensors[slot]] if alias else output.name
    kept = {output.name for node in cut.nodes if node.holds_reference for output in node.outputs}
    found = []
    for node in cut.nodes:
        for output in node.outputs:
            if root[output.name] != output.name or output.name in kept or not output.bytes:
                continue
            names = {name for name, of in root.items() if of == output.name}
            ends = [when[node.name][1]]
            for taker in cut.nodes:
                if names & set(taker.inputs):
                    ends.append(when[arrives.get(taker.name, taker.name)][1])
            until = math.inf if names & set(work.fetched) else max(ends)
            found.append((output.name, run.cut.devices[node.name], output.bytes, when[node.name][0], until))
    for node in work.nodes:
        if node.state_bytes:
            found.append((f"{node.name}:0", devices[node.name], node.state_bytes, 0.0, math.inf))
    return found


@given(st.data(), st.sampled_from(READY), workloads())
def test_memory_against_a_slow_account_of_the_rules(data, where, work):
    cluster = ready(where)
    few = list(cluster.devices)[:: max(1, len(cluster.devices) // 5)]
    devices = {node.name: data.draw(st.sampled_from(few)) for node in work.nodes}
    run = simulate(work, devices, cluster, seconds=flops_are_seconds)
    expected = slow_account(run, work, devices)
    near = run.seconds * 1e-12
    mine = {piece.tensor: piece for piece in run.held}
    assert sorted(mine) == sorted(name for name, *_ in expected)
    for name, device, bytes, since, until in expected:
        piece = mine[name]
        assert (piece.device, piece.bytes) == (device, bytes)
        assert piece.from_seconds == pytest.approx(since, abs=near)
        assert piece.until_seconds == (until if math.isinf(until) else pytest.approx(until, abs=near))
    for device, curve in run.memory.items():
        assert list(curve.seconds) == sorted(curve.seconds)
        assert min(curve.bytes) >= 0
        stays = sum(bytes for _, at, bytes, _, until in expected if at == device and math.isinf(until))
        assert curve.bytes[-1] == stays
        assert sum(piece.bytes for piece in run.alive(device)) == curve.peak
        for seconds in {
            0.0,
            run.seconds / 3,
            run.seconds / 2,
            *(t for _, _, _, *ts in expected for t in ts if t < 1e9),
        }:
            assert sum(piece.bytes for piece in run.alive(device, at=seconds)) == curve.at(seconds)


def test_the_error_names_who_wants_what_and_who_holds_what():
    """300 bytes of memory: w 100, x 150 (kept for y and z), y wants 80."""
    nodes = [variable("w", 100), op("x", seconds=1, bytes=150), op("y", "x:0", seconds=1, bytes=80),
             op("z", "x:0", "y:0", "w:0", seconds=1)]  # fmt: skip
    with pytest.raises(ResourceExhaustedError) as caught:
        toy(nodes, "a0 a0 a0 a0", room=300.0)
    assert str(caught.value).splitlines() == [
        "a0 (a toy) is out of memory 1.00 s into the step: the op 'y' (MatMul) wants 80.0 B for y:0 uint8[80], 250 B "
        "of 300 B are held, 30.0 B are missing.",
        "  held, the largest first:",
        "       150 B  x:0 uint8[150], made by 'x' (MatMul), kept for 'y' and 1 more",
        "       100 B  w:0 uint8[100], a variable",
    ]
    assert caught.value.__notes__ == [
        "  Try: a device with more memory, a smaller batch, or some of these ops on another device."
    ]


def test_what_arrives_may_not_fit_either():
    nodes = [op("x", seconds=1, bytes=290), op("v", seconds=2, bytes=20), op("y", "x:0", "v:0", seconds=1)]
    with pytest.raises(
        ResourceExhaustedError, match=r"b0 .* 'x/_recv_0' \(_Recv\) wants 290 B for x/_recv_0:0"
    ) as caught:
        toy(nodes, "a0 b0 b0", room=300.0)
    assert "20.0 B  v:0 uint8[20], made by 'v' (MatMul), kept for 'y'" in str(caught.value)


def test_many_tensors_are_summed_up():
    nodes = [op(f"x{i}", bytes=10) for i in range(9)]
    nodes.append(op("y", *(f"x{i}:0" for i in range(9)), bytes=300, seconds=1))
    with pytest.raises(ResourceExhaustedError, match=r"30\.0 B  in 3 others"):
        toy(nodes, " ".join(["a0"] * 10), room=300.0)


def test_a_report_goes_on():
    """The same as above: it is noted once for the device, and the curve goes over its memory."""
    nodes = [variable("w", 100), op("x", seconds=1, bytes=150), op("y", "x:0", seconds=1, bytes=80),
             op("z", "x:0", "y:0", seconds=1, bytes=90)]  # fmt: skip
    run = toy(nodes, "a0 a0 a0 a0", room=300.0, memory="report")
    (overflow,) = run.overflows
    assert overflow[:6] == ("a0", 1.0, "y", 80, 250.0, 300.0)
    assert run.memory["a0"].peak == 420.0
    assert overflow.text in run.report()


def mnist(batch):
    """The step of a net 784-128-10 with momentum."""
    with tf.Graph().as_default():
        x, y = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.int64, [None])
        logits = tf.layers.dense(tf.layers.dense(x, 128, tf.nn.relu), 10)
        loss = tf.losses.sparse_softmax_cross_entropy(y, logits)
        train = tf.train.MomentumOptimizer(0.5, 0.9).minimize(loss)
        return tf.costs.workload([train, loss], {x: [batch, 784], y: [batch]})


def one(kind):
    """A machine of one device."""
    return Cluster(kind, single(), [Device("/device:CPU:0", kind, "h0")])


def test_the_mnist_net_fits_a_phone_and_not_a_microcontroller():
    """The weights alone, with momentum, are 814 kB: (784 * 128 + 128 + 128 * 10 + 10) * 4 * 2 bytes."""
    work = mnist(100)
    devices = dict.fromkeys(work.by_name, "/device:CPU:0")
    kept = (784 * 128 + 128 + 128 * 10 + 10) * 4 * 2
    with pytest.raises(ResourceExhaustedError) as caught:
        simulate(work, devices, one("microcontroller"))
    text = str(caught.value)
    assert text.startswith(
        "/device:CPU:0 (a microcontroller of 256 KB) has no room for the variables: they need 814 kB, "
    )
    assert "401 kB  dense/kernel/Momentum:0 float32[784, 128], a variable" in text
    assert "a smaller model" in caught.value.__notes__[0]
    run = simulate(work, devices, ready("phone"))
    curve = run.memory["/device:CPU:0"]
    assert kept < curve.peak < 2 * kept
    assert curve.bytes[-1] == kept + 4
    report = simulate(work, devices, one("microcontroller"), memory="report")
    assert report.overflows[0].op == ""
    assert report.overflows[0].wanted_bytes == kept


def test_a_small_enough_net_fits_a_microcontroller_with_a_small_batch_only():
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 784], name="x")
        y = tf.matmul(x, tf.Variable(tf.zeros([784, 10]), name="w"))
        small, large = (tf.costs.workload(y, {x: [batch, 784]}) for batch in (1, 100))
    devices = dict.fromkeys(small.by_name, "/device:CPU:0")
    assert simulate(small, devices, one("microcontroller")).memory["/device:CPU:0"].peak == 4 * (7840 + 784 + 10)
    with pytest.raises(ResourceExhaustedError, match=r"the op 'x' \(Placeholder\) wants 314 kB[^\0]*a smaller batch"):
        simulate(large, devices, one("microcontroller"))


def test_alive_of_a_device_that_is_not_used():
    with pytest.raises(ClusterError, match="no device used by this step called 'b0'"):
        toy([op("x", seconds=1)], "a0").alive("b0")


def test_inputs_that_nothing_here_makes_hold_nothing():
    """What is fed is the caller's; its alias is a tensor of the step's own."""
    nodes = [op("i", "fed:0", bytes=10, type="Identity"), op("y", "i:0", seconds=1)]
    assert steps_of(toy(nodes, "a0 a0").memory["a0"]) == [(0.0, 10.0), (1.0, 0.0)]
