"""`CollectionDef`: the collections of a graph in a file.

    variables                           VariableDef messages
    objects with `to_proto`             their messages
    tensors and operations              their names
    strings, integers, floats           themselves

What else a program has put into a collection stays out of the file, with a warning, as in TensorFlow.

Example:
    >>> import labkit as tf
    >>> written = tf.CollectionDef()
    >>> write_collection(written, "sizes", [3], None)
    True
    >>> list(written.int64_list.value)
    [3]

Source: `tensorflow/python/framework/meta_graph.py` (1.4), `add_collection_def`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labkit import logging
from labkit.errors import GraphError, LabkitError
from labkit.graph import Graph, GraphKeys
from labkit.graphdef.reading import from_bytes
from labkit.variables import Variable

_OF_VARIABLES = (
    GraphKeys.GLOBAL_VARIABLES, GraphKeys.LOCAL_VARIABLES, GraphKeys.MODEL_VARIABLES, GraphKeys.TRAINABLE_VARIABLES,
    GraphKeys.MOVING_AVERAGE_VARIABLES, GraphKeys.METRIC_VARIABLES, GraphKeys.GLOBAL_STEP,
    GraphKeys.CONCATENATED_VARIABLES,
)  # fmt: skip
VARIABLE_DEF = "VariableDef"


def write_collection(target: Any, name: str, members: Sequence[Any], export_scope: str | None) -> bool:
    """Writes the members of a collection into a `CollectionDef`.

    Args:
        target: the message.
        name: of the collection, for the warning.
        members: its members.
        export_scope: only what is in this name scope is written.

    Returns:
        True if the file can hold them; otherwise there has been a warning (a message only, for queue runners).
    """
    try:
        kind = _kind(members)
        for member in members:
            value = _written(member, kind, export_scope)
            if value is not None:
                getattr(target, kind).value.append(value)
    except (TypeError, ValueError, AttributeError, LabkitError) as error:
        target.Clear()
        # Threads belong to the program that made them, and a Saver writes this file at every save: no warning for them.
        tell = logging.info if name == GraphKeys.QUEUE_RUNNERS else logging.warning
        tell(
            "The collection %r is left out of the file: %s. A file can hold variables, tensors, operations, strings "
            "and numbers.", name, error,
        )  # fmt: skip
        return False
    return True


def _kind(members: Sequence[Any]) -> str:
    """Which list of `CollectionDef` takes such members."""
    first = members[0]
    if isinstance(first, (str, bytes)) or hasattr(first, "to_proto"):
        return "bytes_list"
    if isinstance(first, (int, np.integer)):
        return "int64_list"
    return "float_list" if isinstance(first, (float, np.floating)) else "node_list"


def _written(member: Any, kind: str, export_scope: str | None) -> Any:
    """A member as that list takes it; None if it lies outside the scope."""
    if hasattr(member, "to_proto"):
        made = member.to_proto(export_scope) if export_scope else member.to_proto()
        return None if made is None else made.SerializeToString()
    if kind == "bytes_list":
        return member.encode() if isinstance(member, str) else member
    if kind == "node_list":
        if not isinstance(getattr(member, "graph", None), Graph):
            raise TypeError(f"it holds {member!r}")
        prefix = f"{export_scope}/" if export_scope else ""
        return member.name.removeprefix(prefix) if member.name.startswith(prefix) else None
    return member


def read_collection(graph: Graph, name: str, written: Any, scope: str, variables: dict[str, Variable]) -> None:
    """Adds the members of a `CollectionDef` to a collection of a graph.

    Args:
        graph: the graph, which has the nodes already; the default graph.
        name: of the collection.
        written: the message.
        scope: what the nodes were imported into, or "".
        variables: those that were read already, by name: a variable in two collections is one object.

    Raises:
        GraphError: if it names nodes that are not there.
    """
    kind = written.WhichOneof("kind")
    prefix = f"{scope}/" if scope else ""
    for value in getattr(written, kind).value if kind else ():
        member = value
        if kind == "node_list":
            member = graph.as_graph_element(prefix + value)
        elif kind == "bytes_list" and name in _OF_VARIABLES:
            proto = from_bytes(VARIABLE_DEF, value)
            if proto.variable_name not in variables:
                try:
                    variables[proto.variable_name] = Variable.from_proto(proto, scope or None)
                except LabkitError as error:
                    raise GraphError(f"the collection {name!r}: {error}") from None
            member = variables[proto.variable_name]
        elif kind == "bytes_list":
            member = _text(value)
        graph.add_to_collection(name, member)


def _text(value: bytes) -> Any:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value
