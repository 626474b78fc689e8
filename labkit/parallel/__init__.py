"""Data parallelism: one training step on many replicas, computed for real, on simulated machines.

step.py         a training step taken apart: gradients of a batch, update of the state
replay.py       the gradients of many replicas, updates in the order of a schedule
schedules.py    who reads which version of the weights when, and whose gradient counts
"""

from labkit.parallel.replay import Replicas, Update
from labkit.parallel.schedules import Asynchronous, Synchronous, asynchronous, synchronous
from labkit.parallel.step import Gradients, Part, TrainingStep, batch_of

__all__ = [
    "Asynchronous", "Gradients", "Part", "Replicas", "Synchronous", "TrainingStep", "Update", "asynchronous",
    "batch_of", "synchronous",
]  # fmt: skip
