"""Replicated training: real gradients, simulated machines and time.

`DataParallel` takes the learner's training op and data, and a description of the machines: how many workers, how long a
gradient takes, who straggles, what fails, how weights travel. First the clock runs (`timeline.py`): it says whose
gradient counts when. Then the numbers are computed in that order (`modes.py`), and the `History` says how loss and
accuracy went against simulated seconds.

    sync        every step waits for all workers, or for the first n of n + backup
    async       no worker waits; gradients are as stale as the clock makes them
    local       each worker takes `local_steps` steps of its own, then the weights are averaged
    downpour    asynchronous; a worker fetches before each `n_fetch` gradients, and sends the sum of `n_push`

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

    A worker dies at 2 s. Synchronous steps wait until it is replaced; asynchronous ones go on.

    >>> from labkit.parallel import Fault, Recovery
    >>> machines = {"workers": 4, "batch": 8, "faults": [Fault(2.0, "worker 1")], "recovery": Recovery(1, 3, 5)}
    >>> sync = DataParallel(train, data, loss, **machines).run(50)
    >>> alone = DataParallel(train, data, loss, mode="async", **machines).run(200)
    >>> [(event.kind, event.seconds) for event in sync.happenings]
    [('died', 2.0), ('noticed', 5.0), ('restarted', 10.0)]
    >>> round(sync.lost.seconds, 1), alone.lost.seconds, alone.lost.gradients
    (8.1, 0.0, 1)

What it is not: a launcher. Everything is computed in this process.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from labkit.cluster.errors import checked_count, checked_number
from labkit.errors import GraphError
from labkit.graph import Operation, Tensor
from labkit.parallel.arguments import (
    as_clock,
    as_communication,
    as_data,
    as_faults,
    as_metrics,
    as_recovery,
    as_stragglers,
    as_train,
    as_wire,
    check_mode,
    check_rows,
    check_scalar,
)
from labkit.parallel.clock import Clock, Stragglers
from labkit.parallel.communication import AllReduce, Communication, ParameterServers
from labkit.parallel.faults import Fault, Outages, Recovery
from labkit.parallel.history import History, Lost
from labkit.parallel.measuring import Travel, can_be_joined, fed, measurer, travels, travels_by_variable
from labkit.parallel.modes import Job, replay_asynchronous, replay_synchronous
from labkit.parallel.replay import Replicas
from labkit.parallel.ring import Loop
from labkit.parallel.sampling import Sampling
from labkit.parallel.step import TrainingStep
from labkit.parallel.tape import Tape
from labkit.parallel.timeline import Timeline
from labkit.parallel.timeline_async import asynchronous_timeline
from labkit.parallel.timeline_sync import synchronous_timeline
from labkit.parallel.wire import Wire
from labkit.simulator.stragglers import Failures

MODES = ("sync", "async", "local", "downpour")
"""How replicas can work together."""


@dataclass
class _Kept:
    """What was compiled and found out of a training, for it and for all that began as it."""

    loop: Loop | None = None
    joined: bool | None = None


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
        mode: one of `MODES`.
        backup: of a synchronous step, how many workers are not waited for.
        local_steps: with "local", how many steps a worker takes between two averages.
        n_fetch: with "downpour", a worker fetches the weights before each so many gradients.
        n_push: with "downpour", it sends the sum of so many gradients.
        local_rate: with "downpour", the learning rate of a worker's own steps between fetches.
        adagrad: with "downpour", gamma: the servers update by gamma / sqrt(sum of squares), number by number, each for
            its own share of the variables (the sum begins with 0), instead of the training op's optimizer.
        sampling: "random", or "epochs": each worker its share of the examples, shuffled anew each epoch.
        compute_seconds: how long one gradient takes on a worker that does not straggle.
        stragglers: factors on that.
        clock: instead of these two: a `Clock`, or the name of ready machines ("gpu_machines") on which the gradient of
            a batch is simulated.
        communication: how weights and gradients travel: "servers", "ring", "tree", "hierarchical", or more exactly
            `ParameterServers(...)`, `AllReduce(...)`.
        wire: in how many bits gradients travel: a format such as "int8", or a `Wire`; tables of which rows are sent
            stay as they are.
        rows: variables of which only touched rows may travel; it is an error if the gradient of one is dense.
        faults: what fails when.
        failures: models that draw more failures, for "worker", "server" or "link of worker".
        recovery: how failures are noticed and mended, and how often checkpoints are written.
        seed: of the examples that each worker takes, of stragglers and failures.
        name: what it is called in pictures.

    Attributes:
        metrics: the names of the metrics.

    Raises:
        GraphError: if a worker would have no examples of its own, there are not more workers than backups, the mode is
            unknown, or an argument does not go with the mode.
    """

    def __init__(
        self, train: Operation, data: Mapping[Any, Any], loss: Tensor | None = None, *,
        metrics: Mapping[str, Tensor] | None = None, test: Mapping[Any, Any] | None = None, workers: int = 1,
        batch: int = 32, mode: str = "sync", backup: int = 0, local_steps: int | None = None, n_fetch: int = 1,
        n_push: int = 1, local_rate: float | None = None, adagrad: float | None = None, sampling: str = "random",
        compute_seconds: float = 0.1, stragglers: Stragglers | None = None, clock: Clock | str | None = None,
        communication: Communication | str | None = None, wire: Wire | str | None = None, rows: Sequence[Any] = (),
        faults: Fault | Sequence[Fault] = (), failures: Mapping[str, Failures] | None = None,
        recovery: Recovery | None = None, seed: int = 0, name: str = "",
    ) -> None:  # fmt: skip
        if mode not in MODES:
            raise GraphError(f"mode is {mode!r}; it is one of {', '.join(map(repr, MODES))}.")
        arrays = as_data(data)
        if loss is not None:
            check_scalar(loss, "the loss")
        self.training = TrainingStep(as_train(train), list(arrays), loss)
        check_rows(self.training, rows)
        self.replicas = Replicas(self.training, workers)
        self.examples, self.workers, self.mode = len(next(iter(arrays.values()))), workers, mode
        self.backup, self.seed = checked_count(backup, "the number of backups", least=0), seed
        self.batch = checked_count(batch, "the batch of a worker")
        self.sampling = Sampling(self.examples, workers, batch, sampling, seed)
        if not 0 <= backup < workers:
            raise GraphError(f"{backup} of {workers} workers are to be backups: a step must wait for at least one.")
        taken = fed(self.training.inputs, arrays.values())
        with jax.enable_x64(True):
            self._data = [jnp.asarray(array) for array in taken]
        self.clock = Clock(compute_seconds, as_stragglers(stragglers)) if clock is None else self._clock(clock)
        self.compute_seconds, self.stragglers = self.clock.compute_seconds, self.clock.stragglers
        self.communication, self.wire = as_communication(communication), as_wire(wire)
        self.local_steps = checked_count(4 if local_steps is None else local_steps, "the local steps")
        self.n_fetch = checked_count(n_fetch, "the gradients between fetches, n_fetch,")
        self.n_push = checked_count(n_push, "the gradients of a push, n_push,")
        self.local_rate, self.adagrad = local_rate, adagrad
        sparse = [part.variable for part in self.training.parts if part.indices is not None]
        check_mode(mode, self.communication, self.wire, sparse, backup=backup, local_steps=local_steps, n_fetch=n_fetch,
                   n_push=n_push, local_rate=local_rate, adagrad=adagrad)  # fmt: skip
        self.communication = self._placed(self.communication)
        self.recovery, self._faults, self._failures = as_recovery(recovery), as_faults(faults), dict(failures or {})
        self.outages()  # says at once what is wrong with them
        self.name = name or (f"{mode}, {workers} worker{'' if workers == 1 else 's'}")
        found, test = as_metrics(metrics, test)
        self.metrics, self._measure = tuple(found), measurer(found, test)
        self._kept = _Kept()

    def __repr__(self) -> str:
        return f"<DataParallel {self.name!r}: {self.examples:,} examples, batches of {self.batch}>"

    @property
    def weights(self) -> dict[str, np.ndarray[Any, Any]]:
        """The trained variables by name: those of the initializers at first, after `run` what came out.

        Example:
            >>> import labkit as tf
            >>> x, w = tf.placeholder(tf.float32, [None]), tf.Variable(1.0, name="w")
            >>> train = tf.train.GradientDescentOptimizer(0.5).minimize(tf.reduce_mean(w * x))
            >>> two = DataParallel(train, {x: [2.0, 2.0]}, workers=2, batch=1)
            >>> _ = two.run(1)
            >>> float(two.weights["w"])
            0.0
        """
        return {part.variable: np.asarray(self.replicas.state[part.variable]) for part in self.training.parts}

    def _clock(self, clock: Any) -> Clock:
        shapes = [(self.batch, *array.shape[1:]) for array in self._data]
        return as_clock(clock, self.training, dict(zip(self.training.inputs, shapes, strict=True)))

    def outages(self) -> Outages:
        """What fails, from the beginning."""
        servers = int(getattr(self.communication, "servers", 0))
        recovery = self.recovery or Recovery()
        return Outages(self._faults, self.workers, servers, recovery, self._failures, self.seed)

    def again(self, *faults: Fault) -> DataParallel:
        """The same training from where this one stands, and this one stays as it is; what is compiled serves both.

        Args:
            faults: what fails besides.

        Raises:
            GraphError: if something is to fail that it does not have.

        Example:
            >>> import labkit as tf
            >>> x, w = tf.placeholder(tf.float32, [None]), tf.Variable(1.0, name="w")
            >>> train = tf.train.GradientDescentOptimizer(0.5).minimize(tf.reduce_mean(w * x))
            >>> two = DataParallel(train, {x: [2.0, 2.0]}, workers=2, batch=1)
            >>> hurt = two.again(Fault(0.0, "worker 1"))
            >>> hurt.run(2).seconds > two.again().run(2).seconds, float(two.weights["w"])
            (True, 1.0)
        """
        other = copy.copy(self)
        other.replicas = copy.copy(self.replicas)
        other.replicas.state = dict(self.replicas.state)
        other._faults = (*self._faults, *as_faults(faults))
        other.outages()
        return other

    def run(self, updates: int, every: int | None = None, progress: Callable[[float], None] | None = None) -> History:
        """Trains; once more, it goes on with the weights that it has, and the clock begins anew.

        Args:
            updates: how many updates are to be in the weights at the end; a synchronous step and an average of local
                steps are one each.
            every: a point of the history after so many updates; about fifty points if None.
            progress: is told after each point which share of the updates has been computed; what it raises ends the
                run, and the weights stay as they were.

        Raises:
            GraphError: if failures undo updates as fast as they are made.
        """
        checked_count(updates, "the number of updates")
        every = every or max(1, updates // 50)
        state = self.replicas.state
        asynchronous = self.mode in ("async", "downpour")
        gradients = {"local": self.local_steps, "downpour": self.n_push}.get(self.mode, 1)
        read, sent = self.travel()
        timeline = self.timeline(updates, read, sent)
        job = Job(self.replicas, self._data, self.sampling, self.wire, self._measure, gradients,
                  self.update_bytes(read, sent), every, self._can_be_joined(), updates, progress)  # fmt: skip
        if asynchronous:
            state = replay_asynchronous(job, self._compiled_loop(job), timeline, state)
        else:
            state = replay_synchronous(job, timeline, state)
        self.replicas.state = state
        staleness = tuple(age for span in timeline.spans for age in span.staleness.tolist())
        return History(self.name, self.workers, tuple(job.points), staleness, timeline.happenings, timeline.dropped,
                       self._settings(), self._lost(timeline, gradients))  # fmt: skip

    def example_shape(self, tensor: Tensor) -> tuple[int, ...]:
        """The shape of one example of an input."""
        return tuple(self._data[self.training.inputs.index(tensor)].shape[1:])

    def travel(self) -> Travel:
        """Bytes that a worker reads and sends for one of its gradients, or in one round of local steps."""
        found = travels(self.training, self._batch(), self.wire, self.replicas.state)
        return Travel(found.read, found.read) if self.mode == "local" else found

    def _batch(self) -> list[Any]:
        """Examples as many as a worker takes."""
        return [array[np.arange(self.batch) % self.examples] for array in self._data]

    def seconds_of(self, updates: int) -> float:
        """How long so many updates take on the simulated clock; infinity if nobody is left who could make them.

        Raises:
            ClusterError: if it is no whole number of at least one.
        """
        return self._lasts(checked_count(updates, "the number of updates"), self.travel())

    def updates_within(self, seconds: float) -> int:
        """How many updates are made in so much simulated time; only the clock runs.

        Raises:
            ClusterError: if the time is no finite number of seconds above zero.
        """
        checked_number(seconds, "the simulated time", "seconds")
        travel, few, many = self.travel(), 0, 1
        while self._lasts(many, travel) <= seconds:
            few, many = many, 2 * many
        while many - few > 1:
            middle = (few + many) // 2
            few, many = (middle, many) if self._lasts(middle, travel) <= seconds else (few, middle)
        return few

    def _lasts(self, updates: int, travel: Travel) -> float:
        time = self.timeline(updates, *travel)
        return time.seconds if time.updates >= updates else math.inf

    def timeline(self, updates: int, read_bytes: float, sent_bytes: float, tape: Tape | None = None) -> Timeline:
        """When what happens.

        Args:
            updates: see `run`.
            read_bytes: what a worker reads.
            sent_bytes: what it sends.
            tape: on which to write down what every worker does.
        """
        draws, communication = self.clock.draws(self.workers, self.seed), self.communication
        # Checkpoints matter, and are told, where something is said about failures.
        recovery = self.recovery or Recovery(checkpoint_seconds=600.0 if self._faults or self._failures else None)
        if self.mode in ("async", "downpour"):
            return asynchronous_timeline(
                updates, self.workers, draws.of, communication.pull_seconds(self.workers, read_bytes),
                communication.push_seconds(self.workers, sent_bytes), self.n_fetch, self.n_push, self.outages(),
                recovery, tape, self._server_seconds(read_bytes, sent_bytes),
            )  # fmt: skip
        local, steps = self.mode == "local", self.local_steps
        between = communication.step_seconds(self.workers - self.backup, read_bytes, sent_bytes)
        return synchronous_timeline(
            updates, self.workers, (lambda step: draws.rounds(step, steps)) if local else draws.row, self.backup,
            between, self.outages(), recovery, isinstance(communication, AllReduce), tape,
        )  # fmt: skip

    def _server_seconds(self, read_bytes: float, sent_bytes: float) -> tuple[float, float]:
        """How long one worker keeps the others waiting at the servers, reading and sending."""
        if isinstance(self.communication, ParameterServers):
            return self.communication.server_seconds(read_bytes, sent_bytes)
        return 0.0, 0.0

    def _placed(self, communication: Communication) -> Communication:
        """Parameter servers that know which of them has which variable."""
        if not isinstance(communication, ParameterServers) or communication.sharded or communication.shares:
            return communication
        state = self.replicas.state
        traffic = travels_by_variable(self.training, self._batch(), self.wire, state)
        if self.mode == "local":
            traffic = {name: Travel(found.read, found.read) for name, found in traffic.items()}
        return communication.placed({name: float(state[name].nbytes) for name in traffic}, traffic)

    def update_bytes(self, read: float, sent: float) -> float:
        """What travels for one worker's part of an update, whatever the shape of the all-reduce."""
        if isinstance(self.communication, AllReduce):
            return 2 * (self.workers - 1) / self.workers * sent
        fetches = self.n_push / self.n_fetch if self.mode in ("async", "downpour") else 1.0
        return fetches * read + sent

    def _can_be_joined(self) -> bool:
        if self.mode != "sync" or not self.wire.exact:
            return False
        if self._kept.joined is None:
            self._kept.joined = can_be_joined(self.training, self._data, self.replicas.state)
        return self._kept.joined

    def _compiled_loop(self, job: Job) -> Loop:
        if self._kept.loop is None:
            keeps = self.n_push % self.n_fetch != 0  # some update begins without a fetch
            self._kept.loop = Loop(
                self.training, self.workers, self.n_push, self.local_rate, keeps, self.adagrad, job.compress,
                job.feedback,
            )  # fmt: skip
        return self._kept.loop

    def _lost(self, timeline: Timeline, gradients: int) -> Lost:
        updates, examples = timeline.lost_updates, 0
        for span in timeline.spans:
            gone = len(span.ends) - span.kept
            workers = gone if span.counted is None else int(span.counted[span.kept :].sum())
            examples += workers * gradients * self.batch
        # Of rounds of local steps the whole round of a worker is lost with it.
        each = gradients if self.mode == "local" else 1
        never = timeline.lost_gradients * each
        return Lost(updates, never, examples + never * self.batch, timeline.lost_seconds)

    def _settings(self) -> dict[str, Any]:
        made: dict[str, Any] = {
            "mode": self.mode, "workers": self.workers, "backup": self.backup, "batch": self.batch,
            "wire": self.wire.name, "communication": repr(self.communication), "seed": self.seed,
            "sampling": self.sampling.how, "compute_seconds": self.compute_seconds,
        }  # fmt: skip
        if self.mode == "local":
            made["local_steps"] = self.local_steps
        if self.mode == "downpour":
            made |= {"n_fetch": self.n_fetch, "n_push": self.n_push, "local_rate": self.local_rate,
                     "adagrad": self.adagrad}  # fmt: skip
        if self._faults or self._failures:
            made |= {"faults": [repr(fault) for fault in self._faults], "recovery": repr(self.recovery or Recovery())}
        return made
