"""`tf.train.QueueRunner`: threads that fill a queue while the program reads from it.

One thread per enqueue operation runs it until the input is at its end or the coordinator stops; then the queue is
closed, and who reads from it gets `OutOfRangeError` once it is empty.

Example:
    >>> import labkit as tf
    >>> queue = tf.FIFOQueue(10, tf.float32, [[]])
    >>> tf.train.add_queue_runner(tf.train.QueueRunner(queue, [queue.enqueue(tf.random_uniform([]))]))
    >>> x = queue.dequeue_many(100)
    >>> with tf.Session() as sess:
    ...     coord = tf.train.Coordinator()
    ...     threads = tf.train.start_queue_runners(sess, coord)
    ...     mean = sess.run(tf.reduce_mean(x))
    ...     coord.request_stop()
    ...     coord.join(threads)
    >>> 0 < float(mean) < 1
    True

Source: `tensorflow/python/training/queue_runner_impl.py` (1.4).
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Sequence
from typing import Any

from labkit.errors import CancelledError, ClosedSessionError, GraphError, LabkitError, OutOfRangeError
from labkit.graph import GraphKeys, get_default_graph, stacks
from labkit.graph.runtime import giving_up
from labkit.queues.coordinator import Coordinator


class QueueRunner:
    """Fills a queue from threads of its own.

    Args:
        queue: a queue.
        enqueue_ops: operations that fill it: one thread each. The same one several times gives several threads.
        close_op: what to run at the end of the input; by default closes the queue.
        cancel_op: what to run at a stop; by default closes the queue and ends the waiting enqueues.
        queue_closed_exception_types: errors that mean the end of the input.
        queue_runner_def: not in labkit.
        import_scope: not in labkit.

    Example:
        >>> import labkit as tf
        >>> queue = tf.FIFOQueue(3, tf.int32, [[]])
        >>> runner = tf.train.QueueRunner(queue, [queue.enqueue(7)] * 2)
        >>> len(runner.enqueue_ops), runner.name
        (2, 'fifo_queue')
    """

    def __init__(
        self, queue: Any = None, enqueue_ops: Sequence[Any] | None = None, close_op: Any = None, cancel_op: Any = None,
        queue_closed_exception_types: tuple[type[BaseException], ...] | None = None, queue_runner_def: Any = None,
        import_scope: str | None = None,
    ) -> None:  # fmt: skip
        if queue_runner_def is not None:
            raise LabkitError("labkit stores no queue runners: make them anew after importing the graph.")
        if queue is None or not enqueue_ops:
            raise LabkitError("a queue runner needs a queue and the operations that fill it: QueueRunner(queue, [op]).")
        self._queue = queue
        self._enqueue_ops = list(enqueue_ops)
        self._close_op = queue.close() if close_op is None else close_op
        self._cancel_op = queue.close(cancel_pending_enqueues=True) if cancel_op is None else cancel_op
        self._ends = queue_closed_exception_types or (OutOfRangeError,)
        self._lock = threading.Lock()
        self._running: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._errors: list[BaseException] = []

    @property
    def queue(self) -> Any:
        """The queue."""
        return self._queue

    @property
    def enqueue_ops(self) -> list[Any]:
        """The operations that fill it."""
        return self._enqueue_ops

    @property
    def close_op(self) -> Any:
        """What runs at the end of the input."""
        return self._close_op

    @property
    def cancel_op(self) -> Any:
        """What runs at a stop."""
        return self._cancel_op

    @property
    def name(self) -> str:
        """The name of the queue's node."""
        return self._queue.name

    @property
    def queue_closed_exception_types(self) -> tuple[type[BaseException], ...]:
        """Errors that mean the end of the input."""
        return self._ends

    @property
    def exceptions_raised(self) -> list[BaseException]:
        """The errors of the threads, if there was no coordinator to keep them."""
        return self._errors

    def create_threads(
        self, sess: Any, coord: Coordinator | None = None, daemon: bool = False, start: bool = False
    ) -> list[threading.Thread]:
        """Makes the threads; none if they run in this session already.

        Args:
            sess: the session they run in.
            coord: stops them, and keeps their errors.
            daemon: True lets Python end while they run.
            start: True starts them.

        Returns:
            The threads.
        """
        with self._lock:
            if self._running.get(sess):
                return []
            self._running[sess] = len(self._enqueue_ops)
            self._errors = []
        threads = [
            threading.Thread(target=self._fill, args=(sess, op, coord), name=f"QueueRunner-{self.name}-{i}")
            for i, op in enumerate(self._enqueue_ops)
        ]
        if coord is not None:
            threads.append(
                threading.Thread(target=self._close_at_stop, args=(sess, coord), name=f"QueueRunner-{self.name}-close")
            )
        for thread in threads:
            if coord is not None:
                coord.register_thread(thread)
            thread.daemon = daemon
            if start:
                thread.start()
        return threads

    def _fill(self, sess: Any, enqueue_op: Any, coord: Coordinator | None) -> None:
        """What a thread does: enqueue until the end."""
        counted = True
        try:
            while coord is None or not coord.should_stop():
                try:
                    with contextlib.nullcontext() if coord is None else giving_up(coord.should_stop):
                        sess.run(enqueue_op)
                except self._ends:
                    with self._lock:
                        self._running[sess] -= 1
                        counted = False
                        is_last = self._running[sess] == 0
                    if is_last:
                        sess.run(self._close_op)
                    return
        except (CancelledError, ClosedSessionError):
            # The session or the queue was closed while this thread waited: the end, and nobody's mistake.
            if coord is not None:
                coord.request_stop()
        except Exception as error:
            if sess.is_closed:  # the variables went away under its feet
                return
            if coord is None:
                self._errors.append(error)
                raise
            coord.request_stop(error)
        finally:
            if counted:
                with self._lock:
                    self._running[sess] -= 1

    def _close_at_stop(self, sess: Any, coord: Coordinator) -> None:
        """Lets the waiting threads go once the coordinator stops."""
        coord.wait_for_stop()
        try:
            sess.run(self._cancel_op)
        except (CancelledError, ClosedSessionError):
            pass
        except Exception as error:
            coord.request_stop(error)


def add_queue_runner(qr: QueueRunner, collection: str = GraphKeys.QUEUE_RUNNERS) -> None:
    """Remembers a queue runner in the graph, for `start_queue_runners`.

    Args:
        qr: a queue runner.
        collection: where.

    Example:
        >>> import labkit as tf
        >>> queue = tf.FIFOQueue(3, tf.int32, [[]])
        >>> tf.train.add_queue_runner(tf.train.QueueRunner(queue, [queue.enqueue(7)]))
        >>> len(tf.get_collection(tf.GraphKeys.QUEUE_RUNNERS))
        1
    """
    get_default_graph().add_to_collection(collection, qr)


def start_queue_runners(
    sess: Any = None, coord: Coordinator | None = None, daemon: bool = True, start: bool = True,
    collection: str = GraphKeys.QUEUE_RUNNERS,
) -> list[threading.Thread]:  # fmt: skip
    """Starts the threads of all queue runners of the graph.

    Args:
        sess: the session they run in; by default the default session.
        coord: stops them together.
        daemon: True lets Python end while they run.
        start: False only makes the threads.
        collection: of the queue runners.

    Returns:
        The threads.

    Example:
        >>> import labkit as tf
        >>> with tf.Session() as sess:
        ...     tf.train.start_queue_runners()
        []
    """
    session = stacks.default_session() if sess is None else sess
    if session is None:
        raise GraphError("start_queue_runners needs a session: start_queue_runners(sess), or inside `with sess:`.")
    runners: list[QueueRunner] = session.graph.get_collection(collection)
    return [thread for runner in runners for thread in runner.create_threads(session, coord, daemon, start)]
