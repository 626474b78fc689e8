"""`MetaGraphDef`: a graph with its variables, its other collections and its saver, in one file.

With the file and a checkpoint, another process goes on where this one stopped, without the Python code that built the
graph.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default():
    ...     w = tf.Variable(2.0, name="w")
    ...     meta = tf.train.export_meta_graph()
    >>> with tf.Graph().as_default():
    ...     saver = tf.train.import_meta_graph(meta)
    ...     [variable.name for variable in tf.trainable_variables()]
    ['w:0']

Source: `tensorflow/python/framework/meta_graph.py` and `training/saver.py` (1.4).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, cast

from labkit.errors import GraphError
from labkit.graph import Graph, GraphKeys, get_default_graph
from labkit.graphdef.collected import read_collection, write_collection
from labkit.graphdef.reading import import_graph_def, parse, source_of
from labkit.graphdef.text import read_message, write_message
from labkit.messages import message
from labkit.variables import Variable


def export_meta_graph(
    filename: Any = None, meta_info_def: Any = None, graph_def: Any = None, saver_def: Any = None,
    collection_list: Sequence[str] | None = None, as_text: bool = False, graph: Graph | None = None,
    export_scope: str | None = None, clear_devices: bool = False, clear_extraneous_savers: bool = False,
    **kwargs: Any,
) -> Any:  # fmt: skip
    """A graph with its collections as a `tf.MetaGraphDef`, also in a file.

    Args:
        filename: the file to write; None writes none.
        meta_info_def: a `MetaInfoDef` to put into it.
        graph_def: the graph as a `tf.GraphDef`; that of `graph` if None.
        saver_def: a `SaverDef` to put into it.
        collection_list: names of the collections to write; all if None.
        as_text: True writes text, False binary.
        graph: the graph; the default graph if None.
        export_scope: only what is in this name scope, without its name.
        clear_devices: True leaves out the devices.
        clear_extraneous_savers: True leaves out the nodes of other savers than that of `saver_def`.
        **kwargs: kept for TensorFlow's signature.

    Returns:
        The `tf.MetaGraphDef`.

    Raises:
        GraphError: if a node holds what a file cannot hold, or takes an input from outside `export_scope`.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     tf.add_to_collection("inputs", tf.placeholder(tf.float32, name="x"))
        ...     meta = tf.train.export_meta_graph()
        >>> list(meta.collection_def["inputs"].node_list.value)
        ['x:0']
    """
    graph = graph or get_default_graph()
    scope = (export_scope or "").rstrip("/")
    meta = message("MetaGraphDef")()
    if meta_info_def is not None:
        meta.meta_info_def.MergeFromString(meta_info_def.SerializeToString())
    meta.graph_def.CopyFrom(graph.as_graph_def(add_shapes=True) if graph_def is None else parse(graph_def))
    if scope:
        _only_scope(meta.graph_def, scope)
    if clear_devices:
        _clear_devices(meta.graph_def)
    if clear_extraneous_savers:
        _clear_savers(meta.graph_def, saver_def)
    if saver_def is not None:
        meta.saver_def.MergeFromString(saver_def.SerializeToString())
    for name in graph.get_all_collection_keys() if collection_list is None else collection_list:
        members = graph.get_collection(name)
        if clear_extraneous_savers and name == GraphKeys.SAVERS:
            continue
        if members and not write_collection(meta.collection_def[name], name, members, scope or None):
            del meta.collection_def[name]
    if filename is not None:
        write_message(meta, str(filename), as_text)
    return meta


def _only_scope(graph_def: Any, scope: str) -> None:
    """Leaves only what is in a name scope, and takes the scope off the names."""
    inside = [node for node in graph_def.node if node.name.startswith(f"{scope}/")]
    if not inside:
        raise GraphError(f"the graph has no node in the scope {scope!r}.")
    names = {node.name for node in inside}
    for node in inside:
        for position, text in enumerate(node.input):
            source = source_of(text, f'node "{node.name}"')
            if source.name not in names:
                raise GraphError(
                    f'node "{node.name}" takes "{text}", which is outside the scope {scope!r}.',
                    "export the whole graph, or a scope that needs nothing from outside.",
                )
            caret = "^" if source.output < 0 else ""
            node.input[position] = caret + text.removeprefix("^").removeprefix(f"{scope}/")
        if "_class" in node.attr:
            groups = [group.removeprefix(b"loc:@") for group in node.attr["_class"].list.s]
            start = f"{scope}/".encode()
            node.attr["_class"].list.s[:] = [b"loc:@" + g.removeprefix(start) for g in groups if g.startswith(start)]
        node.name = node.name.removeprefix(f"{scope}/")
    kept = [node.SerializeToString() for node in inside]
    del graph_def.node[:]
    for data in kept:
        graph_def.node.add().ParseFromString(data)


def _clear_devices(graph_def: Any) -> None:
    for node in graph_def.node:
        node.device = ""
    for function in graph_def.library.function:
        for node in function.node_def:
            node.device = ""


def _clear_savers(graph_def: Any, saver_def: Any) -> None:
    """Leaves out the nodes of every saver but one."""
    own = saver_def.filename_tensor_name.partition("/")[0] if saver_def is not None else ""
    others = {node.name.partition("/")[0] for node in graph_def.node if node.op in ("SaveV2", "RestoreV2")} - {own}
    kept = [node for node in graph_def.node if node.name.partition("/")[0] not in others]
    data = [node.SerializeToString() for node in kept]
    del graph_def.node[:]
    for part in data:
        graph_def.node.add().ParseFromString(part)


def import_meta_graph(
    meta_graph_or_file: Any, clear_devices: bool = False, import_scope: str | None = None, **kwargs: Any
) -> Any:
    """Adds the graph of a `tf.MetaGraphDef`, with its collections, to the default graph.

    Args:
        meta_graph_or_file: the message, or the path of a file that `tf.train.export_meta_graph` or a saver wrote.
        clear_devices: True leaves out the devices.
        import_scope: scope of the new nodes; none if None.
        **kwargs: `input_map` and `return_elements`, as for `tf.import_graph_def`.

    Returns:
        A `tf.train.Saver` for the variables; None if there are none. With `return_elements`, the pair of it and them.

    Raises:
        NotFoundError: if there is no such file.
        GraphError: if it is broken; the default graph is then as it was.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     y = tf.constant(1.0, name="y")
        ...     meta = tf.train.export_meta_graph()
        >>> with tf.Graph().as_default() as graph:
        ...     tf.train.import_meta_graph(meta) is None, graph.get_tensor_by_name("y:0").name
        (True, 'y:0')
    """
    from labkit.saving import Saver

    meta = _meta_graph(meta_graph_or_file)
    graph = get_default_graph()
    scope = (import_scope or "").rstrip("/")
    returned: Any = kwargs.pop("return_elements", None)
    mapped: Any = kwargs.pop("input_map", None)
    kwargs.pop("unbound_inputs_col_name", None)
    if kwargs:
        raise TypeError(f"tf.train.import_meta_graph has no argument {next(iter(kwargs))!r}.")
    if clear_devices:
        _clear_devices(meta.graph_def)
    before = {name: list(members) for name, members in graph.collections.items()}
    with graph.lock, graph.all_or_nothing():
        try:
            prefix = graph.unique_name(scope, mark_as_used=False) if scope else ""
            elements = import_graph_def(meta.graph_def, mapped, returned, scope)
            variables: dict[str, Variable] = {}
            for name in sorted(meta.collection_def):
                read_collection(graph, name, meta.collection_def[name], prefix, variables)
            saver: Any = None
            if meta.HasField("saver_def") and meta.saver_def.restore_op_name:
                _check_saver(graph, meta.saver_def, prefix)
                saver = Saver.from_proto(meta.saver_def, prefix or None)
            elif graph.get_collection(GraphKeys.GLOBAL_VARIABLES, prefix or None):
                saver = Saver()
        except BaseException:
            graph.collections.clear()
            graph.collections.update(before)
            raise
    return saver if returned is None else (saver, elements)


def _meta_graph(meta_graph_or_file: Any) -> Any:
    """The message, as a copy that may be changed."""
    kind = message("MetaGraphDef")
    if isinstance(meta_graph_or_file, (str, bytes, os.PathLike)):
        return read_message("MetaGraphDef", os.fsdecode(cast("Any", meta_graph_or_file)))
    if not hasattr(meta_graph_or_file, "graph_def"):
        raise GraphError(
            f"tf.train.import_meta_graph takes a tf.MetaGraphDef or the path of a file, not "
            f"{type(meta_graph_or_file).__name__}.",
            "tf.import_graph_def(graph_def) for a tf.GraphDef.",
        )
    return kind.FromString(meta_graph_or_file.SerializeToString())


def _check_saver(graph: Graph, saver_def: Any, scope: str) -> None:
    prefix = f"{scope}/" if scope else ""
    for name in (saver_def.filename_tensor_name, saver_def.save_tensor_name):
        graph.get_tensor_by_name(prefix + name)
    graph.get_operation_by_name(prefix + saver_def.restore_op_name)
