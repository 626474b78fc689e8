"""Activations: `tf.nn.relu`, `tf.nn.elu`, `tf.nn.softplus` and their kin.

A layer without one is linear, and layers of linear layers are one linear layer. `tf.sigmoid` and `tf.tanh` are in
`labkit.ops.exponential`; `tf.nn` shows them, too.

The gradients of `relu`, `elu` and `selu` are ops of their own that take the activation's output, as in TensorFlow, so
that the input need not be kept.

Source: signatures and behaviour of `tensorflow/python/ops/nn_ops.py` (1.4); `elu`: Clevert et al. 2016; `selu`:
Klambauer et al. 2017; `crelu`: Shang et al. 2016; `leaky_relu`: Maas et al. 2013.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from labkit.graph import Op, Operation, Spec, Tensor, apply, graph_of, op
from labkit.ops.bases import FLOATS, REALS, Array, Unary, vjp
from labkit.ops.exponential import sigmoid
from labkit.ops.joining import concat
from labkit.ops.magnitude import maximum
from labkit.shapes import merge

SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717


class ActivationGrad(Op):
    """Base of the gradients of activations: the gradient, times the slope found from the activation's value."""

    args = ("gradients", "features")
    allowed = REALS

    def infer(self, gradients: Spec, features: Spec) -> Spec:
        return Spec(gradients.dtype, merge(gradients.shape, features.shape))

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return vjp(node, grad)


@op
class Relu(Unary):
    """The larger of x and 0."""

    allowed = REALS

    def kernel(self, x: Array) -> Array:
        return jnp.maximum(x, jnp.zeros((), x.dtype))

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        return apply(ReluGrad(), grad, node.outputs[0])


@op
class ReluGrad(ActivationGrad):
    """The gradient of `Relu`: the gradient where the feature is positive, else 0."""

    def kernel(self, gradients: Array, features: Array) -> Array:
        return jnp.where(features > 0, gradients, jnp.zeros((), gradients.dtype))

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return apply(ReluGrad(), grad, node.inputs[1]), None


def relu(features: Any, name: str | None = None) -> Tensor:
    """The larger of x and 0: the rectifier.

    Args:
        features: a tensor of real numbers.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: passes where x > 0; 0 elsewhere, also at 0.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.nn.relu([-1.0, 0.0, 2.0]))
        array([0., 0., 2.], dtype=float32)
    """
    return apply(Relu(), features, name=name)


@op
class Relu6(Unary):
    """x, kept between 0 and 6."""

    allowed = REALS

    def kernel(self, x: Array) -> Array:
        return jnp.clip(x, jnp.zeros((), x.dtype), jnp.full((), 6, x.dtype))

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        return apply(Relu6Grad(), grad, node.outputs[0])


@op
class Relu6Grad(ActivationGrad):
    """The gradient of `Relu6`: the gradient where the feature is between 0 and 6, else 0."""

    def kernel(self, gradients: Array, features: Array) -> Array:
        return jnp.where((features > 0) & (features < 6), gradients, jnp.zeros((), gradients.dtype))

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return apply(Relu6Grad(), grad, node.inputs[1]), None


def relu6(features: Any, name: str | None = None) -> Tensor:
    """x, kept between 0 and 6.

    Args:
        features: a tensor of real numbers.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: passes where 0 < x < 6.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.nn.relu6([-1.0, 2.0, 9.0]))
        array([0., 2., 6.], dtype=float32)
    """
    return apply(Relu6(), features, name=name)


@op
class Elu(Unary):
    """x where positive, exp(x) - 1 elsewhere."""

    allowed = FLOATS

    def kernel(self, x: Array) -> Array:
        return jnp.where(x > 0, x, jnp.expm1(jnp.minimum(x, jnp.zeros((), x.dtype))))

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        return apply(EluGrad(), grad, node.outputs[0])


@op
class EluGrad(ActivationGrad):
    """The gradient of `Elu`, from its output y: the slope is 1 where y > 0, y + 1 elsewhere."""

    args = ("gradients", "outputs")

    def kernel(self, gradients: Array, outputs: Array) -> Array:
        return jnp.where(outputs > 0, gradients, gradients * (outputs + 1))


def elu(features: Any, name: str | None = None) -> Tensor:
    """x where positive, exp(x) - 1 elsewhere: the exponential linear unit.

    Args:
        features: a floating-point tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: 1 where x > 0, exp(x) elsewhere.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.nn.elu([0.0, 2.0]))
        array([0., 2.], dtype=float32)
    """
    return apply(Elu(), features, name=name)


@op
class Selu(Unary):
    """scale * x where positive, scale * alpha * (exp(x) - 1) elsewhere."""

    allowed = FLOATS

    def kernel(self, x: Array) -> Array:
        return SELU_SCALE * jnp.where(x >= 0, x, SELU_ALPHA * jnp.expm1(jnp.minimum(x, jnp.zeros((), x.dtype))))

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        return apply(SeluGrad(), grad, node.outputs[0])


@op
class SeluGrad(ActivationGrad):
    """The gradient of `Selu`, from its output y: the slope is scale where y >= 0, y + scale * alpha elsewhere."""

    args = ("gradients", "outputs")

    def kernel(self, gradients: Array, outputs: Array) -> Array:
        return gradients * jnp.where(outputs >= 0, SELU_SCALE, outputs + SELU_SCALE * SELU_ALPHA)


def selu(features: Any, name: str | None = None) -> Tensor:
    """The self-normalizing unit: `elu`, scaled so that activations keep mean 0 and variance 1 from layer to layer.

    Args:
        features: a floating-point tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: 1.0507 where x >= 0, 1.7581 exp(x) elsewhere.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.nn.selu([0.0, -1000.0]))
        array([ 0.       , -1.7580993], dtype=float32)
    """
    return apply(Selu(), features, name=name)


@op
class Softplus(Unary):
    """log(exp(x) + 1)."""

    allowed = FLOATS

    def kernel(self, x: Array) -> Array:
        return jnp.logaddexp(x, jnp.zeros((), x.dtype))

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        return grad * sigmoid(node.inputs[0])


def softplus(features: Any, name: str | None = None) -> Tensor:
    """log(exp(x) + 1): a smooth rectifier.

    Args:
        features: a floating-point tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: grad * sigmoid(x).

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.nn.softplus([0.0, 100.0]))
        array([  0.6931472, 100.       ], dtype=float32)
    """
    return apply(Softplus(), features, name=name)


@op
class Softsign(Unary):
    """x / (1 + |x|)."""

    allowed = FLOATS

    def kernel(self, x: Array) -> Array:
        return x / (1 + jnp.abs(x))

    def gradient(self, node: Operation, grad: Tensor) -> Tensor:
        return apply(SoftsignGrad(), grad, node.inputs[0])


@op
class SoftsignGrad(ActivationGrad):
    """The gradient of `Softsign`: the slope is 1 / (1 + |x|) squared."""

    def kernel(self, gradients: Array, features: Array) -> Array:
        return gradients / jnp.square(1 + jnp.abs(features))


def softsign(features: Any, name: str | None = None) -> Tensor:
    """x / (1 + |x|): like tanh, with slower tails.

    Args:
        features: a floating-point tensor.
        name: name of the node.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: grad / (1 + |x|) squared.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.nn.softsign([-1.0, 3.0]))
        array([-0.5 ,  0.75], dtype=float32)
    """
    return apply(Softsign(), features, name=name)


def leaky_relu(features: Any, alpha: Any = 0.2, name: str | None = None) -> Tensor:
    """x where positive, alpha * x elsewhere.

    Args:
        features: a floating-point tensor.
        alpha: slope below 0, from 0 to 1.
        name: name of the nodes' scope.

    Returns:
        A tensor of the same shape and dtype.

    Gradient: 1 where x > 0, alpha elsewhere.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.nn.leaky_relu([-1.0, 3.0]))
        array([-0.2,  3. ], dtype=float32)
    """
    graph = graph_of([features])
    with graph.name_scope(name or "LeakyRelu"):
        x = graph.as_tensor(features, None, "features")
        return maximum(graph.as_tensor(alpha, x.dtype, "alpha") * x, x)


def crelu(features: Any, name: str | None = None) -> Tensor:
    """The rectified x beside the rectified -x, along the last axis, which doubles.

    Args:
        features: a tensor (..., n) of real numbers.
        name: name of the nodes' scope.

    Returns:
        A tensor (..., 2 n).

    Gradient: passes to the half that is positive.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.nn.crelu([[-1.0, 3.0]]))
        array([[0., 3., 1., 0.]], dtype=float32)
    """
    graph = graph_of([features])
    with graph.name_scope(name or "CRelu") as scope:
        x = graph.as_tensor(features, None, "features")
        return relu(concat([x, -x], -1, name=scope))
