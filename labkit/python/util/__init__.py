"""`tf.python.util`: see `labkit.python`."""

from labkit.python.util import compat

__all__ = ["compat"]
