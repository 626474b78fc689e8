"""Looking and checking while the graph runs: `tf.Print`, `tf.Assert`, `tf.check_numerics`, `tf.assert_equal` and kin.

These ops run on the host, in Python: compiled code can neither print nor raise. Each one cuts the program in two, so
they cost speed; take them out when the program is right.

Source: `tensorflow/core/kernels/logging_ops.cc`, `tensorflow/python/ops/check_ops.py` (1.4).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from labkit.errors import InvalidArgumentError, ShapeError
from labkit.graph import Cost, Op, Operation, Spec, Tensor, apply, apply_node, constant_value, graph_of, op, op_named
from labkit.ops.array import identity
from labkit.ops.control_flow import group

NumpyArray = np.ndarray[Any, Any]


class HostCheck(Op):
    """Base of ops that look at values in Python."""

    stateful = True

    @property
    def host(self) -> bool:
        """Runs in Python."""
        return True

    def cost(self, *inputs: Spec) -> Cost:
        return Cost(0, 0)


@op_named("Print")
class PrintOp(HostCheck):
    """The input; prints other tensors to the standard error stream when it runs."""

    message: str = ""
    first_n: int = -1
    summarize: int = 3

    args = ("input", "*data:any")

    def infer(self, x: Spec, *data: Spec) -> Spec:
        return Spec(x.dtype, x.shape)

    def initial_state(self) -> NumpyArray:
        return np.zeros((), np.int32)

    def kernel(self, x: NumpyArray, *rest: NumpyArray) -> tuple[Any, Any]:
        *data, count = rest
        if self.first_n < 0 or int(count) < self.first_n:
            print(self.message + "".join(f"[{summary(v, self.summarize)}]" for v in data), file=sys.stderr)
        return x, np.asarray(count + 1, np.int32)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return [grad, *[None] * (len(node.inputs) - 1)]


def summary(value: Any, limit: int) -> str:
    """The first `limit` entries of a tensor as TensorFlow prints them; -1 for all.

    Args:
        value: an array.
        limit: how many entries.

    Returns:
        A line without the outermost brackets.

    Example:
        >>> summary([[1, 2], [3, 4]], 3)
        '[1 2][3...]...'
    """
    array = np.asarray(value)
    limit = array.size if limit < 0 else limit
    left = [limit]

    def walk(part: Any, depth: int) -> str:
        if part.ndim <= 1:
            shown = part.reshape(-1)[: left[0]]
            more = "..." if depth and len(shown) < part.size else ""
            left[0] -= len(shown)
            return " ".join(_text(entry) for entry in shown) + more
        return "".join(f"[{walk(row, depth + 1)}]" for row in part if left[0] > 0)

    return walk(array, 0) + ("..." if array.size > limit else "")


def _text(entry: Any) -> str:
    if isinstance(entry, bytes):
        return entry.decode(errors="replace")
    dtype = np.asarray(entry).dtype
    if dtype.kind == "b":
        return str(int(entry))
    if dtype.kind == "f":
        short, long = (15, 17) if dtype == np.float64 else (6, 9)
        text = f"{entry:.{short}g}"
        return text if dtype.type(text) == entry or entry != entry else f"{entry:.{long}g}"
    return str(entry)


def Print(  # noqa: N802  # TensorFlow's name
    input_: Any, data: Any, message: str | None = None, first_n: int | None = None, summarize: int | None = None,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """The input; prints `data` to the standard error stream each time it runs.

    The print happens only if something that is fetched uses the result.

    Args:
        input_: the tensor to hand on.
        data: a list of tensors to print.
        message: printed before them.
        first_n: prints only so many times in a session.
        summarize: how many entries of each tensor; 3 if None.
        name: name of the node.

    Returns:
        A tensor with the value of `input_`.

    Gradient: that of the output, unchanged.

    Example:
        >>> import labkit as tf
        >>> x = tf.constant([1.0, 2.0])
        >>> x = tf.Print(x, [x, tf.shape(x)], "x, its shape: ")  # prints: x, its shape: [1 2][2]
    """
    kind = PrintOp(message or "", -1 if first_n is None else first_n, 3 if summarize is None else summarize)
    return apply(kind, input_, *data, name=name)


@op_named("Assert")
class AssertOp(HostCheck):
    """Fails if the condition is false, saying what the data is."""

    summarize: int = 3

    args = ("condition:bool", "*data:any")

    def infer(self, condition: Spec, *data: Spec) -> tuple[Spec, ...]:
        return ()

    def kernel(self, condition: NumpyArray, *data: NumpyArray) -> tuple[()]:
        if not np.asarray(condition).all():
            shown = " ".join(f"[{summary(value, self.summarize)}]" for value in data)
            raise InvalidArgumentError(None, None, f"assertion failed: {shown}")
        return ()


def Assert(condition: Any, data: Any, summarize: int | None = None, name: str | None = None) -> Operation:  # noqa: N802
    """Fails when it runs if `condition` is false.

    Nothing waits for an assertion by itself: put it into `tf.control_dependencies`, or run it.

    Args:
        condition: a bool tensor.
        data: a list of tensors to show if it is false.
        summarize: how many entries of each; 3 if None.
        name: name of the node.

    Returns:
        The operation that checks.

    Raises:
        InvalidArgumentError: when the graph runs, if the condition is false.

    Example:
        >>> import labkit as tf
        >>> x = tf.constant(2.0)
        >>> with tf.control_dependencies([tf.Assert(x > 0.0, [x])]):
        ...     y = tf.log(x)
    """
    return apply_node(AssertOp(3 if summarize is None else summarize), condition, *data, name=name)


@op
class CheckNumerics(HostCheck):
    """The input; fails if it holds an infinity or a NaN."""

    message: str

    args = ("tensor",)

    def infer(self, x: Spec) -> Spec:
        return Spec(x.dtype, x.shape)

    def kernel(self, x: NumpyArray) -> NumpyArray:
        array = np.asarray(x)
        found = [word for word, test in (("Inf", np.isinf), ("NaN", np.isnan)) if test(array).any()]
        if found:
            raise InvalidArgumentError(None, None, f"{self.message} : Tensor had {' and '.join(found)} values")
        return array

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        return check_numerics(grad, f"Not a number (NaN) or infinity (Inf) values detected in gradient. {self.message}")


def check_numerics(tensor: Any, message: str, name: str | None = None) -> Tensor:
    """The input; fails when it runs if there is an infinity or a NaN in it.

    Args:
        tensor: a floating-point tensor.
        message: what the error begins with.
        name: name of the node.

    Returns:
        A tensor with the same value.

    Raises:
        InvalidArgumentError: when the graph runs, if a value is not finite.

    Gradient: that of the output, checked in the same way.

    Example:
        >>> import labkit as tf
        >>> y = tf.check_numerics(tf.constant(1.0) / 0.0, "y")
        >>> try:
        ...     tf.Session().run(y)
        ... except tf.errors.InvalidArgumentError as error:
        ...     print(error)
        y : Tensor had Inf values
    """
    return apply(CheckNumerics(message), tensor, name=name)


def verify_tensor_all_finite(t: Any, msg: str, name: str | None = None) -> Tensor:
    """The input; fails when it runs if there is an infinity or a NaN in it.

    Args:
        t: a floating-point tensor.
        msg: what the error begins with.
        name: name of the scope.

    Returns:
        A tensor with the same value.

    Example:
        >>> import labkit as tf
        >>> float(tf.Session().run(tf.verify_tensor_all_finite(tf.constant(1.0), "one")))
        1.0
    """
    graph = graph_of([t])
    with graph.name_scope(name or "VerifyFinite"):
        tensor = graph.as_tensor(t)
        with graph.control_dependencies([check_numerics(tensor, msg)]):
            return identity(tensor)


def add_check_numerics_ops() -> Operation:
    """An operation that checks every floating-point tensor of the default graph for infinities and NaNs.

    Returns:
        An operation to run beside the others.

    Example:
        >>> import labkit as tf
        >>> with tf.Graph().as_default():
        ...     y = tf.constant(1.0) + 2.0
        ...     tf.Session().run(tf.add_check_numerics_ops())
    """
    graph = graph_of([])
    outputs = [t for node in graph.get_operations() for t in node.outputs]
    tensors = [t for t in outputs if t.dtype.is_floating and not t.op.kind.is_ref]
    return group(*[check_numerics(t, f"{t.op.name}:{t.value_index}") for t in tensors])


@op
class AllTrue(HostCheck):
    """Whether a comparison holds for all entries: the condition of the `assert_` functions."""

    relation: str

    args = ("x", "y")

    def infer(self, x: Spec, y: Spec) -> Spec:
        from labkit.dtypes import bool_

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
class RankCheck(HostCheck):
    """Fails unless the rank is the wanted one (`least`: at least that)."""

    least: bool = False
    message: str = ""

    args = ("x:any", "rank:index")

    def infer(self, x: Spec, rank: Spec) -> tuple[Spec, ...]:
        return ()

    def kernel(self, x: Any, rank: NumpyArray) -> tuple[()]:
        found, wanted = np.ndim(x), int(rank)
        if found < wanted or (found > wanted and not self.least):
            prefix = f"{self.message} " if self.message else ""
            at_least = "at least " if self.least else ""
            raise InvalidArgumentError(
                None, None, f"{prefix}the tensor has rank {found}, and {at_least}rank {wanted} is needed."
            )
        return ()


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
        if len(shape) < int(known) or (len(shape) > int(known) and not least):
            prefix = f"{message} " if message else ""
            at_least = "at least " if least else ""
            raise ShapeError(
                f"{prefix}the tensor {tensor.name!r} has rank {len(shape)}, and {at_least}rank {int(known)} is needed."
            )
        return group(name="static_checks_determined_all_ok")


@op
class CountTrue(HostCheck):
    """How many of some predicates are true."""

    args = ("*preds:bool",)

    def infer(self, *preds: Spec) -> Spec:
        from labkit.dtypes import int32

        return Spec(int32, ())

    def kernel(self, *preds: NumpyArray) -> Any:
        return np.asarray(sum(bool(pred) for pred in preds), np.int32)


def assert_at_most_one(preds: Sequence[Any]) -> Operation:
    """Fails unless at most one of the predicates is true."""
    return assert_less_equal(apply(CountTrue(), *preds), 1, message="more than one predicate of tf.case is true")


def assert_some(preds: Sequence[Any]) -> Operation:
    """Fails unless one of the predicates is true."""
    return assert_greater(apply(CountTrue(), *preds), 0, message="no predicate of tf.case is true; it has no default")
