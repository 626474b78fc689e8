"""`tf.summary`: values, pictures, graphs and traces for TensorBoard.

    tf.summary.scalar("loss", loss)             in the graph: a string with the value, in tf.GraphKeys.SUMMARIES
    merged = tf.summary.merge_all()             all of them as one
    writer = tf.summary.FileWriter("logs", sess.graph)
    writer.add_summary(sess.run(merged), step)  into a file that `tensorboard --logdir=logs` shows

Summaries are made on the host, so fetching one cuts the step there: fetch them every so many steps, not in each.

Source: the names are those of TensorFlow 1.4's `tf.summary`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from labkit.messages import MESSAGES, message
from labkit.missing import namespace
from labkit.ops.summaries import merge as merge
from labkit.ops.summaries import merge_all as merge_all
from labkit.ops.summaries import scalar as scalar
from labkit.ops.summaries import tensor_summary as tensor_summary
from labkit.ops.summaries import text as text
from labkit.ops.summary_media import audio as audio
from labkit.ops.summary_media import histogram as histogram
from labkit.ops.summary_media import image as image
from labkit.summary.event_file import read_events
from labkit.summary.writer import FileWriter as FileWriter
from labkit.summary.writer import FileWriterCache as FileWriterCache

__all__ = [
    "FileWriter",
    "FileWriterCache",
    "audio",
    "get_summary_description",
    "histogram",
    "image",
    "merge",
    "merge_all",
    "scalar",
    "tensor_summary",
    "text",
]

_MESSAGES = ("Event", "SessionLog", "Summary", "SummaryDescription", "TaggedRunMetadata")


def get_summary_description(node_def: Any) -> Any:
    """The `SummaryDescription` that a node of the old op TensorSummary carries.

    Args:
        node_def: the node, as a NodeDef message.

    Raises:
        ValueError: if it is no TensorSummary.

    Example:
        >>> import labkit as tf
        >>> node = tf.NodeDef(name="old", op="TensorSummary")
        >>> node.attr["description"].s = b'{"typeHint": "scalar"}'
        >>> tf.summary.get_summary_description(node).type_hint
        'scalar'
    """
    from google.protobuf import json_format

    if node_def.op != "TensorSummary":
        raise ValueError(f"only nodes of the op TensorSummary have a description, and this is a {node_def.op}.")
    return json_format.Parse(node_def.attr["description"].s.decode(), message("SummaryDescription")())


def summary_iterator(path: str | os.PathLike[str]) -> Iterator[Any]:
    """The events of an event file, in order: `tf.train.summary_iterator`.

    Args:
        path: the file, not its directory.

    Yields:
        `tf.Event` messages; the first says the version of the format.

    Raises:
        NotFoundError: if there is no such file.
        DataLossError: if the file is damaged.

    Example:
        >>> import labkit as tf, tempfile
        >>> with tempfile.TemporaryDirectory() as logdir:
        ...     with tf.summary.FileWriter(logdir) as writer:
        ...         writer.add_event(tf.Event(step=3))
        ...     [event.step for event in tf.train.summary_iterator(writer.path)]
        [0, 3]
    """
    return read_events(path)


_missing = namespace(__name__, [*__all__, *_MESSAGES])


def __getattr__(name: str) -> object:
    """Message classes are imported when first used; other names are explained."""
    return message(name) if name in _MESSAGES and name in MESSAGES else _missing(name)
