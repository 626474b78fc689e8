"""Which devices of this process a session uses, and which of them runs each op.

    1. The devices are JAX's (`labkit.local_devices`), as many of each kind as `ConfigProto.device_count` leaves.
    2. A name that the program asks for and that is not among them is *stood in for*: each such name gets one of the
       devices, of its kind if there are any, one after the other in the order in which the graph first asks. On four
       CPU devices "/gpu:0" to "/gpu:3" become those four; on a laptop the one CPU stands for all. What a name leaves
       out, it shares with the first that matches it. `allow_soft_placement` changes this: False raises TensorFlow's
       error, True does what TensorFlow's soft placement does.
    3. TensorFlow's placer (`labkit.placement.place`) does the rest. What asks for nothing is on the first device. A
       variable that has a device keeps it as long as the session lives.
    4. Where everything is on JAX's own first device, the plan is the one for a single device, as if there were no
       others. Otherwise it is cut by device (`labkit.across_devices`).

Example:
    >>> import labkit as tf
    >>> with tf.device("/gpu:7"):
    ...     x = tf.constant(1.0) + 1.0
    >>> float(tf.Session().run(x))
    2.0

Source: `tensorflow/core/common_runtime/direct_session.cc` (1.4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labkit.config import ConfigProto
from labkit.devices import DeviceSpec
from labkit.errors import InvalidArgumentError
from labkit.executor import Plan
from labkit.graph import Graph, Operation, Tensor
from labkit.local_devices import device_mapping, device_of, local_devices
from labkit.trace import Event, Output, Trace


class SessionDevices:
    """The devices of a session.

    Args:
        graph: the graph of the session.
        config: its options.

    Raises:
        InvalidArgumentError: if `device_count` asks for CPU devices that JAX does not have, or leaves none.
    """

    def __init__(self, graph: Graph, config: ConfigProto) -> None:
        self._graph = graph
        self._config = config
        self._seen = 0  # nodes of the graph whose names have been looked at
        self._stand_ins: dict[str, str] = {}  # by full name that is missing
        self._asked: dict[str, str] = {}  # by name as it is written; "" where the device is there
        self._kept: dict[str, str] = {}  # the devices of what has a state
        self._devices: dict[str, Any] | None = _limited(config.device_count) if config.device_count else None

    @property
    def devices(self) -> Mapping[str, Any]:
        """The JAX devices by their names."""
        if self._devices is None:
            self._devices = local_devices()
        return self._devices

    def names(self) -> list[str]:
        """The names of the devices."""
        return list(self.devices)

    def plan(self, plan: Plan) -> Plan:
        """The plan cut by device, or itself if one device runs it all.

        Raises:
            InvalidArgumentError: if an op can be nowhere; only with `allow_soft_placement=False` or True.
        """
        from labkit.across_devices import PlacedPlan  # most sessions have one device

        places = self._places(plan.nodes)
        first = next(iter(local_devices().values()))
        where = {node: self.devices[places[node]] for node in plan.nodes} if places else {}
        if all(device == first or node.in_python for node, device in where.items()):
            return plan
        truncates = self._config.graph_options.enable_bfloat16_sendrecv
        key = (plan.fetches, plan.feeds, tuple(where.items()), truncates)
        placed = self._graph.plans.get(key)
        if placed is None:
            placed = self._graph.plans[key] = PlacedPlan(plan, where, truncates)
        return placed

    def name_of(self, plan: Plan, node: Operation) -> str:
        """The name of the device that runs a node of a plan."""
        where: Mapping[Operation, Any] = getattr(plan, "where", {})
        if node.in_python or node not in where:
            return device_of(node)
        return self.name(where[node])

    def name(self, device: Any) -> str:
        """The name of a JAX device."""
        return next(name for name, known in self.devices.items() if known == device)

    def recv_event(
        self, tensor: Tensor, value: Any, device: Any, start_seconds: float, duration_seconds: float, trace: Trace
    ) -> Event:
        """The event of a transfer; it is named after those that are in the trace, as `labkit.partition` does."""
        stem = f"{tensor.op.name}/_recv_" + (f"{tensor.value_index}_" if tensor.value_index else "")
        number = sum(1 for event in trace.events if event.op == "_Recv" and event.inputs == (tensor.name,))
        halved = self._config.graph_options.enable_bfloat16_sendrecv and tensor.dtype.name == "float32"
        made = Output(f"{stem}{number}:0", tensor.dtype.name, tuple(value.shape), int(value.nbytes))
        size = made.bytes // 2 if halved else made.bytes
        return Event(
            f"{stem}{number}", "_Recv", self.name(device), start_seconds, duration_seconds, made.bytes, (tensor.name,),
            (made,), 0.0, float(size),
        )  # fmt: skip

    def mapping(self) -> str:
        """The lines about devices before a log of placement."""
        if self._config.allow_soft_placement is None:
            self._look_at_names()
        return device_mapping(self._stand_ins)

    def _places(self, nodes: Sequence[Operation]) -> dict[Operation, str]:
        """The name of the device of each node; nothing where all are on the first."""
        soft = self._config.allow_soft_placement
        if soft is None and (len(self.devices) == 1 or not any(node.device for node in nodes)) and not self._kept:
            return {} if not self._config.device_count else dict.fromkeys(nodes, next(iter(self.devices)))
        from labkit.placement import place

        assigned = {node.name: self._kept[node.name] for node in nodes if node.name in self._kept}
        if soft is None:
            self._look_at_names()
            self._ask(nodes)  # of a graph that passes have made of the session's
            missing = ((node.name, self._asked[node.device]) for node in nodes if node.device in self._asked)
            assigned = {name: device for name, device in missing if device} | assigned
        placement = place(nodes, list(self.devices), allow_soft_placement=soft is not False, assigned=assigned)
        places = {node: placement.device_of(node.name) for node in nodes}
        for node, device in places.items():
            if node.kind.has_state or node.kind.is_ref:
                self._kept[node.name] = device
        return places

    def _look_at_names(self) -> None:
        """Finds stand-ins for the names that the graph asks for, in the order in which it does."""
        nodes = self._graph.get_operations()
        self._ask(nodes[self._seen :])
        self._seen = len(nodes)

    def _ask(self, nodes: Sequence[Operation]) -> None:
        for node in nodes:
            if node.device and node.device not in self._asked:
                self._asked[node.device] = self._stand_in(DeviceSpec.from_string(node.device))

    def _stand_in(self, asked: DeviceSpec) -> str:
        """The name of the device that stands in for a missing one; "" if it is there."""
        if any(asked.matches(DeviceSpec.from_string(name)) for name in self.devices):
            return ""
        full = DeviceSpec(job="localhost", replica=0, task=0).merged_with(asked)
        for name, device in self._stand_ins.items():
            if full.matches(DeviceSpec.from_string(name)):
                return device
        kind = f"/device:{(full.device_type or '').upper()}:"
        alike = [name for name in self.devices if kind in name] or _of_first_kind(self.devices)
        taken = sum(1 for device in self._stand_ins.values() if device in alike)
        return self._stand_ins.setdefault(full.to_string(), alike[taken % len(alike)])


def _of_first_kind(names: Mapping[str, Any]) -> list[str]:
    kind = next(iter(names)).rpartition(":")[0]
    return [name for name in names if name.rpartition(":")[0] == kind]


def _limited(device_count: Mapping[str, int]) -> dict[str, Any]:
    """The devices that `ConfigProto.device_count` leaves of those that there are.

    Args:
        device_count: by kind how many at most; kinds that are not named are not limited.
    """
    devices = local_devices()
    for kind, count in device_count.items():
        there = [name for name in devices if f"/device:{kind.upper()}:" in name]
        if kind.upper() == "CPU" and count > len(there):
            raise InvalidArgumentError(
                None, None,
                f'device_count={{"CPU": {count}}} asks for {count} CPU devices, and JAX has {len(there)} in this '
                "process. It makes them when it is first used, not later.\n"
                "  Try, as the first lines of the program or notebook (restart it first):\n"
                f'    import jax\n    jax.config.update("jax_num_cpu_devices", {count})',
            )  # fmt: skip
        for name in there[count:]:
            del devices[name]
    if not devices:
        raise InvalidArgumentError(
            None, None, f"device_count={dict(device_count)} leaves no device of this process: {list(local_devices())}."
        )
    return devices
