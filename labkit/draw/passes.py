"""`draw.optimized`: what the graph passes took away.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default():
    ...     x = tf.placeholder(tf.float32, [], name="x")
    ...     y = tf.multiply(tf.exp(x, name="a"), tf.exp(x, name="b"), name="y")
    >>> tf.draw.optimized(tf.passes.optimize(y))
    <picture of a graph: 1 placeholder, 3 ops; 1 gone>
"""

from __future__ import annotations

from typing import Any

from labkit.draw.graphs import graph
from labkit.draw.picture import Picture
from labkit.passes import Optimized


def optimized(result: Optimized, collapse: bool = False, depth: int = 1, legend: bool = True) -> Picture:
    """The graph before the passes; what went away is an empty dashed outline.

    The graph after them is drawn by `draw.graph(result.graph, collapse=False)`.

    Args:
        result: what `tf.passes.optimize` returned.
        collapse: True draws a name scope as one box, dashed if all of it went.
        depth: how many parts of a name tell boxes apart, if `collapse`.
        legend: False leaves out the line that explains shapes and colours.

    Returns:
        The picture.
    """
    stayed = set(result.graph.nodes_by_name)
    nodes: list[Any] = [node for node in result.source.get_operations() if node.name not in stayed]
    return graph(result.source, collapse, depth, legend=legend, gone=nodes)
