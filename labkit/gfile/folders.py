"""What there is in folders: looking, making, moving, removing.

Source: `tensorflow/python/lib/io/file_io.py` (1.4).
"""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

from labkit.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    NotFoundError,
)
from labkit.gfile.file import Path, local_path, tf_errors


def Exists(filename: Path) -> bool:  # noqa: N802  # TensorFlow's name
    """True if there is such a file or folder.

    Example:
        >>> import labkit as tf
        >>> tf.gfile.Exists("/no/such/file")
        False
    """
    with tf_errors(filename):
        return os.path.exists(local_path(filename))


def IsDirectory(dirname: Path) -> bool:  # noqa: N802  # TensorFlow's name
    """True if there is such a folder.

    Example:
        >>> import labkit as tf
        >>> tf.gfile.IsDirectory(tf.test.get_temp_dir())
        True
    """
    with tf_errors(dirname):
        return os.path.isdir(local_path(dirname))


def ListDirectory(dirname: Path) -> list[str]:  # noqa: N802  # TensorFlow's name
    """The names in a folder, sorted; without "." and "..".

    Raises:
        NotFoundError: if there is no such folder.

    Example:
        >>> import os, tempfile, labkit as tf
        >>> folder = tempfile.mkdtemp()
        >>> tf.gfile.MkDir(os.path.join(folder, "inside"))
        >>> tf.gfile.ListDirectory(folder)
        ['inside']
    """
    if not IsDirectory(dirname):
        raise NotFoundError(None, None, f"there is no folder {dirname}.")
    with tf_errors(dirname):
        return sorted(os.listdir(local_path(dirname)))


def MkDir(dirname: Path) -> None:  # noqa: N802  # TensorFlow's name
    """Makes one folder; the folder around it must exist.

    Raises:
        AlreadyExistsError: if it exists.
        NotFoundError: if the folder around it does not.

    Example:
        >>> import os, tempfile, labkit as tf
        >>> tf.gfile.MkDir(os.path.join(tempfile.mkdtemp(), "new"))
    """
    with tf_errors(dirname):
        os.mkdir(local_path(dirname))


def MakeDirs(dirname: Path) -> None:  # noqa: N802  # TensorFlow's name
    """Makes a folder and those around it; nothing happens if it exists.

    Example:
        >>> import os, tempfile, labkit as tf
        >>> path = os.path.join(tempfile.mkdtemp(), "a", "b")
        >>> tf.gfile.MakeDirs(path)
        >>> tf.gfile.MakeDirs(path)
    """
    with tf_errors(dirname):
        os.makedirs(local_path(dirname), exist_ok=True)


def Remove(filename: Path) -> None:  # noqa: N802  # TensorFlow's name
    """Deletes a file.

    Raises:
        NotFoundError: if there is none.
        FailedPreconditionError: if it is a folder.

    Example:
        >>> import labkit as tf
        >>> try:
        ...     tf.gfile.Remove("/no/such/file")
        ... except tf.errors.NotFoundError as error:
        ...     print(error)
        /no/such/file; No such file or directory
    """
    if IsDirectory(filename):
        raise FailedPreconditionError(None, None, f"{filename} is a folder.\n  Try: tf.gfile.DeleteRecursively(path).")
    with tf_errors(filename):
        os.remove(local_path(filename))


def Rename(oldname: Path, newname: Path, overwrite: bool = False) -> None:  # noqa: N802  # TensorFlow's name
    """Renames or moves a file or a folder.

    Raises:
        AlreadyExistsError: if the new name is taken and `overwrite` is False.

    Example:
        >>> import os, tempfile, labkit as tf
        >>> folder = tempfile.mkdtemp()
        >>> tf.gfile.MkDir(os.path.join(folder, "a"))
        >>> tf.gfile.Rename(os.path.join(folder, "a"), os.path.join(folder, "b"))
        >>> tf.gfile.ListDirectory(folder)
        ['b']
    """
    _check_free(newname, overwrite)
    with tf_errors(oldname):
        os.replace(local_path(oldname), local_path(newname))


def Copy(oldpath: Path, newpath: Path, overwrite: bool = False) -> None:  # noqa: N802  # TensorFlow's name
    """Copies a file.

    Raises:
        AlreadyExistsError: if the new name is taken and `overwrite` is False.

    Example:
        >>> import os, labkit as tf
        >>> copy = os.path.join(tf.test.get_temp_dir(), "copy.py")
        >>> tf.gfile.Copy(tf.gfile.__file__, copy, overwrite=True)
        >>> tf.gfile.Stat(copy).length == tf.gfile.Stat(tf.gfile.__file__).length
        True
    """
    _check_free(newpath, overwrite)
    with tf_errors(oldpath):
        shutil.copyfile(local_path(oldpath), local_path(newpath))


def _check_free(path: Path, overwrite: bool) -> None:
    if not overwrite and Exists(path):
        raise AlreadyExistsError(None, None, f"{path} exists already.\n  Try: overwrite=True.")


def DeleteRecursively(dirname: Path) -> None:  # noqa: N802  # TensorFlow's name
    """Deletes a folder with all that is in it. A link is deleted, not what it leads to.

    Raises:
        NotFoundError: if there is none.

    Example:
        >>> import tempfile, labkit as tf
        >>> folder = tempfile.mkdtemp()
        >>> tf.gfile.DeleteRecursively(folder)
        >>> tf.gfile.Exists(folder)
        False
    """
    path = local_path(dirname)
    with tf_errors(dirname):
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.remove(path)


def Glob(filename: Path | Sequence[Path]) -> list[str]:  # noqa: N802  # TensorFlow's name
    """The files that match a pattern (or one of several), sorted: `*` and `?` match within a name, `[ab]` one of them.

    Example:
        >>> import os, labkit as tf
        >>> folder = os.path.dirname(tf.gfile.__file__)
        >>> [os.path.basename(path) for path in tf.gfile.Glob(os.path.join(folder, "fo*.py"))]
        ['folders.py']
    """
    patterns = cast("Sequence[Path]", filename) if isinstance(filename, (list, tuple)) else [filename]
    return [found for p in patterns for found in sorted(glob.glob(local_path(p), include_hidden=True))]


class FileStatistics(NamedTuple):
    """What `Stat` knows: length in bytes, time of the last change in nanoseconds since 1970, and if it is a folder."""

    length: int
    mtime_nsec: int
    is_directory: bool


def Stat(filename: Path) -> FileStatistics:  # noqa: N802  # TensorFlow's name
    """Length, time of the last change, and whether it is a folder.

    Raises:
        NotFoundError: if there is no such file.

    Example:
        >>> import labkit as tf
        >>> tf.gfile.Stat(tf.gfile.__file__).is_directory
        False
    """
    with tf_errors(filename):
        found = os.stat(local_path(filename))
    return FileStatistics(found.st_size, found.st_mtime_ns, IsDirectory(filename))


def Walk(top: Path, in_order: bool = True) -> Iterator[tuple[str, list[str], list[str]]]:  # noqa: N802
    """Goes through a folder and those inside it.

    Args:
        top: where to start.
        in_order: True to give a folder before those inside it, False after them.

    Yields:
        (path, names of the folders in it, names of the files in it).

    Example:
        >>> import os, tempfile, labkit as tf
        >>> top = tempfile.mkdtemp()
        >>> tf.gfile.MakeDirs(os.path.join(top, "a", "b"))
        >>> [(os.path.relpath(path, top), folders, files) for path, folders, files in tf.gfile.Walk(top)]
        [('.', ['a'], []), ('a', ['b'], []), ('a/b', [], [])]
    """
    for path, folders, files in os.walk(local_path(top), topdown=in_order):
        folders.sort()
        yield path, folders, sorted(files)
