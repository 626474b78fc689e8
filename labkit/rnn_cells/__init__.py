"""`tf.nn.rnn_cell`: what a recurrent network does in one step.

A cell takes an input (batch, inputs) and a state, and returns an output (batch, units) and the next state. Its weights
are variables of its own scope, made at the first call and found again at every later one, so that all steps share them.

    BasicRNNCell    h' = tanh([x, h] W + b)
    GRUCell         r, u = sigmoid([x, h] W + b);  h' = u h + (1 - u) tanh([x, r h] V + d)
    BasicLSTMCell   i, j, f, o = [x, h] W + b;  c' = c sigmoid(f + forget_bias) + sigmoid(i) tanh(j);
                    h' = tanh(c') sigmoid(o)

Read in this order: `base.py` (what a cell is), `cells.py` (those above), `wrappers.py`, `dropout.py` and
`projections.py` (cells made of cells).
`labkit.rnn` unrolls them over time.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default():
    ...     cell = tf.nn.rnn_cell.BasicLSTMCell(4)
    ...     output, state = cell(tf.zeros([2, 3]), cell.zero_state(2, tf.float32))
    ...     output.get_shape().as_list(), [v.name for v in tf.trainable_variables()]
    ([2, 4], ['basic_lstm_cell/kernel:0', 'basic_lstm_cell/bias:0'])
"""

from labkit.missing import namespace
from labkit.rnn_cells.base import RNNCell
from labkit.rnn_cells.cells import BasicLSTMCell, BasicRNNCell, GRUCell, LSTMCell, LSTMStateTuple
from labkit.rnn_cells.dropout import DropoutWrapper
from labkit.rnn_cells.projections import EmbeddingWrapper, InputProjectionWrapper, OutputProjectionWrapper
from labkit.rnn_cells.wrappers import DeviceWrapper, MultiRNNCell, ResidualWrapper

__all__ = [
    "BasicLSTMCell", "BasicRNNCell", "DeviceWrapper", "DropoutWrapper", "EmbeddingWrapper", "GRUCell",
    "InputProjectionWrapper", "LSTMCell", "LSTMStateTuple", "MultiRNNCell", "OutputProjectionWrapper", "RNNCell",
    "ResidualWrapper",
]  # fmt: skip

__getattr__ = namespace(__name__, __all__)
