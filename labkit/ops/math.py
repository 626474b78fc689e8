"""Arithmetic, element by element: `tf.add`, `tf.multiply`, `tf.square`, `tf.cast` and what other families build upon.

Each op is a class (kernel, gradient) with its function beneath. A binary op broadcasts; its gradient sums over the
broadcast axes with `sum_like`. For complex numbers a gradient is that of a real objective with respect to real and
imaginary part, so the conjugate of the derivative appears: `conj_of`, which is nothing for real numbers.

Kin: `tf.add_n` in `sums`, divisions in `division`, `tf.exp` in `exponential`, `tf.sin` in `trigonometry`, `tf.sinh` in
`hyperbolic`, `tf.erf` in `special`, `tf.abs` and rounding in `magnitude`, comparisons in `logic`, `tf.to_float` and
complex parts in `conversion`.

Example:
    >>> import labkit as tf
    >>> tf.Session().run(tf.square(tf.constant([1.0, -2.0])) + 1.0)
    array([2., 5.], dtype=float32)

Source: signatures and behaviour of `tensorflow/python/ops/math_ops.py` (1.4); gradients from calculus.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from labkit.dtypes import DType, DTypeLike, as_dtype
from labkit.errors import ShapeError
from labkit.graph import OPS, Op, Operation, Spec, Tensor, apply, graph_of, op
from labkit.ops.bases import FLOATS, INEXACT, REALS, Array, Binary, Unary, sum_like
from labkit.ops.indexed_slices import IndexedSlices
from labkit.ops.sums import add_n as add_n  # arithmetic too: whoever imports from here finds it

Pair = Sequence[Tensor | None]


def fold_with(function: Callable[..., Any], values: Sequence[Any]) -> Any:
    """`function` of the known values, None where an entry is unknown; None if a whole value is. For shapes."""
    if any(value is None for value in values):
        return None
    dtypes = [value.dtype for value in values if value.dtype != object]
    if len(dtypes) == len(values):
        result = function(*values)
        return None if result is None else np.asarray(result, dtypes[0])

    def of_entries(*entries: Any) -> Any:
        return None if any(entry is None for entry in entries) else function(*entries)

    return np.array(np.frompyfunc(of_entries, len(values), 1)(*values), object)


def choose(condition: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """`x` where the condition holds and `y` elsewhere: `tf.where`, whose family lies above this one."""
    return apply(OPS["Select"](), condition, x, y)


@op
class Add(Binary):
    """x + y."""

    def kernel(self, x: Array, y: Array) -> Array:
        return x + y

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        return fold_with(np.add, values)

    def gradient(self, node: Operation, grad: Tensor) -> Pair:
        x, y = node.inputs
        return sum_like(grad, x), sum_like(grad, y)


def add(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x + y, element by element.

    Args:
        x: a tensor of numbers.
        y: a tensor of the same dtype, of a shape that broadcasts with that of `x`.
        name: name of the node.

    Returns:
        A tensor of the broadcast shape.

    Gradient: to x and y, the gradient itself, summed over broadcast axes.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.add([1, 2], 10))
        array([11, 12], dtype=int32)
    """
    return apply(Add(), x, y, name=name)


@op
class Sub(Binary):
    """x - y."""

    def kernel(self, x: Array, y: Array) -> Array:
        return x - y

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        return fold_with(np.subtract, values)

    def gradient(self, node: Operation, grad: Tensor) -> Pair:
        x, y = node.inputs
        return sum_like(grad, x), sum_like(-grad, y)


def subtract(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x - y, element by element.

    Args:
        x: a tensor of numbers.
        y: a tensor of the same dtype, of a shape that broadcasts with that of `x`.
        name: name of the node.

    Returns:
        A tensor of the broadcast shape.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.subtract([5, 7], [1, 2]))
        array([4, 5], dtype=int32)
    """
    return apply(Sub(), x, y, name=name)


@op
class Mul(Binary):
    """x * y."""

    def kernel(self, x: Array, y: Array) -> Array:
        return x * y

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        return fold_with(np.multiply, values)

    def gradient(self, node: Operation, grad: Tensor) -> Pair:
        x, y = node.inputs
        return sum_like(grad * conj_of(y), x), sum_like(grad * conj_of(x), y)


def multiply(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x * y, element by element (`tf.matmul` is the matrix product).

    Args:
        x: a tensor of numbers.
        y: a tensor of the same dtype, of a shape that broadcasts with that of `x`.
        name: name of the node.

    Returns:
        A tensor of the broadcast shape.

    Gradient: to x, grad * y; to y, grad * x.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.multiply([1.0, 2.0], 3.0))
        array([3., 6.], dtype=float32)
    """
    return apply(Mul(), x, y, name=name)


def conj_of(x: Tensor) -> Tensor:
    """The complex conjugate; `x` itself for real dtypes."""
    return apply(Conj(), x) if x.dtype.is_complex else x


@op
class Conj(Unary):
    """The complex conjugate."""

    allowed = INEXACT - FLOATS

    def kernel(self, x: Array) -> Array:
        return jnp.conj(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        return apply(Conj(), grad)


@op
class RealDiv(Binary):
    """x / y for floating-point and complex numbers."""

    allowed = INEXACT

    def kernel(self, x: Array, y: Array) -> Array:
        return x / y

    def gradient(self, node: Operation, grad: Tensor) -> Pair:
        x, y = (conj_of(t) for t in node.inputs)
        return sum_like(grad / y, node.inputs[0]), sum_like(grad * (-x / y / y), node.inputs[1])


@op
class Neg(Unary):
    """-x."""

    def kernel(self, x: Array) -> Array:
        return -x

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        return fold_with(np.negative, values)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        return -grad


def negative(x: Any, name: str | None = None) -> Tensor:
    """-x, element by element.

    Args:
        x: a tensor of numbers.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.negative([1, -2]))
        array([-1,  2], dtype=int32)
    """
    return apply(Neg(), x, name=name)


@op
class Reciprocal(Unary):
    """1 / x."""

    allowed = INEXACT

    def kernel(self, x: Array) -> Array:
        return 1 / x

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        y = conj_of(node.outputs[0])
        return -grad * square(y)


def reciprocal(x: Any, name: str | None = None) -> Tensor:
    """1 / x, element by element.

    Args:
        x: a floating-point or complex tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: -grad * y * y, with y = 1 / x.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.reciprocal([2.0, -4.0]))
        array([ 0.5 , -0.25], dtype=float32)
    """
    return apply(Reciprocal(), x, name=name)


@op
class Square(Unary):
    """x * x."""

    def kernel(self, x: Array) -> Array:
        return x * x

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        return grad * (conj_of(node.inputs[0]) * 2)


def square(x: Any, name: str | None = None) -> Tensor:
    """x * x, element by element.

    Args:
        x: a tensor of numbers.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: grad * 2x.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.square([3.0, -1.5]))
        array([9.  , 2.25], dtype=float32)
    """
    return apply(Square(), x, name=name)


@op
class SquaredDifference(Binary):
    """(x - y) * (x - y)."""

    allowed = REALS

    def kernel(self, x: Array, y: Array) -> Array:
        return jnp.square(x - y)

    def gradient(self, node: Operation, grad: Tensor) -> Pair:
        x, y = node.inputs
        scaled = 2 * grad * (x - y)
        return sum_like(scaled, x), sum_like(-scaled, y)


def squared_difference(x: Any, y: Any, name: str | None = None) -> Tensor:
    """(x - y) * (x - y), element by element.

    Args:
        x: a tensor of real numbers.
        y: a tensor of the same dtype, of a shape that broadcasts with that of `x`.
        name: name of the node.

    Returns:
        A tensor of the broadcast shape.

    Gradient: to x, 2 * grad * (x - y); to y, the negative of it.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.squared_difference([1, 5], 2))
        array([1, 9], dtype=int32)
    """
    return apply(SquaredDifference(), x, y, name=name)


@op
class Cast(Op):
    """Converts elements to another dtype; floating point to integer rounds toward zero."""

    DstT: DType

    def infer(self, x: Spec) -> Spec:
        return Spec(self.DstT, x.shape)

    def kernel(self, x: Array) -> Array:
        if jnp.iscomplexobj(x) and not self.DstT.is_complex:
            x = jnp.real(x)
        return jax.lax.convert_element_type(x, self.DstT.np_dtype)

    def fold(self, specs: Sequence[Spec], values: Sequence[Any]) -> Any:
        value = values[0]
        return value if value is None or value.dtype == object else value.astype(self.DstT.np_dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor | None:
        source = node.inputs[0].dtype
        if not (source.is_differentiable and self.DstT.is_differentiable):
            return None
        return cast(grad, source)


def cast(x: Any, dtype: DTypeLike, name: str | None = None) -> Tensor:
    """Converts elements to another dtype.

    Args:
        x: a tensor.
        dtype: the wanted dtype. Floating point to integer rounds toward zero; complex to real drops the imaginary part.
        name: name of the node.

    Returns:
        A tensor of the same shape; `x` itself if it has the dtype already.

    Gradient: cast back, between floating-point types; none through integers.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.cast([1.8, -1.8], tf.int32))
        array([ 1, -1], dtype=int32)
    """
    target = as_dtype(dtype)
    tensor = graph_of([x]).as_tensor(x, None, "Cast/x")
    if tensor.dtype is target:
        return tensor
    return apply(Cast(target), tensor, name=name)


def scalar_mul(scalar: Any, x: Any) -> Any:
    """A scalar times a tensor.

    Args:
        scalar: a number or a tensor of shape ().
        x: a tensor of the same dtype, of any shape, or an `tf.IndexedSlices`.

    Returns:
        A tensor of the shape of `x`, or an `tf.IndexedSlices`.

    Raises:
        ShapeError: if `scalar` is known to be no scalar.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.scalar_mul(3, tf.constant([1, 2])))
        array([3, 6], dtype=int32)
    """
    graph = graph_of([scalar, x])
    tensor = x.values if isinstance(x, IndexedSlices) else graph.as_tensor(x)
    factor = graph.as_tensor(scalar, tensor.dtype, "scalar")
    if factor.static_shape:
        raise ShapeError(f"tf.scalar_mul takes a scalar first, and {factor.name!r} has shape {factor.shape}.")
    return x.with_values(factor * tensor) if isinstance(x, IndexedSlices) else factor * tensor
