"""The simulated twin of a run on this machine: a step of N processes, from what one of them and their network do alone.

    compute     the step of one worker while the others rest: seconds on the clock, and seconds of its threads on the
                processor. N of them on K cores take max(clock, N x processor / K): who shares the cores waits
    all-reduce  of as many bytes as the gradients have, among N workers that do nothing else
    lateness    who shares a machine comes late to an all-reduce: what stand-ins lose that keep the processor as busy as
                the step does, with something else, and then add up as many bytes
    step        their sum: the gradients are one array, which exists only when all of them are computed

Example:
    A worker computes 4 ms on one core; an all-reduce among four takes 3 ms, and two cores are there. Nobody is late.

    >>> round(Twin(4, 0.004, 0.004, 2, 0.003, 0.0).step_seconds, 6)
    0.011

What it is not: an extrapolation. All parts are measured with as many workers as are predicted, but none of them is the
training.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from labkit.graph import Operation, Tensor
from labkit.parallel.given import given
from labkit.parallel.processes.group import Processes
from labkit.parallel.step import TrainingStep


@dataclass(frozen=True)
class Twin:
    """What is known of a worker, and of the network between workers.

    Args:
        workers: how many.
        compute_seconds: a step of one worker, on the clock.
        processor_seconds: what its threads took of the processor in that time, added up.
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
    """

    twin: Twin
    measured_seconds: float

    @property
    def off(self) -> float:
        """How far the prediction is off, as a share of what was measured."""
        return self.twin.step_seconds / self.measured_seconds - 1


def compare(
    train: Operation | TrainingStep, data: Mapping[Any, Any] | Sequence[Any], loss: Tensor | None = None, *,
    counts: Sequence[int] = (1, 2, 4), batch: int = 32, steps: int = 40, rounds: int = 3,
) -> list[Compared]:  # fmt: skip
    """Measures runs of several sizes on this machine, and predicts each from what its parts do alone.

    The parts and the whole are measured by turns, since the machine may be busier at one time than at another.

    Args:
        train: as for `Processes.train`.
        data: as for `Processes.train`.
        loss: as for `Processes.train`.
        counts: how many workers, one run for each.
        batch: examples of each worker.
        steps: of each turn; the first fifth is not counted.
        rounds: how many turns.
    """
    step, arrays = given(train, data, loss, max(counts))
    size = sum(int(tensor.spec.size_bytes() or 0) for tensor in step.sent) // 4 + 1  # and the loss
    found: list[Compared] = []
    for count in counts:
        whole: list[float] = []
        alone: list[float] = []
        processor: list[float] = []
        sums: list[float] = []
        paced: list[float] = []
        with Processes(count) as group:
            for _ in range(rounds):
                history = group.train(step, arrays, steps=steps, batch=batch, checkpoint_every=steps, tell_every=steps)
                whole += history.settings["step_seconds"][steps // 5 :]
                seconds, busy = group.alone_seconds(batch, steps)
                alone, processor = alone + seconds[steps // 5 :], processor + busy[steps // 5 :]
                if count > 1:
                    sums += group.all_reduce_seconds(size, steps)
                    paced += group.all_reduce_seconds(size, steps, float(np.median(processor)))
        cores = len(os.sched_getaffinity(0))
        reduced = float(np.median(sums)) if sums else 0.0
        twin = Twin(count, float(np.median(alone)), float(np.median(processor)), cores, reduced, 0.0)
        if paced:
            late = float(np.median(paced)) - twin.step_seconds
            twin = replace(twin, late_seconds=max(0.0, late))
        found.append(Compared(twin, float(np.median(whole))))
    return found
