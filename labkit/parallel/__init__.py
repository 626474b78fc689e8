"""Data parallelism: one training step on many replicas, computed for real, on simulated machines.

step.py             a training step taken apart: gradients of a batch, update of the state
replay.py           the gradients of many replicas, updates in the order of a schedule
schedules.py        who reads which version of the weights when, and whose gradient counts
communication.py    how long weights and gradients travel: parameter servers, all-reduce
wire.py             in how many bits
run.py              `DataParallel`: all of it together; history.py: what came out
"""

from labkit.parallel.communication import TRANSPORTS, AllReduce, Communication, ParameterServers
from labkit.parallel.history import Happening, History, Point
from labkit.parallel.replay import Replicas, Update
from labkit.parallel.run import DataParallel
from labkit.parallel.schedules import Asynchronous, Synchronous, asynchronous, synchronous
from labkit.parallel.step import Gradients, Part, TrainingStep, batch_of
from labkit.parallel.wire import FORMATS, Wire

__all__ = [
    "FORMATS", "TRANSPORTS", "AllReduce", "Asynchronous", "Communication", "DataParallel", "Gradients", "Happening",
    "History", "ParameterServers", "Part", "Point", "Replicas", "Synchronous", "TrainingStep", "Update", "Wire",
    "asynchronous", "batch_of", "synchronous",
]  # fmt: skip
