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

*Which bits come out.* The same cut gives the same bits on any devices of one kind, whole numbers always those of an
uncut graph, and so does the watched mode. In whole mode a float may differ in its last bit from the uncut graph, where
XLA would have fused across a border: a product that is added is rounded once inside one program and twice between two
(`labkit.device_stages` keeps such pairs together where it can). The nets of the course with a layer on each device
(softmax regression, multilayer perceptron, convolutional net with weight decay, looped LSTM) come out equal bit for
bit; an LSTM unrolled into its cells, and very small sizes, do not. XLA's CPU compiler cannot be asked to leave the
fused multiply-add out, and `optimization_barrier` is gone before it fuses.

On two devices a training step with one layer on each has three segments:

    stage 0, device 0   the first layer                                  sends h
    stage 2, device 1   the second layer, the loss, its gradients, its update    sends the gradient of h
    stage 4, device 0   the gradients of the first layer, its update

What it is not: it does not choose devices (`labkit.placement`) and does not know their names (`labkit.session`).

Source: M. Abadi et al.: "TensorFlow: Large-scale machine learning on heterogeneous distributed systems", 2015,
section 3.2.2; `tensorflow/core/graph/graph_partition.cc` (1.4).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np

from labkit.alone import call_alone
from labkit.device_stages import Stages, Where
from labkit.executor import Plan, WatchedCall
from labkit.graph import Interpreter, Op, Operation, Tensor, variable_of
from labkit.graph.interpret import KernelCall
from labkit.segment import Segment, Store

Sent = Callable[[Tensor, Any, Any, float, float], None]
"""What a watched run calls for a transfer: tensor, value, target, when it began (`time.perf_counter`), its seconds."""


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
        truncates: True sends float32 tensors as bfloat16: the upper half of the bits of each number.

    Attributes:
        transfers: what goes from device to device in each step.

    Raises:
        InvalidArgumentError: if a node takes a variable of another device by reference.
    """

    def __init__(self, plan: Plan, where: Where, truncates: bool = False) -> None:
        self.fetches, self.feeds, self.nodes = plan.fetches, plan.feeds, plan.nodes
        self.is_single = False
        self.may_wait = plan.may_wait
        self.where = where
        self.truncates = truncates
        stages = Stages(self.nodes, self.feeds, self.fetches, where)
        made = [_Part(stages, key, set(self.feeds)) for key in stages.groups]
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
        self._static = [t for t in self.feeds if any(t in map(s.inputs.__getitem__, s.static) for s in self.segments)]
        self._rehearses = donates and not self.may_wait and bool(given_away)
        self._rehearsed: set[Any] = set()

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
            known[segment.outputs[position], device] = send(outputs[position], device, self.truncates)

    def run_segments(self, store: Store, feed_values: Sequence[Any], lock: AbstractContextManager[Any]) -> list[Any]:
        """As for one device; the end of the step is waited for here."""
        if self._rehearses:
            self._rehearse(store, feed_values)
        working = dict(store)
        known: dict[Any, Any] = dict(zip(self.feeds, feed_values, strict=True))
        try:
            for segment in self.segments:
                inputs = self.taken(segment, known)
                if segment.host:
                    outputs, new = segment.call_on_host(working, inputs, lock)
                else:
                    outputs, new = segment.call(working, inputs)
                working.update(zip(segment.writes, new, strict=True))
                self.keep(segment, outputs, known)
            jax.block_until_ready([value for value in working.values() if isinstance(value, jax.Array)])
        except BaseException:  # what was given away is lost: the new value has to do
            gone = [s for s, value in store.items() if isinstance(value, jax.Array) and value.is_deleted()]
            store.update((slot, working[slot]) for slot in gone)
            raise
        store.update(working)
        return self.results(known, feed_values, store)

    def run_in_turns(self, store: Store, feed_values: Sequence[Any], lock: AbstractContextManager[Any]) -> list[Any]:
        """As for one device; the end of the step is waited for here."""
        results = super().run_in_turns(store, feed_values, lock)
        with lock:
            jax.block_until_ready([store[s] for segment in self.segments for s in segment.writes if s in store])
        return results

    def _rehearse(self, store: Store, feed_values: Sequence[Any]) -> None:
        """Traces all segments, once for each form of the feeds: a wrong shape fails before a variable is given away."""
        fed = dict(zip(self.feeds, feed_values, strict=True))
        form = (
            *((value.dtype, value.shape) for value in feed_values),
            *(memoryview(fed[t]).tobytes() for t in self._static),
        )
        if form in self._rehearsed:
            return
        working: Store = dict(store)
        shapes: dict[Any, Any] = fed
        for segment in self.segments:
            inputs = [shapes[key if isinstance(key, Tensor) else key[0]] for key in self._part_of[segment].takes]
            outputs, new = segment.call(working, inputs, cast("Any", jax).eval_shape)
            working.update(zip(segment.writes, new, strict=True))
            shapes.update(zip(segment.outputs, outputs, strict=True))
        self._rehearsed.add(form)

    def run_watched(
        self, store: Store, feed_values: Sequence[Any], call: WatchedCall, sent: Sent | None = None,
        call_kernel: KernelCall = call_alone,
    ) -> list[Any]:  # fmt: skip
        """Runs each node alone, on its device; `sent` is told of each transfer."""
        device: Any = None
        arrived: dict[tuple[Tensor, Any], tuple[Any, Any]] = {}  # the value that was sent, and what arrived of it

        def call_there(kind: Op, inputs: list[Any]) -> Any:
            if kind.host or device is None:
                return call_kernel(kind, inputs)
            with jax.default_device(device):
                return call_kernel(kind, inputs)

        def moved(tensor: Tensor, interpreter: Interpreter) -> Any:
            """What arrives of an input, or None if it is there."""
            reference = tensor.op.kind.is_ref and tensor not in interpreter.values
            value = interpreter.state.get(variable_of(tensor)) if reference else interpreter.values.get(tensor)
            if device is None or not isinstance(value, jax.Array) or value.devices() == {device}:
                return None
            key = tensor, device
            if key not in arrived or arrived[key][0] is not value:
                began = time.perf_counter()
                truncates = self.truncates and tensor.op.type != "Const"
                arrived[key] = value, jax.block_until_ready(send(value, device, truncates))
                if sent is not None:
                    sent(tensor, value, device, began, time.perf_counter() - began)
            return arrived[key][1]

        def run(node: Operation, interpreter: Interpreter) -> None:
            nonlocal device
            device = None if node.in_python else self.where.get(node)
            by_value = [t for i, t in enumerate(node.inputs) if i not in node.kind.ref_inputs]
            new = {t: value for t in by_value if (value := moved(t, interpreter)) is not None}
            before = {t: interpreter.values.get(t) for t in new}
            interpreter.values.update(new)
            try:
                call(node, interpreter)
            finally:
                for tensor, value in before.items():
                    if value is None:
                        del interpreter.values[tensor]
                    else:
                        interpreter.values[tensor] = value

        return super().run_watched(store, feed_values, run, sent, call_there)


def send(value: Any, device: Any, truncates: bool = False) -> Any:
    """Starts the transfer of an array to a JAX device, and does not wait for it.

    Args:
        value: the array.
        device: where it goes.
        truncates: True sends of float32 numbers the upper 16 bits; the others arrive as zeros.
    """
    with jax.enable_x64(True):
        if not truncates or value.dtype != np.float32:
            return jax.device_put(value, device)
        return cast("Any", _widen)(jax.device_put(cast("Any", _narrow)(value), device))


@jax.jit
def _narrow(value: Any) -> jax.Array:
    """The upper 16 bits of float32 numbers."""
    bits = jax.lax.bitcast_convert_type(value, jnp.uint32)
    return jax.lax.bitcast_convert_type((bits >> 16).astype(jnp.uint16), jnp.bfloat16)


@jax.jit
def _widen(value: Any) -> jax.Array:
    """The numbers of 16 bits, with 16 zeros behind."""
    bits = jax.lax.bitcast_convert_type(value, jnp.uint16).astype(jnp.uint32)
    return jax.lax.bitcast_convert_type(bits << 16, jnp.float32)


class _Part:
    """A segment in the making, and what goes in and out of it.

    Attributes:
        takes: for each input of the segment, where its value is kept during a run.
        sends: positions in `segment.outputs` and the devices that they go to.
    """

    def __init__(self, stages: Stages, key: tuple[int, Any], feeds: set[Tensor]) -> None:
        self.nodes = stages.groups[key]
        device = key[1]
        self.bound = {t: stages.given[n, t] for n in self.nodes for t in n.inputs if (n, t) in stages.given}
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
