"""Functions of elements: what `map`, `filter` and `flat_map` are given, as graphs.

The learner's function is called once, with tensors that stand for an element; what it builds becomes a subgraph. For
each element a `Runner` runs that subgraph as a session would: compiled where it is numbers, in Python where it is
strings or `tf.py_func`. What the function takes from outside is an input of the data set's node.

Source: `tensorflow/python/data/ops/dataset_ops.py`, `framework/function.py` (1.4).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from labkit.dtypes import OBJECTS, string
from labkit.errors import GraphError
from labkit.executor import Plan
from labkit.graph import Operation, Spec, Tensor, get_default_graph
from labkit.graph.subgraph import Body, SubGraph, trace_body


def traced(function: Callable[[list[Tensor]], Sequence[Any]], specs: Sequence[Spec], what: str) -> Body:
    """A function as a subgraph.

    Args:
        function: from tensors to tensors.
        specs: dtype and shape of each argument.
        what: who asks, for errors.

    Raises:
        GraphError: if the function uses a variable.
    """

    def build(parameters: list[Tensor]) -> list[Tensor]:
        inside = get_default_graph()
        return [inside.adopt(inside.as_tensor(value), what) for value in function(parameters)]

    graph, outputs = trace_body(get_default_graph(), specs, build, what)
    body = Body(graph, outputs)
    if body.refs:
        name = body.refs[0].op.name
        raise GraphError(
            f"the function given to {what} uses the variable {name!r}, and a data set is made outside of training.\n"
            "  Try: use the variable after iterator.get_next()."
        )
    return body


class Runner:
    """A subgraph that is run element by element.

    Args:
        body: the subgraph.
        captured: values of what it takes from outside.
    """

    def __init__(self, body: Body, captured: Sequence[Any]) -> None:
        self._plan = plan_of(body)
        self._captured = list(captured)
        self._dtypes = [t.dtype for t in body.outputs]
        self._store: dict[str, Any] = {}
        self._lock = threading.RLock()

    def __call__(self, element: tuple[Any, ...]) -> tuple[Any, ...]:
        results = self._plan.run(self._store, [*element, *self._captured], self._lock)
        return tuple(_component(value, dtype) for value, dtype in zip(results, self._dtypes, strict=True))


def plan_of(body: Body) -> Plan:
    """The plan that runs a subgraph, kept with it."""
    plan = body.graph.plans.get(body)
    if plan is None:
        feeds = [*body.parameters, *body.stand_ins]
        plan = body.graph.plans[body] = Plan(body.outputs, (), feeds)
    return plan


def _component(value: Any, dtype: Any) -> Any:
    if dtype in OBJECTS:
        return value
    return np.array(value, object) if dtype is string else np.asarray(value)


class ByValue(SubGraph):
    """A subgraph that copies what it takes from outside: a one-shot iterator has no inputs."""

    def __init__(self) -> None:
        super().__init__(get_default_graph())
        self._copies: dict[Operation, Operation] = {}

    def adopt(self, tensor: Tensor, what: str) -> Tensor:
        """`tensor` itself if it was made inside, else its copy."""
        if tensor.graph is self:
            return tensor
        outside = self.outer.adopt(tensor, what)
        return self._copy(outside.op).outputs[outside.value_index]

    def _copy(self, node: Operation) -> Operation:
        if node not in self._copies:
            kind = node.kind
            if kind.is_ref or kind.has_state or kind.uses_session or kind.type == "Placeholder":
                raise GraphError(
                    f"a one-shot iterator is complete in itself, and this data set uses {node.describe()}.\n"
                    "  Try: iterator = dataset.make_initializable_iterator(), and sess.run(iterator.initializer, "
                    "feed_dict=...)."
                )
            inputs = [self.adopt(t, "a one-shot iterator") for t in node.inputs]
            self._copies[node] = self.apply_node(kind, inputs, node.name)
        return self._copies[node]
