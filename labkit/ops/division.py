"""The four divisions of TensorFlow, and their remainders.

    /   truediv, divide     integers are cast to floating point first      -7 / 2  = -3.5
    //  floordiv, div       rounds down, as Python's //                    -7 // 2 = -4
        truncatediv         rounds toward zero, as C's /                   -7 / 2  = -3
        realdiv             floating point only

`tf.div` is Python 2's division: `//` on integers, `/` on floating point. `%` and `tf.mod` go with `//`, so their result
has the sign of y; `tf.truncatemod` goes with `tf.truncatediv`, so its result has the sign of x.

Source: signatures and behaviour of `tensorflow/python/ops/math_ops.py` (1.4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from labkit.dtypes import float32, float64
from labkit.graph import Operation, Spec, Tensor, apply, graph_of, is_tensor_like, op
from labkit.ops.bases import INTS, REALS, Array, Binary, sum_like
from labkit.ops.math import Pair, RealDiv, cast, fold_with


def realdiv(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y for floating-point and complex numbers, element by element.

    Args:
        x: a floating-point or complex tensor.
        y: a tensor of the same dtype, of a shape that broadcasts with that of `x`.
        name: name of the node.

    Returns:
        A tensor of the broadcast shape.

    Gradient: to x, grad / y; to y, -grad * x / (y * y).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.realdiv([7.0], 2.0))
        array([3.5], dtype=float32)
    """
    return apply(RealDiv(), x, y, name=name)


def _pair(x: Any, y: Any) -> tuple[Tensor, Tensor]:
    """Both as tensors; a plain number takes the dtype of the other."""
    graph = graph_of([x, y])
    if is_tensor_like(x) or not is_tensor_like(y):
        first = graph.as_tensor(x, None, "x")
        return first, graph.as_tensor(y, first.dtype, "y")
    second = graph.as_tensor(y, None, "y")
    return graph.as_tensor(x, second.dtype, "x"), second


def truediv(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y as in Python 3, element by element: integers are cast to floating point first.

    Args:
        x: a tensor of numbers.
        y: a tensor of the same dtype, of a shape that broadcasts with that of `x`.
        name: name of the node.

    Returns:
        A floating-point tensor of the broadcast shape: float32 for 8- and 16-bit integers, float64 for wider ones.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.truediv([7, 8], 2))
        array([3.5, 4. ])
    """
    graph = graph_of([x, y])
    with graph.name_scope(name or "truediv") as scope:
        first, second = _pair(x, y)
        if first.dtype.is_integer:
            wide = float32 if first.dtype.size <= 2 else float64
            first, second = cast(first, wide), cast(second, wide)
        return apply(RealDiv(), first, second, name=scope)


def divide(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y as in Python 3, element by element; the same as `x / y` and `tf.truediv`.

    Args:
        x: a tensor of numbers.
        y: a tensor of the same dtype, of a shape that broadcasts with that of `x`.
        name: name of the node.

    Returns:
        A floating-point tensor of the broadcast shape.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.divide([7, 8], 2))
        array([3.5, 4. ])
    """
    return truediv(x, y, name)


def div(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y as in Python 2, element by element: integers are rounded down, floating-point numbers are not.

    Args:
        x: a tensor of numbers.
        y: a tensor of the same dtype, of a shape that broadcasts with that of `x`.
        name: name of the node.

    Returns:
        A tensor of the broadcast shape.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run([tf.div(-7, 2), tf.div(-7.0, 2.0)])
        [np.int32(-4), np.float32(-3.5)]
    """
    graph = graph_of([x, y])
    with graph.name_scope(name or "div") as scope:
        first, second = _pair(x, y)
        return apply(FloorDiv() if first.dtype.is_integer else RealDiv(), first, second, name=scope)


@op
class FloorDiv(Binary):
    """x / y, rounded down."""

    allowed = REALS

    def kernel(self, x: Array, y: Array) -> Array:
        return jnp.floor_divide(x, y)

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        return fold_with(_nonzero(np.floor_divide), values)

    def gradient(self, node: Operation, grad: Tensor) -> Pair:
        return None, None


def _nonzero(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, unless the divisor has a zero: nothing is known then, and the run says what comes out."""

    def checked(x: Any, y: Any) -> Any:
        return function(x, y) if np.all(y) else None

    return checked


def floordiv(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y, rounded down, element by element; `x // y` is the same.

    Args:
        x: a tensor of real numbers.
        y: a tensor of the same dtype, of a shape that broadcasts with that of `x`.
        name: name of the node.

    Returns:
        A tensor of the broadcast shape.

    Gradient: none: the result is constant between its steps.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.floordiv([-7, 7], 2))
        array([-4,  3], dtype=int32)
    """
    return apply(FloorDiv(), x, y, name=name or "floordiv")


def floor_div(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y, rounded down, element by element; `tf.floordiv` under TensorFlow's other name.

    Args:
        x: a tensor of real numbers.
        y: a tensor of the same dtype, of a shape that broadcasts with that of `x`.
        name: name of the node.

    Returns:
        A tensor of the broadcast shape.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.floor_div([-7, 7], 2))
        array([-4,  3], dtype=int32)
    """
    return apply(FloorDiv(), x, y, name=name)


@op
class FloorMod(Binary):
    """The remainder of x // y; it has the sign of y."""

    allowed = REALS

    def kernel(self, x: Array, y: Array) -> Array:
        return jnp.mod(x, y)

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        return fold_with(_nonzero(np.mod), values)

    def gradient(self, node: Operation, grad: Tensor) -> Pair:
        x, y = node.inputs
        return sum_like(grad, x), sum_like(-grad * apply(FloorDiv(), x, y), y)


def floormod(x: Any, y: Any, name: str | None = None) -> Tensor:
    """The remainder of x // y, element by element; it has the sign of y. `x % y` is the same.

    Args:
        x: a tensor of real numbers.
        y: a tensor of the same dtype, of a shape that broadcasts with that of `x`.
        name: name of the node.

    Returns:
        A tensor of the broadcast shape.

    Gradient: to x, grad; to y, -grad * (x // y).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.floormod([-7, 7], 3))
        array([2, 1], dtype=int32)
    """
    return apply(FloorMod(), x, y, name=name)


def mod(x: Any, y: Any, name: str | None = None) -> Tensor:
    """The remainder of x // y, element by element; `tf.floormod` under its usual name.

    Args:
        x: a tensor of real numbers.
        y: a tensor of the same dtype, of a shape that broadcasts with that of `x`.
        name: name of the node.

    Returns:
        A tensor of the broadcast shape.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.mod([-7, 7], 3))
        array([2, 1], dtype=int32)
    """
    return floormod(x, y, name)


@op
class TruncateDiv(Binary):
    """x / y, rounded toward zero."""

    allowed = INTS

    def kernel(self, x: Array, y: Array) -> Array:
        return jax.lax.div(*jnp.broadcast_arrays(x, y))


def truncatediv(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y, rounded toward zero, element by element, as C does.

    Args:
        x: a tensor of integers.
        y: a tensor of the same dtype, of a shape that broadcasts with that of `x`.
        name: name of the node.

    Returns:
        A tensor of the broadcast shape.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.truncatediv([-7, 7], 2))
        array([-3,  3], dtype=int32)
    """
    return apply(TruncateDiv(), x, y, name=name)


@op
class TruncateMod(Binary):
    """The remainder of x / y rounded toward zero; it has the sign of x."""

    allowed = REALS

    def kernel(self, x: Array, y: Array) -> Array:
        return jnp.fmod(x, y)


def truncatemod(x: Any, y: Any, name: str | None = None) -> Tensor:
    """The remainder of `tf.truncatediv`, element by element; it has the sign of x.

    Args:
        x: a tensor of real numbers.
        y: a tensor of the same dtype, of a shape that broadcasts with that of `x`.
        name: name of the node.

    Returns:
        A tensor of the broadcast shape.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.truncatemod([-7, 7], 3))
        array([-1,  1], dtype=int32)
    """
    return apply(TruncateMod(), x, y, name=name)
