"""`tf.python`: old module paths, such as `from tensorflow.python.framework import ops` in programs of 2016."""

from labkit.python import client, framework, lib, ops, util

__all__ = ["client", "framework", "lib", "ops", "util"]
