"""`replica_device_setter`; the cases are those of TensorFlow's `device_setter_test.py` (1.4)."""

import pytest

import labkit as tf
from labkit.device_setters import RoundRobinStrategy, byte_size_load_fn

CLUSTER = {"ps": ["ps0:2222", "ps1:2222"], "worker": ["worker0:2222", "worker1:2222", "worker2:2222"]}


class ClusterSpec:
    """What a cluster specification is for the setter."""

    def as_dict(self):
        return CLUSTER


@pytest.mark.parametrize("cluster", [CLUSTER, ClusterSpec()])
def test_variables_go_to_servers_in_turn_and_their_reads_and_assignments_with_them(cluster):
    with tf.device(tf.train.replica_device_setter(cluster=cluster)):
        v, w = tf.Variable([1, 2]), tf.Variable([2, 1])
        a = v + w
    assert (v.device, v.initializer.device, v.value().device) == ("/job:ps/task:0",) * 3
    assert (w.device, w.initializer.device) == ("/job:ps/task:1",) * 2
    assert a.device == "/job:worker"


def test_ps_tasks_ps_device_and_worker_device():
    setter = tf.train.replica_device_setter(
        ps_tasks=2, ps_device="/job:params/cpu:0", worker_device="/job:work/task:4/gpu:0"
    )
    with tf.device(setter):
        v = tf.Variable([1, 2])
        a = v + v
    assert (v.device, a.device) == ("/job:params/task:0/device:CPU:0", "/job:work/task:4/device:GPU:0")


def test_without_servers_there_is_no_function():
    assert tf.train.replica_device_setter() is None
    assert tf.train.replica_device_setter(cluster={"worker": ["w0:1"]}) is None
    with tf.device(tf.train.replica_device_setter(0, worker_device="/job:worker")):
        assert tf.constant(1).device == ""


def test_inner_scopes_keep_what_they_say_and_another_job_gets_no_task():
    with tf.device(tf.train.replica_device_setter(cluster=CLUSTER)), tf.device("/job:other"):
        assert tf.Variable(1.0).device == "/job:other"
    with tf.device(tf.train.replica_device_setter(cluster=CLUSTER)), tf.device("/gpu:3"):
        assert tf.Variable(1.0).device == "/job:ps/task:0/device:GPU:3"
        assert tf.constant(1.0).device == "/job:worker/device:GPU:3"


def test_without_merging_an_op_with_a_device_is_left_alone():
    with tf.device(tf.train.replica_device_setter(cluster=CLUSTER, merge_devices=False)), tf.device("/gpu:3"):
        assert tf.Variable(1.0).device == "/device:GPU:3"


def test_other_ops_may_go_to_the_servers():
    with tf.device(tf.train.replica_device_setter(cluster=CLUSTER, ps_ops=["Const"])):
        v = tf.Variable(1.0, name="v")
    assert v.device == "/job:worker"
    assert v.initial_value.device == "/job:ps/task:0"


def test_a_strategy_by_size_divides_the_bytes():
    """Greedy: sizes 8, 4, 2, 2 on two servers divide into 8 and 8; in turn they would be 10 and 6."""
    balanced = tf.contrib.training.GreedyLoadBalancingStrategy(2, byte_size_load_fn)
    with tf.device(tf.train.replica_device_setter(cluster=CLUSTER, ps_strategy=balanced)):
        tasks = [tf.Variable(tf.zeros([n])).device[-1] for n in (8, 4, 2, 2)]
    assert tasks == ["0", "1", "1", "1"]
    assert balanced.loads == [32.0, 32.0]


def test_a_random_strategy_is_the_same_for_every_replica():
    draws = [tf.contrib.training.RandomStrategy(4, seed=7) for _ in range(2)]
    node = tf.constant(1.0).op
    assert [draws[0](node) for _ in range(20)] == [draws[1](node) for _ in range(20)]


def test_bad_arguments_are_explained():
    with pytest.raises(TypeError, match="ps_strategy must be callable"):
        tf.train.replica_device_setter(ps_tasks=1, ps_strategy="greedy")
    with pytest.raises(TypeError, match="cluster is a dict such as"):
        tf.train.replica_device_setter(cluster=["ps0:2222"])
    with pytest.raises(tf.errors.LabkitError, match="ps_tasks is a number of tasks, 0 or more, not -1"):
        tf.train.replica_device_setter(ps_tasks=-1)
    with pytest.raises(tf.errors.LabkitError, match="num_tasks must be at least 1"):
        RoundRobinStrategy(0)
    with pytest.raises(tf.errors.LabkitError, match="needs a known shape"):
        byte_size_load_fn(tf.placeholder(tf.float32, [None]).op)
    with pytest.raises(tf.errors.LabkitError, match="takes an op with one output"):
        byte_size_load_fn(tf.group())
