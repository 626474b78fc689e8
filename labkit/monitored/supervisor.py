"""`Supervisor`: the older way to look after a training, with threads that save and write summaries.

Example:
    >>> import labkit as tf, tempfile
    >>> step = tf.train.get_or_create_global_step()
    >>> train = tf.assign_add(step, 1)
    >>> sv = tf.train.Supervisor(logdir=tempfile.mkdtemp())
    >>> with sv.managed_session() as sess:
    ...     while not sv.should_stop():
    ...         if sess.run(train) >= 3:
    ...             break
    >>> sv.should_stop()
    True

Source: `tensorflow/python/training/supervisor.py` (1.4).
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from labkit import logging
from labkit.errors import GraphError
from labkit.gfile import MakeDirs, local_path
from labkit.global_step import get_global_step, global_step
from labkit.graph import Graph, GraphKeys, get_default_graph
from labkit.messages import message
from labkit.monitored.manager import SessionManager
from labkit.monitored.record import write_graph_beside
from labkit.monitored.scaffold import (
    default_init_op,
    default_local_init_op,
    default_ready_for_local_init_op,
    one_in_collection,
)
from labkit.queues import Coordinator, LooperThread, start_queue_runners
from labkit.saving import Saver
from labkit.session import Session
from labkit.summary import FileWriter, merge_all
from labkit.variables import report_uninitialized_variables


class Supervisor:
    """Starts a session from a checkpoint or afresh, saves it every so often, stops its threads.

    The graph is finalized: make all nodes before.

    Args:
        graph: the graph; the default graph if None.
        ready_op, ready_for_local_init_op, init_op, local_init_op, summary_op, saver, global_step, summary_writer:
            0 means the default, which is made; None means none.
        is_chief: False for a worker that waits for the chief.
        init_feed_dict: fed to `init_op`.
        logdir: where checkpoints and summaries go, and where the session recovers from; None for nowhere.
        save_summaries_secs: seconds between two summaries; 0 for none.
        save_model_secs: seconds between two checkpoints; 0 for none.
        recovery_wait_secs: seconds between two looks for the chief.
        stop_grace_secs: seconds that threads get to stop.
        checkpoint_basename: what the names of checkpoints begin with.
        session_manager: makes the sessions.
        init_fn: called with the session after `init_op`.

    Example:
        >>> import labkit as tf
        >>> w = tf.Variable(1.0)
        >>> sv = tf.train.Supervisor()
        >>> with sv.managed_session() as sess:
        ...     float(sess.run(w))
        1.0
    """

    USE_DEFAULT = 0

    def __init__(
        self, graph: Graph | None = None, ready_op: Any = 0, ready_for_local_init_op: Any = 0, is_chief: bool = True,
        init_op: Any = 0, init_feed_dict: Any = None, local_init_op: Any = 0, logdir: Any = None, summary_op: Any = 0,
        saver: Any = 0, global_step: Any = 0, save_summaries_secs: float = 120, save_model_secs: float = 600,
        recovery_wait_secs: float = 30, stop_grace_secs: float = 120, checkpoint_basename: str = "model.ckpt",
        session_manager: SessionManager | None = None, summary_writer: Any = 0,
        init_fn: Callable[[Any], Any] | None = None,
    ) -> None:  # fmt: skip
        self.graph = graph or get_default_graph()
        self.coord = Coordinator()
        self.is_chief = is_chief
        self.stop_grace_secs = stop_grace_secs
        self.save_summaries_secs = save_summaries_secs
        self.save_model_secs = save_model_secs
        self.init_fn = init_fn
        self.init_feed_dict = init_feed_dict
        with self.graph.as_default():
            make = self._made
            self.ready_op = make(ready_op, "ready_op", GraphKeys.READY_OP, report_uninitialized_variables)
            self.ready_for_local_init_op = make(
                ready_for_local_init_op, "ready_for_local_init_op", GraphKeys.READY_FOR_LOCAL_INIT_OP,
                default_ready_for_local_init_op,
            )  # fmt: skip
            self.init_op = make(init_op, "init_op", GraphKeys.INIT_OP, default_init_op)
            self.local_init_op = make(local_init_op, "local_init_op", GraphKeys.LOCAL_INIT_OP, default_local_init_op)
            self.saver = make(saver, "saver", GraphKeys.SAVERS, lambda: Saver(allow_empty=True))
            self.summary_op = make(summary_op, "summary_op", GraphKeys.SUMMARY_OP, merge_all)
            self.global_step = get_global_step() if _is_default(global_step) else global_step
        if self.local_init_op is None:
            self.ready_for_local_init_op = None
        self.logdir = local_path(logdir) if logdir is not None and is_chief else None
        self.save_path = os.path.join(self.logdir, checkpoint_basename) if self.logdir else None
        self.summary_writer: Any = None if _is_default(summary_writer) else summary_writer
        if self.logdir is not None:
            MakeDirs(self.logdir)
            if _is_default(summary_writer):
                self.summary_writer = FileWriter(self.logdir)
        self.session_manager = session_manager or SessionManager(
            self.local_init_op, self.ready_op, self.ready_for_local_init_op, self.graph, recovery_wait_secs
        )
        self._threads: list[threading.Thread] = []
        self.graph.finalize()

    def _made(self, given: Any, what: str, key: str, make: Callable[[], Any]) -> Any:
        return one_in_collection(self.graph, what, key, make) if _is_default(given) else given

    def prepare_or_wait_for_session(
        self, master: str = "", config: Any = None, wait_for_checkpoint: bool = False, max_wait_secs: float = 7200,
        start_standard_services: bool = True,
    ) -> Session:  # fmt: skip
        """A session that is ready, and its threads started.

        Args:
            master: "" for a session of its own, or `server.target`.
            config: a `tf.ConfigProto`.
            wait_for_checkpoint: waits until there is a checkpoint.
            max_wait_secs: for so many seconds.
            start_standard_services: starts the threads that save and write summaries.
        """
        self.coord.clear_stop()
        if self.summary_writer is not None:
            self.summary_writer.reopen()
        if self.is_chief:
            session = self.session_manager.prepare_session(
                master, self.init_op, self.saver, self.logdir, wait_for_checkpoint=wait_for_checkpoint,
                max_wait_secs=max_wait_secs, config=config, init_feed_dict=self.init_feed_dict, init_fn=self.init_fn,
            )  # fmt: skip
            if self.summary_writer is not None:
                self._write_start(session)
        else:
            session = self.session_manager.wait_for_session(master, config, max_wait_secs)
        if start_standard_services and self.is_chief:
            self.start_standard_services(session)
        self.start_queue_runners(session)
        return session

    PrepareSession = prepare_or_wait_for_session

    def _write_start(self, session: Session) -> None:
        if self.logdir is not None:
            write_graph_beside(self.graph, self.logdir)
        self.summary_writer.add_graph(self.graph)
        log: Any = message("SessionLog")
        step = None if self.global_step is None else global_step(session, self.global_step)
        self.summary_writer.add_session_log(log(status=log.START), step)

    def start_standard_services(self, sess: Session) -> list[threading.Thread]:
        """Starts the threads that save, write summaries and count steps; they need a `logdir`.

        Args:
            sess: the session.
        """
        if self.logdir is None:
            logging.warning("there is no logdir: no checkpoints and no summaries are written")
            return []
        services: list[tuple[float, Callable[[], Any]]] = []
        if self.global_step is not None and self.save_summaries_secs and self.summary_writer is not None:
            services.append((self.save_summaries_secs, _StepCounter(self, sess)))
        if self.summary_op is not None and self.save_summaries_secs and self.summary_writer is not None:
            services.append((self.save_summaries_secs, lambda: self.summary_computed(sess, sess.run(self.summary_op))))
        if self.saver is not None and self.save_model_secs:
            services.append((self.save_model_secs, lambda: self._save(sess)))
        started: list[threading.Thread] = [LooperThread.loop(self.coord, secs, call) for secs, call in services]
        self._threads.extend(started)
        return started

    StartStandardServices = start_standard_services

    def _save(self, sess: Session) -> None:
        logging.info("Saving checkpoint to path %s", self.save_path)
        self.saver.save(sess, self.save_path, global_step=self.global_step)

    def start_queue_runners(self, sess: Session, queue_runners: Iterable[Any] | None = None) -> list[threading.Thread]:
        """Starts the threads of queue runners.

        Args:
            sess: the session.
            queue_runners: which; all of the graph if None.
        """
        if queue_runners is None:
            with self.graph.as_default():
                started: list[threading.Thread] = list(start_queue_runners(sess, self.coord))
        else:
            started = [t for runner in queue_runners for t in runner.create_threads(sess, self.coord, True, True)]
        self._threads.extend(started)
        return started

    StartQueueRunners = start_queue_runners

    def loop(
        self, timer_interval_secs: float | None, target: Callable[..., Any], args: Sequence[Any] | None = None,
        kwargs: dict[str, Any] | None = None,
    ) -> LooperThread:  # fmt: skip
        """Starts a thread that calls a function again and again until the stop.

        Args:
            timer_interval_secs: seconds between two calls; None calls without a pause.
            target: the function.
            args: its arguments.
            kwargs: its keyword arguments.
        """
        looper = LooperThread.loop(self.coord, timer_interval_secs, target, args, kwargs)
        self._threads.append(looper)
        return looper

    Loop = loop

    def stop(
        self, threads: Iterable[threading.Thread] | None = None, close_summary_writer: bool = True,
        ignore_live_threads: bool = False,
    ) -> None:  # fmt: skip
        """Stops the threads and waits for them; raises the error that one of them had.

        Args:
            threads: which; all that were started if None.
            close_summary_writer: closes the writer too.
            ignore_live_threads: says nothing about threads that do not stop.
        """
        self.coord.request_stop()
        try:
            waited = list(self._threads if threads is None else threads)
            self.coord.join(waited, self.stop_grace_secs, ignore_live_threads)
        finally:
            self._threads = []
            if close_summary_writer and self.summary_writer is not None:
                log: Any = message("SessionLog")
                self.summary_writer.add_session_log(log(status=log.STOP))
                self.summary_writer.close()

    Stop = stop

    def request_stop(self, ex: Any = None) -> None:
        """Asks all threads to stop; `ex` is the error that is the reason."""
        self.coord.request_stop(ex)

    RequestStop = request_stop

    def should_stop(self) -> bool:
        """True once a stop was asked for."""
        return self.coord.should_stop()

    ShouldStop = should_stop

    def stop_on_exception(self) -> AbstractContextManager[None]:
        """A `with` block whose errors stop all threads."""
        return self.coord.stop_on_exception()

    StopOnException = stop_on_exception

    def wait_for_stop(self) -> None:
        """Waits until a stop is asked for."""
        self.coord.wait_for_stop()

    WaitForStop = wait_for_stop

    def summary_computed(self, sess: Session, summary: Any, global_step: Any = None) -> None:
        """Writes a summary.

        Args:
            sess: the session.
            summary: what running a summary gave.
            global_step: its step; that of the session if None.

        Raises:
            GraphError: if there is no writer.
        """
        if self.summary_writer is None:
            raise GraphError("this Supervisor writes no summaries.\n  Try: tf.train.Supervisor(logdir=...).")
        if global_step is None and self.global_step is not None:
            global_step = sess.run(self.global_step)
        self.summary_writer.add_summary(summary, global_step)

    SummaryComputed = summary_computed

    @contextmanager
    def managed_session(
        self, master: str = "", config: Any = None, start_standard_services: bool = True,
        close_summary_writer: bool = True,
    ) -> Generator[Session]:  # fmt: skip
        """A session for a `with` block, at whose end all is stopped; an error of a thread is raised there.

        Args:
            master: "" for a session of its own, or `server.target`.
            config: a `tf.ConfigProto`.
            start_standard_services: starts the threads that save and write summaries.
            close_summary_writer: closes the writer at the end.
        """
        session: Session | None = None
        try:
            session = self.prepare_or_wait_for_session(master, config, start_standard_services=start_standard_services)
            yield session
        except Exception as error:
            self.request_stop(error)
        finally:
            try:
                self.stop(close_summary_writer=close_summary_writer)
            finally:
                if session is not None:
                    session.close()


class _StepCounter:
    """Writes steps per second, each time it is called."""

    def __init__(self, supervisor: Supervisor, session: Session) -> None:
        self._supervisor = supervisor
        self._session = session
        self._before = (time.monotonic(), global_step(session, supervisor.global_step))

    def __call__(self) -> None:
        step = global_step(self._session, self._supervisor.global_step)
        seconds, before = self._before
        now = time.monotonic()
        self._before = (now, step)
        if step == before or now == seconds:
            return
        summary: Any = message("Summary")
        tag = f"{self._supervisor.global_step.op.name}/sec"
        value = summary.Value(tag=tag, simple_value=(step - before) / (now - seconds))
        self._supervisor.summary_writer.add_summary(summary(value=[value]), step)


def _is_default(given: Any) -> bool:
    return isinstance(given, int) and given == Supervisor.USE_DEFAULT
