"""Fourier transforms of complex signals: `tf.fft`, `tf.fft2d`, `tf.fft3d` and their inverses.

The transforms run along the last one, two or three axes; what stands before is a batch. Since the transform is linear,
the gradient of a transform is the inverse one, times the number of entries.

Example:
    >>> import labkit as tf
    >>> wave = tf.exp(tf.complex(0.0, 2.0 * 3.14159265 / 4.0 * tf.range(4.0)))  # one turn in four steps
    >>> abs(tf.Session().run(tf.fft(wave))).round(3).tolist()
    [0.0, 4.0, 0.0, 0.0]

Source: signatures of `tensorflow/python/ops/spectral_ops.py` (1.4).
"""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp

from labkit.errors import ShapeError
from labkit.graph import Op, Operation, Spec, Tensor, apply, op
from labkit.ops.bases import COMPLEX, Array, vjp
from labkit.shapes import shape_text


class Transform(Op):
    """Base of the transforms along the last axes."""

    args = ("input",)
    allowed = COMPLEX
    axes: ClassVar[int] = 1
    inverse: ClassVar[bool] = False

    def infer(self, x: Spec) -> Spec:
        if x.shape is not None and len(x.shape) < self.axes:
            raise ShapeError(
                f"{self.type} works along the last {self.axes} axes, and the tensor has shape {shape_text(x.shape)}."
            )
        return Spec(x.dtype, x.shape)

    def kernel(self, x: Array) -> Array:
        along = tuple(range(-self.axes, 0))
        return (jnp.fft.ifftn if self.inverse else jnp.fft.fftn)(x, axes=along).astype(x.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Any:
        return vjp(node, grad)


@op
class FFT(Transform):
    """The Fourier transform along the last axis."""


@op
class IFFT(Transform):
    """The inverse of `FFT`."""

    inverse = True


@op
class FFT2D(Transform):
    """The Fourier transform along the last two axes."""

    axes = 2


@op
class IFFT2D(Transform):
    """The inverse of `FFT2D`."""

    axes, inverse = 2, True


@op
class FFT3D(Transform):
    """The Fourier transform along the last three axes."""

    axes = 3


@op
class IFFT3D(Transform):
    """The inverse of `FFT3D`."""

    axes, inverse = 3, True


def fft(input: Any, name: str | None = None) -> Tensor:
    """The discrete Fourier transform along the last axis.

    Args:
        input: a complex tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype: entry k is the sum of x[n] exp(-2 pi i k n / N).

    Raises:
        DTypeError: if the tensor is not complex: tf.cast(x, tf.complex64).
        ShapeError: if it has too few axes.

    Gradient: the inverse transform of the gradient, times N.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.fft(tf.cast([1.0, 0.0, 0.0, 0.0], tf.complex64))).real.tolist()
        [1.0, 1.0, 1.0, 1.0]
    """
    return apply(FFT(), input, name=name)


def ifft(input: Any, name: str | None = None) -> Tensor:
    """The inverse of `tf.fft`; arguments and errors as there.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.ifft(tf.cast([4.0, 0.0, 0.0, 0.0], tf.complex64))).real.tolist()
        [1.0, 1.0, 1.0, 1.0]
    """
    return apply(IFFT(), input, name=name)


def fft2d(input: Any, name: str | None = None) -> Tensor:
    """The discrete Fourier transform along the last two axes; arguments and errors as for `tf.fft`.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.fft2d(tf.cast(tf.ones([2, 2]), tf.complex64))).real.tolist()
        [[4.0, 0.0], [0.0, 0.0]]
    """
    return apply(FFT2D(), input, name=name)


def ifft2d(input: Any, name: str | None = None) -> Tensor:
    """The inverse of `tf.fft2d`; arguments and errors as for `tf.fft`.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.ifft2d(tf.cast([[4.0, 0.0], [0.0, 0.0]], tf.complex64))).real.tolist()
        [[1.0, 1.0], [1.0, 1.0]]
    """
    return apply(IFFT2D(), input, name=name)


def fft3d(input: Any, name: str | None = None) -> Tensor:
    """The discrete Fourier transform along the last three axes; arguments and errors as for `tf.fft`.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.fft3d(tf.cast(tf.ones([1, 1, 2]), tf.complex64))).real.tolist()
        [[[2.0, 0.0]]]
    """
    return apply(FFT3D(), input, name=name)


def ifft3d(input: Any, name: str | None = None) -> Tensor:
    """The inverse of `tf.fft3d`; arguments and errors as for `tf.fft`.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.ifft3d(tf.cast([[[2.0, 0.0]]], tf.complex64))).real.tolist()
        [[[1.0, 1.0]]]
    """
    return apply(IFFT3D(), input, name=name)
