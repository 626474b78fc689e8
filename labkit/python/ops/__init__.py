"""`tf.python.ops`: see `labkit.python`."""

from labkit.python.ops import rnn, rnn_cell

__all__ = ["rnn", "rnn_cell"]
