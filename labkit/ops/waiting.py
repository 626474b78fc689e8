"""Queues as Python objects: what a session keeps behind a `FIFOQueue` node, shared by all threads that run it.

All of them keep elements (tuples of NumPy arrays) between a lower and an upper limit and let threads wait: `enqueue`
waits for space, `dequeue` for elements. They differ in which element comes out next. Whoever asked first is served
first, so a `dequeue_many(100)` is not starved by many `dequeue()`.

Closing a queue means that nothing more comes in: what is inside can still be taken, and when it is used up `dequeue`
raises `OutOfRangeError`, which is how an input pipeline says that it is at its end.

Example:
    >>> queue = Fifo(capacity=3)
    >>> queue.add([(np.float32(1.5),)])
    >>> queue.close()
    >>> [float(element[0]) for element in queue.take(1, 1)]
    [1.5]
    >>> try:
    ...     queue.take(1, 1)
    ... except OutOfRangeError as error:
    ...     print(str(error).splitlines()[0])
    the queue is closed and has not enough elements left: 1 asked for, 0 inside.

Source: `tensorflow/core/kernels/queue_base.h` and `fifo_queue.cc` (1.4).
"""

from __future__ import annotations

import bisect
import itertools
import random
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from labkit.errors import CancelledError, DeadlineExceededError, OutOfRangeError
from labkit.graph.runtime import is_cancelled, time_left

Element = tuple[Any, ...]

_HINT_AFTER_SECONDS = 10.0
_HINT = (
    "labkit: {what} has waited for 10 seconds, and nobody fills the queue.\n"
    "  Try: tf.train.start_queue_runners(sess) before the first run that reads from it, or interrupt the kernel.\n"
)


class Waiting:
    """Base of the queues: who waits, for what, and when they are let go.

    Args:
        capacity: how many elements fit; negative for any number.
        name: for messages.
    """

    def __init__(self, capacity: int, name: str = "the queue") -> None:
        self.capacity = capacity if capacity > 0 else sys.maxsize
        self.name = name
        self.closed = False
        self._lost = False  # the session was closed
        self._refuses = False  # closed, and pending enqueues cancelled
        self._changed = threading.Condition()
        self._producers: deque[object] = deque()
        self._consumers: deque[object] = deque()
        self._was_used = False

    # How elements are kept: what the subclasses say.

    def _put(self, element: Element) -> None:
        raise NotImplementedError

    def _get(self) -> Element:
        """The next element; there is one."""
        raise NotImplementedError

    def _return(self, elements: list[Element]) -> None:
        """Puts back elements that were taken but not enough, the first first."""
        raise NotImplementedError

    def _count(self) -> int:
        raise NotImplementedError

    def _available(self) -> bool:
        """True if an element may be taken now."""
        return self._count() > 0

    # What ops call.

    @property
    def size(self) -> int:
        """How many elements are inside."""
        with self._changed:
            return self._count()

    def add(self, elements: Sequence[Element]) -> None:
        """Adds elements, each after waiting for space.

        Raises:
            CancelledError: if the queue is closed, or is closed with `cancel_pending_enqueues` meanwhile.
        """
        with self._changed:
            self._was_used = True
            if self.closed:
                raise CancelledError(None, None, f"{self.name} is closed: nothing can be added to it any more.")
            with Turn(self._producers, self._changed) as turn:
                for element in elements:
                    self._wait(lambda: self._refuses or (turn.is_first() and self._count() < self.capacity), "enqueue")
                    if self._refuses:
                        raise CancelledError(None, None, f"{self.name} was closed while an enqueue waited for space.")
                    self._put(element)
                    self._changed.notify_all()

    def take(self, count: int, at_least: int) -> list[Element]:
        """Takes elements, after waiting for them.

        Args:
            count: how many.
            at_least: how many are enough if the queue is closed.

        Raises:
            OutOfRangeError: if the queue is closed and has fewer than `at_least`; it keeps what it has.
        """
        taken: list[Element] = []
        with self._changed, Turn(self._consumers, self._changed) as turn:
            try:
                while len(taken) < count:
                    self._wait(lambda: turn.is_first() and (self._available() or self._is_drained()), "dequeue")
                    if not self._available():
                        break
                    taken.append(self._get())
                    self._changed.notify_all()
            except BaseException:
                self._return(taken)
                raise
            if len(taken) < at_least:
                self._return(taken)
                if self._lost:
                    raise CancelledError(None, None, "the session was closed while a dequeue waited.")
                raise OutOfRangeError(
                    None, None,
                    f"{self.name} is closed and has not enough elements left: {at_least} asked for, {len(taken)} "
                    "inside.\n"
                    "  Try: except tf.errors.OutOfRangeError, if this is the end of the input. If it comes too early, "
                    "a thread that fills the queue has failed: coord.join(threads) raises its error.",
                )  # fmt: skip
        return taken

    def close(self, cancel_pending_enqueues: bool = False) -> None:
        """Nothing comes in any more; what is inside can still be taken."""
        with self._changed:
            self.closed = True
            self._refuses = self._refuses or cancel_pending_enqueues
            self._changed.notify_all()

    def close_resource(self) -> None:
        """The session is closed: whoever waits gets a `CancelledError`."""
        with self._changed:
            self.closed = self._refuses = self._lost = True
            self._changed.notify_all()

    def wake(self) -> None:
        """Lets those who wait look again whether their session is still open."""
        with self._changed:
            self._changed.notify_all()

    def _is_drained(self) -> bool:
        """True if no element will ever come: closed, and nobody who may still add waits."""
        return self.closed and (self._refuses or not self._producers)

    def _wait(self, ready: Callable[[], bool], what: str) -> None:
        """Waits until `ready()`; also ends at the session's end or at a deadline."""
        began = time.monotonic()
        hinted = False
        while not ready():
            if self._lost or is_cancelled():
                raise CancelledError(None, None, f"the session was closed while a {what} waited.")
            waited = time.monotonic() - began
            if what == "dequeue" and not hinted and not self._was_used and waited > _HINT_AFTER_SECONDS:
                hinted = True
                sys.stderr.write(_HINT.format(what=f"a dequeue from {self.name}"))
            left = time_left()
            if left is not None and left <= 0:
                raise DeadlineExceededError(
                    None,
                    None,
                    f"a {what} of {self.name} waited for longer than its time-out.\n"
                    "  Try: tf.train.start_queue_runners(sess) before the first run that reads from it.",
                )
            self._changed.wait(timeout=min(0.25, left or 0.25))


class Turn:
    """A place in a line; to be used while the queue's condition is held."""

    def __init__(self, line: deque[object], changed: threading.Condition) -> None:
        self._line = line
        self._changed = changed

    def is_first(self) -> bool:
        return self._line[0] is self

    def __enter__(self) -> Turn:
        self._line.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._line.remove(self)
        self._changed.notify_all()


class Fifo(Waiting):
    """First in, first out."""

    def __init__(self, capacity: int, name: str = "the queue") -> None:
        super().__init__(capacity, name)
        self._elements: deque[Element] = deque()

    def _put(self, element: Element) -> None:
        self._elements.append(element)

    def _get(self) -> Element:
        return self._elements.popleft()

    def _return(self, elements: list[Element]) -> None:
        self._elements.extendleft(reversed(elements))

    def _count(self) -> int:
        return len(self._elements)


class Shuffling(Waiting):
    """Any element comes out, each as likely; keeps `at_least` inside, so that the choice stays large.

    Args:
        capacity: how many elements fit.
        at_least: how many must stay inside until the queue is closed.
        seed: of the choice; None draws one.
        name: for messages.
    """

    def __init__(self, capacity: int, at_least: int, seed: int | None, name: str = "the queue") -> None:
        super().__init__(capacity, name)
        self._at_least = at_least
        self._elements: list[Element] = []
        self._random = random.Random(seed)

    def _put(self, element: Element) -> None:
        self._elements.append(element)

    def _get(self) -> Element:
        chosen = self._random.randrange(len(self._elements))
        self._elements[chosen], self._elements[-1] = self._elements[-1], self._elements[chosen]
        return self._elements.pop()

    def _return(self, elements: list[Element]) -> None:
        self._elements.extend(elements)

    def _count(self) -> int:
        return len(self._elements)

    def _available(self) -> bool:
        return len(self._elements) > (0 if self._is_drained() else self._at_least)


class Priority(Waiting):
    """The element with the smallest first component comes out; among equals the oldest."""

    def __init__(self, capacity: int, name: str = "the queue") -> None:
        super().__init__(capacity, name)
        self._elements: list[tuple[int, int, Element]] = []
        self._order = itertools.count()

    def _put(self, element: Element) -> None:
        bisect.insort(self._elements, (int(element[0]), next(self._order), element), key=lambda entry: entry[:2])

    def _get(self) -> Element:
        return self._elements.pop(0)[2]

    def _return(self, elements: list[Element]) -> None:
        for element in elements:
            self._put(element)

    def _count(self) -> int:
        return len(self._elements)


def stacked(elements: list[Element], padded: bool) -> Element:
    """Elements as one batch: component by component, filled up with zeros to the largest if `padded`."""
    return tuple(_padded(parts) if padded else np.stack(parts) for parts in zip(*elements, strict=True))


def _padded(parts: tuple[Any, ...]) -> Any:
    sizes = np.max([part.shape for part in parts], axis=0) if parts[0].ndim else ()
    shape = (len(parts), *(int(size) for size in sizes))
    is_text = parts[0].dtype == object
    batch: Any = np.full(shape, b"", object) if is_text else np.zeros(shape, parts[0].dtype)
    for row, part in enumerate(parts):
        batch[(row, *(slice(size) for size in part.shape))] = part
    return batch
