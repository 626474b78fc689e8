"""Placing a step on a cluster by what it costs: the schedule, and for each op the reason in words.

`place_by_cost` makes a task graph and machines of the step and the cluster (`on_cluster.py`), lets a placer work on
them (`schedules.py`, `search.py`), and puts the result into words. Methods:

    "greedy"      the white paper's: of the ready ops the first to become ready, where it ends soonest
    "etf"         of all ready ops on all devices the pair that starts soonest; not for many thousands of ops
    "heft"        by upward rank, gaps included
    "search"      local search from all of these and from the best single device; the one to use
    "exact"       the shortest there is, for about ten ops
    "one device"  the best single device; only what cannot run there is elsewhere

The schedule that comes with it is what the costs promise if no two transfers share a link. `search` is never longer
than greedy or the best single device *by that count*. With contention that can fail: `judge="simulator"` runs the
candidates through `labkit.simulator.simulate` and takes the one that is shortest there, which is then never longer
there than greedy or one device.

Example:
    >>> from labkit.cluster import ready
    >>> from labkit.trace import Output
    >>> from labkit.workload import WorkNode
    >>> x = WorkNode("x", "Const", outputs=(Output("x:0", "float32", (1000,), 4000),), asked="/cpu:0")
    >>> y = WorkNode("y", "MatMul", ("x:0",), flops=1e12, bytes=1e6)
    >>> placed = place_by_cost(Workload((x, y)), ready("gpu_server"))
    >>> placed.places
    {'x': '/device:CPU:0', 'y': '/device:GPU:0'}
    >>> placed.reason("x")
    'it asks for /cpu:0'
    >>> placed.reason("y")
    'ends at 94.3 ms here, after 1.25 us of transfer of `x:0`, as on 7 more; on /device:CPU:0 at 769 ms'

Source: M. Abadi et al., "TensorFlow: Large-Scale Machine Learning on Heterogeneous Distributed Systems", 2015, section
3.2.1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from labkit.cluster import Cluster, as_cluster
from labkit.errors import InvalidArgumentError, ResourceExhaustedError
from labkit.graph import Graph, Operation
from labkit.partition import partition
from labkit.placement.constraints import place
from labkit.placement.cost_reasons import decided
from labkit.placement.exact import exact
from labkit.placement.limits import full_spec, limits
from labkit.placement.on_cluster import machines, task_graph
from labkit.placement.results import Placement
from labkit.placement.schedules import etf, greedy, heft
from labkit.placement.search import search
from labkit.placement.starts import one_device
from labkit.placement.tasks import Machines, TaskGraph
from labkit.placement.timetable import Choice, Schedule
from labkit.simulator import OpSeconds, roofline_seconds, simulate
from labkit.trace import Event, Trace
from labkit.workload import Workload, as_workload, maker

METHODS = ("greedy", "etf", "heft", "search", "exact", "one device")
"""What `place_by_cost` knows."""

_JUDGED_TASKS = 500  # ETF, which looks at every ready op at every step, is a candidate up to here


def obey(
    graph: Graph | Sequence[Operation], cluster: Cluster | str, *, allow_soft_placement: bool = False
) -> Placement:
    """TensorFlow's placer on the devices of a cluster: see `labkit.placement.place`.

    Args:
        graph: a graph, or those of its operations that are to run.
        cluster: the machines, or the name of a ready cluster. Parts that the names of devices lack are those of this
            process, as in `place`.
        allow_soft_placement: as in `place`.

    Returns:
        A `Placement` in the cluster's own names: its `places` go to `partition` and `simulate` as they are.

    Raises:
        InvalidArgumentError: if the program asks for what the cluster lacks.
        DeviceNameError: if a device of the cluster has a name that is no device name.

    Example:
        >>> import labkit as tf
        >>> with tf.device("/gpu:1"):
        ...     x = tf.constant(1.0, name="x")
        >>> obey(x.graph, tf.cluster.ready("gpu_server")).places
        {'x': '/device:GPU:1'}
    """
    cluster = as_cluster(cluster)
    placed = place(graph, list(cluster.devices), allow_soft_placement=allow_soft_placement)
    own = {full_spec(name).to_string(): name for name in cluster.devices}
    decisions = tuple(
        replace(d, device=own[d.device], reason=d.reason.replace(d.device, own[d.device]))
        for d in placed.decisions
    )  # fmt: skip
    return Placement(tuple(cluster.devices), decisions)


@dataclass(frozen=True, repr=False)
class CostPlacement(Placement):
    """A placement by cost: the devices and reasons of a `Placement`, and the schedule behind them.

    Args:
        devices: names of all devices of the cluster.
        decisions: one for each op, in the order of the step.
        method: how it was found.
        work: the step.
        schedule: what the costs promise.
    """

    method: str = ""
    work: Workload = field(default=Workload(()), repr=False)
    schedule: Schedule = field(default=Schedule((), (), ()), repr=False)
    machines: Machines | None = field(default=None, repr=False, compare=False)

    @property
    def seconds(self) -> float:
        """The length of the schedule."""
        return self.schedule.seconds

    @property
    def steps(self) -> tuple[Choice, ...]:
        """The decisions in the order in which they were taken, each with what was considered: to play the placer."""
        return self.schedule.choices

    @property
    def ranks(self) -> dict[str, float]:
        """When each op starts in the schedule: `simulate(..., order=placed.ranks)` runs them in that order."""
        return {task.name: task.start_seconds for task in self.schedule.tasks}

    def trace(self) -> Trace:
        """The schedule as a trace, in the order of the decisions.

        Returns:
            An event for each op on its device, and before it one for each tensor that comes from elsewhere, a `_Recv`
            on the row "a -> b", the first time that it is needed there. A tensor crosses once; who takes it there takes
            the output of the `_Recv`, as in `labkit.partition`.
        """
        cut = partition(self.work, self.places)
        timed = {task.name: task for task in self.schedule.tasks}
        arriving = {(crossing.tensor, crossing.target): crossing for crossing in cut.crossings}
        order = [choice.task for choice in self.steps] or [node.name for node in self.work.nodes]
        found: list[Event] = []
        for name in order:
            node, task = self.work.node(name), timed[name]
            for tensor in node.inputs:
                crossing = arriving.pop((tensor, task.device), None)
                if crossing is None:
                    continue
                made = self.work.tensors.get(tensor)
                took = self._machines.transfer_seconds(crossing.source, crossing.target, crossing.bytes)
                found.append(
                    Event(crossing.recv, "_Recv", f"{crossing.source} -> {crossing.target}",
                          timed[maker(tensor)].end_seconds, took, crossing.bytes, (tensor,),
                          () if made is None else (replace(made, name=f"{crossing.recv}:0"),))
                )  # fmt: skip
            size = sum(output.bytes for output in node.outputs if not node.holds_reference)
            found.append(
                Event(name, node.op, task.device, task.start_seconds, task.end_seconds - task.start_seconds, size,
                      cut.workload.node(name).inputs, node.outputs, node.flops, node.bytes)
            )  # fmt: skip
        return Trace(found, simulated=True)

    @property
    def _machines(self) -> Machines:
        if self.machines is None:
            raise InvalidArgumentError(None, None, "this placement was made without machines; place_by_cost makes one.")
        return self.machines


def place_by_cost(
    work: Workload, cluster: Cluster | str, method: str = "search", seconds: OpSeconds = roofline_seconds,
    seed: int = 0, budget: int | None = None, *, allow_soft_placement: bool = False, judge: str = "schedule",
) -> CostPlacement:  # fmt: skip
    """Places every op of a step so that the step ends soon.

    Args:
        work: the step: `tf.costs.workload` makes it from a graph.
        cluster: the machines, or the name of a ready cluster.
        method: one of `METHODS`; see the module.
        seconds: how long an op takes on a kind of device: a formula, or `measured_seconds`.
        seed: of the search.
        budget: how many ops the search places before it ends, over all tries; None for its own.
        allow_soft_placement: True gives up a kind or a number of device that cannot be had.
        judge: "schedule" believes the schedule; "simulator" simulates every candidate, with shared links, and takes the
            one that is shortest there. For the method "search" alone.

    Returns:
        A `CostPlacement`.

    Raises:
        InvalidArgumentError: if the method or the judge is unknown, or an op can be nowhere; it names the line.
        ResourceExhaustedError: if the ops do not fit the devices' memory; it says what is missing.
        GraphError: if `exact` gives up: there are too many ops.
    """
    work, cluster = as_workload(work), as_cluster(cluster)
    if method not in METHODS:
        raise InvalidArgumentError(None, None, f"there is no method {method!r}.\n  Try: one of {', '.join(METHODS)}.")
    if judge not in ("schedule", "simulator"):
        raise InvalidArgumentError(None, None, f"there is no judge {judge!r}.\n  Try: 'schedule' or 'simulator'.")
    room = machines(cluster)
    limited = limits(work, cluster, allow_soft_placement=allow_soft_placement)
    graph = task_graph(work, cluster, seconds, limited=limited)
    if judge == "simulator" and method == "search":
        schedule = _judged(work, cluster, graph, room, seconds, seed, budget)
    else:
        schedule = _placers(seed, budget)[method](graph, room)
    decisions = decided(work, room, schedule, limited, method)
    return CostPlacement(tuple(cluster.devices), decisions, method, work, schedule, room)


_Placer = Callable[[TaskGraph, Machines], Schedule]


def _placers(seed: int, budget: int | None) -> dict[str, _Placer]:
    return {
        "greedy": greedy, "etf": etf, "heft": heft, "exact": exact, "one device": one_device,
        "search": lambda graph, room: search(graph, room, seed=seed, budget=budget),
    }  # fmt: skip


def _judged(
    work: Workload, cluster: Cluster, graph: TaskGraph, room: Machines, seconds: OpSeconds, seed: int,
    budget: int | None,
) -> Schedule:  # fmt: skip
    """Of the placers' schedules the one whose placement is the shortest when it is simulated."""
    best: tuple[float, Schedule] | None = None
    failed: ResourceExhaustedError | None = None
    for name, placer in _placers(seed, budget).items():
        if name == "exact" or (name == "etf" and len(work) > _JUDGED_TASKS):
            continue
        try:
            schedule = placer(graph, room)
            took = simulate(work, schedule.devices, cluster, seconds=seconds, seed=seed).seconds
        except ResourceExhaustedError as error:
            failed = error
            continue
        if best is None or took < best[0]:
            best = took, schedule
    if best is None:
        raise failed if failed is not None else InvalidArgumentError(None, None, "no placer placed the step.")
    return best[1]
