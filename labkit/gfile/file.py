"""A file that opens when it is first read or written: `tf.gfile.GFile`; paths and errors of all that is done to files.

Source: `tensorflow/python/lib/io/file_io.py` (1.4).
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import IO, Any

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
        with tf_errors(self.name):
            return os.stat(local_path(self.name)).st_size

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
