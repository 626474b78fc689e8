r"""TFRecord files: records of bytes, one after the other, each with checksums. `tf.python_io` and the readers use it.

A record in a file, all numbers little-endian:

    8 bytes   length of the data
    4 bytes   masked CRC-32C of the length
    n bytes   the data
    4 bytes   masked CRC-32C of the data

A checksum that does not fit is a `DataLossError`: the file was damaged, cut short, or is no TFRecord file at all.

Example:
    >>> import os, labkit as tf
    >>> path = os.path.join(tf.test.get_temp_dir(), "two.tfrecord")
    >>> with tf.python_io.TFRecordWriter(path) as writer:
    ...     writer.write(b"first")
    ...     writer.write(b"second")
    >>> list(tf.python_io.tf_record_iterator(path))
    [b'first', b'second']

Source: `tensorflow/core/lib/io/record_writer.cc`, `tensorflow/core/lib/hash/crc32c.h` (1.4). The CRC is a linear
function of the bits, so a block is the XOR of what each of its bytes contributes: one gather from a table, in NumPy.
"""

from __future__ import annotations

import functools
import gzip
import zlib
from collections.abc import Iterator
from typing import Any, ClassVar, Protocol, cast

import numpy as np

from labkit.errors import DataLossError, InvalidArgumentError
from labkit.gfile import GFile, local_path, tf_errors

__all__ = [
    "TFRecordCompressionType",
    "TFRecordOptions",
    "TFRecordWriter",
    "crc32c",
    "masked_crc32c",
    "tf_record_iterator",
]

_POLYNOMIAL = 0x82F63B78
_BLOCK = 1024  # bytes whose contributions the table holds
_PIECE = 1 << 20  # a length may be a lie: never ask for more than this at once


@functools.cache
def _table() -> np.ndarray[Any, Any]:
    """Row r, column b: what byte b does to the CRC if _BLOCK - 1 - r bytes come after it."""
    state = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        state = np.where(state & 1, state >> 1 ^ _POLYNOMIAL, state >> 1).astype(np.uint32)
    rows = np.empty((_BLOCK, 256), np.uint32)
    rows[-1] = state
    for row in range(_BLOCK - 2, -1, -1):
        rows[row] = rows[row + 1] >> 8 ^ rows[-1][rows[row + 1] & 0xFF]
    return rows


def crc32c(data: bytes) -> int:
    """The CRC-32C (Castagnoli) of some bytes.

    Args:
        data: any bytes.

    Returns:
        0 <= number < 2**32.

    Example:
        >>> hex(crc32c(b"123456789"))
        '0xe3069283'
    """
    table, state = _table(), 0xFFFFFFFF
    for start in range(0, len(data), _BLOCK):
        block = np.frombuffer(data, np.uint8, min(_BLOCK, len(data) - start), start).astype(np.intp)
        size = len(block)
        block[:4] ^= np.frombuffer(state.to_bytes(4, "little"), np.uint8)[:size]
        rest = state >> 8 * size if size < 4 else 0
        state = int(np.bitwise_xor.reduce(table[np.arange(_BLOCK - size, _BLOCK), block])) ^ rest
    return state ^ 0xFFFFFFFF


def masked_crc32c(data: bytes) -> int:
    """The CRC-32C, turned and shifted, so that the CRC of data that holds CRCs is no trouble.

    Example:
        >>> hex(masked_crc32c(b"123456789"))
        '0xc78ab0e5'
    """
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


class TFRecordCompressionType:
    """How a file of records is compressed.

    Example:
        >>> import labkit as tf
        >>> tf.python_io.TFRecordCompressionType.GZIP
        2
    """

    NONE = 0
    ZLIB = 1
    GZIP = 2


class TFRecordOptions:
    """Options of files of records.

    Args:
        compression_type: one of `TFRecordCompressionType`, or "", "ZLIB", "GZIP".

    Example:
        >>> import labkit as tf
        >>> options = tf.python_io.TFRecordOptions(tf.python_io.TFRecordCompressionType.GZIP)
        >>> tf.python_io.TFRecordOptions.get_compression_type_string(options)
        'GZIP'
    """

    compression_type_map: ClassVar[dict[int, str]] = {0: "", 1: "ZLIB", 2: "GZIP"}

    def __init__(self, compression_type: int | str | None) -> None:
        numbers: dict[Any, int] = {text: number for number, text in self.compression_type_map.items()}
        number: Any = numbers.get(compression_type or "", compression_type)
        if number not in self.compression_type_map:
            raise InvalidArgumentError(
                None, None, f"{compression_type!r} is no compression.\n"
                "  Try: tf.python_io.TFRecordCompressionType.GZIP, ZLIB or NONE."
            )  # fmt: skip
        self.compression_type: Any = number

    @classmethod
    def get_compression_type_string(cls, options: TFRecordOptions | None) -> str:
        """The name of the compression: "ZLIB", "GZIP", or empty for none."""
        return "" if options is None else cls.compression_type_map[options.compression_type]


class _Stream(Protocol):
    def read(self, n: int, /) -> bytes: ...
    def close(self) -> None: ...


class _ZlibReader:
    """Reads a file that is one zlib stream."""

    def __init__(self, file: GFile) -> None:
        self._file = file
        self._inflate = zlib.decompressobj()
        self._ready = b""

    def read(self, n: int, /) -> bytes:
        while len(self._ready) < n:
            piece = self._inflate.unconsumed_tail or self._file.read(1 << 16)
            if not piece:
                break
            self._ready += self._inflate.decompress(piece, _PIECE)
        data, self._ready = self._ready[:n], self._ready[n:]
        return data

    def close(self) -> None:
        self._file.close()


def _opened(path: Any, compression: str) -> _Stream:
    with tf_errors(path):
        if compression == "GZIP":
            return cast("_Stream", gzip.open(local_path(path), "rb"))
    file = GFile(path, "rb")
    file.read(0)  # a missing file is an error now
    return _ZlibReader(file) if compression == "ZLIB" else file


def tf_record_iterator(path: Any, options: TFRecordOptions | None = None) -> Iterator[bytes]:
    """The records of a file, one after the other.

    Args:
        path: of the file.
        options: how it is compressed.

    Yields:
        The bytes of each record.

    Raises:
        NotFoundError: if there is no such file.
        DataLossError: if a checksum does not fit or the file was cut short; says at which byte.

    Example:
        >>> import os, labkit as tf
        >>> path = os.path.join(tf.test.get_temp_dir(), "one.tfrecord")
        >>> with tf.python_io.TFRecordWriter(path) as writer:
        ...     writer.write(b"data")
        >>> next(tf.python_io.tf_record_iterator(path))
        b'data'
    """
    compression = TFRecordOptions.get_compression_type_string(options)
    stream = _opened(path, compression)
    try:
        position = 0
        while (record := _next_record(stream, path, position, compression)) is not None:
            yield record
            position += 16 + len(record)
    finally:
        stream.close()


def _next_record(stream: _Stream, path: Any, position: int, compression: str) -> bytes | None:
    """The record at this byte; None at the end of the file."""
    head = _read(stream, 12, path, position)
    if not head:
        return None
    if len(head) < 12 or masked_crc32c(head[:8]) != int.from_bytes(head[8:], "little"):
        advice = "" if position or compression else (
            "\n  Try: is it a TFRecord file? A compressed one needs options=tf.python_io.TFRecordOptions(...)."
        )  # fmt: skip
        what = "truncated" if len(head) < 12 else "corrupted"
        raise DataLossError(None, None, f"{what} record at {position} in {path}.{advice}")
    length = int.from_bytes(head[:8], "little")
    data = _read(stream, length + 4, path, position)
    if len(data) < length + 4:
        raise DataLossError(
            None, None, f"truncated record at {position} in {path}: {length} bytes are promised, {len(data)} are there."
        )
    if masked_crc32c(data[:-4]) != int.from_bytes(data[-4:], "little"):
        raise DataLossError(None, None, f"corrupted record at {position} in {path}: its checksum does not fit.")
    return data[:-4]


def _read(stream: _Stream, n: int, path: Any, position: int) -> bytes:
    """n bytes, or fewer at the end."""
    pieces: list[bytes] = []
    left = n
    with tf_errors(path):
        try:
            while left > 0 and (piece := stream.read(min(left, _PIECE))):
                pieces.append(piece)
                left -= len(piece)
        except (zlib.error, EOFError, gzip.BadGzipFile) as error:
            raise DataLossError(None, None, f"{path} cannot be decompressed, after byte {position}: {error}") from None
    return b"".join(pieces)


class TFRecordWriter:
    """Writes records to a new file.

    Args:
        path: of the file.
        options: how to compress it.

    Example:
        >>> import os, labkit as tf
        >>> path = os.path.join(tf.test.get_temp_dir(), "examples.tfrecord")
        >>> with tf.python_io.TFRecordWriter(path) as writer:
        ...     writer.write(b"data")
        >>> tf.gfile.Stat(path).length
        20
    """

    def __init__(self, path: Any, options: TFRecordOptions | None = None) -> None:
        self._path = path
        compression = TFRecordOptions.get_compression_type_string(options)
        self._deflate = zlib.compressobj() if compression == "ZLIB" else None
        self._closed = False
        with tf_errors(path):
            if compression == "GZIP":
                self._file: Any = gzip.open(local_path(path), "wb")  # noqa: SIM115  # closed by close()
            else:
                self._file = open(local_path(path), "wb")  # noqa: SIM115  # closed by close()

    def write(self, record: bytes) -> None:
        """Adds a record.

        Args:
            record: its bytes, for example `example.SerializeToString()`.
        """
        if isinstance(record, str):
            record = record.encode()
        if not isinstance(record, bytes):  # pyright: ignore[reportUnnecessaryIsInstance]  # learners are not typed
            raise InvalidArgumentError(
                None, None, f"a record is bytes, not {type(record).__name__}.\n  Try: example.SerializeToString()."
            )
        if self._closed:
            raise InvalidArgumentError(None, None, f"the writer of {self._path} is closed.")
        length = len(record).to_bytes(8, "little")
        sums = (masked_crc32c(data).to_bytes(4, "little") for data in (length, record))
        self._put(b"".join((length, next(sums), record, next(sums))))

    def _put(self, data: bytes) -> None:
        with tf_errors(self._path):
            self._file.write(data if self._deflate is None else self._deflate.compress(data))

    def flush(self) -> None:
        """Hands what was written to the operating system."""
        with tf_errors(self._path):
            if self._deflate is not None:
                self._file.write(self._deflate.flush(zlib.Z_SYNC_FLUSH))
            self._file.flush()

    def close(self) -> None:
        """Finishes the file."""
        if not self._closed:
            self._closed = True
            with tf_errors(self._path):
                if self._deflate is not None:
                    self._file.write(self._deflate.flush())
                self._file.close()

    def __enter__(self) -> TFRecordWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
