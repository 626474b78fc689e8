"""Ops that must share a device: found by union-find, each group with what its members ask for together.

Two ops must share a device if one names the other's group (`tf.colocate_with`, TensorFlow's attribute `_class` with
`loc:@name`), or if one takes the other's output by reference: an assignment changes the variable where it is, and a
queue's handle is good where the queue is. Joining two groups joins their demands: the parts of the device names, and
the kinds of devices for which every member has a kernel. If nothing is left, the error names both sides.

Example:
    >>> import labkit as tf
    >>> v = tf.Variable(0.0, name="v")
    >>> groups = Groups(v.graph.get_operations(), {}, lambda node: ("CPU", "GPU"), ("CPU", "GPU"), soft=False)
    >>> [node.name for node in groups.of(v.initializer).members]
    ['v', 'v/Assign', 'v/read']

Source: `tensorflow/core/common_runtime/placer.cc` (1.4), `ColocationGraph`; the structure is that of B. A. Galler,
M. J. Fischer: "An improved equivalence algorithm", 1964.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from labkit.devices import DeviceNameError, DeviceSpec, merge_names
from labkit.dtypes import OBJECTS
from labkit.graph import Operation
from labkit.placement.reasons import asked_lines, placement_error

Kernels = Callable[[Operation], Collection[str] | None]


class Group:
    """Ops that must share a device.

    Args:
        node: the first of them.
        spec: what it asks for.
        types: the kinds of devices that have a kernel for it.
    """

    def __init__(self, node: Operation, spec: DeviceSpec, types: tuple[str, ...]) -> None:
        self.members = [node]
        self.spec = spec
        self.types = types

    @property
    def leader(self) -> Operation:
        """The member whose request decides: one that asks by itself, else one that asks, else the first."""
        return min(self.members, key=lambda node: (not node.device, bool(node.colocation), node.id))


class Groups:
    """All ops of a graph in their groups.

    Args:
        nodes: the ops, in an order in which inputs come first.
        assigned: full names of the devices that some ops have already, by name of the op.
        kernels: the kinds of devices that have a kernel for an op; None for all.
        types: the kinds of devices that there are.
        soft: True gives up a type or a number that two members of a group contradict each other about.

    Raises:
        InvalidArgumentError: if the demands of a group contradict each other, or an op has no kernel at all.
    """

    def __init__(
        self, nodes: Sequence[Operation], assigned: Mapping[str, str], kernels: Kernels, types: Sequence[str],
        soft: bool,
    ) -> None:  # fmt: skip
        self.soft = soft
        self.kernels = kernels
        self.links: dict[Operation, tuple[Operation, str]] = {}  # whom a node goes with, and what it has to do with it
        self._groups: dict[Operation, Group] = {}
        self._named: dict[str, Operation] = {node.name: node for node in nodes}
        parsed: dict[str, DeviceSpec] = {}  # a graph repeats a few names thousands of times
        for node in nodes:
            name = assigned.get(node.name, node.device)
            if name not in parsed:
                parsed[name] = DeviceSpec.from_string(name)
            found = kernels(node)
            usable = tuple(kind for kind in types if found is None or kind in found)
            if not usable:
                raise placement_error(
                    [node],
                    f"no OpKernel was registered to support Op '{node.type}' on {' or '.join(types)} devices; "
                    f"it has kernels for: {', '.join(sorted(found or ())) or 'none'}.",
                    "add a device of such a kind, such as /cpu:0.",
                )
            self._groups[node] = Group(node, parsed[name], usable)
        for node in nodes:
            self._join_by_name(node)
            self._join_by_reference(node)

    def of(self, node: Operation) -> Group:
        """The group of a node."""
        return self._groups[node]

    def _join_by_name(self, node: Operation) -> None:
        for name in node.colocation:
            other = self._named.setdefault(name, node)  # a group may be named after an op that is not there
            if other is not node:
                self._join(node, other, "takes" if any(t.op is other for t in node.inputs) else "colocate_with")

    def _join_by_reference(self, node: Operation) -> None:
        references = node.kind.ref_inputs
        for position, tensor in enumerate(node.inputs):
            if tensor.op in self._groups and (position in references or tensor.dtype in OBJECTS):
                self._join(node, tensor.op, "updates" if position in node.kind.writes else "uses")

    def _join(self, node: Operation, other: Operation, how: str) -> None:
        """Makes one group of those of `node` and `other`; the larger takes in the smaller."""
        if node not in self.links or (how == "updates" and self.links[node][1] != how):
            self.links[node] = other, how
        one, two = self._groups[node], self._groups[other]
        if one is two:
            return
        try:
            spec = merge_names(two.spec, one.spec, self.soft)
        except DeviceNameError as error:
            raise placement_error(
                [node, other],
                f"cannot colocate nodes '{node.name}' and '{other.name}': {error}",
                "ask for one device, or for none in one of the two places; or allow_soft_placement=True.",
                [*asked_lines(one.leader), *asked_lines(two.leader)],
            ) from error
        types = tuple(kind for kind in one.types if kind in two.types)
        if not types:
            raise placement_error(
                [node, other],
                f"cannot colocate nodes '{node.name}' and '{other.name}' because no device type supports both of those "
                f"nodes and the other nodes colocated with them: {', '.join(one.types)} against "
                f"{', '.join(two.types)}.",
                "leave out the colocation of one of the two.",
            )
        large, small = (one, two) if len(one.members) > len(two.members) else (two, one)
        large.members += small.members
        large.spec, large.types = spec, types
        for member in small.members:
            self._groups[member] = large
