"""The clock of a simulation: things that happen, in the order of their times.

A *discrete-event simulation* jumps from one thing that happens to the next; between them nothing changes. What is to
happen waits in a heap of (seconds, priority, counter, action). The counter breaks ties, so that what was asked for
first happens first, on every machine and in every run; the priority is for what must come before or after everything
else of its instant (`LAST`: once all is said, share the network out again).

Nothing is random here. What is random draws from a `generator` of its own, whose seed is a hash of its name: one more
draw in one source does not shift the numbers of the others.

Example:
    >>> events = Events()
    >>> def tick(name):
    ...     print(f"{events.now} s: {name}")
    >>> late = events.at(2.0, tick, "second")
    >>> early = events.after(1.0, tick, "first")
    >>> lost = events.at(1.5, tick, "never")
    >>> lost.cancel()
    True
    >>> events.run()
    1.0 s: first
    2.0 s: second
    2.0

Why not SimPy: it is well kept, and its core is much the same; its processes are generators, which take twice the time
(the benchmark `events` measures both where SimPy is there) and whose state a debugger cannot show as easily.

Source: the form of the core follows SimPy's `core.py`; J. Banks et al.: "Discrete-event system simulation", chapter 3.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

import numpy as np

from labkit.cluster.errors import ClusterError

LAST = 1 << 30
"""The priority of what comes after everything else of its instant."""

_NEVER = math.inf


class Handle:
    """Something that is to happen; it can be called off.

    Attributes:
        action: what is called; None once it was called, or called off.
        arguments: what it is called with.
    """

    __slots__ = ("action", "arguments")

    def __init__(self, action: Callable[..., object], arguments: tuple[Any, ...]) -> None:
        self.action: Callable[..., object] | None = action
        self.arguments = arguments

    def cancel(self) -> bool:
        """Calls it off.

        Returns:
            True if it was still to happen; False if it has happened, or was called off before.
        """
        waiting = self.action is not None
        self.action, self.arguments = None, ()
        return waiting


class Events:
    """What is to happen, and when.

    Attributes:
        now: the simulated time, in seconds from the start.
        happened: how many actions have been called.

    Example:
        A process that goes on as long as it likes asks for itself again.

        >>> events = Events()
        >>> def beat():
        ...     if events.now < 3:
        ...         events.after(1.0, beat)
        >>> _ = events.after(0.0, beat)
        >>> events.run(), events.happened
        (3.0, 4)
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.happened = 0
        self._heap: list[tuple[float, int, int, Handle]] = []
        self._asked = 0
        self._running = False

    def at(self, seconds: float, action: Callable[..., object], *arguments: Any, priority: int = 0) -> Handle:
        """Has something happen at a time.

        Args:
            seconds: when, from the start of the simulation; now is fine.
            action: what to call.
            *arguments: what to call it with.
            priority: of what happens at the same time, the smaller comes first.

        Returns:
            A handle that can call it off.

        Raises:
            ClusterError: if the time has passed, or is none.
        """
        if not self.now <= seconds < _NEVER:
            raise self._no_time(seconds, action)
        handle = Handle(action, arguments)
        self._asked = asked = self._asked + 1
        heappush(self._heap, (seconds, priority, asked, handle))
        return handle

    def after(self, seconds: float, action: Callable[..., object], *arguments: Any, priority: int = 0) -> Handle:
        """Has something happen so many seconds from now; otherwise as `at`."""
        seconds += self.now  # what follows is `at`, once more: a call would cost a third of the time
        if not self.now <= seconds < _NEVER:
            raise self._no_time(seconds, action)
        handle = Handle(action, arguments)
        self._asked = asked = self._asked + 1
        heappush(self._heap, (seconds, priority, asked, handle))
        return handle

    def run(self, until: float | None = None) -> float:
        """Lets everything happen.

        Args:
            until: stop the clock at this time; what is to happen at it still happens. None goes on until nothing is
                left.

        Returns:
            The time then: `until`, or that of the last thing that happened.

        Raises:
            ClusterError: if `until` has passed, or this is called by something that happens.
        """
        if self._running:
            raise ClusterError("the simulation is running already; this was called by something that happens in it.")
        if until is not None and not self.now <= until < _NEVER:
            raise self._no_time(until, None)
        heap, end, happened = self._heap, _NEVER if until is None else until, 0
        self._running = True
        try:
            while heap and heap[0][0] <= end:
                seconds, _, _, handle = heappop(heap)
                action = handle.action
                if action is not None:
                    self.now = seconds
                    handle.action = None
                    happened += 1
                    action(*handle.arguments)
        finally:
            self._running = False
            self.happened += happened
        if until is not None:
            self.now = until
        return self.now

    def next_seconds(self) -> float | None:
        """When the next thing happens; None if nothing is left."""
        heap = self._heap
        while heap and heap[0][3].action is None:
            heappop(heap)
        return heap[0][0] if heap else None

    def __len__(self) -> int:
        """How much is still to happen."""
        return sum(handle.action is not None for _, _, _, handle in self._heap)

    def _no_time(self, seconds: Any, action: Callable[..., object] | None) -> ClusterError:
        what = "the simulation should run until" if action is None else f"{_named(action)} should happen at"
        if seconds < self.now:
            return ClusterError(f"{what} {seconds!r} s, but it is {self.now!r} s by now: time does not run back.")
        return ClusterError(f"{what} {seconds!r} s, which is no time.")


def _named(action: Callable[..., object]) -> str:
    return getattr(action, "__qualname__", None) or repr(action)


def generator(name: str, seed: int) -> np.random.Generator:
    """The random numbers of one source.

    Args:
        name: what draws from it, such as "stragglers of /job:worker/task:3".
        seed: the seed of the whole simulation.

    Returns:
        A generator of its own (PCG64), whose seed is a hash (BLAKE2) of the two. The same bits on every machine; where
        NumPy turns them into numbers by way of log or exp, the last digit is the mathematics library's.

    Raises:
        ClusterError: if the seed is not a whole number.

    Example:
        >>> generator("failures", 7).integers(100, size=3).tolist()
        [64, 70, 75]
        >>> generator("stragglers", 7).integers(100, size=3).tolist()
        [73, 4, 2]
    """
    if not isinstance(seed, int) or isinstance(seed, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ClusterError(f"the seed of {name!r} is {seed!r}; it must be a whole number.")
    mixed = hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(mixed)))
