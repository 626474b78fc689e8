"""Which nodes of a placed graph run together: one group for each device and stage.

A node runs in the earliest *stage* that comes after what it depends on. On its own device it may share the stage of
what it needs; if that comes from another device, or if one of the two runs in Python, it is a later one. Even stages
are JAX, odd ones Python. So the groups of one stage do not depend on each other, and the stages can be started one
after the other. Two layers on two devices:

    stage 0   device 0   h = relu(x w)
    stage 2   device 1   loss(h v), gradients, update of v
    stage 4   device 0   gradients of the first layer, update of w

Some nodes are put into more groups than one, because it costs nothing or because it keeps the last bit:

    constants                   are in every group that takes them
    reads of variables          are in every group of their device, as long as the variable has the same value
    what follows from constants likewise; a single number on every device: XLA divides by a number that it knows
                                through multiplying, so a count that was sent would give another last bit
    products that are added     are computed where they are added: XLA adds a product with one rounding (a fused
                                multiply-add), and one that comes from another group would be rounded twice

The last holds within a device; across devices for a variable times a number (weight decay), which is computed where
the variable is.

Example:
    >>> import labkit as tf
    >>> x = tf.placeholder(tf.float32, [2])
    >>> y = tf.exp(x, name="y")
    >>> z = tf.exp(y, name="z")
    >>> stages = Stages([y.op, z.op], [x], [z], {y.op: "a", z.op: "b"})
    >>> {key: [node.name for node in nodes] for key, nodes in stages.groups.items()}
    {(0, 'a'): ['y'], (2, 'b'): ['z']}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labkit.errors import InvalidArgumentError
from labkit.executor import Sizes, after
from labkit.graph import OPS, Operation, Tensor, variable_of
from labkit.shapes import num_elements

Where = Mapping[Operation, Any]
"""The device of each node; for one that runs in Python it does not count."""

_ADD = frozenset(["Add", "AddN", "Sub", "Sum", "Mean"])
_MULTIPLY = frozenset(["Mul", "Mean", "Square", "SquaredDifference", "RealDiv", "SigmoidGrad", "TanhGrad"])
_PASS = frozenset(["Identity", "Neg", "Reshape"])  # between a product and its addition
_MOST_BYTES = 1 << 16  # of what is computed from constants in several groups


class Stages:
    """The nodes of a plan by stage and device.

    Args:
        nodes: the nodes, in creation order.
        feeds: what is fed.
        fetches: what is wanted.
        where: the device of each node.

    Attributes:
        groups: by stage and device (None: Python) the nodes that run together, in creation order.
        given: by node and input, what a node takes instead of a variable of another device: what the variable holds
            at that place of the program.

    Raises:
        InvalidArgumentError: if a node takes a variable of another device by reference.
    """

    def __init__(
        self, nodes: Sequence[Operation], feeds: Sequence[Tensor], fetches: Sequence[Tensor], where: Where
    ) -> None:
        sizes = Sizes(feeds)
        self._fed = set(feeds)
        self._fetched = set(fetches)
        self._where = where
        self._python = {node for node in nodes if node.in_python or sizes.depend_on_data(node)}
        self.given: dict[tuple[Operation, Tensor], Tensor] = {}
        self._nodes = self._with_reads(nodes)
        self._position = {node: i for i, node in enumerate(self._nodes)}
        self._fixed = self._find_fixed()
        self._stage: dict[Operation, int] = {}
        self._writes: dict[str, list[Operation]] = {}
        self._assign_stages()
        self.groups: dict[tuple[int, Any], list[Operation]] = {}
        for node in self._nodes:
            if node in self._stage:
                self.groups.setdefault((self._stage[node], self.place(node)), []).append(node)
        devices = [None, *dict.fromkeys(where.values())]
        order = sorted(self.groups, key=lambda key: (key[0], devices.index(key[1])))
        self.groups = {key: self._with_copies(*key) for key in order}

    def place(self, node: Operation) -> Any:
        """The device of a node; None for one that runs in Python."""
        if node in self._python:
            return None
        return self._where[node] if node in self._where else self._where[_home(node.inputs[0])]

    def _with_reads(self, nodes: Sequence[Operation]) -> list[Operation]:
        """The nodes, with a read wherever a variable of another device is taken by value."""
        found: list[Operation] = []
        reads: dict[str, Tensor] = {}  # of each variable, as it is at this place
        for node in nodes:
            for position, tensor in enumerate(node.inputs):
                if not tensor.op.kind.is_ref or tensor in self._fed or node in self._python:
                    continue
                home, slot = _home(tensor), variable_of(tensor)
                if self._where.get(home, self._where[node]) == self._where[node]:
                    continue
                if position in node.kind.ref_inputs:
                    raise _reference_crosses(node, home)
                if slot not in reads:
                    reads[slot] = _read(slot, tensor, node)
                    found.append(reads[slot].op)
                self.given[node, tensor] = reads[slot]
            for position in node.kind.writes:
                reads.pop(variable_of(node.inputs[position]), None)
            found.append(node)
        return found

    def _assign_stages(self) -> None:
        last_access: dict[str, int] = {}
        values: dict[tuple[int, Any, Tensor], Tensor] = {}  # a group has one value of another device's variable
        for node in self._nodes:
            if self._is_constant(node) and node.outputs[0] not in self._fetched:
                continue
            place = self.place(node)
            python = place is None
            level = 1 if python else 0
            for source in (*(self.given.get((node, t), t).op for t in node.inputs), *node.control_inputs):
                if source in self._stage:
                    elsewhere = not python and self.place(source) not in (None, place)
                    level = max(level, self._stage[source] + 2 if elsewhere else after(self._stage[source], python))
            foreign = {t: self.given[node, t] for t in node.inputs if (node, t) in self.given}
            slots = [variable_of(t) for t in node.inputs if t.op.kind.is_ref and t not in foreign]
            for slot in slots:
                level = max(level, after(last_access.get(slot, 0), python))
            while any(values.get((level, place, t), value) is not value for t, value in foreign.items()):
                level += 2
            values.update(((level, place, t), value) for t, value in foreign.items())
            last_access.update(dict.fromkeys(slots, level))
            for position in node.kind.writes:
                self._writes.setdefault(variable_of(node.inputs[position]), []).append(node)
            self._stage[node] = level

    def _with_copies(self, stage: int, device: Any) -> list[Operation]:
        """The nodes of a group, with those that are put into more groups than one."""
        nodes = self.groups[stage, device]
        inside, waiting = set(nodes), list(nodes)
        while waiting:
            node = waiting.pop()
            for tensor in node.inputs:
                maker = self.given.get((node, tensor), tensor).op
                if tensor in self._fed or maker in inside or maker not in self._position:
                    continue
                if self._is_constant(maker) or self._is_known(maker, device) or self._is_same(maker, stage, device):
                    new = [maker]
                else:
                    new = self._product(maker, stage, device) if node.type in _ADD else []
                waiting += [other for other in new if other not in inside]
                inside.update(new)
        return sorted(inside, key=self._position.__getitem__)

    def _is_constant(self, node: Operation) -> bool:
        return node.type == "Const" and node not in self._python

    def _find_fixed(self) -> set[Operation]:
        """The nodes without effects that follow from constants alone and are small: XLA computes them once."""
        found: set[Operation] = set()
        for node in self._nodes:
            kind = node.kind
            if node in self._python or kind.stateful or kind.is_ref or kind.writes or kind.has_state:
                continue
            if not node.inputs or any((t.spec.size_bytes() or _MOST_BYTES) >= _MOST_BYTES for t in node.outputs):
                continue
            if all(t not in self._fed and (self._is_constant(t.op) or t.op in found) for t in node.inputs):
                found.add(node)
        return found

    def _is_known(self, node: Operation, device: Any) -> bool:
        """True for what follows from constants alone, on its device; on another one for a single number."""
        if node not in self._fixed or device is None:
            return False
        return self.place(node) == device or all(num_elements(t.static_shape) == 1 for t in node.outputs)

    def _is_same(self, node: Operation, stage: int, device: Any) -> bool:
        """True for the read of a variable that gives the same value in a later stage of its device."""
        if node.type != "Identity" or device is None or self.place(node) != device:
            return False
        tensor = node.inputs[0]
        if not tensor.op.kind.is_ref or tensor in self._fed or (node, tensor) in self.given:
            return False
        later = (w for w in self._writes.get(variable_of(tensor), ()) if self._position[w] > self._position[node])
        return all(self._stage[write] >= stage for write in later)

    def _product(self, node: Operation, stage: int, device: Any) -> list[Operation]:
        """The product that a node is, with what stands between it and its addition, if it may be computed again."""
        if device is None:
            return []
        found = [node]
        while node.type in _PASS and node.inputs[0] not in self._fed:
            node = node.inputs[0].op
            found.append(node)
        if any(n in self._python or n.inputs[0].op.kind.is_ref for n in found) or node.type not in _MULTIPLY:
            return []
        if all(self.place(n) == device for n in found):
            return found
        many = [t for t in node.inputs if num_elements(t.static_shape) != 1]
        at_home = all(t not in self._fed and self._is_same(t.op, stage, device) for t in many)
        return found if node.type == "Mul" and at_home and len(many) < 2 else []


def _home(reference: Tensor) -> Operation:
    """The variable that a reference refers to."""
    node = reference.op
    while node.kind.ref_inputs and node.kind.is_ref:
        node = node.inputs[node.kind.ref_inputs[0]].op
    return node


def _read(slot: str, tensor: Tensor, node: Operation) -> Tensor:
    """What a variable holds when `node` takes it; by an op that is in no graph."""
    read = Operation(node.graph, node.id, f"{slot}/read_to_send", OPS["Identity"](), [tensor], [], node.site)
    read.outputs.append(Tensor(read, 0, tensor.dtype, tensor.static_shape))
    return read.outputs[0]


def _reference_crosses(node: Operation, variable: Operation) -> InvalidArgumentError:
    """The error for a node that would change a variable of another device."""
    error = InvalidArgumentError(
        None, node,
        f"{node.type} takes the variable {variable.name!r} by reference, and is placed on another device: a reference "
        "never crosses, because a variable is changed where it is.\n"
        f"  Try: with tf.colocate_with({variable.name}), or no device for this op: then it goes where the variable is.",
    )  # fmt: skip
    error.explain([f"  in {node.describe()}", f"  variable made at {variable.site.text()}"])
    return error
