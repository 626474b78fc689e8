"""Whole files as strings in a graph: `tf.read_file`, `tf.write_file`, `tf.matching_files`.

Example:
    >>> import os, labkit as tf
    >>> path = os.path.join(tf.test.get_temp_dir(), "whole_file.txt")
    >>> tf.Session().run(tf.write_file(path, "hello"))
    >>> tf.Session().run(tf.read_file(path))
    b'hello'

Source: `tensorflow/core/ops/io_ops.cc` (1.4).
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from labkit import gfile
from labkit.dtypes import string
from labkit.errors import ShapeError
from labkit.graph import Operation, Spec, Tensor, apply, apply_node, op
from labkit.ops.host import HostOp, NumpyArray
from labkit.shapes import shape_text


def _scalar(what: str, spec: Spec) -> None:
    if spec.shape is not None and spec.shape != ():
        raise ShapeError(
            f"the {what} must be a scalar, and its shape is {shape_text(spec.shape)}.\n"
            "  Try: tf.map_fn(tf.read_file, names, tf.string) for several files."
        )


@op
class ReadFile(HostOp):
    """What is in a file."""

    args = ("filename:string",)

    def infer(self, filename: Spec) -> Spec:
        _scalar("name of the file", filename)
        return Spec(string, ())

    def kernel(self, filename: NumpyArray) -> NumpyArray:
        with gfile.GFile(np.asarray(filename).item(), "rb") as file:
            return np.array(file.read(), object)


def read_file(filename: Any, name: str | None = None) -> Tensor:
    """What is in a file, as one string.

    Args:
        filename: a scalar string.
        name: name of the node.

    Returns:
        A scalar string tensor.

    Raises:
        NotFoundError: when the graph runs, if there is no such file.

    Example:
        >>> import labkit as tf
        >>> content = tf.Session().run(tf.read_file(tf.gfile.__file__))
        >>> content[:13]
        b'r\"\"\"`tf.gfile'
    """
    return apply(ReadFile(), filename, name=name)


@op
class WriteFile(HostOp):
    """Writes a string to a file."""

    args = ("filename:string", "contents:string")

    def infer(self, filename: Spec, contents: Spec) -> tuple[Spec, ...]:
        _scalar("name of the file", filename)
        _scalar("content of the file", contents)
        return ()

    def kernel(self, filename: NumpyArray, contents: NumpyArray) -> tuple[()]:
        path: bytes = np.asarray(filename).item()
        folder = os.path.dirname(path)
        if folder:
            gfile.MakeDirs(folder)
        with gfile.GFile(path, "wb") as file:
            file.write(np.asarray(contents).item())
        return ()


def write_file(filename: Any, contents: Any, name: str | None = None) -> Operation:
    """Writes a string to a file when it runs; makes the folder if needed, replaces a file of that name.

    Args:
        filename: a scalar string.
        contents: a scalar string.
        name: name of the node.

    Returns:
        The operation that writes.

    Example:
        >>> import os, labkit as tf
        >>> path = os.path.join(tf.test.get_temp_dir(), "new", "written.txt")
        >>> tf.Session().run(tf.write_file(path, "content"))
        >>> tf.gfile.GFile(path).read()
        'content'
    """
    return apply_node(WriteFile(), filename, contents, name=name)


@op
class MatchingFiles(HostOp):
    """The names of the files that match a pattern."""

    args = ("pattern:string",)

    def infer(self, pattern: Spec) -> Spec:
        return Spec(string, (None,))

    def kernel(self, pattern: NumpyArray) -> NumpyArray:
        found = {path for entry in np.asarray(pattern).flat for path in gfile.Glob(entry)}
        return np.array([path.encode() for path in sorted(found)] or np.empty(0, object), object)


def matching_files(pattern: Any, name: str | None = None) -> Tensor:
    """The names of the files that match a pattern (or one of a vector of patterns), sorted.

    Args:
        pattern: a scalar or a vector of strings, with `*`, `?`, `[ab]` in the names.
        name: name of the node.

    Returns:
        A vector of strings.

    Example:
        >>> import os, labkit as tf
        >>> folder = os.path.dirname(tf.gfile.__file__)
        >>> [os.path.basename(path) for path in tf.Session().run(tf.matching_files(os.path.join(folder, "fo*.py")))]
        [b'folders.py']
    """
    return apply(MatchingFiles(), pattern, name=name)
