"""What a hook is: five methods that a monitored session calls around its life and its steps.

Example:
    >>> import labkit as tf
    >>> class Shout(tf.train.SessionRunHook):
    ...     def before_run(self, run_context):
    ...         return tf.train.SessionRunArgs("loss:0")
    ...     def after_run(self, run_context, run_values):
    ...         print("loss is", float(run_values.results))
    >>> loss = tf.constant(0.5, name="loss")
    >>> with tf.train.MonitoredSession(hooks=[Shout()]) as sess:
    ...     value = sess.run(loss)
    loss is 0.5

Source: `tensorflow/python/training/session_run_hook.py` (1.4).
"""

from __future__ import annotations

from typing import Any, NamedTuple


class SessionRunArgs(NamedTuple):
    """What a hook adds to a run.

    Args:
        fetches: what to fetch for the hook.
        feed_dict: values to feed.
        options: `tf.RunOptions`.

    Example:
        >>> import labkit as tf
        >>> tf.train.SessionRunArgs("loss:0").feed_dict is None
        True
    """

    fetches: Any = None
    feed_dict: Any = None
    options: Any = None


class SessionRunValues(NamedTuple):
    """What a hook gets after a run.

    Args:
        results: the values of what it fetched; None if it fetched nothing.
        options: the `tf.RunOptions` of the run.
        run_metadata: the `tf.RunMetadata` of the run.

    Example:
        >>> import labkit as tf
        >>> tf.train.SessionRunValues(0.5, None, None).results
        0.5
    """

    results: Any
    options: Any
    run_metadata: Any


class SessionRunContext:
    """The run that a hook is called for.

    Args:
        original_args: what the program asked for, as `SessionRunArgs`.
        session: the `tf.Session`.

    Example:
        >>> import labkit as tf
        >>> context = tf.train.SessionRunContext(tf.train.SessionRunArgs("loss:0"), None)
        >>> context.request_stop()
        >>> context.stop_requested
        True
    """

    def __init__(self, original_args: SessionRunArgs, session: Any) -> None:
        self._original_args = original_args
        self._session = session
        self._stop_requested = False

    @property
    def original_args(self) -> SessionRunArgs:
        """What the program asked for."""
        return self._original_args

    @property
    def session(self) -> Any:
        """The `tf.Session` that runs."""
        return self._session

    @property
    def stop_requested(self) -> bool:
        """True once a hook has asked for the end."""
        return self._stop_requested

    def request_stop(self) -> None:
        """Asks for the end: `should_stop()` of the monitored session is True after this run."""
        self._stop_requested = True


class SessionRunHook:
    """Base of hooks; override what you need.

    Example:
        >>> import labkit as tf
        >>> class Count(tf.train.SessionRunHook):
        ...     runs = 0
        ...     def after_run(self, run_context, run_values):
        ...         self.runs += 1
        >>> count, one = Count(), tf.constant(1)
        >>> with tf.train.MonitoredSession(hooks=[count]) as sess:
        ...     both = sess.run(one), sess.run(one)
        >>> count.runs
        2
    """

    def begin(self) -> None:
        """Called once, before the graph is finalized: nodes may be added here."""

    def after_create_session(self, session: Any, coord: Any) -> None:
        """Called after each making of a session: at the start and after each recovery.

        Args:
            session: the `tf.Session`, initialized.
            coord: the `tf.train.Coordinator` of its threads.
        """

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs | None:
        """Called before each run.

        Returns:
            What to add to the run, or None.
        """
        return None

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Called after each run that did not fail."""

    def end(self, session: Any) -> None:
        """Called once at the end, unless there was an error."""
