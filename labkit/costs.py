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

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from labkit.dtypes import resource, string
from labkit.errors import FeedError
from labkit.executor import prune
from labkit.fetches import take_apart
from labkit.graph import Cost, Interpreter, Operation, Spec, Tensor, get_default_graph, variable_of
from labkit.nests import is_listed
from labkit.shapes import shape_text
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
    elements: list[Any] = []
    graph = get_default_graph()
    first = next((e for e in _leaves(fetches) if hasattr(e, "graph")), None)
    graph = graph if first is None else first.graph
    take_apart(graph, fetches, elements)
    fed = {graph.as_tensor(key): _fed(graph.as_tensor(key), value) for key, value in (feeds or {}).items()}
    roots = [e.op if isinstance(e, Tensor) else e for e in elements if not (isinstance(e, Tensor) and e in fed)]
    nodes = prune(roots, list(fed))
    alive = _alive(nodes, [t.op for t in elements if isinstance(t, Tensor)], fed)
    return GraphCost(tuple(_costs([node for node in nodes if node in alive], fed)))


def _alive(nodes: Sequence[Operation], fetched: Sequence[Operation], fed: Collection[Tensor]) -> set[Operation]:
    """The nodes whose values are used: XLA leaves out those that the others only wait for.

    The gradient of a product waits for both factors' gradients, as TensorFlow's does, also where one is not wanted.
    """
    stack = [*fetched, *(node for node in nodes if node.kind.stateful or node.kind.writes or node.in_python)]
    alive: set[Operation] = set()
    while stack:
        node = stack.pop()
        if node not in alive:
            alive.add(node)
            stack.extend(t.op for t in node.inputs if t not in fed)
    return alive


def _leaves(fetches: Any) -> list[Any]:
    if isinstance(fetches, Mapping):
        fetches = list(fetches.values())  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if is_listed(fetches):
        return [leaf for entry in fetches for leaf in _leaves(entry)]
    return [fetches]


def _fed(tensor: Tensor, given: Any) -> Any:
    """The array, or the shape as something to trace with."""
    dtype = tensor.dtype.np_dtype
    if isinstance(given, np.ndarray) or not is_listed(given):
        return np.asarray(given, dtype)
    return jax.ShapeDtypeStruct(tuple(int(size) for size in given), dtype)


def _costs(nodes: Sequence[Operation], fed: dict[Tensor, Any]) -> list[NodeCost]:
    """Runs the nodes on shapes, under `jax.eval_shape`, and asks each for its cost on the way."""
    found: list[NodeCost] = []
    traced = {t: v for t, v in fed.items() if isinstance(v, jax.ShapeDtypeStruct)}
    known = {t: v for t, v in fed.items() if t not in traced}
    state = {slot: spec for node in nodes for slot, spec in _state_of(node, nodes).items()}

    def on_shapes(values: Sequence[Any], slots: dict[str, Any]) -> None:
        run = Interpreter(known | dict(zip(traced, values, strict=True)), dict(slots))
        for node in nodes:
            if node.type == "Placeholder" and node.outputs[0] not in run.values:
                _stand_in(node, run)
            elif not (node.outputs and all(t in run.values for t in node.outputs)):
                if node.in_python:
                    _skip(node, run)
                else:
                    run.node(node)
                found.append(NodeCost(node.name, node.type, cost_in_run(node, run)))

    with jax.enable_x64(True):
        jax.eval_shape(on_shapes, list(traced.values()), state)
    return found


def _state_of(node: Operation, nodes: Sequence[Operation]) -> dict[str, Any]:
    """What stands for the state that a node keeps: a variable's value, a random op's counter."""
    state = node.kind.initial_state() if node.kind.has_state else None
    if state is not None:
        return {node.name: jax.ShapeDtypeStruct(state.shape, state.dtype)}
    if node.kind.is_ref and not node.kind.ref_inputs and node.outputs[0].dtype is not string:
        tensor = node.outputs[0]
        shape = tensor.static_shape
        if shape is None or None in shape:  # then the value that an assignment gives it
            shape = next(
                (_known_sizes(n) for n in nodes if n.kind.writes and variable_of(n.inputs[0]) == node.name), ()
            )
        return {node.name: jax.ShapeDtypeStruct(shape, tensor.dtype.np_dtype)}
    return {}


def _known_sizes(node: Operation) -> tuple[int, ...]:
    return tuple(size or 1 for size in node.inputs[-1].static_shape or ())


def _stand_in(node: Operation, run: Interpreter) -> None:
    """A placeholder that is not fed, but whose shape is known."""
    tensor = node.outputs[0]
    shape = tensor.static_shape
    if shape is None or None in shape:
        raise FeedError(
            f"the cost depends on the size of {tensor.name!r}, whose shape is {shape_text(shape)}.\n"
            f"  Try: graph_cost(fetches, {{{node.name}: [100, ...]}}): the shape that will be fed."
        )
    if tensor.dtype is not string:
        run.values[tensor] = jnp.zeros(shape, tensor.dtype.np_dtype)


def _skip(node: Operation, run: Interpreter) -> None:
    """A host operation does not run; what it makes has the shape that `infer` says, unknown sizes as 1."""
    for tensor, spec in zip(node.outputs, node.kind.output_specs(*_specs(node, run)), strict=True):
        shape = tuple(1 if size is None else size for size in spec.shape or ())
        in_python = spec.dtype is string or spec.dtype is resource
        run.values[tensor] = np.empty(shape, object) if in_python else jnp.zeros(shape, spec.dtype.np_dtype)


def _specs(node: Operation, run: Interpreter) -> list[Spec]:
    """What a node's inputs are in this run: their shapes, and the values of those that its kernel needs to know."""
    specs: list[Spec] = []
    for position, tensor in enumerate(node.inputs):
        value = run.state.get(variable_of(tensor)) if tensor.op.kind.is_ref else run.values.get(tensor)
        shape = tensor.static_shape if value is None else tuple(np.shape(value))
        known: Any = None
        if position in node.kind.static_inputs and not node.in_python:
            known = _as_tuple(run.static_array(tensor).tolist())
        specs.append(Spec(tensor.dtype, shape, known))
    return specs


def _as_tuple(value: Any) -> Any:
    return tuple(_as_tuple(entry) for entry in value) if is_listed(value) else value


def cost_in_run(node: Operation, run: Interpreter) -> Cost:
    """The cost of a node on the shapes that its inputs have in a run.

    Args:
        node: a node that has run.
        run: the interpreter that ran it.
    """
    return node.kind.cost(*_specs(node, run))


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
