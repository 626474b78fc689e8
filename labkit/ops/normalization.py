"""Normalization: `tf.nn.moments`, `tf.nn.batch_normalization`, `tf.nn.fused_batch_norm`, `tf.nn.lrn` and their kin.

Batch normalization subtracts from each channel its mean over the batch, divides by its standard deviation, and lets
the network undo that where it wants to, with a learned scale and offset.

Source: signatures, formulas and node names of `tensorflow/python/ops/nn_impl.py` (1.4); Ioffe and Szegedy 2015, "Batch
Normalization"; Krizhevsky et al. 2012, section 3.3, for local response normalization.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from labkit import dtypes
from labkit.errors import ShapeError
from labkit.graph import Op, Operation, Spec, Tensor, apply, apply_node, graph_of, op
from labkit.ops.array import squeeze
from labkit.ops.bases import FLOATS, Array, vjp
from labkit.ops.control_flow import stop_gradient
from labkit.ops.exponential import rsqrt
from labkit.ops.magnitude import maximum
from labkit.ops.math import cast, multiply, square, squared_difference
from labkit.ops.reduce import reduce_mean, reduce_sum
from labkit.ops.windows import channel_axis, check_rank
from labkit.shapes import Shape, merge


@op
class LRN(Op):
    """Local response normalization: each entry, divided by the strength of its neighbours in the channels."""

    depth_radius: int = 5
    bias: float = 1.0
    alpha: float = 1.0
    beta: float = 0.5

    args = ("input",)
    allowed = FLOATS

    def infer(self, x: Spec) -> Spec:
        check_rank(x.shape, 4, "the input of local response normalization", "batch, height, width, channels")
        return Spec(x.dtype, x.shape)

    def kernel(self, x: Array) -> Array:
        window, border = (1, 1, 1, 2 * self.depth_radius + 1), (self.depth_radius, self.depth_radius)
        none = (0, 0)
        sums = lax.reduce_window(
            x * x, np.zeros((), x.dtype), lax.add, window, (1, 1, 1, 1), (none, none, none, border)
        )
        return x * (self.bias + self.alpha * sums) ** -self.beta

    def gradient(self, node: Operation, grad: Tensor) -> Sequence[Tensor | None]:
        return vjp(node, grad)


def local_response_normalization(
    input: Any, depth_radius: int = 5, bias: float = 1.0, alpha: float = 1.0, beta: float = 0.5,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """x / (bias + alpha * s) to the power beta, s being the sum of squares over neighbouring channels.

    Args:
        input: a tensor (batch, height, width, channels).
        depth_radius: how many channels to either side are neighbours.
        bias: keeps the divisor away from 0.
        alpha: weight of the squares.
        beta: the power.
        name: name of the node.

    Returns:
        A tensor of the same shape.

    Gradient: the vector-Jacobian product of the formula.

    Example:
        >>> import labkit as tf
        >>> x = tf.constant([[[[3.0, 4.0]]]])
        >>> tf.Session().run(tf.nn.lrn(x, depth_radius=1, bias=0.0))[0, 0, 0].tolist()
        [0.6000000238418579, 0.800000011920929]
    """
    return apply(LRN(int(depth_radius), float(bias), float(alpha), float(beta)), input, name=name)


lrn = local_response_normalization


def l2_normalize(
    x: Any, dim: Any = None, epsilon: float = 1e-12, name: str | None = None, axis: Any = None
) -> Tensor:  # fmt: skip
    """x, divided by its Euclidean length along some axes.

    Args:
        x: a floating-point tensor.
        dim: an axis or a list of them.
        epsilon: squares of lengths below it count as it.
        name: name of the nodes' scope.
        axis: the newer name of `dim`.

    Returns:
        A tensor of the same shape.

    Gradient: that of its parts.

    Example:
        >>> import labkit as tf
        >>> tf.Session().run(tf.nn.l2_normalize([3.0, 4.0], 0)).tolist()
        [0.6000000238418579, 0.800000011920929]
    """
    graph = graph_of([x])
    with graph.name_scope(name or "l2_normalize") as scope:
        tensor = graph.as_tensor(x, None, "x")
        square_sum = reduce_sum(square(tensor), dim if axis is None else axis, keep_dims=True)
        return multiply(tensor, rsqrt(maximum(square_sum, epsilon)), name=scope)


def moments(
    x: Any, axes: Any, shift: Any = None, name: str | None = None, keep_dims: bool = False,
    keepdims: bool | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Mean and variance over some axes.

    Args:
        x: a floating-point tensor.
        axes: an axis or a list of them; [0] normalizes over the batch, [0, 1, 2] also over the image.
        shift: kept for TensorFlow's signature.
        name: name of the nodes' scope.
        keep_dims: True keeps each reduced axis with size 1.
        keepdims: the newer name of `keep_dims`.

    Returns:
        Two tensors: the mean, and the mean of the squared distances to it.

    Gradient: that of its parts.

    Example:
        >>> import labkit as tf
        >>> mean, variance = tf.nn.moments(tf.constant([1.0, 3.0]), [0])
        >>> [float(value) for value in tf.Session().run([mean, variance])]
        [2.0, 1.0]
    """
    graph = graph_of([x])
    with graph.name_scope(name or "moments"):
        tensor = graph.as_tensor(x, None, "x")
        narrow = tensor.dtype in (dtypes.float16, dtypes.bfloat16)
        wide = cast(tensor, dtypes.float32) if narrow else tensor
        mean = reduce_mean(wide, axes, keep_dims=True, name="mean")
        distance = squared_difference(wide, stop_gradient(mean))
        variance = reduce_mean(distance, axes, keep_dims=True, name="variance")
        if not (keep_dims if keepdims is None else keepdims):
            mean, variance = squeeze(mean, axes), squeeze(variance, axes)
        return (cast(mean, tensor.dtype), cast(variance, tensor.dtype)) if narrow else (mean, variance)


def batch_normalization(
    x: Any, mean: Any, variance: Any, offset: Any, scale: Any, variance_epsilon: Any, name: str | None = None
) -> Tensor:
    """scale * (x - mean) / sqrt(variance + variance_epsilon) + offset.

    Args:
        x: a floating-point tensor.
        mean: what to subtract; like the next three, of a shape that broadcasts with that of `x`.
        variance: the square of what to divide by.
        offset: what to add in the end, or None.
        scale: what to multiply with, or None.
        variance_epsilon: a small number that keeps the divisor away from 0.
        name: name of the nodes' scope.

    Returns:
        A tensor of the shape of `x`.

    Gradient: that of its parts; with mean and variance from `tf.nn.moments` it flows through those, too.

    Example:
        >>> import labkit as tf
        >>> y = tf.nn.batch_normalization(tf.constant([1.0, 3.0]), 2.0, 1.0, offset=10.0, scale=2.0, variance_epsilon=0)
        >>> tf.Session().run(y)
        array([ 8., 12.], dtype=float32)
    """
    graph = graph_of([x])
    with graph.name_scope(name or "batchnorm"):
        tensor = graph.as_tensor(x, None, "x")
        center = graph.as_tensor(mean, tensor.dtype, "mean")
        inverse = rsqrt(graph.as_tensor(variance, tensor.dtype, "variance") + variance_epsilon)
        if scale is not None:
            inverse = inverse * graph.as_tensor(scale, tensor.dtype, "scale")
        if offset is None:
            return tensor * inverse + (-center * inverse)
        return tensor * inverse + (graph.as_tensor(offset, tensor.dtype, "offset") - center * inverse)


def batch_norm_with_global_normalization(
    t: Any, m: Any, v: Any, beta: Any, gamma: Any, variance_epsilon: Any, scale_after_normalization: bool,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """The old form of `tf.nn.batch_normalization`.

    Args:
        t: a floating-point tensor.
        m: the mean.
        v: the variance.
        beta: the offset.
        gamma: the scale.
        variance_epsilon: a small number that keeps the divisor away from 0.
        scale_after_normalization: False leaves `gamma` out.
        name: name of the nodes' scope.

    Returns:
        A tensor of the shape of `t`.

    Gradient: that of its parts.

    Example:
        >>> import labkit as tf
        >>> y = tf.nn.batch_norm_with_global_normalization(tf.constant([1.0, 3.0]), 2.0, 1.0, 0.0, 5.0, 0.0, False)
        >>> tf.Session().run(y)
        array([-1.,  1.], dtype=float32)
    """
    return batch_normalization(t, m, v, beta, gamma if scale_after_normalization else None, variance_epsilon, name)


@op
class FusedBatchNorm(Op):
    """Batch normalization of images as one op.

    Args:
        epsilon: added to the variance.
        data_format: "NHWC" or "NCHW".
        is_training: True takes mean and variance of the batch, False those that are given.
    """

    epsilon: float = 0.001
    data_format: str = "NHWC"
    is_training: bool = True

    args = ("x", "scale", "offset", "mean", "variance")
    allowed = FLOATS

    def infer(self, x: Spec, *vectors: Spec) -> tuple[Spec, ...]:
        if self.data_format not in ("NHWC", "NCHW"):
            raise ShapeError(f'data_format must be "NHWC" or "NCHW", not {self.data_format!r}.')
        check_rank(x.shape, 4, "the input of batch normalization", "batch, height, width, channels")
        channels: Shape = (None if x.shape is None else x.shape[channel_axis(self.data_format)],)
        for name, vector in zip(self.args[1:], vectors, strict=True):
            if vector.shape == (0,) and name in ("mean", "variance") and self.is_training:
                continue
            try:
                channels = merge(channels, vector.shape)
            except ShapeError:
                raise ShapeError(
                    f"the input has {(channels or (None,))[0]} channels, and {name} has shape {vector.shape}: "
                    "it needs one entry per channel."
                ) from None
        return Spec(x.dtype, x.shape), Spec(x.dtype, channels), Spec(x.dtype, channels)

    def kernel(self, x: Array, scale: Array, offset: Array, mean: Array, variance: Array) -> tuple[Array, ...]:
        channel = channel_axis(self.data_format)
        axes = tuple(axis for axis in range(4) if axis != channel)
        spread = tuple(-1 if axis == channel else 1 for axis in range(4))
        given = variance
        if self.is_training:
            count = x.size // x.shape[channel]
            mean = jnp.mean(x, axes, dtype=x.dtype)
            variance = jnp.mean(jnp.square(x - mean.reshape(spread)), axes, dtype=x.dtype)
            given = variance * (count / max(count - 1, 1))  # the estimate for the whole population
        factor = scale * lax.rsqrt(variance + self.epsilon)
        return (x - mean.reshape(spread)) * factor.reshape(spread) + offset.reshape(spread), mean, given

    def gradient(self, node: Operation, *grads: Tensor) -> Sequence[Tensor | None]:
        return vjp(node, *grads)


def fused_batch_norm(
    x: Any, scale: Any, offset: Any, mean: Any = None, variance: Any = None, epsilon: float = 0.001,
    data_format: str = "NHWC", is_training: bool = True, name: str | None = None,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Batch normalization of images as one op.

    Args:
        x: images (batch, height, width, channels).
        scale: a vector (channels,).
        offset: a vector (channels,).
        mean: a vector (channels,) to use when `is_training` is False.
        variance: a vector (channels,) to use when `is_training` is False.
        epsilon: added to the variance.
        data_format: "NHWC", or "NCHW" for (batch, channels, height, width).
        is_training: True takes mean and variance of this batch.
        name: name of the node.

    Returns:
        The normalized images, and mean and variance of the batch (the variance divides by one less than the number
        of entries, so that its running mean estimates that of all data).

    Raises:
        ShapeError: if the vectors do not fit the channels, or mean and variance are missing.

    Gradient: the vector-Jacobian product of the formula, through mean and variance.

    Example:
        >>> import labkit as tf
        >>> x = tf.constant([[[[1.0]]], [[[3.0]]]])
        >>> y, mean, variance = tf.nn.fused_batch_norm(x, [1.0], [0.0], epsilon=0.0)
        >>> [value.ravel().tolist() for value in tf.Session().run([y, mean, variance])]
        [[-1.0, 1.0], [2.0], [2.0]]
    """
    if not is_training and (mean is None or variance is None):
        raise ShapeError("fused_batch_norm with is_training=False needs mean and variance.")
    empty = np.zeros(0, np.float32)
    graph = graph_of([x, scale, offset])
    tensor = graph.as_tensor(x, None, "x")
    if is_training or mean is None:
        mean = variance = empty.astype(tensor.dtype.np_dtype)
    kind = FusedBatchNorm(float(epsilon), data_format, bool(is_training))
    y, batch_mean, batch_variance = apply_node(kind, tensor, scale, offset, mean, variance, name=name).outputs
    return y, batch_mean, batch_variance
