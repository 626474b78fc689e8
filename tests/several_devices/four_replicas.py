"""The replicated step on four devices of one process, against simulated replicas."""

from __future__ import annotations

import numpy as np
import pytest

import labkit as tf
from labkit.errors import GraphError
from labkit.parallel import Devices
from tests.parallel.nets import dense, examples, sparse, words
from tests.parallel.processes.test_group import dropout, momentum, same, simulated


@pytest.mark.parametrize("count", [1, 3, 4])
@pytest.mark.parametrize(
    ("net", "data"), [(dense, examples), (sparse, words), (dropout, examples)], ids=["dense", "sparse", "dropout"]
)
def test_devices_compute_what_simulated_replicas_do(net, data, count):
    """The same examples, the same draws: the same weights, but for the order of the sums."""
    step, given = net(momentum), data(200)
    devices, told = Devices(count), []
    history = devices.train(
        step, given, steps=12, batch=8, seed=4, tell_every=5, progress=lambda done, loss: told.append((done, loss))
    )
    state, loss = simulated(step, given, count, 12, 8, 4)
    same(devices.state, state, 2e-5)
    assert [point.updates for point in history.points] == [5, 10, 12] == [done for done, _ in told]
    assert history.points[-1].examples == 12 * count * 8
    if loss is not None:
        assert history.points[-1].loss == pytest.approx(loss, rel=1e-5)
    assert len(history.settings["step_seconds"]) == 12


def test_data_parallel_takes_the_same_examples():
    """`DataParallel` with the same seed ends with the same weights; a second run goes on from a state that is given."""
    with tf.Graph().as_default():
        x, y = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.float32, [None])
        loss = tf.reduce_mean(tf.square(tf.Variable(0.0, name="w") * x - y))
        train = tf.train.GradientDescentOptimizer(0.05).minimize(loss)
        xs = np.linspace(-1, 1, 100, dtype=np.float32)
        data = {y: 3 * xs, x: xs}
        paper = tf.parallel.DataParallel(train, data, loss, workers=4, batch=8, seed=6)
        paper.run(10)
        devices = Devices()
        assert devices.count == 4
        devices.train(train, data, loss, steps=10, batch=8, seed=6)
        same(devices.state, paper.replicas.state, 1e-6)
        first = devices.state
        devices.train(train, data, loss, steps=10, batch=8, seed=7, state=first)
        assert float(devices.state["w"]) != float(first["w"])


def test_a_thousand_steps_do_not_run_ahead():
    """Each is waited for; a process whose collectives wait too long is ended by JAX."""
    history = Devices(4).train(dense(momentum), examples(100), steps=1000, batch=4)
    assert len(history.staleness) == 1000


def test_bad_input():
    """Each says what was asked and what there is."""
    with pytest.raises(GraphError, match=r'5 devices.*has 4 \(CPU\).*\n.*"jax_num_cpu_devices", 5'):
        Devices(5)
    with pytest.raises(GraphError, match="at most 64"):
        Devices(1000)
    for wrong in (0, -1, 2.0, "4", True):
        with pytest.raises(GraphError, match="number of devices is"):
            Devices(wrong)
    with pytest.raises(GraphError, match="4 workers and 3 examples"):
        Devices(4).train(dense(momentum), examples(3), steps=1)
    with pytest.raises(GraphError, match="steps is 0"):
        Devices(4).train(dense(momentum), examples(9), steps=0)
    assert repr(Devices(2)).startswith("<2 devices of this process: ")
