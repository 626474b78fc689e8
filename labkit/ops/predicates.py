"""Questions about tensors, and checks that are made while the graph is built: `tf.is_non_decreasing`, `tf.assert_type`.

What is known of a tensor without running it (its dtype, often its rank) is checked at once: a wrong one is an error on
the learner's own line. Checks of values are in `assertions`.

Example:
    >>> import labkit as tf
    >>> tf.Session().run([tf.is_non_decreasing([1, 1, 2]), tf.is_strictly_increasing([1, 1, 2])])
    [np.True_, np.False_]

Source: signatures and behaviour of `tensorflow/python/ops/check_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

from labkit.dtypes import DTypeLike, as_dtype
from labkit.errors import DTypeError, ShapeError
from labkit.graph import Operation, Tensor, constant_value, graph_of, is_tensor_like
from labkit.ops.array import reshape
from labkit.ops.bases import NUMBERS
from labkit.ops.checks import Assert
from labkit.ops.control_flow import group
from labkit.ops.logic import equal, less, less_equal
from labkit.ops.reduce_bool import reduce_all, reduce_any
from labkit.ops.shaping import rank as rank_of
from labkit.ops.stacking import stack
from labkit.shapes import shape_text


def is_numeric_tensor(tensor: Any) -> bool:
    """True for a tensor or a variable of numbers, complex ones too; False for bools, strings and all else.

    Args:
        tensor: anything.

    Example:
        >>> import labkit as tf
        >>> tf.is_numeric_tensor(tf.constant(1)), tf.is_numeric_tensor(tf.constant("1")), tf.is_numeric_tensor(1)
        (True, False, False)
    """
    return is_tensor_like(tensor) and as_dtype(tensor.dtype) in NUMBERS


def is_non_decreasing(x: Any, name: str | None = None) -> Tensor:
    """Whether no entry is smaller than the one before it, in reading order.

    Args:
        x: a tensor of real numbers.
        name: name of the scope.

    Returns:
        A bool scalar; True if there are fewer than two entries.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.is_non_decreasing([[1, 2], [2, 1]]))
        np.False_
    """
    return _in_order(x, less_equal, name or "is_non_decreasing")


def is_strictly_increasing(x: Any, name: str | None = None) -> Tensor:
    """Whether every entry is larger than the one before it, in reading order.

    Args:
        x: a tensor of real numbers.
        name: name of the scope.

    Returns:
        A bool scalar; True if there are fewer than two entries.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.is_strictly_increasing([[1, 2], [3, 4]]))
        np.True_
    """
    return _in_order(x, less, name or "is_strictly_increasing")


def _in_order(x: Any, relation: Any, name: str) -> Tensor:
    graph = graph_of([x])
    with graph.name_scope(name):
        flat = reshape(graph.as_tensor(x, None, "x"), [-1])
        return reduce_all(relation(flat[:-1], flat[1:]))


def assert_type(tensor: Any, tf_type: DTypeLike, message: str | None = None, name: str | None = None) -> Operation:
    """Fails at once unless the tensor has the dtype.

    Args:
        tensor: a tensor.
        tf_type: the dtype.
        message: what the error begins with.
        name: name of the scope.

    Returns:
        An operation that does nothing.

    Raises:
        DTypeError: if it has another dtype; it is a TypeError.

    Example:
        >>> import labkit as tf
        >>> checked = tf.assert_type(tf.constant(1.0), tf.float32)
    """
    graph = graph_of([tensor])
    with graph.name_scope(name or "assert_type"):
        found, wanted = graph.as_tensor(tensor), as_dtype(tf_type)
        if found.dtype != wanted:
            raise DTypeError(f"{_prefix(message)}the tensor {found.name!r} must be {wanted.name}, not "
                             f"{found.dtype.name}.", f"tf.cast(x, tf.{wanted.name}).")  # fmt: skip
        return group(name="statically_determined_correct_type")


def assert_integer(x: Any, message: str | None = None, name: str | None = None) -> Operation:
    """Fails at once unless the tensor's dtype is one of integers.

    Args:
        x: a tensor.
        message: what the error begins with.
        name: name of the scope.

    Returns:
        An operation that does nothing.

    Raises:
        DTypeError: if it has another dtype; it is a TypeError.

    Example:
        >>> import labkit as tf
        >>> checked = tf.assert_integer(tf.constant([1, 2]))
    """
    graph = graph_of([x])
    with graph.name_scope(name or "assert_integer"):
        found = graph.as_tensor(x, None, "x")
        if not found.dtype.is_integer:
            raise DTypeError(f"{_prefix(message)}the tensor {found.name!r} must hold integers, not "
                             f"{found.dtype.name}.", "tf.cast(x, tf.int32).")  # fmt: skip
        return group(name="statically_determined_is_integer")


def assert_scalar(tensor: Any, name: str | None = None) -> Tensor:
    """The tensor, if it is known to be a scalar; fails at once otherwise.

    Args:
        tensor: a tensor.
        name: name of the scope.

    Returns:
        The tensor.

    Raises:
        ShapeError: if it is none, or its shape is unknown.

    Example:
        >>> import labkit as tf
        >>> tf.assert_scalar(tf.constant(1.0)).shape
        TensorShape([])
    """
    graph = graph_of([tensor])
    with graph.name_scope(name or "assert_scalar"):
        found = graph.as_tensor(tensor)
        if found.static_shape != ():
            raise ShapeError(f"the tensor {found.name!r} must be a scalar, and its shape is "
                             f"{shape_text(found.static_shape)}.")  # fmt: skip
        return found


def assert_rank_in(
    x: Any, ranks: Sequence[Any], data: Any = None, summarize: int | None = None, message: str | None = None,
    name: str | None = None,
) -> Operation:  # fmt: skip
    """Fails unless the rank of `x` is one of `ranks`: now if all is known, else when the graph runs.

    Args:
        x: a tensor.
        ranks: integers, or scalar integer tensors.
        data: a list of tensors to show if it fails when the graph runs; the rank and `ranks` if None.
        summarize: how many entries of each.
        message: what the error begins with.
        name: name of the scope.

    Returns:
        The operation that checks; one that does nothing if all is known and right.

    Raises:
        ShapeError: if the rank is known and wrong.

    Example:
        >>> import labkit as tf
        >>> checked = tf.assert_rank_in(tf.zeros([2, 3]), [2, 4])
    """
    graph = graph_of([x])
    with graph.name_scope(name or "assert_rank_in"):
        tensor = graph.as_tensor(x, None, "x")
        wanted = [graph.as_tensor(rank, None, "rank") for rank in ranks]
        known = [constant_value(rank) for rank in wanted]
        shape = tensor.static_shape
        if shape is not None and all(value is not None for value in known):
            numbers = [int(cast("Any", value)) for value in known]
            if len(shape) not in numbers:
                raise ShapeError(f"{_prefix(message)}the tensor {tensor.name!r} has rank {len(shape)}, and one of "
                                 f"{numbers} is needed.")  # fmt: skip
            return group(name="static_checks_determined_all_ok")
        found, allowed = rank_of(tensor), stack(wanted)
        shown = data if data is not None else ["the rank of", tensor.name, "is", found, "and must be one of", allowed]
        return Assert(reduce_any(equal(found, allowed)), [message or "", *shown], summarize)


def assert_proper_iterable(values: Any) -> None:
    """Fails unless `values` can be gone through and is no tensor, array or string, which would be mistakes.

    Args:
        values: anything.

    Raises:
        TypeError: if it is not a list, a tuple, or their like.

    Example:
        >>> import labkit as tf
        >>> tf.assert_proper_iterable([tf.constant(1), tf.constant(2)])
    """
    single = is_tensor_like(values) or hasattr(values, "dtype") or isinstance(values, (str, bytes))
    if single or not isinstance(values, Iterable):
        raise TypeError(f"a list or a tuple is needed, not {type(cast('object', values)).__name__}: {values!r}.")


def _prefix(message: str | None) -> str:
    return f"{message} " if message else ""
