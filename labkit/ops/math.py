"""Element-wise arithmetic: `tf.add`, `tf.exp`, `tf.square`, comparisons, logic, casts.

Each op is a class (kernel, gradient) with its function beneath. A binary op broadcasts; its gradient sums over the
broadcast axes with `sum_like`. Division follows TensorFlow: `tf.div` on integers rounds toward zero, `//` rounds
down, `/` on integers casts to floating point first.

Example:
    >>> import labkit as tf
    >>> tf.Session().run(tf.square(tf.constant([1.0, -2.0])) + 1.0)
    array([2., 5.], dtype=float32)

Source: signatures and behaviour of `tensorflow/python/ops/math_ops.py` (1.4); gradients from calculus.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from labkit.dtypes import DType, DTypeLike, as_dtype
from labkit.graph import Cost, Operation, Spec, Tensor, apply, get_default_graph, is_tensor_like, op
from labkit.graph import Op as Op
from labkit.ops.bases import FLOATS, INEXACT, NUMBERS, REALS, Array, Binary, Comparison, Unary, sum_like
from labkit.shapes import merge

Pair = Sequence[Tensor | None]


def fold_with(function: Any, values: Sequence[Any]) -> Any:
    """`function` of the known values, or None if one is unknown; for shape arithmetic."""
    if any(value is None or value.dtype == object for value in values):
        return None
    return np.asarray(function(*values), dtype=values[0].dtype)


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
class Exp(Unary):
    """e to the power x."""

    allowed = INEXACT

    def kernel(self, x: Array) -> Array:
        return jnp.exp(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        return grad * conj_of(node.outputs[0])


def exp(x: Any, name: str | None = None) -> Tensor:
    """e to the power x, element by element.

    Args:
        x: a floating-point or complex tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: grad * exp(x).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.exp([0.0, 1.0]))
        array([1.       , 2.7182817], dtype=float32)
    """
    return apply(Exp(), x, name=name)


@op
class Log(Unary):
    """The natural logarithm."""

    allowed = INEXACT

    def kernel(self, x: Array) -> Array:
        return jnp.log(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        return grad * apply(Reciprocal(), conj_of(node.inputs[0]))


def log(x: Any, name: str | None = None) -> Tensor:
    """The natural logarithm, element by element; minus infinity at 0.

    Args:
        x: a floating-point or complex tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: grad / x.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.log([1.0, 0.0]))
        array([  0., -inf], dtype=float32)
    """
    return apply(Log(), x, name=name)


@op
class Reciprocal(Unary):
    """1 / x."""

    allowed = INEXACT

    def kernel(self, x: Array) -> Array:
        return 1 / x

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        y = conj_of(node.outputs[0])
        return -grad * y * y


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
class Equal(Comparison):
    """x == y."""

    allowed = None

    def kernel(self, x: Array, y: Array) -> Array:
        return x == y


def equal(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x == y, element by element. (`x == y` in Python compares the tensors themselves.)

    Args:
        x: a tensor.
        y: a tensor of the same dtype, of a shape that broadcasts with that of `x`.
        name: name of the node.

    Returns:
        A bool tensor of the broadcast shape. No gradient.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.equal([1, 2, 3], [1, 5, 3]))
        array([ True, False,  True])
    """
    return apply(Equal(), x, y, name=name)


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
    tensor = x if isinstance(x, Tensor) else x.graph.as_tensor(x) if is_tensor_like(x) else None
    if tensor is None:
        tensor = get_default_graph().as_tensor(x, None, "Cast/x")
    if tensor.dtype is target:
        return tensor
    return apply(Cast(target), tensor, name=name)




@op
class AddN(Op):
    """The sum of any number of tensors of one shape."""

    args = ("*inputs",)
    allowed = NUMBERS

    def infer(self, *inputs: Spec) -> Spec:
        shape = inputs[0].shape
        for other in inputs[1:]:
            shape = merge(shape, other.shape)
        return Spec(inputs[0].dtype, shape)

    def kernel(self, *inputs: Array) -> Array:
        return functools.reduce(jnp.add, inputs)

    def gradient(self, node: Operation, grad: Tensor) -> Pair:
        return [grad] * len(node.inputs)

    def cost(self, *inputs: Spec) -> Cost:
        return self.cost_with_flops(len(inputs) - 1, *inputs)


def add_n(inputs: Any, name: str | None = None) -> Tensor:
    """The sum of a list of tensors of one shape and dtype.

    Args:
        inputs: a list of tensors.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: to each input, the gradient itself.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.add_n([[1, 2], [10, 20], [100, 200]]))
        array([111, 222], dtype=int32)
    """
    if not isinstance(inputs, (list, tuple)) or not inputs:
        raise TypeError(f"tf.add_n takes a list of at least one tensor, not {inputs!r}.")
    return apply(AddN(), *inputs, name=name)
