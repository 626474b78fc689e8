"""Data sets whose elements are computed ahead, in threads: `map(..., num_parallel_calls=4)` and `prefetch`.

The order of the elements stays. The threads work for the session that asks for elements, and end with the iterator.

Source: `tensorflow/core/kernels/parallel_map_dataset_op.cc`, `prefetch_dataset_op.cc` (1.4).
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from labkit.data.sources import Element, Source, Values
from labkit.graph.runtime import current_resources, running_in


class Mapped(Source):
    """A function of each element, of several at a time if `parallel` is larger than one; the order stays."""

    def __init__(self, source: Source, function: Callable[[Values], Values], parallel: int = 1) -> None:
        self._source = source
        self._function = function
        self._parallel = parallel

    def __iter__(self) -> Iterator[Element]:
        function = self._function
        if self._parallel > 1:
            return self._in_threads()
        return (function(element) for element in self._source)

    def _in_threads(self) -> Iterator[Element]:
        resources = current_resources()

        def call(element: Element) -> Values:
            with running_in(resources):
                return self._function(element)

        with ThreadPoolExecutor(self._parallel, "labkit-map") as threads:
            pending: deque[Future[Values]] = deque()
            for element in self._source:
                pending.append(threads.submit(call, element))
                if len(pending) >= self._parallel:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()


class Prefetched(Source):
    """A source that a thread of its own computes ahead."""

    def __init__(self, source: Source, size: int) -> None:
        self._source = source
        self._size = max(size, 1)

    def __iter__(self) -> Iterator[Element]:
        return Ahead(self._source, self._size)


class Ahead:
    """An iterator over what a thread computes ahead; the thread ends with it."""

    def __init__(self, source: Source, size: int) -> None:
        ready: queue.Queue[tuple[str, Any]] = queue.Queue(size)
        closed = threading.Event()
        resources = current_resources()

        # Not methods: the thread must not keep this object alive, because its end is what stops the thread.
        def put(entry: tuple[str, Any]) -> bool:
            while not closed.is_set():
                try:
                    ready.put(entry, timeout=0.1)
                    return True
                except queue.Full:
                    pass
            return False

        def work() -> None:
            try:
                with running_in(resources):
                    for element in source:
                        if not put(("element", element)):
                            return
                put(("end", None))
            except BaseException as error:  # whatever it is, it belongs to who takes the next element
                put(("error", error))

        self._ready = ready
        self._closed = closed
        self._done = False
        threading.Thread(target=work, daemon=True, name="labkit-prefetch").start()

    def __iter__(self) -> Iterator[Element]:
        return self

    def __next__(self) -> Element:
        if self._done:
            raise StopIteration
        kind, content = self._ready.get()
        if kind == "element":
            return content
        self._done = True
        if kind == "error":
            raise content
        raise StopIteration

    def __del__(self) -> None:
        self._closed.set()
