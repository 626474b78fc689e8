"""The partition: what crosses, once, under which names; against the definition spelled out, and against running it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import labkit as tf
from labkit.errors import GraphError
from labkit.partition import Partition, _Cut, as_sent, partition
from labkit.trace import Output
from labkit.workload import Workload, WorkNode, maker


def tensor(name: str, bytes_: int = 40, dtype: str = "float32") -> Output:
    return Output(name, dtype, (bytes_ // 4,), bytes_)


def node(name: str, *inputs: str, outputs: int = 1, **more: Any) -> WorkNode:
    return WorkNode(name, "Op", inputs, tuple(tensor(f"{name}:{i}") for i in range(outputs)), **more)


@st.composite
def placed(draw: st.DrawFn, most: int = 14, devices: int = 3) -> tuple[Workload, dict[str, str]]:
    """A random step, control edges and ops of two outputs included, and a random device for each op."""
    nodes: list[WorkNode] = []
    for i in range(draw(st.integers(1, most))):
        made = [o.name for n in nodes for o in n.outputs]
        taken = draw(st.lists(st.sampled_from(made), max_size=3)) if made else []
        waited = draw(st.lists(st.sampled_from([f"^{n.name}" for n in nodes]), max_size=1)) if nodes else []
        nodes.append(node(f"n{i}", *taken, *waited, outputs=draw(st.integers(1, 2))))
    places = {n.name: f"/device:CPU:{draw(st.integers(0, devices - 1))}" for n in nodes}
    return Workload(tuple(nodes)), places


def values_of(work: Workload) -> dict[str, int]:
    """What the ops compute if each makes a number of its name and of the numbers that it takes."""
    values: dict[str, int] = {}
    for n in work.nodes:
        taken = [values[name] for name in n.inputs if not name.startswith("^")]
        for i, output in enumerate(n.outputs):
            values[output.name] = hash((n.name, i, *taken))
    return values


def values_after(cut: Partition) -> dict[str, int]:
    """The same for a partitioned step, whose Sends, Recvs and casts pass on what they take."""
    values: dict[str, int] = {}
    sent: dict[str, int] = {}
    for n in cut.workload.nodes:
        taken = [values[name] for name in n.inputs if not name.startswith("^")]
        if n.op == "_Send":
            sent.update(dict.fromkeys([n.name], *taken))
        elif n.op == "_Recv":
            values.update({o.name: sent[n.inputs[0][1:]] for o in n.outputs})
        elif n.op in ("Cast", "Quantize", "Dequantize"):
            values[n.outputs[0].name] = taken[0]
        else:
            values.update({o.name: hash((n.name, i, *taken)) for i, o in enumerate(n.outputs)})
    return values


@given(placed())
def test_each_tensor_crosses_once_to_each_device_that_takes_it(step: tuple[Workload, dict[str, str]]):
    work, places = step
    wanted = {
        (name, places[maker(name)], places[n.name])
        for n in work.nodes for name in n.inputs if places[maker(name)] != places[n.name]
    }  # fmt: skip
    cut = partition(work, places)
    assert sorted((c.tensor, c.source, c.target) for c in cut.crossings) == sorted(wanted)
    assert [n.name for n in cut.workload.nodes if n.op == "_Send"] == [c.send for c in cut.crossings]
    assert {n.name for n in cut.workload.nodes if n.op == "_Recv"} == {c.recv for c in cut.crossings}
    for crossing in cut.crossings:
        takers = {n.name for n in work.nodes if crossing.tensor in n.inputs and places[n.name] == crossing.target}
        assert set(crossing.takers) == takers
        assert cut.devices[crossing.send] == crossing.source
        assert cut.devices[crossing.recv] == crossing.target


@given(placed(), st.sampled_from([None, "bfloat16", "int8"]))
def test_the_rewired_step_computes_the_same_and_no_edge_crosses_by_itself(
    step: tuple[Workload, dict[str, str]], compress: str | None
):
    work, places = step
    cut = partition(work, places, compress=compress)
    assert {name: value for name, value in values_after(cut).items() if maker(name) in places} == values_of(work)
    for n in cut.workload.nodes:
        if n.op != "_Recv":  # a Recv waits for its Send, which is elsewhere
            assert {cut.devices[need] for need in n.needs} <= {cut.devices[n.name]}
    assert [n.name for n in cut.workload.nodes if n.name in places] == [n.name for n in work.nodes]


def test_one_recv_for_a_tensor_however_many_take_it():
    """TensorFlow's `DupRecvKey`: three takers on b, one on c."""
    work = Workload((node("x"), *(node(f"y{i}", "x:0") for i in range(4))))
    cut = partition(work, {"x": "a", "y0": "b", "y1": "b", "y2": "c", "y3": "b"})
    assert [(c.send, c.recv, c.target, c.takers) for c in cut.crossings] == [
        ("x/_send_0", "x/_recv_0", "b", ("y0", "y1", "y3")),
        ("x/_send_1", "x/_recv_1", "c", ("y2",)),
    ]
    assert [n.inputs for n in cut.workload.nodes if n.name.startswith("y")] == [
        ("x/_recv_0:0",), ("x/_recv_0:0",), ("x/_recv_1:0",), ("x/_recv_0:0",),
    ]  # fmt: skip


def test_two_outputs_of_an_op_have_a_recv_each_and_so_has_a_control_edge_beside_them():
    work = Workload((node("x", outputs=2), node("y", "x:0", "x:1", "^x"), node("z", "x:1", "^x")))
    cut = partition(work, {"x": "a", "y": "b", "z": "b"})
    assert [(c.tensor, c.recv, c.bytes) for c in cut.crossings] == [
        ("x:0", "x/_recv_0", 40), ("x:1", "x/_recv_1_0", 40), ("^x", "x/_recv_control_0", 0),
    ]  # fmt: skip
    assert cut.workload.node("z").inputs == ("x/_recv_1_0:0", "^x/_recv_control_0")
    assert cut.crossing_bytes == 80


def test_the_same_tensor_taken_twice_by_one_op_crosses_once():
    cut = partition(Workload((node("x"), node("y", "x:0", "x:0"))), {"x": "a", "y": "b"})
    assert len(cut.crossings) == 1
    assert cut.workload.node("y").inputs == ("x/_recv_0:0", "x/_recv_0:0")


def test_what_is_on_one_device_stays_as_it_is():
    work = Workload((node("x"), node("y", "x:0", "^x")))
    cut = partition(work, dict.fromkeys("xy", "a"))
    assert cut.workload == work
    assert cut.crossings == ()
    assert list(cut.parts) == ["a"]


def test_a_value_of_a_variable_crosses_and_a_reference_to_it_never():
    v = node("v", group="v", holds_reference=True)
    update = node("v/Assign", "v:0", group="v", asked_by="train.py, line 3 asked for /gpu:1")
    cut = partition(Workload((v, node("y", "v:0"))), {"v": "a", "y": "b"})
    assert [c.tensor for c in cut.crossings] == ["v:0"]
    with pytest.raises(GraphError, match=r'"v/Assign" .* takes a reference to a variable, "v:0", of a') as caught:
        partition(Workload((v, update)), {"v": "a", "v/Assign": "b"})
    assert "train.py, line 3" in str(caught.value)
    queue = WorkNode("q", "FIFOQueueV2", outputs=(Output("q:0", "resource", (), 0),))
    with pytest.raises(GraphError, match="the handle of an object"):
        partition(Workload((queue, node("take", "q:0"))), {"q": "a", "take": "b"})


def test_the_placers_groups_never_let_a_reference_cross():
    with tf.device("/gpu:1"):
        w = tf.Variable(tf.zeros([3]), name="w")
    step = tf.train.MomentumOptimizer(0.1, 0.9).minimize(tf.reduce_sum(tf.square(w)))
    work = tf.costs.workload([step, w.initializer])
    placement = tf.placement.place(w.graph, ["/cpu:0", "/gpu:0", "/gpu:1"])
    cut = partition(work, {n.name: placement.device_of(n.name) for n in work.nodes})
    assert cut.crossings
    assert not [c for c in cut.crossings if c.bytes and work.node(maker(c.tensor)).holds_reference]


def test_compressed_tensors_have_half_or_a_quarter_of_the_bytes_and_one_cast_serves_all_devices():
    numbers = WorkNode("i", "Op", (), (Output("i:0", "int32", (10,), 40),))
    work = Workload((node("x"), numbers, node("y", "x:0", "i:0"), node("z", "x:0", "^x")))
    places = {"x": "a", "i": "a", "y": "b", "z": "c"}
    for compress, size, types in (
        ("bfloat16", 20, ["Cast", "Cast", "Cast"]),
        ("int8", 14, ["Quantize", "Dequantize", "Dequantize"]),
    ):
        cut = partition(work, places, compress=compress)
        assert [(c.tensor, c.bytes) for c in cut.crossings] == [("x:0", size), ("i:0", 40), ("x:0", size), ("^x", 0)]
        assert [n.op for n in cut.workload.nodes if "x/_" in n.name and n.op[0] != "_"] == types
        assert cut.crossings[0].dtype == compress
        assert cut.workload.node("y").inputs == ("x/_widen_0:0", "i/_recv_0:0")
        assert cut.workload.tensors["x/_widen_1:0"].dtype == "float32"
    with pytest.raises(GraphError, match="compress='float16' is no format"):
        partition(work, places, compress="float16")


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=40))
def test_truncation_drops_the_lower_half_of_the_bits_and_int8_is_within_half_a_step(numbers: list[float]):
    array = np.array(numbers, np.float32)
    bits = [int.from_bytes(np.float32(x).tobytes()[::-1], "big") >> 16 << 16 for x in array]  # little-endian computers
    expected = np.array([np.frombuffer(b.to_bytes(4, "little"), np.float32)[0] for b in bits], np.float32)
    np.testing.assert_array_equal(expected, as_sent(array, "bfloat16"))
    largest = max((abs(float(x)) for x in array), default=0.0)
    if largest > 1e-30:
        error = np.abs(as_sent(array, "int8").astype(np.float64) - array.astype(np.float64))
        assert (error <= largest / 127 * 0.5001).all()


def in_order(cut: Partition, took: dict[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """Start and end of each op, on devices that run their ops in order; Sends and Recvs take no device's time."""
    start: dict[str, float] = {}
    end: dict[str, float] = {}
    free: dict[str, float] = {}
    for n in cut.workload.nodes:
        start[n.name] = max((end[need] for need in n.needs), default=0.0)
        if n.op[0] != "_":
            start[n.name] = max(start[n.name], free.get(cut.devices[n.name], 0.0))
        end[n.name] = start[n.name] + took[n.name]
        if n.op[0] != "_":
            free[cut.devices[n.name]] = end[n.name]
    return start, end


@given(placed(), st.lists(st.integers(0, 5), min_size=14, max_size=14), st.integers(0, 4))
def test_scheduled_recvs_delay_nothing_and_never_come_sooner(
    step: tuple[Workload, dict[str, str]], lengths: list[int], travel: int
):
    work, places = step
    seconds = {n.name: float(length) for n, length in zip(work.nodes, lengths, strict=False)}
    plain = partition(work, places)
    late = partition(work, places, recv_scheduling=True, seconds=seconds, travel_seconds=lambda *_: float(travel))
    took = {n.name: seconds.get(n.name, float(travel) if n.op == "_Recv" else 0.0) for n in plain.workload.nodes}
    start, end = in_order(plain, took)
    later, ends = in_order(late, took)
    assert max(end.values()) == max(ends.values())
    assert all(later[c.recv] >= start[c.recv] for c in plain.crossings)
    assert values_after(late) == values_after(plain)


def test_a_recv_waits_for_the_last_op_after_which_it_still_comes_in_time():
    """b computes for 9 s before it takes what a sends at 1 s; the transfer takes 2 s, so it may start at 7 s."""
    work = Workload((node("x"), *(node(f"b{i}", *([f"b{i - 1}:0"] if i else [])) for i in range(3)),
                     node("y", "x:0", "b2:0")))  # fmt: skip
    places = {"x": "a"} | dict.fromkeys(["b0", "b1", "b2", "y"], "b")
    seconds = {"x": 1.0, "b0": 3.0, "b1": 3.0, "b2": 3.0, "y": 1.0}
    cut = partition(work, places, recv_scheduling=True, seconds=seconds, travel_seconds=lambda a, b, size: size / 20)
    assert cut.workload.node("x/_recv_0").inputs == ("^x/_send_0", "^b1")
    start, end = in_order(cut, seconds | {"x/_send_0": 0.0, "x/_recv_0": 2.0})
    assert (start["x/_recv_0"], end["y"]) == (6.0, 10.0)


def test_recv_scheduling_without_times_says_what_is_missing():
    work = Workload((node("x"), node("y", "x:0")))
    with pytest.raises(GraphError, match="needs to know how long ops take"):
        partition(work, {"x": "a", "y": "b"}, recv_scheduling=True)
    with pytest.raises(GraphError, match='no time for "y"'):
        partition(work, {"x": "a", "y": "b"}, recv_scheduling=True, seconds={"x": 1.0})
    with pytest.raises(GraphError, match='no device is given for "y"'):
        partition(work, {"x": "a"})


def test_the_work_grows_with_the_step_and_not_with_its_square():
    """Counted, not timed: a tensor that goes to many devices must not look at all that went before."""

    class Counting(dict):  # type: ignore[type-arg]
        looks = 0

        def __iter__(self):
            Counting.looks += len(self)
            return super().__iter__()

    counts = []
    for size in (200, 800):
        work = Workload((node("x"), *(node(f"y{i}", "x:0") for i in range(size))))
        cut = _Cut(work, {"x": "a"} | {f"y{i}": f"d{i}" for i in range(size)}, None)
        cut._wires, Counting.looks = Counting(), 0
        for n in work.nodes:
            cut.add(n)
        assert len(cut.crossed) == size
        counts.append(Counting.looks)
    assert counts == [0, 0]
