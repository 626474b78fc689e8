"""Asynchronous training on real workers: what was stale, what is lost with a worker."""

from __future__ import annotations

import numpy as np
import pytest

import labkit as tf
from labkit.errors import GraphError
from labkit.parallel import TrainingStep
from labkit.parallel.processes import ParameterServer, live
from labkit.parallel.sampling import Sampling
from tests.parallel.nets import dense, examples
from tests.parallel.processes.test_group import dropout, require_or_skip, same


@pytest.fixture(scope="module")
def two():
    """Two workers and a server."""
    require_or_skip()
    with ParameterServer(2) as group:
        yield group
    assert not live.marked(group.mark)


def linear():
    """A model whose gradient a line of NumPy gives."""
    with tf.Graph().as_default():
        x, y = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.float32, [None])
        loss = tf.reduce_mean(tf.square(tf.reduce_sum(x * tf.Variable(tf.zeros([3]), name="w"), 1) - y))
        return TrainingStep(tf.train.GradientDescentOptimizer(0.05).minimize(loss), [x, y], loss)


def test_staleness_of_two_workers_is_one_and_the_model_learns(two):
    """The mean staleness of N workers is N - 1 exactly, but for the beginning and the end; nothing is lost."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3)).astype(np.float32)
    y = (x @ [1.0, -2.0, 3.0]).astype(np.float32)
    told = []
    history = two.train(
        linear(), [x, y], updates=150, batch=16, tell_every=50, progress=lambda done, loss: told.append((done, loss))
    )
    assert len(history.staleness) == 150
    assert np.mean(history.staleness) == pytest.approx(1.0, abs=0.2)
    assert [point.updates for point in history.points] == [50, 100, 150] == [done for done, _ in told]
    assert history.points[-1].loss < 0.01
    np.testing.assert_allclose(two.state["w"], [1, -2, 3], atol=0.1)


def test_bad_input(two):
    """Each says why."""
    with pytest.raises(GraphError, match="updates is 0"):
        two.train(linear(), examples(20), updates=0)
    with pytest.raises(GraphError, match="depend on random draws"):
        two.train(dropout(lambda: tf.train.GradientDescentOptimizer(0.1)), examples(20), updates=2)


def test_every_update_is_the_gradient_at_the_weights_that_were_read(two):
    """A loop over the versions that the history names, in the order that it names, ends with the same weights."""
    step, data = dense(lambda: tf.train.MomentumOptimizer(0.02, 0.9)), examples(60)
    history = two.train(step, data, updates=40, batch=8, seed=2)
    taken, turns, versions = Sampling(60, 2, 8, "random", 2), [0, 0], [step.first_state()]
    for number, (rank, stale) in enumerate(zip(history.settings["order"], history.staleness, strict=True)):
        rows = taken.rows([rank], [turns[rank]])[0]
        turns[rank] += 1
        found = step.gradients(versions[number - stale], [array[rows] for array in data])
        versions.append(step.update(versions[-1], found.values))
    assert min(turns) > 0
    same(two.state, versions[-1], 1e-4)


def test_a_worker_that_dies_takes_one_gradient_with_it(two):
    """The other goes on alone: nothing is stale any more. The next run has two workers again."""
    step, data = dense(lambda: tf.train.GradientDescentOptimizer(0.1)), examples(60)
    killed = []

    def interfere(done, loss):
        if not killed:
            killed.append(two.pids[1])
            two.kill(1)

    history = two.train(step, data, updates=60, batch=8, tell_every=10, progress=interfere)
    assert [(h.kind, h.who) for h in history.happenings] == [("died", "worker 1")]
    assert len(history.staleness) == 60
    assert set(history.staleness[-30:]) == {0}
    assert set(history.settings["order"][-30:]) == {0}
    history = two.train(step, data, updates=10, batch=8)
    assert set(history.settings["order"]) == {0, 1}
    assert killed[0] not in two.pids
    assert not live.lives(killed[0])
