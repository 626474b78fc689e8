"""Which device a name means in a process with four CPU devices."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import labkit as tf
from labkit import session_devices
from labkit.errors import InvalidArgumentError

CPU = "/job:localhost/replica:0/task:0/device:CPU:"


def devices_of(names: list[str], config: Any = None) -> list[int]:
    """The numbers of the devices on which variables with these names end up."""
    with tf.Graph().as_default(), tf.Session(config=config) as session:
        made = []
        for name in names:
            with tf.device(name):
                made.append(tf.Variable(1.0))
        session.run(tf.global_variables_initializer())
        return [session._store[v.op.name].device.id for v in made]


def test_the_devices_are_jaxs_under_tensorflows_names():
    assert tf.Session().list_devices() == [CPU + str(i) for i in range(4)]
    assert devices_of(["/cpu:3", "/device:CPU:1", "/job:localhost/task:0/cpu:2", "/cpu:0"]) == [3, 1, 2, 0]


def test_four_gpus_are_stood_in_for_by_four_cpus_in_the_order_in_which_they_are_asked_for():
    assert devices_of(["/gpu:2", "/gpu:0", "/gpu:1", "/gpu:2", "/gpu:3", "/gpu:7"]) == [0, 1, 2, 0, 3, 0]
    assert devices_of(["/cpu:3", "/gpu:0", "/device:GPU:1"]) == [3, 0, 1]


def test_tasks_of_a_cluster_are_stood_in_for_too_and_a_shorter_name_means_the_same_device():
    names = [
        "/job:ps/task:0/cpu:0",
        "/job:worker/task:0/gpu:0",
        "/job:worker/task:1/gpu:0",
        "/job:ps",
        "/job:worker/task:1",
    ]
    assert devices_of(names) == [0, 1, 2, 0, 2]


def test_a_cluster_and_replica_device_setter_spread_a_model():
    cluster = tf.train.ClusterSpec({"ps": ["a:1", "b:1"], "worker": ["c:1"]})
    with tf.Graph().as_default(), tf.Session() as session:
        with tf.device(tf.train.replica_device_setter(cluster=cluster)):
            v, w = tf.Variable([1.0, 2.0]), tf.Variable([3.0, 4.0])
            y = v * w
        session.run(tf.global_variables_initializer())
        np.testing.assert_array_equal([3.0, 8.0], session.run(y))
        assert [session._store[n.op.name].device.id for n in (v, w)] == [1, 2]  # the worker was asked for first


def test_no_soft_placement_is_tensorflows_error_with_the_learners_line():
    with pytest.raises(InvalidArgumentError, match="explicitly assigned to /device:GPU:0") as caught:
        devices_of(["/gpu:0"], tf.ConfigProto(allow_soft_placement=False))
    assert "four_names.py" in "".join(caught.value.__notes__)
    assert devices_of(["/cpu:1"], tf.ConfigProto(allow_soft_placement=False)) == [1]


def test_soft_placement_is_tensorflows():
    assert devices_of(["/gpu:2", "/gpu:1", "/cpu:2"], tf.ConfigProto(allow_soft_placement=True)) == [0, 0, 2]


def test_a_device_count_limits_the_devices():
    config = tf.ConfigProto(device_count={"CPU": 2, "GPU": 0})
    assert tf.Session(config=config).list_devices() == [CPU + "0", CPU + "1"]
    assert devices_of(["/gpu:0", "/gpu:1", "/gpu:2"], config) == [0, 1, 0]


def test_more_cpus_than_jax_has_is_an_error_that_says_what_to_write():
    with pytest.raises(InvalidArgumentError, match=r'jax.config.update\("jax_num_cpu_devices", 8\)'):
        tf.Session(config=tf.ConfigProto(device_count={"CPU": 8}))
    with pytest.raises(InvalidArgumentError, match="leaves no device"):
        tf.Session(config=tf.ConfigProto(device_count={"CPU": 0}))


def test_the_log_shows_devices_and_stand_ins(capfd: pytest.CaptureFixture[str]):
    with tf.device("/gpu:5"):
        a = tf.placeholder(tf.float32, [], name="a")
    with tf.device("/job:worker/task:1"):
        b = tf.negative(a, name="b")
    tf.Session(config=tf.ConfigProto(log_device_placement=True)).run(b, {a: 1.0})
    assert capfd.readouterr().err.splitlines() == [
        "Device mapping:",
        f"/job:localhost/replica:0/task:0/device:GPU:5 -> stood in for by {CPU}0",
        f"/job:worker/replica:0/task:1 -> stood in for by {CPU}1",
        f"b: (Neg): {CPU}1",
    ]


def test_a_variable_stays_on_its_device_for_runs_that_do_not_mention_it():
    with tf.device("/gpu:1"):
        v = tf.Variable(2.0)
    with tf.device("/cpu:3"):
        y = v * 3.0
    free = v * 5.0
    session = tf.Session()
    session.run(v.initializer)
    assert [session.run(t) for t in (y, free, v)] == [6.0, 10.0, 2.0]
    assert session._store[v.op.name].device.id == 0


def test_accelerators_come_before_the_cpu_and_stand_in_for_each_other(monkeypatch: pytest.MonkeyPatch):
    """Names are all that differs on a computer with GPUs: here CPU devices have theirs."""
    task = "/job:localhost/replica:0/task:0/device:"
    names = [task + "GPU:0", task + "GPU:1", task + "CPU:0"]
    monkeypatch.setattr(session_devices, "local_devices", lambda: dict(zip(names, jax.local_devices(), strict=False)))
    assert tf.Session().list_devices() == names
    assert devices_of(["/gpu:1", "/cpu:0", "/gpu:0", "/job:localhost"]) == [1, 2, 0, 0]
    assert devices_of(["/gpu:1", "/gpu:2", "/gpu:3", "/gpu:4"]) == [1, 0, 1, 0]
    assert devices_of(["/gpu:1"], tf.ConfigProto(device_count={"GPU": 0})) == [2]
    assert devices_of(["/gpu:9"], tf.ConfigProto(allow_soft_placement=True)) == [0]
    with tf.device("/gpu:0"):
        y = tf.placeholder_with_default(1.0, []) + 1.0
    session = tf.Session()
    assert session.run([y, tf.as_string(tf.cast(y, tf.int32))]) == [2.0, b"2"]
    plans = [type(prepared.plan).__name__ for prepared in session._prepared.values()]
    assert plans == ["Plan"]


def test_what_looks_at_a_session_from_outside_may_mix_devices():
    with tf.device("/cpu:1"):
        v = tf.Variable([1.0, 2.0])
    with tf.device("/cpu:2"):
        w = tf.Variable([3.0, 4.0])
        y = tf.exp(v) * w
    session = tf.Session()
    session.run(tf.global_variables_initializer())
    optimized = tf.passes.optimize(y)
    np.testing.assert_allclose(optimized.run(session), session.run(y), rtol=1e-6)
