"""How a graph runs on four devices: where things are, what travels, what waits, what fails."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import labkit as tf
from labkit import across_devices
from labkit.across_devices import PlacedPlan
from labkit.errors import FailedPreconditionError, InvalidArgumentError, ShapeError
from labkit.executor import Plan, plan_for
from labkit.segment import Segment
from tests.several_devices import nets
from tests.several_devices.nets import Trained

FOUR = lambda i: f"/cpu:{i}"  # noqa: E731  # as the argument is called
CPU = "/job:localhost/replica:0/task:0/device:CPU:"


def device_of(session: tf.Session, variable: Any) -> int:
    return session._store[variable.op.name].device.id


def plan_of(session: tf.Session) -> Any:
    return list(session._prepared.values())[-1].plan


def test_variables_live_on_their_devices_and_are_donated():
    net = Trained(nets.mlp, FOUR, 1)
    names = [name for name in net.session._store if name.endswith(("kernel", "bias"))]
    where = {name: net.session._store[name].device.id for name in names}
    assert where == {"dense/kernel": 0, "dense/bias": 0, "dense_1/kernel": 1, "dense_1/bias": 1,
                     "dense_2/kernel": 2, "dense_2/bias": 2}  # fmt: skip
    net.train(1)
    before = [net.session._store[name] for name in names]
    net.train(2)
    assert all(value.is_deleted() for value in before)
    assert {name: net.session._store[name].device.id for name in names} == where


def test_each_tensor_is_sent_once_to_each_device_that_takes_it(monkeypatch: pytest.MonkeyPatch):
    net = Trained(nets.mlp, FOUR, 1)
    sent: list[tuple[int, Any]] = []
    send = across_devices.send
    monkeypatch.setattr(across_devices, "send", lambda v, d, *more: sent.append((id(v), d)) or send(v, d, *more))
    net.train(1)
    plan = net.plan
    wanted = {
        (t, plan.where[n])
        for n in plan.nodes for t in n.inputs
        if t.op in plan.where and t.op.inputs and plan.where[t.op] != plan.where[n] and t.static_shape != ()
    }  # fmt: skip
    assert {(t.tensor, t.target) for t in plan.transfers} == wanted
    assert len(plan.transfers) == len(wanted) == 4  # two activations forward, two gradients back
    arrays = [d for _, d in sent]
    assert len(sent) == len(set(sent)) == 4 + 1  # and the images, which two segments of the first device take
    assert arrays.count(jax.local_devices()[0]) == 2


def test_a_tensor_that_three_ops_take_crosses_once():
    x = tf.placeholder(tf.float32, [2])
    with tf.device("/cpu:1"):
        y = tf.exp(x)
    with tf.device("/cpu:2"):
        z = tf.add_n([y * 2.0, y * 3.0, tf.sin(y)])
    session = tf.Session()
    np.testing.assert_allclose(session.run(z, {x: [0, 1]}), 5 * np.exp([0, 1]) + np.sin(np.exp([0, 1])), rtol=1e-6)
    assert [(t.tensor, t.source.id, t.target.id) for t in plan_of(session).transfers] == [(y, 1, 2)]


def test_segments_start_before_earlier_ones_have_ended(monkeypatch: pytest.MonkeyPatch):
    """Nothing waits between segments: when the last one is started the first two are still at work."""
    x = tf.placeholder(tf.float32, [900, 900])
    ends = []
    for i in (1, 2):
        with tf.device(f"/cpu:{i}"):
            y = x
            for _ in range(12):
                y = tf.matmul(y, x)
            ends.append(y)
    with tf.device("/cpu:3"):
        total = ends[0] + ends[1]
    session = tf.Session()
    feeds = {x: np.full((900, 900), 1e-3, np.float32)}
    session.run(total.op, feeds)
    made: list[Any] = []
    ready: list[list[bool]] = []
    call = Segment.call

    def watched(self: Segment, *arguments: Any) -> Any:
        result = call(self, *arguments)
        ready.append([value.is_ready() for value in made])
        made.extend(result[0])
        return result

    monkeypatch.setattr(Segment, "call", watched)
    for _ in range(20):  # a busy computer may let a segment end first; one that waited for it would do so always
        made.clear()
        ready.clear()
        session.run(total, feeds)
        assert [len(states) for states in ready] == [0, 1, 2]
        if not any(ready[1]) and not any(ready[2]):
            return
    pytest.fail("each segment was started after the one before had ended")


def test_a_step_has_ended_when_run_returns():
    x = tf.placeholder(tf.float32, [700, 700])
    with tf.device("/cpu:1"):
        w = tf.Variable(tf.zeros([700, 700]))
        step = w.assign_add(tf.matmul(x, tf.matmul(x, x)))
    session = tf.Session()
    session.run(w.initializer)
    session.run(step.op, {x: np.ones((700, 700), np.float32)})
    assert session._store["Variable"].is_ready()


def test_a_wrong_shape_in_a_late_segment_leaves_all_variables_as_they_were():
    net = Trained(nets.mlp, FOUR, 2)
    images, _ = nets.batch(0)
    with pytest.raises(ShapeError, match="one shape"):
        net.session.run([net.loss, net.step], {net.x: images, net.y: np.zeros((5, 10), np.float32)})
    for name, value in net.state.items():
        np.testing.assert_array_equal(value, np.asarray(net.session._store[name]), err_msg=name)
    assert net.train(2) < net.losses[0]


def test_a_segment_that_breaks_while_it_runs_leaves_a_session_that_goes_on(monkeypatch: pytest.MonkeyPatch):
    net = Trained(nets.mlp, FOUR, 2)
    call, last = Segment.call, net.plan.segments[-1]

    def broken(self: Segment, *arguments: Any) -> Any:
        if self is last:
            raise KeyboardInterrupt
        return call(self, *arguments)

    monkeypatch.setattr(Segment, "call", broken)
    with pytest.raises(KeyboardInterrupt):
        net.train(2)
    monkeypatch.undo()
    assert np.isfinite(net.train(3))


def test_an_operation_that_fails_in_python_leaves_all_variables_as_they_were():
    with tf.device("/cpu:1"):
        w = tf.Variable(1.0)
        up = w.assign_add(1.0)

    def fail(value: Any) -> Any:
        raise ValueError("no")

    with tf.control_dependencies([up]):
        bad = tf.py_func(fail, [up], tf.float32)
    with tf.Session() as session:
        session.run(w.initializer)
        with pytest.raises(tf.errors.OpError, match="no"):
            session.run(bad)
        assert session.run(w) == 1.0


def test_an_uninitialized_variable_of_any_device_is_an_error_that_names_it():
    net = Trained(nets.mlp, FOUR, 0)
    fresh = tf.Session(graph=net.graph)
    images, labels = nets.batch(0)
    with pytest.raises(FailedPreconditionError, match="dense"):
        fresh.run(net.step, {net.x: images, net.y: labels})


def test_all_segments_are_traced_once_for_a_shape(monkeypatch: pytest.MonkeyPatch):
    x = tf.placeholder(tf.float32, [None])
    with tf.device("/cpu:1"):
        w = tf.Variable(1.0)
        y = tf.exp(x) * w
    with tf.device("/cpu:2"):
        z = tf.reduce_sum(tf.exp(y))
    step = tf.train.GradientDescentOptimizer(0.1).minimize(z, colocate_gradients_with_ops=True)
    traced: list[Any] = []
    kernel = type(y.op.inputs[0].op.kind).kernel
    kind = type(y.op.inputs[0].op.kind)
    monkeypatch.setattr(kind, "kernel", lambda self, v: traced.append(v.shape) or kernel(self, v))
    session = tf.Session()
    session.run(w.initializer)
    for size in (3, 3, 5, 3, 5):
        session.run(step, {x: np.zeros(size)})
    assert sorted(set(traced)) == [(3,), (5,)]
    once = sorted(traced)
    session.run(step, {x: np.zeros(3)})
    assert sorted(traced) == once
    assert len(once) <= 2 * 3  # the two of the forward pass, and one that the backward pass may compute again


def test_python_strings_queues_and_data_sized_ops_run_between_the_devices():
    x = tf.placeholder(tf.float32, [None])
    with tf.device("/cpu:1"):
        large = tf.boolean_mask(x * 2.0, x > 1.0)
    with tf.device("/cpu:2"):
        squared = large * large
        text = tf.as_string(tf.cast(squared, tf.int32))
        halved = tf.py_func(lambda v: v / 2, [squared], tf.float32)
    with tf.device("/cpu:3"):
        total = tf.reduce_sum(halved) + 1.0
        queue = tf.FIFOQueue(3, [tf.float32], shapes=[[]])
        put = queue.enqueue(total)
        got = queue.dequeue() * 2.0
    session = tf.Session()
    words, value = session.run([text, total], {x: [1, 2, 3]})
    assert words.tolist() == [b"16", b"36"]
    assert value == 27.0
    session.run(put, {x: [1, 2, 3]})
    assert session.run(got) == 54.0


def test_a_read_across_devices_sees_the_value_of_its_place_in_the_program():
    with tf.device("/cpu:1"):
        w = tf.Variable(1.0)
    with tf.device("/cpu:2"):
        before = w.ref * 10.0
    with tf.control_dependencies([before]):
        up = w.assign(5.0)
    with tf.device("/cpu:2"), tf.control_dependencies([up]):
        after = w.ref * 10.0
    with tf.Session() as session:
        session.run(w.initializer)
        assert session.run([before, after, w]) == [10.0, 50.0, 5.0]
        assert device_of(session, w) == 1


def test_a_reference_never_crosses():
    w = tf.Variable([1.0])
    up = w.assign_add([1.0])
    plan = plan_for(w.graph, (), (up.op,), ())
    first, second, *_ = jax.local_devices()
    where = {node: second if node is up.op else first for node in plan.nodes}
    with pytest.raises(InvalidArgumentError, match=r"takes the variable 'Variable' by reference.*another device"):
        PlacedPlan(plan, where)


def test_what_is_made_on_a_device_can_be_fed_and_fetched():
    x = tf.placeholder(tf.float32, [])
    with tf.device("/cpu:1"):
        y = x + 1.0
    with tf.device("/cpu:2"):
        z = y * 2.0
    session = tf.Session()
    assert session.run([x, y, z], {x: 1.0}) == [1.0, 2.0, 4.0]
    assert session.run([y, z], {y: 5.0}) == [5.0, 10.0]
    there = jax.device_put(np.float32(7.0), jax.local_devices()[3])
    assert session.run(z, {y: there}) == 14.0
    assert session.make_callable(z, [x])(2.0) == 6.0


def test_graph_passes_keep_the_devices():
    x = tf.placeholder(tf.float32, [])
    with tf.device("/cpu:1"):
        y = tf.exp(x) * 1.0 + tf.exp(x)
    with tf.device("/cpu:2"):
        z = tf.sin(y)
    options = tf.GraphOptions(optimizer_options=tf.OptimizerOptions(opt_level=tf.OptimizerOptions.L1))
    session = tf.Session(config=tf.ConfigProto(graph_options=options))
    assert session.run(z, {x: 0.5}) == pytest.approx(np.sin(2 * np.exp(0.5)), rel=1e-6)
    assert {segment.device.id for segment in plan_of(session).segments} == {1, 2}


def test_a_graph_without_devices_has_the_plan_of_one_device():
    x = tf.placeholder(tf.float32, [])
    session = tf.Session()
    session.run(x * 2.0, {x: 1.0})
    assert type(plan_of(session)) is Plan
    with tf.device("/cpu:0"):
        session.run(x * 2.0, {x: 1.0})
    assert type(plan_of(session)) is Plan


def test_sessions_share_what_is_compiled_for_the_same_places():
    with tf.device("/cpu:1"):
        y = tf.constant(1.0) + tf.placeholder_with_default(2.0, [])
    one, two = tf.Session(), tf.Session()
    one.run(y)
    two.run(y)
    assert plan_of(one) is plan_of(two)


def test_watching_shows_each_op_on_its_device_and_what_is_received():
    net = Trained(nets.mlp, FOUR, 1)
    images, labels = nets.batch(1)
    metadata = tf.RunMetadata()
    options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE, output_partition_graphs=True)
    copy = Trained(nets.mlp, FOUR, 1)
    loss, _ = net.session.run([net.loss, net.step], {net.x: images, net.y: labels}, options, metadata)
    assert loss == pytest.approx(copy.train(1), rel=1e-5)
    places = {event.node: event.device for event in metadata.trace.events}
    assert [places[n] for n in ("dense/MatMul", "dense_1/MatMul", "dense_2/MatMul")] == [CPU + str(i) for i in range(3)]
    received = [event for event in metadata.trace.events if event.op == "_Recv"]
    assert {(e.inputs[0], e.device) for e in received} >= {("dense/Relu:0", CPU + "1"), ("dense_1/Relu:0", CPU + "2")}
    assert len({(e.inputs, e.device) for e in received}) == len(received)
    graphs = {graph.node[0].device: graph for graph in metadata.partition_graphs}
    ops = {device: [node.op for node in graph.node] for device, graph in graphs.items()}
    assert set(graphs) == {CPU + str(i) for i in range(3)}
    assert sum(o.count("_Send") for o in ops.values()) == sum(o.count("_Recv") for o in ops.values())
    recvs = {n.name for g in graphs.values() for n in g.node if n.op == "_Recv" and "_control_" not in n.name}
    assert recvs == {event.node for event in received}
    names = {node.name for graph in graphs.values() for node in graph.node}
    assert {event.node for event in received} <= names
    assert all(name.partition(":")[0].strip("^") in names for g in graphs.values() for n in g.node for name in n.input)
    again = net.session.run(net.loss, {net.x: images, net.y: labels})
    assert again == pytest.approx(copy.session.run(copy.loss, {copy.x: images, copy.y: labels}), rel=1e-5)


def test_checkpoints_the_debugger_and_monitored_sessions_work(tmp_path: Any):
    net = Trained(nets.mlp, FOUR, 2)
    images, labels = nets.batch(2)
    feeds = {net.x: images, net.y: labels}
    with net.graph.as_default():
        saver = tf.train.Saver()
    path = saver.save(net.session, str(tmp_path / "model"))
    expected = net.session.run(net.loss, feeds)
    fresh = tf.Session(graph=net.graph)
    saver.restore(fresh, path)
    assert fresh.run(net.loss, feeds) == expected
    assert {v.device.id for v in fresh._store.values() if isinstance(v, jax.Array)} == {0, 1, 2}
    assert list(net.session.node_states()) == [n for n in net.state if "RandomUniform" in n]
    debugger = tf.debugger.Debugger(net.session, net.loss, feeds)
    debugger.finish()
    assert net.session.run(net.loss, feeds) == expected
    with net.graph.as_default():
        tf.train.get_or_create_global_step()
        with tf.train.MonitoredTrainingSession(checkpoint_dir=str(tmp_path / "monitored")) as monitored:
            first = monitored.run([net.loss, net.step], feeds)[0]
            assert monitored.run(net.loss, feeds) < first
