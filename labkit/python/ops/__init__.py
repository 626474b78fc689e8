"""`tf.python.ops`: see `labkit.python`."""

from labkit.python.ops import lookup_ops, rnn, rnn_cell

__all__ = ["lookup_ops", "rnn", "rnn_cell"]
