"""`arg_scope`: default arguments for several functions at once.

A function marked with `@add_arg_scope` looks, when it is called, for arguments that an open `arg_scope` gives it; those
of the call itself win. Scopes nest: an inner one adds to what outer ones gave.

Example:
    >>> import labkit as tf
    >>> slim = tf.contrib.slim
    >>> with tf.Graph().as_default(), slim.arg_scope([slim.conv2d], padding="VALID", activation_fn=None):
    ...     slim.conv2d(tf.zeros([1, 28, 28, 1]), 8, [5, 5]).get_shape().as_list()
    [1, 24, 24, 8]

Source: `tensorflow/contrib/framework/python/ops/arg_scope.py` (1.4).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from labkit.errors import LabkitError
from labkit.nests import is_listed, is_mapping

Function = TypeVar("Function", bound=Callable[..., Any])
Defaults = Mapping[str, Mapping[str, Any]]  # the key of a function -> its default arguments

_open: ContextVar[Defaults] = ContextVar("arg_scope", default={})  # noqa: B039  # never changed, only replaced
_known: dict[str, tuple[str, ...]] = {}


def arg_scope_func_key(op: Any) -> str:
    """The key under which a function's defaults are kept.

    Args:
        op: a function.

    Example:
        >>> import labkit as tf
        >>> tf.contrib.framework.arg_scope_func_key(tf.contrib.layers.flatten).endswith("flatten")
        True
    """
    return getattr(op, "_key_op", str(op))


def has_arg_scope(func: Any) -> bool:
    """Whether a function takes defaults from `arg_scope`.

    Args:
        func: a function.

    Example:
        >>> import labkit as tf
        >>> tf.contrib.framework.has_arg_scope(tf.contrib.layers.conv2d), tf.contrib.framework.has_arg_scope(len)
        (True, False)
    """
    return arg_scope_func_key(func) in _known


def arg_scoped_arguments(func: Any) -> tuple[str, ...]:
    """The names of the arguments that `arg_scope` may set.

    Args:
        func: a function.

    Example:
        >>> import labkit as tf
        >>> "padding" in tf.contrib.framework.arg_scoped_arguments(tf.contrib.layers.conv2d)
        True
    """
    return _known[arg_scope_func_key(func)]


def add_arg_scope(func: Function) -> Function:
    """Makes a function take defaults from `arg_scope`; a decorator.

    Args:
        func: a function.

    Example:
        >>> import labkit as tf
        >>> @tf.contrib.framework.add_arg_scope
        ... def scale(x, factor=1):
        ...     return x * factor
        >>> with tf.contrib.framework.arg_scope([scale], factor=3):
        ...     scale(2), scale(2, factor=5)
        (6, 10)
    """
    key = f"{func.__module__}.{func.__qualname__}"
    code = func.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]

    @functools.wraps(func)
    def with_defaults(*args: Any, **kwargs: Any) -> Any:
        defaults = _open.get().get(key)
        if defaults:
            given = names[: len(args)]
            kwargs = {name: value for name, value in defaults.items() if name not in given} | kwargs
        return func(*args, **kwargs)

    _known[key] = names[code.co_argcount - len(func.__defaults__ or ()) :]
    with_defaults._key_op = key  # pyright: ignore[reportAttributeAccessIssue]  # TensorFlow's name of the mark
    return with_defaults  # pyright: ignore[reportReturnType]  # wraps: the same signature


@contextmanager
def arg_scope(list_ops_or_scope: Any, **kwargs: Any) -> Generator[Defaults]:
    """Sets default arguments of several functions inside a `with`.

    Args:
        list_ops_or_scope: functions marked with `add_arg_scope`, or a scope that `arg_scope` yielded, to enter again.
        **kwargs: the defaults.

    Yields:
        The scope.

    Raises:
        LabkitError: if a function is not marked, or a scope to enter again is given more defaults.

    Example:
        >>> import labkit as tf
        >>> layers = tf.contrib.layers
        >>> with tf.Graph().as_default(), tf.contrib.framework.arg_scope([layers.fully_connected], activation_fn=None):
        ...     layers.fully_connected(tf.zeros([1, 3]), 2).op.type
        'BiasAdd'
    """
    if is_mapping(list_ops_or_scope):
        if kwargs:
            raise LabkitError(
                "a scope that is entered again takes no further defaults.\n  Try: another arg_scope inside."
            )
        inside: Defaults = list_ops_or_scope
    else:
        functions: list[Any] = list(list_ops_or_scope) if is_listed(list_ops_or_scope) else [list_ops_or_scope]
        changed = {key: dict(values) for key, values in _open.get().items()}
        for function in functions:
            if not has_arg_scope(function):
                raise LabkitError(
                    f"{getattr(function, '__name__', function)!r} takes no defaults from arg_scope.\n"
                    "  Try: the decorator @tf.contrib.framework.add_arg_scope where it is defined."
                )
            changed.setdefault(arg_scope_func_key(function), {}).update(kwargs)
        inside = changed
    before = _open.set(inside)
    try:
        yield inside
    finally:
        _open.reset(before)


def current_arg_scope() -> Defaults:
    """The scope that is open: defaults by the key of their function.

    Example:
        >>> import labkit as tf
        >>> tf.contrib.framework.current_arg_scope()
        {}
    """
    return _open.get()
