"""Assertions about tensors: `tf.assert_equal` and its kin, `tf.assert_rank`.

Each is an operation that fails when it runs. The comparisons share one op, `AllTrue`, and one function, `_compare`,
that gives its answer to `tf.Assert`; those with zero compare with a constant. A rank that is known while the graph is
built is checked then. Like all of `labkit/ops/checks.py` they run in Python and cost speed.

Source: `tensorflow/python/ops/check_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from labkit.dtypes import bool_, int32
from labkit.errors import InvalidArgumentError, ShapeError
from labkit.graph import Operation, Spec, apply, apply_node, constant_value, graph_of, op
from labkit.ops.checks import Assert
from labkit.ops.control_flow import group
from labkit.ops.host import HostOp, NumpyArray


@op
class AllTrue(HostOp):
    """Whether a comparison holds for all entries: the condition of the `assert_` functions."""

    relation: str

    args = ("x", "y")

    def infer(self, x: Spec, y: Spec) -> Spec:
        return Spec(bool_, ())

    def kernel(self, x: NumpyArray, y: NumpyArray) -> Any:
        return np.asarray(np.all(_RELATIONS[self.relation](x, y)))


_RELATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": np.equal, "!=": np.not_equal, "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal,
}  # fmt: skip


def _compare(
    x: Any, relation: str, y: Any, data: Any, summarize: int | None, message: str | None, name: str
) -> Operation:
    """The assertion that `x relation y` holds for all entries, with broadcasting."""
    graph = graph_of([x, y])
    with graph.name_scope(name):
        left = graph.as_tensor(x, getattr(y, "dtype", None) if not hasattr(x, "dtype") else None, "x")
        right = graph.as_tensor(y, left.dtype, "y")
        shown = data
        if data is None:
            shown = [f"Condition x {relation} y did not hold element-wise:", f"x ({left.name}) = ", left,
                     f"y ({right.name}) = ", right]  # fmt: skip
        return Assert(apply(AllTrue(relation), left, right, name="All"), [message or "", *shown], summarize)


def assert_equal(
    x: Any, y: Any, data: Any = None, summarize: int | None = None, message: str | None = None, name: str | None = None
) -> Operation:
    """Fails when it runs unless x == y for all entries.

    Args:
        x: a tensor.
        y: a tensor that broadcasts with it.
        data: what to show; x and y if None.
        summarize: how many entries to show.
        message: what the error begins with.
        name: name of the scope.

    Returns:
        The operation that checks.

    Raises:
        InvalidArgumentError: when the graph runs, if it does not hold.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.assert_equal(tf.constant(1) + 1, 2))
    """
    return _compare(x, "==", y, data, summarize, message, name or "assert_equal")


def assert_none_equal(
    x: Any, y: Any, data: Any = None, summarize: int | None = None, message: str | None = None, name: str | None = None
) -> Operation:
    """Fails when it runs unless x != y for all entries; arguments as for `assert_equal`.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.assert_none_equal([1, 2], 3))
    """
    return _compare(x, "!=", y, data, summarize, message, name or "assert_none_equal")


def assert_less(
    x: Any, y: Any, data: Any = None, summarize: int | None = None, message: str | None = None, name: str | None = None
) -> Operation:
    """Fails when it runs unless x < y for all entries; arguments as for `assert_equal`.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.assert_less([1, 2], 3))
    """
    return _compare(x, "<", y, data, summarize, message, name or "assert_less")


def assert_less_equal(
    x: Any, y: Any, data: Any = None, summarize: int | None = None, message: str | None = None, name: str | None = None
) -> Operation:
    """Fails when it runs unless x <= y for all entries; arguments as for `assert_equal`.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.assert_less_equal([1, 3], 3))
    """
    return _compare(x, "<=", y, data, summarize, message, name or "assert_less_equal")


def assert_greater(
    x: Any, y: Any, data: Any = None, summarize: int | None = None, message: str | None = None, name: str | None = None
) -> Operation:
    """Fails when it runs unless x > y for all entries; arguments as for `assert_equal`.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.assert_greater([4, 5], 3))
    """
    return _compare(x, ">", y, data, summarize, message, name or "assert_greater")


def assert_greater_equal(
    x: Any, y: Any, data: Any = None, summarize: int | None = None, message: str | None = None, name: str | None = None
) -> Operation:
    """Fails when it runs unless x >= y for all entries; arguments as for `assert_equal`.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.assert_greater_equal([3, 4], 3))
    """
    return _compare(x, ">=", y, data, summarize, message, name or "assert_greater_equal")


def _against_zero(x: Any, relation: str, data: Any, summarize: int | None, message: str | None, name: str) -> Operation:
    graph = graph_of([x])
    with graph.name_scope(name) as scope:
        tensor = graph.as_tensor(x, None, "x")
        if data is None:
            data = [f"Condition x {relation} 0 did not hold element-wise:", f"x ({tensor.name}) = ", tensor]
        return _compare(tensor, relation, np.zeros((), tensor.dtype.np_dtype), data, summarize, message, scope)


def assert_positive(
    x: Any, data: Any = None, summarize: int | None = None, message: str | None = None, name: str | None = None
) -> Operation:
    """Fails when it runs unless x > 0 for all entries.

    Args:
        x: a tensor.
        data: what to show; x if None.
        summarize: how many entries to show.
        message: what the error begins with.
        name: name of the scope.

    Returns:
        The operation that checks.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.assert_positive([1, 2]))
    """
    return _against_zero(x, ">", data, summarize, message, name or "assert_positive")


def assert_negative(
    x: Any, data: Any = None, summarize: int | None = None, message: str | None = None, name: str | None = None
) -> Operation:
    """Fails when it runs unless x < 0 for all entries; arguments as for `assert_positive`.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.assert_negative([-1, -2]))
    """
    return _against_zero(x, "<", data, summarize, message, name or "assert_negative")


def assert_non_negative(
    x: Any, data: Any = None, summarize: int | None = None, message: str | None = None, name: str | None = None
) -> Operation:
    """Fails when it runs unless x >= 0 for all entries; arguments as for `assert_positive`.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.assert_non_negative([0, 2]))
    """
    return _against_zero(x, ">=", data, summarize, message, name or "assert_non_negative")


def assert_non_positive(
    x: Any, data: Any = None, summarize: int | None = None, message: str | None = None, name: str | None = None
) -> Operation:
    """Fails when it runs unless x <= 0 for all entries; arguments as for `assert_positive`.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.assert_non_positive([0, -2]))
    """
    return _against_zero(x, "<=", data, summarize, message, name or "assert_non_positive")


@op
class RankCheck(HostOp):
    """Fails unless the rank is the wanted one (`least`: at least that)."""

    least: bool = False
    message: str = ""

    args = ("x:any", "rank:index")

    def infer(self, x: Spec, rank: Spec) -> tuple[Spec, ...]:
        return ()

    def kernel(self, x: Any, rank: NumpyArray) -> tuple[()]:
        wrong = _wrong_rank("the tensor", np.ndim(x), int(rank), self.least, self.message)
        if wrong:
            raise InvalidArgumentError(None, None, wrong)
        return ()


def _wrong_rank(what: str, found: int, wanted: int, least: bool, message: str | None) -> str:
    """What is wrong with a rank; empty if nothing is."""
    if found == wanted or (least and found > wanted):
        return ""
    prefix, at_least = f"{message} " if message else "", "at least " if least else ""
    return f"{prefix}{what} has rank {found}, and {at_least}rank {wanted} is needed."


def assert_rank(
    x: Any, rank: Any, data: Any = None, summarize: int | None = None, message: str | None = None,
    name: str | None = None,
) -> Operation:  # fmt: skip
    """Fails unless `x` has the rank, now if the ranks are known, else when the graph runs.

    Args:
        x: a tensor.
        rank: an integer or a scalar integer tensor.
        data: kept for TensorFlow's signature.
        summarize: kept for TensorFlow's signature.
        message: what the error begins with.
        name: name of the node.

    Returns:
        The operation that checks; one that does nothing if all is known and right.

    Raises:
        ShapeError: if the rank is known and wrong.

    Example:
        >>> import labkit as tf
        >>> try:
        ...     tf.assert_rank(tf.zeros([2, 3]), 1)
        ... except tf.errors.ShapeError as error:
        ...     print(error)
        the tensor 'zeros:0' has rank 2, and rank 1 is needed.
    """
    return _check_rank(x, rank, False, message, name or "assert_rank")


def assert_rank_at_least(
    x: Any, rank: Any, data: Any = None, summarize: int | None = None, message: str | None = None,
    name: str | None = None,
) -> Operation:  # fmt: skip
    """Fails unless `x` has at least the rank; arguments as for `assert_rank`.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.assert_rank_at_least(tf.zeros([2, 3]), 1))
    """
    return _check_rank(x, rank, True, message, name or "assert_rank_at_least")


def _check_rank(x: Any, rank: Any, least: bool, message: str | None, name: str) -> Operation:
    graph = graph_of([x])
    with graph.name_scope(name):
        tensor, wanted = graph.as_tensor(x, None, "x"), graph.as_tensor(rank, None, "rank")
        known, shape = constant_value(wanted), tensor.static_shape
        if known is None or shape is None:
            return apply_node(RankCheck(least, message or ""), tensor, wanted)
        wrong = _wrong_rank(f"the tensor {tensor.name!r}", len(shape), int(known), least, message)
        if wrong:
            raise ShapeError(wrong)
        return group(name="static_checks_determined_all_ok")


@op
class CountTrue(HostOp):
    """How many of some predicates are true."""

    args = ("*preds:bool",)

    def infer(self, *preds: Spec) -> Spec:
        return Spec(int32, ())

    def kernel(self, *preds: NumpyArray) -> Any:
        return np.asarray(sum(bool(pred) for pred in preds), np.int32)


def assert_at_most_one(preds: Sequence[Any]) -> Operation:
    """Fails unless at most one of the predicates is true."""
    return assert_less_equal(apply(CountTrue(), *preds), 1, message="more than one predicate of tf.case is true")


def assert_some(preds: Sequence[Any]) -> Operation:
    """Fails unless one of the predicates is true."""
    return assert_greater(apply(CountTrue(), *preds), 0, message="no predicate of tf.case is true; it has no default")
