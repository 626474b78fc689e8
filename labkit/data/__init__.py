"""`tf.data`: input pipelines as a sequence of steps.

Read in this order: `dataset.py` (what learners use), `iterators.py` (how a program takes elements), `sources.py` (the
Python iterables that run), `nodes.py` (the steps as nodes), `functions.py` (functions of elements as subgraphs).

Source: `tensorflow/python/data/` (1.4).
"""

from __future__ import annotations

from typing import Any

from labkit.data import nodes
from labkit.data.dataset import Dataset as Dataset
from labkit.data.dataset import one_string_each
from labkit.data.iterators import Iterator as Iterator
from labkit.missing import namespace

__all__ = ["Dataset", "FixedLengthRecordDataset", "Iterator", "TFRecordDataset", "TextLineDataset"]


def TextLineDataset(filenames: Any, compression_type: Any = None, buffer_size: Any = None) -> Dataset:  # noqa: N802
    """The lines of text files, without their ends.

    Args:
        filenames: string scalar or vector.
        compression_type: "", "GZIP" or "ZLIB".
        buffer_size: kept for TensorFlow's signature.

    Returns:
        A data set of strings.

    Example:
        >>> import labkit as tf
        >>> lines = tf.data.TextLineDataset(["train.csv"]).skip(1)
        >>> lines.output_types
        tf.string
    """
    return one_string_each(nodes.TextLineDataset(compression_type or ""), filenames)


def TFRecordDataset(filenames: Any, compression_type: Any = None, buffer_size: Any = None) -> Dataset:  # noqa: N802
    """The records of TFRecord files.

    Args:
        filenames: string scalar or vector.
        compression_type: "", "GZIP" or "ZLIB".
        buffer_size: kept for TensorFlow's signature.

    Returns:
        A data set of strings.

    Example:
        >>> import labkit as tf
        >>> tf.data.TFRecordDataset("train.tfrecords").output_shapes
        TensorShape([])
    """
    return one_string_each(nodes.TFRecordDataset(compression_type or ""), filenames)


def FixedLengthRecordDataset(  # noqa: N802
    filenames: Any, record_bytes: int, header_bytes: int | None = None, footer_bytes: int | None = None,
    buffer_size: Any = None,
) -> Dataset:  # fmt: skip
    """The records of files in which all records have one length.

    Args:
        filenames: string scalar or vector.
        record_bytes: length of a record.
        header_bytes: bytes to leave out at the start of each file.
        footer_bytes: bytes to leave out at its end.
        buffer_size: kept for TensorFlow's signature.

    Returns:
        A data set of strings.

    Example:
        >>> import labkit as tf
        >>> tf.data.FixedLengthRecordDataset("data.bin", 3073).output_types
        tf.string
    """
    kind = nodes.FixedLengthRecordDataset(int(record_bytes), int(header_bytes or 0), int(footer_bytes or 0))
    return one_string_each(kind, filenames)


__getattr__ = namespace(__name__, __all__)
