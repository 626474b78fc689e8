"""Cutting a placed step at the borders of devices: a Send and a Recv for each tensor that crosses.

    1. An edge whose ends are on one device stays.
    2. For an edge from device a to device b, a `_Send` is put beside the op that makes the tensor and a `_Recv` on b;
       who takes the tensor on b takes the output of the Recv instead.
    3. *One Recv for each tensor and device*: however many ops on b take it, it crosses once and is stored there once.
    4. An op that only waits for another one across a border waits for a Recv of nothing: a message without bytes.

The result is again a `Workload`, with the Sends and Recvs in it, and a device for each of its ops.

Example:
    >>> from labkit.trace import Output
    >>> from labkit.workload import WorkNode
    >>> a = WorkNode("a", "Const", outputs=(Output("a:0", "float32", (10,), 40),))
    >>> b, c = (WorkNode(name, "Neg", ("a:0",)) for name in "bc")
    >>> cut = partition(Workload((a, b, c)), {"a": "/cpu:0", "b": "/gpu:0", "c": "/gpu:0"})
    >>> [(node.name, node.op, cut.devices[node.name]) for node in cut.workload.nodes][1:3]
    [('a/_send_0', '_Send', '/cpu:0'), ('a/_recv_0', '_Recv', '/gpu:0')]
    >>> cut.workload.node("c").inputs, [crossing.bytes for crossing in cut.crossings]
    (('a/_recv_0:0',), [40])

Source: `tensorflow/core/graph/graph_partition.cc` (1.4); M. Abadi et al.: "TensorFlow: Large-scale machine learning on
heterogeneous distributed systems", 2015, section 3.2.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from labkit.errors import GraphError
from labkit.trace import Output
from labkit.workload import Workload, WorkNode, maker


@dataclass(frozen=True)
class Crossing:
    """What crosses from one device to another.

    Args:
        tensor: its name; "^name" where only the end of an op is told.
        source: the device that makes it.
        target: the device that takes it.
        send: name of the `_Send`.
        recv: name of the `_Recv`.
        bytes: how much travels; 0 for "^name".
        takers: the ops that take it there.
    """

    tensor: str
    source: str
    target: str
    send: str
    recv: str
    bytes: int
    takers: tuple[str, ...]


@dataclass(frozen=True)
class Partition:
    """A step, cut at the borders of devices.

    Args:
        workload: the ops, Sends and Recvs, in an order in which inputs come first.
        devices: the device of each of them.
        crossings: what crosses, in the order in which it is sent.
    """

    workload: Workload
    devices: Mapping[str, str]
    crossings: tuple[Crossing, ...]

    @cached_property
    def parts(self) -> Mapping[str, tuple[WorkNode, ...]]:
        """The ops of each device, in order; devices in the order in which they come first."""
        found: dict[str, list[WorkNode]] = {}
        for node in self.workload.nodes:
            found.setdefault(self.devices[node.name], []).append(node)
        return {device: tuple(nodes) for device, nodes in found.items()}

    @property
    def crossing_bytes(self) -> int:
        """Bytes that travel in all."""
        return sum(crossing.bytes for crossing in self.crossings)


def partition(work: Workload, devices: Mapping[str, str]) -> Partition:
    """Cuts a step at the borders of devices.

    Args:
        work: the step.
        devices: the device of each of its ops.

    Raises:
        GraphError: if an op has no device.
    """
    missing = next((node for node in work.nodes if node.name not in devices), None)
    if missing is not None:
        raise GraphError(f'no device is given for "{missing.name}" ({missing.op}).')
    placed: dict[str, str] = {}
    nodes: list[WorkNode] = []
    wires: dict[tuple[str, str], str] = {}  # of a tensor and a device, what stands for it there
    found: list[Crossing] = []
    takers: dict[tuple[str, str], dict[str, None]] = {}
    for node in work.nodes:
        here = devices[node.name]
        inputs: list[str] = []
        for name in node.inputs:
            there = placed.get(maker(name), here)  # what is fed is there already
            if there == here:
                inputs.append(name)
                continue
            if (name, here) not in wires:
                number = sum(1 for tensor, _ in wires if tensor == name)
                wires[name, here] = _cross(work, name, there, here, number, nodes, placed, found)
            takers.setdefault((name, here), {})[node.name] = None
            inputs.append(wires[name, here])
        nodes.append(replace(node, inputs=tuple(inputs)))
        placed[node.name] = here
    crossings = tuple(replace(c, takers=tuple(takers[c.tensor, c.target])) for c in found)
    return Partition(Workload(tuple(nodes), work.fetched), placed, crossings)


def _cross(
    work: Workload, name: str, there: str, here: str, number: int, nodes: list[WorkNode], placed: dict[str, str],
    found: list[Crossing],
) -> str:  # fmt: skip
    """Adds a Send and a Recv; returns what the ops on the other side take."""
    control = name.startswith("^")
    stem, slot = maker(name), name.rpartition(":")[2] if not control else ""
    label = f"{number}" if control or slot == "0" else f"{slot}_{number}"
    kind = "control_" if control else ""
    send, recv = f"{stem}/_send_{kind}{label}", f"{stem}/_recv_{kind}{label}"
    tensor = work.tensors.get(name)
    size = 0 if tensor is None else tensor.bytes
    made = () if tensor is None else (Output(f"{recv}:0", tensor.dtype, tensor.shape, size),)
    nodes.append(WorkNode(send, "_Send", (name,)))
    nodes.append(WorkNode(recv, "_Recv", (f"^{send}",), made))
    placed[send], placed[recv] = there, here
    found.append(Crossing(name, there, here, send, recv, size, ()))
    return f"^{recv}" if control else f"{recv}:0"
