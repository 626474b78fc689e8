"""The graph: operations, tensors, ops, scopes. Floor 1 of labkit; it imports nothing of JAX until an op asks for it.

Read in this order: `op.py` (what an op is), `tensor.py` (nodes and edges), `graph.py` (how a node enters),
`scopes.py` (names, devices, control inputs), `convert.py` (numbers become constants), `folding.py` and `inference.py`
(what is known before running).
"""

from labkit.graph.collections import GraphKeys
from labkit.graph.convert import as_array, is_tensor_like
from labkit.graph.defaults import (
    add_to_collection,
    colocate_with,
    control_dependencies,
    device,
    get_collection,
    get_collection_ref,
    name_scope,
)
from labkit.graph.folding import constant_value, known_array, known_value
from labkit.graph.graph import Graph, apply, apply_node, get_default_graph, graph_of, reset_default_graph
from labkit.graph.interpret import Interpreter, explain_run, variable_of
from labkit.graph.op import OPS, Cost, Op, Spec, op, op_named
from labkit.graph.runtime import HostRun, SessionResources, running_in
from labkit.graph.tensor import Operation, Operators, Tensor

__all__ = [
    "OPS", "Cost", "Graph", "GraphKeys", "HostRun", "Interpreter", "Op", "Operation", "Operators", "SessionResources",
    "Spec", "Tensor",
    "add_to_collection", "apply", "apply_node", "as_array", "colocate_with", "constant_value", "control_dependencies",
    "device", "explain_run", "get_collection", "get_collection_ref", "get_default_graph", "graph_of",
    "is_tensor_like", "known_array", "known_value", "name_scope", "op", "op_named", "reset_default_graph",
    "running_in", "variable_of",
]  # fmt: skip
