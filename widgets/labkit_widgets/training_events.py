"""Curves, histograms and images out of files of events: those of `tf.summary.FileWriter`, and TensorBoard's own.

A *run* is a folder with files of events in it; a folder of runs is searched. `EventRuns.read` gives what is new since
the last time, so that a training in another process can be followed: the place reached in each file is kept, and a
last record that is not all there is read next time.

Values come in two forms: TensorFlow 1 wrote `simple_value`, `histo` and `image`; TensorFlow 2, PyTorch and JAX write
tensors, and say in the metadata of a tag's first value which plugin reads them.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np

from labkit.errors import DataLossError, NotFoundError
from labkit.messages import message
from labkit.records import masked_crc32c

Array = np.ndarray[Any, Any]
_MOST_RECORD_BYTES = 1 << 28


class Scalar(NamedTuple):
    """A number at a step."""

    tag: str
    step: int
    value: float


class Histogram(NamedTuple):
    """How often values lay between `edges`, at a step."""

    tag: str
    step: int
    edges: Array
    counts: Array


class Image(NamedTuple):
    """An encoded picture at a step."""

    tag: str
    step: int
    encoded: bytes


@dataclass
class _File:
    at: int = 0
    plugins: dict[str, str] = field(default_factory=dict[str, str])


class EventRuns:
    """The runs below a folder.

    Args:
        logdir: the folder, or one file.

    Raises:
        NotFoundError: if there is no such folder.

    Example:
        >>> import labkit as tf, tempfile
        >>> with tempfile.TemporaryDirectory() as logdir:
        ...     with tf.summary.FileWriter(logdir) as writer:
        ...         summary = tf.Summary(value=[tf.Summary.Value(tag="loss", simple_value=0.5)])
        ...         writer.add_summary(summary, 3)
        ...     list(EventRuns(logdir).read())
        [('.', Scalar(tag='loss', step=3, value=0.5))]
    """

    def __init__(self, logdir: str | os.PathLike[str]) -> None:
        self.logdir = Path(logdir)
        if not self.logdir.exists():
            raise NotFoundError(
                None, None, f"there is no folder {str(logdir)!r}.\n"
                "  Try: the logdir that was given to tf.summary.FileWriter.",
            )  # fmt: skip
        self._files: dict[Path, _File] = {}

    def read(self) -> Iterator[tuple[str, Scalar | Histogram | Image]]:
        """What is new: the name of a run, and a value of it; files in the order of their names.

        Raises:
            DataLossError: if a file is damaged.
        """
        if self.logdir.is_file():
            found = [self.logdir]
        else:
            found = sorted(path for path in self.logdir.rglob("*tfevents*") if path.is_file())
        for path in found:
            file = self._files.setdefault(path, _File())
            run = path.parent.relative_to(self.logdir).as_posix() if self.logdir.is_dir() else path.parent.name
            for event in _events(path, file):
                for value in event.summary.value:
                    yield from ((run, made) for made in _made(value, int(event.step), file.plugins))


def _events(path: Path, file: _File) -> Iterator[Any]:
    """The events from `file.at` on, as far as they are whole; labkit.summary.read_events reads from the start only."""
    event_class = message("Event")
    size = path.stat().st_size
    if size <= file.at:
        return
    with path.open("rb") as stream:
        stream.seek(file.at)
        while size - file.at >= 16:
            header = stream.read(12)
            length, check = struct.unpack("<QI", header)
            if masked_crc32c(header[:8]) != check or length > _MOST_RECORD_BYTES:
                raise DataLossError(None, None, f"{str(path)!r} is damaged, or is no file of events.")
            if file.at + 16 + length > size:
                return
            data, tail = stream.read(length), stream.read(4)
            if masked_crc32c(data) != struct.unpack("<I", tail)[0]:
                raise DataLossError(None, None, f"{str(path)!r} is damaged: the checksum of a record is wrong.")
            file.at += 16 + length
            yield event_class.FromString(data)


def _made(value: Any, step: int, plugins: dict[str, str]) -> Iterator[Scalar | Histogram | Image]:
    tag: str = value.tag
    if value.metadata.plugin_data.plugin_name:
        plugins[tag] = value.metadata.plugin_data.plugin_name
    if value.HasField("simple_value"):
        yield Scalar(tag, step, float(value.simple_value))
    elif value.HasField("histo"):
        limits, counts = np.array(value.histo.bucket_limit), np.array(value.histo.bucket)
        if limits.size and counts.size == limits.size:
            yield Histogram(tag, step, _edges(limits, float(value.histo.min), float(value.histo.max)), counts)
    elif value.HasField("image"):
        yield Image(tag, step, bytes(value.image.encoded_image_string))
    elif value.HasField("tensor"):
        yield from _from_tensor(tag, step, value.tensor, plugins.get(tag, ""))


def _edges(limits: Array, low: float, high: float) -> Array:
    """TensorFlow writes the upper limits only, the first and the last of them far out."""
    edges = np.concatenate([[min(low, limits[0])], limits])
    return np.maximum.accumulate(np.clip(edges, low, high))


def _from_tensor(tag: str, step: int, tensor: Any, plugin: str) -> Iterator[Scalar | Histogram | Image]:
    from tensorboard.util import tensor_util

    array = cast("Array", cast("Any", tensor_util).make_ndarray(tensor))
    if plugin == "scalars" or (not plugin and array.size == 1 and array.dtype.kind in "fiu"):
        yield Scalar(tag, step, float(array.reshape(-1)[0]))
    elif plugin == "histograms" and array.ndim == 2 and array.shape[1] == 3 and len(array):
        left, right, counts = array.astype(np.float64).T
        yield Histogram(tag, step, np.concatenate([left, right[-1:]]), counts)
    elif plugin == "images":
        for encoded in array.reshape(-1)[2:]:  # width and height come first
            yield Image(tag, step, bytes(encoded))
            break


def rebinned(edges: Array, counts: Array, bins: int) -> tuple[float, float, list[float]]:
    """A histogram in `bins` equal bins between the outermost edges that hold something.

    Example:
        >>> import numpy as np
        >>> rebinned(np.array([0.0, 1.0, 2.0, 4.0]), np.array([0.0, 2.0, 4.0]), 3)
        (1.0, 4.0, [2.0, 2.0, 2.0])
    """
    held = np.flatnonzero(counts > 0)
    if not held.size:
        return 0.0, 0.0, [0.0] * bins
    edges, counts = edges[held[0] : held[-1] + 2], counts[held[0] : held[-1] + 1]
    low, high = float(edges[0]), float(edges[-1])
    if high <= low:
        return low, high, [0.0] * (bins // 2) + [float(counts.sum())] + [0.0] * (bins - bins // 2 - 1)
    up_to = np.concatenate([[0.0], np.cumsum(counts)])
    wide = np.concatenate([[True], np.diff(edges) > 0])  # a bin without width would be a step for interp
    new = np.diff(np.interp(np.linspace(low, high, bins + 1), edges[wide], up_to[wide]))
    return low, high, new.tolist()
