"""`tf.contrib`: what TensorFlow 1 kept outside its core, as far as programs use it.

Each part is a module that is imported when it is first used: `tf.contrib.layers`, `tf.contrib.framework`,
`tf.contrib.slim`, `tf.contrib.losses`, `tf.contrib.metrics`, `tf.contrib.training`, `tf.contrib.rnn`,
`tf.contrib.seq2seq`. Their arguments and defaults are those of TensorFlow 1.4's contrib, which differ from those of
`tf.layers` and `tf.losses`: a layer there ends in a ReLU and adds its variables to the model's collection.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default():
    ...     y = tf.contrib.layers.fully_connected(tf.zeros([5, 784]), 10)
    ...     y.name, [v.name for v in tf.trainable_variables()]
    ('fully_connected/Relu:0', ['fully_connected/weights:0', 'fully_connected/biases:0'])
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from labkit.missing import missing_name


def __getattr__(name: str) -> Any:
    """A part of contrib, imported; an error that explains for those that labkit lacks."""
    parts = [module.name for module in pkgutil.iter_modules(__path__)]
    if name in parts:
        return importlib.import_module(f"{__name__}.{name}")
    return missing_name(__name__, name, parts)
