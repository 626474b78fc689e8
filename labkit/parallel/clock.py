"""How long a replica takes for a gradient: a number, or what the simulator finds for a machine.

Example:
    >>> import labkit as tf
    >>> x, y = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.int64, [None])
    >>> logits = tf.matmul(x, tf.Variable(tf.zeros([784, 10])))
    >>> train = tf.train.GradientDescentOptimizer(0.5).minimize(tf.losses.sparse_softmax_cross_entropy(y, logits))
    >>> fast = Clock.of(train, {x: [32, 784], y: [32]}, "gpu_machines")
    >>> slow = Clock.of(train, {x: [32, 784], y: [32]}, "phone")
    >>> fast.device, fast.compute_seconds < slow.compute_seconds
    ('/job:worker/task:0/device:GPU:0', True)

What it is not: a measurement. The time of an op is that of its roofline, or what `seconds` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from labkit.cluster import Cluster, ready
from labkit.cluster.errors import checked_number, unknown
from labkit.costs import workload
from labkit.graph import Operation
from labkit.parallel.step import TrainingStep
from labkit.simulator import OpSeconds, roofline_seconds, simulate
from labkit.simulator.events import generator


class Stragglers(Protocol):
    """How much slower than usual workers are: factors, drawn anew for each gradient."""

    def draw(self, generator: np.random.Generator, count: int) -> Any:
        """Factors for `count` workers."""
        ...


@dataclass(frozen=True)
class Clock:
    """How long a replica takes for a gradient.

    Args:
        compute_seconds: on a worker that does not straggle.
        stragglers: factors on that: for instance `labkit.simulator.stragglers.LogNormal(0.1)`.
        device: the device that it was computed for.

    Raises:
        ClusterError: if the time is no time.
    """

    compute_seconds: float = 0.1
    stragglers: Stragglers | None = None
    device: str = ""

    def __post_init__(self) -> None:
        checked_number(self.compute_seconds, "the time of a gradient", "seconds", zero=True)

    @staticmethod
    def of(
        step: TrainingStep | Operation, feeds: Mapping[Any, Any], cluster: Cluster | str = "gpu_machines",
        device: str | None = None, stragglers: Stragglers | None = None, seconds: OpSeconds = roofline_seconds,
    ) -> Clock:  # fmt: skip
        """The clock of a replica on a device of a cluster: loss and gradients, simulated there.

        Args:
            step: a training step, or a training op whose inputs are what is fed.
            feeds: for each input the shape, or an array, of one replica's batch.
            cluster: the machines, or the name of a ready one.
            device: its name there; the first that is not a CPU if None.
            stragglers: factors on the time.
            seconds: how long an op takes on a kind of device.

        Raises:
            ClusterError: if the cluster lacks the device.
        """
        machines = ready(cluster) if isinstance(cluster, str) else cluster
        training = TrainingStep(step, list(feeds)) if isinstance(step, Operation) else step
        names = list(machines.devices)
        if device is None:
            device = next((name for name in names if "device:CPU" not in name), names[0])
        if device not in machines.devices:
            raise unknown("device", device, names)
        fetched = [*training.sent, *([] if training.loss is None else [training.loss])]
        work = workload(fetched, feeds)
        placed = {node.name: device for node in work.nodes}
        run = simulate(work, placed, machines, seconds=seconds, memory="report")
        return Clock(run.seconds, stragglers, device)

    def draws(self, workers: int, seed: int) -> Draws:
        """The times of so many workers."""
        return Draws(self, workers, seed)


class Draws:
    """How long each worker takes in each of its turns; the same whatever the others do.

    Args:
        clock: what is drawn from.
        workers: how many.
        seed: another seed is other luck.

    Example:
        >>> from labkit.simulator.stragglers import SlowMachine
        >>> draws = Clock(0.5, SlowMachine(1, 3.0)).draws(2, seed=0)
        >>> draws.of(1, 7), draws.row(7).tolist()
        (1.5, [0.5, 1.5])
    """

    def __init__(self, clock: Clock, workers: int, seed: int) -> None:
        self._clock, self._workers = clock, workers
        self._random = generator("stragglers", seed)
        self._rows: list[NDArray[np.float64]] = []
        self._lists: list[list[float]] = []
        self._same = np.full(workers, float(clock.compute_seconds))

    def row(self, turn: int) -> NDArray[np.float64]:
        """(workers,) seconds of all workers in a turn."""
        if self._clock.stragglers is None:
            return self._same
        while len(self._rows) <= turn:
            factors = self._clock.stragglers.draw(self._random, self._workers)
            self._rows.append(self._clock.compute_seconds * np.asarray(factors, np.float64))
        return self._rows[turn]

    def rounds(self, number: int, turns: int) -> NDArray[np.float64]:
        """(workers,) seconds of all workers for so many turns in a row, those of round `number`."""
        return np.sum([self.row(number * turns + turn) for turn in range(turns)], axis=0)

    def of(self, worker: int, turn: int) -> float:
        """Seconds of one worker in one of its turns."""
        if self._clock.stragglers is None:
            return float(self._clock.compute_seconds)
        while len(self._lists) <= turn:
            self._lists.append(self.row(len(self._lists)).tolist())
        return self._lists[turn][worker]
