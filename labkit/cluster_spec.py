"""Which tasks a cluster has and where they are: `tf.train.ClusterSpec`, as plain data.

A cluster is a set of *jobs* ("ps", "worker"), a job a list of *tasks*, each at an address. A program for many machines
starts with one; labkit uses it to know how many parameter servers there are (`tf.train.replica_device_setter`) and
which servers of this process belong together (`tf.train.Server`).

Example:
    >>> import labkit as tf
    >>> cluster = tf.train.ClusterSpec({"ps": ["a:2222"], "worker": ["b:2222", "c:2222"]})
    >>> cluster.jobs, cluster.num_tasks("worker"), cluster.task_address("worker", 1)
    (['ps', 'worker'], 2, 'c:2222')

Source: `tensorflow/python/training/server_lib.py`, `tensorflow/core/protobuf/cluster.proto` (1.4).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from labkit.errors import LabkitError


@dataclass
class JobDef:
    """A job: TensorFlow's message as a plain object.

    Args:
        name: its name.
        tasks: the addresses by number of the task.

    Example:
        >>> import labkit as tf
        >>> tf.train.JobDef("ps", {0: "a:1"}).tasks[0]
        'a:1'
    """

    name: str = ""
    tasks: dict[int, str] = field(default_factory=dict[int, str])


@dataclass
class ClusterDef:
    """A cluster: TensorFlow's message as a plain object.

    Args:
        job: its jobs.

    Example:
        >>> import labkit as tf
        >>> tf.train.ClusterSpec({"ps": ["a:1"]}).as_cluster_def()
        ClusterDef(job=[JobDef(name='ps', tasks={0: 'a:1'})])
    """

    job: list[JobDef] = field(default_factory=list[JobDef])


@dataclass
class ServerDef:
    """A cluster and one task of it: TensorFlow's message as a plain object.

    Args:
        cluster: the cluster.
        job_name: the job of the task.
        task_index: its number in the job.
        default_session_config: a `tf.ConfigProto`, or None.
        protocol: how targets begin.

    Example:
        >>> import labkit as tf
        >>> cluster = tf.train.ClusterSpec({"worker": ["a:1", "b:1"]}).as_cluster_def()
        >>> with tf.train.Server(tf.train.ServerDef(cluster, "worker", 1)) as server:
        ...     server.target
        'grpc://b:1'
    """

    cluster: ClusterDef = field(default_factory=ClusterDef)
    job_name: str = ""
    task_index: int = 0
    default_session_config: Any = None
    protocol: str = "grpc"


class ClusterSpec:
    """The jobs of a cluster and the addresses of their tasks.

    Args:
        cluster: a dict from the name of each job to a list of addresses (tasks 0, 1, ...) or to a dict from numbers of
            tasks to addresses; or a `ClusterDef`, or another `ClusterSpec`.

    Raises:
        TypeError: if it is none of these, or a name or an address is no string, or a number no whole number.

    Example:
        >>> import labkit as tf
        >>> sparse = tf.train.ClusterSpec({"worker": {1: "b:1", 7: "c:1"}})
        >>> sparse.task_indices("worker"), sparse.as_dict()
        ([1, 7], {'worker': {1: 'b:1', 7: 'c:1'}})
        >>> sparse == tf.train.ClusterSpec(sparse.as_cluster_def())
        True
    """

    def __init__(self, cluster: Any) -> None:
        found: list[tuple[Any, Any]]
        if isinstance(cluster, Mapping):
            found = list(cluster.items())  # pyright: ignore[reportUnknownArgumentType,reportUnknownMemberType]  # any
        elif isinstance(cluster, ClusterSpec):
            found = [(name, dict(tasks)) for name, tasks in cluster._tasks.items()]
        elif isinstance(cluster, ClusterDef) or hasattr(cluster, "job"):
            found = [(job.name, dict(job.tasks)) for job in cluster.job]
        else:
            raise TypeError(
                "`cluster` must be a dictionary mapping one or more job names to lists of network addresses, such as "
                f'{{"ps": ["ps0:2222"], "worker": ["w0:2222", "w1:2222"]}}, or a `ClusterDef`; it is {cluster!r}.'
            )
        self._tasks: dict[str, dict[int, str]] = {}
        for name, tasks in sorted(found, key=lambda pair: str(pair[0])):
            if not isinstance(name, str):
                raise TypeError(f"the name of a job must be a string, not {name!r}.")
            self._tasks[name] = _numbered(name, tasks)

    @property
    def jobs(self) -> list[str]:
        """The names of the jobs."""
        return list(self._tasks)

    def as_dict(self) -> dict[str, list[str] | dict[int, str]]:
        """For each job the list of its addresses; a dict by number where numbers are missing."""
        return {
            name: list(tasks.values()) if list(tasks) == list(range(len(tasks))) else dict(tasks)
            for name, tasks in self._tasks.items()
        }

    def as_cluster_def(self) -> ClusterDef:
        """The same as a `ClusterDef`."""
        return ClusterDef([JobDef(name, dict(tasks)) for name, tasks in self._tasks.items()])

    def num_tasks(self, job_name: str) -> int:
        """How many tasks a job has.

        Raises:
            ValueError: if there is no such job.
        """
        return len(self._job(job_name))

    def task_indices(self, job_name: str) -> list[int]:
        """The numbers of the tasks of a job; errors as for `num_tasks`."""
        return list(self._job(job_name))

    def task_address(self, job_name: str, task_index: int) -> str:
        """The address of a task.

        Raises:
            ValueError: if there is no such job or no such task in it.
        """
        tasks = self._job(job_name)
        if task_index not in tasks:
            raise UnknownTaskError(
                f"No task with index {task_index!r} in job {job_name!r}: it has {', '.join(map(str, tasks)) or 'none'}."
            )
        return tasks[task_index]

    def job_tasks(self, job_name: str) -> list[str | None]:
        """The addresses of a job by number of the task, with None where one is missing; errors as for `num_tasks`."""
        tasks = self._job(job_name)
        return [tasks.get(number) for number in range(max(tasks, default=-1) + 1)]

    def _job(self, name: str) -> dict[int, str]:
        if name not in self._tasks:
            raise UnknownTaskError(f"No such job in cluster: {name!r}; there are {', '.join(self._tasks) or 'none'}.")
        return self._tasks[name]

    def __bool__(self) -> bool:
        return bool(self._tasks)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ClusterSpec) and self._tasks == other._tasks

    __hash__ = None  # pyright: ignore[reportAssignmentType]  # as in TensorFlow: it compares by what it holds

    def __repr__(self) -> str:
        return f"ClusterSpec({self.as_dict()})"


class UnknownTaskError(LabkitError, ValueError):
    """A job or a task that a cluster does not have."""


def _numbered(job: str, tasks: Any) -> dict[int, str]:
    """The addresses of a job by number."""
    pairs: Iterable[tuple[Any, Any]]
    if isinstance(tasks, Mapping):
        pairs = list(tasks.items())  # pyright: ignore[reportUnknownArgumentType,reportUnknownMemberType]  # any mapping
    elif isinstance(tasks, Sequence) and not isinstance(tasks, str):
        pairs = list(enumerate(tasks))  # pyright: ignore[reportUnknownArgumentType]  # any sequence
    else:
        raise TypeError(f"the tasks of job {job!r} must be a list of addresses or a dict by number, not {tasks!r}.")
    for number, address in pairs:
        if not isinstance(number, int) or isinstance(number, bool):
            raise TypeError(f"the number of a task of job {job!r} must be a whole number, not {number!r}.")
        if not isinstance(address, str):
            raise TypeError(f"the address of task {number} of job {job!r} must be a string, not {address!r}.")
    return dict(sorted(pairs))
