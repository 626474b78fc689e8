"""`TrainingView`: a training, live: curves, weights, histograms, gradients, and buttons that work meanwhile.

    view = lw.TrainingView(sess, train_step, feed=next_feed, steps=2000, curves={"loss": loss})
    view.start()
    view                      # the picture; the training runs in a thread
    await view.finished()     # in the next cell: waits, and the buttons work

The parts: `training` is the loop and its thread, `training_samples` what it looks at now and then, `training_record`
the data, `training_series` a curve that stays small, `training_publisher` what goes to the page and when,
`training_events` curves out of files.

The view keeps no tensor alive. While it trains, its thread holds the session; afterwards only the learner does.
"""

from __future__ import annotations

import math
import os
import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np
import traitlets

from labkit.session import Session
from labkit_widgets import fallback
from labkit_widgets.awaited import Awaited
from labkit_widgets.training import Loop, Program
from labkit_widgets.training_files import Follower, read_into
from labkit_widgets.training_picture import curves_png
from labkit_widgets.training_program import make_program
from labkit_widgets.training_publisher import ENDED, Publisher
from labkit_widgets.training_record import Record, Run, unused
from labkit_widgets.view import Answer, View

Array = np.ndarray[Any, Any]
_PROGRAMS = "_labkit_widgets_programs"
_PANELS = ("curves", "gradients", "weights", "histograms", "pictures")


class TrainingView(Awaited, View):
    """Trains, and shows it.

    Args:
        session: a `tf.Session`, its variables initialized before `start`.
        train_step: what to run at each step: what `minimize` returned.
        feed: a dictionary; a function that makes one from the number of the step; an iterator of them; or None.
        steps: how many steps; None for no end.
        curves: tensors of one number each, by name, fetched with the step; or `(tensor, feed, every)`, fetched by
            itself every so many steps, such as the accuracy on the test set.
        weights: variables to show as images; None for those that look like some.
        histograms: variables to show as histograms over time; None for the first eight that are trained.
        gradients: pairs (gradient, variable) from `compute_gradients`; None finds them; False leaves them out.
        learning_rate: a variable or a tensor that the slider sets, or a pair of a placeholder and its first value;
            None finds it; False leaves the slider out.
        name: what this run is called.
        overlay: another view, whose curves are shown too.
        checkpoints: a folder. The training is saved there now and then, when it pauses and when it ends; a view that is
            made again with it, perhaps in another kernel, goes on from there when it starts, curves and all. What
            an iterator of feeds gave before is not given again: use a function of the number of the step.
        save_seconds: how many seconds lie between two saves, at least; saving takes a twentieth of the time at most.

    Example:
        >>> import labkit as tf
        >>> import labkit_widgets as lw
        >>> w = tf.Variable(5.0, name="w")
        >>> loss = tf.square(w - 3.0)
        >>> train_step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
        >>> sess = tf.Session()
        >>> sess.run(w.initializer)
        >>> view = lw.TrainingView(sess, train_step, steps=20, curves={"loss": loss})
        >>> view
        <TrainingView: loss over 20 steps>
        >>> view.start().wait()
        >>> view.state, round(float(view.values("loss")[1][-1]), 4)
        ('finished', 0.0008)
        >>> view.close()
    """

    _kind = "TrainingView"

    snapshot = traitlets.Bytes().tag(sync=True)
    controls = traitlets.Bool(False).tag(sync=True)
    ui = traitlets.Dict().tag(sync=True)

    # Here, because a view whose arguments are refused is closed too.
    _about = ""
    _awaited = False  # a cell has waited for the end
    _loop: Loop | None = None
    _follower: Follower | None = None
    _error: BaseException | None = None
    _held: Session | None = None  # until the first run has ended
    _session: weakref.ref[Session] | None = None

    def __init__(
        self, session: Session | None = None, train_step: Any = None, feed: Any = None, steps: int | None = 1000,
        curves: Any = None, weights: Any = None, histograms: Any = None, gradients: Any = None,
        learning_rate: Any = None, name: str = "run", overlay: TrainingView | None = None,
        checkpoints: str | os.PathLike[str] | None = None, save_seconds: float = 10.0,
    ) -> None:  # fmt: skip
        self._record = Record()
        program = None
        if session is not None:
            _check_steps(steps)
            program = make_program(
                session, train_step, feed, curves, weights, histograms, gradients, learning_rate, checkpoints,
                save_seconds,
            )  # fmt: skip
        if overlay is not None and not isinstance(overlay, TrainingView):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"overlay is another TrainingView, not {overlay!r}.")
        super().__init__(controls=program is not None)
        self._pid = os.getpid()
        self._steps = steps
        self._held = session
        self._session = None if session is None else weakref.ref(session)
        if overlay is not None:
            self._record.adopt(overlay._record)
        self._publisher = Publisher(self._record, self._say, self._keep)
        self._publisher.ended = self._run_ended
        if session is not None and program is not None:
            vars(session).setdefault(_PROGRAMS, {})[id(self)] = program
            names = ", ".join([*program.curves, *(one.name for one in program.timed)]) or "no curves"
            self._about = names + (" without an end" if steps is None else f" over {steps} steps")
            taken = unused(name, [run.name for run in self._record.runs])
            saved = -1 if program.keeper is None else None
            self._publisher.index = self._record.add_run(Run(taken, steps=steps, saved=saved))
            if program.rate is not None and program.rate.value is not None:
                self._publisher.show_rate(program.rate.value)
        self.snapshot = self._record.pack()

    @classmethod
    def from_events(cls, logdir: str | os.PathLike[str], follow: bool = False) -> TrainingView:
        """The curves, histograms and images in files of events, such as those of `tf.summary.FileWriter`.

        Args:
            logdir: a folder; each folder in it that has such files is a run, and runs are shown together.
            follow: True goes on reading while another program writes, until `close`.

        Returns:
            A view without buttons.

        Example:
            >>> import labkit as tf, tempfile
            >>> import labkit_widgets as lw
            >>> with tempfile.TemporaryDirectory() as logdir:
            ...     with tf.summary.FileWriter(logdir) as writer:
            ...         for step in range(3):
            ...             value = tf.Summary.Value(tag="loss", simple_value=1 / (step + 1))
            ...             writer.add_summary(tf.Summary(value=[value]), step)
            ...     view = lw.TrainingView.from_events(logdir)
            >>> view, view.values("loss")[1].tolist()
            (<TrainingView: loss of 1 run from files>, [1.0, 0.5, 0.3333333432674408])
            >>> view.close()
        """
        view = cls()
        reader = read_into(view._record, logdir)
        next(reader)
        view._publisher.save()
        view._record.sent()
        if follow:
            view._follower = Follower(reader, view._publisher)
            view._follower.start()
        return view

    # What a learner asks.

    def start(self, steps: int | None = None, name: str | None = None, paused: bool = False) -> TrainingView:
        """Trains, in a thread; returns at once.

        A run that was stopped goes on where it stopped; one that is finished makes as many steps again.

        Args:
            steps: how many steps, instead of what the view was made with.
            name: begins a new run of that name at step 0, drawn over the others. Initialize the variables before.
            paused: True waits before the first step.

        Returns:
            The view, so that `view.start()` can be the last line of a cell.
        """
        session, program = self._live()
        _check_steps(steps)
        if self._loop is not None and self._loop.alive:
            if self.state == "paused" and steps is None and name is None:
                self.resume()
                return self
            raise RuntimeError("this view is training already.\n  Try: view.stop() or await view.finished() first.")
        self._error, self._awaited = None, False
        publisher, record = self._publisher, self._record
        goes_on = "" if self._loop is not None else self._resume(session, program)
        with record.lock:
            run = record.runs[publisher.index]
            wanted = self._steps if steps is None else steps
            if name is not None and (run.state != "ready" or run.step):
                taken = unused(name, [each.name for each in record.runs])
                publisher.index = record.add_run(Run(taken, rate=run.rate, saved=run.saved))
                run = record.runs[publisher.index]
            elif name is not None:
                run.name = name
            if goes_on:
                run.steps = wanted  # in all; a run that has them already ends at once
            elif run.steps is None or steps is not None or run.step >= run.steps:
                run.steps = None if wanted is None else run.step + wanted
            run.state, run.words = "running", goes_on
            record.reshaped = True
        self._loop = Loop(session, program, publisher, run.step, run.steps, paused)
        self._loop.start()
        return self

    def pause(self) -> None:
        """Stops before the next step; returns when the step in progress is done."""
        self._ask("pause")
        if self._loop is not None:
            self._loop.wait_resting(60)

    def resume(self) -> None:
        """Goes on after a pause."""
        self._ask("run")

    def step(self, count: int = 1) -> None:
        """Makes so many steps and pauses again; begins a training that was not started."""
        self._step(count)
        if self._loop is not None:
            self._loop.wait_resting(3600)

    def stop(self) -> None:
        """Ends the run after the step in progress; `start` goes on with it."""
        self._ask("stop")
        if self._loop is not None and self._pid == os.getpid():
            self._loop.wait_resting(60)
            self._loop.thread.join(60)

    def set_rate(self, value: float) -> None:
        """Sets the learning rate from the next step on.

        Args:
            value: a number, not negative.
        """
        _, program = self._live()
        if program.rate is None:
            raise ValueError("this view knows no learning rate.\n  Try: TrainingView(..., learning_rate=rate).")
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number) or number < 0:
            raise ValueError(f"a learning rate is a finite number that is not negative, and this is {value!r}.")
        if self._loop is not None and self._loop.alive:
            self._loop.change_rate(number)
        else:
            program.rate.prepare(self._live()[0])
            program.rate.set(number)
            self._publisher.show_rate(number)
            self._publisher.flush()

    def close(self) -> None:
        """Ends the training and the view."""
        if self._follower is not None:
            self._follower.stop()
        if self._training():
            self.stop()
        session = None if self._session is None else self._session()
        if session is not None:
            vars(session).get(_PROGRAMS, {}).pop(id(self), None)
        self._held = self._error = None
        super().close()

    @property
    def state(self) -> str:
        """One of "ready", "running", "paused", "finished", "stopped", "failed", or "read" from files."""
        if not self._record.runs:
            return "read"
        state = self._publisher.run.state
        return "stopped" if state in ("running", "paused") and not self._training() else state

    @property
    def steps_done(self) -> int:
        """How many steps the run has made."""
        loop = self._loop
        return loop.step if loop is not None else (self._publisher.run.step if self._record.runs else 0)

    @property
    def runs(self) -> list[str]:
        """The names of the runs that are shown."""
        return [run.name for run in self._record.runs]

    def values(self, curve: str, run: str | None = None) -> tuple[Array, Array]:
        """A curve as numbers.

        Args:
            curve: its name; that of a variable gives the norms of its gradient, "learning rate" the rate.
            run: which run; the last one if None.

        Returns:
            Steps and values. Up to 2,048 points they are what was recorded (fewer where there are many curves); above
            that, each is the mean of several.
        """
        with self._record.lock:
            self._record.fold()
            names = self.runs
            wanted = len(names) - 1 if run is None else names.index(run) if run in names else -1
            found = [one for one in self._record.series if one.run == wanted and one.name == curve]
            if not found:
                there = ", ".join(dict.fromkeys(repr(one.name) for one in self._record.series)) or "none yet"
                raise ValueError(
                    f"there is no curve {curve!r} of run {run or (names[-1] if names else '')!r}: {there}."
                )
            return found[0].steps.copy(), found[0].mean

    # What the page asks.

    def _on_start(self) -> None:
        self.start()

    def _on_pause(self) -> None:
        self._ask("pause")

    def _on_resume(self) -> None:
        self._ask("run")

    def _on_step(self) -> None:
        self._step(1)

    def _on_stop(self) -> None:
        self._ask("stop")

    def _on_rate(self, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError("a learning rate is a number")
        self.set_rate(value)

    def _on_all(self) -> Answer:
        return Answer(None, [self._record.pack()])

    # Faces.

    def describe(self) -> str:
        """The curves and the steps; of files, the curves and the runs."""
        if self._about:
            return self._about
        names = ", ".join(dict.fromkeys(one.name for one in self._record.series if one.group == "curves"))
        number = len(self._record.runs)
        return f"{names or 'no curves'} of {number} run{'s' * (number != 1)} from files"

    def outline(self) -> list[Any]:
        """What is shown, in words that do not depend on how the training went."""
        session = None if self._session is None else self._session()
        program = None if session is None else vars(session).get(_PROGRAMS, {}).get(id(self))
        if program is None:
            names = dict.fromkeys(one.name for one in self._record.series if one.group == "curves")
            return ["curves", list(names)] if names else []
        parts = {
            "curves": [*program.curves, *(f"{one.name}, every {one.every} steps" for one in program.timed)],
            "weights as images": list(program.weights),
            "histograms": list(program.histograms),
            "norms of gradients": [name for _, name in program.gradients],
        }
        return [entry for title, names in parts.items() if names for entry in (title, names)]

    def still(self) -> str:
        """Words and an outline; and the curves, where the picture is not compared by a test of notebooks."""
        page = fallback.html(repr(self), "", self.outline())
        png = curves_png(self._record)
        return page if png is None else f'<img src="data:image/png;base64,{png}" alt="">{page}'

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget; for where it does not run, words that are the same at every run.

        Measured curves differ in the last digits from computer to computer, and nbval compares `text/html` to the
        letter, so they are no part of it. Once a cell has waited for the end, the curves are there as `image/png`,
        which nbval leaves out, instead of `text/html`.
        """
        data, metadata = super()._repr_mimebundle_(**kwargs)
        data["text/html"] = fallback.html(repr(self), "", self.outline())
        png = curves_png(self._record) if self._awaited or not self.controls else None
        if png is not None:
            del data["text/html"]
            data["image/png"] = png
            metadata = {**metadata, "image/png": {"width": 800, "alt": repr(self)}}
        return data, metadata

    def saved_state(self) -> dict[str, Any]:
        """The traits for a page without a kernel, up to now."""
        self.snapshot = self._record.pack()
        return {**super().saved_state(), "controls": False}

    @traitlets.validate("ui")
    def _check_ui(self, proposal: Any) -> dict[str, Any]:
        """What a page may keep: how the curves are drawn, and which panels are open."""
        given: Mapping[str, Any] = proposal["value"]
        kept: dict[str, Any] = {}
        smoothing = given.get("smoothing")
        if isinstance(smoothing, (int, float)) and 0 <= smoothing < 1:
            kept["smoothing"] = float(smoothing)
        if isinstance(given.get("log"), bool):
            kept["log"] = given["log"]
        if isinstance(given.get("panels"), list):
            kept["panels"] = [panel for panel in _PANELS if panel in given["panels"]]
        if isinstance(given.get("hidden"), list):
            kept["hidden"] = [name for name in given["hidden"][:50] if isinstance(name, str) and len(name) < 500]
        return kept

    # Inside.

    def _live(self) -> tuple[Session, Program]:
        """The session and what to run in it."""
        if self._session is None:
            raise RuntimeError("this view shows what was read from files: there is nothing to train.")
        session = self._session()
        program = None if session is None else vars(session).get(_PROGRAMS, {}).get(id(self))
        if session is None or program is None:
            raise RuntimeError("the session of this training is gone.\n  Try: make a new session and a new view.")
        return session, program

    def _resume(self, session: Session, program: Program) -> str:
        """Before the first start: takes up what was saved in the folder of checkpoints; gives words about it."""
        found = None if program.keeper is None else program.keeper.resume(session)
        if found is None:
            return ""
        step, curves, words = found
        run = self._publisher.run
        run.step = run.saved = step
        self._record.put_curves(self._publisher.index, curves)
        return words

    def _training(self) -> bool:
        return self._loop is not None and self._loop.alive and self._pid == os.getpid()

    def _ask(self, wanted: str) -> None:
        if self._training() and self._loop is not None:
            self._loop.ask(wanted)

    def _step(self, count: int) -> None:
        if not self._training():
            self.start(paused=True)
        if self._loop is not None:
            self._loop.allow(count)

    def _run_ended(self) -> None:
        """In the thread, at its end."""
        self._held = None
        if self._loop is not None:
            self._error = self._loop.error

    def _finish(self) -> None:
        __tracebackhide__ = True
        self._awaited = True
        error, self._error = self._error, None
        if error is not None:
            if self._loop is not None:
                self._loop.error = None
            try:
                raise error
            finally:
                del error  # its traceback holds this frame, which would hold it: nothing would ever be let go
        if self._record.runs and self._publisher.run.state == "failed":
            raise RuntimeError(self._publisher.run.words)

    def _say(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        self.send(content, buffers)

    def _keep(self, packed: bytes) -> None:
        self.snapshot = packed


def _check_steps(steps: Any) -> None:
    try:
        right = steps is None or (not isinstance(steps, bool) and int(steps) == steps and steps >= 1)
    except (TypeError, ValueError, OverflowError):
        right = False
    if not right:
        raise ValueError(f"steps is a number of steps, at least 1, or None for no end; not {steps!r}.")


def train(session: Session, train_step: Any, **arguments: Any) -> TrainingView:
    """Makes a `TrainingView` and starts it.

    Args:
        session: as for `TrainingView`.
        train_step: as for `TrainingView`.
        **arguments: as for `TrainingView`.

    Returns:
        The view.

    Example:
        >>> import labkit as tf
        >>> import labkit_widgets as lw
        >>> w = tf.Variable(5.0)
        >>> sess = tf.Session()
        >>> sess.run(w.initializer)
        >>> view = lw.train(sess, tf.assign_sub(w, 1.0), steps=5, curves={"w": w})
        >>> view.wait()
        >>> view.values("w")[1].tolist(), view.close()
        ([4.0, 3.0, 2.0, 1.0, 0.0], None)
    """
    return TrainingView(session, train_step, **arguments).start()


__all__ = ["ENDED", "TrainingView", "train"]
