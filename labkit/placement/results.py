"""What a placer returns: for each op a device, the rule that chose it, and the reason in words. Plain data.

Example:
    >>> decision = Decision("x", "Const", "/job:localhost/replica:0/task:0/device:CPU:0", "only device", "one")
    >>> placement = Placement((decision.device,), (decision,))
    >>> print(placement.log(), end="")
    Device mapping: no known devices.
    x: (Const): /job:localhost/replica:0/task:0/device:CPU:0
    >>> Placement.from_dict(placement.to_dict()) == placement
    True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from labkit.errors import NameNotFoundError


@dataclass(frozen=True)
class Decision:
    """Where one op goes, and why.

    Args:
        node: name of the op.
        op: its type, such as "MatMul".
        device: the full name of its device.
        rule: what decided: "assigned", "asked", "soft placement", "colocated", "generator", "metadata", "only kernel",
            "only device" or "priority"; of placers by cost "only choice", "together", or the name of the method.
        reason: the same for a reader: 'train.py, line 12 asked for /gpu:1'.
        asked: the device name that the op asks for, or "".
        group: name of the first op of those that must share its device, itself if there is no other.
    """

    node: str
    op: str
    device: str
    rule: str
    reason: str
    asked: str = ""
    group: str = ""


@dataclass(frozen=True)
class Placement:
    """A device for each op.

    Args:
        devices: full names of all devices that there are.
        decisions: one for each op, in the order of the graph.
    """

    devices: tuple[str, ...]
    decisions: tuple[Decision, ...]

    @cached_property
    def by_node(self) -> dict[str, Decision]:
        """The decisions by name of the op."""
        return {decision.node: decision for decision in self.decisions}

    @cached_property
    def places(self) -> dict[str, str]:
        """The device of each op by its name: what `labkit.partition` and the simulator take."""
        return {decision.node: decision.device for decision in self.decisions}

    def decision(self, node: Any) -> Decision:
        """What was decided for an op.

        Args:
            node: its name, an operation, a tensor or a variable.

        Raises:
            NameNotFoundError: if it was not placed.
        """
        name = node if isinstance(node, str) else getattr(node, "op", node).name
        found = self.by_node.get(name)
        if found is None:
            raise NameNotFoundError(f"{name!r} is not among the {len(self.decisions)} ops of this placement.")
        return found

    def device_of(self, node: Any) -> str:
        """The full name of the device of an op; arguments and errors as for `decision`."""
        return self.decision(node).device

    def reason(self, node: Any) -> str:
        """Why an op is where it is; arguments and errors as for `decision`."""
        return self.decision(node).reason

    def nodes_on(self) -> dict[str, list[str]]:
        """The names of the ops on each device; a device without ops has an empty list."""
        nodes: dict[str, list[str]] = {device: [] for device in self.devices}
        for decision in self.decisions:
            nodes[decision.device].append(decision.node)
        return nodes

    def log(self, descriptions: Mapping[str, str] | None = None) -> str:
        """What `tf.ConfigProto(log_device_placement=True)` prints in TensorFlow.

        Args:
            descriptions: by device name what the physical device is, such as "device: 0, name: Tesla K40c".

        Returns:
            The device mapping, then `name: (Op): device` for each op, a line each.
        """
        known = [f"{device} -> {descriptions[device]}" for device in self.devices if device in (descriptions or {})]  # pyright: ignore[reportOptionalSubscript]  # tested beside it
        head = ["Device mapping:", *known] if known else ["Device mapping: no known devices."]
        lines = [f"{decision.node}: ({decision.op}): {decision.device}" for decision in self.decisions]
        return "".join(f"{line}\n" for line in [*head, *lines])

    def __repr__(self) -> str:
        """How many ops are on each device that has any."""
        found = [f"{len(nodes)} on {device}" for device, nodes in self.nodes_on().items() if nodes]
        return f"<placement of {len(self.decisions)} ops: {', '.join(found) or 'none'}>"

    def to_dict(self) -> dict[str, Any]:
        """All of it as lists, dicts and strings, for a JSON file or a view."""
        return {"devices": list(self.devices), "decisions": [asdict(decision) for decision in self.decisions]}

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Placement:
        """What `to_dict` gave."""
        return Placement(tuple(data["devices"]), tuple(Decision(**decision) for decision in data["decisions"]))
