"""`tf.python.ops`: see `labkit.python`."""

from labkit.python.ops import gen_nn_ops, lookup_ops, rnn, rnn_cell

__all__ = ["gen_nn_ops", "lookup_ops", "rnn", "rnn_cell"]
