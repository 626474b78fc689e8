"""The simulated twin of a run on this machine: a step of N processes, from what its parts do alone.

    compute     the step of one worker while the others rest, without the all-reduce: seconds on the clock. And with all
                at once: seconds of the processor. N of them on K cores take max(clock, N x processor / K): who shares
                the cores waits
    all-reduce  of as many bytes as the gradients have, among N workers that do nothing else
    lateness    who shares a machine comes late to an all-reduce, and who waited has to be woken: what stand-ins lose
                that keep the processor as busy as the step does, with something else, and then add up as many bytes
    step        their sum: the gradients are one array, which exists only when all of them are computed

The parts and whole steps are measured by turns of a few milliseconds, in the same processes, since a machine may be
busier now than in a second: what both suffer cancels.

Example:
    A worker computes 4 ms on one core; an all-reduce among four takes 3 ms, and two cores are there. Nobody is late.

    >>> round(Twin(4, 0.004, 0.004, 2, 0.003, 0.0).step_seconds, 6)
    0.011

What it is not: an extrapolation. All parts are measured with as many workers as are predicted, but none of them is the
training.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from labkit.errors import GraphError
from labkit.graph import Operation, Tensor
from labkit.parallel.given import counted, given
from labkit.parallel.processes.group import Processes
from labkit.parallel.step import TrainingStep


@dataclass(frozen=True)
class Twin:
    """What is known of a worker, and of the network between workers.

    Args:
        workers: how many.
        compute_seconds: a step of one worker, on the clock.
        processor_seconds: what its threads take of the processor for it while all workers compute, added up.
        cores: how many cores the workers share.
        all_reduce_seconds: of the gradients; 0 for one worker.
        late_seconds: what waiting for one another adds.
    """

    workers: int
    compute_seconds: float
    processor_seconds: float
    cores: int
    all_reduce_seconds: float
    late_seconds: float

    @property
    def shared_seconds(self) -> float:
        """How long the computing takes while the others compute too."""
        if self.workers == 1:
            return self.compute_seconds
        return max(self.compute_seconds, self.workers * self.processor_seconds / self.cores)

    @property
    def step_seconds(self) -> float:
        """How long a step takes, by this."""
        return self.shared_seconds + self.all_reduce_seconds + self.late_seconds


class Compared(NamedTuple):
    """A step of so many workers.

    Args:
        twin: what predicts it.
        measured_seconds: the median of the steps.
        quartiles: a quarter of the steps took less than the first, and a quarter more than the second.
    """

    twin: Twin
    measured_seconds: float
    quartiles: tuple[float, float] = (math.nan, math.nan)

    @property
    def off(self) -> float:
        """How far the prediction is off, as a share of what was measured."""
        return self.twin.step_seconds / self.measured_seconds - 1

    def __repr__(self) -> str:
        many, found, said = self.twin.workers, self.measured_seconds * 1e3, self.twin.step_seconds * 1e3
        name = f"{many} process{'es' * (many != 1)}"
        return f"<{name}: measured {found:.3g} ms, simulated {said:.3g} ms, {100 * self.off:+.0f} %>"


def compare(
    train: Operation | TrainingStep, data: Mapping[Any, Any] | Sequence[Any], loss: Tensor | None = None, *,
    counts: Sequence[int] = (1, 2, 4), batch: int = 32, turns: int = 12, each: int = 10,
) -> list[Compared]:  # fmt: skip
    """Measures runs of several sizes on this machine, and predicts each from what its parts do alone.

    Args:
        train: as for `Processes.train`.
        data: as for `Processes.train`.
        loss: as for `Processes.train`.
        counts: how many workers, one run for each.
        batch: examples of each worker.
        turns: how many turns; the first is not counted.
        each: how often in a turn each part is done, and the step itself.

    Raises:
        GraphError: if there are no counts, or a number is no positive whole number.
    """
    if not isinstance(counts, Sequence) or isinstance(counts, str) or not counts:  # pyright: ignore[reportUnnecessaryIsInstance]  # learners are not typed
        raise GraphError(f"counts is {counts!r:.60}; it says how many workers each run has.\n  Try: counts=(1, 2, 4).")
    counts = [counted(count, "a count") for count in counts]
    batch, turns, each = counted(batch, "batch"), counted(turns, "turns", 2), counted(each, "each")
    step, arrays = given(train, data, loss, max(counts))
    found: list[Compared] = []
    for count in counts:
        with Processes(count) as group:
            group.train(step, arrays, steps=1, batch=batch)
            first = group.parts(batch, turns, each)[0]
        several = count > 1
        parts = ("whole", "alone", "all_reduce", "after_work") if several else ("whole", "alone")
        took = {what: [one[-1] - one[0] for one in first[what]] for what in parts}
        middle = {what: float(np.median(seconds)) for what, seconds in took.items()}
        processor = float(np.median(first["processor"]))
        cores = len(os.sched_getaffinity(0))
        twin = Twin(count, middle["alone"], processor, cores, middle["all_reduce"] if several else 0.0, 0.0)
        if several:
            twin = replace(twin, late_seconds=max(0.0, middle["after_work"] - twin.step_seconds))
        low, high = (float(np.quantile(took["whole"], share)) for share in (0.25, 0.75))
        found.append(Compared(twin, middle["whole"], (low, high)))
    return found
