"""Sessions around sessions: each adds one thing to `run`.

    HookedSession        calls the hooks before and after
    CoordinatedSession   stops with its threads, and raises their errors
    RecoverableSession   makes a new session after an `AbortedError` or `UnavailableError`, and runs again

Source: `tensorflow/python/training/monitored_session.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from labkit import logging
from labkit.config import RunMetadata, RunOptions
from labkit.errors import AbortedError, FeedError, UnavailableError
from labkit.graph import get_default_graph
from labkit.monitored.base import SessionRunArgs, SessionRunContext, SessionRunHook, SessionRunValues
from labkit.monitored.manager import SessionManager
from labkit.monitored.scaffold import Scaffold
from labkit.queues import Coordinator, start_queue_runners

RECOVERABLE = (AbortedError, UnavailableError)


class SessionCreator:
    """Base of what makes sessions.

    Example:
        >>> import labkit as tf
        >>> class Plain(tf.train.SessionCreator):
        ...     def create_session(self):
        ...         return tf.Session()
        >>> three = tf.constant(3)
        >>> with tf.train.MonitoredSession(Plain()) as sess:
        ...     int(sess.run(three))
        3
    """

    def create_session(self) -> Any:
        """A new session, ready to run."""
        raise NotImplementedError(f"{type(self).__name__} has no create_session().")


class ChiefSessionCreator(SessionCreator):
    """Makes a session from the newest checkpoint, or initializes one.

    Args:
        scaffold: the operations for it; made if None.
        master: "" for a session of its own, or `server.target`.
        config: a `tf.ConfigProto`.
        checkpoint_dir: where checkpoints are.
        checkpoint_filename_with_path: a certain checkpoint, instead.

    Example:
        >>> import labkit as tf
        >>> w = tf.Variable(1.0)
        >>> float(tf.train.ChiefSessionCreator().create_session().run(w))
        1.0
    """

    def __init__(
        self, scaffold: Scaffold | None = None, master: str = "", config: Any = None, checkpoint_dir: Any = None,
        checkpoint_filename_with_path: Any = None,
    ) -> None:  # fmt: skip
        self._scaffold = scaffold or Scaffold()
        self._master = master
        self._config = config
        self._where = (checkpoint_dir, checkpoint_filename_with_path)

    def create_session(self) -> Any:
        """A new session, ready to run."""
        scaffold = self._scaffold.finalize()
        return manager_for(scaffold).prepare_session(
            self._master, scaffold.init_op, scaffold.saver, *self._where, config=self._config,
            init_feed_dict=scaffold.init_feed_dict, init_fn=scaffold.init_fn,
        )  # fmt: skip


class WorkerSessionCreator(SessionCreator):
    """Makes a session that waits until the chief has initialized the variables.

    Args:
        scaffold: the operations for it; made if None.
        master: "" for a session of its own, or `server.target`.
        config: a `tf.ConfigProto`.
        max_wait_secs: how many seconds to wait.

    Example:
        >>> import labkit as tf
        >>> three = tf.constant(3)
        >>> int(tf.train.WorkerSessionCreator().create_session().run(three))
        3
    """

    def __init__(
        self, scaffold: Scaffold | None = None, master: str = "", config: Any = None, max_wait_secs: float = 30 * 60
    ) -> None:
        self._scaffold = scaffold or Scaffold()
        self._master = master
        self._config = config
        self._max_wait_secs = max_wait_secs

    def create_session(self) -> Any:
        """A new session, ready to run."""
        manager = manager_for(self._scaffold.finalize())
        return manager.wait_for_session(self._master, self._config, self._max_wait_secs)


def manager_for(scaffold: Scaffold) -> SessionManager:
    """The manager that uses the operations of a scaffold."""
    return SessionManager(
        local_init_op=scaffold.local_init_op,
        ready_op=scaffold.ready_op,
        ready_for_local_init_op=scaffold.ready_for_local_init_op,
        graph=get_default_graph(),
    )


class Wrapped(Protocol):
    """What all these sessions have."""

    def run(self, fetches: Any, feed_dict: Any = None, options: Any = None, run_metadata: Any = None) -> Any:
        """As `tf.Session.run`."""
        ...

    def should_stop(self) -> bool:
        """True if no further run is wanted."""
        ...

    def close(self) -> None:
        """Ends it."""
        ...


class HookedSession:
    """Calls hooks before and after each run.

    Args:
        session: a `tf.Session`.
        hooks: the hooks, in the order in which they are called.
    """

    def __init__(self, session: Any, hooks: Sequence[SessionRunHook]) -> None:
        self._session = session
        self._hooks = hooks
        self._stops = False

    def run(self, fetches: Any, feed_dict: Any = None, options: Any = None, run_metadata: Any = None) -> Any:
        """Runs what was asked for together with what the hooks ask for."""
        context = SessionRunContext(SessionRunArgs(fetches, feed_dict, options), self._session)
        wanted: dict[Any, Any] = {"caller": fetches}
        feeds: dict[Any, Any] = dict(feed_dict or {})
        fed_by = dict.fromkeys(feeds, "the program")
        for position, hook in enumerate(self._hooks):
            request = hook.before_run(context)
            if request is None:
                continue
            if request.fetches is not None:
                wanted[position] = request.fetches
            added: dict[Any, Any] = request.feed_dict or {}
            for key, value in added.items():
                if key in feeds:
                    raise FeedError(f"{key!r} is fed twice: by {fed_by[key]} and by {type(hook).__name__}.")
                feeds[key], fed_by[key] = value, type(hook).__name__
            options = _joined(options, request.options)
        metadata = run_metadata if run_metadata is not None or options is None else RunMetadata()
        results = self._session.run(wanted, feeds, options, metadata)
        for position, hook in enumerate(self._hooks):
            hook.after_run(context, SessionRunValues(results.get(position), options, metadata))
        self._stops = self._stops or context.stop_requested
        return results["caller"]

    def should_stop(self) -> bool:
        """True once a hook has asked for the end."""
        return self._stops

    def close(self) -> None:
        """Ends the session."""
        self._session.close()


def _joined(options: Any, more: Any) -> Any:
    """Options of a run, the stronger of each."""
    if options is None or more is None:
        return more if options is None else options
    return RunOptions(
        trace_level=max(options.trace_level, more.trace_level),
        timeout_in_ms=max(options.timeout_in_ms, more.timeout_in_ms),
    )


class CoordinatedSession:
    """Stops with the threads of a coordinator, and raises their errors.

    Args:
        session: the session inside.
        coord: the coordinator.
        stop_grace_period_secs: seconds that threads get to stop.
    """

    def __init__(self, session: Wrapped, coord: Coordinator, stop_grace_period_secs: float) -> None:
        self._session = session
        self._coord = coord
        self._grace_seconds = stop_grace_period_secs

    def run(self, fetches: Any, feed_dict: Any = None, options: Any = None, run_metadata: Any = None) -> Any:
        """Runs; an error that a thread had first is raised instead of what followed from it."""
        try:
            return self._session.run(fetches, feed_dict, options, run_metadata)
        except RECOVERABLE:
            raise
        except Exception:
            self._coord.raise_requested_exception()
            raise

    def should_stop(self) -> bool:
        """True once a hook or a thread has asked for the end."""
        return self._coord.should_stop() or self._session.should_stop()

    def close(self) -> None:
        """Stops the threads, waits for them, and ends the session."""
        self._coord.request_stop()
        try:
            self._coord.join(stop_grace_period_secs=self._grace_seconds, ignore_live_threads=True)
        finally:
            self._session.close()


class CoordinatedCreator:
    """Makes a session with its threads and its hooks.

    Args:
        creator: makes the `tf.Session`.
        hooks: the hooks.
        stop_grace_period_secs: seconds that threads get to stop.

    Attributes:
        session: the `tf.Session` of the last call.
        coord: its coordinator.
    """

    def __init__(self, creator: SessionCreator, hooks: Sequence[SessionRunHook], stop_grace_period_secs: float) -> None:
        self._creator = creator
        self._hooks = hooks
        self._grace_seconds = stop_grace_period_secs
        self.session: Any = None
        self.coord: Coordinator | None = None

    def create_session(self) -> CoordinatedSession:
        """A new session; its queue runners run."""
        self.session = self._creator.create_session()
        self.coord = Coordinator(clean_stop_exception_types=())
        start_queue_runners(sess=self.session, coord=self.coord)
        for hook in self._hooks:
            hook.after_create_session(self.session, self.coord)
        return CoordinatedSession(HookedSession(self.session, self._hooks), self.coord, self._grace_seconds)


class RecoverableSession:
    """Makes a new session when the old one is lost, and runs again.

    Args:
        create: makes a session.
    """

    def __init__(self, create: Callable[[], Wrapped]) -> None:
        self._create = create
        self._session: Wrapped | None = self._made()

    def _made(self) -> Wrapped:
        while True:
            try:
                return self._create()
            except RECOVERABLE as error:
                logging.info("the session could not be made (%s): trying again", error)

    def run(self, fetches: Any, feed_dict: Any = None, options: Any = None, run_metadata: Any = None) -> Any:
        """Runs, in a new session if need be."""
        return self.attempt(lambda: self.current().run(fetches, feed_dict, options, run_metadata))

    def attempt(self, step: Callable[[], Any]) -> Any:
        """Calls `step` until the session is not lost meanwhile."""
        while True:
            try:
                return step()
            except RECOVERABLE as error:
                logging.warning("the session is lost (%s): a new one goes on from the last checkpoint", error)
                self.close()

    def current(self) -> Wrapped:
        """The session of the moment; a new one if it was lost."""
        if self._session is None:
            self._session = self._made()
        return self._session

    def should_stop(self) -> bool:
        """True once no further run is wanted."""
        return self.current().should_stop()

    def close(self) -> None:
        """Ends the session."""
        session, self._session = self._session, None
        if session is not None:
            try:
                session.close()
            except RECOVERABLE as error:
                logging.info("while the lost session was closed: %s", error)
