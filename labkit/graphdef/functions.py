"""A function of a file as the subgraph of a loop or a branch.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default() as graph:
    ...     y = tf.cond(tf.constant(True, name="p"), lambda: tf.constant(1.0), lambda: tf.constant(2.0), name="c")
    >>> [function.signature.name for function in graph.as_graph_def().library.function]
    ['c_Merge_true', 'c_Merge_false']

Source: `tensorflow/core/framework/function.proto`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from labkit.errors import GraphError, LabkitError
from labkit.graph import Operation, Tensor, get_default_graph
from labkit.graph.subgraph import Body, SubGraph
from labkit.shapes import Shape
from labkit.tensor_messages import dtype_of, to_shape

if TYPE_CHECKING:
    from labkit.graphdef.nodes import NodeReader


def read_function(
    reader: NodeReader, function: Any, captured: Sequence[Tensor], parameters: int, shapes: Sequence[Shape],
    keep: int | None,
) -> Body:  # fmt: skip
    """The subgraph; the arguments are as for `NodeReader.body`, with the function itself."""
    from labkit.graphdef.nodes import NodeReader, claimed
    from labkit.graphdef.reading import check_ops, in_order, source_of

    name = function.signature.name
    args = list(function.signature.input_arg)
    if len(args) != parameters + len(captured):
        raise GraphError(
            f"the function {name!r} takes {len(args)} arguments, and is given {parameters + len(captured)}."
        )
    graph = SubGraph(get_default_graph())
    graph.current_scope = ""
    nodes = list(function.node_def)
    check_ops(nodes)
    values: dict[str, Tensor] = {}
    made: dict[str, Operation] = {}

    def known(reference: str) -> Any:
        """What a name inside the function stands for, if it is there already."""
        if reference in values:
            return values[reference]
        parts = reference.split(":")
        node = made.get(parts[0])
        if node is None:
            return None
        if len(parts) == 1:
            return node
        return _output(by_name[parts[0]], node, parts)

    by_name = {node.name: node for node in nodes}
    if len(by_name) < len(nodes) or set(by_name) & {arg.name for arg in args}:
        raise GraphError(f"the function {name!r} uses a name twice.")
    inside = NodeReader(
        reader.functions, lambda text: known(text.removesuffix(":0")) or known(text), (*reader.open, name)
    )
    with graph.as_default():
        for position, arg in enumerate(args[:parameters]):
            shape = _shape_of(function, position) if position in function.arg_attr else None
            if position not in function.arg_attr and position < len(shapes):
                shape = shapes[position]
            values[arg.name] = graph.parameter(dtype_of(arg.type), shape)
        for arg, tensor in zip(args[parameters:], captured, strict=True):
            values[arg.name] = graph.adopt(tensor, name)
        sources = {
            node.name: [source_of(text.partition(":")[0], f'node "{node.name}" of {name}') for text in node.input]
            for node in nodes
        }
        given = {source: None for listed in sources.values() for source in listed if source.name in values}
        for node in in_order(nodes, sources, given):
            try:
                inputs = [_needed(known(text), text) for text in node.input if not text.startswith("^")]
                control = [made[text[1:]] for text in node.input if text.startswith("^") and text[1:] in made]
                with graph.control_dependencies(control), graph.device(node.device):
                    made[node.name] = inside.make(graph, node, inputs, claimed(graph, node.name))
            except LabkitError as error:
                raise GraphError(f'in the function {name!r}, node "{node.name}" ({node.op}): {error}') from None
        outputs = [_needed(known(function.ret[arg.name]), arg.name) for arg in function.signature.output_arg]
    return Body(graph, outputs if keep is None else outputs[:keep], list(made.values()))


def _shape_of(function: Any, position: int) -> Shape:
    attrs = function.arg_attr[position].attr
    listed = attrs["_output_shapes"].list.shape if "_output_shapes" in attrs else ()
    return to_shape(listed[0]) if listed else None


def _needed(found: Any, text: str) -> Tensor:
    if not isinstance(found, Tensor):
        raise GraphError(f"its input {text!r} is not there.")
    return found


def _output(node_def: Any, node: Operation, parts: Sequence[str]) -> Tensor:
    """`node:argument:index` of a function's node."""
    from labkit.graphdef.nodes import flat_position

    argument, index = parts[1], parts[2] if len(parts) > 2 else "0"
    if not index.isdigit() or len(index) > 6:
        raise GraphError(f"{':'.join(parts)!r} names no output.")
    position = flat_position(node_def, argument, int(index))
    if position >= len(node.outputs):
        raise GraphError(f"{':'.join(parts)!r} is not there: {parts[0]!r} has {len(node.outputs)} output(s).")
    return node.outputs[position]
