"""`tf.python.client`: see `labkit.python`."""

from labkit.python.client import device_lib, timeline

__all__ = ["device_lib", "timeline"]
