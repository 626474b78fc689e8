"""Hooks that write: checkpoints, steps per second, summaries.

Example:
    >>> import labkit as tf, os, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> train = tf.assign_add(tf.train.get_or_create_global_step(), 1)
    >>> hooks = [tf.train.CheckpointSaverHook(folder, save_steps=10), tf.train.StopAtStepHook(last_step=25)]
    >>> with tf.train.MonitoredSession(hooks=hooks) as sess:
    ...     while not sess.should_stop():
    ...         step = sess.run(train)
    >>> [os.path.basename(p) for p in tf.train.get_checkpoint_state(folder).all_model_checkpoint_paths]
    ['model.ckpt-1', 'model.ckpt-11', 'model.ckpt-21', 'model.ckpt-25']

Source: `tensorflow/python/training/basic_session_run_hooks.py` (1.4).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from labkit import logging
from labkit.errors import GraphError, InvalidArgumentError, ResourceExhaustedError
from labkit.gfile import MakeDirs, local_path
from labkit.global_step import global_step
from labkit.graph import Graph, GraphKeys, get_default_graph
from labkit.graphdef import write_graph
from labkit.messages import message
from labkit.monitored.base import SessionRunArgs, SessionRunContext, SessionRunHook, SessionRunValues
from labkit.monitored.control import required_step
from labkit.monitored.timing import SecondOrStepTimer
from labkit.nests import is_listed
from labkit.saving import latest_checkpoint
from labkit.summary import FileWriter, FileWriterCache


def write_graph_beside(graph: Graph, folder: str) -> None:
    """Writes a graph as `graph.pbtxt`, if a file can hold it."""
    try:
        write_graph(graph.as_graph_def(add_shapes=True), folder, "graph.pbtxt")
    except GraphError as error:
        logging.warning("graph.pbtxt is not written: %s", error)


class CheckpointSaverListener:
    """Base of those who want to know when a checkpoint is saved; given to `CheckpointSaverHook(listeners=...)`.

    Example:
        >>> import labkit as tf, tempfile
        >>> class Say(tf.train.CheckpointSaverListener):
        ...     def after_save(self, session, global_step_value):
        ...         print("saved at", global_step_value)
        >>> train = tf.assign_add(tf.train.get_or_create_global_step(), 1)
        >>> hook = tf.train.CheckpointSaverHook(tempfile.mkdtemp(), save_steps=10, listeners=[Say()])
        >>> with tf.train.MonitoredSession(hooks=[hook]) as sess:
        ...     step = sess.run(train)
        saved at 1
    """

    def begin(self) -> None:
        """Called once, before the graph is finalized."""

    def before_save(self, session: Any, global_step_value: int) -> None:
        """Called before each save."""

    def after_save(self, session: Any, global_step_value: int) -> None:
        """Called after each save."""

    def end(self, session: Any, global_step_value: int) -> None:
        """Called at the end."""


class CheckpointSaverHook(SessionRunHook):
    """Saves a checkpoint after the first step, every so many steps or seconds, and at the end.

    Args:
        checkpoint_dir: the directory.
        save_secs: seconds between two checkpoints.
        save_steps: steps between two checkpoints; one of both is given.
        saver: the Saver.
        checkpoint_basename: what the names of the checkpoints begin with.
        scaffold: whose Saver to use, if none is given.
        listeners: `CheckpointSaverListener`s.

    Raises:
        InvalidArgumentError: if both or none of `save_secs` and `save_steps`, or both Saver and scaffold are given.

    Example:
        >>> import labkit as tf, os, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> train = tf.assign_add(tf.train.get_or_create_global_step(), 1)
        >>> with tf.train.MonitoredSession(hooks=[tf.train.CheckpointSaverHook(folder, save_steps=100)]) as sess:
        ...     step = sess.run(train), sess.run(train)
        >>> os.path.basename(tf.train.latest_checkpoint(folder))
        'model.ckpt-2'
    """

    def __init__(
        self, checkpoint_dir: Any, save_secs: float | None = None, save_steps: int | None = None, saver: Any = None,
        checkpoint_basename: str = "model.ckpt", scaffold: Any = None,
        listeners: Iterable[CheckpointSaverListener] | None = None,
    ) -> None:  # fmt: skip
        if saver is not None and scaffold is not None:
            raise InvalidArgumentError(None, None, "give CheckpointSaverHook a saver or a scaffold, not both.")
        self._saver = saver
        self._scaffold = scaffold
        self._folder = local_path(checkpoint_dir)
        self._path = os.path.join(self._folder, checkpoint_basename)
        self._timer = SecondOrStepTimer(save_secs, save_steps)
        self._listeners = list(listeners or ())

    def begin(self) -> None:
        """Finds the global step, makes the directory."""
        MakeDirs(self._folder)
        self._writer = FileWriterCache.get(self._folder)
        self._step = required_step("CheckpointSaverHook")
        for listener in self._listeners:
            listener.begin()

    def after_create_session(self, session: Any, coord: Any) -> None:
        """Writes the graph, as text."""
        write_graph_beside(session.graph, self._folder)

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        """Fetches the global step."""
        return SessionRunArgs(self._step)

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Saves if it is time."""
        if not self._timer.should_trigger_for_step(int(run_values.results)):
            return
        step = global_step(run_context.session, self._step)
        if self._timer.should_trigger_for_step(step):
            self._save(run_context.session, step)

    def end(self, session: Any) -> None:
        """Saves the last step."""
        step = global_step(session, self._step)
        if step != self._timer.last_triggered_step():
            self._save(session, step)
        for listener in self._listeners:
            listener.end(session, step)

    def _save(self, session: Any, step: int) -> None:
        self._timer.update_last_triggered_step(step)
        logging.info("Saving checkpoints for %d into %s.", step, self._path)
        for listener in self._listeners:
            listener.before_save(session, step)
        try:
            self._get_saver().save(session, self._path, global_step=step)
        except ResourceExhaustedError as error:
            self._say_where_it_goes_on(error, step)
            raise
        log: Any = message("SessionLog")
        self._writer.add_session_log(log(status=log.CHECKPOINT, checkpoint_path=self._path), step)
        for listener in self._listeners:
            listener.after_save(session, step)

    def _say_where_it_goes_on(self, error: ResourceExhaustedError, step: int) -> None:
        """Training ends here: TensorFlow's does too, and steps that cannot be saved are steps that will be lost."""
        newest = latest_checkpoint(self._folder)
        saved = "nothing was saved before" if newest is None else f"the last one that was saved is {newest!r}"
        error.__notes__.insert(
            0,
            f"  It was the checkpoint of step {step}; {saved}. When there is room, start the same training again: "
            f"it goes on {'from the beginning' if newest is None else 'from there'}.",
        )

    def _get_saver(self) -> Any:
        if self._saver is not None:
            return self._saver
        if self._scaffold is not None:
            return self._scaffold.saver
        savers = get_default_graph().get_collection(GraphKeys.SAVERS)
        if len(savers) != 1:
            raise GraphError(
                f"CheckpointSaverHook has no Saver, and the collection tf.GraphKeys.SAVERS has {len(savers)}.\n"
                "  Try: tf.train.CheckpointSaverHook(..., saver=tf.train.Saver())."
            )
        self._saver = savers[0]
        return self._saver


class StepCounterHook(SessionRunHook):
    """Writes steps per second to the log and into summaries.

    Args:
        every_n_steps: steps between two measurements.
        every_n_secs: seconds between two measurements; then `every_n_steps` is None.
        output_dir: the directory for the summaries.
        summary_writer: a writer, instead of a directory.

    Example:
        >>> import labkit as tf
        >>> train = tf.assign_add(tf.train.get_or_create_global_step(), 1)
        >>> with tf.train.MonitoredSession(hooks=[tf.train.StepCounterHook(every_n_steps=10)]) as sess:
        ...     step = sess.run(train)
    """

    def __init__(
        self, every_n_steps: int | None = 100, every_n_secs: float | None = None, output_dir: Any = None,
        summary_writer: FileWriter | None = None,
    ) -> None:  # fmt: skip
        self._timer = SecondOrStepTimer(every_n_secs, every_n_steps)
        self._output_dir = output_dir
        self._writer = summary_writer

    def begin(self) -> None:
        """Finds the global step and the writer."""
        if self._writer is None and self._output_dir is not None:
            MakeDirs(self._output_dir)
            self._writer = FileWriterCache.get(self._output_dir)
        self._step = required_step("StepCounterHook")
        self._tag = f"{self._step.op.name}/sec"

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        """Fetches the global step."""
        return SessionRunArgs(self._step)

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Measures if it is time."""
        step = int(run_values.results)
        if not self._timer.should_trigger_for_step(step):
            return
        seconds, steps = self._timer.update_last_triggered_step(step)
        if not seconds or steps is None:
            return
        per_second = steps / seconds
        if self._writer is not None:
            summary: Any = message("Summary")
            value = summary.Value(tag=self._tag, simple_value=per_second)
            self._writer.add_summary(summary(value=[value]), step)
        logging.info("%s: %g", self._tag, per_second)


class SummarySaverHook(SessionRunHook):
    """Writes summaries every so many steps or seconds, the first step included.

    Args:
        save_steps: steps between two.
        save_secs: seconds between two; one of both is given.
        output_dir: the directory for the summaries.
        summary_writer: a writer, instead of a directory.
        scaffold: whose `summary_op` to use, if none is given.
        summary_op: what to write: a summary, or a list of them.

    Raises:
        InvalidArgumentError: if both or none of scaffold and `summary_op` are given, or of steps and seconds.

    Example:
        >>> import labkit as tf, tempfile
        >>> step = tf.train.get_or_create_global_step()
        >>> train, loss = tf.assign_add(step, 1), tf.summary.scalar("loss", 0.5)
        >>> writer = tf.summary.FileWriter(tempfile.mkdtemp())
        >>> hook = tf.train.SummarySaverHook(save_steps=2, summary_writer=writer, summary_op=loss)
        >>> with tf.train.MonitoredSession(hooks=[hook]) as sess:
        ...     steps = [sess.run(train) for _ in range(3)]
        >>> writer.close()
        >>> [event.step for event in tf.train.summary_iterator(writer.path) if event.summary.value]
        [1, 3]
    """

    def __init__(
        self, save_steps: int | None = None, save_secs: float | None = None, output_dir: Any = None,
        summary_writer: FileWriter | None = None, scaffold: Any = None, summary_op: Any = None,
    ) -> None:  # fmt: skip
        if (scaffold is None) == (summary_op is None):
            raise InvalidArgumentError(None, None, "give SummarySaverHook one of the two: a scaffold or a summary_op.")
        self._timer = SecondOrStepTimer(save_secs, save_steps)
        self._output_dir = output_dir
        self._writer = summary_writer
        self._scaffold = scaffold
        self._summary_op = summary_op
        self._due = False

    def begin(self) -> None:
        """Finds the global step and the writer."""
        if self._writer is None and self._output_dir is not None:
            MakeDirs(self._output_dir)
            self._writer = FileWriterCache.get(self._output_dir)
        self._step = required_step("SummarySaverHook")
        self._timer.reset()
        self._next: int | None = None

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        """Fetches the global step, and the summaries if it is time."""
        self._due = self._next is None or self._timer.should_trigger_for_step(self._next)
        fetches: dict[str, Any] = {"step": self._step}
        summaries = self._summaries() if self._due else None
        if summaries is not None:
            fetches["summary"] = summaries
        return SessionRunArgs(fetches)

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Writes them."""
        step = int(run_values.results["step"])
        if self._due and self._writer is not None:
            self._timer.update_last_triggered_step(step)
            for summary in run_values.results.get("summary", []):
                self._writer.add_summary(summary, step)
        self._next = step + 1

    def end(self, session: Any) -> None:
        """Brings what is written to the disk."""
        if self._writer is not None:
            self._writer.flush()

    def _summaries(self) -> list[Any] | None:
        summaries = self._summary_op if self._scaffold is None else self._scaffold.summary_op
        if summaries is None:
            return None
        return list(summaries) if is_listed(summaries) else [summaries]
