"""Readers: nodes that open the files whose names a queue gives, and hand out their records one by one.

A reader keeps its place in the session: when a file is at its end it takes the next name from the queue, and when the
queue is closed and empty, `read` raises the queue's `OutOfRangeError`.

Source: `tensorflow/core/framework/reader_base.h` (1.4).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from labkit.dtypes import int64, string
from labkit.errors import InvalidArgumentError
from labkit.gfile import GFile
from labkit.graph import HostRun, Spec, op
from labkit.ops.host import Kept, UsesKept
from labkit.ops.waiting import Waiting
from labkit.records import TFRecordOptions, tf_record_iterator

Record = tuple[bytes, bytes]  # key and value


class Reading:
    """What a session keeps behind a reader: the open file, and how much was read.

    Args:
        open_file: from the name of a file to its records.
    """

    def __init__(self, open_file: Any) -> None:
        self._open_file = open_file
        self._lock = threading.Lock()
        self._records: Iterator[Record] | None = None
        self.records_produced = 0
        self.work_units_completed = 0

    def read(self, queue: Waiting) -> Record:
        """The next record, perhaps of the next file."""
        with self._lock:
            while True:
                if self._records is None:
                    (name,) = queue.take(1, 1)[0]
                    self._records = iter(self._open_file(os.fsdecode(name.item())))
                record = next(self._records, None)
                if record is not None:
                    self.records_produced += 1
                    return record
                self._records = None
                self.work_units_completed += 1

    def read_up_to(self, queue: Waiting, count: int) -> list[Record]:
        """Up to so many records, of one file; at least one."""
        records = [self.read(queue)]
        with self._lock:
            while len(records) < count and self._records is not None:
                record = next(self._records, None)
                if record is None:
                    self._records = None
                    self.work_units_completed += 1
                else:
                    self.records_produced += 1
                    records.append(record)
        return records

    def reset(self) -> None:
        """Forgets the open file and the counts."""
        with self._lock:
            self._records = None
            self.records_produced = self.work_units_completed = 0


class ReaderNode(Kept):
    """Base of the nodes that stand for a reader."""

    def kernel(self, run: HostRun) -> Any:
        return run.resource(lambda: Reading(self.records))

    def records(self, name: str) -> Iterator[Record]:
        """The keys and values in a file."""
        raise NotImplementedError


@op
class WholeFileReaderV2(ReaderNode):
    """One record per file: its name and its content."""

    def records(self, name: str) -> Iterator[Record]:
        with GFile(name, "rb") as file:
            yield name.encode(), file.read()


@op
class IdentityReaderV2(ReaderNode):
    """One record per name: the name, twice."""

    def records(self, name: str) -> Iterator[Record]:
        yield name.encode(), name.encode()


@op
class TextLineReaderV2(ReaderNode):
    """One record per line, without the line's end; the key is `name:number`."""

    skip_header_lines: int = 0

    def records(self, name: str) -> Iterator[Record]:
        with GFile(name, "rb") as file:
            for number, line in enumerate(file, 1):
                if number > self.skip_header_lines:
                    yield f"{name}:{number}".encode(), line.removesuffix(b"\n").removesuffix(b"\r")


@op
class FixedLengthRecordReaderV2(ReaderNode):
    """Records of one length; the key is `name:number`."""

    record_bytes: int
    header_bytes: int = 0
    footer_bytes: int = 0
    hop_bytes: int = 0

    def records(self, name: str) -> Iterator[Record]:
        with GFile(name, "rb") as file:
            content: bytes = file.read()
        end = len(content) - self.footer_bytes
        step = self.hop_bytes or self.record_bytes
        starts = range(self.header_bytes, end - self.record_bytes + 1, step)
        for number, start in enumerate(starts):
            yield f"{name}:{number}".encode(), content[start : start + self.record_bytes]
        if not self.hop_bytes and (end - self.header_bytes) % self.record_bytes:
            raise InvalidArgumentError(
                None, None,
                f"{name} holds {end - self.header_bytes} bytes between header and footer, which is no multiple of "
                f"record_bytes, {self.record_bytes}.",
            )  # fmt: skip


@op
class TFRecordReaderV2(ReaderNode):
    """The records of a TFRecord file; the key is `name:number`."""

    compression_type: str = ""

    def records(self, name: str) -> Iterator[Record]:
        for number, record in enumerate(tf_record_iterator(name, TFRecordOptions(self.compression_type))):
            yield f"{name}:{number}".encode(), record


class ReaderUser(UsesKept):
    """Base of ops on a reader."""

    args = ("reader_handle:resource",)


@op
class ReaderReadV2(ReaderUser):
    """The next record."""

    args = ("reader_handle:resource", "queue_handle:resource")

    def infer(self, reader: Spec, queue: Spec) -> tuple[Spec, ...]:
        return Spec(string, ()), Spec(string, ())

    def kernel(self, run: HostRun, reader: Reading, queue: Waiting) -> tuple[Any, ...]:
        key, value = reader.read(queue)
        return np.array(key, object), np.array(value, object)


@op
class ReaderReadUpToV2(ReaderUser):
    """Up to so many records."""

    args = ("reader_handle:resource", "queue_handle:resource", "num_records:int64")

    def infer(self, reader: Spec, queue: Spec, count: Spec) -> tuple[Spec, ...]:
        return Spec(string, (None,)), Spec(string, (None,))

    def kernel(self, run: HostRun, reader: Reading, queue: Waiting, count: Any) -> tuple[Any, ...]:
        records = reader.read_up_to(queue, int(count))
        keys, values = zip(*records, strict=True)
        return np.array([*keys], object), np.array([*values], object)


@op
class ReaderNumRecordsProducedV2(ReaderUser):
    """How many records were read."""

    def infer(self, reader: Spec) -> Spec:
        return Spec(int64, ())

    def kernel(self, run: HostRun, reader: Reading) -> Any:
        return np.asarray(reader.records_produced, np.int64)


@op
class ReaderNumWorkUnitsCompletedV2(ReaderUser):
    """How many files were read to their end."""

    def infer(self, reader: Spec) -> Spec:
        return Spec(int64, ())

    def kernel(self, run: HostRun, reader: Reading) -> Any:
        return np.asarray(reader.work_units_completed, np.int64)


@op
class ReaderResetV2(ReaderUser):
    """Forgets the place in the file."""

    def kernel(self, run: HostRun, reader: Reading) -> tuple[Any, ...]:
        reader.reset()
        return ()
