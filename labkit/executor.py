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
from typing import Any

import jax

from labkit.alone import call_alone
from labkit.graph import Graph, Interpreter, Operation, Tensor, variable_of
from labkit.segment import Segment, Store, uninitialized


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
            raise uninitialized(slot, [tensor.op])
        return store[slot]

    def run_watched(self, store: Store, feed_values: Sequence[Any], call: WatchedCall) -> list[Any]:
        """Runs each node alone; `call(node, run)` runs it and may keep its outputs and its time."""
        for segment in self.segments:
            segment.check_initialized(store)
        working = dict(store)
        interpreter = Interpreter(dict(zip(self.feeds, feed_values, strict=True)), working, call_alone)
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


def _has_value(tensor: Tensor) -> bool:
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
