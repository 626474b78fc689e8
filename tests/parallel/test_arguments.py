"""What a learner hands to DataParallel: a name where a name says enough, an error that says what to write where not."""

from __future__ import annotations

import re

import numpy as np
import pytest

import labkit as tf
from labkit.cluster.errors import ClusterError
from labkit.errors import GraphError
from labkit.parallel import AllReduce, Clock, DataParallel, Fault, ParameterServers, Wire


def regression(**how):
    """A linear regression on forty examples."""
    tf.reset_default_graph()
    x, y = tf.placeholder(tf.float32, [None, 4], name="x"), tf.placeholder(tf.float32, [None, 2], name="y")
    product = tf.matmul(x, tf.Variable(tf.zeros([4, 2]), name="w"), name="product")
    loss = tf.reduce_mean(tf.square(product - y), name="loss")
    train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    random = np.random.default_rng(0)
    images, labels = (random.normal(size=(40, width)).astype(np.float32) for width in (4, 2))
    given = {"train": train, "data": {x: images, y: labels}, "loss": loss, "workers": 4, "batch": 5}
    net = {"x": x, "y": y, "product": product, "loss": loss}
    given |= {key: value(net) if callable(value) else value for key, value in how.items()}
    return DataParallel(**given)


def looked_up(table_of, **how):
    """A table whose rows are looked up by number, in `table_of(table)`."""
    tf.reset_default_graph()
    rows = tf.placeholder(tf.int32, [None], name="rows")
    table = tf.Variable(tf.ones([50, 3]), name="table")
    loss = tf.reduce_mean(tf.square(tf.nn.embedding_lookup(table_of(table), rows)))
    train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    return DataParallel(train, {rows: np.arange(50)}, loss, workers=2, batch=5, rows=[table], **how)


@pytest.mark.parametrize(
    ("by_name", "in_full"),
    [
        ({"wire": "int8"}, {"wire": Wire("int8")}),
        ({"communication": "ring"}, {"communication": AllReduce("ring")}),
        ({"communication": "servers"}, {"communication": ParameterServers()}),
        ({"faults": Fault(0.35, "worker 1")}, {"faults": [Fault(0.35, "worker 1")]}),
    ],
)
def test_a_name_means_what_it_stands_for(by_name, in_full):
    """The same history, to the last bit."""
    assert regression(**by_name).run(6).digest == regression(**in_full).run(6).digest


def test_the_name_of_machines_is_their_clock():
    """The gradient of one worker's batch, simulated there."""
    made = regression(clock="gpu_machines")
    step, (x, y) = made.training, made.training.inputs
    assert made.clock == Clock.of(step, {x: [5, 4], y: [5, 2]}, "gpu_machines")
    assert made.run(3).seconds > 3 * made.clock.compute_seconds > 0


def test_tables_that_travel_by_rows():
    """A look-up in the variable sends the rows that it touched; one in what was computed from it would send all."""
    made = looked_up(lambda table: table)
    assert made.run(2).points[0].bytes < 50 * 3 * 4  # 4 reads and sends of 5 rows are less than one table
    with pytest.raises(GraphError, match=r'"table" is to travel by rows, and its gradient ".*" is dense: every row'):
        looked_up(lambda table: table * 2.0)
    with pytest.raises(GraphError, match=r'"other" is to travel by rows, and is not trained here; trained are "w"'):
        regression(rows="other")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"train": lambda net: net["loss"]}, r'the training op is the tensor "loss:0".*optimizer.minimize'),
        ({"data": [1, 2]}, "the data is .1, 2.; it is a dict"),
        ({"data": {}}, "the data is {}; it is a dict"),
        ({"data": {"x": np.ones(3)}}, "the data has the key 'x'; keys are tensors of the graph"),
        ({"data": lambda net: {net["x"]: 3.0}}, 'the examples of "x" are one number, 3.0'),
        ({"data": lambda net: {net["x"]: np.ones((3, 4)), net["y"]: np.ones((2, 2))}}, '"x" 3, "y" 2'),
        ({"loss": lambda net: net["product"]}, r'the loss is "product:0" of shape \(\?, 2\); it must be one number'),
        ({"loss": 0.5}, "the loss is 0.5; it is a scalar tensor"),
        ({"wire": 8}, "wire is 8; it is a format such as 'int8'"),
        ({"wire": "int3"}, "gradients cannot travel as 'int3'"),
        ({"communication": "carrier pigeon"}, "communication is 'carrier pigeon'; it is one of 'servers', 'ring'"),
        ({"stragglers": 3.0}, "stragglers is 3.0; it is a model of them"),
        ({"clock": 0.1}, "clock is 0.1; it is the name of machines"),
        ({"faults": ["worker 1"]}, r"faults is \['worker 1'\]; it is a list of faults"),
        ({"recovery": 10}, "recovery is 10"),
        ({"metrics": lambda net: net["loss"]}, 'metrics is the tensor "loss:0"; it is a dict of scalars'),
        ({"metrics": lambda net: {"loss": net["loss"]}}, "on which examples is 'loss' to be computed"),
        ({"backup": 1.5}, "the number of backups is 1.5"),
        ({"compute_seconds": float("nan")}, "the time of a gradient is nan seconds"),
        ({"clock": "gpu_machine"}, "there is no .* called 'gpu_machine'"),
    ],
)
def test_what_is_no_argument(how, message):
    """Each says what was given and what is wanted; none ends in an AttributeError."""
    with pytest.raises((GraphError, ClusterError)) as caught:
        regression(**how)
    said = " ".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    assert re.search(message, said), said


def test_a_history_is_one_line():
    """What a notebook shows for it."""
    text = repr(regression().run(10))
    assert text.startswith("<History 'sync, 4 workers': 10 updates in ")
    assert "\n" not in text
    assert len(text) < 150
