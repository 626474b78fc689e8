"""A plan cut by device: each part of a graph runs on the JAX device that it was placed on.

    1. *Stages*: a node runs in the earliest stage that comes after what it depends on. On its own device it may share
       the stage of what it needs; from another device, or between Python and JAX, it is a later one. All nodes of one
       stage on one device are a segment, one `jax.jit` bound to that device.
    2. *Transfers*: a tensor goes to each other device that takes it once, right after the segment that made it was
       started (`jax.device_put`), however many nodes take it there. A reference never crosses: a node that takes a
       variable of another device by value is given what the variable holds at that place of the program.
    3. *Nothing waits in the middle*: JAX starts a segment before its inputs are there, so the devices work side by
       side. Sizes follow from shapes, which are known before the numbers are; only operations that run in Python wait
       for what they take. At the end of the step all is waited for once.
    4. *State* stays on its device, and is donated as in a plan for one device. Before the first step with new shapes
       all segments are traced, so that none fails when another has given its buffers away.

Constants and reads of variables are cheap and are put into every segment that takes them, rather than sent.

On two devices a training step with one layer on each has three segments:

    stage 0, device 0   the first layer                                  sends h
    stage 2, device 1   the second layer, the loss, its gradients, its update    sends the gradient of h
    stage 4, device 0   the gradients of the first layer, its update

What it is not: it does not choose devices (`labkit.placement`) and does not know their names (`labkit.session`).

Source: M. Abadi et al.: "TensorFlow: Large-scale machine learning on heterogeneous distributed systems", 2015,
section 3.2.2; `tensorflow/core/graph/graph_partition.cc` (1.4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import jax

from labkit.alone import call_alone
from labkit.errors import InvalidArgumentError
from labkit.executor import Plan, Sizes, WatchedCall, after
from labkit.graph import OPS, Interpreter, Op, Operation, Tensor, variable_of
from labkit.graph.interpret import KernelCall
from labkit.segment import Segment, Store
from labkit.shapes import num_elements

Where = Mapping[Operation, Any]
"""The JAX device of each node; whoever runs in Python needs none."""


class Transfer(NamedTuple):
    """A tensor that goes from one device to another in each step.

    Args:
        tensor: what goes.
        source: the JAX device that makes it.
        target: the JAX device that takes it.
    """

    tensor: Tensor
    source: Any
    target: Any


class PlacedPlan(Plan):
    """A plan whose segments run on several JAX devices.

    Args:
        plan: the plan for one device.
        where: the JAX device of each of its nodes.

    Attributes:
        transfers: what goes from device to device in each step.

    Raises:
        InvalidArgumentError: if a node takes a variable of another device by reference.
    """

    def __init__(self, plan: Plan, where: Where) -> None:
        self.fetches, self.feeds, self.nodes = plan.fetches, plan.feeds, plan.nodes
        self.is_single = False
        self.may_wait = plan.may_wait
        self.where = where
        stages = _Stages(self.nodes, self.feeds, self.fetches, where)
        made = [_Part(stages, key, set(self.feeds)) for key in sorted(stages.groups, key=stages.order)]
        self._parts = _wire(made, self)
        self.segments = [part.segment for part in self._parts]
        self._part_of = {part.segment: part for part in self._parts}
        self.transfers = [
            Transfer(part.segment.outputs[position], part.segment.device, target)
            for part in self._parts
            for position, target in part.sends
        ]
        donates = self.may_wait or not any(segment.host for segment in self.segments)
        given_away = {slot for segment in self.segments for slot in segment.writes}
        for segment in self.segments:
            segment.donates = donates and segment.donates
            segment.copies_state = self.may_wait or bool(given_away & {*segment.reads, *segment.optional})
        self._traced: set[Any] = set()

    def taken(self, segment: Segment, known: dict[Any, Any]) -> list[Any]:
        """The inputs of a segment; what is fed or made in Python goes to a device once."""
        values: list[Any] = []
        for key in self._part_of[segment].takes:
            if key not in known:
                tensor, device = key
                known[key] = send(known[tensor], device)
            values.append(known[key])
        return values

    def keep(self, segment: Segment, outputs: Sequence[Any], known: dict[Any, Any]) -> None:
        """Adds what a segment made, and sends it to the devices that take it."""
        known.update(zip(segment.outputs, outputs, strict=True))
        for position, device in self._part_of[segment].sends:
            known[segment.outputs[position], device] = send(outputs[position], device)

    def run_segments(self, store: Store, feed_values: Sequence[Any], lock: AbstractContextManager[Any]) -> list[Any]:
        """As for one device; the end of the step is waited for here."""
        results = super().run_segments(store, feed_values, lock)
        jax.block_until_ready([store[slot] for segment in self.segments for slot in segment.writes])
        return results

    def run_watched(
        self, store: Store, feed_values: Sequence[Any], call: WatchedCall, call_kernel: KernelCall = call_alone
    ) -> list[Any]:
        """Runs each node alone, on its device."""
        device: Any = None
        arrived: dict[tuple[int, Any], tuple[Any, Any]] = {}  # with what was sent, so that its id stays its own

        def sent(value: Any) -> Any:
            if not isinstance(value, jax.Array) or value.devices() == {device}:
                return value
            key = id(value), device
            if key not in arrived:
                arrived[key] = value, send(value, device)
            return arrived[key][1]

        def call_there(kind: Op, inputs: list[Any]) -> Any:
            if kind.host or device is None:
                return call_kernel(kind, inputs)
            with jax.default_device(device):
                return call_kernel(kind, [sent(value) for value in inputs])

        def run(node: Operation, interpreter: Interpreter) -> None:
            nonlocal device
            device = None if node.in_python else self.where.get(node)
            call(node, interpreter)

        return super().run_watched(store, feed_values, run, call_there)


def send(value: Any, device: Any) -> Any:
    """Starts the transfer of an array to a JAX device; does not wait for it."""
    return jax.device_put(value, device)


_MOST_BYTES = 1 << 16  # of what is computed from constants in several segments


class _Stages:
    """Which nodes run together: groups of nodes by stage and device.

    Attributes:
        groups: the nodes of each (stage, device), in creation order.
        taken: what each node takes: its inputs, or the value of a variable of another device.
    """

    def __init__(
        self, nodes: Sequence[Operation], feeds: Sequence[Tensor], fetches: Sequence[Tensor], where: Where
    ) -> None:
        sizes = Sizes(feeds)
        self._fed = set(feeds)
        self._fetched = set(fetches)
        self._where = where
        self.devices = list(dict.fromkeys(where.values()))
        self.python = {node for node in nodes if node.in_python or sizes.depend_on_data(node)}
        self.bound: dict[tuple[Operation, Tensor], Tensor] = {}
        self.nodes = self._with_reads(nodes)
        self.position = {node: i for i, node in enumerate(self.nodes)}
        self.stage: dict[Operation, int] = {}
        self.writes: dict[str, list[Operation]] = {}
        self._assign_stages()
        self.groups: dict[tuple[int, Any], list[Operation]] = {}
        for node in self.nodes:
            if node in self.stage:
                self.groups.setdefault((self.stage[node], self.place(node)), []).append(node)
        self._fixed: dict[Operation, bool] = {}
        self._add_copies()

    def place(self, node: Operation) -> Any:
        """The JAX device of a node; None for one that runs in Python."""
        if node in self.python:
            return None
        return self._where[node if node in self._where else node.inputs[0].op]

    def order(self, key: tuple[int, Any]) -> tuple[int, int]:
        """Stages one after the other, devices in the order of the nodes."""
        stage, device = key
        return stage, -1 if device is None else self.devices.index(device)

    def source(self, node: Operation, tensor: Tensor) -> Tensor:
        """What a node takes for one of its inputs."""
        return self.bound.get((node, tensor), tensor)

    def is_copied(self, node: Operation) -> bool:
        """True for a constant: it is part of each segment that takes it."""
        return node.type == "Const" and node not in self.python

    def _with_reads(self, nodes: Sequence[Operation]) -> list[Operation]:
        """The nodes, with a read wherever a variable of another device is taken by value."""
        found: list[Operation] = []
        reads: dict[str, Tensor] = {}  # of each variable, as it is at this place
        for node in nodes:
            for position, tensor in enumerate(node.inputs):
                kind = tensor.op.kind
                if not kind.is_ref or tensor in self._fed or node in self.python:
                    continue
                slot = variable_of(tensor)
                home = node.graph.get_operation_by_name(slot) if tensor.graph is node.graph else tensor.op
                if self._where.get(home, self._where[node]) == self._where[node]:
                    continue
                if position in node.kind.ref_inputs:
                    raise _reference_crosses(node, home)
                if slot not in reads:
                    reads[slot] = _read(slot, tensor, node)
                    found.append(reads[slot].op)
                self.bound[node, tensor] = reads[slot]
            for position in node.kind.writes:
                reads.pop(variable_of(node.inputs[position]), None)
            found.append(node)
        return found

    def _assign_stages(self) -> None:
        last_access: dict[str, int] = {}
        given: dict[tuple[int, Any, Tensor], Tensor] = {}  # a segment has one value of another device's variable
        for node in self.nodes:
            if self.is_copied(node) and node.outputs[0] not in self._fetched:
                continue
            place = self.place(node)
            python = place is None
            level = 1 if python else 0
            for source in (*(self.source(node, t).op for t in node.inputs), *node.control_inputs):
                if source in self.stage:
                    elsewhere = not python and self.place(source) not in (None, place)
                    level = max(level, self.stage[source] + 2 if elsewhere else after(self.stage[source], python))
            foreign = {t: self.bound[node, t] for t in node.inputs if (node, t) in self.bound}
            slots = [variable_of(t) for t in node.inputs if t.op.kind.is_ref and t not in foreign]
            for slot in slots:
                level = max(level, after(last_access.get(slot, 0), python))
            while any(given.get((level, place, t), value) is not value for t, value in foreign.items()):
                level += 2
            given.update(((level, place, t), value) for t, value in foreign.items())
            for slot in slots:
                last_access[slot] = level
            for position in node.kind.writes:
                self.writes.setdefault(variable_of(node.inputs[position]), []).append(node)
            self.stage[node] = level

    def _add_copies(self) -> None:
        """Puts constants, and reads of variables, into each segment that takes them."""
        for (stage, device), nodes in self.groups.items():
            inside = set(nodes)
            waiting = list(nodes)
            while waiting:
                node = waiting.pop()
                for tensor in node.inputs:
                    maker = self.source(node, tensor).op
                    if maker in inside or tensor in self._fed or maker not in self.position:
                        continue
                    if (
                        self.is_copied(maker)
                        or self._is_fixed(maker, device)
                        or self._reads_again(maker, stage, device)
                    ):
                        inside.add(maker)
                        waiting.append(maker)
            if len(inside) > len(nodes):
                self.groups[stage, device] = sorted(inside, key=self.position.__getitem__)

    def _is_fixed(self, node: Operation, device: Any) -> bool:
        """True for what follows from constants alone: XLA computes it while it compiles.

        On another device only a single number: with numbers that it knows XLA makes a division a multiplication, and
        a count that was sent would give another last bit.
        """
        found = self._fixed.get(node)
        if found is None:
            found = (
                _is_small(node)
                and node not in self.python
                and all(
                    t not in self._fed and (self.is_copied(t.op) or self._is_fixed(t.op, self.place(t.op)))
                    for t in node.inputs
                )
            )
            self._fixed[node] = found
        return found and (self.place(node) == device or num_elements(node.outputs[0].static_shape) == 1)

    def _reads_again(self, node: Operation, stage: int, device: Any) -> bool:
        """True if a read of a variable gives the same value in a later stage of its device."""
        if node.type != "Identity" or device is None or self.place(node) != device:
            return False
        tensor = node.inputs[0]
        if not tensor.op.kind.is_ref or tensor in self._fed or (node, tensor) in self.bound:
            return False
        later = (w for w in self.writes.get(variable_of(tensor), ()) if self.position[w] > self.position[node])
        return all(self.stage[write] >= stage for write in later)


def _is_small(node: Operation) -> bool:
    """True for an op without effects whose one output is small enough to be computed in several segments."""
    kind = node.kind
    if kind.stateful or kind.is_ref or kind.writes or kind.has_state or not node.inputs or len(node.outputs) != 1:
        return False
    size = node.outputs[0].spec.size_bytes()
    return size is not None and size < _MOST_BYTES


def _read(slot: str, tensor: Tensor, node: Operation) -> Tensor:
    """What a variable holds when `node` takes it; an op that is in no graph."""
    read = Operation(node.graph, node.id, f"{slot}/read_to_send", OPS["Identity"](), [tensor], [], node.site)
    read.outputs.append(Tensor(read, 0, tensor.dtype, tensor.static_shape))
    return read.outputs[0]


class _Part:
    """A segment in the making, and what goes in and out of it.

    Attributes:
        takes: for each input of the segment, where its value is kept during a run.
        sends: positions in `segment.outputs` and the devices that they go to.
    """

    def __init__(self, stages: _Stages, key: tuple[int, Any], feeds: set[Tensor]) -> None:
        self.nodes = stages.groups[key]
        device = key[1]
        self.bound = {t: stages.bound[n, t] for n in self.nodes for t in n.inputs if (n, t) in stages.bound}
        self.segment = Segment(self.nodes, feeds | set(self.bound), (), device is None, device)
        self.takes: list[Any] = []
        self.sends: list[tuple[int, Any]] = []


def _wire(parts: list[_Part], plan: PlacedPlan) -> list[_Part]:
    """Finds the outputs of each part and what goes where; leaves out parts that nobody needs."""
    fed = set(plan.feeds)
    wanted: dict[Tensor, None] = {t: None for t in plan.fetches if t not in fed and not t.op.kind.is_ref}
    targets: dict[Tensor, dict[Any, None]] = {}
    kept: list[_Part] = []
    makers: dict[Tensor, _Part] = {}
    for part in parts:
        for node in part.segment.nodes:
            for tensor in node.outputs:
                makers.setdefault(tensor, part)
    users: dict[tuple[Tensor, Any], int] = {}
    for part in reversed(parts):
        segment = part.segment
        outputs = [t for n in part.nodes for t in n.outputs if t in wanted and makers[t] is part and t not in fed]
        if not outputs and not segment.writes and not segment.host:
            continue
        segment.outputs = tuple(outputs)
        kept.append(part)
        for position, tensor in enumerate(segment.inputs):
            source = part.bound.get(tensor, tensor)
            if tensor not in fed:
                wanted[source] = None
            users[source, segment.device] = users.get((source, segment.device), 0) + (position not in segment.sized)
    kept.reverse()
    for part in kept:
        segment = part.segment
        for position, tensor in enumerate(segment.inputs):
            source = part.bound.get(tensor, tensor)
            maker = None if tensor in fed else makers[source].segment
            device = segment.device
            if device is None or position in segment.static or (maker is not None and maker.device == device):
                part.takes.append(source)
            elif maker is None or maker.host:
                part.takes.append((source, device) if users[source, device] > 1 else source)
            else:
                part.takes.append((source, device))
                targets.setdefault(source, {})[device] = None
    for part in kept:
        part.sends = [(i, d) for i, t in enumerate(part.segment.outputs) for d in targets.get(t, ())]
    return kept


def _reference_crosses(node: Operation, variable: Operation) -> InvalidArgumentError:
    """The error for a node that would change a variable of another device."""
    error = InvalidArgumentError(
        None, node,
        f"{node.type} takes the variable {variable.name!r} by reference, and is placed on another device: a reference "
        "never crosses, because the variable is changed where it is.\n"
        f"  Try: with tf.colocate_with({variable.name}), or no device for this op: then it goes where the variable is.",
    )  # fmt: skip
    error.add_note(f"  in {node.describe()}")
    error.add_note(f"  variable made at {variable.site.text()}")
    return error
