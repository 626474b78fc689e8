"""`SessionManager`: a session that is ready, from a checkpoint if there is one, else initialized.

A recovered session draws the random numbers that the stopped one would have drawn: after everything is initialized, the
places in the random streams are taken from the checkpoint too.

Example:
    >>> import labkit as tf, tempfile
    >>> folder, w = tempfile.mkdtemp(), tf.Variable(1.0)
    >>> init, saver = tf.global_variables_initializer(), tf.train.Saver()
    >>> manager = tf.train.SessionManager()
    >>> with manager.prepare_session("", init, saver, folder) as sess:
    ...     sess.run(w.initializer, {w.initial_value: 5.0})
    ...     path = saver.save(sess, f"{folder}/model.ckpt")
    >>> with manager.prepare_session("", init, saver, folder) as sess:
    ...     float(sess.run(w))
    5.0

Source: `tensorflow/python/training/session_manager.py` (1.4).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from labkit import logging
from labkit.errors import DeadlineExceededError, FailedPreconditionError, InvalidArgumentError
from labkit.graph import Graph, get_default_graph
from labkit.saving import get_checkpoint_state, restore_random_states
from labkit.session import Session

_FIRST_PAUSE_SECONDS = 0.02


class SessionManager:
    """Makes sessions that are ready to train.

    Args:
        local_init_op: run in each new session, after the variables are there.
        ready_op: a string tensor that names what is not initialized; an empty one means ready.
        ready_for_local_init_op: likewise, for what `local_init_op` needs.
        graph: the graph; the default graph if None.
        recovery_wait_secs: seconds between two looks for a checkpoint, or for another process.

    Raises:
        InvalidArgumentError: if `ready_for_local_init_op` is given without `local_init_op`.

    Example:
        >>> import labkit as tf
        >>> w = tf.Variable(2.0)
        >>> with tf.train.SessionManager().prepare_session("", tf.global_variables_initializer()) as sess:
        ...     float(sess.run(w))
        2.0
    """

    def __init__(
        self, local_init_op: Any = None, ready_op: Any = None, ready_for_local_init_op: Any = None,
        graph: Graph | None = None, recovery_wait_secs: float = 30,
    ) -> None:  # fmt: skip
        if ready_for_local_init_op is not None and local_init_op is None:
            raise InvalidArgumentError(
                None, None, "ready_for_local_init_op says when local_init_op may run, and there is no local_init_op."
            )
        self._local_init_op = local_init_op
        self._ready_op = ready_op
        self._ready_for_local_init_op = ready_for_local_init_op
        self._graph = graph or get_default_graph()
        self._wait_seconds = recovery_wait_secs

    def prepare_session(
        self, master: str, init_op: Any = None, saver: Any = None, checkpoint_dir: Any = None,
        checkpoint_filename_with_path: Any = None, wait_for_checkpoint: bool = False, max_wait_secs: float = 7200,
        config: Any = None, init_feed_dict: Any = None, init_fn: Callable[[Any], Any] | None = None,
    ) -> Session:  # fmt: skip
        """A session from the newest checkpoint of a directory, or initialized if there is none.

        Args:
            master: "" for a session of its own, or `server.target`.
            init_op: initializes the variables.
            saver: restores the checkpoint.
            checkpoint_dir: where checkpoints are.
            checkpoint_filename_with_path: a certain checkpoint, instead.
            wait_for_checkpoint: waits until there is one.
            max_wait_secs: for so many seconds.
            config: a `tf.ConfigProto`.
            init_feed_dict: fed to `init_op`.
            init_fn: called with the session after `init_op`.

        Raises:
            FailedPreconditionError: if something is not initialized afterwards.
            NotFoundError, InvalidArgumentError, DataLossError: if the checkpoint does not fit, or is damaged.
        """
        session = Session(master, graph=self._graph, config=config)
        try:
            path = self._restore(
                session, saver, checkpoint_dir, checkpoint_filename_with_path, wait_for_checkpoint, max_wait_secs
            )
            if path is None:
                if init_op is None and init_fn is None and self._local_init_op is None:
                    raise InvalidArgumentError(
                        None,
                        None,
                        "there is no checkpoint, and neither init_op nor init_fn nor local_init_op is given.",
                    )
                if init_op is not None:
                    session.run(init_op, init_feed_dict)
                if init_fn is not None:
                    init_fn(session)
            self._finish(session, path)
        except BaseException:
            session.close()
            raise
        return session

    def recover_session(
        self, master: str, saver: Any = None, checkpoint_dir: Any = None, checkpoint_filename_with_path: Any = None,
        wait_for_checkpoint: bool = False, max_wait_secs: float = 7200, config: Any = None,
    ) -> tuple[Session, bool]:  # fmt: skip
        """A session from the newest checkpoint of a directory.

        Args:
            master: "" for a session of its own, or `server.target`.
            saver: restores the checkpoint.
            checkpoint_dir: where checkpoints are.
            checkpoint_filename_with_path: a certain checkpoint, instead.
            wait_for_checkpoint: waits until there is one.
            max_wait_secs: for so many seconds.
            config: a `tf.ConfigProto`.

        Returns:
            The session, and whether it is initialized.
        """
        session = Session(master, graph=self._graph, config=config)
        path = self._restore(
            session, saver, checkpoint_dir, checkpoint_filename_with_path, wait_for_checkpoint, max_wait_secs
        )
        if path is None:
            return session, False
        try:
            self._finish(session, path)
        except FailedPreconditionError as error:
            logging.info("restored from %s, and not ready: %s", path, error)
            return session, False
        return session, True

    def wait_for_session(self, master: str, config: Any = None, max_wait_secs: float = float("inf")) -> Session:
        """A session whose variables another one, the chief, has initialized.

        It looks often at first, and at last every `recovery_wait_secs`.

        Args:
            master: `server.target`; "" for a session that shares nothing: then only what needs no initialization is
                ready.
            config: a `tf.ConfigProto`.
            max_wait_secs: how many seconds to wait.

        Raises:
            DeadlineExceededError: if it is not ready in time.
        """
        deadline = time.monotonic() + max_wait_secs
        pause = min(_FIRST_PAUSE_SECONDS, self._wait_seconds)
        while True:
            session = Session(master, graph=self._graph, config=config)
            try:
                self._finish(session, None)
                return session
            except FailedPreconditionError as error:
                session.close()
                if time.monotonic() + pause > deadline:
                    raise DeadlineExceededError(
                        None, None, f"the session was not ready after {max_wait_secs:g} s: {error}"
                    ) from error
            time.sleep(pause)
            pause = min(2 * pause, self._wait_seconds)

    def _restore(
        self, session: Session, saver: Any, folder: Any, path: Any, wait: bool, max_wait_secs: float
    ) -> str | None:
        """Restores a checkpoint; returns its name, or None if there is none."""
        if folder is not None and path is not None:
            raise InvalidArgumentError(
                None, None, "give one of the two: checkpoint_dir or checkpoint_filename_with_path."
            )
        if saver is None or (not folder and not path):
            return None
        if path is not None:
            saver.restore(session, path)
            return path
        deadline = time.monotonic() + max_wait_secs
        state = get_checkpoint_state(folder)
        while state is None:
            if not wait or time.monotonic() > deadline:
                return None
            time.sleep(min(self._wait_seconds, max(0.0, deadline - time.monotonic()) + 0.01))
            state = get_checkpoint_state(folder)
        saver.restore(session, state.model_checkpoint_path)
        saver.recover_last_checkpoints(state.all_model_checkpoint_paths)
        return state.model_checkpoint_path

    def _finish(self, session: Session, path: str | None) -> None:
        """Runs what each session needs, checks that nothing is missing, and takes up the random streams."""
        if self._local_init_op is not None:
            self._check(session, self._ready_for_local_init_op, "for local_init_op")
            session.run(self._local_init_op)
        self._check(session, self._ready_op, "to run")
        if path is not None:
            restore_random_states(session, path)

    @staticmethod
    def _check(session: Session, ready_op: Any, purpose: str) -> None:
        missing: list[bytes] = [] if ready_op is None else session.run(ready_op).reshape(-1).tolist()
        if missing:
            names = ", ".join(name.decode() for name in missing[:5]) + (", ..." if len(missing) > 5 else "")
            raise FailedPreconditionError(
                None, None, f"the session is not ready {purpose}: {len(missing)} variables have no value: {names}.\n"
                "  Try: an init_op that initializes them, or a Saver whose checkpoint has them."
            )  # fmt: skip
