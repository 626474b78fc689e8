"""`tf.get_variable`: variables that are shared by name.

`tf.Variable` always makes a new variable; a function that builds a layer and is called twice gets two sets of weights.
`tf.get_variable` looks the name up first, and the open `tf.variable_scope` says what to do:

    reuse=False          (the default) make it; an error if it exists
    reuse=True           find it; an error if it does not exist
    reuse=tf.AUTO_REUSE  find it, or make it

Example:
    >>> import labkit as tf
    >>> def layer(x):
    ...     return x * tf.get_variable("scale", [])
    >>> with tf.Graph().as_default():
    ...     with tf.variable_scope("shared", reuse=tf.AUTO_REUSE):
    ...         a, b = layer(1.0), layer(2.0)
    ...     [v.name for v in tf.global_variables()]
    ['shared/scale:0']

Source: `tensorflow/python/ops/variable_scope.py` (1.4), `_VariableStore._get_single_variable`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from labkit.dtypes import DType, DTypeLike, as_dtype, float32
from labkit.errors import DTypeError, GraphError, LabkitError, ShapeError
from labkit.graph import GraphKeys, as_array, get_default_graph, is_tensor_like
from labkit.graph.subgraph import outermost_graph
from labkit.initializers import glorot_uniform_initializer, zeros_initializer
from labkit.partitioned import PartitionInfo, make_partitioned
from labkit.shapes import as_shape, compatible, is_static, shape_text
from labkit.variable_scope import Reuse, Store, get_variable_scope, store_of_graph
from labkit.variables import Variable


def no_regularizer(_: Any) -> None:
    """A regularizer that adds nothing: switches off the scope's regularizer for one variable.

    Example:
        >>> import labkit as tf
        >>> tf.no_regularizer(tf.constant(1.0)) is None
        True
    """
    return


def get_variable(
    name: str, shape: Any = None, dtype: DTypeLike = None, initializer: Any = None, regularizer: Any = None,
    trainable: bool = True, collections: Sequence[str] | None = None, caching_device: Any = None,
    partitioner: Any = None, validate_shape: bool = True, use_resource: bool | None = None, custom_getter: Any = None,
    constraint: Any = None,
) -> Any:  # fmt: skip
    """Finds the variable of that name in the open variable scope, or makes it; the scope's `reuse` decides which.

    Args:
        name: name inside the scope.
        shape: its shape; not needed if `initializer` is a value.
        dtype: its dtype; by default the scope's, which is float32 unless set.
        initializer: a function from shape and dtype to a tensor, or a value; by default the scope's, else
            `tf.glorot_uniform_initializer` for floating-point and zeros for other variables.
        regularizer: a function from the variable to a scalar, which is added to the collection
            `tf.GraphKeys.REGULARIZATION_LOSSES` when the variable is made.
        trainable: True puts it among the variables that optimizers change.
        collections: collections to add it to; by default all global variables.
        caching_device: kept for TensorFlow's signature.
        partitioner: a function such as `tf.fixed_size_partitioner(3)`, which makes the variable several; by default the
            scope's.
        validate_shape: False allows an initial value of unknown shape.
        use_resource: kept for TensorFlow's signature.
        custom_getter: a function `(getter, name, **arguments)` that is called instead and may call `getter`.
        constraint: a function that optimizers apply to the variable after changing it.

    Returns:
        A `Variable`; a `PartitionedVariable` if there is a partitioner; or what a custom getter returns.

    Raises:
        GraphError: if the variable exists and must not, or does not exist and must.
        ShapeError: if the shape is not known, or differs from that of the existing variable.
        DTypeError: if the dtype differs from that of the existing variable or of the initial value.

    Example:
        >>> import labkit as tf
        >>> with tf.variable_scope("layer", reuse=tf.AUTO_REUSE):
        ...     w = tf.get_variable("w", [784, 10])
        ...     same = tf.get_variable("w", [784, 10])
        >>> w is same, w.name
        (True, 'layer/w:0')
    """
    scope = get_variable_scope()
    if initializer is not None and not callable(initializer) and dtype is not None:
        found = initializer.dtype if is_tensor_like(initializer) else None
        if found is not None and found is not as_dtype(dtype):
            raise DTypeError(
                f"the initial value of {name!r} is {found.name}, and dtype says {as_dtype(dtype).name}.\n"
                "  Try: leave out dtype, or tf.cast the initial value."
            )
    arguments: dict[str, Any] = {
        "name": f"{scope.name}/{name}" if scope.name else name,
        "shape": shape,
        "dtype": scope.dtype if dtype is None else as_dtype(dtype),
        "initializer": scope.initializer if initializer is None else initializer,
        "regularizer": scope.regularizer if regularizer is None else regularizer,
        "reuse": scope.reuse,
        "trainable": trainable,
        "collections": collections,
        "caching_device": scope.caching_device if caching_device is None else caching_device,
        "partitioner": scope.partitioner if partitioner is None else partitioner,
        "validate_shape": validate_shape,
        "use_resource": scope.use_resource if use_resource is None else use_resource,
        "constraint": scope.constraint if constraint is None else constraint,
    }
    getter = scope.custom_getter if custom_getter is None else custom_getter
    with get_default_graph().name_scope(None):
        return _true_getter(**arguments) if getter is None else getter(_true_getter, **arguments)


def get_local_variable(name: str, *args: Any, **kwargs: Any) -> Any:
    """`tf.get_variable` for a local variable: not trainable, in the collection `tf.GraphKeys.LOCAL_VARIABLES`.

    Args:
        name: name inside the scope.
        *args: as for `tf.get_variable`.
        **kwargs: as for `tf.get_variable`; `trainable` is False.

    Returns:
        A `Variable`.

    Example:
        >>> import labkit as tf
        >>> count = tf.get_local_variable("count", [], tf.int32)
        >>> count in tf.local_variables(), count in tf.global_variables()
        (True, False)
    """
    kwargs["trainable"] = False
    kwargs["collections"] = [*(kwargs.get("collections") or ()), GraphKeys.LOCAL_VARIABLES]
    return get_variable(name, *args, **kwargs)


def _true_getter(
    name: str, shape: Any = None, dtype: DTypeLike = float32, initializer: Any = None, regularizer: Any = None,
    reuse: Reuse = None, trainable: bool = True, collections: Sequence[str] | None = None, caching_device: Any = None,
    partitioner: Any = None, validate_shape: bool = True, use_resource: bool | None = None, constraint: Any = None,
) -> Any:  # fmt: skip
    """Finds or makes the variable with this full name."""
    store = store_of_graph()
    wanted, kind = as_shape(shape), as_dtype(dtype)
    is_value = initializer is not None and not callable(initializer)
    whole = _shape_of(initializer, kind) if is_value and partitioner is not None else wanted
    if partitioner is not None and whole != ():

        def part(own_name: str, own_shape: list[int], info: PartitionInfo) -> Any:
            own = _of_part(initializer, own_name, kind, info, own_shape)
            return _true_getter(
                own_name, own_shape, kind, own, regularizer, reuse, trainable, collections, caching_device, None,
                validate_shape, use_resource, constraint,
            )  # fmt: skip

        return make_partitioned(
            name, as_array(initializer, kind).shape if is_value else wanted, kind, partitioner, part
        )
    if is_value and shape is not None:
        raise LabkitError(f"the initializer of {name!r} is a value, which has a shape: do not give shape too.")
    found = store.variables.get(name)
    if found is not None:
        return _reused(found, name, wanted, kind, reuse)
    if reuse is True:
        raise GraphError(
            f"variable {name.rstrip('/')} does not exist, or was not made by tf.get_variable; reuse=True only finds "
            f"variables.\n  Try: reuse=tf.AUTO_REUSE to find or make it. Variables there are: {_names(store)}."
        )
    if not is_value and not is_static(wanted):
        raise ShapeError(
            f"a new variable needs a fully known shape, and {name!r} was given {shape_text(wanted)}.\n"
            f"  Try: tf.get_variable({name!r}, [784, 10])."
        )
    if initializer is None:
        initializer = _default_initializer(name, kind)

    def initial_value() -> Any:
        function = initializer(dtype=kind) if isinstance(initializer, type) else initializer
        return function(list(wanted or ()), dtype=kind)

    value_dtype = None if is_value and (is_tensor_like(initializer) or dtype is None) else kind
    variable = Variable(
        _value(initializer, kind) if is_value else initial_value, trainable, collections, validate_shape,
        caching_device, name, dtype=value_dtype, constraint=constraint,
    )  # fmt: skip
    store.variables[name] = variable
    if regularizer is not None:
        _regularize(variable, name, regularizer)
    return variable


def _shape_of(value: Any, dtype: DType) -> Any:
    return value.static_shape if is_tensor_like(value) else as_array(value, dtype).shape


def _of_part(initializer: Any, name: str, dtype: DType, info: PartitionInfo, shape: list[int]) -> Any:
    """The initializer of one part: it is told of the whole, or cut out of it."""
    rule: Any = _default_initializer(name, dtype) if initializer is None else initializer
    begins = zip(info.var_offset, shape, strict=True)
    places = tuple(slice(begin, begin + size) for begin, size in begins)

    def of_rule(sizes: Any, dtype: Any) -> Any:
        function: Any = rule(dtype=dtype) if isinstance(rule, type) else rule
        names = inspect.signature(function).parameters
        told: dict[str, Any] = {"partition_info": info} if "partition_info" in names else {}
        return function(sizes, dtype=dtype, **told)

    def of_value(sizes: Any, dtype: Any) -> Any:
        return rule[places] if is_tensor_like(rule) else get_default_graph().as_tensor(as_array(rule, dtype)[places])

    return of_rule if callable(rule) else of_value


def _reused(found: Any, name: str, shape: Any, dtype: DType, reuse: Reuse) -> Any:
    """The variable that exists, if it may be used."""
    if reuse is False:
        raise GraphError(
            f"variable {name} already exists, made at {found.op.site.text()}\n"
            "  Did you mean reuse=True or reuse=tf.AUTO_REUSE in tf.variable_scope? In a notebook, a cell that is run "
            "twice makes everything twice: call tf.reset_default_graph() at its top."
        )
    if not compatible(shape, found.static_shape):
        raise ShapeError(
            f"variable {name} exists with shape {shape_text(found.static_shape)}, and {shape_text(shape)} was asked "
            f"for; it was made at {found.op.site.text()}",
            "another scope or name for the other variable; for stacked layers, a cell or layer of its own for each: "
            "[make_cell() for _ in range(2)], not [cell] * 2.",
        )
    if dtype is not found.dtype:
        raise DTypeError(
            f"variable {name} exists with dtype {found.dtype.name}, and {dtype.name} was asked for; it was made at "
            f"{found.op.site.text()}"
        )
    return found


def _value(initializer: Any, dtype: DType) -> Any:
    """An initial value given as such: a tensor as it is, anything else as an array of `dtype` where it fits."""
    if is_tensor_like(initializer):
        return initializer
    array = as_array(initializer, None)
    return array if array.dtype == dtype.np_dtype else as_array(initializer, dtype)


def _default_initializer(name: str, dtype: DType) -> Any:
    if dtype.is_floating or dtype.is_complex:
        return glorot_uniform_initializer()
    if dtype.is_integer or dtype.is_bool:
        return zeros_initializer()
    raise DTypeError(f"there is no default initial value of dtype {dtype.name}: give {name!r} an initializer.")


def _regularize(variable: Any, name: str, regularizer: Callable[[Any], Any]) -> None:
    with outermost_graph() as graph, graph.colocate_with(variable.op), graph.name_scope(f"{name}/Regularizer/"):
        loss = regularizer(variable)
    if loss is not None:
        graph.add_to_collection(GraphKeys.REGULARIZATION_LOSSES, loss)


def _names(store: Store) -> str:
    listed = sorted(store.variables)
    return (", ".join(listed[:6]) + (", ..." if len(listed) > 6 else "")) or "none"
