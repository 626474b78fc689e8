"""Clusters as data: `server_lib_test.py`'s cases of TensorFlow 1.4, and lists of devices."""

import jax
import pytest

import labkit as tf
from labkit.python.client import device_lib


def test_a_cluster_of_lists():
    cluster = tf.train.ClusterSpec({"worker": ["w0:1", "w1:1"], "ps": ["p0:1"]})
    assert cluster.jobs == ["ps", "worker"]
    assert cluster.as_dict() == {"ps": ["p0:1"], "worker": ["w0:1", "w1:1"]}
    assert [cluster.num_tasks(job) for job in cluster.jobs] == [1, 2]
    assert cluster.task_indices("worker") == [0, 1]
    assert cluster.job_tasks("worker") == ["w0:1", "w1:1"]
    assert repr(cluster) == "ClusterSpec({'ps': ['p0:1'], 'worker': ['w0:1', 'w1:1']})"


def test_a_job_may_lack_tasks():
    cluster = tf.train.ClusterSpec({"worker": {3: "d:1", 1: "b:1"}, "ps": []})
    assert cluster.task_indices("worker") == [1, 3]
    assert cluster.job_tasks("worker") == [None, "b:1", None, "d:1"]
    assert cluster.as_dict() == {"ps": [], "worker": {1: "b:1", 3: "d:1"}}
    assert cluster.task_address("worker", 3) == "d:1"
    assert cluster.job_tasks("ps") == []
    with pytest.raises(ValueError, match=r"No task with index 0 in job 'worker': it has 1, 3"):
        cluster.task_address("worker", 0)


def test_equality_is_that_of_the_contents():
    lists = tf.train.ClusterSpec({"a": ["x:1", "y:1"]})
    assert lists == tf.train.ClusterSpec({"a": {0: "x:1", 1: "y:1"}})
    assert lists == tf.train.ClusterSpec(lists) == tf.train.ClusterSpec(lists.as_cluster_def())
    assert lists != tf.train.ClusterSpec({"a": ["x:1", "z:1"]})
    assert lists != {"a": ["x:1", "y:1"]}
    assert bool(lists)
    assert not tf.train.ClusterSpec({})


def test_a_cluster_def_is_jobs_with_numbered_tasks():
    made = tf.train.ClusterDef(job=[tf.train.JobDef(name="ps", tasks={0: "a:1"})])
    assert tf.train.ClusterSpec(made).as_dict() == {"ps": ["a:1"]}
    assert tf.train.ClusterSpec({"ps": ["a:1"]}).as_cluster_def() == made


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        (3, "must be a dictionary mapping"),
        ({1: ["a:1"]}, "name of a job must be a string"),
        ({"a": "x:1"}, "must be a list of addresses"),
        ({"a": [1]}, "address of task 0 of job 'a' must be a string"),
        ({"a": {"0": "x:1"}}, "must be a whole number, not '0'"),
    ],
)
def test_what_is_no_cluster_is_an_error(cluster, said):
    with pytest.raises(TypeError, match=said):
        tf.train.ClusterSpec(cluster)


def test_a_job_that_is_not_there_is_an_error():
    for ask in (lambda c: c.num_tasks("x"), lambda c: c.job_tasks("x"), lambda c: c.task_address("x", 0)):
        with pytest.raises(ValueError, match="No such job in cluster: 'x'; there are a"):
            ask(tf.train.ClusterSpec({"a": ["x:1"]}))


def test_the_setter_takes_a_cluster():
    cluster = tf.train.ClusterSpec({"ps": ["a:1", "b:1"], "worker": ["c:1"]})
    with tf.device(tf.train.replica_device_setter(cluster=cluster)):
        made = [tf.Variable(0.0) for _ in range(3)]
    assert [v.device for v in made] == ["/job:ps/task:0", "/job:ps/task:1", "/job:ps/task:0"]


def test_the_local_devices_are_listed_with_the_cpu_first():
    found = device_lib.list_local_devices()
    assert (found[0].name, found[0].device_type) == ("/device:CPU:0", "CPU")
    assert len(found) == len(set(jax.local_devices()) | set(jax.local_devices(backend="cpu")))
    assert tf.python.client.device_lib.list_local_devices() == found
