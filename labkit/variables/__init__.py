"""`Variable`: a value that the session keeps between runs.

A variable is three nodes, as in TensorFlow: `W` (the slot; its output is a reference), `W/Assign` (the initializer)
and `W/read` (its value as a tensor, which arithmetic uses).

Example:
    >>> import labkit as tf
    >>> w = tf.Variable([1.0, 2.0], name="weights")
    >>> with tf.Session() as sess:
    ...     sess.run(tf.global_variables_initializer())
    ...     sess.run(w.assign_add([1.0, 1.0]))
    array([2., 3.], dtype=float32)

Source: `tensorflow/python/ops/variables.py` (1.4).
"""

from labkit.variables.collected import (
    assert_variables_initialized,
    global_variables,
    global_variables_initializer,
    local_variables,
    local_variables_initializer,
    model_variables,
    moving_average_variables,
    report_uninitialized_variables,
    trainable_variables,
    variables_initializer,
)
from labkit.variables.variable import Variable

__all__ = [
    "Variable",
    "assert_variables_initialized",
    "global_variables",
    "global_variables_initializer",
    "local_variables",
    "local_variables_initializer",
    "model_variables",
    "moving_average_variables",
    "report_uninitialized_variables",
    "trainable_variables",
    "variables_initializer",
]
