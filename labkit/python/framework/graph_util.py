"""`tf.python.framework.graph_util`, as programs that freeze a graph import it; see `tf.graph_util`."""

from labkit.graphdef.graph_util import (
    convert_variables_to_constants,
    extract_sub_graph,
    remove_training_nodes,
    tensor_shape_from_node_def_name,
)

__all__ = [
    "convert_variables_to_constants", "extract_sub_graph", "remove_training_nodes", "tensor_shape_from_node_def_name",
]  # fmt: skip
