r"""Readers: files into records (`tf.TextLineReader`, `tf.WholeFileReader`, `tf.TFRecordReader`, ...).

Example:
    >>> import labkit as tf
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "iris.csv"
    >>> _ = path.write_text("sepal,kind\n5.1,setosa\n6.3,virginica\n")
    >>> files = tf.train.string_input_producer([str(path)], num_epochs=1)
    >>> key, line = tf.TextLineReader(skip_header_lines=1).read(files)
    >>> with tf.Session() as sess:
    ...     sess.run(tf.local_variables_initializer())
    ...     threads = tf.train.start_queue_runners(sess)
    ...     print(sess.run(line), sess.run(line))
    b'5.1,setosa' b'6.3,virginica'

Source: `tensorflow/python/ops/io_ops.py` (1.4).
"""

from __future__ import annotations

from typing import Any

from labkit.dtypes import string
from labkit.errors import DTypeError, LabkitError
from labkit.graph import Op, Operation, Tensor, apply, apply_node
from labkit.ops.readers import (
    FixedLengthRecordReaderV2,
    IdentityReaderV2,
    ReaderNumRecordsProducedV2,
    ReaderNumWorkUnitsCompletedV2,
    ReaderReadUpToV2,
    ReaderReadV2,
    ReaderResetV2,
    TextLineReaderV2,
    TFRecordReaderV2,
    WholeFileReaderV2,
)
from labkit.queues.queue import QueueBase


class ReaderBase:
    """Base of the readers; make one of its subclasses.

    Args:
        reader_ref: the tensor that stands for the reader.
        supports_serialize: kept for TensorFlow's signature.

    Example:
        >>> import labkit as tf
        >>> issubclass(tf.TextLineReader, tf.ReaderBase)
        True
    """

    def __init__(self, reader_ref: Tensor, supports_serialize: bool = False) -> None:
        self._reader_ref = reader_ref
        self._supports_serialize = supports_serialize

    @property
    def reader_ref(self) -> Tensor:
        """The tensor that stands for the reader."""
        return self._reader_ref

    @property
    def supports_serialize(self) -> bool:
        """False: labkit's readers do not tell where they are."""
        return self._supports_serialize

    def read(self, queue: Any, name: str | None = None) -> tuple[Tensor, Tensor]:
        """The next record of the files whose names the queue gives.

        Args:
            queue: a queue of file names.
            name: name of the node.

        Returns:
            Key and value, string scalars.
        """
        key, value = apply_node(ReaderReadV2(), self._reader_ref, _handle(queue), name=name).outputs
        return key, value

    def read_up_to(self, queue: Any, num_records: Any, name: str | None = None) -> tuple[Tensor, Tensor]:
        """Up to `num_records` records; at least one.

        Args:
            queue: a queue of file names.
            num_records: how many.
            name: name of the node.

        Returns:
            Keys and values, string vectors.
        """
        node = apply_node(ReaderReadUpToV2(), self._reader_ref, _handle(queue), num_records, name=name)
        return node.outputs[0], node.outputs[1]

    def num_records_produced(self, name: str | None = None) -> Tensor:
        """How many records were read, int64.

        Args:
            name: name of the node.
        """
        return apply(ReaderNumRecordsProducedV2(), self._reader_ref, name=name)

    def num_work_units_completed(self, name: str | None = None) -> Tensor:
        """How many files were read to their end, int64.

        Args:
            name: name of the node.
        """
        return apply(ReaderNumWorkUnitsCompletedV2(), self._reader_ref, name=name)

    def reset(self, name: str | None = None) -> Operation:
        """The operation that forgets the place in the file.

        Args:
            name: name of the node.
        """
        return apply_node(ReaderResetV2(), self._reader_ref, name=name)


def _handle(queue: Any) -> Tensor:
    """The tensor that stands for a queue of file names."""
    if isinstance(queue, QueueBase):
        if queue.dtypes != [string]:
            raise DTypeError(f"a reader takes its files from a queue of strings; this one has {queue.dtypes}.")
        return queue.queue_ref
    if not isinstance(queue, Tensor):
        raise LabkitError(
            f"a reader takes its files from a queue, not from {queue!r}.\n"
            '  Try: tf.train.string_input_producer(["a.csv", "b.csv"]).'
        )
    return queue


def _node(kind: Op, name: str | None) -> Tensor:
    return apply(kind, name=name)


class WholeFileReader(ReaderBase):
    """One record per file: its name and its whole content.

    Args:
        name: name of the node.

    Example:
        >>> import labkit as tf
        >>> key, content = tf.WholeFileReader().read(tf.train.string_input_producer(["picture.png"]))
        >>> content.dtype
        tf.string
    """

    def __init__(self, name: str | None = None) -> None:
        super().__init__(_node(WholeFileReaderV2(), name))


class TextLineReader(ReaderBase):
    """One record per line, without the line's end; the key is the file's name and the line's number.

    Args:
        skip_header_lines: lines to leave out at the start of each file.
        name: name of the node.

    Example:
        >>> import labkit as tf
        >>> key, line = tf.TextLineReader(skip_header_lines=1).read(tf.train.string_input_producer(["iris.csv"]))
        >>> line.shape
        TensorShape([])
    """

    def __init__(self, skip_header_lines: int | None = None, name: str | None = None) -> None:
        super().__init__(_node(TextLineReaderV2(skip_header_lines or 0), name))


class FixedLengthRecordReader(ReaderBase):
    """Records of one length.

    Args:
        record_bytes: length of a record.
        header_bytes: bytes to leave out at the start of each file.
        footer_bytes: bytes to leave out at its end.
        hop_bytes: bytes from the start of a record to that of the next; by default their length.
        name: name of the node.
        encoding: only None.

    Example:
        >>> import labkit as tf
        >>> reader = tf.FixedLengthRecordReader(record_bytes=1 + 32 * 32 * 3)  # CIFAR-10: a label and an image
        >>> reader.reader_ref.dtype
        tf.resource
    """

    def __init__(
        self, record_bytes: int, header_bytes: int | None = None, footer_bytes: int | None = None,
        hop_bytes: int | None = None, name: str | None = None, encoding: str | None = None,
    ) -> None:  # fmt: skip
        if encoding:
            raise LabkitError(f"labkit reads fixed-length records without encoding, not {encoding!r}.")
        if record_bytes < 1:
            raise LabkitError(f"record_bytes must be positive, not {record_bytes}.")
        kind = FixedLengthRecordReaderV2(record_bytes, header_bytes or 0, footer_bytes or 0, hop_bytes or 0)
        super().__init__(_node(kind, name))


class TFRecordReader(ReaderBase):
    """The records of TFRecord files.

    Args:
        name: name of the node.
        options: a `tf.python_io.TFRecordOptions`, for compressed files.

    Example:
        >>> import labkit as tf
        >>> key, record = tf.TFRecordReader().read(tf.train.string_input_producer(["train.tfrecords"]))
        >>> record.dtype
        tf.string
    """

    def __init__(self, name: str | None = None, options: Any = None) -> None:
        compression: Any = getattr(options, "get_compression_type_string", None)
        text = compression(options) if compression is not None else ""
        super().__init__(_node(TFRecordReaderV2(text), name))


class IdentityReader(ReaderBase):
    """One record per name: the name itself, as key and value.

    Args:
        name: name of the node.

    Example:
        >>> import labkit as tf
        >>> key, value = tf.IdentityReader().read(tf.train.string_input_producer(["work"]))
        >>> value.dtype
        tf.string
    """

    def __init__(self, name: str | None = None) -> None:
        super().__init__(_node(IdentityReaderV2(), name))
