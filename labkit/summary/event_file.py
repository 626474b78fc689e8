"""Files of events: what TensorBoard reads, record by record.

A file holds `Event` messages, each framed by its length and two checksums (TensorFlow's TFRecord format; the writing is
done by TensorBoard's own `RecordWriter`). Events wait in memory until `max_queue` of them are there or `flush_secs`
have passed; then they are written in one go, straight to the operating system. So whatever stops the program, the file
can be read up to the last write; and if a write fails half-way (a full disk), the half is cut off again.

Why not a thread, as TensorFlow has: writing is as fast as handing over, and an error comes where its cause is.

Source: `tensorflow/core/util/events_writer.cc`, `tensorflow/core/lib/io/record_writer.cc` (1.4).
"""

from __future__ import annotations

import io
import itertools
import os
import socket
import struct
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labkit.errors import DataLossError, NotFoundError, PermissionDeniedError, ResourceExhaustedError, UnknownError
from labkit.messages import message
from labkit.records import masked_crc32c

_count = itertools.count()


class EventFile:
    """A file of events that is being written.

    Args:
        logdir: the directory; made if it is not there.
        max_queue: how many events may wait in memory.
        flush_secs: how many seconds they may wait, counted when the next one comes.
        suffix: put at the end of the file's name.

    Raises:
        PermissionDeniedError, ResourceExhaustedError, UnknownError: if the file cannot be made or written.

    Example:
        >>> import tempfile
        >>> from labkit.messages import message
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = EventFile(folder)
        ...     file.add(message("Event")(step=7))
        ...     file.close()
        ...     [event.step for event in read_events(file.path)]
        [0, 7]
    """

    def __init__(
        self, logdir: str | os.PathLike[str], max_queue: int = 10, flush_secs: float = 120, suffix: str = ""
    ) -> None:
        name = f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_count)}"
        self.path = Path(logdir) / (name + suffix)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        except OSError as error:
            raise _explained(error, self.path.parent) from error
        self._max_queue, self._flush_secs = max_queue, flush_secs
        self._pending = _Pending(self._descriptor, self.path)
        self._lock = threading.RLock()
        self._last_flush = time.monotonic()
        self._finalizer = weakref.finalize(self, self._pending.end)  # also when the interpreter exits
        self._pending.append(message("Event")(wall_time=time.time(), file_version="brain.Event:2"))
        self.flush()

    def add(self, event: Any) -> None:
        """Adds an `Event` message."""
        with self._lock:
            self._pending.append(event)
            waited = time.monotonic() - self._last_flush
            if len(self._pending.events) >= self._max_queue or waited >= self._flush_secs:
                self.flush()

    def flush(self) -> None:
        """Writes what waits."""
        with self._lock:
            self._pending.write()
            self._last_flush = time.monotonic()

    def close(self) -> None:
        """Writes what waits, and closes the file; closing twice does no harm."""
        with self._lock:
            if self._finalizer.alive:
                try:
                    self.flush()
                finally:
                    self._finalizer.detach()
                    os.close(self._descriptor)


class _Pending:
    """The events that wait, apart from `EventFile` so that they can outlive it."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self.descriptor = descriptor
        self.path = path
        self.events: list[bytes] = []
        self._size = 0  # bytes in the file that are whole records

    def append(self, event: Any) -> None:
        self.events.append(event.SerializeToString())

    def write(self) -> None:
        if not self.events:
            return
        from tensorboard.summary.writer.record_writer import RecordWriter

        framed = io.BytesIO()
        writer: Any = RecordWriter(framed)
        for event in self.events:
            writer.write(event)
        data = memoryview(framed.getbuffer())
        try:
            done = 0
            while done < len(data):
                done += os.write(self.descriptor, data[done:])
        except OSError as error:
            os.ftruncate(self.descriptor, self._size)
            os.lseek(self.descriptor, self._size, os.SEEK_SET)
            raise _explained(error, self.path) from error
        self._size += len(data)
        self.events.clear()

    def end(self) -> None:
        self.write()
        os.close(self.descriptor)


def _explained(error: OSError, path: Path) -> Exception:
    """The error that says what could not be done, and what to do."""
    import errno

    said = f"the event file cannot be written to {str(path)!r}: {error.strerror}."
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        text = "\n  Try: free some space, or write to another directory. What was written before can still be read."
        return ResourceExhaustedError(None, None, said + text)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        text = "\n  Try: a directory of your own, for example tf.summary.FileWriter('logs')."
        return PermissionDeniedError(None, None, said + text)
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        text = "\n  Try: another logdir: it is a directory, and there is a file of that name."
        return UnknownError(None, None, said + text)
    return UnknownError(None, None, said)


def read_events(path: str | os.PathLike[str]) -> Iterator[Any]:
    """The events of a file, in order.

    A last record that is not all there is left out: the file is still being written, or the writer was killed.

    Args:
        path: the file.

    Yields:
        `Event` messages.

    Raises:
        NotFoundError: if there is no such file.
        DataLossError: if a checksum is wrong.

    Example:
        >>> list(read_events("no/such/file"))
        Traceback (most recent call last):
        labkit.errors.NotFoundError: there is no file 'no/such/file'.
          Try: a path of an event file, not of its directory.
    """
    event_class = message("Event")
    try:
        file = Path(path).open("rb")  # noqa: SIM115  # closed by the `with` below; here to tell apart who fails
    except OSError as error:
        raise NotFoundError(
            None, None, f"there is no file {str(path)!r}.\n  Try: a path of an event file, not of its directory."
        ) from error
    with file:
        while len(header := file.read(12)) == 12:
            length, length_checksum = struct.unpack("<QI", header)
            if masked_crc32c(header[:8]) != length_checksum:
                raise DataLossError(None, None, f"{str(path)!r} is damaged, or is no file of events.")
            if length + 4 > os.fstat(file.fileno()).st_size - file.tell():  # before reading: it may promise anything
                return
            data, tail = file.read(length), file.read(4)
            if masked_crc32c(data) != struct.unpack("<I", tail)[0]:
                raise DataLossError(None, None, f"{str(path)!r} is damaged: the checksum of a record is wrong.")
            yield event_class.FromString(data)
