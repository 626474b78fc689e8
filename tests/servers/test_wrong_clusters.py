"""Mistakes with clusters: each error says what was asked, what there is, and what to do; nothing hangs."""

import threading
import time

import pytest

import labkit as tf

SPEC = tf.train.ClusterSpec({"ps": ["ps0:2222"], "worker": ["w0:2222", "w1:2222"]})


@pytest.fixture
def worker():
    with tf.train.Server(SPEC, "ps", 0), tf.train.Server(SPEC, "worker", 0) as server:
        yield server


def said(caught):
    return "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])


@pytest.mark.parametrize(
    ("job", "task", "message"),
    [
        ("evaluator", 0, r"(?s)Job 'evaluator' was not defined.*ps, worker"),
        ("worker", 2, r"Task 2 was not defined in job 'worker': its tasks are 0, 1"),
        ("ps", -1, "Task -1 was not defined in job 'ps'"),
        ("worker", "1", "task_index is the number of a task, not '1'"),
        ("worker", True, "task_index is the number of a task, not True"),
    ],
)
def test_a_task_that_the_cluster_lacks(job, task, message):
    with pytest.raises((ValueError, TypeError), match=message):
        tf.train.Server(SPEC, job_name=job, task_index=task)


@pytest.mark.parametrize("what", [None, 3, "localhost:2222", ["a:1"], {"ps": "a:1"}, {"ps": [1]}])
def test_what_is_no_cluster(what):
    with pytest.raises(TypeError, match=r"cluster|tasks of job|address of task"):
        tf.train.Server(what, "ps", 0)


def test_two_tasks_at_one_address():
    with pytest.raises(tf.errors.InvalidArgumentError, match="same address, a:1"):
        tf.train.Server({"ps": ["a:1"], "worker": ["a:1"]}, "ps", 0)


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("/job:ps/task:3", r"'/job:ps/task:3' was .* the job 'ps' has no task 3.*/job:worker with tasks 0, 1"),
        ("/job:evaluator", "the cluster has no job 'evaluator'"),
        ("/task:7", "the job 'worker' has no task 7"),
    ],
)  # fmt: skip
def test_a_device_that_the_cluster_lacks(worker, device, message):
    with tf.device(device):
        x = tf.constant(1.0, name="lost")
    with tf.Session(worker.target) as sess:
        with pytest.raises(tf.errors.InvalidArgumentError, match=message) as caught:
            sess.run(x + 1.0)
        assert 'in Const "lost"' in said(caught)
        assert sess.run(tf.constant(1.0)) == 1.0


def test_a_device_that_the_filters_hide_and_one_that_no_machine_has(worker):
    with tf.device("/job:ps/task:0"):
        x = tf.constant(1.0)
    with tf.device("/job:worker/task:0/gpu:5"):
        y = tf.constant(1.0)
    with tf.Session(worker.target, config=tf.ConfigProto(device_filters=["/job:worker"])) as sess:
        with pytest.raises(tf.errors.InvalidArgumentError, match="hides that task"):
            sess.run(x)
        assert sess.run(y) == 1.0
    sess = tf.Session(worker.target, config=tf.ConfigProto(allow_soft_placement=False))
    with pytest.raises(tf.errors.InvalidArgumentError, match="a task of this process has CPU:0"):
        sess.run(y)


def test_a_task_that_nobody_starts(worker):
    with tf.device("/job:worker/task:1"):
        x = tf.constant(1.0)
    sess = tf.Session(worker.target, config=tf.ConfigProto(operation_timeout_in_ms=60))
    with pytest.raises(tf.errors.DeadlineExceededError, match=r"/job:worker/task:1 was started at w1:2222") as caught:
        sess.run(x)
    assert "run_cluster" in said(caught)


@pytest.mark.parametrize("target", ["grpc://other.machine:2222", "localhost:2222", "local"])
def test_the_address_of_another_process(worker, target):
    with pytest.raises(tf.errors.NotFoundError, match="writes no transport") as caught:
        tf.Session(target)
    assert "tf.parallel.processes" in said(caught)
    assert "/job:worker/task:0 at w0:2222" in said(caught)


@pytest.mark.parametrize("target", [3, ["grpc://w0:2222"], b"grpc://w0:2222"])
def test_a_target_that_is_no_string(target):
    with pytest.raises(TypeError, match=r"target is a string such as server\.target"):
        tf.Session(target)


def test_the_server_itself_is_no_target(worker):
    with pytest.raises(TypeError, match=r"tf\.Session\(server\.target\)"):
        tf.Session(worker)


def test_a_second_server_at_an_address(worker):
    with pytest.raises(tf.errors.AlreadyExistsError, match="running at w0:2222 already: /job:worker/task:0"):
        tf.train.Server(SPEC, "worker", 0)


def test_a_server_that_was_never_started():
    server = tf.train.Server(SPEC, "worker", 0, start=False)
    with pytest.raises(tf.errors.FailedPreconditionError, match=r"never started: join\(\) would wait for ever"):
        server.join()
    with pytest.raises(tf.errors.NotFoundError, match="no server at"):
        tf.Session(server.target)
    server.start()
    server.start()
    with tf.Session(server.target) as sess:
        assert sess.run(tf.constant(1)) == 1
    server.close()
    server.close()
    with pytest.raises(tf.errors.CancelledError, match="is closed"):
        server.start()


def test_a_session_on_a_closed_server():
    x = tf.constant(1)
    server = tf.train.Server.create_local_server()
    sess = tf.Session(server.target)
    assert sess.run(x) == 1
    server.close("the lesson is over")
    with pytest.raises(tf.errors.CancelledError, match="is closed: the lesson is over"):
        sess.run(x)
    with pytest.raises(tf.errors.NotFoundError, match="running here: none"):
        tf.Session(server.target)


def test_a_session_whose_parameter_server_is_closed(worker):
    with tf.device("/job:ps/task:0"):
        v = tf.Variable(1.0)
    with tf.Session(worker.target) as sess:
        sess.run(v.initializer)
        tf.Session.reset(worker.target)
    with tf.Session(worker.target) as sess:
        sess.run(v.initializer)
        next(s for s in sess._devices._tasks.connected.values() if s.name == "/job:ps/task:0").close()
        with pytest.raises(tf.errors.UnavailableError, match="/job:ps/task:0 at ps0:2222 is closed"):
            sess.run(v)


def test_two_models_under_one_name(worker):
    graphs = []
    for shape in ([2], [3]):
        with tf.Graph().as_default() as graph, tf.device("/job:ps/task:0"):
            graph.init = tf.Variable(tf.zeros(shape), name="w").initializer
        graphs.append(graph)
    with tf.Session(worker.target, graph=graphs[0]) as sess:
        sess.run(graphs[0].init)
    sess = tf.Session(worker.target, graph=graphs[1])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"'w' on /job:ps/task:0 is float32\[3\] in this graph"):
        sess.run(graphs[1].init)


# Whole programs


def run(main, cluster=SPEC, **options):
    before = set(threading.enumerate())
    try:
        return tf.parallel.run_cluster(main, cluster, **options)
    finally:
        for thread in set(threading.enumerate()) - before:
            thread.join(5)
        assert set(threading.enumerate()) <= before


def test_the_first_error_of_a_task_ends_all_and_is_raised_with_its_name():
    def main(job_name, task_index):
        server = tf.train.Server(SPEC, job_name, task_index)
        if job_name == "ps":
            return server.join()
        queue = tf.FIFOQueue(1, tf.float32, [[]])
        got = queue.dequeue()
        with tf.Session(server.target) as sess:
            if task_index == 1:
                raise KeyError("the data are not there")
            return sess.run(got)  # for ever

    with pytest.raises(KeyError, match="the data are not there") as caught:
        run(main)
    assert "in /job:worker/task:1 of the cluster" in said(caught)


def test_monitored_sessions_end_too_when_another_task_fails():
    def main(job_name, task_index):
        server = tf.train.Server(SPEC, job_name, task_index)
        if job_name == "ps":
            return server.join()
        with tf.device(tf.train.replica_device_setter(cluster=SPEC, worker_device=f"/job:worker/task:{task_index}")):
            step = tf.train.create_global_step()
            opt = tf.train.SyncReplicasOptimizer(tf.train.GradientDescentOptimizer(0.1), 2)
            train = opt.minimize(tf.square(tf.Variable(1.0)), global_step=step)
        hook = opt.make_session_run_hook(task_index == 0)
        with tf.train.MonitoredTrainingSession(server.target, task_index == 0, hooks=[hook]) as sess:
            while True:
                if sess.run(step) >= 3 and task_index == 1:
                    raise RuntimeError("enough")
                sess.run(train)

    with pytest.raises(RuntimeError, match="enough"):
        run(main)


def test_workers_that_wait_for_one_another_for_ever_are_told_where():
    def main(job_name, task_index):
        server = tf.train.Server(SPEC, job_name, task_index)
        if job_name == "ps":
            return server.join()
        with tf.device("/job:ps/task:0"):
            got = tf.FIFOQueue(1, tf.float32, [[]], shared_name="nobody fills it").dequeue()
        with tf.Session(server.target) as sess:
            return sess.run(got)

    with pytest.raises(tf.errors.DeadlineExceededError, match="standing still") as caught:
        run(main, stall_timeout=0.5)
    assert "/job:worker/task:1 is at File" in said(caught)
    assert "return sess.run(got)" in said(caught)


def test_a_program_that_takes_too_long():
    stop = threading.Event()

    def main(job_name, task_index):
        server = tf.train.Server(SPEC, job_name, task_index)
        one = tf.constant(1)
        with tf.Session(server.target) as sess:
            while not stop.is_set():
                sess.run(one)

    with pytest.raises(tf.errors.DeadlineExceededError, match=r"not done after 0\.5 seconds"):
        run(main, timeout=0.5)


def test_a_task_that_does_not_end_is_named(capsys, monkeypatch):
    monkeypatch.setitem(tf.parallel.run_cluster.__globals__, "_END_SECONDS", 0.2)
    stop = threading.Event()

    def main(job_name, task_index):
        if job_name == "ps":
            raise ValueError("at once")
        stop.wait(20)

    with pytest.raises(ValueError, match="at once"):
        tf.parallel.run_cluster(main, SPEC)
    stop.set()
    assert "did not end within 0.2 seconds" in capsys.readouterr().err
    time.sleep(0.1)


def test_run_cluster_with_what_is_no_program(worker):
    with pytest.raises(tf.errors.LabkitError, match="a function of a job and a number"):
        tf.parallel.run_cluster(SPEC, SPEC)
    with pytest.raises(tf.errors.AlreadyExistsError, match="running already"):
        tf.parallel.run_cluster(lambda job, task: None, SPEC)
    with pytest.raises(tf.errors.LabkitError, match="no tasks"):
        tf.parallel.run_cluster(lambda job, task: None, {})
    with pytest.raises(TypeError, match="cluster"):
        tf.parallel.run_cluster(lambda job, task: None, 4)
    for timeout in (0, -1, float("nan"), "60", None, True):
        with pytest.raises(tf.errors.LabkitError, match="timeout is a number of seconds"):
            tf.parallel.run_cluster(lambda job, task: None, SPEC, timeout=timeout)


def test_sys_exit_is_the_end_of_a_task():
    with pytest.raises(tf.errors.LabkitError, match=r"sys\.exit\(3\)"):
        run(lambda job, task: exit(3))
    assert set(run(lambda job, task: exit(0)).values()) == {None}
