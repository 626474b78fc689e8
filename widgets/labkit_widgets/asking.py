"""Values on demand: what a tensor holds now, without anything changing because somebody looked.

A click must not train, print or take an example from a queue. So a value is computed on a copy of the session's state,
node by node, and a run that would have an effect is refused, with the operation that has it. Random operations draw the
number that they would draw next, and will draw it again. The session's lock is held only while the state is copied, so
a training that goes on in another thread does not wait.

Gradients are nodes of a graph. They are made in the learner's graph, so that loops, registered gradients and captured
tensors mean the same, and taken out again before anybody sees them; they are run from the list that was kept.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default():
    ...     x = tf.Variable(3.0, name="x")
    ...     y = x * x
    >>> with tf.Session(graph=y.graph) as session:
    ...     session.run(x.initializer)
    ...     (value,) = compute(session, [y], {})
    ...     slope = gradient(session, y, y.graph.get_tensor_by_name("x/read:0"), {})
    >>> float(value), float(slope), len(y.graph.get_operations())
    (9.0, 6.0, 5)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import jax
import numpy as np

from labkit.dtypes import OBJECTS
from labkit.executor import prune
from labkit.gradients import gradients
from labkit.graph import Graph, Interpreter, Op, Operation, Tensor, running_in, variable_of
from labkit.graph.interpret import call_kernel, call_on_host
from labkit.graph.strings import is_strings
from labkit.ops.indexed_slices import IndexedSlices, IndexedSlicesValue

Feeds = Mapping[Tensor, Any]

_LOOKS = frozenset(["LookupTableExportV2", "LookupTableFindV2", "LookupTableSizeV2", "QueueIsClosedV2", "QueueSizeV2"])


def compute(session: Any, tensors: Sequence[Tensor], feeds: Feeds) -> list[Any]:
    """The values of tensors now.

    Args:
        session: the session whose variables they see.
        tensors: what is asked for.
        feeds: values in place of tensors, converted to their dtypes.

    Returns:
        NumPy arrays.

    Raises:
        ValueError: if there is no value to be had, with the reason.
    """
    for tensor in tensors:
        if tensor.dtype in OBJECTS:
            raise ValueError(f'"{tensor.op.name}" stands for an object that the session keeps, not for an array.')
    nodes = prune([t.op for t in tensors if t not in feeds], tuple(feeds))
    _check_fed(nodes, feeds)
    _check_effects(nodes)
    session = unwrapped(session)
    with jax.enable_x64(True), running_in(session._resources):
        state = _copied(session, nodes, tensors)
        run = Interpreter(dict(feeds), state, _call)
        for node in nodes:
            _run(node, run, state, feeds)
        return [_result(_value(t, run, state)) for t in tensors]


def _copied(session: Any, nodes: Sequence[Operation], tensors: Sequence[Tensor]) -> dict[str, Any]:
    """Copies of what these nodes read of the state: a training step in another thread gives its buffers away."""
    read = [*tensors, *(t for node in nodes for t in node.inputs)]
    slots = {variable_of(t) for t in read if t.op.kind.is_ref} | {node.name for node in nodes if node.kind.has_state}
    with session._lock:
        found = {slot: session._store[slot] for slot in slots if slot in session._store}
        return {
            slot: jax.numpy.array(value, copy=True) if isinstance(value, jax.Array) else np.array(value, copy=True)
            for slot, value in found.items()
        }


def gradient(session: Any, of: Tensor, to: Tensor, feeds: Feeds) -> Any:
    """The derivative of the sum of one tensor with respect to another.

    Args:
        session: as for `compute`.
        of: the tensor that is differentiated, such as a loss.
        to: what the gradient is with respect to.
        feeds: as for `compute`.

    Returns:
        An array of the shape of `to`, a `tf.IndexedSlicesValue` for a table of which rows were gathered, or None where
        no path leads from `to` to `of`.
    """
    if not to.dtype.is_differentiable:
        raise ValueError(f'"{to.name}" is {to.dtype.name}: only floating-point tensors have gradients.')
    made = _gradient_nodes(of.graph, of, to)
    if made is None:
        return None
    if isinstance(made, IndexedSlices):
        values, rows = compute(session, [made.values, made.indices], feeds)
        return IndexedSlicesValue(values, rows, None)
    return compute(session, [made], feeds)[0]


def loss_of(graph: Graph, to: Tensor) -> Tensor:
    """What `tf.gradients` was called on, and depends on a tensor: an optimizer's loss.

    Raises:
        ValueError: if there is none.
    """
    for candidate in graph.differentiated:
        if candidate is not to and to.op in set(prune([candidate.op], ())):
            return candidate
    what = "what was differentiated does not depend on it" if graph.differentiated else "nothing was differentiated"
    raise ValueError(f"There is no loss to take the gradient of: {what}. Give GraphView(loss=...).")


def unwrapped(session: Any) -> Any:
    """The `tf.Session` inside a monitored or a debugged one."""
    session = getattr(session, "debugged_session", session)
    if hasattr(session, "run_step_fn"):
        return session.run_step_fn(lambda step_context: step_context.session)  # pyright: ignore[reportUnknownLambdaType]
    return session


def _gradient_nodes(graph: Graph, of: Tensor, to: Tensor) -> Any:
    """The gradient as tensors of nodes that are no longer in the graph."""
    made: Any = None
    with graph.lock:
        finalized, graph.finalized = graph.finalized, False
        differentiated = list(graph.differentiated)
        try:
            with graph.all_or_nothing(), graph.as_default(), graph.control_dependencies(None), graph.name_scope(None):
                (made,) = gradients(of, to)
                raise _TakeBack
        except _TakeBack:
            pass
        finally:
            graph.finalized = finalized
            graph.differentiated[:] = differentiated
    return made


class _TakeBack(Exception):  # noqa: N818  # no error: it ends a block of which nothing is to stay
    pass


def _check_fed(nodes: Sequence[Operation], feeds: Feeds) -> None:
    for node in nodes:
        if node.type == "Placeholder" and node.outputs[0] not in feeds:
            name = node.name.rpartition("/")[2]
            raise ValueError(
                f"{node.name} is not fed: give GraphView(feed={{{name}: ...}}), or view.ask(feed={{{name}: ...}})."
            )


def _check_effects(nodes: Sequence[Operation]) -> None:
    for node in nodes:
        effect = _effect(node)
        if effect:
            raise ValueError(f'Looking must not change anything, and {node.type} "{node.name}" {effect}.')


def _effect(node: Operation) -> str:
    """What a run of the node would do beyond its value; "" for nothing."""
    kind = node.kind
    if kind.writes:
        return f'changes the variable "{variable_of(node.inputs[kind.writes[0]])}"'
    inside = [inner for body in getattr(kind, "bodies", tuple)() for inner in body.nodes]
    for inner in inside:
        effect = "prints" if inner.type == "Print" else _effect(inner)
        if effect:
            return f'holds {inner.type} "{inner.name}", which {effect}'
    handle = bool(node.outputs) and node.outputs[0].dtype in OBJECTS
    if kind.uses_session and not handle and node.type not in _LOOKS:
        return "uses an object that the session keeps, such as a queue or the place in a data set"
    if node.type == "PyFunc":
        return "calls a Python function, which may do anything; tf.py_func(..., stateful=False) says that it does not"
    if node.type.startswith(("Write", "Save", "MergeV2Checkpoints")):
        return "writes files"
    return ""


def _run(node: Operation, run: Interpreter, state: dict[str, Any], feeds: Feeds) -> None:
    kind = node.kind
    if node.type == "Print":
        run.values[node.outputs[0]] = _value(node.inputs[0], run, state)
        return
    if kind.has_state and node.name not in state:
        state[node.name] = cast("Any", kind).initial_state()
    for position, tensor in enumerate(node.inputs):
        skipped = (position in kind.ref_inputs and not kind.uses_ref_value) or position in kind.optional_refs
        if not skipped and tensor.op.kind.is_ref and tensor not in feeds:
            _check_initialized(tensor, state)
    if node.outputs and all(t in feeds for t in node.outputs):
        return
    run.node(node)
    run.values.update(feeds)


def _value(tensor: Tensor, run: Interpreter, state: dict[str, Any]) -> Any:
    if tensor not in run.values and tensor.op.kind.is_ref:
        _check_initialized(tensor, state)
    return run.value(tensor)


def _check_initialized(tensor: Tensor, state: dict[str, Any]) -> None:
    name = variable_of(tensor)
    if name not in state:
        raise ValueError(
            f'The variable "{name}" has no value in this session yet: run its initializer first, or give '
            "GraphView(session=...) the session that has trained."
        )


def _call(kind: Op, inputs: list[Any]) -> Any:
    """The kernel at once, not compiled: what was compiled would be kept, with the constants in it."""
    if kind.host or any(is_strings(v) for v in inputs):
        return call_on_host(kind, inputs)
    return call_kernel(kind, inputs)


def _result(value: Any) -> np.ndarray[Any, Any]:
    return np.array(value, copy=True)
