"""Between dtypes: `tf.to_float` and its kin, `tf.saturate_cast`, and the parts of complex numbers.

Source: signatures and behaviour of `tensorflow/python/ops/math_ops.py` (1.4).
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from labkit.dtypes import DType, DTypeLike, as_dtype, bfloat16, complex64, complex128, float32, float64, int32, int64
from labkit.graph import Operation, Spec, Tensor, apply, graph_of, op
from labkit.ops.bases import COMPLEX, Array, Binary, Unary, sum_like
from labkit.ops.magnitude import maximum, minimum
from labkit.ops.math import Conj, Pair, cast


def to_float(x: Any, name: str = "ToFloat") -> Tensor:
    """`tf.cast(x, tf.float32)`.

    Args:
        x: a tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape; `x` itself if it is float32 already.

    Example:
        >>> import labkit as tf
        >>> tf.to_float([1, 2]).dtype
        tf.float32
    """
    return cast(x, float32, name)


def to_double(x: Any, name: str = "ToDouble") -> Tensor:
    """`tf.cast(x, tf.float64)`.

    Args:
        x: a tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape; `x` itself if it is float64 already.

    Example:
        >>> import labkit as tf
        >>> tf.to_double([1, 2]).dtype
        tf.float64
    """
    return cast(x, float64, name)


def to_int32(x: Any, name: str = "ToInt32") -> Tensor:
    """`tf.cast(x, tf.int32)`.

    Args:
        x: a tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape; `x` itself if it is int32 already.

    Example:
        >>> import labkit as tf
        >>> tf.to_int32([1, 2]).dtype
        tf.int32
    """
    return cast(x, int32, name)


def to_int64(x: Any, name: str = "ToInt64") -> Tensor:
    """`tf.cast(x, tf.int64)`.

    Args:
        x: a tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape; `x` itself if it is int64 already.

    Example:
        >>> import labkit as tf
        >>> tf.to_int64([1, 2]).dtype
        tf.int64
    """
    return cast(x, int64, name)


def to_bfloat16(x: Any, name: str = "ToBFloat16") -> Tensor:
    """`tf.cast(x, tf.bfloat16)`.

    Args:
        x: a tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape; `x` itself if it is bfloat16 already.

    Example:
        >>> import labkit as tf
        >>> tf.to_bfloat16([1, 2]).dtype
        tf.bfloat16
    """
    return cast(x, bfloat16, name)


def saturate_cast(value: Any, dtype: DTypeLike, name: str | None = None) -> Tensor:
    """Converts elements to another dtype; what does not fit becomes its smallest or largest value.

    Args:
        value: a tensor of real numbers.
        dtype: the wanted dtype.
        name: name of the last node.

    Returns:
        A tensor of the same shape.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.saturate_cast([-5, 100, 300], tf.uint8))
        array([  0, 100, 255], dtype=uint8)
    """
    graph, target = graph_of([value]), as_dtype(dtype)
    with graph.name_scope(name or "saturate_cast") as scope:
        tensor = graph.as_tensor(value, None, "value")
        if tensor.dtype.min < target.min:
            tensor = maximum(tensor, graph.as_tensor(target.min, tensor.dtype, "min"))
        if tensor.dtype.max > target.max:
            tensor = minimum(tensor, graph.as_tensor(target.max, tensor.dtype, "max"))
        return cast(tensor, target, scope)


@op
class Complex(Binary):
    """The complex number of a real and an imaginary part."""

    args = ("real", "imag")
    allowed = frozenset([float32, float64])

    def infer(self, x: Spec, y: Spec) -> Spec:
        return Spec(_complex_of(x.dtype), super().infer(x, y).shape)

    def kernel(self, x: Array, y: Array) -> Array:
        return jax.lax.complex(*jnp.broadcast_arrays(x, y))

    def gradient(self, node: Operation, grad: Tensor) -> Pair:
        x, y = node.inputs
        return sum_like(apply(Real(), grad), x), sum_like(apply(Imag(), grad), y)


def _complex_of(dtype: DType) -> DType:
    return complex64 if dtype is float32 else complex128


def complex(real: Any, imag: Any, name: str | None = None) -> Tensor:
    """The complex numbers with these real and imaginary parts.

    Args:
        real: a float32 or float64 tensor.
        imag: a tensor of the same dtype, of a shape that broadcasts with that of `real`.
        name: name of the node.

    Returns:
        A complex64 or complex128 tensor of the broadcast shape.

    Gradient: to real, the real part of grad; to imag, the imaginary part.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.complex([1.0, 2.0], [3.0, 0.0]))
        array([1.+3.j, 2.+0.j], dtype=complex64)
    """
    return apply(Complex(), real, imag, name=name or "Complex")


class Part(Unary):
    """Base of ops that take a real number out of a complex one."""

    args = ("input",)
    allowed = COMPLEX

    def infer(self, x: Spec) -> Spec:
        return Spec(x.dtype.real_dtype, x.shape)


@op
class Real(Part):
    """The real part."""

    def kernel(self, x: Array) -> Array:
        return jnp.real(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        return cast(grad, node.inputs[0].dtype)


def real(input: Any, name: str | None = None) -> Tensor:
    """The real part, element by element.

    Args:
        input: a complex tensor; a real one is returned as it is.
        name: name of the node.

    Returns:
        A real tensor of the same shape.

    Gradient: grad, with imaginary part 0.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.real([1.0 + 2.0j]))
        array([1.])
    """
    tensor = graph_of([input]).as_tensor(input, None, "input")
    return apply(Real(), tensor, name=name) if tensor.dtype.is_complex else tensor


@op
class Imag(Part):
    """The imaginary part."""

    def kernel(self, x: Array) -> Array:
        return jnp.imag(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        return _times_i(grad)


def _times_i(x: Tensor) -> Tensor:
    """The real tensor `x` as an imaginary part, with real part 0."""
    return apply(Complex(), x.graph.as_tensor(0, x.dtype), x)


def imag(input: Any, name: str | None = None) -> Tensor:
    """The imaginary part, element by element.

    Args:
        input: a complex tensor.
        name: name of the node.

    Returns:
        A real tensor of the same shape.

    Gradient: grad times i.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.imag([1.0 + 2.0j]))
        array([2.])
    """
    return apply(Imag(), input, name=name)


@op
class Angle(Part):
    """The argument of a complex number."""

    def kernel(self, x: Array) -> Array:
        return jnp.angle(x)

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        return _times_i(grad) / apply(Conj(), node.inputs[0])


def angle(input: Any, name: str | None = None) -> Tensor:
    """The angle of complex numbers against the positive real axis, element by element, from -pi to pi.

    Args:
        input: a complex tensor.
        name: name of the node.

    Returns:
        A real tensor of the same shape, in radians.

    Gradient: grad * i / conj(input).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.angle([1.0 + 0.0j, 1.0j])).round(3)
        array([0.   , 1.571])
    """
    return apply(Angle(), input, name=name)


def conj(x: Any, name: str | None = None) -> Tensor:
    """The complex conjugate, element by element.

    Args:
        x: a complex tensor; a real one is returned as it is.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: the conjugate of grad.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.conj([1.0 + 2.0j]))
        array([1.-2.j])
    """
    tensor = graph_of([x]).as_tensor(x, None, "x")
    return apply(Conj(), tensor, name=name) if tensor.dtype.is_complex else tensor
