"""The placer of TensorFlow's runtime: it obeys constraints, and knows nothing of cost.

    1. Ops that are on a device already stay there.
    2. Ops that must share a device are joined into groups (`groups.py`); a group's device must match what its members
       ask for together, and have a kernel for each of them.
    3. Of the devices that are left for a group the first is taken: TPU before GPU before CPU, then by name. So
       everything lands on the first GPU of the first task unless the program says otherwise.
    4. Two heuristics spare transfers, for ops that share their device with no other. A *metadata* op (Shape, Size,
       Rank) goes to its input, of which it needs no value. A *generator* (no inputs, one output: a constant, a
       placeholder, random numbers) waits until all others are placed, and goes to the op that takes it, if all that
       take it are on one device.
    5. With soft placement a kind or a number of device that cannot be had is given up, rather than the run.

Every decision carries its rule and its reason. On a laptop with a GPU:

    v           /gpu:0   no line asked for a device; GPU comes before CPU
    v/Assign    /gpu:0   placed with `v`, which it updates
    zeros       /gpu:0   placed with `v/Assign`, the op that takes it
    save/Save   /cpu:0   Save has a kernel for CPU alone

What differs from TensorFlow: kernels are JAX's, one for every kind of device, so only ops that run in Python or on
strings and handles are bound to a CPU; and the heuristics leave groups together, as later versions did.

What it is not: it never asks how long an op takes or what travels. Placers that do start from the same constraints.

Source: `tensorflow/core/common_runtime/placer.cc` (1.4).
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from labkit.devices import DeviceNameError, DeviceSpec
from labkit.dtypes import OBJECTS, string
from labkit.errors import InvalidArgumentError, LabkitError
from labkit.graph import Graph, Operation
from labkit.placement.groups import Group, Groups, Kernels
from labkit.placement.reasons import asked_text, colocated_text, placement_error
from labkit.placement.results import Decision, Placement

PRIORITIES = {"TPU": 300, "GPU": 210, "CPU": 60}
"""Kinds of devices, the preferred first; GPU and CPU have TensorFlow's numbers. Others come between CPU and GPU."""

METADATA_OPS = frozenset(["Rank", "Shape", "ShapeN", "Size"])
_OTHER_PRIORITY = 100


class Device(NamedTuple):
    """A device that there is: its full name, the name taken apart, its kind in capitals."""

    name: str
    spec: DeviceSpec
    kind: str


def kernel_types(node: Operation) -> Collection[str] | None:
    """The kinds of devices that have a kernel for an op.

    Args:
        node: an operation.

    Returns:
        CPU alone for what runs in Python and for strings, queues and tables; None, for every kind, otherwise.

    Example:
        >>> import labkit as tf
        >>> kernel_types(tf.constant(1.0).op), kernel_types(tf.constant("text").op)
        (None, ('CPU',))
    """
    bound = node.in_python or any(t.dtype is string or t.dtype in OBJECTS for t in (*node.inputs, *node.outputs))
    return ("CPU",) if bound else None


def place(
    graph: Graph | Sequence[Operation], devices: Sequence[str | DeviceSpec], *, allow_soft_placement: bool = False,
    assigned: Mapping[str, str] | None = None, kernels: Kernels = kernel_types,
) -> Placement:  # fmt: skip
    """Places every op of a graph as TensorFlow's runtime does.

    Args:
        graph: a graph, or those of its operations that are to run, in the order of the graph.
        devices: the names of all devices that there are. Parts that are missing are those of this process:
            "/gpu:1" is "/job:localhost/replica:0/task:0/device:GPU:1".
        allow_soft_placement: True takes another kind or number of device where the one asked for does not exist or
            has no kernel; as in `tf.ConfigProto`.
        assigned: names of the devices that some ops are on already, by name of the op.
        kernels: the kinds of devices that have a kernel for an op; None for all.

    Returns:
        A `Placement`.

    Raises:
        InvalidArgumentError: if an op can be nowhere: its device does not exist, or has no kernel for it, or the ops
            that must share its device ask for another. It names the lines that asked.
        LabkitError: if there are no devices, or one is named twice or not fully.

    Example:
        >>> import labkit as tf
        >>> with tf.device("/cpu:0"):
        ...     w = tf.Variable([[2.0]], name="w")
        >>> y = tf.matmul([[1.0]], w, name="y")
        >>> placement = place(w.graph, ["/cpu:0", "/gpu:0"])
        >>> placement.reason("w/Assign"), placement.reason("y")
        ('placed with `w`, which it updates', 'no line asked for a device; GPU comes before CPU')
        >>> placement.reason("y/a")
        'placed with `y`, the op that takes it'
    """
    nodes = graph.get_operations() if isinstance(graph, Graph) else list(graph)
    return _Placer(nodes, _parsed(devices), allow_soft_placement, assigned or {}, kernels).run()


class _Placer:
    """One run of the placer: see the steps in the module's docstring."""

    def __init__(
        self, nodes: Sequence[Operation], devices: Sequence[Device], soft: bool, assigned: Mapping[str, str],
        kernels: Kernels,
    ) -> None:  # fmt: skip
        self.nodes = nodes
        self.soft = soft
        self.devices = sorted(devices, key=lambda d: (-PRIORITIES.get(d.kind, _OTHER_PRIORITY), d.name))
        self.all_names = tuple(device.name for device in devices)
        self.kinds = tuple(dict.fromkeys(device.kind for device in self.devices))
        self.assigned = _known(assigned, self.all_names)
        self.groups = Groups(nodes, self.assigned, kernels, self.kinds, soft)
        self.choices: dict[Group, tuple[list[Device], bool]] = {}  # devices for a group, and whether it gave way
        self.matching: dict[tuple[Any, ...], list[Device]] = {}
        self.leaders: dict[Group, Operation] = {}
        self.decisions: dict[Operation, Decision] = {}

    def run(self) -> Placement:
        """Both passes."""
        waiting: list[Operation] = []
        for node in self.nodes:
            if self._is_generator(node):
                waiting.append(node)
            else:
                self._place(node, self._metadata_device(node), "metadata")
        takers: dict[Operation, list[Operation]] = {node: [] for node in waiting}
        for node in self.nodes if waiting else ():
            for source in dict.fromkeys([*(tensor.op for tensor in node.inputs), *node.control_inputs]):
                if source in takers:
                    takers[source].append(node)
        for node in waiting:
            self._place(node, self._takers_device(takers[node]), "generator", takers[node])
        return Placement(self.all_names, tuple(self.decisions[node] for node in self.nodes))

    def _is_alone(self, node: Operation) -> bool:
        return len(self.groups.of(node).members) == 1

    def _is_generator(self, node: Operation) -> bool:
        one_value = not node.inputs and len(node.outputs) == 1 and not node.kind.is_ref
        return one_value and self._is_alone(node) and node.name not in self.assigned

    def _metadata_device(self, node: Operation) -> str:
        """The device of the input of a metadata op, or ""."""
        if node.type not in METADATA_OPS or not self._is_alone(node) or not node.inputs:
            return ""
        decision = self.decisions.get(node.inputs[0].op)
        return decision.device if decision else ""

    def _takers_device(self, takers: Sequence[Operation]) -> str:
        """The one device of all that take a generator's output, or ""."""
        found = {self.decisions[taker].device for taker in takers if taker in self.decisions}
        return found.pop() if len(found) == 1 and all(taker in self.decisions for taker in takers) else ""

    def _place(self, node: Operation, near: str, rule: str, takers: Sequence[Operation] = ()) -> None:
        """Decides for one node: `near` if it is among the devices that are left for it, else the first of them."""
        group = self.groups.of(node)
        if group not in self.choices:
            self.leaders[group] = group.leader
            self.choices[group] = self._feasible(group)
        devices, gave_way = self.choices[group]
        # Where a line asked for exactly this device, that is the reason, and no heuristic was needed.
        if near and len(devices) > 1 and near in {device.name for device in devices}:
            if rule == "metadata":
                reason = f"placed with `{node.inputs[0].op.name}`: {node.type} needs only its shape, not its value"
            else:
                others = (
                    f" and {len(takers) - 1} more, all on one device" if len(takers) > 1 else ", the op that takes it"
                )
                reason = f"placed with `{takers[0].name}`{others}"
            device = near
        else:
            device = devices[0].name
            rule, reason = self._why(node, group, devices, gave_way)
        first = min(group.members, key=lambda member: member.id).name if len(group.members) > 1 else node.name
        self.decisions[node] = Decision(node.name, node.type, device, rule, reason, node.device, first)

    def _why(self, node: Operation, group: Group, devices: Sequence[Device], gave_way: bool) -> tuple[str, str]:
        """The rule by which a node is on the first of `devices`, and the reason."""
        leader = self.leaders[group]
        if node.name in self.assigned:
            return "assigned", f"it was on {self.assigned[node.name]} already"
        if node is not leader:
            return "colocated", colocated_text(node, leader, self.groups.links.get(node))
        if node.device:
            if not gave_way:
                return "asked", asked_text(node)
            missing = f"; {self._what_is_missing(group)}, and soft placement took {devices[0].name}"
            return "soft placement", asked_text(node) + missing
        if len(group.types) < len(self.kinds):
            who = node.type if len(group.members) == 1 else f"the group of `{node.name}`"
            return "only kernel", f"{who} has a kernel for {' and '.join(group.types)} alone"
        if len(self.devices) == 1:
            return "only device", "no line asked for a device, and there is one"
        later = [kind for kind in self.kinds if kind != devices[0].kind]
        order = f"{devices[0].kind} comes before {' and '.join(later)}" if later else "the first by name is taken"
        return "priority", f"no line asked for a device; {order}"

    def _what_is_missing(self, group: Group) -> str:
        """Why none of the devices that a group asks for will do."""
        contradicts = any(
            member.device and not DeviceSpec.from_string(member.device).matches(group.spec) for member in group.members
        )
        if contradicts:
            return "ops that must share a device ask for different ones"
        if any(group.spec.matches(device.spec) for device in self.devices):
            return f"there is no kernel for it on {group.spec.device_type}"
        return "there is no such device"

    def _feasible(self, group: Group) -> tuple[list[Device], bool]:
        """The devices that a group may have, the preferred first, and whether its request had to give way."""
        found = self._matching(group.spec, group.types)
        asked = self.leaders[group].device
        dropped = self.soft and bool(asked) and not DeviceSpec.from_string(asked).matches(group.spec)
        if found:
            return found, dropped
        if self.soft:
            found = self._matching(replace(group.spec, device_type=None, device_index=None), group.types)
            if found:
                return found, True
        raise self._nowhere(group)

    def _matching(self, spec: DeviceSpec, kinds: Collection[str]) -> list[Device]:
        """The devices of some kinds that a name matches; thousands of groups ask for the same."""
        key = *spec.comparable(), *kinds
        if key not in self.matching:
            self.matching[key] = [d for d in self.devices if d.kind in kinds and spec.matches(d.spec)]
        return self.matching[key]

    def _nowhere(self, group: Group) -> InvalidArgumentError:
        """The error for a group without a device."""
        leader = self.leaders[group]
        wanted = leader.device or group.spec.to_string()
        asked = DeviceSpec.from_string(wanted)
        kind = (asked.device_type or "").upper()
        others = [member for member in group.members if member.device and member is not leader]
        there = f"available devices are [ {', '.join(self.all_names)} ]"
        if kind and kind not in self.kinds and kind not in PRIORITIES:
            near = difflib.get_close_matches(kind, [*self.kinds, *PRIORITIES], 1)
            maybe = f"/device:{near[0]}:{asked.device_index or 0}" if near else f"one of {', '.join(self.kinds)}"
            return placement_error(
                [leader],
                f"Operation '{leader.name}' asks for {wanted}: {asked.device_type} is no kind of device that "
                f"is known here; {there}.",
                maybe,
            )
        if not self._matching(asked, self.kinds):
            return placement_error(
                [leader],
                f"Operation '{leader.name}' was explicitly assigned to {wanted} but {there}. Make sure the "
                "device specification refers to a valid device.",
                "one of these devices, or allow_soft_placement=True.",
            )
        if self._matching(group.spec, self.kinds):
            narrow = [node for node in group.members if self.groups.kernels(node) is not None]
            return placement_error(
                list(dict.fromkeys([leader, *narrow[:1]])),
                f"Could not satisfy explicit device specification '{wanted}' because no supported kernel for "
                f"{group.spec.device_type or 'such'} devices is available.",
                f"tf.device('/{group.types[0].lower()}:0') for this op, or allow_soft_placement=True.",
            )
        return placement_error(
            [leader, *others[:1]],
            f"Could not satisfy explicit device specification '{wanted}' because the node was colocated with a "
            f"group of nodes that required incompatible device '{group.spec.to_string()}'; {there}.",
            "ask for a device that there is in both places, or allow_soft_placement=True.",
        )


def _parsed(devices: Sequence[str | DeviceSpec]) -> list[Device]:
    """The devices that there are, with their full names."""
    if isinstance(devices, str):
        raise LabkitError(f"devices is a list of names, such as ['/cpu:0', '/gpu:0'], not the string {devices!r}.")
    here = DeviceSpec(job="localhost", replica=0, task=0)
    found: dict[str, Device] = {}
    for entry in devices:
        spec: Any = entry if isinstance(entry, DeviceSpec) else DeviceSpec.from_string(entry)
        if spec.device_type is None or spec.device_index is None:
            raise DeviceNameError(
                f"{spec.to_string()!r} names no single device: a device that there is has a type and a number, such as "
                "/gpu:0."
            )
        kind = spec.device_type.upper()
        full = here.merged_with(replace(spec, device_type=kind))
        if full.to_string() in found:
            raise LabkitError(f"the device {full.to_string()} is listed twice.")
        found[full.to_string()] = Device(full.to_string(), full, kind)
    if not found:
        raise LabkitError("No devices are registered: there must be at least one, such as /cpu:0.")
    return list(found.values())


def _known(assigned: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """The assigned devices by their full names."""
    full: dict[str, str] = {}
    for node, name in assigned.items():
        spec = DeviceSpec.from_string(name)
        found = [other for other in names if spec.matches(DeviceSpec.from_string(other))]
        if len(found) != 1:
            raise LabkitError(f"{node!r} is assigned to {name!r}, which is not one of the devices {', '.join(names)}.")
        full[node] = found[0]
    return full
