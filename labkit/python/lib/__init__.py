"""`tf.python.lib`: see `labkit.python`."""

from labkit.python.lib import io

__all__ = ["io"]
