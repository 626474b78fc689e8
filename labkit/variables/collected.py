"""The variables of a graph, by collection; giving them all their initial values; which have none yet.

Source: `tensorflow/python/ops/variables.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit.graph import GraphKeys, Operation, Tensor, apply, get_default_graph
from labkit.ops.array import Rank
from labkit.ops.control_flow import group
from labkit.ops.stacking import stack
from labkit.ops.state import (
    NamesWhereFalse,
    is_variable_initialized,
)


def global_variables(scope: str | None = None) -> list[Any]:
    """All variables of the default graph that are shared across sessions' steps.

    Args:
        scope: a regular expression that names must match from their start.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     w = tf.Variable(0.0, name="w")
        ...     [v.name for v in tf.global_variables()]
        ['w:0']
    """
    return get_default_graph().get_collection(GraphKeys.GLOBAL_VARIABLES, scope)


def local_variables(scope: str | None = None) -> list[Any]:
    """The variables of the default graph that are local to a process, such as counters of metrics.

    Args:
        scope: a regular expression that names must match from their start.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     count = tf.Variable(0, trainable=False, collections=[tf.GraphKeys.LOCAL_VARIABLES])
        ...     tf.local_variables() == [count]
        True
    """
    return get_default_graph().get_collection(GraphKeys.LOCAL_VARIABLES, scope)


def model_variables(scope: str | None = None) -> list[Any]:
    """The variables of the default graph that make up the model, as layers mark them.

    Args:
        scope: a regular expression that names must match from their start.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     tf.model_variables()
        []
    """
    return get_default_graph().get_collection(GraphKeys.MODEL_VARIABLES, scope)


def moving_average_variables(scope: str | None = None) -> list[Any]:
    """The variables of the default graph that a moving average is kept of.

    Args:
        scope: a regular expression that names must match from their start.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     tf.moving_average_variables()
        []
    """
    return get_default_graph().get_collection(GraphKeys.MOVING_AVERAGE_VARIABLES, scope)


def trainable_variables(scope: str | None = None) -> list[Any]:
    """The variables of the default graph that optimizers change.

    Args:
        scope: a regular expression that names must match from their start.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     w, step = tf.Variable(0.0), tf.Variable(0, trainable=False)
        ...     tf.trainable_variables() == [w]
        True
    """
    return get_default_graph().get_collection(GraphKeys.TRAINABLE_VARIABLES, scope)


def variables_initializer(var_list: Sequence[Any], name: str = "init") -> Operation:
    """An operation that gives each variable its initial value.

    Args:
        var_list: variables.
        name: name of the operation.

    Example:
        >>> import labkit as tf
        >>> v = tf.Variable(3.0)
        >>> with tf.Session() as sess:
        ...     sess.run(tf.variables_initializer([v]))
        ...     float(sess.run(v))
        3.0
    """
    return group(*[variable.initializer for variable in var_list], name=name)


def global_variables_initializer() -> Operation:
    """An operation that gives every global variable its initial value. Make it after all variables.

    Example:
        >>> import labkit as tf
        >>> v = tf.Variable(3.0)
        >>> with tf.Session() as sess:
        ...     sess.run(tf.global_variables_initializer())
        ...     float(sess.run(v))
        3.0
    """
    return variables_initializer(global_variables())


def local_variables_initializer() -> Operation:
    """An operation that gives every local variable its initial value.

    Example:
        >>> import labkit as tf
        >>> tf.local_variables_initializer().type
        'NoOp'
    """
    return variables_initializer(local_variables())


def report_uninitialized_variables(
    var_list: Sequence[Any] | None = None, name: str = "report_uninitialized_variables"
) -> Tensor:
    """The names of the variables that have no value in the session, as a tensor of strings.

    Args:
        var_list: variables; by default all global and local ones.
        name: name of the node.

    Returns:
        A string tensor of shape (number of such variables,).

    Example:
        >>> import labkit as tf
        >>> a, b = tf.Variable(1.0, name="a"), tf.Variable(2.0, name="b")
        >>> with tf.Session() as sess:
        ...     sess.run(a.initializer)
        ...     sess.run(tf.report_uninitialized_variables([a, b])).tolist()
        [b'b']
    """
    listed = [*global_variables(), *local_variables()] if var_list is None else list(var_list)
    graph = listed[0].graph if listed else get_default_graph()
    with graph.name_scope(name) as scope:
        flags = [is_variable_initialized(variable) for variable in listed]
        return graph.apply(NamesWhereFalse(tuple(variable.op.name for variable in listed)), flags, scope)


def assert_variables_initialized(var_list: Sequence[Any] | None = None) -> Tensor | None:
    """A tensor that cannot be computed unless all variables have a value; `report_uninitialized_variables` says more.

    Args:
        var_list: variables; by default all global and local ones.

    Returns:
        A tensor to run, or None if there are no variables.

    Example:
        >>> import labkit as tf
        >>> v = tf.Variable(1.0)
        >>> try:
        ...     tf.Session().run(tf.assert_variables_initialized([v]))
        ... except tf.errors.FailedPreconditionError:
        ...     print("not yet")
        not yet
    """
    listed = [*global_variables(), *local_variables()] if var_list is None else list(var_list)
    if not listed:
        return None
    return stack([apply(Rank(), variable.ref) for variable in listed])
