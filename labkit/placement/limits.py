"""On which devices of a cluster each op of a step can run, and what forbids it the others.

    asked       the program asks for a device, whole or in part: "/job:worker" leaves all of that job's
    kinds       the op has a kernel for some kinds of devices alone
    dtype       a device without a unit for what the op computes in (float32 on a TPU of the first generation)
    group       ops that must be together can be only where all of them can be

As in TensorFlow soft placement gives up the kind and the number that are asked for, where they cannot be had.

Example:
    >>> from labkit.cluster import ready
    >>> node = WorkNode("y", "MatMul", asked="/gpu:1", asked_by="train.py, line 12 asked for /gpu:1")
    >>> limits(Workload((node,)), ready("gpu_server"))
    {'y': Limit(devices=('/device:GPU:1',), rule='asked', reason='train.py, line 12 asked for /gpu:1')}
    >>> try:
    ...     limits(Workload((node,)), ready("laptop"))
    ... except InvalidArgumentError as error:
    ...     print(str(error).splitlines()[0])
    Operation 'y' was explicitly assigned to /gpu:1 but available devices are [ /device:CPU:0 ]. Make sure the device...
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from labkit.cluster import Cluster
from labkit.devices import DeviceNameError, DeviceSpec
from labkit.errors import InvalidArgumentError
from labkit.workload import Workload, WorkNode

_HERE = DeviceSpec(job="localhost", replica=0, task=0)


class Limit(NamedTuple):
    """Where an op can run.

    Args:
        devices: the devices that are left.
        rule: what limits it: "asked", "soft placement", "only kernel", "only unit" or "together".
        reason: the same for a reader.
    """

    devices: tuple[str, ...]
    rule: str
    reason: str


def full_spec(name: str) -> DeviceSpec:
    """A device's name with the parts that it lacks taken from this process, as `place` completes it.

    Example:
        >>> full_spec("/gpu:1").to_string()
        '/job:localhost/replica:0/task:0/device:GPU:1'
    """
    spec = DeviceSpec.from_string(name)
    kind = None if spec.device_type is None else spec.device_type.upper()
    return _HERE.merged_with(replace(spec, device_type=kind))


def limits(work: Workload, cluster: Cluster, *, allow_soft_placement: bool = False) -> dict[str, Limit]:
    """The devices for each op that cannot run on all.

    Args:
        work: the step.
        cluster: the machines.
        allow_soft_placement: True gives up a kind or a number of device that cannot be had.

    Raises:
        InvalidArgumentError: if no device is left for an op, or for the ops that must be together.
        DeviceNameError: if an op asks for what is no device name.
    """
    finder = _Finder(cluster, allow_soft_placement)
    found = {node.name: limit for node in work.nodes if (limit := finder.limit(node)) is not None}
    groups: dict[str, list[WorkNode]] = {}
    for node in work.nodes:
        if node.group:
            groups.setdefault(node.group, []).append(node)
    for nodes in groups.values():
        found.update(finder.together(nodes, found))
    return found


class _Finder:
    """Looks each kind of demand up once: a graph repeats a few of them thousands of times."""

    def __init__(self, cluster: Cluster, soft: bool) -> None:
        self.devices = cluster.devices
        self.soft = soft
        self.kinds = {name: self._kind(name) for name in cluster.devices}
        self.specs: dict[str, DeviceSpec | None] = {}
        self.known: dict[tuple[str, tuple[str, ...] | None, str], tuple[tuple[str, ...], str, str]] = {}

    def _kind(self, name: str) -> str:
        """The kind that a device's name says, as TensorFlow reads it; that of its model if the name says none."""
        try:
            said = DeviceSpec.from_string(name).device_type
        except DeviceNameError:
            said = None
        return (said or self.devices[name].model.type).upper()

    def limit(self, node: WorkNode, asks: bool = True) -> Limit | None:
        """What limits an op by itself; None if nothing does."""
        asked = node.asked if asks else ""
        key = asked, node.kinds, node.dtype if node.flops else ""
        if key not in self.known:
            self.known[key] = self._look(node, asked)
        devices, rule, missing = self.known[key]
        if not devices:
            raise self._nowhere([node], missing)
        if len(devices) == len(self.devices):
            return None
        said = node.asked_by or f"it asks for {node.asked}"
        if rule == "asked":
            return Limit(devices, rule, said)
        if rule == "soft placement":
            return Limit(devices, rule, f"{said}; {missing}, and soft placement took what there is")
        if rule == "only kernel":
            return Limit(devices, rule, f"{node.op} has a kernel for {' and '.join(node.kinds or ())} alone")
        lacking = [d.model.title for name, d in self.devices.items() if name not in devices]
        return Limit(devices, rule, f"there is no unit for {node.dtype} on {' and '.join(dict.fromkeys(lacking))}")

    def _look(self, node: WorkNode, asked: str) -> tuple[tuple[str, ...], str, str]:
        """The devices for such a node, what limits it most, and what is missing if none is left."""
        kernel = [name for name, kind in self.kinds.items()
                  if node.kinds is None or kind in {kind.upper() for kind in node.kinds}]  # fmt: skip
        able = [name for name in kernel
                if not node.flops or self.devices[name].model.computes_as(node.dtype) is not None]  # fmt: skip
        rule = "only unit" if len(able) < len(kernel) else "only kernel"
        if not kernel:
            return (), rule, f"{node.op} has a kernel for {' and '.join(node.kinds or ()) or 'no kind of device'} alone"
        if not able:
            return (), rule, f"none of them has a unit for {node.dtype}"
        if not asked:
            return tuple(able), rule, ""
        try:
            spec = DeviceSpec.from_string(asked)
        except DeviceNameError as error:
            error.explain([f"  in op {node.name!r} ({node.op})", *_said([node])])
            raise
        matching = [name for name in self.devices if self._matches(spec, name)]
        if found := tuple(name for name in able if name in matching):
            return found, "asked", ""
        if not matching:
            missing = "there is no such device"
        elif not set(kernel).intersection(matching):
            missing = f"there is no kernel for {node.op} on it"
        else:
            missing = f"it has no unit for {node.dtype}"
        if self.soft:
            loose = replace(spec, device_type=None, device_index=None)
            if found := tuple(name for name in able if self._matches(loose, name)):
                return found, "soft placement", missing
        return (), "asked", missing

    def _matches(self, asked: DeviceSpec, name: str) -> bool:
        """Whether a device is what is asked for; one whose name is no device name never is."""
        if name not in self.specs:
            try:
                self.specs[name] = full_spec(name)
            except DeviceNameError:
                self.specs[name] = None
        spec = self.specs[name]
        return spec is not None and asked.matches(spec)

    def together(self, nodes: Sequence[WorkNode], found: Mapping[str, Limit]) -> dict[str, Limit]:
        """The limits of ops that must share a device: what all of them can have."""
        limited = [node for node in nodes if node.name in found]
        if not limited:
            return {}
        left = set(self.devices).intersection(*(found[node.name].devices for node in limited))
        if not left and self.soft:
            free = {node.name: self.limit(node, asks=False) for node in nodes}
            left = set(self.devices).intersection(*(limit.devices for limit in free.values() if limit is not None))
        if not left:
            raise self._nowhere(limited, "ops that must share a device ask for different ones")
        devices = tuple(name for name in self.devices if name in left)
        first = min(limited, key=lambda node: len(found[node.name].devices))
        why = found[first.name]
        return {
            node.name: Limit(devices, why.rule, why.reason) if node is first
            else Limit(devices, "together", f"placed with `{first.name}`, with which it must be: {why.reason}")
            for node in nodes
        }  # fmt: skip

    def _nowhere(self, nodes: Sequence[WorkNode], missing: str) -> InvalidArgumentError:
        """The error for ops without a device; it names the lines that asked."""
        names = list(self.devices)
        there = f"available devices are [ {', '.join(names[:16])}{' ...' if len(names) > 16 else ''} ]"
        node = nodes[0]
        if len(nodes) > 1:
            wants = "; ".join(f"'{n.name}' on {n.asked or ' or '.join(n.kinds or ('any',))}" for n in nodes[:4])
            text = f"{missing}: {wants}; {there}.\n  Try: ask for a device that there is in all these places, or "
        elif missing == "there is no such device":
            text = (f"Operation '{node.name}' was explicitly assigned to {node.asked} but {there}. Make sure the "
                    "device specification refers to a valid device.\n  Try: one of these devices, or ")  # fmt: skip
        elif node.asked:
            text = f"Operation '{node.name}' asks for {node.asked}: {missing}; {there}.\n  Try: another device, or "
        else:
            text = f"no device can run the operation '{node.name}': {missing}; {there}.\n  Try: another cluster."
        if not text.endswith("."):
            text += "allow_soft_placement=True."
        error = InvalidArgumentError(None, None, text)
        error.explain([*(f"  in op {n.name!r} ({n.op})" for n in nodes[:4]), *_said(nodes)])
        return error


def _said(nodes: Sequence[WorkNode]) -> list[str]:
    """The lines of the program that asked."""
    return list(dict.fromkeys(f"  {node.name!r}: {node.asked_by}" for node in nodes[:4] if node.asked_by))
