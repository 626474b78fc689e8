"""`tf.summary.FileWriter`: summaries, graphs and traces into a directory that TensorBoard watches.

Example:
    >>> import labkit as tf, tempfile
    >>> loss = tf.summary.scalar("loss", 0.5)
    >>> with tempfile.TemporaryDirectory() as logdir, tf.Session() as sess:
    ...     with tf.summary.FileWriter(logdir) as writer:
    ...         for step in range(3):
    ...             writer.add_summary(sess.run(loss), step)
    ...     [event.step for event in tf.train.summary_iterator(writer.path)]
    [0, 0, 1, 2]

Source: `tensorflow/python/summary/writer/writer.py`, `writer_cache.py` (1.4).
"""

from __future__ import annotations

import os
import threading
import time
import warnings
from types import TracebackType
from typing import Any, ClassVar

import numpy as np

from labkit.graph import Graph, is_tensor_like
from labkit.graphdef.looking import graph_to_look_at
from labkit.messages import message
from labkit.summary.event_file import EventFile


class FileWriter:
    """Writes a file of events into a directory; `tensorboard --logdir=...` shows it.

    Args:
        logdir: the directory; made if it is not there.
        graph: a graph to write at once, such as `sess.graph`; a GraphDef works too.
        max_queue: how many events may wait in memory before they are written.
        flush_secs: how many seconds they may wait.
        graph_def: the old way of giving the graph, as a GraphDef.
        filename_suffix: put at the end of the file's name.

    Raises:
        PermissionDeniedError, ResourceExhaustedError, UnknownError: if the file cannot be written.

    Example:
        >>> import labkit as tf, tempfile
        >>> with tempfile.TemporaryDirectory() as logdir:
        ...     writer = tf.summary.FileWriter(logdir)
        ...     writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag="t", simple_value=1.0)]), 5)
        ...     writer.close()
        ...     writer.get_logdir() == logdir
        True
    """

    def __init__(
        self, logdir: str | os.PathLike[str], graph: Any = None, max_queue: int = 10, flush_secs: float = 120,
        graph_def: Any = None, filename_suffix: str | None = None,
    ) -> None:  # fmt: skip
        if not isinstance(logdir, (str, os.PathLike)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(
                f"logdir is the path of a directory, got {logdir!r}; write tf.summary.FileWriter('logs', sess.graph)."
            )
        self._logdir = os.fspath(logdir)
        self._options = (max_queue, flush_secs, filename_suffix or "")
        self._file = EventFile(self._logdir, *self._options)
        self._closed = False
        self._seen_tags: set[str] = set()
        self._run_tags: set[str] = set()
        if graph is not None or graph_def is not None:
            self.add_graph(graph, graph_def=graph_def)
            self.add_meta_graph(message("MetaGraphDef")(graph_def=_graph_def(graph_def if graph is None else graph)))

    @property
    def path(self) -> str:
        """The file that is being written."""
        return str(self._file.path)

    def get_logdir(self) -> str:
        """The directory."""
        return self._logdir

    def add_summary(self, summary: Any, global_step: Any = None) -> None:
        """Adds a summary.

        Args:
            summary: what running a summary op gave (bytes), or a `tf.Summary`.
            global_step: the step it belongs to: a whole number.

        Raises:
            TypeError: if it is no summary.
        """
        made = _as_summary(summary)
        for value in made.value:
            if value.HasField("metadata"):
                if value.tag in self._seen_tags:
                    value.ClearField("metadata")  # TensorBoard keeps the first; the others would only take room
                self._seen_tags.add(value.tag)
        self._add(global_step, summary=made)

    def add_event(self, event: Any) -> None:
        """Adds a `tf.Event` as it is."""
        if self._closed:
            warnings.warn("this FileWriter is closed: what is added is not written until it is reopened.", stacklevel=2)
            return
        self._file.add(event)

    def add_graph(self, graph: Any = None, global_step: Any = None, graph_def: Any = None) -> None:
        """Adds a graph, for TensorBoard's graph tab.

        Args:
            graph: a `tf.Graph`, or a GraphDef.
            global_step: the step it belongs to.
            graph_def: the old way of giving a GraphDef.

        Raises:
            TypeError: if neither is a graph.
        """
        self._add(global_step, graph_def=_graph_def(graph_def if graph is None else graph).SerializeToString())

    def add_meta_graph(self, meta_graph_def: Any, global_step: Any = None) -> None:
        """Adds a graph with its collections: a MetaGraphDef message."""
        if not hasattr(meta_graph_def, "graph_def"):
            raise TypeError(f"add_meta_graph takes a MetaGraphDef, not {type(meta_graph_def).__name__}.")
        self._add(global_step, meta_graph_def=meta_graph_def.SerializeToString())

    def add_run_metadata(self, run_metadata: Any, tag: str, global_step: Any = None) -> None:
        """Adds what a traced run reports: TensorBoard's graph tab then shows its times and its memory.

        Args:
            run_metadata: a `tf.RunMetadata` that a run with `FULL_TRACE` has filled.
            tag: its name, such as "step 100"; each only once.
            global_step: the step it belongs to.

        Raises:
            ValueError: if the tag was used before.
        """
        if tag in self._run_tags:
            raise ValueError(f'the tag {tag!r} was used for an earlier run: give each its own, such as f"step{{i}}".')
        self._run_tags.add(tag)
        tagged = message("TaggedRunMetadata")(tag=tag, run_metadata=run_metadata.SerializeToString())
        self._add(global_step, tagged_run_metadata=tagged)

    def add_session_log(self, session_log: Any, global_step: Any = None) -> None:
        """Adds a `tf.SessionLog`: that a session started or ended."""
        self._add(global_step, session_log=session_log)

    def _add(self, global_step: Any, **content: Any) -> None:
        event = message("Event")(wall_time=time.time(), **content)
        if global_step is not None:
            if is_tensor_like(global_step):
                raise TypeError(
                    f"global_step is a number, and {global_step!r} is a part of the graph: give sess.run(global_step)."
                )
            event.step = int(global_step)
        self.add_event(event)

    def flush(self) -> None:
        """Writes what waits in memory."""
        if not self._closed:
            self._file.flush()

    def close(self) -> None:
        """Writes what waits, and closes the file."""
        self._file.close()
        self._closed = True

    def reopen(self) -> None:
        """Goes on in a new file of the same directory, after `close`."""
        if self._closed:
            self._file = EventFile(self._logdir, *self._options)
            self._closed = False

    def __enter__(self) -> FileWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _as_summary(summary: Any) -> Any:
    """A `tf.Summary` of its own, from bytes or a message."""
    made = message("Summary")()
    if is_tensor_like(summary):
        raise TypeError(f"add_summary takes a value, and {summary!r} is a tensor: give what sess.run of it returns.")
    if np.ndim(summary) == 0 and hasattr(summary, "item"):  # a string in a NumPy array
        summary = summary.item()
    if isinstance(summary, bytes):
        try:
            made.ParseFromString(summary)
        except Exception as error:  # protobuf's DecodeError, which each of its versions keeps elsewhere
            raise TypeError(f"add_summary got {len(summary)} bytes that are no tf.Summary.") from error
        return made
    if not hasattr(summary, "SerializeToString") or not hasattr(summary, "value"):
        raise TypeError(
            f"add_summary takes what running a summary op gave, or a tf.Summary, not {type(summary).__name__}."
            " tf.summary.merge_all() is None if there are no summaries when it is called."
        )
    made.CopyFrom(summary)
    return made


def _graph_def(graph: Any) -> Any:
    """The GraphDef of a graph, with shapes, to look at; a GraphDef as it is."""
    if isinstance(graph, Graph):
        return graph_to_look_at(graph.get_operations())
    if hasattr(graph, "SerializeToString") and hasattr(graph, "node"):
        return graph
    raise TypeError(f"a graph is written, such as sess.graph or tf.get_default_graph(), not {type(graph).__name__}.")


class FileWriterCache:
    """One writer per directory, shared by those who write there.

    Example:
        >>> import labkit as tf, tempfile
        >>> with tempfile.TemporaryDirectory() as logdir:
        ...     same = tf.summary.FileWriterCache.get(logdir) is tf.summary.FileWriterCache.get(logdir)
        ...     tf.summary.FileWriterCache.clear()
        >>> same
        True
    """

    _cache: ClassVar[dict[str, FileWriter]] = {}
    _lock: ClassVar[threading.RLock] = threading.RLock()

    @staticmethod
    def get(logdir: str | os.PathLike[str]) -> FileWriter:
        """The writer of a directory, made when first asked for, with the default graph in its file."""
        from labkit.graph import get_default_graph

        with FileWriterCache._lock:
            key = os.fspath(logdir)
            if key not in FileWriterCache._cache:
                FileWriterCache._cache[key] = FileWriter(key, graph=get_default_graph())
            return FileWriterCache._cache[key]

    @staticmethod
    def clear() -> None:
        """Closes all of them and forgets them."""
        with FileWriterCache._lock:
            for writer in FileWriterCache._cache.values():
                writer.close()
            FileWriterCache._cache.clear()
