"""From a graph to compiled code: plans and segments.

A `Plan` says how to compute some fetches from some feeds:

    1. *Prune*: keep the nodes that the fetches depend on, walking back and stopping at what is fed.
    2. *Order*: run them in creation order, which is a topological order.
    3. *Cut* into segments: a segment is a run of nodes that becomes one function under `jax.jit`, or host operations
       that run in Python (strings, printing, queues). A program without host operations is a single segment.
    4. *Run*: each segment takes values and state and returns values and new state. State that a segment writes goes in
       as donated buffers, so a training step updates its variables in place, as a hand-written `jax.jit` step does.

Two ways of running a plan give the same values: *whole* (the above) and *watched*, where each node runs alone so that
its value and its time can be seen.

What JAX must know while it traces (a shape given to reshape) may depend on a feed: that feed is then *static*, and the
compiled function is kept per value of it.

Why creation order settles reads and writes: TensorFlow leaves the order of a read and a write of one variable open
unless a control edge says it. Here the order is that in which the learner wrote them, so every run is reproducible.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default() as graph:
    ...     x = tf.placeholder(tf.float32, [])
    ...     unused, y = tf.exp(x), x + 1.0
    >>> plan = plan_for(graph, (y,), (), (x,))
    >>> [node.name for node in plan.nodes]
    ['add/y', 'add']
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from labkit.errors import FailedPreconditionError, LabkitError
from labkit.graph import Graph, Interpreter, Op, Operation, Tensor, variable_of

Store = dict[str, Any]
"""What a session keeps between runs: values of variables and states of random ops, by node name."""


class Plan:
    """How to compute `fetches` and run `targets`, given values for `feeds`.

    Args:
        fetches: tensors whose values are wanted.
        targets: operations to run for their effect.
        feeds: tensors whose values will be given.
    """

    def __init__(self, fetches: Sequence[Tensor], targets: Sequence[Operation], feeds: Sequence[Tensor]) -> None:
        self.fetches = tuple(fetches)
        self.feeds = tuple(feeds)
        self.nodes = prune([*(t.op for t in fetches if t not in set(feeds)), *targets], feeds)
        self.segments = [Segment(nodes, set(feeds), self._wanted(nodes)) for nodes in cut(self.nodes)]
        self.segments = [segment for segment in self.segments if segment.outputs or segment.writes or segment.host]
        self.is_single = len(self.segments) == 1 and not self.segments[0].host
        for segment in self.segments:
            segment.donates = self.is_single and segment.donates

    def _wanted(self, nodes: Sequence[Operation]) -> list[Tensor]:
        """The tensors made by `nodes` that are fetched or used by another segment."""
        inside = set(nodes)
        fed = set(self.feeds)
        used = {t for node in self.nodes if node not in inside for t in node.inputs}
        made = [t for node in nodes for t in node.outputs]
        return [t for t in made if t not in fed and (t in self.fetches or t in used) and _has_value(t)]

    def run(self, store: Store, feed_values: Sequence[Any]) -> list[Any]:
        """Runs in whole mode: returns the values of the fetches and updates `store`."""
        if self.is_single:
            segment = self.segments[0]
            outputs, new = segment.call(
                store,
                feed_values if segment.takes_feeds(self.feeds) else _pick(segment.inputs, self.feeds, feed_values),
            )
            store.update(zip(segment.writes, new, strict=True))
            if segment.outputs == self.fetches:
                return list(outputs)
            values = dict(zip(segment.outputs, outputs, strict=True))
        else:
            values = {}
            working = dict(store)  # so that a failing segment leaves nothing half-written
            known: dict[Tensor, Any] = dict(zip(self.feeds, feed_values, strict=True))
            for segment in self.segments:
                outputs, new = segment.call(working, [known[t] for t in segment.inputs])
                working.update(zip(segment.writes, new, strict=True))
                known.update(zip(segment.outputs, outputs, strict=True))
            store.update(working)
            values = known
        fed = dict(zip(self.feeds, feed_values, strict=True))
        return [self._fetched(t, values, fed, store) for t in self.fetches]

    @staticmethod
    def _fetched(tensor: Tensor, values: dict[Tensor, Any], fed: dict[Tensor, Any], store: Store) -> Any:
        if tensor in fed:
            return fed[tensor]
        if tensor in values:
            return values[tensor]
        slot = variable_of(tensor)  # a reference: the value at the end of the run
        if slot not in store:
            raise _uninitialized(slot, [tensor.op])
        return store[slot]

    def run_watched(self, store: Store, feed_values: Sequence[Any], call: WatchedCall) -> list[Any]:
        """Runs each node alone; `call(node, run)` runs it and may keep its outputs and its time."""
        for segment in self.segments:
            segment.check_initialized(store)
        working = dict(store)
        interpreter = Interpreter(dict(zip(self.feeds, feed_values, strict=True)), working, _call_alone)
        with jax.enable_x64(True):
            for node in self.nodes:
                if not all(t in interpreter.values for t in node.outputs) or not node.outputs:
                    call(node, interpreter)
            fetched = [interpreter.value(t) for t in self.fetches]
        store.update(working)
        return fetched


WatchedCall = Callable[[Operation, Interpreter], None]


def prune(roots: Iterable[Operation], feeds: Sequence[Tensor]) -> list[Operation]:
    """The nodes that `roots` depend on, in creation order, without those that only feed what is fed."""
    fed = set(feeds)
    needed: set[Operation] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node in needed:
            continue
        needed.add(node)
        stack.extend(node.control_inputs)
        stack.extend(t.op for t in node.inputs if t not in fed)
    return sorted(needed, key=lambda node: node.id)


def cut(nodes: Sequence[Operation]) -> list[list[Operation]]:
    """Groups nodes into segments: as few as possible, host operations apart from JAX ones, no cycles between them.

    A node goes to the earliest stage that comes after what it depends on; even stages are JAX, odd ones host. Reads
    and writes of one variable keep their order.
    """
    stage: dict[Operation, int] = {}
    last_access: dict[str, int] = {}
    for node in nodes:
        level = 1 if node.kind.host else 0
        for source in (*(t.op for t in node.inputs), *node.control_inputs):
            if source in stage:
                level = max(level, _after(stage[source], node.kind.host))
        slots = [variable_of(t) for t in node.inputs if t.op.kind.is_ref]
        for slot in slots:
            level = max(level, _after(last_access.get(slot, 0), node.kind.host))
        for slot in slots:
            last_access[slot] = level
        stage[node] = level
    groups: dict[int, list[Operation]] = {}
    for node in nodes:
        groups.setdefault(stage[node], []).append(node)
    return [groups[level] for level in sorted(groups)]


def _after(level: int, host: bool) -> int:
    """The earliest stage for a node that depends on one in stage `level`."""
    return level if level % 2 == host else level + 1


class Segment:
    """Nodes that run as one function.

    Attributes:
        inputs: tensors from outside, in order.
        outputs: tensors that others want.
        reads, writes: names of the state that goes in and comes out.
        static: positions in `inputs` whose values must be known while tracing.
    """

    def __init__(self, nodes: Sequence[Operation], feeds: set[Tensor], outputs: Sequence[Tensor]) -> None:
        self.nodes = [node for node in nodes if not (node.outputs and all(t in feeds for t in node.outputs))]
        self.host = any(node.kind.host for node in nodes)
        inside = _outputs_of(self.nodes) - feeds
        outside = (t for node in self.nodes for t in node.inputs if t not in inside)
        self.inputs = [t for t in dict.fromkeys(outside) if t in feeds or not t.op.kind.is_ref]
        self.outputs = tuple(outputs)
        self._find_state(feeds)
        needed = _needed_statically(self.nodes, set(self.inputs))
        self.static = [i for i, t in enumerate(self.inputs) if t in needed]
        self.donates = all(getattr(node.kind, "validate_shape", True) for node in self.nodes)
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

    def takes_feeds(self, feeds: tuple[Tensor, ...]) -> bool:
        """True if the inputs are exactly the feeds, in order, so that they can be passed on as they are."""
        if self._same_feeds is not feeds:
            if tuple(self.inputs) != feeds:
                return False
            self._same_feeds = feeds
        return True

    def call(self, store: Store, inputs: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """Runs the segment: values of `outputs`, and new values of `writes`."""
        if self.host:
            return self._call_host(store, inputs)
        function = self._plain
        if function is None or self.optional:
            function, inputs = self._specialised(store, inputs)
        try:
            donated = [store[slot] for slot in self._donated]
            kept = [store[slot] for slot in self._kept]
        except KeyError:
            self.check_initialized(store)
            return self.call(store, inputs)
        present = [store[slot] for slot in self.optional if slot in store]
        try:
            with jax.enable_x64(True):
                return function(donated, kept, present, inputs)
        except LabkitError as error:  # while tracing: JAX adds a remark about its own frames
            error.__notes__ = [note for note in getattr(error, "__notes__", []) if "JAX has removed" not in note]
            raise error from None

    def _specialised(self, store: Store, inputs: Sequence[Any]) -> tuple[Callable[..., Any], Sequence[Any]]:
        """The function for these static values and this set of initialized variables, and the inputs that remain."""
        if not self.static and not self.optional:
            self._plain = self._compile({}, ())
            return self._plain, inputs
        values = {self.inputs[i]: np.asarray(inputs[i]) for i in self.static}
        present = tuple(slot for slot in self.optional if slot in store)
        key = (present, *((v.tobytes(), v.shape) for v in values.values()))
        if key not in self._compiled:
            self._compiled[key] = self._compile(values, present)
        return self._compiled[key], [v for i, v in enumerate(inputs) if i not in self.static]

    def _compile(self, static: dict[Tensor, Any], present: Sequence[str]) -> Callable[..., Any]:
        traced = [t for t in self.inputs if t not in static]

        def labkit_step(donated: list[Any], kept: list[Any], optional: list[Any], inputs: list[Any]) -> Any:
            state = dict(zip(self._donated, donated, strict=True)) | dict(zip(self._kept, kept, strict=True))
            state |= dict(zip(present, optional, strict=True))
            run = Interpreter(static | dict(zip(traced, inputs, strict=True)), state)
            for node in self.nodes:
                run.node(node)
            outputs = [run.value(tensor) for tensor in self.outputs]
            # A new value that is an input, or appears twice, would share its buffer: the next donation would lose both.
            taken = {id(value) for value in (*donated, *kept, *optional, *inputs)}
            new: list[Any] = []
            for slot in self.writes:
                value = state[slot]
                new.append(jnp.array(value, copy=True) if id(value) in taken else value)
                taken.add(id(value))
            return outputs, new

        return jax.jit(labkit_step, donate_argnums=(0,) if self.donates else ())

    def _call_host(self, store: Store, inputs: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        self.check_initialized(store)
        values = {t: _to_numpy(v) for t, v in zip(self.inputs, inputs, strict=True)}
        run = Interpreter(values, {slot: _to_numpy(value) for slot, value in store.items() if slot in self.reads})
        for node in self.nodes:
            run.node(node)
        return [run.value(t) for t in self.outputs], [run.state[slot] for slot in self.writes]

    def check_initialized(self, store: Store) -> None:
        """Gives random ops their first state.

        Raises:
            FailedPreconditionError: if a variable that is read has no value yet.
        """
        for slot in self.reads:
            if slot in store:
                continue
            if slot not in self.random:
                raise _uninitialized(slot, self.nodes)
            store[slot] = self.random[slot].initial_state()


def _uninitialized(slot: str, nodes: Sequence[Operation]) -> Exception:
    variable = nodes[0].graph.get_operation_by_name(slot)
    readers = [n for n in nodes if any(t.op.kind.is_ref and variable_of(t) == slot for t in n.inputs)]
    error = FailedPreconditionError(None, variable, f"attempting to use uninitialized value {slot}.")
    error.add_note(f'  variable "{slot}" made at {variable.site.text()}')
    if readers:
        error.add_note(f"  read by {readers[0].describe()}")
    error.add_note(
        "  Try: session.run(tf.global_variables_initializer()) in this session before using it; make that op after "
        "all variables."
    )
    return error


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


def _outputs_of(nodes: Sequence[Operation]) -> set[Tensor]:
    return {t for node in nodes for t in node.outputs}


def _has_value(tensor: Tensor) -> bool:
    """A reference has no value of its own: whoever uses it reads the state."""
    return not tensor.op.kind.is_ref


def _pick(wanted: Sequence[Tensor], feeds: Sequence[Tensor], values: Sequence[Any]) -> list[Any]:
    by_tensor = dict(zip(feeds, values, strict=True))
    return [by_tensor[t] for t in wanted]


def _to_numpy(value: Any) -> Any:
    return cast("Any", np).asarray(value)


_alone: dict[Any, Callable[..., Any]] = {}


def _call_alone(kind: Op, inputs: list[Any]) -> Any:
    """Runs one kernel on its own, compiled once per op and static values."""
    if kind.host:
        return kind.kernel(*(_to_numpy(v) for v in inputs))
    if not kind.memoise_infer:
        return kind.kernel(*inputs)
    static = {i: np.asarray(inputs[i]) for i in kind.static_inputs if i < len(inputs)}
    absent = tuple(i for i, v in enumerate(inputs) if v is None)
    key = (kind.type, kind, absent, *((i, v.tobytes(), v.shape) for i, v in static.items()))
    function = _alone.get(key)
    if function is None:
        fixed: dict[int, Any] = static | dict.fromkeys(absent)

        def labkit_op(*arrays: Any) -> Any:
            rest = iter(arrays)
            count = len(arrays) + len(fixed)
            return kind.kernel(*(fixed[i] if i in fixed else next(rest) for i in range(count)))

        function = _alone[key] = jax.jit(labkit_op)
    return function(*(v for i, v in enumerate(inputs) if i not in static and v is not None))


def plan_for(graph: Graph, fetches: Sequence[Tensor], targets: Sequence[Operation], feeds: Sequence[Tensor]) -> Plan:
    """The plan for these fetches, targets and feeds; made once per graph and kept there.

    A graph only grows and nodes never change, so a plan stays right when nodes are added.
    """
    key = (tuple(fetches), tuple(targets), tuple(feeds))
    plan = graph.plans.get(key)
    if plan is None:
        plan = graph.plans[key] = Plan(fetches, targets, feeds)
    return plan
