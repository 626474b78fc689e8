"""RooflineView's half in the kernel: times against the formula, written out here, and sums against plain sums."""

from __future__ import annotations

import json
import zlib
from typing import Any

import numpy as np
import pytest
import traitlets
from hypothesis import given
from hypothesis import strategies as st

import labkit as tf
import labkit_widgets as lw
from labkit import draw
from labkit.cluster import ClusterError, DeviceKind
from labkit.costs import GraphCost, NodeCost
from labkit.graph import Cost
from labkit.trace import Event, Trace
from labkit_widgets.roofline_marks import MOST_NODES
from labkit_widgets.view import MOST_BYTES
from tests.browser.views import HOSTILE

TOY = DeviceKind("toy", "a toy", {"float32": 1e6, "int8": 4e6}, 1024, 1e5, 1e-3, "invented")
SLOW = DeviceKind("slow", "a slow one", {"float32": 1e3, "float64": 5e2}, 1024, 1e4, 0.0, "invented")

nodes = st.lists(
    st.builds(
        lambda op, flops, moved: (op, float(flops), float(moved)),
        st.sampled_from(["MatMul", "Relu", "Identity"]), st.integers(0, 10**9), st.integers(0, 10**7),
    ),
    min_size=1, max_size=12,
)  # fmt: skip


def decoded(view: Any) -> Any:
    """What travels to the page."""
    return json.loads(zlib.decompress(view.data))


def net() -> tuple[tf.Graph, Any, Any, Any]:
    """A training step: its graph, what is fetched, what is fed as shapes, and as values."""
    graph = tf.Graph()
    with graph.as_default():
        x = tf.placeholder(tf.float32, [None, 20], name="x")
        w = tf.Variable(tf.ones([20, 30]), name="w")
        loss = tf.reduce_mean(tf.square(tf.nn.relu(tf.matmul(x, w))))
        train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    return graph, train, {x: [50, 20]}, {x: np.ones((50, 20), np.float32)}


@given(nodes)
def test_the_times_are_the_roofline_s(work: list[tuple[str, float, float]]) -> None:
    """max(FLOPs / peak, bytes / bandwidth) + launch, node by node; op types are sums; the first kind is chosen."""
    cost = GraphCost(tuple(NodeCost(f"n{i}", op, Cost(flops, moved)) for i, (op, flops, moved) in enumerate(work)))
    view = lw.RooflineView(cost, [TOY, SLOW])
    made = decoded(view)
    assert made["dtypes"] == ["float32", "float64", "float16", "bfloat16", "int8"]
    known = [("toy", "float32", 1e6, 1e5, 1e-3), ("toy", "int8", 4e6, 1e5, 1e-3)]
    known += [("slow", "float32", 1e3, 1e4, 0.0), ("slow", "float64", 5e2, 1e4, 0.0)]
    for kind, unit, peak, speed, launch in known:
        times, seconds = made["times"][kind][unit], [max(f / peak, m / speed) + launch for _, f, m in work]
        assert times["total"] == pytest.approx(sum(seconds), rel=1e-5)
        assert times["node"]["seconds"] == pytest.approx(seconds, rel=1e-5)
        for i, op in enumerate(made["op"]["name"]):
            here = [n for n, (name, _, _) in enumerate(work) if name == op]
            assert times["op"]["seconds"][i] == pytest.approx(sum(seconds[n] for n in here), rel=1e-5)
            assert times["op"]["compute"][i] == pytest.approx(sum(work[n][1] / peak for n in here), rel=1e-5)
            assert times["op"]["memory"][i] == pytest.approx(sum(work[n][2] / speed for n in here), rel=1e-5)
            flops, moved = (sum(work[n][k] for n in here) for k in (1, 2))
            if flops and moved:  # a mark is nowhere above its roof
                assert flops / times["op"]["seconds"][i] <= min(peak, speed * flops / moved) * 1.0001
    assert view.seconds == made["times"]["toy"]["float32"]["total"]
    assert sum(made["op"]["count"]) == len(work)


@pytest.mark.parametrize(
    ("cost", "bound"), [(Cost(1e9, 1e3), "c"), (Cost(1e3, 1e6), "m"), (Cost(10, 10), "l"), (Cost(0, 0), "l")]
)
def test_what_bounds_an_op(cost: Cost, bound: str) -> None:
    made = decoded(lw.RooflineView({"op": cost}, TOY))
    assert made["times"]["toy"]["float32"]["op"]["bound"] == bound
    shares = made["times"]["toy"]["float32"]["bounds"]
    assert [name[0] for name, share in shares.items() if share == 1] == [bound]


def test_an_op_type_is_bound_by_what_bounds_most_of_its_time() -> None:
    pieces = [NodeCost("a", "MatMul", Cost(1e9, 1e3)), NodeCost("b", "MatMul", Cost(1e3, 1e6)),
              NodeCost("c", "MatMul", Cost(1e3, 1e6))]  # fmt: skip
    made = decoded(lw.RooflineView(pieces, TOY))
    assert made["times"]["toy"]["float32"]["op"]["bound"] == "c"  # 1000 s of arithmetic, 20 s of memory
    assert made["times"]["toy"]["float32"]["node"]["bound"] == "cmm"


def test_a_learner_s_graph_has_its_costs_and_the_bounds_that_the_printed_picture_names() -> None:
    _, train, shapes, _ = net()
    cost = tf.costs.graph_cost(train, shapes)
    view = lw.RooflineView(cost, ["k40", "phone"], tf.float32, by="node")
    made = decoded(view)
    by_node = {node.node: node.cost for node in cost.nodes}
    assert dict(zip(made["node"]["name"], made["node"]["flops"], strict=True)) == pytest.approx(
        {name: each.flops for name, each in by_node.items()}
    )
    words = {"c": "compute", "m": "memory", "l": "launch"}
    for place, node in enumerate(made["node"]["name"][:10]):
        k40, phone = (words[made["times"][kind]["float32"]["node"]["bound"][place]] for kind in ("k40", "phone"))
        printed = repr(draw.roofline(["k40", "phone"], {"op": by_node[node]}))
        assert printed.endswith(f"op: bounded by {k40} on K40, by {phone} on a phone>")
    same = lw.RooflineView(cost.nodes, ["k40", "phone"])
    assert decoded(same) == made


def test_a_trace_has_its_own_times_and_transfers_are_no_ops() -> None:
    events = [
        Event("a", "MatMul", "/gpu:0", 0.0, 2.0, 4, flops=1e6, moved_bytes=1e5),
        Event("s", "Send", "/gpu:0 -> /gpu:1", 2.0, 5.0, 4, moved_bytes=1e5),
        Event("b", "MatMul", "/gpu:1", 2.0, 4.0, 4, flops=2e6, moved_bytes=1e5),
        Event("b", "MatMul", "/gpu:1", 6.0, 1.0, 4, flops=2e6, moved_bytes=1e5),
    ]
    view = lw.RooflineView(Trace(events, simulated=True), TOY)
    made = decoded(view)
    assert (made["clock"], made["nodes"], made["op"]["name"], made["op"]["seconds"]) == (
        "simulated",
        3,
        ["MatMul"],
        [7.0],
    )
    assert (made["node"]["name"], made["node"]["count"], made["node"]["seconds"]) == (["a", "b"], [1, 2], [2.0, 5.0])
    assert view.seconds == 7.0
    assert (
        repr(view)
        == "<RooflineView: 1 op type, 3 nodes, 5.00 MFLOPs: 7.00 s simulated, under the roof of a toy in float32>"
    )


def test_what_stands_for_a_measured_trace_is_the_same_at_every_run() -> None:
    graph, train, _, values = net()
    seen: list[Any] = []
    with graph.as_default(), tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(2):
            _, trace = session.watch(train, values)
            seen.append(lw.RooflineView(trace, ["server_cpu", "k40"], by="node"))
    first, second = seen
    assert decoded(first) != decoded(second)
    assert repr(first) == repr(second)
    assert "measured, under the roof of a server's CPU in float32" in repr(first)
    assert first.still() == second.still()
    metadata = tf.RunMetadata()
    with graph.as_default(), tf.Session() as session:
        session.run(tf.global_variables_initializer())
        options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
        session.run(train, values, options=options, run_metadata=metadata)
    assert decoded(lw.RooflineView(metadata, "k40"))["clock"] == "measured"


def test_ten_thousand_nodes_fit_in_a_message_and_the_dearest_have_marks() -> None:
    cost = GraphCost(tuple(NodeCost(f"layer/n{i}", f"Op{i % 30}", Cost(1e6 + i, 1e4)) for i in range(10_000)))
    view = lw.RooflineView(cost, by="node")
    made = decoded(view)
    assert len(view.data) < MOST_BYTES / 4
    assert (made["nodes"], sum(made["op"]["count"])) == (10_000, 10_000)
    assert made["node"]["name"] == [f"layer/n{i}" for i in range(10_000 - MOST_NODES, 10_000)]
    assert made["times"]["k40"]["float32"]["total"] == pytest.approx(
        sum(max((1e6 + i) / 4.29e12, 1e4 / 288e9) + 5e-6 for i in range(10_000)), rel=1e-5
    )
    assert view.outline()[-1] == f"and {MOST_NODES - 60} more"
    assert len(view.still()) < 200_000


def test_kinds_and_dtypes_are_chosen_among_those_there_are() -> None:
    view = lw.RooflineView({"MatMul": Cost(1e12, 1e6)}, ["k40", "tpu_v1"])
    assert view.seconds == pytest.approx(1e12 / 4.29e12 + 5e-6, rel=1e-5)
    view.dtype = "int8"  # which a K40 computes as float32
    assert view.seconds == pytest.approx(1e12 / 4.29e12 + 5e-6, rel=1e-5)
    view.roof = "tpu_v1"
    assert view.seconds == pytest.approx(1e12 / 92e12 + 5e-6, rel=1e-5)
    assert repr(view) == "<RooflineView: 1 op type, 1 node, 1.00 TFLOPs: 10.9 ms on TPU v1 in int8>"
    view.dtype = tf.float32.name
    assert repr(view).endswith("TPU v1 has no unit for float32; it computes in int8, int16.>")
    assert view.outline() == ["MatMul: 1.00 TFLOPs, 1.00 MB, 1e+06 FLOPs per byte"]
    assert "K40, float32" in view.picture()
    assert "TPU v1" not in view.picture()
    with pytest.raises(ClusterError, match="no unit for float32"):
        _ = view.seconds
    for name, value in [("roof", "h100"), ("dtype", "complex64"), ("dtype", ""), ("by", "scope")]:
        with pytest.raises(traitlets.TraitError):
            setattr(view, name, value)
    assert (view.roof, view.dtype, view.by) == ("tpu_v1", "float32", "op")


def test_the_first_kind_that_can_is_chosen() -> None:
    assert lw.RooflineView({"MatMul": Cost(1e9, 1e6)}, ["tpu_v1", "k40"]).roof == "k40"
    assert lw.RooflineView({"MatMul": Cost(1e9, 1e6)}, ["k40", "tpu_v1"], "int16").seconds < 1
    assert lw.RooflineView({"MatMul": Cost(1e9, 1e6)}, roof="p100").roof == "p100"


def test_the_picture_shows_each_op_with_flops_and_bytes_and_each_roof() -> None:
    view = lw.RooflineView(
        {"A": Cost(1e9, 1e6), "B": Cost(1e3, 1e6), "C": Cost(0, 1e6), "D": Cost(10, 10)}, [TOY, SLOW]
    )
    drawn = view.picture()
    assert drawn == view.picture()
    assert drawn.count("<circle") == 1 + 1  # A, and the legend
    assert drawn.count('fill="#0072b2"') == 1 + 1  # B
    assert drawn.count('fill="#6b737c"') == 1 + 1  # D
    assert ">C</text>" not in drawn
    assert "a toy, float32" in drawn
    assert "a slow one, float32" in drawn
    assert view.outline()[0] == "A: 1.00 GFLOPs, 1.00 MB, 1000 FLOPs per byte: 1.00 ks on a toy, compute bounds it"


def test_hostile_names_are_text() -> None:
    view = lw.RooflineView({name: Cost(1e9, 1e6 * (i + 1)) for i, name in enumerate(HOSTILE.values())}, "k40")
    assert "<img src=x" not in view.still()
    assert "<img src=x" not in view.picture()
    assert len(view.still()) < 20_000


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: lw.RooflineView(3), TypeError, r"costs or a trace, not int.\n  Try: RooflineView\(tf.costs.graph_"),
        (lambda: lw.RooflineView("loss"), TypeError, "not str"),
        (lambda: lw.RooflineView([3]), TypeError, "not list"),
        (lambda: lw.RooflineView(tf.constant([1.0])), TypeError, "not Tensor"),
        (lambda: lw.RooflineView({"a": 3}), TypeError, "shows costs"),
        (lambda: lw.RooflineView(Trace()), ValueError, "no op has a cost"),
        (lambda: lw.RooflineView(GraphCost(())), ValueError, "no op has a cost"),
        (lambda: lw.RooflineView({"a": Cost(1, 1)}, []), ValueError, "There is 'k40'"),
        (lambda: lw.RooflineView({"a": Cost(1, 1)}, "k41"), ClusterError, "no kind of device called 'k41'"),
        (lambda: lw.RooflineView({"a": Cost(1, 1)}, "k40", "float128"), ClusterError, "K40 has no unit for float128"),
        (lambda: lw.RooflineView({"a": Cost(1, 1)}, "k40", by="scope"), ValueError, "by is one of 'op', 'node'"),
        (lambda: lw.RooflineView({"a": Cost(-1, 1)}, "k40"), ClusterError, "the work of the op is -1"),
    ],
)  # fmt: skip
def test_errors_say_what_was_wanted(call: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        call()
