"""`RaceView`: several replicated trainings side by side on the same simulated clock.

Example:
    >>> import numpy as np
    >>> import labkit as tf
    >>> import labkit_widgets as lw
    >>> x = tf.placeholder(tf.float32, [None])
    >>> w = tf.Variable(0.0)
    >>> loss = tf.reduce_mean(tf.square(w * x - 3.0 * x))
    >>> train = tf.train.GradientDescentOptimizer(0.05).minimize(loss)
    >>> data = {x: np.linspace(1, 2, 64, dtype=np.float32)}
    >>> runs = [tf.parallel.DataParallel(train, data, loss, workers=4, mode=m, batch=8) for m in ("sync", "async")]
    >>> race = lw.RaceView(runs, updates=40, every=1, target=0.01).run()
    >>> race
    <RaceView: loss to 0.01: async, 4 workers 501 ms, sync, 4 workers 1.60 s>
    >>> print(race.table())
    runner           | loss to 0.01 | seconds | updates | examples/s | staleness | dropped | lost
    async, 4 workers |       501 ms |  1.00 s |      40 |        320 |       2.9 |       0 | 0 updates, 0 gradients
    sync, 4 workers  |       1.60 s |  4.00 s |      40 |        320 |       0.0 |       0 | 0 updates, 0 gradients

The trainings run one after the other in a thread of their own (`race_runs`); what travels to the page are the points of
their histories, once (`race_columns`). There the clock is only drawn, so that a saved notebook plays too.
"""

from __future__ import annotations

import atexit
import math
import threading
import time
import weakref
from typing import Any

import traitlets

from labkit.cluster.errors import checked_count, checked_number
from labkit.errors import GraphError
from labkit.parallel import Fault, History
from labkit_widgets import race_picture
from labkit_widgets.columns import pack
from labkit_widgets.race_columns import AGAINST, MOST_POINTS, columns
from labkit_widgets.race_runs import Runner, Stopped, check_within, runners_of, until
from labkit_widgets.view import View, one_of

_UPDATES = 200
_TELL_SECONDS = 0.25
_races: weakref.WeakSet[RaceView] = weakref.WeakSet()


class RaceView(View):
    """Several trainings on one simulated clock: who is how far, who is there first, and what failures cost each.

    Args:
        runs: who runs: `tf.parallel.DataParallel` trainings, and `History` objects of runs that are over; a list of
            them, or a dictionary of them by name.
        updates: how many updates each training makes; 200 if nothing else is said.
        seconds: instead, for how many simulated seconds each trains.
        column: what they race for: "loss", or a metric.
        target: the finish line: the value of the column that is to be reached; None for no line.
        below: True if the column is to fall to the target; None: if it is called a loss or an error.
        every: a point after so many updates; about fifty points of each runner if None.

    Attributes:
        against: what the curves are drawn against: "seconds", "updates", "examples" or "bytes".
        progress: of the kernel's work: who is being computed, and what share of it is done.

    The trainings begin when the view is made, with the weights that they have, and are not changed by it. Its picture
    and its `repr` tell the results once somebody has waited for them, by `run()` or `histories`.

    Raises:
        TypeError: if something else is to run.
        ValueError: if nobody runs, or both `updates` and `seconds` are given.
        GraphError: if no runner has the column, or a training cannot finish one update in so many seconds.
    """

    _kind = "RaceView"

    data = traitlets.Bytes().tag(sync=True)
    column = traitlets.Unicode().tag(sync=True)
    target = traitlets.Float(None, allow_none=True).tag(sync=True)
    below = traitlets.Bool().tag(sync=True)
    against = traitlets.Enum(AGAINST, "seconds").tag(sync=True)
    progress = traitlets.Dict().tag(sync=True)

    def __init__(
        self, runs: Any, updates: int | None = None, *, seconds: float | None = None, column: str = "loss",
        target: float | None = None, below: bool | None = None, every: int | None = None, **traits: Any,
    ) -> None:  # fmt: skip
        self._runners = runners_of(runs)
        if updates is not None and seconds is not None:
            raise ValueError("a race goes over so many updates or so many simulated seconds; both were given.")
        self._updates = None if updates is None else checked_count(updates, "the number of updates")
        self._seconds = None if seconds is None else checked_number(seconds, "the length of the race", "seconds")
        self._every = None if every is None else checked_count(every, "the updates between two points")
        self._columns = list(dict.fromkeys(name for runner in self._runners for name in runner.columns()))
        if column not in self._columns:
            raise GraphError(
                f"nobody in this race has {column!r}; there is {', '.join(map(repr, self._columns))}.\n"
                "  Try: DataParallel(..., metrics={'accuracy': accuracy}, test={x: ..., y: ...})."
            )
        if target is not None and (isinstance(target, (str, bool)) or not math.isfinite(target := float(target))):
            raise ValueError(f"the target is a number, the value of {column!r} that is to be reached; not {target!r}.")
        for runner in self._runners:
            if runner.training is not None and self._seconds is not None:
                check_within(runner.twin(), self._seconds)
        self._lock = threading.RLock()
        self._waiting = [runner for runner in self._runners if runner.history is None]
        self._thread: threading.Thread | None = None
        self._over, self._told = False, not self._waiting
        self._last_told = 0.0
        falls = any(word in column.lower() for word in ("loss", "error", "perplexity"))
        below = falls if below is None else bool(below)
        super().__init__(data=b"", column=column, target=target, below=below, **traits)
        _races.add(self)
        self._publish()
        self._begin()

    # What is asked of it.

    def run(self) -> RaceView:
        """Waits until everybody has run; the race itself, so that it can be shown.

        Raises:
            Exception: what ended a run, such as a GraphError.
        """
        while (thread := self._thread) is not None:
            thread.join()
        self._told = True
        error = next((runner.error for runner in self._runners if runner.error is not None), None)
        if error is not None:
            raise error
        return self

    @property
    def histories(self) -> dict[str, History]:
        """What each runner did, by name; waits until they have run."""
        self.run()
        return {runner.name: runner.history for runner in self._runners if runner.history is not None}

    @property
    def times(self) -> dict[str, float | None]:
        """For each runner when it reached the target, in simulated seconds; None if it never did.

        Raises:
            ValueError: if there is no target.
        """
        if self.target is None:
            raise ValueError("there is no finish line in this race.\n  Try: race.target = 0.9")
        return {
            name: race_picture.reached(history, self.column, self.target, self.below)
            for name, history in self.histories.items()
        }

    @property
    def winner(self) -> str | None:
        """Who reached the target first; None if nobody did.

        Raises:
            ValueError: if there is no target.
        """
        there = {name: seconds for name, seconds in self.times.items() if seconds is not None}
        return min(there, key=lambda name: there[name]) if there else None

    def kill(self, runner: str, worker: int | str, seconds: float, for_seconds: float | None = None) -> RaceView:
        """A machine of a runner dies; it runs again from the start, and the others stay as they are.

        Args:
            runner: its name.
            worker: the number of a worker, counted from 0; or "worker 3", "server 0", "link of worker 3".
            seconds: when, on the simulated clock.
            for_seconds: until it works again by itself; None: never.

        Raises:
            ValueError: if there is no such runner, or only its history is known.
            GraphError: if it has no such machine.

        Example:
            >>> import labkit_widgets as lw
            >>> from labkit.parallel import History
            >>> lw.RaceView(History("sync", 4, ())).kill("sync", 1, 2.0)
            Traceback (most recent call last):
            ...
            ValueError: 'sync' is a history: what is over cannot fail any more. Only a DataParallel runs again.
        """
        chosen = self._runner(runner)
        who = worker if isinstance(worker, str) else f"worker {checked_count(worker, 'the number of the worker', 0)}"
        faults = (*chosen.faults, Fault(seconds, who, for_seconds))
        chosen.twin(faults)  # an error if it has no such machine
        return self._again(chosen, faults)

    def repair(self, runner: str) -> RaceView:
        """Takes back what `kill` has done to a runner; it runs again.

        Args:
            runner: its name.

        Raises:
            ValueError: if there is no such runner, or only its history is known.
        """
        return self._again(self._runner(runner), ())

    def table(self) -> str:
        """Who was how fast, as text; waits until they have run."""
        return race_picture.table(self.histories, self.column, self.target, self.below)

    # What shows it.

    def describe(self) -> str:
        """Who runs how far; and when each reached the target, if somebody has waited for it."""
        if self._told and not any(runner.history is None for runner in self._runners):
            return race_picture.described(self.histories, self.column, self.target, self.below)
        far = f"{self._updates or _UPDATES:,} updates" if self._seconds is None else f"{self._seconds:g} s"
        return f"{'; '.join(runner.name for runner in self._runners)}: racing over {far}"

    def outline(self) -> list[Any]:
        """Runner by runner what came out, if somebody has waited for it."""
        if not self._told:
            return [runner.name for runner in self._runners]
        return race_picture.outline(self.histories, self.column, self.target, self.below)

    def picture(self) -> str:
        """A lane for each runner, if somebody has waited for it: how long it ran, when it was there, what failed.

        Not the curves: real losses differ in their last digits from computer to computer, and a picture that stands in
        a notebook is compared to the letter.
        """
        if not self._told:
            return ""
        return race_picture.picture(self.histories, self.column, self.target, self.below)

    def saved_state(self) -> dict[str, Any]:
        """The traits for a page without a kernel, up to now."""
        state = super().saved_state()
        return {**state, "progress": {}, "data": pack(self._made(live=False))}

    def close(self) -> None:
        """Ends the race; what has not run yet does not run any more."""
        self._over = True
        super().close()

    # How it runs.

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None and self._waiting and not self._over:
                self._thread = threading.Thread(target=self._main, name="labkit race", daemon=True)
                self._thread.start()

    def _main(self) -> None:
        while True:
            with self._lock:
                if not self._waiting or self._over:
                    self._thread = None
                    self.progress = {}
                    return
                runner = self._waiting.pop(0)
                runner.error = None
                faults = runner.faults
            try:
                made = self._run(runner)
            except Stopped:
                continue
            except Exception as error:  # shown in the view, and raised again where somebody waits
                runner.error = error
                made = None
            with self._lock:
                if runner.faults == faults:  # nobody has changed them meanwhile
                    runner.history = made
            self._publish()

    def _run(self, runner: Runner) -> History:
        faults = runner.faults

        def progress(share: float) -> None:
            if self._over or runner.faults != faults:
                raise Stopped
            self._tell(runner, share)

        self._tell(runner, 0.0)
        training = runner.twin(faults)
        if self._seconds is None:
            return runner.run(self._updates or _UPDATES, self._every, progress)
        made = runner.run(1 + training.updates_within(self._seconds), self._every, progress)
        return until(made, self._seconds)

    def _tell(self, runner: Runner, share: float) -> None:
        now = time.monotonic()
        if share and now - self._last_told < _TELL_SECONDS:
            return
        self._last_told = now
        todo = sum(one.training is not None for one in self._runners)
        done = todo - len(self._waiting) - 1
        self.progress = {"runner": self._runners.index(runner), "share": round(share, 3), "done": done, "of": todo}

    def _again(self, runner: Runner, faults: tuple[Fault, ...]) -> RaceView:
        with self._lock:
            runner.faults = faults
            if runner not in self._waiting:
                self._waiting.append(runner)
        self._begin()
        return self

    def _runner(self, name: str) -> Runner:
        found = next((runner for runner in self._runners if runner.name == name), None)
        if found is None:
            raise ValueError(
                f"nobody called {name!r} runs here; there is {', '.join(repr(r.name) for r in self._runners)}."
            )
        if found.training is None:
            raise ValueError(
                f"{name!r} is a history: what is over cannot fail any more. Only a DataParallel runs again."
            )
        return found

    def _publish(self) -> None:
        data = pack(self._made())
        self.data = data

    def _made(self, live: bool = True) -> dict[str, Any]:
        """All that the page knows."""
        runners: list[dict[str, Any]] = []
        most = MOST_POINTS // len(self._runners)
        for runner in self._runners:
            history = History(runner.name, runner.workers, ()) if runner.history is None else runner.history
            when = race_picture.reached(history, self.column, self.target, self.below)
            there = [] if when is None else [[point.seconds for point in history.points].index(when)]
            made = columns(runner.name, history, there, most)
            error = runner.error
            made["wrong"] = "" if error is None else str(error.args[0] if error.args else error)[:500]
            made["kills"] = live and runner.training is not None
            made["faults"] = [f"{fault.who} at {fault.at_seconds:g} s" for fault in runner.faults]
            runners.append(made)
        return {"columns": self._columns, "runners": runners}

    @traitlets.observe("column", "target", "below")
    def _other_goal(self, change: Any) -> None:
        """Where a history was thinned, the point that first reaches the new target must be there."""
        longest = max((len(runner.history.points) for runner in self._runners if runner.history is not None), default=0)
        if self.data and longest > MOST_POINTS // len(self._runners):
            self._publish()

    # What the page asks.

    def _on_kill(self, runner: int, who: str, seconds: float) -> dict[str, Any]:
        """A machine of a runner dies; the trait `data` says the rest."""
        self.kill(self._name(runner), str(who), float(seconds))
        return {}

    def _on_repair(self, runner: int) -> dict[str, Any]:
        """Takes it back."""
        self.repair(self._name(runner))
        return {}

    def _name(self, number: int) -> str:
        if not 0 <= number < len(self._runners):
            raise ValueError("there is no such runner")
        return self._runners[number].name

    @traitlets.validate("column")
    def _known_column(self, proposal: Any) -> str:
        try:
            return one_of("column", proposal["value"], self._columns)
        except ValueError as error:
            raise traitlets.TraitError(str(error)) from None


@atexit.register
def _end_all() -> None:
    """Python ends: what computes in a thread must not be cut off in the middle of it."""
    for race in list(_races):
        race._over = True  # pyright: ignore[reportPrivateUsage]
        thread = race._thread  # pyright: ignore[reportPrivateUsage]
        if thread is not None:
            thread.join(5.0)
