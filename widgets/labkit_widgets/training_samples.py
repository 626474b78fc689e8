"""What is looked at now and then while a net trains: weights as images, histograms, norms of gradients.

Weights are read between two steps. Gradients are computed by a `Peek`: the same forward and backward pass that the
next step makes, on the same batch, with the same random numbers, but on a copy of the state. So looking changes
nothing: the training gives the same numbers, bit for bit, whether or not somebody watches.

A look costs time, up to that of a step. So there is a budget: `Budget` allows a look when all looks together have
cost less than a share of the time so far.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from labkit.executor import Plan
from labkit.feeds import CompositeFeed, fed_tensors, feed_for, spread

Array = np.ndarray[Any, Any]

BINS = 30
MOST_COLUMNS = 64  # of a histogram over time; when there are more, every other one goes
MOST_TILES = 36
_MOST_SIDE = 32
_MOST_COUNTED = 100_000  # elements of a variable that go into a histogram


class Images(NamedTuple):
    """A variable as images.

    Attributes:
        pixels: (count, height, width) int8; 127 is `limit`.
        of: how many images the variable has; `pixels` may be the first of them.
    """

    step: int
    pixels: Array
    limit: float
    low: float
    high: float
    of: int


class Column(NamedTuple):
    """A histogram at one step: counts of equal bins between `low` and `high`."""

    step: int
    low: float
    high: float
    counts: list[int]


class Strip:
    """A histogram over time, of one variable.

    Args:
        name: of the variable.

    Example:
        >>> import numpy as np
        >>> strip = Strip("w")
        >>> strip.add(histogram(0, np.arange(30.0)))
        >>> strip.columns[0].counts == [1] * 30
        True
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.columns: list[Column] = []
        self._every = 1
        self._seen = 0
        self._new: list[Column] = []

    def add(self, column: Column) -> None:
        """Adds the next step; the last one is always kept."""
        if self.columns and (self._seen - 1) % self._every:
            self.columns.pop()  # it was there as the last one only
        self.columns.append(column)
        self._new.append(column)
        self._seen += 1
        if len(self.columns) > MOST_COLUMNS:
            self.columns = self.columns[::2]
            self._every *= 2
            self._seen = (len(self.columns) - 1) * self._every + 1

    def as_json(self, whole: bool) -> dict[str, Any]:
        """All columns, or the new ones."""
        return {"name": self.name, "columns": [list(column) for column in (self.columns if whole else self._new)]}

    def sent(self) -> None:
        """The new ones are known now."""
        self._new.clear()


class Budget:
    """Allows what costs time, as long as it costs at most a share of all the time.

    Args:
        share: between 0 and 1.
        gap_seconds: the least time between two looks.

    Example:
        >>> budget = Budget(share=0.02, gap_seconds=0.25)
        >>> budget.spend(now=0.0, seconds=0.01)
        >>> budget.allows(now=0.3), budget.allows(now=1.1)
        (False, True)
    """

    def __init__(self, share: float, gap_seconds: float) -> None:
        self._share, self._gap_seconds = share, gap_seconds
        self.next_seconds = float("-inf")

    def allows(self, now: float) -> bool:
        """Whether there is time for a look."""
        return now >= self.next_seconds

    def spend(self, now: float, seconds: float) -> None:
        """A look was made that ended `now`."""
        self.next_seconds = now + max(self._gap_seconds, seconds * (1 - self._share) / self._share)


class Peek:
    """Computes tensors in a session without leaving a trace: what a run assigns or draws stays in a copy.

    Args:
        session: the session.
        fetches: tensors of its graph.

    Example:
        >>> import labkit as tf
        >>> v = tf.Variable(1.0)
        >>> noise = tf.random_uniform([], seed=1)
        >>> sess = tf.Session()
        >>> sess.run(v.initializer)
        >>> peek = Peek(sess, [tf.assign_add(v, 1.0) + 0.0, noise])
        >>> first, second = peek({}), peek({})
        >>> float(first[0]), float(second[0]), bool(first[1] == second[1] == sess.run(noise))
        (2.0, 2.0, True)
    """

    def __init__(self, session: Any, fetches: Sequence[Any]) -> None:
        self._session, self._fetches = session, list(fetches)
        self._plans: dict[tuple[Any, ...], tuple[Plan, list[Any]]] = {}

    def possible(self, feeds: Sequence[Any]) -> bool:
        """False if looking would change something outside: take from a queue, print, read a file."""
        plan, _ = self._plan(tuple(feeds))
        return not plan.may_wait and not any(segment.host for segment in plan.segments)

    def __call__(self, feed_dict: dict[Any, Any]) -> list[Any]:
        """The values of the fetches."""
        plan, converters = self._plan(tuple(feed_dict))
        self._session._check_fed(plan)
        values = [feed(value) for feed, value in zip(converters, feed_dict.values(), strict=True)]
        if any(isinstance(feed, CompositeFeed) for feed in converters):
            values = spread(converters, values)
        lock, store = self._session._lock, self._session._store
        with lock:
            return plan.run(dict(store), values, lock)

    def _plan(self, feeds: tuple[Any, ...]) -> tuple[Plan, list[Any]]:
        if feeds not in self._plans:
            converters = [feed_for(self._session.graph, key) for key in feeds]
            fed = fed_tensors(converters)
            plan = Plan([f for f in self._fetches if f not in set(fed)], (), fed)
            for segment in plan.segments:
                segment.donates = False  # the buffers are those of the session
            self._plans[feeds] = plan, converters
        return self._plans[feeds]


def histogram(step: int, values: Any) -> Column:
    """The histogram of an array's finite values; of a sample of them if there are many."""
    flat = np.asarray(values).reshape(-1)
    flat = flat[:: -(-flat.size // _MOST_COUNTED) or 1].astype(np.float64)
    finite = np.isfinite(flat)
    if not finite.all():
        flat = flat[finite]
    if not flat.size:
        return Column(step, 0.0, 0.0, [0] * BINS)
    low, high = float(flat.min()), float(flat.max())
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-300):  # NumPy refuses bins that are too thin to tell apart
        return Column(step, low, low, [0] * (BINS // 2) + [flat.size] + [0] * (BINS - BINS // 2 - 1))
    counts, _ = np.histogram(flat, BINS, (low, high))
    return Column(step, low, high, counts.tolist())


def is_picture(shape: Sequence[int | None] | None) -> bool:
    """Whether a variable of this shape can be seen as images."""
    if shape is None or None in shape:
        return False
    sizes = [size for size in shape if size is not None]
    if len(sizes) == 4:
        return 2 <= sizes[0] <= 64 and 2 <= sizes[1] <= 64
    if len(sizes) == 2:
        return math.isqrt(sizes[0]) ** 2 == sizes[0] >= 25 or min(sizes) >= 2
    return len(sizes) == 3 and min(sizes[1:]) >= 2


def as_images(step: int, values: Any) -> Images:
    """A variable as images, as `labkit.draw.weights` shows it: columns of a square number of rows, filters, a matrix.

    Example:
        >>> import numpy as np
        >>> as_images(0, np.zeros([784, 10])).pixels.shape, as_images(0, np.zeros([5, 5, 1, 32])).pixels.shape
        ((10, 28, 28), (32, 5, 5))
        >>> as_images(0, np.zeros([512, 10])).pixels.shape
        (1, 32, 10)
    """
    array = np.asarray(values, np.float32)
    if array.ndim == 4:  # (height, width, channels, count): each channel of each filter is an image
        grid = array.transpose(3, 2, 0, 1).reshape(-1, *array.shape[:2])
    elif array.ndim == 2 and math.isqrt(array.shape[0]) ** 2 == array.shape[0] >= 25:
        side = math.isqrt(array.shape[0])
        grid = array.T.reshape(-1, side, side)
    elif array.ndim == 3:
        grid = array
    else:
        grid = array.reshape(1, -1, array.shape[-1]) if array.ndim > 1 else array.reshape(1, 1, -1)
    of, shown = len(grid), grid[:MOST_TILES]
    finite = np.where(np.isfinite(shown), shown, 0)
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    small = _smaller(finite)
    limit = float(np.abs(small).max()) if small.size else 0.0
    pixels = np.rint(small * (127 / limit) if limit else small).astype(np.int8)
    return Images(step, pixels, limit, low, high, of)


def _smaller(grid: Array) -> Array:
    """At most 32 pixels each way: means of neighbouring ones."""
    small = grid
    for axis in (1, 2):
        size = int(small.shape[axis])
        if size > _MOST_SIDE:
            edges: Array = np.linspace(0, size, _MOST_SIDE + 1).astype(int)
            widths: Array = np.diff(edges).reshape([-1 if a == axis else 1 for a in range(3)])
            small: Array = np.add.reduceat(small, edges[:-1], axis=axis) / widths
    return small


def norm(values: Any) -> float:
    """The Euclidean norm of an array."""
    array = np.asarray(values)
    return float(np.sqrt(np.sum(np.square(array, dtype=np.float64)))) if array.size else 0.0
