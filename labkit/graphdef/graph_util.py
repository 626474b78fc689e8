"""`tf.graph_util`: parts of a `GraphDef`, and variables turned into constants.

A graph for inference needs neither gradients nor a checkpoint: `convert_variables_to_constants` keeps what the outputs
depend on and puts the values of the variables into the graph itself. The result is one file that runs anywhere.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default() as graph, tf.Session() as sess:
    ...     w = tf.Variable(3.0, name="w")
    ...     y = tf.multiply(w, tf.placeholder(tf.float32, [], name="x"), name="y")
    ...     sess.run(w.initializer)
    ...     frozen = tf.graph_util.convert_variables_to_constants(sess, graph.as_graph_def(), ["y"])
    >>> [(node.name, node.op) for node in frozen.node]
    [('w', 'Const'), ('w/read', 'Identity'), ('x', 'Placeholder'), ('y', 'Mul')]

Source: `tensorflow/python/framework/graph_util_impl.py` (1.4).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from labkit.dtypes import as_dtype
from labkit.errors import GraphError, NameNotFoundError
from labkit.graphdef.attributes import encode
from labkit.graphdef.reading import Source, parse, source_of
from labkit.messages import message

__all__ = [
    "convert_variables_to_constants", "extract_sub_graph", "remove_training_nodes", "tensor_shape_from_node_def_name",
]  # fmt: skip

_VARIABLES = ("Variable", "VariableV2", "LabkitVariableV2", "VarHandleOp")
_DROPPED = ("CheckNumerics",)
_SPLICED = ("Identity",)


def _sources(node: Any) -> list[Source]:
    return [source_of(text, f'node "{node.name}" ({node.op})') for text in node.input]


def extract_sub_graph(graph_def: Any, dest_nodes: Sequence[str]) -> Any:
    """The nodes that some nodes depend on.

    Args:
        graph_def: a `tf.GraphDef`.
        dest_nodes: names of nodes.

    Returns:
        A new `tf.GraphDef` with them and all that they need, in the order of the first.

    Raises:
        NameNotFoundError: if one is not there.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default() as graph:
        ...     a, b = tf.constant(1, name="a"), tf.constant(2, name="b")
        >>> [node.name for node in tf.graph_util.extract_sub_graph(graph.as_graph_def(), ["b"]).node]
        ['b']
    """
    graph_def = parse(graph_def)
    if isinstance(dest_nodes, (str, bytes)):
        raise GraphError("dest_nodes is a list of names.", f"[{dest_nodes!r}].")
    by_name = {node.name: node for node in graph_def.node}
    stack, needed = list(dest_nodes), set[str]()
    for name in stack:
        if name not in by_name:
            near = difflib.get_close_matches(name, by_name, n=3)
            raise NameNotFoundError(f"the graph has no node {name!r}.", f"{', '.join(near)}?" if near else "")
    while stack:
        name = stack.pop()
        if name not in needed:
            needed.add(name)
            if name not in by_name:
                raise GraphError(f'the node "{name}", which others take as an input, is not in the graph.')
            stack.extend(source.name for source in _sources(by_name[name]))
    return _copy(graph_def, [node for node in graph_def.node if node.name in needed])


def _copy(graph_def: Any, nodes: Iterable[Any]) -> Any:
    """A `GraphDef` with these nodes; all else as in the other."""
    result = message("GraphDef")()
    result.node.extend(nodes)
    if graph_def.HasField("library"):
        result.library.CopyFrom(graph_def.library)
    result.versions.CopyFrom(graph_def.versions)
    return result


def convert_variables_to_constants(
    sess: Any, input_graph_def: Any, output_node_names: Sequence[str],
    variable_names_whitelist: Sequence[str] | None = None, variable_names_blacklist: Sequence[str] | None = None,
) -> Any:  # fmt: skip
    """What the outputs depend on, with the values that the variables have now as constants.

    Args:
        sess: a session in which the variables have values.
        input_graph_def: the `tf.GraphDef` of its graph.
        output_node_names: names of the nodes to keep.
        variable_names_whitelist: the variables to convert; all if None.
        variable_names_blacklist: variables not to convert.

    Returns:
        A new `tf.GraphDef`.

    Raises:
        NameNotFoundError: if an output is not there.
        FailedPreconditionError: if a variable has no value.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default() as graph, tf.Session() as sess:
        ...     w = tf.Variable([1.0, 2.0], name="w")
        ...     sess.run(w.initializer)
        ...     frozen = tf.graph_util.convert_variables_to_constants(sess, graph.as_graph_def(), ["w/read"])
        >>> [node.op for node in frozen.node]
        ['Const', 'Identity']
    """
    needed = extract_sub_graph(input_graph_def, output_node_names)
    names = [
        node.name for node in needed.node
        if node.op in _VARIABLES
        and (variable_names_whitelist is None or node.name in variable_names_whitelist)
        and node.name not in (variable_names_blacklist or ())
    ]  # fmt: skip
    values = dict(zip(names, sess.run([f"{name}:0" for name in names]) if names else [], strict=True))
    nodes: list[Any] = []
    for node in needed.node:
        new = message("NodeDef")()
        new.CopyFrom(node)
        if node.name in values:
            array = np.asarray(values[node.name])
            new.op = "Const"
            new.attr.clear()
            new.attr["dtype"].CopyFrom(encode(as_dtype(array.dtype)))
            new.attr["value"].CopyFrom(encode(array))
        elif node.op == "ReadVariableOp" and _sources(node)[0].name in values:
            new.op = "Identity"
            new.attr["T"].CopyFrom(node.attr["dtype"])
            del new.attr["dtype"]
        if "_class" in new.attr:
            del new.attr["_class"]  # it may name a node that is not there any more
        nodes.append(new)
    return _copy(needed, nodes)


def remove_training_nodes(input_graph: Any, protected_nodes: Sequence[str] | None = None) -> Any:
    """The graph without what only training needs: `CheckNumerics`, and `Identity` nodes that nothing waits for.

    Args:
        input_graph: a `tf.GraphDef`.
        protected_nodes: names of nodes to keep.

    Returns:
        A new `tf.GraphDef`; who took a removed node as an input takes that node's own input.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default() as graph:
        ...     y = tf.sqrt(tf.identity(tf.constant(4.0, name="c"), name="i"), name="y")
        >>> [(node.name, list(node.input)) for node in tf.graph_util.remove_training_nodes(graph.as_graph_def()).node]
        [('c', []), ('y', ['c'])]
    """
    graph_def = parse(input_graph)
    kept = set(protected_nodes or ())
    sources = {node.name: _sources(node) for node in graph_def.node}
    waited_for = {source.name for listed in sources.values() for source in listed if source.output < 0}
    instead: dict[str, str] = {}
    for node in graph_def.node:
        waits = any(source.output < 0 for source in sources[node.name])
        spliced = node.op in _SPLICED and not waits and node.name not in waited_for
        if node.name not in kept and node.input and (node.op in _DROPPED or spliced):
            instead[node.name] = node.input[0]
    nodes: list[Any] = []
    for node in graph_def.node:
        if node.name in instead:
            continue
        new = message("NodeDef")()
        new.CopyFrom(node)
        del new.input[:]
        for text, source in zip(node.input, sources[node.name], strict=True):
            if source.output >= 0:
                new.input.append(_behind(text, instead))
            elif source.name not in instead:
                new.input.append(text)
        nodes.append(new)
    return _copy(graph_def, nodes)


def _behind(text: str, instead: dict[str, str]) -> str:
    """The input that stands behind removed nodes."""
    seen: set[str] = set()
    while (name := text.removesuffix(":0")) in instead and name not in seen:
        seen.add(name)
        text = instead[name]
    return text


def tensor_shape_from_node_def_name(graph: Any, input_name: str) -> Any:
    """The static shape of a tensor, by its name.

    Args:
        graph: a `tf.Graph`.
        input_name: name of a tensor, or of a node for its first output.

    Returns:
        A `TensorShape`.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default() as graph:
        ...     c = tf.zeros([2, 3], name="c")
        >>> tf.graph_util.tensor_shape_from_node_def_name(graph, "c").as_list()
        [2, 3]
    """
    name = input_name if ":" in input_name else f"{input_name}:0"
    return graph.get_tensor_by_name(name).get_shape()
