"""The nodes of accumulators: they add up gradients that many workers send, and give out the mean once there are enough.

The node makes a Python object in the session, or on a task of a cluster. Each gradient comes with the step that it was
computed at (`local_step`); one from an earlier step than the accumulator's own is *stale* and dropped without a word.
Taking the mean empties the accumulator and moves it to the next step.

    SumOfGradients          adds up arrays
    SumOfRows               adds up some rows of a table; the mean of a row is over the gradients that had the row

Example:
    >>> mean = SumOfGradients("w/grad_accum")
    >>> mean.add(0, np.float32(1.0)), mean.add(0, np.float32(4.0))
    (True, True)
    >>> float(mean.take(2)), mean.add(0, np.float32(9.0)), mean.count
    (2.5, False, 0)

Source: `tensorflow/core/kernels/conditional_accumulator_base.h`, `sparse_conditional_accumulator.h`,
`tensorflow/core/ops/data_flow_ops.cc` (1.4).
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

import numpy as np

from labkit.dtypes import DType, int32, int64
from labkit.errors import CancelledError, DeadlineExceededError, InvalidArgumentError, ShapeError
from labkit.graph import HostRun, Spec, op
from labkit.graph.runtime import is_cancelled, time_left
from labkit.ops.host import Kept, UsesKept
from labkit.ops.waiting import Turn
from labkit.shapes import Shape, compatible, shape_text


class Accumulator:
    """Base of what adds up: who waits, which step it is at, how many gradients came.

    Args:
        name: for messages.
        shape: what a gradient must be like.
    """

    def __init__(self, name: str, shape: Shape = None) -> None:
        self.name = name
        self.shape = shape
        self.step = 0
        self._count = 0
        self._lost = False
        self._changed = threading.Condition()
        self._takers: deque[object] = deque()

    def _add(self, gradient: Any) -> None:
        raise NotImplementedError

    def _mean(self, count: int) -> Any:
        """The mean of the gradients, which it forgets."""
        raise NotImplementedError

    @property
    def count(self) -> int:
        """How many gradients came since the last mean was taken."""
        with self._changed:
            return self._count

    def add(self, local_step: int, gradient: Any) -> bool:
        """Adds a gradient, unless it is stale.

        Args:
            local_step: the step that it was computed at.
            gradient: an array, or what the subclass takes.

        Returns:
            False if it was dropped.
        """
        with self._changed:
            if local_step < self.step:
                return False
            self._add(gradient)
            self._count += 1
            self._changed.notify_all()
            return True

    def take(self, required: int) -> Any:
        """The mean of the gradients, once there are so many; the accumulator is empty then, and at the next step.

        Args:
            required: how many.

        Raises:
            InvalidArgumentError: if that is less than one.
            CancelledError: if the session is closed meanwhile.
            DeadlineExceededError: if the run's time is over.
        """
        if required < 1:
            raise InvalidArgumentError(
                None, None, f"the mean of {required} gradients was asked for: num_required must be positive."
            )
        with self._changed, Turn(self._takers, self._changed) as turn:
            while not (turn.is_first() and self._count >= required):
                if self._lost or is_cancelled():
                    raise CancelledError(
                        None, None, f"the session was closed or stopped while {self.name} waited for {required} "
                        f"gradients; {self._count} had come."
                    )  # fmt: skip
                left = time_left()
                if left is not None and left <= 0:
                    raise DeadlineExceededError(
                        None, None, f"{self.name} waited for {required} gradients for longer than its time-out; "
                        f"{self._count} came.\n  Try: num_required of at most as many as there are workers."
                    )  # fmt: skip
                self._changed.wait(timeout=0.1 if left is None else min(0.1, left))
            mean = self._mean(self._count)
            self._count = 0
            self.step += 1
            return mean

    def set_step(self, step: int) -> None:
        """Moves to a step: gradients from before are dropped from now on."""
        with self._changed:
            self.step = step

    def wake(self) -> None:
        """Lets those who wait look again whether their session is still open."""
        with self._changed:
            self._changed.notify_all()

    def close_resource(self) -> None:
        """Nobody will send gradients any more: whoever waits gets a `CancelledError`."""
        with self._changed:
            self._lost = True
            self._changed.notify_all()

    def _check(self, shape: tuple[int, ...], wanted: Shape) -> None:
        if not compatible(wanted, shape):
            raise InvalidArgumentError(
                None, None, f"{self.name} adds up gradients of shape {shape_text(wanted)}, and one of shape "
                f"{shape_text(shape)} came."
            )  # fmt: skip


class SumOfGradients(Accumulator):
    """Adds up arrays."""

    _sum: Any = None

    def _add(self, gradient: Any) -> None:
        self._check(gradient.shape, self.shape)
        if self._sum is None or self._count == 0:
            self._sum = np.array(gradient, copy=True)
            return
        self._check(gradient.shape, self._sum.shape)
        self._sum = self._sum + gradient

    def _mean(self, count: int) -> Any:
        total, self._sum = self._sum, None
        return total / np.asarray(count, total.dtype)


class SumOfRows(Accumulator):
    """Adds up rows of a table: (values, indices), the indices in any order; those of the same index add up.

    The mean of a row divides by the number of gradients that had this row, not by all of them, as in TensorFlow.
    """

    _indices: Any = None
    _values: Any = None
    _times: Any = None  # in how many gradients each row was

    def _add(self, gradient: tuple[Any, Any]) -> None:
        values, indices = gradient
        if indices.ndim != 1 or values.ndim < 1 or len(values) != len(indices):
            raise InvalidArgumentError(
                None, None, f"{self.name} takes an index for each row: {shape_text(values.shape)} values came with "
                f"{shape_text(indices.shape)} indices."
            )  # fmt: skip
        rows = self.shape
        self._check(values.shape[1:], None if rows is None else rows[1:])
        if rows and rows[0] is not None and len(indices) and not 0 <= indices.min() <= indices.max() < rows[0]:
            raise InvalidArgumentError(
                None, None, f"{self.name} adds up rows of a table of {rows[0]}; the indices {indices.min()} to "
                f"{indices.max()} came."
            )  # fmt: skip
        if self._count == 0:
            self._indices, self._values, self._times = indices[:0], values[:0], np.zeros(0, np.int64)
        else:
            self._check(values.shape[1:], self._values.shape[1:])
        joined = np.concatenate([self._indices, indices])
        distinct, place = np.unique(joined, return_inverse=True)
        total = np.zeros((len(distinct), *values.shape[1:]), values.dtype)
        np.add.at(total, place, np.concatenate([self._values, values]))
        times = np.zeros(len(distinct), np.int64)
        times[place[: len(self._indices)]] = self._times
        times[np.unique(place[len(self._indices) :])] += 1
        self._indices, self._values, self._times = distinct, total, times

    def _mean(self, count: int) -> tuple[Any, Any]:
        shape = (-1, *(1,) * (self._values.ndim - 1))
        return self._values / self._times.astype(self._values.dtype).reshape(shape), self._indices


class AccumulatorNode(Kept):
    """Base of the nodes that stand for an accumulator."""

    dtype: DType
    shape: Shape = None
    container: str = ""
    shared_name: str = ""

    def kernel(self, run: HostRun) -> Any:
        return run.shared("accumulator", self.container, self.shared_name, lambda: self.make(run.name))

    def make(self, name: str) -> Accumulator:
        """The accumulator itself."""
        raise NotImplementedError


@op
class ConditionalAccumulator(AccumulatorNode):
    """Adds up gradients."""

    dtype: DType
    shape: Shape = None
    container: str = ""
    shared_name: str = ""

    def make(self, name: str) -> Accumulator:
        return SumOfGradients(f'accumulator "{name}"', self.shape)


@op
class SparseConditionalAccumulator(AccumulatorNode):
    """Adds up rows of gradients."""

    dtype: DType
    shape: Shape = None
    container: str = ""
    shared_name: str = ""

    def make(self, name: str) -> Accumulator:
        return SumOfRows(f'accumulator "{name}"', self.shape)


@op
class AccumulatorApplyGradient(UsesKept):
    """Adds a gradient, unless it is stale."""

    args = ("handle:resource", "local_step:int64", "gradient:any")

    def kernel(self, run: HostRun, accumulator: Accumulator, local_step: Any, gradient: Any) -> tuple[Any, ...]:
        accumulator.add(int(local_step), gradient)
        return ()


@op
class SparseAccumulatorApplyGradient(UsesKept):
    """Adds rows of a gradient, unless they are stale."""

    has_known_shape: bool = False

    args = (
        "handle:resource", "local_step:int64", "gradient_indices:int64", "gradient_values:any", "gradient_shape:int64",
    )  # fmt: skip

    def infer(self, handle: Spec, step: Spec, indices: Spec, values: Spec, shape: Spec) -> Any:
        count = None if values.shape is None else values.shape[:1]
        if not compatible((None,), indices.shape) or not compatible(count, indices.shape):
            raise ShapeError(
                f"there must be an index for each row of the gradient: it has {shape_text(values.shape)}, and the "
                f"indices {shape_text(indices.shape)}."
            )
        return ()

    def kernel(
        self, run: HostRun, accumulator: Accumulator, local_step: Any, indices: Any, values: Any, shape: Any
    ) -> tuple[Any, ...]:
        known = accumulator.shape
        if self.has_known_shape and known is not None and not compatible(known, tuple(shape.tolist())):
            raise InvalidArgumentError(
                None, None, f"{accumulator.name} adds up rows of a table of shape {shape_text(known)}, and some of one "
                f"of shape {shape_text(tuple(shape.tolist()))} came."
            )  # fmt: skip
        accumulator.add(int(local_step), (values, indices))
        return ()


@op
class AccumulatorTakeGradient(UsesKept):
    """The mean of the gradients; waits until there are enough."""

    dtype: DType
    shape: Shape = None

    args = ("handle:resource", "num_required:int32")

    def infer(self, handle: Spec, num_required: Spec) -> Spec:
        return Spec(self.dtype, self.shape)

    def kernel(self, run: HostRun, accumulator: Accumulator, num_required: Any) -> Any:
        return accumulator.take(int(num_required))


@op
class SparseAccumulatorTakeGradient(UsesKept):
    """The mean of the rows: indices, values, shape of the table; waits until there are enough.

    With `padded` the number of rows is a power of two, so that little is compiled anew for another number: what is
    left over is zeros, with an index that is larger than any table.
    """

    dtype: DType
    shape: Shape = None
    padded: bool = False

    args = ("handle:resource", "num_required:int32")

    def infer(self, handle: Spec, num_required: Spec) -> tuple[Spec, ...]:
        values = None if self.shape is None else (None, *self.shape[1:])
        return (
            Spec(int64, (None,)),
            Spec(self.dtype, values),
            Spec(int64, (None if self.shape is None else len(self.shape),)),
        )

    def kernel(self, run: HostRun, accumulator: Accumulator, num_required: Any) -> tuple[Any, ...]:
        values, indices = accumulator.take(int(num_required))
        found = (-1, *values.shape[1:])
        known = self.shape or (None,) * len(found)
        shape = [there if size is None else size for there, size in zip(found, known, strict=True)]
        if self.padded:
            more = (1 << max(0, len(indices) - 1).bit_length()) - len(indices)
            indices = np.concatenate([indices, np.full(more, np.iinfo(np.int64).max)])
            values = np.concatenate([values, np.zeros((more, *values.shape[1:]), values.dtype)])
        return indices.astype(np.int64), values, np.array(shape, np.int64)


@op
class AccumulatorNumAccumulated(UsesKept):
    """How many gradients came since the last mean was taken."""

    def infer(self, handle: Spec) -> Spec:
        return Spec(int32, ())

    def kernel(self, run: HostRun, accumulator: Accumulator) -> Any:
        return np.asarray(accumulator.count, np.int32)


@op
class AccumulatorSetGlobalStep(UsesKept):
    """Moves an accumulator to a step."""

    args = ("handle:resource", "new_global_step:int64")

    def kernel(self, run: HostRun, accumulator: Accumulator, new_global_step: Any) -> tuple[Any, ...]:
        accumulator.set_step(int(new_global_step))
        return ()
