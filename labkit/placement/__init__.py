"""Placement: which device runs which op, and why.

`constraints.py` is the placer of TensorFlow's runtime: it obeys what the program asks for and prefers fast kinds of
devices. `results.py` is what placers return: a device and a readable reason for each op.

Example:
    >>> import labkit as tf
    >>> with tf.device("/gpu:1"):
    ...     x = tf.constant(1.0, name="x")
    >>> place(x.graph, ["/cpu:0", "/gpu:0", "/gpu:1"]).device_of("x")
    '/job:localhost/replica:0/task:0/device:GPU:1'
"""

from labkit.placement.constraints import kernel_types, place
from labkit.placement.results import Decision, Placement

__all__ = ["Decision", "Placement", "kernel_types", "place"]
