"""Data parallelism as TensorFlow 1 programs write it: towers in one graph, and a graph for each worker.

The programs are written as those of TensorFlow's tutorials are; their numbers are compared with NumPy.
"""

import tempfile
import threading

import numpy as np
import pytest

import labkit as tf
from tests.programs.digits import digits

REPLICAS, SHARE, STEPS, RATE = 10, 100, 5, 0.5


def thousand():
    """1,000 images and labels."""
    images, labels = digits()
    return images[: REPLICAS * SHARE], labels[: REPLICAS * SHARE]


def softmax_regression_in_numpy(x, y, steps, rate):
    """Weights and biases after some steps on the whole batch, in double precision."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    w, b = np.zeros((64, 10)), np.zeros(10)
    for _ in range(steps):
        logits = x @ w + b
        probabilities = np.exp(logits - logits.max(1, keepdims=True))
        probabilities /= probabilities.sum(1, keepdims=True)
        error = (probabilities - y) / len(x)
        w, b = w - rate * (x.T @ error), b - rate * error.sum(0)
    return w, b


def model(x, y_):
    """The model of the beginners' tutorial; its variables are found again by name."""
    w = tf.get_variable("weights", [64, 10], initializer=tf.zeros_initializer())
    b = tf.get_variable("biases", [10], initializer=tf.zeros_initializer())
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y_, logits=tf.matmul(x, w) + b))
    return w, b, loss


def accuracy_of(w, b):
    images, labels = digits()
    return float(np.mean(np.argmax(images[1000:] @ w + b, 1) == np.argmax(labels[1000:], 1)))


def cluster_of(workers, ps=1):
    return tf.train.ClusterSpec(
        {"ps": [f"ps{i}:2222" for i in range(ps)], "worker": [f"worker{i}:2222" for i in range(workers)]}
    )


def average_gradients(tower_grads):
    """The mean of each variable's gradients over the towers."""
    average_grads = []
    for grad_and_vars in zip(*tower_grads, strict=True):
        grads = [tf.expand_dims(g, 0) for g, _ in grad_and_vars]
        grad = tf.reduce_mean(tf.concat(axis=0, values=grads), 0)
        average_grads.append((grad, grad_and_vars[0][1]))
    return average_grads


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
        assert not thread.is_alive(), thread


def towers(device_of, x, y_):
    """In-graph replication: one tower for each replica, one update."""
    optimizer = tf.train.GradientDescentOptimizer(RATE)
    tower_grads = []
    shares = zip(tf.split(x, REPLICAS), tf.split(y_, REPLICAS), strict=True)
    with tf.variable_scope(tf.get_variable_scope()):
        for i, (images, labels) in enumerate(shares):
            with tf.device(device_of(i)), tf.name_scope(f"tower_{i}"):
                w, b, loss = model(images, labels)
                tf.get_variable_scope().reuse_variables()
                tower_grads.append(optimizer.compute_gradients(loss))
    return w, b, optimizer.apply_gradients(average_gradients(tower_grads))


def test_ten_towers_of_100_examples_are_one_batch_of_1000():
    x, y = thousand()
    x_, y_ = tf.placeholder(tf.float32, [1000, 64]), tf.placeholder(tf.float32, [1000, 10])
    w, b, train_op = towers(lambda i: f"/gpu:{i}", x_, y_)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(STEPS):
            sess.run(train_op, {x_: x, y_: y})
        found = sess.run([w, b])
    for value, expected in zip(found, softmax_regression_in_numpy(x, y, STEPS, RATE), strict=True):
        np.testing.assert_allclose(value, expected, rtol=0, atol=1e-6)


def test_one_client_drives_the_workers_of_a_cluster_with_in_graph_replication():
    """A single program builds all towers, on the tasks of the cluster; the other tasks only serve."""
    x, y = thousand()
    cluster = cluster_of(REPLICAS)

    def main(job_name, task_index):
        server = tf.train.Server(cluster, job_name=job_name, task_index=task_index)
        if job_name == "ps" or task_index > 0:
            return server.join()
        x_, y_ = tf.placeholder(tf.float32, [1000, 64]), tf.placeholder(tf.float32, [1000, 10])
        setters = [tf.train.replica_device_setter(worker_device=f"/job:worker/task:{i}", cluster=cluster)
                   for i in range(REPLICAS)]  # fmt: skip
        w, b, train_op = towers(setters.__getitem__, x_, y_)
        assert w.device == "/job:ps/task:0"
        with tf.Session(server.target) as sess:
            sess.run(tf.global_variables_initializer())
            for _ in range(STEPS):
                sess.run(train_op, {x_: x, y_: y})
            return sess.run([w, b])

    found = tf.parallel.run_cluster(main, cluster)["/job:worker/task:0"]
    for value, expected in zip(found, softmax_regression_in_numpy(x, y, STEPS, RATE), strict=True):
        np.testing.assert_allclose(value, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("ps", [1, 2])
def test_ten_synchronous_workers_of_100_examples_are_one_batch_of_1000(ps):
    """Between-graph replication with SyncReplicasOptimizer; the workers keep in step, so each sends one gradient."""
    x, y = thousand()
    cluster = cluster_of(REPLICAS, ps)
    in_step = threading.Barrier(REPLICAS, timeout=60)

    def main(job_name, task_index):
        server = tf.train.Server(cluster, job_name=job_name, task_index=task_index)
        if job_name == "ps":
            return server.join()
        is_chief = task_index == 0
        with tf.device(tf.train.replica_device_setter(worker_device=f"/job:worker/task:{task_index}", cluster=cluster)):
            global_step = tf.train.get_or_create_global_step()
            x_, y_ = tf.placeholder(tf.float32, [None, 64]), tf.placeholder(tf.float32, [None, 10])
            w, b, loss = model(x_, y_)
            opt = tf.train.SyncReplicasOptimizer(
                tf.train.GradientDescentOptimizer(RATE), replicas_to_aggregate=REPLICAS, total_num_replicas=REPLICAS
            )
            train_op = opt.minimize(loss, global_step=global_step)
        assert {w.device, b.device} <= {f"/job:ps/task:{i}" for i in range(ps)}
        hooks = [opt.make_session_run_hook(is_chief, num_tokens=0), tf.train.StopAtStepHook(last_step=STEPS)]
        share = slice(task_index * SHARE, (task_index + 1) * SHARE)
        runs = 0
        with tf.train.MonitoredTrainingSession(master=server.target, is_chief=is_chief, hooks=hooks) as sess:
            while not sess.should_stop():
                *found, step, _ = sess.run([w, b, global_step, train_op], {x_: x[share], y_: y[share]})
                runs += 1
                assert step == runs
                in_step.wait()
        return found, runs

    results = tf.parallel.run_cluster(main, cluster, timeout=120)
    expected = softmax_regression_in_numpy(x, y, STEPS, RATE)
    for task in range(REPLICAS):
        found, runs = results[f"/job:worker/task:{task}"]
        assert runs == STEPS
        for value, wanted in zip(found, expected, strict=True):
            np.testing.assert_allclose(value, wanted, rtol=0, atol=1e-6)


def mnist_replica(cluster, sync_replicas, replicas_to_aggregate=None, train_steps=30):
    """The program of the distributed tutorials, with a Supervisor: two layers, Adam; what a task runs."""
    images, labels = digits()

    def main(job_name, task_index):
        num_workers = cluster.num_tasks("worker")
        server = tf.train.Server(cluster, job_name=job_name, task_index=task_index)
        if job_name == "ps":
            server.join()
            return None
        is_chief = task_index == 0
        worker_device = f"/job:worker/task:{task_index}/gpu:0"
        with tf.device(
            tf.train.replica_device_setter(worker_device=worker_device, ps_device="/job:ps/cpu:0", cluster=cluster)
        ):
            tf.set_random_seed(3)
            global_step = tf.Variable(0, name="global_step", trainable=False)
            hid_w = tf.Variable(tf.truncated_normal([64, 30], stddev=1.0 / 8), name="hid_w")
            hid_b = tf.Variable(tf.zeros([30]), name="hid_b")
            sm_w = tf.Variable(tf.truncated_normal([30, 10], stddev=1.0 / 30**0.5), name="sm_w")
            sm_b = tf.Variable(tf.zeros([10]), name="sm_b")
            x = tf.placeholder(tf.float32, [None, 64])
            y_ = tf.placeholder(tf.float32, [None, 10])
            hid = tf.nn.relu(tf.nn.xw_plus_b(x, hid_w, hid_b))
            y = tf.nn.softmax(tf.nn.xw_plus_b(hid, sm_w, sm_b))
            cross_entropy = -tf.reduce_mean(tf.reduce_sum(y_ * tf.log(tf.clip_by_value(y, 1e-10, 1.0)), 1))
            right = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(y, 1), tf.argmax(y_, 1)), tf.float32))
            opt = tf.train.AdamOptimizer(0.02)
            if sync_replicas:
                opt = tf.train.SyncReplicasOptimizer(
                    opt, replicas_to_aggregate=replicas_to_aggregate or num_workers, total_num_replicas=num_workers,
                    name="mnist_sync_replicas",
                )  # fmt: skip
            train_step = opt.minimize(cross_entropy, global_step=global_step)
            init_op = tf.global_variables_initializer()
            train_dir = tempfile.mkdtemp()
            if sync_replicas:
                chief_queue_runner = opt.get_chief_queue_runner()
                sync_init_op = opt.get_init_tokens_op()
                sv = tf.train.Supervisor(
                    is_chief=is_chief, logdir=train_dir, init_op=init_op,
                    local_init_op=opt.chief_init_op if is_chief else opt.local_step_init_op,
                    ready_for_local_init_op=opt.ready_for_local_init_op, recovery_wait_secs=1, global_step=global_step,
                )  # fmt: skip
            else:
                sv = tf.train.Supervisor(
                    is_chief=is_chief, logdir=train_dir, init_op=init_op, recovery_wait_secs=1, global_step=global_step
                )
        assert hid_w.device.startswith("/job:ps/task:")
        assert hid.device == f"/job:worker/task:{task_index}/device:GPU:0"
        config = tf.ConfigProto(allow_soft_placement=True, device_filters=["/job:ps", f"/job:worker/task:{task_index}"])
        sess = sv.prepare_or_wait_for_session(server.target, config=config)
        if sync_replicas and is_chief:
            sess.run(sync_init_op)
            sv.start_queue_runners(sess, [chief_queue_runner])
        local_step, step = 0, 0
        rng = np.random.RandomState(task_index)
        while step < train_steps:
            batch = rng.randint(0, 1000, 50)
            _, step = sess.run([train_step, global_step], {x: images[batch], y_: labels[batch]})
            local_step += 1
        result = local_step, int(step), float(sess.run(right, {x: images[1000:], y_: labels[1000:]}))
        sv.stop()
        sess.close()
        return result

    return main


def workers_of(results):
    return [result for name, result in results.items() if name.startswith("/job:worker")]


def test_the_asynchronous_program_learns_with_every_step_counted_once():
    cluster = cluster_of(4, ps=2)
    results = workers_of(tf.parallel.run_cluster(mnist_replica(cluster, False, train_steps=60), cluster, timeout=120))
    assert sum(local for local, _, _ in results) == max(step for _, step, _ in results) >= 60
    assert all(accuracy > 0.75 for _, _, accuracy in results)


@pytest.mark.parametrize("aggregate", [2, 3, 4])
def test_the_synchronous_program_learns_with_backup_workers_and_with_several_batches_each(aggregate):
    """Three workers: one is a backup, none is, one sends two."""
    cluster = cluster_of(3)
    results = workers_of(tf.parallel.run_cluster(mnist_replica(cluster, True, aggregate), cluster, timeout=120))
    assert {step for _, step, _ in results} == {30}
    assert sum(local for local, _, _ in results) >= 30 * aggregate
    assert all(accuracy > 0.75 for _, _, accuracy in results)


def test_momentum_and_moving_averages_are_those_of_one_batch():
    """Slots are made on the parameter server; variable_averages follows each update. Two workers, in step."""
    x, y = thousand()
    cluster = cluster_of(2)
    in_step = threading.Barrier(2, timeout=60)

    def main(job_name, task_index):
        server = tf.train.Server(cluster, job_name=job_name, task_index=task_index)
        if job_name == "ps":
            return server.join()
        with tf.device(tf.train.replica_device_setter(worker_device=f"/job:worker/task:{task_index}", cluster=cluster)):
            global_step = tf.train.get_or_create_global_step()
            x_, y_ = tf.placeholder(tf.float32, [None, 64]), tf.placeholder(tf.float32, [None, 10])
            w, _, loss = model(x_, y_)
            averages = tf.train.ExponentialMovingAverage(0.5)
            opt = tf.train.SyncReplicasOptimizer(
                tf.train.MomentumOptimizer(0.1, 0.9), 2, variable_averages=averages, variables_to_average=[w]
            )
            train_op = opt.minimize(loss, global_step=global_step)
        assert opt.get_slot_names() == ["momentum"]
        assert opt.get_slot(w, "momentum").device == "/job:ps/task:0"
        is_chief = task_index == 0
        share = slice(task_index * 500, (task_index + 1) * 500)
        hook = opt.make_session_run_hook(is_chief, num_tokens=0)
        with tf.train.MonitoredTrainingSession(server.target, is_chief, hooks=[hook]) as sess:
            for _ in range(STEPS):
                sess.run(train_op, {x_: x[share], y_: y[share]})
                in_step.wait()
            found = sess.run([w, averages.average(w)])
            in_step.wait()
        return found

    found = tf.parallel.run_cluster(main, cluster, timeout=120)["/job:worker/task:1"]
    w, b, velocity_w, velocity_b = np.zeros((64, 10)), np.zeros(10), 0.0, 0.0
    average = w
    for _ in range(STEPS):
        logits = x @ w + b
        error = np.exp(logits) / np.exp(logits).sum(1, keepdims=True) - y
        velocity_w = 0.9 * velocity_w + x.T @ error / 1000
        velocity_b = 0.9 * velocity_b + error.mean(0)
        w, b = w - 0.1 * velocity_w, b - 0.1 * velocity_b
        average = 0.5 * average + 0.5 * w
    np.testing.assert_allclose(found[0], w, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found[1], average, rtol=0, atol=1e-6)


def test_sparse_gradients_are_averaged_row_by_row_over_the_workers_that_have_the_row():
    cluster = cluster_of(2)

    def main(job_name, task_index):
        server = tf.train.Server(cluster, job_name, task_index)
        if job_name == "ps":
            return server.join()
        with tf.device(tf.train.replica_device_setter(worker_device=f"/job:worker/task:{task_index}", cluster=cluster)):
            step = tf.train.create_global_step()
            table = tf.Variable(tf.zeros([9, 2]), name="table")
            ids = tf.placeholder(tf.int32, [None])
            loss = tf.reduce_sum(tf.nn.embedding_lookup(table, ids)) * (task_index + 1.0)
            opt = tf.train.SyncReplicasOptimizer(tf.train.GradientDescentOptimizer(1.0), 2)
            train_op = opt.minimize(loss, global_step=step)
        assert isinstance(opt.compute_gradients(loss)[0][0], tf.IndexedSlices)
        hook = opt.make_session_run_hook(task_index == 0, num_tokens=0)
        with tf.train.MonitoredTrainingSession(server.target, task_index == 0, hooks=[hook]) as sess:
            sess.run(train_op, {ids: [[0, 1, 1], [1, 5, 8]][task_index]})
            return sess.run(table)

    found = tf.parallel.run_cluster(main, cluster, timeout=120)["/job:worker/task:0"]
    expected = np.zeros((9, 2))
    expected[0], expected[1], expected[5], expected[8] = -1.0, -(2.0 + 2.0) / 2, -2.0, -2.0
    np.testing.assert_array_equal(found, expected)


def test_a_gradient_of_an_earlier_step_is_dropped():
    """A worker that was slow sends a gradient of 1,000 of old weights, which changes nothing; then it goes on."""
    cluster = cluster_of(2)
    waits, updated = threading.Event(), threading.Event()

    def main(job_name, task_index):
        server = tf.train.Server(cluster, job_name, task_index)
        if job_name == "ps":
            return server.join()
        with tf.device(tf.train.replica_device_setter(worker_device=f"/job:worker/task:{task_index}", cluster=cluster)):
            step = tf.train.create_global_step()
            w = tf.Variable(0.0, name="w")

            def gradient_of(value):
                if task_index == 0 or updated.is_set():
                    return np.float32(1.0)
                waits.set()
                assert updated.wait(30)
                return np.float32(1000.0)

            gradient = tf.py_func(gradient_of, [w], tf.float32)
            gradient.set_shape([])
            opt = tf.train.SyncReplicasOptimizer(tf.train.GradientDescentOptimizer(1.0), 1, 2)
            train_op = opt.apply_gradients([(gradient, w)], global_step=step)
        hooks = [opt.make_session_run_hook(task_index == 0), tf.train.StopAtStepHook(last_step=6)]
        with tf.train.MonitoredTrainingSession(server.target, task_index == 0, hooks=hooks) as sess:
            if task_index == 0:
                assert waits.wait(30)
            while not sess.should_stop():
                _, now, weight = sess.run([train_op, step, w])
                if now >= 3:
                    updated.set()
        return int(now), float(weight)

    results = workers_of(tf.parallel.run_cluster(main, cluster, timeout=120))
    assert updated.is_set()
    assert all((step, weight) == (6, -6.0) for step, weight in results), results  # six gradients of 1, none of 1,000


def test_an_asynchronous_gradient_is_applied_to_weights_that_others_have_changed():
    """Worker 1 computes the gradient of w squared at 8, and applies it after worker 0 has set w to 1."""
    cluster = cluster_of(2)
    read, changed = threading.Event(), threading.Event()

    def main(job_name, task_index):
        server = tf.train.Server(cluster, job_name, task_index)
        if job_name == "ps":
            return server.join()
        with tf.device(tf.train.replica_device_setter(worker_device=f"/job:worker/task:{task_index}", cluster=cluster)):
            w = tf.Variable(8.0, name="w")

            def wait(gradient):
                read.set()
                assert changed.wait(30)
                return gradient

            opt = tf.train.GradientDescentOptimizer(0.25)
            ((gradient, _),) = opt.compute_gradients(w * w)
            slow = tf.py_func(wait, [gradient], tf.float32)
            slow.set_shape([])
            train_op, set_to_one = opt.apply_gradients([(slow, w)]), w.assign(1.0)
        with tf.train.MonitoredTrainingSession(server.target, task_index == 0) as sess:
            if task_index == 0:
                assert read.wait(30)
                sess.run(set_to_one)
                changed.set()
                return None
            sess.run(train_op)
            return float(sess.run(w))

    assert tf.parallel.run_cluster(main, cluster, timeout=60)["/job:worker/task:1"] == 1.0 - 0.25 * (2 * 8.0)


def test_many_workers_lose_no_count():
    cluster = cluster_of(4)

    def main(job_name, task_index):
        server = tf.train.Server(cluster, job_name, task_index)
        if job_name == "ps":
            return server.join()
        with tf.device(tf.train.replica_device_setter(worker_device=f"/job:worker/task:{task_index}", cluster=cluster)):
            count = tf.Variable(0, name="count")
        with tf.device(f"/job:worker/task:{task_index}"):
            local = tf.get_local_variable("mine", [], tf.int32)
            both = tf.group(tf.assign_add(count, 1), tf.assign_add(local, 1))
        assert count.device == "/job:ps/task:0"
        with tf.train.MonitoredTrainingSession(server.target, task_index == 0) as sess:
            for _ in range(50):
                sess.run(both)
            while sess.run(count) < 200:
                pass
            return int(sess.run(count)), int(sess.run(local))

    results = workers_of(tf.parallel.run_cluster(main, cluster, timeout=60))
    assert results == [(200, 50)] * 4
