"""`Processes`: real processes that train together, started and driven from here.

The notebook's process stays outside: it starts the workers (ipyparallel's engines), hands them the step as files,
waits, and shows what they report. They form a mesh of their own with `jax.distributed` and run the loop themselves:
one round trip from the notebook takes longer than several steps.

When a worker dies, the others notice in their next all-reduce: its connection is closed. JAX cannot mend a mesh of
CPUs, so what is left is ended, new workers are started, and the run goes on from the newest checkpoint: the same
examples in the same order, so that in the end the weights are those of a run in which nobody died.

    a worker is killed     noticed at once here, and by the others within `NOTICE_SECONDS`
    a worker hangs         noticed by the others' all-reduce after `COLLECTIVE_SECONDS`
    the notebook dies      the workers end themselves within two seconds, and a guard (`live.py`) ends what is left

With `replace=False` a run is elastic: it goes on with one worker fewer, from the checkpoint, and takes the examples
that a run of so many workers takes from that step on.

Why not let the survivors go on without a restart? JAX has `jax.experimental.multihost_utils.live_devices` for it, and
calls it experimental. On CPUs most runs hang with it unless an all-reduce has a time-out, the first worker must never
die, and one that comes back needs another order of the devices. A restart costs seconds, and gives the same weights as
a run in which nobody died.

Source: `jax.distributed` and ipyparallel 9; the measured traps are named where they are avoided.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from labkit.errors import CancelledError, LabkitError, UnavailableError
from labkit.graph import Operation, Tensor
from labkit.parallel.given import check_called, counted, given, whole_state
from labkit.parallel.history import Happening, History, Point
from labkit.parallel.processes import live
from labkit.parallel.processes.carried import forget_states, read_state, write_state, write_step
from labkit.parallel.processes.engines import HEARTBEAT_SECONDS, Engines
from labkit.parallel.sampling import Sampling
from labkit.parallel.step import State, TrainingStep

NOTICE_SECONDS = HEARTBEAT_SECONDS + 2.0
"""By when the survivors of a death have noticed it; whoever has not by then is ended with the rest."""


class Progress(NamedTuple):
    """News from a run.

    Args:
        step: steps done.
        steps: steps to do.
        loss: the mean loss of the workers.
    """

    step: int
    steps: int
    loss: float


class Failure(NamedTuple):
    """How a run was interrupted.

    Args:
        worker: who died, hung, or was the first to report an error.
        step: from which step the run went on.
        noticed_seconds: how long after the death the last survivor had noticed it; None if no survivor reported.
        recovered_seconds: from the death to new workers that are ready to train.
        reports: what the survivors said.
    """

    worker: int
    step: int
    noticed_seconds: float | None
    recovered_seconds: float
    reports: tuple[str, ...]


class Processes(Engines):
    """N processes that train together. See `Engines` for the arguments.

    Attributes:
        state: the state after the last `train`.
        failures: what interrupted it.
        log: what the workers printed during it.

    Example:
        with Processes(2) as two:
            history = two.train(train, {x: images, y: labels}, loss, steps=100)
    """

    def __init__(
        self,
        count: int,
        *,
        threads: int | None = None,
        launcher: Mapping[str, Any] | None = None,
        folder: str | None = None,
    ) -> None:
        self.state: State = {}
        self.failures: list[Failure] = []
        self.log = ""
        super().__init__(count, threads=threads, launcher=launcher, folder=folder)

    def train(
        self, train: Operation | TrainingStep, data: Mapping[Any, Any] | Sequence[Any], loss: Tensor | None = None, *,
        steps: int, batch: int = 32, sampling: str = "random", seed: int = 0, state: State | None = None,
        checkpoint_every: int = 50, tell_every: int | None = None, replace: bool = True, restarts: int = 5,
        progress: Callable[[Progress], object] | None = None,
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
            checkpoint_every: how many steps may be lost at a death.
            tell_every: a point of the history, and a call of `progress`, after so many steps; a fiftieth if None.
            replace: after a death, True restores the number of workers; False goes on with one fewer.
            restarts: how many deaths are made good.
            progress: is called with news here in the notebook, between whiles; it may call `kill`.

        Returns:
            A `History` in real seconds, with deaths and restarts among its happenings; `self.state` is the state.

        Raises:
            UnavailableError: if more workers died than `restarts`, or the last one and none is to replace it.
            CancelledError: if it was stopped by `stop` or `close`; `self.state` is that of the newest checkpoint then.
            GraphError: if the step cannot be replicated, or there are fewer examples than workers.
        """
        self._check_open()
        steps, batch, seed = counted(steps, "steps"), counted(batch, "batch"), counted(seed, "seed", None)
        every, restarts = counted(checkpoint_every, "checkpoint_every"), counted(restarts, "restarts", 0)
        tell = max(1, steps // 50) if tell_every is None else counted(tell_every, "tell_every")
        check_called(progress)
        step, arrays = given(train, data, loss, self.count)
        first = step.first_state() if state is None else whole_state(step, state)
        Sampling(len(arrays[0]), self.count, batch, sampling, seed)  # says now what cannot be
        write_step(self.folder, step, arrays)
        forget_states(self.folder)
        write_state(self.folder, 0, step, first)
        self.failures, self.log = [], ""
        self._begin()
        run = _Run(steps, tell, progress, self.reported, self.happenings)
        job = (steps, batch, sampling, seed, every, tell)
        try:
            self._ready()
            run.start = time.time()
            run.teams.append((0, self.count))
            while (died := self._attempt(job, run)) is not None:
                self._recover(died, run, replace, restarts)
        except BaseException as error:
            self._broken = True  # the workers may still be at it
            live.end(self._pids if self._local else ())
            if isinstance(error, CancelledError) and not self.closed:
                _, self.state = read_state(self.folder)
            raise
        _, self.state = read_state(self.folder)
        return self._history(run, batch, sampling, seed, float(step.sent_bytes or 0))

    def parts(self, batch: int, turns: int = 12, each: int = 10) -> list[dict[str, list[Any]]]:
        """When steps and their parts begin and end; the step is that of the last `train`.

        Args:
            batch: examples of each worker.
            turns: how many turns; the first is not told.
            each: how often in a turn each is done.

        Returns:
            For each worker what `labkit.parallel.processes.engine.parts` tells.
        """
        batch, turns, each = counted(batch, "batch"), counted(turns, "turns", 2), counted(each, "each")
        self._ready()
        asked = [self._apply(rank, "parts", self.folder, rank, batch, turns, each) for rank in self._ranks]
        return [self._wait_for(rank, answer) for rank, answer in enumerate(asked)]

    def _ready(self) -> None:
        """A whole mesh that waits for work."""
        self._check_open()
        if self._harmed:
            self._again()
        self._join()

    def _history(self, run: _Run, batch: int, sampling: str, seed: int, sent: float) -> History:
        points = tuple(
            Point(at - run.start, done, run.gradients(done) * batch, run.gradients(done) * 2 * sent, value, {})
            for done, (value, at) in sorted(run.losses.items())
        )
        workers = run.teams[0][1]
        settings = {"mode": "sync", "workers": workers, "batch": batch, "sampling": sampling, "seed": seed,
                    "real": True, "step_seconds": run.seconds}  # fmt: skip
        happened = tuple(sorted(self.happenings))
        name = f"{workers} real process{'es' * (workers != 1)}"
        return History(name, workers, points, (0,) * run.steps, happened, 0, settings)

    def _attempt(self, job: Sequence[Any], run: _Run) -> _Death | None:
        """Trains until the end (None) or a death."""
        answers = [self._apply(rank, "train", self.folder, rank, self.count, *job) for rank in self._ranks]
        found: dict[int, dict[str, Any]] = {}
        died: dict[int, float] = {}
        until = float("inf")
        while len(found) + len(died) < self.count and time.monotonic() < until:
            for rank, answer in enumerate(answers):
                if rank in found or rank in died:
                    continue
                if answer.ready():
                    found[rank] = {"rank": rank, **_answered(answer)}
                if self._gone(rank, found.get(rank)):
                    found.pop(rank, None)
                    died[rank] = self._killed_at.get(rank, time.time())
            self._check_going()
            if until == float("inf") and (died or any(one["failed"] for one in found.values())):
                until = time.monotonic() + NOTICE_SECONDS
            run.news(answers)
            time.sleep(0.02)
        for rank, answer in enumerate(answers):
            with contextlib.suppress(Exception):
                self.log += str(answer.stdout)
            run.take(found.get(rank, {}), rank)
        failed = [one for one in found.values() if one["failed"]]
        wrong = next((one for one in failed if one["wrong"]), None)
        if wrong is not None:
            raise LabkitError(f"worker {wrong['rank']} could not compute the step: {wrong['failed']}")
        hung = [rank for rank in self._ranks if rank not in found and rank not in died]
        if not (died or failed or hung):
            return None
        first = min(failed, key=lambda one: one["at"], default=None)
        culprit = min(died or hung) if died or hung else int(first["rank"]) if first else 0
        at = min(died.get(culprit, time.time()), first["at"] if first else time.time())  # who hangs says not when
        return _Death(culprit, at, [one for one in failed if one["rank"] != culprit])

    def _gone(self, rank: int, answer: Mapping[str, Any] | None) -> bool:
        """True if a worker has ended without an answer."""
        if answer is not None:
            return bool(answer.get("gone"))  # ipyparallel found out first
        return self._local and not live.lives(self._pids[rank])

    def _recover(self, died: _Death, run: _Run, replace: bool, restarts: int) -> None:
        """New workers after a death."""
        worker, at, reports = died
        number, _ = read_state(self.folder)
        run.tell_of(at, "died", f"worker {worker}", f"process {self._pids[worker]}")
        for one in reports:
            run.tell_of(one["at"], "noticed", f"worker {one['rank']}", one["failed"])
        left = self.count if replace else self.count - 1
        if len(self.failures) >= restarts or left < 1:
            why = f"it was the last of {restarts} restarts" if left else "it was the last one"
            texts = "".join(f"\n  worker {one['rank']}: {one['failed'][:200]}" for one in reports)
            raise UnavailableError(
                None, None, f"worker {worker} died, and {why}; the newest checkpoint is of step {number}.{texts}"
            )  # fmt: skip
        self._check_going()
        self.count = left
        self.reported.clear()
        self._again()
        self._join()
        noticed = max((one["at"] - at for one in reports), default=None)
        texts = tuple(one["failed"] for one in reports)
        self.failures.append(Failure(worker, number, noticed, time.time() - at, texts))
        run.teams.append((number, self.count))
        run.tell_of(time.time(), "restarted", "", f"{self.count} workers, from step {number}")


class _Death(NamedTuple):
    """Who died when, and what the others reported."""

    worker: int
    at: float
    reports: list[dict[str, Any]]


class _Run:
    """What is known of a run, over all its attempts."""

    def __init__(
        self, steps: int, tell: int, progress: Callable[[Progress], object] | None,
        reported: dict[int, tuple[int, float]], happened: list[Happening],
    ) -> None:  # fmt: skip
        self.steps, self.tell, self.progress = steps, tell, progress
        self.reported, self.happened = reported, happened
        self.start = time.time()
        self.losses: dict[int, tuple[float, float]] = {}
        self.seconds: list[float] = []
        self.teams: list[tuple[int, int]] = []  # from which step how many workers

    def gradients(self, done: int) -> int:
        """How many gradients were used in the first `done` steps."""
        ends = [begin for begin, _ in self.teams[1:]] + [self.steps]
        teams = zip(self.teams, ends, strict=True)
        return sum(max(0, min(done, end) - begin) * workers for (begin, workers), end in teams)

    def tell_of(self, at: float, kind: str, who: str, text: str) -> None:
        """Something happened at a time of the clock on the wall."""
        self.happened.append(Happening(at - self.start, kind, who, text))

    def news(self, answers: Sequence[Any]) -> None:
        """What the workers have published."""
        for rank, answer in enumerate(answers):
            data: Any = getattr(answer, "data", None)
            if not data or self.reported.get(rank) == (data["step"], data["loss"]):
                continue
            self.reported[rank] = data["step"], data["loss"]
            if rank == 0:
                self.losses[data["step"]] = (data["loss"], time.time())
                if self.progress is not None:
                    self.progress(Progress(data["step"], self.steps, data["loss"]))

    def take(self, answer: Mapping[str, Any], rank: int) -> None:
        """What a worker returned."""
        if rank or "losses" not in answer:
            return
        for (number, loss), at in zip(answer["losses"], answer["times"], strict=True):
            self.losses[number] = (loss, at)
        self.seconds += answer["seconds"]


def _answered(answer: Any) -> dict[str, Any]:
    """What a worker returned: how it went, or an error of its own."""
    try:
        return {**answer.get(timeout=1), "wrong": False}
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        gone = "EngineError" in text
        return {"failed": text, "at": time.time(), "gone": gone, "wrong": not gone}
