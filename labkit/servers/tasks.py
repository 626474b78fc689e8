"""Which task of a cluster a device name means, and the server of that task.

    "/job:ps/task:1/cpu:0"     that task
    "/job:ps"                  task 0 of the job; of the session's own job its own task
    "/cpu:0", "/gpu:1", ""     the session's own task

A name whose task the cluster lacks is an error, as in TensorFlow. A device that the task lacks ("/gpu:3" where there is
none) is stood in for, as in any session, unless `allow_soft_placement=False` forbids it.

Source: `tensorflow/core/distributed_runtime/master.cc` (1.4).
"""

from __future__ import annotations

from labkit.config import ConfigProto
from labkit.devices import DeviceSpec
from labkit.errors import InvalidArgumentError, UnavailableError
from labkit.local_devices import local_devices
from labkit.servers.server import WAIT_SECONDS, Server, wait_for_server

Task = tuple[str, int]
"""A job and a number."""


class Tasks:
    """The tasks of a cluster, as a session at one of its servers sees them.

    Args:
        server: the server that the session is connected to.
        config: the options of the session; `device_filters` hides tasks.
    """

    def __init__(self, server: Server, config: ConfigProto) -> None:
        self.server = server
        self.own: Task = (server.server_def.job_name, server.server_def.task_index)
        self.connected: dict[Task, Server] = {self.own: server}
        self._config = config
        self._filters = [DeviceSpec.from_string(text) for text in config.device_filters]
        self._known: dict[str, Task] = {}

    def task_of(self, device: str) -> Task:
        """The task that a device name means.

        Raises:
            InvalidArgumentError: if the cluster lacks it, or the session's filters hide it.
        """
        if device not in self._known:
            self._known[device] = self._look_up(DeviceSpec.from_string(device), device)
        return self._known[device]

    def connect(self, task: Task) -> Server:
        """The server of a task; waits until it is started.

        Raises:
            DeadlineExceededError: if it is not started in time.
        """
        if task not in self.connected:
            job, index = task
            limit = self._config.operation_timeout_in_ms / 1000 or WAIT_SECONDS
            address = self.server.cluster.task_address(job, index)
            self.connected[task] = wait_for_server(address, f"/job:{job}/task:{index}", self.server, limit)
        return self.connected[task]

    def check_open(self) -> None:
        """Sees that every server that was used is still there.

        Raises:
            CancelledError: if the session's own server is closed.
            UnavailableError: if another one is: a monitored session then makes itself anew.
        """
        for server in list(self.connected.values()):
            if server.closed:
                self.server.check_open()
                raise UnavailableError(
                    None, None, f"the server {server.name} at {server.address} is closed, and the variables on it are "
                    f"gone; this session is at {self.server.name}.\n"
                    "  Try: a new session once it is there again; tf.train.MonitoredTrainingSession makes one, from "
                    "the last checkpoint."
                )  # fmt: skip

    def name(self, device: str) -> str:
        """The full name of the device that a name means."""
        spec = DeviceSpec.from_string(device)
        job, task = self.task_of(device)
        kind, number = (spec.device_type or _kinds()[0]).upper(), spec.device_index or 0
        return f"/job:{job}/replica:0/task:{task}/device:{kind}:{number}"

    def names(self) -> list[str]:
        """The devices of all tasks that the session may use: this machine's, once for each task."""
        cluster = self.server.cluster
        tasks = [
            (job, index) for job in cluster.jobs for index in cluster.task_indices(job) if self._seen((job, index))
        ]
        return [f"/job:{job}/replica:0/task:{index}/device:{kind}" for job, index in tasks for kind in _devices()]

    def _look_up(self, asked: DeviceSpec, text: str) -> Task:
        cluster = self.server.cluster
        job = self.own[0] if asked.job is None else asked.job
        if job not in cluster.jobs:
            raise self._unknown(text, f"the cluster has no job {job!r}")
        tasks = cluster.task_indices(job)
        task = asked.task if asked.task is not None else self.own[1] if job == self.own[0] else min(tasks, default=0)
        if task not in tasks:
            raise self._unknown(text, f"the job {job!r} has no task {task}")
        if not self._seen((job, task)):
            raise self._unknown(text, f"device_filters={self._config.device_filters} hides that task")
        if asked.device_type is not None and self._config.allow_soft_placement is False:
            wanted = f"{asked.device_type.upper()}:{asked.device_index or 0}"
            if wanted not in _devices():
                raise self._unknown(text, f"a task of this process has {', '.join(_devices())}")
        return job, task

    def _seen(self, task: Task) -> bool:
        if not self._filters or task == self.own:
            return True
        name = DeviceSpec(job=task[0], replica=0, task=task[1])
        return any(asked.is_compatible_with(name) for asked in self._filters)

    def _unknown(self, text: str, why: str) -> InvalidArgumentError:
        there = {job: self.server.cluster.task_indices(job) for job in self.server.cluster.jobs}
        tasks = "; ".join(f"/job:{job} with {_listed(numbers)}" for job, numbers in there.items())
        return InvalidArgumentError(
            None, None, f"Cannot assign a device: {text!r} was asked for, and {why}. The cluster of "
            f"{self.server.name} has {tasks}.\n"
            "  Try: a task that is there, or a ClusterSpec that has this one."
        )  # fmt: skip


def _listed(numbers: list[int]) -> str:
    return ("tasks " if len(numbers) != 1 else "task ") + (", ".join(map(str, numbers)) or "none")


def _devices() -> list[str]:
    """The devices of this process, such as "CPU:0"."""
    return [name.rpartition("device:")[2] for name in local_devices()]


def _kinds() -> list[str]:
    return [name.partition(":")[0] for name in _devices()]
