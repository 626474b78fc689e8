"""The compiled loop over versions in slots against a loop that keeps every version by its number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import labkit as tf
from labkit.errors import GraphError
from labkit.parallel import Replicas, TrainingStep, asynchronous
from labkit.parallel.ring import KEEP, Course, Loop, slots
from tests.parallel.nets import dense, examples, sparse, words
from tests.parallel.test_step import OPTIMIZERS


@given(st.data(), st.integers(1, 30), st.integers(1, 3))
def test_every_read_finds_its_version(data, updates, gradients):
    """Played through: each slot holds what is read from it, and there are as many as versions that live at once."""
    reads = [
        data.draw(st.lists(st.integers(KEEP, number), min_size=gradients, max_size=gradients))
        for number in range(updates)
    ]
    found = slots(reads)
    held = {0: 0}
    for number, (versions, places, write) in enumerate(zip(reads, found.reads, found.writes, strict=True)):
        assert [KEEP if place == KEEP else held[place] for place in places] == versions
        held[write] = number + 1
        assert 0 <= write < found.size
    last = {v: n for n, versions in enumerate(reads) for v in versions if v != KEEP}
    alive = max(sum(v <= n <= last[v] for v in last) for n in range(updates))
    assert found.size - 1 <= max(1, alive) + (0 not in last)


def dropout(optimizer):
    with tf.Graph().as_default():
        tf.set_random_seed(2)
        x, y = tf.placeholder(tf.float32, [None, 12]), tf.placeholder(tf.int64, [None])
        h = tf.nn.dropout(tf.layers.dense(x, 8, tf.nn.tanh), 0.5)
        loss = tf.losses.sparse_softmax_cross_entropy(y, tf.layers.dense(h, 4))
        return TrainingStep(optimizer().minimize(loss), [x, y], loss)


@pytest.mark.parametrize("optimizer", ["adam", "momentum"])
@pytest.mark.parametrize(
    ("net", "data"), [(dense, examples), (sparse, words), (dropout, examples)], ids=["dense", "sparse", "dropout"]
)
def test_the_loop_ends_where_one_update_after_the_other_ends(net, data, optimizer):
    """With slots of optimizers, rows of tables and places in random streams; in two pieces."""
    step = net(OPTIMIZERS[optimizer])
    schedule = asynchronous(5, 40, lambda worker, turn: 1.0 + ((worker * 5 + turn * 7) % 11) / 4)
    rows = np.random.default_rng(0).integers(0, 300, (40, 8))
    every = data(300)
    replicas = Replicas(step, 5)
    loop, found = Loop(step, 5), slots(schedule.reads[:, None].tolist())
    course = Course(
        np.array(found.reads, np.int32), np.array(found.writes, np.int32), schedule.workers.astype(np.int32),
        rows[:, None].astype(np.int32),
    )  # fmt: skip
    kept = loop.start(replicas.state, found.size)
    losses = [float(np.asarray(step.gradients(replicas.state, [a[rows[0]] for a in every]).loss))]
    kept, first = loop.run(kept, every, course, 0, 1)
    kept, _ = loop.run(kept, every, course, 1, 17)
    kept, _ = loop.run(kept, every, course, 17, 40)
    *_, last = replicas.asynchronous(schedule.reads.tolist(), ([array[own] for array in every] for own in rows))
    for name, value in last.state.items():
        np.testing.assert_allclose(kept.state[name], value, rtol=2e-5, atol=2e-6, err_msg=name)
    np.testing.assert_allclose(float(first), losses[0], rtol=1e-5)


def test_versions_that_are_not_there():
    """Nobody reads what is still to come."""
    with pytest.raises(GraphError, match="update 0 reads version 1; there are 0 to 0 then"):
        slots([[1]])
