"""`ProcessesView`: real processes that train, live: who lives, how far each is, what happened, a button to kill each.

    group = tf.parallel.processes.Processes(3)
    view = lw.ProcessesView(group)
    view.train(train, {x: images, y: labels}, loss, steps=600)   # in a thread; returns at once
    view                                                         # press a button
    await view.finished()                                        # in the next cell: waits, and the buttons work

The training itself is the group's (`labkit.parallel.processes`); this file looks at it five times a second and tells
the page. A button kills a process that this group has started, and no other: the group knows them by a mark.
"""

from __future__ import annotations

import inspect
import threading
import time
import weakref
from typing import Any

import traitlets

from labkit.errors import CancelledError, GraphError
from labkit.parallel import Happening, History
from labkit.parallel.processes import ParameterServer, Processes, live
from labkit_widgets import processes_picture
from labkit_widgets.awaited import Awaited
from labkit_widgets.view import View

LOOK_SECONDS = 0.2
MOST_POINTS, MOST_HAPPENINGS, MOST_LETTERS = 200, 100, 400


class ProcessesView(Awaited, View):
    """Shows a group of processes, and trains with it in a thread.

    Args:
        processes: a `tf.parallel.processes.Processes` or `ParameterServer`, open.

    Attributes:
        processes: the group.
        history: of the last run that has reached its end; None before.
        shown: what the page shows, written by the kernel.

    Raises:
        TypeError: if `processes` is something else.

    Example:
        with tf.parallel.processes.Processes(3) as three:
            view = lw.ProcessesView(three)
            view.train(train, {x: images, y: labels}, loss, steps=600).wait()
            view.history
    """

    _kind = "ProcessesView"

    shown = traitlets.Dict().tag(sync=True)

    history: History | None = None
    _thread: threading.Thread | None = None
    _error: BaseException | None = None
    _stopping = False  # somebody has asked for the end of the run

    def __init__(self, processes: Processes | ParameterServer) -> None:
        if not isinstance(processes, (Processes, ParameterServer)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(
                f"a ProcessesView shows tf.parallel.processes.Processes or ParameterServer, not {processes!r:.200}.\n"
                "  Try: lw.ProcessesView(tf.parallel.processes.Processes(3))."
            )
        self.processes = processes
        self._state, self._words = ("closed" if processes.closed else "ready"), ""
        self._done, self._steps = 0, 0
        self._curve: list[tuple[int, float]] = []
        self._writing = threading.Lock()
        super().__init__()
        self._at_exit = weakref.finalize(self, _end, processes)  # before the group's own, which was made earlier
        self._look()

    # What a learner asks.

    def train(self, train: Any, data: Any, loss: Any = None, **options: Any) -> ProcessesView:
        """Trains in a thread; returns at once.

        Args:
            train: as for the group's own `train`.
            data: likewise.
            loss: likewise.
            **options: likewise: `steps` (of a `ParameterServer` `updates`), `batch`, `checkpoint_every`, ...

        Returns:
            The view, so that `view.train(...)` can be the last line of a cell.

        Raises:
            TypeError: if an option is missing or unknown.
            RuntimeError: if it is training already.
        """
        __tracebackhide__ = True
        if self._training():
            raise RuntimeError("these processes are training already.\n  Try: view.stop() or await view.finished().")
        if self.processes.closed:
            raise GraphError("these processes have been closed.\n  Try: Processes(...) starts new ones.")
        inspect.signature(self.processes.train).bind(train, data, loss, **options)
        told = options.pop("progress", None)
        self._error, self.history, self._stopping = None, None, False
        self._state, self._words, self._done = "running", "", 0
        self._curve = []
        self._steps = options.get("steps", options.get("updates", 0))
        self.processes.reported, self.processes.happenings = {}, []

        def progress(*news: Any) -> None:
            step, value = (news[0].step, news[0].loss) if len(news) == 1 else news
            self._heard(int(step), float(value))
            if told is not None:
                told(*news)

        def run() -> None:
            try:
                self.history = self.processes.train(train, data, loss, progress=progress, **options)
                self._state = "finished"
            except CancelledError:
                self._state = "stopped"
            except BaseException as error:  # whatever it is, it is shown, and raised by who waits
                self._error, self._state = error, "failed"
                notes = " ".join(note.strip() for note in getattr(error, "__notes__", []))
                self._words = f"{type(error).__name__}: {error} {notes}".strip()

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        threading.Thread(target=self._watch, args=(self._thread,), daemon=True).start()
        return self

    def kill(self, worker: int) -> None:
        """Kills a worker at once (SIGKILL), as its button does.

        Args:
            worker: its number.

        Raises:
            GraphError: if there is no such worker, or it has ended.
        """
        pids = self.processes.pids
        self.processes.kill(worker)
        until = time.monotonic() + 1
        while live.lives(pids[worker]) and time.monotonic() < until:
            time.sleep(0.005)
        self._look()

    def stop(self) -> None:
        """Breaks the run off; the workers end with it, and the next run starts new ones."""
        if self._training():
            self._stopping = True
            self._join()
        self._look()

    def shut_down(self) -> ProcessesView:
        """Ends the run and all processes of the group; the view stays, to be looked at.

        Returns:
            The view.
        """
        self.processes.close()
        self._join()
        self._state = "closed"
        self._look()
        return self

    def close(self) -> None:
        """Ends the run, the processes and the view."""
        if hasattr(self, "_at_exit"):  # a view whose argument was refused is closed too
            self._at_exit()
            self._join()
        super().close()

    @property
    def state(self) -> str:
        """One of "ready", "running", "finished", "stopped", "failed", "closed"."""
        return self._state

    @property
    def steps_done(self) -> int:
        """After which step, or update, the run has reported last."""
        return self._done

    # Faces.

    def describe(self) -> str:
        """How many workers, and of which kind."""
        count, how = self.processes.count, "asynchronous" if self._asynchronous else "synchronous"
        return f"{count} {how} worker{'s' * (count != 1)}"

    def picture(self) -> str:
        """The notebook, the workers, and who speaks to whom."""
        return processes_picture.picture(self.processes.count, self._asynchronous)

    def outline(self) -> list[Any]:
        """The workers by name."""
        return ["the notebook", [f"worker {rank}" for rank in range(self.processes.count)]]

    # What the page asks.

    def _on_kill(self, worker: Any, pid: Any) -> bool:
        """A worker by its number, and the process id that stood beside the button."""
        pids = self.processes.pids
        if not isinstance(worker, int) or not 0 <= worker < len(pids) or pids[worker] != pid:
            raise ValueError("this process has ended; another one is in its place.")
        self.kill(worker)
        return True

    def _on_stop(self) -> None:
        self._stopping = True

    def _on_shut_down(self) -> None:
        self.shut_down()

    # Inside.

    @property
    def _asynchronous(self) -> bool:
        return isinstance(self.processes, ParameterServer)

    def _training(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _join(self) -> None:
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(60)

    def _finish(self) -> None:
        __tracebackhide__ = True
        self._look()
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _heard(self, step: int, value: float) -> None:
        """A point of the curve; every second one goes when there are too many."""
        self._done = step
        while self._curve and self._curve[-1][0] >= step:  # a checkpoint was restored
            self._curve.pop()
        self._curve.append((step, value))
        if len(self._curve) > MOST_POINTS:
            del self._curve[1::2]

    def _watch(self, thread: threading.Thread) -> None:
        """Looks until the run has ended, and once more."""
        while thread.is_alive():
            if self._stopping:
                self.processes.stop()  # again and again: it counts from when the run has begun
            self._look()
            thread.join(LOOK_SECONDS)
        self._look()

    def _look(self) -> None:
        """What is to be seen now."""
        with self._writing:
            group, now = self.processes, self._state
            if group.closed:
                now = self._state = "closed" if now in ("ready", "finished", "stopped") else now
            reported, happened = dict(group.reported), list(group.happenings)
            workers = [
                {
                    "pid": pid, "alive": live.has_mark(pid, group.mark),
                    "step": reported.get(rank, (None, None))[0], "loss": _finite(reported.get(rank, (None, None))[1]),
                }
                for rank, pid in enumerate(group.pids)
            ]  # fmt: skip
            history = self.history
            new = {
                "state": now, "words": self._words[:MOST_LETTERS], "asynchronous": self._asynchronous,
                "count": group.count, "step": self._done, "steps": self._steps, "workers": workers,
                "curve": [[step, _finite(value)] for step, value in list(self._curve)],
                "happened": _told(happened[-MOST_HAPPENINGS:]),
                "staleness": None if history is None or not self._asynchronous else _mean(history.staleness),
                "left": len(live.marked(group.mark)) if group.closed else None,
            }  # fmt: skip
            if new != self.shown:
                self.shown = new


def _told(happened: list[Happening]) -> list[list[Any]]:
    """What happened, shortly: of who noticed a death how long after it, and the end of the error."""
    told: list[list[Any]] = []
    died = 0.0
    for seconds, kind, who, text in happened:
        said = text
        if kind == "died":
            died = seconds
        elif kind == "noticed":
            said = f"{max(0.0, seconds - died):.2f} s later: {text.rsplit(': ', 1)[-1]}"
        told.append([seconds, kind, who, said[:MOST_LETTERS]])
    return told


def _finite(value: float | None) -> float | None:
    """What JSON can hold."""
    return value if value is not None and abs(value) < float("inf") else None


def _mean(values: Any) -> float | None:
    return sum(values) / len(values) if values else None


def _end(group: Processes | ParameterServer) -> None:
    group.close()
