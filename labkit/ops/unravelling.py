"""From numbers in a flattened tensor to places in it: `tf.unravel_index`.

Example:
    >>> import labkit as tf
    >>> tf.Session().run(tf.unravel_index(5, [2, 3])).tolist()  # entry 5 of 2 rows of 3
    [1, 2]

Source: signature and behaviour of `tensorflow/python/ops/array_ops.py`.
"""

from __future__ import annotations

from typing import Any

from labkit.graph import Tensor, graph_of
from labkit.ops.along_axis import cumprod
from labkit.ops.array import expand_dims, reshape
from labkit.ops.division import floordiv, floormod
from labkit.ops.joining import concat
from labkit.ops.shaping import shape as shape_of


def unravel_index(indices: Any, dims: Any, name: str | None = None) -> Tensor:
    """The places in a tensor of shape `dims` of entries that are numbered in reading order.

    Args:
        indices: int32 or int64 tensor of numbers; from 0 to less than the product of `dims`.
        dims: a vector of the same dtype: the shape.
        name: name of the scope.

    Returns:
        A tensor (number of dims, *shape of `indices`): the places along each axis.

    Example:
        >>> import labkit as tf
        >>> where = tf.argmax(tf.reshape([[1.0, 2.0], [9.0, 3.0]], [-1]), output_type=tf.int32)
        >>> tf.Session().run(tf.unravel_index(where, [2, 2])).tolist()
        [1, 0]
    """
    graph = graph_of([indices, dims])
    with graph.name_scope(name or "UnravelIndex"):
        numbers = graph.as_tensor(indices, None, "indices")
        sizes = graph.as_tensor(dims, numbers.dtype, "dims")
        steps = cumprod(sizes, 0, exclusive=True, reverse=True)
        flat = expand_dims(reshape(numbers, [-1]), 0)
        places = floormod(floordiv(flat, expand_dims(steps, 1)), expand_dims(sizes, 1))
        return reshape(places, concat([shape_of(sizes), shape_of(numbers)], 0))
