"""`tf.python.framework.ops`, which programs of 2016 import to reset the default graph."""

from labkit.graph import (
    Graph,
    GraphKeys,
    Operation,
    Tensor,
    control_dependencies,
    device,
    get_default_graph,
    name_scope,
    reset_default_graph,
)
from labkit.ops.source import convert_to_tensor
from labkit.registered_gradients import NoGradient, NotDifferentiable, RegisterGradient
from labkit.session import get_default_session

__all__ = [
    "Graph", "GraphKeys", "NoGradient", "NotDifferentiable", "Operation", "RegisterGradient", "Tensor",
    "control_dependencies", "convert_to_tensor", "device",
    "get_default_graph", "get_default_session", "name_scope", "reset_default_graph",
]  # fmt: skip
