"""The loop that trains, in a thread of its own, so that a notebook's buttons work meanwhile.

A kernel answers a click only between two cells, or while a cell awaits. A loop in a cell would make the pause button
deaf; a loop in a thread leaves the kernel free. The thread is a daemon: it never keeps Python from ending.

The loop itself is the one that a learner would write:

    for i in range(steps):
        values = session.run([train_step, loss], next_feed(i))

and around it stands what the buttons ask for: between two steps the thread looks whether it shall pause, make a single
step, change the learning rate, or stop. Everything that the loop runs on is a `Program`. It belongs to the session
(an attribute of it), not to the view: when the learner lets go of the session, graph and tensors go too, although the
view with its curves stays in the notebook.
"""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np

from labkit.errors import OutOfRangeError
from labkit_widgets.training_checkpoints import Keeper
from labkit_widgets.training_samples import Budget, Column, Images, Peek, as_images, histogram, norm

SAMPLE_SHARE = 0.02  # of the time, for weights, histograms and gradients
_SAMPLE_GAP_SECONDS = 0.1
_PIPELINE_EVERY = 50  # steps between two looks at gradients that can only be fetched with a step


class Rate:
    """The learning rate: a variable that is assigned, or a tensor that is fed.

    Args:
        source: a variable, or any tensor of one number, such as a placeholder.
        value: what it is now, if that is known; a tensor is not fed as long as nobody sets the rate.
        always: True feeds it from the beginning: a placeholder that the feeds do not have.
    """

    def __init__(self, source: Any, value: float | None, always: bool = False) -> None:
        self.source = source
        self.value = value
        self.feed: dict[Any, Any] = {source: value} if always else {}
        self.is_variable = hasattr(source, "initializer")
        self._load: Callable[[Any], Any] | None = None

    def prepare(self, session: Any) -> None:
        """Makes changing it cheap, and reads it."""
        if self.is_variable:
            assign = self.source.initializer
            self._load = session.make_callable(assign, [assign.inputs[1]])
            self.value = float(session.run(self.source))

    def set(self, value: float) -> None:
        """From the next step on."""
        self.value = value
        if self._load is not None:
            self._load(value)
        else:
            self.feed = {self.source: value}


class Timed:
    """A curve of its own feed, every so many steps: accuracy on the test set."""

    def __init__(self, name: str, tensor: Any, feed: Any, every: int) -> None:
        self.name, self.tensor, self.feed, self.every = name, tensor, feed, every

    def value(self, session: Any) -> Any:
        """What it is now."""
        return session.run(self.tensor, self.feed() if callable(self.feed) else self.feed)


@dataclass
class Program:
    """What is run: the learner's own."""

    train: Any
    curves: dict[str, Any]  # fetched with each step
    timed: list[Timed]
    feed: Any
    rate: Rate | None
    weights: dict[str, Any]  # variables shown as images
    histograms: dict[str, Any]
    gradients: list[tuple[Any, str]]
    with_step: bool = False  # gradients may only be fetched together with a step
    batch: int | None = None
    keeper: Keeper | None = None

    def feed_at(self, step: int) -> dict[Any, Any] | None:
        """What to feed to a step."""
        feed = self.feed(step) if callable(self.feed) else self.feed
        if feed is not None and not isinstance(feed, dict):
            raise TypeError(
                f"the feed of step {step} is {type(feed).__name__}, not a dictionary.\n"
                "  Try: a function that returns {x: ..., y: ...}, from the number of the step."
            )
        return cast("dict[Any, Any] | None", feed)


class Watcher(Protocol):
    """What the loop tells what happens; all in the loop's thread."""

    def curve(self, name: str) -> Callable[[tuple[float, Any]], None]:
        """Where points of a curve go."""
        ...

    def rate(self, step: int, value: float) -> None:
        """The learning rate changed."""
        ...

    def looked(
        self, images: dict[str, Images], columns: dict[str, Column], norms: dict[str, float], step: int,
        rate: float | None,
    ) -> None:  # fmt: skip
        """Weights, histograms and norms were sampled."""
        ...

    def state(self, state: str, words: str, step: int) -> None:
        """The loop runs, pauses, or has ended."""
        ...

    def stepped(self, step: int, seconds: float, batch: int | None) -> float:
        """There is time to look: the next step, the seconds trained so far. Says when to look again."""
        ...

    def curves(self) -> list[dict[str, Any]]:
        """All that was recorded, for a checkpoint."""
        ...

    def kept(self, step: int | None, words: str) -> None:
        """A checkpoint of this step is there; the words say what could not be saved."""
        ...

    def idle(self) -> float | None:
        """While paused: sends what is left to send, and says after how many seconds there may be more."""
        ...


_loops: weakref.WeakSet[Loop] = weakref.WeakSet()


class Loop:
    """Runs a program in a thread.

    Args:
        session: where to run.
        program: what to run.
        watcher: whom to tell.
        first: the number of the first step.
        last: the number of the step to end before; None for no end.
        paused: True waits before the first step.
    """

    def __init__(
        self, session: Any, program: Program, watcher: Watcher, first: int, last: int | None, paused: bool = False
    ) -> None:  # fmt: skip
        self._session, self._program, self._watcher = session, program, watcher
        self.step, self.last = first, last
        self.seconds = 0.0
        self.error: BaseException | None = None
        self._wanted = "pause" if paused else "run"
        self._allowed = 0
        self._new_rate: float | None = None
        self._attention = True
        self._resting = False
        self._paused_at: int | None = None
        self._turn = threading.Condition()
        self._sampler = _Sampler(session, program)
        self.thread = threading.Thread(target=self._main, name="labkit training", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        _loops.add(self)
        self.thread.start()

    @property
    def alive(self) -> bool:
        """Whether it still trains, or may."""
        return self.thread.is_alive()

    def ask(self, wanted: str) -> None:
        """From the next step on: "run", "pause" or "stop"."""
        with self._turn:
            if self._wanted != "stop":
                self._wanted = wanted
            self._allowed = 0
            self._wake()

    def allow(self, steps: int) -> None:
        """Makes so many single steps, then pauses."""
        with self._turn:
            if self._wanted != "stop":
                self._wanted = "pause"
                self._allowed += steps
            self._wake()

    def change_rate(self, value: float) -> None:
        """Before the next step."""
        with self._turn:
            self._new_rate = value
            self._wake()

    def wait_resting(self, seconds: float) -> bool:
        """Waits until it is paused, or over; from another thread."""
        if threading.current_thread() is self.thread:
            return False
        with self._turn:
            return self._turn.wait_for(lambda: self._resting or not self.alive, seconds)

    def _wake(self) -> None:
        self._resting = False
        self._attention = True
        self._turn.notify_all()

    def _main(self) -> None:
        __tracebackhide__ = True
        session = self._session
        try:
            with session.graph.as_default(), session.as_default():
                state, words = self._train()
                words = " ".join(filter(None, [words, self._keep()]))
        except (OutOfRangeError, StopIteration) as error:
            if self._program.feed is None or isinstance(error, StopIteration):  # all the data there are: a usual end
                state, words = "finished", f"The data ended after {self.step:,} steps. {self._keep()}".rstrip()
            else:
                self.error, state, words = error, "failed", _said(error, self.step)
        except BaseException as error:  # shown in the view, and raised again where somebody waits
            self.error, state, words = error, "failed", _said(error, self.step)
        del session
        try:
            self._watcher.state(state, words, self.step)
        finally:
            # What the thread held goes with it; also from the error's traceback, which a learner may keep.
            del self._session, self._program, self._sampler
            with self._turn:
                self._resting = True
                self._turn.notify_all()

    def _train(self) -> tuple[str, str]:
        """All steps; gives the state that it ends in, and words."""
        __tracebackhide__ = True
        session, program, watcher = self._session, self._program, self._watcher
        if program.rate is not None:
            program.rate.prepare(session)
            if program.rate.value is not None:
                watcher.rate(self.step, program.rate.value)
        run, clock, sampler, keeper = session.run, time.perf_counter, self._sampler, program.keeper
        fetches = [program.train, *program.curves.values()]
        puts = [watcher.curve(name) for name in program.curves]
        timed = [(one, watcher.curve(one.name)) for one in program.timed]
        last = float("inf") if self.last is None else self.last
        if self.step >= last:  # it was taken up from a checkpoint
            return "finished", f"All {self.step:,} steps were made before. For a new training: another folder."
        next_look = clock()
        feed: dict[Any, Any] | None = None
        checked = False
        while (i := self.step) < last:
            if self._attention and not self._attend():
                return "stopped", f"Stopped after {i:,} steps."
            began = clock()
            for one, put in timed:
                if i % one.every == 0:
                    put((i, one.value(session)))
            feed = program.feed_at(i)
            if program.rate is not None and program.rate.feed:
                feed = {**(feed or {}), **program.rate.feed}
            if sampler.allows(began):
                self._look(sampler, feed, i)
            if sampler.with_step and i % _PIPELINE_EVERY == 0:
                values = self._step_with_gradients(fetches, feed, i)
            else:
                values = run(fetches, feed)
            if not checked:
                checked = True
                _check_numbers(program.curves, values[1:])
                program.batch = program.batch or _batch_of(feed)
            for put, value in zip(puts, values[1:], strict=True):
                put((i, value))
            self.step = i + 1
            if keeper is not None and keeper.due():
                self._keep()
            now = clock()
            self.seconds += now - began
            if now >= next_look:
                next_look = watcher.stepped(i + 1, self.seconds, program.batch)
        for one, put in timed:
            put((self.step, one.value(session)))
        self._look(sampler, None if sampler.with_step else feed, self.step)
        return "finished", f"Finished after {self.step:,} steps."

    def _keep(self) -> str:
        """Saves a checkpoint, if that is wanted; gives words about what went wrong."""
        keeper = self._program.keeper
        if keeper is None:
            return ""
        trouble = keeper.save(self._session, self.step, self._watcher.curves())
        self._watcher.kept(keeper.saved, trouble)
        return trouble

    def _look(self, sampler: _Sampler, feed: dict[Any, Any] | None, step: int) -> None:
        start = time.perf_counter()
        images, columns, norms, rate = sampler.look(feed, step)
        self._watcher.looked(images, columns, norms, step, rate)
        end = time.perf_counter()
        sampler.budget.spend(end, end - start if sampler.compiled else 0.0)
        sampler.compiled = True

    def _step_with_gradients(self, fetches: list[Any], feed: Any, step: int) -> list[Any]:
        """A step that also fetches the gradients: for pipelines, whose next batch cannot be looked at twice."""
        pairs = self._program.gradients
        values, arrays = self._session.run([fetches, [tensor for tensor, _ in pairs]], feed)
        norms = {name: norm(array) for (_, name), array in zip(pairs, arrays, strict=True)}
        self._watcher.looked({}, {}, norms, step, None)
        return values

    def _attend(self) -> bool:
        """Does what the buttons ask for; False to stop. Returns when a step may be made."""
        while True:
            with self._turn:
                rate, self._new_rate = self._new_rate, None
                wanted, single = self._wanted, self._allowed > 0
                if wanted == "run":
                    self._attention = False
                elif wanted == "pause" and single:
                    self._allowed -= 1
            if rate is not None and self._program.rate is not None:
                self._program.rate.set(rate)
                self._watcher.rate(self.step, rate)
            if wanted == "stop":
                return False
            if wanted == "run":
                self._paused_at = None
                self._watcher.state("running", "", self.step)
                return True
            if single:
                return True
            if self._paused_at != self.step:
                self._paused_at = self.step
                trouble = self._keep()
                self._watcher.state("paused", f"Paused before step {self.step:,}. {trouble}".rstrip(), self.step)
            delay = self._watcher.idle()
            with self._turn:
                if self._wanted == "pause" and not self._allowed and self._new_rate is None:
                    self._resting = True
                    self._turn.notify_all()
                    self._turn.wait(delay)


class _Sampler:
    """Looks at weights and gradients, within a budget."""

    def __init__(self, session: Any, program: Program) -> None:
        self._session, self._program = session, program
        self.budget = Budget(SAMPLE_SHARE, _SAMPLE_GAP_SECONDS)
        self.compiled = False  # the first look compiles, as the first step does, and is not counted
        self.with_step = program.with_step
        self._variables = list({**program.weights, **program.histograms}.values())
        fetches = [tensor for tensor, _ in program.gradients]
        self._peeks_rate = program.rate is not None and not program.rate.is_variable
        if self._peeks_rate and program.rate is not None:
            fetches.append(program.rate.source)
        self._peek = Peek(session, fetches) if fetches and not self.with_step else None
        self._idle = not self._variables and self._peek is None

    def allows(self, now: float) -> bool:
        """Whether there is time."""
        return not self._idle and now >= self.budget.next_seconds

    def look(
        self, feed: dict[Any, Any] | None, step: int
    ) -> tuple[dict[str, Images], dict[str, Column], dict[str, float], float | None]:
        """Images, histograms and norms, and the learning rate, as they are before a step with this feed."""
        program = self._program
        named = {id(v): a for v, a in zip(self._variables, self._session.run(self._variables), strict=True)}
        images = {name: as_images(step, named[id(v)]) for name, v in program.weights.items()}
        columns = {name: histogram(step, named[id(v)]) for name, v in program.histograms.items()}
        norms: dict[str, float] = {}
        rate = None
        if self._peek is not None:
            feed = feed or {}
            if not self._peek.possible(tuple(feed)):
                self._peek = None
            else:
                rated = self._peeks_rate and program.rate is not None and program.rate.source not in feed
                values = self._peek(feed)
                norms = {n: norm(a) for (_, n), a in zip(program.gradients, values, strict=False)}
                rate = float(values[-1]) if rated else None
        return images, columns, norms, rate


def _said(error: BaseException, step: int) -> str:
    """An error in the words of a view."""
    text = str(error) or type(error).__name__
    return f"Failed at step {step:,}. {type(error).__name__}: {text}"[:2000]


def _check_numbers(curves: dict[str, Any], values: Sequence[Any]) -> None:
    for name, value in zip(curves, values, strict=True):
        if np.ndim(value) or np.asarray(value).dtype.kind not in "biuf":
            raise ValueError(
                f"a curve needs one number for each step, and {name!r} has the shape {np.shape(value)}.\n"
                "  Try: tf.reduce_mean(...) of it."
            )


def _batch_of(feed: dict[Any, Any] | None) -> int | None:
    """How many examples a feed holds: the first size of its largest array."""
    arrays = [value for value in (feed or {}).values() if getattr(value, "ndim", 0)]
    return int(max(arrays, key=lambda array: array.size).shape[0]) if arrays else None


@atexit.register
def _end_all() -> None:
    """A thread that computes while Python goes away may crash it."""
    for loop in list(_loops):
        loop.ask("stop")
    for loop in list(_loops):
        loop.thread.join(5)
