"""Bytes of data and model parallelism: against messages that are sent, and graphs that are cut."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import labkit as tf
from labkit.cluster import ClusterError
from labkit.parallel import ParameterServers, crossover
from labkit.placement.by_cost import obey
from labkit.simulator.collectives import parameter_servers, ring_all_reduce

sizes_of_nets = st.lists(st.integers(1, 50), min_size=2, max_size=6)


def sent(collective: Any, *arguments: Any) -> float:
    """The bytes of all messages that a collective sends."""
    total = 0.0
    waiting: list[Any] = []

    def send(source: str, target: str, size: float, then: Any) -> None:
        nonlocal total
        total += size
        waiting.append(then)

    collective(send, *arguments, lambda: None)
    while waiting:
        waiting.pop(0)()
    return total


@given(sizes_of_nets, st.integers(1, 100), st.integers(2, 6))
def test_bytes_are_those_of_messages(sizes: list[int], batch: int, devices: int) -> None:
    """A ring that really passes pieces on, and servers; hidden outputs go to all and come back as sums: a ring too."""
    hosts = [f"h{n}" for n in range(devices)]
    parameters = sum((a + 1) * b for a, b in itertools.pairwise(sizes))
    found = crossover(sizes, batch, devices)
    assert found.parameters == parameters
    assert found.data_bytes == pytest.approx(sent(ring_all_reduce, hosts, 4.0 * parameters))
    rings = sum(sent(ring_all_reduce, hosts, 4.0 * batch * size) for size in sizes[1:-1])
    assert found.model_bytes == pytest.approx(rings + 5 * (devices - 1) * batch * 4)
    servers = crossover(sizes, batch, devices, data="servers")
    messages = sent(parameter_servers, hosts, ["ps0", "ps1"], 4.0 * parameters)
    assert servers.data_bytes == pytest.approx(messages)
    assert sum(layer.data_bytes for layer in found.layers) == pytest.approx(found.data_bytes)


@given(sizes_of_nets, st.integers(2, 5), st.sampled_from(["columns", "layers"]))
def test_at_the_crossover_both_move_the_same(sizes: list[int], devices: int, model: str) -> None:
    """And on its two sides the one or the other moves less."""
    if model == "layers" and devices >= len(sizes):
        devices = 2
        sizes = [*sizes, 3, 3]
    at = crossover(sizes, 1, devices, model=model).batch_at
    below, above = int(np.ceil(at)) - 1, int(np.floor(at)) + 1
    if below:
        assert crossover(sizes, below, devices, model=model).moves_less == "model"
    assert crossover(sizes, above, devices, model=model).moves_less == "data"
    some = crossover(sizes, 7, devices, model=model)
    assert some.parameters_at / 7 == pytest.approx(some.parameters / at)


def test_layers_on_devices_as_a_graph_moves_them() -> None:
    """A training step with each layer on its own GPU: what crosses is counted, and is the formula's."""
    sizes, batch = [784, 300, 100, 10], 64
    with tf.Graph().as_default() as graph:
        x, y = tf.placeholder(tf.float32, [batch, 784]), tf.placeholder(tf.int64, [batch])
        h: Any = x
        for n, size in enumerate(sizes[1:]):
            with tf.device(f"/gpu:{n}"), tf.name_scope(f"layer{n}"):
                w = tf.Variable(tf.zeros([sizes[n], size]))
                h = tf.matmul(h, w) + tf.Variable(tf.zeros([size]))
                h = tf.nn.relu(h) if n < 2 else h
        with tf.device("/gpu:2"):
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=h))
        optimizer = tf.train.GradientDescentOptimizer(0.1)
        train = optimizer.minimize(loss, colocate_gradients_with_ops=True)
        variables = tf.trainable_variables()
        work = tf.costs.workload(train)
        run = tf.simulator.simulate(work, obey(graph.get_operations(), "gpu_server").places, "gpu_server")
    fed = {"Placeholder:0", "Placeholder_1:0"}
    moved = sum(c.bytes for c in run.cut.crossings if c.tensor not in fed and c.bytes > 4)  # not the learning rate
    found = crossover(variables, batch, 3, model="layers")
    assert found.sizes == tuple(sizes)
    assert found.borders == (1, 2)
    assert found.model_bytes == moved == 2 * batch * (300 + 100) * 4
    step = ParameterServers(1, latency_seconds=0.0, bytes_per_second=1.0).step_seconds(3, *[found.parameters * 4.0] * 2)
    assert crossover(variables, batch, 3, data="servers").data_bytes == pytest.approx(step)


def test_one_device_moves_nothing() -> None:
    """Neither gradients nor activations."""
    alone = crossover([784, 512, 10], 100, 1)
    assert (alone.data_bytes, alone.model_bytes, alone.moves_less) == (0.0, 0.0, "both")
    assert alone.parameters_at == float("inf")
    assert str(crossover([784, 10], 100, 2, model="columns")).splitlines()[-1].split()[-1] == "3,140"  # 2 x 7,850 / 5


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (([784], 100), r"the sizes \[784\] make no layer"),
        (([], 100), "make no layer"),
        ((784, 100), "the sizes are 784"),
        (("784", 100), "the sizes are '784'"),
        (([784, 0], 100), "a size of the net is 0"),
        (([784, 10.0], 100), "a size of the net is 10.0"),
        (([784, 10], 0), "the number of examples is 0"),
        (([784, 10], "100"), "the number of examples is '100'"),
        (([784, 10], 100, 0), "the number of devices is 0"),
        (([784, 10], 100, True), "the number of devices is True"),
    ],
)
def test_wrong_calls(arguments: Any, text: str) -> None:
    """Each says what was found."""
    with pytest.raises(ClusterError, match=text):
        crossover(*arguments)


def test_more_wrong_calls() -> None:
    """Choices, variables that make no chain, more devices than layers."""
    with pytest.raises(ClusterError, match="no way of gradients called 'rings'"):
        crossover([784, 10], 100, data="rings")
    with pytest.raises(ClusterError, match="no split of a model called 'rows'"):
        crossover([784, 10], 100, model="rows")
    with pytest.raises(ClusterError, match="1 layers cannot be on 2 devices"):
        crossover([784, 10], 100, 2, model="layers")
    with pytest.raises(ClusterError, match="the size of a number is nan"):
        crossover([784, 10], 100, number_bytes=float("nan"))
    with tf.Graph().as_default():
        kernel = tf.Variable(tf.zeros([5, 5, 1, 32]), name="kernel")
        a, b = tf.Variable(tf.zeros([4, 3]), name="a"), tf.Variable(tf.zeros([2, 3]), name="b")
        with pytest.raises(ClusterError, match=r"'kernel:0' of shape \[5, 5, 1, 32\] is no part") as caught:
            crossover([kernel], 100)
        assert "A convolution moves few gradients" in "".join(caught.value.__notes__)
        with pytest.raises(ClusterError, match="after a layer of 3 outputs"):
            crossover([a, b], 100)
        c = tf.Variable(tf.zeros([3, 2]))
        with pytest.raises(ClusterError, match="1 of 2 layers have biases"):
            crossover([a, c, tf.Variable(tf.zeros([2]))], 100)
