"""Graphs inside a node: the branches of `cond`, the bodies of loops.

While a branch is being built, its `SubGraph` is the default graph. A tensor of the graph around it that an op inside
uses is *captured*: the subgraph gets a node that stands for it, and the tensor becomes one more input of the node that
will hold the subgraph. So a branch may use whatever Python can see, and the edges of the outer graph still say what
depends on what. Small integer constants are copied instead, so that shapes stay known; a captured variable is a
reference inside too, so that it can be assigned to.

A finished subgraph is a `Body`: a pure function from values (of its parameters and of what it captures) to values,
which JAX's `cond`, `while_loop` and `scan` can take.

Example:
    >>> import labkit as tf
    >>> x = tf.constant([1.0] * 5000)
    >>> graph = SubGraph(tf.get_default_graph())
    >>> with graph.as_default():
    ...     y = x * 2.0
    >>> [outside.name for outside in graph.captured] == [x.name]
    True

Source: `FuncGraph` of TensorFlow 2 (`tensorflow/python/framework/func_graph.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from labkit.dtypes import DType
from labkit.errors import GraphError
from labkit.graph.folding import known_array
from labkit.graph.graph import Graph, get_default_graph
from labkit.graph.interpret import Interpreter, call_on_host, variable_of
from labkit.graph.op import Cost, Op, Spec, op
from labkit.graph.tensor import Operation, Tensor
from labkit.graph.together import running_together
from labkit.shapes import Shape, num_elements

_LARGEST_COPY = 4096  # entries: integer constants up to this size are copied into a subgraph


@op
class Parameter(Op):
    """An input of a subgraph that changes from call to call, such as a loop variable."""

    dtype: DType
    shape: Shape

    args = ()
    memoise_infer = False

    def infer(self) -> Spec:
        """What was said."""
        return Spec(self.dtype, self.shape)

    def cost(self) -> Cost:
        """Nothing."""
        return Cost(0, 0)


@op
class Captured(Op):
    """What a subgraph takes from the graph around it."""

    outside: Tensor

    args = ()
    memoise_infer = False

    def infer(self) -> Spec:
        """That of the tensor outside."""
        return self.outside.spec

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        """What is known of the tensor outside."""
        return known_array(self.outside)

    def cost(self) -> Cost:
        """Nothing."""
        return Cost(0, 0)


@op
class CapturedRef(Op):
    """A variable that a subgraph takes from the graph around it."""

    outside: Tensor

    args = ()
    memoise_infer = False
    is_ref = True
    stateful = True

    def infer(self) -> Spec:
        """That of the tensor outside."""
        return self.outside.spec


class SubGraph(Graph):
    """A graph that is the inside of a node of another graph.

    Args:
        outer: the graph around it.
    """

    captures_inputs = True

    def __init__(self, outer: Graph) -> None:
        super().__init__()
        self.outer = outer
        self.current_scope = outer.current_scope
        self.collections = outer.collections
        self.seed = outer.seed
        self._gradient_names = outer._gradient_names  # to refuse what cannot be done
        self.parameters: list[Tensor] = []
        self.captured: dict[Tensor, Tensor] = {}
        self.waits: list[Operation] = []  # operations outside that the whole node must wait for

    def parameter(self, dtype: DType, shape: Shape, name: str = "arg") -> Tensor:
        """A new input of the subgraph."""
        tensor = self.apply(Parameter(dtype, shape), (), name)
        self.parameters.append(tensor)
        return tensor

    def adopt(self, tensor: Tensor, what: str) -> Tensor:
        """`tensor` itself if it was made inside, else the node that stands for it inside."""
        if tensor.graph is self:
            return tensor
        outside = self.outer.adopt(tensor, what)
        known = self.captured.get(outside)
        if known is None:
            known = self.captured[outside] = self._stand_in(outside)
        return known

    def _stand_in(self, outside: Tensor) -> Tensor:
        source = outside.op.kind
        kind: Op = CapturedRef(outside) if source.is_ref else Captured(outside)
        size = num_elements(outside.static_shape)
        small = size is not None and size <= _LARGEST_COPY
        if source.type == "Const" and small and not outside.dtype.is_differentiable:
            kind = source
        scope, self.current_scope = self.current_scope, ""
        try:
            with super().control_dependencies(None):
                return self.apply(kind, (), outside.op.name)
        finally:
            self.current_scope = scope

    @contextmanager
    def control_dependencies(self, control_inputs: Sequence[Any] | None) -> Generator[None]:
        """As in any graph; what lies outside is waited for by the node that holds the subgraph."""
        inside: list[Any] | None = None if control_inputs is None else []
        for element in control_inputs or ():
            own = element.as_own_graph_element() if hasattr(element, "as_own_graph_element") else element
            if isinstance(own, (Tensor, Operation)) and own.graph is not self:
                self.waits.append(own.op if isinstance(own, Tensor) else own)
            elif inside is not None:
                inside.append(own)
        with super().control_dependencies(inside):
            yield

    @contextmanager
    def colocate_with(self, op: Any, ignore_existing: bool = False) -> Generator[None]:
        """As in any graph; with what lies outside nothing inside can be colocated, because the node runs as a whole."""
        own = op.as_own_graph_element() if hasattr(op, "as_own_graph_element") else op
        if isinstance(own, (Tensor, Operation)) and own.graph is not self:
            yield
            return
        with super().colocate_with(op, ignore_existing):
            yield


@contextmanager
def outermost_graph() -> Generator[Graph]:
    """Makes the graph around all subgraphs the default one, in the name scope of the innermost: variables live there.

    Yields:
        That graph; simply the default graph if no subgraph is being built.
    """
    inner = get_default_graph()
    graph = inner
    while isinstance(graph, SubGraph):
        graph = graph.outer
    if graph is inner:
        yield graph
        return
    scope, graph.current_scope = graph.current_scope, inner.current_scope
    try:
        with graph.as_default():
            yield graph
    finally:
        graph.current_scope = scope


class Body:
    """A finished subgraph as a function.

    Args:
        graph: the subgraph.
        outputs: tensors of the subgraph: what the function returns.
        effects: operations of the subgraph that must run, too.

    Attributes:
        captured: the tensors of the outer graph that it needs, in order.
        stand_ins: the tensors inside that stand for them.
        refs: those of the nodes inside that stand for variables.
        host: True if a node inside runs in Python rather than in JAX.
    """

    def __init__(self, graph: SubGraph, outputs: Sequence[Tensor], effects: Sequence[Operation] = ()) -> None:
        self.graph = graph
        self.parameters = tuple(graph.parameters)
        self.outputs = tuple(outputs)
        self.nodes = _needed([*(t.op for t in outputs), *effects])
        needed = set(self.nodes)
        pairs = [(outer, t) for outer, t in graph.captured.items() if t.op in needed and t.op.type != "Const"]
        self.captured = tuple(outer for outer, _ in pairs)
        self.stand_ins = tuple(inner for _, inner in pairs)
        self.refs = tuple(inner for inner in self.stand_ins if inner.op.kind.is_ref)
        self.nodes = [n for n in self.nodes if n.type not in ("Parameter", "Captured", "CapturedRef")]
        self.stateful_nodes = [node for node in self.nodes if node.kind.has_state]
        self.host = any(node.in_python for node in self.nodes if node.inputs or node.type != "Const")

    @property
    def written(self) -> set[Tensor]:
        """The captured variables, as tensors of the outer graph, that it assigns to."""
        names = {variable_of(node.inputs[p]) for node in self.nodes for p in node.kind.writes}
        pairs = zip(self.captured, self.stand_ins, strict=True)
        return {outer for outer, inner in pairs if inner.op.name in names}

    def static(self) -> set[Tensor]:
        """The captured tensors whose values are needed while the program is compiled."""
        return self.behind([t for n in self.nodes for i, t in enumerate(n.inputs) if i in n.kind.static_inputs])

    def behind(self, tensors: Sequence[Tensor]) -> set[Tensor]:
        """The captured tensors whose values these tensors need, beyond their shapes."""
        stack = list(tensors)
        seen: set[Tensor] = set()
        while stack:
            tensor = stack.pop()
            if tensor not in seen:
                seen.add(tensor)
                if not tensor.op.kind.folds_from_shape:
                    stack.extend(tensor.op.inputs)
        return {outer for outer, inner in zip(self.captured, self.stand_ins, strict=True) if inner in seen}

    def initial_state(self) -> list[np.ndarray[Any, Any]]:
        """The first state of each node inside that has one."""
        states = [node.kind.initial_state() for node in self.stateful_nodes]
        return [state for state in states if state is not None]

    def run(
        self, arguments: Sequence[Any], captured: dict[Tensor, Any], states: Sequence[Any] = ()
    ) -> tuple[list[Any], dict[Tensor, Any], list[Any]]:
        """Runs the nodes.

        Args:
            arguments: values of the parameters.
            captured: values of what is captured, by tensor of the outer graph.
            states: the state of each of the `stateful_nodes`.

        Returns:
            The outputs; the values of the captured variables afterwards, by outer tensor; the new states.
        """
        values: dict[Tensor, Any] = dict(zip(self.parameters, arguments, strict=True))
        state: dict[str, Any] = {}
        for outer, inner in zip(self.captured, self.stand_ins, strict=True):
            if inner.op.kind.is_ref:
                state[inner.op.name] = captured[outer]
            else:
                values[inner] = captured[outer]
        state.update((node.name, value) for node, value in zip(self.stateful_nodes, states, strict=True))
        interpreter = Interpreter(values, state, call_on_host if self.host else None)
        with running_together(self.nodes, self.outputs):
            self.run_nodes(interpreter)
        pairs = zip(self.captured, self.stand_ins, strict=True)
        after = {outer: state[inner.op.name] for outer, inner in pairs if inner.op.kind.is_ref}
        outputs = [interpreter.value(tensor) for tensor in self.outputs]
        return outputs, after, [state[node.name] for node in self.stateful_nodes]

    def run_nodes(self, interpreter: Interpreter) -> None:
        """Runs the nodes one after another; the debugger's own bodies look at each."""
        for node in self.nodes:
            interpreter.node(node)

    def static_array(self, tensor: Tensor, captured: dict[Tensor, Any]) -> np.ndarray[Any, Any]:
        """The value of a tensor inside, while the program is compiled, from the values of what is captured."""
        pairs = zip(self.captured, self.stand_ins, strict=True)
        return Interpreter({inner: captured[outer] for outer, inner in pairs}, {}).static_array(tensor)

    def cost(self) -> Cost:
        """FLOPs and bytes of running it once."""
        costs = [node.cost() for node in self.nodes]
        return Cost(sum(c.flops for c in costs), sum(c.bytes for c in costs))

    def __repr__(self) -> str:
        return f"<body of {len(self.nodes)} operations>"


def _needed(roots: Sequence[Operation]) -> list[Operation]:
    """What `roots` depend on, in creation order."""
    found: set[Operation] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node not in found:
            found.add(node)
            stack.extend(node.control_inputs)
            stack.extend(tensor.op for tensor in node.inputs)
    return sorted(found, key=lambda node: node.id)


def trace_body(
    outer: Graph, parameters: Sequence[Spec], build: Callable[[list[Tensor]], Sequence[Any]], what: str
) -> tuple[SubGraph, list[Any]]:
    """Builds a subgraph by calling a Python function.

    Args:
        outer: the graph around it.
        parameters: dtype and shape of each parameter.
        build: takes the parameters, returns the outputs: tensors, or values that become constants.
        what: who asks, for errors.

    Returns:
        The subgraph and what `build` returned.
    """
    if outer.finalized:
        raise GraphError(f"{what} adds nodes, and the graph is finalized: it cannot be changed any more.")
    graph = SubGraph(outer)
    with graph.as_default():
        arguments = [graph.parameter(spec.dtype, spec.shape) for spec in parameters]
        return graph, list(build(arguments))
