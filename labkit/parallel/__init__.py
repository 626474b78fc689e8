"""Data parallelism: one training step on many replicas, computed for real, on simulated machines.

step.py             a training step taken apart: gradients of a batch, update of the state
replay.py           the gradients of many replicas, updates in the order of a schedule
schedules.py        who reads which version of the weights when, and whose gradient counts
communication.py    how long weights and gradients travel: parameter servers, all-reduce
wire.py             in how many bits, all numbers or the largest, with or without feedback of what was lost
transports.py       latency and bandwidth of transports, measured here; transport_peer.py: the process at the other end
sampling.py         which examples a worker takes in its turn
clock.py            how long a gradient takes: a number, or what the simulator finds for a machine
faults.py           what fails, who notices, what then
timeline.py         what happens when, failures included: timeline_sync.py, timeline_async.py; tape.py: who did what
modes.py            the numbers of a timeline; ring.py: asynchronous updates as one compiled loop
measuring.py        metrics, bytes, and whether replicas can be joined
pipeline.py         layers on several devices: GPipe, 1F1B, interleaved; bubbles and memory; orders.py: the schedules
stages.py           the layers of a learner's graph as such stages; stage_ops.py: which op belongs to which
microbatches.py     the gradients of a batch from those of its microbatches
splitting.py        op parallelism: one op as k smaller ones on k devices; softmax_cuts.py: softmax and cross entropy;
                    unjoining.py: what need not be joined
ready_queues.py     task parallelism: who takes which op when; moments.py: what was pending, ready, running
crossovers.py       bytes moved by data and by model parallelism, and where they are the same
scaling.py          curves of time, speed-up and efficiency against replicas; translation.py: eight GPUs of one model
published.py        how training scaled for others; published_curves.py, comparison.py: beside what is simulated
replicated.py       the same step as one compiled program on several devices
devices.py          ... on the devices of this process: `Devices`
cluster_run.py      a TensorFlow program for a cluster, every task a thread of this process
processes/          the same step on real processes: started, trained, killed, ended from the notebook
arguments.py        what a learner hands in, checked
run.py              `DataParallel`: all of it together; history.py: what came out
"""

from labkit.parallel import processes
from labkit.parallel.clock import Clock
from labkit.parallel.cluster_run import run_cluster
from labkit.parallel.communication import TRANSPORTS, AllReduce, Communication, ParameterServers, Transport
from labkit.parallel.comparison import Comparison, compare, compare_all
from labkit.parallel.crossovers import Crossover, DenseLayer, crossover
from labkit.parallel.devices import Devices
from labkit.parallel.faults import Fault, Recovery
from labkit.parallel.history import Happening, History, Lost, Point
from labkit.parallel.microbatches import microbatched
from labkit.parallel.moments import Moment, ReadyQueue
from labkit.parallel.pipeline import Pipeline, PipelineRun, bubble_share
from labkit.parallel.published import POINTS, Published, implied_overhead
from labkit.parallel.ready_queues import ready_queue
from labkit.parallel.replay import Replicas, Update
from labkit.parallel.run import MODES, DataParallel
from labkit.parallel.sampling import SAMPLINGS, Sampling
from labkit.parallel.scaling import Curve, backup_curve, scaling_curve, times_to
from labkit.parallel.schedules import Asynchronous, Synchronous, asynchronous, synchronous
from labkit.parallel.splitting import split
from labkit.parallel.step import Gradients, Part, TrainingStep, batch_of
from labkit.parallel.transports import Transports, measure_transports
from labkit.parallel.unjoining import unjoin
from labkit.parallel.wire import FORMATS, Wire

__all__ = [
    "FORMATS", "MODES", "POINTS", "SAMPLINGS", "TRANSPORTS", "AllReduce", "Asynchronous", "Clock", "Communication",
    "Comparison", "Crossover", "Curve", "DataParallel", "DenseLayer", "Devices", "Fault", "Gradients", "Happening",
    "History", "Lost", "Moment", "ParameterServers", "Part", "Pipeline", "PipelineRun", "Point", "Published",
    "ReadyQueue", "Recovery", "Replicas", "Sampling", "Synchronous", "TrainingStep", "Transport", "Transports",
    "Update", "Wire", "asynchronous", "backup_curve", "batch_of", "bubble_share", "compare", "compare_all",
    "crossover", "implied_overhead", "measure_transports", "microbatched", "processes", "ready_queue", "run_cluster",
    "scaling_curve", "split", "synchronous", "times_to", "unjoin",
]  # fmt: skip
