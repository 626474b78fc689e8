"""`RunMetadata.partition_graphs`: what each device ran, as a `GraphDef` each, with `_Send` and `_Recv` between them.

Example:
    >>> import labkit as tf
    >>> from labkit.trace import Event
    >>> x = tf.constant([1.0, 2.0], name="x")
    >>> y = tf.exp(x, name="y")
    >>> events = [Event(n.name, n.type, f"/device:CPU:{i}", 0.0, 0.0, 0) for i, n in enumerate([x.op, y.op])]
    >>> for graph in partition_graphs([x.op, y.op], [], Trace(events)):
    ...     print([(node.name, node.op, list(node.input)) for node in graph.node])
    [('x', 'Const', []), ('x/_send_0', '_Send', ['x'])]
    [('x/_recv_0', '_Recv', []), ('y', 'Exp', ['x/_recv_0'])]

Source: `tensorflow/core/graph/graph_partition.cc`, `tensorflow/core/ops/sendrecv_ops.cc` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit.dtypes import as_dtype
from labkit.graph import Operation, Tensor
from labkit.graphdef.looking import graph_to_look_at
from labkit.messages import message
from labkit.partition import Crossing, Partition, partition
from labkit.trace import Output, Trace
from labkit.workload import Workload, WorkNode, maker


def partition_graphs(nodes: Sequence[Operation], feeds: Sequence[Tensor], trace: Trace) -> list[Any]:
    """The graphs of a run.

    Args:
        nodes: the nodes that ran, in creation order.
        feeds: what was fed: its nodes are shown where they are taken.
        trace: where the nodes ran.

    Returns:
        A `GraphDef` per device.
    """
    whole = graph_to_look_at(nodes[0].graph.get_operations())
    defs = {node.name: node for node in whole.node}
    nodes = [node for node in nodes if node.name in defs]
    places = {event.node: event.device for event in trace.events if event.op != "_Recv"}
    first = next(iter(places.values()), "")
    fed = {t.op.name for t in feeds}
    work = Workload(tuple(_work_node(node, fed) for node in nodes if node.name not in fed))
    cut = partition(work, {node.name: places.get(node.name, first) for node in work.nodes})
    graphs: dict[str, Any] = {}
    for device, part in cut.parts.items():
        graphs[device] = message("GraphDef")()
        taken = dict.fromkeys(need for node in part for need in node.needs if need in fed and need in defs)
        for name in taken:  # what is fed is where it is taken
            graphs[device].node.add().CopyFrom(defs[name])
            graphs[device].node[-1].device = device
        for node in part:
            made = graphs[device].node.add()
            if node.name in defs:
                made.CopyFrom(defs[node.name])
                del made.input[:]
                made.input.extend(_reference(name) for name in node.inputs)
            else:
                _transfer(made, node, cut)
            made.device = device
    return list(graphs.values())


def _work_node(node: Operation, fed: set[str]) -> WorkNode:
    waits = (f"^{other.name}" for other in node.control_inputs if other.name not in fed)
    outputs = tuple(Output(t.name, t.dtype.name, (), 0) for t in node.outputs)
    return WorkNode(node.name, node.type, (*(t.name for t in node.inputs), *waits), outputs)


def _reference(name: str) -> str:
    """A tensor's name as a GraphDef has it: without the number of a first output."""
    return name if name.startswith("^") or not name.endswith(":0") else maker(name)


def _transfer(made: Any, node: WorkNode, cut: Partition) -> None:
    """Writes a `_Send` or a `_Recv`."""
    crossing: Crossing = next(c for c in cut.crossings if node.name in (c.send, c.recv))
    made.name, made.op = node.name, node.op
    made.input.extend(_reference(name) for name in node.inputs if node.op == "_Send")
    dtype = as_dtype(crossing.dtype or "float32")
    made.attr["T" if node.op == "_Send" else "tensor_type"].type = dtype.as_datatype_enum
    made.attr["tensor_name"].s = f"edge_{crossing.tensor}".encode()
    made.attr["send_device"].s = crossing.source.encode()
    made.attr["recv_device"].s = crossing.target.encode()
