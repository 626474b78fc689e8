"""Recurrent networks over time: `tf.nn.static_rnn`, `tf.nn.dynamic_rnn`, and their bidirectional forms.

Read in this order: `steps.py`, `unrolled.py`, `dynamic.py`, `both_ways.py`, `raw.py`.

`static_rnn` unrolls: one copy of the cell's nodes per step, so the graph shows every step. `dynamic_rnn` is a loop (a
`Scan` whose body is the cell): the graph stays small and the number of steps may be unknown.

`raw_rnn` is the loop with everything but the cell left open.

Where `sequence_length` says that a sequence has ended, outputs are zero and the state stays as it was.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default():
    ...     x = tf.placeholder(tf.float32, [None, 10, 3])
    ...     outputs, state = tf.nn.dynamic_rnn(tf.nn.rnn_cell.GRUCell(4), x, dtype=tf.float32)
    ...     outputs.get_shape().as_list(), [v.name for v in tf.trainable_variables()][0]
    ([None, 10, 4], 'rnn/gru_cell/gates/kernel:0')

Source: `tensorflow/python/ops/rnn.py` (1.4).
"""

from labkit.rnn.both_ways import (
    bidirectional_dynamic_rnn,
    stack_bidirectional_dynamic_rnn,
    stack_bidirectional_rnn,
    static_bidirectional_rnn,
)
from labkit.rnn.dynamic import dynamic_rnn
from labkit.rnn.raw import raw_rnn
from labkit.rnn.unrolled import rnn, static_rnn, static_state_saving_rnn

__all__ = [
    "bidirectional_dynamic_rnn", "dynamic_rnn", "raw_rnn", "rnn", "stack_bidirectional_dynamic_rnn",
    "stack_bidirectional_rnn", "static_bidirectional_rnn", "static_rnn", "static_state_saving_rnn",
]  # fmt: skip
