"""A graph as columns: what the page draws it from.

A list of dictionaries, one for each node, would repeat every word thousands of times. So each property is a list of its
own, with one entry for each node in the order of creation, and words that come again (op types, devices, lines of the
learner's, kinds of tensors) are numbers into a list of distinct ones. Edges are four lists of numbers. As JSON,
compressed, a graph of 20,000 operations is about 150 kB.

What a node holds inside (the body of a loop, the branches of a condition) follows after all nodes of the graph, under
names `<node>/<body>/...`, so that it opens like a scope. The columns are those of `src/graph/types.ts`.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default() as graph:
    ...     y = tf.add(tf.placeholder(tf.float32, [None, 3], name="x"), 1.0, name="y")
    >>> made = columns(graph)
    >>> made["names"], [made["ops"][i] for i in made["op"]], [made["types"][i]["shape"] for i in made["outputTypes"]]
    (['x', 'y/y', 'y'], ['Placeholder', 'Const', 'Add'], ['(?, 3)', '()', '(?, 3)'])
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any, NamedTuple

from labkit.errors import LabkitError
from labkit.graph import Graph, Operation, Tensor, known_value
from labkit.graph.subgraph import Body
from labkit.shapes import TensorShape, is_static

PARTS = ("forward", "gradient", "optimizer", "state", "input", "constant", "other")


class Inner(NamedTuple):
    """A node, and the name that it has in the picture."""

    name: str
    node: Operation


def columns(graph: Graph, nodes: Sequence[Operation] | None = None) -> dict[str, Any]:
    """The graph as lists, ready for JSON.

    Args:
        graph: the graph.
        nodes: which of its operations, in creation order, with all they depend on; all if None.

    Returns:
        The columns that `src/graph/types.ts` describes.
    """
    from labkit.draw.units import parts_of  # brings matplotlib along: only for those who look at a graph

    chosen = graph.get_operations() if nodes is None else list(nodes)
    table = _Table()
    for node, part in zip(chosen, parts_of(chosen), strict=True):
        table.node(node.name, node, part)
    for node in chosen:
        table.edges(node)
    for _, inside in bodies(chosen):
        own = {inner.node for inner in inside}
        for name, node in inside:
            table.node(name, node, _part_inside(node))
        for _, node in inside:
            table.edges(node, own)
    return table.made()


def encode(graph: Graph, nodes: Sequence[Operation] | None = None) -> bytes:
    """The columns as compressed JSON.

    Args:
        graph: the graph.
        nodes: as for `columns`.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default() as graph:
        ...     x = tf.constant(1.0, name="x")
        >>> decode(encode(graph))["names"]
        ['x']
    """
    return pack(columns(graph, nodes))


def pack(made: dict[str, Any]) -> bytes:
    """Columns as bytes for the page."""
    return zlib.compress(json.dumps(made, separators=(",", ":")).encode(), 6)


def decode(data: bytes) -> dict[str, Any]:
    """The columns again, from bytes."""
    return json.loads(zlib.decompress(data))


def bodies(nodes: Sequence[Operation]) -> Iterator[tuple[Operation, list[Inner]]]:
    """What stands inside nodes, body after body: the node that holds it, and its nodes with their names."""
    waiting = [Inner(node.name, node) for node in nodes if hasattr(node.kind, "bodies")]
    for name, holder in waiting:  # grows by what is found inside
        for field in fields(holder.kind):  # pyright: ignore[reportArgumentType]  # every op is a dataclass
            body = getattr(holder.kind, field.name)
            if not isinstance(body, Body):
                continue
            around = [t.op for t in (*body.parameters, *body.stand_ins)]
            inside = [
                Inner(f"{name}/{field.name}/{_own_name(node, holder)}", node)
                for node in sorted({*around, *body.nodes}, key=lambda node: node.id)
            ]
            waiting += [inner for inner in inside if hasattr(inner.node.kind, "bodies")]
            yield holder, inside


def find(graph: Graph, name: str) -> Operation | None:
    """The operation that has this name in the picture, or None: one of the graph's, or one inside a node."""
    node = graph.nodes_by_name.get(name)
    if node is None:
        for _, inside in bodies(graph.get_operations()):
            for inner in inside:
                if inner.name == name:
                    return inner.node
    return node


def _own_name(node: Operation, holder: Operation) -> str:
    """The name of a node inside, without the scope in which its holder was made."""
    return node.name.removeprefix(holder.name.rpartition("/")[0] + "/")


def _part_inside(node: Operation) -> str:
    if node.type == "Parameter":
        return "input"
    if node.type == "CapturedRef":
        return "state"
    return "constant" if node.type == "Const" else "forward"


class _Table:
    """The columns while they grow."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.op: list[int] = []
        self.device: list[int] = []
        self.site: list[int] = []
        self.part: list[int] = []
        self.outputs: list[int] = []
        self.output_types: list[int] = []
        self.flops: list[float | None] = []
        self.ends: tuple[list[int], list[int], list[int], list[int]] = ([], [], [], [])
        self._ops: dict[str, int] = {}
        self._devices: dict[str, int] = {}
        self._sites: dict[Any, int] = {}
        self._types: dict[tuple[str, Any], int] = {}
        self._type_entries: list[dict[str, Any]] = []
        self._place: dict[Operation, int] = {}
        self._costs: dict[Any, float | None] = {}

    def node(self, name: str, node: Operation, part: str) -> None:
        self._place[node] = len(self.names)
        self.names.append(name)
        self.op.append(self._ops.setdefault(node.type, len(self._ops)))
        self.device.append(self._devices.setdefault(node.device, len(self._devices)))
        self.site.append(self._sites.setdefault(node.site, len(self._sites)))
        self.part.append(PARTS.index(part))
        self.outputs.append(len(node.outputs))
        self.output_types += map(self._type, node.outputs)
        self.flops.append(self._flops(node))

    def edges(self, node: Operation, within: set[Operation] | None = None) -> None:
        to = self._place[node]
        for position, tensor in enumerate(node.inputs):
            if within is None or tensor.op in within:
                self._edge(self._place[tensor.op], tensor.value_index, to, position)
        for before in node.control_inputs:
            if within is None or before in within:
                self._edge(self._place[before], -1, to, -1)

    def _edge(self, *numbers: int) -> None:
        for column, number in zip(self.ends, numbers, strict=True):
            column.append(number)

    def _type(self, tensor: Tensor) -> int:
        dtype, shape = tensor.dtype, tensor.static_shape
        key = (dtype.name, shape)
        known = self._types.get(key)
        if known is None:
            known = self._types[key] = len(self._types)
            size = None if dtype.name in ("string", "resource", "variant") else tensor.spec.size_bytes()
            self._type_entries.append({"dtype": dtype.name, "shape": str(TensorShape(shape)), "bytes": size})
        return known

    def _flops(self, node: Operation) -> float | None:
        """FLOPs of one execution, None where a size is not known. Equal ops on equal inputs are counted once."""
        if node.type == "Const":
            return 0
        if not all(is_static(t.static_shape) for t in (*node.inputs, *node.outputs)):
            return None
        static = node.kind.static_inputs
        values = tuple(known_value(t) for i, t in enumerate(node.inputs) if i in static)
        key = (node.kind, tuple(t.spec for t in node.inputs), values)
        try:
            if key not in self._costs:
                self._costs[key] = _counted(node)
            return self._costs[key]
        except TypeError:  # an attribute that has no hash
            return _counted(node)

    def made(self) -> dict[str, Any]:
        start, slot, end, place = self.ends
        return {
            "names": self.names, "ops": list(self._ops), "op": self.op, "devices": list(self._devices),
            "device": self.device, "sites": [site.text() for site in self._sites], "site": self.site,
            "part": self.part, "types": self._type_entries, "outputs": self.outputs,
            "outputTypes": self.output_types, "from": start, "slot": slot, "to": end, "input": place,
            "flops": self.flops,
        }  # fmt: skip


def _counted(node: Operation) -> float | None:
    try:
        flops = node.cost().flops
    except (LabkitError, ArithmeticError, LookupError, NotImplementedError, TypeError, ValueError):
        return None
    if not math.isfinite(flops):
        return None
    return int(flops) if flops == int(flops) else flops
