"""The global step: one integer variable that counts training steps, found by its place in a collection.

Optimizers add one to it (`minimize(loss, global_step=step)`), learning-rate schedules read it, savers and hooks name
their files after it.

Example:
    >>> import labkit as tf
    >>> with tf.Graph().as_default():
    ...     step = tf.train.get_or_create_global_step()
    ...     step.name, step is tf.train.get_global_step()
    ('global_step:0', True)

Source: `tensorflow/python/training/training_util.py` (1.4).
"""

from __future__ import annotations

from typing import Any

from labkit.dtypes import int64
from labkit.errors import DTypeError, GraphError, ShapeError
from labkit.graph import Graph, GraphKeys, get_default_graph
from labkit.ops.array import zeros
from labkit.shared_variables import get_variable


def get_global_step(graph: Graph | None = None) -> Any:
    """The global step of a graph, or None if it has none.

    Args:
        graph: a graph; the default one if None.

    Returns:
        What is in the collection `tf.GraphKeys.GLOBAL_STEP`, else the tensor named "global_step:0", else None.

    Example:
        >>> import labkit as tf
        >>> tf.train.get_global_step(tf.Graph()) is None
        True
    """
    graph = graph or get_default_graph()
    steps = graph.get_collection(GraphKeys.GLOBAL_STEP)
    if len(steps) > 1:
        raise GraphError(f"a graph has one global step, and the collection holds {len(steps)}: {steps}.")
    if not steps and "global_step" not in graph.nodes_by_name:
        return None
    step = steps[0] if steps else graph.get_tensor_by_name("global_step:0")
    assert_global_step(step)
    return step


def create_global_step(graph: Graph | None = None) -> Any:
    """Makes the global step: an int64 variable that starts at 0 and is not trained.

    Args:
        graph: a graph; the default one if None.

    Raises:
        GraphError: if there is one already.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     tf.train.create_global_step()
        <tf.Variable 'global_step:0' shape=() dtype=int64_ref>
    """
    graph = graph or get_default_graph()
    if get_global_step(graph) is not None:
        raise GraphError("the graph has a global step already.\n  Try: tf.train.get_or_create_global_step().")
    with graph.as_default(), graph.name_scope(None):
        return get_variable(
            GraphKeys.GLOBAL_STEP, [], int64, zeros, trainable=False,
            collections=[GraphKeys.GLOBAL_VARIABLES, GraphKeys.GLOBAL_STEP],
        )  # fmt: skip


def get_or_create_global_step(graph: Graph | None = None) -> Any:
    """The global step of a graph; made if there is none.

    Args:
        graph: a graph; the default one if None.

    Example:
        >>> import labkit as tf
        >>> tf.train.get_or_create_global_step() is tf.train.get_or_create_global_step()
        True
    """
    graph = graph or get_default_graph()
    step = get_global_step(graph)
    return create_global_step(graph) if step is None else step


def global_step(sess: Any, global_step_tensor: Any) -> int:
    """The value of the global step in a session.

    Args:
        sess: a session.
        global_step_tensor: the global step.

    Returns:
        A Python int.

    Example:
        >>> import labkit as tf
        >>> step = tf.Variable(10, trainable=False)
        >>> with tf.Session() as sess:
        ...     sess.run(step.initializer)
        ...     tf.train.global_step(sess, step)
        10
    """
    return int(sess.run(global_step_tensor))


def assert_global_step(global_step_tensor: Any) -> None:
    """Checks that something can be the global step.

    Args:
        global_step_tensor: a variable or a tensor.

    Raises:
        DTypeError: if it is no integer.
        ShapeError: if it is no scalar.

    Example:
        >>> import labkit as tf
        >>> tf.train.assert_global_step(tf.Variable(0, trainable=False))
    """
    dtype = getattr(global_step_tensor, "dtype", None)
    if dtype is None or not dtype.is_integer:
        raise DTypeError(f"the global step must be an integer variable, not {global_step_tensor!r}.")
    if global_step_tensor.static_shape not in ((), None):
        raise ShapeError(f"the global step must be a scalar, not {global_step_tensor!r}.")
