"""The ready queue, watched: how several workers share the ops of one step (task parallelism).

Nobody has to say what runs beside what. The graph says it:

    1. For each op count the ops that it needs and that have not ended. While the count is above zero, it is *pending*.
    2. When it falls to zero, the op is *ready*, and goes to the end of a queue.
    3. Whoever is free takes the op at the head of the queue and runs it.
    4. When it ends, the counts of those that need it go down by one.

Workers share a queue when they share a memory: the threads of one machine. Devices that do not (`cluster=`) have a
queue each, with the ops that were placed there; what comes from another device is waited for like any other op.

Two numbers bound the time of p workers with one queue, whatever the graph: the *work*, the seconds of all ops together,
and the *span*, those of the longest chain of ops that need each other (Brent, Graham):

    max(work / p, span)  <=  time  <=  work / p + span (1 - 1/p)

So work / span, the *parallelism*, says how many workers are of use.

Example:
    >>> import labkit as tf
    >>> left = right = tf.ones([2, 2])
    >>> for n in range(3):
    ...     left, right = tf.matmul(left, left, name=f"left{n}"), tf.matmul(right, right, name=f"right{n}")
    >>> both = tf.add(left, right, name="both")
    >>> [ready_queue(both, workers=workers, seconds={"MatMul": 1.0}) for workers in (1, 2, 3)]
    ... # doctest: +NORMALIZE_WHITESPACE
    [<ready queue: 6 ops in 6 s on 1 worker, parallelism 2.0, at most 1 ready>,
     <ready queue: 6 ops in 3 s on 2 workers, parallelism 2.0, at most 0 ready>,
     <ready queue: 6 ops in 3 s on 3 workers, parallelism 2.0, at most 0 ready>]

Who takes what is found by the placer `labkit.placement.greedy`, which for equal workers and free transfers is the rule
above; when, by `labkit.simulator.simulate`. This module only reads off what was pending, ready and running.

What it is not: a measurement. Ops take what `seconds` says, whatever else runs; to take one from the queue costs
nothing.

Source: M. Abadi et al., "TensorFlow: Large-Scale Machine Learning on Heterogeneous Distributed Systems", 2015, section
3.1; R. L. Graham, "Bounds for certain multiprocessing anomalies", 1966; R. P. Brent, "The parallel evaluation of
general arithmetic expressions", 1974.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from labkit.cluster import Cluster, ClusterError, Device, DeviceKind, as_cluster, device_kind, single
from labkit.cluster.errors import checked_count, checked_number, unknown
from labkit.costs import workload
from labkit.graph import get_default_graph
from labkit.nests import is_mapping
from labkit.parallel.moments import ReadyQueue
from labkit.placement import Machines, Placement, TaskGraph, greedy, obey
from labkit.simulator import OpSeconds, roofline_seconds, simulate
from labkit.simulator.plan import time_of
from labkit.trace import Trace
from labkit.workload import Workload

_MOST_WORKERS = 1024

Times = OpSeconds | Mapping[str, float] | float


def ready_queue(
    fetches: Any,
    feeds: Mapping[Any, Any] | None = None,
    workers: int = 2,
    *,
    devices: Mapping[str, str] | Placement | None = None,
    cluster: Cluster | str | None = None,
    seconds: Times = roofline_seconds,
    kind: str | DeviceKind = "server_cpu",
) -> ReadyQueue:
    """Runs a step through a ready queue, on simulated time, and writes down all that the queue saw.

    Args:
        fetches: as for `Session.run`; or a `Workload`.
        feeds: for each placeholder its shape, as for `tf.costs.workload`.
        workers: how many equal workers take ops from one queue.
        devices: with `cluster`, the device of each op, or a placement; None for those that the program asks for.
        cluster: the machines, or the name of a ready cluster: then each device has a queue of its own, and tensors
            travel. None for workers that share a memory.
        seconds: how long an op takes: a function of the op and the kind of device; a dict from op types (or names of
            ops) to seconds, where others take none; or a number for every op that computes or moves anything.
        kind: what a worker is, for times by the roofline; of workers alone.

    Returns:
        A `ReadyQueue`: a sequence of `Moment`, with `.trace`, `.table()`, `.bounds`; `tf.draw.ready_queue` draws it.

    Raises:
        ClusterError: if a number is none, a name of a kind, a device or an op is unknown, or both workers and devices
            are given.
        GraphError, FeedError: as `tf.costs.workload` and `simulate`.

    Example:
        >>> import labkit as tf
        >>> y = tf.matmul(tf.ones([2, 2], name="x"), tf.ones([2, 2], name="w"), name="y")
        >>> z = tf.add(tf.matmul(y, y, name="a"), tf.matmul(y, y, name="b"), name="z")
        >>> print(ready_queue(z, workers=2, seconds={"MatMul": 1.0, "Add": 0.5}))
        <ready queue: 4 ops in 2.5 s on 2 workers, parallelism 1.4, at most 0 ready>
        time    ended  running     ready  pending (how many it needs)
        0 s     -      0: y        -      a (1), b (1), z (2)
        1.00 s  y      0: a, 1: b  -      z (2)
        2.00 s  a, b   0: z        -      -
        2.50 s  z      -           -      -
        work 3.50 s, span 2.50 s: y, a, z
        parallelism 1.4; 2 workers must take at least 2.50 s, at most 3.00 s
    """
    work = fetches if isinstance(fetches, Workload) else workload(fetches, feeds)
    checked_count(workers, "the number of workers")
    if workers > _MOST_WORKERS:
        raise ClusterError(f"there are at most {_MOST_WORKERS} workers, not {workers}.")
    took = _seconds(work, seconds)
    if cluster is None:
        if devices is not None:
            raise ClusterError("devices= places ops on the devices of a cluster, and none is given.", "cluster=...")
        return _shared(work, workers, took, device_kind(kind))
    machines = as_cluster(cluster)
    places: Mapping[str, str]
    if devices is None:
        if isinstance(fetches, Workload):
            raise ClusterError("a Workload on a cluster needs devices=: the device of each op, or a placement.")
        graph = next((node.graph for node in _leaves(fetches) if hasattr(node, "graph")), get_default_graph())
        places = obey([graph.get_operation_by_name(node.name) for node in work.nodes], machines).places
    else:
        places = devices.places if isinstance(devices, Placement) else devices
    run = simulate(work, places, machines, seconds=took, memory="report")
    rows = tuple(name for name in machines.devices if name in run.memory)
    return ReadyQueue(run.cut.workload, run.trace, rows, shared=False)


def _leaves(fetches: Any) -> list[Any]:
    """What is fetched, out of lists and dicts."""
    if is_mapping(fetches):
        return [leaf for part in fetches.values() for leaf in _leaves(part)]
    if isinstance(fetches, (list, tuple)):
        return [leaf for part in cast("Sequence[Any]", fetches) for leaf in _leaves(part)]
    return [fetches]


def _seconds(work: Workload, seconds: Any) -> OpSeconds:
    """The times of ops as a function."""
    if callable(seconds):
        return cast("OpSeconds", seconds)
    if is_mapping(seconds):
        known = {name for node in work.nodes for name in (node.op, node.name)}
        stray = next((name for name in seconds if name not in known), None)
        if stray is not None:
            raise unknown("type or name of an op in this step", stray, sorted({node.op for node in work.nodes}))
        times = {
            name: checked_number(value, f"the time of {name!r}", "seconds", True) for name, value in seconds.items()
        }
        return lambda node, _: times.get(node.name, times.get(node.op, 0.0))
    each = checked_number(seconds, "the time of an op", "seconds", zero=True)
    return lambda node, kind: each if roofline_seconds(node, kind) else 0.0


def _shared(work: Workload, workers: int, seconds: OpSeconds, kind: DeviceKind) -> ReadyQueue:
    """Workers with one queue: the greedy placer says who takes what, the simulator when."""
    names = [f"worker {number}" for number in range(workers)]
    took = {node.name: time_of(node, names[0], kind, seconds) for node in work.nodes}
    # What the ops that take time need of each other, through those that take none.
    needs: dict[str, dict[str, None]] = {}
    for node in work.nodes:
        found: dict[str, None] = {}
        for need in node.needs:
            if need in took:
                found.update({need: None} if took[need] else needs[need])
        needs[node.name] = found
    timed = {name: value for name, value in took.items() if value}
    edges = [(need, name, 0.0) for name in timed for need in needs[name]]
    places = greedy(TaskGraph(timed, edges), Machines.uniform(names)).devices if timed else {}
    # They share a memory: nothing travels, and variables are there for all.
    bare = [replace(node, inputs=tuple(f"^{need}" for need in node.needs), outputs=(), group="", holds_reference=False,
                    state_bytes=0) for node in work.nodes]  # fmt: skip
    machine = Cluster("workers", single(), [Device(name, kind.name, "h0", own=kind) for name in names])
    devices = {node.name: places.get(node.name, names[0]) for node in work.nodes}
    run = simulate(Workload(tuple(bare)), devices, machine, seconds=lambda node, _: took[node.name])
    events = [
        replace(event, inputs=node.inputs, outputs=node.outputs, output_bytes=sum(o.bytes for o in node.outputs))
        for event in run.trace.events
        if (node := work.by_name.get(event.node)) is not None
    ]
    return ReadyQueue(work, Trace(events, simulated=True), tuple(names), shared=True)
