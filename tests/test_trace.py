"""Traces: what a watched run records, as a table, as Chrome's format, as TensorFlow's messages."""

import itertools
import json
import time

import numpy as np
import pytest
from tensorboard.compat.proto import config_pb2, step_stats_pb2

import labkit as tf
from labkit.alone import warm_up
from labkit.python.client import timeline
from labkit.step_stats import parse_label, step_stats_of, trace_of
from labkit.trace import Event, Output, Trace

FULL = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE, output_partition_graphs=True)


@pytest.fixture(autouse=True)
def _own_graph():
    with tf.Graph().as_default():
        yield


def traced(fetches, feeds=None, variables=False):
    """The metadata of a traced run."""
    metadata = tf.RunMetadata()
    with tf.Session() as sess:
        if variables:
            sess.run(tf.global_variables_initializer())
        sess.run(fetches, feeds, FULL, metadata)
    return metadata


def events(metadata):
    """The events by node."""
    return {event.node: event for event in metadata.trace.events}


def test_an_event_says_what_went_in_what_came_out_and_what_it_cost():
    """With the sizes of this run, which the graph does not know."""
    x = tf.placeholder(tf.float32, [None, 784], name="x")
    w = tf.Variable(np.zeros((784, 10), np.float32), name="w")
    metadata = traced(tf.matmul(x, w, name="product"), {x: np.zeros((32, 784))}, variables=True)
    product = events(metadata)["product"]
    assert (product.op, product.inputs) == ("MatMul", ("x:0", "w/read:0"))
    assert product.outputs == (Output("product:0", "float32", (32, 10), 1280),)
    assert (product.flops, product.moved_bytes) == (501_760, 132_992)
    assert product.duration_seconds > 0
    assert metadata.trace.started_at_seconds > 1.6e9


def test_events_do_not_overlap_and_follow_their_inputs():
    """One node after another, each after those it needs."""
    x = tf.constant([1.0, 2.0])
    metadata = traced(tf.reduce_sum(tf.exp(x) * tf.log(x)))
    found = metadata.trace.events
    for before, after in itertools.pairwise(found):
        assert before.end_seconds <= after.start_seconds
    ended = {}
    for event in found:
        assert all(ended[name.partition(":")[0]] <= event.start_seconds for name in event.inputs)
        ended[event.node] = event.end_seconds


def test_the_time_of_compiling_is_not_in_the_trace():
    """The first run of an op compiles it, and its event has the time of a call after that; nothing is counted twice."""
    x = tf.ones([3, 17]) * 1.5
    y = tf.scan(lambda a, b: tf.tanh(a + b), x)
    spent = []
    for _ in range(2):
        before, began = warm_up.seconds, time.perf_counter()
        trace = traced(y).trace
        whole = time.perf_counter() - began
        spent.append(warm_up.seconds - before)
        assert sum(event.duration_seconds for event in trace.events) + spent[-1] < whole
        assert trace.events[-1].end_seconds + spent[-1] < whole
    assert spent[0] > 0
    assert spent[1] == 0


def test_host_operations_are_in_the_trace():
    """Printing, summaries and Python functions too; they cost no FLOPs."""
    x = tf.placeholder(tf.float32, [None])
    y = tf.Print(x * 2.0, [x]) + 1.0
    metadata = traced([y, tf.summary.scalar("s", tf.reduce_sum(y))], {x: [1.0, 2.0]})
    found = events(metadata)
    assert found["Print"].flops == found["s"].flops == 0
    assert found["s"].outputs[0].dtype == "string"
    assert found["s"].output_bytes == len(metadata.trace.values["s:0"].item())
    assert json.loads(timeline.Timeline(metadata.step_stats).generate_chrome_trace_format())


def test_a_training_step_with_everything_in_it_is_traced():
    """Variables that are written, random numbers, control flow, gradients."""
    x = tf.placeholder(tf.float32, [None, 4])
    w = tf.Variable(tf.ones([4, 2]))
    h = tf.nn.dropout(tf.matmul(x, w), 0.5, seed=1)
    h = tf.cond(tf.reduce_sum(h) > 1e9, lambda: h * 0.0, lambda: h)
    loss = tf.reduce_mean(tf.square(h))
    step = tf.train.AdamOptimizer(0.1).minimize(loss)
    metadata = traced([loss, step], {x: np.ones((3, 4))}, variables=True)
    ops = {event.op for event in metadata.trace.events}
    assert {"MatMul", "ApplyAdam", "RandomUniform"} <= ops
    assert all(np.isfinite([event.flops, event.moved_bytes]).all() for event in metadata.trace.events)


TWO = Trace([
    Event("a/x", "MatMul", "/device:CPU:0", 0.0, 3e-6, 400, flops=6000.0, moved_bytes=1200.0),
    Event("b", "MatMul", "/device:CPU:0", 4e-6, 1e-6, 400, flops=2000.0, moved_bytes=800.0),
    Event("a/y", "Add", "/device:CPU:0", 5e-6, 4e-6, 0),
])  # fmt: skip


def test_the_table_adds_up_by_op_scope_and_node():
    """Time, share, FLOPs, bytes, FLOPs per second and per byte, the longest first."""
    assert [line.split() for line in TWO.table().splitlines()] == [
        ["op", "calls", "time", "%", "FLOPs", "bytes", "FLOP/s", "FLOPs/byte"],
        ["MatMul", "2", "4.00", "us", "50.0%", "8.00", "k", "2.00", "k", "2.00", "G", "4.00"],
        ["Add", "1", "4.00", "us", "50.0%", "0", "0", "0", "-"],
        ["all", "3", "8.00", "us", "100.0%", "8.00", "k", "2.00", "k", "1.00", "G", "4.00"],
    ]
    assert [line.split()[0] for line in TWO.table("scope").splitlines()[1:]] == ["a", "(no", "all"]
    assert [line.split()[0] for line in TWO.table("node", limit=1).splitlines()[1:]] == ["a/y", "all"]
    assert Trace().table().splitlines()[1].split() == ["all", "0", "0", "s", "0.0%", "0", "0", "-", "-"]
    with pytest.raises(ValueError, match="'op', 'scope' or 'node'"):
        TWO.table("device")


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("c = MatMul(a, b)", ("MatMul", ("a", "b"))),
        ("c = NoOp()", ("NoOp", ())),
        ("c = f(g(x))", ("f", ("g(x)",))),
        ("c = MatMul(a, b", ("c", ())),
        ("c = (a)", ("c", ())),
        (" = (" * 50_000, ("c", ())),  # a pattern would try all pairs of the two
    ],
    ids=["inputs", "none", "nested", "open", "no op", "hostile"],
)
def test_labels_of_a_timeline_are_read_or_left(label, expected):
    assert parse_label(label, "c") == expected


def test_step_stats_are_tensorflows_message():
    """Times in microseconds since 1970, the label with the inputs, memory and shapes, per device."""
    metadata = traced(tf.matmul(tf.ones([2, 3]), tf.ones([3, 4], name="b"), name="y"))
    stats = step_stats_pb2.StepStats.FromString(metadata.step_stats.SerializeToString())
    [device] = stats.dev_stats
    assert device.device.startswith("/job:localhost/replica:0/task:0/device:")
    node = {n.node_name: n for n in device.node_stats}["y"]
    assert node.timeline_label == "y = MatMul(ones:0, b:0)"
    assert abs(node.all_start_micros / 1e6 - metadata.trace.started_at_seconds) < 60
    assert node.all_end_rel_micros >= 1
    assert node.memory[0].total_bytes == 2 * 4 * 4
    about = node.output[0].tensor_description
    assert (about.dtype, [d.size for d in about.shape.dim]) == (1, [2, 4])


def test_run_metadata_is_written_and_read_as_tensorflows_message():
    """The bytes are a RunMetadata with step stats and costs; labkit reads them, and TensorFlow's, as a trace."""
    metadata = traced(tf.multiply(tf.constant(2.0, name="a"), 3.0, name="y"))
    message = config_pb2.RunMetadata.FromString(metadata.SerializeToString())
    assert [n.name for n in message.cost_graph.node] == ["a", "y/y", "y"]
    assert [(i.preceding_node, i.preceding_port) for i in message.cost_graph.node[2].input_info] == [(0, 0), (1, 0)]
    read = tf.RunMetadata.FromString(metadata.SerializeToString()).trace
    assert [(e.node, e.op, e.inputs, e.outputs) for e in read.events] == [
        (e.node, e.op, e.inputs, e.outputs) for e in metadata.trace.events
    ]


def test_a_trace_of_tensorflows_own_making_can_be_read():
    """Labels of other forms, several devices, no outputs."""
    stats = step_stats_pb2.StepStats()
    for device, name, label, start in (
        ("/gpu:0", "y", "y = MatMul(a, b)", 2_000_000), ("/gpu:0/stream:1", "copy", "MEMCPYHtoD", 1_000_000),
    ):  # fmt: skip
        dev = stats.dev_stats.add(device=device)
        dev.node_stats.add(node_name=name, timeline_label=label, all_start_micros=start, all_end_rel_micros=500_000)
    trace = trace_of(stats)
    assert [(e.node, e.op, e.inputs, e.start_seconds) for e in trace.events] == [
        ("copy", "copy", (), 0.0), ("y", "MatMul", ("a", "b"), 1.0),
    ]  # fmt: skip
    assert trace.started_at_seconds == 1.0


def test_the_timeline_is_json_with_bars_arrows_and_memory():
    """A process per device, a bar per op, an arrow per edge, and the bytes alive."""
    here, there = "/device:CPU:0", "/device:GPU:0"
    outputs = {n: (Output(f"{n}:0", "float32", (size // 4,), size),) for n, size in (("a", 400), ("b", 100), ("c", 40))}
    trace = Trace([
        Event("a", "Const", here, 0.0, 1e-6, 400, (), outputs["a"]),
        Event("b", "Sum", here, 2e-6, 1e-6, 100, ("a:0",), outputs["b"]),
        Event("c", "Neg", there, 2.5e-6, 2e-6, 40, ("a:0", "b:0"), outputs["c"]),
        Event("d", "Sin", here, 2.6e-6, 1e-6, 0, (), ()),
    ])  # fmt: skip
    text = timeline.Timeline(trace).generate_chrome_trace_format(show_memory=True)
    found = json.loads(text)["traceEvents"]
    assert [e["args"]["name"] for e in found if e["ph"] == "M"] == [f"{here} Compute", f"{there} Compute"]
    bars = {e["args"]["name"]: e for e in found if e["ph"] == "X"}
    assert (bars["c"]["pid"], bars["c"]["ts"], bars["c"]["dur"]) == (1, 2.5, 2.0)
    assert bars["c"]["args"]["input1"] == "b:0"
    assert (bars["b"]["tid"], bars["d"]["tid"]) == (0, 1), "ops that run at once have rows of their own"
    arrows = [e for e in found if e["ph"] in "st"]
    assert [(e["ph"], e["name"]) for e in arrows] == [("s", "a:0"), ("t", "a:0")] * 2 + [("s", "b:0"), ("t", "b:0")]
    assert [e["ts"] for e in arrows[:2]] == [1.0, 2.0], "from the end of a to the start of b"
    curve = [(e["ts"], e["args"]["bytes"]) for e in found if e["ph"] == "C" and e["pid"] == 0]
    assert curve == [(0.0, 400), (2.0, 500), (4.5, 100), (4.5, 0)]
    most = timeline.Timeline(trace).analyze_step_stats().allocator_maximums[here]
    assert (most.num_bytes, most.tensors) == (500, ("a:0", "b:0"))


def test_a_timeline_of_something_else_is_explained():
    """With what to give instead."""
    with pytest.raises(tf.errors.LabkitError) as caught:
        timeline.Timeline("trace.json")
    assert "run_metadata.step_stats" in str(caught.value)


def test_chrome_format_of_a_trace_has_the_costs():
    """`Trace.to_chrome` is the short form: no arrows, no memory."""
    spans = [e for e in TWO.to_chrome()["traceEvents"] if e["ph"] == "X"]
    assert (spans[0]["ts"], spans[0]["dur"], spans[0]["args"]["flops"]) == (0.0, 3.0, 6000.0)


def test_step_stats_keep_two_devices_apart():
    """Each device has its own list, in order."""
    trace = Trace([Event(n, "Neg", d, 0.0, 1e-6, 0) for n, d in (("a", "/cpu:0"), ("b", "/gpu:0"), ("c", "/cpu:0"))])
    stats = step_stats_of(trace)
    assert [(d.device, [n.node_name for n in d.node_stats]) for d in stats.dev_stats] == [
        ("/cpu:0", ["a", "c"]), ("/gpu:0", ["b"]),
    ]  # fmt: skip


def test_partition_graphs_hold_the_nodes_that_ran():
    """A GraphDef per device, the fed placeholder included, only where it is asked for."""
    x = tf.placeholder(tf.float32, [], name="x")
    tf.exp(x, name="unused")
    y = tf.multiply(x, 2.0, name="y")
    [graph] = traced(y, {x: 1.0}).partition_graphs
    assert [node.name for node in graph.node] == ["x", "y/y", "y"]
    assert len({node.device for node in graph.node}) == 1
    metadata = tf.RunMetadata()
    tf.Session().run(y, {x: 1.0}, tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE), metadata)
    assert metadata.partition_graphs == []


def test_the_profiler_sums_what_a_run_did():
    """By scope and by op; times only with a traced run."""
    with tf.name_scope("layer"):
        w = tf.Variable(np.zeros((784, 10), np.float32), name="w")
        y = tf.matmul(tf.ones([4, 784]), w, name="product")
    flops = tf.profiler.profile(options=tf.profiler.ProfileOptionBuilder.float_operation())
    assert (flops.total_float_ops, flops.total_parameters) == (2 * 4 * 784 * 10, 7840)
    assert flops.children[0].name == "layer"
    metadata = traced(y, variables=True)
    times = tf.profiler.profile(None, metadata, cmd="op", options=tf.profiler.ProfileOptionBuilder.time_and_memory())
    assert times.total_exec_micros == sum(round(e.duration_seconds * 1e6) for e in metadata.trace.events)
    micros = [child.total_exec_micros for child in times.children]
    assert micros == sorted(micros, reverse=True)
    assert {child.name for child in times.children} >= {"MatMul", "VariableV2", "Identity"}
    with pytest.raises(tf.errors.LabkitError, match="traced run"):
        tf.profiler.profile(options=tf.profiler.ProfileOptionBuilder.time_and_memory())
    with pytest.raises(tf.errors.LabkitError, match="'scope' or 'op'"):
        tf.profiler.profile(cmd="advise")
