"""What a graph costs before it runs: FLOPs and bytes of each node, op type and scope; and a step as plain data.

`counted.py` counts, `workloads.py` describes a step for placers and the simulator; `walk.py` follows the shapes.

Example:
    >>> import labkit as tf
    >>> y = tf.matmul(tf.zeros([100, 784]), tf.zeros([784, 10]))
    >>> graph_cost(y).flops, workload(y).flops
    (1568000.0, 1568000.0)
"""

from labkit.costs.counted import GraphCost, NodeCost, event_of, graph_cost, total
from labkit.costs.workloads import workload

__all__ = ["GraphCost", "NodeCost", "event_of", "graph_cost", "total", "workload"]
