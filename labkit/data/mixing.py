"""Shuffling through a buffer, with TensorFlow's bookkeeping: equal random numbers give its order.

The buffer is a ring, and `oldest` is the place of its oldest element. Each random number chooses an element, which
leaves; the oldest one takes its place, and the next element of the source comes where the oldest was. Once the source
is at its end the buffer is emptied in the same way.

`mixed` does this for any elements. `mixed_rows` does it for row numbers, many at a time, which takes a third of the
time; `freely_mixed_rows` needs no seed and takes a tenth of that. (A loop compiled by XLA is no faster than
Python's: it copies the buffer in every step.)

Example:
    >>> list(mixed(iter("abcde"), 3, Words.of([1, 0, 5, 2, 0])))
    ['b', 'a', 'e', 'd', 'c']

Source: `tensorflow/core/kernels/shuffle_dataset_op.cc` (1.4).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from labkit.ops.philox import advance, words

Rows = np.ndarray[Any, Any]

_PART = 1024


class Words:
    """A stream of random words of 32 bits: Philox, from a state.

    Args:
        state: six words, as `labkit.ops.philox.initial_state` gives them.
    """

    def __init__(self, state: Any) -> None:
        self._state = state
        self._ready: Rows = np.zeros(0, np.int64)
        self._next_size = 256

    @staticmethod
    def of(numbers: Sequence[int]) -> Words:
        """A stream that begins with given numbers."""
        stream = Words(np.zeros(6, np.uint32))
        stream._ready = np.array(numbers, np.int64)
        return stream

    def take(self, count: int) -> Rows:
        """The next words."""
        while len(self._ready) < count:
            # In larger and larger parts: each waits for what else JAX is doing.
            with jax.enable_x64(True):
                part, self._state = _next_words(jnp.asarray(self._state), self._next_size)
                self._ready = np.concatenate([self._ready, np.asarray(part).astype(np.int64)])
            self._next_size = min(2 * self._next_size, 1 << 14)
        taken, self._ready = self._ready[:count], self._ready[count:]
        return taken


def _words_and_state(state: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
    return words(state, count), advance(state, count // 4)


_next_words: Any = jax.jit(_words_and_state, static_argnums=1)


def mixed(rest: Iterator[Any], size: int, draw: Words) -> Iterator[Any]:
    """Each element drawn from the next `size` ones.

    Args:
        rest: the elements.
        size: of the buffer.
        draw: random numbers.
    """
    buffer = list(itertools.islice(rest, size))
    count, oldest = len(buffer), 0
    for new in rest:
        chosen = (oldest + int(draw.take(1)[0])) % count
        yield buffer[chosen]
        buffer[chosen] = buffer[oldest]
        buffer[oldest] = new
        oldest = (oldest + 1) % count
    yield from _emptied(buffer[oldest:] + buffer[:oldest], draw)


def _emptied(buffer: list[Any], draw: Words) -> Iterator[Any]:
    """The elements of a buffer that is not filled up any more; its first one is the oldest."""
    count = len(buffer)
    for start in range(0, count, _PART):
        places = np.arange(start, min(start + _PART, count))
        chosen_places = (places + draw.take(len(places)) % (count - places)).tolist()
        for place, chosen in zip(places.tolist(), chosen_places, strict=True):
            yield buffer[chosen]
            buffer[chosen] = buffer[place]


def _as_list(rows: Rows) -> list[int]:
    return rows.tolist()


def mixed_rows(parts: Iterator[Rows], size: int, draw: Words) -> Iterator[Rows]:
    """The same for row numbers that come, and go, in parts."""
    rest: Iterator[int] = itertools.chain.from_iterable(_as_list(rows) for rows in parts)
    buffer: list[int] = list(itertools.islice(rest, size))
    count, oldest = len(buffer), 0
    while part := list(itertools.islice(rest, _PART)):
        places = np.arange(oldest, oldest + len(part))
        chosen_places: list[int] = ((places + draw.take(len(part)) % count) % count).tolist()
        out: list[int] = []
        for new, chosen, place in zip(part, chosen_places, (places % count).tolist(), strict=True):
            out.append(buffer[chosen])
            buffer[chosen] = buffer[place]
            buffer[place] = new
        oldest = (oldest + len(part)) % count
        yield np.array(out, np.int64)
    order = _emptied(buffer[oldest:] + buffer[:oldest], draw)
    while left := list(itertools.islice(order, _PART)):
        yield np.array(left, np.int64)


def freely_mixed_rows(parts: Iterator[Rows], size: int) -> Iterator[Rows]:
    """Row numbers in an order that nobody asked to see again: each drawn from about the next `size` ones.

    Without a seed TensorFlow's bookkeeping need not be followed, and so a part of the buffer can leave at a time, drawn
    without replacement, and the next rows take its place: a tenth of the time.
    """
    random = np.random.default_rng()
    start: list[Rows] = []
    have = 0
    while have < size and (part := next(parts, None)) is not None:
        start.append(part)
        have += len(part)
    joined = np.concatenate([np.zeros(0, np.int64), *start])
    buffer = joined[:size].copy()
    most = max(1, min(_PART, size // 8))
    for part in itertools.chain([joined[size:]], parts):
        for first in range(0, len(part), most):
            rows = part[first : first + most]
            chosen = random.choice(len(buffer), len(rows), replace=False)
            yield buffer[chosen]
            buffer[chosen] = rows
    yield random.permutation(buffer)
