"""Which examples a worker takes in its turn: a function of the worker and the turn, and of nothing else.

A change in the schedule, such as a worker that dies, does not shift what the others see. Two ways:

    random    each example is drawn from all, by a hash of (seed, worker, turn, place): no generator to keep a place in
    epochs    once an epoch the examples are shuffled and dealt out; a worker takes its own share, each example once

Example:
    >>> taken = Sampling(100, workers=4, batch=8, how="epochs", seed=1)
    >>> rows = taken.rows(np.arange(4), np.zeros(4))  # the first turn of all four
    >>> rows.shape, len(set(rows.ravel().tolist()))
    ((4, 8), 32)
    >>> bool((taken.rows([3], [0]) == rows[3]).all())
    True

Source: S. Vigna's splitmix64 (the hash); D. Lemire, "Fast random integer generation in an interval", 2019 (the range).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.errors import GraphError

SAMPLINGS = ("random", "epochs")
"""How examples can be taken."""

_GOLDEN, _FIRST, _SECOND = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


class Sampling:
    """Which examples each worker takes in each of its turns.

    Args:
        examples: how many there are.
        workers: how many share them.
        batch: how many a worker takes at once.
        how: "random" or "epochs".
        seed: another seed takes others.

    Raises:
        GraphError: if there are fewer examples than workers, if the way is unknown, or if with "epochs" a worker's
            share is smaller than a batch.
    """

    def __init__(self, examples: int, workers: int, batch: int, how: str = "random", seed: int = 0) -> None:
        if how not in SAMPLINGS:
            raise GraphError(f"examples cannot be taken by {how!r}; there are {', '.join(map(repr, SAMPLINGS))}.")
        if workers > examples:
            raise GraphError(
                f"there are {workers} workers and {examples} examples: some workers would have none.\n"
                "  Try: fewer workers, or more data."
            )
        if how == "epochs" and workers * batch > examples:
            raise GraphError(
                f"{workers} workers share {examples} examples, {examples // workers} each, and a batch takes {batch}.\n"
                "  Try: a smaller batch, fewer workers, or sampling='random'."
            )
        self.examples, self.workers, self.batch, self.how, self.seed = examples, workers, batch, how, seed
        self._orders: dict[int, NDArray[np.int64]] = {}

    def rows(self, workers: Any, turns: Any) -> NDArray[np.int32]:
        """The examples that workers take.

        Args:
            workers: (takes,) who.
            turns: (takes,) in which of its turns, from 0.

        Returns:
            (takes, batch) numbers of examples.
        """
        who, when = np.asarray(workers, np.int64), np.asarray(turns, np.int64)
        return self._random(who, when) if self.how == "random" else self._dealt(who, when)

    def _random(self, workers: NDArray[np.int64], turns: NDArray[np.int64]) -> NDArray[np.int32]:
        start = _mixed(np.array([self.seed & 0xFFFFFFFFFFFFFFFF], np.uint64))
        key = _mixed(_mixed(start + workers.astype(np.uint64)) ^ turns.astype(np.uint64))
        numbers = _mixed(key[:, None] + _GOLDEN * np.arange(1, self.batch + 1, dtype=np.uint64))
        return (((numbers >> np.uint64(32)) * np.uint64(self.examples)) >> np.uint64(32)).astype(np.int32)

    def _dealt(self, workers: NDArray[np.int64], turns: NDArray[np.int64]) -> NDArray[np.int32]:
        share = self.examples // self.workers
        epochs, places = np.divmod(turns, share // self.batch)
        columns = workers[:, None] * share + places[:, None] * self.batch + np.arange(self.batch)
        taken = np.empty(columns.shape, np.int32)
        for epoch in np.unique(epochs).tolist():
            of = epochs == epoch
            taken[of] = self._order(epoch)[columns[of]]
        return taken

    def _order(self, epoch: int) -> NDArray[np.int64]:
        if epoch not in self._orders:
            if len(self._orders) > 8:  # workers are a few epochs apart at most; what is forgotten can be made again
                self._orders.clear()
            self._orders[epoch] = np.random.default_rng([abs(self.seed), epoch]).permutation(self.examples)
        return self._orders[epoch]


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The splitmix64 hash of each."""
    with np.errstate(over="ignore"):
        numbers = numbers + _GOLDEN
        numbers = (numbers ^ (numbers >> np.uint64(30))) * _FIRST
        numbers = (numbers ^ (numbers >> np.uint64(27))) * _SECOND
        return numbers ^ (numbers >> np.uint64(31))
