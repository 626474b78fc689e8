"""`Devices`: the replicated step on the JAX devices of this process, one worker on each.

The same compiled program as between processes (`replicated.py`), the same examples in the same order, so the weights
are those of the simulated run and of the real processes. A processor can play several devices, to see that it works;
JAX must be told so before it is used first:

    jax.config.update("jax_num_cpu_devices", 4)

Every step is waited for before the next is begun. With several CPU devices in one process, JAX ends the whole process
when a loop of collectives runs ahead of them; for the same reason there are at most 64 devices.

Example, with the devices that there are:
    >>> import labkit as tf
    >>> x, y = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.float32, [None])
    >>> loss = tf.reduce_mean(tf.square(tf.Variable(0.0, name="w") * x - y))
    >>> train = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
    >>> xs = np.linspace(-1, 1, 100, dtype=np.float32)
    >>> devices = Devices()
    >>> history = devices.train(train, {x: xs, y: 3 * xs}, loss, steps=50)
    >>> round(float(devices.state["w"]), 3), history.points[-1].updates
    (3.0, 50)

What it is not: a speed-up where the devices are one processor's.

Source: `jax.sharding` and `jax.shard_map` of JAX 0.10.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import jax
import numpy as np
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P  # JAX's own abbreviation

from labkit.errors import GraphError
from labkit.graph import Operation, Tensor
from labkit.local_devices import local_devices
from labkit.parallel.given import check_called, counted, given, whole_state
from labkit.parallel.history import History, Point
from labkit.parallel.replicated import AXIS, compiled_step, mesh_of
from labkit.parallel.sampling import Sampling
from labkit.parallel.step import State, TrainingStep

MOST = 64
"""Devices of one process that JAX is known to bear."""


class Devices:
    """Some JAX devices of this process, which train together.

    Args:
        count: how many, of those that JAX prefers; all of them, at most `MOST`, if None.

    Attributes:
        count: how many.
        names: their names, such as "/job:localhost/replica:0/task:0/device:CPU:0".
        state: the state after the last `train`.

    Raises:
        GraphError: if there are not so many, or the count is no whole number of at least one.
    """

    def __init__(self, count: int | None = None) -> None:
        found = local_devices()
        kind = next(iter(found.values())).platform
        there = {name: device for name, device in found.items() if device.platform == kind}
        self.count = min(len(there), MOST) if count is None else counted(count, "the number of devices")
        if self.count > min(len(there), MOST):
            try_ = f'jax.config.update("jax_num_cpu_devices", {self.count}), as the first thing that JAX is told'
            limit = f" (and at most {MOST} can be used)" if self.count > MOST else ""
            raise GraphError(
                f"{self.count} devices were asked for, and this process has {len(there)} ({kind.upper()}){limit}.\n"
                f"  Try: {try_ if kind == 'cpu' and not limit else 'Devices()'}."
            )
        self.names = list(there)[: self.count]
        self._devices = [there[name] for name in self.names]
        self.state: State = {}

    def __repr__(self) -> str:
        return f"<{self.count} device{'s' * (self.count != 1)} of this process: {self._devices[0].device_kind}>"

    def train(
        self, train: Operation | TrainingStep, data: Mapping[Any, Any] | Sequence[Any], loss: Tensor | None = None, *,
        steps: int, batch: int = 32, sampling: str = "random", seed: int = 0, state: State | None = None,
        tell_every: int | None = None, progress: Callable[[int, float], object] | None = None,
    ) -> History:  # fmt: skip
        """Trains synchronously: each step, the mean of all workers' gradients.

        Args:
            train: what `minimize` returned; or a `TrainingStep`.
            data: for each input its examples; for a `TrainingStep` also a list in the order of its inputs.
            loss: a scalar to report.
            steps: how many.
            batch: examples of each worker and step.
            sampling: "random" or "epochs", as for `labkit.parallel.DataParallel`, which takes the same examples.
            seed: of the examples.
            state: the state to begin with; that of the initializers if None.
            tell_every: a point of the history, and a call of `progress`, after so many steps; a fiftieth if None.
            progress: is called with the number of steps done and the loss.

        Returns:
            A `History` in real seconds; `self.state` is the state.

        Raises:
            GraphError: if the step cannot be replicated, a number is none, or there are fewer examples than workers.
        """
        steps, batch, seed = counted(steps, "steps"), counted(batch, "batch"), counted(seed, "seed", None)
        check_called(progress)
        step, arrays = given(train, data, loss, self.count)
        tell = max(1, steps // 50) if tell_every is None else counted(tell_every, "tell_every")
        taken = Sampling(len(arrays[0]), self.count, batch, sampling, seed)
        mesh = mesh_of(self._devices)
        compiled, apart = compiled_step(step, mesh), NamedSharding(mesh, P(AXIS))
        points: list[Point] = []
        seconds: list[float] = []
        sent, ranks = float(step.sent_bytes or 0), np.arange(self.count)
        with jax.enable_x64(True):
            now: State = step.first_state() if state is None else whole_state(step, state)
            now = {name: jax.device_put(value, NamedSharding(mesh, P())) for name, value in now.items()}
            start = time.perf_counter()
            for number in range(steps):
                began = time.perf_counter()
                rows = taken.rows(ranks, np.full(self.count, number)).reshape(-1)  # (workers * batch,)
                now, mean = compiled(now, [jax.device_put(array[rows], apart) for array in arrays])
                cast("Any", jax).block_until_ready((now, mean))
                seconds.append(time.perf_counter() - began)
                done = number + 1
                if done % tell == 0 or done == steps:
                    value, gradients = float(np.asarray(mean)), done * self.count
                    points.append(
                        Point(time.perf_counter() - start, done, gradients * batch, gradients * 2 * sent, value, {})
                    )
                    if progress is not None:
                        progress(done, value)
        self.state = {name: jax.device_put(value, self._devices[0]) for name, value in now.items()}
        settings = {"mode": "sync", "workers": self.count, "batch": batch, "sampling": sampling, "seed": seed,
                    "real": True, "step_seconds": seconds}  # fmt: skip
        name = f"{self.count} device{'s' * (self.count != 1)}"
        return History(name, self.count, tuple(points), (0,) * steps, (), 0, settings)
