"""Hooks that stop a training or watch it: a last step, a loss that is no number, values in the log.

Example:
    >>> import labkit as tf
    >>> step = tf.train.get_or_create_global_step()
    >>> train = tf.assign_add(step, 1)
    >>> with tf.train.MonitoredSession(hooks=[tf.train.StopAtStepHook(last_step=3)]) as sess:
    ...     while not sess.should_stop():
    ...         print(sess.run(train))
    1
    2
    3

The global step that a hook fetches with a run is its value after the run, since labkit reads a variable that is
fetched at the end.

Source: `tensorflow/python/training/basic_session_run_hooks.py` (1.4).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np

from labkit import logging
from labkit.errors import GraphError, InvalidArgumentError, LabkitError
from labkit.global_step import get_global_step, global_step
from labkit.graph import get_default_graph
from labkit.monitored.base import SessionRunArgs, SessionRunContext, SessionRunHook, SessionRunValues
from labkit.monitored.timing import SecondOrStepTimer, positive
from labkit.nests import is_listed


def required_step(hook: str) -> Any:
    """The global step of the default graph.

    Raises:
        GraphError: if there is none.
    """
    step = get_global_step()
    if step is None:
        raise GraphError(
            f"{hook} counts by the global step, and the graph has none.\n"
            "  Try: step = tf.train.get_or_create_global_step(), and optimizer.minimize(loss, global_step=step)."
        )
    return step


class StopAtStepHook(SessionRunHook):
    """Stops after a number of steps, or at a step.

    A session that starts from a checkpoint of `last_step` or later stops at once, without another step.

    Args:
        num_steps: how many steps to run from now.
        last_step: the value of the global step to stop at; one of both is given.

    Raises:
        InvalidArgumentError: if both or none are given.

    Example:
        >>> import labkit as tf
        >>> train = tf.assign_add(tf.train.get_or_create_global_step(), 1)
        >>> with tf.train.MonitoredSession(hooks=[tf.train.StopAtStepHook(num_steps=2)]) as sess:
        ...     while not sess.should_stop():
        ...         reached = sess.run(train)
        >>> int(reached)
        2
    """

    def __init__(self, num_steps: int | None = None, last_step: int | None = None) -> None:
        if (num_steps is None) == (last_step is None):
            raise InvalidArgumentError(None, None, "give StopAtStepHook one of the two: num_steps or last_step.")
        self._num_steps = num_steps
        self._last_step = last_step

    def begin(self) -> None:
        """Finds the global step."""
        self._step = required_step("StopAtStepHook")

    def after_create_session(self, session: Any, coord: Any) -> None:
        """Computes the last step; stops at once if it is reached already."""
        now = global_step(session, self._step)
        if self._last_step is None:
            self._last_step = now + (self._num_steps or 0)
        if now >= self._last_step:
            coord.request_stop()

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        """Fetches the global step."""
        return SessionRunArgs(self._step)

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Stops at the last step; where the step was read before the update, it is read again."""
        last = self._last_step or 0
        if run_values.results + 1 >= last and global_step(run_context.session, self._step) >= last:
            run_context.request_stop()


class NanLossDuringTrainingError(LabkitError, RuntimeError):
    """The loss became NaN.

    Example:
        >>> import labkit as tf
        >>> issubclass(tf.train.NanLossDuringTrainingError, RuntimeError)
        True
    """


class NanTensorHook(SessionRunHook):
    """Stops when a tensor, usually the loss, is NaN.

    Args:
        loss_tensor: the tensor.
        fail_on_nan_loss: True raises an error, False ends the training without one.

    Example:
        >>> import labkit as tf
        >>> loss = tf.log(tf.constant(-1.0))
        >>> try:
        ...     with tf.train.MonitoredSession(hooks=[tf.train.NanTensorHook(loss)]) as sess:
        ...         sess.run(loss)
        ... except tf.train.NanLossDuringTrainingError as error:
        ...     print(error)
        the loss 'Log:0' is NaN.
    """

    def __init__(self, loss_tensor: Any, fail_on_nan_loss: bool = True) -> None:
        self._loss = loss_tensor
        self._fails = fail_on_nan_loss

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        """Fetches the tensor."""
        return SessionRunArgs(self._loss)

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Looks at it."""
        if not np.isnan(run_values.results).any():
            return
        message = f"the loss {getattr(self._loss, 'name', self._loss)!r} is NaN."
        if self._fails:
            raise NanLossDuringTrainingError(
                message, "a smaller learning rate; tf.debugger finds the node where the first NaN came from."
            )
        logging.warning("%s", message)
        run_context.request_stop()


class LoggingTensorHook(SessionRunHook):
    """Writes values to the log every so many runs or seconds; `tf.logging.set_verbosity(tf.logging.INFO)` shows it.

    Args:
        tensors: a dictionary from label to tensor, or a list of tensors or names.
        every_n_iter: runs between two lines.
        every_n_secs: seconds between two lines; one of both is given.
        at_end: writes a line at the end too.
        formatter: a function from the dictionary of values to the line.

    Raises:
        InvalidArgumentError: if neither or both of `every_n_iter` and `every_n_secs` are given, or they are not
            positive.

    Example:
        >>> import labkit as tf
        >>> loss, lines = tf.constant(0.5, name="loss"), []
        >>> hook = tf.train.LoggingTensorHook({"loss": loss}, every_n_iter=1, formatter=lambda v: f"{v['loss']:.2f}")
        >>> with tf.train.MonitoredSession(hooks=[hook]) as sess:
        ...     value = sess.run(loss)
    """

    def __init__(
        self, tensors: Any, every_n_iter: int | None = None, every_n_secs: float | None = None, at_end: bool = False,
        formatter: Callable[[dict[str, Any]], str] | None = None,
    ) -> None:  # fmt: skip
        only_at_end = at_end and every_n_iter is None and every_n_secs is None
        if not only_at_end and (every_n_iter is None) == (every_n_secs is None):
            raise InvalidArgumentError(
                None, None, "give LoggingTensorHook one of the two, every_n_iter or every_n_secs, or at_end=True alone."
            )
        positive(every_n_iter, "every_n_iter")
        positive(every_n_secs, "every_n_secs")
        if isinstance(tensors, Mapping):
            self._tensors = {str(tag): tensor for tag, tensor in cast("Mapping[Any, Any]", tensors).items()}
        elif is_listed(tensors):
            self._tensors = {str(getattr(tensor, "name", tensor)): tensor for tensor in tensors}
        else:
            raise InvalidArgumentError(None, None, f"tensors is a dictionary or a list of tensors, not {tensors!r}.")
        self._formatter = formatter
        self._timer = None if only_at_end else SecondOrStepTimer(every_n_secs, every_n_iter)
        self._at_end = at_end

    def begin(self) -> None:
        """Looks the names up."""
        graph = get_default_graph()
        self._runs, self._last_seconds = 0, None
        self._fetches = {
            tag: graph.as_graph_element(tensor) if isinstance(tensor, str) else tensor
            for tag, tensor in self._tensors.items()
        }
        if self._timer is not None:
            self._timer.reset()

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs | None:
        """Fetches the values if it is time."""
        self._due = self._timer is not None and self._timer.should_trigger_for_step(self._runs)
        return SessionRunArgs(self._fetches) if self._due else None

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Writes them."""
        if self._due and self._timer is not None:
            self._log(run_values.results, self._timer.update_last_triggered_step(self._runs)[0])
        self._runs += 1

    def end(self, session: Any) -> None:
        """Writes the last line, if that is wanted."""
        if self._at_end:
            self._log(session.run(self._fetches), None)

    def _log(self, values: dict[str, Any], seconds: float | None) -> None:
        if self._formatter is not None:
            logging.info("%s", self._formatter(values))
            return
        line = ", ".join(f"{tag} = {value}" for tag, value in values.items())
        logging.info("%s", line if seconds is None else f"{line} ({seconds:.3f} sec)")


class GlobalStepWaiterHook(SessionRunHook):
    """Waits with the first run until other workers have reached a step.

    Args:
        wait_until_step: the value of the global step to wait for.

    Example:
        >>> import labkit as tf
        >>> step = tf.train.get_or_create_global_step()
        >>> with tf.train.MonitoredSession(hooks=[tf.train.GlobalStepWaiterHook(0)]) as sess:
        ...     int(sess.run(step))
        0
    """

    def __init__(self, wait_until_step: int) -> None:
        self._wait_until = wait_until_step
        self._reached = False

    def begin(self) -> None:
        """Finds the global step."""
        self._step = required_step("GlobalStepWaiterHook")

    def before_run(self, run_context: SessionRunContext) -> None:
        """Waits."""
        pause = 0.01
        while not self._reached:
            now = global_step(run_context.session, self._step)
            self._reached = now >= self._wait_until
            if not self._reached:
                logging.log_every_n(logging.INFO, "waiting for step %d; now %d", 100, self._wait_until, now)
                time.sleep(pause)
                pause = min(2 * pause, 0.5)


class FinalOpsHook(SessionRunHook):
    """Runs something at the end and keeps its values.

    Args:
        final_ops: what to fetch at the end.
        final_ops_feed_dict: what to feed then.

    Example:
        >>> import labkit as tf
        >>> hook = tf.train.FinalOpsHook(tf.constant(42))
        >>> with tf.train.MonitoredSession(hooks=[hook]):
        ...     pass
        >>> int(hook.final_ops_values)
        42
    """

    def __init__(self, final_ops: Any, final_ops_feed_dict: Any = None) -> None:
        self._ops = final_ops
        self._feeds = final_ops_feed_dict
        self._values: Any = None

    @property
    def final_ops_values(self) -> Any:
        """The values; None before the end."""
        return self._values

    def end(self, session: Any) -> None:
        """Runs it."""
        if self._ops is not None:
            self._values = session.run(self._ops, self._feeds)


class FeedFnHook(SessionRunHook):
    """Feeds what a function returns, in each run.

    Args:
        feed_fn: a function without arguments that returns a `feed_dict`.

    Example:
        >>> import labkit as tf
        >>> x = tf.placeholder(tf.float32, [])
        >>> with tf.train.MonitoredSession(hooks=[tf.train.FeedFnHook(lambda: {x: 3.0})]) as sess:
        ...     float(sess.run(x))
        3.0
    """

    def __init__(self, feed_fn: Callable[[], Any]) -> None:
        self._feed_fn = feed_fn

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        """Calls it."""
        return SessionRunArgs(None, self._feed_fn())
