"""One step of a placed workload on a cluster, simulated: when each op runs, what travels, what memory holds.

    partition.py    cuts the step at the borders of devices
    plan.py         numbers instead of names: times, needs, ways, pieces of memory
    run.py          the loop: a queue per device, a flow per transfer
    memory.py       what devices hold, and the error where it does not fit
    simulation.py   what comes out

Each device runs one op after another, in the order in which they become ready (of those that become ready together the
first of the workload first, as TensorFlow's executor), or by ranks that a placer gives. A Send is passive: its tensor
waits until the Recv pulls it, over links that all transfers share fairly. Transfers do not hold up devices.

Example:
    >>> from labkit.cluster import ready
    >>> from labkit.trace import Output
    >>> from labkit.workload import Workload, WorkNode
    >>> x = WorkNode("x", "Const", outputs=(Output("x:0", "float32", (1000000,), 4000000),))
    >>> y = WorkNode("y", "Exp", ("x:0",), (Output("y:0", "float32", (1000000,), 4000000),), 1e6, 8e6)
    >>> run = simulate(Workload((x, y)), {"x": "/device:CPU:0", "y": "/device:GPU:0"}, ready("gpu_server"))
    >>> run
    <simulated: 1 step in 271 us, 4 events on 2 devices, 1 transfer>
    >>> [(event.op, event.device) for event in run.trace.events]  # doctest: +NORMALIZE_WHITESPACE
    [('Const', '/device:CPU:0'), ('_Send', '/device:CPU:0'), ('_Recv', '/device:CPU:0 -> /device:GPU:0'),
     ('Exp', '/device:GPU:0')]
    >>> run.memory["/device:GPU:0"].bytes
    (4000000.0, 8000000.0, 0.0)

What it is not: a measurement. Ops take what `seconds` says, the same whatever else runs. Transfers cost the devices
nothing, and Recvs have asked in good time: the way of their request is not counted.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, Protocol

import numpy as np

from labkit.cluster import Cluster, Hop, as_cluster
from labkit.cluster.errors import checked_count, checked_number, unknown
from labkit.errors import GraphError
from labkit.nests import is_mapping
from labkit.partition import partition
from labkit.simulator.events import generator
from labkit.simulator.failures import survivors
from labkit.simulator.memory import MemoryCurve
from labkit.simulator.plan import OpSeconds, Plan, check_device, roofline_seconds, time_of
from labkit.simulator.run import Run
from labkit.simulator.simulation import Simulation
from labkit.simulator.stragglers import Stragglers
from labkit.workload import Workload, as_workload

__all__ = [
    "MemoryCurve",
    "OpSeconds",
    "Order",
    "Simulation",
    "plan_of",
    "roofline_seconds",
    "simulate",
    "simulate_plan",
]


class HasPlaces(Protocol):
    """A placement: `places` says the device of each op."""

    @property
    def places(self) -> Mapping[str, str]:
        """The device of each op."""
        ...


Order = Mapping[str, float] | Literal["fifo"]
"""Which of the ops that are ready on a device runs next: the one with the smallest rank, or the one ready first."""


def simulate(
    work: Workload,
    devices: Mapping[str, str] | HasPlaces,
    cluster: Cluster | str,
    *,
    seconds: OpSeconds = roofline_seconds,
    seed: int = 0,
    order: Order = "fifo",
    memory: Literal["raise", "report"] = "raise",
    steps: int = 1,
    slow: Mapping[str, float] | None = None,
    stragglers: Stragglers | None = None,
    failed: Sequence[str | Hop] = (),
    compress: str | None = None,
    recv_scheduling: bool = False,
) -> Simulation:
    """Simulates one step, or several in a row.

    Args:
        work: the step.
        devices: the device, by its name in the cluster, of each op; or a placement on it.
        cluster: the machines, or the name of a ready cluster.
        seconds: how long an op takes on a kind of device.
        seed: of the stragglers; nothing else is random.
        order: "fifo", or a rank for each op: of the ops that are ready on a device the one with the smallest runs
            next. The start times of a placer's schedule are such ranks.
        memory: "raise" where it does not fit, or "report": note it in `Simulation.overflows` and go on.
        steps: how many; a variable is read in one when its update in the one before has ended.
        slow: for a device by how much its ops take longer: 2.0 is half as fast.
        stragglers: draws for each step by how much the ops of each device take longer; the devices are those that the
            step uses, in the order of the cluster.
        failed: names of devices, hosts and switches that have failed; for a link its two ends.
        compress: "bfloat16" or "int8": in what float32 tensors cross between devices; None leaves them as they are.
        recv_scheduling: True delays each Recv as long as that delays nothing else, so that memory is held for a
            shorter time.

    Raises:
        GraphError: if an op has no device, or what stands for a variable is taken on another device than its own.
        ClusterError: if the cluster lacks a device, no way leads to one, or an op's time is no time.
        ResourceExhaustedError: if a device's memory is too small.

    Example:
        >>> from labkit.cluster import ready
        >>> from labkit.workload import Workload, WorkNode
        >>> work = Workload((WorkNode("a", "MatMul", flops=10.6e9), WorkNode("b", "MatMul", flops=10.6e9)))
        >>> devices = {"a": "/device:GPU:0", "b": "/device:GPU:0"}
        >>> run = simulate(work, devices, ready("gpu_server"), order={"a": 2, "b": 1})
        >>> [(event.node, event.start_seconds) for event in run.trace.events]
        [('b', 0.0), ('a', 0.001005)]
    """
    with _no_collection():
        plan = plan_of(
            work, devices, cluster, seconds=seconds, failed=failed, compress=compress, recv_scheduling=recv_scheduling
        )
        luck = None if stragglers is None else (stragglers, generator("stragglers", seed))
        return simulate_plan(plan, order=order, memory=memory, steps=steps, slow=slow, luck=luck)


def plan_of(
    work: Workload,
    devices: Mapping[str, str] | HasPlaces,
    cluster: Cluster | str,
    *,
    seconds: OpSeconds = roofline_seconds,
    failed: Sequence[str | Hop] = (),
    compress: str | None = None,
    recv_scheduling: bool = False,
) -> Plan:
    """What `simulate` finds out before it starts; arguments and errors as there."""
    work, cluster = as_workload(work), as_cluster(cluster)
    devices = _places(devices)
    left, gone, text = survivors(cluster, failed)
    for node in work.nodes:
        check_device(node, devices, left, gone)
    took: dict[str, float] | None = None
    if recv_scheduling:
        took = {n.name: time_of(n, devices[n.name], left.device(devices[n.name]).model, seconds) for n in work.nodes}
    cut = partition(
        work, devices, compress=compress, recv_scheduling=recv_scheduling, seconds=took, travel_seconds=left.seconds
    )
    return Plan(cut, left, seconds, gone, text)


def _places(devices: Any) -> Mapping[str, str]:
    """The device of each op: a mapping as it is, of a placement its `places`."""
    found = getattr(devices, "places", devices)
    if is_mapping(found):
        return found
    raise GraphError(
        f"the devices are {devices!r} ({type(devices).__name__}); they are a mapping from the name of each op to the "
        "name of its device.",
        "tf.placement.obey(graph, cluster), or {node.name: '/device:CPU:0' for node in work.nodes}.",
    )


def simulate_plan(
    plan: Plan,
    *,
    order: Order = "fifo",
    memory: Literal["raise", "report"] = "raise",
    steps: int = 1,
    slow: Mapping[str, float] | None = None,
    luck: tuple[Stragglers, np.random.Generator] | None = None,
) -> Simulation:
    """Simulates what has been planned; arguments and errors as for `simulate`.

    `luck` is a straggler model, and the generator that it draws from.
    """
    _one_of("memory", memory, ("raise", "report"))
    if isinstance(order, str):
        _one_of("order", order, ("fifo",))
    ranks = None if isinstance(order, str) else plan.ranks(order)
    factors = _factors(plan, checked_count(steps, "the number of steps"), slow or {}, luck)
    run = Run(plan, factors, ranks, report=memory == "report")
    trace = run.run()
    held = run.memory
    numbered = list(enumerate(plan.names))
    seconds = run.events.now
    busy: dict[str, list[float]] = {name: [] for name in plan.names}
    for event in trace.events:
        if event.duration_seconds and event.device in busy:
            busy[event.device].append(event.duration_seconds)
    used: dict[str | Hop, float] = {
        name: math.fsum(spans) / seconds if seconds else 0.0 for name, spans in busy.items()
    }
    return Simulation(
        trace, seconds, plan.cut,
        memory={name: held.curve(number) for number, name in numbered},
        utilisation=used | {link: run.flows.utilisation(link) for link in plan.capacities},
        cluster=plan.cluster,
        step_ends=tuple(run.step_ends),
        held=tuple(held.pieces()),
        at_peak={name: tuple(held.at_peak(number)) for number, name in numbered},
        overflows=tuple(held.overflows[device] for device in sorted(held.overflows)),
        flows=run.flows,
    )  # fmt: skip


def _one_of(what: str, value: Any, choices: Sequence[str]) -> None:
    if value not in choices:
        raise unknown(f"choice for {what}=", value, choices)


def _factors(
    plan: Plan, steps: int, slow: Mapping[str, float], luck: tuple[Stragglers, np.random.Generator] | None
) -> list[list[float]]:
    """For each step, and each device of the plan, by how much its ops take longer."""
    for name, factor in slow.items():
        plan.cluster.device(name)
        checked_number(factor, f"the slowness of {name}", "times")
    fixed = [float(slow.get(name, 1.0)) for name in plan.names]
    if luck is None:
        return [fixed] * steps
    model, source = luck
    number = {name: place for place, name in enumerate(plan.names)}
    used = [number[name] for name in plan.cluster.devices if name in number]
    found: list[list[float]] = []
    for _ in range(steps):
        factors = list(fixed)
        for device, drawn in zip(used, model.draw(source, len(used)).tolist() if used else (), strict=True):
            factors[device] *= checked_number(drawn, f"what was drawn for {plan.names[device]}", "times", zero=True)
        found.append(factors)
    return found


@contextmanager
def _no_collection() -> Generator[None]:
    """A simulation makes many small things and no circles of them: looking for circles would take a third of it."""
    looking = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if looking:
            gc.enable()
