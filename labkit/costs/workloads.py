"""A step of a graph as a `Workload`: what placers by cost, the partition and the simulator take.

Example:
    >>> import labkit as tf
    >>> x = tf.placeholder(tf.float32, [None, 784], name="x")
    >>> with tf.device("/gpu:1"):
    ...     y = tf.matmul(x, tf.Variable(tf.zeros([784, 10]), name="w"), name="y")
    >>> work = workload(y, {x: [100, 784]})
    >>> node = work.node("y")
    >>> node.inputs, node.flops, node.asked, work.node("w").state_bytes
    (('x:0', 'w/read:0'), 1568000.0, '/device:GPU:1', 31360)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from labkit.costs.walk import cost_in_run, on_shapes, step_of
from labkit.dtypes import OBJECTS, resource, string
from labkit.graph import Interpreter, Operation, variable_of
from labkit.placement import kernel_types
from labkit.placement.groups import Groups
from labkit.placement.reasons import asked_text
from labkit.trace import Output
from labkit.workload import Workload, WorkNode

_KINDS = ("TPU", "GPU", "CPU")


def workload(fetches: Any, feeds: Mapping[Any, Any] | None = None) -> Workload:
    """One run of `fetches` as plain data, from shapes alone.

    Args:
        fetches: as for `Session.run`: tensors, operations, variables, nested as you like.
        feeds: for each tensor that will be fed its shape (a list of numbers), or an array of that shape. Give the
            array where the value matters, as for a size.

    Returns:
        The nodes that run. What is fed is made by its placeholder, at no cost.

    Raises:
        FeedError: if a placeholder of an unknown size is not among the feeds.
        InvalidArgumentError: if ops that must share a device ask for different ones.
    """
    step = step_of(fetches, feeds)
    groups = Groups(step.nodes, {}, kernel_types, _KINDS, soft=True)
    found: dict[str, WorkNode] = {}

    def see(node: Operation, run: Interpreter) -> None:
        cost = cost_in_run(node, run)
        group = groups.of(node).members
        first = min(group, key=lambda member: member.id).name if len(group) > 1 else ""
        outputs = _outputs(node, run)
        reference = node.kind.is_ref
        kept = sum(output.bytes for output in outputs) if reference and not node.kind.ref_inputs else 0
        inputs = (*(t.name for t in node.inputs), *(f"^{other.name}" for other in node.control_inputs))
        kinds = kernel_types(node)
        found[node.name] = WorkNode(
            node.name, node.type, inputs, outputs, cost.flops, cost.bytes, _dtype(node), kept,
            None if kinds is None else tuple(kinds), node.device, asked_text(node) if node.device else "", first,
            reference,
        )  # fmt: skip

    on_shapes(step, see)
    for tensor, value in step.fed.items():  # what is fed stands in the place of its op
        made = Output(tensor.name, tensor.dtype.name, tuple(value.shape), _bytes(value.shape, tensor.dtype.size))
        node = tensor.op
        found.setdefault(node.name, WorkNode(node.name, node.type, (), (made,), asked=node.device))
    for node in step.nodes:
        if node.name not in found:
            found[node.name] = WorkNode(node.name, node.type, (), _known(node), asked=node.device)
    names = {node.name: node.id for node in (*step.nodes, *(tensor.op for tensor in step.fed))}
    nodes = sorted((node for name, node in found.items() if name in names), key=lambda node: names[node.name])
    return Workload(tuple(nodes), tuple(tensor.name for tensor in step.fetched))


def _outputs(node: Operation, run: Interpreter) -> tuple[Output, ...]:
    made: list[Output] = []
    for tensor in node.outputs:
        value = run.state.get(variable_of(tensor)) if tensor.op.kind.is_ref else run.values.get(tensor)
        if value is None or tensor.dtype is resource or tensor.dtype in OBJECTS:
            made.append(Output(tensor.name, tensor.dtype.name, (), 0))
        else:
            shape = tuple(int(size) for size in np.shape(value))
            size = 0 if tensor.dtype is string else tensor.dtype.size
            made.append(Output(tensor.name, tensor.dtype.name, shape, _bytes(shape, size)))
    return tuple(made)


def _known(node: Operation) -> tuple[Output, ...]:
    return tuple(
        Output(t.name, t.dtype.name, tuple(size or 1 for size in t.static_shape or ()), t.spec.size_bytes() or 0)
        for t in node.outputs
    )


def _bytes(shape: Any, size: int) -> int:
    return int(np.prod(shape, dtype=np.int64)) * size


def _dtype(node: Operation) -> str:
    """What a node computes in: the dtype of its first output that is a number."""
    tensors = [*node.outputs, *node.inputs]
    return next((t.dtype.name for t in tensors if t.dtype is not string and t.dtype not in OBJECTS), "float32")
