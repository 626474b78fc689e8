"""A thread that computes the last thing that was asked for, and nothing that nobody waits for any more.

A slider that is dragged asks twenty times a second, and a run takes a second: only the last question is worth an
answer. So a `Worker` keeps one job, the newest; its thread takes it, and whoever computes can ask `is_old` between two
parts of the work. The thread ends when there is nothing to do.

Example:
    >>> worker = Worker()
    >>> worker.start(lambda is_old: print("done"))
    >>> worker.wait()
    done
"""

from __future__ import annotations

import threading
from collections.abc import Callable

Job = Callable[[Callable[[], bool]], None]


class Worker:
    """One thread, and the newest job."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: Job | None = None
        self._number = 0
        self._thread: threading.Thread | None = None

    def start(self, job: Job) -> None:
        """Does this next; what was waiting is forgotten, and what is under way is old.

        Args:
            job: called with a function that says whether a newer job has come.
        """
        with self._lock:
            self._next = job
            self._number += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="labkit parallel", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Forgets what waits; what is under way is old. Does not wait for it."""
        with self._lock:
            self._next = None
            self._number += 1

    def wait(self, seconds: float | None = None) -> None:
        """Until there is nothing to do."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(seconds)

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return self._thread is not None

    def _run(self) -> None:
        while True:
            with self._lock:
                job, self._next, mine = self._next, None, self._number
                if job is None:
                    self._thread = None
                    return
            job(lambda mine=mine: self._number != mine)
            del job
