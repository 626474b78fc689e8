"""The trainings of a race: each runs in the kernel, one after the other, in a thread, from the weights that it had.

A training that takes part is not changed by it: the race trains a twin, which shares what is compiled and begins with
the weights that the training had when the race was made. So a runner can run again, with a machine that dies.

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
    >>> updates_within(runner.twin(), 0.55)
    5
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set, ValuesView
from dataclasses import replace
from typing import Any, cast

import numpy as np

from labkit.errors import GraphError
from labkit.parallel import DataParallel, Fault, History
from labkit.parallel.measuring import travels

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
        self._start: Mapping[str, Any] = {} if training is None else dict(training.replicas.state)

    @property
    def workers(self) -> int:
        """How many workers it has."""
        found: Any = self.history if self.training is None else self.training
        return int(found.workers)

    def columns(self) -> list[str]:
        """What can be raced for: the loss, and the metrics."""
        if self.history is not None:
            return ["loss", *(self.history.points[0].metrics if self.history.points else {})]
        training: Any = self.training
        return ["loss", *training._measure(self._start)]

    def twin(self, faults: Sequence[Fault] = ()) -> Any:
        """The same training at the start, with more faults.

        Raises:
            GraphError: if something is to fail that it does not have.
        """
        other: Any = copy.copy(self.training)
        other.replicas = copy.copy(other.replicas)
        other.replicas.state = dict(self._start)
        other._faults = (*other._faults, *faults)
        other.outages()  # says what cannot fail
        return other

    def run(self, updates: int, every: int | None, progress: Callable[[float], None]) -> History:
        """Runs from the start.

        Args:
            updates: how many.
            every: a point after so many.
            progress: is told after each point what share of the updates has been computed; what it raises ends the run.
        """
        twin, every = self.twin(self.faults), every or max(1, updates // 50)
        measure, seen = twin._measure, [0]

        def measured(state: Any) -> Any:
            seen[0] += 1
            progress(min(1.0, seen[0] * every / updates))
            return measure(state)

        twin._measure = measured
        made: History = twin.run(updates, every)
        if self.training is not None:  # what was compiled for it serves again
            mine: Any = self.training
            mine._loop, mine._joined = twin._loop, twin._joined
        return made


def updates_within(training: Any, seconds: float) -> int:
    """How many updates are in the weights after so much simulated time; only the clock runs.

    Args:
        training: a `DataParallel`.
        seconds: how long.
    """
    lasts = _clock(training)
    few, many = 0, 1
    while lasts(many) <= seconds:
        few, many = many, 2 * many
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (middle, many) if lasts(middle) <= seconds else (few, middle)
    return few


def check_within(training: Any, seconds: float) -> None:
    """That something is done in so much simulated time.

    Raises:
        GraphError: if not even one update is.
    """
    first = _clock(training)(1)
    if first > seconds:
        raise GraphError(
            f"in {seconds:g} s of simulated time {training.name!r} does not finish one update; the first takes "
            f"{first:.3g} s.\n  Try: more seconds, or updates=."
        )


def _clock(training: Any) -> Callable[[int], float]:
    """A function that says how long so many updates take; for ever, if nobody is left who could make them."""
    batch = [array[np.arange(training.batch) % training.examples] for array in training._data]
    read, sent = travels(training.training, batch, training.wire, training.replicas.state)
    if training.mode == "local":
        sent = read

    def lasts(updates: int) -> float:
        time = training.timeline(updates, read, sent)
        return float(time.seconds) if time.updates >= updates else math.inf

    return lasts


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
