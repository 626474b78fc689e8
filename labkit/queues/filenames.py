"""The names of the files of a run: `tf.train.match_filenames_once`.

Source: `tensorflow/python/training/input.py` (1.4).
"""

from __future__ import annotations

from typing import Any

from labkit.graph import GraphKeys, graph_of
from labkit.ops.files import matching_files
from labkit.variables import Variable


def match_filenames_once(pattern: Any, name: str | None = None) -> Variable:
    """The names of the files that match a pattern, looked up once: a local variable.

    Run `tf.local_variables_initializer()` before it is used.

    Args:
        pattern: a string, or a vector of them, with `*`, `?`, `[ab]` in the names.
        name: name of the variable.

    Returns:
        A variable that holds a vector of strings.

    Example:
        >>> import os, labkit as tf
        >>> folder = os.path.dirname(tf.gfile.__file__)
        >>> names = tf.train.match_filenames_once(os.path.join(folder, "fo*.py"))
        >>> with tf.Session() as sess:
        ...     sess.run(tf.local_variables_initializer())
        ...     [os.path.basename(path) for path in sess.run(names)]
        [b'folders.py']
    """
    with graph_of([pattern]).name_scope(name or "matching_filenames") as scope:
        return Variable(
            matching_files(pattern), trainable=False, validate_shape=False, name=scope,
            collections=[GraphKeys.LOCAL_VARIABLES],
        )  # fmt: skip
