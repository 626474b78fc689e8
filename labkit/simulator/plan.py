"""What a simulation has to know of a step, found once: numbers instead of names, checked.

Ops are numbered in the order of the partitioned workload, devices in the order in which they come first, pieces of
memory in the order in which they are made. The loop of `run.py` then only counts down.

All transfers from one device to another go the same way, that of `Cluster.hops`: TensorFlow's workers keep one
connection to each other, and a network sends all of a connection over the same links.

Example:
    >>> from labkit.cluster import ready
    >>> from labkit.partition import partition
    >>> from labkit.trace import Output
    >>> from labkit.workload import Workload, WorkNode
    >>> x = WorkNode("x", "Const", outputs=(Output("x:0", "float32", (250,), 1000),))
    >>> y = WorkNode("y", "Identity", ("x:0",), (Output("y:0", "float32", (250,), 1000),))
    >>> plan = Plan(partition(Workload((x, y)), {"x": "/device:CPU:0", "y": "/device:CPU:0"}), ready("phone"))
    >>> [block.tensor for block in plan.blocks], plan.made, plan.takers
    (['x:0'], [(0,), ()], [[1], []])
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from labkit.cluster import Cluster, ClusterError, DeviceKind, Hop, op_time
from labkit.errors import GraphError, LabkitError
from labkit.partition import Crossing, Partition
from labkit.simulator.memory import ALIASES, Block
from labkit.trace import Output
from labkit.workload import WorkNode, maker

OpSeconds = Callable[[WorkNode, DeviceKind], float]
"""How long an op takes on a kind of device: a formula, or what was measured."""

_FREE = frozenset({"Bitcast", "Const"})  # they have bytes, but need not move them: the value is there


def roofline_seconds(node: WorkNode, kind: DeviceKind) -> float:
    """The roofline time of an op; nothing for one that computes and moves nothing, such as Identity, NoOp or Const."""
    free = node.op in _FREE or not (node.flops or node.bytes)
    return 0.0 if free else op_time(node, kind, node.dtype).seconds


class Way(NamedTuple):
    """What a transfer crosses.

    Args:
        crossing: what is transferred.
        hops: the directed links.
        latency_seconds: the sum of their latencies.
    """

    crossing: Crossing
    hops: tuple[Hop, ...]
    latency_seconds: float


class Plan:
    """A partitioned step on a cluster, ready to be simulated as often as one likes.

    Args:
        cut: the partitioned step.
        cluster: the machines.
        seconds: how long an op takes on a kind of device; None for the roofline.
        gone: the devices of the cluster that have failed, and why.
        failed: what has failed, for errors; see `survivors`.

    Attributes:
        nodes: the ops, Sends and Recvs among them.
        names: the devices that the step uses.
        device: for each op the number of its device.
        seconds: for each op how long it takes; 0 for Sends and Recvs.
        ways: for each Recv its transfer.
        waits: for each op how many others it waits for.
        takers: for each op those that wait for it.
        sources: the ops that wait for none; in several steps, each waits for what took its outputs in the step before.
        users: for each source these, and itself.
        blocks: the pieces of memory.
        made: for each op the blocks that it allocates.
        released: for each op the blocks that it may free when it ends.
        shares: for each block how many ops release it.
        capacities: bytes/s of each link that is used.

    Raises:
        GraphError: if an op has no device.
        ClusterError: if the cluster lacks a device or a way, or an op's time is no time.
    """

    def __init__(
        self,
        cut: Partition,
        cluster: Cluster,
        seconds: OpSeconds | None = None,
        gone: Mapping[str, str] = MappingProxyType({}),
        failed: str = "",
    ) -> None:
        self.cut, self.cluster = cut, cluster
        self.nodes = cut.workload.nodes
        self._index = {node.name: number for number, node in enumerate(self.nodes)}
        self._devices(gone)
        self._times(roofline_seconds if seconds is None else seconds)
        self._transfers(failed)
        self._order()
        self._memory()

    def _devices(self, gone: Mapping[str, str]) -> None:
        cut = self.cut
        between = {name for crossing in cut.crossings for name in (crossing.send, crossing.recv)}
        self._own = [node.name not in between for node in self.nodes]
        for node, own in zip(self.nodes, self._own, strict=True):
            if own:
                check_device(node, cut.devices, self.cluster, gone)
        known: dict[str, int] = {}
        self.device = [known.setdefault(cut.devices[node.name], len(known)) for node in self.nodes]
        self.names = list(known)
        self.models = [self.cluster.device(name).model for name in self.names]

    def _times(self, seconds: OpSeconds) -> None:
        self.seconds = [
            time_of(node, self.names[device], self.models[device], seconds) if own else 0.0
            for node, device, own in zip(self.nodes, self.device, self._own, strict=True)
        ]

    def _transfers(self, failed: str) -> None:
        self.ways: dict[int, Way] = {}
        self.capacities: dict[Hop, float] = {}
        found: dict[tuple[str, str], tuple[tuple[Hop, ...], float]] = {}
        edges: Any = self.cluster.network.graph.edges
        for crossing in self.cut.crossings:
            ends = crossing.source, crossing.target
            if ends not in found:
                try:
                    hops = tuple(self.cluster.hops(*ends))
                except ClusterError as error:
                    takers = ", ".join(crossing.takers[:3]) + ", ..." * (len(crossing.takers) > 3)
                    error.explain([f"  {crossing.tensor!r} must cross there, for {takers}{failed}"])
                    raise
                for hop in hops:
                    self.capacities[hop] = edges[hop]["bytes_per_second"]
                found[ends] = hops, math.fsum(edges[hop]["latency_seconds"] for hop in hops)
            self.ways[self._index[crossing.recv]] = Way(crossing, *found[ends])

    def _order(self) -> None:
        count, index = len(self.nodes), self._index
        self.waits = [0] * count
        self.takers: list[list[int]] = [[] for _ in range(count)]
        makers = {output.name: number for number, node in enumerate(self.nodes) for output in node.outputs}
        for number, node in enumerate(self.nodes):
            needs = {makers[name] if name in makers else index.get(maker(name), number): None for name in node.inputs}
            needs.pop(number, None)  # what nothing here makes
            self.waits[number] = len(needs)
            for need in needs:
                self.takers[need].append(number)
        self._recv_of = {index[way.crossing.send]: recv for recv, way in self.ways.items()}
        self.sources = [number for number in range(count) if not self.waits[number]]
        self.users: dict[int, tuple[int, ...]] = {}
        for source in self.sources:
            users = (self._recv_of.get(taker, taker) for taker in self.takers[source])
            self.users[source] = tuple(dict.fromkeys((source, *users)))

    def _memory(self) -> None:
        self.blocks: list[Block] = []
        self.made: list[tuple[int, ...]] = []
        self.released: list[list[int]] = [[] for _ in self.nodes]
        self.shares: list[int] = []
        where: dict[str, int | None] = {}  # of each tensor its block; None for what holds nothing
        for number, node in enumerate(self.nodes):
            taken = [where[name] for name in node.inputs if name in where]
            first = len(self.blocks)
            self._outputs(number, node, where)
            new = tuple(block for block in range(first, len(self.blocks)) if not self.blocks[block].variable)
            self.made.append(new)
            end = self._recv_of.get(number, number)  # what is sent is held until it has arrived
            for block in dict.fromkeys([*taken, *new]):
                if block is not None and not self.blocks[block].variable:
                    self.released[end].append(block)
                    self.shares[block] += 1
        for name in self.cut.workload.fetched:
            block = where.get(name)
            if block is not None and not self.blocks[block].variable:
                self.blocks[block] = self.blocks[block]._replace(fetched=True)
        self.fetched = [number for number, block in enumerate(self.blocks) if block.fetched]

    def _outputs(self, number: int, node: WorkNode, where: dict[str, int | None]) -> None:
        """Where the outputs of an op lie: in memory of their own, in a variable's, or in an input's."""
        given = [name for name in node.inputs if not name.startswith("^")]
        kept: int | None = None
        if node.state_bytes:
            name = node.outputs[0].name if node.holds_reference and node.outputs else node.name
            about = _about(node.outputs[0]) if node.holds_reference and node.outputs else ""
            kept = self._add(Block(name, node.name, node.op, about, self.device[number], node.state_bytes, True))
        for slot, output in enumerate(node.outputs):
            if node.holds_reference:
                where[output.name] = kept if kept is not None else where.get(given[0]) if given else None
            elif node.op in ALIASES and slot < len(given) and given[slot] in where:
                where[output.name] = where[given[slot]]
            elif output.bytes:
                where[output.name] = self._add(
                    Block(output.name, node.name, node.op, _about(output), self.device[number], output.bytes)
                )
            else:
                where[output.name] = None

    def _add(self, block: Block) -> int:
        self.blocks.append(block)
        self.shares.append(0)
        return len(self.blocks) - 1

    def ranks(self, order: Mapping[str, float]) -> list[float]:
        """For each op its rank; what has none of its own, as a Cast before a Send, has that of what it needs.

        Raises:
            GraphError: if a rank is no number, or it names an op that is not in the step.
        """
        stray = next((name for name in order if name not in self._index), None)
        if stray is not None:
            raise GraphError(
                f"the order has a rank for {stray!r}, which is no op of the step.",
                "ranks by the names of the workload's ops.",
            )
        found: list[float] = []
        for node in self.nodes:
            rank: Any = order.get(node.name)
            if rank is None:
                needs = (self._index[need] for need in node.needs if need in self._index)
                rank = max((found[need] for need in needs), default=-math.inf)
            elif not isinstance(rank, (int, float)) or math.isnan(rank):
                raise GraphError(f"the rank of {node.name!r} in the order is {rank!r}; it must be a number.")
            found.append(rank)
        return found


def _about(output: Output) -> str:
    return f"{output.dtype}[{', '.join(map(str, output.shape))}]"


def check_device(node: WorkNode, devices: Mapping[str, str], cluster: Cluster, gone: Mapping[str, str]) -> None:
    """An op has a device, and the cluster has that, still.

    Raises:
        GraphError: if it has none.
        ClusterError: if the cluster lacks it, or it has failed.
    """
    name = devices.get(node.name)
    if name is None:
        raise GraphError(f'no device is given for "{node.name}" ({node.op}).')
    if name in gone:
        raise ClusterError(
            f'"{node.name}" ({node.op}) is placed on {name}, but {gone[name]}.',
            f"place it on another device; {cluster.name!r} has {len(cluster.devices)} left.",
        )
    try:
        cluster.device(name)
    except ClusterError as error:
        error.explain([f'  "{node.name}" ({node.op}) is placed there, in the cluster {cluster.name!r}'])
        raise


def time_of(node: WorkNode, device: str, kind: DeviceKind, seconds: OpSeconds) -> float:
    """How long an op takes on a device, checked.

    Raises:
        ClusterError: if it is no time: negative, infinite, no number.
    """
    where = f'  it is the time of "{node.name}" ({node.op}) on {device}'
    try:
        value: Any = seconds(node, kind)
    except LabkitError as error:
        error.explain([where])
        raise
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if math.isfinite(number) and number >= 0:
        return number
    name = getattr(seconds, "__name__", repr(seconds))
    error = ClusterError(f"{name} gives {value!r} seconds; it must be a number of at least zero.")
    error.explain([where])
    raise error
