"""From a `GraphDef` to nodes of a graph: `tf.import_graph_def`.

Reading only ever adds nodes: nothing in a file is run. What is broken is found before or while nodes are made, the
message names the node of the file, and a graph that could not be read whole is left as it was.

The nodes are made in the order of the file wherever their inputs allow it, because in labkit the order of creation
settles when a variable is read and when it is written.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default() as graph:
    ...     y = tf.multiply(tf.placeholder(tf.float32, [], name="x"), 2.0, name="y")
    >>> with tf.Graph().as_default():
    ...     x = tf.constant(21.0)
    ...     (y,) = tf.import_graph_def(graph.as_graph_def(), {"x:0": x}, ["y:0"])
    ...     y.name, float(tf.Session().run(y))
    ('import/y:0', 42.0)

Source: `tensorflow/python/framework/importer.py` (1.4), `tensorflow/core/graph/graph_constructor.cc`.
"""

from __future__ import annotations

import difflib
import heapq
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from labkit.errors import GraphError, LabkitError, NameNotFoundError
from labkit.graph import OPS, Graph, Operation, Tensor, get_default_graph
from labkit.graphdef.alternatives import ALTERNATIVES, UNREADABLE
from labkit.graphdef.nodes import NodeReader, claimed
from labkit.graphdef.signatures import names as tensorflow_ops
from labkit.messages import message

_NODE_NAME = re.compile(r"[A-Za-z0-9._][A-Za-z0-9_.\\/>-]*\Z")
_REFERENCE = re.compile(r"(?P<control>\^)?(?P<name>[^:^]+)(?::(?P<index>\d{1,6}))?\Z")


class Source(NamedTuple):
    """What a node of the file names as an input: a node, and which of its outputs (-1: that it has run)."""

    name: str
    output: int

    def text(self) -> str:
        """As a key of `input_map`."""
        return f"^{self.name}" if self.output < 0 else f"{self.name}:{self.output}"


def import_graph_def(
    graph_def: Any, input_map: Mapping[str, Any] | None = None, return_elements: Sequence[str] | None = None,
    name: str | None = None, op_dict: Any = None, producer_op_list: Any = None,
) -> list[Any] | None:  # fmt: skip
    """Adds the nodes of a `GraphDef` to the default graph. Nothing is run.

    Args:
        graph_def: a `tf.GraphDef`, or its bytes.
        input_map: tensors of the default graph to use in place of those of the file, by the name in the file: "x:0",
            or "^node" for something to wait for.
        return_elements: names in the file of the operations ("y") and tensors ("y:0") to return.
        name: scope of the new nodes; "import" if None, none if "".
        op_dict: kept for TensorFlow's signature.
        producer_op_list: kept for TensorFlow's signature.

    Returns:
        The operations and tensors that `return_elements` names; None if it is None.

    Raises:
        GraphError: if the file is broken, has an op that labkit does not have, or a name is taken; the message names
            the node, and the default graph is as it was.
        NameNotFoundError: if `input_map` or `return_elements` names something that is not in the file.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default() as graph:
        ...     c = tf.constant([1.0, 2.0], name="c")
        >>> with tf.Graph().as_default():
        ...     tf.import_graph_def(graph.as_graph_def(), return_elements=["c:0"], name="")
        [<tf.Tensor 'c:0' shape=(2,) dtype=float32>]

    Source: `tensorflow/python/framework/importer.py` (1.4).
    """
    graph = get_default_graph()
    parsed = parse(graph_def)
    mapped = {_key(key): _mapped(graph, key, value) for key, value in (input_map or {}).items()}
    with graph.lock, graph.all_or_nothing(), graph.name_scope("import" if name is None else name) as scope:
        reading = _Reading(graph, parsed, scope, mapped)
        reading.read()
        return None if return_elements is None else [reading.element(wanted) for wanted in return_elements]


def parse(graph_def: Any) -> Any:
    """A `GraphDef` from the message itself or from its bytes.

    Raises:
        GraphError: if it is neither.
    """
    kind = message("GraphDef")
    if isinstance(graph_def, kind):
        return graph_def
    if hasattr(graph_def, "graph_def") and hasattr(graph_def, "SerializeToString"):
        raise GraphError(
            "tf.import_graph_def takes a GraphDef, and this is a MetaGraphDef.",
            "tf.train.import_meta_graph(meta_graph), or tf.import_graph_def(meta_graph.graph_def).",
        )
    if hasattr(graph_def, "SerializeToString"):
        graph_def = graph_def.SerializeToString()
    if not isinstance(graph_def, bytes):
        raise GraphError(
            f"tf.import_graph_def takes a tf.GraphDef, not {type(graph_def).__name__}.",
            "with open(path, 'rb') as file: graph_def = tf.GraphDef.FromString(file.read()); for a graph, "
            "graph.as_graph_def().",
        )
    return from_bytes("GraphDef", graph_def)


def from_bytes(kind: str, data: bytes) -> Any:
    """A message from its bytes.

    Raises:
        GraphError: if the bytes are no such message.
    """
    from google.protobuf.message import DecodeError

    try:
        return message(kind).FromString(data)
    except (DecodeError, ValueError, RecursionError) as error:
        raise GraphError(
            f"these {len(data)} bytes are no {kind}: {error}",
            "is the file whole, and binary? tf.train.write_graph(..., as_text=False) writes binary files.",
        ) from None


def _key(key: Any) -> Source:
    return source_of(str(key), "input_map")


def _mapped(graph: Graph, key: str, value: Any) -> Any:
    """What stands in for an input: a tensor, or an operation to wait for."""
    if str(key).startswith("^"):
        element = graph.as_graph_element(value)
        return element.op if isinstance(element, Tensor) else element
    return graph.adopt(graph.as_tensor(value), "tf.import_graph_def")


def source_of(text: str, where: str) -> Source:
    """What an input's text names.

    Raises:
        GraphError: if it is not of the form `name`, `name:1` or `^name`.
    """
    found = _REFERENCE.match(text)
    if found is None:
        raise GraphError(f'{where}: the input "{text}" is not of the form name, name:1 or ^name.')
    return Source(found["name"], -1 if found["control"] else int(found["index"] or 0))


class _Reading:
    """One import.

    Args:
        graph: where the nodes go.
        graph_def: the file.
        scope: what their names begin with, "" or with a final slash.
        mapped: what stands in for inputs.
    """

    def __init__(self, graph: Graph, graph_def: Any, scope: str, mapped: dict[Source, Any]) -> None:
        self.graph = graph
        self.nodes: list[Any] = list(graph_def.node)
        self.scope = scope
        self.mapped = mapped
        self.made: dict[str, Operation] = {}
        self.used: set[Source] = set()
        self.reader = NodeReader({f.signature.name: f for f in graph_def.library.function}, self._known)
        self.by_name: dict[str, Any] = {}
        for node in self.nodes:
            if not _NODE_NAME.match(node.name):
                raise GraphError(f'"{node.name}" ({node.op}) is not a valid name of a node.')
            if node.name in self.by_name:
                raise GraphError(f'the file has two nodes of the name "{node.name}" ({node.op}).')
            self.by_name[node.name] = node
        check_ops(self.nodes)

    def _known(self, name: str) -> Any:
        """The tensor or the operation of that name in the file, if it was made already."""
        operation, colon, index = name.partition(":")
        node = self.made.get(operation)
        if node is None or not colon:
            return node
        return node.outputs[int(index)] if int(index) < len(node.outputs) else None

    def read(self) -> None:
        """Makes all nodes."""
        sources = {node.name: [source_of(text, f'node "{node.name}" ({node.op})') for text in node.input]
                   for node in self.nodes}  # fmt: skip
        for node in in_order(self.nodes, sources, self.mapped):
            self._make(node, sources[node.name])
        for node in self.nodes:
            self._colocate(node)
        strangers = [source.text() for source in self.mapped if source not in self.used]
        if strangers:
            raise NameNotFoundError(
                f"input_map maps {', '.join(strangers)}, and no node of the file takes that as an input.",
            )

    def _make(self, node: Any, sources: Sequence[Source]) -> None:
        full = self.scope + node.name
        if full in self.graph.nodes_by_name:
            raise GraphError(
                f'the graph has a node "{full}" already.', "tf.import_graph_def(graph_def, name='another_scope')."
            )
        try:
            inputs = [self._input(source) for source in sources if source.output >= 0]
            control = [self._control(source) for source in sources if source.output < 0]
            with self.graph.control_dependencies(control), self.graph.device(node.device):
                claimed(self.graph, full)
                self.made[node.name] = made = self.reader.make(self.graph, node, inputs, full)
            if "_gradient_op_type" in node.attr:
                made.gradient_name = node.attr["_gradient_op_type"].s.decode("utf-8", "replace")
        except LabkitError as error:
            raise _of_node(node, error) from None

    def _input(self, source: Source) -> Tensor:
        if source in self.mapped:
            self.used.add(source)
            return self.mapped[source]
        outputs = self.made[source.name].outputs
        if source.output >= len(outputs):
            raise GraphError(f'its input "{source.text()}" is not there: {source.name} has {len(outputs)} output(s).')
        return outputs[source.output]

    def _control(self, source: Source) -> Operation:
        if source in self.mapped:
            self.used.add(source)
            return self.mapped[source]
        return self.made[source.name]

    def _colocate(self, node: Any) -> None:
        """Colocation with nodes of the file, under their new names."""
        found: list[str] = []
        for text in node.attr["_class"].list.s if "_class" in node.attr else ():
            name = text.decode("utf-8", "replace")
            if name.startswith("loc:@"):
                other = self.made.get(name[5:])
                if other is None:
                    raise GraphError(f'node "{node.name}" ({node.op}) is to be with "{name[5:]}", which is not there.')
                found.append(other.name)
        made = self.made[node.name]
        if found and found != [made.name]:
            made.colocation = tuple(found)

    def element(self, name: str) -> Any:
        """What `return_elements` names."""
        if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # a caller's mistake
            raise NameNotFoundError(f"return_elements has names, such as 'y:0', not {name!r}.")
        source = source_of(name, "return_elements")
        node = self.made.get(source.name)
        if node is None:
            near = difflib.get_close_matches(source.name, self.made, n=3)
            raise NameNotFoundError(f"the file has no node {source.name!r}.", f"{', '.join(near)}?" if near else "")
        if ":" not in name:
            return node
        if source.output >= len(node.outputs):
            raise NameNotFoundError(f"{name!r} is not there: {source.name!r} has {len(node.outputs)} output(s).")
        return node.outputs[source.output]


def _of_node(node: Any, error: LabkitError) -> LabkitError:
    """The error of a node of the file."""
    problem = GraphError(f'node "{node.name}" ({node.op}): {error}')
    problem.__notes__ = [note for note in getattr(error, "__notes__", []) if note.startswith("  Try")]
    return problem


def in_order(nodes: Sequence[Any], sources: Mapping[str, Sequence[Source]], mapped: Mapping[Source, Any]) -> list[Any]:
    """The nodes so that inputs come first, otherwise in the order of the file.

    Raises:
        GraphError: if an input is not there, or nodes wait for each other in a circle.
    """
    place = {node.name: position for position, node in enumerate(nodes)}
    waiting: list[int] = []
    followers: dict[str, list[int]] = {}
    for position, node in enumerate(nodes):
        before = {source.name for source in sources[node.name] if source not in mapped} | _forward(node, place)
        for name in sorted(before):
            if name not in place:
                near = difflib.get_close_matches(name, place, n=3)
                raise GraphError(
                    f'node "{node.name}" ({node.op}): its input "{name}" is not in the file.',
                    f"did it mean {' or '.join(near)}?" if near else "input_map={...} gives inputs from outside.",
                )
            followers.setdefault(name, []).append(position)
        waiting.append(len(before))
    ready = [position for position, count in enumerate(waiting) if not count]
    heapq.heapify(ready)
    result: list[Any] = []
    while ready:
        node = nodes[heapq.heappop(ready)]
        result.append(node)
        for position in followers.get(node.name, ()):
            waiting[position] -= 1
            if not waiting[position]:
                heapq.heappush(ready, position)
    if len(result) < len(nodes):
        stuck = [nodes[position].name for position, count in enumerate(waiting) if count]
        raise GraphError(f"these nodes wait for each other in a circle: {', '.join(stuck[:5])}.")
    return result


def _forward(node: Any, place: Mapping[str, int]) -> set[str]:
    """The node whose gradient this is, if it holds subgraphs and is in the file: the two share what they compute."""
    of: Any = node.attr["of"].func.attr if "of" in node.attr else {}
    found: set[str] = set()
    while of:
        if "_node" in of:
            found.add(of["_node"].s.decode("utf-8", "replace"))
        if "captured" in of:
            found |= {name.decode("utf-8", "replace").partition(":")[0] for name in of["captured"].list.s}
        of = of["of"].func.attr if "of" in of else {}
    return found & set(place)


def check_ops(nodes: Sequence[Any]) -> None:
    """Checks that labkit has the ops.

    Raises:
        GraphError: if not; the message names the node and the nearest ops.
    """
    for node in nodes:
        if node.op in UNREADABLE:
            why, advice = UNREADABLE[node.op]
            raise GraphError(f'labkit cannot read the node "{node.name}" ({node.op}): {why}.', advice)
        if node.op not in ALTERNATIVES and not _is_op(node.op):
            near = difflib.get_close_matches(node.op, [*OPS, *ALTERNATIVES], n=3)
            whose = "is TensorFlow's, and labkit does not have it" if node.op in tensorflow_ops() else "is unknown"
            raise GraphError(
                f'node "{node.name}": the op {node.op!r} {whose}.',
                f"nearest are {', '.join(near)}." if near else "",
            )


def _is_op(name: str) -> bool:
    return name.removeprefix("Labkit") in OPS or name == "If"
