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

from __future__ import annotations

import errno
import glob
import os
import re
import shutil
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, NamedTuple, cast

from labkit.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    LabkitError,
    NotFoundError,
    OpError,
    PermissionDeniedError,
    UnimplementedError,
    UnknownError,
)

__all__ = [
    "Copy", "DeleteRecursively", "Exists", "FastGFile", "GFile", "Glob", "IsDirectory", "ListDirectory", "MakeDirs",
    "MkDir", "Open", "Remove", "Rename", "Stat", "Walk",
]  # fmt: skip

Path = Any  # text, bytes or os.PathLike

_MODES = ("r", "w", "a", "r+", "w+", "a+")
_REMOTE = re.compile(r"[a-z][a-z0-9+.-]+://")

_BY_ERRNO: dict[int, type[OpError]] = {
    errno.ENOENT: NotFoundError, errno.EEXIST: AlreadyExistsError, errno.EACCES: PermissionDeniedError,
    errno.EPERM: PermissionDeniedError, errno.EROFS: PermissionDeniedError, errno.ENOTEMPTY: FailedPreconditionError,
    errno.EISDIR: FailedPreconditionError, errno.ENOTDIR: FailedPreconditionError,
}  # fmt: skip


def local_path(path: Path) -> str:
    """`path` as text.

    Raises:
        UnimplementedError: if it is on another computer.
        InvalidArgumentError: if it is no path at all.
    """
    try:
        text = os.fsdecode(path)
    except TypeError:
        raise InvalidArgumentError(None, None, f"{path!r} is not the path of a file.") from None
    if text.startswith("file://"):
        return text.removeprefix("file://")
    if _REMOTE.match(text):
        raise UnimplementedError(
            None, None, f"labkit reads and writes this computer's files only, and {text!r} is elsewhere.\n"
            "  Try: download it, and give the path of the copy."
        )  # fmt: skip
    return text


@contextmanager
def tf_errors(path: Path) -> Generator[None]:
    """Turns Python's errors about a file into TensorFlow's."""
    try:
        yield
    except LabkitError:
        raise
    except OSError as error:
        kind = _BY_ERRNO.get(error.errno or 0, UnknownError)
        raise kind(None, None, f"{path}; {error.strerror or error}") from error
    except ValueError as error:  # a null character in the path, a closed file
        raise InvalidArgumentError(None, None, f"{path!r}: {error}") from error


class GFile:
    r"""A file, opened at its first use.

    Args:
        name: its path.
        mode: "r", "w" (a new file), "a" (at the end), or one of them with "+" (read and write); with "b" for bytes
            instead of text.

    Attributes:
        name: the path as given.
        mode: the mode as given.

    Raises:
        InvalidArgumentError: for an unknown mode.
        NotFoundError: at the first use, if the file or its folder is not there.
        PermissionDeniedError: when reading a file opened for writing, and the reverse.

    Example:
        >>> import os, labkit as tf
        >>> path = os.path.join(tf.test.get_temp_dir(), "gfile_example.txt")
        >>> with tf.gfile.GFile(path, "w") as file:
        ...     file.write("one\ntwo\n")
        >>> with tf.gfile.GFile(path) as file:
        ...     [line.strip() for line in file], file.size()
        (['one', 'two'], 8)
        >>> tf.gfile.GFile(path, "rb").read(3)
        b'one'
    """

    def __init__(self, name: Path, mode: str = "r") -> None:
        plain = mode.replace("b", "") if isinstance(mode, str) else mode  # pyright: ignore[reportUnnecessaryIsInstance]
        if plain not in _MODES:
            raise InvalidArgumentError(
                None,
                None,
                f"{mode!r} is not a mode of a file. There are: {', '.join(_MODES)}, and each with b for bytes.",
            )
        self.name = name
        self.mode = mode
        self._path = local_path(name)
        self._plain = plain
        self._binary = "b" in mode
        self._file: IO[bytes] | None = None

    def _opened(self, what: str) -> IO[bytes]:
        if what == "read" and self._plain in ("w", "a"):
            raise PermissionDeniedError(
                None, None, f"{self.name} is open for writing (mode {self.mode!r}).\n  Try: mode 'r', or 'r+' for both."
            )
        if what == "write" and self._plain == "r":
            raise PermissionDeniedError(
                None, None, f"{self.name} is open for reading (mode {self.mode!r}).\n  Try: mode 'w' or 'a'."
            )
        if self._file is None:
            with tf_errors(self.name):
                self._file = open(self._path, self._plain + "b")  # noqa: SIM115  # closed by close()
        return self._file

    def _out(self, data: bytes) -> Any:
        if self._binary:
            return data
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise InvalidArgumentError(
                None, None, f"{self.name} is not text in UTF-8: {error}.\n  Try: mode 'rb' reads bytes."
            ) from None

    def read(self, n: int = -1) -> Any:
        """So many bytes (-1: all that are left), as text unless the mode has "b".

        Example:
            >>> import labkit as tf
            >>> tf.gfile.GFile(tf.gfile.__file__).read(4)[0]
            'r'
        """
        file = self._opened("read")
        with tf_errors(self.name):
            return self._out(file.read(n))

    def readline(self) -> Any:
        """The next line with its end; empty at the end of the file."""
        file = self._opened("read")
        with tf_errors(self.name):
            return self._out(file.readline())

    def readlines(self) -> list[Any]:
        """All lines that are left."""
        return list(self)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    next = __next__  # the name of Python 2

    def write(self, file_content: str | bytes) -> None:
        """Writes text (as UTF-8) or bytes."""
        if not isinstance(file_content, (str, bytes)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgumentError(
                None, None, f"a file takes text or bytes, not {type(file_content).__name__}.\n  Try: write(str(value))."
            )
        file = self._opened("write")
        with tf_errors(self.name):
            file.write(file_content.encode() if isinstance(file_content, str) else file_content)

    def size(self) -> int:
        """The file's size in bytes, with what was written and not yet flushed."""
        self.flush()
        return Stat(self.name).length

    def seek(self, offset: int | None = None, whence: int = 0, position: int | None = None) -> None:
        """Goes to a byte: from the start (0), from here (1), from the end (2). `position` is the old name."""
        where = position if offset is None else offset
        if where is None:
            raise TypeError("seek() needs an offset.")
        file = self._opened("read" if self._plain == "r" else "write")
        with tf_errors(self.name):
            file.seek(where, whence)

    def tell(self) -> int:
        """The byte that is read or written next."""
        if self._file is None:
            return 0
        with tf_errors(self.name):
            return self._file.tell()

    def flush(self) -> None:
        """Hands what was written to the operating system."""
        if self._file is not None and self._plain != "r":
            with tf_errors(self.name):
                self._file.flush()

    def close(self) -> None:
        """Closes the file; the next use opens it anew. A file opened for writing exists from here on."""
        if self._file is not None:
            with tf_errors(self.name):
                self._file.close()
            self._file = None

    def __enter__(self) -> GFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_file", None) is not None:
            self.close()


class FastGFile(GFile):
    """A `GFile`; TensorFlow 1 had two kinds.

    Example:
        >>> import labkit as tf
        >>> issubclass(tf.gfile.FastGFile, tf.gfile.GFile), tf.gfile.Open is tf.gfile.GFile
        (True, True)
    """


Open = GFile


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
        >>> [os.path.basename(path) for path in tf.gfile.Glob(os.path.join(folder, "gf*.py"))]
        ['gfile.py']
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
