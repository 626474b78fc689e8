"""From a graph to a `GraphDef`: every operation becomes a `NodeDef`, every subgraph a `FunctionDef`.

Where an op of labkit is TensorFlow's op of the same name, the node is written as TensorFlow writes it, so that
TensorFlow can read the file and run it. A field that TensorFlow does not know is written only where it says something,
as `_labkit_<field>` (TensorFlow skips names that begin with an underscore) if it is a hint. Where the field changes
what is computed, the node is no op of TensorFlow's, and its name says so: `LabkitSoftmax` works along another axis than
the last. An op that TensorFlow never had keeps its own name (`SumLike`).

Loops and branches hold subgraphs. Each becomes a function of the file's library, as in TensorFlow 2; `While` and `Cond`
without variables inside are written as TensorFlow's `While` and `If`, and TensorFlow runs them.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default() as graph:
    ...     y = tf.multiply(tf.constant(6.0, name="x"), 7.0, name="y")
    >>> [(node.name, node.op, list(node.input)) for node in graph.as_graph_def().node]
    [('x', 'Const', []), ('y/y', 'Const', []), ('y', 'Mul', ['x', 'y/y'])]

Source: `tensorflow/core/framework/graph.proto`, `node_def.proto`, `function.proto`; `Graph.as_graph_def` of
`tensorflow/python/framework/ops.py` (1.4).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from labkit.errors import GraphError, LabkitError
from labkit.graph import Graph, Op, Operation, Tensor
from labkit.graph.subgraph import Body
from labkit.graphdef.attributes import declared_types, encode
from labkit.graphdef.matching import FIELD_NAMES, is_hint, output_counts, tensorflow_attrs
from labkit.graphdef.signatures import signature
from labkit.messages import message
from labkit.tensor_messages import shape_proto

PRODUCER = 24
"""The version of GraphDef that TensorFlow 1.4 writes."""

LARGEST_BYTES = 2**31 - 1  # what a protocol buffer can hold

Reference = Callable[[Tensor], str]
Parts = dict[str, Any]


def as_graph_def(graph: Graph, from_version: int | None = None, add_shapes: bool = False) -> Any:
    """The graph as a `GraphDef`; see `Graph.as_graph_def`."""
    with graph.lock:
        nodes = graph.operations[from_version or 0 :]
        return graph_def_of(nodes, add_shapes)


def graph_def_of(nodes: Iterable[Operation], add_shapes: bool = False) -> Any:
    """Some operations of a graph as a `GraphDef`."""
    result = message("GraphDef")()
    result.versions.producer = PRODUCER
    writer = Writer(add_shapes)
    for node in nodes:
        result.node.append(writer.node(node, tensor_reference))
    if writer.functions:
        result.library.function.extend(writer.functions.values())
    if result.ByteSize() > LARGEST_BYTES:
        raise GraphError(
            f"the graph takes {result.ByteSize()} bytes as a GraphDef, and a protocol buffer holds {LARGEST_BYTES}.",
            "keep large arrays in variables, or feed them to placeholders, instead of tf.constant.",
        )
    return result


def tensor_reference(tensor: Tensor) -> str:
    """How a graph's nodes name a tensor: `MatMul`, `Split:1`."""
    return f"{tensor.op.name}:{tensor.value_index}" if tensor.value_index else tensor.op.name


class Writer:
    """Writes nodes, and collects the functions that they call.

    Args:
        add_shapes: True adds the static shapes of the outputs, as `_output_shapes`.
    """

    def __init__(self, add_shapes: bool = False) -> None:
        self.functions: dict[str, Any] = {}
        self._add_shapes = add_shapes
        self._names: dict[int, str] = {}  # of the bodies that are written, by identity
        self._kept: list[Body] = []  # so that no identity is used twice

    def node(self, node: Operation, reference: Reference) -> Any:
        """An operation as a `NodeDef`.

        Raises:
            LabkitError: if it holds something that a file cannot hold; the message names it.
        """
        try:
            op, attrs = self._op(node.kind, node, reference)
        except LabkitError as error:
            problem = GraphError(f'the node "{node.name}" ({node.type}) cannot be written to a file: {error}')
            problem.__notes__ = [f"  made at {node.site.text()}", *getattr(error, "__notes__", [])]
            raise problem from None
        result = message("NodeDef")(name=node.name, op=op, device=node.device)
        result.input.extend(reference(tensor) for tensor in node.inputs)
        result.input.extend(f"^{other.name}" for other in node.control_inputs)
        for name, attr in attrs.items():
            result.attr[name].CopyFrom(attr)
        if node.colocation:
            result.attr["_class"].list.s.extend(node.colocation_groups())
        if node.gradient_name:
            result.attr["_gradient_op_type"].s = node.gradient_name.encode()
        if self._add_shapes and node.outputs:
            shapes = result.attr["_output_shapes"].list.shape
            shapes.extend(shape_proto(tensor.static_shape) for tensor in node.outputs)
        return result

    def _op(self, kind: Op, node: Operation, reference: Reference) -> tuple[str, Parts]:
        """The name of the op in the file, and the attributes."""
        if any(isinstance(value, Body) for value in kind.attributes().values()):
            return self._functional(kind, node, reference)
        known = signature(kind.type)
        attrs = None if known is None else tensorflow_attrs(known, kind, node.inputs, node.outputs)
        if attrs is not None:
            return kind.type, attrs | _hints(kind, set(attrs))
        return (kind.type if known is None else f"Labkit{kind.type}"), self._fields(kind, node, reference)

    def _fields(self, kind: Op, node: Operation, reference: Reference) -> Parts:
        """The fields as attributes of the same names."""
        result: Parts = {}
        for name, value in kind.attributes().items():
            declared = declared_types(type(kind))[name]
            if isinstance(value, Body):
                result[name] = self._function_attr(value, kind, node, name)
            elif name == "captured":
                result[name] = encode(tuple(reference(t) for t in value), "tuple[str, ...]", "list(string)")
            elif name == "of" and ("captured" in value.attributes() or hasattr(value, "of")):
                result[name] = self._nested(value, node, reference)
            elif value is not None and not declared.startswith("Counter"):
                result[name] = encode(value, declared)
        return result

    def _nested(self, kind: Op, node: Operation, reference: Reference) -> Any:
        """The op with subgraphs that a node differentiates: its fields, and which node it is of."""
        attr = message("AttrValue")()
        attr.func.name = kind.type
        for name, part in self._fields(kind, node, reference).items():
            attr.func.attr[name].CopyFrom(part)
        forward = next((n for n in node.graph.get_operations() if n.kind is kind), None)
        if forward is not None:
            attr.func.attr["_node"].s = forward.name.encode()
        return attr

    def _functional(self, kind: Any, node: Operation, reference: Reference) -> tuple[str, Parts]:
        """A loop or a branch: as TensorFlow's own op if that can be, else with labkit's fields."""
        plain = not kind.ref_inputs and not kind.has_state and not kind.host
        dtypes = tuple(tensor.dtype for tensor in node.inputs)
        shapes = tuple(tensor.static_shape for tensor in node.outputs)
        if kind.type == "Cond" and plain:
            return "If", {
                "Tcond": encode(dtypes[0], kind="type"),
                "Tin": encode(dtypes[1:], kind="list(type)"),
                "Tout": encode(tuple(t.dtype for t in node.outputs), kind="list(type)"),
                "then_branch": self._function_attr(kind.true, kind, node, "true"),
                "else_branch": self._function_attr(kind.false, kind, node, "false"),
                "output_shapes": encode(shapes, "tuple[Shape, ...]"),
            }
        if kind.type == "While" and plain and not kind.stops and not getattr(kind, "arrays", ()):
            captured = tuple(tensor.static_shape for tensor in kind.captured)
            attrs = {
                "T": encode(dtypes, kind="list(type)"),
                "cond": self._function_attr(kind.test, kind, node, "test"),
                "body": self._function_attr(kind.body, kind, node, "body", hand_on=True),
                "output_shapes": encode((*shapes, *captured), "tuple[Shape, ...]"),
                "_labkit_own": encode(kind.own),
            }
            return "While", attrs | _hints(kind, {"test", "body", "captured", "own", "counter"})
        name = f"Labkit{kind.type}" if signature(kind.type) else kind.type
        return name, self._fields(kind, node, reference)

    def _function_attr(self, body: Body, kind: Any, node: Operation, field: str, hand_on: bool = False) -> Any:
        """A subgraph as an attribute that names a function; the function goes to the library."""
        name = self._names.get(id(body))
        if name is None:
            wanted = re.sub(r"[^A-Za-z0-9_]", "_", f"{node.name}_{field}").lstrip("_")
            name, count = wanted, 1
            while name in self.functions:
                name, count = f"{wanted}_{count}", count + 1
            self._names[id(body)] = name
            self._kept.append(body)
            self.functions[name] = message("FunctionDef")()  # its place, before those of the functions inside
            captured = getattr(kind, "captured", ())  # a one-shot iterator captures nothing
            self.functions[name].CopyFrom(self._function(name, body, captured, hand_on))
        attr = message("AttrValue")()
        attr.func.name = name
        return attr

    def _function(self, name: str, body: Body, captured: Sequence[Tensor], hand_on: bool) -> Any:
        """A subgraph as a function of its parameters and then of all that the op captures.

        Args:
            name: of the function.
            body: the subgraph.
            captured: the tensors of the outer graph that the op takes after its own inputs.
            hand_on: True returns the captured values after the outputs, as the body of TensorFlow's `While` does.
        """
        result = message("FunctionDef")()
        result.signature.name = name
        taken = {node.name for node in body.nodes}
        inside = [*body.parameters, *(body.graph.captured.get(t) for t in captured)]
        outside = [*body.parameters, *captured]
        names: dict[Tensor, str] = {}
        for position, (inner, outer) in enumerate(zip(inside, outside, strict=True)):
            arg = f"in_{position}"
            while arg in taken:
                arg = f"{arg}_"
            result.signature.input_arg.add(name=arg, type=outer.dtype.as_datatype_enum)
            result.arg_attr[position].attr["_output_shapes"].list.shape.append(shape_proto(outer.static_shape))
            if inner is not None and inner.op.type != "Const":
                names[inner] = arg
        reference = _inner_reference(names)
        for node in body.nodes:
            result.node_def.append(self.node(node, reference))
        outputs = [(tensor.dtype, reference(tensor)) for tensor in body.outputs]
        if hand_on:
            first = len(body.parameters)
            args = [arg.name for arg in result.signature.input_arg][first:]
            outputs += [(t.dtype, arg) for t, arg in zip(captured, args, strict=True)]
        for position, (dtype, source) in enumerate(outputs):
            result.signature.output_arg.add(name=f"out_{position}", type=dtype.as_datatype_enum)
            result.ret[f"out_{position}"] = source
        for node in body.nodes:
            if node.kind.stateful:
                result.signature.is_stateful = True
                result.signature.control_output.append(node.name)
                result.control_ret[node.name] = node.name
        result.attr["_labkit_parameters"].i = len(body.parameters)
        return result


def _inner_reference(names: dict[Tensor, str]) -> Reference:
    """How the nodes of a function name a tensor: an argument's name, or `MatMul:product:0`."""

    def reference(tensor: Tensor) -> str:
        if tensor in names:
            return names[tensor]
        for name, first, count in output_counts(tensor.op):
            if first <= tensor.value_index < first + count:
                return f"{tensor.op.name}:{name}:{tensor.value_index - first}"
        return f"{tensor.op.name}:output:{tensor.value_index}"

    return reference


def _hints(kind: Op, written: set[str]) -> Parts:
    """The fields that TensorFlow does not know, where they say something."""
    result: Parts = {}
    for name, value in kind.attributes().items():
        if name not in written and FIELD_NAMES.get((kind.type, name), name) not in written and is_hint(kind, name):
            result[f"_labkit_{name}"] = encode(value, declared_types(type(kind))[name])
    return result
