"""`SecondOrStepTimer`: every so many steps, or every so many seconds.

Example:
    >>> timer = SecondOrStepTimer(every_steps=10)
    >>> [step for step in range(25) if timer.should_trigger_for_step(step) and timer.update_last_triggered_step(step)]
    [0, 10, 20]

Source: `tensorflow/python/training/basic_session_run_hooks.py` (1.4).
"""

from __future__ import annotations

import time

from labkit.errors import InvalidArgumentError


class SecondOrStepTimer:
    """Says when it is time again; the first time always is.

    Args:
        every_secs: seconds between two times.
        every_steps: steps between two times; one of both is given.

    Raises:
        InvalidArgumentError: if both or none are given.

    Example:
        >>> import labkit as tf
        >>> timer = tf.train.SecondOrStepTimer(every_steps=2)
        >>> timer.should_trigger_for_step(5), timer.update_last_triggered_step(5)
        (True, (None, None))
        >>> timer.should_trigger_for_step(6), timer.should_trigger_for_step(7)
        (False, True)
    """

    def __init__(self, every_secs: float | None = None, every_steps: int | None = None) -> None:
        if (every_secs is None) == (every_steps is None):
            raise InvalidArgumentError(None, None, "give one of the two: a number of steps or a number of seconds.")
        self._every_secs = every_secs
        self._every_steps = every_steps
        self.reset()

    def reset(self) -> None:
        """Starts over."""
        self._last_step: int | None = None
        self._last_seconds = 0.0

    def should_trigger_for_step(self, step: int) -> bool:
        """True if it is time.

        Args:
            step: the step now.
        """
        if self._last_step is None:
            return True
        if step == self._last_step:
            return False
        if self._every_secs is not None:
            return time.monotonic() >= self._last_seconds + self._every_secs
        return step >= self._last_step + (self._every_steps or 0)

    def update_last_triggered_step(self, step: int) -> tuple[float | None, int | None]:
        """Notes that it was done in this step.

        Returns:
            Seconds and steps since the last time; None and None the first time.
        """
        now = time.monotonic()
        before, seconds = self._last_step, now - self._last_seconds
        self._last_step, self._last_seconds = step, now
        return (None, None) if before is None else (seconds, step - before)

    def last_triggered_step(self) -> int | None:
        """The step in which it was last done."""
        return self._last_step


def positive(value: float | None, name: str) -> None:
    """Refuses numbers that are zero or less.

    Raises:
        InvalidArgumentError: if it is one.
    """
    if value is not None and value <= 0:
        raise InvalidArgumentError(None, None, f"{name} must be greater than 0, and it is {value}.")
