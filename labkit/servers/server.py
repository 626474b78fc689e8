"""`tf.train.Server`: a task of a cluster.

A server has an address, and a table of this process finds it by that address. It keeps what belongs to its task:
the values of the variables that are placed on it, by name, and the queues and accumulators, by name. Sessions come and
go (`tf.Session(server.target)`); what the server keeps stays until `close()`.

Example:
    >>> import labkit as tf
    >>> server = tf.train.Server.create_local_server()
    >>> v = tf.Variable(1.0)
    >>> with tf.Session(server.target) as sess:
    ...     sess.run(v.initializer)
    >>> with tf.Session(server.target) as sess:
    ...     float(sess.run(v))
    1.0
    >>> server.close()

Source: `tensorflow/python/training/server_lib.py`, `tensorflow/core/distributed_runtime/` (1.4).
"""

from __future__ import annotations

import itertools
import sys
import threading
import time
import weakref
from collections.abc import Hashable
from types import TracebackType
from typing import Any

from labkit import logging
from labkit.cluster_spec import ClusterSpec, ServerDef, UnknownTaskError
from labkit.errors import (
    AlreadyExistsError,
    CancelledError,
    DeadlineExceededError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
)
from labkit.graph import SessionResources

STATE_LOCK = threading.RLock()
"""Held while the variables of any server are read or replaced, never while something waits or computes."""

WAIT_SECONDS = 60.0
"""How long a session waits for the server of another task, unless its configuration says `operation_timeout_in_ms`."""

_HINT_AFTER_SECONDS = 10.0
_PROTOCOLS = ("grpc://", "grpc+verbs://", "grpc+mpi://", "grpc+gdr://")

_changed = threading.Condition()  # guards the table, and is told when a server starts or closes
_serving: dict[str, Server] = {}  # by address
_free_port = itertools.count(40001)


class Server:
    """A task of a cluster, which sessions connect to and which keeps the variables that are placed on it.

    labkit writes no transport: all servers of a cluster live in this process, each usually in a thread of its own
    (`tf.parallel.run_cluster`). For processes and machines there is `tf.parallel.processes`.

    Args:
        server_or_cluster_def: a `tf.train.ClusterSpec` (or what it is made of), or a `tf.train.ServerDef`.
        job_name: the job of this task; may be left out if the cluster has one job.
        task_index: its number in the job; may be left out if the job has one task.
        protocol: kept for TensorFlow's signature.
        config: kept as the `default_session_config` of `server_def`.
        start: False waits for `start()`.

    Raises:
        UnknownTaskError: if the cluster has no such job or task.
        ValueError: if there are several and none was said.
        AlreadyExistsError: if a server of this process has the same address.

    Example:
        >>> import labkit as tf
        >>> cluster = tf.train.ClusterSpec({"ps": ["ps:2222"], "worker": ["w0:2222", "w1:2222"]})
        >>> ps, worker = tf.train.Server(cluster, "ps", 0), tf.train.Server(cluster, "worker", 1)
        >>> with tf.device("/job:ps/task:0"):
        ...     count = tf.Variable(0, name="count")
        >>> with tf.Session(worker.target) as sess:
        ...     sess.run(count.initializer)
        ...     int(sess.run(tf.assign_add(count, 1)))
        1
        >>> with tf.Session(ps.target) as sess:
        ...     int(sess.run(count))
        1
        >>> worker.close(), ps.close()
        (None, None)
    """

    def __init__(
        self, server_or_cluster_def: Any, job_name: str | None = None, task_index: int | None = None,
        protocol: str | None = None, config: Any = None, start: bool = True,
    ) -> None:  # fmt: skip
        self._server_def = _server_def(server_or_cluster_def, job_name, task_index, protocol, config)
        self.cluster = ClusterSpec(self._server_def.cluster)
        self.address = self.cluster.task_address(self._server_def.job_name, self._server_def.task_index)
        self.variables: dict[str, Any] = {}
        self.declared: dict[str, Any] = {}  # what each variable is like, and which line says so
        self.resources = SessionResources()
        self.users: dict[Hashable, weakref.WeakSet[Any]] = {}  # the sessions that have used each queue
        self.moves = 0  # how often something was done here: whoever watches sees whether anything still moves
        self._sessions: weakref.WeakSet[Any] = weakref.WeakSet()
        self._joined_by: set[int] = set()
        self._ended = threading.Event()
        self._started = False
        self._reason = ""
        _check_addresses(self.cluster)
        if start:
            self.start()

    @staticmethod
    def create_local_server(config: Any = None, start: bool = True) -> Server:
        """The only server of a cluster of one task, "/job:local/task:0".

        Args:
            config: as for the constructor.
            start: as for the constructor.
        """
        with _changed:
            address = next(a for a in (f"localhost:{port}" for port in _free_port) if a not in _serving)
        return Server({"local": [address]}, "local", 0, config=config, start=start)

    @property
    def server_def(self) -> ServerDef:
        """The cluster and this server's place in it."""
        return self._server_def

    @property
    def target(self) -> str:
        """What `tf.Session` takes to connect to this server."""
        return f"{self._server_def.protocol}://{self.address}"

    @property
    def name(self) -> str:
        """The name of the task, such as "/job:worker/task:1"."""
        return f"/job:{self._server_def.job_name}/task:{self._server_def.task_index}"

    @property
    def started(self) -> bool:
        """True from `start()` on."""
        return self._started

    @property
    def closed(self) -> bool:
        """True once it was closed."""
        return self._ended.is_set()

    def start(self) -> None:
        """Lets sessions connect; does nothing if they can already.

        Raises:
            AlreadyExistsError: if a server of this process has the same address.
            CancelledError: if it is closed.
        """
        self.check_open()
        with _changed:
            there = _serving.get(self.address)
            if there is self:
                return
            if there is not None:
                raise AlreadyExistsError(
                    None, None, f"a server is running at {self.address} already: {there.name}. In a notebook, a cell "
                    "that is run twice starts it twice.\n"
                    "  Try: server.close() of the other one first, or another address."
                )  # fmt: skip
            _serving[self.address] = self
            self._started = True
            _changed.notify_all()

    def join(self) -> None:
        """Waits until the server is closed: what a parameter server's program does in the end.

        Under `tf.parallel.run_cluster` that is when all other tasks are done.

        Raises:
            FailedPreconditionError: if it was never started.
        """
        if not self._started:
            raise FailedPreconditionError(
                None, None, f"the server {self.name} was made with start=False and never started: join() would wait "
                "for ever.\n  Try: server.start() first."
            )  # fmt: skip
        me, began, hinted = threading.get_ident(), time.monotonic(), False
        self._joined_by.add(me)
        try:
            while not self._ended.wait(0.5):
                alone = threading.current_thread() is threading.main_thread()
                if alone and not hinted and time.monotonic() - began > _HINT_AFTER_SECONDS:
                    hinted = True
                    sys.stderr.write(
                        f"labkit: join() of {self.name} has waited for 10 seconds in the main thread, and only another "
                        "thread of this process can use or close the server.\n"
                        "  Try: tf.parallel.run_cluster(main, cluster), which runs all tasks; or interrupt.\n"
                    )
        finally:
            self._joined_by.discard(me)

    def is_joined_by(self, thread: threading.Thread) -> bool:
        """True while that thread waits in `join()`."""
        return thread.ident in self._joined_by

    def close(self, reason: str = "") -> None:
        """Ends the server: its sessions close, its variables and queues are gone, `join()` returns.

        TensorFlow has no such method: there a server ends with its process.

        Args:
            reason: why, for the errors of those who still use it.
        """
        with _changed:
            if self._ended.is_set():
                return
            self._reason = reason
            self._ended.set()
            if _serving.get(self.address) is self:
                del _serving[self.address]
            _changed.notify_all()
        self._forget()
        self.resources.close()

    def reset(self) -> None:
        """Forgets the variables and queues of this task, and closes the sessions that are connected to it."""
        resources, self.resources = self.resources, SessionResources()
        self._forget()
        resources.close()

    def _forget(self) -> None:
        """Closes the sessions, and lets go of what is kept here."""
        with _changed:
            sessions = list(self._sessions)
        for session in sessions:
            session.close()
        with STATE_LOCK:
            self.variables = {}
            self.declared = {}

    def connect(self, session: Any) -> None:
        """Remembers a session, to close it when the server closes.

        Raises:
            CancelledError: if it is closed.
        """
        with _changed:
            self.check_open()
            self._sessions.add(session)

    def check_open(self) -> None:
        """Raises `CancelledError` if the server is closed."""
        if self.closed:
            why = f": {self._reason}" if self._reason else ""
            raise CancelledError(
                None, None, f"the server {self.name} at {self.address} is closed{why}.\n"
                "  Try: a new tf.train.Server, and a session on its target."
            )  # fmt: skip

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self.closed else "running" if self._started else "not started"
        return f"<tf.train.Server {self.name} at {self.address}, {state}>"


def find_server(target: Any) -> Server:
    """The server that a session's target names.

    Args:
        target: such as "grpc://localhost:2222".

    Raises:
        NotFoundError: if no server of this process has that address.
        FailedPreconditionError, CancelledError: if it was not started yet, or is closed.
    """
    if isinstance(target, Server):
        raise TypeError(f"a session takes the target of a server, not the server: tf.Session(server.target), {target}.")
    if not isinstance(target, str):
        raise TypeError(f'target is a string such as server.target, or "" for this process, not {target!r}.')
    address = next((target.removeprefix(p) for p in _PROTOCOLS if target.startswith(p)), target)
    with _changed:
        found = _serving.get(address)
        running = ", ".join(f"{s.name} at {a}" for a, s in _serving.items()) or "none"
    if found is None:
        raise NotFoundError(
            None, None, f"labkit has no server at {target!r}: it writes no transport, so a session reaches the servers "
            f"of its own process, and no other process or machine; running here: {running}.\n"
            '  Try: tf.Session() to compute in this process; server.target of a started tf.train.Server; '
            "tf.parallel.run_cluster(main, cluster) to run all tasks of a cluster as threads; "
            "tf.parallel.processes for real processes."
        )  # fmt: skip
    return found


def wait_for_server(address: str, task: str, waiting: Server, seconds: float) -> Server:
    """The server at an address, as soon as it is started.

    Args:
        address: its address.
        task: the name of its task, for messages.
        waiting: the server whose session waits.
        seconds: for how long at most.

    Raises:
        DeadlineExceededError: if it is not started in time.
        CancelledError: if the session's own server is closed meanwhile.
    """
    began = time.monotonic()
    hinted = False
    with _changed:
        while address not in _serving:
            waiting.check_open()
            waited = time.monotonic() - began
            if waited > _HINT_AFTER_SECONDS and not hinted:
                hinted = True
                logging.info("CreateSession still waiting for response from worker: %s", task)
            if waited >= seconds:
                raise DeadlineExceededError(
                    None, None, f"no server of the task {task} was started at {address} within {seconds:g} seconds, "
                    "and this session needs it.\n"
                    f"  Try: tf.train.Server(cluster, ...) for {task} in this process before, or in another thread; "
                    "tf.parallel.run_cluster(main, cluster) does that for all tasks."
                )  # fmt: skip
            _changed.wait(min(0.5, seconds - waited))
        return _serving[address]


def servers_of(cluster: ClusterSpec) -> list[Server]:
    """The servers of this process that are tasks of a cluster."""
    addresses = [cluster.task_address(job, index) for job in cluster.jobs for index in cluster.task_indices(job)]
    with _changed:
        return [_serving[address] for address in addresses if address in _serving]


def _server_def(
    given: Any, job_name: str | None, task_index: int | None, protocol: str | None, config: Any
) -> ServerDef:
    """What a server is to be, as a `ServerDef`; the rules are TensorFlow's `_make_server_def`."""
    if isinstance(given, ServerDef):
        cluster = ClusterSpec(given.cluster)
        job_name = given.job_name if job_name is None else job_name
        task_index = given.task_index if task_index is None else task_index
        protocol = protocol or given.protocol
        config = given.default_session_config if config is None else config
    else:
        cluster = ClusterSpec(given)
    if job_name is None:
        if len(cluster.jobs) != 1:
            raise InvalidArgumentError(
                None, None, f"Must specify an explicit `job_name`: the cluster has {len(cluster.jobs)} jobs, "
                f"{', '.join(cluster.jobs)}."
            )  # fmt: skip
        (job_name,) = cluster.jobs
    if job_name not in cluster.jobs:
        raise UnknownTaskError(
            f"Job {job_name!r} was not defined in the cluster: its jobs are {', '.join(cluster.jobs) or 'none'}.",
            f"one of them, or add {job_name!r} to the ClusterSpec with the addresses of its tasks.",
        )
    tasks = cluster.task_indices(job_name)
    if task_index is None:
        if len(tasks) != 1:
            raise InvalidArgumentError(
                None, None, f"Must specify an explicit `task_index`: the job {job_name!r} has {len(tasks)} tasks."
            )  # fmt: skip
        (task_index,) = tasks
    if not isinstance(task_index, int) or isinstance(task_index, bool):  # pyright: ignore[reportUnnecessaryIsInstance]  # learners are not typed
        raise TypeError(f"task_index is the number of a task, not {task_index!r}.")
    if task_index not in tasks:
        raise UnknownTaskError(
            f"Task {task_index} was not defined in job {job_name!r}: its tasks are "
            f"{', '.join(map(str, tasks)) or 'none'}.",
            f"add its address to the ClusterSpec, which every program of the cluster gets: {cluster.as_dict()}.",
        )
    return ServerDef(cluster.as_cluster_def(), job_name, task_index, config, protocol or "grpc")


def _check_addresses(cluster: ClusterSpec) -> None:
    taken: dict[str, str] = {}
    for job in cluster.jobs:
        for index in cluster.task_indices(job):
            task, address = f"/job:{job}/task:{index}", cluster.task_address(job, index)
            if address in taken:
                raise InvalidArgumentError(
                    None, None, f"{taken[address]} and {task} of the cluster have the same address, {address}.\n"
                    "  Try: an address, or at least a port, of its own for each task."
                )  # fmt: skip
            taken[address] = task
