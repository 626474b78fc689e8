"""Replicated training against loops in NumPy that share nothing with it but the examples that each worker takes."""

from __future__ import annotations

import heapq

import jax.numpy as jnp
import numpy as np
import pytest

import labkit as tf
from labkit.cluster import device_kind
from labkit.cluster.errors import ClusterError
from labkit.errors import FeedError, GraphError
from labkit.parallel import (
    AllReduce,
    Clock,
    DataParallel,
    Fault,
    History,
    ParameterServers,
    Recovery,
    Sampling,
    TrainingStep,
    Wire,
)
from labkit.simulator.stragglers import Failures
from tests.parallel.nets import words

EXAMPLES, FEATURES, CLASSES, BATCH = 240, 5, 3, 6
RATE = 0.3
INSTANT = ParameterServers(latency_seconds=0.0, bytes_per_second=1e30)


class Table:
    """Factors that are known: a row for each turn."""

    def __init__(self, workers):
        self.rows = np.random.default_rng(4).integers(8, 30, (400, workers)) / 8.0
        self.turn = -1

    def draw(self, generator, count):
        """The next row."""
        self.turn += 1
        return self.rows[self.turn]


def numbers():
    rng = np.random.default_rng(7)
    x = rng.normal(size=(EXAMPLES, FEATURES)).astype(np.float32)
    return x, np.argmax(x[:, :CLASSES] + 0.3 * rng.normal(size=(EXAMPLES, CLASSES)), axis=1)


def softmax(optimizer=None, loss_of=tf.reduce_mean, **how):
    """Softmax regression, replicated."""
    xs, ys = numbers()
    with tf.Graph().as_default():
        x, y = tf.placeholder(tf.float32, [None, FEATURES]), tf.placeholder(tf.int64, [None])
        w, b = tf.Variable(start()[:-1], name="w"), tf.Variable(start()[-1], name="b")
        loss = loss_of(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=x @ w + b))
        train = (optimizer or tf.train.GradientDescentOptimizer(RATE)).minimize(loss)
        return DataParallel(train, {x: xs, y: ys}, loss, batch=BATCH, **{"communication": INSTANT, **how})


def gradient(weights, rows):
    """Of the mean cross entropy: weights (FEATURES + 1, CLASSES), the bias last; in float64."""
    xs, ys = numbers()
    x = np.concatenate([xs[rows].astype(np.float64), np.ones((len(rows), 1))], axis=1)
    logits = x @ weights
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(rows)), ys[rows]] -= 1
    return x.T @ p / len(rows)


def nothing():
    return np.zeros((FEATURES + 1, CLASSES))


def start():
    """The first weights. Not zero: then the gradients of the bias are, and Adagrad blows up how zero is rounded."""
    return np.random.default_rng(9).normal(size=(FEATURES + 1, CLASSES)).astype(np.float32)


def taken(workers, seed=0, how="random"):
    sampling = Sampling(EXAMPLES, workers, BATCH, how, seed)
    return lambda worker, turn: sampling.rows([worker], [turn])[0]


def check(made, weights, tolerance=2e-5):
    state = made.replicas.state
    got = np.concatenate([state["w"], np.asarray(state["b"])[None]])
    np.testing.assert_allclose(got, weights, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("backup", [0, 2])
@pytest.mark.parametrize("wire", [Wire(), Wire("float16")], ids=["joined", "each"])
def test_synchronous_is_the_loop(backup, wire):
    """The mean gradient of the first n of n + b; half precision on the way is near."""
    workers = 5
    made = softmax(workers=workers, backup=backup, clock=Clock(2.0, Table(workers)), wire=wire)
    history = made.run(25)
    rows, weights, seconds, times = taken(workers), start(), 0.0, Table(workers).rows * 2.0
    for turn in range(25):
        order = np.argsort(times[turn], kind="stable")[: workers - backup]
        weights = weights - RATE * np.mean([gradient(weights, rows(w, turn)) for w in order], axis=0)
        seconds += times[turn][order[-1]]
    check(made, weights, 2e-5 if wire == Wire() else 2e-3)
    assert history.seconds == pytest.approx(seconds)
    assert history.points[-1].examples == 25 * (workers - backup) * BATCH
    assert history.dropped == 25 * backup


def asynchronous_loop(workers, updates, n_fetch, n_push, local_rate=0.0, adagrad=None):
    """Downpour by the book, in simulated time, with weights in NumPy as it goes; ties: the smaller worker first."""
    rows, times = taken(workers), Table(workers).rows * 2.0
    weights, squares, clock, ages = start(), nothing(), 0.0, []
    own, since, turn, version, fetched = [nothing()] * workers, [0] * workers, [0] * workers, 0, [0] * workers
    sums, waiting = [nothing()] * workers, []

    def compute(worker, now):
        if turn[worker] % n_fetch == 0:
            own[worker], fetched[worker] = weights.copy(), version
        found = gradient(own[worker], rows(worker, turn[worker]))
        sums[worker] = sums[worker] + found
        own[worker] = own[worker] - local_rate * found
        heapq.heappush(waiting, (now + times[turn[worker]][worker], worker))
        turn[worker] += 1
        since[worker] += 1

    for worker in range(workers):
        compute(worker, 0.0)
    while version < updates:
        clock, worker = heapq.heappop(waiting)
        if since[worker] == n_push:
            if adagrad is None:
                weights = weights - RATE * sums[worker]
            else:
                squares = squares + sums[worker] ** 2
                weights = weights - adagrad * sums[worker] / np.sqrt(squares)
            ages.append(version - fetched[worker])
            version, since[worker], sums[worker] = version + 1, 0, nothing()
        compute(worker, clock)
    return weights, clock, ages


def test_asynchronous_is_the_loop():
    """Weights, time and the staleness of every update."""
    made = softmax(workers=4, mode="async", clock=Clock(2.0, Table(4)))
    history = made.run(60, every=7)
    weights, seconds, ages = asynchronous_loop(4, 60, 1, 1)
    check(made, weights)
    assert history.seconds == pytest.approx(seconds)
    assert history.staleness == tuple(ages)
    assert [point.updates for point in history.points] == [*range(7, 60, 7), 60]


@pytest.mark.parametrize(
    ("n_fetch", "n_push", "adagrad"), [(1, 1, None), (2, 3, None), (3, 1, None), (2, 4, None), (1, 1, 0.2), (2, 3, 0.2)]
)
def test_downpour_is_the_loop(n_fetch, n_push, adagrad):
    """Fetches every n_fetch gradients, own steps between, pushes of n_push gradients; Adagrad at the servers."""
    made = softmax(workers=3, mode="downpour", n_fetch=n_fetch, n_push=n_push, local_rate=0.1, adagrad=adagrad,
                   clock=Clock(2.0, Table(3)))  # fmt: skip
    history = made.run(40)
    weights, seconds, ages = asynchronous_loop(3, 40, n_fetch, n_push, 0.1, adagrad)
    check(made, weights, 5e-5)
    assert history.seconds == pytest.approx(seconds)
    assert history.staleness == tuple(ages)
    assert history.points[-1].examples == 40 * n_push * BATCH


def test_local_steps_are_the_loop():
    """Each worker takes three steps, then the weights are averaged; a round takes the slowest worker's three."""
    workers, steps = 4, 3
    made = softmax(workers=workers, mode="local", local_steps=steps, clock=Clock(2.0, Table(workers)))
    history = made.run(15)
    rows, weights, times = taken(workers), start(), Table(workers).rows * 2.0
    for number in range(15):
        ends = []
        for worker in range(workers):
            own = weights
            for turn in range(number * steps, (number + 1) * steps):
                own = own - RATE * gradient(own, rows(worker, turn))
            ends.append(own)
        weights = np.mean(ends, axis=0)
    check(made, weights)
    rounds = times[: 15 * steps].reshape(15, steps, workers).sum(axis=1).max(axis=1)
    assert history.seconds == pytest.approx(rounds.sum())
    assert history.points[-1].examples == 15 * workers * steps * BATCH


@pytest.mark.parametrize("how", [{"mode": "sync"}, {"mode": "local", "local_steps": 4}])
@pytest.mark.parametrize("optimizer", [lambda: tf.train.MomentumOptimizer(0.1, 0.9), lambda: tf.train.AdamOptimizer()])
def test_one_worker_is_plain_training_bit_for_bit(how, optimizer):
    """A session that runs the training op on the same examples ends with the same bits."""
    made = softmax(optimizer(), workers=1, **how)
    updates = 24 // made.local_steps if made.mode == "local" else 24
    made.run(updates)
    rows, xs, ys = taken(1), *numbers()
    graph = made.training.train.graph
    with tf.Session(graph=graph) as session:
        variables = graph.get_collection("variables")
        session.run([variable.initializer for variable in variables])
        for turn in range(24):
            batch = dict(zip(made.training.inputs, (xs[rows(0, turn)], ys[rows(0, turn)]), strict=True))
            session.run(made.training.train, batch)
        for variable in variables:
            assert np.array_equal(made.replicas.state[variable.op.name], session.run(variable)), variable.op.name
        trained = {variable.op.name: session.run(variable) for variable in graph.get_collection("trainable_variables")}
    assert sorted(made.weights) == sorted(trained) == ["b", "w"]
    assert all(np.array_equal(made.weights[name], value) for name, value in trained.items())


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_examples_are_taken_as_a_session_takes_them(mode):
    """One-hot labels in float64, pictures in uint8: the tensors' own types count, and nothing fails half-way."""
    xs = np.random.default_rng(3).integers(0, 255, (40, 4)).astype(np.uint8)
    ys = np.eye(2)[np.arange(40) % 2]
    runs: list[float] = []
    for inputs in ((xs, ys), (xs.astype(np.float32), ys.astype(np.float32))):
        with tf.Graph().as_default():
            x, y = tf.placeholder(tf.float32, [None, 4]), tf.placeholder(tf.float32, [None, 2])
            w = tf.Variable(tf.zeros([4, 2]), name="w")
            loss = tf.reduce_mean(tf.square(tf.matmul(x / 255.0, w) - y))
            train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
            data = dict(zip((x, y), inputs, strict=True))
            made = DataParallel(train, data, loss, metrics={"loss": loss}, test=data, workers=3, batch=5, mode=mode)
            made.run(12)
        assert made.weights["w"].dtype == np.float32
        runs.append(float(made.weights["w"].sum()))
    assert runs[0] == runs[1]


def test_examples_that_do_not_fit_are_told():
    """The shape of a picture, as `Session.run` says it."""
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 4], name="pictures")
        train = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(x * tf.Variable(1.0)))
        with pytest.raises(FeedError, match=r"shape \(8, 5\) for \"pictures:0\""):
            DataParallel(train, {x: np.zeros((8, 5), np.float32)}, batch=2)


@pytest.mark.parametrize("how", [{"mode": "async"}, {"mode": "downpour"}])
def test_one_asynchronous_worker_is_plain_training(how):
    """Nothing is stale."""
    alone, plain = softmax(workers=1, **how), softmax(workers=1)
    assert alone.run(30).staleness == (0,) * 30
    plain.run(30)
    for name, value in plain.replicas.state.items():
        assert np.array_equal(alone.replicas.state[name], value), name


def test_losses_that_are_sums_are_not_joined():
    """The mean of the replicas' gradients of a sum is not the gradient of the joined sum."""
    made = softmax(workers=4, loss_of=tf.reduce_sum)
    made.run(5)
    rows, weights = taken(4), start()
    for turn in range(5):
        weights = weights - RATE * BATCH * np.mean([gradient(weights, rows(w, turn)) for w in range(4)], axis=0)
    check(made, weights)


def test_a_restored_checkpoint_gives_back_its_weights():
    """The server dies after 13 updates of which 10 are saved: the weights go on from the tenth, in every mode."""
    recovery = Recovery(1, 3, 2, checkpoint_updates=5)
    faults = [Fault(13.5, "server 0")]
    made = softmax(workers=2, compute_seconds=1.0, faults=faults, recovery=recovery)
    history = made.run(20, every=1)
    rows, weights = taken(2), start()
    for turn in [*range(10), *range(14, 24)]:  # turn 13 was under way, 10 to 12 are lost
        weights = weights - RATE * np.mean([gradient(weights, rows(w, turn)) for w in range(2)], axis=0)
    check(made, weights)
    assert [point.updates for point in history.points] == [*range(1, 14), *range(11, 21)]
    assert history.points[-1].examples == 20 * 2 * BATCH
    assert history.lost == (3, 2, (3 * 2 + 2) * BATCH, 8.0)
    alone = softmax(workers=1, mode="async", compute_seconds=1.0, faults=faults, recovery=recovery)
    history = alone.run(20, every=1)
    rows, weights = taken(1), start()
    for turn in [*range(10), *range(14, 24)]:
        weights = weights - RATE * gradient(weights, rows(0, turn))
    check(alone, weights)
    assert [point.updates for point in history.points] == [*range(1, 14), *range(11, 21)]
    assert history.lost == (3, 1, 4 * BATCH, 8.0)


def test_a_dead_worker_stalls_sync_and_not_async_and_backups_hide_it():
    """The weights of sync are those without the fault, later; with a backup the time is the same as well."""
    recovery, faults = Recovery(1, 3, 5), [Fault(4.5, "worker 1")]
    usual = softmax(workers=4, compute_seconds=1.0)
    stalled = softmax(workers=4, compute_seconds=1.0, faults=faults, recovery=recovery)
    first, second = usual.run(20), stalled.run(20)
    assert second.seconds == first.seconds + 8.0 == 28.0  # it dies at 4.5 s, is back at 12 s, and begins step 5 anew
    for name, value in usual.replicas.state.items():
        assert np.array_equal(stalled.replicas.state[name], value)
    hidden = softmax(workers=5, backup=1, compute_seconds=1.0, faults=faults, recovery=recovery).run(20)
    assert hidden.seconds == 20.0
    alone = softmax(workers=4, mode="async", compute_seconds=1.0, faults=faults, recovery=recovery).run(80)
    assert alone.seconds == 22.0  # 80 updates, of which 8 or so are not made by the dead one
    assert [h.kind for h in alone.happenings] == ["died", "noticed", "restarted"]


@pytest.mark.parametrize("mode", ["sync", "async", "local", "downpour"])
def test_the_same_seed_and_script_make_the_same_history(mode):
    """Twice the same digest; another seed another; a history goes through JSON unharmed."""
    faults = [Fault(3.3, "worker 2", 4.0), Fault(6.1, "server 0", 1.0), Fault(7.0, "link of worker 0", 2.0)]

    def run(seed):
        return softmax(workers=4, mode=mode, faults=faults, recovery=Recovery(0.5, 1.5, 1.0, checkpoint_updates=3),
                       compute_seconds=0.5, seed=seed).run(80)  # fmt: skip

    first = run(1)
    assert first.digest == run(1).digest != run(2).digest
    assert History.from_dict(first.to_dict()) == first
    assert np.all(np.diff(first.column("seconds")) >= 0)
    assert {"died", "restored", "checkpoint"} <= {h.kind for h in first.happenings}


def test_an_epoch_shows_each_example_once():
    """240 examples, 4 workers: 10 turns of 6 each are an epoch."""
    sampling = Sampling(EXAMPLES, 4, BATCH, "epochs", 3)
    epochs = [sampling.rows(np.repeat(np.arange(4), 10), np.tile(np.arange(10 * e, 10 * e + 10), 4)) for e in (0, 1)]
    for epoch in epochs:
        assert sorted(epoch.ravel().tolist()) == list(range(EXAMPLES))
    assert not np.array_equal(*epochs)


def test_random_examples_are_spread_evenly():
    """A chi-squared test on 200,000 draws from 50; and other workers, turns and seeds take others."""
    rows = Sampling(50, 20, 100).rows(np.repeat(np.arange(20), 100), np.tile(np.arange(100), 20))
    counts = np.bincount(rows.ravel(), minlength=50)
    assert ((counts - 4000.0) ** 2 / 4000.0).sum() < 95  # of 49 degrees of freedom: one in 10,000
    assert len({tuple(row) for row in rows.tolist()}) == 2000
    assert not np.array_equal(Sampling(50, 20, 100, seed=1).rows([0], [0]), rows[:1])


def embedding(**how):
    data = words(400)
    with tf.Graph().as_default():
        x, y = tf.placeholder(tf.int32, [None]), tf.placeholder(tf.float32, [None])
        table = tf.Variable(tf.ones([50, 4]), name="table")
        loss = tf.reduce_mean(tf.square(tf.reduce_sum(tf.nn.embedding_lookup(table, x), 1) - y))
        train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
        return DataParallel(train, {x: data[0], y: data[1]}, loss, batch=8, **how)


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_of_an_embedding_only_touched_rows_travel(mode):
    """8 rows of 4 float32 there and back, and 8 numbers of rows; the numbers are those of dense gradients."""
    workers = 3
    made = embedding(workers=workers, mode=mode)
    history = made.run(12)
    parts = 12 * (workers if mode == "sync" else 1)
    assert history.points[-1].bytes == parts * (8 * 4 * 4 + 8 * 4 * 4 + 8 * 4)
    xs, ys = words(400)
    rows, table = Sampling(400, workers, 8), np.ones((50, 4))
    if mode == "sync":
        for turn in range(12):
            chosen = rows.rows(np.arange(workers), np.full(workers, turn)).ravel()
            change = np.zeros((50, 4))
            np.add.at(change, xs[chosen], (2 * (table[xs[chosen]].sum(axis=1) - ys[chosen]) / len(chosen))[:, None])
            table -= 0.1 * change
        np.testing.assert_allclose(made.replicas.state["table"], table, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("how", "each"),
    [
        ({}, 2.0), ({"wire": Wire("float16")}, 1.5), ({"communication": AllReduce()}, 2 * 3 / 4),
        ({"mode": "async"}, 2), ({"mode": "local"}, 2),
        ({"mode": "downpour", "n_push": 4, "n_fetch": 2, "local_rate": 0.1}, 3),
    ],
)  # fmt: skip
def test_bytes_of_dense_gradients(how, each):
    """In sizes of the model: there and back; half precision; 2 (n - 1) / n round a ring; two fetches a push."""
    history = softmax(workers=4, **how).run(10)
    parts = 10 * (1 if how.get("mode") in ("async", "downpour") else 4)
    assert history.points[-1].bytes == parts * each * 4 * (FEATURES + 1) * CLASSES


def test_a_clock_of_a_machine_is_its_roofline():
    """A product too large for anything else to matter: its FLOPs over the rate of the K40, within 10 %."""
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 4096])
        w = tf.Variable(tf.zeros([4096, 4096]))
        train = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(x @ w))
        step = TrainingStep(train, [x])
    small, large = (Clock.of(step, {x: [n, 4096]}, "gpu_machines").compute_seconds for n in (4096, 8192))
    more = 2 * 2.0 * 4096 * 4096 * 4096  # forward, and the gradient of w; that of x is not needed
    assert large - small == pytest.approx(more / device_kind("k40").rate("float32"), rel=0.1)
    with pytest.raises(ClusterError, match="TPU:9"):
        Clock.of(step, {x: [32, 4096]}, "gpu_machines", "TPU:9")


def test_what_goes_wrong():
    """Each error says what was asked, and what to do."""
    for how, message in [
        ({"workers": 300}, "300 workers and 240 examples"),
        ({"workers": 4, "backup": 4}, "4 of 4 workers are to be backups"),
        ({"mode": "gossip"}, "mode is 'gossip'; it is one of 'sync', 'async', 'local', 'downpour'"),
        ({"mode": "async", "workers": 4, "backup": 1}, "backup goes with mode='sync'"),
        ({"mode": "sync", "n_push": 2}, "n_push goes with mode='downpour'"),
        ({"mode": "downpour", "n_fetch": 2}, "at what rate"),
        ({"mode": "async", "communication": AllReduce()}, "need parameter servers"),
        ({"mode": "local", "wire": Wire("int8")}, "local steps send weights"),
        ({"mode": "local", "wire": Wire(top=2)}, "local steps send weights"),
        ({"mode": "local", "wire": Wire(feedback=True)}, "local steps send weights"),
        ({"wire": Wire(top=2), "communication": AllReduce()}, "at other places"),
        ({"sampling": "luck"}, "cannot be taken by 'luck'"),
        ({"sampling": "epochs", "workers": 100}, "2 each, and a batch takes 6"),
        ({"faults": [Fault(1.0, "worker 1")]}, "'worker 1' is to fail"),
        ({"communication": AllReduce(), "faults": [Fault(1.0, "server 0")]}, "there is none"),
    ]:
        with pytest.raises(GraphError, match=message):
            softmax(**how)
    for how in ({"n_push": 2}, {"n_fetch": 2, "local_rate": 0.1}, {"adagrad": 0.1}):
        with pytest.raises(GraphError, match='the gradient of "table" is sparse'):
            embedding(mode="downpour", **how)


def test_compression_in_asynchronous_training_reaches_the_weights():
    """Signs only: every weight moves by whole multiples of what the wire lets through."""

    class Signs(Wire):
        """Lets signs through."""

        def compress(self, array):
            """The sign, times a power of two."""
            return jnp.sign(array) * 0.5

    made = softmax(tf.train.GradientDescentOptimizer(0.25), workers=3, mode="async", wire=Signs("int8"))
    made.run(10)
    moved = (np.asarray(made.replicas.state["w"]) - start()[:-1]) / 0.125
    np.testing.assert_allclose(moved, np.round(moved), atol=1e-5)
    assert np.abs(moved).max() > 1


@pytest.mark.parametrize("mode", ["sync", "async", "local"])
def test_a_server_that_dies_before_the_first_update(mode):
    """Nothing is saved and nothing is lost but time; if nobody replaces it, the run has no updates."""
    made = softmax(workers=3, mode=mode, compute_seconds=1.0, faults=[Fault(0.25, "server 0", 2.0)])
    history = made.run(6)
    assert history.lost.updates == 0
    assert history.lost.seconds == 2.25
    assert history.points[-1].updates == 6
    alone = softmax(workers=3, mode=mode, faults=[Fault(0.01, "server 0")], recovery=Recovery(replace=False)).run(6)
    assert alone.points == ()
    assert [h.kind for h in alone.happenings] == ["died", "noticed", "ended"]


@pytest.mark.parametrize("mode", ["sync", "async", "local", "downpour"])
def test_failures_that_are_drawn_are_lived_through(mode):
    """Machines that fail all the time: the run ends, with all its updates, and what was lost is told."""
    failures = {"worker": Failures(30.0, 5.0), "server": Failures(60.0, 2.0), "link of worker": Failures(40.0, 1.0)}
    made = softmax(workers=4, mode=mode, compute_seconds=1.0, failures=failures,
                   recovery=Recovery(1, 3, 2, checkpoint_updates=5))  # fmt: skip
    updates = 60 if mode in ("sync", "local") else 240
    history = made.run(updates, every=1)
    assert history.points[-1].updates == updates
    assert len(history.points) == updates + history.lost.updates == len(history.staleness)
    assert history.lost.gradients > 0
    assert history.lost.seconds > 0
    assert {h.who.rsplit(" ", 1)[0] for h in history.happenings if h.kind == "died"} <= set(failures)
    assert history.column("loss")[-10:].mean() < history.column("loss")[:10].mean()


def test_metrics_are_those_of_the_session():
    """Accuracy on other examples, at each point; when it was reached first."""
    xs, ys = numbers()
    with tf.Graph().as_default() as graph:
        x, y = tf.placeholder(tf.float32, [None, FEATURES]), tf.placeholder(tf.int64, [None])
        logits = tf.layers.dense(x, CLASSES)
        right = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), y), tf.float32))
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
        train = tf.train.GradientDescentOptimizer(RATE).minimize(loss)
        made = DataParallel(train, {x: xs[:200], y: ys[:200]}, loss, metrics={"accuracy": right},
                            test={x: xs[200:], y: ys[200:]}, workers=4, sampling="epochs")  # fmt: skip
    history = made.run(40, every=5)
    with tf.Session(graph=graph) as session:
        for variable in graph.get_collection("variables"):
            variable.load(np.asarray(made.replicas.state[variable.op.name]), session)
        assert history.points[-1].metrics["accuracy"] == session.run(right, {x: xs[200:], y: ys[200:]}) > 0.7
    values, seconds = history.column("accuracy"), history.column("seconds")
    assert history.seconds_to("accuracy", float(values.max())) == seconds[values.argmax()]
    assert history.seconds_to("loss", -1.0, below=True) is None
    with pytest.raises(GraphError, match="there is no 'speed' among"):
        history.column("speed")


def test_feedback_gives_back_what_the_wire_drops():
    """With 8 bits and feedback the weights stay nearer to those of full precision than without."""

    def run(wire):
        made = softmax(workers=3, wire=wire)
        made.run(60)
        return np.asarray(made.replicas.state["w"])

    exact = run(Wire())
    without, with_feedback = (np.abs(run(Wire("int8", feedback)) - exact).max() for feedback in (False, True))
    assert 0 < with_feedback < without < 0.05


def test_dropout_is_computed_worker_by_worker():
    """The joined batch would draw other numbers: each worker's are those that follow the one before it."""
    xs, ys = numbers()
    with tf.Graph().as_default():
        tf.set_random_seed(5)
        x, y = tf.placeholder(tf.float32, [None, FEATURES]), tf.placeholder(tf.int64, [None])
        logits = tf.layers.dense(tf.nn.dropout(x, 0.5), CLASSES)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
        made = DataParallel(tf.train.GradientDescentOptimizer(RATE).minimize(loss), {x: xs, y: ys}, loss, workers=3,
                            batch=BATCH)  # fmt: skip
    step, rows = made.training, taken(3)
    state = made.replicas.state
    for turn in range(4):
        sums = [0.0] * len(step.sent)
        for worker in range(3):
            found = step.gradients(state, [xs[rows(worker, turn)], ys[rows(worker, turn)]])
            state = {**state, **found.random}
            sums = [total + np.asarray(value) for total, value in zip(sums, found.values, strict=True)]
        state = step.update(state, [np.float32(total / 3) for total in sums])
    made.run(4)
    for name, value in state.items():
        np.testing.assert_allclose(made.replicas.state[name], value, rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), -1.0, "long"])
def test_a_time_for_which_nobody_can_count_updates_is_told(seconds):
    """Without an end the search would have none."""
    with pytest.raises(ClusterError, match="the simulated time is"):
        softmax(workers=2).updates_within(seconds)


def test_updates_and_seconds_are_two_sides_of_one_clock():
    run = softmax(workers=2, compute_seconds=0.5)
    assert [run.seconds_of(updates) for updates in (1, 7)] == [0.5, 3.5]
    assert [run.updates_within(seconds) for seconds in (0.4, 0.5, 3.6)] == [0, 1, 7]
    with pytest.raises(ClusterError, match="the number of updates is 0"):
        run.seconds_of(0)
