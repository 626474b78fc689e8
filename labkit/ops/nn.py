"""Small parts of networks: `tf.nn.bias_add`, `tf.nn.dropout`, `tf.nn.xw_plus_b`, `tf.nn.zero_fraction`.

Source: signatures, formulas and node names of `tensorflow/python/ops/nn_ops.py` and `nn_impl.py` (1.4); Srivastava et
al. 2014, "Dropout".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from labkit import dtypes
from labkit.errors import DTypeError, LabkitError, ShapeError
from labkit.graph import Cost, Op, Operation, Spec, Tensor, apply, constant_value, graph_of, op
from labkit.ops.activations import relu
from labkit.ops.array import shape
from labkit.ops.bases import NUMBERS, Array, BroadcastLike, elements, vjp
from labkit.ops.division import div
from labkit.ops.linalg import MatMul
from labkit.ops.logic import equal
from labkit.ops.magnitude import floor
from labkit.ops.math import cast
from labkit.ops.random import random_uniform
from labkit.ops.reduce import reduce_mean
from labkit.shapes import merge, shape_text


@op
class BiasAdd(Op):
    """Adds a vector along the axis of the channels."""

    data_format: str = "NHWC"

    args = ("value", "bias")
    allowed = NUMBERS

    def infer(self, value: Spec, bias: Spec) -> Spec:
        if self.data_format not in ("NHWC", "NCHW"):
            raise ShapeError(f'data_format must be "NHWC" or "NCHW", not {self.data_format!r}.')
        least = 2 if self.data_format == "NHWC" else 3
        if value.shape is not None and len(value.shape) < least:
            raise ShapeError(
                f"bias_add needs a value of at least {least} axes, and this one has shape {shape_text(value.shape)}."
            )
        if bias.shape is not None and len(bias.shape) != 1:
            raise ShapeError(
                f"the bias must be a vector, and has shape {shape_text(bias.shape)}.\n  Try: value + bias."
            )
        if value.shape is None or bias.shape is None:
            return Spec(value.dtype, value.shape)
        axis = _channels(self.data_format, len(value.shape))
        has, adds = value.shape[axis], bias.shape[0]
        if has is not None and adds is not None and has != adds:
            raise ShapeError(f"the value has {has} channels (axis {axis}), the bias has {adds} entries.")
        shape = list(value.shape)
        shape[axis] = adds if has is None else has
        return Spec(value.dtype, tuple(shape))

    def kernel(self, value: Array, bias: Array) -> Array:
        return value + _along_channels(bias, self.data_format, value.ndim)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return grad, apply(BiasAddGrad(self.data_format), grad)


@op
class BiasAddGrad(Op):
    """The gradient of `BiasAdd` to the bias: the sum over all axes but the channels."""

    data_format: str = "NHWC"

    args = ("out_backprop",)
    allowed = NUMBERS

    def infer(self, grad: Spec) -> Spec:
        channels = None if grad.shape is None else grad.shape[_channels(self.data_format, len(grad.shape))]
        return Spec(grad.dtype, (channels,))

    def kernel(self, grad: Array) -> Array:
        kept = _channels(self.data_format, grad.ndim)
        return jnp.sum(grad, tuple(axis for axis in range(grad.ndim) if axis != kept), dtype=grad.dtype)

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None] | Tensor:
        if self.data_format == "NHWC":
            return apply(BroadcastLike(), grad, node.inputs[0])
        return vjp(node, grad)

    def cost(self, grad: Spec) -> Cost:
        return Cost(float(elements(grad)), self.cost_with_flops(0, grad).bytes)


def _channels(data_format: str, rank: int) -> int:
    return 1 if data_format == "NCHW" else rank - 1


def _along_channels(bias: Array, data_format: str, rank: int) -> Array:
    kept = _channels(data_format, rank)
    return bias.reshape([-1 if axis == kept else 1 for axis in range(rank)])


def bias_add(value: Any, bias: Any, data_format: str | None = None, name: str | None = None) -> Tensor:
    """Adds a vector along the axis of the channels: the last one, or axis 1 for "NCHW".

    Args:
        value: a tensor (..., channels).
        bias: a vector (channels,).
        data_format: "NHWC" (the default) for channels last, "NCHW" for channels on axis 1.
        name: name of the node.

    Returns:
        A tensor of the shape of `value`.

    Raises:
        ShapeError: if the bias does not have one entry per channel.

    Gradient: to value, the gradient itself; to bias, its sum over all axes but the channels.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.nn.bias_add([[1.0, 2.0], [3.0, 4.0]], [10.0, 20.0]))
        array([[11., 22.],
               [13., 24.]], dtype=float32)
    """
    graph = graph_of([value, bias])
    with graph.name_scope(name or "BiasAdd") as scope:
        tensor = graph.as_tensor(value, None, "value")
        vector = graph.as_tensor(bias, tensor.dtype, "bias")
        return apply(BiasAdd(data_format or "NHWC"), tensor, vector, name=scope)


def xw_plus_b(x: Any, weights: Any, biases: Any, name: str | None = None) -> Tensor:
    """A fully connected layer without activation: matmul(x, weights) + biases.

    Args:
        x: a matrix (batch, inputs).
        weights: a matrix (inputs, outputs).
        biases: a vector (outputs,).
        name: name of the nodes' scope.

    Returns:
        A matrix (batch, outputs).

    Gradient: that of its parts.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.nn.xw_plus_b([[1.0, 2.0]], [[3.0], [4.0]], [5.0]))
        array([[16.]], dtype=float32)
    """
    graph = graph_of([x, weights, biases])
    with graph.name_scope(name or "xw_plus_b") as scope:
        rows = graph.as_tensor(x, None, "x")
        return bias_add(apply(MatMul(), rows, graph.as_tensor(weights, rows.dtype, "weights")), biases, name=scope)


def relu_layer(x: Any, weights: Any, biases: Any, name: str | None = None) -> Tensor:
    """A fully connected layer: relu(matmul(x, weights) + biases).

    Args:
        x: a matrix (batch, inputs).
        weights: a matrix (inputs, outputs).
        biases: a vector (outputs,).
        name: name of the nodes' scope.

    Returns:
        A matrix (batch, outputs).

    Gradient: that of its parts.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.nn.relu_layer([[1.0, 2.0]], [[3.0, -3.0], [4.0, -4.0]], [5.0, 5.0]))
        array([[16.,  0.]], dtype=float32)
    """
    graph = graph_of([x, weights, biases])
    with graph.name_scope(name or "relu_layer") as scope:
        rows = graph.as_tensor(x, None, "x")
        product = apply(MatMul(), rows, graph.as_tensor(weights, rows.dtype, "weights"))
        return relu(bias_add(product, biases), name=scope)


def dropout(
    x: Any, keep_prob: Any = None, noise_shape: Any = None, seed: int | None = None, name: str | None = None,
    rate: Any = None,
) -> Tensor:  # fmt: skip
    """Silences each entry with probability 1 - keep_prob and scales the others by 1 / keep_prob.

    Units that cannot rely on each other learn features that work on their own. Feed `keep_prob` so that the same graph
    trains with 0.5 and predicts with 1.

    Args:
        x: a floating-point tensor.
        keep_prob: the probability that an entry is kept, a number or a scalar tensor.
        noise_shape: the shape of the random choices, which then broadcast: [batch, 1, 1, channels] drops whole
            channels. By default each entry is its own choice.
        seed: makes the choices reproducible; see `tf.get_seed`.
        name: name of the nodes' scope.
        rate: the newer way to say it: 1 - keep_prob.

    Returns:
        A tensor of the same shape.

    Raises:
        LabkitError: if keep_prob is a number that is not above 0 and at most 1.

    Gradient: that of its parts: what was silenced gets none.

    Example:
        >>> import labkit as tf
        >>> sorted(set(tf.Session().run(tf.nn.dropout(tf.ones([100]), keep_prob=0.5, seed=1)).tolist()))
        [0.0, 2.0]
    """
    if keep_prob is None:
        if rate is None:
            raise LabkitError("dropout needs keep_prob, the probability that an entry is kept.", "keep_prob=0.5.")
        keep_prob = 1 - rate
    if isinstance(keep_prob, (int, float)) and not 0 < keep_prob <= 1:
        raise LabkitError(f"keep_prob must be above 0 and at most 1, not {keep_prob}.")
    graph = graph_of([x, keep_prob, noise_shape])
    with graph.name_scope(name or "dropout"):
        tensor = graph.as_tensor(x, None, "x")
        if not tensor.dtype.is_floating:
            raise DTypeError(
                f"dropout scales what it keeps, so it needs floating point, not {tensor.dtype.name}.",
                "tf.cast(x, tf.float32).",
            )
        keep = graph.as_tensor(keep_prob, tensor.dtype, "keep_prob")
        merge(keep.static_shape, ())
        if constant_value(keep) is not None and constant_value(keep) == 1:
            return tensor
        sizes = shape(tensor) if noise_shape is None else noise_shape
        random = keep + random_uniform(sizes, seed=seed, dtype=tensor.dtype)
        result = div(tensor, keep) * floor(random)  # keep <= random < 1 + keep, so that the floor is 1 or 0
        result.set_shape(tensor.static_shape)
        return result


def zero_fraction(value: Any, name: str | None = None) -> Tensor:
    """The fraction of entries that are 0: how sparse an activation is.

    Args:
        value: a tensor of numbers.
        name: name of the nodes' scope.

    Returns:
        A scalar between 0 and 1, float32. No gradient.

    Example:
        >>> import labkit as tf
        >>> float(tf.Session().run(tf.nn.zero_fraction([0.0, 1.0, 0.0, 2.0])))
        0.5
    """
    graph = graph_of([value])
    with graph.name_scope(name or "zero_fraction"):
        tensor = graph.as_tensor(value, None, "value")
        zero = graph.as_tensor(0, tensor.dtype, "zero")
        return reduce_mean(cast(equal(tensor, zero), dtypes.float32))
