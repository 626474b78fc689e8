"""A step and a cluster as placers by cost read them: a `TaskGraph` and `Machines`.

    step (`Workload`)                    task graph
    an op                                a task: its time on each kind of device, by roofline or as measured
    a tensor that an op takes            an edge with the tensor's bytes
    an op that it only waits for         an edge without bytes
    asked, kinds, dtype                  the devices on which it can run (`limits.py`)
    group                                tasks that must be together
    state and outputs                    memory that it holds

    cluster                              machines
    a way through the network            its latencies added up, and its slowest link

*A tensor crosses once.* However many ops on a device take it, it arrives there at one time: transfers do not wait for
each other here, so two edges of one tensor to one device end together, and the partition makes one Send of them.

*Memory* counts all outputs for the whole step, which is more than the step needs at once: what is placed fits, what is
refused might still fit. An op that takes tensors and neither computes nor moves a byte (Identity, Reshape) hands on
what it was given and holds nothing.

Example:
    >>> from labkit.cluster import ready
    >>> server = machines(ready("gpu_server"))
    >>> server.transfer_seconds("/device:CPU:0", "/device:GPU:7", 15.75e6)  # over PCIe
    0.001...
    >>> server.transfer_seconds("/device:GPU:0", "/device:GPU:1", 15.75e6)  # over NVLink
    0.0007...

What it is not: contention, and memory over time. `labkit.simulator.simulate` lets transfers share links and frees what
nobody needs any more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from labkit.cluster import Cluster, DeviceKind
from labkit.errors import InvalidArgumentError
from labkit.placement.limits import Limit, limits
from labkit.placement.tasks import Edge, Machines, TaskGraph
from labkit.simulator import OpSeconds, roofline_seconds
from labkit.trace import Trace
from labkit.workload import Workload, WorkNode, maker

_ROUNDING = 1e-9


def machines(cluster: Cluster) -> Machines:
    """The devices of a cluster with the latency and the bandwidth from each to each, as `Cluster.seconds` counts them.

    Args:
        cluster: the machines.

    Raises:
        ClusterError: if no links lead from one device to another.

    Example:
        >>> from labkit.cluster import ready
        >>> pod = machines(ready("tpu_pod"))
        >>> len(pod), float(pod.memory_bytes[0]) / 2**30
        (256, 16.0)
    """
    names = tuple(cluster.devices)
    latency, rate = np.zeros((len(names), len(names))), np.full((len(names), len(names)), np.inf)
    links = _links(cluster)
    for column, target in enumerate(names):
        ways = _ways(cluster, links, target)
        for row, source in enumerate(names):
            if row == column:
                continue
            shortest, longest, slowest, fastest = ways.get(source, (0.0, math.inf, 0.0, 0.0))
            if longest > shortest * (1 + _ROUNDING) or fastest > slowest * (1 + _ROUNDING):  # the flow's own way counts
                hops = [cluster.network.graph.edges[hop] for hop in cluster.hops(source, target)]
                shortest = sum(hop["latency_seconds"] for hop in hops)
                slowest = min((hop["bytes_per_second"] for hop in hops), default=math.inf)
            latency[row, column], rate[row, column] = shortest, slowest
    memory = np.array([device.memory_bytes for device in cluster.devices.values()], np.float64)
    return Machines(names, latency, rate, memory)


_Links = dict[str, list[tuple[str, float, float]]]  # of a node: its neighbours, latency and bandwidth of the link
_Way = tuple[float, float, float, float]  # least and most latency, least and most bandwidth, over all shortest ways


def _links(cluster: Cluster) -> _Links:
    """The links of the network; those within a processor, which `hops` leaves out, cost nothing."""
    owned = {(device.name, device.host) for device in cluster.devices.values() if device.link is None}
    found: _Links = {node: [] for node in cluster.network.graph}
    for a, b, edge in cluster.network.graph.edges(data=True):
        free = (a, b) in owned or (b, a) in owned
        latency, rate = (0.0, math.inf) if free else (edge["latency_seconds"], edge["bytes_per_second"])
        found[a].append((b, latency, rate))
        found[b].append((a, latency, rate))
    return found


def _ways(cluster: Cluster, links: _Links, target: str) -> dict[str, _Way]:
    """What the shortest ways from each node to the target are like, all at once: most often they are all alike.

    A route for each pair alone would walk the network devices x devices times; this walks it once for each target.
    """
    ways: dict[str, _Way] = {target: (0.0, 0.0, math.inf, math.inf)}
    ring = [target]
    while ring:
        further: dict[str, _Way] = {}
        for node in ring:
            if node != target and node in cluster.devices:
                continue  # devices pass nothing on
            least, most, slow, fast = ways[node]
            for other, latency, rate in links[node]:
                if other in ways:
                    continue
                a, b, c, d = further.get(other, (math.inf, 0.0, math.inf, 0.0))
                further[other] = (min(a, least + latency), max(b, most + latency),
                                  min(c, slow, rate), max(d, min(fast, rate)))  # fmt: skip
        ways.update(further)
        ring = list(further)
    return ways


def task_graph(
    work: Workload, cluster: Cluster, seconds: OpSeconds = roofline_seconds, *, allow_soft_placement: bool = False,
    limited: Mapping[str, Limit] | None = None,
) -> TaskGraph:  # fmt: skip
    """A step as a task graph for the devices of a cluster: see the module.

    Args:
        work: the step.
        cluster: the machines.
        seconds: how long an op takes on a kind of device.
        allow_soft_placement: True gives up a kind or a number of device that cannot be had.
        limited: what `limits` found, where that is known already.

    Raises:
        InvalidArgumentError: if an op can be nowhere: the device that it asks for does not exist, or has no kernel for
            it or no unit for what it computes in, or the ops that must be with it ask for another.
        DeviceNameError: if an op asks for what is no device name.

    Example:
        >>> from labkit.cluster import ready
        >>> from labkit.trace import Output
        >>> x = WorkNode("x", "Const", outputs=(Output("x:0", "float32", (1000,), 4000),), asked="/cpu:0")
        >>> graph = task_graph(Workload((x, WorkNode("y", "Exp", ("x:0",), (), 1e3, 8e3))), ready("gpu_server"))
        >>> graph.feasible, graph.predecessors[1], graph.memory_bytes
        ({0: ('/device:CPU:0',)}, [(0, 4000.0)], [4000.0, 0.0])
    """
    if limited is None:
        limited = limits(work, cluster, allow_soft_placement=allow_soft_placement)
    kinds: dict[DeviceKind, list[int]] = {}
    for column, device in enumerate(cluster.devices.values()):
        kinds.setdefault(device.model, []).append(column)
    column = {name: place for place, name in enumerate(cluster.devices)}
    times: dict[str, Any] = {}
    groups: dict[str, list[str]] = {}
    memory: dict[str, float] = {}
    edges: list[Edge] = []
    for node in work.nodes:
        limit = limited.get(node.name)
        allowed = None if limit is None else {column[name] for name in limit.devices}
        row = [0.0] * len(column)  # 0 where it cannot run, which nobody reads
        for kind, columns in kinds.items():
            if allowed is None or not allowed.isdisjoint(columns):
                took = seconds(node, kind)
                for place in columns:
                    row[place] = took
        times[node.name] = row
        if node.group:
            groups.setdefault(node.group, []).append(node.name)
        if held := held_bytes(node):
            memory[node.name] = held
        needed: dict[str, float] = {}
        for name in node.inputs:
            source = maker(name)
            if source in work.by_name:
                tensor = work.tensors.get(name)
                needed[source] = max(needed.get(source, 0.0), float(tensor.bytes) if tensor else 0.0)
        edges += [Edge(source, node.name, size) for source, size in needed.items()]
    return TaskGraph(
        times, edges, feasible={name: limit.devices for name, limit in limited.items()}, memory_bytes=memory,
        colocated=groups.values(),
    )  # fmt: skip


def held_bytes(node: WorkNode) -> float:
    """What an op holds on its device: its state, and its outputs unless it hands on what it was given."""
    hands_on = node.holds_reference or (node.inputs and not node.flops and not node.bytes)
    return float(node.state_bytes + (0 if hands_on else sum(output.bytes for output in node.outputs)))


def measured_seconds(trace: Trace, kind: DeviceKind, work: Workload) -> OpSeconds:
    """Times of ops as a watched run measured them.

    On the kind of device that was measured an op takes what it took; of several events of one op the mean counts. On
    another kind it is **assumed** to reach the same share of that kind's roofline as here: an op that took three times
    its roofline takes three times its roofline there. That keeps devices comparable: against the bare roofline every
    device that was not measured would seem faster than it is. It is no measurement. An op that was not watched reaches
    what all watched ops together do; one of no cost takes everywhere what it took.

    Args:
        trace: what a watched run recorded.
        kind: the kind of device that it ran on.
        work: the step: its nodes tell each op's cost.

    Raises:
        InvalidArgumentError: if the trace has no op of the step.

    Example:
        >>> from labkit.cluster import device_kind
        >>> from labkit.trace import Event
        >>> node = WorkNode("y", "Exp", flops=1e6, bytes=8e6)
        >>> watched = Trace([Event("y", "Exp", "/device:CPU:0", 0.0, 0.5e-3, 0)])
        >>> seconds = measured_seconds(watched, device_kind("laptop_cpu"), Workload((node,)))
        >>> seconds(node, device_kind("laptop_cpu"))
        0.0005
        >>> roofline_seconds(node, device_kind("k40")) < seconds(node, device_kind("k40")) < 0.0005
        True
    """
    took: dict[str, list[float]] = {}
    for event in trace.events:
        if event.node in work.by_name:
            took.setdefault(event.node, []).append(event.duration_seconds)
    if not took:
        raise InvalidArgumentError(
            None, None, f"the trace has {len(trace.events)} events, and none is of an op of this step.\n"
            "  Try: the trace of a watched run of the same fetches.",
        )  # fmt: skip
    mean = {name: math.fsum(times) / len(times) for name, times in took.items()}
    floor = {name: roofline_seconds(work.node(name), kind) for name in mean}
    reached = [name for name in mean if floor[name] > 0]
    all_floors = math.fsum(floor[name] for name in reached)
    usual = math.fsum(mean[name] for name in reached) / all_floors if all_floors else 1.0

    def seconds(node: WorkNode, on: DeviceKind) -> float:
        if node.name not in mean:
            return usual * roofline_seconds(node, on)
        if on == kind or not floor[node.name]:
            return mean[node.name]
        return mean[node.name] / floor[node.name] * roofline_seconds(node, on)

    return seconds
