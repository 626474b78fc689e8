"""Replicas that compute for real, at the asked sizes: 1,000 of them, thousands of updates.

The images are MNIST's where the computer has them, else random numbers of the same sizes, which take as long. Memory is
the peak of a process of its own, with Python, JAX and the images in it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import labkit as tf
from labkit.datasets import mnist
from labkit.parallel import Clock, DataParallel, Fault, Recovery, Replicas, Sampling, TrainingStep
from labkit.parallel.faults import Outages
from labkit.parallel.timeline_async import asynchronous_timeline
from labkit.parallel.timeline_sync import synchronous_timeline
from labkit.simulator.stragglers import Failures, LogNormal
from tests.benchmarks.sidebyside import compare

REPLICAS, EACH, RATE = 1000, 32, 0.05
HIDDEN = {"softmax": 0, "784-128-10": 128}


def _data() -> tuple[Any, Any]:
    if mnist.find() is not None:
        images = mnist.load(download=False)
        train = np.asarray(images.train_images, np.float32).reshape(-1, 784) / 255
        return train, np.asarray(images.train_labels, np.int64)
    rng = np.random.default_rng(0)
    return rng.random((60_000, 784), np.float32), rng.integers(0, 10, 60_000)


def _graph(hidden: int) -> tuple[Any, Any, Any, Any]:
    """Input, label, training op and loss."""
    tf.set_random_seed(1)
    x, y = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.int64, [None])
    h: Any = tf.layers.dense(x, hidden, tf.nn.relu) if hidden else x
    loss = tf.losses.sparse_softmax_cross_entropy(y, tf.layers.dense(h, 10))
    return x, y, tf.train.GradientDescentOptimizer(RATE).minimize(loss), loss


def _step(hidden: int) -> TrainingStep:
    with tf.Graph().as_default():
        x, y, train, loss = _graph(hidden)
        return TrainingStep(train, [x, y], loss)


def _by_hand(params: list[Any], images: Any, labels: Any, rows: Any) -> list[Any]:
    """The step on all examples at once, in JAX."""

    def loss(params: list[Any]) -> Any:
        h: Any = images[rows]
        for w, b in zip(params[0:-2:2], params[1:-2:2], strict=True):
            h = jax.nn.relu(h @ w + b)
        log: Any = jax.nn.log_softmax(h @ params[-2] + params[-1])
        return -jnp.mean(jnp.take_along_axis(log, labels[rows][:, None], axis=1))

    return jax.tree.map(lambda p, g: p - RATE * g, params, jax.grad(loss)(params))


def synchronous() -> None:
    """A step of 1,000 replicas with 32 examples each against one JAX step on the 32,000, looked up alike."""
    images, labels = _data()
    with jax.enable_x64(True):
        data = [jnp.asarray(images), jnp.asarray(labels)]
    rows = Sampling(len(images), REPLICAS, EACH).rows(np.arange(REPLICAS), np.zeros(REPLICAS))
    counted = np.ones(REPLICAS, np.float32)
    counted[::25] = 0
    for name, hidden in HIDDEN.items():
        replicas = Replicas(_step(hidden), REPLICAS)
        params: list[Any] = [jnp.asarray(replicas.state[variable]) for variable in replicas.training.reads]
        hand: Any = jax.jit(_by_hand)

        def theirs(hand: Any = hand, params: Any = params) -> None:
            jax.block_until_ready(hand(params, *data, rows.reshape(-1)))

        def joined(replicas: Replicas = replicas) -> None:
            jax.block_until_ready(replicas.joined(replicas.state, data, rows))

        def each(replicas: Replicas = replicas) -> None:
            jax.block_until_ready(replicas.step(replicas.state, data, counted, rows=rows))

        print(compare(joined, theirs, 21).line(f"1,000 replicas, {name}, joined / one JAX step", "<= 1.15"))
        print(compare(each, theirs, 21).line(f"1,000 replicas, {name}, each its own / one JAX step", "<= 1.5"))


def training() -> None:
    """The same as a training: 4 steps of `DataParallel`, its clock and its examples among them."""
    images, labels = _data()
    with jax.enable_x64(True):
        data = [jnp.asarray(images), jnp.asarray(labels)]
    for backup, how in ((0, "all"), (40, "the first 960")):
        with tf.Graph().as_default():
            x, y, train, loss = _graph(0)
            made = DataParallel(train, {x: images, y: labels}, loss, workers=REPLICAS, batch=EACH, backup=backup,
                                stragglers=LogNormal(0.1))  # fmt: skip
        rows = np.random.default_rng(0).integers(0, len(images), REPLICAS * EACH)
        params: list[Any] = [jnp.asarray(made.replicas.state[variable]) for variable in made.training.reads]
        hand: Any = jax.jit(_by_hand)

        def theirs(hand: Any = hand, params: Any = params, rows: Any = rows) -> None:
            for _ in range(4):
                params = hand(params, *data, rows)
            jax.block_until_ready(params)

        def ours(made: DataParallel = made) -> None:
            made.run(4, every=4)

        title = f"1,000 workers, softmax, DataParallel, {how} / one JAX step"
        print(compare(ours, theirs, 21, 4).line(title, "<= 1.15"))


_ALONE = """
import resource, sys
from tests.benchmarks.replicas import measure
print(*measure(sys.argv[1], int(sys.argv[2])), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
"""


def measure(name: str, workers: int) -> tuple[float, float]:
    """Milliseconds an update of 2,000 asynchronous ones: of the first run, and of a second, compiled already."""
    images, labels = _data()
    with tf.Graph().as_default():
        x, y, train, loss = _graph(HIDDEN[name])
        made = DataParallel(train, {x: images, y: labels}, loss, workers=workers, batch=EACH, mode="async",
                            stragglers=LogNormal(0.1))  # fmt: skip
    times: list[float] = []
    for _ in range(2):
        start = time.perf_counter()
        made.run(2000)
        times.append((time.perf_counter() - start) / 2000 * 1e3)
    return times[0], times[1]


def asynchronous() -> None:
    """2,000 updates by 50 and by 1,000 workers: clock, examples, numbers and history together."""
    for name, wanted in (("softmax", 0.3), ("784-128-10", 5.0)):
        for workers in (50, 1000):
            run = subprocess.run(
                [sys.executable, "-c", _ALONE, name, str(workers)], capture_output=True, text=True, check=True
            )
            first, again, gigabytes = map(float, run.stdout.split())
            title = f"2,000 asynchronous updates, {name}, {workers} workers, ms each"
            print(f"{title:<62} {again:6.3f}  wanted <= {wanted}; with compiling {first:.3f}")
            print(f"{'   its memory, GB':<62} {gigabytes:6.2f}  wanted <= 2")


def clocks() -> None:
    """1,000 workers and 1,000 steps of each, on the clock alone; with stragglers, and with failures as well."""
    recovery = Recovery(checkpoint_updates=100)
    faults = [Fault(20.0, "server 0", 5.0), Fault(40.0, "worker 7")]
    for title, failures in (("", None), (" and failures", {"worker": Failures(3600.0, 60.0)})):
        for mode in ("synchronous", "asynchronous"):
            outages = Outages(faults if failures else [], REPLICAS, 1, recovery, failures)
            draws = Clock(0.1, LogNormal(0.1)).draws(REPLICAS, 0)
            start = time.perf_counter()
            if mode == "synchronous":
                synchronous_timeline(1000, REPLICAS, draws.row, 40, outages=outages, recovery=recovery)
            else:
                # A checkpoint every 100 updates is one every 100 ms; by time it is one every ten seconds.
                asynchronous_timeline(1_000_000, REPLICAS, draws.of, outages=outages,
                                      recovery=Recovery(checkpoint_seconds=10.0))  # fmt: skip
            seconds = time.perf_counter() - start
            label = f"1,000 replicas x 1,000 steps, {mode}, stragglers{title}, s"
            print(f"{label:<62} {seconds:6.2f}  wanted <= 10")


def replicas() -> None:
    """All of it."""
    synchronous()
    training()
    asynchronous()
    clocks()


BENCHMARKS = (replicas,)
