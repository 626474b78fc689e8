"""`tf.variable_scope`: prefixes for the names of shared variables, and what `tf.get_variable` uses by default.

Each graph has one store: the variables by full name, the scope that is open, and how often each scope was opened (to
make default names unique). A variable scope also opens a name scope of the same name, for the ops inside; but the name
of a variable comes from the variable scopes alone.

Example:
    >>> import labkit as tf
    >>> def layer(x):
    ...     return x * tf.get_variable("scale", [])
    >>> with tf.Graph().as_default():
    ...     with tf.variable_scope("shared") as scope:
    ...         a = layer(1.0)
    ...     with tf.variable_scope(scope, reuse=True):
    ...         b = layer(2.0)
    ...     [v.name for v in tf.global_variables()]
    ['shared/scale:0']

Source: `tensorflow/python/ops/variable_scope.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, nullcontext
from enum import Enum
from typing import Any

from labkit.dtypes import DType, DTypeLike, as_dtype, float32
from labkit.errors import GraphError
from labkit.graph import GraphKeys, get_default_graph, graph_of
from labkit.graph.subgraph import SubGraph


class ReuseMode(Enum):
    """The third answer to "reuse?", besides True and False: find the variable, or make it.

    Example:
        >>> import labkit as tf
        >>> tf.AUTO_REUSE
        <ReuseMode.AUTO_REUSE: 1>
    """

    AUTO_REUSE = 1


AUTO_REUSE = ReuseMode.AUTO_REUSE
Reuse = bool | ReuseMode | None


class VariableScope:
    """What `tf.get_variable` uses unless told otherwise, and the prefix of its names.

    Made by `tf.variable_scope`; give it to `tf.variable_scope` again to enter it again.

    Attributes:
        name: the prefix, without a final slash.
        original_name_scope: the name scope that was opened with it, with a final slash.
        reuse: False, True or `tf.AUTO_REUSE`.
        initializer, regularizer, constraint, custom_getter, caching_device, partitioner: what `get_variable` uses if
            its argument is None.
        dtype: the dtype that `get_variable` uses if its argument is None.

    Example:
        >>> import labkit as tf
        >>> with tf.variable_scope("encoder"), tf.variable_scope("layer1") as scope:
        ...     scope.name
        'encoder/layer1'
    """

    def __init__(
        self, reuse: Reuse, name: str = "", initializer: Any = None, regularizer: Any = None,
        caching_device: Any = None, partitioner: Any = None, custom_getter: Any = None, name_scope: str = "",
        dtype: DTypeLike = float32, use_resource: bool | None = None, constraint: Any = None,
    ) -> None:  # fmt: skip
        self.name = name
        self.original_name_scope = name_scope
        self.reuse = reuse
        self.initializer = initializer
        self.regularizer = regularizer
        self.caching_device = caching_device
        self.partitioner = partitioner
        self.custom_getter = custom_getter
        self.dtype: DType = as_dtype(dtype)
        self.use_resource = use_resource
        self.constraint = constraint

    def reuse_variables(self) -> None:
        """From here on `get_variable` finds variables instead of making them."""
        self.reuse = True

    def set_initializer(self, initializer: Any) -> None:
        """Sets the default initializer."""
        self.initializer = initializer

    def set_regularizer(self, regularizer: Any) -> None:
        """Sets the default regularizer."""
        self.regularizer = regularizer

    def set_dtype(self, dtype: DTypeLike) -> None:
        """Sets the default dtype."""
        self.dtype = as_dtype(dtype)

    def set_custom_getter(self, custom_getter: Any) -> None:
        """Sets the default custom getter."""
        self.custom_getter = custom_getter

    def set_caching_device(self, caching_device: Any) -> None:
        """Kept for TensorFlow's interface: labkit has no caching devices."""
        self.caching_device = caching_device

    def set_partitioner(self, partitioner: Any) -> None:
        """Sets the default partitioner; see `tf.get_variable`."""
        self.partitioner = partitioner

    def set_use_resource(self, use_resource: bool | None) -> None:
        """Kept for TensorFlow's interface: labkit has one kind of variable."""
        self.use_resource = use_resource

    def get_collection(self, name: str) -> list[Any]:
        """The members of a collection of the default graph whose names begin with this scope."""
        return get_default_graph().get_collection(name, f"{self.name}/" if self.name else "")

    def global_variables(self) -> list[Any]:
        """The global variables inside this scope."""
        return self.get_collection(GraphKeys.GLOBAL_VARIABLES)

    def local_variables(self) -> list[Any]:
        """The local variables inside this scope."""
        return self.get_collection(GraphKeys.LOCAL_VARIABLES)

    def trainable_variables(self) -> list[Any]:
        """The trainable variables inside this scope."""
        return self.get_collection(GraphKeys.TRAINABLE_VARIABLES)

    def inherited(self, name: str, name_scope: str, changes: dict[str, Any]) -> VariableScope:
        """A scope like this one under another name; `changes` that are not None win."""
        scope = VariableScope(
            self.reuse, name, self.initializer, self.regularizer, self.caching_device, self.partitioner,
            self.custom_getter, name_scope, self.dtype, self.use_resource, self.constraint,
        )  # fmt: skip
        for attribute, value in changes.items():
            if value is None or (attribute == "reuse" and not value):
                continue  # reuse=False does not undo an outer scope's reuse, as in TensorFlow
            if attribute == "dtype":
                scope.dtype = as_dtype(value)
            elif attribute == "custom_getter" and self.custom_getter is not None:
                scope.custom_getter = _nested_getter(value, self.custom_getter)
            else:
                setattr(scope, attribute, value)
        return scope


def _nested_getter(inner: Callable[..., Any], outer: Callable[..., Any]) -> Callable[..., Any]:
    """A custom getter that calls `inner`, whose `getter` is `outer`."""

    def getter_of_both(getter: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        def next_getter(*inner_args: Any, **inner_kwargs: Any) -> Any:
            return outer(getter, *inner_args, **inner_kwargs)

        return inner(next_getter, *args, **kwargs)

    return getter_of_both


class Store:
    """What a graph knows of its shared variables."""

    def __init__(self) -> None:
        self.variables: dict[str, Any] = {}
        self.scope = VariableScope(False)
        self.opened: dict[str, int] = {}

    def close_inner(self, name: str) -> None:
        """Forgets how often the scopes inside `name` were opened, so that entering it again gives the same names."""
        for key in self.opened:
            if not name or key.startswith(f"{name}/"):
                self.opened[key] = 0

    def unique(self, prefix: str) -> str:
        """`prefix`, or `prefix_1`, ... : one that was not opened yet in the current scope."""
        outer = f"{self.scope.name}/" if self.scope.name else ""
        candidate, count = prefix, 0
        while self.opened.get(outer + candidate):
            count += 1
            candidate = f"{prefix}_{count}"
        return candidate


def store_of_graph() -> Store:
    """The store of the default graph; a subgraph (of a loop, of a branch) uses that of the graph around it."""
    graph = get_default_graph()
    while isinstance(graph, SubGraph):
        graph = graph.outer
    if graph.variable_store is None:
        graph.variable_store = Store()
    return graph.variable_store


def get_variable_scope() -> VariableScope:
    """The variable scope that is open in the default graph.

    Example:
        >>> import labkit as tf
        >>> with tf.variable_scope("encoder"):
        ...     tf.get_variable_scope().name
        'encoder'
    """
    return store_of_graph().scope


@contextmanager
def variable_scope(
    name_or_scope: str | VariableScope | None, default_name: str | None = None, values: Sequence[Any] | None = None,
    initializer: Any = None, regularizer: Any = None, caching_device: Any = None, partitioner: Any = None,
    custom_getter: Any = None, reuse: Reuse = None, dtype: DTypeLike = None, use_resource: bool | None = None,
    constraint: Any = None,
) -> Generator[VariableScope]:  # fmt: skip
    """Opens a prefix for the names of `tf.get_variable`, and a name scope of the same name for ops.

    Args:
        name_or_scope: the name, or a scope to enter again; None takes `default_name`.
        default_name: a name that is made unique, for layers that may be built several times.
        values: tensors whose graph to use.
        initializer: default of `get_variable` inside; so are regularizer, caching_device, partitioner, custom_getter,
            dtype, use_resource and constraint.
        regularizer: see initializer.
        caching_device: see initializer.
        partitioner: see initializer.
        custom_getter: see initializer.
        reuse: True finds variables, `tf.AUTO_REUSE` finds or makes them; inherited by inner scopes.
        dtype: see initializer.
        use_resource: see initializer.
        constraint: see initializer.

    Yields:
        The `VariableScope`.

    Raises:
        GraphError: if neither a name nor a default name is given, or `reuse` is True without a name.

    Example:
        >>> import labkit as tf
        >>> with tf.variable_scope("hidden", dtype="float64"):
        ...     tf.get_variable("bias", [3])
        <tf.Variable 'hidden/bias:0' shape=(3,) dtype=float64_ref>
    """
    store = store_of_graph()
    changes = {
        "reuse": reuse, "initializer": initializer, "regularizer": regularizer, "caching_device": caching_device,
        "partitioner": partitioner, "custom_getter": custom_getter, "dtype": dtype, "use_resource": use_resource,
        "constraint": constraint,
    }  # fmt: skip
    _check_scope(name_or_scope, default_name, reuse)
    graph = graph_of(values) if values else get_default_graph()
    if name_or_scope is None:
        wanted = default_name or ""
    else:
        wanted = name_or_scope if isinstance(name_or_scope, str) else name_or_scope.name.rpartition("/")[2]
    with graph.name_scope(wanted) if wanted else nullcontext("") as name_scope:
        outer, opened_before = store.scope, None
        if isinstance(name_or_scope, VariableScope):
            opened_before = dict(store.opened)
            scope = name_or_scope.inherited(name_or_scope.name, name_or_scope.original_name_scope, changes)
        else:
            inner = store.unique(wanted) if name_or_scope is None else name_or_scope
            name = f"{outer.name}/{inner}" if outer.name else inner
            scope = outer.inherited(name, name_scope, changes)
        store.opened[scope.name] = store.opened.get(scope.name, 0) + 1
        store.scope = scope
        try:
            yield scope
        finally:
            store.close_inner(scope.name)
            if opened_before is not None:
                store.opened = opened_before
            store.scope = outer


def _check_scope(name_or_scope: Any, default_name: str | None, reuse: Reuse) -> None:
    if name_or_scope is None:
        if default_name is None:
            raise GraphError('tf.variable_scope needs a name.\n  Try: tf.variable_scope("layer1").')
        if reuse:
            raise GraphError(
                "reuse needs the name of the scope to reuse, and only a default name was given, which is made unique.\n"
                "  Try: tf.variable_scope(name, reuse=True)."
            )
    elif not isinstance(name_or_scope, (str, VariableScope)):
        raise TypeError(f"tf.variable_scope takes a name or a scope, not {name_or_scope!r}.")


@contextmanager
def variable_op_scope(
    values: Sequence[Any], name_or_scope: Any, default_name: str | None = None, initializer: Any = None,
    regularizer: Any = None, caching_device: Any = None, partitioner: Any = None, custom_getter: Any = None,
    reuse: Reuse = None, dtype: DTypeLike = None, use_resource: bool | None = None, constraint: Any = None,
) -> Generator[VariableScope]:  # fmt: skip
    """The older form of `tf.variable_scope`, with `values` first.

    Args:
        values: tensors whose graph to use.
        name_or_scope: as for `tf.variable_scope`, like all that follow.
        default_name: see there.
        initializer: see there.
        regularizer: see there.
        caching_device: see there.
        partitioner: see there.
        custom_getter: see there.
        reuse: see there.
        dtype: see there.
        use_resource: see there.
        constraint: see there.

    Yields:
        The `VariableScope`.

    Example:
        >>> import labkit as tf
        >>> with tf.variable_op_scope([], None, "dense") as scope:
        ...     scope.name.startswith("dense")
        True
    """
    with variable_scope(
        name_or_scope, default_name, values, initializer, regularizer, caching_device, partitioner, custom_getter,
        reuse, dtype, use_resource, constraint,
    ) as scope:  # fmt: skip
        yield scope
