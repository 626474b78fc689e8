"""One step of a placed workload on a cluster, simulated.

Example:
    >>> from labkit.cluster import ready
    >>> from labkit.trace import Output
    >>> from labkit.workload import WorkNode
    >>> x = WorkNode("x", "Const", outputs=(Output("x:0", "float32", (1000000,), 4000000),))
    >>> y = WorkNode("y", "Exp", ("x:0",), (Output("y:0", "float32", (1000000,), 4000000),), 1e6, 8e6)
    >>> run = simulate(Workload((x, y)), {"x": "/device:CPU:0", "y": "/device:GPU:0"}, ready("gpu_server"))
    >>> [(event.op, event.device) for event in run.trace.events]  # doctest: +NORMALIZE_WHITESPACE
    [('Const', '/device:CPU:0'), ('_Send', '/device:CPU:0'), ('_Recv', '/device:CPU:0 -> /device:GPU:0'),
     ('Exp', '/device:GPU:0')]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from labkit.cluster import Cluster, DeviceKind, op_time
from labkit.partition import Partition, partition
from labkit.trace import Event, Trace
from labkit.workload import Workload, WorkNode

OpSeconds = Callable[[WorkNode, DeviceKind], float]
"""How long an op takes on a kind of device: a formula, or what was measured."""


def roofline_seconds(node: WorkNode, kind: DeviceKind) -> float:
    """The roofline time of an op; nothing for one that computes and moves nothing, such as Identity or NoOp."""
    return op_time(node, kind, node.dtype).seconds if node.flops or node.bytes else 0.0


@dataclass(frozen=True)
class MemoryCurve:
    """What a device holds over time, as steps: from `seconds[i]` on it holds `bytes[i]`."""

    seconds: tuple[float, ...]
    bytes: tuple[float, ...]

    @property
    def peak(self) -> float:
        """The most that it holds."""
        return max(self.bytes, default=0.0)


@dataclass(frozen=True)
class Simulation:
    """What a simulated step did.

    Args:
        trace: an event for each op on its device, and for each transfer a `_Recv` on the row "a -> b".
        seconds: when the last event ended.
        cut: the step as it was partitioned.
        memory: for each device what it holds over time.
        utilisation: for each device, and each directed link (its two ends), the share of the step in which it works.
    """

    trace: Trace
    seconds: float
    cut: Partition
    memory: Mapping[str, MemoryCurve] = field(default_factory=dict[str, MemoryCurve])
    utilisation: Mapping[str | tuple[str, str], float] = field(default_factory=dict[str | tuple[str, str], float])


def simulate(
    work: Workload,
    devices: Mapping[str, str],
    cluster: Cluster,
    *,
    seconds: OpSeconds = roofline_seconds,
    seed: int = 0,
) -> Simulation:
    """Simulates one step.

    Args:
        work: the step.
        devices: the device, by its name in the cluster, of each op.
        cluster: the machines.
        seconds: how long an op takes on a kind of device.
        seed: of all that is random.
    """
    cut = partition(work, devices)
    free: dict[str, float] = {}
    end: dict[str, float] = {}
    trace = Trace(simulated=True)
    arriving = {crossing.recv: crossing for crossing in cut.crossings}
    for node in cut.workload.nodes:
        row = cut.devices[node.name]
        ready = max((end.get(need, 0.0) for need in node.needs), default=0.0)
        if node.name in arriving:
            crossing = arriving[node.name]
            row = f"{crossing.source} -> {crossing.target}"
            start, took = ready, cluster.seconds(crossing.source, crossing.target, crossing.bytes)
        else:
            start = max(ready, free.get(row, 0.0))
            took = 0.0 if node.op == "_Send" else seconds(node, cluster.device(row).model)
            free[row] = start + took
        end[node.name] = start + took
        made = sum(output.bytes for output in node.outputs if not node.holds_reference)
        trace.events.append(
            Event(node.name, node.op, row, start, took, made, node.inputs, node.outputs, node.flops, node.bytes)
        )
    trace.events.sort(key=lambda event: event.start_seconds)
    return Simulation(trace, max(end.values(), default=0.0), cut)
