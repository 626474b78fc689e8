"""Which nodes share a box: the first half of drawing a graph.

A graph of ten lines of Python has a hundred nodes; a picture that says something has ten boxes. A `Unit` is a box: one
node, or several that belong together. With `collapse=True`:

    * a name scope is one box, with the number of its ops;
    * a variable is one box: the slot, its initial value, its initializer and its read;
    * a constant that only says an axis or a shape is drawn inside the op that uses it;
    * `gradients/<node>_grad/...` is one box for each forward box, and the picture puts it above that;
    * the optimizer, its slots and its learning rate are one box;
    * the op that initializes everything is left out.

With `collapse=False` every node is a box and nothing is left out: the picture is the graph, node by node.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labkit.graph import Operation, Tensor

_GRADIENTS = re.compile(r"(?:^|.*/)gradients(?:_\d+)?/(?P<rest>.*)$")
_GRADIENT_OF = re.compile(r"(?P<forward>.+?)_grad(?:_\d+)?(?:/|$)")
_NUMBER = re.compile(r"_\d+$")


@dataclass(eq=False)
class Unit:
    """A box of the picture.

    Args:
        key: what makes it one box: a scope's or a node's name.
        kind: "constant", "variable", "placeholder", "op" or "scope".
        half: "forward", "gradient" or "optimizer".
        nodes: the operations inside, in creation order.
        of: for a gradient, the forward unit it belongs to.
    """

    key: str
    kind: str = "op"
    half: str = "forward"
    nodes: list[Operation] = field(default_factory=list[Operation])
    of: Unit | None = None
    label: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Wire:
    """An arrow of the picture: `tensor` from unit to unit; None for a control edge; `updates` if it is a reference."""

    source: Unit
    target: Unit
    tensor: Tensor | None
    updates: bool = False


def units_of(nodes: Sequence[Operation], collapse: bool, depth: int) -> tuple[list[Unit], list[Wire]]:
    """The boxes and arrows of a picture.

    Args:
        nodes: operations, in creation order.
        collapse: False makes every operation a box.
        depth: how many parts of a name tell boxes apart: 1 shows outermost scopes.

    Returns:
        Units in the order of their first operation, and the wires between them.
    """
    grouping = _Grouping(nodes, depth) if collapse else None
    place: dict[Operation, Unit] = {}
    units: dict[str, Unit] = {}
    for node in nodes:
        key, half = grouping.key(node) if grouping else (node.name, half_of(node))
        if key:
            unit = units.setdefault(key, Unit(key, half=half))
            unit.nodes.append(node)
            place[node] = unit
    if grouping:
        for unit in list(units.values()):
            if unit.key.startswith("gradients of "):
                unit.of = units.get(unit.key.removeprefix("gradients of "))
    for unit in units.values():
        _describe(unit)
    return list(units.values()), _wires(nodes, place)


def half_of(node: Operation) -> str:
    """The half a node belongs to, from its name and type: "gradient", "optimizer" or "forward"."""
    if node.type.startswith(("Apply", "SparseApply")):
        return "optimizer"
    return "gradient" if "gradients" in node.name and _GRADIENTS.match(node.name) else "forward"


def parts_of(nodes: Sequence[Operation]) -> list[str]:
    """What each node is there for.

    Args:
        nodes: operations, in creation order, with what they depend on.

    Returns:
        For each node "forward", "gradient", "optimizer" (with its slots and its learning rate), "state" (variables with
        what starts and reads them), "input", "constant" or "other" (starting, saving, summaries).

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default() as graph:
        ...     w = tf.Variable(2.0, name="w")
        ...     step = tf.train.GradientDescentOptimizer(0.1).minimize(w * w)
        >>> from collections import Counter
        >>> dict(sorted(Counter(parts_of(graph.get_operations())).items()))
        {'forward': 1, 'gradient': 9, 'optimizer': 3, 'state': 4}
    """
    grouping = _Grouping(nodes, 1)
    return [grouping.part(node) for node in nodes]


_INPUT = re.compile(r"Placeholder|(OneShot|Make)?Iterator|Queue|.*Queue(V2)?$|Reader|.*Reader(V2)?$|.*Dataset")
_OTHER = re.compile(r"NoOp$|Save|Restore|ShardedFilename|MergeV2Checkpoints|.*Summary(V2)?$|Print|Assert")


class _Grouping:
    """Decides on the box of each node."""

    def __init__(self, nodes: Sequence[Operation], depth: int) -> None:
        self.depth = max(1, depth)
        self.by_name = {node.name: node for node in nodes}
        self.users: dict[Operation, list[Operation]] = {node: [] for node in nodes}
        for node in nodes:
            for source in dict.fromkeys([*(t.op for t in node.inputs), *node.control_inputs]):
                self.users.setdefault(source, []).append(node)
        self.variables = {node.name for node in nodes if node.type == "VariableV2"}
        self._starts: dict[Operation, bool] = {}  # which nodes only start variables: asked again and again
        self.optimizer = self._optimizer_nodes(nodes)
        self.by_hand = self._updates_by_hand(nodes)
        self.initializing = self._initializing(nodes)
        self.optimizer_key = self._optimizer_key(nodes)

    def _optimizer_key(self, nodes: Iterable[Operation]) -> str:
        for node in nodes:
            if half_of(node) == "optimizer":
                return "optimizer " + node.name.split("/update")[0]
        return "optimizer"

    def _optimizer_nodes(self, nodes: Sequence[Operation]) -> set[Operation]:
        """The Apply ops, what is in their scope, and what feeds nothing else: slots, learning rate, step counter."""
        applies = [node for node in nodes if half_of(node) == "optimizer"]
        scopes = {node.name.split("/update")[0] for node in applies if "/update" in node.name}
        found = {n for n in nodes if n.name.split("/update")[0] in scopes or n.name.rpartition("/")[0] in scopes}
        found.update(applies)
        if not applies:
            return set()
        for node in reversed(nodes):
            users = [u for u in self.users[node] if not self._is_start(u)]
            own = self._own_variable(node)
            kin = [u for u in users if own is None or self._own_variable(u) != own]
            if own is not None and own != node.name:
                continue  # settled with its variable
            if kin and all(user in found for user in kin) and half_of(node) == "forward":
                readers = [u for n in self._parts(own) for u in self.users[n] if not self._is_start(u)] if own else []
                if all(u in found or self._own_variable(u) == own for u in readers):
                    found.update([node, *(self._parts(own) if own else ())])
        return found

    def _updates_by_hand(self, nodes: Sequence[Operation]) -> set[Operation]:
        """What a learner does with gradients: `w.assign_sub(0.1 * gradient)`; and what only serves that."""
        found: set[Operation] = set()
        for node in nodes:
            if half_of(node) == "forward" and any(t.op in found or half_of(t.op) == "gradient" for t in node.inputs):
                found.add(node)
        found.update(n for n in nodes if n.type == "NoOp" and any(c in found for c in n.control_inputs))
        for node in reversed(nodes):
            users = self.users[node]
            pure = half_of(node) == "forward" and not node.kind.stateful and node.type != "Placeholder"
            if pure and users and all(user in found for user in users) and self._own_variable(node) is None:
                found.add(node)
        return found

    def _is_start(self, node: Operation) -> bool:
        """True for the NoOp that runs initializers, and for initializers."""
        if node.type == "Assign":
            return node.inputs[0].op.name + "/Assign" == node.name
        if node.type != "NoOp":
            return False
        known = self._starts.get(node)
        if known is None:
            known = bool(node.control_inputs) and all(map(self._is_start, node.control_inputs))
            self._starts[node] = known
        return known

    def _own_variable(self, node: Operation) -> str | None:
        """The variable whose slot, initializer, read or initial value the node is."""
        if node.type == "VariableV2":
            return node.name
        owner, _, part = node.name.rpartition("/")
        return owner if owner in self.variables and part in {"Assign", "read", "initial_value"} else None

    def _parts(self, variable: str) -> list[Operation]:
        names = [variable, *(f"{variable}/{part}" for part in ("Assign", "read", "initial_value"))]
        return [self.by_name[name] for name in names if name in self.by_name]

    def _initializing(self, nodes: Sequence[Operation]) -> dict[Operation, str]:
        """The nodes that only serve to start variables, with the variable; "" where there are several."""
        found: dict[Operation, str] = {}
        for node in reversed(nodes):
            users = self.users[node]
            if self._is_start(node):
                found[node] = node.inputs[0].op.name if node.type == "Assign" else ""
            elif users and all(user in found for user in users) and node.type != "VariableV2":
                found[node] = next((found[user] for user in users if found[user]), "")
        return found

    def part(self, node: Operation) -> str:
        """What the node is there for; see `parts_of`."""
        if node in self.initializing:
            owner = self.by_name.get(self.initializing[node])
            return "other" if owner is None else self.part(owner)
        if node in self.optimizer:
            return "optimizer"
        if half_of(node) == "gradient":
            return "gradient"
        if node in self.by_hand:
            return "optimizer"
        if self._own_variable(node) is not None:
            return "state"
        if _INPUT.match(node.type):
            return "input"
        if node.type in {"Const", "AllAxes"}:
            return "constant"
        return "other" if _OTHER.match(node.type) else "forward"

    def key(self, node: Operation) -> tuple[str, str]:
        """Key and half of the node's box; the key is empty where the node is left out."""
        if node in self.initializing:
            owner = self.initializing[node]
            return self.key(self.by_name[owner]) if owner in self.by_name else ("", "forward")
        if node in self.optimizer:
            return self.optimizer_key, "optimizer"
        gradient = _GRADIENTS.match(node.name)
        if gradient:
            return self._gradient_key(node, gradient["rest"]), "gradient"
        if node in self.by_hand:
            scope = node.name.split("/")[: self.depth]
            return (scope[0] if "/" in node.name and scope[0] not in self.by_name else "update"), "optimizer"
        own = self._own_variable(node)
        if own is None and self._is_setting(node):
            return self.key(self.users[node][0])
        return "/".join((own or node.name).split("/")[: self.depth]), "forward"

    def _is_setting(self, node: Operation) -> bool:
        """True for a constant that only tells ops an axis or a shape."""
        users = self.users[node]
        return (
            node.type in {"Const", "AllAxes"}
            and bool(users)
            and all(
                any(t.op is node and i in user.kind.static_inputs for i, t in enumerate(user.inputs)) for user in users
            )
        )

    def _gradient_key(self, node: Operation, rest: str) -> str:
        match = _GRADIENT_OF.match(rest)
        if match and match["forward"] in self.by_name:
            return "gradients of " + self.key(self.by_name[match["forward"]])[0]
        if match:  # the forward op is not on the picture, because nothing on it needs that op's value
            return "gradients of " + "/".join(match["forward"].split("/")[: self.depth])
        if node.type == "AddN":  # a sum of gradients that meet: part of the box it flows into
            users = {self.key(user) for user in self.users[node]}
            return users.pop()[0] if len(users) == 1 else node.name
        return "gradients start"


def _wires(nodes: Iterable[Operation], place: dict[Operation, Unit]) -> list[Wire]:
    wires: dict[tuple[Any, ...], Wire] = {}
    for node in nodes:
        target = place.get(node)
        if target is None:
            continue
        pairs = [(t.op, t, i in node.kind.ref_inputs) for i, t in enumerate(node.inputs)]
        pairs += [(before, None, False) for before in node.control_inputs]
        for op, tensor, updates in pairs:
            source = place.get(op)
            if source is not None and source is not target:
                data = (source.key, target.key, tensor.name if tensor is not None and not updates else None, updates)
                wires.setdefault(data, Wire(source, target, tensor, updates))
    joined = {(w.source, w.target) for w in wires.values() if w.tensor is not None}
    return [w for w in wires.values() if w.tensor is not None or (w.source, w.target) not in joined]


def _describe(unit: Unit) -> None:
    """Kind, label and second line of a box."""
    head = next((node for node in unit.nodes if node.name == unit.key), None)
    others = [node for node in unit.nodes if node is not head]
    if unit.half == "optimizer" and unit.key.startswith("optimizer"):
        unit.kind, unit.label = "scope", unit.key.removeprefix("optimizer ").rpartition("/")[2]
        unit.detail = "optimizer" if len(unit.nodes) < 3 else f"{len(unit.nodes)} ops"
    elif unit.half == "optimizer" and unit.key == "update":
        unit.kind, unit.label, unit.detail = "scope", "update", _count(len(unit.nodes), "op")
    elif unit.key == "gradients start":
        unit.kind, unit.label, unit.detail = "constant", "1", "start"
    elif unit.key.startswith("gradients of "):
        unit.kind = "scope" if len(unit.nodes) > 1 else "op"
        unit.label = "∇ " + unit.key.removeprefix("gradients of ").rpartition("/")[2]
        unit.detail = _count(len(unit.nodes), "op")
    elif head is not None and head.type == "VariableV2":
        unit.kind, unit.label, unit.detail = "variable", _last(head.name), shape_text(head.outputs[0])
    elif head is not None and all(node.type == "Const" for node in others):
        _describe_node(unit, head, others)
    elif head is None and len(unit.nodes) == 1:
        _describe_node(unit, unit.nodes[0], [])
    else:
        variables = sum(node.type == "VariableV2" for node in unit.nodes)
        unit.kind, unit.label = "scope", unit.key
        inside = _count(len(unit.nodes), "op")
        unit.detail = f"{inside}\n{_count(variables, 'variable')}" if variables else inside


def _describe_node(unit: Unit, node: Operation, settings: list[Operation]) -> None:
    kinds = {"Const": "constant", "VariableV2": "variable", "Placeholder": "placeholder"}
    unit.kind = kinds.get(node.type, "op" if node.type != "PlaceholderWithDefault" else "placeholder")
    unit.label = _last(node.name)
    if unit.kind == "constant":
        unit.detail = value_text(node)
    elif unit.kind in {"variable", "placeholder"}:
        unit.detail = shape_text(node.outputs[0])
    else:
        plain = _NUMBER.sub("", unit.label).lower().replace("_", "")
        unit.detail = "" if plain == node.type.lower() else node.type
        operands = [s for s in settings if any(t.op is s for t in node.inputs) and s.outputs[0].static_shape == ()]
        dynamic = [s for s in operands if not any(node.inputs[i].op is s for i in node.kind.static_inputs)]
        if dynamic:
            unit.detail = "with " + ", ".join(value_text(s) for s in dynamic)


def value_text(node: Operation) -> str:
    """A constant's value if it is short, else its shape."""
    value: Any = getattr(node.kind, "value", None)  # an ndarray
    if value is not None and node.outputs[0].static_shape in {(), (1,), (2,), (3,), (4,)}:
        text = str(value[()]) if not value.ndim else np.array2string(value, precision=3, separator=", ")
        if len(text) <= 18 and "\n" not in text:
            return text
    return shape_text(node.outputs[0])


def shape_text(tensor: Tensor) -> str:
    """`?×784`; `scalar` for rank 0; `any shape` where nothing is known."""
    shape = tensor.static_shape
    if shape is None:
        return "any shape"
    return "×".join("?" if size is None else str(size) for size in shape) or "scalar"


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
