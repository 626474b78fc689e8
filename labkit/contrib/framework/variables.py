"""Variables of models: made for the collection of the model's variables, and found by scope, name or suffix.

Source: `tensorflow/contrib/framework/python/ops/variables.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from labkit.contrib.framework.scopes import add_arg_scope
from labkit.dtypes import DTypeLike, float32
from labkit.errors import GraphError, LabkitError
from labkit.graph import GraphKeys, get_default_graph
from labkit.graph import device as on_device
from labkit.nests import is_listed
from labkit.ops.control_flow import group
from labkit.ops.source import placeholder
from labkit.shared_variables import get_variable
from labkit.variable_scope import VariableScope
from labkit.variables import Variable


@add_arg_scope
def variable(
    name: str, shape: Any = None, dtype: DTypeLike = None, initializer: Any = None, regularizer: Any = None,
    trainable: bool = True, collections: Sequence[str] | None = None, caching_device: Any = None, device: Any = None,
    partitioner: Any = None, custom_getter: Any = None, use_resource: bool | None = None,
) -> Any:  # fmt: skip
    """`tf.get_variable` with a device, and always among the global variables.

    Args:
        name: as for `tf.get_variable`, like all that is not named here.
        shape: see there.
        dtype: see there; float32 if None.
        initializer: see there.
        regularizer: see there.
        trainable: see there.
        collections: further collections to add it to.
        caching_device: see there.
        device: the device to put it on.
        partitioner: see there.
        custom_getter: see there.
        use_resource: see there.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     tf.contrib.framework.variable("w", [2]).name
        'w:0'
    """
    listed = [*dict.fromkeys([*(collections or ()), GraphKeys.GLOBAL_VARIABLES])]
    with on_device(device) if device else nullcontext():
        return get_variable(
            name, shape, dtype or float32, initializer, regularizer, trainable, listed, caching_device, partitioner,
            use_resource=use_resource, custom_getter=custom_getter,
        )  # fmt: skip


@add_arg_scope
def model_variable(
    name: str, shape: Any = None, dtype: DTypeLike = float32, initializer: Any = None, regularizer: Any = None,
    trainable: bool = True, collections: Sequence[str] | None = None, caching_device: Any = None, device: Any = None,
    partitioner: Any = None, custom_getter: Any = None, use_resource: bool | None = None,
) -> Any:  # fmt: skip
    """A variable of the model: `variable`, also in the collection `tf.GraphKeys.MODEL_VARIABLES`.

    Args:
        name: as for `variable`, like all that follow.
        shape: see there.
        dtype: see there.
        initializer: see there.
        regularizer: see there.
        trainable: see there.
        collections: see there.
        caching_device: see there.
        device: see there.
        partitioner: see there.
        custom_getter: see there.
        use_resource: see there.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     w = tf.contrib.framework.model_variable("w", [2])
        ...     tf.model_variables() == [w]
        True
    """
    listed = [*(collections or ()), GraphKeys.GLOBAL_VARIABLES, GraphKeys.MODEL_VARIABLES]
    return variable(
        name, shape, dtype, initializer, regularizer, trainable, listed, caching_device, device, partitioner,
        custom_getter, use_resource,
    )  # fmt: skip


def local_variable(initial_value: Any, validate_shape: bool = True, name: str | None = None) -> Any:
    """A variable that is local to a process: not trained, not saved.

    Args:
        initial_value: its initial value.
        validate_shape: as for `tf.Variable`.
        name: its name.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     count = tf.contrib.framework.local_variable(0)
        ...     tf.local_variables() == [count]
        True
    """
    return Variable(initial_value, False, [GraphKeys.LOCAL_VARIABLES], validate_shape, name=name)


def add_model_variable(var: Any) -> None:
    """Puts a variable among those of the model.

    Args:
        var: a variable.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     w = tf.Variable(0.0)
        ...     tf.contrib.framework.add_model_variable(w)
        ...     tf.model_variables() == [w]
        True
    """
    graph = get_default_graph()
    if var not in graph.get_collection(GraphKeys.MODEL_VARIABLES):
        graph.add_to_collection(GraphKeys.MODEL_VARIABLES, var)


def get_variables(
    scope: Any = None, suffix: str | None = None, collection: str = GraphKeys.GLOBAL_VARIABLES
) -> list[Any]:
    """Variables of a collection, by the beginning and the end of their names.

    Args:
        scope: a regular expression that names must match from their start, or a variable scope; None takes all.
        suffix: the last part of the name.
        collection: the collection.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     _ = tf.contrib.layers.fully_connected(tf.zeros([1, 2]), 3, scope="out")
        ...     [v.name for v in tf.contrib.framework.get_variables("out", suffix="biases")]
        ['out/biases:0']
    """
    start = scope.name if isinstance(scope, VariableScope) else scope
    found = get_default_graph().get_collection(collection, start)
    if suffix is None:
        return found
    ending = suffix if ":" in suffix else f"{suffix}:0"
    return [v for v in found if f"/{v.name}".endswith(f"/{ending}" if "/" not in ending else ending)]


def get_model_variables(scope: Any = None, suffix: str | None = None) -> list[Any]:
    """The model's variables; arguments as for `get_variables`.

    Args:
        scope: see there.
        suffix: see there.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     tf.contrib.framework.get_model_variables()
        []
    """
    return get_variables(scope, suffix, GraphKeys.MODEL_VARIABLES)


def get_local_variables(scope: Any = None, suffix: str | None = None) -> list[Any]:
    """The local variables; arguments as for `get_variables`.

    Args:
        scope: see there.
        suffix: see there.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     tf.contrib.framework.get_local_variables()
        []
    """
    return get_variables(scope, suffix, GraphKeys.LOCAL_VARIABLES)


def get_trainable_variables(scope: Any = None, suffix: str | None = None) -> list[Any]:
    """The trainable variables; arguments as for `get_variables`.

    Args:
        scope: see there.
        suffix: see there.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     tf.contrib.framework.get_trainable_variables()
        []
    """
    return get_variables(scope, suffix, GraphKeys.TRAINABLE_VARIABLES)


def get_variables_by_name(given_name: str, scope: Any = None) -> list[Any]:
    """The variables whose last name is this one.

    Args:
        given_name: the last part of the name.
        scope: as for `get_variables`.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     _ = tf.contrib.layers.fully_connected(tf.zeros([1, 2]), 3)
        ...     [v.name for v in tf.contrib.framework.get_variables_by_name("weights")]
        ['fully_connected/weights:0']
    """
    return get_variables(scope, given_name)


def get_variables_by_suffix(suffix: str, scope: Any = None) -> list[Any]:
    """The variables whose name ends so.

    Args:
        suffix: the end of the name.
        scope: as for `get_variables`.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     _ = tf.contrib.layers.fully_connected(tf.zeros([1, 2]), 3)
        ...     [v.name for v in tf.contrib.framework.get_variables_by_suffix("ases")]
        ['fully_connected/biases:0']
    """
    return [v for v in get_variables(scope) if v.op.name.endswith(suffix)]


def get_unique_variable(var_op_name: str) -> Any:
    """The variable of this full name.

    Args:
        var_op_name: its name, without ":0".

    Raises:
        GraphError: if there is none, or several begin so and none is it.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     w = tf.Variable(0.0, name="w")
        ...     tf.contrib.framework.get_unique_variable("w") is w
        True
    """
    found = [v for v in get_variables() if v.op.name == var_op_name]
    if not found:
        names = ", ".join(v.op.name for v in get_variables()) or "none"
        raise GraphError(f"there is no variable {var_op_name!r}; there are: {names}.")
    return found[0]


def get_variables_to_restore(include: Sequence[str] | None = None, exclude: Sequence[str] | None = None) -> list[Any]:
    """The variables in some scopes and not in others: what to restore of a trained network.

    Args:
        include: beginnings of names; all variables if None.
        exclude: beginnings of names to leave out.

    Raises:
        TypeError: if one of them is no list.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     a, b = tf.Variable(0.0, name="body"), tf.Variable(0.0, name="head")
        ...     tf.contrib.framework.get_variables_to_restore(exclude=["head"]) == [a]
        True
    """
    for what, value in (("include", include), ("exclude", exclude)):
        if value is not None and not is_listed(value):
            raise TypeError(f"{what} must be a list of beginnings of names, not {value!r}.")
    wanted = get_variables() if include is None else [v for scope in include for v in get_variables(scope)]
    without = {id(v) for scope in exclude or () for v in get_variables(scope)}
    return [v for v in wanted if id(v) not in without]


def assign_from_values(var_names_to_values: Mapping[str, Any]) -> tuple[Any, dict[Any, Any]]:
    """An operation that gives variables these values, and what to feed it.

    Args:
        var_names_to_values: from the full name of a variable to its value.

    Returns:
        A pair (operation, feed_dict).

    Raises:
        GraphError: if there is no such variable.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default(), tf.Session() as sess:
        ...     w = tf.Variable([1.0, 2.0], name="w")
        ...     operation, feed = tf.contrib.framework.assign_from_values({"w": [5.0, 6.0]})
        ...     sess.run(operation, feed)
        ...     print(sess.run(w))
        [5. 6.]
    """
    operations: list[Any] = []
    feed: dict[Any, Any] = {}
    for name, value in var_names_to_values.items():
        target = get_unique_variable(name)
        place = placeholder(target.dtype, target.get_shape(), name=f"placeholder/{name}")
        operations.append(target.assign(place))
        feed[place] = value
    if not operations:
        raise LabkitError("there are no values to assign.")
    return group(*operations), feed


def assign_from_values_fn(var_names_to_values: Mapping[str, Any]) -> Callable[[Any], None]:
    """A function of a session that gives variables these values: the `init_fn` of training loops.

    Args:
        var_names_to_values: from the full name of a variable to its value.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default(), tf.Session() as sess:
        ...     w = tf.Variable(1.0, name="w")
        ...     tf.contrib.framework.assign_from_values_fn({"w": 3.0})(sess)
        ...     float(sess.run(w))
        3.0
    """
    operation, feed = assign_from_values(var_names_to_values)

    def assign(session: Any) -> None:
        session.run(operation, feed)

    return assign
