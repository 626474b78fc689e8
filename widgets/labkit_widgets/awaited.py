"""Waiting for what a view runs in a thread: `wait()` in a program, `await view.finished()` in a notebook.

While a cell waits with `wait()`, the kernel answers no button; while it awaits `finished()`, it does.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

_LOOKS_SECONDS = 0.02


class Awaited:
    """What a view that runs something inherits, before `View`."""

    def _training(self) -> bool:
        """Whether it runs."""
        raise NotImplementedError

    def _finish(self) -> None:
        """What remains to be done when it has ended; raises what went wrong in it."""
        raise NotImplementedError

    def stop(self) -> Any:
        """Ends it."""
        raise NotImplementedError

    def wait(self, timeout_seconds: float | None = None) -> None:
        """Waits until the run has ended; the buttons do not work meanwhile: `await view.finished()` lets them.

        Args:
            timeout_seconds: how long to wait at most.

        Raises:
            TimeoutError: if that is over.
            Exception: what went wrong in the training.
        """
        __tracebackhide__ = True
        if timeout_seconds is not None and not isinstance(timeout_seconds, (int, float)):  # pyright: ignore[reportUnnecessaryIsInstance]  # it comes from a learner
            raise TypeError(f"the time to wait is {timeout_seconds!r}; it is a number of seconds.")
        end = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        try:
            while self._training():
                if end is not None and time.monotonic() >= end:
                    raise TimeoutError(f"the training has not ended after {timeout_seconds} seconds.")
                time.sleep(_LOOKS_SECONDS)
        except KeyboardInterrupt:
            self.stop()
            raise
        self._finish()

    async def finished(self) -> None:
        """The same for `await`: the kernel answers the buttons while it waits.

        Raises:
            Exception: what went wrong in the training.
        """
        __tracebackhide__ = True
        try:
            while self._training():
                await asyncio.sleep(_LOOKS_SECONDS)
        except (KeyboardInterrupt, asyncio.CancelledError):
            self.stop()
            raise
        self._finish()
