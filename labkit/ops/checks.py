"""Looking and checking while the graph runs: `tf.Print`, `tf.Assert`, `tf.check_numerics`.

These ops run on the host, in Python: compiled code can neither print nor raise. Each one cuts the program in two, so
they cost speed; take them out when the program is right. `tf.assert_equal` and its kin are in `assertions.py`.

Source: `tensorflow/core/kernels/logging_ops.cc`, `tensorflow/python/ops/numerics.py` (1.4).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from labkit.errors import InvalidArgumentError
from labkit.graph import Operation, Spec, Tensor, apply, apply_node, graph_of, op, op_named
from labkit.ops.array import identity
from labkit.ops.control_flow import group
from labkit.ops.host import HostOp, NumpyArray


@op_named("Print")
class PrintOp(HostOp):
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
class AssertOp(HostOp):
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
class CheckNumerics(HostOp):
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
