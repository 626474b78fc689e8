"""Cutting a placed step at the borders of devices: a Send and a Recv for each tensor that crosses.

    1. An edge whose ends are on one device stays.
    2. For an edge from device a to device b, a `_Send` is put beside the op that makes the tensor and a `_Recv` on b;
       who takes the tensor on b takes the output of the Recv instead.
    3. *One Recv for each tensor and device*: however many ops on b take it, it crosses once and is stored there once.
    4. An op that only waits for another one across a border waits for a Recv of nothing: a message without bytes.
    5. *References never cross.* What takes a variable's value on another device is sent the value; what changes the
       variable must be where it is.
    6. With `compress`, float32 tensors travel in fewer bytes, between a cast before the Send and one after the Recv:

           "bfloat16"   the upper 16 bits of each number; the lower ones are dropped (not rounded) and come back as
                        zeros, as in TensorFlow: 8 bits of exponent and 7 of mantissa stay
           "int8"       the nearest whole multiple of max|x| / 127 (half to even): 8 bits a number, and one float32
                        for the whole tensor

    7. With `recv_scheduling`, a Recv waits for an op of its own device, the last one after which it still comes in
       time, so that what arrives does not lie in memory long before it is needed.

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
heterogeneous distributed systems", 2015, sections 3.2.2 (Send and Recv), 5.2 (scheduling) and 5.5 (compression).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from labkit.errors import GraphError
from labkit.trace import Output
from labkit.workload import Workload, WorkNode, maker

FORMATS = ("bfloat16", "int8")
"""In what float32 tensors can travel instead."""

Travel = Callable[[str, str, int], float]
"""How many seconds so many bytes take from one device to another, such as `Cluster.seconds`."""


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
        dtype: what travels; "" for "^name".
    """

    tensor: str
    source: str
    target: str
    send: str
    recv: str
    bytes: int
    takers: tuple[str, ...]
    dtype: str = ""


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


def partition(
    work: Workload, devices: Mapping[str, str], *, compress: str | None = None, recv_scheduling: bool = False,
    seconds: Mapping[str, float] | None = None, travel_seconds: Travel | None = None,
) -> Partition:  # fmt: skip
    """Cuts a step at the borders of devices.

    Args:
        work: the step.
        devices: the device of each of its ops.
        compress: one of `FORMATS`: in what float32 tensors cross; None leaves them as they are.
        recv_scheduling: True delays each Recv as long as that delays nothing else.
        seconds: for `recv_scheduling`: how long each op takes, by name.
        travel_seconds: for `recv_scheduling`: how long a transfer takes; None for no time at all.

    Raises:
        GraphError: if an op has no device, takes a reference across a border, or an argument is wrong.
    """
    if compress is not None and compress not in FORMATS:
        raise GraphError(
            f"compress={compress!r} is no format for what crosses.", f"one of {', '.join(FORMATS)}, or None."
        )
    missing = next((node for node in work.nodes if node.name not in devices), None)
    if missing is not None:
        raise GraphError(f'no device is given for "{missing.name}" ({missing.op}).')
    cut = _Cut(work, devices, compress)
    for node in work.nodes:
        cut.add(node)
    nodes = cut.nodes
    crossings = tuple(cut.crossing(recv) for recv in cut.crossed)
    if recv_scheduling:
        nodes = _scheduled(cut, _durations(work, cut, seconds, travel_seconds))
    return Partition(Workload(tuple(nodes), work.fetched), cut.placed, crossings)


class _Cut:
    """A step on its way through the partition: the ops that were looked at, with what was put between them."""

    def __init__(self, work: Workload, devices: Mapping[str, str], compress: str | None) -> None:
        self.work = work
        self.nodes: list[WorkNode] = []
        self.placed: dict[str, str] = {}
        self.crossed: dict[str, tuple[str, str, str, int, str]] = {}  # by Recv: tensor, from, to, bytes, dtype
        self.takers: dict[tuple[str, str], dict[str, None]] = {}
        self._devices = devices
        self._compress = compress
        self._wires: dict[tuple[str, str], str] = {}  # of a tensor and a device, what stands for it there
        self._numbers: dict[str, int] = {}  # to how many devices a tensor goes
        self._narrow: dict[str, Output] = {}  # what is sent instead of a tensor

    def add(self, node: WorkNode) -> None:
        """Adds an op, and what it takes from other devices before it."""
        here = self._devices[node.name]
        inputs: list[str] = []
        for name in node.inputs:
            there = self.placed.get(maker(name), here)  # what is fed is there already
            if there == here:
                inputs.append(name)
                continue
            if (name, here) not in self._wires:
                self._check(node, name, here, there)
                self._wires[name, here] = self._cross(name, there, here)
            self.takers.setdefault((name, here), {})[node.name] = None
            inputs.append(self._wires[name, here])
        self._put(node if tuple(inputs) == node.inputs else replace(node, inputs=tuple(inputs)), here)

    def crossing(self, recv: str) -> Crossing:
        """What a Recv receives, with all that take it."""
        name, there, here, size, dtype = self.crossed[recv]
        send = "/_send_".join(recv.rsplit("/_recv_", 1))
        return Crossing(name, there, here, send, recv, size, tuple(self.takers[name, here]), dtype)

    def _put(self, node: WorkNode, device: str) -> None:
        self.nodes.append(node)
        self.placed[node.name] = device

    def _check(self, node: WorkNode, name: str, here: str, there: str) -> None:
        """Only values cross: not the variable that an op would change, nor the handle of a queue."""
        source = self.work.by_name[maker(name)]
        tensor = self.work.tensors.get(name)
        handle = tensor is not None and tensor.dtype in ("resource", "variant")
        if handle or (tensor is not None and source.holds_reference and node.group and node.group == source.group):
            what = "the handle of an object" if handle else "a reference to a variable"
            asked = "".join(f"\n  {n.name!r}: {n.asked_by}" for n in (node, source) if n.asked_by)
            raise GraphError(
                f'"{node.name}" ({node.op}) on {here} takes {what}, "{name}", of {there}. References never cross: what '
                f"stands behind one is changed where it is.{asked}",
                f'one device for all ops of the group of "{node.group or source.name}".',
            )

    def _cross(self, name: str, there: str, here: str) -> str:
        """Adds a Send and a Recv; returns what the ops on the other side take."""
        control = name.startswith("^")
        stem, slot = maker(name), name.rpartition(":")[2] if not control else ""
        number = self._numbers.get(name, 0)
        self._numbers[name] = number + 1
        label = f"{number}" if control or slot == "0" else f"{slot}_{number}"
        kind = "control_" if control else ""
        send, recv = f"{stem}/_send_{kind}{label}", f"{stem}/_recv_{kind}{label}"
        tensor = self.work.tensors.get(name)
        sent = tensor
        if tensor is not None and tensor.dtype == "float32" and self._compress is not None:
            sent = self._narrowed(tensor, stem, "" if slot == "0" else f"_{slot}", there)
        size, dtype = (0, "") if sent is None else (sent.bytes, sent.dtype)
        made = () if sent is None else (Output(f"{recv}:0", dtype, sent.shape, size),)
        self._put(WorkNode(send, "_Send", (name if sent is None else sent.name,)), there)
        self._put(WorkNode(recv, "_Recv", (f"^{send}",), made), here)
        self.crossed[recv] = name, there, here, size, dtype
        if tensor is None or sent is tensor:
            return f"^{recv}" if control else f"{recv}:0"
        wide = f"{stem}/_widen_{label}"
        op = "Cast" if self._compress == "bfloat16" else "Dequantize"
        restored = (Output(f"{wide}:0", tensor.dtype, tensor.shape, tensor.bytes),)
        self._put(WorkNode(wide, op, (f"{recv}:0",), restored, tensor.bytes // 4, size + tensor.bytes), here)
        return f"{wide}:0"

    def _narrowed(self, tensor: Output, stem: str, label: str, device: str) -> Output:
        """What is sent instead of a float32 tensor; made once, for all devices that take it."""
        if tensor.name not in self._narrow:
            count = tensor.bytes // 4
            name = f"{stem}/_narrow{label}"
            if self._compress == "bfloat16":
                op, flops, made = "Cast", count, Output(f"{name}:0", "bfloat16", tensor.shape, 2 * count)
            else:  # the largest absolute value, a division and a rounding
                op, flops, made = "Quantize", 3 * count, Output(f"{name}:0", "int8", tensor.shape, count + 4)
            self._put(WorkNode(name, op, (tensor.name,), (made,), flops, tensor.bytes + made.bytes), device)
            self._narrow[tensor.name] = made
        return self._narrow[tensor.name]


def as_sent(values: Any, compress: str | None) -> np.ndarray[Any, Any]:
    """What arrives of a float32 array that crosses.

    Args:
        values: the array.
        compress: as for `partition`.

    Returns:
        A float32 array. Truncation takes a number towards zero, by less than 1/128 of it; a NaN whose bits lie all
        in the lower half becomes an infinity, as in TensorFlow.

    Example:
        >>> import numpy as np
        >>> third = np.float32([1.0, 0.1, -0.333])
        >>> as_sent(third, "bfloat16").tolist(), (as_sent(third, "int8") * 127).round(2).tolist()
        ([1.0, 0.099609375, -0.33203125], [127.0, 13.0, -42.0])
    """
    array = np.asarray(values, np.float32)
    if compress == "bfloat16":
        return (array.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
    if compress == "int8":
        step = np.float32(np.max(np.abs(array), initial=0) / np.float32(127))
        return np.round(array / (step if step > 0 else np.float32(1))) * step
    return array


def _durations(
    work: Workload, cut: _Cut, seconds: Mapping[str, float] | None, travel_seconds: Travel | None
) -> dict[str, float]:
    """How long each op takes, and each transfer."""
    if seconds is None:
        raise GraphError(
            "recv_scheduling=True needs to know how long ops take.",
            'seconds={"MatMul": 2e-6, ...}: a time for each op, by name, such as those of a watched run.',
        )
    untimed = next((node for node in work.nodes if node.name not in seconds), None)
    if untimed is not None:
        raise GraphError(f'recv_scheduling=True: `seconds` has no time for "{untimed.name}" ({untimed.op}).')
    took = {node.name: seconds.get(node.name, 0.0) for node in cut.nodes}
    if travel_seconds is not None:
        took.update((recv, travel_seconds(a, b, size)) for recv, (_, a, b, size, _) in cut.crossed.items())
    return took


def _scheduled(cut: _Cut, took: Mapping[str, float]) -> list[WorkNode]:
    """The ops, with each Recv waiting for the last op of its device after which it still comes in time.

    As soon as possible and as late as possible: both times of each op are found for devices that run their ops in
    order, one at a time, while transfers take no device's time. A Recv that starts by its latest time delays nothing.
    """
    rows: dict[str, list[WorkNode]] = {}
    needs: dict[str, tuple[str, ...]] = {}  # what an op waits for, also the op that its device does before
    early: dict[str, float] = {}  # when an op ends at the earliest
    for node in cut.nodes:
        waits = node.needs
        if node.op not in ("_Send", "_Recv"):
            row = rows.setdefault(cut.placed[node.name], [])
            waits = (*waits, row[-1].name) if row else waits
            row.append(node)
        needs[node.name] = waits = tuple(need for need in waits if need in early)
        early[node.name] = max((early[need] for need in waits), default=0.0) + took[node.name]
    late = dict.fromkeys(early, max(early.values(), default=0.0))  # when it must have ended
    for node in reversed(cut.nodes):
        start = late[node.name] - took[node.name]
        for need in needs[node.name]:
            late[need] = min(late[need], start)
    return _delayed(cut, rows, early, late, took)


def _delayed(
    cut: _Cut, rows: Mapping[str, Sequence[WorkNode]], early: Mapping[str, float], late: Mapping[str, float],
    took: Mapping[str, float],
) -> list[WorkNode]:  # fmt: skip
    """Adds the control edges."""
    ends = {device: [late[node.name] for node in row] for device, row in rows.items()}  # ascending
    done: dict[str, int] = {}  # ops of each device that come before
    found: list[WorkNode] = []
    for node in cut.nodes:
        device = cut.placed[node.name]
        if node.op == "_Recv":
            until = late[node.name] - took[node.name]
            last = bisect_right(ends.get(device, []), until, hi=done.get(device, 0)) - 1
            if last >= 0 and early[rows[device][last].name] > early[node.name] - took[node.name]:
                node = replace(node, inputs=(*node.inputs, f"^{rows[device][last].name}"))
        elif node.op != "_Send":
            done[device] = done.get(device, 0) + 1
        found.append(node)
    return found
