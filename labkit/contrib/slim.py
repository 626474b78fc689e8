"""`tf.contrib.slim`: contrib's layers, losses and scopes under one short name.

Example:
    >>> import labkit as tf
    >>> from labkit.contrib import slim
    >>> decay = slim.l2_regularizer(0.1)
    >>> with tf.Graph().as_default(), slim.arg_scope([slim.fully_connected], weights_regularizer=decay):
    ...     y = slim.fully_connected(tf.zeros([5, 784]), 10)
    ...     len(tf.losses.get_regularization_losses())
    1

Source: `tensorflow/contrib/slim/__init__.py` (1.4).
"""

from __future__ import annotations

import importlib
from typing import Any

from labkit.contrib import framework, layers
from labkit.contrib.framework import add_arg_scope as add_arg_scope
from labkit.contrib.framework import arg_scope as arg_scope
from labkit.missing import missing_name

_MODULES = {
    "layers": "labkit.contrib.layers", "losses": "labkit.contrib.losses", "metrics": "labkit.contrib.metrics",
    "learning": "labkit.contrib.slim_learning",
}  # fmt: skip
_NAMES = [*dict.fromkeys([*layers.__all__, *framework.__all__, *_MODULES])]


def __dir__() -> list[str]:
    """The names that `slim.` offers."""
    return _NAMES


def __getattr__(name: str) -> Any:
    """A layer, a function of `tf.contrib.framework`, or one of slim's modules."""
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    for module in (layers, framework):
        if name in module.__all__:
            return getattr(module, name)
    return missing_name(__name__, name, _NAMES)
