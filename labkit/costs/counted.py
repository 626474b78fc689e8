"""What a graph costs before it runs: FLOPs and bytes of each node, op type and scope.

`graph_cost` follows the shapes from what is fed to what is fetched, without computing anything, and asks every node's
op for its cost. The FLOPs are those that XLA counts in the compiled program, apart from what XLA computes twice or
not at all because it fuses; the bytes are those of each node alone, so the compiled program moves fewer.

Example:
    >>> import labkit as tf
    >>> x = tf.placeholder(tf.float32, [None, 784])
    >>> y = tf.nn.softmax(tf.matmul(x, tf.Variable(tf.zeros([784, 10]))))
    >>> cost = graph_cost(y, {x: [100, 784]})
    >>> cost.flops, cost.by_op()["MatMul"].flops
    (1571900.0, 1568000.0)

Source: `labkit/graph/counting.py` says what is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.costs.walk import cost_in_run, on_shapes, step_of
from labkit.dtypes import resource
from labkit.graph import Cost, Interpreter, Operation, variable_of
from labkit.trace import Event, Output, aligned, short


@dataclass(frozen=True)
class NodeCost:
    """What one node costs: its name, its op type, and its `Cost`."""

    node: str
    op: str
    cost: Cost


@dataclass(frozen=True)
class GraphCost:
    """What a graph costs, node by node; sums by op type and by scope.

    Args:
        nodes: the cost of each node that runs, in the order they run.

    Example:
        >>> GraphCost((NodeCost("a/mul", "Mul", Cost(2, 24)), NodeCost("a/add", "Add", Cost(2, 24)))).by_scope()
        {'a': Cost(flops=4.0, bytes=48.0, transcendentals=0.0)}
    """

    nodes: tuple[NodeCost, ...]

    @property
    def flops(self) -> float:
        """FLOPs of all nodes."""
        return total(entry.cost for entry in self.nodes).flops

    @property
    def bytes(self) -> float:
        """Bytes read and written by all nodes, each on its own."""
        return total(entry.cost for entry in self.nodes).bytes

    @property
    def transcendentals(self) -> float:
        """Calls of exp, log, tanh and their kin by all nodes."""
        return total(entry.cost for entry in self.nodes).transcendentals

    def by_op(self) -> dict[str, Cost]:
        """The cost of each op type, the dearest first."""
        return self._by(lambda entry: entry.op)

    def by_scope(self, depth: int = 1) -> dict[str, Cost]:
        """The cost of each name scope, the dearest first.

        Args:
            depth: how many parts of the names count: 1 for the outermost scopes.
        """
        return self._by(lambda entry: "/".join(entry.node.split("/")[:-1][:depth]))

    def _by(self, group: Callable[[NodeCost], str]) -> dict[str, Cost]:
        groups: dict[str, list[Cost]] = {}
        for entry in self.nodes:
            groups.setdefault(group(entry), []).append(entry.cost)
        sums = {name: total(costs) for name, costs in groups.items()}
        return dict(sorted(sums.items(), key=lambda item: (-item[1].flops, -item[1].bytes)))

    def table(self, by: str = "op") -> str:
        """The costs as text, the dearest first.

        Args:
            by: "op" or "scope".
        """
        groups = self.by_scope() if by == "scope" else self.by_op()
        rows = [(by, "FLOPs", "%", "bytes", "FLOPs/byte")]
        for name, cost in (*groups.items(), ("all", total(entry.cost for entry in self.nodes))):
            share = f"{100 * cost.flops / self.flops if self.flops else 0:.1f}%"
            ratio = f"{cost.flops / cost.bytes:.2f}" if cost.bytes else "-"
            rows.append((name or "(no scope)", short(cost.flops), share, short(cost.bytes), ratio))
        return aligned(rows)


def total(costs: Any) -> Cost:
    """The sum of costs.

    Example:
        >>> total([Cost(1, 2), Cost(3, 4, 5)])
        Cost(flops=4.0, bytes=6.0, transcendentals=5.0)
    """
    listed = list(costs)
    return Cost(
        float(sum(c.flops for c in listed)), float(sum(c.bytes for c in listed)),
        float(sum(c.transcendentals for c in listed)),
    )  # fmt: skip


def graph_cost(fetches: Any, feeds: Mapping[Any, Any] | None = None) -> GraphCost:
    """What one run of `fetches` costs, from shapes alone.

    Args:
        fetches: as for `Session.run`: tensors, operations, variables, nested as you like.
        feeds: for each tensor that will be fed its shape (a list of numbers), or an array of that shape. Give the
            array where the value matters, as for a size.

    Returns:
        The cost of each node.

    Raises:
        FeedError: if a placeholder of an unknown size is not among the feeds.

    Example:
        >>> import labkit as tf
        >>> x = tf.placeholder(tf.float32, [None, 3])
        >>> graph_cost(tf.matmul(x, tf.ones([3, 4])), {x: [10, 3]}).flops
        240.0
    """
    found: list[NodeCost] = []
    on_shapes(
        step_of(fetches, feeds), lambda node, run: found.append(NodeCost(node.name, node.type, cost_in_run(node, run)))
    )
    return GraphCost(tuple(found))


def event_of(node: Operation, run: Interpreter, device: str, start_seconds: float, duration_seconds: float) -> Event:
    """The event of a trace for a node that has run: what it was given, what it made, what it cost.

    Args:
        node: the node.
        run: the interpreter that ran it.
        device: where it ran.
        start_seconds: when it started, from the start of the step.
        duration_seconds: how long it took.
    """
    outputs: list[Output] = []
    for tensor in node.outputs:
        value = run.values.get(tensor)
        if value is None and tensor.op.kind.is_ref:
            value = run.state.get(variable_of(tensor))
        if value is not None and tensor.dtype is not resource:
            shape, size = tuple(np.shape(value)), _bytes_of(value)
            outputs.append(Output(tensor.name, tensor.dtype.name, shape, size))
    made = sum(output.bytes for output in outputs if not node.kind.is_ref)
    cost = cost_in_run(node, run)
    return Event(
        node.name, node.type, device, start_seconds, duration_seconds, made, tuple(t.name for t in node.inputs),
        tuple(outputs), cost.flops, cost.bytes, cost.transcendentals,
    )  # fmt: skip


def _bytes_of(value: Any) -> int:
    """Bytes of an array; of strings their lengths."""
    array = value if hasattr(value, "nbytes") else np.asarray(value, object)
    if array.dtype.kind == "O":
        return sum(len(entry) for entry in array.reshape(-1).tolist() if isinstance(entry, (bytes, str)))
    return int(array.nbytes)
