"""Following the shapes of a step from what is fed to what is fetched, without computing anything.

`step_of` finds what runs; `on_shapes` runs it under `jax.eval_shape` and shows each node to a visitor. What is counted
(`counted.py`) and what is described (`workloads.py`) are two such visitors.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from labkit.dtypes import resource, string
from labkit.errors import FeedError, LabkitError
from labkit.executor import prune
from labkit.fetches import take_apart
from labkit.graph import Cost, Interpreter, Operation, Spec, Tensor, get_default_graph, variable_of
from labkit.nests import is_listed, is_mapping
from labkit.shapes import shape_text

Visitor = Callable[[Operation, Interpreter], None]
"""Sees a node that has run on shapes, and the interpreter that holds what it was given and made."""


class Step(NamedTuple):
    """What runs: the nodes in order, the shapes or values of what is fed, and the tensors that are fetched."""

    nodes: list[Operation]
    fed: dict[Tensor, Any]
    fetched: list[Tensor]


def step_of(fetches: Any, feeds: Mapping[Any, Any] | None) -> Step:
    """The nodes whose values a run of `fetches` uses.

    Args:
        fetches: as for `Session.run`.
        feeds: for each tensor that will be fed its shape, or an array.
    """
    if feeds is not None and not is_mapping(feeds):  # pyright: ignore[reportUnnecessaryComparison]
        raise FeedError(
            f"the feeds are {feeds!r} ({type(feeds).__name__}), not a dict from placeholders to shapes.\n"
            "  Try: {x: [100, 784]}."
        )
    elements: list[Any] = []
    graph = get_default_graph()
    first = next((e for e in _leaves(fetches) if hasattr(e, "graph")), None)
    graph = graph if first is None else first.graph
    take_apart(graph, fetches, elements)
    fed = {graph.as_tensor(key): _fed(graph.as_tensor(key), value) for key, value in (feeds or {}).items()}
    roots = [e.op if isinstance(e, Tensor) else e for e in elements if not (isinstance(e, Tensor) and e in fed)]
    nodes = prune(roots, list(fed))
    fetched = [t for t in elements if isinstance(t, Tensor)]
    alive = _alive(nodes, [t.op for t in fetched], fed)
    return Step([node for node in nodes if node in alive], fed, fetched)


def on_shapes(step: Step, see: Visitor) -> None:
    """Runs the nodes on shapes, and shows each that runs to `see`.

    Raises:
        FeedError: if a placeholder of an unknown size is not fed.
    """
    nodes, fed = step.nodes, step.fed
    traced = {t: v for t, v in fed.items() if isinstance(v, jax.ShapeDtypeStruct)}
    known = {t: v for t, v in fed.items() if t not in traced}
    state = {slot: spec for node in nodes for slot, spec in _state_of(node, nodes).items()}

    def walk(values: Sequence[Any], slots: dict[str, Any]) -> None:
        run = Interpreter(known | dict(zip(traced, values, strict=True)), dict(slots))
        for node in nodes:
            if node.type == "Placeholder" and node.outputs[0] not in run.values:
                _stand_in(node, run)
            elif not (node.outputs and all(t in run.values for t in node.outputs)):
                if node.in_python:
                    _skip(node, run)
                else:
                    run.node(node)
                see(node, run)

    with jax.enable_x64(True):
        try:
            jax.eval_shape(walk, list(traced.values()), state)
        except LabkitError as error:  # while tracing: JAX adds a remark about its own frames
            error.__notes__ = [note for note in getattr(error, "__notes__", []) if "JAX has removed" not in note]
            raise error from None


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
            f"  Try: {{{node.name}: [100, ...]}} as the second argument: the shape that will be fed."
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
