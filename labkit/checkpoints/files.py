"""Files that are there whole or not at all.

A file is written beside its place under another name, brought to the disk (`fsync`), and moved into place with
`os.replace`, which the file system does in one step; then the directory is brought to the disk too. A crash leaves
either the old file or the new one. If the disk is full, or Ctrl-C comes, what was written is removed again; then the
error says how much was to be written, and how much room there is.

Example:
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/notes.txt"
    ...     write_file(path, [b"first"])
    ...     write_file(path, [b"second"])
    ...     pathlib.Path(path).read_bytes(), [p.name for p in pathlib.Path(folder).iterdir()]
    (b'second', ['notes.txt'])

Source: the manual pages of rename(2) and fsync(2).
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import threading
from collections.abc import Generator, Iterable, Sequence

from labkit.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    OpError,
    PermissionDeniedError,
    ResourceExhaustedError,
    UnknownError,
)

TEMPORARY = ".tmp"

WRITING = threading.RLock()
"""Held while a file is replaced: a `Supervisor` saves in a thread of its own, perhaps the file the program saves."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_KINDS: dict[int, type[OpError]] = {
    errno.ENOENT: NotFoundError, errno.EACCES: PermissionDeniedError, errno.EPERM: PermissionDeniedError,
    errno.EROFS: PermissionDeniedError, errno.EISDIR: FailedPreconditionError, errno.ENOTDIR: FailedPreconditionError,
    errno.ENAMETOOLONG: InvalidArgumentError,
}  # fmt: skip


@contextlib.contextmanager
def explained(path: str, size_bytes: int | None = None) -> Generator[None]:
    """Turns Python's errors about a file into TensorFlow's.

    Args:
        path: the file, or what its name begins with.
        size_bytes: how much is to be written.

    Raises:
        ResourceExhaustedError: if there is no room.
        NotFoundError, PermissionDeniedError, FailedPreconditionError, InvalidArgumentError, UnknownError: likewise.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in _FULL:
            raise ResourceExhaustedError(
                None, None, f"there is no room to write {path!r}: {reason}{_room(path, size_bytes, error)}. "
                "What was there before is unharmed.\n"
                "  Try: make room on that disk, write elsewhere, or keep fewer: tf.train.Saver(max_to_keep=2)."
            ) from error  # fmt: skip
        raise _KINDS.get(error.errno or 0, UnknownError)(None, None, f"{path!r}: {reason}.") from error
    except ValueError as error:  # a null character in the path
        raise InvalidArgumentError(None, None, f"{path!r} is no path: {error}.") from error


def _room(path: str, size_bytes: int | None, error: OSError) -> str:
    """How much was to be written, and how much is free; asked when what was written is removed again."""
    said = [] if size_bytes is None else [f"{_sized(size_bytes)} to write"]
    if error.errno == errno.ENOSPC:  # the other two are limits of a user or of a process: the disk has room
        with contextlib.suppress(OSError):
            said.append(f"{_sized(shutil.disk_usage(os.path.dirname(path) or '.').free)} free on that disk")
    return f" ({', '.join(said)})" if said else ""


def _sized(size_bytes: float) -> str:
    """A size for people: 1.23 MB."""
    unit = 0
    while size_bytes >= 999.5 and unit < 3:
        size_bytes, unit = size_bytes / 1000, unit + 1
    return f"{size_bytes:.3g} {('bytes', 'kB', 'MB', 'GB')[unit]}"


def write_file(path: str, chunks: Sequence[bytes | memoryview]) -> None:
    """Replaces a file, in one step as far as anybody can see.

    Args:
        path: the file; its directory exists.
        chunks: its bytes.

    Raises:
        ResourceExhaustedError: if there is no room.
        PermissionDeniedError, NotFoundError, UnknownError: if it cannot be written for another reason.
    """
    with WRITING, explained(path, sum(memoryview(chunk).nbytes for chunk in chunks)):
        prepare(path, chunks)
        put_in_place(path)


def prepare(path: str, chunks: Iterable[bytes | memoryview]) -> None:
    """Writes what will be `path`, beside it, and brings it to the disk."""
    temporary = path + TEMPORARY
    try:
        with open(temporary, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:  # Ctrl-C too
        remove(temporary)
        raise


def put_in_place(path: str) -> None:
    """Makes `path` what was prepared for it."""
    try:
        os.replace(path + TEMPORARY, path)
    except BaseException:
        remove(path + TEMPORARY)
        raise
    sync_directory(path)


def sync_directory(path: str) -> None:
    """Brings the names in the directory of `path` to the disk."""
    if os.name == "nt":
        return  # Windows opens no directories
    descriptor = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: str) -> None:
    """Removes a file, if it is there and may be removed."""
    with contextlib.suppress(OSError):
        os.remove(path)
