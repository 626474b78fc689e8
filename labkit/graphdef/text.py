"""Graphs as files: binary, text and JSON.

`tf.train.write_graph` writes what TensorBoard, Netron and TensorFlow open. JSON is the same message in the form that
protocol buffers give it, for programs that read nothing else.

Example:
    >>> import labkit as tf, json
    >>> with tf.Graph().as_default() as graph:
    ...     c = tf.constant(3, name="three")
    >>> json.loads(to_json(graph))["node"][0]["name"]
    'three'
    >>> from_json(to_json(graph)) == graph.as_graph_def()
    True

Source: `tensorflow/python/framework/graph_io.py` (1.4); `google.protobuf.json_format`.
"""

from __future__ import annotations

import os
from typing import Any

from labkit.checkpoints.files import explained, write_file
from labkit.errors import GraphError, NotFoundError
from labkit.graph import Graph
from labkit.graphdef.reading import from_bytes, parse
from labkit.messages import message


def graph_def_from(graph_or_graph_def: Any) -> Any:
    """The `GraphDef` of a graph; a `GraphDef` as it is."""
    return graph_or_graph_def.as_graph_def() if isinstance(graph_or_graph_def, Graph) else parse(graph_or_graph_def)


def write_graph(graph_or_graph_def: Any, logdir: Any, name: str, as_text: bool = True) -> str:
    """Writes a graph to a file, in one step.

    Args:
        graph_or_graph_def: a `tf.Graph` or a `tf.GraphDef`.
        logdir: the directory; it is made if it is not there.
        name: name of the file in it.
        as_text: True writes text that people can read, False binary.

    Returns:
        The path of the file.

    Example:
        >>> import labkit as tf, pathlib, tempfile
        >>> with tf.Graph().as_default() as graph:
        ...     c = tf.constant(3, name="three")
        >>> path = tf.train.write_graph(graph, tempfile.mkdtemp(), "graph.pbtxt")
        >>> print(pathlib.Path(path).read_text().splitlines()[1])
          name: "three"
    """
    path = os.path.join(str(logdir), name)
    write_message(graph_def_from(graph_or_graph_def), path, as_text)
    return path


def write_message(content: Any, path: str, as_text: bool) -> None:
    """Writes a message to a file that then is there whole, or not at all."""
    from google.protobuf import text_format

    data = text_format.MessageToString(content).encode() if as_text else content.SerializeToString(deterministic=True)
    with explained(path):
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    write_file(path, [data])


def read_message(kind: str, path: Any) -> Any:
    """A message from a file, binary or text.

    Args:
        kind: name of the message, such as "GraphDef".
        path: the file.

    Raises:
        NotFoundError: if there is no such file.
        GraphError: if it holds no such message.
    """
    from google.protobuf import text_format

    if not os.path.isfile(path):
        raise NotFoundError(None, None, f"there is no file {os.fspath(path)!r} to read a {kind} from.")
    with open(path, "rb") as file:
        data = file.read()
    try:
        return from_bytes(kind, data)
    except GraphError as error:
        try:
            return text_format.Parse(data.decode(), message(kind)())
        except (text_format.ParseError, UnicodeDecodeError, RecursionError):
            raise GraphError(
                f"{os.fspath(path)!r} is no {kind}: {error}", f"is it whole? It has {len(data)} bytes."
            ) from None


def to_json(graph_or_graph_def: Any, indent: int | None = 2) -> str:
    """A graph as JSON: a `GraphDef` in protocol buffers' own JSON form.

    Args:
        graph_or_graph_def: a `tf.Graph` or a `tf.GraphDef`.
        indent: spaces per level; None for one line.

    Returns:
        Text. Bytes in it are base64, 64-bit integers are strings.

    Example:
        >>> import labkit as tf
        >>> to_json(tf.Graph(), None)
        '{"versions": {"producer": 24}}'
    """
    from google.protobuf import json_format

    return json_format.MessageToJson(
        graph_def_from(graph_or_graph_def), preserving_proto_field_name=True, indent=indent
    )


def from_json(text: str) -> Any:
    """A `GraphDef` from what `to_json` gave; `tf.import_graph_def` takes it.

    Raises:
        GraphError: if the text is no such JSON.

    Example:
        >>> from_json('{"node": [{"name": "nothing", "op": "NoOp"}]}').node[0].name
        'nothing'
    """
    from google.protobuf import json_format

    try:
        return json_format.Parse(text, message("GraphDef")())
    except (json_format.ParseError, RecursionError) as error:
        raise GraphError(f"this text is no GraphDef in JSON: {error}") from None
