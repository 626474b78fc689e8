"""From a graph to compiled code: plans and segments.

A `Plan` says how to compute some fetches from some feeds:

    1. *Prune*: keep the nodes that the fetches depend on, walking back and stopping at what is fed.
    2. *Order*: run them in creation order, which is a topological order.
    3. *Cut* into segments: a segment is a run of nodes that becomes one function under `jax.jit`, or host operations
       that run in Python (strings, printing, queues). A program without host operations is a single segment. A node
       whose sizes depend on data (`tf.where(cond)`) runs by itself, between two segments.
    4. *Run*: each segment takes values and state and returns values and new state. State that a segment writes goes in
       as donated buffers, so a training step updates its variables in place, as a hand-written `jax.jit` step does.

Two ways of running a plan give the same values: *whole* (the above) and *watched*, where each node runs alone so that
its value and its time can be seen.

What JAX must know while it traces (a shape given to reshape) may depend on a feed: that feed is then *static*, and the
compiled function is kept per value of it.

Runs do not interleave, except where an operation may wait for another thread (a queue): such a plan holds the
session's lock only while a segment uses the state, and what a segment has written stays, also if a later one fails.

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
from contextlib import AbstractContextManager
from typing import Any

import jax
import numpy as np

from labkit.alone import call_alone
from labkit.graph import Graph, Interpreter, Operation, Tensor, constant_value, variable_of
from labkit.graph.interpret import KernelCall
from labkit.segment import Segment, Store, uninitialized
from labkit.shapes import num_elements

WatchedCall = Callable[[Operation, Interpreter], None]


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
        parts = cut(self.nodes, feeds)
        self.segments = [Segment(nodes, set(feeds), self._wanted(nodes), host) for host, nodes in parts]
        self.segments = [segment for segment in self.segments if segment.outputs or segment.writes or segment.host]
        self.is_single = len(self.segments) == 1 and not self.segments[0].host
        self.may_wait = any(waits(node) for node in self.nodes)
        for segment in self.segments:
            segment.donates = (self.is_single or self.may_wait) and segment.donates
            segment.copies_state = self.may_wait

    def _wanted(self, nodes: Sequence[Operation]) -> list[Tensor]:
        """The tensors made by `nodes` that are fetched or used by another segment."""
        inside = set(nodes)
        fed = set(self.feeds)
        used = {t for node in self.nodes if node not in inside for t in node.inputs}
        made = [t for node in nodes for t in node.outputs]
        return [t for t in made if t not in fed and (t in self.fetches or t in used) and has_value(t)]

    def run(self, store: Store, feed_values: Sequence[Any], lock: AbstractContextManager[Any]) -> list[Any]:
        """Runs in whole mode, and updates `store`.

        Args:
            store: the session's state.
            feed_values: values of the feeds, in order.
            lock: held whenever `store` is used.

        Returns:
            The values of the fetches, as NumPy arrays that the caller may change.
        """
        if self.may_wait:
            return self.run_in_turns(store, feed_values, lock)
        with lock:
            if not self.is_single:
                return self.run_segments(store, feed_values, lock)
            segment = self.segments[0]
            outputs, new = segment.call(
                store,
                feed_values if segment.takes_feeds(self.feeds) else _pick(segment.inputs, self.feeds, feed_values),
            )
            store.update(zip(segment.writes, new, strict=True))
            if segment.outputs == self.fetches:
                return [result(value) for value in outputs]
            return self.results(dict(zip(segment.outputs, outputs, strict=True)), feed_values, store)

    def run_segments(self, store: Store, feed_values: Sequence[Any], lock: AbstractContextManager[Any]) -> list[Any]:
        """One segment after another, on a copy of the state, so that a failing one leaves nothing half-written."""
        working = dict(store)
        known: dict[Tensor, Any] = dict(zip(self.feeds, feed_values, strict=True))
        for segment in self.segments:
            inputs = self.taken(segment, known)
            if segment.host:
                outputs, new = segment.call_on_host(working, inputs, lock)
            else:
                outputs, new = segment.call(working, inputs)
            working.update(zip(segment.writes, new, strict=True))
            self.keep(segment, outputs, known)
        store.update(working)
        return self.results(known, feed_values, store)

    def taken(self, segment: Segment, known: dict[Any, Any]) -> list[Any]:
        """The inputs of a segment, of all that is known."""
        return [known[t] for t in segment.inputs]

    def keep(self, segment: Segment, outputs: Sequence[Any], known: dict[Any, Any]) -> None:
        """Adds what a segment made to what is known."""
        known.update(zip(segment.outputs, outputs, strict=True))

    def run_in_turns(self, store: Store, feed_values: Sequence[Any], lock: AbstractContextManager[Any]) -> list[Any]:
        """Where an operation may wait for another thread: each segment takes the lock, and its effect is kept."""
        known: dict[Tensor, Any] = dict(zip(self.feeds, feed_values, strict=True))
        for segment in self.segments:
            inputs = self.taken(segment, known)
            if segment.host:
                outputs, _ = segment.call_on_host(store, inputs, lock)
            else:
                with lock:
                    outputs, new = segment.call(store, inputs)
                    store.update(zip(segment.writes, new, strict=True))
            self.keep(segment, outputs, known)
        with lock:
            return self.results(known, feed_values, store)

    def results(self, values: dict[Tensor, Any], feed_values: Sequence[Any], store: Store) -> list[Any]:
        """The values of the fetches."""
        fed = dict(zip(self.feeds, feed_values, strict=True))
        return [result(self._fetched(t, values, fed, store)) for t in self.fetches]

    @staticmethod
    def _fetched(tensor: Tensor, values: dict[Tensor, Any], fed: dict[Tensor, Any], store: Store) -> Any:
        if tensor in fed:
            return fed[tensor]
        if tensor in values:
            return values[tensor]
        slot = variable_of(tensor)  # a reference: the value at the end of the run
        if slot not in store:
            raise uninitialized(slot, [tensor.op])
        return store[slot]

    def run_watched(
        self, store: Store, feed_values: Sequence[Any], call: WatchedCall, sent: Any = None,
        call_kernel: KernelCall = call_alone,
    ) -> list[Any]:  # fmt: skip
        """Runs each node alone; `call(node, run)` runs it and may keep its outputs and its time.

        Args:
            store: the session's state.
            feed_values: values of the feeds, in order.
            call: runs a node.
            sent: told of each transfer, where there are several devices.
            call_kernel: runs a kernel.
        """
        for segment in self.segments:
            segment.check_initialized(store)
        working = dict(store)
        interpreter = Interpreter(dict(zip(self.feeds, feed_values, strict=True)), working, call_kernel)
        with jax.enable_x64(True):
            for node in self.nodes:
                if not all(t in interpreter.values for t in node.outputs) or not node.outputs:
                    call(node, interpreter)
            fetched = [result(interpreter.value(t)) for t in self.fetches]
        store.update((slot, value) for slot, value in working.items() if store.get(slot) is not value)
        return fetched


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


def waits(node: Operation) -> bool:
    """True if the node, or one inside its bodies, may wait for another thread: it uses what the session keeps."""
    bodies: Any = getattr(node.kind, "bodies", tuple)()
    return node.kind.uses_session or any(waits(inner) for body in bodies for inner in body.nodes)


def cut(nodes: Sequence[Operation], feeds: Sequence[Tensor] = ()) -> list[tuple[bool, list[Operation]]]:
    """Groups nodes into segments: as few as possible, those that run in Python apart from JAX ones, without cycles.

    A node goes to the earliest stage that comes after what it depends on; even stages are JAX, odd ones Python. Reads
    and writes of one variable keep their order.

    Args:
        nodes: the nodes to run, in creation order.
        feeds: what is fed.

    Returns:
        For each segment whether it runs in Python, and its nodes.
    """
    stage: dict[Operation, int] = {}
    last_access: dict[str, int] = {}
    sizes = Sizes(feeds)
    for node in nodes:
        python = node.in_python or sizes.depend_on_data(node)
        level = 1 if python else 0
        for source in (*(t.op for t in node.inputs), *node.control_inputs):
            if source in stage:
                level = max(level, after(stage[source], python))
        slots = [variable_of(t) for t in node.inputs if t.op.kind.is_ref]
        for slot in slots:
            level = max(level, after(last_access.get(slot, 0), python))
        for slot in slots:
            last_access[slot] = level
        stage[node] = level
    _postpone(nodes, stage)
    groups: dict[int, list[Operation]] = {}
    for node in nodes:
        groups.setdefault(stage[node], []).append(node)
    return [(level % 2 == 1, groups[level]) for level in sorted(groups)]


def _postpone(nodes: Sequence[Operation], stage: dict[Operation, int]) -> None:
    """Moves JAX nodes to the stage that first needs them, so that little passes between segments.

    A constant, or a variable that is read, would otherwise be an output of the first segment, copied on its way. A
    read stays before the next write of its variable.
    """
    needed: dict[Operation, int] = {}  # the earliest stage that uses a node
    written: dict[str, int] = {}  # the earliest stage of the writes that come later
    for node in reversed(nodes):
        kind = node.kind
        slots = [variable_of(t) for t in node.inputs if t.op.kind.is_ref]
        movable = node.outputs and not kind.is_ref and not kind.writes and (kind.has_state or not kind.stateful)
        if movable and stage[node] % 2 == 0 and node in needed:
            latest = min([needed[node], *(written[slot] for slot in slots if slot in written)])
            stage[node] = max(stage[node], latest - latest % 2)
        for position in kind.writes:
            slot = variable_of(node.inputs[position])
            written[slot] = min(written.get(slot, stage[node]), stage[node])
        for source in (*(t.op for t in node.inputs), *node.control_inputs):
            needed[source] = min(needed.get(source, stage[node]), stage[node])


def after(level: int, python: bool) -> int:
    """The earliest stage for a node that depends on one in stage `level`."""
    return level if level % 2 == python else level + 1


_MOST_FED = 16  # entries of a fed size (a shape, an axis) that compiled code is kept for; more is data


class Sizes:
    """Which nodes have sizes that are known only when the program runs.

    A value that a kernel needs while it is traced may come from constants and shapes; if it comes from a small feed,
    one compiled function is kept per value of it. Where it comes from anything else, or from much fed data (the
    mask of `boolean_mask`), the node runs by itself between two compiled segments, and what follows is compiled per
    *size*.
    """

    def __init__(self, feeds: Sequence[Tensor]) -> None:
        self._feeds = set(feeds)

    def depend_on_data(self, node: Operation) -> bool:
        """True if an input that the kernel needs while it is traced is known only when the program runs."""
        return any(self._is_data(node.inputs[i]) for i in node.kind.static_inputs if i < len(node.inputs))

    def _is_data(self, tensor: Tensor) -> bool:
        """True if the value comes from what only a run knows, or from feeds and is too much to compile for."""
        if tensor not in self._feeds and constant_value(tensor) is not None:
            return False
        # With a stack and not by recursion: the way back may be thousands of nodes long, and branch at each.
        waiting, seen, fed = [tensor], {tensor}, False
        while waiting:
            source = waiting.pop()
            node = source.op
            kind = node.kind
            if source in self._feeds:
                if source.dtype.is_differentiable:  # no size, and what is made of it may be a whole net
                    return True
                fed = True
            elif kind.folds_from_shape:
                continue
            elif kind.stateful or kind.is_ref or not node.inputs or node.in_python:
                if kind.type not in ("Const", "Captured", "Placeholder"):
                    return True
            else:
                new = [t for t in node.inputs if t not in seen]
                seen.update(new)
                waiting.extend(new)
        count = num_elements(tensor.static_shape)
        return fed and (count is None or count > _MOST_FED)


def result(value: Any) -> Any:
    """A result as NumPy: a copy that the caller may change, a NumPy scalar for rank 0, bytes for a lone string."""
    array: np.ndarray[Any, Any] = np.array(value, copy=True)
    return array if array.ndim else array[()]


def has_value(tensor: Tensor) -> bool:
    """A reference has no value of its own: whoever uses it reads the state."""
    return not tensor.op.kind.is_ref


def _pick(wanted: Sequence[Tensor], feeds: Sequence[Tensor], values: Sequence[Any]) -> list[Any]:
    by_tensor = dict(zip(feeds, values, strict=True))
    return [by_tensor[t] for t in wanted]


def plan_for(graph: Graph, fetches: Sequence[Tensor], targets: Sequence[Operation], feeds: Sequence[Tensor]) -> Plan:
    """The plan for these fetches, targets and feeds; made once per graph and kept there.

    A graph only grows and nodes never change, so a plan stays right when nodes are added.
    """
    key = (tuple(fetches), tuple(targets), tuple(feeds))
    plan = graph.plans.get(key)
    if plan is None:
        plan = graph.plans[key] = Plan(fetches, targets, feeds)
    return plan
