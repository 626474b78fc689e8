"""`tf.compat.v1`: labkit itself, under the name that TensorFlow 2 gives to TensorFlow 1.

A program that begins with `import tensorflow.compat.v1 as tf` begins here with `import labkit.compat.v1 as tf`.

Example:
    >>> import labkit.compat.v1 as tf
    >>> tf.disable_v2_behavior()
    >>> float(tf.Session().run(tf.square(3.0)))
    9.0
"""

from __future__ import annotations

import importlib
from typing import Any


def disable_v2_behavior() -> None:
    """Does nothing: labkit is TensorFlow 1 throughout.

    Example:
        >>> import labkit.compat.v1 as tf
        >>> tf.disable_v2_behavior()
    """


disable_eager_execution = disable_v2_behavior


def __getattr__(name: str) -> Any:
    return getattr(importlib.import_module("labkit"), name)
