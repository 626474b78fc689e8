"""A run whose variables are shared with other sessions.

Alone, a session gives its variables' buffers to the compiled step, and no other run comes between. Here workers run
side by side, as TensorFlow's do, so a step is cut in two wherever it first writes a variable:

    1. *Read and compute*: the values of the variables are taken at one moment, and what follows from them is computed
       without any lock. Other workers read, compute and write meanwhile.
    2. *Write*: the updates, each with the value that its variable has then, one worker at a time.

So a gradient may be applied to weights that others have changed since it was computed: it is *stale*, as asynchronous
gradients are. `assign_add(v, 1)` never loses a count; `assign(v, v + 1)` may, since `v + 1` belongs to the first part.
No buffer is given away, because others may be reading it.

Example:
    >>> import labkit as tf
    >>> v = tf.Variable(2.0, name="v")
    >>> double = tf.assign(v, v * 2.0, name="double")
    >>> first, second = halves([v.snapshot.op, double.op.inputs[1].op, double.op])
    >>> [node.name for node in first], [node.name for node in second]
    (['v/read', 'mul'], ['double'])
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from labkit.executor import Plan, cut
from labkit.graph import Operation, Tensor, variable_of
from labkit.segment import Segment


class SharedPlan(Plan):
    """A plan that reads and computes without the lock.

    Args:
        plan: the plan for a session of its own.
    """

    def __init__(self, plan: Plan) -> None:
        self.fetches, self.feeds, self.nodes = plan.fetches, plan.feeds, plan.nodes
        self.is_single = False
        self.may_wait = plan.may_wait
        self.segments: list[Segment] = []
        for host, nodes in cut(self.nodes, self.feeds):
            for part in [nodes] if host else halves(nodes):
                segment = Segment(part, set(self.feeds), self._wanted(part), host)
                segment.donates = False
                if segment.outputs or segment.writes or host:
                    self.segments.append(segment)
        self._writers = {segment for segment in self.segments if any(node.kind.writes for node in segment.nodes)}

    def run(self, store: Any, feed_values: Sequence[Any], lock: AbstractContextManager[Any]) -> list[Any]:
        """Runs in whole mode.

        Args:
            store: a `labkit.servers.state.SharedStore`.
            feed_values: values of the feeds, in order.
            lock: held whenever shared values are read or replaced.
        """
        known: dict[Tensor, Any] = dict(zip(self.feeds, feed_values, strict=True))
        store.tasks.check_open()
        for segment in self.segments:
            inputs = self.taken(segment, known)
            if segment.host:
                outputs, _ = segment.call_on_host(store, inputs, lock)
            elif segment in self._writers:
                with store.turn, lock:
                    outputs, new = segment.call(store, inputs)
                    store.update(zip(segment.writes, new, strict=True))
            else:
                with store.turn:
                    with lock:
                        seen = store.some([*segment.reads, *segment.optional])
                    outputs, new = segment.call(seen, inputs)
                    store.update(zip(segment.writes, new, strict=True))  # random streams: the session's own
            self.keep(segment, outputs, known)
            store.tasks.server.moves += 1
        with lock:
            return self.results(known, feed_values, store)


def halves(nodes: Sequence[Operation]) -> list[list[Operation]]:
    """Nodes of one segment as two: what can be computed before any of them writes a variable, and the rest.

    Args:
        nodes: the nodes, in creation order.
    """
    later: set[Operation] = set()
    written: set[str] = set()
    for node in nodes:
        sources = (*(t.op for t in node.inputs), *node.control_inputs)
        slots = [variable_of(t) for t in node.inputs if t.op.kind.is_ref]
        if node.kind.writes or any(s in later for s in sources) or any(slot in written for slot in slots):
            later.add(node)
            written.update(variable_of(node.inputs[position]) for position in node.kind.writes)
    if not later:
        return [list(nodes)]
    constants = {node for node in nodes if node.type == "Const"}
    of_first = {t.op for node in nodes if node not in later for t in node.inputs}
    of_second = {t.op for node in later for t in node.inputs}
    first = [n for n in nodes if n not in later and (n not in constants or n in of_first or n not in of_second)]
    second = [n for n in nodes if n in later or (n in constants and n in of_second)]
    return [part for part in (first, second) if part]
