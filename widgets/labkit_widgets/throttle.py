"""How often a view may speak: at most 20 messages a second, and fewer where speaking costs time.

A training step may take 100 microseconds. If every step told the page, the page would be flooded, and Jupyter's server
cuts a kernel off that sends more than 1,000 messages a second. So whoever has news asks a `Throttle` whether it is
time; news wait until it is, and travel together.

    throttle = Throttle(per_second=20, share=0.01)
    if throttle.ready():
        with throttle.turn():
            send(news)

`share` bounds what speaking may cost: after a message that took 2 ms, a share of 0.01 keeps quiet for 200 ms.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager


class Throttle:
    """Says when it is time for the next message.

    Args:
        per_second: the most messages in a second.
        share: the part of the time that messages may cost, between 0 and 1.
        clock: gives seconds.
        cost: gives seconds that this thread has computed, so that a busy computer does not make messages dear.

    Example:
        >>> now = 0.0
        >>> throttle = Throttle(per_second=20, clock=lambda: now)
        >>> throttle.ready()
        True
        >>> with throttle.turn():
        ...     pass
        >>> throttle.ready(), round(throttle.wait_seconds(), 3)
        (False, 0.05)
    """

    def __init__(
        self, per_second: float = 20.0, share: float = 1.0, clock: Callable[[], float] = time.perf_counter,
        cost: Callable[[], float] = time.thread_time,
    ) -> None:  # fmt: skip
        self._gap_seconds = 1.0 / per_second
        self._share = share
        self._clock, self._cost = clock, cost
        self._last = float("-inf")
        self.next_seconds = float("-inf")

    def ready(self) -> bool:
        """Whether a message may go out now, for its news alone."""
        return self._clock() >= self.next_seconds

    def allowed(self) -> bool:
        """Whether one may go out although it costs: the last news of a run do not wait for their share."""
        return self._clock() >= self._last + self._gap_seconds

    def wait_seconds(self) -> float:
        """How long until `allowed`."""
        return max(0.0, self._last + self._gap_seconds - self._clock())

    @contextmanager
    def turn(self, counted: bool = True) -> Generator[None]:
        """Around sending one message: takes the turn, and measures what it costs if that is `counted`."""
        start = self._cost()
        try:
            yield
        finally:
            # From the end, not the start: two messages are never closer than the gap.
            self._last = self._clock()
            spent = self._cost() - start if counted else 0.0
            self.next_seconds = self._last + max(self._gap_seconds, spent / self._share)
