"""Which ops go to parameter servers and which to workers: `tf.train.replica_device_setter`.

In data parallelism every replica of the program builds the same graph. The device function below makes them agree on
where the shared state is without a word between them: variables go to the parameter servers, one after the other in
the order in which they are made, everything else goes to the replica's own worker. A strategy replaces "one after the
other" by something that knows more, such as how many bytes each variable has.

    strategy                                    task of the next variable
    RoundRobinStrategy(n)                       0, 1, ..., n - 1, 0, ...
    GreedyLoadBalancingStrategy(n, load)        the one with the smallest load so far
    RandomStrategy(n, seed)                     drawn, each task as likely as any other

Source: `tensorflow/python/training/device_setter.py`, `tensorflow/contrib/training/python/training/device_setter.py`
(1.4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from labkit import logging
from labkit.devices import DeviceSpec
from labkit.errors import LabkitError
from labkit.shapes import num_elements

if TYPE_CHECKING:
    from labkit.graph import Operation

PS_OPS = ("Variable", "VariableV2", "VarHandleOp")
"""Types of the ops that go to the parameter servers unless others are named."""


def replica_device_setter(
    ps_tasks: int = 0, ps_device: str = "/job:ps", worker_device: str = "/job:worker", merge_devices: bool = True,
    cluster: Any = None, ps_ops: Sequence[str] | None = None, ps_strategy: Callable[[Operation], int] | None = None,
) -> Callable[[Operation], str] | None:  # fmt: skip
    """A device function for `tf.device`: variables to parameter servers, all else to the worker.

    Args:
        ps_tasks: how many tasks the job of parameter servers has; `cluster` takes its place.
        ps_device: device of the parameter servers.
        worker_device: device of the worker.
        merge_devices: True keeps the parts that inner `tf.device` blocks say and adds what is missing; False leaves
            an op alone for which an inner block said anything.
        cluster: a dict from the name of each job to the addresses of its tasks, or an object whose `as_dict()` is one.
        ps_ops: types of the ops that go to the parameter servers; variables if None.
        ps_strategy: called with each such op, gives its task; one task after the other if None.

    Returns:
        The function, or None (which `tf.device` takes) if there are no parameter servers.

    Raises:
        TypeError: if `ps_strategy` cannot be called, or `cluster` is no cluster.
        LabkitError: if `ps_tasks` is negative.

    Example:
        >>> import labkit as tf
        >>> with tf.device(tf.train.replica_device_setter(ps_tasks=2, worker_device="/job:worker/task:7")):
        ...     w, b = tf.Variable(tf.zeros([3, 2])), tf.Variable(tf.zeros([2]))
        ...     y = w + b
        >>> w.device, b.device, y.device
        ('/job:ps/task:0', '/job:ps/task:1', '/job:worker/task:7')
    """
    if cluster is not None:
        jobs: Any = cluster.as_dict() if hasattr(cluster, "as_dict") else cluster
        if not isinstance(jobs, Mapping):
            raise TypeError(
                f'cluster is a dict such as {{"ps": ["ps0:2222"], "worker": ["w0:2222", "w1:2222"]}}, not {cluster!r}.'
            )
        ps_tasks = len(jobs.get(DeviceSpec.from_string(ps_device).job) or ())  # pyright: ignore[reportUnknownMemberType,reportUnknownArgumentType]  # any mapping
    if ps_tasks < 0:
        raise LabkitError(f"ps_tasks is a number of tasks, 0 or more, not {ps_tasks}.")
    if ps_tasks == 0:
        return None
    if not merge_devices:
        logging.warning("DEPRECATION: It is recommended to set merge_devices=true in replica_device_setter")
    strategy = RoundRobinStrategy(ps_tasks) if ps_strategy is None else ps_strategy
    if not callable(strategy):
        raise TypeError(
            f"ps_strategy must be callable: a function from operation to number of a task, not {strategy!r}."
        )
    shared = frozenset(PS_OPS if ps_ops is None else ps_ops)

    def device_of(op: Operation) -> str:
        if op.device and not merge_devices:
            return op.device
        said = DeviceSpec.from_string(op.device)
        if not ps_device or op.type not in shared:
            return DeviceSpec.from_string(worker_device or "").merged_with(said).to_string()
        server = DeviceSpec.from_string(ps_device)
        if server.job is not None and said.job in (None, server.job):
            server.task = strategy(op)
        return server.merged_with(said).to_string()

    return device_of


class RoundRobinStrategy:
    """One task after the other.

    Args:
        num_tasks: how many tasks there are.

    Example:
        >>> import labkit as tf
        >>> next_task = RoundRobinStrategy(2)
        >>> [next_task(tf.Variable(0.0).op) for _ in range(3)]
        [0, 1, 0]
    """

    def __init__(self, num_tasks: int) -> None:
        self._num_tasks = _at_least_one(num_tasks, "num_tasks")
        self._next_task = 0

    def __call__(self, op: Operation) -> int:
        """The task of `op`."""
        task = self._next_task
        self._next_task = (task + 1) % self._num_tasks
        return task


class GreedyLoadBalancingStrategy:
    """The task whose load is smallest so far; of equal ones the first.

    A large embedding then does not share its server with others while small biases fill the rest. No order of the
    variables makes the fullest server hold more than (2 - 1/n) times what the best possible division gives it
    (Graham, 1969).

    Args:
        num_tasks: how many tasks there are.
        load_fn: the load that an op brings, such as `byte_size_load_fn`.

    Example:
        >>> import labkit as tf
        >>> balanced = tf.contrib.training.GreedyLoadBalancingStrategy(2, tf.contrib.training.byte_size_load_fn)
        >>> with tf.device(tf.train.replica_device_setter(ps_tasks=2, ps_strategy=balanced)):
        ...     made = [tf.Variable(tf.zeros([size])) for size in (100, 30, 40, 10)]
        >>> [variable.device for variable in made]
        ['/job:ps/task:0', '/job:ps/task:1', '/job:ps/task:1', '/job:ps/task:1']
        >>> balanced.loads
        [400.0, 320.0]

    Source: R. L. Graham: "Bounds on multiprocessing timing anomalies", 1969.
    """

    def __init__(self, num_tasks: int, load_fn: Callable[[Operation], float]) -> None:
        self.loads = [0.0] * _at_least_one(num_tasks, "num_tasks")
        self._load_fn = load_fn

    def __call__(self, op: Operation) -> int:
        """The task of `op`."""
        task = self.loads.index(min(self.loads))
        self.loads[task] += self._load_fn(op)
        return task


class RandomStrategy:
    """A task drawn for each op, all equally likely; the same seed gives every replica the same tasks.

    Args:
        num_ps_tasks: how many tasks there are.
        seed: of NumPy's `RandomState`, as in TensorFlow.

    Example:
        >>> import labkit as tf
        >>> draw = tf.contrib.training.RandomStrategy(4, seed=1)
        >>> [draw(tf.Variable(0.0).op) for _ in range(5)]
        [1, 3, 0, 0, 3]
    """

    def __init__(self, num_ps_tasks: int, seed: int = 0) -> None:
        self._num_tasks = _at_least_one(num_ps_tasks, "num_ps_tasks")
        self._random = np.random.RandomState(seed)

    def __call__(self, op: Operation) -> int:
        """The task of `op`."""
        return int(self._random.randint(0, self._num_tasks))


def byte_size_load_fn(op: Operation) -> float:
    """The bytes of the one output of an op: what a variable takes on its server, and what travels to read it.

    Args:
        op: an operation with one output of known shape.

    Raises:
        LabkitError: if it has not exactly one output, or its shape is not known.

    Example:
        >>> import labkit as tf
        >>> tf.contrib.training.byte_size_load_fn(tf.Variable(tf.zeros([3, 2])).op)
        24.0
    """
    if len(op.outputs) != 1:
        raise LabkitError(f"byte_size_load_fn takes an op with one output; {op.describe()} has {len(op.outputs)}.")
    count = num_elements(op.outputs[0].static_shape)
    if count is None:
        raise LabkitError(
            f"byte_size_load_fn needs a known shape; the output of {op.describe()} has {op.outputs[0].shape}.",
            "a load_fn of your own.",
        )
    return float(count * op.outputs[0].dtype.size)


def _at_least_one(count: int, name: str) -> int:
    if count < 1:
        raise LabkitError(f"{name} must be at least 1: there must be a task to choose; it is {count}.")
    return count
