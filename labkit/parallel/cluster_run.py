"""`run_cluster`: a program for a cluster, whole, in this process.

A between-graph program is one function that every task runs, with another job and number: it makes a server, and a
parameter server then joins it, while a worker builds its graph and trains. Here each task runs in a thread of its own
with a default graph of its own. When all that are not joining are done, the servers close and the joins return. The
first error of a task closes all servers, which ends the others, and is raised with the name of its task.

Source: what TensorFlow leaves to scripts: `tensorflow/docs_src/deploy/distributed.md` (1.4).
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any

from labkit.cluster_spec import ClusterSpec
from labkit.errors import AlreadyExistsError, DeadlineExceededError, LabkitError
from labkit.graph import Graph
from labkit.servers import servers_of
from labkit.sites import PACKAGE_FOLDER

_WAITS = frozenset(
    ["ops/waiting.py", "ops/accumulators.py", "servers/server.py", "monitored/manager.py", "queues/coordinator.py"]
)
_END_SECONDS = 10.0  # that a task gets to end once the servers are closed


def run_cluster(
    main: Callable[[str, int], Any], cluster: Any, timeout: float = 600.0, stall_timeout: float = 30.0
) -> dict[str, Any]:
    """Runs `main(job_name, task_index)` for every task of a cluster, each in a thread with a graph of its own.

    Args:
        main: the program of one task; it makes its `tf.train.Server(cluster, job_name, task_index)` itself.
        cluster: a `tf.train.ClusterSpec`, or what it is made of.
        timeout: seconds for all of it.
        stall_timeout: seconds after which it ends if all tasks wait for one another and nothing is computed.

    Returns:
        What `main` returned, by the name of the task, such as "/job:worker/task:0".

    Raises:
        Exception: the first that a task raised, with a note that names the task.
        DeadlineExceededError: if the time is over or nothing moves any more; it says where each task is.
        AlreadyExistsError: if one of the addresses has a server already.

    Example:
        >>> import labkit as tf
        >>> cluster = tf.train.ClusterSpec({"ps": ["ps0:2222"], "worker": ["w0:2222", "w1:2222", "w2:2222"]})
        >>> def main(job_name, task_index):
        ...     server = tf.train.Server(cluster, job_name, task_index)
        ...     if job_name == "ps":
        ...         return server.join()
        ...     with tf.device(tf.train.replica_device_setter(cluster=cluster)):
        ...         steps = tf.train.get_or_create_global_step()
        ...         step = tf.assign_add(steps, 1)
        ...     is_chief = task_index == 0
        ...     with tf.train.MonitoredTrainingSession(server.target, is_chief) as sess:
        ...         for _ in range(5):
        ...             sess.run(step)
        ...         while sess.run(steps) < 15:
        ...             pass
        ...         return int(sess.run(steps))
        >>> tf.parallel.run_cluster(main, cluster)["/job:worker/task:2"]
        15
    """
    timeout, stall_timeout = _seconds(timeout, "timeout"), _seconds(stall_timeout, "stall_timeout")
    if not callable(main):
        raise LabkitError(
            f"run_cluster takes the program of a task, a function of a job and a number, and not {main!r}.",
            "def main(job_name, task_index): ..., and run_cluster(main, cluster).",
        )
    spec = ClusterSpec(cluster)
    names = [(job, index) for job in spec.jobs for index in spec.task_indices(job)]
    if not names:
        raise LabkitError("the cluster has no tasks.", 'tf.train.ClusterSpec({"ps": ["a:1"], "worker": ["b:1"]}).')
    there = servers_of(spec)
    if there:
        raise AlreadyExistsError(
            None, None, f"a server is running already: {there[0]!r}. run_cluster starts all tasks of the cluster, each "
            "of which makes its own.\n  Try: close() it, or other addresses."
        )  # fmt: skip
    tasks = [_Task(main, job, index) for job, index in names]
    try:
        _watch(tasks, spec, timeout, stall_timeout)
    finally:
        _end(tasks, spec)
    failed = sorted((task for task in tasks if task.error is not None), key=lambda task: task.ended)
    if failed and failed[0].error is not None:
        error = failed[0].error
        error.add_note(f"  in {failed[0].name} of the cluster")
        raise error
    return {task.name: task.result for task in tasks}


class _Task:
    """One task: a thread that runs the program.

    Attributes:
        result, error: what came out.
        ended: when, by `time.monotonic`.
    """

    def __init__(self, main: Callable[[str, int], Any], job: str, index: int) -> None:
        self.name = f"/job:{job}/task:{index}"
        self.result: Any = None
        self.error: BaseException | None = None
        self.ended = 0.0
        self._call = lambda: main(job, index)
        self.thread = threading.Thread(target=self._run, name=self.name, daemon=True)

    def _run(self) -> None:
        try:
            with Graph().as_default():
                self.result = self._call()
        except SystemExit as error:  # tf.app.run, sys.exit: the end of a program
            if error.code not in (None, 0):
                self.error = LabkitError(f"the program ended with sys.exit({error.code!r}).")
        except BaseException as error:
            self.error = error
        self.ended = time.monotonic()

    def frame(self) -> FrameType | None:
        """Where the thread is."""
        return _frames().get(self.thread.ident or 0)

    def place(self) -> str:
        """The line of the program where the thread is."""
        frame = self.frame()
        if frame is None:
            return f"{self.name} is done"
        lines = traceback.extract_stack(frame)
        own = [
            line for line in lines if not line.filename.startswith(PACKAGE_FOLDER) and "threading" not in line.filename
        ]
        at = own[-1] if own else lines[-1]
        doing = " and waits" if _waits(frame) else ""
        return f'{self.name} is at File "{at.filename}", line {at.lineno}{doing}: {at.line}'


def _frames() -> dict[int, FrameType]:
    """Where each thread of this process is."""
    return sys._current_frames()  # pyright: ignore[reportPrivateUsage]  # documented, whatever its name


def _waits(frame: FrameType | None) -> bool | None:
    """True if a thread waits in labkit for others, False if it does something; None if it is none of labkit's."""
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(PACKAGE_FOLDER):
            return name.removeprefix(PACKAGE_FOLDER) in _WAITS
        frame = frame.f_back
    return None


def _something_computes() -> bool:
    """True unless all of labkit's threads but this one wait; those that fill queues count too."""
    me = threading.get_ident()
    return any(_waits(frame) is False for ident, frame in _frames().items() if ident != me)


def _seconds(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise LabkitError(f"{name} is a number of seconds, more than 0, not {value!r}.")
    return float(value)


def _watch(tasks: list[_Task], spec: ClusterSpec, timeout: float, stall_timeout: float) -> None:
    """Starts the tasks, and returns when all are done, all that are left join, or one has failed."""
    began = time.monotonic()
    moves, moved = -1, began
    for task in tasks:
        task.thread.start()
    while True:
        left = [task for task in tasks if task.thread.is_alive()]
        servers = servers_of(spec)
        if any(task.error is not None for task in tasks):
            return
        if all(any(server.is_joined_by(task.thread) for server in servers) for task in left):
            return
        now = time.monotonic()
        done = sum(server.moves for server in servers) + len(tasks) - len(left)
        if done != moves or _something_computes():
            moves, moved = done, now
        if now - began > timeout or now - moved > stall_timeout:
            why = f"not done after {timeout:g} seconds" if now - began > timeout else (
                f"standing still: for {stall_timeout:g} seconds all its tasks have waited for one another"
            )  # fmt: skip
            raise DeadlineExceededError(
                None, None, f"the cluster is {why}.\n" + "\n".join(f"  {task.place()}" for task in left) + "\n"
                "  Try: let every worker do as many steps as the others wait for (tf.train.StopAtStepHook counts the "
                "steps of all); a larger timeout where it is only slow."
            )  # fmt: skip
        left[0].thread.join(0.02)


def _end(tasks: list[_Task], spec: ClusterSpec) -> None:
    """Closes the servers of the cluster, and waits for the threads."""
    failed = next((task for task in tasks if task.error is not None), None)
    reason = f"{failed.name} has failed: {failed.error}" if failed else "the cluster has ended"
    deadline = time.monotonic() + _END_SECONDS
    while True:
        for server in servers_of(spec):  # also one that a slow task starts only now
            server.close(reason)
        alive = [task for task in tasks if task.thread.is_alive()]
        if not alive:
            return
        if time.monotonic() > deadline:
            break
        alive[0].thread.join(0.02)
    places = "".join(f"  {task.place()}\n" for task in alive)
    sys.stderr.write(
        f"labkit: these tasks did not end within {_END_SECONDS:g} seconds after their servers were closed:\n{places}"
        "  Try: loops that run something in the session, which fails then; or ask sess.should_stop().\n"
    )
