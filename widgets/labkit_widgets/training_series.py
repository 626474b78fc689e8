"""`Series`: a curve that may grow for ever and stays small.

A curve of a million steps has more points than a screen has pixels, and more than a notebook should hold. A series
keeps at most `capacity` *buckets*. Each stands for `stride` neighbouring points, by the step of the first of them, and
the smallest, the largest and the mean value: so a single bad step among a thousand still shows as a spike. When the
buckets are full, each is merged with its neighbour and the stride doubles:

    stride 1:  2.3  1.9  1.7  9.0         four points, four buckets, full
    stride 2:  [1.9, 2.3]  [1.7, 9.0]     two buckets, room for two more

Up to `capacity` points, every value is kept as it was. The training thread only appends to `pending`; `fold` puts
these points into buckets, where somebody has time for it. Values that are no finite number are counted apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

CAPACITY = 2048
GROUPS = ("curves", "gradients", "rate")


class Series:
    """One curve of one run.

    Args:
        run: the index of its run.
        group: "curves", "gradients" or "rate".
        name: what it is called.
        capacity: buckets kept; an even number.

    Example:
        >>> series = Series(0, "curves", "loss", capacity=4)
        >>> series.extend(range(5), [2.0, 8.0, 1.0, 3.0, 4.0])
        >>> series.stride, series.steps.tolist(), series.low.tolist(), series.high.tolist()
        (2, [0.0, 2.0, 4.0], [2.0, 1.0, 4.0], [8.0, 3.0, 4.0])
    """

    def __init__(self, run: int, group: str, name: str, capacity: int = CAPACITY) -> None:
        self.run, self.group, self.name = run, group, name
        self.capacity = max(2, capacity - capacity % 2)
        self.stride = 1
        self.count = 0  # points so far
        self.last_step = 0.0
        self.last_value = float("nan")
        self.broken_at: float | None = None  # the first step whose value is no finite number
        self.pending: list[tuple[float, Any]] = []
        self._steps, self._low, self._high, self._sum, self._finite = (np.zeros(self.capacity) for _ in range(5))
        self._size = 0
        self._open = 0  # points in the last bucket, while it is not full

    @property
    def steps(self) -> Array:
        """The first step of each bucket."""
        return self._steps[: self._size]

    @property
    def low(self) -> Array:
        """The smallest value of each bucket; NaN where none is finite."""
        return self._low[: self._size]

    @property
    def high(self) -> Array:
        """The largest."""
        return self._high[: self._size]

    @property
    def mean(self) -> Array:
        """The mean of the finite values."""
        finite = self._finite[: self._size]
        return np.divide(self._sum[: self._size], finite, out=np.full(self._size, np.nan), where=finite > 0)

    def fold(self) -> tuple[Array, Array]:
        """Puts what is pending into the buckets.

        Returns:
            The steps and the values of these points.
        """
        number = len(self.pending)  # another thread may append meanwhile
        taken = self.pending[:number]
        del self.pending[:number]
        steps = np.array([step for step, _ in taken], np.float64)
        values = np.array([float(value) for _, value in taken], np.float64)
        self.extend(steps, values)
        return steps, values

    def extend(self, steps: Sequence[float] | Array, values: Sequence[float] | Array) -> None:
        """Adds points.

        Args:
            steps: where they are.
            values: what they are.
        """
        at, value = np.asarray(steps, np.float64), np.asarray(values, np.float64)
        if not at.size:
            return
        self.count += at.size
        self.last_step, self.last_value = float(at[-1]), float(value[-1])
        finite = np.isfinite(value)
        if self.broken_at is None and not finite.all():
            self.broken_at = float(at[np.argmin(finite)])
        value = np.where(finite, value, np.nan)
        while at.size:
            used = self._fill(at, value)
            at, value = at[used:], value[used:]

    def _fill(self, at: Array, value: Array) -> int:
        """Puts some points into the last bucket, or into new ones; says how many."""
        if self._open:
            used = min(self.stride - self._open, at.size)
            self._put(self._size - 1, at[:0], value[None, :used])
            self._open = (self._open + used) % self.stride
            return used
        if self._size == self.capacity:
            self._halve()
        whole = min(at.size // self.stride, self.capacity - self._size)
        if whole:
            used = whole * self.stride
            first = self._size
            self._size += whole
            self._put(first, at[: used : self.stride], value[:used].reshape(whole, self.stride))
            return used
        self._size += 1
        self._put(self._size - 1, at[:1], value[None, :])
        self._open = at.size % self.stride
        return at.size

    def _put(self, first: int, at: Array, value: Array) -> None:
        """Writes rows of values into buckets; with an empty `at` it adds to the one that is there."""
        place = slice(first, first + len(value))
        low, high = np.fmin.reduce(value, axis=1), np.fmax.reduce(value, axis=1)
        finite = np.isfinite(value)
        total, count = np.where(finite, value, 0.0).sum(axis=1), finite.sum(axis=1)
        if at.size:
            self._steps[place] = at
            self._low[place], self._high[place], self._sum[place], self._finite[place] = low, high, total, count
        else:
            self._low[place] = np.fmin(self._low[place], low)
            self._high[place] = np.fmax(self._high[place], high)
            self._sum[place] += total
            self._finite[place] += count

    def _halve(self) -> None:
        """Merges neighbours; the last bucket may have none, or not be full."""
        points = (self._size - 1) * self.stride + (self._open or self.stride)
        half = (self._size + 1) // 2
        if self._size % 2:
            self._low[self._size] = self._high[self._size] = np.nan
            self._sum[self._size] = self._finite[self._size] = 0.0
        self._steps[:half] = self._steps[: self._size : 2].copy()
        for array, merge in (
            (self._low, np.fmin), (self._high, np.fmax), (self._sum, np.add), (self._finite, np.add),
        ):  # fmt: skip
            array[:half] = merge(array[: 2 * half : 2], array[1 : 2 * half : 2])
        self._size = half
        self.stride *= 2
        self._open = points % self.stride

    def shrink(self, capacity: int) -> None:
        """Keeps at most `capacity` buckets, from now on."""
        self.capacity = min(self.capacity, max(2, capacity - capacity % 2))
        while self._size > self.capacity:
            self._halve()
