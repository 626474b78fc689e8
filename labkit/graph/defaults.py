"""The methods of `Graph`, as functions on the default graph: `tf.name_scope`, `tf.device`, `tf.get_collection`.

Source: `tensorflow/python/framework/ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from labkit.graph.convert import is_tensor_like
from labkit.graph.graph import get_default_graph, graph_of
from labkit.nests import is_listed


@contextmanager
def name_scope(name: str | None, default_name: str | None = None, values: Any = None) -> Generator[str]:
    """Names of nodes made inside the `with` block begin with `name/`.

    Args:
        name: the scope, made unique with `_1`, `_2`; one that ends in a slash is entered again as it is.
        default_name: used where `name` is None.
        values: tensors whose graph is to be used.

    Yields:
        The whole scope with a final slash.

    Example:
        >>> import labkit as tf
        >>> with tf.name_scope("layer1") as scope:
        ...     y = tf.constant(1.0, name="bias")
        >>> scope, y.name
        ('layer1/', 'layer1/bias:0')
    """
    graph = graph_of([value for value in values if is_tensor_like(value)] if is_listed(values) else [])
    with graph.as_default(), graph.name_scope(default_name if name is None else name) as scope:
        yield scope


def device(device_name_or_function: Any) -> AbstractContextManager[None]:
    """Nodes made inside the `with` block ask for a device; an inner block wins part by part.

    Args:
        device_name_or_function: a name such as "/gpu:0" or "/job:ps/task:1", a `tf.DeviceSpec`, a function from
            operation to name, or None to forget the outer blocks.

    Example:
        >>> import labkit as tf
        >>> with tf.device("/job:worker/task:2"), tf.device("/gpu:0"):
        ...     tf.constant(1.0).device
        '/job:worker/task:2/device:GPU:0'
    """
    return get_default_graph().device(device_name_or_function)


def control_dependencies(control_inputs: Sequence[Any] | None) -> AbstractContextManager[None]:
    """Nodes made inside the `with` block run after `control_inputs`.

    Args:
        control_inputs: operations, tensors or variables to wait for; None forgets the outer blocks.

    Example:
        >>> import labkit as tf
        >>> count = tf.Variable(0)
        >>> with tf.control_dependencies([tf.assign_add(count, 1)]):
        ...     after = count.read_value()
        >>> with tf.Session() as sess:
        ...     sess.run(count.initializer)
        ...     int(sess.run(after))
        1
    """
    return get_default_graph().control_dependencies(control_inputs)


def colocate_with(op: Any, ignore_existing: bool = False) -> AbstractContextManager[None]:
    """Nodes made inside the `with` block go to the device of `op`.

    Args:
        op: an operation, a tensor or a variable.
        ignore_existing: True forgets the outer blocks.

    Example:
        >>> import labkit as tf
        >>> with tf.device("/gpu:1"):
        ...     w = tf.Variable(0.0, name="w_there")
        >>> with tf.colocate_with(w):
        ...     tf.constant(1.0).device
        '/device:GPU:1'
    """
    return get_default_graph().colocate_with(op, ignore_existing)


def add_to_collection(name: str, value: Any) -> None:
    """Appends `value` to a collection of the default graph.

    Args:
        name: name of the collection.
        value: anything.

    Example:
        >>> import labkit as tf
        >>> tf.add_to_collection("mine", 3)
        >>> tf.get_collection("mine")
        [3]
    """
    get_default_graph().add_to_collection(name, value)


def get_collection(key: str, scope: str | None = None) -> list[Any]:
    """A copy of a collection of the default graph.

    Args:
        key: name of the collection.
        scope: a regular expression that the members' names must match from their start.

    Returns:
        A list; empty if there is no such collection.

    Example:
        >>> import labkit as tf
        >>> tf.get_collection(tf.GraphKeys.LOSSES)
        []
    """
    return get_default_graph().get_collection(key, scope)


def get_collection_ref(key: str) -> list[Any]:
    """A collection of the default graph itself: what you append is kept.

    Args:
        key: name of the collection.

    Example:
        >>> import labkit as tf
        >>> tf.get_collection_ref("yours").append(1)
        >>> tf.get_collection("yours")
        [1]
    """
    return get_default_graph().get_collection_ref(key)
