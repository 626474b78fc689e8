"""`MonitoredTrainingSession` and its parts: a session that starts, saves, recovers and stops by itself.

Example:
    >>> import labkit as tf, os, tempfile
    >>> w = tf.Variable(5.0)
    >>> loss, step = w * w, tf.train.get_or_create_global_step()
    >>> train = tf.train.GradientDescentOptimizer(0.1).minimize(loss, global_step=step)
    >>> folder = tempfile.mkdtemp()
    >>> hooks = [tf.train.StopAtStepHook(last_step=20), tf.train.NanTensorHook(loss)]
    >>> with tf.train.MonitoredTrainingSession(checkpoint_dir=folder, hooks=hooks) as sess:
    ...     while not sess.should_stop():
    ...         sess.run(train)
    >>> os.path.basename(tf.train.latest_checkpoint(folder))
    'model.ckpt-20'

Source: `tensorflow/python/training/monitored_session.py` (1.4).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

from labkit.errors import InvalidArgumentError, OutOfRangeError
from labkit.graph import Graph, get_default_graph
from labkit.monitored.base import SessionRunHook
from labkit.monitored.record import CheckpointSaverHook, StepCounterHook, SummarySaverHook
from labkit.monitored.scaffold import Scaffold
from labkit.monitored.wrapping import (
    ChiefSessionCreator,
    CoordinatedCreator,
    RecoverableSession,
    SessionCreator,
    WorkerSessionCreator,
    Wrapped,
)

USE_DEFAULT: Any = object()


def MonitoredTrainingSession(  # noqa: N802  # TensorFlow's name
    master: str = "", is_chief: bool = True, checkpoint_dir: Any = None, scaffold: Scaffold | None = None,
    hooks: Iterable[SessionRunHook] | None = None, chief_only_hooks: Iterable[SessionRunHook] | None = None,
    save_checkpoint_secs: Any = 600, save_summaries_steps: Any = USE_DEFAULT, save_summaries_secs: Any = USE_DEFAULT,
    config: Any = None, stop_grace_period_secs: float = 120, log_step_count_steps: int | None = 100,
    max_wait_secs: float = 7200, save_checkpoint_steps: int | None = None,
) -> MonitoredSession:  # fmt: skip
    """A `MonitoredSession` with what training needs: recovery, checkpoints, summaries, steps per second.

    Args:
        master: "" for a session of its own, or `server.target`.
        is_chief: False for a worker that waits for the chief.
        checkpoint_dir: where checkpoints and summaries go, and where the session recovers from; None for nowhere.
        scaffold: the operations for the session; made if None.
        hooks: hooks.
        chief_only_hooks: hooks that only the chief has.
        save_checkpoint_secs: seconds between two checkpoints; None or 0 for none.
        save_summaries_steps: steps between two summaries; 100 by default.
        save_summaries_secs: seconds between two, instead.
        config: a `tf.ConfigProto`.
        stop_grace_period_secs: seconds that threads get to stop.
        log_step_count_steps: steps between two measurements of the speed; None for none.
        max_wait_secs: how many seconds a worker waits.
        save_checkpoint_steps: steps between two checkpoints, instead of seconds.

    Example:
        >>> import labkit as tf
        >>> w = tf.Variable(1.0)
        >>> with tf.train.MonitoredTrainingSession() as sess:
        ...     float(sess.run(w))
        1.0
    """
    if save_summaries_steps is USE_DEFAULT and save_summaries_secs is USE_DEFAULT:
        save_summaries_steps, save_summaries_secs = 100, None
    save_summaries_steps = None if save_summaries_steps is USE_DEFAULT else save_summaries_steps
    save_summaries_secs = None if save_summaries_secs is USE_DEFAULT else save_summaries_secs
    scaffold = scaffold or Scaffold()
    given = list(hooks or ())
    if not is_chief:
        waiting = WorkerSessionCreator(scaffold, master, config, max_wait_secs)
        return MonitoredSession(waiting, given, stop_grace_period_secs)
    added: list[SessionRunHook] = list(chief_only_hooks or ())
    if checkpoint_dir:
        if log_step_count_steps:
            added.append(StepCounterHook(output_dir=checkpoint_dir, every_n_steps=log_step_count_steps))
        if save_summaries_steps or save_summaries_secs:
            added.append(
                SummarySaverHook(
                    save_steps=save_summaries_steps or None, save_secs=save_summaries_secs or None,
                    output_dir=checkpoint_dir, scaffold=scaffold,
                )
            )  # fmt: skip
        if save_checkpoint_steps:
            added.append(CheckpointSaverHook(checkpoint_dir, save_steps=save_checkpoint_steps, scaffold=scaffold))
        elif save_checkpoint_secs:
            added.append(CheckpointSaverHook(checkpoint_dir, save_secs=save_checkpoint_secs, scaffold=scaffold))
    creator = ChiefSessionCreator(scaffold, master, config, checkpoint_dir)
    return MonitoredSession(creator, [*added, *given], stop_grace_period_secs)


class StepContext:
    """What a `step_fn` gets: the plain session, and a way to run with hooks.

    Args:
        session: the `tf.Session`.
        run_with_hooks: runs as `MonitoredSession.run` does.
    """

    def __init__(self, session: Any, run_with_hooks: Callable[..., Any]) -> None:
        self.session = session
        self._run_with_hooks = run_with_hooks

    def run_with_hooks(self, *args: Any, **kwargs: Any) -> Any:
        """Runs with the hooks; arguments as for `tf.Session.run`."""
        return self._run_with_hooks(*args, **kwargs)

    def request_stop(self) -> None:
        """Leaves the `with` block of the monitored session, without an error."""
        raise StopIteration("the step_fn has asked for the end.")


class _Monitored:
    """What `MonitoredSession` and `SingularMonitoredSession` share."""

    def __init__(
        self, creator: SessionCreator | None, hooks: Iterable[SessionRunHook] | None, recovers: bool, grace: float
    ) -> None:
        self._graph = get_default_graph()
        self._was_finalized = self._graph.finalized
        self._hooks = list(hooks or ())
        for hook in self._hooks:
            hook.begin()
        self._creator = CoordinatedCreator(creator or ChiefSessionCreator(), self._hooks, grace)
        self._session: Wrapped | None = None
        try:
            make = self._creator.create_session
            self._session = RecoverableSession(make) if recovers else make()
        except BaseException:
            self._graph.finalized = self._was_finalized
            raise

    @property
    def graph(self) -> Graph:
        """The graph."""
        return self._graph

    def run(self, fetches: Any, feed_dict: Any = None, options: Any = None, run_metadata: Any = None) -> Any:
        """Runs, with the hooks; as `tf.Session.run`."""
        return self._open().run(fetches, feed_dict, options, run_metadata)

    def run_step_fn(self, step_fn: Callable[[StepContext], Any]) -> Any:
        """Calls a function that may run several times without hooks, and with them.

        Args:
            step_fn: a function of a `StepContext`.

        Returns:
            What it returned.

        Raises:
            InvalidArgumentError: if it is no such function.
        """
        if not callable(step_fn) or len(inspect.signature(step_fn).parameters) != 1:
            raise InvalidArgumentError(None, None, f"step_fn is a function of one argument, step_context: {step_fn!r}.")
        session = self._open()

        def step() -> Any:
            if isinstance(session, RecoverableSession):
                session.current()
            return step_fn(StepContext(self._creator.session, run))

        def run(*args: Any, **kwargs: Any) -> Any:
            inside = session.current() if isinstance(session, RecoverableSession) else session
            return inside.run(*args, **kwargs)

        return session.attempt(step) if isinstance(session, RecoverableSession) else step()

    def should_stop(self) -> bool:
        """True once a hook, a thread or the end has asked for it."""
        return self._session is None or self._session.should_stop()

    def close(self) -> None:
        """Ends: the hooks' `end`, then the threads, then the session."""
        self._end(None)

    def _open(self) -> Wrapped:
        if self._session is None:
            raise InvalidArgumentError(None, None, "this monitored session is closed: use it inside its `with` block.")
        return self._session

    def _end(self, error: type[BaseException] | None) -> None:
        if self._session is None:
            return
        try:
            if error is None:
                for hook in self._hooks:
                    hook.end(self._creator.session)
        finally:
            session, self._session = self._session, None
            try:
                session.close()
            finally:
                self._creator.session = self._creator.coord = None
                self._graph.finalized = self._was_finalized

    def __enter__(self) -> Any:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        ended = kind is not None and issubclass(kind, (OutOfRangeError, StopIteration))  # the end of the input
        self._end(None if ended else kind)
        return ended


class MonitoredSession(_Monitored):
    """A session with hooks that recovers: an `AbortedError` or `UnavailableError` makes a new one, and runs again.

    Args:
        session_creator: makes the session; a `ChiefSessionCreator` if None.
        hooks: hooks.
        stop_grace_period_secs: seconds that threads get to stop.

    Example:
        >>> import labkit as tf
        >>> w = tf.Variable(1.0)
        >>> with tf.train.MonitoredSession() as sess:
        ...     float(sess.run(w))
        1.0
    """

    StepContext = StepContext

    def __init__(
        self, session_creator: SessionCreator | None = None, hooks: Iterable[SessionRunHook] | None = None,
        stop_grace_period_secs: float = 120,
    ) -> None:  # fmt: skip
        super().__init__(session_creator, hooks, True, stop_grace_period_secs)


class SingularMonitoredSession(_Monitored):
    """A session with hooks that does not recover; its plain session can be had, for a Saver.

    Args:
        hooks: hooks.
        scaffold: the operations for it; made if None.
        master: "" for a session of its own, or `server.target`.
        config: a `tf.ConfigProto`.
        checkpoint_dir: where it restores from.
        stop_grace_period_secs: seconds that threads get to stop.
        checkpoint_filename_with_path: a certain checkpoint, instead of a directory.

    Example:
        >>> import labkit as tf
        >>> w = tf.Variable(1.0)
        >>> with tf.train.SingularMonitoredSession() as sess:
        ...     float(sess.raw_session().run(w))
        1.0
    """

    def __init__(
        self, hooks: Iterable[SessionRunHook] | None = None, scaffold: Scaffold | None = None, master: str = "",
        config: Any = None, checkpoint_dir: Any = None, stop_grace_period_secs: float = 120,
        checkpoint_filename_with_path: Any = None,
    ) -> None:  # fmt: skip
        creator = ChiefSessionCreator(scaffold, master, config, checkpoint_dir, checkpoint_filename_with_path)
        super().__init__(creator, hooks, False, stop_grace_period_secs)

    def raw_session(self) -> Any:
        """The `tf.Session` inside."""
        return self._creator.session
