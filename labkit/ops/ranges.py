"""Numbers in a row: `tf.range`, `tf.linspace`, `tf.meshgrid`.

Source: signatures and behaviour of `tensorflow/python/ops/math_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from labkit.dtypes import DTypeLike, as_dtype
from labkit.errors import ShapeError
from labkit.graph import Op, Operation, Spec, Tensor, apply, as_array, graph_of, is_tensor_like, op
from labkit.ops.array import ones, reshape, size
from labkit.ops.bases import FLOATS, REALS, Array, vjp
from labkit.ops.math import cast

__all__ = ["LinSpace", "Range", "lin_space", "linspace", "meshgrid", "range"]

Static = np.ndarray[Any, Any]


@op
class Range(Op):
    """start, start + delta, ... below limit."""

    args = ("start", "limit", "delta")
    allowed = REALS
    static_inputs = (0, 1, 2)
    static_advice = "a tf.range as long as it can get, and tf.sequence_mask or a comparison for the part that counts."

    def infer(self, start: Spec, limit: Spec, delta: Spec) -> Spec:
        for spec in (start, limit, delta):
            if spec.shape not in (None, ()):
                raise ShapeError(f"tf.range takes single numbers, not a tensor of shape {spec.shape}.")
        if delta.value == 0:
            raise ShapeError("the step of tf.range must not be 0.")
        if None in (start.value, limit.value, delta.value):
            return Spec(start.dtype, (None,))
        return Spec(start.dtype, (_count(start.value, limit.value, delta.value),))

    def kernel(self, start: Static, limit: Static, delta: Static) -> Array:
        return jnp.asarray(_range(start, limit, delta))

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        if any(value is None or value.dtype == object for value in values):
            return None
        return _range(*values)


def _count(start: Any, limit: Any, delta: Any) -> int:
    """How many numbers a range has."""
    return max(0, int(np.ceil((limit - start) / delta)))


def _range(start: Static, limit: Static, delta: Static) -> Static:
    count = _count(start.item(), limit.item(), delta.item())
    return (start + np.arange(count).astype(start.dtype) * delta).astype(start.dtype)


def range(start: Any, limit: Any = None, delta: Any = 1, dtype: DTypeLike = None, name: str | None = "range") -> Tensor:
    """Numbers in a row: start, start + delta, ... as long as they are below limit.

    How many there are is the shape of the result, so the numbers must be known while the program is compiled:
    constants, shapes, or fed.

    Args:
        start: the first number; if it is the only argument, the limit of a range from 0.
        limit: where the row ends (exclusive).
        delta: the step.
        dtype: dtype of the result; by default the widest of the arguments'.
        name: name of the node.

    Returns:
        A vector. No gradient.

    Raises:
        ShapeError: if an argument is no single number, or the step is 0.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.range(3, 18, 3))
        array([ 3,  6,  9, 12, 15], dtype=int32)
    """
    if limit is None:
        start, limit = 0, start
    graph = graph_of([start, limit, delta])
    with graph.name_scope(name or "range") as scope:
        given = (("start", start), ("limit", limit), ("delta", delta))
        wanted = _widest([value for _, value in given]) if dtype is None else as_dtype(dtype)
        tensors = [_as(graph, value, wanted, part) for part, value in given]
        return apply(Range(), *tensors, name=scope)


def _widest(values: Sequence[Any]) -> Any:
    """The widest dtype among the values, by TensorFlow's order."""
    order = ("int32", "int64", "float32", "float64")
    names = [
        value.dtype.name if is_tensor_like(value) else as_dtype(as_array(value, None).dtype).name for value in values
    ]
    return as_dtype(max(names, key=lambda name: order.index(name) if name in order else -1))


def _as(graph: Any, value: Any, dtype: Any, name: str) -> Tensor:
    """A value as a tensor of a dtype, cast if it is a tensor of another one."""
    return cast(value, dtype) if is_tensor_like(value) else graph.as_tensor(value, dtype, name)


@op
class LinSpace(Op):
    """`num` numbers from start to stop, both included, evenly spaced."""

    args = ("start", "stop", "num:index")
    allowed = FLOATS
    static_inputs = (2,)

    def infer(self, start: Spec, stop: Spec, num: Spec) -> Spec:
        if num.value is not None and num.value < 1:
            raise ShapeError(f"tf.linspace makes at least one number, not {num.value}.")
        return Spec(start.dtype, (num.value,))

    def kernel(self, start: Array, stop: Array, num: Static) -> Array:
        return jnp.linspace(start, stop, int(num), dtype=start.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return vjp(node, grad)


def linspace(start: Any, stop: Any, num: Any, name: str | None = None) -> Tensor:
    """`num` evenly spaced numbers from `start` to `stop`, both included.

    Args:
        start: a floating-point number.
        stop: another one.
        num: how many; known while the program is compiled.
        name: name of the node.

    Returns:
        A vector of `num` numbers.

    Raises:
        ShapeError: if `num` is less than 1.

    Gradient: to start and stop, by their weights.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.linspace(10.0, 12.0, 3))
        array([10., 11., 12.], dtype=float32)
    """
    return apply(LinSpace(), start, stop, num, name=name)


lin_space = linspace


def meshgrid(*args: Any, **kwargs: Any) -> list[Tensor]:
    """Coordinates of a grid: for n vectors, n tensors of rank n.

    Args:
        *args: vectors.
        **kwargs: `indexing`: "xy" (the first two axes are exchanged, as for pictures) or "ij"; `name`.

    Returns:
        A list of tensors.

    Raises:
        TypeError: for another keyword.
        ValueError: for another `indexing`.

    Gradient: to each vector, the sum over the other axes.

    Example:
        >>> import labkit as tf
        >>> x, y = tf.meshgrid([1, 2, 3], [10, 20])
        >>> tf.Session().run(x + y)
        array([[11, 12, 13],
               [21, 22, 23]], dtype=int32)
    """
    indexing, name = kwargs.pop("indexing", "xy"), kwargs.pop("name", "meshgrid")
    if kwargs:
        raise TypeError(f"tf.meshgrid takes the keywords indexing and name, not {next(iter(kwargs))!r}.")
    if indexing not in ("xy", "ij"):
        raise ValueError(f'indexing is "xy" or "ij", not {indexing!r}.')
    graph = graph_of(args)
    with graph.name_scope(name):
        vectors = [graph.as_tensor(value) for value in args]
        axes = [*np.arange(len(vectors)).tolist()]
        if indexing == "xy" and len(axes) > 1:
            axes[:2] = 1, 0
        sizes: list[Any] = [0] * len(axes)
        for vector, axis in zip(vectors, axes, strict=True):
            sizes[axis] = size(vector)
        whole = ones(sizes, vectors[0].dtype) if vectors else None
        return [
            reshape(vector, [-1 if other == axis else 1 for other in sorted(axes)]) * whole
            for vector, axis in zip(vectors, axes, strict=True)
        ]
