"""`tf.python.client`: see `labkit.python`."""

from labkit.python.client import timeline

__all__ = ["timeline"]
