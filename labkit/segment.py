"""A segment: nodes that run as one function, compiled by `jax.jit` (or one after another in Python, on the host).

The compiled function takes the state that the segment writes (donated: the old buffers are reused), the state that it
only reads, the variables that may be missing together with large constants, and the inputs; it returns the outputs and
the new state. Compiled functions are kept: `jax.jit` keeps one per shape, and this file one per value of what must be
known while tracing.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from labkit.alone import is_about_devices, on_one_device
from labkit.errors import FailedPreconditionError, LabkitError
from labkit.graph import GraphKeys, Interpreter, Operation, Tensor, constant_value, variable_of
from labkit.graph.interpret import call_on_host, to_numpy
from labkit.graph.together import running_together

Store = MutableMapping[str, Any]
"""What a session keeps between runs: values of variables and states of random ops, by node name."""


class Segment:
    """Nodes that run as one function.

    Attributes:
        inputs: tensors from outside, in order.
        outputs: tensors that others want.
        reads, writes: names of the state that goes in and comes out.
        static: positions in `inputs` whose values must be known while tracing.
        host: True if it runs in Python: its nodes are host operations, take strings, or have sizes that depend on
            data.
        device: the JAX device that it is bound to; None where JAX decides.
        sized: positions in `static` of inputs of which only the shape is needed.
    """

    def __init__(
        self, nodes: Sequence[Operation], feeds: set[Tensor], outputs: Sequence[Tensor], host: bool,
        device: Any = None,
    ) -> None:  # fmt: skip
        self.nodes = [node for node in nodes if not (node.outputs and all(t in feeds for t in node.outputs))]
        self.host = host
        self.device = device
        inside = _outputs_of(self.nodes) - feeds
        outside = (t for node in self.nodes for t in node.inputs if t not in inside)
        self.inputs = [t for t in dict.fromkeys(outside) if t in feeds or not t.op.kind.is_ref]
        self.outputs = tuple(outputs)
        self._find_state(feeds)
        self.sized: set[int] = set()
        if device is None:
            needed = _needed_statically(self.nodes, set(self.inputs))
        else:
            needed = self._sizes_from_elsewhere(feeds)
        self.static = [i for i, t in enumerate(self.inputs) if t in needed]
        self.donates = all(getattr(node.kind, "validate_shape", True) for node in self.nodes)
        self.copies_state = False  # True if an output must not share its buffer with the state
        # Large constants go in as arguments: inside the compiled code they would be copied, hashed and printed.
        self._large = [n for n in self.nodes if n.type == "Const" and not n.kind.host and _size(n) > _LARGE_BYTES]
        self._large_values: list[Any] | None = None
        self._slots: list[list[str]] | None = None  # the state of each node, for segments that run in Python
        self._compiled: dict[Any, Callable[..., Any]] = {}
        self._plain: Callable[..., Any] | None = None
        self._same_feeds: tuple[Tensor, ...] | None = None

    def _find_state(self, feeds: set[Tensor]) -> None:
        """Which state is read before it is written, which may be missing, and which is written."""
        reads: dict[str, None] = {}
        optional: dict[str, None] = {}
        writes: dict[str, None] = {}
        self.random = {node.name: node.kind for node in self.nodes if node.kind.has_state}
        for node in self.nodes:
            kind = node.kind
            for position, tensor in enumerate(node.inputs):
                if tensor in feeds or not tensor.op.kind.is_ref:
                    continue
                slot = variable_of(tensor)
                ignored = position in kind.ref_inputs and not kind.uses_ref_value
                if slot not in writes and not ignored:
                    (optional if position in kind.optional_refs else reads)[slot] = None
            writes.update((variable_of(node.inputs[p]), None) for p in kind.writes)
            if node.name in self.random:
                reads[node.name] = writes[node.name] = None
        self.reads = list(reads)
        self.optional = [slot for slot in optional if slot not in reads]
        self.writes = list(writes)
        self._donated = [slot for slot in reads if slot in writes]
        self._kept = [slot for slot in reads if slot not in writes]

    def _sizes_from_elsewhere(self, feeds: set[Tensor]) -> set[Tensor]:
        """Makes sizes that are computed in other segments be computed here too; returns the static inputs.

        A size that another device computes would have to be waited for in the middle of a step. It follows from feeds
        and from shapes of arrays, which are known without waiting: those become inputs instead.
        """
        fed, measured = _origins_of_sizes(self.nodes, feeds)
        positions = ((t, i in node.kind.static_inputs) for node in self.nodes for i, t in enumerate(node.inputs))
        as_values = {t for t, static in positions if not static}
        self.inputs = [t for t in self.inputs if t in as_values]
        inside = _outputs_of(self.nodes) - feeds
        new = [t for t in (*fed, *measured) if t not in inside and t not in self.inputs]
        self.inputs += new
        self.sized = {self.inputs.index(t) for t in new if t not in fed}
        return {*fed, *(t for t in new if t not in fed)}

    def takes_feeds(self, feeds: tuple[Tensor, ...]) -> bool:
        """True if the inputs are exactly the feeds, in order, so that they can be passed on as they are."""
        if self._same_feeds is not feeds:
            if tuple(self.inputs) != feeds:
                return False
            self._same_feeds = feeds
        return True

    def call(
        self, store: Store, inputs: Sequence[Any], rehearse: Callable[..., Any] | None = None
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        """Runs the segment: values of `outputs`, and new values of `writes`; with `jax.eval_shape` their shapes."""
        function, given = self._plain, inputs
        if function is None or self.optional:
            function, inputs = self._specialised(store, inputs)
        try:
            donated = [store[slot] for slot in self._donated]
            kept = [store[slot] for slot in self._kept]
        except KeyError:
            donated, kept = None, []
        if donated is None:  # here, so that an error raised below is not shown as a consequence of the KeyError
            self.check_initialized(store)
            return self.call(store, given, rehearse)
        present = [store[slot] for slot in self.optional if slot in store]
        try:
            with jax.enable_x64(True):
                if self._large_values is None:
                    self._large_values = [self._on_device(node.kind.kernel()) for node in self._large]
                if rehearse is not None:
                    return rehearse(function, donated, kept, [*present, *self._large_values], inputs)
                return function(donated, kept, [*present, *self._large_values], inputs)
        except LabkitError as error:  # while tracing: JAX adds a remark about its own frames
            error.__notes__ = [note for note in getattr(error, "__notes__", []) if "JAX has removed" not in note]
            raise error from None
        except ValueError as error:
            if self.device is not None or not is_about_devices(error):
                raise
        with jax.enable_x64(True):
            return on_one_device(function, donated, kept, [*present, *(self._large_values or ())], inputs)

    def _specialised(self, store: Store, inputs: Sequence[Any]) -> tuple[Callable[..., Any], Sequence[Any]]:
        """The function for these static values and this set of initialized variables, and the inputs that remain."""
        if not self.static and not self.optional:
            self._plain = self._compile({}, ())
            return self._plain, inputs
        values: dict[Tensor, Any] = {
            self.inputs[i]: _shaped(inputs[i]) if i in self.sized else np.asarray(inputs[i]) for i in self.static
        }
        present = tuple(slot for slot in self.optional if slot in store)
        key = (present, *(_key(value) for value in values.values()))
        if key not in self._compiled:
            if len(self._compiled) >= _MOST_COMPILED:
                del self._compiled[next(iter(self._compiled))]
            self._compiled[key] = self._compile(values, present)
        return self._compiled[key], [v for i, v in enumerate(inputs) if i not in self.static]

    def _compile(self, static: dict[Tensor, Any], present: Sequence[str]) -> Callable[..., Any]:
        traced = [t for t in self.inputs if t not in static]

        def labkit_step(donated: list[Any], kept: list[Any], optional: list[Any], inputs: list[Any]) -> Any:
            state = dict(zip(self._donated, donated, strict=True)) | dict(zip(self._kept, kept, strict=True))
            state |= dict(zip(present, optional, strict=False))
            large = dict(zip([n.outputs[0] for n in self._large], optional[len(present) :], strict=True))
            run = Interpreter(static | dict(zip(traced, inputs, strict=True)) | large, state)
            with running_together(self.nodes, self.outputs):
                for node in self.nodes:
                    if not (node.outputs and node.outputs[0] in large):
                        run.node(node)
            outputs = [run.value(tensor) for tensor in self.outputs]
            if self.copies_state:
                shared = {id(value) for value in (*donated, *kept, *optional)}
                outputs = [jnp.array(v, copy=True) if id(v) in shared else v for v in outputs]
            # A new value that is an input, or appears twice, would share its buffer: the next donation would lose both.
            taken = {id(value) for value in (*donated, *kept, *optional, *inputs)}
            new: list[Any] = []
            for slot in self.writes:
                value = state[slot]
                new.append(jnp.array(value, copy=True) if id(value) in taken else value)
                taken.add(id(value))
            return outputs, new

        donated_arguments = (0,) if self.donates else ()
        if self.device is None:
            return jax.jit(labkit_step, donate_argnums=donated_arguments)
        there = jax.sharding.SingleDeviceSharding(self.device)
        return jax.jit(labkit_step, donate_argnums=donated_arguments, in_shardings=there, out_shardings=there)

    def _on_device(self, value: Any) -> Any:
        return jnp.asarray(value) if self.device is None else jax.device_put(value, self.device)

    def call_on_host(
        self, store: Store, inputs: Sequence[Any], lock: AbstractContextManager[Any]
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        """Runs the segment in Python, node by node; only a node that uses the state holds the lock meanwhile.

        One that may wait for another thread (a queue) holds it only while it takes what it reads.

        Returns:
            The values of `outputs`, and the values of `writes`, which `store` has already.
        """
        self.check_initialized(store)
        run = Interpreter({t: to_numpy(v) for t, v in zip(self.inputs, inputs, strict=True)}, {}, call_on_host)
        if self._slots is None:
            self._slots = [self._slots_of(node) for node in self.nodes]
        for node, slots in zip(self.nodes, self._slots, strict=True):
            if not slots:
                run.node(node)
                continue
            with lock:
                run.state.update((slot, np.array(store[slot], copy=True)) for slot in slots if slot in store)
                waits = node.kind.uses_session and not node.kind.writes
                if not waits:
                    run.node(node)
                    store.update((slot, run.state[slot]) for slot in slots if slot in self.writes)
            if waits:
                run.node(node)
        outputs = [run.value(t) for t in self.outputs]
        return outputs, [store[slot] for slot in self.writes]

    def _slots_of(self, node: Operation) -> list[str]:
        """The state that a node reads or writes."""
        slots = [variable_of(t) for t in node.inputs if t.op.kind.is_ref and t not in self.inputs]
        return [*dict.fromkeys(slots), *([node.name] if node.kind.has_state else [])]

    def check_initialized(self, store: Store) -> None:
        """Gives random ops their first state.

        Raises:
            FailedPreconditionError: if a variable that is read has no value yet.
        """
        for slot in self.reads:
            if slot in store:
                continue
            if slot not in self.random:
                raise uninitialized(slot, self.nodes)
            store[slot] = self.random[slot].initial_state()


def uninitialized(slot: str, nodes: Sequence[Operation]) -> FailedPreconditionError:
    """The error for a variable that has no value yet; `nodes` are searched for who reads it."""
    variable = nodes[0].graph.get_operation_by_name(slot)
    readers = [n for n in nodes if any(t.op.kind.is_ref and variable_of(t) == slot for t in n.inputs)]
    error = FailedPreconditionError(None, variable, f"attempting to use uninitialized value {slot}.")
    error.add_note(f'  variable "{slot}" made at {variable.site.text()}')
    if readers:
        error.add_note(f"  read by {readers[0].describe()}")
    error.add_note(
        f"  Try: session.run({_initializer(variable)}) in this session before using it; make that op after all "
        "variables."
    )
    return error


def _initializer(variable: Operation) -> str:
    """How a program writes the operation that gives this variable its first value."""
    for name in ("global", "local"):
        kept = variable.graph.get_collection(getattr(GraphKeys, f"{name.upper()}_VARIABLES"))
        if any(getattr(each, "op", None) is variable for each in kept):
            return f"tf.{name}_variables_initializer()"
    return "v.initializer"


def _needed_statically(nodes: Sequence[Operation], inputs: set[Tensor]) -> set[Tensor]:
    """The inputs of a segment whose values reach an input that a kernel needs while it is traced."""
    inside = _outputs_of(nodes) - inputs
    stack = [node.inputs[i] for node in nodes for i in node.kind.static_inputs if i < len(node.inputs)]
    seen: set[Tensor] = set()
    while stack:
        tensor = stack.pop()
        if tensor in seen:
            continue
        seen.add(tensor)
        if tensor in inside and not tensor.op.kind.folds_from_shape:
            stack.extend(tensor.op.inputs)
    return seen & inputs


def _origins_of_sizes(nodes: Sequence[Operation], feeds: set[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Where the values come from that kernels of these nodes need while they are traced.

    Returns:
        The feeds among them, and the tensors whose shapes are asked for.
    """
    stack = [node.inputs[i] for node in nodes for i in node.kind.static_inputs if i < len(node.inputs)]
    seen: set[Tensor] = set()
    fed: dict[Tensor, None] = {}
    measured: dict[Tensor, None] = {}
    while stack:
        tensor = stack.pop()
        if tensor in seen:
            continue
        seen.add(tensor)
        if tensor in feeds:
            fed[tensor] = None
        elif constant_value(tensor) is not None:
            continue
        elif tensor.op.kind.folds_from_shape:
            measured.update((t, None) for t in tensor.op.inputs if not t.op.kind.is_ref)
        else:
            stack.extend(tensor.op.inputs)
    return list(fed), list(measured)


def _key(value: Any) -> Any:
    """A static value, as a part of a key."""
    return value if isinstance(value, jax.ShapeDtypeStruct) else (value.tobytes(), value.shape)


def _shaped(value: Any) -> Any:
    """The shape and dtype of an array, without its numbers."""
    return jax.ShapeDtypeStruct(np.shape(value), value.dtype)


_LARGE_BYTES = 1 << 16
_MOST_COMPILED = 256  # functions kept per segment, one for each static value


def _size(node: Operation) -> int:
    """Bytes of the first output, as far as they are known."""
    return node.outputs[0].spec.size_bytes() or 0


def _outputs_of(nodes: Sequence[Operation]) -> set[Tensor]:
    return {t for node in nodes for t in node.outputs}
