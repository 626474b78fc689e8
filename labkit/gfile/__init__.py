r"""`tf.gfile`: files and folders, with TensorFlow's names and errors.

`GFile` is a file that opens when it is first read or written. Text is UTF-8, without translation of line ends, so
`seek` and `tell` count bytes in every mode. What goes wrong is an error of `tf.errors`: `NotFoundError` for a file that
is not there, `AlreadyExistsError`, `PermissionDeniedError`.

Only this computer's files can be reached: `gs://` and `hdfs://` are errors that say so.

Example:
    >>> import os, tempfile, labkit as tf
    >>> path = os.path.join(tempfile.mkdtemp(), "notes", "a.txt")
    >>> tf.gfile.MakeDirs(os.path.dirname(path))
    >>> with tf.gfile.GFile(path, "w") as file:
    ...     file.write("first\nsecond\n")
    >>> tf.gfile.GFile(path).readlines(), tf.gfile.Exists(path)
    (['first\n', 'second\n'], True)

Source: `tensorflow/python/lib/io/file_io.py` and `platform/gfile.py` (1.4).
"""

from labkit.gfile.file import FastGFile, GFile, Open
from labkit.gfile.file import local_path as local_path
from labkit.gfile.file import tf_errors as tf_errors
from labkit.gfile.folders import (
    Copy,
    DeleteRecursively,
    Exists,
    Glob,
    IsDirectory,
    ListDirectory,
    MakeDirs,
    MkDir,
    Remove,
    Rename,
    Stat,
    Walk,
)

__all__ = [
    "Copy", "DeleteRecursively", "Exists", "FastGFile", "GFile", "Glob", "IsDirectory", "ListDirectory", "MakeDirs",
    "MkDir", "Open", "Remove", "Rename", "Stat", "Walk",
]  # fmt: skip
