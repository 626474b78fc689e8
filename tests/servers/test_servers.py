"""Servers: what sessions share through them, as `server_lib_test.py` and its neighbours ask of TensorFlow's."""

import threading
import time

import numpy as np
import pytest

import labkit as tf

SPEC = tf.train.ClusterSpec({"ps": ["ps0:2222"], "worker": ["w0:2222", "w1:2222"]})


@pytest.fixture
def servers():
    """A parameter server and two workers."""
    made = [tf.train.Server(SPEC, job, task) for job, task in (("ps", 0), ("worker", 0), ("worker", 1))]
    yield made
    for server in made:
        server.close()


def graph_with(device, value, name="v"):
    with tf.Graph().as_default() as graph:
        with tf.device(device):
            v = tf.Variable(value, name=name)
        graph.v, graph.init, graph.more = v, v.initializer, tf.assign_add(v, 1.0)
    return graph


def test_two_sessions_share_a_variable_by_device_and_name(servers):
    _, first, second = servers
    one, two = graph_with("/job:ps/task:0", 5.0), graph_with("/job:ps/cpu:0", 7.0)
    with tf.Session(first.target, graph=one) as sess, tf.Session(second.target, graph=two) as other:
        sess.run(one.init)
        assert other.run(two.more) == 6.0
        assert sess.run(one.v) == 6.0
        other.run(two.init)
        assert sess.run(one.v) == 7.0


def test_variables_of_a_task_are_its_own_unless_another_session_names_the_task(servers):
    _, first, second = servers
    plain, there = graph_with(None, 1.0), graph_with("/job:worker/task:0", 1.0)
    with tf.Session(first.target, graph=plain) as sess, tf.Session(second.target, graph=plain) as other:
        sess.run(plain.init)
        with pytest.raises(tf.errors.FailedPreconditionError, match="uninitialized value v"):
            other.run(plain.v)
    with tf.Session(second.target, graph=there) as other:
        assert other.run(there.more) == 2.0
    with tf.Session(first.target, graph=plain) as again:  # the state outlives the session
        assert again.run(plain.v) == 2.0


def test_a_session_without_a_target_shares_nothing(servers):
    graph = graph_with("/job:ps/task:0", 5.0)
    with tf.Session(servers[1].target, graph=graph) as sess:
        sess.run(graph.init)
    with tf.Session(graph=graph) as sess, pytest.raises(tf.errors.FailedPreconditionError):
        sess.run(graph.v)


def test_reset_forgets_the_state_of_the_whole_cluster_and_closes_its_sessions(servers):
    _, first, second = servers
    graph = graph_with("/job:ps/task:0", 5.0)
    sess, other = tf.Session(first.target, graph=graph), tf.Session(second.target, graph=graph)
    sess.run(graph.init)
    tf.Session.reset(second.target)
    for closed in (sess, other):
        with pytest.raises(tf.errors.ClosedSessionError):
            closed.run(graph.v)
    with tf.Session(first.target, graph=graph) as new, pytest.raises(tf.errors.FailedPreconditionError):
        new.run(graph.v)


def test_a_queue_is_shared_by_task_and_name_and_a_waiting_session_lets_others_work(servers):
    _, first, second = servers

    def graph_of():
        with tf.Graph().as_default() as graph, tf.device("/job:ps/task:0"):
            graph.queue = tf.FIFOQueue(3, tf.float32, [[]], name="work")
            graph.put, graph.got = graph.queue.enqueue(4.0), graph.queue.dequeue()
            with tf.device(None), tf.device("/job:worker"):
                graph.own = tf.FIFOQueue(3, tf.float32, [[]], name="own")
                graph.put_own, graph.own_size = graph.own.enqueue(1.0), graph.own.size()
        return graph

    one, two = graph_of(), graph_of()
    with tf.Session(first.target, graph=one) as sess, tf.Session(second.target, graph=two) as other:
        found = []
        waiter = threading.Thread(target=lambda: found.append(sess.run(one.got)))
        waiter.start()
        other.run(two.put_own)
        assert [other.run(two.own_size), sess.run(one.own_size)] == [1, 0]
        assert waiter.is_alive()
        other.run(two.put)
        waiter.join(10)
        assert found == [4.0]


def test_closing_a_session_ends_its_own_waiting_and_leaves_the_queue_to_others(servers):
    _, first, second = servers
    with tf.Graph().as_default() as graph, tf.device("/job:ps/task:0"):
        queue = tf.FIFOQueue(3, tf.float32, [[]], name="work")
        put, got = queue.enqueue(4.0), queue.dequeue()
    errors = []

    def wait(session):
        try:
            session.run(got)
        except tf.errors.CancelledError as error:
            errors.append(error)

    leaves = tf.Session(first.target, graph=graph)
    with tf.Session(second.target, graph=graph) as stays:
        stays.run(queue.size())
        thread = threading.Thread(target=wait, args=[leaves])
        thread.start()
        time.sleep(0.05)
        leaves.close()
        thread.join(10)
        assert len(errors) == 1
        stays.run(put)
        assert stays.run(got) == 4.0


def test_an_input_pipeline_starts_anew_with_each_session():
    """The coordinator closes the queues at the end of the first session; the second one finds new ones."""
    numbers = tf.train.range_input_producer(5, shuffle=False)
    batch = tf.train.batch([numbers.dequeue()], 3)
    with tf.train.Server.create_local_server() as server:
        for _ in range(2):
            with tf.Session(server.target) as sess:
                coord = tf.train.Coordinator()
                threads = tf.train.start_queue_runners(sess, coord)
                assert sess.run(batch).tolist() == [0, 1, 2]
                coord.request_stop()
                coord.join(threads)


def test_random_streams_are_those_of_a_session_alone(servers):
    with tf.Graph().as_default() as graph:
        x = tf.random_uniform([3], seed=4)
    with tf.Session(graph=graph) as alone, tf.Session(servers[1].target, graph=graph) as at_server:
        np.testing.assert_array_equal([alone.run(x) for _ in range(3)], [at_server.run(x) for _ in range(3)])


def test_optimizers_make_the_same_steps_at_a_server_as_alone(servers):
    """Reads and updates are apart there; whatever a rule keeps in slots."""
    rules = [
        tf.train.MomentumOptimizer(0.1, 0.9, use_nesterov=True), tf.train.AdamOptimizer(0.1),
        tf.train.RMSPropOptimizer(0.1, momentum=0.5),
    ]  # fmt: skip
    rng = np.random.RandomState(0)
    x, y = rng.randn(20, 3).astype(np.float32), rng.randn(20, 1).astype(np.float32)
    for rule in rules:
        with tf.Graph().as_default() as graph, tf.device(tf.train.replica_device_setter(cluster=SPEC)):
            tf.set_random_seed(1)
            step = tf.train.create_global_step()
            w = tf.get_variable("w", [3, 1])
            loss = tf.reduce_mean(tf.square(tf.matmul(tf.nn.dropout(x, 0.5, seed=2), w) - y))
            decayed = tf.train.exponential_decay(0.1, step, 2, 0.5)
            train = rule.minimize(loss + decayed * tf.nn.l2_loss(w), global_step=step)
            init = tf.global_variables_initializer()
        found = []
        for target in ("", servers[2].target):
            with tf.Session(target, graph=graph) as sess:
                sess.run(init)
                found.append([sess.run([train, w, loss])[1:] for _ in range(5)])
        for (weights, value), (shared_weights, shared_value) in zip(*found, strict=True):
            np.testing.assert_allclose(weights, shared_weights, rtol=1e-5)
            np.testing.assert_allclose(value, shared_value, rtol=1e-5)


def test_a_checkpoint_of_a_cluster_is_restored_in_a_session_alone(servers, tmp_path):
    graph = graph_with("/job:ps/task:0", 5.0)
    with graph.as_default():
        saver = tf.train.Saver()
    with tf.Session(servers[1].target, graph=graph) as sess:
        sess.run(graph.init)
        path = saver.save(sess, str(tmp_path / "model.ckpt"))
    with tf.Session(graph=graph) as sess:
        saver.restore(sess, path)
        assert sess.run(graph.v) == 5.0


def test_a_watched_run_at_a_server_gives_the_same_and_says_which_task_ran_what(servers):
    graph = graph_with("/job:ps/task:0", 5.0)
    with tf.Session(servers[1].target, graph=graph) as sess:
        sess.run(graph.init)
        value, trace = sess.watch(graph.more)
        assert (value, sess.run(graph.v)) == (6.0, 6.0)
    assert {event.device for event in trace.events if event.op == "AssignAdd"} == {
        "/job:ps/replica:0/task:0/device:CPU:0"
    }


def test_the_target_and_what_the_server_is_can_be_read(servers):
    ps, first, _ = servers
    assert (ps.target, ps.name, first.server_def.task_index) == ("grpc://ps0:2222", "/job:ps/task:0", 0)
    again = tf.train.ClusterSpec(first.server_def.cluster)
    assert again == SPEC
    with tf.Session("grpc://w0:2222") as sess:
        assert sess.list_devices() == [
            f"/job:{job}/replica:0/task:{task}/device:CPU:0" for job, task in (("ps", 0), ("worker", 0), ("worker", 1))
        ]


def test_a_local_server_is_a_cluster_of_one():
    with tf.train.Server.create_local_server() as server, tf.train.Server.create_local_server() as other:
        assert server.target != other.target
        assert server.name == "/job:local/task:0"
        with tf.Session(server.target) as sess:
            assert sess.run(tf.constant(2.0) * 3.0) == 6.0


def test_a_job_or_a_task_may_be_left_out_where_there_is_one():
    with tf.train.Server({"worker": {3: "only:1"}}) as server:
        assert server.name == "/job:worker/task:3"
    with pytest.raises(ValueError, match="explicit `job_name`"):
        tf.train.Server(SPEC)
    with pytest.raises(ValueError, match="explicit `task_index`"):
        tf.train.Server(SPEC, "worker")


def test_a_worker_waits_for_the_chief_who_initializes(servers):
    _, first, second = servers

    def graph_of():
        with tf.Graph().as_default() as graph, tf.device(tf.train.replica_device_setter(cluster=SPEC)):
            graph.w = tf.Variable(3.0, name="w")
            tf.train.create_global_step()
        return graph

    found = []

    def work():
        with graph_of().as_default() as graph, tf.train.MonitoredTrainingSession(second.target, False) as sess:
            found.append(sess.run(graph.w))

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.1)
    assert found == []
    with graph_of().as_default(), tf.train.MonitoredTrainingSession(first.target, True):
        thread.join(20)
    assert found == [3.0]


def test_a_monitored_session_survives_a_parameter_server_that_starts_anew(servers, tmp_path):
    ps, first, _ = servers
    with tf.Graph().as_default(), tf.device(tf.train.replica_device_setter(cluster=SPEC)):
        step = tf.train.create_global_step()
        w = tf.Variable(0.0, name="w")
        train = tf.group(tf.assign_add(w, 2.0), tf.assign_add(step, 1))
        sess = tf.train.MonitoredTrainingSession(
            first.target, checkpoint_dir=str(tmp_path), save_checkpoint_secs=None, save_checkpoint_steps=2,
            save_summaries_steps=None, log_step_count_steps=None,
        )  # fmt: skip
        for _ in range(3):
            sess.run(train)
        saved = int(tf.train.latest_checkpoint(str(tmp_path)).rpartition("-")[2])
        ps.close()
        with tf.train.Server(SPEC, "ps", 0):
            sess.run(train)
            assert sess.run([step, w]) == [saved + 1, 2.0 * (saved + 1)]
            sess.close()
