"""`tf.profiler`: what a graph costs and where a run spent its time, by scope or by op type.

    flops = tf.profiler.profile(graph, options=tf.profiler.ProfileOptionBuilder.float_operation()).total_float_ops
    print(tf.profiler.profile(graph, run_metadata, cmd="op").table())

FLOPs are counted for every node of the graph, from its static shapes; give the metadata of a traced run, and the nodes
are those that ran, with the shapes and the times that they had.

Why not all of TensorFlow's profiler: its advice, its files and its dozens of options read those same figures; the trace
itself is in `run_metadata.trace`, and `labkit.costs.graph_cost` follows shapes that only feeding settles.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default() as graph, tf.name_scope("layer"):
    ...     _ = tf.matmul(tf.zeros([1, 50]), tf.zeros([50, 10]))
    >>> print(tf.profiler.profile(graph).table(depth=1))
    name           FLOPs  time  bytes made  parameters
    _TFProfRoot   1.00 k   0 s           0           0
      layer       1.00 k   0 s           0           0

Source: `tensorflow/python/profiler/model_analyzer.py`, `tfprof_output.proto` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from labkit.config import RunMetadata
from labkit.errors import LabkitError
from labkit.graph import Graph, Operation, get_default_graph
from labkit.missing import namespace
from labkit.shapes import num_elements
from labkit.trace import aligned, short

__all__ = ["ProfileNode", "ProfileOptionBuilder", "profile"]


@dataclass
class ProfileNode:
    """Sums over a scope or over an op type, with what they are made of.

    Args:
        name: the scope, the node or the op type.
        total_float_ops: floating-point operations.
        total_exec_micros: microseconds.
        total_requested_bytes: bytes of what was made.
        total_parameters: entries of trainable variables.
        children: the parts, the dearest first.
    """

    name: str
    total_float_ops: int = 0
    total_exec_micros: int = 0
    total_requested_bytes: int = 0
    total_parameters: int = 0
    children: list[ProfileNode] = field(default_factory=list["ProfileNode"])

    def table(self, depth: int = 2) -> str:
        """The sums as text, a line per part.

        Args:
            depth: how many levels of parts to show.
        """
        rows = [("name", "FLOPs", "time", "bytes made", "parameters")]

        def add(node: ProfileNode, level: int) -> None:
            seconds = short(node.total_exec_micros / 1e6, "s")
            made, count = short(node.total_requested_bytes), short(node.total_parameters)
            rows.append(("  " * level + node.name, short(node.total_float_ops), seconds, made, count))
            for child in node.children if level < depth else ():
                add(child, level + 1)

        add(self, 0)
        return aligned(rows)


class ProfileOptionBuilder:
    """Ready-made options for `profile`, as TensorFlow names them.

    Example:
        >>> import labkit as tf
        >>> tf.profiler.ProfileOptionBuilder.float_operation()["select"]
        ['float_ops']
    """

    @staticmethod
    def float_operation() -> dict[str, Any]:
        """Floating-point operations."""
        return {"select": ["float_ops"], "order_by": "float_ops"}

    @staticmethod
    def time_and_memory() -> dict[str, Any]:
        """Time and bytes of a traced run."""
        return {"select": ["micros", "bytes"], "order_by": "micros"}

    @staticmethod
    def trainable_variables_parameter() -> dict[str, Any]:
        """Entries of trainable variables."""
        return {"select": ["params"], "order_by": "params"}


_ORDERS = {
    "float_ops": "total_float_ops",
    "micros": "total_exec_micros",
    "bytes": "total_requested_bytes",
    "params": "total_parameters",
    "name": "name",
}


def profile(
    graph: Graph | None = None, run_meta: RunMetadata | None = None, op_log: Any = None, cmd: str = "scope",
    options: dict[str, Any] | None = None,
) -> ProfileNode:  # fmt: skip
    """Sums of FLOPs, times, bytes and parameters.

    Args:
        graph: the graph; the default graph if None.
        run_meta: the metadata of a run with `FULL_TRACE`: then the nodes are those that ran, with their times.
        op_log: kept for TensorFlow's signature.
        cmd: "scope" or "graph" for a tree of name scopes, "op" or "code" for op types.
        options: one of `ProfileOptionBuilder`'s; its "order_by" sorts the parts.

    Returns:
        The sums over everything, with the parts as `children`.

    Raises:
        LabkitError: if `cmd` is none of these, or if sorting by time is asked without a traced run.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default() as graph:
        ...     w = tf.Variable(tf.zeros([784, 10]), name="w")
        ...     y = tf.matmul(tf.zeros([1, 784]), w)
        >>> found = tf.profiler.profile(graph, cmd="op", options=tf.profiler.ProfileOptionBuilder.float_operation())
        >>> found.total_float_ops, found.total_parameters, found.children[0].name
        (15680, 7840, 'MatMul')
    """
    del op_log
    if cmd not in ("scope", "graph", "op", "code"):
        raise LabkitError(f"cmd is 'scope' or 'op', not {cmd!r}.")
    order = (options or {}).get("order_by", "float_ops")
    if order not in _ORDERS:
        raise LabkitError(f"order_by is one of {sorted(_ORDERS)}, not {order!r}.")
    if order == "micros" and run_meta is None:
        raise LabkitError(
            "times are in the metadata of a traced run, and run_meta is None.\n"
            "  Try: session.run(..., options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE), run_metadata=m)."
        )
    chosen = graph or get_default_graph()
    leaves = _nodes_of(chosen) if run_meta is None else _events_of(run_meta)
    _count_parameters(chosen, leaves)
    root = ProfileNode("_TFProfRoot")
    for op, leaf in leaves.values():
        _add(root, [op] if cmd in ("op", "code") else leaf.name.split("/"), leaf)
    _sort(root, _ORDERS[order])
    return root


_Leaves = dict[str, tuple[str, ProfileNode]]  # by node name: the op type, and the figures


def _nodes_of(graph: Graph) -> _Leaves:
    return {
        node.name: (node.type, ProfileNode(node.name, int(node.cost().flops))) for node in graph.get_operations()
    }  # fmt: skip


def _events_of(run_meta: RunMetadata) -> _Leaves:
    leaves: _Leaves = {}
    for event in run_meta.trace.events:
        micros = round(event.duration_seconds * 1e6)
        leaves[event.node] = event.op, ProfileNode(event.node, int(event.flops), micros, event.output_bytes)
    return leaves


def _count_parameters(graph: Graph, leaves: _Leaves) -> None:
    for variable in graph.get_collection("trainable_variables"):
        node: Operation = variable.op
        op, leaf = leaves.setdefault(node.name, (node.type, ProfileNode(node.name)))
        leaf.total_parameters = num_elements(node.outputs[0].static_shape) or 0
        leaves[node.name] = op, leaf


def _add(root: ProfileNode, path: Sequence[str], leaf: ProfileNode) -> None:
    """Adds the figures to each part on the path."""
    here = root
    for depth in range(len(path) + 1):
        here.total_float_ops += leaf.total_float_ops
        here.total_exec_micros += leaf.total_exec_micros
        here.total_requested_bytes += leaf.total_requested_bytes
        here.total_parameters += leaf.total_parameters
        if depth < len(path):
            name = "/".join(path[: depth + 1])
            child = next((c for c in here.children if c.name == name), None)
            if child is None:
                child = ProfileNode(name)
                here.children.append(child)
            here = child


def _sort(node: ProfileNode, key: str) -> None:
    node.children.sort(key=lambda child: getattr(child, key), reverse=key != "name")
    for child in node.children:
        _sort(child, key)


__getattr__ = namespace(__name__, __all__)
