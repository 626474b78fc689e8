"""A graph to look at: a GraphDef with every node, also those that no file can hold.

`Graph.as_graph_def` refuses a node such as `tf.py_func`, whose Python function cannot be read back. TensorBoard only
draws: it needs names, ops, inputs and shapes. So such a node is written without its attributes.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default() as graph:
    ...     y = tf.py_func(lambda x: x + 1, [tf.constant(1.0, name="x")], tf.float32, name="y")
    >>> [(node.op, list(node.input)) for node in graph_to_look_at(graph.get_operations()).node]
    [('Const', []), ('PyFunc', ['x'])]
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from labkit.errors import LabkitError
from labkit.graph import Operation
from labkit.graphdef.writing import PRODUCER, Writer, tensor_reference
from labkit.messages import message


def graph_to_look_at(nodes: Iterable[Operation]) -> Any:
    """The nodes as a `GraphDef` with shapes; those that cannot be written whole have their names and inputs only.

    Args:
        nodes: operations of one graph.
    """
    result = message("GraphDef")()
    result.versions.producer = PRODUCER
    writer = Writer(add_shapes=True)
    for node in nodes:
        try:
            made = writer.node(node, tensor_reference)
        except LabkitError:
            made = message("NodeDef")(name=node.name, op=node.type, device=node.device)
            made.input.extend(tensor_reference(tensor) for tensor in node.inputs)
            made.input.extend(f"^{other.name}" for other in node.control_inputs)
        result.node.append(made)
    if writer.functions:
        result.library.function.extend(writer.functions.values())
    return result
