"""An asynchronous parameter server on real processes: the notebook keeps the weights, the workers send gradients.

    worker    reads the weights, computes a gradient of its own examples, sends it, and begins anew
    server    applies each gradient as it comes to what is there now, and sends the new weights back

No worker waits for another, and none forms a mesh: collectives are for those who go in step. So a worker that dies
takes nothing with it but the gradient that it was computing. How old a gradient's weights were (its staleness) is
counted here, not simulated; of N equal workers it is N - 1 in the mean.

Weights and gradients travel as safetensors: arrays that cannot execute.

Source: J. Dean et al.: "Large scale distributed deep networks", 2012 (Downpour SGD).
"""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from safetensors.numpy import load, save

from labkit.errors import GraphError, LabkitError, UnavailableError
from labkit.graph import Operation, Tensor
from labkit.parallel.given import check_called, counted, given, whole_state
from labkit.parallel.history import Happening, History, Point
from labkit.parallel.processes import live
from labkit.parallel.processes.carried import write_step
from labkit.parallel.processes.engines import Engines
from labkit.parallel.sampling import Sampling
from labkit.parallel.step import State, TrainingStep

GRADIENT_SECONDS = 60.0
"""How long the server waits for the next gradient before it says that nobody sends any."""


class ParameterServer(Engines):
    """N worker processes and one server: this process. See `Engines` for the arguments.

    Attributes:
        state: the state after the last `train`.

    Example:
        with ParameterServer(4) as four:
            history = four.train(train, {x: images, y: labels}, loss, updates=1000)
            print(np.bincount(history.staleness))
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
        super().__init__(count, threads=threads, launcher=launcher, folder=folder)

    def train(
        self, train: Operation | TrainingStep, data: Mapping[Any, Any] | Sequence[Any], loss: Tensor | None = None, *,
        updates: int, batch: int = 32, sampling: str = "random", seed: int = 0, state: State | None = None,
        tell_every: int | None = None, progress: Callable[[int, float], object] | None = None,
    ) -> History:  # fmt: skip
        """Trains asynchronously.

        Args:
            train: what `minimize` returned; or a `TrainingStep`.
            data: for each input its examples; for a `TrainingStep` also a list in the order of its inputs.
            loss: a scalar to report.
            updates: how many gradients are applied.
            batch: examples of a gradient.
            sampling: "random" or "epochs".
            seed: of the examples.
            state: the state to begin with; that of the initializers if None.
            tell_every: a point of the history, and a call of `progress`, after so many updates; a fiftieth if None.
            progress: is called with the number of updates and the loss; it may call `kill`.

        Returns:
            A `History` in real seconds, with the staleness of each update, deaths among its happenings, and among its
            settings as "order" whose gradient each update was.

        Raises:
            UnavailableError: if no worker is left.
            CancelledError: if it was stopped by `stop` or `close`.
            GraphError: if the step cannot be replicated, or there are fewer examples than workers.
        """
        self._check_open()
        updates, batch = counted(updates, "updates"), counted(batch, "batch")
        seed = counted(seed, "seed", None)
        tell = max(1, updates // 50) if tell_every is None else counted(tell_every, "tell_every")
        check_called(progress)
        step, arrays = given(train, data, loss, self.count)
        if step.random:
            raise GraphError(
                f'the gradients depend on random draws ("{step.random[0]}"), and it is open whose turn is next.\n'
                "  Try: Processes(...), whose workers draw in turns."
            )
        self._begin()
        write_step(self.folder, step, arrays)
        serving = _Serving(self, step, step.first_state() if state is None else whole_state(step, state), updates)
        serving.taken = Sampling(len(arrays[0]), self.count, batch, sampling, seed)
        try:
            if self._harmed:
                self._again()
            serving.run(tell, progress)
        except BaseException:
            self._broken = True
            live.end(self._pids if self._local else ())
            raise
        self.state = serving.state
        settings = {"mode": "async", "workers": self.count, "batch": batch, "sampling": sampling, "seed": seed,
                    "real": True, "order": serving.order}  # fmt: skip
        name = f"{self.count} real worker{'s' * (self.count != 1)}, async"
        return History(
            name, self.count, tuple(serving.points), tuple(serving.staleness),
            tuple(serving.happened), 0, settings,
        )  # fmt: skip

    def _ask(self, rank: int, weights: bytes, rows: bytes) -> Any:
        return self._apply(rank, "gradient", self.folder, weights, rows)


class _Serving:
    """One run of the server."""

    taken: Sampling

    def __init__(self, group: Any, step: TrainingStep, state: State, updates: int) -> None:
        self.group, self.step, self.state, self.updates = group, step, state, updates
        self.arrived: queue.Queue[tuple[int, Any]] = queue.Queue()
        self.points: list[Point] = []
        self.staleness: list[int] = []
        self.order: list[int] = []
        self.happened: list[Happening] = group.happenings
        self.dead: set[int] = set()
        self.turns = [0] * group.count
        self.reads = [0] * group.count
        self.taken_of = [0] * group.count  # gradients
        self.waiting: dict[int, Any] = {}
        self.start = time.time()
        self._update: Any = jax.jit(step.update)

    def run(self, tell: int, progress: Callable[[int, float], object] | None) -> None:
        """Until the updates are done."""
        for rank in range(self.group.count):
            self._send(rank)
        while len(self.staleness) < self.updates:
            rank, loss = self._next()
            done = len(self.staleness)
            if done % tell == 0 or done == self.updates:
                moved = done * float((self.step.sent_bytes or 0) + (self.step.read_bytes or 0))
                self.points.append(Point(time.time() - self.start, done, done * self.taken.batch, moved, loss, {}))
                if progress is not None:
                    progress(done, loss)
            if done + len(self.waiting) < self.updates:
                self._send(rank)
        with contextlib.suppress(queue.Empty):
            while self.waiting:  # nobody is left computing something that nobody wants
                self._take(*self.arrived.get(timeout=GRADIENT_SECONDS))

    def _send(self, rank: int) -> None:
        """The weights of now to a worker that has nothing to do."""
        if rank in self.dead:
            return
        self.reads[rank] = len(self.staleness)
        weights = save({name: np.asarray(self.state[name]) for name in self.step.reads})
        rows = self.taken.rows([rank], [self.turns[rank]])[0]
        self.turns[rank] += 1
        answer = self.group._ask(rank, weights, rows.tobytes())
        self.waiting[rank] = answer

        def arrived(done: Any) -> None:
            self.arrived.put((rank, done))

        answer.add_done_callback(arrived)

    def _next(self) -> tuple[int, float]:
        """Applies the next gradient that comes: whose, and the loss at the weights that it had read."""
        until = time.monotonic() + GRADIENT_SECONDS
        while True:
            self.group._check_going()
            self._look()
            if not self.waiting:
                raise UnavailableError(None, None, f"no worker is left after {len(self.staleness)} updates.")
            try:
                rank, answer = self.arrived.get(timeout=0.2)
            except queue.Empty:
                if time.monotonic() > until:
                    raise UnavailableError(
                        None, None, f"no gradient came for {GRADIENT_SECONDS:.0f} s; "
                        f"{len(self.waiting)} workers were computing."
                    ) from None  # fmt: skip
                continue
            found = self._take(rank, answer)
            if found is None:
                continue
            values = tuple(found[f"value-{place}"] for place in range(len(self.step.sent)))
            with jax.enable_x64(True):
                self.state = self._update(self.state, values)
            self.staleness.append(len(self.staleness) - self.reads[rank])
            self.order.append(rank)
            self.taken_of[rank] += 1
            loss = float(found["loss"]) if "loss" in found else float("nan")
            self.group.reported[rank] = self.taken_of[rank], loss
            return rank, loss

    def _take(self, rank: int, answer: Any) -> dict[str, Any] | None:
        """What a worker has sent; None if it has died instead."""
        if self.waiting.get(rank) is not answer:
            return None
        del self.waiting[rank]
        try:
            return load(answer.get(timeout=1))
        except Exception as error:
            if "EngineError" not in f"{type(error).__name__} {error}":
                raise LabkitError(f"worker {rank} could not compute a gradient: {error}") from None
            self._died(rank)
            return None

    def _look(self) -> None:
        """Notices workers that have ended, before ipyparallel does."""
        for rank in list(self.waiting):
            if self.group._local and not live.lives(self.group.pids[rank]):
                del self.waiting[rank]
                self._died(rank)

    def _died(self, rank: int) -> None:
        if rank not in self.dead:
            self.dead.add(rank)
            at = self.group._killed_at.get(rank, time.time())
            text = f"process {self.group.pids[rank]}; the gradient of step {self.reads[rank]} is lost, the others go on"
            self.happened.append(Happening(at - self.start, "died", f"worker {rank}", text))
