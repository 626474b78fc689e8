"""`tf.python.framework`: see `labkit.python`."""

from labkit.python.framework import ops

__all__ = ["ops"]
