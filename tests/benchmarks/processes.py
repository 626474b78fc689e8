"""Real processes on this machine: step times against their twin's, deaths and recoveries, an asynchronous server.

python -m tests.benchmarks processes        the step times and the server
python -m tests.benchmarks processes_killed the deaths: 20 times one of four, at a random step
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np

import labkit as tf
from labkit.parallel import TrainingStep
from labkit.parallel.processes import ParameterServer, Processes, compare, live
from tests.benchmarks import models

TIMES = 20
WORKERS = 4


def _perceptron(x: tf.Tensor, y: tf.Tensor) -> tf.Operation:
    """784-256-128-10."""
    hidden = tf.layers.dense(tf.layers.dense(x, 256, tf.nn.relu), 128, tf.nn.relu)
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=tf.layers.dense(hidden, 10)))
    return tf.train.GradientDescentOptimizer(0.1).minimize(loss)


def _step(build: Any) -> tuple[TrainingStep, list[Any]]:
    with tf.Graph().as_default():
        tf.set_random_seed(1)  # the same first weights for every run
        x, y = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.float32, [None, 10])
        return TrainingStep(build(x, y), [x, y]), [models.IMAGES, models.LABELS]


def processes() -> None:
    """1, 2 and 4 processes against their twin; updates a second of a parameter server."""
    for name, build, batch, turns, each in (
        ("784-256-128-10", _perceptron, 128, 25, 10), ("convnet", models.convnet_labkit, 32, 12, 5),
    ):  # fmt: skip
        step, data = _step(build)
        print(f"{name}, batch {batch} each:")
        for one in compare(step, data, batch=batch, turns=turns, each=each):
            twin = one.twin
            parts = (twin.compute_seconds, twin.processor_seconds, twin.all_reduce_seconds, twin.late_seconds)
            clock, processor, reduced, late = (f"{seconds * 1e3:.1f}" for seconds in parts)
            low, high = (seconds * 1e3 for seconds in one.quartiles)
            print(f"  {twin.workers} processes: measured {one.measured_seconds * 1e3:6.1f} ms a step, simulated "
                  f"{twin.step_seconds * 1e3:6.1f}: {one.off:+.0%}  wanted within 20%  "
                  f"[half of the steps {low:.1f} to {high:.1f}; alone {clock} ms, "
                  f"{processor} of processor, all-reduce {reduced}, late {late}; {twin.cores} cores]")  # fmt: skip
    step, data = _step(models.softmax_labkit)
    with ParameterServer(WORKERS) as group:
        group.train(step, data, updates=50)
        history = group.train(step, data, updates=1000)
    rate, counts = 1000 / history.seconds, np.bincount(history.staleness)
    print(f"parameter server, {WORKERS} workers, softmax: {rate:.0f} updates/s; mean staleness "
          f"{np.mean(history.staleness):.2f}, wanted {WORKERS - 1}; histogram {counts.tolist()}")  # fmt: skip


def processes_killed() -> None:
    """One of four killed at a random step, 20 times; the last weights against those of a quiet run."""
    step, data = _step(_perceptron)
    rng, job = np.random.default_rng(0), {"steps": 60, "batch": 32, "checkpoint_every": 20, "tell_every": 1}
    same = recovered = 0
    noticed: list[float] = []
    back: list[float] = []
    with Processes(WORKERS) as group:
        group.train(step, data, **job)
        quiet = group.state
        for time_ in range(TIMES):
            at, rank, left = int(rng.integers(2, 50)), int(rng.integers(WORKERS)), [1]

            def interfere(news: Any, at: int = at, rank: int = rank, left: list[int] = left) -> None:
                if left and news.step >= at:
                    left.clear()
                    group.kill(rank)

            start = time.perf_counter()
            group.train(step, data, **job, progress=interfere)
            equal = all(np.array_equal(group.state[name], quiet[name]) for name in quiet)
            same, recovered = same + equal, recovered + len(group.failures)
            noticed += [failure.noticed_seconds or 0.0 for failure in group.failures]
            back += [failure.recovered_seconds for failure in group.failures]
            took, how = time.perf_counter() - start, "equal" if equal else "DIFFER"
            print(f"  {time_ + 1}: worker {rank} killed at step {at}, noticed after {noticed[-1]:.2f} s, {took:.1f} s "
                  f"in all, weights {how}", file=sys.stderr)  # fmt: skip
        mark = group.mark
    print(f"killed {TIMES} times: {recovered} recoveries, {same} times the same weights bit for bit, "
          f"{len(live.marked(mark))} processes left; noticed within {max(noticed):.2f} s, "
          f"training again after {np.median(back):.1f} s, at most {max(back):.1f} s")  # fmt: skip


BENCHMARKS = [processes, processes_killed]
