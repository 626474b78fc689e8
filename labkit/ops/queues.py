"""The nodes of queues: one that stands for the queue, and those that put elements in and take them out.

The node makes a Python object in the session (`labkit.ops.waiting`). An element is a tuple of tensors, its
*components*. `labkit.queues` has the classes that learners use.

Source: `tensorflow/core/ops/data_flow_ops.cc` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labkit.dtypes import DType, bool_, int32
from labkit.errors import ShapeError
from labkit.graph import HostRun, Spec, op
from labkit.graph.strings import is_strings
from labkit.ops.host import Kept, UsesKept
from labkit.ops.waiting import Element, Fifo, Priority, Shuffling, Waiting, stacked
from labkit.shapes import Shape


class QueueNode(Kept):
    """Base of the nodes that stand for a queue."""

    component_types: tuple[DType, ...]
    shapes: tuple[Shape, ...] = ()
    capacity: int = -1
    container: str = ""
    shared_name: str = ""

    def kernel(self, run: HostRun) -> Any:
        return run.shared("queue", self.container, self.shared_name, lambda: self.make(run.name))

    def make(self, name: str) -> Waiting:
        """The queue itself."""
        raise NotImplementedError


@op
class FIFOQueueV2(QueueNode):
    """A queue whose elements leave in the order in which they came."""

    component_types: tuple[DType, ...]
    shapes: tuple[Shape, ...] = ()
    capacity: int = -1
    container: str = ""
    shared_name: str = ""

    def make(self, name: str) -> Waiting:
        return Fifo(self.capacity, f'queue "{name}"')


@op
class PaddingFIFOQueueV2(QueueNode):
    """A queue whose batches are filled up to the largest element."""

    component_types: tuple[DType, ...]
    shapes: tuple[Shape, ...] = ()
    capacity: int = -1
    container: str = ""
    shared_name: str = ""

    def make(self, name: str) -> Waiting:
        return Fifo(self.capacity, f'queue "{name}"')


@op
class RandomShuffleQueueV2(QueueNode):
    """A queue whose elements leave in random order."""

    component_types: tuple[DType, ...]
    shapes: tuple[Shape, ...] = ()
    capacity: int = -1
    min_after_dequeue: int = 0
    seed: int = 0
    seed2: int = 0
    container: str = ""
    shared_name: str = ""

    def make(self, name: str) -> Waiting:
        seed = (self.seed << 32) + self.seed2 if self.seed or self.seed2 else None
        return Shuffling(self.capacity, self.min_after_dequeue, seed, f'queue "{name}"')


@op
class PriorityQueueV2(QueueNode):
    """A queue whose element with the smallest priority leaves first."""

    component_types: tuple[DType, ...]
    shapes: tuple[Shape, ...] = ()
    capacity: int = -1
    container: str = ""
    shared_name: str = ""

    def make(self, name: str) -> Waiting:
        return Priority(self.capacity, f'queue "{name}"')


@op
class QueueEnqueueV2(UsesKept):
    """Adds one element."""

    args = ("handle:resource", "*components:any")

    def kernel(self, run: HostRun, queue: Waiting, *components: Any) -> tuple[Any, ...]:
        queue.add([tuple(np.array(part, copy=True) for part in components)])
        return ()


@op
class QueueEnqueueManyV2(UsesKept):
    """Adds one element per row."""

    args = ("handle:resource", "*components:any")

    def kernel(self, run: HostRun, queue: Waiting, *components: Any) -> tuple[Any, ...]:
        counts = {len(part) for part in components}
        if len(counts) > 1:
            raise ShapeError(f"enqueue_many was given components of different first sizes: {sorted(counts)}.")
        queue.add([tuple(_row(part, i) for part in components) for i in range(counts.pop())])
        return ()


def _row(part: Any, i: int) -> Any:
    row = part[i]
    return np.array(row, object if is_strings(part) else part.dtype, copy=True)


class Dequeue(UsesKept):
    """Base of ops that take elements out."""

    component_types: tuple[DType, ...]
    component_shapes: tuple[Shape, ...]

    def infer(self, *inputs: Any, **_: Any) -> Any:
        return tuple(Spec(d, s) for d, s in zip(self.component_types, self.component_shapes, strict=True))


@op
class QueueDequeueV2(Dequeue):
    """Takes one element."""

    component_types: tuple[DType, ...]
    component_shapes: tuple[Shape, ...]

    def kernel(self, run: HostRun, queue: Waiting) -> Element:
        return queue.take(1, 1)[0]


@op
class QueueDequeueManyV2(Dequeue):
    """Takes a number of elements, stacked; waits until there are that many."""

    component_types: tuple[DType, ...]
    component_shapes: tuple[Shape, ...]
    padded: bool = False

    args = ("handle:resource", "n:int32")

    def kernel(self, run: HostRun, queue: Waiting, n: Any) -> Element:
        count = int(n)
        if count < 1:
            return _empty(self.component_types, self.component_shapes)
        return stacked(queue.take(count, count), self.padded)


@op
class QueueDequeueUpToV2(Dequeue):
    """Takes a number of elements, stacked, or what is left of a closed queue."""

    component_types: tuple[DType, ...]
    component_shapes: tuple[Shape, ...]
    padded: bool = False

    args = ("handle:resource", "n:int32")

    def kernel(self, run: HostRun, queue: Waiting, n: Any) -> Element:
        count = int(n)
        if count < 1:
            return _empty(self.component_types, self.component_shapes)
        return stacked(queue.take(count, 1), self.padded)


def _empty(dtypes: Sequence[DType], shapes: Sequence[Shape]) -> Element:
    return tuple(
        np.zeros([0, *(size or 0 for size in (shape or (None,))[1:])], dtype.np_dtype)
        for dtype, shape in zip(dtypes, shapes, strict=True)
    )


@op
class QueueSizeV2(UsesKept):
    """How many elements are inside."""

    def infer(self, handle: Spec) -> Spec:
        return Spec(int32, ())

    def kernel(self, run: HostRun, queue: Waiting) -> Any:
        return np.asarray(queue.size, np.int32)


@op
class QueueIsClosedV2(UsesKept):
    """True if nothing more can come in."""

    def infer(self, handle: Spec) -> Spec:
        return Spec(bool_, ())

    def kernel(self, run: HostRun, queue: Waiting) -> Any:
        return np.asarray(queue.closed)


@op
class QueueCloseV2(UsesKept):
    """Lets nothing more in."""

    cancel_pending_enqueues: bool = False

    def kernel(self, run: HostRun, queue: Waiting) -> tuple[Any, ...]:
        queue.close(self.cancel_pending_enqueues)
        return ()
