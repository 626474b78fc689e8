"""A step as files: the step that is read computes what the one that was written does."""

from __future__ import annotations

import os

import numpy as np
import pytest

import labkit as tf
from labkit.errors import NotFoundError
from labkit.parallel.processes.carried import forget_states, read_state, read_step, write_state, write_step
from tests.parallel.nets import dense, examples, sparse, words
from tests.parallel.test_step import OPTIMIZERS


def same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize(("net", "data"), [(dense, examples), (sparse, words)], ids=["dense", "sparse"])
def test_a_step_that_was_read_makes_the_same_updates(name, net, data, tmp_path):
    """Bit for bit, in a graph that knows nothing of the first, whatever the optimizer."""
    step, batch = net(OPTIMIZERS[name]), data(20)
    state = step.first_state()
    write_step(str(tmp_path), step, batch)
    write_state(str(tmp_path), 0, step, state)
    again, arrays = read_step(str(tmp_path))
    number, read = read_state(str(tmp_path))
    assert number == 0
    assert again.train.graph is not step.train.graph
    same(read, state)
    for got, wanted in zip(arrays, batch, strict=True):
        np.testing.assert_array_equal(got, wanted)
    for _ in range(3):
        state = step.update(state, step.gradients(state, batch).values)
        read = again.update(read, again.gradients(read, arrays).values)
    same(read, state)
    assert not np.array_equal(*(next(iter(s.values())) for s in (state, step.first_state())))


def test_places_in_random_streams_are_kept(tmp_path):
    """After a restart, dropout goes on where it was."""
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        x = tf.placeholder(tf.float32, [None, 8])
        loss = tf.reduce_mean(tf.square(tf.nn.dropout(x, 0.5) * tf.Variable(tf.ones([8]))))
        step = tf.parallel.TrainingStep(tf.train.GradientDescentOptimizer(0.1).minimize(loss), [x], loss)
    state, batch = step.first_state(), [np.ones((4, 8), np.float32)]
    for _ in range(2):
        found = step.gradients(state, batch)
        state = step.update({**state, **found.random}, found.values)
    write_state(str(tmp_path), 2, step, state)
    number, read = read_state(str(tmp_path))
    assert number == 2
    same(read, state)
    assert float(step.gradients(read, batch).loss) != float(step.gradients(step.first_state(), batch).loss)


def test_the_newest_whole_checkpoint_counts_and_old_ones_go(tmp_path):
    """A half-written file is passed over; two checkpoints are kept; without any the error says where it looked."""
    step = dense(OPTIMIZERS["sgd"])
    state = step.first_state()
    for number in (0, 5, 10):
        write_state(str(tmp_path), number, step, {**state, "dense/bias": np.full(16, number, np.float32)})
    assert sorted(name.split(".")[0] for name in os.listdir(tmp_path)) == ["state-10"] * 2 + ["state-5"] * 2
    path = next(tmp_path.glob("state-10.data*"))
    path.write_bytes(path.read_bytes()[:-7])
    number, read = read_state(str(tmp_path))
    assert (number, float(read["dense/bias"][0])) == (5, 5.0)
    forget_states(str(tmp_path))
    with pytest.raises(NotFoundError, match="no whole checkpoint"):
        read_state(str(tmp_path))
