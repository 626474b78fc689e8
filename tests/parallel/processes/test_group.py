"""Real processes against the simulated replicas, with and without deaths."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import labkit as tf
from labkit.errors import CancelledError, GraphError, LabkitError, UnavailableError
from labkit.parallel import Replicas, TrainingStep
from labkit.parallel.processes import Processes, engines, live, require
from labkit.parallel.sampling import Sampling
from tests.parallel.nets import dense, examples, sparse, words


def momentum():
    return tf.train.MomentumOptimizer(0.1, 0.9)


def dropout(optimizer):
    """A net whose workers draw random numbers."""
    with tf.Graph().as_default():
        tf.set_random_seed(3)
        x, y = tf.placeholder(tf.float32, [None, 12]), tf.placeholder(tf.int64, [None])
        h = tf.nn.dropout(tf.layers.dense(x, 16, tf.nn.tanh), 0.5)
        loss = tf.losses.sparse_softmax_cross_entropy(y, tf.layers.dense(h, 4))
        return TrainingStep(optimizer().minimize(loss), [x, y], loss)


def rows_of(seed, begin, end, workers, batch, examples):
    """(steps, workers, batch) which examples are taken."""
    taken = Sampling(examples, workers, batch, "random", seed)
    return np.array([taken.rows(np.arange(workers), np.full(workers, turn)) for turn in range(begin, end)])


def same(a, b, tolerance):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=tolerance, atol=tolerance, err_msg=name)


def simulated(step, data, workers, steps, batch, seed):
    """The state after the same steps of simulated replicas, and the loss before the last of them."""
    replicas = Replicas(step, workers)
    state, loss = replicas.state, 0.0
    for rows in rows_of(seed, 0, steps, workers, batch, len(data[0])):
        loss = np.mean([step.gradients(state, [a[r] for a in data]).loss for r in rows]) if not step.random else None
        state = replicas.step(state, data, rows=rows)
    return state, loss


@pytest.mark.parametrize(
    ("net", "data"), [(dense, examples), (sparse, words), (dropout, examples)], ids=["dense", "sparse", "dropout"]
)
def test_three_processes_compute_what_three_simulated_replicas_do(three, net, data):
    """The same examples, the same draws: the same weights, but for the order of the sums."""
    step, given = net(momentum), data(200)
    told = []
    history = three.train(step, given, steps=12, batch=8, seed=4, tell_every=4, progress=told.append)
    state, loss = simulated(step, given, 3, 12, 8, 4)
    same(three.state, state, 2e-5)
    assert [point.updates for point in history.points] == [4, 8, 12]
    assert history.points[-1].examples == 12 * 3 * 8
    if loss is not None:
        assert history.points[-1].loss == pytest.approx(loss, rel=1e-5)
    assert told
    assert told[-1].steps == 12
    assert "worker 2 of 3" in three.log
    assert not three.failures


def test_data_parallel_takes_the_same_examples(three):
    """`DataParallel(...)` and `Processes(...)` with the same seed end with the same weights."""
    with tf.Graph().as_default():
        x, y = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.float32, [None])
        loss = tf.reduce_mean(tf.square(tf.Variable(0.0, name="w") * x - y))
        train = tf.train.GradientDescentOptimizer(0.05).minimize(loss)
        xs = np.linspace(-1, 1, 100, dtype=np.float32)
        data = {y: 3 * xs, x: xs}
        paper = tf.parallel.DataParallel(train, data, loss, workers=3, batch=8, seed=6)
        paper.run(10)
        three.train(train, data, loss, steps=10, batch=8, seed=6)
        same(three.state, paper.replicas.state, 1e-6)


def test_who_is_killed_is_replaced_and_the_weights_are_those_of_a_quiet_run(three):
    """Two deaths in one run, at steps that are drawn; the last weights are bit for bit those without."""
    step, data = dense(momentum), examples(200)
    job = {"steps": 400, "batch": 8, "seed": 1, "checkpoint_every": 40, "tell_every": 4}
    three.train(step, data, **job)
    quiet = three.state
    rng = np.random.default_rng(7)
    plan = [(int(at), int(rng.integers(3))) for at in (rng.integers(20, 150), rng.integers(180, 300))]
    before, left = set(three.pids), list(plan)

    def interfere(news):
        if left and news.step >= left[0][0]:
            three.kill(left.pop(0)[1])

    history = three.train(step, data, **job, progress=interfere)
    assert not left
    same(three.state, quiet, 0)
    assert [failure.worker for failure in three.failures] == [rank for _, rank in plan]
    for failure, (at, _) in zip(three.failures, plan, strict=True):
        assert failure.step >= at - at % 40 - 40
        assert failure.step % 40 == 0
        assert failure.noticed_seconds is not None
    assert [h.kind for h in history.happenings if h.kind != "noticed"] == ["died", "restarted"] * 2
    assert not any(live.lives(pid) for pid in before)
    assert set(live.marked(three.mark)) >= set(three.pids)


def test_a_callback_that_raises_leaves_nothing_hanging(three):
    """The error arrives, the workers are ended; the next run starts new ones."""

    def interrupt(news):
        raise KeyboardInterrupt

    step, data = dense(momentum), examples(100)
    old = three.pids
    with pytest.raises(KeyboardInterrupt):
        three.train(step, data, steps=100_000, batch=8, tell_every=1, progress=interrupt)
    assert not any(live.lives(pid) for pid in old)
    three.train(step, data, steps=3, batch=8)
    same(three.state, simulated(step, data, 3, 3, 8, 0)[0], 2e-5)


def test_bad_input(three):
    """Each says what was asked and what there is; the workers are unharmed."""
    step = dense(momentum)
    with pytest.raises(GraphError, match="3 workers and 2 examples"):
        three.train(step, examples(2), steps=1)
    with pytest.raises(GraphError, match="steps is 0"):
        three.train(step, examples(9), steps=0)
    with pytest.raises(GraphError, match="no worker 3"):
        three.kill(3)
    with pytest.raises(GraphError, match="0 processes were asked for"):
        Processes(0)
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 3])
        size = tf.Variable(tf.ones([2, 2]))
        loss = tf.reduce_mean(tf.matmul(tf.reshape(x, [-1, 2]), size))
        train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
        with pytest.raises(LabkitError, match="could not compute the step"):
            three.train(train, {x: np.ones((9, 3), np.float32)}, loss, steps=2, batch=3)


def test_one_fewer_then_nobody_left_and_nothing_remains():
    """Two workers, not to be replaced: one goes on alone from the checkpoint; when it dies too, that is said. A group
    that nobody holds any more is collected, and ends its processes."""
    require_or_skip()
    mark, pids = one_fewer_then_nobody()
    gc.collect()
    assert not live.marked(mark)
    assert len(pids) > 3
    assert not any(live.lives(pid) for pid in pids)


def one_fewer_then_nobody():
    """The group's mark, and the processes that it had."""
    step, data = dense(lambda: tf.train.GradientDescentOptimizer(0.05)), examples(100)
    group = Processes(2)
    pids = live.marked(group.mark)
    assert set(group.pids) < set(pids)  # the workers, and the controller

    def interfere(news):
        if group.count == 2 and not died:
            died.append(news.step)
            group.kill(1)

    died: list[int] = []
    job = {"batch": 4, "checkpoint_every": 30, "tell_every": 2, "replace": False}
    history = group.train(step, data, steps=300, **job, progress=interfere)
    begin = group.failures[0].step
    replicas, state = Replicas(step, 2), step.first_state()
    for rows in rows_of(0, 0, begin, 2, 4, 100):
        state = replicas.step(state, data, rows=rows)
    alone = Replicas(step, 1)
    for rows in rows_of(0, begin, 300, 1, 4, 100):
        state = alone.step(state, data, rows=rows)
    same(group.state, state, 1e-4)
    assert group.count == 1
    assert history.points[-1].examples == (begin * 2 + (300 - begin)) * 4
    last = iter(group.pids)
    with pytest.raises(UnavailableError, match="worker 0 died, and it was the last one"):
        group.train(step, data, steps=100_000, **job, progress=lambda _: [group.kill(0) for _ in last])
    return group.mark, pids


def test_when_the_notebook_is_killed_its_processes_end_themselves():
    """Nobody is there to end them."""
    require_or_skip()
    program = (
        "from labkit.parallel.processes import Processes, live\n"
        "group = Processes(1)\n"
        "print(group.mark, len(live.marked(group.mark)), flush=True)\n"
        "import time; time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as notebook:
        try:
            mark, count = notebook.stdout.readline().split()
        finally:
            notebook.kill()
    assert int(count) > 1
    until = time.monotonic() + 30
    while live.marked(mark) and time.monotonic() < until:
        time.sleep(0.1)
    assert not live.marked(mark)


def test_when_the_notebook_is_killed_while_workers_start_none_is_left():
    """The guard is there before them."""
    require_or_skip()
    program = (
        "import os, threading\n"
        "from labkit.parallel.processes import Processes, engines, live\n"
        "kill = engines.live.start_guard\n"
        "def start(mark):\n"
        "    print(mark, flush=True)\n"
        "    return kill(mark)\n"
        "engines.live.start_guard = start\n"
        "Processes(2)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as notebook:
        try:
            mark = notebook.stdout.readline().strip()
            began, until = False, time.monotonic() + 60
            while not began and time.monotonic() < until:
                began = any(live.runs(pid, "ipyparallel.engine") for pid in live.marked(mark))
        finally:
            notebook.kill()
    assert began
    until = time.monotonic() + 30
    while live.marked(mark) and time.monotonic() < until:
        time.sleep(0.1)
    assert not live.marked(mark)


def require_or_skip():
    """As the fixture does."""
    if sys.platform != "linux":
        pytest.skip(f"real processes need Linux, and this is {sys.platform}")
    pytest.importorskip("ipyparallel", reason="ipyparallel is not installed: pip install labkit[processes]")


@pytest.mark.parametrize(("platform", "words"), [("darwin", "need Linux"), ("linux", "not installed")])
def test_where_it_cannot_work_the_error_says_what_to_do(monkeypatch, platform, words):
    """Another system, or no ipyparallel."""
    monkeypatch.setattr(engines.sys, "platform", platform)
    monkeypatch.setitem(sys.modules, "ipyparallel", None)
    require.cache_clear()
    with pytest.raises(UnavailableError, match=words) as caught:
        Processes(2)
    assert "Try:" in caught.value.__notes__[0]
    require.cache_clear()


WRONG = [
    ({"steps": "5"}, "steps is '5'"),
    ({"steps": 2.5}, "steps is 2.5"),
    ({"batch": "4"}, "batch is '4'"),
    ({"seed": "a"}, "seed is 'a'"),
    ({"tell_every": 0}, "tell_every is 0"),
    ({"restarts": -1}, "restarts is -1"),
    ({"sampling": "all"}, "cannot be taken by 'all'"),
    ({"progress": 3}, "progress is 3"),
    ({"state": {"w": 1}}, "the state to begin with lacks 'dense/kernel'"),
    ({"data": [np.ones((9, 12), np.float32)]}, "for each of them examples are needed"),
    ({"data": [np.ones((9, 3), np.float32), np.zeros(9, int)]}, r"have the shape \(9, 3\)"),
    ({"data": [3.0, np.zeros(9, int)]}, "are one number"),
    ({"train": "minimize"}, "the data is a list|the training op is"),
]


@pytest.mark.parametrize(("wrong", "said"), WRONG, ids=[said for _, said in WRONG])
def test_wrong_calls_are_told_at_once(three, wrong, said):
    """Before anything is sent to the workers."""
    call = {"train": dense(momentum), "data": examples(9), "steps": 2} | wrong
    with pytest.raises(GraphError, match=said):
        three.train(call.pop("train"), call.pop("data"), **call)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"threads": 0}, "threads is 0"),
        ({"launcher": "ssh"}, "the launcher is 'ssh'"),
        ({"folder": "/no/such"}, "no folder"),
    ],
)
def test_a_group_that_cannot_be_is_not_started(wrong, said):
    with pytest.raises(GraphError, match=said):
        Processes(2, **wrong)


def test_another_thread_stops_a_run(three):
    """The run ends with an error, the state is the newest checkpoint's; the next run has new workers."""
    step, data = dense(momentum), examples(100)
    caught = []

    def run():
        try:
            three.train(step, data, steps=10**6, batch=8, checkpoint_every=10, tell_every=5)
        except CancelledError as error:
            caught.append(error)

    thread, old = threading.Thread(target=run), three.pids
    thread.start()
    while three.reported.get(0, (0,))[0] < 20 and thread.is_alive():
        time.sleep(0.01)
    assert set(three.reported) <= {0, 1, 2}
    three.stop()
    thread.join(30)
    assert len(caught) == 1
    assert not any(live.lives(pid) for pid in old)
    first = step.first_state()
    assert any(not np.array_equal(three.state[name], first[name]) for name in first)
    three.train(step, data, steps=3, batch=8)
    same(three.state, simulated(step, data, 3, 3, 8, 0)[0], 2e-5)


def test_who_dies_before_the_workers_have_met_is_replaced(three):
    """Killed while they wait for work: a new mesh is formed."""
    three.kill(1)
    step, data = dense(momentum), examples(100)
    three.train(step, data, steps=3, batch=8)
    same(three.state, simulated(step, data, 3, 3, 8, 0)[0], 2e-5)
