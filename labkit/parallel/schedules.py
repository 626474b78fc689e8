"""Who reads which version of the weights when, and whose gradient counts: the clock of data parallelism.

    synchronous     every worker computes on the same version; the step ends with the n-th gradient of n + b that were
                    begun, and the b slowest of each step are dropped (backup workers)
    asynchronous    every worker reads, computes and sends for itself; a server applies what comes, one after the other

Durations come in as arrays or as a function, so that they can be drawn from a model of stragglers, or computed by the
simulator of machines. Ties go to the worker with the smaller number.

Example:
    Four workers of equal speed, one server that needs no time: each gradient is 3 updates old in the end.

    >>> run = asynchronous(4, 8, lambda worker, turn: 1.0)
    >>> run.workers.tolist(), run.staleness.tolist()
    ([0, 1, 2, 3, 0, 1, 2, 3], [0, 1, 2, 3, 3, 3, 3, 3])
    >>> steps = synchronous(np.array([[1.0, 2.0, 9.0], [1.0, 2.0, 3.0]]), backup=1)
    >>> steps.seconds.tolist(), steps.counted.tolist()
    ([2.0, 2.0], [[1, 1, 0], [1, 1, 0]])

Source: J. Chen et al.: "Revisiting distributed synchronous SGD", 2016; TensorFlow (OSDI 2016), section 4.4.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.errors import GraphError


@dataclass(frozen=True)
class Synchronous:
    """Synchronous steps.

    Args:
        seconds: (steps,) how long each took.
        counted: (steps, workers) 1 where the gradient came in time, 0 where it was dropped.
    """

    seconds: NDArray[np.float64]
    counted: NDArray[np.int64]

    @property
    def ends(self) -> NDArray[np.float64]:
        """(steps,) when each ended."""
        return np.cumsum(self.seconds)


@dataclass(frozen=True)
class Asynchronous:
    """Asynchronous updates, in the order in which they were applied.

    Args:
        workers: (updates,) whose gradient it was.
        reads: (updates,) the version that the worker had read: how many updates were applied then.
        ends: (updates,) when it was applied.
    """

    workers: NDArray[np.int64]
    reads: NDArray[np.int64]
    ends: NDArray[np.float64]

    @property
    def staleness(self) -> NDArray[np.int64]:
        """(updates,) how many updates were applied between reading and applying."""
        return np.arange(len(self.reads)) - self.reads


def synchronous(compute_seconds: Any, backup: int = 0, other_seconds: Any = 0.0) -> Synchronous:
    """Steps of n + b workers that wait for the first n.

    Args:
        compute_seconds: (steps, workers) how long each worker takes for its gradient.
        backup: b, how many of the workers are not waited for.
        other_seconds: a number, or (steps,): what each step takes besides, such as sending.

    Raises:
        GraphError: if there are not more workers than backups, or a time is no finite number of at least 0.
    """
    draws = np.asarray(compute_seconds, np.float64)
    if draws.ndim != 2 or not draws.size or not np.all(np.isfinite(draws)) or np.any(draws < 0):
        raise GraphError(
            f"compute_seconds has the shape {draws.shape}; it has a row for each step and a column for each worker, "
            "and its times are finite and not negative."
        )
    workers = draws.shape[1]
    if not 0 <= backup < workers:
        raise GraphError(
            f"{backup} of {workers} workers are to be backups: a step must wait for at least one.\n"
            f"  Try: backup=0 to {workers - 1}; the published best is 4 of 54."
        )
    order = np.argsort(draws, axis=1, kind="stable")[:, : workers - backup]
    counted = np.zeros(draws.shape, np.int64)
    np.put_along_axis(counted, order, 1, axis=1)
    seconds = np.take_along_axis(draws, order[:, -1:], axis=1)[:, 0] + np.asarray(other_seconds, np.float64)
    return Synchronous(seconds, counted)


def asynchronous(
    workers: int, updates: int, compute_seconds: Callable[[int, int], float], pull_seconds: float = 0.0,
    push_seconds: float = 0.0, apply_seconds: float = 0.0,
) -> Asynchronous:  # fmt: skip
    """Updates of workers that wait for nobody.

    Args:
        workers: how many.
        updates: how many updates are looked at.
        compute_seconds: (worker, turn) -> how long the worker takes for its gradient in its turn, both from 0.
        pull_seconds: how long the weights travel; what arrives is the version of the moment when they left.
        push_seconds: how long the gradient travels.
        apply_seconds: how long the server works on one; it works on one at a time, in the order of arrival.

    Raises:
        GraphError: if there are no workers, or no updates are asked for.
    """
    if workers < 1 or updates < 1:
        raise GraphError(f"{workers} workers and {updates} updates were asked for; at least one of each.")
    whose, reads = np.zeros(updates, np.int64), np.zeros(updates, np.int64)
    ends = np.zeros(updates)
    turn, version = [0] * workers, [0] * workers
    arrivals = [(pull_seconds + compute_seconds(w, 0) + push_seconds, w) for w in range(workers)]
    heapq.heapify(arrivals)
    free = 0.0
    for number in range(updates):
        arrived, worker = heapq.heappop(arrivals)
        free = max(free, arrived) + apply_seconds
        whose[number], reads[number], ends[number] = worker, version[worker], free
        turn[worker] += 1
        version[worker] = number + 1
        again = free + pull_seconds + compute_seconds(worker, turn[worker]) + push_seconds
        heapq.heappush(arrivals, (again, worker))
    return Asynchronous(whose, reads, ends)
