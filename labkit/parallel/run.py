"""Replicated training: real gradients, simulated machines and time.

`DataParallel` takes the learner's training op and data, and a description of the machines: how many workers, how long a
gradient takes, who straggles, how weights travel. A schedule (`schedules.py`) says whose gradient counts when; the
replay (`replay.py`) computes it; the `History` says how loss and accuracy went against simulated seconds.

    sync     every step waits for all workers, or for the first n of n + backup
    async    no worker waits; gradients are as stale as the schedule makes them

Example:
    >>> import numpy as np
    >>> import labkit as tf
    >>> x, y = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.float32, [None])
    >>> w = tf.Variable(0.0)
    >>> loss = tf.reduce_mean(tf.square(w * x - y))
    >>> train = tf.train.GradientDescentOptimizer(0.05).minimize(loss)
    >>> xs = np.linspace(-1, 1, 100, dtype=np.float32)
    >>> data = {x: xs, y: 3 * xs}
    >>> four = DataParallel(train, data, loss, workers=4, batch=8, compute_seconds=0.1).run(50)
    >>> one = DataParallel(train, data, loss, workers=1, batch=8, compute_seconds=0.1).run(50)
    >>> four.seconds > 50 * 0.1, four.points[-1].examples, one.points[-1].examples
    (True, 1600, 400)

What it is not: a launcher. Everything is computed in this process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from labkit.errors import GraphError
from labkit.executor import prune
from labkit.graph import Interpreter, Operation, Tensor
from labkit.parallel.communication import Communication, ParameterServers
from labkit.parallel.history import History, Point
from labkit.parallel.replay import Replicas
from labkit.parallel.schedules import asynchronous, synchronous
from labkit.parallel.step import State, TrainingStep
from labkit.parallel.wire import Wire


class Stragglers(Protocol):
    """How much slower than usual workers are: factors, drawn anew for each gradient."""

    def draw(self, generator: np.random.Generator, count: int) -> Any:
        """Factors for `count` workers."""
        ...


class DataParallel:
    """A training step on many simulated workers.

    Args:
        train: what `optimizer.minimize(loss)` returned.
        data: for each input its examples.
        loss: a scalar to report.
        metrics: scalars to compute on `test`, by name.
        test: for each input the examples for the metrics.
        workers: how many workers compute; with backups among them.
        batch: examples of each worker and gradient.
        mode: "sync" or "async".
        backup: of a synchronous step, how many workers are not waited for.
        compute_seconds: how long one gradient takes on a worker that does not straggle.
        stragglers: factors on that.
        communication: how weights and gradients travel.
        wire: in how many bits gradients travel.
        seed: of the examples that each worker takes, and of the stragglers.
        name: what it is called in pictures.

    Raises:
        GraphError: if a worker would have no examples of its own, there are not more workers than backups, or the mode
            is unknown.
    """

    def __init__(
        self, train: Operation, data: Mapping[Any, Any], loss: Tensor | None = None, *,
        metrics: Mapping[str, Tensor] | None = None, test: Mapping[Any, Any] | None = None, workers: int = 1,
        batch: int = 32, mode: str = "sync", backup: int = 0, compute_seconds: float = 0.1,
        stragglers: Stragglers | None = None, communication: Communication | None = None, wire: Wire | None = None,
        seed: int = 0, name: str = "",
    ) -> None:  # fmt: skip
        if mode not in ("sync", "async"):
            raise GraphError(f"mode is {mode!r}; it is 'sync' or 'async'.")
        arrays = [np.asarray(value) for value in data.values()]
        counts = {len(array) for array in arrays}
        if len(counts) != 1:
            raise GraphError(f"the inputs have {sorted(counts)} examples; each must have as many as the others.")
        self.examples = counts.pop()
        if workers * batch > self.examples and workers > self.examples:
            raise GraphError(
                f"there are {workers} workers and {self.examples} examples: some workers would have none.\n"
                "  Try: fewer workers, or more data."
            )
        if not 0 <= backup < workers:
            raise GraphError(f"{backup} of {workers} workers are to be backups: a step must wait for at least one.")
        self.training = TrainingStep(train, list(data), loss)
        self.replicas = Replicas(self.training, workers)
        with jax.enable_x64(True):
            self._data = [jnp.asarray(array) for array in arrays]
        self.workers, self.batch, self.mode, self.backup, self.seed = workers, batch, mode, backup, seed
        self.compute_seconds, self.stragglers = compute_seconds, stragglers
        self.communication = communication or ParameterServers()
        self.wire = wire or Wire()
        self.name = name or (f"{mode}, {workers} worker{'' if workers == 1 else 's'}")
        self._measure = _measurer(dict(metrics or {}), dict(test or {}))
        self._loss: Any = jax.jit(self._loss_of)

    def run(self, updates: int, every: int | None = None) -> History:
        """Trains.

        Args:
            updates: how many updates of the weights.
            every: a point of the history after so many updates; about fifty points if None.
        """
        every = every or max(1, updates // 50)
        state = dict(self.replicas.state)
        return (
            self._synchronous(state, updates, every)
            if self.mode == "sync"
            else self._asynchronous(state, updates, every)
        )

    def _rng(self, what: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, *what.encode()])

    def _synchronous(self, state: State, updates: int, every: int) -> History:
        rng, rows = self._rng("stragglers"), self._rng("examples")
        factors = np.ones((updates, self.workers))
        if self.stragglers is not None:
            factors = np.array([self.stragglers.draw(rng, self.workers) for _ in range(updates)])
        sent, read = self._sent_bytes(), float(self.training.read_bytes or 0)
        counting = self.workers - self.backup
        between = self.communication.step_seconds(counting, read, sent)
        clock = synchronous(self.compute_seconds * factors, self.backup, between)
        simple = not self.backup and self.wire.format == "float32"
        errors = self.replicas.no_errors() if self.wire.feedback else None
        points: list[Point] = []
        for number in range(updates):
            taken = rows.integers(0, self.examples, (self.workers, self.batch))
            last = number + 1 == updates or (number + 1) % every == 0
            loss = self._loss_at(state, taken.reshape(-1)) if last else 0.0
            if simple:
                state = self.replicas.joined(state, self._data, taken)
            else:
                made = self.replicas.step(
                    state, self._data, clock.counted[number], self._compress(), errors, rows=taken
                )
                state, errors = made if errors is not None else (made, None)
            if last:
                done = number + 1
                points.append(Point(float(clock.ends[number]), done, done * counting * self.batch,
                                    done * self.workers * (sent + read), loss,
                                    self._measure(state)))  # fmt: skip
        self.replicas.state = state
        return History(
            self.name, self.workers, tuple(points), (0,) * updates, (), updates * self.backup, self._settings()
        )

    def _asynchronous(self, state: State, updates: int, every: int) -> History:
        rng, rows = self._rng("stragglers"), self._rng("examples")
        sent, read = self._sent_bytes(), float(self.training.read_bytes or 0)

        def seconds(worker: int, turn: int) -> float:
            factor = 1.0 if self.stragglers is None else float(self.stragglers.draw(rng, 1)[0])
            return self.compute_seconds * factor

        pull, push = (
            self.communication.pull_seconds(self.workers, read),
            self.communication.push_seconds(self.workers, sent),
        )
        clock = asynchronous(self.workers, updates, seconds, pull, push)
        last = {int(version): number for number, version in enumerate(clock.reads)}
        versions, points = {0: state}, list[Point]()
        for number, version in enumerate(clock.reads.tolist()):
            taken = rows.integers(0, self.examples, self.batch)
            told = number + 1 == updates or (number + 1) % every == 0
            loss = self._loss_at(versions[version], taken) if told else 0.0
            state = self.replicas.update(state, versions[version], self._data, taken)
            if last[version] == number:
                del versions[version]
            if number + 1 in last:
                versions[number + 1] = {name: state[name] for name in self.training.reads}
            if told:
                done = number + 1
                points.append(Point(float(clock.ends[number]), done, done * self.batch, done * (sent + read),
                                    loss, self._measure(state)))  # fmt: skip
        self.replicas.state = state
        return History(self.name, self.workers, tuple(points), tuple(clock.staleness.tolist()), (), 0, self._settings())

    def _loss_of(self, state: State, rows: Any) -> Any:
        return self.training.gradients(state, [array[rows] for array in self._data]).loss

    def _loss_at(self, state: State, rows: Any) -> float:
        """The loss of the examples at `rows`; not a number where no loss was named."""
        if self.training.loss is None:
            return float("nan")
        with jax.enable_x64(True):
            return float(self._loss(state, rows))

    def _compress(self) -> Callable[[Any], Any] | None:
        return None if self.wire.format == "float32" else self.wire.compress

    def _sent_bytes(self) -> float:
        return float(sum(self.wire.bytes(int((t.spec.size_bytes() or 0) // t.dtype.size)) for t in self.training.sent))

    def _settings(self) -> dict[str, Any]:
        return {"mode": self.mode, "workers": self.workers, "backup": self.backup, "batch": self.batch,
                "wire": self.wire.format, "communication": repr(self.communication), "seed": self.seed}  # fmt: skip


def _measurer(metrics: dict[str, Tensor], test: dict[Any, Any]) -> Callable[[State], dict[str, float]]:
    """A function that computes the metrics at a state."""
    if not metrics:
        return lambda state: {}
    graph = next(iter(metrics.values())).graph
    inputs = [graph.as_tensor(key) for key in test]
    nodes = [n for n in prune([t.op for t in metrics.values()], inputs) if n.outputs and n.outputs[0] not in inputs]
    slots = {t.op.name for n in nodes for t in n.inputs if t.op.kind.is_ref}

    def compute(state: State, arrays: list[Any]) -> list[Any]:
        run = Interpreter(dict(zip(inputs, arrays, strict=True)), {name: state[name] for name in slots})
        for node in nodes:
            run.node(node)
        return [run.value(t) for t in metrics.values()]

    compiled: Any = jax.jit(compute)
    with jax.enable_x64(True):
        arrays = [jnp.asarray(value) for value in test.values()]

    def measure(state: State) -> dict[str, float]:
        with jax.enable_x64(True):
            values = compiled({name: state[name] for name in slots}, arrays)
        return {name: float(value) for name, value in zip(metrics, values, strict=True)}

    return measure
