"""PlacementView's half in the kernel: figures against the simulator and formulas, moves, what a page may ask."""

from __future__ import annotations

import gc
import json
import linecache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import labkit as tf
import labkit_widgets as lw
from labkit.cluster import Cluster, Device, ready, single
from labkit.errors import LabkitError
from labkit.partition import partition
from labkit.placement.by_cost import obey, place_by_cost
from labkit.simulator import simulate
from labkit.trace import Output
from labkit.workload import Workload, WorkNode
from labkit_widgets.columns import decode
from tests.widgets.samples import training

CPU, G0, G1 = "/device:CPU:0", "/device:GPU:0", "/device:GPU:1"


def net() -> tuple[Any, dict[Any, Any]]:
    """Two layers with their gradients, and what would be fed."""
    x = tf.placeholder(tf.float32, [None, 784], name="x")
    hidden = tf.layers.dense(x, 128, tf.nn.relu, name="hidden")
    with tf.device("/gpu:1"):
        logits = tf.layers.dense(hidden, 10, name="logits")
    loss = tf.reduce_mean(tf.square(logits), name="loss")
    return tf.train.GradientDescentOptimizer(0.5).minimize(loss, name="train"), {x: [100, 784]}


def independent(count: int = 2, flops: float = 10.6e9) -> Workload:
    """Matrix products that do not need each other."""
    return Workload(tuple(WorkNode(f"m{i}", "MatMul", flops=flops, bytes=1e6) for i in range(count)))


def told(view: Any) -> dict[str, Any]:
    """What the page was told last."""
    return decode(view.placed)


def ask(view: Any, verb: str, **args: Any) -> Any:
    """What the page gets for a question: the result, or the error as text."""
    sent: list[Any] = []
    view.send = lambda content, buffers=None: sent.append(content)
    view._hear(view, {"id": 1, "verb": verb, "args": args}, [])
    assert len(sent) == 1
    return sent[0].get("result", sent[0].get("error"))


def test_the_figures_are_the_simulators() -> None:
    """Step, busy shares, peaks and crossings, after some moves."""
    fetches, feeds = net()
    view = lw.PlacementView(fetches, "gpu_server", feeds)
    view.move("hidden", G0).move("x", CPU)
    run = simulate(tf.costs.workload(fetches, feeds), view.places, ready("gpu_server"))
    page = told(view)
    assert page["step"] == pytest.approx(run.seconds, rel=1e-5)
    names = [entry[0] for entry in view.machines["devices"]]
    assert [names[number] for number in page["on"]] == [view.places[node.name] for node in view.work.nodes]
    for number, ops, busy, peak, over in page["devices"]:
        assert ops == sum(device == names[number] for device in view.places.values())
        assert busy == pytest.approx(run.utilisation[names[number]], abs=1e-4)
        assert peak == run.memory[names[number]].peak
        assert over == ""
    cut = partition(view.work, view.places)
    assert [entry[3:] for entry in page["over"]] == [[c.send, c.recv, c.bytes] for c in cut.crossings]


def test_two_products_side_by_side_take_half_the_time() -> None:
    """By the roofline formula of a P100: FLOPs over its rate, and the launch."""
    one = 10.6e9 / 10.6e12 + 5e-6  # 10.6 TFLOP/s, 5 us
    view = lw.PlacementView(independent(), "gpu_server")
    assert view.simulation.seconds == pytest.approx(2 * one, rel=1e-9)
    view.move("m1", "/gpu:1")
    assert view.simulation.seconds == pytest.approx(one, rel=1e-9)
    assert told(view)["before"] == pytest.approx(2 * one, rel=1e-5)


def test_reasons_are_the_placers_until_something_is_moved() -> None:
    fetches, feeds = net()
    view = lw.PlacementView(fetches, "gpu_server", feeds)
    expected = obey([view.graph.nodes_by_name[node.name] for node in view.work.nodes], ready("gpu_server"))
    assert view.placement == expected
    assert "asked for /gpu:1" in view.placement.reason("logits/MatMul")
    view.move("logits/MatMul", "/gpu:2")
    assert view.placement.reason("logits/MatMul") == f"you moved it here, from {G1}"
    assert view.placement.decision("logits/MatMul").rule == "moved"


def test_what_must_be_together_moves_together() -> None:
    fetches, feeds = net()
    view = lw.PlacementView(fetches, "gpu_server", feeds)
    group = {node.name for node in view.work.nodes if node.group == "hidden/kernel"}
    assert "hidden/kernel" in group
    assert len(group) > 2
    before = view.places
    said = ask(view, "move", names=["hidden/kernel"], device="/device:GPU:5")["said"]
    assert {name for name in before if view.places[name] != before[name]} == group
    assert f"{len(group)} ops moved to /device:GPU:5, {len(group) - 1} of them because they must be together." in said


def test_an_op_without_a_kernel_there_is_refused_with_the_reason() -> None:
    work = Workload((WorkNode("read", "ReaderRead", kinds=("CPU",)), WorkNode("m", "MatMul", ("^read",), flops=1e9)))
    view = lw.PlacementView(work)
    assert view.places == {"read": CPU, "m": G0}
    with pytest.raises(ValueError, match=r"'read' cannot go to /device:GPU:1: ReaderRead has a kernel for CPU alone\."):
        view.move("read", G1)
    assert "has a kernel for CPU alone" in ask(view, "move", names=["read", "m"], device=G1)
    assert view.places == {"read": CPU, "m": G0}
    about = ask(view, "about", names=["read"])
    assert [devices for _, devices in about["refused"]] == [[1, 2, 3, 4, 5, 6, 7, 8]]


def test_a_move_against_what_a_line_asks_says_so() -> None:
    fetches, feeds = net()
    view = lw.PlacementView(fetches, "gpu_server", feeds)
    said = ask(view, "move", names=["logits/MatMul"], device=G0)["said"]
    assert "asked for /gpu:1, which this overrides" in said
    assert view.places["logits/MatMul"] == G0


def test_undo_redo_and_reset() -> None:
    view = lw.PlacementView(independent())
    first = view.places
    moved = view.move("m1", G1).places
    view.place("one device")
    assert view.undo().places == moved
    assert view.undo().places == first
    assert view.undo().places == first  # nothing before it
    assert view.redo().places == moved
    assert (told(view)["undo"], told(view)["redo"], told(view)["moved"]) == (True, True, 1)
    assert view.reset().places == first
    assert told(view)["moved"] == 0
    assert view.undo().places == moved
    view.move("m0", "/gpu:3")
    assert not told(view)["redo"]  # a new way was taken
    view.move("m0", G0)  # back where the placer put it: not moved by hand
    assert told(view)["moved"] == 1


@pytest.mark.parametrize("method", ["one device", "greedy", "heft", "search"])
def test_placers_by_cost_are_labkits(method: str) -> None:
    fetches, feeds = net()
    work = tf.costs.workload(fetches, feeds)
    view = lw.PlacementView(fetches, "gpu_server", feeds, method=method)
    judge = "simulator" if method == "search" else "schedule"
    expected = place_by_cost(work, ready("gpu_server"), method, judge=judge)
    assert view.places == expected.places
    assert view.placement.reason("hidden/MatMul") == expected.reason("hidden/MatMul")


def test_comparing_gives_what_each_placer_then_takes() -> None:
    fetches, feeds = net()
    view = lw.PlacementView(fetches, "laptop", feeds)
    ask(view, "compare")
    view.use("gpu_server")
    ask(view, "compare")
    assert [cluster for cluster, _ in view.table] == ["laptop", "gpu_server"]
    rows = {row[0]: row for row in view.table[1][1]}
    for method, words in view.machines["methods"]:
        view.place(method)
        run = view.simulation
        sent = [c.bytes for c in run.cut.crossings if not c.tensor.startswith("^")]
        assert words
        assert rows[method][1:5] == [pytest.approx(run.seconds, rel=1e-5), len(sent), sum(sent),
                                     len(set(view.places.values()))]  # fmt: skip
    assert rows["search"][1] <= min(rows[method][1] for method in ("one device", "greedy", "heft")) * (1 + 1e-9)


def test_the_steps_of_a_placer_are_its_choices() -> None:
    """Each op once; the device taken is among those listed, and its end is the schedule's."""
    fetches, feeds = net()
    view = lw.PlacementView(fetches, "gpu_server", feeds, method="heft")
    schedule = place_by_cost(view.work, ready("gpu_server"), "heft").schedule
    ends = {task.name: task.end_seconds for task in schedule.tasks}
    steps: list[Any] = []
    while len(steps) < len(view.work):
        answer = ask(view, "steps", first=len(steps), count=20)
        assert answer["of"] == len(view.work)
        steps += answer["steps"]
    assert sorted(step[0] for step in steps) == list(range(len(view.work)))
    assert [step[0] for step in steps] == [
        [node.name for node in view.work.nodes].index(choice.task) for choice in schedule.choices
    ]
    for op, device, tried, reason, looked in steps:
        name = view.work.nodes[op].name
        assert reason
        assert looked >= len(tried) >= 1
        assert dict(map(tuple, tried))[device] == pytest.approx(ends[name], rel=1e-3)


def test_a_placer_without_costs_is_played_by_its_reasons() -> None:
    fetches, feeds = net()
    view = lw.PlacementView(fetches, "gpu_server", feeds)
    answer = ask(view, "steps", first=0, count=1000)
    assert [step[0] for step in answer["steps"]] == list(range(len(view.work)))
    assert all(step[3] and step[2] == [] for step in answer["steps"])


def test_what_an_op_waits_for() -> None:
    """The tensor that comes late over a link, with when it is there; and a device that is busy."""
    a = WorkNode("a", "MatMul", outputs=(Output("a:0", "float32", (1000, 1000), 4_000_000),), flops=1e9, bytes=1e6)
    b = WorkNode("b", "MatMul", flops=1e9, bytes=1e6)
    c = WorkNode("c", "Neg", ("a:0",), flops=1e6, bytes=8e6)
    view = lw.PlacementView(Workload((a, b, c)), placement={"a": G0, "b": G1, "c": G1})
    run = simulate(view.work, view.places, ready("gpu_server"))
    arrived = next(event.end_seconds for event in run.trace.events if event.op == "_Recv")
    waits = ask(view, "about", names=["c"])["waits"]
    assert [(entry["op"], entry["at"]) for entry in waits] == [("a", pytest.approx(arrived))]
    assert waits[0]["way"] == f"4.00 MB from {G0}"
    view.move(["a", "b"], G0)
    waits = ask(view, "about", names=["b"])["waits"]
    assert waits[0]["op"] == ""
    assert "busy" in waits[0]["way"]


def test_memory_that_is_too_small_is_marked_and_named() -> None:
    big = WorkNode("v", "VariableV2", outputs=(Output("v:0", "float32", (5_000_000_000,), 20_000_000_000),),
                   state_bytes=20_000_000_000, holds_reference=True)  # fmt: skip
    view = lw.PlacementView(Workload((big, WorkNode("m", "MatMul", ("v:0",), flops=1e9, bytes=1e6))))
    (number, _, _, peak, over), *_ = told(view)["devices"]
    assert view.machines["devices"][number][0] == G0
    assert peak > view.machines["devices"][number][3] == 16e9
    assert "no room for the variables" in over
    assert any("no room" in str(entry) for entry in view.outline())
    assert repr(view).endswith(f"of gpu_server, {G0} is out of memory>")
    assert ask(view, "undo")["said"] == f"{G0} is out of memory"
    view.move(["v", "m"], CPU)  # 128 GB; m alone on the GPU would get all of v by a Recv
    assert all(entry[4] == "" for entry in told(view)["devices"])


def test_soft_placement_is_said() -> None:
    fetches, feeds = net()
    view = lw.PlacementView(fetches, "laptop", feeds)
    assert "TensorFlow refuses this: " in told(view)["note"]
    assert "/device:GPU:1" in told(view)["note"]
    assert set(view.places.values()) == {CPU}
    assert told(lw.PlacementView(fetches, "gpu_server", feeds))["note"] == ""


def test_the_code_says_the_placement() -> None:
    """Lines of a program, moved, written with tf.device by `code`, run and placed by TensorFlow's rules: the same."""
    lines = ["x = tf.placeholder(tf.float32, [8, 4], name='x')", "a = tf.matmul(x, tf.ones([4, 4]), name='a')",
             "b = tf.nn.relu(a, name='b')", "c = tf.reduce_sum(b, name='c')"]  # fmt: skip
    source = "\n".join(lines) + "\n"
    linecache.cache["program.py"] = (len(source), None, source.splitlines(True), "program.py")
    names: dict[str, Any] = {"tf": tf}
    exec(compile(source, "program.py", "exec"), names)
    view = lw.PlacementView(names["c"], feeds={names["x"]: [8, 4]})
    view.move("b", G1).move(["c", "Const"], "/gpu:2")
    written = view.code()
    with tf.Graph().as_default():
        again: dict[str, Any] = {"tf": tf}
        exec(written, again)
        placed = obey(again["c"].graph, ready("gpu_server"))
        assert {name: placed.places[name] for name in view.places} == view.places
    del linecache.cache["program.py"]


def test_the_code_says_what_blocks_cannot_say() -> None:
    fetches, feeds = net()
    view = lw.PlacementView(fetches, "gpu_server", feeds).move("hidden", "/gpu:3")
    written = view.code()
    assert "colocate_gradients_with_ops=True" in written
    assert "no block says this" in written
    del fetches, feeds
    assert 'with tf.device("' in written


def test_trace_views_follow() -> None:
    view = lw.PlacementView(independent())
    trace = lw.TraceView(view.trace)
    assert view.link(trace) is view
    assert view.channel == trace.channel != ""
    view.move("m1", G1)
    assert [(e.node, e.device, e.start_seconds) for e in trace._traces[0].events] == [
        (e.node, e.device, e.start_seconds) for e in view.trace.events
    ]
    trace.close()
    view.undo()  # no error


def test_it_holds_its_graph_weakly() -> None:
    with tf.Graph().as_default():
        view = lw.PlacementView(tf.matmul(tf.ones([64, 64]), tf.ones([64, 64]), name="y"))
    gc.collect()
    assert view.graph is None
    assert view.place("heft").place("obey").move("y", G1).places["y"] == G1
    assert "y" in view.code()


def test_messages_are_small() -> None:
    """1,111 ops on 9 devices: the ops once, then a few kB for each change; whatever is asked is far below the limit."""
    graph = training(1000)
    x, labels = (op.outputs[0] for op in graph.get_operations() if op.type == "Placeholder")
    view = lw.PlacementView(graph, "gpu_server", {x: list(x.static_shape), labels: list(labels.static_shape)},
                            method="greedy")  # fmt: skip
    assert len(view.work) > 1000
    assert len(view.columns) < 30_000
    assert len(view.placed) < 10_000
    for answer in (view._on_about([node.name for node in view.work.nodes]), view._on_steps(0, 1000), view._on_code()):
        assert len(json.dumps(answer)) < 100_000


@pytest.mark.parametrize(
    ("verb", "args", "words"),
    [
        ("move", {"names": ["nobody"], "device": G0}, "there is no op 'nobody' in this step."),
        ("move", {"names": "m0", "device": G0}, "which ops?"),
        ("move", {"names": [], "device": G0}, "which ops?"),
        ("move", {"names": [["m0"]], "device": G0}, "there is no op \"['m0']\" in this step."),
        ("move", {"names": ["m0"], "device": "/gpu:99"}, "no device of gpu_server is called '/gpu:99'"),
        ("move", {"names": ["m0"]}, "missing a required argument: 'device'"),
        (
            "place",
            {"method": "magic"},
            "method is one of 'obey', 'one device', 'greedy', 'heft', 'search', not 'ma",
        ),
        ("use", {"cluster": "moon"}, "cluster is one of 'phone', 'laptop'"),
        ("steps", {"first": -1, "count": 5}, "steps are asked for by two numbers"),
        ("steps", {"first": 0, "count": "all"}, "steps are asked for by two numbers"),
        ("about", {"names": [3]}, "there is no op '3' in this step."),
        ("stand", {}, "PlacementView does not know 'stand'"),
    ],
)
def test_a_page_is_not_trusted(verb: str, args: dict[str, Any], words: str) -> None:
    view = lw.PlacementView(independent())
    before = view.places
    assert words in ask(view, verb, **args)
    assert view.places == before


@pytest.mark.parametrize("state", [{"open": "all"}, {"open": [1]}, {"closed": []}])
def test_a_state_that_is_none_is_refused(state: Any) -> None:
    view = lw.PlacementView(independent())
    with pytest.raises(Exception, match="no state of a PlacementView"):
        view.state = state
    view.state = {"open": ["hidden/"]}


def test_wrong_arguments_are_explained() -> None:
    fetches, feeds = net()
    with pytest.raises(TypeError, match=r"a Workload, not 3\.\n  Try: lw\.PlacementView\(train, feeds="):
        lw.PlacementView(3)
    with pytest.raises(ValueError, match=r"cluster is one of 'phone', 'laptop', 'gpu_server', .*not 'moon'"):
        lw.PlacementView(fetches, "moon", feeds)
    with pytest.raises(TypeError, match=r"cluster is a name such as 'gpu_server', or a tf.cluster.Cluster, not 5"):
        lw.PlacementView(fetches, 5, feeds)  # pyright: ignore
    with pytest.raises(ValueError, match=r"method is one of 'obey'.*not 'luck'"):
        lw.PlacementView(fetches, feeds=feeds, method="luck")
    with pytest.raises(ValueError, match="the placement has no device for 'x'"):
        lw.PlacementView(fetches, feeds=feeds, placement={})
    with pytest.raises(TypeError, match="placement is a Placement, or a device for each op, not 7"):
        lw.PlacementView(fetches, feeds=feeds, placement=7)  # pyright: ignore
    with pytest.raises(LabkitError, match="GPU:77"):
        lw.PlacementView(independent(), placement={"m0": "/device:GPU:77", "m1": G0})
    with pytest.raises(LabkitError, match="there is nothing to place"):
        lw.PlacementView(Workload(()))
    with pytest.raises(ValueError, match="there is no op or scope 'nobody' in this step of 2 ops"):
        lw.PlacementView(independent()).move("nobody", G0)
    machines = Cluster("two", single(), [Device(f"/task:{n}/device:CPU:0", "laptop_cpu", "h0") for n in range(2)])
    with pytest.raises(ValueError, match="2 devices of two are called '/cpu:0'"):
        lw.PlacementView(independent(), machines).move("m0", "/cpu:0")


def test_what_it_takes_may_be_nested_a_graph_or_a_placement() -> None:
    x = tf.placeholder(tf.float32, [None, 4], name="x")
    y = tf.square(x, name="y")
    nested = lw.PlacementView({"out": [y]}, feeds={x: [2, 4]})
    assert list(nested.places) == ["x", "y"]
    assert lw.PlacementView(y.graph, feeds={x: [2, 4]}).places == nested.places
    again = lw.PlacementView(y, feeds={x: np.zeros((2, 4), np.float32)}, placement=nested.move("y", G1).placement)
    assert again.places == {"x": G0, "y": G1}
    assert told(again)["method"] == "given"
    assert again.use("laptop").places == {"x": CPU, "y": CPU}


def test_its_other_faces_are_the_same_at_every_run() -> None:
    fetches, feeds = net()
    view, other = (lw.PlacementView(fetches, "gpu_server", feeds, method="search") for _ in range(2))
    assert repr(view) == repr(other)
    assert view.picture() == other.picture()
    assert view.outline() == other.outline()
    assert "busy" in view.outline()[0]
    assert view.still() == other.still()
    assert "data:image/svg+xml" in view.still()


@given(turns=st.lists(st.tuples(st.integers(0, 45), st.integers(0, 8)), min_size=1, max_size=8))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_moved_it_is_the_simulators_step_and_can_be_undone(turns: list[tuple[int, int]]) -> None:
    """Each state on the way has the figures of its places, groups stay together, and undoing leads back through all."""
    tf.reset_default_graph()
    fetches, feeds = net()
    view = lw.PlacementView(fetches, "gpu_server", feeds)
    names, devices = [node.name for node in view.work.nodes], list(view.cluster.devices)
    states = [view.places]
    for op, device in turns:
        view.move(names[op % len(names)], devices[device])
        if view.places != states[-1]:
            states.append(view.places)
        homes: dict[str, str] = {}
        for node in view.work.nodes:
            assert homes.setdefault(node.group or node.name, view.places[node.name]) == view.places[node.name]
    assert told(view)["step"] == pytest.approx(simulate(view.work, view.places, view.cluster).seconds, rel=1e-5)
    for places in reversed(states):
        assert view.places == places
        view.undo()
    assert not told(view)["undo"]
