"""Incomplete gamma and beta functions, the zeta function: the distribution functions of statistics.

The chance that a gamma-distributed number of shape a stays below x is `tf.igamma(a, x)`; for a beta-distributed number
of shapes a and b it is `tf.betainc(a, b, x)`. As in TensorFlow 1.4, gradients go to x alone (to q for `tf.zeta`), whose
formulas are the densities.

Example:
    >>> import labkit as tf
    >>> tf.Session().run(tf.igamma(1.0, [0.0, 1.0])).round(4)  # the exponential distribution: 1 - exp(-x)
    array([0.    , 0.6321], dtype=float32)

Source: signatures of `tensorflow/python/ops/math_ops.py`, `special_math_ops.py` (1.4); gradients from Abramowitz and
Stegun, chapters 6, 23 and 26.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.scipy.special as jsp

from labkit.dtypes import float32, float64
from labkit.errors import ShapeError
from labkit.graph import Op, Operation, Spec, Tensor, apply, graph_of, op
from labkit.ops.bases import Array, Binary, sum_like
from labkit.ops.exponential import exp, log, log1p
from labkit.ops.reduce import reduce_sum
from labkit.ops.special import lgamma
from labkit.shapes import broadcast

_PRECISE = frozenset([float32, float64])


@op
class Igamma(Binary):
    """The lower incomplete gamma function, divided by the gamma function of a."""

    args = ("a", "x")
    allowed = _PRECISE

    def kernel(self, x: Array, y: Array) -> Array:
        return jsp.gammainc(x, y)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        a, x = node.inputs
        return None, sum_like(grad * _gamma_density(a, x), x)


def _gamma_density(a: Tensor, x: Tensor) -> Tensor:
    return exp((a - 1.0) * log(x) - x - lgamma(a))


def igamma(a: Any, x: Any, name: str | None = None) -> Tensor:
    """The regularized lower incomplete gamma function P(a, x), element by element.

    It is the integral of t**(a - 1) exp(-t) from 0 to x, divided by gamma(a).

    Args:
        a: a float32 or float64 tensor of positive numbers.
        x: a tensor of the same dtype, not negative, of a shape that broadcasts with that of `a`.
        name: name of the node.

    Returns:
        A tensor of the broadcast shape, from 0 to 1.

    Gradient: to x, grad * x**(a - 1) exp(-x) / gamma(a); none to a.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.igamma([1.0, 2.0], 1.0)).round(4)
        array([0.6321, 0.2642], dtype=float32)
    """
    return apply(Igamma(), a, x, name=name)


@op
class Igammac(Binary):
    """1 - `Igamma`."""

    args = ("a", "x")
    allowed = _PRECISE

    def kernel(self, x: Array, y: Array) -> Array:
        return jsp.gammaincc(x, y)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        a, x = node.inputs
        return None, sum_like(-grad * _gamma_density(a, x), x)


def igammac(a: Any, x: Any, name: str | None = None) -> Tensor:
    """The regularized upper incomplete gamma function Q(a, x) = 1 - P(a, x), precise also where it is near 0.

    Args:
        a: a float32 or float64 tensor of positive numbers.
        x: a tensor of the same dtype, not negative, of a shape that broadcasts with that of `a`.
        name: name of the node.

    Returns:
        A tensor of the broadcast shape, from 0 to 1.

    Gradient: to x, minus that of `tf.igamma`; none to a.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.igammac([1.0, 2.0], 1.0)).round(4)
        array([0.3679, 0.7358], dtype=float32)
    """
    return apply(Igammac(), a, x, name=name)


@op
class Betainc(Op):
    """The incomplete beta function, divided by the beta function of a and b."""

    args = ("a", "b", "x")
    allowed = _PRECISE

    def infer(self, a: Spec, b: Spec, x: Spec) -> Spec:
        return Spec(x.dtype, broadcast(broadcast(a.shape, b.shape), x.shape))

    def kernel(self, a: Array, b: Array, x: Array) -> Array:
        return jsp.betainc(a, b, x)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        a, b, x = node.inputs
        log_beta = lgamma(a) + lgamma(b) - lgamma(a + b)
        density = exp((b - 1.0) * log1p(-x) + (a - 1.0) * log(x) - log_beta)
        return None, None, sum_like(grad * density, x)


def betainc(a: Any, b: Any, x: Any, name: str | None = None) -> Tensor:
    """The regularized incomplete beta function I_x(a, b), element by element.

    It is the integral of t**(a - 1) (1 - t)**(b - 1) from 0 to x, divided by the same from 0 to 1.

    Args:
        a: a float32 or float64 tensor of positive numbers.
        b: a tensor of the same dtype, of positive numbers.
        x: a tensor of the same dtype, from 0 to 1; the three shapes broadcast.
        name: name of the node.

    Returns:
        A tensor of the broadcast shape, from 0 to 1.

    Gradient: to x, grad times the density of the beta distribution; none to a and b.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.betainc(1.0, 3.0, [0.0, 0.5, 1.0]))  # 1 - (1 - x)**3
        array([0.   , 0.875, 1.   ], dtype=float32)
    """
    return apply(Betainc(), a, b, x, name=name)


@op
class Zeta(Binary):
    """The sum of (q + n)**-x over n = 0, 1, 2, ..."""

    args = ("x", "q")
    allowed = _PRECISE

    def kernel(self, x: Array, y: Array) -> Array:
        return jsp.zeta(x, y)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        x, q = node.inputs
        return None, sum_like(-grad * x * zeta(x + 1.0, q), q)


def zeta(x: Any, q: Any, name: str | None = None) -> Tensor:
    """The Hurwitz zeta function, element by element: the sum of (q + n)**-x over n = 0, 1, 2, ...

    Args:
        x: a float32 or float64 tensor of numbers above 1.
        q: a tensor of the same dtype, of positive numbers, of a shape that broadcasts with that of `x`.
        name: name of the node.

    Returns:
        A tensor of the broadcast shape; with q = 1 it is Riemann's zeta function.

    Gradient: to q, -grad * x * zeta(x + 1, q); none to x.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.zeta([2.0, 4.0], 1.0)).round(4)  # pi**2 / 6 and pi**4 / 90
        array([1.6449, 1.0823], dtype=float32)
    """
    return apply(Zeta(), x, q, name=name)


def lbeta(x: Any, name: str | None = "lbeta") -> Tensor:
    """The logarithm of the beta function of the entries along the last axis.

    Args:
        x: a floating-point tensor of rank 1 or more, of positive numbers.
        name: name of the scope.

    Returns:
        A tensor without the last axis: the sum of lgamma(x), minus lgamma of the sum of x.

    Raises:
        ShapeError: if `x` is a scalar.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.exp(tf.lbeta([[1.0, 1.0], [2.0, 3.0]]))).round(4)
        array([1.    , 0.0833], dtype=float32)
    """
    graph = graph_of([x])
    with graph.name_scope(name or "lbeta"):
        tensor = graph.as_tensor(x, None, "x")
        if tensor.static_shape == ():
            raise ShapeError("tf.lbeta sums along the last axis, and a scalar has none.\n  Try: tf.stack([a, b], -1).")
        return reduce_sum(lgamma(tensor), -1) - lgamma(reduce_sum(tensor, -1))
