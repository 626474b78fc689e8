"""A graph on four devices gives the numbers that it gives on one, bit for bit where that is promised."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import labkit as tf
from labkit.across_devices import PlacedPlan
from labkit.executor import plan_for
from tests.several_devices import nets
from tests.several_devices.nets import Trained

ONE, FOUR = (lambda i: None), (lambda i: f"/cpu:{i}")
SGD, ADAM = tf.train.GradientDescentOptimizer, tf.train.AdamOptimizer


def assert_same_bits(one: Trained, other: Trained) -> None:
    assert type(one.plan).__name__ == "Plan"
    assert isinstance(other.plan, PlacedPlan)
    assert one.losses == other.losses
    assert one.state.keys() == other.state.keys()
    for name, value in one.state.items():
        np.testing.assert_array_equal(value, other.state[name], err_msg=name)


def test_there_are_four_devices():
    assert len(jax.local_devices()) == 4


def test_fifty_steps_of_the_mlp_are_equal_bit_for_bit():
    one, four = Trained(nets.mlp, ONE, 50), Trained(nets.mlp, FOUR, 50)
    assert_same_bits(one, four)
    assert one.losses[-1] < 0.5 * one.losses[0]


@pytest.mark.parametrize(
    ("net", "colocate"),
    [(nets.softmax, True), (nets.softmax, False), (nets.mlp, True), (nets.mlp, False), (nets.convnet, True),
     (nets.regularized, True), (nets.lstm, True)],
)  # fmt: skip
def test_the_nets_of_the_course_are_equal_bit_for_bit(net: Any, colocate: bool):
    makes = (lambda: ADAM(0.01)) if colocate else (lambda: tf.train.MomentumOptimizer(0.1, 0.9))
    assert_same_bits(Trained(net, ONE, 4, makes(), colocate), Trained(net, FOUR, 4, makes(), colocate))


def test_an_unrolled_lstm_is_equal_to_rounding():
    """XLA fuses sums of products differently in one program and in several; some last bits differ.

    Whoever needs them equal wherever the ops are runs each op alone: `Session.watch`, the test after the next.
    """
    one, four = Trained(nets.unrolled, ONE, 3), Trained(nets.unrolled, FOUR, 3)
    np.testing.assert_allclose(one.losses, four.losses, rtol=1e-6)
    for name, value in one.state.items():
        np.testing.assert_allclose(value, four.state[name], rtol=1e-3, atol=1e-6, err_msg=name)


def test_small_sizes_are_equal_to_rounding():
    def weights(device: Any) -> list[Any]:
        net = Trained(nets.mlp, device, 0, tf.train.MomentumOptimizer(0.1, 0.9), colocate=False)
        for i in range(4):
            net.session.run(net.step, dict(zip((net.x, net.y), nets.batch(i, rows=8), strict=True)))
        return [np.asarray(net.session._store[name]) for name in sorted(net.state)]

    for here, there in zip(weights(ONE), weights(FOUR), strict=True):
        np.testing.assert_allclose(here, there, rtol=1e-4, atol=1e-6)


def test_watched_runs_are_equal_bit_for_bit_wherever_the_ops_are():
    def watched(device: Any) -> list[Any]:
        net = Trained(nets.mlp, device, 0)
        losses = [net.session.watch([net.loss, net.step], dict(zip((net.x, net.y), nets.batch(i), strict=True)))[0][0]
                  for i in range(2)]  # fmt: skip
        return [losses, *(np.asarray(net.session._store[name]) for name in sorted(net.state))]

    for here, there in zip(watched(ONE), watched(FOUR), strict=True):
        np.testing.assert_array_equal(here, there)


def test_the_same_cut_on_one_device_is_equal_bit_for_bit():
    four, one = Trained(nets.mlp, FOUR, 3), Trained(nets.mlp, FOUR, 1)
    plan = plan_for(one.graph, (one.loss,), (one.step,), (one.x, one.y))
    first = jax.local_devices()[0]
    cut = PlacedPlan(plan, four_places(four, one))
    for segment in cut.segments:
        segment.device = first
    store = {name: jax.device_put(np.asarray(value), first) for name, value in one.session._store.items()}
    losses = [cut.run(store, nets.batch(i), one.session._lock)[0] for i in (1, 2)]
    assert losses == four.losses[1:]
    for name, value in four.state.items():
        np.testing.assert_array_equal(value, np.asarray(store[name]), err_msg=name)


def four_places(placed: Trained, other: Trained) -> dict[Any, Any]:
    """The places of one graph's nodes for the like-named ones of another."""
    nodes = {node.name: node for node in other.graph.get_operations()}
    return {nodes[node.name]: device for node, device in placed.plan.where.items()}


@pytest.mark.parametrize("seed", range(6))
def test_reads_and_writes_keep_their_order_wherever_the_ops_are(seed: int):
    """Whole numbers are exact, so that only the order counts: variables are read and changed across devices."""

    def run(spread: bool) -> list[Any]:
        rng = np.random.default_rng(seed)
        with tf.Graph().as_default() as graph:
            x = tf.placeholder(tf.int32, [])
            values, variables = [x], []
            for i in range(3):
                place = f"/cpu:{rng.integers(4)}"
                with tf.device(place if spread else None):
                    variables.append(tf.Variable(i + 1))
            for _ in range(30):
                a, b = values[rng.integers(len(values))], values[rng.integers(len(values))]
                variable, kind = variables[rng.integers(3)], rng.integers(5)
                place = f"/cpu:{rng.integers(4)}"
                with tf.device(place if spread and kind != 1 else None):
                    if kind == 0:
                        values.append(a + b * 3)
                    elif kind == 1:
                        values.append(tf.identity(tf.assign_add(variable, a % 1000)))
                    elif kind == 2:
                        values.append(variable.ref * 2 + a)
                    elif kind == 3:
                        with tf.control_dependencies([values[-1]]):
                            values.append(variable.read_value() - b)
                    else:
                        values.append(tf.where(a > b, a - b, b - a))
            with tf.Session(graph=graph) as session:
                session.run(tf.global_variables_initializer())
                results = [session.run([values[-1], values[-5], *variables], {x: i}) for i in range(3)]
                plans = [type(prepared.plan).__name__ for prepared in session._prepared.values()]
        assert ("PlacedPlan" in plans) == spread
        return results

    assert run(spread=False) == run(spread=True)


def test_random_numbers_are_the_same_on_every_device():
    def draw(device: str | None) -> Any:
        with tf.Graph().as_default(), tf.device(device), tf.Session() as session:
            noise = tf.random_normal([5], seed=3)
            with tf.device(None):
                total = noise * 1.0
            return [session.run([noise, total]) for _ in range(2)]

    np.testing.assert_array_equal(draw(None), draw("/cpu:2"))


def test_sizes_cross_without_being_waited_for():
    x = tf.placeholder(tf.float32, [None, None])
    size = tf.placeholder(tf.int32, [2])
    with tf.device("/cpu:1"):
        doubled = x * 2.0
        rows = tf.shape(doubled)[0]
    with tf.device("/cpu:2"):
        flat = tf.reshape(doubled, [rows * tf.shape(x)[1]])
        shaped = tf.reshape(flat, size)
    session = tf.Session()
    for shape in ((2, 3), (4, 5), (2, 3)):
        value = np.arange(shape[0] * shape[1], dtype=np.float32).reshape(shape)
        one, two = session.run([flat, shaped], {x: value, size: shape[::-1]})
        np.testing.assert_array_equal(value.reshape(-1) * 2, one)
        np.testing.assert_array_equal((value * 2).reshape(shape[::-1]), two)
    plan = next(iter(session._prepared.values())).plan
    assert next((t.tensor.name, t.source.id, t.target.id) for t in plan.transfers) == (doubled.name, 1, 2)
    last = plan.segments[-1]
    assert {last.inputs[i] for i in last.static} <= {x, size, doubled}  # and nothing that a device computes


def test_bfloat16_transfers_drop_the_lower_half_of_the_bits():
    x = tf.placeholder(tf.float32, [4])
    with tf.device("/cpu:1"):
        y = x * 1.0
    with tf.device("/cpu:2"):
        z, count = y * 1.0, tf.cast(y, tf.int32) * 1
    value = np.float32([1.0, 0.1, -3.14159, 1e20])
    config = tf.ConfigProto(graph_options=tf.GraphOptions(enable_bfloat16_sendrecv=True))
    session = tf.Session(config=config)
    here, there = session.run([y, z], {x: value})
    np.testing.assert_array_equal(value, here)
    np.testing.assert_array_equal((value.view(np.uint32) & 0xFFFF0000).view(np.float32), there)
    np.testing.assert_array_equal(there, session.watch(z, {x: value})[0])
    np.testing.assert_array_equal(value, tf.Session().run(z, {x: value}))
    assert count.dtype is tf.int32
