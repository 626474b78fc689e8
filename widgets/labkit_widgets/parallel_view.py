"""`ParallelView`: one training step on many workers, as it plays; and its layers over the same devices.

Who computes, who waits, what is on its way, what has failed, and what it all comes to.

The training is `labkit.parallel.DataParallel` on the learner's own graph and data: real gradients, a simulated clock.
What the page plays is made here (`parallel_film.py`) and sent once, so that playing asks nobody; the numbers follow as
soon as they are computed. What the page changes is computed in a thread (`parallel_worker.py`).

The traits, and who writes them:

    settings   kernel  what it is set to: `Settings` as JSON
    choices    kernel  the words and limits that the page offers
    film       kernel  what happens when, packed
    numbers    kernel  loss, metrics, staleness, what was lost, packed; empty until they are computed
    models     kernel  data against model parallelism
    time       both    the moment that is shown, in seconds
    computing  kernel  what is being computed, or ""
    trouble    kernel  why the last change could not be made, or ""
    code_lines kernel  the call that makes the same history
    chosen     both    the worker or server that details are about, such as "worker 2"; or ""

Example:
    >>> import numpy as np
    >>> import labkit as tf
    >>> import labkit_widgets as lw
    >>> x, y = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.float32, [None])
    >>> w = tf.Variable(0.0)
    >>> loss = tf.reduce_mean(tf.square(w * x - y))
    >>> train = tf.train.GradientDescentOptimizer(0.05).minimize(loss)
    >>> data = {x: np.linspace(-1, 1, 100, dtype=np.float32), y: np.linspace(-3, 3, 100, dtype=np.float32)}
    >>> view = lw.ParallelView(train, data, loss, workers=4, batch=8, updates=50)
    >>> view
    <ParallelView: sync, 4 workers, 1 server: 50 updates in 5.01 s>
    >>> view.kill("worker 2", seconds=2.0)
    <ParallelView: sync, 4 workers, 1 server: 50 updates in 9.60 s; worker 2 killed at 2.00 s>
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

import traitlets

from labkit.cluster import Cluster, as_cluster
from labkit.cluster.errors import checked_number
from labkit.errors import GraphError, LabkitError
from labkit.graph import Graph
from labkit.parallel import Clock, DataParallel, Fault, History, Recovery, Wire
from labkit.trace import short
from labkit_widgets import parallel_film, parallel_models, parallel_picture
from labkit_widgets.columns import decode, pack
from labkit_widgets.parallel_arguments import (
    Maker,
    choices_of,
    read_communication,
    read_faults,
    read_more,
    read_stragglers,
    read_wire,
)
from labkit_widgets.parallel_settings import Given, Settings, usual_recovery
from labkit_widgets.parallel_worker import Worker
from labkit_widgets.view import View


class ParallelView(View):
    """A replicated training that plays.

    Args:
        train: what `optimizer.minimize(loss)` returned.
        data: for each input its examples.
        loss: a scalar to report.
        metrics: scalars to compute on `test`, by name.
        test: for each input the examples for the metrics.
        workers: how many, backups among them.
        servers: how many parameter servers.
        mode: "sync", "async", "local" or "downpour".
        backup: of a synchronous step, how many workers are not waited for.
        wire: in how many bits gradients travel: a format of `tf.parallel.FORMATS`, or a `tf.parallel.Wire`.
        batch: examples of each worker and gradient.
        stragglers: a model, such as `tf.simulator.LogNormal(0.2)`, or the name of one: "slow machine", "exponential",
            "log-normal" or "slowed steps".
        seed: of the examples, of stragglers.
        updates: how many are made.
        cluster: on which machines a gradient is computed: its time is simulated there. If None it takes
            `compute_seconds`, and model parallelism is looked at on "gpu_machines".
        compute_seconds: how long a gradient takes on a worker that does not straggle; 0.1 if None.
        clock: instead of it, and of `stragglers`: a `tf.parallel.Clock`, or the name of machines, as for `cluster`.
        communication: "servers", "ring", "tree" or "hierarchical", or a `tf.parallel.ParameterServers` or `AllReduce`.
        recovery: how failures are noticed and mended; times in proportion to a step if None.
        faults: what fails when, as for `DataParallel`.
        **more: other arguments of `DataParallel`: local_steps, n_fetch, n_push, local_rate, adagrad, sampling, name.

    Attributes:
        history: what the training came to; the same as that of the call that `code` says.

    Raises:
        GraphError: as for `DataParallel`.
        ValueError: if a word is unknown.

    Example: see the module.
    """

    _kind = "ParallelView"

    settings = traitlets.Dict().tag(sync=True)
    choices = traitlets.Dict().tag(sync=True)
    film = traitlets.Bytes().tag(sync=True)
    numbers = traitlets.Bytes().tag(sync=True)
    models = traitlets.Dict().tag(sync=True)
    time = traitlets.Float(0.0, min=0.0).tag(sync=True)
    computing = traitlets.Unicode().tag(sync=True)
    trouble = traitlets.Unicode().tag(sync=True)
    code_lines = traitlets.Unicode().tag(sync=True)
    chosen = traitlets.Unicode().tag(sync=True)

    def __init__(
        self, train: Any, data: Mapping[Any, Any], loss: Any = None, *, metrics: Mapping[str, Any] | None = None,
        test: Mapping[Any, Any] | None = None, workers: int = 4, servers: int = 1, mode: str = "sync", backup: int = 0,
        wire: str | Wire = "float32", batch: int = 32, stragglers: Any = None, seed: int = 0, updates: int = 200,
        cluster: str | Cluster | None = None, compute_seconds: float | None = None, clock: Any = None,
        communication: Any = None, recovery: Recovery | None = None, faults: Any = (), **more: Any,
    ) -> None:  # fmt: skip
        self._worker = Worker()
        self.history: History | None = None
        if isinstance(clock, str):
            cluster, clock = clock, None
        self._machines = as_cluster("gpu_machines" if cluster is None else cluster)
        own_clock = isinstance(clock, Clock)
        if own_clock:
            stragglers = clock.stragglers if stragglers is None else stragglers
        elif clock is not None:
            raise GraphError(f"clock is {clock!r}; it is tf.parallel.Clock(...), or the name of machines.")
        exchange, servers, kept = read_communication(communication, servers)
        name, amount, own = read_stragglers(stragglers)
        first = Settings(
            mode=mode, workers=workers, backup=backup, exchange=exchange, servers=servers, batch=batch, seed=seed,
            wire=read_wire(wire), stragglers=name, amount=amount, updates=updates, faults=read_faults(faults),
        )  # fmt: skip
        first.check()
        usual = Clock(0.1 if compute_seconds is None else compute_seconds)
        clock = replace(clock, stragglers=None) if own_clock else usual
        self._given = Given(
            clock, kept, recovery, own, wire if isinstance(wire, Wire) else None, read_more(more, recovery)
        )
        trial = self._try(train, data, loss, metrics, test, first)
        if cluster is not None and compute_seconds is None and not own_clock:
            shapes = {tensor: [batch, *trial.example_shape(tensor)] for tensor in trial.training.inputs}
            clock = Clock.of(trial.training, shapes, self._machines, parallel_models.devices_of(self._machines)[0])
        step = clock.compute_seconds + trial.communication.step_seconds(workers, *trial.travel())
        self._given = replace(self._given, clock=clock, recovery=recovery or usual_recovery(step))
        self._make = Maker(train, data, loss, metrics, test)
        self._settings = first
        self._metrics, self._test = bool(metrics), bool(test)
        super().__init__(choices=choices_of(self._given))
        self._show(first, lambda: False)

    def _try(self, train: Any, data: Any, loss: Any, metrics: Any, test: Any, settings: Settings) -> DataParallel:
        """Errors come from here, as the learner's own arguments deserve them."""
        arguments = settings.arguments(replace(self._given, recovery=self._given.recovery or Recovery()))
        if settings.backup and settings.mode not in ("sync", "local"):
            arguments["backup"] = settings.backup
        return DataParallel(train, data, loss, metrics=metrics, test=test, **arguments)

    # What it is.

    def describe(self) -> str:
        """Mode, workers, and how long it takes."""
        if not self.film:
            return ""
        now, film = self._settings, decode(self.film)
        through = f"{now.servers} server{'s' * (now.servers != 1)}" if now.exchange == "servers" else now.exchange
        backups = f" with {now.backup} backups" if now.backup > 1 else " with 1 backup" if now.backup else ""
        killed = "".join(f"; {who} killed at {short(at, 's')}" for at, who, _ in now.faults[:3])
        return (
            f"{now.mode}, {now.workers} worker{'s' * (now.workers != 1)}{backups}, {through}: "
            f"{film['wholeUpdates']} updates in {short(film['whole'], 's')}{killed}"
        )

    def picture(self) -> str:
        """What each worker does in the first steps."""
        return parallel_picture.picture(decode(self.film), self.describe())

    def outline(self) -> list[Any]:
        """What the training came to."""
        return parallel_picture.outline(decode(self.film), decode(self.numbers) if self.numbers else {}, self.models)

    def code(self) -> str:
        """The call that makes the same history; `train`, `data`, `loss`, `metrics` and `test` are what was given.

        Returns:
            Lines of Python for a cell.
        """
        return self._settings.code(self._given, self._metrics, self._test)

    @property
    def graph(self) -> Graph | None:
        """The learner's graph; None if it is gone."""
        return self._make.graph

    # What it does.

    def run(self, updates: int) -> ParallelView:
        """Trains anew, so many updates.

        Args:
            updates: how many.

        Returns:
            This view; `history` is what came out.
        """
        return self.change(updates=updates)

    def change(self, **settings: Any) -> ParallelView:
        """Trains anew with other settings.

        Args:
            **settings: some of workers, mode, backup, exchange, servers, wire, stragglers, amount, batch, updates and
                seed.

        Returns:
            This view.

        Raises:
            ValueError: if there is no such setting or word.
            GraphError: as for `DataParallel`.
        """
        return self._now(self._settings.changed(settings))

    def kill(self, who: str, seconds: float | None = None, for_seconds: float | None = None) -> ParallelView:
        """Lets a worker, a server or a link fail; everything from then on happens anew.

        Args:
            who: "worker 2", "server 0" or "link of worker 2".
            seconds: when; the moment that is shown if None.
            for_seconds: until it works again by itself; None: until it is replaced.

        Returns:
            This view.

        Raises:
            GraphError: if there is nobody of that name.
        """
        return self._now(self._killed(who, self.time if seconds is None else seconds, for_seconds))

    def repair(self, who: str | None = None) -> ParallelView:
        """Takes a failure back.

        Args:
            who: whose; all if None.

        Returns:
            This view.

        Raises:
            GraphError: if nothing of that name fails.
        """
        return self._now(self._repaired(who))

    def close(self) -> None:
        """Ends what is being computed."""
        if hasattr(self, "_worker"):
            self._worker.stop()
        super().close()

    def wait(self, seconds: float | None = None) -> ParallelView:
        """Until what the page asked for is computed.

        Args:
            seconds: at most so long; as long as it takes if None.

        Returns:
            This view.
        """
        self._worker.wait(seconds)
        return self

    # How it is made.

    def _killed(self, who: str, seconds: float, for_seconds: float | None) -> Settings:
        Fault(seconds, who, for_seconds)  # says what is wrong with it
        fault = (float(f"{seconds:.8g}"), who, for_seconds)
        now = self._settings
        kinds = {"worker": now.workers, "link of worker": now.workers}
        kinds["server"] = now.servers if now.exchange == "servers" else 0
        kind, _, number = who.rpartition(" ")
        if int(number) >= kinds[kind]:
            there = f"{kind} 0 to {kinds[kind] - 1}" if kinds[kind] else f"no {kind}"
            raise GraphError(f"{who!r} is to fail; there is {there}.")
        return replace(now, faults=tuple(sorted({*now.faults, fault}, key=lambda one: (one[0], one[1]))))

    def _repaired(self, who: str | None) -> Settings:
        left = tuple(fault for fault in self._settings.faults if who is not None and fault[1] != who)
        if who is not None and len(left) == len(self._settings.faults):
            failed = ", ".join(dict.fromkeys(fault[1] for fault in left)) or "nobody"
            raise GraphError(f"{who!r} is to be repaired; what fails: {failed}.")
        return replace(self._settings, faults=left)

    def _now(self, settings: Settings) -> ParallelView:
        """Computes here."""
        self._worker.stop()
        self._worker.wait()
        self._show(settings, lambda: False)
        self.computing = self.trouble = ""
        return self

    def _later(self, settings: Settings, what: str) -> None:
        """Computes in the thread."""
        self.computing, self.trouble = what, ""
        before = self._settings
        self._settings, self.settings = settings, settings.to_json()
        view = weakref.ref(self)

        def job(is_old: Callable[[], bool]) -> None:
            me = view()
            if me is None or is_old():
                return
            try:
                me._show(settings, is_old)
            except Exception as error:  # whatever it is, the page must hear it
                if not is_old():
                    expected = isinstance(error, (LabkitError, ValueError, TypeError))
                    me.trouble = str(error) if expected else f"{type(error).__name__}: {error}"
                    me._settings, me.settings = before, before.to_json()
            finally:
                if not is_old():
                    me.computing = ""

        self._worker.start(job)

    def _show(self, settings: Settings, is_old: Callable[[], bool]) -> None:
        """Makes the film, then the numbers, then looks at the layers; each is shown as soon as it is there."""
        parallel, fetches = self._make(settings.arguments(self._given))
        film = pack(parallel_film.film(parallel, settings.updates))
        if is_old():
            return
        with self.hold_sync():
            self._settings = settings
            self.settings, self.film, self.numbers = settings.to_json(), film, b""
            self.code_lines = self.code()
            self.time = min(self.time, float(decode(film)["until"]))
        models = parallel_models.compared(parallel, self._machines, fetches)
        if is_old():
            return
        self.models = models
        history = parallel.run(settings.updates)
        if is_old():
            return
        self.history = history
        self.numbers = pack(parallel_film.numbers(history))

    # Questions of the page.

    def _on_change(self, settings: Any) -> None:
        if not isinstance(settings, dict):
            raise ValueError("settings are words and numbers by name.")
        told = cast("dict[str, Any]", settings)
        self._later(self._settings.changed(told), "computing …")

    def _on_kill(self, who: Any, seconds: Any) -> None:
        if not isinstance(who, str):
            raise ValueError("who is to fail has a name, such as 'worker 2'.")
        checked_number(seconds, "the time of a fault", "seconds", zero=True)
        self._later(self._killed(who, float(seconds), None), f"{who} dies; computing what follows …")

    def _on_repair(self, who: Any = None) -> None:
        if who is not None and not isinstance(who, str):
            raise ValueError("who is to be repaired has a name, such as 'worker 2'.")
        self._later(self._repaired(who), "computing …")
