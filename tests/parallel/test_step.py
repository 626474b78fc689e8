"""A training step taken apart does what the session does with it as a whole."""

from __future__ import annotations

import numpy as np
import pytest

import labkit as tf
from labkit.errors import GraphError
from labkit.parallel import TrainingStep
from tests.parallel.nets import dense, examples, sparse, words

OPTIMIZERS = {
    "sgd": lambda: tf.train.GradientDescentOptimizer(0.3),
    "momentum": lambda: tf.train.MomentumOptimizer(0.1, 0.9),
    "adam": lambda: tf.train.AdamOptimizer(0.02),
    "adagrad": lambda: tf.train.AdagradOptimizer(0.3),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize(("net", "data"), [(dense, examples), (sparse, words)], ids=["dense", "sparse"])
def test_parts_make_the_whole(name, net, data):
    """Five steps in two parts end where five runs of the training op in a session end."""
    step = net(OPTIMIZERS[name])
    graph = step.train.graph
    with tf.Session(graph=graph) as session:
        session.run([v.initializer for v in graph.get_collection("variables")])
        state = step.first_state(session)
        for turn in range(5):
            batch = data(32, turn)
            found = step.gradients(state, batch)
            loss, _ = session.run([step.loss, step.train], dict(zip(step.inputs, batch, strict=True)))
            np.testing.assert_allclose(found.loss, loss, rtol=1e-5)
            state = step.update(state, found.values)
        for variable in graph.get_collection("variables"):
            np.testing.assert_allclose(state[variable.op.name], session.run(variable), rtol=2e-5, atol=1e-6)


def test_sparse_gradients_stay_rows():
    """An embedding sends the rows that it touched, and which they are."""
    step = sparse(OPTIMIZERS["sgd"])
    assert [(part.variable, part.indices is not None) for part in step.parts] == [("table", True)]
    values = step.gradients(step.first_state(), words(7)).values
    assert [np.shape(value) for value in values] == [(7, 4), (7,)]


def test_what_travels():
    """Bytes of the weights that are read and of the gradients that are sent: 12·16 + 16 + 16·4 + 4 float32."""
    step = dense(OPTIMIZERS["adam"])
    assert step.sent_bytes == step.read_bytes == 4 * (12 * 16 + 16 + 16 * 4 + 4)
    assert sparse(OPTIMIZERS["sgd"]).sent_bytes is None


def test_dropout_draws_from_one_stream():
    """A random op's place in its stream goes on from replica to replica."""
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 12])
        w = tf.Variable(tf.ones([12, 1]))
        train = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(tf.nn.dropout(x, 0.5) @ w))
        step = TrainingStep(train, [x])
    state, batch = step.first_state(), [np.ones((8, 12), np.float32)]
    first = step.gradients(state, batch)
    second = step.gradients({**state, **first.random}, batch)
    assert not np.array_equal(first.values[0], second.values[0])
    assert np.array_equal(first.values[0], step.gradients(state, batch).values[0])


def test_what_is_no_training_step():
    """Each says what was found and what to do."""
    with tf.Graph().as_default():
        x, rate = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.float32, [], name="rate")
        v = tf.Variable(1.0, name="v")
        with pytest.raises(GraphError, match="is no training op"):
            TrainingStep(tf.no_op(), [x])
        loss = tf.reduce_mean(v * x)
        with pytest.raises(GraphError, match='the update depends on the placeholder "rate"'):
            TrainingStep(tf.train.GradientDescentOptimizer(rate).minimize(loss), [x])
        train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
        with pytest.raises(GraphError, match="the gradients depend on the placeholder"):
            TrainingStep(train, [])
        doubled = tf.py_func(lambda value: 2 * value, [x], tf.float32)
        doubled.set_shape([None])
        python = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(v * doubled))
        with pytest.raises(GraphError, match="runs in Python"):
            TrainingStep(python, [x])
        counted = tf.Variable(0.0, name="counted")
        with tf.control_dependencies([counted.assign_add(1.0)]):
            counting = tf.reduce_mean(v * tf.identity(x))
        train = tf.train.GradientDescentOptimizer(0.1).minimize(counting, var_list=[v])
        with pytest.raises(GraphError, match='changes "counted"'):
            TrainingStep(train, [x])
