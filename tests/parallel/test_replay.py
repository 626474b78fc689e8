"""Many replicas against one large batch, against a loop in NumPy, and against what a schedule says."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import labkit as tf
from labkit.errors import GraphError
from labkit.parallel import Replicas, TrainingStep, asynchronous
from tests.parallel.nets import dense, examples, sparse, words
from tests.parallel.test_step import OPTIMIZERS


def by_replica(batch, replicas):
    return [array.reshape(replicas, -1, *array.shape[1:]) for array in batch]


def same(a, b, tolerance=1e-6):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize(("net", "data"), [(dense, examples), (sparse, words)], ids=["dense", "sparse"])
def test_ten_replicas_of_a_hundred_are_one_batch_of_a_thousand(name, net, data):
    """To 1e-6, whatever the optimizer, for dense and for sparse gradients."""
    step = net(OPTIMIZERS[name])
    batch = data(1000)
    replicas = Replicas(step, 10)
    alone = step.update(replicas.state, step.gradients(replicas.state, batch).values)
    same(replicas.step(replicas.state, by_replica(batch, 10)), alone)
    same(replicas.joined(replicas.state, by_replica(batch, 10)), alone)


def test_only_the_gradients_that_came_in_time_count():
    """With backup workers the mean is that of the chosen."""
    step = dense(OPTIMIZERS["sgd"])
    replicas = Replicas(step, 5)
    batches = by_replica(examples(100), 5)
    got = replicas.step(replicas.state, batches, counted=[1, 0, 1, 1, 0])
    each = [step.gradients(replicas.state, [b[i] for b in batches]).values for i in (0, 2, 3)]
    mean = [np.mean([np.asarray(v[k]) for v in each], axis=0) for k in range(len(step.sent))]
    same(got, step.update(replicas.state, mean))


def test_compression_with_error_feedback_loses_nothing_in_the_end():
    """What the wire drops is sent with the next step: the sums of what was sent and of what was meant differ by what is
    still owed, exactly."""

    def signs(x):
        return jnp.sign(x) * jnp.mean(jnp.abs(x))

    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 6])
        w = tf.Variable(tf.zeros([6]), name="w")
        train = tf.train.GradientDescentOptimizer(1.0).minimize(tf.reduce_mean(tf.reduce_sum(x * w, 1)))
        step = TrainingStep(train, [x])
    replicas = Replicas(step, 3)
    rng = np.random.default_rng(1)
    state, owed, meant = replicas.state, replicas.no_errors(), np.zeros(6)
    for _ in range(20):
        batch = rng.normal(size=(3, 4, 6)).astype(np.float32)
        meant -= batch.mean(axis=(0, 1))
        state, owed = replicas.step(state, [batch], compress=signs, errors=owed)
    still = np.asarray(owed[0]).mean(axis=0)
    np.testing.assert_allclose(np.asarray(state["w"]) - still, meant, atol=1e-5)
    assert np.abs(still).max() > 0.01  # something was dropped
    plain = replicas.step(replicas.state, [batch], compress=signs)
    assert not np.allclose(plain["w"], replicas.step(replicas.state, [batch])["w"])


def test_asynchronous_updates_are_those_of_a_loop_in_numpy():
    """A linear model with Downpour's rule: each gradient at the weights that were read, applied to what is there."""
    with tf.Graph().as_default():
        x, y = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.float32, [None])
        w = tf.Variable(tf.zeros([3]), name="w")
        loss = tf.reduce_mean(tf.square(tf.reduce_sum(x * w, 1) - y))
        step = TrainingStep(tf.train.GradientDescentOptimizer(0.05).minimize(loss), [x, y], loss)
    rng = np.random.default_rng(2)
    schedule = asynchronous(4, 60, lambda worker, turn: 1.0 + 0.3 * worker + float((worker * 7 + turn * 3) % 5))
    xs, ys = rng.normal(size=(60, 8, 3)).astype(np.float32), rng.normal(size=(60, 8)).astype(np.float32)
    replicas = Replicas(step, 4)
    versions = [np.zeros(3)]
    for update in replicas.asynchronous(schedule.reads.tolist(), zip(xs, ys, strict=True)):
        n = update.number
        old = versions[schedule.reads[n]]
        versions.append(versions[-1] - 0.05 * 2 * ((xs[n] @ old - ys[n])[:, None] * xs[n]).mean(axis=0))
        np.testing.assert_allclose(update.state["w"], versions[-1], rtol=1e-4, atol=1e-5)
        assert update.staleness == schedule.staleness[n]
    assert schedule.staleness.max() > 3


def test_one_asynchronous_worker_is_plain_descent():
    """Nothing is stale, and nothing differs."""
    step = dense(OPTIMIZERS["momentum"])
    replicas = Replicas(step, 1)
    state = replicas.state
    schedule = asynchronous(1, 6, lambda worker, turn: 1.0)
    assert schedule.staleness.tolist() == [0] * 6
    for turn, update in enumerate(replicas.asynchronous(schedule.reads.tolist(), (examples(16, i) for i in range(6)))):
        state = step.update(state, step.gradients(state, examples(16, turn)).values)
        same(update.state, state)


def test_bad_input():
    """Each says what was asked and what there is."""
    step = dense(OPTIMIZERS["sgd"])
    with pytest.raises(GraphError, match="0 replicas were asked for"):
        Replicas(step, 0)
    replicas = Replicas(step, 4)
    with pytest.raises(GraphError, match="4 replicas, and batches for 5"):
        replicas.step(replicas.state, by_replica(examples(50), 5))
    with pytest.raises(GraphError, match="1 or 0 for each of 4"):
        replicas.step(replicas.state, by_replica(examples(40), 4), counted=[0, 0, 0, 0])
    with pytest.raises(GraphError, match="reads version 2"):
        list(replicas.asynchronous([0, 2], [examples(4), examples(4)]))


def test_rows_of_the_data_are_the_same_as_batches():
    """Looked up where the data is, or handed over: the same numbers, in each way of running."""
    step = dense(OPTIMIZERS["sgd"])
    replicas = Replicas(step, 4)
    data = examples(200)
    rows = np.random.default_rng(0).integers(0, 200, (4, 25))
    batches = [array[rows] for array in data]
    same(replicas.step(replicas.state, data, rows=rows), replicas.step(replicas.state, batches), 0)
    same(replicas.joined(replicas.state, data, rows), replicas.joined(replicas.state, batches), 0)
    one = replicas.update(replicas.state, replicas.state, data, rows[0])
    same(one, replicas.update(replicas.state, replicas.state, [array[rows[0]] for array in data]), 0)
