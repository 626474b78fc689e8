"""Data sets as Python iterables: what runs when elements flow.

A `Source` can be gone over any number of times. Its elements are tuples of NumPy arrays, one per component. Where they
are the rows of arrays in memory, shuffling and repeating move row numbers about (`Source.numbers`), and `Batched` takes
a whole batch out of the arrays at once; so a pipeline over arrays costs little more than indexing them.

Example:
    >>> rows = Slices((np.array([1, 2, 3]),))
    >>> [batch[0].tolist() for batch in Batched(Repeated(rows, 2), 4)]
    [[1, 2, 3, 1], [2, 3]]

Source: `tensorflow/core/kernels/*_dataset_op.cc` (1.4).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from labkit.data.mixing import Rows, Words, freely_mixed_rows, mixed, mixed_rows
from labkit.errors import InvalidArgumentError, ShapeError
from labkit.feeds import aligned_empty
from labkit.graph.strings import is_strings

Values = tuple[Any, ...]


Element = Values


def values_of_row(arrays: Values, number: int) -> Values:
    """The components of the element that is a row of arrays."""
    return tuple(np.array(a[number], object) if is_strings(a) else np.asarray(a[number]) for a in arrays)


class Source:
    """Base of the sources: an iterable of elements."""

    arrays: Values | None = None
    """Where the elements are rows of arrays in memory: the arrays; `numbers` then gives the rows' numbers, in parts."""

    def __iter__(self) -> Iterator[Element]:
        raise NotImplementedError

    def numbers(self) -> Iterator[Rows]:
        """The numbers of the rows that the elements are, in parts of any size."""
        raise NotImplementedError


class One(Source):
    """One element."""

    def __init__(self, element: Values) -> None:
        self._element = element

    def __iter__(self) -> Iterator[Element]:
        yield self._element


class Slices(Source):
    """The rows of arrays of the same first size."""

    def __init__(self, arrays: Values) -> None:
        sizes = {len(array) for array in arrays}
        if len(sizes) > 1:
            raise InvalidArgumentError(
                None, None,
                f"from_tensor_slices was given components of different first sizes: {[a.shape for a in arrays]}.",
            )  # fmt: skip
        self.arrays = arrays
        self._count = sizes.pop()

    def __iter__(self) -> Iterator[Element]:
        arrays = self.arrays or ()
        return (values_of_row(arrays, i) for i in range(self._count))

    def numbers(self) -> Iterator[Rows]:
        yield np.arange(self._count)


class Produced(Source):
    """What a function that gives an iterator yields."""

    def __init__(self, start: Callable[[], Iterable[Values]]) -> None:
        self._start = start

    def __iter__(self) -> Iterator[Element]:
        return iter(self._start())


class Zipped(Source):
    """Elements of several sources side by side, until the shortest ends."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources

    def __iter__(self) -> Iterator[Element]:
        for together in zip(*self._sources):  # noqa: B905  # the shortest decides, as in TensorFlow
            yield tuple(part for element in together for part in element)


class Chained(Source):
    """One source after another."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources

    def __iter__(self) -> Iterator[Element]:
        return itertools.chain.from_iterable(self._sources)


class Repeated(Source):
    """A source several times; for ever if the count is negative."""

    def __init__(self, source: Source, count: int) -> None:
        self._source = source
        self._count = count
        self.arrays = source.arrays

    def __iter__(self) -> Iterator[Element]:
        return self._again(lambda: iter(self._source))

    def numbers(self) -> Iterator[Rows]:
        return self._again(self._source.numbers)

    def _again(self, start: Callable[[], Iterator[Any]]) -> Iterator[Any]:
        return itertools.chain.from_iterable(self._rounds(start))

    def _rounds(self, start: Callable[[], Iterator[Any]]) -> Iterator[Iterator[Any]]:
        for _ in itertools.count() if self._count < 0 else range(self._count):
            elements = start()
            try:
                first = next(elements)
            except StopIteration:  # repeating nothing for ever would never give control back
                return
            yield itertools.chain([first], elements)


class Sliced(Source):
    """A part of a source: from `start` to `stop`, every `step`-th."""

    def __init__(self, source: Source, start: int, stop: int | None, step: int = 1) -> None:
        self._source = source
        self._bounds = start, stop, step
        self.arrays = source.arrays

    def __iter__(self) -> Iterator[Element]:
        return itertools.islice(self._source, *self._bounds)

    def numbers(self) -> Iterator[Rows]:
        start, stop, step = self._bounds
        at = 0
        for part in self._source.numbers():
            if stop is not None and at >= stop:
                return
            first = start - at if at < start else (start - at) % step
            yield part[first : None if stop is None else stop - at : step]
            at += len(part)


class Filtered(Source):
    """Those elements for which a function is true."""

    def __init__(self, source: Source, function: Callable[[Values], Values]) -> None:
        self._source = source
        self._function = function

    def __iter__(self) -> Iterator[Element]:
        return (element for element in self._source if bool(self._function(element)[0]))


class Interleaved(Source):
    """Elements of the sources that a function gives, `cycle` of them at a time, `block` elements from each."""

    def __init__(self, source: Source, function: Callable[[Values], Values], cycle: int, block: int) -> None:
        self._source = source
        self._function = function
        self._cycle = cycle
        self._block = block

    def __iter__(self) -> Iterator[Element]:
        outer = (iter(self._function(element)[0]) for element in self._source)
        places: list[Iterator[Element] | None] = list(itertools.islice(outer, self._cycle))
        while any(place is not None for place in places):
            for position, place in enumerate(places):
                if place is None:
                    continue
                taken = 0
                for element in itertools.islice(place, self._block):
                    taken += 1
                    yield element
                if taken < self._block:  # this one is at its end: the next takes its place
                    places[position] = next(outer, None)


class Shuffled(Source):
    """Each element drawn from the next `size` ones.

    Args:
        source: what to mix.
        size: of the buffer.
        draw: gives, each time the source is gone over, a stream of random numbers.
        seeded: False if any order will do.
    """

    def __init__(self, source: Source, size: int, draw: Callable[[], Words], seeded: bool = True) -> None:
        self._source = source
        self._size = size
        self._draw = draw
        self._seeded = seeded
        self.arrays = source.arrays

    def __iter__(self) -> Iterator[Element]:
        return mixed(iter(self._source), self._size, self._draw())

    def numbers(self) -> Iterator[Rows]:
        if not self._seeded:
            return freely_mixed_rows(self._source.numbers(), self._size)
        return mixed_rows(self._source.numbers(), self._size, self._draw())


class Batched(Source):
    """Elements stacked in groups.

    Args:
        source: what to group.
        size: elements in a group.
        stack: from the elements of a group to the group; by default they must have equal shapes.
        drop_remainder: True leaves out a last, smaller group.
    """

    def __init__(
        self, source: Source, size: int, stack: Callable[[list[Values]], Values] | None = None,
        drop_remainder: bool = False,
    ) -> None:  # fmt: skip
        self._source = source
        self._size = size
        self._stack = stack
        self._drop = drop_remainder

    def __iter__(self) -> Iterator[Element]:
        arrays = self._source.arrays
        if arrays is not None and self._stack is None:
            return (tuple(rows_of(a, rows) for a in arrays) for rows in self._row_groups(self._source.numbers()))
        return map(self._stack or stacked, self._groups(iter(self._source)))

    def _groups(self, rest: Iterator[Any]) -> Iterator[list[Any]]:
        while group := list(itertools.islice(rest, self._size)):
            if self._drop and len(group) < self._size:
                return
            yield group

    def _row_groups(self, parts: Iterator[Rows]) -> Iterator[Rows]:
        left = np.zeros(0, np.int64)
        for part in parts:
            rows = np.concatenate([left, part]) if len(left) else part
            whole = len(rows) - len(rows) % self._size
            for start in range(0, whole, self._size):
                yield rows[start : start + self._size]
            left = rows[whole:]
        if len(left) and not self._drop:
            yield left


def rows_of(array: Any, numbers: Rows) -> Any:
    """Rows of an array, where XLA can read them in place."""
    if is_strings(array):
        return array[numbers]
    rows = aligned_empty((len(numbers), *array.shape[1:]), array.dtype)
    return np.take(array, numbers, axis=0, out=rows, mode="clip")  # "raise" would go through another buffer


def stacked(elements: list[Values]) -> Values:
    """Elements of equal shapes as one.

    Raises:
        InvalidArgumentError: if the shapes differ.
    """
    result: list[Any] = []
    for position, parts in enumerate(zip(*elements, strict=True)):
        shapes = {part.shape for part in parts}
        if len(shapes) > 1:
            raise InvalidArgumentError(
                None, None,
                f"batch stacks elements of one shape, and component {position} has {sorted(shapes)}.\n"
                "  Try: padded_batch(batch_size, padded_shapes), which fills them up.",
            )  # fmt: skip
        result.append(np.stack(parts))
    return tuple(result)


def padded(elements: list[Values], shapes: Sequence[Sequence[int]], fills: Sequence[Any]) -> Values:
    """Elements filled up to given sizes (-1: that of the largest) and stacked.

    Raises:
        ShapeError: if an element is larger than the size given.
    """
    result: list[Any] = []
    for parts, shape, fill in zip(zip(*elements, strict=True), shapes, fills, strict=True):
        if any(part.ndim != len(shape) for part in parts):
            raise ShapeError(f"padded_batch was given the shape {list(shape)} for an element of {parts[0].ndim} axes.")
        largest: list[int] = np.max([part.shape for part in parts], axis=0).tolist() if len(shape) else []
        wanted = [most if size < 0 else int(size) for size, most in zip(shape, largest, strict=True)]
        if any(most > size for size, most in zip(wanted, largest, strict=True)):
            raise ShapeError(f"padded_batch pads to {wanted}, and an element is larger: {largest}.")
        is_text = is_strings(parts[0])
        batch: Any = np.full((len(parts), *wanted), fill, object if is_text else parts[0].dtype)
        for row, part in enumerate(parts):
            batch[(row, *(slice(size) for size in part.shape))] = part
        result.append(batch)
    return tuple(result)


class Cached(Source):
    """A source that is computed once and then kept in memory."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._kept: list[Element] | None = None

    def __iter__(self) -> Iterator[Element]:
        if self._kept is not None:
            yield from self._kept
            return
        kept: list[Element] = []
        for element in self._source:
            kept.append(element)
            yield element
        self._kept = kept  # only now: a source that was left half-way is not kept
