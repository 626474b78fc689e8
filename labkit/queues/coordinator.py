"""`tf.train.Coordinator`: several threads that stop together.

Any thread may ask all of them to stop; each looks at `should_stop()` between its steps. An error in one thread is kept
and raised again in the thread that waits for the others with `join`, so that it is not lost.

Example:
    >>> import labkit as tf
    >>> import threading
    >>> coord, counts = tf.train.Coordinator(), []
    >>> def work():
    ...     while not coord.should_stop():
    ...         counts.append(1)
    ...         if len(counts) >= 3:
    ...             coord.request_stop()
    >>> thread = threading.Thread(target=work)
    >>> thread.start()
    >>> coord.join([thread])
    >>> len(counts)
    3

Source: `tensorflow/python/training/coordinator.py` (1.4).
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any, cast

from labkit.errors import LabkitError, OutOfRangeError


class Coordinator:
    """Stops threads together, and keeps the first error that one of them had.

    Args:
        clean_stop_exception_types: errors that mean "the end" and are not raised by `join`; by default
            `tf.errors.OutOfRangeError`, what a queue gives that is closed and empty.

    Example:
        >>> import labkit as tf
        >>> coord = tf.train.Coordinator()
        >>> coord.request_stop()
        >>> coord.should_stop()
        True
    """

    def __init__(self, clean_stop_exception_types: tuple[type[BaseException], ...] | None = None) -> None:
        self._clean = (OutOfRangeError,) if clean_stop_exception_types is None else tuple(clean_stop_exception_types)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._threads: set[threading.Thread] = set()
        self._joined = False

    def request_stop(self, ex: Any = None) -> None:
        """Asks all threads to stop.

        Args:
            ex: the exception that is the reason, or what `sys.exc_info()` gives; raised again by `join`.
        """
        error: Any = cast("Any", ex)[1] if isinstance(ex, tuple) else ex
        with self._lock:
            if self._joined and error is not None and not isinstance(error, self._clean):
                raise error
            if not self._stop.is_set():
                if error is not None and not isinstance(error, self._clean):
                    self._error = error
                self._stop.set()

    def clear_stop(self) -> None:
        """Forgets a stop and its reason; before the coordinator is used again."""
        with self._lock:
            self._joined = False
            self._error = None
            self._stop.clear()

    def should_stop(self) -> bool:
        """True if a stop was asked for."""
        return self._stop.is_set()

    @contextlib.contextmanager
    def stop_on_exception(self) -> Generator[None]:
        """A `with` block whose errors ask all threads to stop, and do not leave the block."""
        try:
            yield
        except Exception as error:
            self.request_stop(error)

    def wait_for_stop(self, timeout: float | None = None) -> bool:
        """Waits until a stop is asked for.

        Args:
            timeout: seconds to wait at most.

        Returns:
            True if a stop was asked for.
        """
        return self._stop.wait(timeout)

    def register_thread(self, thread: threading.Thread) -> None:
        """Adds a thread for `join` to wait for."""
        with self._lock:
            self._threads.add(thread)

    def join(
        self, threads: Iterable[threading.Thread] | None = None, stop_grace_period_secs: float = 120,
        ignore_live_threads: bool = False,
    ) -> None:  # fmt: skip
        """Waits until all threads have ended; raises the error of the one that failed.

        Args:
            threads: threads to wait for, with the registered ones.
            stop_grace_period_secs: seconds that threads get after the stop was asked for.
            ignore_live_threads: True says nothing about threads that do not stop.

        Raises:
            LabkitError: if a thread does not stop in time; it is named.
        """
        with self._lock:
            waited = [*self._threads, *(t for t in threads or () if t not in self._threads)]
        while any(t.is_alive() for t in waited) and not self.wait_for_stop(0.05):
            pass
        deadline = time.monotonic() + stop_grace_period_secs
        for thread in waited:
            while thread.is_alive() and time.monotonic() < deadline:
                thread.join(0.05)
        alive = [t.name for t in waited if t.is_alive()]
        with self._lock:
            self._joined = True
            self._threads.clear()
            if self._error is not None:
                raise self._error
        if alive and not ignore_live_threads:
            raise LabkitError(
                f"these threads did not stop within {stop_grace_period_secs} s: {', '.join(alive)}.\n"
                "  Try: look at coord.should_stop() in their loops; close the queues that they wait for "
                "(queue.close(cancel_pending_enqueues=True))."
            )
        if alive:
            sys.stderr.write(f"labkit: threads that did not stop: {', '.join(alive)}\n")

    @property
    def joined(self) -> bool:
        """True once `join` is done."""
        return self._joined

    def raise_requested_exception(self) -> None:
        """Raises the error that was the reason of the stop, if there was one."""
        with self._lock:
            if self._error is not None:
                raise self._error


class LooperThread(threading.Thread):
    """A thread that does something again and again until its coordinator stops.

    Args:
        coord: a `tf.train.Coordinator`.
        timer_interval_secs: seconds between two calls; None calls without a pause.
        target: what to call, instead of overriding `run_loop`.
        args: its arguments.
        kwargs: its keyword arguments.

    Example:
        >>> import labkit as tf
        >>> coord, calls = tf.train.Coordinator(), []
        >>> looper = tf.train.LooperThread.loop(coord, 0.001, lambda: calls.append(1) or coord.request_stop())
        >>> coord.join([looper])
        >>> len(calls)
        1
    """

    def __init__(
        self, coord: Coordinator, timer_interval_secs: float | None, target: Callable[..., Any] | None = None,
        args: Sequence[Any] | None = None, kwargs: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        if not isinstance(coord, Coordinator):  # pyright: ignore[reportUnnecessaryIsInstance]  # learners are not typed
            raise TypeError(f"coord must be a tf.train.Coordinator, not {coord!r}.")
        super().__init__(daemon=True)
        self._coord = coord
        self._interval = timer_interval_secs
        self._call = target
        self._arguments = tuple(args or ())
        self._keywords = dict(kwargs or {})
        coord.register_thread(self)

    @staticmethod
    def loop(
        coord: Coordinator, timer_interval_secs: float | None, target: Callable[..., Any],
        args: Sequence[Any] | None = None, kwargs: dict[str, Any] | None = None,
    ) -> LooperThread:  # fmt: skip
        """Makes and starts one; the arguments are the constructor's."""
        looper = LooperThread(coord, timer_interval_secs, target, args, kwargs)
        looper.start()
        return looper

    def run(self) -> None:
        """Calls `run_loop` until the stop."""
        with self._coord.stop_on_exception():
            self.start_loop()
            if self._interval is None:
                while not self._coord.should_stop():
                    self.run_loop()
            else:
                next_time = time.monotonic()
                while not self._coord.wait_for_stop(next_time - time.monotonic()):
                    next_time += self._interval
                    self.run_loop()
            self.stop_loop()

    def start_loop(self) -> None:
        """Called once before the first call."""

    def stop_loop(self) -> None:
        """Called once after the last call."""

    def run_loop(self) -> None:
        """One call."""
        if self._call is not None:
            self._call(*self._arguments, **self._keywords)
