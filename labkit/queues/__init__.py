"""Input by threads: queues, the threads that fill them, and what reads files (`tf.FIFOQueue`, `tf.train.batch`, ...).

Read in this order: `queue.py` (the queues), `coordinator.py` (stopping threads together), `runner.py` (the threads),
`readers.py` (files into records), `producers.py` (lists of files), `batching.py` (batches). `accumulators.py`: means of
the gradients that many workers send.

Source: `tensorflow/python/training/input.py` and its neighbours (1.4).
"""

from labkit.queues.accumulators import (
    ConditionalAccumulator,
    ConditionalAccumulatorBase,
    SparseConditionalAccumulator,
)
from labkit.queues.batching import (
    batch,
    batch_join,
    maybe_batch,
    maybe_batch_join,
    maybe_shuffle_batch,
    maybe_shuffle_batch_join,
    shuffle_batch,
    shuffle_batch_join,
)
from labkit.queues.coordinator import Coordinator, LooperThread
from labkit.queues.producers import (
    input_producer,
    limit_epochs,
    range_input_producer,
    slice_input_producer,
    string_input_producer,
)
from labkit.queues.queue import FIFOQueue, PaddingFIFOQueue, PriorityQueue, QueueBase, RandomShuffleQueue
from labkit.queues.readers import (
    FixedLengthRecordReader,
    IdentityReader,
    ReaderBase,
    TextLineReader,
    TFRecordReader,
    WholeFileReader,
)
from labkit.queues.runner import QueueRunner, add_queue_runner, start_queue_runners

__all__ = [
    "ConditionalAccumulator", "ConditionalAccumulatorBase", "Coordinator", "FIFOQueue", "FixedLengthRecordReader",
    "IdentityReader", "LooperThread", "PaddingFIFOQueue", "PriorityQueue", "QueueBase", "QueueRunner",
    "RandomShuffleQueue", "ReaderBase", "SparseConditionalAccumulator", "TFRecordReader", "TextLineReader",
    "WholeFileReader", "add_queue_runner", "batch", "batch_join", "input_producer", "limit_epochs", "maybe_batch",
    "maybe_batch_join", "maybe_shuffle_batch", "maybe_shuffle_batch_join", "range_input_producer", "shuffle_batch",
    "shuffle_batch_join", "slice_input_producer", "start_queue_runners", "string_input_producer",
]  # fmt: skip
