"""One simulated step of 10,000 ops on 50 devices: partition, plan and run, on one core."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import labkit as tf
from labkit.cluster import Cluster, ready
from labkit.simulator import simulate
from labkit.workload import Workload
from tests.simulator.toys import spread, training_step


def deep_net(layers: int = 525, width: int = 1024, batch: int = 64) -> Workload:
    """A training step of a deep net of labkit's own: layers in a loop, their gradients, an update of each weight."""
    with tf.Graph().as_default():
        h = tf.placeholder(tf.float32, [None, width], name="x")
        x, labels = h, tf.placeholder(tf.int64, [None], name="y")
        for n in range(layers):
            h = tf.layers.dense(h, width, tf.nn.relu, name=f"layer_{n}")
        loss = tf.losses.sparse_softmax_cross_entropy(labels, tf.layers.dense(h, 10, name=f"layer_{layers}"))
        train = tf.train.GradientDescentOptimizer(0.01).minimize(loss)
        return tf.costs.workload([train, loss], {x: [batch, width], labels: [batch]})


def by_layer(work: Workload, devices: Sequence[str]) -> dict[str, str]:
    """The net from the bottom to the top in as many equal parts as there are devices; groups stay together."""
    numbers: dict[str, int] = {}
    last = 0
    for node in work.nodes:
        found = [part for part in node.name.split("/") if part.startswith("layer_")]
        last = int(found[-1].split("_")[1]) if found else last
        numbers[node.name] = last
    most = max(numbers.values()) + 1
    return {node.name: devices[numbers[node.group or node.name] * len(devices) // most] for node in work.nodes}


def _measure(what: str, work: Workload, devices: Mapping[str, str], cluster: Cluster) -> None:
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        run = simulate(work, devices, cluster)
        best = min(best, time.process_time() - start)
    name = f"simulated step, {len(work):,} ops, {what}, CPU s"
    print(f"{name:<62} {best:6.2f}  wanted <= 2; {run}")


def simulator() -> None:
    """A generated step, its layers in blocks and strewn over the devices; and a deep net with its gradients."""
    cluster = ready("gpu_machines")
    gpus = [name for name in cluster.devices if "GPU" in name]
    work = training_step(10_000, seed=0)
    layers = len(work) // 4
    blocks = {node.name: gpus[int(node.name[1:]) * len(gpus) // layers] for node in work.nodes}
    _measure("in blocks", work, blocks, cluster)
    _measure("strewn", work, spread(work, gpus), cluster)
    net = deep_net()
    _measure("a deep net", net, by_layer(net, gpus), cluster)


BENCHMARKS = (simulator,)
