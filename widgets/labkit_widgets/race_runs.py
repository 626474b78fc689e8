"""The trainings of a race: each runs in the kernel, one after the other, in a thread, from the weights that it had.

A training that takes part is not changed by it: the race trains a twin (`DataParallel.again`), which begins with the
weights that the training had when the race was made. So a runner can run again, with a machine that dies.

Example:
    >>> import numpy as np
    >>> import labkit as tf
    >>> x = tf.placeholder(tf.float32, [None])
    >>> w = tf.Variable(0.0)
    >>> loss = tf.reduce_mean(tf.square(w * x - 3.0 * x))
    >>> train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    >>> runner = Runner("one", tf.parallel.DataParallel(train, {x: np.ones(9, np.float32)}, loss, batch=8))
    >>> runner.run(10, None, lambda share: None).points[-1].updates
    10
    >>> runner.twin().updates_within(0.55)
    5
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set, ValuesView
from dataclasses import replace
from typing import Any, cast

from labkit.errors import GraphError
from labkit.parallel import DataParallel, Fault, History

MOST_RUNNERS = 12


class Stopped(Exception):  # noqa: N818  # no error: the view was closed
    """The race is over before its end."""


class Runner:
    """One of those who run.

    Args:
        name: what it is called in the race.
        training: how it trains; None if it has run already.
        history: what it did; None if it has not run yet.

    Attributes:
        faults: what fails besides, since somebody asked for it.
        error: what ended its run, if anything did.
    """

    def __init__(self, name: str, training: DataParallel | None, history: History | None = None) -> None:
        self.name, self.training, self.history = name, training, history
        self.faults: tuple[Fault, ...] = ()
        self.error: Exception | None = None
        self._start = None if training is None else training.again()

    @property
    def workers(self) -> int:
        """How many workers it has."""
        found = self.history if self.training is None else self.training
        return 0 if found is None else found.workers

    def columns(self) -> list[str]:
        """What can be raced for: the loss, and the metrics."""
        if self.history is not None:
            return ["loss", *(self.history.points[0].metrics if self.history.points else {})]
        return ["loss", *(() if self.training is None else self.training.metrics)]

    def twin(self, faults: Sequence[Fault] = ()) -> DataParallel:
        """The same training at the start, with more faults.

        Raises:
            GraphError: if something is to fail that it does not have.
            TypeError: if it has run already.
        """
        if self._start is None:
            raise TypeError(f"{self.name!r} is the history of a training: it has run, and runs no more.")
        return self._start.again(*faults)

    def run(self, updates: int, every: int | None, progress: Callable[[float], None]) -> History:
        """Runs from the start; arguments as `DataParallel.run`."""
        return self.twin(self.faults).run(updates, every, progress)


def check_within(training: DataParallel, seconds: float) -> None:
    """That something is done in so much simulated time.

    Raises:
        GraphError: if not even one update is.
    """
    first = training.seconds_of(1)
    if first > seconds:
        raise GraphError(
            f"in {seconds:g} s of simulated time {training.name!r} does not finish one update; the first takes "
            f"{first:.3g} s.\n  Try: more seconds, or updates=."
        )


def until(history: History, seconds: float) -> History:
    """What was to be seen of a run until a moment of the simulated clock; its sums stay those of the whole.

    Args:
        history: what it did.
        seconds: until when.
    """
    points = tuple(point for point in history.points if point.seconds <= seconds)
    happenings = tuple(happening for happening in history.happenings if happening.seconds <= seconds)
    return replace(history, points=points, happenings=happenings)


def runners_of(runs: Any) -> list[Runner]:
    """Those who run, by whatever a learner gives: a list, names and runs, or a single run.

    Raises:
        TypeError: if one of them is no training and no history.
        ValueError: if there are none, or too many.
    """
    given: list[tuple[str, Any]]
    if isinstance(runs, Mapping):
        given = [(str(name), run) for name, run in cast("Mapping[Any, Any]", runs).items()]
    elif isinstance(runs, (DataParallel, History)):
        given = [(runs.name, runs)]
    elif isinstance(runs, (str, bytes)) or not isinstance(runs, (Sequence, Set, Iterator, ValuesView)):
        raise TypeError(
            f"RaceView races trainings, not {_short(runs)}.\n  Try: lw.RaceView([tf.parallel.DataParallel(...), ...])"
        )
    else:
        given = [(str(getattr(run, "name", "")), run) for run in cast("Iterable[Any]", runs)]
    if not given:
        raise ValueError("nobody runs: RaceView takes trainings (tf.parallel.DataParallel) or histories.")
    if len(given) > MOST_RUNNERS:
        raise ValueError(f"{len(given)} runners are more than anybody can follow; at most {MOST_RUNNERS} run.")
    made: list[Runner] = []
    taken: set[str] = set()
    for place, (name, run) in enumerate(given, 1):
        name = _unused(name or f"runner {place}", taken)
        if isinstance(run, DataParallel):
            made.append(Runner(name, run))
        elif isinstance(run, History):
            made.append(Runner(name, None, run))
        else:
            raise TypeError(
                f"runner {place} is {_short(run)}, no training: a runner is a tf.parallel.DataParallel(...), or the "
                "History that its run(...) returned."
            )
    return made


def _unused(name: str, taken: set[str]) -> str:
    found, number = name, 2
    while found in taken:
        found, number = f"{name} ({number})", number + 1
    taken.add(found)
    return found


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
